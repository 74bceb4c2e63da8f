"""Few labelled rows and many predictions: coefficients of least squares and of logistic regression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
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

# Newton's steps. A dozen are enough where labels are not separated; where they are, rounding feigns an end
# after some 35.
_STEPS = 30
# A step that moves no predictor by more than this share of the largest is the last: the next is its square.
_CLOSE = 1e-8
# Beside a sum of losses of 1, what rounding may add.
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Link:
    """How a linear predictor becomes a mean.

    Args:
        mean: of the label.
        slope: its derivative, from the mean.
        loss: its integral, which Newton's steps go down; None of least squares, where one step is enough.
    """

    mean: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    loss: Callable[[Array], Array] | None = None


def _expit(x: Array) -> Array:
    from scipy.special import expit

    found: Array = expit(x)
    return found


LINKS: dict[Model, Link] = {
    "ols": Link(lambda x: x, np.ones_like),
    "logistic": Link(_expit, lambda p: p * (1 - p), lambda x: np.logaddexp(0, x)),
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
    link, (name, guess, *names) = LINKS[model], given.names
    start, first = alone(link, given.inputs, given.label, name)
    both, answers, notes = _Both(link, given), [], []
    try:
        naive, second = alone(link, given.more_inputs, given.more, guess)
    except DataError:  # labels of a model that knows these inputs alone
        naive, second = np.full(len(names), np.nan), np.full(given.more_inputs.shape, np.nan)
        notes.append(
            f"the inputs tell {guess} without error: predictions as truth have no finite coefficients"
        )
    even = both.inverse(start, 1 / 2)
    for j in range(len(names)):
        lam = weight_of(*both.influences(start, even[j])) if weight is None else weight
        value = both.solved(lam, start)
        if value is None:
            notes.append(
                f"{names[j]}: with λ = {lam:.2g} there is no finite solution; predictions are left out"
            )
            lam, value = 0.0, start
        used = len(names) + (weight is None)
        told = both.influences(value, both.inverse(value, lam)[j])
        believed = _around(value[j], margin(*told, lam, level, ends, used))
        classical = _around(start[j], _margin_alone(first[:, j], level, ends, len(names)))
        as_truth = _around(naive[j], _margin_alone(second[:, j], level, ends, len(names)))
        rows_worth = worth(believed, classical, len(given.label))
        answers.append(Answer(names[j], believed, as_truth, classical, lam, rows_worth))
    title = title_of(model, name, [n for n in names if n != INTERCEPT])
    return inferred(title, level, (*answers,), given, (*notes,))


def alone(link: Link, inputs: Array, label: Array, name: str) -> tuple[Array, Array]:
    """Coefficients (d,) of rows taken as they are, and the influence (n, d) of each row.

    Args:
        link: of the regression.
        inputs: (n, d).
        label: (n,).
        name: of the label.

    Raises:
        DataError: if no coefficients are finite.
    """
    even = np.full(len(label), 1 / len(label))
    found = _newton(link, inputs, even, inputs.T @ label / len(label), np.zeros(inputs.shape[1]))
    if found is None:
        raise DataError(
            f"the inputs tell {bounded(name)} without error, so that no finite coefficients fit best: leave "
            "out an input, or label more rows"
        )
    inverse = np.linalg.inv(_hessian(link, inputs, even, found))
    return found, (inputs * (label - link.mean(inputs @ found))[:, None]) @ inverse


@dataclass(frozen=True, eq=False)
class _Both:
    """A regression of labelled rows and of rows with predictions alone.

    Args:
        link: of the regression.
        given: the rows.
    """

    link: Link
    given: Rows

    @cached_property
    def inputs(self) -> Array:
        """(n + N, d) of all rows."""
        return np.concatenate([self.given.inputs, self.given.more_inputs])

    def weights(self, weight: float) -> Array:
        """(n + N,) by which rows count in the curvature: 1 - λ for all labelled ones, λ for the others."""
        n, m = len(self.given.label), len(self.given.more)
        return np.concatenate([np.full(n, (1 - weight) / n), np.full(m, weight / m)])

    def solved(self, weight: float, start: Array) -> Array | None:
        """(d,) where the rectified gradient vanishes; None where that is at no finite point."""
        of, x, z = self.given, self.given.inputs, self.given.more_inputs
        wanted = x.T @ (of.label - weight * of.prediction) / len(x) + weight * (z.T @ of.more) / len(z)
        return _newton(self.link, self.inputs, self.weights(weight), wanted, start)

    def inverse(self, at: Array, weight: float) -> Array:
        """(d, d) inverse of the curvature at coefficients (d,), in which the rows without labels count λ."""
        return np.linalg.inv(_hessian(self.link, self.inputs, self.weights(weight), at))

    def influences(self, at: Array, inverse: Array) -> tuple[Array, Array, Array]:
        """What rows tell of a coefficient: (n,) by their labels, (n,) and (N,) by their predictions.

        Args:
            at: (d,) coefficients.
            inverse: (d,) the coefficient's row of the inverse curvature.
        """
        reach = self.inputs @ inverse
        fitted, n = self.link.mean(self.inputs @ at), len(self.given.label)
        told = reach[:n] * (self.given.label - fitted[:n])
        guessed = reach[:n] * (self.given.prediction - fitted[:n])
        return told, guessed, reach[n:] * (self.given.more - fitted[n:])


def _newton(link: Link, inputs: Array, weights: Array, wanted: Array, start: Array) -> Array | None:
    """(d,) coefficients θ with Σ w x μ(xθ) = wanted, by Newton's steps; None where there are none.

    They are where the convex function Σ w loss(xθ) - wanted θ is least; a step that does not lower it is
    halved. Where labels are separated it has no least value, and each step adds about 1 to the predictor of
    the row that is nearest to being wrong.
    """
    loss = link.loss
    if loss is None:
        return np.linalg.solve(_hessian(link, inputs, weights, start), wanted)

    def height(of: Array, predictor: Array) -> float:
        return float(weights @ loss(predictor) - wanted @ of)

    at, predictor = start, inputs @ start
    for _ in range(_STEPS):
        mean, hessian = link.mean(predictor), _hessian(link, inputs, weights, at)
        try:
            step = np.linalg.solve(hessian, wanted - inputs.T @ (weights * mean))
        except np.linalg.LinAlgError:  # all fitted probabilities are 0 or 1
            return None
        along, now = inputs @ step, height(at, predictor)
        now += _ROUNDING * max(1.0, abs(now))
        if np.abs(along).max() < _CLOSE * max(1.0, float(np.abs(predictor).max())):
            return at + step
        share = 1.0
        while height(at + share * step, predictor + share * along) > now and share > _CLOSE:
            share /= 2
        at, predictor = at + share * step, predictor + share * along
    return None


def _hessian(link: Link, inputs: Array, weights: Array, at: Array) -> Array:
    found: Array = (inputs * (weights * link.slope(link.mean(inputs @ at)))[:, None]).T @ inputs
    return found


def _margin_alone(told: Array, level: float, ends: Ends, used: int) -> float:
    """Half the width of an interval without predictions."""
    return margin(told, 0 * told, np.zeros(2), 0.0, level, ends, used)


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
