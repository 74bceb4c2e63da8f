"""What an agent publishes of what its model can make."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from genloss.answers import one_a_row, yes_or_no
from genloss.components import Count, component
from genloss.errors import FitError
from genloss.protocols import Model, Reward, Verifier
from genloss.samples import Array, Samples
from genloss.streams import Rng

__all__ = ["Accept", "Choose", "KeepAll"]

# Give up when this many times the wanted rows were drawn and a replicate still lacks some: a verifier that
# passes fewer than one row in a thousand is a mistake more often than a wish.
_PATIENCE = 1000


@component
class KeepAll:
    """Publish the model's samples as they are."""

    publishes_everything: ClassVar = True

    def __call__(self, model: Model, train: Samples, n: int, rng: Rng) -> Array:
        """n samples."""
        return model.sample(n, rng)


@component
class Choose:
    """Of every k candidates a user keeps one, with odds exp(reward) (Bradley-Terry, Luce).

    A reward of minus infinity loses to every other, and one of NaN is an error: it says nothing of the row.

    Args:
        reward: what the user prefers.
        k: candidates for each published row.

    References:
        Ferbach et al., Self-consuming generative models with curated data (2024), arXiv:2407.09499,
        Algorithm 1.
    """

    reward: Reward
    k: Count = 2

    def __call__(self, model: Model, train: Samples, n: int, rng: Rng) -> Array:
        """n rows, each the choice of a fresh group of k."""
        x = model.sample(n * self.k, rng)
        # the largest of reward + Gumbel noise is a draw with odds exp(reward)
        utility = one_a_row(self.reward(x), x, self.reward, "reward") + rng.gumbel(size=x.shape[:2])
        best = utility.reshape(len(x), n, self.k).argmax(axis=2) + np.arange(n) * self.k
        return np.asarray(x[np.arange(len(x))[:, None], best])


@component
class Accept:
    """Publish only what a verifier passes: draws until n rows have passed in every replicate.

    Args:
        verifier: what passes.

    Raises:
        FitError: if fewer than about one row in a thousand passes, after 1000 n draws.

    References:
        Feng et al., Beyond model collapse: scaling up with synthesized data requires verification (2024),
        arXiv:2406.07515.
    """

    verifier: Verifier

    def __call__(self, model: Model, train: Samples, n: int, rng: Rng) -> Array:
        """n rows that passed."""
        published: Array | None = None
        drawn, batch = 0, n
        while True:
            x = model.sample(batch, rng)
            passed = yes_or_no(self.verifier(x, rng), x, self.verifier)
            drawn += batch
            if published is None:
                published = np.empty((len(x), n, *x.shape[2:]), x.dtype)
                have = np.zeros(len(x), dtype=np.int64)
                total = np.zeros(len(x), dtype=np.int64)
            total += passed.sum(axis=1)
            # a model may give whole numbers now and others later
            published = published.astype(np.result_type(published, x), copy=False)
            # the place of each passed row in its replicate's output; what exceeds n is not wanted
            place = have[:, None] + np.cumsum(passed, axis=1) - 1
            r, k = np.nonzero(passed & (place < n))
            published[r, place[r, k]] = x[r, k]
            have = np.minimum(n, have + passed.sum(axis=1))
            first = drawn == n
            if first:  # how many rounds follow depends on all replicates: what is drawn next must not
                (rng,) = rng.spawn(1)
            if (have == n).all():
                return published
            if drawn >= _PATIENCE * n:
                worst = int(np.argmin(have))
                raise FitError(
                    f"the verifier {self.verifier!r} accepted {total[worst]} of {drawn} rows "
                    f"in replicate {worst}, where {n} are wanted; loosen it, or publish fewer rows"
                )
            # nor must a round's size depend on the slowest of them
            batch = min(-(-n // 4) if first else 2 * batch, 4 * n, _PATIENCE * n - drawn)
