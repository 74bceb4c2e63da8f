"""The contracts: what each part of the ring is asked, and what a task is, that fills a cell of a study.

What a part may offer beyond that stands in :mod:`traits`.

A part need not import these: any frozen dataclass with the verb will do; :mod:`genloss.conformance` checks
it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from genloss.samples import Array, Samples
from genloss.slots import OCCASION
from genloss.streams import Address, Rng

if TYPE_CHECKING:
    from genloss.meaning import Meaning
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


@dataclass(frozen=True, eq=False)
class Record:
    """What is known of one place of a task.

    Args:
        at: its coordinate along each axis of the task, from 0.
        values: (R,) of each quantity that was measured there, by name.
        picture: (k, *event) rows of the first replicate to look at, where there are any.
    """

    at: tuple[int, ...]
    values: Mapping[str, Array] = field(default_factory=dict)
    picture: Array | None = None


@runtime_checkable
class Task(Protocol):
    """What one cell of a study measures: a loop (:class:`genloss.Experiment`) is one kind, and the default.

    A frozen component, whose fields are the spec of the cell. Values stand at coordinates along its axes, in
    replicates; the first axis is what a plot draws from left to right.
    """

    replicates: int
    """R, that are wanted."""

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the coordinates of a value beside its replicate: ("generation", "agent")."""
        ...

    @property
    def tile_size(self) -> int:
        """Replicates that are computed together; never a function of the replicates wanted."""
        ...

    @property
    def meanings(self) -> Mapping[str, Meaning]:
        """What each quantity says of itself, by name."""
        ...

    def labels(self, axis: str) -> Sequence[Any]:
        """What to call each coordinate along an axis; ``range(k)`` where it is its own label."""
        ...

    def records(self, address: Address) -> Iterator[Record]:
        """The values of one tile, place by place, as soon as they are known.

        All randomness comes from the address, and the first replicates are the same however many of a tile
        are drawn (:attr:`genloss.streams.Address.size`).
        """
        ...


def on_occasion(part: Any, occasion: Occasion | None, *given: Any) -> Any:
    """What a regime or a curator makes of what it is given, and of the occasion where it takes one."""
    if occasion is not None and _looks_up(part if inspect.isfunction(part) else type(part).__call__):
        return part(*given, occasion=occasion)
    return part(*given)


@lru_cache(maxsize=256)
def _looks_up(verb: Any) -> bool:
    return OCCASION in inspect.signature(verb).parameters
