"""Numbers where floats run out: far from the origin, in collapse, at 10^15 rows, of odd types, or missing."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp, polygamma
from threadpoolctl import threadpool_info, threadpool_limits

from genloss import (
    Agent,
    Experiment,
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
from genloss.generators.regression import LinearModel
from genloss.loop import generations
from genloss.samples import Array, Chunk, Samples
from genloss.statistics import (
    Counts,
    Gram,
    KernelSums,
    Moments,
    Points,
    draw_gram,
    draw_moments,
    moments,
    triangular_root,
)
from genloss.streams import REAL
from genloss.study import work as working
from genloss.study.parts import Part
from genloss.study.store import Store
from genloss.theory import gaussian as law
from laws import assert_mean, measure, observe, stream

MANY = 10**15


def samples(*rows: Array, weights: Any = None) -> Samples:
    """A union of chunks: real rows, then those of agents 0, 1, ..."""
    chunks = tuple(Chunk(x.shape[1], max(i, 0), i, x) for i, x in enumerate(rows, start=-1))
    return Samples(chunks, weights or (1.0,) * len(chunks), chunks[0])


# -- types of numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.int64, np.float32])
def test_rows_of_several_types_keep_their_digits(kind: Any) -> None:
    first, second = np.arange(12, dtype=kind).reshape(2, 3, 2), stream(0).standard_normal((2, 3, 2))
    union = samples(first, second)
    index = np.array([[0, 3, 5], [4, 2, 1]])
    expected = np.take_along_axis(np.concatenate([first, second], axis=1), index[..., None], axis=1)
    assert np.array_equal(union.take(index), expected)
    assert {*union.subsample(5, stream(1)).rows.ravel()} <= {*first.ravel(), *second.ravel()}


@component
class Dice:
    """Whole-number rows, or float32 ones."""

    single: bool = False

    def draw(self, replicates: int, n: int, rng: Any) -> Array:
        rows = rng.integers(1, 7, size=(replicates, n, 2))
        return np.asarray(rows.astype(np.float32) if self.single else rows)

    def holdout(self) -> Array:
        return self.draw(1, 50, stream(0))[0]


class Between:
    """Learns nothing, and samples what no integer is."""

    def __init__(self, seed: int) -> None:
        self.rng = stream(seed)

    def fit(self, rows: Array) -> None:
        pass

    def sample(self, n: int) -> Array:
        return self.rng.random((n, 2)) + 0.25


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("regime", [regimes.Accumulate(), regimes.AccumulateSubsample()])
@pytest.mark.parametrize(
    "generator",
    [
        generators.Gaussian(),
        generators.KDE(bandwidth=0.3),
        generators.Copula(),
        generators.LinearRegression(design="same"),
        generators.LinearRegression(design="fresh"),
        generators.Wrapped(make=Between),
    ],
    ids=lambda g: type(g).__name__,
)
def test_whole_number_rows_do_not_round_synthetic_ones(generator: Any, regime: Any, single: bool) -> None:
    source: Any = Dice(single)
    if isinstance(generator, generators.LinearRegression):
        source = type("Labelled", (Dice,), {"target": -1})(single)
    exp = Experiment(
        real=source, agents=Agent(generator, regime), n_real=30, generations=2, tile=2, rows="always"
    )
    for _, (seen,) in generations(exp):
        made, trained = seen.chunk.rows[..., -1], seen.train.rows
        whole = np.float32(made) == made
        assert whole.mean() < 0.1 or isinstance(generator, generators.Copula)
        if seen.t == 2:
            assert trained.dtype == float


def test_a_verifier_passes_what_a_model_gives_as_floats_only_later() -> None:
    class Turning:
        def __init__(self) -> None:
            self.asked = 0

        def sample(self, n: int, rng: Any) -> Array:
            self.asked += 1
            x = rng.random((1, n, 1)) + 1.0
            return np.asarray(x if self.asked > 1 else x.astype(int))

    @component
    class Half:
        def __call__(self, rows: Array, rng: Any) -> Array:
            return rng.random(rows.shape[:2]) < 0.5

    rows = curators.Accept(Half())(Turning(), samples(np.zeros((1, 1, 1))), 40, stream(0))
    assert 5 < (rows == 1).sum() < 35 and (rows > 1).sum() == 40 - (rows == 1).sum()


# -- who wrote what --------------------------------------------------------------------------------


def test_thinned_counts_know_each_author() -> None:
    """3 + 3 + 3 rows thinned to 6: two of each author in the mean, as hypergeometric draws vary."""
    replicates, kind = 4000, Counts(3)
    counts = [np.tile(c, (replicates, 1)) for c in ([3, 0, 0], [1, 2, 0], [0, 1, 2])]
    chunks = [
        Chunk(3, i, a, known={kind: c}) for i, (a, c) in enumerate(zip((REAL, 0, 1), counts, strict=True))
    ]
    thin = Samples.of(chunks).subsample(6, stream(2))
    mass = {a: thin.mass(a) for a in (REAL, 0, 1)}
    assert np.array_equal(sum(mass.values()), np.full(replicates, 6.0)) and thin.mass(7) == 0
    expected = stats.hypergeom(9, 3, 6)
    for value in mass.values():
        assert_mean(value, 2.0)
        assert_mean((value - 2) ** 2, expected.var())
    # symbol 2 is agent 1's alone, and two of the three rows of symbol 1 are agent 0's
    total = thin.total(kind)
    assert (mass[1] >= total[:, 2]).all() and (mass[REAL] + mass[0] >= total[:, 0]).all()
    with pytest.raises(FitError, match="rows='always'"):
        thin.weighted(real=0.5)
    with pytest.raises(FitError, match="rows='always'"):
        thin.by(0)


# -- rewards and answers that say nothing ----------------------------------------------------------


@component
class Sometimes:
    """Says nothing of rows below zero."""

    nothing: float = float("nan")

    def __call__(self, rows: Array, *rng: Any) -> Array:
        return np.where(rows[..., 0] < 0, self.nothing, 1.0)


def standard(replicates: int = 2, d: int = 1) -> GaussianModel:
    root = np.broadcast_to(np.eye(d), (replicates, d, d))
    return GaussianModel(Moments(1.0, np.zeros((replicates, d)), root), 1.0, (d,))


NOTHING = samples(np.zeros((1, 1, 1)))


def test_a_reward_that_is_not_known_is_an_error() -> None:
    with pytest.raises(
        FitError, match=r"Sometimes\(.*returned NaN for \d+ of 40 rows.*one reward for each row"
    ):
        curators.Choose(Sometimes())(standard(), NOTHING, 10, stream(0))
    worst = curators.Choose(Sometimes(nothing=-np.inf), k=3)(standard(), NOTHING, 20_000, stream(0))
    low = (worst < 0).sum()  # only where all three are
    assert abs(low - 40_000 / 8) < 5 * np.sqrt(40_000 / 8 * 7 / 8)


def test_a_missing_cell_is_what_nobody_prefers() -> None:
    rows = np.array([[[np.nan, 1.0], [2.0, np.nan], [-3.0, 0.0]]])
    assert rewards.Along(axis=0, scale=-2.0)(rows).tolist() == [[-np.inf, -4.0, 6.0]]
    assert rewards.Near(point=(0.0, 0.0))(rows).tolist() == [[-np.inf, -np.inf, -9.0]]
    assert verifiers.Inside(axis=0, low=-10.0)(rows, stream(0)).tolist() == [[False, True, True]]


@pytest.mark.parametrize(
    ("answer", "said"), [(np.nan, "returned NaN"), (0.7, r"returned 0\.7, which is neither")]
)
def test_an_answer_that_is_neither_yes_nor_no_is_an_error(answer: float, said: str) -> None:
    """As a number each of them would count as yes."""
    for verifier in (Sometimes(nothing=answer), verifiers.Imperfect(Sometimes(nothing=answer), 0.9, 0.1)):
        with pytest.raises(FitError, match=said):
            curators.Accept(verifier)(standard(), NOTHING, 10, stream(0))
    ones = curators.Accept(Sometimes(nothing=0.0))(standard(), NOTHING, 10, stream(0))
    assert (ones >= 0).all()


# -- bandwidths ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_bandwidth_counts_rows_by_weight(rule: Any) -> None:
    rng = stream(3)
    x, w = rng.standard_normal((3, 40, 2)), rng.random((3, 40)) ** 4
    w[1, :30] = 0
    model = generators.KDE(bandwidth=rule).fit(samples(x, weights=(w,)), rng)
    expected = [stats.gaussian_kde(a.T, rule, b).factor for a, b in zip(x, w, strict=True)]
    assert np.allclose(model.bandwidth, expected, rtol=1e-12)
    # rows that weigh nothing are not there
    alone = generators.KDE(bandwidth=rule).fit(samples(x[1:2, 30:], weights=(w[1:2, 30:],)), rng)
    y = rng.standard_normal((5, 2))
    assert np.allclose(model.log_prob(y)[1], alone.log_prob(y)[0], rtol=1e-12)
    assert np.allclose(model.moments().trace[1], alone.moments().trace[0])
    drawn = model.sample(20_000, rng)
    assert_mean(drawn[1].T, np.average(x[1], axis=0, weights=w[1]))
    for r in range(3):
        spread = np.cov(x[r].T, aweights=w[r], ddof=0) + expected[r] ** 2 * np.eye(2)
        assert np.allclose(np.cov(drawn[r].T), spread, atol=0.1)


def test_rows_that_weigh_nothing_in_a_replicate_are_an_error() -> None:
    x, symbols = stream(0).standard_normal((2, 4, 2)), np.zeros((2, 4), dtype=int)
    w = np.array([[1.0] * 4, [0.0] * 4])
    every = samples(x, weights=(w,))
    for generator in (generators.KDE(bandwidth="scott"), generators.KDE(), generators.Copula()):
        with pytest.raises(FitError, match="all training rows of replicate 1 have weight 0"):
            generator.fit(every, stream(0))
    with pytest.raises(FitError, match="weight"):
        generators.Gaussian().fit(every, stream(0))
    chunk = Chunk(4, 0, REAL, symbols, schema=3)
    with pytest.raises(FitError, match="all training rows of replicate 1 have weight 0"):
        generators.Categorical().fit(Samples((chunk,), (w,), chunk), stream(0))
    # beside others they are nothing, not NaN
    both = (moments(x, w) + moments(x)).mean
    assert np.allclose(both[1], x[1].mean(axis=0))


# -- far from the origin ---------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 1e6, 1e12])
@pytest.mark.parametrize(("n", "d"), [(2, 1), (7, 3), (3, 3), (400, 2)])
def test_moments_far_from_the_origin(n: int, d: int, shift: float) -> None:
    """Against 60 digits: what the rows hold of their spread is found whole, wherever they lie."""
    x = shift + stream(4).standard_normal((2, n, d))
    found = moments(x)
    for r in range(2):
        rows = [[mpmath.mpf(v) for v in row] for row in x[r]]
        with mpmath.workdps(60):
            mean = [sum(column) / n for column in zip(*rows, strict=True)]
            exact = [
                [float(sum((a[i] - mean[i]) * (a[j] - mean[j]) for a in rows)) for j in range(d)]
                for i in range(d)
            ]
        assert np.allclose(found.root[r] @ found.root[r].T, exact, rtol=1e-11, atol=1e-11)
        assert np.allclose(found.mean[r], [float(m) for m in mean], rtol=3e-16)


@pytest.mark.parametrize("shift", [0.0, 1e4, 1e8])
def test_least_squares_far_from_the_origin(shift: float) -> None:
    """With an intercept, X'X of inputs at 1e8 is singular in floats; a root of it is not."""
    rng = stream(5)
    x, e = shift + rng.standard_normal((1, 30, 2)), rng.standard_normal((1, 30))
    rows = np.concatenate([x, (x @ [2.0, -1.0] + 1e-3 * e)[..., None]], axis=2)
    found = Gram(-1, intercept=True)(rows)
    with mpmath.workdps(60):
        design = mpmath.matrix([[*row[:2], 1.0] for row in rows[0].tolist()])
        target = mpmath.matrix(rows[0, :, 2].tolist())
        w, residual = mpmath.qr_solve(design, target)
    assert found.inputs.rank == 3
    assert np.allclose(found.coefficients[0, :2], [float(v) for v in w][:2], rtol=1e-7)
    # targets at 1e8 hold their noise to 1e-8 each
    assert found.residual[0] == pytest.approx(float(residual), rel=1e-9, abs=2e-16 * shift * 30)


