"""How a law is stated, and the conditions that many share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss import regimes
from genloss.curators import KeepAll
from genloss.errors import GenlossError
from genloss.experiment import Experiment
from genloss.meaning import Law
from genloss.samples import Array
from genloss.traits import SIZE

KAZDAN = "Kazdan et al. (2024), arXiv:2410.16713"
SHUMAILOV = "Shumailov et al. (2023), arXiv:2305.17493"
ALEMOHAMMAD = "Alemohammad et al. (2023), arXiv:2307.01850"
BERTRAND = "Bertrand et al. (2023), arXiv:2310.00429"
FU = "Fu et al. (2024), arXiv:2402.11778"
GERSTGRASSER = "Gerstgrasser et al. (2024), arXiv:2404.01413"
DOHMATOB = "Dohmatob et al. (2024), arXiv:2402.07712"
SEDDIK = "Seddik et al. (2024), arXiv:2404.05090"

Values = Callable[[Experiment, Any, Any], Array | None]


@dataclass(frozen=True, eq=False)
class Stated:
    """One law.

    Args:
        generators: whose models it is about.
        metrics: that it is the mean of.
        source: where it comes from.
        where: the conditions, in words.
        values: (T,) for an experiment, its generator and the metric, or None where the conditions do not
            hold.
        of: what the metrics measure where it is their law: "model", "published" or "training".
    """

    generators: tuple[type, ...]
    metrics: tuple[type, ...]
    source: str
    where: str
    values: Values
    of: str = "model"

    def concerns(self, generator: Any, metric: Any, of: str = "model") -> bool:
        """Whether it is about such models and this metric, of what it is of."""
        return type(generator) in self.generators and type(metric) in self.metrics and of == self.of

    def asked(self, exp: Experiment, agent: int, metric: Any) -> Law | None:
        """The law in an experiment, if its conditions hold there.

        Every law here is of one agent that publishes all it makes, on real rows without end.
        """
        only = exp.agents[agent]
        if len(exp.agents) > 1 or type(only.curator) is not KeepAll or SIZE.of(exp.real) is not None:
            return None
        try:
            found = self.values(exp, only.generator, metric)
        except GenlossError:  # sizes or settings beyond those that theory computes
            return None
        return None if found is None else Law(np.asarray(found, dtype=float), self.source, where=self.where)


STATED: list[Stated] = []
"""Every law that was stated, ours and the user's."""


def state(*, generators: Any, metrics: Any, source: str, of: str = "model") -> Callable[[Values], Values]:
    """State a law: a function of (experiment, generator, metric) whose docstring says where it holds.

    Args:
        generators: a class of generators, or several.
        metrics: a class of metrics, or several.
        source: authors, year and arXiv number.
        of: what the metrics measure where it is their law: "model", "published" or "training".
    """

    def stated(values: Values) -> Values:
        whose, of_what = (x if isinstance(x, tuple) else (x,) for x in (generators, metrics))
        STATED.append(Stated(whose, of_what, source, " ".join((values.__doc__ or "").split()), values, of))
        return values

    return stated


# -- what regimes make of the pool -------------------------------------------------------------------


def steps(exp: Experiment) -> Any:
    """Generations 1 to T."""
    return np.arange(1, exp.generations + 1)


def replaces(exp: Experiment) -> bool:
    """Whether each generation reads as many rows as the first, all of the newest model."""
    plain = type(exp.agents[0].regime) is regimes.Replace
    return plain and exp.n_fresh == 0 and exp.published(0) == exp.n_real


def grows(exp: Experiment) -> bool:
    """Whether rows are drawn from a pool that only grows, or all of it is read."""
    return exp.n_fresh == 0 and type(exp.agents[0].regime) in (
        regimes.Accumulate,
        regimes.AccumulateSubsample,
    )


def budget(exp: Experiment) -> int | None:
    """How many rows of it; None is all."""
    regime = exp.agents[0].regime
    return (regime.budget or exp.n_real) if isinstance(regime, regimes.AccumulateSubsample) else None


def keeps_real(exp: Experiment) -> bool:
    """Whether each generation reads the first real rows and the newest ones."""
    return type(exp.agents[0].regime) is regimes.RealPlusLatest and exp.n_fresh == 0


def refreshes(exp: Experiment) -> bool:
    """Whether each generation reads the newest rows and as many new real ones as there were at first."""
    return type(exp.agents[0].regime) is regimes.Replace and exp.n_fresh == exp.n_real
