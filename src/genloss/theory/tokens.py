"""What happens to single symbols: how long rare ones last, what mixed batches are worth, what is missed."""

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
    pick,
    positive,
    probabilities,
    whole,
)


def survival_rate(t: Generations) -> Curve:
    """Return g_t, by which the rate of a symbol is multiplied when it has to last t generations.

    g_1 = 1 and g_t = 1 - exp(-g_{t-1}); about 2/t for large t.

    Args:
        t: Generations; 1 is the model counted on real tokens.

    References:
        Suresh et al., Rate of model collapse in recursive training (2024), arXiv:2412.17646.

    >>> survival_rate([1, 2, 3]).round(4).tolist()
    [1.0, 0.6321, 0.4685]
    """
    steps = generations(t)
    table = np.ones(steps.max())
    for s in range(1, table.size):
        table[s] = -math.expm1(-table[s - 1])
    return pick(table, steps)


def poisson_survival(rate: float, t: Generations) -> Curve:
    """Return the probability that a symbol with Poisson counts is still there at t: 1 - exp(-rate g_t).

    Args:
        rate: Expected count n lambda_0 of the symbol among the real tokens.
        t: Generations; 1 is the model counted on real tokens.

    References:
        Suresh et al. (2024), arXiv:2412.17646.

    >>> poisson_survival(1.0, [1, 5, 20, 50]).round(4).tolist()
    [0.6321, 0.2681, 0.0876, 0.0376]
    """
    return curve(-np.expm1(-positive("rate", rate) * np.asarray(survival_rate(t))))


def bernoulli_survival_bounds(n: int, p: float, t: Generations) -> tuple[Curve, Curve]:
    """Return bounds on the probability that a symbol of probability p is still there at t.

    1 - e^{-n p g_t} <= P <= 1 - (1 - 3np^2 - 3tp) e^{-n p g_t}; the upper one is of use while tp is small.

    Args:
        n: Tokens a generation.
        p: Probability of the symbol in the real data.
        t: Generations; 1 is the model counted on real tokens.

    References:
        Suresh et al. (2024), arXiv:2412.17646.

    >>> low, high = bernoulli_survival_bounds(100, 0.01, 5)
    >>> round(low, 4), round(high, 4)
    (0.2681, 0.3998)
    """
    steps = generations(t)
    n, p = whole("n", n, 1), between("p", p, 0.0, 1.0)
    gone = np.exp(-n * p * np.asarray(survival_rate(steps)))
    return curve(1 - gone), curve(np.minimum(1 - (1 - 3 * n * p**2 - 3 * steps * p) * gone, 1))


def unique_symbols_bound(n: int, p: ArrayLike, t: Generations) -> Curve:
    """Return a lower bound on the expected number of symbols left at t: sum_i (1 - e^{-n p_i g_t}).

    Args:
        n: Tokens a generation.
        p: Probabilities of the real distribution.
        t: Generations; 1 is the model counted on real tokens.

    References:
        Suresh et al. (2024), arXiv:2412.17646.

    >>> round(unique_symbols_bound(100, [0.01] * 100, 5), 2)
    26.81
    """
    rates = whole("n", n, 1) * probabilities("p", p)
    return curve(-np.expm1(-np.multiply.outer(np.asarray(survival_rate(t)), rates)).sum(axis=-1))


def effective_sample_size(sizes: ArrayLike, shares: ArrayLike, oracle: bool = False) -> Floats:
    """Return the real rows that batches of rows, each real with probability a_i, are worth so far.

    sum n_i a_i^2 without knowing which row is real, sum n_i a_i with an oracle that tells.

    Args:
        sizes: Rows n_i of each batch, shape (T,).
        shares: Probability a_i that a row of the batch is real, shape (T,); 1 for the first.
        oracle: Whether each row says if it is real.

    References:
        Kanabar and Gastpar, Model non-collapse (2025), arXiv:2501.19273.

    >>> sizes, shares = [100] * 16, [1.0] + [0.2] * 15
    >>> (0.8 / effective_sample_size(sizes, shares)).round(5).tolist()[-1]
    0.005
    >>> (0.8 / effective_sample_size(sizes, shares, oracle=True)).round(5).tolist()[-1]
    0.002
    """
    n, a = _batches(sizes, shares)
    total: Floats = np.cumsum(n * a if oracle else n * a**2)
    return total


def debiased_error(sizes: ArrayLike, shares: ArrayLike, s0: float) -> Floats:
    """Return E ||P_t - p||^2 where each batch is debiased by (p_hat - (1-a) P_{t-1})/a and weighted by n a^2.

    Synthetic rows come from the estimate P_{t-1}. A debiased batch has mean p and variance (1 - sum q^2)/(n
    a^2) with q = a p + (1-a) P_{t-1}, so the error is (1 - s0)/`effective_sample_size`, less a term of second
    order.

    Args:
        sizes: Rows n_i of each batch, shape (T,); the first is real.
        shares: Probability a_i that a row of the batch is real, shape (T,); 1 for the first.
        s0: sum p^2 of the real distribution.

    References:
        Kanabar and Gastpar (2025), arXiv:2501.19273.

    >>> debiased_error([100] * 16, [1.0] + [0.2] * 15, 0.2).round(4).tolist()[-1]
    0.005
    """
    n, a = _batches(sizes, shares)
    worth = np.cumsum(n * a**2)
    new = n * a**2 / worth
    return _batch_errors(n, a, s0, keep=1 - new, take=new / a)


