"""How far published rows are from real ones, and how much of the tail is left."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Gt, Lt

from genloss.components import Count, component
from genloss.metrics.discrete import (
    Of,
    asks_probabilities,
    no_rows,
    probabilities,
    real_probabilities,
)
from genloss.observation import Observation
from genloss.samples import Array
from genloss.streams import fixed
from genloss.traits import PROJECTED, REAL_MOMENTS, REAL_PROBABILITIES

if TYPE_CHECKING:
    from genloss.experiment import Experiment


@component
class SlicedWasserstein:
    """Root mean square, over random directions, of the W2 distance between published and held-out rows.

    The directions are the same at every generation and in every replicate. Tables are compared by their
    features.

    Args:
        projections: how many directions.

    References:
        Rabin et al., Wasserstein barycenter and its application to texture mixing (2011); Bonneel et al.
        (2015).
    """

    projections: Count = 50
    title: ClassVar = "Distance to real data"
    unit: ClassVar = "sliced Wasserstein"
    about: ClassVar = "Distance between published and held-out real rows; of real rows too it is not 0."
    better: ClassVar = "lower"
    tells: ClassVar = "risk"
    scale: ClassVar = "ratio"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")

    def __call__(self, seen: Observation) -> Array:
        """(R,) distances, in the units of the rows."""
        project = PROJECTED.of(seen.exp.real)
        width = seen.exp.features(seen.holdout[..., :1, :]).shape[-1] if project else seen.features.shape[2]
        directions = fixed("metrics.SlicedWasserstein").standard_normal((self.projections, width))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        if project is None:
            x, y = seen.features, seen.holdout_features
            pairs = ((x @ u, y @ u) for u in directions)
        else:
            p, q = project(seen.rows, directions), project(seen.holdout, directions)
            pairs = ((p[..., i], q[..., i]) for i in range(len(directions)))
        # a replicate's numbers side by side: added up alike however many replicates there are
        squared = np.stack([wasserstein2_squared(x, y) for x, y in pairs], axis=1)
        return np.asarray(np.sqrt(squared.mean(axis=1)))


def wasserstein2_squared(x: Array, y: Array) -> Array:
    """(R,) squared W2 between the empirical laws of (R, n) and (m,) or (R, m) numbers, by quantiles.

    >>> wasserstein2_squared(np.array([[0.0, 1.0]]), np.array([1.0, 2.0, 1.0, 2.0]))
    array([1.])
    """
    gap, width = _gaps(x, y)
    return np.asarray(np.vecdot(gap**2, width))


def wasserstein1(x: Array, y: Array) -> Array:
    """(R,) W1 between the empirical laws of (R, n) and (m,) or (R, m) numbers: the mean gap of quantiles.

    >>> wasserstein1(np.array([[0.0, 1.0]]), np.array([1.0, 4.0, 1.0, 4.0]))
    array([2.])
    """
    gap, width = _gaps(x, y)
    return np.asarray(np.vecdot(np.abs(gap), width))


def _gaps(x: Array, y: Array) -> tuple[Array, Array]:
    """(R, k) differences of quantiles, and the (k,) widths of the levels on which they stay."""
    i, j, width = _steps(x.shape[1], y.shape[-1])
    gap = np.take(np.sort(x, axis=1), i, axis=1) - np.take(np.sort(y, axis=-1), j, axis=-1)
    return gap, width


@lru_cache(maxsize=8)
def _steps(n: int, m: int) -> tuple[Array, Array, Array]:
    """Where the quantile functions of n and of m numbers are constant: the number of each, and the width."""
    # in units of 1 / nm both jump at whole numbers, so that the grid is exact
    levels = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    return (levels - 1) // m, (levels - 1) // n, np.diff(levels, prepend=0) / (n * m)


@component
class TailMass:
    """Share of published rows that lie where only the outermost real rows do.

    For vectors and tables, rows further from the real mean, in Mahalanobis distance, than a quantile of
    held-out rows, each judged by the others where the real law is not known; for symbols, the probability of
    the rarest ones, which together have at most the probability 1 - quantile.

    Args:
        quantile: where the tail begins; real data has about 1 - quantile in it.
        of: of the rows "published", or of the "model"'s probabilities of symbols.
    """

    quantile: Annotated[float, Gt(0), Lt(1)] = 0.95
    of: Of = "published"
    title: ClassVar = "Tail"
    scale: ClassVar = "share"
    tells: ClassVar = "tail"
    reads_holdout: ClassVar = True
    reads_reference: ClassVar = True
    accepts: ClassVar = ("vectors", "table", "symbols")
    needs = property(asks_probabilities)
    instead_of_rows = property(no_rows)

    def says(self, exp: Experiment) -> dict[str, str]:
        """Whose share it is."""
        whose = "the model's probability" if self.of == "model" else "published rows"
        of = {"given": ""} if exp.event.discrete and REAL_PROBABILITIES.of(exp.real) is not None else {}
        where = "of the rarest real symbols" if exp.event.discrete else "where the outermost real rows lie"
        about = f"Share of {whose} {where}, in which real data has about {100 * (1 - self.quantile):.3g} %."
        return {"unit": f"share of {whose}", "about": about, **of}

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        if seen.exp.event.discrete:
            p = real_probabilities(seen)
            order = np.argsort(p, axis=-1, kind="stable")
            # rounding: a tail of exactly the wanted probability is in
            rare = np.cumsum(np.take_along_axis(p, order, -1), axis=-1) <= (1 - self.quantile) * (1 + 1e-12)
            q = probabilities(seen, self.of)
            ranked = np.take_along_axis(q, np.broadcast_to(order, q.shape), -1)
            return np.asarray((ranked * rare).sum(axis=1))
        mean, covariance = seen.reference
        precision = np.linalg.pinv(covariance, hermitian=True)
        held = _distance(seen.holdout_features, mean, precision)
        if REAL_MOMENTS.of(seen.exp.real) is None:
            held = _without_itself(held)
        far = np.quantile(held, self.quantile, axis=-1, keepdims=True, method="higher")
        return np.asarray((_distance(seen.features, mean, precision) > far).mean(axis=1))


def _distance(x: Array, mean: Array, precision: Array) -> Any:
    gap = x - mean[..., None, :]
    return np.einsum("...i,...i->...", gap @ precision, gap)


def _without_itself(squared: Array) -> Array:
    """(..., m) squared distances of rows from the mean and covariance of the others, from those of all.

    A row pulls mean and covariance towards itself: of 53 rows of 15 features none seems far, and half of all
    new ones would lie beyond. By Sherman and Morrison; infinite for a row that alone spans a direction.
    """
    m = squared.shape[-1]
    if m < 3:
        return squared
    share = squared / (m - 1)
    return np.asarray(
        np.divide(squared * m / (m - 1), 1 - share, out=np.full_like(squared, np.inf), where=share < 1 - 1e-9)
    )
