"""Sequential trees: each column of a table is drawn from the leaf that the columns before it lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from genloss.components import Count, NonNegative, component
from genloss.errors import FitError
from genloss.generators.drawing import Groups, codes_of, columns_of, spread, weights_of
from genloss.protocols import Model
from genloss.samples import Array, Samples
from genloss.streams import Rng
from genloss.tables import Column
from genloss.tables.say import listed, meant


@dataclass(frozen=True, eq=False)
class Split:
    """Training rows, by the leaf of a tree that they fall into.

    Args:
        tree: of scikit-learn, or None where all rows are in one leaf.
        orders: of each column that it asks, the rank of each of its codes; None of a column of numbers.
        leaves: the rows, by the number of their node.
    """

    tree: Any
    orders: tuple[Array | None, ...]
    leaves: Groups

    def draw(self, asked: Array, u: Array) -> Array:
        """(n,) places of training rows, each by its weight from the leaf of what is asked, (n, k), at u."""
        if self.tree is None:
            return self.leaves.draw(np.zeros(len(u), dtype=np.intp), u)
        return self.leaves.draw(self.tree.apply(_ranked(asked, self.orders)), u)


@dataclass(frozen=True, eq=False)
class Step:
    """How one column is drawn.

    Args:
        column: its place.
        before: the columns that are drawn already.
        gap: which rows miss the cell, where some do and some do not.
        value: the cells that are there, or all where missing is one category more.
    """

    column: int
    before: tuple[int, ...]
    gap: Split | None
    value: Split

    def draw(self, asked: Array, u: Array, missing: Array) -> Array:
        """(n,) places of training rows whose cell is taken, for asked (n, k) and u (n, 2)."""
        found = self.value.draw(asked, u[:, 0])
        if self.gap is None:
            return found
        like = self.gap.draw(asked, u[:, 1])
        return np.asarray(np.where(missing[like, self.column], like, found))


@dataclass(frozen=True, eq=False)
class Chain:
    """The trees of one replicate.

    Args:
        cells: (N, D) of the training rows.
        codes: (N, D) the same as trees read them: ranks of numbers, codes of categories, NaN where missing.
        steps: of the columns, in the order in which they are drawn.
    """

    cells: Array
    codes: Array
    steps: tuple[Step, ...]

    def sample(self, u: Array) -> Array:
        """(n, D) cells for u (n, D, 2)."""
        missing = np.isnan(self.cells)
        codes, out = np.empty(u.shape[:2], self.codes.dtype), np.empty(u.shape[:2])
        for step in self.steps:
            j = step.column
            at = step.draw(codes[:, step.before], u[:, j], missing)
            # later trees ask what this row had: all their questions are about cells that they have seen
            codes[:, j], out[:, j] = self.codes[at, j], self.cells[at, j]
        return out


@dataclass(frozen=True, eq=False)
class TreesModel:
    """A chain of trees a replicate.

    Args:
        chains: R of them.
        spread: (R, D) standard deviation of what is added to drawn numbers, or None.
        whole: columns of whole numbers.
        event: shape of a row.
    """

    chains: tuple[Chain, ...]
    spread: Array | None
    whole: tuple[int, ...]
    event: tuple[int, ...]

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) rows."""
        r, d = len(self.chains), self.chains[0].cells.shape[1]
        u = rng.random((r, n, d, 2))
        rows = np.stack([chain.sample(own) for chain, own in zip(self.chains, u, strict=True)])
        if self.spread is not None:
            rows += self.spread[:, None] * rng.standard_normal(rows.shape)
            low, high = np.stack([_range(chain.cells) for chain in self.chains], axis=1)[:, :, None]
            np.clip(rows, low, high, out=rows)
            rows[..., self.whole] = np.rint(rows[..., self.whole])
        return rows.reshape(r, n, *self.event)


