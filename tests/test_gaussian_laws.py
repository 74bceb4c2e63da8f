"""Loops that fit a Gaussian, against their closed-form laws at every generation."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from genloss import Agent, Experiment, generators, metrics, real, regimes
from genloss.loop import start, step
from genloss.theory import gaussian as law
from laws import KnownCovariance, assert_mean, assert_same_law, measure, observe

SPREAD = (metrics.TraceRatio(), metrics.MeanError())


def experiment(
    regime: Any,
    n: int,
    d: int,
    generations: int,
    replicates: int,
    generator: Any = None,
    publishes: int | None = None,
    **more: Any,
) -> Experiment:
    agent = Agent(generator or generators.Gaussian(), regime or regimes.Replace(), n=publishes)
    settings: dict[str, Any] = {"metrics": SPREAD, "agents": agent, **more}
    return Experiment(
        real=real.Gaussian(dim=d), n_real=n, generations=generations, replicates=replicates, **settings
    )


def assert_spread(exp: Experiment, trace: Any, error: Any) -> None:
    found = measure(exp)
    assert_mean(found["TraceRatio"][:, 0], trace)
    assert_mean(found["MeanError"][:, 0], error)


# -- replace ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1.0, 0.9])
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(("n", "d"), [(10, 1), (32, 3), (20, 10), (5, 8)])
def test_replace(n: int, d: int, ddof: Any, temperature: float) -> None:
    exp = experiment(
        regimes.Replace(), n, d, 15, 4096, generators.Gaussian(ddof=ddof, temperature=temperature)
    )
    assert exp.statistic is not None
    # the model of generation t reports the covariance it samples from, so temperature acts t times on it
    t = np.arange(1, 16)
    trace = temperature * law.replace_trace_ratio(n, t, ddof, temperature)
    assert_spread(exp, trace, law.replace_mean_error(n, d, t, ddof, temperature))


@pytest.mark.parametrize(("n", "d", "ddof"), [(10, 1, 0), (20, 3, 1), (30, 10, 0)])
def test_replace_log_determinant(n: int, d: int, ddof: Any) -> None:
    exp = experiment(
        regimes.Replace(), n, d, 30, 4096, generators.Gaussian(ddof=ddof), metrics=(metrics.LogDetRatio(),)
    )
    found = measure(exp)["LogDetRatio"][:, 0]
    mean, sd = law.replace_log_det(n, d, np.arange(1, 31), ddof)
    assert_mean(found, mean)
    assert_mean((found - np.asarray(mean)[:, None]) ** 2, np.asarray(sd) ** 2)


@pytest.mark.parametrize(("n", "t"), [(10, 50), (100, 200)])
def test_unbiased_replace_collapses_though_its_variance_does_not(n: int, t: int) -> None:
    found = measure(experiment(regimes.Replace(), n, 1, t, 4096, generators.Gaussian(ddof=1)))
    sd = np.sqrt(found["TraceRatio"][:, 0])
    steps = np.arange(1, t + 1)
    assert_mean(sd, law.replace_sd_ratio(n, steps))
    w2 = found["MeanError"][:, 0] + (sd - 1) ** 2
    assert_mean(w2[: n // 2], law.replace_w2(n, steps[: n // 2]))
    assert np.median(sd[-1]) < np.median(sd[t // 2]) < np.median(sd[0])


def test_replace_with_growing_numbers_of_rows() -> None:
    """The drift of the mean is the sum of 1/n_t, and stays finite where that converges."""
    sizes = [5 * 2**k for k in range(10)]
    first = experiment(regimes.Replace(), sizes[0], 2, len(sizes), 256, generators.Gaussian(ddof=1))
    errors = []
    for tile in range(16):
        state = start(first, tile)
        of_tile = []
        for n in [*sizes[1:], 1]:
            grown = dataclasses.replace(first, agents=(dataclasses.replace(first.agents[0], n=n),))
            state, (seen,) = step(state, grown)
            of_tile.append(seen.measure()["MeanError"])
        errors.append(of_tile)
    assert_mean(np.concatenate(np.array(errors), axis=1), 2 * law.growing_replace_variance(sizes))


# -- accumulate ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ddof", "temperature"), [(0, 1.0), (1, 0.8)])
@pytest.mark.parametrize(("n", "d"), [(10, 1), (25, 3), (5, 8)])
def test_accumulate(n: int, d: int, ddof: Any, temperature: float) -> None:
    exp = experiment(
        regimes.Accumulate(), n, d, 40, 4096, generators.Gaussian(ddof=ddof, temperature=temperature)
    )
    t = np.arange(1, 41)
    trace = temperature * np.asarray(law.accumulate_trace_ratio(n, t, ddof, temperature))
    assert_spread(exp, trace, law.subsample(n, None, d, t, None, ddof, temperature).mean_error)


def test_accumulate_ends_above_zero() -> None:
    exp = experiment(regimes.Accumulate(), 10, 2, 400, 1024)
    last = measure(exp)["TraceRatio"][-1, 0]
    assert law.accumulate_trace_ratio(10, 400) == pytest.approx(law.accumulate_trace_limit(10), rel=3e-4)
    assert_mean(last, law.accumulate_trace_ratio(10, 400))


@pytest.mark.parametrize(("n", "d", "t"), [(50, 1, 100), (7, 3, 20)])
def test_accumulate_with_a_known_covariance_stays_below_pi_squared_sixth(n: int, d: int, t: int) -> None:
    exp = experiment(regimes.Accumulate(), n, d, t, 4096, KnownCovariance(), metrics=(metrics.MeanError(),))
    error = measure(exp)["MeanError"][:, 0]
    assert_mean(error, law.accumulate_mean_error_known_covariance(n, d, np.arange(1, t + 1)))
    assert error[-1].mean() < 1.1 * d / n * math.pi**2 / 6


@pytest.mark.parametrize(
    ("n_real", "n", "k", "d", "t"), [(10, 10, None, 1, 100), (20, 20, None, 2, 30), (30, 10, 15, 3, 12)]
)
def test_accumulate_subsample(n_real: int, n: int, k: int | None, d: int, t: int) -> None:
    exp = experiment(regimes.AccumulateSubsample(budget=k), n_real, d, t, 1024, publishes=n, tile=256)
    assert exp.statistic is None  # rows are reused: there is no law of the statistic alone
    steps = np.arange(1, t + 1)
    assert_spread(exp, *law.subsample(n, k or n_real, d, steps, n_real=n_real))


# -- real rows in every generation -----------------------------------------------------------------


@pytest.mark.parametrize(("n_real", "n", "d"), [(50, 25, 2), (10, 40, 1), (6, 6, 10)])
def test_real_plus_latest(n_real: int, n: int, d: int) -> None:
    exp = experiment(regimes.RealPlusLatest(), n_real, d, 15, 4096, publishes=n)
    assert_spread(exp, *law.real_plus_latest(n_real, n, d, np.arange(1, 16)))


@pytest.mark.parametrize(("n_real", "n"), [(20, 10), (10, 30)])
def test_offset_from_a_fixed_real_set(n_real: int, n: int) -> None:
    """Bertrand et al.: n Var(mu_t - mean of the real set) tends to lambda / (1 + 2 lambda)."""
    exp = experiment(
        regimes.RealPlusLatest(), n_real, 2, 30, 2048, KnownCovariance(), publishes=n, rows="always"
    )
    offset = observe(exp, lambda o: ((o.model.mean - o.train.origin.rows.mean(axis=1)) ** 2).sum(axis=1))[
        :, 0
    ]
    assert_mean(offset, law.real_plus_latest_mean_offset(n_real, n, 2, np.arange(1, 31)))
    assert_mean(n_real * offset[-1] / 2, law.real_plus_latest_mean_offset_limit(n / n_real))


@pytest.mark.parametrize(
    ("n_real", "n", "d", "temperature"), [(10, 30, 2, 1.0), (20, 20, 5, 0.8), (50, 10, 1, 1.1)]
)
def test_fresh_real_rows(n_real: int, n: int, d: int, temperature: float) -> None:
    generator = generators.Gaussian(temperature=temperature)
    exp = experiment(regimes.Replace(), n_real, d, 25, 4096, generator, publishes=n, n_fresh=n_real)
    t = np.arange(1, 26)
    trace, error = law.fresh(n_real, n, d, t, temperature=temperature)
    assert_spread(exp, temperature * np.asarray(trace), error)


def test_fresh_real_rows_hold_the_variance_up() -> None:
    """With many rows the variance settles at w / (1 - (1 - w) lambda)."""
    exp = experiment(
        regimes.Replace(),
        1000,
        1,
        80,
        256,
        generators.Gaussian(temperature=0.8),
        publishes=9000,
        n_fresh=1000,
    )
    fitted = measure(exp)["TraceRatio"][-1, 0] / 0.8
    assert fitted.mean() == pytest.approx(law.fresh_variance_fixed_point(0.1, 0.8), rel=5e-3)


@pytest.mark.parametrize("temperature", [1.0, 0.8])
def test_fresh_data_loop_in_a_hundred_dimensions(temperature: float) -> None:
    """W2^2 settles at about 12.2, or 20.6 at temperature .8; the law leaves out less than 1 %."""
    exp = experiment(
        regimes.Replace(),
        100,
        100,
        45,
        16,
        generators.Gaussian(temperature=temperature),
        publishes=900,
        n_fresh=100,
        tile=16,
    )

    def w2(o: Any) -> Any:
        if o.t <= 35:
            return np.zeros(16)
        root = o.model.root / math.sqrt(temperature)
        value = np.linalg.svd(root, compute_uv=False)
        return (o.model.mean**2).sum(axis=1) + ((value - 1) ** 2).sum(axis=1)

    found = observe(exp, w2)[35:, 0].mean()
    assert found == pytest.approx(law.fresh_w2_limit(100, 900, 100, temperature), rel=0.015)


@pytest.mark.parametrize(("w", "n", "m"), [(0.618, 20, 20), (0.3, 10, 10), (0.5, 30, 15)])
def test_weights_of_fresh_real_rows(w: float, n: int, m: int) -> None:
    exp = experiment(
        regimes.Weighted(w, regimes.Replace()),
        n,
        2,
        20,
        4096,
        KnownCovariance(),
        publishes=m,
        n_fresh=n,
        metrics=(metrics.MeanError(), metrics.RealShare()),
    )
    assert exp.statistic is not None
    found = measure(exp)
    assert_mean(n / 2 * found["MeanError"][:, 0], law.weighted_variance(w, n / m, np.arange(1, 21)))
    assert np.allclose(found["RealShare"][:, 0], np.where(np.arange(20) > 0, w, 1.0)[:, None])


def test_the_golden_ratio_is_the_best_weight() -> None:
    limits = []
    for w in (0.45, law.weighted_best(1.0), 0.8, None):
        regime = regimes.Replace() if w is None else regimes.Weighted(w, regimes.Replace())
        exp = experiment(
            regime, 10, 4, 12, 4096, KnownCovariance(), n_fresh=10, metrics=(metrics.MeanError(),), seed=3
        )
        limits.append(10 / 4 * measure(exp)["MeanError"][-1, 0])
    assert_mean(limits[1], 0.6180)
    assert_mean(limits[3], law.weighted_limit_variance(0.5, 1.0))  # pooling all rows alike
    assert all(limits[1].mean() < other.mean() for other in (limits[0], limits[2], limits[3]))


# -- many agents on one pool -----------------------------------------------------------------------


@pytest.mark.parametrize(("agents", "n", "d"), [(2, 10, 1), (3, 5, 4)])
def test_agents_on_one_accumulating_pool(agents: int, n: int, d: int) -> None:
    """All fit the same pool, into which A n rows enter a generation."""
    exp = experiment(
        None,
        n,
        d,
        15,
        4096,
        agents=tuple(Agent(generators.Gaussian(), regimes.Accumulate()) for _ in range(agents)),
    )
    trace, error = law.subsample(agents * n, None, d, np.arange(1, 16), n_real=n)
    found = measure(exp)
    for i in range(agents):
        assert_mean(found["TraceRatio"][:, i], trace)
        assert_mean(found["MeanError"][:, i], error)
    assert np.allclose(found["MeanError"][:, 0], found["MeanError"][:, 1])


def test_agents_that_replace_share_what_the_last_generation_made() -> None:
    agents = tuple(Agent(generators.Gaussian(), regimes.Replace(), n=n) for n in (5, 15))
    exp = experiment(None, 20, 2, 12, 4096, agents=agents)
    found = measure(exp)
    assert_mean(found["TraceRatio"][:, 1], law.replace_trace_ratio(20, np.arange(1, 13)))


def test_agents_that_read_only_themselves_or_each_other() -> None:
    """Whoever reads one author lives in a loop of its own; those who swap live in two, crossed."""
    n, t = 12, np.arange(1, 11)

    def pair(first: int, second: int) -> dict[str, Any]:
        agents = tuple(
            Agent(generators.Gaussian(), regimes.Reads((who,), regimes.Replace())) for who in (first, second)
        )
        return measure(experiment(None, n, 1, 10, 4096, agents=agents))

    apart, crossed = pair(0, 1), pair(1, 0)
    for found in (apart, crossed):
        for i in (0, 1):
            assert_mean(found["TraceRatio"][:, i], law.replace_trace_ratio(n, t))
            assert_mean(found["MeanError"][:, i], law.replace_mean_error(n, 1, t))
    assert_same_law(apart["TraceRatio"][[4, 9], 0], crossed["TraceRatio"][[4, 9], 1])


def test_a_reader_of_the_real_rows_keeps_them() -> None:
    """One agent that accumulates real rows and its own only, beside one that floods the pool."""
    own = Agent(generators.Gaussian(), regimes.Reads(("real", 0), regimes.Accumulate()), n=10)
    flood = Agent(generators.Gaussian(), regimes.Replace(), n=40)
    found = measure(experiment(None, 10, 2, 12, 4096, agents=(own, flood)))
    assert_mean(found["TraceRatio"][:, 0], law.accumulate_trace_ratio(10, np.arange(1, 13)))


# -- rows and statistics ---------------------------------------------------------------------------


@pytest.mark.parametrize("regime", [regimes.Replace(), regimes.Accumulate()])
@pytest.mark.parametrize(("n", "d"), [(20, 1), (20, 3), (4, 6)])
def test_rows_and_statistics_agree_in_law(regime: Any, n: int, d: int) -> None:
    looks = (metrics.TraceRatio(), metrics.MeanError(), *([metrics.LogDetRatio()] if n > d else []))
    exp = experiment(regime, n, d, 12, 2048, metrics=looks)
    rows = dataclasses.replace(exp, rows="always", seed=1)
    assert exp.statistic is not None and rows.statistic is None
    one, other = measure(exp), measure(rows)
    for name in one:
        assert_same_law(one[name][[0, 1, 4, 11]], other[name][[0, 1, 4, 11]])


@pytest.mark.parametrize("fresh", [0, 5])
def test_rows_and_statistics_agree_where_real_rows_stay(fresh: int) -> None:
    regime = regimes.Weighted(0.4, regimes.RealPlusLatest())
    exp = experiment(regime, 10, 3, 8, 2048, publishes=20, n_fresh=fresh)
    one, other = measure(exp), measure(dataclasses.replace(exp, rows="always", seed=1))
    for name in one:
        assert_same_law(one[name][[0, 1, 7]], other[name][[0, 1, 7]])


# -- numerical traps -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "replicates"), [("auto", 128), ("always", 16)])
def test_log_determinant_far_into_collapse(rows: Any, replicates: int) -> None:
    """At d = 50, n = 100 a covariance that is formed and factorised breaks at generation 45 in float64."""
    exp = experiment(
        regimes.Replace(),
        100,
        50,
        400,
        replicates,
        rows=rows,
        tile=replicates,
        metrics=(metrics.LogDetRatio(), metrics.TraceRatio()),
    )
    found = measure(exp)
    assert all(np.isfinite(v).all() for v in found.values())
    mean, sd = (np.asarray(v) for v in law.replace_log_det(100, 50, np.arange(1, 401)))
    z = (found["LogDetRatio"][:, 0].mean(axis=1) - mean) / (sd / math.sqrt(replicates))
    assert np.abs(z).max() < 4.5
    assert (np.abs(found["LogDetRatio"][-1, 0] - mean[-1]) < 5 * sd[-1]).all()


@pytest.mark.parametrize("rows", ["auto", "always"])
@pytest.mark.parametrize("regime", [regimes.Replace(), regimes.Accumulate()])
@pytest.mark.parametrize(("n", "d"), [(4, 6), (6, 6), (1, 3), (2, 1)])
def test_fewer_rows_than_dimensions(n: int, d: int, regime: Any, rows: Any) -> None:
    """n - 1 < d: the model lives on a subspace, has no determinant and gives no density elsewhere."""
    looks = (metrics.TraceRatio(), metrics.LogDetRatio(), metrics.HoldoutNLL(), metrics.MeanError())
    exp = experiment(regime, n, d, 30, 64, rows=rows, metrics=looks, tile=64)
    found = measure(exp)
    assert all(not np.isnan(v).any() for v in found.values())
    if n - 1 < d:
        assert (found["LogDetRatio"] == -np.inf).all()
        assert (found["HoldoutNLL"] == np.inf).all()
    if n == 1:
        assert (found["TraceRatio"] == 0).all()
    else:
        assert (found["TraceRatio"] > 0).all()


@pytest.mark.parametrize("rows", ["auto", "always"])
def test_a_model_that_has_become_a_point(rows: Any) -> None:
    """Two rows a generation lose e^-1 and more a generation: after thousands the variance underflows to 0."""
    looks = (metrics.TraceRatio(), metrics.LogDetRatio(), metrics.HoldoutNLL(), metrics.MeanError())
    found = measure(experiment(regimes.Replace(), 2, 1, 2000, 8, rows=rows, metrics=looks, tile=8))
    assert not any(np.isnan(v).any() for v in found.values())
    assert (found["TraceRatio"][-1] < 1e-200).all()
    assert (found["HoldoutNLL"][-1] > 1e20).all()
    last = found["MeanError"][-2:, 0]
    assert np.array_equal(last[0], last[1])  # it no longer moves
