"""Adversarial random forests: leaves in which columns know nothing of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from genloss.components import Count, Share, component
from genloss.generators.drawing import Groups, codes_of, columns_of, weights_of
from genloss.protocols import Model
from genloss.samples import Array, Samples
from genloss.streams import Rng


@dataclass(frozen=True, eq=False)
class Wood:
    """The forest of one replicate: a mixture, over trees and their leaves, of products of columns.

    Args:
        cells: (N, D) of the training rows.
        every: the rows as one group, to draw from by weight.
        leaf: (T, N) number of the leaf that a row falls into, in each of T trees.
        leaves: the rows, by the numbers of their leaves in all trees.
    """

    cells: Array
    every: Groups
    leaf: Array
    leaves: Groups

    def places(self, u: Array) -> Array:
        """(n, D) places of the training rows whose cells are taken, for u (n, D + 2)."""
        row = self.every.draw(np.zeros(len(u), dtype=np.intp), u[:, 0])
        leaf = self.leaf[(u[:, 1] * len(self.leaf)).astype(np.intp), row]
        return self.leaves.draw(np.repeat(leaf[:, None], u.shape[1] - 2, axis=1), u[:, 2:])


@dataclass(frozen=True, eq=False)
class ForestModel:
    """A forest a replicate.

    Args:
        woods: R of them.
        event: shape of a row.
    """

    woods: tuple[Wood, ...]
    event: tuple[int, ...]

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) rows."""
        r, d = len(self.woods), self.woods[0].cells.shape[1]
        u = rng.random((r, n, d + 2))
        rows = [
            np.take_along_axis(wood.cells, wood.places(own), axis=0)
            for wood, own in zip(self.woods, u, strict=True)
        ]
        return np.stack(rows).reshape(r, n, *self.event)


