"""Measures of answers, as a number for each row whose mean is the measure.

Of what is no mean over rows, the area under the curve, F1, a root or a ratio of means, each row has its
share to first order: the mean of the shares is the measure, and their spread over rows is its error (the
delta method; of the area under the curve DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genloss.samples import Array

Family = Literal["ranking", "calibration", "decisions", "numbers"]


@dataclass(frozen=True, eq=False)
class Measure:
    """What answers are judged by.

    Args:
        name: as users write it.
        title: in words.
        family: "ranking", "calibration" and "decisions" of classes, or "numbers".
        better: "lower" or "higher".
        points: whether it is a share, whose differences are told in points, hundredths.
        rows: (..., S, m, K) probabilities, or (..., S, m, 1) numbers, and (S, m) targets to (..., S, m)
            shares.
    """

    name: str
    title: str
    family: Family
    better: Literal["lower", "higher"]
    points: bool
    rows: Callable[[Array, Array], Array]

    @property
    def sign(self) -> float:
        """What a difference is multiplied by so that more is better."""
        return 1.0 if self.better == "higher" else -1.0


# -- of classes: probabilities (..., S, m, K), codes (S, m) ------------------------------------------


def _log_loss(p: Array, y: Array) -> Array:
    own = np.take_along_axis(p, _at(p, y), axis=-1)[..., 0]
    return np.asarray(-np.log(np.maximum(own, np.finfo(float).eps)))  # as scikit-learn cuts it


def _brier(p: Array, y: Array) -> Array:
    told = (y[..., None] == np.arange(p.shape[-1])).astype(float)
    return np.asarray(((p - told) ** 2).sum(axis=-1) / 2)


def _error(p: Array, y: Array) -> Array:
    return np.asarray(p.argmax(axis=-1) != y, dtype=float)


def _balanced_error(p: Array, y: Array) -> Array:
    return np.asarray(_by_class(p, y) * (_tuned(p, y) != y))


def _auc(p: Array, y: Array) -> Array:
    """Of two classes; of more the mean over classes of each against the rest."""
    classes = p.shape[-1]
    found = [_one_auc(p[..., k], y == k) for k in range(classes) if classes > 2 or k == 1]
    return np.asarray(np.mean(found, axis=0))


def _one_auc(score: Array, of: Array) -> Array:
    """Shares of rows in the chance that one of the class is put above another, fold by fold."""
    from scipy.stats import rankdata

    ones = of.sum(axis=-1)
    others = of.shape[-1] - ones
    among_all = rankdata(score, axis=-1)
    # ranks among the own kind, so that what is left counts the rows of the other kind that lie below
    top = np.where(of, score, np.inf), np.where(of, np.inf, score)
    own = np.where(of, rankdata(top[0], axis=-1), rankdata(top[1], axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        below = among_all - own
        place = np.where(of, below / others[..., None], 1 - below / ones[..., None])
        area = np.where(of, place, 0).sum(axis=-1, keepdims=True) / ones[..., None]
        size = np.where(of, ones[..., None], others[..., None])
        # a fold without one of the kinds tells nothing, and its rows stand at no share
        return np.asarray(area + (place - area) * of.shape[-1] / size)


def _f1(p: Array, y: Array) -> Array:
    """Of the last class of two; of more the mean over classes."""
    said, classes = _tuned(p, y), p.shape[-1]
    found = []
    for k in range(classes) if classes > 2 else (1,):
        hit = ((said == k) & (y == k)).astype(float)
        asked = (said == k).astype(float) + (y == k)
        top, bottom = hit.mean(axis=(-1, -2), keepdims=True), asked.mean(axis=(-1, -2), keepdims=True)
        f1 = 2 * top / np.maximum(bottom, 1e-300)
        found.append(f1 + (2 * hit - f1 * asked) / np.maximum(bottom, 1e-300))
    return np.asarray(np.mean(found, axis=0))


def _tuned(p: Array, y: Array) -> Array:
    """Codes decided by a threshold that was tuned, for the balanced error, on the other folds.

    Of more classes than two each probability is divided by its class's share. Where one fold alone is known
    there is nothing to tune on, and the likelier class is said.
    """
    share = (y[..., None] == np.arange(p.shape[-1])).mean(axis=(0, 1))
    if p.shape[-1] > 2:
        return np.asarray((p / np.maximum(share, 1e-300)).argmax(axis=-1))
    if y.shape[0] == 1:
        return np.asarray(p.argmax(axis=-1))
    score, weight = p[..., 1], np.where(y == 1, 1 / max(share[1], 1e-300), -1 / max(share[0], 1e-300))
    out = np.empty(score.shape, dtype=int)
    for fold in range(y.shape[0]):
        rest = np.arange(y.shape[0]) != fold
        known = score[..., rest, :].reshape(*score.shape[:-2], -1)
        gain = np.broadcast_to(weight[rest].reshape(-1), known.shape)
        order = np.argsort(known, axis=-1)
        ranked = np.take_along_axis(known, order, axis=-1)
        # what is said to be of the class lies at or above the threshold
        above = np.cumsum(np.take_along_axis(gain, order, axis=-1)[..., ::-1], axis=-1)[..., ::-1]
        first = np.concatenate(
            [np.ones((*ranked.shape[:-1], 1), bool), np.diff(ranked, axis=-1) > 0], axis=-1
        )
        best = np.where(first, above, -np.inf).argmax(axis=-1)[..., None]
        here = np.take_along_axis(ranked, best, axis=-1)
        before = np.take_along_axis(ranked, np.maximum(best - 1, 0), axis=-1)
        out[..., fold, :] = score[..., fold, :] > (here + before) / 2
    return out


def _at(p: Array, y: Array) -> Array:
    return np.broadcast_to(y.astype(int)[..., None], (*p.shape[:-1], 1))


def _by_class(p: Array, y: Array) -> Array:
    """(S, m) weights of rows by which all classes count alike."""
    there = y[..., None] == np.arange(p.shape[-1])
    share = there.mean(axis=(0, 1))
    return np.asarray((there / np.maximum(share, 1e-300)).sum(axis=-1) / max((share > 0).sum(), 1))


# -- of numbers: answers (..., S, m, 1), targets (S, m) ----------------------------------------------


def _mae(p: Array, y: Array) -> Array:
    return np.asarray(np.abs(p[..., 0] - y))


def _rmse(p: Array, y: Array) -> Array:
    square = (p[..., 0] - y) ** 2
    root = np.sqrt(square.mean(axis=(-1, -2), keepdims=True))
    return np.asarray(root + (square - root**2) / np.maximum(2 * root, 1e-300))


def _r2(p: Array, y: Array) -> Array:
    return np.asarray(1 - (p[..., 0] - y) ** 2 / np.maximum(y.var(), 1e-300))


OF_CLASSES = (
    Measure("brier", "Brier score", "calibration", "lower", True, _brier),
    Measure("log_loss", "log loss", "calibration", "lower", False, _log_loss),
    Measure("auc", "area under the ROC curve", "ranking", "higher", True, _auc),
    Measure("error", "error", "decisions", "lower", True, _error),
    Measure(
        "balanced_error", "balanced error at a tuned threshold", "decisions", "lower", True, _balanced_error
    ),
    Measure("f1", "F1 at a tuned threshold", "decisions", "higher", True, _f1),
)
"""Measures of answers about classes, the default first: a proper score sees the smallest gains."""
OF_NUMBERS = (
    Measure("rmse", "root mean squared error", "numbers", "lower", False, _rmse),
    Measure("mae", "mean absolute error", "numbers", "lower", False, _mae),
    Measure("r2", "explained variance R2", "numbers", "higher", True, _r2),
)
"""Measures of answers that are numbers, the default first."""


def measures(classes: int) -> Mapping[str, Measure]:
    """The measures of answers about K classes, or of numbers where K is 0, by name."""
    return {m.name: m for m in (OF_CLASSES if classes else OF_NUMBERS)}
