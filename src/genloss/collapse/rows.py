"""What can be wrong with the rows of somebody's values, and what each metric tells of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from genloss.collapse import names
from genloss.collapse.columns import Columns, Long, quoted
from genloss.collapse.opening import Say
from genloss.errors import DataError
from genloss.meaning import Better, Meaning, Reference, Scale, Tells
from genloss.numbers import number
from genloss.samples import Array
from genloss.wording import several

if TYPE_CHECKING:
    import pandas as pd

_CODES = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0)
"""Numbers that stand for a missing value, where all others are far away."""
_CONSTANT = (*_CODES, 0.0)


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
        say(f"{several(int(twice.sum()), 'row')} that repeat another in everything that counts left out")
        rows = rows[~twice]
    rows = _measuring(rows, long, say)
    long = replace(long, rows=rows)
    _told_apart(long)
    return long


def _filled(rows: pd.DataFrame, say: Say) -> pd.DataFrame:
    """Rows with a value. Metrics that share rows may each have values in some of them only."""
    empty = rows["value"].isna()
    if not empty.any():
        return rows
    for metric, of in empty.groupby(rows["metric"], sort=False):
        count = int(of.sum())
        if count == len(of):
            say(f"'{metric}' has no value in any row; left out")
        elif count:
            said = several(count, "row")
            say(
                f"'{metric}' has no value in {said} of {len(of)}, left out; where a run diverged, inf instead keeps it "
                "in the verdict"
            )
    return rows[~empty]


def _coded(rows: pd.DataFrame, given: Columns, say: Say) -> pd.DataFrame:
    """Rows in which a usual code for a missing value stands, far from all others, hold none."""
    if given.missing:
        return rows
    value = rows["value"].to_numpy()
    codes = np.isin(value, _CODES)
    if not codes.any():
        return rows
    value = value.copy()
    for metric in rows.loc[codes, "metric"].unique():
        mine = (rows["metric"] == metric).to_numpy()
        for v in np.unique(value[mine & codes]):
            at = mine & (value == v)
            others = value[mine & ~at & np.isfinite(value)]
            if len(others) and ((v < 0 <= others.min()) or abs(v) > 10 * np.abs(others).max()):
                value[at] = np.nan
                say(
                    f"'{metric}' is {v:g} in {several(int(at.sum()), 'row')}, far from all others: taken for a missing "
                    "value (--missing none keeps it)"
                )
    return rows.assign(value=value)


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
    moves = rows.groupby(["metric", *keys], dropna=False, sort=False)["value"].agg(lambda x: x.max() > x.min())
    moving = moves.groupby("metric").any()
    labels = [str(m) for m in moving.index[~moving]]
    if labels and moving.any():
        say(f"left out, as constant within every run: {quoted(labels)} (--group COL, where it tells lines apart)")
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
    said = f"{long.source}: generation {row['generation']:g}{who} has {len(same)} values of '{row['metric']}' ({shown})"
    tells = [
        c
        for c in long.rest.columns
        if c.lower() not in names.TIMES
        and not rows.assign(**{"": long.rest[c].reindex(rows.index)}).duplicated([*keys, ""]).any()
    ]
    pieces = [c for c in long.rest.columns if c.lower() in names.PIECES]
    if pieces:
        remedy = f"'{pieces[0]}' counts pieces of one run, which are no replicates: average them"
    elif tells and rows["replicate"].nunique() == 1:
        remedy = (
            f"'{tells[0]}' tells them apart: --replicate '{tells[0]}' if these are independent runs, --group "
            f"'{tells[0]}' if they differ in kind"
        )
    elif tells:
        remedy = f"'{tells[0]}' tells them apart: --group '{tells[0]}'"
    else:
        remedy = (
            "say what tells them apart: --replicate COL for independent runs, --group COL for different ones; "
            "batches of one run are no replicates, average them"
        )
    raise DataError(f"{said}; {remedy}")


def meaning(metric: str, values: Array, given: Columns, say: Say) -> tuple[Meaning, float]:
    """What a metric tells of, by what is given and else by its name; and what its values are to be divided by.

    Args:
        metric: its name.
        values: all of them.
        given: what is known of it.
        say: takes what was guessed.
    """
    better: Better | None = given.better
    tells: Tells | None = given.tells
    if better is None and tells is None and names.spread(metric):
        tells = "spread"
        say(f"'{metric}' is read as variance or diversity (--tells risk changes it)")
    elif better is None and (tells is None or tells == "risk"):
        better = names.direction(metric)
        if better:
            say(f"of '{metric}', {better} is read as better (--better changes it)")
        elif tells is None:
            say(f"of '{metric}', nobody says whether lower is better: no risk is asked (--better lower says so)")
        else:
            better = "lower"
            say(f"of '{metric}', lower is read as better (--better changes it)")
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    by, scale = 1.0, "plain"
    if names.share(metric) and low >= 0 and high <= 100:
        scale = "share"
        if high > 1:
            by = 100.0
            say(f"'{metric}' is read as per cent: {number(high)} is {number(high / 100)}")
    elif low > 0:
        scale = "ratio"
    elif low == 0 and tells in ("spread", "tail"):
        scale = "ratio"
    at = given.references.get(metric)
    reference = None if at is None else Reference(at / by, "given", "knowing nothing")
    chosen: Scale = "share" if scale == "share" else "ratio" if scale == "ratio" else "plain"
    said = Meaning(
        metric, better=better, scale=chosen, reference=reference, tells=tells or ("risk" if better else "")
    )
    return said, by
