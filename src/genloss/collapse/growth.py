"""The laws by which a metric may grow, fitted to block means by generalised least squares.

Every law is linear in at most two numbers, given its shape: a + b f(t; shape). The shape runs over a grid
that is fine enough for a chi-square, and is zoomed into where an interval of it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from genloss.collapse.blocks import Blocks
from genloss.samples import Array

Basis = Callable[[Array, Array], Array]


class Family(NamedTuple):
    """A law of growth.

    Args:
        name: as papers call it.
        formula: in t.
        parameters: numbers that are fitted.
        basis: f(t; shape) at (T,) generations, whose first and last are at hand, for (G, 1) shapes.
        shapes: of the grid, given the span.
        behind: the share of the change from the first generation on to the end of time that lies before the
            last of these; 0 where the law has no limit, NaN where nothing changes.
        offset: whether a constant is added.
    """

    name: str
    formula: str
    parameters: int
    basis: Basis
    shapes: Callable[[Array], Array]
    behind: Callable[[Array, Array], Array]
    offset: bool = True


def _rates(low: float, high: float, many: int) -> Callable[[Array], Array]:
    """Rates a generation: so many e-folds over all generations."""
    return lambda t: np.geomspace(low, high, many) / (t[-1] - t[0])


def _kept(t: Array, c: Array) -> Array:
    return np.asarray(1 - (t[-1] / t[0]) ** -c)


def _faded(t: Array, r: Array) -> Array:
    return np.asarray(-np.expm1(-r * (t[-1] - t[0])))


def _fading(t: Array, r: Array) -> Array:
    return np.asarray(np.exp(-r * (t - t[0])))


def _fast(t: Array) -> Array:
    return np.asarray(np.geomspace(0.05, _FAST * (t[-1] - t[0]), 80) / (t[-1] - t[0]))


_FAST = 3.0  # e-folds a generation, on average, beyond which a decay is over at once
_BOUNDED = np.geomspace(0.02, 6, 60)
FAMILIES: tuple[Family, ...] = (
    Family("constant", "a", 1, lambda t, s: 0 * t * s, lambda t: np.ones(1), lambda t, s: np.nan * s),
    Family("linear", "a + b t", 2, lambda t, s: t / t[-1] * s, lambda t: np.ones(1), lambda t, s: 0 * s),
    Family(
        "logarithmic",
        "a + b log t",
        2,
        lambda t, s: np.log(t / t[0]) * s,
        lambda t: np.ones(1),
        lambda t, s: 0 * s,
    ),
    Family(
        "power",
        "a + b t^c",
        3,
        lambda t, c: (t / t[-1]) ** c,
        lambda t: np.geomspace(0.05, 4, 51),
        lambda t, c: 0 * c,
    ),
    Family(
        "exponential growth",
        "a + b exp(r t)",
        3,
        lambda t, r: np.exp(r * (t - t[-1])),
        _rates(0.2, 30, 50),
        lambda t, r: 0 * r,
    ),
    Family("bounded power", "a - b t^-c", 3, lambda t, c: (t / t[0]) ** -c, lambda t: _BOUNDED, _kept),
    Family("bounded exponential", "a - b exp(-r t)", 3, _fading, _fast, _faded),
    Family(
        "power decay", "b t^-c", 2, lambda t, c: (t / t[0]) ** -c, lambda t: _BOUNDED, _kept, offset=False
    ),
    Family("exponential decay", "b exp(-r t)", 2, _fading, _fast, _faded, offset=False),
)
NAMES = tuple(f.name for f in FAMILIES)


class Candidates(NamedTuple):
    """Laws with their shapes, G of them.

    Args:
        family: (G,) index of the family.
        shape: (G,).
        design: (G, K, 2) what is added up, averaged over each block; the second column 0 where there is one
            number to fit.
        behind: (G,) share of the change that lies behind, NaN of a constant.
    """

    family: Array
    shape: Array
    design: Array
    behind: Array


def candidates(generations: Array, weights: Array, end: float) -> Candidates:
    """Every law of which fewer numbers are fitted than there are blocks.

    Args:
        generations: (T,) on which they are fitted.
        weights: (K, T), which average them into blocks.
        end: the last generation, up to which a share of the change lies behind.
    """
    t, w = np.ascontiguousarray(generations, dtype=float), np.ascontiguousarray(weights, dtype=float)
    return _candidates(t.tobytes(), w.tobytes(), float(end))


@lru_cache(maxsize=64)
def _candidates(generations: bytes, weights: bytes, end: float) -> Candidates:
    """From bytes, which make a key: lines of one study share their generations."""
    t = np.frombuffer(generations)
    w = np.frombuffer(weights).reshape(-1, len(t))
    span = np.array([t[0], end])
    some = [(k, f, f.shapes(t)) for k, f in enumerate(FAMILIES) if f.parameters < len(w)]
    return Candidates(
        np.concatenate([np.full(len(s), k) for k, _, s in some]),
        np.concatenate([s for *_, s in some]),
        np.concatenate([w @ columns(f, t, s) for _, f, s in some]),
        np.concatenate([f.behind(span, s) for _, f, s in some]),
    )


def columns(family: Family, t: Array, shapes: Array) -> Array:
    """(G, T, 2) what is added up: a constant and the basis, or the basis alone."""
    f = family.basis(t, shapes[:, None])
    return np.stack([np.ones_like(f), f] if family.offset else [f, np.zeros_like(f)], axis=-1)


@dataclass(frozen=True, eq=False)
class Fits:
    """Laws fitted to block means.

    Args:
        chi: (G,) chi-square, as replicates that are this few support it; infinite where it cannot be fitted.
        numbers: (G, 2) a and b.
        variance: (G, 2) of a and b, given the shape.
    """

    chi: Array
    numbers: Array
    variance: Array


def whitening(covariance: Array) -> Array:
    """(K, K) that makes errors independent with variance 1.

    Blocks without any spread, as where all replicates begin alike, are given the least spread that others
    have.
    """
    s = np.sqrt(np.maximum(np.diag(covariance), 0))  # round-off may leave them below 0
    least = s[s > 0].min() if (s > 0).any() else 1.0
    s = np.where(s > 0, s, least)
    c = covariance / np.outer(s, s)
    c = (1 - 1e-8) * c
    np.fill_diagonal(c, 1.0)
    values, vectors = np.linalg.eigh(c)
    root = vectors / np.sqrt(np.maximum(values, 1e-8))
    return np.asarray((root @ vectors.T) / s[None, :])


def support(b: Blocks) -> float:
    """By what a chi-square of an estimated covariance shrinks, as Hotelling's does: (R-K+1) / (R-1)."""
    return (b.freedom + 1) / (b.replicates - 1)


