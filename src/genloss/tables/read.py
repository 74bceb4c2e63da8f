"""Tables from files (CSV, Parquet, JSON lines) and the real tables that scikit-learn brings along."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.errors import DataError
from genloss.tables.cells import Floats
from genloss.tables.infer import check_distinct
from genloss.tables.say import meant, shown
from genloss.tables.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

BUNDLED = ("breast_cancer", "diabetes", "iris", "wine")
"""Real tables by name; they come with scikit-learn, and their column "target" is the target."""

SUFFIXES = (".csv", ".parquet", ".jsonl", ".ndjson", ".json")
"""File types; the last three hold one JSON object a line."""


def read_table(path: str, target: str | None = None) -> tuple[Schema, Floats]:
    """Read a table and say what its columns are.

    Args:
        path: A CSV file (UTF-8, commas, a header), a Parquet file, a file of one JSON object a line, or the
            name of a bundled table: breast_cancer, diabetes, iris, wine.
        target: The column to be predicted. None is no target for a file, and "target" for a bundled table.

    Returns:
        The schema, and the table as (N, D) floats.

    Raises:
        DataError: The file or the table in it cannot serve as real data; names culprit and remedy in a line.

    >>> schema, rows = read_table("wine")
    >>> rows.shape, schema.target, schema.columns[-1].categories
    ((178, 14), 'target', ('class_0', 'class_1', 'class_2'))
    """
    if path in BUNDLED:
        frame, target = _bundled(path), "target" if target is None else target
    else:
        frame = _read_file(path)
    schema = Schema.infer(frame, target, path)
    return schema, schema.encode(frame)


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


def _read_file(path: str) -> pd.DataFrame:
    file = Path(path).expanduser()
    suffix = file.suffix.lower()
    supported = f"files end in {', '.join(SUFFIXES)}; bundled tables are {', '.join(BUNDLED)}"
    try:
        if not path or not file.exists():
            near = [p.name for p in file.parent.iterdir()] if file.parent.is_dir() else []
            hint = meant(file.name, [*near, *BUNDLED])
            raise DataError(f"no file or bundled table {shown(path, 200)}{hint} ({supported})")
        if suffix not in SUFFIXES:
            raise DataError(
                f"{path}: cannot read {shown(suffix) if suffix else 'a file without a suffix'} ({supported})"
            )
        if not file.is_file():
            raise DataError(f"{path}: is not a file ({supported})")
        if suffix == ".parquet":
            return _parquet(file, path)
        return _csv(file, path) if suffix == ".csv" else _json_lines(file, path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror or str(error).splitlines()[0]}; "
            "check the file and its permissions"
        ) from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is no UTF-8 text; save it as UTF-8 {suffix}") from None


def _csv(file: Path, path: str) -> pd.DataFrame:
    import pandas as pd

    with file.open("rb") as stream:
        if b"\0" in stream.read(65536):
            raise DataError(f"{path}: is no text but holds zero bytes; save it as UTF-8 .csv")
    exact: dict[str, Any] = {}
    if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):  # later pandas always does
        exact["float_precision"] = "round_trip"  # else the last bit differs from the same table in Parquet
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # all it does when it cuts a longer row
            header = pd.read_csv(file, header=None, nrows=1, dtype=str, keep_default_na=False)
            names = [str(name) for name in header.iloc[0]]
            _check_header(names, path)
            frame: pd.DataFrame = pd.read_csv(
                file,
                index_col=False,
                low_memory=False,
                dtype_backend="numpy_nullable",  # integers stay integers beside missing cells
                **exact,
            )
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: the file is empty; it needs a header and rows") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        reason = str(error).strip().split("\n")[0]
        raise DataError(
            f"{path}: is no CSV with as many cells in every row as in the header ({reason}); mend the row"
        ) from None
    frame.columns = pd.Index(names)
    return frame


def _check_header(names: list[str], path: str) -> None:
    check_distinct([name for name in names if name.strip()], f"{path}: ")
    for place, name in enumerate(names):
        if not name.strip():
            raise DataError(
                f"{path}: column {place + 1} has no name; name it, or drop it if it only counts rows "
                "(in pandas: to_csv(..., index=False))"
            )
    for mark in (";", "\t"):
        if len(names) == 1 and mark in names[0]:
            raise DataError(
                f"{path}: one column, {shown(names[0])}; write commas, not {shown(mark)}, between cells"
            )


def _parquet(file: Path, path: str) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file) as parquet:
            table = parquet.read()
        check_distinct(table.column_names, f"{path}: ")
        frame: pd.DataFrame = table.to_pandas(types_mapper=_nullable)
    except DataError:
        raise
    except (
        pa.ArrowException,
        ValueError,
        LookupError,
        TypeError,
    ) as error:  # the last three: its pandas header
        raise DataError(
            f"{path}: is no Parquet file that can be read: {str(error).splitlines()[0]}"
        ) from None
    return frame


def _nullable(kind: Any) -> Any:
    """The pandas type for integers and booleans of Arrow: they stay what they are beside missing cells."""
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return pd.UInt64Dtype() if pa.types.is_uint64(kind) else pd.Int64Dtype()
    return pd.BooleanDtype() if pa.types.is_boolean(kind) else None


def _json_lines(file: Path, path: str) -> pd.DataFrame:
    import pandas as pd

    def record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        check_distinct([name for name, _ in pairs])
        return dict(pairs)

    records: list[dict[str, Any]] = []
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                found = json.loads(line, object_pairs_hook=record)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{path}: line {number} is no JSON ({error}); write one object a line"
                ) from None
            except DataError as error:
                raise DataError(f"{path}: line {number}: {error}") from None
            if not isinstance(found, dict):
                raise DataError(
                    f"{path}: line {number} is a JSON {type(found).__name__}, no object; "
                    "write one object a line"
                )
            records.append(found)
    names = list(dict.fromkeys(name for found in records for name in found))
    cells = {name: pd.Series([found.get(name) for found in records], dtype=object) for name in names}
    return pd.DataFrame(cells)
