"""The cells of one pandas column in plain form, and their reading as numbers, booleans and dates.

Whatever pandas holds (nullable, Arrow, categorical, objects of mixed types), a column becomes one of four
forms: numeric, boolean, date or text. Inference and encoding both read columns through here, so they cannot
disagree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genloss.errors import DataError
from genloss.tables.say import shown

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Form = Literal["numeric", "boolean", "date", "text"]

DAY = 86_400_000_000
"""Microseconds a day: dates are floats in days, times of day are kept to the microsecond."""

EXACT = 2.0**53
"""From here on a float no longer holds every integer."""

_MISSING = ("", "nan", "NaN")
_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?)", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)


@dataclass(frozen=True, eq=False)
class Cells:
    """One column in plain form.

    Args:
        form: What the cells are.
        values: (n,) float64, NaN where missing; days since 1970-01-01 for dates, 0 or 1 for booleans. For
            text an (n,) object array of str, None where missing.
        missing: (n,) where a cell is missing.
        whole: Numbers held as integers; dates without a time of day.
        utc: Dates that carried a time zone; they are held in universal time.
        raw: The column as it came, to show a cell in an error.
    """

    form: Form
    values: NDArray[Any]
    missing: Mask
    whole: bool
    utc: bool
    raw: pd.Series[Any]

    def at(self, row: int) -> str:
        """The cell of a row (from 0) as an error shows it."""
        return shown(self.raw.iloc[row])


class Reading(NamedTuple):
    """Cells read as one kind: (n,) values, NaN where missing or bad; (n,) where one is not of that kind."""

    values: Floats
    bad: Mask
    whole: bool
    utc: bool


def read_cells(name: str, series: pd.Series[Any]) -> Cells:
    """Bring a pandas column into plain form.

    Missing are None, NaN, NA, NaT, blank text and the texts "nan" and "NaN".

    Args:
        name: The column's name, for errors.
        series: The column; its index is not looked at.

    Raises:
        DataError: The column holds lists, records, bytes, durations or other things that are no table cell.
    """
    import pandas as pd
    from pandas.api import types

    raw, dtype = series, series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        series = series.astype(dtype.categories.dtype if not series.isna().any() else object)
        dtype = series.dtype
    if types.is_bool_dtype(dtype):
        values = series.astype("boolean").to_numpy(dtype=np.float64, na_value=np.nan)
        return Cells("boolean", values, np.isnan(values), True, False, raw)
    if types.is_integer_dtype(dtype) or types.is_float_dtype(dtype):
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return Cells("numeric", values, np.isnan(values), types.is_integer_dtype(dtype), False, raw)
    if types.is_datetime64_any_dtype(dtype):
        return _dated(pd.DatetimeIndex(series), raw)
    if not (types.is_object_dtype(dtype) or types.is_string_dtype(dtype)):
        raise DataError(f"column {shown(name)} holds {dtype}: {_REMEDY}")
    return _objects(name, series.astype(object).to_numpy(), raw)


_REMEDY = "make it numbers, text, booleans or dates, or drop it"


def _objects(name: str, cells: NDArray[np.object_], raw: pd.Series[Any]) -> Cells:
    """Plain form of Python objects: all of one type, or else text."""
    import pandas as pd
    from pandas.api import types

    for row, cell in enumerate(cells):  # also the guard of pd.isna, which would look into a list
        if isinstance(cell, (list, tuple, dict, set, bytes, np.ndarray)):
            raise DataError(
                f"column {shown(name)}, row {row + 1}: {shown(cell)} is {type(cell).__name__}: {_REMEDY}"
            )
    missing = np.asarray(pd.isna(cells), dtype=np.bool_)
    missing |= np.array([isinstance(c, str) and c.strip() in _MISSING for c in cells], dtype=np.bool_)
    found = types.infer_dtype(cells[~missing], skipna=False)
    if found == "boolean":
        values = np.array([np.nan if m else float(c) for c, m in zip(cells, missing, strict=True)])
        return Cells("boolean", values, missing, True, False, raw)
    if found in ("integer", "floating", "mixed-integer-float", "decimal"):
        values = np.array([np.nan if m else _float(c) for c, m in zip(cells, missing, strict=True)])
        return Cells("numeric", values, missing | np.isnan(values), found == "integer", False, raw)
    if found in ("datetime", "datetime64", "date"):
        aware = any(getattr(c, "tzinfo", None) is not None for c in cells[~missing])
        cells = cells.copy()
        cells[missing] = None
        stamps: Any = pd.to_datetime(pd.Series(cells), utc=True)
        return _dated(pd.DatetimeIndex(stamps), raw, aware)
    if found not in ("string", "empty", "mixed", "mixed-integer"):
        raise DataError(f"column {shown(name)} holds {found}: {_REMEDY}")
    text = np.array(
        [None if m else str(c) for c, m in zip(cells, missing, strict=True)] + [None], dtype=object
    )
    return Cells("text", text[:-1], missing, False, False, raw)  # the added None keeps NumPy from guessing


def _float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:  # a Python integer beyond 1e308
        return np.inf


def _dated(stamps: pd.DatetimeIndex, raw: pd.Series[Any], aware: bool | None = None) -> Cells:
    """Days since 1970-01-01 of time stamps, in universal time where they carry a zone."""
    aware = stamps.tz is not None if aware is None else aware
    if stamps.tz is not None:
        stamps = stamps.tz_convert("UTC").tz_localize(None)
    missing = np.asarray(stamps.isna(), dtype=np.bool_)
    ticks = stamps.to_numpy().astype("datetime64[us]").astype(np.int64)
    ticks = np.where(missing, 0, ticks)
    values = np.where(missing, np.nan, ticks / DAY)
    return Cells("date", values, missing, not (ticks % DAY).any(), aware, raw)


def as_numbers(cells: Cells) -> Reading:
    """Read cells as numbers; text counts where it is a number in figures, booleans count as 0 and 1."""
    if cells.form == "text":
        values, bad = np.full(len(cells.values), np.nan), np.zeros(len(cells.values), dtype=np.bool_)
        whole = True
        for row in np.flatnonzero(~cells.missing):
            text = cells.values[row].strip()
            if _NUMBER.fullmatch(text):
                values[row] = float(text)
                whole = whole and _WHOLE.fullmatch(text) is not None
            else:
                bad[row] = True
        return Reading(values, bad, whole, False)
    return _as_held(cells, cells.form != "date", cells.whole)


def as_booleans(cells: Cells) -> Reading:
    """Read cells as booleans; numbers count where they are 0 or 1, text where it is true or false."""
    if cells.form == "text":
        known = {"true": 1.0, "false": 0.0}
        values = np.array(
            [np.nan if c is None else known.get(c.strip().lower(), np.nan) for c in cells.values]
        )
        return Reading(values, np.isnan(values) & ~cells.missing, True, False)
    if cells.form == "numeric":
        fits = np.isin(cells.values, (0.0, 1.0))
        return Reading(np.where(fits, cells.values, np.nan), ~fits & ~cells.missing, True, False)
    return _as_held(cells, cells.form == "boolean", True)


def as_dates(cells: Cells) -> Reading:
    """Read cells as dates; text counts where it is ISO 8601: 2024-02-29, 2024-02-29T18:30:00.5Z."""
    import pandas as pd

    if cells.form != "text":
        return _as_held(cells, cells.form == "date", cells.whole)
    found = [None if c is None else _ISO.fullmatch(c.strip()) for c in cells.values]
    texts = [None if m is None else m.group() for m in found]
    stamps = pd.to_datetime(
        pd.Series(np.array([*texts, None], dtype=object)[:-1]), format="ISO8601", utc=True, errors="coerce"
    )
    aware = any(m is not None and m["zone"] is not None for m in found)
    dated = _dated(pd.DatetimeIndex(stamps), cells.raw, aware)  # the 30th of February is None here
    return Reading(dated.values, dated.missing & ~cells.missing, dated.whole, aware)


def check_finite(name: str, reading: Reading, cells: Cells) -> None:
    """Refuse infinite cells.

    Raises:
        DataError: Names column, row and value.
    """
    infinite = np.flatnonzero(np.isinf(reading.values))
    if infinite.size:
        row = int(infinite[0])
        raise DataError(
            f"column {shown(name)}, row {row + 1}: {cells.at(row)} is infinite; "
            "write a finite number, or leave the cell empty if the value is missing"
        )


def _as_held(cells: Cells, fits: bool, whole: bool) -> Reading:
    if fits:
        return Reading(cells.values, np.zeros(len(cells.values), dtype=np.bool_), whole, cells.utc)
    return Reading(np.full(len(cells.values), np.nan), ~cells.missing, False, False)


READERS = {"numeric": as_numbers, "boolean": as_booleans, "date": as_dates}
"""How cells are read as each kind that needs no labels."""


def as_labels(cells: Cells, categories: tuple[Any, ...]) -> Reading:
    """Read cells as places in `categories`; a number and its text are one label."""
    import pandas as pd

    place: dict[Any, int] = {str(label): i for i, label in enumerate(categories)}
    place |= {label: i for i, label in enumerate(categories)}
    codes, distinct = pd.factorize(cells.values)
    found = np.array([_place(cells.form, value, place) for value in distinct] + [np.nan])
    values = np.where(cells.missing, np.nan, found[codes])  # code -1 is missing and reads the added NaN
    return Reading(values, np.isnan(values) & ~cells.missing, True, False)


def _place(form: Form, value: Any, place: dict[Any, int]) -> float:
    if value in place and form != "date":
        return place[value]
    if form == "boolean":
        return place.get(str(bool(value)), np.nan)
    if form == "numeric":
        return place.get(str(int(value)) if float(value).is_integer() else str(float(value)), np.nan)
    return np.nan
