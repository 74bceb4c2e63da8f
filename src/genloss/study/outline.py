"""What a run's numbers mean, kept beside them, to be read without the data and code of its spec."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from genloss.errors import StoreError
from genloss.meaning import Meaning
from genloss.study.store import write_file
from genloss.study.study import Cell, Study

FILE = "cells.json"


@dataclass(frozen=True, eq=False)
class Outline:
    """Of an experiment, what its results are labelled by; stands in for it where it cannot be built.

    Args:
        agent_names: of its agents.
        meanings: what each metric says of itself, by its name.
        regime_labels: the regime of each agent, in words.
        generations: T.
        replicates: R, that were wanted.
        tiles: that hold them.
        event_shape: of a row.
    """

    agent_names: tuple[str, ...]
    regime_labels: tuple[str, ...]
    meanings: dict[str, Meaning]
    generations: int
    replicates: int
    tiles: int
    event_shape: tuple[int, ...]

    @property
    def metric_names(self) -> dict[str, Meaning]:
        """Names of its metrics, as keys."""
        return self.meanings

    @property
    def agents(self) -> tuple[str, ...]:
        """One name for each agent."""
        return self.agent_names


@dataclass(frozen=True, eq=False)
class OutlinedStudy:
    """Of a study, what its results are labelled by."""

    name: str
    title: str
    about: str
    cells: tuple[Cell, ...]


def write_outline(folder: Path, study: Study) -> None:
    """Keep a study's outline in its run's folder."""
    cells = [
        {
            "experiment": c.experiment,
            "varied": dict(c.varied),
            "agent_names": c.exp.agent_names,
            "regime_labels": c.exp.regime_labels,
            "meanings": {name: meaning._asdict() for name, meaning in c.exp.meanings.items()},
            "generations": c.exp.generations,
            "replicates": c.exp.replicates,
            "tiles": c.tiles,
            "event_shape": c.exp.event_shape,
        }
        for c in study.cells
    ]
    data = {"name": study.name, "title": study.title, "about": study.about, "cells": cells}
    write_file(folder, FILE, json.dumps(data, indent=1).encode() + b"\n")


def read_outline(folder: Path) -> OutlinedStudy:
    """The outline in a run's folder.

    Raises:
        StoreError: if there is none.
    """
    try:
        data = json.loads((folder / FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{folder / FILE} cannot be read: {error}; run the study again, which writes it"
        ) from None
    cells = [
        Cell(i, c["experiment"], c["varied"], cast(Any, _outline_of(c)), {})
        for i, c in enumerate(data["cells"])
    ]
    return OutlinedStudy(data["name"], data["title"], data["about"], tuple(cells))


def _outline_of(cell: dict[str, Any]) -> Outline:
    return Outline(
        tuple(cell["agent_names"]),
        tuple(cell["regime_labels"]),
        {name: Meaning(**said) for name, said in cell["meanings"].items()},
        cell["generations"],
        cell["replicates"],
        cell["tiles"],
        tuple(cell["event_shape"]),
    )
