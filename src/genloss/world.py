"""The real rows of an experiment, in blocks of replicates: the same world whoever looks at it.

The real rows of replicate r are a function of (seed, experiment, r) alone. They are drawn by blocks of
:data:`BLOCK` replicates, whatever the tile, the regime, and whether rows or statistics flow afterwards: a
source that draws a statistic gives that of the very rows it would draw from an equal stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from genloss.protocols import RealData
from genloss.samples import Array, Chunk, Statistic
from genloss.streams import REAL, Address, Rng, Role
from genloss.traits import REAL_STATISTIC, SCHEMA, SIZE

BLOCK = 16
"""Replicates whose real rows share a stream: a tile of one replicate draws 15 in vain, a tile of 512 is drawn
in 32 calls, 3 % of what a hundred of its generations cost (d = 10)."""


def replicates_of(tile: int, size: int) -> range:
    """The replicates of a tile."""
    return range(tile * size, (tile + 1) * size)


def real_chunk(
    real: RealData,
    address: Address,
    replicates: range,
    t: int,
    n: int,
    end: int,
    kinds: Iterable[Statistic],
    rowless: bool,
    event: tuple[int, ...],
) -> Chunk:
    """The real rows that enter at generation t.

    Args:
        real: where they come from.
        address: of the streams.
        replicates: of the tile.
        t: the generation.
        n: how many rows.
        end: rows that have entered by then, these among them: of a finite source later rows go on in the same
            permutation where earlier ones ended.
        kinds: statistics that the agents' fits read: known to the last bit with rows as without.
        rowless: whether these are enough, so that rows need not be drawn.
        event: shape of a row.
    """
    # a finite source draws one permutation for all generations
    at, upto = (t, n) if SIZE.of(real) is None else (0, end)
    draw = REAL_STATISTIC.of(real)
    known: dict[Any, Any] = {}
    for kind in kinds:
        drawn = None if draw is None else _by_block(address, at, replicates, partial(draw, kind), n)
        if drawn is not None:
            known[kind] = drawn
    rows = None
    if not (rowless and known):
        rows = _by_block(address, at, replicates, real.draw, upto)[:, upto - n :]
    return Chunk(n, t, REAL, rows, known, schema=SCHEMA.of(real), event=event)


def held_out(real: RealData, address: Address, replicates: range, m: int) -> Array:
    """(R, m, *event) held-out rows, drawn anew for every replicate."""
    drawn: Array = _by_block(address, 0, replicates, real.draw, m, Role.HOLDOUT)
    return drawn


def _by_block(
    address: Address,
    t: int,
    replicates: range,
    draw: Callable[[int, int, Rng], Any],
    n: int,
    role: Role = Role.REAL,
) -> Any:
    """What is drawn for some replicates, of whole blocks, cut to size; None where a source knows no such
    thing.
    """
    first, last = replicates.start // BLOCK, (replicates.stop - 1) // BLOCK
    parts: list[Any] = [draw(BLOCK, n, address.real(t, b, role)) for b in range(first, last + 1)]
    skip = replicates.start - first * BLOCK
    if parts[0] is None:
        return None
    whole = np.concatenate(parts) if isinstance(parts[0], np.ndarray) else type(parts[0]).stack(parts)
    return whole[skip : skip + len(replicates)]
