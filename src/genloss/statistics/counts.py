"""Counts of symbols: the additive statistic of discrete rows, drawn and thinned from its exact law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.errors import FitError
from genloss.samples import Array
from genloss.streams import Rng

# the largest urn that NumPy's hypergeometric draws are exact for
_LARGEST_URN = 10**9


@dataclass(frozen=True)
class Counts:
    """How often each of ``symbols`` symbols occurs: (R, K) whole numbers, or sums of weights.

    >>> Counts(3)(np.array([[0, 2, 2], [1, 1, 1]]))
    array([[1, 0, 2],
           [0, 3, 0]])
    """

    symbols: int

    @property
    def numbers(self) -> int:
        """Numbers a replicate."""
        return self.symbols

    def __call__(self, rows: Array, weights: Array | None = None) -> Array:
        """Count (R, n) symbols."""
        r, k = len(rows), self.symbols
        flat = (rows.astype(np.int64) + k * np.arange(r)[:, None]).ravel()
        w = None if weights is None else np.broadcast_to(weights, rows.shape).ravel()
        return np.bincount(flat, w, minlength=r * k).reshape(r, k)

    def subsample(self, parts: Sequence[Any], k: int, rng: Rng) -> tuple[Array, list[Array]]:
        """k of the counted rows without replacement, from (R, K) counts of several parts of them.

        Returns:
            Their (R, K) counts, and for each part (R,) how many come from it.

        Raises:
            FitError: if an urn holds 10^9 rows or more, beyond which the draw would not be exact.
        """
        urns = np.concatenate(parts, axis=1)
        if urns[0].sum() >= _LARGEST_URN:
            raise FitError(
                f"{urns[0].sum():,} pooled rows cannot be subsampled exactly; "
                f"keep fewer than {_LARGEST_URN:,}"
            )
        drawn = np.stack(
            [
                own.multivariate_hypergeometric(urn, k, method="marginals")
                for own, urn in zip(rng.spawn(len(urns)), urns, strict=True)
            ]
        )
        of = drawn.reshape(len(urns), len(parts), self.symbols)
        return of.sum(axis=1), list(of.sum(axis=2).T)


def sample_symbols(probabilities: Array, n: int, rng: Rng) -> Array:
    """(R, n) symbols drawn independently from (R, K) probabilities, by inverting the distribution."""
    r = len(probabilities)
    cdf = np.cumsum(probabilities, axis=1)
    cdf /= cdf[:, -1:]
    # one search for all replicates: shift the r-th distribution by r
    place = np.searchsorted(
        (cdf + np.arange(r)[:, None]).ravel(), rng.random((r, n)) + np.arange(r)[:, None], "right"
    )
    symbols = place - probabilities.shape[1] * np.arange(r)[:, None]
    # the shift rounds: a draw next to the top must fall on the last symbol that is possible
    last = probabilities.shape[1] - 1 - (probabilities[:, ::-1] > 0).argmax(axis=1)
    return np.asarray(np.minimum(symbols, last[:, None]))
