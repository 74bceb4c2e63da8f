"""Strategies: what else can be done with synthetic rows than to add them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np

from genloss.samples import Array
from genloss.trials.arms import Arm
from genloss.trials.learning import Lesson, Pupil

Strategy = Literal["nearest", "verified", "first", "ensemble"]
"""What can be done with them.

Keep those nearest to real rows (arXiv 2311.00931); keep those whose target a learner of real rows confirms
(2406.07515); learn from the synthetic rows first and then from the real ones, held to what was learnt
(2308.04553); learn from several synthetic data sets, one learner each, and average (2305.09235)."""
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

# Shares of the synthetic rows that are kept, nearest first.
_NEAREST = (0.05, 0.1, 0.25, 0.5)
# Synthetic data sets of an ensemble: as many as the largest dose has, but no more.
_ENSEMBLE = 8


def arms_of(
    strategies: Sequence[Strategy], settings: int, doses: Sequence[float], linear: bool
) -> Iterator[Arm]:
    """The arms of some strategies, in all settings of a linear learner, and in its own of others.

    Args:
        strategies: which.
        settings: of the learner.
        doses: synthetic rows by real ones.
        linear: whether the learner is; only one that is can be held to what it has learnt.
    """
    most = max(doses)
    for s in range(settings if linear else 1):
        for strategy in strategies:
            if strategy == "nearest":
                for share in _NEAREST:
                    yield Arm(share * most, setting=s, strategy="nearest")
            elif strategy == "verified":
                for dose in sorted({min(1.0, most), most}):
                    yield Arm(dose, setting=s, strategy="verified")
            elif strategy == "first" and linear:
                yield Arm(most, setting=s, strategy="first")
            elif strategy == "ensemble" and most >= 2:
                yield Arm(float(min(int(most), _ENSEMBLE)), setting=s, strategy="ensemble")


def nearest(real: Lesson, every: Lesson, kept: int) -> Lesson:
    """Real rows and the synthetic ones that lie nearest to one of them, by their inputs.

    Args:
        real: (S, n) real rows.
        every: these, and after them the synthetic ones.
        kept: synthetic rows.
    """
    from scipy.spatial import cKDTree

    n = real.y.shape[1]
    order = np.empty((len(real.y), kept), dtype=np.intp)
    for s, x in enumerate(every.x):
        far = np.asarray(cKDTree(x[:n]).query(x[n:])[0])
        if every.w is not None:  # rows that are not there are the farthest
            far = np.where(every.w[s, n:] > 0, far, np.inf)
        order[s] = np.argsort(far, kind="stable")[:kept]
    return _with(real, every, order)


def verified(pupil: Pupil, real: Lesson, every: Lesson, made: int) -> Lesson:
    """Real rows and, of the first synthetic ones, those whose target a learner of the real rows confirms.

    A class is confirmed that no other is more likely than; a number that is no farther off than real ones are
    in the root of their mean square.

    Args:
        pupil: who learns.
        real: (S, n) real rows.
        every: these, and after them the synthetic ones.
        made: synthetic rows that are looked at.
    """
    n = real.y.shape[1]
    rows = every.x[:, : n + made]
    found = Pupil(pupil.learner, pupil.classes, rows, pupil.seeds).answers(real, 0)
    y = every.y[:, : n + made]
    if pupil.classes:
        right = found.argmax(axis=-1) == y
    else:
        apart = np.abs(found[..., 0] - y)
        right = apart <= np.sqrt((apart[:, :n] ** 2).mean(axis=1, keepdims=True))
    w = np.where(np.arange(n + made) < n, 1.0, right.astype(float))
    return Lesson(rows, y, w if every.w is None else w * every.w[:, : n + made])


def ensemble(real: Lesson, every: Lesson, sets: int) -> list[Lesson]:
    """Synthetic data sets as large as the real one, one after the other."""
    n = real.y.shape[1]
    blocks = [slice(n + i * n, n + (i + 1) * n) for i in range(sets)]
    return [Lesson(every.x[:, b], every.y[:, b], None if every.w is None else every.w[:, b]) for b in blocks]


def _with(real: Lesson, every: Lesson, order: Array) -> Lesson:
    """Real rows, and synthetic ones by their places."""
    n = real.y.shape[1]
    x = np.take_along_axis(every.x[:, n:], order[..., None], axis=1)
    y = np.take_along_axis(every.y[:, n:], order, axis=1)
    w = None if every.w is None else np.take_along_axis(every.w[:, n:], order, axis=1)
    return Lesson(
        np.concatenate([real.x, x], axis=1),
        np.concatenate([real.y, y], axis=1),
        None if w is None else np.concatenate([np.ones(real.y.shape), w], axis=1),
    )
