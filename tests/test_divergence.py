"""Divergences, entropies and distinct n-grams, against closed forms, SciPy and formulas written out."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, stats
from scipy.special import psi
from sklearn.metrics.pairwise import rbf_kernel

from genloss import Agent, Experiment, component, generators, metrics, real, regimes
from genloss.errors import SpecError
from genloss.loop import generations
from genloss.metrics.divergence import estimated_kl, matched
from genloss.metrics.variety import estimated_entropy
from genloss.samples import Array
from genloss.statistics import Moments, Normal, Symbols
from genloss.streams import Rng, fixed
from laws import assert_mean, measure, stream
from mixed import fresh, looked


def normal(seed: int, d: int, replicates: int = 3) -> Normal:
    rng = stream(seed)
    root = np.tril(rng.standard_normal((replicates, d, d))) + 2 * np.eye(d)
    return Normal(Moments(1.0, rng.standard_normal((replicates, d)), root))


def parts(law: Normal, r: int) -> tuple[Array, Array]:
    m = law.moments
    return m.mean[r], m.root[r] @ m.root[r].T


def published(source: Any, look: Any, rows: int, replicates: int = 300, **more: Any) -> Array:
    """(R,) of fresh real rows against other fresh ones."""
    exp = fresh(source, look, n_real=rows, replicates=replicates, **more)
    return next(iter(measure(exp).values()))[0, 0]


# -- laws in closed form -----------------------------------------------------------------------------


@given(st.integers(1, 6), st.integers(0, 100))
def test_divergence_of_normal_laws_is_that_of_the_formula(d: int, seed: int) -> None:
    one, other = normal(seed, d), normal(seed + 1000, d)
    for r in range(3):
        (m, s), (m0, s0) = parts(one, r), parts(other, r)
        gap, inverse = m0 - m, np.linalg.inv(s0)
        ratio = np.linalg.slogdet(s0)[1] - np.linalg.slogdet(s)[1]
        expected = 0.5 * (np.trace(inverse @ s) + gap @ inverse @ gap - d + ratio)
        assert one.kl(other)[r] == pytest.approx(expected)
        assert one.entropy()[r] == pytest.approx(stats.multivariate_normal(m, s).entropy())
    assert one.kl(one) == pytest.approx(np.zeros(3), abs=1e-12)
    # one law that stands for all
    alone = Normal(Moments(1.0, other.moments.mean[:1], other.moments.root[:1]))
    assert one.kl(alone).shape == alone.kl(one).shape == (3,)
    assert one.kl(alone)[0] == pytest.approx(one.kl(other)[0])
    assert alone.kl(one)[0] == pytest.approx(other.kl(one)[0])


def test_divergence_of_normal_laws_is_a_mean_of_log_ratios() -> None:
    one, other = normal(0, 3), normal(1, 3)
    (m, s), (m0, s0) = parts(one, 0), parts(other, 0)
    x = stream(2).multivariate_normal(m, s, size=20_000)
    ratio = stats.multivariate_normal(m, s).logpdf(x) - stats.multivariate_normal(m0, s0).logpdf(x)
    assert_mean(ratio, one.kl(other)[0])


@given(st.integers(1, 5), st.integers(0, 100))
def test_transport_between_normal_laws_is_that_of_the_formula(d: int, seed: int) -> None:
    one, other = normal(seed, d), normal(seed + 1000, d)
    for r in range(3):
        (m, s), (m0, s0) = parts(one, r), parts(other, r)
        half = linalg.sqrtm(s0)
        common = np.trace(linalg.sqrtm(half @ s @ half)).real
        expected = ((m - m0) ** 2).sum() + np.trace(s) + np.trace(s0) - 2 * common
        assert one.wasserstein2(other)[r] ** 2 == pytest.approx(expected, abs=1e-6)
    assert one.wasserstein2(one) == pytest.approx(np.zeros(3), abs=1e-6)


def test_a_law_on_a_subspace_is_infinitely_far_but_no_longer_way_to_go() -> None:
    flat = Normal(Moments(1.0, np.zeros((1, 3)), np.eye(3)[None, :, :2]))
    whole = Normal(Moments(1.0, np.zeros((1, 3)), np.eye(3)[None]))
    point = Normal(Moments(1.0, np.zeros((1, 3)), np.zeros((1, 3, 3))))
    for law in (flat, point):
        assert law.kl(whole).tolist() == whole.kl(law).tolist() == [np.inf]
        assert law.entropy().tolist() == [-np.inf]
    assert flat.wasserstein2(whole).tolist() == [1] and point.wasserstein2(whole) == pytest.approx(3**0.5)


def test_symbols_are_those_of_scipy() -> None:
    p, q = stream(3).dirichlet(np.ones(5), size=(2, 4))
    p[0, 0] = 0.0
    p[0] /= p[0].sum()
    found = Symbols(p).kl(Symbols(q)), Symbols(p).entropy()
    assert np.allclose(found[0], [stats.entropy(a, b) for a, b in zip(p, q, strict=True)])
    assert np.allclose(found[1], [stats.entropy(a) for a in p])
    assert np.isinf(Symbols(q).kl(Symbols(p))).tolist() == [True, False, False, False]


# -- of loops ----------------------------------------------------------------------------------------


def test_divergence_and_entropy_of_fitted_gaussians_follow_the_wishart_law() -> None:
    """log det of a Wishart matrix has digammas for a mean; statistics flow, and no rows are drawn."""
    n, d = 12, 3
    looks = (
        metrics.KL(),
        metrics.Entropy(),
        metrics.LogDetRatio(),
        metrics.TraceRatio(),
        metrics.MeanError(),
    )
    exp = Experiment(
        real=real.Gaussian(dim=d),
        agents=Agent(generators.Gaussian(), regimes.Replace()),
        n_real=n,
        generations=6,
        replicates=2048,
        metrics=looks,
    )
    assert exp.statistic is not None
    found = measure(exp)
    log_det = psi((n - np.arange(1, d + 1)) / 2).sum() + d * np.log(2 / n)
    expected = 0.5 * (d * (n - 1) / n + d / n - d - log_det)
    assert_mean(found["KL"][0, 0], expected)
    entropy = 0.5 * (d * np.log(2 * np.pi * np.e) + log_det * np.arange(1, 7))
    assert_mean(found["Entropy"][:, 0], entropy)
    kl = 0.5 * (found["MeanError"] + d * found["TraceRatio"] - d - found["LogDetRatio"])
    assert np.allclose(found["KL"], kl)
    assert exp.meanings["Entropy"].reference is not None
    assert exp.meanings["Entropy"].reference.value == pytest.approx(stats.norm.entropy() * d)


def test_divergence_follows_where_the_root_has_left_the_range_of_floats() -> None:
    exp = Experiment(
        real=real.Gaussian(dim=2),
        agents=Agent(generators.Gaussian(), regimes.Replace()),
        n_real=3,
        generations=1000,
        replicates=4,
        tile=4,
        metrics=(metrics.KL(), metrics.KL(direction="forward"), metrics.LogDetRatio(), metrics.MeanError()),
    )
    found = measure(exp)
    last, gap = found["LogDetRatio"][-1, 0], found["MeanError"][-1, 0]
    reverse, forward = (
        found[f"KL(of='model', direction='{way}', k=5)"][-1, 0] for way in ("reverse", "forward")
    )
    assert (last < -2000).all()
    assert np.allclose(reverse, 0.5 * (gap - 2 - last)) and np.isinf(forward).all()


def test_a_line_with_noise_is_a_normal_law() -> None:
    source = real.LinearModel(dim=3, noise=0.5)
    mean, covariance = source.moments()
    law = source.known_law().moments
    assert np.allclose(law.root[0] @ law.root[0].T, covariance) and np.allclose(law.mean[0], mean)
    exp = Experiment(
        real=source, agents=Agent(generators.Gaussian()), n_real=20_000, generations=1, replicates=3, tile=3,
        metrics=(metrics.KL(), metrics.KL(direction="forward"), metrics.Wasserstein(of="model")),
    )  # fmt: skip
    for name, values in measure(exp).items():
        assert (values >= 0).all() and (values < (0.1 if "Wasserstein" in name else 0.01)).all()


def test_divergence_of_symbols_of_model_and_published() -> None:
    exp = Experiment(
        real=real.Zipf(symbols=4),
        agents=Agent(generators.Categorical(), regimes.Replace()),
        n_real=50,
        generations=2,
        replicates=8,
        tile=8,
        rows="always",
        metrics=(
            metrics.KL(),
            metrics.KL(of="published", direction="forward"),
            metrics.Entropy(),
            metrics.Entropy(of="published"),
            metrics.Entropy(of="published", corrected=False),
        ),
    )
    p = exp.real.probabilities  # type: ignore[attr-defined]
    for _, (seen,) in generations(exp):
        q = seen.model.probabilities
        counts = np.stack([np.bincount(x, minlength=4) for x in seen.rows])
        shares, some = counts / 50, (counts > 0).sum(axis=1)
        got = seen.measure()
        expected = {
            "KL(of='model', direction='reverse', k=5)": [stats.entropy(x, p) for x in q],
            "KL(of='published', direction='forward', k=5)": [stats.entropy(p, x) for x in shares],
            "Entropy(of='model', corrected=True, k=5)": [stats.entropy(x) for x in q],
            "Entropy(of='published', corrected=False, k=5)": [stats.entropy(x) for x in shares],
        }
        for name, values in expected.items():
            assert np.allclose(got[name], values), name
        plain = got["Entropy(of='published', corrected=False, k=5)"]
        assert np.allclose(got["Entropy(of='published', corrected=True, k=5)"] - plain, (some - 1) / 100)


def test_miller_and_madow_take_most_of_the_bias_off() -> None:
    exact = stats.entropy(real.Zipf(symbols=10).probabilities)
    plain, corrected = (
        published(real.Zipf(symbols=10), metrics.Entropy(of="published", corrected=c), 80).mean() - exact
        for c in (False, True)
    )
    assert plain < -0.03 and abs(corrected) < 0.01


# -- by neighbours -----------------------------------------------------------------------------------


def _kl(x: Array, y: Array, k: int) -> float:
    """Wang, Kulkarni and Verdú's estimator, row by row."""
    total = 0.0
    for i, row in enumerate(x):
        own = sorted(np.linalg.norm(row - other) for j, other in enumerate(x) if j != i)
        away = sorted(np.linalg.norm(row - other) for other in y)
        total += np.log(away[k - 1] / own[k - 1])
    return x.shape[1] * total / len(x) + np.log(len(y) / (len(x) - 1))


