"""The Gaussian copula: latent correlations are found, margins are kept, replicates never mix.

Means over replicates are compared at 4 standard errors, a false alarm in 16,000 comparisons.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from scipy.stats import ks_2samp, spearmanr

from genloss.errors import FitError
from genloss.generators import Copula
from genloss.samples import Chunk, Samples
from genloss.tables import Column, Schema, read_table

NUMBER = Column("x", "numeric")


def generator(seed=0):
    return np.random.Generator(np.random.SFC64(seed))


def schema_of(*columns):
    return Schema(tuple(columns))


def categories(k, missing=False):
    return Column("c", "categorical", tuple(f"c{i}" for i in range(k)), missing=missing)


BOOLEAN = Column("b", "boolean")


def train(rows, schema=None, weights=1.0):
    chunk = Chunk(rows.shape[1], 0, -1, rows=rows, schema=schema)
    return Samples((chunk,), (weights,), chunk)


def fit(rows, schema=None, weights=1.0):
    return Copula().fit(train(rows, schema, weights), generator())


def check(values, law, slack=0.0):
    """The mean over axis 0 is the law's, within 4 standard errors and a known bias."""
    error = 4 * values.std(axis=0, ddof=1) / np.sqrt(len(values)) + slack
    assert np.all(np.abs(values.mean(axis=0) - law) <= error), (values.mean(axis=0), law, error)


def normals(rng, replicates, n, correlation):
    return rng.standard_normal((replicates, n, len(correlation))) @ np.linalg.cholesky(correlation).T


