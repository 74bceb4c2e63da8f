"""Additive statistics: against NumPy, on badly conditioned data, and as draws from their exact laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genloss.statistics import (
    Counts,
    Gram,
    Moments,
    draw_gram,
    draw_moments,
    moments,
    sample_symbols,
    triangular_root,
)
from laws import ALPHA, assert_mean, assert_same_law, normal_equations, stream


def scatter(m: Moments) -> Any:
    return m.root @ m.root.mT


# -- moments ---------------------------------------------------------------------------------------


@given(st.integers(1, 12), st.integers(1, 8), st.integers(0, 1000))
def test_moments_are_numpys(n: int, d: int, seed: int) -> None:
    x = stream(seed).standard_normal((3, n, d)) * 10.0 ** stream(seed + 1).integers(-3, 4, size=d)
    m = moments(x)
    assert m.root.shape == (3, d, min(d, n - 1) if n <= d else d)
    for r in range(3):
        covariance = np.cov(x[r].T, ddof=0).reshape(d, d) * n
        scale = np.sqrt(np.outer(np.diagonal(covariance), np.diagonal(covariance)))
        assert np.allclose(scatter(m)[r], covariance, atol=1e-12 * (scale + 1e-300))
    if n > d:
        assert np.array_equal(m.root, np.tril(m.root))


@pytest.mark.parametrize("eps", [1e-3, 1e-7, 1e-12])
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_root_of_rows_that_nearly_lie_on_a_line(eps: float, shift: float) -> None:
    """A formed scatter knows the narrow direction to 1e-16 of the wide one; a root to its square root."""
    rng = stream(2)
    wide, narrow = rng.standard_normal((2, 4, 50, 1))
    x = np.concatenate([wide, wide + eps * narrow], axis=2) + shift
    m = moments(x)
    gap = narrow[..., 0] - narrow[..., 0].mean(axis=1, keepdims=True)
    line = wide[..., 0] - wide[..., 0].mean(axis=1, keepdims=True)
    left = gap - (gap * line).sum(axis=1, keepdims=True) / (line**2).sum(axis=1, keepdims=True) * line
    expected = 2 * np.log(eps) + np.log((left**2).sum(axis=1)) + np.log((line**2).sum(axis=1))
    digits = max(1e-13, 1e-15 * max(shift, 1) / eps)  # what the rows themselves still hold
    assert np.allclose(m.log_det, expected, atol=20 * digits + 1e-9)


def test_log_determinant_of_a_union_of_flat_sets() -> None:
    rng = stream(3)
    flat = rng.standard_normal((2, 30, 2)) * [1.0, 1e-9]
    other = rng.standard_normal((2, 20, 2)) * [1.0, 1e-9] + [1.0, 0.0]
    both = moments(flat) + moments(other)
    whole = np.concatenate([flat, other], axis=1)
    centred = (whole - whole.mean(axis=1, keepdims=True)) * [1.0, 1e9]
    expected = np.linalg.slogdet(centred.mT @ centred)[1] + 2 * np.log(1e-9)
    assert np.allclose(both.log_det, expected, atol=1e-8)


@given(st.integers(1, 6), st.integers(1, 12), st.integers(0, 500))
def test_triangular_root(d: int, k: int, seed: int) -> None:
    x = stream(seed).standard_normal((3, d, k))
    x[1] = 0
    if d > 1:
        x[2, 1] = x[2, 0]  # singular
    root = triangular_root(x)
    assert root.shape == (3, d, min(d, k))
    assert np.allclose(root @ root.mT, x @ x.mT, atol=1e-10)
    if k >= d:
        assert np.array_equal(root, np.tril(root))


@given(st.integers(2, 30), st.integers(0, 500), st.floats(0.1, 10))
def test_weights_of_moments(n: int, seed: int, w: float) -> None:
    rng = stream(seed)
    x, weights = rng.standard_normal((2, n, 3)), rng.random((2, n)) + 0.01
    m = moments(x, weights)
    for r in range(2):
        expected = np.cov(x[r].T, aweights=weights[r], ddof=0) * weights[r].sum()
        assert np.allclose(scatter(m)[r], expected)
        assert np.allclose(m.mean[r], np.average(x[r], axis=0, weights=weights[r]))
    heavier = moments(x) * w
    assert np.allclose(scatter(heavier), scatter(moments(x, np.full((2, n), w))))
    assert heavier.n == pytest.approx(w * n)


def test_sums_of_drawn_moments_are_sums_of_moments() -> None:
    """The well-conditioned way of adding what was drawn from the sum gives what adding scatters gives."""
    rng = stream(4)
    source = moments(rng.standard_normal((3, 20, 4)))
    for n in (2, 3, 50):
        drawn = draw_moments(source, 0.3, n, rng)
        one = source + drawn
        other = source + Moments(drawn.n, drawn.mean, drawn.root)
        assert np.allclose(one.mean, other.mean)
        assert np.allclose(scatter(one), scatter(other))
        assert one.n == other.n == 20 + n
        assert np.array_equal(one.root, np.tril(one.root))


@pytest.mark.parametrize(("n", "d"), [(30, 2), (3, 3), (2, 5), (10**12, 3)])
def test_drawn_moments_have_the_law_of_rows(n: int, d: int) -> None:
    rng, r = stream(5), 4000
    root = np.tril(rng.standard_normal((d, d)))
    source = Moments(1.0, np.arange(d) + np.zeros((r, d)), np.broadcast_to(root, (r, d, d)))
    drawn = draw_moments(source, 0.5, n, rng)
    covariance = 0.25 * root @ root.T
    assert_mean(scatter(drawn).transpose(1, 2, 0) / n, (n - 1) / n * covariance)
    assert_mean(drawn.mean.T, np.arange(d))
    assert_mean(n * (drawn.mean.T - np.arange(d)[:, None]) ** 2, np.diagonal(covariance))
    if n < 100:
        z = rng.standard_normal((r, n, d))
        rows = moments(0.5 * z @ root.T + np.arange(d))
        assert_same_law(scatter(drawn)[:, 0, 0], scatter(rows)[:, 0, 0])
        assert_same_law(scatter(drawn)[:, 0, -1], scatter(rows)[:, 0, -1])
        assert_same_law(drawn.trace, rows.trace)


def test_collapse_of_some_replicates_leaves_others_as_they_are() -> None:
    x = stream(6).standard_normal((3, 20, 2))
    flat = x.copy()
    flat[1] = 7.0
    with np.errstate(divide="ignore"):
        m = moments(flat)
        assert m.log_det[1] == -np.inf
        assert np.allclose(m.log_det[[0, 2]], moments(x).log_det[[0, 2]])


# -- normal equations ------------------------------------------------------------------------------


@given(st.integers(1, 15), st.integers(1, 6), st.booleans(), st.integers(0, 300))
def test_least_squares_are_numpys(n: int, p: int, intercept: bool, seed: int) -> None:
    rows = stream(seed).standard_normal((3, n, p + 1))
    kind = Gram(target=0, intercept=intercept)
    fit = kind(rows)
    w, rank = fit.coefficients, fit.inputs.rank
    for r in range(3):
        x = rows[r][:, 1:]
        x = np.column_stack([x, np.ones(n)]) if intercept else x
        expected, _, its_rank, singular = np.linalg.lstsq(x, rows[r][:, 0])
        if singular[singular > 1e-9].min() > 1e-3:
            assert np.allclose(w[r], expected, atol=1e-6)
            assert np.broadcast_to(rank, 3)[r] == its_rank


def test_a_singular_matrix_is_seen_even_where_its_factors_are_not() -> None:
    """Rounding leaves a last pivot above zero now and then, and a part in the solution that no row sets."""
    for seed in range(300):
        x = np.repeat(stream(seed).standard_normal((1, 3, 4)), 3, axis=1)
        total = Gram(-1)(np.concatenate([x, x.sum(axis=2, keepdims=True)], axis=2))
        found, rank = total.coefficients, total.inputs.rank
        assert np.allclose(found[0], np.linalg.pinv(x[0]) @ x[0].sum(axis=1), atol=1e-6)
        assert np.all(np.asarray(rank) == 3)


@pytest.mark.parametrize("units", [1e-6, 1e6, 1e9])
def test_coefficients_whatever_the_units(units: float) -> None:
    """Columns of very different length are all fitted, and two that are nearly the same told apart."""
    rng = stream(12)
    x, w = rng.standard_normal((3, 50, 4)), np.array([1.0, -2.0, 3.0, 0.5])
    x[..., 3] = x[..., 2] + 1e-4 * x[..., 3]
    scale = np.array([units, 1.0, 1.0 / units, 1.0])
    y = np.matvec(x, w)
    fit = Gram(-1)(np.concatenate([x * scale, y[..., None]], axis=2))
    found, rank = fit.coefficients, fit.inputs.rank
    assert np.allclose(found * scale, w, rtol=1e-5)
    assert np.all(np.asarray(rank) == 4)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_repeated_rows_do_not_make_coefficients_known(times: int) -> None:
    """The same 6 inputs labelled again and again leave 4 of 10 directions at zero, the least norm."""
    rng = stream(7)
    x, w = rng.standard_normal((4, 6, 10)), rng.standard_normal((4, 10))
    y = np.matvec(x, w)
    total = Gram(-1)(np.concatenate([x, y[..., None]], axis=2))
    for _ in range(times - 1):
        total = total + Gram(-1)(np.concatenate([x, y[..., None]], axis=2))
    found, rank = total.coefficients, total.inputs.rank
    assert np.allclose(found, np.matvec(np.linalg.pinv(x), y), atol=1e-9)
    assert (np.broadcast_to(rank, 4) == 6).all()


@pytest.mark.parametrize(("n", "p", "fresh"), [(20, 3, True), (20, 3, False), (4, 6, True), (4, 6, False)])
def test_drawn_normal_equations_have_the_law_of_rows(n: int, p: int, fresh: bool) -> None:
    rng, r = stream(8), 4000
    w = np.broadcast_to(np.linspace(-1, 1, p), (r, p))
    noise = np.full(1, 0.7)
    x = rng.standard_normal((r, n, p)) if fresh else np.broadcast_to(rng.standard_normal((n, p)), (r, n, p))
    y = np.matvec(x, w) + 0.7 * rng.standard_normal((r, n))
    rows = Gram(-1)(np.concatenate([x, y[..., None]], axis=2))
    drawn = draw_gram(w, noise, n, rng, None if fresh else rows.inputs)
    assert drawn.n == rows.n == n
    (xx, xy, yy), (xx_rows, xy_rows, yy_rows) = normal_equations(drawn), normal_equations(rows)
    assert_same_law(yy, yy_rows)
    assert_same_law(xy.T, xy_rows.T)
    if fresh:
        assert_same_law(xx[:, 0, 0], xx_rows[:, 0, 0])
        assert_same_law(xx[:, 0, 1], xx_rows[:, 0, 1])
    if n > p:
        assert_same_law(drawn.residual, rows.residual)


# -- counts ----------------------------------------------------------------------------------------


@given(st.integers(1, 9), st.integers(1, 20), st.integers(0, 300))
def test_counts_are_numpys(k: int, n: int, seed: int) -> None:
    rng = stream(seed)
    x, w = rng.integers(k, size=(4, n)), rng.random((4, n))
    for r in range(4):
        assert np.array_equal(Counts(k)(x)[r], np.bincount(x[r], minlength=k))
        assert np.allclose(Counts(k)(x, w)[r], np.bincount(x[r], w[r], minlength=k))
    assert Counts(k)(x).dtype.kind == "i"


def test_symbols_have_their_probabilities_in_every_replicate() -> None:
    p = np.array([[0.5, 0.0, 0.5, 0.0], [0.0, 0.1, 0.2, 0.7], [0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]])
    drawn = sample_symbols(p, 20_000, stream(9))
    for r in range(4):
        counts = np.bincount(drawn[r], minlength=4)
        assert (counts[p[r] == 0] == 0).all()
        some = p[r] > 0
        if some.sum() > 1:
            assert stats.chisquare(counts[some], 20_000 * p[r][some]).pvalue > ALPHA


def test_a_symbol_that_was_lost_is_not_drawn_by_rounding() -> None:
    """The largest uniform draw, in late replicates, where the distribution's shift rounds it up."""

    class Top:
        def random(self, size: Any) -> Any:
            return np.full(size, 1 - 2**-53)

    p = np.tile([0.6, 0.4, 0.0], (256, 1))
    drawn = sample_symbols(p, 3, Top())  # type: ignore[arg-type]
    assert (drawn == 1).all()


