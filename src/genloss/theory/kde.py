"""Loops that fit a Gaussian kernel density of fixed bandwidth h: every resampling adds h^2 to each dimension.

Variances are per dimension, those of the fitted density (its rows' maximum-likelihood variance plus h^2)
unless "data" is in the name, and exact for real data of any shape. The held-out likelihood of a fitted
density has no closed form; the *expected* density has, see `expected_log_density`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import GenlossError
from genloss.theory._arguments import (
    Curve,
    Floats,
    Generations,
    between,
    curve,
    generations,
    pick,
    positive,
    probabilities,
    whole,
)
from genloss.theory._pool import pool_moments


class DataMoments(NamedTuple):
    """Expected variance of the training rows at t and squared error of their mean, per dimension."""

    variance: Curve
    mean_error: Curve


def replace_data_variance(n: int, t: Generations, bandwidth: float, variance: float = 1.0) -> Curve:
    """Return the expected variance of the n training rows of generation t under replace.

    v_1 = (1-1/n) v_0 and v' = (1-1/n)(v + h^2), with fixed point (n-1) h^2: small kernels on few rows
    collapse.

    Args:
        n: Rows a generation.
        t: Generations; 1 is the density of the real rows.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713 (kernel density setting).
        Fu et al., Towards theoretical understandings of self-consuming generative models (2024),
        arXiv:2402.11778.

    >>> round(replace_data_variance(10, 1000, 0.5), 6)
    2.25
    """
    steps = generations(t)
    n, h2, v0 = whole("n", n, 1), positive("bandwidth", bandwidth) ** 2, positive("variance", variance)
    kept = (1 - 1 / n) ** (steps - 1)
    return curve((1 - 1 / n) * v0 * kept + (n - 1) * h2 * (1 - kept))


def replace_variance(n: int, t: Generations, bandwidth: float, variance: float = 1.0) -> Curve:
    """Return the expected variance of the density fitted at t under replace.

    f^t v_0 + n h^2 (1 - f^t) with f = 1-1/n: the variance of its rows plus h^2.

    Args:
        n: Rows a generation.
        t: Generations; 1 is the density of the real rows.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.

    References:
        Kazdan et al. (2024), arXiv:2410.16713; Fu et al. (2024), arXiv:2402.11778.

    >>> round(replace_variance(100, 50, 0.1), 4)
    1.0
    >>> round(replace_variance(10, 1000, 0.5), 4)
    2.5
    """
    return curve(np.asarray(replace_data_variance(n, t, bandwidth, variance)) + bandwidth**2)


def replace_population_variance(t: Generations, bandwidth: float, variance: float = 1.0) -> Curve:
    """Return the variance of the density at t under replace with endless rows: v_0 + t h^2.

    Args:
        t: Generations; 1 is the density of the real rows.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.

    References:
        Fu et al. (2024), arXiv:2402.11778.

    >>> replace_population_variance(100, 0.5)
    26.0
    """
    return curve(positive("variance", variance) + generations(t) * positive("bandwidth", bandwidth) ** 2)


def replace_mean_error(n: int, t: Generations, bandwidth: float, variance: float = 1.0) -> Curve:
    """Return E (mean of the density at t - real mean)^2, per dimension, under replace.

    A row of generation t is a real row plus t - 1 kernels, so its variance v_0 + (t-1) h^2 is that within the
    rows, `replace_data_variance`, plus that of their mean.

    Args:
        n: Rows a generation.
        t: Generations; 1 is the density of the real rows.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.

    References:
        Kazdan et al. (2024), arXiv:2410.16713.

    >>> round(replace_mean_error(10, 1, 0.5), 4)
    0.1
    """
    total = variance + (generations(t) - 1) * bandwidth**2
    return curve(total - np.asarray(replace_data_variance(n, t, bandwidth, variance)))


def mixing_variance(share: float, t: Generations, bandwidth: float, variance: float = 1.0) -> Curve:
    """Return the variance of the density at t where a share alpha of endless training rows is real.

    v_0 + h^2 (1 - (1-alpha)^t) / alpha, with limit v_0 + h^2/alpha.

    Args:
        share: Share alpha of real rows, above 0 and at most 1, in each generation after the first.
        t: Generations; 1 is the density of the real rows.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.

    References:
        Fu et al. (2024), arXiv:2402.11778.

    >>> round(mixing_variance(0.25, 1000, 0.5), 4)
    2.0
    """
    alpha = between("share", share, 0.0, 1.0, closed="high")
    widened = positive("bandwidth", bandwidth) ** 2 * (1 - (1 - alpha) ** generations(t)) / alpha
    return curve(positive("variance", variance) + widened)


def mixing_variance_limit(share: float, bandwidth: float, variance: float = 1.0) -> float:
    """Return where the density's variance settles with a share alpha of real rows: v_0 + h^2/alpha.

    Args:
        share: Share alpha of real rows, above 0 and at most 1.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.

    References:
        Fu et al. (2024), arXiv:2402.11778.

    >>> mixing_variance_limit(0.25, 0.5)
    2.0
    """
    alpha = between("share", share, 0.0, 1.0, closed="high")
    return positive("variance", variance) + positive("bandwidth", bandwidth) ** 2 / alpha


def accumulate_data_variance(n: int, t: Generations, bandwidth: float, variance: float = 1.0) -> Curve:
    """Return the expected variance of the t n rows pooled at generation t under accumulation.

    S_1 = (1-1/n) v_0 and S_{t+1} = S_t (1 - 1/(n(t+1)^2)) + h^2 [1/(t+1) - 1/(n(t+1)^2)]: with a fixed
    bandwidth it grows like h^2 log t and never settles.

    Args:
        n: Rows a generation.
        t: Generations; 1 is the density of the real rows.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.

    References:
        Kazdan et al. (2024), arXiv:2410.16713 (the setting).

    >>> round(accumulate_data_variance(100, 100, 0.5), 4)
    2.0277
    """
    return subsample(n, None, t, bandwidth, variance).variance


def accumulate_variance(n: int, t: Generations, bandwidth: float, variance: float = 1.0) -> Curve:
    """Return the expected variance of the density fitted at t to everything so far.

    The variance of the pooled rows plus h^2.

    Args:
        n: Rows a generation.
        t: Generations; 1 is the density of the real rows.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.

    References:
        Kazdan et al. (2024), arXiv:2410.16713 (the setting).

    >>> round(accumulate_variance(100, 100, 0.5), 4)
    2.2777
    """
    return curve(np.asarray(accumulate_data_variance(n, t, bandwidth, variance)) + bandwidth**2)


def subsample_variance(n: int, t: Generations, bandwidth: float, variance: float = 1.0) -> Curve:
    """Return the expected variance of the density fitted at t to n of the t n rows so far.

    Args:
        n: Rows published, and rows trained on, a generation.
        t: Generations; 1 is the density of the real rows.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.

    References:
        Kazdan et al. (2024), arXiv:2410.16713 (accumulate-subsample).

    >>> round(subsample_variance(100, 100, 0.5), 4)
    2.2539
    """
    return curve(np.asarray(subsample(n, n, t, bandwidth, variance).variance) + bandwidth**2)


def subsample(
    n: int, k: int | None, t: Generations, bandwidth: float, variance: float = 1.0, n_real: int | None = None
) -> DataMoments:
    """Return variance and squared mean error, per dimension, of k training rows drawn from everything so far.

    Args:
        n: Rows published a generation.
        k: Rows a density is fitted to, drawn without replacement; None is the whole pool.
        t: Generations; 1 is the density of the real rows.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.
        n_real: Real rows at the start; None is n.

    References:
        Kazdan et al. (2024), arXiv:2410.16713 (accumulate-subsample).

    >>> spread, error = subsample(n=50, k=20, t=30, bandwidth=0.5, n_real=100)
    >>> round(spread, 4), round(error, 4)
    (1.5146, 0.1172)
    """
    steps = generations(t)
    h2, v0 = positive("bandwidth", bandwidth) ** 2, positive("variance", variance)
    moments = pool_moments(n, k, int(steps.max()), n_real=n_real, smoothing=h2, variance=v0)
    return DataMoments(pick(moments.variance, steps), pick(moments.mean_error, steps))


def replace_depth(t: int) -> Floats:
    """Return the law of the number D of kernels that a training row carries under replace: t - 1.

    Args:
        t: Generation; 1 is the density of the real rows.

    Returns:
        Probabilities of D = 0, 1, ..., t - 1.

    References:
        Fu et al. (2024), arXiv:2402.11778.

    >>> replace_depth(3).tolist()
    [0.0, 0.0, 1.0]
    """
    law: Floats = np.eye(whole("t", t, 1))[-1]
    return law


def accumulate_depth(t: int) -> Floats:
    """Return the law of the number D of kernels that a training row carries under accumulation.

    D is a sum of independent Bernoulli(1/j), j = 2..t: a uniform row of j batches is of the newest with
    probability 1/j, and then lies one kernel away from a uniform row of the j - 1 before it. Its mean is 1/2
    + ... + 1/t. The same holds when each density is fitted to a random subset of the pool.

    Args:
        t: Generation; 1 is the density of the real rows.

    Returns:
        Probabilities of D = 0, 1, ..., t - 1.

    References:
        Kazdan et al. (2024), arXiv:2410.16713 (the setting).

    >>> accumulate_depth(3).round(4).tolist()
    [0.3333, 0.5, 0.1667]
    """
    law = np.ones(1)
    for j in range(2, whole("t", t, 1) + 1):
        law = np.convolve(law, [1 - 1 / j, 1 / j])
    return law


def expected_log_density(points: ArrayLike, rows: ArrayLike, bandwidth: float, depth: ArrayLike) -> Floats:
    """Return the logarithm of the expected density at generation t, given the real rows, at the points.

    Averaged over the loop's draws, the density is the mixture of N(x_i, (1+D) h^2 I) over the real rows x_i
    and the depth D. By Jensen's inequality -E log of the fitted density is at least minus this.

    Args:
        points: Where to evaluate, shape (m, d).
        rows: Real rows, shape (n, d).
        bandwidth: Standard deviation h of the kernel.
        depth: Probabilities of D = 0, 1, ...: `replace_depth(t)` or `accumulate_depth(t)`.

    Returns:
        Log densities, shape (m,).

    References:
        Kazdan et al. (2024), arXiv:2410.16713 (the setting); Fu et al. (2024), arXiv:2402.11778.

    >>> expected_log_density([[0.0]], [[0.0]], 1.0, replace_depth(4)).round(4).tolist()
    [-1.6121]
    """
    from scipy.special import logsumexp

    at, centres = np.asarray(points, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    if at.ndim != 2 or centres.ndim != 2 or at.shape[1] != centres.shape[1]:
        raise GenlossError(
            f"points {at.shape} and rows {centres.shape}: give (m, d) and (n, d) with the same d"
        )
    h2, weights = positive("bandwidth", bandwidth) ** 2, probabilities("depth", depth)
    # Squares are expanded so that memory is (m, n) whatever d is.
    squared = (at**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * at @ centres.T
    parts = [
        np.log(weight) + logsumexp(-squared / (2 * (1 + k) * h2), axis=1) - at.shape[1] / 2 * np.log(1 + k)
        for k, weight in enumerate(weights)
        if weight > 0
    ]
    scale = at.shape[1] / 2 * np.log(2 * np.pi * h2) + np.log(len(centres))
    values: Floats = logsumexp(parts, axis=0) - scale
    return values
