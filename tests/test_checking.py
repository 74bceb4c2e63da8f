"""`genloss check`: of a study, in a hurry, and while somebody looks on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from genloss.cli import checking
from genloss.cli.commands import genloss
from genloss.cli.watching import LOG
from genloss.conformance import check, findings, studies
from genloss.conformance.core import OutOfTime
from genloss.generators import Wrapped
from genloss.regimes import Replace
from genloss.study import Study

MINE = """
import pathlib
import random
import time

import numpy as np

from genloss import component
from genloss.streams import fixed


class Bootstrap:
    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def fit(self, rows):
        self.rows = rows

    def sample(self, n):
        index = self.rng.integers(len(self.rows), size=n)
        return self.rows.iloc[index] if hasattr(self.rows, "iloc") else self.rows[index]


class Halves(Bootstrap):
    def fit(self, rows):
        self.rows = rows + 0.25


class Told(Bootstrap):
    def fit(self, rows):
        print("fitted to", len(rows))
        self.rows = rows


class Waits(Bootstrap):
    def sample(self, n):
        while n == 7 and not pathlib.Path("go").exists():
            time.sleep(0.02)
        return Bootstrap.sample(self, n)


class Sleeps(Bootstrap):
    def fit(self, rows):
        while True:
            time.sleep(600)


class Stubborn(Bootstrap):
    def fit(self, rows):
        while True:
            try:
                time.sleep(600)
            except Exception:
                pass


class ByName:
    def __init__(self, *, seed):
        self.mine = Bootstrap(seed)

    def fit(self, *, data):
        self.mine.fit(data)

    def sample(self, *, num_rows):
        return self.mine.sample(num_rows), np.zeros(num_rows)


@component
class Oldest:
    def __call__(self, pool, rng):
        return type(pool).of(pool.chunks[:2], pool.origin)


@component
class Chance:
    def __call__(self, pool, rng):
        return pool.latest.subsample(1 + random.randrange(pool.latest.n - 1), rng)


@component
class Everything:
    def __call__(self, model, train, n, rng):
        return model.sample(n, rng)


@component
class Mean:
    def __call__(self, seen):
        return seen.features.mean(axis=(1, 2))


@component
class Square:
    def draw(self, replicates, n, rng):
        return rng.random((replicates, n, 2))

    def holdout(self):
        return self.draw(1, 100, fixed("test.Square"))[0]


def near(rows):
    return -np.abs(rows).sum(axis=2)


@component
class Late:
    def __call__(self, seen):
        if seen.t == 3:
            raise ValueError("only for the young")
        return seen.features.mean(axis=(1, 2))
"""
SPEC = """
real = "Moons"
n_real = 33
generations = 5
replicates = 4
metrics = ["SlicedWasserstein"]

