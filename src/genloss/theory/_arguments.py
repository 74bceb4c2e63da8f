"""The arguments that laws share: generations become an index, sizes and weights are checked."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genloss.errors import GenlossError

Floats: TypeAlias = NDArray[np.float64]
Generations: TypeAlias = int | Sequence[int] | NDArray[np.integer[Any]]
"""One generation or an array of them, counted from 1."""

Curve: TypeAlias = float | Floats
"""A float for one generation, an array of the same shape for an array of generations."""


def whole(name: str, value: int, least: int) -> int:
    """Return the value as an int, or say that it must be a whole number of at least `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise GenlossError(f"{name} = {value!r}: give a whole number, at least {least}") from None
    if number < least:
        raise GenlossError(f"{name} = {number}: give at least {least}")
    return number


def between(name: str, value: float, low: float, high: float, *, closed: str = "both") -> float:
    """Return the value as a float, or say within which interval it must lie.

    Args:
        name: What the user calls it.
        value: The number.
        low: Lower end.
        high: Upper end, possibly infinite.
        closed: Which ends belong to the interval: "both", "low", "high" or "neither".
    """
    number = float(value)
    above = number >= low if closed in ("both", "low") else number > low
    below = number <= high if closed in ("both", "high") else number < high
    if not (above and below):
        left = "[" if closed in ("both", "low") else "("
        right = "]" if closed in ("both", "high") else ")"
        raise GenlossError(f"{name} = {value!r}: give a number in {left}{low:g}, {high:g}{right}")
    return number


def positive(name: str, value: float) -> float:
    """Return the value as a float, or say that it must be finite and above 0."""
    return between(name, value, 0.0, math.inf, closed="neither")


def fit_divisor(n: int, ddof: float) -> float:
    """Return n - ddof, what the covariance of n rows is divided by, or say that it is not positive."""
    if not n > ddof:
        raise GenlossError(f"ddof = {ddof!r} with {n} rows: give fewer than the rows, usually 0 or 1")
    return n - ddof


def generations(t: Generations) -> NDArray[np.int64]:
    """Return t as an array of ints, or say that generations are whole numbers counted from 1."""
    values = np.asarray(t)
    if values.dtype.kind not in "iu" or values.size == 0:
        raise GenlossError(f"t = {t!r}: give a generation, or an array of them, as whole numbers from 1")
    if values.min() < 1:
        raise GenlossError(f"t = {values.min()}: generations count from 1, the model fitted to real data")
    return values.astype(np.int64)


def curve(values: ArrayLike) -> Curve:
    """Return a float where there is one value, otherwise the array."""
    array = np.asarray(values, dtype=np.float64)
    return float(array) if array.ndim == 0 else array


def pick(table: Floats, t: NDArray[np.int64]) -> Curve:
    """Return entries of a table whose first row is generation 1."""
    return curve(table[t - 1])


def probabilities(name: str, p: ArrayLike) -> Floats:
    """Return p as an array that sums to 1, or say why it is no distribution."""
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise GenlossError(f"{name} of shape {values.shape}: give one probability per symbol")
    if not (values >= 0).all() or not math.isclose(values.sum(), 1.0, abs_tol=1e-9):
        raise GenlossError(f"{name} sums to {values.sum():.6g}: give probabilities that sum to 1")
    return values
