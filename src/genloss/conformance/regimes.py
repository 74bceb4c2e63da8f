"""What must hold of a regime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.conformance.core import Broken, NotApplicable, Rule, rule, same
from genloss.conformance.worlds import NUMERIC, SYMBOLS, World, pool_of
from genloss.protocols import Occasion, on_occasion
from genloss.samples import Array, Samples
from genloss.statistics import Counts, moments
from genloss.streams import Rng, fixed
from genloss.traits import NEEDS_ROWS, REACH


@dataclass(frozen=True)
class Trial:
    """A regime, and the pools that it is tried on: two agents' rows, with and without fresh real ones."""

    regime: Any
    world: World = NUMERIC

    def pools(self) -> Iterator[tuple[str, Samples]]:
        """Pools of growing age, each with what to call it."""
        for fresh in (False, True):
            for t in (0, 1, 2, 5):
                also = " and fresh real rows" if fresh else ""
                yield f"at generation {t + 1}{also}", pool_of(self.world, t, fresh)

    def __call__(self, pool: Samples) -> Samples:
        """The training set, checked to be one."""
        train = on_occasion(self.regime, Occasion(pool.newest + 1, 0, pool), pool, _rng())
        if not isinstance(train, Samples):
            raise Broken(f"it gave a {type(train).__name__}")
        return train


def _rng() -> Rng:
    return fixed("conformance.choose")


def _weights(train: Samples) -> Array:
    weights = train.row_weights
    return np.ones(train.n) if weights is None else weights


@rule(
    "gives a training set",
    "return part of the pool: its parts and sums are Samples (pool.real, pool.latest, "
    "pool.subsample(k, rng), a + b)",
)
def gives(t: Trial) -> None:
    """It gives Samples, of rows that weigh something, from the first generation on."""
    for when, pool in t.pools():
        train = t(pool)
        if not train.chunks or train.n == 0:
            raise Broken(f"it gave an empty training set {when}")
        weights = _weights(train)
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise Broken(f"it gave weights that are negative, NaN or infinite {when}")
        if not (np.asarray(train.mass()) > 0).all():
            raise Broken(f"all rows weigh nothing {when}")


@rule("rows from the pool", "make no rows in a regime; that is a generator's, or a curator's")
def from_pool(t: Trial) -> None:
    """It only chooses and weighs: every row stands in the pool, in the same replicate."""
    for when, pool in t.pools():
        rows, known = t(pool).rows, pool.rows
        for replicate, its in zip(rows, known, strict=True):
            there = {row.tobytes() for row in its}
            if not all(np.ascontiguousarray(row).tobytes() in there for row in replicate):
                raise Broken(f"it gave rows that are not in the same replicate of the pool {when}")


@rule("same stream, same choice", "draw from the given rng only, and keep nothing between calls", drawn=True)
def same_bits(t: Trial) -> None:
    """Equal pools and streams give equal training sets."""
    for when, pool in t.pools():
        first = t(pool)
        rows, weights = first.rows.copy(), _weights(first).copy()
        again = t(pool)
        if not (same(rows, again.rows) and same(weights, _weights(again))):
            raise Broken(f"two calls with equal streams chose differently {when}")


@rule("leaves the pool alone", "build new Samples instead of writing to the rows of the pool")
def pure(t: Trial) -> None:
    """The pool is as it was: all agents read the same one."""
    for when, pool in t.pools():
        before = [c.rows.copy() for c in pool.chunks if c.rows is not None]
        weights = pool.weights
        t(pool)
        rows = [c.rows for c in pool.chunks if c.rows is not None]
        if pool.weights != weights or not all(same(a, b) for a, b in zip(before, rows, strict=True)):
            raise Broken(f"it changed the pool {when}")


@rule(
    "reach is enough",
    "declare a larger reach = (real, synthetic), or leave it out: then nothing is forgotten",
    drawn=True,
)
def enough(t: Trial) -> None:
    """What it says it reads, generations back, is all it reads: the pool forgets the rest."""
    far = REACH.of(t.regime)
    for when, pool in t.pools():
        a, b = t(pool), t(pool.forget(*far))
        if not (same(a.rows, b.rows) and same(_weights(a), _weights(b))):
            raise Broken(f"with reach = {far} the pool forgets what it reads {when}")


@rule(
    "works without rows",
    "set needs_rows to True (the default), or touch no rows: choose whole chunks and weigh them by numbers",
)
def rowless(t: Trial) -> None:
    """It works on statistics as on rows, as its needs_rows says."""
    needed = NEEDS_ROWS.of(t.regime)
    if needed is True:
        raise NotApplicable("it needs rows, and says so")
    thinned = needed == "subsample"
    world: Any = SYMBOLS if thinned else NUMERIC
    kind: Any = Counts(SYMBOLS.schema) if thinned else moments
    for fresh in (False, True):
        for generation in (0, 1, 2, 5):
            rowful = t(pool_of(world, generation, fresh))
            train = t(pool_of(world, generation, fresh, kind))
            value, expected = train.total(kind), rowful.total(kind)
            when = f"at generation {generation + 1}"
            if thinned:
                # drawn anew: only the number of rows is certain
                if not np.allclose(value.sum(axis=1), expected.sum(axis=1)):
                    raise Broken(f"its statistics hold another number of rows {when}")
            elif not (np.allclose(value.n, expected.n) and np.allclose(value.mean, expected.mean)):
                raise Broken(f"its statistics are not those of its rows {when}")


RULES: tuple[Rule, ...] = (gives, from_pool, same_bits, pure, enough, rowless)
