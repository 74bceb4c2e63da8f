"""What is asked of results: which cells, by what they have of the varied fields; which metric, which line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from genloss.errors import SpecError, shown
from genloss.study.cells import Cell
from genloss.study.grid import label
from genloss.study.outline import Outline
from genloss.study.registry import did_you_mean
from genloss.traits import METRIC_NAMES
from genloss.wording import listed


def one(cells: Sequence[Cell], cell: int | Cell | None, varied: Mapping[str, Any]) -> Cell:
    """The one cell of that index, or with these values of experiment and varied fields.

    Raises:
        SpecError: if there is none, or more than one.
    """
    if isinstance(cell, Cell):
        return cell
    if cell is not None:
        if not isinstance(cell, int) or not -len(cells) <= cell < len(cells):
            raise SpecError(f"there is no cell {cell!r}; give an index from 0 to {len(cells) - 1}")
        return cells[cell]
    fit = fitting(cells, varied)
    if not fit:
        raise SpecError(_none(cells, varied))
    if len(fit) > 1:
        raise SpecError(
            f"say which of {len(fit)} cells is meant, as in {_example(cells, fit[0], varied)} "
            f"or cell={fit[0].index}: {_named(fit)}"
        )
    return fit[0]


def fitting(cells: Sequence[Cell], varied: Mapping[str, Any]) -> list[Cell]:
    """The cells with these values of experiment, varied fields, case and what the case sets.

    Raises:
        SpecError: if no cell has such a field.
    """
    known = {"experiment", *(k for c in cells for k in c.columns)}
    wanted = {}
    for name, value in varied.items():
        found = meant(name, known)
        if len(found) != 1:
            raise SpecError(f"no cell has a '{name}'{did_you_mean(name, known)}")
        wanted[found[0]] = value
    return [c for c in cells if all(_is(v, _columns(c).get(k)) for k, v in wanted.items())]


def meant(field: str, known: Iterable[str]) -> list[str]:
    """The columns that a field may be: the one of that name, or those whose path ends so, or that it ends in.

    >>> meant("regime", ["agents.1.regime", "dim"]), meant("real.dim", ["agents.1.regime", "dim"])
    (['agents.1.regime'], ['dim'])
    """
    some = list(known)
    if field in some:
        return [field]
    return [k for k in some if k.endswith(f".{field}") or field.endswith(f".{k}")]


def of_one(cells: Sequence[Cell], varied: Mapping[str, Any]) -> list[Cell]:
    """The cells with these values, all of one experiment.

    Raises:
        SpecError: if there are none, or several experiments have some.
    """
    return _of_one(cells, fitting(cells, varied), varied, "there are such cells")


def measuring(cells: Sequence[Cell], metric: Any, varied: Mapping[str, Any]) -> tuple[str, list[Cell]]:
    """A metric's name, and the cells of one experiment that measure it and have these values.

    Args:
        cells: of the study.
        metric: its name, or the metric; None for the first that is not of the training set.
        varied: what the cells have of experiment and varied fields.

    Raises:
        SpecError: if there is no such metric or cell, or several experiments measure it.
    """
    fit = fitting(cells, varied)
    if metric is None and fit:
        said = fit[0].outline.meanings
        metric = next((name for name, m in said.items() if m.of != "training"), next(iter(said)))
    names = {c.index: name_of(metric, c) for c in fit}
    have = [c for c in fit if names[c.index] in c.outline.meanings]
    if fit and not have:
        name, known = names[fit[0].index], {k for c in fit for k in c.outline.meanings}
        raise SpecError(f"no metric '{name}' was measured{did_you_mean(name, known)}")
    mine = _of_one(cells, have, varied, f"{metric} is measured")
    return names[mine[0].index], mine


def name_of(metric: Any, cell: Cell) -> str:
    """A metric's name in results; "TestError" will do for "TestError(of='published')", the only one."""
    names = cell.outline.meanings
    objects = METRIC_NAMES.of(cell.task) or {}
    given = isinstance(metric, str)
    name = metric if given else next((k for k, m in objects.items() if m == metric), repr(metric))
    alike = [k for k in names if k.startswith(f"{name}(of=")]
    return alike[0] if len(alike) == 1 and name not in names else name


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


def _of_one(cells: Sequence[Cell], fit: list[Cell], varied: Mapping[str, Any], what: str) -> list[Cell]:
    if not fit:
        raise SpecError(_none(cells, varied))
    names = [*dict.fromkeys(c.experiment for c in fit)]
    if len(names) > 1:
        raise SpecError(f"{what} in {listed(names, 6)}: name one of them, as in experiment='{names[0]}'")
    return fit


def _none(cells: Sequence[Cell], varied: Mapping[str, Any]) -> str:
    """That no cell has all that was asked for, and what there is instead."""
    for name, value in varied.items():
        if not fitting(cells, {name: value}):
            known = ("experiment", *dict.fromkeys(k for c in cells for k in c.columns))
            column = meant(name, known)[0]
            there = dict.fromkeys(str(_columns(c)[column]) for c in cells if column in _columns(c))
            return f"no cell has {name}={shown(value)}; there are {listed([*there], 8)}"
    asked = ", ".join(f"{k}={shown(v)}" for k, v in varied.items())
    return f"no cell has {asked} together; there are: {_named(cells)}"


def _columns(cell: Cell) -> dict[str, Any]:
    """All that a cell can be asked for by."""
    return {**cell.columns, "experiment": cell.experiment}


def _named(cells: Sequence[Cell]) -> str:
    return listed([c.label for c in cells], 5)


def _example(cells: Sequence[Cell], cell: Cell, varied: Mapping[str, Any]) -> str:
    """What has to be typed for one cell: what was, and of each field that is varied what it has."""
    asked, said = dict(varied), [f"{k}={v!r}" for k, v in varied.items()]
    columns = {"experiment": cell.experiment, **cell.varied}
    for name, value in columns.items():
        end = name.rpartition(".")[2]
        short = end if end.isidentifier() and len(meant(end, columns)) == 1 else name
        before = fitting(cells, asked)
        if len(fitting(before, {name: value})) < len(before):
            asked[name] = value
            said.append(f"{short}={value!r}" if short.isidentifier() else f"**{{{name!r}: {value!r}}}")
    return ", ".join(said)


def _is(wanted: Any, varied: Any) -> bool:
    """Whether a value, or part, that was asked for is what a cell has: "Replace", or Replace()."""
    return str(varied) in (str(wanted), str(label(wanted)))
