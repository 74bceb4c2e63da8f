"""An attribution in words: the sentence, and a line for each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genloss import intervals
from genloss.errors import bounded
from genloss.numbers import interval as said
from genloss.numbers import number
from genloss.value.attribution.deals import Effect
from genloss.wording import enumerated, several

if TYPE_CHECKING:
    from genloss.value.attribution.tables import Attribution

_MOST, _WIDTH = 20, 24


def sentence(found: Attribution) -> str:
    """Which groups help, and which hurt."""
    told = []
    for word in ("helps", "hurts"):
        some = [_label(e) for e in found.effects if e.word == word]
        if some:
            shown = some if len(some) <= 4 else [*some[:3], f"{len(some) - 3} more"]
            told.append(f"{enumerated(shown)} {word if len(some) == 1 else word[:-1]}")
    if not told:
        return f"No evidence that any group by '{found.by}' helps or hurts."
    return f"By '{found.by}': {'; '.join(told)}."


def lines(found: Attribution) -> list[str]:
    """What the command prints."""
    judged = "all rows" if found.on is None else f"those of '{found.on}'"
    learner = "logistic regression" if found.found.dealt.classes else "ridge regression"
    part = found.found.share
    left = "left out" if part == 1 else f"given {100 * (1 - part):g} % of its weight"
    out = [
        sentence(found),
        "",
        f"Held-out {found.measure} of '{found.target}' is {number(found.found.loss)} with every row "
        f"({learner}; {several(found.rows, 'row')} judge, {judged} in turn).",
        f"It changes so if a group is {left}; above 0 the group helps, and intervals hold at once (95 %):",
        "",
    ]
    cells = [("group", "rows", "change", "interval", "", "foretold")]
    effects = found.effects
    again = () if found.again is None else found.again.groups
    for effect in _ends(effects):
        c = effect.change
        value, ends = said(intervals.Interval(c.value, c.low, c.high), none=0)
        cells.append(
            (
                _label(effect),
                f"{effect.rows:,}".replace(",", " "),
                value,
                ends.replace(", ", " to "),
                effect.word,
                number(found.foretold[effect.group]) + ("" if effect.group in again else " *"),
            )
        )
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    out += ["  ".join(c.ljust(w) for c, w in zip(row, wide, strict=True)).rstrip() for row in cells]
    if len(effects) > _MOST:
        out.append(f"and {several(len(effects) - _MOST, 'group')} between; --json has all")
    out += ["", *_checked(found, len(effects))]
    if found.on is None and found.by != found.target:
        out.append(
            "Rows of every group judge, its own too; with --on LABEL those of one do, as the real ones."
        )
    return out


def _label(effect: Effect) -> str:
    group = effect.group
    return number(group, 6) if isinstance(group, float) else bounded(str(group), _WIDTH)


def _checked(found: Attribution, groups: int) -> list[str]:
    """What the changes rest on."""
    if found.again is None:
        return [
            "Changes are foretold from one fit (influence functions); none was checked by learning again."
        ]
    k = len(found.again.groups)
    agree = found.again.correlation
    how = "" if agree != agree else f", correlation {number(agree)}"
    said = f"Learnt again without {'each group' if k == groups else several(k, 'group')}; 'foretold' is what "
    out = [f"{said}one fit told before{how}."]
    if k < groups:
        out.append("* was not learnt again: its change is the foretold one.")
    return out


def _ends(effects: list[Effect]) -> list[Effect]:
    """The most helpful and the least."""
    half = _MOST // 2
    return effects if len(effects) <= _MOST else [*effects[:half], *effects[-half:]]