@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 50))
def test_estimated_divergence_is_the_estimator_written_out(d: int, k: int, seed: int) -> None:
    rng = stream(seed)
    x, y = rng.standard_normal((12, d)), 0.5 + rng.standard_normal((9, d))
    assert estimated_kl(x, y, k) == pytest.approx(_kl(x, y, k))
    rows = np.stack([x, 2 * x])
    held = real.Gaussian(dim=d).holdout()
    for direction in ("reverse", "forward"):
        found = looked(real.Gaussian(dim=d), metrics.KL(of="published", direction=direction, k=k), *rows)  # type: ignore[arg-type]
        pairs = [(a, held) if direction == "reverse" else (held, a) for a in rows]
        assert found == pytest.approx([estimated_kl(a, b, k) for a, b in pairs])


def test_estimated_divergence_of_one_law_is_0_and_of_a_narrower_one_that_of_the_formula() -> None:
    """With as many rows about each of both kinds the two distances have one law: the mean is exactly 0."""
    look = metrics.KL(of="published")
    assert_mean(published(real.Gaussian(dim=2), look, 501, holdout="fresh"), 0.0)
    rng = stream(4)
    x, y = rng.standard_normal((2, 60, 1000, 1))
    # of N(0, 1) from N(0, 4), which has rows wherever the other one has
    narrow = np.array([estimated_kl(a, 2 * b, 5) for a, b in zip(x, y, strict=True)])
    assert_mean(narrow, np.log(2) + 1 / 8 - 1 / 2)


