"""Powers, sums and differences that keep their digits, at 10^15 rows and after 10^6 generations alike.

A ratio to the power t is carried as its logarithm, 1 - 1/n by log1p, 1 - ratio^t by expm1; a difference of
nearly equal functions by its asymptotic series. Where a value leaves float64 it is 0.0 or inf, without a
warning, and its logarithm is still there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genloss.theory._arguments import Curve, Floats, curve

SERIES = 16.0
"""From where on the asymptotic series below are exact to the last digit."""


def log_kept(rows: float | Floats, ddof: float) -> Floats:
    """Return log((n-1)/(n-ddof)), what a fit to n rows does to the variance; -inf for one row."""
    kept = np.divide(rows - 1, rows - ddof)
    with np.errstate(divide="ignore"):
        return np.where(kept < 0.5, np.log(kept), np.log1p((ddof - 1) / (rows - ddof)))


def log_c4(n: int) -> float:
    """Return log(sqrt(2/(n-1)) Gamma(n/2) / Gamma((n-1)/2)): what a fit does to the standard deviation."""
    x = (n - 1) / 2
    if x < SERIES:
        return math.log(math.gamma(x + 0.5) / (math.gamma(x) * math.sqrt(x)))
    y = x**-2
    return -(1 / 8 - y * (1 / 192 - y * (1 / 640 - y * (17 / 14336 - y * 31 / 18432)))) / x


def digamma_less_log(x: Floats) -> Floats:
    """Return digamma(x) - log(x)."""
    from scipy.special import digamma

    y = x**-2.0
    series = -0.5 / x - y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return np.where(x < SERIES, digamma(x) - np.log(x), series)


def power(log_value: NDArray[np.floating[Any]], log: bool = False) -> Curve:
    """Return exp of the values, or the values themselves if the logarithm is wanted."""
    with np.errstate(over="ignore"):
        return curve(log_value + 0.0 if log else np.exp(log_value))  # + 0.0 makes 0.0 of -0.0


def geometric_sum(log_ratio: float, terms: NDArray[np.int64], log: bool = False) -> Floats:
    """Return 1 + r + ... + r^(terms-1), or its logarithm, for a ratio r given by its logarithm."""
    if log_ratio == 0:
        total = terms.astype(np.float64)
    else:  # the larger end of the sum is 1, or comes in front; exp(-1e4) is 0
        decay = min(abs(log_ratio), 1e4)
        total = np.abs(np.expm1(-terms * decay) / math.expm1(-decay))  # and no -0.0 where there is none
    front = (terms - 1) * max(log_ratio, 0.0)
    with np.errstate(over="ignore"):
        return np.asarray(front + np.log(total) if log else np.exp(front) * total, dtype=np.float64)


def scaled(values: Floats | float, factor: float, log: bool = False) -> Curve:
    """Return factor times the values; where these are logarithms, the logarithm of that."""
    with np.errstate(over="ignore"):
        return curve(np.add(values, math.log(factor)) if log else np.multiply(values, factor))


def unscaled(values: Floats, exponents: NDArray[np.int64], log: bool) -> Floats:
    """Return values times 2^exponents, or the logarithm."""
    with np.errstate(over="ignore", divide="ignore"):
        return np.log(values) + exponents * math.log(2) if log else np.ldexp(values, exponents)
