"""Rows given their statistics: what is left to draw when moments, normal equations or counts are known."""

from __future__ import annotations

import numpy as np

from genloss.samples import Array
from genloss.statistics.moments import Moments, draw_bartlett
from genloss.streams import Rng


def frame(replicates: int, n: int, k: int, rng: Rng, centred: bool = False) -> Array:
    """(R, n, k) orthonormal columns, uniform among all such; of sum zero where they are centred.

    Normal columns have no preferred direction, so their orthonormal basis is uniform (Haar).

    Args:
        replicates: R.
        n: rows, at least k, and at least k + 1 where centred.
        k: columns.
        rng: the stream.
        centred: whether each column's sum is zero.

    References:
        Muirhead, Aspects of multivariate statistical theory (1982), theorem 3.2.5 and chapter 2.
    """
    z = rng.standard_normal((replicates, n, k))
    if centred:
        z -= z.mean(axis=1, keepdims=True)
    basis, triangle = np.linalg.qr(z)
    return np.asarray(basis * np.sign(np.diagonal(triangle, axis1=1, axis2=2))[:, None, :])


def rows_with(m: Moments, rng: Rng) -> Array:
    """(R, n, d) normal rows given their mean and scatter.

    The mean and the scatter of normal rows are sufficient: whatever the law's own mean and covariance, the
    rows are mean + Q root^T with Q uniform among centred orthonormal columns.

    Args:
        m: moments of n rows, n their weight.
        rng: the stream.
    """
    replicates, _, k = m.root.shape
    n = int(m.n)
    if k == 0:
        return np.repeat(m.mean[:, None], n, axis=1)
    rows = frame(replicates, n, k, rng, centred=True) @ m.root.mT
    rows += m.mean[:, None]
    return np.asarray(rows)


def draw_line(replicates: int, p: int, n: int, rng: Rng) -> tuple[Array, Array]:
    """Standard normal inputs (R, n, p) and noise (R, n), from the draws of ``draw_gram`` with fresh inputs
    and on.

    X = Q root^T and e = Q z + s q, with [Q, q] uniform orthonormal columns: X'X = root root^T, X'e = root z
    and e'e = |z|^2 + s^2, which are the draws.
    """
    root, z = draw_bartlett(replicates, p, n + 1, rng)
    k = root.shape[2]
    beyond = np.sqrt(2 * rng.standard_gamma((n - k) / 2, size=replicates))
    basis = frame(replicates, n, min(k + 1, n), rng)
    noise = np.matvec(basis[:, :, :k], z[:, :k])
    if n > k:
        noise += beyond[:, None] * basis[:, :, k]
    return basis[:, :, :k] @ root.mT, noise


def symbols_with(counts: Array, rng: Rng) -> Array:
    """(R, n) symbols in random order given how often each occurs, (R, K) with equal sums."""
    replicates, kinds = counts.shape
    ordered = np.repeat(np.tile(np.arange(kinds), replicates), counts.ravel()).reshape(replicates, -1)
    return rng.permuted(ordered, axis=1)
