"""The command from end to end: what it prints, and that a stopped run goes on with the same bits."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from genloss import __version__
from genloss.cli.commands import genloss
from genloss.cli.listing import about
from genloss.cli.values import parse_value
from genloss.numbers import json_number
from genloss.study import Study
from genloss.study.tally import Bars, Lines, Tally

SPEC = """
title = "A small study"

[experiments.normal]
title = "Normal"
real = "Gaussian"
n_real = 20
generations = 6
replicates = 6
tile = 2
metrics = ["TraceRatio", "RealShare"]

[[experiments.normal.agents]]
generator = "Gaussian"
regime = { vary = ["Replace", "Accumulate"] }

[experiments.moons]
real = "Moons"
n_real = 20
generations = 4
replicates = 4
tile = 2
metrics = ["HoldoutNLL"]

[[experiments.moons.agents]]
generator = "KDE"
regime = "Replace"
"""

# a generator that takes its time: 40 tiles of some 40 ms
SLOW = """
import time
import numpy as np


class Slow:
    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def fit(self, rows):
        time.sleep(0.02)
        self.rows = rows

    def sample(self, n):
        return self.rows[self.rng.integers(len(self.rows), size=n)]
"""
SLOW_SPEC = """
real = "Gaussian"
n_real = 10
generations = 2
replicates = 40
metrics = [{ kind = "TraceRatio", of = "published" }]

[[agents]]
generator = { kind = "Wrapped", make = "slow.py:Slow" }
regime = "Replace"
"""


# a generator that fails with some sizes: always from 30 rows on, with 20 in the second tile
FRAIL = """
import numpy as np
from genloss.components import component
from genloss.generators import Gaussian
calls = []


@component
class Frail:
    def fit(self, train, rng, init=None):
        calls.append(train.n)
        if train.n >= 30 or calls.count(20) > 2:
            raise ValueError("too many")
        return Gaussian().fit(train, rng)
"""
FRAIL_SPEC = """
real = "Gaussian"
n_real = { vary = [10, 20] }
generations = 2
replicates = 2
tile = 1
metrics = ["TraceRatio"]

[[agents]]
generator = "frail.py:Frail"
regime = "Replace"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SPEC)
    return tmp_path


@pytest.fixture
def slow(here: Path) -> Iterator[list[str]]:
    (here / "slow.py").write_text(SLOW)
    (here / "slow.toml").write_text(SLOW_SPEC)
    yield ["run", "slow.toml", "--trust", "--out", "out", "--workers", "2"]


def called(*arguments: str) -> Result:
    return CliRunner().invoke(genloss, arguments)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "genloss", *arguments]


def installed(*arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120, **how)


def ok(answer: Any) -> Any:
    code = answer.exit_code if isinstance(answer, Result) else answer.returncode
    assert code == 0, (answer.stdout, answer.stderr)
    return answer


def parts(folder: str | Path) -> dict[str, str]:
    """The bits of a run: digests of its parts by name."""
    files = sorted(Path(folder, "parts").iterdir())
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def done(folder: str | Path) -> int:
    return len([p for p in Path(folder, "parts").glob("*.parquet") if "-pictures" not in p.name])


# -- looking around --------------------------------------------------------------------------------


def test_help_and_version() -> None:
    answer = ok(called())
    assert "genloss run collapse-or-thrive" in answer.stdout
    assert called("--help").stdout == answer.stdout
    assert called("--version").stdout == f"genloss {__version__}\n"
    for name in ("list", "show", "run", "results", "report", "check"):
        assert ok(called(name, "--help")).stdout.startswith("Usage: genloss")


def test_the_help_keeps_its_lines() -> None:
    lines = ok(called("--help")).stdout.splitlines()
    assert any(line.startswith("  genloss run collapse-or-thrive  ") for line in lines)
    assert any(line.startswith("  genloss list  ") for line in lines)
    for name in ("list", "show", "run", "results", "report", "check"):
        text = ok(called(name, "--help")).stdout
        assert "\\b" not in text and "\b" not in text
        said = text.partition("Options:")[0].splitlines()[2:]
        assert not [line for line in said if line.startswith("   ")], "a paragraph is indented"
    assert "  genloss show collapse-or-thrive > mine.toml\n" in ok(called("show", "--help")).stdout


