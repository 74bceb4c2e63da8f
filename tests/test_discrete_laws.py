"""Loops that count symbols, against their closed-form laws."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from genloss import Agent, Experiment, generators, metrics, real, regimes
from genloss.theory import discrete as law
from laws import ALPHA, assert_mean, assert_same_law, measure, observe

LOOKS = (metrics.Diversity(), metrics.SupportSize())


def experiment(
    regime: Any, n: int, symbols: int, t: int, replicates: int, exponent: float = 0.0, **more: Any
) -> Experiment:
    agent = Agent(more.pop("generator", generators.Categorical()), regime, n=more.pop("publishes", None))
    return Experiment(
        real=real.Zipf(symbols=symbols, exponent=exponent),
        agents=agent,
        n_real=n,
        generations=t,
        replicates=replicates,
        metrics=more.pop("metrics", LOOKS),
        **more,
    )


def purity(exp: Experiment) -> float:
    return float((exp.real.probabilities**2).sum())  # type: ignore[attr-defined]


def probabilities(exp: Experiment) -> Any:
    """(T, K, R)."""
    found = [observe(exp, lambda o, k=k: o.model.probabilities[:, k])[:, 0] for k in range(exp.real.symbols)]  # type: ignore[attr-defined, misc]
    return np.stack(found, axis=1)


@pytest.mark.parametrize(("n", "symbols", "exponent"), [(10, 10, 0.0), (50, 8, 1.0), (200, 1000, 1.2)])
def test_resampling(n: int, symbols: int, exponent: float) -> None:
    exp = experiment(regimes.Replace(), n, symbols, 25, 4096, exponent)
    assert exp.statistic is not None
    assert_mean(measure(exp)["Diversity"][:, 0], law.replace_diversity(n, np.arange(1, 26), purity(exp)))


def test_resampling_ends_with_one_symbol() -> None:
    """Each symbol alone with its own probability, and after a time within the published bounds."""
    exp = experiment(regimes.Replace(), 10, 4, 250, 4096, exponent=1.0)
    alive = measure(exp)["SupportSize"][:, 0]
    assert (alive[-1] == 1).all()
    time = (alive > 1).sum(axis=0) + 1
    low, high = law.collapse_time_bounds(10, purity(exp), 4)
    assert low <= time.mean() <= high
    survivor = np.bincount(probabilities(exp)[-1].argmax(axis=0), minlength=4)
    expected = law.fixation_probability(exp.real.probabilities) * 4096  # type: ignore[attr-defined]
    assert stats.chisquare(survivor, expected).pvalue > ALPHA


@pytest.mark.parametrize(("symbols", "t"), [(2, 1200), (10, 1400)])
def test_collapse_time_is_kimuras(symbols: int, t: int) -> None:
    exp = experiment(regimes.Replace(), 100, symbols, t, 1024, metrics=(metrics.SupportSize(),))
    alive = measure(exp)["SupportSize"][:, 0]
    assert (alive[-1] == 1).mean() > 0.995
    time = (alive > 1).sum(axis=0) + 1
    expected = law.collapse_time(100, np.full(symbols, 1 / symbols))
    # the diffusion limit is a few generations too long
    assert time.mean() == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize(("n_real", "n", "symbols"), [(100, 50, 10), (20, 60, 5)])
def test_real_plus_latest(n_real: int, n: int, symbols: int) -> None:
    exp = experiment(regimes.RealPlusLatest(), n_real, symbols, 40, 2048, publishes=n)
    found = measure(exp)["Diversity"][:, 0]
    assert_mean(found, law.real_plus_latest_diversity(n_real, n, np.arange(1, 41), purity(exp)))
    assert_mean(found[-1], law.real_plus_latest_diversity_limit(n_real, n, purity(exp)))


@pytest.mark.parametrize(("n", "symbols", "exponent"), [(10, 10, 0.0), (40, 5, 1.5)])
def test_accumulate(n: int, symbols: int, exponent: float) -> None:
    exp = experiment(regimes.Accumulate(), n, symbols, 60, 2048, exponent)
    expected = law.subsample_diversity(n, None, np.arange(1, 61), purity(exp))
    assert_mean(measure(exp)["Diversity"][:, 0], expected)


@pytest.mark.parametrize(
    ("n", "k", "n_real", "rows"), [(10, 10, 10, "auto"), (20, 30, 15, "auto"), (10, 10, 10, "always")]
)
def test_subsample(n: int, k: int, n_real: int, rows: Any) -> None:
    exp = experiment(
        regimes.AccumulateSubsample(budget=k), n_real, 6, 30, 1024, publishes=n, rows=rows, tile=256
    )
    assert (exp.statistic is not None) == (rows == "auto")
    found = measure(exp)["Diversity"][:, 0]
    assert_mean(found, law.subsample_diversity(n, k, np.arange(1, 31), purity(exp), n_real=n_real))


@pytest.mark.parametrize("rows", ["auto", "always"])
def test_subsample_of_fewer_than_the_real_rows(rows: Any) -> None:
    """At generation 1 there is nothing synthetic yet to draw from."""
    exp = experiment(
        regimes.AccumulateSubsample(budget=10), 30, 6, 10, 1024, publishes=5, rows=rows, tile=256
    )
    found = measure(exp)["Diversity"][:, 0]
    assert_mean(found, law.subsample_diversity(5, 10, np.arange(1, 11), purity(exp), n_real=30))


@pytest.mark.parametrize(("n", "symbols"), [(100, 100), (50, 20)])
def test_survival_of_symbols(n: int, symbols: int) -> None:
    """How many of equally probable symbols are left, between the published bounds."""
    exp = experiment(regimes.Replace(), n, symbols, 20, 1024)
    left = measure(exp)["SupportSize"][:, 0]
    error = left.std(axis=1) / 32
    for t in (1, 5, 20):
        low, high = law.bernoulli_survival_bounds(n, 1 / symbols, t)
        assert left[t - 1].mean() > symbols * low - 4.5 * error[t - 1]
        assert left[t - 1].mean() < symbols * high + 4.5 * error[t - 1]
        assert (
            left[t - 1].mean()
            > law.unique_symbols_bound(n, np.full(symbols, 1 / symbols), t) - 4.5 * error[t - 1]
        )


@pytest.mark.parametrize("n_symbols", [50, 400])
def test_a_rare_symbol_survives_as_a_poisson_branching_process(n_symbols: int) -> None:
    """One expected count among many: .6321, .2681, .0876 after 1, 5, 20 generations."""
    exp = experiment(regimes.Replace(), n_symbols, n_symbols, 20, 512)
    left = measure(exp)["SupportSize"][[0, 4, 19], 0].mean(axis=1) / n_symbols
    expected = np.asarray(law.poisson_survival(1.0, np.array([1, 5, 20])))
    assert np.allclose(expected, [0.6321, 0.2681, 0.0876], atol=1e-4)
    # what the Poisson limit leaves out is of the order t/n
    assert np.abs(left / expected - 1).max() < 6 / n_symbols + 0.01


@pytest.mark.parametrize("temperature", [0.9, 1.1])
def test_temperature_multiplies_log_odds(temperature: float) -> None:
    """With so many tokens that sampling is no matter; the first fit is already sharpened once."""
    generator = generators.Categorical(temperature=temperature)
    exp = experiment(regimes.Replace(), 10**15, 3, 20, 4, exponent=0.1, generator=generator, tile=4)
    p = probabilities(exp)
    odds = np.log(p[:, 0] / p[:, 2])
    start = 0.1 * math.log(3)
    factor = np.asarray(law.temperature_log_odds(temperature, np.arange(1, 21))) / temperature
    assert np.allclose(odds / start, factor[:, None], rtol=1e-4)


@pytest.mark.parametrize(
    ("regime", "eps"), [(regimes.Replace(), 0.1), (regimes.Accumulate(), 0.1), (regimes.Accumulate(), 0.3)]
)
def test_a_biased_estimator_forgets_even_what_accumulates(regime: Any, eps: float) -> None:
    """Smoothing by s of K symbols shrinks n counts toward uniform with eps = K s / (n + K s)."""
    n, symbols, t = 10**15, 4, 30
    accumulates = isinstance(regime, regimes.Accumulate)
    # the pool grows, and with a fixed s the bias of accumulation would fade: scale it with the pool
    smoothing = eps * n / (symbols * (1 - eps))
    exp = experiment(regime, n, symbols, 1, 4, exponent=1.0, tile=4)
    from genloss.loop import start, step

    state, left = start(exp), []
    for k in range(1, t + 1):
        rows = n * k if accumulates else n
        agent = Agent(generators.Categorical(smoothing=smoothing * rows / n), regime)
        state, (seen,) = step(state, dataclasses.replace(exp, agents=(agent,)))
        p = seen.model.probabilities.mean(axis=0)
        left.append((p[0] - 0.25) / (exp.real.probabilities[0] - 0.25))  # type: ignore[attr-defined]
    shrink = law.accumulate_shrinkage if accumulates else law.replace_shrinkage
    assert np.allclose(left, shrink(eps, np.arange(1, t + 1)), rtol=1e-4)


@pytest.mark.parametrize("b", [1.5, 2.0])
def test_rows_leave_a_power_laws_tail_unseen(b: float) -> None:
    """E = sum p (1-p)^T, of order T^-(1 - 1/b); a loop that cut the tail leaves it unseen for good."""
    rows = np.array([30, 300, 3000])
    unseen = []
    for n in rows:
        exp = experiment(regimes.Replace(), int(n), 2000, 1, 256, exponent=b)
        p = exp.real.probabilities  # type: ignore[attr-defined]
        missing = observe(exp, lambda o, p=p: ((o.model.probabilities == 0) * p).sum(axis=1))[0, 0]  # type: ignore[misc]
        assert_mean(missing, law.missing_mass(p, p, int(n)))
        unseen.append(missing.mean())
    slope = np.polyfit(np.log(rows), np.log(unseen), 1)[0]
    assert slope == pytest.approx(-(1 - 1 / b), abs=0.08)


@pytest.mark.parametrize("n", [100, 1000])
def test_a_tail_cut_by_finite_rows_lies_near_n_to_the_one_over_b(n: int) -> None:
    b = 2.0
    exp = experiment(regimes.Replace(), n, 3000, 1, 256, exponent=b)
    k = n ** (1 / b)
    seen = observe(exp, lambda o: (o.model.probabilities > 0).sum(axis=1).astype(float))[0, 0]
    assert 0.5 * k < seen.mean() < 3 * k
    unseen = 1 - observe(exp, lambda o: (o.model.probabilities > 0) @ o.exp.real.probabilities)[0, 0]
    assert 0.3 < unseen.mean() / law.power_law_tail(b, round(k)) < 3


@pytest.mark.parametrize(
    "regime",
    [
        regimes.Replace(),
        regimes.Accumulate(),
        regimes.AccumulateSubsample(),
        regimes.AccumulateSubsample(budget=12),
    ],
)
@pytest.mark.parametrize(("n", "symbols"), [(20, 5), (15, 40)])
def test_rows_and_statistics_agree_in_law(regime: Any, n: int, symbols: int) -> None:
    looks = (*LOOKS, metrics.TotalVariation(), metrics.RealShare())
    exp = experiment(regime, n, symbols, 8, 1024, exponent=1.0, metrics=looks, tile=256)
    rows = dataclasses.replace(exp, rows="always", seed=1)
    assert exp.statistic is not None and rows.statistic is None
    one, other = measure(exp), measure(rows)
    for name in one:
        assert_same_law(one[name][[0, 1, 7]], other[name][[0, 1, 7]])


def test_subsampling_counts_beyond_what_numpy_draws_exactly_is_refused() -> None:
    exp = experiment(regimes.AccumulateSubsample(), 10**9, 3, 2, 2, tile=2)
    with pytest.raises(Exception, match="cannot be subsampled exactly"):
        measure(exp)
