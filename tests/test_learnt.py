"""What is learnt from published rows, against closed forms and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, log_loss, r2_score, roc_auc_score

from genloss import Agent, Experiment, component, generators, metrics, real
from genloss.errors import FitError, SpecError
from genloss.loop import start, step
from genloss.meaning import Reference
from genloss.metrics import logistic
from genloss.metrics.learners import classified
from genloss.samples import Array
from genloss.study.spec import build
from laws import assert_mean, measure, stream
from mixed import Fresh, Two, fresh, looked


class Above(BaseEstimator):
    """Answers by whether x is above 1, and knows the classes' true probabilities."""

    def fit(self, x: Array, y: Array) -> Any:
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, x: Array) -> Array:
        return (x[:, 0] > 1).astype(int)

    def predict_proba(self, x: Array) -> Array:
        p = expit(1.5 * x[:, 0] - 1.5**2 / 2)
        return np.stack([1 - p, p], axis=1)


# -- logistic and ridge regression -------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 4), st.integers(1, 5), st.integers(8, 60), st.floats(0, 20), st.integers(0, 99))
def test_logistic_regression_is_scikit_learns(k: int, d: int, n: int, slope: float, seed: int) -> None:
    """To 1e-6 in every coefficient, of easy, hard and separable rows; some of them without a label."""
    rng = stream(seed)
    x = rng.standard_normal((3, n, d)) * rng.gamma(1.0, size=d) + rng.standard_normal(d)
    y = np.argmax(slope * x[..., :1] * np.arange(k) + rng.gumbel(size=(3, n, k)), axis=2).astype(float)
    y[:, :k] = np.arange(k)
    y[1, k : n // 2] = np.nan
    found = logistic.logistic(x, y, k)
    for r in range(3):
        known = ~np.isnan(y[r])
        sk = LogisticRegression(tol=1e-13, solver="newton-cholesky").fit(x[r][known], y[r][known])
        assert np.allclose(found[r, :-1].T, sk.coef_, atol=1e-6, rtol=1e-6)
        p = logistic.chances(found[r : r + 1], x[0])[0]
        assert np.allclose(p, sk.predict_proba(x[0]), atol=1e-6)
    assert np.array_equal(found[:1], logistic.logistic(x[:1], y[:1], k))


def test_a_replicate_of_rows_beyond_doubt_leaves_the_others_alone() -> None:
    """Steps are halved where they overshoot; rows of 10^8 have a fit too, and nobody else's changes."""
    rng = stream(0)
    x = rng.standard_normal((3, 40, 2))
    y = (x[..., 0] + rng.standard_normal((3, 40)) > 0).astype(float)
    x[1] *= 1e8
    found = logistic.logistic(x, y, 2)
    assert np.isfinite(found).all()
    assert np.array_equal(found[[0, 2]], logistic.logistic(x[[0, 2]], y[[0, 2]], 2))


def test_ridge_regression_is_scikit_learns() -> None:
    rng = stream(1)
    x = rng.standard_normal((3, 30, 4)) + 5
    y = x @ rng.standard_normal(4) + rng.standard_normal((3, 30))
    y[1, 10:] = np.nan
    found = logistic.predicted(logistic.ridge(x, y), x[0])
    for r in range(3):
        known = ~np.isnan(y[r])
        assert np.allclose(found[r], Ridge().fit(x[r][known], y[r][known]).predict(x[0]))
    assert np.isnan(logistic.ridge(x, np.full((3, 30), np.nan))).all()


def test_wide_rows_are_learnt_from_too() -> None:
    """Beyond what Newton's method is used for, the fit is the same."""
    rng = stream(2)
    x = rng.standard_normal((2, 60, 150))
    y = (x[..., 0] > 0).astype(float)
    near = logistic.chances(logistic.logistic(x, y, 2), x[0])
    assert np.allclose(classified(x, y, x[0], 2), near, atol=1e-3)


# -- what is learnt ----------------------------------------------------------------------------------


def test_errors_of_a_known_rule_are_the_laws() -> None:
    """Of x > 1: 1 - Phi(1) of class a are wrong, Phi(1 - shift) of class b; by class, and by share."""
    source = Two(share=0.2)
    looks = (metrics.BalancedError(learner=Above), metrics.TestError(of="published", learner=Above))
    by_class, of_all = (v[0, 0] for v in measure(fresh(source, *looks)).values())
    a, b = stats.norm.sf(1.0), stats.norm.cdf(1.0 - 1.5)
    assert_mean(by_class, (a + b) / 2)
    assert_mean(of_all, 0.8 * a + 0.2 * b)


def test_ranking_of_two_gaussians_is_the_law() -> None:
    """1 - AUC = Phi(-shift / sqrt 2), of whatever ranks by x, as the logistic regression does."""
    for source in (Two(), Two(shift=0.8, share=0.1)):
        found = measure(fresh(source, metrics.RankingLoss(), n_real=300))["RankingLoss"]
        assert_mean(found[0, 0], stats.norm.cdf(-source.shift / np.sqrt(2)))


def test_log_loss_of_the_true_probabilities_is_the_entropy_of_the_class_given_x() -> None:
    found = measure(fresh(Two(), metrics.LogLoss(learner=Above)))["LogLoss"]
    x = np.linspace(-9, 11, 20_001)
    p = expit(1.5 * x - 1.5**2 / 2)
    density = (stats.norm.pdf(x) + stats.norm.pdf(x - 1.5)) / 2
    entropy = np.trapezoid(stats.entropy([p, 1 - p]) * density, x)
    assert_mean(found[0, 0], entropy)


@pytest.mark.parametrize("path", ["iris", "wine", "breast_cancer"])
def test_answers_are_scored_as_scikit_learn_scores_them(path: str) -> None:
    source = real.Table(path=path)
    looks = (metrics.BalancedError(), metrics.RankingLoss(), metrics.LogLoss())
    exp = Experiment(
        real=source, agents=Agent(generators.Copula()), metrics=looks, n_real=60, generations=1, tile=3
    )
    _, (seen,) = step(start(exp), exp)
    target = source.target_index
    assert target is not None
    held = source.holdout()
    test, y = source.features(held, leave_out=target), held[:, target]
    x = source.features(seen.rows, leave_out=target)
    p = classified(x, seen.rows[..., target], test, int(y.max()) + 1)
    for r in range(3):
        q = p[r, :, 1] if p.shape[2] == 2 else p[r]
        assert looks[0](seen)[r] == pytest.approx(1 - balanced_accuracy_score(y, p[r].argmax(axis=1)))
        assert looks[1](seen)[r] == pytest.approx(1 - roc_auc_score(y, q, multi_class="ovr"))
        assert looks[2](seen)[r] == pytest.approx(log_loss(y, p[r]))


def test_share_of_variance_is_scikit_learns() -> None:
    source = real.Table(path="diabetes")
    look = metrics.R2()
    exp = Experiment(
        real=source, agents=Agent(generators.Copula()), metrics=(look,), n_real=90, generations=1, tile=2
    )
    _, (seen,) = step(start(exp), exp)
    t, held = source.target_index, source.holdout()
    assert t is not None
    for r in range(2):
        sk = Ridge().fit(source.features(seen.rows[r], leave_out=t), seen.rows[r][:, t])
        expected = r2_score(held[:, t], sk.predict(source.features(held, leave_out=t)))
        assert look(seen)[r] == pytest.approx(expected)
    assert exp.meanings["R2"].reference == Reference(0.0, "always the mean", "always answering the mean")


def test_a_class_that_died_out() -> None:
    """One answer for all: wrong in one class of two, ranks nothing, and holds what happens for impossible."""
    rng = stream(3)
    gone = np.stack([rng.standard_normal(50), np.zeros(50)], axis=1)
    unknown = np.stack([rng.standard_normal(50), np.full(50, np.nan)], axis=1)
    some = Two(share=0.03, held=1000)
    wrong = some.holdout()[:, 1].mean()
    assert 0 < wrong < 0.06
    for look, value in (
        (metrics.BalancedError(), 0.5),
        (metrics.RankingLoss(), 0.5),
        (metrics.LogLoss(), np.inf),
        (metrics.TestError(of="published"), wrong),
    ):
        found = looked(some, look, gone, unknown)
        assert found[0] == pytest.approx(value) and np.isnan(found[1]), look


def test_one_of_three_classes_died_out() -> None:
    rng = stream(4)
    source = real.Table(path="iris")
    two = source.draw(1, 100, rng)[0]
    two = two[two[:, 4] != 1]
    assert looked(source, metrics.BalancedError(), two, n_real=50)[0] >= 1 / 3
    assert np.isinf(looked(source, metrics.LogLoss(), two, n_real=50)[0])
    # the ranking is the mean of one that knows nothing, 1/2, and two others
    assert looked(source, metrics.RankingLoss(), two, n_real=50)[0] >= 1 / 6


def test_held_out_rows_of_one_class() -> None:
    """Nothing to rank, and nothing that a constant answer would get wrong."""
    source = Two(share=0.0)
    rows = Two(share=0.5).draw(2, 80, stream(5))
    assert np.isnan(looked(source, metrics.RankingLoss(), *rows)).all()
    found = looked(source, metrics.BalancedError(), *rows)
    assert (found > 0).all()
    exp = fresh(source, metrics.BalancedError(), holdout="shared")
    assert exp.meanings["BalancedError"].reference is not None
    assert exp.meanings["BalancedError"].reference.value == 0


def test_references_are_of_the_held_out_rows() -> None:
    source = Two(share=0.1, held=1000)
    share = source.holdout()[:, 1].mean()
    looks = (metrics.TestError(of="published"), metrics.BalancedError(), metrics.LogLoss())
    said = fresh(source, *looks, holdout="shared").meanings.values()
    entropy = float(stats.entropy([share, 1 - share]))
    values = [m.reference.value for m in said if m.reference is not None]
    assert values == pytest.approx([share, 0.5, entropy])
    # held-out rows of each replicate's own have shares of their own
    assert fresh(source, *looks).meanings["BalancedError"].reference is None
    held = real.LinearModel(dim=2).holdout()[:, 2]
    exp = fresh(real.LinearModel(dim=2), metrics.TestError(of="published"), holdout="shared")
    (m,) = exp.meanings.values()
    assert m.reference is not None and m.reference.value == pytest.approx(held.var())


# -- learners ----------------------------------------------------------------------------------------


class Fails(BaseEstimator):
    def fit(self, x: Array, y: Array) -> Any:
        raise ValueError("too few\nrows")


class Odd(Above):
    def predict(self, x: Array) -> Array:
        return np.zeros(3)


class Silent(BaseEstimator):
    def fit(self, x: Array, y: Array) -> Any:
        return self

    def predict(self, x: Array) -> Array:
        return np.zeros(len(x))


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        (Fails, "learner Fails: fit raised ValueError: too few rows"),
        (Odd, r"learner Odd: predict gave shape \(3,\); \(300,\) finite numbers are wanted"),
        (dict, "learner dict: get_params raised AttributeError"),
        ("sklearn.svm:nothing", "'sklearn.svm:nothing': sklearn.svm has no 'nothing'"),
        ("sklearn.metrics:r2_score", "learner sklearn.metrics:r2_score: calling it raised TypeError"),
    ],
)
def test_a_learner_that_fails_says_so_in_a_line(learner: Any, said: str) -> None:
    rows = Two().draw(1, 60, stream(6))
    with pytest.raises((FitError, SpecError), match=said) as caught:
        looked(Two(), metrics.BalancedError(learner=learner), *rows)
    assert "\n" not in str(caught.value)


