"""Laws of loops that fit a kernel density of fixed bandwidth."""

from __future__ import annotations

from typing import Any

import numpy as np

from genloss import generators, metrics
from genloss.experiment import Experiment
from genloss.laws.stated import FU, KAZDAN, budget, grows, replaces, state, steps
from genloss.samples import Array
from genloss.theory import kde
from genloss.traits import REAL_MOMENTS

_MOMENTS = (metrics.TraceRatio, metrics.MeanError)


def _variance(exp: Experiment, g: Any) -> float | None:
    """The real variance of a dimension, on average; None where no law holds.

    The laws are per dimension and linear in its variance, so the mean variance stands for all dimensions.
    """
    if REAL_MOMENTS.of(exp.real) is None or isinstance(g.bandwidth, str):
        return None
    return float(np.trace(exp.reference[1])) / len(exp.reference[0])


def _scaled(exp: Experiment, metric: Any, variance: Any, mean_error: Any, real: float) -> Array:
    return np.asarray(
        variance / real if isinstance(metric, metrics.TraceRatio) else mean_error * len(exp.reference[0])
    )


@state(generators=generators.KDE, metrics=_MOMENTS, source=f"{KAZDAN}; {FU}")
def replaced(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on the newest rows alone, as many as there were real ones; fixed bandwidth."""
    real = _variance(exp, g)
    if real is None or not replaces(exp):
        return None
    given = exp.published(0), steps(exp), float(g.bandwidth), real
    return _scaled(exp, metric, kde.replace_variance(*given), kde.replace_mean_error(*given), real)


@state(generators=generators.KDE, metrics=_MOMENTS, source=KAZDAN)
def accumulated(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on all rows so far, or on a fixed number drawn from them; fixed bandwidth."""
    real = _variance(exp, g)
    if real is None or not grows(exp):
        return None
    h = float(g.bandwidth)
    rows = kde.subsample(exp.published(0), budget(exp), steps(exp), h, real, exp.n_real)
    return _scaled(exp, metric, rows.variance + h**2, rows.mean_error, real)
