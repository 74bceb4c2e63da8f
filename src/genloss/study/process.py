"""The near end of a lane: the process that does its tasks, watched while it does them."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from genloss.study.surroundings import ONE_THREAD
from genloss.study.worker import PIPE_LOST

# The driver's sys.path goes with the command, so that a worker imports from where the driver does. Answers
# have a pipe of their own: a user's sitecustomize may print before the worker can see to its standard output.
_START = (
    "import sys; (_, replies, *sys.path[:]), sys.argv = sys.argv, ['']; "
    "import genloss.study.worker as worker; worker.main(int(replies))"
)

# Seconds between looks at a process that says nothing: its death closes the pipe, unless a child holds it.
_LOOK = 0.1
# Seconds in which a process that has closed its pipe may end by itself and say how.
_GRACE = 1.0
# Seconds in which a killed process has to go.
_REAP = 5.0


class Lost(Exception):
    """A worker that gave no answer: how it ended, as the end of a sentence."""


class Late(Exception):
    """A task took longer than it may; its worker is no more."""


class Stopped(Exception):
    """The executor was shut down: no worker is started."""


class Process:
    """A process of `genloss.study.worker`, started when it is first asked and again when it died.

    It leads a session of its own: signals to the driver's group do not reach it, and what its tasks start
    is killed with it, by its group.
    """

    def __init__(self) -> None:
        self.starts = 0
        self.killed = False
        self._lock = threading.Lock()  # between starting, killing and reaping
        self._process: subprocess.Popen[bytes] | None = None
        self._replies = -1  # the descriptor of its answers
        self._numbers = itertools.count(1)

    def ask(self, order: bytes, limit: float | None) -> dict[str, Any]:
        """Have a task done, and give what came of it.

        Args:
            order: the task, as JSON.
            limit: seconds it may take, the start of a process not counted.

        Raises:
            Lost: if the process ended first, or sent something else.
            Late: if it took longer.
            Stopped: if no process may be started any more.
        """
        if self._process is not None and self._spoiled(self._process):
            self.end()  # by what happened since its last answer: not this task's doing
        if self._process is None:
            self._exchange(self._start(), 0, b"", None)
        assert self._process is not None
        number = next(self._numbers)
        outcome: dict[str, Any]
        outcome, goes_on = self._exchange(self._process, number, b"[%d, %b]\n" % (number, order), limit)
        if not goes_on:
            self.end()
        return outcome

    def kill(self) -> None:
        """End the process, whatever it is doing, and start no other."""
        with self._lock:
            self.killed = True
            if self._process is not None and self._process.returncode is None:
                _kill_group(self._process.pid)

    def end(self) -> str:
        """Let the process go with all it started, and say how it ended if that was before."""
        process = self._process
        if process is None:
            return "it was not started"
        if not self._gone(process):
            _kill_group(process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):  # it waits inside the kernel, for a disk say
                process.wait(_REAP)
        assert process.stdin is not None
        process.stdin.close()
        os.close(self._replies)
        with self._lock:
            self._process = None
        code = process.returncode
        if code is None:
            return "it cannot be killed"
        if code == PIPE_LOST:
            return "a task closed its pipes"
        if code >= 0:
            return f"it exited with code {code}"
        names = {s.value: s.name for s in signal.Signals}
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        return f"it was killed by {names.get(-code, f'signal {-code}')}{hint}"

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self.killed:
                raise Stopped("no worker is started: the executor is shut down")
            replies, theirs = os.pipe()
            try:
                process = subprocess.Popen(
                    [sys.executable, "-c", _START, str(theirs), *sys.path],
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=2,
                    pass_fds=(theirs,),
                    env=os.environ | ONE_THREAD,
                    start_new_session=True,
                )
            except BaseException:
                os.close(replies)
                raise
            finally:
                os.close(theirs)
            self._process, self._replies = process, replies
            self.starts += 1
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        return process

    def _gone(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether the process has ended; what it started then ends too."""
        with self._lock:
            if process.returncode is None and process.poll() is not None:
                # Its number is free from now on, but numbers are given in turn: nobody has it yet.
                _kill_group(process.pid)
            return process.returncode is not None

    def _spoiled(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether the process ended, or said something unasked."""
        poll = select.poll()
        poll.register(self._replies, select.POLLIN)
        return self._gone(process) or bool(poll.poll(0))

    def _exchange(
        self, process: subprocess.Popen[bytes], number: int, unsent: bytes, limit: float | None
    ) -> tuple[Any, bool]:
        """Send a request, and wait for its answer: what came of it, and whether the process can go on."""
        assert process.stdin is not None
        expected = b"[%d, %d, " % (number, process.pid)
        received, chunk, rest = bytearray(), b"", memoryview(unsent)
        until = float("inf") if limit is None else time.monotonic() + limit
        poll = select.poll()  # not select, which knows 1,024 files at most
        poll.register(self._replies, select.POLLIN)
        if rest:
            poll.register(process.stdin, select.POLLOUT)
        while b"\n" not in chunk:
            if rest:
                rest = rest[self._write(process, rest) :]
                if not rest:
                    poll.unregister(process.stdin)
            left = min(_LOOK, until - time.monotonic())
            if left <= 0:
                self.end()
                raise Late
            found = poll.poll(1000 * left)
            if not found and self._gone(process):
                found = poll.poll(0)  # what it said before it ended
                if not found:
                    raise Lost(self.end())
            if self._replies not in dict(found):
                continue
            chunk = os.read(self._replies, 2**16)
            if not chunk:
                raise self._closed(process)
            received += chunk
            if not received.startswith(expected[: len(received)]):
                raise self._forged()
        line, _, more = received.partition(b"\n")
        try:
            _, _, outcome, goes_on = json.loads(line)
        except (ValueError, TypeError, RecursionError):
            raise self._forged() from None
        return outcome, goes_on is True and not more

    def _write(self, process: subprocess.Popen[bytes], data: memoryview) -> int:
        assert process.stdin is not None
        try:
            return os.write(process.stdin.fileno(), data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise self._closed(process) from None

    def _closed(self, process: subprocess.Popen[bytes]) -> Lost:
        """A process that closed a pipe ends, as a rule; one that does not is ended."""
        until = time.monotonic() + _GRACE
        while not self._gone(process):
            if time.monotonic() > until:
                self.end()
                return Lost("a task closed its pipes")
            time.sleep(0.005)
        return Lost(self.end())

    def _forged(self) -> Lost:
        self.end()
        return Lost("something else than its answer came through the pipe of its answers")


def _kill_group(leader: int) -> None:
    # PermissionError is what macOS says of a group in which all have ended
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
