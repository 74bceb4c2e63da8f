"""Which rows are held out, and in which order the others are learnt from."""

from __future__ import annotations

import numpy as np

from genloss.samples import Array
from genloss.streams import Rng


def dealt(codes: Array | None, n: int, rng: Rng) -> Array:
    """(n,) a random order of the rows in which every stretch holds the classes in about their shares.

    Args:
        codes: (n,) classes of the rows; None where there are none.
        n: rows.
        rng: the stream.
    """
    if codes is None:
        return rng.permutation(n)
    u = rng.random(n)
    place = np.empty(n)
    for code in np.unique(codes):
        mine = np.flatnonzero(codes == code)
        mine = mine[np.argsort(u[mine])]
        place[mine] = (np.arange(len(mine)) + rng.random()) / len(mine)
    return np.argsort(place, kind="stable")


def folded(order: Array, folds: int) -> tuple[Array, Array]:
    """Held-out and training rows of each fold, all of one size; what is left over is never held out.

    Args:
        order: (n,) of the rows.
        folds: K.

    Returns:
        (K, m) held-out rows and (K, n - m) training rows, these in the order.

    >>> folded(np.arange(7), 3)[0].tolist()
    [[0, 3], [1, 4], [2, 5]]
    """
    n, m = len(order), len(order) // folds
    held = np.arange(m * folds).reshape(m, folds).T
    there = np.ones((folds, n), dtype=bool)
    there[np.arange(folds)[:, None], held] = False
    return order[held], order[np.nonzero(there)[1].reshape(folds, n - m)]
