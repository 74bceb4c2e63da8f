"""What tests of metrics of tables share: a source whose laws are known, and metrics of given rows."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from genloss import Agent, Experiment, component, regimes
from genloss.loop import start, step
from genloss.observation import Observation
from genloss.samples import Array, Samples
from genloss.streams import Rng, fixed
from genloss.tables import Column, Schema


@component
class Two:
    """A number and the class that it depends on: x is N(0, 1) in class a, N(shift, 1) in class b.

    Args:
        shift: between the means.
        share: of class b.
        held: rows that are held out.
    """

    shift: float = 1.5
    share: float = 0.5
    held: int = 300
    event: ClassVar = "table"
    target_index: ClassVar = 1
    schema: ClassVar = Schema((Column("x", "numeric"), Column("y", "categorical", ("a", "b"))), "y")

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        y = rng.random((replicates, n)) < self.share
        return np.stack([rng.standard_normal((replicates, n)) + self.shift * y, y], axis=2)

    def holdout(self) -> Array:
        return self.draw(1, self.held, fixed("test.Two"))[0]

    def features(self, rows: Array, leave_out: int | None = None) -> Array:
        return np.delete(rows, [] if leave_out is None else leave_out, axis=-1)


@component
class Fresh:
    """A model that draws fresh real rows: nothing is learnt, and nothing lost.

    Args:
        of: the source.
    """

    of: Any

    def fit(self, train: Samples, rng: Any, init: Any = None) -> Any:
        return Drawn(self.of, train.replicates)


class Drawn:
    def __init__(self, of: Any, replicates: int) -> None:
        self.of, self.replicates = of, replicates

    def sample(self, n: int, rng: Rng) -> Array:
        return self.of.draw(self.replicates, n, rng)  # type: ignore[no-any-return]


def fresh(source: Any, *looks: Any, **more: Any) -> Experiment:
    options = {"n_real": 100, "generations": 1, "replicates": 300, "tile": 100, "holdout": "fresh", **more}
    agents = Agent(Fresh(source), regimes.Replace())
    return Experiment(real=source, agents=agents, metrics=looks, **options)


def looked(source: Any, look: Any, *rows: Array, **more: Any) -> Array:
    """(R,) of a metric, a replicate for each (n, D) published rows."""
    exp = fresh(source, look, tile=len(rows), replicates=len(rows), holdout="shared", **more)
    _, (seen,) = step(start(exp), exp)
    chunk = type(seen.chunk)(len(rows[0]), 1, 0, np.stack(rows))
    return np.asarray(look(Observation(1, 0, seen.train, seen.model, chunk, exp, seen.rng, seen.holdout)))
