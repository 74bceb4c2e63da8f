"""Which rows help or hurt, and taking rows out: against learning again, laws and published numbers."""

import json
import math
import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error

from genloss.cli.commands import genloss
from genloss.errors import DataError, FitError, SpecError
from genloss.statistics import Counts, Gram, moments
from genloss.streams import fixed
from genloss.value.attribution import (
    BayesLinear,
    BayesLogistic,
    attribute,
    datamodels,
    divergence,
    evidence_upper_bound,
    influence,
    subtract,
)


def scaled(load):
    x, y = load(return_X_y=True)
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def halves(load, seed):
    """Inputs and targets of two halves."""
    x, y = scaled(load)
    order = fixed(f"halves {seed}").permutation(len(y))
    a, b = order[::2], order[1::2]
    return x[a], y[a], (x[b], y[b])


def planted(n, seed):
    """Rows of a logistic law; a good source has it too, and a bad one has it upside down."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4))
    z = x @ [1.5, -1.0, 0.5, 0.0]
    source = rng.choice(["real", "good", "bad"], n, p=[0.5, 0.25, 0.25])
    y = rng.random(n) < 1 / (1 + np.exp(-np.where(source == "bad", -z, z)))
    return pd.DataFrame(x, columns=list("abcd")).assign(source=source, ill=np.where(y, "yes", "no"))


# -- influence ---------------------------------------------------------------------------------------


def test_influence_on_ridge_is_what_scikit_learn_loses_without_the_group():
    x, y, tests = halves(load_diabetes, 0)
    groups = np.arange(len(y)) % 7
    found = influence(x, y, groups, "ridge", tests=tests, penalty=3.0)

    def loss(rows):
        return mean_squared_error(tests[1], Ridge(alpha=3.0).fit(x[rows], y[rows]).predict(tests[0]))

    whole = loss(groups >= 0)
    assert found.loss == pytest.approx(whole, rel=1e-9)
    for effect in found.effects:
        assert effect.change.value == pytest.approx(loss(groups != effect.group) - whole, abs=1e-8)


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
@pytest.mark.parametrize("output", ["loss", "margin"])
def test_influence_of_first_order_is_the_slope_of_learning_again(load, output):
    x, y, tests = halves(load, 1)
    groups, step = np.arange(len(y)) % 5, 1e-3
    found = influence(x, y, groups, order=1, tests=tests, penalty=5.0, output=output)

    def asked(g, weight):
        one = LogisticRegression(C=0.2, solver="newton-cholesky", tol=1e-12)
        p = one.fit(x, y, np.where(groups == g, weight, 1.0)).predict_proba(tests[0])
        own = np.take_along_axis(p, tests[1][:, None], axis=1)[:, 0]
        return -np.log(own) if output == "loss" else np.log1p(-own) - np.log(own)

    for g, change in enumerate(found.changes):
        slope = (asked(g, 1 - step) - asked(g, 1 + step)) / (2 * step)
        np.testing.assert_allclose(change, slope, atol=1e-3 * np.abs(slope).max())


def test_one_step_without_the_groups_curvature_is_nearer_to_the_truth_than_the_slope():
    x, y, tests = halves(load_breast_cancer, 2)
    groups = np.arange(len(y)) % 4

    def loss(rows):
        one = LogisticRegression(tol=1e-8, max_iter=1000).fit(x[rows], y[rows])
        return log_loss(tests[1], one.predict_proba(tests[0]))

    truth = {g: loss(groups != g) - loss(groups >= 0) for g in range(4)}
    off = []
    for order in (1, 2):
        found = influence(x, y, groups, order=order, tests=tests)
        off.append(np.mean([abs(e.change.value - truth[e.group]) for e in found.effects]))
        check = found.check(4)
        assert dict(zip(check.groups, check.retrained, strict=True)) == pytest.approx(truth, abs=2e-5)
    assert off[1] < 0.75 * off[0]


def test_held_out_rows_never_teach_and_rows_that_do_not_judge_always_do():
    frame = planted(90, 0)
    x, judges = frame[list("abcd")].to_numpy(), (frame["source"] == "real").to_numpy()
    found = influence(x, frame["ill"], frame["source"], judges=judges, folds=5)
    # a fold's tests are told from what it learns by their inputs
    for tests, taught in zip(found.dealt.tests, found.dealt.x, strict=True):
        rows = {row.tobytes() for row in taught}
        assert not rows & {row.tobytes() for row in tests}
        assert all(np.append(row, 1.0).tobytes() in rows for row in x[~judges])
    assert found.dealt.tests.shape[:2] == (5, judges.sum() // 5)


def test_a_bad_source_hurts_and_a_good_one_helps_where_real_rows_judge():
    words = []
    for seed in range(10):
        frame = planted(400, seed)
        found = influence(
            frame[list("abcd")], frame["ill"], frame["source"], judges=frame["source"] == "real"
        )
        words.append({e.group: e.word for e in found.effects})
        assert [e.group for e in found.effects] == ["real", "good", "bad"]
    assert all(w["bad"] == "hurts" and w["real"] == "helps" for w in words)
    assert not any(w["good"] == "hurts" for w in words)


def test_intervals_hold_at_once_for_rows_like_those_that_judge():
    """Given what is learnt from; 300 draws of 150 rows, of which 95 % must be covered in every group."""
    rng = fixed("intervals")
    w = np.array([1.5, -1.0, 0.5, 0.0])

    def drawn(n):
        x = rng.standard_normal((n, 4))
        return x, x @ w + rng.standard_normal(n)

    x, y = drawn(60)
    groups = np.arange(60) // 15
    y[groups == 3] *= -1
    change = influence(x, y, groups, "ridge", tests=drawn(200_000)).changes.mean(axis=1)
    covered = 0
    for _ in range(300):
        found = influence(x, y, groups, "ridge", tests=drawn(150))
        covered += all(e.change.low <= change[e.group] <= e.change.high for e in found.effects)
    assert stats.binomtest(covered, 300, 0.95, "less").pvalue > 0.001


# -- datamodels --------------------------------------------------------------------------------------


def test_datamodels_of_half_of_breast_cancer_score_what_is_published():
    """100 rows, margins: .80, .93 and .95 after 100, 300 and 1000 trainings, influence .906 (within .04)."""
    x, y = scaled(load_breast_cancer)
    scores = []
    for seed in range(3):
        order = fixed(f"datamodels {seed}").permutation(len(y))
        a, b = order[:100], order[100:]
        asked = {"tests": (x[b], y[b]), "output": "margin", "seed": seed}
        models = [datamodels(x[a], y[a], np.arange(100), trainings=m, **asked) for m in (100, 300, 1000)]
        near = influence(x[a], y[a], np.arange(100), order=1, **asked)
        scores.append([m.score(100) for m in models] + [near.score(100, seed=seed)])
    few, some, many, near = np.mean(scores, axis=0)
    assert few < near < some < many
    np.testing.assert_allclose([few, some, many, near], [0.80, 0.93, 0.95, 0.906], atol=0.04)


def test_a_datamodel_is_least_squares_over_all_subsets():
    """Of few rows most groups help: not the differences between groups alone are told."""
    x, y, tests = halves(load_diabetes, 3)
    x, y = x[:60], y[:60]
    groups = np.arange(60) % 6
    found = datamodels(x, y, groups, "ridge", trainings=400, tests=tests)
    there = np.array(
        [[g in some for g in range(6)] for k in range(1, 6) for some in combinations(range(6), k)]
    )
    loss = []
    for some in there:
        rows = some[groups]
        loss.append(mean_squared_error(tests[1], Ridge().fit(x[rows], y[rows]).predict(tests[0])))
    design = there - there.mean(axis=0)
    slopes = np.linalg.lstsq(design, loss - np.mean(loss), rcond=None)[0]
    mean = found.changes.mean(axis=1)
    assert (np.abs(mean + slopes) < 4 * found.noise).all()
    assert (slopes < 0).all() and found.noise.max() < 0.3 * np.abs(slopes).mean()


def test_a_split_that_lacks_a_group_learns_nothing_of_it():
    x, y = scaled(load_diabetes)
    found = datamodels(x[:40], y[:40], np.arange(40), "ridge", trainings=60, folds=4)
    for split, change in enumerate(np.split(found.changes, 4, axis=1)):
        there = np.isin(np.arange(40), found.dealt.of[split])
        assert (change[~there] == 0).all() and (change[there] != 0).any(axis=1).all()


# -- unlearning --------------------------------------------------------------------------------------


@pytest.mark.parametrize("spread", [1.0, 1e-6])
def test_statistics_less_a_part_are_those_of_the_rest(spread):
    rows = 5 + spread * fixed("rows").standard_normal((3, 60, 4))
    left, again = subtract(moments(rows), moments(rows[:, :20])), moments(rows[:, 20:])
    assert left.n == again.n == 40
    np.testing.assert_allclose(left.mean, again.mean, rtol=1e-13)
    np.testing.assert_allclose(left.root @ left.root.mT, again.root @ again.root.mT, rtol=1e-7)
    np.testing.assert_allclose(left.log_det, again.log_det, rtol=1e-7)
    fit = Gram(-1, intercept=True)
    gone, kept = subtract(fit(rows), fit(rows[:, :20])), fit(rows[:, 20:])
    np.testing.assert_allclose(gone.coefficients, kept.coefficients, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(gone.residual, kept.residual, rtol=1e-9)


def test_counts_less_a_part_are_those_of_the_rest():
    rows = fixed("symbols").integers(4, size=(2, 30))
    count = Counts(4)
    np.testing.assert_array_equal(subtract(count(rows), count(rows[:, :9])), count(rows[:, 9:]))


@pytest.mark.parametrize("statistic", [moments, Gram(-1), Counts(9)])
def test_rows_that_were_never_learnt_cannot_be_taken_off(statistic):
    rng = fixed("never")
    some, others = rng.standard_normal((2, 1, 30, 3)) * [[[[1]]], [[[50]]]]
    if isinstance(statistic, Counts):
        some, others = np.zeros((1, 9), int), np.ones((1, 3), int)
    with pytest.raises(FitError, match="take off"):
        subtract(statistic(some), statistic(others[:, : len(some[0]) - 5]))


def regression(n, seed):
    rng = fixed(f"regression {seed}")
    x = rng.standard_normal((n, 3))
    return x, x @ [1.0, -2.0, 0.5] + 0.7 * rng.standard_normal(n)


def test_bayesian_linear_regression_forgets_exactly():
    x, y = regression(50, 0)
    prior = BayesLinear.prior(3, spread=2.0, noise=0.7)
    gone, again = prior.learn(x, y).forget(x[30:], y[30:]), prior.learn(x[:30], y[:30])
    np.testing.assert_allclose(gone.mean, again.mean, rtol=1e-12)
    np.testing.assert_allclose(gone.covariance, again.covariance, rtol=1e-12)
    with pytest.raises(FitError, match="not positive"):
        prior.learn(x[:3], y[:3]).forget(10 * x, y)


def test_the_evidence_upper_bound_is_the_same_from_both_sides():
    """E_q log p(D_e | w) + KL(q || p(w | D)) = log p(D_e | D_r) + KL(q || p(w | D_r)), for any q."""
    x, y = regression(30, 1)
    prior = BayesLinear.prior(3, spread=2.0, noise=0.7)
    whole, rest = prior.learn(x, y), prior.learn(x[8:], y[8:])

    def law(of):
        return BayesLogistic(of.mean, of.precision)  # a Gaussian law: its divergence is asked for

    for q in (prior, rest, whole, prior.learn(x[:15], y[:15])):
        one = q.fits(x[:8], y[:8]) + divergence(law(q), law(whole))
        other = -rest.surprise(x[:8], y[:8]) + divergence(law(q), law(rest))
        assert one == pytest.approx(other, rel=1e-10)
    np.testing.assert_allclose(whole.surprise(x[:0], y[:0]), 0)


def classified(n, seed):
    rng = fixed(f"classified {seed}")
    x = rng.standard_normal((n, 3))
    return x, (rng.random(n) < 1 / (1 + np.exp(-x @ [1.5, -1.0, 0.5]))).astype(int)


@pytest.mark.parametrize("gone", [1, 5, 20])
def test_logistic_regression_forgets_nearly_what_learning_again_does(gone):
    far, near = [], []
    for seed in range(5):
        x, y = classified(200, seed)
        prior = BayesLogistic.prior(3, spread=3.0)
        whole, again = prior.learn(x, y), prior.learn(x[gone:], y[gone:])
        left = whole.forget(x[:gone], y[:gone])
        far.append(divergence(whole, again))
        near.append(divergence(left, again))
    assert np.mean(near) < 0.1 * np.mean(far)


def test_what_is_left_has_the_least_upper_bound():
    x, y = classified(100, 0)
    whole = BayesLogistic.prior(3).learn(x, y)
    left = whole.forget(x[:10], y[:10])
    least = evidence_upper_bound(left, whole, x[:10], y[:10])
    rng = fixed("beside")
    for size in (1e-3, 1e-2, 0.1):
        moved = replace(left, mean=left.mean + size * rng.standard_normal(3))
        turned = replace(left, precision=left.precision * np.exp(size * rng.standard_normal()))
        for q in (moved, turned, whole):
            assert evidence_upper_bound(q, whole, x[:10], y[:10]) > least


def test_learning_finds_the_gaussian_law_of_the_largest_lower_bound():
    """One coefficient: against the bound on a grid of means and spreads, by integrals."""
    x, y = np.array([[-1.0], [0.5], [2.0], [1.0]]), np.array([0, 1, 1, 0])
    found = BayesLogistic.prior(1, spread=2.0).learn(x, y)
    w = np.linspace(-12, 12, 4001)
    joint = stats.norm.logpdf(w, scale=2.0) + ((y[:, None] * x * w) - np.logaddexp(0, x * w)).sum(axis=0)

    def bound(mean, spread):
        q = stats.norm(mean, spread)
        return np.trapezoid(q.pdf(w) * (joint - q.logpdf(w)), w)

    mean, spread = found.mean[0], found.precision[0, 0] ** -0.5
    best = bound(mean, spread)
    for step in (0.02, 0.2):
        assert best > max(bound(mean + step, spread), bound(mean - step, spread))
        assert best > max(bound(mean, spread + step), bound(mean, spread - step))


def test_rows_that_take_more_away_than_was_learnt_cannot_be_forgotten():
    x, y = classified(20, 0)
    with pytest.raises(FitError, match="without the 200 rows; take fewer at a time"):
        BayesLogistic.prior(3).learn(x, y).forget(np.repeat(x, 10, axis=0), np.repeat(y, 10))


# -- tables and the command --------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    planted(600, 1).assign(generation=np.arange(600) % 12).to_csv("rows.csv", index=False)
    return tmp_path


def called(*words):
    return CliRunner().invoke(genloss, ["attribute", *words])


def test_the_command_says_who_helps_and_who_hurts(desk):
    result = called("rows.csv", "--target", "ill", "--by", "source", "--on", "real", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert {g["group"]: g["verdict"] for g in said["groups"]} == {
        "real": "helps",
        "good": "helps",
        "bad": "hurts",
    }
    assert said["measure"] == "log loss" and said["learner"] == "logistic" and said["correlation"] > 0.9
    assert sum(g["rows"] for g in said["groups"]) == 600
    for g in said["groups"]:
        assert g["low"] < g["change"] < g["high"] and g["retrained"]
    text = called("rows.csv", "--target", "ill", "--by", "source", "--on", "real").stdout
    assert text.splitlines()[0] == "By 'source': real and good help; bad hurts."
    assert "Learnt again without each group" in text


def test_groups_beyond_those_learnt_again_are_foretold_and_marked(desk):
    words = ("rows.csv", "--target", "ill", "--by", "generation", "--retrain", "3")
    said = json.loads(called(*words, "--json").stdout)
    assert sum(g["retrained"] for g in said["groups"]) == 3 and len(said["groups"]) == 12
    assert all(g["change"] == g["foretold"] for g in said["groups"] if not g["retrained"])
    text = called(*words).stdout
    assert text.count(" *\n") == 9 and "* was not learnt again" in text
    assert "none was checked by learning again" in called(*words[:-1], "0").stdout


def test_classes_are_groups_that_lose_half_their_weight():
    found = attribute("wine", None, "target", retrain=3)
    assert found.found.share == 0.5 and {e.rows for e in found.effects} == {59, 71, 48}
    assert "given 50 % of its weight" in str(found)
    assert found.again.correlation > 0.9


def test_the_column_of_groups_predicts_nothing():
    frame = planted(300, 2)
    frame["copy"] = frame["ill"]  # would tell all
    alone = attribute(frame.drop(columns="copy"), "ill", "source").found.loss
    assert attribute(frame, "ill", "copy", share=0.5).found.loss > 0.3
    assert attribute(frame, "ill", "source").found.loss < 0.5 * alone


def test_missing_labels_are_a_group_of_their_own():
    frame = planted(200, 3)
    frame.loc[:19, "source"] = None
    assert {e.group: e.rows for e in attribute(frame, "ill", "source").effects}["(missing)"] == 20


def test_a_class_of_one_row_is_called_what_the_table_calls_it():
    frame = planted(100, 4)
    frame.loc[0, "ill"] = "perhaps"
    with pytest.raises(DataError, match="class 'perhaps' has one row"):
        attribute(frame, "ill", "source")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "ill", "--by", "sorce"), "no column 'sorce'.*did you mean 'source'"),
        (("--target", "ill", "--by", "a"), "by: column 'a' holds 600 numbers, which tell no groups"),
        (("--by", "source"), "target: name the column"),
        (("--target", "ill", "--by", "source", "--on", "rel"), "no label 'rel'; did you mean 'real'"),
        (("--target", "ill", "--by", "ill", "--share", "1"), "all rows of a class.*give share below 1"),
        (("--target", "a", "--by", "source", "--learner", "logistic"), "has numbers: use ridge"),
        (("--target", "ill", "--by", "source", "--learner", "ridge"), "has 2 classes: use logistic"),
    ],
)
def test_bad_input_is_one_line(desk, words, said):
    result = called("rows.csv", *words)
    assert result.exit_code == 2 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert re.search(said, result.stderr), result.stderr


X, Y, G = np.arange(20.0)[:, None], np.arange(20) % 2, np.arange(20) // 5


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"groups": np.zeros(20)}, "groups: all rows are of 0.0"),
        ({"groups": G[:7]}, r"groups: has shape \(7,\)"),
        ({"y": np.zeros(20)}, "y: all rows are of class 0.0"),
        ({"y": np.linspace(0, 1, 20)}, "numbers rather than classes; use learner ridge"),
        ({"y": np.arange(20) == 3}, "class True has one row"),
        ({"x": X * np.nan}, "x: holds NaN"),
        ({"groups": np.where(G == 0, np.nan, G)}, "groups: holds NaN"),
        ({"groups": [None] * 5 + ["a"] * 15}, "groups: labels are of several types"),
        ({"x": [["a"]] * 20}, "x: holds other things than numbers"),
        ({"x": np.arange(20.0)}, r"x: has shape \(20,\); give \(n, d\)"),
        ({"learner": "forest"}, "learner: 'forest' is none of logistic, ridge"),
        ({"learner": "ridge", "output": "margin"}, "output: 'margin'"),
        ({"penalty": 0}, "penalty: give a number above 0"),
        ({"folds": 21}, "folds: from 2 to the 20 rows that judge"),
        ({"judges": np.arange(20)}, "judges: give True or False"),
        ({"tests": (X[:, :0], Y)}, "tests: has shape"),
        ({"tests": (X, Y + 5)}, "tests: a target is of a class that no row of y has"),
        ({"share": 0.0}, "share: above 0"),
        ({"order": 3}, "order: 1 or 2"),
        ({"groups": Y}, "all rows of a class"),
        ({"groups": np.repeat([0, 1], [19, 1]), "learner": "ridge", "folds": 20}, "all rows that are learnt"),
    ],
)
def test_bad_arrays_are_named(asked, said):
    with pytest.raises((DataError, SpecError), match=said):
        influence(**{"x": X, "y": Y, "groups": G, **asked})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"trainings": 3}, "trainings: at least 10"),
        ({"share": 1.0}, "share: above 0, and below 1"),
        ({"groups": Y}, "a class has no rows"),
    ],
)
def test_bad_datamodels_are_named(asked, said):
    with pytest.raises(SpecError, match=said):
        datamodels(**{"x": X, "y": Y, "groups": G, **asked})


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"subsets": 2}, "subsets: at least 3"), ({"share": 0.01}, "share: subsets would have 0 of 4 groups")],
)
def test_bad_scores_are_named(asked, said):
    with pytest.raises(SpecError, match=said):
        influence(X, Y, G).score(**asked)


def test_a_check_of_two_groups_has_no_correlation():
    check = influence(X, Y, G < 2, order=1).check(2)
    assert math.isnan(check.correlation) and len(check.groups) == 2
