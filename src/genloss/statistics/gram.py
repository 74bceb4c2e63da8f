"""Least squares as an additive statistic: each part's own fit, and how far the parts' fits lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from genloss.samples import Array
from genloss.statistics.moments import draw_bartlett
from genloss.statistics.triangular import backward, forward, triangular_root
from genloss.streams import Rng

# A column of X whose squared distance from the span of those before it is above this share of its length is
# not explained by them; below, singular values tell.
_REGULAR = 1e-6
# Singular values below this share of the largest, times p, are rounding: of one factorisation 1e-16, and as
# much again with each chunk that is added.
_ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class Inputs:
    """A root of X'X and what solves with it; fits to the same inputs share one, and its factors.

    Args:
        root: (R, p, min(p, n)) with X'X = root @ root^T; lower triangular where square.
    """

    root: Array

    @cached_property
    def rank(self) -> Array:
        """(R,) of X'X."""
        replicates, p, k = self.root.shape
        squared = np.vecdot(self.root, self.root)
        odd = np.ones(replicates, dtype=bool)
        if k == p:
            odd = (np.diagonal(self.root, axis1=1, axis2=2) ** 2 <= _REGULAR * squared).any(axis=1)
        rank: Array = np.full(replicates, p)
        if odd.any():
            # the rank does not depend on the columns' units
            unit = self.root[odd] / np.sqrt(np.where(squared > 0, squared, 1.0))[odd, :, None]
            values = np.linalg.svd(unit, compute_uv=False)
            rank[odd] = (values > p * _ROUNDING * values[:, :1]).sum(axis=1)
        return rank

    @cached_property
    def singular(self) -> Array:
        """(R,) whether X'X is; each replicate by itself."""
        return np.asarray(self.rank < self.root.shape[1])

    @cached_property
    def _spectrum(self) -> tuple[Array, Array, Array]:
        """Of the singular ones u (., p, k), inverse singular values (., k), zero beyond the rank, and v (.,
        k, k).
        """
        u, values, v = np.linalg.svd(self.root[self.singular], full_matrices=False)
        kept = np.arange(values.shape[1]) < self.rank[self.singular][:, None]
        return u, np.divide(1.0, values, out=np.zeros_like(values), where=kept), v

    def solve(self, b: Array) -> Array:
        """(R, p) w of least norm with X'X w = b (R, p)."""
        odd, regular = self.singular, ~self.singular
        if regular.all():
            return backward(self.root, forward(self.root, b[..., None])[..., 0])
        w, (u, inverse, _) = np.empty(b.shape), self._spectrum
        w[odd] = np.matvec(u, inverse**2 * np.vecmat(b[odd], u))
        if regular.any():
            root = self.root[regular]
            w[regular] = backward(root, forward(root, b[regular][..., None])[..., 0])
        return w

    def lift(self, z: Array) -> Array:
        """(R, p) w of least norm with root^T w = z (R, min(p, n))."""
        odd, regular = self.singular, ~self.singular
        if regular.all():
            return backward(self.root, z)
        w, (u, inverse, v) = np.empty(self.root.shape[:2]), self._spectrum
        w[odd] = np.matvec(u, inverse * np.matvec(v, z[odd]))
        if regular.any():
            w[regular] = backward(self.root[regular], z[regular])
        return w


@dataclass(frozen=True, eq=False)
class GramValue:
    """The least-squares fit of some rows, and the length of its residual.

    With X'y and y'y instead, the residual would be a difference of the two, and rounding as soon as it is
    1e-8 of y. Here parts add as scatters about their means do: residuals in squares, and what lies between
    the fits.

    Args:
        n: total weight, a number or (R,).
        inputs: X.
        times: X'X is so many times that of the inputs.
        anchor: (R, p) what fits to rows of one model share: they are told apart by their offsets where their
            floats no longer differ.
        offset: (R, p); anchor + offset is a w of least |y - X w|.
        residual: (R,) that least length.
    """

    n: Any
    inputs: Inputs
    times: float
    anchor: Array
    offset: Array
    residual: Array

    @cached_property
    def coefficients(self) -> Array:
        """(R, p) w, of least norm where X'X is singular."""
        w: Array = self.anchor + self.offset
        odd = self.inputs.singular
        return (
            w
            if not odd.any()
            else np.where(odd[:, None], self.inputs.lift(np.vecmat(w, self.inputs.root)), w)
        )

    @classmethod
    def stack(cls, parts: Sequence[GramValue]) -> GramValue:
        """Those of several blocks of replicates, of the same number of rows and the same ``times``."""
        root, *rest = (
            np.concatenate(some)
            for some in zip(*((p.inputs.root, p.anchor, p.offset, p.residual) for p in parts), strict=True)
        )
        return cls(parts[0].n, Inputs(root), parts[0].times, *rest)

    def __getitem__(self, replicates: slice) -> GramValue:
        """Those of some replicates."""
        n = self.n if np.ndim(self.n) == 0 else self.n[replicates]
        rest = (x[replicates] for x in (self.anchor, self.offset, self.residual))
        return GramValue(n, Inputs(self.inputs.root[replicates]), self.times, *rest)

    def __add__(self, other: GramValue) -> GramValue:
        """The fit of the union lies between the two, as far from each as the other's rows pull."""
        alike = self.anchor[:, :1] == other.anchor[:, :1]
        if alike.any():
            alike = (self.anchor == other.anchor).all(axis=1, keepdims=True)
        if alike.all():
            anchor, offset = self.anchor, self.offset
            gap = other.offset - offset
        else:  # rows of the model that was fitted to this one have its coefficients for an anchor
            anchor, offset = self.coefficients, np.zeros_like(self.offset)
            if alike.any():  # each replicate by itself
                anchor, offset = np.where(alike, self.anchor, anchor), np.where(alike, self.offset, offset)
            gap = (other.anchor - anchor) + (other.offset - offset)
        if self.inputs is other.inputs:
            inputs, times = self.inputs, self.times + other.times
            step = (other.times / times) * gap
            apart = (self.times * other.times / times) ** 0.5 * np.vecmat(gap, inputs.root)
        else:
            one, two = (part.times**0.5 * part.inputs.root for part in (self, other))
            inputs, times = Inputs(triangular_root(np.concatenate([one, two], axis=2))), 1.0
            step = inputs.solve(np.matvec(two, np.vecmat(gap, two)))
            apart = np.concatenate([np.vecmat(step, one), np.vecmat(gap - step, two)], axis=1)
        residual = np.hypot(np.hypot(self.residual, other.residual), np.sqrt(np.vecdot(apart, apart)))
        return GramValue(self.n + other.n, inputs, times, anchor, offset + step, residual)

    def __mul__(self, weight: float) -> GramValue:
        left = self.residual * weight**0.5
        return replace(self, n=self.n * weight, times=self.times * weight, residual=left)

    def placed(self, coefficients: Array, noise: Array) -> GramValue:
        """Of targets X coefficients + noise e, where this is the fit to e: exact however small the noise."""
        offset = noise[:, None] * (self.anchor + self.offset)
        return replace(self, anchor=coefficients, offset=offset, residual=noise * self.residual)


