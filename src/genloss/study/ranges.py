"""Ranges of numbers as a text: ``{vary = "10..1000 log 5"}``."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from genloss.errors import SpecError, bounded

MOST = 10_000
"""Values of a range, and cells of a study; more take longer to build and to label than anyone waits."""
_DIGITS = 6
"""Significant digits of values that are computed, so that tables and legends can show them."""

_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d{1,2})?"
_RANGE = re.compile(
    rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})(?:\s+(log|linear|step)\s+({_NUMBER}))?\s*",
    re.ASCII | re.IGNORECASE,
)
GRAMMAR = '"1..5", "0..1 step 0.25", "0.1..0.9 linear 5" or "10..1000 log 5"'
"""The forms of a range, as an error says them."""


def is_range(text: str) -> bool:
    """Whether a text has the form of a range.

    >>> is_range("10..1000 log 5"), is_range("Replace")
    (True, False)
    """
    return _RANGE.fullmatch(text) is not None


def ranged(text: str, whole: bool) -> list[int] | list[float]:
    """The values of a range, in order, each once.

    ``FIRST..LAST`` has every whole number from the first to the last; ``step S`` goes on by S and stops where
    it would pass the last; ``linear K`` has K values at equal distances, and ``log K`` at equal ratios, both
    ends among them.

    Args:
        text: the range.
        whole: whether they are whole numbers: what is computed is rounded, and values that are then equal
            stand once. Other numbers are rounded to six significant digits.

    Raises:
        SpecError: if it is no range, or has no values, or too many.

    >>> ranged("10..1000 log 5", whole=True)
    [10, 32, 100, 316, 1000]
    >>> ranged("0..1 step 0.25", whole=False)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        raise SpecError(f"'{bounded(text)}' is no range; write {GRAMMAR}")
    first, last = Decimal(found[1]), Decimal(found[2])
    how, by = (found[3] or "").lower(), Decimal(found[4] or 1)
    said = f"'{bounded(text)}'"
    if not -math.inf < float(first) < float(last) < math.inf:
        raise SpecError(f"{said}: the first number must be less than the last")
    if whole and not (_is_whole(first) and _is_whole(last)):
        raise SpecError(f"{said}: the field takes whole numbers; begin and end with such")
    if not how and not (_is_whole(first) and _is_whole(last)):
        raise SpecError(f"{said}: say how it goes from one end to the other; write {GRAMMAR}")
    count = _count(first, last, how, by, whole, said)
    if count > MOST:
        raise SpecError(f"{said}: has more than {MOST:,} values")
    if how == "log":
        ratio = (math.log(last) - math.log(first)) / max(count - 1, 1)
        values = [float(first) * math.exp(ratio * i) for i in range(count)]
    else:
        gap = by if how != "linear" else (last - first) / (count - 1)
        values = [float(first + gap * i) for i in range(count)]
    if how in ("log", "linear"):
        values[-1] = float(last)
    if whole or not how:
        return list(dict.fromkeys(map(round, values)))
    if how == "step":  # decimal arithmetic is exact
        return values
    return [values[0], *(float(f"{v:.{_DIGITS}g}") for v in values[1:-1]), values[-1]]


def _count(first: Decimal, last: Decimal, how: str, by: Decimal, whole: bool, said: str) -> int:
    if how in ("log", "linear"):
        if how == "log" and float(first) <= 0:
            raise SpecError(f"{said}: equal ratios need ends above 0")
        if not _is_whole(by) or by < 2:
            raise SpecError(f"{said}: {how} is followed by how many values there are, 2 or more")
        return int(by)
    if by <= 0:
        raise SpecError(f"{said}: a step must be above 0")
    if whole and not _is_whole(by):
        raise SpecError(f"{said}: the field takes whole numbers; go on by such")
    return int((last - first) / by) + 1


def _is_whole(number: Decimal) -> bool:
    return number == number.to_integral_value()
