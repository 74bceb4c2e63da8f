"""Real data of which there is only so much: tables and images, a share of which no model ever trains on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Gt, Len, Lt
from pydantic import BeforeValidator

from genloss.components import component, field
from genloss.samples import Array
from genloss.statistics import Moments
from genloss.streams import Rng, fixed
from genloss.tables import Data, Reading, Schema, Wishes, read_table
from genloss.tables.cells import Kind
from genloss.tables.kept import is_kept
from genloss.tables.say import Decision, some, together
from genloss.traits import fields

if TYPE_CHECKING:
    from genloss.tables.describe import Description

_KINDS: dict[str, Kind] = {
    "category": "categorical",
    "numeric": "numeric",
    "boolean": "boolean",
    "date": "date",
}
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


def _each(decisions: Sequence[Decision]) -> str:
    """Decisions in a few words, those alike once."""
    alike = ((d.what, len(others)) for d, others in together(decisions))
    return some(f"{what} (and {n} more)" if n else what for what, n in alike)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Types = dict[str, Literal["category", "numeric", "boolean", "date"]]
Mark = Annotated[str, Len(1, 1)]


@component
class Table:
    """A table of the user's, or one that scikit-learn brings.

    What a table leaves open is decided, and said: `describe()` lists the decisions, and the field that would
    change each. Columns of no use are left out: of one value, of none, without a name, keys, free text. So
    are rows without a target.

    Args:
        path: a file (CSV and the like, Parquet, Arrow, JSON, Excel; also .gz and .zst), ``breast_cancer``,
            ``wine``, ``diabetes`` or ``iris``; or in Python a pandas or Polars DataFrame or an Arrow table.
        target: the column to be predicted; the bundled tables know theirs.
        held_out: share of rows that no model trains on.
        drop: columns to leave out.
        types: kinds of columns, where it is not to be found out: "category", "numeric", "boolean" or "date".
        delimiter: what stands between the cells of a text file.
        decimal: the decimal mark, "." or ",".
        encoding: of a text file.
        missing: texts that are missing cells, besides blank ones.
        dayfirst: whether in 01/02/2020 the day comes first.
        strict: refuse a table of which something would be left out.

    Raises:
        DataError: when first read, if the table cannot serve; a line for each problem.

    >>> Table("wine").schema.width
    14
    """

    path: Data
    target: str | None = None
    held_out: HeldOut = 0.3
    drop: Texts = ()
    types: Types | None = field(default=None, hash=False)
    delimiter: Mark | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    missing: Texts = ()
    dayfirst: bool | None = None
    strict: bool = False

    # its content says which table it is, and how it was read
    words: ClassVar = (
        *("path", "drop", "types", "delimiter", "decimal", "encoding", "missing", "dayfirst", "strict"),
    )

    @cached_property
    def _table(self) -> _Loaded:
        types = tuple((k, _KINDS[v]) for k, v in sorted((self.types or {}).items()))
        wishes = Wishes(
            self.target,
            self.drop,
            types,
            self.delimiter,
            self.decimal,
            self.encoding,
            self.missing,
            self.dayfirst,
            self.strict,
        )
        version = os.stat(self.path).st_mtime_ns if os.path.isfile(self.path) else 0
        return _load(self.path, wishes, self.held_out, version)

    @property
    def schema(self) -> Schema:
        """Names, kinds and categories of the columns."""
        return self._table.schema

    @property
    def content(self) -> str:
        """What identifies the data, whatever the path: a run must not go on with another table."""
        return self._table.content

    @property
    def remark(self) -> str:
        """What of the table is left out, and what was decided in reading it, in a line; "" for nothing."""
        left_out = [d for d in self._table.left_out if d.column not in self.drop]
        decisions = self._table.decisions
        if not left_out and not decisions:
            return ""
        said = [f"left out: {_each(left_out)}"] if left_out else []
        said += [f"decided: {_each(decisions)}"] if decisions else []
        where = (
            f"genloss describe {self.path}" if "." in self.path and not is_kept(self.path) else "describe()"
        )
        return f"{self.path}: {'; '.join(said)}; {where} says why"

    def describe(self) -> Description:
        """What the table was read as, what was left out, and what was decided; `print` shows it."""
        from genloss.tables.describe import Description

        given = {k: vars(self)[k] for k, f in fields(self).items() if vars(self)[k] != f.default}
        loaded = self._table
        rows = np.concatenate([loaded.train, loaded.held])
        return Description(Reading(loaded.schema, rows, loaded.decisions, loaded.left_out), given)

    @property
    def event(self) -> str:
        """Rows are vectors too where every column is numeric and complete."""
        plain = all(c.kind == "numeric" and not c.missing for c in self.schema.columns)
        return "numeric table" if plain else "table"

    @property
    def size(self) -> int:
        """Rows that models may train on."""
        return len(self._table.train)

    @property
    def target_index(self) -> int | None:
        """The column to be predicted."""
        return self.schema.target_index

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, D) rows, without replacement."""
        return first_of_permutation(self._table.train, replicates, n, rng)

    def holdout(self) -> Array:
        """(m, D) rows."""
        return self._table.held

    def category_shares(self, column: int) -> Array:
        """(K,) of the codes of a column among all real rows, held out or not."""
        x = np.concatenate([self._table.train[:, column], self._table.held[:, column]])
        return np.array([(x == code).mean() for code in range(self.schema.columns[column].codes)])

    def features(self, rows: Array, leave_out: int | None = None) -> Array:
        """(..., k) floats: standardised numbers and dates, one column for each category but the first.

        Missing numbers stand at the real mean; a missing category is none of them.
        """
        mean, sd = self._table.scale
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

    def projected(self, rows: Array, directions: Array) -> Array:
        """(..., n, p) features along directions (p, k): of a thousand categories one is looked up.

        >>> iris = Table("iris")
        >>> rows, directions = iris.holdout()[:5], np.eye(6)[:3]
        >>> np.allclose(iris.projected(rows, directions), iris.features(rows) @ directions.T)
        True
        """
        mean, sd = self._table.scale
        out = np.zeros((*rows.shape[:-1], len(directions)))
        at = 0
        for i, column in enumerate(self.schema.columns):
            x = rows[..., i]
            if column.kind in ("categorical", "boolean"):
                after = at + max(len(column.categories), 2) - 1
                # neither the first category nor a missing one has a feature
                known = np.concatenate([np.zeros((1, len(directions))), directions[:, at:after].T])
                out += known[np.nan_to_num(x, nan=0.0).astype(np.intp)]
            else:
                after = at + 1
                out += np.nan_to_num((x - mean[i]) / sd[i], nan=0.0)[..., None] * directions[:, at]
            at = after
        return out

    def standardised(self, law: Moments) -> Moments:
        """The moments of features of numeric rows whose own moments are given."""
        mean, sd = self._table.scale
        return Moments(law.n, (law.mean - mean) / sd, law.root / sd[:, None])


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A table as it was read, its rows split; cells of a study share it.

    Args:
        schema: of the columns.
        train: (n, D) rows that models may train on.
        held: (m, D) rows that they may not.
        scale: (D,) mean and standard deviation of each column over all rows, codes apart.
        content: a digest of schema and rows.
        decisions: in reading it.
        left_out: columns and rows.
    """

    schema: Schema
    train: Array
    held: Array
    scale: tuple[Array, Array]
    content: str
    decisions: tuple[Decision, ...]
    left_out: tuple[Decision, ...]


@lru_cache(maxsize=8)
def _load(path: str, wishes: Wishes, held_out: float, version: int) -> _Loaded:
    import hashlib

    read = read_table(path, wishes)
    digest = hashlib.sha256(np.ascontiguousarray(read.rows).data)
    digest.update(repr(read.schema).encode())
    with np.errstate(over="ignore", invalid="ignore"):  # numbers near 1e308 have a spread beyond floats
        mean, sd = np.nanmean(read.rows, axis=0), np.nanstd(read.rows, axis=0)
    train, held = split(len(read.rows), held_out)
    return _Loaded(
        read.schema,
        read.rows[train],
        read.rows[held],
        (mean, np.where(sd > 0, sd, 1.0)),
        digest.hexdigest(),
        read.decisions,
        read.left_out,
    )


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
    def _split(self) -> tuple[Array, Array, Array]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        train, held = split(len(digits.data), self.held_out)
        return digits.data[train] / 16, digits.data[held] / 16, digits.target[held]

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

    @property
    def holdout_classes(self) -> Array:
        """(m,) which digit each of them is."""
        return self._split[2]
