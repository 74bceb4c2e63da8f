"""The run folder: parts that vouch for themselves, damage mended, work shared, nothing done twice."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genloss import Results, Study, run
from genloss.errors import GenlossError, StoreError
from genloss.study import claims
from genloss.study.columns import schema
from genloss.study.files import HOST, alive, read_sealed
from genloss.study.parts import Part, said_of, write_part
from genloss.study.status import status_of
from genloss.study.store import Store

AXES = ("generation", "agent")


def part(cell: int = 0, tile: int = 0, length: int = 100, size: int = 1, pictures: bool = False) -> Part:
    return Part(f"{cell:016x}", tile, length, size, pictures)


def table(of: Part, rows: int = 100) -> pa.Table:
    data: dict[str, Any] = {"cell": [int(of.cell, 16)] * rows, "tile": [of.tile] * rows}
    data |= {"generation": list(range(rows)), "agent": [0] * rows, "replicate": [0] * rows}
    data |= {"metric": ["trace"] * rows, "value": [float(of.tile + i) for i in range(rows)]}
    return pa.table(data, schema=schema(AXES))


def picture(of: Part) -> pa.Table:
    data = {"cell": [int(of.cell, 16)] * 2, "generation": [1, 1], "agent": [0, 0], "row": [0, 1]}
    return pa.table({**data, "values": [[0.5, 1.0], []]}, schema=schema(AXES, pictures=True))


def written(folder: Path, of: Part, rows: int = 100, shown: bool = False) -> Part:
    write_part(folder, of, table(of, rows), AXES, {"said": "ünits"}, shown)
    return of


def flip(path: Path, at: int, by: int = 16) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= by
    path.write_bytes(data)


def hidden(folder: Path) -> list[Path]:
    return [*folder.rglob(".*")]


# -- a part is whole or absent ---------------------------------------------------------------------


def test_a_part_vouches_for_itself(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "run")
    for tile in range(3):
        written(store.folder, part(tile=tile))
    again = Store.open(store.folder)
    assert again.parts() == [part(tile=t) for t in range(3)] and again.problems == []
    said = said_of(part().path(store.folder).read_bytes(), part())
    assert said == {"part": part().name, "about": {"said": "ünits"}, "shown": False}
    # under the name of another it says nothing
    shutil.copy(part().path(store.folder), part(cell=1).path(store.folder))
    looking = Store.read(store.folder)
    assert looking.parts() == again.parts()
    assert looking.problems == [f"part {part(cell=1).name} is damaged"]
    assert {p.name for p in store.folder.iterdir()} == {"parts", "running"}
    # and any reader of Parquet reads it
    assert pq.read_table(part().path(store.folder)).equals(table(part()))


@pytest.mark.parametrize("pictures", [False, True])
def test_any_flipped_byte_of_a_part_is_seen(tmp_path: Path, pictures: bool) -> None:
    Store.open(tmp_path)
    of = part(pictures=pictures)
    content = picture(of) if pictures else table(of)
    write_part(tmp_path, of, content, AXES, None if pictures else {"said": "ünits"})
    data, dice = bytearray(of.path(tmp_path).read_bytes()), random.Random(1)
    assert said_of(bytes(data), of) is not None
    for at in range(len(data)):
        by = dice.randrange(1, 256)
        data[at] ^= by
        assert said_of(bytes(data), of) is None, at
        data[at] ^= by
    for at in (0, 1, 100, len(data) - 1):
        assert said_of(bytes(data[:at]), of) is None
    assert said_of(bytes(data) + b"\n", of) is None


def test_tables_of_other_columns_are_refused(tmp_path: Path) -> None:
    Store.open(tmp_path)
    with pytest.raises(
        StoreError, match=r"part 0+-00000-100x1 has the columns cell, generation.*should have cell, tile"
    ):
        write_part(tmp_path, part(), picture(part()), AXES, None)
    wrong = table(part()).set_column(6, "value", pa.array(["1"] * 100))
    with pytest.raises(StoreError, match=r"column value is string; it should be double"):
        write_part(tmp_path, part(), wrong, AXES, None)
    assert not [*(tmp_path / "parts").iterdir()]
    for text in (pa.large_string(), pa.dictionary(pa.int8(), pa.string())):
        other = table(part()).set_column(5, "metric", table(part())["metric"].cast(text))
        write_part(tmp_path, part(), other, AXES, None)
        assert pq.read_table(part().path(tmp_path)).equals(table(part()))


@pytest.mark.parametrize(
    "name",
    ["", "x", "0-00000-1x1", "../a", f"{0:016x}-00000-1x1-", f"{0:016x}-000000-1x1", f"{0:016X}-1-1x1"],
)
def test_names_of_other_files_are_no_parts(tmp_path: Path, name: str) -> None:
    assert Part.named(name) is None


def test_a_part_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(tmp_path)
    calls, replace = [], os.replace
    monkeypatch.setattr(
        os, "fsync", lambda fd: calls.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
    )
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("renamed"), replace(a, b)))
    written(tmp_path, part())
    assert calls == [f".{part().name}.{HOST}.{os.getpid()}.tmp", "renamed", "parts"]


def python(code: str, *arguments: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


WRITER = """
    import sys, numpy as np, pyarrow as pa, resource, signal
    from pathlib import Path
    from genloss.errors import StoreError
    from genloss.study.columns import schema
    from genloss.study.parts import Part, write_part
    from genloss.study.store import Store
    folder, rows, limit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    store = Store.open(folder)
    rng = np.random.Generator(np.random.SFC64(1))
    columns = schema(("generation", "agent"))
    data = {name: np.zeros(rows, "u8" if name == "cell" else "i4") for name in columns.names}
    data |= {"metric": ["m"] * rows, "value": rng.random(rows)}
    table = pa.table(data, schema=columns)
    def write(tile, rows):
        part = Part("0" * 16, tile, 1, rows)
        write_part(folder, part, table.slice(0, rows), ("generation", "agent"), None)
        return part
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    print("ready", flush=True)
"""


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code = textwrap.dedent(WRITER) + textwrap.dedent("""
        for i in range(2):
            try:
                store.record(write(i, [10, rows][i]), 0.5)
            except StoreError as error:
                print(error)
        print(*(part.tile for part in Store.read(folder).parts()))
    """)
    out, _ = python(code, tmp_path / "run", 20000, 8192).communicate(timeout=60)
    _, problem, finished = out.splitlines()
    assert problem.startswith(f"cannot write {tmp_path / 'run'}: File too large")
    assert "free space or give another --out" in problem
    assert problem.endswith("finished tiles are kept, the same command goes on")
    assert finished == "0"
    assert [Part.named(p.stem).tile for p in (tmp_path / "run" / "parts").iterdir()] == [0]  # type: ignore[union-attr]


def test_a_ledger_that_cannot_grow_is_told(tmp_path: Path) -> None:
    code = textwrap.dedent(WRITER) + textwrap.dedent("""
        try:
            for i in range(100):
                store.fail(Part("0" * 16, i, 1, 1), "x" * 100)
        except StoreError as error:
            print(error)
    """)
    out, _ = python(code, tmp_path / "run", 10, 2000).communicate(timeout=60)
    assert "File too large" in out and "free space" in out
    store = Store.open(tmp_path / "run")  # its last line is torn
    assert len(store.failures()) > 5
    written(store.folder, part(length=1))
    store.record(part(length=1), 2.0)
    assert part(length=1) not in store.failures() and store.seconds() == 2.0


def test_a_folder_that_vanished_is_told(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "run")
    (store.folder / "parts").rmdir()
    with pytest.raises(StoreError, match=r"cannot write .*No such file"):
        written(store.folder, part())
    assert not hidden(store.folder)


def test_a_killed_writer_leaves_no_partial_part(tmp_path: Path) -> None:
    loop = textwrap.dedent(WRITER) + textwrap.dedent("""
        i = len(store.parts())
        while True:
            write(i, rows)
            i += 1
    """)
    wait, finished = random.Random(3), 0
    for _ in range(6):
        process = python(loop, tmp_path / "run", 20000, 0)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(0.1 + wait.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        names = [p.stem for p in (tmp_path / "run" / "parts").glob("*.parquet")]
        store = Store.read(tmp_path / "run")
        assert sorted(p.name for p in store.parts()) == sorted(names) and store.problems == []
        assert len(names) >= finished
        finished = len(names)
    assert finished > 6
    Store.open(tmp_path / "run")
    assert not hidden(tmp_path / "run")


def test_temporary_files_of_the_dead_are_swept(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    Store.open(tmp_path)
    parts = tmp_path / "parts"
    dead = [parts / f".a.{HOST}.{process.pid}.tmp", tmp_path / f".spec.{HOST}.{process.pid}.tmp"]
    kept = [
        parts / f".b.{HOST}.{os.getppid()}.tmp",
        parts / f".c.else.{process.pid}.tmp",
        parts / ".mine.tmp",
    ]
    for path in dead + kept:
        path.write_text("")
    Store.read(tmp_path)
    assert all(path.exists() for path in dead)
    Store.open(tmp_path)
    assert not any(path.exists() for path in dead) and all(path.exists() for path in kept)


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="no /proc: such processes cannot be told here"
)
def test_a_dead_process_that_nobody_waited_for_is_dead() -> None:
    """Its number is still taken: what it was writing stayed beside the parts for ever."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    try:
        end = time.monotonic() + 10
        while Path(f"/proc/{dead.pid}/stat").read_text().rpartition(") ")[2][0] != "Z":
            assert time.monotonic() < end
            time.sleep(0.01)
        assert not alive(dead.pid)
        assert alive(os.getppid())
    finally:
        dead.wait()


