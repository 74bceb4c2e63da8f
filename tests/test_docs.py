"""The documentation is run: every command, every file it asks for, every output it shows."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
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
    """The commands of each block: what follows may need what came before."""
    found = [[line[2:] for line in b.splitlines() if line.startswith("$ ")] for b in blocks(text, "console")]
    return [some for some in found if some]


@pytest.fixture
def desk(tmp_path):
    """A folder with the files that the README asks for, and a table such as a reader might have."""
    folder = tmp_path
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
@pytest.mark.parametrize("some", commands(README), ids=lambda some: some[0])
def test_the_readme_commands_run(some, desk):
    for command in some:
        genloss(command, desk)


def test_the_readme_python_prints_what_it_says():
    block = next(b for b in blocks(README, "python") if "run(experiment" in b)
    printed = README.split(block)[1].split("```\n")[2]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    same_text(out.getvalue(), printed)


def test_the_readme_figures_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (b for b in blocks(README, "python") if "run(experiment" in b)
    smaller = first.replace("replicates=500", "replicates=12").replace("generations=100", "generations=5")
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(smaller + second, "README.md", "exec"), {"__name__": "readme"})
    assert {p.name for p in tmp_path.iterdir()} == {"report.html", "map.svg"}


def test_the_gallery_shows_every_study():
    from genloss.study.study import gallery

    text = (ROOT / "docs" / "gallery.md").read_text()
    shown = re.findall(r"!\[.*?\]\((.*?)\)", text)
    files = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs" / "gallery").iterdir()}
    assert {*shown} == files and all(f"genloss run {name}\n" in text for name in gallery())
    assert sum((ROOT / "docs" / f).stat().st_size for f in files) < 1_000_000


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


def test_the_constraints_are_pins_of_everything_that_is_asked_for():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    # a line of another kind, such as a folder that a freeze names, stops every installation
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+", line)] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = project["dependencies"] + [
        one for some in project["optional-dependencies"].values() for one in some
    ]
    names = {re.match(r"[A-Za-z0-9._-]+", one)[0].replace("_", "-").lower() for one in asked}
    pinned = {line.split("==")[0].replace("_", "-").lower() for line in pins}
    assert names - pinned == {"genloss"}


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
    "Coin": {},
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


# -- a task of a user's own ------------------------------------------------------------------------


@pytest.fixture
def coin(tmp_path):
    """A folder with the skeleton of a task, and a study of it."""
    (tmp_path / "mine.py").write_text(next(b for b in blocks(CONTRIBUTING, "python") if "class Coin:" in b))
    (tmp_path / "coin.toml").write_text(
        'title = "Coins"\nkind = "mine.py:Coin"\nbias = { vary = [0.25, 0.5] }\nreplicates = 45\n'
    )
    return tmp_path


def made(folder):
    return {p.name: p.stat().st_mtime_ns for p in (folder / "parts").iterdir()}


def long_table(folder):
    return pd.read_csv(io.StringIO(genloss("genloss results out --csv -", folder)))


def test_the_task_skeleton_runs_grows_and_is_reported(coin):
    printed = genloss("genloss run coin.toml --trust --out out --workers 2", coin)
    assert printed.startswith("Coins\n\nShare of heads\nOf all tosses so far.\n")
    assert re.search(r"bias +toss 0 +toss 9 +mean, toss 9 +change", printed)
    assert "from toss 0 to the last" in printed
    first, parts = long_table(coin), made(coin / "out")
    assert [*first.columns] == ["bias", "toss", "replicate", "metric", "value"]
    assert len(parts) == 2 * 3 and len(first) == 2 * 10 * 45
    for bias in (0.25, 0.5):
        last = first[(first["bias"] == bias) & (first["toss"] == 9)]["value"].to_numpy()
        assert_mean(last, bias)
        assert {*(10 * last).round(9)} <= {*range(11)}
    # the second time nothing is computed
    again = genloss("genloss run coin.toml --trust --out out --workers 0", coin)
    assert again == printed and made(coin / "out") == parts
    # more replicates, and fewer tosses: the earlier ones are as they were
    genloss("genloss run coin.toml --trust --out out --workers 0 --replicates 70", coin)
    more = long_table(coin)
    assert parts.items() < made(coin / "out").items() and len(more) == 2 * 10 * 70
    kept = more[more["replicate"] < 45].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, first)
    before = made(coin / "out")
    genloss("genloss run coin.toml --trust --out out --workers 0 --set tosses=4", coin)
    assert made(coin / "out") == before
    fewer = long_table(coin)
    pd.testing.assert_frame_equal(fewer, first[first["toss"] < 4].reset_index(drop=True))


def test_the_report_speaks_of_a_tasks_own_axes(coin):
    genloss("genloss run coin.toml --trust --out out --workers 0", coin)
    report = (coin / "out" / "report.html").read_text()
    seen = report.partition("<script")[0]
    assert "<h1>Coins</h1>" in seen and "Share of heads" in seen and "<h2>Tossing a coin</h2>" in seen
    assert "toss 0 to 9" in seen and "10 tosses" in seen and "Coin(replicates=45)." in seen
    assert "generation" not in seen and "agent" not in seen
    rows = re.findall(r"<tr>(.*?)</tr>", seen, re.DOTALL)
    assert sum("0.25" in row for row in rows) and sum("0.5" in row for row in rows)
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', report, re.DOTALL)[1])
    assert [f["id"] for f in figures] == ["f-1-heads"]
    spec = json.dumps(figures[0]["spec"])
    assert '"toss"' in spec and '"share of heads (of tosses)"' in spec and '"generation"' not in spec


OTHERS = """
from typing import ClassVar

