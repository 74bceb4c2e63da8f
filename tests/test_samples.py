"""The algebra of chunks and samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genloss.errors import FitError
from genloss.samples import ALL, MIXED, Chunk, Samples
from genloss.statistics import Counts, Gram, KernelSums, Points, moments
from genloss.streams import REAL
from laws import ALPHA, normal_equations, stream

SYMBOLS = 4
POINTS = Points(stream(1).standard_normal((5, 2)))
KINDS: tuple[Any, ...] = (moments, Gram(-1), KernelSums(POINTS, 0.7))


def chunk(n: int, born: int, author: int, seed: int = 0, replicates: int = 2, symbols: bool = False) -> Chunk:
    rng = stream(1000 * seed + 10 * born + author + 1)
    rows = rng.integers(SYMBOLS, size=(replicates, n)) if symbols else rng.standard_normal((replicates, n, 2))
    return Chunk(n, born, author, rows)


@st.composite
def pools(draw: Any, symbols: bool = False, weighted: bool = False) -> Samples:
    """Real rows first, then generations of one or two agents, some of them with fresh real rows."""
    seed = draw(st.integers(0, 50))
    chunks = [chunk(draw(st.integers(1, 6)), 0, REAL, seed, symbols=symbols)]
    for t in range(1, draw(st.integers(1, 4))):
        if draw(st.booleans()):
            chunks.append(chunk(draw(st.integers(1, 3)), t, REAL, seed, symbols=symbols))
        chunks += [
            chunk(draw(st.integers(1, 5)), t, i, seed, symbols=symbols)
            for i in range(draw(st.integers(1, 2)))
        ]
    pool = Samples.of(chunks)
    if not weighted:
        return pool
    rng = stream(seed)
    weights = [
        rng.random() + 0.1
        if draw(st.booleans())
        else rng.random((2, c.n)) * (rng.random((2, c.n)) < 0.8) + 1e-3
        for c in chunks
    ]
    return Samples(pool.chunks, tuple(weights), pool.origin)


def each_weight(samples: Samples) -> Any:
    """(R, N)."""
    return np.concatenate(
        [np.broadcast_to(w, (2, c.n)) for c, w in zip(samples.chunks, samples.weights, strict=True)], axis=1
    )


def assert_total(samples: Samples, rows: Any = None, weights: Any = None) -> None:
    """Totals are those of the concatenated rows, computed by other means."""
    x = samples.rows if rows is None else rows
    w = each_weight(samples) if weights is None else weights
    m = samples.total(moments)
    mean = np.einsum("rn,rni->ri", w, x) / w.sum(axis=1)[:, None]
    gap = x - mean[:, None]
    assert np.allclose(np.broadcast_to(m.n, 2), w.sum(axis=1))
    assert np.allclose(m.mean, mean)
    assert np.allclose(m.root @ m.root.mT, np.einsum("rn,rni,rnj->rij", w, gap, gap))
    xx, xy, yy = normal_equations(samples.total(Gram(-1)))
    assert np.allclose(xx[:, 0, 0], (w * x[..., 0] ** 2).sum(axis=1))
    assert np.allclose(xy[:, 0], (w * x[..., 0] * x[..., 1]).sum(axis=1))
    assert np.allclose(yy, (w * x[..., 1] ** 2).sum(axis=1))
    sums = samples.total(KINDS[2]).log
    squared = ((x[:, :, None] - POINTS.x) ** 2).sum(axis=3)
    assert np.allclose(sums, np.log((w[..., None] * np.exp(-squared / (2 * 0.7**2))).sum(axis=1)))


# -- totals ----------------------------------------------------------------------------------------


@given(pools())
def test_total_of_a_union_is_the_statistic_of_its_rows(pool: Samples) -> None:
    assert_total(pool)


@given(pools(weighted=True))
def test_total_of_weighted_rows(pool: Samples) -> None:
    assert_total(pool)


@given(pools(symbols=True, weighted=True))
def test_weighted_counts(pool: Samples) -> None:
    counts = pool.total(Counts(SYMBOLS))
    w, x = each_weight(pool), pool.rows
    expected = np.stack([(w * (x == s)).sum(axis=1) for s in range(SYMBOLS)], axis=1)
    assert np.allclose(counts, expected)


@given(pools(), st.lists(st.sampled_from(["add", "total", "forget", "real", "since", "settle"]), max_size=12))
def test_carried_totals_never_go_stale(pool: Samples, steps: list[str]) -> None:
    """However a pool grows, is read and forgets, its totals are those of the rows that it holds."""
    kept = [c.rows for c in pool.chunks]
    t = pool.newest
    for step in steps:
        if step == "add":
            t += 1
            grown = chunk(2 + t % 3, t, t % 2)
            kept.append(grown.rows)
            pool = pool + Samples.of([grown])
        elif step == "total":
            pool.total(moments)
        elif step == "forget":
            pool = pool.forget(ALL, 2)
            kept = [c.rows for c in pool.chunks]
            assert all(c.author == REAL or pool.newest - c.born < 2 for c in pool.chunks)
        elif step == "real":
            assert_total(pool.real)
        elif step == "since":
            assert_total(pool.since(t))
        else:
            pool = pool.settle()
        assert_total(pool, np.concatenate(kept, axis=1))


def test_a_statistic_is_computed_once_for_each_chunk() -> None:
    asked: list[int] = []

    def count(rows: Any, weights: Any = None) -> Any:
        asked.append(rows.shape[1])
        return rows.sum()

    pool = Samples.of([chunk(3, 0, REAL)])
    for t in range(1, 6):
        assert pool.total(count) == pytest.approx(pool.rows.sum())
        assert pool.total(count) == pytest.approx(pool.rows.sum())
        pool = pool + Samples.of([chunk(3 + t, t, 0)])
    assert asked == [3, 4, 5, 6, 7]


def test_growing_a_pool_adds_only_what_is_new() -> None:
    class Number(float):
        added = 0

        def __add__(self, other: Any) -> Number:
            Number.added += 1
            return Number(float(self) + other)

    def total(rows: Any, weights: Any = None) -> Number:
        return Number(rows.sum())

    pool = Samples.of([chunk(2, 0, REAL)])
    for t in range(1, 101):
        pool.total(total)
        pool = pool + Samples.of([chunk(2, t, 0)])
    assert pool.total(total) == pytest.approx(pool.rows.sum())
    assert Number.added == 100


def test_settling_drops_only_what_is_carried() -> None:
    """Also where a pool has grown twice before it was asked for its total."""
    kind = Counts(2)

    def drawn(born: int) -> Samples:
        return Samples.of([Chunk(3, born, 0, known={kind: np.array([[born, 3 - born]])})])

    pool = Samples.of([Chunk(3, 0, REAL, known={kind: np.array([[0, 3]])})])
    pool.total(kind)
    twice = (pool + drawn(1) + drawn(2)).settle()
    assert twice.total(kind).tolist() == [[3, 6]]
    later = (twice + drawn(3)).settle()
    assert kind not in later.chunks[1].known and kind in later.chunks[3].known
    assert later.total(kind).tolist() == [[6, 6]]


def test_rows_that_were_never_drawn_cannot_be_read() -> None:
    known = Chunk(5, 0, REAL, known={moments: 1.0}, event=(2,))
    pool = Samples.of([known])
    assert pool.total(moments) == 1.0 and pool.event == (2,) and len(pool) == 5
    with pytest.raises(LookupError, match="drawn as a statistic"):
        _ = pool.rows
    with pytest.raises(LookupError, match="drawn as a statistic"):
        pool.total(Gram(-1))
    with pytest.raises(LookupError, match="no rows to weigh"):
        Samples((known,), (np.ones((2, 5)),), known).total(moments)
    with pytest.raises(FitError, match="cannot be subsampled"):
        pool.subsample(2, stream(0))


def test_an_empty_training_set_is_an_error() -> None:
    with pytest.raises(FitError, match="empty"):
        Samples.of([chunk(3, 0, REAL)]).synthetic.total(moments)


# -- parts -----------------------------------------------------------------------------------------


@given(pools(weighted=True))
def test_real_and_synthetic_rows_are_all_rows(pool: Samples) -> None:
    real, synthetic = pool.real, pool.synthetic
    assert real.n + synthetic.n == pool.n
    assert np.allclose(real.mass() + (synthetic.mass() if synthetic.chunks else 0), pool.mass())
    assert np.allclose(pool.mass(REAL), real.mass())
    if synthetic.chunks:
        together = (real + synthetic).total(moments)
        assert np.allclose(together.mean, pool.total(moments).mean)


@given(pools(), st.integers(0, 5))
def test_since_latest_and_by(pool: Samples, t: int) -> None:
    assert pool.since(t).n == sum(c.n for c in pool.chunks if c.born >= t)
    assert pool.newest == max(c.born for c in pool.chunks)
    assert {c.born for c in pool.latest.chunks} == {pool.newest}
    assert pool.by(REAL).chunks == pool.real.chunks
    assert pool.by(0, 1).chunks == pool.synthetic.chunks
    assert pool.by(0, REAL).n + pool.by(1).n == pool.n
    assert pool.by(7).chunks == ()
    assert pool.latest.origin is pool.origin


@given(pools(), st.integers(1, 6), st.integers(1, 6))
def test_forgetting_keeps_what_is_within_reach_and_the_origin(
    pool: Samples, real: int, synthetic: int
) -> None:
    left = pool.forget(real, synthetic)
    wanted = [c for c in pool.chunks if pool.newest - c.born < (real if c.author == REAL else synthetic)]
    assert list(left.chunks) == wanted
    assert left.origin is pool.origin


def test_parts_of_mixed_rows_are_told_apart_row_by_row() -> None:
    pool = Samples.of([chunk(4, 0, REAL), chunk(4, 1, 0), chunk(4, 2, 1)])
    mixed = pool.subsample(6, stream(3))
    (only,) = mixed.chunks
    for part, author in ((mixed.real, REAL), (mixed.by(0), 0), (mixed.by(1), 1)):
        counts = (only.author == author).sum(axis=1)
        assert np.allclose(np.broadcast_to(part.mass(), 2) if part.chunks else 0, counts)
    assert np.allclose(mixed.since(1).mass(), (only.born >= 1).sum(axis=1))
    expected = [x[a == REAL].mean(axis=0) for x, a in zip(only.rows, only.author, strict=True)]
    assert np.allclose(mixed.real.total(moments).mean, expected)
    # a sample of a sample knows births and authors still
    again = mixed.subsample(3, stream(4)).chunks[0]
    for r in range(2):
        for row, born in zip(again.rows[r], again.born[r], strict=True):
            at = np.flatnonzero((only.rows[r] == row).all(axis=1))[0]
            assert only.born[r, at] == born


def test_rows_mixed_as_a_statistic_cannot_be_told_apart() -> None:
    kind = Counts(3)
    pool = Samples.of(
        [
            Chunk(3, 0, REAL, known={kind: np.array([[1, 2, 0]])}),
            Chunk(3, 1, 0, known={kind: np.array([[0, 0, 3]])}),
        ]
    )
    mixed = pool.subsample(4, stream(0))
    assert mixed.chunks[0].author == MIXED
    assert mixed.mass(REAL) + mixed.mass(0) == 4
    with pytest.raises(FitError, match="rows='always'"):
        _ = mixed.real


# -- weights ---------------------------------------------------------------------------------------


@given(pools(weighted=True), st.floats(0, 1))
def test_weighing_gives_real_rows_their_share_and_mean_weight_one(pool: Samples, share: float) -> None:
    weighted = pool.weighted(real=share)
    assert np.allclose(weighted.mass(), pool.n)
    expected = share if pool.synthetic.chunks else 1.0
    assert np.allclose(weighted.mass(REAL), expected * pool.n)
    if 0.01 < share < 0.99:
        assert_total(weighted)


def test_weights_of_rows_that_differ_by_replicate() -> None:
    pool = Samples.of([chunk(10, 0, REAL), chunk(10, 1, 0)]).subsample(8, stream(5))
    weighted = pool.weighted(real=0.25)
    assert np.allclose(weighted.mass(), 8) and np.allclose(weighted.mass(REAL), 2)
    assert_total(weighted)


def test_one_of_the_two_kinds_weighs_everything_where_the_other_is_missing() -> None:
    real = Samples.of([chunk(4, 0, REAL)])
    assert real.weighted(real=0.3).mass() == real.weighted(real=0.0).mass() == 4
    synthetic = Samples.of([chunk(4, 0, REAL), chunk(6, 1, 0)]).synthetic
    assert synthetic.weighted(real=0.3).mass() == 6


@given(pools(weighted=True))
def test_row_weights_stand_beside_the_rows(pool: Samples) -> None:
    weights = pool.row_weights
    assert np.allclose(
        np.broadcast_to(1.0 if weights is None else weights, (2, pool.n)) * 1.0, each_weight(pool)
    ) or (weights is None and len({*map(float, pool.weights)}) == 1)


# -- rows by place ---------------------------------------------------------------------------------


@given(pools(), st.integers(0, 100), st.integers(1, 20))
def test_taking_rows_is_indexing_the_union(pool: Samples, seed: int, k: int) -> None:
    index = stream(seed).integers(pool.n, size=(2, k))
    expected = np.take_along_axis(pool.rows, index[..., None], axis=1)
    assert np.array_equal(pool.take(index), expected)


@given(pools(), st.integers(0, 100), st.integers(1, 25))
def test_subsample_is_without_replacement(pool: Samples, seed: int, k: int) -> None:
    drawn = pool.subsample(k, stream(seed))
    assert drawn.n == min(k, pool.n)
    assert drawn.origin is pool.origin
    whole = pool.rows
    for r in range(2):
        places = [np.flatnonzero((whole[r] == row).all(axis=1)) for row in drawn.rows[r]]
        assert all(len(p) == 1 for p in places)
        assert len({int(p[0]) for p in places}) == drawn.n


@pytest.mark.parametrize("as_statistic", [False, True])
def test_subsample_is_uniform(as_statistic: bool) -> None:
    """Each row of the pool is as likely as any other, and pairs are too."""
    replicates, sizes, k = 20_000, (3, 4, 5), 4
    chunks = []
    for born, n in enumerate(sizes):
        symbols = np.broadcast_to(np.arange(n) + sum(sizes[:born]), (replicates, n))
        author = REAL if born == 0 else 0
        rows = None if as_statistic else symbols
        chunks.append(Chunk(n, born, author, rows, {Counts(12): Counts(12)(symbols)} if as_statistic else {}))
    drawn = Samples.of(chunks).subsample(k, stream(11))
    counts = drawn.total(Counts(12))
    assert counts.shape == (replicates, 12) and counts.max() == 1 and (counts.sum(axis=1) == k).all()
    assert stats.chisquare(counts.sum(axis=0)).pvalue > ALPHA
    pairs = (counts.T @ counts)[np.triu_indices(12, 1)]
    assert stats.chisquare(pairs).pvalue > ALPHA
    assert np.array_equal(drawn.mass(REAL), counts[:, :3].sum(axis=1))


def test_a_sample_no_larger_than_asked_for_is_given_whole() -> None:
    pool = Samples.of([chunk(4, 0, REAL)])
    assert pool.subsample(4, stream(0)) is pool
    assert pool.subsample(9, stream(0)) is pool


def test_weighted_rows_cannot_be_subsampled() -> None:
    pool = Samples.of([chunk(4, 0, REAL), chunk(4, 1, 0)]).weighted(real=0.9)
    with pytest.raises(FitError, match="put Weighted around"):
        pool.subsample(3, stream(0))
