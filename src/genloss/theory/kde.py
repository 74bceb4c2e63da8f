"""Loops that fit a Gaussian kernel density of fixed bandwidth h: every resampling adds h^2 to each dimension.

Variances are per dimension, those of the fitted density (its rows' maximum-likelihood variance plus h^2)
except in `subsample`, which has those of the rows, and exact for real data of any shape. The held-out
likelihood of a fitted density has no closed form; the *expected* density has, see `expected_log_density`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import GenlossError
from genloss.theory._arguments import (
    SMALL,
    STEPS,
    Curve,
    Floats,
    Generations,
    between,
    curve,
    generations,
    last_of,
    numbers,
    pick,
    positive,
    probabilities,
    whole,
)
from genloss.theory._digits import geometric_sum, log_kept, power
from genloss.theory._pool import PoolMoments, pool_moments


def replace_variance(n: int, t: Generations, bandwidth: float, variance: float = 1.0) -> Curve:
    """Return the expected variance of the density fitted at t under replace.

    f^t v_0 + n h^2 (1 - f^t) with f = 1-1/n. The variance v_t of its rows is h^2 less: v_1 = f v_0 and v' =
    f(v + h^2), with fixed point (n-1) h^2, so small kernels on few rows collapse.

    Args:
        n: Rows a generation.
        t: Generations; 1 is the density of the real rows.
        bandwidth: Standard deviation h of the kernel.
        variance: Variance v_0 of the real data.

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713 (kernel density setting).
        Fu et al., Towards theoretical understandings of self-consuming generative models (2024),
        arXiv:2402.11778.

    >>> round(replace_variance(100, 50, 0.1), 4)
    1.0
    >>> round(replace_variance(10, 1000, 0.5), 4)
    2.5
    """
    steps, kept = generations(t), float(log_kept(whole("n", n, 1), 0))
    h2, v0 = positive("bandwidth", bandwidth) ** 2, positive("variance", variance)
    return curve(v0 * np.asarray(power(steps * kept)) + h2 * geometric_sum(kept, steps))


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

    The n rows that the density of generation s makes move the mean by its variance, `replace_variance`, over
    n: in sum (v_0/n) sum_{s<t} f^s + h^2 sum_{s<t} (1 - f^s) with f = 1-1/n.

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
    n, steps = whole("n", n, 1), generations(t)
    h2, v0 = positive("bandwidth", bandwidth) ** 2, positive("variance", variance)
    kept = max(float(log_kept(n, 0)), -1e4)  # for one row exp(-1e4) is 0
    lost = np.cumsum(-np.expm1(np.arange(last_of(steps)) * kept))
    return curve(v0 / n * geometric_sum(kept, steps) + h2 * np.asarray(pick(lost, steps)))


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
    alpha = between("share", share, SMALL, 1.0)
    kernels = geometric_sum(math.log1p(-alpha) if alpha < 1 else -math.inf, generations(t))
    return curve(positive("variance", variance) + positive("bandwidth", bandwidth) ** 2 * kernels)


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
    alpha = between("share", share, SMALL, 1.0)
    return positive("variance", variance) + positive("bandwidth", bandwidth) ** 2 / alpha


def subsample(
    n: int, k: int | None, t: Generations, bandwidth: float, variance: float = 1.0, n_real: int | None = None
) -> PoolMoments:
    """Return variance and squared mean error, per dimension, of k training rows drawn from everything so far.

    The variance of the density is h^2 more. Accumulation is k = None: S_1 = (1-1/n) v_0 and S_{t+1} = S_t (1
    - 1/(n(t+1)^2)) + h^2 [1/(t+1) - 1/(n(t+1)^2)], which grows like h^2 log t and never settles.

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
    h2, v0 = positive("bandwidth", bandwidth) ** 2, positive("variance", variance)
    return pool_moments(n, k, generations(t), n_real=n_real, smoothing=h2, variance=v0)


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
    law = np.zeros(whole("t", t, 1, STEPS))
    law[-1] = 1.0
    return law


def accumulate_depth(t: int) -> Floats:
    """Return the law of the number D of kernels that a training row carries under accumulation.

    D is a sum of independent Bernoulli(1/j), j = 2..t: a uniform row of j batches is of the newest with
    probability 1/j, and then lies one kernel away from a uniform row of the j - 1 before it. Its mean is 1/2
    + ... + 1/t. The same holds when each density is fitted to a random subset of the pool.

    Args:
        t: Generation, at most 10^6; 1 is the density of the real rows.

    Returns:
        Probabilities of D = 0, 1, ..., t - 1, 0.0 where they are below float64.

    References:
        Kazdan et al. (2024), arXiv:2410.16713 (the setting).

    >>> accumulate_depth(3).round(4).tolist()
    [0.3333, 0.5, 0.1667]
    """
    t = whole("t", t, 1, 10**6)
    law, s = np.zeros(t), np.arange(1.0, t + 1)
    p = 1 / s  # P(D_s = k) for all s at once: the newest batch was drawn from, or one that lay k - 1 deep
    for k in range(t):
        law[k] = p[-1]
        if law[k] < 1e-300:  # and falling: what follows sums to less
            break
        p = np.concatenate([[0.0], np.cumsum(p)[:-1]]) / s
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
        Log densities, shape (m,); -inf where a point is 10^154 bandwidths away.

    References:
        Kazdan et al. (2024), arXiv:2410.16713 (the setting); Fu et al. (2024), arXiv:2402.11778.

    >>> expected_log_density([[0.0]], [[0.0]], 1.0, replace_depth(4)).round(4).tolist()
    [-1.6121]
    """
    from scipy.special import logsumexp

    at = numbers("points", points, 2, "points of shape (m, d)")
    centres = numbers("rows", rows, 2, "rows of shape (n, d)")
    if at.shape[1] != centres.shape[1]:
        raise GenlossError(
            f"points {at.shape} and rows {centres.shape}: give (m, d) and (n, d) with the same d"
        )
    h, weights = positive("bandwidth", bandwidth), probabilities("depth", depth)
    squared = np.zeros((len(at), len(centres)))  # one dimension after the other, so that memory is (m, n)
    with np.errstate(over="ignore"):  # squares are not expanded: far from the origin they would cancel
        for x, y in zip(at.T, centres.T, strict=True):
            squared += ((x[:, None] - y) / h) ** 2
    parts = [
        np.log(weights[k]) + logsumexp(-squared / (2 * (1 + k)), axis=1) - at.shape[1] / 2 * np.log(1 + k)
        for k in np.flatnonzero(weights)
    ]
    scale = at.shape[1] / 2 * np.log(2 * np.pi * h**2) + np.log(len(centres))
    values: Floats = logsumexp(parts, axis=0) - scale
    return values
