"""A metric over generations, replicate by replicate: what every verdict reads, whoever measured it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.collapse.bylaw import Tail, tail
from genloss.experiment import Experiment
from genloss.laws import Law, law
from genloss.meaning import Meaning
from genloss.samples import Array
from genloss.wording import several

if TYPE_CHECKING:
    from genloss.study.results import Results

GENERATION = "generation"


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One metric of one line, a cell's agent or a group of somebody's table, over generations.

    Args:
        metric: its name.
        meaning: what it says of itself.
        generations: (T,) increasing, from 1 on: the model of real data is generation 1.
        values: (T, R), NaN where a replicate has none.
        labels: what tells the line from others, by column.
        real: (R,) of generation 0, the real rows themselves; None where nothing is known of them.
        task: the experiment that was run, where it is at hand.
        agent: index of the agent in it.
        notes: a line for each thing to know about the values, each of which is true of them.
    """

    metric: str
    meaning: Meaning
    generations: Array
    values: Array
    labels: Mapping[str, Any] = field(default_factory=dict)
    real: Array | None = None
    task: Any = None
    agent: int = 0
    notes: tuple[str, ...] = ()

    @property
    def replicates(self) -> int:
        """R."""
        return int(self.values.shape[1])

    @property
    def label(self) -> str:
        """What to call the line: "regime=Replace, n_real=100"; "" where there is nothing to tell apart."""
        return ", ".join(f"{k}={v}" for k, v in self.labels.items())

    @cached_property
    def law(self) -> Law | None:
        """The law of the metric in this experiment, where one is known exactly."""
        return law(self.task, self.agent, self.metric) if isinstance(self.task, Experiment) else None

    @cached_property
    def tail(self) -> Tail | None:
        """What becomes of the law in the end; None where there is no law, or nothing can be told of it."""
        return None if self.law is None else tail(self.task, self.agent, self.metric)

    @property
    def name(self) -> str:
        """The metric, and the line where there is something to tell apart."""
        return f"{self.label}: {self.metric}" if self.label else self.metric

    @property
    def infinite(self) -> str:
        """Since when how many replicates are infinite, in words; "" where none is."""
        gone = np.isinf(self.values)
        if not gone.any():
            return ""
        first = self.generations[int(gone.any(axis=1).argmax())]
        many = int(gone.any(axis=0).sum())
        which = f"{many} of {several(self.replicates, 'replicate')}, from generation {first} on"
        return f"{self.name} is infinite in {which}: this counts as beyond all numbers"

    @property
    def gaps(self) -> str:
        """How many replicates lack values, in words; "" where none does."""
        lack = int(np.isnan(self.values).any(axis=0).sum())
        return f"{lack} of {self.replicates} replicates lack values: left out" if lack else ""

    def upto(self, generation: int) -> Trajectory:
        """The same as it was when a generation was the last one."""
        kept = self.generations <= generation
        return replace(self, generations=self.generations[kept], values=self.values[kept])

    def only(self, replicates: Any) -> Trajectory:
        """The same of some replicates, by mask or index."""
        real = None if self.real is None else self.real[replicates]
        return replace(self, values=self.values[:, replicates], real=real)


def trajectories(results: Results, metrics: Iterable[str] | None = None) -> Iterator[Trajectory]:
    """Every metric of every line of a run that has generations, in the study's order.

    Replicates that are not finished are left out, and so are metrics of the training set: no verdict is of
    them.

    Args:
        results: of a study.
        metrics: names of those wanted; by default all.
    """
    wanted = None if metrics is None else set(metrics)
    for cell, name, values, done in results.arrays():
        said = cell.outline
        meaning = said.meanings[name]
        if said.axes[:1] != (GENERATION,) or meaning.of == "training" or (wanted and name not in wanted):
            continue
        x = values.reshape(values.shape[0], -1, values.shape[-1])
        for agent in range(x.shape[1]):
            mine = x[:, agent]
            there = ~np.isnan(mine).all(axis=0)
            mine = mine[:, there]
            if mine.shape[1] == 0 or len(mine) < 2:
                continue
            own = said.lines[agent] if len(said.lines) > 1 else {}
            named = {"experiment": cell.experiment} if cell.experiment else {}
            yield Trajectory(
                metric=name,
                meaning=meaning,
                generations=np.arange(1, len(mine)),
                values=mine[1:],
                labels={**named, **cell.columns, **own},
                real=None if np.isnan(mine[0]).all() else mine[0],
                task=cell.task,
                agent=agent,
                notes=(f"{done} of {said.replicates} replicates are finished",)
                if done < said.replicates
                else (),
            )