[[agents]]
generator = { kind = "Wrapped", make = "mine.py:Bootstrap" }
regime = { vary = ["Replace", "Accumulate"] }
"""


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "mine.toml").write_text(SPEC)
    return tmp_path


def checked(*arguments: str) -> Any:
    return CliRunner().invoke(genloss, ["check", *arguments])


# -- a study's parts, on its own data --------------------------------------------------------------


@pytest.mark.slow
def test_a_study_is_checked_on_its_own_data_in_its_own_sizes() -> None:
    answer = checked("mine.toml", "--trust", "--set", "generator.make=mine.py:Told")
    assert answer.exit_code == 0, answer.output
    lines = answer.stdout.splitlines()
    assert lines[:2] == ["mine.toml, study", "ok    regime=Replace: runs"]
    assert "ok    regime=Accumulate: runs" in lines and "ok    agents.0.generator: fits and samples" in lines
    assert "fitted to 33" in LOG.read_text() and "fitted to 40" not in LOG.read_text().splitlines()[:20]
    assert not [line for line in lines if "numeric rows" in line or "mixed table" in line]


def test_a_study_is_run_only_with_trust() -> None:
    answer = checked("mine.toml")
    assert answer.exit_code == 2 and answer.stdout == ""
    assert "'mine.py:Bootstrap' would run code of yours; if you trust it, add --trust" in answer.stderr


def test_what_fails_in_every_cell_fails_here() -> None:
    rows = "\n".join(f"{i % 37},{i % 11},{i % 2}" for i in range(120))
    Path("patients.csv").write_text(f"age,dose,ill\n{rows}\n")
    table = 'real={kind="Table", path="patients.csv", target="ill"}'
    answer = checked("mine.toml", "--trust", "--set", table, "--set", "generator.make=mine.py:Halves")
    assert answer.exit_code == 1
    assert "FAIL  regime=Replace: runs\n" in answer.stdout and "column 'ill'" in answer.stdout
    assert "The same as: regime=Replace: runs." in answer.stdout


def test_a_study_without_parts_of_the_users_goes_through_its_generations() -> None:
    Path("ours.toml").write_text(SPEC.replace('{ kind = "Wrapped", make = "mine.py:Bootstrap" }', '"KDE"'))
    answer = checked("ours.toml", "--json")
    assert [(f["check"], f["passed"]) for f in json.loads(answer.stdout)] == [
        ("regime=Replace: runs", True),
        ("regime=Accumulate: runs", True),
    ]


def test_every_kind_of_part_of_a_study_is_found_and_tried() -> None:
    spec = {
        "real": {"kind": "mine.py:Square"},
        "n_real": 20,
        "generations": 2,
        "replicates": 2,
        "metrics": [{"kind": "mine.py:Mean"}],
        "agents": [
            {
                "generator": {"kind": "Wrapped", "make": "mine.py:Bootstrap"},
                "regime": {"kind": "mine.py:Oldest"},
            },
            {
                "generator": "KDE",
                "regime": {"kind": "Weighted", "real": 0.5, "of": {"kind": "mine.py:Chance"}},
            },
            {"generator": "KDE", "curator": {"kind": "Choose", "reward": {"kind": "mine.py:near"}}},
            {"generator": "KDE", "curator": {"kind": "mine.py:Everything"}},
        ],
    }
    study = Study.of(spec, trust=True)
    assert {(own.slot, own.path) for own in studies.own_parts(study)} == {
        ("real", "real"),
        ("metrics", "metrics.0"),
        ("generators", "agents.0.generator"),
        ("regimes", "agents.0.regime"),
        ("regimes", "agents.1.regime.of"),
        ("rewards", "agents.2.curator.reward"),
        ("curators", "agents.3.curator"),
    }
    found = list(studies.findings(study))
    faults = [f for f in found if f.passed is False]
    assert "agents.1.regime.of: same stream, same choice" in {f.check for f in faults}
    for fault in faults:  # whichever check meets it
        assert fault.check.startswith("agents.1.regime.of: ")
        assert "it draws from the global stream of random" in fault.message


def test_a_cell_that_fails_late_is_found() -> None:
    answer = checked("mine.toml", "--trust", "--set", 'metrics=[{kind="mine.py:Late"}]', "--json")
    found = {f["check"]: f for f in json.loads(answer.stdout)}
    assert "only for the young" in found["regime=Replace: runs"]["message"]


def test_of_many_cells_those_of_different_parts_are_run() -> None:
    vary = {"n_real": "10..14", "generator": [{"kind": "KDE", "bandwidth": b / 10} for b in range(1, 15)]}
    spec = {"real": "Moons", "generations": 1, "replicates": 1, "agents": [{"generator": "KDE"}]}
    found = list(studies.findings(Study.of(spec, vary=vary)))
    assert len(found) == 13 and all(f.passed for f in found[:12])
    assert found[-1].passed is None and "12 of 14 cells of different parts were tried" in found[-1].message


@pytest.mark.parametrize("option", ["--as", "--table", "--target"])
def test_what_a_spec_says_is_not_said_beside_it(option: str) -> None:
    answer = checked("mine.toml", "--trust", option, "x")
    assert (
        answer.exit_code == 2 and f"{option} x: belongs to a part; the study's spec says it" in answer.stderr
    )


# -- while it goes on ------------------------------------------------------------------------------


def test_findings_are_printed_as_they_come() -> None:
    command = [sys.executable, "-m", "genloss", "check", "mine.py:Waits"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        # its second check ends only when the first has been read
        assert process.stdout.readline() == "mine.py:Waits, generator (make(seed) with fit and sample)\n"
        assert process.stdout.readline() == "ok    numeric rows: fits and samples\n"
        Path("go").touch()
        assert process.communicate(timeout=300)[0].endswith("checks pass\n")
    finally:
        process.kill()
    assert process.returncode == 0


def test_findings_come_one_by_one() -> None:
    some = findings(Replace())
    first = next(some)
    assert first.check == "gives a training set"
    assert [first, *some] == check(Replace())


@pytest.mark.parametrize("name", ["Sleeps", "Stubborn"])
def test_in_a_hurry_what_takes_too_long_is_cut_short_and_the_rest_said(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "QUICK", 0.5)
    answer = checked(f"mine.py:{name}", "--quick")
    assert answer.exit_code == 0, answer.output
    assert "-     numeric rows: fits and samples\n      not finished in the 0.5 seconds" in answer.stdout
    assert "-     stands in a spec\n      not run: the 0.5 seconds of --quick are over" in answer.stdout
    assert answer.stdout.endswith("no check fails, 0 pass; 3 not finished\n")


def test_in_a_hurry_what_is_quick_is_checked_as_ever() -> None:
    ever, quick = checked("mine.py:Oldest"), checked("mine.py:Oldest", "--quick")
    assert ever.stdout == quick.stdout and ever.exit_code == quick.exit_code == 0


def test_whoever_looks_on_may_leave_checks_out() -> None:
    def during(name: str) -> Any:
        raise OutOfTime("no time")

    assert {(f.passed, f.message) for f in check(Replace(), during=during)} == {(None, "no time")}


def test_all_that_a_part_printed_is_in_a_log() -> None:
    answer = checked("mine.py:Told")
    assert f"      ... {LOG} has all of it\n" in answer.stdout
    heard = LOG.read_text().splitlines()
    assert len(heard) > 20 and {line.rpartition(" ")[0] for line in heard} == {"fitted to"}
    assert "fitted to 40" not in answer.stdout.partition("What it printed meanwhile")[0]


# -- what is called otherwise ----------------------------------------------------------------------


def test_how_a_part_is_called_is_said() -> None:
    answer = checked("mine.py:ByName", "--json")
    assert answer.exit_code == 0, answer.output
    (said,) = (f for f in json.loads(answer.stdout) if f["check"] == "numeric rows: how it is called")
    assert said["message"] == (
        "make is called by name, make(seed=...); fit is called by name, fit(data=...); "
        "sample is called by name, sample(num_rows=...); "
        "of the pair that sample gives, (rows, labels), the rows are taken"
    )


def test_a_class_of_scikit_learn_is_given_its_random_state() -> None:
    found = check(Wrapped(make="sklearn.mixture:GaussianMixture"))
    (said,) = (f for f in found if f.check == "numeric rows: how it is called")
    assert said.passed is None and said.message.startswith("make is called by name, make(random_state=...)")
    assert [f.check for f in found if f.passed is False] == ["numeric rows: new rows at each call"]


@pytest.mark.parametrize("kind", ["mine.py:Bootstrap", "mine.py:near"])
def test_a_plain_object_in_a_spec_is_told_of_wrapped(kind: str) -> None:
    answer = CliRunner().invoke(genloss, ["run", "mine.toml", "--trust", "--set", f'generator="{kind}"'])
    assert answer.exit_code == 2
    assert f'write {{ kind = "Wrapped", make = "{kind}" }} if it takes a seed' in answer.stderr
