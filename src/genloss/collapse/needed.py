"""How many more generations or replicates would tell, by simulation from the law that fits best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from genloss.collapse.blocks import Blocks, averages
from genloss.collapse.growth import FAMILIES, candidates, chi_squares, told, whitening
from genloss.samples import Array
from genloss.streams import fixed

_FACTORS = (2, 3, 5, 10, 20, 50)
_DRAWS, _POWER, _LONGEST = 60, 0.8, 2000


def needed(b: Blocks, family: int, shape: float, numbers: Array, birge: float) -> str:
    """What would tell 80 % of studies like this one apart, were the law that fits best true.

    More replicates shrink the errors. More generations add blocks, whose errors go on as they have grown, and
    are correlated as their distance in log t has it.

    Args:
        b: the block means, of an undecided trajectory.
        family: of the law that fits best.
        shape: its shape.
        numbers: (2,) its a and b.
        birge: by what chi-squares are divided.
    """
    s = b.errors(b.weights @ _curve(b.generations, b, family, shape, numbers))

    def longer(k: int) -> bool:
        return _tells(*_longer(b, s, k), b, family, shape, numbers, birge)

    def wider(k: int) -> bool:
        more = replace(b, replicates=k * b.replicates, relative=False)
        return _tells(more, s / k, b, family, shape, numbers, birge)

    told_by = []
    last = int(b.generations[-1])
    tried = [k for k in _FACTORS[:4] if k * last <= _LONGEST]
    if k := _least(longer, tried):
        told_by.append(f"{k * last} generations")
    if k := _least(wider, [*_FACTORS]):
        told_by.append(f"{k * b.replicates} replicates")
    if told_by:
        return f"about {' or '.join(told_by)}"
    replicates = f"{_FACTORS[-1]} times the replicates"
    return (
        f"neither {tried[-1]} times the generations nor {replicates}" if tried else f"not even {replicates}"
    )


def _least(tells: Callable[[int], bool], factors: list[int]) -> int:
    """The least factor that tells, by bisection: more never tells less; 0 where none does."""
    low, high = 0, len(factors)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if tells(factors[middle]) else (middle + 1, high)
    return factors[low] if low < len(factors) else 0


def _curve(t: Array, b: Blocks, family: int, shape: float, numbers: Array) -> Array:
    """(T,) the law at generations, whose basis is scaled by those that it was fitted to."""
    law, ends = FAMILIES[family], b.generations[[0, -1]]
    f = law.basis(np.concatenate([ends[:1], t, ends[1:]]), np.array([[shape]]))[0, 1:-1]
    return np.asarray(numbers[0] + numbers[1] * f if law.offset else numbers[0] * f)


def _longer(b: Blocks, s: Array, k: int) -> tuple[Blocks, Array]:
    """Block means over k times the generations, and errors as they would be."""
    t = np.arange(b.generations[0], k * b.generations[-1] + 1)
    w = averages(t, len(b.values))
    old, new = np.log(b.weights @ b.generations), np.log(w @ t)
    sd = np.sqrt(np.diag(s))
    half = len(sd) // 2
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.log(sd[-1] / sd[half]) / (old[-1] - old[half])
        near = np.diag(s, 1) / (sd[1:] * sd[:-1])
    slope = float(np.clip(slope, 0, 1)) if np.isfinite(slope) else 0.0
    sd = np.where(new <= old[-1], np.interp(new, old, sd), sd[-1] * np.exp(slope * (new - old[-1])))
    usual = float(np.clip(np.nanmean(near), 0.01, 0.9999)) if np.isfinite(near).any() else 0.5
    length = -np.mean(np.diff(old)) / np.log(usual)
    correlation = np.exp(-np.abs(new[:, None] - new[None, :]) / length)
    more = replace(b, generations=t, weights=w, values=np.zeros(len(w)), relative=False)
    return more, correlation * np.outer(sd, sd)


def _tells(
    more: Blocks, s: Array, b: Blocks, family: int, shape: float, numbers: Array, birge: float
) -> bool:
    from scipy.special import stdtrit

    truth = more.weights @ _curve(more.generations, b, family, shape, numbers)
    c = candidates(more.generations, more.weights, more.generations[-1])
    more = replace(more, values=truth)
    white = whitening(s)
    draws = fixed("collapse.needed").standard_normal((_DRAWS, len(truth)))
    # white is symmetric but for scales: errors are what it makes independent
    chi = chi_squares(more, c.design, white, truth + draws @ np.linalg.pinv(white).T)
    need = float(stdtrit(max(more.freedom, 1), 0.95)) ** 2 * birge
    return float((told(chi, c, need) != 0).mean()) >= _POWER
