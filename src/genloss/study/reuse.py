"""What a run has already, what it computes, and why: the study against what the folder held before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from genloss.study.cells import Cell, KeptStudy
from genloss.study.identity import Identity
from genloss.study.store import Store

_MOST = 6
"""Reasons that are said one by one."""


def explained(store: Store, cells: Sequence[Cell], before: KeptStudy | None) -> list[str]:
    """Lines that say what a run uses again, what it computes and why; none for a new folder.

    Args:
        store: the run.
        cells: of the study as it is.
        before: the study as it was.
    """
    had = {part.cell for part in store.parts()}
    if before is None and not had:
        return []
    wanted = {(c.id, tile): store.part(c, tile) is not None for c in cells for tile in range(c.tiles)}
    there = sum(wanted.values())
    lines = [f"{there} of {len(wanted)} tiles are here already, {len(wanted) - there} to compute"]
    known = _Known([] if before is None else before.cells, had)
    reasons: dict[str, int] = {}
    for cell in cells:
        if not all(store.part(cell, tile) is not None for tile in range(cell.tiles)):
            for reason in dict.fromkeys(known.reasons(cell)):
                reasons[reason] = reasons.get(reason, 0) + 1
    said = [f"{reason}: {_cells(count, len(cells))}" for reason, count in reasons.items()]
    more = [f"and {len(said) - _MOST} more reasons"] if len(said) > _MOST else []
    return [*lines, *said[:_MOST], *more]


def _cells(k: int, n: int) -> str:
    return "all cells" if k == n > 1 else "the cell" if n == 1 else f"{k} of {n} cells"


class _Known:
    """What a folder held before: its cells by identity, and every value of each experiment by its path."""

    def __init__(self, cells: Iterable[Cell], had: set[str]) -> None:
        self._had = had
        self._same: dict[str, list[Cell]] = {}
        flat: dict[str, list[dict[str, Any]]] = {}
        for cell in cells:
            self._same.setdefault(cell.id, []).append(cell)
            if cell.kept.identity is not None:
                flat.setdefault(cell.experiment, []).append(_flat(cell.kept.identity))
        self._seen: dict[str, dict[str, set[Any]]] = {}
        for experiment, some in flat.items():
            counts = Counter(path for one in some for path in one)
            seen = {path: set() if k == len(some) else {None} for path, k in counts.items()}
            for one in some:
                for path, value in one.items():
                    seen[path].add(value)
            self._seen[experiment] = seen

    def reasons(self, cell: Cell) -> Iterator[str]:
        """Why a cell lacks a tile: in what it differs from every cell before."""
        new, old = cell.outline, [k.outline for k in self._same.get(cell.id, ())]
        if old or cell.id in self._had:
            length, replicates = (
                max((o.length for o in old), default=0),
                max((o.replicates for o in old), default=0),
            )
            if old and new.length > length:
                yield f"{new.length} instead of {length} along {new.axes[0]}"
            elif old and new.replicates > replicates:
                yield f"{new.replicates} replicates instead of {replicates}"
            else:
                yield "not finished before"
        elif cell.kept.identity is None:
            yield "made of objects that no spec can name"
        elif not self._seen:
            yield "new in this folder"
        elif cell.experiment not in self._seen:
            yield f"{cell.experiment or 'the experiment'} is new"
        else:
            yield from _differences(_flat(cell.kept.identity), self._seen[cell.experiment])


def _differences(flat: Mapping[str, Any], seen: Mapping[str, set[Any]]) -> Iterator[str]:
    """What no cell before had."""
    new = [path for path in {*flat, *seen} if flat.get(path) not in seen.get(path, {None})]
    for path in sorted(new):
        kind = f"{path.rpartition('.')[0]}.kind"
        # a part of another kind has other fields, and a tile that is asked for is said so
        if not (path == "tile" and "spec.tile" in new) and (path in flat or kind not in {*new} - {path}):
            yield _difference(path, flat.get(path), seen.get(path, set()))
    if not new:
        yield "values that were there, in a new combination"


def _difference(path: str, now: Any, seen: set[Any]) -> str:
    if path.startswith("code "):
        return f"{path.removeprefix('code ')} {'has changed' if seen - {None} else 'is new'}"
    if path.startswith("data "):
        return "the data have changed"
    if path == "numerics":
        return "this version of genloss computes other numbers"
    if path == "tile":
        return f"tiles of {now} replicates instead of {' or '.join(map(str, sorted(seen)))}"
    name = path.removeprefix("spec.").removesuffix(".kind")
    return f"{name} is at its default" if now is None else f"{name} = {_short(now)} is new"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _flat(of: Identity | Sequence[Any] | Any, path: str = "") -> dict[str, Any]:
    """Every value by its path; a part by its kind and fields."""
    if isinstance(of, Mapping):
        items: Any = of.items()
    elif isinstance(of, (list, tuple)):
        items = enumerate(of)
    else:
        return {path: of if isinstance(of, (str, int, float, bool, type(None))) else json.dumps(of)}
    found: dict[str, Any] = {}
    for k, v in items:
        found |= _flat(v, f"{path}.{k}" if path else str(k))
    return found