@component
class Forest:
    """An adversarial random forest: what it cannot tell from the training rows has its leaves' columns apart.

    It begins with rows whose columns are drawn each by itself. A forest learns to tell them from the training
    rows; then rows are drawn from its leaves, a leaf by the weight of the training rows in it and each column
    by itself among these; and the next forest learns to tell those. The rounds end where a forest does no
    better out of bag than a coin, or no better than the one before. Trees are scikit-learn's.

    Unlike the paper's, which fits a truncated normal law to numbers in a leaf, this draws the cells that are
    there: missing ones and dates too, and no value that does not occur. It has no density. Trees ask for the
    ranks of numbers and the codes of categories, and about missing cells as about others. Leaves and accuracy
    are weighted; ``min_leaf`` counts rows. A row of weight zero is not there.

    Args:
        trees: of a forest.
        min_leaf: fewest training rows in a leaf; what falls into a smaller one is put into that beside it.
        rounds: most forests, one after the other.
        tolerance: how far above one half the accuracy may be that ends the rounds.

    References:
        Watson, Blesch, Kapar and Wright, Adversarial random forests for density estimation and generative
        modeling (2023), arXiv:2205.09435.

    >>> import numpy as np
    >>> from genloss.samples import Chunk, Samples
    >>> from genloss.streams import fixed
    >>> x = np.arange(200.0) % 2
    >>> train = Samples.of([Chunk(200, 0, -1, np.stack([x, 7 * x], axis=1)[None])])
    >>> drawn = Forest().fit(train, fixed("fit")).sample(1000, fixed("sample"))
    >>> bool((drawn[..., 1] == 7 * drawn[..., 0]).all())
    True
    """

    trees: Count = 30
    min_leaf: Count = 5
    rounds: Count = 10
    tolerance: Share = 0.0
    model: ClassVar = ForestModel
    accepts: ClassVar = ("vectors", "table")
    # forests are grown one by one: small tiles spread over more workers
    tile: ClassVar = 1

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> ForestModel:
        """Grow the forests of each replicate.

        Raises:
            FitError: if there are no rows, or none of positive weight in some replicate.
        """
        weights = weights_of(train, "a forest")
        rows = train.rows
        cells = np.asarray(rows.reshape(*rows.shape[:2], -1), dtype=float)
        woods = []
        for r, own in enumerate(rng.spawn(len(cells))):
            w = np.ones(train.n) if weights is None else weights[r] / weights[r].max()
            kept = w > 0
            codes = codes_of(cells[r][kept], columns_of(train))
            woods.append(self._wood(cells[r][kept], codes, w[kept] / w.sum(), own))
        return ForestModel(tuple(woods), rows.shape[2:])

    def _wood(self, cells: Array, codes: Array, w: Array, rng: Rng) -> Wood:
        n, d = cells.shape
        one, every = np.zeros(n, dtype=np.intp), np.arange(n)
        all_rows = Groups.of(one, every, w)
        wood, accuracy = Wood(cells, all_rows, one[None], all_rows), np.inf
        for _ in range(self.rounds):
            made = np.take_along_axis(codes, wood.places(rng.random((n, d + 2))), axis=0)
            grown, found = self._told(codes, made, w, int(rng.integers(2**31)))
            if found >= accuracy:
                break
            leaf = np.stack([_leaf(tree.tree_, codes, self.min_leaf) for tree in grown.estimators_])
            # numbered through, without those that hold no row
            leaf = np.unique(leaf + (1 + leaf.max()) * np.arange(len(leaf))[:, None], return_inverse=True)[1]
            leaf = leaf.reshape(-1, n)
            times = len(leaf)
            leaves = Groups.of(leaf.ravel(), np.tile(every, times), np.tile(w, times))
            wood, accuracy = Wood(cells, all_rows, leaf, leaves), found
            if accuracy <= 0.5 + self.tolerance:
                break
        return wood

    def _told(self, real: Array, made: Array, w: Array, seed: int) -> tuple[Any, float]:
        """A forest that tells made rows from real ones, and its accuracy out of bag."""
        from sklearn.ensemble import RandomForestClassifier

        n = len(real)
        x, y = np.concatenate([real, made]), np.repeat([1, 0], n)
        weight = np.concatenate([w * n, np.ones(n)])
        grown = RandomForestClassifier(self.trees, min_samples_leaf=self.min_leaf, random_state=seed)
        grown.fit(x, y, sample_weight=weight)
        votes = np.zeros(2 * n)
        for tree, bag in zip(grown.estimators_, grown.estimators_samples_, strict=True):
            out = np.ones(2 * n, dtype=bool)
            out[bag] = False
            if out.any():
                votes[out] += tree.predict_proba(x[out])[:, 1] - 0.5
        right = 0.5 + 0.5 * np.sign(votes) * np.where(y == 1, 1, -1)  # what nobody tells is half right
        return grown, float(weight @ right / weight.sum())


def _leaf(tree: Any, real: Array, least: int) -> Array:
    """(N,) node that each real row comes to, where a child that holds too few leaves its rows to the other.

    A split that parts made rows from real ones alone is kept: it tells where the real ones are.
    """
    count = np.asarray(tree.decision_path(real).sum(axis=0)).ravel()
    left, right = tree.children_left.copy(), tree.children_right.copy()
    few = count < least
    left[few[tree.children_left]] = tree.children_right[few[tree.children_left]]
    right[few[tree.children_right]] = tree.children_left[few[tree.children_right]]
    ends = (tree.children_left < 0) | (few[tree.children_left] & few[tree.children_right])
    asked = np.maximum(tree.feature, 0)  # an end asks nothing
    at, rows = np.zeros(len(real), dtype=np.intp), np.arange(len(real))
    while not ends[at].all():
        x = real[rows, asked[at]]
        to_left = np.where(np.isnan(x), tree.missing_go_to_left[at] == 1, x <= tree.threshold[at])
        at = np.where(ends[at], at, np.where(to_left, left[at], right[at]))
    return at