def random_correlation(rng, d):
    x = rng.standard_normal((d, 2 * d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x @ x.T


# -- dependence ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, d", [(30, 2), (100, 4), (1000, 3), (2000, 8)])
def test_correlation_of_gaussian_rows(n, d):
    rng = generator(n)
    law = random_correlation(rng, d)
    rows = np.exp(normals(rng, 40_000 // n, n, law))  # any increasing margins
    seen = fit(rows).correlation
    scores = np.sort(rng.standard_normal((2000, n)), axis=1).mean(axis=0)
    bias = 1 - (scores**2).sum() / (n - 1)  # exact to first order in rho, the most that is lost
    check(seen, law, slack=bias * np.abs(law) + 1e-12)


@pytest.mark.parametrize("n", [10, 40])
def test_small_correlations_shrink_by_the_law_of_normal_scores(n):
    rng = generator(n)
    rho = 0.2
    rows = normals(rng, 30_000, n, np.array([[1, rho], [rho, 1]]))
    expected = np.sort(rng.standard_normal((20_000, n)), axis=1).mean(axis=0)
    interval = fit(rows[:1]).margins[0].share  # equal steps
    density = np.exp(-0.5 * ndtri(interval[0]) ** 2)
    s = -np.diff(density)
    slope = (s @ expected) ** 2 / (s @ s) / (n - 1)
    check(fit(rows).correlation[:, 0, 1], rho * slope, slack=0.1 * rho**3)


@pytest.mark.parametrize("n, p, rho", [(200, 0.5, 0.6), (1000, 0.1, -0.7), (2000, 0.8, 0.95)])
def test_biserial(n, p, rho):
    z = normals(generator(n), 100, n, np.array([[1, rho], [rho, 1]]))
    z[..., 1] = z[..., 1] > ndtri(1 - p)
    model = fit(z, schema_of(NUMBER, BOOLEAN))
    check(model.correlation[:, 0, 1], rho, slack=2 / n)


@pytest.mark.parametrize("p, q, rho", [(0.5, 0.5, 0.9), (0.1, 0.4, 0.5), (0.3, 0.7, -0.6), (0.1, 0.1, 0.0)])
def test_tetrachoric(p, q, rho):
    n = 4000
    z = normals(generator(5), 60, n, np.array([[1, rho], [rho, 1]]))
    rows = (z > ndtri([1 - p, 1 - q])).astype(float)
    model = fit(rows, schema_of(BOOLEAN, BOOLEAN))
    check(model.correlation[:, 0, 1], rho, slack=0.003)
    again = model.sample(n, generator(6))
    check(again.prod(axis=2).mean(axis=1) - rows.prod(axis=2).mean(axis=1), 0.0, slack=1e-4)


def test_own_rows_give_the_model_again():
    rng = generator(7)
    law = random_correlation(rng, 5)
    z = normals(rng, 30, 20_000, law)
    z[..., 1] = np.digitize(z[..., 1], [-1, 0.2, 0.5])
    z[..., 2] = np.digitize(z[..., 2], [0.8, 1.5])
    z[..., 3] = np.rint(1.5 * z[..., 3])  # a numeric column full of ties
    schema = schema_of(NUMBER, categories(4), categories(3), Column("i", "numeric", integer=True), NUMBER)
    model = fit(z, schema)
    check(model.correlation, law, slack=1e-3)
    again = fit(model.sample(20_000, rng), schema)
    check(again.correlation, law, slack=2e-3)


def test_perfect_dependence():
    x = generator(8).standard_normal((3, 50, 1))
    model = fit(np.concatenate([x, x**3, -x], axis=2))
    np.testing.assert_allclose(
        model.correlation, np.broadcast_to(np.outer([1, 1, -1], [1, 1, -1]), (3, 3, 3))
    )
    y = model.sample(200, generator(9))
    order = np.argsort(y[0, :, 0])
    assert np.all(np.diff(y[0, order, 1]) >= -1e-9)
    assert np.all(np.diff(y[0, order, 2]) <= 1e-9)


def test_a_few_ties_leave_perfect_dependence_perfect():
    x = generator(25).standard_normal((2, 200, 1))
    x[:, 0] = x[:, 1]
    np.testing.assert_allclose(fit(np.concatenate([x, -x], axis=2)).correlation[:, 0, 1], -1, atol=1e-12)


def test_fewer_rows_than_columns():
    rows = generator(10).standard_normal((4, 6, 20))
    model = fit(rows)
    np.testing.assert_allclose(np.diagonal(model.correlation, axis1=1, axis2=2), 1)
    assert np.isfinite(model.sample(10, generator())).all()


# -- margins ---------------------------------------------------------------------------------------


def test_margins_are_kept():
    rng = generator(11)
    rows = np.stack([rng.gamma(2, size=(5, 5000)), rng.standard_t(3, size=(5, 5000))], axis=2)
    seen = fit(rows).sample(5000, rng)
    for r in range(5):
        for j in range(2):
            assert ks_2samp(rows[r, :, j], seen[r, :, j]).pvalue > 1e-4


def test_interpolated_quantiles():
    model = fit(np.array([[[3.0], [0.0], [1.0], [1.0]]]))
    levels = np.array([[0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0]])
    np.testing.assert_allclose(model.margins[0].quantile(levels), [[0, 0, 0.5, 1, 1, 1, 2, 3, 3]])


@pytest.mark.parametrize("n", [5, 40])
def test_frequencies_and_missing_rates_are_kept(n):
    rng = generator(n)
    rows = rng.choice([0.0, 1.0, 2.0, np.nan], p=[0.6, 0.25, 0.05, 0.1], size=(4000, n, 1))
    rows = np.concatenate(
        [rows, np.where(rng.random(rows.shape) < 0.3, np.nan, rng.random(rows.shape))], axis=2
    )
    schema = schema_of(categories(3, missing=True), Column("x", "numeric", missing=True))
    seen = fit(rows, schema).sample(n, rng)
    for code in range(3):
        own, new = (rows[..., 0] == code).mean(axis=1), (seen[..., 0] == code).mean(axis=1)
        # shares of the present cells and of the missing ones are drawn independently
        check(new - own, 0.0)
    check(np.isnan(seen).mean(axis=1) - np.isnan(rows).mean(axis=1), 0.0)


def test_missing_depends_on_other_columns():
    rng = generator(13)
    z = normals(rng, 50, 2000, np.array([[1.0, 0.5], [0.5, 1.0]]))
    z[..., 0][rng.random((50, 2000)) < ndtr(2 * z[..., 1])] = np.nan
    model = fit(z, schema_of(Column("x", "numeric", missing=True), NUMBER))
    assert model.gaps == (0,)
    np.testing.assert_allclose(model.correlation[:, 0, 2], 0, atol=1e-9)
    check(model.correlation[:, 1, 2], 2 / np.sqrt(5), slack=2e-3)
    seen = model.sample(2000, rng)

    def gap(x):
        return np.array([r[np.isnan(r[:, 0]), 1].mean() for r in x])

    check(gap(seen) - gap(z), 0.0, slack=2e-3)


def test_correlations_are_taken_over_common_rows():
    rng = generator(23)
    law = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]])
    z = normals(rng, 100, 1000, law)
    z[..., 2] = z[..., 2] > 0.3
    z[..., 0][rng.random((100, 1000)) < 0.5] = np.nan
    z[..., 2][rng.random((100, 1000)) < 0.3] = np.nan
    model = fit(z, schema_of(NUMBER, NUMBER, BOOLEAN))
    check(model.correlation[:, :3, :3], law, slack=4e-3)
    check(model.correlation[:, :3, 3:], 0.0, slack=1e-12)


def test_quantiles_stay_in_range():
    rows = np.exp(3 * generator(24).standard_normal((200, 5, 1)))
    margin = fit(rows).margins[0]
    middle = 0.9
    levels = np.broadcast_to(middle - np.arange(50) * np.spacing(middle), (200, 50))
    assert (margin.quantile(levels) <= margin.values[:, -1:]).all()


def test_diversity_shrinks_by_one_in_n_a_generation():
    n, replicates = 10, 3000
    rng = generator(14)
    schema = schema_of(categories(4))
    rows = np.tile(np.repeat(np.arange(4.0), [4, 3, 2, 1])[:, None], (replicates, 1, 1))

    def diversity(x):
        p = np.stack([(x[..., 0] == code).mean(axis=1) for code in range(4)], axis=1)
        return 1 - (p**2).sum(axis=1)

    start = diversity(rows)[0]
    for t in range(1, 8):
        rows = fit(rows, schema).sample(n, rng)
        check(diversity(rows), start * (1 - 1 / n) ** t)


def test_lost_categories_stay_lost():
    rows = np.array([[[0.0], [2.0], [2.0]], [[1.0], [1.0], [1.0]]])
    seen = fit(rows, schema_of(categories(5))).sample(5000, generator(15))
    assert set(np.unique(seen[0])) == {0.0, 2.0}
    assert set(np.unique(seen[1])) == {1.0}


# -- weights, replicates, small sets ---------------------------------------------------------------

MIXED = schema_of(NUMBER, categories(3, missing=True), Column("i", "numeric", integer=True, missing=True))


def mixed(rng, replicates, n):
    z = normals(rng, replicates, n, random_correlation(rng, 3))
    z[..., 1] = np.digitize(z[..., 1], [-0.5, 0.5])
    z[..., 2] = np.rint(2 * z[..., 2])
    z[..., 1:][rng.random((replicates, n, 2)) < 0.2] = np.nan
    return z


def test_weight_zero_is_absence():
    rng = generator(16)
    rows = mixed(rng, 3, 60)
    weights = np.repeat([1.0, 0.0], [40, 20])
    one, two = fit(rows, MIXED, weights), fit(rows[:, :40], MIXED)
    np.testing.assert_allclose(one.root, two.root, atol=1e-9)
    np.testing.assert_allclose(one.sample(100, generator(1)), two.sample(100, generator(1)), atol=1e-9)


def test_whole_weights_are_repetitions_of_categories():
    rng = generator(17)
    rows = np.floor(3 * rng.random((4, 30, 2)) ** 2)
    times = rng.integers(0, 4, 30)
    schema = schema_of(categories(3), categories(3))
    one = fit(rows, schema, np.broadcast_to(times.astype(float), (4, 30)))
    two = fit(np.repeat(rows, times, axis=1), schema)
    np.testing.assert_allclose(one.root, two.root, atol=1e-7)
    np.testing.assert_array_equal(one.sample(300, generator(1)), two.sample(300, generator(1)))


def test_weighted_margins():
    rng = generator(18)
    rows = rng.random((400, 300, 1))
    seen = fit(rows, weights=rows[..., 0]).sample(300, rng)
    check(seen.mean(axis=(1, 2)), 2 / 3, slack=1 / 300)


def test_replicates_never_mix():
    rng = generator(19)
    rows, others = mixed(rng, 4, 50), mixed(rng, 4, 50)
    others[1] = rows[1]
    others[0, :, 0] = np.rint(others[0, :, 0])  # coarse there, smooth in replicate 1
    others[2] = 1.0
    others[3, :, 1:] = np.nan
    for weights in (1.0, rng.random(50), rng.random((4, 50))):
        models = [fit(x, MIXED, weights) for x in (rows, others)]
        np.testing.assert_allclose(models[0].root[1], models[1].root[1], atol=1e-12)
        one, two = (model.sample(20, generator(3)) for model in models)
        np.testing.assert_allclose(one[1], two[1], rtol=1e-9)
        assert not np.allclose(one[0], two[0], equal_nan=True)
        np.testing.assert_allclose(models[1].correlation[2], np.eye(5), atol=1e-12)
        alone = fit(rows[1:2], MIXED, weights if np.ndim(weights) < 2 else weights[1:2])
        np.testing.assert_allclose(alone.root, models[0].root[1:2], atol=1e-12)


def test_one_row_constant_columns_and_missing_throughout():
    rows = np.array([[[2.5, 1.0, np.nan]], [[np.nan, 0.0, 4.0]]])
    seen = fit(rows, MIXED).sample(7, generator())
    np.testing.assert_array_equal(seen, np.broadcast_to(rows, (2, 7, 3)))
    constant = np.broadcast_to([1.5, 2.0, 3.0], (2, 9, 3)).copy()
    constant[..., 0] += np.arange(9)
    model = fit(constant, MIXED)
    np.testing.assert_array_equal(model.correlation[0], np.eye(5))
    np.testing.assert_array_equal(
        model.sample(4, generator())[..., 1:], np.broadcast_to([2.0, 3.0], (2, 4, 2))
    )


def test_events_of_any_shape():
    rows = generator(20).random((3, 40, 4, 5))
    seen = fit(rows).sample(6, generator(1))
    assert seen.shape == (3, 6, 4, 5)
    flat = fit(rows.reshape(3, 40, 20)).sample(6, generator(1))
    np.testing.assert_array_equal(seen.reshape(3, 6, 20), flat)


def test_several_chunks_are_one_training_set():
    rng = generator(21)
    rows = mixed(rng, 2, 30)
    first = Chunk(10, 0, -1, rows=rows[:, :10], schema=MIXED)
    union = Samples.of([first, Chunk(20, 1, 0, rows=rows[:, 10:])])
    one = Copula().fit(union, generator())
    np.testing.assert_array_equal(one.sample(5, generator()), fit(rows, MIXED).sample(5, generator()))
    shares = Copula().fit(union.weighted(real=1.0), generator())
    np.testing.assert_allclose(shares.root, fit(rows[:, :10], MIXED).root, atol=1e-9)


def test_no_rows():
    with pytest.raises(FitError, match="at least one training row"):
        fit(np.empty((2, 0, 3)))
    with pytest.raises(FitError, match="replicate 1 have weight 0"):
        fit(np.ones((2, 3, 1)), weights=np.array([[1.0] * 3, [0.0] * 3]))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(0, 3), st.sampled_from([0.0, 0.3, 0.9]))
