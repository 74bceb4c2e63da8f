"""One world: the real rows of a replicate are the same for every regime, tile and way of drawing them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from genloss import Agent, Experiment, Study, component, generators, metrics, real, regimes, run
from genloss.errors import FitError, SpecError
from genloss.loop import generations, start
from genloss.observation import Observation, real_rows_seen
from genloss.samples import Array
from genloss.statistics import Counts, Gram, moments
from genloss.streams import Address, fixed
from laws import assert_mean, assert_same_law, measure, stream

REGIMES = (
    regimes.Replace(),
    regimes.AccumulateSubsample(),
    regimes.Accumulate(),
    regimes.RealPlusLatest(),
    regimes.Window(generations=2),
    regimes.Mixed(real=0.5),
)


def experiment(source: Any, generator: Any, *looks: Any, **more: Any) -> Experiment:
    settings = {"n_real": 12, "generations": 2, "replicates": 40, "regime": regimes.Replace(), **more}
    agent = Agent(generator, settings.pop("regime"))
    return Experiment(real=source, agents=agent, metrics=looks, **settings)


def at_one(exp: Experiment) -> Array:
    """(M, R) every metric of generation 1, of the replicates that are wanted."""
    return np.array([values[0, 0, : exp.replicates] for values in measure(exp).values()])


OF_MODELS = [
    pytest.param(
        real.Gaussian(dim=3),
        generators.Gaussian(),
        (metrics.TraceRatio(), metrics.LogDetRatio()),
        id="gaussian",
    ),
    pytest.param(
        real.Gaussian(dim=9), generators.Gaussian(), (metrics.MeanError(),), id="gaussian, n near d"
    ),
    pytest.param(
        real.LinearModel(dim=3), generators.LinearRegression(), (metrics.TestError(),), id="regression"
    ),
    pytest.param(real.Zipf(symbols=2), generators.Categorical(), (metrics.Diversity(),), id="few symbols"),
    pytest.param(real.Zipf(symbols=50), generators.Categorical(), (metrics.SupportSize(),), id="symbols"),
    pytest.param(real.Moons(), generators.KDE(), (metrics.HoldoutNLL(),), id="kde"),
    pytest.param(real.Table(path="diabetes"), generators.Gaussian(), (metrics.TraceRatio(),), id="table"),
]


@pytest.mark.parametrize(("source", "generator", "looks"), OF_MODELS)
def test_generation_1_is_the_same_for_any_regime_tile_and_way_of_drawing(
    source: Any, generator: Any, looks: Any
) -> None:
    """To the bit: rows against statistics, and tiles of 1, 7, 64 or what follows from the parts."""
    first = at_one(experiment(source, generator, *looks))
    assert len({*first[0]}) > 1
    for regime in REGIMES:
        for more in (
            {},
            {"tile": 1},
            {"tile": 7},
            {"tile": 64},
            {"rows": "always"},
            {"rows": "always", "tile": 5},
        ):
            other = at_one(experiment(source, generator, *looks, regime=regime, **more))
            np.testing.assert_array_equal(other, first, err_msg=f"{regime} {more}")


@pytest.mark.parametrize("tile", [None, 1, 7])
def test_published_rows_of_generation_1_are_the_same_for_any_regime(tile: int | None) -> None:
    looks = (
        metrics.TestError(of="published"),
        metrics.SlicedWasserstein(),
        metrics.TraceRatio(of="published"),
    )
    table = real.Table(path="iris")
    found = [
        at_one(experiment(table, generators.Copula(), *looks, n_real=30, replicates=7, regime=r, tile=tile))
        for r in REGIMES
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_generation_1_of_the_main_job_is_the_same_for_any_number_of_workers(tmp_path: Any) -> None:
    study = Study.load("collapse-or-thrive").set("generations", 2).set("replicates", 6)
    here, there = run(study, workers=0), run(study, tmp_path / "run", workers=2)
    for name in {c.experiment for c in here.cells}:
        cells = [c for c in here.cells if c.experiment == name]
        for metric in cells[0].task.metric_names:
            first = here.array(metric, cells[0])[0]
            for cell in cells:
                np.testing.assert_array_equal(here.array(metric, cell)[0], first)
                np.testing.assert_array_equal(there.array(metric, cell.index)[0], first)
                at_start = [results.real(metric, cell.index) for results in (here, there)]
                assert (at_start[0] is None) == (at_start[1] is None)
                if at_start[0] is not None:
                    np.testing.assert_array_equal(*at_start)


def test_fresh_rows_are_the_same_world_too() -> None:
    for source in (real.Gaussian(dim=2), real.Table(path="iris"), real.Moons()):
        rows = []
        for tile, regime in ((5, regimes.Replace()), (32, regimes.Accumulate())):
            exp = experiment(
                source, generators.Copula(), metrics.RealShare(), tile=tile, n_fresh=3, regime=regime
            )
            tiles = [exp.fresh(2, Address(0, tile=i)) for i in range(-(-40 // tile))]
            rows.append(np.concatenate([t.rows for t in tiles if t is not None])[:40])
        np.testing.assert_array_equal(*rows)


def test_regimes_are_compared_in_pairs() -> None:
    """Differences between regimes have smaller standard errors than those of unpaired ones."""
    exp = {
        r: experiment(
            real.Gaussian(dim=2),
            generators.Gaussian(),
            metrics.TraceRatio(),
            n_real=50,
            generations=3,
            replicates=400,
            regime=r,
        )
        for r in (REGIMES[1], REGIMES[2])
    }
    a, b = (measure(e)["TraceRatio"][:, 0, :400] for e in exp.values())
    unpaired = np.sqrt(a.var(axis=1) + b.var(axis=1))
    assert ((a - b).std(axis=1) < [1e-9, *(0.75 * unpaired[1:])]).all()


# -- statistics and rows of one stream -------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 12, 40, 300])
@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (real.Gaussian(dim=4), moments),
        (real.LinearModel(dim=4, noise=0.5, signal=2.0), Gram(-1)),
        (real.Zipf(symbols=5, exponent=1.5), Counts(5)),
    ],
    ids=["gaussian", "linear", "zipf"],
)
def test_a_statistic_is_that_of_the_rows_of_an_equal_stream_and_both_have_their_law(
    source: Any, kind: Any, n: int
) -> None:
    from genloss.conformance.generators import numbers

    drawn = numbers(source.draw_statistic(kind, 400, n, fixed("test")))
    rows = source.draw(400, n, fixed("test"))
    np.testing.assert_allclose(drawn, numbers(kind(rows)), rtol=1e-8, atol=1e-8)
    # any row, and any two of them, have the law that independent rows have
    rng = stream(n)
    if kind is moments:
        assert_same_law(rows[:, 0, :2].T, rng.standard_normal((2, 4000)))
        if n > 1:
            assert_same_law(rows[:, 0, 0] * rows[:, -1, 0], np.prod(rng.standard_normal((2, 4000)), axis=0))
    elif isinstance(kind, Gram):
        x = rng.standard_normal((4000, 4))
        y = x @ source.coefficients + 0.5 * rng.standard_normal(4000)
        assert_same_law(rows[:, -1, [0, 4]].T, np.stack([x[:, 0], y]))
        assert_same_law(rows[:, 0, 4] - rows[:, 0, :4] @ source.coefficients, 0.5 * rng.standard_normal(4000))
    else:
        assert_mean((rows[:, [0, -1], None] == np.arange(5)).transpose(1, 2, 0), source.probabilities)


def test_a_source_of_the_users_without_statistics_is_one_world_too() -> None:
    @component
    class Line:
        def draw(self, replicates: int, n: int, rng: Any) -> Array:
            return rng.standard_gamma(2.0, size=(replicates, n, 1))

        def holdout(self) -> Array:
            return self.draw(1, 50, fixed("line"))[0]

    found = [
        at_one(experiment(Line(), generators.Gaussian(), metrics.TraceRatio(), regime=r, tile=t))
        for r in REGIMES
        for t in (None, 3)
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_the_signal_of_a_linear_model_is_the_error_of_knowing_nothing() -> None:
    """With n < d rows the error is (1 - n/d) signal^2, and the noise's share besides."""
    d, n, signal = 100, 32, 10.0
    exp = Experiment(
        real=real.LinearModel(dim=d, signal=signal, noise=0.5),
        agents=Agent(generators.LinearRegression(noise=0.5, design="fresh"), regimes.Replace()),
        n_real=n,
        generations=1,
        replicates=400,
        metrics=[metrics.TestError()],
    )
    law = signal**2 * (1 - n / d) + 0.5**2 * n / (d - n - 1)
    assert_mean(measure(exp)["TestError"][0, 0], law)
    _, covariance = exp.real.moments()  # type: ignore[attr-defined]
    assert covariance[-1, -1] == pytest.approx(signal**2 + 0.25)


