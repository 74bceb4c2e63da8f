"""Tables from wherever they are, and what was decided in reading them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from genloss.errors import DataError, said_by
from genloss.tables.cells import Floats
from genloss.tables.kept import is_kept, keep, located
from genloss.tables.say import Decision, alike, meant, named, shown
from genloss.tables.schema import Schema
from genloss.tables.wishes import Wishes

if TYPE_CHECKING:
    import pandas as pd

    from genloss.tables.files import Held

BUNDLED = ("breast_cancer", "diabetes", "iris", "wine")
"""Real tables by name; they come with scikit-learn, and their column "target" is the target."""


@dataclass(frozen=True, eq=False)
class Reading:
    """A table as it was read.

    Args:
        schema: Of its columns.
        rows: (N, D) floats.
        decisions: What was decided where it could have been decided otherwise.
        left_out: Columns and rows that are left out, and why.
    """

    schema: Schema
    rows: Floats
    decisions: tuple[Decision, ...] = ()
    left_out: tuple[Decision, ...] = ()


def read_table(data: Any, wishes: Wishes | str | None = None) -> Reading:
    """Read a table and say what its columns are.

    Args:
        data: The path of a file, the name of a bundled table (breast_cancer, diabetes, iris, wine), or a
            frame.
        wishes: How to read it; or the target alone. The bundled tables know theirs.

    Raises:
        DataError: The table cannot serve as real data; a line for each problem, with culprit and remedy.

    >>> wine = read_table("wine")
    >>> wine.rows.shape, wine.schema.target, wine.schema.columns[-1].categories
    ((178, 14), 'target', ('class_0', 'class_1', 'class_2'))
    """
    from genloss.tables.files import Held
    from genloss.tables.frames import arrow_of
    from genloss.tables.infer import infer

    wishes = wishes if isinstance(wishes, Wishes) else Wishes(target=wishes)
    if isinstance(data, str) and data in BUNDLED:
        wishes = replace(wishes, target=wishes.target or "target")
    source = str(data) if isinstance(data, (str, Path)) else "the table"
    file = file_of(source) if isinstance(data, (str, Path)) and source not in BUNDLED else None
    with named(source):
        held = (
            Held(arrow_of(_bundled(source) if source in BUNDLED else data))
            if file is None
            else _read(file, wishes)
        )
        found = infer(held.table, wishes, held.delimiter, held.problems)
    schema = Schema(found.columns, wishes.target)
    return Reading(schema, found.rows, (*held.decisions, *found.decisions), found.left_out)


def file_of(path: str) -> Path:
    """The file of a path.

    Raises:
        DataError: There is none.
    """
    if is_kept(path):
        return located(path)
    file = Path(path).expanduser()
    try:
        if path and file.exists():
            return file
        near = [p.name for p in file.parent.iterdir()] if file.parent.is_dir() else []
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    hint = meant(file.name, [*near, *BUNDLED])
    raise DataError(
        f"no file or bundled table {shown(path, 200)}{hint} (bundled tables are {', '.join(BUNDLED)})"
    )


def _read(file: Path, wishes: Wishes) -> Held:
    from genloss.tables.files import read_file

    try:
        return read_file(file, wishes)
    except OSError as error:
        reason = error.strerror or said_by(error)
        raise DataError(f"cannot be read: {reason}; check the file and its permissions") from None


def kept_frame(data: Any) -> str:
    """The name of a frame, by which it can be read from now on.

    Args:
        data: A pandas or Polars DataFrame, or anything that speaks Arrow.

    Raises:
        DataError: It is no table, or holds what no file can.
    """
    import pyarrow as pa
    from pyarrow import parquet

    from genloss.tables.frames import arrow_of

    table = arrow_of(data)
    if twice := alike(table.column_names):
        raise DataError("\n".join(twice))
    sink = pa.BufferOutputStream()
    try:
        parquet.write_table(table, sink, compression="zstd")
    except (pa.ArrowException, ValueError) as error:
        raise DataError(f"a column is of a kind that no table holds: {said_by(error)}") from None
    return keep(sink.getvalue().to_pybytes(), "parquet")


def _located(data: Any) -> Any:
    """A path as text; of a frame the name that it has by its content."""
    if isinstance(data, PurePath):
        return str(data)
    return data if isinstance(data, str) else kept_frame(data)


Data = Annotated[Any, BeforeValidator(_located)]
"""A field that takes a path, or a frame, which is then kept by its content."""


def _bundled(name: str) -> pd.DataFrame:
    import pandas as pd
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = found.frame
    if "target_names" in found:  # ordered, so that codes are scikit-learn's
        labels = [str(label) for label in found.target_names]
        classes = pd.Categorical.from_codes(frame["target"].to_numpy(), pd.Index(labels), ordered=True)
        frame = frame.assign(target=classes)
    return frame


def opened(data: Any) -> Held:
    """A table as it stands, in Arrow columns: texts of a file, whatever a frame has.

    Args:
        data: The path of a file, or a frame.

    Raises:
        DataError: It cannot be opened.
    """
    from genloss.tables.files import Held
    from genloss.tables.frames import arrow_of

    if not isinstance(data, (str, Path)):
        return Held(arrow_of(data))
    with named(str(data)):
        return _read(file_of(str(data)), Wishes())
