"""Every part keeps the contract of its slot, and each check catches the fault that it is there for."""

import json
import random
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from click.testing import CliRunner

from genloss import Agent, Experiment, curators, generators, metrics, real, regimes, rewards, verifiers
from genloss.cli.commands import genloss
from genloss.components import component
from genloss.conformance import check, slot_of_part
from genloss.conformance.outside import drawn_from
from genloss.conformance.worlds import mixed_table
from genloss.errors import SpecError
from genloss.generators.gaussian import GaussianModel
from genloss.samples import Samples
from genloss.statistics import Moments, Normal, Symbols, moments
from genloss.streams import fixed
from genloss.study.registry import SLOTS, parts
from genloss.trials import Trial

with mixed_table() as world:
    MADE = world.real.schema.decode(world.rows(1, 80)[0])
SYMBOLS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)

# Each public part with arguments that try it; parts without arguments need no entry.
ARGUMENTS: dict[Any, list[dict[str, Any]]] = {
    Experiment: [
        {"real": real.Gaussian(), "agents": Agent(generators.Gaussian()), "generations": 3, "n_real": 5},
        {"real": real.Moons(), "agents": Agent(generators.KDE()), "generations": 3, "n_real": 5},
    ],
    Trial: [
        {"real": real.Table("wine"), "source": generators.Copula(), "doses": (1.0,), "replicates": 90},
        {"real": real.Table("diabetes"), "learner": "ridge", "folds": 3, "replicates": 200},
    ],
    real.Gaussian: [{"dim": 1}, {"dim": 3}],
    real.Zipf: [{"symbols": 6}, {}],
    real.Table: [{"path": name} for name in ("breast_cancer", "wine", "diabetes", "iris")],
    real.Rows: [{"path": np.random.Generator(np.random.SFC64(1)).normal(size=(60, 3))}],
    real.Images: [{"path": np.random.Generator(np.random.SFC64(1)).integers(0, 256, (60, 4, 5))}],
    generators.Gaussian: [{}, {"ddof": 1, "temperature": 0.5}],
    generators.KDE: [{}, {"bandwidth": "scott"}, {"bandwidth": "silverman"}],
    generators.LinearRegression: [
        {},
        {"noise": 0.5},
        {"design": "fresh"},
        {"design": "fresh", "intercept": True},
    ],
    generators.Categorical: [{}, {"smoothing": 1.0, "temperature": 0.5}],
    generators.Forest: [{"trees": 5}, {"trees": 2, "min_leaf": 2, "rounds": 2}],
    generators.GaussianMixture: [{}, {"components": 2}],
    generators.Given: [{"path": MADE}],
    generators.Smote: [{}, {"k": 1, "classes": "minority"}],
    generators.Trees: [{}, {"min_leaf": 1, "max_depth": 3, "smoothing": 0.2}],
    generators.Wrapped: [{"make": "test_conformance:Bootstrap"}],
    regimes.AccumulateSubsample: [{}, {"budget": 7}],
    regimes.Window: [{"generations": 1}, {"generations": 3}],
    regimes.Weighted: [
        {"real": 0.3, "of": regimes.Replace()},
        {"real": 0.3, "of": regimes.AccumulateSubsample()},
    ],
    regimes.Mixed: [{"real": 0.5}, {"real": 0.25, "of": regimes.RealPlusLatest(), "budget": 12}],
    regimes.Reads: [
        {"authors": (1, "real"), "of": regimes.Replace()},
        {"authors": (0,), "of": regimes.AccumulateSubsample()},
    ],
    metrics.KL: [
        {},
        {"direction": "forward"},
        {"of": "published"},
        {"of": "published", "direction": "forward"},
    ],
    metrics.Wasserstein: [{}, {"order": 1}, {"of": "model"}],
    metrics.Entropy: [{}, {"of": "published"}, {"of": "published", "corrected": False}],
    metrics.CategoryShare: [{"column": "town", "category": "Kiel"}, {"column": "ill", "category": "1"}],
    metrics.ModeShare: [{}, {"what": "lost"}, {"what": "between"}],
    metrics.NearestRealDistance: [{}, {"to": "training"}],
    metrics.OffSupport: [{}, {"of": "model"}],
    curators.Choose: [{"reward": rewards.Along()}, {"reward": rewards.PerSymbol(values=SYMBOLS), "k": 3}],
    curators.Accept: [
        {"verifier": verifiers.Inside(low=0.0)},
        {"verifier": verifiers.OneOf(symbols=(0, 1))},
    ],
    rewards.Near: [{"point": (0.0, 1.0)}],
    rewards.PerSymbol: [{"values": SYMBOLS}],
    verifiers.OneOf: [{"symbols": (0, 1)}],
    verifiers.Imperfect: [{"of": verifiers.Inside(high=0.0), "right": 0.9, "wrong": 0.1}],
}


