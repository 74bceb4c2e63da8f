"""Findings, and the rules that give them: functions that raise where something does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from genloss.conformance.outside import reason
from genloss.errors import GenlossError, bounded, said_by
from genloss.samples import Array
from genloss.statistics import GramValue, Moments
from genloss.study.work import one_thread

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Args:
        check: what was checked.
        passed: whether it holds; None where it does not apply.
        message: what it means where it holds; where it does not, what was found and how to mend it.
        cause: where it does not hold, what was found alone: checks that one fault breaks have it in common.
    """

    check: str
    passed: bool | None
    message: str
    cause: str = ""


class Broken(Exception):
    """A rule that does not hold; the text says what was found."""


class NotApplicable(Exception):
    """A rule that says nothing about this part; the text says why."""


@dataclass(frozen=True)
class Rule:
    """One thing that must hold.

    Args:
        name: in a few words.
        means: what holds, and why it matters.
        mend: what to do where it does not.
        look: raises Broken or NotApplicable; any other exception breaks the rule too.
        drawn: whether a stream or other things that the process shares may be why it does not hold.
    """

    name: str
    means: str
    mend: str
    look: Callable[[Any], None]
    drawn: bool = False


def rule(name: str, mend: str, drawn: bool = False) -> Callable[[Callable[[Any], None]], Rule]:
    """Make a function of a trial a rule; its docstring says what holds."""
    return lambda look: Rule(name, " ".join((look.__doc__ or "").split()), mend, look, drawn)


During = Callable[[str], AbstractContextManager[object]]
"""Told the name of each check, it gives a context in which the check is made."""


def silent(name: str) -> AbstractContextManager[object]:
    """For whom checks need not be named."""
    return nullcontext()


class OutOfTime(BaseException):
    """Raised in a check by whoever watches it; the text says why there is no finding.

    It is no Exception, so that the part that is checked does not take it for an error of its own.
    """


def judge(rules: Iterable[Rule], trial: Any, of: str = "", during: During = silent) -> Iterator[Finding]:
    """What the rules find in a trial, each as soon as it is known.

    Args:
        rules: in the order in which they are to be read.
        trial: what they look at.
        of: what the trial is on, put before each name.
        during: each rule's context.
    """
    for r in rules:
        name = f"{of}: {r.name}" if of else r.name
        try:
            with one_thread, during(name):  # as in a run; and threads of several programs wait for each other
                found = _found(r, name, trial)
        except OutOfTime as late:
            found = Finding(name, None, str(late))
        yield found


def _found(r: Rule, name: str, trial: Any) -> Finding:
    try:
        r.look(trial)
    except Broken as error:
        why = f"{error}{reason(partial(r.look, trial)) if r.drawn else ''}"
        return Finding(name, False, f"{why}; {r.mend}", why)
    except NotApplicable as error:
        return Finding(name, None, str(error))
    except (Exception, SystemExit) as error:  # user code that exits has failed like any other
        said = raised(error)
        # errors of ours say what to do; of others only these tell of a verb that is called otherwise
        advice = f"; {r.mend}" if isinstance(error, (TypeError, AttributeError)) else ""
        return Finding(name, False, f"{said}{advice}", said)
    return Finding(name, True, r.means)


def raised(error: BaseException) -> str:
    """An exception in a few words."""
    if isinstance(error, GenlossError):
        return bounded(str(error), 1000)  # ours say what to do at their end
    return f"raised {type(error).__name__}: {said_by(error)}"


def same(a: Any, b: Any) -> bool:
    """Equal bits, where NaN is equal to itself."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def expect_shape(value: Any, shape: tuple[int, ...], call: str) -> Array:
    """The value as an array.

    Raises:
        Broken: if it is none of this shape.
    """
    if not isinstance(value, np.ndarray):
        raise Broken(f"{call} gave a {type(value).__name__}, where an array of shape {shape} is wanted")
    if value.shape != shape:
        raise Broken(f"{call} gave shape {value.shape}, where {shape} is wanted")
    return value


def expect_same_mean(a: Array, b: Array, what: str, limit: float = 5.0) -> None:
    """See that paired (R, k) numbers agree in their means, within standard errors over R.

    With k up to some hundred numbers, five standard errors raise a false alarm once in ten thousand times.

    Raises:
        Broken: if they do not.
    """
    gap = (a - b).reshape(len(a), -1)
    error = gap.std(axis=0, ddof=1) / np.sqrt(len(gap))
    scale = np.abs(a).max() + np.abs(b).max() + 1e-300
    z = np.abs(gap.mean(axis=0)) / np.maximum(error, 1e-9 * scale)
    if not np.all(z <= limit):  # NaN is no agreement either
        worst = int(np.nanargmax(np.where(np.isnan(z), np.inf, z)))
        raise Broken(f"{what} differ by {z[worst]:.1f} standard errors in their mean (number {worst})")


def numbers(value: Any) -> Array:
    """(R, k) the numbers in a statistic; of a root its product, which alone is unique."""
    if isinstance(value, np.ndarray):
        return value.reshape(len(value), -1).astype(float)
    if isinstance(value, Moments):
        parts = [value.mean, value.root @ value.root.mT]
    elif isinstance(value, GramValue):
        parts = [value.coefficients, value.residual]
    else:
        arrays = [a for a in vars(value).values() if isinstance(a, np.ndarray) and a.ndim]
        most = max(len(a) for a in arrays)
        parts = [a for a in arrays if len(a) == most]
    return np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1)
