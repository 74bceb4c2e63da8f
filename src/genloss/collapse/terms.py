"""Rates in the terms of the field: half-lives, exponents, limits, each with an interval.

An interval holds every number that some shape of the law has within reach of the best fit (profile
likelihood, by generalised least squares whose covariance is that over replicates); generations are never
resampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genloss.collapse.blocks import Blocks
from genloss.collapse.growth import FAMILIES, columns, fitted
from genloss.intervals import Interval
from genloss.intervals import mean as mean_of
from genloss.numbers import bracketed, interval
from genloss.samples import Array


@dataclass(frozen=True)
class Rate:
    """How fast, in the terms of the field.

    Args:
        name: "half-life", "doubling time", "per generation", "per doubling", "exponent", "limit", "level" or
            "generation".
        interval: 95 %.
    """

    name: str
    interval: Interval

    @property
    def told(self) -> bool:
        """Whether its interval rules anything out."""
        return self.interval.low == self.interval.high or not {*self.interval[1:]} <= {0.0, np.inf, -np.inf}

    def within(self, low: float, high: float) -> Rate | None:
        """The same of a metric that lies between two ends, as a limit and a level then do.

        None where its whole interval lies beyond them: by such a law the metric would leave its scale.

        >>> Rate("limit", Interval(3.0, -2.0, 8.0)).within(0, np.inf).interval.low
        0.0
        """
        if self.name not in ("limit", "level") or np.isnan(self.interval.low):
            return self
        if self.interval.high < low or self.interval.low > high:
            return None
        return Rate(self.name, Interval(*(float(np.clip(v, low, high)) for v in self.interval)))

    @property
    def words(self) -> str:
        """As a sentence has it.

        >>> Rate("half-life", Interval(34.3, 31.0, 38.0)).words
        'half-life 34.3 [31.0, 38.0] generations'
        >>> Rate("doubling time", Interval(20.0, 0.0, np.inf)).words
        'doubling time not told'
        """
        if not self.told:
            return f"{self.name} not told"
        return _WORDS[self.name].format(bracketed(*interval(self.interval)))


_WORDS = {
    "half-life": "half-life {} generations",
    "doubling time": "the change doubling every {} generations",
    "per generation": "{} a generation",
    "per doubling": "{} each time that t doubles",
    "exponent": "like t^{}",
    "limit": "towards {}",
    "level": "at {}",
    "generation": "from generation {} on it stands still",
}


def rates(b: Blocks, k: int, least: float, white: Array, reach: float) -> tuple[Rate, ...]:
    """What a family fits, with intervals: all numbers that some shape within reach has within reach."""
    family = FAMILIES[k]
    t = b.generations
    grid = family.shapes(t)
    shape = Interval(np.nan, np.nan, np.nan)
    for zoom in range(3):
        fits = fitted(b, b.weights @ columns(family, t, grid), white)
        least = min(least, float(fits.chi.min()))
        if len(grid) == 1:
            break
        inside = np.flatnonzero(fits.chi <= least + reach)
        if not len(inside):
            break
        low, high = max(inside[0] - 1, 0), min(inside[-1] + 1, len(grid) - 1)
        if zoom < 2:
            grid = np.geomspace(grid[low], grid[high], 61)
            continue
        shape = Interval(
            float(grid[fits.chi.argmin()]),
            float(grid[low]) if inside[0] > 0 or grid[0] > family.shapes(t)[0] * 1.0001 else 0.0,
            float(grid[high])
            if inside[-1] < len(grid) - 1 or grid[-1] < family.shapes(t)[-1] * 0.9999
            else np.inf,
        )
    left = np.sqrt(np.maximum(least + reach - fits.chi, 0))[:, None]
    there = np.isfinite(fits.chi) & (fits.chi <= least + reach)
    best = int(fits.chi.argmin())
    low = np.where(there[:, None], fits.numbers - left * np.sqrt(fits.variance), np.inf).min(axis=0)
    high = np.where(there[:, None], fits.numbers + left * np.sqrt(fits.variance), -np.inf).max(axis=0)
    a, slope = (Interval(float(fits.numbers[best, i]), float(low[i]), float(high[i])) for i in (0, 1))
    if b.each is not None and len(grid) == 1:
        a, slope = _skewed(b, b.weights @ columns(family, t, grid)[0], white, a, slope)
    return _named(family.name, shape, a, slope, float(t[-1]))


def _skewed(
    b: Blocks, design: Array, white: Array, a: Interval, slope: Interval
) -> tuple[Interval, Interval]:
    """Intervals of a law that is linear in what it fits, widened to those of a mean over replicates.

    Given the weights, what is fitted is a mean over replicates, whose interval takes their skewness.
    """
    some = slice(0, 2) if design[:, 1].any() else slice(0, 1)
    f = white @ design[:, some]
    each = np.linalg.lstsq(f, white @ b.each, rcond=None)[0]
    of = mean_of(each)
    # estimated weights cost precision
    more = np.sqrt((b.replicates - 2) / max(b.freedom - 1, 1))
    low, high = (of.estimate + more * (end - of.estimate) for end in (of.low, of.high))
    wide = [
        Interval(was.estimate, min(was.low, float(low[i])), max(was.high, float(high[i])))
        for i, was in enumerate((a, slope)[some])
    ]
    return wide[0], wide[1] if len(wide) > 1 else slope


def _scaled(of: Interval, by: float) -> Interval:
    ends = sorted((of.low * by, of.high * by))
    return Interval(of.estimate * by, *ends)


def _time(rate: Interval) -> Interval:
    """ln 2 over a rate."""
    with np.errstate(divide="ignore"):
        return Interval(*(float(np.log(2) / np.float64(v)) for v in (rate.estimate, rate.high, rate.low)))


def _named(name: str, shape: Interval, a: Interval, slope: Interval, last: float) -> tuple[Rate, ...]:
    if name == "constant":
        return (Rate("level", a),)
    if name == "linear":
        return (Rate("per generation", _scaled(slope, 1 / last)),)
    if name == "logarithmic":
        return (Rate("per doubling", _scaled(slope, float(np.log(2)))),)
    if name == "power":
        return (Rate("exponent", shape),)
    if name == "exponential growth":
        return (Rate("doubling time", _time(shape)),)
    if name.startswith("bounded") and shape.low == 0:
        # as slow as one likes: nothing bounds the limit on the side to which it goes
        ends = (a.low, np.inf) if slope.estimate < 0 else (-np.inf, a.high)
        a = Interval(a.estimate, *ends)
    if name == "bounded power":
        return (Rate("limit", a), Rate("exponent", _scaled(shape, -1)))
    if name == "bounded exponential":
        return (Rate("limit", a), Rate("half-life", _time(shape)))
    if name == "power decay":
        return (Rate("exponent", _scaled(shape, -1)),)
    return (Rate("half-life", _time(shape)),)
