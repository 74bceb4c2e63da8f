"""One study on every kind of executor: the same bits, whatever dies on the way."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import tempfile
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from commands import called, parts, status, wait_until
from genloss import run
from genloss.errors import GenlossError, SpecError, StoreError

distributed = pytest.importorskip("distributed")

MINE = '''
import multiprocessing, os, signal, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
import numpy as np
from genloss.components import component
from genloss.generators import Gaussian


@component
class Threads:
    """The most threads that a library may use while a tile is made."""

    of = "published"

    def __call__(self, seen):
        import threadpoolctl

        np.ones((2, 2)) @ np.ones((2, 2))
        most = max(library["num_threads"] for library in threadpoolctl.threadpool_info())
        return np.full(seen.replicates, float(most))


@component
class Slow:
    """Takes its time, and notes in which process."""

    def fit(self, train, rng, init=None):
        Path("at-work").mkdir(exist_ok=True)
        Path("at-work", str(os.getpid())).touch()
        time.sleep(0.1)
        return Gaussian().fit(train, rng)


@component
class Breaks:
    """Ends its process, while a file says so."""

    def fit(self, train, rng, init=None):
        if Path("break").exists() and train.n == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return Gaussian().fit(train, rng)


def threads(): return ThreadPoolExecutor(2)
def processes(): return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
def raises(): raise ValueError("no\\nnodes are free")
def leaves(): raise SystemExit(3)
def nothing(): return 3
'''

SPEC = """
real = "Gaussian"
n_real = { vary = [10, 20] }
generations = 2
replicates = 24
tile = 8
rows = "always"
metrics = [{ kind = "TraceRatio", of = "published" }, "mine.py:Threads"]

[[agents]]
generator = "Gaussian"
regime = { vary = ["Replace", "Accumulate"] }
"""
TILES = 12


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two processes of Dask, of one thread each."""
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",  # another cluster may have the usual port
        scheduler_kwargs={"dashboard": False},
        silence_logs="CRITICAL",
    )
    with cluster:
        yield cluster


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    Path("study.toml").write_text(SPEC)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The parts, as this process makes them."""
    folder = tmp_path_factory.mktemp("expected")
    (folder / "mine.py").write_text(MINE)
    (folder / "study.toml").write_text(SPEC)
    before = os.getcwd()
    os.chdir(folder)
    try:
        run("study.toml", "out", workers=0, trust=True)
    finally:
        os.chdir(before)
    found = parts(folder / "out")
    assert len([name for name in found if "pictures" not in name]) == TILES
    return found


def slow(generator: str = "mine.py:Slow") -> None:
    text = SPEC.replace('generator = "Gaussian"', f'generator = "{generator}"')
    Path("study.toml").write_text(text)


def refused(*arguments: str) -> str:
    """What one line says of a run that cannot be."""
    said = called("run", "study.toml", "--trust", "--out", "out", *arguments)
    lines = [line for line in said.stderr.splitlines() if line.startswith("genloss: ")]
    assert said.returncode == 2 and "Traceback" not in said.stderr, said.stderr
    assert len(lines) == 1 and len(lines[0]) <= 500
    return lines[0]


class Watched(Executor):
    """Another executor, of which it is known what is in flight."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self.flying = self.most = 0
        self.futures: list[weakref.ref[Future[Any]]] = []
        self.held = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        with self._lock:
            self.flying += 1
            self.most = max(self.most, self.flying)
            self.held = max(self.held, sum(ref() is not None for ref in self.futures))
        future = self._pool.submit(fn, *args, **kwargs)
        self.futures.append(weakref.ref(future))
        future.add_done_callback(self._landed)
        return future

    def _landed(self, future: Future[Any]) -> None:
        with self._lock:
            self.flying -= 1


# -- the same bits ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_local_workers_give_the_same_bits(expected: dict[str, bytes]) -> None:
    results = run("study.toml", "out", workers=2, trust=True)
    assert parts("out") == expected
    assert (results.array("Threads", n_real=10, regime="Replace") == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "processes", "dask"])
