"""Laws drawn by how well they fit: a forecast is an average over all of them, never one winner's.

Every law of :mod:`.growth` is fitted to the middle of the replicates, on a scale without ends (logarithms,
log odds) and, where that is another one, on the metric's own. A law's weight is exp(-(chi-square / misfit +
parameters) / 2), half of Akaike's penalty, since a law with few numbers is no likelier to be true than one
with more; all shapes of one law share the weight of its best. So that ends count rather than formulas, the
two laws with a limit have half of it each, and so has what is fitted on a second scale; a law that would
leave the metric's scale has none. The numbers of a drawn law are drawn from their errors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from genloss.collapse.ahead import Link, middle
from genloss.collapse.blocks import STATUS_REPLICATES, Blocks, Of, averages
from genloss.collapse.growth import FAMILIES, Family, columns, fitted, orthogonal, support, whitening
from genloss.samples import Array
from genloss.streams import Rng

FITS = 0.05
"""p-value of the best law below which the first generations are left out."""
_STARTS = (0.0, 0.25, 0.5)
_LEAST_GENERATIONS = 4
_PENALTY = 0.5
_LIMITED = ("bounded power", "bounded exponential")
_UNLIKE = 0.15
"""By which factor, of log t, the change ahead may differ from a law's that is only nearly true."""
_STEEPEST = 2.0  # power of t that a metric follows on its own scale; on one without ends it is 1
_FOLDS = 5.0  # e-folds ahead that exponential growth is followed


class Averaged(NamedTuple):
    """Laws that were drawn.

    Args:
        middles: (B, 1 + G) of the replicates, at the last generation seen and at later ones, on the link's
            scale; draws that leave the metric's scale are not among them.
        weights: of each law, by name, greatest first.
        p: of the best one's chi-square.
        since: the first generation that laws are fitted to.
        possible: share of the draws that stay on the scale.
    """

    middles: Array
    weights: dict[str, float]
    p: float
    since: int
    possible: float


class _Laws(NamedTuple):
    """Laws with their shapes, G of them, on one scale.

    Args:
        blocks: that they are fitted to.
        white: (K, K) whitening.
        basis: (G, T + 1 + A, 2) at generations seen, the last one, and those ahead.
        family: (G,) index.
        chi: (G,).
        stays: (G,) whether the best fit stays on the metric's scale until the end.
        linked: whether the scale is the link's.
    """

    blocks: Blocks
    white: Array
    basis: Array
    family: Array
    chi: Array
    stays: Array
    linked: bool


def averaged(y: Array, t: Array, of: Of, way: Link, at: Array, draws: int, rng: Rng) -> Averaged:
    """Laws of the middle of replicates, drawn by weight.

    Where no law fits from the first generation on, as while a transient lasts, the first quarter of the
    generations is left out, or the first half.

    Args:
        y: (T, R) on the link's scale.
        t: (T,).
        of: which middle.
        way: the link.
        at: (G,) later generations.
        draws: B.
        rng: of the draws.
    """
    best: tuple[float, int, list[_Laws], float] | None = None
    for share in _STARTS:
        first = int(share * len(t))
        if best is not None and len(t) - first < _LEAST_GENERATIONS:
            continue
        found = _fitted(y[first:], t[first:], of, way, at)
        p, misfit = _misfit(found)
        if best is None or p > best[0]:
            best = p, first, found, misfit
        if p > FITS:
            break
    assert best is not None  # the first start is always tried
    p, first, found, misfit = best
    names, weight = _weights(found, way, misfit)
    drawn = rng.choice(len(weight), size=draws, p=weight)
    seen = len(t) - first
    middles = np.empty((draws, 1 + len(at)))
    begins = 0
    for laws in found:
        rows = np.flatnonzero((drawn >= begins) & (drawn < begins + len(laws.chi)))
        own = drawn[rows] - begins
        begins += len(laws.chi)
        curves = (laws.basis[own, seen:] @ _numbers(laws, own, seen, misfit, rng)[..., None])[..., 0]
        with np.errstate(all="ignore"):
            middles[rows] = curves if laws.linked else way.forth(curves)
    possible = np.isfinite(middles).all(axis=1)
    middles = middles[possible]
    unlike = _UNLIKE * rng.standard_normal((draws, 1))[possible] * np.log(at / t[-1])
    middles[:, 1:] = middles[:, :1] + (middles[:, 1:] - middles[:, :1]) * np.exp(unlike)
    total: dict[str, float] = {}
    for name in dict.fromkeys(names):
        total[name] = float(weight[np.array(names) == name].sum())
    said = dict(sorted(total.items(), key=lambda kv: -kv[1]))
    return Averaged(middles, said, p, int(t[first]), float(possible.mean()))