def test_help_loads_nothing_heavy() -> None:
    seen = "import sys; from genloss.cli.commands import genloss; print(*sys.modules)"
    modules = ok(subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True)).stdout.split()
    assert not {"numpy", "pydantic", "pandas", "rich", "pyarrow", "scipy"} & set(modules)


def test_list_names_studies_and_parts() -> None:
    answer = ok(called("list"))
    for name in (
        "collapse-or-thrive/kde",
        "AccumulateSubsample(budget=None)",
        "KDE(bandwidth=0.1)",
        "OneOf(symbols)",
    ):
        assert name in answer.stdout
    found = json.loads(ok(called("list", "--json")).stdout)
    assert found["parts"]["regimes"]["Window"]["fields"] == {"generations": {"type": "Count"}}
    assert found["parts"]["real"]["Gaussian"]["fields"]["dim"]["default"] == 2
    assert found["studies"]["collapse-or-thrive"]["title"]
    # every part says what it is
    assert all(p["about"] for slot in found["parts"].values() for p in slot.values())


def test_show_explains_a_part_by_its_name() -> None:
    text = ok(called("show", "KDE")).stdout
    assert text.startswith("KDE(bandwidth=0.1)  generator\n")
    assert "standard deviation of the kernel" in text and "a number above 0, or 'scott'" in text
    both = ok(called("show", "Gaussian")).stdout
    assert "Gaussian(dim=2)  real data" in both and "Gaussian(ddof=0, temperature=1.0)  generator" in both
    for name, meant in (("KDEs", "KDE"), ("colapse-or-thrive", "collapse-or-thrive")):
        refused = called("show", name)
        assert refused.exit_code == 2
        assert refused.stderr == f"genloss: no study or part '{name}'; did you mean '{meant}'?\n"
    assert "genloss list names them" in called("show", "qqqqqq").stderr
    assert "change a study" in called("show", "KDE", "--set", "bandwidth=1").stderr
    everything = ok(called("list", "--verbose")).stdout
    assert text.strip() in everything and "`" not in everything + ok(called("list")).stdout


def test_show_is_a_spec_again() -> None:
    text = ok(called("show", "collapse-or-thrive/kde", "--set", "n_real=[10,20]")).stdout
    assert tomllib.loads(text)["n_real"] == {"vary": [10, 20]}
    Path("again.toml").write_text(text)
    # the name of the file is not part of a study
    study = Study.load("collapse-or-thrive/kde").set("n_real", [10, 20])
    again = Study.load("again.toml")
    assert [c.kept.fingerprint for c in again.cells] == [c.kept.fingerprint for c in study.cells]
    assert f"# {study.name}: {len(study.cells)} cells, " in text


def test_show_says_what_is_drawn_as_statistics() -> None:
    lines = ok(called("show", "small.toml")).stdout.splitlines()
    assert any("regime=Replace" in line and "statistics: moments" in line for line in lines)
    assert any("moons" in line and line.endswith("rows") for line in lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("'3'", "3"),
        ("Replace", "Replace"),
        ("mine.py:Mine", "mine.py:Mine"),
        ("two words", "two words"),
        ("[10, 100]", [10, 100]),
        ("[Replace, Accumulate]", ["Replace", "Accumulate"]),
        ("[true, inf]", [True, float("inf")]),
        ("{kind=Window, generations=3}", {"kind": "Window", "generations": 3}),
        ('[{kind=Wrapped, make="a.py:b"}, KDE]', [{"kind": "Wrapped", "make": "a.py:b"}, "KDE"]),
        ('["a, b"]', ["a, b"]),
        ("3\nother = 4", "3\nother = 4"),
    ],
)
def test_values_of_set_are_toml_and_bare_words_are_text(text: str, value: Any) -> None:
    assert parse_value(text) == value


