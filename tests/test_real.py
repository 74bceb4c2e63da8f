"""Where real rows come from."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from genloss import Agent, Experiment, generators, metrics, real, regimes
from genloss.errors import DataError
from genloss.loop import generations, start
from genloss.samples import Array
from genloss.statistics import Counts, Gram, moments
from genloss.streams import Address
from laws import ALPHA, assert_mean, assert_same_law, stream

ENDLESS = [
    real.Gaussian(dim=3),
    real.Moons(),
    real.Circles(),
    real.SwissRoll(),
    real.Ring(),
    real.LinearModel(dim=3),
    real.Zipf(symbols=7),
]
FINITE = [
    real.Table(path="iris"),
    real.Table(path="diabetes", held_out=0.5),
    real.Table(path="wine"),
    real.Digits(),
]


def name(source: Any) -> str:
    return str(getattr(source, "path", type(source).__name__))


def experiment(source: Any, **more: Any) -> Experiment:
    generator = {"symbols": generators.Categorical(), "table": generators.Copula()}.get(
        getattr(source, "event", "vectors"), generators.KDE()
    )
    return Experiment(
        real=source,
        agents=Agent(generator, regimes.Accumulate()),
        replicates=3,
        metrics=(metrics.RealShare(),),
        **more,
    )


# -- every source ----------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ENDLESS + FINITE, ids=name)
def test_draws_have_their_shape_and_repeat(source: Any) -> None:
    a, b = source.draw(3, 11, stream(1)), source.draw(3, 11, stream(1))
    assert a.shape == (3, 11, *source.holdout().shape[1:])
    assert np.array_equal(a, b, equal_nan=True)
    assert not np.array_equal(a, source.draw(3, 11, stream(2)), equal_nan=True)
    assert not np.array_equal(a[0], a[1], equal_nan=True)  # replicates are worlds of their own
    assert np.array_equal(source.holdout(), dataclasses.replace(source).holdout(), equal_nan=True)


@pytest.mark.parametrize("source", ENDLESS, ids=name)
def test_the_holdout_of_an_endless_source_has_its_law_and_is_never_drawn(source: Any) -> None:
    held, drawn = source.holdout(), source.draw(1, 3000, stream(3))[0]
    assert held.shape[0] == 500
    if held.ndim == 1:
        return
    for i in range(held.shape[1]):
        assert stats.ks_2samp(held[:, i], drawn[:, i]).pvalue > ALPHA
    exp = experiment(source, n_real=500)
    trained = start(exp).pool.rows.reshape(-1, held.shape[1])
    assert not (trained[:, None, 0] == held[None, :, 0]).any()


# -- laws ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source", [real.Gaussian(dim=2), real.Ring(modes=5, spread=0.2), real.LinearModel(dim=2, noise=0.5)]
)
def test_moments_are_those_of_the_rows(source: Any) -> None:
    mean, covariance = source.moments()
    x = source.draw(200, 500, stream(4))
    assert_mean(x.mean(axis=1).T, mean)
    gap = x - mean
    assert_mean(np.einsum("rni,rnj->ijr", gap, gap) / 500, covariance)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (real.Gaussian(dim=2), moments),
        (real.LinearModel(dim=2, noise=0.7), Gram(-1)),
        (real.Zipf(symbols=4), Counts(4)),
    ],
    ids=["Gaussian", "LinearModel", "Zipf"],
)
def test_statistics_are_drawn_from_the_law_of_the_rows(source: Any, kind: Any) -> None:
    drawn = source.draw_statistic(kind, 3000, 9, stream(5))
    rows = kind(source.draw(3000, 9, stream(6)))
    if isinstance(rows, np.ndarray):
        assert_same_law(drawn.T, rows.T)
    else:
        for value in ("mean", "trace") if kind is moments else ("coefficients", "residual"):
            assert_same_law(getattr(drawn, value).T, getattr(rows, value).T)
    assert source.draw_statistic(lambda rows: 0, 3, 9, stream(5)) is None


def test_zipf() -> None:
    source = real.Zipf(symbols=30, exponent=1.3)
    p = source.probabilities
    assert p.sum() == pytest.approx(1) and p[0] / p[9] == pytest.approx(10**1.3)
    counts = np.bincount(source.draw(20, 2000, stream(7)).ravel(), minlength=30)
    assert stats.chisquare(counts, p * 40_000).pvalue > ALPHA
    assert np.allclose(real.Zipf(symbols=5, exponent=0.0).probabilities, 0.2)


def test_ring_has_equal_modes() -> None:
    source = real.Ring(modes=6, spread=0.01)
    x = source.draw(1, 12_000, stream(8))[0]
    mode = np.round(np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi / 6)).astype(int) % 6
    assert stats.chisquare(np.bincount(mode)).pvalue > ALPHA
    assert np.hypot(*(x - source.centres[mode]).T).max() < 0.06


def test_linear_model_has_a_target_of_unit_coefficients() -> None:
    source = real.LinearModel(dim=4, noise=0.3)
    assert np.linalg.norm(source.coefficients) == pytest.approx(1)
    x = source.draw(1, 50_000, stream(9))[0]
    residual = x[:, -1] - x[:, :-1] @ source.coefficients
    assert residual.std() == pytest.approx(0.3, rel=0.02)
    assert np.abs(np.corrcoef(residual, x[:, 0])[0, 1]) < 0.02


@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_shapes_are_scikit_learns(noise: float) -> None:
    from sklearn import datasets

    for source, make in (
        (real.Moons(noise=noise), datasets.make_moons),
        (real.Circles(noise=noise), datasets.make_circles),
        (real.SwissRoll(noise=noise), datasets.make_swiss_roll),
    ):
        ours = source.draw(20, 100, stream(10)).reshape(2000, -1)
        theirs = make(n_samples=2000, noise=noise, random_state=1)[0]
        for i in range(ours.shape[1]):
            assert stats.ks_2samp(ours[:, i], theirs[:, i]).pvalue > ALPHA
        assert stats.ks_2samp((ours**2).sum(axis=1), (theirs**2).sum(axis=1)).pvalue > ALPHA


def test_noise_of_the_shapes_is_that_of_the_literature() -> None:
    assert real.Moons().noise == real.Circles().noise == real.SwissRoll().noise == 0.05


# -- finite sources --------------------------------------------------------------------------------


def keys(rows: Array) -> list[bytes]:
    return [row.tobytes() for row in rows.reshape(-1, rows.shape[-1])]


@pytest.mark.parametrize("source", FINITE, ids=name)
def test_no_model_ever_trains_on_the_holdout(source: Any) -> None:
    """Rows that occur twice in a table aside, which scikit-learn's bundled ones have a few of."""
    exp = experiment(source, n_real=30, n_fresh=5, generations=4)
    held, trained = keys(exp.held_out), []
    for _, (o,) in generations(exp):
        trained += keys(o.train.real.rows)
    everything = keys(source.draw(1, source.size, stream(0))[0]) + held
    twice = {k for k in held if everything.count(k) > 1}
    assert not ({*trained} & {*held}) - twice
    share = source.held_out
    assert len(held) == round(share * (source.size + len(held)))


