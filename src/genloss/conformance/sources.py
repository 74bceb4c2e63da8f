"""What must hold of a source of real rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genloss.conformance.core import (
    Broken,
    NotApplicable,
    Rule,
    expect_numbers,
    expect_same_mean,
    expect_shape,
    rule,
    same,
)
from genloss.conformance.generators import numbers
from genloss.samples import Array
from genloss.statistics import Counts, Gram, moments
from genloss.streams import Rng, fixed


@dataclass(frozen=True)
class Trial:
    """A source of real rows."""

    real: Any

    @cached_property
    def holdout(self) -> Array:
        """(m, *event) held-out rows."""
        return np.asarray(self.real.holdout())

    def draw(self, replicates: int = 3, n: int = 12, purpose: str = "draw") -> Array:
        """(R, n, *event) rows, their shape checked."""
        shape = (replicates, n, *self.holdout.shape[1:])
        return expect_shape(
            self.real.draw(replicates, n, _rng(purpose)), shape, f"draw({replicates}, {n}, rng)"
        )

    @property
    def size(self) -> int:
        """Rows that models may train on, of a finite source."""
        if not hasattr(self.real, "size"):
            raise NotApplicable("it has rows without end")
        return int(self.real.size)


def _rng(purpose: str) -> Rng:
    return fixed(f"conformance.{purpose}")


@rule("shape of rows", "put replicates on the first axis and rows on the second")
def shape(t: Trial) -> None:
    """Rows come as (replicates, n, ...), each of the shape of a held-out one."""
    for replicates, n in ((3, 12), (1, 1), (2, 5)):
        t.draw(replicates, n)


@rule("rows are numbers", "clean the rows in the source; encode categories as codes with genloss.tables")
def finite(t: Trial) -> None:
    """Rows are finite numbers, but for the missing cells of a table."""
    x = t.draw()
    if getattr(t.real, "event", "vectors") == "table":
        missing = [c.missing for c in t.real.schema.columns]
        x = np.where(np.isnan(x) & missing, 0.0, x)
    expect_numbers(x, "draw")


@rule("same stream, same rows", "draw everything from the given rng, nothing from global state")
def same_bits(t: Trial) -> None:
    """Equal streams give equal rows, bit for bit."""
    if not same(t.draw(), t.draw()):
        raise Broken("two draws from equal streams differ")


@rule("other stream, other rows", "draw each replicate's rows from the given rng")
def other_bits(t: Trial) -> None:
    """Other streams, and other replicates, give other rows."""
    x = t.draw(n=50 if not hasattr(t.real, "size") else min(50, t.size))
    if same(x, t.draw(n=x.shape[1], purpose="draw.other")):
        raise Broken("draws from different streams are equal")
    if same(x[0], x[1]):
        raise Broken("two replicates drew the same rows")


@rule(
    "holdout",
    "draw them from a stream of fixed purpose (genloss.streams.fixed), or split the rows once",
)
def holdout(t: Trial) -> None:
    """Held-out rows are there, and the same each time."""
    if len(t.holdout) == 0:
        raise Broken("holdout() gave no rows")
    if not same(t.holdout, t.real.holdout()):
        raise Broken("holdout() gave other rows the second time")


@rule("holdout apart", "split the rows of a finite source once, and draw from one part only")
def disjoint(t: Trial) -> None:
    """No row to train on is held out: what models never saw must stay unseen."""
    train = t.draw(1, t.size)[0]
    keys = [row.tobytes() for row in train]
    known = set(keys)
    seen = np.mean([np.ascontiguousarray(row).tobytes() in known for row in t.holdout])
    # tables hold equal rows: as many of the held-out ones may be found as there are twins among the others
    twins = 1 - len(known) / len(keys)
    if seen > 2 * twins + 0.05:
        raise Broken(f"{seen:.0%} of the held-out rows can also be drawn to train on")


@rule(
    "longer draws begin alike",
    "draw one permutation of the rows a replicate, whatever n is, and take its first n",
)
def prefix(t: Trial) -> None:
    """Of a finite source a longer draw begins with the shorter, so that fresh rows go on."""
    n = t.size
    if not same(t.draw(n=n)[:, : n // 2], t.draw(n=n // 2)):
        raise Broken(f"the first {n // 2} of {n} rows differ from {n // 2} rows drawn from the same stream")


@rule("moments", "give the mean (d,) and the covariance (d, d) of the law, or leave moments out")
def first_moments(t: Trial) -> None:
    """Mean and covariance are those of the rows it draws."""
    if not hasattr(t.real, "moments"):
        raise NotApplicable("no law is stated; the holdout stands for it")
    mean, covariance = t.real.moments()
    x = t.draw(200, 100).reshape(200, 100, -1)
    gap = x - mean
    second = gap.mT @ gap / x.shape[1]
    expect_same_mean(x.mean(axis=1), np.broadcast_to(mean, (200, x.shape[2])), "the means of rows and law")
    expect_same_mean(second, np.broadcast_to(covariance, second.shape), "the covariances of rows and law")


@rule("probabilities", "give (K,) probabilities of the symbols 0 to K - 1")
def law_of_symbols(t: Trial) -> None:
    """The stated probabilities add up to one and are those of the symbols it draws."""
    if not hasattr(t.real, "probabilities"):
        raise NotApplicable("it draws no symbols of a stated law")
    p = np.asarray(t.real.probabilities)
    if not np.isclose(p.sum(), 1) or (p < 0).any():
        raise Broken(f"the probabilities add up to {p.sum():.6g}")
    counts = Counts(len(p))(t.draw(400, 50))
    # symbols that are expected less than 20 times in all are judged together: their means are far from normal
    common = p * counts.sum() >= 20
    share, law = counts / 50, np.broadcast_to(p, counts.shape)
    expect_same_mean(
        np.column_stack([share[:, common], share[:, ~common].sum(axis=1)]),
        np.column_stack([law[:, common], law[:, ~common].sum(axis=1)]),
        "frequencies and probabilities",
    )


@rule("draw_statistic", "draw from the exact law, or return None and rows are drawn")
def statistic(t: Trial) -> None:
    """Statistics drawn without rows agree with those of rows."""
    if not hasattr(t.real, "draw_statistic"):
        raise NotApplicable("it draws rows")
    kinds: list[Any] = [moments, Gram(-1)]
    if hasattr(t.real, "probabilities"):
        kinds = [Counts(len(t.real.probabilities))]
    known = 0
    for kind in kinds:
        drawn = t.real.draw_statistic(kind, 400, 30, _rng("statistic"))
        if drawn is None:
            continue
        known += 1
        a, b = numbers(drawn), numbers(kind(t.draw(400, 30)))
        common = (a.sum(axis=0) + b.sum(axis=0) >= 40) if isinstance(kind, Counts) else slice(None)
        expect_same_mean(a[:, common], b[:, common], f"drawn and computed {getattr(kind, '__name__', kind)}")
    if not known:
        raise NotApplicable("it draws no statistic that is known here")


RULES: tuple[Rule, ...] = (
    shape,
    finite,
    same_bits,
    other_bits,
    holdout,
    disjoint,
    prefix,
    first_moments,
    law_of_symbols,
    statistic,
)
