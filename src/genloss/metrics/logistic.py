"""Logistic and ridge regression in all replicates at once, each to the optimum of its own rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genloss.samples import Array

# Numbers of one block of replicates: 2^18 float64 are 2 MB, near enough to the processor.
_BLOCK = 2**18
_STEPS, _HALVINGS = 100, 40
# Newton's decrement, the loss that is still to be gained, after which one more step leaves only rounding.
_NEAR = 1e-12
_NEAR_ENOUGH = 1e-9
# Curvature that is added so that a matrix can be solved where every row is beyond doubt; it moves no optimum.
_FLOOR = 1e-12


@dataclass(frozen=True, eq=False)
class Start:
    """An optimum to begin from, as that of nearly the same rows.

    Args:
        coefficients: (R, d + 1, C) as :func:`logistic` gives them.
        inverse: (R, C (d + 1), C (d + 1)) inverse of the loss's curvature there, times the weight of all
            rows.
    """

    coefficients: Array
    inverse: Array


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
    w = np.where(np.isnan(y), 0.0, 1.0)
    return np.concatenate(
        [_newton(with_ones(x[b]), y[b], w[b], classes, 1.0, None, False).coefficients for b in blocks]
    )


def from_near(x: Array, y: Array, w: Array, classes: int, penalty: float, start: Start | None) -> Start:
    """The weighted logistic regression of each replicate, from an optimum that is near.

    The curvature is that of the start as long as steps by it lower the loss enough (the chord method): then a
    step costs n d, where Newton's costs n d^2. It ends when less than 1e-9 of the loss is to be gained.

    Args:
        x: (R, n, d + 1) inputs, the last of which is 1.
        y: (R, n) codes from 0 to classes - 1.
        w: (R, n) weights of the rows.
        classes: how many there are, at least 2.
        penalty: times half the squared length of the slopes; 1/C of scikit-learn's.
        start: where to begin; None for zeros.
    """
    return _newton(x, y, w, classes, penalty, start, True)


def chances(coefficients: Array, x: Array) -> Array:
    """(R, m, K) probabilities of the classes of inputs (m, d), or (R, m, d)."""
    return np.exp(_log_chances(with_ones(x) @ coefficients))


def ridge(x: Array, y: Array, weights: Array | None = None, penalty: float = 1.0) -> Array:
    """(R, d + 1) slopes and intercept of each replicate's ridge regression, as ``Ridge()`` has it.

    It minimises the sum of squares plus the squared length of the slopes.

    Args:
        x: (R, n, d) inputs.
        y: (R, n) targets; NaN teaches nothing. NaN coefficients where a replicate has no other.
        weights: (R, n) of the rows; None where all are 1.
        penalty: times the squared length of the slopes; scikit-learn's alpha.
    """
    known = np.where(np.isnan(y), 0.0, 1.0 if weights is None else weights)[..., None]
    with np.errstate(invalid="ignore"):  # of no rows there is no mean
        count = known.sum(axis=1, keepdims=True)
        x_mean = (known * x).sum(axis=1, keepdims=True) / count
        y_mean = (known * np.nan_to_num(y)[..., None]).sum(axis=1, keepdims=True) / count
        root = np.sqrt(known)
        gap = root * (x - x_mean)
        slopes = np.linalg.solve(
            np.nan_to_num(gap.mT @ gap) + penalty * np.eye(x.shape[2]),
            gap.mT @ (root * (np.nan_to_num(y)[..., None] - y_mean)),
        )
    return np.concatenate([slopes, y_mean - x_mean @ slopes], axis=1)[..., 0]


def predicted(coefficients: Array, x: Array) -> Array:
    """(R, m) numbers for inputs (m, d), or (R, m, d), of (R, d + 1) slopes and intercept."""
    return np.asarray((with_ones(x) @ coefficients[..., None])[..., 0])


def with_ones(x: Array) -> Array:
    """(..., d + 1) inputs, and 1."""
    return np.concatenate([x, np.ones((*x.shape[:-1], 1))], axis=-1)


def _log_chances(z: Array) -> Array:
    """(..., K) log probabilities, of (..., K) values, or of (..., 1) of the second of two classes."""
    if z.shape[-1] == 1:
        both = np.logaddexp(0.0, z)
        return np.concatenate([-both, z - both], axis=-1)
    z = z - z.max(axis=-1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=-1, keepdims=True)))


def _newton(
    x: Array, y: Array, w: Array, classes: int, penalty: float, start: Start | None, chord: bool
) -> Start:
    """The optimum of inputs (R, n, q), the last of which is 1; each replicate stops by itself."""
    columns = 1 if classes == 2 else classes
    told = w[..., None] * (y[..., None] == np.arange(classes)[-columns:])
    replicates, _, q = x.shape
    total = w.sum(axis=1)[:, None, None]
    out = np.zeros((replicates, q, columns)) if start is None else start.coefficients.copy()
    inverse = np.zeros((replicates, columns * q, columns * q)) if start is None else start.inverse / total
    fresh = np.full(replicates, start is None or not chord)
    left, last = np.arange(replicates), np.full(replicates, np.inf)
    here = _Rows(x, told, w, penalty)
    loss, p = here.at(out)
    for _ in range(_STEPS):
        gradient = here.gradient(out[left], p)
        again = fresh[left]
        if again.any():
            inverse[left[again]] = _inverse(p[again], here.x[again], here.w[again], penalty)
        step, slope = _step(inverse[left], gradient)
        taken, loss, p = _descended(here, out[left], step, slope, loss, p)
        out[left] = taken
        # an old curvature will do while each step leaves a tenth of the decrement of the one before
        fresh[left] = not chord or (-slope > 0.1 * last[left])
        last[left] = -slope
        on = -slope > (_NEAR_ENOUGH if chord else _NEAR) * (1 + loss)
        if not on.any():
            break
        if not on.all():
            left, here, loss, p = left[on], here.some(on), loss[on], p[on]
    return Start(out, inverse * total)


@dataclass(frozen=True, eq=False)
class _Rows:
    """What replicates learn from.

    Args:
        x: (R, n, q) inputs, the last of which is 1.
        told: (R, n, C) weight of the row where its class is the column's.
        w: (R, n) weights of the rows.
        penalty: times half the squared length of the slopes.
    """

    x: Array
    told: Array
    w: Array
    penalty: float

    def some(self, which: Array) -> _Rows:
        """Those of some replicates."""
        return _Rows(self.x[which], self.told[which], self.w[which], self.penalty)

    def at(self, b: Array) -> tuple[Array, Array]:
        """(R,) penalised losses of coefficients, and (R, n, C) the chances they give."""
        z = self.x @ b
        if z.shape[-1] == 1:  # one exponential does for both
            e = np.exp(-np.abs(z))
            fit = self.w[..., None] * (np.maximum(z, 0) + np.log1p(e)) - self.told * z
            p = np.where(z >= 0, 1.0, e) / (1 + e)
        else:
            log = _log_chances(z)
            fit, p = -self.told * log, np.exp(log)
        return fit.sum(axis=(1, 2)) + 0.5 * self.penalty * (b[:, :-1] ** 2).sum(axis=(1, 2)), p

    def gradient(self, b: Array, p: Array) -> Array:
        """(R, q, C) of the loss."""
        slopes = np.append(np.full(b.shape[1] - 1, self.penalty), 0.0)
        return np.asarray(self.x.mT @ (self.w[..., None] * p - self.told) + slopes[:, None] * b)


def _inverse(p: Array, x: Array, w: Array, penalty: float) -> Array:
    """(R, C q, C q) the inverse of the loss's curvature."""
    replicates, _, columns = p.shape
    q = x.shape[2]
    slopes = np.append(np.full(q - 1, penalty), 0.0)
    curvature = np.empty((replicates, columns, q, columns, q))
    for c in range(columns):
        for other in range(c, columns):
            weight = w * p[..., c] * ((c == other) - p[..., other])
            curvature[:, c, :, other] = (weight[..., None] * x).mT @ x
            curvature[:, other, :, c] = curvature[:, c, :, other]
        curvature[:, c, :, c] += np.diag(slopes + _FLOOR)
    if columns > 1:  # intercepts that all move alike change nothing: theirs is the sum 0
        curvature[:, :, -1, :, -1] += 1
    return np.linalg.inv(curvature.reshape(replicates, columns * q, columns * q))


