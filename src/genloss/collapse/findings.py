"""What is asked of a line, and what is found: a metric with its growth, and an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from genloss.collapse.meanings import MEANINGS, Answer
from genloss.collapse.rates import Growth, growth
from genloss.collapse.trajectory import Trajectory
from genloss.intervals import Interval
from genloss.numbers import json_number


@dataclass(frozen=True, eq=False)
class Finding:
    """One answer.

    Args:
        labels: of the line.
        metric: that answers; None where none does.
        meaning: 1 to 8.
        answer: "yes", "no", "undecided" or "not asked".
        effect: with its 95 % interval, as `meanings.MEANINGS` describes it; NaN where there is none.
        law: what the law says, where one decides; "" where data do.
        needs: what would answer it; "" where it is answered.
        why: what the answer rests on.
        factor: whether the effect is a factor: no change is 1.
        measured: what the effect is, in words.
    """

    labels: Mapping[str, Any]
    metric: str | None
    meaning: int
    answer: Answer
    effect: Interval
    law: str = ""
    needs: str = ""
    why: str = ""
    factor: bool = False
    measured: str = ""

    @property
    def word(self) -> str:
        """The answer, and whether a law gave it."""
        return f"{self.answer} by law" if self.law and self.answer in ("yes", "no") else self.answer

    def said(self) -> dict[str, Any]:
        """As JSON has it: a number that is none is null, an infinite one a text."""
        effect, low, high = map(json_number, self.effect)
        return {
            **self.labels,
            "metric": self.metric,
            "meaning": self.meaning,
            "name": MEANINGS[self.meaning - 1].name,
            "answer": self.answer,
            "effect": effect,
            "low": low,
            "high": high,
            "unit": "factor" if self.factor else "difference",
            "law": self.law or None,
            "needs": self.needs or None,
            "why": self.why or None,
        }


@dataclass(frozen=True, eq=False)
class Read:
    """A trajectory and what is known of its growth, worked out once."""

    x: Trajectory

    @cached_property
    def typical(self) -> Growth:
        """Of the typical replicate."""
        return growth(self.x, "typical")

    @cached_property
    def mean(self) -> Growth:
        """Of the mean."""
        return growth(self.x, "mean")
