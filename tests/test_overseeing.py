"""Looking at a run from outside, while it goes on and after it was killed: nothing is changed by looking."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import called, ended, left, parts, started, status, tree, wait_until
from genloss.study.files import HOST

MINE = """
import sys, time
from pathlib import Path
from genloss.components import component
from genloss.generators import Gaussian


@component
class Slow:
    '''Takes its time while a file says so, and says what it does.'''

    def fit(self, train, rng, init=None):
        print(f"fitted to {train.n} rows")
        if Path("slow").exists():
            time.sleep(0.3)
        return Gaussian().fit(train, rng)


@component
class Fails:
    def fit(self, train, rng, init=None):
        raise ValueError("not this\\nnor that")
"""

SPEC = """
real = "Gaussian"
n_real = 10
generations = 40
replicates = 24
tile = 8
rows = "always"
metrics = [{ kind = "TraceRatio", of = "published" }]

[[agents]]
generator = { vary = ["Gaussian", "mine.py:Fails", "mine.py:Slow"] }
regime = "Replace"
"""
RUN = ("run", "study.toml", "--trust", "--out", "out", "--workers", "2")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    Path("study.toml").write_text(SPEC)


def unchanged(*commands: tuple[str, ...]) -> list[subprocess.CompletedProcess[str]]:
    """What commands say, none of which changes anything in the run's folder."""
    before = tree("out")
    said = [called(*command) for command in commands]
    assert tree("out") == before
    return said


@pytest.mark.slow
def test_a_run_is_seen_while_it_goes_on_and_after_it_was_killed(tmp_path: Path) -> None:
    Path("slow").touch()
    driver = started(*RUN, mark=str(tmp_path))
    told = Path("out/ledger.jsonl")
    # each of the two workers is some generations far in the slow cell, and the other cells are through
    wait_until(lambda: told.is_file() and told.read_text().count('"part"') >= 6)
    wait_until(lambda: len([at for at in running_at() if at >= 4]) == 2)
    found = status("out")
    assert (found["tiles"], found["tiles_done"], found["cells"], found["cells_done"]) == (9, 3, 3, 1)
    assert found["drivers"] == [f"process {driver.pid} on {HOST}"]
    assert found["rate"] > 0 and found["left"] == pytest.approx(3 / found["rate"])
    assert len(found["running"]) == 2
    for tile in found["running"]:
        assert tile["cell"] == "generator=mine.py:Slow" and tile["of"] == 40 and not tile["dead"]
        assert tile["at"]["generation"] >= 3 and tile["seconds"] > 1 and tile["silent"] < 60
    assert [f["tile"] for f in sorted(found["failed"], key=lambda f: f["tile"])] == [0, 1, 2]
    assert all(
        f["cell"] == "generator=mine.py:Fails"
        and re.fullmatch(r"generation 1: ValueError at mine.py:\d+: not this nor that", f["error"])
        for f in found["failed"]
    )
    lines = called("status", "out").stdout.splitlines()
    assert lines[0] == "3 of 9 tiles done, 1 of 3 cells; 2 running, 3 failed"
    assert re.fullmatch(
        rf"at work: process {driver.pid} on \S+; [\d.]+ tiles/(s|min), \d+ \S+ left", lines[1]
    )
    assert all(
        re.fullmatch(
            r"running  generator=mine.py:Slow, tile \d: generation \d+ of 40, for \d+ s, "
            r"last heard of \d+ s ago",
            line,
        )
        for line in lines[2:4]
    )
    assert all(line.startswith("failed   generator=mine.py:Fails, tile ") for line in lines[4:])

    # everything is killed in one moment
    for pid in [driver.pid, *left(str(tmp_path), within=0)]:
        os.kill(pid, signal.SIGKILL)
    ended(driver)
    assert not left(str(tmp_path))
    found = status("out")
    assert found["drivers"] == [] and found["rate"] is None and found["left"] is None
    assert [tile["dead"] for tile in found["running"]] == [True, True]
    (said,) = unchanged(("status", "out"))
    assert said.returncode == 1
    lines = said.stdout.splitlines()
    assert lines[1] == "nobody is at work; the same genloss run goes on"
    for tile, line in zip(found["running"], lines[2:4], strict=True):
        assert line.endswith(f"; process {tile['pid']} on {HOST} is gone, the next genloss run makes it")

    # what is left of the dead is removed when it goes on
    torn = Path(f"out/parts/.torn.{HOST}.{driver.pid}.tmp")
    torn.touch()
    kept = {name: data for name, data in parts("out").items() if not name.startswith(".")}
    Path("slow").unlink()
    said = called(*RUN)
    assert said.returncode == 1 and "9 tiles, 3 of them done before" in said.stderr
    assert not list(Path("out/running").iterdir()) and not torn.exists()
    assert kept.items() <= parts("out").items()
    assert status("out")["tiles_done"] == 6

    # what was printed, and of which cell
    all_of_it, one, other, none = unchanged(
        ("logs", "out"), *(("logs", "out", "--cell", str(cell)) for cell in (2, 0, 3))
    )
    assert all_of_it.stdout == one.stdout and one.stdout.count("fitted to 10 rows") == 3 * 40
    headings = [line for line in one.stdout.splitlines() if line.startswith("== ")]
    assert headings == [f"== generator=mine.py:Slow, tile {tile}" for tile in range(3)]
    assert other.stdout == "nothing was printed\n"
    assert none.returncode == 2 and none.stderr == "genloss: --cell 3: there are 3 cells, from 0\n"