# -- what is a run, and what is none ---------------------------------------------------------------


def test_folders_that_are_no_run_are_refused_and_not_written(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="is not empty and holds no run; give another --out"):
        Store.open(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(StoreError, match="is a file, not a folder"):
        Store.open(tmp_path / "notes.txt")
    with pytest.raises(StoreError, match=r"cannot write .*Not a directory.*give another --out"):
        Store.open(tmp_path / "notes.txt" / "run")
    with pytest.raises(StoreError, match=r"no run at .*: it has no spec.toml and no parts"):
        Store.read(tmp_path)
    with pytest.raises(StoreError, match=r"no run at .*: there is no such folder"):
        Store.read(tmp_path / "none")
    # one that has a folder called parts, and other things
    (tmp_path / "parts").mkdir()
    with pytest.raises(StoreError, match="is not empty and holds no run"):
        Store.open(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"notes.txt", "parts"}
    assert not [*(tmp_path / "parts").iterdir()]


@pytest.mark.parametrize("name", ["00000-00003.parquet", "00012-pictures.parquet"])
def test_runs_of_the_layout_before_are_refused_in_a_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "parts").mkdir()
    for file in ("spec.toml", "cells.json", "environment.json", "ledger.jsonl", f"parts/{name}"):
        (tmp_path / file).write_text("")
    for opens in (Store.open, Store.read, Results.open):
        with pytest.raises(StoreError, match=r"holds a run of genloss 0\.1, .*; give another --out") as error:
            opens(tmp_path)
        assert "\n" not in str(error.value)
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 5


