"""What rewards and verifiers, ours and a user's, are asked and answer: numbers and verdicts, one a row."""

from __future__ import annotations

from typing import Any

import numpy as np

from genloss.errors import FitError
from genloss.samples import Array


def coordinate(rows: Array, axis: int, part: object) -> Array:
    """(R, n) one coordinate of (R, n, d) rows.

    Raises:
        FitError: naming the part that asks, if rows do not have it.
    """
    if rows.ndim != 3 or axis >= rows.shape[2]:
        raise FitError(f"{part!r}: rows {described(rows)}, so that there is no axis {axis}; choose another")
    column: Array = rows[..., axis]
    return column


def described(rows: Array) -> str:
    """What (R, n, *event) rows are, in an error."""
    return "are symbols" if rows.ndim == 2 else f"have the shape {rows.shape[2:]}"


def one_a_row(found: Any, rows: Array, part: object, what: str) -> Array:
    """(R, n) numbers that a reward or verifier gave for the rows.

    Raises:
        FitError: naming the part, if they are not one for each row, or not known (NaN).
    """
    answer: Array = np.asarray(found)
    if answer.shape != rows.shape[:2]:
        raise FitError(
            f"{part!r} returned shape {answer.shape} for rows {rows.shape}; "
            f"return one {what} a row, {rows.shape[:2]}"
        )
    unknown = answer != answer
    if np.any(unknown):
        r, i = np.argwhere(unknown)[0]
        raise FitError(
            f"{part!r} returned NaN for {np.sum(unknown)} of {answer.size} rows, the first {rows[r, i]}; "
            f"return one {what} for each row"
        )
    return answer


def yes_or_no(found: Any, rows: Array, part: object) -> Array:
    """(R, n) whether each row passes, as a verifier said.

    Raises:
        FitError: naming the verifier, if an answer is neither true nor false.
    """
    answer = one_a_row(found, rows, part, "answer")
    odd = (answer != 0) & (answer != 1)
    if np.any(odd):
        raise FitError(
            f"{part!r} returned {answer[odd][0]}, which is neither true nor false; "
            f"compare it with a threshold, and return booleans"
        )
    passed: Array = answer.astype(bool)
    return passed