class Bootstrap:
    """A user's generator: rows drawn again."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def fit(self, rows: Any) -> None:
        self.rows = rows

    def sample(self, n: int) -> Any:
        index = self.rng.integers(len(self.rows), size=n)
        return self.rows.iloc[index] if hasattr(self.rows, "iloc") else self.rows[index]


def every_part() -> list[Any]:
    found = []
    for slot in SLOTS.values():
        for name, cls in sorted(parts(slot).items()):
            for i, arguments in enumerate(ARGUMENTS.get(cls, [{}])):
                found.append(pytest.param(slot, cls, arguments, id=f"{slot}-{name}-{i}"))
    return found


@pytest.mark.parametrize(("slot", "cls", "arguments"), every_part())
def test_every_part_keeps_its_contract(slot: str, cls: Any, arguments: dict[str, Any]) -> None:
    if cls is generators.Wrapped:
        arguments = {"make": Bootstrap}
    part = cls(**arguments)
    assert slot_of_part(part) == slot
    found = check(part)
    assert [f for f in found if f.passed is False] == []
    assert sum(f.passed is True for f in found) >= 3


# -- broken on purpose -----------------------------------------------------------------------------


def broken(part: Any, slot: str | None = None) -> set[str]:
    """Names of the checks that fail, without what they were tried on."""
    return {f.check.rpartition(": ")[2] for f in check(part, slot) if f.passed is False}


def making(**faults: Any) -> generators.Wrapped:
    """A user's generator with some of its methods replaced."""
    made = type("Faulty", (Bootstrap,), faults)
    made.__qualname__ = "<locals>.Faulty"  # it cannot be found by its name, and so stands in no spec
    return generators.Wrapped(make=made)


def test_a_generator_that_cannot_sample_says_so_once() -> None:
    part = making(sample=lambda self, n: self.rows[: n - 1])
    found = [f for f in check(part) if f.passed is False]
    assert {f.check for f in found} == {"numeric rows: fits and samples"}
    assert "return an array of shape (40, 2)" in found[0].message


def test_a_generator_that_ignores_its_seed() -> None:
    part = making(__init__=lambda self, seed: Bootstrap.__init__(self, 0))
    assert broken(part) == {"other stream, other rows"}


def test_a_generator_that_samples_the_same_rows_again() -> None:
    part = making(sample=lambda self, n: self.rows[np.arange(n) % len(self.rows)])
    assert "new rows at each call" in broken(part)


def test_a_generator_that_draws_from_elsewhere() -> None:
    count = iter(range(10**6))
    part = making(__init__=lambda self, seed: Bootstrap.__init__(self, next(count)))
    assert "same stream, same rows" in broken(part)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (Normal(Moments(1.0, np.zeros((1, 2)), np.eye(2)[None])), "standard errors from known_law()"),
        (Symbols(np.ones((1, 2)) / 2), "known_law() gave a Symbols, where rows are vectors"),
        ("N(0, 1)", "known_law() gave a str"),
    ],
)
def test_a_model_that_says_a_law_that_it_does_not_sample_from(said: Any, found: str) -> None:
    class Telling(GaussianModel):
        def known_law(self) -> Any:
            return said

    @component
    class Tells:
        accepts: ClassVar = ("vectors",)

        def fit(self, train: Samples, rng: Any, init: Any = None) -> Any:
            m = train.total(moments)
            return Telling(m, (1 / m.n) ** 0.5, train.event)

    faults = [f for f in check(Tells()) if f.passed is False]
    assert {f.check.rpartition(": ")[2] for f in faults} == {"known_law"}
    assert all(found in f.message for f in faults)


def test_rows_that_are_not_normal_do_not_follow_a_normal_law() -> None:
    @component
    class Uniform:
        """Of mean 0 and variance 1, as the law that it says it has."""

        def draw(self, replicates: int, n: int, rng: Any) -> Any:
            return 12**0.5 * (rng.random((replicates, n, 1)) - 0.5)

        def holdout(self) -> Any:
            return self.draw(1, 20, fixed("test.Uniform"))[0]

        def known_law(self) -> Normal:
            return Normal(Moments(1.0, np.zeros((1, 1)), np.ones((1, 1, 1))))

    assert broken(Uniform()) == {"known_law"}


def test_a_generator_that_cannot_learn_from_itself() -> None:
    def fit(self: Any, rows: Any) -> None:
        if len(np.unique(np.asarray(rows).astype(str), axis=0)) < len(rows):
            raise ValueError("rows must differ")
        self.rows = rows

    assert "learns from its own samples" in broken(making(fit=fit))


def test_a_generator_whose_density_is_in_other_units() -> None:
    def log_prob(self: Any, rows: Any) -> Any:
        x = np.asarray(rows)
        return -0.5 * (x**2).sum(axis=1)  # the normalising constant is lacking

    assert "log_prob is a law" in broken(making(log_prob=log_prob))


def test_a_generator_that_samples_another_law_than_its_density() -> None:
    def log_prob(self: Any, rows: Any) -> Any:
        x = np.asarray(rows)
        return -0.5 * ((x / 3) ** 2 + np.log(2 * np.pi * 9)).sum(axis=1)

    found = [f for f in check(making(log_prob=log_prob)) if f.check.endswith("log_prob is a law")]
    assert any("standard errors" in f.message for f in found)


def test_a_generator_for_numbers_alone_is_told_so_and_passes() -> None:
    def fit(self: Any, rows: Any) -> None:
        if not isinstance(rows, np.ndarray):
            raise TypeError("only arrays")
        self.rows = rows

    found = check(making(fit=fit))
    assert not [f for f in found if f.passed is False]
    assert any(f.passed is None and "a mixed table" in f.message for f in found)


