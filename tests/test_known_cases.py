"""Verdicts on loops of which theory says what becomes of them."""

from functools import cache

import numpy as np
import pytest
from scipy.special import digamma

from genloss import Agent, Experiment, generators, metrics, real, regimes
from genloss.collapse import Trajectory, verdict
from genloss.meaning import meaning
from laws import measure

R, T = 200, 60
GAUSSIAN = (metrics.TraceRatio(), metrics.MeanError())


@cache
def line(source, generator, regime, some, n=100, generations=T, replicates=R, seed=1, **more):
    """The verdict on a loop of one agent, without a store."""
    agent = Agent(generator, regime, n=more.pop("published", None))
    exp = Experiment(
        real=source,
        agents=(agent,),
        n_real=n,
        generations=generations,
        replicates=replicates,
        seed=seed,
        metrics=some,
        **more,
    )
    found = []
    for (name, values), metric in zip(measure(exp).items(), some, strict=True):
        x = values[:, 0, :replicates]
        found.append(
            Trajectory(
                name,
                meaning(name, metric, exp),
                np.arange(1, generations + 1),
                x[1:],
                {"regime": type(regime).__name__},
                None if np.isnan(x[0]).all() else x[0],
                exp,
            )
        )
    return verdict(found).lines[0]


def answer(found, meaning, metric):
    return next(f for f in found.findings if (f.meaning, f.metric) == (meaning, metric))


def replace(**gaussian):
    return line(real.Gaussian(dim=1), generators.Gaussian(**gaussian), regimes.Replace(), GAUSSIAN)


def test_gaussian_replace_loses_its_variance_and_its_mean_error_plateaus():
    found = replace()
    trace, error = answer(found, 4, "TraceRatio"), answer(found, 3, "MeanError")
    assert (trace.answer, error.answer) == ("yes", "no")
    assert trace.law
    assert "tends to 1" in error.law
    assert answer(found, 3, "TraceRatio").answer == "no"


@pytest.mark.parametrize("seed", range(1, 6))
def test_of_two_half_lives_each_lies_in_its_own_interval(seed):
    """At n = 100 the mean's is 69 generations, that of the typical replicate 34."""
    found = line(real.Gaussian(dim=1), generators.Gaussian(), regimes.Replace(), GAUSSIAN, seed=seed)
    read = next(read for read in found.reads if read.x.metric == "TraceRatio")
    mean = np.log(2) / -np.log1p(-1 / 100)
    typical = np.log(2) / -(digamma(99 / 2) + np.log(2 / 100))
    of_mean = read.mean.rate("exponential decay", "half-life")
    of_typical = read.typical.rate("exponential decay", "half-life")
    assert of_mean.low <= mean <= of_mean.high
    assert of_typical.low <= typical <= of_typical.high
    assert of_typical.high < mean


def test_unbiased_replace_diverges_by_law_and_linearly():
    found = answer(replace(ddof=1), 3, "MeanError")
    assert found.answer == "yes"
    assert "grows by 0.01 a generation for ever, by law" in found.law


def test_accumulation_of_a_gaussian_is_no_catastrophe_and_does_not_diverge():
    found = line(real.Gaussian(dim=1), generators.Gaussian(), regimes.Accumulate(), GAUSSIAN)
    assert answer(found, 1, "MeanError").answer == "no"
    assert answer(found, 3, "MeanError").answer == "no"
    assert answer(found, 4, "TraceRatio").answer == "no"


def test_regression_replace_diverges_by_law():
    found = line(
        real.LinearModel(dim=10, noise=1.0),
        generators.LinearRegression(noise=1.0),
        regimes.Replace(),
        (metrics.TestError(),),
    )
    assert answer(found, 2, "TestError").answer == "yes"
    assert answer(found, 3, "TestError").answer == "yes"
    assert "grows by 0.112 a generation for ever" in answer(found, 3, "TestError").law
    read = found.reads[0]
    assert read.mean.status == read.typical.status == "still moving"
    low, high = read.mean.rate("linear", "per generation")[1:]
    assert low <= 10 / 89 <= high


def test_a_kernel_density_that_accumulates_is_still_moving():
    found = line(
        real.Ring(),
        generators.KDE(0.5),
        regimes.Accumulate(),
        (metrics.HoldoutNLL(), metrics.TraceRatio()),
        replicates=60,
        generations=80,
    )
    assert answer(found, 2, "HoldoutNLL").answer == "yes"
    assert {read.x.metric: read.mean.status for read in found.reads}["HoldoutNLL"] == "still moving"
    assert "like log t for ever" in answer(found, 3, "TraceRatio").law


def test_rare_symbols_are_lost_and_in_the_end_all_but_one():
    found = line(
        real.Zipf(symbols=20),
        generators.Categorical(),
        regimes.Replace(),
        (metrics.SupportSize(), metrics.Diversity()),
        n=20,
        generations=150,
    )
    assert answer(found, 6, "SupportSize").answer == "yes"
    assert found.reads[0].typical.absorbed is not None
    assert found.reads[0].typical.laws[0].name == "absorbed"
    assert answer(found, 4, "Diversity").answer == "yes"


@pytest.mark.slow
def test_models_of_fresh_real_rows_have_not_collapsed():
    """Every generation is fitted to real rows that nobody has seen: 19 of 20 lines say yes to nothing."""
    wrong = 0
    runs = 100
    g = np.random.Generator(np.random.SFC64(3))
    for _ in range(runs):
        rows = g.standard_normal((40, 50, 100, 2))  # T, R, n, d
        some = []
        for metric, values in (
            (metrics.TraceRatio(), rows.var(axis=2).mean(axis=2)),
            (metrics.MeanError(), (rows.mean(axis=2) ** 2).sum(axis=2)),
        ):
            name = type(metric).__name__
            some.append(Trajectory(name, meaning(name, metric), np.arange(1, 41), values, {"line": 1}))
        wrong += any(f.answer == "yes" for f in verdict(some).lines[0].findings)
    assert wrong <= 0.05 * runs + 3 * (0.05 * 0.95 * runs) ** 0.5
