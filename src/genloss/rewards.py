"""Rewards: what the users of :class:`genloss.curators.Choose` prefer."""

from __future__ import annotations

import numpy as np

from genloss.answers import coordinate, described
from genloss.components import Finite, NonNegative, Size, component
from genloss.errors import FitError
from genloss.samples import Array

__all__ = ["Along", "Near", "PerSymbol"]


@component
class Along:
    """Reward grows linearly along one coordinate; a row in which it is missing loses to every other.

    Args:
        axis: which coordinate.
        scale: reward of one unit; negative to prefer small values.
    """

    axis: Size = 0
    scale: Finite = 1.0

    def __call__(self, rows: Array) -> Array:
        """(R, n) rewards."""
        return _known(self.scale * coordinate(rows, self.axis, self))


@component
class Near:
    """Reward falls with the squared distance from a point; a row with a missing cell loses to every other.

    Args:
        point: where reward is greatest, one number a coordinate.
        scale: minus the reward of one unit of squared distance.
    """

    point: tuple[Finite, ...]
    scale: NonNegative = 1.0

    def __call__(self, rows: Array) -> Array:
        """(R, n) rewards."""
        if rows.shape[2:] != (len(self.point),):
            raise FitError(
                f"{self!r}: the point has {len(self.point)} coordinates, and rows {described(rows)}; "
                f"give one number a coordinate"
            )
        return _known(-self.scale * ((rows - np.asarray(self.point)) ** 2).sum(axis=-1))


@component
class PerSymbol:
    """A reward for each symbol.

    Args:
        values: one reward a symbol.
    """

    values: tuple[float, ...]

    def __call__(self, rows: Array) -> Array:
        """(R, n) rewards of (R, n) symbols."""
        if rows.ndim != 2 or rows.dtype.kind not in "iu":
            raise FitError(f"{self!r}: rewards symbols, and rows {described(rows)}; use Along or Near")
        if rows.max(initial=0) >= len(self.values):
            raise FitError(f"{self!r}: has no reward for symbol {rows.max()}; give one value for each symbol")
        return np.asarray(self.values)[rows]


def _known(rewards: Array) -> Array:
    """Rewards with those of missing cells, NaN, below all others: nobody prefers what cannot be seen."""
    return np.where(np.isnan(rewards), -np.inf, rewards)