def test_any_executor_gives_the_same_bits(
    expected: dict[str, bytes], kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "threads":
        pool: Any = ThreadPoolExecutor(2)
    elif kind == "processes":
        pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    else:
        client = distributed.Client(request.getfixturevalue("cluster"), set_as_default=False)
        request.addfinalizer(client.close)
        pool = client.get_executor(pure=False)
    watched = Watched(pool)
    with threadpool_limits(2):
        before, variables = [library["num_threads"] for library in threadpool_info()], dict(os.environ)
        with pool:
            results = run("study.toml", "out", executor=watched, workers=1, trust=True)
        assert [library["num_threads"] for library in threadpool_info()] == before
        assert dict(os.environ) == variables
    assert parts("out") == expected
    assert all((results.array("Threads", n_real=n, regime="Replace") == 1).all() for n in (10, 20))
    assert len(watched.futures) == TILES and watched.most <= 4 and watched.held <= 6
    assert not any(ref() for ref in watched.futures)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "processes", "dask"])
def test_the_command_takes_any_executor(
    expected: dict[str, bytes], kind: str, request: pytest.FixtureRequest
) -> None:
    on = f"mine.py:{kind}"
    if kind == "dask":
        on = request.getfixturevalue("cluster").scheduler_address.replace("tcp://", "dask://")
    said = called("run", "study.toml", "--trust", "--out", "out", "--on", on)
    assert said.returncode == 0 and "Traceback" not in said.stderr, said.stderr
    assert "12 of 12 tiles" in said.stderr
    assert parts("out") == expected


# -- what dies on the way --------------------------------------------------------------------------


