"""Loops of kernel densities: variances in closed form, densities to the last digit, published values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

from genloss import Agent, Experiment, generators, metrics, real, regimes
from genloss.loop import generations
from genloss.samples import Array, Chunk, Samples
from genloss.streams import REAL
from genloss.theory import kde as law
from laws import SIGMAS, assert_mean, measure, observe, stream

SPREAD = (metrics.TraceRatio(), metrics.MeanError())


def experiment(
    source: Any, regime: Any, n: int, t: int, replicates: int, h: Any = 0.1, **more: Any
) -> Experiment:
    return Experiment(
        real=source,
        agents=Agent(generators.KDE(bandwidth=h), regime, n=more.pop("publishes", None)),
        n_real=n,
        generations=t,
        replicates=replicates,
        metrics=more.pop("metrics", SPREAD),
        **more,
    )


# -- variances -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d", "h"), [(10, 1, 0.5), (30, 3, 0.2)])
def test_replace(n: int, d: int, h: float) -> None:
    found = measure(experiment(real.Gaussian(dim=d), regimes.Replace(), n, 25, 2048, h, tile=256))
    t = np.arange(1, 26)
    assert_mean(found["TraceRatio"][:, 0], law.replace_variance(n, t, h))
    assert_mean(found["MeanError"][:, 0], d * np.asarray(law.replace_mean_error(n, t, h)))


def test_replace_settles_at_as_many_kernels_as_rows() -> None:
    """The variance of the rows tends to (n - 1) h^2, from below and from above."""
    for h in (0.1, 1.0):
        exp = experiment(real.Gaussian(dim=2), regimes.Replace(), 8, 80, 1024, h, tile=256)
        assert_mean(measure(exp)["TraceRatio"][-1, 0], law.replace_variance(8, 80, h))
        assert law.replace_variance(8, 80, h) == pytest.approx(8 * h**2, rel=1e-2)


@pytest.mark.parametrize(("n", "d", "h"), [(10, 1, 0.5), (20, 2, 0.3)])
def test_accumulate(n: int, d: int, h: float) -> None:
    found = measure(experiment(real.Gaussian(dim=d), regimes.Accumulate(), n, 40, 1024, h, tile=256))
    t = np.arange(1, 41)
    assert_mean(found["TraceRatio"][:, 0], np.asarray(law.subsample(n, None, t, h).variance) + h**2)
    assert_mean(found["MeanError"][:, 0], d * np.asarray(law.subsample(n, None, t, h).mean_error))


@pytest.mark.parametrize(("n", "k", "n_real", "h"), [(20, 20, 20, 0.5), (15, 10, 30, 0.3)])
def test_accumulate_subsample(n: int, k: int, n_real: int, h: float) -> None:
    exp = experiment(
        real.Gaussian(dim=2),
        regimes.AccumulateSubsample(budget=k),
        n_real,
        20,
        1024,
        h,
        publishes=n,
        tile=256,
    )
    spread, error = law.subsample(n, k, np.arange(1, 21), h, n_real=n_real)
    found = measure(exp)
    assert_mean(found["TraceRatio"][:, 0], np.asarray(spread) + h**2)
    assert_mean(found["MeanError"][:, 0], 2 * np.asarray(error))


@pytest.mark.parametrize(("alpha", "weighted"), [(0.25, False), (0.5, False), (0.25, True)])
def test_fresh_real_rows_hold_the_variance_down(alpha: float, weighted: bool) -> None:
    """Mixing a share alpha of real rows: v_0 + h^2/alpha in the end, up to terms of order 1/n."""
    n, h = 2000, 0.8
    fresh, made = (500, 500) if weighted else (int(alpha * n), int((1 - alpha) * n))
    regime = regimes.Weighted(alpha, regimes.Replace()) if weighted else regimes.Replace()
    exp = experiment(
        real.Gaussian(dim=2),
        regime,
        fresh,
        20,
        32,
        h,
        publishes=made,
        n_fresh=fresh,
        metrics=(metrics.TraceRatio(),),
    )
    found = measure(exp)["TraceRatio"][:, 0]
    expected = np.asarray(law.mixing_variance(alpha, np.arange(1, 21), h))
    error = found.std(axis=1) / np.sqrt(found.shape[1])
    assert (np.abs(found.mean(axis=1) - expected) < SIGMAS * error + 4 / fresh * expected).all()
    assert expected[-1] == pytest.approx(law.mixing_variance_limit(alpha, h), rel=4e-3)


@pytest.mark.parametrize("regime", [regimes.Replace(), regimes.Accumulate(), regimes.AccumulateSubsample()])
def test_expected_density_is_a_mixture_of_wider_kernels(regime: Any) -> None:
    """Given the real rows: N(x_i, (1 + D) h^2) with D = t - 1 under replace, a sum of Bernoulli(1/j) else."""
    n, h, last = 15, 0.4, 6
    depth = law.replace_depth if isinstance(regime, regimes.Replace) else law.accumulate_depth
    y = np.array([[-1.0, 0.0], [0.0, 0.3], [1.5, 1.0]])
    exp = experiment(real.Gaussian(dim=2), regime, n, last, 1024, h, tile=128)

    def gap(o: Any) -> Array:
        found = np.exp(o.model.log_prob(y))
        rows = o.train.origin.rows
        expected = np.exp([law.expected_log_density(y, x, h, depth(o.t)) for x in rows])
        return np.asarray((found - expected).T)

    tiles = range(-(-exp.replicates // exp.tile_size))
    found = [[gap(seen[0]) for _, seen in generations(exp, tile=tile)] for tile in tiles]
    assert_mean(np.concatenate(found, axis=2), 0.0)


# -- densities -------------------------------------------------------------------------------------


def model(rows: Array, h: Any, weights: Any = 1.0) -> Any:
    chunk = Chunk(rows.shape[1], 0, -1, rows)
    train = Samples((chunk,), (weights,), chunk)
    return generators.KDE(bandwidth=h).fit(train, stream(0))


def exact(rows: Array, y: Array, h: float, weights: Array | None = None) -> Array:
    w = np.ones(rows.shape[:2]) if weights is None else np.broadcast_to(weights, rows.shape[:2])
    d = rows.shape[2]
    squared = ((rows[:, :, None] - y) ** 2).sum(axis=3)
    sums = logsumexp(-squared / (2 * h**2), axis=1, b=w[:, :, None])
    return np.asarray(sums - np.log(w.sum(axis=1))[:, None] - d * np.log(h * np.sqrt(2 * np.pi)))


@pytest.mark.parametrize(
    ("d", "h", "n"), [(10, 0.1, 100), (10, 0.1, 7), (3, 0.01, 200), (2, 0.5, 1000), (1, 2.0, 65)]
)
@pytest.mark.parametrize("far", [0.0, 5.0, 300.0])
def test_log_density_far_from_the_data(d: int, h: float, n: int, far: float) -> None:
    """Plain sums of kernels underflow: at d = 10, h = .1, n = 100 nearly everywhere."""
    from sklearn.neighbors import KernelDensity

    rng = stream(5)
    rows, y = rng.standard_normal((3, n, d)), far + rng.standard_normal((40, d))
    found = model(rows, h).log_prob(y)
    assert np.isfinite(found).all()
    assert np.allclose(found, exact(rows, y, h), rtol=1e-9, atol=1e-6)
    for r in range(3):
        # in one leaf: bounds in its tree fail where every branch is far, and it is off by hundreds
        sk = KernelDensity(bandwidth=h, leaf_size=n).fit(rows[r]).score_samples(y)
        assert np.allclose(found[r], sk, rtol=1e-9, atol=1e-6)


def test_log_density_of_rows_far_from_the_origin() -> None:
    """Squares of large coordinates would cancel: positions are taken from where the points are."""
    rng = stream(6)
    rows, y = 1e6 + rng.standard_normal((2, 50, 2)), 1e6 + rng.standard_normal((30, 2))
    assert np.allclose(model(rows, 0.1).log_prob(y), exact(rows, y, 0.1), rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("by_row", [False, True])
def test_log_density_of_weighted_rows(by_row: bool) -> None:
    rng = stream(7)
    rows, y = (
        rng.standard_normal((3, 80, 4)),
        np.concatenate([rng.standard_normal((20, 4)), np.full((1, 4), 60.0)]),
    )
    weights = rng.random((3, 80)) * (rng.random((3, 80)) < 0.7) if by_row else 2.5
    expected = exact(rows, y, 0.2, weights if by_row else None)
    assert np.allclose(model(rows, 0.2, weights).log_prob(y), expected, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_bandwidth_rules_are_scikit_learns(rule: Any) -> None:
    from sklearn.neighbors import KernelDensity

    rng = stream(8)
    rows, y = rng.standard_normal((2, 60, 3)), rng.standard_normal((20, 3))
    fitted = model(rows, rule)
    sk = KernelDensity(bandwidth=rule).fit(rows[0])
    assert fitted.bandwidth == pytest.approx(sk.bandwidth_)
    assert np.allclose(fitted.log_prob(y)[0], sk.score_samples(y), atol=1e-6)


@pytest.mark.parametrize(
    "regime", [regimes.Accumulate(), regimes.RealPlusLatest(), regimes.Window(generations=3)]
)
@pytest.mark.parametrize("h", [0.1, "scott"])
def test_running_sums_are_a_refits(regime: Any, h: Any) -> None:
    """The likelihood under accumulation costs only the new rows, and is scikit-learn's on the whole pool."""
    from sklearn.neighbors import KernelDensity

    exp = experiment(real.Moons(), regime, 40, 12, 2, h, tile=2, metrics=(metrics.HoldoutNLL(),))
    for _, (seen,) in generations(exp):
        nll = seen.measure()["HoldoutNLL"]
        for r in range(2):
            sk = KernelDensity(bandwidth=h).fit(seen.train.rows[r])
            assert nll[r] == pytest.approx(-sk.score_samples(exp.held_out).mean(), abs=1e-6)


