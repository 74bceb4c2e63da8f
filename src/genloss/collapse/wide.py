"""Tables whose columns are replicates, generations or lines, and long ones, as a row for each value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.collapse import names
from genloss.collapse.columns import (
    Across,
    Columns,
    Long,
    Roles,
    generations_of,
    known,
    labels_of,
    numbers_of,
    quoted,
    roles,
    tidied,
    values,
)
from genloss.collapse.names import Numbered
from genloss.collapse.opening import FILE, Opened, Say
from genloss.errors import DataError
from genloss.samples import Array

if TYPE_CHECKING:
    import pandas as pd

_RUN_WORDS = (*names.REPLICATES, "r", "s")
_BACK = "(--across says what columns are)"


def long(table: Opened, given: Columns, say: Say) -> Long:
    """A table as one row for each value, whatever form it has.

    Raises:
        DataError: if it cannot be told which columns are what.
    """
    table = tidied(table, given, say)
    found = roles(table, given, say)
    if given.across == "generations" or (given.across is None and found.generation is None):
        columns = _of_generations(table, given, found)
        if columns:
            return _generations_across(table, given, found, columns, say)
    if found.generation is None and given.across is None:
        there = ", ".join(table.columns[:12])
        bare = sum(table.figures(c).numeric for c in found.rest) > 2
        rows = (
            "; or --across replicates, where each row is a generation and each column a run" if bare else ""
        )
        raise DataError(
            f"{table.source}: no column is called generation, step or the like; name it: --generation "
            f"COL{rows}; "
            f"there are {there}"
        )
    across, columns = _across(table, given, found)
    if across in ("replicates", "groups"):
        return _runs_across(table, given, found, across, columns, say)
    if found.generation is None:
        raise DataError(f"{table.source}: it has no column of generations; name it: --generation COL")
    return _down(table, given, found, say)


# -- a row for each generation, a column for each metric ---------------------------------------------


def _down(table: Opened, given: Columns, found: Roles, say: Say) -> Long:
    columns = values(table, given, found, say)
    t = generations_of(table, str(found.generation), say)
    runs = labels_of(table, found.replicate) if found.replicate else np.zeros(len(t), dtype=object)
    label = _metrics_of_rows(table, found)
    if label is not None:
        say(f"'{found.label}' names the metric of a row")
    parts = []
    for c in columns:
        metric = (
            c if label is None else label if len(columns) == 1 else np.char.add(label.astype(str), f" {c}")
        )
        parts.append(_part(t, runs, metric, numbers_of(table, c, say)))
    return _long(table, parts, found.groups, _left(found, columns, say), not given.value)


def _left(found: Roles, used: Sequence[str], say: Say) -> list[str]:
    """The columns that are not used; those that may measure something are said."""
    rest = [c for c in found.rest if c not in used]
    told = [c for c in rest if c != FILE and not names.identifies(c)]
    if told:
        say(f"not used: {quoted(told)} (--value COL, or --group COL to tell lines apart)")
    return rest


def _metrics_of_rows(table: Opened, found: Roles) -> Any:
    """(rows,) the metric that a row names; None where no column does."""
    return None if found.label is None else table.frame[found.label].astype(str).to_numpy()


def _part(generation: Any, replicate: Any, metric: Any, value: Array) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"generation": generation, "replicate": replicate, "metric": metric, "value": value})


def _long(
    table: Opened,
    parts: Sequence[pd.DataFrame],
    groups: Sequence[str],
    rest: Sequence[str],
    guessed: bool,
    lines: Sequence[str] = (),
) -> Long:
    """Parts below each other; ``lines`` says of each which line it is, where columns are lines."""
    import pandas as pd

    labels = [labels_of(table, g) for g in groups]
    for i, part in enumerate(parts):
        for k, label in enumerate(labels):
            part[k] = label
        if lines:
            part[len(labels)] = lines[i]
    named = (*groups, *(["column"] if lines else []))
    return Long(table.source, pd.concat(parts), named, table.frame[[*rest]], guessed)


# -- columns that are generations --------------------------------------------------------------------


def _of_generations(table: Opened, given: Columns, found: Roles) -> list[Numbered]:
    """Columns that number generations: "gen_1", "loss_gen_1", or numbers alone beside a column of runs.

    Raises:
        DataError: if columns are numbers, and nothing tells what they number.
    """
    able = [n for c in found.rest if (n := names.numbered(c, names.GENERATIONS)) is not None]
    worded = [n for n in able if n.word]
    bare = [n for n in able if not n.word and not n.metric]
    if len(worded) > 2:
        return worded
    if given.across == "generations":
        if not able:
            raise DataError(
                f"{table.source}: no column's name ends with a number of a generation, as gen_1 does"
            )
        return bare or able
    if len(bare) > 2 and (found.replicate or found.groups or found.label):
        return bare
    if len(bare) > 2:
        raise DataError(
            f"{table.source}: columns {bare[0].column} to {bare[-1].column} could be generations or "
            "replicates; say "
            "which: --across generations, or --across replicates"
        )
    return []


def _generations_across(
    table: Opened, given: Columns, found: Roles, columns: Sequence[Numbered], say: Say
) -> Long:
    rest = [c for c in found.rest if c not in {n.column for n in columns}]
    runs, groups = found.replicate, found.groups
    texts = [c for c in rest if not table.figures(c).numeric]
    rows: Any = np.arange(len(table.frame)).astype(object)
    who = "rows"
    if runs is not None:
        rows, who = labels_of(table, runs), f"'{runs}'"
    elif texts and not names.repetitions(map(str, table.frame[texts[0]].unique())):
        groups = (*groups, texts[0])
        say(
            f"'{texts[0]}' tells lines apart (--replicate '{texts[0]}', where its rows are repetitions of "
            "one)"
        )
    elif texts:
        rows, who = labels_of(table, texts[0]), f"'{texts[0]}'"
    say(
        f"columns {columns[0].column} to {columns[-1].column} are read as generations, {who} as replicates "
        f"{_BACK}"
    )
    name = given.value[0] if given.value else "value"
    label = _metrics_of_rows(table, found)
    parts = [
        _part(
            float(n.number),
            rows,
            n.metric or (name if label is None else label),
            numbers_of(table, n.column, say),
        )
        for n in columns
    ]
    left = [c for c in rest if c not in (*groups, runs, *texts[:1])]
    return _long(table, parts, groups, left, not given.value)


# -- columns that are runs, or lines -----------------------------------------------------------------


def _across(table: Opened, given: Columns, found: Roles) -> tuple[Across, list[Numbered]]:
    """What the columns of values are: metrics, unless their names say that they are runs."""
    asked = [known(table, v) for v in given.value]
    able = [c for c in (asked or found.rest) if table.figures(c).numeric]
    if given.across == "metrics" or (given.across is None and (asked or found.replicate or found.label)):
        return "metrics", []
    tracked = [c for c in able if re.search(r".\s-\s.", c)]
    if tracked and (given.across or len(tracked) == len([c for c in able if not names.identifies(c)])):
        taken = [
            Numbered(c, c.rpartition(" - ")[2].strip(), c.rpartition(" - ")[0].strip(), 0) for c in tracked
        ]
        runs = {n.word for n in taken}
        if given.across:
            return given.across, taken
        return ("replicates" if len(runs) == 1 or names.repetitions(runs) else "groups"), taken
    some_numbered = [n for c in able if (n := names.numbered(c, _RUN_WORDS)) is not None]
    worded = [n for n in some_numbered if n.word]
    if given.across in ("replicates", "groups"):
        plain = [
            Numbered(c, "", c, i) for i, c in enumerate(c for c in able if asked or not names.identifies(c))
        ]
        bare = [n for n in some_numbered if not n.metric]
        return given.across, (worded or bare or plain if not asked else plain)
    if len(worded) > 1:
        return "replicates", worded
    by: dict[str, list[Numbered]] = {}
    for n in some_numbered:
        by.setdefault(n.metric, []).append(n)
    counted = [n for some_of in by.values() if names.counts(some_of) for n in some_of]
    return ("replicates", counted) if counted else ("metrics", [])


def _runs_across(
    table: Opened, given: Columns, found: Roles, across: Across, columns: Sequence[Numbered], say: Say
) -> Long:
    if len(columns) < 1:
        raise DataError(
            f"{table.source}: no column of numbers could be one of {across}; name them: --value COL"
        )
    name = "value"
    metrics = list(dict.fromkeys(n.metric or name for n in columns))
    runs = [
        n.word if n.word and (not n.number or n.word == n.column) else f"{n.word}{n.number}" for n in columns
    ]
    many = len(dict.fromkeys(runs))
    each = "lines of their own" if across == "groups" else "replicates"
    of = f" of {quoted(metrics)}" if metrics != [name] else ""
    said = f"columns {columns[0].column} to {columns[-1].column} are read as {many} {each}{of} {_BACK}"
    say(said if many > 1 else f"column {columns[0].column} is read as one of {each}{of} {_BACK}")
    if found.generation is None:
        say("rows are counted as generations, from 1 on, as no column has them")
        t: Array = np.arange(1.0, len(table.frame) + 1)
    else:
        t = generations_of(table, found.generation, say)
    parts = [
        _part(t, 0 if across == "groups" else run, n.metric or name, numbers_of(table, n.column, say))
        for n, run in zip(columns, runs, strict=True)
    ]
    rest = _left(found, [n.column for n in columns], say)
    return _long(table, parts, found.groups, rest, not given.value, runs if across == "groups" else ())
