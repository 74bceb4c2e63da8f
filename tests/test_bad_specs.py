"""Whatever stands in a spec or after --set: exit code 2, and a few short lines that name the culprit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from genloss import Agent, Experiment, curators, generators, regimes, rewards
from genloss import real as sources
from genloss.cli.commands import genloss
from genloss.errors import SpecError
from genloss.metrics import RealShare

AGENTS = 'agents = [{ generator = "KDE", regime = "Replace" }]'
BASE = f"""real = "Moons"
n_real = 20
generations = 2
replicates = 2
metrics = ["SlicedWasserstein"]
{AGENTS}
"""
NINES = "9" * 5000


def swapped(old: str, new: str) -> str:
    """The base with something else in one place."""
    assert old in BASE
    return BASE.replace(old, new)


def real(value: str) -> str:
    return swapped('"Moons"', value)


def agents(value: str) -> str:
    return swapped(AGENTS, value)


def metrics(value: str) -> str:
    return swapped('["SlicedWasserstein"]', value)


def regime(value: str) -> str:
    return swapped('regime = "Replace"', value)


# each with what the message must say
FILES: dict[str, tuple[str, str]] = {
    "vary at the top": ("vary = [1]\n", "vary: say which field varies"),
    "vary beside fields": (BASE + "vary = [1]\n", "vary: say which field varies"),
    "vary at the top of an experiment": ("[experiments.a]\nvary = [1]\n", "vary: say which field varies"),
    "an experiment called vary": ("[experiments.vary]\nvary = [1]\n", "vary: say which field varies"),
    "vary nothing": (BASE + "seed = { vary = [] }", "seed: write {vary ="),
    "vary a number": (BASE + "seed = { vary = 1 }", "seed: write {vary ="),
    "vary and more": (BASE + "seed = { vary = [1], also = 2 }", "seed: write {vary ="),
    "vary in vary": (BASE + "seed = { vary = [{ vary = [1, 2] }, 3] }", "seed: input should be"),
    "vary dates": (BASE + "seed = { vary = [2020-01-01] }", "seed: input should be"),
    "vary too much": (
        BASE + f"seed = {{ vary = {list(range(1000))} }}\nn_fresh = {{ vary = {list(range(1000))} }}\n",
        "the varied fields make 1,000,000 cells",
    ),
    "a seed of 5000 digits": (BASE + f"seed = {NINES}", "spec.toml: not TOML that can be read"),
    "a hexadecimal seed of 5000 digits": (BASE + f"seed = 0x{NINES}", "seed: input should be less"),
    "a seed of 50 digits": (BASE + f"seed = {NINES[:50]}", "seed: input should be less"),
    "a negative seed": (BASE + "seed = -1", "seed: input should be greater"),
    "a size of 400 digits": (
        swapped("n_real = 20", f"n_real = {NINES[:400]}"),
        "n_real: input should be less",
    ),
    "a noise of 400 digits": (real(f'{{ kind = "Moons", noise = {NINES[:400]} }}'), "real.noise: "),
    "deep lists": (BASE + f"title = {'[' * 3000}{']' * 3000}", "nested too deeply"),
    "deep open lists": (BASE + f"title = {'[' * 3000}", "nested too deeply"),
    "deep tables": (BASE + f"title = {'{a=' * 3000}1{'}' * 3000}", "nested too deeply"),
    "less deep lists": (BASE + f"title = {'[' * 200}{']' * 200}", "title.0.0"),
    "a deep dotted key": (BASE + f"x{'.a' * 3000} = 1", "x.a.a"),
    "a deep header": (BASE + f"[x{'.a' * 3000}]\nb = 1", "x.a.a"),
    "deep regimes": (
        regime("regime = " + '{ kind = "Reads", authors = [0], of = ' * 100 + '"Replace"' + "}" * 100),
        "agents.0.regime.of.of",
    ),
    "NUL in a key": (BASE + '"a\\u0000b" = 1', "a?b: experiment has no field"),
    "NUL in the file": (BASE + 'title = "a\0b"', "not TOML"),
    "NUL in a name": (real('"Mo\\u0000ons"'), "no real data 'Mo?ons'; did you mean 'Moons'?"),
    "NUL in a path": (real('{ kind = "Table", path = "a\\u0000b.csv" }'), "no file or bundled table"),
    "NUL in a reference": (real('"a\\u0000b.py:make"'), "'a?b.py:make' would run code"),
    "ESC in a name": (real('"\\u001b[31mMoons"'), "no real data '?[31mMoons'"),
    "a line break in a name": (real('"Mo\\nons"'), "no real data 'Mo ons'"),
    "a line break in an experiment's name": ('[experiments."a\\nb"]\nreal = 1', "experiments.a b.real"),
    "a long name": (real(f'"{"M" * 100_000}"'), "no real data 'MMM"),
    "a long path": (real(f'{{ kind = "Table", path = "{"a" * 5000}.csv" }}'), "aaa"),
    "a long reference": (real(f'"{"a" * 5000}.py:make"'), "would run code"),
    "a long experiment's name": (f"[experiments.{'a' * 3000}]\nreal = 1", "experiments.aaa"),
    "a long value": (swapped("n_real = 20", f'n_real = "{"x" * 100_000}"'), "n_real: "),
    "a dotted key in quotes": (BASE + '"a.b" = 1', "a.b: experiment has no field"),
    "a varied dotted key in quotes": (BASE + '"a.b" = { vary = [1, 2] }', "a.b: experiment has no field"),
    "an empty key": (BASE + '"" = 1', "experiment has no field ''"),
    "a varied empty key": (BASE + '"" = { vary = [1, 2] }', "experiment has no field ''"),
    "500 unknown fields": (BASE + "".join(f"k{i} = 1\n" for i in range(500)), "and 497 more"),
    "500 bad agents": (
        agents(f"agents = {[{'generator': f'KD{i}'} for i in range(500)]}".replace(":", " =")),
        "more",
    ),
    "a date": (BASE + "seed = 2020-01-01", "seed: input should be a valid integer"),
    "a date with a time": (BASE + "title = 2020-01-01T00:00:00Z", "title: input should be a valid string"),
    "a time": (BASE + "n_fresh = 07:32:00", "n_fresh: input should be a valid integer"),
    "a date for a part": (real("2020-01-01"), "real: "),
    "inf rows": (swapped("n_real = 20", "n_real = inf"), "n_real: "),
    "nan rows": (swapped("n_real = 20", "n_real = nan"), "n_real: "),
    "inf noise": (real('{ kind = "Moons", noise = inf }'), "real.noise: input should be a finite number"),
    "nan bandwidth": (
        swapped('"KDE"', '{ kind = "KDE", bandwidth = nan }'),
        "agents.0.generator.bandwidth: ",
    ),
    "agents that are numbers": (agents("agents = [1, 2]"), "agents.0: "),
    "agents that are names": (agents('agents = ["KDE"]'), "agents.0: "),
    "agents in lists": (agents('agents = [[{ generator = "KDE" }]]'), "agents.0: "),
    "agents that vary": (agents("agents = { vary = [1] }"), "agents: "),
    "agents that vary without a list": (agents('agents = { vary = [{ generator = "KDE" }] }'), "[[agents]]"),
    "a table of agents": (agents('[agents]\ngenerator = "KDE"'), "agents: each agent needs a table"),
    "a table of agents that varies": (agents("[agents]\nn = { vary = [1, 2] }"), "[[agents]]"),
    "tables in a table of agents": (agents("[agents.a]\nn = { vary = [1, 2] }"), "[[agents]]"),
    "agents that are text": (agents('agents = "KDE"'), "agents: should be a list"),
    "agents that are true": (agents("agents = true"), "agents: should be a list"),
    "no agents": (agents("agents = []"), "at least one agent"),
    "an agent of nothing": (agents("agents = [{}]"), "agents.0.generator: this field is needed"),
    "a number for real data": (real("3"), "real: "),
    "a list for real data": (real('["Moons"]'), "real: "),
    "nothing for real data": (real('""'), "real: no real data ''"),
    "an empty table for real data": (real("{}"), "needs its kind"),
    "a list for a kind": (real('{ kind = ["Moons"] }'), "needs its kind"),
    "a generator for real data": (real('"KDE"'), "real: no real data 'KDE'"),
    "a name for metrics": (metrics('"SlicedWasserstein"'), "metrics: should be a list"),
    "a table for metrics": (metrics("{ a = 1 }"), "metrics: should be a list"),
    "a number for a metric": (metrics("[1]"), "metrics.0: "),
    "lists in metrics": (metrics('[["SlicedWasserstein"]]'), "metrics.0: "),
    "a number for a title": (BASE + "title = 3", "title: "),
    "a list for a title": (BASE + "title = ['a']", "title: "),
    "a list for the holdout": (BASE + "holdout = ['shared']", "holdout: "),
    "no tile": (BASE + "tile = 0", "tile: "),
    "experiments in a list": ("[[experiments]]\nreal = 'Moons'", "experiments: each needs a table"),
    "no experiments": ("experiments = {}", "at least one experiment"),
    "experiments that are numbers": ("experiments = { a = 1 }", "experiments: each needs a table"),
    "experiments in experiments": ("[experiments.a.b.c]\nreal = 1", "experiments.a.b"),
    "words for a point": (
        regime('curator = { kind = "Choose", reward = { kind = "Near", point = ["a"] } }'),
        "agents.0.curator.reward.point.0: ",
    ),
    "nan for a point": (
        regime('curator = { kind = "Choose", reward = { kind = "Near", point = [nan, inf] } }'),
        "agents.0.curator.reward.point.0: input should be a finite number",
    ),
    "inf for a scale": (
        regime('curator = { kind = "Choose", reward = { kind = "Along", scale = inf } }'),
        "agents.0.curator.reward.scale: input should be a finite number",
    ),
    "a word for an author": (
        regime('regime = { kind = "Reads", authors = ["x"], of = "Replace" }'),
        "agents.0.regime.authors: there is no agent x; write 0 to 0, or 'real'",
    ),
    "a byte order mark": ("\ufeff" + BASE, "not TOML"),
    "a field twice": (BASE + "n_real = 3", "not TOML"),
    "half a surrogate": (BASE + 'title = "\\ud800"', "not TOML"),
    "more rows than memory": (real('{ kind = "Gaussian", dim = 1000000000000 }'), "out of memory"),
}

CHANGES: dict[str, tuple[str, str]] = {
    "deep open lists": ("title=" + "[" * 3000, "--set title: [[["),
    "deep lists": ("title=" + "[" * 3000 + "]" * 3000, "nested too deeply"),
    "less deep lists": ("title=" + "[" * 300 + "]" * 300, "title"),
    "deep tables": ("title=" + "{a=" * 3000 + "1" + "}" * 3000, "nested too deeply"),
    "a deep path": (".".join(["a"] * 5000) + "=1", "a.a.a"),
    "a superscript for an item": ("agents.²=1", "agents.²: there is no item ²"),
    "a superscript within a path": ("agents.².n=1", "there is no item ²"),
    "an Arabic digit for an item": ("agents.٠.n=1", "there is no item ٠"),
    "an item before the first": ("agents.-1.n=1", "there is no item -1"),
    "an item of 5000 digits": (f"agents.{NINES}.n=1", "there is no item 999"),
    "a word for an item": ("metrics.x=3", "there is no item x"),
    "a seed of 5000 digits": (f"seed={NINES}", "seed: input should be a valid integer"),
    "a hexadecimal seed of 5000 digits": (f"seed=0x{NINES}", "seed: input should be less"),
    "no path": ("=1", "write path=value"),
    "a path of dots": ("..=1", "write path=value"),
    "a path that ends in a dot": ("agents.=1", "write path=value"),
    "a path that begins with a dot": (".n_real=3", "write path=value"),
    "a long path": ("x" * 100_000 + "=1", "xxx"),
    "a long value": ("n_real=" + "x" * 100_000, "n_real: "),
    "a long open list": ("title=" + "[a" * 5000, "--set title: [a[a"),
    "a control character in a path": ("a\x1bb=1", "a?b: "),
    "a control character in a value": ("real=\x1b[31mMoons", "'?[31mMoons'"),
    "bytes that are no text": ("title=\udc80", "is no text in UTF-8"),
    "a date": ("seed=2020-01-01", "seed: "),
    "inf": ("n_real=inf", "n_real: "),
    "nan": ("generator.bandwidth=nan", "agents.0.generator.bandwidth: "),
    "an empty list": ("n_real=[]", "n_real: write {vary ="),
    "vary nothing": ("n_real={vary=[]}", "n_real: write {vary ="),
    "vary at the top": ("vary=[1]", "vary: Experiment has no field"),
    "vary within a number": ("n_real.vary=[1]", "n_real: "),
    "agents that are a number": ("agents=3", "agents: should be a list"),
    "agents that are a table": ("agents={a=1}", "[[agents]]"),
    "a number for real data": ("real=3", "real: "),
    "a number for a regime": ("regime=3", "agents.0.regime: "),
    "a kind alone": ("real.kind=Circles", "real.kind: fields belong to a kind"),
    "a field within a number": ("seed.x=1", "seed: is not given"),
    "a field of a name": ("metrics.0.x.y=1", "metrics.0.x: "),
    "an open quote": ("n_real='", "is not a TOML value"),
    "an open table": ("n_real={", "is not a TOML value"),
    "two lines": ("n_real=1\nseed=2", "n_real: "),
    "experiments": ("experiments=1", "experiments: Experiment has no field"),
}


def expect_few_lines(change: list[str], culprit: str) -> None:
    answer = CliRunner().invoke(genloss, ["show", "spec.toml", *change])
    assert answer.exit_code == 2, (answer.output, answer.exception)
    assert answer.stdout == ""
    lines = answer.stderr.splitlines()
    assert 1 <= len(lines) <= 4 and len(answer.stderr) <= 500
    assert all(line.startswith("genloss: ") and line.isprintable() for line in lines)
    assert culprit in answer.stderr


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_a_spec_that_cannot_be(here: Path, name: str) -> None:
    text, culprit = FILES[name]
    (here / "spec.toml").write_text(text, encoding="utf-8")
    expect_few_lines([], culprit)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_cannot_be(here: Path, name: str) -> None:
    change, culprit = CHANGES[name]
    (here / "spec.toml").write_text(BASE, encoding="utf-8")
    expect_few_lines(["--set", change], culprit)


def test_the_base_is_a_spec(here: Path) -> None:
    (here / "spec.toml").write_text(BASE, encoding="utf-8")
    assert CliRunner().invoke(genloss, ["show", "spec.toml"]).exit_code == 0


# -- data and code that cannot be ------------------------------------------------------------------

SOURCES = """
import numpy as np
from genloss import component


