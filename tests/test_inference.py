"""Prediction-powered intervals: known answers, an oracle, and coverage of simulated tasks.

Coverage is compared at 4 binomial standard errors of the tasks simulated: a false alarm in 16,000.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from scipy.special import expit
from scipy.stats import norm
from scipy.stats import t as student
from sklearn.linear_model import LinearRegression, LogisticRegression

from genloss.errors import DataError
from genloss.samples import Array
from genloss.streams import Rng
from genloss.value.inference import Answer, Inferred, logistic, mean, ols, quantile
from genloss.value.inference.regression import LINKS, alone
from laws import stream

TASKS = 1000
Z = norm.ppf(0.95)


def normal_rows(rng: Rng, n: int, more: int, bias: float = 0.3) -> tuple[Array, Array, Array]:
    """Standard normal labels, predictions of correlation .9 that are too high, and more of these."""
    label = rng.standard_normal(n + more)
    prediction = 0.9 * label + np.sqrt(1 - 0.9**2) * rng.standard_normal(n + more) + bias
    return label[:n], prediction[:n], prediction[n:]


def tried(tasks: int, ask: Callable[[], Inferred], truth: float) -> Array:
    """(3, 2) share of tasks whose interval holds the truth, and mean width: believed, classical, naive."""
    found = []
    for _ in range(tasks):
        answer = ask().answers[0]
        assert answer.classical is not None
        some = (answer.value, answer.classical, answer.naive)
        found.append([[i.low <= truth <= i.high, i.high - i.low] for i in some])
    return np.array(found, dtype=float).mean(axis=0)


def error(level: float, tasks: int = TASKS) -> float:
    return float(np.sqrt(level * (1 - level) / tasks))


# -- known answers ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("weight", "covers", "width"), [(1.0, 0.895, 0.150), (None, 0.883, 0.148)])
def test_the_known_coverage_and_width(weight: float | None, covers: float, width: float) -> None:
    """n = 100, N = 10,000, correlation .9, bias .3, level .9; the known shares are of 1,000 tasks or more."""
    rng = stream(31)
    found = tried(
        TASKS, lambda: mean(*normal_rows(rng, 100, 10_000), level=0.9, weight=weight, ends="normal"), 0.0
    )
    known = [(covers, width), (0.894, 0.327), (0.0, 0.033)]
    for (share, wide), (known_share, known_width) in zip(found, known, strict=True):
        # both shares are simulated; known widths have three digits, and a mean width is 1 % off at the most
        assert abs(share - known_share) <= 4 * np.sqrt(2) * error(known_share)
        assert abs(wide - known_width) < 0.0005 + 0.01 * known_width


def test_the_weight_is_the_known_one() -> None:
    """Cov / ((1 + n/N) Var): .9 of unit variances, over 1 + n/N; its error is that of a regression slope."""
    rng = stream(1)
    y, f, u = normal_rows(rng, 10_000, 5_000)
    assert abs(mean(y, f, u).answers[0].weight - 0.9 / 3) < 4 * 0.02


# -- coverage --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("n", "tasks"), [(8, 4 * TASKS), (20, TASKS), (100, TASKS)])
@pytest.mark.parametrize("weight", [None, 1.0])
def test_means_cover(n: int, tasks: int, weight: float | None) -> None:
    rng = stream(n)
    found = tried(tasks, lambda: mean(*normal_rows(rng, n, 1000), level=0.9, weight=weight), 0.0)
    assert np.abs(found[:2, 0] - 0.9).max() < 4 * error(0.9, tasks)
    assert found[0, 1] < 0.6 * found[1, 1]


@pytest.mark.slow
def test_shares_cover() -> None:
    """A label that is 1 in three cases of ten, and a model that is wrong in one of five."""
    rng = stream(2)

    def task() -> Inferred:
        label = rng.random(1200) < 0.3
        prediction = np.where(rng.random(1200) < 0.8, label, ~label)
        return mean(label[:200], prediction[:200], prediction[200:], level=0.9)

    found = tried(TASKS, task, 0.3)
    assert abs(found[0, 0] - 0.9) < 4 * error(0.9) and found[2, 0] < 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("q", "n"), [(0.5, 30), (0.5, 300), (0.9, 100), (0.9, 300)])
@pytest.mark.parametrize("weight", [None, 1.0])
def test_quantiles_cover(q: float, n: int, weight: float | None) -> None:
    """At least; by how much more depends on how coarse shares of n rows are."""
    rng = stream(3)
    found = tried(
        TASKS, lambda: quantile(*normal_rows(rng, n, 1000), q, level=0.9, weight=weight), norm.ppf(q)
    )
    assert (found[:2, 0] > 0.9 - 4 * error(0.9)).all() and (found[:2, 0] < 0.96).all()


def regression_rows(rng: Rng, n: int, more: int, binary: bool) -> tuple[Any, ...]:
    """Labels on two inputs, with noise that grows with the first, and predictions that are biased."""
    x = rng.standard_normal((n + more, 2))
    if binary:
        p = expit(0.5 + x[:, 0] - 0.5 * x[:, 1])
        label = (rng.random(n + more) < p) * 1.0
        prediction = np.where(rng.random(n + more) < 0.85, label, p > 0.3)
    else:
        noise = rng.standard_normal(n + more) * (0.5 + np.abs(x[:, 0]))
        label = 0.5 + x[:, 0] - 0.5 * x[:, 1] + noise
        prediction = label + 0.3 + 0.3 * x[:, 1] + 0.4 * rng.standard_normal(n + more)
    return label[:n], prediction[:n], prediction[n:], x[:n], x[n:]


@pytest.mark.slow
@pytest.mark.parametrize("ask", [ols, logistic])
@pytest.mark.parametrize("weight", [None, 1.0])
def test_coefficients_cover(ask: Callable[..., Inferred], weight: float | None) -> None:
    """A sandwich of 200 rows is a little short: a point and a half is allowed for."""
    rng, truth, held = stream(4), (0.5, 1.0, -0.5), np.zeros((TASKS, 3, 2))
    for task in range(TASKS):
        found = ask(*regression_rows(rng, 200, 1000, ask is logistic), level=0.9, weight=weight)
        for j, (answer, true) in enumerate(zip(found.answers, truth, strict=True)):
            assert answer.classical is not None
            held[task, j] = [i.low <= true <= i.high for i in (answer.value, answer.classical)]
    assert np.abs(held.mean(axis=0) - 0.9).max() < 4 * error(0.9) + 0.015


# -- an oracle -------------------------------------------------------------------------------------


def fixed_rows() -> tuple[Array, ...]:
    """Rows without chance. Inputs are repeated, so that ways to weigh the curvature are one and the same."""
    i, j = np.arange(60), np.arange(300)
    x = np.stack([np.ones(60), np.sin(i * 1.7), np.cos(i * 2.3)], axis=1)
    z = np.tile(x, (5, 1))
    y = 1 + 0.8 * x[:, 1] - 0.5 * x[:, 2] + np.sin(i * i * 0.37)
    f = y + 0.4 * np.sin(i * 3.1) + 0.3
    u = 1 + 0.8 * z[:, 1] - 0.5 * z[:, 2] + np.sin(j * j * 0.41) + 0.4 * np.sin(j * 2.9) + 0.3
    return x, z, y, f, u


# Estimates and ends at level .9 by ppi-python 0.2.3, of fixed_rows(); grids of quantiles have 5,000 values.
ORACLE: dict[tuple[str, float | None], list[Any]] = {
    ("mean", None): [1.044928, 0.940698, 1.149157],
    ("mean", 1): [1.00801, 0.886001, 1.130019],
    ("mean", 0.5): [1.054353, 0.942489, 1.166218],
    ("quantile", 0.5): [0.870161, 0.588521, 1.016031],
    ("quantile", 0.9): [2.395796, 2.22681, 2.891492],
    ("ols", 1): [
        [1.009117, 0.861511, -0.58383],
        [0.909591, 0.68877, -0.757262],
        [1.108644, 1.034252, -0.410398],
    ],
    ("ols", 0.5): [
        [1.055466, 0.824151, -0.474071],
        [0.971173, 0.699825, -0.59253],
        [1.139759, 0.948478, -0.355612],
    ],
    ("logistic", 1): [
        [-0.065362, 2.139362, -1.318852],
        [-0.627542, 1.127708, -2.275201],
        [0.496819, 3.151016, -0.362503],
    ],
    ("logistic", 0.5): [
        [-0.012957, 1.967702, -1.105082],
        [-0.533357, 1.1882, -1.889067],
        [0.507444, 2.747203, -0.321097],
    ],
}


def ours(what: str, at: float | None) -> Array:
    """(3,) or (3, d) estimates and ends; `at` is λ, of quantiles the quantile."""
    x, z, y, f, u = fixed_rows()
    how: dict[str, Any] = {"level": 0.9, "ends": "normal"}
    if what == "mean":
        found = mean(y, f, u, weight=at, **how)
    elif what == "quantile":
        assert at is not None
        found = quantile(y, f, u, at, weight=1, **how)
    elif what == "ols":
        found = ols(y, f, u, x, z, intercept=False, weight=at, **how)
    else:
        found = logistic(y > 1, expit(f - 1), expit(u - 1), x, z, intercept=False, weight=at, **how)
    values = np.array([a.value for a in found.answers]).T
    return values if values.shape[1] > 1 else values[:, 0]


def agree(what: str, mine: Array, theirs: Array) -> None:
    """Estimates alike; ends as far as grids, and divisors of n and N where theirs are one less, let them."""
    if what == "quantile":
        np.testing.assert_allclose(mine, theirs, atol=2e-3)
        return
    np.testing.assert_allclose(mine[0], theirs[0], atol=2e-5)
    shorter = (mine[2] - mine[1]) / (theirs[2] - theirs[1])
    least = 1 if what == "mean" else np.sqrt(59 / 60)
    assert np.all(shorter > least - 1e-4) and np.all(shorter < 1 + 1e-4)


@pytest.mark.parametrize("key", ORACLE, ids=str)
def test_what_ppi_python_said(key: tuple[str, float | None]) -> None:
    agree(key[0], ours(*key), np.array(ORACLE[key]))


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("key", ORACLE, ids=str)
def test_what_ppi_python_says(key: tuple[str, float | None]) -> None:
    ppi = pytest.importorskip("ppi_py")
    x, z, y, f, u = fixed_rows()
    what, at = key
    given: list[Any] = [y, f, u]
    more: dict[str, Any] = {} if what == "quantile" else {"lam": at}
    if what == "quantile":
        given.append(at)
    elif what == "ols":
        given = [x, y, f, z, u]
    elif what == "logistic":
        given = [x, 1.0 * (y > 1), expit(f - 1), z, expit(u - 1)]
    point = getattr(ppi, f"ppi_{what}_pointestimate")(*given, **more)
    ends = getattr(ppi, f"ppi_{what}_ci")(*given, alpha=0.1, **more)
    theirs = np.array([np.ravel(v) for v in (point, *ends)])
    agree(what, ours(*key), theirs if theirs.shape[1] > 1 else theirs[:, 0])


def test_the_classical_interval_is_students() -> None:
    y, f, u = normal_rows(stream(15), 8, 100)
    found = mean(y, f, u, weight=0.0).answers[0]
    known = student.interval(0.95, 7, y.mean(), y.std(ddof=1) / np.sqrt(8))
    assert found.classical is not None
    assert found.classical[1:] == pytest.approx(known) and found.value == pytest.approx(found.classical)


def test_coefficients_are_finite_where_labels_are_not_separated() -> None:
    """As linear programming tells, of inputs with Cauchy's tails; one of the seeds needs shorter steps."""
    told = []
    for seed in range(2450, 2550):
        rng = stream(seed)
        tails = rng.standard_cauchy(size=40) * rng.choice([0.3, 3, 30])
        x = np.column_stack([np.ones(40), tails, rng.normal(size=40)])
        chance = rng.random(40)
        y = 1.0 * (chance < expit(-2 + rng.choice([0.05, 0.5, 2]) * x[:, 1] + rng.choice([0, 3]) * x[:, 2]))
        if not 3 < y.sum() < 37:
            continue
        right = (2 * y - 1)[:, None] * x / np.abs(x).max(axis=0)
        most = linprog(-right.sum(axis=0), A_ub=-right, b_ub=np.zeros(40), bounds=[(-1, 1)] * 3)
        try:
            alone(LINKS["logistic"], x, y, "label")
        except DataError:
            told.append(-most.fun > 1e-7)
        else:
            told.append(-most.fun <= 1e-7)
    assert len(told) > 80 and all(told)


