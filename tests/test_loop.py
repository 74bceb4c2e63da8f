"""The loop: the same bits from any side, constant memory, and what changing one part leaves alone."""

from __future__ import annotations

import dataclasses
import gc
import tracemalloc
from typing import Any

import numpy as np
import pytest

from genloss import Agent, Experiment, curators, generators, metrics, real, regimes, rewards, verifiers
from genloss.loop import generations, start, step
from genloss.samples import Array
from genloss.study.parts import Part
from genloss.study.work import measured
from laws import measure

G = generators.Gaussian()


def experiment(agents: Any = None, **more: Any) -> Experiment:
    settings: dict[str, Any] = {
        "real": real.Gaussian(dim=2),
        "n_real": 8,
        "generations": 6,
        "replicates": 12,
        "tile": 4,
        "metrics": (metrics.TraceRatio(), metrics.MeanError()),
    }
    return Experiment(agents=agents or Agent(G, regimes.Replace()), **{**settings, **more})


LOOPS: dict[str, Experiment] = {
    "statistics": experiment(),
    "rows": experiment(rows="always"),
    "accumulate": experiment(Agent(G, regimes.Accumulate()), n_fresh=2),
    "accumulate rows": experiment(Agent(G, regimes.Accumulate()), rows="always"),
    "subsample": experiment(Agent(G, regimes.AccumulateSubsample(budget=5))),
    "weighted": experiment(Agent(G, regimes.Weighted(0.3, regimes.RealPlusLatest()))),
    "kde": experiment(Agent(generators.KDE(), regimes.Accumulate()), metrics=(metrics.HoldoutNLL(),)),
    "counts": experiment(
        Agent(generators.Categorical(), regimes.AccumulateSubsample()),
        real=real.Zipf(symbols=5),
        metrics=(metrics.Diversity(),),
    ),
    "regression": experiment(
        Agent(generators.LinearRegression(), regimes.Accumulate()),
        real=real.LinearModel(dim=2),
        metrics=(metrics.TestError(),),
    ),
    "table": experiment(
        Agent(generators.Copula(), regimes.Replace()),
        real=real.Table(path="iris"),
        metrics=(metrics.TestError(of="published"),),
    ),
    "two": experiment(
        (Agent(G, regimes.Replace(), n=3), Agent(generators.KDE(), regimes.Window(generations=2)))
    ),
    "old and new": experiment(
        (
            Agent(G, regimes.Accumulate(), n=3),
            Agent(G, regimes.Window(generations=3)),
            Agent(G, regimes.Replace()),
        )
    ),
    "curated": experiment(Agent(generators.KDE(), regimes.Replace(), curators.Choose(rewards.Along(), k=3))),
}


def values(exp: Experiment, tile: int, key: int = 0, size: int | None = None) -> Array:
    """(values, R) of a tile, or of its first replicates, in the order in which they are recorded."""
    part = Part("0" * 16, tile, exp.generations, size or exp.tile_size)
    found: Array = measured(exp, part, key)[0].column("value").to_numpy().reshape(-1, part.size)
    return found


def bits(exp: Experiment, tile: int, key: int = 0) -> bytes:
    return values(exp, tile, key).tobytes()


@pytest.fixture(params=list(LOOPS))
def loop(request: pytest.FixtureRequest) -> Experiment:
    return LOOPS[request.param]


# -- the same bits ---------------------------------------------------------------------------------


def test_tiles_in_any_order_have_the_same_bits(loop: Experiment) -> None:
    forward = [bits(loop, tile) for tile in range(3)]
    backward = [bits(loop, tile) for tile in (2, 1, 0)]
    assert forward == backward[::-1]
    assert len({*forward}) == 3  # and no two tiles are alike


def test_more_replicates_and_generations_leave_the_earlier_ones_unchanged(loop: Experiment) -> None:
    few = measure(loop)
    more = measure(
        dataclasses.replace(loop, replicates=loop.replicates + 5, generations=loop.generations + 2)
    )
    for name, values in few.items():
        assert np.array_equal(values, more[name][:6, :, : values.shape[2]])


def test_the_first_replicates_of_a_tile_are_the_same_however_many_are_drawn(loop: Experiment) -> None:
    for tile in (0, 2):
        whole = values(loop, tile)
        for size in (1, 3):
            assert np.array_equal(values(loop, tile, size=size), whole[:, :size])


def test_fewer_generations_are_the_first_of_more(loop: Experiment) -> None:
    few = values(dataclasses.replace(loop, generations=2), 1)
    assert np.array_equal(few, values(loop, 1)[: len(few)])


