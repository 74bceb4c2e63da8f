"""The two ends that a generator is held against: rows drawn again as they are, and columns each by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from genloss.components import component
from genloss.generators.drawing import places, weights_of
from genloss.protocols import Model
from genloss.samples import Array, Samples
from genloss.streams import Rng


@dataclass(frozen=True, eq=False)
class BootstrapModel:
    """The training rows, each as likely as it weighs.

    Args:
        train: the training set, not copied.
        weights: (R, N) of its rows, or None where all are alike.
    """

    train: Samples
    weights: Array | None

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) training rows."""
        return self.train.take(places(self.weights, self.train.n, (self.train.replicates, n), rng))


@component
class Bootstrap:
    """Training rows drawn again, with replacement and by their weight: the null that adds no information.

    What a study finds of these rows it would find of copies. Of n rows drawn from n, the share 1 - 1/e, 63%,
    is drawn at least once, and a value that is lost never comes back. Rows of every kind will do.

    References:
        Efron, Bootstrap methods: another look at the jackknife (1979), doi:10.1214/aos/1176344552.

    >>> import numpy as np
    >>> from genloss.samples import Chunk, Samples
    >>> from genloss.streams import fixed
    >>> rows = np.array([[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]])
    >>> train = Samples.of([Chunk(3, 0, -1, rows)])
    >>> drawn = Bootstrap().fit(train, fixed("fit")).sample(100, fixed("sample"))
    >>> np.unique(drawn[0], axis=0).tolist()
    [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]
    """

    model: ClassVar = BootstrapModel

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> BootstrapModel:
        """Keep the training set.

        Raises:
            FitError: if there are no rows, or none of positive weight in some replicate.
        """
        return BootstrapModel(train, weights_of(train, "a bootstrap"))


@dataclass(frozen=True, eq=False)
class IndependentModel:
    """The product of the columns' empirical laws.

    Args:
        train: the training set, not copied.
        weights: (R, N) of its rows, or None where all are alike.
    """

    train: Samples
    weights: Array | None

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) rows, each cell that of a training row of its own."""
        rows = self.train.rows
        cells = rows.reshape(*rows.shape[:2], -1)
        index = places(self.weights, self.train.n, (len(rows), n, cells.shape[2]), rng)
        drawn: Array = np.take_along_axis(cells, index, axis=1)
        return drawn.reshape(len(rows), n, *rows.shape[2:])


@component
class Independent:
    """Each column by itself, from the cells of the training rows by their weight: the floor.

    Columns keep their laws, missing cells included, and everything between columns is lost. A generator that
    predicts no better than this has learnt columns alone. Rows of every kind will do; of a row of several
    axes each number is a column.

    >>> import numpy as np
    >>> from genloss.samples import Chunk, Samples
    >>> from genloss.streams import fixed
    >>> rows = np.array([[[1.0, 10.0], [2.0, 20.0]]])
    >>> train = Samples.of([Chunk(2, 0, -1, rows)])
    >>> drawn = Independent().fit(train, fixed("fit")).sample(100, fixed("sample"))
    >>> np.unique(drawn[0], axis=0).tolist()
    [[1.0, 10.0], [1.0, 20.0], [2.0, 10.0], [2.0, 20.0]]
    """

    model: ClassVar = IndependentModel

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> IndependentModel:
        """Keep the training set.

        Raises:
            FitError: if there are no rows, or none of positive weight in some replicate.
        """
        return IndependentModel(train, weights_of(train, "a product of columns"))