@pytest.mark.parametrize("ask", [ols, logistic])
def test_the_classical_interval_is_whites(ask: Callable[..., Inferred]) -> None:
    """Coefficients of scikit-learn, and the sandwich HC0 written down."""
    label, prediction, more, x, z = regression_rows(stream(5), 300, 500, ask is logistic)
    found = ask(label, prediction, more, x, z, level=0.9, ends="normal", weight=0.0)
    design = np.column_stack([np.ones(300), x])
    fit: Any
    if ask is ols:
        fit = LinearRegression().fit(x, label)
        fitted, slope = fit.predict(x), np.ones(300)
    else:
        fit = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(x, label)
        fitted = fit.predict_proba(x)[:, 1]
        slope = fitted * (1 - fitted)
    bread = np.linalg.inv((design * slope[:, None]).T @ design)
    meat = (design * ((label - fitted) ** 2)[:, None]).T @ design
    errors = np.sqrt(np.diag(bread @ meat @ bread))
    theta = np.append(fit.intercept_, fit.coef_)
    for answer, at, e in zip(found.answers, theta, errors, strict=True):
        np.testing.assert_allclose(answer.classical, [at, at - Z * e, at + Z * e], rtol=2e-4)
        assert answer.classical == pytest.approx(answer.value)


# -- what predictions are worth --------------------------------------------------------------------