def test_rows_that_are_one_are_infinitely_far_and_ties_of_both_kinds_are_not() -> None:
    x, y = np.zeros((10, 2)), np.ones((10, 2))
    with np.errstate(all="raise"):
        assert estimated_kl(x, y, 3) == np.inf and estimated_kl(y, y, 3) == pytest.approx(np.log(10 / 9))
        assert estimated_entropy(x, 3) == -np.inf


@pytest.mark.parametrize("d", [1, 3])
def test_estimated_entropy_is_that_of_the_law(d: int) -> None:
    found = published(real.Gaussian(dim=d), metrics.Entropy(of="published"), 1000, 60)
    assert found.mean() == pytest.approx(d * stats.norm.entropy(), abs=0.03 * d)
    # of uniform rows it is that of the logarithm of their volume; scaling adds the logarithm of the scale
    x = stream(5).random((2000, d))
    assert estimated_entropy(x, 5) == pytest.approx(0, abs=0.1 * d)
    assert estimated_entropy(3 * x, 5) - estimated_entropy(x, 5) == pytest.approx(d * np.log(3))
    if d == 1:
        assert estimated_entropy(x, 5) == pytest.approx(stats.differential_entropy(x[:, 0]), abs=0.05)


# -- transport ---------------------------------------------------------------------------------------


