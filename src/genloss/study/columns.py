"""The columns of a run's parts."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from genloss.errors import SpecError

if TYPE_CHECKING:  # pyarrow takes long to import: who does not need it need not wait
    import pyarrow as pa

RESERVED = ("experiment", "cell", "tile", "replicate", "metric", "value", "row", "values")
"""Columns beside the axes: neither an axis nor a varied field may take one's name."""


@functools.cache
def schema(axes: tuple[str, ...], pictures: bool = False) -> pa.Schema:
    """The columns of a part's values, or of its pictures.

    The cell is the first 64 bits of its fingerprint; coordinates along the axes count from 0.

    Args:
        axes: of the task.
        pictures: rows to look at, rather than values.

    >>> schema(("generation", "agent")).names
    ['cell', 'tile', 'generation', 'agent', 'replicate', 'metric', 'value']
    """
    import pyarrow as pa

    places = [(axis, pa.int32()) for axis in axes]
    if pictures:
        rows = [("row", pa.int32()), ("values", pa.list_(pa.float64()))]
        return pa.schema([("cell", pa.uint64()), *places, *rows])
    values = [("replicate", pa.int32()), ("metric", pa.string()), ("value", pa.float64())]
    return pa.schema([("cell", pa.uint64()), ("tile", pa.int32()), *places, *values])


def check_axes(axes: tuple[str, ...]) -> None:
    """See that axes can be columns.

    Raises:
        SpecError: if one has the name of another column, or is no identifier.
    """
    if not isinstance(axes, (tuple, list)) or not all(isinstance(axis, str) for axis in axes):
        raise SpecError(f'axes: give the names of the axes, as in ("coin", "toss") (got {axes!r:.60})')
    for axis in axes:
        if not axis.isidentifier() or axis in RESERVED or axes.count(axis) > 1:
            raise SpecError(
                f"axis {axis!r}: give each axis a name of its own, as of a variable, other than "
                f"{', '.join(RESERVED)}"
            )