@pytest.mark.parametrize("source", FINITE, ids=name)
def test_rows_are_drawn_without_replacement_and_a_longer_draw_goes_on(source: Any) -> None:
    whole = source.draw(2, source.size, stream(11))
    short = source.draw(2, 20, stream(11))
    # the first replicate, whose stream is the same however long the draw
    assert np.array_equal(whole[0, :20], short[0], equal_nan=True)
    assert sorted(keys(whole[0])) == sorted(keys(whole[1]))


@pytest.mark.parametrize("source", FINITE, ids=name)
def test_fresh_rows_of_a_finite_source_are_new_ones(source: Any) -> None:
    exp = experiment(source, n_real=20, n_fresh=10, generations=5)
    pool = [exp.fresh(t, Address(0)) for t in range(6)]
    rows = np.concatenate([p.rows for p in pool if p is not None], axis=1)
    assert rows.shape[1] == 20 + 5 * 10
    everything = keys(source.draw(1, source.size, stream(0))[0])
    for r in range(3):
        drawn = keys(rows[r])
        assert all(drawn.count(k) <= everything.count(k) for k in {*drawn})


def test_a_source_can_be_used_up_but_no_further() -> None:
    iris = real.Table(path="iris")
    assert iris.size == 105
    experiment(iris, n_real=105)
    experiment(iris, n_real=95, n_fresh=1, generations=10)
    with pytest.raises(
        ValueError, match=r"n_real: Table has 105 rows to train on.*got 106.*use 105 or fewer"
    ):
        experiment(iris, n_real=106)
    with pytest.raises(
        ValueError, match="n_fresh: 11 generations of 1 fresh row and n_real = 95 want 106 rows"
    ):
        experiment(iris, n_real=95, n_fresh=1, generations=11)