def test_probabilities_are_asked_for_only_where_they_are_needed() -> None:
    rows = Two().draw(1, 60, stream(6))
    assert looked(Two(), metrics.BalancedError(learner=Silent), *rows)[0] == 0.5
    with pytest.raises(FitError, match="learner Silent: classes_ raised AttributeError"):
        looked(Two(), metrics.LogLoss(learner=Silent), *rows)


def test_a_learner_that_is_none_is_refused_before_anything_runs() -> None:
    with pytest.raises(SpecError, match=r"there is no such learner; write logistic, .*, or module:name"):
        metrics.BalancedError(learner="logstic")
    with pytest.raises(
        SpecError, match='learner: nothing learns from the model itself; add of = "published"'
    ):
        metrics.TestError(learner="boosting")


def test_a_learner_of_ones_own_is_code_that_wants_trust() -> None:
    spec = {"real": "Moons", "agents": [{"generator": "KDE"}]}
    look = {"kind": "Detectability", "learner": "sklearn.naive_bayes:GaussianNB"}
    with pytest.raises(SpecError, match=r"metrics.0.learner: .*would run code of yours"):
        build({**spec, "metrics": [look]})
    assert build({**spec, "metrics": [look]}, trust=True).metrics[0].learner == look["learner"]
    assert build({**spec, "metrics": [{**look, "learner": "boosting"}]}).metrics[0].learner == "boosting"


