"""Real data whose law is known: rows, or their statistics, are drawn from it as often as wanted.

A source that can draws the sufficient statistic of its rows first, and then the rows given the statistic
where somebody needs rows: so that from one stream both come, and both are the same data.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from genloss.components import Count, NonNegative, Positive, component
from genloss.protocols import Model, RealData
from genloss.samples import Array, Statistic
from genloss.statistics import (
    Counts,
    Gram,
    Moments,
    Normal,
    draw_bartlett,
    draw_gram,
    draw_line,
    moments,
    rows_with,
    sample_symbols,
    symbols_with,
)
from genloss.streams import Rng, fixed

HOLDOUT = 500
"""Held-out rows of a source without end, as many as in Kazdan et al. (2024), arXiv:2410.16713."""


def held_out(real: RealData, rng: Rng) -> Array:
    """(500, *event) rows of a source without end."""
    rows: Array = real.draw(1, HOLDOUT, rng)[0]
    return rows


@component
class Gaussian:
    """Standard normal vectors.

    Args:
        dim: d.
    """

    dim: Count = 2

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, d) rows."""
        return rows_with(self._moments(replicates, n, rng), rng)

    def holdout(self) -> Array:
        """(500, d) rows."""
        return held_out(self, fixed("real.Gaussian"))

    def moments(self) -> tuple[Array, Array]:
        """Mean 0 and covariance I."""
        return np.zeros(self.dim), np.eye(self.dim)

    def known_law(self) -> Normal:
        """N(0, I)."""
        return Normal(Moments(1.0, np.zeros((1, self.dim)), np.eye(self.dim)[None]))

    def draw_statistic(self, kind: Statistic, replicates: int, n: int, rng: Rng) -> Moments | None:
        """The moments of n rows."""
        return self._moments(replicates, n, rng) if kind is moments else None

    def _moments(self, replicates: int, n: int, rng: Rng) -> Moments:
        root, z = draw_bartlett(replicates, self.dim, n, rng)
        return Moments(float(n), z / np.sqrt(n), root)


@component
class Ring:
    """A mixture of equal Gaussians on a circle of radius 1: the test of which modes survive.

    Args:
        modes: how many.
        spread: standard deviation of each.
    """

    modes: Count = 8
    spread: Positive = 0.05

    @cached_property
    def centres(self) -> Array:
        """(modes, 2)."""
        angle = 2 * np.pi * np.arange(self.modes) / self.modes
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

    @property
    def mode_centres(self) -> Array:
        """(modes, 2): each of them is a mode."""
        return self.centres

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, 2) rows."""
        x = self.centres[rng.integers(self.modes, size=(replicates, n))]
        return np.asarray(x + self.spread * rng.standard_normal(x.shape))

    def holdout(self) -> Array:
        """(500, 2) rows."""
        return held_out(self, fixed("real.Ring"))

    def moments(self) -> tuple[Array, Array]:
        """Mean and covariance of the mixture."""
        return self.centres.mean(axis=0), np.cov(self.centres.T, ddof=0) + self.spread**2 * np.eye(2)


@component
class LinearModel:
    """Rows (x, y): standard normal inputs x, then the target y = x . w + noise e, w along (1, ..., 1).

    Inputs have no preferred direction, so that errors depend on w by its length alone. With n >= d rows least
    squares does not depend on it at all; with fewer, its square is the error of knowing nothing. Where a
    paper draws w ~ N(0, I), its length is sqrt(d) in root mean square: ``signal = d ** 0.5`` has the same
    mean error.

    Args:
        dim: d, the number of inputs.
        noise: standard deviation of the noise.
        signal: length of w.
    """

    dim: Count = 10
    noise: NonNegative = 1.0
    signal: NonNegative = 1.0
    target: ClassVar = -1

    @property
    def coefficients(self) -> Array:
        """(d,) w."""
        return np.full(self.dim, self.signal * self.dim**-0.5)

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, d + 1) rows."""
        x, e = draw_line(replicates, self.dim, n, rng)
        return np.concatenate([x, (x @ self.coefficients + self.noise * e)[..., None]], axis=2)

    def holdout(self) -> Array:
        """(500, d + 1) rows."""
        return held_out(self, fixed("real.LinearModel"))

    def moments(self) -> tuple[Array, Array]:
        """Mean and covariance of a row."""
        w = self.coefficients
        covariance = np.block(
            [[np.eye(self.dim), w[:, None]], [w[None], np.full((1, 1), self.signal**2 + self.noise**2)]]
        )
        return np.zeros(self.dim + 1), covariance

    def known_law(self) -> Normal:
        """That of a row: inputs and target are normal together."""
        root = np.eye(self.dim + 1)
        root[-1] = [*self.coefficients, self.noise]
        return Normal(Moments(1.0, np.zeros((1, self.dim + 1)), root[None]))

    def draw_statistic(self, kind: Statistic, replicates: int, n: int, rng: Rng) -> Any:
        """The least-squares fit to n rows."""
        if kind != Gram(-1):
            return None
        w = np.broadcast_to(self.coefficients, (replicates, self.dim))
        return draw_gram(w, np.full(1, float(self.noise)), n, rng)

    def excess_risk(self, model: Model) -> Array:
        """(R,) expected squared error of a linear prediction, beyond the noise: |w_hat - w|^2."""
        w: Array = model.coefficients  # type: ignore[attr-defined]
        error: Array = ((w[:, : self.dim] - self.coefficients) ** 2).sum(axis=1) + (
            w[:, self.dim :] ** 2
        ).sum(axis=1)
        return error


@component
class Zipf:
    """Symbols 0..K-1 with probability proportional to (rank + 1)^-exponent.

    Args:
        symbols: K.
        exponent: 0 is uniform; about 1 is natural language.
    """

    symbols: Count = 100
    exponent: NonNegative = 1.0
    event: ClassVar = "symbols"

    @property
    def schema(self) -> int:
        """The number of symbols."""
        return self.symbols

    @cached_property
    def probabilities(self) -> Array:
        """(K,)."""
        p = np.arange(1, self.symbols + 1) ** -float(self.exponent)
        return np.asarray(p / p.sum())

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n) symbols."""
        if self._few(n):
            return sample_symbols(np.broadcast_to(self.probabilities, (replicates, self.symbols)), n, rng)
        return symbols_with(self._counts(replicates, n, rng), rng)

    def holdout(self) -> Array:
        """(500,) symbols."""
        return held_out(self, fixed("real.Zipf"))

    def draw_statistic(self, kind: Statistic, replicates: int, n: int, rng: Rng) -> Array | None:
        """The counts of n symbols."""
        if kind != Counts(self.symbols):
            return None
        return (
            Counts(self.symbols)(self.draw(replicates, n, rng))
            if self._few(n)
            else self._counts(replicates, n, rng)
        )

    def _few(self, n: int) -> bool:
        """Whether drawing n symbols takes less than K counts: below K/4 at 10^3 symbols, K/10 at 10^5."""
        return 8 * n < self.symbols

    def _counts(self, replicates: int, n: int, rng: Rng) -> Array:
        return rng.multinomial(n, self.probabilities, size=replicates)
