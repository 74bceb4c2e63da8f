"""Loops that label rows by a linear regression, against their closed-form laws."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from genloss import Agent, Experiment, GenlossError, generators, metrics, real, regimes
from genloss.loop import generations
from genloss.theory import regression as law
from laws import assert_mean, assert_same_law, measure, observe, stream


def experiment(
    regime: Any, design: Any, n: int, d: int, t: int, replicates: int, noise: float = 1.0, **more: Any
) -> Experiment:
    generator = generators.LinearRegression(design=design, noise=more.pop("labels", noise))
    agent = Agent(generator, regime, n=more.pop("publishes", None))
    return Experiment(
        real=real.LinearModel(dim=d, noise=noise),
        agents=agent,
        n_real=n,
        generations=t,
        replicates=replicates,
        metrics=(metrics.TestError(),),
        **more,
    )


def error(exp: Experiment) -> Any:
    return measure(exp)["TestError"][:, 0]


@pytest.mark.parametrize("design", ["same", "fresh"])
@pytest.mark.parametrize(("n", "d", "noise"), [(20, 2, 1.0), (30, 10, 0.5), (100, 5, 2.0)])
def test_replace(n: int, d: int, noise: float, design: Any) -> None:
    exp = experiment(regimes.Replace(), design, n, d, 12, 4096, noise)
    assert exp.statistic is not None
    assert_mean(error(exp), law.replace_test_error(n, d, np.arange(1, 13), noise))


@pytest.mark.parametrize(("n", "d", "noise"), [(20, 2, 1.0), (30, 10, 0.5), (100, 10, 1.0)])
def test_accumulate(n: int, d: int, noise: float) -> None:
    exp = experiment(regimes.Accumulate(), "same", n, d, 20, 4096, noise)
    assert_mean(error(exp), law.accumulate_test_error(n, d, np.arange(1, 21), noise))


@pytest.mark.parametrize(("n", "d"), [(20, 4), (100, 10)])
def test_accumulate_on_fresh_inputs_lies_a_little_lower(n: int, d: int) -> None:
    exp = experiment(regimes.Accumulate(), "fresh", n, d, 20, 4096)
    found = error(exp)
    assert_mean(found, law.accumulate_fresh_test_error(n, d, np.arange(1, 21)))
    assert found[-1].mean() < law.accumulate_test_error(n, d, 20)


def test_noise_is_estimated_from_the_residuals() -> None:
    """Unbiased for the noise's square, so replace loses d/(n-d-1) a generation all the same."""
    exp = experiment(regimes.Replace(), "fresh", 30, 3, 10, 8192, labels=None)
    assert_mean(error(exp), law.replace_test_error(30, 3, np.arange(1, 11)))
    assert_mean(observe(exp, lambda o: o.model.noise**2)[:, 0], 1.0)


def test_subsample_of_what_accumulated() -> None:
    """d = 10, n = 100 on kept inputs: 1.78, 2.49, 3.00 units of d/(n-d-1) at generations 2, 5, 20."""
    exp = experiment(regimes.AccumulateSubsample(), "same", 100, 10, 20, 1024, tile=128)
    units = error(exp)[[0, 1, 4, 19]] / law.real_test_error(100, 10)
    assert_mean(units[0], 1.0)
    # quoted to the last digit given, which is a standard error of its own
    assert np.abs(units[1:].mean(axis=1) - [1.78, 2.49, 3.00]).max() < 0.06


def test_subsample_with_many_rows_is_the_universal_law() -> None:
    exp = experiment(regimes.AccumulateSubsample(), "same", 200, 2, 10, 768, tile=128)
    # what the law leaves out is of the order d/n
    assert error(exp)[9].mean() == pytest.approx(law.subsample_test_error(200, 2, 10), rel=0.12)


@pytest.mark.parametrize(("n", "d"), [(5, 10), (20, 30)])
def test_noise_free_with_fewer_rows_than_dimensions(n: int, d: int) -> None:
    """Each generation sees a random n-dimensional part of what is left: 1 - (n/d)^t is lost."""
    exp = experiment(regimes.Replace(), "fresh", n, d, 6, 2048, noise=0.0)
    assert_mean(error(exp), law.ridgeless_replace_test_error(n, d, np.arange(1, 7)))


@pytest.mark.parametrize(("n", "d", "noise"), [(5, 12, 0.3), (10, 30, 1.0)])
def test_noise_with_fewer_rows_than_dimensions(n: int, d: int, noise: float) -> None:
    exp = experiment(regimes.Replace(), "fresh", n, d, 5, 8192, noise=noise)
    assert_mean(error(exp), law.ridgeless_replace_test_error(n, d, np.arange(1, 6), noise))


