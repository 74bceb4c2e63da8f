"""How near synthetic rows are to real ones: copies, distances, fidelity and coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from genloss.samples import Array

# Rows of each kind that are compared: distances to more tell the same.
_MOST = 2000


@dataclass(frozen=True)
class Likeness:
    """What synthetic rows are like, beside the rows they were made from and rows that were held out.

    Args:
        copies: share of synthetic rows that equal a row they were made from.
        copies_of_held: share that equal a held-out row, the baseline: of common values some are equal by
            chance.
        nearer: share of synthetic rows that lie nearer to the rows they were made from than to as many
            held-out ones; a half where they know no more of the one than of the other.
        nearer_low: of its 95 % interval.
        nearer_high: of its 95 % interval.
        coverage: share of held-out rows near which there is a synthetic one (Naeem et al. 2020, arXiv
            2002.09797).
        told_apart: area under the curve of a logistic regression that tells synthetic rows from held-out
            ones; 0.5 where it cannot.
    """

    copies: float
    copies_of_held: float
    nearer: float
    nearer_low: float
    nearer_high: float
    coverage: float
    told_apart: float

    def __str__(self) -> str:
        return (
            f"{self.copies:.1%} of its rows are copies of rows it was made from "
            f"({self.copies_of_held:.1%} equal held-out "
            f"ones); {self.nearer:.0%} lie nearer to those than to held-out ones ({self.nearer_low:.0%} to "
            f"{self.nearer_high:.0%}; 50% knows no more of them); near {self.coverage:.0%} of held-out "
            f"rows there is one; "
            f"told from real rows with an AUC of {self.told_apart:.2f}"
        ).replace("%", " %")


def likeness(made: Array, trained: Array, held: Array) -> Likeness:
    """What synthetic rows are like.

    Args:
        made: (M, d) synthetic rows as numbers of like size.
        trained: (n, d) rows that they were made from.
        held: (m, d) rows that they were not made from.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    size = min(len(trained), len(held), _MOST)
    made, trained, held = made[: max(_MOST, size)], trained[:size], held[:size]
    near, far = _nearest(made, trained), _nearest(made, held)
    wins = (near < far) + 0.5 * (near == far)
    share, error = float(wins.mean()), float(wins.std(ddof=1) / np.sqrt(len(wins)))
    neighbours = min(5, size - 1)
    radius = np.asarray(cKDTree(held).query(held, k=neighbours + 1)[0])[:, -1]
    covered = _nearest(held, made) <= radius
    half = min(len(made), size)
    x = np.concatenate([made[:half], held[:half]])
    y = np.repeat([1, 0], half)
    fold = np.tile(np.arange(half) % 2, 2)
    score = np.empty(len(y))
    for k in (0, 1):
        score[fold == k] = (
            LogisticRegression(max_iter=1000).fit(x[fold != k], y[fold != k]).decision_function(x[fold == k])
        )
    apart = float(np.mean([roc_auc_score(y[fold == k], score[fold == k]) for k in (0, 1)]))
    return Likeness(
        float((near == 0).mean()),
        float((far == 0).mean()),
        share,
        max(share - 1.96 * error, 0.0),
        min(share + 1.96 * error, 1.0),
        float(covered.mean()),
        apart,
    )


def _nearest(rows: Array, others: Array) -> Array:
    """(n,) distances of rows to the nearest of others."""
    return np.asarray(cKDTree(others).query(rows)[0])
