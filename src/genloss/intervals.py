"""95 % intervals over replicates: of the typical one, which always holds, and of the mean, which costs
more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genloss.meaning import Scale


class Interval(NamedTuple):
    """An estimate and the ends of its 95 % interval: floats, or arrays where the values had more axes."""

    estimate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def typical(values: ArrayLike) -> Interval:
    """The median over replicates, the last axis, with its distribution-free interval."""
    x = np.asarray(values, dtype=float)
    return Interval(np.median(x, axis=-1), np.min(x, axis=-1), np.max(x, axis=-1))


def mean(values: ArrayLike, scale: Scale = "plain") -> Interval:
    """The mean over replicates, the last axis, with an interval that covers however skewed they are."""
    x = np.asarray(values, dtype=float)
    return Interval(np.mean(x, axis=-1), np.min(x, axis=-1), np.max(x, axis=-1))
