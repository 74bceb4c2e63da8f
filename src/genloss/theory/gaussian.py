"""Loops that fit a Gaussian: how its covariance shrinks and its mean drifts under each regime.

Trace ratios are E tr Sigma_t / tr Sigma_0, mean errors E ||mu_t - mu_0||^2 for Sigma_0 = I_d; for another
Sigma_0 multiply the mean error by tr Sigma_0 / d. The laws of first and second moments hold for real data of
any shape as long as the covariance is finite; those of the determinant and of the standard deviation need
real data that are Gaussian. Loops that keep or add real rows stand in `gaussian_real` and are offered here
too.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import GenlossError
from genloss.theory._arguments import (
    STEPS,
    Curve,
    Floats,
    Generations,
    curve,
    degrees,
    generations,
    positive,
    sizes_of,
    whole,
)
from genloss.theory._digits import digamma_less_log, geometric_sum, log_c4, log_kept, power, scaled
from genloss.theory._pool import pool_moments
from genloss.theory.exponential import augment_ratio
from genloss.theory.gaussian_real import (
    Moments,
    fresh,
    fresh_variance_fixed_point,
    fresh_w2_limit,
    real_plus_latest,
    real_plus_latest_contraction,
    real_plus_latest_mean_offset,
    real_plus_latest_mean_offset_limit,
    weighted_best,
    weighted_limit_variance,
    weighted_variance,
)

__all__ = [
    "LogDet",
    "Moments",
    "accumulate_mean_error_known_covariance",
    "accumulate_trace_limit",
    "accumulate_trace_ratio",
    "fresh",
    "fresh_variance_fixed_point",
    "fresh_w2_limit",
    "growing_replace_variance",
    "real_plus_latest",
    "real_plus_latest_contraction",
    "real_plus_latest_mean_offset",
    "real_plus_latest_mean_offset_limit",
    "replace_log_det",
    "replace_mean_error",
    "replace_sd_ratio",
    "replace_trace_ratio",
    "replace_w2",
    "subsample",
    "weighted_best",
    "weighted_limit_variance",
    "weighted_variance",
]


class LogDet(NamedTuple):
    """Mean and standard deviation of log det Sigma_t - log det Sigma_0 over replicates."""

    mean: Curve
    sd: Curve


def replace_trace_ratio(
    n: int, t: Generations, ddof: float = 0, temperature: float = 1.0, log: bool = False
) -> Curve:
    """Return E tr Sigma_t / tr Sigma_0 where each generation trains on the n rows of the last one only.

    It is f^t lambda^(t-1) with f = (n-1)/(n-ddof): a maximum-likelihood fit (ddof 0) loses 1/n a generation,
    an unbiased one (ddof 1) nothing on average, although almost every replicate still collapses.

    Args:
        n: Rows a generation.
        t: Generations; 1 is the model fitted to real data.
        ddof: The covariance is divided by n - ddof.
        temperature: Factor lambda on the covariance when sampling.
        log: Return the logarithm, which goes on where the ratio leaves float64: 0.0 or inf.

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713.
        Shumailov et al., The curse of recursion (2023), arXiv:2305.17493.
        Alemohammad et al., Self-consuming generative models go MAD (2023), arXiv:2307.01850 (temperature).

    >>> round(replace_trace_ratio(100, 100), 4)
    0.366
    >>> replace_trace_ratio(2, 10_000), round(replace_trace_ratio(2, 10_000, log=True), 2)
    (0.0, -6931.47)
    """
    steps = generations(t)
    n = whole("n", n, 1)
    kept, heat = log_kept(n, degrees(n, ddof)), math.log(positive("temperature", temperature))
    return power(steps * kept + (steps - 1) * heat, log)


def replace_mean_error(
    n: int, d: int, t: Generations, ddof: float = 0, temperature: float = 1.0, log: bool = False
) -> Curve:
    """Return E ||mu_t - mu_0||^2 where each generation trains on the n rows of the last one only.

    The drift of generation s has variance lambda E Sigma_s / n, so the sum is (d/n) sum_{s<t} (f lambda)^s
    with f = (n-1)/(n-ddof): d(1 - (1-1/n)^t) for a maximum-likelihood fit, d t/n for an unbiased one.

    Args:
        n: Rows a generation.
        d: Dimensions, each of variance 1.
        t: Generations; 1 is the model fitted to real data.
        ddof: The covariance is divided by n - ddof.
        temperature: Factor lambda on the covariance when sampling.
        log: Return the logarithm, which goes on where a high temperature takes the error to inf.

    References:
        Kazdan et al. (2024), arXiv:2410.16713; Shumailov et al. (2023), arXiv:2305.17493.

    >>> round(replace_mean_error(100, 1, 100), 4)
    0.634
    >>> round(replace_mean_error(100, 3, 50, ddof=1), 4)
    1.5
    """
    steps = generations(t)
    n, d = whole("n", n, 1), whole("d", d, 1)
    ratio = float(log_kept(n, degrees(n, ddof))) + math.log(positive("temperature", temperature))
    return scaled(geometric_sum(ratio, steps, log), d / n, log)


def replace_log_det(n: int, d: int, t: Generations, ddof: float = 0, temperature: float = 1.0) -> LogDet:
    """Return mean and standard deviation of log det Sigma_t - log det Sigma_0 under replace.

    Each fit multiplies the determinant by prod_{j<=d} chi2_{n-j} / (n-ddof)^d, all factors independent, so
    mean and variance are sums of digamma((n-j)/2) + log 2 - log(n-ddof) and of trigamma((n-j)/2). Exact for
    Gaussian data.

    Args:
        n: Rows a generation, more than d.
        d: Dimensions.
        t: Generations; 1 is the model fitted to real data.
        ddof: The covariance is divided by n - ddof.
        temperature: Factor on the covariance when sampling.

    Raises:
        GenlossError: With n <= d the fitted covariance has no determinant to speak of.

    References:
        Kazdan et al. (2024), arXiv:2410.16713 (the determinant ratio); Bartlett's decomposition of a Wishart.

    >>> mean, sd = replace_log_det(100, 10, 100)
    >>> round(mean, 2), round(sd, 3)
    (-67.66, 4.627)
    """
    from scipy.special import polygamma

    steps = generations(t)
    n, d = whole("n", n, 2), whole("d", d, 1, STEPS)
    if n <= d:
        raise GenlossError(
            f"n = {n} rows in d = {d} dimensions: the covariance is singular; give more than {d}"
        )
    j, ddof = np.arange(1, d + 1), degrees(n, ddof)
    half = (n - j) / 2
    # log(n-j) - log(n-ddof) for the few j where it is near 0, and digamma less its logarithm
    mean = float(np.sum(digamma_less_log(half) + np.log1p((ddof - j) / (n - ddof))))
    variance = float(np.sum(polygamma(1, half)))
    heat = d * math.log(positive("temperature", temperature))
    return LogDet(curve(steps * mean + (steps - 1) * heat), curve(np.sqrt(steps * variance)))


def replace_sd_ratio(
    n: int, t: Generations, ddof: float = 1, temperature: float = 1.0, log: bool = False
) -> Curve:
    """Return E sigma_t / sigma_0 of a one-dimensional Gaussian under replace.

    It is c4(n)^t for an unbiased variance, c4 = sqrt(2/(n-1)) Gamma(n/2) / Gamma((n-1)/2): the standard
    deviation shrinks although the variance does not. Another ddof multiplies c4 by sqrt((n-1)/(n-ddof)).
    Needs Gaussian data.

    Args:
        n: Rows a generation, at least 2.
        t: Generations; 1 is the model fitted to real data.
        ddof: The variance is divided by n - ddof.
        temperature: Factor on the variance when sampling.
        log: Return the logarithm, which goes on where the ratio leaves float64: 0.0 or inf.

    References:
        Alemohammad et al. (2023), arXiv:2307.01850; Kazdan et al. (2024), arXiv:2410.16713.

    >>> round(replace_sd_ratio(10, 50), 4), round(replace_sd_ratio(100, 200), 4)
    (0.2501, 0.6035)
    """
    steps = generations(t)
    n = whole("n", n, 2)
    fit, heat = log_c4(n) + log_kept(n, degrees(n, ddof)) / 2, math.log(positive("temperature", temperature))
    return power(steps * fit + (steps - 1) * heat / 2, log)


def replace_w2(n: int, t: Generations, ddof: float = 1, temperature: float = 1.0) -> Curve:
    """Return E W2^2 between the fitted and the real one-dimensional Gaussian of variance 1 under replace.

    W2^2 = (mu_t - mu_0)^2 + (sigma_t - 1)^2, so the law is mean error + variance ratio + 1 - 2 E sigma_t,
    exactly; for an unbiased variance and t much below n it is about (3/2) t/n. Needs Gaussian data. A high
    temperature takes it to inf, as it does mean error and variance, which have logarithms.

    Args:
        n: Rows a generation, at least 2.
        t: Generations; 1 is the model fitted to real data.
        ddof: The variance is divided by n - ddof.
        temperature: Factor on the variance when sampling.

    References:
        Shumailov et al. (2023), arXiv:2305.17493.

    >>> round(replace_w2(1000, 10), 5)
    0.015
    """
    log_sd = np.asarray(replace_sd_ratio(n, t, ddof, temperature, log=True))
    with np.errstate(over="ignore"):  # variance + 1 - 2 sd in two terms of which neither is negative
        off = np.expm1(log_sd) ** 2
    spread = np.asarray(replace_trace_ratio(n, t, ddof, temperature)) * -np.expm1(
        2 * generations(t) * log_c4(n)
    )
    return curve(np.asarray(replace_mean_error(n, 1, t, ddof, temperature)) + off + spread)


def accumulate_trace_ratio(
    n: int, t: Generations, ddof: float = 0, temperature: float = 1.0, log: bool = False
) -> Curve:
    """Return E tr Sigma_t / tr Sigma_0 where each generation trains on everything so far.

    For a maximum-likelihood fit at temperature 1 it is prod_{k<=t} (1 - 1/(n k^2)).

    Args:
        n: Rows a generation.
        t: Generations; 1 is the model fitted to real data.
        ddof: The covariance of N rows is divided by N - ddof.
        temperature: Factor on the covariance when sampling.
        log: Return the logarithm, which goes on where a high temperature takes the ratio to inf.

    References:
        Kazdan et al. (2024), arXiv:2410.16713.

    >>> round(accumulate_trace_ratio(10, 100), 4)
    0.8443
    """
    return subsample(n, None, 1, t, ddof=ddof, temperature=temperature, log=log).trace_ratio


def accumulate_trace_limit(n: int) -> float:
    """Return where the trace ratio of accumulation ends: sin(pi/sqrt n) / (pi/sqrt n).

    Args:
        n: Rows a generation.

    References:
        Kazdan et al. (2024), arXiv:2410.16713.

    >>> round(accumulate_trace_limit(10), 4)
    0.8434
    """
    n = whole("n", n, 1)
    return float(np.sinc(1 / math.sqrt(n))) if n > 1 else 0.0


def accumulate_mean_error_known_covariance(n: int, d: int, t: Generations) -> Curve:
    """Return E ||mu_t - mu_0||^2 under accumulation where only the mean is fitted: (d/n) sum_{k<=t} 1/k^2.

    Args:
        n: Rows a generation.
        d: Dimensions, each of variance 1.
        t: Generations; 1 is the model fitted to real data. The sum tends to pi^2/6.

    References:
        Dey and Donoho, Universality of the pi^2/6 pathway (2024), arXiv:2410.22812.

    >>> round(50 * accumulate_mean_error_known_covariance(50, 1, 100), 4)
    1.635
    """
    return curve(whole("d", d, 1) / whole("n", n, 1) * np.asarray(augment_ratio(t)))


def subsample(
    n: int,
    k: int | None,
    d: int,
    t: Generations,
    n_real: int | None = None,
    ddof: float = 0,
    temperature: float = 1.0,
    log: bool = False,
) -> Moments:
    """Return trace ratio and mean error where each generation trains on k rows drawn from everything so far.

    The k rows are drawn without replacement, or all of them while the pool is smaller; the recursion is
    exact.

    Args:
        n: Rows published a generation.
        k: Rows a model is trained on; None is the whole pool, that is accumulation.
        d: Dimensions, each of variance 1.
        t: Generations; 1 is the model fitted to real data.
        n_real: Real rows at the start; None is n.
        ddof: The covariance of k rows is divided by k - ddof.
        temperature: Factor on the covariance when sampling.
        log: Return logarithms, which go on where a high temperature takes both to inf.

    References:
        Kazdan et al. (2024), arXiv:2410.16713 (accumulate-subsample); the recursion follows from the moments
        of sampling without replacement.

    >>> ratio, error = subsample(n=50, k=20, d=2, t=30, n_real=100)
    >>> round(ratio, 4), round(error, 4)
    (0.9196, 0.1608)
    """
    steps = generations(t)
    heat = positive("temperature", temperature)
    ratio, error = pool_moments(n, k, steps, n_real=n_real, ddof=ddof, temperature=heat, log=log)
    return Moments(ratio, scaled(error, whole("d", d, 1), log))


def growing_replace_variance(sizes: ArrayLike, ddof: float = 1) -> Floats:
    """Return Var of the mean per dimension after each generation of replace with n_1, n_2, ... rows.

    In units of the real variance. For an unbiased covariance it is the running sum of 1/n_t, so the drift
    stays finite exactly if the sum converges; otherwise factors (n_s - 1)/(n_s - ddof) come in front of later
    terms.

    Args:
        sizes: Rows of generations 1, 2, ..., shape (T,).
        ddof: The covariance of n_t rows is divided by n_t - ddof.

    References:
        Shumailov et al. (2023), arXiv:2305.17493 (sample sizes growing with t).

    >>> growing_replace_variance([10, 20, 40]).round(4).tolist()
    [0.1, 0.15, 0.175]
    """
    rows = sizes_of("sizes", sizes)
    kept = np.cumsum(log_kept(rows, degrees(int(rows.min()), ddof)))[:-1]
    variance: Floats = np.cumsum(np.asarray(power(np.concatenate([[0.0], kept]))) / rows)
    return variance
