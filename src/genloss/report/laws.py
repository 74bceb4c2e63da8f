"""Which closed-form law an experiment's metric must follow, where its conditions are met exactly.

Plots draw these laws dashed, and a test compares each with simulated means, so a law is given only where
the parts and sizes of the experiment are those of its derivation: one agent that publishes all it makes, real
rows drawn independently from a known law. Limits and bounds are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from genloss import generators, metrics, real, regimes
from genloss.curators import KeepAll
from genloss.experiment import Experiment
from genloss.samples import Array
from genloss.theory import discrete, gaussian, kde, regression

KAZDAN = "Kazdan et al. (2024), arXiv:2410.16713"
SHUMAILOV = "Shumailov et al. (2023), arXiv:2305.17493"
ALEMOHAMMAD = "Alemohammad et al. (2023), arXiv:2307.01850"
BERTRAND = "Bertrand et al. (2023), arXiv:2310.00429"
FU = "Fu et al. (2024), arXiv:2402.11778"
GERSTGRASSER = "Gerstgrasser et al. (2024), arXiv:2404.01413"
DOHMATOB = "Dohmatob et al. (2024), arXiv:2402.07712"
SEDDIK = "Seddik et al. (2024), arXiv:2404.05090"


class Law(NamedTuple):
    """What a metric is in expectation over replicates.

    Args:
        values: (T,) at generations 1, 2, ..., T.
        source: where it comes from.
    """

    values: Array
    source: str


def law(exp: Experiment, agent: int, metric: str) -> Law | None:
    """The law of a metric of one agent, or None where none is known exactly.

    Args:
        exp: the experiment.
        agent: index of the agent.
        metric: the metric's name in results.

    >>> from genloss import Agent, Experiment
    >>> exp = Experiment(
    ...     real=real.Gaussian(dim=2),
    ...     agents=Agent(generators.Gaussian(), regimes.Replace()),
    ...     metrics=(metrics.TraceRatio(),),
    ...     n_real=10,
    ...     generations=3,
    ... )
    >>> law(exp, 0, "TraceRatio").values.round(3).tolist()
    [0.9, 0.81, 0.729]
    """
    only = exp.agents[agent]
    if len(exp.agents) > 1 or type(only.curator) is not KeepAll or hasattr(exp.real, "size"):
        return None
    find = _FAMILIES.get(type(only.generator))
    return None if find is None else find(exp, only.generator, type(exp.metric_names[metric]))


# -- what regimes make of the pool -------------------------------------------------------------------


def _steps(exp: Experiment) -> Any:
    return np.arange(1, exp.generations + 1)


def _replaces(exp: Experiment) -> bool:
    """Whether each generation reads as many rows as the first, all of the newest model."""
    plain = type(exp.agents[0].regime) is regimes.Replace
    return plain and exp.n_fresh == 0 and exp.published(0) == exp.n_real


def _budget(exp: Experiment) -> tuple[bool, int | None]:
    """Whether rows are drawn from a pool that only grows, and how many; None is all."""
    regime = exp.agents[0].regime
    if exp.n_fresh == 0 and type(regime) is regimes.Accumulate:
        return True, None
    if exp.n_fresh == 0 and type(regime) is regimes.AccumulateSubsample:
        return True, regime.budget or exp.n_real
    return False, None


def _keeps_real(exp: Experiment) -> bool:
    return type(exp.agents[0].regime) is regimes.RealPlusLatest and exp.n_fresh == 0


def _refreshes(exp: Experiment) -> bool:
    """Whether each generation reads the newest rows and as many new real ones as there were at first."""
    return type(exp.agents[0].regime) is regimes.Replace and exp.n_fresh == exp.n_real


# -- families ----------------------------------------------------------------------------------------


def _gaussian(exp: Experiment, g: Any, metric: type) -> Law | None:
    if not hasattr(exp.real, "moments") or min(exp.n_real, exp.published(0)) <= g.ddof:
        return None
    t, n, d = _steps(exp), exp.published(0), len(exp.reference[0])
    heat = float(g.temperature)
    if metric is metrics.LogDetRatio:
        if type(exp.real) is not real.Gaussian or not _replaces(exp) or n <= d:
            return None
        values = gaussian.replace_log_det(n, d, t, g.ddof, heat).mean + d * np.log(heat)
        return Law(np.asarray(values), KAZDAN)
    if metric not in (metrics.TraceRatio, metrics.MeanError):
        return None
    grows, budget = _budget(exp)
    if _replaces(exp):
        ratio = gaussian.replace_trace_ratio(n, t, g.ddof, heat)
        error = gaussian.replace_mean_error(n, d, t, g.ddof, heat)
        source = KAZDAN + ("" if heat == 1 else f"; {ALEMOHAMMAD}") + f"; {SHUMAILOV}"
    elif grows:
        ratio, error = gaussian.subsample(n, budget, d, t, exp.n_real, g.ddof, heat)
        source = KAZDAN
    elif _keeps_real(exp):
        ratio, error = gaussian.real_plus_latest(exp.n_real, n, d, t, g.ddof, heat)
        source = BERTRAND
    elif _refreshes(exp):
        ratio, error = gaussian.fresh(exp.n_real, n, d, t, g.ddof, heat)
        source = ALEMOHAMMAD
    else:
        return None
    if (
        metric is metrics.TraceRatio
    ):  # theory has the fit, the metric the model, which samples at a temperature
        return Law(np.asarray(ratio) * heat, source)
    return Law(np.asarray(error) * np.trace(exp.reference[1]) / d, source)


def _kde(exp: Experiment, g: Any, metric: type) -> Law | None:
    if not hasattr(exp.real, "moments") or isinstance(g.bandwidth, str):
        return None
    if metric not in (metrics.TraceRatio, metrics.MeanError):
        return None
    t, n, d, h = _steps(exp), exp.published(0), len(exp.reference[0]), float(g.bandwidth)
    total = float(np.trace(exp.reference[1]))
    grows, budget = _budget(exp)
    # the laws are per dimension and linear in its variance, so the mean variance stands for all dimensions
    if _replaces(exp):
        variance, error = (
            np.asarray(of(n, t, h, total / d)) for of in (kde.replace_variance, kde.replace_mean_error)
        )
        source = f"{KAZDAN}; {FU}"
    elif grows:
        rows = kde.subsample(n, budget, t, h, total / d, exp.n_real)
        variance, error = np.asarray(rows.variance) + h**2, np.asarray(rows.mean_error)
        source = KAZDAN
    else:
        return None
    return Law(variance * d / total if metric is metrics.TraceRatio else error * d, source)


def _regression(exp: Experiment, g: Any, metric: type) -> Law | None:
    truth = exp.real
    if metric is not metrics.TestError or type(truth) is not real.LinearModel:
        return None
    if g.intercept or g.noise != truth.noise or exp.n_fresh or exp.published(0) != exp.n_real:
        return None
    t, n, d, noise = _steps(exp), exp.n_real, truth.dim, float(truth.noise)
    if _replaces(exp) and g.design == "fresh" and n <= d - 2:
        return Law(np.asarray(regression.ridgeless_replace_test_error(n, d, t, noise)), DOHMATOB)
    if n < d + 2:
        return None
    if _replaces(exp):
        return Law(np.asarray(regression.replace_test_error(n, d, t, noise)), f"{GERSTGRASSER}; {DOHMATOB}")
    if type(exp.agents[0].regime) is regimes.Accumulate:
        same = g.design == "same"
        of = regression.accumulate_test_error if same else regression.accumulate_fresh_test_error
        return Law(np.asarray(of(n, d, t, noise)), GERSTGRASSER)
    return None


def _categorical(exp: Experiment, g: Any, metric: type) -> Law | None:
    if (
        metric is not metrics.Diversity
        or type(exp.real) is not real.Zipf
        or g.smoothing
        or g.temperature != 1
    ):
        return None
    t, n, s0 = _steps(exp), exp.published(0), float((exp.real.probabilities**2).sum())
    grows, budget = _budget(exp)
    if _replaces(exp):
        return Law(np.asarray(discrete.replace_diversity(n, t, s0)), SEDDIK)
    if grows:
        values = discrete.subsample_diversity(n, budget, t, s0, exp.n_real)
        return Law(np.asarray(values), f"{SEDDIK}; {KAZDAN}")
    if _keeps_real(exp):
        return Law(np.asarray(discrete.real_plus_latest_diversity(exp.n_real, n, t, s0)), SEDDIK)
    return None


_FAMILIES: dict[type, Callable[[Experiment, Any, type], Law | None]] = {
    generators.Gaussian: _gaussian,
    generators.KDE: _kde,
    generators.LinearRegression: _regression,
    generators.Categorical: _categorical,
}
