"""The multivariate Gaussian: the model of which nearly everything is known in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import Any, ClassVar, Literal

import numpy as np

from genloss.components import Positive, component
from genloss.errors import FitError
from genloss.protocols import Model
from genloss.samples import Array, Samples, Statistic
from genloss.statistics import Moments, Normal, draw_moments, forward, moments, place_moments
from genloss.streams import Rng

# Variances this large are near the end of floats, 1.8e308, and squared distances between rows are beyond it.
_RANGE = 1e300


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

    @property
    def root(self) -> Array:
        """(R, d, r) lower-triangular root of the covariance; r < d where it has collapsed to a subspace."""
        return self.moments().root

    def moments(self) -> Moments:
        """Mean and covariance, as moments of weight one."""
        return self._law

    def known_law(self) -> Normal:
        """The law that it samples from."""
        return Normal(self._law)

    @cached_property
    def _law(self) -> Moments:
        return self.fitted.scaled(self.scale, 1.0)

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) rows.

        Raises:
            FitError: if they exceed the range of floats.
        """
        return self._rows(self._normals(n, rng))

    def sample_known(self, n: int, rng: Rng) -> tuple[Array, dict[Statistic, Any]]:
        """The same rows, and their moments to more digits than the rows themselves can hold."""
        z = self._normals(n, rng)
        return self._rows(z), {moments: place_moments(self.fitted, self.scale, z)}

    def _normals(self, n: int, rng: Rng) -> Array:
        return rng.standard_normal((len(self.root), n, self.root.shape[2]))

    def _rows(self, z: Array) -> Array:
        self._check_range()
        x: Array = z @ np.ascontiguousarray(self.root.mT)
        r, n, d = x.shape
        several = gcd(n, 120)  # rows at a time: loops over a few numbers cost more than their sums
        x.reshape(r, n // several, several * d)[...] += np.tile(self.mean, several)[:, None]
        return x.reshape(r, n, *self.event)

    def _check_range(self) -> None:
        """In floats there are no rows, and no densities, of a model that has grown beyond them."""
        small = self.moments().trace < _RANGE
        if not small.all():
            raise FitError(
                f"the variance of a Gaussian has outgrown the range of floats ({_RANGE:g}) in replicate "
                f"{np.argmin(small)}; lower its temperature, stop before this generation, or measure "
                f"LogDetRatio alone, which can follow"
            )

    def log_prob(self, x: Array) -> Array:
        """(R, m) log density of rows x, (m, *event) or (R, m, *event); -inf where the model has collapsed.

        Raises:
            FitError: if the model exceeds the range of floats.
        """
        self._check_range()
        d, r = self.root.shape[1:]
        flat = x.reshape(*x.shape[: x.ndim - len(self.event)], d)
        diagonal = np.diagonal(self.root, axis1=1, axis2=2)
        out = np.full((len(self.root), flat.shape[-2]), -np.inf)
        alive = np.all(diagonal != 0, axis=1) if r == d else np.zeros(len(self.root), dtype=bool)
        if alive.any():
            gap = ((flat if flat.ndim == 2 else flat[alive]) - self.mean[alive, None]).mT
            log_det = np.log(np.abs(diagonal[alive])).sum(axis=1)
            # far from a model that has nearly collapsed the distance overflows, and the density is zero
            with np.errstate(over="ignore", invalid="ignore"):
                squared = (forward(self.root[alive], gap) ** 2).sum(axis=1)
            squared[np.isnan(squared)] = np.inf
            out[alive] = -0.5 * squared - log_det[:, None] - 0.5 * d * np.log(2 * np.pi)
        return out

    def draw_statistic(self, kind: Statistic, n: int, rng: Rng) -> Any:
        """The moments of n rows from their exact law."""
        if kind is not moments:
            raise LookupError(f"a Gaussian draws its moments, not {kind}")
        return draw_moments(self.fitted, self.scale, n, rng)


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
    # where rows are few and short, what Python costs a generation shows
    tile: ClassVar = 128
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
        least = m.n if isinstance(m.n, float) else float(np.min(m.n))
        if least <= self.ddof:
            raise FitError(
                f"ddof={self.ddof} needs training rows of more than {self.ddof} in weight "
                f"(got {least:g}); use more rows, or ddof=0"
            )
        if not isinstance(m.n, float):  # replicates may differ in weight: each is divided by its own
            return GaussianModel(m * (1 / (m.n - self.ddof)), self.temperature**0.5, train.event)
        return GaussianModel(m, (self.temperature / (m.n - self.ddof)) ** 0.5, train.event)
