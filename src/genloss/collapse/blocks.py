"""What replicates say of a trajectory: a few block means over generations, with the errors that they share.

Generations of one replicate are correlated, often almost perfectly, so they count as one: errors and their
correlations are those over replicates. Neighbouring generations are averaged into blocks of equal length in
log t, so few that replicates can tell their covariance.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genloss import intervals
from genloss.meaning import Scale
from genloss.samples import Array

Of = Literal["mean", "typical"]
LEAST_REPLICATES = 5
"""Below this no covariance of three blocks can be told."""
STATUS_REPLICATES = 8
"""Below this there are three blocks, too few for a law with a limit."""
_BLOCKS = 8
_SKEW = 0.5
"""Skewness of a mean from which on too few replicates carry it."""
_STEPS = 0.5
"""Share of neighbours in order that are equal, from which on a median goes by steps: its interval may lie on
one side of it."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Block means of the mean, or of the typical replicate.

    Args:
        of: "mean" or "typical".
        generations: (T,) that are averaged.
        weights: (K, T), which average them.
        values: (K,).
        covariance: (K, K) of the values over replicates; of relative errors where ``relative``.
        replicates: R.
        relative: whether errors are those of the logarithm, so that their size follows the fitted curve.
        each: (K, R) block means of each replicate, of which the values are the mean; None of medians.
    """

    of: Of
    generations: Array
    weights: Array
    values: Array
    covariance: Array
    replicates: int
    relative: bool = False
    each: Array | None = None

    @property
    def until(self) -> int:
        """The last generation that is used."""
        return int(self.generations[-1])

    @property
    def freedom(self) -> int:
        """Degrees of freedom that the covariance leaves."""
        return self.replicates - len(self.values)

    def errors(self, curve: Array | None = None) -> Array:
        """(K, K) covariance of the values, were the truth this (K,) curve; by default the values."""
        if not self.relative:
            return self.covariance
        size = self.values if curve is None else curve
        size = np.where(np.sign(size) == np.sign(self.values), np.abs(size), np.abs(self.values))
        return np.asarray(self.covariance * np.outer(size, size))


def averages(generations: Array, most: int) -> Array:
    """(K, T) weights of blocks of equal length in log t, each of a generation at least.

    >>> averages(np.arange(1, 9), 3).round(2).tolist()[1]
    [0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    t = np.asarray(generations, dtype=float)
    ends = np.geomspace(t[0], t[-1] + 1, most + 1)
    cut = np.searchsorted(t, ends[1:-1] - 0.5)
    edges = [0]
    for c in cut:
        edges.append(max(edges[-1] + 1, int(c)))
    edges = [e for e in edges if e < len(t)] + [len(t)]
    out = np.zeros((len(edges) - 1, len(t)))
    for row, (a, b) in enumerate(itertools.pairwise(edges)):
        out[row, a:b] = 1 / (b - a)
    return out


def blocks(values: Array, generations: Array, of: Of, scale: Scale, weights: Array | None = None) -> Blocks:
    """Block means and their errors.

    Args:
        values: (T, R) finite numbers, R at least `LEAST_REPLICATES`.
        generations: (T,) increasing and positive.
        of: which quantity.
        scale: of the values; the errors of a "ratio" of positive numbers are those of logarithms, unless
            these are clearly skewed to the left.
        weights: (K, T) other averages than those over blocks of equal length in log t.

    The mean of values that spread by ever greater factors is carried by ever rarer replicates. Where values
    are positive it is followed only as far as replicates tell it: while its own law is not too skewed.
    """
    x, t, r = values, generations, values.shape[1]
    if weights is None:
        last = _followed(x) if of == "mean" and _positive(x, scale) else len(x)
        x, t = x[:last], t[:last]
        most = int(np.clip(r // 3, 4, _BLOCKS)) if r >= STATUS_REPLICATES else 3
        weights = averages(t, most)
    return _typical(x, t, weights) if of == "typical" else _mean(x, t, weights, scale)


def _positive(x: Array, scale: Scale) -> bool:
    return bool((x > 0).all()) and scale != "share"


def _followed(x: Array) -> int:
    """How many generations of a mean replicates tell: until its skewness exceeds a half.

    That is the skewness of values over sqrt(R): of the first generation's times a log-normal factor, whose
    variance of logarithms is by how much that of the upper half has grown. Later values do not tell it
    themselves, since those that miss the tail look tame. What is skewed from the beginning is followed while
    its skewness does not double.
    """
    v = _upper(np.log(x))
    grown = np.exp(np.maximum(_smooth(v) - v[:3].mean(), 0))
    first = x[0] / x[0].mean()
    square, cube = (first**2).mean(), (first**3).mean()
    variance = np.maximum(square * grown - 1, 1e-12)
    skew = (cube * grown**3 - 3 * square * grown + 2) / variance**1.5
    far = skew > max(_SKEW * np.sqrt(x.shape[1]), 2 * skew[0])
    return max(int(far.argmax()), min(4, len(x))) if far.any() else len(x)


def _smooth(v: Array) -> Array:
    """(T,) averages over as many neighbours as there are, up to a tenth of the generations on either side."""
    reach = np.minimum(np.minimum(np.arange(len(v)), np.arange(len(v))[::-1]), len(v) // 10)
    total = np.concatenate([[0.0], np.cumsum(v)])
    i = np.arange(len(v))
    return np.asarray((total[i + reach + 1] - total[i - reach]) / (2 * reach + 1))


def _typical(x: Array, t: Array, w: Array) -> Blocks:
    """Medians: each with the error that its sign-test interval has, correlated as signs about them are."""
    r = x.shape[1]
    centre, low, high = intervals.typical(x)
    # 5 replicates have no such interval: their range covers 94 %
    low, high = (np.where(np.isnan(e), x.min(1) if e is low else x.max(1), e) for e in (low, high))
    ordered = np.sort(x, axis=1)
    steps = (ordered[:, 1:] == ordered[:, :-1]).mean(axis=1) > _STEPS
    error = (high - low) / np.where(steps, 1.96, 3.92)
    sign = np.sign(x - centre[:, None])
    sign = sign - sign.mean(axis=1, keepdims=True)
    spread = np.sqrt((sign**2).mean(axis=1))
    sign = sign / np.where(spread > 0, spread, 1)[:, None] * error[:, None]
    s = w @ sign
    return Blocks("typical", t, w, w @ centre, s @ s.T / r, r)


def _mean(x: Array, t: Array, w: Array, scale: Scale) -> Blocks:
    r = x.shape[1]
    positive = _positive(x, scale)
    log_normal = False
    if positive and scale == "ratio":
        y = np.log(x)
        y = y - y.mean(axis=1, keepdims=True)
        sd = np.sqrt((y**2).mean(axis=1))
        skew = (y**3).mean(axis=1) / np.where(sd > 0, sd, 1) ** 3
        log_normal = bool(np.median(skew) > -2 * np.sqrt(6 / r)) and bool((sd > 0).any())
    b = w @ x
    if log_normal:
        y = np.log(b)
        y = y - y.mean(axis=1, keepdims=True)
        return Blocks("mean", t, w, b.mean(axis=1), np.expm1(y @ y.T / (r - 1)) / r, r, True, b)
    centre, low, high = intervals.mean(b, scale)
    dev = b - centre[:, None]
    s = dev @ dev.T / (r - 1) / r
    # by how much an interval that covers is wider than Student's, on average over blocks
    student = np.sqrt(np.diag(s)) * _t(r)
    seen = student > 0
    wider = np.mean(np.maximum((high - low)[seen] / 2 / student[seen], 1)) if seen.any() else 1.0
    if positive and scale == "ratio":
        return Blocks("mean", t, w, centre, _robust(b, s, centre) * wider**2, r, True, b)
    return Blocks("mean", t, w, centre, s * wider**2, r, False, b)


def _robust(b: Array, s: Array, centre: Array) -> Array:
    """(K, K) covariance of relative errors, of which rare large values decide the size but not the shape.

    Replicates that miss the tail have a mean and a variance that are both too small, and would be given a
    weight that is too large. How errors grow is taken from the upper half of the logarithms instead, how they
    are correlated from ranks, and the variances decide, by their median, how large all are.
    """
    size = np.sqrt(np.diag(s)) / centre
    grows = np.sqrt(np.expm1(_upper(np.log(b))))
    if not (grows > 0).all():
        return np.asarray(s / np.outer(centre, centre))
    size = grows * np.median(size / grows)
    rank = b.argsort(axis=1).argsort(axis=1)
    return np.asarray(np.corrcoef(rank) * np.outer(size, size))


def _upper(y: Array) -> Array:
    """(T,) variance of the normal law with the upper half that (T, R) values have."""
    middle, upper = np.quantile(y, (0.5, 0.9), axis=1)
    return np.asarray(((upper - middle) / 1.2816) ** 2)


def _t(r: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(r - 1, 0.975))
