"""Few labelled rows and many predictions: the mean, and quantiles, with prediction-powered intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.errors import DataError, shown
from genloss.intervals import Interval
from genloss.samples import Array
from genloss.value.inference.rows import Rows, rows
from genloss.value.inference.said import Answer, Inferred
from genloss.value.inference.weighting import Ends, checked, factor, margin, weight_of
from genloss.value.inference.words import inferred, title_of, worth


def mean(
    label: Any,
    prediction: Any,
    unlabelled_prediction: Any,
    *,
    level: float = 0.95,
    weight: float | None = None,
    ends: Ends = "t",
) -> Inferred:
    """The mean of a label, from few labelled rows and predictions for many.

    The labelled rows must be drawn from the same population as the others, and the model must not have learnt
    from them. Then the interval holds however bad the predictions are; good ones make it short.

    Args:
        label: (n,) true labels.
        prediction: (n,) predictions for the same rows.
        unlabelled_prediction: (N,) predictions for rows without labels.
        level: share of intervals that are meant to hold the truth.
        weight: λ, what predictions count for, from 0 to 1; None takes what gives the shortest interval.
        ends: "t" for intervals that cover from few labelled rows on; "normal" for those of the papers.

    Raises:
        DataError: if something is missing, is no number, or cannot tell anything.

    References:
        Angelopoulos, Duchi and Zrnic, PPI++ (2023), arXiv:2311.01453.

    >>> found = mean([3.1, 4.9, 2.2, 5.0, 3.9], [3, 5, 2, 5, 4], [4, 4, 3, 5, 2, 4, 3, 4] * 20, level=0.9)
    >>> print(f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]")
    3.64 [3.47, 3.82]
    """
    checked(level, weight, ends)
    return mean_of(rows(label, prediction, unlabelled_prediction), level, weight, ends)


def mean_of(given: Rows, level: float, weight: float | None, ends: Ends) -> Inferred:
    """The mean of rows that have been checked; arguments as of :func:`mean`."""
    y, f, u = given.label, given.prediction, given.more
    lam = weight_of(y, f, u) if weight is None else weight
    none = np.zeros(2)
    value = _around(
        y.mean() + lam * (u.mean() - f.mean()), margin(y, f, u, lam, level, ends, 1 + (weight is None))
    )
    classical = _around(y.mean(), margin(y, 0 * y, none, 0, level, ends, 1))
    naive = _around(u.mean(), margin(u, 0 * u, none, 0, level, ends, 1))
    answer = Answer(given.names[0], value, naive, classical, lam, worth(value, classical, len(y)))
    return inferred(title_of("mean", given.names[0]), level, (answer,), given)


def quantile(
    label: Any,
    prediction: Any,
    unlabelled_prediction: Any,
    q: float,
    *,
    level: float = 0.95,
    weight: float | None = None,
    ends: Ends = "t",
) -> Inferred:
    """A quantile of a label, from few labelled rows and predictions for many.

    The interval holds every value of which a test does not refuse that a share q of labels lies at or below
    it. It has no end where the labelled rows are too few to tell one.

    Args:
        label: (n,) true labels.
        prediction: (n,) predictions for the same rows.
        unlabelled_prediction: (N,) predictions for rows without labels.
        q: share of labels at or below the quantile, between 0 and 1.
        level: share of intervals that are meant to hold the truth.
        weight: as of :func:`mean`.
        ends: as of :func:`mean`; "t" takes the variance that a share q has rather than the observed share's.

    Raises:
        DataError: as of :func:`mean`.

    References:
        Angelopoulos et al., Prediction-powered inference (2023), arXiv:2301.09633, algorithm 2;
        Angelopoulos, Duchi and Zrnic, PPI++ (2023), arXiv:2311.01453.
    """
    checked(level, weight, ends)
    return quantile_of(rows(label, prediction, unlabelled_prediction), q, level, weight, ends)


def quantile_of(given: Rows, q: float, level: float, weight: float | None, ends: Ends) -> Inferred:
    """A quantile of rows that have been checked; arguments as of :func:`quantile`.

    Raises:
        DataError: if q is none.
    """
    if not 0 < q < 1:
        raise DataError(f"q = {shown(q)}: give a number between 0 and 1, as 0.9")
    y, f, u = given.label, given.prediction, given.more
    start = np.quantile(y, q, method="inverted_cdf")
    lam = weight_of(*(1.0 * (x <= start) for x in (y, f, u))) if weight is None else weight
    value = _Test(y, f, u, lam, 1 + (weight is None)).interval(q, level, ends)
    classical = alone(y, q, level, ends)
    answer = Answer(
        given.names[0], value, alone(u, q, level, ends), classical, lam, worth(value, classical, len(y))
    )
    return inferred(title_of("quantile", given.names[0], q=q), level, (answer,), given)


def alone(values: Array, q: float, level: float, ends: Ends) -> Interval:
    """A quantile of (n,) rows that are taken as they are."""
    return _Test(values, values, values, 0.0, 1).interval(q, level, ends)


@dataclass(frozen=True, eq=False)
class _Test:
    """Which values may be the quantile.

    Args:
        y: (n,) labels.
        f: (n,) predictions for them.
        u: (N,) predictions for other rows.
        weight: λ.
        used: numbers that were fitted to the labelled rows.
    """

    y: Array
    f: Array
    u: Array
    weight: float
    used: int

    def interval(self, q: float, level: float, ends: Ends) -> Interval:
        """The value nearest to having a share q below it, and the ends of those that are not refused."""
        from scipy.optimize import isotonic_regression

        n, m, lam, few = len(self.y), len(self.u), self.weight, ends == "t"
        grid = np.unique(np.concatenate([self.y, self.f, self.u]) if lam else self.y)
        # shares are steps: from one value of the grid to the next they are what they are at the first
        steps = np.append(-np.inf, grid)
        below = _below(steps)
        y, f, both, u = below(self.y), below(self.f), below(np.maximum(self.y, self.f)), below(self.u)
        share = y + lam * (u - f)
        told = y * (1 - y)
        of_both = both - y * f
        if few:
            # no share falls; and the label's own variance is what it is where the hypothesis holds, as beyond
            # the first and last label there is none to estimate
            share = isotonic_regression(share).x
            of_both *= np.sqrt(q * (1 - q) / np.where(told > 0, told, np.inf))
            told = np.full(len(steps), q * (1 - q))
        labelled = told + lam**2 * f * (1 - f) - 2 * lam * of_both
        parts = np.stack([np.maximum(labelled, 0) / (n - self.used * few), lam**2 * u * (1 - u) / (m - few)])
        at = 1 + int(np.abs(share[1:] - q).argmin())
        reach = factor(level, parts[:, at], np.array([n - self.used, m - 1]), ends)
        near = np.flatnonzero(np.abs(share - q) <= reach * np.sqrt(parts.sum(axis=0)))
        low, high = (near[0], near[-1]) if len(near) else (at, at)
        return Interval(float(steps[at]), float(steps[low]), float(np.append(steps, np.inf)[high + 1]))


def _below(grid: Array) -> Callable[[Array], Array]:
    """Shares of values at or below each point of a grid."""

    def shares(values: Array) -> Array:
        return np.searchsorted(np.sort(values), grid, side="right") / len(values)

    return shares


def _around(estimate: float, reach: float) -> Interval:
    return Interval(float(estimate), float(estimate - reach), float(estimate + reach))