def _step(inverse: Array, gradient: Array) -> tuple[Array, Array]:
    """The step (R, q, C) by a curvature, and the slope (R,) of the loss along it."""
    replicates, q, columns = gradient.shape
    g = gradient.mT.reshape(replicates, columns * q, 1)
    step = -(inverse @ g)
    return step.reshape(replicates, columns, q).mT, (g * step).sum(axis=(1, 2))


def _descended(
    here: _Rows, b: Array, step: Array, slope: Array, loss: Array, p: Array
) -> tuple[Array, Array, Array]:
    """Coefficients, losses and chances after the step, or the first half of a half of it that lowers the "
    "loss.
    """
    tried = b + step
    found, chance = here.at(tried)
    # near the optimum what is gained drowns in the rounding of the loss
    enough = found <= loss + 1e-4 * slope + 1e-13 * (1 + loss)
    if enough.all():
        return tried, found, chance
    out, reached, p = b.copy(), loss.copy(), p.copy()
    open_, length = np.arange(len(b)), 1.0
    for _ in range(_HALVINGS):
        out[open_[enough]], reached[open_[enough]] = tried[enough], found[enough]
        p[open_[enough]] = chance[enough]
        open_, length = open_[~enough], length / 2
        if not open_.size:
            break
        tried = b[open_] + length * step[open_]
        found, chance = here.some(open_).at(tried)
        before = loss[open_]
        enough = found <= before + 1e-4 * length * slope[open_] + 1e-13 * (1 + before)
    return out, reached, p
