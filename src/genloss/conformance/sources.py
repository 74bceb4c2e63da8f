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
    expect_same_mean,
    expect_shape,
    numbers,
    rule,
    same,
)
from genloss.events import event_of
from genloss.samples import Array
from genloss.statistics import Counts, Gram, moments
from genloss.streams import Rng, fixed
from genloss.tables import Schema
from genloss.traits import REAL_MOMENTS, REAL_PROBABILITIES, REAL_STATISTIC, SCHEMA, SIZE, called


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
        size = SIZE.of(self.real)
        if size is None:
            raise NotApplicable("it has rows without end")
        return size

    @property
    def kinds(self) -> list[Any]:
        """The statistics known here that its rows may have."""
        law = REAL_PROBABILITIES.of(self.real)
        return [moments, Gram(-1)] if law is None else [Counts(len(law))]


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
    x, schema = t.draw(), SCHEMA.of(t.real)
    problem = event_of(t.real).problem(x, schema)
    complete = [not c.missing for c in schema.columns] if isinstance(schema, Schema) else []
    if not problem and complete and np.isnan(x[..., complete]).any():
        problem = "missing cells in a column that its schema says has none"
    if problem:
        raise Broken(f"draw gave {problem}")


@rule("same stream, same rows", "draw everything from the given rng, nothing from global state", drawn=True)
def same_bits(t: Trial) -> None:
    """Equal streams give equal rows, bit for bit."""
    if not same(t.draw(), t.draw()):
        raise Broken("two draws from equal streams differ")


@rule("other stream, other rows", "draw each replicate's rows from the given rng", drawn=True)
def other_bits(t: Trial) -> None:
    """Other streams, and other replicates, give other rows."""
    x = t.draw(n=min(50, SIZE.of(t.real) or 50))
    if same(x, t.draw(n=x.shape[1], purpose="draw.other")):
        raise Broken("draws from different streams are equal")
    if same(x[0], x[1]):
        raise Broken("two replicates drew the same rows")


@rule(
    "holdout",
    "draw them from a stream of fixed purpose (genloss.streams.fixed), or split the rows once",
    drawn=True,
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
    law = REAL_MOMENTS.of(t.real)
    if law is None:
        raise NotApplicable("no law is stated; the holdout stands for it")
    mean, covariance = law()
    x = t.draw(200, 100).reshape(200, 100, -1)
    gap = x - mean
    second = gap.mT @ gap / x.shape[1]
    expect_same_mean(x.mean(axis=1), np.broadcast_to(mean, (200, x.shape[2])), "the means of rows and law")
    expect_same_mean(second, np.broadcast_to(covariance, second.shape), "the covariances of rows and law")


@rule("probabilities", "give (K,) probabilities of the symbols 0 to K - 1")
def law_of_symbols(t: Trial) -> None:
    """The stated probabilities add up to one and are those of the symbols it draws."""
    law = REAL_PROBABILITIES.of(t.real)
    if law is None:
        raise NotApplicable("it draws no symbols of a stated law")
    p = np.asarray(law)
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


@rule(
    "draw_statistic",
    "draw the statistic first and then the rows given it, from the same stream in the same order, or leave "
    "draw_statistic out",
)
def statistic(t: Trial) -> None:
    """A statistic is that of the very rows that an equal stream gives: with rows or without, one world."""
    draw = REAL_STATISTIC.of(t.real)
    if draw is None:
        raise NotApplicable("it draws rows")
    known = 0
    for kind in t.kinds:
        for n in (30, 2):
            drawn = draw(kind, 40, n, _rng("draw"))
            if drawn is None:
                continue
            known += 1
            a, b = numbers(drawn), numbers(kind(t.draw(40, n)))
            if not np.allclose(a, b, rtol=1e-8, atol=1e-8):
                raise Broken(
                    f"of {n} rows, what draw_statistic gives is not the {called(kind)} of what draw gives"
                )
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
