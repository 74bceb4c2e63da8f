"""Metrics of symbols: of the model's probabilities, or of the frequencies of what it published."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from genloss.components import component
from genloss.meaning import Reference
from genloss.observation import Observation
from genloss.samples import Array
from genloss.statistics import Counts
from genloss.traits import PROBABILITIES, REAL_PROBABILITIES

Of = Literal["model", "published"]


def asks_probabilities(metric: Any) -> tuple[str, ...]:
    """What a metric of symbols needs of a model."""
    return ("probabilities",) if metric.of == "model" else ()


def no_rows(metric: Any) -> tuple[str, ...] | None:
    """Of the model no rows are looked at."""
    return () if metric.of == "model" else None


def probabilities(seen: Observation, of: str) -> Array:
    """(R, K) of the symbols: the "model"'s, or frequencies of the "published" rows."""
    if of == "model":
        return seen.offered(PROBABILITIES)
    counts = seen.chunk.statistic(Counts(seen.train.schema))
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def real_probabilities(seen: Observation) -> Array:
    """(K,) of the real law; frequencies of the held-out rows, (K,) or (R, K), where none is known."""
    law = REAL_PROBABILITIES.of(seen.exp.real)
    if law is not None:
        return law
    counts = Counts(seen.train.schema)(seen.holdout if seen.fresh else seen.holdout[None])
    shares = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(shares if seen.fresh else shares[0])


@component
class Diversity:
    """1 - sum p^2, the chance that two symbols differ (Gini-Simpson, heterozygosity).

    Args:
        of: of the "model"'s probabilities, or of the frequencies of the rows "published".

    References:
        Seddik et al., How bad is training on synthetic data? (2024), arXiv:2404.05090.
    """

    of: Of = "model"
    title: ClassVar = "Diversity"
    unit: ClassVar = "1 − Σp²"
    about: ClassVar = "Chance that two symbols drawn one after the other differ."
    scale: ClassVar = "ratio"
    tells: ClassVar = "spread"
    accepts: ClassVar = ("symbols",)
    needs = property(asks_probabilities)
    instead_of_rows = property(no_rows)

    def __call__(self, seen: Observation) -> Array:
        """(R,) chances."""
        return np.asarray(1 - (probabilities(seen, self.of) ** 2).sum(axis=1))


@component
class SupportSize:
    """How many symbols are still possible.

    Args:
        of: to the "model", or to be found among the rows "published".

    References:
        Suresh et al., Rate of model collapse in recursive training (2024), arXiv:2412.17646.
    """

    of: Of = "model"
    title: ClassVar = "Symbols left"
    unit: ClassVar = "symbols"
    scale: ClassVar = "count"
    tells: ClassVar = "tail"
    accepts: ClassVar = ("symbols",)
    needs = property(asks_probabilities)
    instead_of_rows = property(no_rows)

    def says(self, exp: Any) -> dict[str, str]:
        """Where they are counted."""
        model = "How many different symbols have a probability above 0."
        return {"about": model if self.of == "model" else "How many different symbols were published."}

    def __call__(self, seen: Observation) -> Array:
        """(R,) counts."""
        return np.asarray((probabilities(seen, self.of) > 0).sum(axis=1), dtype=float)


@component
class TotalVariation:
    """Half the sum of |p - p_0|: the largest error in the probability of any event.

    Args:
        of: of the "model"'s probabilities, or of the frequencies of the rows "published".
    """

    of: Of = "model"
    title: ClassVar = "Total variation"
    about: ClassVar = "Largest error in the probability of any event; 0 is the real law."
    better: ClassVar = "lower"
    tells: ClassVar = "risk"
    scale: ClassVar = "share"
    accepts: ClassVar = ("symbols",)
    reads_reference: ClassVar = True
    needs = property(asks_probabilities)
    instead_of_rows = property(no_rows)

    def says(self, exp: Any) -> dict[str, Any]:
        """What one has who holds all symbols for equally likely, where the real law is known."""
        known = REAL_PROBABILITIES.of(exp.real)
        if known is None:
            return {}
        far = 0.5 * np.abs(known - 1 / len(known)).sum()
        return {"reference": Reference(float(far), "all symbols alike", "that")}

    def __call__(self, seen: Observation) -> Array:
        """(R,) distances from 0 to 1."""
        return np.asarray(0.5 * np.abs(probabilities(seen, self.of) - real_probabilities(seen)).sum(axis=1))
