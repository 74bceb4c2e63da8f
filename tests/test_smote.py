"""Smote: rows lie between a row and one of its nearest neighbours of one class; classes keep their shares.

Means over replicates are compared at 4 standard errors, a false alarm in 16,000 comparisons.
"""

import numpy as np
import pytest

from genloss import Agent, Experiment, real
from genloss.errors import FitError, SpecError
from genloss.generators import Smote
from genloss.samples import Chunk, Samples
from genloss.streams import fixed
from genloss.tables import Column, Schema

X, Y = Column("x", "numeric"), Column("y", "numeric")
CLASS = Column("class", "categorical", ("a", "b", "c"))
PLANE = Schema((X, Y, CLASS), target="class")
MIXED = Schema(
    (
        X,
        Column("town", "categorical", ("p", "q", "r"), missing=True),
        Column("k", "numeric", integer=True, missing=True),
        CLASS,
    ),
    target="class",
)


def train(rows, schema=PLANE, weights=1.0):
    chunk = Chunk(rows.shape[1], 0, -1, rows=rows, schema=schema)
    return Samples((chunk,), (weights,), chunk)


def drawn(rows, schema=PLANE, weights=1.0, n=500, **fields):
    return (
        Smote(**fields).fit(train(rows, schema, weights), fixed("test.fit")).sample(n, fixed("test.sample"))
    )


def check(values, law):
    error = 4 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - law) <= error), (values.mean(axis=0), law, error)


def plane(replicates, n=60, scale=(1.0, 1.0)):
    rng = fixed("test.plane")
    label = rng.choice(3, p=[0.6, 0.3, 0.1], size=(replicates, n)).astype(float)
    xy = rng.standard_normal((replicates, n, 2)) * scale
    return np.concatenate([xy, label[..., None]], axis=2)


@pytest.mark.parametrize("k", [1, 3])
def test_rows_lie_on_segments_to_the_nearest_of_their_class(k):
    rows = plane(4, scale=(1.0, 1000.0))
    x = drawn(rows, k=k)
    for r in range(4):
        xy, label = rows[r, :, :2] / rows[r, :, :2].std(axis=0), rows[r, :, 2]
        far = np.linalg.norm(xy[:, None] - xy, axis=2)
        far[(label[:, None] != label) | np.eye(len(xy), dtype=bool)] = np.inf
        at, to = np.repeat(np.arange(len(xy)), k), np.argsort(far, axis=1)[:, :k].ravel()
        known = np.isfinite(far[at, to])
        one, two = xy[at[known]], xy[to[known]]
        p = x[r, :, :2] / rows[r, :, :2].std(axis=0)
        along = ((p[:, None] - one) * (two - one)).sum(axis=2) / ((two - one) ** 2).sum(axis=1)
        off = np.linalg.norm(p[:, None] - one - along[..., None] * (two - one), axis=2)
        on = (off < 1e-9) & (along > -1e-9) & (along < 1 + 1e-9) & (x[r, :, 2:] == label[at[known]])
        assert on.any(axis=1).all()


def test_two_rows_of_a_class_fill_the_segment_between_them_evenly():
    rows = np.tile([[0.0, 0.0, 0], [1.0, 2.0, 0], [5.0, 5.0, 1]], (200, 1, 1))
    x = drawn(rows, n=200)
    assert np.allclose(x[..., 1][x[..., 2] == 0], 2 * x[..., 0][x[..., 2] == 0])
    assert (x[..., :2][x[..., 2] == 1] == 5).all()  # the only one of its class
    check(np.array([a[a[:, 2] == 0, 0].mean() for a in x]), 1 / 2)
    check(np.array([(a[a[:, 2] == 0, 0] ** 2).mean() for a in x]), 1 / 3)


def test_classes_keep_their_weighted_shares_or_the_least_is_made_alone():
    rows = plane(200)
    w = fixed("test.weights").random(rows.shape[:2])
    w[:, ::4] = 0
    x = drawn(rows, weights=w)
    for code in range(3):
        law = (w * (rows[..., 2] == code)).sum(axis=1) / w.sum(axis=1)
        check((x[..., 2] == code).mean(axis=1) - law, 0.0)
    # weight decides which class is least: here the one of most rows
    w = np.where(rows[..., 2] == 0, 0.01, 1.0)
    assert (drawn(rows, weights=w, classes="minority")[..., 2] == 0).all()
    counts = np.stack([(rows[..., 2] == code).sum(axis=1) for code in range(3)], axis=1)
    least = np.argmin(np.where(counts > 0, counts, 99), axis=1)
    assert (drawn(rows, classes="minority")[..., 2] == least[:, None]).all()


