"""How well a model predicts real rows that no model was trained on."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from genloss.components import component
from genloss.observation import Observation
from genloss.samples import Array


@component
class HoldoutNLL:
    """Mean negative log-likelihood of held-out real rows, in nats; infinite where one has become impossible.

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713.
    """

    needs: ClassVar = ("log_prob",)
    instead_of_rows: ClassVar = ()

    def __call__(self, seen: Observation) -> Array:
        """(R,) nats a row."""
        return np.asarray(-seen.model.log_prob(seen.exp.holdout).mean(axis=1))


@component
class TestError:
    """Error in predicting the target of held-out real rows.

    A model that predicts is asked itself: mean squared error, and where the real law is known
    (:class:`genloss.real.LinearModel`) the exact expected one beyond the noise. Other models of tables are
    judged by what can be learnt from their rows (train on synthetic, test on real): the share of wrong
    labels of a logistic regression, or the mean squared error of a ridge regression in squared units of the
    target, fitted to what the agent published.

    References:
        Gerstgrasser et al., Is model collapse inevitable? (2024), arXiv:2404.01413; train on synthetic, test
        on real:
        Esteban et al., Real-valued medical time series generation (2017), arXiv:1706.02633.
    """

    __test__: ClassVar = False  # pytest: the name is no test's
    instead_of_rows: ClassVar = ("predict",)
    accepts: ClassVar = ("vectors", "table")
    needs_target: ClassVar = True

    def __call__(self, seen: Observation) -> Array:
        """(R,) errors."""
        real = seen.exp.real
        if hasattr(seen.model, "coefficients") and hasattr(real, "excess_risk"):
            risk: Array = real.excess_risk(seen.model)
            return risk
        target = real_target(real)
        y = seen.exp.holdout[:, target]
        if hasattr(seen.model, "predict"):
            return np.asarray(((seen.model.predict(seen.exp.holdout) - y) ** 2).mean(axis=1))
        labels = is_label(real, target)
        test = inputs(seen, seen.exp.holdout, target)
        trains = inputs(seen, seen.rows, target)
        return np.array(
            [
                downstream_error(x, rows[:, target], test, y, labels)
                for x, rows in zip(trains, seen.rows, strict=True)
            ]
        )


def real_target(real: Any) -> int:
    """The column to be predicted."""
    return int(real.target_index if hasattr(real, "target_index") else real.target)


def is_label(real: Any, target: int) -> bool:
    """Whether the target is a class rather than a number."""
    if not hasattr(real, "schema") or not hasattr(real.schema, "columns"):
        return False
    return real.schema.columns[target].kind in ("categorical", "boolean")


def inputs(seen: Observation, rows: Array, target: int) -> Array:
    """(..., k) what the target is predicted from."""
    real = seen.exp.real
    if hasattr(real, "features"):
        x: Array = real.features(rows, leave_out=target)
        return x
    return np.delete(rows, target, axis=-1)


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
