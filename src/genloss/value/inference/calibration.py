"""Prediction sets that hold the true label as often as they say, from few real rows and many synthetic ones.

A score says how badly a label fits a prediction. Of n real calibration rows the k-th smallest score is at
least as large as a new row's with probability k/(n + 1) or more, whatever their law. Few rows leave that
cutoff rough, or infinite. Synthetic rows tell a finer one, which may be wrong: it is used as far as it lies
between two of the real cutoffs, and the lower of these is what is guaranteed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import DataError, shown
from genloss.numbers import number
from genloss.samples import Array
from genloss.value.inference.rows import column
from genloss.value.inference.weighting import checked
from genloss.wording import several


@dataclass(frozen=True, eq=False)
class Conformal:
    """A calibrated predictor: what fits a prediction better than the cutoff is in its set.

    Args:
        cutoff: the largest score of labels that are in a set; infinite where the rows are too few for any.
        level: share of sets that are meant to hold the label.
        floor: share that do whatever the synthetic rows are.
        real: cutoff of the real rows alone.
        pooled: cutoff of real and synthetic rows together; NaN where there are no synthetic ones.
        n: real rows.
        synthetic: synthetic rows.
        classes: K, of labels that are classes; 0 of labels that are numbers.
    """

    cutoff: float
    level: float
    floor: float
    real: float
    pooled: float
    n: int
    synthetic: int
    classes: int = 0

    def sets(self, prediction: ArrayLike) -> Array:
        """The prediction sets of new rows.

        Args:
            prediction: (m,) numbers, or (m, K) probabilities.

        Returns:
            Array: (m, 2) low and high ends; of classes (m, K), whether each is in the set.

        Raises:
            DataError: if predictions are not of the kind that was calibrated.
        """
        given = np.asarray(prediction, dtype=float)
        shape = f"(m, {self.classes}) probabilities" if self.classes else "(m,) numbers"
        if given.ndim != (2 if self.classes else 1) or (self.classes and given.shape[1] != self.classes):
            raise DataError(f"predictions of the shape {given.shape}: it was calibrated on {shape}")
        if self.classes:
            found: Array = 1 - given <= self.cutoff
            return found
        return np.stack([given - self.cutoff, given + self.cutoff], axis=1)

    @property
    def guarantee(self) -> str:
        """What is promised, and of what."""
        given = f"if new rows and the {several(self.n, 'real row')} come from one law"
        if not self.synthetic:
            return f"At least {100 * self.level:.6g} % of sets hold the label, {given}."
        return (
            f"At least {100 * self.floor:.6g} % of sets hold the label, {given}, whatever the "
            f"{several(self.synthetic, 'synthetic row')} are; no set is larger than without them."
        )

    def __str__(self) -> str:
        """The cutoff beside that of real rows alone, and the guarantee."""
        pooled = f", of real and synthetic rows {number(self.pooled)}" if self.synthetic else ""
        return (
            f"cutoff {number(self.cutoff)}; of real rows alone {number(self.real)}{pooled}\n{self.guarantee}"
        )


def conformal(
    label: Any,
    prediction: Any,
    synthetic_label: Any = None,
    synthetic_prediction: Any = None,
    *,
    level: float = 0.9,
    floor: float | None = None,
) -> Conformal:
    """Calibrate a predictor by split conformal prediction; synthetic rows help where real ones are few.

    Scores are |label - prediction| of numbers, and 1 - p of classes, p the probability of the label. With
    synthetic rows the cutoff is that of all rows together, but no lower than the real rows' cutoff for
    `floor`, and no higher than theirs for `level`. Of new rows that are exchangeable with the real ones,

    - at least `floor` of sets hold the label, whatever the synthetic rows are;
    - no set is larger than it would be without synthetic rows;
    - if synthetic rows are exchangeable with them too, and real ones too few for a finite cutoff of their
      own, at least `level` of sets hold the label.

    Neither the real nor the synthetic rows may have taught the predictor.

    Args:
        label: (n,) true labels: numbers, or classes from 0 to K - 1.
        prediction: (n,) predictions of numbers, or (n, K) probabilities of classes.
        synthetic_label: (N,) of synthetic rows; None where there are none.
        synthetic_prediction: (N,) or (N, K) predictions for them.
        level: share of sets that are meant to hold the label.
        floor: share that must, whatever the synthetic rows are; by default the errors may double.

    Raises:
        DataError: if something is missing, is no number, or is no class that has a probability.

    References:
        Vovk, Gammerman and Shafer, Algorithmic learning in a random world (2005); Bashari, Lee, Lotan,
        Dobriban and Romano, Statistical inference leveraging synthetic data with distribution-free guarantees
        (2025), arXiv:2509.20345: sets by a cutoff are nested, so that their unions and intersections of sets
        from real and from all rows come to a cutoff between two others.

    >>> found = conformal([1.2, 0.4, 2.9, 3.6], [1, 1, 3, 3], level=0.8)
    >>> print(found)
    cutoff 0.6; of real rows alone 0.6
    At least 80 % of sets hold the label, if new rows and the 4 real rows come from one law.
    >>> found.sets([2.0]).tolist()
    [[1.4, 2.6]]
    """
    checked(level, None, "t")
    lowest = max(2 * level - 1, 0.0) if floor is None else floor
    if not 0 <= lowest <= level:
        raise DataError(f"floor = {shown(floor)}: give a number from 0 to the level, {level:g}")
    real, classes = _scores(label, prediction, "")
    alone = _cutoff(real, level)
    if synthetic_label is None or synthetic_prediction is None:
        if synthetic_label is not synthetic_prediction:
            raise DataError("synthetic rows need both, labels and predictions")
        return Conformal(alone, level, level, alone, math.nan, len(real), 0, classes)
    other, kinds = _scores(synthetic_label, synthetic_prediction, "synthetic ")
    if kinds != classes:
        raise DataError(
            "real and synthetic predictions are not of one shape: give both as numbers or for all classes"
        )
    pooled = _cutoff(np.concatenate([real, other]), level)
    cutoff = min(max(pooled, _cutoff(real, lowest)), alone)
    return Conformal(cutoff, level, lowest, alone, pooled, len(real), len(other), classes)


def _cutoff(scores: Array, level: float) -> float:
    """The score that a new row's exceeds with probability 1 - level at most; infinite where n are too few.

    The smallest k with k/(n + 1) >= level; a level of 9/10 times 10 rows is not rounded to beyond 9.
    """
    n = len(scores)
    k = math.ceil(level * (n + 1) * (1 - 1e-12))
    return math.inf if k > n else -math.inf if k == 0 else float(np.partition(scores, k - 1)[k - 1])


def _scores(label: Any, prediction: Any, which: str) -> tuple[Array, int]:
    """(n,) how badly labels fit predictions, and how many classes there are, 0 of numbers."""
    y = column(label, f"{which}label", "a calibration row needs its label")
    given = np.asarray(prediction)
    if not len(y):
        raise DataError(f"no {which}calibration rows: give some")
    if len(given) != len(y):
        raise DataError(f"{len(y)} {which}labels and {len(given)} predictions: give one for each row")
    if given.ndim != 2:
        return np.abs(y - column(prediction, f"{which}prediction", "each row needs one")), 0
    p = np.stack([column(c, f"{which}prediction", "each row needs one") for c in given.T], axis=1)
    k = p.shape[1]
    wrong = y[(y != np.round(y)) | (y < 0) | (y >= k)]
    if len(wrong):
        raise DataError(f"{which}label {wrong[0]:g}: there are probabilities of {k} classes, 0 to {k - 1}")
    if p.min() < 0 or p.max() > 1:
        raise DataError(f"{which}prediction holds {p.min() if p.min() < 0 else p.max():.6g}, no probability")
    return 1 - p[np.arange(len(y)), y.astype(int)], k
