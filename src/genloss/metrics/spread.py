"""First and second moments against the real law's, of the model if it knows them, else of published rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from genloss.components import component
from genloss.errors import FitError
from genloss.observation import Observation
from genloss.samples import Array


@component
class TraceRatio:
    """Trace of the covariance over that of the real law: 1 is all variance kept, 0 is collapse to a point.

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713.
    """

    instead_of_rows: ClassVar = ("moments",)
    accepts: ClassVar = ("vectors", "table")

    def __call__(self, seen: Observation) -> Array:
        """(R,) ratios."""
        return np.asarray(seen.moments.trace / np.trace(seen.exp.reference[1]))


@component
class LogDetRatio:
    """Log determinant of the covariance minus that of the real law; minus infinity on a subspace.

    Raises:
        FitError: if the real rows themselves lie on a subspace, as those of :class:`genloss.real.Digits` do.
    """

    instead_of_rows: ClassVar = ("moments",)
    accepts: ClassVar = ("vectors",)

    def __call__(self, seen: Observation) -> Array:
        """(R,) differences of logarithms."""
        real = np.linalg.slogdet(seen.exp.reference[1])[1]
        if np.isneginf(real):
            raise FitError(
                "LogDetRatio: the real covariance has determinant 0, as where a column is constant; "
                "use TraceRatio"
            )
        return np.asarray(seen.moments.log_det - real)


@component
class MeanError:
    """Squared distance of the mean from the real mean, squared; of features for tables."""

    instead_of_rows: ClassVar = ("moments",)
    accepts: ClassVar = ("vectors", "table")

    def __call__(self, seen: Observation) -> Array:
        """(R,) squared distances."""
        return np.asarray(((seen.moments.mean - seen.exp.reference[0]) ** 2).sum(axis=1))
