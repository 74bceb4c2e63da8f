"""Forest: what columns know of each other is learnt round after round; columns keep their laws, by weight.

Means over replicates are compared at 4 standard errors, a false alarm in 16,000 comparisons.
"""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from genloss.errors import FitError
from genloss.generators import Forest, Independent
from genloss.generators.drawing import Groups
from genloss.generators.forest import _leaf
from genloss.samples import Chunk, Samples
from genloss.streams import fixed
from genloss.tables import Column, Schema

MIXED = Schema(
    (
        Column("x", "numeric"),
        Column("town", "categorical", ("p", "q", "r"), missing=True),
        Column("y", "numeric", integer=True, missing=True),
    )
)


def train(rows, schema=None, weights=1.0):
    chunk = Chunk(rows.shape[1], 0, -1, rows=rows, schema=schema)
    return Samples((chunk,), (weights,), chunk)


def fit(rows, schema=None, weights=1.0, **fields):
    return Forest(**fields).fit(train(rows, schema, weights), fixed("test.fit"))


def drawn(rows, schema=None, weights=1.0, n=1000, **fields):
    return fit(rows, schema, weights, **fields).sample(n, fixed("test.sample"))


def check(values, law):
    error = 4 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - law) <= error), (values.mean(axis=0), law, error)


def mixed(replicates=6, n=400):
    """(R, n, 3) rows: x or the town says whether y is large, and y is missing in one town of four."""
    rng = fixed("test.mixed")
    x, town = rng.standard_normal((replicates, n)), rng.integers(4, size=(replicates, n))
    y = np.where((x > 0) ^ (town == 1), 100.0, 0.0) + rng.integers(5, size=(replicates, n))
    y[town == 2] = np.nan
    return np.stack([x, np.where(town == 3, np.nan, town), y], axis=2)


def rule(rows):
    """How often rows keep it, of those whose y is there."""
    there = ~np.isnan(rows[..., 2])
    return np.mean((((rows[..., 0] > 0) ^ (rows[..., 1] == 1)) == (rows[..., 2] > 50))[there])


def test_a_rule_over_three_columns_is_learnt_with_its_gaps():
    rows = mixed()
    x = drawn(rows, MIXED)
    apart = Independent().fit(train(rows, MIXED), fixed("f")).sample(1000, fixed("s"))
    assert rule(rows) == 1 and rule(x) > 0.9 and rule(apart) < 0.6
    gone = np.isnan(x[..., 2])
    assert gone[x[..., 1] == 2].mean() > 0.9 and gone[x[..., 1] != 2].mean() < 0.1
    for r in range(len(rows)):
        for j in range(3):
            assert np.isin(x[r, :, j][~np.isnan(x[r, :, j])], rows[r, :, j]).all()


def test_columns_keep_their_laws_by_weight():
    """A leaf is drawn by its weight: over all leaves of a tree each cell is as likely as it weighs."""
    rng = fixed("test.weights")
    rows = rng.standard_normal((40, 100, 2))
    rows[..., 1] += rows[..., 0]
    w = rng.random((40, 100)) ** 2
    w[:, ::5] = 0
    rows[..., 0] += 2 * w  # weight goes with the cells, so that leaves that forget it are off
    x = drawn(rows, weights=w, trees=5, min_leaf=30)
    w /= w.sum(axis=1, keepdims=True)
    for power in (1, 2):
        check((x**power).mean(axis=1) - (w[..., None] * rows**power).sum(axis=1), 0.0)
    assert not np.isin(x, rows[:, ::5]).any()


def test_dependence_of_normal_rows():
    rng = fixed("test.normal")
    root = np.linalg.cholesky([[1, 0.8, 0], [0.8, 1, 0.5], [0, 0.5, 1]])
    rows = rng.standard_normal((20, 500, 3)) @ root.T
    x = drawn(rows, n=4000)
    seen, law = (np.mean([np.corrcoef(a.T) for a in some], axis=0) for some in (x, rows))
    assert np.all(np.abs(seen - law) < 0.08), (seen, law)


