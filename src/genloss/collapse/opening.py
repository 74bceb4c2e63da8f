"""Whatever holds somebody's values, files, frames or arrays, as one table or as arrays by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.collapse.figures import Figures, figures
from genloss.collapse.names import identifies
from genloss.errors import DataError
from genloss.samples import Array
from genloss.tables.say import alike, meant, shown

if TYPE_CHECKING:
    import pandas as pd

FILE = "file"
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Opened:
    """A table as it was opened.

    Args:
        source: what to call it.
        frame: its cells as they came.
        missing: texts and numbers, in lower case, that are no value.
        delimiter: what stands between the cells of its file, "" where nothing does.
        files: how many it was put together from.
    """

    source: str
    frame: pd.DataFrame
    missing: tuple[str, ...] = ()
    delimiter: str = ""
    files: int = 1

    @property
    def columns(self) -> list[str]:
        """Names of its columns."""
        return [*self.frame.columns]

    @cached_property
    def _read(self) -> dict[str, Figures]:
        return {}

    def figures(self, column: str) -> Figures:
        """A column as numbers; what it leaves open, the others tell."""
        if column not in self._read:
            found = self._figures(column)
            if found.unsure:
                others = [c for c in self.columns if c != column and not identifies(c)]
                marks = {self._figures(c).decimal for c in others}
                found = self._figures(column, "".join(sorted(m for m in marks if m)))
            self._read[column] = found
        return self._read[column]

    def _figures(self, column: str, usual: str = "") -> Figures:
        return figures(self.frame[column], self.missing, usual, self.delimiter)

    def without(self, columns: Sequence[str]) -> Opened:
        """The same without some columns."""
        return replace(self, frame=self.frame.drop(columns=[*columns]))


def arrays(data: Any) -> dict[str, Array] | None:
    """(T, R) arrays by metric, where data are such: an array, lists of numbers, or a dict of 2-D arrays.

    Raises:
        DataError: if an array has another shape.
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame) and _bare(data):
        data = data.to_numpy()
    if isinstance(data, Mapping):
        some = {str(k): v for k, v in data.items() if isinstance(v, np.ndarray) and v.ndim != 1}
        if not some or len(some) < len(data):
            return None
    elif isinstance(data, np.ndarray) or (
        isinstance(data, (list, tuple)) and data and not isinstance(data[0], (str, Path, Mapping))
    ):
        some = {"value": np.asarray(data, dtype=object)}
    else:
        return None
    found = {}
    for name, values in some.items():
        try:
            x = np.asarray(values, dtype=float)
        except (TypeError, ValueError):
            raise DataError(
                f"the array '{name}' is no (T, R) table of numbers: give rows of one length, generations "
                "down and replicates across"
            ) from None
        if x.ndim not in (1, 2) or not x.size:
            raise DataError(
                f"the array '{name}' has the shape {x.shape}; give (T, R): generations down, replicates "
                "across"
            )
        found[name] = x[:, None] if x.ndim == 1 else x
    return found


def _bare(data: pd.DataFrame) -> bool:
    """Whether a frame is an array, of which nobody has named rows or columns."""
    import pandas as pd

    return (
        isinstance(data.columns, pd.RangeIndex)
        and isinstance(data.index, pd.RangeIndex)
        and len(data.columns) > 1
        and all(pd.api.types.is_numeric_dtype(kind) for kind in data.dtypes)
    )


def opened(data: Any, missing: tuple[str, ...], say: Say) -> Opened:
    """A file, several, or a frame, as one table.

    Args:
        data: a path, a list of paths, or a frame: of pandas, Polars, Arrow, or a dict of columns.
        missing: texts and numbers that are no value.
        say: takes what is to be known of it.

    Raises:
        DataError: if it cannot be opened, or has no rows.
    """
    import pandas as pd

    missing = tuple(m.strip().lower() for m in missing)
    if not isinstance(data, (list, tuple)):
        return _opened(data, missing, say)
    if not data:
        raise DataError("no table was given")
    some = [_opened(one, missing, say) for one in data]
    if len(some) == 1:
        return some[0]
    column = next(c for c in (FILE, "table", "source file") if not any(c in o.columns for o in some))
    names = _names([o.source for o in some])
    frame = pd.concat(
        [o.frame.assign(**{column: name}) for o, name in zip(some, names, strict=True)], ignore_index=True
    )
    return Opened(f"{len(some)} tables", frame, missing, some[0].delimiter, len(some))


