"""Datamodels: what a learner loses, as a linear function of the groups that it learnt from.

Learners learn from many subsets of the groups; the loss of each is regressed on which groups were there, with
a penalty that cross-validation in closed form chooses. What it foretells of subsets that it has not seen,
ranked, is the linear datamodelling score, which any effects of groups can be judged by.

References:
    Ilyas, Park, Engstrom, Leclerc & Madry, Datamodels: predicting predictions from training data (2022),
    arXiv:2202.00622, sections 2 and 3.
    Golub, Heath & Wahba, Generalized cross-validation as a method for choosing a good ridge parameter,
    Technometrics 21 (1979) 215-223.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import SpecError, shown
from genloss.samples import Array
from genloss.streams import Address
from genloss.value.attribution.deals import Deal, Effect, Learner, Output, deal, over_rows
from genloss.value.attribution.scores import datamodelling_score

# Penalties that are tried, in units of the largest squared singular value of the subsets. Below 1e-3 they
# shrink nothing, or, of no more subsets than groups, leave residuals to rounding.
_PENALTIES = np.logspace(-3, 2, 31)


@dataclass(frozen=True, eq=False)
class Datamodel:
    """What each group of rows does to the held-out loss, learnt from learners of subsets.

    Args:
        dealt: the rows.
        share: the chance of each group to be in a subset.
        seed: of the subsets.
        changes: (G, S m) of the loss of each held-out row without each group, in the order of
            ``dealt.groups``.
        noise: (G,) standard errors of their means over subsets; not what the penalty shrinks.
        freedom: degrees of freedom of these.
    """

    dealt: Deal
    share: float
    seed: int
    changes: Array
    noise: Array
    freedom: float

    @cached_property
    def effects(self) -> list[Effect]:
        """The groups, the most helpful first; intervals are over held-out rows and over subsets."""
        mean, error = over_rows(self.changes)
        freedom = max(min(self.freedom, self.changes.shape[1] - 1), 1.0)
        return self.dealt.effects(mean, np.hypot(error, self.noise), freedom)

    def score(self, subsets: int = 200) -> float:
        """The linear datamodelling score, on subsets that were not learnt from.

        Args:
            subsets: how many.

        Raises:
            SpecError: if there are fewer than 3.
        """
        return datamodelling_score(self.dealt, self.changes, self.share, subsets, self.seed)


def datamodels(
    x: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    learner: Learner = "logistic",
    *,
    trainings: int = 1000,
    share: float = 0.5,
    output: Output = "loss",
    tests: tuple[ArrayLike, ArrayLike] | None = None,
    judges: ArrayLike | None = None,
    folds: int = 10,
    penalty: float = 1.0,
    seed: int = 0,
) -> Datamodel:
    """What leaving each group of rows out does to the held-out loss, by learners of many subsets.

    Influence asks what one group does where all others are; this, what it does on average where a share of
    them is.

    Args:
        x: (n, d) inputs; of like size, since the penalty weighs all slopes alike.
        y: (n,) classes, or numbers for "ridge".
        groups: (n,) labels: source, generation, cluster; or a label for each row.
        learner: "logistic", judged by minus log probability, or "ridge", by squared error.
        trainings: subsets that are learnt from in each split, at least 10.
        share: the chance of each group to be in a subset.
        output: what is asked of held-out rows: the "loss"; or of classes the "margin", minus the log odds of
            the row's class, which is nearer to linear.
        tests: (m, d) inputs and (m,) targets that judge; None where rows of x are held out in turn.
        judges: (n,) which rows of x may be held out, as the real ones; None for all.
        folds: that those who judge are dealt into, where there are no tests.
        penalty: of the learner: times half the squared length of the slopes.
        seed: of the dealing and the subsets.

    Raises:
        DataError: if arrays do not fit each other, hold NaN, or have one class or one group alone.
        SpecError: if an option is out of range, or a subset has no rows of a class.

    >>> x, y = np.arange(24.0)[:, None] % 8, np.arange(24.0) % 8
    >>> y[16:] = 7 - y[16:]
    >>> tests = [[0.0], [7.0]], [0.0, 7.0]
    >>> found = datamodels(x, y, np.arange(24) // 4, "ridge", trainings=20, tests=tests)
    >>> sorted(e.group for e in found.effects[-2:])
    [4, 5]
    """
    if trainings < 10:
        raise SpecError(f"trainings: at least 10 (got {shown(trainings)})")
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
    there = _subsets(len(dealt.groups), trainings, share, seed)
    losses = np.split(dealt.weighed(there), len(dealt.x), axis=1)
    own, variance, freedom = [], np.zeros(len(dealt.groups)), 0.0
    for of, some in zip(dealt.of, losses, strict=True):
        slopes, error, free = _regressed(there, some)
        # a group of which this split learns nothing changes nothing
        known = np.bincount(of, minlength=len(dealt.groups)) > 0
        own.append(np.where(known[:, None], -slopes, 0.0))
        variance += np.where(known, error, 0.0) ** 2
        freedom += free
    noise = np.sqrt(variance) / len(own)
    return Datamodel(dealt, share, seed, np.concatenate(own, axis=1), noise, freedom)


def _subsets(groups: int, count: int, share: float, seed: int) -> Array:
    """(M, G) ones and zeros: each group is there by itself, and in no subset none or all are.

    Of subsets of one size only differences between groups could be told, not whether all of them help.
    """
    if not 0 < share < 1:
        raise SpecError(f"share: above 0, and below 1 (got {shown(share)})")
    u = Address(seed).metric(0, 0, "subsets").random((count, groups))
    there = u < share
    none, every = ~there.any(axis=1), there.all(axis=1)
    there[none, u[none].argmin(axis=1)] = True
    there[every, u[every].argmax(axis=1)] = False
    return there.astype(float)


def _regressed(there: Array, losses: Array) -> tuple[Array, Array, float]:
    """Slopes (G, m) of losses (M, m) by subsets (M, G), errors (G,) of their means, degrees of freedom."""
    u, s, v = np.linalg.svd(there - there.mean(axis=0), full_matrices=False)
    centred = losses - losses.mean(axis=0)
    along = u.T @ centred
    kept = s**2 / (s**2 + _PENALTIES[:, None] * s[0] ** 2)
    beyond = max(float((centred**2).sum() - (along**2).sum()), 0.0)
    left = (1 - kept) ** 2 @ (along**2).sum(axis=1) + beyond
    freedom = len(there) - 1 - kept.sum(axis=1)
    best = int((left / freedom**2).argmin())
    to = s / (s**2 + _PENALTIES[best] * s[0] ** 2)
    mean = centred.mean(axis=1)
    rest = mean - u @ (kept[best] * (u.T @ mean))
    error = np.sqrt(rest @ rest / freedom[best] * ((v * to[:, None]) ** 2).sum(axis=0))
    return v.T @ (to[:, None] * along), error, float(freedom[best])
