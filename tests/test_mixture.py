"""GaussianMixture: known components, the likelihood that scikit-learn finds, weights, collapsed columns."""

import numpy as np
import pytest
from sklearn import mixture

from genloss.errors import FitError
from genloss.generators import GaussianMixture
from genloss.samples import Chunk, Samples
from genloss.streams import fixed

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 30.0]])


def train(rows, weights=1.0):
    chunk = Chunk(rows.shape[1], 0, -1, rows=rows)
    return Samples((chunk,), (weights,), chunk)


def fit(rows, weights=1.0, **fields):
    return GaussianMixture(**fields).fit(train(rows, weights), fixed("test.fit"))


def clusters(replicates=6, n=600):
    rng = fixed("test.clusters")
    which = rng.choice(3, p=[0.5, 0.3, 0.2], size=(replicates, n))
    return CENTRES[which] + rng.standard_normal((replicates, n, 2)), which


def test_components_that_are_apart_are_found():
    rows, which = clusters()
    model = fit(rows, components=3)
    means = model.middle + model.scale * model.mean
    for r in range(len(rows)):
        for j in range(3):
            mine = rows[r, which[r] == j]
            k = np.abs(means[r] - mine.mean(axis=0)).sum(axis=1).argmin()
            assert np.allclose(means[r, k], mine.mean(axis=0), atol=1e-3)
            assert np.isclose(model.share[r, k], len(mine) / 600, atol=1e-6)
            root = model.scale[r].T * model.root[r, k]
            assert np.allclose(root @ root.T, np.cov(mine.T, ddof=0), atol=1e-2)


def test_likelihood_is_that_of_scikit_learn_at_the_same_maximum():
    rows, _ = clusters(2)
    x = fixed("test.x").standard_normal((50, 2)) * 10
    model = fit(rows, components=3, ridge=1e-9)
    for r in range(2):
        theirs = mixture.GaussianMixture(3, tol=1e-9, n_init=5, random_state=0).fit(rows[r])
        assert np.allclose(model.log_prob(rows)[r], theirs.score_samples(rows[r]), atol=1e-2)
        assert np.allclose(model.log_prob(x)[r], theirs.score_samples(x), rtol=1e-2)


def test_samples_follow_the_mixture():
    model = fit(clusters(1)[0], components=3)
    x = model.sample(40_000, fixed("test.sample"))[0]
    mean = (model.share[..., None] * (model.middle + model.scale * model.mean)).sum(axis=1)[0]
    assert np.all(np.abs(x.mean(axis=0) - mean) < 4 * x.std(axis=0) / 200)
    for r, centre in enumerate(CENTRES):
        near = (np.linalg.norm(x - centre, axis=1) < 5).mean()
        assert abs(near - [0.5, 0.3, 0.2][r]) < 0.06


def test_weights_count_rows_and_rows_of_no_weight_are_not_there():
    rows, _ = clusters(3, 200)
    w = fixed("test.weights").integers(4, size=rows.shape[:2]).astype(float)
    found = fit(rows, w, components=1)
    for r in range(3):
        again = np.repeat(rows[r], w[r].astype(int), axis=0)
        assert np.allclose(found.middle[r], again.mean(axis=0))
        root = found.scale[r].T * found.root[r, 0]
        assert np.allclose(root @ root.T, np.cov(again.T, ddof=0), rtol=1e-4)
    rows[:, :50], w[:, :50] = 1e6, 0
    assert np.abs(fit(rows, w, components=3).sample(500, fixed("s"))).max() < 100


@pytest.mark.parametrize("shift", [0.0, 1e9])
def test_columns_and_rows_that_are_alike_are_no_error(shift):
    rows = np.repeat(fixed("test.alike").standard_normal((2, 1, 3)), 20, axis=1) + shift
    model = fit(rows)
    x = model.sample(50, fixed("s"))
    assert np.isfinite(model.log_prob(rows)).all() and np.abs(x - rows[:, :1]).max() < 0.01
    assert np.isfinite(fit(rows[:, :1]).sample(5, fixed("s"))).all()


def test_what_cannot_be_fitted_says_so():
    with pytest.raises(FitError, match=r"a Gaussian mixture needs at least one training row \(got 0\)"):
        fit(np.zeros((2, 0, 2)))
    with pytest.raises(FitError, match="all training rows of replicate 1 have weight 0"):
        fit(np.zeros((2, 3, 2)), np.array([[1.0] * 3, [0.0] * 3]))
