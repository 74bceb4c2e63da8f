"""Loops that fit a linear regression to labels of the model before: test error without the noise floor.

x ~ N(0, I_d), y = x.w* + noise * N(0, 1), ordinary least squares; the error is E ||w_t - w*||^2, the expected
squared error on new x less the label noise. Synthetic labels carry the same noise as real ones.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from genloss.errors import GenlossError
from genloss.theory._arguments import (
    LARGE,
    Curve,
    Generations,
    between,
    curve,
    generations,
    last_of,
    pick,
    whole,
)
from genloss.theory._digits import geometric_sum
from genloss.theory.exponential import augment_ratio, augment_subsample_ratio


def real_test_error(n: int, d: int, noise: float = 1.0) -> float:
    """Return the error of least squares on n real rows: noise^2 d/(n-d-1).

    Args:
        n: Rows, at least d + 2: with fewer the expectation is infinite.
        d: Dimensions.
        noise: Standard deviation of the label noise.

    References:
        Gerstgrasser et al., Is model collapse inevitable? (2024), arXiv:2404.01413.

    >>> round(real_test_error(100, 10), 4)
    0.1124
    """
    return _fit_error("n", whole("n", n, 1), d, _square("noise", noise))


def _fit_error(name: str, n: int, d: int, noise2: float) -> float:
    """Return noise^2 d/(n-d-1), or say that so few rows, by the caller's name, make it infinite."""
    if n < whole("d", d, 1) + 2:
        raise GenlossError(
            f"{name} = {n} rows in d = {d} dimensions: the expected error is infinite; give at least {d + 2}"
        )
    return noise2 * d / (n - d - 1)


def replace_test_error(n: int, d: int, t: Generations, noise: float = 1.0) -> Curve:
    """Return the error where each generation trains on labels of the last model only: noise^2 d/(n-d-1) t.

    It does not matter whether the inputs X are kept or drawn anew.

    Args:
        n: Rows a generation, at least d + 2.
        d: Dimensions.
        t: Generations; 1 is the model fitted to real labels.
        noise: Standard deviation of the label noise, real and synthetic.

    References:
        Gerstgrasser et al. (2024), arXiv:2404.01413 (replacing data).
        Dohmatob et al., Model collapse demystified: the case of regression (2024), arXiv:2402.07712.

    >>> round(replace_test_error(100, 10, 20), 4)
    2.2472
    """
    return curve(real_test_error(n, d, noise) * generations(t))


def accumulate_test_error(n: int, d: int, t: Generations, noise: float = 1.0) -> Curve:
    """Return the error where labels pile up on the same inputs X: noise^2 d/(n-d-1) sum_{k<=t} 1/k^2.

    Args:
        n: Rows a generation, at least d + 2.
        d: Dimensions.
        t: Generations; 1 is the model fitted to real labels.
        noise: Standard deviation of the label noise, real and synthetic.

    References:
        Gerstgrasser et al. (2024), arXiv:2404.01413 (accumulating data: at most pi^2/6 times the first).

    >>> round(accumulate_test_error(100, 10, 20) / real_test_error(100, 10), 3)
    1.596
    """
    return curve(real_test_error(n, d, noise) * np.asarray(augment_ratio(t)))


def accumulate_fresh_test_error(n: int, d: int, t: Generations, noise: float = 1.0) -> Curve:
    """Return the error where each generation adds n rows with fresh inputs.

    noise^2 sum_{k<=t} d/(k(nk-d-1)): the fit at k moves by (X'X)^{-1} X_k' eps_k over the whole pool, and
    each of the k batches has the same share of E tr (X'X)^{-1} = d/(nk-d-1). A little below
    `accumulate_test_error`.

    Args:
        n: Rows a generation, at least d + 2.
        d: Dimensions.
        t: Generations; 1 is the model fitted to real labels.
        noise: Standard deviation of the label noise, real and synthetic.

    References:
        Gerstgrasser et al. (2024), arXiv:2404.01413 (the setting).

    >>> round(accumulate_fresh_test_error(100, 10, 20) / real_test_error(100, 10), 3)
    1.551
    """
    first, steps = real_test_error(n, d, noise), generations(t)
    k = np.arange(1.0, last_of(steps) + 1)  # floats: n k leaves int64
    return pick(first * np.cumsum((n - d - 1) / (k * (n * k - (d + 1)))), steps)


