"""The documentation is run: every command, every file it asks for, every output it shows."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from genloss import Agent, Experiment, generators, laws, metrics, real, regimes
from genloss.conformance import check
from laws import assert_mean, measure

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")


def blocks(text, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def files(text):
    found = re.findall(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return dict(found)


def commands(text):
    return [
        line[2:] for block in blocks(text, "console") for line in block.splitlines() if line.startswith("$ ")
    ]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the files that the README asks for, and a table such as a reader might have."""
    folder = tmp_path_factory.mktemp("readme")
    for name, text in files(README).items():
        (folder / name).write_text(text)
    rng = np.random.Generator(np.random.SFC64(1))
    lines = ["age,weight,ward,smoker,admitted,readmitted"]
    for _ in range(200):
        age = rng.integers(20, 90)
        ward = ["surgery", "medicine", "other"][rng.integers(3)]
        weight = "" if rng.random() < 0.1 else f"{rng.normal(50 + age / 4, 9):.1f}"
        again = "yes" if rng.random() < age / 100 else "no"
        day = f"2025-{rng.integers(1, 13):02d}-{rng.integers(1, 28):02d}"
        lines.append(f"{age},{weight},{ward},{str(rng.random() < 0.3).lower()},{day},{again}")
    (folder / "patients.csv").write_text("\n".join(lines) + "\n")
    return folder


def genloss(command, folder):
    words = shlex.split(command)
    assert words[0] == "genloss"
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", commands(README))
def test_the_readme_commands_run(command, desk):
    genloss(command, desk)


def test_the_readme_python_prints_what_it_says():
    block = next(b for b in blocks(README, "python") if "run(experiment" in b)
    printed = README.split(block)[1].split("```\n")[2]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    same_text(out.getvalue(), printed)


def same_text(got, shown):
    """Equal words; equal numbers to the last digit or two, which another processor may round otherwise."""
    assert NUMBER.sub("#", got).split() == NUMBER.sub("#", shown).split()
    for a, b in zip(NUMBER.findall(got), NUMBER.findall(shown), strict=True):
        assert float(a) == pytest.approx(float(b), rel=0.02, abs=0.02)


@pytest.mark.slow
def test_the_main_job_prints_what_the_readme_says(tmp_path):
    shown = re.search(
        r"<!-- output of the main command -->\n```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL
    )[1]
    got = genloss("genloss run collapse-or-thrive", tmp_path)
    # the last lines are paths
    same_text(got.split("\nrun ")[0], shown.split("\nrun ")[0])
    report = next(tmp_path.glob("genloss-runs/*/report.html"))
    assert report.stat().st_size < 2_000_000


def test_the_two_commands_are_single_lines():
    for mark in ("main", "test"):
        block = re.search(rf"<!-- {mark} command -->\n```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)[1]
        assert block.count("\n") == 1
        assert block.startswith("python3 -m venv .venv && ")


SKELETONS = {
    "Uniform": {},
    "EveryOther": {},
    "Typical": {},
    "Turns": {},
    "Wind": {},
    "Kurtosis": {},
    "Ball": {},
    "Small": {},
    "Positive": {},
}


@pytest.mark.parametrize("name", SKELETONS)
def test_the_skeletons_keep_their_contracts(name, tmp_path):
    block = next(b for b in blocks(CONTRIBUTING, "python") if f"class {name}:" in b)
    file = tmp_path / "mine.py"
    file.write_text(block)
    from genloss.extend import load

    findings = check(load(f"{file}:{name}")(**SKELETONS[name]))
    assert findings
    assert [str(f) for f in findings if f.passed is False] == []


def test_every_python_block_is_covered():
    names = [*(f"class {n}:" for n in SKELETONS), "@laws.state", "class Bootstrap:"]
    assert all(any(n in b for n in names) for b in blocks(CONTRIBUTING, "python"))
    assert len(names) == len(blocks(CONTRIBUTING, "python")) + 1  # reward and verifier stand in one


def test_the_laws_of_the_skeletons_hold():
    block = next(b for b in blocks(CONTRIBUTING, "python") if "@laws.state" in b)
    kurtosis = next(b for b in blocks(CONTRIBUTING, "python") if "class Kurtosis:" in b)
    before, space = list(laws.STATED), {"__name__": "mine"}
    try:
        exec(block, space)
        exec(kurtosis, space)
        exp = Experiment(
            real=real.Gaussian(dim=3),
            agents=Agent(generators.Gaussian(ddof=1), regimes.Window(generations=1)),
            metrics=[metrics.MeanError(), space["Kurtosis"]()],
            n_real=20,
            generations=4,
            replicates=600,
        )
        for name, values in measure(exp).items():
            known = laws.law(exp, 0, name)
            assert known is not None and known.where
            assert_mean(values[:, 0], known.values)
    finally:
        laws.STATED[:] = before


@pytest.mark.slow
def test_metric_law_and_event_of_a_users_file_are_reported_like_ours(tmp_path):
    """Title, axis, interval, dashed curve and pictures; and again where the run is opened by its folder."""
    some = ("class Wind:", "class Kurtosis:", "@laws.state")
    text = "\n".join(next(b for b in blocks(CONTRIBUTING, "python") if part in b) for part in some)
    (tmp_path / "mine.py").write_text(text)
    (tmp_path / "mine.toml").write_text(
        """
n_real = 30
generations = 3
replicates = 40
metrics = [{ kind = "mine.py:Kurtosis" }, "MeanError"]

real = { vary = ["Gaussian", { kind = "mine.py:Wind" }] }
[[agents]]
generator = "Gaussian"
regime = { kind = "Window", generations = 1 }
"""
    )
    printed = genloss("genloss run mine.toml --trust --out mine", tmp_path)
    assert printed.startswith(
        "Tails\nMean fourth standardised moment over coordinates; 3 for many normal rows.\n"
    )
    assert (
        "real rows" in printed
        and "Given the same held-out rows in every replicate, intervals hold of" in printed
    )
    report = (tmp_path / "mine" / "report.html").read_text()
    assert '"tails (kurtosis)"' in report and "Fisher (1930)" in report and "Shumailov" in report
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', report, re.DOTALL)[1])
    drawn = {f["id"]: {*f["columns"]} for f in figures}
    assert {"law", "real", "l", "h"} <= drawn["f-1-Kurtosis"] and "law" in drawn["f-1-MeanError"]
    assert "f-1-data" in drawn
    assert genloss("genloss results mine --trust", tmp_path).startswith("Tails\n")
    # without trust, from its outline: the same words
    assert genloss("genloss results mine", tmp_path).startswith("Tails\n")


def test_the_wrapped_skeleton_passes_the_command(tmp_path):
    (tmp_path / "mine.py").write_text(blocks(CONTRIBUTING, "python")[-1])
    assert "make" in genloss("genloss check mine.py:make", tmp_path)


def test_every_part_is_in_the_readme():
    from genloss.study.registry import SLOTS, parts

    for slot in SLOTS.values():
        if slot in ("rewards", "verifiers"):
            continue
        for name in parts(slot):
            assert f"`{name}`" in README, f"{slot}: {name} is not in the README's table"
