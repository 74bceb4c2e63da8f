"""What the columns of a table are: every column by the rules of `kinds`, ties settled by the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genloss.errors import DataError
from genloss.tables.cells import Floats, cells_of
from genloss.tables.column import Column
from genloss.tables.doubts import sums
from genloss.tables.kinds import Found, Judge
from genloss.tables.say import Decision, alike, listed, meant, shown, toml
from genloss.tables.texts import Convention
from genloss.tables.wishes import Wishes
from genloss.wording import several

SAID = "the spec says so"
"""Why a column is left out that nobody has to be told of."""


@dataclass(frozen=True, eq=False)
class Inferred:
    """A table, column by column.

    Args:
        columns: Those that are kept.
        rows: (n, D) floats.
        decisions: That were taken.
        left_out: Columns that are not kept, and rows.
    """

    columns: tuple[Column, ...]
    rows: Floats
    decisions: tuple[Decision, ...]
    left_out: tuple[Decision, ...]


def infer(table: Any, wishes: Wishes, delimiter: str = "", problems: Iterable[str] = ()) -> Inferred:
    """Find out what every column of a table is.

    Args:
        table: An Arrow table.
        wishes: How it is to be read.
        delimiter: What stands between the cells of its file.
        problems: What is wrong with it already.

    Raises:
        DataError: The table cannot serve as real data; a line for each problem, with column, cell and remedy.
    """
    names = [str(name) for name in table.column_names]
    wrong = [*problems, *_names_wrong(names, wishes)]
    if not wrong and not (names and table.num_rows):
        wrong.append("the table is empty; it needs rows and columns")
    elif not wrong and table.num_rows == 1:
        wrong.append("the table has one row; it needs at least two, and many more to learn from")
    _refuse(wrong)
    left_out = [
        Decision(
            f"column {place + 1} has no name", "a column without a name is mostly a count of rows", pin={}
        )
        for place, name in enumerate(names)
        if not name.strip()
    ]
    left_out += [
        Decision(shown(name), SAID, column=name, pin={"drop": [name]})
        for name in names
        if name in wishes.drop
    ]
    table = table.rename_columns(names)
    keep = [place for place, name in enumerate(names) if name.strip() and name not in wishes.drop]
    table, names = table.select(keep), [names[place] for place in keep]
    rows = None
    if wishes.target is not None and wishes.target in names:
        present = ~np.isnan(_target(table, wishes).values)
        lost = int((~present).sum())
        if 0 < lost < table.num_rows:
            rows = np.flatnonzero(present)
            table = table.take(rows)
            why = f"they have no value of the target {shown(wishes.target)}"
            left_out.append(Decision(f"{lost} of {lost + len(rows)} rows", why))
    found = _read(table, names, wishes, rows, delimiter)
    wrong += [f.problem for f in found if f.problem]
    left_out += [f.left_out for f in found if f.left_out is not None]
    if wishes.strict:
        wrong += [f"{d.what}: {d.why}; drop it, or leave strict out" for d in left_out if d.why != SAID]
    kept = [f for f in found if f.column is not None]
    total = sums(table, [(f.column, f.values) for f in kept if f.column is not None])
    if not kept and not wrong:
        wrong.append(f"no column is left: {'; '.join(f'{d.what}: {d.why}' for d in left_out)}")
    _refuse(wrong)
    return Inferred(
        tuple(f.column for f in kept if f.column is not None),
        np.stack([f.values for f in kept], axis=1),
        (*(d for f in kept for d in f.decisions), *total),
        tuple(left_out),
    )


def _names_wrong(names: list[str], wishes: Wishes) -> list[str]:
    """What is wrong with the names of columns, and with the names that a spec gives."""
    wrong = alike(names)
    known = f"(columns: {listed(names)})"
    if wishes.target is not None and wishes.target not in names:
        wrong.append(
            f"no column {shown(wishes.target)} to be the target{meant(wishes.target, names)} {known}"
        )
    for what, some in (("drop", wishes.drop), ("types", tuple(dict(wishes.types)))):
        wrong += [f"{what}: no column {shown(n)}{meant(n, names)} {known}" for n in some if n not in names]
    if wishes.target in wishes.drop:
        wrong.append(f"drop: {shown(wishes.target)} is the target")
    return wrong


def _target(table: Any, wishes: Wishes) -> Found:
    """The target, read on all rows: NaN where it is missing, and nowhere if it cannot be read."""
    found = _read(table.select([wishes.target]), [str(wishes.target)], wishes, None, "")[0]
    return found if found.column is not None else Found(values=np.zeros(table.num_rows))


def _read(table: Any, names: list[str], wishes: Wishes, rows: Any, delimiter: str) -> list[Found]:
    """Every column; one that leaves something open is read again, as the others are."""

    def one(place: int, convention: Convention) -> Found:
        name = names[place]
        try:
            cells = cells_of(name, table.column(place), wishes.missing, rows)
        except DataError as error:
            return Found(problem=str(error))
        forced = dict(wishes.types).get(name)
        of = Judge(name, cells, name == wishes.target, forced, convention, wishes.decimal, wishes.dayfirst)
        found = of.found()
        if found.column is None or not (lost := _lost(name, table.column(place), wishes.missing, rows)):
            return found
        return replace(found, decisions=(*found.decisions, *lost))

    found = [one(place, Convention(delimiter=delimiter)) for place in range(len(names))]
    reads = [f.read for f in found if f.read is not None]
    decimals, orders = {r.decimal for r in reads} - {""}, {r.order for r in reads} - {""}
    usual = Convention("".join(sorted(decimals)), _only(orders), delimiter)
    if len(decimals) > 1:
        found = [_against(f) for f in found]
    if usual.decimal or usual.order:
        found = [
            one(place, usual) if f.read is not None and f.read.unsure else f for place, f in enumerate(found)
        ]
    return found


def _lost(name: str, column: Any, missing: tuple[str, ...], rows: Any) -> list[Decision]:
    """What is said of numbers that the spec lists as missing: they are so in every column."""
    figures = [text for text in missing if text.lstrip("-").replace(".", "", 1).isdecimal()]
    if not figures:
        return []
    others = tuple(text for text in missing if text not in figures)
    gone = [int(cells_of(name, column, texts, rows).missing.sum()) for texts in (missing, others)]
    what = f"{shown(name)}: {listed(figures)} is read as missing"
    return [Decision(what, f"in {several(gone[0] - gone[1], 'cell')}", "", name)] if gone[0] > gone[1] else []


def _against(found: Found) -> Found:
    """A column with the reason that it has decimal points where others have commas, if it has not said so."""
    if found.column is None or found.read is None or found.read.decimal != ".":
        return found
    name = found.column.name
    if any("with decimal" in d.what for d in found.decisions):
        return found
    what = f"{shown(name)} is read with decimal points"
    change = toml(types={name: "category"})
    note = Decision(what, "no other reading fits all cells, though other columns have commas", change, name)
    return replace(found, decisions=(*found.decisions, note))


def _only(some: set[str]) -> str:
    return some.pop() if len(some) == 1 else ""


def _refuse(wrong: list[str]) -> None:
    """Raise all problems as one.

    Raises:
        DataError: If there are any.
    """
    if wrong:
        raise DataError("\n".join(wrong))
