"""What becomes of a metric in the end, by its law: data never say "for ever", a law does."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genloss.errors import GenlossError
from genloss.experiment import Experiment
from genloss.laws import law
from genloss.numbers import number

Kind = Literal["constant", "bounded", "decay", "logarithmic", "power", "linear", "exponential"]
_DOUBLINGS = 10
# ratios of neighbouring increments over doublings that lie between settle nothing
_SETTLED, _LOGARITHMIC = 0.97, 0.995


@dataclass(frozen=True)
class Tail:
    """How a law goes on.

    Args:
        kind: "constant"; "bounded", with a limit; "decay" to 0; or it grows, or falls, without bound:
            "logarithmic", "power", "linear", "exponential".
        rate: a generation's logarithmic change where it is "exponential" or a "decay" by a fixed factor; the
            exponent of "power", and of a decay like t^-rate; the slope of "linear", and of "logarithmic" what
            is added while t grows e-fold; NaN elsewhere.
        limit: where it tends to: a number, or plus or minus infinity.
        geometric: of a decay whether it falls by a fixed factor a generation, or only like a power of t.
    """

    kind: Kind
    rate: float
    limit: float
    geometric: bool = False

    @property
    def unbounded(self) -> bool:
        """Whether it leaves every bound."""
        return math.isinf(self.limit)

    @property
    def words(self) -> str:
        """As a sentence has it.

        >>> Tail("linear", 0.1, math.inf).words, Tail("decay", math.log(2) / 34, 0.0, True).words
        ('grows by 0.1 a generation for ever', 'decays to 0 with half-life 34 generations')
        """
        up = "grows" if self.limit > 0 else "falls"
        if self.kind == "constant":
            return "does not change"
        if self.kind == "bounded":
            return f"tends to {number(self.limit)}"
        if self.kind == "decay":
            how = (
                f"with half-life {number(math.log(2) / self.rate)} generations"
                if self.geometric
                else f"like t^{number(-self.rate, 2)}"
            )
            return f"decays to 0 {how}"
        if self.kind == "logarithmic":
            return f"{up} like log t for ever"
        if self.kind == "power":
            return f"{up} like t^{number(self.rate, 2)} for ever"
        if self.kind == "exponential":
            return f"{up} for ever, doubling every {number(math.log(2) / self.rate)} generations"
        return f"{up} by {number(abs(self.rate))} a generation for ever"


def tail(exp: Experiment, agent: int, metric: str) -> Tail | None:
    """How the law of a metric goes on, read off the law's own values over doublings of the generations.

    The law is evaluated, without any data, at T, 2T, ..., 1024 T generations. Where its increments over
    doublings shrink by a factor below .97, it has a limit, which their geometric series gives; where they
    stay the same it is logarithmic, where they grow by 2^p a power of p, where they outgrow that exponential.

    Args:
        exp: the experiment.
        agent: index of the agent.
        metric: the metric's name in results.

    Returns:
        None where there is no law, or where its values do not tell.

    >>> from genloss.laws.cases import CASES
    >>> tail(CASES["regression, replace"], 0, "TestError").words
    'grows by 0.0469 a generation for ever'
    >>> tail(CASES["KDE, accumulate"], 0, "TraceRatio").kind
    'logarithmic'
    """
    start = max(exp.generations, 16)
    try:
        known = law(dataclasses.replace(exp, generations=start * 2**_DOUBLINGS), agent, metric)
    except GenlossError:
        return None
    if known is None:
        return None
    with np.errstate(all="ignore"):
        return _read(np.asarray(known.values, dtype=float), start)


def _read(values: np.ndarray, start: int) -> Tail | None:
    at = start * 2 ** np.arange(_DOUBLINGS + 1)
    v = values[at - 1]
    first, last = float(values[0]), float(v[-1])
    size = float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0))
    if np.isfinite(values).all() and np.ptp(values) <= 1e-9 * size:
        return Tail("constant", math.nan, last)
    if not np.isfinite(v).all():
        return _exponential(values) if not np.isnan(v).any() else None
    if first != 0 and abs(last) < 1e-12 * abs(first):
        return _geometric(values)
    steps = np.diff(v)
    if abs(steps[-1]) <= 1e-10 * size:
        return Tail("bounded", math.nan, last)
    ratio = float(steps[-1] / steps[-2])
    if not 0 < ratio:
        return None
    if ratio < _SETTLED:
        limit = last + float(steps[-1]) * ratio / (1 - ratio)
        if abs(limit) < 1e-2 * abs(last):
            return Tail("decay", -math.log2(ratio), 0.0)
        return Tail("bounded", math.nan, limit)
    if ratio < _LOGARITHMIC:
        return None
    end = math.copysign(math.inf, float(steps[-1]))
    if ratio < 1.01:
        return Tail("logarithmic", float(steps[-1]) / math.log(2), end)
    power = math.log2(ratio)
    if abs(power - 1) < 1e-3:
        return Tail("linear", float(values[-1] - values[-2]), end)
    return Tail("power", power, end) if power < 8 else _exponential(values)


def _exponential(values: np.ndarray) -> Tail:
    finite = values[np.isfinite(values)]
    return Tail("exponential", float(np.log(finite[-1] / finite[-2])), math.copysign(math.inf, finite[-1]))


def _geometric(values: np.ndarray) -> Tail:
    """A decay by a fixed factor: where values are still numbers that can be divided."""
    there = np.flatnonzero(np.abs(values) > 1e-200)
    k = max(int(there[-1]), 1)
    half = k // 2
    rate = float(np.log(abs(values[half]) / abs(values[k]))) / (k - half)
    return Tail("decay", rate, 0.0, geometric=True)
