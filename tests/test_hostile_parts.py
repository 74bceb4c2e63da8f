"""What a part of a user's may do to its process: its own cell fails in a line, nothing else is touched."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import called, left, parts, status

DEEDS = '''
import ctypes, os, resource, stat, subprocess, sys, tempfile, threading, time, atexit
from concurrent.futures import ThreadPoolExecutor
from genloss.components import component
from genloss.generators import Gaussian

DEED = open("deed").read()


def for_ever():
    while True:
        time.sleep(1)


def fork_and_return():
    if os.fork() == 0:
        time.sleep(0.1)  # it ends after its parent
def fork_and_raise():
    if os.fork() == 0:
        raise ValueError("in the child")
def leave_a_child_and_die():
    if os.fork() == 0:  # it holds the pipes of its parent
        for_ever()
    os._exit(3)
def answer_twice():
    frame = sys._getframe()
    while frame.f_code.co_name != "_serve":  # where the worker holds its pipes
        frame = frame.f_back
    os.write(frame.f_locals["replies"].number, b'[1000000, %d, null, true]\\n' % os.getpid())
def close_everything(): os.closerange(0, 4096)
def close_the_streams():
    sys.stdout.close()
    sys.stderr.close()
def leave_the_folder():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
def hang():
    os.fork()
    for_ever()
def take_long(): time.sleep(3)
def segfault(): ctypes.string_at(0)
def say_much(): raise ValueError("\\033[31mA\\n" + "A" * 5_000_000)
def print_much():
    for _ in range(50): print("x" * 999_999)
def print_elsewhere():
    code = "for _ in range(50): print('y' * 999_999)"
    subprocess.run([sys.executable, "-c", code], check=True)
def print_elsewhere_and_die():
    print_elsewhere()
    os._exit(4)
def take_all_memory():
    # of this process as it is, and a little more
    own = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (own + 2**26, before[1]))
    try:
        hoard = []
        while True: hoard.append(bytearray(2**20))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
def leave_a_thread(): threading.Thread(target=for_ever).start()
def hang_at_exit(): atexit.register(for_ever)
def leave_a_daemon():
    if os.fork() == 0:
        os.setsid()
        for_ever()


@component
class Odd:
    """A deed, and then what others do."""

    deed: str

    def fit(self, train, rng, init=None):
        globals()[self.deed]()
        return Gaussian().fit(train, rng)


class Wrapped:
    """The same as an object with fit and sample, which gives the rows that it was given."""

    def __init__(self, seed): pass
    def fit(self, rows): self.rows = rows
    def sample(self, n):
        globals()[DEED]()
        return self.rows[:n]


def threads(): return ThreadPoolExecutor(2)
'''

SPEC = """
real = "Gaussian"
n_real = 10
generations = 2
replicates = 8
tile = 8
rows = "always"
metrics = [{ kind = "TraceRatio", of = "published" }]

[[agents]]
generator = { vary = ["Gaussian", %s"KDE"] }
regime = "Replace"
"""
WRAPPED = '{ kind = "Wrapped", make = "deeds.py:Wrapped" }'
DIED = "the tile lost its worker 3 times: "

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="as Linux has it")


def odd(deed: str) -> str:
    return f'{{ kind = "deeds.py:Odd", deed = "{deed}" }}'


def write(folder: Path, *parts: str, deed: str = "") -> None:
    """A study of two harmless cells and what is between them."""
    (folder / "deeds.py").write_text(DEEDS)
    (folder / "deed").write_text(deed)
    (folder / "study.toml").write_text(SPEC % "".join(f"{part}, " for part in parts))


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The parts of a run of the other cells alone."""
    folder = tmp_path_factory.mktemp("harmless")
    write(folder)
    said = called("run", "study.toml", "--out", "out", "--workers", "0", cwd=folder)
    assert said.returncode == 0, said.stderr
    found = parts(folder / "out")
    assert len([name for name in found if "pictures" not in name]) == 2
    return found


def run(folder: Path, *arguments: str) -> Any:
    mark = str(folder)
    said = called("run", "study.toml", "--trust", "--out", "out", *arguments, mark=mark, cwd=folder)
    stray = left(mark)
    assert not stray, (stray, said.stderr)
    return said


