"""The real rows of an experiment, in blocks of replicates: the same world whoever looks at it.

The real rows of replicate r are a function of (seed, experiment, r) alone. They are drawn by blocks of
:data:`BLOCK` replicates, whatever the tile, the regime, and whether rows or statistics flow afterwards: a
source that draws a statistic gives that of the very rows it would draw from an equal stream.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.samples import Array, Chunk
from genloss.streams import REAL, Address, Rng, Role
from genloss.traits import REAL_STATISTIC, SCHEMA, SIZE

if TYPE_CHECKING:
    from genloss.experiment import Experiment

BLOCK = 16
"""Replicates whose real rows share a stream, of which the first are drawn up to the last that is wanted: a
tile of one replicate draws 15 in vain at most, a tile of 512 is drawn in 32 calls, 3 % of what a hundred of
its generations cost (d = 10)."""


def real_rows(exp: Experiment, address: Address, t: int) -> Chunk:
    """The real rows that enter at generation t, 0 being the first, for the replicates of a tile.

    Of a source that draws statistics, those that the agents' fits read come with them, known to the last bit
    whether rows are drawn too or not.
    """
    real, n = exp.real, exp.n_fresh if t else exp.n_real
    # a finite source draws one permutation for all generations: later rows go on where earlier ones ended
    at, upto = (t, n) if SIZE.of(real) is None else (0, exp.n_real + t * exp.n_fresh)
    draw = REAL_STATISTIC.of(real)
    known: dict[Any, Any] = {}
    for kind in exp.kinds:
        drawn = None if draw is None or kind is None else _by_block(exp, address, at, partial(draw, kind), n)
        if drawn is not None:
            known[kind] = drawn
    rows = None
    if exp.statistic is None or not known:
        rows = _alone(_by_block(exp, address, at, real.draw, upto)[:, upto - n :])
    return Chunk(n, t, REAL, rows, known, schema=SCHEMA.of(real), event=exp.event_shape)


def held_out(exp: Experiment, address: Address) -> Array:
    """(R, m, *event) held-out rows, drawn anew for every replicate of a tile."""
    return _alone(_by_block(exp, address, 0, exp.real.draw, len(exp.held_out), Role.HOLDOUT))


def _by_block(
    exp: Experiment,
    address: Address,
    t: int,
    draw: Callable[[int, int, Rng], Any],
    n: int,
    role: Role = Role.REAL,
) -> Any:
    """What is drawn by blocks, cut to the tile; None where a source knows no such thing."""
    first, size = address.tile * exp.tile_size, exp.drawn(address)
    blocks = range(first // BLOCK, -(-(first + size) // BLOCK))
    parts: list[Any] = [
        draw(min(BLOCK, first + size - b * BLOCK), n, address.real(t, b, role)) for b in blocks
    ]
    if parts[0] is None:
        return None
    whole = np.concatenate(parts) if isinstance(parts[0], np.ndarray) else type(parts[0]).stack(parts)
    skip = first - blocks[0] * BLOCK
    return whole[skip : skip + size]


def _alone(rows: Array) -> Array:
    """Rows without what else was drawn with them: a view would keep all of it in memory."""
    base = rows.base
    return rows.copy() if isinstance(base, np.ndarray) and base.nbytes > rows.nbytes else rows
