"""How far a run is, from its files alone: for another terminal, or another machine that sees the folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genloss.study import cells, claims
from genloss.study.cells import Cell, KeptStudy
from genloss.study.files import read_sealed
from genloss.study.parts import Part, checked, listed
from genloss.study.store import Store


@dataclass(frozen=True)
class Running:
    """A tile that is being made.

    Args:
        cell: its label.
        tile: its index.
        at: how far it is: the last coordinates, in words.
        of: how far it goes along the first axis; 0 where that is not known.
        seconds: since it was begun.
        silent: seconds since its last heartbeat.
        host: machine.
        pid: process.
        dead: whether nobody works on it any more, as far as can be seen from here.
    """

    cell: str
    tile: int
    at: Mapping[str, int]
    of: int
    seconds: float
    silent: float
    host: str
    pid: int
    dead: bool


@dataclass(frozen=True)
class Failed:
    """A tile that failed: its cell's label, its index, and why, in a line."""

    cell: str
    tile: int
    error: str


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Args:
        run: its folder.
        cells: how many there are.
        cells_done: how many of them are done.
        tiles: how many there are.
        tiles_done: how many of them are done.
        running: what is being made.
        failed: what failed, and was not made since.
        drivers: processes that hand out its tiles: "process 12 on host".
        rate: tiles a second since the first of the drivers began; None where none is at work.
        left: seconds to the end at this rate; None where that is not known.
        complete: whether the list of its cells is there; else only those count that have a part.
    """

    run: str
    cells: int
    cells_done: int
    tiles: int
    tiles_done: int
    running: tuple[Running, ...]
    failed: tuple[Failed, ...]
    drivers: tuple[str, ...]
    rate: float | None
    left: float | None
    complete: bool = True

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def status_of(run: str | Path) -> Status:
    """How far a run is.

    Raises:
        StoreError: if there is none, or nothing says what it is. Where its list of cells is lost, they are
            the cells that have parts.
    """
    store = Store.read(run)
    kept = store.kept or store.rebuilt()
    wanted = {(c.id, tile): c for c in kept.cells for tile in range(c.tiles)}
    done = {key for key, here in store.here(kept.cells).items() if here}
    running, drivers, began = _at_work(store.folder, wanted)
    failed = tuple(
        Failed(wanted[part.cell, part.tile].label, part.tile, error.splitlines()[0] if error else "")
        for part, error in store.failures().items()
        if (part.cell, part.tile) in wanted
        and (part.cell, part.tile) not in done
        and not any(
            r.cell == wanted[part.cell, part.tile].label and r.tile == part.tile and not r.dead
            for r in running
        )
    )
    rate = _rate(store, kept, began) if began is not None else None
    left = len(wanted) - len(done) - len(failed)
    return Status(
        str(run),
        len(kept.cells),
        sum(all(store.part(c, tile) is not None for tile in range(c.tiles)) for c in kept.cells),
        len(wanted),
        len(done),
        running,
        failed,
        drivers,
        rate,
        left / rate if rate else None,
        store.kept is not None,
    )


def _at_work(
    folder: Path, wanted: Mapping[tuple[str, int], Cell]
) -> tuple[tuple[Running, ...], tuple[str, ...], float | None]:
    """Tiles that are being made, drivers, and when the first of these began."""
    now, running, drivers = time.time(), [], []
    began: list[float] = []
    for claim in claims.claims(folder):
        part = Part.named(claim.name)
        if part is None:
            if not claim.dead:
                drivers.append(f"process {claim.pid} on {claim.host}")
                began.append(claim.began)
            continue
        cell = wanted.get((part.cell, part.tile))
        label = "a cell of another spec" if cell is None else cell.label
        since = max(now - claim.began, 0.0)
        running.append(
            Running(
                label, part.tile, claim.at, claim.of, since, claim.silent, claim.host, claim.pid, claim.dead
            )
        )
    return tuple(running), tuple(drivers), min(began, default=None)


def _rate(store: Store, kept: KeptStudy, began: float) -> float:
    """Tiles a second since a moment."""
    mine = {cell.id for cell in kept.cells}
    made = [p.path(store.folder).stat().st_mtime for p in store.parts() if p.cell in mine and not p.pictures]
    return sum(t >= began for t in made) / max(time.time() - began, 1e-9)


def verified(run: str | Path) -> tuple[int, list[str]]:
    """How many of a run's files are whole, and a line for each that is not; nothing is changed.

    Raises:
        StoreError: if there is no run.
    """
    folder = Store.read(run).folder
    whole, wrong = checked(folder, listed(folder))
    problems = [f"part {part.name} {said}" for part, said in sorted(wrong.items())]
    sealed = (cells.FILE, "environment.json")
    there = [name for name in sealed if read_sealed(folder / name) is not None]
    problems += [f"{name} is damaged or gone" for name in sealed if name not in there]
    return len({*whole} - {*wrong}) + len(there), problems
