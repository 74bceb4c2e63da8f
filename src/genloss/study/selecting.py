"""What is asked of results: which cell, by what it has of the varied fields, and which line in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genloss.errors import SpecError
from genloss.study.cells import Cell
from genloss.study.grid import label
from genloss.study.outline import Outline
from genloss.study.registry import did_you_mean


def cell_with(cells: Sequence[Cell], wanted: dict[str, Any]) -> Cell:
    """The one cell with these values of experiment, varied fields, case and what the case sets.

    Raises:
        SpecError: if there is none, or more than one.
    """
    known = {"experiment", *(k for c in cells for k in c.columns)}
    by: dict[str, Any] = {}
    for name, value in wanted.items():
        # "regime" will do for "agents.1.regime", where no other agent's is varied
        ends = [name] if name in known else [k for k in known if k.endswith(f".{name}")]
        if len(ends) != 1:
            raise SpecError(f"no cell has a '{name}'{did_you_mean(name, known)}")
        by[ends[0]] = value
    fit = [
        c
        for c in cells
        if all(_is(v, {**c.columns, "experiment": c.experiment}.get(k)) for k, v in by.items())
    ]
    if len(fit) != 1:
        what = "narrow it down to one" if fit else "there are"
        raise SpecError(
            f"{len(fit)} of {len(cells)} cells have {by or 'no condition'}; "
            f"{what}: {', '.join(c.label for c in (fit or list(cells))[:5])}"
        )
    return fit[0]


def _is(wanted: Any, varied: Any) -> bool:
    """Whether a value, or part, that was asked for is what a cell has: "Replace", or Replace()."""
    return str(varied) in (str(wanted), str(label(wanted)))


def line_of(outline: Outline, wanted: Any) -> int:
    """The index of a line, by itself or, of a loop, by its agent's name.

    Raises:
        SpecError: if there is none.
    """
    names = [line.get("agent", " ".join(line.values())) for line in outline.lines]
    if isinstance(wanted, str) and wanted in names:
        return names.index(wanted)
    if isinstance(wanted, int) and 0 <= wanted < len(names):
        return wanted
    raise SpecError(f"there is no agent {wanted}; there are {', '.join(names)}, from 0")
