"""What a run has already, what it computes, and why: the study against what the folder held before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
    if before is None and not store.parts():
        return []
    wanted = {(c.id, tile): c for c in cells for tile in range(c.tiles)}
    missing = [(c, tile) for (_, tile), c in wanted.items() if store.part(c, tile) is None]
    there = len(wanted) - len(missing)
    lines = [f"{there} of {len(wanted)} tiles are here already, {len(missing)} to compute"]
    reasons: dict[str, set[int]] = {}
    known = [] if before is None else list(before.cells)
    had = {part.cell for part in store.parts()}
    for cell, _ in missing:
        for reason in _reasons(cell, known, had):
            reasons.setdefault(reason, set()).add(cell.index)
    said = [f"{reason}: {_cells(len(of), len(cells))}" for reason, of in reasons.items()]
    more = [f"and {len(said) - _MOST} more reasons"] if len(said) > _MOST else []
    return [*lines, *said[:_MOST], *more]


def _cells(k: int, n: int) -> str:
    return "all cells" if k == n > 1 else "the cell" if n == 1 else f"{k} of {n} cells"


def _reasons(cell: Cell, known: Sequence[Cell], had: set[str]) -> Iterator[str]:
    """Why a cell lacks a tile: in what it differs from the cell before that is most like it."""
    same = next((k for k in known if k.id == cell.id), None)
    if same is not None or cell.id in had:
        new, old = cell.outline, None if same is None else same.outline
        if old is not None and new.length > old.length:
            yield f"{new.length} instead of {old.length} along {new.axes[0]}"
        elif old is not None and new.replicates > old.replicates:
            yield f"{new.replicates} replicates instead of {old.replicates}"
        else:
            yield "not finished before"
        return
    mine = cell.kept.identity
    if mine is None:
        yield "made of objects that no spec can name"
        return
    flat = _flat(mine)
    others = [(k, _flat(k.kept.identity)) for k in known if k.kept.identity is not None]
    if not others:
        yield "new in this folder"
        return
    # the nearest cell before, of its own experiment if there is one
    nearest, theirs = min(
        others,
        key=lambda other: (
            other[0].experiment != cell.experiment,
            sum(flat.get(k) != other[1].get(k) for k in flat.keys() | other[1].keys()),
        ),
    )
    if nearest.experiment != cell.experiment:
        yield f"{cell.experiment or 'the experiment'} is new"
        return
    seen = {k: {other.get(k) for _, other in others} for k in flat.keys() | theirs.keys()}
    for k in sorted(flat.keys() | theirs.keys()):
        if flat.get(k) != theirs.get(k):
            yield _difference(k, flat.get(k), theirs.get(k), seen[k])


def _difference(path: str, now: Any, before: Any, seen: set[Any]) -> str:
    if path.startswith("code "):
        return f"{path.removeprefix('code ')} has changed, or is new"
    if path.startswith("data "):
        return "the data have changed"
    if path == "numerics":
        return "this version of genloss computes other numbers"
    if path == "tile":
        return f"tiles of {now} replicates instead of {before}"
    name = path.removeprefix("spec.")
    if now is None:
        return f"{name} is at its default"
    return (
        f"{name} = {_short(now)} is new"
        if now not in seen
        else f"{name} = {_short(now)} in a new combination"
    )


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