def test_a_folder_left_by_a_crash_at_the_very_start_is_taken(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / f".environment.{HOST}.4194305.tmp").write_text("{")
    assert Store.open(tmp_path).parts() == [] and not hidden(tmp_path)


def test_any_path_is_taken_literally(tmp_path: Path) -> None:
    like = tmp_path / "ab? ~ it's" / "x=1" / "ü"  # what the next matches as a pattern
    odd = tmp_path / "[a]*? ~ it's" / "x=1" / "ü"
    run(small(seed=1), like, workers=0)
    made = run(small(), odd, workers=0)
    assert np.array_equal(made.array("TraceRatio"), run(small(), workers=0).array("TraceRatio"))
    assert made.size == Results.open(odd).size


# -- damage ----------------------------------------------------------------------------------------


def small(**more: Any) -> dict[str, Any]:
    agent = {"generator": "Gaussian", "regime": "Replace"}
    spec = {"real": "Gaussian", "agents": [agent], "n_real": 6, "generations": 3, "replicates": 5, "tile": 2}
    return {**spec, "metrics": ["TraceRatio"], **more}


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.total = self.before = 0
        self.made: list[tuple[int, int]] = []
        self.failed: list[str] = []
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def begin(self, total: int, done: int) -> None:
        self.total, self.before = total, done

    def finish(self, cell: Any, tile: int, failure: str | None) -> None:
        if failure is None:
            self.made.append((cell.index, tile))
        else:
            self.failed.append(failure)

    def note(self, message: str) -> None:
        self.notes.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def end(self) -> None:
        pass


def told(spec: Any, folder: Path, workers: int = 0, **more: Any) -> Told:
    """What a run is told to have done."""
    progress = Told()
    run(spec, folder, workers=workers, progress=progress, **more)
    return progress


