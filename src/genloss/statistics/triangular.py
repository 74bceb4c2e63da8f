"""Triangular roots (R, d, d): made without forming what they are roots of, and solved by substitution."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from genloss.samples import Array

# A column whose squared distance from the span of the others falls below this share of its length is left
# to QR: Cholesky of the formed product has a relative error of about d * 2e-16 / share in that direction.
_WELL_CONDITIONED = 1e-6
# Squares below this have lost digits to underflow, or would in the narrowest direction that is let through.
_TINY = 1e-285


def triangular_root(x: Array) -> Array:
    """A root of x @ x^T with no more columns than rows, lower triangular where square.

    Args:
        x: (R, d, k).

    Returns:
        (R, d, min(d, k)).
    """
    _, d, k = x.shape
    if k < d:
        return x
    if k > d:
        gram = x @ x.mT
        root, fine = cholesky(gram, np.diagonal(gram, axis1=1, axis2=2))
        if not fine.all():
            root[~fine] = _by_qr(x[~fine])
        return root
    return _by_qr(x)


def _by_qr(x: Array) -> Array:
    # lengths are sums of squares in QR too: powers of two off and on again change no digit
    exponent = np.frexp(np.abs(x).max(axis=(1, 2), initial=0, keepdims=True))[1]
    triangle: Any = np.linalg.qr(np.ldexp(x, -exponent).mT, mode="r")
    return np.asarray(np.ldexp(triangle.mT, exponent))


def cholesky(gram: Array, squared: Array) -> tuple[Array, Array]:
    """The lower-triangular root of (R, d, d), and (R,) where no rounding of its terms, squared (R, d), shows.

    Each replicate is judged by itself: what its neighbours are like must not change its digits.
    """
    try:
        root: Array = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        root = np.zeros_like(gram)
        for r, each in enumerate(gram):
            with suppress(np.linalg.LinAlgError):
                root[r] = np.linalg.cholesky(each)
    left = np.diagonal(root, axis1=1, axis2=2) ** 2
    fine = (left >= _WELL_CONDITIONED * squared) & (squared > _TINY) & (squared < np.inf)
    return root, np.asarray(fine.all(axis=1))


def forward(root: Array, b: Array) -> Array:
    """(R, d, m) z with root z = b, for a lower-triangular root, by substitution.

    A general solver pivots: on roots below 1e-150 the products of two of their numbers underflow, and it
    calls a regular matrix singular.
    """
    z = np.empty(b.shape)
    for i in range(root.shape[1]):
        z[:, i] = (b[:, i] - np.vecmat(root[:, i, :i], z[:, :i])) / root[:, i, i, None]
    return z


def backward(root: Array, z: Array) -> Array:
    """(R, d) w with root^T w = z (R, d), for a lower-triangular root, by substitution."""
    w = np.empty(z.shape)
    for i in reversed(range(root.shape[1])):
        w[:, i] = (z[:, i] - np.vecdot(root[:, i + 1 :, i], w[:, i + 1 :])) / root[:, i, i]
    return w