@pytest.mark.slow
def test_a_worker_of_dask_that_is_killed_costs_nothing(cluster: Any) -> None:
    slow()
    with distributed.Client(cluster, set_as_default=False) as client:
        pids: list[int] = []

        def kill() -> None:
            wait_until(lambda: [*Path().glob("at-work/*")])
            pids.append(int(next(Path("at-work").iterdir()).name))
            os.kill(pids[0], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        run("study.toml", "out", executor=client.get_executor(pure=False, retries=2), workers=2, trust=True)
        killer.join()
    assert pids and pids[0] != os.getpid()
    found = status("out")
    assert found["tiles_done"] == TILES and found["failed"] == [] and found["running"] == []
    ledger = Path("out/ledger.jsonl").read_text()
    made = {name.removesuffix(".parquet") for name in parts("out") if "pictures" not in name}
    assert made == set(re.findall(r'"part": "([^"]+)", "seconds"', ledger)) and len(made) == TILES
    run("study.toml", "again", workers=2, trust=True)
    assert parts("again") == parts("out")


def breaking() -> None:
    """A study of four tiles, three of which end their process while a file says so."""
    text = SPEC.replace('generator = "Gaussian"', 'generator = "mine.py:Breaks"').replace("24", "8")
    Path("study.toml").write_text(text)
    Path("break").touch()


@pytest.mark.slow
def test_what_breaks_a_pool_fails_alone_and_all_others_go_on() -> None:
    """It stopped the run, and every further one: the tiles that did no harm were never made."""
    breaking()
    said = called("run", "study.toml", "--trust", "--out", "out", "--on", "mine.py:processes")
    assert said.returncode == 1, said.stderr
    found = status("out")
    assert found["tiles_done"] == 1 and {f["error"] for f in found["failed"]} == {
        "WorkerDied: the tile lost its worker 3 times"
    }
    assert len(found["failed"]) == 3 and found["running"] == []
    kept = parts("out")
    Path("break").unlink()
    said = called("run", "study.toml", "--trust", "--out", "out", "--on", "mine.py:processes")
    assert said.returncode == 0, said.stderr
    run("study.toml", "again", workers=0, trust=True)
    assert parts("again") == parts("out") and kept.items() <= parts("out").items()


@pytest.mark.slow
def test_a_pool_of_the_callers_that_breaks_is_told() -> None:
    breaking()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        with pytest.raises(
            StoreError, match=r"the executor broke \(BrokenProcessPool: .* tries the rest again"
        ):
            run("study.toml", "out", executor=pool, trust=True)
    Path("break").unlink()
    run("study.toml", "out", workers=2, trust=True)
    run("study.toml", "again", workers=0, trust=True)
    assert parts("again") == parts("out")


class Odd(ThreadPoolExecutor):
    """Gives what became of a tile, but not as it was asked for."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        return super().submit(str, "nonsense") if self._max_workers == 1 else fn(*args, **kwargs)


def test_answers_that_are_none_fail_their_tile_and_what_is_no_future_is_named() -> None:
    Path("study.toml").write_text(SPEC.replace("24", "8"))
    with Odd(1) as pool, pytest.raises(GenlossError, match="the executor gave 'nonsense' for what became of"):
        run("study.toml", "out", executor=pool, trust=True)
    with Odd(2) as pool, pytest.raises(StoreError, match="the executor, a Odd, gives no Future when work is"):
        run("study.toml", "out", executor=pool, trust=True)


def test_a_pool_that_is_shut_down_is_told() -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    for executor in (pool, lambda: pool):
        with pytest.raises(StoreError, match="cannot schedule new futures after shutdown"):
            run("study.toml", "out", executor=executor, trust=True)


@pytest.mark.parametrize("limit", [0, -1.0, float("nan")])
def test_limits_that_are_none(limit: float) -> None:
    with pytest.raises(SpecError, match="tile_limit: seconds, more than 0"):
        run("study.toml", "out", tile_limit=limit, trust=True)


class Elsewhere(ThreadPoolExecutor):
    """Workers that have another disk."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        *order, folder, here = args
        for name in ("parts", "running"):
            Path(folder + "-there", name).mkdir(parents=True, exist_ok=True)
        return super().submit(fn, *order, folder + "-there", here)


def test_parts_that_a_worker_has_written_elsewhere_are_missed() -> None:
    with Elsewhere(2) as pool, pytest.warns(UserWarning, match="on a disk that the workers share"):
        text = SPEC.replace("n_real = { vary = [10, 20] }", "n_real = 10").replace("24", "8")
        Path("study.toml").write_text(text)
        run("study.toml", "here", workers=0, replicates=8, trust=True)
        next(Path("here/parts").glob("*x8.parquet")).unlink()
        results = run("study.toml", "here", executor=pool, workers=2, trust=True)
    assert len(results.failures) == 1 and len(results.cells) == 2


class Strays(ThreadPoolExecutor):
    """A worker that stands in a folder which is gone."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        def stray() -> Any:
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
            return fn(*args, **kwargs)

        return super().submit(stray)


def test_a_worker_whose_folder_is_gone_finds_what_the_spec_refers_to(tmp_path: Path) -> None:
    with Strays(1) as pool:
        results = run("study.toml", tmp_path / "out", replicates=8, executor=pool, workers=1, trust=True)
    os.chdir(tmp_path)
    assert not results.failures


# -- executors that are none -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("on", "said"),
    [
        ("mine.py:raises", "--on mine.py:raises: raised ValueError: no nodes are free"),
        ("mine.py:leaves", "--on mine.py:leaves: raised SystemExit: 3"),
        ("mine.py:nothing", "gave a int; it should give a concurrent.futures.Executor"),
        ("mine.py:pol", "mine.py has no 'pol'"),
        ("dask://here", "write dask://HOST:PORT, as in dask://127.0.0.1:8786"),
        ("dask://127.0.0.1:9", "no scheduler answers: Timed out"),
    ],
)
def test_executors_that_are_none_are_told_in_a_line(on: str, said: str) -> None:
    assert said in refused("--on", on)
    assert not Path("out").exists()