def test_predictions_that_say_nothing_cost_nothing() -> None:
    rng = stream(6)
    y, f, u = rng.standard_normal(500), rng.standard_normal(500), rng.standard_normal(5000)
    found = mean(y, f, u)
    assert found.answers[0].weight < 0.1 and 450 < found.answers[0].rows < 550
    assert "labelled rows alone tell as much" in found.verdict
    constant = mean(y, np.ones(500), np.ones(5000)).answers[0]
    assert constant.weight == 0 and constant.value.estimate == pytest.approx(y.mean())


def test_perfect_predictions_are_worth_all_rows() -> None:
    y = stream(7).standard_normal(11_000)
    found = mean(y[:1000], y[:1000], y[1000:])
    # the covariance is that of the labelled rows, over the variance of all
    assert found.answers[0].weight == pytest.approx(1 / 1.1, rel=4 * np.sqrt(2 / 1000))
    assert found.answers[0].rows == pytest.approx(11_000, rel=0.1)
    assert any("must not have learnt from these rows" in note for note in found.notes)


def test_a_model_that_knows_the_inputs_alone() -> None:
    """Its labels are separated by them, so that there is no naive regression; the believed one there is."""
    label, _, _, x, z = regression_rows(stream(12), 200, 1000, True)
    prediction, more = (0.5 + i[:, 0] - 0.5 * i[:, 1] > 0 for i in (x, z))
    found = logistic(label, prediction, more, x, z)
    for answer, true in zip(found.answers, (0.5, 1.0, -0.5), strict=True):
        half = (answer.value.high - answer.value.low) / 2
        assert abs(answer.value.estimate - true) < 3 * half and np.isnan(answer.naive.estimate)
    assert "predictions as truth have no finite coefficients" in found.notes[0]
    assert "outside" not in found.verdict
    assert found.said()["coefficients"][0]["naive"] == dict.fromkeys(("estimate", "low", "high", "covers"))


