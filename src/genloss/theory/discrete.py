"""Loops that fit a distribution over symbols by counting: how diversity and rare symbols go.

Diversity is 1 - sum p^2 (Gini-Simpson), S its complement sum p^2; s0 is S of the real distribution.
Resampling n tokens is genetic drift, and diversity is the summed variance of the symbols' indicators: under
accumulation and accumulate-subsample it therefore follows the trace ratio of a Gaussian fitted by maximum
likelihood, exactly.
"""

from __future__ import annotations

import math

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
    last_of,
    pick,
    positive,
    probabilities,
    purity,
    shown,
    whole,
)
from genloss.theory._digits import log_kept, power
from genloss.theory._pool import pool_moments
from genloss.theory.tokens import (
    bernoulli_survival_bounds,
    debiased_error,
    effective_sample_size,
    missing_mass,
    naive_pooling_error,
    poisson_survival,
    power_law_tail,
    unique_symbols_bound,
)

__all__ = [
    "accumulate_shrinkage",
    "bernoulli_survival_bounds",
    "collapse_time",
    "collapse_time_bounds",
    "debiased_error",
    "effective_sample_size",
    "fixation_probability",
    "missing_mass",
    "naive_pooling_error",
    "poisson_survival",
    "power_law_tail",
    "real_plus_latest_diversity",
    "real_plus_latest_diversity_limit",
    "replace_diversity",
    "replace_shrinkage",
    "subsample_diversity",
    "temperature_log_odds",
    "unique_symbols_bound",
]


def replace_diversity(n: int, t: Generations, s0: float, log: bool = False) -> Curve:
    """Return E (1 - sum p_t^2) where each generation counts n tokens of the last one: (1-1/n)^t (1 - s0).

    Args:
        n: Tokens a generation.
        t: Generations; 1 is the model counted on real tokens.
        s0: sum p^2 of the real distribution.
        log: Return the logarithm, which goes on where the diversity falls below float64 to 0.0.

    References:
        Seddik et al., How bad is training on synthetic data? (2024), arXiv:2404.05090.

    >>> round(1 - replace_diversity(10, 5, 0.1), 4)
    0.4686
    """
    steps, n, s0 = generations(t), whole("n", n, 1), purity(s0)
    return power(steps * log_kept(n, 0) + (math.log1p(-s0) if s0 < 1 else -math.inf), log)


def subsample_diversity(n: int, k: int | None, t: Generations, s0: float, n_real: int | None = None) -> Curve:
    """Return E (1 - sum p_t^2) where each generation counts k of the tokens so far, without replacement.

    Counting all of them, k = None, it is (1 - s0) prod_{k<=t} (1 - 1/(n k^2)).

    Args:
        n: Tokens published a generation.
        k: Tokens a model is counted on; None is the whole pool.
        t: Generations; 1 is the model counted on real tokens.
        s0: sum p^2 of the real distribution.
        n_real: Real tokens at the start; None is n.

    References:
        Seddik et al. (2024), arXiv:2404.05090 (the setting); Kazdan et al. (2024), arXiv:2410.16713
        (accumulate-subsample, and the product).

    >>> round(subsample_diversity(10, 10, 100, 0.0), 4)
    0.7411
    """
    moments = pool_moments(n, k, generations(t), n_real=n_real)
    return curve((1 - purity(s0)) * np.asarray(moments.variance))


def real_plus_latest_diversity(n_real: int, n_synthetic: int, t: Generations, s0: float) -> Curve:
    """Return E (1 - sum p_t^2) where each generation counts fixed real and the latest synthetic tokens.

    With a = n/(N+n) and b = a^2 (1-1/n): S_1 = 1/N + (1-1/N) s0, S_inf = [(1-a^2) S_1 + a^2/n]/(1-b) and
    S_t = S_inf + b^(t-1) (S_1 - S_inf).

    Args:
        n_real: Real tokens N, the same ones each generation.
        n_synthetic: Tokens n of the latest model, replaced each generation.
        t: Generations; 1 is the model counted on the real tokens alone.
        s0: sum p^2 of the real distribution.

    References:
        Seddik et al. (2024), arXiv:2404.05090 (partially synthetic data).

    >>> round(1 - real_plus_latest_diversity(100, 50, 40, 0.1), 4)
    0.1112
    """
    steps = generations(t)
    limit = real_plus_latest_diversity_limit(n_real, n_synthetic, s0)
    kept = max(float(log_kept(n_synthetic, 0)), -1e4)  # for one token b = 0, and so is exp(-1e4)
    b = np.exp((steps - 1) * (kept - 2 * math.log1p(n_real / n_synthetic)))
    # S_1 is off the limit by (a^2/n)/(1-a^2) of it
    gap = n_synthetic / n_real / (n_real + 2 * n_synthetic)
    return curve(limit * (1 + b * gap))


def real_plus_latest_diversity_limit(n_real: int, n_synthetic: int, s0: float) -> float:
    """Return where `real_plus_latest_diversity` settles: (1 - a^2)(1 - S_1)/(1 - b).

    Args:
        n_real: Real tokens N, the same ones each generation.
        n_synthetic: Tokens n of the latest model, replaced each generation.
        s0: sum p^2 of the real distribution.

    References:
        Seddik et al. (2024), arXiv:2404.05090 (partially synthetic data).

    >>> round(real_plus_latest_diversity_limit(100, 50, 0.1), 4)
    0.8888
    """
    real, n = whole("n_real", n_real, 1), whole("n_synthetic", n_synthetic, 1)
    first = (1 - 1 / real) * (1 - purity(s0))
    # times (N+n)^2, whole numbers do not cancel: 1 - a^2 = N (N+2n), a^2/n = n
    return first * (real * (real + 2 * n) / (real * (real + 2 * n) + n))