def test_a_growing_synthetic_set_without_the_old_rows() -> None:
    """Generation j trains on n j rows of its predecessor: the error grows like log t."""
    n, d, last = 20, 3, 8
    first = experiment(regimes.Replace(), "fresh", n, d, last, 256)
    errors = []
    for tile in range(16):
        state, found = None, []
        for j in range(1, last + 1):
            agent = dataclasses.replace(first.agents[0], n=n * (j + 1))
            grown = dataclasses.replace(first, agents=(agent,), generations=j)
            (state, (seen,)), *_ = generations(grown, state, tile)
            found.append(seen.measure()["TestError"])
        errors.append(found)
    assert_mean(
        np.concatenate(np.array(errors), axis=1),
        law.growing_synthetic_test_error(n, d, np.arange(1, last + 1)),
    )


def test_a_last_fit_on_more_rows_does_not_remove_what_the_chain_lost() -> None:
    n_0, n, d, t = 25, 200, 4, 5
    chain = experiment(regimes.Replace(), "fresh", n_0, d, t + 1, 256)
    last = []
    for tile in range(16):
        for state, (seen,) in generations(chain, tile=tile):
            if state.t == t:
                rows = seen.model.sample(n, stream(tile))
                x, y = rows[..., :-1], rows[..., -1]
                w = np.stack([np.linalg.lstsq(a, b)[0] for a, b in zip(x, y, strict=True)])
                last.append(((w - chain.real.coefficients) ** 2).sum(axis=1))
    assert_mean(np.concatenate(last), law.final_fit_test_error(n, n_0, d, t))


@pytest.mark.parametrize("regime", [regimes.Replace(), regimes.Accumulate()])
@pytest.mark.parametrize(
    ("design", "n", "d", "labels"),
    [
        ("same", 20, 3, None),
        ("fresh", 20, 3, None),
        ("same", 12, 10, 0.5),
        ("fresh", 6, 10, 1.0),
        ("fresh", 6, 10, None),
        ("same", 6, 10, 1.0),
        ("same", 6, 10, None),
    ],
)
def test_rows_and_statistics_agree_in_law(
    regime: Any, design: Any, n: int, d: int, labels: float | None
) -> None:
    exp = experiment(regime, design, n, d, 6, 2048, labels=labels)
    rows = dataclasses.replace(exp, rows="always", seed=1)
    assert exp.statistic is not None and rows.statistic is None
    assert_same_law(error(exp)[[0, 1, 2, 5]], error(rows)[[0, 1, 2, 5]])
    noise = [
        observe(e, lambda o: np.broadcast_to(o.model.noise, o.model.coefficients.shape[:1]))[[0, 2, 5], 0]
        for e in (exp, rows)
    ]
    assert_same_law(*noise)


def test_real_rows_beside_the_latest() -> None:
    exp = experiment(regimes.RealPlusLatest(), "fresh", 15, 3, 6, 2048, publishes=30)
    assert_same_law(error(exp), error(dataclasses.replace(exp, rows="always", seed=1)))


def test_an_intercept_is_fitted_and_counts_as_a_coefficient() -> None:
    exp = Experiment(
        real=real.LinearModel(dim=3, noise=1.0),
        agents=Agent(generators.LinearRegression(noise=1.0, intercept=True), regimes.Replace()),
        n_real=20,
        generations=4,
        replicates=4096,
        metrics=(metrics.TestError(),),
    )
    # with an intercept the expected error is noise^2 [d/(n-d-2) + (1/n)(1 + d/(n-d-2))] a generation
    floor = 3 / (20 - 3 - 2)
    assert_mean(error(exp), (floor + (1 + floor) / 20) * np.arange(1, 5))


@pytest.mark.parametrize("rows", ["auto", "always"])
def test_a_fixed_design_cannot_label_more_rows_than_it_has(rows: Any) -> None:
    with pytest.raises(
        ValueError, match=r"agents\.0\.n: LinearRegression labels the 20 first real rows again \(got 30\)"
    ):
        experiment(regimes.Replace(), "same", 20, 3, 2, 8, publishes=30, rows=rows)


def test_a_fixed_design_may_label_fewer_rows_than_it_has() -> None:
    """Generation 1 costs d/(n-d-1), each later one d/(m-d-1); rows are drawn: a Gram matrix has none."""
    exp = experiment(regimes.Replace(), "same", 40, 3, 5, 4096, publishes=20)
    assert exp.statistic is None
    assert_mean(error(exp), 3 / (40 - 3 - 1) + np.arange(5) * 3 / (20 - 3 - 1))


def test_a_model_on_its_own_cannot_label_more_rows_than_it_has() -> None:
    ((_, (seen,)),) = generations(experiment(regimes.Replace(), "same", 20, 3, 1, 8, rows="always"))
    with pytest.raises(GenlossError, match=r"design='same' labels the 20 first real rows.*30 are wanted"):
        seen.model.sample(30, stream(0))
