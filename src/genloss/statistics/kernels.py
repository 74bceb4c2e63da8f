"""Log kernel sums at fixed points: what makes an accumulating kernel density cost only its new rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genloss.samples import Array

# A sum below this has lost digits to underflow and is computed again in logarithms.
_UNDERFLOW = 1e-280
# Rows in a block: 64 x 500 kernels in float64 stay in a core's second-level cache.
_BLOCK = 64
# Squares beyond this leave an error of 1e-9 and more in squared distances that are their difference.
_WIDE = 1e6


@dataclass(frozen=True, eq=False)
class Points:
    """Points (m, *event), or (R, m, *event), at which densities are asked for; the same array is the same
    points, so that kernel sums at the holdout are known again.
    """

    x: Array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Points) and self.x is other.x

    def __hash__(self) -> int:
        return id(self.x)


@dataclass(frozen=True, eq=False)
class LogSum:
    """Logarithms (R, m) of sums: they add by logaddexp."""

    log: Array

    def __add__(self, other: LogSum) -> LogSum:
        return LogSum(np.logaddexp(self.log, other.log))

    def __mul__(self, weight: float) -> LogSum:
        with np.errstate(divide="ignore"):
            return LogSum(self.log + np.log(weight))


@dataclass(frozen=True)
class KernelSums:
    """The additive statistic log sum_i w_i exp(-|x_i - y|^2 / 2 h^2) at points y.

    Args:
        points: where.
        bandwidth: h, in the units of the rows.
    """

    points: Points
    bandwidth: float | Array

    def __call__(self, rows: Array, weights: Array | None = None) -> LogSum:
        """The sums over (R, n, *event) rows, at each of m points."""
        d = int(np.prod(rows.shape[2:]))
        x = rows.reshape(*rows.shape[:2], d)
        y = self.points.x.reshape(*self.points.x.shape[: self.points.x.ndim - rows.ndim + 2], d)
        scale = np.broadcast_to(1 / (np.sqrt(2.0) * np.asarray(self.bandwidth)), len(x))
        w = None if weights is None else np.broadcast_to(weights, x.shape[:2])
        out = np.empty((len(x), y.shape[-2]))
        for r in range(len(x)):
            out[r] = _sums(x[r], y if y.ndim == 2 else y[r], scale[r], None if w is None else w[r])
        return LogSum(out)


def _sums(x: Array, y: Array, scale: float, weights: Array | None) -> Array:
    """(m,) log sums over rows x (n, d) at points y (m, d), lengths in units of 1 / scale."""
    centre = y.mean(axis=0)
    y, x = (y - centre) * scale, (x - centre) * scale
    m, d = y.shape
    squared = np.einsum("md,md->m", y, y)
    if squared.max() > _WIDE:
        return _far(x, y, weights)
    # -|x - y|^2 = [x, 1, |x|^2] . [2 y, -|y|^2, -1]: one matrix product, then one exponential a pair
    right = np.empty((d + 2, m))
    right[:d] = 2 * y.T
    right[d] = -squared
    right[d + 1] = -1
    left = np.empty((len(x), d + 2))
    left[:, :d] = x
    left[:, d] = 1
    left[:, d + 1] = np.einsum("nd,nd->n", x, x)
    block = np.empty((min(_BLOCK, len(x)), m))
    total = np.zeros(m)
    for i in range(0, len(x), _BLOCK):
        part = block[: min(_BLOCK, len(x) - i)]
        np.matmul(left[i : i + _BLOCK], right, out=part)
        np.exp(part, out=part)
        total += part.sum(axis=0) if weights is None else weights[i : i + _BLOCK] @ part
    lost = ~((total >= _UNDERFLOW) & (total < np.inf))  # too small, or |x|^2 / 2 h^2 overflowed
    with np.errstate(divide="ignore"):
        out = np.log(total)
    if lost.any():
        out[lost] = _far(x, y[lost], weights)
    return np.asarray(out)


def _far(x: Array, y: Array, weights: Array | None) -> Array:
    """The log sums at points far from all rows: streaming log-sum-exp over blocks of rows."""
    peak = np.full(len(y), -np.inf)
    total = np.zeros(len(y))
    for i in range(0, len(x), _BLOCK):
        exponent = -((x[i : i + _BLOCK, None] - y[None]) ** 2).sum(axis=2)
        if weights is not None:
            with np.errstate(divide="ignore"):
                exponent += np.log(weights[i : i + _BLOCK, None])
        top = np.maximum(peak, exponent.max(axis=0))
        safe = np.where(np.isfinite(top), top, 0.0)
        total = total * np.exp(peak - safe) + np.exp(exponent - safe).sum(axis=0)
        peak = top
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(np.isfinite(peak), peak, 0.0) + np.log(total))