def _fitted(y: Array, t: Array, of: Of, way: Link, at: Array) -> list[_Laws]:
    """On the link's scale, and where that is another one, on the metric's own."""
    r = y.shape[1]
    most = int(np.clip(r // 3, 4, 8)) if r >= STATUS_REPLICATES else 3
    weights = averages(t, most)
    centre, pull = middle(y, of)
    b = Blocks(of, t, weights, weights @ centre, np.atleast_2d(np.cov(weights @ pull)) / r, r)
    found = [_on(b, t, at, way, True)]
    if way.name:
        own = way.back(b.values)
        slope = way.slope(own)
        b = replace(b, values=own, covariance=b.covariance * np.outer(slope, slope))
        found.append(_on(b, t, at, way, False))
    return found


def _on(b: Blocks, t: Array, at: Array, way: Link, linked: bool) -> _Laws:
    everywhere = np.concatenate([t, t[-1:], at])
    bases, families = [], []
    for k, family in enumerate(FAMILIES):
        shapes = _plausible(family, t, float(at[-1]), way.name, linked)
        if family.parameters < len(b.values) and len(shapes):
            bases.append(columns(family, everywhere, shapes))
            families += [k] * len(shapes)
    basis = np.concatenate(bases)
    white = whitening(b.errors())
    fits = fitted(b, b.weights @ basis[:, : len(t)], white)
    stays: Array = np.ones(len(basis), dtype=bool)
    if not linked:
        with np.errstate(all="ignore"):
            curves = way.forth((basis[:, len(t) :] @ fits.numbers[..., None])[..., 0])
        stays = np.asarray(np.isfinite(curves).all(axis=1))
    return _Laws(b, white, basis, np.array(families), fits.chi, stays, linked)


def _plausible(family: Family, t: Array, until: float, link: str, linked: bool) -> Array:
    """Shapes of a law that are followed ahead, and no law twice.

    What decays to 0 on the metric's own scale is a line on that of logarithms, where 0 itself means nothing.
    Nothing there is followed that grows faster than in proportion to t, and elsewhere no exponential growth
    beyond the e-folds that data can support.
    """
    shapes = family.shapes(t)
    if linked and link and not family.offset:
        return shapes[:0]
    if not linked and (family.name == "constant" or (link == "log" and not family.offset)):
        return shapes[:0]
    if family.name == "power":
        return shapes[shapes <= (1.0 if link and linked else _STEEPEST)]
    if family.name == "exponential growth":
        return shapes[:0] if link else shapes[shapes * (until - t[-1]) <= _FOLDS]
    return shapes


def _misfit(found: list[_Laws]) -> tuple[float, float]:
    """The p-value of the best law, and by what its chi-square exceeds its degrees of freedom, at least 1."""
    from scipy.special import fdtrc

    laws = min(found, key=lambda f: float(f.chi.min()))
    best = int(laws.chi.argmin())
    chi = float(laws.chi[best])
    free = max(len(laws.blocks.values) - FAMILIES[int(laws.family[best])].parameters, 1)
    return float(fdtrc(free, max(laws.blocks.freedom + 1, 1), chi / free)), max(1.0, chi / free)


def _weights(found: list[_Laws], way: Link, misfit: float) -> tuple[list[str], Array]:
    """Names and weights of all laws on all scales."""
    names: list[str] = []
    logs: list[Array] = []
    groups: list[Array] = []  # a law on one scale
    for laws in found:
        parameters = np.array([FAMILIES[int(k)].parameters for k in laws.family])
        limited = np.array([FAMILIES[int(k)].name in _LIMITED for k in laws.family])
        log = -laws.chi / misfit / 2 - _PENALTY * parameters
        log -= np.log(2) * (limited.astype(float) + (not laws.linked))
        logs.append(np.where(laws.stays, log, -np.inf))
        names += [_named(FAMILIES[int(k)].name, way.name if laws.linked else "") for k in laws.family]
        groups.append(2 * laws.family + laws.linked)
    every = np.concatenate(logs)
    size = np.exp(every - every.max())
    group = np.concatenate(groups)
    weight = np.zeros_like(size)
    for one in np.unique(group):
        mine = size[group == one]
        weight[group == one] = mine * mine.max() / max(mine.sum(), np.finfo(float).tiny)
    return names, weight / weight.sum()


_NAMES = {
    ("linear", "log"): "exponential",
    ("logarithmic", "log"): "power",
    ("power", "log"): "stretched exponential",
    ("bounded exponential", "log"): "Gompertz",
    ("linear", "logit"): "logistic",
    ("logarithmic", "logit"): "log-logistic",
}
"""What a law of logarithms, or of log odds, is to the metric itself, where the field has a name for it."""


def _named(name: str, link: str) -> str:
    if name == "constant" or not link:  # a constant is one on every scale
        return name
    of = {"log": "the logarithm", "logit": "the log odds"}[link]
    return _NAMES.get((name, link), f"{name} of {of}")


def _numbers(laws: _Laws, own: Array, seen: int, misfit: float, rng: Rng) -> Array:
    """(B, 2) numbers of (B,) laws, drawn from their errors: Student's, as the covariance is estimated."""
    b = laws.blocks
    which, back = np.unique(own, return_inverse=True)
    q0, q1, size0, size1, shared, _ = orthogonal(b.weights @ laws.basis[which, :seen], laws.white)
    two = np.asarray(q1.any(axis=1))  # else there is one number
    y = laws.white @ b.values
    free = max(b.freedom, 3)
    wide = np.sqrt(misfit / support(b) * free / rng.chisquare(free, len(own)))
    noise = wide[:, None] * rng.standard_normal((len(own), 2))
    slope = np.where(two[back], ((q1 @ y)[back] + noise[:, 1]) / size1[back], 0.0)
    level = ((q0 @ y)[back] + noise[:, 0] - shared[back] * slope) / size0[back]
    return np.stack([level, slope], axis=-1)
