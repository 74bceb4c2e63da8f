"""SMOTE for mixed tables: rows between a row and one of its nearest neighbours of the same class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from genloss.components import Count, component
from genloss.errors import FitError
from genloss.generators.drawing import spread, weights_of
from genloss.protocols import Model
from genloss.samples import Array, Samples
from genloss.streams import Rng
from genloss.tables import Column, Schema


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The rows of one replicate that may be begun from, and those near to them.

    Args:
        cells: (M, D) of the rows.
        voted: (M, D) the same, but of categories what most of the row's neighbours have.
        below: (M + 1,) weight of the rows before each.
        near: (M, k) places of the nearest rows of a row's class, nearest first.
        count: (M,) how many there are of these: fewer where the class has fewer.
    """

    cells: Array
    voted: Array
    below: Array
    near: Array
    count: Array

    def sample(self, u: Array, numbers: Array) -> Array:
        """(n, D) rows for u (n, 3), of which some columns (D,) are numbers."""
        at = np.searchsorted(self.below[1:], u[:, 0] * self.below[-1], "right")
        other = self.near[at, (u[:, 1] * self.count[at]).astype(np.intp)]
        one, two = self.cells[at], self.cells[other]
        between = one + u[:, 2:] * (two - one)
        # a number that the neighbour lacks is the row's own
        return np.asarray(np.where(numbers, np.where(np.isnan(two), one, between), self.voted[at]))