# -- held-out rows ---------------------------------------------------------------------------------


def test_held_out_rows_can_be_drawn_anew_for_every_replicate() -> None:
    """Their mean loss is then that of the law, where shared rows are off by the same in every replicate."""
    looks = (metrics.HoldoutNLL(), metrics.SlicedWasserstein(), metrics.TailMass())
    shared, fresh = (
        experiment(
            real.Gaussian(dim=2),
            generators.Gaussian(),
            *looks,
            n_real=200,
            replicates=600,
            holdout=holdout,
            generations=1,
        )
        for holdout in ("shared", "fresh")
    )
    entropy = np.log(2 * np.pi) + 1  # of N(0, I_2); the fit adds about 5 / 2n
    law = entropy + 5 / (2 * 200)
    values = {e.holdout: measure(e)["HoldoutNLL"][0, 0] for e in (shared, fresh)}
    assert_mean(values["fresh"], law, sigmas=4.5)
    off = abs(values["shared"].mean() - law) / (values["shared"].std() / 600**0.5)
    assert off > 4.5
    assert shared.meanings["HoldoutNLL"].given == "the same held-out rows in every replicate"
    assert fresh.meanings["HoldoutNLL"].given == ""


@pytest.mark.parametrize(
    ("source", "generator", "looks"),
    [
        (real.Gaussian(dim=2), generators.Gaussian(), (metrics.HoldoutNLL(), metrics.TailMass())),
        (real.Moons(), generators.KDE(), (metrics.HoldoutNLL(), metrics.TraceRatio(), metrics.MeanError())),
        (real.Moons(), generators.KDE("scott"), (metrics.HoldoutNLL(), metrics.SlicedWasserstein())),
        (
            real.LinearModel(dim=2),
            generators.LinearRegression(intercept=True),
            (metrics.TestError(of="published"),),
        ),
        (
            real.Zipf(symbols=4),
            generators.Categorical(smoothing=1.0),
            (metrics.HoldoutNLL(), metrics.TailMass()),
        ),
    ],
)
def test_fresh_rows_are_each_replicates_own_whatever_the_tile(
    source: Any, generator: Any, looks: Any
) -> None:
    whole = experiment(source, generator, *looks, replicates=20, tile=20, holdout="fresh", rows="always")
    alone = experiment(source, generator, *looks, replicates=20, tile=1, holdout="fresh", rows="always")
    state = start(whole)
    assert state.holdout.shape == (20, 500, *whole.event_shape)
    assert not np.array_equal(state.holdout[0], state.holdout[1])
    seen = real_rows_seen(state, whole)[0]
    for r in (0, 13):
        mine = start(alone, tile=r)
        np.testing.assert_array_equal(mine.holdout[0], state.holdout[r])
        for name, value in seen.measure().items():
            assert real_rows_seen(mine, alone)[0].measure()[name][0] == pytest.approx(value[r])
    for _, observed in generations(whole):
        assert all(np.isfinite(v).all() for v in observed[0].measure().values())