@component
class Trees:
    """Sequential trees, as synthpop has them: each column from the leaf that the columns before it lead to.

    The first column is drawn from its cells by weight. Each other one has a tree, grown on the columns before
    it by least squares (numbers, dates) or Gini's index (categories, booleans), and its cell is that of a
    training row drawn by weight from the leaf. Trees are scikit-learn's.

    What happens to what:

    - Numbers: only values that occur are drawn, unless they are smoothed. Trees ask for ranks, so that a
      column's units, or how far from zero it lies, do not matter.
    - Categories: those that a tree asks about are ordered by the mean of what it predicts; of more than two
      classes by the first principal component of their shares (Coppersmith, Hong and Hosking 1999). For two
      classes and for numbers the best split of a category at the root is one of that order. A lost category
      never comes back.
    - Missing cells: of a category one class more; of numbers a tree of its own says first whether the cell is
      missing. Trees ask about missing cells as about others.
    - Weights: leaves and splits are weighted; ``min_leaf`` counts rows. A row of weight zero is not there.

    Args:
        min_leaf: fewest training rows in a leaf. At 1 much of a training row is drawn as it is.
        max_depth: most questions from root to leaf; None for no bound.
        smoothing: standard deviation of the normal noise that is added to drawn numbers and dates, in those
            of their columns; what leaves the range of the training cells is put at its end, and whole
            numbers are rounded. 0 adds none.
        order: columns that are drawn first, by name; the others follow as they stand in the table.

    References:
        Nowok, Raab and Dibben, synthpop: bespoke creation of synthetic data in R (2016),
        doi:10.18637/jss.v074.i11; Reiter, Using CART to generate partially synthetic public use microdata
        (2005).

    >>> import numpy as np
    >>> from genloss.samples import Chunk, Samples
    >>> from genloss.streams import fixed
    >>> x = np.arange(40.0)
    >>> rows = np.stack([x, (x >= 20) * 7.0], axis=1)[None]
    >>> train = Samples.of([Chunk(40, 0, -1, rows)])
    >>> drawn = Trees().fit(train, fixed("fit")).sample(1000, fixed("sample"))
    >>> bool(((drawn[..., 0] >= 20) == (drawn[..., 1] == 7)).all())
    True
    """

    min_leaf: Count = 5
    max_depth: Count | None = None
    smoothing: NonNegative = 0.0
    order: tuple[str, ...] = ()
    model: ClassVar = TreesModel
    accepts: ClassVar = ("vectors", "table")
    # trees are grown one by one: small tiles spread over more workers
    tile: ClassVar = 4

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> TreesModel:
        """Grow the trees of each replicate.

        Raises:
            FitError: if there are no rows, none of positive weight in some replicate, or no column of a name.
        """
        weights = weights_of(train, "a chain of trees")
        rows = train.rows
        cells = np.asarray(rows.reshape(*rows.shape[:2], -1), dtype=float)
        columns = columns_of(train)
        order = self._ordered(columns)
        numbers = np.array([not column.codes for column in columns])
        chains, spreads = [], []
        for r, own in enumerate(rng.spawn(len(cells))):
            # in units of the largest, so that no sum of squares underflows
            w = np.ones(train.n) if weights is None else weights[r] / weights[r].max()
            there, w = cells[r][w > 0], w[w > 0]
            chains.append(self._chain(there, w, columns, order, own))
            if self.smoothing:
                spreads.append(self.smoothing * numbers * spread(there, w))
        noise = np.stack(spreads) if spreads else None
        whole = tuple(j for j, column in enumerate(columns) if column.integer)
        return TreesModel(tuple(chains), noise, whole, rows.shape[2:])

    def _ordered(self, columns: tuple[Column, ...]) -> list[int]:
        names = [column.name for column in columns]
        lacking = [name for name in self.order if name not in names]
        if lacking or len({*self.order}) < len(self.order):
            what = f"there is no column '{lacking[0]}'" if lacking else "a column stands twice"
            hint = meant(lacking[0], names) if lacking else ""
            known = listed(names) if any(names) else "none: rows of numbers have no names; leave order out"
            raise FitError(f"Trees: order: {what} (columns: {known}){hint}")
        first = [names.index(name) for name in self.order]
        return first + [j for j in range(len(columns)) if j not in first]

    def _chain(self, cells: Array, w: Array, columns: Any, order: list[int], rng: Rng) -> Chain:
        codes = codes_of(cells, columns)
        kinds = [column.codes for column in columns]
        seeds = rng.integers(2**31, size=(len(columns), 2)).tolist()
        steps = []
        for k, j in enumerate(order):
            before = tuple(order[:k])
            asked, asks = codes[:, before], [kinds[i] for i in before]
            missing, every = np.isnan(cells[:, j]), np.arange(len(cells))
            gap = None
            if kinds[j]:
                classes = np.where(missing, kinds[j], cells[:, j]).astype(np.intp)
                value = self._leaves(every, asked, asks, classes, w, seeds[j][0])
            elif missing.all():
                value = self._leaves(every, asked, asks, missing.astype(np.intp), w, seeds[j][0])
            else:
                there = every[~missing]
                value = self._leaves(there, asked, asks, _unit(cells[there, j]), w, seeds[j][0])
                if missing.any():
                    gap = self._leaves(every, asked, asks, missing.astype(np.intp), w, seeds[j][1])
            steps.append(Step(j, before, gap, value))
        return Chain(cells, codes, tuple(steps))

    def _leaves(self, rows: Array, asked: Array, kinds: list[int], y: Array, w: Array, seed: int) -> Split:
        """Leaves of the rows, grown by what is asked of them, (N, k), to tell y (M,), classes or numbers."""
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        x, w = asked[rows], w[rows]
        tree, leaf = None, np.zeros(len(rows), dtype=np.intp)
        orders: tuple[Array | None, ...] = ()
        if kinds and len(rows) >= 2 * self.min_leaf and (y != y[0]).any():
            orders = tuple(
                _order(c, kind, y, w) if kind else None for c, kind in zip(x.T, kinds, strict=True)
            )
            make = DecisionTreeClassifier if y.dtype.kind == "i" else DecisionTreeRegressor
            grower = make(min_samples_leaf=self.min_leaf, max_depth=self.max_depth, random_state=seed)
            x = _ranked(x, orders)
            tree = grower.fit(x, y, sample_weight=w).tree_
            leaf = tree.apply(x)
        return Split(tree, orders, Groups.of(leaf, rows, w))


