"""The arguments that laws share: generations become an index, sizes, weights and tables are checked."""

from __future__ import annotations

import math
import operator
import reprlib
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

MOST = 2**53
"""The largest whole number that is taken: beyond it float64 leaves some out."""

STEPS = 10**7
"""The last generation of a law that is computed one after the other; a million take a second."""

SMALL, LARGE = 1e-100, 1e100
"""The positive numbers that are taken: their squares, times any t and n, stay within float64."""


def shown(value: object) -> str:
    """Return the value as short text on one line."""
    try:
        return " ".join(reprlib.repr(value).split())
    except ValueError:  # Python does not print whole numbers of more than 4,300 digits
        return "a number of thousands of digits"


def whole(name: str, value: int, least: int, most: int = MOST) -> int:
    """Return the value as an int, or say that it must be a whole number from `least` to `most`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise GenlossError(f"{name} = {shown(value)}: give a whole number, at least {least}") from None
    if not least <= number <= most:
        limit = f"at least {least}" if number < least else f"at most {most}"
        raise GenlossError(f"{name} = {shown(number)}: give {limit}")
    return number


def _number(value: object) -> float:
    """Return the value as a float, NaN where it is none: no interval holds it."""
    try:
        return math.nan if isinstance(value, str | bytes) or np.ndim(value) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan


def between(name: str, value: float, low: float, high: float, *, closed: str = "both") -> float:
    """Return the value as a float, or say within which interval it must lie.

    Args:
        name: What the user calls it.
        value: The number.
        low: Lower end.
        high: Upper end.
        closed: Which ends belong to the interval: "both", "low" or "high".
    """
    number = _number(value)
    above = number > low if closed == "high" else number >= low
    below = number < high if closed == "low" else number <= high
    if not (above and below):
        left, right = "(" if closed == "high" else "[", ")" if closed == "low" else "]"
        raise GenlossError(f"{name} = {shown(value)}: give a number in {left}{low:g}, {high:g}{right}")
    return number


def positive(name: str, value: float) -> float:
    """Return the value as a float, or say that it must be above 0 and of a size that can be squared."""
    return between(name, value, SMALL, LARGE)


def degrees(n: int, ddof: float) -> float:
    """Return ddof as a float, or say that n - ddof, the divisor of a covariance, is not positive."""
    number = _number(ddof)
    if not -MOST <= number < n:
        raise GenlossError(f"ddof = {shown(ddof)} with {n} rows: give fewer than the rows, usually 0 or 1")
    return number


def generations(t: Generations, least: int = 1) -> NDArray[np.int64]:
    """Return t as an array of ints, or say that generations are whole numbers counted from `least`."""
    try:
        values = np.asarray(t)
    except ValueError:  # rows of unequal length
        values = np.empty(0)
    if values.dtype.kind not in "iu" or values.size == 0:
        raise GenlossError(
            f"t = {shown(t)}: give a generation, or an array of them, as whole numbers from {least}"
        )
    if values.min() < least:
        from_1 = "generations count from 1, the model fitted to real data; give at least 1"
        raise GenlossError(f"t = {values.min()}: {from_1 if least else 'give a number that is not negative'}")
    if values.max() > MOST:
        raise GenlossError(f"t = {values.max()}: give at most {MOST}")
    return values.astype(np.int64)


def last_of(steps: NDArray[np.int64], most: int = STEPS) -> int:
    """Return the last of the generations, or say that there are too many to compute one after the other."""
    last = int(steps.max())
    if last > most:
        raise GenlossError(f"t = {last}: give at most {most}; this law is computed generation by generation")
    return last


def curve(values: ArrayLike) -> Curve:
    """Return a float where there is one value, otherwise the array."""
    array = np.asarray(values, dtype=np.float64)
    return float(array) if array.ndim == 0 else array


def pick(table: Floats, t: NDArray[np.int64]) -> Curve:
    """Return entries of a table whose first row is generation 1."""
    return curve(table[t - 1])


def numbers(name: str, value: ArrayLike, ndim: int, what: str) -> Floats:
    """Return finite numbers as an array with so many axes, none empty, or say `what` to give."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal length
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iuf":
        raise GenlossError(f"{name} = {shown(value)}: give {what}, as numbers")
    if array.ndim != ndim or array.size == 0:
        raise GenlossError(f"{name} of shape {array.shape}: give {what}")
    if not np.isfinite(array).all():
        raise GenlossError(f"{name} holds {array[~np.isfinite(array)][0]}: give {what}, all finite")
    return array.astype(np.float64)


def sizes_of(name: str, value: ArrayLike, least: float = 1) -> Floats:
    """Return numbers of rows, one a generation, or say that they must be whole and at least `least`."""
    rows = numbers(name, value, 1, "one number of rows a generation")
    if not ((rows >= least) & (rows <= MOST) & (rows == np.floor(rows))).all():
        raise GenlossError(f"{name} = {shown(value)}: give whole numbers of rows from {least:g} to {MOST}")
    return rows


def probabilities(name: str, p: ArrayLike) -> Floats:
    """Return p as an array that sums to 1, or say why it is no distribution."""
    values = numbers(name, p, 1, "one probability per symbol")
    if values.min() < 0 or not math.isclose(values.sum(), 1.0, abs_tol=1e-9):
        raise GenlossError(
            f"{name} has a least of {values.min():.6g} and sums to {values.sum():.6g}: give probabilities, "
            "none negative, that sum to 1"
        )
    return values


def purity(s0: float) -> float:
    """Return s0, or say that sum p^2 lies between 0 and 1."""
    number = _number(s0)
    if not 0 <= number <= 1:
        raise GenlossError(f"s0 = {shown(s0)}: give sum p^2 of the real distribution, between 0 and 1")
    return number