def test_rows_of_no_weight_are_not_there():
    rows = plane(3)
    w = np.ones(rows.shape[:2])
    w[:, 20:] = 0
    assert np.array_equal(drawn(rows, weights=w), drawn(rows[:, :20]))


def test_towns_that_differ_are_a_deviation_apart():
    rng = fixed("test.towns")
    rows = np.stack([rng.standard_normal((1, 40)), rng.integers(4, size=(1, 40)), np.zeros((1, 40))], axis=2)
    rows[..., 1][rows[..., 1] == 3] = np.nan  # a town of its own
    x, town = rows[0, :, 0] * 7 + 1e6, np.nan_to_num(rows[0, :, 1], nan=3)
    rows[..., 0] = x
    model = Smote(k=1).fit(train(rows, Schema((X, MIXED.columns[1], CLASS), target="class")), fixed("f"))
    far = (np.subtract.outer(x, x) / x.std()) ** 2 + (town[:, None] != town)
    np.fill_diagonal(far, np.inf)
    assert np.array_equal(model.hoods[0].near[:, 0], far.argmin(axis=1))
    assert (town[far.argmin(axis=1)] != town).any()  # a town of few rows looks beyond it


def test_towns_are_voted_and_a_tie_is_the_nearest_one_s():
    five = [[0.0, 0], [0.1, 1], [0.2, 1], [0.4, 0], [0.5, 2]]
    schema = Schema((X, MIXED.columns[1], CLASS), target="class")
    rows = np.array([[[*row, 0] for row in five]])
    hood = Smote(k=4).fit(train(rows, schema), fixed("f")).hoods[0]
    assert hood.voted[0, 1] == 1 and hood.voted[1, 1] == 0 and hood.voted[3, 1] == 1
    tie = Smote().fit(train(rows[:, [0, 1, 4]], schema), fixed("f")).hoods[0]
    assert tie.voted[:, 1].tolist() == [1, 0, 1]


def test_gaps_are_those_of_the_rows_and_whole_numbers_stay_whole():
    rng = fixed("test.gaps")
    rows = np.stack(
        [
            rng.standard_normal((3, 80)),
            rng.integers(3, size=(3, 80)),
            rng.integers(50, size=(3, 80)),
            np.zeros((3, 80)),
        ],
        axis=2,
    ).astype(float)
    rows[:, :30, 2] = np.nan
    rows[:, 20:60, 1] = np.nan
    x = drawn(rows, MIXED, n=2000)
    gaps = np.isnan(x).mean(axis=1)
    assert (
        np.all(np.abs(gaps[:, 2] - 30 / 80) < 0.05)
        and (gaps[:, [0, 3]] == 0).all()
        and (gaps[:, 1] > 0).all()
    )
    there = x[..., 2][~np.isnan(x[..., 2])]
    assert np.array_equal(there, np.rint(there)) and there.min() >= 0 and there.max() < 50
    for replicate in x:
        MIXED.decode(replicate)


def test_rows_that_are_all_alike_or_one_are_given_again():
    same = np.tile([1.0, 2.0, 1.0], (2, 10, 1))
    assert np.array_equal(drawn(same, n=10), same)
    assert np.array_equal(drawn(same[:, :1], n=10), same)


def test_what_cannot_be_fitted_says_so():
    rows = plane(2)
    with pytest.raises(
        FitError, match=r"target is categories \('y' is numbers or dates\); use Trees or Copula"
    ):
        drawn(rows, Schema(PLANE.columns, target="y"))
    with pytest.raises(FitError, match=r"target is categories \(no column is the target\)"):
        drawn(rows, Schema(PLANE.columns))
    with pytest.raises(FitError, match=r"at least one training row \(got 0\)"):
        drawn(rows[:, :0])
    rows[1, :, 2] = np.nan
    with pytest.raises(FitError, match="no training row of replicate 1 has a class"):
        drawn(rows)
    with pytest.raises(SpecError, match="Smote cannot be fitted to Gaussian"):
        Experiment(real=real.Gaussian(), agents=Agent(Smote()))
