"""Tables column by column: what is left of rare categories and of each, and how far columns are from real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Gt, Lt

from genloss.components import component
from genloss.errors import bounded, shown
from genloss.metrics.distance import wasserstein1
from genloss.metrics.sizes import said_of, some_holdout, some_rows
from genloss.observation import Observation
from genloss.samples import Array
from genloss.tables import Schema
from genloss.traits import CATEGORY_SHARES, SCHEMA

if TYPE_CHECKING:
    from genloss.experiment import Experiment

Over = Literal["mean", "worst"]


def codes(column: Any, x: Array) -> Array:
    """(R, K + 1) shares of the codes of a column's cells (R, n); the missing ones are the last."""
    r, k = len(x), column.codes + 1
    # each replicate's codes after those of the one before
    place = np.where(np.isnan(x), k - 1, x).astype(int) + k * np.arange(r)[:, None]
    return np.asarray(np.bincount(place.ravel(), minlength=r * k).reshape(r, k) / x.shape[1])


class Rare(NamedTuple):
    """A category that few real rows have.

    Args:
        column: index of its column.
        code: its code there.
        share: of real rows that have it.
        of: the column, by name.
        category: the category, as text.
    """

    column: int
    code: int
    share: float
    of: str
    category: str

    @property
    def said(self) -> str:
        """What to call it: "outcome = yes (3 % of real rows)"."""
        name = f"{bounded(self.of, 30)} = {bounded(self.category, 30)}"
        return f"{name} ({100 * self.share:.2g} % of real rows)"


def rare(real: Any, below: float, column: str | None) -> list[Rare]:
    """The categories that real rows have, but few; the rarest first.

    Args:
        real: the source of the rows.
        below: the share of rows that is no longer few.
        column: name of the only column to look at; None for all.
    """
    schema, known = SCHEMA.of(real), CATEGORY_SHARES.of(real)
    found = []
    for j, c in enumerate(schema.columns if isinstance(schema, Schema) else ()):
        if c.codes and column in (None, c.name):
            shares = codes(c, real.holdout()[None, :, j])[0, :-1] if known is None else known(j)
            names = c.categories or (False, True)
            found += [
                Rare(j, k, float(p), c.name, str(names[k])) for k, p in enumerate(shares) if 0 < p < below
            ]
    return sorted(found, key=lambda r: r.share)


def _no_column(exp: Experiment, column: str) -> str:
    """What is wrong with a column that should be one of categories."""
    columns = SCHEMA.of(exp.real).columns
    some = [c.name for c in columns if c.codes]
    if column in some:
        return ""
    what = "is not one of categories" if column in [c.name for c in columns] else "is not there"
    there = f"there are {bounded(', '.join(some))}" if some else "there is none"
    return f"the column {shown(column)} {what}; {there}"


@component
class RareMass:
    """Share of published rows that have a rare category: one that some real rows have, but few.

    Of several columns with rare categories, the mean over these columns. Under regimes that copy frequencies
    the mean over replicates stays, and the mass is lost in more and more of them: it is 0 where the rare
    categories have died out. All rows are counted, those in which the column is missing too.

    Args:
        below: the share of real rows that a rare category has less than; of the held-out rows where the
            source does not know that of all real rows.
        column: the only column to look at, by name; by default every column of categories.

    References:
        Wyllie et al., Fairness feedback loops: training on synthetic data amplifies bias (2024),
        arXiv:2403.07857.
    """

    below: Annotated[float, Gt(0), Lt(1)] = 0.05
    column: str | None = None
    title: ClassVar = "Rare categories"
    unit: ClassVar = "share of published rows"
    scale: ClassVar = "share"
    tells: ClassVar = "tail"
    of: ClassVar = "published"
    accepts: ClassVar = ("table",)

    def misfit(self, exp: Experiment) -> str:
        """Whether the column is there, and one of categories."""
        return "" if self.column is None else _no_column(exp, self.column)

    def says(self, exp: Experiment) -> dict[str, str]:
        """Which categories they are."""
        found = rare(exp.real, self.below, self.column)
        where = "" if self.column is None else f" of {bounded(self.column, 30)}"
        few = f"fewer than {100 * self.below:.3g} % of real rows"
        if not found:
            return {"about": f"Share of published rows in categories{where} that {few} have: there are none."}
        named = [r.said for r in found[:3]]
        named += [f"{len(found) - 3} more"] * (len(found) > 3)
        each = ", mean over columns" if len({r.column for r in found}) > 1 else ""
        return {
            "about": f"Share of published rows in categories that {few} have{each}: {', '.join(named)}.",
            "at_zero": f"no published row has {' or '.join(named)}",
        }

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        found = rare(seen.exp.real, self.below, self.column)
        columns = list(dict.fromkeys(r.column for r in found))
        total = np.zeros(len(seen.rows))
        for j in columns:
            mine = [r.code for r in found if r.column == j]
            shares = codes(SCHEMA.of(seen.exp.real).columns[j], seen.rows[..., j])
            for code in mine:
                total += shares[:, code]
        return total / max(len(columns), 1)