def test_every_row_is_as_likely_to_be_drawn() -> None:
    iris = real.Table(path="iris")
    drawn = iris.draw(4000, 21, stream(12))
    places = {k: i for i, k in enumerate(sorted({*keys(drawn)}))}
    counts = np.bincount([places[k] for k in keys(drawn)])
    weight = np.array([keys(iris.draw(1, 105, stream(0))[0]).count(k) for k in sorted(places)])
    assert stats.chisquare(counts, weight / weight.sum() * counts.sum()).pvalue > ALPHA


def test_the_split_is_fixed_whatever_the_seed() -> None:
    a, b = (experiment(real.Table(path="wine"), n_real=10, seed=s).held_out for s in (0, 1))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("rows", [2, 3, 4, 10])
def test_a_small_table_still_has_both_parts(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "small.csv"
    path.write_text("a,b\n" + "\n".join(f"{i},{i * i}.5" for i in range(rows)))
    source = real.Table(path=str(path))
    assert source.size + len(source.holdout()) == rows
    assert source.size >= 1 and len(source.holdout()) >= 1


def test_digits_are_images_between_nought_and_one() -> None:
    digits = real.Digits()
    x = digits.draw(2, 50, stream(13))
    assert x.shape == (2, 50, 64) and x.min() == 0 and x.max() == 1
    assert digits.image == (8, 8)
    assert digits.size + len(digits.holdout()) == 1797


def test_digits_through_a_loop_of_kernel_densities() -> None:
    exp = Experiment(
        real=real.Digits(),
        agents=Agent(generators.KDE(bandwidth=0.1), regimes.Replace()),
        n_real=100,
        generations=2,
        replicates=2,
        metrics=(metrics.HoldoutNLL(), metrics.SlicedWasserstein(), metrics.TailMass()),
        tile=2,
    )
    for _, (o,) in generations(exp):
        assert all(np.isfinite(v).all() for v in o.measure().values())


# -- features --------------------------------------------------------------------------------------


def test_features_of_a_mixed_table(tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    lines = [f"{i}.5,{'abc'[i % 3]},{'yes' if i % 2 else 'no'},{'' if i % 5 == 0 else i}" for i in range(40)]
    path.write_text("x,letter,flag,gap\n" + "\n".join(lines))
    source = real.Table(path=str(path), held_out=0.25)
    rows = source.draw(3, 20, stream(14))
    features = source.features(rows)
    assert features.shape == (
        3,
        20,
        1 + 2 + 1 + 1,
    )  # numbers, two of three letters, one of two flags, numbers
    assert np.isfinite(features).all()
    both = np.concatenate([source.draw(1, source.size, stream(0))[0], source.holdout()])
    x = source.features(both)
    assert np.allclose(x[:, 0].mean(), 0) and np.allclose(x[:, 0].std(), 1)
    assert {*np.unique(x[:, 1])} == {0.0, 1.0}
    assert source.features(rows, leave_out=1).shape == (3, 20, 3)
    assert source.event == "table"


def test_numeric_tables_are_vectors() -> None:
    assert real.Table(path="diabetes").event == "numeric table"
    assert real.Table(path="iris").event == "table"  # the species is a category


def test_what_identifies_a_table_is_what_is_in_it(tmp_path: Path) -> None:
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_text("x,y\n1,2\n3,4\n5,7\n")
    b.write_text(a.read_text())
    assert real.Table(path=str(a)).content == real.Table(path=str(b)).content
    b.write_text("x,y\n1,2\n3,4\n5,8\n")
    assert real.Table(path=str(a)).content != real.Table(path=str(b)).content


def test_a_missing_file_is_named() -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        _ = real.Table(path="nowhere.csv").size


def test_a_table_of_many_categories_fits_in_memory(tmp_path) -> None:
    """Features, one of each category, are counted where a tile is made, and not made to be projected."""
    n = 4000
    rng = np.random.Generator(np.random.SFC64(1))
    frame = pd.DataFrame(
        {"x": rng.normal(size=n), "c": [f"c{i % 990}" for i in range(n)], "b": rng.random(n) < 0.5}
    )
    frame.loc[::7, "c"] = None
    source = real.Table(frame)
    few = experiment(real.Table(frame[["x", "b"]]), n_real=2000, generations=1)
    many = experiment(source, n_real=2000, generations=1)
    assert few.tile_size == 64 and many.tile_size == 8
    rows, directions = source.holdout(), rng.normal(size=(5, 991))
    want = source.features(rows) @ directions.T
    assert np.allclose(source.projected(rows, directions), want)
    stacked = np.stack([rows, rows[::-1]])
    assert np.allclose(source.projected(stacked, directions), np.stack([want, want[::-1]]))
