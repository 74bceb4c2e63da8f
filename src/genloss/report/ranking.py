"""The lines of an experiment in the order of their last values, and how far that order is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genloss import intervals
from genloss.report.tables import Block, Row

_FEWEST, _MOST = 4, 300
"""Lines from which on there is something to rank, and the most, for each is compared with every other."""


@dataclass(frozen=True)
class Ranked:
    """One line in its place.

    Args:
        row: of the table.
        first: the least rank that it may have.
        last: the greatest.
    """

    row: Row
    first: int
    last: int

    @property
    def rank(self) -> str:
        """Its rank, or from which to which."""
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"


@dataclass(frozen=True)
class Ranking:
    """The lines of one experiment by the last value of one metric.

    Args:
        block: the metric's table.
        order: "lowest first" or "highest first".
        lines: in order.
        said: how to read it.
    """

    block: Block
    order: str
    lines: tuple[Ranked, ...]
    said: str


def ranking(block: Block) -> Ranking | None:
    """The ranking of a metric's lines; None of few, of very many, and where not all are finished.

    Ranks are told by pairs: two lines are apart where the interval of the typical difference of their last
    values, replicate by replicate, holds no 0, or, of a ratio, that of their factor holds no 1. Replicates of
    one experiment begin with the same real rows, which is why pairs tell more than two intervals that
    overlap.
    """
    rows = [row for row in block.rows if row.curve is not None]
    done = all(row.curve is not None and row.curve.replicates == row.curve.wanted for row in block.rows)
    if not (done and _FEWEST <= len(rows) <= _MOST):
        return None
    lowest = block.meaning.better == "lower"
    rows.sort(key=lambda row: (np.isnan(_last(row)), _last(row) if lowest else -_last(row)))
    order = "lowest first" if lowest else "highest first"
    none = intervals.no_change(block.meaning.scale)
    many = min(len(row.curve.last) for row in rows if row.curve is not None)
    values = np.stack([row.curve.last[:many] for row in rows if row.curve is not None])
    ranked = []
    for i, row in enumerate(rows):
        change = intervals.change(values[i], values, block.meaning.scale)
        apart = (change.low > none) | (change.high < none)
        ahead, behind = int(apart[:i].sum()), int(apart[i + 1 :].sum())
        ranked.append(Ranked(row, ahead + 1, len(rows) - behind))
    return Ranking(block, order, tuple(ranked), _said(block, order, ranked, many))


def _last(row: Row) -> float:
    return float("nan") if row.curve is None else float(row.curve.typical.estimate[-1])


def _said(block: Block, order: str, ranked: Sequence[Ranked], many: int) -> str:
    said = f"By the typical replicate's last value, {order}"
    said += f": {block.meaning.better} is good." if block.meaning.better else "; neither is wanted of it."
    if all(r.first == r.last for r in ranked):
        return said
    some = next(r.rank for r in ranked if r.first != r.last)
    return (
        f"{said} A rank such as {some} may be any of these: by the "
        f"95 % intervals of paired differences over {many} replicates, each on its own, the line is not told "
        f"apart from those between."
    )
