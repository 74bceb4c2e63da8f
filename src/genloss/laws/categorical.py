"""Laws of loops that count symbols."""

from __future__ import annotations

from typing import Any

import numpy as np

from genloss import generators, metrics, real
from genloss.experiment import Experiment
from genloss.laws.stated import KAZDAN, SEDDIK, budget, grows, keeps_real, replaces, state, steps
from genloss.samples import Array
from genloss.theory import discrete


def _purity(exp: Experiment, g: Any) -> float | None:
    """Sum p^2 of the real law; None where no law holds."""
    if type(exp.real) is not real.Zipf or g.smoothing or g.temperature != 1:
        return None
    return float((exp.real.probabilities**2).sum())


@state(generators=generators.Categorical, metrics=metrics.Diversity, source=SEDDIK)
def replaced(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation counts the newest symbols alone, as many as there were real ones."""
    s0 = _purity(exp, g)
    if s0 is None or not replaces(exp):
        return None
    return np.asarray(discrete.replace_diversity(exp.published(0), steps(exp), s0))


@state(generators=generators.Categorical, metrics=metrics.Diversity, source=f"{SEDDIK}; {KAZDAN}")
def accumulated(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation counts all symbols so far, or a fixed number drawn from them without replacement."""
    s0 = _purity(exp, g)
    if s0 is None or not grows(exp):
        return None
    return np.asarray(discrete.subsample_diversity(exp.published(0), budget(exp), steps(exp), s0, exp.n_real))


@state(generators=generators.Categorical, metrics=metrics.Diversity, source=SEDDIK)
def beside_real(exp: Experiment, g: Any, metric: Any) -> Array | None:
    """Every generation counts the first real symbols and the newest synthetic ones."""
    s0 = _purity(exp, g)
    if s0 is None or not keeps_real(exp):
        return None
    return np.asarray(discrete.real_plus_latest_diversity(exp.n_real, exp.published(0), steps(exp), s0))