def test_a_generator_that_can_be_fitted_to_nothing_says_why_and_nothing_else() -> None:
    part = making(fit=lambda self, rows: 1 / 0)
    found = [f for f in check(part) if f.passed is False]
    assert {f.check for f in found} == {"numeric rows: fits and samples"}
    assert "division by zero" in found[0].message


@component
class Centred:
    """A Gaussian with faults to choose from."""

    fault: str
    accepts: ClassVar = ("vectors",)

    def sufficient(self, schema: Any) -> Any:
        return moments

    def fit(self, train: Samples, rng: Any, init: Any = None) -> Any:
        if self.fault == "writes":
            train.rows[...] -= train.rows.mean(axis=1, keepdims=True)
            return generators.Gaussian().fit(train, rng)
        model = generators.Gaussian().fit(train, rng)
        if self.fault == "mixes":
            mean = model.mean.mean(axis=0, keepdims=True) + np.zeros_like(model.mean)
            return replace(model, fitted=Moments(model.fitted.n, mean, model.fitted.root))
        if self.fault == "nan":
            return Patchy(model)
        return {"statistic": Doubled, "known": Mistaken, "short": Short}[self.fault](model)


class Doubled:
    """A model that draws a statistic of another law than that of its rows."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def sample(self, n: int, rng: Any) -> Any:
        return self.model.sample(n, rng)

    def draw_statistic(self, kind: Any, n: int, rng: Any) -> Any:
        return replace(self.model, scale=2 * self.model.scale).draw_statistic(kind, n, rng)


class Short:
    """A model that gives the wrong rows where other numbers are wanted than it was trained on."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def sample(self, n: int, rng: Any) -> Any:
        return self.model.sample(max(n, 2), rng)


class Patchy(Short):
    """A model that gives NaN."""

    def sample(self, n: int, rng: Any) -> Any:
        rows = self.model.sample(n, rng)
        rows[:, :1] = np.nan
        return rows