@component
class CategoryShare:
    """Share of published rows that have one category, however many real rows have it.

    Of a table whose target has several rare classes, this says which of them died out.

    Args:
        column: name of the column.
        category: its category, as text: of a column of booleans "True" or "False".
    """

    column: str
    category: str
    title: ClassVar = "Category"
    unit: ClassVar = "share of published rows"
    scale: ClassVar = "share"
    of: ClassVar = "published"
    accepts: ClassVar = ("table",)

    def misfit(self, exp: Experiment) -> str:
        """Whether real rows have the category."""
        no_column = _no_column(exp, self.column)
        if no_column or self._found(exp.real) is not None:
            return no_column
        some = [r.category for r in rare(exp.real, 2, self.column)]
        there = f"these have {bounded(', '.join(some))}"
        return f"no real row has {shown(self.category)} in the column {shown(self.column)}; {there}"

    def says(self, exp: Experiment) -> dict[str, str]:
        """Which category it is."""
        found = self._found(exp.real)
        said = found.said if found else f"{bounded(self.column, 30)} = {bounded(self.category, 30)}"
        return {
            "title": f"Rows with {said.partition(' (')[0]}",
            "about": f"Share of published rows with {said}.",
            "at_zero": f"no published row has {said}",
        }

    def _found(self, real: Any) -> Rare | None:
        # 2 is more than any share: the category need not be rare
        return next((r for r in rare(real, 2, self.column) if r.category == self.category), None)

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        found = self._found(seen.exp.real)
        assert found is not None  # by misfit
        column = SCHEMA.of(seen.exp.real).columns[found.column]
        return codes(column, seen.rows[..., found.column])[:, found.code]


@component
class ColumnDistance:
    """How far each published column is from the held-out one, by itself: the mean over columns, or the worst.

    Of categories and booleans the total variation, half the sum of |p - q|, with missing as a category of its
    own. Of numbers and dates the Wasserstein distance, the mean of |F^-1(u) - G^-1(u)| over levels u, in
    standard deviations of the held-out column (in its own units where that is constant), plus the difference
    in the share that is missing. A column that is missing throughout is compared by that share alone.

    Args:
        over: the "mean" over columns, or the "worst" one.

    References:
        Villani, Optimal transport: old and new (2009).
    """

    over: Over = "mean"
    title: ClassVar = "Distance of columns"
    better: ClassVar = "lower"
    tells: ClassVar = "risk"
    scale: ClassVar = "ratio"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")

    def says(self, exp: Experiment) -> dict[str, str]:
        """Over which columns."""
        which = "mean over columns" if self.over == "mean" else "worst column"
        about = (
            f"Distance of published columns from held-out real ones, {which}: total variation, or of numbers "
            f"the mean shift of their quantiles in standard deviations; of real rows too it is not 0."
        )
        return {"unit": which, "about": about + said_of(exp)}

    def __call__(self, seen: Observation) -> Array:
        """(R,) distances."""
        each = distances(seen)
        return np.asarray(each.mean(axis=1) if self.over == "mean" else each.max(axis=1))


def distances(seen: Observation) -> Array:
    """(R, D) of each column."""
    return seen.once("distances of columns", lambda: _distances(seen))


def _distances(seen: Observation) -> Array:
    x, y = some_rows(seen), some_holdout(seen)
    x, y = x.reshape(*x.shape[:2], -1), y.reshape(*(y.shape[:2] if seen.fresh else (1, len(y))), -1)
    schema = SCHEMA.of(seen.exp.real)
    columns = schema.columns if isinstance(schema, Schema) else (None,) * x.shape[2]
    out = np.empty((len(x), len(columns)))
    for j, column in enumerate(columns):
        mine, real = x[..., j], y[..., j]
        if column is not None and column.codes:
            out[:, j] = 0.5 * np.abs(codes(column, mine) - codes(column, real)).sum(axis=1)
        else:
            out[:, j] = _of_numbers(mine, real)
    return out


def _of_numbers(x: Array, y: Array) -> Array:
    """(R,) distances of the cells (R, n) from the real ones (1, m) or (R, m)."""
    gaps, real_gaps = np.isnan(x), np.isnan(y)
    if not gaps.any() and not real_gaps.any():
        sd = y.std(axis=1)
        return wasserstein1(x, y if len(y) > 1 else y[0]) / np.where(sd > 0, sd, 1.0)
    out = np.abs(gaps.mean(axis=1) - real_gaps.mean(axis=1))
    for r in range(len(x)):
        mine, real = x[r][~gaps[r]], y[r % len(y)][~real_gaps[r % len(y)]]
        if len(mine) and len(real):
            out[r] += wasserstein1(mine[None], real)[0] / (real.std() or 1.0)
    return np.asarray(out)
