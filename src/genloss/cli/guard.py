"""What the command line makes of errors: a line on standard error, and an exit code that says which kind."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from genloss.errors import DataError, GenlossError, SpecError, bounded, said_by, say

FAILED, BAD_INPUT, INTERNAL, STOPPED, NO_READER = 1, 2, 70, 130, 141
"""A cell failed; the user can mend it; a bug (EX_SOFTWARE); Ctrl-C; nobody reads on (128 + SIGPIPE)."""

_LINES, _CHARACTERS, _OF_DATA = 4, 500, 1600
"""What an error may take of a screen, in all; that of a table says what to do in several ways."""


DEBUG = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")


class Guarded(click.Group):
    """A group of commands whose errors all end as a line and an exit code; a command may return its own."""

    def main(  # type: ignore[override]  # it always exits
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run a command line and exit."""
        given = list(sys.argv[1:] if args is None else args)
        debug = "--debug" in given or os.environ.get("GENLOSS_DEBUG", "0") not in ("", "0")
        extra["standalone_mode"] = False
        try:
            code = super().main(given, prog_name="genloss", **extra)
        except (Exception, KeyboardInterrupt) as error:
            code = explain(error, debug)
        sys.exit(code or 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; where the reader of its output has gone (``| head``), end without a word."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # what is still buffered must go somewhere when the interpreter ends
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            return NO_READER
        return code


def explain(error: BaseException, debug: bool) -> int:
    """Say on standard error what went wrong; returns the exit code."""
    if debug and not isinstance(error, (click.ClickException, click.Abort, KeyboardInterrupt)):
        traceback.print_exception(error)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        say("stopped")
        return STOPPED
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "genloss"
        said = one_line(error.format_message()).rstrip(".")
        _say_all([f"{said[:1].lower()}{said[1:]}; see {command} --help"])
        return BAD_INPUT
    if isinstance(error, click.ClickException):
        _say_all([error.format_message()])
        return BAD_INPUT
    if isinstance(error, GenlossError):
        lines = error.problems if isinstance(error, SpecError) else str(error).splitlines()
        _say_all(lines, _OF_DATA if isinstance(error, DataError) else _CHARACTERS)
        return BAD_INPUT
    if isinstance(error, MemoryError):
        say("out of memory; use fewer workers, or a smaller tile, as in --set tile=1")
        return BAD_INPUT
    say(f"internal error: {type(error).__name__}: {said_by(error)}")
    say(
        f"this is a bug in genloss; please report it {_where()}"
        + ("" if debug else ", with what --debug shows")
    )
    return INTERNAL


def _say_all(lines: Sequence[str], characters: int = _CHARACTERS) -> None:
    """Say what fits on a few lines: the first problems, and how many more there are."""
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], f"and {len(lines) - _LINES + 1} more"]
    # short lines leave their room to long ones
    left, most = characters - len(lines) * len("genloss: \n"), 0
    for place, line in enumerate(sorted(lines, key=len)):
        most = left // (len(lines) - place)
        if len(line) > most:  # so are all that follow: they share what is left
            break
        left -= len(line)
    for line in lines:
        say(_fitted(line, most))


def _fitted(line: str, most: int) -> str:
    """A line of so many characters at most: what to do, behind a semicolon, is left out or said whole.

    >>> _fitted("a.csv: row 1 holds 'x'; write a number; or drop it", 40)
    "a.csv: row 1 holds 'x'; write a number"
    >>> _fitted("a long folder/a.csv: row 1 holds 'x'; write a number; or drop it", 40)
    "a long folder ... ds 'x'; write a number"
    """
    what, *remedies = line.split("; ")
    while len(remedies) > 1 and len("; ".join([what, *remedies])) > most:
        remedies.pop()
    remedy = "".join(f"; {text}" for text in remedies)
    if 2 * len(remedy) > most:
        return bounded(line, most)
    return bounded(what, most - len(remedy)) + bounded(remedy, most)


def one_line(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())


def _where() -> str:
    """Where bugs are reported: what the installed package says of itself."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        links = metadata("genloss").get_all("Project-URL") or []
    except PackageNotFoundError:
        links = []
    known = {name.strip().lower(): url.strip() for name, _, url in (link.partition(",") for link in links)}
    url = known.get("issues") or known.get("bug tracker") or known.get("repository") or known.get("homepage")
    return f"at {url}" if url else "where you got it from"