def running_at() -> list[int]:
    """How far the tiles are that are being made, in the slow cell."""
    found = []
    for path in Path("out/running").glob("*-*x8.json"):
        try:
            found.append(json.loads(path.read_text())["at"].get("generation", 0))
        except (OSError, ValueError):  # it ended, or is being written
            continue
    return found


@pytest.mark.slow
def test_a_tile_without_a_heartbeat_is_named_and_taken_over_when_its_process_is_gone() -> None:
    assert called(*RUN, "--set", "generator=Gaussian").returncode == 0
    whole = parts("out")
    lost = sorted(path for path in Path("out/parts").glob("*.parquet") if "pictures" not in path.name)[0]
    lost.unlink()
    # a process that lives and touches its claim, but has said nothing for long: this one
    now = time.time()
    said = {"host": HOST, "pid": os.getpid(), "began": now - 900, "at": {"generation": 7, "agent": 0}}
    path = Path(f"out/running/{lost.stem}.json")
    path.write_text(json.dumps({**said, "beat": now - 720, "of": 40}))
    found = status("out")
    assert found["running"][0]["silent"] >= 720 and not found["running"][0]["dead"]
    (line,) = unchanged(("status", "out"))
    silent = f"generation 7 of 40, for 15 min; NO HEARTBEAT for 12 min (process {os.getpid()} on {HOST})"
    assert silent in line.stdout

    driver = started(*RUN, "--set", "generator=Gaussian")
    assert driver.stderr is not None
    which = f"the experiment, tile 0 (process {os.getpid()} on {HOST})"
    warned = f"genloss: no heartbeat for 12 min of {which}"
    try:
        line = next(line for line in driver.stderr if "heartbeat" in line)
        assert line == f"{warned}; --tile-limit SECONDS ends such tiles\n"
        # it is left to its process, until nobody touches it any more
        os.utime(path, (now - 700, now - 700))
    finally:
        rest = ended(driver)
    assert rest.returncode == 0 and "3 of 3 tiles" in rest.stderr
    assert parts("out") == whole and not list(Path("out/running").iterdir())


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


@pytest.mark.slow
def test_what_is_damaged_is_named_and_nothing_is_changed() -> None:
    arguments = (*RUN[:-1], "0", "--set", "generator=[Gaussian, KDE]", "--set", "generations=3")
    assert called(*arguments).returncode == 0
    whole = parts("out")
    fine, as_json, logs, results = unchanged(
        ("verify", "out"), ("verify", "out", "--json"), ("logs", "out"), ("results", "out")
    )
    assert fine.returncode == 0 and fine.stdout == "10 files are whole, 0 are not\n"
    assert json.loads(as_json.stdout) == {"whole": 10, "problems": []}
    assert logs.stdout == "nothing was printed\n" and results.returncode == 0

    pictures = sorted(Path("out/parts").glob("*-pictures.parquet"))
    values = sorted(path for path in Path("out/parts").glob("*.parquet") if path not in pictures)
    first = next(path for path in values if path.stem.split("-")[:2] == pictures[0].stem.split("-")[:2])
    last = next(path for path in reversed(values) if "-00002-" in path.name)
    pictures[0].unlink()
    flip(pictures[1])
    flip(last)
    flip(Path("out/cells.json"))
    second = Path("out/parts", pictures[1].name.replace("-pictures", ""))
    wrong = {path.stem: "is damaged" for path in (pictures[1], last)}
    wrong |= {path.stem: "lacks its pictures" for path in (first, second)}
    expected = [f"part {name} {wrong[name]}" for name in sorted(wrong)] + ["cells.json is damaged or gone"]
    damaged, as_json, logs, results, lost = unchanged(
        *(("verify", "out"), ("verify", "out", "--json"), ("logs", "out"), ("results", "out")),
        ("status", "out"),
    )
    assert damaged.returncode == as_json.returncode == 1
    assert json.loads(as_json.stdout) == {"whole": 4, "problems": expected}
    assert damaged.stdout.splitlines() == [*expected, "4 files are whole, 5 are not"]
    assert logs.returncode == results.returncode == 0
    # what is lost is said, and what is there is counted
    first, second = lost.stdout.splitlines()[:2]
    assert lost.returncode == 0 and first.startswith("5 of 6 tiles done, 1 of 2 cells")
    assert second == "its cells.json is damaged or gone: cells without a part are not counted"

    again = called(*arguments)
    assert again.returncode == 0 and again.stderr.count("it is computed again") >= 2
    assert parts("out") == whole
    assert called("verify", "out").stdout == "10 files are whole, 0 are not\n"


def test_windows_is_told_in_a_sentence() -> None:
    code = "import sys; sys.platform = 'win32'; from genloss.cli import main; main()"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == ("genloss: it runs on Linux and macOS; on Windows, install and run it inside WSL\n")
