"""Labelled rows and rows with predictions alone, as numbers that have been checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.errors import DataError, bounded, shown
from genloss.samples import Array
from genloss.wording import several

INTERCEPT = "(intercept)"


@dataclass(frozen=True, eq=False)
class Rows:
    """What is known of labelled rows, and of rows with predictions alone.

    Args:
        label: (n,) true labels.
        prediction: (n,) what a model predicts for the same rows.
        more: (N,) predictions for rows without labels.
        inputs: (n, d) what labels are regressed on; (n, 0) where nothing is asked of it.
        more_inputs: (N, d) of the rows without labels.
        names: of label, prediction and inputs.
    """

    label: Array
    prediction: Array
    more: Array
    inputs: Array
    more_inputs: Array
    names: tuple[str, ...]


def rows(
    label: Any,
    prediction: Any,
    more: Any,
    inputs: Any = None,
    more_inputs: Any = None,
    intercept: bool = False,
) -> Rows:
    """Arrays, series or frames as checked numbers.

    Args:
        label: (n,) true labels.
        prediction: (n,) predictions for the same rows.
        more: (N,) predictions for rows without labels.
        inputs: (n, d) or (n,); a frame names its columns.
        more_inputs: (N, d) or (N,).
        intercept: whether a column of ones goes before the inputs.

    Raises:
        DataError: if something is no number, is missing, has another length, or cannot tell anything.
    """
    named = [name_of(label, "label"), name_of(prediction, "prediction")]
    y = column(label, named[0], "a labelled row needs its label")
    f = column(prediction, named[1], "each labelled row needs a prediction too")
    u = column(more, f"unlabelled {named[1]}", "each unlabelled row needs a prediction")
    if len(f) != len(y):
        raise DataError(f"{len(y)} labels and {len(f)} predictions for them: give one for each labelled row")
    enough(u, "unlabelled", 2)
    enough(y, "labelled")
    varies(y, named[0])
    if inputs is None:
        return Rows(y, f, u, np.empty((len(y), 0)), np.empty((len(u), 0)), (*named,))
    x, names = matrix(inputs, "inputs")
    if more_inputs is None:
        raise DataError(
            "the unlabelled rows lack their inputs: give the same columns as for the labelled ones"
        )
    z, others = matrix(more_inputs, "unlabelled inputs")
    if len(x) != len(y) or len(z) != len(u):
        raise DataError(
            f"inputs of {len(x)} labelled and {len(z)} unlabelled rows, where there are {len(y)} and "
            f"{len(u)}: give one row for each"
        )
    if names != others:
        raise DataError(
            f"inputs {', '.join(names)} of labelled rows, {', '.join(others)} of the others: give the same"
        )
    x, z, names = (with_ones(x), with_ones(z), (INTERCEPT, *names)) if intercept else (x, z, names)
    determined(x, names, "labelled")
    determined(z, names, "unlabelled")
    return Rows(y, f, u, x, z, (*named, *names))


def name_of(values: Any, otherwise: str) -> str:
    """What a series is called, or what an array is to be called."""
    name = getattr(values, "name", None)
    return name if isinstance(name, str) and name else otherwise


def column(values: Any, name: str, needs: str) -> Array:
    """(n,) numbers.

    Args:
        values: an array, a list or a series.
        name: what to call it.
        needs: what is said where one is missing.

    Raises:
        DataError: where one is missing, or no number.
    """
    try:
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        wrong = next((v for v in np.asarray(values, dtype=object).ravel() if not _is_number(v)), values)
        raise DataError(
            f"{bounded(name)} holds {shown(wrong)}, no number; write labels as numbers, yes and no as 1 and 0"
        ) from None
    if found.ndim != 1:
        raise DataError(f"{bounded(name)} has the shape {found.shape}; give one number for each row")
    gone = ~np.isfinite(found)
    if gone.any():
        what = "missing" if np.isnan(found[gone]).all() else "missing or infinite"
        raise DataError(
            f"{bounded(name)} is {what} in {gone.sum()} of {several(len(found), 'row')}, first in row "
            f"{int(gone.argmax()) + 1}; {needs}: fill it in, or leave the row out"
        )
    return found


def matrix(values: Any, name: str) -> tuple[Array, tuple[str, ...]]:
    """(n, d) numbers and the names of columns.

    Raises:
        DataError: as :func:`column` does.
    """
    columns = getattr(values, "columns", None)
    if columns is not None:
        names = [str(c) for c in columns]
        parts = [column(values[c], str(c), "a regression needs it") for c in columns]
    else:
        array = np.asarray(values, dtype=object)
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2:
            raise DataError(f"{name} has the shape {array.shape}; give a row for each row of the labels")
        names = [f"x{i + 1}" for i in range(array.shape[1])]
        parts = [column(c, n, "a regression needs it") for c, n in zip(array.T, names, strict=True)]
    if not parts:
        raise DataError(f"{name}: no column; a regression is on one or more")
    return np.stack(parts, axis=1), (*names,)


def enough(values: Array, which: str, least: int = 3) -> None:
    """See to it that there are rows to tell how they vary.

    Raises:
        DataError: if there are fewer than `least`.
    """
    if len(values) < least:
        raise DataError(
            f"{several(len(values), f'{which} row')}: fewer than {least} do not tell how they vary; add rows"
        )


def varies(label: Array, name: str, which: str = "labelled") -> None:
    """See to it that a label is not constant.

    Raises:
        DataError: if it is.
    """
    if (label == label[0]).all():
        raise DataError(
            f"{bounded(name)} is {label[0]:.6g} in all {several(len(label), f'{which} row')}: nothing tells "
            "how it varies; add rows of which it is not"
        )


def with_ones(inputs: Array) -> Array:
    """(n, d + 1) with a column of ones first."""
    return np.concatenate([np.ones((len(inputs), 1)), inputs], axis=1)


def determined(inputs: Array, names: Sequence[str], which: str) -> None:
    """See to it that rows determine the coefficients.

    Raises:
        DataError: if there are too few, or a column follows from those before it.
    """
    n, d = inputs.shape
    if n < d + 2:
        raise DataError(f"{several(n, f'{which} row')} for {d} coefficients: give at least {d + 2}")
    scale = np.linalg.norm(inputs, axis=0)
    diagonal = np.abs(np.diag(np.linalg.qr(inputs / np.where(scale > 0, scale, 1), mode="r")))
    tied = np.flatnonzero((diagonal < 1e-9) | (scale == 0))
    if len(tied):
        raise DataError(
            f"'{bounded(names[int(tied[0])])}' is constant in the {which} rows, or follows from the inputs "
            "before it: leave it out"
        )


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True
