"""The contracts of the six parts: what each is asked. What it may offer beyond that stands in :mod:`traits`.

A part need not import these: any frozen dataclass with the verb will do; :mod:`genloss.conformance` checks
it.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from genloss.samples import Array, Samples
from genloss.streams import Rng
from genloss.traits import OCCASION

if TYPE_CHECKING:
    from genloss.observation import Observation


@dataclass(frozen=True, eq=False)
class Occasion:
    """When and for whom a regime chooses or a curator publishes, and what there is to look up.

    A regime or a curator that wants it takes one more argument, by this name: ``occasion``.

    Args:
        t: the generation, from 1.
        agent: index of the agent.
        pool: everything published so far, as far as some regime reads it.
    """

    t: int
    agent: int
    pool: Samples


@runtime_checkable
class RealData(Protocol):
    """Where real rows come from."""

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, *event) real rows."""
        ...

    def holdout(self) -> Array:
        """(m, *event) real rows that no model trains on, the same for every replicate."""
        ...


@runtime_checkable
class Model(Protocol):
    """A fitted model, in R replicates."""

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) synthetic rows, independent given the model."""
        ...


@runtime_checkable
class Generator(Protocol):
    """How a model is fitted."""

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> Model:
        """A model fitted to each replicate of the training set, from ``init`` where it is warm-started."""
        ...


@runtime_checkable
class Regime(Protocol):
    """Which rows the next model trains on, and with what weight; may take an :class:`Occasion` too."""

    def __call__(self, pool: Samples, rng: Rng) -> Samples:
        """The training set."""
        ...


@runtime_checkable
class Curator(Protocol):
    """What the agent publishes of what its model can make; may take an :class:`Occasion` too."""

    def __call__(self, model: Model, train: Samples, n: int, rng: Rng) -> Array:
        """(R, n, *event) published rows."""
        ...


@runtime_checkable
class Metric(Protocol):
    """What is looked at."""

    def __call__(self, seen: Observation) -> Array:
        """(R,) values."""
        ...


@runtime_checkable
class Reward(Protocol):
    """What users prefer: larger is better."""

    def __call__(self, rows: Array) -> Array:
        """(R, n) rewards of (R, n, *event) rows."""
        ...


@runtime_checkable
class Verifier(Protocol):
    """What passes."""

    def __call__(self, rows: Array, rng: Rng) -> Array:
        """(R, n) booleans for (R, n, *event) rows."""
        ...


def on_occasion(part: Any, occasion: Occasion | None, *given: Any) -> Any:
    """What a regime or a curator makes of what it is given, and of the occasion where it takes one."""
    if occasion is not None and _looks_up(part if inspect.isfunction(part) else type(part).__call__):
        return part(*given, occasion=occasion)
    return part(*given)


@lru_cache(maxsize=256)
def _looks_up(verb: Any) -> bool:
    return OCCASION in inspect.signature(verb).parameters
