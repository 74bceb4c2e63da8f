"""Values as they are asked for: arrays by coordinates, tables with their labels, a few cells at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from genloss.samples import Array
from genloss.study.cells import Cell

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 2_000_000
"""Values that are read at once, unless one cell has more."""


def scattered(cell: Cell, columns: Sequence[Array]) -> Array:
    """(*axes, R) values by their coordinates and replicates, NaN where there are none.

    Args:
        cell: whose values they are.
        columns: coordinates along each axis, replicates, values.
    """
    *places, values = columns
    out = np.full((*cell.outline.extents, cell.outline.replicates), np.nan)
    out[tuple(places)] = values
    return out


def batches(cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Neighbouring cells of the same axes, so many that they hold a number of values together."""
    some: list[Cell] = []
    values = 0
    for cell in cells:
        said = cell.outline
        mine = math.prod(said.extents) * said.replicates * max(len(said.meanings), 1)
        if some and (values + mine > _AT_ONCE or said.axes != some[0].outline.axes):
            yield some
            some, values = [], 0
        some.append(cell)
        values += mine
    if some:
        yield some


def frame_axes(cell: Cell) -> tuple[str, ...]:
    """The axes in the order of a table's columns: lines first, then what runs along them."""
    return (*cell.outline.axes[1:], *cell.outline.axes[:1])


def labelled(cells: Sequence[Cell], rows: pd.DataFrame) -> pd.DataFrame:
    """A table with what tells its cells apart, and places along axes by name, instead of their indices.

    Args:
        cells: of the study.
        rows: by index of the cell and coordinates.
    """
    import pandas as pd

    columns = list(dict.fromkeys(k for c in cells for k in c.columns))
    named = any(c.experiment for c in cells)
    labels = pd.DataFrame(
        [
            {**({"experiment": c.experiment} if named else {}), **{k: c.columns.get(k) for k in columns}}
            for c in cells
        ],
        index=[c.index for c in cells],
    )
    for column in labels:
        if labels[column].map(type).nunique() > 1:  # numbers and text in one column: text, with gaps
            labels[column] = labels[column].map(str, na_action="ignore")
    out = labels.loc[rows["cell"]].reset_index(drop=True)
    rest = rows.drop(columns=["cell"]).reset_index(drop=True)
    for axis in dict.fromkeys(axis for c in cells for axis in c.outline.named):
        rest[axis] = _called(cells, axis, rows["cell"].to_numpy(), rows[axis].to_numpy())
    axes = dict.fromkeys(axis for c in cells for axis in frame_axes(c))
    order = [*axes, *(["replicate"] if "replicate" in rest else []), "metric"]
    rest = rest[[*order, *(c for c in rest if c not in order)]]
    return pd.concat([out, rest], axis=1)


def _called(cells: Sequence[Cell], axis: str, of: Array, at: Array) -> Array:
    """What places along an axis are called, by the cell of each; where they have no name, as they are."""
    some = {c.index: called for c in cells if (called := c.outline.named.get(axis)) is not None}
    begin = np.full(len(cells), -1)  # of each cell's names among all
    begin[[*some]] = np.cumsum([0, *map(len, some.values())])[:-1]
    names = np.array([*itertools.chain(*some.values())], dtype=object)
    mine = begin[of] >= 0
    out = at.astype(object)
    out[mine] = names[begin[of[mine]] + at[mine].astype(np.int64)]
    return out
