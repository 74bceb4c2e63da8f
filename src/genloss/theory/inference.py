"""Conclusions from synthetic rows that are taken as real: how often their intervals hold the truth."""

from __future__ import annotations

import math

from genloss.theory._arguments import LARGE, between


def naive_coverage(ratio: float, level: float = 0.95) -> float:
    """Return the share of intervals of a mean that hold the truth where synthetic rows are taken as real.

    The mean of m rows from a generator that was fitted to n real ones has the variance s^2 (1/n + 1/m), and
    its interval is as wide as that of m real rows: 2 Phi(z / sqrt(1 + m/n)) - 1, z the normal quantile of the
    level.

    Args:
        ratio: m/n, synthetic rows to a real one.
        level: Share that the interval promises, between 0 and 1.

    References:
        Raghunathan, Reiter and Rubin, Multiple imputation for statistical disclosure limitation, Journal of
        Official Statistics 19 (2003) 1-16, where the variance is from.

    >>> [round(naive_coverage(ratio), 3) for ratio in (0, 1, 10)]
    [0.95, 0.834, 0.445]
    """
    from scipy.special import erfinv

    ratio = between("ratio", ratio, 0, LARGE)
    # z / sqrt(2), which is right for levels next to 1 too
    reach = float(erfinv(between("level", level, 0, 1)))
    return math.erf(reach / math.sqrt(1 + ratio))
