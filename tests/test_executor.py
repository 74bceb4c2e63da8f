"""The local executor: every task is delivered, every death is blamed on its own task, no process stays."""

import gc
import os
import signal
import sys
import threading
import time
import weakref
from concurrent.futures import CancelledError, as_completed

import pytest

from genloss.errors import DataError, GenlossError, SpecError
from genloss.study.executor import LocalExecutor, RemoteError, WorkerDied
from processes import alive, driver, gone

TASKS = """
import os, signal, sys, time
from genloss.errors import DataError, SpecError

def double(x): return 2 * x
def pid(): return os.getpid()
def keyword(a, *, b): return [a, b]
def nap(seconds, value=None):
    time.sleep(seconds)
    return value
def die(code=signal.SIGKILL): os.kill(os.getpid(), code)
def leave(code): os._exit(code)
def die_once(mark):
    if not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "second try"
def chatter(x):
    print("to stdout", x)
    os.write(1, b'{"result": "forged"}\\n')
    os.system("echo from a child")
    print("no newline", end="")
    return [x, sys.stdin.read()]
class Mine(DataError):
    def __init__(self, a, b): super().__init__(f"{a} and {b}")
def fail(kind):
    if kind == "data": raise DataError("table.csv: column 'x' is empty; drop it")
    if kind == "spec": raise SpecError(["n: at least 1", "seed: an integer"])
    if kind == "mine": raise Mine("one", "two")
    if kind == "exit": sys.exit("bye")
    raise ValueError("first line\\nsecond line")
def odd(kind):
    if kind == "set": return {1}
    if kind == "nested": return {"a": [1, (2, 3)]}
    if kind == "huge": return 10 ** 5000
def threads():
    import numpy, threadpoolctl
    numpy.ones((2, 2)) @ numpy.ones((2, 2))
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
def where(): return [os.getcwd(), sys.path, sys.argv]
def echo(x): return x
class Group:
    @staticmethod
    def triple(x): return 3 * x
"""


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    (tmp_path / "lane_tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("lane_tasks", None)
    import lane_tasks

    yield lane_tasks
    sys.modules.pop("lane_tasks", None)


def lanes() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "genloss lane"]


def test_a_kill_in_the_middle_loses_nothing(tasks):
    with LocalExecutor(workers=2) as executor:
        futures = [executor.submit(tasks.nap, 0.01, i) for i in range(50)]
        futures[9].result()
        os.kill(executor._lanes[0][1]._process.pid, signal.SIGKILL)
        assert [future.result() for future in futures] == list(range(50))
        assert executor.starts == 3


def test_a_poison_task_takes_the_blame_alone(tasks):
    with LocalExecutor(workers=2, retries=2) as executor:
        before = [executor.submit(tasks.nap, 0.005, i) for i in range(10)]
        poison = executor.submit(tasks.die)
        after = [executor.submit(tasks.nap, 0.005, i) for i in range(10)]
        assert [f.result() for f in before + after] == [*range(10), *range(10)]
        with pytest.raises(
            WorkerDied, match=r"lane_tasks:die lost its worker 3 times: .*SIGKILL \(out of memory\?\)"
        ):
            poison.result()
        assert executor.starts in (4, 5)  # after the third death only if the lane found more to do


def test_death_is_told_as_it_was(tasks, tmp_path):
    with LocalExecutor(workers=1, retries=0) as executor:
        with pytest.raises(WorkerDied, match=r"once: it exited with code 7$"):
            executor.submit(tasks.leave, 7).result()
        with pytest.raises(WorkerDied, match=r"once: it was killed by SIGSEGV$"):
            executor.submit(tasks.die, int(signal.SIGSEGV)).result()
    with LocalExecutor(workers=1, retries=1) as executor:
        assert executor.submit(tasks.die_once, str(tmp_path / "mark")).result() == "second try"
        assert executor.starts == 2


def test_a_worker_that_dies_idle_costs_no_try(tasks):
    with LocalExecutor(workers=1, retries=0) as executor:
        pid = executor.submit(tasks.pid).result()
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert executor.submit(tasks.double, 4).result() == 8
        assert executor.starts == 2


def test_processes_start_only_as_tasks_come(tasks):
    with LocalExecutor(workers=4) as executor:
        assert executor.starts == 0
        for i in range(5):
            assert executor.submit(tasks.double, i).result() == 2 * i
            time.sleep(0.02)  # let the lane go idle
        assert executor.starts == 1


