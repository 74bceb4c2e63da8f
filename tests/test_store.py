"""The run folder: whole parts or none, damage found, crashes mended, refusals that say what to do."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genloss.errors import StoreError
from genloss.study.columns import schema
from genloss.study.store import _HOST, Store, _alive, write_part

SPEC = 'title = "ünits"\n'


def table(cell=0, tile=0, rows=100):
    data = {"cell": [cell] * rows, "tile": [tile] * rows, "agent": [0] * rows}
    data |= {"generation": list(range(rows)), "replicate": [0] * rows, "metric": ["trace"] * rows}
    return pa.table(data | {"value": [float(cell + i) for i in range(rows)]}, schema=schema("results"))


def picture(cell=0):
    data = {
        "cell": [cell] * 2,
        "agent": [0] * 2,
        "generation": [1, 1],
        "row": [0, 1],
        "values": [[0.5, 1], []],
    }
    return pa.table(data, schema=schema("pictures"))


@pytest.fixture
def store(tmp_path):
    return new(tmp_path / "run")


def new(folder, spec=SPEC, fingerprint="abc", environment=None):
    return Store.open(folder, spec, fingerprint, environment or {"numpy": "2.4"})


def fill(store, count=3):
    for i in range(count):
        store.record(write_part(store.folder, f"c{i}-t0", table(cell=i)) | {"cell": i})
    return store


def part(store, name):
    return store.folder / "parts" / f"{name}.parquet"


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 16
    path.write_bytes(data)


def hidden(store):
    return [p.name for p in store.folder.rglob(".*")]


def test_a_run_is_kept_and_found_again(store):
    fill(store)
    again = new(store.folder)
    assert list(again.finished()) == ["c0-t0", "c1-t0", "c2-t0"]
    entry = again.finished()["c1-t0"]
    assert entry["rows"] == 100 and entry["cell"] == 1 and entry["kind"] == "results"
    assert entry["bytes"] == part(store, "c1-t0").stat().st_size
    reader = Store.read(store.folder)
    assert reader.finished() == again.finished() and reader.problems == []
    assert reader.spec == SPEC and reader.fingerprint == "abc" and reader.environments == [{"numpy": "2.4"}]
    assert sorted(p.name for p in store.folder.iterdir()) == [
        "environment.json",
        "ledger.jsonl",
        "parts",
        "spec.toml",
    ]


def test_the_spec_may_grow_and_the_environment_change(store):
    again = new(store.folder, spec="replicates = 200", environment={"numpy": "2.5"})
    assert again.spec == "replicates = 200"
    assert new(store.folder).environments == [{"numpy": "2.4"}, {"numpy": "2.5"}]


def test_another_spec_is_refused(store):
    with pytest.raises(
        StoreError,
        match=r"run holds a run of another spec \(fingerprint abc against xyz\); give another --out",
    ):
        new(store.folder, fingerprint="xyz")
    assert Store.read(store.folder).fingerprint == "abc"


def test_folders_that_are_no_run_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="is not empty and holds no run"):
        new(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(StoreError, match="is a file, not a folder"):
        new(tmp_path / "notes.txt")
    with pytest.raises(StoreError, match=r"cannot write .*Not a directory.*give another --out"):
        new(tmp_path / "notes.txt" / "run")
    with pytest.raises(StoreError, match=r"no run at .*: it has no spec.toml and no environment.json"):
        Store.read(tmp_path)
    with pytest.raises(StoreError, match=r"no run at .*: there is no such folder"):
        Store.read(tmp_path / "none")
    (tmp_path / "run").mkdir()
    new(tmp_path / "run")
    (tmp_path / "run" / "environment.json").write_text("{")
    for opens in (new, Store.read):
        with pytest.raises(StoreError, match=r"environment.json is damaged"):
            opens(tmp_path / "run")


def test_a_folder_left_by_a_crash_at_the_very_start_is_taken(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / f".environment.{_HOST}.4194305.tmp").write_text("{")
    assert new(tmp_path).finished() == {}
    (tmp_path / "spec.toml").unlink()  # written last
    assert new(tmp_path).spec == SPEC


def test_truncated_flipped_and_missing_parts_are_left_out(store):
    fill(store, 6)
    whole = part(store, "c0-t0").read_bytes()
    part(store, "c0-t0").write_bytes(whole[:-20])
    part(store, "c1-t0").write_bytes(b"")
    part(store, "c2-t0").unlink()
    flip(part(store, "c3-t0"), len(whole) // 2)
    again = new(store.folder)
    assert list(again.finished()) == ["c4-t0", "c5-t0"]
    assert len(again.problems) == 4
    assert again.problems[2] == "part c2-t0 cannot be read: No such file or directory"
    assert "part c3-t0 is damaged" in again.problems[3]
    assert again.query("SELECT DISTINCT cell FROM results ORDER BY cell")["cell"].to_pylist() == [4, 5]
    assert again.results_table().num_rows == 200
    # Made again, they count again.
    fill(again, 4)
    assert len(new(store.folder).finished()) == 6 and again.results_table().num_rows == 600


def test_orphans_are_adopted_if_whole(store):
    fill(store, 1)
    for name in ("c1-t0", "c2-t0", "c3-t0", "c5-t0"):
        write_part(store.folder, name, table(cell=int(name[1])))
    write_part(store.folder, "c1-t0.pictures", picture(), kind="pictures")
    part(store, "c2-t0").write_bytes(part(store, "c2-t0").read_bytes()[:-1])
    flip(part(store, "c3-t0"), part(store, "c3-t0").stat().st_size // 4)
    pq.write_table(pa.table({"x": [1]}), part(store, "c4-t0"))
    before = (store.folder / "ledger.jsonl").read_bytes()
    looking = Store.read(store.folder)
    names = ["c0-t0", "c1-t0", "c1-t0.pictures", "c5-t0"]
    assert list(looking.finished()) == names
    assert (store.folder / "ledger.jsonl").read_bytes() == before  # looking changes nothing
    again = new(store.folder)
    assert list(again.finished()) == names
    assert [p[:35] for p in again.problems] == [
        f"part c{i}-t0 is not in the ledger and"[:35] for i in (2, 3, 4)
    ]
    assert again.problems[2].endswith("has other columns: x")
    assert list(new(store.folder).finished()) == names
    assert len((store.folder / "ledger.jsonl").read_text().splitlines()) == 4


def test_any_flipped_bit_of_an_orphans_pages_is_seen(store):
    write_part(store.folder, "c0-t0", table())
    path = part(store, "c0-t0")
    good = path.read_bytes()
    pages = range(4, pq.read_metadata(path).row_group(0).column(6).total_compressed_size)
    for at in random.Random(1).sample(list(pages), 40):
        flip(path, at)
        if Store.read(store.folder).finished():
            assert pq.read_table(path).equals(table())  # a bit of a header that says nothing of the data
        path.write_bytes(good)
    assert Store.read(store.folder).finished()


@pytest.mark.parametrize("cut", [1, 2, 30, 10**6])
def test_a_torn_last_line_costs_nothing(store, cut):
    fill(store, 3)
    ledger = store.folder / "ledger.jsonl"
    last = len(ledger.read_bytes().splitlines(keepends=True)[-1])
    with open(ledger, "r+b") as file:
        file.truncate(ledger.stat().st_size - min(cut, last))
    again = new(store.folder)
    assert len(again.finished()) == 3 and again.problems == []
    again.record(write_part(again.folder, "c3-t0", table(cell=3)) | {"cell": 3})
    third = new(store.folder)
    assert len(third.finished()) == 4 and third.finished()["c3-t0"]["cell"] == 3
    assert {entry["name"] for entry in third._ledger()} == set(third.finished())  # adopted once and for all


def test_a_ledger_of_rubbish_is_survived(store):
    fill(store, 2)
    with open(store.folder / "ledger.jsonl", "ab") as file:
        file.write(b'\xff\xfe\n[1]\n{}\n{"name": 3}\n\x00\x00\n')
    assert len(new(store.folder).finished()) == 2
    (store.folder / "ledger.jsonl").unlink()
    assert len(new(store.folder).finished()) == 2


def test_failures_until_they_are_made_good(store):
    store.fail("c0-t0", 0, 0, "FitError: no")
    store.fail("c1-t0", 1, 0, "FitError: no")
    store.fail("c1-t0", 1, 0, "FitError: still not")
    fill(store, 1)
    expected = [{"failed": 1, "tile": 0, "name": "c1-t0", "error": "FitError: still not"}]
    assert store.failures() == expected and Store.read(store.folder).failures() == expected
    part(store, "c0-t0").unlink()
    assert Store.read(store.folder).failures() == expected  # it is missing: that is no failure of its tile
    write_part(store.folder, "c1-t0", table(cell=1))  # a crash before its line
    assert Store.read(store.folder).failures() == []


def test_a_run_opened_to_read_is_not_written(store):
    with pytest.raises(StoreError, match="read only"):
        Store.read(store.folder).record({"name": "x"})


def test_tables_of_other_columns_are_refused(store):
    with pytest.raises(StoreError, match=r"part a has the columns cell, agent.*; results have cell, tile"):
        write_part(store.folder, "a", picture())
    wrong = table().set_column(6, "value", pa.array(["1"] * 100))
    with pytest.raises(StoreError, match=r"part a: column value is string; results have double"):
        write_part(store.folder, "a", wrong)
    for name in ("../a", ".a", "a/b", ""):
        with pytest.raises(StoreError, match="a part cannot be named"):
            write_part(store.folder, name, table())
    assert not list((store.folder / "parts").iterdir())


@pytest.mark.parametrize("text", [pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_text_may_come_in_other_forms(store, text):
    other = table().set_column(5, "metric", table()["metric"].cast(text))
    store.record(write_part(store.folder, "a", other))
    assert store.results_table().equals(table())


def test_tables_and_queries(store):
    assert store.results_table().schema == schema("results") and store.results_table().num_rows == 0
    assert store.pictures_table().schema == schema("pictures")
    assert store.query("SELECT count(*) AS n FROM results")["n"].to_pylist() == [0]
    for i in (2, 0, 1):  # the order in which tiles finish must not show
        store.record(write_part(store.folder, f"c{i}-t0", table(cell=i)))
    store.record(write_part(store.folder, "c0-t0.pictures", picture(), kind="pictures"))
    assert store.results_table().equals(pa.concat_tables([table(cell=i) for i in range(3)]).combine_chunks())
    assert store.results_table(["c2-t0", "c1-t0"])["cell"].unique().to_pylist() == [2, 1]
    assert store.pictures_table().equals(picture())
    means = store.query(
        "SELECT r.cell, avg(value) AS m FROM results r JOIN pictures p ON r.cell = p.cell GROUP BY ALL"
    )
    assert means.to_pylist() == [{"cell": 0, "m": 49.5}]
    with pytest.raises(StoreError, match="no finished part 'c9-t0' of results"):
        store.results_table(["c9-t0"])
    with pytest.raises(StoreError, match=r"the query failed: .*nowhere") as error:
        store.query("SELECT * FROM nowhere")
    assert "\n" not in str(error.value)
    with pytest.raises(StoreError, match="the query is empty"):
        store.query("")


def test_any_path_is_taken_literally(tmp_path):
    like = new(tmp_path / "ab? ~ it's" / "x=1" / "ü")  # what the next matches as a pattern
    like.record(write_part(like.folder, "c0-t0", table(cell=7)))
    store = fill(new(tmp_path / "[a]*? ~ it's" / "x=1" / "ü"))
    assert store.results_table(["c0-t0"]).equals(table())
    write_part(store.folder, "c9-t0", table(cell=9))  # an orphan
    assert Store.read(store.folder).results_table().num_rows == 400
    assert store.results_table().schema == schema("results")


def test_thousands_of_parts(store):
    entry = write_part(store.folder, "t0", table(rows=10))
    data = part(store, "t0").read_bytes()
    lines = []
    for i in range(2000):
        part(store, f"t{i}").write_bytes(data)
        lines.append(json.dumps(entry | {"name": f"t{i}"}))
    (store.folder / "ledger.jsonl").write_text("\n".join(lines) + "\n")
    reader = Store.read(store.folder)
    assert reader.query("SELECT count(*) AS n FROM results")["n"].to_pylist() == [20000]


def test_temporary_files_of_the_dead_are_swept(store):
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    parts = store.folder / "parts"
    dead = [parts / f".a.{_HOST}.{process.pid}.tmp", store.folder / f".spec.{_HOST}.{process.pid}.tmp"]
    kept = [
        parts / f".b.{_HOST}.{os.getppid()}.tmp",
        parts / f".c.else.{process.pid}.tmp",
        parts / ".mine.tmp",
    ]
    for path in dead + kept:
        path.write_text("")
    Store.read(store.folder)
    assert all(path.exists() for path in dead)
    new(store.folder)
    assert not any(path.exists() for path in dead) and all(path.exists() for path in kept)


def python(code, *arguments, **options):
    source = textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", source, *map(str, arguments)], stdout=subprocess.PIPE, text=True, **options
    )


WRITER = """
    import sys, numpy as np, pyarrow as pa, resource
    from genloss.errors import StoreError
    from genloss.study.columns import schema
    from genloss.study.store import Store, write_part
    folder, rows, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    store = Store.open(folder, "", "abc", {})
    rng = np.random.Generator(np.random.SFC64(1))
    data = {name: np.zeros(rows, "i4") for name in schema().names}
    data |= {"metric": ["m"] * rows, "value": rng.random(rows)}
    table = pa.table(data, schema=schema())
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    print("ready", flush=True)
"""


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path):
    code = textwrap.dedent(WRITER) + textwrap.dedent("""
        for i in range(2):
            try:
                store.record(write_part(folder, f"t{i}", table.slice(0, [10, rows][i])))
            except StoreError as error:
                print(error)
        store = Store.read(folder)
        print(*store.finished())
    """)
    out, _ = python(code, tmp_path / "run", 20000, 8192).communicate(timeout=30)
    _, problem, finished = out.splitlines()
    assert problem.startswith(
        f"cannot write {tmp_path / 'run'}: File too large; free space or give another --out"
    )
    assert problem.endswith("finished tiles are kept, the same command goes on")
    assert finished == "t0"
    assert sorted(p.name for p in (tmp_path / "run" / "parts").iterdir()) == ["t0.parquet"]


def test_a_ledger_that_cannot_grow_is_told(tmp_path):
    code = textwrap.dedent(WRITER) + textwrap.dedent("""
        try:
            for i in range(100):
                store.fail(f"t{i}", i, 0, "x" * 100)
        except StoreError as error:
            print(error)
    """)
    out, _ = python(code, tmp_path / "run", 10, 2000).communicate(timeout=30)
    assert "File too large; free space" in out
    store = new(tmp_path / "run")  # its last line is torn
    assert len(store.failures()) > 5
    fill(store, 1)
    assert list(new(tmp_path / "run").finished()) == ["c0-t0"]


def test_a_folder_that_vanished_is_told(store):
    (store.folder / "parts").rmdir()
    with pytest.raises(StoreError, match=r"cannot write .*No such file"):
        write_part(store.folder, "a", table())
    assert not hidden(store)


def test_a_part_is_on_the_disk_before_it_has_its_name(store, monkeypatch):
    calls, replace = [], os.replace
    monkeypatch.setattr(
        os, "fsync", lambda fd: calls.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
    )
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("renamed"), replace(a, b)))
    entry = write_part(store.folder, "c0-t0", table())
    assert calls == [f".c0-t0.{_HOST}.{os.getpid()}.tmp", "renamed", "parts"]
    store.record(entry)
    assert calls[3:] == ["ledger.jsonl"]


def test_a_killed_writer_leaves_no_partial_part(tmp_path):
    loop = textwrap.dedent(WRITER) + textwrap.dedent("""
        i = len(store.finished())
        while True:
            store.record(write_part(folder, f"t{i}", table))
            i += 1
    """)
    wait, finished = random.Random(3), 0
    for _ in range(6):
        process = python(loop, tmp_path / "run", 20000, 0)
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1 + wait.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        names = [p.stem for p in (tmp_path / "run" / "parts").glob("*.parquet")]
        store = Store.read(tmp_path / "run")
        assert sorted(store.finished()) == sorted(names) and store.problems == []
        assert len(names) >= finished
        finished = len(names)
    assert finished > 6
    new(tmp_path / "run")
    assert not hidden(store)


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
        assert not _alive(dead.pid)
        assert _alive(os.getppid())
    finally:
        dead.wait()
