"""Loops that fit an exponential family or a linear model: error relative to the fit on real data.

To first order in 1/n the error of the estimate at generation t, in units of its error at generation 1, is the
same for every such model: each fit adds one unit of noise to where it was, scaled by the share that the
regime gives it. At n = 400 and t = 10 Bernoulli, Poisson and exponential laws lie within 10 % of these
curves.
"""

from __future__ import annotations

import math

import numpy as np

from genloss.theory._arguments import Curve, Generations, curve, generations

AUGMENT_LIMIT = math.pi**2 / 6
"""Where `augment_ratio` ends: accumulation costs at most 64 % more than the real data alone."""

AUGMENT_SUBSAMPLE_LIMIT = math.pi**2 / 2 - 2
"""Where `augment_subsample_ratio` ends."""


def discard_ratio(t: Generations) -> Curve:
    """Return E error_t / E error_1 where each generation trains on the last one only: t.

    Args:
        t: Generations; 1 is the model fitted to real data.

    References:
        Dey and Donoho, Universality of the pi^2/6 pathway in avoiding model collapse (2024),
        arXiv:2410.22812.

    >>> discard_ratio(10)
    10.0
    """
    return curve(generations(t))


def augment_ratio(t: Generations) -> Curve:
    """Return E error_t / E error_1 where each generation trains on everything so far: sum_{k<=t} 1/k^2.

    Args:
        t: Generations; 1 is the model fitted to real data.

    References:
        Dey and Donoho (2024), arXiv:2410.22812.
        Barzilai and Shamir, When models don't collapse (2025), arXiv:2505.19046 (maximum likelihood in
        general).

    >>> round(augment_ratio(10), 4), round(AUGMENT_LIMIT, 4)
    (1.5498, 1.6449)
    """
    from scipy.special import zeta

    return curve(AUGMENT_LIMIT - zeta(2.0, generations(t) + 1.0))  # what is still to come of the sum


def augment_subsample_ratio(t: Generations) -> Curve:
    """Return E error_t / E error_1 where each generation trains on n rows drawn from all so far.

    1 + sum_{k<t} (2 - 1/k)/(k+1)^2 + (1 - 1/t) -> pi^2/2 - 2. The sum is the drift of the pool, whose k-th
    addition carries the noise of sampling rows and of choosing n of the k n; the last term is the choice at t
    itself. In partial fractions all of it is 3 sum_{k<=t} 1/k^2 - 2.

    Args:
        t: Generations; 1 is the model fitted to real data.

    References:
        Dey and Donoho (2024), arXiv:2410.22812 (augment-subsample).

    >>> round(augment_subsample_ratio(10), 4), round(AUGMENT_SUBSAMPLE_LIMIT, 4)
    (2.6493, 2.9348)
    """
    return curve(3 * np.asarray(augment_ratio(t)) - 2)
