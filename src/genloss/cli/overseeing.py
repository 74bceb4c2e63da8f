"""What is said of a run while it goes on, and of what its parts printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from genloss.errors import SpecError, counted
from genloss.study import capture
from genloss.study.claims import SILENT
from genloss.study.parts import Part
from genloss.study.store import Store

if TYPE_CHECKING:
    from genloss.study.status import Running, Status

_MOST = 20
"""Lines of one kind before they are counted."""


def said_of_status(found: Status) -> str:
    """How far a run is, as text."""
    gone = sum(r.dead for r in found.running)
    begun = f", {gone} left unfinished" if gone else ""
    lines = [
        f"{found.tiles_done} of {counted(found.tiles, 'tile')} done, "
        f"{found.cells_done} of {counted(found.cells, 'cell')}; "
        f"{len(found.running) - gone} running, {len(found.failed)} failed{begun}"
    ]
    if not found.complete:
        lines.append("its cells.json is damaged or gone: cells without a part are not counted")
    if found.drivers:
        pace = _pace(found.rate, found.left)
        lines.append(f"at work: {', '.join(found.drivers)}{pace}")
    elif found.tiles_done < found.tiles:
        lines.append("nobody is at work; the same genloss run goes on")
    lines += _some([_running(r) for r in found.running], "running")
    lines += _some([f"failed   {f.cell}, tile {f.tile}: {f.error}" for f in found.failed], "failed")
    return "\n".join(lines)


def _some(lines: list[str], what: str) -> list[str]:
    return lines[:_MOST] + ([f"and {len(lines) - _MOST} more {what}"] if len(lines) > _MOST else [])


def _running(r: Running) -> str:
    first = next(iter(r.at), "")
    at = f"{first} {r.at[first]}" + (f" of {r.of}" if r.of else "") if first else "begun"
    if r.dead:
        whose = f"process {r.pid} on {r.host} is gone, the next genloss run makes it"
        return f"left     {r.cell}, tile {r.tile}: {at}; {whose}"
    said = f"running  {r.cell}, tile {r.tile}: {at}, for {_time(r.seconds)}"
    if r.silent > SILENT:
        return f"{said}; NO HEARTBEAT for {_time(r.silent)} (process {r.pid} on {r.host})"
    return f"{said}, last heard of {_time(r.silent)} ago"


def _pace(rate: float | None, left: float | None) -> str:
    if not rate:
        return ""
    pace = f"{rate:.1f} tiles/s" if rate >= 1 else f"{60 * rate:.1f} tiles/min"
    return f"; {pace}" + ("" if left is None else f", {_time(left)} left")


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def printed(folder: Path) -> bool:
    """Whether parts of the user's printed something."""
    logs = folder / capture.FOLDER
    return any(capture.read(path) for path in logs.glob("*.txt"))


def said_of_logs(run: str, index: int | None) -> str:
    """What parts of the user's printed, tile by tile.

    Args:
        run: the run's folder.
        index: of a cell; None for all.

    Raises:
        SpecError: if there is no such cell.
        StoreError: if there is no run.
    """
    store = Store.read(run)
    kept = store.kept
    some = () if kept is None else kept.cells
    if index is not None and index >= len(some):
        raise SpecError(
            f"--cell {index}: there {'is' if len(some) == 1 else 'are'} {counted(len(some), 'cell')}, from 0"
        )
    labels = {cell.id: cell.label for cell in some}
    wanted = None if index is None else some[index].id
    lines = []
    for file in sorted((store.folder / capture.FOLDER).glob("*.txt")):
        part = Part.named(file.stem)
        if part is not None and wanted in (None, part.cell) and (said := capture.read(file)):
            lines.append(f"== {labels.get(part.cell, 'a cell of another spec')}, tile {part.tile}")
            lines += [_printable(line) for line in said.decode("utf-8", "replace").splitlines()]
    return "\n".join(lines) or "nothing was printed"


def _printable(line: str) -> str:
    """A line that does nothing to a terminal."""
    return "".join(c if c.isprintable() or c == "\t" else "?" for c in line)