@pytest.mark.parametrize("ask", [ols, logistic])
def test_units_do_not_matter(ask: Callable[..., Inferred]) -> None:
    """Nor does a row that lies far from all others stop the search."""
    label, prediction, more, x, z = regression_rows(stream(13), 200, 800, ask is logistic)
    x[0] = [40, -40]
    label[0], prediction[0] = 1, 1
    first, second = (ask(label, prediction, more, x * unit, z * unit) for unit in (1.0, 1e6))
    for a, b in zip(first.answers[1:], second.answers[1:], strict=True):
        np.testing.assert_allclose(np.array(b.value) * 1e6, a.value, rtol=1e-5)


def test_labelled_rows_among_the_others_are_noticed() -> None:
    y, f, u = normal_rows(stream(14), 100, 1000)
    (note,) = mean(y, f, np.concatenate([u, f])).notes
    assert note.endswith("the rows without labels must not hold the labelled ones")
    # of coarse predictions it is no news that another row has the same
    assert mean(y, f.round(), u.round()).notes == ()


def test_a_quantile_that_few_rows_cannot_tell_has_no_end() -> None:
    rng = stream(8)
    found = quantile(*normal_rows(rng, 20, 500), 0.99)
    assert found.answers[0].classical is not None and found.answers[0].classical.high == np.inf
    assert np.isnan(found.answers[0].rows)
    assert found.said()["classical"]["high"] is None


def test_labelled_rows_from_elsewhere_are_noticed() -> None:
    y, f, u = normal_rows(stream(9), 300, 3000)
    assert mean(y, f, u).notes == ()
    (note,) = mean(y, f, u + 1).notes
    assert note.startswith("prediction has another law in labelled rows than in the others")