def _names(sources: Sequence[str]) -> list[str]:
    """What to call files: as little of their paths as tells them apart."""
    paths = [Path(s) for s in sources]
    for parts in range(1, 1 + max(len(p.parts) for p in paths)):
        names = ["/".join([*p.parts[-parts:-1], p.name.partition(".")[0]]) for p in paths]
        if len({*names}) == len(names):
            return names
    raise DataError(f"{shown(sources[0], 200)}: given twice; give each table once")


def _opened(data: Any, missing: tuple[str, ...], say: Say) -> Opened:
    from genloss.tables.read import opened as held_of

    source = str(data) if isinstance(data, (str, Path)) else "the table"
    if not isinstance(data, (str, Path)):
        data = _indexed(data)
    elif not Path(data).is_file():
        folder = Path(data).parent
        near = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        what = "is a folder" if Path(data).is_dir() else "there is no such file"
        raise DataError(f"{source}: {what}{meant(Path(data).name, near)}")
    elif (unfolded := _nested(Path(data), say)) is not None:
        data = unfolded
    held = held_of(data)
    if held.problems:
        raise DataError("\n".join(f"{source}: {problem}" for problem in held.problems))
    for decision in held.decisions:
        say(f"{source}: {decision.what}")
    names = [str(c).strip() for c in held.table.column_names]
    if twice := alike(names):
        raise DataError("\n".join(f"{source}: {line}" for line in twice))
    nested = [name for name, column in zip(names, held.table.columns, strict=True) if _is_nested(column)]
    if nested:
        say(f"{source}: left out, as their cells are lists or records: {', '.join(nested)}")
    frame = held.table.to_pandas()
    frame.columns = names
    frame = frame.drop(columns=nested)
    if not len(frame):
        raise DataError(f"{source}: it has no rows")
    return Opened(source, frame, missing, held.delimiter)


def _is_nested(column: Any) -> bool:
    from pyarrow import types

    return bool(types.is_nested(column.type))


def _indexed(data: Any) -> Any:
    """A pandas frame, or series, with its index and its levels of columns as columns."""
    import pandas as pd

    if isinstance(data, pd.Series):
        data = data.to_frame("value" if data.name is None else data.name)
    if not isinstance(data, pd.DataFrame):
        return data
    plain = isinstance(data.index, pd.RangeIndex) and data.index.name is None
    flat = data.copy(deep=False)
    names = [c if isinstance(c, tuple) else (c,) for c in flat.columns]
    flat.columns = pd.Index(["_".join(str(p) for p in name if str(p)) for name in names])
    if plain:
        return flat
    if flat.index.name is None and flat.index.nlevels == 1:
        flat.index.name = "index"
    return flat.reset_index()


def _nested(file: Path, say: Say) -> Any:
    """What a JSON file holds that is no table at once: the list of records in an object, or bare numbers."""
    if file.suffix.lower() != ".json" or not file.is_file():
        return None
    try:
        whole = json.loads(file.read_bytes())
    except (ValueError, RecursionError, OSError):
        return None
    if isinstance(whole, list) and whole and all(isinstance(row, list) for row in whole):
        raise DataError(
            f"{file}: it holds lists of numbers, and nothing tells which way generations go; write records: "
            '[{"generation": 1, "replicate": 0, "loss": 0.5}, ...]'
        )
    if not isinstance(whole, dict):
        return None
    if {"columns", "data"} <= {*whole} and all(
        isinstance(row, list) for row in whole["data"]
    ):  # pandas' "split"
        return {str(c): [row[i] for row in whole["data"]] for i, c in enumerate(whole["columns"])}
    lists = {k: v for k, v in whole.items() if isinstance(v, list) and v and isinstance(v[0], dict)}
    if len(lists) != 1:
        return None
    ((name, records),) = lists.items()
    if not all(isinstance(r, dict) for r in records):
        return None
    say(f"{file}: the records of '{name}' are read")
    columns = list(dict.fromkeys(key for record in records for key in record))
    return {c: [record.get(c) for record in records] for c in columns}
