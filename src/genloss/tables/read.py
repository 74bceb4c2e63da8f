"""Tables from wherever they are, and what was decided in reading them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.errors import DataError, said_by
from genloss.tables.cells import Floats
from genloss.tables.kept import is_kept, keep, located
from genloss.tables.say import Decision, listed, meant, shown
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
        data: The path of a file, the name of a bundled table (breast_cancer, diabetes, iris, wine), or a frame.
        wishes: How to read it; or the target alone. The bundled tables know theirs.

    Raises:
        DataError: The table cannot serve as real data; a line for each problem, with culprit and remedy.

    >>> wine = read_table("wine")
    >>> wine.rows.shape, wine.schema.target, wine.schema.columns[-1].categories
    ((178, 14), 'target', ('class_0', 'class_1', 'class_2'))
    """
    from genloss.tables.infer import infer

    wishes = wishes if isinstance(wishes, Wishes) else Wishes(target=wishes)
    if isinstance(data, str) and data in BUNDLED:
        wishes = replace(wishes, target=wishes.target or "target")
    source = str(data) if isinstance(data, (str, Path)) else "the table"
    held = _held(data, source, wishes)
    found = infer(held.table, wishes, source, held.delimiter, held.problems)
    schema = Schema(found.columns, wishes.target)
    return Reading(schema, found.rows, (*held.decisions, *found.decisions), found.left_out)


def _held(data: Any, source: str, wishes: Wishes) -> Held:
    """The table, as it is held."""
    from genloss.tables.files import READERS, Held, read_file
    from genloss.tables.frames import arrow_of

    if not isinstance(data, (str, Path)):
        return Held(arrow_of(data))
    if source in BUNDLED:
        return Held(arrow_of(_bundled(source)))
    if is_kept(source):
        return read_file(located(source), wishes)
    file = Path(source).expanduser()
    kinds = f"files end in {', '.join(READERS)}, or these with .gz or .zst"
    bundled = f"bundled tables are {', '.join(BUNDLED)}"
    try:
        if not source or not file.exists():
            near = [p.name for p in file.parent.iterdir()] if file.parent.is_dir() else []
            hint = meant(file.name, [*near, *BUNDLED])
            raise DataError(f"no file or bundled table {shown(source, 200)}{hint} ({bundled}; {kinds})")
        if not file.is_file():
            raise DataError(f"{source}: is not a file ({kinds})")
        return read_file(file, wishes)
    except OSError as error:
        raise DataError(
            f"{source}: cannot be read: {error.strerror or said_by(error)}; check the file and its permissions"
        ) from None
    except DataError as error:
        said = (line if line.startswith(("no file", f"{source}: ")) else f"{source}: {line}" for line in str(error).splitlines())
        raise DataError("\n".join(said)) from None


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
    twice = [name for name in dict.fromkeys(table.column_names) if table.column_names.count(name) > 1]
    if twice:
        raise DataError(f"two columns are called {listed(twice)}; rename one of each two")
    sink = pa.BufferOutputStream()
    try:
        parquet.write_table(table, sink, compression="zstd")
    except (pa.ArrowException, ValueError) as error:
        raise DataError(f"a column is of a kind that no table holds: {said_by(error)}") from None
    return keep(sink.getvalue().to_pybytes(), "parquet")


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
