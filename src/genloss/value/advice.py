"""The answer: a verdict, a recipe with what it promises, and all that it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genloss.errors import FitError
from genloss.metrics.learners import real_target, target_classes
from genloss.numbers import json_number
from genloss.trials import Trial
from genloss.value.exchange import Exchange, exchange
from genloss.value.gains import Interval
from genloss.value.groups import Group, groups
from genloss.value.measures import Measure, measures
from genloss.value.plan import Clock
from genloss.value.privacy import Likeness
from genloss.value.reading import Place, Reading
from genloss.value.words import baselines, lines, sentence, what

if TYPE_CHECKING:
    from genloss.real import Table

# Share of rows that are copies from which a source is said to add nothing.
_COPIES = 0.5
# Of the rows, the share that must have been asked about before an answer counts; of large tables so many
# rows.
_WHOLE, _PLENTY = 0.9, 5000
Verdict = Literal["helps", "hurts", "no difference", "no evidence"]


@dataclass(frozen=True, eq=False)
class Advice:
    """Whether synthetic rows help to predict a column, and how many of them.

    Args:
        target: the column.
        rows: real rows.
        measure: what the verdict is about.
        margin: the gain that makes no difference that matters.
        reading: of the learner that the verdict is about: the one that is best on real rows alone.
        others: of other learners.
        exchange: what synthetic rows are worth in real ones; None where the curve of real rows is not known.
        groups: who gains and who loses, by a proper score of classes, or the absolute error of numbers.
        likeness: what each source's rows are like, by its name.
        warnings: what makes the answer less than it seems, a line each.
        seconds: that it took.
        budget: that it had.
    """

    target: str
    rows: int
    measure: Measure
    margin: float
    reading: Reading
    others: tuple[Reading, ...]
    exchange: Exchange | None
    groups: tuple[Group, ...]
    likeness: Mapping[str, Likeness]
    warnings: tuple[str, ...]
    seconds: float
    budget: float

    @classmethod
    def of(
        cls,
        real: Table,
        measure: Measure,
        readings: Sequence[Reading],
        likeness: Mapping[str, Likeness],
        warnings: Sequence[str],
        margin: float | None,
        clock: Clock,
    ) -> Advice:
        """The answer that some learners' trials give."""
        if not readings:
            raise FitError("no learner's trials were finished")
        size = len(Trial(real).real_rows)
        whole = [r for r in readings if len(r.rows) >= min(_WHOLE * size, _PLENTY)]
        # where none is, the one that got farthest
        some = whole or [max(readings, key=lambda r: len(r.rows))]
        first = max(some, key=lambda r: measure.sign * r.value(measure, r.gain.free))
        others = tuple(r for r in readings if r is not first)
        usual = 0.01 if measure.points else 0.02 * abs(first.value(measure, first.gain.free))
        return cls(
            real.schema.names[real_target(real)],
            len(first.rows),
            measure,
            usual if margin is None else margin,
            first,
            others,
            _exchanged(first, measure),
            tuple(_gained(real, first)),
            likeness,
            (*warnings, *first.failures, *_no_news(likeness)),
            clock.spent,
            clock.budget,
        )

    @property
    def verdict(self) -> Verdict:
        """Of data sets like this one: helps, hurts, makes no difference that matters, or no evidence."""
        gain = self.reading.gain
        if gain.beaten:
            return "helps"
        if gain.worse:
            return "hurts"
        inside = -self.margin < gain.typical.low and gain.typical.high < self.margin
        return "no difference" if inside else "no evidence"

    @property
    def recipe(self) -> Place:
        """What to train on: synthetic rows where they help, else what is best without."""
        return self.reading.best if self.verdict == "helps" else self.reading.free

    @property
    def needed(self) -> int | None:
        """Real rows that would tell a gain of the size seen; None where none is seen, or it is told."""
        gain = self.reading.gain
        if self.verdict != "no evidence" or gain.typical.value == 0:
            return None
        found = self.rows * (gain.seen / abs(gain.typical.value)) ** 2
        return int(np.ceil(found)) if self.rows < found < 1e9 else None

    def __str__(self) -> str:
        return "\n".join(lines(self))

    def said(self) -> dict[str, Any]:
        """As JSON has it; differences in units of the measure, more is better."""
        r, gain, m = self.reading, self.reading.gain, self.measure
        recipe = self.recipe
        curves = [
            {"source": s, "dose": arm.dose, **_plain(i, "gain")}
            for s in r.sources()
            for arm, i in r.doses(m, s)
        ]
        rate = None if self.exchange is None or self.verdict != "helps" else self.exchange.rate
        return {
            "verdict": self.verdict,
            "sentence": sentence(self),
            "recipe": {
                "source": recipe.source,
                "dose": recipe.arm.dose,
                "weight": recipe.arm.weight,
                "strategy": recipe.arm.strategy or ("added" if recipe.arm.synthetic else "none"),
                "equal_classes": recipe.arm.parity,
                "class_weights": recipe.arm.balanced,
                "learner": str(r.learner),
                "setting": r.settings[recipe.arm.setting],
                "said": what(self, recipe),
            },
            "measure": m.name,
            "better": m.better,
            "margin": self.margin,
            "gain": gain.promised.value,
            "low": gain.promised.low,
            "high": gain.promised.high,
            "typical": _plain(gain.typical, "gain"),
            "error": {
                "whole": json_number(gain.error),
                "dealing": None if r.dealing is None else json_number(r.dealing),
            },
            "seen": gain.seen,
            "rows_needed": self.needed,
            "exchange_rate": None if rate is None else _plain(rate),
            "twice_the_real_rows": None
            if self.exchange is None or self.exchange.twice is None
            else _plain(self.exchange.twice),
            "curve": curves,
            "strategies": [
                {
                    "source": p.source,
                    "strategy": p.arm.strategy or "added",
                    "said": what(self, p),
                    **_plain(i, "gain"),
                }
                for p, i in r.strategies(m)
            ],
            "generations": [{"generation": t, **_plain(i, "gain")} for t, i in r.generations(m)],
            "baselines": [{"name": name, "value": value} for name, value in baselines(self)],
            "measures": {
                name: {"free": r.value(kind, gain.free), "synthetic": r.value(kind, gain.best)}
                for name, kind in measures(0 if m.family == "numbers" else 2).items()
            },
            "groups": [
                {"column": g.column, "level": g.level, "rows": g.rows, **_plain(g.gain, "gain")}
                for g in self.groups
            ],
            "likeness": {name: dict(vars(like)) for name, like in self.likeness.items()},
            "warnings": list(self.warnings),
            "rows": self.rows,
            "seconds": round(self.seconds, 1),
        }