def test_a_state_in_the_middle_resumes_bit_for_bit(loop: Experiment) -> None:
    whole, middle = [], None
    for state, seen in generations(loop):
        whole.append([o.measure() for o in seen])
        if state.t == 3:
            middle = state
    assert middle is not None
    resumed = [[o.measure() for o in seen] for _, seen in generations(loop, middle)]
    assert len(resumed) == 3
    for before, after in zip(whole[3:], resumed, strict=True):
        for one, other in zip(before, after, strict=True):
            assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("regime", [regimes.Accumulate(), regimes.Replace()])
def test_a_state_is_left_as_it_was_by_the_loop_that_goes_on(regime: Any) -> None:
    exp = experiment(Agent(G, regimes.Accumulate()), n_fresh=2)
    other = dataclasses.replace(exp, agents=Agent(G, regime))
    for middle in range(1, 5):
        loop = generations(exp)
        for _ in range(middle):
            state, _ = next(loop)
        before = [seen.measure() for _, (seen,) in generations(other, state)]
        assert len([*loop]) == len(before) == 6 - middle
        for one, (_, (seen,)) in zip(before, generations(other, state), strict=True):
            assert all(np.array_equal(one[name], value) for name, value in seen.measure().items())


def test_seed_key_and_tile_all_matter() -> None:
    exp = experiment()
    assert (
        len({bits(exp, 0), bits(exp, 1), bits(exp, 0, key=7), bits(dataclasses.replace(exp, seed=1), 0)}) == 4
    )


def test_regimes_are_compared_on_the_same_real_rows(loop: Experiment) -> None:
    """Cells share their streams, so the model of generation 1 is the same."""
    other = dataclasses.replace(
        loop, agents=tuple(dataclasses.replace(a, regime=regimes.Accumulate()) for a in loop.agents)
    )
    rows = [start(dataclasses.replace(e, rows="always")).pool.rows for e in (loop, other)]
    assert np.array_equal(*rows)


# -- streams by role -------------------------------------------------------------------------------


def chosen(curator: Any, regime: Any = None) -> list[tuple[Array, Array]]:
    agent = Agent(generators.KDE(), regime or regimes.AccumulateSubsample(budget=5), curator)
    exp = experiment(agent)
    return [(seen[0].train.chunks[0].born, seen[0].chunk.rows) for _, seen in generations(exp)]


def test_changing_the_curator_leaves_the_training_noise_as_it_was() -> None:
    """Which rows are trained on is drawn apart from what is published."""
    plain, curated = chosen(curators.KeepAll()), chosen(curators.Choose(rewards.Along(scale=3.0), k=4))
    for (born, rows), (other_born, other_rows) in zip(plain, curated, strict=True):
        assert np.array_equal(born, other_born)
        assert not np.array_equal(rows, other_rows)


def test_a_curator_that_keeps_all_publishes_the_models_samples() -> None:
    for curator in (curators.Accept(verifiers.Inside()), curators.Choose(rewards.Along(), k=1)):
        for (_, rows), (_, other) in zip(chosen(curators.KeepAll()), chosen(curator), strict=True):
            assert np.array_equal(rows, other)


def test_metrics_and_pictures_draw_from_streams_of_their_own() -> None:
    exp = experiment()
    looked = []
    for _, (seen,) in generations(exp):
        seen.picture(5)
        seen.rng.measure.random(100)
        looked.append(seen.measure()["TraceRatio"])
    assert np.array_equal(np.array(looked), measure(exp)["TraceRatio"][:, 0, :4])


# -- many agents -----------------------------------------------------------------------------------


def test_who_reads_only_itself_is_alone_among_others() -> None:
    hermit = Agent(G, regimes.Reads((0,), regimes.Replace()))
    alone = measure(experiment(hermit))
    others = (Agent(G, regimes.Accumulate(), n=5), Agent(generators.KDE(), regimes.Replace(), n=3))
    for rows in ("auto", "always"):
        among = measure(experiment((hermit, others[0]), rows=rows))
        expected = alone if rows == "auto" else measure(experiment(hermit, rows="always"))
        assert all(np.array_equal(among[name][:, 0], expected[name][:, 0]) for name in among)
    among = measure(experiment((hermit, *others)))  # a kernel density wants rows, and so all have them
    expected = measure(experiment(hermit, rows="always"))
    assert all(np.array_equal(among[name][:, 0], expected[name][:, 0]) for name in among)


def test_all_read_the_pool_before_any_publishes() -> None:
    agents = tuple(Agent(G, regimes.Accumulate(), n=n) for n in (1, 2, 3))
    for t, (state, seen) in enumerate(generations(experiment(agents))):
        assert [o.train.n for o in seen] == [8 + 6 * t] * 3
        assert [o.agent for o in seen] == [0, 1, 2]
        assert state.pool.n == 8 + 6 * (t + 1)
        assert [c.author for c in state.pool.chunks[-3:]] == [0, 1, 2]


