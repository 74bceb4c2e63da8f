"""Rows that a linear learner learns from and rows that judge it, in one or more splits, by groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from genloss.errors import DataError, SpecError, shown
from genloss.metrics import logistic
from genloss.samples import Array
from genloss.streams import Address
from genloss.trials.splits import folded
from genloss.value.gains import Interval

Learner = Literal["logistic", "ridge"]
Output = Literal["loss", "margin"]

# Numbers of the inputs of one block of fits: 2^22 float64 are 32 MB.
_BLOCK = 2**22


@dataclass(frozen=True)
class Effect:
    """What a group of rows does to the held-out loss.

    Args:
        group: its label.
        rows: how many it has.
        change: of the mean held-out loss if the group is left out; above 0 the group helps. Intervals of all
            groups hold at once.
    """

    group: Any
    rows: int
    change: Interval

    @property
    def word(self) -> str:
        """Whether the group "helps" or "hurts"; "no evidence" where the interval holds 0."""
        return "helps" if self.change.low > 0 else "hurts" if self.change.high < 0 else "no evidence"


@dataclass(frozen=True, eq=False)
class Deal:
    """What is learnt from and what judges, in S splits.

    Args:
        x: (S, n, d + 1) inputs to learn from, and 1.
        y: (S, n) their targets: codes of classes, or numbers.
        of: (S, n) which group they are of.
        tests: (S, m, d + 1) inputs that judge, and 1.
        told: (S, m) their targets.
        groups: (G,) labels of the groups.
        sizes: (G,) rows of each, in all.
        classes: K; 0 where the target is a number.
        penalty: times half the squared length of the slopes; 1/C, or alpha, of scikit-learn's.
        output: what is asked of held-out rows: the "loss", minus log probability or squared error; or the
            "margin", minus the log odds of the row's class, which is nearer to linear in what was learnt.
    """

    x: Array
    y: Array
    of: Array
    tests: Array
    told: Array
    groups: Array
    sizes: Array
    classes: int
    penalty: float
    output: Output

    @property
    def columns(self) -> int:
        """C, sets of coefficients: one for a number or two classes, K for more."""
        return self.classes if self.classes > 2 else 1

    @cached_property
    def whole(self) -> logistic.Start:
        """The optimum of each split with every row, and the inverse of its curvature; NaN that of numbers."""
        return self._optimum(self.x, self.y, np.ones(self.y.shape), None)

    def losses(self, b: Array, split: int) -> Array:
        """(R, m) what is asked of the rows that judge in a split, less of which is better.

        Args:
            b: (R, d + 1, C) coefficients.
            split: which.
        """
        told = self.told[split]
        if not self.classes:
            return np.asarray((np.matmul(self.tests[split], b)[..., 0] - told) ** 2)
        own = self._own(b, split)
        return np.asarray(-np.log(own) if self.output == "loss" else np.log1p(-own) - np.log(own))

    def losses_slope(self, b: Array, split: int) -> Array:
        """(m, C) slopes of what is asked of the rows that judge along the predictor.

        Args:
            b: (d + 1, C) coefficients.
            split: which.
        """
        slope, _ = self.slopes(b, self.tests[split], self.told[split])
        if not self.classes:
            return np.asarray(2 * slope)  # squared errors are judged, and halves of them learnt from
        return slope if self.output == "loss" else np.asarray(slope / (1 - self._own(b[None], split).T))

    def _own(self, b: Array, split: int) -> Array:
        """(R, m) probabilities of the classes that the rows that judge have."""
        p = logistic.chances(b, self.tests[split][:, :-1])
        own = np.take_along_axis(p, self.told[split].astype(int)[None, :, None], axis=-1)[..., 0]
        return np.asarray(np.clip(own, np.finfo(float).tiny, 1 - np.finfo(float).eps))

    def slopes(self, b: Array, x: Array, y: Array) -> tuple[Array, Array]:
        """(n, C) slopes of the losses that are learnt from along the predictor, and (n, C, C) curvatures.

        Args:
            b: (d + 1, C) coefficients.
            x: (n, d + 1) inputs, and 1.
            y: (n,) targets.
        """
        if not self.classes:
            return x @ b - y[:, None], np.ones((len(y), 1, 1))
        p = logistic.chances(b[None], x[:, :-1])[0]
        if self.columns == 1:
            p = p[:, 1:]
        known = np.arange(self.classes)[-self.columns :]
        return p - (y[:, None] == known), p[:, :, None] * np.eye(self.columns) - p[:, :, None] * p[:, None]

    def weighed(self, weights: Array) -> Array:
        """(M, S m) what held-out rows lose, split after split, by learners whose groups weigh as given.

        Args:
            weights: (M, G) of each group's rows, from 0 to 1.

        Raises:
            SpecError: if a class has no rows left.
        """
        splits = range(len(self.x))
        return np.concatenate([np.concatenate([*self._learnt(weights, s)]) for s in splits], axis=1)

    def _learnt(self, weights: Array, split: int) -> Iterator[Array]:
        """(B, m) losses of learners in a split, block after block of the weights (M, G)."""
        x, y = self.x[split], self.y[split]
        size = max(_BLOCK // x.size, 1)
        for first in range(0, len(weights), size):
            w = weights[first : first + size][:, self.of[split]]
            for k in range(max(self.classes, 1)):
                if not (w[:, y == k] if self.classes else w).any(axis=1).all():
                    raise SpecError(
                        "groups: without some of them a class has no rows, or nothing has, and nothing could "
                        "be learnt; join small groups, or small classes"
                    )
            every = np.broadcast_to(x, (len(w), *x.shape)), np.broadcast_to(y, (len(w), *y.shape))
            start = None
            if self.classes:  # every row's optimum is near to that of most of them
                near = self.whole.coefficients[split], self.whole.inverse[split]
                start = logistic.Start(*(np.repeat(one[None], len(w), axis=0) for one in near))
            yield self.losses(self._optimum(*every, w, start).coefficients, split)

    def _optimum(self, x: Array, y: Array, w: Array, start: logistic.Start | None) -> logistic.Start:
        if self.classes:
            return logistic.from_near(x, y, w, self.classes, self.penalty, start)
        b = logistic.ridge(x[..., :-1], y, w, self.penalty)[..., None]
        return logistic.Start(b, np.full((len(b), 0, 0), np.nan))

    def effects(self, mean: Array, error: Array, freedom: float) -> list[Effect]:
        """Groups with intervals that hold at once (Sidak's), the most helpful first.

        Args:
            mean: (G,) change of the held-out loss without each group.
            error: (G,) standard errors.
            freedom: degrees of freedom of the errors.
        """
        labels = self.groups.tolist()
        half = stats.t.ppf(0.5 + 0.5 * 0.95 ** (1 / len(mean)), freedom) * error
        return [
            Effect(
                labels[g],
                int(self.sizes[g]),
                Interval(*(float(v) for v in (mean[g], mean[g] - half[g], mean[g] + half[g]))),
            )
            for g in np.argsort(-mean, kind="stable")
        ]


def deal(
    x: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    learner: Learner = "logistic",
    *,
    output: Output = "loss",
    tests: tuple[ArrayLike, ArrayLike] | None = None,
    judges: ArrayLike | None = None,
    folds: int = 10,
    penalty: float = 1.0,
    seed: int = 0,
) -> Deal:
    """Rows by groups, dealt into what is learnt from and what judges.

    Args:
        x: (n, d) inputs; of like size, since the penalty weighs all slopes alike.
        y: (n,) classes, or numbers for "ridge".
        groups: (n,) labels: source, generation, cluster, class.
        learner: "logistic" or "ridge".
        output: what is asked of held-out rows: "loss", or of classes "margin".
        tests: (m, d) inputs and (m,) targets that judge; None where rows of x are held out in turn.
        judges: (n,) which rows of x may be held out, as the real ones; None for all. The others are always
            learnt from.
        folds: that those who judge are dealt into, where there are no tests.
        penalty: times half the squared length of the slopes; 1/C, or alpha, of scikit-learn's.
        seed: of the dealing.

    Raises:
        DataError: if arrays do not fit each other, hold NaN, or have one class or one group alone.
        SpecError: if there is no such learner, or there are too few rows for the folds.
    """
    if learner not in ("logistic", "ridge"):
        raise SpecError(f"learner: {shown(learner)} is none of logistic, ridge")
    if output not in ("loss", "margin") or (output == "margin" and learner == "ridge"):
        raise SpecError(f"output: {shown(output)} is none of loss and, for logistic, margin")
    if not penalty > 0:
        raise SpecError(f"penalty: give a number above 0 (got {shown(penalty)})")
    inputs, targets = _numbers("x", x, 2), np.asarray(y)
    labels, of, sizes = _kinds("groups", np.asarray(groups))
    for what, length in (("y", targets.shape), ("groups", np.shape(groups))):
        if length != (len(inputs),):
            raise DataError(f"{what}: has shape {length}; give one for each of the {len(inputs)} rows of x")
    if len(labels) < 2:
        raise DataError(f"groups: all rows are of {shown(labels.tolist()[0])}; give labels of two at least")
    codes, kinds = _targets(targets, learner)
    if tests is None:
        held, trained = _folds(codes, kinds, judges, folds, seed)
        asked, told = inputs[held], codes[held]
    else:
        asked, told = _asked(*tests, inputs.shape[1], kinds)
        trained = np.arange(len(inputs))[None]
    return Deal(
        logistic.with_ones(inputs[trained]),
        codes[trained],
        of[trained],
        logistic.with_ones(asked),
        told,
        labels,
        sizes,
        0 if kinds is None else len(kinds),
        float(penalty),
        output,
    )


def over_rows(changes: Array) -> tuple[Array, Array]:
    """(G,) means of changes (G, m) over held-out rows, and their standard errors."""
    m = changes.shape[1]
    return changes.mean(axis=1), changes.std(axis=1) / np.sqrt(max(m - 1, 1))


def _targets(y: Array, learner: Learner) -> tuple[Array, Array | None]:
    """Codes and the classes they stand for; or numbers and None."""
    if learner == "ridge":
        return _numbers("y", y, 1), None
    kinds, codes, count = _kinds("y", y)
    if len(kinds) < 2:
        raise DataError(f"y: all rows are of class {shown(kinds.tolist()[0])}; give two classes at least")
    if len(kinds) > max(0.5 * len(y), 2):
        raise DataError(
            f"y: has {len(kinds)} values in {len(y)} rows, which are numbers rather than classes; "
            f"use learner ridge"
        )
    if count.min() < 2:
        rare = shown(kinds.tolist()[count.argmin()])
        raise DataError(f"y: class {rare} has one row; leave it out, or join it to another")
    return codes, kinds


def _kinds(what: str, values: Array) -> tuple[Array, Array, Array]:
    """Labels that there are, in order, the codes of all (n,), and how many have each."""
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise DataError(f"{what}: holds NaN; leave these rows out, or give them a label of their own")
    try:
        labels, codes, count = np.unique(values, return_inverse=True, return_counts=True)
    except TypeError:  # None beside a text, for one
        raise DataError(f"{what}: labels are of several types; give texts alone, or numbers alone") from None
    return labels, codes.reshape(-1), count


def _asked(x: ArrayLike, y: ArrayLike, d: int, kinds: Array | None) -> tuple[Array, Array]:
    """(1, m, d) inputs and (1, m) targets of rows that judge, given beside those that are learnt from."""
    inputs, targets = _numbers("tests", x, 2), np.asarray(y)
    if inputs.shape[1] != d or targets.shape != (len(inputs),):
        raise DataError(f"tests: have shapes {inputs.shape} and {targets.shape}; give (m, {d}) and (m,)")
    if kinds is None:
        return inputs[None], _numbers("tests", targets, 1)[None]
    if not np.isin(targets, kinds).all():
        raise DataError("tests: a target is of a class that no row of y has; leave it out")
    return inputs[None], np.searchsorted(kinds, targets)[None]


def _folds(
    codes: Array, kinds: Array | None, judges: ArrayLike | None, folds: int, seed: int
) -> tuple[Array, Array]:
    """(K, m) held-out and (K, n - m) training rows of each fold."""
    mine = np.ones(len(codes), dtype=bool) if judges is None else np.asarray(judges)
    if mine.shape != codes.shape or mine.dtype != bool:
        raise DataError(f"judges: give True or False for each of the {len(codes)} rows")
    if not 2 <= folds <= mine.sum():
        raise SpecError(
            f"folds: from 2 to the {mine.sum()} rows that judge (got {shown(folds)}); give fewer folds"
        )
    rows = np.flatnonzero(mine)
    held, trained = folded(None if kinds is None else codes[rows], len(rows), folds, Address(seed).real(0, 0))
    others = np.broadcast_to(np.flatnonzero(~mine), (folds, len(codes) - len(rows)))
    return rows[held], np.concatenate([rows[trained], others], axis=1)


def _numbers(what: str, values: ArrayLike, axes: int) -> Array:
    """Finite floats of so many axes."""
    try:
        out = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{what}: holds other things than numbers; encode them first") from None
    if out.ndim != axes or not out.size:
        raise DataError(f"{what}: has shape {out.shape}; give {'(n, d)' if axes == 2 else '(n,)'} numbers")
    if not np.isfinite(out).all():
        raise DataError(f"{what}: holds NaN or infinite values; leave these rows out, or fill them in")
    return out
