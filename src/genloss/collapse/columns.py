"""Which columns of somebody's table are what: generation, value, replicate, metric, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from genloss.collapse import names
from genloss.collapse.figures import checked, generations, of_a_generation
from genloss.collapse.meanings import referred
from genloss.collapse.opening import FILE, Opened, Say
from genloss.errors import DataError, SpecError, shown
from genloss.meaning import Better, Tells
from genloss.samples import Array
from genloss.tables.say import meant, some

if TYPE_CHECKING:
    import pandas as pd

Across = Literal["generations", "replicates", "groups", "metrics"]
_FEW = 50
"""Different texts up to which a column may tell lines apart."""


@dataclass(frozen=True)
class Columns:
    """Which columns are what; what is not given is found by name and shape, and said.

    Args:
        generation: the column of generations, counted from 0 or 1 on.
        value: columns of values, each a metric; of an array, what to call it.
        replicate: the column that says which independent run a row is of.
        group: columns that tell lines apart.
        across: what the columns of a wide table are, "generations", "replicates", "groups" or "metrics".
        better: "lower" or "higher"; by default by the metric's name.
        tells: which meaning of collapse the values tell of; by default of risk, where a direction is known.
        missing: texts and numbers that are no value, as "-1"; "none" keeps what looks like a code for it.
        references: the risk of knowing nothing, by metric.
    """

    generation: str | None = None
    value: tuple[str, ...] = ()
    replicate: str | None = None
    group: tuple[str, ...] = ()
    across: Across | None = None
    better: Better | None = None
    tells: Tells | None = None
    missing: tuple[str, ...] = ()
    references: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, known in (("across", Across), ("better", Better), ("tells", Tells)):
            given = vars(self)[name]
            if given is not None and given not in get_args(known):
                some = ", ".join(f'"{k}"' for k in get_args(known) if k)
                raise SpecError(f"{name} = {given!r}: give one of {some}")
        for name in ("generation", "replicate"):
            if not isinstance(vars(self)[name], (str, type(None))):
                raise SpecError(f"{name} = {shown(vars(self)[name])}: give the name of a column, a text")
        for name in ("value", "group", "missing"):
            given = vars(self)[name]
            if not isinstance(given, (tuple, list)) or not all(isinstance(one, str) for one in given):
                raise SpecError(f"{name} = {shown(given)}: give a text, or several")
        referred(self.references)


@dataclass(frozen=True, eq=False)
class Long:
    """A table with a row for each value.

    Args:
        source: what to call it.
        rows: columns "generation", "replicate", "metric", "value", and 0, 1, ... for groups; its index is the
            row of ``rest`` that a value stands in.
        groups: what the groups are called.
        rest: columns that are not used.
        guessed: whether the columns of values were found, not given.
    """

    source: str
    rows: pd.DataFrame
    groups: tuple[str, ...]
    rest: pd.DataFrame
    guessed: bool = True


@dataclass(frozen=True, eq=False)
class Roles:
    """Columns by what they are.

    Args:
        generation: None where there is none.
        replicate: None where there is none.
        groups: that tell lines apart.
        label: that names the metric of a row; None where there is none.
        rest: all others.
    """

    generation: str | None
    replicate: str | None
    groups: tuple[str, ...]
    label: str | None
    rest: tuple[str, ...]


def roles(table: Opened, given: Columns, say: Say) -> Roles:
    """Which columns are what, but for values.

    Raises:
        DataError: if a column that is given is not there.
    """
    groups = tuple(known(table, g) for g in given.group)
    t = _role(table, given.generation, names.GENERATIONS, groups)
    if t is None and given.generation is None and _files_count(table):
        t = FILE
    taken = (*groups, *([t] if t else []))
    runs = _role(table, given.replicate, names.REPLICATES, taken)
    if runs in taken:
        raise DataError(f"{table.source}: '{runs}' is given twice; a column is one thing")
    taken = (*taken, *([runs] if runs else []))
    if t is not None and given.generation is None and t.lower() != "generation":
        training = t.lower() in names.TRAINING
        more = (
            ": right where each is a model of its own, and not a step within one training" if training else ""
        )
        say(f"'{t}' is read as the generation{more} (--generation COL changes it)")
    runs, groups = _files(table, given, runs, groups, taken, say)
    taken = tuple(c for c in (t, runs, *groups) if c)
    if runs is not None and given.replicate is None and runs.lower() != "replicate" and runs != FILE:
        say(f"'{runs}' is read as the replicate (--replicate COL changes it)")
    if runs is not None and runs.lower() in names.PIECES:
        raise DataError(
            f"{table.source}: '{runs}' counts pieces of one run, which share its models and are no "
            "replicates: average them; if they are independent runs, call the column 'run'"
        )
    label = next(
        (c for c in table.columns if c.lower() in names.METRICS and c not in (*taken, *given.value)), None
    )
    if label is not None and table.figures(label).numeric:
        label = None
    rest = tuple(c for c in table.columns if c not in (*taken, label))
    groups = (*groups, *_guessed_groups(table, t, rest, given, say))
    return Roles(t, runs, groups, label, tuple(c for c in rest if c not in groups))


def known(table: Opened, column: str) -> str:
    """A column that is given, whatever its capitals.

    Raises:
        DataError: if there is none.
    """
    folded = {c.lower(): c for c in table.columns}
    if column in table.columns:
        return column
    if column.strip().lower() in folded:
        return folded[column.strip().lower()]
    there = ", ".join(table.columns[:12]) + (", ..." if len(table.columns) > 12 else "")
    raise DataError(
        f"{table.source}: it has no column '{column}'{meant(column, table.columns)}; there are {there}"
    )


def _role(table: Opened, given: str | None, usual: Sequence[str], taken: Sequence[str]) -> str | None:
    if given is not None:
        return known(table, given)
    folded = {c.lower(): c for c in table.columns if c not in taken}
    return next((folded[name] for name in usual if name in folded), None)


def _files_count(table: Opened) -> bool:
    """Whether each of several files is of one generation, as their names say."""
    return table.files > 1 and all(of_a_generation(str(name)) for name in table.frame[FILE].unique())


def _files(
    table: Opened, given: Columns, runs: str | None, groups: tuple[str, ...], taken: Sequence[str], say: Say
) -> tuple[str | None, tuple[str, ...]]:
    """What several files are: runs, where they are called as repetitions are, or lines."""
    if table.files < 2 or FILE in taken or FILE not in table.columns:
        return runs, groups
    different = table.frame[FILE].unique()
    if runs is None and names.repetitions(map(str, different)):
        say(
            f"{len(different)} files are read as replicates of one line, as their names count "
            f"(--group {FILE} makes each a line)"
        )
        return FILE, groups
    if runs is not None:
        owners = table.frame.groupby(runs, dropna=False)[FILE].nunique()
        if owners.max() == 1 and names.repetitions(map(str, different)):
            say(f"{len(different)} files hold different replicates of one line")
            return runs, groups
    how = "" if runs else f" (--replicate {FILE}, where they are repetitions of one)"
    say(f"each of {len(different)} files is read as a line of its own{how}")
    return runs, (*groups, FILE)


def _guessed_groups(
    table: Opened, t: str | None, rest: Sequence[str], given: Columns, say: Say
) -> tuple[str, ...]:
    """Columns that are called as groups are, have few different texts, and generations in each."""
    found = []
    for c in rest:
        if given.group or c.lower() not in names.GROUPS or c in given.value:
            continue
        many = table.frame[c].nunique(dropna=False)
        if not 1 < many <= _FEW or (
            table.figures(c).numeric and c.lower() not in ("group", "arm", "condition")
        ):
            continue
        if t is not None and table.frame.groupby(c, dropna=False)[t].nunique().median() < 2:
            continue
        found.append(c)
    if found:
        say(f"{quoted(found)} {'tells' if len(found) == 1 else 'tell'} lines apart (--group COL changes it)")
    return tuple(found)


def tidied(table: Opened, given: Columns, say: Say) -> Opened:
    """The table without what trackers and averages put beside values: extremes, times, errors, counts."""
    runs = _role(table, given.replicate, names.REPLICATES, ())
    asked = {*given.value, given.generation, given.replicate, *given.group}
    tracked = [c for c in table.columns if c.endswith(("__MIN", "__MAX"))]
    times = [c for c in table.columns if c.lower() in names.TIMES]
    beside = {k: v for k, v in names.aside(table.columns).items() if k not in (*asked, *tracked)}
    beside = {
        k: v
        for k, v in beside.items()
        if table.figures(v).numeric and v.lower() not in (*names.GENERATIONS, *names.REPLICATES)
    }
    spreads = [c for c in beside if names.words(c)[-1] not in ("n", "count") or not names.words(c)[0]]
    if spreads and not runs:
        first = spreads[0]
        say(
            f"'{beside[first]}' is read as an average and '{first}' as its spread or error: averages are no "
            "replicates, so nothing of them has an interval; a row for each run would"
        )
    gone = [c for c in dict.fromkeys([*tracked, *times, *spreads, *beside]) if c not in asked]
    if gone:
        say(f"left out: {quoted(gone)}")
    return table.without(gone)


def values(table: Opened, given: Columns, found: Roles, say: Say) -> list[str]:
    """The columns of values: given, or called so, or all that measure something.

    Raises:
        DataError: if there is none.
    """
    if given.value:
        wrong = [
            v for v in given.value if known(table, v) in (found.generation, found.replicate, *found.groups)
        ]
        if wrong:
            raise DataError(f"{table.source}: '{wrong[0]}' is given twice; a column is one thing")
        return [known(table, v) for v in given.value]
    able = [c for c in found.rest if not names.identifies(c) and c.lower() not in names.REPLICATES]
    able = [c for c in able if table.figures(c).numeric]
    able = [c for c in able if c.lower() in ("value", "metric_value")][:1] or able
    if not able:
        # a sentence of what stands where numbers were expected
        odd = next((c for c in found.rest if names.direction(c)), None)
        if odd is not None:
            checked(table.figures(odd), table.source, odd)
        raise DataError(
            f"{table.source}: no column holds numbers that could be the value; name it: --value COL; there "
            f"are {quoted(table.columns)}"
        )
    read_as = "is read as the value" if len(able) == 1 else "are read as values"
    say(f"{quoted(able)} {read_as} (--value COL changes it)")
    return able


def generations_of(table: Opened, column: str, say: Say) -> Array:
    """(rows,) generations of a column; NaN where there is none."""
    t, note = generations(table.figures(column), table.source, column)
    if note:
        say(note)
    return t


def numbers_of(table: Opened, column: str, say: Say) -> Array:
    """(rows,) values of a column; NaN where there is none."""
    found = table.figures(column)
    x = checked(found, table.source, column)
    for note in found.notes:
        say(f"'{column}': {note}" if not note.startswith(("is ", "has ")) else f"'{column}' {note}")
    return x


def labels_of(table: Opened, column: str) -> Any:
    """(rows,) what a column has: whole numbers, numbers, or text."""
    found = table.figures(column)
    if found.bad.any() or np.isnan(found.values).any() or not len(found.values):
        return table.frame[column].astype(object).where(table.frame[column].notna(), "").to_numpy()
    whole = (found.values == np.round(found.values)).all() and np.isfinite(found.values).all()
    return (found.values.astype(int) if whole else found.values).astype(object)


def quoted(columns: Sequence[str]) -> str:
    """Names in a row, the rest counted."""
    return some([f"'{c}'" for c in columns], 6)
