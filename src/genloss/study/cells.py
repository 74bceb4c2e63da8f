"""A cell of a study, and the list of cells that a run keeps beside its numbers."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter

from genloss.errors import SpecError, StoreError
from genloss.streams import experiment_key
from genloss.study.files import read_sealed, sealed, write_file
from genloss.study.identity import Identity, fingerprint, identity
from genloss.study.outline import Outline
from genloss.study.spec import Spec
from genloss.traits import REMARK

FILE = "cells.json"


class Kept(NamedTuple):
    """What a run keeps of a cell.

    Args:
        outline: what its numbers mean.
        identity: what decides them; None where no spec can say it.
        fingerprint: of the identity.
    """

    outline: Outline
    identity: Identity | None
    fingerprint: str


@dataclass(frozen=True, eq=False)
class Cell:
    """One experiment, or other task, with every varied field at one value.

    Args:
        index: place in the study.
        experiment: name of the experiment in the study, "" where there is one without a name.
        varied: what this cell has of each varied field, by column name.
        task: what it measures; None where it cannot be built here, and only what a run kept is known.
        spec: what it was built from.
        read: what a run kept of it, where the task is not there.
        settings: what its case sets, by column name, where the study has cases; `varied` names the case.
    """

    index: int
    experiment: str
    varied: Mapping[str, Any]
    task: Any
    spec: Spec
    read: Kept | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, Any]:
        """Everything that it is labelled by in a table: what varies, and what its case sets."""
        return {**self.varied, **self.settings}

    @property
    def key(self) -> int:
        """Where its streams are: cells of one experiment share them."""
        return experiment_key(self.experiment)

    @cached_property
    def kept(self) -> Kept:
        """What a run keeps of it."""
        if self.read is not None:
            return self.read
        try:
            of = identity(self.task, self.key)
        except SpecError:  # of objects without a name nobody knows whether another run has the same
            return Kept(self.outline, None, uuid.uuid4().hex * 2)
        return Kept(self.outline, of, fingerprint(of))

    @cached_property
    def outline(self) -> Outline:
        """What its numbers mean."""
        return Outline.of(self.task) if self.read is None else self.read.outline

    @property
    def id(self) -> str:
        """The cell as the names of its parts have it."""
        return self.kept.fingerprint[:16]

    @property
    def tiles(self) -> int:
        """Tiles that hold its replicates."""
        return -(-self.outline.replicates // self.outline.tile_size)

    def size(self, tile: int) -> int:
        """Replicates that are wanted of a tile: all of it, or of the last one the first few."""
        return min(self.outline.tile_size, self.outline.replicates - tile * self.outline.tile_size)

    @property
    def about(self) -> dict[str, Any]:
        """As JSON has it, for those who find its parts without the study."""
        return {
            "experiment": self.experiment,
            "varied": dict(self.varied),
            "settings": dict(self.settings),
            "fingerprint": self.kept.fingerprint,
            "outline": self.outline.said(),
        }

    @property
    def label(self) -> str:
        """What to call the cell.

        >>> from genloss.study import Study
        >>> spec = {"real": "Moons", "agents": [{"generator": "KDE"}], "n_real": {"vary": [10, 100]}}
        >>> Study.of(spec).cells[1].label
        'n_real=100'
        """
        varied = ", ".join(f"{k}={v}" for k, v in self.varied.items())
        return ": ".join(part for part in (self.experiment, varied) if part) or "the experiment"


def remarks(cells: Iterable[Cell]) -> list[str]:
    """What is to be known of the data that cells have, a line for each; of those that are built here."""
    tasks = (cell.task for cell in cells if dataclasses.is_dataclass(cell.task))
    reals = (part for task in tasks for part in vars(task).values())
    return [remark for remark in dict.fromkeys(REMARK.of(real) for real in reals) if remark]


@dataclass(frozen=True, eq=False)
class KeptStudy:
    """Of a study, what its results are labelled by.

    Args:
        name: what its run's folder is called.
        title: what to call it.
        about: a few sentences.
        spec: its text; empty where no spec can say it.
        cells: without their tasks.
    """

    name: str
    title: str
    about: str
    spec: str
    cells: tuple[Cell, ...]

    def toml(self) -> str:
        """The spec, as a file has it.

        Raises:
            SpecError: if there is none.
        """
        if not self.spec:
            raise SpecError("it was made in Python, of objects that no spec can name")
        return self.spec


def write_cells(folder: Path, study: Any, spec: str) -> None:
    """Keep what a study's numbers mean in its run's folder.

    Args:
        folder: the run's.
        study: the study.
        spec: its text.
    """
    outlines: dict[str, int] = {}  # cells of a grid have mostly the same
    cells = []
    for c in study.cells:
        said = json.dumps(c.outline.said())
        of = (outlines.setdefault(said, len(outlines)), *c.kept[1:])
        cells.append([c.experiment, dict(c.varied), *of, dict(c.settings)])
    head = {"name": study.name, "title": study.title, "about": study.about, "spec": spec}
    data = sealed({**head, "outlines": [json.loads(o) for o in outlines], "cells": cells})
    path = folder / FILE
    if not path.is_file() or path.read_bytes() != data:
        write_file(folder, FILE, data)


def read_cells(folder: Path) -> KeptStudy | None:
    """What a run's folder keeps of its study; None where that is not there or damaged."""
    try:
        data = _adapter().validate_python(read_sealed(folder / FILE))
        outlines = [Outline.read(o) for o in data.outlines]
        cells = [
            Cell(i, experiment, varied, None, {}, Kept(outlines[o], of, print), settings)
            for i, (experiment, varied, o, of, print, settings) in enumerate(data.cells)
        ]
    except (LookupError, ValueError):  # also of a version that keeps other things
        return None
    return KeptStudy(data.name, data.title, data.about, data.spec, tuple(cells))


_Label = bool | int | float | str | None


class _Row(NamedTuple):
    """A cell in the file."""

    experiment: str
    varied: dict[str, _Label]
    outline: int
    identity: Identity | None
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    settings: dict[str, _Label]


@dataclass(frozen=True)
class _File:
    """The contents of the file."""

    name: str
    title: str
    about: str
    spec: str
    outlines: list[dict[str, Any]]
    cells: list[_Row]


@cache
def _adapter() -> TypeAdapter[_File]:
    return TypeAdapter(_File)


def cells_of_parts(folder: Path, said: Iterable[Mapping[str, Any]]) -> KeptStudy:
    """The same from what parts say of their cells, in the order of their labels, where all else is lost.

    Raises:
        StoreError: if there are none.
    """
    found = {s["fingerprint"]: s for s in said}
    if not found:
        raise StoreError(f"{folder}: nothing says what this run is, and it has no parts; run the study again")
    some = sorted(found.values(), key=lambda s: (s["experiment"], json.dumps(s["varied"])))
    cells = (
        Cell(
            i,
            s["experiment"],
            s["varied"],
            None,
            {},
            Kept(Outline.read(s["outline"]), None, s["fingerprint"]),
            s.get("settings", {}),
        )
        for i, s in enumerate(some)
    )
    return KeptStudy(folder.name, "", "", "", tuple(cells))
