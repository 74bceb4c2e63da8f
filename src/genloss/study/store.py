"""A run's folder: a store of parts, the present spec, and what is good to know beside them.

    spec.toml            what the run is to do now
    specs/               what it was to do before
    parts/               a file for each finished tile, which vouches for itself
    cells.json           what the numbers mean; written anew from the spec
    environment.json     versions and machine, each time the run was worked on
    ledger.jsonl         what happened: seconds of tiles, failures
    data/                tables and arrays that were given in Python, named by their content
    running/  logs/      who is working on what; what parts of the user's printed
    report.html

Only parts are trusted, and each on its own word. Everything else can be lost and costs no number.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from genloss.errors import StoreError
from genloss.study import claims
from genloss.study.cells import Cell, KeptStudy, cells_of_parts, read_cells, write_cells
from genloss.study.files import explained, read_sealed, sealed, sweep, write_file
from genloss.study.parts import FOLDER, Part, about, checked, listed, of_earlier_layout
from genloss.tables import kept

Entry = dict[str, Any]  # a line of the ledger

_OURS = {
    *("spec.toml", "specs", FOLDER, kept.FOLDER, "cells.json", "environment.json", "ledger.jsonl"),
    *(claims.FOLDER, "logs", "report.html"),
}


class Store:
    """The folder of one run.

    Attributes:
        folder: where it is.
        problems: one line for each part that is not what was written, as of the last :meth:`look`.
    """

    def __init__(self, folder: Path) -> None:
        """Use `Store.open` to work on a run and `Store.read` to look at one."""
        self.folder = folder
        self.problems: list[str] = []
        self._parts: dict[tuple[str, int], list[Part]] | None = None

    @classmethod
    def open(cls, folder: str | Path) -> Store:
        """A folder to work in: a new one, or one that holds parts of this study or of others.

        What a crash left is removed, damaged parts too.

        Raises:
            StoreError: if the folder holds something else, or cannot be written.
        """
        folder = Path(folder)
        kept.look_in(folder)
        with explained("write", folder):
            if folder.exists() and not folder.is_dir():
                raise StoreError(f"{folder} is a file, not a folder; give another --out")
            _refuse_earlier(folder)
            if folder.is_dir() and not _is_run(folder) and any(folder.iterdir()):
                raise StoreError(f"{folder} is not empty and holds no run; give another --out")
            for name in (FOLDER, claims.FOLDER):
                (folder / name).mkdir(parents=True, exist_ok=True)
            sweep(folder)
            claims.clear(folder)
            store = cls(folder)
            for part in store.look():
                part.path(folder).unlink(missing_ok=True)
                store.lost(part)
        return store

    @classmethod
    def read(cls, folder: str | Path) -> Store:
        """A run to look at; nothing in its folder is changed.

        Raises:
            StoreError: if there is none.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise StoreError(f"no run at {folder}: there is no such folder")
        _refuse_earlier(folder)
        if not _is_run(folder):
            raise StoreError(f"no run at {folder}: it has no spec.toml and no {FOLDER}")
        kept.look_in(folder)
        return cls(folder)

    # -- what it is to do ----------------------------------------------------------------------------

    def begin(self, study: Any, spec: str, environment: Mapping[str, Any]) -> KeptStudy | None:
        """Set what the run is to do now; returns what it was to do before.

        Args:
            study: the study.
            spec: its text; empty where no spec can say it.
            environment: versions and machine, as JSON has them.

        Raises:
            StoreError: if it cannot be written.
        """
        before = read_cells(self.folder)
        with explained("write", self.folder):
            path = self.folder / "spec.toml"
            text = path.read_bytes() if path.exists() else spec.encode()
            if text != spec.encode() and text.strip():
                (self.folder / "specs").mkdir(exist_ok=True)
                earlier = f"specs/{hashlib.sha256(text).hexdigest()[:8]}.toml"
                if not (self.folder / earlier).exists():
                    write_file(self.folder, earlier, text)
            if text != spec.encode() or not path.exists():
                write_file(self.folder, "spec.toml", spec.encode())
            environments = self.environments
            if environment not in environments:
                write_file(self.folder, "environment.json", sealed([*environments, dict(environment)]))
            for name in kept.names(spec):
                if not (self.folder / name).exists():
                    (self.folder / kept.FOLDER).mkdir(exist_ok=True)
                    write_file(self.folder, name, kept.located(name).read_bytes())
        write_cells(self.folder, study, spec)
        return before

    @property
    def kept(self) -> KeptStudy | None:
        """What its numbers mean, as it was written; None where that is lost."""
        return read_cells(self.folder)

    def rebuilt(self) -> KeptStudy:
        """The same from what the parts say of themselves.

        Raises:
            StoreError: if there are none.
        """
        # the longest part, of these the last tile: it was made when most was wanted
        values = sorted((p for p in self.parts() if not p.pictures), key=lambda p: (p.length, p.tile, p.size))
        said = (about(self.folder, part) for part in {part.cell: part for part in values}.values())
        return cells_of_parts(self.folder, [s for s in said if s])

    @property
    def spec(self) -> str:
        """The text of ``spec.toml``, or "" where it cannot be read."""
        try:
            return (self.folder / "spec.toml").read_text(encoding="utf-8")
        except (OSError, ValueError):
            return ""

    @property
    def environments(self) -> list[Any]:
        """Versions and machine, once for each that the run was worked on in."""
        found = read_sealed(self.folder / "environment.json")
        return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []

    # -- what is done --------------------------------------------------------------------------------

    def look(self) -> list[Part]:
        """Check every part; those that are to be made again are returned, and named in `problems`."""
        whole, wrong = checked(self.folder, listed(self.folder))
        self.problems = [f"part {part.name} {said}" for part, said in sorted(wrong.items())]
        self._parts = {}
        for part in whole:
            self._parts.setdefault((part.cell, part.tile), []).append(part)
        return [*wrong]

    def parts(self) -> list[Part]:
        """The parts that can be read."""
        if self._parts is None:
            self.look()
        return [part for some in (self._parts or {}).values() for part in some]

    def part(self, cell: Cell, tile: int) -> Part | None:
        """The part that holds what a cell wants of a tile, or None; the smallest where several do."""
        if self._parts is None:
            self.look()
        some = (self._parts or {}).get((cell.id, tile), ())
        fit = [p for p in some if not p.pictures and p.serves(cell.outline.length, cell.size(tile))]
        return min(fit, default=None)

    def here(self, cells: Iterable[Cell]) -> dict[tuple[str, int], bool]:
        """The tiles that cells want, by fingerprint and index: whether each is here as all of them want it.

        Cells of equal fingerprint share tiles, and may differ in how many generations they want.
        """
        found: dict[tuple[str, int], bool] = {}
        for cell in cells:
            for tile in range(cell.tiles):
                key = (cell.id, tile)
                found[key] = found.get(key, True) and self.part(cell, tile) is not None
        return found

    def pictures(self, cell: Cell) -> Part | None:
        """The pictures of a cell, or None."""
        part = self.part(cell, 0)
        shown = None if part is None else replace(part, pictures=True)
        return shown if shown in (self._parts or {}).get((cell.id, 0), ()) else None

    def made(self, part: Part) -> None:
        """Take note of a part that has just been made, here or elsewhere."""
        if self._parts is not None:
            some = self._parts.setdefault((part.cell, part.tile), [])
            shown = replace(part, pictures=True)
            some += [p for p in (part, shown) if p not in some and p.path(self.folder).exists()]

    def lost(self, part: Part) -> None:
        """Take note of a part that is no longer there."""
        some = (self._parts or {}).get((part.cell, part.tile), [])
        some[:] = [p for p in some if p != part]

    # -- what happened -------------------------------------------------------------------------------

    def record(self, part: Part, seconds: float) -> None:
        """Note that a part was made."""
        self._append({"part": part.name, "seconds": seconds})

    def fail(self, part: Part, error: str) -> None:
        """Note that a part could not be made."""
        self._append({"part": part.name, "error": error})

    def failures(self) -> dict[Part, str]:
        """The last failure of each part that has not been made since."""
        failed: dict[str, str] = {}
        for entry in self._ledger():
            failed.pop(entry["part"], None)
            if isinstance(entry.get("error"), str):
                failed[entry["part"]] = entry["error"]
        found = ((Part.named(name), error) for name, error in failed.items())
        return {part: error for part, error in found if part and not part.path(self.folder).exists()}

    def seconds(self) -> float:
        """Processor time of all tiles that were made, as far as the ledger knows."""
        last = {entry["part"]: entry.get("seconds") for entry in self._ledger()}
        return float(sum(s for s in last.values() if isinstance(s, (int, float)) and 0 <= s < 1e12))

    def _ledger(self) -> list[Entry]:
        """The lines that can be read."""
        path = self.folder / "ledger.jsonl"
        try:
            lines = path.read_bytes().splitlines()
        except OSError:
            return []
        entries = []
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError):
                entry = json.loads(line)
                if isinstance(entry, dict) and isinstance(entry.get("part"), str):
                    entries.append(entry)
        return entries

    def _append(self, entry: Entry) -> None:
        # one write to a file opened for appending: drivers that share the run do not cut each other's lines;
        # a line torn by a crash ends where the next begins
        line = b"\n" + json.dumps(entry).encode()
        with explained("write", self.folder):
            handle = os.open(self.folder / "ledger.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
            try:
                os.write(handle, line)
            finally:
                os.close(handle)


def _is_run(folder: Path) -> bool:
    """Whether a folder holds a run, or what is left of one."""
    there = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if (folder / FOLDER).is_dir():
        return there <= _OURS or bool(there & {"spec.toml", "cells.json"})
    return "cells.json" in there  # its parts are lost


def _refuse_earlier(folder: Path) -> None:
    if of_earlier_layout(folder):
        raise StoreError(
            f"{folder} holds a run of genloss 0.1, whose parts this version cannot use; "
            f"give another --out, or read it with genloss 0.1"
        )
