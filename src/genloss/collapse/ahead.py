"""Replicates, drawn ahead: where each may stand at a later generation, going on from where it stands.

A law says where the middle of the replicates is (:mod:`.averaging`). Around it each replicate has a place,
which it keeps for a while, and the replicates spread. How far they will have spread and how much of their
places they will have kept is read off the generations seen and drawn on; how sure that is, by resampling
replicates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit, ndtri

from genloss.collapse.blocks import Of
from genloss.meaning import Scale, ends
from genloss.samples import Array
from genloss.streams import Rng

_RESAMPLED = 40
_STEEPEST = 1.5  # power of t by which a spread is drawn on at most; a random walk's is 1/2
_LEAST_KEPT = 0.02  # correlations below it are not told from none
_LAGS = 12
_QUANTILES = 400
_LARGEST = 700.0  # e^700 and e^-700 are still numbers


class Link(NamedTuple):
    """A scale on which a metric has no ends.

    Args:
        name: "log", "logit" or "".
        forth: from the metric's own scale.
        back: to it, kept within its ends.
        slope: of ``back``, given the value on the metric's own scale.
    """

    name: str
    forth: Callable[[Array], Array]
    back: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def link(values: Array, scale: Scale) -> Link:
    """Logarithms of positive ratios and counts, log odds of shares that lie within 0 and 1, else as they are.

    >>> link(np.array([0.5, 0.9]), "ratio").name, link(np.array([0.5, 1.0]), "share").name
    ('log', '')
    >>> link(np.array([0.5, 1.0]), "share").back(np.array([1.2])).tolist()
    [1.0]
    """
    least, most = float(values.min()), float(values.max())
    if scale in ("ratio", "count") and least > 0:
        return Link("log", np.log, lambda y: np.exp(np.clip(y, -_LARGEST, _LARGEST)), lambda x: x)
    if scale == "share" and least > 0 and most < 1:
        return Link("logit", logit, expit, lambda x: x * (1 - x))
    return Link("", lambda x: x, lambda y: np.clip(y, *ends(scale, least, most)), np.ones_like)


def middle(y: Array, of: Of) -> tuple[Array, Array]:
    """(T,) middles of (T, R) replicates, and (T, R) numbers that have R times the covariance of the middles.

    For the typical replicate it is the mean of the middle half, nearly as robust as the median and steadier
    from one generation to the next.
    """
    if of == "mean":
        return y.mean(axis=1), y
    low, high = np.quantile(y, [0.25, 0.75], axis=1)[..., None]
    within = (y >= low) & (y <= high)
    return (y * within).sum(axis=1) / within.sum(axis=1), 2 * np.clip(y, low, high)


@dataclass(frozen=True, eq=False)
class Spread:
    """How replicates lie about their middle, and how that goes on.

    Args:
        last: the last generation.
        middle: of the replicates there.
        width: their spread there.
        power: (S,) power of t by which the spread grows, of resampled replicates.
        added: (S,) what is added to its square a generation instead.
        kept: (S, 2) the share of a replicate's place that is no noise of one generation, where places fade in
            log t and where they fade in t.
        fading: (S, 2) the rates of that.
        places: (Q,) replicates' places in units of the spread, increasing.
        scores: (R,) normal scores of the last places.
        still: (R,) whether a replicate has stopped moving.
        values: (R,) where they stand.
    """

    last: float
    middle: float
    width: float
    power: Array
    added: Array
    kept: Array
    fading: Array
    places: Array
    scores: Array
    still: Array
    values: Array


def spread(y: Array, t: Array, of: Of, still: Array, rng: Rng) -> Spread:
    """What replicates tell of how they lie.

    Args:
        y: (T, R) on the link's scale, at least 4 generations.
        t: (T,) increasing, positive.
        of: about which middle.
        still: (R,) replicates that have stopped.
        rng: of the resampling.
    """
    r = y.shape[1]
    centre, _ = middle(y, of)
    picked = rng.integers(0, r, size=(_RESAMPLED, r))
    recent = t >= min(t[-1] / 4, t[-4])
    width = _width(y[recent], of)
    own = _width(y[recent][:, picked], of).T  # (S, T')
    own = np.maximum(own, max(float(width.max()) * 1e-6, np.finfo(float).tiny))
    _, power = _line(np.log(t[recent] / t[-1]), np.log(own), np.ones_like(own))
    _, added = _line(t[recent] - t[-1], own**2, np.ones_like(own))
    ranked = ndtri((y.argsort(axis=1, kind="stable").argsort(axis=1) + 0.5) / r)
    kept, fading = _memory(ranked, t, picked)
    places = (y[recent] - centre[recent, None]) / np.where(width > 0, width, 1)[:, None]
    return Spread(
        last=float(t[-1]),
        middle=float(centre[-1]),
        width=float(width[-1]),
        power=np.clip(power, -_STEEPEST, _STEEPEST),
        added=np.maximum(added, 0),
        kept=kept,
        fading=fading,
        places=np.quantile(places, (np.arange(_QUANTILES) + 0.5) / _QUANTILES),
        scores=ranked[-1],
        still=still,
        values=y[-1],
    )


def _width(y: Array, of: Of) -> Array:
    """Standard deviations over the last axis, for the typical replicate half of what the middle 68 % span."""
    if of == "mean":
        return np.asarray(y.std(axis=-1, ddof=1))
    low, high = np.quantile(y, [0.16, 0.84], axis=-1)
    return np.asarray((high - low) / 2)


def _line(x: Array, y: Array, weights: Array) -> tuple[Array, Array]:
    """(S,) intercepts and slopes of (S, T) y on (T,) x."""
    total = weights.sum(axis=1)
    mx, my = (weights * x).sum(axis=1) / total, (weights * y).sum(axis=1) / total
    dx = x - mx[:, None]
    square = (weights * dx**2).sum(axis=1)
    slope = (weights * dx * (y - my[:, None])).sum(axis=1) / np.where(square > 0, square, 1)
    return my - slope * mx, slope


def _memory(ranked: Array, t: Array, picked: Array) -> tuple[Array, Array]:
    """(S, 2) what is kept of the last places, and how it fades: correlations of places with earlier ones.

    Correlations are kept exp(-fading x), x being the time between in log t, or in t.
    """
    back = np.unique(np.round(len(t) - 1 - np.geomspace(1, len(t) - 1, _LAGS)).astype(int))
    a, b = ranked[back][:, picked], ranked[-1][picked]  # (L, S, R), (S, R)
    a, b = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=-1, keepdims=True)
    size = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    rho = np.clip(((a * b).sum(axis=-1) / np.where(size > 0, size, 1)).T, _LEAST_KEPT, 0.9999)
    weights = rho**2 / ((1 - rho**2) ** 2 + 1 / ranked.shape[1])  # of a logarithm of a correlation
    kept, fading = [], []
    for x in (np.log(t[-1] / t[back]), t[-1] - t[back]):
        y = np.log(rho)
        level, slope = _line(x, y, weights)
        rising, above = slope > 0, level > 0
        flat = (weights * y).sum(axis=1) / weights.sum(axis=1)
        through = (weights * x * y).sum(axis=1) / (weights * x**2).sum(axis=1)
        kept.append(np.exp(np.where(rising, flat, np.where(above, 0.0, level))))
        fading.append(-np.where(rising, 0.0, np.where(above, through, slope)))
    return np.stack(kept, axis=-1), np.stack(fading, axis=-1)


def ahead(s: Spread, middles: Array, began: Array, at: Array, rng: Rng) -> Array:
    """(B, G, R) where replicates stand at later generations, on the link's scale.

    Each draw takes a resampled spread, which grows by a power of t or by the same amount of variance a
    generation, and places that fade in log t or in t, at even chances: what has been seen does not tell.

    Args:
        s: how they lie.
        middles: (B, G) of laws that are drawn.
        began: (B,) the same at the last generation seen.
        at: (G,) later generations, increasing.
        rng: of the draws.
    """
    b, g, r = len(middles), len(at), len(s.scores)
    which = rng.integers(0, len(s.power), size=b)
    clock, grows = rng.integers(0, 2, size=(2, b))
    width = np.where(
        (grows == 0)[:, None],
        s.width * (at / s.last) ** s.power[which, None],
        np.sqrt(s.width**2 + s.added[which, None] * (at - s.last)),
    )
    kept, fading = s.kept[which, clock], s.fading[which, clock]
    passed = np.where((clock == 0)[:, None], np.log(at / s.last), at - s.last)
    # how far the middle seen lies from the law's goes on as places do
    off = (s.middle - began)[:, None] * kept[:, None] * np.exp(-fading[:, None] * passed)
    off = off * (width / s.width if s.width > 0 else 1.0)
    lasts, noise = np.sqrt(kept)[:, None], np.sqrt(1 - kept)[:, None]
    own = lasts * s.scores + noise * rng.standard_normal((b, r))
    moved, single = rng.standard_normal((b, g, r)), rng.standard_normal((b, g, r))
    chances = ndtri((np.arange(len(s.places)) + 0.5) / len(s.places))
    out = np.empty((b, g, r))
    before = np.zeros(b)
    for i in range(g):
        rho = np.exp(-fading * (passed[:, i] - before))[:, None]
        before = passed[:, i]
        own = rho * own + np.sqrt(1 - rho**2) * moved[:, i]
        place = np.interp(lasts * own + noise * single[:, i], chances, s.places)
        drawn = (middles[:, i] + off[:, i])[:, None] + width[:, i, None] * place
        out[:, i] = np.where(s.still, s.values, drawn)
    return out
