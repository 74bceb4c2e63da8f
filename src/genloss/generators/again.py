"""A generator whose training set holds what its forerunners made."""

from __future__ import annotations

from typing import Any

import numpy as np

from genloss.components import Count, Positive, component
from genloss.protocols import Generator, Model
from genloss.samples import Chunk, Samples
from genloss.streams import Rng
from genloss.traits import ACCEPTS, MODEL


@component
class Again:
    """The model of a later generation: each is fitted to the real rows and all that was made before.

    Fitted once, what it gives is a loop that accumulates (Gerstgrasser et al. 2024, arXiv 2404.01413), of
    which only the last model is kept: it answers what becomes of a generator if the next is trained on the
    mix.

    Args:
        of: what is fitted in each generation.
        generations: of models; 1 is the generator itself.
        dose: rows that a generation makes, by training rows.

    >>> from genloss.generators import Gaussian
    >>> from genloss.streams import fixed
    >>> train = Samples.of([Chunk(50, 0, -1, np.arange(100.0).reshape(1, 50, 2))])
    >>> Again(Gaussian(), generations=3).fit(train, fixed("fit")).sample(5, fixed("sample")).shape
    (1, 5, 2)
    """

    of: Generator
    generations: Count = 5
    dose: Positive = 1.0

    @property
    def model(self) -> Any:
        """The class of the generator's model."""
        return MODEL.of(self.of)

    @property
    def accepts(self) -> tuple[str, ...] | None:
        """What the generator accepts."""
        return ACCEPTS.of(self.of)

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> Model:
        """Fit generation after generation.

        Raises:
            FitError: if the generator cannot be fitted to the mix.
        """
        model = self.of.fit(train, rng)
        made = max(round(self.dose * train.n), 1)
        for t in range(1, self.generations):
            chunk = Chunk(made, t, 0, np.asarray(model.sample(made, rng)), schema=train.schema)
            train = train + Samples.of([chunk], train.origin)
            model = self.of.fit(train, rng)
        return model