def test_infinite_numbers_in_json() -> None:
    assert [json_number(x) for x in (1.5, float("inf"), float("-inf"), float("nan"))] == [
        1.5,
        "Infinity",
        "-Infinity",
        None,
    ]


def test_first_sentences() -> None:
    def one() -> None:
        """Settings of Kazdan et al. (2024). And more."""

    assert about(one) == "Settings of Kazdan et al. (2024)."


# -- progress --------------------------------------------------------------------------------------


def test_bars_and_lines_show_the_same_run(capsys: pytest.CaptureFixture[str]) -> None:
    cell = Study.load("small.toml").cells[0]
    for display in (Bars(), Lines()):
        tally = Tally(display)
        tally.begin(4, 1)
        tally.finish(cell, 1, None)
        tally.finish(cell, 2, "generation 3: no more\nof this")
        tally.finish(cell, 3, "generation 2: nor of this")
        tally.warn("part x is damaged")
        tally.end()
        assert (tally.done, tally.failed) == (2, {0: "generation 3: no more\nof this"})
        said = capsys.readouterr()
        assert said.out == ""
        # one line a cell, however many of its tiles fail
        assert said.err.count("generation 3: no more of this") == 1 and "generation 2" not in said.err
        assert "1 cell failed" in said.err
        assert "part x is damaged" in said.err


# -- running ---------------------------------------------------------------------------------------


def test_run_from_end_to_end() -> None:
    answer = ok(installed("run", "small.toml", "--workers", "2"))
    folder = next(Path("genloss-runs").iterdir())
    assert folder.name == "small"
    assert "A small study" in answer.stdout
    assert "Normal: Variance kept" in answer.stdout and "generation 6" in answer.stdout
    assert "Replace" in answer.stdout and "95 % intervals" in answer.stdout
    assert answer.stdout.endswith(f"run     {folder}\nreport  {folder}/report.html\n")
    assert answer.stderr.startswith("8 tiles\n")
    assert (folder / "report.html").read_text().lower().startswith("<!doctype html")
    # a pipe gets no colours
    assert "\x1b" not in answer.stdout + answer.stderr
    again = ok(called("run", "small.toml"))
    assert "8 tiles, 8 of them done before" in again.stderr
    assert "genloss: 8 of 8 tiles are here already, 0 to compute" in again.stderr
    assert again.stdout == answer.stdout


def test_nothing_is_judged_where_replicates_are_missing() -> None:
    (Path.cwd() / "frail.py").write_text(FRAIL)
    Path("frail.toml").write_text(FRAIL_SPEC)
    answer = called("run", "frail.toml", "--trust", "--workers", "0", "--out", "out")
    assert answer.exit_code == 1
    rows = {line.split()[0]: line for line in answer.stdout.splitlines() if line.startswith("  ")}
    assert rows["20"].endswith("1 of 2 replicates finished")
    assert "finished" not in rows["10"] and "1 of 2" not in rows["10"]
    assert "the median over 1 to 2 replicates" in answer.stdout
    assert "may be the tamer ones: nothing is said of change" in " ".join(answer.stdout.split())
    assert answer.stderr.count("too many") == 1
    shown = ok(called("results", "out", "--trust")).stdout
    assert "1 of 2 replicates finished" in shown
    assert "1 of 2 replicates finished" in Path("out/report.html").read_text()


def test_a_run_in_which_everything_failed_says_so() -> None:
    (Path.cwd() / "frail.py").write_text(FRAIL)
    Path("frail.toml").write_text(FRAIL_SPEC)
    answer = called(
        "run", "frail.toml", "--trust", "--workers", "0", "--out", "out", "--set", "n_real=[30,40]"
    )
    assert answer.exit_code == 1
    assert answer.stdout.startswith("nothing finished: every cell failed\n")
    assert answer.stderr.count("too many") == 2
    text = Path("out/report.html").read_text().partition("<script>")[0]
    assert "Nothing is finished: every cell failed" in text
    assert '<table class="results"' not in text and 'class="legend"' not in text


