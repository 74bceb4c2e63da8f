"""Synthetic rows that somebody else's program wrote into a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from genloss.components import component
from genloss.errors import FitError
from genloss.protocols import Model
from genloss.samples import Array, Samples
from genloss.streams import Rng
from genloss.tables import Data, Schema
from genloss.tables.say import named

# A file's rows count as copies of real rows when half of them lie nearer to one than this share of the
# distance at which half of the real rows have their nearest other.
_COPIED = 0.5


@dataclass(frozen=True, eq=False)
class GivenModel:
    """Rows of a file, in a random order for each replicate.

    Args:
        rows: (M, D) of the file.
        replicates: R.
    """

    rows: Array
    replicates: int

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, D) rows without replacement.

        Raises:
            FitError: if the file has fewer.
        """
        return self.rows[self.places(n, rng)]

    def places(self, n: int, rng: Rng) -> Array:
        """(R, n) which rows are drawn.

        Raises:
            FitError: if the file has fewer.
        """
        if n > len(self.rows):
            raise FitError(f"the file has {len(self.rows)} synthetic rows (asked for {n}); ask for fewer")
        return np.stack([own.permutation(len(self.rows))[:n] for own in rng.spawn(self.replicates)])


def copied(made: Array, real: Array) -> tuple[Array, bool]:
    """(M,) which real row each synthetic row is a copy of, -1 for none; and whether copies are blurred.

    A row that is equal to a real one is its copy. Where half of the rows that are equal to none lie much
    nearer to a real row than real rows lie to each other, whoever made them has blurred real rows: each is
    then taken for a copy of the nearest.

    Args:
        made: (M, d) inputs and targets of synthetic rows, as numbers of like size.
        real: (n, d) of real rows.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(real)
    far, of = (np.asarray(found) for found in tree.query(made))
    among = np.asarray(tree.query(real, k=2)[0])[:, 1]
    equal = far == 0
    rest = far[~equal]
    blurred = bool(len(rest) and np.median(rest) < _COPIED * np.median(among))
    return np.where(equal | blurred, of, -1), blurred


@component
class Given:
    """Synthetic rows from a file, whoever made them: nothing is fitted.

    Columns are found by name; of those that the real table leaves out nothing is read. What the rows were
    made from, nobody knows here: where it was all real rows, those held out included, a gain may be too good.

    Args:
        path: a file, or in Python a frame, as of :class:`genloss.real.Table`.

    Raises:
        DataError: when first read, if a column is lacking, or a cell does not fit the real table's column.
    """

    path: Data
    model: ClassVar = GivenModel
    accepts: ClassVar = ("table",)
    # its content says which rows it has
    words: ClassVar = ("path",)

    @cached_property
    def content(self) -> str:
        """What identifies the rows, whatever the path."""
        import hashlib

        from genloss.tables.read import file_of

        return hashlib.sha256(file_of(self.path).read_bytes()).hexdigest()

    def rows(self, schema: Schema) -> Array:
        """(M, D) the rows as floats.

        Raises:
            DataError: if a column is lacking, or a cell does not fit.
        """
        version = os.stat(self.path).st_mtime_ns if os.path.isfile(self.path) else 0
        return _rows(self.path, schema, version)

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> GivenModel:
        """Take the rows as they are.

        Raises:
            DataError: if they do not fit the real table.
        """
        return GivenModel(self.rows(train.schema), train.replicates)


@lru_cache(maxsize=8)
def _rows(path: str, schema: Schema, version: int) -> Array:
    from genloss.tables.read import opened

    with named(path):
        frame: Any = opened(path).table.to_pandas()
        return schema.encode(frame[[c for c in frame.columns if c in schema.names]])
