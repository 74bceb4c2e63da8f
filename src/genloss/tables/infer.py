"""What the columns of a table are: the kind of each, its categories and its range, or why it cannot be used.

The same rules hold for every file format, so one table gives one schema:

- Text in which every cell is a number, an ISO 8601 date, or true or false, is numeric, date or boolean; other
  text is categorical.
- Integers stay numeric however few they are, but for the target: there at most `FEW` distinct integers, each
  seen twice on average, are classes. A target written with decimals (1.0, 2.0) stays numeric.
- A pandas `category` column of text or numbers is categorical whatever its cells look like; an ordered one
  keeps its order, else labels are sorted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.errors import DataError
from genloss.tables.cells import (
    EXACT,
    READERS,
    Cells,
    Reading,
    as_labels,
    check_finite,
    read_cells,
)
from genloss.tables.column import Column, Kind, Label
from genloss.tables.say import listed, meant, shown

if TYPE_CHECKING:
    import pandas as pd

FEW = 20
"""The most distinct integers of a target that are taken for classes."""

MOST_CATEGORIES = 1000
"""More categories than that are free text or keys: no generator here can learn them from a table."""

DISTINCT_ROWS = 50
"""A text column of more rows than that, all different, is a key or free text."""


def infer_columns(frame: pd.DataFrame, target: str | None, source: str) -> tuple[Column, ...]:
    """Find out what every column of a table is.

    Args:
        frame: The table; its index is not data.
        target: The column to be predicted, or None.
        source: What errors call the table: a path or a name.

    Raises:
        DataError: The table, or a column, cannot serve as real data; names source, column, cell and remedy.
    """
    names = [str(name) for name in frame.columns]
    check_distinct(names, f"{source}: ")
    if not names or not len(frame):
        raise DataError(f"{source}: the table is empty; it needs rows and columns")
    if len(frame) == 1:
        raise DataError(
            f"{source}: the table has one row; it needs at least two, and many more to learn from"
        )
    if target is not None and target not in names:
        raise DataError(
            f"{source}: no column {shown(target)} to be the target{meant(target, names)} "
            f"(columns: {listed(names)})"
        )
    columns = []
    for place, name in enumerate(names):
        try:
            columns.append(_infer_column(name, frame.iloc[:, place], name == target))
        except DataError as error:
            raise DataError(f"{source}: {error}") from None
    return tuple(columns)


def check_distinct(names: list[str], where: str = "") -> None:
    """Refuse column names that occur twice.

    Raises:
        DataError: Names the first column name that occurs twice.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"{where}two columns are called {shown(name)}; rename one of them")
        seen.add(name)


def _infer_column(name: str, series: pd.Series[Any], is_target: bool) -> Column:
    cells = read_cells(name, series)
    if cells.missing.all():
        raise DataError(f"column {shown(name)} has no values, all cells are missing; drop it")
    if is_target and cells.missing.any():
        row, count = int(np.flatnonzero(cells.missing)[0]), int(cells.missing.sum())
        raise DataError(
            f"the target {shown(name)} is missing in {count} of {len(cells.missing)} rows, "
            f"first in row {row + 1}; drop these rows or choose another target"
        )
    order = _declared_order(series, cells)
    kind, reading = _read(name, cells) if order is None else ("categorical", None)
    if reading is not None:
        check_finite(name, reading, cells)
        if is_target and kind == "numeric" and _few(reading):
            order = [int(v) for v in np.unique(reading.values)]
            kind, reading = "categorical", None
    if reading is None:
        order = sorted(set(cells.values[~cells.missing])) if order is None else order
        _check_labels(name, order, int((~cells.missing).sum()))
        reading = as_labels(cells, tuple(order))
    present = reading.values[~np.isnan(reading.values)]
    if present.min() == present.max():
        row = int(np.flatnonzero(~cells.missing)[0])
        remedy = ", or write a second value into the empty cells" if cells.missing.any() else ""
        raise DataError(f"column {shown(name)} holds one value only, {cells.at(row)}; drop it{remedy}")
    whole = kind in ("numeric", "date") and reading.whole
    if kind == "numeric" and whole and np.abs(present).max() >= EXACT:
        row = int(np.nanargmax(np.abs(reading.values)))
        raise DataError(
            f"column {shown(name)}, row {row + 1}: {cells.at(row)} is beyond 2^53, where floats no longer "
            "hold every integer; drop the column if it is a key, or rescale it"
        )
    return Column(
        name=name,
        kind=kind,
        categories=tuple(order or ()),
        integer=whole,
        minimum=float(present.min()),
        maximum=float(present.max()),
        missing=bool(cells.missing.any()),
        utc=reading.utc,
    )


def _read(name: str, cells: Cells) -> tuple[Kind, Reading | None]:
    """The kind that all cells fit, and their reading; text that fits none is categorical.

    Raises:
        DataError: Most cells are numbers, or dates, but one is not.
    """
    if cells.form != "text":
        return cells.form, READERS[cells.form](cells)
    present = int((~cells.missing).sum())
    found: tuple[Kind, ...] = ("boolean", "numeric", "date")
    for kind in found:
        reading = READERS[kind](cells)
        bad = np.flatnonzero(reading.bad)
        if not bad.size:
            return kind, reading
        if kind in _REMEDIES and 2 * bad.size < present:
            row = int(bad[0])
            raise DataError(
                f"text in a {kind} column: column {shown(name)}, row {row + 1} holds {cells.at(row)}; "
                f"{_REMEDIES[kind]}, or leave the cell empty if the value is missing"
            )
    return "categorical", None


_REMEDIES = {
    "numeric": "write a number, or text in every cell if these are labels",
    "date": "write an ISO date such as 2024-02-29",
}


def _few(reading: Reading) -> bool:
    """Whether the numbers of a target are classes: few distinct integers, each seen twice on average."""
    distinct = np.unique(reading.values).size
    return reading.whole and distinct <= FEW and 2 * distinct <= reading.values.size


def _declared_order(series: pd.Series[Any], cells: Cells) -> list[Label] | None:
    """The labels that occur in a pandas category column of text or numbers; None for any other column."""
    import pandas as pd

    if not isinstance(series.dtype, pd.CategoricalDtype) or cells.form not in ("text", "numeric"):
        return None
    if cells.form == "numeric":
        kept = series.cat.remove_unused_categories().cat.categories
        labels: list[Any] = [int(label) if cells.whole else float(label) for label in kept]
    else:
        occurs = set(cells.values[~cells.missing])
        labels = [label for label in map(str, series.cat.categories) if label in occurs]
    return labels if series.cat.ordered else sorted(labels)


def _check_labels(name: str, labels: list[Label], present: int) -> None:
    if len(labels) > MOST_CATEGORIES:
        raise DataError(
            f"text column {shown(name)} has {len(labels)} categories, more than {MOST_CATEGORIES}; "
            "drop it, or group them"
        )
    if present > DISTINCT_ROWS and len(labels) == present:
        raise DataError(
            f"text column {shown(name)} differs in all of its {present} rows, as a key or free text does; "
            "drop it"
        )
