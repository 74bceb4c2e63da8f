"""Metrics of symbols: of the model's probabilities where it knows them, else of published frequencies."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from genloss.components import component
from genloss.observation import Observation
from genloss.samples import Array
from genloss.statistics import Counts


def probabilities(seen: Observation) -> Array:
    """(R, K) of the symbols."""
    if hasattr(seen.model, "probabilities"):
        known: Array = seen.model.probabilities
        return known
    counts = seen.chunk.statistic(Counts(seen.train.schema))
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


@component
class Diversity:
    """1 - sum p^2, the chance that two symbols differ (Gini-Simpson, heterozygosity).

    References:
        Seddik et al., How bad is training on synthetic data? (2024), arXiv:2404.05090.
    """

    instead_of_rows: ClassVar = ("probabilities",)
    accepts: ClassVar = ("symbols",)

    def __call__(self, seen: Observation) -> Array:
        """(R,) chances."""
        return np.asarray(1 - (probabilities(seen) ** 2).sum(axis=1))


@component
class SupportSize:
    """How many symbols are still possible.

    References:
        Suresh et al., Rate of model collapse in recursive training (2024), arXiv:2412.17646.
    """

    instead_of_rows: ClassVar = ("probabilities",)
    accepts: ClassVar = ("symbols",)

    def __call__(self, seen: Observation) -> Array:
        """(R,) counts."""
        return np.asarray((probabilities(seen) > 0).sum(axis=1), dtype=float)


@component
class TotalVariation:
    """Half the sum of |p - p_0|: the largest error in the probability of any event."""

    instead_of_rows: ClassVar = ("probabilities",)
    accepts: ClassVar = ("symbols",)

    def __call__(self, seen: Observation) -> Array:
        """(R,) distances from 0 to 1."""
        return np.asarray(0.5 * np.abs(probabilities(seen) - real_probabilities(seen)).sum(axis=1))


def real_probabilities(seen: Observation) -> Array:
    """(K,) of the real law, or the holdout's frequencies where no law is known."""
    if hasattr(seen.exp.real, "probabilities"):
        law: Array = seen.exp.real.probabilities
        return law
    counts = Counts(seen.train.schema)(seen.exp.holdout[None])[0]
    return np.asarray(counts / counts.sum())
