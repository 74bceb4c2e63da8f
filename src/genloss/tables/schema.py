"""The codec: tables of numbers, categories, booleans, dates and missing values as float arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import DataError
from genloss.tables.cells import Floats
from genloss.tables.column import Column
from genloss.tables.say import alike, listed, named
from genloss.tables.wishes import Wishes
from genloss.wording import several

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order; encodes tables of these columns to (n, D) floats and back.

    A schema outlives the table that it was inferred from: a later table that has lost a category, or the
    missing cells of a column, encodes to the same codes. Round trips are exact, except that times are kept to
    the microsecond (from 1791 to 2149; beyond, a float in days holds less) and zoned times come back in
    universal time. Rows in errors count from 1, without a header.

    Args:
        columns: The columns.
        target: The column to be predicted, or None.

    >>> import pandas as pd
    >>> born = ["1994-01-01", "1979-06-30", None]
    >>> table = pd.DataFrame({"age": [31, 45, 27], "town": ["Ulm", None, "Bonn"], "born": born})
    >>> schema = Schema.infer(table, target=None)
    >>> [(c.name, c.kind, c.missing) for c in schema.columns]
    [('age', 'numeric', False), ('town', 'categorical', True), ('born', 'date', True)]
    >>> schema.encode(table)
    array([[3.100e+01, 1.000e+00, 8.766e+03],
           [4.500e+01,       nan, 3.467e+03],
           [2.700e+01, 0.000e+00,       nan]])
    >>> schema.decode(schema.encode(table))
       age  town       born
    0   31   Ulm 1994-01-01
    1   45   NaN 1979-06-30
    2   27  Bonn        NaT
    """

    columns: tuple[Column, ...]
    target: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def target_index(self) -> int | None:
        """The place of the target among the columns; None without one."""
        return None if self.target is None else self.names.index(self.target)

    @property
    def width(self) -> int:
        """D, the number of columns and of floats a row."""
        return len(self.columns)

    @classmethod
    def infer(cls, frame: pd.DataFrame, target: str | None, source: str = "table") -> Schema:
        """The schema of a table, by the rules that `kinds` states; columns that are of no use are left out.

        To overrule them, change the column before: `frame.astype({"grade": "category"})` makes integers
        categories, `frame.astype({"count": float})` keeps a target numeric.

        Args:
            frame: The table; its index is not data.
            target: The column to be predicted, or None.
            source: What errors call the table: a path or a name.

        Raises:
            DataError: The table cannot serve as real data; names source, column, cell and remedy.
        """
        from genloss.tables.frames import arrow_of
        from genloss.tables.infer import infer

        with named(source):
            return cls(infer(arrow_of(frame), Wishes(target)).columns, target)

    def encode(self, frame: pd.DataFrame) -> Floats:
        """A table as (n, D) floats, its columns found by name in any order.

        Raises:
            DataError: A column is missing, unknown or there twice, or a cell does not fit its column.
        """
        names = [str(name) for name in frame.columns]
        if twice := alike(names):
            raise DataError("\n".join(twice))
        lacking = [name for name in self.names if name not in names]
        extra = [name for name in names if name not in self.names]
        if lacking:
            hint = f"; found {listed(extra)} instead" if extra else ""
            raise DataError(
                f"the table lacks the column {listed(lacking)}{hint} (columns: {listed(self.names)})"
            )
        if extra:
            raise DataError(
                f"the table has the unknown column {listed(extra)}; drop it (columns: {listed(self.names)})"
            )
        encoded = np.empty((len(frame), self.width))
        for place, column in enumerate(self.columns):
            encoded[:, place] = column.encode(frame.iloc[:, names.index(column.name)])
        return encoded

    def decode(self, encoded: ArrayLike) -> pd.DataFrame:
        """The table that (n, D) floats stand for, with pandas' usual types.

        Args:
            encoded: (n, D) floats; NaN is a missing cell. Integers and dates without a time of day
                are rounded.

        Raises:
            DataError: Wrong shape, a code that stands for nothing, or an infinite or too large value.
        """
        import pandas as pd

        values = np.asarray(encoded, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.width:
            raise DataError(
                f"rows of shape {values.shape} do not fit a table of {several(self.width, 'column')}; "
                f"give (n, {self.width})"
            )
        return pd.DataFrame(
            {column.name: column.decode(values[:, i]) for i, column in enumerate(self.columns)}
        )