def test_kernel_sums_at_points_far_apart() -> None:
    """Squared distances as differences of squares lose what two clusters at +-10^6 are about."""
    rng = stream(6)
    x = np.repeat([[-1e6], [1e6]], 20, axis=0) + 0.1 * rng.standard_normal((40, 2))
    y = np.repeat([[-1e6], [1e6]], 5, axis=0) + 0.1 * rng.standard_normal((10, 2))
    found = KernelSums(Points(y), 0.1)(x[None]).log[0]
    squared = ((x[:, None] - y) ** 2).sum(axis=2) / (2 * 0.1**2)
    assert np.allclose(found, logsumexp(-squared, axis=0), atol=1e-9)


# -- many rows -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d"), [(2, 1), (5, 4), (100, 4), (10**9, 4), (MANY, 1), (MANY, 4)])
def test_drawn_moments_have_their_law_at_any_number_of_rows(n: int, d: int) -> None:
    """log det of the scatter is a sum of logarithms of chi2(n - j), j = 1..d, and the mean is N(0, 1/n)."""
    r = 4000
    identity = np.broadcast_to(np.eye(d), (r, d, d))
    drawn = draw_moments(Moments(1.0, np.zeros((r, d)), identity), 1.0, n, stream(7))
    freedom = n - np.arange(1, d + 1.0)
    with mpmath.workdps(40):
        mean = float(sum(mpmath.digamma(mpmath.mpf(f) / 2) + mpmath.log(mpmath.mpf(2) / n) for f in freedom))
    spread = float(polygamma(1, freedom / 2).sum())
    standard = (drawn.log_det - d * np.log(float(n)) - mean) / np.sqrt(spread)
    assert_mean(standard, 0.0, sigmas=5)
    assert_mean(standard**2, 1.0, sigmas=5)
    assert_mean(n * drawn.mean.T**2, 1.0, sigmas=5)


