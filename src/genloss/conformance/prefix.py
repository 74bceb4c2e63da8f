"""What must hold of every part with an axis of replicates: the first are the same however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from genloss.conformance import generators, metrics, publishing, regimes, sources
from genloss.conformance.core import Broken, NotApplicable, numbers, rule, same
from genloss.conformance.worlds import ROWS, World
from genloss.loop import start, step
from genloss.protocols import Occasion, on_occasion
from genloss.samples import Array, Samples
from genloss.streams import Rng, fixed
from genloss.traits import DRAW_STATISTIC, REAL_STATISTIC, SIZE, SUFFICIENT, TILE

NAME = "first replicates"
_WHOLE, _PARTS = 5, (1, 2)
_DRAWS = (
    "draw in one call whose first axis is R, or for each replicate from a stream of its own (rng.spawn(R)); "
    "let no product, sum or choice run over replicates"
)


def _expect_alike(do: Callable[[int], Iterator[Array]], what: str, whole: int = _WHOLE) -> None:
    """See that what is done for few replicates is what is done for the first of many.

    Args:
        do: gives (R, ...) arrays for R replicates.
        what: does it, in an error.
        whole: R of the many.

    Raises:
        Broken: if it is not.
    """
    many = [*do(whole)]
    for size in _PARTS:
        few = [*do(size)]
        for a, b in zip(many, few, strict=True):
            if same(a[:size], b):
                continue
            close = a[:size].shape == b.shape and np.allclose(a[:size], b, rtol=1e-9, equal_nan=True)
            how = "differ in their last digits" if close else "differ"
            raise Broken(
                f"{what}: of {whole} replicates the first {size} {how} from {size} alone on an equal stream"
            )


def _rng() -> Rng:
    return fixed("conformance.prefix")


def _twice(draw: Callable[[Rng], Any]) -> Iterator[Any]:
    """What is drawn from one stream, and what is drawn from it next, as by a curator that wants more rows."""
    rng = _rng()
    for _ in range(2):
        yield draw(rng)


@rule(NAME, _DRAWS, drawn=True)
def source(t: sources.Trial) -> None:
    """Of few replicates it draws what it draws for the first of many, so that a run may grow."""
    n, draw = min(12, SIZE.of(t.real) or 12), REAL_STATISTIC.of(t.real)
    _expect_alike(lambda size: iter([t.real.draw(size, n, _rng())]), "draw")
    if draw is None:
        return
    for kind in t.kinds:
        if draw(kind, 1, n, _rng()) is not None:
            _expect_alike(partial(_statistic, draw, kind, n), "draw_statistic")


def _statistic(draw: Callable[..., Any], kind: Any, n: int, size: int) -> Iterator[Array]:
    yield numbers(draw(kind, size, n, _rng()))


@rule(NAME, f"{_DRAWS}; or set tile = 1", drawn=True)
def generator(t: generators.Trial) -> None:
    """Few replicates are fitted and sampled as the first of many are, so that a run may grow."""
    if TILE.of(t.generator) == 1:
        raise NotApplicable("its tile is 1: every replicate is fitted alone")
    rows, ask = t.world.rows(_WHOLE), SUFFICIENT.of(t.generator)
    kind = None if ask is None else ask(t.world.schema)

    def model(size: int) -> Any:
        return t.generator.fit(t.world.train(rows[:size].copy()), fixed("conformance.fit"))

    _expect_alike(lambda size: _twice(lambda rng: model(size).sample(ROWS, rng)), "fit and sample")
    if kind is not None and DRAW_STATISTIC.of(model(1)) is not None:
        _expect_alike(
            lambda size: _twice(lambda rng: numbers(model(size).draw_statistic(kind, ROWS, rng))),
            "draw_statistic",
        )


def _first(samples: Samples, size: int) -> Samples:
    """The first replicates of a pool of rows."""
    cut = [replace(c, rows=None if c.rows is None else c.rows[:size], known={}) for c in samples.chunks]
    return Samples.of(cut)


@rule(NAME, _DRAWS, drawn=True)
def regime(t: regimes.Trial) -> None:
    """Of few replicates it chooses the rows that it chooses of the first of many, so that a run may grow."""
    for when, pool in t.pools():

        def chosen(size: int, pool: Samples = pool) -> Iterator[Array]:
            few = _first(pool, size)
            occasion = Occasion(few.newest + 1, 0, few)
            train = on_occasion(t.regime, occasion, few, _rng())
            weights = train.row_weights
            yield train.rows
            yield np.broadcast_to(1.0 if weights is None else weights, train.rows.shape[:2])

        _expect_alike(chosen, f"its choice {when}", pool.replicates)


@dataclass(frozen=True)
class _Source:
    """A model that publishes real rows, in so many replicates."""

    world: World
    replicates: int

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) rows."""
        rows: Array = self.world.real.draw(self.replicates, n, rng)
        return rows


@rule(NAME, _DRAWS, drawn=True)
def curator(t: publishing.Trial) -> None:
    """Of few replicates it publishes what it publishes of the first of many, so that a run may grow."""
    rows = t.world.rows(_WHOLE)

    def published(size: int) -> Iterator[Array]:
        train = t.world.train(rows[:size].copy())
        occasion, model = Occasion(1, 0, train), _Source(t.world, size)
        yield on_occasion(t.part, occasion, model, train, 15, _rng())

    _expect_alike(published, "the curator")


@rule(NAME, "let no product, sum or choice run over replicates, the first axis", drawn=True)
def reward(t: publishing.Trial) -> None:
    """Few replicates are rewarded as the first of many are, so that a run may grow."""
    rows = t.world.rows(_WHOLE)
    _expect_alike(lambda size: iter([t.part(rows[:size].copy())]), "the reward")


@rule(NAME, _DRAWS, drawn=True)
def verifier(t: publishing.Trial) -> None:
    """Few replicates are judged as the first of many are, so that a run may grow."""
    rows = t.world.rows(_WHOLE)
    _expect_alike(lambda size: _twice(lambda rng: t.part(rows[:size].copy(), rng)), "the verifier")


@rule(NAME, f"take R from seen.replicates; {_DRAWS}", drawn=True)
def metric(t: metrics.Trial) -> None:
    """Few replicates are measured as the first of many are, so that a run may grow."""
    exp = t.seen.exp

    def measured(size: int) -> Iterator[Array]:
        seen = step(start(exp, size=size), exp)[1][0]
        yield np.asarray(t.metric(seen))

    _expect_alike(measured, "the metric", exp.tile_size)
