"""What is learnt from published rows, replicate by replicate, and what it answers on held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator

from genloss.errors import FitError, SpecError, bounded, said_by
from genloss.extend import load
from genloss.metrics import logistic
from genloss.metrics.sizes import held_out, said_of, some_holdout, some_rows
from genloss.observation import Observation
from genloss.samples import Array
from genloss.tables import Schema
from genloss.traits import FEATURES, SCHEMA, TARGET, TARGET_INDEX, called, offers

if TYPE_CHECKING:
    from genloss.experiment import Experiment

# Numbers that Newton's method solves for in a step: beyond, scikit-learn's method of first order takes less.
_NEWTON = 100


def _known(learner: Any) -> Any:
    if isinstance(learner, str) and learner not in OURS and ":" not in learner:
        raise ValueError(f"there is no such learner; write {', '.join(OURS)}, or module:name")
    return learner


OURS = {
    "logistic": ("a logistic regression", "a ridge regression"),
    "ridge": ("a logistic regression", "a ridge regression"),
    "boosting": ("gradient-boosted trees", "gradient-boosted trees"),
    "forest": ("a random forest", "a random forest"),
    "mlp": ("a network with one hidden layer", "a network with one hidden layer"),
}
"""Our learners in words: of classes, and of numbers."""

LINEAR = ("logistic", "ridge")
"""One learner by two names: of classes a logistic regression, of numbers a ridge regression."""

Learner = Annotated[
    Literal["logistic", "ridge", "boosting", "forest", "mlp"] | str | Callable[..., Any],
    AfterValidator(_known),
]
"""What learns: "logistic" or "ridge" (of classes a logistic regression, of numbers a ridge regression),
"boosting", "forest", "mlp", or what makes an estimator of scikit-learn's kind, a class or a function without
arguments; in a spec "module:name"."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """Rows to learn from and to be asked about; a target is a code from 0, or a number.

    Args:
        x: (R, n, d) inputs of the published rows.
        y: (R, n) their targets, NaN where missing.
        x_test: (m, d) inputs of the held-out rows, or (R, m, d).
        y_test: (m,) their targets, or (R, m).
        classes: K, how many there are; 0 where the target is a number.
    """

    x: Array
    y: Array
    x_test: Array
    y_test: Array
    classes: int


def lesson(seen: Observation) -> Lesson:
    """What there is to learn from what an agent published."""
    return seen.once("lesson", lambda: _lesson(seen))


def _lesson(seen: Observation) -> Lesson:
    real, rows, held = seen.exp.real, some_rows(seen), some_holdout(seen)
    target = real_target(real)
    return Lesson(
        inputs(real, rows, target),
        rows[..., target],
        inputs(real, held, target),
        held[..., target],
        target_classes(real),
    )


def real_target(real: Any) -> int:
    """The column to be predicted."""
    index = TARGET_INDEX.of(real)
    return int(TARGET.of(real) if index is None else index)  # type: ignore[arg-type]  # the metric needs a target


def target_classes(real: Any) -> int:
    """K, the classes that the target has; 0 where it is a number."""
    schema = SCHEMA.of(real)
    column = schema.columns[real_target(real)] if isinstance(schema, Schema) else None
    return 0 if column is None else column.codes


def inputs(real: Any, rows: Array, target: int) -> Array:
    """(..., d) what the target is predicted from."""
    features = FEATURES.of(real)
    return np.delete(rows, target, axis=-1) if features is None else features(rows, leave_out=target)


def held_target(exp: Experiment) -> Array | None:
    """(m,) known targets of the held-out rows; None where each replicate has its own, or there are none."""
    if exp.holdout == "fresh":
        return None
    y = held_out(exp)[:, real_target(exp.real)]
    known = y[~np.isnan(y)]
    return known if len(known) else None


def by(exp: Experiment, learner: Any) -> str:
    """Who predicts, and of how many rows, to end a sentence with."""
    what = OURS[learner][not target_classes(exp.real)] if learner in OURS else f"what {name(learner)} makes"
    return f"predicted by {what} that learnt from the published rows.{said_of(exp)}"


def name(learner: Any) -> str:
    """What to call a learner in an error."""
    return bounded(learner if isinstance(learner, str) else called(learner))


# -- answers -----------------------------------------------------------------------------------------


def answers(seen: Observation, learner: Any) -> Array:
    """(R, m) answers on the held-out rows, codes or numbers; NaN where no published row has a target."""
    asked = lesson(seen)
    if learner in LINEAR and not asked.classes:
        return logistic.predicted(logistic.ridge(asked.x, asked.y), asked.x_test)
    if learner in LINEAR:
        p = chances(seen, learner)
        return np.where(np.isnan(p[..., 0]), np.nan, p.argmax(axis=-1))
    tests = np.broadcast_to(asked.x_test, (len(asked.x), *asked.x_test.shape[-2:]))
    out = np.empty(tests.shape[:2])
    for r, one in enumerate(_fitted(seen, learner)):
        out[r] = one if isinstance(one, float) else predicted(learner, one, tests[r])
    return out


def chances(seen: Observation, learner: Any) -> Array:
    """(R, m, K) probabilities of classes: 0 of those that no published row has, NaN where none has any."""
    asked = lesson(seen)
    if learner in LINEAR:
        return seen.once(
            "logistic chances", lambda: classified(asked.x, asked.y, asked.x_test, asked.classes)
        )
    tests = np.broadcast_to(asked.x_test, (len(asked.x), *asked.x_test.shape[-2:]))
    out = np.zeros((*tests.shape[:2], asked.classes))
    for r, one in enumerate(_fitted(seen, learner)):
        if isinstance(one, float):
            out[r] = np.nan if np.isnan(one) else np.arange(asked.classes) == one
        else:
            codes, p = probabilities(learner, one, tests[r])
            out[r][:, codes] = p
    return out


def classified(x: Array, y: Array, x_test: Array, classes: int) -> Array:
    """(R, m, K) probabilities by logistic regression.

    Args:
        x: (R, n, d) inputs to learn from.
        y: (R, n) their codes, NaN where missing.
        x_test: (m, d) inputs to be asked about, or (R, m, d).
        classes: K. Those that a replicate's rows lack have the probability 0 in it; of one alone that is 1,
            and of none all are NaN.
    """
    there = (y[..., None] == np.arange(classes)).any(axis=1)
    out = np.zeros((len(x), x_test.shape[-2], classes))
    out[~there.any(axis=1)] = np.nan
    groups: dict[tuple[int, ...], list[int]] = {}
    for r, some in enumerate(there):
        groups.setdefault(tuple(np.flatnonzero(some).tolist()), []).append(r)
    for codes, mine in groups.items():
        if len(codes) == 1:
            out[mine, :, codes[0]] = 1
        elif codes:
            # a class's place among those that are there
            place = np.where(np.isnan(y[mine]), np.nan, np.searchsorted(codes, y[mine]))
            test = x_test[mine] if x_test.ndim == 3 else x_test
            out[np.ix_(mine, range(out.shape[1]), codes)] = _softly(x[mine], place, test, len(codes))
    return out


def _softly(x: Array, y: Array, x_test: Array, classes: int) -> Array:
    """(R, m, K) probabilities of classes that all occur."""
    if (x.shape[2] + 1) * (classes if classes > 2 else 1) <= _NEWTON:
        return logistic.chances(logistic.logistic(x, y, classes), x_test)
    from sklearn.linear_model import LogisticRegression

    tests = np.broadcast_to(x_test, (len(x), *x_test.shape[-2:]))
    some, fit = ~np.isnan(y), LogisticRegression(tol=1e-7, max_iter=10_000).fit
    return np.stack(
        [fit(x[r][some[r]], y[r][some[r]]).predict_proba(tests[r]) for r in range(len(x))],
    )


# -- learners of scikit-learn's kind -----------------------------------------------------------------


def _fitted(seen: Observation, learner: Any) -> list[Any]:
    """A fitted estimator for each replicate; the code itself where there is one alone, NaN where none."""
    # by its repr: two classes may have one name
    return seen.once(f"learner {learner!r}", lambda: _fit(seen, learner))


def _fit(seen: Observation, learner: Any) -> list[Any]:
    asked = lesson(seen)
    # by the learner's name: whichever metric asks first, it is the same
    seeds = seen.rng.named(f"learner {called(learner)}").measure.integers(2**31, size=len(asked.x))
    out: list[Any] = []
    for x, y, seed in zip(asked.x, asked.y, seeds, strict=True):
        known = ~np.isnan(y)
        x, y = x[known], y[known]
        if len(y) == 0 or (asked.classes and (y == y[0]).all()):
            out.append(float(y[0]) if len(y) else float("nan"))
        else:
            out.append(fitted(learner, x, y.astype(int) if asked.classes else y, int(seed), asked.classes))
    return out


def fitted(
    learner: Any,
    x: Array,
    y: Array,
    seed: int,
    classes: int,
    weights: Array | None = None,
    given: Mapping[str, Any] | None = None,
) -> Any:
    """An estimator fitted to (n, d) inputs and (n,) targets, of which several differ.

    Args:
        learner: what makes it.
        x: inputs.
        y: targets.
        seed: of what is random in it.
        classes: K; 0 where targets are numbers.
        weights: (n,) of the rows; None where all are 1.
        given: fields of the estimator to be set.

    Raises:
        FitError: if what the learner names makes none, or the estimator fails.
    """
    one = _made(learner, classes)
    own = _ask(learner, "get_params", lambda: one.get_params())
    seeds = {k: seed for k, v in own.items() if v is None and k.rpartition("__")[2] == "random_state"}
    more = {} if weights is None else {"sample_weight": weights}
    _ask(learner, "fit", lambda: one.set_params(**seeds, **(given or {})).fit(x, y, **more))
    return one


def fits(learner: Any, classes: int) -> None:
    """See that a learner can predict a target, before anything is fitted.

    Args:
        learner: what makes an estimator.
        classes: K of the target; 0 where it is a number.

    Raises:
        FitError: if the learner cannot be made.
        SpecError: if what it makes is of the other kind.
    """
    if isinstance(learner, str) and learner in OURS:
        return
    one = _made(learner, classes)
    if classes and not offers(one, ("predict_proba",)):
        raise SpecError(
            f"learner: {name(learner)} says no chances of classes (it has no predict_proba); name a "
            f"classifier that does, or set what it needs for it in a function of yours"
        )
    from sklearn.base import is_classifier

    if not classes and is_classifier(one):
        raise SpecError(
            f"learner: {name(learner)} tells classes, and the target is a number; name a regressor"
        )


def weighs(learner: Any, classes: int) -> bool:
    """Whether a learner takes weights of rows."""
    if isinstance(learner, str) and learner in OURS:
        return True
    from sklearn.utils.validation import has_fit_parameter

    return bool(has_fit_parameter(_made(learner, classes), "sample_weight"))


def predicted(learner: Any, one: Any, x: Array) -> Array:
    """(m,) answers of a fitted estimator on (m, d) inputs."""
    return _answer(learner, "predict", lambda: one.predict(x), (len(x),))


def probabilities(learner: Any, one: Any, x: Array) -> tuple[Array, Array]:
    """(c,) codes that a fitted estimator knows, and (m, c) their probabilities on (m, d) inputs."""
    codes = _ask(learner, "classes_", lambda: np.asarray(one.classes_))
    return codes, _answer(learner, "predict_proba", lambda: one.predict_proba(x), (len(x), len(codes)))


def _answer(learner: Any, verb: str, call: Callable[[], Any], shape: tuple[int, ...]) -> Array:
    """Finite floats of a shape, as an estimator answers.

    Raises:
        FitError: if it answers otherwise, raises, or lacks the method.
    """
    out = _ask(learner, verb, lambda: np.asarray(call(), dtype=float))
    if out.shape != shape or not np.isfinite(out).all():
        how = f"shape {out.shape}" if out.shape != shape else "NaN or infinite values"
        raise FitError(f"learner {name(learner)}: {verb} gave {how}; {shape} finite numbers are wanted")
    return np.asarray(out)


def _made(learner: Any, classes: int) -> Any:
    if isinstance(learner, str) and learner in OURS:
        return _ours(learner, bool(classes))
    try:
        return (load(learner) if isinstance(learner, str) else learner)()
    except (Exception, SystemExit) as error:
        raise FitError(
            f"learner {name(learner)}: calling it raised {type(error).__name__}: {said_by(error)}; name a "
            f"class, or a function without arguments, that makes a scikit-learn estimator"
        ) from error


def _ours(learner: str, classes: bool) -> Any:
    if learner == "boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        return HistGradientBoostingClassifier() if classes else HistGradientBoostingRegressor()
    if learner == "forest":
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        return RandomForestClassifier() if classes else RandomForestRegressor()
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return (MLPClassifier if classes else MLPRegressor)(early_stopping=True)


def _ask(learner: Any, verb: str, call: Callable[[], Any]) -> Any:
    """What an estimator answers.

    Raises:
        FitError: if it raises, or lacks the method.
    """
    try:
        return call()
    except (Exception, SystemExit) as error:
        raise FitError(
            f"learner {name(learner)}: {verb} raised {type(error).__name__}: {said_by(error)}"
        ) from error