class Mistaken:
    """A model that hands out statistics of other rows than its own."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def sample(self, n: int, rng: Any) -> Any:
        return self.model.sample(n, rng)

    def sample_known(self, n: int, rng: Any) -> Any:
        return self.sample(n, rng), {moments: moments(self.sample(n, rng))}


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ("writes", "training rows untouched"),
        ("known", "sample_known"),
        ("statistic", "draw_statistic"),
        ("short", "shape of samples"),
    ],
)
def test_faults_of_a_generator_that_works_on_all_replicates(fault: str, caught: str) -> None:
    assert broken(Centred(fault=fault)) == {caught}


def test_a_generator_whose_replicates_share_their_mean() -> None:
    assert broken(Centred(fault="mixes")) == {"replicates apart", "first replicates"}


def test_a_generator_that_gives_nan() -> None:
    assert "samples are rows" in broken(Centred(fault="nan"))


@component
class Cheating:
    """A finite source with faults to choose from."""

    fault: str = ""

    @property
    def size(self) -> int:
        return 40

    @property
    def rows(self) -> Any:
        return np.arange(120.0).reshape(60, 2)

    def draw(self, replicates: int, n: int, rng: Any) -> Any:
        rows = self.rows if self.fault == "leaks" else self.rows[20:]
        if self.fault == "chooses":
            return np.stack([rng.choice(rows[:40], n, replace=False) for _ in range(replicates)])
        if self.fault == "alike":
            return np.broadcast_to(rows[rng.permutation(40)[:n]], (replicates, n, 2))
        if self.fault == "constant":
            return np.broadcast_to(rows[:n], (replicates, n, 2))
        return np.stack([rows[rng.permutation(40)[:n]] for _ in range(replicates)])

    def holdout(self) -> Any:
        return self.rows[:20]


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ("", set()),
        ("leaks", {"holdout apart"}),
        ("chooses", {"longer draws begin alike"}),
        ("alike", {"other stream, other rows"}),
        ("constant", {"other stream, other rows"}),
    ],
)
def test_faults_of_a_source(fault: str, caught: set[str]) -> None:
    assert broken(Cheating(fault=fault)) == caught


@component
class Wide:
    """A law that states other moments than its rows have."""

    def draw(self, replicates: int, n: int, rng: Any) -> Any:
        return 1.5 * rng.standard_normal((replicates, n, 2))

    def holdout(self) -> Any:
        return np.zeros((5, 2))

    def moments(self) -> Any:
        return np.zeros(2), np.eye(2)


def test_a_law_that_is_not_that_of_its_rows() -> None:
    assert broken(Wide()) == {"moments"}


@component
class Misbehaving:
    """A regime with faults to choose from."""

    fault: str
    reach: ClassVar = (1, 1)

    @property
    def needs_rows(self) -> bool:
        return self.fault != "rowless"

    def __call__(self, pool: Samples, rng: Any) -> Any:
        if self.fault == "short-sighted":
            return pool.since(pool.newest - 1)
        if self.fault == "array":
            return pool.latest.rows
        if self.fault == "writes":
            for chunk in pool.chunks:
                chunk.rows[...] += 1
        if self.fault == "makes":
            chunk = pool.latest.chunks[-1]
            return Samples.of([replace(chunk, rows=chunk.rows + 1e-9, known={})], pool.origin)
        if self.fault == "empty":
            return pool.latest.by(0)
        if self.fault == "rowless":
            return Samples.of(
                [replace(pool.latest.chunks[-1], rows=pool.latest.rows[:, :5], n=5)], pool.origin
            )
        return pool.latest


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ("", set()),
        ("short-sighted", {"reach is enough"}),
        ("writes", {"leaves the pool alone", "same stream, same choice"}),
        ("makes", {"rows from the pool"}),
        ("rowless", {"works without rows"}),
    ],
)
def test_faults_of_a_regime(fault: str, caught: set[str]) -> None:
    assert broken(Misbehaving(fault=fault)) >= caught
    if len(caught) < 2:
        assert broken(Misbehaving(fault=fault)) == caught


def test_a_regime_that_gives_no_training_set() -> None:
    assert "gives a training set" in broken(Misbehaving(fault="array"))
    assert "gives a training set" in broken(Misbehaving(fault="empty"))


@component
class Inventing:
    """A curator with faults to choose from."""

    fault: str

    @property
    def publishes_everything(self) -> bool:
        return self.fault == "claims"

    def __call__(self, model: Any, train: Samples, n: int, rng: Any) -> Any:
        rows = model.sample(2 * n, rng)
        if self.fault == "invents":
            return rows[:, :n] + 1e-9
        return rows if self.fault == "all" else rows[:, n:]


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ("", set()),
        ("invents", {"rows of the model"}),
        ("claims", {"publishes_everything is honest"}),
    ],
)
def test_faults_of_a_curator(fault: str, caught: set[str]) -> None:
    assert broken(Inventing(fault=fault)) == caught


def test_a_curator_that_publishes_too_much() -> None:
    assert "shape of what is published" in broken(Inventing(fault="all"))


@component
class Careless:
    """A metric with faults to choose from."""

    fault: str

    @property
    def instead_of_rows(self) -> Any:
        return () if self.fault == "rowless" else None

    def __call__(self, seen: Any) -> Any:
        if self.fault == "needs":
            return -seen.model.log_prob(seen.holdout).mean(axis=1)
        rows = seen.features
        if self.fault == "writes":
            rows -= rows.mean(axis=1, keepdims=True)
        if self.fault == "mixes":
            rows = rows - rows.mean(axis=(0, 1))
        if self.fault == "pooled":
            return rows.mean()
        if self.fault == "nan":
            return np.full(len(rows), np.nan)
        return (rows**2).mean(axis=(1, 2))


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ("", set()),
        ("needs", {"needs is honest", "replicates apart", "generation 0"}),
        ("rowless", {"instead_of_rows is honest"}),
        ("mixes", {"replicates apart", "first replicates"}),
        ("nan", {"one number a replicate"}),
    ],
)
def test_faults_of_a_metric(fault: str, caught: set[str]) -> None:
    found = {f.check: f for f in check(Careless(fault=fault), "metrics")}
    names = {f.check for f in found.values() if f.passed is False and f.check.startswith("numeric rows: ")}
    assert {n.removeprefix("numeric rows: ") for n in names} == caught


def test_metrics_that_write_or_give_one_number_for_all() -> None:
    assert "only looks" in broken(Careless(fault="writes"), "metrics")
    assert "one number a replicate" in broken(Careless(fault="pooled"), "metrics")


@component
class Sloppy:
    """A reward with faults to choose from."""

    fault: str

    def __call__(self, rows: Any) -> Any:
        if self.fault == "writes":
            rows *= 2
        return (
            rows.sum(axis=(1, 2))
            if self.fault == "shape"
            else rows[..., 0] > 0
            if self.fault == "bool"
            else rows[..., 0]
        )


def test_faults_of_a_reward() -> None:
    assert broken(Sloppy(fault="")) == set()
    assert "leaves rows alone" in broken(Sloppy(fault="writes"))
    assert "one number a row" in broken(Sloppy(fault="shape"))
    assert broken(Sloppy(fault="bool")) == {"one number a row"}


@component
class Moody:
    """A verifier that answers with numbers, or otherwise each time."""

    fault: str

    def __call__(self, rows: Any, rng: Any) -> Any:
        x = rows[..., 0]
        if self.fault == "number":
            return x
        return x > moods.pop()


moods: list[float] = []


def test_faults_of_a_verifier() -> None:
    assert broken(Moody(fault="number")) == {"one verdict a row"}
    moods.extend(np.linspace(-1, 1, 100).tolist())
    assert "the same again" in broken(Moody(fault="moods"))


# -- the first replicates, however many there are --------------------------------------------------


@component
class Turns:
    """A source that draws a replicate after the other from one stream and goes on; and better ones."""

    by: str

    def draw(self, replicates: int, n: int, rng: Any) -> Any:
        if self.by == "turns":
            rows = np.stack([rng.standard_normal((n, 2)) for _ in range(replicates)])
            return rows + rng.standard_normal(rows.shape)
        if self.by == "streams":
            return np.stack([own.standard_normal((n, 2)) for own in rng.spawn(replicates)])
        if self.by == "last":
            return np.moveaxis(rng.standard_normal((n, 2, replicates)), 2, 0)
        return rng.standard_normal((replicates, n, 2))

    def holdout(self) -> Any:
        return self.draw(1, 50, fixed("test.Turns"))[0]


@component
class Resampling:
    """A generator that draws rows again, a replicate after the other; or fits them one by one."""

    tile: int = 64
    accepts: ClassVar = ("vectors",)

    def fit(self, train: Samples, rng: Any, init: Any = None) -> Any:
        return Resampled(train.rows.copy())


class Resampled:
    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def sample(self, n: int, rng: Any) -> Any:
        return np.stack([rng.choice(x, n) for x in self.rows])


@component
class Drawing:
    """A regime that draws a replicate after the other, and then from which row on."""

    def __call__(self, pool: Samples, rng: Any) -> Any:
        rows = pool.rows
        index = np.stack([rng.integers(rows.shape[1] - 3, size=5) for _ in rows])
        index += rng.integers(3, size=(len(rows), 1))
        return Samples.of([replace(pool.chunks[0], n=5, rows=pool.take(index), known={})], pool.origin)


@component
class Picking:
    def __call__(self, model: Any, train: Samples, n: int, rng: Any) -> Any:
        found = model.sample(n, rng)
        for _ in range(2):
            swap = np.array([rng.random() < 0.5 for _ in found])
            found = np.where(swap[:, None, None], model.sample(n, rng), found)
        return found


@component
class Noisy:
    def __call__(self, seen: Any) -> Any:
        one = [seen.rng.measure.random() for _ in range(seen.replicates)]
        return one + seen.rng.measure.random(seen.replicates)


@component
class Whole:
    """A metric that takes a tile to be drawn whole."""

    def __call__(self, seen: Any) -> Any:
        return seen.rng.measure.random(seen.exp.tile_size)


@component
class Best:
    """A reward in units of the best row of all replicates."""

    def __call__(self, rows: Any) -> Any:
        return rows[..., 0] / np.abs(rows).max()


@component
class Guessing:
    def __call__(self, rows: Any, rng: Any) -> Any:
        return np.stack([rng.random(len(x)) < 0.5 for x in rows])


@pytest.mark.parametrize(
    "part",
    [
        Turns(by="turns"),
        Turns(by="last"),
        Resampling(),
        Drawing(),
        Picking(),
        Noisy(),
        Whole(),
        Best(),
        Guessing(),
    ],
    ids=repr,
)
def test_parts_whose_first_replicates_depend_on_how_many_there_are(part: Any) -> None:
    found = [f for f in check(part) if f.passed is False]
    assert {f.check.rpartition(": ")[2] for f in found} == {"first replicates"}
    remedy = (
        "no product, sum or choice" if isinstance(part, Best) else r"draw in one call whose first axis is R"
    )
    assert all(remedy in f.message and "on an equal stream" in f.message for f in found)


def test_ways_to_draw_the_first_replicates_alike() -> None:
    for part in (Turns(by="streams"), Turns(by="call"), Resampling(tile=1)):
        assert broken(part) == set()
    assert "or set tile = 1" in next(f.message for f in check(Resampling()) if f.passed is False)


def test_a_class_that_is_no_component_cannot_stand_in_a_spec() -> None:
    found = [f for f in check(Plain()) if f.passed is False]
    assert [f.check for f in found] == ["stands in a spec"]
    assert "@component" in found[0].message


class Plain:
    def __call__(self, pool: Samples, rng: Any) -> Samples:
        return pool


def test_what_has_no_verb_is_no_part() -> None:
    with pytest.raises(SpecError, match="has the verb of no slot"):
        check(object())


# -- genloss check ---------------------------------------------------------------------------------

MINE = '''
import numpy as np
from genloss.components import component
from genloss.samples import Samples


class Bootstrap:
    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def fit(self, rows):
        self.rows = rows

    def sample(self, n):
        index = self.rng.integers(len(self.rows), size=n)
        return self.rows.iloc[index] if hasattr(self.rows, "iloc") else self.rows[index]


def make(seed):
    return Bootstrap(seed)


def make_alike(seed):
    return Bootstrap(0)


@component
class Oldest:
    """Train on the oldest rows."""
    chunks: int

    def __call__(self, pool, rng):
        return Samples.of(pool.chunks[: self.chunks], pool.origin)


@component
class Mean:
    def __call__(self, seen):
        return seen.features.mean(axis=(1, 2))
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def checked(*arguments: str) -> Any:
    return CliRunner().invoke(genloss, ["check", *arguments])


@pytest.mark.slow
def test_check_runs_a_users_generator_through_the_real_path(mine: Path) -> None:
    answer = checked("mine.py:make")
    assert answer.exit_code == 0, answer.output
    assert "FAIL" not in answer.output
    assert "numeric rows: same in a worker" in answer.output
    assert "a mixed table: same in a worker" in answer.output


@pytest.mark.slow
def test_check_says_what_fails_and_how_to_mend_it(mine: Path) -> None:
    answer = checked("mine.py:make_alike")
    assert answer.exit_code == 1
    assert "FAIL  numeric rows: other stream, other rows" in answer.output
    assert "random_state" in answer.output


FAULTY = """
import numpy as np


