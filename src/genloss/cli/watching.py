"""What is seen while a part is checked: which check goes on, how long it may, and what the part printed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, Any, TextIO

from genloss.conformance.core import During, OutOfTime
from genloss.errors import bounded

SLOW = 1.5
"""Seconds after which a check is named in a pipe."""

QUICK = 20.0
"""Seconds that all checks together may take where someone is in a hurry."""

LOG = Path("genloss-runs") / "check.log"
"""Where all that a part printed is kept."""

_LINES, _CHARACTERS = 20, 100
"""What is shown of what a part printed: its last lines, and of each so much."""
_KEPT = 2**20
"""Bytes that are kept of it, the last ones."""


@contextmanager
def watched(quiet: bool) -> Iterator[During]:
    """What each check is made in: a terminal shows its name while it goes on, a pipe that of a slow one.

    What it says goes where standard error goes now, also while that is kept by :func:`overheard`.
    """
    if quiet:
        yield _unseen
        return
    with own(sys.stderr) as stream:
        yield (_on_terminal if stream.isatty() else _in_pipe)(stream)


@contextmanager
def _unseen(name: str) -> Iterator[None]:
    yield


def _on_terminal(stream: TextIO) -> During:
    from rich.console import Console
    from rich.markup import escape

    console = Console(file=stream)
    # it is gone when the finding is printed, perhaps to the same terminal
    return lambda name: console.status(f"checking {escape(name)}")


def _in_pipe(stream: TextIO) -> During:
    @contextmanager
    def during(name: str) -> Iterator[None]:
        timer = Timer(SLOW, print, [f"genloss: checking {name}"], {"file": stream, "flush": True})
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # or it might speak after the check that it names

    return during


@dataclass
class Budget:
    """Seconds for all checks together: what it cuts short, or does not reach, is said to be.

    Args:
        seconds: from the first check on.
        during: what else each check is made in.
        ends: when they are over; None before the first check.
        missed: checks that it has cut short, or that were not reached.
    """

    seconds: float
    during: During
    ends: float | None = None
    missed: int = 0

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """A check's context.

        Raises:
            OutOfTime: when the time is over, before the check or in it.
        """
        self.ends = time.monotonic() + self.seconds if self.ends is None else self.ends
        left = self.ends - time.monotonic()
        if left <= 0:
            self.missed += 1
            raise OutOfTime(f"not run: the {self.seconds:g} seconds of --quick are over")

        def late(number: int, frame: Any) -> None:
            raise OutOfTime(f"not finished in the {self.seconds:g} seconds of --quick")

        before = signal.signal(signal.SIGALRM, late)
        try:
            with self.during(name):
                # again and again, should the part take the first for an error of its own
                signal.setitimer(signal.ITIMER_REAL, left, 5.0)
                try:
                    yield
                except OutOfTime:
                    self.missed += 1
                    raise
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            signal.signal(signal.SIGALRM, before)


@contextmanager
def own(stream: TextIO) -> Iterator[TextIO]:
    """A standard stream as it is now, by a descriptor of its own where it has one."""
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, ValueError):  # a stream in memory
        yield stream
        return
    with os.fdopen(descriptor, "w", encoding=stream.encoding, errors="backslashreplace") as copy:
        yield copy


@contextmanager
def overheard() -> Iterator[Callable[[], list[str]]]:
    """Keep what is printed meanwhile, by Python or by what lies below it; gives its last lines, bounded.

    All of it is then in a log, if it is more than these lines.
    """
    with TemporaryFile("w+", buffering=1, encoding="utf-8", errors="backslashreplace") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        kept = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
        try:
            for descriptor, _ in kept:
                os.dup2(file.fileno(), descriptor)
            with redirect_stdout(file), redirect_stderr(file):
                yield lambda: _last_lines(file)
        finally:
            for descriptor, before in kept:
                os.dup2(before, descriptor)
                os.close(before)


def _last_lines(file: IO[str]) -> list[str]:
    file.flush()
    size = os.fstat(file.fileno()).st_size
    start = max(size - _KEPT, 0)
    data = os.pread(file.fileno(), size - start, start)
    lines = data[-_LINES * 1000 :].decode("utf-8", "replace").splitlines()
    said = [bounded(line, _CHARACTERS) for line in lines if line.strip()]
    if len(data) <= _LINES * 1000 and len(said) <= _LINES:
        return said
    try:
        LOG.parent.mkdir(exist_ok=True)
        LOG.write_bytes(data)
    except OSError:  # what was printed is not worth a check
        return ["...", *said[-_LINES:]]
    return [f"... {LOG} has {'all of it' if start == 0 else 'the end of it'}", *said[-_LINES:]]
