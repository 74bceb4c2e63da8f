"""Every part keeps the contract of its slot, and each check catches the fault that it is there for."""

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from click.testing import CliRunner

from genloss import Agent, Experiment, curators, generators, real, regimes, rewards, verifiers
from genloss.cli.commands import genloss
from genloss.components import component
from genloss.conformance import check, slot_of_part
from genloss.errors import SpecError
from genloss.samples import Samples
from genloss.statistics import Moments, moments
from genloss.study.registry import SLOTS, parts

SYMBOLS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)

# Each public part with arguments that try it; parts without arguments need no entry.
ARGUMENTS: dict[Any, list[dict[str, Any]]] = {
    Experiment: [
        {"real": real.Gaussian(), "agents": Agent(generators.Gaussian()), "generations": 3, "n_real": 5},
        {"real": real.Moons(), "agents": Agent(generators.KDE()), "generations": 3, "n_real": 5},
    ],
    real.Gaussian: [{"dim": 1}, {"dim": 3}],
    real.Zipf: [{"symbols": 6}, {}],
    real.Table: [{"path": name} for name in ("breast_cancer", "wine", "diabetes", "iris")],
    generators.Gaussian: [{}, {"ddof": 1, "temperature": 0.5}],
    generators.KDE: [{}, {"bandwidth": "scott"}, {"bandwidth": "silverman"}],
    generators.LinearRegression: [
        {},
        {"noise": 0.5},
        {"design": "fresh"},
        {"design": "fresh", "intercept": True},
    ],
    generators.Categorical: [{}, {"smoothing": 1.0, "temperature": 0.5}],
    generators.Wrapped: [{"make": "test_conformance:Bootstrap"}],
    regimes.AccumulateSubsample: [{}, {"budget": 7}],
    regimes.Window: [{"generations": 1}, {"generations": 3}],
    regimes.Weighted: [
        {"real": 0.3, "of": regimes.Replace()},
        {"real": 0.3, "of": regimes.AccumulateSubsample()},
    ],
    regimes.Reads: [
        {"authors": (1, "real"), "of": regimes.Replace()},
        {"authors": (0,), "of": regimes.AccumulateSubsample()},
    ],
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
        ("mixes", "replicates apart"),
        ("statistic", "draw_statistic"),
        ("short", "shape of samples"),
    ],
)
def test_faults_of_a_generator_that_works_on_all_replicates(fault: str, caught: str) -> None:
    assert broken(Centred(fault=fault)) == {caught}


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
        ("mixes", {"replicates apart"}),
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
    assert "The same breaks: numeric rows: " in answer.stdout
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
