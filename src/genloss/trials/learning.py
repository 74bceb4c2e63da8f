"""What learners answer that learnt from weighted rows; linear ones in all splits at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genloss.errors import FitError
from genloss.metrics import logistic
from genloss.metrics.learners import LINEAR, fitted, predicted, probabilities
from genloss.samples import Array

_PENALTIES = tuple((f"penalty x{p:g}", {"penalty": p}) for p in (1.0, 0.01, 0.1, 10.0, 100.0))
SETTINGS: Mapping[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    **dict.fromkeys(LINEAR, _PENALTIES),
    "boosting": (
        ("as it is", {}),
        ("few leaves", {"max_leaf_nodes": 6, "learning_rate": 0.05}),
        ("large leaves", {"min_samples_leaf": 40, "learning_rate": 0.05}),
    ),
}
"""The settings of a learner that are tried, the first of which is its own: words and fields."""

_AS_IT_IS: tuple[tuple[str, Mapping[str, Any]], ...] = (("as it is", {}),)


def settings_of(learner: Any) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The settings of a learner that are tried, its own first."""
    return SETTINGS.get(learner, _AS_IT_IS) if isinstance(learner, str) else _AS_IT_IS


@dataclass(frozen=True, eq=False)
class Lesson:
    """Rows to learn from, in S splits.

    Args:
        x: (S, n, d + 1) inputs, and 1.
        y: (S, n) codes, or numbers; every class occurs in every split.
        w: (S, n) weights of the rows; None where all are 1. Those of weight 0 are not there.
    """

    x: Array
    y: Array
    w: Array | None = None


@dataclass(eq=False)
class Pupil:
    """A learner in each of S splits, which are asked the same.

    Args:
        learner: a name, or what makes an estimator.
        classes: K; 0 where the target is a number.
        tests: (S, m, d + 1) inputs to be asked about, and 1.
        seeds: (S,) of what is random in the learner; the same for every arm.
        failed: the error of the last trial, if that failed.
    """

    learner: Any
    classes: int
    tests: Array
    seeds: Array
    failed: FitError | None = None
    _last: dict[int, logistic.Start] = field(default_factory=dict)

    def answers(self, lesson: Lesson, setting: int) -> Array:
        """(S, m, K) probabilities, or (S, m, 1) numbers; NaN of splits in which the learner failed.

        Args:
            lesson: what it learns from.
            setting: which of the learner's.
        """
        x, y, w = lesson.x, lesson.y, lesson.w
        given = settings_of(self.learner)[setting][1]
        if self.learner in LINEAR and self.classes:
            return self._classified(lesson, setting, given["penalty"])
        if self.learner in LINEAR:
            b = logistic.ridge(x[..., :-1], y, w, given["penalty"])
            return logistic.predicted(b, self.tests[..., :-1])[..., None]
        out = np.full((*self.tests.shape[:2], max(self.classes, 1)), np.nan)
        for s, (test, seed) in enumerate(zip(self.tests[..., :-1], self.seeds, strict=True)):
            there = slice(None) if w is None else w[s] > 0
            own = None if w is None or (w[s][there] == 1).all() else w[s][there]
            target = y[s][there].astype(int) if self.classes else y[s][there]
            try:
                one = fitted(self.learner, x[s][there, :-1], target, int(seed), self.classes, own, given)
                if self.classes:
                    codes, p = probabilities(self.learner, one, test)
                    out[s] = 0
                    out[s][:, codes] = p
                else:
                    out[s, :, 0] = predicted(self.learner, one, test)
                self.failed = None
            except FitError as error:  # one trial of many: its answers are missing, and the others go on
                self.failed = error
                print(error)
        return out

    def held_to(self, first: Lesson, then: Lesson, setting: int) -> Array:
        """Answers of a linear learner that learns from some rows, then from others, held to what it learnt.

        The second time its penalty is on the distance to the first slopes: the larger, the shorter it is
        fine-tuned.

        Args:
            first: rows that it begins with.
            then: rows that it ends with.
            setting: which of the learner's.
        """
        penalty = settings_of(self.learner)[setting][1]["penalty"]
        if not self.classes:
            b = logistic.ridge(first.x[..., :-1], first.y, first.w, 1.0)
            rest = then.y - logistic.predicted(b, then.x[..., :-1])
            b = b + logistic.ridge(then.x[..., :-1], rest, then.w, penalty)
            return logistic.predicted(b, self.tests[..., :-1])[..., None]
        w = [np.ones(some.y.shape) if some.w is None else some.w for some in (first, then)]
        start = logistic.from_near(first.x, first.y, w[0], self.classes, 1.0, None)
        found = logistic.from_near(
            then.x, then.y, w[1], self.classes, penalty, start, centre=start.coefficients
        )
        return logistic.chances(found.coefficients, self.tests[..., :-1])

    def _classified(self, lesson: Lesson, setting: int, penalty: float) -> Array:
        w = np.ones(lesson.y.shape) if lesson.w is None else lesson.w
        # from where the last arm of this setting ended: neighbouring doses have neighbouring optima
        start = self._last.get(setting, self._last.get(setting - 1))
        found = logistic.from_near(lesson.x, lesson.y, w, self.classes, penalty, start)
        self._last[setting] = found
        return logistic.chances(found.coefficients, self.tests[..., :-1])
