"""Agents and experiments: which parts make a loop, checked against each other before it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, model_validator

from genloss.components import Count, Replicates, Rows, Size, component, field, rows_for
from genloss.curators import KeepAll
from genloss.events import Event, event_of
from genloss.fitting import authors_by_index, instead_of, problems, renamed
from genloss.meaning import Meaning, meaning
from genloss.metrics.usual import usual
from genloss.protocols import (
    Curator,
    Generator,
    Metric,
    Model,
    Occasion,
    RealData,
    Record,
    Regime,
    on_occasion,
)
from genloss.records import records
from genloss.regimes import Accumulate
from genloss.samples import Array, Chunk, Samples, Statistic
from genloss.streams import Address, Rng
from genloss.traits import (
    DRAW_STATISTIC,
    INSTEAD_OF_ROWS,
    LABELS_ORIGIN,
    MODEL,
    NEEDS_ROWS,
    NUMBERS,
    OF,
    PUBLISHES_EVERYTHING,
    REACH,
    READS_TOTAL,
    REAL_MOMENTS,
    REAL_STATISTIC,
    REMARK,
    SAMPLE_KNOWN,
    SCHEMA,
    SUBSAMPLE,
    SUFFICIENT,
    TILE,
    called,
    fields,
    offers,
)
from genloss.world import held_out, real_rows

# Replicates in a tile: enough to spread NumPy's overhead, few enough to stay in cache and to share out.
_TILE_OF_STATISTICS = 512
# Numbers of one statistic in a tile: 2^16 float64 are half of a core's usual second-level cache. Small
# statistics share the Python overhead of 512 replicates, large ones have none that shows.
_TILE_NUMBERS = 2**16
# Numbers of a replicate's rows up to which a generator may ask for more than 64 replicates: beyond, what
# Python costs a generation no longer shows, and small tiles are shared out more evenly.
_FEW_NUMBERS = 1024
# Rows of one tile kept in memory at once, in bytes: a fit to them holds some five times as much, and every
# worker has a tile.
_TILE_MEMORY = 128 * 2**20


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _as_generator(value: Any) -> Any:
    said = instead_of(value)
    if said:
        raise ValueError(said)
    return value


def _as_agents(value: Any) -> Any:
    if isinstance(value, dict):
        raise ValueError("each agent needs a table of its own, under [[agents]] and not [agents]")
    agents = (value,) if isinstance(value, Agent) else _as_tuple(value)
    known = isinstance(agents, tuple) and all(isinstance(a, Agent) for a in agents)
    return authors_by_index(agents) if known else agents


@component
class Agent:
    """One model in the world: how it is fitted, what it reads, what it publishes.

    Args:
        generator: how its model is fitted.
        regime: which rows of the pool it trains on.
        curator: what it publishes of what its model can make.
        n: rows it publishes a generation, or how many times ``n_real`` these are, as in "2x"; by default
            ``n_real``.
        warm_start: fit each model from the one before, for generators that can.
        name: what to call it in results; by default "agent 0", "agent 1", ...
    """

    generator: Annotated[Generator, BeforeValidator(_as_generator)]
    regime: Regime = Accumulate()
    curator: Curator = KeepAll()
    n: Rows | None = None
    warm_start: bool = False
    name: str | None = None

    words: ClassVar = ("name",)


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
        metrics: what to look at; by default the share of real rows, and of a table what
            :func:`genloss.metrics.usual.usual` chooses.
        holdout: "shared" holds the same rows out for all replicates, so that intervals are conditional on
            them; "fresh" draws them anew for each, of a source without end.
        rows: "auto" draws sufficient statistics instead of rows where their law is exact and nobody needs
            rows; "always" draws rows.
        tile: replicates that are drawn together at most, the unit of work; fixed by the parts where not
            given. What agents draw depends on it as on the seed, so a run records it; what is real does not,
            nor do the first replicates of a tile on how many of it are drawn.
        title: what to call it.
    """

    real: RealData
    agents: Annotated[tuple[Agent, ...], BeforeValidator(_as_agents)]
    n_real: Count = 100
    n_fresh: Size = 0
    generations: Count = 10
    replicates: Replicates = 100
    seed: Size = 0
    metrics: Annotated[tuple[Metric, ...], BeforeValidator(_as_tuple)] = field(
        default_factory=usual  # type: ignore[arg-type]  # pydantic gives it the fields before
    )
    holdout: Literal["shared", "fresh"] = "shared"
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

    @cached_property
    def event(self) -> Event:
        """What a row is."""
        return event_of(self.real)

    @cached_property
    def held_out(self) -> Array:
        """(m, *event) real rows that no model trains on, the same for all replicates."""
        return self.real.holdout()

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        return self.held_out.shape[1:]

    @cached_property
    def reference(self) -> tuple[Array, Array]:
        """Mean (d,) and covariance (d, d) of the real law, or of the held-out rows where no law is known."""
        law = REAL_MOMENTS.of(self.real)
        return self.spread(self.held_out_features) if law is None else law()

    @staticmethod
    def spread(x: Array) -> tuple[Array, Array]:
        """Mean (..., d) and covariance (..., d, d) of rows (..., m, d)."""
        mean = x.mean(axis=-2)
        gap = x - mean[..., None, :]
        return mean, gap.mT @ gap / x.shape[-2]

    def features(self, rows: Array) -> Array:
        """(..., d) rows as vectors in which means and distances make sense."""
        return self.event.vectors(self.real, rows, len(self.event_shape))

    @cached_property
    def held_out_features(self) -> Array:
        """(m, d) held-out rows as vectors."""
        return self.features(self.held_out)

    @cached_property
    def metric_names(self) -> dict[str, Metric]:
        """Metrics by name: the class's and what it is of, where that is not the default; two of one class
        whole.
        """
        kinds = [called(m).partition("(")[0] for m in self.metrics]
        return {
            _name(m) if kinds.count(kind) == 1 else called(m): m
            for kind, m in zip(kinds, self.metrics, strict=True)
        }

    @cached_property
    def metric_streams(self) -> dict[str, str]:
        """The name of each metric's stream, by its name in results; other metrics do not change it."""
        return {name: called(metric) for name, metric in self.metric_names.items()}

    @cached_property
    def meanings(self) -> dict[str, Meaning]:
        """What each metric says of itself, by its name in results."""
        return {name: meaning(name, metric, self) for name, metric in self.metric_names.items()}

    @cached_property
    def agent_names(self) -> tuple[str, ...]:
        """What results call the agents."""
        return tuple(a.name or f"agent {i}" for i, a in enumerate(self.agents))

    @cached_property
    def regime_labels(self) -> tuple[str, ...]:
        """What results call each agent's regime: its name, and the fields that are not at their default."""
        names = {i: a.name for i, a in enumerate(self.agents) if a.name}
        return tuple(called(renamed(a.regime, names), brief=True) for a in self.agents)

    def published(self, i: int) -> int:
        """Rows that agent i publishes a generation."""
        return rows_for(self.agents[i].n, self.n_real)

    # -- rows or statistics ------------------------------------------------------------------------

    @cached_property
    def kinds(self) -> tuple[Statistic | None, ...]:
        """The statistics that the agents' fits read, each once; None where one reads rows."""
        schema = SCHEMA.of(self.real)
        asked = (SUFFICIENT.of(a.generator) for a in self.agents)
        return tuple(dict.fromkeys(None if ask is None else ask(schema) for ask in asked))

    @cached_property
    def statistic(self) -> Statistic | None:
        """The one statistic that everything flows as, or None where rows are needed."""
        kind = self.kinds[0]
        if self.rows == "always" or len(self.kinds) != 1 or kind is None:
            return None
        models = [MODEL.of(a.generator) for a in self.agents]
        rowless = (
            all(DRAW_STATISTIC.on(m) for m in models)
            and all(PUBLISHES_EVERYTHING.of(a.curator) for a in self.agents)
            and not any(_needs_rows(a.regime, kind) for a in self.agents)
            # a part of the fixed design cannot be read off the least-squares fit to the whole
            and not any(
                LABELS_ORIGIN.of(a.generator) and self.published(i) != self.n_real
                for i, a in enumerate(self.agents)
            )
            and not any(_looks_at_rows(metric, model) for metric in self.metrics for model in models)
        )
        return kind if rowless else None

    @cached_property
    def tile_size(self) -> int:
        """Replicates in a tile: a function of the parts and sizes, never of the replicates wanted.

        Nor of the regime, where rows are drawn: what agents draw is paired as far as regimes agree.
        """
        if self.tile is not None:
            return self.tile
        width = int(np.prod(self.event_shape))
        if self.statistic is not None and REAL_STATISTIC.of(self.real) is not None:
            numbers = NUMBERS.of(self.statistic) or width**2
            fitting = 2 ** int(np.log2(max(_TILE_NUMBERS / numbers, 1)))
            return int(np.clip(fitting, 16, _TILE_OF_STATISTICS))
        tile = min(TILE.of(a.generator) for a in self.agents)
        if self.n_real * width > _FEW_NUMBERS:
            tile = min(tile, TILE.default)
        kept = self.n_real + self.n_fresh * self.generations
        if self.statistic is None:
            kept += sum(self.published(i) for i in range(len(self.agents))) * self.generations
        # of what is published in a generation a metric may make features, one of each category
        wide = self.features(self.held_out[:1]).shape[-1]
        most = kept * width + max(self.published(i) for i in range(len(self.agents))) * wide
        while tile > 1 and tile * most * 8 > _TILE_MEMORY:
            tile //= 2
        return tile

    def drawn(self, address: Address) -> int:
        """Replicates that are drawn of a tile."""
        return self.tile_size if address.size is None else address.size

    # -- as a task of a study ------------------------------------------------------------------------

    axes: ClassVar = ("generation", "agent")
    grows: ClassVar = "generations"

    def labels(self, axis: str) -> Sequence[Any]:
        """What to call each coordinate along an axis; generation 0 is the real rows themselves."""
        return self.agent_names if axis == "agent" else range(self.generations + 1)

    @property
    def lines(self) -> tuple[dict[str, str], ...]:
        """What tells the agents apart."""
        both = zip(self.agent_names, self.regime_labels, strict=True)
        return tuple({"agent": name, "regime": regime} for name, regime in both)

    def records(self, address: Address) -> Iterator[Record]:
        """Every agent at every generation of one tile."""
        return records(self, address)

    def setup(self, varied: set[str]) -> str:
        """What is run, in a line, without the fields that vary."""
        alone = self.agents[0] if len(self.agents) == 1 else None
        fixed = not varied & {"real", *fields(self.real)}
        parts = [
            f"{_briefly(self.real)} as real data" if fixed else "",
            f"{_briefly(alone.generator)} as generator" if alone and "generator" not in varied else "",
            _briefly(alone.regime) if alone and "regime" not in varied else "",
            f"{len(self.agents)} agents on one pool" if alone is None else "",
            "" if "n_real" in varied else f"{self.n_real} real rows at first",
            f"{self.n_fresh} fresh ones a generation" if self.n_fresh and "n_fresh" not in varied else "",
            REMARK.of(self.real) if fixed else "",
        ]
        return "; ".join(part for part in parts if part)

    # -- what the loop asks ------------------------------------------------------------------------

    def fresh(self, t: int, address: Address) -> Samples | None:
        """The real rows that enter at generation t, 0 being the first; None where there are none."""
        return Samples.of([real_rows(self, address, t)]) if (self.n_fresh if t else self.n_real) else None

    def holdout_of(self, address: Address) -> Array:
        """The rows held out for a tile: (m, *event) for all its replicates, or (R, m, *event)."""
        return self.held_out if self.holdout == "shared" else held_out(self, address)

    def train(self, i: int, pool: Samples, rng: Rng, t: int) -> Samples:
        """What agent i trains on at generation t."""
        chosen: Samples = on_occasion(self.agents[i].regime, Occasion(t, i, pool), pool, rng)
        return chosen

    def publish(self, i: int, model: Model, train: Samples, rng: Rng, t: int, pool: Samples) -> Chunk:
        """What agent i makes public at generation t."""
        n = self.published(i)
        if self.statistic is not None:
            draw = DRAW_STATISTIC.of(model)
            assert draw is not None  # the class has it
            return Chunk(n, t, i, known={self.statistic: draw(self.statistic, n, rng)})
        curator = self.agents[i].curator
        place = SAMPLE_KNOWN.of(model)
        if place is not None and PUBLISHES_EVERYTHING.of(curator):
            return Chunk(n, t, i, *place(n, rng))
        return Chunk(n, t, i, on_occasion(curator, Occasion(t, i, pool), model, train, n, rng))

    @cached_property
    def _reach(self) -> tuple[float, float]:
        far = [REACH.of(a.regime) for a in self.agents]
        return max(real for real, _ in far), max(synthetic for _, synthetic in far)

    def forget(self, pool: Samples) -> Samples:
        """The pool without what no regime will read again."""
        pool = pool.forget(*self._reach)
        return pool.settle() if self._reads_total else pool

    @cached_property
    def _reads_total(self) -> bool:
        return self.statistic is not None and all(READS_TOTAL.of(a.regime) for a in self.agents)


def _briefly(part: object) -> str:
    text = repr(part)
    return text if len(text) < 120 else type(part).__name__


def _name(metric: Metric) -> str:
    """A name that never stands for two quantities."""
    kind, of = called(metric).partition("(")[0], fields(metric).get(OF.name)
    return kind if of is None or of.default == OF.of(metric) else f"{kind}(of={OF.of(metric)!r})"


def _needs_rows(regime: Regime, kind: Statistic) -> bool:
    needed = NEEDS_ROWS.of(regime)
    return SUBSAMPLE.of(kind) is None if needed == "subsample" else bool(needed)


def _looks_at_rows(metric: Metric, model: Any) -> bool:
    instead = INSTEAD_OF_ROWS.of(metric)
    return instead is None or (bool(instead) and not offers(model, instead))