def test_an_answer_says_itself() -> None:
    y, f, u = normal_rows(stream(10), 100, 10_000)
    found = mean(pd.Series(y, name="grade"), f, u, level=0.9)
    text = str(found)
    assert text.startswith(
        "mean of grade: 90 % intervals from 100 labelled rows and 10 000 rows with predictions alone\n"
    )
    assert "Believe the prediction-powered interval, as narrow as" in text
    assert "predictions taken as truth lie outside it" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 120
    said = found.said()
    assert {*said} >= {"what", "method", "estimate", "low", "high", "level", "classical", "naive", "lambda"}
    assert said["n"] == 100 and said["N"] == 10_000 and said["estimate"] == found.estimate
    assert found.low < found.estimate < found.high


def test_frames_name_coefficients() -> None:
    label, prediction, more, x, z = regression_rows(stream(11), 100, 400, False)
    names = ["age", "weight"]
    found = ols(label, prediction, more, pd.DataFrame(x, columns=names), pd.DataFrame(z, columns=names))
    assert [a.name for a in found.answers] == ["(intercept)", "age", "weight"]
    assert isinstance(found["age"], Answer) and found["age"] == found.answers[1]
    assert [c["name"] for c in found.said()["coefficients"]] == ["(intercept)", "age", "weight"]
    assert found.what == "least squares of label on age, weight"


# -- bad input -------------------------------------------------------------------------------------

Y, F, U = [0.0, 1, 1, 0, 1, 0], [0.1, 0.8, 0.6, 0.3, 0.7, 0.6], [0.2, 0.5, 0.9, 0.4]
X, XU = [[1.0], [2], [0], [4], [3], [6]], [[1.0], [2], [3], [5]]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: mean([1.0, np.nan, 2], F[:3], U), "label is missing in 1 of 3 rows, first in row 2"),
        (lambda: mean(["a", "b", "c"], F[:3], U), "label holds 'a', no number"),
        (lambda: mean(Y, F, [0.1, np.inf]), "unlabelled prediction is missing or infinite in 1 of 2 rows"),
        (lambda: mean(Y, F[:5], U), "6 labels and 5 predictions"),
        (lambda: mean(Y, F, [0.1]), "1 unlabelled row: fewer than 2"),
        (lambda: mean(Y[:2], F[:2], U), "2 labelled rows: fewer than 3"),
        (lambda: mean([1.0] * 6, F, U), "label is 1 in all 6 labelled rows"),
        (lambda: mean([[1.0]], F, U), "label has the shape (1, 1)"),
        (lambda: mean(Y, F, U, level=95), "level = 95: give a number between 0 and 1"),
        (lambda: mean(Y, F, U, weight=2), "lambda = 2: give a number from 0 to 1"),
        (lambda: mean(Y, F, U, ends="z"), "ends = 'z': give 't' or 'normal'"),
        (lambda: quantile(Y, F, U, 90), "q = 90: give a number between 0 and 1"),
        (lambda: ols(Y, F, U, X, None), "the unlabelled rows lack their inputs"),
        (
            lambda: ols(Y, F, U, X[:4], XU),
            "inputs of 4 labelled and 4 unlabelled rows, where there are 6 and 4",
        ),
        (lambda: ols(Y, F, U, [[1.0]] * 6, XU), "'x1' is constant in the labelled rows"),
        (lambda: ols(Y, F, U, X, [[1.0]] * 4), "'x1' is constant in the unlabelled rows"),
        (lambda: ols(Y[:3], F[:3], U, X[:3], XU), "3 labelled rows for 2 coefficients: give at least 4"),
        (
            lambda: logistic([0.0, 1, 2, 0, 1, 0], F, U, X, XU),
            "label holds 2: logistic regression is of labels",
        ),
        (lambda: logistic(Y, [1.5, *F[1:]], U, X, XU), "prediction holds 1.5: give labels 0 and 1, or prob"),
        (
            lambda: logistic([0.0, 0, 0, 1, 1, 1], F, U, np.arange(6.0), np.arange(4.0)),
            "the inputs tell label",
        ),
    ],
)
def test_bad_input_is_one_clear_line(ask: Callable[[], Inferred], said: str) -> None:
    with pytest.raises(DataError) as caught:
        ask()
    assert str(caught.value).startswith(said), str(caught.value)
    assert "\n" not in str(caught.value) and ("; " in str(caught.value) or ": " in str(caught.value))