def collapse_time_bounds(n: int, s0: float, symbols: int) -> tuple[float, float]:
    """Return bounds on the expected generations until one symbol is left under replace.

    1 + (n-1)(1-s0)/(1-1/s) <= E T <= 1 + n(n-1)(1-s0) for s symbols: diversity before the collapse lies
    between (1-1/n)/n, all tokens but one alike, and 1 - 1/s.

    Args:
        n: Tokens a generation.
        s0: sum p^2 of the real distribution.
        symbols: Symbols s of the real distribution, at least 2.

    Raises:
        GenlossError: With s0 below 1/s, which no distribution over s symbols has.

    References:
        Seddik et al. (2024), arXiv:2404.05090.

    >>> [round(bound, 2) for bound in collapse_time_bounds(10, 0.1, 52)]
    [9.26, 82.0]
    """
    n, symbols, lost = whole("n", n, 1), whole("symbols", symbols, 2), 1 - purity(s0)
    most = 1 - 1 / symbols
    if lost > most * (1 + 1e-9):  # rounded as a sum of squares may be
        raise GenlossError(
            f"s0 = {shown(s0)} with symbols = {symbols}: sum p^2 is at least 1/symbols = {1 / symbols:.6g}"
        )
    return 1 + min(lost / most, 1.0) * (n - 1), 1 + lost * n * (n - 1)


def collapse_time(n: int, p: ArrayLike) -> float:
    """Return the expected generations until one symbol is left under replace: -2n sum_i (1-p_i) log(1-p_i).

    The diffusion limit, for many tokens a generation and common symbols; a few generations too long
    otherwise. It refutes "K times the entropy": for K equal symbols it is 1.39 n at K = 2 and 1.90 n at K =
    10, below 2n always.

    Args:
        n: Tokens a generation.
        p: Probabilities of the real distribution.

    References:
        Kimura and Ohta, The average number of generations until fixation (1969), Genetics 61: 763-771.

    >>> round(collapse_time(200, [0.5, 0.5]) / 200, 2), round(collapse_time(200, [0.1] * 10) / 200, 2)
    (1.39, 1.9)
    """
    p = probabilities("p", p)
    p = p[p < 1]
    return float(2 * whole("n", n, 1) * np.sum((p - 1) * np.log1p(-p)))


def fixation_probability(p: ArrayLike) -> Floats:
    """Return the probability that the loop ends with each symbol alone under replace: p itself, a martingale.

    Args:
        p: Probabilities of the real distribution.

    References:
        Seddik et al. (2024), arXiv:2404.05090.

    >>> fixation_probability([0.7, 0.2, 0.1]).tolist()
    [0.7, 0.2, 0.1]
    """
    return probabilities("p", p).copy()


def temperature_log_odds(temperature: float, t: Generations, log: bool = False) -> Curve:
    """Return the factor on every log-odds of the model fitted at t, for endless tokens: temperature^-(t-1).

    Args:
        temperature: Sampling temperature; below 1 favours frequent symbols.
        t: Generations; 1 is the model of the real data, not yet sampled from, so g samplings are t = g + 1.
        log: Return the logarithm, which goes on where the factor leaves float64: 0.0 or inf.

    References:
        Alemohammad et al., Self-consuming generative models go MAD (2023), arXiv:2307.01850 (sampling bias).

    >>> round(temperature_log_odds(0.9, 21), 4), round(temperature_log_odds(1.1, 21), 5)
    (8.2253, 0.14864)
    """
    return power((1.0 - generations(t)) * math.log(positive("temperature", temperature)), log)


def replace_shrinkage(strength: float, t: Generations, log: bool = False) -> Curve:
    """Return what is left of p_0 - uniform in the model at t if every fit shrinks towards uniform: (1-eps)^t.

    Args:
        strength: eps, the weight on the uniform distribution in each fit.
        t: Generations; 1 is the model of the real data, shrunk once.
        log: Return the logarithm, which goes on where what is left falls below float64 to 0.0.

    References:
        Compare Wang et al., Why language models collapse when trained on recursively generated text (2024),
        arXiv:2412.14872.

    >>> round(replace_shrinkage(0.1, 10), 4)
    0.3487
    """
    eps = between("strength", strength, 0.0, 1.0)
    return power(generations(t) * (math.log1p(-eps) if eps < 1 else -math.inf), log)


def accumulate_shrinkage(strength: float, t: Generations) -> Curve:
    """Return what is left of p_0 - uniform in the model at t if every accumulating fit shrinks.

    It is prod_{k<=t} (1 - eps/k), of order t^-eps: accumulation does not stop a bias of the estimator. The
    pool, not yet shrunk by the fit at t, keeps prod_{2<=k<=t} (1 - eps/k), that is this over 1 - eps.

    Args:
        strength: eps, the weight on the uniform distribution in each fit.
        t: Generations; 1 is the model of the real data, shrunk once.

    References:
        Compare Wang et al. (2024), arXiv:2412.14872.

    >>> round(accumulate_shrinkage(0.1, 1001) / 0.9, 5)
    0.52104
    """
    steps = generations(t)
    eps = between("strength", strength, 0.0, 1.0)
    left = np.cumprod(1 - eps / np.arange(1.0, last_of(steps) + 1), dtype=np.float64)
    return pick(left, steps)
