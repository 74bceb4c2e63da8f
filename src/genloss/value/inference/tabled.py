"""The same from files and frames: which columns are labels, predictions and inputs is said by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from genloss.collapse.opening import Opened, opened
from genloss.errors import DataError, shown
from genloss.samples import Array
from genloss.tables.say import listed, meant, named
from genloss.value.inference.combining import Kind, told
from genloss.value.inference.prediction import alone as quantile_alone
from genloss.value.inference.prediction import mean_of, quantile_of
from genloss.value.inference.regression import LINKS, regression_of, zeros_and_ones
from genloss.value.inference.regression import alone as regressed_alone
from genloss.value.inference.rows import INTERCEPT, Rows, determined, enough, rows, varies, with_ones
from genloss.value.inference.said import Inferred
from genloss.value.inference.weighting import Ends, checked
from genloss.value.inference.words import title_of
from genloss.wording import several

# Level of the interval whose width tells the variance of a quantile (Woodruff 1952).
_WIDTH = 0.95

What: TypeAlias = Literal["mean", "quantile", "ols", "logistic"]
"""What can be asked for."""


def infer(
    what: What,
    labelled: Any,
    unlabelled: Any = None,
    *,
    label: str,
    prediction: str,
    on: Sequence[str] = (),
    q: float = 0.5,
    positive: str | None = None,
    level: float = 0.95,
    weight: float | None = None,
    ends: Ends = "t",
) -> Inferred:
    """A mean, a quantile or a regression from tables with labels and predictions.

    Args:
        what: "mean", "quantile", "ols" or "logistic".
        labelled: a file, or a frame of pandas, Polars or Arrow, with labels and predictions.
        unlabelled: another, with predictions alone; None where rows of the first that have no label are.
        label: the column of true labels.
        prediction: the column of predictions.
        on: columns that labels are regressed on.
        q: share of labels at or below the quantile.
        positive: the text that means 1, where labels and predictions are texts; every other means 0.
        level: share of intervals that are meant to hold the truth.
        weight: λ, from 0 to 1; None takes the one that gives the shortest interval.
        ends: "t" for intervals that cover from few labelled rows on; "normal" for those of the papers.

    Raises:
        DataError: if a table cannot be opened, lacks a column, or holds what cannot be used.
    """
    known(what, on)
    checked(level, weight, ends)
    read: list[str] = []
    given = _rows(labelled, unlabelled, label, prediction, on, positive, read.append)
    if what == "mean":
        found = mean_of(given, level, weight, ends)
    elif what == "quantile":
        found = quantile_of(given, q, level, weight, ends)
    else:
        found = regression_of(what, given, level, weight, ends)
    return replace(found, notes=(*dict.fromkeys(read), *found.notes))


def combine(
    what: What,
    tables: Sequence[Any],
    *,
    label: str,
    kind: Kind,
    on: Sequence[str] = (),
    q: float = 0.5,
    positive: str | None = None,
    real_rows: int | None = None,
    level: float = 0.95,
) -> Inferred:
    """A mean, a quantile or a regression from several synthetic data sets made from one real one.

    Args:
        what: "mean", "quantile", "ols" or "logistic".
        tables: files or frames, each a data set.
        label: the column that is asked about.
        kind: "fully" synthetic, each set from a posterior draw, or a fit to resampled rows, of its own;
            "partially", where some cells are real; or all drawn from "once" and the same fit.
        on: columns that it is regressed on.
        q: share of rows at or below the quantile.
        positive: the text that means 1, where the column holds texts; every other means 0.
        real_rows: how many the data sets were made from.
        level: share of intervals that are meant to hold the truth.

    Raises:
        DataError: if a table cannot be opened, lacks a column, or holds what cannot be used, or there are too
            few of them.
    """
    known(what, on)
    checked(level, None, "t")
    read: list[str] = []
    of_each, rows_in_all = [], 0
    for data in tables:
        table = opened(data, (), read.append)
        every = np.ones(len(table.frame), bool)
        y = _taken(table, label, positive, every)
        _read_into(table, (label, *on), read.append)
        rows_in_all += len(y)
        with named(table.source):
            enough(y, "synthetic")
            varies(y, label, "synthetic")
            if what == "mean" or what == "quantile":
                of_each.append(_alone(what, y, q))
                continue
            x = with_ones(np.stack([_input(table, c, every) for c in on], axis=1))
            determined(x, (INTERCEPT, *on), "synthetic")
            if what == "logistic":
                zeros_and_ones(y, label)
            theta, parts = regressed_alone(LINKS[what], x, y, label)
            of_each.append((theta, (parts**2).sum(axis=0) / len(y) ** 2))
    estimates, variances = (np.stack(some, axis=1) for some in zip(*of_each, strict=True))
    title = title_of(what, label, on, q)
    names = (INTERCEPT, *on) if on else (label,)
    found = told(title, names, estimates, variances, rows_in_all, kind, real_rows, level)
    return replace(found, notes=(*dict.fromkeys(read), *found.notes))


def _alone(what: What, y: Array, q: float) -> tuple[Array, Array]:
    """An estimate (1,) from rows taken as real, and its variance (1,)."""
    if what == "mean":
        return np.array([y.mean()]), np.array([y.var(ddof=1) / len(y)])
    value, low, high = quantile_alone(y, q, _WIDTH, "t")
    if not np.isfinite(high - low):
        raise DataError(
            f"{several(len(y), 'row')} are too few for the {q:g} quantile; take one nearer to 0.5"
        )
    from scipy.special import ndtri

    return np.array([value]), np.array([((high - low) / 2 / float(ndtri((1 + _WIDTH) / 2))) ** 2])


def known(what: str, on: Sequence[str]) -> None:
    """See to it that something is asked for that can be told.

    Raises:
        DataError: if not.
    """
    if what not in get_args(What):
        raise DataError(f"no {shown(what)} can be inferred; ask for {', '.join(get_args(What))}")
    if twice := [name for i, name in enumerate(on) if name in on[:i]]:
        raise DataError(f"{what} is on {shown(twice[0])} twice; name each column once")
    if (what in ("ols", "logistic")) != bool(on):
        raise DataError(
            f"{what}: name the columns that labels are regressed on (--on COL)"
            if not on
            else f"{what} is on no columns"
        )


def _rows(
    labelled: Any,
    unlabelled: Any,
    label: str,
    prediction: str,
    on: Sequence[str],
    positive: str | None,
    say: Callable[[str], None],
) -> Rows:
    """Rows with labels, and rows with predictions alone."""
    import pandas as pd

    table = opened(labelled, (), say)
    y = values(table, label, positive)
    if unlabelled is None:
        with_label, other, without = ~np.isnan(y), table, np.isnan(y)
        if not without.any():
            raise DataError(
                f"{table.source}: every row has a '{label}': give rows with predictions alone in another "
                "table (--unlabelled FILE), or in this one with empty labels"
            )
    else:
        with_label, other = np.ones(len(y), bool), opened(unlabelled, (), say)
        without = np.ones(len(other.frame), bool)
    _complete(table, label, y[with_label])
    _read_into(table, (label, prediction, *on), say)
    _read_into(other, (prediction, *on), say)
    return rows(
        pd.Series(y[with_label], name=label),
        pd.Series(_taken(table, prediction, positive, with_label), name=prediction),
        _taken(other, prediction, positive, without),
        pd.DataFrame({c: _input(table, c, with_label) for c in on}) if on else None,
        pd.DataFrame({c: _input(other, c, without) for c in on}) if on else None,
        bool(on),
    )


def _read_into(table: Opened, names: Sequence[str], say: Callable[[str], None]) -> None:
    """Say how the numbers of columns are read where they could be read otherwise."""
    for name in names:
        for note in table.figures(name).notes if name in table.columns else ():
            say(f"{table.source}: '{name}' {note}")


def _input(table: Opened, name: str, which: Array) -> Array:
    found = values(table, name, coded=False)[which]
    _complete(table, name, found)
    return found


def _taken(table: Opened, name: str, positive: str | None, which: Array) -> Array:
    found = values(table, name, positive)[which]
    _complete(table, name, found)
    return found


def values(table: Opened, name: str, positive: str | None = None, coded: bool = True) -> Array:
    """(n,) a column as numbers, NaN where it says nothing.

    Args:
        table: as it was opened.
        name: of the column.
        positive: the text that means 1, where it holds texts.
        coded: whether texts may stand for 1 and 0 in it.

    Raises:
        DataError: if there is no such column, or it holds no numbers.
    """
    if name not in table.columns:
        raise DataError(f"{table.source}: no column {shown(name)}{meant(name, table.columns)}")
    found = table.figures(name)
    kinds = _kinds(found.cells) if found.bad.any() else []
    if {k.lower() for k in kinds} == {"true", "false"}:
        positive = kinds[-1]
    if positive is not None and not found.numeric:
        cells = found.cells.astype("string").str.strip()
        if positive not in kinds:
            raise DataError(
                f"{table.source}: no row of '{name}' is {shown(positive)}; it holds {listed(kinds, 3)}"
            )
        truth = (cells == positive).to_numpy(dtype=float, na_value=np.nan)
        return np.where(cells.isna() | (cells == ""), np.nan, truth)
    if found.mixed:
        raise DataError(f"{table.source}: '{name}' holds numbers with {found.mixed}; write one of the two")
    if found.bad.any():
        two = coded and len(kinds) == 2
        remedy = f"say which of the two is 1: --positive {kinds[-1]}" if two else "write numbers, as 0 and 1"
        at = int(found.bad.argmax())
        raise DataError(
            f"{table.source}: row {at + 1} of '{name}' is {shown(str(found.cells.iloc[at]))}, no number; "
            f"{remedy}, or leave the cell empty where nothing is known"
        )
    return found.values


def _kinds(cells: Any) -> list[str]:
    """The texts of a column in order, but for empty ones."""
    return sorted({str(c).strip() for c in cells.dropna()} - {""})


def _complete(table: Opened, name: str, found: Array) -> None:
    """See to it that no value is missing.

    Raises:
        DataError: if one is.
    """
    gone = ~np.isfinite(found)
    if gone.any():
        raise DataError(
            f"{table.source}: '{name}' is missing or infinite in {gone.sum()} of "
            f"{several(len(found), 'row')}; fill it in, or leave these rows out"
        )
