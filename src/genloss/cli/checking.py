"""``genloss check``: from a reference to a part, and from findings to text."""

from __future__ import annotations

import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import click

from genloss.cli.values import is_study, parse_change, study_of
from genloss.cli.watching import QUICK, Budget, overheard, own, watched
from genloss.conformance import Finding, findings, slot_of_part, studies
from genloss.conformance.core import During
from genloss.errors import SpecError, bounded
from genloss.extend import load
from genloss.fitting import takes_rows_alone
from genloss.slots import slot_of_class
from genloss.wording import several


@dataclass(frozen=True)
class Asked:
    """What is to be checked.

    Args:
        what: a part, mine.py:make, or a study, by its file or name.
        slot: of a part, where it is told.
        changes: of fields, as path=value.
        table: a file to try a generator on.
        target: the column of that table that is to be predicted.
        trust: whether code that a spec refers to may be run.
    """

    what: str
    slot: str | None
    changes: tuple[str, ...]
    table: str | None
    target: str | None
    trust: bool


def findings_of(asked: Asked, during: During) -> tuple[str, Iterator[Finding]]:
    """What it is that is checked, and what is found, as it is found.

    Raises:
        SpecError: if there is no such part or study, or it cannot be built.
        DataError: if the table cannot serve.
    """
    if is_study(asked.what) and not asked.what.endswith(".py"):
        return "study", _of_study(asked, during)
    kind, part, slot = _part(asked)
    return kind, findings(part, slot, asked.table, asked.target, during)


def _of_study(asked: Asked, during: During) -> Iterator[Finding]:
    for given, option in ((asked.slot, "--as"), (asked.table, "--table"), (asked.target, "--target")):
        if given is not None:
            raise SpecError(f"{option} {bounded(given)}: belongs to a part; the study's spec says it")
    study = study_of(asked.what, asked.changes, asked.trust)
    _ = study.cells  # what is wrong with it is said before anything is checked
    return studies.findings(study, during)


def _part(asked: Asked) -> tuple[str, Any, str]:
    """What a part is, in words, the part, and its slot."""
    from genloss.study.registry import SINGULAR, SLOTS, did_you_mean
    from genloss.study.spec import build_part

    reference, slot = asked.what, asked.slot
    if slot is not None and slot not in SLOTS.values():
        slot = next((k for k, v in SINGULAR.items() if v == slot), slot)
    if slot is not None and slot not in SLOTS.values():
        raise SpecError(f"--as {bounded(slot)}: no such slot{did_you_mean(slot, list(SLOTS.values()))}")
    thing = load(reference)
    fields = dict(parse_change(c) for c in asked.changes)
    if slot in (None, "generators") and takes_nothing(thing):
        raise SpecError(
            f"{bounded(reference)} must take a seed, as make(seed) does, and draw its numbers from it"
        )
    if slot in (None, "generators") and is_maker(thing):
        if fields:
            raise SpecError("--set gives fields of a part; make(seed) takes the seed only")
        part = build_part("generators", {"kind": "Wrapped", "make": reference}, trust=True)
        return "generator (make(seed) with fit and sample)", part, "generators"
    slot = slot or slot_of_part(thing)
    return SINGULAR[slot], build_part(slot, {"kind": reference, **fields}, trust=True), slot


def takes_nothing(thing: Any) -> bool:
    """Whether it is a function, or a class whose objects have fit(rows), that takes no seed."""
    if isinstance(thing, type) and not is_maker(thing):
        return False
    try:
        return callable(thing) and not inspect.signature(thing).parameters
    except (TypeError, ValueError):
        return False


def is_maker(thing: Any) -> bool:
    """Whether it is to be called with a seed: a function, or a class whose fit takes rows alone."""
    if isinstance(thing, type):
        return slot_of_class(thing) == "generators" and takes_rows_alone(thing)
    if not callable(thing):
        return False
    taken = inspect.signature(thing).parameters
    needed = [name for name, p in taken.items() if p.default is p.empty]
    if next(iter(taken), "") == "seed":
        return True
    return len(taken) == len(needed) == 1 and needed[0] not in ("seen", "rows", "x")


def checked(asked: Asked, quick: bool, as_json: bool) -> bool:
    """Check it and print what is found; gives whether something fails.

    Args:
        asked: what is to be checked.
        quick: whether to stop after a while.
        as_json: print one JSON list at the end, and nothing else.

    Raises:
        SpecError: if there is no such part or study, or it cannot be built.
        DataError: if the table cannot serve.
    """
    some: list[Finding] = []
    with own(sys.stdout) as out, watched(quiet=as_json) as during, overheard() as heard:

        def write(line: str) -> None:
            if not as_json:
                click.echo(line, file=out)

        printer = Printer(write)
        budget = Budget(QUICK, during)
        kind, found = findings_of(asked, budget if quick else during)
        for i, finding in enumerate(found):
            if i == 0:  # what cannot be checked has no heading
                write(click.style(f"{asked.what}, {kind}", bold=True))
            printer.print(finding)
            some.append(finding)
        printer.end(heard(), budget.missed)
        if as_json:
            keys = ("check", "passed", "message")
            click.echo(json.dumps([{k: vars(f)[k] for k in keys} for f in some], indent=1), file=out)
    return printer.bad > 0


@dataclass
class Printer:
    """Findings as text, each when it comes, with what it means or what to do about it.

    Args:
        write: prints a line.
    """

    write: Callable[[str], None]
    good: int = 0
    first: dict[str, str] = field(default_factory=dict)
    bad: int = 0

    def print(self, finding: Finding) -> None:
        """Print a finding; of one fault the whole is said once."""
        self.good += finding.passed is True
        self.bad += finding.passed is False
        self.write(f"{_MARKS[finding.passed]}  {finding.check}")
        message = finding.message
        if finding.passed is False:
            first = self.first.setdefault(_fault(finding), finding.check)
            message = message if first == finding.check else f"The same as: {first}."
        for line in _wrapped(message):
            self.write(line)

    def end(self, heard: list[str], missed: int) -> None:
        """Print what the part printed meanwhile, how many checks fail, and how many were not finished."""
        if heard:
            self.write("")
            self.write(click.style("What it printed meanwhile", bold=True))
            for line in heard:
                self.write(f"      {line}")
        self.write("")
        fail = f"{self.bad} of {several(self.bad + self.good, 'check')} fail"
        fine = f"no check fails, {self.good} pass" if missed else f"all {self.good} checks pass"
        self.write((fail if self.bad else fine) + (f"; {missed} not finished" if missed else ""))


_MARKS = {True: click.style("ok  ", fg="green"), False: click.style("FAIL", fg="red"), None: "-   "}


def _fault(finding: Finding) -> str:
    """What findings of one fault have in common: what was found, but for numbers and the generation."""
    return re.sub(r"\d+", "#", finding.cause or finding.message).removeprefix("generation #: ")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)