def test_a_finite_source_has_no_fresh_rows_to_hold_out() -> None:
    with pytest.raises(SpecError, match=r"holdout: Table has its rows once.*got 'fresh'.*use 'shared'"):
        experiment(real.Table(path="iris"), generators.Copula(), metrics.RealShare(), holdout="fresh")


# -- generation 0 ----------------------------------------------------------------------------------


def test_generation_0_is_the_real_rows_looked_at_in_the_same_way() -> None:
    looks = (
        metrics.TraceRatio(),
        metrics.TraceRatio(of="published"),
        metrics.SlicedWasserstein(),
        metrics.RealShare(),
    )
    results = run(experiment(real.Gaussian(dim=3), generators.Gaussian(), *looks), workers=0)
    exp = results.cells[0].task
    first, published = (f"TraceRatio(of='{of}')" for of in ("model", "published"))
    assert results.real(first) is None and results.real("RealShare") is None
    rows = exp.fresh(0, Address(0))
    assert rows is not None
    expected = rows.rows.var(axis=1).sum(axis=1)[:40] / 3
    np.testing.assert_allclose(results.real(published)[0], expected)  # type: ignore[index]
    # the maximum-likelihood fit keeps the variance of what it was fitted to
    np.testing.assert_allclose(results.real(published)[0], results.array(first)[0, 0])  # type: ignore[index]
    frame = results.frame()
    assert {*frame[frame["generation"] == 0]["metric"]} == {published, "SlicedWasserstein"}
    assert results.array(published).shape == (2, 1, 40)


