"""What is seen while a study runs: bars on a terminal, a line now and then in a pipe, nothing with --json."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from genloss.cli.guard import say

if TYPE_CHECKING:
    from genloss.study import Cell

EVERY = 5.0
"""Seconds between the lines in a pipe."""


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
        elif cell.index not in self.failed:
            from genloss.report.words import failure as said

            self.failed[cell.index] = failure
            say(f"{cell.label}: {said(failure)}")
        if self.display:
            self.display.show(self)

    def note(self, message: str) -> None:
        """Something to know."""
        if self.display:
            say(message)

    def warn(self, message: str) -> None:
        """Something was mended on the way."""
        if self.display:
            say(message)

    def end(self) -> None:
        """The run is over, or was stopped."""
        if self.display:
            self.display.end(self)

    @property
    def rate(self) -> float:
        """Tiles a second since this run began."""
        return (self.done - self.before) / max(time.monotonic() - self.began, 1e-9)

    @property
    def left(self) -> float:
        """Seconds to the end at this rate; infinite where none is known yet."""
        return (self.total - self.done) / self.rate if self.rate > 0 else float("inf")


class Lines:
    """A plain line every few seconds, and one at the end."""

    def __init__(self) -> None:
        self._last = 0.0

    def begin(self, tally: Tally) -> None:
        """How much there is to do."""
        there = f", {tally.done} of them done before" if tally.done else ""
        self._write(f"{tally.total} tiles{there}")

    def show(self, tally: Tally) -> None:
        """How far it is."""
        if tally.done < tally.total and time.monotonic() - self._last >= EVERY:
            self._write(f"{tally.done} of {tally.total} tiles{_rest(tally)}{_failures(tally)}")

    def end(self, tally: Tally) -> None:
        """How far it went."""
        took = time.monotonic() - tally.began
        self._write(f"{tally.done} of {tally.total} tiles, {took:.1f} s{_failures(tally)}")

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


def tally_for(how: Literal["auto", "silent"]) -> Tally:
    """Bars where standard error is a terminal, lines where it is not."""
    if how == "silent":
        return Tally()
    return Tally(Bars() if sys.stderr.isatty() else Lines())


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