class Base:
    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def fit(self, rows):
        self.rows = np.asarray(rows, dtype=float)

    def sample(self, n):
        return self.rows[self.rng.integers(len(self.rows), size=n)]


class Numbers(Base):
    def fit(self, rows):
        rows + 1.0
        raise ValueError("my own bug")


class Exits(Base):
    def sample(self, n):
        raise SystemExit(3)


class Shy(Base):
    def sample(self, n):
        if n != 40:
            raise ValueError("only 40")
        return Base.sample(self, n)


class Unseeded(Base):
    def __init__(self):
        Base.__init__(self, 0)


def make():
    return Base(0)
"""


def test_check_says_one_fault_once(mine: Path) -> None:
    (mine / "faulty.py").write_text(FAULTY)
    answer = checked("faulty.py:Shy")
    assert answer.exit_code == 1
    assert answer.stdout.count("only 40") == 1
    assert answer.stdout.count("      The same as: numeric rows: shape of samples.\n") == 3
    assert "fit must take" not in answer.stdout


def test_check_of_a_generator_for_numbers_that_fails_on_numbers(mine: Path) -> None:
    (mine / "faulty.py").write_text(FAULTY)
    text = checked("faulty.py:Numbers").stdout
    assert (
        "FAIL  numeric rows: fits and samples\n      faulty.py:Numbers: fit raised ValueError: my own bug\n"
        in text
    )
    assert text.count("FAIL") == 1 and "1 of 2 checks fail" in text
    assert "not judged while it fails on numeric rows" in text


OUTSIDE = """
import numpy as np


