"""The axis of a metric: its ends, whether a factor or a difference is seen, and ticks that read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.laws import Law
from genloss.numbers import number
from genloss.report.aggregate import Curve
from genloss.samples import Array

Spec = dict[str, Any]
Drawn = tuple[Curve, Law | None, bool]
"""A curve, its law, and whether its mean is drawn."""

# from this span on, a factor is what the eye should see
_LOG = 12.0


@dataclass(frozen=True)
class Scale:
    """The axis of a metric: linear, logarithmic, or "symlog" where a large range has both signs."""

    kind: str
    low: float
    high: float

    @classmethod
    def of(cls, lines: Sequence[Drawn]) -> Scale:
        """The axis that shows some curves, their means and their laws."""
        y = _drawable(
            [
                *(np.append(c.typical.estimate, c.real.estimate if c.real else np.nan) for c, _, _ in lines),
                np.array([c.meaning.reference.value for c, _, _ in lines if c.meaning.reference is not None]),
                *(c.mean.estimate for c, _, averaged in lines if averaged),
                *(law.values for _, law, _ in lines if law is not None),
            ]
        )
        ends = [(c.typical.low, c.typical.high) for c, _, _ in lines]
        return cls.over(y, ends, all(c.meaning.scale == "share" for c, _, _ in lines))

    @classmethod
    def over(cls, y: Array, ends: Sequence[tuple[Array, Array]], shares: bool) -> Scale:
        """The axis that shows some values, and of their intervals as much as leaves them readable.

        Args:
            y: the values.
            ends: of intervals, low and high.
            shares: whether they lie between 0 and 1.
        """
        y = _drawable([y])
        y = y if y.size else np.zeros(1)
        low, high = float(y.min()), float(y.max())
        bottom = float(_drawable([below for below, _ in ends]).min(initial=low))
        top = float(_drawable([above for _, above in ends]).max(initial=high))
        if shares and high - low > 0.5:
            return cls("linear", 0.0, 1.04)
        if low > 0 and high > _LOG * low:
            return cls("log", low / 1.25, min(top, 5 * high) * 1.25)
        if low <= 0 < high and high > 1000 and max(high, -low) > 100 * float(np.median(np.abs(y))) + 1:
            return cls("symlog", low * 1.25, high * 1.25)
        # an interval may reach below what the metric can be
        low, high = (low if low >= 0 > bottom else bottom), top
        if low >= 0 and low < 0.35 * high:
            low = 0.0
        pad = 0.04 * (high - low) or 0.05 * abs(high) or 1.0
        return cls("linear", low if low == 0 else low - pad, high + pad)

    def fit(self, y: float, clip: bool = False) -> float | None:
        """The value in five digits, as far as it can be drawn."""
        if not drawable(y) or (self.kind == "log" and y <= 0 and not clip):
            return None
        if clip:
            y = min(max(y, self.low), self.high)
        return float(f"{y:.5g}")

    @property
    def vega(self) -> Spec:
        """As Vega-Lite has it."""
        scale: Spec = {"type": self.kind, "domain": [self.low, self.high], "nice": False}
        extra: dict[str, Spec] = {"linear": {"zero": False}, "symlog": {"constant": 1}}
        return {**scale, **extra.get(self.kind, {})}

    @property
    def axis(self) -> Spec:
        """Ticks that read."""
        if self.kind == "linear":
            return {"tickCount": 5, "minExtent": 30}
        if self.kind == "log":
            ticks = log_ticks(self.low, self.high)
        else:
            positive = log_ticks(1, self.high) if self.high > 1 else []
            negative = [-x for x in log_ticks(1, -self.low)] if self.low < -1 else []
            ticks = [*reversed(negative), 0.0, *positive]
        # the labels, chosen by the thresholds between them: Vega has no format with superscripts
        middles = [(a + b) / 2 for a, b in itertools.pairwise(ticks)]
        choice = "".join(
            f"datum.value < {m!r} ? '{_tick(v)}' : " for v, m in zip(ticks, middles, strict=False)
        )
        return {"values": ticks, "labelExpr": f"{choice}'{_tick(ticks[-1])}'", "minExtent": 30}


def drawable(y: Any) -> Any:
    """Whether values can be drawn: infinite ones and those at the end of what floats hold cannot.

    >>> drawable(np.array([1.0, np.inf, np.nan, 1e307])).tolist()
    [True, False, False, False]
    """
    return np.abs(y) < 1e300


def _drawable(some: Sequence[Array]) -> Array:
    y = np.concatenate([np.zeros(0), *some])
    return np.asarray(y[drawable(y)])


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, or 1, 2 and 5 times them where there are few.

    >>> log_ticks(0.3, 7), log_ticks(1e-8, 2)
    ([0.5, 1.0, 2.0, 5.0], [1e-08, 1e-06, 0.0001, 0.01, 1.0])
    """
    decades = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    if len(decades) < 3:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        fine = [float(f"{m}e{e}") for e in range(first, last + 1) for m in (1, 2, 5)]
        return [v for v in fine if low <= v <= high]
    step = -(-len(decades) // 6)
    return [float(f"1e{e}") for e in decades if e % step == 0]


def _tick(v: float) -> str:
    power = math.log10(abs(v)) if v else 0.0
    if v and abs(power) > 3.5 and float(f"{v:.0e}") == v:
        return number(v).removeprefix("1×") if v > 0 else number(v).replace("−1×", "−")
    return number(v)
