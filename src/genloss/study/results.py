"""What came out of a study: the long table, arrays, summaries and pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss import intervals
from genloss.errors import GenlossError, SpecError
from genloss.samples import Array
from genloss.study.grid import label
from genloss.study.registry import did_you_mean
from genloss.study.study import Cell, Study

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from genloss.study.store import Store


_INTERVALS = ("typical", "typical_low", "typical_high", "mean", "low", "high")


class Results:
    """The results of a study, as far as its cells are finished.

    Attributes:
        study: what was run.
        failures: (cell, message) for each cell of which a tile failed, with the first such tile's message.
        environment: versions and machine.
        folder: the run's folder, or None where it was not kept.
        seconds: processor time of all tiles.
        whole: whether the study's parts are there; if not, its cells have outlines in place of experiments,
            which is enough for every number, but not for a report.
        notes: one line for each thing to know about a run that was opened.
    """

    whole = True

    def __init__(self, study: Study, store: Store, keep: bool = True) -> None:
        self.study = study
        self.folder = store.folder if keep else None
        self.environment: dict[str, Any] = store.environments[-1] if store.environments else {}
        done = store.finished()
        self.seconds = sum(e.get("seconds", 0.0) for e in done.values())
        cells = {c.index: c for c in study.cells}
        first: dict[int, str] = {}
        for failure in sorted(store.failures(), key=lambda f: (f["failed"], f["tile"])):
            first.setdefault(failure["failed"], str(failure["error"]))
        self.failures = [(cells[index], message) for index, message in first.items() if index in cells]
        self.notes: list[str] = []
        self._table = store.results_table()
        self._pictures = store.pictures_table()

    @classmethod
    def open(cls, folder: str | Path, trust: bool = False) -> Results:
        """The results that a run's folder holds, wherever it has been moved to.

        Args:
            folder: the run's.
            trust: whether code that its spec refers to may be run; needed only for a report.

        Raises:
            StoreError: if it holds no run.
        """
        from genloss.study.outline import read_outline
        from genloss.study.store import Store

        folder = Path(folder)
        store = Store.read(folder)
        study: Any = None
        notes = []
        try:
            if not store.spec.strip():
                raise SpecError("it was made in Python, of objects that no spec can name")
            study = Study.load(folder / "spec.toml", trust)
            if study.fingerprint != store.fingerprint:
                raise SpecError("its data, its code or genloss has changed since")
            study = replace(study, name=read_outline(folder).name)
        except GenlossError as error:
            study = read_outline(folder)
            notes.append(
                f"{folder}: the numbers are as they were, but the study cannot be built here: {error}"
            )
        results = cls(study, store)
        results.whole = not notes
        tiles, done = sum(c.tiles for c in study.cells), store.finished()
        there = sum(e.get("kind", "results") == "results" for e in done.values())
        if there < tiles:
            notes.append(
                f"{folder}: {there} of {tiles} tiles are done; the same genloss run goes on with the rest"
            )
        results.notes = [*notes, *store.problems]
        return results

    def __repr__(self) -> str:
        cells = self.study.cells
        some = ((len(cells), "cell"), (self.table.num_rows, "value"), (len(self.failures), "failure"))
        return f"<Results of {', '.join(f'{n} {what}' + 's' * (n != 1) for n, what in some)}>"

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the study."""
        return self.study.cells

    def cell(self, cell: int | Cell | None = None, **varied: Any) -> Cell:
        """The one cell of that index, or with these values of experiment and varied fields.

        Raises:
            SpecError: if there is none, or more than one.
        """
        if isinstance(cell, Cell):
            return cell
        if cell is not None:
            if not isinstance(cell, int) or not -len(self.cells) <= cell < len(self.cells):
                raise SpecError(f"there is no cell {cell!r}; give an index from 0 to {len(self.cells) - 1}")
            return self.cells[cell]
        known = {"experiment", *(k for c in self.cells for k in c.varied)}
        for name in varied.keys() - known:
            # "regime" will do for "agents.1.regime", where no other agent's is varied
            ends = [k for k in known if k.endswith(f".{name}")]
            if len(ends) != 1:
                raise SpecError(f"no cell has a '{name}'{did_you_mean(name, known)}")
            varied[ends[0]] = varied.pop(name)
        fit = [
            c
            for c in self.cells
            if all(_is(v, {**c.varied, "experiment": c.experiment}.get(k)) for k, v in varied.items())
        ]
        if len(fit) != 1:
            what = "narrow it down to one" if fit else "there are"
            raise SpecError(
                f"{len(fit)} of {len(self.cells)} cells have {varied or 'no condition'}; "
                f"{what}: {', '.join(c.label for c in (fit or self.cells)[:5])}"
            )
        return fit[0]

    def array(self, metric: Any, cell: int | Cell | None = None, **varied: Any) -> Array:
        """(T, A, R) values of a metric in one cell, from generation 1 on; NaN where a tile is missing.

        Args:
            metric: its name, or the metric.
            cell: index of the cell, where there are several.
            varied: or what it has of the varied fields: ``array("TraceRatio", regime="Replace")``.

        Raises:
            SpecError: if there is no such metric or cell.
        """
        return self._values(metric, self.cell(cell, **varied))[1:]

    def real(self, metric: Any, cell: int | Cell | None = None, **varied: Any) -> Array | None:
        """(A, R) values of generation 0, the real rows themselves; None of a metric that looks at models.

        Args:
            metric: its name, or the metric.
            cell: as in :meth:`array`.
            varied: as in :meth:`array`.

        Raises:
            SpecError: if there is no such metric or cell.
        """
        at_start = self._values(metric, self.cell(cell, **varied))[0]
        return None if np.isnan(at_start).all() else at_start

    def _values(self, metric: Any, at: Cell) -> Array:
        """(T + 1, A, R)."""
        names = at.exp.metric_names
        name = (
            metric
            if isinstance(metric, str)
            else next((k for k, m in names.items() if m == metric), repr(metric))
        )
        # "TestError" will do for "TestError(of='published')", where it is the only one
        alike = [k for k in names if k.startswith(f"{name}(of=")]
        name = alike[0] if len(alike) == 1 and name not in names else name
        if name not in names:
            raise SpecError(f"no metric '{name}' was measured{did_you_mean(name, names)}")
        exp = at.exp
        out = np.full((exp.generations + 1, len(exp.agents), exp.replicates), np.nan)
        rows = self.query(
            "SELECT generation, agent, replicate, value FROM results WHERE cell = $1 AND metric = $2",
            [at.index, name],
        )
        t, a, r, v = (np.asarray(rows[c]) for c in ("generation", "agent", "replicate", "value"))
        out[t, a, r] = v
        return out

    def arrays(self) -> Iterator[tuple[Cell, str, Array, int]]:
        """Cell, metric, (T + 1, A, R) values from generation 0 on, and how many replicates are finished.

        One pass over the table; as many calls of :meth:`array` would each look through the whole of it.
        """
        table = self.table
        names = ("cell", "agent", "generation", "replicate", "value")
        columns = {name: table[name].to_numpy() for name in names}
        metrics = table["metric"].combine_chunks().dictionary_encode()
        code = metrics.indices.to_numpy()
        begin = np.flatnonzero(np.diff(columns["cell"], prepend=-1) | np.diff(code, prepend=-1))
        cells = {c.index: c for c in self.cells}
        for a, b in itertools.pairwise([*begin.tolist(), len(code)]):
            cell = cells[int(columns["cell"][a])]
            i, t, r, v = (columns[k][a:b] for k in names[1:])
            out = np.full((cell.exp.generations + 1, len(cell.exp.agents), cell.exp.replicates), np.nan)
            out[t, i, r] = v
            yield cell, metrics.dictionary[int(code[a])].as_py(), out, len(np.unique(r))

    @cached_property
    def table(self) -> pa.Table:
        """The long table by index of cell and agent, without the replicates beyond those wanted."""
        import duckdb
        import pyarrow as pa

        wanted = pa.table(
            {"cell": [c.index for c in self.cells], "upto": [c.exp.replicates for c in self.cells]}
        )
        with duckdb.connect() as db:
            db.register("parts", self._table)
            db.register("wanted", wanted)
            return db.sql(
                "SELECT parts.* EXCLUDE (tile) FROM parts JOIN wanted USING (cell) WHERE replicate < upto "
                "ORDER BY cell, metric, agent, generation, replicate"
            ).to_arrow_table()

    def query(self, sql: str, parameters: list[Any] | None = None) -> pa.Table:
        """What a SELECT over the view ``results`` gives of long columns by index of cell and agent."""
        import duckdb

        with duckdb.connect() as db:
            db.register("results", self.table)
            return db.sql(sql, params=parameters or []).to_arrow_table()

    def frame(self) -> pd.DataFrame:
        """The long table: experiment and varied fields, agent, generation, replicate, metric, value."""
        return self._labelled(self.table.to_pandas())

    def summary(self) -> pd.DataFrame:
        """The typical replicate and the mean of every metric at every generation, with 95 % intervals.

        Columns: those of :meth:`frame` without replicate and value, then replicates; typical, typical_low and
        typical_high, the median with its distribution-free interval; mean, low and high
        (:mod:`genloss.intervals`). Generation 0 is the real rows themselves, where a metric looks at rows.
        """
        import pandas as pd

        rows = []
        for cell, name, values, replicates in self.arrays():
            there = ~np.isnan(values).all(axis=(1, 2))
            x = values[there]
            t, a = np.indices(x.shape[:2])
            scale = cell.exp.meanings[name].scale
            both = np.stack([*intervals.typical(x), *intervals.mean(x, scale)]).reshape(6, -1)
            columns = {
                "cell": cell.index,
                "agent": a.ravel(),
                "generation": np.flatnonzero(there)[t.ravel()],
                "metric": name,
                "replicates": replicates,
                **dict(zip(_INTERVALS, both, strict=True)),
            }
            rows.append(pd.DataFrame(columns).sort_values(["agent", "generation"]))
        empty = pd.DataFrame(columns=["cell", "agent", "generation", "metric", "replicates", *_INTERVALS])
        return self._labelled(pd.concat(rows, ignore_index=True) if rows else empty)

    def _labelled(self, rows: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        columns = list(dict.fromkeys(k for c in self.cells for k in c.varied))
        named = any(c.experiment for c in self.cells)
        labels = pd.DataFrame(
            [
                {**({"experiment": c.experiment} if named else {}), **{k: c.varied.get(k) for k in columns}}
                for c in self.cells
            ],
            index=[c.index for c in self.cells],
        )
        for column in labels:
            if labels[column].map(type).nunique() > 1:  # numbers and text in one column: text, with gaps
                labels[column] = labels[column].map(str, na_action="ignore")
        out = labels.loc[rows["cell"]].reset_index(drop=True)
        agent_names = {(c.index, i): n for c in self.cells for i, n in enumerate(c.exp.agent_names)}
        rest = rows.drop(columns=["cell"]).reset_index(drop=True)
        rest["agent"] = [agent_names[key] for key in zip(rows["cell"], rows["agent"], strict=True)]
        order = ["agent", "generation", *(["replicate"] if "replicate" in rest else []), "metric"]
        rest = rest[[*order, *(c for c in rest if c not in order)]]
        return pd.concat([out, rest], axis=1)

    def pictures(self, cell: int | Cell | None = None, agent: int = 0, **varied: Any) -> dict[int, Array]:
        """Rows of the first replicate by generation, each (k, *event); 0 is the real rows."""
        at = self.cell(cell, **varied)
        if not 0 <= agent < len(at.exp.agents):
            raise SpecError(f"there is no agent {agent}; there are {', '.join(at.exp.agent_names)}, from 0")
        rows = self._pictures
        c, a, t = (np.asarray(rows[k]) for k in ("cell", "agent", "generation"))
        mine = np.flatnonzero((c == at.index) & ((a == agent) | (a == -1)))
        found: dict[int, list[Any]] = {}
        values = rows["values"].take(mine).to_pylist()
        for place, value in zip(mine, values, strict=True):
            found.setdefault(int(t[place]), []).append(value)
        event = at.exp.event_shape
        return {g: np.array(v, dtype=float).reshape(len(v), *event) for g, v in sorted(found.items())}


def _is(wanted: Any, varied: Any) -> bool:
    """Whether a value, or part, that was asked for is what a cell has: "Replace", or Replace()."""
    return str(varied) in (str(wanted), str(label(wanted)))
