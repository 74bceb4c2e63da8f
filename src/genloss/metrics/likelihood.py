"""How well a model predicts real rows that no model was trained on."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from genloss.components import component
from genloss.observation import Observation
from genloss.samples import Array
from genloss.traits import LOG_PROB


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
    scale: ClassVar = "nats"
    of: ClassVar = "model"
    reads_holdout: ClassVar = True
    needs: ClassVar = ("log_prob",)
    instead_of_rows: ClassVar = ()

    def __call__(self, seen: Observation) -> Array:
        """(R,) nats a row."""
        return np.asarray(-seen.offered(LOG_PROB)(seen.holdout).mean(axis=1))
