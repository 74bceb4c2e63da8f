"""Bootstrap and Independent: laws of what is drawn, by weight, and what is lost between columns.

Means over replicates are compared at 4 standard errors, a false alarm in 16,000 comparisons.
"""

import numpy as np
import pytest

from genloss.errors import FitError
from genloss.generators import Bootstrap, Independent
from genloss.samples import Chunk, Samples
from genloss.streams import fixed

N, REPLICATES = 40, 200


def train(rows, weights=1.0):
    chunk = Chunk(rows.shape[1], 0, -1, rows=rows)
    return Samples((chunk,), (weights,), chunk)


def tied_rows(replicates=REPLICATES):
    """(R, N, 2) rows, whose second cell is minus the first; some cells are missing, both at once."""
    x = fixed("test.rows").standard_normal((replicates, N))
    x[:, ::8] = np.nan
    return np.stack([x, -x], axis=2)


def check(values, law):
    error = 4 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - law) <= error), (values.mean(axis=0), law, error)


def drawn(generator, rows, weights=1.0, n=3 * N):
    return generator.fit(train(rows, weights), fixed("test.fit")).sample(n, fixed("test.sample"))


@pytest.mark.parametrize("generator", [Bootstrap(), Independent()], ids=repr)
@pytest.mark.parametrize("weighted", [False, True])
def test_columns_keep_their_weighted_laws(generator, weighted):
    rows = tied_rows()
    w = fixed("test.weights").random((REPLICATES, N)) ** 3 if weighted else np.ones((REPLICATES, N))
    w[:, 1] *= not weighted
    x = drawn(generator, rows, w if weighted else 1.0)
    w = w / w.sum(axis=1, keepdims=True)
    for j in (0, 1):
        cells = rows[..., j]
        check(np.isnan(x[..., j]).mean(axis=1) - (w * np.isnan(cells)).sum(axis=1), 0.0)
        for power in (1, 2):
            law = (w * np.nan_to_num(cells) ** power).sum(axis=1)
            check((np.nan_to_num(x[..., j]) ** power).mean(axis=1) - law, 0.0)
    if weighted:  # a row of weight zero is not there
        assert not np.isin(x[..., 0], rows[:, 1, 0]).any()


def test_a_bootstrap_gives_rows_of_the_training_set_and_loses_some():
    rows = tied_rows()
    x = drawn(Bootstrap(), rows, n=N)
    assert np.array_equal(x[..., 0], -x[..., 1], equal_nan=True)
    known = [np.isin(x[r, :, 0], rows[r, :, 0]) | np.isnan(x[r, :, 0]) for r in range(REPLICATES)]
    assert np.all(known)
    kept = np.array([len(np.unique(x[r, :, 0][~np.isnan(x[r, :, 0])])) for r in range(REPLICATES)])
    there = N - N // 8
    check(kept / there, 1 - (1 - 1 / N) ** N)


def test_independent_columns_know_nothing_of_each_other():
    x = drawn(Independent(), tied_rows())
    present = ~np.isnan(x).any(axis=2)
    assert (np.isnan(x[..., 0]) != np.isnan(x[..., 1])).any()  # gaps too
    law = np.array([np.corrcoef(a[p].T)[0, 1] for a, p in zip(x, present, strict=True)])
    check(law, 0.0)


def test_what_is_drawn_is_no_view_and_keeps_its_dtype_and_shape():
    symbols = fixed("test.symbols").integers(5, size=(3, 20))
    images = fixed("test.images").integers(256, size=(3, 20, 4, 5))
    for rows in (symbols, images):
        for generator in (Bootstrap(), Independent()):
            x = drawn(generator, rows, n=7)
            assert x.dtype == rows.dtype and x.shape == (3, 7, *rows.shape[2:])
            assert not np.shares_memory(x, rows)


@pytest.mark.parametrize("generator", [Bootstrap(), Independent()], ids=repr)
def test_nothing_to_draw_from_is_an_error(generator):
    with pytest.raises(FitError, match=r"needs? at least one training row \(got 0\)"):
        generator.fit(train(np.zeros((2, 0, 2))), fixed("test"))
    w = np.array([[1.0] * N, [0.0] * N])
    with pytest.raises(FitError, match="all training rows of replicate 1 have weight 0"):
        generator.fit(train(tied_rows(2), w), fixed("test"))
