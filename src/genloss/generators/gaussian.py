"""The multivariate Gaussian: the model of which nearly everything is known in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from genloss.components import Positive, component
from genloss.errors import FitError
from genloss.protocols import Model
from genloss.samples import Array, Samples, Statistic
from genloss.statistics import Moments, draw_moments, moments, place_moments
from genloss.streams import Rng


@dataclass(frozen=True, eq=False)
class GaussianModel:
    """N(mean, root root^T) in R replicates.

    Args:
        fitted: the moments it was fitted to.
        scale: root = scale * fitted.root.
        event: shape of a row.
    """

    fitted: Moments
    scale: float
    event: tuple[int, ...]

    @property
    def mean(self) -> Array:
        """(R, d) mean."""
        return self.fitted.mean

    @cached_property
    def root(self) -> Array:
        """(R, d, r) lower-triangular root of the covariance; r < d where it has collapsed to a subspace."""
        return self.fitted.root * self.scale

    def moments(self) -> Moments:
        """Mean and covariance, as moments of weight one."""
        return Moments(1.0, self.mean, self.root)

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) rows."""
        return self._rows(self._normals(n, rng))

    def sample_known(self, n: int, rng: Rng) -> tuple[Array, dict[Statistic, Any]]:
        """The same rows, and their moments to more digits than the rows themselves can hold."""
        z = self._normals(n, rng)
        return self._rows(z), {moments: place_moments(self.fitted, self.scale, z)}

    def _normals(self, n: int, rng: Rng) -> Array:
        return rng.standard_normal((len(self.root), n, self.root.shape[2]))

    def _rows(self, z: Array) -> Array:
        x = z @ self.root.mT
        x += self.mean[:, None]
        return x.reshape(*x.shape[:2], *self.event)

    def log_prob(self, x: Array) -> Array:
        """(R, m) log density of rows x (m, *event); minus infinity where the model has collapsed."""
        d, r = self.root.shape[1:]
        flat = x.reshape(len(x), -1)
        diagonal = np.diagonal(self.root, axis1=1, axis2=2)
        out = np.full((len(self.root), len(flat)), -np.inf)
        alive = np.all(diagonal != 0, axis=1) if r == d else np.zeros(len(self.root), dtype=bool)
        if alive.any():
            gap = (flat - self.mean[alive, None]).mT
            log_det = np.log(np.abs(diagonal[alive])).sum(axis=1)
            # far from a model that has nearly collapsed the distance overflows, and the density is zero
            with np.errstate(over="ignore", invalid="ignore"):
                squared = (_forward(self.root[alive], gap) ** 2).sum(axis=1)
            squared[np.isnan(squared)] = np.inf
            out[alive] = -0.5 * squared - log_det[:, None] - 0.5 * d * np.log(2 * np.pi)
        return out

    def draw_statistic(self, kind: Statistic, n: int, rng: Rng) -> Any:
        """The moments of n rows from their exact law."""
        if kind is not moments:
            raise LookupError(f"a Gaussian draws its moments, not {kind}")
        return draw_moments(self.fitted, self.scale, n, rng)


def _forward(root: Array, gap: Array) -> Array:
    """(R, d, m) z with root z = gap, by forward substitution.

    A general solver pivots: on roots below 1e-150 the products of two of their numbers underflow, and it
    calls a regular matrix singular.
    """
    z = np.empty_like(gap)
    for i in range(root.shape[1]):
        z[:, i] = (gap[:, i] - np.vecmat(root[:, i, :i], z[:, :i])) / root[:, i, i, None]
    return z


@component
class Gaussian:
    """Multivariate Gaussian fitted by moments.

    Args:
        ddof: 0 divides the scatter by n (maximum likelihood), 1 by n - 1 (unbiased).
        temperature: factor on the covariance when sampling; below 1 favours typical rows.

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713; temperature: Alemohammad et al.,
        Self-consuming generative models go MAD (2023), arXiv:2307.01850.
    """

    ddof: Literal[0, 1] = 0
    temperature: Positive = 1.0
    model: ClassVar = GaussianModel
    accepts: ClassVar = ("vectors",)

    def sufficient(self, schema: Any) -> Statistic:
        """The moments."""
        return moments

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> GaussianModel:
        """Mean and covariance of the training set, by weight.

        Raises:
            FitError: if ddof=1 leaves no degree of freedom.
        """
        m = train.total(moments)
        n = m.n if isinstance(m.n, float) else float(np.min(m.n))
        if n <= self.ddof:
            raise FitError(
                f"ddof={self.ddof} needs more than {self.ddof} training rows (got {n:g}); use ddof=0"
            )
        if not isinstance(m.n, float):  # replicates may differ in weight: each is divided by its own
            m = Moments(1.0, m.mean, m.root / np.sqrt(m.n - self.ddof)[:, None, None])
            return GaussianModel(m, self.temperature**0.5, train.event)
        return GaussianModel(m, (self.temperature / (n - self.ddof)) ** 0.5, train.event)
