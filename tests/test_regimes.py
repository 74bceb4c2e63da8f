"""Which rows each regime reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from genloss import Agent, Experiment, component, generators, metrics, real, regimes
from genloss.errors import FitError, SpecError
from genloss.samples import Chunk, Samples
from genloss.streams import REAL
from genloss.traits import ALL, REACH
from laws import measure, stream


def pool(generations: int = 4, agents: int = 2, n: int = 3, fresh: int = 0) -> Samples:
    rng = stream(0)
    chunks = [Chunk(5, 0, REAL, rng.standard_normal((2, 5, 1)))]
    for t in range(1, generations + 1):
        if fresh:
            chunks.append(Chunk(fresh, t, REAL, rng.standard_normal((2, fresh, 1))))
        chunks += [Chunk(n, t, i, rng.standard_normal((2, n, 1))) for i in range(agents)]
    return Samples.of(chunks)


def read(regime: Any, of: Samples) -> list[tuple[Any, Any]]:
    return [(c.born, c.author) for c in regime(of, stream(1)).chunks]


@pytest.mark.parametrize(
    ("regime", "expected"),
    [
        (regimes.Replace(), [(4, 0), (4, 1)]),
        (regimes.RealPlusLatest(), [(0, REAL), (4, 0), (4, 1)]),
        (regimes.Window(generations=1), [(4, 0), (4, 1)]),
        (regimes.Window(generations=2), [(3, 0), (3, 1), (4, 0), (4, 1)]),
        (regimes.Window(generations=9), [(0, REAL)] + [(t, i) for t in (1, 2, 3, 4) for i in (0, 1)]),
        (regimes.Accumulate(), [(0, REAL)] + [(t, i) for t in (1, 2, 3, 4) for i in (0, 1)]),
        (regimes.Reads((1,), regimes.Replace()), [(4, 1)]),
        (regimes.Reads(("real",), regimes.Replace()), [(0, REAL)]),
        (regimes.Reads((0, "real"), regimes.Window(generations=2)), [(3, 0), (4, 0)]),
        (regimes.Reads((0, "real"), regimes.RealPlusLatest()), [(0, REAL), (4, 0)]),
        (regimes.Reads((7,), regimes.Replace()), [(0, REAL)]),
        (regimes.Weighted(0.2, regimes.Window(generations=1)), [(4, 0), (4, 1)]),
        (regimes.Mixed(1.0), [(0, REAL)]),
    ],
)
def test_what_is_read(regime: Any, expected: list[Any]) -> None:
    assert read(regime, pool()) == expected


@pytest.mark.parametrize(
    "regime",
    [
        regimes.Replace(),
        regimes.RealPlusLatest(),
        regimes.Window(generations=3),
        regimes.Accumulate(),
        regimes.AccumulateSubsample(),
        regimes.Weighted(0.5, regimes.RealPlusLatest()),
        regimes.Reads((0,), regimes.Accumulate()),
        regimes.Mixed(0.5),
        regimes.Mixed(0.0),
    ],
)
def test_the_first_models_train_on_the_real_rows(regime: Any) -> None:
    assert read(regime, pool(generations=0)) == [(0, REAL)]
    assert regime(pool(generations=0), stream(0)).total(lambda rows, weights=None: rows.shape[1]) == 5


def test_fresh_real_rows_are_replaced_too() -> None:
    assert read(regimes.Replace(), pool(fresh=2)) == [(4, REAL), (4, 0), (4, 1)]
    assert read(regimes.RealPlusLatest(), pool(generations=2, fresh=2)) == [
        (0, REAL),
        (1, REAL),
        (2, REAL),
        (2, 0),
        (2, 1),
    ]


def test_the_budget_is_the_number_of_first_real_rows() -> None:
    many = pool()
    assert regimes.AccumulateSubsample()(many, stream(0)).n == 5
    assert regimes.AccumulateSubsample(budget=12)(many, stream(0)).n == 12
    assert regimes.AccumulateSubsample(budget=1000)(many, stream(0)).n == many.n
    # also where the pool that it is shown begins elsewhere
    assert regimes.Reads((1,), regimes.AccumulateSubsample())(many, stream(0)).n == 5


def test_a_mixture_has_its_share_of_real_rows() -> None:
    def shares(regime: Any, of: Samples) -> Any:
        train = regime(of, stream(0))
        real = sum(
            np.broadcast_to(c.where("author", lambda a: a == REAL), (2, c.n)).sum(1) for c in train.chunks
        )
        return train.n, real.tolist()

    assert shares(regimes.Mixed(0.4, budget=10), pool()) == (10, [4, 4])
    assert shares(regimes.Mixed(0.0, budget=10), pool()) == (10, [0, 0])
    assert shares(regimes.Mixed(0.6), pool()) == (5, [3, 3])  # as many as the first real rows
    assert shares(regimes.Mixed(0.5, regimes.Replace(), budget=4), pool(fresh=2)) == (4, [2, 2])
    # no rows stand twice in a training set
    rows = regimes.Mixed(0.4, budget=10)(pool(), stream(0)).rows[0, :, 0]
    assert len({*rows.tolist()}) == 10


@pytest.mark.parametrize(
    ("regime", "message"),
    [
        (regimes.Mixed(0.9, budget=10), r"wants 9 real rows of 10, and there are 5; raise n_real, or give"),
        (regimes.Mixed(0.1, budget=40), r"wants 36 synthetic rows of 40, and there are 24; raise n of the"),
        (regimes.Mixed(0.1, regimes.Replace(), budget=7), r"wants 7 synthetic rows of 7, and there are 6"),
    ],
)
def test_a_mixture_of_rows_that_there_are_not(regime: Any, message: str) -> None:
    with pytest.raises(FitError, match=message):
        regime(pool(), stream(0))


def test_weights_are_shared_out() -> None:
    weighted = regimes.Weighted(0.8, regimes.RealPlusLatest())(pool(), stream(0))
    assert weighted.mass(REAL) == pytest.approx(0.8 * weighted.n)
    nested = regimes.Weighted(0.8, regimes.AccumulateSubsample(budget=9))(pool(), stream(0))
    some = [(a == REAL).any() for a in nested.chunks[0].author]
    assert np.allclose(nested.mass(REAL), np.where(some, 0.8 * 9, 0.0))


def test_weight_one_on_fresh_real_rows_is_training_on_them_alone() -> None:
    def spread(regime: Any, **more: Any) -> Any:
        agent = Agent(generators.Gaussian(), regime)
        exp = Experiment(
            real=real.Gaussian(dim=2),
            agents=agent,
            n_real=10,
            n_fresh=10,
            generations=5,
            replicates=8,
            metrics=(metrics.TraceRatio(),),
            **more,
        )
        return measure(exp)["TraceRatio"]

    for rows in ("auto", "always"):
        all_real = spread(regimes.Weighted(1.0, regimes.Replace()), rows=rows)
        only_real = spread(regimes.Reads(("real",), regimes.Replace()), rows=rows)
        assert np.allclose(all_real, only_real)


def test_window_of_one_is_replace_and_of_everything_is_accumulate() -> None:
    def nll(regime: Any) -> Any:
        exp = Experiment(
            real=real.Moons(),
            agents=Agent(generators.KDE(), regime),
            n_real=20,
            generations=6,
            replicates=4,
            tile=4,
            metrics=(metrics.HoldoutNLL(),),
        )
        return measure(exp)["HoldoutNLL"]

    assert np.array_equal(nll(regimes.Window(generations=1)), nll(regimes.Replace()))
    assert np.allclose(nll(regimes.Window(generations=99)), nll(regimes.Accumulate()), rtol=1e-12)


def test_reach_of_parts_within_parts() -> None:
    assert REACH.of(regimes.Weighted(0.5, regimes.Window(generations=3))) == (3, 3)
    assert REACH.of(regimes.Reads((0,), regimes.Replace())) == (ALL, 1)
    assert REACH.of(regimes.Accumulate()) == (ALL, ALL)


@component
class Oldest:
    """A regime of a user's, with nothing but the verb."""

    def __call__(self, pool: Samples, rng: Any) -> Samples:
        return Samples.of(pool.chunks[:2], pool.origin)


