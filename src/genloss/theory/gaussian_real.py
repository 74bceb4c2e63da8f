"""Gaussian loops that see real rows every generation: a fixed set, fresh rows, or a weighted mixture."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from genloss.errors import GenlossError
from genloss.theory._arguments import (
    LARGE,
    SMALL,
    Curve,
    Floats,
    Generations,
    between,
    curve,
    degrees,
    generations,
    last_of,
    positive,
    shown,
    whole,
)
from genloss.theory._digits import geometric_sum, power, scaled, unscaled

# More Gauss nodes change the Wasserstein limit by less than the 1/d terms that it leaves out.
NODES = 8


class Moments(NamedTuple):
    """E tr Sigma_t / tr Sigma_0 and E ||mu_t - mu_0||^2 (Sigma_0 = I_d) of the model fitted at t."""

    trace_ratio: Curve
    mean_error: Curve


def _mixture(
    n_real: int,
    n_synthetic: int,
    d: int,
    t: Generations,
    ddof: float,
    temperature: float,
    log: bool,
    refreshed: bool,
) -> Moments:
    """Return the moments of a loop over n_real real rows, kept or refreshed, and the latest synthetic ones.

    Rows within the two halves and the gap between their means add up to the sum of squares; the gap has
    variance (offset of the model from the real rows' mean) + (its rows' variance) / n_synthetic. With a set
    that is kept the offset is measured from the mean of that set, with fresh rows from the true mean, plus
    1/n_real for theirs. No term is negative, so no digit is lost.
    """
    steps = generations(t)
    n_real, n_synthetic = whole("n_real", n_real, 1), whole("n_synthetic", n_synthetic, 1)
    heat, ddof, last = positive("temperature", temperature), degrees(n_real, ddof), last_of(steps)
    total = n_real + n_synthetic
    share, keep, between_means = n_real / total, n_synthetic / total, n_real * n_synthetic / total
    unit, exponent = 1.0, 0  # the variance of a real row, in the scale that numbers are carried at
    drawn = 1 / n_real if refreshed else 0.0  # what a new draw of real rows adds to the gap
    start = 0.0 if refreshed else 1 / n_real  # how far the mean that the offset is measured from is off
    variance, offset = (n_real - 1) / (n_real - ddof), drawn
    out, exponents = np.empty((2, last)), np.zeros(last, dtype=np.int64)
    for s in range(last):
        out[0, s], out[1, s], exponents[s] = variance, offset + start * unit, exponent
        made = heat * variance
        gap = drawn * unit + offset + made / n_synthetic
        within = (n_real - 1) * unit + (n_synthetic - 1) * made
        variance = (within + between_means * gap) / (total - ddof)
        offset = share**2 * drawn * unit + keep**2 * (offset + made / n_synthetic)
        if variance > LARGE:  # so that logarithms go on
            _, by = math.frexp(variance)
            variance, offset, unit = (math.ldexp(v, -by) for v in (variance, offset, unit))
            exponent += by
    ratio, error = (unscaled(v[steps - 1], exponents[steps - 1], log) for v in out)
    return Moments(curve(ratio), scaled(error, whole("d", d, 1), log))


def real_plus_latest(
    n_real: int,
    n_synthetic: int,
    d: int,
    t: Generations,
    ddof: float = 0,
    temperature: float = 1.0,
    log: bool = False,
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
        log: Return logarithms, which go on where a high temperature takes both to inf.

    References:
        Bertrand et al., On the stability of iterative retraining (2023), arXiv:2310.00429.

    >>> ratio, error = real_plus_latest(50, 25, 2, 100)
    >>> round(ratio, 4), round(error, 4)
    (0.9751, 0.0498)
    """
    return _mixture(n_real, n_synthetic, d, t, ddof, temperature, log, refreshed=False)


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
    steps, d = generations(t), whole("d", d, 1)
    n_real, n_synthetic = whole("n_real", n_real, 1), whole("n_synthetic", n_synthetic, 1)
    c = n_synthetic / (n_real + n_synthetic)
    return curve(d / n_synthetic * c**2 * geometric_sum(-2 * math.log1p(n_real / n_synthetic), steps - 1))


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
    n_real: int,
    n_synthetic: int,
    d: int,
    t: Generations,
    ddof: float = 0,
    temperature: float = 1.0,
    log: bool = False,
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
        log: Return logarithms, which go on where a high temperature takes both to inf.

    References:
        Alemohammad et al., Self-consuming generative models go MAD (2023), arXiv:2307.01850 (fresh data
        loop).

    >>> ratio, error = fresh(100, 900, 100, 200)
    >>> round(ratio, 4), round(error, 4)
    (0.9948, 0.5238)
    """
    return _mixture(n_real, n_synthetic, d, t, ddof, temperature, log, refreshed=True)


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
    share, heat = between("w", w, SMALL, 1.0), positive("temperature", temperature)
    lost = (1 - heat) + share * heat  # 1 - (1-w) lambda, to the digits that it has
    if lost <= 0:
        raise GenlossError(
            f"temperature = {shown(temperature)} with w = {shown(w)} has no fixed point: "
            "keep (1-w) temperature < 1"
        )
    return share / lost


def fresh_w2_limit(n_real: int, n_synthetic: int, d: int, temperature: float = 1.0) -> float:
    """Return the limit of E W2^2 to N(0, I_d) in a loop with n_real fresh and n_synthetic latest rows (MLE).

    W2^2 = ||mu||^2 + tr Sigma + d - 2 tr Sigma^(1/2). The first two terms have the exact limits of `fresh`;
    the last needs the spectrum of Sigma, which in the limit of many dimensions solves the free-probability
    fixed point Sigma = w W_real + (1-w) lambda Sigma^(1/2) W_synthetic Sigma^(1/2), W Marchenko-Pastur. Its
    free cumulants follow one after the other, each by a linear equation. Shapes are
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
    share, keep = n_real / (n_real + n_synthetic), n_synthetic / (n_real + n_synthetic)
    lost = share / fresh_variance_fixed_point(share, temperature)
    heat = float(temperature)
    # `fresh` at rest, two linear equations, solved by hand: no difference of nearly equal terms is left
    made = keep * heat * keep / n_synthetic
    scale = lost * (1 + keep) + made
    error = (lost * share / n_real + made) / scale
    ratio = share * (1 + keep - share / n_real) / scale
    excess = (keep * (heat - 1) * (1 + keep) - share**2 / n_real - made) / scale  # ratio - 1
    root = math.sqrt(ratio)
    spectrum = _fresh_cumulants(keep * heat, lost, (d + 1) / n_real, (d + 1) / n_synthetic)
    # error + 1 + ratio - 2 E root, where root falls short of 1 and its mean of the root of the mean
    return float(d * (error + (excess / (1 + root)) ** 2 + 2 * root * _root_gap(*spectrum)))


