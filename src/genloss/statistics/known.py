"""Laws whose entropy and divergences are known in closed form: normal vectors, and symbols."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr, rel_entr

from genloss.samples import Array
from genloss.statistics.moments import Moments
from genloss.statistics.triangular import forward


@dataclass(frozen=True, eq=False)
class Normal:
    """N(mean, root root^T) in R replicates, or in one that stands for all.

    Args:
        moments: its own, with n = 1: (R, d) mean and a (R, d, r) root of the covariance, lower triangular
            where r = d; with r < d it lies on a subspace.
    """

    moments: Moments

    def entropy(self) -> Array:
        """(R,) nats, (d log(2 pi e) + log det) / 2; minus infinity on a subspace."""
        d = self.moments.mean.shape[1]
        return np.asarray(0.5 * (d * (1 + np.log(2 * np.pi)) + self.moments.log_det))

    def kl(self, other: Normal) -> Array:
        """(R,) nats of this law from another one; infinite where either lies on a subspace.

        (|A|^2 + |a|^2 - d + log det S_other - log det S) / 2 with A = L_other^-1 L and a = L_other^-1 (gap of
        the means), L the roots. The logarithm of the determinant is right where the root has underflowed.
        """
        mine, base = self.moments, other.moments
        d = base.mean.shape[1]
        replicates = max(len(mine.mean), len(base.mean))
        if base.root.shape[2] < d:
            return np.full(replicates, np.inf)
        gap = (mine.mean - base.mean)[..., None]
        root = np.broadcast_to(mine.root, (replicates, *mine.root.shape[1:]))
        # far from a law that has nearly collapsed squares overflow, and the divergence does
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            both = forward(base.root, np.concatenate([root, gap], axis=2)).reshape(replicates, -1)
            nats = 0.5 * (np.vecdot(both, both) - d + base.log_det - mine.log_det)
        return np.asarray(np.where(np.isnan(nats), np.inf, nats))

    def wasserstein2(self, other: Normal) -> Array:
        """(R,) W2 distance from another one.

        Its square is |gap of the means|^2 + |L|^2 + |M|^2 - 2 sum of the singular values of M^T L, with L and
        M the roots (Dowson and Landau 1982; Givens and Shortt 1984).
        """
        mine, base = self.moments, other.moments
        gap = mine.mean - base.mean
        common = np.linalg.svd(base.root.mT @ mine.root, compute_uv=False)
        across = np.vecdot(common, np.ones(common.shape[1]))
        squared = np.vecdot(gap, gap) + mine.trace + base.trace - 2 * across
        return np.asarray(np.sqrt(np.maximum(squared, 0)))  # of equal laws a difference of rounding


@dataclass(frozen=True, eq=False)
class Symbols:
    """Probabilities of symbols, in R replicates or in one that stands for all.

    Args:
        probabilities: (R, K).
    """

    probabilities: Array

    def entropy(self) -> Array:
        """(R,) nats, - sum p log p."""
        return np.asarray(entr(self.probabilities).sum(axis=1))

    def kl(self, other: Symbols) -> Array:
        """(R,) nats of this law from another one, sum p log(p / q); infinite where a p has no q."""
        return np.asarray(rel_entr(self.probabilities, other.probabilities).sum(axis=1))
