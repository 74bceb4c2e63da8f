"""Logistic and ridge regression in all replicates at once, each to the optimum of its own rows."""

from __future__ import annotations

import numpy as np

from genloss.samples import Array

# Numbers of one block of replicates: 2^18 float64 are 2 MB, near enough to the processor.
_BLOCK = 2**18
_STEPS, _HALVINGS = 100, 40
# Newton's decrement, the loss that is still to be gained, after which one more step leaves only rounding.
_NEAR = 1e-12
# Curvature that is added so that a matrix can be solved where every row is beyond doubt; it moves no optimum.
_FLOOR = 1e-12


def logistic(x: Array, y: Array, classes: int) -> Array:
    """The penalised logistic regression of each replicate, as scikit-learn's ``LogisticRegression()`` has it.

    It minimises the sum of -log p(y | x) plus half the squared length of the slopes (intercepts are free), by
    Newton's method; a step that does not lower the loss enough is halved. Of two classes the second alone has
    coefficients.

    Args:
        x: (R, n, d) inputs.
        y: (R, n) codes from 0 to classes - 1, each of which occurs in every replicate; NaN teaches nothing.
        classes: how many there are, at least 2.

    Returns:
        (R, d + 1, C) coefficients, the intercepts last; C is the number of classes, or 1 for two.
    """
    replicates, n, d = x.shape
    size = max(_BLOCK // (n * (d + 1)), 1)
    blocks = [slice(first, first + size) for first in range(0, replicates, size)]
    return np.concatenate([_newton(_with_ones(x[b]), y[b], classes) for b in blocks])


def chances(coefficients: Array, x: Array) -> Array:
    """(R, m, K) probabilities of the classes of inputs (m, d), or (R, m, d)."""
    return np.exp(_log_chances(_with_ones(x) @ coefficients))


def ridge(x: Array, y: Array) -> Array:
    """(R, d + 1) slopes and intercept of each replicate's ridge regression, as ``Ridge()`` has it.

    It minimises the sum of squares plus the squared length of the slopes.

    Args:
        x: (R, n, d) inputs.
        y: (R, n) targets; NaN teaches nothing. NaN coefficients where a replicate has no other.
    """
    known = (~np.isnan(y))[..., None].astype(float)
    with np.errstate(invalid="ignore"):  # of no rows there is no mean
        count = known.sum(axis=1, keepdims=True)
        x_mean = (known * x).sum(axis=1, keepdims=True) / count
        y_mean = (known * np.nan_to_num(y)[..., None]).sum(axis=1, keepdims=True) / count
        gap = known * (x - x_mean)
        slopes = np.linalg.solve(
            np.nan_to_num(gap.mT @ gap) + np.eye(x.shape[2]),
            gap.mT @ (known * (np.nan_to_num(y)[..., None] - y_mean)),
        )
    return np.concatenate([slopes, y_mean - x_mean @ slopes], axis=1)[..., 0]


def predicted(coefficients: Array, x: Array) -> Array:
    """(R, m) numbers for inputs (m, d), or (R, m, d), of (R, d + 1) slopes and intercept."""
    return np.asarray((_with_ones(x) @ coefficients[..., None])[..., 0])


def _with_ones(x: Array) -> Array:
    return np.concatenate([x, np.ones((*x.shape[:-1], 1))], axis=-1)


def _log_chances(z: Array) -> Array:
    """(..., K) log probabilities, of (..., K) values, or of (..., 1) of the second of two classes."""
    if z.shape[-1] == 1:
        both = np.logaddexp(0.0, z)
        return np.concatenate([-both, z - both], axis=-1)
    z = z - z.max(axis=-1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=-1, keepdims=True)))


def _newton(x: Array, y: Array, classes: int) -> Array:
    """(R, q, C) coefficients of inputs (R, n, q), the last of which is 1; each replicate stops by itself."""
    known = ~np.isnan(y)
    told = (y[..., None] == np.arange(classes)).astype(float)  # a missing one is no class
    columns = 1 if classes == 2 else classes
    out = np.zeros((len(x), x.shape[2], columns))
    left, start = np.arange(len(x)), out
    x_left, told_left, known_left = x, told, known
    loss = _loss(start, x, told)
    for _ in range(_STEPS):
        step, slope = _step(out[left], x_left, told_left, known_left)
        taken, loss_left = _descended(out[left], step, slope, loss[left], x_left, told_left)
        out[left], loss[left] = taken, loss_left
        on = -slope > _NEAR * (1 + loss_left)
        if not on.any():
            break
        if not on.all():
            left, x_left, told_left, known_left = left[on], x_left[on], told_left[on], known_left[on]
    return out


def _loss(b: Array, x: Array, told: Array) -> Array:
    """(R,) penalised losses."""
    fit = -(told * _log_chances(x @ b)).sum(axis=(1, 2))
    return np.asarray(fit + 0.5 * (b[:, :-1] ** 2).sum(axis=(1, 2)))


def _step(b: Array, x: Array, told: Array, known: Array) -> tuple[Array, Array]:
    """Newton's step (R, q, C), and the slope (R,) of the loss along it."""
    replicates, q, columns = b.shape
    p = np.exp(_log_chances(x @ b))[..., -columns:] * known[..., None]
    penalty = np.append(np.ones(q - 1), 0.0)
    gradient = x.mT @ (p - told[..., -columns:]) + penalty[:, None] * b
    curvature = np.empty((replicates, columns, q, columns, q))
    for c in range(columns):
        for other in range(c, columns):
            weight = p[..., c] * ((c == other) - p[..., other])
            curvature[:, c, :, other] = (weight[..., None] * x).mT @ x
            curvature[:, other, :, c] = curvature[:, c, :, other]
        curvature[:, c, :, c] += np.diag(penalty + _FLOOR)
    if columns > 1:  # intercepts that all move alike change nothing: theirs is the sum 0
        curvature[:, :, -1, :, -1] += 1
    flat = curvature.reshape(replicates, columns * q, columns * q)
    g = gradient.mT.reshape(replicates, columns * q, 1)
    step = -np.linalg.solve(flat, g)
    slope = (g * step).sum(axis=(1, 2))
    return step.reshape(replicates, columns, q).mT, slope


def _descended(
    b: Array, step: Array, slope: Array, loss: Array, x: Array, told: Array
) -> tuple[Array, Array]:
    """Coefficients and losses (R,) after the step, or the first half, quarter, ... that lowers the loss."""
    out, reached = b.copy(), loss.copy()
    open_, length = np.arange(len(b)), 1.0
    for _ in range(_HALVINGS):
        tried = b[open_] + length * step[open_]
        found = _loss(tried, x[open_], told[open_])
        # near the optimum what is gained drowns in the rounding of the loss
        enough = found <= loss[open_] + 1e-4 * length * slope[open_] + 1e-13 * (1 + loss[open_])
        out[open_[enough]], reached[open_[enough]] = tried[enough], found[enough]
        open_, length = open_[~enough], length / 2
        if not open_.size:
            break
    return out, reached
