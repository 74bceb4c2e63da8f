"""Neighbours and modes: against the formulas of the papers written out, scikit-learn, and exact laws."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from genloss import Agent, Experiment, component, generators, metrics, real
from genloss.errors import SpecError
from genloss.loop import start, step
from genloss.metrics import sizes
from genloss.metrics.nearest import fresh_coverage
from genloss.observation import Observation
from genloss.samples import Array
from genloss.statistics import Counts
from genloss.streams import Rng, fixed
from laws import assert_mean, measure, stream
from mixed import Two, fresh, looked


def published(source: Any, look: Any, rows: int, replicates: int = 300, **more: Any) -> Array:
    """(R,) of fresh real rows against other fresh ones."""
    exp = fresh(source, look, n_real=rows, replicates=replicates, **more)
    return next(iter(measure(exp).values()))[0, 0]


# -- precision, recall, density, coverage ------------------------------------------------------------


def _radii(x: Array, k: int) -> Array:
    far = pairwise_distances(x)
    return np.array([sorted(row)[k] for row in far])


def _prdc(held: Array, x: Array, k: int) -> list[float]:
    """The definitions of Kynkäänniemi et al. (2019) and Naeem et al. (2020), ball by ball."""
    real_balls, own_balls = _radii(held, k), _radii(x, k)
    inside = [[np.linalg.norm(a - b) <= r for b in x] for a, r in zip(held, real_balls, strict=True)]
    within = [[np.linalg.norm(a - b) <= r for b, r in zip(x, own_balls, strict=True)] for a in held]
    precision = sum(any(inside[i][j] for i in range(len(held))) for j in range(len(x))) / len(x)
    recall = sum(any(row) for row in within) / len(held)
    density = sum(sum(row) for row in inside) / (k * len(x))
    coverage = sum(any(row) for row in inside) / len(held)
    return [precision, recall, density, coverage]


@component
class Few:
    """Normal vectors, of which few are held out.

    Args:
        dim: d.
        held: how many.
    """

    dim: int = 2
    held: int = 15

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        return rng.standard_normal((replicates, n, self.dim))

    def holdout(self) -> Array:
        return self.draw(1, self.held, fixed("test.Few"))[0]


FOUR = (metrics.Precision, metrics.Recall, metrics.Density, metrics.Coverage)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 40))
def test_the_four_are_the_papers_definitions(d: int, k: int, seed: int) -> None:
    rng = stream(seed)
    rows = np.stack([rng.standard_normal((12, d)), 0.3 * rng.standard_normal((12, d)) + 1])
    held = Few(dim=d).holdout()
    expected = np.array([_prdc(held, x, k) for x in rows]).T
    for kind, values in zip(FOUR, expected, strict=True):
        assert looked(Few(dim=d), kind(k=k), *rows) == pytest.approx(values), kind.__name__


def test_the_four_at_their_ends() -> None:
    source = Few(held=60)
    same, far = source.holdout(), source.holdout() + 1e3
    one = np.repeat(source.holdout()[:1], 60, axis=0)
    for kind in FOUR:
        assert looked(source, kind(), far).tolist() == [0], kind.__name__
    for kind in (metrics.Precision, metrics.Recall, metrics.Coverage):
        assert looked(source, kind(), same).tolist() == [1], kind.__name__
    # a collapse to one real row is precise, and recalls and covers next to nothing
    precision, recall, _, coverage = (looked(source, kind(), one)[0] for kind in FOUR)
    assert precision == 1 and recall == 1 / 60 and coverage < 0.25


@pytest.mark.parametrize(("rows", "k"), [(30, 5), (100, 2), (700, 5)])
def test_fresh_rows_have_density_1_and_the_coverage_of_the_law(rows: int, k: int) -> None:
    """Whatever the distribution, by exchangeability; with other held-out rows in every replicate."""
    for source in (real.Ring(), Few(dim=5, held=80)):
        exp = fresh(source, metrics.Density(k=k), metrics.Coverage(k=k), n_real=rows)
        found = measure(exp)
        assert_mean(found["Density"][0, 0], 1.0)
        expected = fresh_coverage(rows, len(exp.held_out), k)
        assert_mean(found["Coverage"][0, 0], expected)
        assert exp.meanings["Coverage"].reference is not None
        assert exp.meanings["Coverage"].reference.value == expected


def test_there_is_no_one_coverage_of_fresh_rows_where_agents_publish_different_numbers() -> None:
    agents = (Agent(generators.KDE(), n=30), Agent(generators.KDE(), n=60))
    exp = Experiment(real=real.Ring(), agents=agents, metrics=(metrics.Coverage(),))
    assert exp.meanings["Coverage"].reference is None


def test_many_rows_are_thinned_and_that_is_said() -> None:
    look = metrics.Density()
    few = fresh(real.Ring(), look, n_real=sizes.MOST_PAIRED, replicates=2, tile=2)
    many = fresh(real.Ring(), look, n_real=sizes.MOST_PAIRED + 1, replicates=2, tile=2)
    assert "drawn at random" not in few.meanings["Density"].about
    assert "Of more than 2000 rows, 2000 drawn at random are looked at." in many.meanings["Density"].about
    assert_mean(published(real.Ring(), look, sizes.MOST_PAIRED + 1, 20, tile=20), 1.0)
    # the same rows for every metric that asks, and other ones than the first
    _, (seen,) = step(start(many), many)
    x, y = sizes.some_features(seen)
    assert x.shape == (2, 2000, 2) and y.shape == (2, 500, 2)
    assert sizes.some_rows(seen, 300).shape == (2, 300, 2)  # one metric's thinning is not another's
    assert np.array_equal(x, sizes.some_features(seen)[0]) and not np.array_equal(x, seen.features[:, :2000])


# -- the real support --------------------------------------------------------------------------------


def test_distances_to_the_nearest_real_row_are_scikit_learns() -> None:
    source = real.Moons()
    rows = np.stack([source.draw(1, 40, stream(0))[0], stream(1).standard_normal((40, 2))])
    held = source.holdout()
    near = NearestNeighbors(n_neighbors=2).fit(held)
    own = np.median(near.kneighbors(held)[0][:, 1])
    expected = [np.median(near.kneighbors(x, 1)[0]) / own for x in rows]
    assert looked(source, metrics.NearestRealDistance(), *rows) == pytest.approx(expected)
    edge = np.quantile(near.kneighbors(held)[0][:, 1], 0.9, method="higher")
    off = [(near.kneighbors(x, 1)[0] > edge).mean() for x in rows]
    assert looked(source, metrics.OffSupport(quantile=0.9), *rows) == pytest.approx(off)


def test_fresh_rows_are_as_far_from_real_ones_as_these_from_each_other() -> None:
    for to in ("holdout", "training"):
        found = published(real.Ring(), metrics.NearestRealDistance(to=to), 200)  # type: ignore[arg-type]
        assert np.median(found) == pytest.approx(1, abs=0.02)
    off = published(real.Ring(), metrics.OffSupport(), 200, 600)
    # a held-out row has one neighbour fewer, and the quantile is one of 500: both move it by about 1 / 500
    assert off.mean() == pytest.approx(0.05, abs=0.004)


def test_copies_of_training_rows_are_at_no_distance_from_them() -> None:
    @component
    class Again:
        """Publishes its training rows."""

        def fit(self, train: Any, rng: Any, init: Any = None) -> Any:
            return Copy(train.rows)

    looks = (metrics.NearestRealDistance(to="training"), metrics.NearestRealDistance())
    exp = Experiment(
        real=real.Ring(), agents=Agent(Again()), metrics=looks, generations=1, tile=3, replicates=3
    )
    training, held = measure(exp).values()
    assert (training == 0).all() and (np.abs(held - 1) < 0.5).all()
    still = np.zeros((30, 2))  # where half of the real rows repeat another one
    flat = Flat()
    assert looked(flat, metrics.NearestRealDistance(), still, still + 1).tolist() == [1, np.inf]


class Copy:
    def __init__(self, rows: Array) -> None:
        self.rows = rows

    def sample(self, n: int, rng: Any) -> Array:
        return self.rows[:, :n]


@component
class Flat:
    """Rows that are all one."""

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        return np.zeros((replicates, n, 2))

    def holdout(self) -> Array:
        return np.zeros((20, 2))


def test_all_that_lies_elsewhere_is_off_the_real_data() -> None:
    source = real.Moons()
    held = source.holdout()
    between = np.tile([[0.5, 0.25]], (len(held), 1))  # in the gap of the moons
    assert looked(source, metrics.OffSupport(), held, held + 50, between).tolist() == [0, 1, 1]


@component
class Half:
    """Symbols of which the last two never occur.

    Args:
        told: whether the source says its probabilities.
    """

    told: bool = True
    event: ClassVar = "symbols"
    schema: ClassVar = 4

    @property
    def probabilities(self) -> Array | None:
        return np.array([0.5, 0.5, 0.0, 0.0]) if self.told else None

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        return rng.integers(2, size=(replicates, n))

    def holdout(self) -> Array:
        return self.draw(1, 50, fixed("test.Half"))[0]


@pytest.mark.parametrize("told", [True, False])
def test_symbols_that_real_data_cannot_have_are_off(told: bool) -> None:
    rows = np.array([[0, 1, 0, 1], [0, 1, 2, 3], [3, 3, 3, 2]])
    assert looked(Half(told), metrics.OffSupport(), *rows).tolist() == [0, 0.5, 1]
    exp = fresh(Half(told), metrics.OffSupport(), holdout="shared")
    said = exp.meanings["OffSupport"]
    assert ("cannot have" in said.about) == told and (said.given == "") == told
    smooth = Experiment(
        real=Half(told),
        agents=Agent(generators.Categorical(smoothing=1.0)),
        n_real=16,
        generations=1,
        replicates=3,
        tile=3,
        metrics=(metrics.OffSupport(of="model"),),
    )
    assert smooth.statistic == Counts(4)
    assert measure(smooth)["OffSupport(of='model')"].ravel() == pytest.approx([2 / 20] * 3)


# -- modes -------------------------------------------------------------------------------------------


KEPT, LOST, BETWEEN = (metrics.ModeShare(what=what) for what in ("kept", "lost", "between"))


def test_modes_of_a_ring() -> None:
    source = real.Ring(modes=8, spread=0.05)
    held = source.holdout()
    one = source.centres[:1] + 0.01 * stream(2).standard_normal((80, 2))
    middle = 0.01 * stream(3).standard_normal((80, 2))
    four = np.repeat(source.centres[:4], 20, axis=0)
    mode = pairwise_distances(held, source.centres).argmin(axis=1)
    p = np.bincount(mode, minlength=8) / len(held)
    nearest = np.bincount(pairwise_distances(middle, source.centres).argmin(axis=1), minlength=8) / 80
    kept = [p[0], np.minimum(p, nearest).sum(), np.minimum(p, [0.25] * 4 + [0] * 4).sum()]
    assert looked(source, KEPT, one, middle, four) == pytest.approx(kept)
    assert looked(source, LOST, one, middle, four).tolist() == [7, (nearest < 0.1 * p).sum(), 4]
    assert looked(source, BETWEEN, one, middle, four).tolist() == [0, 1, 0]
    assert looked(source, KEPT, held).tolist() == [1] and looked(source, LOST, held).tolist() == [0]


def test_a_mode_is_lost_below_a_part_of_its_share() -> None:
    source = real.Ring(modes=2)
    rows = np.concatenate([np.repeat(source.centres[:1], 96, 0), np.repeat(source.centres[1:], 4, 0)])
    assert looked(source, metrics.ModeShare(what="lost", below=0.05), rows).tolist() == [0]
    assert looked(source, LOST, rows).tolist() == [1]


def test_fresh_rows_of_a_ring_keep_its_modes() -> None:
    exp = fresh(real.Ring(), KEPT, LOST, BETWEEN, n_real=400, replicates=400)
    kept, lost, between = (found[0, 0] for found in measure(exp).values())
    assert kept.min() > 0.8 and (lost == 0).all()
    # the edge is the 476th of 500 distances: 25 of the 501 places for a fresh one are beyond it
    assert_mean(between, 25 / 501)


def test_classes_of_digits_are_those_of_the_nearest_labelled_one() -> None:
    source = real.Digits()
    held, classes = source.holdout(), source.holdout_classes
    assert held.shape[0] == len(classes) and {*classes} == {*range(10)}
    judge = KNeighborsClassifier(1).fit(held, classes)
    rows = source.draw(2, 200, stream(4))
    rows[1] = rows[1][judge.predict(rows[1]) < 3][np.arange(200) % 30]
    p = np.bincount(classes) / len(classes)
    shares = [np.bincount(judge.predict(x), minlength=10) / 200 for x in rows]
    assert looked(source, KEPT, *rows) == pytest.approx([np.minimum(p, q).sum() for q in shares])
    assert looked(source, LOST, *rows).tolist() == [0, 7]
    noise = stream(5).random((200, 64))
    assert looked(source, BETWEEN, noise, rows[0])[0] == 1 and looked(source, BETWEEN, rows[0])[0] < 0.15


def test_classes_of_a_table_are_those_of_its_target() -> None:
    source = Two(shift=8.0, share=0.3)
    rows = source.draw(2, 100, stream(6))
    rows[1] = rows[1][rows[1, :, 1] == 0][np.arange(100) % 50]
    held = source.holdout()
    p = held[:, 1].mean()
    q = rows[0, :, 1].mean()
    assert looked(source, KEPT, *rows) == pytest.approx([min(p, q) + min(1 - p, 1 - q), 1 - p])
    assert looked(source, LOST, *rows).tolist() == [0, 1]
    said = fresh(source, KEPT, LOST).meanings
    assert [m.title for m in said.values()] == ["Classes kept", "Classes lost"]
    assert [m.scale for m in said.values()] == ["share", "count"]
    # held-out rows of each replicate's own, and the same from one replicate alone
    exp = fresh(source, KEPT, n_real=50, replicates=20, tile=20)
    assert (measure(exp)["ModeShare"] > 0.7).all()


@component
class Some(Two):
    """The class of every fourth row is missing; it stands apart."""

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        rows = Two(shift=8.0).draw(replicates, n, rng)
        rows[:, ::4, 0], rows[:, ::4, 1] = -50.0, np.nan
        return rows

    def features(self, rows: Array, leave_out: int | None = None) -> Array:
        return np.nan_to_num(rows)


def test_rows_without_a_class_are_a_mode_of_their_own() -> None:
    half = np.repeat([0.0, 1.0], 50)
    known = np.stack([8 * half, half], axis=1)
    # a quarter of the real rows has no class, and none of these is published
    assert looked(Some(), KEPT, known) == pytest.approx([0.75])
    assert looked(Some(), LOST, known).tolist() == [1]


# -- what does not fit, and all of them anywhere -----------------------------------------------------


@pytest.mark.parametrize(
    ("source", "look", "message"),
    [
        (
            real.Moons(),
            metrics.ModeShare(),
            "the modes of Moons are not known; use a source with mode_centres",
        ),
        (real.Table(path="diabetes"), metrics.ModeShare(), "the modes of Table are not known"),
        (real.Gaussian(), metrics.Recall(k=8), "k = 8 needs 9 rows of every kind, and there are 8"),
        (Few(held=3), metrics.Precision(), "k = 3 needs 4 rows of every kind, and there are 3"),
        (Few(held=1), metrics.NearestRealDistance(), "the nearest row needs 2 rows of every kind"),
        (Few(held=1), metrics.OffSupport(), "the nearest row needs 2 rows of every kind"),
        (Few(held=1), metrics.MMD(), "a pair needs 2 rows of every kind, and there are 1"),
        (real.Gaussian(), metrics.OffSupport(of="model"), "OffSupport needs probabilities"),
    ],
)
def test_what_cannot_be_measured_is_said_before_a_run(source: Any, look: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Experiment(real=source, agents=Agent(generators.Gaussian()), n_real=8, metrics=(look,))


def test_one_row_of_a_kind_beyond_k_is_enough() -> None:
    looks = (metrics.Recall(k=7), metrics.Precision(k=7), metrics.KL(of="published", k=7))
    exp = Experiment(
        real=Few(held=8), agents=Agent(generators.Gaussian()), n_real=8, metrics=looks, tile=3, replicates=3
    )
    assert all(np.isfinite(v).all() for v in measure(exp).values())
    assert all(np.isfinite(x).all() for x in Observation.measure(_real_seen(exp)).values())


def _real_seen(exp: Experiment) -> Observation:
    from genloss.observation import real_rows_seen

    return real_rows_seen(start(exp), exp)[0]
