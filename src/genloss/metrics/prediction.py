"""How well the target of unseen real rows is predicted: by the model, or by what learns from its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import model_validator

from genloss.components import component
from genloss.meaning import Reference
from genloss.metrics.discrete import Of, no_rows
from genloss.metrics.learners import (
    Learner,
    answers,
    by,
    chances,
    held_target,
    lesson,
    real_target,
    target_classes,
)
from genloss.observation import Observation
from genloss.samples import Array
from genloss.traits import COEFFICIENTS, EXCESS_RISK, MODEL, PREDICT, TRUE_COEFFICIENTS

if TYPE_CHECKING:
    from genloss.experiment import Experiment

_MAJORITY = ("always the majority", "always answering the majority class")
_MEAN = ("always the mean", "always answering the mean")


@component
class TestError:
    """Error in predicting the target of real rows that no model saw.

    The "model"'s own prediction: mean squared error, and where the real law is known
    (:class:`genloss.real.LinearModel`) the exact expected one beyond the noise. Or what can be learnt from
    the rows "published" (train on synthetic, test on real): the share of wrong labels, or the mean squared
    error in squared units of the target. No learner sees a held-out row. Published rows of one class alone
    teach to answer that class; without any known target there is no error.

    Args:
        of: the "model"'s own, or of what is learnt from the rows "published".
        learner: what learns from published rows: "logistic" (of numbers a ridge regression), "boosting", or
            any estimator of scikit-learn's kind by "module:name".

    References:
        Gerstgrasser et al., Is model collapse inevitable? (2024), arXiv:2404.01413; train on synthetic, test
        on real:
        Esteban et al., Real-valued medical time series generation (2017), arXiv:1706.02633.
    """

    __test__: ClassVar = False  # pytest: the name is no test's
    of: Of = "model"
    learner: Learner = "logistic"
    title: ClassVar = "Test error"
    better: ClassVar = "lower"
    tells: ClassVar = "risk"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")
    needs_target: ClassVar = True
    instead_of_rows = property(no_rows)

    @model_validator(mode="after")
    def _learns(self) -> TestError:
        if self.of == "model" and self.learner != "logistic":
            raise ValueError('learner: nothing learns from the model itself; add of = "published"')
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        """A prediction of the model, where that is judged."""
        return ("predict",) if self.of == "model" else ()

    def says(self, exp: Experiment) -> dict[str, Any]:
        """Which error it is: of labels, or in squared units of the target."""
        who = "by the model." if self.of == "model" else by(exp, self.learner)
        if _exact(self.of, exp.real, [MODEL.of(a.generator) for a in exp.agents]):
            about = "Expected squared error in predicting the target of real rows, less that of the true law."
            said = {"unit": "squared error beyond the noise", "about": about, "scale": "ratio", "given": ""}
            w, spread = TRUE_COEFFICIENTS.of(exp.real), exp.reference[1][:-1, :-1]
            return said if w is None else {**said, "reference": Reference(float(w @ spread @ w), *_MEAN)}
        y = held_target(exp)
        if self.of == "published" and target_classes(exp.real):
            about = f"Share of wrong labels of held-out real rows, {who}"
            reference = None if y is None else Reference(1 - float(_shares(exp, y).max()), *_MAJORITY)
            return {
                "unit": "share of wrong labels",
                "about": about,
                "scale": "share",
                "reference": reference,
            }
        about = f"Mean squared error in predicting the target of held-out real rows, {who}"
        of_numbers = y is not None and not target_classes(exp.real)
        reference = Reference(float(y.var()), *_MEAN) if y is not None and of_numbers else None
        return {"unit": "mean squared error", "about": about, "scale": "ratio", "reference": reference}

    def __call__(self, seen: Observation) -> Array:
        """(R,) errors."""
        real = seen.exp.real
        risk = EXCESS_RISK.of(real)
        if risk is not None and _exact(self.of, real, [seen.model]):
            return risk(seen.model)
        if self.of == "model":
            y = seen.holdout[..., real_target(real)]
            return np.asarray(((seen.offered(PREDICT)(seen.holdout) - y) ** 2).mean(axis=1))
        if target_classes(real):
            return np.asarray(_wrong(seen, self.learner).mean(axis=1))
        return _squared(seen, self.learner)


def _exact(of: str, real: Any, models: list[Any]) -> bool:
    """Whether the law tells the error of the models, or of a class of them, without any rows."""
    return of == "model" and EXCESS_RISK.of(real) is not None and all(COEFFICIENTS.on(m) for m in models)


def _shares(exp: Experiment, y: Array) -> Array:
    """(K,) of the classes among (m,) codes."""
    return np.bincount(y.astype(int), minlength=target_classes(exp.real)) / len(y)


def _wrong(seen: Observation, learner: Any) -> Array:
    """(R, m) 1 where a label is wrong, 0 where it is right; NaN where there is no answer."""
    found = answers(seen, learner)
    return np.where(np.isnan(found), np.nan, found != lesson(seen).y_test)


def _squared(seen: Observation, learner: Any) -> Array:
    """(R,) mean squared errors."""
    gap = answers(seen, learner) - lesson(seen).y_test
    return np.asarray((gap**2).mean(axis=1))


def _by_class(seen: Observation) -> list[Array]:
    """(m,) or (R, m), for each class, of which held-out rows have it."""
    asked = lesson(seen)
    return [asked.y_test == k for k in range(asked.classes)]


def _mean_over_classes(each: list[Array]) -> Array:
    """(R,) means of (R,) values over the classes that have one; NaN where none has."""
    values = np.stack(each, axis=1)
    known = ~np.isnan(values)
    total, count = np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))


def of_classes(metric: Any, exp: Experiment) -> str:
    """Why a metric of classes does not fit."""
    return "" if target_classes(exp.real) else "the target is a number, which has no classes; use R2"


@component
class BalancedError:
    """Share of wrong labels of held-out rows, averaged over classes: a rare one weighs as much as others.

    sum over the K classes that occur among held-out rows of P(wrong | class), divided by K. Whoever always
    gives one answer is wrong in 1 - 1/K. Learnt from the published rows alone; published rows of one class
    teach to answer that class, and without any known target there is no error.

    Args:
        learner: "logistic", "boosting", or any classifier of scikit-learn's kind by "module:name".

    References:
        Brodersen et al., The balanced accuracy and its posterior distribution (2010).
    """

    learner: Learner = "logistic"
    title: ClassVar = "Balanced error"
    unit: ClassVar = "share of wrong labels, mean over classes"
    better: ClassVar = "lower"
    tells: ClassVar = "risk"
    scale: ClassVar = "share"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")
    needs_target: ClassVar = True
    misfit = of_classes

    def says(self, exp: Experiment) -> dict[str, Any]:
        """Who predicts, and what one constant answer does."""
        y = held_target(exp)
        known = None if y is None else len(np.unique(y))
        return {
            "about": f"Share of wrong labels of held-out real rows, averaged over the classes, "
            f"{by(exp, self.learner)}",
            "reference": None if known is None else Reference(1 - 1 / known, *_MAJORITY),
        }

    def __call__(self, seen: Observation) -> Array:
        """(R,) errors."""
        wrong = _wrong(seen, self.learner)
        each = []
        for mine in _by_class(seen):
            there = mine.sum(axis=-1)
            total = np.where(mine, wrong, 0.0).sum(axis=1)
            each.append(np.divide(total, there, out=np.full(len(wrong), np.nan), where=there > 0))
        return np.where(np.isnan(wrong[:, 0]), np.nan, _mean_over_classes(each))


@component
class RankingLoss:
    """1 - AUC: the chance that a held-out row of a class is given less of it than a row of another class.

    Of two classes this is one number; of more, the mean over classes, one against the rest. Ties count
    half, so that a class that nothing published has, and any constant answer, has 0.5. Undefined where all
    held-out rows are of one class. Learnt from the published rows alone.

    Args:
        learner: "logistic", "boosting", or any classifier of scikit-learn's kind with ``predict_proba``, by
            "module:name".

    References:
        Hanley and McNeil, The meaning and use of the area under a ROC curve (1982).
    """

    learner: Learner = "logistic"
    title: ClassVar = "Ranking loss"
    unit: ClassVar = "1 − AUC"
    better: ClassVar = "lower"
    tells: ClassVar = "risk"
    scale: ClassVar = "share"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")
    needs_target: ClassVar = True
    misfit = of_classes
    reference: ClassVar = Reference(0.5, "always the same answer", "always giving the same answer")

    def says(self, exp: Experiment) -> dict[str, Any]:
        """Who predicts."""
        about = "Chance that a held-out real row of a class is ranked below one of another class,"
        return {"about": f"{about} {by(exp, self.learner)}"}

    def __call__(self, seen: Observation) -> Array:
        """(R,) losses."""
        from scipy.stats import rankdata

        p = chances(seen, self.learner)
        each = []
        for k, mine in enumerate(_by_class(seen)):
            ones, rank = mine.sum(axis=-1), rankdata(p[..., k], axis=1)
            below = np.where(mine, rank, 0.0).sum(axis=1) - ones * (ones + 1) / 2
            pairs = ones * (mine.shape[-1] - ones)
            each.append(1 - np.divide(below, pairs, out=np.full(len(p), np.nan), where=pairs > 0))
        return _mean_over_classes(each)


@component
class LogLoss:
    """Mean negative logarithm of the probability given to the class of a held-out row, in nats.

    Infinite where a class that held-out rows have has become impossible, as where nothing published is of
    it. Learnt from the published rows alone.

    Args:
        learner: "logistic", "boosting", or any classifier of scikit-learn's kind with ``predict_proba``, by
            "module:name".

    References:
        Good, Rational decisions (1952).
    """

    learner: Learner = "logistic"
    title: ClassVar = "Log loss"
    unit: ClassVar = "nats a row"
    better: ClassVar = "lower"
    tells: ClassVar = "risk"
    scale: ClassVar = "nats"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")
    needs_target: ClassVar = True
    misfit = of_classes

    def says(self, exp: Experiment) -> dict[str, Any]:
        """Who predicts, and what the shares of the classes do."""
        y = held_target(exp)
        about = "Mean negative log probability of the class of held-out real rows,"
        said: dict[str, Any] = {"about": f"{about} {by(exp, self.learner)}"}
        if y is not None:
            shares = _shares(exp, y)
            there = shares[shares > 0]
            entropy = float(-(there * np.log(there)).sum())
            said["reference"] = Reference(
                entropy, "always the shares of the classes", "always giving classes the shares that they have"
            )
        return said

    def __call__(self, seen: Observation) -> Array:
        """(R,) nats a row."""
        p = chances(seen, self.learner)
        code = np.broadcast_to(lesson(seen).y_test, p.shape[:2]).astype(int)
        given = np.take_along_axis(p, code[..., None], axis=2)[..., 0]
        with np.errstate(divide="ignore"):
            # a replicate's numbers side by side: added up alike however many replicates there are
            return np.asarray(-np.log(np.ascontiguousarray(given)).mean(axis=1))


@component
class R2:
    """Share of the variance of a number that is predicted: 1 - mean squared error / variance.

    0 is what the mean of the held-out rows does, 1 is without error; below 0 it is worse than the mean.
    Undefined where all held-out rows have one value. Learnt from the published rows alone.

    Args:
        learner: "logistic", which of numbers is a ridge regression, "boosting", or any regression of
            scikit-learn's kind by "module:name".

    References:
        Wright, Correlation and causation (1921).
    """

    learner: Learner = "logistic"
    title: ClassVar = "R²"
    unit: ClassVar = "1 − squared error / variance"
    better: ClassVar = "higher"
    tells: ClassVar = "risk"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")
    needs_target: ClassVar = True
    reference: ClassVar = Reference(0.0, *_MEAN)

    def misfit(self, exp: Experiment) -> str:
        """Whether the target is a class."""
        coded = target_classes(exp.real) > 0
        return "the target is a class, which has no variance; use BalancedError" if coded else ""

    def says(self, exp: Experiment) -> dict[str, Any]:
        """Who predicts."""
        return {
            "about": f"Share of the variance of the target of held-out real rows, {by(exp, self.learner)}"
        }

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        variance = lesson(seen).y_test.var(axis=-1)
        squared = _squared(seen, self.learner)
        share = np.divide(squared, variance, out=np.full(len(squared), np.nan), where=variance > 0)
        return np.asarray(1 - share)
