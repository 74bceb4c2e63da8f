"""One column of a table: what its cells are, how a float stands for one, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.errors import DataError
from genloss.tables.cells import DAY, EXACT, Floats, Kind, Label, Mask, cells_of, column_of
from genloss.tables.readers import READERS, as_labels
from genloss.tables.say import listed, meant, shown

if TYPE_CHECKING:
    import pandas as pd

_LAST_DAY = 100_000_000
"""Days from 1970 (274,000 years) up to which microseconds fit into 64 bits."""


@dataclass(frozen=True)
class Column:
    """One column of a table: what its cells are and how a float stands for one.

    Args:
        name: The column's name.
        kind: "numeric" (the number itself), "categorical" (the place in `categories`), "boolean" (0 or 1) or
            "date" (days since 1970-01-01, the fraction is the time of day). Missing is always NaN.
        categories: The labels of a categorical column, all text or all numbers.
        integer: Numbers that are integers, or dates without a time of day: decoding rounds.
        minimum: Smallest encoded value in the table that the schema was inferred from.
        maximum: Largest encoded value there.
        missing: Whether cells may be missing; integers and booleans then decode to pandas' nullable types.
        utc: Dates that carried a time zone; they decode to universal time.
    """

    name: str
    kind: Kind
    categories: tuple[Label, ...] = ()
    integer: bool = False
    minimum: float = -np.inf
    maximum: float = np.inf
    missing: bool = False
    utc: bool = False

    @property
    def codes(self) -> int:
        """How many codes its cells have; 0 of numbers and dates, which have none."""
        return 2 if self.kind == "boolean" else len(self.categories)

    def encode(self, series: pd.Series[Any]) -> Floats:
        """The column's cells as (n,) floats, NaN where missing.

        Raises:
            DataError: A cell is not of this column's kind, no known category, or infinite.
        """
        cells = cells_of(self.name, column_of(self.name, series))
        if self.kind == "categorical":
            reading = as_labels(cells, self.categories)
        else:
            reading = READERS[self.kind](cells)
        if reading.bad.any():
            row = int(np.flatnonzero(reading.bad)[0])
            where = f"column {shown(self.name)}, row {row + 1}"
            if self.kind == "categorical":
                text = series.iloc[row]
                hint = meant(text, map(str, self.categories)) if isinstance(text, str) else ""
                raise DataError(
                    f"{where}: unknown category {cells.at(row)}{hint} (known: {listed(self.categories)})"
                )
            found = {"numeric": "number", "boolean": "boolean", "date": "ISO date"}[self.kind]
            text_in = f"text in a {self.kind} column: " if cells.form == "text" else ""
            raise DataError(f"{text_in}{where} holds {cells.at(row)}, which is no {found}")
        infinite = np.flatnonzero(np.isinf(reading.values))
        if infinite.size:
            raise DataError(
                f"column {shown(self.name)}, row {infinite[0] + 1}: {cells.at(infinite[0])} is infinite; "
                "write a finite number, or leave the cell empty if the value is missing"
            )
        return reading.values

    def decode(self, values: Floats) -> pd.Series[Any]:
        """The cells that (n,) floats stand for.

        Raises:
            DataError: A code stands for no category or boolean, or a value is infinite or out of range.
        """
        import pandas as pd

        gone = np.isnan(values)
        if self.kind in ("categorical", "boolean"):
            self._check(
                values,
                gone | np.isin(values, np.arange(self.codes)),
                f"is no code of its {self.codes} values (0 to {self.codes - 1})",
            )
            codes = np.where(gone, -1, values).astype(np.int64)
            if self.kind == "boolean":
                return _nullable(codes == 1, gone, self.missing, "boolean")
            if any(isinstance(label, str) for label in self.categories):
                return pd.Series(
                    pd.Index(list(self.categories)).take(codes, allow_fill=True, fill_value=np.nan)
                )
            labels = np.array(self.categories)[codes]
            if labels.dtype.kind == "f":
                return pd.Series(np.where(gone, np.nan, labels))
            return _nullable(labels, gone, self.missing, "Int64")
        if self.kind == "date":
            self._check(values, gone | (np.abs(values) < _LAST_DAY), "days from 1970-01-01 is no date")
            days = np.where(gone, 0.0, np.rint(values) if self.integer else values)
            whole = np.floor(days)
            ticks = whole.astype(np.int64) * DAY + np.rint((days - whole) * DAY).astype(np.int64)
            stamps = ticks.astype("datetime64[us]")
            stamps[gone] = np.datetime64("NaT")
            return pd.Series(pd.DatetimeIndex(stamps).tz_localize("UTC" if self.utc else None))
        self._check(values, gone | np.isfinite(values), "is no finite number")
        if not self.integer:
            return pd.Series(values.copy())
        self._check(values, gone | (np.abs(values) <= EXACT), "is beyond 2^53, where floats skip integers")
        return _nullable(np.rint(np.where(gone, 0.0, values)).astype(np.int64), gone, self.missing, "Int64")

    def _check(self, values: Floats, fits: Mask, problem: str) -> None:
        if not fits.all():
            row = int(np.flatnonzero(~fits)[0])
            raise DataError(f"column {shown(self.name)}, row {row + 1}: {shown(values[row])} {problem}")


def _nullable(values: Any, gone: Mask, missing: bool, dtype: Any) -> pd.Series[Any]:
    """Integers or booleans, in pandas' nullable type where cells are missing or may be."""
    import pandas as pd

    if not missing and not gone.any():
        return pd.Series(values)
    nullable: pd.Series[Any] = pd.Series(values).astype(dtype)
    return nullable.mask(pd.Series(gone))
