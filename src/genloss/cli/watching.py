"""What is seen while a part is checked: which check goes on; and what the part itself printed meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from tempfile import TemporaryFile
from threading import Timer
from typing import TextIO

from genloss.errors import bounded

SLOW = 1.5
"""Seconds after which a check is named in a pipe."""

_LINES, _CHARACTERS = 20, 100
"""What is shown of what a part printed: its last lines, and of each so much."""


@contextmanager
def watched(quiet: bool) -> Iterator[Callable[[str], None]]:
    """What is to be told of each check as it begins: it stands on a terminal, and in a pipe if it is slow.

    What it says goes where standard error goes now, also while that is kept by :func:`overheard`.
    """
    if quiet:
        yield lambda name: None
        return
    with _standard_error() as stream:
        if stream.isatty():
            from rich.console import Console
            from rich.markup import escape

            with Console(file=stream).status("checking") as status:
                yield lambda name: status.update(f"checking {escape(name)}")
            return
        waiting: list[Timer] = []

        def began(name: str) -> None:
            ended()
            waiting.append(Timer(SLOW, print, [f"genloss: checking {name}"], {"file": stream, "flush": True}))
            waiting[-1].start()

        def ended() -> None:
            for timer in waiting:
                timer.cancel()
                timer.join()  # or it might speak after the check that it names
            waiting.clear()

        try:
            yield began
        finally:
            ended()


@contextmanager
def _standard_error() -> Iterator[TextIO]:
    """Standard error as it is now, by a descriptor of its own where it has one."""
    try:
        own = os.dup(sys.stderr.fileno())
    except (OSError, ValueError):  # a stream in memory
        yield sys.stderr
        return
    with os.fdopen(own, "w", encoding=sys.stderr.encoding, errors="backslashreplace") as stream:
        yield stream


@contextmanager
def overheard() -> Iterator[Callable[[], list[str]]]:
    """Keep what is printed meanwhile, by Python or by what lies below it; gives its last lines, bounded."""
    with TemporaryFile("w+", buffering=1, encoding="utf-8", errors="backslashreplace") as file:

        def heard() -> list[str]:
            file.flush()
            size = os.fstat(file.fileno()).st_size
            start = max(size - _LINES * 1000, 0)
            last = os.pread(file.fileno(), size - start, start).decode("utf-8", "replace").splitlines()
            said = [bounded(line, _CHARACTERS) for line in last if line.strip()]
            return ["...", *said[-_LINES:]] if start or len(said) > _LINES else said

        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        kept = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
        try:
            for descriptor, _ in kept:
                os.dup2(file.fileno(), descriptor)
            with redirect_stdout(file), redirect_stderr(file):
                yield heard
        finally:
            for descriptor, before in kept:
                os.dup2(before, descriptor)
                os.close(before)