@dataclass(frozen=True)
class Gram:
    """The additive statistic of rows (R, n, d + 1), one column of which is the target.

    Args:
        target: index of the target's column.
        intercept: whether X has a constant column, the last.

    >>> fit = Gram(target=-1)(np.array([[[1.0, 2.0], [2.0, 4.0], [2.0, 5.0]]]))
    >>> fit.coefficients.round(3), fit.residual.round(3)
    (array([[2.222]]), array([0.745]))
    """

    target: int
    intercept: bool = False

    def split(self, rows: Array) -> tuple[Array, Array]:
        """Inputs (..., p) and target (...) of rows; a target that stands last leaves both in their place."""
        last = self.target in (-1, rows.shape[-1] - 1)
        x = rows[..., :-1] if last else np.delete(rows, self.target, axis=-1)
        if self.intercept:
            x = np.concatenate([x, np.ones((*x.shape[:-1], 1))], axis=-1)
        return x, rows[..., self.target]

    def __call__(self, rows: Array, weights: Array | None = None) -> GramValue:
        """The fit of (R, n, d + 1) rows."""
        x, y = self.split(np.asarray(rows, dtype=float))
        if weights is None:
            return least_squares(x, y)
        share = np.sqrt(np.broadcast_to(weights, y.shape))
        return replace(least_squares(x * share[..., None], y * share), n=np.vecdot(share, share))


def least_squares(x: Array, y: Array, inputs: Inputs | None = None) -> GramValue:
    """Least squares of targets y (R, n) on x (R, n, p), whose root may be known already."""
    inputs = inputs or Inputs(triangular_root(x.mT))
    # the second round mends what the first, by the normal equations, has lost
    nothing = np.zeros((len(x), x.shape[2]))
    w, left = nothing, y
    for _ in range(2):
        step = inputs.solve(np.vecmat(left, x))
        w, left = w + step, left - np.matvec(x, step)
    # with no row to spare nothing is left but rounding
    spare = y.shape[1] - np.asarray(inputs.rank) > 0
    return GramValue(float(y.shape[1]), inputs, 1.0, nothing, w, np.sqrt(np.vecdot(left, left)) * spare)


def draw_gram(coefficients: Array, noise: Array, n: int, rng: Rng, inputs: Inputs | None = None) -> GramValue:
    """The fit of n rows y = X w + noise e, e ~ N(0, I), from its exact law.

    X is given, or fresh inputs x ~ N(0, I): a root of X'X is then lower triangular with squared diagonal
    chi2(n - j + 1) and standard normals below. With a root G, X'e = G z, so that the fit is off by noise
    G^-T z, and the squared residual is noise^2 chi2(n - rank).

    Args:
        coefficients: (R, p) w.
        noise: (R,) or (1,) standard deviation.
        n: rows.
        rng: the stream.
        inputs: of n rows, or None for fresh ones.
    """
    replicates, p = coefficients.shape
    if inputs is None:
        root, z = draw_bartlett(replicates, p, n + 1, rng)
        inputs = Inputs(root)
    else:
        z = rng.standard_normal((replicates, p))
    off = inputs.lift(z[:, : inputs.root.shape[2]])
    residual = np.sqrt(2 * rng.standard_gamma(np.maximum(n - inputs.rank, 0) / 2, size=replicates))
    return GramValue(float(n), inputs, 1.0, coefficients, noise[:, None] * off, noise * residual)
