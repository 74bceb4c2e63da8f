"""The cells of one column in plain form, whatever held them: numbers, booleans, dates, or text to be read.

Inference and encoding both read columns through here, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from genloss.errors import DataError
from genloss.tables.say import shown

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Form = Literal["numeric", "boolean", "date", "text"]
Kind = Literal["numeric", "categorical", "boolean", "date"]
Label = str | int | float

DAY = 86_400_000_000
"""Microseconds a day: dates are floats in days, times of day are kept to the microsecond."""

EXACT = 2.0**53
"""From here on a float no longer holds every integer."""

BLANK = ("", "nan", "NaN")
"""Text that is a missing cell in every column."""

_REMEDY = "make it numbers, text, booleans or dates, or drop it"


@dataclass(frozen=True, eq=False)
class Cells:
    """One column in plain form.

    Args:
        form: What the cells are.
        values: (n,) float64, NaN where missing; days since 1970-01-01 for dates, 0 or 1 for booleans. Of text
            there are none, but ``texts``.
        missing: (n,) where a cell is missing.
        whole: Numbers held as integers; dates without a time of day.
        utc: Dates that carried a time zone; they are held in universal time.
        raw: The column as it came, an Arrow array, to show a cell.
        texts: (n,) Arrow strings without the white space around them, null where missing; None for other
            forms.
        labels: The labels that a categorical type declares and that occur, in its order; None for others.
        ordered: Whether that order means something.
        numbers: (n,) places of the rows in the table as it came; None where all of them are here.
    """

    form: Form
    values: Floats
    missing: Mask
    whole: bool
    utc: bool
    raw: Any
    texts: Any = None
    labels: tuple[Label, ...] | None = None
    ordered: bool = False
    numbers: NDArray[np.int64] | None = None

    def row(self, row: int) -> int:
        """The number of a row (from 0) in the table as it came, from 1."""
        return int(row if self.numbers is None else self.numbers[row]) + 1

    def at(self, row: int) -> str:
        """The cell of a row (from 0) as an error shows it."""
        cell = self.raw[row].as_py()
        return str(cell) if isinstance(cell, date) else shown(cell)

    @property
    def nan(self) -> int:
        """How many cells of a text are missing as they say "nan"."""
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = pc.utf8_trim_whitespace(self.raw.cast(pa.large_string()))
        return int(pc.sum(pc.is_in(texts, pa.array(BLANK[1:], pa.large_string()))).as_py() or 0)

    @cached_property
    def distinct(self) -> tuple[Any, NDArray[np.int64]]:
        """The different texts, and (n,) which of them each cell is, -1 where missing."""
        found = self.texts.dictionary_encode()
        codes = found.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return found.dictionary, codes


def column_of(name: str, series: pd.Series[Any]) -> Any:
    """A pandas column as an Arrow array; what is of several types becomes text.

    Raises:
        DataError: The column holds lists, records, bytes or other things that are no table cell.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        found = pa.array(series, from_pandas=True)
        if pa.types.is_date(found.type):  # Arrow cuts the time of day off where the first cell has none
            found = pa.array(series, pa.timestamp("us"), from_pandas=True)
        return found
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        if series.dtype != object:
            raise DataError(f"column {shown(name)} holds {series.dtype}: {_REMEDY}") from None
    cells = list(series)
    for row, cell in enumerate(cells):  # also the guard of pd.isna, which would look into a list
        if isinstance(cell, (list, tuple, dict, set, bytes, np.ndarray)):
            raise DataError(_no_cell(name, row, cell))
    gone = pd.isna(np.array([*cells, None], dtype=object))  # the added None keeps NumPy from guessing
    return pa.array([None if g else str(c) for c, g in zip(cells, gone, strict=False)], pa.large_string())


def cells_of(
    name: str, column: Any, missing: tuple[str, ...] = (), rows: NDArray[np.int64] | None = None
) -> Cells:
    """Bring an Arrow column into plain form.

    Missing are nulls, NaN, blank text and the texts "nan" and "NaN".

    Args:
        name: The column's name, for errors.
        column: An Arrow array, chunked or not.
        missing: More texts, and numbers in figures, that are missing cells.
        rows: Places of the rows in the table as it came.

    Raises:
        DataError: The column holds lists, records, bytes, durations or other things that are no table cell.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    raw, kind = column, column.type
    labels, ordered = None, False
    if isinstance(kind, pa.BaseExtensionType):
        column, kind = pc.cast(column, kind.storage_type), kind.storage_type
    if types.is_dictionary(kind):
        of, ordered = kind.value_type, kind.ordered
        if _is_text(of) or types.is_integer(of) or types.is_floating(of):
            labels = _labels(column, missing)
        kind = pa.large_string() if _is_text(of) else of
        column = pc.cast(column, kind)
    if types.is_null(kind) or _is_text(kind):
        column = pc.utf8_trim_whitespace(pc.cast(column, pa.large_string()))
        gone = pc.is_in(column, pa.array([*BLANK, *missing], pa.large_string()))
        texts = _whole(pc.if_else(gone, pa.scalar(None, pa.large_string()), column))
        return Cells(
            "text", np.empty(0), mask(texts.is_null()), False, False, raw, texts, labels, ordered, rows
        )
    if types.is_boolean(kind):
        values = _floats(pc.cast(column, pa.int8()))
        return Cells("boolean", values, np.isnan(values), True, False, raw, numbers=rows)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        values = _floats(column)
        for text in missing:
            try:
                values[values == float(text)] = np.nan
            except ValueError:  # of another column
                continue
        whole = types.is_integer(kind)
        gone = np.isnan(values)
        return Cells("numeric", values, gone, whole, False, raw, None, labels, ordered, rows)
    if types.is_date(kind) or types.is_timestamp(kind):
        aware = types.is_timestamp(kind) and kind.tz is not None
        stamps = _whole(pc.cast(column, pa.timestamp("us", kind.tz if aware else None), safe=False))
        ticks = pc.cast(stamps, pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        gone = mask(stamps.is_null())
        values = np.where(gone, np.nan, ticks / DAY)
        return Cells("date", values, gone, not (ticks % DAY).any(), aware, raw, numbers=rows)
    nested = types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    row = int(np.argmin(mask(_whole(raw).is_null())))
    if nested and raw[row].is_valid:
        raise DataError(_no_cell(name, row, raw[row].as_py()))
    raise DataError(f"column {shown(name)} holds {kind}: {_REMEDY}")


def _no_cell(name: str, row: int, cell: object) -> str:
    return f"column {shown(name)}, row {row + 1}: {shown(cell)} is {type(cell).__name__}: {_REMEDY}"


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _labels(column: Any, missing: tuple[str, ...]) -> tuple[Label, ...]:
    """The labels of a dictionary column that occur, in its order."""
    import pyarrow as pa

    column = _whole(column.unify_dictionaries() if isinstance(column, pa.ChunkedArray) else column)
    occurs = np.unique(column.indices.drop_null().to_numpy(zero_copy_only=False))
    known = [column.dictionary[int(i)].as_py() for i in occurs]
    known = [label.strip() if isinstance(label, str) else label for label in known]
    return tuple(dict.fromkeys(label for label in known if str(label) not in (*BLANK, *missing)))


def _whole(column: Any) -> Any:
    """A column in one piece."""
    import pyarrow as pa

    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def mask(of: Any) -> Mask:
    """Arrow booleans as an array of ours, false where there is none."""
    return np.array(of.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _floats(column: Any) -> Floats:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = _whole(pc.cast(column, pa.float64(), safe=False)).fill_null(float("nan"))
    return np.array(found.to_numpy(zero_copy_only=False))