def test_transport_of_a_line_is_scipys() -> None:
    source = real.Gaussian(dim=1)
    rows = 1 + 2 * stream(6).standard_normal((3, 70, 1))
    held = source.holdout()[:, 0]
    expected = [stats.wasserstein_distance(x[:, 0], held) for x in rows]
    assert looked(source, metrics.Wasserstein(order=1), *rows) == pytest.approx(expected)
    many = np.repeat(rows[..., 0], 50, axis=1), np.repeat(held, 7)
    squares = [((np.sort(x) - np.sort(many[1])) ** 2).mean() for x in many[0]]
    assert looked(source, metrics.Wasserstein(), *rows) ** 2 == pytest.approx(squares)


def test_transport_of_vectors_is_scipys_and_the_best_of_all_matchings() -> None:
    rng = stream(7)
    x, y = rng.standard_normal((2, 6, 3))
    assert matched(x, y, 1) == pytest.approx(stats.wasserstein_distance_nd(x, y))
    best = min(((x - y[list(p)]) ** 2).sum(axis=1).mean() for p in itertools.permutations(range(6)))
    assert matched(x, y, 2) == pytest.approx(best**0.5)
    # a shift is the shift, whatever the law
    source = real.Moons()
    away = source.holdout() + np.array([3.0, 4.0])
    assert looked(source, metrics.Wasserstein(), away, away[::-1]) == pytest.approx([5, 5])
    assert looked(source, metrics.Wasserstein(order=1), source.holdout()).tolist() == [0]


def test_transport_of_the_model_is_that_of_the_law_it_samples_from() -> None:
    exp = Experiment(
        real=real.Gaussian(dim=1),
        agents=Agent(generators.Gaussian(), regimes.Replace()),
        n_real=10_000,
        generations=3,
        replicates=64,
        holdout="fresh",
        metrics=(metrics.Wasserstein(of="model"),),
    )
    for _, (seen,) in generations(exp):
        m = seen.model.moments()
        expected = np.hypot(m.mean[:, 0], np.abs(m.root[:, 0, 0]) - 1)
        assert np.allclose(metrics.Wasserstein(of="model")(seen), expected, atol=1e-7)


# -- kernels -----------------------------------------------------------------------------------------


def test_mean_discrepancy_is_scikit_learns_kernel_without_its_diagonal() -> None:
    source = real.Moons()
    rows = np.stack([source.draw(1, 40, stream(8))[0], stream(9).standard_normal((40, 2))])
    held = source.holdout()
    far = [np.linalg.norm(a - b) for a, b in itertools.combinations(held, 2)]
    gamma = 0.5 / np.median(far) ** 2
    n, m = 40, len(held)
    expected = []
    for x in rows:
        xx, yy = (rbf_kernel(z, gamma=gamma).sum() - len(z) for z in (x, held))
        expected.append(xx / n / (n - 1) + yy / m / (m - 1) - 2 * rbf_kernel(x, held, gamma=gamma).mean())
    found = looked(source, metrics.MMD(), *rows)
    assert found == pytest.approx(expected) and found[1] > 0.05


