"""Anybody's runs: a table of values by generation becomes trajectories, and every guess is said in a line.

Long tables have a row for each value: columns for generation, value, replicate and groups. Wide tables have a
column for each replicate, or for each generation. What a careful statistician would not read as it stands, is
refused with what to write instead; what can be mended is mended, and said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.collapse.trajectory import Trajectory
from genloss.errors import DataError
from genloss.meaning import Better, Meaning, Reference, Scale, Tells
from genloss.numbers import number
from genloss.samples import Array
from genloss.wording import several

if TYPE_CHECKING:
    import pandas as pd

_GENERATIONS = ("generation", "gen", "iteration", "iter", "round", "step", "epoch", "t")
_REPLICATES = ("replicate", "rep", "seed", "run", "trial", "run_id", "chain", "repeat", "fold")
_VALUES = ("value", "loss", "metric_value", "score")
_METRICS = ("metric", "key", "tag", "measure")
_TIMES = ("wall time", "walltime", "wall_time", "timestamp", "time", "_timestamp", "_runtime", "date")
_LOWER = (
    "loss",
    "nll",
    "error",
    "perplexity",
    "ppl",
    "rmse",
    "mse",
    "mae",
    "fid",
    "kl",
    "distance",
    "regret",
)
_HIGHER = ("acc", "auc", "f1", "r2", "score", "coverage", "recall", "precision", "bleu", "rouge", "reward")
_SPREAD = ("variance", "var", "std", "entropy", "diversity", "distinct", "trace", "spread")
_NONE = ("", "na", "n/a", "nan", "null", "none", "-", "?")
_SENTINELS = (-1.0, 0.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0)


@dataclass(frozen=True)
class Columns:
    """Which columns are what.

    Args:
        generation: its column; by default found by name.
        value: columns of values, each a metric; by default found.
        replicate: whose independent repetitions the rows are; by default found by name.
        group: columns that tell lines apart.
        better: "lower" or "higher"; by default guessed from the metric's name.
        tells: which meaning of collapse the values tell of; by default of risk, where a direction is known.
        missing: texts and numbers that are no value, as "-1".
        references: the risk of knowing nothing, by metric.
    """

    generation: str | None = None
    value: tuple[str, ...] = ()
    replicate: str | None = None
    group: tuple[str, ...] = ()
    better: Better | None = None
    tells: Tells | None = None
    missing: tuple[str, ...] = ()
    references: dict[str, float] = field(default_factory=dict)


def read(data: Any, columns: Columns | None = None) -> tuple[list[Trajectory], list[str]]:
    """The trajectories of a table, and a line for each thing that was guessed, mended or left out.

    Args:
        data: the path of a file, or a frame: whatever :class:`genloss.real.Table` reads.
        columns: which are what.

    Raises:
        DataError: if it cannot be read as values by generation; with the culprit and the remedy.
    """
    from genloss.tables.read import opened

    columns = columns or Columns()
    table = opened(data)
    source = str(data) if isinstance(data, (str, Path)) else "the table"
    frame = table.to_pandas()
    frame.columns = [str(c).strip() for c in frame.columns]
    if not len(frame):
        raise DataError(f"{source}: it has no rows")
    return _Reader(source, frame, columns).read()


class _Reader:
    """Reads one table; its notes are what it says of it."""

    def __init__(self, source: str, frame: pd.DataFrame, columns: Columns) -> None:
        self.source, self.frame, self.given = source, frame, columns
        self.notes: list[str] = []
        self.missing = {*_NONE, *(m.strip().lower() for m in columns.missing)}

    def read(self) -> tuple[list[Trajectory], list[str]]:
        long = self._long()
        return [x for part in self._lines(long) for x in part], self.notes

    # -- which columns are what ----------------------------------------------------------------------

    def _column(self, given: str | None, known: Sequence[str], what: str) -> str | None:
        """A column by the name that was given, or by a usual one."""
        names = {c.lower(): c for c in self.frame.columns}
        if given is not None:
            if given in self.frame.columns:
                return given
            if given.lower() in names:
                return names[given.lower()]
            some = ", ".join(map(str, self.frame.columns[:12]))
            raise DataError(f"{self.source}: it has no column '{given}'; there are {some}")
        found = next((names[k] for k in known if k in names), None)
        if found is not None:
            self.notes.append(f"'{found}' is read as the {what} (--{what} COL changes it)")
        return found

    def _long(self) -> pd.DataFrame:
        """A frame of generation, replicate, metric, value and the groups."""
        self._drop_noise()
        turned = self._turned() if self.given.generation is None else None
        if turned is not None:
            return turned
        t = self._column(self.given.generation, _GENERATIONS, "generation")
        if t is None:
            raise DataError(
                f"{self.source}: no column is called {', '.join(_GENERATIONS[:4])}; name it: --generation "
                "COL; "
                f"there are {', '.join(map(str, self.frame.columns[:12]))}"
            )
        groups = [self._column(g, (), "group") or g for g in self.given.group]
        runs = self._column(
            self.given.replicate,
            [k for k in _REPLICATES if k not in (g.lower() for g in groups)],
            "replicate",
        )
        rest = [c for c in self.frame.columns if c not in {t, runs, *groups}]
        values = [self._column(v, (), "value") or v for v in self.given.value] or self._values(rest)
        if not self.given.value and self._wide(values, runs):
            long = self._stacked(t, values, groups)
        else:
            label = next((c for c in rest if c.lower() in _METRICS and c not in values), None)
            long = self._melted(t, runs, values, groups, label)
            rest = [c for c in rest if c not in values and c != label]
            self._unused(rest, [t, *([runs] if runs else []), *groups, *([label] if label else [])])
        return long

    def _drop_noise(self) -> None:
        """Exports of trackers: least and greatest values beside each value, and times."""
        noise = [c for c in self.frame.columns if re.search(r"__(MIN|MAX)$", c)]
        times = [c for c in self.frame.columns if c.lower() in _TIMES]
        gone = [c for c in (*noise, *times) if c not in {*self.given.value, self.given.generation}]
        if gone:
            self.frame = self.frame.drop(columns=gone)
            self.notes.append(f"left out: {_some(gone)}")

    def _values(self, rest: Sequence[str]) -> list[str]:
        numeric = [c for c in rest if self._is_number(c)]
        named = [c for c in numeric if c.lower() in _VALUES]
        if named:
            numeric = named[:1]
        if not numeric:
            raise DataError(
                f"{self.source}: no column holds numbers that could be the value; name it: --value COL"
            )
        self.notes.append(f"{_some(numeric)} read as the value (--value COL changes it)")
        return numeric

    def _is_number(self, column: str) -> bool:
        values = self._numbers(column, strict=False)
        return bool(np.isfinite(values).mean() > 0.5)

    def _numbers(self, column: str, strict: bool = True) -> Array:
        """A column as floats; NaN where it says that there is none.

        Raises:
            DataError: where a text is no number.
        """
        import pandas as pd

        some = self.frame[column]
        if pd.api.types.is_numeric_dtype(some) or pd.api.types.is_bool_dtype(some):
            out = some.to_numpy(dtype=float, na_value=np.nan)
            drop = [float(m) for m in self.missing if _float(m) is not None]
            return np.where(np.isin(out, drop), np.nan, out)
        text = some.astype("string").str.strip().fillna("")
        none = text.str.lower().isin(self.missing)
        found = pd.to_numeric(text.where(~none), errors="coerce")
        if found.isna().sum() > none.sum():
            comma = pd.to_numeric(text.where(~none).str.replace(",", ".", regex=False), errors="coerce")
            if comma.isna().sum() == none.sum() and not text.str.contains(".", regex=False).any():
                found = comma
                if strict:
                    self.notes.append(f"'{column}' has decimal commas")
        bad = found.isna() & ~none
        if strict and bad.any():
            at = int(np.flatnonzero(bad)[0])
            raise DataError(
                f"{self.source}: row {at + 1} of '{column}' is '{text.iloc[at]}', no number; mend it, or "
                "leave it "
                f"out: --missing '{text.iloc[at]}'"
            )
        return np.asarray(found.to_numpy(dtype=float, na_value=np.nan))

    def _turned(self) -> pd.DataFrame | None:
        """A wide table whose columns are generations: "0", "1", ..., or "gen_1", "gen_2", ...."""
        import pandas as pd

        if any(c.lower() in _GENERATIONS for c in self.frame.columns):
            return None
        found = [
            (re.fullmatch(r"(?:(?:gen(?:eration)?|iter(?:ation)?|round|t)[ _-]?)?(\d+)", c.lower()), c)
            for c in self.frame.columns
        ]
        some = [(int(m.group(1)), c) for m, c in found if m]
        if len(some) < 3 or sorted({t for t, _ in some}) != [t for t, _ in some]:
            return None
        groups = [self._column(g, (), "group") or g for g in self.given.group]
        rest = [c for c in self.frame.columns if c not in {c for _, c in some} and c not in groups]
        runs = next((c for c in rest if c.lower() in _REPLICATES), None)
        self.notes.append(
            f"columns {some[0][1]} to {some[-1][1]} are read as generations, rows as replicates"
        )
        self._unused([c for c in rest if c != runs], groups)
        name = self.given.value[0] if self.given.value else "value"
        ids = self.frame[runs] if runs else pd.Series(range(len(self.frame)))
        parts = [
            pd.DataFrame(
                {"generation": float(t), "replicate": ids, "metric": name, "value": self._numbers(c)}
            )
            for t, c in some
        ]
        for part in parts:
            for g in groups:
                part[g] = self.frame[g].to_numpy()
        return pd.concat(parts, ignore_index=True)

    def _wide(self, values: Sequence[str], runs: str | None) -> bool:
        """Whether columns of values are replicates of one quantity: seed_0, seed_1; "run-a - loss"."""
        if runs is not None or len(values) < 2:
            return False
        tracked = all(" - " in v for v in values)
        stems = {re.sub(r"[ _-]?\d+$", "", v) for v in values}
        return tracked or (len(stems) == 1 and all(re.search(r"\d+$", v) for v in values))

    def _stacked(self, t: str, values: Sequence[str], groups: Sequence[str]) -> pd.DataFrame:
        import pandas as pd

        self.notes.append(f"columns {values[0]} to {values[-1]} are read as {len(values)} replicates")
        parts = []
        for v in values:
            run, _, metric = v.partition(" - ")
            stem = re.sub(r"[ _-]?\d+$", "", v) or "value"
            usual = stem.lower() in (*_REPLICATES, "r", "s")
            part = pd.DataFrame(
                {
                    "generation": self._numbers(t),
                    "replicate": run,
                    "metric": metric or ("value" if usual else stem),
                    "value": self._numbers(v),
                }
            )
            for g in groups:
                part[g] = self.frame[g].to_numpy()
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def _melted(
        self, t: str, runs: str | None, values: Sequence[str], groups: Sequence[str], label: str | None
    ) -> pd.DataFrame:
        import pandas as pd

        parts = []
        for v in values:
            part = pd.DataFrame({"generation": self._numbers(t), "value": self._numbers(v)})
            part["replicate"] = self.frame[runs].to_numpy() if runs else 0
            part["metric"] = self.frame[label].astype(str).to_numpy() if label else v
            for g in groups:
                part[g] = self.frame[g].to_numpy()
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def _unused(self, rest: Sequence[str], used: Sequence[str]) -> None:
        if rest:
            self.notes.append(f"not used: {_some(rest)} (--group COL tells lines apart)")

    # -- what can be wrong with the rows -------------------------------------------------------------

    def _lines(self, long: pd.DataFrame) -> Iterable[list[Trajectory]]:
        groups = [c for c in long.columns if c not in ("generation", "replicate", "metric", "value")]
        long = self._mended(long, groups)
        metrics = [*dict.fromkeys(long["metric"])]
        for metric in metrics:
            meaning = self._meaning(str(metric), long.loc[long["metric"] == metric, "value"].to_numpy())
            mine = long[long["metric"] == metric]
            some = mine.groupby(groups, sort=False, dropna=False) if groups else [((), mine)]
            for key, rows in some:
                labels = dict(zip(groups, key if isinstance(key, tuple) else (key,), strict=True))
                yield self._trajectory(str(metric), meaning, labels, rows, len(metrics))

    def _mended(self, long: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
        keys = ["generation", "replicate", "metric", *groups]
        gone = long["generation"].isna()
        if gone.any():
            self.notes.append(f"{several(int(gone.sum()), 'row')} without a generation left out")
            long = long[~gone]
        twice = long.duplicated()
        if twice.any():
            self.notes.append(
                f"{several(int(twice.sum()), 'row')} that repeat another in everything left out"
            )
            long = long[~twice]
        empty = long["value"].isna()
        if empty.any():
            self.notes.append(f"{several(int(empty.sum()), 'row')} without a value left out")
            long = long[~empty]
        if not len(long):
            raise DataError(f"{self.source}: no row has a generation and a value")
        again = long.duplicated(keys, keep=False)
        if again.any():
            row = long[again].iloc[0]
            same = long[(long[keys] == row[keys]).all(axis=1)]["value"].tolist()
            who = (
                f", replicate {row['replicate']}"
                if self.given.replicate or (long["replicate"] != 0).any()
                else ""
            )
            raise DataError(
                f"{self.source}: generation {row['generation']:g}{who} has {len(same)} values "
                f"({', '.join(number(v) for v in same[:3])}...): say what tells them apart, --replicate COL "
                "where "
                "they are independent runs, --group COL where they are different ones; batches or blocks of "
                "one "
                "run are no replicates, average them"
            )
        return long

    def _meaning(self, metric: str, values: Array) -> Meaning:
        name = metric.lower()
        if np.isfinite(values).any() and len(np.unique(values)) == 1:
            v = float(values[0])
            what = "a sentinel, or a metric that was never computed" if v in _SENTINELS else "a constant"
            raise DataError(
                f"{self.source}: '{metric}' is {v:g} in every row: {what}; choose another --value"
            )
        for v in _SENTINELS:
            some = int((values == v).sum())
            others = values[values != v]
            apart = len(others) and (v < 0 <= others.min() or abs(v) > 10 * np.abs(others).max())
            if v and some and apart:
                self.notes.append(
                    f"'{metric}' is {v:g} in {several(some, 'row')}, far from all others: where that stands for a "
                    "missing "
                    f"value, --missing {v:g}"
                )
        better, tells = self.given.better, self.given.tells
        if better is None:
            better = (
                "lower"
                if any(k in name for k in _LOWER)
                else "higher"
                if any(k in name for k in _HIGHER)
                else None
            )
            if better:
                self.notes.append(f"of '{metric}' {better} is read as better (--better changes it)")
        if (
            tells is None
            and self.given.better is None
            and any(k in re.split(r"[^a-z]+", name) for k in _SPREAD)
        ):
            tells, better = "spread", None
            self.notes.append(f"'{metric}' is read as variance or diversity (--tells risk changes it)")
        if better is None and not tells:
            self.notes.append(
                f"of '{metric}' nobody said whether lower is better: no meaning of risk is asked; --better"
            )
        finite = values[np.isfinite(values)]
        scale: Scale = "ratio" if len(finite) and finite.min() > 0 else "plain"
        at = self.given.references.get(metric)
        known = None if at is None else Reference(at, "given", "knowing nothing")
        return Meaning(
            metric, better=better, scale=scale, reference=known, tells=tells or ("risk" if better else "")
        )

    def _trajectory(
        self, metric: str, meaning: Meaning, labels: dict[str, Any], rows: pd.DataFrame, metrics: int
    ) -> list[Trajectory]:
        where = ", ".join([*([metric] if metrics > 1 else []), *(f"{k}={v}" for k, v in labels.items())])
        say = _Say(self.notes, f"{where}: " if where else "")
        table = rows.pivot(index="generation", columns="replicate", values="value")
        t, x = table.index.to_numpy(dtype=float), table.to_numpy(dtype=float)
        if (t != np.round(t)).any():
            bad = t[t != np.round(t)][0]
            raise DataError(
                f"{self.source}: generation {bad:g} is no whole number; is '--generation' the right column?"
            )
        t, x = _blocks_refused(self.source, t, x)
        t, x = _complete(t, x, say)
        x = _copies(x, say)
        if t[0] == 0:
            say("generations start at 0: they are counted from 1 on, so that 0 is generation 1")
            t = t + 1
        elif t[0] > 1:
            say(f"generations start at {t[0]:g}: changes are those from there on")
        if t[0] < 1:
            raise DataError(f"{self.source}: generation {t[0]:g} is negative")
        skipped = np.diff(t)
        if len(skipped) and skipped.max() > 1:
            say(f"{int((skipped > 1).sum())} gaps between generations, the longest of {int(skipped.max())}")
        t, x = _thawed(t, x, say)
        if x.shape[1] == 1:
            say("one replicate: nothing has an interval; generations of one run are no replicates")
        return [Trajectory(metric, meaning, t.astype(int), x, labels)]


class _Say:
    """Adds notes that say of which line they are."""

    def __init__(self, notes: list[str], where: str) -> None:
        self.notes, self.where = notes, where

    def __call__(self, text: str) -> None:
        self.notes.append(f"{self.where}{text}")


def _blocks_refused(source: str, t: Array, x: Array) -> tuple[Array, Array]:
    """Refuse replicates of which no two have a generation in common: they are pieces of one run."""
    there = ~np.isnan(x)
    if x.shape[1] > 1 and len(t) > 2 and (there.sum(axis=1) <= 1).all():
        raise DataError(
            f"{source}: no generation has two replicates: they are blocks of one run, not replicates of it; "
            "leave "
            "--replicate out, or name the column that tells independent runs apart"
        )
    return t, x


def _complete(t: Array, x: Array, say: _Say) -> tuple[Array, Array]:
    """The generations and replicates with which most values are kept, none of them missing."""
    there = ~np.isnan(x)
    if there.all():
        return t, x
    ends = np.where(there.any(axis=0), len(t) - np.argmax(there[::-1], axis=0), 0)
    rows = (
        there.mean(axis=1) > 0.5 * there.mean(axis=1).max()
    )  # a generation that most lack is left out first
    best, size = (np.ones(len(t), bool), np.zeros(x.shape[1], bool)), 0
    for end in np.unique(ends):
        kept = rows & (np.arange(len(t)) < end)
        whole = there[kept].all(axis=0)
        if kept.sum() * whole.sum() > size:
            best, size = (kept, whole), int(kept.sum() * whole.sum())
    kept, whole = best
    if not size:
        whole = there.sum(axis=0) == there.sum(axis=0).max()
        whole &= np.cumsum(whole) == 1
        kept = there[:, whole].all(axis=1)
    say(
        f"replicates end or miss generations ({int(there.sum(axis=0).min())} to "
        f"{int(there.sum(axis=0).max())} of "
        f"{len(t)}): the {int(whole.sum())} of {x.shape[1]} that have all of {int(kept.sum())} generations, "
        "up to "
        f"{t[kept][-1]:g}, are used; those that end early may be the ones that failed"
    )
    return t[kept], x[np.ix_(kept, whole)]


def _copies(x: Array, say: _Say) -> Array:
    """Replicates that are equal to another in every generation, left out: they are copies."""
    _, first = np.unique(x, axis=1, return_index=True)
    if len(first) < x.shape[1] and (x != x[:1]).any():
        say(
            f"{x.shape[1] - len(first)} of {x.shape[1]} replicates are copies of another to the last digit; "
            "left out"
        )
        return x[:, np.sort(first)]
    return x


def _thawed(t: Array, x: Array, say: _Say) -> tuple[Array, Array]:
    """Generations before all replicates freeze at once, as where a pipeline writes its last value again."""
    same = (x[1:] == x[:-1]).all(axis=1)
    if not len(same) or same.all():
        return t, x
    last = len(same) - int(np.argmax(~same[::-1]))  # index of the last generation that moved
    still = len(x) - 1 - last
    if still >= max(3, 0.05 * len(x)):
        moved = (x[1:] != x[:-1]).any(axis=0)
        ends = len(same) - np.argmax((x[1:] != x[:-1])[::-1], axis=0)
        if x.shape[1] == 1 or len(np.unique(ends[moved])) == 1:
            say(
                f"from generation {t[last]:g} on no value changes, to the last digit, in any replicate: a "
                "pipeline "
                f"that stopped, or a state that cannot be left, but no stability; the {still} generations "
                "after it "
                "are left out"
            )
            return t[: last + 1], x[: last + 1]
        say(f"from generation {t[last]:g} on no replicate moves any more, to the last digit: absorbed")
    return t, x


def _some(names: Sequence[str]) -> str:
    return ", ".join(f"'{n}'" for n in names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
