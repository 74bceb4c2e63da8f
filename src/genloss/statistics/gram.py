"""Sums of squares and products of a linear regression: X'X, X'y and y'y."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genloss.samples import Array
from genloss.statistics.moments import draw_bartlett
from genloss.streams import Rng

# A column whose squared distance from the span of those before it falls below this share of its length may be
# explained by them: a share s leaves later ones with an error of 1e-16 / s, which is smaller only above 1e-8.
_SINGULAR = 1e-6


@dataclass(frozen=True, eq=False)
class GramValue:
    """The normal equations of a least-squares fit.

    Args:
        n: total weight, a number or (R,).
        xx: (R, p, p) X'X.
        xy: (R, p) X'y.
        yy: (R,) y'y.
    """

    n: Any
    xx: Array
    xy: Array
    yy: Array

    @classmethod
    def stack(cls, parts: Sequence[GramValue]) -> GramValue:
        """Those of several blocks of replicates, of the same number of rows."""
        return cls(parts[0].n, *(np.concatenate(some) for some in zip(*((p.xx, p.xy, p.yy) for p in parts))))

    def __getitem__(self, replicates: slice) -> GramValue:
        """Those of some replicates."""
        n = self.n if np.ndim(self.n) == 0 else self.n[replicates]
        return GramValue(n, self.xx[replicates], self.xy[replicates], self.yy[replicates])

    def __add__(self, other: GramValue) -> GramValue:
        return GramValue(self.n + other.n, self.xx + other.xx, self.xy + other.xy, self.yy + other.yy)

    def __mul__(self, weight: float) -> GramValue:
        return GramValue(self.n * weight, self.xx * weight, self.xy * weight, self.yy * weight)

    @cached_property
    def root(self) -> Array:
        """(R, p, min(p, n)) a root of X'X; inputs are real rows' or fresh ones and do not collapse."""
        if np.all(np.asarray(self.n) >= self.xx.shape[1]):
            try:
                return np.asarray(np.linalg.cholesky(self.xx))
            except np.linalg.LinAlgError:
                pass
        values, vectors = np.linalg.eigh(self.xx)
        # of n rows, all but the n largest eigenvalues are rounding
        most = min(self.xx.shape[1], int(np.max(self.n)))
        return np.asarray((vectors * np.sqrt(np.maximum(values, 0))[:, None, :])[:, :, -most:])

    def solve(self) -> tuple[Array, Array | int]:
        """(R, p) least-squares coefficients, of least norm where X'X is singular, and the rank of X'X."""
        p = self.xy.shape[1]
        if np.all(np.asarray(self.n) >= p) and self._well_conditioned():
            return np.linalg.solve(self.xx, self.xy[..., None])[..., 0], p
        # the rank does not depend on the columns' units, the least norm does
        length = np.sqrt(np.diagonal(self.xx, axis1=1, axis2=2))
        length = np.where(length > 0, length, 1.0)
        unit = self.xx / (length[:, :, None] * length[:, None, :])
        spectrum = np.linalg.eigvalsh(unit)
        rank = (spectrum > p * 1e-13 * spectrum[:, -1:]).sum(axis=1)
        if np.all(rank == p):
            return np.linalg.solve(unit, (self.xy / length)[..., None])[..., 0] / length, p
        values, vectors = np.linalg.eigh(self.xx)
        kept = np.arange(p) >= p - rank[:, None]
        inverse = np.divide(1.0, values, out=np.zeros_like(values), where=kept)
        return np.matvec(vectors, inverse * np.vecmat(self.xy, vectors)), rank

    def _well_conditioned(self) -> bool:
        """Whether each column of X keeps a share of its length that the others do not explain.

        Elimination does not tell: on a singular matrix its pivots are rounding, and its solution solves.
        """
        try:
            root = np.linalg.cholesky(self.xx)
        except np.linalg.LinAlgError:
            return False
        left = np.diagonal(root, axis1=1, axis2=2) ** 2
        return bool(np.all(left > _SINGULAR * np.diagonal(self.xx, axis1=1, axis2=2)))


@dataclass(frozen=True)
class Gram:
    """The additive statistic of rows (R, n, d + 1), one column of which is the target.

    Args:
        target: index of the target's column.
        intercept: whether X has a constant column, the last.
    """

    target: int
    intercept: bool = False

    def split(self, rows: Array) -> tuple[Array, Array]:
        """Inputs (..., p) and target (...) of rows."""
        x = np.delete(rows, self.target, axis=-1)
        if self.intercept:
            x = np.concatenate([x, np.ones((*x.shape[:-1], 1))], axis=-1)
        return x, rows[..., self.target]

    def __call__(self, rows: Array, weights: Array | None = None) -> GramValue:
        """X'X, X'y and y'y of (R, n, d + 1) rows."""
        x, y = self.split(rows)
        wx = x if weights is None else x * np.broadcast_to(weights, y.shape)[..., None]
        n = float(y.shape[1]) if weights is None else np.broadcast_to(weights, y.shape).sum(axis=1)
        xt = wx.mT
        yy = (
            (y * y).sum(axis=1)
            if weights is None
            else (y * y * np.broadcast_to(weights, y.shape)).sum(axis=1)
        )
        return GramValue(n, xt @ x, (xt @ y[..., None])[..., 0], yy)


def draw_gram(
    coefficients: Array, noise: Array, n: int, rng: Rng, design: GramValue | None = None
) -> GramValue:
    """X'X, X'y and y'y of n rows y = X w + noise e, e ~ N(0, I), from their exact law.

    X'X is that of ``design``, or of fresh inputs x ~ N(0, I): a root of it is lower triangular with squared
    diagonal chi2(n - j + 1) and standard normals below. With a root G, X'e = G z and e'e = |z|^2 + chi2(n -
    p).

    Args:
        coefficients: (R, p) w.
        noise: (R,) or (1,) standard deviation.
        n: rows.
        rng: the stream.
        design: the fixed inputs' statistic, or None for fresh ones.
    """
    replicates, p = coefficients.shape
    if design is None:
        root, z = draw_bartlett(replicates, p, n + 1, rng)
        xx = root @ root.mT
    else:
        root, xx = design.root, design.xx
        z = rng.standard_normal((replicates, root.shape[2]))
    z = z[:, : root.shape[2]]
    left = max(n - root.shape[2], 0)
    ee = (z * z).sum(axis=1) + 2 * rng.standard_gamma(left / 2, size=replicates)
    fitted = np.matvec(xx, coefficients)
    xe = noise[:, None] * np.matvec(root, z)
    yy = (coefficients * (fitted + 2 * xe)).sum(axis=1) + noise**2 * ee
    return GramValue(float(n), xx, fitted + xe, yy)
