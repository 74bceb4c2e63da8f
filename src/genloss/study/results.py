"""What came out of a study: the long table, arrays, summaries and pictures, read when they are asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss import intervals
from genloss.errors import GenlossError, SpecError, these
from genloss.experiment import Experiment
from genloss.samples import Array
from genloss.study import choosing
from genloss.study.cells import Cell, KeptStudy, remarks
from genloss.study.reading import Reader
from genloss.study.registry import did_you_mean
from genloss.study.shaping import batches, frame_axes, labelled, scattered
from genloss.study.store import Store
from genloss.study.study import Study, read
from genloss.study.views import views
from genloss.tables import Schema
from genloss.traits import SCHEMA

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from genloss.report.figure import Figure

_INTERVALS = ("typical", "typical_low", "typical_high", "mean", "low", "high")


class Results:
    """The results of a study, as far as its cells are finished: of what it does not have, nothing is held.

    Attributes:
        study: what was run.
        failures: (cell, message) for each cell of which a tile failed, with the first such tile's message.
        environment: versions and machine.
        folder: the run's folder, or None where it was not kept.
        seconds: processor time of all tiles, as far as it is known.
        whole: whether the study's parts are there; if not, its cells have outlines alone, which is enough for
            every number, but not for a report.
        notes: one line for each thing to know about a run that was opened.
    """

    whole = True

    def __init__(self, study: Any, store: Store, keep: bool = True) -> None:
        self.study: Study | KeptStudy = study
        self.folder = store.folder if keep else None
        environments = store.environments
        self.environment: dict[str, Any] = environments[-1] if environments else {}
        self.seconds = store.seconds()
        self.notes: list[str] = []
        self._store, self._reader = store, Reader(store, self.cells)
        failed: dict[str, list[tuple[int, str]]] = {}
        for part, error in store.failures().items():
            failed.setdefault(part.cell, []).append((part.tile, error))
        first = (
            (c, min((t, e) for t, e in failed[c.id] if t < c.tiles))
            for c in self.cells
            if any(t < c.tiles and store.part(c, t) is None for t, _ in failed.get(c.id, ()))
        )
        self.failures = [(cell, error) for cell, (_, error) in first]

    @classmethod
    def open(cls, folder: str | Path, trust: bool = False) -> Results:
        """The results that a run's folder holds, wherever it has been moved to.

        Args:
            folder: the run's.
            trust: whether code that its spec refers to may be run; needed only for a report.

        Raises:
            StoreError: if it holds no run.
        """
        folder = Path(folder)
        store = Store.read(folder)
        kept, notes = store.kept, []
        text = store.spec if kept is None else kept.spec
        study: Any
        try:
            if not text.strip():
                lost = kept is None and not (folder / "spec.toml").exists()
                python = "it was made in Python, of objects that no spec can name"
                raise SpecError("its spec.toml is gone" if lost else python)
            study = read(text, "spec.toml", folder.name if kept is None else kept.name, trust)
            ids, had = [c.id for c in study.cells], {p.cell for p in store.parts()}
            if bool(had) and had.isdisjoint(ids) if kept is None else ids != [c.id for c in kept.cells]:
                raise SpecError("its data, its code or genloss has changed since")
        except GenlossError as error:
            study = store.rebuilt() if kept is None else kept
            notes.append(
                f"{folder}: the study cannot be built here, its numbers are read as they were written: "
                f"{str(error).splitlines()[0]}"
            )
            if kept is None:
                notes.append(f"{folder}: its cells.json is damaged or gone; cells are as their parts say")
        results = cls(study, store)
        results.whole = not notes
        tiles = store.here(study.cells)
        if not all(tiles.values()):
            notes.append(
                f"{folder}: {sum(tiles.values())} of {these(len(tiles), 'tile')} done; "
                f"the same genloss run goes on with the rest"
            )
        results.notes = [
            *notes,
            *remarks(study.cells),
            *(f"{problem}; the same genloss run mends it" for problem in store.problems),
        ]
        return results

    def __repr__(self) -> str:
        some = ((len(self.cells), "cell"), (self.size, "value"), (len(self.failures), "failure"))
        return f"<Results of {', '.join(f'{n} {what}' + 's' * (n != 1) for n, what in some)}>"

    @property
    def parts(self) -> list[str]:
        """The names of the parts that hold the values."""
        return [part.name for cell in self.cells for part in self._reader.there(cell)]

    @property
    def size(self) -> int:
        """How many values there are."""
        return int(self.query("SELECT count(*) AS n FROM results")["n"][0].as_py())

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the study."""
        return self.study.cells

    def cell(self, cell: int | Cell | None = None, **varied: Any) -> Cell:
        """The one cell of that index, or with these values of experiment and varied fields.

        Raises:
            SpecError: if there is none, or more than one.
        """
        return choosing.one(self.cells, cell, varied)

    def array(
        self, metric: Any, cell: int | Cell | None = None, agent: int | str | None = None, **varied: Any
    ) -> Array:
        """(*axes, R) values of a metric in one cell; NaN where a tile is missing.

        Of a loop these are (T, A, R), from generation 1 on: generation 0 is :meth:`real`.

        Args:
            metric: its name, or the metric.
            cell: index of the cell, where there are several.
            agent: of a loop, name or index of the one agent whose values are wanted, (T, R).
            varied: or what it has of the varied fields: ``array("TraceRatio", regime="Replace")``.

        Raises:
            SpecError: if there is no such metric, cell or agent.
        """
        at = self.cell(cell, **varied)
        values = self._values(metric, at)[_begin(at) :]
        return values if agent is None else values[:, choosing.line_of(at.outline, agent)]

    def real(self, metric: Any, cell: int | Cell | None = None, **varied: Any) -> Array | None:
        """(A, R) values of generation 0, the real rows themselves; None of a metric that looks at models.

        Args:
            metric: its name, or the metric.
            cell: as in :meth:`array`.
            varied: as in :meth:`array`.

        Raises:
            SpecError: if there is no such metric or cell, or the cell has no generations.
        """
        at = self.cell(cell, **varied)
        if not _begin(at):
            raise SpecError(f"{at.label} has no generations; its axes are {', '.join(at.outline.axes)}")
        at_start: Array = self._values(metric, at)[0]
        return None if np.isnan(at_start).all() else at_start

    def _values(self, metric: Any, at: Cell) -> Array:
        name = choosing.name_of(metric, at)
        if name not in at.outline.meanings:
            raise SpecError(f"no metric '{name}' was measured{did_you_mean(name, at.outline.meanings)}")
        places = ", ".join(f'"{axis}"' for axis in (*at.outline.axes, "replicate"))
        rows = self._reader.query(f"SELECT {places}, value FROM results WHERE metric = $1", [name], [at])
        return scattered(at, [rows[c].to_numpy() for c in rows.column_names])

    def arrays(
        self, cells: Sequence[Cell] | None = None, metric: str | None = None
    ) -> Iterator[tuple[Cell, str, Array, int]]:
        """Cell, metric, (*axes, R) values (of a loop from generation 0 on), and replicates that are finished.

        One pass over the parts, a few cells at a time.

        Args:
            cells: of which; by default of all.
            metric: the name of the only one that is wanted; by default all are.
        """
        for some in batches(self.cells if cells is None else cells):
            axes = some[0].outline.axes
            names = list(dict.fromkeys(name for c in some for name in c.outline.meanings))
            names = names if metric is None else [metric]
            places = ", ".join(f'"{axis}"' for axis in (*axes, "replicate"))
            rows = self._reader.query(
                f"SELECT cell, list_position($1, metric) AS metric, {places}, value FROM results "
                "WHERE list_contains($1, metric)",
                [names],
                some,
            )
            columns = [rows[c].to_numpy() for c in rows.column_names]
            key = columns[0].astype(np.int64) * (len(names) + 1) + columns[1]
            order = np.argsort(key, kind="stable")
            key = key[order]
            ends = (np.flatnonzero(np.diff(key, append=-1)) + 1).tolist()
            there = {int(key[a]): slice(a, b) for a, b in itertools.pairwise([0, *ends])}
            for cell in some:
                done = self._reader.replicates(cell)
                for name in (n for n in cell.outline.meanings if n in names):
                    span = there.get(cell.index * (len(names) + 1) + names.index(name) + 1)
                    if span is not None:
                        mine = order[span]
                        yield cell, name, scattered(cell, [c[mine] for c in columns[2:]]), done

    def plot(self, metric: Any = None, by: str | Sequence[str] = (), **varied: Any) -> Figure:
        """Curves of a metric along the first axis, of a loop over generations, with intervals and laws.

        Args:
            metric: its name, or the metric; by default the first.
            by: varied fields that tell lines apart: one is colour, a second makes panels side by side, a
                third panels below each other; by default chosen. The reader chooses of those that are left.
            varied: what cells have of the varied fields: ``plot("TraceRatio", n_real=100)``.

        Raises:
            SpecError: if there is no such metric, cell or field, or several experiments measure it.
            GenlossError: if nothing of it is finished.
        """
        name, cells = choosing.measuring(self.cells, metric, varied)
        return views().curves(self, cells, name, (by,) if isinstance(by, str) else tuple(by))

    def heatmap(self, metric: Any = None, x: str = "", y: str = "", **varied: Any) -> Figure:
        """The last values of a metric over two varied fields of numbers, with contours of its law.

        Args:
            metric: its name, or the metric; by default the first.
            x: the field from left to right; by default one of the two with most values.
            y: the field upwards; by default the other one.
            varied: as in :meth:`plot`.

        Raises:
            SpecError: as :meth:`plot`; and if there are no two such fields.
            GenlossError: if nothing of it is finished.
        """
        name, cells = choosing.measuring(self.cells, metric, varied)
        return views().map(self, cells, name, x, y)

    def show_data(self, **varied: Any) -> Figure:
        """The rows themselves, real and published, generation by generation, of the first replicate.

        Args:
            varied: as in :meth:`plot`.

        Raises:
            SpecError: if there is no such cell, or several experiments have one.
            GenlossError: if no rows were kept.
        """
        return views().data(self, choosing.of_one(self.cells, varied))

    def report(self, path: str | Path = "report.html") -> Path:
        """Write everything as one HTML file that opens offline, and give its path.

        Raises:
            StoreError: if it cannot be written, or the study cannot be built here.
        """
        return views().page(self, path)

    def _repr_html_(self) -> str:
        """The headline table, for a notebook."""
        return views().summary(self)

    @property
    def table(self) -> pa.Table:
        """The long table by index of cell and coordinates along the axes, read anew each time."""
        axes = list(dict.fromkeys(axis for c in self.cells for axis in frame_axes(c)))
        order = ", ".join(f'"{name}"' for name in ("cell", "metric", *axes, "replicate"))
        return self.query(f"SELECT * FROM results ORDER BY {order}")

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """What a SELECT over the view ``results`` gives: cell (its index), the axes, replicate, metric,
        value.

        Raises:
            StoreError: with the first line of what DuckDB finds wrong.
        """
        return self._reader.query(sql, parameters)

    def frame(self) -> pd.DataFrame:
        """The long table: experiment and varied fields, the axes (of a loop agent, generation), replicate,
        metric, value.
        """
        return labelled(self.cells, self.table.to_pandas())

    def summary(self) -> pd.DataFrame:
        """The typical replicate and the mean of every metric at every generation, with 95 % intervals.

        Columns: those of :meth:`frame` without replicate and value, then replicates; typical, typical_low and
        typical_high, the median with its distribution-free interval; mean, low and high
        (:mod:`genloss.intervals`). Generation 0 is the real rows themselves, where a metric looks at rows.
        """
        import pandas as pd

        rows = []
        for cell, name, values, replicates in self.arrays():
            said = cell.outline
            flat = values.reshape(-1, values.shape[-1])
            there = np.flatnonzero(~np.isnan(flat).all(axis=1))
            x = flat[there]
            both = np.stack([*intervals.typical(x), *intervals.mean(x, said.meanings[name].scale)])
            at = np.unravel_index(there, said.extents) if said.axes else ()
            columns = {
                "cell": cell.index,
                **dict(zip(said.axes, at, strict=True)),
                "metric": name,
                "replicates": replicates,
                **dict(zip(_INTERVALS, both, strict=True)),
            }
            rows.append(pd.DataFrame(columns).sort_values([*frame_axes(cell)] or ["cell"], kind="stable"))
        axes = list(dict.fromkeys(axis for c in self.cells for axis in c.outline.axes))
        empty = pd.DataFrame(columns=["cell", *axes, "metric", "replicates", *_INTERVALS])
        return labelled(self.cells, pd.concat(rows, ignore_index=True) if rows else empty)

    def pictures(self, cell: int | Cell | None = None, agent: int | str = 0, **varied: Any) -> dict[int, Any]:
        """Rows of the first replicate by place along the first axis: of a table its rows, else (k, *event).

        Of a loop the places are generations, and 0 is the real rows. Where the table itself is not at hand,
        its rows are the numbers that stand for them.

        Args:
            cell: as in :meth:`array`.
            agent: which line: of a loop the agent's name or index, of other tasks the index of the place
                along their other axes.
            varied: as in :meth:`array`.

        Raises:
            SpecError: if there is no such cell or line.
        """
        at = self.cell(cell, **varied)
        rows = self.encoded(at, agent)
        schema = SCHEMA.of(at.task.real) if isinstance(at.task, Experiment) else None
        if not isinstance(schema, Schema):
            return dict(rows)
        return {t: schema.decode(x) for t, x in rows.items()}

    def encoded(
        self, cell: int | Cell | None = None, agent: int | str = 0, **varied: Any
    ) -> dict[int, Array]:
        """The same rows as models see them, each (k, *event): of a table the numbers that stand for them.

        Args:
            cell: as in :meth:`pictures`.
            agent: as in :meth:`pictures`.
            varied: as in :meth:`pictures`.

        Raises:
            SpecError: if there is no such cell or line.
        """
        at = self.cell(cell, **varied)
        said = at.outline
        rows = self._reader.pictures(at)
        first = rows[said.axes[0]].to_numpy() if said.axes else np.zeros(len(rows), int)
        rest = [rows[axis].to_numpy() for axis in said.axes[1:]]
        line = np.ravel_multi_index(rest, said.extents[1:]) if rest else np.zeros(len(rows), int)
        shared = (first == 0) if _begin(at) else np.zeros(len(rows), bool)
        mine = np.flatnonzero((line == choosing.line_of(said, agent)) | shared)
        found: dict[int, list[Any]] = {}
        for place, value in zip(mine, rows["values"].take(mine).to_pylist(), strict=True):
            found.setdefault(int(first[place]), []).append(value)
        event = (-1,) if said.event_shape is None else said.event_shape
        return {g: np.array(v, dtype=float).reshape(len(v), *event) for g, v in sorted(found.items())}


def _begin(cell: Cell) -> int:
    """Where the values of a cell begin along its first axis: generation 0 comes before any model."""
    return int(cell.outline.axes[:1] == ("generation",))