class Mine:
    seen = []
    limit = 3

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def fit(self, rows):
        Mine.seen.append(len(rows))
        self.rows = np.asarray(rows, dtype=float)

    def sample(self, n):
        return self.rows[self.rng.integers(0, len(self.rows), n)] + len(Mine.seen)


CALLS = {"sample": 0}


class Counted(Mine):
    seen = None

    def fit(self, rows):
        self.rows = np.asarray(rows, dtype=float)

    def sample(self, n):
        CALLS["sample"] += 1
        return self.rows[self.rng.integers(0, len(self.rows), n)] + CALLS["sample"]


class OfFrames(Mine):
    def fit(self, frame):
        self.rows = frame["no such column"]
"""


@pytest.mark.parametrize(("name", "held"), [("Mine", "Mine.seen"), ("Counted", "CALLS")])
def test_what_models_share_is_named_as_the_cause(mine: Path, name: str, held: str) -> None:
    (mine / "outside.py").write_text(OUTSIDE)
    text = " ".join(checked(f"outside.py:{name}").stdout.split())
    assert "FAIL numeric rows: same stream, same rows" in text
    assert f"gave different rows: it changes {held}, which all models share; keep it in the object" in text
    assert "Mine.limit" not in text


def test_a_generator_for_frames_is_judged_by_tables(mine: Path) -> None:
    (mine / "outside.py").write_text(OUTSIDE)
    text = " ".join(checked("outside.py:OfFrames").stdout.split())
    assert "- numeric rows: fits and samples not judged while it fails on a mixed table" in text
    assert "FAIL a mixed table: fits and samples outside.py:OfFrames: fit raised KeyError: 'no such" in text


def test_check_survives_a_part_that_exits(mine: Path) -> None:
    (mine / "faulty.py").write_text(FAULTY)
    answer = checked("faulty.py:Exits")
    assert answer.exit_code == 1
    assert "FAIL  numeric rows: fits and samples" in answer.stdout and "SystemExit" in answer.stdout


@pytest.mark.parametrize("name", ["make", "Unseeded"])
def test_make_must_take_a_seed(mine: Path, name: str) -> None:
    (mine / "faulty.py").write_text(FAULTY)
    answer = checked(f"faulty.py:{name}")
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"genloss: faulty.py:{name} must take a seed")


def test_check_finds_the_slot_and_gives_fields(mine: Path) -> None:
    answer = checked("mine.py:Oldest", "--set", "chunks=2")
    assert answer.exit_code == 0, answer.output
    assert "mine.py:Oldest, regime" in answer.output
    assert checked("mine.py:Mean").exit_code == 0
    assert checked("mine.py:Mean", "--as", "metric").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mine.py:Oldest"], "chunks: this field is needed"),
        (["mine.py:Oldest", "--set", "chunks=0.5"], "chunks: input should be a valid integer"),
        (["mine.py:Oldset"], "did you mean 'Oldest'?"),
        (["theirs.py:make"], "cannot read theirs.py"),
        (["mine.py"], "write file.py:name"),
        (["mine.py:np"], "has the verb of no slot"),
        (["mine.py:Mean", "--as", "metrik"], "did you mean"),
        (["mine.py:make", "--table", "none.csv"], "none.csv"),
    ],
)
def test_check_says_in_a_line_what_it_cannot_check(mine: Path, arguments: list[str], said: str) -> None:
    answer = checked(*arguments)
    assert answer.exit_code == 2, answer.output
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert answer.stdout == ""


# -- global streams --------------------------------------------------------------------------------


def drawing(sample: Any, fit: Any = None) -> generators.Wrapped:
    return making(sample=sample, **({} if fit is None else {"fit": fit}))


def messages(part: Any, check_name: str) -> list[str]:
    return [f.message for f in check(part) if f.passed is False and f.check.endswith(check_name)]


def test_rows_from_numpys_global_stream_are_said_to_be() -> None:
    def sample(self: Any, n: int) -> Any:
        return np.asarray(self.rows)[np.random.randint(len(self.rows), size=n)]  # noqa: NPY002

    (said,) = messages(drawing(sample), "numeric rows: same stream, same rows")
    assert "it draws from the global stream of numpy.random" in said and "default_rng(seed)" in said
    assert "global stream of random" not in said


def test_rows_from_pythons_global_stream_are_said_to_be() -> None:
    def sample(self: Any, n: int) -> Any:
        return np.asarray(self.rows)[[random.randrange(len(self.rows)) for _ in range(n)]]

    (said,) = messages(drawing(sample), "numeric rows: same stream, same rows")
    assert "it draws from the global stream of random, " in said and "random.Random(seed)" in said


def test_a_global_stream_that_is_seeded_each_time_is_said_to_be() -> None:
    def sample(self: Any, n: int) -> Any:
        np.random.seed(7)  # noqa: NPY002
        return np.asarray(self.rows)[np.random.randint(len(self.rows), size=n)]  # noqa: NPY002

    for name in ("new rows at each call", "other stream, other rows"):
        (said,) = messages(drawing(sample), f"numeric rows: {name}")
        assert "it draws from the global stream of numpy.random" in said


def test_faults_of_its_own_are_not_put_on_a_global_stream() -> None:
    part = making(__init__=lambda self, seed: Bootstrap.__init__(self, 0))
    (said,) = messages(part, "numeric rows: other stream, other rows")
    assert "global stream" not in said


def test_looking_for_global_streams_leaves_them_where_they_were() -> None:
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = random.random(), np.random.random_sample()  # noqa: NPY002
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    found = drawn_from(lambda: (random.random(), np.random.random_sample(), 1 / 0))  # noqa: NPY002
    assert [s.module for s in found] == ["random", "numpy.random"]
    assert (random.random(), np.random.random_sample()) == expected  # noqa: NPY002
    assert drawn_from(lambda: np.random.default_rng(0).random()) == []


def test_a_regime_that_draws_from_a_global_stream_is_told_so() -> None:
    (said,) = messages(Careful(), "same stream, same choice")
    assert "it draws from the global stream of random, " in said


@component
class Careful:
    """A regime that chooses by the process's own stream."""

    def __call__(self, pool: Samples, rng: Any) -> Samples:
        return pool.latest.subsample(1 + random.randrange(pool.latest.n - 1), rng)


