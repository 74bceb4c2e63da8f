"""Trees: the conditional laws that there are to be learnt are drawn, by weight, with gaps, in any units.

Means over replicates are compared at 4 standard errors, a false alarm in 16,000 comparisons.
"""

import numpy as np
import pytest

from genloss import Agent, Experiment, real, regimes
from genloss.errors import FitError
from genloss.generators import Independent, Trees
from genloss.metrics import TestError
from genloss.samples import Chunk, Samples
from genloss.streams import fixed
from genloss.study import run
from genloss.tables import Column, Schema

REPLICATES, N = 100, 300
TOWN = Column("town", "categorical", ("a", "b", "c", "d"), missing=True)
ILL = Column("ill", "boolean")
AGE = Column("age", "numeric", integer=True, missing=True)
GRADE = Column("grade", "categorical", ("x", "y", "z"))
SCHEMA = Schema((TOWN, ILL, AGE, GRADE))


def train(rows, schema=None, weights=1.0):
    chunk = Chunk(rows.shape[1], 0, -1, rows=rows, schema=schema)
    return Samples((chunk,), (weights,), chunk)


def fit(rows, schema=None, weights=1.0, **fields):
    return Trees(**fields).fit(train(rows, schema, weights), fixed("test.fit"))


def drawn(rows, schema=None, weights=1.0, n=1500, **fields):
    return fit(rows, schema, weights, **fields).sample(n, fixed("test.sample"))


def check(values, law):
    error = 4 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - law) <= error), (values.mean(axis=0), law, error)


def table(replicates=REPLICATES, n=N):
    """(R, n, 4) rows in which each cell's law follows from the town, of which some are not known."""
    rng = fixed("test.table")
    town = rng.integers(5, size=(replicates, n))
    ill = rng.random((replicates, n)) < np.array([0.1, 0.8, 0.2, 0.9, 0.5])[town]
    age = np.array([30.0, 50.0, 40.0, 20.0, 70.0])[town] + rng.integers(5, size=(replicates, n))
    age[rng.random((replicates, n)) < np.array([0.0, 0.5, 0.1, 0.3, 0.2])[town]] = np.nan
    grade = (
        rng.random((replicates, n, 1))
        > np.array([[0.5, 0.7], [0.1, 0.2], [0.3, 0.9], [0.6, 0.6], [0, 1]])[town]
    )
    return np.stack([np.where(town == 4, np.nan, town), ill, age, grade.sum(axis=2)], axis=2)


@pytest.mark.parametrize("weighted", [False, True])
def test_what_follows_from_a_category_is_drawn_as_it_is_in_the_training_rows(weighted):
    """A tree that may ask as often as it likes has a leaf for each category, missing cells among them."""
    rows = table()
    w = fixed("test.weights").random((REPLICATES, N)) + 0.1 if weighted else np.ones((REPLICATES, N))
    for j, value in ((1, 1.0), (2, np.nan), (3, 0.0), (3, 1.0), (3, 2.0)):
        pair = rows[..., [0, j]]
        x = drawn(pair, Schema((TOWN, SCHEMA.columns[j])), w if weighted else 1.0)
        for town in (0.0, 1.0, 2.0, 3.0, np.nan):

            def share(x, weight, town=town, value=value):
                here = weight * _is(x[..., 0], town)
                return (here * _is(x[..., 1], value)).sum(axis=1) / here.sum(axis=1)

            check(share(x, np.ones(x.shape[:2])) - share(pair, w), 0.0)


def _is(x, value):
    return np.isnan(x) if np.isnan(value) else x == value


@pytest.mark.parametrize("told", ["boolean", "numeric", "categorical"])
def test_one_question_tells_categories_apart_whatever_their_codes(told):
    c = fixed("test.parity").integers(12, size=(3, 300)).astype(float)
    labels = ("u", "v", "w", "x") if told == "categorical" else ()
    schema = Schema((Column("c", "categorical", tuple("abcdefghijkl")), Column("y", told, labels)))
    y = 3 * (c % 2) if told == "categorical" else c % 2
    got = drawn(np.stack([c, y], axis=2), schema, max_depth=1)
    assert ((got[..., 0] % 2 == 1) == (got[..., 1] > 0)).all()


def test_a_number_follows_from_all_columns_before_it():
    """y is decided by a number and a category together, neither alone; every drawn row keeps the rule."""
    rng = fixed("test.rule")
    x, c = rng.standard_normal((20, 400)), rng.integers(3, size=(20, 400)).astype(float)
    y = np.where((x > 0) ^ (c == 1), 5.0, -5.0)
    schema = Schema(
        (Column("x", "numeric"), Column("c", "categorical", ("p", "q", "r")), Column("y", "numeric"))
    )
    got = drawn(np.stack([x, c, y], axis=2), schema)
    assert np.mean(((got[..., 0] > 0) ^ (got[..., 1] == 1)) == (got[..., 2] > 0)) > 0.99
    apart = Independent().fit(train(np.stack([x, c, y], axis=2)), fixed("f")).sample(1500, fixed("s"))
    assert np.mean(((apart[..., 0] > 0) ^ (apart[..., 1] == 1)) == (apart[..., 2] > 0)) < 0.6


def test_margins_and_correlations_of_normal_rows():
    rng = fixed("test.normal")
    root = np.linalg.cholesky([[1, 0.8, 0.3], [0.8, 1, 0.5], [0.3, 0.5, 1]])
    rows = rng.standard_normal((REPLICATES, N, 3)) @ root.T
    x = drawn(rows)
    check(x.mean(axis=1) - rows.mean(axis=1), 0.0)
    check(x[..., 0].var(axis=1) - rows[..., 0].var(axis=1), 0.0)
    seen, law = (np.mean([np.corrcoef(a.T) for a in some], axis=0) for some in (x, rows))
    # a leaf of five rows has a width: what it loses of a correlation is little
    assert np.all(np.abs(seen - law) < 0.06), (seen, law)