def bits(results: Results) -> list[Any]:
    """Every number of a run, and its pictures."""
    values = [(c.label, name, x.tobytes(), done) for c, name, x, done in results.arrays()]
    shown = [[(at, rows.tobytes()) for at, rows in results.encoded(c).items()] for c in results.cells]
    return [*values, *shown]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two cells; do not change it."""
    folder = tmp_path_factory.mktemp("made") / "run"
    run(small(n_real={"vary": [6, 8]}), folder, workers=0)
    return folder


SPEC = small(n_real={"vary": [6, 8]})


def damaged(folder: Path, name: str) -> Path:
    if name in ("values", "pictures"):
        some = sorted(
            p for p in (folder / "parts").iterdir() if ("-pictures" in p.name) == (name == "pictures")
        )
        return some[0]
    return folder / name


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["values", "pictures", "cells.json", "environment.json", "ledger.jsonl", "spec.toml"]
)
def test_a_flipped_byte_anywhere_is_mended_or_without_effect(made: Path, tmp_path: Path, name: str) -> None:
    expected = bits(Results.open(made))
    folder = tmp_path / "run"
    shutil.copytree(made, folder)
    path, dice = damaged(folder, name), random.Random(name)
    whole = path.read_bytes()
    # one in each stretch of the file; that every flip is seen is tested byte by byte, without runs
    stretch = len(whole) / 12
    for at in (int(stretch * (k + dice.random())) for k in range(12)):
        flip(path, at, dice.randrange(1, 256))
        if name != "values":  # of values what is whole is read, and nothing else
            assert [x for x in bits(Results.open(folder)) if isinstance(x, tuple)] == [
                x for x in expected if isinstance(x, tuple)
            ], at
        done = told(SPEC, folder)
        assert len(done.made) == (name in ("values", "pictures")), at
        assert bool(done.warnings) == (name in ("values", "pictures"))
        opened = Results.open(folder)
        assert bits(opened) == expected and opened.notes == [], at
        if name in ("values", "pictures", "cells.json", "spec.toml"):
            assert path.read_bytes() == whole, at


@pytest.mark.parametrize("name", ["cells.json", "environment.json"])
def test_any_flipped_byte_of_what_is_sealed_is_seen(made: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copy(made / name, path)
    assert read_sealed(path) is not None
    data, dice = path.read_bytes(), random.Random(2)
    for at in range(len(data)):
        by = dice.randrange(1, 256)
        path.write_bytes(data[:at] + bytes([data[at] ^ by]) + data[at + 1 :])
        assert read_sealed(path) is None, at


def test_any_flipped_byte_of_the_ledger_is_survived(made: Path, tmp_path: Path) -> None:
    expected = Store.read(made)
    shutil.copytree(made / "parts", tmp_path / "parts")
    (tmp_path / "spec.toml").write_text("")
    text, dice = (made / "ledger.jsonl").read_bytes(), random.Random(3)
    store = Store.read(tmp_path)
    for at in range(len(text)):
        by = dice.randrange(1, 256)
        (tmp_path / "ledger.jsonl").write_bytes(text[:at] + bytes([text[at] ^ by]) + text[at + 1 :])
        assert store.failures() == {} and 0 <= store.seconds() < 1e12
    assert store.parts() == expected.parts()


def test_truncated_flipped_and_missing_parts_are_left_out_and_made_again(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(made, folder)
    some = sorted(p for p in (folder / "parts").iterdir() if "-pictures" not in p.name)
    whole = {p: p.read_bytes() for p in some}
    some[0].write_bytes(whole[some[0]][:-20])
    some[1].write_bytes(b"")
    some[2].unlink()
    flip(some[3], len(whole[some[3]]) // 2)
    opened = Results.open(folder)
    assert len(opened.notes) == 4 and "2 of 6 tiles are done" in opened.notes[0]
    assert sum("is damaged; the same genloss run mends it" in note for note in opened.notes) == 3
    assert {p: p.stat().st_size for p in some if p.exists()}[some[1]] == 0  # looking changes nothing
    done = told(SPEC, folder)
    assert done.before == 2 and len(done.made) == 4
    assert (
        all(w.endswith("is damaged; it is computed again") for w in done.warnings) and len(done.warnings) == 3
    )
    assert {p: p.read_bytes() for p in some} == whole


def test_values_outlast_their_pictures(made: Path, tmp_path: Path) -> None:
    """They were lost to readers with them; and a run took the tile for made, and never had its pictures."""
    folder = tmp_path / "run"
    shutil.copytree(made, folder)
    shown = [p for p in (folder / "parts").iterdir() if "-pictures" in p.name]
    flip(shown[0], 100)
    shown[1].unlink()
    opened = Results.open(folder)
    assert [x for x in bits(opened) if isinstance(x, tuple)] == [
        x for x in bits(Results.open(made)) if isinstance(x, tuple)
    ]
    assert sum("lacks its pictures" in note for note in opened.notes) == 2
    assert len(told(SPEC, folder).made) == 2
    assert bits(Results.open(folder)) == bits(Results.open(made)) and Results.open(folder).notes == []


@pytest.mark.parametrize("cut", [1, 2, 30, 10**6])
def test_a_torn_last_line_of_the_ledger_costs_nothing(tmp_path: Path, cut: int) -> None:
    store = Store.open(tmp_path)
    for tile in range(3):
        store.record(written(tmp_path, part(tile=tile)), 1.0)
    ledger = tmp_path / "ledger.jsonl"
    last = len(ledger.read_bytes().splitlines(keepends=True)[-1])
    with open(ledger, "r+b") as file:
        file.truncate(ledger.stat().st_size - min(cut, last))
    again = Store.open(tmp_path)
    assert len(again.parts()) == 3 and again.seconds() == 2.0
    again.record(written(tmp_path, part(tile=3)), 1.0)
    assert len(Store.open(tmp_path).parts()) == 4 and Store.read(tmp_path).seconds() == 3.0


def test_a_ledger_of_rubbish_is_survived(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.record(written(tmp_path, part()), 1.5)
    with open(tmp_path / "ledger.jsonl", "ab") as file:
        file.write(b'\n\xff\xfe\n[1]\n{}\n{"part": 3}\n\x00\x00\n{"part": "x", "seconds": "long"}\n')
        file.write(b'{"part": "y", "seconds": 1e999}\n{"part": "z", "error": "no"}\n' + b"[" * 10**5 + b"\n")
    again = Store.open(tmp_path)
    assert again.seconds() == 1.5 and again.failures() == {} and len(again.parts()) == 1


def test_failures_until_they_are_made_good(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.fail(part(cell=0), "FitError: no")
    store.fail(part(cell=1), "FitError: no")
    store.fail(part(cell=1), "FitError: still not")
    store.record(written(tmp_path, part(cell=0)), 1.0)
    expected = {part(cell=1): "FitError: still not"}
    assert store.failures() == expected and Store.read(tmp_path).failures() == expected
    part(cell=0).path(tmp_path).unlink()
    assert Store.read(tmp_path).failures() == expected  # it is missing: that is no failure of its tile
    written(tmp_path, part(cell=1))  # a crash before its line
    assert Store.read(tmp_path).failures() == {}


# -- what can be lost ------------------------------------------------------------------------------

BESIDE = ["spec.toml", "cells.json", "environment.json", "ledger.jsonl", "running", "all"]
CSV = "a,b\n" + "\n".join(f"{i},{i * i % 7}" for i in range(40))


def tabled(**more: Any) -> dict[str, Any]:
    agent = {"generator": "Copula", "name": "ours"}
    spec = {"real": {"kind": "Table", "path": "mine.csv"}, "agents": [agent], "generations": 2, "tile": 2}
    return {**spec, "n_real": {"vary": [10, 20]}, "replicates": 5, "metrics": ["SlicedWasserstein"], **more}


def remove(folder: Path, lost: str) -> None:
    for path in [*folder.iterdir()]:
        if path.name == lost or (lost == "all" and path.name != "parts"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("there", [True, False], ids=["table in place", "table elsewhere"])
@pytest.mark.parametrize("lost", BESIDE)
def test_all_but_parts_can_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str, there: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(CSV)
    # the run has grown: what a part said when it was made is not all there is
    run(tabled(replicates=3, generations=1), "run", workers=0)
    run(tabled(), "run", workers=0)
    before = Results.open("run")
    expected = bits(before)
    frame, summary = before.frame(), before.summary()
    remove(Path("run"), lost)
    if not there:
        Path("mine.csv").rename("elsewhere.csv")
    opened = Results.open("run")
    assert bits(opened) == expected
    pd.testing.assert_frame_equal(opened.frame(), frame)
    pd.testing.assert_frame_equal(opened.summary(), summary)
    if not there:
        Path("elsewhere.csv").rename("mine.csv")
    assert told(tabled(), Path("run")).made == []
    again = Results.open("run")
    assert bits(again) == expected and again.notes == [] and again.whole


def test_with_parts_alone_and_other_data_numbers_are_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(CSV)
    expected = bits(run(tabled(), "run", workers=0))
    Path("mine.csv").write_text(CSV.replace("39,", "390,"))
    Path("run/cells.json").unlink()
    opened = Results.open("run")
    assert bits(opened) == expected and "has changed since" in opened.notes[0]
    remove(Path("run"), "all")
    opened = Results.open("run")
    assert bits(opened) == expected and "its spec.toml is gone" in opened.notes[0]
    assert [c.varied for c in opened.cells] == [{"n_real": 10}, {"n_real": 20}]


def test_a_folder_of_nothing_says_so(tmp_path: Path) -> None:
    Store.open(tmp_path)
    with pytest.raises(StoreError, match="nothing says what this run is, and it has no parts"):
        Results.open(tmp_path)


# -- what is computed, and why ---------------------------------------------------------------------


LAST = "; against the study that was here last:"


def kept(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in (folder / "parts").iterdir()}


@pytest.mark.parametrize(
    ("change", "missing", "reason"),
    [
        ({}, 0, None),
        ({"title": "Another"}, 0, None),
        ({"replicates": 3}, 0, None),
        ({"generations": 2}, 0, None),
        ({"n_real": {"vary": [8, 6]}}, 0, None),
        ({"n_real": {"vary": [6, 7, 8]}}, 3, "n_real = 7 is new: 1 of 3 cells"),
        ({"replicates": 9}, 6, "9 replicates instead of 5: all cells"),
        ({"generations": 4}, 6, "4 instead of 3 along generation: all cells"),
        ({"seed": {"vary": [0, 1]}}, 6, "seed = 1 is new: 2 of 4 cells"),
        ({"tile": 3}, 4, "tile = 3 is new: all cells"),
        ({"metrics": ["TraceRatio", "MeanError"]}, 6, "metrics = [TraceRatio, MeanError] is new: all cells"),
        ({"n_real": 100}, 3, "n_real is at its default: the cell"),
        ({"real": "Moons"}, 6, "real = Moons is new: all cells"),
        ({"experiments": {"a": small()}}, 3, "a is new: the cell"),
    ],
)
def test_only_what_is_missing_is_computed(
    made: Path, tmp_path: Path, change: dict[str, Any], missing: int, reason: str | None
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(made, folder)
    before = kept(folder)
    spec = change if "experiments" in change else {**SPEC, **change}
    done = told(spec, folder)
    cells = Study.of(spec).cells
    tiles = sum(c.tiles for c in cells)
    assert (done.total, done.before, len(done.made)) == (tiles, tiles - missing, missing)
    against = LAST if reason else ""
    assert (
        done.notes[0] == f"{tiles - missing} of {tiles} tiles are here already, {missing} to compute{against}"
    )
    assert done.notes[1:] == ([reason] if reason else [])
    after = kept(folder)
    assert before.items() <= after.items()  # nothing is written twice
    # what was used again is what would have been computed
    alone = run(spec, workers=0)
    for i, cell in enumerate(cells):
        (name,) = [n for n in cell.outline.meanings if n == "TraceRatio"]
        assert np.array_equal(Results.open(folder).array(name, i), alone.array(name, i))
    assert told(spec, folder).made == [] and told(SPEC, folder).made == []


def test_reasons_are_of_what_no_cell_had(tmp_path: Path) -> None:
    """They were of the nearest cell, which was sought among all for each missing tile."""

    def grid(**more: Any) -> dict[str, Any]:
        return small(n_real={"vary": [6, 7]}, seed={"vary": [0, 1]}, **more)

    run(small(n_real=6), tmp_path, workers=0)
    run(small(n_real=7, seed=1), tmp_path, workers=0)
    assert told(grid(), tmp_path).notes == [
        "6 of 12 tiles are here already, 6 to compute" + LAST,
        "n_real = 6 is new: 1 of 4 cells",
        "seed is at its default: 1 of 4 cells",
    ]
    other = {"generator": {"kind": "KDE", "bandwidth": 0.3}, "regime": "Accumulate"}
    done = told(grid(agents=[other], metrics=["HoldoutNLL"]), tmp_path)
    assert done.notes[1:] == [
        "generator = KDE(bandwidth=0.3) is new: all cells",
        "regime is at its default: all cells",
        "metrics.0 = HoldoutNLL is new: all cells",
    ]
    # more of it at the same time is said too
    longer = grid(agents=[other], metrics=["HoldoutNLL"])
    longer |= {"generations": 9, "replicates": 11, "n_real": 30}
    assert told(longer, tmp_path).notes[1:] == [
        "n_real = 30 is new: all cells",
        f"9 instead of {grid()['generations']} along generation: all cells",
        f"11 replicates instead of {grid()['replicates']}: all cells",
    ]
    two = small(n_real={"vary": [6, 9]})
    told(two, tmp_path)
    (tmp_path / "parts" / f"{Study.of(two).cells[0].id}-00000-3x2.parquet").unlink()
    assert told(two, tmp_path).notes == [
        "5 of 6 tiles are here already, 1 to compute" + LAST,
        "not finished, or lost since: 1 of 2 cells",
    ]


MINE = """
import numpy as np
from genloss import component


