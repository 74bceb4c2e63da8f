"""Columns, pairs, copies and what can be told apart: against closed forms and SciPy."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats.contingency import association

from genloss import Agent, Experiment, component, generators, metrics, real, regimes
from genloss.loop import start, step
from genloss.metrics.columns import rare
from genloss.metrics.pairs import associations
from genloss.metrics.sizes import MOST
from genloss.observation import real_rows_seen
from genloss.samples import Array, Samples
from genloss.streams import Rng, fixed
from genloss.tables import Column, Schema
from laws import assert_mean, measure, stream
from mixed import Drawn, Fresh, Two, fresh, looked


@component
class Mixed:
    """Two numbers, two categories, a date; numbers and categories may be missing."""

    event: ClassVar = "table"
    schema: ClassVar = Schema(
        (
            Column("a", "numeric"),
            Column("b", "numeric", missing=True),
            Column("c", "categorical", ("u", "v", "w"), missing=True),
            Column("d", "boolean"),
            Column("e", "date"),
        )
    )

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        x = rng.standard_normal((replicates, n, 5))
        x[..., 1] = np.where(x[..., 1] > 1.2, np.nan, x[..., 1] + x[..., 0])
        x[..., 2] = np.where(x[..., 2] > 1.5, np.nan, np.digitize(x[..., 2] + x[..., 0], [-0.5, 1.0]))
        x[..., 3] = x[..., 3] + x[..., 0] > 0.5
        return x

    def holdout(self) -> Array:
        return self.draw(1, 80, fixed("test.Mixed"))[0]

    def features(self, rows: Array, leave_out: int | None = None) -> Array:
        return np.nan_to_num(np.delete(rows, [] if leave_out is None else leave_out, axis=-1))


HELD = Mixed().holdout()


# -- rare categories ---------------------------------------------------------------------------------


def test_the_mass_of_rare_categories_is_a_martingale_and_dies_out_as_in_a_population() -> None:
    """Frequencies of n draws from frequencies: the mean stays, and (1 - p)^n lose a category at once."""
    source = Two(share=0.03, held=2000)
    look = metrics.RareMass()
    exp = Experiment(
        real=source,
        agents=Agent(generators.Copula(), regimes.Replace()),
        metrics=(look,),
        n_real=60,
        generations=8,
        replicates=640,
        tile=64,
    )
    found = measure(exp)["RareMass"][:, 0]
    assert_mean(found, 0.03)
    # X_1 | X_0 and X_0 are binomial: E(1 - X_0 / n)^n
    x = np.arange(61)
    lost = (stats.binom.pmf(x, 60, 0.03) * (1 - x / 60) ** 60).sum()
    assert_mean((found[0] == 0).astype(float), lost)
    assert (found[:, found[0] == 0] == 0).all()


def test_what_is_rare_follows_from_all_real_rows_where_these_are_known() -> None:
    source = real.Table(path="iris", target="target")
    assert source.category_shares(4).tolist() == [1 / 3] * 3
    assert [r.code for r in rare(source, 0.34, None)] == [0, 1, 2] and rare(source, 0.3, None) == []
    assert rare(Two(share=0.0), 0.05, None) == []  # a class of the schema that no real row has
    # of a source without an end, from the held-out ones; what these lack is no real category
    held = Mixed().holdout()
    shares = [(held[:, 2] == k).mean() for k in range(3)]
    assert [r.share for r in rare(Mixed(), 0.99, "c")] == sorted(shares)


def test_rare_mass_is_the_mean_over_columns_that_have_rare_categories() -> None:
    rows = Mixed().draw(2, 50, stream(0))
    below = 0.45
    some = rare(Mixed(), below, None)
    columns = {r.column for r in some}
    assert len(columns) == 2
    expected = [sum((x[:, r.column] == r.code).mean() for r in some) / 2 for x in rows]
    assert looked(Mixed(), metrics.RareMass(below=below), *rows) == pytest.approx(expected)
    rows[0, :, 3] = 0.0
    alone = metrics.RareMass(below=below, column="d")
    assert looked(Mixed(), alone, *rows)[0] == 0
    said = fresh(Mixed(), alone).meanings["RareMass"]
    assert said.at_zero.startswith("no published row has d = True (") and "d = True" in said.about
    none = fresh(Mixed(), metrics.RareMass(below=0.01)).meanings["RareMass"]
    assert none.at_zero == "" and "there are none" in none.about
    assert looked(Mixed(), metrics.RareMass(below=0.01), *rows).tolist() == [0, 0]


def test_the_share_of_one_category_is_of_that_category() -> None:
    rows = Mixed().draw(2, 50, stream(0))
    some = rare(Mixed(), 2, None)
    assert {r.of for r in some} == {"c", "d"}
    for r in some:
        look = metrics.CategoryShare(column=r.of, category=r.category)
        expected = [(x[:, r.column] == r.code).mean() for x in rows]
        assert looked(Mixed(), look, *rows) == pytest.approx(expected)
        said = fresh(Mixed(), look).meanings["CategoryShare"]
        assert said.title == f"Rows with {r.of} = {r.category}" and said.at_zero.endswith(r.said)


# -- columns -----------------------------------------------------------------------------------------


def test_the_distance_of_a_shifted_column_is_the_shift() -> None:
    """In standard deviations; and of shares that moved, what moved."""
    rows = np.stack([HELD] * 4)
    assert looked(Mixed(), metrics.ColumnDistance(), HELD)[0] == 0
    rows[0, :, 0] += 2 * HELD[:, 0].std()
    rows[1, :, 4] -= 0.5 * HELD[:, 4].std()
    rows[2, :, 3] = 0
    rows[3, :, 2] = np.nan
    moved = [2.0, 0.5, HELD[:, 3].mean(), 1 - np.isnan(HELD[:, 2]).mean()]
    assert looked(Mixed(), metrics.ColumnDistance(), *rows) == pytest.approx([m / 5 for m in moved])
    assert looked(Mixed(), metrics.ColumnDistance(over="worst"), *rows) == pytest.approx(moved)


def test_missing_numbers_are_a_difference_of_their_own() -> None:
    gaps = np.isnan(HELD[:, 1])
    sd = np.nanstd(HELD[:, 1])
    rows = np.stack([HELD] * 3)
    rows[0, :, 1] = np.nan
    rows[1, :, 1] += 1.5 * sd
    rows[2, :40, 1] = np.nan
    worst = looked(Mixed(), metrics.ColumnDistance(over="worst"), *rows)
    left = rows[2][~np.isnan(rows[2, :, 1]), 1]
    third = (
        stats.wasserstein_distance(left, HELD[~gaps, 1]) / sd + np.isnan(rows[2, :, 1]).mean() - gaps.mean()
    )
    assert worst == pytest.approx([1 - gaps.mean(), 1.5, third])


def test_columns_of_vectors_of_other_numbers_of_rows() -> None:
    source = real.Moons()
    rows = source.draw(2, 37, stream(1))
    held = source.holdout()
    expected = [
        [stats.wasserstein_distance(x[:, j], held[:, j]) / held[:, j].std() for j in range(2)] for x in rows
    ]
    assert looked(source, metrics.ColumnDistance(), *rows) == pytest.approx(np.mean(expected, axis=1))
    anew = fresh(source, metrics.ColumnDistance(), metrics.PairDistance(), replicates=100)
    assert measure(anew)["ColumnDistance"].mean() < 0.3 and measure(anew)["PairDistance"].mean() < 0.2


def test_a_constant_column_is_compared_in_its_own_units() -> None:
    @component
    class Still(Mixed):
        def holdout(self) -> Array:
            return np.where(np.arange(5) == 0, 3.0, HELD)

    rows = np.stack([Still().holdout()] * 2)
    rows[1, :, 0] = 5
    assert looked(Still(), metrics.ColumnDistance(over="worst"), *rows).tolist() == [0, 2]
    assert np.isfinite(looked(Still(), metrics.PairDistance(), *rows)).all()


# -- pairs -------------------------------------------------------------------------------------------


def _association(x: Array, y: Array, coded: tuple[bool, bool]) -> float:
    """Of two columns without missing cells, by SciPy and by hand."""
    if coded == (True, True):
        table = stats.contingency.crosstab(x, y).count
        return 0.0 if min(table.shape) < 2 else float(association(table, method="cramer"))
    if coded == (False, False):
        return float(stats.spearmanr(x, y).statistic)
    number, code = (y, x) if coded[0] else (x, y)
    rank = stats.rankdata(number)
    between = sum((code == c).sum() * (rank[code == c].mean() - rank.mean()) ** 2 for c in {*code})
    return float(np.sqrt(between / ((rank - rank.mean()) ** 2).sum()))


@settings(deadline=None, max_examples=30)
@given(st.integers(5, 60), st.integers(0, 200))
def test_associations_of_all_kinds_of_pairs(n: int, seed: int) -> None:
    x = Mixed().draw(3, n, stream(seed))
    x[..., 1] = np.round(np.nan_to_num(x[..., 1]), 1)  # ties
    x[..., 2] = np.nan_to_num(x[..., 2])
    found = associations(x, [0, 0, 3, 2, 0])
    coded = [False, False, True, True, False]
    for p, (i, j) in enumerate(zip(*np.triu_indices(5, 1), strict=True)):
        expected = [_association(y[:, i], y[:, j], (coded[i], coded[j])) for y in x]
        assert found[:, p] == pytest.approx(np.nan_to_num(expected), abs=1e-7), (i, j)


def test_pairs_are_taken_over_rows_in_which_both_are_present() -> None:
    x = Mixed().draw(1, 200, stream(2))[0]
    found = associations(x[None], [0, 0, 3, 2, 0])[0]
    known = x[~np.isnan(x[:, 2])]
    assert found[7] == pytest.approx(_association(known[:, 2], known[:, 3], (True, True)))
    # a category that is missing where numbers are large, and a number that is missing throughout
    x[:, 1] = np.nan
    assert associations(x[None], [0, 0, 3, 2, 0])[0, [0, 4, 5, 6]].tolist() == [0, 0, 0, 0]


def test_distances_of_pairs_of_known_laws() -> None:
    """Columns of x that are independent of each other are as far as the association was."""
    assert looked(Mixed(), metrics.PairDistance(), HELD)[0] == pytest.approx(0, abs=1e-12)
    flat = HELD.copy()
    flat[:, 0] = 7.0  # goes with nothing
    was = np.abs(associations(HELD[None], [0, 0, 3, 2, 0])[0, :4])
    assert looked(Mixed(), metrics.PairDistance(), flat)[0] == pytest.approx(was.sum() / 10)
    assert looked(Mixed(), metrics.PairDistance(over="worst"), flat)[0] == pytest.approx(was.max())
    turned = HELD.copy()
    turned[:, 4] = -HELD[:, 4]  # a sign that turns is twice the correlation
    e = stats.spearmanr(HELD[:, 0], HELD[:, 4]).statistic
    assert looked(Mixed(), metrics.PairDistance(over="worst"), turned)[0] >= 2 * abs(e) - 1e-12


# -- copies ------------------------------------------------------------------------------------------


@component
class Leak:
    """Publishes some of its training rows as they are, and fresh ones.

    Args:
        share: of the training rows.
    """

    of: Any
    share: float

    def fit(self, train: Samples, rng: Any, init: Any = None) -> Any:
        return Leaking(self.of, train.rows[:, : round(self.share * train.n)])


class Leaking(Drawn):
    def __init__(self, of: Any, rows: Array) -> None:
        super().__init__(of, len(rows))
        self.rows = rows

    def sample(self, n: int, rng: Rng) -> Array:
        more = super().sample(n - self.rows.shape[1], rng)
        return np.concatenate([self.rows, more], axis=1)


@pytest.mark.parametrize(("n_real", "held"), [(40, 40), (40, 300), (200, 30)])
def test_fresh_rows_are_as_near_to_the_one_as_to_the_other(n_real: int, held: int) -> None:
    """1/2 by exchangeability, of equal and of unequal sizes, of rows that tie and of rows that do not."""
    for source in (Two(held=held), real.Gaussian(dim=3)):
        exp = fresh(source, metrics.Copies(), metrics.Copies(what="exact"), n_real=n_real, generations=2)
        nearer, exact = measure(exp).values()
        assert_mean(nearer[:, 0], 0.5)
        assert (exact == 0).all()
    coins = fresh(Coins(), metrics.Copies(), n_real=n_real, replicates=400)
    assert_mean(measure(coins)["Copies"][0, 0], 0.5)


@component
class Coins:
    """Three coins: rows tie."""

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        return (rng.random((replicates, n, 3)) < 0.3).astype(float)

    def holdout(self) -> Array:
        return self.draw(1, 90, fixed("test.Coins"))[0]


def test_copies_are_counted() -> None:
    source = Two()
    agents = Agent(Leak(source, 0.3), regimes.Replace())
    exp = Experiment(
        real=source,
        agents=agents,
        metrics=(metrics.Copies(), metrics.Copies(what="exact")),
        n_real=100,
        generations=2,
        replicates=200,
        tile=200,
        holdout="fresh",
    )
    nearer, exact = measure(exp).values()
    assert (exact[0, 0] == 0.3).all()
    # in the second generation a copy of a copy is one of real rows all the same: 30 of 100 again
    assert (exact[1, 0] == 0.3).all()
    # as many are held out as went in; nothing is thinned, and all copies are nearest to themselves
    assert_mean(nearer[0, 0], 0.3 + 0.7 / 2)
    (seen,) = real_rows_seen(start(exp), exp)
    assert (metrics.Copies()(seen) == 1).all() and (metrics.Copies(what="exact")(seen) == 1).all()


def test_missing_cells_are_alike_in_a_copy() -> None:
    exp = fresh(Mixed(), metrics.Copies(what="exact"), replicates=2, tile=2)
    (seen,) = real_rows_seen(start(exp), exp)
    assert np.isnan(seen.rows).any() and (metrics.Copies(what="exact")(seen) == 1).all()


# -- what can be told apart --------------------------------------------------------------------------


@component
class Shifted:
    """Publishes rows of the source, moved along the first coordinate.

    Args:
        of: the source.
        by: how far.
    """

    of: Any
    by: float

    def fit(self, train: Samples, rng: Any, init: Any = None) -> Any:
        return Moved(self.of, train.replicates, self.by)


class Moved(Drawn):
    def __init__(self, of: Any, replicates: int, by: float) -> None:
        super().__init__(of, replicates)
        self.by = by

    def sample(self, n: int, rng: Rng) -> Array:
        rows = super().sample(n, rng)
        rows[..., 0] += self.by
        return rows


def test_rows_of_one_law_cannot_be_told_apart() -> None:
    """Exactly 1/2 in expectation, of whatever learner, of few rows and unequal sizes."""
    tree = "sklearn.tree:ExtraTreeClassifier"
    for source, look, n in (
        (real.Gaussian(dim=4), metrics.Detectability(), 31),
        (Two(held=50), metrics.Detectability(), 200),
        (Coins(), metrics.Detectability(learner=tree), 20),
    ):
        found = measure(fresh(source, look, n_real=n, replicates=600))["Detectability"]
        assert_mean(found[0, 0], 0.5)


def test_two_gaussians_are_told_apart_as_well_as_can_be() -> None:
    """The Bayes error is Phi(-shift / 2); what learns from some hundred rows comes near to it from above."""
    source = real.Gaussian(dim=2)
    for by in (0.7, 2.0):
        exp = Experiment(
            real=source,
            agents=Agent(Shifted(source, by)),
            metrics=(metrics.Detectability(),),
            n_real=500,
            generations=1,
            replicates=200,
            tile=200,
            holdout="fresh",
        )
        found = measure(exp)["Detectability"][0, 0]
        best, error = stats.norm.cdf(-by / 2), found.std(ddof=1) / np.sqrt(len(found))
        assert best - 4.5 * error < found.mean() < best + 0.01 + 4.5 * error
    far = Moved(source, 1, 30.0).sample(50, stream(3))[0]
    assert looked(source, metrics.Detectability(), far)[0] == 0
    assert np.isnan(looked(source, metrics.Detectability(), far[:1])[0])
    point = np.zeros((300, 2))  # a point is easily told, and costs no warning
    assert looked(source, metrics.Detectability(learner="boosting"), point)[0] < 0.2


# -- sizes and defaults ------------------------------------------------------------------------------


def test_of_very_many_rows_some_are_looked_at_and_that_is_said() -> None:
    source = real.Gaussian(dim=2)
    looks = (metrics.ColumnDistance(), metrics.PairDistance(), metrics.Detectability(), metrics.Copies())
    exp = fresh(source, *looks, n_real=10, replicates=1, tile=1, holdout="shared")
    many = Experiment(
        real=source,
        agents=Agent(Fresh(source), n=MOST + 1000),
        metrics=looks,
        n_real=10,
        generations=1,
        replicates=1,
        tile=1,
    )
    for (name, few), most in zip(exp.meanings.items(), many.meanings.values(), strict=True):
        k = 10_000 if name == "Copies" else MOST
        assert most.about == f"{few.about} Of more than {k} rows, {k} drawn at random are looked at."
    _, (seen,) = step(start(many), many)
    rows = seen.rows
    for look in looks:
        assert np.isfinite(look(seen)).all()
    from genloss.metrics.sizes import some_rows

    some = some_rows(seen)
    assert some.shape == (1, MOST, 2) and some is some_rows(seen)
    assert len(np.intersect1d(some[..., 0], rows[..., 0])) == MOST


def test_what_is_looked_at_where_nobody_says(tmp_path: Any) -> None:
    def usual(source: Any) -> list[str]:
        return list(Experiment(real=source, agents=Agent(Fresh(source)), n_real=10).metric_names)

    assert usual(real.Moons()) == ["RealShare"]
    assert usual(real.Table("iris")) == ["BalancedError", "ColumnDistance", "RealShare"]
    assert usual(real.Table("diabetes")) == ["R2", "ColumnDistance", "RealShare"]
    assert usual(Two(share=0.03, held=2000)) == ["BalancedError", "RareMass", "ColumnDistance", "RealShare"]
    exp = Experiment(real=Two(share=0.03, held=2000), agents=Agent(Fresh(Two())))
    assert exp.metrics[1] == metrics.RareMass(column="y")
    path = tmp_path / "some.csv"
    path.write_text("x,y\n" + "1.5,a\n2.5,b\n" * 60 + "3.5,c\n2.5,d\n3.5,d\n1,e\n2,e\n3,e\n" + "1,f\n" * 4)
    exp = Experiment(real=real.Table(str(path), target="y"), agents=Agent(Fresh(Two())), n_real=10)
    # the sum of several rare classes does not tell which are lost: the rarest few are looked at one by one
    assert exp.metrics[1:5] == (
        metrics.RareMass(column="y"),
        *(metrics.CategoryShare("y", k) for k in "cde"),
    )
    path.write_text("size,kind\n" + "1.5,a\n2.5,b\n" * 30 + "3.5,c\n")
    assert usual(real.Table(str(path))) == ["RareMass", "ColumnDistance", "RealShare"]
    path.write_text("kind\n" + "a\nb\n" * 30)
    assert usual(real.Table(str(path), target="kind")) == ["ColumnDistance", "RealShare"]
