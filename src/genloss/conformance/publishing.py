"""What must hold of curators, of the rewards they follow and of the verifiers they ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from genloss.conformance.core import Broken, NotApplicable, Rule, expect_shape, rule, same
from genloss.conformance.worlds import REPLICATES, World
from genloss.protocols import Occasion, on_occasion
from genloss.samples import Array, Samples
from genloss.streams import Rng, fixed
from genloss.traits import PUBLISHES_EVERYTHING


def _rng(purpose: str = "publish") -> Rng:
    return fixed(f"conformance.{purpose}")


@dataclass
class Recording:
    """A model that publishes real rows and remembers which."""

    world: World
    drawn: list[Array] = field(default_factory=list)

    def sample(self, n: int, rng: Rng) -> Array:
        """(3, n, *event) rows."""
        rows: Array = self.world.real.draw(REPLICATES, n, rng)
        self.drawn.append(rows.copy())
        return rows


@dataclass(frozen=True)
class Trial:
    """A curator, a reward or a verifier, and what it is tried on."""

    part: Any
    world: World

    @cached_property
    def rows(self) -> Array:
        """(3, 40, *event) rows."""
        return self.world.rows()

    @cached_property
    def train(self) -> Samples:
        """A training set."""
        return self.world.train(self.rows)

    def publish(self, n: int = 15) -> tuple[Array, Array]:
        """(3, n, *event) published rows, and (3, N, *event) all that were sampled for them."""
        model = Recording(self.world)
        occasion = Occasion(1, 0, self.train)
        published = on_occasion(self.part, occasion, model, self.train, n, _rng())
        x = expect_shape(
            published, (REPLICATES, n, *self.rows.shape[2:]), f"the curator, asked for {n} rows,"
        )
        if not model.drawn:
            raise Broken("it published without asking the model for samples")
        return x, np.concatenate(model.drawn, axis=1)


# -- curators --------------------------------------------------------------------------------------


@rule("shape of what is published", "return (R, n, ...) rows; draw more samples where some are rejected")
def shape(t: Trial) -> None:
    """It publishes n rows in every replicate."""
    for n in (15, 1):
        t.publish(n)


@rule("rows of the model", "choose among model.sample(...), by replicate")
def of_model(t: Trial) -> None:
    """Every published row is one of the model's samples, in the same replicate."""
    published, drawn = t.publish()
    for replicate, its in zip(published, drawn, strict=True):
        there = {np.ascontiguousarray(row).tobytes() for row in its}
        if not all(np.ascontiguousarray(row).tobytes() in there for row in replicate):
            raise Broken("it published rows that are not among the samples of the replicate's model")


@rule("same stream, same rows", "draw from the given rng only, and keep nothing between calls", drawn=True)
def same_bits(t: Trial) -> None:
    """Equal streams publish equal rows."""
    if not same(t.publish()[0], t.publish()[0]):
        raise Broken("two calls with equal streams published different rows")


@rule("training rows untouched", "work on a copy of the rows")
def untouched(t: Trial) -> None:
    """The training set is as it was."""
    before = t.rows.copy()
    t.publish()
    if not same(before, t.rows):
        raise Broken("it changed the training rows")


@rule("publishes_everything is honest", "leave publishes_everything out, or return model.sample(n, rng)")
def everything(t: Trial) -> None:
    """What it publishes are the model's samples as they are, as it says."""
    if not PUBLISHES_EVERYTHING.of(t.part):
        raise NotApplicable("it does not say that it publishes everything")
    published, drawn = t.publish()
    if not same(published, drawn):
        raise Broken("it published something else than the model's samples, and so cannot be skipped")


CURATOR: tuple[Rule, ...] = (shape, of_model, same_bits, untouched, everything)


# -- rewards and verifiers -------------------------------------------------------------------------


def _reward(t: Trial) -> Array:
    return expect_shape(t.part(t.rows), t.rows.shape[:2], "the reward")


def _verdict(t: Trial) -> Array:
    return expect_shape(t.part(t.rows, _rng()), t.rows.shape[:2], "the verifier")


@rule("one number a row", "return (R, n) floats, none of them NaN")
def rewards(t: Trial) -> None:
    """Each row of each replicate has its reward."""
    value = _reward(t)
    if value.dtype.kind not in "fiu" or np.isnan(value).any():
        raise Broken(f"it gave dtype {value.dtype}" if value.dtype.kind not in "fiu" else "it gave NaN")


@rule("one verdict a row", "return (R, n) booleans")
def verdicts(t: Trial) -> None:
    """Each row of each replicate passes or does not."""
    value = _verdict(t)
    if value.dtype != bool:
        raise Broken(f"it gave dtype {value.dtype}, where bool is wanted")


@rule("the same again", "draw from the given rng only, keep nothing between calls", drawn=True)
def reward_again(t: Trial) -> None:
    """Asking twice gives the same answer."""
    if not same(_reward(t), _reward(t)):
        raise Broken("two calls gave different rewards")


@rule("the same again", "draw from the given rng only, keep nothing between calls", drawn=True)
def verdict_again(t: Trial) -> None:
    """Asking twice gives the same answer."""
    if not same(_verdict(t), _verdict(t)):
        raise Broken("two calls with equal streams gave different verdicts")


@rule("leaves rows alone", "work on a copy of the rows")
def reward_pure(t: Trial) -> None:
    """The rows are as they were."""
    before = t.rows.copy()
    _reward(t)
    if not same(before, t.rows):
        raise Broken("it changed the rows")


@rule("leaves rows alone", "work on a copy of the rows")
def verdict_pure(t: Trial) -> None:
    """The rows are as they were."""
    before = t.rows.copy()
    _verdict(t)
    if not same(before, t.rows):
        raise Broken("it changed the rows")


REWARD: tuple[Rule, ...] = (rewards, reward_again, reward_pure)
VERIFIER: tuple[Rule, ...] = (verdicts, verdict_again, verdict_pure)
