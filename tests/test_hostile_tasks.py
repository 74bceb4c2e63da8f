"""What a task may do to its worker, its driver and the tasks after it: nothing but fail itself."""

import contextlib
import os
import signal
import sys
import threading
import time

import pytest

from genloss.errors import DataError
from genloss.study.executor import LocalExecutor, RemoteError, TaskTimeout, WorkerDied
from processes import alive, driver, gone, noted

TASKS = """
import ctypes, faulthandler, locale, logging, os, re, signal, subprocess, sys, threading, time, warnings
from pathlib import Path
from genloss.errors import DataError

def pid(): return os.getpid()
def echo(x): return x
def nap(seconds): time.sleep(seconds)

def note(path, pid):
    Path(path).write_text(f"{pid}\\n")

def fork(how, path=None, code=0):
    child = os.fork()
    if child:
        if path: note(path, child)
        if how == "die": os.kill(os.getpid(), signal.SIGKILL)
        if how == "status": return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return ["parent", child]
    if how == "die": time.sleep(60)
    if how == "raise": raise DataError("in the child")
    if how == "status": sys.exit(code)
    return ["child", os.getpid()]

def raw_fork_and_die(path):
    # past Python: no hook runs, and the child holds the pipes
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    note(path, child)
    os.kill(os.getpid(), signal.SIGKILL)

def raw_fork_and_return():
    child = ctypes.PyDLL(None).fork()
    return "child" if child == 0 else child

def start(path, then=None):
    child = subprocess.Popen(["sleep", "60"])
    note(path, child.pid)
    if then == "die": os.kill(os.getpid(), signal.SIGKILL)
    if then == "nap": time.sleep(60)

def fork_away(path):
    if os.fork() == 0:
        os.setsid()
        note(path, os.getpid())
        time.sleep(60)
    time.sleep(60)

def fork_and_nap(path):
    child = os.fork()
    if child: note(path, child)
    time.sleep(60)

def spoil(folder):
    os.chdir(folder)
    os.umask(0o077)
    os.environ["OMP_NUM_THREADS"] = "7"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGINT else lambda *_: 1 / 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    signal.alarm(1)
    locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C")
    faulthandler.disable()

def state():
    os.umask(mask := os.umask(0))
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD)
    return {
        "folder": os.getcwd(), "mask": mask,
        "handlers": [str(signal.getsignal(number)) for number in signals],
        "environ": dict(os.environ), "mapping": type(os.environ).__name__, "alarm": signal.alarm(0),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "locale": locale.setlocale(locale.LC_ALL), "faulthandler": faulthandler.is_enabled(),
        "child": subprocess.run([sys.executable, "-c", "import os; print(os.environ.get('OMP_NUM_THREADS'))"],
                                capture_output=True, text=True).stdout,
    }

def settle():
    os.environ["MINE"] = "1"
    warnings.simplefilter("ignore")
    sys.path.append("/mine")

def settled():
    return [os.environ.get("MINE"), warnings.filters[0][0], sys.path[-1]]

def spoil_streams(how):
    if how == "close": sys.stdout.close()
    if how == "detach": sys.stderr.detach()
    if how == "none": sys.stdout = sys.stderr = sys.stdin = None
    if how == "delete": del sys.stdout
    if how == "replace": sys.stdout = sys.stderr = open(os.devnull, "w")
    if how == "descriptors":
        for number in (0, 1, 2): os.close(number)
    if how == "input": sys.stdin.close()

def redirect(path):
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    os.dup2(file, 1)
    os.dup2(file, 2)
    print("into the file", end="")
    os.system("echo from a child")

def take_copies(folder):
    # what else leads to the standard streams is closed, and its numbers taken
    def led(number): return os.fstat(number)[:3]
    copies = []
    for number in range(3, 64):
        try:
            if led(number) in [led(0), led(1), led(2)]: copies.append(number)
        except OSError: pass
    for number in copies: os.close(number)
    return [os.open(f"{folder}/{n}.txt", os.O_CREAT | os.O_RDWR) for n in copies] == copies

def say(text):
    print(text)
    os.write(1, text.encode() + b"\\n")
    return sys.stdin.read()

def close_all(folder=None):
    os.closerange(3, 256)
    if folder:
        for i in range(50): os.open(f"{folder}/{i}.txt", os.O_CREAT | os.O_RDWR)
    return "never"

def close_all_once(folder, mark):
    if not os.path.exists(mark):
        open(mark, "w").close()
        close_all(folder)
    return "second try"

def pipes():
    found = []
    for number in range(3, 64):
        try:
            if not os.isatty(number) and os.fstat(number).st_mode & 0o170000 == 0o010000: found.append(number)
        except OSError: pass
    return found

def garble(data, later=False):
    def write():
        time.sleep(0.05)
        for number in pipes():
            try: os.write(number, data.encode())
            except OSError: pass
    if later: threading.Thread(target=write).start()
    else: write()
    return "answer"

def pipes_of_a_child(path):
    before = len(pipes())
    if os.fork() == 0:
        note(path, len(pipes()))
        os._exit(0)
    os.wait()
    return before

def pipes_of_a_program():
    command = [sys.executable, "-c", "import hostile_tasks; print(len(hostile_tasks.pipes()))"]
    variables = os.environ | {"PYTHONPATH": os.path.dirname(__file__)}
    return int(subprocess.run(command, stdout=subprocess.PIPE, close_fds=False, env=variables).stdout)

def close_all_and_nap():
    os.closerange(3, 256)
    time.sleep(60)

def close_requests():
    for number in pipes():
        try: os.write(number, b"")
        except OSError: os.close(number)
    return "answer"

def close_requests_and_nap(seconds):
    close_requests()
    before = time.process_time()
    time.sleep(seconds)

class Long(Exception): pass
Long.__name__ = "L" * 100_000
def fail(kind):
    if kind == "long": raise ValueError("A" * 5_000_000)
    if kind == "ours": raise DataError("B" * 5_000_000)
    if kind == "type": raise Long()
    if kind == "control": raise ValueError("red \\x1b[31m bell \\x07 \\u202e over\\rwritten")
    if kind == "exit":
        class Odd(Exception):
            def __str__(self): sys.exit(3)
        raise Odd

def by_reference(name, call):
    from genloss.extend import load
    part = load(name)
    if call: return part()

def ours():
    from genloss.study.worker import standard_streams_are_ours
    found = []
    thread = threading.Thread(target=lambda: found.append(standard_streams_are_ours()))
    thread.start()
    thread.join()
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, b"%d" % standard_streams_are_ours())
        os._exit(0)
    return [standard_streams_are_ours(), *found, bool(int(os.read(read, 1)))]

def stop(): os.kill(os.getpid(), signal.SIGSTOP)
def stubborn(path):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(path, os.getpid())
    re.match("(a*)*b", "a" * 40)  # a call that keeps the interpreter lock, for hours
def crash(): ctypes.string_at(1)
def session(): return [os.getpid(), os.getpgrp(), os.getsid(0)]
def alarm_at_the_end():
    def late(*_): raise TimeoutError("the alarm")
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
"""


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    code = tmp_path / "code"
    code.mkdir()
    (code / "hostile_tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(code)
    sys.modules.pop("hostile_tasks", None)
    import hostile_tasks

    yield hostile_tasks
    sys.modules.pop("hostile_tasks", None)


@pytest.fixture
def one():
    with LocalExecutor(workers=1, retries=0) as executor:
        yield executor


# forks


def test_a_child_that_comes_out_of_its_task_answers_nothing(tasks, one):
    children = []
    for i in range(10):
        who, child = one.submit(tasks.fork, "return").result()
        assert who == "parent"
        children.append(child)
        assert one.submit(tasks.fork, "raise").result()[0] == "parent"
        assert one.submit(tasks.echo, i).result() == i
    assert one.starts == 1
    assert gone(children)


def test_a_child_past_python_answers_nothing(tasks, one):
    child = one.submit(tasks.raw_fork_and_return).result()
    assert [one.submit(tasks.echo, i).result() for i in range(5)] == [*range(5)]
    assert one.starts == 1 and gone([child])


def test_neither_a_child_nor_a_program_holds_the_pipes(tasks, one, tmp_path):
    before = one.submit(tasks.pipes_of_a_child, str(tmp_path / "pipes")).result()
    assert noted(tmp_path / "pipes") == before - 2
    assert one.submit(tasks.pipes_of_a_program).result() == before - 2


@pytest.mark.parametrize("code", [0, 3])
def test_a_child_exits_with_the_code_it_says(tasks, one, code):
    assert one.submit(tasks.fork, "status", None, code).result() == code


@pytest.mark.parametrize("how", ["fork", "raw_fork_and_die"])
def test_a_child_that_lives_does_not_hide_the_death_of_its_worker(tasks, one, tmp_path, how):
    path = tmp_path / "pid"
    order = (tasks.fork, "die", str(path)) if how == "fork" else (tasks.raw_fork_and_die, str(path))
    with pytest.raises(WorkerDied, match=r"once: it was killed by SIGKILL"):
        one.submit(*order).result(timeout=20)
    assert gone([noted(path)], within=2)
    assert one.submit(tasks.echo, 1).result() == 1


# the reply pipe


@pytest.mark.parametrize(
    "data", ["garbage\n", "garbage", '[1, 2, {"result": 1}, true]\n', "\n", "\0" * 200_000]
)
def test_what_is_no_answer_is_a_death(tasks, one, data):
    with pytest.raises(WorkerDied, match="garble lost its worker once: something else than its answer came"):
        one.submit(tasks.garble, data).result(timeout=20)
    assert one.submit(tasks.echo, 5).result() == 5


def test_what_comes_unasked_is_not_the_next_tasks_fault(tasks, one):
    assert one.submit(tasks.garble, "garbage", later=True).result() == "answer"
    time.sleep(0.5)
    assert one.submit(tasks.echo, 5).result() == 5
    assert one.starts == 2


def test_a_forged_end_of_an_answer_is_a_death(tasks, one):
    worker = one.submit(tasks.pid).result()
    with pytest.raises(WorkerDied, match="something else than its answer"):
        one.submit(tasks.garble, f"[2, {worker}, {{").result(timeout=20)


@pytest.mark.parametrize("opens", [False, True])
def test_an_answer_never_goes_into_a_file_of_the_task(tasks, one, tmp_path, opens):
    with pytest.raises(WorkerDied, match="once: a task closed its pipes"):
        one.submit(tasks.close_all, str(tmp_path) if opens else None).result(timeout=20)
    written = [path for path in tmp_path.glob("*.txt") if path.read_bytes()]
    assert not written and len([*tmp_path.glob("*.txt")]) == 50 * opens
    assert one.submit(tasks.echo, 1).result() == 1


def test_a_task_that_closes_everything_is_not_waited_for(tasks, one):
    with pytest.raises(WorkerDied, match="once: a task closed its pipes"):
        one.submit(tasks.close_all_and_nap).result(timeout=20)


def test_a_task_that_closes_everything_is_tried_again(tasks, tmp_path):
    with LocalExecutor(workers=1, retries=1) as executor:
        future = executor.submit(tasks.close_all_once, str(tmp_path), str(tmp_path / "mark"))
        assert future.result(timeout=20) == "second try"


def test_a_worker_that_cannot_be_asked_again_is_replaced(tasks, one):
    assert one.submit(tasks.close_requests).result() == "answer"
    assert one.submit(tasks.echo, 1).result() == 1
    assert one.starts == 2


def test_a_driver_that_waits_rests_where_the_pipe_of_requests_is_closed(tasks):
    calls = []
    threading.setprofile(lambda frame, event, argument: calls.append(event))
    try:
        with LocalExecutor(workers=1, retries=0) as executor:
            executor.submit(tasks.close_requests_and_nap, 1.0).result()
    finally:
        threading.setprofile(None)
    assert len(calls) < 20_000  # a lane that does not rest calls this often in a fraction of a second


# what the next task finds


def test_a_task_finds_the_process_as_the_first_did(tasks, one, tmp_path):
    before = one.submit(tasks.state).result()
    assert one.submit(tasks.spoil, str(tmp_path)).result() is None
    assert one.submit(tasks.state).result() == before
    time.sleep(1.1)  # the alarm is past
    assert one.submit(tasks.echo, 1).result() == 1
    assert one.starts == 1


def test_what_a_file_sets_when_it_is_first_imported_holds_for_the_tasks_after(tasks, one):
    one.submit(tasks.settle).result()
    assert one.submit(tasks.settled).result() == ["1", "ignore", "/mine"]


def test_a_worker_that_cannot_go_back_is_replaced(tasks, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    with LocalExecutor(workers=1, retries=0) as executor:
        executor.submit(tasks.pid).result()
        home.rmdir()
        assert executor.submit(tasks.echo, 1).result() == 1
        assert executor.submit(tasks.echo, 2).result() == 2
        assert executor.submit(tasks.echo, 3).result() == 3
        assert executor.starts == 2  # the second starts where there is no folder to go back to


def test_an_alarm_ends_with_its_task(tasks, one):
    for i in range(20):
        one.submit(tasks.alarm_at_the_end).result()
        assert one.submit(tasks.echo, i).result() == i
    time.sleep(0.05)
    assert one.submit(tasks.echo, 1).result() == 1 and one.starts == 1


@pytest.mark.parametrize("how", ["close", "detach", "none", "delete", "replace", "descriptors", "input"])
def test_streams_are_put_back(tasks, one, capfd, how):
    one.submit(tasks.spoil_streams, how).result()
    assert one.submit(tasks.say, "heard").result() == ""
    assert one.starts == 1
    assert capfd.readouterr() == ("", "heard\nheard\n")


def test_descriptors_may_be_led_into_a_file(tasks, one, tmp_path, capfd):
    log = tmp_path / "log"
    one.submit(tasks.redirect, str(log)).result()
    one.submit(tasks.say, "heard").result()
    assert log.read_text() == "from a child\ninto the file"
    assert capfd.readouterr() == ("", "heard\nheard\n")


def test_prints_do_not_go_into_a_file_of_an_earlier_task(tasks, one, tmp_path, capfd):
    assert one.submit(tasks.take_copies, str(tmp_path)).result()
    one.submit(tasks.say, "heard").result()
    assert [path.read_text() for path in tmp_path.glob("*.txt")] == [""] * 3
    assert capfd.readouterr() == ("", "heard\nheard\n")


def test_streams_are_ours_in_the_main_flow_of_a_worker_alone(tasks, one):
    from genloss.study.worker import standard_streams_are_ours

    assert one.submit(tasks.ours).result() == [True, False, False]
    assert not standard_streams_are_ours()


def test_a_file_loaded_by_reference_may_import_from_beside_it_later(tasks, one, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "beside_it.py").write_text("value = 4\n")
    (folder / "part.py").write_text("def late():\n    import beside_it\n    return beside_it.value\n")
    name = f"{folder}/part.py:late"
    assert one.submit(tasks.by_reference, name, False).result() is None
    assert one.submit(tasks.by_reference, name, True).result() == 4


# errors


def test_errors_are_of_bounded_length(tasks, one):
    with pytest.raises(RemoteError) as long:
        one.submit(tasks.fail, "long").result()
    assert len(str(long.value)) < 2_200 and len(long.value.traceback) < 21_000
    assert str(long.value).startswith("ValueError: AAA") and "4,998,000 characters" in str(long.value)
    assert "in fail" in long.value.traceback
    with pytest.raises(DataError) as ours:
        one.submit(tasks.fail, "ours").result()
    assert len(str(ours.value)) < 2_200 and len(ours.value.__notes__[0]) < 21_000
    with pytest.raises(RemoteError) as named:
        one.submit(tasks.fail, "type").result()
    assert len(named.value.type) < 200


def test_errors_do_not_steer_a_terminal(tasks, one):
    with pytest.raises(RemoteError) as error:
        one.submit(tasks.fail, "control").result()
    assert str(error.value) == "ValueError: red �[31m bell � � over�written"
    assert all(c.isprintable() or c in "\n\t�" for c in error.value.traceback)
    with pytest.raises(RemoteError, match="its message cannot be shown"):
        one.submit(tasks.fail, "exit").result()
    assert one.starts == 1


# time


def test_a_task_that_takes_too_long_is_stopped_and_not_tried_again(tasks, tmp_path):
    with LocalExecutor(workers=1, retries=2, limit=2) as executor:
        with pytest.raises(
            TaskTimeout, match=r"^hostile_tasks:nap was stopped after 2 s, its limit$"
        ) as error:
            executor.submit(tasks.nap, 60).result(timeout=20)
        assert isinstance(error.value, WorkerDied) and executor.starts == 1
        with pytest.raises(TaskTimeout):
            executor.submit(tasks.start, str(tmp_path / "pid"), "nap").result(timeout=20)
        assert gone([noted(tmp_path / "pid")], within=2)
        worker = executor.submit(tasks.pid).result()
        os.kill(worker, signal.SIGSTOP)
        with pytest.raises(TaskTimeout):
            executor.submit(tasks.echo, "x" * 5_000_000).result(timeout=20)
        assert executor.submit(tasks.echo, 1).result() == 1


def test_the_start_of_a_worker_takes_none_of_the_limit(tasks, tmp_path, monkeypatch):
    (tmp_path / "code" / "sitecustomize.py").write_text("import time; time.sleep(2)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "code"), prepend=os.pathsep)
    with LocalExecutor(workers=1, retries=0, limit=1.5) as executor:
        assert executor.submit(tasks.echo, 1).result() == 1


def test_what_is_printed_before_a_worker_is_there_is_no_answer(tasks, tmp_path, monkeypatch, capfd):
    (tmp_path / "code" / "sitecustomize.py").write_text("print('hello', end='', flush=True)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "code"), prepend=os.pathsep)
    with LocalExecutor(workers=1, retries=0) as executor:
        assert executor.submit(tasks.echo, 1).result() == 1
    assert capfd.readouterr() == ("", "hello")


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_limit_is_some_time(limit):
    with pytest.raises(ValueError, match=r"limit must be more than 0 seconds, or None \(got "):
        LocalExecutor(workers=1, limit=limit)


# ends


@pytest.mark.parametrize("task", ["stop", "stubborn"])
def test_a_worker_that_hears_nothing_ends_all_the_same(tasks, tmp_path, task):
    executor = LocalExecutor(workers=1)
    worker = executor.submit(tasks.pid).result()
    future = executor.submit(*((tasks.stop,) if task == "stop" else (tasks.stubborn, str(tmp_path / "pid"))))
    time.sleep(0.3)
    killer = threading.Thread(target=executor.kill, daemon=True)
    killer.start()
    killer.join(timeout=5)
    assert not killer.is_alive() and gone([worker], within=0)
    with pytest.raises(WorkerDied, match="stopped by the shutdown"):
        future.result(timeout=0)


def test_a_stopped_worker_that_is_sent_much_ends_all_the_same(tasks):
    executor = LocalExecutor(workers=1)
    worker = executor.submit(tasks.pid).result()
    os.kill(worker, signal.SIGSTOP)
    future = executor.submit(tasks.echo, "x" * 5_000_000)
    time.sleep(0.3)
    killer = threading.Thread(target=executor.kill, daemon=True)
    killer.start()
    killer.join(timeout=5)
    assert not killer.is_alive() and gone([worker], within=0) and future.done()


def test_a_stopped_idle_worker_does_not_keep_a_shutdown(tasks):
    with LocalExecutor(workers=1) as executor:
        worker = executor.submit(tasks.pid).result()
        os.kill(worker, signal.SIGSTOP)
    assert gone([worker], within=0)


@pytest.mark.parametrize("then", [None, "die", "nap"])
def test_what_a_task_started_ends_with_its_worker(tasks, tmp_path, then):
    path = tmp_path / "pid"
    with LocalExecutor(workers=1, retries=0) as executor:
        future = executor.submit(tasks.start, str(path), then)
        child = noted(path)
        if then is None:
            future.result()
            assert executor.submit(tasks.echo, 1).result() == 1 and alive(child)
        elif then == "nap":
            executor.kill()
    assert gone([child], within=2)


def test_a_worker_leads_a_session_of_its_own(tasks, one):
    process, group, session = one.submit(tasks.session).result()
    assert process == group == session


def test_a_crash_says_where_it_was(tasks, one, capfd):
    with pytest.raises(WorkerDied, match="SIGSEGV"):
        one.submit(tasks.crash).result()
    said = capfd.readouterr().err
    assert "Fatal Python error: Segmentation fault" in said and "in crash" in said


DRIVER = """
    executor = LocalExecutor(workers=1)
    print(executor.submit(tasks.pid).result(), flush=True)
    executor.submit(tasks.{task}, {path!r}, *{more}).result()
    executor.submit(tasks.nap, 60).result()
"""
ONLY_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a process that its parent has ended"
)


@pytest.mark.parametrize(
    ("task", "more"),
    [
        ("start", ()),
        ("start", ("nap",)),
        ("fork_and_nap", ()),
        pytest.param("fork_away", (), marks=ONLY_LINUX),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_stays_when_the_driver_ends(tmp_path, task, more, number):
    path = tmp_path / "pid"
    body = DRIVER.format(task=task, path=str(path), more=more)
    process = driver(tmp_path, TASKS, body, start_new_session=True)
    worker = int(process.stdout.readline())
    child = noted(path)
    assert alive(worker)
    os.killpg(process.pid, number)
    assert gone([worker, child], within=2)
    process.communicate()


@ONLY_LINUX
def test_a_forked_child_ends_where_driver_and_worker_are_killed_at_once(tmp_path):
    path = tmp_path / "pid"
    process = driver(tmp_path, TASKS, DRIVER.format(task="fork_and_nap", path=str(path), more=()))
    worker = int(process.stdout.readline())
    child = noted(path)
    for pid in (process.pid, worker):
        os.kill(pid, signal.SIGSTOP)  # so that neither sees the other end
    for pid in (process.pid, worker):
        os.kill(pid, signal.SIGKILL)
    assert gone([worker, child], within=2)
    process.communicate()


def test_no_descriptor_is_left(tasks):
    def count():
        found = 0
        for number in range(256):
            with contextlib.suppress(OSError):
                os.fstat(number)
                found += 1
        return found

    with LocalExecutor(workers=1) as executor:
        executor.submit(tasks.echo, 1).result()
    before = count()
    with LocalExecutor(workers=2, retries=0, limit=3) as executor:
        futures = [executor.submit(tasks.nap, 60), executor.submit(tasks.garble, "garbage")]
        futures += [executor.submit(tasks.close_all), executor.submit(tasks.echo, 1)]
        assert [type(future.exception()) for future in futures] == [
            TaskTimeout,
            WorkerDied,
            WorkerDied,
            type(None),
        ]
    assert count() == before
