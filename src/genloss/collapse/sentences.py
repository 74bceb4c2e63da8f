"""What is said of a metric, of an answer and of margins: the words that command and page share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from genloss.collapse.findings import Finding, Read
from genloss.collapse.meanings import MEANINGS, Margins, margin_name, said_margin, tells
from genloss.collapse.rates import Growth
from genloss.numbers import bracketed, interval, number, percent
from genloss.wording import enumerated, several


def sentence(read: Read) -> str:
    """One sentence of a metric: which way the mean and the typical replicate go, how fast, and by which law.

    Every word is a status, a rate or a law; where nothing is known, that is what it says.
    """
    x = read.x
    first, last = int(x.generations[0]), int(x.generations[-1])
    said = [_status(g, last) for g in (read.typical, read.mean)]
    whole = first == 1 and len(x.generations) == last
    when = f"in {several(last, 'generation')}" if whole else f"from generation {first} to {last}"
    typical, mean = said
    seen = f": {mean}" if typical == mean else f", the typical replicate: {typical}; the mean: {mean}"
    title = x.meaning.title or x.metric
    if x.tail is None:
        return f"{title}, {when}{seen}."
    return f"{title}: by law its mean {x.tail.words}. {when[:1].upper()}{when[1:]}{seen}."


def _status(g: Growth, last: int) -> str:
    """A status with its direction and rate; why it is undecided, where the data are the reason."""
    if g.reason:
        return f"undecided ({g.reason})"
    text: str = g.status
    if g.status in ("still moving", "levels off"):
        direction = "upwards" if g.change.estimate > 0 else "downwards"
        text = f"{text} {direction}" if g.status == "still moving" else f"{text}, having gone {direction}"
    about = g.needs and f"{g.needs} would tell"
    if g.status in ("still moving", "levels off"):
        about = g.words
    text += f" ({about})" if about else ""
    return f"{text}, told up to generation {g.until} only" if g.until < last else text


def effect_words(finding: Finding) -> str:
    """An effect with its interval, "" where there is none."""
    if not math.isfinite(finding.effect.estimate):
        return ""
    said = bracketed(*interval(finding.effect, 1.0 if finding.factor else 0.0))
    return f"× {said}" if finding.factor else said


def reason(finding: Finding) -> str:
    """What an answer rests on: law, data and effect; and what would tell, where it is none."""
    effect = effect_words(finding)
    said = [
        finding.law,
        finding.why,
        f"{finding.measured}: {effect}" if effect else "",
        f"would tell: {finding.needs}" if finding.needs else "",
    ]
    return "; ".join(part for part in said if part)


def counted(answers: Iterable[str]) -> str:
    """The answers of some lines: the one that all have, or how many have which.

    >>> counted(["no", "yes", "no", "undecided"]), counted(["no", "no"])
    ('no in 2 of 4; yes in 1; undecided in 1', 'no in all 2')
    """
    (word, n), *rest = Counter(answers).most_common()
    total = n + sum(k for _, k in rest)
    if not rest:
        return f"{word} in all {n}" if n > 1 else word
    return "; ".join([f"{word} in {n} of {total}", *(f"{other} in {k}" for other, k in rest)])


def margins_said(reads: Iterable[Read], findings: Iterable[Finding], margins: Margins) -> str:
    """Where a yes to what was asked begins, by which name each margin is set, and how it is tested.

    Args:
        reads: of all lines.
        findings: of all lines.
        margins: that they were held against.
    """
    asked = {f.meaning for f in findings if f.answer != "not asked"}
    risen: dict[tuple[str, str], dict[str, None]] = {}
    told = set()
    for x in (r.x for r in reads):
        told.add(tells(x))
        if tells(x) == "risk":
            risen.setdefault((said_margin(x, margins), margin_name(x)), {})[x.metric] = None
    left = f"under {percent(margins.kept)} left (kept), or {percent(margins.falling)} lost and still falling "
    modes, between = f"{number(margins.modes)} modes (modes)", f"{percent(margins.between)} of rows (between)"
    sizes = {
        1: f"{percent(margins.lost)} of the advantage lost (lost)",
        2: ", ".join(
            f"{size} for {enumerated([*of])}{f' ({name})' if name else ''}"
            for (size, name), of in risen.items()
        ),
        4: f"{left}(falling)",
        5: f"{number(margins.exponent)} (exponent)",
        6: "the same" if 4 in asked else f"{left}(falling)",
        7: " or ".join([modes] * ("modes" in told) + [between] * ("between" in told)),
        8: f"{percent(margins.support)} of rows (support)",
    }
    some = [f"{m.number} {m.name}: {sizes[m.number]}" for m in MEANINGS if m.number in asked & sizes.keys()]
    if not some:
        return ""
    return (
        f"A change below its margin counts as none; --margin NAME=VALUE sets it. {'; '.join(some)}. Where no "
        "law decides, sign tests do, Holm-adjusted over all questions of a line: whether more than half of "
        "all such replicates lie beyond the margin."
    )
