"""``genloss check``: from a reference to a part, and from findings to text."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

import click

from genloss.cli.values import parse_change
from genloss.conformance import Finding, check, slot_of_part
from genloss.conformance.core import Began
from genloss.errors import SpecError, bounded
from genloss.extend import load
from genloss.fitting import takes_rows_alone
from genloss.slots import slot_of_class


def findings_of(
    reference: str,
    slot: str | None,
    changes: tuple[str, ...],
    table: str | None,
    target: str | None,
    began: Began,
) -> tuple[str, list[Finding]]:
    """What the part is, and what was found.

    Raises:
        SpecError: if there is no such part, or it cannot be built.
        DataError: if the table cannot serve.
    """
    from genloss.study.registry import SINGULAR, SLOTS, did_you_mean
    from genloss.study.spec import build_part

    if slot is not None and slot not in SLOTS.values():
        slot = next((k for k, v in SINGULAR.items() if v == slot), slot)
    if slot is not None and slot not in SLOTS.values():
        raise SpecError(f"--as {bounded(slot)}: no such slot{did_you_mean(slot, list(SLOTS.values()))}")
    thing = load(reference)
    fields = dict(parse_change(c) for c in changes)
    if slot in (None, "generators") and takes_nothing(thing):
        raise SpecError(
            f"{bounded(reference)} must take a seed, as make(seed) does, and draw its numbers from it"
        )
    if slot in (None, "generators") and is_maker(thing):
        if fields:
            raise SpecError("--set gives fields of a part; make(seed) takes the seed only")
        part = build_part("generators", {"kind": "Wrapped", "make": reference}, trust=True)
        return "generator (make(seed) with fit and sample)", check(part, "generators", table, target, began)
    slot = slot or slot_of_part(thing)
    part = build_part(slot, {"kind": reference, **fields}, trust=True)
    return SINGULAR[slot], check(part, slot, table, target, began)


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


def said(reference: str, kind: str, findings: list[Finding], heard: list[str]) -> str:
    """The findings as text, each with what it means or what to do about it; then what the part printed."""
    marks = {True: click.style("ok  ", fg="green"), False: click.style("FAIL", fg="red"), None: "-   "}
    lines = [click.style(f"{reference}, {kind}", bold=True)]
    together: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.passed is False:
            together.setdefault(_fault(finding), []).append(finding)
    first = {id(some[0]): some[1:] for some in together.values()}
    for finding in findings:
        if finding.passed is False and id(finding) not in first:
            continue
        lines.append(f"{marks[finding.passed]}  {finding.check}")
        lines += _wrapped(finding.message)
        if first.get(id(finding)):
            lines += _wrapped(f"The same breaks: {', '.join(f.check for f in first[id(finding)])}.")
    if heard:
        lines += [
            "",
            click.style("What it printed meanwhile", bold=True),
            *(f"      {line}" for line in heard),
        ]
    bad = sum(f.passed is False for f in findings)
    good = sum(f.passed is True for f in findings)
    lines += ["", f"{bad} of {bad + good} checks fail" if bad else f"all {good} checks pass"]
    return "\n".join(lines)


def _fault(finding: Finding) -> str:
    """What findings of one fault have in common: what was found, but for numbers and the generation."""
    return re.sub(r"\d+", "#", finding.cause or finding.message).removeprefix("generation #: ")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)
