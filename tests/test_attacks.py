"""Damage and kills at random, a part of `benchmarks.fuzz`, `.bytes` and `.kills`; and what they found."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks import bytes as one_byte
from benchmarks import fuzz_folders, fuzz_specs, fuzz_tables, kills
from benchmarks.calling import called, faults

from genloss.cli.guard import explain
from genloss.errors import SpecError
from genloss.study import Results, claims
from genloss.study.files import HOST, sealed, unsealed
from genloss.study.store import Store

RUN = fuzz_folders.RUN


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_specs_that_went_wrong(first: int) -> None:
    assert [fault for seed in range(first, first + 10) for fault in fuzz_specs.attack(seed)] == []


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_tables_that_went_wrong(first: int) -> None:
    assert [fault for seed in range(first, first + 10) for fault in fuzz_tables.attack(seed)] == []


@pytest.mark.parametrize("first", range(0, 30, 10))
def test_run_folders_that_were_damaged(first: int) -> None:
    assert [fault for seed in range(first, first + 10) for fault in fuzz_folders.attack(seed)] == []


def test_no_byte_of_a_run_matters_once_it_is_run_again(tmp_path: Path) -> None:
    swept = [*one_byte.sweep(tmp_path / "run", every=400, seed=0)]
    assert len(swept) > 20
    assert [fault for found in swept for fault in found] == []


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_where_it_was() -> None:
    killed = seed = 0
    while killed < 8:
        it = kills.attack(seed)
        assert it.faults == [], (seed, it.told)
        killed, seed = killed + it.kills, seed + 1


# -- what was found --------------------------------------------------------------------------------


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fuzz_folders.Finished:
    """To be in a folder with a finished run of two cells."""
    monkeypatch.chdir(tmp_path)
    was = fuzz_folders.finished("cells")
    shutil.copytree(was.folder, tmp_path, dirs_exist_ok=True)
    return was


def goes_on(was: fuzz_folders.Finished) -> bool:
    """Whether the same run makes of the folder what it was."""
    done = called(*RUN)
    return (
        not faults(done)
        and done.code == 0
        and fuzz_folders.parts() == was.parts
        and fuzz_folders.bits(Path("out")) == was.bits
    )


CLAIM = {"host": HOST, "pid": 2**22 + 7, "began": 1.0, "at": {"generation": 1}, "beat": 1.0, "of": 3}
ODD_CLAIMS: dict[str, Any] = {
    "no process": {**CLAIM, "pid": "x"},
    "process 0": {**CLAIM, "pid": 0},
    "began in a list": {**CLAIM, "began": []},
    "began at no time": {**CLAIM, "began": float("nan")},
    "a beat at the end of time": {**CLAIM, "beat": float("inf")},
    "nowhere": {**CLAIM, "at": None},
    "at a name": {**CLAIM, "at": {"generation": {}}},
    "of nothing": {**CLAIM, "of": None},
    "a host in a dict": {**CLAIM, "host": {}},
}


def test_claims_that_say_something_else_are_nobodys(cells: fuzz_folders.Finished) -> None:
    part = min(cells.parts).removesuffix(".parquet").removesuffix("-pictures")
    Path("out/parts", f"{part}.parquet").unlink()
    said = [*map(json.dumps, ODD_CLAIMS.values()), "[" * 100_000]
    for name, text in zip((part, *(f"driver-x-{i}" for i in range(99))), said, strict=False):
        left = Path("out/running", f"{name}.json")
        left.write_text(text)
        old = time.time() - 60
        os.utime(left, (old, old))
    assert [claim.dead for claim in claims.claims(Path("out"))] == [True] * len(said)
    for options in ((), ("--json",)):
        found = called("status", "out", *options)
        assert found.code == 0 and faults(found) == []
    assert goes_on(cells)
    assert [*Path("out/running").iterdir()] == []


def test_a_ledger_of_names_that_no_file_has(cells: fuzz_folders.Finished) -> None:
    names = [f"{16 * 'a'}-{digits * '9'}-1x1" for digits in (300, 5000)]
    with Path("out/ledger.jsonl").open("a") as ledger:
        ledger.writelines("\n" + json.dumps({"part": name, "error": "no"}) for name in names)
    for command in ("results", "status"):
        found = called(command, "out")
        assert found.code == 0 and faults(found) == []
    assert goes_on(cells)


def test_a_claim_from_the_future_does_not_last(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "out")
    beat = claims.take(store.folder, "driver-x-1")
    assert isinstance(beat, claims.Beat)
    path = store.folder / claims.FOLDER / "driver-x-1.json"
    path.write_text(json.dumps({**CLAIM, "host": "another"}))
    (claim,) = claims.claims(store.folder)
    assert not claim.dead
    later = time.time() + 1e6
    os.utime(path, (later, later))
    (claim,) = claims.claims(store.folder)
    assert claim.dead
    claims.leave(beat)


def changed(content: Any, change: Callable[[Any], Any]) -> bytes:
    change(content)
    return sealed(content)


ODD_CELLS: dict[str, Callable[[Any], Any]] = {
    "no outlines": lambda c: c.pop("outlines"),
    "an outline of nothing": lambda c: c.update(outlines=[None]),
    "no meanings": lambda c: c["outlines"][0].update(meanings=None),
    "a scale that there is not": lambda c: c["outlines"][0]["meanings"].update(
        RealShare=["a", "", "", None, "x"]
    ),
    "tiles of nothing": lambda c: c["outlines"][0].update(tile_size=0),
    "replicates in words": lambda c: c["outlines"][0].update(replicates="many"),
    "an axis too many": lambda c: c["outlines"][0]["axes"].append("place"),
    "an axis that is no column": lambda c: c["outlines"][0]["axes"].__setitem__(0, 'a"b'),
    "names for more places": lambda c: c["outlines"][0]["named"].update(generation=["one"]),
    "a line too many": lambda c: c["outlines"][0]["lines"].append({}),
    "a cell of another outline": lambda c: c["cells"][0].__setitem__(2, 9),
    "a fingerprint in words": lambda c: c["cells"][0].__setitem__(4, "cell"),
    "a varied list": lambda c: c["cells"][0].__setitem__(1, {"regime": [1]}),
    "no cells": lambda c: c.pop("cells"),
    "a title of a number": lambda c: c.update(title=3),
}


def test_a_sealed_list_of_cells_of_another_shape_is_as_good_as_lost(cells: fuzz_folders.Finished) -> None:
    path = Path("out/cells.json")
    good = path.read_bytes()
    assert Store.read("out").kept is not None
    for name, change in ODD_CELLS.items():
        path.write_bytes(changed(unsealed(good), change))
        assert Store.read("out").kept is None, name
    for command in (("results", "out"), ("status", "out"), ("verify", "out"), ("logs", "out")):
        assert faults(called(*command)) == []
    assert called("results", "out").out == cells.shown[0]
    assert goes_on(cells)
    assert path.read_bytes() == good


def test_sealed_versions_of_another_shape_are_left_out(cells: fuzz_folders.Finished) -> None:
    path = Path("out/environment.json")
    (said,) = unsealed(path.read_bytes())
    path.write_bytes(sealed([said, 3, None, "genloss"]))
    report = called("report", "out")
    assert report.code == 0 and faults(report) == []
    assert Store.read("out").environments == [said]
    assert goes_on(cells)


def test_a_run_that_lost_its_parts_makes_them_again(cells: fuzz_folders.Finished) -> None:
    shutil.rmtree("out/parts")
    assert "0 of 4 tiles are done" in called("results", "out").err
    assert goes_on(cells)


def test_a_spec_alone_is_no_run(cells: fuzz_folders.Finished) -> None:
    Path("mine").mkdir()
    shutil.copy("spec.toml", "mine/spec.toml")
    refused = called(*RUN[:-1], "mine")
    assert refused.code == 2 and "holds no run" in refused.err


def test_a_log_that_cannot_be_read_is_named(cells: fuzz_folders.Finished) -> None:
    name = min(cells.parts).removesuffix(".parquet")
    Path("out/logs").mkdir()
    Path("out/logs", f"{name}.txt").symlink_to("nowhere")
    answer = called("logs", "out")
    assert answer.code == 0 and faults(answer) == []
    assert f"out/logs/{name}.txt cannot be read: No such file" in answer.out


def test_errors_of_many_lines_keep_within_their_characters(capsys: pytest.CaptureFixture[str]) -> None:
    for short in range(100, 110):  # what it leaves to the others is a multiple of three, or not
        explain(SpecError(["x" * short, *["y" * 200] * 3]), debug=False)
        said = capsys.readouterr().err
        assert len(said) <= 500 and "x" * short in said


def test_what_is_wrong_with_varied_fields_names_the_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = '[experiments.a]\nreal = "Moons"\n[experiments.b]\nn_real = { vary = 3 }\n'
    Path("spec.toml").write_text(spec)
    assert called("show", "spec.toml").err.startswith("genloss: experiments.b.n_real: write {vary =")


def test_a_task_that_there_is_not_is_named_by_its_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.toml").write_text('[experiments.a]\nkind = "Experimentt"\n')
    assert called("show", "spec.toml").err.startswith("genloss: experiments.a.kind: no task 'Experimentt'")


INTERRUPTED = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == "genloss.cli.guard":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
from genloss.cli import main
main()
"""


def test_control_c_while_the_command_loads_is_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "list"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (130, "")


def test_control_c_ends_a_query_and_is_no_bug(cells: fuzz_folders.Finished) -> None:
    results = Results.open("out")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            results.query("SELECT sum(sqrt(a.range * b.range)) FROM range(30000) a, range(30000) b")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
