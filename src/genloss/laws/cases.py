"""Experiments in which laws hold, for each law one or more: tests simulate them, the documentation draws."""

from __future__ import annotations

from typing import Any

from genloss import generators as g
from genloss import metrics as m
from genloss import regimes as r
from genloss.experiment import Agent, Experiment
from genloss.real import Gaussian as RealGaussian
from genloss.real import LinearModel, Ring, Zipf


def _loop(real: Any, generator: Any, regime: Any, *metrics: Any, **more: Any) -> Experiment:
    sizes: dict[str, Any] = {"n_real": 20, "generations": 8, "replicates": 4000, "seed": 7} | more
    n = sizes.pop("n", None)
    return Experiment(real=real, agents=(Agent(generator, regime, n=n),), metrics=metrics, **sizes)


_BOTH = (m.TraceRatio(), m.MeanError())
_ALL = (*_BOTH, m.LogDetRatio(), m.Entropy(), m.KL())
_ERROR, _DIVERSITY = m.TestError(), m.Diversity()
_STEP = {"replicates": 1000}
_NORMAL, _LINE, _ZIPF = RealGaussian(dim=2), LinearModel(dim=3), Zipf(symbols=12)
_REPLACE, _ACCUMULATE = r.Replace(), r.Accumulate()
_SUBSAMPLE, _LATEST = r.AccumulateSubsample(), r.RealPlusLatest()
_AGAIN, _FRESH = g.LinearRegression(noise=1.0), g.LinearRegression(design="fresh", noise=1.0)
CASES: dict[str, Experiment] = {
    "Gaussian, replace": _loop(RealGaussian(dim=3), g.Gaussian(), _REPLACE, *_ALL),
    "unbiased, at a temperature": _loop(
        _NORMAL, g.Gaussian(ddof=1, temperature=0.8), _REPLACE, *_ALL, n_real=12
    ),
    "Gaussian on a ring, replace": _loop(Ring(), g.Gaussian(), _REPLACE, *_BOTH, **_STEP),
    "more dimensions than rows": _loop(RealGaussian(dim=9), g.Gaussian(), _REPLACE, *_BOTH, n_real=5),
    "Gaussian, accumulate": _loop(RealGaussian(dim=3), g.Gaussian(), _ACCUMULATE, *_BOTH, n=35),
    "at a temperature, accumulate": _loop(_NORMAL, g.Gaussian(temperature=0.7), _ACCUMULATE, *_BOTH),
    "Gaussian, subsample": _loop(_NORMAL, g.Gaussian(), _SUBSAMPLE, *_BOTH, **_STEP),
    "another budget": _loop(
        _NORMAL, g.Gaussian(ddof=1), r.AccumulateSubsample(budget=30), *_BOTH, n=25, **_STEP
    ),
    "Gaussian, real and latest": _loop(_NORMAL, g.Gaussian(), _LATEST, *_BOTH, n=30),
    "Gaussian, fresh": _loop(_NORMAL, g.Gaussian(temperature=0.9), _REPLACE, *_BOTH, n_fresh=20, n=40),
    "KDE, replace": _loop(_NORMAL, g.KDE(bandwidth=0.4), _REPLACE, *_BOTH, **_STEP),
    "KDE, accumulate": _loop(Ring(), g.KDE(bandwidth=0.3), _ACCUMULATE, *_BOTH, n=15, **_STEP),
    "KDE, subsample": _loop(_NORMAL, g.KDE(bandwidth=0.4), _SUBSAMPLE, *_BOTH, **_STEP),
    "regression, replace": _loop(
        LinearModel(dim=3, noise=0.5), g.LinearRegression(noise=0.5), _REPLACE, _ERROR
    ),
    "fresh inputs, replace": _loop(_LINE, _FRESH, _REPLACE, _ERROR),
    "fewer rows than inputs": _loop(LinearModel(dim=12), _FRESH, _REPLACE, _ERROR, n_real=6),
    "regression, accumulate": _loop(_LINE, _AGAIN, _ACCUMULATE, _ERROR),
    "fresh inputs, accumulate": _loop(_LINE, _FRESH, _ACCUMULATE, _ERROR),
    "symbols, replace": _loop(_ZIPF, g.Categorical(), _REPLACE, _DIVERSITY),
    "symbols, accumulate": _loop(_ZIPF, g.Categorical(), _ACCUMULATE, _DIVERSITY, n=33),
    "symbols, subsample": _loop(_ZIPF, g.Categorical(), r.AccumulateSubsample(budget=15), _DIVERSITY),
    "symbols, real and latest": _loop(_ZIPF, g.Categorical(), _LATEST, _DIVERSITY, n=33),
}