class Source:
    def draw(self, replicates, n, rng):
        return rng.standard_normal((replicates, n, 2))

    def holdout(self):
        return np.zeros((5, 2))


@component
class Unknown(Source):
    event = "nosuch"


@component
class Listed(Source):
    event = ["vectors"]


@component
class Raises(Source):
    def holdout(self):
        raise RuntimeError("\\x1b[31m" + "A" * 5_000_000)


@component
class Shapeless(Source):
    @property
    def schema(self):
        raise RuntimeError("no schema\\nhere")
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Unknown", "real: Unknown: there is no event 'nosuch'"),
        ("Listed", "real: Listed: there is no event ['vectors']"),
        ("Raises", "real: Raises raised RuntimeError: ?[31mAAA"),
        ("Shapeless", "real: Shapeless raised RuntimeError: no schema here"),
        ("a\0b", "has no 'a?b'"),
    ],
)
def test_a_source_of_the_users_that_cannot_be(here: Path, name: str, said: str) -> None:
    (here / "mine.py").write_text(SOURCES)
    (here / "spec.toml").write_text(BASE, encoding="utf-8")
    expect_few_lines(["--trust", "--set", f"real=mine.py:{name}"], said)


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        ("mine.py", "raise ValueError('\\x1b' + 'A' * 5_000_000)", "mine.py raised ValueError: ?AAA"),
        ("package", "raise SystemExit('\\x1b' + 'A' * 5_000_000)", "cannot import package: SystemExit: ?AAA"),
        ("a\\u0000b.py", "", "cannot read a?b.py"),
        ("a" * 300 + ".py", "", "cannot read aaa"),
    ],
)
def test_code_that_cannot_be_loaded(
    here: Path, where: str, code: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if code:
        (here / f"{where.removesuffix('.py')}.py").write_text(code)
    monkeypatch.syspath_prepend(here)
    (here / "spec.toml").write_text(BASE, encoding="utf-8")
    expect_few_lines(["--trust", "--set", f'regime="{where}:Part"'], said)


@pytest.mark.parametrize("target", ["ill", "dose"])
def test_a_target_alone_cannot_be_predicted(here: Path, target: str) -> None:
    rows = "\n".join(str(i % 2) if target == "ill" else f"{i}.5" for i in range(60))
    (here / "mine.csv").write_text(f"{target}\n{rows}\n")
    (here / "spec.toml").write_text(
        f'real = {{ kind = "Table", path = "mine.csv", target = "{target}" }}\nn_real = 20\n'
        'metrics = [{ kind = "TestError", of = "published" }]\nagents = [{ generator = "Copula" }]\n'
    )
    expect_few_lines([], "metrics.0: TestError needs columns to predict the target from")


# -- parts in Python -------------------------------------------------------------------------------


class Plain:
    """A user's object as ``Wrapped`` takes it."""

    def __init__(self, seed: int) -> None: ...

    def fit(self, rows: Any) -> None: ...

    def sample(self, n: int) -> Any: ...


class Learner(Plain):
    """The same, as scikit-learn writes it."""

    def __init__(self, parts: int = 1) -> None: ...

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> None: ...  # type: ignore[override]


class Short:
    def fit(self, train: Any, rng: Any) -> None: ...


def make(seed: int) -> Plain:
    return Plain(seed)


def oldest(pool: Any, rng: Any, occasion: Any) -> Any:
    return pool


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (Plain, r'the fit of Plain takes rows alone; write Wrapped\(Plain\), or Wrapped\("mine.py:Plain"\)'),
        (
            Plain(0),
            r"the fit of Plain takes rows alone; write Wrapped\(make\), where make\(seed\) gives a fresh one"
            r', or Wrapped\("mine.py:make"\)',
        ),
        (Learner, r"the fit of Learner takes rows alone; write Wrapped\(make\), where"),
        (Learner(), r"the fit of Learner takes rows alone; write Wrapped\(make\), where"),
        (make, r"the function make is no generator; write Wrapped\(make\) if make\(seed\) gives an object"),
        (generators.Gaussian, r"Gaussian is a class; write Gaussian\(\)"),
        (Short(), r"Short cannot be called as a Generator is, by fit\(train, rng, init\)"),
        (regimes.Replace(), r"input should be an instance of Generator"),
    ],
)
def test_what_is_no_generator_is_refused_where_the_agent_is_made(part: Any, said: str) -> None:
    with pytest.raises(SpecError, match=f"^Agent: generator: {said}") as caught:
        Agent(generator=part)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Agent(generators.KDE(), regimes.Replace), "Agent: regime: Replace is a class; write"),
        (lambda: Agent(generators.KDE(), RealShare()), r"regime: RealShare cannot be called as a Regime is"),
        (
            lambda: Agent(generators.KDE(), make),
            r"regime: make cannot be called as a Regime is, by \(pool, rng\)",
        ),
        (lambda: Agent(generators.KDE(), curator=oldest), "curator: oldest cannot be called as a Curator is"),
        (lambda: curators.Choose(rewards.Along), "Choose: reward: Along is a class"),
        (
            lambda: curators.Choose(regimes.Replace()),
            "Choose: reward: Replace cannot be called as a Reward is",
        ),
        (lambda: regimes.Weighted(0.3, regimes.Replace), "Weighted: of: Replace is a class"),
        (lambda: experiment(real=sources.Moons), "Experiment: real: Moons is a class"),
        (lambda: experiment(metrics=[RealShare]), "Experiment: metrics.0: RealShare is a class"),
        (
            lambda: experiment(metrics=[regimes.Replace()]),
            "metrics.0: Replace cannot be called as a Metric is",
        ),
        (lambda: experiment(agents=Agent), "Experiment: agents: should be a list"),
    ],
)
def test_what_belongs_in_another_slot_is_refused_where_it_is_put(build: Any, said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        build()
    assert "\n" not in str(caught.value)


def experiment(**fields: Any) -> Experiment:
    return Experiment(**{"real": sources.Moons(), "agents": Agent(generators.KDE()), **fields})


def test_a_regime_that_looks_up_is_none_the_worse() -> None:
    assert Agent(generators.KDE(), oldest).regime is oldest
