"""What a synthetic row is worth in real rows, by the learning curve of the real ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genloss.samples import Array
from genloss.value.gains import Interval, drawn, together

_DRAWS = 400
# Powers of the number of rows by which a risk may fall to its floor: a half of flexible learners, one of
# those with few coefficients.
_POWERS = (0.5, 1.0)


@dataclass(frozen=True)
class Exchange:
    """What synthetic rows are worth in real ones.

    Args:
        rate: real rows that one synthetic row of the recipe is worth, with its interval; None where the curve
            of real rows does not fall, so that nothing can be said in its terms.
        twice: what twice the real rows would gain, in units of the measure, by the curve drawn on.
        sizes: real rows at which the curve was measured.
        values: of the measure there, with intervals.
    """

    rate: Interval | None
    twice: Interval | None
    sizes: tuple[int, ...]
    values: tuple[Interval, ...]


def exchange(sizes: Array, curve: Array, recipe: Array, synthetic: float, sign: float) -> Exchange:
    """The exchange rate of a recipe.

    A risk a + b n^-c is fitted to the curve of real rows, c being a half or one, whichever fits better, and
    read where the recipe stands; the interval draws rows again.

    Args:
        sizes: (P,) real rows, ascending.
        curve: (P, n) of the real rows alone for each row.
        recipe: (n,) of the recipe.
        synthetic: rows that the recipe adds.
        sign: 1 where more of the measure is better, -1 where less is.
    """
    shares = np.concatenate([curve, recipe[None]])
    some, mean = together(shares), shares.mean(axis=1)
    m = some.shape[1]
    # the means themselves, and then those of rows drawn again
    means = np.concatenate([mean[None], mean + (drawn("exchange", m, _DRAWS) - 1 / m) @ some.T])
    risks, at = -sign * means[:, :-1], -sign * means[:, -1]
    rates, twice = [], []
    for risk, here in zip(risks, at, strict=True):
        a, b, c = _fitted(sizes, risk)
        twice.append(b * (sizes[-1] ** -c - (2.0 * sizes[-1]) ** -c))
        worth = np.inf if here <= a else max((b / (here - a)) ** (1 / c), 1.0) if b > 0 else np.nan
        rates.append((worth - sizes[-1]) / synthetic)
    told = np.array(rates)
    values = tuple(_interval(v) for v in means[:, :-1].T)
    falls = np.isfinite(told[0]) and np.isnan(told).mean() < 0.025
    rate = _interval(np.where(np.isnan(told), -np.inf, told)) if falls else None
    return Exchange(rate, _interval(np.array(twice)), tuple(int(s) for s in sizes), values)


def _interval(of: Array) -> Interval:
    low, high = np.quantile(of[1:], [0.025, 0.975], method="inverted_cdf")
    return Interval(float(of[0]), float(low), float(high))


def _fitted(sizes: Array, risk: Array) -> tuple[float, float, float]:
    """a, b and c of the risk a + b n^-c that fits best."""
    best = (np.inf, 0.0, 0.0, 1.0)
    for c in _POWERS:
        x = sizes.astype(float) ** -c
        b = float(((x - x.mean()) * (risk - risk.mean())).sum() / ((x - x.mean()) ** 2).sum())
        a = float(risk.mean() - b * x.mean())
        best = min(best, (float(((a + b * x - risk) ** 2).sum()), a, b, c))
    return best[1:]
