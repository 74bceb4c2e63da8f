"""Parts as tables: what DuckDB reads of them when it is asked, never more."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.errors import StoreError
from genloss.study.cells import Cell
from genloss.study.columns import schema
from genloss.study.parts import Part
from genloss.study.store import Store

if TYPE_CHECKING:  # pyarrow and duckdb take long to import: who does not need them need not wait
    import duckdb
    import pyarrow as pa


class Reader:
    """The values of a study's cells, as far as they are there.

    Args:
        store: the run.
        cells: of the study.
    """

    def __init__(self, store: Store, cells: Sequence[Cell]) -> None:
        self._store = store
        self.cells = cells

    def there(self, cell: Cell) -> list[Part]:
        """The parts of a cell that are there, tile by tile."""
        return [p for tile in range(cell.tiles) if (p := self._store.part(cell, tile)) is not None]

    def replicates(self, cell: Cell) -> int:
        """Replicates of a cell that are there."""
        return sum(cell.size(part.tile) for part in self.there(cell))

    def query(
        self, sql: str, parameters: Sequence[Any] = (), cells: Sequence[Cell] | None = None
    ) -> pa.Table:
        """What a SELECT over the view ``results`` gives, of some cells or of all.

        Columns: cell (its index), the axes, replicate, metric, value. Beyond what a cell wants of replicates
        and of its axes nothing is seen.

        Raises:
            StoreError: with the first line of what DuckDB finds wrong.
        """
        with self._connected() as connection:
            some = self.cells if cells is None else cells
            self._view(connection, "results", [(c, self.there(c)) for c in some])
            return _asked(connection, sql, parameters)

    def pictures(self, cell: Cell) -> pa.Table:
        """The rows to look at of a cell: the axes, row, values."""
        with self._connected() as connection:
            part = self._store.pictures(cell)
            self._view(connection, "pictures", [(cell, [] if part is None else [part])], pictures=True)
            return _asked(connection, "SELECT * FROM pictures", ())

    @contextlib.contextmanager
    def _connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb

        with contextlib.closing(duckdb.connect()) as connection:
            yield connection

    def _view(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        of: Iterable[tuple[Cell, list[Part]]],
        pictures: bool = False,
    ) -> None:
        """Make the view; tasks of other axes have other columns, which are missing in the rest.

        Cells of equal values may read different parts of one tile, and are selected apart: a row of either
        part would else count for both.
        """
        kinds: dict[tuple[tuple[str, ...], int], list[tuple[Cell, list[Part]]]] = {}
        alike: Counter[str] = Counter()
        for cell, parts in of:
            kinds.setdefault((cell.outline.axes, alike[cell.id]), []).append((cell, parts))
            alike[cell.id] += 1
        selects = [
            self._select(connection, f"{name}_{i}", axes, some, pictures)
            for i, ((axes, _), some) in enumerate(kinds.items())
        ]
        with _explained():
            connection.execute(f"CREATE VIEW {name} AS {' UNION ALL BY NAME '.join(selects)}")

    def _select(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        axes: tuple[str, ...],
        of: Sequence[tuple[Cell, list[Part]]],
        pictures: bool,
    ) -> str:
        import pyarrow as pa

        files = dict.fromkeys(p.path(self._store.folder) for _, parts in of for p in parts)
        if files:
            listed = ", ".join(map(_quoted, files))
            source = f"read_parquet([{listed}], hive_partitioning = false)"
        else:
            source = f"{name}_none"
            connection.register(source, schema(axes, pictures).empty_table())
        extents = [cell.outline.extents for cell, _ in of]
        wanted: dict[str, Any] = {
            "_index": pa.array([cell.index for cell, _ in of], pa.int32()),
            "_cell": pa.array([int(cell.id, 16) for cell, _ in of], pa.uint64()),
            "_upto": pa.array([cell.outline.replicates for cell, _ in of], pa.int32()),
            **{f"_{axis}": pa.array([e[j] for e in extents], pa.int32()) for j, axis in enumerate(axes)},
        }
        connection.register(f"{name}_wanted", pa.table(wanted))
        inside = [*(f'"{axis}" < "_{axis}"' for axis in axes), *([] if pictures else ["replicate < _upto"])]
        columns = [*(f'"{axis}"' for axis in axes), *(("row", '"values"') if pictures else _VALUES)]
        return (
            f"(SELECT _index AS cell, {', '.join(columns)} FROM {source} JOIN {name}_wanted "
            f"ON cell = _cell{' WHERE ' if inside else ''}{' AND '.join(inside)})"
        )


_VALUES = ("replicate", "metric", '"value"')


def _asked(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any]) -> pa.Table:
    with _explained():
        found = connection.sql(sql, params=list(parameters))
        if found is None:
            raise StoreError("the query is empty; give a SELECT over results")
        return found.to_arrow_table()


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Say in a line what DuckDB finds wrong: with a query, or with parts that have gone meanwhile."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise StoreError(f"the query failed: {str(error).splitlines()[0]}") from error
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from None  # what DuckDB has made another error of


def _quoted(path: Path) -> str:
    """A path as DuckDB takes it literally: it reads '*?[' as patterns and '~' as the home."""
    text = re.sub(r"[*?[]", r"[\g<0>]", str(path.absolute())).replace("'", "''")
    return f"'{text}'"