def growing_synthetic_test_error(n: int, d: int, t: Generations, noise: float = 1.0) -> Curve:
    """Return the error where generation j trains on n j rows of the last model only.

    noise^2 sum_{j<=t} d/(nj-d-1). It grows like log t: as many rows as accumulation has, but without the old
    ones.

    Args:
        n: Rows of generation 1, at least d + 2.
        d: Dimensions.
        t: Generations; 1 is the model fitted to real labels.
        noise: Standard deviation of the label noise, real and synthetic.

    References:
        Gerstgrasser et al. (2024), arXiv:2404.01413 (ablation: more rows without accumulation).

    >>> round(growing_synthetic_test_error(100, 10, 20), 4)
    0.3789
    """
    first, steps = real_test_error(n, d, noise), generations(t)
    j = np.arange(1.0, last_of(steps) + 1)  # floats: n j leaves int64
    return pick(first * np.cumsum((n - d - 1) / (n * j - (d + 1))), steps)


def subsample_test_error(n: int, d: int, t: Generations, noise: float = 1.0) -> Curve:
    """Return the error where each generation trains on n of the t n rows so far, for n much larger than d.

    noise^2 d/(n-d-1) times `exponential.augment_subsample_ratio`. A limit, not an identity: a subset has
    inputs of its own, and repeats some, which costs more at finite d/n. At d = 10, n = 100 simulation gives
    1.78, 2.49, 3.00 units of d/(n-d-1) at t = 2, 5, 20 on kept inputs, the law 1.75, 2.39, 2.79.

    Args:
        n: Rows published, and rows trained on, a generation.
        d: Dimensions.
        t: Generations; 1 is the model fitted to real labels.
        noise: Standard deviation of the label noise, real and synthetic.

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713; Dey and Donoho (2024), arXiv:2410.22812.

    >>> units = subsample_test_error(100, 10, [2, 5, 20]) / real_test_error(100, 10)
    >>> units.round(2).tolist()
    [1.75, 2.39, 2.79]
    """
    return curve(real_test_error(n, d, noise) * np.asarray(augment_subsample_ratio(t)))


def final_fit_test_error(
    n: int, n_0: int, d: int, t: Generations, noise: float = 1.0, noise_0: float = 1.0
) -> Curve:
    """Return the error of a last fit on n rows whose labels come from a chain of t models of n_0 rows each.

    noise^2 d/(n-d-1) + t noise_0^2 d/(n_0-d-1): more rows at the end do not remove what the chain lost.

    Args:
        n: Rows of the last fit, at least d + 2.
        n_0: Rows of each model in the chain, at least d + 2.
        d: Dimensions.
        t: Models in the chain; 0 is a last fit on real labels.
        noise: Standard deviation of the label noise in the last fit.
        noise_0: Standard deviation of the label noise in the chain.

    References:
        Dohmatob et al. (2024), arXiv:2402.07712.

    >>> round(final_fit_test_error(1000, 100, 10, 5), 4)
    0.5719
    """
    of_chain = _fit_error("n_0", whole("n_0", n_0, 1), d, _square("noise_0", noise_0))
    return curve(real_test_error(n, d, noise) + generations(t, least=0) * of_chain)


