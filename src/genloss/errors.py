"""What can go wrong by the user's doing: each message names the culprit, the value and the remedy."""

from __future__ import annotations

import sys
from collections.abc import Sequence


class GenlossError(Exception):
    """A problem that the user can mend; the command line prints it as one line and exits with 2."""


class SpecError(GenlossError, ValueError):
    """A spec or part that cannot be built. Holds every problem found, each with its dotted path."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class DataError(GenlossError):
    """A table or file that cannot serve as real data."""


class StoreError(GenlossError):
    """A run folder that cannot be read or written: another spec, no permission, a full disk."""


class GeneratorError(GenlossError):
    """A generator that raised, or returned something that is not rows. Fails its cell, not the study."""


class FitError(GenlossError):
    """Parts that do not fit each other, found while a loop runs. Fails its cell, not the study."""


def bounded(text: str, most: int = 60) -> str:
    r"""A text on one line, of characters that can be printed, its middle left out where it is long.

    Args:
        text: whatever a user, a file or a user's code gave.
        most: characters of the line.

    >>> bounded("red\x1b[31m\n" + "x" * 100, 24)
    'red?[31m xxxx ... xxxxxx'
    """
    line = " ".join(text.split())
    if len(line) > most:
        kept = max(most - len(_CUT), 0)
        line = f"{line[: kept - kept // 3]}{_CUT}{line[len(line) - kept // 3 :]}"
    return "".join(c if c.isprintable() else "?" for c in line)


_CUT = " ... "


def counted(n: int, what: str) -> str:
    """So many of a thing.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{n:,} {what}{'s' * (n != 1)}"


def these(n: int, what: str, that: str = "") -> str:
    """So many of a thing, as the subject of what is said of them.

    >>> these(1, "tile"), these(2, "value", "that")
    ('1 tile is', '2 values that are')
    """
    return " ".join(filter(None, [counted(n, what), that, "is" if n == 1 else "are"]))


def shown(value: object) -> str:
    """A value of the user's as an error says it: its repr, bounded, whatever the repr does.

    >>> shown("KDE"), shown(10**5000)
    ("'KDE'", 'a value of type int')
    """
    try:
        return bounded(repr(value))
    except Exception:  # an integer of thousands of digits has none; a user's class may fail in it
        return f"a value of type {bounded(type(value).__name__)}"


def said_by(error: BaseException) -> str:
    r"""The message of an error that is not ours, to stand in one that is: one printable line, bounded.

    >>> said_by(ValueError("no\nsuch model")), said_by(KeyError())
    ('no such model', '(no message)')
    """
    try:
        return bounded(str(error), 300) or "(no message)"
    except Exception:  # a user's class may fail in it
        return "(its message cannot be read)"


def say(line: str) -> None:
    """A line on standard error that says who speaks."""
    # print, not click.echo: while a bar is drawn, rich stands in for sys.stderr
    print(f"genloss: {line}", file=sys.stderr, flush=True)