def test_what_a_learner_draws_is_its_own_whoever_asks_first() -> None:
    """A forest of other trees would answer otherwise."""
    forest = "sklearn.tree:ExtraTreeClassifier"
    alone = (metrics.RankingLoss(learner=forest),)
    beside = (metrics.BalancedError(learner=forest), metrics.Detectability(), *alone)
    one, other = (measure(fresh(Two(), *looks, replicates=10))["RankingLoss"] for looks in (alone, beside))
    assert np.array_equal(one, other) and len({*one[0, 0]}) > 1


def test_two_learners_are_two() -> None:
    looks = (metrics.BalancedError(learner=Above), metrics.BalancedError(learner=Silent))
    found = measure(fresh(Two(), *looks, replicates=100))
    assert list(found) == ["BalancedError(learner=Above)", "BalancedError(learner=Silent)"]
    above, silent = found.values()
    assert (silent == 0.5).all() and (above < 0.45).all()


def test_boosting_learns_what_a_line_cannot() -> None:
    x = stream(7).standard_normal((2, 400, 2))
    x[..., 1] = np.abs(x[..., 0]) > 0.7

    @component
    class Middle(Two):
        def holdout(self) -> Array:
            return x[0]

    assert looked(Middle(), metrics.BalancedError(), x[1])[0] > 0.25
    assert looked(Middle(), metrics.BalancedError(learner="boosting"), x[1])[0] < 0.05