@component
class Half:
    def __call__(self, pool, rng):
        return pool.subsample(max(1, pool.n // 2), rng)
"""


def test_a_comment_in_a_part_costs_the_cells_that_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    agent = {"generator": "Gaussian", "regime": {"vary": ["Replace", "mine.py:Half", "Accumulate"]}}
    spec = small(agents=[agent])
    assert len(told(spec, Path("run"), trust=True).made) == 9
    expected = bits(Results.open("run", trust=True))
    Path("mine.py").write_text(MINE + "\n# a comment\n")
    done = told(spec, Path("run"), trust=True)
    assert {cell for cell, _ in done.made} == {1} and len(done.made) == 3
    first = f"6 of 9 tiles are here already, 3 to compute{LAST}"
    assert done.notes == [first, "mine.py has changed: 1 of 3 cells"]
    assert bits(Results.open("run", trust=True)) == expected
    # the file as it was is known again
    Path("mine.py").write_text(MINE)
    assert told(spec, Path("run"), trust=True).made == []


def test_what_a_users_file_imports_counts_as_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed helper was not seen: what had been computed with the old one was used again, silently."""
    monkeypatch.chdir(tmp_path)
    Path("lib/deep").mkdir(parents=True)
    Path("lib/__init__.py").touch()
    Path("lib/deep/sizes.py").write_text("PART = 2\n")
    Path("helped.py").write_text("from lib.deep import sizes\ndef half(n): return n // sizes.PART\n")
    Path("elsewhere.py").write_text("")
    text = MINE.replace("pool.n // 2", "half(pool.n)")
    Path("mine.py").write_text("from helped import half\n" + text)
    agent = {"generator": "Gaussian", "regime": {"vary": ["Replace", "mine.py:Half"]}}
    spec = small(agents=[agent])
    for workers in (0, 1):
        out = Path(f"run-{workers}")
        Path("lib/deep/sizes.py").write_text("PART = 2\n")
        told(spec, out, workers=workers, trust=True)
        before = Results.open(out, trust=True).array("TraceRatio", 1)
        Path("elsewhere.py").write_text("# nobody imports this\n")
        assert told(spec, out, workers=workers, trust=True).made == []
        Path("lib/deep/sizes.py").write_text("PART = 3  # another\n")
        done = told(spec, out, workers=workers, trust=True)
        assert done.notes[1:] == ["lib/deep/sizes.py has changed: 1 of 2 cells"] and len(done.made) == 3
        after = Results.open(out, trust=True).array("TraceRatio", 1)
        assert not np.array_equal(before, after)
        # as a new process has it
        code = "import json, sys; from genloss import run; run(json.loads(sys.argv[1]), 'new', trust=True)"
        subprocess.run([sys.executable, "-c", code, json.dumps(spec)], check=True)
        assert np.array_equal(after, Results.open("new", trust=True).array("TraceRatio", 1))
        shutil.rmtree("new")


# -- cells of equal values -------------------------------------------------------------------------


def test_cells_of_equal_values_share_their_tiles(tmp_path: Path) -> None:
    spec = small(generations={"vary": [2, 4, 3]}, n_real={"vary": [6, 6]})
    done = told(spec, tmp_path)
    assert done.total == len(done.made) == 3 and len(kept(tmp_path)) == 4  # and the pictures of one
    results = Results.open(tmp_path)
    longest = results.array("TraceRatio", 1)
    for i, cell in enumerate(results.cells):
        array = results.array("TraceRatio", i)
        assert array.shape == (cell.task.generations, 1, 5)
        assert np.array_equal(array, longest[: len(array)])
    assert results.size == len(results.frame()) == 2 * (2 + 4 + 3) * 5
    assert told(spec, tmp_path).made == []


def test_cells_of_equal_values_may_read_different_parts(tmp_path: Path) -> None:
    """The first had every value twice: once from its own part and once from the longer one."""
    run(small(generations=2), tmp_path, workers=0)
    both = run(small(generations={"vary": [2, 4]}), tmp_path, workers=0)
    assert len(kept(tmp_path)) == 8
    assert both.size == both.table.num_rows == (2 + 4) * 5
    assert not both.frame().duplicated(["generations", "generation", "replicate"]).any()
    assert np.array_equal(both.array("TraceRatio", 0), both.array("TraceRatio", 1)[:2])
    assert sum(1 for _ in both.arrays()) == 2
    # and as many as each wants of replicates
    some = run(small(generations={"vary": [2, 4]}, replicates={"vary": [5, 8]}), tmp_path, workers=0)
    assert [some.array("TraceRatio", i).shape[2] for i in range(4)] == [5, 8, 5, 8]
    assert some.size == (2 + 4) * (5 + 8)


def test_what_cells_of_equal_values_lack_is_counted_for_all_of_them(tmp_path: Path) -> None:
    """The last cell of equal values said whether a tile is here: 1 of 1 with the longer one missing."""
    run(small(generations=2), tmp_path, workers=0)
    several = small(generations={"vary": [4, 2]})
    for spec in (several, small(generations=2)):  # which leaves what it was to do before
        study = Study.of(spec)
        Store.open(tmp_path).begin(study, study.toml(), {})
        if spec is several:
            status = status_of(tmp_path)
            assert (status.tiles, status.tiles_done, status.cells, status.cells_done) == (3, 0, 2, 1)
            assert "0 of 3 tiles are done" in Results.open(tmp_path).notes[0]
    done = told(several, tmp_path)
    assert done.notes == [
        "0 of 3 tiles are here already, 3 to compute" + LAST,
        "4 instead of 2 along generation: 1 of 2 cells",
    ]
    assert (done.total, done.before, len(done.made)) == (3, 0, 3)
    assert status_of(tmp_path).cells_done == 2


def test_first_replicates_of_a_tile_are_those_of_the_whole_tile(tmp_path: Path) -> None:
    few = run(small(), tmp_path, workers=0)
    more = run(small(replicates=6), tmp_path, workers=0)
    assert np.array_equal(few.array("TraceRatio"), more.array("TraceRatio")[..., :5])


# -- several drivers -------------------------------------------------------------------------------

SLOW = """
import os
import time
from typing import ClassVar
from genloss import component
from genloss.meaning import Meaning
from genloss.protocols import Record
from genloss.streams import Role


@component
class Slow:
    replicates: int = 40
    axes: ClassVar = ()
    tile_size: ClassVar = 1
    meanings: ClassVar = {"x": Meaning("X")}

    def labels(self, axis):
        raise KeyError(axis)

    def records(self, address):
        time.sleep(float(os.environ.get("PAUSE", "0.15")))
        yield Record((), {"x": address.rng(0, 0, Role.MEASURE).random(address.size)})
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "genloss", *arguments]


def ledger(folder: Path) -> Counter[str]:
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines() if line]
    assert not any("error" in line for line in lines)
    return Counter(line["part"] for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "1"])
def test_two_drivers_share_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("slow.py").write_text(SLOW)
    Path("slow.toml").write_text('kind = "slow.py:Slow"\n')
    line = command("run", "slow.toml", "--trust", "--workers", workers, "--out")
    both = [
        subprocess.Popen([*line, "out"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [(*p.communicate(timeout=120), p.returncode) for p in both]
    assert [code for *_, code in answers] == [0, 0], answers
    for (_, err, _), other in zip(answers, reversed(both), strict=True):
        assert (
            f"genloss: another run works in this folder (process {other.pid} on {HOST}): the work is shared"
            in err
        )
        assert "40 of 40 tiles" in err
    made = ledger(tmp_path / "out")
    assert len(made) == 40 and {*made.values()} == {1}
    assert not [*(tmp_path / "out" / "running").iterdir()]
    hurried = {**os.environ, "PAUSE": "0"}
    subprocess.run([*line, "alone"], capture_output=True, check=True, timeout=120, env=hurried)
    assert [p.read_bytes() for p in sorted(Path("out/parts").iterdir())] == [
        p.read_bytes() for p in sorted(Path("alone/parts").iterdir())
    ]


def claim_of(folder: Path, of: Part, pid: int, host: str = HOST) -> Path:
    path = folder / "running" / f"{of.name}.json"
    now = time.time()
    said = {"host": host, "pid": pid, "began": now, "at": {}, "beat": now, "of": 1}
    path.write_text(json.dumps(said))
    return path


def test_a_claim_of_the_dead_is_taken_over(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    store = Store.open(tmp_path)
    cell = Study.of(small()).cells[0]
    one, two, three = (Part(cell.id, tile, 3, 2) for tile in range(3))
    three = dataclasses.replace(three, size=1)
    claim_of(tmp_path, one, process.pid)
    elsewhere = claim_of(tmp_path, two, 1, host="elsewhere")
    os.utime(elsewhere, (1e9, 1e9))  # nobody has touched it for long
    ours = claim_of(tmp_path, three, os.getpid())  # a number that has come again
    for of in (one, two, three):
        beat = claims.take(store.folder, of.name)
        assert isinstance(beat, claims.Beat), of
        claims.leave(beat)
    claim_of(tmp_path, one, process.pid)
    assert ours.exists() is False
    done = told(small(), tmp_path)
    assert len(done.made) == 3 and not [*(tmp_path / "running").iterdir()]


def test_a_claim_of_the_living_is_left_alone(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    there = claim_of(tmp_path, part(), os.getppid())
    taken = claims.take(store.folder, part().name)
    assert isinstance(taken, claims.Claim) and taken.pid == os.getppid()
    assert Store.open(tmp_path) and there.exists()
    there.write_text("{")  # half written
    taken = claims.take(store.folder, part().name)
    assert isinstance(taken, claims.Claim)
    os.utime(there, (1e9, 1e9))
    beat = claims.take(store.folder, part().name)
    assert isinstance(beat, claims.Beat)
    assert isinstance(claims.take(store.folder, part().name), claims.Claim)  # ours, and we work on it
    claims.leave(beat)
    assert not there.exists()


# -- what a user's part prints ---------------------------------------------------------------------

LOUD = """
import sys
from genloss import component
from genloss.generators import Gaussian


@component
class Loud:
    times: int = 1

    def fit(self, train, rng, init=None):
        print("fitted", train.n)
        print("to standard error", file=sys.stderr)
        for i in range(self.times):
            print("x" * 99)
        print("the end")
        return Gaussian().fit(train, rng)
"""


@pytest.fixture
def loud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    monkeypatch.chdir(tmp_path)
    Path("loud.py").write_text(LOUD)
    agent = {"generator": {"kind": "loud.py:Loud", "times": {"vary": [1, 10_000]}}, "regime": "Replace"}
    yield small(agents=[agent], generations=1)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_part_prints_is_kept_and_bounded(
    loud: dict[str, Any], workers: int, capfd: pytest.CaptureFixture[str]
) -> None:
    results = run(loud, "run", workers=workers, trust=True)
    assert capfd.readouterr() == ("", "")
    logs = sorted(Path("run/logs").iterdir())
    assert [p.stem for p in logs] == sorted(ledger(Path("run")))
    few, many = ([p.read_text() for p in logs if p.name.startswith(cell.id)] for cell in results.cells)
    assert few == ["fitted 6\nto standard error\n" + "x" * 99 + "\nthe end\n"] * 3
    for text in many:
        assert text.startswith("fitted 6\n") and text.endswith("x\nthe end\n")
        assert " bytes left out]\n" in text and len(text) < 3 * 2**16
    assert np.array_equal(results.array("TraceRatio", 0), results.array("TraceRatio", 1))


def test_a_quiet_part_leaves_no_log(tmp_path: Path) -> None:
    run(small(), tmp_path / "run", workers=0)
    assert not (tmp_path / "run" / "logs").exists()


# -- reading ---------------------------------------------------------------------------------------


def test_tables_and_queries(made: Path) -> None:
    results = Results.open(made)
    assert results.table.column_names == ["cell", "generation", "agent", "replicate", "metric", "value"]
    assert results.table.num_rows == results.size == 2 * 3 * 5
    means = results.query(
        "SELECT cell, avg(value) AS m FROM results WHERE metric = $1 GROUP BY ALL ORDER BY cell",
        ["TraceRatio"],
    )
    for i, m in enumerate(means["m"].to_pylist()):
        assert m == pytest.approx(results.array("TraceRatio", i).mean())
    with pytest.raises(StoreError, match=r"the query failed: .*nowhere") as error:
        results.query("SELECT * FROM nowhere")
    assert "\n" not in str(error.value)
    with pytest.raises(StoreError, match="the query is empty"):
        results.query("")


def test_results_read_what_is_there_when_they_are_asked(tmp_path: Path) -> None:
    results = run(small(), tmp_path, workers=0)
    before = results.table
    assert results.table.equals(before) and results.table is not before
    shutil.rmtree(tmp_path / "parts")
    with pytest.raises(GenlossError, match="the query failed: IO Error: No files found"):
        _ = results.table


@pytest.mark.slow
def test_ten_thousand_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    spec = small(replicates=10_000, tile=1, generations=1)
    (cell,) = Study.of(spec).cells
    Store.open(tmp_path)
    for tile in range(cell.tiles):
        of = Part(cell.id, tile, 1, 1)
        columns = {"cell": [int(cell.id, 16)], "tile": [tile], "generation": [1], "agent": [0]}
        columns |= {"replicate": [tile], "metric": ["TraceRatio"], "value": [float(tile)]}
        write_part(tmp_path, of, pa.table(columns, schema=schema(AXES)), AXES, cell.about)
    done = told(spec, tmp_path)
    assert (done.total, done.before, done.made) == (10_000, 10_000, [])
    assert np.array_equal(Results.open(tmp_path).array("TraceRatio")[0, 0], np.arange(10_000.0))
