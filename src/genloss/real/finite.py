"""Real data of which there is only so much: tables and images, a share of which no model ever trains on."""

from __future__ import annotations

import os
from functools import cached_property, lru_cache
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt, Lt

from genloss.components import component
from genloss.samples import Array
from genloss.statistics import Moments
from genloss.streams import Rng, fixed
from genloss.tables import Schema, read_table

HeldOut = Annotated[float, Gt(0), Lt(1)]


def split(n: int, held_out: float) -> tuple[Array, Array]:
    """Indices to train on and to hold out, the same whenever n and the share are; at least one of each."""
    order = fixed("holdout").permutation(n)
    held = min(max(round(n * held_out), 1), n - 1)
    return np.sort(order[held:]), np.sort(order[:held])


def first_of_permutation(rows: Array, replicates: int, n: int, rng: Rng) -> Array:
    """(R, n, *event): the first n of a random permutation of the rows in each replicate.

    The permutation does not depend on n, so that a longer draw from the same stream begins with a shorter
    one.
    """
    return np.stack([rows[own.permutation(len(rows))[:n]] for own in rng.spawn(replicates)])


@component
class Table:
    """A table of the user's, or one that scikit-learn brings.

    Args:
        path: a CSV, Parquet or JSON-lines file, or ``breast_cancer``, ``wine``, ``diabetes`` or ``iris``.
        target: the column to be predicted; the bundled tables know theirs.
        held_out: share of rows that no model trains on.

    Raises:
        DataError: when first read, if the file cannot serve.
    """

    path: str
    target: str | None = None
    held_out: HeldOut = 0.3

    words: ClassVar = ("path",)  # its content says which table it is

    @cached_property
    def _read(self) -> tuple[Schema, Array]:
        version = os.stat(self.path).st_mtime_ns if os.path.isfile(self.path) else 0
        return _read(self.path, self.target, version)

    @property
    def schema(self) -> Schema:
        """Names, kinds and categories of the columns."""
        return self._read[0]

    @property
    def content(self) -> str:
        """What identifies the data, whatever the path: a run must not go on with another table."""
        import hashlib

        return hashlib.sha256(self._read[1].tobytes() + repr(self.schema).encode()).hexdigest()

    @property
    def event(self) -> str:
        """Rows are vectors too where every column is numeric and complete."""
        plain = all(c.kind == "numeric" and not c.missing for c in self.schema.columns)
        return "numeric table" if plain else "table"

    @cached_property
    def _split(self) -> tuple[Array, Array]:
        rows = self._read[1]
        train, held = split(len(rows), self.held_out)
        return rows[train], rows[held]

    @property
    def size(self) -> int:
        """Rows that models may train on."""
        return len(self._split[0])

    @property
    def target_index(self) -> int | None:
        """The column to be predicted."""
        return self.schema.target_index

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, D) rows, without replacement."""
        return first_of_permutation(self._split[0], replicates, n, rng)

    def holdout(self) -> Array:
        """(m, D) rows."""
        return self._split[1]

    def category_shares(self, column: int) -> Array:
        """(K,) of the codes of a column among all real rows, held out or not."""
        x = self._read[1][:, column]
        return np.array([(x == code).mean() for code in range(self.schema.columns[column].codes)])

    @cached_property
    def _scale(self) -> tuple[Array, Array]:
        """Mean and standard deviation of each column over all real rows, codes apart."""
        rows = self._read[1]
        mean, sd = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
        return mean, np.where(sd > 0, sd, 1.0)

    def features(self, rows: Array, leave_out: int | None = None) -> Array:
        """(..., k) floats: standardised numbers and dates, one column for each category but the first.

        Missing numbers stand at the real mean; a missing category is none of them.
        """
        mean, sd = self._scale
        out: list[Array] = []
        for i, column in enumerate(self.schema.columns):
            x = rows[..., i]
            if i == leave_out:
                continue
            if column.kind in ("categorical", "boolean"):
                codes = range(1, max(len(column.categories), 2))
                out.extend((x == code).astype(float) for code in codes)
            else:
                out.append(np.nan_to_num((x - mean[i]) / sd[i], nan=0.0))
        return np.stack(out, axis=-1)

    def standardised(self, law: Moments) -> Moments:
        """The moments of features of numeric rows whose own moments are given."""
        mean, sd = self._scale
        return Moments(law.n, (law.mean - mean) / sd, law.root / sd[:, None])


@lru_cache(maxsize=8)
def _read(path: str, target: str | None, version: int) -> tuple[Schema, Array]:
    return read_table(path, target)


@component
class Digits:
    """scikit-learn's handwritten digits: 8 x 8 images as vectors of 64 intensities from 0 to 1.

    Args:
        held_out: share of images that no model trains on.
    """

    held_out: HeldOut = 0.3
    event: ClassVar = "images"
    image: ClassVar = (8, 8)

    @cached_property
    def _split(self) -> tuple[Array, Array]:
        from sklearn.datasets import load_digits

        rows = load_digits().data / 16
        train, held = split(len(rows), self.held_out)
        return rows[train], rows[held]

    @property
    def size(self) -> int:
        """Images that models may train on."""
        return len(self._split[0])

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, 64) images, without replacement."""
        return first_of_permutation(self._split[0], replicates, n, rng)

    def holdout(self) -> Array:
        """(m, 64) images."""
        return self._split[1]
