"""Additive moments that carry a root of the scatter, never the scatter itself.

A formed covariance loses half the digits: a replaced Gaussian at d=50, n=100 stops being positive definite
after some 45 generations in float64, while its root stays exact to machine precision for thousands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from genloss.samples import Array
from genloss.statistics.triangular import cholesky, triangular_root
from genloss.streams import Rng


@dataclass(frozen=True, eq=False)
class Frame:
    """A model's coordinates: 0 is its mean, and its covariance the identity.

    Args:
        source: the key of the moments that the model was fitted to; not these, each was drawn from others.
        mean: (R, d) the model's.
        base: (R, d, r) the root of the source; the model's is scale * base.
        scale: a number.
        log_det: (R,) of the model's covariance, where it is known to more than the root can hold.
    """

    source: object
    mean: Array
    base: Array
    scale: float
    log_det: Array | None

    @classmethod
    def of(cls, source: Moments, scale: float) -> Frame:
        """That of N(source.mean, scale^2 source.root source.root^T)."""
        root = source.root
        log_det = None
        if (source.drawn or source._multiple) and root.shape[1] == root.shape[2]:
            # drawn from what was drawn: after many generations beyond what a root in floats can hold
            log_det = source.log_det + 2 * root.shape[1] * np.log(scale)
        return cls(source.key, source.mean, root, scale, log_det)

    def same(self, other: Frame) -> Array:
        """(R,) whether both are of one model: agents that read one pool fit it alike."""
        if self.scale != other.scale or self.base.shape != other.base.shape:
            return np.zeros(len(self.mean), bool)
        mean: Array = (self.mean == other.mean).all(axis=1)
        base: Array = (self.base == other.base).all(axis=(1, 2))
        return mean & base

    def place(self, inside: Moments) -> Moments:
        """Moments that are given in these coordinates."""
        mean = np.matvec(self.base, inside.mean)
        mean *= self.scale
        mean += self.mean
        if not np.isfinite(mean.sum()):  # of infinite numbers and zeros
            mean[np.isnan(mean)] = np.inf
        log_det = None
        if self.log_det is not None and inside.root.shape[1] == inside.root.shape[2]:
            log_det = self.log_det + inside.log_det
        return Moments(inside.n, mean, None, (self, inside), log_det)


class Moments:
    """Weight, mean and a root of the scatter about the mean.

    What exceeds the range of floats is infinite, what falls below it zero, and never NaN; the logarithm of
    the determinant is carried from draw to draw, and stays right.

    Args:
        n: total weight, a number or (R,).
        mean: (R, d).
        root: (R, d, r) with scatter = root @ root^T; lower triangular wherever r = d. None where they were
            drawn: the product is formed when it is first asked for, which accumulation never does.
        drawn: the coordinates of the model that they were drawn from, and the moments in these; None where
            they were not drawn.
        log_det: (R,) where it is known to more than the root can hold.
    """

    def __init__(
        self,
        n: Any,
        mean: Array,
        root: Array | None,
        drawn: tuple[Frame, Moments] | None = None,
        log_det: Array | None = None,
    ) -> None:
        self.n, self.mean, self._root, self.drawn, self._log_det = n, mean, root, drawn, log_det
        self.key = object()
        self._multiple: tuple[Moments, Any] | None = None  # what the root is a multiple of
        self._trace: Array | None = None

    @property
    def root(self) -> Array:
        """(R, d, r) root of the scatter."""
        if self._root is None and self._multiple is not None:
            of, factor = self._multiple
            self._root = of.root * np.reshape(factor, (-1, 1, 1))
        elif self._root is None:
            assert self.drawn is not None
            frame, inside = self.drawn
            self._root = frame.base @ inside.root
            self._root *= frame.scale
        return self._root

    @classmethod
    def stack(cls, parts: Sequence[Moments]) -> Moments:
        """Those of several blocks of replicates, of the same number of rows."""
        mean, root = (np.concatenate(some) for some in zip(*((p.mean, p.root) for p in parts), strict=True))
        return cls(parts[0].n, mean, root)

    def __getitem__(self, replicates: slice) -> Moments:
        """Those of some replicates."""
        n = self.n if np.ndim(self.n) == 0 else self.n[replicates]
        return Moments(n, self.mean[replicates], self.root[replicates])

    def __mul__(self, weight: Any) -> Moments:
        """Each row weighing ``weight``, a number or (R,), times as much."""
        return self.scaled(np.sqrt(weight), self.n * weight)

    def scaled(self, factor: Any, n: Any) -> Moments:
        """With the root multiplied by a number or (R,), when it is asked for, and another total weight."""
        scaled = Moments(n, self.mean, None)
        scaled._multiple = self, factor
        return scaled

    def __add__(self, other: Moments) -> Moments:
        """The moments of the union."""
        if self.drawn is None or other.drawn is None:
            return self._joined(other)
        same = self.drawn[0].same(other.drawn[0])
        if not same.any():
            return self._joined(other)
        # far into collapse the means of both are one float, and in a root's wide directions its narrow
        # ones are lost: not so in the coordinates of their model
        inside = self.drawn[0].place(self.drawn[1] + other.drawn[1])
        if same.all():
            return inside
        # models of two ways of adding up, which round alike in some replicates: each decides for itself
        apart = self._joined(other)
        if apart.root.shape != inside.root.shape:
            return apart
        mean = np.where(same[:, None], inside.mean, apart.mean)
        return Moments(apart.n, mean, np.where(same[:, None, None], inside.root, apart.root))

    def _joined(self, other: Moments) -> Moments:
        """The moments of the union of what was not drawn from one model."""
        n = self.n + other.n
        # where both weigh nothing, so does the union
        part = np.asarray(other.n / (n + (n == 0)))[..., None]
        gap = other.mean - self.mean
        mean = self.mean + part * gap
        if other.drawn is not None and other.drawn[0].source is self.key:
            # Other was drawn from the model fitted to self: in the coordinates of self.root the sum is the
            # identity plus a Wishart and a rank-one term, well-conditioned however far self has collapsed.
            frame, inside = other.drawn
            across = np.sqrt(other.n * (1 - part)) * inside.mean
            half = np.concatenate([inside.root, across[..., None]], axis=2)
            half *= frame.scale
            inner = half @ half.mT
            inner.reshape(len(inner), -1)[:, :: inner.shape[1] + 1] += 1
            return Moments(n, mean, self.root @ np.linalg.cholesky(inner))
        across = gap * np.sqrt(np.asarray(self.n)[..., None] * part)
        root = triangular_root(np.concatenate([self.root, other.root, across[..., None]], axis=2))
        return Moments(n, mean, root)

    @property
    def log_det(self) -> Array:
        """(R,) log determinant of the scatter; minus infinity where it has collapsed to a lower dimension."""
        if self._log_det is None and self._multiple is not None:
            of, factor = self._multiple
            self._log_det = of.log_det + 2 * self.mean.shape[1] * np.log(factor)
        elif self._log_det is None:
            d, r = self.root.shape[1:]
            self._log_det = np.full(len(self.root), -np.inf) if r < d else _log_det(self.root)
        return self._log_det

    @property
    def trace(self) -> Array:
        """(R,) trace of the scatter; infinite beyond the range of floats."""
        if self._trace is None and self._multiple is not None:
            of, factor = self._multiple
            self._trace = np.asarray(of.trace * factor**2)
        elif self._trace is None:
            flat = self.root.reshape(len(self.root), -1)
            self._trace = np.vecdot(flat, flat)
            self._trace[np.isnan(self._trace)] = np.inf  # infinite numbers of the root times zeros of another
        return self._trace


def _log_det(root: Array) -> Array:
    """(R,) twice the logarithm of the product of the diagonal."""
    with np.errstate(divide="ignore"):
        log = np.log(np.abs(np.diagonal(root, axis1=1, axis2=2)))
    return np.asarray(2 * log.sum(axis=1))


def moments(rows: Array, weights: Array | None = None) -> Moments:
    """The additive statistic: moments of (R, n, *event) rows, each event read as one vector.

    >>> m = moments(np.array([[[0.0, 0.0], [2.0, 0.0], [1.0, 3.0]]]))
    >>> m.mean, m.root @ m.root.mT
    (array([[1., 1.]]), array([[[2., 0.], [0., 6.]]]))
    """
    x = rows.reshape(*rows.shape[:2], -1).astype(float, copy=False)
    w = np.ones((1, x.shape[1])) if weights is None else np.broadcast_to(weights, x.shape[:2])
    n = w.sum(axis=1)
    share = w / (n + (n == 0))[:, None]
    # from the first row: far from the origin a mean is rounded, and of rows that are all alike too
    centred = x - x[:, :1]
    mean = np.vecmat(share, centred)
    centred -= mean[:, None]
    mean += x[:, 0]
    if weights is not None:
        centred *= np.sqrt(w)[..., None]
    if x.shape[1] <= x.shape[2]:
        # n centred rows span n - 1 dimensions. The reflection that turns u = sqrt(w / sum w), to which they
        # are orthogonal, into the first axis leaves n - 1 rows of the same scatter, and no rounding in its
        # place.
        u = np.sqrt(share)
        centred = centred[:, 1:] - (u[:, 1:] / (1 + u[:, :1]))[..., None] * centred[:, :1]
    return Moments(float(x.shape[1]) if weights is None else n, mean, triangular_root(centred.mT))


def draw_moments(source: Moments, scale: float, n: int, rng: Rng) -> Moments:
    """The moments of n rows of N(source.mean, scale^2 source.root source.root^T), from their exact law.

    The scatter is Wishart: with A lower triangular, A_jj^2 ~ chi2(n - j) for j = 1..r and standard normals
    below, root @ A is a root of it. With n - 1 < r, A is trapezoidal and the scatter has rank n - 1.

    References:
        Bartlett, On the theory of statistical regression (1933).
    """
    replicates, _, r = source.root.shape
    bartlett, z, squared = _draw_bartlett(replicates, r, n, rng)
    frame, log_det = Frame.of(source, scale), None
    if frame.log_det is not None:
        # by replicate: in one product of all, how they are added up would depend on how many there are
        log_det = np.vecdot(np.log(squared), np.ones(squared.shape[1]))
    return frame.place(Moments(float(n), z * n**-0.5, bartlett, log_det=log_det))


def place_moments(source: Moments, scale: float, z: Array) -> Moments:
    """The moments of the rows source.mean + scale * source.root @ z, found in the coordinates of z (R, n, r).

    Rows in float64 keep nothing below 1e-16 of their largest coordinate: moments taken from them would stop
    shrinking there, while the scatter of z is well-conditioned however far the root has collapsed.
    """
    return Frame.of(source, scale).place(_of_normals(z))


def _of_normals(z: Array) -> Moments:
    """The moments of (R, n, r) standard normals.

    Their mean is small beside their spread, so that it can be taken off the sums of squares: rows need not be
    centred, unless they are so few that this shows.
    """
    n, r = z.shape[1:]
    if n > r:
        mean = np.vecmat(np.full(n, 1 / n), z)
        gram = z.mT @ z
        squared = np.diagonal(gram, axis1=1, axis2=2).copy()
        gram -= (n * mean)[..., None] * mean[:, None]
        root, fine = cholesky(gram, squared)
        if not fine.all():
            centred = moments(z[~fine])
            mean[~fine], root[~fine] = centred.mean, centred.root
        return Moments(float(n), mean, root)
    return moments(z)


def draw_bartlett(replicates: int, d: int, n: int, rng: Rng) -> tuple[Array, Array]:
    """A root (R, d, min(d, n - 1)) of the scatter of n standard normal rows, and (R, d) normals besides."""
    return _draw_bartlett(replicates, d, n, rng)[:2]


def _draw_bartlett(replicates: int, d: int, n: int, rng: Rng) -> tuple[Array, Array, Array]:
    """The same, and (R, min(d, n - 1)) the squares of the root's diagonal."""
    k = min(d, n - 1)
    low, degrees = _bartlett_places(d, k)
    normals = rng.standard_normal((replicates, d + len(low)))
    bartlett = np.zeros((replicates, d * k))
    bartlett[:, low] = normals[:, d:]
    # chi2(f) is twice a standard gamma of shape f / 2
    squared = 2 * rng.standard_gamma((n - degrees) / 2, size=(replicates, k))
    bartlett[:, :: k + 1][:, :k] = np.sqrt(squared)
    return bartlett.reshape(replicates, d, k), normals[:, :d], squared


@lru_cache
def _bartlett_places(d: int, k: int) -> tuple[Array, Array]:
    """Flat places below the diagonal of a (d, k) matrix, and 1..k."""
    i, j = np.tril_indices(d, -1, k)
    return i * k + j, np.arange(1, k + 1)
