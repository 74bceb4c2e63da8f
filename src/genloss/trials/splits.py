"""Which rows are held out, and in which order the others are learnt from."""

from __future__ import annotations

import numpy as np

from genloss.samples import Array
from genloss.streams import Rng


def folded(codes: Array | None, n: int, folds: int, rng: Rng) -> tuple[Array, Array]:
    """Held-out and training rows of each fold, all of one size, with classes in about their shares.

    What is left over when n is divided is never held out. Every first part of the training rows has the
    classes in about their shares too.

    Args:
        codes: (n,) classes of the rows; None where there are none.
        n: rows.
        folds: K.
        rng: the stream.

    Returns:
        (K, m) held-out rows and (K, n - m) training rows.

    >>> from genloss.streams import fixed
    >>> codes = np.arange(40) % 4 == 0
    >>> held, trained = folded(codes, 40, 5, fixed("folds"))
    >>> codes[held].sum(axis=1).tolist(), codes[trained].sum(axis=1).tolist()
    ([2, 2, 2, 2, 2], [8, 8, 8, 8, 8])
    """
    u, first = rng.random((2, n))
    kinds = np.zeros(n, dtype=int) if codes is None else np.unique(codes, return_inverse=True)[1]
    by_class = np.lexsort((u, kinds))
    # where the cards begin is random, so that no class is always left over
    by_class = np.roll(by_class, rng.integers(n))
    m = n // folds
    held = by_class[: m * folds].reshape(m, folds).T
    # the place of a row in its class, from 0 to 1; rows of a class in random order
    place = np.empty(n)
    for kind in range(kinds.max() + 1):
        mine = by_class[kinds[by_class] == kind]
        place[mine] = (np.argsort(np.argsort(first[mine])) + u[mine]) / len(mine)
    order = np.argsort(place)
    there = np.ones((folds, n), dtype=bool)
    there[np.arange(folds)[:, None], held] = False
    return held, np.broadcast_to(order, (folds, n))[there[:, order]].reshape(folds, n - m)