def test_a_network_of_readers() -> None:
    """0 reads real rows and 1, 1 reads 2, 2 reads everyone but itself."""
    nets: tuple[tuple[int | Any, ...], ...] = (("real", 1), (2,), (0, 1))
    agents = tuple(Agent(G, regimes.Reads(who, regimes.Accumulate()), n=i + 1) for i, who in enumerate(nets))
    for t, (_, seen) in enumerate(generations(experiment(agents)), start=1):
        authors = [{c.author for c in o.train.chunks} for o in seen]
        if t == 1:
            assert authors == [{-1}, {-1}, {-1}]
        else:
            assert authors == [{-1, 1}, {2}, {0, 1}]
            assert [o.train.n for o in seen] == [8 + 2 * (t - 1), 3 * (t - 1), 3 * (t - 1)]


def test_fresh_real_rows_enter_with_each_generation() -> None:
    exp = experiment(Agent(G, regimes.Accumulate(), n=5), n_fresh=2)
    for state, (seen,) in generations(exp):
        assert seen.train.real.n == 8 + 2 * (state.t - 1)
        assert seen.train.synthetic.n == 5 * (state.t - 1)


def test_warm_starts_hand_on_the_model_before() -> None:
    class Counter:
        def __init__(self, seed: int) -> None:
            self.fits = 0

        def fit(self, rows: Array) -> None:
            self.fits, self.rows = self.fits + 1, rows

        def sample(self, n: int) -> Array:
            return np.asarray(self.rows[:n])

    for warm in (False, True):
        agent = Agent(generators.Wrapped(make=Counter), regimes.Replace(), warm_start=warm)
        exp = experiment(agent, tile=2, replicates=2, metrics=(metrics.RealShare(),))
        fits = [seen.model.objects[1].fits for _, (seen,) in generations(exp)]
        assert fits == ([1, 2, 3, 4, 5, 6] if warm else [1] * 6)


# -- memory ----------------------------------------------------------------------------------------


def memory_by_generation(exp: Experiment, looks: tuple[int, ...]) -> list[int]:
    found = []
    tracemalloc.start()
    for state, _ in generations(exp):
        if state.t in looks:
            gc.collect()
            found.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "last"), [("auto", 10_000), ("always", 3_000)])
def test_replace_for_ten_thousand_generations_takes_constant_memory(rows: Any, last: int) -> None:
    exp = experiment(generations=last, rows=rows, replicates=4)
    early, late = memory_by_generation(exp, (300, last))
    assert late < 1.05 * early + 50_000


@pytest.mark.parametrize("rows", ["auto", "always"])
@pytest.mark.parametrize(
    ("regime", "n_fresh", "chunks"),
    [
        (regimes.Replace(), 0, 1),
        (regimes.Replace(), 3, 2),
        (regimes.RealPlusLatest(), 0, 2),
        (regimes.Window(generations=4), 0, 4),
        (regimes.Window(generations=4), 3, 8),
        (regimes.Weighted(0.5, regimes.Replace()), 3, 2),
        (regimes.Reads((0,), regimes.Replace()), 0, 2),
    ],
)
def test_the_pool_holds_what_the_regime_will_read(regime: Any, n_fresh: int, chunks: int, rows: Any) -> None:
    exp = experiment(Agent(G, regime), n_fresh=n_fresh, generations=30, rows=rows)
    held = [len(state.pool.chunks) for state, _ in generations(exp)]
    assert held[10:] == [chunks] * 20


@pytest.mark.parametrize("rows", ["auto", "always"])
@pytest.mark.parametrize(
    "regime",
    [
        regimes.Replace(),
        regimes.RealPlusLatest(),
        regimes.Window(generations=3),
        regimes.Weighted(0.4, regimes.Window(generations=2)),
        regimes.Reads((0, "real"), regimes.Window(generations=2)),
        regimes.Reads((0,), regimes.RealPlusLatest()),
    ],
)
@pytest.mark.parametrize("n_fresh", [0, 2])
def test_forgetting_changes_nothing(
    regime: Any, rows: Any, n_fresh: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exp = experiment(Agent(G, regime), rows=rows, n_fresh=n_fresh)
    forgetful = measure(exp)
    monkeypatch.setattr(Experiment, "forget", lambda self, pool: pool)
    for name, values in measure(exp).items():
        assert np.array_equal(values, forgetful[name])


def test_a_step_is_a_function_of_its_state() -> None:
    exp = experiment(rows="always")
    state = start(exp)
    (one, (seen,)), (other, (again,)) = step(state, exp), step(state, exp)
    assert one.t == other.t == 1 and state.t == 0 and state.pool.n == 8
    assert np.array_equal(seen.rows, again.rows)
