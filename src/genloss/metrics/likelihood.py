"""How well a model predicts real rows that no model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from genloss.components import component
from genloss.metrics.discrete import Of, no_rows
from genloss.observation import Observation
from genloss.samples import Array
from genloss.tables import Schema
from genloss.traits import (
    COEFFICIENTS,
    EXCESS_RISK,
    FEATURES,
    LOG_PROB,
    MODEL,
    PREDICT,
    SCHEMA,
    TARGET,
    TARGET_INDEX,
)

if TYPE_CHECKING:
    from genloss.experiment import Experiment


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


@component
class TestError:
    """Error in predicting the target of real rows that no model saw.

    The "model"'s own prediction: mean squared error, and where the real law is known
    (:class:`genloss.real.LinearModel`) the exact expected one beyond the noise. Or what can be learnt from
    the rows "published" (train on synthetic, test on real): the share of wrong labels of a logistic
    regression, or the mean squared error of a ridge regression in squared units of the target.

    Args:
        of: the "model"'s own, or of what is learnt from the rows "published".

    References:
        Gerstgrasser et al., Is model collapse inevitable? (2024), arXiv:2404.01413; train on synthetic, test
        on real:
        Esteban et al., Real-valued medical time series generation (2017), arXiv:1706.02633.
    """

    __test__: ClassVar = False  # pytest: the name is no test's
    of: Of = "model"
    title: ClassVar = "Test error"
    better: ClassVar = "lower"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")
    needs_target: ClassVar = True
    instead_of_rows = property(no_rows)

    @property
    def needs(self) -> tuple[str, ...]:
        """A prediction of the model, where that is judged."""
        return ("predict",) if self.of == "model" else ()

    def says(self, exp: Experiment) -> dict[str, str]:
        """Which error it is: of labels, or in squared units of the target."""
        by = "by what was learnt from the published rows" if self.of == "published" else "by the model"
        if _exact(self.of, exp.real, [MODEL.of(a.generator) for a in exp.agents]):
            about = "Expected squared error in predicting the target of real rows, less that of the true law."
            return {"unit": "squared error beyond the noise", "about": about, "scale": "ratio", "given": ""}
        if self.of == "published" and is_label(exp.real, real_target(exp.real)):
            about = f"Share of wrong labels of held-out real rows, predicted {by}."
            return {"unit": "share of wrong labels", "about": about, "scale": "share"}
        about = f"Mean squared error in predicting the target of held-out real rows, {by}."
        return {"unit": "mean squared error", "about": about, "scale": "ratio"}

    def __call__(self, seen: Observation) -> Array:
        """(R,) errors."""
        real = seen.exp.real
        risk = EXCESS_RISK.of(real)
        if risk is not None and _exact(self.of, real, [seen.model]):
            return risk(seen.model)
        target = real_target(real)
        y = seen.holdout[..., target]
        if self.of == "model":
            return np.asarray(((seen.offered(PREDICT)(seen.holdout) - y) ** 2).mean(axis=1))
        labels = is_label(real, target)
        rows = seen.rows
        test, known = _inputs(seen, seen.holdout, target), np.broadcast_to(y, (len(rows), y.shape[-1]))
        trains = _inputs(seen, rows, target)
        return np.array(
            [
                downstream_error(
                    trains[r], rows[r, :, target], test[r] if seen.fresh else test, known[r], labels
                )
                for r in range(len(rows))
            ]
        )


def _exact(of: str, real: Any, models: list[Any]) -> bool:
    """Whether the law tells the error of the models, or of a class of them, without any rows."""
    return of == "model" and EXCESS_RISK.of(real) is not None and all(COEFFICIENTS.on(m) for m in models)


def real_target(real: Any) -> int:
    """The column to be predicted."""
    index = TARGET_INDEX.of(real)
    return int(TARGET.of(real) if index is None else index)  # type: ignore[arg-type]  # the metric needs a target


def is_label(real: Any, target: int) -> bool:
    """Whether the target is a class rather than a number."""
    schema = SCHEMA.of(real)
    return isinstance(schema, Schema) and schema.columns[target].kind in ("categorical", "boolean")


def _inputs(seen: Observation, rows: Array, target: int) -> Array:
    """(..., k) what the target is predicted from."""
    features = FEATURES.of(seen.exp.real)
    return np.delete(rows, target, axis=-1) if features is None else features(rows, leave_out=target)


def downstream_error(x: Array, y: Array, x_test: Array, y_test: Array, labels: bool) -> float:
    """Error on real rows of what was learnt from (x, y): a share of wrong labels, or a mean squared error."""
    from sklearn.linear_model import LogisticRegression, Ridge

    known = ~np.isnan(y)
    x, y = x[known], y[known]
    if len(y) == 0:
        return float("nan")
    if not labels:
        return float(((Ridge().fit(x, y).predict(x_test) - y_test) ** 2).mean())
    if (y == y[0]).all():
        return float((y_test != y[0]).mean())
    return float((LogisticRegression(max_iter=1000).fit(x, y).predict(x_test) != y_test).mean())
