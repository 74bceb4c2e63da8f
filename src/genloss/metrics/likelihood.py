"""How well a model predicts real rows that no model was trained on."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from genloss.components import component
from genloss.meaning import Reference
from genloss.observation import Observation
from genloss.samples import Array
from genloss.traits import LOG_PROB, REAL_STATISTIC, SCHEMA


@component
class HoldoutNLL:
    """Mean negative log-likelihood of held-out real rows, in nats; infinite where one has become impossible.

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713.
    """

    title: ClassVar = "Held-out loss"
    unit: ClassVar = "NLL, nats a row"
    about: ClassVar = "Mean negative log-likelihood of real rows that no model saw."
    better: ClassVar = "lower"
    tells: ClassVar = "risk"
    scale: ClassVar = "nats"
    of: ClassVar = "model"
    reads_holdout: ClassVar = True
    needs: ClassVar = ("log_prob",)
    instead_of_rows: ClassVar = ()

    def says(self, exp: Any) -> dict[str, Any]:
        """What a normal law with the real mean and covariance has, where the real rows are no normal ones."""
        if exp.event.discrete or SCHEMA.of(exp.real) is not None or exp.holdout != "shared":
            return {}
        if REAL_STATISTIC.of(exp.real) is not None:  # they are normal themselves
            return {}
        covariance = np.atleast_2d(exp.reference[1])
        sign, log_det = np.linalg.slogdet(covariance)
        if sign <= 0:
            return {}
        value = (len(covariance) * (1 + np.log(2 * np.pi)) + log_det) / 2
        return {"reference": Reference(float(value), "a normal law of the real covariance", "that")}

    def __call__(self, seen: Observation) -> Array:
        """(R,) nats a row."""
        return np.asarray(-seen.offered(LOG_PROB)(seen.holdout).mean(axis=1))