@pytest.mark.parametrize(("n", "p"), [(3, 2), (100, 3), (10**9, 3), (MANY, 3)])
def test_drawn_least_squares_have_their_law_at_any_number_of_rows(n: int, p: int) -> None:
    """The residual is noise^2 chi2(n - p), and each coefficient is off by noise / sqrt(n - p - 1)."""
    r, noise = 4000, 1e-3
    w = np.broadcast_to(np.linspace(-1, 1, p), (r, p))
    drawn = draw_gram(w, np.full(1, noise), n, stream(8))
    share = (drawn.residual / noise) ** 2 / (n - p)
    assert_mean(share, 1.0)
    assert_mean((share - 1) ** 2 * (n - p) / 2, 1.0)
    if n > p + 3:
        off = (drawn.offset / noise).T ** 2 * (n - p - 1)
        assert_mean(off, 1.0)
        assert np.allclose(drawn.coefficients, w + drawn.offset)


def test_sums_of_very_different_sizes() -> None:
    """10^15 rows and three: against 60 digits."""
    rng, d = stream(9), 2
    big, small = rng.standard_normal((2, 1, d, d)), rng.standard_normal((1, 3, d))
    left = Moments(float(MANY), np.full((1, d), 1e6), np.tril(big[0][None])[0] * 1e7)
    right = moments(small)
    for total in (left + right, right + left):
        with mpmath.workdps(60):
            n, gap = mpmath.mpf(MANY) + 3, mpmath.matrix(right.mean[0]) - mpmath.matrix(left.mean[0])
            mean = mpmath.matrix(left.mean[0]) + gap * 3 / n
            one, two = (mpmath.matrix(m.root[0].tolist()) for m in (left, right))
            scatter = one * one.T + two * two.T + gap * gap.T * 3 * MANY / n
        assert np.allclose(total.mean[0], np.array(mean.tolist(), dtype=float).ravel(), rtol=1e-15)
        exact = np.array(scatter.tolist(), dtype=float)
        assert np.allclose(total.root[0] @ total.root[0].T, exact, rtol=1e-13)
        assert total.n == MANY + 3


