"""What an experiment yields while it runs: its metrics, generation by generation, and rows to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from genloss.errors import FitError
from genloss.loop import generations, start
from genloss.observation import Observation, real_rows_seen
from genloss.protocols import Record
from genloss.samples import Array
from genloss.streams import Address

if TYPE_CHECKING:
    from genloss.experiment import Experiment

# rows of a picture, and about how many generations of them
_PICTURE_ROWS, _PICTURES = 300, 8


def records(exp: Experiment, address: Address) -> Iterator[Record]:
    """Every agent at every generation of one tile; generation 0 is the real rows themselves.

    Pictures are of the first tile: generation 0 shows real rows, as the first agent's.
    """
    size = exp.drawn(address)
    looks = _looks(exp.generations) if address.tile == 0 else set()
    state = start(exp, address.tile, address.key, size)
    rows = state.pool.origin.rows
    real = exp.held_out if rows is None else rows[0]
    for i, seen in enumerate(real_rows_seen(state, exp)):
        yield Record((0, i), _measured(seen), real[:_PICTURE_ROWS] if looks and i == 0 else None)
    for after, observations in generations(exp, state):
        for i, seen in enumerate(observations):
            picture = seen.picture(_PICTURE_ROWS) if after.t in looks else None
            yield Record((after.t, i), _measured(seen), picture)


def _measured(seen: Observation) -> dict[str, Array]:
    return {name: _checked(name, value, seen.replicates) for name, value in seen.measure().items()}


def _checked(name: str, value: Array, replicates: int) -> Array:
    value = np.asarray(value, dtype=float)
    if value.shape != (replicates,):
        raise FitError(
            f"metric {name} returned shape {value.shape}; return one value a replicate, {(replicates,)}"
        )
    return value


def _looks(last: int) -> set[int]:
    """Generations to take a picture of: the first, the last, and between them evenly in the logarithm."""
    return {int(g) for g in np.unique(np.round(np.geomspace(1, last, _PICTURES)))}
