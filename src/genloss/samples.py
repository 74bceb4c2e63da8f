"""The data that flows round the ring: chunks, as published, and samples, their weighted unions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genloss.errors import FitError
from genloss.streams import REAL, Rng
from genloss.traits import ALL, SUBSAMPLE

Array = NDArray[Any]
Statistic = Callable[..., Any]
"""An additive statistic: ``kind(rows, weights=None)`` gives a value with ``+`` and ``* weight``."""

MIXED = -2
"""The author and birth of a chunk drawn, as a statistic, from many."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """What one author published at one generation, in R replicates at once; immutable.

    Args:
        n: rows a replicate.
        born: generation of entry; (R, n) where chunks were mixed.
        author: index of the agent, -1 for real rows; (R, n) where chunks were mixed.
        rows: (R, n, *event), or None where only a statistic was drawn.
        known: statistics drawn or computed so far.
        authors: (R,) rows of each author, where chunks were mixed without rows.
        schema: what a row means, given to real chunks by their source.
        event: shape of a row, where there are no rows to tell.
    """

    n: int
    born: int | Array
    author: int | Array
    rows: Array | None = None
    known: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    authors: Mapping[int, Array] | None = None
    schema: Any = None
    event: tuple[int, ...] = ()

    def statistic(self, kind: Statistic) -> Any:
        """The value of a statistic on this chunk, computed once.

        Raises:
            LookupError: if the chunk was drawn as another statistic, without rows.
        """
        if kind not in self.known:
            if self.rows is None:
                raise LookupError(f"drawn as a statistic: no rows to compute {kind} from")
            self.known[kind] = kind(self.rows)
        return self.known[kind]

    def without(self, kinds: Mapping[Hashable, Any]) -> Chunk:
        """The same chunk without some statistics, if they were drawn in place of synthetic rows."""
        if self.rows is not None or self.author == REAL or kinds.keys().isdisjoint(self.known):
            return self
        return replace(self, known={k: value for k, value in self.known.items() if k not in kinds})

    def where(self, attribute: str, accept: Callable[[Any], Any]) -> bool | Array:
        """Whether the whole chunk, or (R, n) which of its rows, has an accepted author or birth.

        Raises:
            FitError: if chunks were mixed without rows.
        """
        value = getattr(self, attribute)
        if isinstance(value, int) and value == MIXED:
            raise FitError(
                f"rows mixed as a statistic cannot be told apart by {attribute}; use rows='always'"
            )
        answer = accept(value)
        return bool(answer) if isinstance(value, int) else np.asarray(answer, dtype=bool)


@dataclass(frozen=True, eq=False)
class Samples:
    """A weighted union of chunks: the pool is one, a training set is one.

    Every sample remembers ``origin``, the real rows of generation 0 that its pool began with: their number
    is the default budget, their inputs are the fixed design, their schema says what a row means.

    Args:
        chunks: the chunks, oldest first.
        weights: of a row, one entry a chunk: a number, or (R, n) where it differs by row.
        origin: the first real chunk.
    """

    chunks: tuple[Chunk, ...]
    weights: tuple[Any, ...]
    origin: Chunk
    _known: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    # totals of the first chunks, handed on by the sample this one grew from
    _carried: tuple[int, dict[Hashable, Any]] = field(default=(0, {}), repr=False)

    @classmethod
    def of(cls, chunks: Iterable[Chunk], origin: Chunk | None = None) -> Samples:
        """The union of some chunks, each row with weight one."""
        chunks = tuple(chunks)
        return cls(chunks, (1.0,) * len(chunks), chunks[0] if origin is None else origin)

    def __add__(self, other: Samples) -> Samples:
        """Both: totals already known of the left one are carried on, so that growing costs what is new."""
        return Samples(
            self.chunks + other.chunks,
            self.weights + other.weights,
            self.origin,
            # not a copy: what is asked of this one later, as by a metric, is known to the next one too
            _carried=(len(self.chunks), self._known),
        )

    def __len__(self) -> int:
        return self.n

    @cached_property
    def n(self) -> int:
        """Rows a replicate."""
        return sum(c.n for c in self.chunks)

    @property
    def schema(self) -> Any:
        """What a row means, as the real source says."""
        return self.origin.schema

    @property
    def event(self) -> tuple[int, ...]:
        """Shape of a row."""
        return self.origin.event if self.origin.rows is None else self.origin.rows.shape[2:]

    @property
    def replicates(self) -> int:
        """R, where there are rows."""
        return len(_rows(self.chunks[0]))

    # -- parts of it -------------------------------------------------------------------------------

    def _select(self, attribute: str, accept: Callable[[Any], Any]) -> Samples:
        kept = []
        for chunk, weight in zip(self.chunks, self.weights, strict=True):
            where = chunk.where(attribute, accept)
            if where is True:
                kept.append((chunk, weight))
            elif where is not False and where.any():
                kept.append((chunk, weight * where))
        return Samples(tuple(c for c, _ in kept), tuple(w for _, w in kept), self.origin)

    @property
    def real(self) -> Samples:
        """The real rows."""
        return self._select("author", lambda a: a == REAL)

    @property
    def synthetic(self) -> Samples:
        """The rows that agents published."""
        return self._select("author", lambda a: a != REAL)

    def by(self, *authors: int) -> Samples:
        """The rows of some authors; -1 is the real source."""
        return self._select("author", lambda a: np.isin(a, authors))

    def since(self, t: int) -> Samples:
        """The rows that entered at generation t or later."""
        return self._select("born", lambda b: b >= t)

    @property
    def newest(self) -> int:
        """The generation in which the last rows entered; chunks stand in that order."""
        return _newest(self.chunks[-1])

    @property
    def latest(self) -> Samples:
        """The rows that entered in the last generation."""
        return self.since(self.newest)

    def forget(self, real: float, synthetic: float) -> Samples:
        """Without chunks older than that many generations; the origin is remembered all the same."""
        if real == synthetic == ALL:
            return self
        newest = self.newest
        keep = [
            newest - _newest(c) < (real if isinstance(c.author, int) and c.author == REAL else synthetic)
            for c in self.chunks
        ]
        if all(keep):
            return self
        pick = [i for i, kept in enumerate(keep) if kept]
        return replace(
            self,
            chunks=tuple(self.chunks[i] for i in pick),
            weights=tuple(self.weights[i] for i in pick),
            _known={},
            _carried=(0, {}),
        )

    def settle(self) -> Samples:
        """Without the statistics of synthetic chunks that the carried totals already contain.

        Earlier samples hold the chunks as they were: a loop can go on from any of its states.
        """
        count, carried = self._carried
        first, added, new = self.chunks[:1], self.chunks[1:count], self.chunks[max(count, 1) :]
        chunks = (*first, *(c.without(carried) if c.known else c for c in added), *new)
        return Samples(chunks, self.weights, self.origin, self._known, self._carried)

    # -- weights -----------------------------------------------------------------------------------

    def weighted(self, real: float) -> Samples:
        """All real rows together weigh the share ``real``, all synthetic ones the rest; the mean weight is 1.

        Where a replicate holds only one of the two, that one weighs everything.
        """
        mass = self.mass()
        of_real = self.mass(REAL)
        of_synthetic = mass - of_real
        with np.errstate(divide="ignore", invalid="ignore"):
            up = np.where(
                of_synthetic > 0, np.where(of_real > 0, real * self.n / of_real, 0.0), self.n / of_real
            )
            down = np.where(
                of_real > 0,
                np.where(of_synthetic > 0, (1 - real) * self.n / of_synthetic, 0.0),
                self.n / of_synthetic,
            )
        weights: list[Any] = []
        for chunk, weight in zip(self.chunks, self.weights, strict=True):
            is_real = chunk.where("author", lambda a: a == REAL)
            if isinstance(is_real, bool):
                factor = up if is_real else down
                weights.append(
                    weight * (factor.item() if factor.ndim == 0 else factor[:, None] * np.ones(chunk.n))
                )
            else:
                weights.append(weight * np.where(is_real, up[..., None], down[..., None]))
        return Samples(self.chunks, tuple(weights), self.origin)

    def mass(self, author: int | None = None) -> Array:
        """Total weight a replicate, of all rows or of one author's: () or (R,)."""
        total: Any = 0.0
        for chunk, weight in zip(self.chunks, self.weights, strict=True):
            if chunk.authors is not None and author is not None:
                total = total + weight * chunk.authors.get(author, 0)
                continue
            where = True if author is None else chunk.where("author", lambda a: a == author)
            if np.ndim(weight) == 0 and isinstance(where, bool):
                total = total + weight * chunk.n * where
            else:
                each = np.broadcast_to(
                    weight, np.broadcast_shapes(np.shape(weight), np.shape(where), (chunk.n,))
                )
                total = total + (each * where).sum(-1)
        return np.asarray(total, dtype=float)

    @property
    def row_weights(self) -> Array | None:
        """(N,) or (R, N) weights of the rows, or None where all are alike."""
        if all(np.ndim(w) == 0 and w == self.weights[0] for w in self.weights):
            return None
        each = [
            np.broadcast_to(w, (*np.shape(w)[:-1], c.n))
            for c, w in zip(self.chunks, self.weights, strict=True)
        ]
        shape = np.broadcast_shapes(*(w.shape[:-1] for w in each))
        return np.concatenate([np.broadcast_to(w, (*shape, w.shape[-1])) for w in each], axis=-1)

    # -- what is in it -----------------------------------------------------------------------------

    @property
    def rows(self) -> Array:
        """(R, N, *event) all rows, oldest chunk first.

        Raises:
            LookupError: if a chunk was drawn as a statistic.
        """
        parts = [_rows(c) for c in self.chunks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def take(self, index: Array) -> Array:
        """(R, k, *event) rows by their (R, k) place in the union, without copying the union."""
        ends = np.cumsum([c.n for c in self.chunks])
        if len(self.chunks) == 1:
            return _take(_rows(self.chunks[0]), index)
        which = np.searchsorted(ends, index, side="right")
        order = np.argsort(which, axis=None, kind="stable")
        cuts = np.searchsorted(which.ravel()[order], np.arange(len(self.chunks) + 1))
        # whole-number real rows must not round the synthetic ones
        parts = [_rows(c) for c in self.chunks]
        out = np.empty((*index.shape, *parts[0].shape[2:]), np.result_type(*parts))
        for i, part in enumerate(parts):
            flat = order[cuts[i] : cuts[i + 1]]
            if flat.size:
                r, k = np.divmod(flat, index.shape[1])
                out[r, k] = part[r, index[r, k] - (ends[i] - part.shape[1])]
        return out

    def total(self, kind: Statistic) -> Any:
        """The value of an additive statistic on the union: each chunk's is computed once, then added up."""
        if kind not in self._known:
            count, carried = self._carried
            value, start = (carried[kind], count) if kind in carried else (None, 0)
            for chunk, weight in zip(self.chunks[start:], self.weights[start:], strict=True):
                if np.ndim(weight) > 0:
                    if chunk.rows is None:
                        raise LookupError(f"drawn as a statistic: no rows to weigh in {kind}")
                    part = kind(chunk.rows, weight)
                elif weight == 0:
                    continue  # rows that are not there: two of them would have no mean
                else:
                    part = chunk.statistic(kind)
                    part = part if weight == 1.0 else part * weight
                value = part if value is None else value + part
            if value is None:
                raise FitError("the training set is empty: this regime reads no rows at this generation")
            self._known[kind] = value
        return self._known[kind]

    def subsample(self, k: int, rng: Rng) -> Samples:
        """k rows without replacement in every replicate, or everything where there are no more.

        Rows are drawn by index. Chunks without rows are drawn from exactly where their statistic has a
        ``subsample`` (counts do: multivariate hypergeometric).

        Raises:
            FitError: if the rows carry unequal weights, or were drawn as a statistic that cannot be thinned.
        """
        if k >= self.n:
            return self
        if self.row_weights is not None:
            raise FitError("a weighted sample cannot be subsampled; put Weighted around AccumulateSubsample")
        if any(c.rows is None for c in self.chunks):
            return self._subsample_statistic(k, rng)
        replicates = self.replicates
        # rng.choice takes O(k) a replicate; a permutation of keys would take O(N)
        each = rng.spawn(replicates)
        index = np.stack([own.choice(self.n, k, replace=False, shuffle=False) for own in each])
        born, author = (
            np.concatenate([np.broadcast_to(getattr(c, a), (c.n,)) for c in self.chunks])[index]
            if all(isinstance(getattr(c, a), int) for c in self.chunks)
            else np.take_along_axis(
                np.concatenate(
                    [np.broadcast_to(getattr(c, a), (replicates, c.n)) for c in self.chunks], axis=1
                ),
                index,
                axis=1,
            )
            for a in ("born", "author")
        )
        return Samples.of([Chunk(k, born, author, self.take(index))], self.origin)

    def _subsample_statistic(self, k: int, rng: Rng) -> Samples:
        shared = set.intersection(*({*c.known} for c in self.chunks))
        kind: Any = next((s for s in shared if SUBSAMPLE.of(s) is not None), None)
        if kind is None:
            raise FitError(
                "these rows were drawn as a statistic that cannot be subsampled; use rows='always'"
            )
        authors = sorted({int(a) for c in self.chunks for a in np.unique(c.author)})
        value, numbers = kind.subsample([self.by(a).total(kind) for a in authors], k, rng)
        of = dict(zip(authors, numbers, strict=True))
        return Samples.of([Chunk(k, MIXED, MIXED, known={kind: value}, authors=of)], self.origin)


def _newest(chunk: Chunk) -> int:
    return chunk.born if isinstance(chunk.born, int) else int(chunk.born.max())


def _rows(chunk: Chunk) -> Array:
    if chunk.rows is None:
        raise LookupError("drawn as a statistic: this chunk has no rows")
    return chunk.rows


def _take(rows: Array, index: Array) -> Array:
    """(R, k, *event) rows of (R, n, *event) by (R, k) index."""
    return rows[np.arange(len(rows))[:, None], index]


def each_replicate(x: Array, event: tuple[int, ...], replicates: int) -> Array:
    """(R, m, *event) of rows that are one set for all replicates, (m, *event), or one for each."""
    return np.broadcast_to(x, (replicates, *x.shape[x.ndim - len(event) - 1 :]))


def check_weight(total: Any) -> None:
    """Refuse a training set whose rows weigh nothing together, total () or (R, ...), in some replicate.

    Raises:
        FitError: naming the replicate.
    """
    empty = np.flatnonzero(np.asarray(total) <= 0)
    if empty.size:
        raise FitError(f"all training rows of replicate {empty[0]} have weight 0; weigh some of them more")
