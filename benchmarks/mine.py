"""Parts of a user's, as files of attacks have them."""

from typing import ClassVar

import numpy as np

import genloss
from genloss.components import Count, Replicates, Share, Size
from genloss.meaning import Meaning
from genloss.protocols import Record
from genloss.streams import Role


@genloss.component
class Coin:
    """How often a coin has shown heads, toss by toss."""

    bias: Share = 0.5
    tosses: Count = 3
    replicates: Replicates = 4
    seed: Size = 0

    axes: ClassVar = ("toss",)
    tile_size: ClassVar = 2
    grows: ClassVar = "tosses"
    meanings: ClassVar = {"heads": Meaning("Share of heads", scale="share")}

    def labels(self, axis):
        return range(self.tosses)

    def records(self, address):
        wanted = self.tile_size if address.size is None else address.size
        heads = np.zeros(wanted)
        for toss in range(self.tosses):
            heads += address.rng(toss, 0, Role.MEASURE).random(wanted) < self.bias
            print("toss", toss)
            yield Record((toss,), {"heads": heads / (toss + 1)}, heads[:1, None])


class Bag:
    """Gives again what it was given."""

    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def fit(self, rows):
        self.rows = np.asarray(rows)

    def sample(self, n):
        return self.rows[self.rng.integers(len(self.rows), size=n)]
