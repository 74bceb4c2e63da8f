"""How much predictions count for beside labels, and how far off the sum of both may be.

Whatever is estimated, to first order it is a mean of n numbers, one for each labelled row: of `told` from its
label. Predictions give `guessed` for the same rows and `more` for N others, and

    mean(told) + λ (mean(more) - mean(guessed))

has the same expectation for every λ, since both rows are drawn from one population.

References:
    Angelopoulos, Duchi and Zrnic, PPI++: efficient prediction-powered inference (2023), arXiv:2311.01453,
    equations 5 to 7 and section 6.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np

from genloss.errors import DataError, shown
from genloss.samples import Array

Ends: TypeAlias = Literal["t", "normal"]
"""The law that ends of intervals are taken from: Student's t, degrees of freedom counted, or as published."""


def weight_of(told: Array, guessed: Array, more: Array) -> float:
    """The λ that makes the interval narrowest, Cov(told, guessed) / ((1 + n/N) Var(guessed)), within 0 and 1.

    Args:
        told: (n,) what labels say.
        guessed: (n,) what predictions say of the same rows.
        more: (N,) what predictions say of others.
    """
    spread = np.concatenate([guessed, more]).var(ddof=1)
    if not spread > 0:
        return 0.0
    shared = np.mean((told - told.mean()) * (guessed - guessed.mean()))
    return float(np.clip(shared / ((1 + len(told) / len(more)) * spread), 0, 1))


def margin(
    told: Array, guessed: Array, more: Array, weight: float, level: float, ends: Ends, used: int
) -> float:
    """Half the width of an interval.

    Args:
        told: (n,) what labels say.
        guessed: (n,) what predictions say of the same rows.
        more: (N,) what predictions say of others.
        weight: λ.
        level: share of intervals that are meant to hold the truth.
        ends: "t" divides by n less what was fitted, and takes Student's t at the degrees of freedom of Welch
            and Satterthwaite; "normal" divides by n, as published.
        used: numbers that were fitted to the labelled rows, λ among them.
    """
    n, m = len(told), len(more)
    few = ends == "t"
    parts = np.array([(told - weight * guessed).var() / (n - used * few), weight**2 * more.var() / (m - few)])
    return float(np.sqrt(parts.sum()) * factor(level, parts, np.array([n - used, m - 1]), ends))


def factor(level: float, parts: Array, freedom: Array, ends: Ends) -> float:
    """How many standard errors an interval reaches.

    Args:
        level: share of intervals that are meant to hold the truth.
        parts: (k,) variances that add up.
        freedom: (k,) degrees of freedom of each.
        ends: the law.
    """
    from scipy.special import ndtri, stdtrit

    if ends == "normal" or not parts.sum() > 0:
        return float(ndtri((1 + level) / 2))
    return float(stdtrit(parts.sum() ** 2 / (parts**2 / freedom).sum(), (1 + level) / 2))


def checked(level: float, weight: float | None, ends: str) -> None:
    """See to it that options make sense.

    Raises:
        DataError: if one does not.
    """
    for name, x, closed in (("level", level, False), ("lambda", weight, True)):
        if x is not None and not (0 < x < 1 or (closed and x in (0, 1))):
            raise DataError(
                f"{name} = {shown(x)}: give a number {'from 0 to' if closed else 'between 0 and'} 1"
            )
    if ends not in get_args(Ends):
        raise DataError(f"ends = {shown(ends)}: give 't' or 'normal'")
