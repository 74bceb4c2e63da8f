"""Gaussian loops that see real rows every generation: a fixed set, fresh rows, or a weighted mixture."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from genloss.errors import GenlossError
from genloss.theory._arguments import (
    Curve,
    Floats,
    Generations,
    between,
    curve,
    fit_divisor,
    generations,
    pick,
    positive,
    whole,
)

# More Gauss nodes change the Wasserstein limit by less than the 1/d terms that it leaves out.
NODES = 8


class Moments(NamedTuple):
    """E tr Sigma_t / tr Sigma_0 and E ||mu_t - mu_0||^2 (Sigma_0 = I_d) of the model fitted at t."""

    trace_ratio: Curve
    mean_error: Curve


def _mixture(
    n_real: int, n_synthetic: int, last: int, ddof: float, temperature: float, refreshed: bool
) -> tuple[Floats, Floats]:
    """Return variance and squared mean error, per dimension, at generations 1 to `last`.

    Rows within the two halves and the gap between their means add up to the sum of squares; the gap has
    variance (offset of the model from the real rows' mean) + (its rows' variance) / n_synthetic. With a set
    that is kept the offset is measured from the mean of that set, with fresh rows from the true mean, plus
    1/n_real for theirs.
    """
    n_real, n_synthetic = whole("n_real", n_real, 1), whole("n_synthetic", n_synthetic, 1)
    heat = positive("temperature", temperature)
    total = n_real + n_synthetic
    share = n_real / total
    drawn = 1 / n_real if refreshed else 0.0  # what a new draw of real rows adds to the gap
    variance, offset = (n_real - 1) / fit_divisor(n_real, ddof), drawn
    out = np.empty((2, last))
    for t in range(last):
        out[:, t] = variance, offset + (0.0 if refreshed else 1 / n_real)
        made = heat * variance
        gap = drawn + offset + made / n_synthetic
        within = (n_real - 1) + (n_synthetic - 1) * made
        variance = (within + n_real * n_synthetic / total * gap) / fit_divisor(total, ddof)
        offset = share**2 * drawn + (1 - share) ** 2 * (offset + made / n_synthetic)
    return out[0], out[1]


def real_plus_latest(
    n_real: int, n_synthetic: int, d: int, t: Generations, ddof: float = 0, temperature: float = 1.0
) -> Moments:
    """Return trace ratio and mean error on one fixed real set and the latest synthetic rows.

    Exact for every t: a two-variable linear recursion of the fitted variance and of the offset from the real
    mean.

    Args:
        n_real: Real rows, the same ones each generation.
        n_synthetic: Rows of the latest model, replaced each generation.
        d: Dimensions, each of variance 1.
        t: Generations; 1 is the model fitted to the real rows alone.
        ddof: The covariance of N rows is divided by N - ddof.
        temperature: Factor on the covariance when sampling.

    References:
        Bertrand et al., On the stability of iterative retraining (2023), arXiv:2310.00429.

    >>> ratio, error = real_plus_latest(50, 25, 2, 100)
    >>> round(ratio, 4), round(error, 4)
    (0.9751, 0.0498)
    """
    steps = generations(t)
    variance, error = _mixture(n_real, n_synthetic, int(steps.max()), ddof, temperature, refreshed=False)
    return Moments(pick(variance, steps), pick(whole("d", d, 1) * error, steps))


def real_plus_latest_mean_error(
    n_real: int, n_synthetic: int, d: int, t: Generations, ddof: float = 0
) -> Curve:
    """Return E ||mu_t - mu_0||^2 where each generation trains on one real set and the latest synthetic rows.

    Args:
        n_real: Real rows, the same ones each generation.
        n_synthetic: Rows of the latest model, replaced each generation.
        d: Dimensions, each of variance 1.
        t: Generations; 1 is the model fitted to the real rows alone.
        ddof: The covariance of N rows is divided by N - ddof.

    References:
        Bertrand et al. (2023), arXiv:2310.00429.

    >>> round(real_plus_latest_mean_error(50, 25, 1, 1), 4)
    0.02
    """
    return real_plus_latest(n_real, n_synthetic, d, t, ddof).mean_error


def real_plus_latest_mean_offset(n_real: int, n_synthetic: int, d: int, t: Generations) -> Curve:
    """Return E ||mu_t - mean of the real set||^2 with a known covariance, fixed real and latest rows.

    With lambda = n_synthetic / n_real and c = lambda/(1 + lambda), each generation multiplies the offset by c
    and adds noise: (d / n_synthetic) c^2 (1 - c^(2(t-1))) / (1 - c^2).

    Args:
        n_real: Real rows, the same ones each generation.
        n_synthetic: Rows of the latest model, replaced each generation.
        d: Dimensions, each of variance 1.
        t: Generations; 1 is the model fitted to the real rows alone, whose offset is 0.

    References:
        Bertrand et al. (2023), arXiv:2310.00429.

    >>> round(50 * real_plus_latest_mean_offset(50, 25, 1, 100), 4)
    0.25
    """
    steps = generations(t)
    n_real, n_synthetic = whole("n_real", n_real, 1), whole("n_synthetic", n_synthetic, 1)
    c2 = real_plus_latest_contraction(n_synthetic / n_real) ** 2
    return curve(whole("d", d, 1) / n_synthetic * c2 * (1 - c2 ** (steps - 1)) / (1 - c2))


def real_plus_latest_mean_offset_limit(synthetic_per_real: float) -> float:
    """Return the limit of n_real Var(mu_t - mean of the real set) / sigma^2: lambda/(1 + 2 lambda).

    Args:
        synthetic_per_real: lambda, synthetic rows per real row.

    References:
        Bertrand et al. (2023), arXiv:2310.00429.

    >>> real_plus_latest_mean_offset_limit(0.5)
    0.25
    """
    ratio = positive("synthetic_per_real", synthetic_per_real)
    return ratio / (1 + 2 * ratio)


def real_plus_latest_contraction(synthetic_per_real: float) -> float:
    """Return what a generation leaves of the offset from the real set: lambda/(1 + lambda).

    Args:
        synthetic_per_real: lambda, synthetic rows per real row.

    References:
        Bertrand et al. (2023), arXiv:2310.00429.

    >>> real_plus_latest_contraction(1.0)
    0.5
    """
    ratio = positive("synthetic_per_real", synthetic_per_real)
    return ratio / (1 + ratio)


def fresh(
    n_real: int, n_synthetic: int, d: int, t: Generations, ddof: float = 0, temperature: float = 1.0
) -> Moments:
    """Return trace ratio and mean error on fresh real rows and the latest synthetic ones.

    Exact for every t: a two-variable linear recursion of the fitted variance and of the mean error.

    Args:
        n_real: Real rows, drawn anew each generation.
        n_synthetic: Rows of the latest model.
        d: Dimensions, each of variance 1.
        t: Generations; 1 is the model fitted to n_real real rows alone.
        ddof: The covariance of N rows is divided by N - ddof.
        temperature: Factor on the covariance when sampling.

    References:
        Alemohammad et al., Self-consuming generative models go MAD (2023), arXiv:2307.01850 (fresh data
        loop).

    >>> ratio, error = fresh(100, 900, 100, 200)
    >>> round(ratio, 4), round(error, 4)
    (0.9948, 0.5238)
    """
    steps = generations(t)
    variance, error = _mixture(n_real, n_synthetic, int(steps.max()), ddof, temperature, refreshed=True)
    return Moments(pick(variance, steps), pick(whole("d", d, 1) * error, steps))


def fresh_variance_fixed_point(w: float, temperature: float = 1.0) -> float:
    """Return the variance at which a loop with a share w of fresh real rows settles.

    w/(1 - (1-w) lambda), for many rows; `fresh` has the exact recursion.

    Args:
        w: Share of fresh real rows in each training set.
        temperature: Factor lambda on the covariance when sampling.

    Raises:
        GenlossError: With (1-w) lambda >= 1 the variance grows without end.

    References:
        Alemohammad et al. (2023), arXiv:2307.01850 (fresh data loop, sampling bias).

    >>> round(fresh_variance_fixed_point(0.1, 0.8), 4)
    0.3571
    """
    share = between("w", w, 0.0, 1.0, closed="high")
    carried = (1 - share) * positive("temperature", temperature)
    if carried >= 1:
        raise GenlossError(
            f"temperature = {temperature!r} with w = {w!r} has no fixed point: keep (1-w) temperature < 1"
        )
    return share / (1 - carried)


def fresh_w2_limit(n_real: int, n_synthetic: int, d: int, temperature: float = 1.0) -> float:
    """Return the limit of E W2^2 to N(0, I_d) in a loop with n_real fresh and n_synthetic latest rows (MLE).

    W2^2 = ||mu||^2 + tr Sigma + d - 2 tr Sigma^(1/2). The first two terms have the exact limits of `fresh`;
    the last needs the spectrum of Sigma, which in the limit of many dimensions solves the free-probability
    fixed point Sigma = w W_real + (1-w) lambda Sigma^(1/2) W_synthetic Sigma^(1/2), W Marchenko-Pastur. Its
    moments follow one after the other, each by a linear equation. Shapes are
    (d+1)/n, which makes the spread of the spectrum exact for any d. What is left out grows with the
    dimensions per row: under 1 % at d = 100 with 100 fresh and 900 synthetic rows (12.15 against 12.2
    simulated), 2 to 4 % with about a row a dimension, up to 10 % low with fewer rows than dimensions.

    Args:
        n_real: Real rows, drawn anew each generation.
        n_synthetic: Rows of the latest model.
        d: Dimensions, each of variance 1.
        temperature: Factor lambda on the covariance when sampling.

    Raises:
        GenlossError: Where the variance grows without end.

    References:
        Alemohammad et al. (2023), arXiv:2307.01850 (the setting); Nica and Speicher, Lectures on the
        combinatorics of free probability (2006) (moments and cumulants).

    >>> round(fresh_w2_limit(100, 900, 100), 1), round(fresh_w2_limit(100, 900, 100, 0.8), 1)
    (12.2, 20.7)
    """
    d = whole("d", d, 1)
    n_real, n_synthetic = whole("n_real", n_real, 1), whole("n_synthetic", n_synthetic, 1)
    share = n_real / (n_real + n_synthetic)
    fresh_variance_fixed_point(share, temperature)
    carried = (1 - share) * temperature
    keep, gap = n_synthetic / (n_real + n_synthetic), 1 / n_synthetic
    system = [  # (variance, squared mean error) = made from themselves + what the fresh rows bring
        [1 - carried * (1 - gap * keep), -share * keep],
        [-carried * keep * gap, 1 - keep**2],
    ]
    ratio, error = np.linalg.solve(system, [share * (1 - share / n_real), share**2 / n_real])
    cumulants = _fresh_cumulants(share, carried, (d + 1) / n_real, (d + 1) / n_synthetic)
    root = math.sqrt(ratio) * _mean_root(cumulants)
    return float(d * (error + 1 + ratio - 2 * root))


def _rest_of_moment(cumulants: Floats, moments: Floats, k: int) -> float:
    """Return the k-th moment less the k-th free cumulant: sum_{s<k} kappa_s [z^(k-s)] M(z)^s."""
    total, power = 0.0, np.eye(1, k + 1)[0]
    for s in range(1, k):
        power = np.convolve(power, moments[: k + 1])[: k + 1]
        total += cumulants[s] * power[k - s]
    return total


def _fresh_cumulants(share: float, carried: float, shape_real: float, shape_synthetic: float) -> Floats:
    """Return the free cumulants 0 to 2 NODES of the stationary covariance spectrum (entry 0 is unused).

    The companion matrix of a sample covariance of Sigma has free cumulants shape * moments(Sigma), and the
    moments of the two differ by the factor shape; free cumulants of the real and the synthetic part add.
    """
    size = 2 * NODES + 1
    moments, made, companion = (np.eye(1, size)[0] for _ in range(3))
    of_all, of_made, of_companion = (np.zeros(size) for _ in range(3))
    for k in range(1, size):
        rest_companion = _rest_of_moment(of_companion, companion, k)
        rest_made = _rest_of_moment(of_made, made, k)
        rest = _rest_of_moment(of_all, moments, k)
        real = share**k * shape_real ** (k - 1)
        moments[k] = (real + carried**k * (rest_companion / shape_synthetic - rest_made) + rest) / (
            1 - carried**k
        )
        of_companion[k] = shape_synthetic * moments[k]
        companion[k] = of_companion[k] + rest_companion
        made[k] = companion[k] / shape_synthetic
        of_made[k] = made[k] - rest_made
        of_all[k] = moments[k] - rest
    return of_all


def _mean_root(cumulants: Floats) -> float:
    """Return E sqrt(x / E x) of a law given by free cumulants, by Gauss quadrature."""
    centre, spread = cumulants[1], cumulants[2] / cumulants[1] ** 2
    # The k-th standardised cumulant is off by about 1e-16 / spread^(k/2): a narrow law gets fewer nodes.
    nodes = int(np.clip(0.5 + 10 / -math.log10(min(spread, 0.5)), 2, NODES))
    standard = np.zeros(2 * nodes + 1)
    standard[2:] = cumulants[2 : 2 * nodes + 1] / cumulants[2] ** (np.arange(2, 2 * nodes + 1) / 2)
    moments = np.eye(1, standard.size)[0]
    for k in range(1, standard.size):
        moments[k] = standard[k] + _rest_of_moment(standard, moments, k)
    hankel = moments[np.add.outer(np.arange(nodes + 1), np.arange(nodes + 1))]
    root = np.linalg.cholesky(hankel).T
    diagonal = root.diagonal()
    above = np.concatenate([[0.0], root.diagonal(1) / diagonal[:-1]])
    beside = diagonal[1:nodes] / diagonal[: nodes - 1]
    jacobi = np.diag(np.diff(above)) + np.diag(beside, 1) + np.diag(beside, -1)
    points, vectors = np.linalg.eigh(jacobi)
    values = np.maximum(1 + math.sqrt(cumulants[2]) / centre * points, 0)
    return float(vectors[0] ** 2 @ np.sqrt(values))


def weighted_variance(w: float, k: float, t: Generations) -> Curve:
    """Return n Var(mu_t) / sigma^2 with weight w on n fresh real rows and 1-w on m synthetic ones.

    V_1 = 1 and V' = w^2 + (1-w)^2 (V + k), for a known covariance.

    Args:
        w: Weight on the real rows, above 0 and at most 1.
        k: Real rows per synthetic row, n/m.
        t: Generations; 1 is the model fitted to real rows alone.

    References:
        He et al., Golden ratio weighting prevents model collapse (2025), arXiv:2502.18049.

    >>> weighted_variance(0.5, 1.0, [1, 2, 3]).tolist()
    [1.0, 0.75, 0.6875]
    """
    steps = generations(t)
    limit = weighted_limit_variance(w, k)
    return curve(limit + (1 - limit) * (1 - w) ** (2.0 * (steps - 1)))


def weighted_limit_variance(w: float, k: float) -> float:
    """Return the limit of n Var(mu_t) / sigma^2: [w^2 + k(1-w)^2] / [w(2-w)].

    Pooling all rows alike is w = k/(1+k).

    Args:
        w: Weight on n fresh real rows, above 0 and at most 1.
        k: Real rows per synthetic row, n/m.

    References:
        He et al. (2025), arXiv:2502.18049.

    >>> round(weighted_limit_variance(0.5, 1.0), 3), round(weighted_limit_variance(0.618, 1.0), 3)
    (0.667, 0.618)
    """
    weight = between("w", w, 0.0, 1.0, closed="high")
    return (weight**2 + positive("k", k) * (1 - weight) ** 2) / (weight * (2 - weight))


def weighted_best(k: float) -> float:
    """Return the weight on real rows with the least limit variance: (sqrt(k^2 + 4k) - k)/2.

    The least limit variance is the same number, in units of sigma^2/n.

    Args:
        k: Real rows per synthetic row, n/m; k = 1 gives the golden ratio less 1.

    References:
        He et al. (2025), arXiv:2502.18049.

    >>> round(weighted_best(1.0), 3)
    0.618
    """
    ratio = positive("k", k)
    return (math.sqrt(ratio**2 + 4 * ratio) - ratio) / 2
