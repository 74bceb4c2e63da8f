"""What must hold of a metric."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from genloss import generators
from genloss.conformance.core import Broken, NotApplicable, Rule, expect_shape, rule, same
from genloss.conformance.worlds import World
from genloss.experiment import Agent, Experiment
from genloss.loop import start, step
from genloss.observation import Observation, looks_at_real, real_rows_seen
from genloss.regimes import Replace
from genloss.samples import Array
from genloss.streams import Rng, Streams
from genloss.traits import INSTEAD_OF_ROWS, NEEDS, offers, traits

_GENERATORS: tuple[Any, ...] = (
    generators.Gaussian(),
    generators.LinearRegression(),
    generators.Categorical(),
    generators.Copula(),
)
_TILE = 4


class Bare:
    """A model that samples, and offers nothing else but what it is told to."""

    def __init__(self, model: Any, names: tuple[str, ...]) -> None:
        self._model = model
        for name in names:
            if offers(model, [name]):
                setattr(self, name, traits("models")[name].of(model))

    def sample(self, n: int, rng: Rng) -> Array:
        """The model's samples."""
        rows: Array = self._model.sample(n, rng)
        return rows


@dataclass(frozen=True)
class Trial:
    """A metric, and an observation for it to look at."""

    metric: Any
    world: World
    generator: Any

    @cached_property
    def seen(self) -> Observation:
        """The first generation of a small loop."""
        agent = Agent(generator=self.generator, regime=Replace())
        exp = Experiment(
            real=self.world.real,
            agents=(agent,),
            n_real=30,
            metrics=(self.metric,),
            rows="always",
            tile=_TILE,
        )
        return step(start(exp), exp)[1][0]

    def value(self, seen: Observation) -> Array:
        """(4,) what the metric makes of it, from the same streams each time."""
        again = replace(seen, rng=Streams(start(seen.exp).address, 1, 0), _known={})
        return expect_shape(self.metric(again), (_TILE,), f"the metric on {_TILE} replicates")


def trials(metric: Any, worlds: list[World]) -> list[Trial]:
    """The metric on each kind of rows that it accepts, with our model of those rows."""
    found = []
    for world in worlds:
        for generator in _GENERATORS:
            trial = Trial(metric, world, generator)
            try:
                trial.seen.exp  # noqa: B018  a pair that does not fit cannot be built
            except ValueError:
                continue
            found.append(trial)
            break
    return found


@rule(
    "one number a replicate",
    "return an array of shape (R,): average over rows (axis 1), never over replicates (axis 0)",
)
def shape(t: Trial) -> None:
    """It gives one float for each replicate."""
    value = t.value(t.seen)
    if value.dtype.kind not in "fiu":
        raise Broken(f"it gave dtype {value.dtype}, where floats are wanted")
    if np.isnan(value).any():
        raise Broken("it gave NaN for a model fitted to real rows")


@rule("the same again", "draw from seen.rng.measure only, and keep nothing between calls", drawn=True)
def again(t: Trial) -> None:
    """Looking twice gives the same value."""
    if not same(t.value(t.seen), t.value(t.seen)):
        raise Broken("two looks at one observation differ")


@rule("only looks", "work on copies of the rows")
def pure(t: Trial) -> None:
    """Training set and published rows are as they were."""
    seen = t.seen
    before = [x.copy() for x in (seen.rows, seen.train.rows, seen.holdout)]
    t.value(seen)
    if not all(same(a, b) for a, b in zip(before, (seen.rows, seen.train.rows, seen.holdout), strict=True)):
        raise Broken("it changed rows")


@rule(
    "replicates apart", "normalise by the real data (seen.reference), not by the other replicates", drawn=True
)
def apart(t: Trial) -> None:
    """A replicate's value depends on its own rows alone."""
    seen = t.seen
    before = t.value(seen)
    rows = seen.rows.copy()
    rows[1:] = rows[:1]
    bare = Bare(seen.model, NEEDS.of(t.metric))
    other = replace(seen, chunk=replace(seen.chunk, rows=rows, known={}), model=bare)
    alone = replace(seen, chunk=replace(seen.chunk, known={}), model=bare)
    if not np.allclose(t.value(alone)[0], t.value(other)[0], equal_nan=True):
        raise Broken(
            f"with other rows in the other replicates, the first value changed (it was {before[0]:.4g})"
        )


@rule("needs is honest", "name in needs what the metric asks of a model; fall back to rows for the rest")
def needs(t: Trial) -> None:
    """A model that samples, and offers what the metric says it needs, is enough."""
    names = NEEDS.of(t.metric)
    t.value(replace(t.seen, model=Bare(t.seen.model, names)))


@rule(
    "instead_of_rows is honest",
    "leave instead_of_rows out where rows are needed; () only if they never are",
)
def rowless(t: Trial) -> None:
    """Where the model offers what it names, no published rows are looked at."""
    names = INSTEAD_OF_ROWS.of(t.metric)
    if names is None:
        raise NotApplicable("it looks at rows")
    if names and not offers(t.seen.model, names):
        raise NotApplicable(f"this model offers none of {', '.join(names)}: rows are looked at")
    t.value(replace(t.seen, chunk=replace(t.seen.chunk, rows=None, known={})))


@rule("says what it is", "see title, unit, better and scale in genloss.traits")
def says(t: Trial) -> None:
    """Title, scale and direction can be read, and its values lie on the scale."""
    meaning, value = next(iter(t.seen.exp.meanings.values())), t.value(t.seen)
    if meaning.scale in ("ratio", "share", "count") and (value < 0).any():
        raise Broken(f"its scale is '{meaning.scale}', and it gave {value.min():.4g}")
    if meaning.scale == "share" and (value > 1).any():
        raise Broken(f"its scale is 'share', and it gave {value.max():.4g}")


@rule(
    "generation 0",
    "say of = 'model', or in needs what the metric asks of a model; of the real rows there is none",
)
def at_start(t: Trial) -> None:
    """Of published rows, it can look at the real rows in the same way."""
    exp = t.seen.exp
    if not looks_at_real(t.metric, next(iter(exp.meanings)), exp):
        raise NotApplicable("it looks at models, or at training sets")
    expect_shape(t.metric(real_rows_seen(start(exp), exp)[0]), (_TILE,), "the metric on real rows")


RULES: tuple[Rule, ...] = (shape, again, pure, apart, needs, rowless, says, at_start)