def _fresh_cumulants(carried: float, lost: float, real: float, synthetic: float) -> tuple[float, Floats]:
    """Return the squared relative width s of the stationary covariance spectrum, and its free cumulants.

    Those of a Marchenko-Pastur law are powers of its shape. With C the generating function of those of
    Sigma, that of Sigma^(1/2) W Sigma^(1/2) is w(u) = C(u (1 + shape w(u))): S-transforms multiply. Free
    cumulants of the real and the synthetic part add, and no term is negative. In units of the mean the k-th
    is of degree k - 1 in the shapes: with these in units of s = kappa_2, the first two are 1, whatever n.
    `lost` is 1 - carried. Entry 0 is unused, the last is 2 NODES.
    """
    size = 2 * NODES + 1
    log_carried = math.log1p(-lost) if lost < 0.5 else math.log(carried)
    wide = (lost**2 * real + carried**2 * synthetic) / -math.expm1(2 * log_carried)
    cumulants, made = np.zeros(size), np.zeros(size)
    for k in range(1, size):
        factor, to_the_j = np.eye(1, size)[0] + synthetic / wide * made, np.eye(1, size)[0]
        for j in range(1, k):
            to_the_j = np.convolve(to_the_j, factor)[:size]
            made[k] += cumulants[j] * to_the_j[k - j]
        of_real = lost**k * (real / wide) ** (k - 1)
        cumulants[k] = (of_real + carried**k * made[k]) / -math.expm1(k * log_carried)
        made[k] += cumulants[k]
    return wide, cumulants


def _root_gap(wide: float, cumulants: Floats) -> float:
    """Return 1 - E sqrt(x / E x) of a law given by its width and free cumulants, by Gauss quadrature."""
    standard = cumulants * wide ** (np.arange(cumulants.size) / 2 - 1)  # of variance 1
    moments = np.eye(1, cumulants.size)[0]
    for k in range(2, cumulants.size):  # m_k = sum_s kappa_s [z^(k-s)] M(z)^s, of mean 0
        to_the_s = moments
        for s in range(2, k + 1):
            to_the_s = np.convolve(to_the_s, moments)[: cumulants.size]
            moments[k] += standard[s] * to_the_s[k - s]
    hankel = moments[np.add.outer(np.arange(NODES), np.arange(NODES + 1))]
    for nodes in range(NODES, 1, -1):
        try:
            root = np.linalg.cholesky(hankel[:nodes, :nodes])
            break  # with two nodes the matrix is that of ones
        except np.linalg.LinAlgError:
            continue  # far more dimensions than rows: nearly all of the law lies on fewer points
    diagonal = root.diagonal()
    below = np.append(root.diagonal(-1), np.linalg.solve(root, hankel[:nodes, nodes])[-1])
    above = np.concatenate([[0.0], below / diagonal])
    beside = diagonal[1:] / diagonal[:-1]
    jacobi = np.diag(np.diff(above)) + np.diag(beside, 1) + np.diag(beside, -1)
    points, vectors = np.linalg.eigh(jacobi)
    off = math.sqrt(wide) * points
    # 1 - sqrt(1 + off) less its linear term, whose mean is 0
    return float(vectors[0] ** 2 @ (off / (1 + np.sqrt(np.maximum(1 + off, 0)))) ** 2 / 2)


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
    more = generations(t) - 1
    weight, ratio = between("w", w, SMALL, 1.0), positive("k", k)
    left = -1e4 if weight == 1 else 2 * math.log1p(-weight)  # log (1-w)^2; exp(-1e4) is 0
    brought = weight**2 + ratio * (1 - weight) ** 2
    return curve(np.asarray(power(more * left)) + brought * geometric_sum(left, more))


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
    weight = between("w", w, SMALL, 1.0)
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
    return 2 / (math.sqrt(1 + 4 / ratio) + 1)
