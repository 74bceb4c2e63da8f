"""The first replicates are the same to the bit however many of a tile are drawn."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from genloss import Agent, Experiment, curators, generators, metrics, real, regimes, rewards, verifiers
from genloss.components import component
from genloss.conformance.generators import numbers
from genloss.loop import generations, start
from genloss.records import records
from genloss.samples import Array, Chunk, Samples
from genloss.statistics import Counts, draw_gram
from genloss.streams import REAL, Address, Rng, fixed
from genloss.tables import Column, Schema

SIZES = (1, 2, 5, 11)
G = generators.Gaussian()
VECTORS: tuple[Any, ...] = (metrics.SlicedWasserstein(), metrics.TailMass())
MOMENTS: tuple[Any, ...] = tuple(
    kind(of=of)
    for kind in (metrics.TraceRatio, metrics.LogDetRatio, metrics.MeanError)
    for of in ("model", "published")
)
OF_MODEL: tuple[Any, ...] = (metrics.TraceRatio(), metrics.LogDetRatio(), metrics.MeanError())
NEAR: tuple[Any, ...] = (
    metrics.Precision(),
    metrics.Recall(),
    metrics.Density(),
    metrics.Coverage(),
    metrics.NearestRealDistance(),
    metrics.NearestRealDistance(to="training"),
    metrics.OffSupport(),
    metrics.MMD(),
    metrics.Wasserstein(),
)
ESTIMATED: tuple[Any, ...] = (metrics.KL(of="published"), metrics.Entropy(of="published"))
KNOWN: tuple[Any, ...] = (metrics.KL(), metrics.KL(direction="forward"), metrics.Entropy())
MODES: tuple[Any, ...] = tuple(metrics.ModeShare(what=what) for what in ("kept", "lost", "between"))
SYMBOLS: tuple[Any, ...] = (
    metrics.DistinctN(),
    *KNOWN,
    *ESTIMATED,
    *(
        kind(of=of)
        for kind in (
            metrics.Diversity,
            metrics.SupportSize,
            metrics.TotalVariation,
            metrics.TailMass,
            metrics.OffSupport,
        )
        for of in ("model", "published")
    ),
)
COUNTED: tuple[Any, ...] = (metrics.Diversity(), metrics.SupportSize(), metrics.TailMass(of="model"), *KNOWN)
LINE: tuple[Any, ...] = (metrics.TestError(), metrics.TestError(of="published"), metrics.R2(), *VECTORS)
LIKE: tuple[Any, ...] = (
    metrics.ColumnDistance(),
    metrics.PairDistance(),
    metrics.Copies(),
    metrics.Copies(what="exact"),
    metrics.Detectability(),
)
TABLE: tuple[Any, ...] = (
    metrics.TestError(of="published"),
    metrics.BalancedError(),
    metrics.BalancedError(learner="sklearn.tree:ExtraTreeClassifier"),
    metrics.RankingLoss(),
    metrics.LogLoss(),
    metrics.RareMass(below=0.35),
    metrics.CategoryShare(column="target", category="setosa"),
    metrics.Detectability(learner="sklearn.tree:ExtraTreeClassifier"),
    *LIKE,
    *VECTORS,
    *NEAR,
    *MODES,
)


def loop(source: Any, generator: Any, looks: Any, regime: Any = None, **more: Any) -> Experiment:
    curator = more.pop("curator", curators.KeepAll())
    agents = more.pop("agents", None) or Agent(generator, regime or regimes.Replace(), curator)
    settings = {"n_real": 13, "generations": 4, "tile": 20, **more}
    return Experiment(real=source, agents=agents, metrics=looks, **settings)


@component
class Coins:
    """Two inputs of 0 or 1, and their sum: of four rows some replicates cannot tell the inputs apart."""

    target: ClassVar = -1

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        x = rng.integers(2, size=(replicates, n, 2)).astype(float)
        noise = rng.standard_normal((replicates, n, 1))
        return np.concatenate([x, x.sum(axis=2, keepdims=True) + noise], axis=2)

    def holdout(self) -> Array:
        return self.draw(1, 60, fixed("test.Coins"))[0]


@component
class Holes:
    """A table of one number, one code and one number that is missing in some replicates."""

    event: ClassVar = "table"
    schema: ClassVar = Schema(
        (
            Column("size", "numeric"),
            Column("kind", "categorical", categories=("a", "b", "c")),
            Column("age", "numeric", missing=True),
        )
    )

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        x = rng.standard_normal((replicates, n, 3))
        x[..., 1] = rng.integers(3, size=(replicates, n))
        x[..., 2][rng.random((replicates, n)) < 0.05] = np.nan
        return x

    def holdout(self) -> Array:
        return self.draw(1, 60, fixed("test.Holes"))[0]

    def features(self, rows: Array, leave_out: int | None = None) -> Array:
        return np.nan_to_num(rows)


REGIMES: dict[str, Any] = {
    "accumulate": regimes.Accumulate(),
    "subsample": regimes.AccumulateSubsample(budget=11),
    "real and latest": regimes.RealPlusLatest(),
    "window": regimes.Window(generations=2),
    "weighted": regimes.Weighted(0.3, regimes.Window(generations=2)),
    "weighted subsample": regimes.Weighted(0.3, regimes.AccumulateSubsample()),
    "mixed": regimes.Mixed(0.4),
    "mixed latest": regimes.Mixed(0.5, regimes.RealPlusLatest(), budget=7),
    "reads": regimes.Reads((0,), regimes.Replace()),
}
WEIGHED = regimes.Weighted(0.3, regimes.Accumulate())
LOOPS: dict[str, Experiment] = {
    **{
        f"{source!r} by {type(generator).__name__}": loop(source, generator, looks)
        for source, generator, looks in (
            (real.Gaussian(dim=3), G, MOMENTS + VECTORS + NEAR + ESTIMATED),
            (real.Gaussian(dim=1), G, MOMENTS + VECTORS + NEAR),
            (real.Gaussian(dim=30), generators.Gaussian(temperature=0.8), (metrics.TraceRatio(),)),
            (real.Ring(), generators.KDE(bandwidth="scott"), (metrics.HoldoutNLL(), *VECTORS, *MODES)),
            (real.Moons(), generators.KDE(), (metrics.HoldoutNLL(), *MOMENTS)),
            (real.Circles(), generators.KDE(), VECTORS),
            (real.SwissRoll(), generators.Copula(), VECTORS),
            (real.LinearModel(dim=3), generators.LinearRegression(), LINE),
            (real.LinearModel(dim=3), generators.LinearRegression(design="fresh", intercept=True), LINE),
            (real.LinearModel(dim=20), generators.LinearRegression(), LINE),
            (real.Zipf(symbols=7), generators.Categorical(smoothing=0.1, temperature=0.9), SYMBOLS),
            (real.Zipf(symbols=300), generators.Categorical(), SYMBOLS),
            (real.Digits(), generators.KDE(), VECTORS + NEAR + MODES),
            (real.Table(path="iris"), generators.Copula(), TABLE),
            (real.Table(path="iris"), generators.Bootstrap(), TABLE),
            (real.Zipf(symbols=7), generators.Bootstrap(), (metrics.DistinctN(),)),
            (real.Table(path="iris"), generators.Independent(), TABLE),
            (real.Table(path="iris"), generators.Trees(), TABLE),
            (real.Table(path="iris"), generators.Smote(k=3), TABLE),
            (real.Table(path="iris"), generators.Forest(trees=3), TABLE),
            (real.Ring(), generators.GaussianMixture(3), (metrics.HoldoutNLL(), *VECTORS)),
            (real.SwissRoll(), generators.Trees(min_leaf=2, smoothing=0.1), VECTORS),
            (real.Table(path="diabetes"), G, (metrics.TraceRatio(), *LIKE, *VECTORS)),
        )
    },
    "statistics": loop(real.Gaussian(dim=10), G, OF_MODEL, n_fresh=3),
    "known laws": loop(real.Gaussian(dim=10), G, (*KNOWN, metrics.Wasserstein(of="model"))),
    "volumes": loop(real.Gaussian(dim=10), G, OF_MODEL),
    "few rows as statistics": loop(real.Gaussian(dim=20), G, OF_MODEL, regimes.Accumulate()),
    "counts": loop(real.Zipf(symbols=7), generators.Categorical(), COUNTED),
    "lines": loop(real.LinearModel(dim=4), generators.LinearRegression(), (metrics.TestError(),)),
    "few lines": loop(real.LinearModel(dim=20), generators.LinearRegression(), (metrics.TestError(),)),
    "fresh lines": loop(
        real.LinearModel(dim=4), generators.LinearRegression(design="fresh"), (metrics.TestError(),)
    ),
    **{
        f"{name} of {what}": loop(source, generator, looks, regime, n_fresh=2, rows=rows)
        for name, regime in REGIMES.items()
        for what, source, generator, looks, rows in (
            ("statistics", real.Gaussian(dim=3), G, OF_MODEL, "auto"),
            ("rows", real.Gaussian(dim=3), G, (*OF_MODEL, metrics.HoldoutNLL()), "always"),
            ("kernels", real.Moons(), generators.KDE(), (metrics.HoldoutNLL(),), "auto"),
            ("counts", real.Zipf(symbols=7), generators.Categorical(), COUNTED, "auto"),
            ("symbols", real.Zipf(symbols=7), generators.Categorical(), SYMBOLS, "always"),
            ("lines", real.LinearModel(dim=4), generators.LinearRegression(), (metrics.TestError(),), "auto"),
            ("mixed tables", real.Table(path="iris"), generators.Copula(), TABLE, "auto"),
        )
    },
    **{
        f"{type(curator).__name__} {i}": loop(
            real.Zipf(symbols=7) if generator is None else real.Gaussian(),
            generator or generators.Categorical(smoothing=0.1),
            SYMBOLS if generator is None else VECTORS,
            curator=curator,
        )
        for i, (generator, curator) in enumerate(
            (
                (G, curators.Choose(rewards.Along(), k=3)),
                (generators.KDE(), curators.Choose(rewards.Near(point=(0.0, 1.0)))),
                (G, curators.Accept(verifiers.Inside(low=-0.5))),
                (G, curators.Accept(verifiers.Imperfect(of=verifiers.Inside(low=2), right=0.6, wrong=0.1))),
                (None, curators.Choose(rewards.PerSymbol(values=(1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0)))),
                (None, curators.Accept(verifiers.OneOf(symbols=(1, 5, 6)))),
            )
        )
    },
    "inputs that cannot be told apart": loop(
        Coins(), generators.LinearRegression(intercept=True), LINE, regimes.Accumulate(), n_real=5
    ),
    "the same as statistics": loop(
        Coins(), generators.LinearRegression(), (metrics.TestError(),), regimes.Accumulate(), n_real=4
    ),
    "missing in some replicates": loop(Holes(), generators.Copula(), VECTORS, regimes.Accumulate()),
    **{
        f"missing in some replicates, {type(g).__name__}": loop(Holes(), g, VECTORS, WEIGHED)
        for g in (
            generators.Bootstrap(),
            generators.Independent(),
            generators.Trees(min_leaf=2),
            generators.Forest(trees=3),
        )
    },
    "collapsed": loop(real.Gaussian(), G, (*OF_MODEL, *KNOWN), n_real=3, generations=300),
    "collapsed rows": loop(
        real.Gaussian(), G, (*OF_MODEL, metrics.HoldoutNLL()), n_real=3, generations=150, rows="always"
    ),
    "held out anew": loop(
        real.Ring(), generators.KDE(), (metrics.HoldoutNLL(), *VECTORS, *NEAR, *MODES), holdout="fresh"
    ),
    "many": loop(
        real.Gaussian(),
        None,
        MOMENTS,
        agents=(Agent(G, n=3), Agent(G, regimes.Replace()), Agent(generators.KDE(), regimes.Replace(), n=5)),
    ),
    "many as statistics": loop(
        real.Gaussian(), None, OF_MODEL, agents=(Agent(G, n=3), Agent(G, regimes.Replace()))
    ),
}


@pytest.fixture(params=list(LOOPS))
def exp(request: pytest.FixtureRequest) -> Experiment:
    return LOOPS[request.param]


def seen(exp: Experiment, size: int | None, tile: int = 1) -> list[tuple[Any, ...]]:
    """Every chunk of the loop as numbers, each (R, ...)."""
    state = start(exp, tile, size=size)
    chunks = list(state.pool.chunks)
    for _, observed in generations(exp, state):
        chunks += [o.chunk for o in observed]
    with np.errstate(all="ignore"):
        return [(c.rows,) if c.rows is not None else tuple(map(numbers, c.known.values())) for c in chunks]


def begins(whole: Array, part: Array, size: int) -> bool:
    alike = np.array_equal(whole[:size], part, equal_nan=part.dtype.kind == "f")
    return alike and part.shape == (size, *whole.shape[1:])


def test_what_is_published_begins_alike(exp: Experiment) -> None:
    whole = seen(exp, None)
    for size in SIZES:
        for at, (one, other) in enumerate(zip(whole, seen(exp, size), strict=True)):
            for a, b in zip(one, other, strict=True):
                assert begins(a, b, size), f"chunk {at}: the first {size} differ"


def test_what_is_measured_and_looked_at_begins_alike(exp: Experiment) -> None:
    with np.errstate(all="ignore"):
        whole = list(records(exp, Address(exp.seed)))
        for size in SIZES:
            for one, other in zip(whole, records(exp, Address(exp.seed, size=size)), strict=True):
                assert one.at == other.at
                for name, value in one.values.items():
                    assert begins(value, other.values[name], size), f"{one.at}: {name} of the first {size}"
                assert (one.picture is None) == (other.picture is None)
                assert one.picture is None or np.array_equal(one.picture, other.picture, equal_nan=True)


# -- one stream, drawn from more than once ---------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        real.Gaussian(dim=3),
        real.Ring(),
        real.LinearModel(dim=3),
        real.Zipf(symbols=7),
        real.Zipf(symbols=300),
        real.Moons(),
        real.Digits(),
        real.Table(path="iris"),
    ],
    ids=repr,
)
def test_what_a_source_draws_next_begins_alike(source: Any) -> None:
    def twice(replicates: int) -> list[Array]:
        rng = fixed("test.twice")
        return [source.draw(replicates, 9, rng) for _ in range(2)]

    whole = twice(11)
    assert not np.array_equal(whole[0], whole[1])
    for size in (1, 2, 5):
        assert all(begins(a, b, size) for a, b in zip(whole, twice(size), strict=True))


@pytest.mark.parametrize("counted", [False, True])
def test_what_is_subsampled_next_begins_alike(counted: bool) -> None:
    kind = Counts(7)

    def twice(replicates: int) -> list[Array]:
        rng = fixed("test.subsample")
        rows = real.Zipf(symbols=7).draw(11, 30, fixed("test.rows"))[:replicates]
        chunk = Chunk(30, 0, REAL, None if counted else rows, {kind: kind(rows)} if counted else {}, schema=7)
        return [Samples.of([chunk]).subsample(10, rng).total(kind) for _ in range(2)]

    whole = twice(11)
    assert not np.array_equal(whole[0], whole[1])
    for size in (1, 2, 5):
        assert all(begins(a, b, size) for a, b in zip(whole, twice(size), strict=True))


def test_rounds_of_a_verifier_leave_what_is_drawn_next_alone() -> None:
    """The slowest of many replicates needs more rounds than the first alone."""
    curator = curators.Accept(verifiers.Inside(low=1.3))

    def next_draw(replicates: int) -> tuple[Array, Array]:
        source, rng = real.Gaussian(), fixed("test.rounds")
        train = Samples.of([Chunk(20, 0, REAL, source.draw(20, 20, fixed("test.rows"))[:replicates])])
        model = G.fit(train, rng)
        return curator(model, train, 5, rng), rng.random(4)

    published, drawn = next_draw(20)
    for size in (1, 2, 5):
        some, again = next_draw(size)
        assert begins(published, some, size) and np.array_equal(drawn, again)


def test_fits_are_added_up_each_replicate_by_itself() -> None:
    """Rows of one model share its coefficients as an anchor; replicates may differ in whether they do."""
    w = fixed("test.anchors").standard_normal((9, 2))
    other = w.copy()
    other[5:] += 1
    one, two = (draw_gram(c, np.ones(1), 9, fixed(f"test.{i}")) for i, c in enumerate((w, other)))
    whole = one + two
    for r in range(9):
        alone = one[r : r + 1] + two[r : r + 1]
        assert np.array_equal(alone.coefficients, whole.coefficients[r : r + 1])
        assert np.array_equal(alone.residual, whole.residual[r : r + 1])


# -- no more than is asked for ---------------------------------------------------------------------


def test_no_real_rows_are_drawn_for_replicates_that_nobody_wants() -> None:
    asked: list[int] = []

    @component
    class Counting:
        def draw(self, replicates: int, n: int, rng: Rng) -> Array:
            asked.append(replicates)
            return rng.standard_normal((replicates, n, 2))

        def holdout(self) -> Array:
            return np.zeros((5, 2))

    exp = loop(Counting(), generators.KDE(), VECTORS, tile=40)
    wanted = [(0, 3, [3]), (0, 16, [16]), (0, 37, [16, 16, 5]), (1, 3, [11]), (0, None, [16, 16, 8])]
    for tile, size, expected in wanted:
        asked.clear()
        start(exp, tile, size=size)
        assert asked == expected


def test_fresh_rows_do_not_keep_the_whole_draw_in_memory() -> None:
    exp = loop(real.Digits(), generators.KDE(), VECTORS, n_real=500, n_fresh=10, generations=20)
    for t in (0, 1, 20):
        rows = exp.fresh(t, Address(0)).chunks[0].rows  # type: ignore[union-attr]
        assert rows is not None
        assert rows.base is None or rows.base.nbytes == rows.nbytes