def test_units_do_not_matter():
    rows = np.rint(100 * fixed("test.units").standard_normal((2, 100, 2)))
    assert np.array_equal(drawn(1e-9 * rows, trees=5), 1e-9 * drawn(rows, trees=5))
    assert np.array_equal(drawn(rows + 1e12, trees=5), drawn(rows, trees=5) + 1e12)


def test_rounds_go_on_while_a_forest_still_tells(monkeypatch):
    told = []
    grow = Forest._told

    def counted(self, *given):
        grown, found = grow(self, *given)
        told.append(found)
        return grown, found

    monkeypatch.setattr(Forest, "_told", counted)
    rows = mixed(1)
    for fields, most in (({}, 10), ({"rounds": 1}, 1), ({"tolerance": 1.0}, 1)):
        told.clear()
        fit(rows, MIXED, **fields)
        assert 1 <= len(told) <= most
        # each but the last did better than a coin, and worse than the one before
        assert all(a > 0.5 for a in told[:-1]) and np.all(np.diff(told[:-1]) < 0)
    told.clear()
    fit(rows, MIXED)
    assert len(told) > 1 and told[0] > 0.65


def test_a_forest_that_tells_more_than_the_one_before_is_not_kept(monkeypatch):
    rows = mixed(1)
    two = drawn(rows, MIXED, rounds=2)
    said, grow = [0.9, 0.7, 0.8, 0.6], Forest._told
    monkeypatch.setattr(Forest, "_told", lambda self, *given: (grow(self, *given)[0], said.pop(0)))
    assert np.array_equal(drawn(rows, MIXED), two, equal_nan=True) and said == [0.6]


def test_rounding_leads_to_no_other_group():
    groups = Groups.of(np.arange(3), np.arange(3), np.array([1e16, 1.0, 1e16]))
    assert groups.draw(np.array([1, 1, 2]), np.array([0.3, 0.99, 0.5])).tolist() == [1, 1, 2]


@pytest.mark.parametrize("least", [1, 5, 40, 1000])
def test_small_leaves_are_put_into_those_beside_them(least):
    rng = fixed("test.leaves")
    real, made = (rng.standard_normal((300, 3)).astype(np.float32) for _ in range(2))
    real[::7, 0] = np.nan
    grower = RandomForestClassifier(4, random_state=1)
    grower.fit(np.concatenate([real, made]), np.repeat([1, 0], 300))
    for tree in (t.tree_ for t in grower.estimators_):
        leaf = _leaf(tree, real, least)
        count = np.bincount(leaf)
        assert count[count > 0].min() >= min(least, 300)
        if least == 1:  # nothing is small: where each row falls
            assert np.array_equal(leaf, tree.apply(real))
    assert all(
        (np.bincount(row)[np.bincount(row) > 0] >= 5).all() for row in fit(mixed(1), MIXED).woods[0].leaf
    )


def test_one_row_one_column_and_columns_alike():
    rows = mixed(2)
    assert np.array_equal(drawn(rows[:, :1], MIXED, n=3), np.repeat(rows[:, :1], 3, axis=1), equal_nan=True)
    assert drawn(rows[..., :1]).shape == (2, 1000, 1)
    rows[0, :, 2] = np.nan
    rows[1, :, 0] = 3
    x = drawn(rows, MIXED)
    assert np.isnan(x[0, :, 2]).all() and (x[1, :, 0] == 3).all()


def test_what_cannot_be_fitted_says_so():
    with pytest.raises(FitError, match=r"a forest needs at least one training row \(got 0\)"):
        fit(np.zeros((2, 0, 2)))
    with pytest.raises(FitError, match="all training rows of replicate 1 have weight 0"):
        fit(np.zeros((2, 3, 2)), weights=np.array([[1.0] * 3, [0.0] * 3]))
