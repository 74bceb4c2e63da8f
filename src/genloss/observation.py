"""What there is to look at when an agent has published: what metrics are given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from genloss.samples import Array, Chunk, Samples
from genloss.statistics import Moments, moments
from genloss.streams import Streams

if TYPE_CHECKING:
    from genloss.experiment import Experiment


@dataclass(frozen=True, eq=False)
class Observation:
    """One agent at one generation, in R replicates.

    Args:
        t: the generation; 1 is the model fitted to real data.
        agent: index of the agent.
        train: what its model was fitted to.
        model: the fitted model.
        chunk: what it published.
        exp: the experiment.
        rng: streams of the agent at this generation.
    """

    t: int
    agent: int
    train: Samples
    model: Any
    chunk: Chunk
    exp: Experiment
    rng: Streams

    @property
    def rows(self) -> Array:
        """(R, n, *event) published rows.

        Raises:
            LookupError: where they were drawn as a statistic.
        """
        if self.chunk.rows is None:
            raise LookupError("these rows were drawn as a statistic; the metric should say it needs rows")
        return self.chunk.rows

    @cached_property
    def features(self) -> Array:
        """(R, n, d) published rows as vectors."""
        return self.exp.features(self.rows)

    @cached_property
    def moments(self) -> Moments:
        """Mean and covariance of features, with n = 1: the model's law where known, else the rows'."""
        if self.exp.event == "vectors" and hasattr(self.model, "moments"):
            law: Moments = self.model.moments()
            real = self.exp.real
            return real.standardised(law) if hasattr(real, "standardised") else law
        m = moments(self.features)
        return Moments(1.0, m.mean, m.root / m.n**0.5)

    def measure(self) -> dict[str, Array]:
        """Every metric of the experiment by its name, each (R,)."""
        return {name: metric(self) for name, metric in self.exp.metric_names.items()}

    def picture(self, rows: int) -> Array | None:
        """(k, *event) of the first replicate's rows to look at, or None where the model cannot show any."""
        if self.chunk.rows is not None:
            return self.chunk.rows[0, :rows]
        return self.model.sample(min(rows, self.chunk.n), self.rng.picture)[0]  # type: ignore[no-any-return]