def test_any_table(seed, n, ties, gone):
    rng = generator(seed)
    rows = rng.standard_normal((3, n, 4)) * 10.0 ** rng.integers(-300, 300)
    if ties:
        rows[..., 0] = rng.integers(0, ties, rows.shape[:2])
    rows[..., 2] = rng.integers(0, ties + 1, rows.shape[:2])
    rows[..., 3] = rng.integers(-5, 5, rows.shape[:2])
    rows[..., :3][rng.random((3, n, 3)) < gone] = np.nan
    weights = rng.choice([0.0, 1e-12, 1.0, 1e6], size=(3, n))
    weights[:, 0] += 1.0
    schema = schema_of(NUMBER, NUMBER, categories(4), Column("i", "numeric", integer=True))
    for w in (1.0, weights):
        model = fit(rows, schema, w)
        np.testing.assert_allclose(np.diagonal(model.correlation, axis1=1, axis2=2), 1)
        seen = model.sample(20, rng)
        for r in range(3):
            kept = rows[r, np.broadcast_to(w, (3, n))[r] > 0]
            assert np.isin(seen[r, :, 2], kept[:, 2]).all() or np.isnan(kept[:, 2]).any()
            for j in range(4):
                have = kept[~np.isnan(kept[:, j]), j]
                got = seen[r, ~np.isnan(seen[r, :, j]), j]
                assert got.size == 0 or (have.min() <= got.min() and got.max() <= have.max())
                assert np.isnan(kept[:, j]).any() or got.size == 20
                if j == 2:
                    assert np.isin(got, have).all()
                if j == 3:
                    assert np.array_equal(got, np.rint(got))


def test_breast_cancer():
    read = read_table("breast_cancer")
    schema, table = read.schema, read.rows
    rows = np.stack([table, table[::-1]])
    rng = generator(22)
    model = fit(rows, schema)
    seen = model.sample(3000, rng)
    frame = schema.decode(seen[0])
    assert list(frame.columns) == list(schema.names)
    assert set(frame["target"]) == {"malignant", "benign"}
    p = table[:, schema.target_index].mean()
    assert abs(seen[..., schema.target_index].mean() - p) < 4 * np.sqrt(p * (1 - p) / 6000)
    own, new = (spearmanr(x).statistic for x in (table, seen[0]))
    assert np.abs(own - new).max() < 0.1
    assert np.abs(own - new).mean() < 0.02
