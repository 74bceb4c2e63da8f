"""scikit-learn's shapes in two and three dimensions, with noise .05."""

from __future__ import annotations

from typing import Any

import numpy as np

from genloss.components import NonNegative, component
from genloss.real.laws import held_out
from genloss.samples import Array
from genloss.streams import Rng, fixed


def _stack(make: Any, replicates: int, n: int, rng: Rng) -> Array:
    """(R, n, d) rows, each replicate a data set of its own."""
    seeds = rng.integers(2**32, size=replicates, dtype=np.uint32)
    return np.stack([make(n_samples=n, random_state=int(seed))[0] for seed in seeds])


@component
class Moons:
    """Two interleaving half circles.

    Args:
        noise: standard deviation.
    """

    noise: NonNegative = 0.05

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, 2) rows."""
        from functools import partial

        from sklearn.datasets import make_moons

        return _stack(partial(make_moons, noise=self.noise), replicates, n, rng)

    def holdout(self) -> Array:
        """(500, 2) rows."""
        return held_out(self, fixed("real.Moons"))


@component
class Circles:
    """A circle in a circle.

    Args:
        noise: standard deviation.
    """

    noise: NonNegative = 0.05

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, 2) rows."""
        from functools import partial

        from sklearn.datasets import make_circles

        return _stack(partial(make_circles, noise=self.noise), replicates, n, rng)

    def holdout(self) -> Array:
        """(500, 2) rows."""
        return held_out(self, fixed("real.Circles"))


@component
class SwissRoll:
    """A rolled sheet in three dimensions.

    Args:
        noise: standard deviation.
    """

    noise: NonNegative = 0.05

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, 3) rows."""
        from functools import partial

        from sklearn.datasets import make_swiss_roll

        return _stack(partial(make_swiss_roll, noise=self.noise), replicates, n, rng)

    def holdout(self) -> Array:
        """(500, 3) rows."""
        return held_out(self, fixed("real.SwissRoll"))