class Noise:
    """Noise by torch's global stream, from a generator's first line to its last."""

    keeps = False

    def __init__(self, seed: int) -> None:
        self.torch.manual_seed(seed)
        self.state = self.torch.get_rng_state()

    @property
    def torch(self) -> Any:
        return sys.modules["torch"]  # a module cannot be copied, as a warm start copies objects

    def fit(self, rows: Any) -> None:
        self.rows = rows + 0.0

    def sample(self, n: int) -> Any:
        if self.keeps:
            self.torch.set_rng_state(self.state)
        else:
            self.torch.manual_seed(1)
        index = self.torch.randint(len(self.rows), (n,)).numpy()
        self.state = self.torch.get_rng_state()
        return self.rows[index]


class Kept(Noise):
    """The same, as the remedy has it."""

    keeps = True


def test_torchs_global_stream_is_said_to_be_the_reason_and_the_remedy_helps() -> None:
    pytest.importorskip("torch")
    (said,) = messages(generators.Wrapped(make=Noise), "numeric rows: new rows at each call")
    assert "it draws from the global stream of torch" in said and "torch.set_rng_state(self.state)" in said
    assert not broken(generators.Wrapped(make=Kept)) - {"same in a worker", "stands in a spec"}


# -- tables of the user's --------------------------------------------------------------------------


def table_of_codes(folder: Path) -> Path:
    """Whole numbers alone, of which the last column has two."""
    rng = np.random.default_rng(0)
    rows = "\n".join(f"{rng.integers(18, 90)},{rng.integers(1, 30)},{i % 2}" for i in range(120))
    (folder / "patients.csv").write_text(f"age,dose,ill\n{rows}\n")
    return folder / "patients.csv"


def halves(self: Any, rows: Any) -> None:
    self.rows = rows + 0.25


def test_a_table_is_tried_with_the_target_that_the_run_has(tmp_path: Path) -> None:
    path, part = table_of_codes(tmp_path), making(fit=halves)
    plain = check(part, table=path)
    assert not [f for f in plain if f.passed is False]
    (note,) = [f for f in plain if f.check == f"{path}: target"]
    assert note.passed is None and "judged without a target" in note.message
    found = check(part, table=path, target="ill")
    faults = [f for f in found if f.passed is False]
    assert faults[0].check == f"{path}: fits and samples" and "column 'ill'" in faults[0].message
    assert {f.check.partition(": ")[0] for f in faults} == {str(path)}
    assert not [f for f in found if f.check == f"{path}: target"]