def test_a_users_regime_needs_nothing_but_its_verb() -> None:
    exp = Experiment(
        real=real.Gaussian(dim=1),
        agents=Agent(generators.Gaussian(), Oldest()),
        n_real=5,
        generations=4,
        replicates=3,
        metrics=(metrics.RealShare(),),
    )
    assert exp.statistic is None  # it may want rows
    assert measure(exp)["RealShare"][:, 0, 0].tolist() == [1.0, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    "make",
    [
        lambda: regimes.Window(generations=0),
        lambda: regimes.Weighted(1.5, regimes.Replace()),
        lambda: regimes.Weighted(-0.1, regimes.Replace()),
        lambda: regimes.AccumulateSubsample(budget=0),
        lambda: regimes.Reads((1.5,), regimes.Replace()),  # type: ignore[arg-type]
        lambda: Experiment(
            real=real.Gaussian(), agents=Agent(generators.KDE(), regimes.Reads(("me",), regimes.Replace()))
        ),
        lambda: regimes.Window(generations=True),
        lambda: regimes.Window(generations=2.0),  # type: ignore[arg-type]
    ],
)
def test_fields_are_checked(make: Any) -> None:
    with pytest.raises(SpecError):
        make()


def test_real_share_under_each_regime() -> None:
    def share(regime: Any, **more: Any) -> Any:
        exp = Experiment(
            real=real.Gaussian(dim=1),
            agents=Agent(generators.Gaussian(), regime),
            n_real=10,
            generations=4,
            replicates=4,
            metrics=(metrics.RealShare(),),
            **more,
        )
        return measure(exp)["RealShare"][:, 0].mean(axis=1)

    assert np.allclose(share(regimes.Replace()), [1, 0, 0, 0])
    assert np.allclose(share(regimes.Accumulate()), [1, 1 / 2, 1 / 3, 1 / 4])
    assert np.allclose(share(regimes.RealPlusLatest()), [1, 1 / 2, 1 / 2, 1 / 2])
    assert np.allclose(share(regimes.Replace(), n_fresh=30), [1, 3 / 4, 3 / 4, 3 / 4])
    assert np.allclose(share(regimes.Weighted(0.7, regimes.Accumulate())), [1, 0.7, 0.7, 0.7])
