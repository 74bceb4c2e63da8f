"""Conformal prediction with synthetic calibration rows: the floor holds whatever these are.

Of numbers the coverage of a task is known from its cutoff; shares are means over tasks, compared at 4
standard errors over these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from genloss.errors import DataError
from genloss.samples import Array
from genloss.streams import Rng
from genloss.value.inference import Conformal, conformal
from laws import stream

TASKS = 2000
Scale = Callable[[Rng], float]

BAD: dict[str, Scale] = {
    "far too good": lambda rng: 0.1,
    "a little too good": lambda rng: 0.7,
    "far too bad": lambda rng: 10.0,
    "either": lambda rng: float(rng.choice([0.1, 10.0])),
}


def coverage(found: Conformal) -> float:
    """Share of |standard normal| labels about a prediction of 0 that a set holds, exactly."""
    return float(norm.cdf(found.cutoff) - norm.cdf(-found.cutoff))


def tried(n: int, more: int, scale: Scale, **how: Any) -> tuple[Array, list[Conformal]]:
    """(TASKS,) coverage, and what was found, of synthetic rows whose labels spread so much."""
    rng, found = stream(n + more), []
    for _ in range(TASKS):
        real, other = rng.standard_normal(n), scale(rng) * rng.standard_normal(more)
        found.append(conformal(real, 0 * real, other, 0 * other, **how))
    return np.array([coverage(f) for f in found]), found


def least(values: Array) -> float:
    return float(values.mean() + 4 * values.std() / np.sqrt(len(values)))


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize(("n", "level", "floor"), [(5, 0.9, None), (20, 0.9, 0.85), (50, 0.95, None)])
def test_the_floor_holds_whatever_synthetic_rows_are(
    kind: str, n: int, level: float, floor: float | None
) -> None:
    held, found = tried(n, 500, BAD[kind], level=level, floor=floor)
    assert least(held) >= found[0].floor
    assert all(f.cutoff <= f.real for f in found)


def test_a_cutoff_below_the_floor_would_not_hold() -> None:
    """The test above can fail: the cutoff of all rows together covers far less."""
    _, found = tried(20, 500, BAD["far too good"], level=0.9)
    pooled = np.array([2 * norm.cdf(f.pooled) - 1 for f in found])
    assert pooled.mean() < 0.3


@pytest.mark.parametrize(("n", "more"), [(5, 500), (8, 100)])
def test_good_synthetic_rows_give_the_level_where_real_ones_cannot(n: int, more: int) -> None:
    """Of fewer than 9 real rows no cutoff holds 9 labels of 10; with synthetic ones of their law, one."""
    held, found = tried(n, more, lambda rng: 1.0, level=0.9)
    assert all(np.isinf(f.real) for f in found)
    assert least(held) >= 0.9
    assert held.mean() < 0.95
    assert np.mean([np.isfinite(f.cutoff) for f in found]) == 1


def test_without_synthetic_rows_it_is_split_conformal() -> None:
    """Coverage is k/(n + 1), k the least with that at least the level: exactly, of continuous scores."""
    rng = stream(3)
    held = np.array([coverage(conformal(rng.standard_normal(30), np.zeros(30))) for _ in range(TASKS)])
    assert abs(held.mean() - 28 / 31) < 4 * held.std() / np.sqrt(TASKS)


def test_levels_are_not_rounded_up() -> None:
    """Nine tenths of ten are nine: of nine rows the largest is the cutoff, not infinity."""
    assert conformal(np.arange(1.0, 10), np.zeros(9), level=0.9).cutoff == 9
    assert conformal(np.arange(1.0, 9), np.zeros(8), level=0.9).cutoff == np.inf
    assert 0.55 * 100 > 55
    assert conformal(np.arange(1.0, 100), np.zeros(99), level=0.55).cutoff == 55


def test_classes() -> None:
    """Scores are 1 - p. Where both cutoffs hold the level, the lower one falls a little short of it."""
    rng = stream(4)

    def rows(n: int) -> tuple[Array, Array]:
        p = rng.dirichlet([0.5, 1, 2], size=n)
        return (rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1), p

    held = []
    for _ in range(300):
        found = conformal(*rows(60), *rows(600), level=0.8)
        label, p = rows(500)
        held.append(found.sets(p)[np.arange(500), label].mean())
    assert 0.76 < np.mean(held) < 0.8
    assert found.classes == 3 and found.sets(p).shape == (500, 3)


def test_it_says_what_it_promises() -> None:
    rng = stream(5)
    found = conformal(rng.standard_normal(20), np.zeros(20), rng.standard_normal(400), np.zeros(400))
    assert found.guarantee == (
        "At least 80 % of sets hold the label, if new rows and the 20 real rows come from one law, whatever "
        "the 400 synthetic rows are; no set is larger than without them."
    )
    assert found.guarantee in str(found)
    low, high = found.sets([3.0])[0]
    assert high - 3 == pytest.approx(found.cutoff) == 3 - low


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: conformal([], []), "no calibration rows: give some"),
        (lambda: conformal([1.0, 2], [1.0]), "2 labels and 1 predictions: give one for each row"),
        (lambda: conformal([1.0], [1.0], [2.0]), "synthetic rows need both, labels and predictions"),
        (lambda: conformal([np.nan], [1.0]), "label is missing in 1 of 1 row"),
        (lambda: conformal([1.0], [1.0], level=1), "level = 1: give a number between 0 and 1"),
        (
            lambda: conformal([1.0], [1.0], [1.0], [1.0], floor=0.95),
            "floor = 0.95: give a number from 0 to the",
        ),
        (lambda: conformal([2], [[0.5, 0.5]]), "label 2: there are probabilities of 2 classes, 0 to 1"),
        (lambda: conformal([1], [[0.5, 1.5]]), "prediction holds 1.5, no probability"),
        (
            lambda: conformal([1], [[0.5, 0.5]], [1.0], [1.0]),
            "real and synthetic predictions are not",
        ),
        (
            lambda: conformal([1.0], [1.0]).sets([[1.0]]),
            "predictions of the shape (1, 1): it was",
        ),
    ],
)
def test_bad_input_is_one_clear_line(ask: Callable[[], Any], said: str) -> None:
    with pytest.raises(DataError) as caught:
        ask()
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value), str(caught.value)
