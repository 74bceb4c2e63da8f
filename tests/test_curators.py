"""What is published of what a model can make."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest
from scipy import stats

from genloss import (
    Agent,
    Experiment,
    GenlossError,
    component,
    curators,
    generators,
    metrics,
    real,
    regimes,
    rewards,
    verifiers,
)
from genloss.errors import FitError
from genloss.generators.categorical import CategoricalModel
from genloss.generators.gaussian import GaussianModel
from genloss.samples import Array, Chunk, Samples
from genloss.statistics import Moments
from laws import ALPHA, assert_mean, assert_same_law, measure, observe, stream

REWARD = np.array([0, 0.3, 0.7, 1, 1])
START = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
NOTHING = Samples.of([Chunk(1, 0, -1, np.zeros((1, 1)))])


def curated(p: Array, r: Array, k: int) -> Array:
    """p H with H(x) = E[K e^r(x) / (e^r(x) + K - 1 others)] over all groups: Ferbach et al. (2024)."""
    out = np.zeros(len(p))
    for x, others in itertools.product(range(len(p)), itertools.product(range(len(p)), repeat=k - 1)):
        odds = np.exp(r[x]) / (np.exp(r[x]) + np.exp(r[list(others)]).sum())
        out[x] += k * odds * p[x] * p[list(others)].prod()
    return out


def symbols(p: Any, replicates: int = 1) -> CategoricalModel:
    return CategoricalModel(np.broadcast_to(np.asarray(p, dtype=float), (replicates, len(p))))


def normal(replicates: int = 1, mean: float = 0.0) -> GaussianModel:
    one = Moments(1.0, np.full((replicates, 1), mean), np.ones((replicates, 1, 1)))
    return GaussianModel(one, 1.0, (1,))


@component
class Known:
    """Symbols of known probability."""

    p: tuple[float, ...]
    event = "symbols"

    @property
    def schema(self) -> int:
        return len(self.p)

    @property
    def probabilities(self) -> Array:
        return np.array(self.p)

    def draw(self, replicates: int, n: int, rng: Any) -> Array:
        return symbols(self.p, replicates).sample(n, rng)

    def holdout(self) -> Array:
        return self.draw(1, 500, stream(0))[0]


# -- choosing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_chosen_symbols_have_the_law_of_ferbach(k: int) -> None:
    curator = curators.Choose(rewards.PerSymbol(tuple(REWARD)), k=k)
    rows = curator(symbols(START, 8), NOTHING, 50_000, stream(k))
    assert rows.shape == (8, 50_000)
    law = curated(START, REWARD, k)
    assert law.sum() == pytest.approx(1)
    assert stats.chisquare(np.bincount(rows.ravel(), minlength=5), law * rows.size).pvalue > ALPHA


def test_the_quoted_step() -> None:
    """K = 2: E e^r is 1.71979 at first and grows by .12449, at least by ((K - 1)/K) Var(e^r)/e^max r."""
    e = np.exp(REWARD)
    before = START @ e
    after = curated(START, REWARD, 2) @ e
    assert before == pytest.approx(1.71979, abs=1e-5)
    assert after - before == pytest.approx(0.12449, abs=1e-5)
    assert after - before >= 0.5 * (START @ e**2 - before**2) / e.max()
    rows = curators.Choose(rewards.PerSymbol(tuple(REWARD)), k=2)(
        symbols(START, 64), NOTHING, 20_000, stream(3)
    )
    assert_mean(e[rows].mean(axis=1), after)


def test_many_candidates_tilt_by_the_reward() -> None:
    """K to infinity: p_t ~ p_0 e^(t r)."""
    rows = curators.Choose(rewards.PerSymbol(tuple(REWARD)), k=300)(
        symbols(START, 4), NOTHING, 3000, stream(4)
    )
    tilted = START * np.exp(REWARD)
    found = np.bincount(rows.ravel(), minlength=5) / rows.size
    assert np.abs(found - tilted / tilted.sum()).max() < 0.015


@pytest.mark.parametrize("share", [None, 1.0, 0.5])
def test_curated_loops_follow_the_map(share: float | None) -> None:
    """p' = p H; with real rows p' = (p_ref + lambda p H)/(1 + lambda)."""
    n = 100_000
    regime: Any = regimes.Replace() if share is None else regimes.RealPlusLatest()
    agent = Agent(
        generators.Categorical(),
        regime,
        curators.Choose(rewards.PerSymbol(tuple(REWARD)), k=2),
        n=n if share is None else int(share * n),
    )
    exp = Experiment(
        real=Known(tuple(START)),
        agents=agent,
        n_real=n,
        generations=6,
        replicates=2,
        tile=2,
        metrics=(metrics.Diversity(),),
    )
    p = START
    found = [
        observe(exp, lambda o, s=s: o.model.probabilities[:, s])[:, 0].mean(axis=1)  # type: ignore[misc]
        for s in range(5)
    ]
    for t in range(6):
        assert np.abs(np.array(found)[:, t] - p).max() < 0.012
        kept = curated(p, REWARD, 2)
        p = kept if share is None else (START + share * kept) / (1 + share)
    if share == 0.5:  # lambda (K - 1) < 1: it stays near what it began with
        assert (p * np.log(p / START)).sum() <= -np.log(1 - 0.5)


def test_choice_among_vectors() -> None:
    """The larger of two with odds e^(a x): density 2 phi(x) E[1/(1 + e^(a (y - x)))]."""
    rows = curators.Choose(rewards.Along(axis=0, scale=2.0), k=2)(normal(200), NOTHING, 200, stream(5))
    x = stream(6).standard_normal(1_000_000).reshape(2, -1)
    weight = 1 / (1 + np.exp(2 * (x[1] - x[0])))
    assert_mean(rows.mean(axis=(1, 2)), 2 * (x[0] * weight).mean(), sigmas=6)
    near = curators.Choose(rewards.Near(point=(1.0,), scale=50.0), k=20)(normal(20), NOTHING, 50, stream(7))
    assert np.abs(near - 1).mean() < 0.15


def test_choice_is_within_groups_of_one_replicate() -> None:
    model = GaussianModel(Moments(1.0, np.array([[0.0], [100.0]]), np.ones((2, 1, 1))), 1.0, (1,))
    rows = curators.Choose(rewards.Along(), k=4)(model, NOTHING, 50, stream(8))
    assert (rows[0] < 50).all() and (rows[1] > 50).all()


# -- accepting -------------------------------------------------------------------------------------


def test_accepted_rows_have_the_truncated_law() -> None:
    for low, high in ((-0.5, 0.7), (1.5, np.inf), (2.5, 2.6)):
        rows = curators.Accept(verifiers.Inside(low=low, high=high))(normal(30), NOTHING, 40, stream(9))
        assert rows.shape == (30, 40, 1)
        assert stats.kstest(rows.ravel(), stats.truncnorm(low, high).cdf).pvalue > ALPHA


def test_accepted_symbols_are_the_models_given_that_they_pass() -> None:
    rows = curators.Accept(verifiers.OneOf((1, 3)))(symbols(START, 10), NOTHING, 5000, stream(10))
    counts = np.bincount(rows.ravel(), minlength=5)
    assert counts[[0, 2, 4]].sum() == 0
    assert stats.chisquare(counts[[1, 3]], np.array([0.25, 0.15]) / 0.4 * rows.size).pvalue > ALPHA


@pytest.mark.parametrize(("right", "wrong"), [(0.9, 0.1), (0.8, 0.4), (0.3, 1.0)])
def test_an_imperfect_verifier_lets_wrong_rows_pass(right: float, wrong: float) -> None:
    verifier = verifiers.Imperfect(verifiers.OneOf((0, 1)), right=right, wrong=wrong)
    rows = curators.Accept(verifier)(symbols(START, 10), NOTHING, 5000, stream(11))
    law = START * np.where(np.arange(5) < 2, right, wrong)
    assert stats.chisquare(np.bincount(rows.ravel(), minlength=5), law / law.sum() * rows.size).pvalue > ALPHA


def test_replicates_that_pass_rarely_and_often_are_both_filled() -> None:
    p = np.array([[0.99, 0.01], [0.01, 0.99], [0.5, 0.5]])
    rows = curators.Accept(verifiers.OneOf((1,)))(CategoricalModel(p), NOTHING, 300, stream(12))
    assert rows.shape == (3, 300) and (rows == 1).all()


def test_the_order_of_accepted_rows_is_the_order_of_drawing() -> None:
    """The first to pass come first: nothing but the verifier chooses."""
    drawn = normal(2).sample(500, stream(13))
    rows = curators.Accept(verifiers.Inside(low=0.0))(normal(2), NOTHING, 500, stream(13))
    for r in range(2):
        passed = drawn[r][drawn[r] >= 0]
        assert np.array_equal(rows[r, : len(passed), 0], passed)


@pytest.mark.parametrize("verifier", [verifiers.OneOf(()), verifiers.Inside(low=1.0, high=0.0)])
def test_a_verifier_that_lets_nothing_pass_is_an_error_and_no_hang(verifier: Any) -> None:
    model = symbols(START, 4) if isinstance(verifier, verifiers.OneOf) else normal(4)
    began = time.process_time()
    with pytest.raises(
        FitError, match=r"accepted 0 of \d+ rows in replicate 0, where 200 are wanted; loosen"
    ):
        curators.Accept(verifier)(model, NOTHING, 200, stream(14))
    assert time.process_time() - began < 5


def test_one_replicate_that_lets_nothing_pass_is_named() -> None:
    p = np.array([[0.5, 0.5], [1.0, 0.0]])
    with pytest.raises(FitError, match="in replicate 1"):
        curators.Accept(verifiers.OneOf((1,)))(CategoricalModel(p), NOTHING, 10, stream(15))


def test_one_in_two_hundred_is_enough() -> None:
    rows = curators.Accept(verifiers.OneOf((1,)))(symbols([0.995, 0.005], 3), NOTHING, 30, stream(16))
    assert (rows == 1).all()


def test_verification_stops_a_loop_from_drifting() -> None:
    agent = Agent(
        generators.Gaussian(), regimes.Replace(), curators.Accept(verifiers.Inside(low=-3.0, high=3.0))
    )
    exp = Experiment(
        real=real.Gaussian(dim=1),
        agents=agent,
        n_real=20,
        generations=40,
        replicates=64,
        metrics=(metrics.MeanError(),),
    )
    assert exp.statistic is None  # what is left after verification has no law of statistics
    assert np.abs(observe(exp, lambda o: o.rows.max(axis=(1, 2)))).max() <= 3


def test_the_error_of_a_loop_says_which_verifier() -> None:
    agent = Agent(generators.Gaussian(), regimes.Replace(), curators.Accept(verifiers.Inside(low=50.0)))
    exp = Experiment(real=real.Gaussian(dim=1), agents=agent, n_real=10, generations=2, replicates=2)
    with pytest.raises(GenlossError, match=r"Inside\(axis=0, low=50\.0"):
        measure(exp)


def test_keeping_all_as_rows_or_as_statistics() -> None:
    assert curators.KeepAll.publishes_everything
    rows = curators.KeepAll()(normal(3), NOTHING, 7, stream(17))
    assert np.array_equal(rows, normal(3).sample(7, stream(17)))
    assert_same_law(rows.ravel(), stream(18).standard_normal(21))
