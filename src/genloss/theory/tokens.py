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
    last_of,
    numbers,
    positive,
    probabilities,
    purity,
    shown,
    sizes_of,
    whole,
)

BLOCK = 2**20
"""Numbers in a table of generations times symbols that are held at once: 8 MB."""


def _survival_rate(t: Generations) -> Floats:
    """Return g_t, by which the rate of a symbol is multiplied when it has to last t generations.

    g_1 = 1 and g_t = 1 - exp(-g_{t-1}); about 2/t for large t.
    """
    steps = generations(t)
    table, rate = np.empty(last_of(steps)), 1.0
    for s in range(table.size):
        table[s] = rate
        rate = -math.expm1(-rate)
    return table[steps - 1]


def poisson_survival(rate: float, t: Generations) -> Curve:
    """Return the probability that a symbol with Poisson counts is still there at t: 1 - exp(-rate g_t).

    g_1 = 1 and g_t = 1 - exp(-g_{t-1}), about 2/t for large t, in this and the next laws.

    Args:
        rate: Expected count n lambda_0 of the symbol among the real tokens.
        t: Generations; 1 is the model counted on real tokens.

    References:
        Suresh et al. (2024), arXiv:2412.17646.

    >>> poisson_survival(1.0, [1, 5, 20, 50]).round(4).tolist()
    [0.6321, 0.2681, 0.0876, 0.0376]
    """
    return curve(-np.expm1(-positive("rate", rate) * _survival_rate(t)))


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
    rate = n * p * _survival_rate(steps)
    low = -np.expm1(-rate)
    return curve(low), curve(np.minimum(low + 3 * p * (n * p + steps) * np.exp(-rate), 1))


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
    rates, g = whole("n", n, 1) * probabilities("p", p), _survival_rate(t)
    blocks = np.array_split(g.ravel(), math.ceil(g.size * rates.size / BLOCK))
    left = np.concatenate([-np.expm1(-np.multiply.outer(some, rates)).sum(axis=1) for some in blocks])
    return curve(left.reshape(g.shape))


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
    drawn = 1 - purity(s0)
    error, errors = 0.0, np.empty(n.size)
    for t in range(n.size):
        error = keep[t] ** 2 * error + take[t] ** 2 * (drawn - (1 - a[t]) ** 2 * error) / n[t]
        errors[t] = error
    return errors


def _batches(sizes: ArrayLike, shares: ArrayLike) -> tuple[Floats, Floats]:
    """Return sizes and shares as arrays, or say what does not fit."""
    n, a = sizes_of("sizes", sizes), numbers("shares", shares, 1, "one share of real rows a batch")
    if n.shape != a.shape:
        raise GenlossError(f"sizes {n.shape} and shares {a.shape}: give one of each a batch")
    if not ((a > 0) & (a <= 1)).all() or a[0] != 1:
        raise GenlossError(f"shares = {shown(shares)}: give shares in (0, 1] of which the first is 1")
    return n, a


def missing_mass(p: ArrayLike, q: ArrayLike, rows: int, log: bool = False) -> float:
    """Return the expected test error of a model that knows what it saw: sum p_i (1 - q_i)^T.

    For p = q ~ i^-b it falls as T^-(1-1/b); if q is p cut at k it stops at the tail mass beyond k.

    Args:
        p: Probabilities of the test data.
        q: Probabilities of the training data, over the same symbols.
        rows: Training rows T.
        log: Return the logarithm, which goes on where the mass falls below float64 to 0.0.

    References:
        Dohmatob et al., A tale of tails (2024), arXiv:2402.07043.

    >>> p = np.arange(1, 10_001) ** -1.5
    >>> round(missing_mass(p / p.sum(), p / p.sum(), 100), 4)
    0.1957
    """
    tested, trained = probabilities("p", p), probabilities("q", q)
    if tested.shape != trained.shape:
        raise GenlossError(f"p {tested.shape} and q {trained.shape}: give both over the same symbols")
    rows = whole("rows", rows, 0)
    missed = (tested > 0) & ((trained < 1) | (rows == 0))
    if not missed.any():
        return -math.inf if log else 0.0
    logs = np.log(tested[missed]) + (rows * np.log1p(-trained[missed]) if rows else 0.0)
    most = logs.max()  # beside which no other can be too large
    total = np.exp(logs - most).sum()
    return float(most + np.log(total) if log else np.exp(most) * total)


def power_law_tail(b: float, cut: int) -> float:
    """Return the mass of p_i ~ i^-b beyond the cut, where the test error of a truncated training set stops.

    zeta(b, k+1)/zeta(b), of order k^-(b-1).

    Args:
        b: Exponent, above 1 and at most 20.
        cut: Last symbol k that is seen.

    References:
        Dohmatob et al. (2024), arXiv:2402.07043.

    >>> round(power_law_tail(2.0, 100), 5)
    0.00605
    """
    from scipy.special import zeta

    exponent, cut = between("b", b, 0.0, 20.0, closed="high"), whole("cut", cut, 0)
    if exponent <= 1:
        raise GenlossError(f"b = {shown(b)}: endless symbols have a distribution only for b above 1")
    return float(zeta(exponent, cut + 1.0) / zeta(exponent, 1.0))
