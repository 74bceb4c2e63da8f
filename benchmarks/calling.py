"""The command line in this process, under an alarm, and what is wrong with how it answers."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

SECONDS = 10.0
"""Processor time that a command on small input may take; waiting, it may take six times as much."""
LINES, CHARACTERS = 4, 500
"""What an error may take of a screen."""
_PROGRESS = re.compile(r"\d+ (of \d+ )?tiles?")


class Late(BaseException):
    """A command took too long; no handler of errors catches it."""


class Answer(NamedTuple):
    """What a command said.

    Args:
        command: its arguments.
        code: it exited with; None where it did not end in time.
        out: on standard output.
        err: on standard error.
        error: that it let through, other than its exit.
    """

    command: tuple[str, ...]
    code: int | None
    out: str
    err: str
    error: BaseException | None = None


def called(*command: str, seconds: float = SECONDS) -> Answer:
    """Run a command."""
    from genloss.cli.commands import genloss

    def late(*_: Any) -> None:
        raise Late

    # its own time tells of work without end whatever else the machine does, the clock of waiting without end
    timers = (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, 6 * seconds),
    )
    before = [signal.signal(number, late) for number, _, _ in timers]
    try:
        for _, timer, most in timers:
            signal.setitimer(timer, most)
        said = CliRunner().invoke(genloss, command)
    except Late:
        return Answer(command, None, "", "")
    finally:
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
    error = None if isinstance(said.exception, SystemExit) else said.exception
    return Answer(command, said.exit_code, said.stdout, said.stderr, error)


def faults(answer: Answer, culprits: Iterable[str] = (), notes: bool = False) -> list[str]:
    """What is wrong with an answer, a line each.

    Args:
        answer: of a command.
        culprits: words of which an error has to say one; none where any will do.
        notes: whether things to know may stand before the error, which then is the last line.
    """
    said = [line for line in answer.err.splitlines() if not _PROGRESS.match(line)]
    found = []
    if answer.code is None:
        return [f"{_command(answer)}: no end in time"]
    if answer.code not in (0, 1, 2) or answer.error is not None:
        found.append(f"exit code {answer.code}, {answer.error!r:.300}")
    if "Traceback" in answer.err + answer.out or "internal error" in answer.err:
        found.append("a traceback, or an internal error")
    found += [f"nobody says {line!r:.200}" for line in said if not line.startswith("genloss: ")]
    if answer.code == 2:
        # notes come before the progress, errors after it
        lines = answer.err.splitlines()
        last = max((i for i, line in enumerate(lines) if _PROGRESS.match(line)), default=-1)
        said = lines[-1:] if notes else lines[last + 1 :]
        text = "\n".join(said)
        if not said or len(said) > LINES or len(text) > CHARACTERS:
            found.append(f"an error of {len(said)} lines and {len(text)} characters")
        wanted = [word.lower() for word in culprits]
        if wanted and not any(word in text.lower() for word in wanted):
            found.append(f"an error that names none of {wanted!r:.200}")
    return [f"{_command(answer)}: {fault} | {' / '.join(said)!r:.700}" for fault in found]


def _command(answer: Answer) -> str:
    return f"genloss {' '.join(answer.command)}"


@contextlib.contextmanager
def elsewhere(bytes_at_most: int = 8 * 2**30) -> Iterator[Path]:
    """A folder of its own to be in, with memory that ends before the machine's does."""
    home, folder = os.getcwd(), tempfile.mkdtemp(prefix="genloss-attack-")
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = bytes_at_most if soft == resource.RLIM_INFINITY else min(soft, bytes_at_most)
    try:
        os.chdir(folder)
        with contextlib.suppress(ValueError, OSError):  # macOS knows no such limit
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
        yield Path(folder)
    finally:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        os.chdir(home)
        shutil.rmtree(folder, ignore_errors=True)
