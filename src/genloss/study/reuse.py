"""What a run has already, what it computes, and why: the study against what the folder held before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from genloss.errors import bounded
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
        elif old is not None:
            yield "not finished before"
        else:
            yield "more of it is wanted than is here"
        return
    mine = cell.kept.identity
    if mine is None:
        yield "made of objects that no spec can name"
        return
    others = [k for k in known if k.kept.identity is not None and k.experiment == cell.experiment]
    if not others:
        yield f"{cell.experiment} is new" if cell.experiment else "new in this folder"
        return
    differences = [list(_differences(mine, k.kept.identity)) for k in others]
    seen = [_flat(k.kept.identity) for k in others]
    for path, now in min(differences, key=len):
        yield _said(path, now, any(path in other and other[path] == now for other in seen))


def _said(path: str, now: Any, known: bool) -> str:
    if path.startswith("code "):
        return f"{path.removeprefix('code ')} has changed, or is new"
    if path.startswith("data "):
        return "the data have changed"
    if path == "numerics":
        return "this version of genloss computes other numbers"
    if path == "tile":
        return f"tiles of {now} replicates"
    name = path.removeprefix("spec.").removeprefix("agents.0.")
    if now is None:
        return f"{name} is at its default"
    return f"{name} = {bounded(str(label(now)))} is {'in a new combination' if known else 'new'}"


def _differences(now: Any, before: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Where two identities differ, and what the first has there; parts of two kinds differ as wholes."""
    if now == before:
        return
    dot = f"{path}." if path else ""
    if isinstance(now, dict) and isinstance(before, dict) and now.get("kind") == before.get("kind"):
        for k in dict.fromkeys([*now, *before]):
            yield from _differences(now.get(k), before.get(k), f"{dot}{k}")
    elif isinstance(now, list) and isinstance(before, list) and len(now) == len(before):
        for i, (a, b) in enumerate(zip(now, before, strict=True)):
            yield from _differences(a, b, f"{dot}{i}")
    else:
        yield path, now


def _flat(of: Any, path: str = "") -> dict[str, Any]:
    """Everything in an identity by its path."""
    items = of.items() if isinstance(of, dict) else enumerate(of) if isinstance(of, list) else ()
    found = {path: of}
    for k, v in items:
        found |= _flat(v, f"{path}.{k}" if path else str(k))
    return found