def test_weighted_training_rows_are_drawn_by_weight() -> None:
    rows = np.zeros((1, 3, 1)) + np.array([0.0, 10.0, 20.0])[:, None]
    weights = np.array([[0.0, 1.0, 3.0]])
    drawn = model(rows, 0.01, weights).sample(4000, stream(9)).round(-1).ravel()
    assert set(drawn) == {10.0, 20.0}
    assert_mean(drawn == 20.0, 0.75)


def test_rows_collapsed_to_a_point() -> None:
    y = np.array([[0.0], [1.0]])
    found = model(np.zeros((1, 5, 1)), 0.1)
    assert np.allclose(found.log_prob(y), exact(np.zeros((1, 5, 1)), y, 0.1))
    assert found.moments().trace == pytest.approx(0.01)


# -- what was published ----------------------------------------------------------------------------

PUBLISHED: dict[tuple[Any, int], dict[str, list[float]]] = {
    (real.Moons(), 32): {
        "Replace": [0.791, 10.4, 39.7, 71.1],
        "AccumulateSubsample": [0.792, 2.55, 2.82, 3.13],
        "Accumulate": [0.791, 1.24, 1.40, 1.455],
    },
    (real.Moons(), 100): {
        "Replace": [0.731, 3.18, 10.6, 21.9],
        "AccumulateSubsample": [0.731, 1.30, 1.53, 1.615],
        "Accumulate": [0.731, 1.12, 1.30, 1.364],
    },
    (real.Circles(), 100): {
        "Replace": [1.04, 2.81, 9.42, 17.0],
        "AccumulateSubsample": [1.04, 1.41, 1.54, 1.607],
        "Accumulate": [1.04, 1.24, 1.34, 1.375],
    },
}
"""Mean test NLL at generations 1, 10, 50, 100 with h = .1: Kazdan et al. (2024), arXiv:2410.16713."""