def test_prints_do_not_reach_the_protocol(tasks, capfd):
    with LocalExecutor(workers=2) as executor:
        results = list(executor.map(tasks.chatter, range(6)))
    assert results == [[i, ""] for i in range(6)]
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("to stdout") == 6 and err.count("from a child") == 6


def test_errors_by_class_and_message(tasks):
    with LocalExecutor(workers=1) as executor:
        with pytest.raises(DataError) as data:
            executor.submit(tasks.fail, "data").result()
        assert str(data.value) == "table.csv: column 'x' is empty; drop it"
        assert type(data.value) is DataError and "in fail" in data.value.__notes__[0]
        with pytest.raises(SpecError, match=r"n: at least 1\nseed: an integer"):
            executor.submit(tasks.fail, "spec").result()
        with pytest.raises(GenlossError, match="one and two") as mine:  # nearest of our classes
            executor.submit(tasks.fail, "mine").result()
        assert type(mine.value) is DataError
        with pytest.raises(RemoteError) as other:
            executor.submit(tasks.fail, "other").result()
        assert str(other.value) == "ValueError: first line second line"
        assert other.value.type == "ValueError" and other.value.message == "first line\nsecond line"
        assert "in fail" in other.value.traceback
        with pytest.raises(RemoteError, match="SystemExit: bye"):
            executor.submit(tasks.fail, "exit").result()
        assert executor.starts == 1


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({1}, "argument 1 of lane_tasks:echo is a set"),
        ([1, {"a": (1,)}], r"argument 1 .*\[1\]\['a'\] is a tuple"),
    ],
)
def test_what_json_would_change_is_refused(tasks, value, name):
    with LocalExecutor(workers=1) as executor:
        with pytest.raises(TypeError, match=name):
            executor.submit(tasks.echo, value)
        with pytest.raises(TypeError, match="key 1"):
            executor.submit(tasks.echo, {1: 2})
        assert executor.starts == 0


def test_values_come_back_as_they_went(tasks):
    value = {"a": [None, True, 1, 2**70, -0.0, 0.1 + 0.2, "ü\n\ud800", float("inf")], "": {}}
    big = ["x" * 1000] * 5000  # far more than a pipe holds
    with LocalExecutor(workers=1) as executor:
        assert executor.submit(tasks.echo, value).result() == value
        assert executor.submit(tasks.echo, x=big).result() == big
        assert executor.submit(tasks.keyword, 1, b=2).result() == [1, 2]
        assert executor.submit(tasks.Group.triple, 2).result() == 6


def test_results_that_json_would_change_are_named(tasks):
    with LocalExecutor(workers=1) as executor:
        with pytest.raises(RemoteError, match="TypeError: the result of lane_tasks:odd is a set"):
            executor.submit(tasks.odd, "set").result()
        with pytest.raises(RemoteError, match=r"\['a'\]\[1\] is a tuple"):
            executor.submit(tasks.odd, "nested").result()
        with pytest.raises(RemoteError, match="ValueError"):  # Python prints no integer of 5,000 digits
            executor.submit(tasks.odd, "huge").result()
        assert executor.starts == 1


def test_functions_a_worker_cannot_import_are_refused(tasks, monkeypatch):
    def local():
        pass

    with LocalExecutor(workers=1) as executor:
        for fn in (local, lambda: 1, [].append):
            with pytest.raises(TypeError, match=r"cannot send .*top level of a module"):
                executor.submit(fn)
        monkeypatch.setattr(tasks.double, "__module__", "__main__")
        with pytest.raises(TypeError, match="cannot send double: it belongs to the script or notebook"):
            executor.submit(tasks.double, 1)
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(tasks.pid)
    with pytest.raises(ValueError, match=r"at least 1 \(got 0\)"):
        LocalExecutor(workers=0)


