"""The categorical distribution: resampling symbols, tokens or alleles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from genloss.components import NonNegative, Positive, component
from genloss.protocols import Model
from genloss.samples import Array, Samples, Statistic, check_weight, each_replicate
from genloss.statistics import Counts, Symbols, sample_symbols
from genloss.streams import Rng

# Fewer symbols a generation are counted in integers, and can be thinned; the total of more might pass 9e18.
_LARGE = 10**9


@dataclass(frozen=True, eq=False)
class CategoricalModel:
    """Independent symbols.

    Args:
        probabilities: (R, K).
    """

    probabilities: Array

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n) symbols."""
        return sample_symbols(self.probabilities, n, rng)

    def log_prob(self, x: Array) -> Array:
        """(R, m) log probability of symbols x, (m,) or (R, m); minus infinity for one that was lost."""
        x = each_replicate(x, (), len(self.probabilities))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.take_along_axis(self.probabilities, x, axis=1)))

    def known_law(self) -> Symbols:
        """The law that it samples from."""
        return Symbols(self.probabilities)

    def draw_statistic(self, kind: Statistic, n: int, rng: Rng) -> Any:
        """The counts of n symbols: multinomial."""
        if not isinstance(kind, Counts):
            raise LookupError(f"a categorical draws its counts, not {kind}")
        counts: Array = rng.multinomial(n, self.probabilities)
        return counts if n < _LARGE else counts.astype(float)


@component
class Categorical:
    """Relative frequencies of symbols.

    Args:
        smoothing: added to every count before normalising; 1 is Laplace's rule.
        temperature: sampling from p^(1 / temperature), normalised: log-odds multiply by 1 / temperature.

    References:
        Seddik et al., How bad is training on synthetic data? (2024), arXiv:2404.05090.
    """

    smoothing: NonNegative = 0.0
    temperature: Positive = 1.0
    model: ClassVar = CategoricalModel
    accepts: ClassVar = ("symbols",)

    def sufficient(self, schema: Any) -> Statistic:
        """The counts."""
        return Counts(schema)

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> CategoricalModel:
        """Frequencies of the training set, by weight.

        Raises:
            FitError: if nothing was counted in some replicate.
        """
        p = train.total(Counts(train.schema)) + self.smoothing
        total = p.sum(axis=1, keepdims=True)
        check_weight(total)
        p = p / total
        if self.temperature != 1:
            p = (p / p.max(axis=1, keepdims=True)) ** (1 / self.temperature)
            p /= p.sum(axis=1, keepdims=True)
        return CategoricalModel(p)