from genloss import component
from genloss.meaning import Meaning
from genloss.protocols import Record
from genloss.streams import Role

HEADS = {"heads": Meaning("Heads", scale="count"), "edge": Meaning("On edge", scale="share")}


@component
class Two:
    replicates: int = 6
    axes: ClassVar = ("coin", "toss")
    tile_size: ClassVar = 4
    meanings: ClassVar = HEADS

    def labels(self, axis):
        return ["penny", "dime", "quarter"] if axis == "coin" else range(2)

    def records(self, address):
        for coin in range(3):
            for toss in range(2):
                x = address.rng(coin, toss, Role.MEASURE).random(address.size or 4)
                yield Record((coin, toss), {"heads": (x < 0.5) * 1.0} | ({"edge": x / 9} if coin else {}))


@component
class Plain:
    replicates: int = 6
    axes: ClassVar = ()
    tile_size: ClassVar = 4
    meanings: ClassVar = {"heads": HEADS["heads"]}

    def labels(self, axis):
        raise KeyError(axis)

    def records(self, address):
        yield Record((), {"heads": address.rng(0, 0, Role.MEASURE).random(address.size or 4) * 3})
"""


@pytest.mark.parametrize("name", ["Two", "Plain"])
def test_tasks_of_other_axes_keep_their_contract(name, tmp_path):
    (tmp_path / "mine.py").write_text(OTHERS)
    assert "all " in genloss(f"genloss check mine.py:{name}", tmp_path)


def test_tasks_of_two_axes_of_none_and_loops_stand_in_one_study(tmp_path):
    (tmp_path / "mine.py").write_text(OTHERS)
    (tmp_path / "all.toml").write_text(
        """
title = "Of all kinds"
[experiments.two]
kind = "mine.py:Two"
[experiments.none]
kind = "mine.py:Plain"
[experiments.loop]
real = "Gaussian"
generations = 3
replicates = 6
metrics = ["TraceRatio"]
agents = [{ generator = "Gaussian", regime = "Replace", name = "ours" }]
"""
    )
    printed = genloss("genloss run all.toml --trust --out out --workers 0", tmp_path)
    assert "coin penny" in printed and "coin quarter" in printed and "generation 3" in printed
    shown = genloss("genloss results out", tmp_path)
    assert "two: Heads" in shown and "none: Heads" in shown and "loop: Variance kept" in shown
    assert "two: On edge" in shown and "none: On edge" not in shown
    frame = pd.read_csv(io.StringIO(genloss("genloss results out --csv -", tmp_path)))
    assert [*frame.columns] == [
        "experiment",
        "toss",
        "coin",
        "agent",
        "generation",
        "replicate",
        "metric",
        "value",
    ]
    two, none, loop = (frame[frame["experiment"] == name] for name in ("two", "none", "loop"))
    assert len(two) == (3 + 2) * 2 * 6 and {*two["coin"]} == {"penny", "dime", "quarter"}
    assert two[["agent", "generation"]].isna().all(axis=None) and {*two["toss"]} == {0, 1}
    assert len(none) == 6 and none[["coin", "toss", "agent", "generation"]].isna().all(axis=None)
    assert {*loop["agent"]} == {"ours"} and {*loop["generation"]} == {1, 2, 3}
    from genloss import Results

    results = Results.open(tmp_path / "out")
    assert results.array("heads", experiment="two").shape == (3, 2, 6)
    assert np.isnan(results.array("edge", experiment="two")[0]).all()
    assert results.array("heads", experiment="none").shape == (6,)
    summary = results.summary()
    assert len(summary[summary["experiment"] == "none"]) == 1
    assert len(summary[summary["experiment"] == "two"]) == 3 * 2 + 2 * 2
    report = (tmp_path / "out" / "report.html").read_text()
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', report, re.DOTALL)[1])
    assert "f-1-two-heads" in [f["id"] for f in figures]
    assert "penny" in report


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


@pytest.mark.parametrize("command", ["verdict", "forecast", "warn"])
def test_every_key_of_json_is_documented_and_no_other(command):
    from genloss.cli.warning import entries
    from genloss.collapse import forecast, verdict, warn
    from genloss.collapse.others import _TAKEN

    noise = np.random.Generator(np.random.SFC64(1)).standard_normal((20, 12))
    data = {"loss": 0.1 * np.arange(20)[:, None] + noise}
    printed = {
        "verdict": lambda: verdict(data).said(),
        "forecast": lambda: [f.plain() for f in forecast(data, 30, threshold=9.0)],
        "warn": lambda: [one for line in warn(data) for one in entries(line)],
    }[command]()
    text = (
        (ROOT / "docs" / "reference" / "collapse.md").read_text().split(f"### `genloss {command} --json`")[1]
    )
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text.split("###")[0], re.MULTILINE)
    documented = [key for row in rows for key in re.findall(r"\w+", row)]
    assert all([*one] == documented for one in printed)
    # a group of one of these names would be lost
    assert {*documented} <= {*_TAKEN}
    for one in printed:
        for key in one.get("crossing") or ():
            assert f"`{key}`" in text
    json.loads(json.dumps(printed), parse_constant=pytest.fail)
