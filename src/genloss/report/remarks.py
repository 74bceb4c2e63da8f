"""What is said of a metric beside its numbers: where it stands to its reference, what a 0 means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from genloss.meaning import Meaning, Reference
from genloss.numbers import number
from genloss.report.aggregate import Curve
from genloss.wording import listed, several

if TYPE_CHECKING:
    from genloss.report.tables import Block, Row

# by how much of 1, or of itself, a value may miss its reference and be it: sums are rounded
_ROUNDING = 1e-9


def remarks(block: Block) -> list[str]:
    """Sentences on the last place of a table's rows, each where it is true.

    Args:
        block: a metric of an experiment.
    """
    found = [(row, row.curve) for row in block.rows if row.curve is not None]
    some = [curve.meaning.reference for _, curve in found if curve.meaning.reference is not None]
    said = []
    for reference in dict.fromkeys(some):
        mine = [(row, curve) for row, curve in found if curve.meaning.reference == reference]
        said += _against(reference, mine, block, len(dict.fromkeys(some)) > 1)
    return said


def _against(
    reference: Reference, found: Sequence[tuple[Row, Curve]], block: Block, several: bool
) -> list[str]:
    """What the reference is, and who is not better."""
    name = f"{reference.name[:1].upper()}{reference.name[1:]}"
    where = f" ({_named([row for row, _ in found])})" if several and _named([row for row, _ in found]) else ""
    said = [f"{name}: {number(reference.value)}{where}."]
    verdicts = [(row, stands(curve)) for row, curve in found]
    for verdict in ("no better", "not shown to be better"):
        rows = [row for row, v in verdicts if v == verdict]
        if rows:
            who = f": {_named(rows)}" if _named(rows) else ""
            said.append(f"{_at(block)} the typical replicate is {verdict} than {reference.beat}{who}.")
    return said


def stands(curve: Curve) -> str:
    """How the typical replicate at the last place stands to the reference: "no better" where its whole
    interval is not, "not shown to be better" where a part of it is not, "" where all of it is better.

    Without an interval the estimate alone can be "not shown to be better". Nothing is said of a metric of
    which neither more nor less is good, nor of a line whose replicates are not all there.
    """
    meaning = curve.meaning
    against = meaning.reference
    if against is None or not against.beat or meaning.better is None or curve.replicates < curve.wanted:
        return ""
    sign = 1 if meaning.better == "lower" else -1
    least = sign * against.value - _ROUNDING * max(1.0, abs(against.value))
    estimate, *ends = (sign * float(v[-1]) for v in curve.typical)
    best, worst = min(ends), max(ends)
    if best >= least:
        return "no better"
    # an end that is NaN is no end: the estimate has to do
    return "not shown to be better" if worst >= least or (worst != worst and estimate >= least) else ""


def lost(lines: Iterable[tuple[str, Curve]]) -> list[str]:
    """In how many replicates the last value of a metric is 0, by what that means, and since when.

    Args:
        lines: what tells each from others, "" where there is only one; and what was measured of it.
    """
    by: dict[str, list[str]] = {}
    lasts = dict[str, None]()
    for name, curve in lines:
        if curve.axis:
            lasts[f"{curve.axis} {curve.at[-1]}"] = None
        if curve.meaning.at_zero and curve.zeros:
            whose = f" ({name})" if name else ""
            half = "half of these " if curve.zeros > 1 else ""
            since = "" if curve.since is None else f", {half}by {curve.axis} {curve.since}"
            said = f"{curve.zeros} of {several(int(curve.known[-1]), 'replicate')}{whose}{since}"
            by.setdefault(curve.meaning.at_zero, []).append(said)
    at = f"At {next(iter(lasts))}" if len(lasts) == 1 else "At the end"
    return [f"{at} {said} in {listed(each, between='; ')}." for said, each in by.items()]


def _at(block: Block) -> str:
    """Where: "At generation 20", or "At the last generation" where cells differ in it."""
    axis, _, place = block.last.partition(" ")
    return f"At {block.last}" if " to " not in place and axis else f"At the last {axis}" if axis else "Here"


def _named(rows: Sequence[Row]) -> str:
    """Rows by name; "" where there is nothing to tell them apart."""
    return listed([row.name for row in rows if row.name])


def references(meanings: Iterable[Meaning]) -> list[str]:
    """What dotted lines are, for a caption."""
    names = dict.fromkeys(m.reference.name for m in meanings if m.reference is not None)
    return [f"Dotted: {', '.join(names)}."] if names else []
