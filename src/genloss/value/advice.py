"""The answer: a verdict, a recipe with what it promises, and all that it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genloss.errors import FitError
from genloss.metrics.learners import real_target, target_classes
from genloss.trials import Trial
from genloss.value.exchange import Exchange, exchange
from genloss.value.gains import Interval
from genloss.value.groups import Group, groups
from genloss.value.measures import Measure, measures
from genloss.value.plan import Clock
from genloss.value.privacy import Likeness
from genloss.value.reading import Place, Reading

if TYPE_CHECKING:
    from genloss.real import Table

# Share of rows that are copies from which a source is said to add nothing.
_COPIES = 0.5
# Of the rows, the share that must have been asked about before an answer counts; of large tables so many rows.
_WHOLE, _PLENTY = 0.9, 5000
_WIDTH, _GROUPS = 100, 12
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
        """Real rows that would tell a gain of the size that is seen here; None where none is seen, or it is told."""
        gain = self.reading.gain
        if self.verdict != "no evidence" or gain.typical.value == 0:
            return None
        found = self.rows * (gain.seen / abs(gain.typical.value)) ** 2
        return int(np.ceil(found)) if self.rows < found < 1e9 else None

    # -- in words ------------------------------------------------------------------------------------

    def amount(self, value: float, signed: bool = False) -> str:
        """A difference of the measure, in words."""
        of, unit = (100 * value, " points") if self.measure.points else (value, "")
        text = f"{of:+.2g}" if signed else f"{of:.2g}"
        return text.replace("-", "−") + (" point" if text.lstrip("+") in ("1", "-1") and unit else unit)

    def between(self, of: Interval) -> str:
        """An interval of a difference, in words."""
        scale = 100 if self.measure.points else 1
        return f"{scale * of.low:+.2g} to {scale * of.high:+.2g}".replace("-", "−")

    def what(self, place: Place) -> str:
        """An arm in words."""
        said = place.arm.said(self.reading.settings)
        return said if not place.arm.synthetic else f"{place.source}, {said}"

    @property
    def short(self) -> str:
        """The verdict in a few words."""
        return {
            "helps": "It helps.",
            "hurts": "It hurts.",
            "no difference": "It makes no difference that matters.",
            "no evidence": "No evidence that it helps or hurts.",
        }[self.verdict]

    @property
    def sentence(self) -> str:
        """What the verdict rests on."""
        gain, title = self.reading.gain, self.measure.title
        by = f"{self.amount(gain.typical.value, True)} ({self.between(gain.typical)})"
        free, learner = self.what(self.reading.free), self.reading.learner
        if self.verdict == "helps":
            return (
                f"Of {title}, {learner} gains {by} by synthetic rows ({self.best_said}), beside the best that is free "
                f"({free})."
            )
        if self.verdict == "hurts":
            return (
                f"Of all that was tried, even the best ({self.best_said}) costs {learner} {title}: {by} beside the best "
                f"that is free ({free})."
            )
        changes = f"The best of what was tried ({self.best_said}) changes the {title} of {learner} by {by} beside the best that is free ({free})"
        if self.verdict == "no difference":
            return f"{changes}; less than {self.amount(self.margin)} counts as none."
        needed = f" About {self.needed:,} rows would tell a gain of the size seen." if self.needed else ""
        return (
            f"{changes}; with these {self.rows:,} rows a gain of {self.amount(gain.seen)} would have been told four times "
            f"of five.{needed}"
        )

    @property
    def best_said(self) -> str:
        """The best arm with synthetic rows, in words."""
        return self.what(self.reading.best)

    @property
    def recipe_said(self) -> str:
        """What to train on, and what it promises."""
        promised = self.reading.gain.promised
        if self.verdict == "helps":
            return (
                f"Train {self.reading.learner} on {self.best_said}. Promised on this data set: "
                f"{self.amount(promised.value, True)} of {self.measure.title} ({self.between(promised)}, 95 %)."
            )
        return f"Train {self.reading.learner} without synthetic rows: {self.what(self.recipe)}."

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """What the command line prints."""
        r, m = self.reading, self.measure
        found = [*wrap(f"{self.short} {self.sentence}", _WIDTH), "", *wrap(self.recipe_said, _WIDTH)]
        for line in self.worth():
            found += wrap(f"{line[:1].upper()}{line[1:]}.", _WIDTH)
        found += ["", f"gain in {m.title} over {self.what(r.free)}, by dose; intervals hold at once (95 %)"]
        for source in r.sources():
            for arm, interval in r.doses(m, source):
                gained = self.amount(interval.value, True)
                found.append(f"  {source:16} {arm.dose:>5g}x  {gained:>14}  ({self.between(interval)})")
        found += ["", f"without synthetic rows: {m.title}"]
        found += [f"  {name:28} {value:.4g}" for name, value in self.baselines()]
        found += ["", f"{'':49}best free   with synthetic rows"]
        for family, title, free, best in self.by_measure():
            found.append(f"  {family:12} {title:36} {free:>7.4g}   {best:.4g}")
        if self.groups:
            found += ["", f"who gains, who loses ({self.score.title}; intervals hold at once)"]
            for g in self.groups[:_GROUPS]:
                ends = f"{self.of_score(g.gain.low)} to {self.of_score(g.gain.high)}"
                found.append(
                    f"  {f'{g.column} = {g.level}':32} {g.rows:>8,} rows  {self.of_score(g.gain.value):>8}  ({ends})"
                )
        for name, like in self.likeness.items():
            found += ["", *wrap(f"{name}: {like}", _WIDTH)]
        for line in self.warnings:
            found += ["", *wrap(f"warning: {line}", _WIDTH)]
        return [*found, "", *self.how()]

    def how(self) -> list[str]:
        """How it was found, in sentences."""
        r = self.reading
        found = [
            f"{self.rows:,} real rows, each held out {r.times:.2g} times; every learner learnt from {r.trained:,} of them.",
            f"{len(r.places)} ways to train were tried; that the best of them is best by luck too is taken off "
            f"({self.amount(max(r.gain.luck, 0.0))}).",
            "The verdict is about data sets like this one, the promise about this one: it is wider.",
            f"{self.seconds:.0f} s of {self.budget:g} s.",
        ]
        return [*found, *(f"{other.said(self.measure)}." for other in self.others)]

    @property
    def score(self) -> Measure:
        """By what groups are told: a measure that is a mean over rows."""
        name = "mae" if self.measure.family == "numbers" else "brier"
        return measures(0 if name == "mae" else 2)[name]

    def of_score(self, value: float) -> str:
        """A gain of a group, in words."""
        return f"{value * (100 if self.score.points else 1):+.2g}".replace("-", "−")

    def worth(self) -> list[str]:
        """What synthetic rows are worth in real rows, in words."""
        found: list[str] = []
        e = self.exchange
        if e is None:
            return found
        if self.verdict == "helps" and e.rate is not None:
            low, high = (f"{v:.2g}" if np.isfinite(v) else "any number" for v in (e.rate.low, e.rate.high))
            value = f"{e.rate.value:.2g}" if np.isfinite(e.rate.value) else "more than any number of"
            found.append(f"a synthetic row of the recipe is worth {value} real rows ({low} to {high})")
        if e.twice is not None:
            found.append(
                f"twice the real rows would gain {self.amount(e.twice.value, True)} ({self.between(e.twice)}), by the learning curve drawn on"
            )
        return found

    def baselines(self) -> list[tuple[str, float]]:
        """The free arms and their measure, the best setting of each."""
        found: dict[str, float] = {}
        for i, place in enumerate(self.reading.places):
            if place.candidate or place.arm.share != 1:
                continue
            kind = (
                "as it is"
                if place.arm.setting == 0 and not place.arm.synthetic and not place.arm.balanced
                else "class weights"
                if place.arm.balanced
                else "another setting"
                if not place.arm.synthetic
                else f"{place.source}, equal classes"
                if place.arm.parity
                else f"{place.source} {place.arm.dose:g}x"
            )
            value = self.reading.value(self.measure, i)
            worse = found.get(kind)
            if worse is None or self.measure.sign * (value - worse) > 0:
                found[kind] = value
        return list(found.items())

    def by_measure(self) -> list[tuple[str, str, float, float]]:
        """Family, title, and what the best free arm and the best with synthetic rows have, of every measure."""
        r = self.reading
        kinds = measures(0 if self.measure.family == "numbers" else 2).values()
        return [(k.family, k.title, r.value(k, r.gain.free), r.value(k, r.gain.best)) for k in kinds]

    def said(self) -> dict[str, Any]:
        """As JSON has it; differences in units of the measure, more is better."""
        r, gain, m = self.reading, self.reading.gain, self.measure
        recipe = self.recipe
        curves = [
            {"source": s, "dose": arm.dose, "gain": i.value, "low": i.low, "high": i.high}
            for s in r.sources()
            for arm, i in r.doses(m, s)
        ]
        rate = None if self.exchange is None or self.verdict != "helps" else self.exchange.rate
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "recipe": {
                "source": recipe.source,
                "dose": recipe.arm.dose,
                "weight": recipe.arm.weight,
                "equal_classes": recipe.arm.parity,
                "class_weights": recipe.arm.balanced,
                "learner": str(r.learner),
                "setting": r.settings[recipe.arm.setting],
                "said": self.what(recipe),
            },
            "measure": m.name,
            "better": m.better,
            "margin": self.margin,
            "gain": gain.promised.value,
            "low": gain.promised.low,
            "high": gain.promised.high,
            "typical": {"gain": gain.typical.value, "low": gain.typical.low, "high": gain.typical.high},
            "seen": gain.seen,
            "rows_needed": self.needed,
            "exchange_rate": None if rate is None else _finite(rate),
            "twice_the_real_rows": None
            if self.exchange is None or self.exchange.twice is None
            else _finite(self.exchange.twice),
            "curve": curves,
            "baselines": [{"name": name, "value": value} for name, value in self.baselines()],
            "measures": {
                name: {"free": r.value(kind, gain.free), "synthetic": r.value(kind, gain.best)}
                for name, kind in measures(0 if m.family == "numbers" else 2).items()
            },
            "warnings": list(self.warnings),
            "rows": self.rows,
            "seconds": round(self.seconds, 1),
        }


def _finite(of: Interval) -> dict[str, float | None]:
    return {
        k: v if np.isfinite(v) else None for k, v in (("value", of.value), ("low", of.low), ("high", of.high))
    }


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
        f"{name}: {like.copies:.0%} of its rows are copies of the rows they were made from: it adds no information"
        for name, like in likeness.items()
        if like.copies > _COPIES and like.copies > 2 * like.copies_of_held
    ]
