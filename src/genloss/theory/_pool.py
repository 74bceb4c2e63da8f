"""The exact recursion of mean and variance in a growing pool, per dimension, whatever the sampler.

Only means and variances enter, so the same recursion serves a Gaussian, a kernel density (whose rows carry
h^2 on top) and the indicator of a symbol, whose summed variance is the diversity 1 - sum p^2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genloss.theory._arguments import LARGE, Curve, curve, degrees, last_of, whole
from genloss.theory._digits import unscaled


class PoolMoments(NamedTuple):
    """What a loop over a growing pool gives at each of the generations, in one dimension."""

    variance: Curve  # expected variance of the training rows, divided by rows - ddof
    mean_error: Curve  # expected squared distance of their mean from the real mean


def pool_moments(
    n: int,
    k: int | None,
    steps: NDArray[np.int64],
    *,
    n_real: int | None = None,
    ddof: float = 0,
    temperature: float = 1.0,
    smoothing: float = 0.0,
    variance: float = 1.0,
    log: bool = False,
) -> PoolMoments:
    """Return the moments of k rows of the pool, where n rows are published a generation.

    With N pooled rows, a the squared error of the pool mean and v the variance of the pool (divisor N - 1),
    the k rows drawn without replacement have variance s = v (k - 1)/(k - ddof) and squared mean error a +
    v(1/k - 1/N). New rows have variance g = temperature s + smoothing around the mean of the k, so the gap
    between their mean and the pool's is q = v(1/k - 1/N) + g/n in square. Adding them: a += (n/(N+n))^2 q,
    and the sums of squares within the pool, within the new rows and between the two add up to (N + n - 1) v.
    No term is negative, so no digit is lost; row counts are Python's ints, which do not overflow.

    Args:
        n: Rows published a generation.
        k: Rows a model is trained on, at most; None is the whole pool.
        steps: Generations.
        n_real: Real rows in the pool at generation 1; None is n.
        ddof: The variance of k rows is divided by k - ddof.
        temperature: Factor on the variance when sampling.
        smoothing: Variance added when sampling: h^2 of a kernel density.
        variance: Variance of the real data.
        log: Return logarithms.
    """
    rows = whole("n", n, 1)
    pool = rows if n_real is None else whole("n_real", n_real, 1)
    most = None if k is None else whole("k", k, 1)
    ddof = degrees(pool if most is None else min(most, pool), ddof)
    error, spread, exponent, last = variance / pool, variance, 0, last_of(steps)
    out, exponents = np.empty((2, last)), np.zeros(last, dtype=np.int64)
    for t in range(last):
        used = pool if most is None else min(most, pool)
        thinning = spread * (pool - used) / (used * pool)
        fitted = spread * (used - 1) / (used - ddof)
        out[0, t], out[1, t], exponents[t] = fitted, error + thinning, exponent
        made = temperature * fitted + smoothing
        gap = thinning + made / rows
        total = pool + rows
        error += (rows / total) ** 2 * gap
        spread = ((pool - 1) * spread + (rows - 1) * made + pool * rows / total * gap) / (total - 1)
        pool = total
        if spread > LARGE:  # carried at another scale, so that logarithms go on
            _, by = math.frexp(spread)
            error, spread, smoothing = (math.ldexp(v, -by) for v in (error, spread, smoothing))
            exponent += by
    variances, errors = (curve(unscaled(v[steps - 1], exponents[steps - 1], log)) for v in out)
    return PoolMoments(variances, errors)