@pytest.mark.parametrize(
    ("source", "look", "said"),
    [
        (
            real.Table("diabetes"),
            metrics.BalancedError(),
            "the target is a number, which has no classes; use R2",
        ),
        (real.LinearModel(), metrics.LogLoss(), "the target is a number, which has no classes; use R2"),
        (real.Table("iris"), metrics.R2(), "the target is a class, which has no variance; use BalancedError"),
        (real.Table("iris"), metrics.RareMass(column="x"), "the column 'x' is not there; there are target"),
        (
            real.Table("iris"),
            metrics.RareMass(column="petal length (cm)"),
            "the column 'petal length (cm)' is not one of categories; there are target",
        ),
        (
            real.Table("iris"),
            metrics.CategoryShare(column="target", category="rose"),
            "no real row has 'rose' in the column 'target'; these have setosa, versicolor, virginica",
        ),
        (
            real.Table("iris"),
            metrics.CategoryShare("x", "y"),
            "the column 'x' is not there; there are target",
        ),
        (real.Gaussian(dim=1), metrics.PairDistance(), "one column has no pairs; use ColumnDistance"),
        (real.Moons(), metrics.R2(), "R2 needs a target, which Moons lacks"),
        (real.Moons(), metrics.RareMass(), "RareMass does not apply to Moons"),
    ],
)
def test_metrics_that_do_not_fit_say_what_does(source: Any, look: Any, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        Experiment(real=source, agents=Agent(Fresh(source)), metrics=(look,))
    assert said in str(caught.value)