def test_mean_discrepancy_of_one_law_is_0() -> None:
    assert_mean(published(real.Ring(), metrics.MMD(), 30, 1000), 0.0)
    same = np.zeros((5, 2))
    # rows that are one have the kernel 1, and far from real ones 0; of normal rows in the plane a squared
    # distance is exponential of mean 4, its median 4 log 2, so that the mean kernel is 1 / (1 + 1 / 2 log 2)
    expected = 1 + 1 / (1 + 1 / (2 * np.log(2)))
    assert looked(real.Gaussian(), metrics.MMD(), same + 1e6)[0] == pytest.approx(expected, abs=0.02)


# -- distinct n-grams --------------------------------------------------------------------------------


@component
class Texts:
    """Texts of five tokens.

    Args:
        tokens: how many there are.
    """

    tokens: int = 3
    event: ClassVar = "tokens"

    @property
    def schema(self) -> int:
        return self.tokens

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        return rng.integers(self.tokens, size=(replicates, n, 5))

    def holdout(self) -> Array:
        return self.draw(1, 20, fixed("test.Texts"))[0]


@pytest.mark.parametrize("tokens", [3, 2**31])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_distinct_n_grams_are_those_of_a_set(tokens: int, n: int) -> None:
    texts = stream(10).integers(3, size=(2, 7, 5))
    texts = np.where(texts == 2, tokens - 1, texts)
    expected = []
    for some in texts:
        grams = [tuple(text[i : i + n]) for text in some for i in range(5 - n + 1)]
        expected.append(len({*grams}) / len(grams))
    assert metrics.DistinctN(n=n).misfit(fresh(Texts(), metrics.DistinctN())) == ""
    assert np.array_equal([_of(text, tokens, n) for text in texts], expected)
    if tokens == 3:
        assert looked(Texts(), metrics.DistinctN(n=n), *texts).tolist() == expected


def _of(text: Array, tokens: int, n: int) -> float:
    from genloss.metrics.variety import _distinct

    return _distinct(np.lib.stride_tricks.sliding_window_view(text, n, axis=1).reshape(-1, n), tokens)


def test_distinct_symbols() -> None:
    rows = np.array([[0, 0, 1, 2], [0, 0, 0, 0], [3, 2, 1, 0]])
    assert looked(real.Zipf(symbols=4), metrics.DistinctN(), *rows).tolist() == [0.75, 0.25, 1]


# -- what does not fit -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "generator", "look", "message"),
    [
        (real.Moons(), generators.Gaussian(), metrics.KL(), "law of Moons is not known .* \"published\""),
        (real.Gaussian(), generators.KDE(), metrics.KL(), r"KL needs known_law.*kind = \"KL\", of = \"pub"),
        (real.Table(path="iris"), generators.Copula(), metrics.KL(), "KL does not apply to Table"),
        (real.Gaussian(), generators.Gaussian(), metrics.Wasserstein(order=1, of="model"), "use order = 2"),
        (real.Gaussian(), generators.Gaussian(), metrics.KL(of="published", k=20), "k = 20 needs 21 rows"),
        (real.Gaussian(), generators.KDE(), metrics.Entropy(), "Entropy needs known_law"),
        (real.Gaussian(), generators.Gaussian(), metrics.Entropy(of="published", k=20), "needs 21 rows"),
        (real.Zipf(), generators.Categorical(), metrics.DistinctN(n=2), "no 2-gram; use n = 1 or less"),
        (real.Zipf(), generators.Categorical(), metrics.MMD(), "MMD does not apply to Zipf"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_said_before_a_run(
    source: Any, generator: Any, look: Any, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        Experiment(real=source, agents=Agent(generator), n_real=20, metrics=(look,))
