"""What there is to look at when an agent has published: what metrics are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from genloss.errors import FitError
from genloss.samples import Array, Chunk, Samples
from genloss.statistics import Moments, moments
from genloss.streams import Streams
from genloss.traits import MOMENTS, NEEDS, REAL_MOMENTS, STANDARDISED, Trait

if TYPE_CHECKING:
    from genloss.experiment import Experiment
    from genloss.loop import State

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Observation:
    """One agent at one generation, in R replicates.

    Args:
        t: the generation; 1 is the model fitted to real data, 0 the real rows themselves, in place of
            published ones and without a model.
        agent: index of the agent.
        train: what its model was fitted to.
        model: the fitted model.
        chunk: what it published.
        exp: the experiment.
        rng: streams of the agent at this generation.
        holdout: (m, *event) rows that no model trains on, or (R, m, *event) where each replicate has its own.
    """

    t: int
    agent: int
    train: Samples
    model: Any
    chunk: Chunk
    exp: Experiment
    rng: Streams
    holdout: Array
    # what several metrics ask for, computed once
    _known: dict[str, Any] = field(default_factory=dict, repr=False)

    def once(self, what: str, compute: Callable[[], T]) -> T:
        """What several metrics ask for, computed for the first that does."""
        if what not in self._known:
            self._known[what] = compute()
        found: T = self._known[what]
        return found

    @property
    def replicates(self) -> int:
        """R: all of a tile, or as many as are wanted of it."""
        return self.exp.drawn(self.rng.address)

    @property
    def rows(self) -> Array:
        """(R, n, *event) published rows.

        Raises:
            LookupError: where they were drawn as a statistic.
        """
        if self.chunk.rows is None:
            raise LookupError("these rows were drawn as a statistic; the metric should say it needs rows")
        return self.chunk.rows

    @property
    def features(self) -> Array:
        """(R, n, d) published rows as vectors."""
        return self.once("features", lambda: self.exp.features(self.rows))

    @property
    def fresh(self) -> bool:
        """Whether each replicate has held-out rows of its own."""
        return self.exp.holdout == "fresh"

    @property
    def holdout_features(self) -> Array:
        """(m, d) or (R, m, d) held-out rows as vectors."""
        if not self.fresh:
            return self.exp.held_out_features
        return self.once("holdout", lambda: self.exp.features(self.holdout))

    @property
    def reference(self) -> tuple[Array, Array]:
        """Mean (..., d) and covariance (..., d, d) of the real law, or of the held-out rows where none is
        known.
        """
        if not self.fresh or REAL_MOMENTS.of(self.exp.real) is not None:
            return self.exp.reference
        return self.once("reference", lambda: self.exp.spread(self.holdout_features))

    def offered(self, trait: Trait[T | None]) -> T:
        """What the model offers beyond samples.

        Raises:
            FitError: if it does not.
        """
        found = trait.of(self.model)
        if found is None:
            raise FitError(
                f"{type(self.model).__name__} has no {trait.name}; use a metric of what is published"
            )
        return found

    def moments(self, of: str) -> Moments:
        """Mean and covariance of features, with n = 1: of the "model"'s law, or of the "published" rows.

        Raises:
            FitError: if the model does not know its law.
        """
        return self.once(f"moments of {of}", self._law if of == "model" else self._published)

    def _law(self) -> Moments:
        law, turn = self.offered(MOMENTS)(), STANDARDISED.of(self.exp.real)
        return law if turn is None else turn(law)

    def _published(self) -> Moments:
        m = moments(self.features)
        return Moments(1.0, m.mean, m.root / np.sqrt(m.n))

    def measure(self) -> dict[str, Array]:
        """Every metric of the experiment by its name, each (R,); of generation 0 those that look at rows
        alone.
        """
        names = self.exp.metric_names
        asked = names if self.t else {n: m for n, m in names.items() if looks_at_real(m, n, self.exp)}
        streams = self.exp.metric_streams
        return {n: m(replace(self, rng=self.rng.named(streams[n]))) for n, m in asked.items()}

    def picture(self, rows: int) -> Array | None:
        """(k, *event) of the first replicate's rows to look at, or None where the model cannot show any."""
        if self.chunk.rows is not None:
            return self.chunk.rows[0, :rows]
        return self.model.sample(min(rows, self.chunk.n), self.rng.picture)[0]  # type: ignore[no-any-return]


def looks_at_real(metric: Any, name: str, exp: Experiment) -> bool:
    """Whether a metric has a meaning at generation 0: it measures rows, and asks nothing of a model."""
    return exp.meanings[name].of == "published" and not NEEDS.of(metric)


def real_rows_seen(state: State, exp: Experiment) -> tuple[Observation, ...]:
    """Generation 0: the real rows themselves, as if each agent had published them: as many, if there are."""
    return tuple(
        Observation(
            0,
            i,
            state.pool,
            NoModel(),
            _first(state.pool.origin, exp.published(i)),
            exp,
            Streams(state.address, 0, i),
            state.holdout,
        )
        for i in range(len(exp.agents))
    )


def _first(chunk: Chunk, n: int) -> Chunk:
    return (
        chunk if n >= chunk.n or chunk.rows is None else replace(chunk, n=n, rows=chunk.rows[:, :n], known={})
    )


class _AbsentError(FitError, AttributeError):
    """What a model does not have that is not there: ``hasattr`` says so, and whoever asks all the same reads
    why.
    """


class NoModel:
    """What stands in a model's place at generation 0, and says so."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise _AbsentError(
            f"a metric asks for the model's {name} at generation 0, the real rows, where there is no model; "
            f"let the metric say needs = ('{name}',) or of = 'model'"
        )
