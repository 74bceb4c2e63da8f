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
# Rows that are asked how near they lie, at most: a median of so many is known within 5 % of the rows.
_ASKED = 400
# Distances that are held at a time: 2^22 float64 are 32 MB.
_BLOCK = 2**22


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

    A row that is equal to a real one is its copy, of equal real rows the first one's. Where half of the rows
    that are equal to none lie much nearer to a real row than real rows lie to each other, whoever made them
    has blurred real rows: each is then taken for a copy of the nearest. Of large tables that is asked of some
    rows, evenly chosen.

    Args:
        made: (M, d) inputs and targets of synthetic rows, as numbers of like size.
        real: (n, d) of real rows.
    """
    of = first_equal(made, real)
    rest = np.flatnonzero(of < 0)
    if not rest.size:
        return of, False
    far = _nearest(made[_some(rest)], real)
    among = _nearest(real[_some(np.arange(len(real)))], real, but=True)
    blurred = bool(np.median(far) < _COPIED * np.median(among))
    if blurred:
        from scipy.spatial import cKDTree

        # what nearly is a real row is found fast in however many dimensions
        at = np.asarray(cKDTree(real).query(made[rest])[1])
        of[rest] = first_equal(real[at], real)
    return of, blurred


def first_equal(made: Array, real: Array) -> Array:
    """(M,) the first real row that each row is equal to, -1 for none.

    Args:
        made: (M, d) rows.
        real: (n, d) rows.
    """
    # 0 and -0 are one number, and have other bytes
    first: dict[bytes, int] = {}
    for i, row in enumerate(real + 0.0):
        first.setdefault(row.tobytes(), i)
    return np.array([first.get(row.tobytes(), -1) for row in made + 0.0], dtype=np.intp)


def _some(places: Array) -> Array:
    """Evenly chosen, as many as are asked."""
    return places[:: -(-len(places) // _ASKED)]


def _nearest(rows: Array, others: Array, but: bool = False) -> Array:
    """(n,) distances to the nearest of others, but for one that is the row itself.

    By all distances: in many dimensions no tree finds the nearest faster.
    """
    found = []
    square = (others**2).sum(axis=1)
    for part in np.array_split(rows, -(-len(rows) * len(others) // _BLOCK)):
        apart = np.maximum((part**2).sum(axis=1)[:, None] + square - 2 * part @ others.T, 0)
        found.append(np.partition(apart, 1, axis=1)[:, 1] if but else apart.min(axis=1))
    return np.asarray(np.sqrt(np.concatenate(found)))


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