def test_generation_0_has_as_many_real_rows_as_an_agent_publishes() -> None:
    agents = (Agent(generators.KDE(), n=5), Agent(generators.KDE()), Agent(generators.KDE(), n=99))
    exp = Experiment(
        real=real.Moons(),
        agents=agents,
        n_real=30,
        generations=1,
        metrics=[metrics.SlicedWasserstein()],
        replicates=9,
    )
    found = run(exp, workers=0).real("SlicedWasserstein")
    assert found is not None
    few = dataclasses.replace(exp, agents=agents[1:2], n_real=30)
    rows = real_rows_seen(start(exp), exp)
    assert [seen.rows.shape[1] for seen in rows] == [5, 30, 30]
    np.testing.assert_array_equal(rows[0].rows, rows[1].rows[:, :5])
    assert found[0].mean() > 1.3 * found[1].mean()  # five rows lie further off than thirty
    np.testing.assert_array_equal(found[1], found[2])
    np.testing.assert_array_equal(found[1], run(few, workers=0).real("SlicedWasserstein")[0])  # type: ignore[index]


@pytest.mark.parametrize("holdout", ["shared", "fresh"])
def test_a_state_goes_on_in_an_experiment_of_more_generations(holdout: Any) -> None:
    looks = (metrics.HoldoutNLL(), metrics.SlicedWasserstein())
    long = experiment(real.Moons(), generators.KDE(), *looks, generations=3, tile=5, holdout=holdout)
    short = dataclasses.replace(long, generations=1)
    ((state, _),) = generations(short)
    whole = [seen[0].measure() for _, seen in generations(long)][1:]
    for (_, seen), expected in zip(generations(long, state), whole, strict=True):
        for name, value in seen[0].measure().items():
            np.testing.assert_array_equal(value, expected[name])


@component
class AsksTheModel:
    def __call__(self, seen: Observation) -> Array:
        return np.asarray(seen.model.mean[:, 0] + seen.features[:, 0, 0])


@component
class AsksIfItCan:
    def __call__(self, seen: Observation) -> Array:
        found: Array = seen.model.mean[:, 0] if hasattr(seen.model, "mean") else seen.features[:, 0, 0]
        return found


def test_a_metric_that_asks_a_model_at_generation_0_is_told_so() -> None:
    exp = experiment(real.Gaussian(), generators.Gaussian(), AsksTheModel())
    with pytest.raises(FitError, match=r"the model's mean at generation 0.*needs = \('mean',\)"):
        real_rows_seen(start(exp), exp)[0].measure()
    exp = experiment(real.Gaussian(), generators.Gaussian(), AsksIfItCan())
    assert real_rows_seen(start(exp), exp)[0].measure()["AsksIfItCan"].shape == (exp.tile_size,)


# -- streams ---------------------------------------------------------------------------------------


@component
class Noise:
    tag: int = 0

    def __call__(self, seen: Observation) -> Array:
        return seen.rng.measure.standard_normal(seen.replicates)


@component
class OtherNoise:
    def __call__(self, seen: Observation) -> Array:
        return seen.rng.measure.standard_normal(seen.replicates)


def test_a_metric_draws_the_same_whichever_metrics_stand_beside_it() -> None:
    def of(*looks: Any) -> dict[str, Array]:
        return measure(experiment(real.Gaussian(), generators.Gaussian(), *looks))

    alone = of(Noise())["Noise"]
    beside = of(OtherNoise(), metrics.RealShare(), Noise())
    np.testing.assert_array_equal(beside["Noise"], alone)
    assert not np.array_equal(beside["OtherNoise"], alone)
    twice = of(Noise(tag=1), Noise())
    np.testing.assert_array_equal(twice["Noise(tag=0)"], alone)
    assert not np.array_equal(twice["Noise(tag=1)"], alone)
