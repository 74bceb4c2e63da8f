"""Where the rows of a training set come from."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from genloss.components import component
from genloss.observation import Observation
from genloss.samples import Array
from genloss.streams import REAL


@component
class RealShare:
    """Share of real rows, by weight, in the training set."""

    title: ClassVar = "Share of real data"
    unit: ClassVar = "of the training set"
    scale: ClassVar = "plain"  # by design the same in every replicate, or nearly
    of: ClassVar = "training"
    instead_of_rows: ClassVar = ()

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        share = seen.train.mass(REAL) / seen.train.mass()
        return np.broadcast_to(share, (seen.replicates,))
