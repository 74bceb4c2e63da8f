"""What a run has already, what it computes, and why: the study against what the folder held before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from genloss.errors import bounded, counted, these
from genloss.study.cells import Cell, KeptStudy
from genloss.study.grid import label
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
    tiles = store.here(cells)
    here = sum(tiles.values())
    lines = [f"{here} of {these(len(tiles), 'tile')} here already, {len(tiles) - here} to compute"]
    known = _Known([] if before is None else before.cells, had)
    reasons: dict[str, int] = {}
    for cell in cells:
        if not all(store.part(cell, tile) is not None for tile in range(cell.tiles)):
            for reason in dict.fromkeys(known.reasons(cell)):
                reasons[reason] = reasons.get(reason, 0) + 1
    if reasons and before is not None:  # of other studies that were here it is not said
        lines = [f"{lines[0]}; against the study that was here last:"]
    said = [f"{reason}: {_cells(count, len(cells))}" for reason, count in reasons.items()]
    more = [f"and {len(said) - _MOST} more reasons"] if len(said) > _MOST else []
    return [*lines, *said[:_MOST], *more]


def _cells(k: int, n: int) -> str:
    return "all cells" if k == n > 1 else "the cell" if n == 1 else f"{k} of {n} cells"


class _Known:
    """What a folder held before: its cells, and everything that stood in those of an experiment, by path."""

    def __init__(self, cells: Iterable[Cell], had: set[str]) -> None:
        self._had = had
        self._same: dict[str, list[Cell]] = {}
        self._seen: dict[str, dict[str, Counter[str]]] = {}
        self._many: Counter[str] = Counter()
        for cell in cells:
            self._same.setdefault(cell.id, []).append(cell)
            if cell.kept.identity is not None:
                self._many[cell.experiment] += 1
                seen = self._seen.setdefault(cell.experiment, {})
                for path, value in _flat(cell.kept.identity):
                    seen.setdefault(path, Counter())[_text(value)] += 1

    def reasons(self, cell: Cell) -> Iterator[str]:
        """Why a cell lacks a tile: in what it differs from every cell before."""
        new, old = cell.outline, [k.outline for k in self._same.get(cell.id, ())]
        length = max((o.length for o in old), default=0)
        replicates = max((o.replicates for o in old), default=0)
        if old and new.length > length:
            yield f"{new.length} instead of {length} along {new.axes[0]}"
        elif old and new.replicates > replicates:
            yield f"{counted(new.replicates, 'replicate')} instead of {replicates}"
        elif old:
            yield "not finished, or lost since"
        elif cell.id in self._had:
            yield "more of it is wanted than is here"
        elif cell.kept.identity is None:
            yield "made of objects that no spec can name"
        elif not self._seen:
            yield "new in this folder"
        elif cell.experiment not in self._seen:
            yield f"{cell.experiment or 'the experiment'} is new"
        else:
            found = list(self._news(cell.kept.identity, "", cell.experiment))
            paths = {path for path, _ in found}
            # a tile that is asked for is said so
            some = [(p, v) for p, v in found if not (p == "tile" and "spec.tile" in paths)]
            alone = len(cell.kept.identity["spec"].get("agents", ())) == 1
            yield from (self._said(p, v, cell.experiment, alone) for p, v in some)
            if not some:
                yield "values that were there, in a new combination"

    def _news(self, now: Any, path: str, experiment: str) -> Iterator[tuple[str, Any]]:
        """What no cell before had: a part of a new kind as a whole, else the fields that are new in it."""
        seen = self._seen[experiment]
        if _text(now) in seen.get(path, ()):
            return
        dot = f"{path}." if path else ""
        if isinstance(now, dict) and ("kind" not in now or _text(now["kind"]) in seen.get(f"{dot}kind", ())):
            for k, v in now.items():
                yield from self._news(v, f"{dot}{k}", experiment)
            for gone, values in seen.items():
                # a field that all cells before had, and this one has not
                k = gone.removeprefix(dot)
                if gone.startswith(dot) and k and "." not in k and k not in now:
                    if values.total() == self._many[experiment]:
                        yield gone, None
        elif isinstance(now, list) and f"{dot}{len(now) - 1}" in seen and f"{dot}{len(now)}" not in seen:
            for i, v in enumerate(now):
                yield from self._news(v, f"{dot}{i}", experiment)
        else:
            yield path, now

    def _said(self, path: str, now: Any, experiment: str, alone: bool) -> str:
        seen = self._seen[experiment].get(path, ())
        if path.startswith("code "):
            return f"{path.removeprefix('code ')} {'has changed' if seen else 'is new'}"
        if path.startswith("data "):
            return "the data have changed"
        if path == "numerics":
            return "this version of genloss computes other numbers"
        if path == "tile":
            return f"tiles of {counted(int(now), 'replicate')} instead of {' or '.join(sorted(seen))}"
        name = path.removeprefix("spec.").removeprefix("agents.0." if alone else "")
        return f"{name} is at its default" if now is None else f"{name} = {bounded(str(label(now)))} is new"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _flat(of: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in an identity by its path."""
    yield path, of
    items = of.items() if isinstance(of, dict) else enumerate(of) if isinstance(of, list) else ()
    for k, v in items:
        yield from _flat(v, f"{path}.{k}" if path else str(k))
