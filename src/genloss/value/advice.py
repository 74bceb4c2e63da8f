"""The answer: a verdict, a recipe with what it promises, and all that it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genloss.errors import FitError
from genloss.metrics.learners import real_target
from genloss.protocols import Generator
from genloss.value.exchange import Exchange, exchange
from genloss.value.gains import Interval
from genloss.value.measures import Measure, measures
from genloss.value.reading import Place, Reading

if TYPE_CHECKING:
    from genloss.real import Table

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
    warnings: tuple[str, ...]
    seconds: float
    budget: float

    @classmethod
    def of(
        cls,
        real: Table,
        measure: Measure,
        readings: Sequence[Reading],
        sources: Mapping[str, Generator],
        margin: float | None,
        seconds: float,
        budget: float,
    ) -> Advice:
        """The answer that some learners' trials give."""
        if not readings:
            raise FitError("no learner's trials were finished")
        ordered = sorted(readings, key=lambda r: -measure.sign * r.value(measure, r.gain.free))
        first = ordered[0]
        usual = 0.01 if measure.points else 0.02 * abs(first.value(measure, first.gain.free))
        return cls(
            real.schema.names[real_target(real)],
            len(first.rows),
            measure,
            usual if margin is None else margin,
            first,
            tuple(ordered[1:]),
            _exchanged(first, measure),
            _warned(first),
            seconds,
            budget,
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
        return text.replace("-", "−") + unit

    def between(self, of: Interval) -> str:
        """An interval of a difference, in words."""
        scale = 100 if self.measure.points else 1
        return f"{scale * of.low:+.2g} to {scale * of.high:+.2g}".replace("-", "−")

    def what(self, place: Place) -> str:
        """An arm in words."""
        said = place.arm.said(self.reading.settings)
        return said if not place.arm.synthetic else f"{place.source}, {said}"

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        gain, title = self.reading.gain, self.measure.title
        by = f"{self.amount(gain.typical.value, True)} of {title} ({self.between(gain.typical)})"
        best, free = self.what(self.reading.best), self.what(self.reading.free)
        if self.verdict == "helps":
            return f"Synthetic rows help {self.reading.learner} to predict {self.target}: {best} gains {by} over {free}."
        if self.verdict == "hurts":
            return (
                f"Synthetic rows hurt: of all that was tried even the best, {best}, changes {title} for the worse: "
                f"{by} against {free}."
            )
        if self.verdict == "no difference":
            return (
                f"Synthetic rows make no difference that matters, {self.amount(self.margin)} of {title} or more: "
                f"the best, {best}, changes it by {by} against {free}."
            )
        needed = f" About {self.needed:,} rows would tell a gain of that size." if self.needed else ""
        return (
            f"No evidence that synthetic rows help or hurt: the best, {best}, changes {title} by {by} against "
            f"{free}, and {self.rows:,} rows would have shown a gain of {self.amount(gain.seen)} (4 times of 5).{needed}"
        )

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """What the command line prints."""
        r, m = self.reading, self.measure
        found = [self.sentence, ""]
        found.append(f"recipe      {self.what(self.recipe)}")
        if self.verdict == "helps":
            found.append(
                f"promised    {self.amount(r.gain.promised.value, True)} on this data set "
                f"({self.between(r.gain.promised)}, 95%)"
            )
        if self.exchange is not None:
            found += [f"in real rows  {line}" for line in self.worth()]
        found += ["", f"gain over the best free arm, {self.what(r.free)}, by dose (all intervals hold at once, 95%)"]
        for source in r.sources():
            for arm, interval in r.doses(m, source):
                found.append(f"  {source:16} {arm.dose:>5g}x  {self.amount(interval.value, True):>14}  ({self.between(interval)})")
        found += ["", f"free arms, {m.title}"]
        found += [f"  {name:40} {value:.4g}" for name, value in self.baselines()]
        found += ["", *self.families()]
        for other in self.others:
            found.append(other.said(m))
        if self.warnings:
            found += ["", *(f"warning: {line}" for line in self.warnings)]
        found += ["", f"{self.rows:,} rows, each held out {r.times:.2g} times; {self.seconds:.0f} s of {self.budget:g} s"]
        return found

    def worth(self) -> list[str]:
        """What synthetic rows are worth in real rows, in words."""
        found = []
        e = self.exchange
        if e is None:
            return found
        if self.verdict == "helps" and e.rate is not None:
            low, high = (f"{v:.2g}" if np.isfinite(v) else "any number" for v in (e.rate.low, e.rate.high))
            value = f"{e.rate.value:.2g}" if np.isfinite(e.rate.value) else "more than any number of"
            found.append(f"a synthetic row of the recipe is worth {value} real rows ({low} to {high})")
        if e.twice is not None:
            found.append(f"twice the real rows would gain {self.amount(e.twice.value, True)} ({self.between(e.twice)}), by the learning curve drawn on")
        return found

    def baselines(self) -> list[tuple[str, float]]:
        """The free arms and their measure, the best setting of each."""
        found: dict[str, float] = {}
        for i, place in enumerate(self.reading.places):
            if place.candidate or place.arm.share != 1:
                continue
            kind = (
                "as it is" if place.arm.setting == 0 and not place.arm.synthetic and not place.arm.balanced
                else "class weights" if place.arm.balanced
                else "re-tuned" if not place.arm.synthetic
                else f"{place.source}, equal classes" if place.arm.parity
                else f"{place.source} {place.arm.dose:g}x"
            )
            value = self.reading.value(self.measure, i)
            worse = found.get(kind)
            if worse is None or self.measure.sign * (value - worse) > 0:
                found[kind] = value
        return list(found.items())

    def families(self) -> list[str]:
        """The other measures, each with the recipe's value and that of the best free arm."""
        r = self.reading
        out = []
        for name, kind in measures(0 if self.measure.family == "numbers" else 2).items():
            if name in r.shares:
                out.append(
                    f"{kind.family:12} {kind.title:36} {r.value(kind, r.gain.free):.4g} without, "
                    f"{r.value(kind, r.gain.best):.4g} with synthetic rows"
                )
        return out

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
    return {k: v if np.isfinite(v) else None for k, v in (("value", of.value), ("low", of.low), ("high", of.high))}


def _exchanged(r: Reading, measure: Measure) -> Exchange | None:
    """By the best setting at each size of the real rows."""
    shares = sorted({p.arm.share for p in r.places})
    if len(shares) < 3:
        return None
    rows = []
    for share in shares:
        mine = [i for i, p in enumerate(r.places) if p.arm.share == share and not p.arm.synthetic and not p.arm.balanced]
        rows.append(r.shares[measure.name][max(mine, key=lambda i: measure.sign * r.value(measure, i))])
    sizes = np.array([max(round(share * r.trained), 1) for share in shares])
    dose = r.best.arm.dose or 1.0
    return exchange(sizes, np.stack(rows), r.shares[measure.name][r.gain.best], dose * r.trained, measure.sign)


def _warned(r: Reading) -> tuple[str, ...]:
    return r.failures
