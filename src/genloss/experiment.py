"""Agents and experiments: which parts make a loop, checked against each other before it runs."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, model_validator

from genloss.components import Count, Replicates, Size, component
from genloss.curators import KeepAll
from genloss.fitting import problems
from genloss.metrics import RealShare
from genloss.protocols import Curator, Generator, Metric, Model, RealData, Regime, can_draw, offers
from genloss.regimes import Accumulate, reach
from genloss.samples import Array, Chunk, Samples, Statistic
from genloss.streams import REAL, Address, Rng, Role

# Replicates in a tile: enough to spread NumPy's overhead, few enough to stay in cache and to share out.
_TILE, _TILE_OF_STATISTICS = 64, 512
# Numbers of one statistic in a tile: 2^16 float64 are half of a core's usual second-level cache. Small
# statistics share the Python overhead of 512 replicates, large ones do not compute hundreds of replicates
# nobody asked for.
_TILE_NUMBERS = 2**16
# Rows of one tile kept in memory at once, in bytes.
_TILE_MEMORY = 256 * 2**20


def _as_tuple(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return value


def _as_agents(value: Any) -> Any:
    return (value,) if isinstance(value, Agent) else _as_tuple(value)


@component
class Agent:
    """One model in the world: how it is fitted, what it reads, what it publishes.

    Args:
        generator: how its model is fitted.
        regime: which rows of the pool it trains on.
        curator: what it publishes of what its model can make.
        n: rows it publishes a generation; by default the experiment's ``n_real``.
        warm_start: fit each model from the one before, for generators that can.
        name: what to call it in results; by default "agent 0", "agent 1", ...
    """

    generator: Generator
    regime: Regime = Accumulate()
    curator: Curator = KeepAll()
    n: Count | None = None
    warm_start: bool = False
    name: str | None = None


@component
class Experiment:
    """A self-consuming loop, in many replicates.

    Args:
        real: where real rows come from.
        agents: one, or many on one pool: all read it, then all publish into it.
        n_real: real rows that the pool begins with.
        n_fresh: real rows that enter the pool with each generation.
        generations: T, how many.
        replicates: R, how many independent worlds.
        seed: of all randomness.
        metrics: what to look at.
        rows: "auto" draws sufficient statistics instead of rows where their law is exact and nobody needs
            rows;
            "always" draws rows.
        tile: replicates that are drawn together, the unit of work; fixed by the parts where not given.
            Results
            depend on it as on the seed, so a run records it.
        title: what to call it.
    """

    real: RealData
    agents: Annotated[tuple[Agent, ...], BeforeValidator(_as_agents)]
    n_real: Count = 100
    n_fresh: Size = 0
    generations: Count = 10
    replicates: Replicates = 100
    seed: Size = 0
    metrics: Annotated[tuple[Metric, ...], BeforeValidator(_as_tuple)] = (RealShare(),)
    rows: Literal["auto", "always"] = "auto"
    tile: Count | None = None
    title: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Experiment:
        found = problems(self)
        if found:
            raise ValueError("\n".join(found))
        return self

    # -- what follows from the parts ---------------------------------------------------------------

    @property
    def event(self) -> str:
        """What a row is: "vectors", "symbols" or "table"."""
        kind: str = getattr(self.real, "event", "vectors")
        return kind

    @cached_property
    def holdout(self) -> Array:
        """(m, *event) real rows that no model trains on."""
        return self.real.holdout()

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        return self.holdout.shape[1:]

    @cached_property
    def reference(self) -> tuple[Array, Array]:
        """Mean (d,) and covariance (d, d) of the real law, or of the holdout where no law is known."""
        if hasattr(self.real, "moments"):
            mean, covariance = self.real.moments()
            return mean, covariance
        x = self.holdout_features
        return x.mean(axis=0), np.cov(x.T, ddof=0).reshape(x.shape[1], x.shape[1])

    def features(self, rows: Array) -> Array:
        """(..., d) rows as vectors in which means and distances make sense."""
        if hasattr(self.real, "features"):
            vectors: Array = self.real.features(rows)
            return vectors
        event = self.holdout.ndim - 1
        return rows.reshape(*rows.shape[: rows.ndim - event], -1)

    @cached_property
    def holdout_features(self) -> Array:
        """(m, d) held-out rows as vectors."""
        return self.features(self.holdout)

    @cached_property
    def metric_names(self) -> dict[str, Metric]:
        """Metrics by name: the class's, with its fields where two of one class are there."""
        kinds = [type(m).__name__ for m in self.metrics]
        return {
            kind if kinds.count(kind) == 1 else repr(m): m
            for kind, m in zip(kinds, self.metrics, strict=True)
        }

    @cached_property
    def agent_names(self) -> tuple[str, ...]:
        """What results call the agents."""
        return tuple(a.name or f"agent {i}" for i, a in enumerate(self.agents))

    def published(self, i: int) -> int:
        """Rows that agent i publishes a generation."""
        return self.agents[i].n or self.n_real

    @cached_property
    def statistic(self) -> Statistic | None:
        """The one statistic that everything flows as, or None where rows are needed."""
        if self.rows == "always":
            return None
        schema = getattr(self.real, "schema", None)
        kinds = {
            a.generator.sufficient(schema) if hasattr(a.generator, "sufficient") else None
            for a in self.agents
        }
        if len(kinds) != 1:
            return None
        kind: Statistic | None = kinds.pop()
        if kind is None:
            return None
        models = [getattr(a.generator, "model", None) for a in self.agents]
        rowless = (
            all(can_draw(m, kind) for m in models)
            and all(getattr(a.curator, "publishes_everything", False) for a in self.agents)
            and not any(_needs_rows(a.regime, kind) for a in self.agents)
            # a part of the fixed design cannot be read off the normal equations of the whole
            and not any(self._labels_part(i) for i in range(len(self.agents)))
            and not any(self._metric_needs_rows(metric, model) for metric in self.metrics for model in models)
        )
        return kind if rowless else None

    def _labels_part(self, i: int) -> bool:
        labels = getattr(self.agents[i].generator, "labels_origin", False)
        return bool(labels) and self.published(i) != self.n_real

    def _metric_needs_rows(self, metric: Metric, model: Any) -> bool:
        instead: tuple[str, ...] | None = getattr(metric, "instead_of_rows", None)
        if instead is None:
            return True
        return bool(instead) and not offers(model, instead)

    @cached_property
    def tile_size(self) -> int:
        """Replicates in a tile: a function of the parts and sizes, never of the replicates wanted."""
        if self.tile is not None:
            return self.tile
        width = int(np.prod(self.event_shape))
        if self.statistic is not None and hasattr(self.real, "draw_statistic"):
            numbers: int = getattr(self.real, "schema", 1) if self.event == "symbols" else width**2
            fitting = 2 ** int(np.log2(max(_TILE_NUMBERS / numbers, 1)))
            return int(np.clip(fitting, 16, _TILE_OF_STATISTICS))
        tile = min(getattr(a.generator, "tile", _TILE) for a in self.agents)
        far_real, far = self._reach
        kept = self.n_real + self.n_fresh * min(far_real, self.generations)
        if self.statistic is None:
            kept += sum(self.published(i) for i in range(len(self.agents))) * min(far + 1, self.generations)
        while tile > 1 and tile * kept * width * 8 > _TILE_MEMORY:
            tile //= 2
        return tile

    @property
    def tiles(self) -> int:
        """Tiles that hold the replicates; the last may hold more than are wanted."""
        return -(-self.replicates // self.tile_size)

    # -- what the loop asks ------------------------------------------------------------------------

    def fresh(self, t: int, address: Address) -> Samples | None:
        """The real rows that enter at generation t, 0 being the first; None where there are none."""
        n = self.n_fresh if t else self.n_real
        if n == 0:
            return None
        known: dict[Any, Any] = {}
        rows: Array | None = None
        replicates = self.tile_size
        if hasattr(self.real, "size"):
            # later rows go on where earlier ones of the same permutation ended
            end = self.n_real + t * self.n_fresh
            rows = self.real.draw(replicates, end, address.rng(0, REAL, Role.REAL))[:, end - n :]
        else:
            rng = address.rng(t, REAL, Role.REAL)
            drawn = self._drawn(n, rng)
            if drawn is None:
                rows = self.real.draw(replicates, n, rng)
            else:
                known = {self.statistic: drawn}
        schema = getattr(self.real, "schema", None)
        return Samples.of([Chunk(n, t, REAL, rows, known, schema=schema, event=self.event_shape)])

    def _drawn(self, n: int, rng: Rng) -> Any:
        if self.statistic is None or not hasattr(self.real, "draw_statistic"):
            return None
        return self.real.draw_statistic(self.statistic, self.tile_size, n, rng)

    def publish(self, i: int, model: Model, train: Samples, rng: Rng, t: int) -> Chunk:
        """What agent i makes public at generation t."""
        n = self.published(i)
        if self.statistic is not None:
            drawn = model.draw_statistic(self.statistic, n, rng)  # type: ignore[attr-defined]
            return Chunk(n, t, i, known={self.statistic: drawn})
        curator = self.agents[i].curator
        if getattr(curator, "publishes_everything", False) and hasattr(model, "sample_known"):
            return Chunk(n, t, i, *model.sample_known(n, rng))
        return Chunk(n, t, i, curator(model, train, n, rng))

    @cached_property
    def _reach(self) -> tuple[float, float]:
        far = [reach(a.regime) for a in self.agents]
        return max(real for real, _ in far), max(synthetic for _, synthetic in far)

    def forget(self, pool: Samples) -> Samples:
        """The pool without what no regime will read again."""
        pool = pool.forget(*self._reach)
        return pool.settle() if self._reads_total else pool

    @cached_property
    def _reads_total(self) -> bool:
        return self.statistic is not None and all(
            getattr(a.regime, "reads_total", False) for a in self.agents
        )


def _needs_rows(regime: Regime, kind: Statistic) -> bool:
    needed = getattr(regime, "needs_rows", True)
    return not hasattr(kind, "subsample") if needed == "subsample" else bool(needed)
