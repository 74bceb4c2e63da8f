"""Subsets of groups, and how well effects foretell what learners of subsets lose.

References:
    Park, Georgiev, Ilyas, Leclerc & Madry, TRAK: attributing model behavior at scale (2023),
    arXiv:2303.14186, definition 2.3: the linear datamodelling score.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from genloss.errors import SpecError, shown
from genloss.samples import Array
from genloss.streams import Address
from genloss.value.attribution.deals import Deal


def datamodelling_score(dealt: Deal, changes: Array, share: float, subsets: int, seed: int) -> float:
    """The rank correlation of foretold and true losses over subsets, the mean over held-out rows.

    Args:
        dealt: the rows.
        changes: (G, S m) of the loss of each held-out row without each group, however found.
        share: of the groups that each subset has, all of one size.
        subsets: how many; never those that a datamodel learns from.
        seed: of the subsets.

    Raises:
        SpecError: if there are fewer than 3 subsets, or one would have no group, or all.
    """
    if subsets < 3:
        raise SpecError(f"subsets: at least 3 (got {shown(subsets)})")
    there = _subsets(len(changes), subsets, share, seed)
    foretold, truth = (
        stats.rankdata(values, axis=0) - (subsets + 1) / 2
        for values in ((1 - there) @ changes, dealt.weighed(there))
    )
    spread = np.sqrt((foretold**2).sum(axis=0) * (truth**2).sum(axis=0))
    moves = spread > 0  # a row on which all learners agree ranks none
    if not moves.any():
        return float("nan")
    return float(((foretold * truth).sum(axis=0)[moves] / spread[moves]).mean())


def _subsets(groups: int, count: int, share: float, seed: int) -> Array:
    """(M, G) ones and zeros: subsets of one size, so that no rank is owed to how many rows there were."""
    size = round(share * groups)
    if not 0 < size < groups:
        raise SpecError(
            f"share: subsets would have {size} of {groups} groups; give a share from "
            f"{1 / groups:.2g} to {1 - 1 / groups:.2g}"
        )
    order = Address(seed).metric(0, 0, "score").random((count, groups)).argsort(axis=1)
    return (order < size).astype(float)