@pytest.mark.parametrize("k", [1, 7, 30])
def test_thinned_counts_are_hypergeometric(k: int) -> None:
    rng, r = stream(10), 8000
    real, made = np.tile([5, 0, 10], (r, 1)), np.tile([0, 8, 12], (r, 1))
    drawn, (of_real, of_made) = Counts(3).subsample([real, made], k, rng)
    assert np.array_equal(of_real + of_made, np.full(r, k))
    assert (drawn.sum(axis=1) == k).all()
    assert_mean(drawn.T, k * np.array([5, 8, 22]) / 35)
    expected = stats.hypergeom(35, 15, k)
    assert_mean(of_real, expected.mean())
    assert_mean((of_real - expected.mean()) ** 2, expected.var())


@pytest.mark.parametrize("spoiled", ["alike", "a line", "a zero column", "nearly a line"])
@pytest.mark.parametrize("n", [4, 5, 6, 7, 30])
def test_a_replicates_digits_do_not_depend_on_its_neighbours(n: int, spoiled: str) -> None:
    """A tile decides nothing for all its replicates: each is solved in the way that it needs itself."""
    x = stream(n).standard_normal((6, n, 5))
    before = x.copy()
    line = x[1, :, :1] * np.arange(1.0, 6.0)
    x[1] = {
        "alike": np.broadcast_to(x[1, :1], (n, 5)),
        "a line": line,
        "a zero column": x[1] * [0.0, 1, 1, 1, 1],
        "nearly a line": line + 1e-9 * x[2],
    }[spoiled]
    others = [0, 2, 3, 4, 5]
    for kind in (moments, Gram(-1), Gram(-1, intercept=True)):
        whole, clean = kind(x), kind(before)
        for what in ("mean", "root", "trace") if kind is moments else ("coefficients", "residual"):
            found, expected = (np.asarray(getattr(value, what)) for value in (whole, clean))
            np.testing.assert_array_equal(found[others], expected[others])
            alone = np.asarray(getattr(kind(x[3:4]), what))
            np.testing.assert_array_equal(found[3], alone[0])
