"""Influence functions: what leaving a group of rows out would do, without learning again.

At the optimum b of all rows, with curvature H of the penalised loss, and slope g and curvature G of the part
that a group has in it, the optimum of the others is near b + (H - G)^-1 g, one step of Newton's method; of
squared errors it is just there. To first order in the group's weight it is b + H^-1 g, and a held-out loss
with slope t changes by t' H^-1 g.

References:
    Koh & Liang, Understanding black-box predictions via influence functions (2017), arXiv:1703.04730.
    Koh, Ang, Teo & Liang, On the accuracy of influence functions for measuring group effects (2019),
    arXiv:1905.13289, section 2: first order understates what large groups do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import SpecError, shown
from genloss.samples import Array
from genloss.value.attribution.deals import Deal, Effect, Learner, Output, deal, over_rows
from genloss.value.attribution.scores import datamodelling_score

_FLOOR = 1e-12


@dataclass(frozen=True, eq=False)
class Check:
    """Effects beside what learning again says.

    Args:
        groups: that were left out in truth.
        predicted: (k,) change of the held-out loss that was foretold for each.
        retrained: (k,) what it was.
        error: (k,) its standard error over held-out rows.
    """

    groups: tuple[Any, ...]
    predicted: Array
    retrained: Array
    error: Array

    @property
    def correlation(self) -> float:
        """Between the two; NaN of fewer than three groups, or where all changes are equal."""
        if len(self.groups) < 3 or np.ptp(self.predicted) == 0 or np.ptp(self.retrained) == 0:
            return float("nan")
        return float(np.corrcoef(self.predicted, self.retrained)[0, 1])


@dataclass(frozen=True, eq=False)
class Influence:
    """What each group of rows does to the held-out loss, foretold from one fit.

    Args:
        dealt: the rows.
        share: of each group's weight that is taken away.
        changes: (G, S m) of the loss of each held-out row without each group, in the order of
            ``dealt.groups``.
    """

    dealt: Deal
    share: float
    changes: Array

    @cached_property
    def loss(self) -> float:
        """Mean held-out loss with every row."""
        return float(self.dealt.weighed(np.ones((1, len(self.dealt.groups)))).mean())

    @cached_property
    def effects(self) -> list[Effect]:
        """The groups, the most helpful first.

        Intervals are over held-out rows: given the rows that were learnt from.
        """
        return self.dealt.effects(*over_rows(self.changes), self.changes.shape[1] - 1)

    def check(self, retrainings: int = 10) -> Check:
        """Learn again without some groups, and compare: those of the largest effects first.

        Args:
            retrainings: groups that are left out, each by itself.

        Raises:
            SpecError: if it is not at least 1.
        """
        if retrainings < 1:
            raise SpecError(f"retrainings: at least 1 (got {shown(retrainings)})")
        foretold, _ = over_rows(self.changes)
        some = np.argsort(-np.abs(foretold), kind="stable")[:retrainings]
        left = 1 - self.share * (some[:, None] == np.arange(len(foretold)))
        losses = self.dealt.weighed(np.concatenate([np.ones((1, len(foretold))), left]))
        mean, error = over_rows(losses[1:] - losses[0])
        return Check(tuple(self.dealt.groups[some].tolist()), foretold[some], mean, error)

    def score(self, subsets: int = 200, share: float = 0.5, seed: int = 0) -> float:
        """The linear datamodelling score: how well sums of these effects tell learners of subsets apart.

        Args:
            subsets: how many learn.
            share: of the groups that each subset has.
            seed: of the subsets.

        Raises:
            SpecError: if there are fewer than 3, or a subset would have no group, or all.
        """
        return datamodelling_score(self.dealt, self.changes / self.share, share, subsets, seed)


def influence(
    x: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    learner: Learner = "logistic",
    *,
    share: float = 1.0,
    order: Literal[1, 2] = 2,
    output: Output = "loss",
    tests: tuple[ArrayLike, ArrayLike] | None = None,
    judges: ArrayLike | None = None,
    folds: int = 10,
    penalty: float = 1.0,
    seed: int = 0,
) -> Influence:
    """What leaving each group of rows out does to the held-out loss of a linear learner.

    Args:
        x: (n, d) inputs; of like size, since the penalty weighs all slopes alike.
        y: (n,) classes, or numbers for "ridge".
        groups: (n,) labels: source, generation, cluster, class.
        learner: "logistic", judged by minus log probability, or "ridge", by squared error.
        share: of each group's weight that is taken away; below 1 where a group is all of a class.
        order: 1 for the influence function, linear in the group's weight; 2 for a step with the curvature of
            the other rows, which of "ridge" is exact.
        output: what is asked of held-out rows: the "loss"; or of classes the "margin", minus the log odds of
            the row's class, which is nearer to linear.
        tests: (m, d) inputs and (m,) targets that judge; None where rows of x are held out in turn.
        judges: (n,) which rows of x may be held out, as the real ones; None for all.
        folds: that those who judge are dealt into, where there are no tests.
        penalty: times half the squared length of the slopes; 1/C, or alpha, of scikit-learn's.
        seed: of the dealing.

    Raises:
        DataError: if arrays do not fit each other, hold NaN, or have one class or one group alone.
        SpecError: if an option is out of range, or a group is all that there is of a class.

    >>> x = np.array([[0.0], [1], [2], [3], [0], [1], [2], [3]])
    >>> y, source = [0.0, 1, 2, 3, 3, 2, 1, 0], ["good"] * 4 + ["bad"] * 4
    >>> found = influence(x, y, source, "ridge", tests=([[0.0], [3.0]], [0.0, 3.0]), penalty=1e-9)
    >>> [(e.group, round(e.change.value, 2)) for e in found.effects]
    [('good', 6.75), ('bad', -2.25)]
    """
    if not 0 < share <= 1:
        raise SpecError(f"share: above 0, and at most 1 (got {shown(share)})")
    if order not in (1, 2):
        raise SpecError(f"order: 1 or 2 (got {shown(order)})")
    dealt = deal(
        x,
        y,
        groups,
        learner,
        output=output,
        tests=tests,
        judges=judges,
        folds=folds,
        penalty=penalty,
        seed=seed,
    )
    changes = [_changes(dealt, split, share, order) for split in range(len(dealt.x))]
    return Influence(dealt, share, np.concatenate(changes, axis=1))


def _changes(dealt: Deal, split: int, share: float, order: int) -> Array:
    """(G, m) changes of the losses in a split."""
    x, y, of = dealt.x[split], dealt.y[split], dealt.of[split]
    b = dealt.whole.coefficients[split]
    q, columns = b.shape
    slope, curvature = dealt.slopes(b, x, y)
    # of rows beyond doubt the intercept has no curvature: the floor moves no optimum
    ridge = np.tile(np.append(np.full(q - 1, dealt.penalty), 0.0), columns) + _FLOOR
    every = _curvature(x, curvature) + np.diag(ridge)
    if columns > 1:  # intercepts that all move alike change nothing: theirs is the sum 0
        last = np.arange(1, columns + 1) * q - 1
        every[np.ix_(last, last)] += 1
    ends = np.cumsum(np.bincount(of, minlength=len(dealt.groups)))[:-1]
    own = np.split(np.argsort(of, kind="stable"), ends)
    steps = np.zeros((len(own), q, columns))
    for g, rows in enumerate(own):
        if not len(rows):
            continue
        _some_of_each_class(dealt, y, rows, g, share)
        down = share * (x[rows].T @ slope[rows]).T.ravel()
        left = every if order == 1 else every - share * _curvature(x[rows], curvature[rows])
        steps[g] = np.linalg.solve(left, down).reshape(columns, q).T
    if order == 1:
        return np.asarray(np.einsum("mc,mq,gqc->gm", dealt.losses_slope(b, split), dealt.tests[split], steps))
    return dealt.losses(b + steps, split) - dealt.losses(b[None], split)


def _curvature(x: Array, of: Array) -> Array:
    """(C q, C q) of the losses of rows (n, q) whose predictors have curvatures (n, C, C)."""
    q, columns = x.shape[1], of.shape[1]
    out = np.empty((columns, q, columns, q))
    for c in range(columns):
        for other in range(columns):
            out[c, :, other] = (of[:, c, other, None] * x).T @ x
    return out.reshape(columns * q, columns * q)


def _some_of_each_class(dealt: Deal, y: Array, rows: Array, g: int, share: float) -> None:
    """Refuse to take away all that there is of a class, or at all."""
    if share < 1:
        return
    classes = y if dealt.classes else np.zeros(len(y), dtype=int)
    kinds = max(dealt.classes, 1)
    if not (np.bincount(classes, minlength=kinds) - np.bincount(classes[rows], minlength=kinds)).all():
        what = "of a class" if dealt.classes else "that are learnt from"
        raise SpecError(
            f"groups: {shown(dealt.groups.tolist()[g])} has all rows {what}, and nothing could be learnt "
            f"without them; give share below 1, as 0.5"
        )
