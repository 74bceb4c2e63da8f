"""How columns go together: the association of every pair of columns, of whatever kinds."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from genloss.components import component
from genloss.metrics.columns import Over
from genloss.metrics.sizes import said_of, some_holdout, some_rows
from genloss.observation import Observation
from genloss.samples import Array
from genloss.tables import Schema
from genloss.traits import SCHEMA

if TYPE_CHECKING:
    from genloss.experiment import Experiment

# Numbers of a block of replicates: 2^22 float64 are 32 MB, of which a few copies are made.
_BLOCK = 2**22
# A spread below this share of what it could be is rounding.
_NONE = 1e-12


@component
class PairDistance:
    """How far the associations of pairs of columns are from those of held-out rows: their mean, or the worst.

    The association of two numbers (or dates) is Spearman's rank correlation, from -1 to 1; of a number and a
    category the correlation ratio of its ranks, the root of the share of their variance between categories;
    of two categories (or booleans) Cramer's V, the root of chi^2 / (n min(K - 1, L - 1)). The distance of a
    pair is the absolute difference. Each pair is taken over the rows in which both cells are present; a
    column that is constant there is associated with nothing, 0. Of independent columns V and the ratio are
    about n^-1/2 in n rows, not 0, so that real rows have a distance too.

    Args:
        over: the "mean" over pairs of columns, or the "worst" one.

    References:
        Cramer, Mathematical methods of statistics (1946); Spearman, The proof and measurement of association
        between two things (1904).
    """

    over: Over = "mean"
    title: ClassVar = "Distance of pairs"
    better: ClassVar = "lower"
    tells: ClassVar = "risk"
    scale: ClassVar = "ratio"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")

    def misfit(self, exp: Experiment) -> str:
        """Whether there are pairs."""
        return "one column has no pairs; use ColumnDistance" * (int(np.prod(exp.event_shape)) < 2)

    def says(self, exp: Experiment) -> dict[str, str]:
        """Over which pairs."""
        which = "mean over pairs" if self.over == "mean" else "worst pair"
        about = (
            f"Difference between published and held-out real rows in how two columns go together, {which}: "
            f"rank correlation, correlation ratio or Cramér's V; of real rows too it is not 0."
        )
        return {"unit": f"difference of association, {which}", "about": about + said_of(exp)}

    def __call__(self, seen: Observation) -> Array:
        """(R,) distances."""
        each = seen.once("distances of pairs", lambda: _distances(seen))
        return np.asarray(each.mean(axis=1) if self.over == "mean" else each.max(axis=1))


def _distances(seen: Observation) -> Array:
    x, y = some_rows(seen), some_holdout(seen)
    x, y = x.reshape(*x.shape[:2], -1), y.reshape(*(y.shape[:2] if seen.fresh else (1, len(y))), -1)
    schema = SCHEMA.of(seen.exp.real)
    codes = [c.codes for c in schema.columns] if isinstance(schema, Schema) else [0] * x.shape[2]
    return np.asarray(np.abs(associations(x, codes) - associations(y, codes)))


def associations(x: Array, codes: list[int]) -> Array:
    """(R, D (D - 1) / 2) associations of the pairs of columns, in the order of ``np.triu_indices(D, 1)``.

    Args:
        x: (R, n, D) cells, NaN where missing.
        codes: of each column how many codes it has; 0 for numbers.
    """
    width = sum(k or 3 for k in codes)
    size = max(_BLOCK // (width * (x.shape[1] + width)), 1)
    return np.concatenate([_associations(x[i : i + size], codes) for i in range(0, len(x), size)])


def _associations(x: Array, codes: list[int]) -> Array:
    """The same of a few replicates: every sum that a pair needs is an entry of one product.

    A number has three columns in it: whether it is present, its rank there, and the square of that; a
    category has one for each code.
    """
    parts, places, end = [], [], 0
    for j, k in enumerate(codes):
        parts.append(_ranked(x[..., j]) if k == 0 else (x[..., j, None] == np.arange(k)).astype(float))
        places.append(slice(end, end + parts[-1].shape[-1]))
        end = places[-1].stop
    whole = np.concatenate(parts, axis=-1)
    sums = whole.mT @ whole
    d = len(codes)
    out = np.empty((len(x), d * (d - 1) // 2))
    for p, (i, j) in enumerate(itertools.combinations(range(d), 2)):
        # a number before a category
        a, b = (j, i) if codes[i] and not codes[j] else (i, j)
        block = sums[:, places[a], places[b]]
        out[:, p] = (_numbers if not codes[b] else _cramer if codes[a] else _ratio)(block)
    return out


def _ranked(x: Array) -> Array:
    """(R, n, 3) of cells (R, n): present; rank from -1/2 to 1/2, ties at their mean; square of the rank."""
    from scipy.stats import rankdata

    there = ~np.isnan(x)
    n = there.sum(axis=1, keepdims=True)
    # the missing ones come last, and their ranks are not looked at
    rank = (rankdata(np.where(there, x, np.inf), axis=1) - (n + 1) / 2) / np.maximum(n, 1)
    rank = np.where(there, rank, 0.0)
    return np.stack([there.astype(float), rank, rank**2], axis=-1)


def _divided(a: Array, b: Array, least: Any) -> Array:
    """(R,) quotients, 0 where the divisor is not above the least."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > least)


def _numbers(s: Array) -> Array:
    """(R,) rank correlations, of the sums (R, 3, 3) over rows where both are present."""
    n = s[:, 0, 0]
    safe = np.maximum(n, 1)
    cross = s[:, 1, 1] - s[:, 1, 0] * s[:, 0, 1] / safe
    one = s[:, 2, 0] - s[:, 1, 0] ** 2 / safe
    other = s[:, 0, 2] - s[:, 0, 1] ** 2 / safe
    some = (one > _NONE * n) & (other > _NONE * n)
    root = np.sqrt(np.where(some, one * other, 1.0))
    return np.clip(np.where(some, cross / root, 0.0), -1, 1)


def _ratio(s: Array) -> Array:
    """(R,) correlation ratios, of the sums (R, 3, K) of a number in each category."""
    count, rank, square = s[:, 0], s[:, 1], s[:, 2].sum(axis=1)
    n = count.sum(axis=1)
    mean = rank.sum(axis=1) ** 2 / np.maximum(n, 1)
    between = (rank**2 / np.maximum(count, 1)).sum(axis=1) - mean
    return np.asarray(np.sqrt(np.clip(_divided(between, square - mean, _NONE * n), 0, 1)))


def _cramer(count: Array) -> Array:
    """(R,) Cramer's V of tables of counts (R, K, L), over the categories that occur."""
    n = count.sum(axis=(1, 2))
    rows, columns = count.sum(axis=2), count.sum(axis=1)
    product = rows[:, :, None] * columns[:, None, :]
    share = np.divide(count**2, product, out=np.zeros_like(count), where=product > 0).sum(axis=(1, 2)) - 1
    least = np.minimum((rows > 0).sum(axis=1), (columns > 0).sum(axis=1)) - 1.0
    return np.asarray(np.sqrt(np.clip(np.where(n > 0, _divided(share, least, 0), 0.0), 0, 1)))