def test_one_blas_thread_and_the_drivers_paths(tasks, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.chdir(tmp_path)
    with LocalExecutor(workers=1) as executor:
        threads = executor.submit(tasks.threads).result()
        assert threads and set(threads) == {1}
        assert executor.submit(tasks.where).result() == [str(tmp_path), sys.path, [""]]
    assert os.environ["OMP_NUM_THREADS"] == "8"


def test_shutdown_leaves_no_process_thread_or_descriptor(tasks):
    with LocalExecutor(workers=1) as executor:  # what the first use opens for good is not counted
        executor.submit(tasks.pid).result()
    gc.collect()
    before = sorted(os.listdir("/proc/self/fd"))
    with LocalExecutor(workers=3) as executor:
        pids = {f.result() for f in [executor.submit(tasks.pid) for _ in range(30)]}
        executor.submit(tasks.die)
    assert gone(pids, within=0)
    assert not lanes()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_kill_stops_at_once(tasks):
    executor = LocalExecutor(workers=2)
    pids = [executor.submit(tasks.pid).result()]
    futures = [executor.submit(tasks.nap, 60) for _ in range(5)]
    while executor.starts < 2:
        time.sleep(0.01)
    start = time.monotonic()
    executor.kill()
    assert time.monotonic() - start < 3
    assert gone(pids, within=0) and not lanes()
    assert all(f.done() for f in as_completed(futures, timeout=1))  # cancelled ones are told of too
    kinds = [CancelledError if f.cancelled() else type(f.exception()) for f in futures]
    assert kinds.count(WorkerDied) == 2 and kinds.count(CancelledError) == 3
    died = [str(f.exception()) for f in futures if not f.cancelled()]
    assert set(died) == {"lane_tasks:nap was stopped by the shutdown of its executor"}


def test_an_exception_in_the_block_does_not_wait(tasks):
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), LocalExecutor(workers=1) as executor:
        executor.submit(tasks.nap, 60)
        raise KeyboardInterrupt
    assert time.monotonic() - start < 5 and not lanes()


def test_a_result_is_not_kept_by_its_lane(tasks):
    with LocalExecutor(workers=1) as executor:
        future = executor.submit(tasks.echo, [1])
        future.result()
        kept = weakref.ref(future)
        del future
        time.sleep(0.1)
        assert kept() is None


BUSY = """
    with LocalExecutor(workers=2) as executor:
        pids = [executor.submit(tasks.nap, 0.2, 0), executor.submit(tasks.nap, 0.2, 0)]
        [p.result() for p in pids]
        futures = [executor.submit(tasks.nap, 60) for _ in range(4)]
        print(*[w._process.pid for _, w in executor._lanes], flush=True)
        futures[0].result()
"""


def test_a_script_without_main_guard(tmp_path):
    body = """
        with LocalExecutor(workers=2) as executor:
            print(sum(executor.map(tasks.double, range(10))))
    """
    out, err = driver(tmp_path, TASKS, body).communicate(timeout=30)
    assert (out, err) == ("90\n", "")


def test_a_driver_that_forgets_to_shut_down_still_ends(tmp_path):
    body = "print(LocalExecutor(workers=1).submit(tasks.pid).result(), flush=True)"
    process = driver(tmp_path, TASKS, body)
    out, err = process.communicate(timeout=30)
    assert err == "" and process.returncode == 0
    assert gone([int(out)])


def test_a_killed_driver_leaves_no_worker(tmp_path):
    process = driver(tmp_path, TASKS, BUSY)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 2 and all(alive(pid) for pid in pids)
    process.kill()
    assert gone(pids, within=2)
    process.communicate()


def test_ctrl_c_leaves_no_worker_and_says_nothing_of_them(tmp_path):
    process = driver(tmp_path, TASKS, BUSY, start_new_session=True)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert gone(pids, within=0)
    assert err.count("Traceback") == 1 and err.strip().endswith("KeyboardInterrupt")


def test_ctrl_c_while_workers_start(tmp_path):
    body = """
        with LocalExecutor(workers=2) as executor:
            futures = [executor.submit(tasks.nap, 60) for _ in range(4)]
            while executor.starts < 2: pass
            print(*[w._process.pid for _, w in executor._lanes], flush=True)
            futures[0].result()
    """
    process = driver(tmp_path, TASKS, body, start_new_session=True)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert gone(pids, within=0)
    assert err.count("Traceback") == 1 and "genloss/study/worker.py" not in err


def test_ctrl_c_does_not_touch_a_worker_from_its_first_moment(tasks, capfd):
    with LocalExecutor(workers=1, retries=0) as executor:
        future = executor.submit(tasks.nap, 0.3, "done")
        while executor.starts < 1:
            pass
        while not future.done():
            os.kill(executor._lanes[0][1]._process.pid, signal.SIGINT)
            time.sleep(0.001)
        assert future.result() == "done"
    assert capfd.readouterr().err == ""


def test_the_cost_of_a_task_is_small(tasks):
    with LocalExecutor(workers=1) as executor:
        executor.submit(tasks.double, 1).result()
        best = float("inf")  # the machine may be busy: the best of a few counts
        for _ in range(5):
            start = time.perf_counter()
            for future in [executor.submit(tasks.double, i) for i in range(200)]:
                future.result()
            best = min(best, (time.perf_counter() - start) / 200)
    assert best < 0.5e-3