def ridgeless_replace_test_error(n: int, d: int, t: Generations, noise: float = 0.0) -> Curve:
    """Return the error of minimum-norm least squares with fewer rows than dimensions under replace, unit w*.

    Each fit on new inputs projects on n random directions: 1 - (n/d)^t without noise, plus
    noise^2 n/(d-n-1) sum_{s<t} (n/d)^s with it.

    Args:
        n: Rows a generation, at most d - 2.
        d: Dimensions.
        t: Generations; 1 is the model fitted to real labels.
        noise: Standard deviation of the label noise, real and synthetic.

    References:
        Dohmatob et al. (2024), arXiv:2402.07712 (over-parametrised regime).

    >>> round(ridgeless_replace_test_error(50, 100, 3), 4)
    0.875
    """
    steps = generations(t)
    n, d = whole("n", n, 1), whole("d", d, 1)
    if n > d - 2:
        raise GenlossError(
            f"n = {n} rows in d = {d} dimensions: give at most d - 2 = {d - 2}, or replace_test_error"
        )
    log_kept = math.log1p((n - d) / d) if 2 * n > d else math.log(n / d)
    noisy = _square("noise", noise) * n / (d - n - 1) * geometric_sum(log_kept, steps)
    return curve(noisy - np.expm1(steps * log_kept))


def strong_collapse_test_error(ratio: float, share: float, shift: float, noise: float = 1.0) -> float:
    """Return the error with a share of rows labelled by a shifted teacher, for many rows and dimensions.

    With phi = d/n, p_2 = share and p_1 = 1 - p_2: noise^2 phi/(1-phi) + c^2 (p_2^2 + p_1 p_2 phi/(1-phi)).
    The plateau c^2 p_2^2 stays however many rows there are ("strong model collapse").

    Args:
        ratio: phi = d/n, dimensions per row, below 1.
        share: Share p_2 of rows with synthetic labels.
        shift: Distance c between the two teachers.
        noise: Standard deviation of the label noise.

    References:
        Dohmatob et al., Strong model collapse (2024), arXiv:2410.04840.

    >>> round(strong_collapse_test_error(0.1, 0.2, 1.0, noise=0.0), 4)
    0.0578
    """
    phi = between("ratio", ratio, 0.0, 1.0, closed="low")  # 1 is where the variance diverges
    p2 = between("share", share, 0.0, 1.0)
    odds = phi / (1 - phi)
    return _square("noise", noise) * odds + _square("shift", shift) * (p2**2 + (1 - p2) * p2 * odds)


def mixed_teacher_test_error(
    n_real: int, n_synthetic: int, d: int, shift: float, noise: float = 1.0
) -> float:
    """Return what `strong_collapse_test_error` gives, exactly for finite sizes.

    With G = X'X over all rows and B = G^{-1/2} A G^{-1/2} the synthetic part, independent of G, the bias is
    c^2 E tr(G^{-1} B G B)/d. For a Wishart G, E G^{-1} B G = [(n-1) B - tr(B) I]/(n-d-1); B is a matrix beta,
    whose second moments follow from E B_11^2, E det of a 2 x 2 block and rotation invariance.

    Args:
        n_real: Rows with real labels.
        n_synthetic: Rows with labels of the shifted teacher.
        d: Dimensions.
        shift: Distance c between the two teachers.
        noise: Standard deviation of the label noise.

    References:
        Dohmatob et al. (2024), arXiv:2410.04840 (the setting); Gupta and Nagar, Matrix variate distributions
        (2000).

    >>> round(mixed_teacher_test_error(800, 200, 100, 1.0, noise=0.0), 4)
    0.0579
    """
    n2 = whole("n_synthetic", n_synthetic, 0)
    n = whole("n_real", n_real, 0) + n2
    floor = _fit_error("n_real + n_synthetic", n, d, _square("noise", noise))
    # in whole numbers, as the terms nearly cancel
    square = Fraction(n2 * (n2 + 2), n * (n + 2))  # E B_11^2
    block = Fraction(n2 * (n2 - 1), n * (n - 1))  # E (B_11 B_22 - B_12^2)
    across = (square - block) / 3  # E B_12^2, since E B_11^2 = E B_11 B_22 + 2 E B_12^2
    beside = (square + 2 * block) / 3  # E B_11 B_22
    squared = square + (d - 1) * across  # E tr B^2 / d
    traced = square + (d - 1) * beside  # E (tr B)^2 / d
    return floor + _square("shift", shift) * float(((n - 1) * squared - traced) / (n - d - 1))


def _square(name: str, value: float) -> float:
    """Return the square of a standard deviation or a distance, or say that it must not be negative."""
    return between(name, value, 0.0, LARGE) ** 2