def test_counts_of_many_generations_do_not_overflow() -> None:
    model = CategoricalModel(np.full((2, 4), 0.25))
    kind, rng = Counts(4), stream(10)
    pool = Samples.of(
        [Chunk(MANY, t, 0, known={kind: model.draw_statistic(kind, MANY, rng)}) for t in range(10**4)]
    )
    assert np.allclose(pool.total(kind).sum(axis=1), 1e19)
    with pytest.raises(FitError, match="cannot be subsampled exactly"):
        pool.subsample(5, rng)


# -- far into collapse, and far beyond -------------------------------------------------------------


def gaussians(
    temperature: float, generations: int, agents: int = 1, rows: Any = "auto", **more: Any
) -> Experiment:
    n = more.pop("n", 20)
    agent = Agent(generators.Gaussian(temperature=temperature), regimes.Replace(), n=n // agents)
    settings: dict[str, Any] = {"replicates": 32, "tile": 32, "metrics": (metrics.LogDetRatio(),), **more}
    return Experiment(
        real=real.Gaussian(dim=more.pop("d", settings.pop("d", 3))),
        agents=(agent,) * agents
        if agents == 1
        else tuple(dataclasses.replace(agent, name=f"{i}") for i in range(agents)),
        n_real=n,
        generations=generations,
        rows=rows,
        **settings,
    )


def assert_log_det(found: Array, n: int, d: int, temperature: float) -> None:
    """Mean and spread at a few generations: 8 comparisons of 32 values at 4.5 standard errors."""
    t = np.unique(np.geomspace(1, len(found), 4).astype(int))
    mean, sd = (np.asarray(v) for v in law.replace_log_det(n, d, t))
    standard = (found[t - 1] - (mean + d * t * np.log(temperature))[:, None]) / sd[:, None]
    assert_mean(standard, 0.0)
    assert (np.abs(standard) < 6).all()


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
@pytest.mark.parametrize(("rows", "last"), [("auto", 10_000), ("always", 600)])
def test_log_determinant_beyond_the_range_of_floats(temperature: float, rows: Any, last: int) -> None:
    if rows == "always" and temperature > 1:
        last = 290  # then rows themselves exceed floats
    exp = gaussians(
        temperature,
        last,
        rows=rows,
        metrics=(metrics.LogDetRatio(), metrics.TraceRatio(), metrics.MeanError()),
    )
    found = {name: value[:, 0] for name, value in measure(exp).items()}
    assert_log_det(found["LogDetRatio"], 20, 3, temperature)
    assert not any(np.isnan(value).any() for value in found.values())
    if rows == "auto" and temperature != 1:
        assert (found["TraceRatio"][-1] == (0.0 if temperature < 1 else np.inf)).all()


def test_log_determinant_where_one_direction_outlives_another() -> None:
    """At d = 15, n = 20 the last diagonal element leaves floats 10^300 before the first."""
    exp = gaussians(1.0, 3000, n=20, d=15)
    assert_log_det(measure(exp)["LogDetRatio"][:, 0], 20, 15, 1.0)


@pytest.mark.parametrize("rows", ["auto", "always"])
def test_agents_on_one_pool_keep_what_lies_between_their_means(rows: Any) -> None:
    """Far into collapse the means of both are one float; their union is still one sample of 20 rows."""
    exp = gaussians(1.0, 2000 if rows == "auto" else 1000, agents=2, rows=rows, d=2, tile=32)
    found = measure(exp)["LogDetRatio"]
    assert_log_det(found[:, 0], 20, 2, 1.0)
    assert np.array_equal(found[:, 0], found[:, 1])


def test_rows_beyond_the_range_of_floats_are_an_error() -> None:
    said = r"variance of a Gaussian has outgrown the range of floats.*lower its temperature"
    with pytest.raises(FitError, match=said):
        measure(gaussians(10.0, 400, rows="always"))
    with pytest.raises(FitError, match=said):
        measure(gaussians(10.0, 400, metrics=(metrics.HoldoutNLL(),)))


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_roots_of_numbers_whose_squares_leave_floats(size: float) -> None:
    x = stream(11).standard_normal((2, 3, 8))
    with np.errstate(over="ignore", invalid="ignore"):
        found = triangular_root(size * x) / size
    assert np.allclose(found @ found.mT, x @ x.mT)


@pytest.mark.parametrize("rows", ["auto", "always"])
@pytest.mark.parametrize(("design", "agents"), [("same", 1), ("fresh", 1), ("fresh", 2)])
def test_estimated_noise_follows_its_law_far_into_collapse(design: Any, rows: Any, agents: int) -> None:
    """Its square is multiplied by chi2(n - p)/(n - p) a generation: e^-32 for the noise at 300, e^-64 at 600.

    Two agents of 8 rows each pool 16 rows for 10 coefficients, more than each of them could tell alone.
    """
    n, p = 15 if agents == 1 else 16, 10
    exp = Experiment(
        real=real.LinearModel(dim=p),
        agents=tuple(
            Agent(generators.LinearRegression(design=design), regimes.Replace(), n=n // agents, name=f"{i}")
            for i in range(agents)
        ),
        n_real=n,
        generations=600,
        replicates=128,
        tile=128,
        metrics=(metrics.TestError(),),
        rows=rows,
    )
    looks = (1, 300, 600)
    found = observe(exp, lambda o: 2 * np.log(o.model.noise) if o.t in looks else np.zeros(128))[
        [t - 1 for t in looks], 0
    ]
    half, t = (n - p) / 2, np.array(looks)
    with mpmath.workdps(30):
        drift = float(mpmath.digamma(half) - mpmath.log(half))
    assert_mean(found, t * drift)
    assert_mean((found - (t * drift)[:, None]) ** 2, t * float(polygamma(1, half)))


def test_sums_of_fits_to_equal_and_to_other_inputs() -> None:
    """Against one fit to all rows, weighted; far apart and in noise of 1e-12."""
    rng = stream(12)
    x, other = rng.standard_normal((2, 3, 20, 4))
    for apart, noise in itertools.product((0.0, 1e-9, 1.0), (1e-12, 1.0)):
        w = rng.standard_normal((3, 4))
        for second in (x, other):
            y = np.matvec(x, w) + noise * rng.standard_normal((3, 20))
            z = np.matvec(second, w + apart) + noise * rng.standard_normal((3, 20))
            one, two = (Gram(-1)(np.concatenate([a, b[..., None]], axis=2)) for a, b in ((x, y), (second, z)))
            if second is x:
                two = dataclasses.replace(two, inputs=one.inputs)  # labelled again
            total = one + two * 0.5
            design = np.concatenate([x, 0.5**0.5 * second], axis=1)
            target = np.concatenate([y, 0.5**0.5 * z], axis=1)
            for r in range(3):
                expected = np.linalg.lstsq(design[r], target[r])[0]
                assert np.allclose(total.coefficients[r], expected, atol=1e-13)
                left = np.linalg.norm(target[r] - design[r] @ expected)
                assert total.residual[r] == pytest.approx(left, rel=1e-3, abs=1e-14)


@pytest.mark.parametrize("regime", [regimes.Replace(), regimes.Accumulate()])
@pytest.mark.parametrize("generator", [generators.Gaussian(), generators.LinearRegression()])
@pytest.mark.parametrize("through", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_state_that_was_put_away_goes_on_alike(generator: Any, regime: Any, through: Any) -> None:
    exp = Experiment(
        real=real.LinearModel(dim=2),
        agents=Agent(generator, regime),
        n_real=10,
        generations=6,
        tile=4,
        metrics=(
            metrics.LogDetRatio() if isinstance(generator, generators.Gaussian) else metrics.TestError(),
        ),
    )
    assert exp.statistic is not None
    states = [state for state, _ in generations(exp)]
    ends = [
        [o.measure() for _, seen in generations(exp, s) for o in seen][-1]
        for s in (states[2], through(states[2]))
    ]
    assert all(np.array_equal(ends[0][name], ends[1][name]) for name in ends[0])


# -- rows of its own for each replicate ------------------------------------------------------------


def fitted() -> dict[str, tuple[Any, Array]]:
    """Models in three replicates, and rows for each to judge."""
    rng = stream(13)
    x, symbols = rng.standard_normal((3, 30, 2)), rng.integers(4, size=(3, 30))
    own, own_symbols = rng.standard_normal((3, 7, 2)), rng.integers(4, size=(3, 7))
    train = samples(x)
    chunk = Chunk(30, 0, REAL, symbols, schema=4)
    image = samples(x.reshape(3, 15, 2, 2))
    return {
        "Gaussian": (generators.Gaussian().fit(train, rng), own),
        "Gaussian images": (generators.Gaussian().fit(image, rng), rng.standard_normal((3, 7, 2, 2))),
        "KDE": (generators.KDE(0.5).fit(train, rng), own),
        "KDE images": (generators.KDE(0.5).fit(image, rng), rng.standard_normal((3, 7, 2, 2))),
        "KDE scott": (generators.KDE("scott").fit(samples(x, weights=(rng.random((3, 30)),)), rng), own),
        "Categorical": (generators.Categorical().fit(Samples.of([chunk]), rng), own_symbols),
        "Wrapped": (generators.Wrapped(make=Normal).fit(train, rng), own),
    }


class Normal:
    """A user's density of independent normal coordinates."""

    def __init__(self, seed: int) -> None:
        self.rng = stream(seed)

    def fit(self, rows: Array) -> None:
        self.mean = rows.mean(axis=0)

    def sample(self, n: int) -> Array:
        return self.mean + self.rng.standard_normal((n, len(self.mean)))

    def log_prob(self, rows: Array) -> Array:
        assert rows.ndim == 2
        return np.asarray(stats.norm.logpdf(rows, self.mean).sum(axis=1))


@pytest.mark.parametrize("name", [*fitted()])
def test_densities_of_rows_for_each_replicate(name: str) -> None:
    model, own = fitted()[name]
    found = model.log_prob(own)
    assert found.shape == (3, 7)
    for r in range(3):
        assert np.allclose(found[r], model.log_prob(own[r])[r], rtol=1e-13)
    shared = np.broadcast_to(own[0], own.shape)
    assert np.array_equal(model.log_prob(shared), model.log_prob(own[0]))


@pytest.mark.parametrize("target", [-1, 0])
def test_predictions_for_rows_of_each_replicate(target: int) -> None:
    rng = stream(14)
    model = LinearModel(rng.standard_normal((3, 3)), np.ones(1), Gram(target, intercept=True), None)
    own = rng.standard_normal((3, 7, 3))
    for r in range(3):
        assert np.allclose(model.predict(own)[r], model.predict(own[r])[r], rtol=1e-14)
    assert np.allclose(model.predict(np.broadcast_to(own[0], own.shape)), model.predict(own[0]), rtol=1e-14)


# -- threads ---------------------------------------------------------------------------------------


def order(exp: Any, tile: int) -> dict[str, Any]:
    """What a worker is told."""
    part = Part("0" * 16, tile, exp.generations, exp.tile_size)
    return {"part": part.name, "key": 0, "about": None, "limit": None}


def test_work_is_done_on_one_blas_thread_whoever_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An executor of threads: the one that is done first must not lift the limit of the other."""
    counts: list[int] = []
    first, second = threading.Event(), threading.Event()

    def look(exp: Any, part: Part, *_: Any) -> Any:
        if part.tile == 0:
            assert second.wait(20)  # both are inside
        else:
            second.set()
            assert first.wait(20)  # the other has left
        counts.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        raise FitError("seen")

    monkeypatch.setattr(working, "measured", look)
    exp = gaussians(1.0, 2)
    store = Store.open(tmp_path)
    with threadpool_limits(2), ThreadPoolExecutor(2) as pool:
        if all(p["num_threads"] == 1 for p in threadpool_info() if p["user_api"] == "blas"):
            pytest.skip("this BLAS has one thread")
        done = [pool.submit(working.work_on, exp, order(exp, tile), str(store.folder)) for tile in (0, 1)]
        assert done[0].result(30) == {"error": "seen"}
        first.set()
        assert done[1].result(30) == {"error": "seen"}
        after = [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"]
    assert counts and {*counts} == {1}
    assert max(after) == 2  # and then it is lifted


def test_bits_do_not_depend_on_the_threads_that_blas_would_take(tmp_path: Path) -> None:
    """At d = 300 two threads would add in another order."""
    exp = gaussians(1.0, 1, n=400, d=300, rows="always", tile=2, replicates=2)
    parts = []
    for threads in (1, 2):
        with threadpool_limits(threads), ThreadPoolExecutor(1) as pool:
            store = Store.open(tmp_path / str(threads))
            assert "seconds" in pool.submit(working.work_on, exp, order(exp, 0), str(store.folder)).result(60)
            parts.append([p.path(store.folder).read_bytes() for p in Store.read(store.folder).parts()])
    assert parts[0] == parts[1] and parts[0]
