"""First and second moments against the real law's: of the model's law, or of the rows that it published."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from genloss.components import component
from genloss.errors import FitError
from genloss.meaning import Reference
from genloss.metrics.discrete import Of, no_rows
from genloss.observation import Observation
from genloss.samples import Array
from genloss.traits import REAL_MOMENTS


def asks_moments(metric: Any) -> tuple[str, ...]:
    """What a metric of moments needs of a model."""
    return ("moments",) if metric.of == "model" else ()


@component
class TraceRatio:
    """Trace of the covariance over that of the real law: 1 is all variance kept, 0 is collapse to a point.

    Args:
        of: of the "model"'s law, or of the rows "published".

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713.
    """

    of: Of = "model"
    title: ClassVar = "Variance kept"
    unit: ClassVar = "trace ratio"
    scale: ClassVar = "ratio"
    tells: ClassVar = "spread"
    accepts: ClassVar = ("vectors", "table")
    reads_reference: ClassVar = True
    needs = property(asks_moments)
    instead_of_rows = property(no_rows)

    def says(self, exp: Any) -> dict[str, str]:
        """What the real variance is."""
        of = "the real law" if REAL_MOMENTS.of(exp.real) is not None else "the held-out real rows"
        return {"about": f"Total variance over that of {of}: 1 is as much, 0 is a point."}

    def __call__(self, seen: Observation) -> Array:
        """(R,) ratios; 0 or infinite beyond the range of floats, where LogDetRatio goes on."""
        real = np.trace(seen.reference[1], axis1=-2, axis2=-1)
        return np.asarray(seen.moments(self.of).trace / real)


@component
class LogDetRatio:
    """Log determinant of the covariance minus that of the real law; minus infinity on a subspace.

    Args:
        of: of the "model"'s law, or of the rows "published".

    Raises:
        FitError: if the real rows themselves lie on a subspace, as those of :class:`genloss.real.Digits` do.
    """

    of: Of = "model"
    title: ClassVar = "Log volume kept"
    unit: ClassVar = "nats"
    about: ClassVar = "Logarithm of the covariance's determinant less the real one's: 0 is the same volume."
    scale: ClassVar = "nats"
    tells: ClassVar = "spread"
    accepts: ClassVar = ("vectors",)
    reads_reference: ClassVar = True
    needs = property(asks_moments)
    instead_of_rows = property(no_rows)

    def __call__(self, seen: Observation) -> Array:
        """(R,) differences of logarithms."""
        real = np.linalg.slogdet(seen.reference[1])[1]
        if np.isneginf(real).any():
            raise FitError(
                "LogDetRatio: the real covariance has determinant 0, as where a column is constant; "
                "use TraceRatio"
            )
        return np.asarray(seen.moments(self.of).log_det - real)


@component
class MeanError:
    """Squared distance of the mean from the real mean; of features for tables.

    Args:
        of: of the "model"'s law, or of the rows "published".
    """

    of: Of = "model"
    title: ClassVar = "Error of the mean"
    unit: ClassVar = "squared distance"
    about: ClassVar = "Squared distance of the mean from the real mean."
    better: ClassVar = "lower"
    tells: ClassVar = "risk"
    scale: ClassVar = "ratio"
    accepts: ClassVar = ("vectors", "table")
    reads_reference: ClassVar = True
    needs = property(asks_moments)
    instead_of_rows = property(no_rows)

    def says(self, exp: Any) -> dict[str, Any]:
        """What one has who knows a single real row and nothing else, where the real law is known."""
        if REAL_MOMENTS.of(exp.real) is None:
            return {}
        said = "one real row as the mean", "taking one real row for the mean"
        return {"reference": Reference(float(np.trace(exp.reference[1])), *said)}

    def __call__(self, seen: Observation) -> Array:
        """(R,) squared distances."""
        return np.asarray(((seen.moments(self.of).mean - seen.reference[0]) ** 2).sum(axis=1))
