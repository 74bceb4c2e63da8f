"""Laws of loops that fit a linear regression, whose synthetic labels have the noise of the real ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from genloss import generators, metrics, real, regimes
from genloss.experiment import Experiment
from genloss.laws.stated import DOHMATOB, GERSTGRASSER, replaces, state, steps
from genloss.samples import Array
from genloss.theory import regression


def _truth(exp: Experiment, g: Any) -> real.LinearModel | None:
    """The true line, where synthetic labels differ from real ones in nothing but the line they follow."""
    truth = exp.real
    if not isinstance(truth, real.LinearModel) or g.intercept or g.noise != truth.noise:
        return None
    return truth if exp.n_fresh == 0 and exp.published(0) == exp.n_real else None


@state(
    generators=generators.LinearRegression,
    metrics=metrics.TestError,
    source=f"{GERSTGRASSER}; {DOHMATOB}",
)
def replaced(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on the newest labels alone; at least two rows more than dimensions."""
    truth = _truth(exp, g)
    if truth is None or not replaces(exp) or exp.n_real < truth.dim + 2:
        return None
    return np.asarray(regression.replace_test_error(exp.n_real, truth.dim, steps(exp), truth.noise))


@state(generators=generators.LinearRegression, metrics=metrics.TestError, source=DOHMATOB)
def ridgeless(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on new inputs and labels alone; at least two dimensions more than rows."""
    truth = _truth(exp, g)
    if truth is None or not replaces(exp) or g.design != "fresh" or exp.n_real > truth.dim - 2:
        return None
    given = exp.n_real, truth.dim, steps(exp)
    # the error is a share of the signal's square, and one of the noise's
    lost = np.asarray(regression.ridgeless_replace_test_error(*given))
    noisy = np.asarray(regression.ridgeless_replace_test_error(*given, truth.noise))
    return np.asarray(truth.signal**2 * lost + (noisy - lost))


@state(generators=generators.LinearRegression, metrics=metrics.TestError, source=GERSTGRASSER)
def accumulated(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation trains on all labels so far; at least two rows more than dimensions."""
    truth = _truth(exp, g)
    accumulates = type(exp.agents[0].regime) is regimes.Accumulate
    if truth is None or not accumulates or exp.n_real < truth.dim + 2:
        return None
    kept = g.design == "same"
    of = regression.accumulate_test_error if kept else regression.accumulate_fresh_test_error
    return np.asarray(of(exp.n_real, truth.dim, steps(exp), truth.noise))
