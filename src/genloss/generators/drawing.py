"""Training rows by their weight: what a fit may count on, places of rows drawn again, and their spread."""

from __future__ import annotations

import numpy as np

from genloss.errors import FitError
from genloss.samples import Array, Samples, check_weight
from genloss.streams import Rng


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
        weights: (R, N) of the rows, or None where all are alike.
        rows: N.
        shape: (R, ...) of what is drawn.
        rng: the stream.
    """
    if weights is None:
        return rng.integers(rows, size=shape)
    below = np.cumsum(weights, axis=1)
    u = rng.random(shape)
    return np.stack([np.searchsorted(b, v * b[-1], "right") for b, v in zip(below, u, strict=True)])


def spread(cells: Array, weights: Array) -> Array:
    """(D,) standard deviations of cells (N, D) by weights (N,), of those that are there; 0 of none."""
    share = ~np.isnan(cells) * weights[:, None]
    share /= np.maximum(share.sum(axis=0), 1e-300)
    cells = np.nan_to_num(cells)
    return np.asarray(np.sqrt((share * (cells - (share * cells).sum(axis=0)) ** 2).sum(axis=0)))