def _unit(y: Array) -> Array:
    """Numbers about 0 within [-1, 1]: squares of what lies far from zero would lose its differences."""
    largest = np.abs(y).max()
    y = y / largest if largest > 0 else y
    y = y - y.mean()
    largest = np.abs(y).max()
    return np.asarray(y / largest if largest > 0 else y, dtype=float)


def _order(codes: Array, kinds: int, y: Array, w: Array) -> Array:
    """(kinds,) rank of each code of a column by what y is where it stands, classes or numbers."""
    there = ~np.isnan(codes)
    if not there.any():
        return np.zeros(kinds, dtype=np.float32)
    c, y, w = codes[there].astype(np.intp), y[there], w[there]
    many = int(y.max()) + 1 if y.dtype.kind == "i" else 1
    if many > 1:
        told = np.bincount(c * many + y, w, kinds * many).reshape(kinds, many)
    else:
        told = np.bincount(c, w * y, kinds)[:, None]
    mass = np.bincount(c, w, kinds)[:, None]
    share = np.divide(told, mass, out=np.zeros_like(told), where=mass > 0)
    if many > 1:
        apart = share - told.sum(axis=0) / max(mass.sum(), 1e-300)
        share = apart @ np.linalg.svd(np.sqrt(mass) * apart, full_matrices=False)[2][:1].T
    return np.argsort(np.argsort(share[:, 0], kind="stable"), kind="stable").astype(np.float32)


def _ranked(asked: Array, orders: tuple[Array | None, ...]) -> Array:
    """(n, k) what a tree is asked, with codes by their rank."""
    out = np.array(asked, dtype=np.float32, order="C")
    for column, order in zip(out.T, orders, strict=True):
        if order is not None:
            there = ~np.isnan(column)
            column[there] = order[column[there].astype(np.intp)]
    return out


def _range(cells: Array) -> Array:
    """(2, D) smallest and largest cell of each column; NaN where all are missing."""
    return np.stack([np.fmin.reduce(cells), np.fmax.reduce(cells)])
