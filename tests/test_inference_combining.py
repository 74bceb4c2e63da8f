"""Several synthetic data sets as one: the published rules, and coverage of simulated tasks.

Real rows are normal with unknown mean and variance; a data set is drawn from a posterior draw of both, or
from the estimates. Coverage is compared at 4 binomial standard errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from genloss.errors import DataError, GenlossError
from genloss.samples import Array
from genloss.theory.inference import naive_coverage
from genloss.value.inference import combine
from genloss.value.inference.combining import Combined, Kind, combined
from laws import stream

TASKS = 4000


def data_sets(n: int, m: int, k: int, posterior: bool, seed: int) -> tuple[Array, Array]:
    """(TASKS, K) means of data sets of m rows made from n real ones of mean 0, and their variances."""
    rng = stream(seed)
    real = rng.standard_normal((TASKS, n))
    mean, variance = real.mean(axis=1)[:, None], real.var(axis=1, ddof=1)[:, None]
    if posterior:
        variance = (n - 1) * variance / rng.chisquare(n - 1, size=(TASKS, k))
        mean = mean + np.sqrt(variance / n) * rng.standard_normal((TASKS, k))
    estimates = mean + np.sqrt(variance / m) * rng.standard_normal((TASKS, k))
    return estimates, variance * rng.chisquare(m - 1, size=(TASKS, k)) / (m - 1) / m


def holds(ends: tuple[Array, Array]) -> float:
    return float(((ends[0] <= 0) & (ends[1] >= 0)).mean())


def error(share: float, tasks: float = TASKS) -> float:
    return float(np.sqrt(share * (1 - share) / tasks))


@pytest.mark.parametrize("ratio", [1, 10])
def test_synthetic_rows_as_real_cover_as_the_law_says(ratio: int) -> None:
    """2 Phi(1.96 / sqrt(1 + m/n)) - 1, at m/n = 10 .445."""
    estimates, variances = data_sets(300, 300 * ratio, 1, False, 1)
    once = combined(estimates, variances, "once", ratio)
    law = naive_coverage(ratio)
    assert abs(holds(once.naive(0.95)) - law) < 4 * error(law)
    np.testing.assert_allclose(once.covers(0.95), law)
    assert abs(holds(once.interval(0.95)) - 0.95) < 4 * error(0.95)
    assert naive_coverage(10) == pytest.approx(0.445, abs=5e-4)


def test_the_known_coverage_of_posterior_draws() -> None:
    """m/n = 10, K = 20: .942 combined, .316 of one set taken as real, known from 1,000 tasks or more."""
    estimates, variances = data_sets(100, 1000, 20, True, 2)
    found = combined(estimates, variances, "fully")
    both = 1 / (1 / TASKS + 1 / 1000)
    assert abs(holds(found.interval(0.95)) - 0.942) < 4 * error(0.942, both)
    reach = 1.96 * np.sqrt(variances[:, 0])
    naive = float((np.abs(estimates[:, 0]) < reach).mean())
    assert abs(naive - 0.316) < 4 * error(0.316, both)
    # the variance is unbiased, so that what it says of rows taken as real is right on the whole
    assert abs(np.median(found.covers(0.95)) - holds(found.naive(0.95))) < 0.03


@pytest.mark.parametrize(
    ("n", "m", "k"), [(100, 100, 20), (100, 1000, 20), (50, 50, 5), (100, 1000, 5), (50, 50, 2)]
)
def test_fully_synthetic_data_sets_cover(n: int, m: int, k: int) -> None:
    """At least: where data sets are small or few, degrees of freedom are, and intervals are long."""
    found = combined(*data_sets(n, m, k, True, 3), "fully", m / n)
    assert holds(found.interval(0.95)) > 0.95 - 4 * error(0.95)
    assert np.isfinite(found.interval(0.95)).all() and (found.variance > 0).all()


@pytest.mark.parametrize("k", [2, 5, 20])
def test_partially_synthetic_data_sets_cover(k: int) -> None:
    """A column of which one cell in five is drawn again, as the cells that are replaced tell."""
    rng, n, again = stream(4), 200, 40
    real = rng.standard_normal((TASKS, n))
    replaced, kept = real[:, :again], real[:, again:]
    mean, variance = replaced.mean(axis=1)[:, None], replaced.var(axis=1, ddof=1)[:, None]
    variance = (again - 1) * variance / rng.chisquare(again - 1, size=(TASKS, k))
    mean = mean + np.sqrt(variance / again) * rng.standard_normal((TASKS, k))
    drawn = mean[:, None] + np.sqrt(variance)[:, None] * rng.standard_normal((TASKS, again, k))
    cells = np.concatenate([drawn, np.repeat(kept[:, :, None], k, axis=2)], axis=1)
    found = combined(cells.mean(axis=1), cells.var(axis=1, ddof=1) / n, "partially")
    assert abs(holds(found.interval(0.95)) - 0.95) < 4 * error(0.95)


def test_the_rules_are_the_published_ones() -> None:
    q, v = [1.0, 1.4, 1.3], [0.005, 0.01, 0.015]
    between, within = np.var(q, ddof=1), 0.01
    fully, partially, once = (combined(q, v, kind, 2.0) for kind in ("fully", "partially", "once"))
    assert fully.variance == pytest.approx(4 / 3 * between - within)
    assert fully.freedom == pytest.approx(2 * (1 - within / (4 / 3 * between)) ** 2)
    assert partially.variance == pytest.approx(within + between / 3)
    assert partially.freedom == pytest.approx(2 * (1 + 3 * within / between) ** 2)
    assert once.variance == pytest.approx((2 + 1 / 3) * within) and np.isinf(once.freedom)
    # Reiter (2002): a negative variance
    none = combined([1.0, 1.01, 0.99], v, "fully", 2.0)
    assert none.lacking and none.variance == pytest.approx(2 * within) and none.freedom == 2


def test_a_variance_near_none_is_none() -> None:
    """Degrees of freedom go to 0 with it, and with these intervals to infinity."""
    found = combined([0.0, 1.0, 2.0], [1.3, 1.3, 1.3], "fully", 1.0)
    assert found.lacking and found.freedom == 2 and found.variance == pytest.approx(1.3)


def test_one_fit_taken_for_many_is_noticed(tmp_path: Any) -> None:
    rng = stream(5)
    once = [pd.DataFrame({"y": rng.standard_normal(500)}) for _ in range(8)]
    found = combine("mean", once, label="y", kind="fully")
    assert any("draws from one fitted model" in note for note in found.notes)
    apart = [frame + 0.5 * rng.standard_normal() for frame in once]
    proper = combine("mean", apart, label="y", kind="fully")
    assert proper.notes == () and proper.answers[0].covers < 0.5
    assert "holds the truth in about" in proper.verdict
    # a variance that was supposed says nothing of the naive one
    if "too little to tell" in " ".join(found.notes):
        assert found.said()["naive"]["covers"] is None and "too few cases" in found.verdict


def test_each_question_has_its_variance() -> None:
    """Of a quantile, of least squares and of logistic regression: against many data sets of one law."""
    rng = stream(6)
    x = rng.standard_normal((400, 500))
    y = 1 + 0.5 * x + rng.standard_normal((400, 500))
    frames = [pd.DataFrame({"x": a, "y": b, "b": (b > 1) * 1}) for a, b in zip(x, y, strict=True)]
    for what, label, more in (
        ("mean", "y", {}),
        ("quantile", "y", {"q": 0.8}),
        ("ols", "y", {"on": ["x"]}),
        ("logistic", "b", {"on": ["x"]}),
    ):
        found = combine(what, frames, label=label, kind="once", real_rows=500, **more)  # type: ignore[arg-type]
        answers = [combine(what, [f], label=label, kind="once", real_rows=500, **more) for f in frames[:200]]  # type: ignore[arg-type]
        seen = np.std([a.answers[-1].value.estimate for a in answers], ddof=1)
        naive = found.answers[-1].naive
        assert (naive.high - naive.low) / 2 / 1.96 * np.sqrt(400) == pytest.approx(seen, rel=4 / np.sqrt(400))


SETS = [pd.DataFrame({"y": stream(s).standard_normal(50), "t": "a"}) for s in (1, 2, 3)]


@pytest.mark.parametrize(
    ("tables", "given", "said"),
    [
        (SETS[:1], {}, "one data set alone does not tell how far off it is: give two or more"),
        (SETS[:1], {"kind": "once"}, "one fit: how many real rows it was fitted to must be known"),
        ([SETS[0], SETS[0]], {}, "two data sets say the same to the last digit: give each once"),
        (SETS, {"label": "z"}, "the table: no column 'z'"),
        (SETS, {"label": "t"}, "the table: row 1 of 't' is 'a', no number"),
        (SETS, {"kind": "all"}, "no kind 'all' of data sets; give fully, partially, once"),
        (SETS, {"on": ["y"]}, "mean is on no columns"),
        ([SETS[0].assign(y=1.0), *SETS], {}, "the table: y is 1 in all 50 synthetic rows"),
        ([SETS[0][:2], *SETS], {}, "the table: 2 synthetic rows: fewer than 3"),
    ],
)
def test_bad_data_sets_are_one_clear_line(tables: list[Any], given: dict[str, Any], said: str) -> None:
    kind: Kind = given.pop("kind", "fully") if "kind" in given else "fully"
    label = given.get("label", "y")
    with pytest.raises(DataError) as caught:
        combine("mean", tables, label=label, kind=kind, on=given.get("on", ()))
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value), str(caught.value)


def test_a_quantile_of_too_few_rows_is_refused() -> None:
    with pytest.raises(DataError, match=r"50 rows are too few for the 0.99 quantile; take one nearer to 0.5"):
        combine("quantile", SETS, label="y", kind="fully", q=0.99)


def test_a_ratio_is_positive() -> None:
    with pytest.raises(DataError, match="m/n = 0: give synthetic rows to a real one"):
        combined([1.0, 2.0], [1.0, 1.0], "fully", 0)
    with pytest.raises(GenlossError, match="ratio = -1"):
        naive_coverage(-1)
    assert isinstance(combined([1.0, 2.0], [1.0, 1.0], "fully"), Combined)