def test_drawn_cells_are_those_of_training_rows_and_rows_of_no_weight_are_not_there():
    rows = table(5)
    w = np.ones(rows.shape[:2])
    w[:, ::3] = 0
    x = drawn(rows, SCHEMA, w)
    for r in range(5):
        for j in range(4):
            assert np.isin(x[r, :, j][~np.isnan(x[r, :, j])], rows[r, w[r] > 0, j]).all()
    alone = drawn(rows[:, w[0] > 0], SCHEMA)
    assert np.array_equal(x, alone, equal_nan=True)


@pytest.mark.parametrize(("scale", "shift"), [(1e-9, 0.0), (1e9, 0.0), (1.0, 1e12), (1e300, 0.0)])
def test_units_do_not_matter(scale, shift):
    rows = np.rint(1000 * fixed("test.units").standard_normal((3, 200, 3)))
    rows[..., 2] = (rows[..., 1] > rows[..., 0]) * 7
    assert np.array_equal(drawn(scale * rows + shift), scale * drawn(rows) + shift)


def test_columns_that_are_missing_throughout_or_constant_stay_so():
    rows = table(3)
    rows[0, :, 2] = np.nan
    rows[1, :, 0] = np.nan
    rows[2, :, 1] = 1
    x = drawn(rows, SCHEMA)
    assert np.isnan(x[0, :, 2]).all() and np.isnan(x[1, :, 0]).all() and (x[2, :, 1] == 1).all()
    one = drawn(rows[:, :1], SCHEMA)
    assert np.array_equal(one, np.repeat(rows[:, :1], 1500, axis=1), equal_nan=True)


def test_smoothing_adds_what_it_says_within_the_range():
    rng = fixed("test.smooth")
    rows = rng.uniform(-1, 1, size=(50, 400, 2))
    rows[..., 1] = np.rint(50 * rows[..., 1])
    schema = Schema((Column("x", "numeric"), Column("k", "numeric", integer=True)))
    rough, smooth = drawn(rows, schema), drawn(rows, schema, smoothing=0.05)
    added = smooth - rough
    inside = (np.abs(rough) < 0.8 * np.array([1, 50])).all(axis=2)
    check(
        np.array([a[i, 0].std() for a, i in zip(added, inside, strict=True)]) / rows[..., 0].std(axis=1), 0.05
    )
    assert (smooth.min(axis=1) >= rows.min(axis=1)).all() and (smooth.max(axis=1) <= rows.max(axis=1)).all()
    assert (smooth[..., 1] == np.rint(smooth[..., 1])).all() and (added[..., 1] != 0).any()
    mixed = drawn(table(3), SCHEMA, smoothing=0.3)
    for j in (0, 1, 3):
        assert np.isin(mixed[..., j], [*range(4), np.nan]).sum() == (~np.isnan(mixed[..., j])).sum()
    assert np.isnan(mixed[..., 2]).any()


def test_smoothing_is_measured_by_weight():
    rows = fixed("test.weighed").standard_normal((4, 200, 1))
    rows[:, 100:] *= 1000
    w = np.ones((4, 200))
    w[:, 100:] = 1e-9
    assert (fit(rows, weights=w, smoothing=1.0).spread < 3).all()


def test_min_leaf_and_depth_bound_the_trees():
    rows = fixed("test.leaf").standard_normal((2, 200, 3))
    for fields, fewest, deepest in (({"min_leaf": 20}, 20, 99), ({"max_depth": 2}, 5, 2), ({}, 5, 99)):
        for chain in fit(rows, **fields).chains:
            for step in chain.steps[1:]:
                sizes = np.diff(step.value.leaves.ends)
                assert sizes[sizes > 0].min() >= fewest and step.value.tree.max_depth <= deepest
                assert sizes.sum() == 200
    assert all(step.value.tree is None for step in fit(rows, min_leaf=101).chains[0].steps)


def test_order_says_which_columns_come_first():
    rows = table(2)
    steps = fit(rows, SCHEMA, order=("grade", "ill")).chains[0].steps
    assert [(s.column, s.before) for s in steps] == [(3, ()), (1, (3,)), (0, (3, 1)), (2, (3, 1, 0))]
    with pytest.raises(FitError, match=r"no column 'agee' \(columns: .*grade'?\); did you mean 'age'\?"):
        fit(rows, SCHEMA, order=("agee",))
    with pytest.raises(FitError, match="a column stands twice"):
        fit(rows, SCHEMA, order=("age", "age"))
    with pytest.raises(FitError, match="rows of numbers have no names; leave order out"):
        fit(np.zeros((1, 9, 2)), order=("age",))


def test_what_cannot_be_fitted_says_so():
    with pytest.raises(FitError, match=r"at least one training row \(got 0\)"):
        fit(np.zeros((2, 0, 2)))
    with pytest.raises(FitError, match="all training rows of replicate 1 have weight 0"):
        fit(np.zeros((2, 3, 2)), weights=np.array([[1.0] * 3, [0.0] * 3]))


def test_a_learner_gets_from_trees_what_columns_alone_do_not_tell():
    look = TestError(of="published")
    error = {
        type(g).__name__: run(
            Experiment(
                real=real.Table(path="iris"),
                agents=Agent(g, regimes.Replace()),
                metrics=(look,),
                n_real=100,
                generations=1,
                replicates=20,
            ),
            workers=0,
        )
        .array(look)
        .mean()
        for g in (Trees(), Independent())
    }
    assert error["Trees"] < 0.2 < 0.5 < error["Independent"]
