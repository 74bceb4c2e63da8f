"""What a task may change of the process it runs in, put back before the next task."""

from __future__ import annotations

import faulthandler
import locale
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any, TextIO

# One BLAS thread a worker: other thread counts give other bits, and threads beyond the cores are in the way.
_LIBRARIES = ("OPENBLAS", "OMP", "MKL", "NUMEXPR")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in _LIBRARIES} | {"VECLIB_MAXIMUM_THREADS": "1"}
"""Variables by which libraries know how many threads to use."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD)
_CLOCKS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


@dataclass(frozen=True)
class Descriptor:
    """An open file by its number, which is another file's once a task has closed this one and opened that.

    Args:
        number: of the descriptor.
        identity: device, file number and kind of what was open under it.
    """

    number: int
    identity: tuple[int, int, int]

    @classmethod
    def of(cls, number: int) -> Descriptor:
        """What is open under a number now."""
        return cls(number, _identity(number))

    def holds(self) -> bool:
        """Whether the same is open under it still."""
        try:
            return _identity(self.number) == self.identity
        except OSError:
            return False


def _identity(number: int) -> tuple[int, int, int]:
    found = os.fstat(number)
    return found.st_dev, found.st_ino, found.st_mode


def _stream() -> TextIO:
    # Line by line even under PYTHONUNBUFFERED: workers that share a terminal must not cut lines.
    return open(2, "w", buffering=1, errors="backslashreplace", closefd=False)


def use_standard_error_alone() -> None:
    """Lead a task's prints to standard error and let it read nothing; a crash says there where it was."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdin = open(0, closefd=False)
    sys.stdout = sys.stderr = _stream()
    faulthandler.enable(2)


@dataclass(frozen=True)
class Surroundings:
    """The process as it was before its first task.

    Not put back: modules and what is inside them, threads, files that were opened, limits of resources, the
    state of compiled libraries; nor what a user's file sets once, when it is imported by its first task, and
    counts on in the next: variables of the environment, folders of modules, filters of warnings.

    Args:
        folder: the working folder; None where it was gone already.
        mask: the umask.
        threads: the variables that say how many threads a library uses; None for one that is not set.
        handlers: of signals, by number.
        blocked: signals that are held back.
        language: the locale, as text of the C library.
        standard: copies of descriptors 0, 1 and 2.
        streams: standard input, output and error.
    """

    folder: str | None
    mask: int
    threads: dict[str, str | None]
    handlers: dict[signal.Signals, Any]
    blocked: set[int]
    language: str
    standard: tuple[Descriptor, ...]
    streams: tuple[TextIO, TextIO, TextIO]

    @classmethod
    def now(cls) -> Surroundings:
        """Those of this process while it has one thread: to read the umask is to set it."""
        os.umask(mask := os.umask(0o077))
        try:
            folder = os.getcwd()
        except OSError:
            folder = None
        return cls(
            folder=folder,
            mask=mask,
            threads={name: os.environ.get(name) for name in ONE_THREAD},
            handlers={number: signal.getsignal(number) for number in _SIGNALS},
            blocked={*signal.pthread_sigmask(signal.SIG_BLOCK, [])},
            language=locale.setlocale(locale.LC_ALL),
            standard=tuple(Descriptor.of(os.dup(number)) for number in range(3)),
            streams=(sys.stdin, sys.stdout, sys.stderr),
        )

    def restore(self) -> bool:
        """Put everything back; False if something cannot be, so that the process is no place for a task."""
        try:
            self._quieten()
            if not all(copy.holds() for copy in self.standard):
                return False
            self._restore_streams()
            os.umask(self.mask)
            if self.folder is not None:
                os.chdir(self.folder)
            self._restore_names()
        except Exception:  # a task can spoil whatever is used here
            return False
        return True

    def _quieten(self) -> None:
        """First of all: a handler of the task must not go off in what is not its own."""
        for clock in _CLOCKS:
            signal.setitimer(clock, 0)
        for number, handler in self.handlers.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.blocked)

    def _restore_streams(self) -> None:
        for name in ("stdout", "stderr"):  # which a task may have deleted
            _flush(vars(sys).get(name))  # to where the task has led it, before the descriptors go back
        for number, copy in enumerate(self.standard):
            os.dup2(copy.number, number)
        sys.stdin, sys.stdout, sys.stderr = self.streams
        if not _flush(sys.stdout):
            sys.stdout = sys.stderr = _stream()
        if sys.stdin.closed:
            sys.stdin = open(0, closefd=False)
        if not faulthandler.is_enabled():
            faulthandler.enable(2)

    def _restore_names(self) -> None:
        for name, value in self.threads.items():
            if os.environ.get(name) != value:
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        if locale.setlocale(locale.LC_ALL) != self.language:
            locale.setlocale(locale.LC_ALL, self.language)


def _flush(stream: Any) -> bool:
    """Whether a stream is open still; what is printed to it goes where it goes."""
    try:
        stream.flush()
    except OSError:
        return True
    except Exception:  # closed, without its file, None, or a task's own object
        return False
    return True
