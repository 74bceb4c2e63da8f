"""Local processes behind `concurrent.futures.Executor`: one lane is one thread that owns one process."""

from __future__ import annotations

import json
import signal
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from genloss import errors
from genloss.study.process import Late, Lost, Process, Stopped
from genloss.study.worker import check_plain, find

T = TypeVar("T")


class WorkerDied(RuntimeError):
    """A task whose worker ended before it answered, each time it was tried."""


class TaskTimeout(WorkerDied):
    """A task whose worker was stopped because it took longer than a task may."""


class RemoteError(RuntimeError):
    """A task raised: `type` and `message` of what it raised, and the worker's `traceback` as text."""

    def __init__(self, type: str, message: str, traceback: str) -> None:
        self.type, self.message, self.traceback = type, message, traceback
        super().__init__(f"{type}: {' '.join(message.split())}" if message else type)


class _Task(NamedTuple):
    future: Future[Any]
    address: str
    order: bytes


class LocalExecutor(Executor):
    """Runs functions in processes of this machine, with a retry for a task whose process dies.

    A plain process pool is lost when one of its processes is killed (out of memory, say). Here each lane has
    a process of its own, so a death costs the task it was running one try, and no other task anything.

    Workers are fresh interpreters fed with JSON lines, not `multiprocessing` spawn, which imports the user's
    script again: that needs an ``if __name__ == "__main__"`` guard, and fails in notebooks. They start when
    tasks come, only as many as there are tasks, and end with the driver even when it is killed (one that is
    inside a call that keeps the interpreter lock ends when the call lets go). With a worker ends what its
    tasks started; between tasks that may live on.

    After a task its worker is put back to where it was: folder, umask, environment, import path, standard
    streams, signal handlers, alarms, locale and filters of warnings. What a task prints goes to the driver's
    standard error.

    As a context manager it waits for its tasks, unless an exception, Ctrl-C included, leaves the block: then
    what runs is killed and what waits is cancelled.

    Args:
        workers: the most processes at a time.
        retries: how many more times a task is tried whose worker died.
        limit: seconds that a task may take, what it imports counted and the start of its worker not; None
            for no limit. A task that takes longer is not tried again.

    Raises:
        ValueError: if there are no workers, or no time.

    >>> with LocalExecutor(workers=2) as executor:
    ...     future = executor.submit(json.dumps, {"cell": 3})
    ...     print(future.result())
    {"cell": 3}
    """

    def __init__(self, workers: int, retries: int = 2, limit: float | None = None) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1 (got {workers})")
        if limit is not None and not limit > 0:
            raise ValueError(f"limit must be more than 0 seconds, or None (got {limit})")
        self.workers, self.retries, self.limit = workers, retries, limit
        self._changed = threading.Condition()  # guards what follows
        self._tasks: deque[_Task] = deque()
        self._lanes: list[tuple[threading.Thread, Process]] = []
        self._idle = 0
        self._closed = False

    @property
    def starts(self) -> int:
        """How many processes were started so far."""
        return sum(worker.starts for _, worker in self._lanes)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have ``fn(*args, **kwargs)`` done by a worker.

        The future raises an error of `genloss.errors` as its class and message, `RemoteError` for any other
        exception of fn, `WorkerDied` when no worker survived the task, and `TaskTimeout`, which is one, when
        it took longer than a task may.

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
        task = _Task(Future(), address, json.dumps([address, args, kwargs]).encode())
        with self._changed:
            if self._closed:
                raise RuntimeError("the executor is shut down: it takes no more tasks")
            self._tasks.append(task)
            if self._idle < len(self._tasks) and len(self._lanes) < self.workers:
                worker = Process()
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

    def _serve(self, worker: Process) -> None:
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

    def _ask(self, worker: Process, task: _Task) -> dict[str, Any]:
        death = ""
        for _ in range(self.retries + 1):
            try:
                return worker.ask(task.order, self.limit)
            except Late:
                raise TaskTimeout(f"{task.address} was stopped after {self.limit:g} s, its limit") from None
            except Lost as lost:
                death = str(lost)
                if worker.killed:
                    raise WorkerDied(f"{task.address} was stopped by the shutdown of its executor") from None
            except Stopped as stopped:
                raise WorkerDied(str(stopped)) from None
        tries = "once" if self.retries == 0 else f"{self.retries + 1} times"
        raise WorkerDied(f"{task.address} lost its worker {tries}: {death}")


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
