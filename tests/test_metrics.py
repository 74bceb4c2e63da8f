"""What is looked at, against SciPy and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, cityblock

from genloss import Agent, Experiment, component, curators, generators, metrics, real, regimes, verifiers
from genloss.generators.categorical import CategoricalModel
from genloss.generators.gaussian import GaussianModel
from genloss.loop import generations
from genloss.metrics.distance import wasserstein2_squared
from genloss.metrics.learners import classified
from genloss.observation import Observation
from genloss.samples import Array, Chunk, Samples
from genloss.statistics import Moments
from genloss.streams import Address, Streams
from genloss.traits import SCHEMA
from laws import assert_mean, measure, stream


def experiment(source: Any, generator: Any, *looks: Any, **more: Any) -> Experiment:
    settings = {"n_real": 20, "generations": 2, "replicates": 3, "tile": 3, **more}
    return Experiment(real=source, agents=Agent(generator, regimes.Replace()), metrics=looks, **settings)


def seen(exp: Experiment, model: Any, rows: Array | None = None, train: Samples | None = None) -> Observation:
    chunk = Chunk(1 if rows is None else rows.shape[1], 1, 0, rows)
    origin = Chunk(1, 0, -1, np.zeros((3, 1, 1)), schema=SCHEMA.of(exp.real))
    train = train or Samples.of([origin])
    return Observation(1, 0, train, model, chunk, exp, Streams(Address(0), 1, 0), exp.held_out)


class Rows:
    """A model of which nothing is known."""


# -- moments ---------------------------------------------------------------------------------------


def test_spread_of_a_models_law() -> None:
    rng = stream(0)
    root = np.tril(rng.standard_normal((3, 4, 4)))
    mean = rng.standard_normal((3, 4))
    exp = experiment(real.Gaussian(dim=4), generators.Gaussian(), metrics.TraceRatio())
    o = seen(exp, GaussianModel(Moments(1.0, mean, root), 1.0, (4,)))
    covariance = root @ root.mT
    assert np.allclose(metrics.TraceRatio()(o), np.trace(covariance, axis1=1, axis2=2) / 4)
    assert np.allclose(metrics.LogDetRatio()(o), np.linalg.slogdet(covariance)[1])
    assert np.allclose(metrics.MeanError()(o), (mean**2).sum(axis=1))
    expected = [
        -stats.multivariate_normal(m, c).logpdf(exp.held_out).mean()
        for m, c in zip(mean, covariance, strict=True)
    ]
    assert np.allclose(metrics.HoldoutNLL()(o), expected)


def test_spread_of_published_rows() -> None:
    rows = stream(1).standard_normal((3, 50, 2)) * [1.0, 3.0] + 1
    exp = experiment(real.Moons(), generators.KDE(), metrics.TraceRatio(of="published"))
    o = seen(exp, Rows(), rows)
    real_covariance = np.cov(exp.held_out.T, ddof=0)
    found = np.array([np.cov(x.T, ddof=0) for x in rows])
    assert np.allclose(
        metrics.TraceRatio(of="published")(o), np.trace(found, axis1=1, axis2=2) / np.trace(real_covariance)
    )
    ratio = np.linalg.slogdet(found)[1] - np.linalg.slogdet(real_covariance)[1]
    assert np.allclose(metrics.LogDetRatio(of="published")(o), ratio)
    gap = rows.mean(axis=1) - exp.held_out.mean(axis=0)
    assert np.allclose(metrics.MeanError(of="published")(o), (gap**2).sum(axis=1))


def test_spread_of_a_ring_and_a_linear_model_is_relative_to_their_laws() -> None:
    for source in (real.Ring(), real.LinearModel(dim=3, noise=0.5)):
        exp = experiment(
            source, generators.Gaussian(), metrics.TraceRatio(), metrics.LogDetRatio(), n_real=20_000
        )
        found = measure(exp)
        assert np.allclose(found["TraceRatio"], 1, atol=0.05)
        assert np.allclose(found["LogDetRatio"], 0, atol=0.2)


# -- symbols ---------------------------------------------------------------------------------------


@given(st.integers(1, 12), st.integers(0, 200), st.floats(0, 3))
def test_metrics_of_symbols(k: int, seed: int, exponent: float) -> None:
    p = stream(seed).dirichlet(np.full(k, 0.5), size=3)
    p[0] = np.eye(k)[0]
    exp = experiment(real.Zipf(symbols=k, exponent=exponent), generators.Categorical(), metrics.Diversity())
    o = seen(exp, CategoricalModel(p))
    p0 = exp.real.probabilities  # type: ignore[attr-defined]
    assert np.allclose(metrics.Diversity()(o), 1 - (p**2).sum(axis=1))
    assert np.array_equal(metrics.SupportSize()(o), (p > 0).sum(axis=1))
    assert np.allclose(metrics.TotalVariation()(o), [cityblock(q, p0) / 2 for q in p])
    with np.errstate(divide="ignore"):
        assert np.allclose(metrics.HoldoutNLL()(o), [-np.log(q[exp.held_out]).mean() for q in p])


def test_symbols_of_published_rows() -> None:
    exp = experiment(real.Zipf(symbols=3), generators.Categorical(), metrics.Diversity())
    rows = np.array([[0, 0, 1, 2], [0, 0, 0, 0], [2, 2, 1, 1]])
    o = seen(exp, Rows(), rows)
    assert metrics.Diversity(of="published")(o).tolist() == [1 - 6 / 16, 0.0, 0.5]
    assert metrics.SupportSize(of="published")(o).tolist() == [3, 1, 2]


def test_the_tail_of_symbols_is_the_rarest() -> None:
    exp = experiment(real.Zipf(symbols=1000), generators.Categorical(), metrics.TailMass())
    p0 = exp.real.probabilities  # type: ignore[attr-defined]
    tail = metrics.TailMass(quantile=0.9, of="model")
    kept = tail(seen(exp, CategoricalModel(p0[None] + np.zeros((3, 1)))))[0]
    assert 0.099 < kept <= 0.1
    cut = np.where(np.arange(1000) < 100, p0, 0)
    assert tail(seen(exp, CategoricalModel(np.tile(cut / cut.sum(), (3, 1)))))[0] == 0


# -- distances -------------------------------------------------------------------------------------


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 300))
def test_w2_in_one_dimension_is_the_best_assignment(n: int, m: int, seed: int) -> None:
    rng = stream(seed)
    x, y = rng.standard_normal((2, n)), rng.standard_normal(m)
    for r in range(2):
        many_x, many_y = np.repeat(x[r], m), np.repeat(y, n)  # as many of each
        cost = cdist(many_x[:, None], many_y[:, None], "sqeuclidean")
        expected = cost[linear_sum_assignment(cost)].mean()
        assert wasserstein2_squared(x, y)[r] == pytest.approx(expected, abs=1e-12)


def test_w2_is_at_least_scipys_w1() -> None:
    rng = stream(2)
    x, y = rng.standard_normal((4, 300)), 0.3 + 1.2 * rng.standard_normal(200)
    w1 = np.array([stats.wasserstein_distance(row, y) for row in x])
    w2 = np.sqrt(wasserstein2_squared(x, y))
    assert (w2 >= w1).all() and (w2 < 1.5 * w1).all()
    # where one is the other shifted, both are the shift
    assert np.allclose(wasserstein2_squared(y[None] + 3, y), 9)


def test_sliced_wasserstein() -> None:
    """In one dimension W2 itself; a shift by v in d dimensions is |v|/sqrt(d) on average."""
    line = experiment(real.Gaussian(dim=1), generators.KDE(), metrics.SlicedWasserstein())
    rows = stream(3).standard_normal((3, 40, 1)) + 2
    expected = np.sqrt(wasserstein2_squared(rows[..., 0], line.held_out[:, 0]))
    assert np.allclose(metrics.SlicedWasserstein()(seen(line, Rows(), rows)), expected)
    space = experiment(real.Gaussian(dim=6), generators.KDE(), metrics.SlicedWasserstein())
    shifted = np.broadcast_to(space.held_out + np.array([3.0, 0, 0, 4.0, 0, 0]), (3, *space.held_out.shape))
    found = metrics.SlicedWasserstein(projections=2000)(seen(space, Rows(), shifted))
    assert found == pytest.approx(5 / np.sqrt(6), rel=0.05)
    same = np.broadcast_to(space.held_out, (3, *space.held_out.shape))
    assert np.allclose(metrics.SlicedWasserstein()(seen(space, Rows(), same)), 0)


def test_tail_of_vectors_is_where_few_real_rows_are() -> None:
    for source in (real.Gaussian(dim=3), real.Moons(), real.LinearModel(dim=2)):
        exp = experiment(source, generators.KDE(), metrics.TailMass())
        fresh = source.draw(40, 500, stream(4))
        model = Rows()
        found = np.array(
            [metrics.TailMass()(seen(exp, model, rows[None] + np.zeros((3, 1, 1))))[0] for rows in fresh]
        )
        # the holdout's quantile is itself known to 1 %
        assert found.mean() == pytest.approx(0.05, abs=0.03)
        point = np.broadcast_to(exp.reference[0], (3, 10, len(exp.reference[0])))
        assert (metrics.TailMass()(seen(exp, model, point)) == 0).all()
        assert (metrics.TailMass()(seen(exp, model, point + 100)) == 1).all()


# -- prediction ------------------------------------------------------------------------------------


@component
class Table:
    """Publishes its training rows."""

    def fit(self, train: Samples, rng: Any, init: Any = None) -> Any:
        return Copy(train.rows)


class Copy:
    def __init__(self, rows: Array) -> None:
        self.rows = rows

    def sample(self, n: int, rng: Any) -> Array:
        return self.rows[:, :n]


@pytest.mark.parametrize("path", ["breast_cancer", "iris", "diabetes"])
def test_error_of_what_is_learnt_from_published_rows(path: str) -> None:
    from sklearn.linear_model import LogisticRegression, Ridge

    source = real.Table(path=path)
    exp = experiment(source, Table(), metrics.TestError(of="published"), n_real=60)
    found = measure(exp)["TestError(of='published')"][0, 0]
    _, (first,) = next(iter(generations(exp)))
    target = source.target_index
    assert target is not None
    for r in range(3):
        x, y = source.features(first.rows[r], leave_out=target), first.rows[r][:, target]
        held = source.holdout()
        x_test, y_test = source.features(held, leave_out=target), held[:, target]
        if path == "diabetes":
            expected = ((Ridge().fit(x, y).predict(x_test) - y_test) ** 2).mean()
        else:
            expected = (LogisticRegression(max_iter=1000).fit(x, y).predict(x_test) != y_test).mean()
        assert found[r] == pytest.approx(expected)
    assert found.max() < (0.15 if path != "diabetes" else 8000)


def test_a_generation_of_one_label_predicts_it() -> None:
    x = stream(5).standard_normal((30, 2))
    gone = np.full(30, np.nan)
    some = np.where(np.arange(30) < 20, 1.0, np.nan)  # rows without a label teach nothing
    p = classified(np.stack([x] * 3), np.stack([np.ones(30), gone, some]), x[:5], 2)
    assert (p[[0, 2]] == [0, 1]).all() and np.isnan(p[1]).all()


def test_a_model_that_predicts_is_asked_itself() -> None:
    source = real.Table(path="diabetes")
    exp = experiment(source, generators.LinearRegression(intercept=True), metrics.TestError(), n_real=200)
    found = measure(exp)["TestError"][0, 0]
    from sklearn.linear_model import LinearRegression

    _, (first,) = next(iter(generations(exp)))
    t, rows, held = source.target_index, first.train.rows[0], source.holdout()
    assert t is not None
    sk = LinearRegression().fit(np.delete(rows, t, 1), rows[:, t])
    assert found[0] == pytest.approx(((sk.predict(np.delete(held, t, 1)) - held[:, t]) ** 2).mean())


def test_error_against_a_known_line_is_exact() -> None:
    source = real.LinearModel(dim=3, noise=2.0)
    exp = experiment(source, generators.LinearRegression(), metrics.TestError())
    for _, (o,) in generations(exp):
        w = o.model.coefficients
        assert np.allclose(metrics.TestError()(o), ((w - source.coefficients) ** 2).sum(axis=1))
        x = stream(6).standard_normal((20_000, 4))
        x[:, 3] = x[:, :3] @ source.coefficients
        squared = (o.model.predict(x) - x[:, 3]) ** 2
        assert_mean(squared, metrics.TestError()(o))


# -- provenance and names --------------------------------------------------------------------------


@pytest.mark.parametrize("rows", ["auto", "always"])
def test_share_of_real_rows_in_a_subsample(rows: Any) -> None:
    agent = Agent(generators.Categorical(), regimes.AccumulateSubsample())
    exp = Experiment(
        real=real.Zipf(symbols=3),
        agents=agent,
        n_real=12,
        generations=5,
        replicates=512,
        rows=rows,
        metrics=(metrics.RealShare(),),
        tile=64,
    )
    found = measure(exp)["RealShare"][:, 0]
    assert_mean(found, 1 / np.arange(1, 6))
    assert np.allclose(found * 12, np.round(found * 12))


def test_metrics_of_one_class_are_told_apart_by_their_fields() -> None:
    looks = (
        metrics.SlicedWasserstein(projections=5),
        metrics.SlicedWasserstein(projections=6),
        metrics.TraceRatio(),
    )
    exp = experiment(real.Moons(), generators.KDE(), *looks)
    assert list(exp.metric_names) == [
        "SlicedWasserstein(projections=5)",
        "SlicedWasserstein(projections=6)",
        "TraceRatio",
    ]


def test_metrics_say_whether_they_need_rows() -> None:
    def statistic(generator: Any, source: Any, *looks: Any) -> Any:
        return experiment(source, generator, *looks).statistic

    gaussian = generators.Gaussian(), real.Gaussian()
    for name in ("TraceRatio", "LogDetRatio", "MeanError", "HoldoutNLL", "RealShare"):
        assert statistic(*gaussian, getattr(metrics, name)()) is not None, name
    for name in ("SlicedWasserstein", "TailMass"):
        assert statistic(*gaussian, getattr(metrics, name)()) is None, name
    symbols = generators.Categorical(), real.Zipf()
    for name in ("Diversity", "SupportSize", "TotalVariation", "HoldoutNLL"):
        assert statistic(*symbols, getattr(metrics, name)()) is not None, name
    for name in ("TraceRatio", "LogDetRatio", "MeanError"):
        assert statistic(*gaussian, getattr(metrics, name)(of="published")) is None, name
    for name in ("Diversity", "SupportSize", "TotalVariation"):
        assert statistic(*symbols, getattr(metrics, name)(of="published")) is None, name
    assert statistic(*symbols, metrics.TailMass()) is None
    assert statistic(*symbols, metrics.TailMass(of="model")) is not None
    assert statistic(generators.LinearRegression(), real.LinearModel(), metrics.TestError()) is not None


@pytest.mark.parametrize(
    ("source", "generator", "metric", "message"),
    [
        (real.Moons(), generators.KDE(), metrics.Diversity(), "metrics.0: Diversity does not apply to Moons"),
        (real.Zipf(), generators.Categorical(), metrics.TraceRatio(), "TraceRatio does not apply to Zipf"),
        (real.Moons(), generators.KDE(), metrics.TestError(), "TestError needs a target, which Moons lacks"),
        (real.Table(path="iris"), generators.Copula(), metrics.HoldoutNLL(), "HoldoutNLL needs log_prob"),
        (
            real.Table(path="iris"),
            generators.Copula(),
            metrics.TraceRatio(),
            r"TraceRatio needs moments, which the model of Copula lacks; "
            r'use \{kind = "TraceRatio", of = "published"\}',
        ),
        (
            real.Table(path="iris"),
            generators.Gaussian(),
            metrics.TraceRatio(),
            "Gaussian cannot be fitted to Table",
        ),
        (real.Zipf(), generators.KDE(), metrics.Diversity(), "KDE cannot be fitted to Zipf"),
        (
            real.Moons(),
            generators.LinearRegression(),
            metrics.TraceRatio(),
            "LinearRegression needs a target",
        ),
    ],
)
def test_an_unfit_pair_is_named_before_anything_runs(
    source: Any, generator: Any, metric: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        experiment(source, generator, metric)


@component
class Wrong:
    def __call__(self, o: Observation) -> Array:
        return np.zeros(7)


def test_a_metric_of_the_wrong_shape_is_named() -> None:
    from genloss import GenlossError, run

    exp = experiment(real.Moons(), generators.KDE(), Wrong())
    with pytest.raises(
        GenlossError, match=r"generation 0: metric Wrong returned shape \(7,\); return one value a replicate"
    ):
        run(exp, workers=0)


def test_metrics_look_at_what_was_published_after_curation() -> None:
    agent = Agent(generators.KDE(), regimes.Replace(), curators.Accept(verifiers.Inside(high=0.0)))
    exp = Experiment(
        real=real.Gaussian(dim=1),
        agents=agent,
        n_real=50,
        generations=1,
        replicates=2,
        tile=2,
        metrics=(metrics.SlicedWasserstein(),),
    )
    _, (o,) = next(iter(generations(exp)))
    assert (o.rows <= 0).all() and o.features.max() <= 0