@pytest.mark.slow
@pytest.mark.parametrize("regime", [regimes.Replace(), regimes.AccumulateSubsample(), regimes.Accumulate()])
@pytest.mark.parametrize(("source", "n"), list(PUBLISHED))
def test_published_likelihoods(source: Any, n: int, regime: Any) -> None:
    exp = experiment(source, regime, n, 100, 48, metrics=(metrics.HoldoutNLL(),), tile=48)
    looks = (1, 10, 50, 100)

    def nll(o: Any) -> Array:
        running = isinstance(
            regime, regimes.Accumulate
        )  # where the sums carry on from generation to generation
        return o.measure()["HoldoutNLL"] if running or o.t in looks else np.zeros(48)

    found = observe(exp, nll)[np.array(looks) - 1, 0]
    published = np.array(PUBLISHED[source, n][type(regime).__name__])
    # theirs to 10 %, as one implementation's mean over 100 seeds; ours to its standard error
    error = found.std(axis=1, ddof=1) / np.sqrt(48)
    off = np.abs(found.mean(axis=1) - published)
    assert (off < 0.10 * published + 2 * error).all(), (found.mean(axis=1), published, error)


@pytest.mark.parametrize(("source", "off"), [(real.SwissRoll(), 100), (real.Moons(), 10)])
def test_far_from_its_rows_a_density_is_that_of_a_sum_over_all_and_scikit_learns_is_not(
    source: Any, off: float
) -> None:
    """The claim of KDE's docstring. Where its last line fails, scikit-learn has mended it: drop the claim."""
    from sklearn.neighbors import KernelDensity

    rows = source.draw(1, 1000, stream(5))
    far, d = rows[0, :100] + 2.0, rows.shape[2]
    model = generators.KDE(bandwidth=0.1).fit(Samples.of([Chunk(1000, 0, REAL, rows)]), stream(6))
    squared = ((far[:, None] - rows[0]) ** 2).sum(axis=2)
    brute = logsumexp(-squared / (2 * 0.1**2), axis=1) - np.log(1000) - d / 2 * np.log(2 * np.pi * 0.1**2)
    np.testing.assert_allclose(model.log_prob(far)[0], brute, rtol=1e-9)
    theirs = KernelDensity(bandwidth=0.1).fit(rows[0]).score_samples(far)
    assert np.abs(theirs - brute).max() > off
