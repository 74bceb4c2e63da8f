"""Local processes behind `concurrent.futures.Executor`: one lane is one thread that owns one process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from genloss import errors
from genloss.study.worker import check_plain, find

T = TypeVar("T")

# One BLAS thread a worker: other thread counts give other bits, and threads beyond the cores are in the way.
_LIBRARIES = ("OPENBLAS", "OMP", "MKL", "NUMEXPR")
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in _LIBRARIES} | {"VECLIB_MAXIMUM_THREADS": "1"}
# The driver's sys.path goes with the command, so that a worker imports from where the driver does.
_START = "import sys; sys.path[:], sys.argv = sys.argv[1:], ['']; import genloss.study.worker as w; w.main()"


class WorkerDied(RuntimeError):
    """A task whose worker ended before it answered, each time it was tried."""


class RemoteError(RuntimeError):
    """A task raised: `type` and `message` of what it raised, and the worker's `traceback` as text."""

    def __init__(self, type: str, message: str, traceback: str) -> None:
        self.type, self.message, self.traceback = type, message, traceback
        super().__init__(f"{type}: {' '.join(message.split())}" if message else type)


class _Task(NamedTuple):
    future: Future[Any]
    address: str
    line: bytes


class LocalExecutor(Executor):
    """Runs functions in processes of this machine, with a retry for a task whose process dies.

    A plain process pool is lost when one of its processes is killed (out of memory, say). Here each lane has
    a process of its own, so a death costs the task it was running one try, and no other task anything.

    Workers are fresh interpreters fed with JSON lines, not `multiprocessing` spawn, which imports the user's
    script again: that needs an ``if __name__ == "__main__"`` guard, and fails in notebooks. They start when
    tasks come, only as many as there are tasks, and end with the driver even when it is killed (one that is
    inside a call that keeps the interpreter lock ends when the call lets go).

    As a context manager it waits for its tasks, unless an exception, Ctrl-C included, leaves the block: then
    what runs is killed and what waits is cancelled.

    Args:
        workers: the most processes at a time.
        retries: how many more times a task is tried whose worker died.

    >>> with LocalExecutor(workers=2) as executor:
    ...     future = executor.submit(json.dumps, {"cell": 3})
    ...     print(future.result())
    {"cell": 3}
    """

    def __init__(self, workers: int, retries: int = 2, limit: float | None = None) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1 (got {workers})")
        self.workers, self.retries = workers, retries
        self._changed = threading.Condition()  # guards what follows
        self._tasks: deque[_Task] = deque()
        self._lanes: list[tuple[threading.Thread, _Worker]] = []
        self._idle = 0
        self._closed = False

    @property
    def starts(self) -> int:
        """How many processes were started so far."""
        return sum(worker.starts for _, worker in self._lanes)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have ``fn(*args, **kwargs)`` done by a worker.

        The future raises an error of `genloss.errors` as its class and message, `RemoteError` for any other
        exception of fn, and `WorkerDied` when no worker survived the task.

        Args:
            fn: a function of a module (a worker cannot import the script or the notebook itself).
            args: None, numbers, strings, lists, and dicts with text keys. The result too.
            kwargs: the same.

        Raises:
            TypeError: if fn cannot be imported, or an argument would not survive JSON.
        """
        address = _address(fn)
        for name, value in [*enumerate(args, start=1), *kwargs.items()]:
            check_plain(value, f"argument {name} of {address}")
        task = _Task(Future(), address, json.dumps([address, args, kwargs]).encode() + b"\n")
        with self._changed:
            if self._closed:
                raise RuntimeError("the executor is shut down: it takes no more tasks")
            self._tasks.append(task)
            if self._idle < len(self._tasks) and len(self._lanes) < self.workers:
                worker = _Worker()
                # Daemons: a driver that forgets to shut down still ends, and its workers with it.
                lane = threading.Thread(target=self._serve, args=(worker,), name="genloss lane", daemon=True)
                self._lanes.append((lane, worker))
                lane.start()
            self._changed.notify()
        return task.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks, and let the given ones finish.

        Args:
            wait: return when every process and thread has ended.
            cancel_futures: cancel what waits, and kill what runs: its futures raise `WorkerDied`.
        """
        with self._changed:
            self._closed = True
            waiting = [*self._tasks] if cancel_futures else []
            if cancel_futures:
                self._tasks.clear()
                for _, worker in self._lanes:
                    worker.kill()
            self._changed.notify_all()
        for task in waiting:
            if task.future.cancel():
                task.future.set_running_or_notify_cancel()  # else `as_completed` never hears of it
        if wait:
            for lane, _ in self._lanes:
                lane.join()

    def kill(self) -> None:
        """Stop now: no task goes on, no process stays."""
        self.shutdown(wait=True, cancel_futures=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.shutdown(wait=True, cancel_futures=kind is not None)

    def _serve(self, worker: _Worker) -> None:
        # SIGINT blocked here is blocked in the processes started here, from birth until they ignore it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while (task := self._next()) is not None:
            if task.future.set_running_or_notify_cancel():
                try:
                    _settle(task.future, self._ask(worker, task))
                except Exception as error:  # whatever it is, the caller must hear of it
                    worker.end()
                    task.future.set_exception(error)
            del task  # its result is the caller's: it must not live on while the lane waits
        worker.end()

    def _next(self) -> _Task | None:
        with self._changed:
            while not self._tasks and not self._closed:
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return self._tasks.popleft() if self._tasks else None

    def _ask(self, worker: _Worker, task: _Task) -> dict[str, Any]:
        death = ""
        for _ in range(self.retries + 1):
            reply = worker.ask(task.line)
            if reply.endswith(b"\n"):
                answer: dict[str, Any] = json.loads(reply)
                return answer
            death = worker.end()
            if worker.killed:
                raise WorkerDied(f"{task.address} was stopped by the shutdown of its executor")
        tries = "once" if self.retries == 0 else f"{self.retries + 1} times"
        raise WorkerDied(f"{task.address} lost its worker {tries}: {death}")


class _Worker:
    """A process of `genloss.study.worker`, started when it is first asked and again when it died."""

    def __init__(self) -> None:
        self.starts = 0
        self.killed = False
        self._lock = threading.Lock()  # between starting and killing
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, line: bytes) -> bytes:
        """The answer; less than a line if the process ended first."""
        if self._process is not None and self._process.poll() is not None:
            self.end()  # it died since its last answer: not this task's doing
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
            return process.stdout.readline()
        except BrokenPipeError:
            return b""

    def kill(self) -> None:
        """End the process, whatever it is doing, and start no other."""
        with self._lock:
            self.killed = True
            if self._process is not None:
                self._process.kill()

    def end(self) -> str:
        """Let the process go, and say how it ended."""
        process = self._process
        if process is None:
            return "it was not started"
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()  # a worker that lives exits on this
        try:
            code = process.wait(timeout=5)
        except subprocess.TimeoutExpired:  # it is inside a call that keeps the interpreter lock
            process.kill()
            code = process.wait()
        process.stdout.close()
        with self._lock:
            self._process = None
        if code >= 0:
            return f"it exited with code {code}"
        names = {s.value: s.name for s in signal.Signals}
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        return f"it was killed by {names.get(-code, f'signal {-code}')}{hint}"

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self.killed:
                raise WorkerDied("no worker is started: the executor is shut down")
            command = [sys.executable, "-c", _START, *sys.path]
            environment = os.environ | _ONE_THREAD
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment)
            self.starts += 1
            return self._process


def _address(fn: Callable[..., Any]) -> str:
    """Where a worker finds fn: ``module:qualname``."""
    module, qualname = getattr(fn, "__module__", None), getattr(fn, "__qualname__", None)
    address = f"{module}:{qualname}"
    remedy = "workers import what they run, so define it at the top level of a module"
    if module == "__main__":
        raise TypeError(f"cannot send {qualname}: it belongs to the script or notebook itself; {remedy}")
    try:
        if find(address) is fn:
            return address
    except (ImportError, AttributeError, ValueError):
        pass
    raise TypeError(f"cannot send {fn!r}: it is not to be found at {address}; {remedy}")


def _settle(future: Future[Any], answer: dict[str, Any]) -> None:
    if "result" in answer:
        future.set_result(answer["result"])
        return
    kind = getattr(errors, answer["ours"] or "", None)
    if kind is None:
        future.set_exception(RemoteError(answer["error"], answer["message"], answer["traceback"]))
        return
    error: errors.GenlossError = kind(answer["message"])
    error.add_note(answer["traceback"])
    future.set_exception(error)