def test_the_table_says_what_it_compares_and_no_more() -> None:
    text = ok(called("run", "small.toml", "--workers", "0", "--out", "out")).stdout
    said = " ".join(text.split())
    assert "the typical replicate, the median over" in said and "too few replicates to tell: 6" not in said
    assert "Change is the median of the changes within replicates, from generation 1 to the last" in said
    assert "changed: × " in text or "no change seen at" in text


def test_nothing_is_written_into_folders_that_are_not_there() -> None:
    ok(called("run", "small.toml", "--workers", "0", "--out", "out"))
    for arguments in (
        ("report", "out", "-o", "none/deep/x.html"),
        ("results", "out", "--csv", "none/deep/x.html"),
        ("results", "out", "--parquet", "none/deep/x.html"),
    ):
        refused = called(*arguments)
        assert refused.exit_code == 2
        assert refused.stderr == "genloss: cannot write none/deep/x.html: there is no folder none/deep\n"
    assert not Path("none").exists()


def test_json_is_one_object_and_nothing_else() -> None:
    answer = ok(installed("run", "small.toml", "--workers", "1", "--out", "out", "--json"))
    assert answer.stderr == ""
    assert answer.stdout.count("\n") == 1
    found = json.loads(answer.stdout)
    assert found["run"] == "out" and found["report"] == "out/report.html" and found["failures"] == []
    assert [c["varied"] for c in found["cells"]] == [{"regime": "Replace"}, {"regime": "Accumulate"}, {}]
    first = [r for r in found["summary"] if r["cell"] == 0 and r["metric"] == "RealShare"]
    assert [(r["generation"], r["mean"]) for r in first] == [(1, 1.0), (6, 0.0)]


def test_results_and_report_of_a_run() -> None:
    ok(called("run", "small.toml", "--workers", "0", "--out", "out"))
    shown = ok(called("results", "out")).stdout
    assert (
        "Normal: Share of real data" in shown
    )  # every metric, where a run shows the first of each experiment
    rows = ok(called("results", "out", "--csv", "-")).stdout.splitlines()
    assert rows[0] == "experiment,regime,agent,generation,replicate,metric,value"
    assert len(rows) - 1 == 2 * 6 * 6 * 2 + 4 * 4
    ok(called("results", "out", "--csv", "long.csv", "--parquet", "long.parquet"))
    assert Path("long.csv").read_text().splitlines() == rows
    import pandas as pd

    frame = pd.read_parquet("long.parquet")
    pd.testing.assert_frame_equal(frame, pd.read_csv("long.csv"), check_dtype=False)
    answer = ok(called("report", "out", "-o", "mine.html"))
    assert answer.stdout == "mine.html\n" and Path("mine.html").stat().st_size > 1000


def test_set_varies_and_replicates_are_as_recorded() -> None:
    ok(
        called(
            "run",
            "small.toml",
            "--set",
            "normal.n_real=[10,20]",
            "--replicates",
            "2",
            "--workers",
            "0",
            "--out",
            "out",
        )
    )
    rows = ok(called("results", "out", "--csv", "-")).stdout.splitlines()
    assert rows[0].startswith("experiment,n_real,regime,")
    assert {row.split(",")[5] for row in rows[1:]} == {"0", "1"}


def test_results_of_a_run_with_a_users_code_need_trust(slow: list[str]) -> None:
    ok(called(*slow[:-1], "0", "--replicates", "1"))
    assert "add --trust" in ok(called("results", "out")).stderr, "numbers are there without it"
    refused = called("report", "out")
    assert refused.exit_code == 2 and "add --trust" in refused.stderr
    for name in ("results", "report"):
        assert ok(called(name, "out", "--trust")).stderr == ""