@dataclass(frozen=True, eq=False)
class SmoteModel:
    """A neighbourhood a replicate.

    Args:
        hoods: R of them.
        numbers: (D,) which columns are interpolated.
        whole: columns of whole numbers.
    """

    hoods: tuple[Neighbourhood, ...]
    numbers: Array
    whole: tuple[int, ...]

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, D) rows."""
        u = rng.random((len(self.hoods), n, 3))
        rows = np.stack([hood.sample(own, self.numbers) for hood, own in zip(self.hoods, u, strict=True)])
        rows[..., self.whole] = np.rint(rows[..., self.whole])
        return rows


@component
class Smote:
    """SMOTE: a row anywhere between a training row and one of its k nearest neighbours of the same class.

    Of a table whose target is categories or a boolean. A row is drawn by its weight, then a neighbour, then a
    place on the segment between them, all evenly.

    What happens to what:

    - Numbers and dates: interpolated, whole ones then rounded. Distances are in standard deviations of the
      training rows.
    - Categories and booleans: what most of the k neighbours have, of several such what the nearest of their
      rows has. In distances, two that differ count as one standard deviation, as the median deviation does in
      SMOTE-NC; so does a missing cell and one that is there.
    - Missing cells: a number stays missing where the row lacks it, and is the row's own where the neighbour
      does; a missing category is one category more.
    - Classes: a class of one row gives copies of it. Rows without a class, and rows of weight zero, are not
      there.

    Args:
        k: neighbours of a row to choose among.
        classes: "all" by their shares in the training set, so that the rows may stand for it; or the
            "minority", the class of least weight, alone.

    References:
        Chawla, Bowyer, Hall and Kegelmeyer, SMOTE: synthetic minority over-sampling technique (2002),
        arXiv:1106.1813; SMOTE-NC is section 6.1.

    >>> import numpy as np
    >>> from genloss.samples import Chunk, Samples
    >>> from genloss.streams import fixed
    >>> from genloss.tables import Column, Schema
    >>> schema = Schema((Column("x", "numeric"), Column("ill", "boolean")), target="ill")
    >>> rows = np.array([[[0.0, 0], [1.0, 0], [2.0, 0], [8.0, 1], [9.0, 1]]])
    >>> train = Samples.of([Chunk(5, 0, -1, rows, schema=schema)])
    >>> drawn = Smote(classes="minority").fit(train, fixed("fit")).sample(100, fixed("sample"))
    >>> bool(((drawn[..., 0] >= 8) & (drawn[..., 0] <= 9) & (drawn[..., 1] == 1)).all())
    True
    """

    k: Count = 5
    classes: Literal["all", "minority"] = "all"
    model: ClassVar = SmoteModel
    accepts: ClassVar = ("table",)
    needs_target: ClassVar = True
    # neighbours are found one replicate after the other: small tiles spread over more workers
    tile: ClassVar = 4

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> SmoteModel:
        """Find the neighbours of each row in its class.

        Raises:
            FitError: if the rows have no classes, there are none, or none of positive weight in some
                replicate.
        """
        schema, target = train.schema, _target(train.schema)
        weights = weights_of(train, "SMOTE")
        hoods = []
        for r, cells in enumerate(np.asarray(train.rows, dtype=float)):
            w = np.ones(train.n) if weights is None else weights[r] / weights[r].max()
            kept = (w > 0) & ~np.isnan(cells[:, target])
            if not kept.any():
                raise FitError(
                    f"SMOTE: no training row of replicate {r} has a class; every target is missing"
                )
            hoods.append(self._hood(cells[kept], w[kept], schema.columns, target))
        numbers = np.array([not column.codes for column in schema.columns])
        whole = tuple(j for j, column in enumerate(schema.columns) if column.integer)
        return SmoteModel(tuple(hoods), numbers, whole)

    def _hood(self, cells: Array, w: Array, columns: tuple[Column, ...], target: int) -> Neighbourhood:
        from sklearn.neighbors import NearestNeighbors

        placed = _placed(cells, w, columns)
        label = cells[:, target].astype(np.intp)
        voted, count = cells.copy(), np.ones(len(cells), dtype=np.intp)
        near = np.tile(np.arange(len(cells))[:, None], (1, min(self.k, max(len(cells) - 1, 1))))
        for code in np.unique(label):
            mine = np.flatnonzero(label == code)
            k = min(self.k, len(mine) - 1)
            if k == 0:
                continue  # the only row of its class is its own neighbour
            search = NearestNeighbors(n_neighbors=k).fit(placed[mine])
            found = mine[search.kneighbors(return_distance=False)]
            near[mine, :k], count[mine] = found, k
            for j, column in enumerate(columns):
                if column.codes:
                    voted[mine, j] = _most(cells[found, j])
        if self.classes == "minority":
            mass = np.bincount(label, w)
            w = w * (label == np.argmin(np.where(mass > 0, mass, np.inf)))
        return Neighbourhood(cells, voted, np.concatenate([[0.0], np.cumsum(w)]), near, count)


def _target(schema: Any) -> int:
    """The column of classes."""
    target = schema.target_index if isinstance(schema, Schema) else None
    if target is None or not schema.columns[target].codes:
        what = "no column is the target" if target is None else f"'{schema.target}' is numbers or dates"
        raise FitError(f"SMOTE needs a table whose target is categories ({what}); use Trees or Copula")
    return int(target)


def _placed(cells: Array, w: Array, columns: tuple[Column, ...]) -> Array:
    """(M, d) points between which distances are those of SMOTE."""
    unit, apart = spread(cells, w), np.sqrt(0.5)  # two codes that differ are then 1 apart
    found = []
    for column, x, scale in zip(columns, cells.T, unit, strict=True):
        missing = np.isnan(x)
        if column.codes:
            codes = np.where(missing, column.codes, x)
            found.append((codes[:, None] == np.unique(codes)) * apart)
        elif scale > 0:
            middle = x[~missing].mean()
            found.append(np.where(missing, 0.0, (x - middle) / scale)[:, None])
            found.append(missing[:, None] * 1.0)
    return np.concatenate(found, axis=1)


def _most(cells: Array) -> Array:
    """(M,) what most of the neighbours (M, k) have; of several such, what the nearest of them has."""
    codes = np.where(np.isnan(cells), -1.0, cells)
    votes = (codes[:, :, None] == codes[:, None, :]).sum(axis=2)
    return np.asarray(cells[np.arange(len(cells)), votes.argmax(axis=1)])
