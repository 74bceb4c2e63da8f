"""What was inferred: estimates with intervals, beside those of who takes less care, in words."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import Any

from genloss.intervals import Interval
from genloss.numbers import bracketed, interval, number
from genloss.wording import aligned, several

_WIDE = 120


@dataclass(frozen=True)
class Answer:
    """One number that was asked for: a mean, a quantile, a coefficient.

    Args:
        name: what it is the number of.
        value: the interval to believe.
        naive: where predictions, or synthetic rows, are taken as real.
        classical: from labelled rows alone; None where there are none.
        weight: λ, what predictions count for beside labels, 0 to 1; NaN where there are none.
        rows: labelled rows alone whose interval would be as narrow; NaN where there are none.
        covers: share of naive intervals that hold the truth; NaN where it is not known.
    """

    name: str
    value: Interval
    naive: Interval
    classical: Interval | None = None
    weight: float = math.nan
    rows: float = math.nan
    covers: float = math.nan

    def plain(self) -> dict[str, Any]:
        """The answer as JSON has it; null where there is no number, or an infinite one."""
        return {
            "name": self.name,
            **_ends(self.value),
            "classical": None if self.classical is None else _ends(self.classical),
            "naive": {**_ends(self.naive), "covers": _json(self.covers)},
            "lambda": _json(self.weight),
            "worth_rows": _json(self.rows),
        }


@dataclass(frozen=True)
class Inferred:
    """What may be concluded, with intervals.

    Args:
        what: was asked for: "mean of income".
        method: by which the believed intervals were found.
        level: share of intervals that are meant to hold the truth.
        answers: a number for each thing asked for.
        n: rows with labels; of combined data sets, rows of them all.
        more: rows with predictions alone.
        datasets: how many were combined; 0 where none were.
        verdict: which interval to believe, and why.
        notes: what else is to be known.
    """

    what: str
    method: str
    level: float
    answers: tuple[Answer, ...]
    n: int
    more: int
    datasets: int
    verdict: str
    notes: tuple[str, ...] = ()

    @property
    def estimate(self) -> float:
        """Of the first answer."""
        return float(self.answers[0].value.estimate)

    @property
    def low(self) -> float:
        """Lower end of the first answer's interval."""
        return float(self.answers[0].value.low)

    @property
    def high(self) -> float:
        """Upper end of the first answer's interval."""
        return float(self.answers[0].value.high)

    def __getitem__(self, name: str) -> Answer:
        """The answer of a name.

        Raises:
            KeyError: if there is none.
        """
        return {answer.name: answer for answer in self.answers}[name]

    def said(self) -> dict[str, Any]:
        """As JSON has it: one answer at the root, several as a list of `coefficients`."""
        plain = [answer.plain() for answer in self.answers]
        single = {k: v for k, v in plain[0].items() if k != "name"}
        return {
            "what": self.what,
            "method": self.method,
            "level": self.level,
            **(single if len(plain) == 1 else {"coefficients": plain}),
            "n": self.n,
            "N": self.more,
            "datasets": self.datasets,
            "verdict": self.verdict,
            "notes": [*self.notes],
        }

    def __str__(self) -> str:
        """A table, a row for each answer, and which interval to believe."""
        given = (
            f"{several(self.datasets, 'data set')} of {several(self.n, 'row')} in all"
            if self.datasets
            else (f"{several(self.n, 'labelled row')} and {several(self.more, 'row')} with predictions alone")
        )
        powered = not self.datasets
        head = ["", self.method]
        head += ["labelled rows alone", "predictions as truth", "λ", "worth"] if powered else []
        head += ["synthetic rows as real", "covers"] if not powered else []
        rows = [head]
        for a in self.answers:
            row = [a.name, _shown(a.value)]
            if a.classical is not None:
                row += [_shown(a.classical), _shown(a.naive), number(a.weight, 2), _worth(a.rows)]
            else:
                row += [_shown(a.naive), "" if math.isnan(a.covers) else f"{100 * a.covers:.0f} %"]
            rows.append(row)
        head_line = f"{self.what}: {100 * self.level:.6g} % intervals from {given}"
        said = [textwrap.fill(line, _WIDE) for line in (self.verdict, *self.notes)]
        return "\n".join([head_line, *aligned(rows), *said])


def _ends(some: Interval) -> dict[str, float | None]:
    return {"estimate": _json(some.estimate), "low": _json(some.low), "high": _json(some.high)}


def _json(x: float) -> float | None:
    """A number as JSON has it: NaN and the infinities are null."""
    return float(x) if math.isfinite(x) else None


def _shown(some: Interval) -> str:
    return bracketed(*interval(some))


def _worth(rows: float) -> str:
    return "–" if math.isnan(rows) else several(round(rows), "row")