def _plain(of: Interval, name: str = "value") -> dict[str, Any]:
    """A number and its interval as JSON has them."""
    return {name: json_number(of.value), "low": json_number(of.low), "high": json_number(of.high)}


def _exchanged(r: Reading, measure: Measure) -> Exchange | None:
    """By the best setting at each size of the real rows."""
    shares = sorted({p.arm.share for p in r.places})
    if len(shares) < 3:
        return None
    rows = []
    for share in shares:
        mine = [
            i
            for i, p in enumerate(r.places)
            if p.arm.share == share and not p.arm.synthetic and not p.arm.balanced
        ]
        rows.append(r.shares[measure.name][max(mine, key=lambda i: measure.sign * r.value(measure, i))])
    sizes = np.array([max(round(share * r.trained), 1) for share in shares])
    dose = r.best.arm.dose or 1.0
    return exchange(
        sizes, np.stack(rows), r.shares[measure.name][r.gain.best], dose * r.trained, measure.sign
    )


def _gained(real: Table, r: Reading) -> list[Group]:
    """Gains by group, of a measure that is a mean over rows."""
    of = next(m for name, m in measures(target_classes(real)).items() if name in ("brier", "mae"))
    rows = r.shares[of.name]
    return groups(real, r.rows, of.sign * (rows[r.gain.best] - rows[r.gain.free]))


def _no_news(likeness: Mapping[str, Likeness]) -> list[str]:
    return [
        f"{name}: {like.copies:.0%} of its rows are copies of the rows they were made from: it adds no "
        f"information"
        for name, like in likeness.items()
        if like.copies > _COPIES and like.copies > 2 * like.copies_of_held
    ]
