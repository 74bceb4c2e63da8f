"""What can be wrong with the rows of somebody's values, and what each metric tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING

import numpy as np

from genloss.collapse import names
from genloss.collapse.columns import Columns, Long, quoted
from genloss.collapse.opening import Say
from genloss.errors import DataError
from genloss.meaning import Better, Meaning, Reference, Scale, Tells
from genloss.numbers import number
from genloss.samples import Array
from genloss.wording import are, several

if TYPE_CHECKING:
    import pandas as pd

_CODES = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0)
"""Numbers that stand for a missing value, where all others are far away."""
_CONSTANT = (*_CODES, 0.0)
_LIES: Mapping[str, tuple[str, float]] = {
    "tail": ("a mass or a number, from 0 on", np.inf),
    "modes": ("a number of modes, from 0 on", np.inf),
    "between": ("a share of rows, between 0 and 1", 1.0),
    "support": ("a share of rows, between 0 and 1", 1.0),
}
"""What values are that tell of a meaning, and the most that they can be."""


def mended(long: Long, given: Columns, say: Say) -> Long:
    """The rows without copies, without those that hold nothing and without codes for a missing value.

    Raises:
        DataError: if nothing is left, a generation of a replicate has several values, or a metric is a
            constant and there is no other.
    """
    rows = long.rows
    gone = rows["generation"].isna()
    if gone.any():
        say(f"{several(int(gone.sum()), 'row')} without a generation left out")
        rows = rows[~gone]
    rows = _coded(rows, given, say)
    rows = _filled(rows, say)
    if not len(rows):
        raise DataError(f"{long.source}: no row has a generation and a value")
    twice = rows.duplicated()
    if twice.any():
        # a row of several metrics holds as many values
        many = several(int(rows.index[twice].nunique()), "row")
        say(f"{many} that repeat another in everything that counts left out")
        rows = rows[~twice]
    rows = _measuring(rows, long, say)
    long = replace(long, rows=rows)
    _told_apart(long)
    return long


def _filled(rows: pd.DataFrame, say: Say) -> pd.DataFrame:
    """Rows with a value. Metrics that share rows may each be written in some of them only."""
    empty = rows["value"].isna()
    if not empty.any():
        return rows
    other = rows.index.isin(rows.index[~empty])  # the row has a value of another metric
    other &= ~_lacking(rows, empty)
    sparse = []
    for metric in rows["metric"].unique():
        mine = rows["metric"] == metric
        count, many = int((empty & mine).sum()), int(mine.sum())
        if count == many:
            say(f"'{metric}' has no value in any row; left out")
        elif count and other[empty & mine].all():
            sparse.append(str(metric))
        elif count:
            say(
                f"'{metric}' has no value in {count} of {many} rows, left out; where a run diverged, write "
                "inf, which is kept"
            )
    if sparse:
        say(f"{quoted(sparse)}: rows that hold another metric only are left out")
    return rows[~empty]


def _lacking(rows: pd.DataFrame, empty: pd.Series[bool]) -> pd.Series[bool]:
    """Whether a replicate has no value of a metric in a generation in which another replicate has one."""
    lines = [rows[c] for c in ("metric", *(c for c in rows.columns if isinstance(c, int)))]
    there = ~empty
    own = there.groupby([*lines, rows["generation"], rows["replicate"]], dropna=False).transform("any")
    some = there.groupby([*lines, rows["generation"]], dropna=False).transform("any")
    return empty & some & ~own


def _coded(rows: pd.DataFrame, given: Columns, say: Say) -> pd.DataFrame:
    """Rows in which a usual code for a missing value stands, far from all others, hold none."""
    if given.missing:
        return rows
    value = rows["value"].to_numpy()
    codes = np.isin(value, _CODES)
    if not codes.any():
        return rows
    value, gone = value.copy(), np.zeros(len(value), bool)
    for metric in rows.loc[codes, "metric"].unique():
        mine = (rows["metric"] == metric).to_numpy()
        for v in np.unique(value[mine & codes]):
            at = mine & (value == v)
            others = value[mine & ~at & np.isfinite(value)]
            if len(others) and ((v < 0 <= others.min()) or abs(v) > 10 * np.abs(others).max()):
                gone |= at
                say(
                    f"'{metric}' is {v:g} in {several(int(at.sum()), 'row')}, far from all others: taken "
                    "for a code of no value, left out (--missing none keeps it)"
                )
    return rows[~gone]


def _measuring(rows: pd.DataFrame, long: Long, say: Say) -> pd.DataFrame:
    """Rows of metrics that measure something: no constants, and no labels.

    Raises:
        DataError: where there is no other metric.
    """
    by = rows.groupby("metric", sort=False)["value"]
    first, last = by.transform("min"), by.transform("max")
    constant = (first == last) & (by.transform("size") > 1)
    metrics = [*rows.loc[constant, "metric"].unique()]
    some = ""
    for m in metrics:
        v = float(rows.loc[rows["metric"] == m, "value"].iloc[0])
        what = "a code for no value, or a metric that was never computed" if v in _CONSTANT else "a constant"
        some = f"'{m}' is {v:g} in every row: {what}"
        if not long.guessed or constant.all():
            raise DataError(f"{long.source}: {some}; choose another: --value COL")
        say(f"{some}; left out")
    rows = rows[~constant]
    many = rows["metric"].nunique()
    if not long.guessed or many < 2:
        return rows
    keys = ["replicate", *range(len(long.groups))]
    if rows.groupby(["metric", *keys], dropna=False, sort=False).ngroups == many:
        return rows
    moves = rows.groupby(["metric", *keys], dropna=False, sort=False)["value"].agg(
        lambda x: x.max() > x.min()
    )
    moving = moves.groupby("metric").any()
    labels = [str(m) for m in moving.index[~moving]]
    if labels and moving.any():
        say(
            f"left out, as constant within every run: {quoted(labels)} (--group COL, where it tells lines "
            "apart)"
        )
        rows = rows[~rows["metric"].isin(labels)]
    return rows


def _told_apart(long: Long) -> None:
    """See that a generation of a replicate has one value.

    Raises:
        DataError: with the column that would tell several apart, where there is one.
    """
    rows = long.rows
    keys = ["generation", "replicate", "metric", *range(len(long.groups))]
    again = rows.duplicated(keys, keep=False)
    if not again.any():
        return
    row = rows[again].iloc[0]
    same = rows[(rows[keys] == row[keys]).all(axis=1)]["value"].tolist()
    who = f", replicate {row['replicate']}," if (rows["replicate"] != 0).any() else ""
    shown = ", ".join(number(v) for v in same[:3]) + (", ..." if len(same) > 3 else "")
    which = f"generation {row['generation']:g}{who}"
    said = f"{long.source}: {which} has {len(same)} values of '{row['metric']}' ({shown})"
    raise DataError(f"{said}; {_remedy(long, keys, float(again.mean()))}")


def _remedy(long: Long, keys: Sequence[str | int], share: float) -> str:
    """What to do where a share of the rows has a value too many, by the columns that are not used."""
    columns = [c for c in long.rest.columns if c.lower() not in names.TIMES]
    within = [c for c in columns if c.lower() in names.GENERATIONS]
    pieces = [c for c in columns if c.lower() in names.PIECES]
    if pieces:
        return f"'{pieces[0]}' counts pieces of one run, which are no replicates: average them"
    tells = _telling(long, keys, [c for c in columns if c not in within])
    if tells:
        group = " ".join(f"--group {quote(c)}" for c in (*long.groups, *tells))
        said = f"{quoted(tells)} {'tells' if len(tells) == 1 else 'tell'} them apart"
        if len(tells) > 1 or long.rows["replicate"].nunique() > 1:
            return f"{said}: {group}"
        runs = f"--replicate {quote(tells[0])} if these are independent runs"
        return f"{said}: {runs}, {group} if they differ in kind"
    if within:
        return f"'{within[0]}' counts within a generation: keep the last row of each"
    if share < 0.5:
        return f"as {share:.0%} of the rows: keep the right one of each"
    return (
        "say what tells them apart: --replicate COL for independent runs, --group COL for different ones; "
        "batches of one run are no replicates, average them"
    )


def _telling(long: Long, keys: Sequence[str | int], columns: Sequence[str]) -> list[str]:
    """As few columns as tell all rows apart that have the same keys; none where all of them do not."""
    rows = long.rows[[*keys]].copy()
    for c in columns:
        rows[f"rest {c}"] = long.rest[c].reindex(rows.index)

    def apart(some: Sequence[str]) -> bool:
        return not rows.duplicated([*keys, *(f"rest {c}" for c in some)]).any()

    one = next((c for c in columns if apart([c])), None)
    if one is not None or not apart(columns):
        return [] if one is None else [one]
    needed = [*columns]
    for c in columns:
        fewer = [k for k in needed if k != c]
        needed = fewer if apart(fewer) else needed
    return needed


def meaning(metric: str, values: Array, given: Columns) -> tuple[Meaning, float]:
    """What a metric tells of, by what is given or its name; and what its values are to be divided by.

    Args:
        metric: its name.
        values: all of them.
        given: what is known of it.

    Raises:
        DataError: if it is given to tell of something that has no such values.
    """
    better: Better | None = given.better
    tells: Tells | None = given.tells
    if better is None and tells is None and names.spread(metric):
        tells = "spread"
    elif better is None and tells in (None, "risk"):
        better = names.direction(metric) or ("lower" if tells else None)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    by = 1.0
    scale: Scale = "plain"
    if names.share(metric) and low >= 0 and (high <= 1 or 2 < high <= 100):
        scale, by = "share", 100.0 if high > 1 else 1.0
    elif low > 0 or (low == 0 and tells in ("spread", "tail")):
        scale = "ratio"
    what, most = _LIES.get(tells or "", ("", np.inf))
    if what and not 0 <= low <= high / by <= most:
        raise DataError(
            f"'{metric}' is said to tell of {tells}, which is {what}, and lies between {number(low)} and "
            f"{number(high)}: leave --tells out, or name the column that is: --value COL"
        )
    at = given.references.get(metric)
    reference = None if at is None else Reference(at / by, "given", "knowing nothing")
    told: Tells = tells or ("risk" if better else "")
    return Meaning(metric, better=better, scale=scale, reference=reference, tells=told), by


def say_meanings(
    said: Mapping[str, tuple[Meaning, float]], rows: pd.DataFrame, given: Columns, say: Say
) -> None:
    """Say which directions, meanings and scales were guessed, a line for each guess.

    Args:
        said: by metric, as :func:`meaning` has it.
        rows: with columns "metric" and "value".
        given: what was not guessed.
        say: takes the lines.
    """
    known = given.better is not None or given.tells not in (None, "risk")
    lower, higher, spreads, none = (
        [m for m, (of, _) in said.items() if not known and is_it(of)]
        for is_it in (
            lambda of: of.better == "lower",
            lambda of: of.better == "higher",
            lambda of: of.tells == "spread",
            lambda of: not of.tells,
        )
    )
    for some, better in ((lower, "lower"), (higher, "higher")):
        if some:
            say(f"of {quoted(some)}, {better} is read as better (--better changes it)")
    if spreads:
        say(f"{quoted(spreads)} {are(len(spreads))} read as variance or diversity (--tells risk changes it)")
    if none:
        say(
            f"of {quoted(none)}, nobody says whether lower is better: no risk is asked (--better lower "
            "says so)"
        )
    if per_cent := [m for m, (_, by) in said.items() if by != 1]:
        say(f"{quoted(per_cent)} {are(len(per_cent))} read as per cent: 50 is a share of 0.5")
    most = rows.groupby("metric")["value"].max()
    either = [m for m, (of, _) in said.items() if of.scale == "ratio" and most[m] <= 1 and names.errs(m)]
    if either:
        say(
            f"{quoted(either)}, between 0 and 1, may be a share or a squared error: changes are factors (of "
            "error_rate, which is a share, they are points)"
        )
