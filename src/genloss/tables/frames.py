"""Tables in memory as Arrow tables: frames of pandas, Polars and whatever speaks Arrow, and lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genloss.errors import DataError
from genloss.tables.cells import column_of


def arrow_of(data: Any) -> Any:
    """An Arrow table of a frame, or of columns by name.

    Args:
        data: A pandas or Polars DataFrame, anything with the Arrow PyCapsule or the dataframe interchange
            interface, or a dict of lists.

    Raises:
        DataError: It is none of these, or a column holds what is no table cell.
    """
    import pandas as pd
    import pyarrow as pa

    if isinstance(data, Mapping):
        return _columns(list(data), [pd.Series(list(cells), dtype=object) for cells in data.values()])
    if isinstance(data, pd.DataFrame):
        return _columns([str(name) for name in data.columns], [data.iloc[:, i] for i in range(data.shape[1])])
    for made in (pa.table, _interchanged):
        try:
            return _storable(made(data))
        except (pa.ArrowException, TypeError, ValueError, AttributeError, NotImplementedError):
            continue
    raise DataError(
        f"{type(data).__name__} is no table: give a path, a pandas or Polars DataFrame, or an Arrow table"
    )


def _columns(names: Sequence[str], columns: Sequence[Any]) -> Any:
    import pyarrow as pa

    made, wrong = [], []
    for name, column in zip(names, columns, strict=True):
        try:
            made.append(column_of(name, column))
        except DataError as error:
            wrong.append(str(error))
    if wrong:
        raise DataError("\n".join(wrong))
    return pa.Table.from_arrays(made, names=list(names))


def _storable(table: Any) -> Any:
    """The table without views of strings, which Polars has and no file holds in a dictionary."""
    import pyarrow as pa
    from pyarrow import types

    def plain(column: Any) -> Any:
        kind, text = column.type, pa.large_string()
        if types.is_dictionary(kind) and types.is_string_view(kind.value_type):
            chunks = [
                pa.DictionaryArray.from_arrays(c.indices, c.dictionary.cast(text), ordered=kind.ordered)
                for c in column.chunks
            ]
            return pa.chunked_array(chunks, pa.dictionary(kind.index_type, text, kind.ordered))
        return column.cast(text) if types.is_string_view(kind) else column

    columns = [plain(column) for column in table.columns]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _interchanged(data: Any) -> Any:
    from pyarrow.interchange import from_dataframe

    return from_dataframe(data)
