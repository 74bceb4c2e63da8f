"""Training rows as generators read them: their weights, rows drawn again by weight, cells for trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genloss.errors import FitError
from genloss.samples import Array, Samples, check_weight
from genloss.streams import Rng
from genloss.tables import Column, Schema


def weights_of(train: Samples, what: str) -> Array | None:
    """(R, N) weights of the training rows, or None where all are alike.

    Args:
        train: the training set.
        what: is fitted to it, to begin an error with.

    Raises:
        FitError: if there are no rows, or none of positive weight in some replicate.
    """
    if train.n == 0:
        raise FitError(f"{what} needs at least one training row (got 0)")
    weights = train.row_weights
    if weights is None:
        return None
    weights = np.broadcast_to(weights, (train.replicates, train.n))
    check_weight(weights.sum(axis=1))
    return weights


def places(weights: Array | None, rows: int, shape: tuple[int, ...], rng: Rng) -> Array:
    """(R, ...) places of rows drawn with replacement, each replicate's by its own weights.

    Args:
        weights: (R, N) or (N,) of the rows, or None where all are alike.
        rows: N.
        shape: (R, ...) of what is drawn.
        rng: the stream.
    """
    if weights is None:
        return rng.integers(rows, size=shape)
    below = np.cumsum(np.broadcast_to(weights, (shape[0], rows)), axis=1)
    u = rng.random(shape)
    return np.stack([np.searchsorted(b, v * b[-1], "right") for b, v in zip(below, u, strict=True)])


@dataclass(frozen=True, eq=False)
class Groups:
    """Training rows in groups, as the leaves of a tree are.

    Args:
        rows: (M,) places of the rows, group after group.
        ends: (groups + 1,) where each group begins among them.
        below: (M + 1,) weight of the rows before each.
    """

    rows: Array
    ends: Array
    below: Array

    @classmethod
    def of(cls, group: Array, rows: Array, weights: Array) -> Groups:
        """The groups (M,), numbers from 0, of rows (M,) with weights (M,)."""
        by = np.argsort(group, kind="stable")
        ends = np.searchsorted(group[by], np.arange(group.max() + 2))
        return cls(rows[by], ends, np.concatenate([[0.0], np.cumsum(weights[by])]))

    def draw(self, group: Array, u: Array) -> Array:
        """Places of rows, one by its weight from each group, at u from 0 to 1."""
        first, last = self.ends[group], self.ends[group + 1]
        low, high = self.below[first], self.below[last]
        at = np.searchsorted(self.below[1:], low + u * (high - low), "right")
        # a sum that is rounded must not lead to a neighbouring group
        return np.asarray(self.rows[np.clip(at, first, last - 1)])


def ranks(x: Array) -> Array:
    """(N,) places of numbers among those that occur, NaN where missing."""
    there = ~np.isnan(x)
    found = np.full(len(x), np.nan)
    found[there] = np.unique(x[there], return_inverse=True)[1]
    return found


def codes_of(cells: Array, columns: Sequence[Column]) -> Array:
    """(N, D) cells as trees read them: ranks of numbers, codes of categories, NaN where missing.

    In single precision, as scikit-learn's trees have it, which holds ranks up to 2^24, but not every number.
    """
    found = [c if column.codes else ranks(c) for c, column in zip(cells.T, columns, strict=True)]
    return np.stack(found, axis=1).astype(np.float32)


def columns_of(train: Samples) -> tuple[Column, ...]:
    """What the columns of the training rows are; numbers where there is no table."""
    if isinstance(train.schema, Schema):
        return train.schema.columns
    return (Column("", "numeric"),) * int(np.prod(train.event))


def spread(cells: Array, weights: Array) -> Array:
    """(D,) standard deviations of cells (N, D) by weights (N,), of those that are there; 0 of none."""
    share = ~np.isnan(cells) * weights[:, None]
    share /= np.maximum(share.sum(axis=0), 1e-300)
    cells = np.nan_to_num(cells)
    return np.asarray(np.sqrt((share * (cells - (share * cells).sum(axis=0)) ** 2).sum(axis=0)))