def fitted(b: Blocks, design: Array, white: Array) -> Fits:
    """Least squares of whitened block means on each of (G, K, 2) designs."""
    y = white @ b.values
    q0, q1, n0, n1, cross, fit = orthogonal(design, white)
    p0, p1 = q0 @ y, q1 @ y
    slope = p1 / n1
    level = (p0 - slope * cross) / n0
    chi = ((y - p0[:, None] * q0 - p1[:, None] * q1) ** 2).sum(axis=1) * support(b)
    var1 = np.where(q1.any(axis=1), 1 / n1**2, 0.0)
    variance = np.stack([(1 + var1 * cross**2) / n0**2, var1], axis=-1) / support(b)
    return Fits(np.where(fit, chi, np.inf), np.stack([level, slope], axis=-1), variance)


def chi_squares(b: Blocks, design: Array, white: Array, values: Array) -> Array:
    """(N, G) chi-squares of many (N, K) block means that have the errors of these."""
    y = values @ white.T
    q0, q1, *_, fit = orthogonal(design, white)
    left = (y**2).sum(axis=1)[:, None] - (y @ q0.T) ** 2 - (y @ q1.T) ** 2
    return np.where(fit, np.maximum(left, 0) * support(b), np.inf)


def orthogonal(design: Array, white: Array) -> tuple[Array, Array, Array, Array, Array, Array]:
    """(G, K) orthonormal columns of (G, K, 2) designs, whitened, the second 0 where there is none; (G,) what
    they were divided by, how they overlapped, and which will do.
    """
    f0, f1 = design[..., 0] @ white.T, design[..., 1] @ white.T
    n0 = np.sqrt((f0**2).sum(axis=1))
    q0 = f0 / np.where(n0 > 0, n0, 1)[:, None]
    cross = (q0 * f1).sum(axis=1)
    rest = f1 - cross[:, None] * q0
    n1 = np.sqrt((rest**2).sum(axis=1))
    size = np.sqrt((f1**2).sum(axis=1))
    alike = (size > 0) & (n1 <= 1e-7 * size)  # a basis that is constant on all blocks
    n1 = np.where(n1 > 0, n1, 1.0)
    return q0, rest / n1[:, None], n0, n1, cross, (n0 > 0) & ~alike


def settled(b: Blocks, c: Candidates) -> tuple[Fits, Array]:
    """The fits and the whitening; where errors are relative, those of the best law's own curve."""
    white = whitening(b.errors())
    fits = fitted(b, c.design, white)
    for _ in range(2 if b.relative else 0):
        best = int(fits.chi.argmin())
        white = whitening(b.errors(c.design[best] @ fits.numbers[best]))
        fits = fitted(b, c.design, white)
    return fits, white


BEHIND = 0.8
"""Share of the fitted change from which on a metric has levelled off."""
_ZONE = (0.7, 0.9)


def told(chi: Array, c: Candidates, need: float) -> Array:
    """(N,) what (N, G) chi-squares say: 1 it levels off, -1 it is still moving, 0 undecided.

    Args:
        chi: of each law.
        c: the laws.
        need: by how much the best one of the other kind has to be worse.
    """
    ends = []
    for some in (np.flatnonzero(c.behind >= BEHIND), np.flatnonzero(c.behind < BEHIND)):
        if not len(some):  # a constant, of which nothing lies behind, is in neither
            return np.zeros(len(chi), dtype=int)
        mine = chi[:, some]
        best = mine.argmin(axis=1)
        ends.append((mine[np.arange(len(mine)), best], c.behind[some][best]))
    (level, behind), (rise, left) = ends
    with np.errstate(invalid="ignore"):
        off = (rise - level > need) & (behind >= _ZONE[1])
        on = (level - rise > need) & (left <= _ZONE[0])
    return np.asarray(off.astype(int) - on.astype(int))
