"""What is seen while a study runs: a bar on a terminal or in a notebook, a line now and then in a pipe."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from genloss.errors import counted, say
from genloss.study.progress import Progress, Silent

if TYPE_CHECKING:
    from genloss.study.cells import Cell

EVERY = 5.0
"""Seconds between the lines in a pipe."""
_OFTEN, _WIDE = 0.2, 30
"""Seconds between the changes of a notebook's line, and letters of its bar."""


class Display(Protocol):
    """How progress is shown."""

    def begin(self, tally: Tally) -> None:
        """The run begins."""
        ...

    def show(self, tally: Tally) -> None:
        """A tile ended."""
        ...

    def end(self, tally: Tally) -> None:
        """The run is over, or was stopped."""
        ...

    def say(self, line: str) -> None:
        """A line beside it."""
        ...


@dataclass
class Tally:
    """Counts the tiles of a run for whoever shows them, and names each failed cell once.

    Args:
        display: shows it; None for silence.
    """

    display: Display | None = None
    total: int = 0
    before: int = 0
    done: int = 0
    lost: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    began: float = 0.0

    def begin(self, total: int, done: int) -> None:
        """Tiles in all, and those that were there already."""
        self.total, self.before, self.done = total, done, done
        self.began = time.monotonic()
        if self.display:
            self.display.begin(self)

    def finish(self, cell: Cell, tile: int, failure: str | None) -> None:
        """A tile ended."""
        if failure is None:
            self.done += 1
        else:
            self.lost += 1
        if failure is not None and cell.index not in self.failed:
            self.failed[cell.index] = failure
            self._say(f"{cell.label}: {said_of(failure)}")
        if self.display:
            self.display.show(self)

    def note(self, message: str) -> None:
        """Something to know."""
        if self.display:
            self.display.say(message)

    def warn(self, message: str) -> None:
        """Something was mended on the way."""
        self.note(message)

    def _say(self, message: str) -> None:
        (self.display.say if self.display else say)(message)

    def end(self) -> None:
        """The run is over, or was stopped."""
        if self.display:
            self.display.end(self)

    @property
    def rate(self) -> float:
        """Tiles a second since this run began, those that failed too: they take their time."""
        return (self.done + self.lost - self.before) / max(time.monotonic() - self.began, 1e-9)

    @property
    def left(self) -> float:
        """Seconds to the end at this rate; infinite where none is known yet."""
        return (self.total - self.done - self.lost) / self.rate if self.rate > 0 else float("inf")


class Lines:
    """A plain line every few seconds, and one at the end."""

    def __init__(self) -> None:
        self._last = 0.0

    def begin(self, tally: Tally) -> None:
        """How much there is to do."""
        there = f", {tally.done} of them done before" if tally.done else ""
        self._write(f"{counted(tally.total, 'tile')}{there}")

    def show(self, tally: Tally) -> None:
        """How far it is."""
        if tally.done < tally.total and time.monotonic() - self._last >= EVERY:
            self._write(f"{tally.done} of {counted(tally.total, 'tile')}{_rest(tally)}{_failures(tally)}")

    def end(self, tally: Tally) -> None:
        """How far it went."""
        took = time.monotonic() - tally.began
        self._write(f"{tally.done} of {counted(tally.total, 'tile')}, {took:.1f} s{_failures(tally)}")

    def say(self, line: str) -> None:
        """On standard error."""
        say(line)

    def _write(self, line: str) -> None:
        self._last = time.monotonic()
        print(line, file=sys.stderr, flush=True)


class Bars:
    """One bar with rate, time left and failures."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None

    def begin(self, tally: Tally) -> None:
        """Draw it."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("tiles"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[rest]}"),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("", total=tally.total, completed=tally.done, rest="")
        self._progress.start()

    def show(self, tally: Tally) -> None:
        """Move it."""
        rest = f"{_rest(tally).removeprefix(', ')}{_failures(tally)}"
        self._progress.update(self._task, completed=tally.done, rest=rest)

    def end(self, tally: Tally) -> None:
        """Leave it where it is."""
        self._progress.update(self._task, rest=_failures(tally).removeprefix(", "))
        self._progress.stop()

    def say(self, line: str) -> None:
        """Above it."""
        say(line)


class Notebook:
    """One line below the cell of a notebook that changes as the run goes on."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._last = 0.0

    def begin(self, tally: Tally) -> None:
        """Draw it."""
        from IPython.display import display

        show: Any = display  # which has no types
        self._handle = show(self._said(tally), raw=True, display_id=True)
        self._last = time.monotonic()

    def show(self, tally: Tally) -> None:
        """Change it, a few times a second."""
        if time.monotonic() - self._last >= _OFTEN:
            self._last = time.monotonic()
            self._handle.update(self._said(tally), raw=True)

    def end(self, tally: Tally) -> None:
        """Leave it as it is."""
        took = time.monotonic() - tally.began
        self._handle.update(self._said(tally, f", {took:.1f} s"), raw=True)

    def say(self, line: str) -> None:
        """Among what the cell prints: on standard error it would look like a mishap."""
        print(line)

    def _said(self, tally: Tally, rest: str | None = None) -> dict[str, str]:
        filled = round(_WIDE * tally.done / max(tally.total, 1))
        bar = "█" * filled + "░" * (_WIDE - filled)
        rest = _rest(tally) if rest is None else rest
        return {"text/plain": f"{bar} {tally.done} of {counted(tally.total, 'tile')}{rest}{_failures(tally)}"}


def watcher(progress: Progress | bool | None) -> Progress:
    """Who is told of a run.

    Args:
        progress: somebody; True for whatever fits the place, False for nobody, None for True where a person
            looks on, in a notebook or on a terminal, else False.
    """
    if not (progress is None or isinstance(progress, bool)):
        return progress
    if in_notebook() and progress is not False:
        return Tally(Notebook())
    if progress is False or not (progress or sys.stderr.isatty()):
        return Silent()
    return Tally(Bars() if sys.stderr.isatty() else Lines())


def in_notebook() -> bool:
    """Whether this is the process of a notebook, whose shell shows more than text."""
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


def said_of(failure: str) -> str:
    """A failure on one line, without the name of the function of ours that a worker ran.

    >>> said_of("a.b:work lost its worker 3 times: it was killed by SIGKILL (out of memory?)")
    'its worker was killed 3 times by SIGKILL, out of memory?'
    """
    message = " ".join(failure.split())
    lost = re.fullmatch(
        r"[\w.]+:[\w.]+ lost its worker (once|\d+ times): "
        r"it (was killed|exited) (.*?)(?: \((.*)\))?",
        message,
    )
    if lost is None:
        return message
    times, how, by, perhaps = lost.groups()
    often = "" if times == "once" else f" {times}"
    return f"its worker {how}{often} {by}{f', {perhaps}' if perhaps else ''}"


def _rest(tally: Tally) -> str:
    if tally.left == float("inf"):
        return ""
    rate = f"{tally.rate:.1f} tiles/s" if tally.rate >= 1 else f"{60 * tally.rate:.1f} tiles/min"
    seconds = round(tally.left)
    left = (
        f"{seconds} s"
        if seconds < 100
        else f"{seconds // 60} min"
        if seconds < 6000
        else f"{seconds // 3600} h"
    )
    return f", {rate}, {left} left"


def _failures(tally: Tally) -> str:
    count = len(tally.failed)
    return f", {count} cell{'s' if count > 1 else ''} failed" if count else ""