def test_a_reader_that_leaves_is_no_error() -> None:
    script = f"set -o pipefail; {' '.join(command('list'))} | head -1"
    answer = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert answer.stdout.startswith("Studies")
    assert answer.stderr == ""


def test_an_internal_error_says_where_to_report_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(verbose: bool) -> None:
        raise RuntimeError("of ours")

    monkeypatch.setattr("genloss.cli.listing.listing", broken)
    answer = called("list")
    assert answer.exit_code == 70
    assert "internal error: RuntimeError: of ours" in answer.stderr and "please report it" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "Traceback" in called("list", "--debug").stderr
    monkeypatch.setenv("GENLOSS_DEBUG", "1")
    assert "Traceback" in called("list").stderr


def test_the_report_may_fail_and_results_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(results: Any, path: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genloss.report.write", full)
    answer = called("run", "small.toml", "--workers", "0", "--out", "out")
    assert answer.exit_code == 2
    assert "cannot write out/report.html: No space left on device" in answer.stderr
    assert "Normal: Variance kept" in answer.stdout
    assert done("out") == 8


# -- the same bits ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_two_and_three_workers_give_the_same_bits() -> None:
    for workers in ("0", "1", "2", "3"):
        ok(called("run", "small.toml", "--workers", workers, "--out", f"out{workers}"))
    assert parts("out0") == parts("out1") == parts("out2") == parts("out3")


def test_more_replicates_leave_the_earlier_ones_unchanged() -> None:
    ok(called("run", "small.toml", "--workers", "0", "--out", "out", "--replicates", "3"))
    before, rows = parts("out"), ok(called("results", "out", "--csv", "-")).stdout.splitlines()
    answer = ok(called("run", "small.toml", "--workers", "0", "--out", "out", "--replicates", "7"))
    # of each of three cells one tile was whole, and one had one replicate of two
    assert "12 tiles, 3 of them done before" in answer.stderr
    assert "genloss: 7 replicates instead of 3: all cells" in answer.stderr
    after = parts("out")
    assert before.items() < after.items()
    assert set(rows) < set(ok(called("results", "out", "--csv", "-")).stdout.splitlines())


def wait_for(running: subprocess.Popen[str], tiles: int) -> None:
    end = time.monotonic() + 60
    while done("out") < tiles if Path("out/parts").is_dir() else True:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    """Processes whose parent this is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def alive(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.append(pid)
    return found


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for stray processes in /proc")
@pytest.mark.parametrize("how", ["ctrl-c", "kill -9"])
def test_a_stopped_run_goes_on_and_gives_the_same_bits(slow: list[str], how: str) -> None:
    with subprocess.Popen(
        command(*slow), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        wait_for(running, 5)
        workers = children(running.pid)
        assert workers
        if how == "ctrl-c":
            os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the workers too
        else:
            running.kill()
        out, err = running.communicate(timeout=30)
    if how == "ctrl-c":
        assert running.returncode == 130, err
        assert "Traceback" not in err
        assert "of 40 tiles are done and kept. To go on:" in err
        assert err.splitlines()[-1] == f"  python -m genloss {' '.join(slow)}"
        assert out == ""
    kept = parts("out")
    assert 5 <= done("out") < 40
    end = time.monotonic() + 10
    while alive(workers):
        assert time.monotonic() < end, "stray workers"
        time.sleep(0.05)
    # what was being written when it died is swept away, what was finished is not done again
    answer = ok(installed(*slow))
    assert f"40 tiles, {done_before(answer.stderr)} of them done before" in answer.stderr
    assert done_before(answer.stderr) >= 5
    after = parts("out")
    assert {k: v for k, v in kept.items() if k in after and not k.startswith(".")}.items() <= after.items()
    assert not [name for name in after if name.startswith(".")]
    ok(called(*slow[:4], "elsewhere", "--workers", "1"))
    assert parts("elsewhere") == after


def done_before(said: str) -> int:
    return int(said.partition("40 tiles, ")[2].partition(" ")[0])