def test_a_generator_that_names_tables_is_not_excused_from_a_mixed_one() -> None:
    (fault,) = [f for f in check(Named()) if f.passed is False and f.check.startswith("a mixed table")]
    assert "numbers alone" in fault.message


@component
class Named:
    """A generator that says it takes tables, and takes those of numbers."""

    accepts: ClassVar = ("vectors", "table")

    def fit(self, train: Samples, rng: Any, init: Any = None) -> Any:
        if train.schema is not None:
            raise ValueError("numbers alone")
        return generators.Gaussian().fit(train, rng)


def test_a_generator_of_classes_is_tried_on_a_table_with_a_target() -> None:
    judged = {f.check.partition(": ")[0] for f in check(generators.Smote()) if f.passed}
    assert judged == {"a mixed table", "stands in a spec"}


def test_a_generator_of_rows_that_nobody_has_is_said_not_to_be_tried() -> None:
    (said,) = [f for f in check(OfAngles()) if f.check == "fits and samples"]
    assert said.passed is None and "for angles alone, of which there are no rows" in said.message


@component
class OfAngles:
    """A generator of a kind of rows that another source has."""

    accepts: ClassVar = ("angles",)

    def fit(self, train: Samples, rng: Any, init: Any = None) -> Any:
        return generators.Gaussian().fit(train, rng)


def test_the_mixed_table_has_a_bit_of_everything() -> None:
    with mixed_table() as world:
        columns = world.schema.columns
        assert {c.kind for c in columns} == {"numeric", "categorical", "boolean", "date"}
        assert any(c.missing for c in columns) and any(c.integer for c in columns)
        # a target of coded classes: it is numeric until it is the target
        assert columns[world.schema.target_index].categories == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mine.py:make", "--table", "patients.csv", "--target", "il"], "did you mean 'ill'?"),
        (["mine.py:make", "--target", "ill"], "a target is a column of a table (got 'ill')"),
        (["mine.py:Mean", "--table", "patients.csv"], "a table is for generators to be fitted to"),
    ],
)
def test_a_target_that_there_is_not(mine: Path, arguments: list[str], said: str) -> None:
    table_of_codes(mine)
    answer = checked(*arguments)
    assert answer.exit_code == 2 and answer.stdout == ""
    assert said in answer.stderr and answer.stderr.count("\n") == 1


def test_check_takes_a_target(mine: Path) -> None:
    table_of_codes(mine)
    (mine / "faulty.py").write_text(FAULTY + HALVES)
    assert checked("faulty.py:Halves", "--table", "patients.csv").exit_code == 0
    answer = checked("faulty.py:Halves", "--table", "patients.csv", "--target", "ill")
    assert answer.exit_code == 1 and "FAIL  patients.csv: fits and samples" in answer.stdout


HALVES = """

class Halves(Base):
    def fit(self, rows):
        self.rows = rows + 0.25

    def sample(self, n):
        rows = self.rows
        index = self.rng.integers(len(rows), size=n)
        return rows.iloc[index] if hasattr(rows, "iloc") else rows[index]
"""


# -- what is seen meanwhile ------------------------------------------------------------------------

LOUD = """

class Loud(Base):
    def fit(self, rows):
        print("by Python")
        print("in \\x1b[31mred", file=sys.stderr)
        os.write(1, b"below Python\\n")
        os.system("echo by a child >&2")
        Base.fit(self, rows)


class Endless(Base):
    def fit(self, rows):
        print("x" * 100_000)
        Base.fit(self, rows)


class Slow(Base):
    def fit(self, rows):
        if len(rows) == 40 and not slept:
            slept.append(time.sleep(2.5))
        Base.fit(self, rows)


slept = []
"""


@pytest.fixture
def loud(mine: Path) -> Path:
    (mine / "loud.py").write_text("import os\nimport sys\nimport time\n" + FAULTY + LOUD)
    return mine


def installed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genloss", "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_what_a_part_prints_stands_at_the_end(loud: Path) -> None:
    answer = installed("loud.py:Loud")
    head, heading, tail = answer.stdout.partition("What it printed meanwhile\n")
    assert heading and head.startswith("loud.py:Loud, generator")
    for line in ("by Python", "in ?[31mred", "below Python", "by a child"):
        assert f"      {line}\n" in tail
        assert line not in head and line not in answer.stderr
    assert len(tail.splitlines()) <= 24


def test_what_a_part_prints_is_bounded_and_silence_is_not_mentioned(loud: Path) -> None:
    assert len(checked("loud.py:Endless").stdout) < 20_000
    assert "What it printed" not in checked("mine.py:Mean").stdout


def test_json_is_nothing_but_json(loud: Path) -> None:
    answer = installed("loud.py:Slow", "--json")
    assert {f["check"] for f in json.loads(answer.stdout)} >= {"stands in a spec"}
    assert answer.stderr == ""


def test_a_slow_check_is_named_while_it_goes_on(loud: Path) -> None:
    answer = installed("loud.py:Slow")
    assert "genloss: checking numeric rows: fits and samples\n" in answer.stderr


def test_every_check_is_told_as_it_begins() -> None:
    told: list[str] = []

    def during(name: str) -> Any:
        told.append(name)
        return nullcontext()

    found = check(regimes.Replace(), during=during)
    assert told == [f.check for f in found]