def check(folder: Path, said: Any, failure: str, harmless: dict[str, bytes], cells: int = 1) -> None:
    """That a cell did its work, or failed as it should, and the other two did theirs."""
    found = parts(folder / "out")
    assert harmless.items() <= found.items()
    of = status(folder / "out", cwd=folder)
    mine = [line for line in said.stderr.splitlines() if line.startswith("genloss: generator=")]
    assert "Traceback" not in said.stderr and len(said.stderr.splitlines()) < 12
    assert "\x1b" not in said.stderr + said.stdout
    if failure:
        assert said.returncode == 1, said.stderr
        assert len(mine) == 1 and re.search(failure, mine[0]) and len(mine[0]) <= 500
        assert of["tiles_done"] == 2 and len(of["failed"]) == 1
        assert all(re.search(failure, f["error"]) and "generator=" in f["cell"] for f in of["failed"])
    else:
        assert said.returncode == 0, said.stderr
        assert not mine and of["tiles_done"] == 2 + cells and of["failed"] == []
    # nothing seems to be at work that is not
    assert of["running"] == [] and of["drivers"] == []
    assert not list((folder / "out" / "running").iterdir())
    assert not [name for name in found if name.startswith(".")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deed", "failure"),
    [
        ("leave_a_child_and_die", DIED + "it exited with code 3"),
        ("answer_twice", DIED + "something else than its answer"),
        ("close_everything", DIED + "a task closed its pipes"),
        ("say_much", r"generation 1: ValueError at deeds.py:\d+: \?\[31mA A+"),
        pytest.param("take_all_memory", "generation 1: out of memory; use a smaller tile", marks=linux),
    ],
)
def test_a_part_harms_its_own_cell_alone(
    tmp_path: Path, harmless: dict[str, bytes], deed: str, failure: str
) -> None:
    write(tmp_path, odd(deed))
    check(tmp_path, run(tmp_path, "--workers", "2"), failure, harmless)


@pytest.mark.slow
def test_parts_do_their_work_whatever_else_they_do(tmp_path: Path, harmless: dict[str, bytes]) -> None:
    deeds = ["fork_and_return", "fork_and_raise", "close_the_streams", "leave_the_folder", "leave_a_thread"]
    deeds += ["hang_at_exit", *(["leave_a_daemon"] if sys.platform.startswith("linux") else [])]
    write(tmp_path, *map(odd, deeds))
    check(tmp_path, run(tmp_path, "--workers", "2"), "", harmless, cells=len(deeds))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deed", "failure"),
    [
        ("segfault", DIED + "it was killed by SIGSEGV"),
        ("leave_the_folder", ""),  # in which its code is looked for in every generation
    ],
)
def test_an_object_of_a_users_harms_its_own_cell_alone(
    tmp_path: Path, harmless: dict[str, bytes], deed: str, failure: str
) -> None:
    write(tmp_path, WRAPPED, deed=deed)
    check(tmp_path, run(tmp_path, "--workers", "2"), failure, harmless)


@pytest.mark.slow
def test_a_part_that_hangs_is_ended_with_all_that_it_forked(
    tmp_path: Path, harmless: dict[str, bytes]
) -> None:
    write(tmp_path, odd("hang"))
    said = run(tmp_path, "--workers", "2", "--tile-limit", "8")  # the others must not reach it
    check(tmp_path, said, "the tile was stopped after 8 s, its limit", harmless)


@pytest.mark.slow
def test_without_workers_a_tile_ends_at_its_next_record(tmp_path: Path) -> None:
    write(tmp_path, odd("take_long"))
    said = run(tmp_path, "--workers", "0", "--tile-limit", "2.5", "--set", "generations=1")
    assert said.returncode == 1
    assert "generation 1: stopped after 2.5 s, the limit of a tile\n" in said.stderr
    found = status(tmp_path / "out", cwd=tmp_path)
    assert found["tiles_done"] == 2 and len(found["failed"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deed", "failure"),
    [
        ("print_much", ""),
        ("print_elsewhere", ""),
        ("print_elsewhere_and_die", DIED + "it exited with code 4"),
    ],
)
def test_of_what_a_part_prints_a_bounded_part_is_kept(
    tmp_path: Path, harmless: dict[str, bytes], deed: str, failure: str
) -> None:
    write(tmp_path, odd(deed))
    said = run(tmp_path, "--workers", "2")
    check(tmp_path, said, failure, harmless)
    assert "genloss: parts of yours printed something: genloss logs out\n" in said.stderr
    _, *tiles = called("logs", "out", cwd=tmp_path).stdout.split("== ")
    assert len(tiles) == 1
    for tile in tiles:
        assert 100_000 < len(tile) <= 200_000 and "bytes left out]" in tile
        assert tile.startswith("generator=deeds.py:Odd(")
    assert all(path.stat().st_size <= 200_000 for path in (tmp_path / "out" / "logs").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "more"),
    [
        (("--on", "deeds.py:threads"), ()),
        (("--workers", "0"), ("fork_and_return", "fork_and_raise")),
    ],
)
def test_in_one_process_parts_do_not_touch_each_other_either(
    tmp_path: Path, harmless: dict[str, bytes], where: tuple[str, str], more: tuple[str, ...]
) -> None:
    deeds = (*more, "leave_the_folder", "close_the_streams", "say_much", "print_much")
    write(tmp_path, *map(odd, deeds))
    said = run(tmp_path, *where)
    assert said.returncode == 1 and "Traceback" not in said.stderr
    failed = [line for line in said.stderr.splitlines() if line.startswith("genloss: generator=")]
    assert len(failed) == 1 and "deed=say_much" in failed[0] and len(failed[0]) <= 500
    assert harmless.items() <= parts(tmp_path / "out").items()
    of = status(tmp_path / "out", cwd=tmp_path)
    assert of["tiles_done"] == 5 + len(more) and len(of["failed"]) == 1 and of["running"] == []
    said = called("logs", "out", "--cell", str(4 + len(more)), cwd=tmp_path)
    assert "deed=print_much" in said.stdout and 100_000 < len(said.stdout) <= 200_000
