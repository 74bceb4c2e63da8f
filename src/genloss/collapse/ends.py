"""Whether the last generations go on as the law that decides says: what whole trajectories do not show.

Laws are fitted to a few blocks, the last of which holds many generations. A step that is over, or a rise that
has turned, lies on some law there. So the changes within the last half, quarter, eighth, ... of the
generations are held against those of the law, before its word is taken.
"""

from __future__ import annotations

import numpy as np

from genloss.collapse.blocks import Blocks, blocks
from genloss.meaning import Scale
from genloss.samples import Array

_HALF = 0.5  # of the change that "still moving" expects, which has to be there
_MORE = 0.25  # of the whole change, which may be there beyond what it expects
_BESIDE = 0.05  # of the whole change, by which an end that "levels off" may differ from its law
_ERROR = 0.02


def borne_out(b: Blocks, values: Array, scale: Scale, curve: Array, level: bool) -> bool:
    """Whether no change near the end is clearly another one than a law has.

    Where it is still moving, none may be clearly less than half of what it should be, or clearly more by a
    quarter of the whole change; where it levels off, none may clearly differ by a twentieth of that.

    Args:
        b: the blocks that the law was fitted to.
        values: (T, R).
        scale: of the values.
        curve: (T,) the law, at the generations that the blocks are of.
        level: whether the law levels off.
    """
    from scipy.special import stdtrit

    t = b.generations
    weights = _halves(len(t))
    if not len(weights):
        return True
    e = blocks(values[: len(t)], t, b.of, scale, weights)
    change = np.kron(np.eye(len(weights) // 2), [[-1.0, 1.0]])
    seen, expected = change @ e.values, change @ (weights @ curve)
    error = np.sqrt(np.maximum(np.diag(change @ e.errors() @ change.T), 0))
    chance = float(stdtrit(b.replicates - 1, 1 - _ERROR)) * error
    if level:
        return not (np.abs(seen - expected) - chance > _BESIDE * abs(curve[-1] - curve[0])).any()
    seen, expected = seen * np.sign(expected), np.abs(expected)
    less = seen + chance < _HALF * expected
    more = seen - chance > expected + _MORE * abs(curve[-1] - curve[0])
    return not (less | more).any()


def _halves(many: int) -> Array:
    """(2J, T) averages over the first and the second half of the last T/2, T/4, ... generations."""
    rows = []
    last = many // 2
    while last >= 2:
        for a, b in ((many - last, many - last // 2), (many - last // 2, many)):
            row = np.zeros(many)
            row[a:b] = 1 / (b - a)
            rows.append(row)
        last //= 2
    return np.array(rows)
