"""A study's own parts on its own real data, at its own sizes; and its cells, for a few generations."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from genloss.conformance import generators, metrics, prefix, publishing, regimes, sources, tasks
from genloss.conformance.core import During, Finding, Rule, judge, rule, silent
from genloss.conformance.worlds import World
from genloss.experiment import Experiment
from genloss.protocols import Task
from genloss.streams import Address
from genloss.study import Study
from genloss.study.cells import Cell
from genloss.study.spec import field_hint, hint_within, slot_of
from genloss.traits import MAKE, SEED, fields

_GENERATIONS, _REPLICATES, _CELLS = 3, 2, 12
"""What is run of a cell, and cells of which something is."""


@dataclass(frozen=True)
class Own:
    """A part of the user's in a study.

    Args:
        slot: that it stands in.
        part: itself.
        path: where it stands in its cell.
        task: of the cell.
    """

    slot: str
    part: Any
    path: str
    task: Any


def findings(study: Study, during: During = silent) -> Iterator[Finding]:
    """What is found in a study, each finding as soon as it is known.

    Cells are run for a few generations, and every part of the user's is tried on the study's real data.

    Args:
        study: whose code is trusted.
        during: told the name of each check, it gives the context in which it is made.

    Raises:
        SpecError: if the study cannot be built.
        DataError: if its data cannot be read.
    """
    some = {_makeup(c): c for c in reversed(study.cells)}  # the first of each
    tried = [c for c in study.cells if some[_makeup(c)] is c]
    for cell in tried[:_CELLS]:
        yield from judge([runs], cell, cell.label, during)
    if len(tried) > _CELLS:
        why = f"{_CELLS} of {len(tried)} cells of different parts were tried; genloss run tries all"
        yield Finding("the other cells", None, why)
    for own in own_parts(study):
        yield from judge(*_trial(own), own.path, during)


def own_parts(study: Study) -> list[Own]:
    """The parts of a study's cells that are not genloss's, each once on each source of real rows."""
    found: dict[Hashable, Own] = {}
    for cell in study.cells:
        for slot, part, path in _parts(cell.task, Task, ""):
            if MAKE.of(part) is not None or not _module(part).startswith("genloss."):
                where = cell.task.real if isinstance(cell.task, Experiment) else None
                found.setdefault((slot, part, where), Own(slot, part, path, cell.task))
    return list(found.values())


def _module(part: Any) -> str:
    of = part if callable(part) and not dataclasses.is_dataclass(part) else type(part)
    return str(of.__module__)


def _parts(thing: Any, hint: Any, path: str) -> Iterator[tuple[str, Any, str]]:
    """Every part within a task, with its slot and where it stands."""
    slot = slot_of(hint)
    if slot is not None:
        yield slot, thing, path or "the task"
    if isinstance(thing, tuple):
        for i, one in enumerate(thing):
            yield from _parts(one, hint_within(hint), f"{path}.{i}")
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        for name in fields(thing):
            inner = f"{path}.{name}" if path else name
            yield from _parts(vars(thing)[name], field_hint(type(thing), name), inner)


def _trial(own: Own) -> tuple[tuple[Rule, ...], Any]:
    """The rules for a part, and what they look at."""
    part, task = own.part, own.task
    if own.slot == "tasks":
        return tasks.RULES, tasks.Trial(part)
    if own.slot == "real":
        return (*sources.RULES, prefix.source), sources.Trial(part)
    world = World("the study's real data", task.real, task.n_real)
    if own.slot == "generators":
        return (*generators.RULES, prefix.generator), generators.Trial(part, world)
    if own.slot == "regimes":
        return (*regimes.RULES, prefix.regime), regimes.Trial(part, world)
    if own.slot == "metrics":
        trial = metrics.Trial(part, world, task.agents[0].generator)
        return (*metrics.RULES, prefix.metric), trial
    rules, first = {
        "curators": (publishing.CURATOR, prefix.curator),
        "rewards": (publishing.REWARD, prefix.reward),
        "verifiers": (publishing.VERIFIER, prefix.verifier),
    }[own.slot]
    return (*rules, first), publishing.Trial(part, world)


def _makeup(cell: Cell) -> Hashable:
    """What a cell is made of, whatever its sizes."""
    task = cell.task
    if not isinstance(task, Experiment):
        return cell.index
    agents = tuple((a.generator, a.regime, a.curator, a.warm_start) for a in task.agents)
    return cell.experiment, task.real, agents, task.metrics, task.rows


@rule("runs", "the other findings may say why")
def runs(cell: Cell) -> None:
    """Two replicates go through three generations as genloss run computes them, every metric with them."""
    size = min(_REPLICATES, cell.size(0))
    address = Address(SEED.of(cell.task), cell.key, 0, size)
    records = iter(cell.task.records(address))
    list(itertools.takewhile(lambda record: not record.at or record.at[0] <= _GENERATIONS, records))
