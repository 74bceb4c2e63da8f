"""Laws of loops that fit a Gaussian."""

from __future__ import annotations

from typing import Any

import numpy as np

from genloss import generators, metrics, real
from genloss.experiment import Experiment
from genloss.laws.stated import (
    ALEMOHAMMAD,
    BERTRAND,
    KAZDAN,
    SHUMAILOV,
    budget,
    grows,
    keeps_real,
    refreshes,
    replaces,
    state,
    steps,
)
from genloss.samples import Array
from genloss.theory import gaussian
from genloss.traits import REAL_MOMENTS

_MOMENTS = (metrics.TraceRatio, metrics.MeanError)


def _fits(exp: Experiment, g: Any) -> bool:
    """Whether the real moments are known, and no fit runs out of degrees of freedom."""
    return REAL_MOMENTS.of(exp.real) is not None and min(exp.n_real, exp.published(0)) > g.ddof


def _scaled(exp: Experiment, g: Any, metric: Any, trace_ratio: Any, mean_error: Any) -> Array:
    """What theory has of the fit and of unit variances, as the metric has it of the model and of the real
    law.
    """
    if isinstance(metric, metrics.TraceRatio):  # the model samples at a temperature
        return np.asarray(trace_ratio * g.temperature)
    return np.asarray(mean_error * np.trace(exp.reference[1]) / len(exp.reference[0]))


def _shape(exp: Experiment, g: Any) -> tuple[Any, int, int]:
    """Generations, rows and dimensions."""
    return steps(exp), exp.published(0), len(exp.reference[0])


@state(generators=generators.Gaussian, metrics=_MOMENTS, source=f"{KAZDAN}; {SHUMAILOV}; {ALEMOHAMMAD}")
def replaced(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on the newest rows alone, as many as there were real ones."""
    if not (_fits(exp, g) and replaces(exp)):
        return None
    t, n, d = _shape(exp, g)
    ratio = gaussian.replace_trace_ratio(n, t, g.ddof, g.temperature)
    return _scaled(exp, g, metric, ratio, gaussian.replace_mean_error(n, d, t, g.ddof, g.temperature))


@state(generators=generators.Gaussian, metrics=_MOMENTS, source=KAZDAN)
def accumulated(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on all rows so far, or on a fixed number drawn from them without
    replacement.
    """
    if not (_fits(exp, g) and grows(exp)):
        return None
    t, n, d = _shape(exp, g)
    return _scaled(
        exp, g, metric, *gaussian.subsample(n, budget(exp), d, t, exp.n_real, g.ddof, g.temperature)
    )


@state(generators=generators.Gaussian, metrics=_MOMENTS, source=BERTRAND)
def beside_real(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on the first real rows and the newest synthetic ones."""
    if not (_fits(exp, g) and keeps_real(exp)):
        return None
    t, n, d = _shape(exp, g)
    return _scaled(exp, g, metric, *gaussian.real_plus_latest(exp.n_real, n, d, t, g.ddof, g.temperature))


@state(generators=generators.Gaussian, metrics=_MOMENTS, source=ALEMOHAMMAD)
def refreshed(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on the newest synthetic rows and as many new real rows as there were at
    first.
    """
    if not (_fits(exp, g) and refreshes(exp)):
        return None
    t, n, d = _shape(exp, g)
    return _scaled(exp, g, metric, *gaussian.fresh(exp.n_real, n, d, t, g.ddof, g.temperature))


@state(generators=generators.Gaussian, metrics=metrics.LogDetRatio, source=KAZDAN)
def log_volume(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on the newest rows alone, more than there are dimensions; real rows are
    normal.
    """
    t, n, d = _shape(exp, g)
    if type(exp.real) is not real.Gaussian or not replaces(exp) or n <= d:
        return None
    log_det = gaussian.replace_log_det(n, d, t, g.ddof, g.temperature).mean
    return np.asarray(log_det + d * np.log(g.temperature))


@state(generators=generators.Gaussian, metrics=(metrics.Entropy, metrics.KL), source=KAZDAN)
def entropy(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on the newest rows alone, more than there are dimensions; real rows are
    normal.
    """
    log_det = log_volume(exp, g, metric)
    if log_det is None:
        return None
    t, n, d = _shape(exp, g)
    if isinstance(metric, metrics.Entropy):
        return np.asarray(0.5 * (d * (1 + np.log(2 * np.pi)) + log_det))
    if metric.direction == "forward":
        return None
    # of N(m, S) from N(0, I) it is (|m|^2 + tr S - d - log det S) / 2
    trace = d * gaussian.replace_trace_ratio(n, t, g.ddof, g.temperature) * g.temperature
    return np.asarray(
        0.5 * (gaussian.replace_mean_error(n, d, t, g.ddof, g.temperature) + trace - d - log_det)
    )
