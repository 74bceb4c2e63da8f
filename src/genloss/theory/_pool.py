"""The exact recursion of mean and variance in a growing pool, per dimension, whatever the sampler.

Only means and variances enter, so the same recursion serves a Gaussian, a kernel density (whose rows carry
h^2 on top) and the indicator of a symbol, whose summed variance is the diversity 1 - sum p^2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from genloss.theory._arguments import Floats, fit_divisor, whole


class PoolMoments(NamedTuple):
    """What a loop over a growing pool gives at generations 1, 2, ..., T, in one dimension."""

    variance: Floats  # (T,) expected variance of the training rows, divided by rows - ddof
    mean_error: Floats  # (T,) expected squared distance of their mean from the real mean


def pool_moments(
    n: int,
    k: int | None,
    last: int,
    *,
    n_real: int | None = None,
    ddof: float = 0,
    temperature: float = 1.0,
    smoothing: float = 0.0,
    variance: float = 1.0,
) -> PoolMoments:
    """Return the moments of k rows of the pool, where n rows are published a generation.

    With N pooled rows, a the squared error of the pool mean and v the variance of the pool (divisor N - 1),
    the k rows drawn without replacement have variance s = v (k - 1)/(k - ddof) and squared mean error a +
    v(1/k - 1/N). New rows have variance g = temperature s + smoothing around the mean of the k, so the gap
    between their mean and the pool's is q = v(1/k - 1/N) + g/n in square. Adding them: a += (n/(N+n))^2 q,
    and the sums of squares within the pool, within the new rows and between the two add up to (N + n - 1) v.

    Args:
        n: Rows published a generation.
        k: Rows a model is trained on, at most; None is the whole pool.
        last: Generations to compute, T.
        n_real: Real rows in the pool at generation 1; None is n.
        ddof: The variance of k rows is divided by k - ddof.
        temperature: Factor on the variance when sampling.
        smoothing: Variance added when sampling: h^2 of a kernel density.
        variance: Variance of the real data.
    """
    rows = whole("n", n, 1)
    pool = rows if n_real is None else whole("n_real", n_real, 1)
    most = None if k is None else whole("k", k, 1)
    error, spread = variance / pool, variance
    out = np.empty((2, last))
    for t in range(last):
        used = pool if most is None else min(most, pool)
        thinning = spread * (1 / used - 1 / pool)
        fitted = spread * (used - 1) / fit_divisor(used, ddof)
        out[:, t] = fitted, error + thinning
        made = temperature * fitted + smoothing
        gap = thinning + made / rows
        total = pool + rows
        error += (rows / total) ** 2 * gap
        spread = ((pool - 1) * spread + (rows - 1) * made + pool * rows / total * gap) / (total - 1)
        pool = total
    return PoolMoments(out[0], out[1])