def naive_pooling_error(sizes: ArrayLike, shares: ArrayLike, s0: float) -> Floats:
    """Return E ||P_t - p||^2 where all rows, real or made by P_{t-1}, are pooled alike.

    Args:
        sizes: Rows n_i of each batch, shape (T,); the first is real.
        shares: Probability a_i that a row of the batch is real, shape (T,); 1 for the first.
        s0: sum p^2 of the real distribution.

    References:
        Kanabar and Gastpar (2025), arXiv:2501.19273 (the setting).

    >>> naive_pooling_error([100] * 16, [1.0] + [0.2] * 15, 0.2).round(5).tolist()[-1]
    0.00567
    """
    n, a = _batches(sizes, shares)
    new = n / np.cumsum(n)
    return _batch_errors(n, a, s0, keep=1 - new + new * (1 - a), take=new)


def _batch_errors(n: Floats, a: Floats, s0: float, keep: Floats, take: Floats) -> Floats:
    """Return the error of P' - p = keep (P - p) + take (p_hat - q), batch after batch, q = a p + (1-a) P."""
    drawn = 1 - between("s0", s0, 0.0, 1.0)
    error, errors = 0.0, np.empty(n.size)
    for t in range(n.size):
        error = keep[t] ** 2 * error + take[t] ** 2 * (drawn - (1 - a[t]) ** 2 * error) / n[t]
        errors[t] = error
    return errors


def _batches(sizes: ArrayLike, shares: ArrayLike) -> tuple[Floats, Floats]:
    """Return sizes and shares as arrays, or say what does not fit."""
    n, a = np.asarray(sizes, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if n.ndim != 1 or n.shape != a.shape or n.size == 0:
        raise GenlossError(f"sizes {n.shape} and shares {a.shape}: give one of each a batch")
    if not (n > 0).all() or not ((a > 0) & (a <= 1)).all() or a[0] != 1:
        raise GenlossError("sizes, shares: give positive sizes, and shares in (0, 1] of which the first is 1")
    return n, a


def missing_mass(p: ArrayLike, q: ArrayLike, rows: int) -> float:
    """Return the expected test error of a model that knows what it saw: sum p_i (1 - q_i)^T.

    For p = q ~ i^-b it falls as T^-(1-1/b); if q is p cut at k it stops at the tail mass beyond k.

    Args:
        p: Probabilities of the test data.
        q: Probabilities of the training data, over the same symbols.
        rows: Training rows T.

    References:
        Dohmatob et al., A tale of tails (2024), arXiv:2402.07043.

    >>> p = power_law(1.5, 10_000)
    >>> round(missing_mass(p, p, 100), 4)
    0.1957
    """
    tested, trained = probabilities("p", p), probabilities("q", q)
    if tested.shape != trained.shape:
        raise GenlossError(f"p {tested.shape} and q {trained.shape}: give both over the same symbols")
    return float(np.sum(tested * (1 - trained) ** whole("rows", rows, 0)))


def power_law(b: float, symbols: int, cut: int | None = None) -> Floats:
    """Return p_i proportional to i^-b over i = 1..symbols, with nothing beyond the cut.

    Args:
        b: Exponent, above 0.
        symbols: How many symbols.
        cut: Last symbol that is seen; n_0 synthetic rows cut at about n_0^(1/b).

    References:
        Dohmatob et al. (2024), arXiv:2402.07043.

    >>> power_law(1.0, 4, cut=2).round(4).tolist()
    [0.6667, 0.3333, 0.0, 0.0]
    """
    i = np.arange(1, whole("symbols", symbols, 1) + 1)
    weights = np.where(i <= (symbols if cut is None else whole("cut", cut, 1)), i ** -positive("b", b), 0.0)
    normed: Floats = weights / weights.sum()
    return normed


def power_law_tail(b: float, cut: int) -> float:
    """Return the mass of p_i ~ i^-b beyond the cut, where the test error of a truncated training set stops.

    zeta(b, k+1)/zeta(b), of order k^-(b-1).

    Args:
        b: Exponent, above 1.
        cut: Last symbol k that is seen.

    References:
        Dohmatob et al. (2024), arXiv:2402.07043.

    >>> round(power_law_tail(2.0, 100), 5)
    0.00605
    """
    from scipy.special import zeta

    if not b > 1:
        raise GenlossError(f"b = {b!r}: endless symbols have a distribution only for b above 1")
    return float(zeta(b, whole("cut", cut, 0) + 1) / zeta(b, 1))
