"""Few labelled rows and many predictions: coefficients of least squares and of logistic regression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from genloss.errors import DataError, bounded
from genloss.intervals import Interval
from genloss.samples import Array
from genloss.value.inference.rows import INTERCEPT, Rows, rows
from genloss.value.inference.said import Answer, Inferred
from genloss.value.inference.weighting import Ends, checked, margin, weight_of
from genloss.value.inference.words import inferred, title_of, worth

Model: TypeAlias = Literal["ols", "logistic"]

_STEPS = 50
# A step that changes no coefficient by more than this share of its standard scale ends the search.
_CLOSE = 1e-10
# A linear predictor beyond which fitted probabilities are 0 and 1: labels are separated.
_FAR = 30.0


@dataclass(frozen=True)
class Link:
    """How a linear predictor becomes a mean.

    Args:
        mean: of the label.
        slope: its derivative, from the mean.
    """

    mean: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def _expit(x: Array) -> Array:
    from scipy.special import expit

    found: Array = expit(x)
    return found


LINKS: dict[Model, Link] = {
    "ols": Link(lambda x: x, np.ones_like),
    "logistic": Link(_expit, lambda p: p * (1 - p)),
}


def ols(
    label: Any,
    prediction: Any,
    unlabelled_prediction: Any,
    inputs: Any,
    unlabelled_inputs: Any,
    *,
    intercept: bool = True,
    level: float = 0.95,
    weight: float | None = None,
    ends: Ends = "t",
) -> Inferred:
    """Coefficients of the best linear fit of a label, from few labelled rows and predictions for many.

    Intervals come from the sandwich, so they do not need the linear model to be true.

    Args:
        label: (n,) true labels.
        prediction: (n,) predictions for the same rows.
        unlabelled_prediction: (N,) predictions for rows without labels.
        inputs: (n, d) what labels are regressed on; the columns of a frame have names.
        unlabelled_inputs: (N, d) of the rows without labels.
        intercept: whether to fit one; it is the first coefficient.
        level: share of intervals that are meant to hold the truth.
        weight: λ for all coefficients; None takes for each the one that gives the shortest interval.
        ends: as of :func:`genloss.value.inference.mean`.

    Raises:
        DataError: if something is missing, is no number, or does not determine the coefficients.

    References:
        Angelopoulos, Duchi and Zrnic, PPI++ (2023), arXiv:2311.01453, section 4; White, A
        heteroskedasticity-consistent covariance matrix estimator, Econometrica 48 (1980) 817-838.
    """
    checked(level, weight, ends)
    given = rows(label, prediction, unlabelled_prediction, inputs, unlabelled_inputs, intercept)
    return regression_of("ols", given, level, weight, ends)


def logistic(
    label: Any,
    prediction: Any,
    unlabelled_prediction: Any,
    inputs: Any,
    unlabelled_inputs: Any,
    *,
    intercept: bool = True,
    level: float = 0.95,
    weight: float | None = None,
    ends: Ends = "t",
) -> Inferred:
    """Coefficients of logistic regression of a label that is 0 or 1; predictions are labels or probabilities.

    Args:
        label: (n,) 0 or 1.
        prediction: (n,) from 0 to 1, for the same rows.
        unlabelled_prediction: (N,) from 0 to 1, for rows without labels.
        inputs: as of :func:`ols`.
        unlabelled_inputs: as of :func:`ols`.
        intercept: as of :func:`ols`.
        level: share of intervals that are meant to hold the truth.
        weight: as of :func:`ols`.
        ends: as of :func:`genloss.value.inference.mean`.

    Raises:
        DataError: as of :func:`ols`; and where the inputs separate the labels.

    References:
        Angelopoulos, Duchi and Zrnic, PPI++ (2023), arXiv:2311.01453, section 4.
    """
    checked(level, weight, ends)
    given = rows(label, prediction, unlabelled_prediction, inputs, unlabelled_inputs, intercept)
    return regression_of("logistic", given, level, weight, ends)


def regression_of(model: Model, given: Rows, level: float, weight: float | None, ends: Ends) -> Inferred:
    """Coefficients from rows that have been checked; arguments as of :func:`ols`.

    Raises:
        DataError: if labels are not 0 and 1, predictions not between, or labels are separated.
    """
    if model == "logistic":
        zeros_and_ones(given.label, given.names[0])
        _probabilities(np.concatenate([given.prediction, given.more]), given.names[1])
    link, (name, _, *names) = LINKS[model], given.names
    x, z, d = given.inputs, given.more_inputs, len(names)
    start, first = alone(model, x, given.label, name)
    naive, second = alone(model, z, given.more, f"the unlabelled {given.names[1]}")
    tuned = influences(link, given, start, 1 / 2 if weight is None else weight)
    answers, notes = [], []
    for j in range(d):
        lam = weight_of(*(part[:, j] for part in tuned)) if weight is None else weight
        value = solved(link, given, lam)
        if value is None:
            notes.append(
                f"{names[j]}: with λ = {lam:.2g} there is no finite solution; predictions are left out"
            )
            lam, value = 0.0, start
        told, guessed, more = (part[:, j] for part in influences(link, given, value, lam))
        believed = _around(value[j], margin(told, guessed, more, lam, level, ends, d + (weight is None)))
        none = np.zeros(2)
        classical = _around(start[j], margin(first[:, j], 0 * first[:, j], none, 0, level, ends, d))
        guess = _around(naive[j], margin(second[:, j], 0 * second[:, j], none, 0, level, ends, d))
        answers.append(Answer(names[j], believed, guess, classical, lam, worth(believed, classical, len(x))))
    title = title_of(model, name, [n for n in names if n != INTERCEPT])
    return inferred(title, level, (*answers,), given, (*notes,))


def alone(model: Model, inputs: Array, label: Array, name: str) -> tuple[Array, Array]:
    """Coefficients (d,) of rows taken as they are, and the influence (n, d) of each.

    Args:
        model: which regression.
        inputs: (n, d).
        label: (n,).
        name: of the label.

    Raises:
        DataError: if no coefficients are finite.
    """
    link, even = LINKS[model], np.full(len(label), 1 / len(label))
    found = _newton(link, inputs, even, inputs.T @ label / len(label))
    if found is None:
        raise DataError(
            f"the inputs tell {bounded(name)} without error, so that no finite coefficients fit best: leave "
            "out an input, or label more rows"
        )
    inverse = np.linalg.inv(_hessian(link, inputs, even, found))
    return found, (inputs * (label - link.mean(inputs @ found))[:, None]) @ inverse


def solved(link: Link, given: Rows, weight: float) -> Array | None:
    """(d,) where the rectified gradient vanishes; None where that is at no finite point."""
    x, z, n, m = given.inputs, given.more_inputs, len(given.inputs), len(given.more_inputs)
    wanted = x.T @ (given.label - weight * given.prediction) / n + weight * (z.T @ given.more) / m
    return _newton(link, np.concatenate([x, z]), _weights(given, weight), wanted)


def influences(link: Link, given: Rows, at: Array, weight: float) -> tuple[Array, Array, Array]:
    """What each row tells of coefficients: (n, d) from labels, (n, d) and (N, d) from predictions.

    Args:
        link: of the regression.
        given: the rows.
        at: (d,) coefficients.
        weight: λ, by which the rows without labels count in the curvature.
    """
    x, z = given.inputs, given.more_inputs
    inverse = np.linalg.inv(_hessian(link, np.concatenate([x, z]), _weights(given, weight), at))
    fitted = link.mean(x @ at)
    return (
        (x * (given.label - fitted)[:, None]) @ inverse,
        (x * (given.prediction - fitted)[:, None]) @ inverse,
        (z * (given.more - link.mean(z @ at))[:, None]) @ inverse,
    )


def _weights(given: Rows, weight: float) -> Array:
    """(n + N,) by which rows count in the curvature: 1 - λ for all labelled ones, λ for the others."""
    n, m = len(given.label), len(given.more)
    return np.concatenate([np.full(n, (1 - weight) / n), np.full(m, weight / m)])


def _newton(link: Link, inputs: Array, weights: Array, wanted: Array) -> Array | None:
    """(d,) coefficients θ with Σ w x μ(xθ) = wanted, by Newton's steps; None where there are none."""
    at = np.zeros(inputs.shape[1])
    for _ in range(_STEPS):
        left = wanted - inputs.T @ (weights * link.mean(inputs @ at))
        try:
            step = np.linalg.solve(_hessian(link, inputs, weights, at), left)
        except np.linalg.LinAlgError:
            return None
        # of a saturated sigmoid a whole step may overshoot; one that moves no row by more than 2 does not
        moved = np.abs(inputs @ step).max()
        if link is LINKS["logistic"] and moved > 2:
            step = step * 2 / moved
        at = at + step
        if link is LINKS["logistic"] and np.abs(inputs @ at).max() > _FAR * _STEPS:
            return None
        if moved < _CLOSE * max(1.0, float(np.abs(inputs @ at).max())):
            return at
    return None


def _hessian(link: Link, inputs: Array, weights: Array, at: Array) -> Array:
    found: Array = (inputs * (weights * link.slope(link.mean(inputs @ at)))[:, None]).T @ inputs
    return found


def zeros_and_ones(label: Array, name: str) -> None:
    """See to it that labels are 0 and 1.

    Raises:
        DataError: if not.
    """
    wrong = label[(label != 0) & (label != 1)]
    if len(wrong):
        raise DataError(f"{bounded(name)} holds {wrong[0]:.6g}: logistic regression is of labels 0 and 1")


def _probabilities(predictions: Array, name: str) -> None:
    """See to it that predictions are labels 0 and 1, or probabilities.

    Raises:
        DataError: if not.
    """
    wrong = predictions[(predictions < 0) | (predictions > 1)]
    if len(wrong):
        raise DataError(
            f"{bounded(name)} holds {wrong[0]:.6g}: give labels 0 and 1, or probabilities between"
        )


def _around(estimate: float, reach: float) -> Interval:
    return Interval(float(estimate), float(estimate - reach), float(estimate + reach))
