"""Whether a metric changes over generations, whether it goes on, by which laws, and how fast.

Of a metric there are two trajectories, and both are right: that of the *mean*, and that of the *typical*
replicate. Each is averaged into a few blocks whose errors are those over replicates (:mod:`.blocks`), and
every law of growth (:mod:`.growth`) is fitted to them.

No data can tell whether a metric grows for ever: within any number of generations a bounded law with a small
exponent lies on an unbounded one. What they can tell is how much of the change lies behind. So the status is

- *no change seen*: a constant is not rejected, by Hotelling's test and one for a trend together at 4 %;
- *levels off*: every law with less than 80 % of its change behind is rejected, at 5 %, against the best one
  with more, which has 90 % behind;
- *still moving*: every law with at least 80 % behind is rejected in the same way, and the best one has at
  most 70 % behind;
- *undecided*: else, and where the last generations do not go on as the law that fits best (:mod:`.ends`): a
  step that is over, a rise that has turned.

Where no law fits, chi-squares are divided by what the best one has more than its degrees of freedom (Birge's
ratio), so that misfit is no evidence; nor is it said what would tell, since that is simulated from a law.
``python -m benchmarks.verdicts`` prints how often this is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from genloss.collapse import terms
from genloss.collapse.blocks import LEAST_REPLICATES, Blocks, Of, blocks
from genloss.collapse.ends import borne_out
from genloss.collapse.growth import (
    FAMILIES,
    NAMES,
    Candidates,
    Fits,
    candidates,
    columns,
    settled,
    told,
    whitening,
)
from genloss.collapse.needed import needed
from genloss.collapse.terms import Rate
from genloss.collapse.trajectory import Trajectory
from genloss.intervals import Interval
from genloss.intervals import typical as typical_of
from genloss.meaning import Scale, ends
from genloss.numbers import number
from genloss.samples import Array
from genloss.wording import have, several

Status = Literal["no change seen", "still moving", "levels off", "undecided"]
_NULL = 0.04
_TURNED = (
    "its last generations do not go on as the curve that fits all of them best, as after a step or a turn"
)
_MISFIT = "no law of growth fits it, as after a step or a turn"
_FROZEN = 0.2  # share of the generations, at the end, in which nothing moves


@dataclass(frozen=True)
class LawFit:
    """A law that the data do not reject.

    Args:
        name: of the law, one of `growth.NAMES`, or "absorbed".
        formula: in t.
        weight: its share among those not rejected, by chi-square and number of parameters (Akaike's).
    """

    name: str
    formula: str
    weight: float


@dataclass(frozen=True, eq=False)
class Growth:
    """What is known of one trajectory.

    Args:
        of: "mean" or "typical".
        status: one of the four.
        change: from the first block to the last one, with its 95 % interval: differences.
        behind: the share of the fitted change that lies behind the last generation, with the least and the
            greatest that a law which is not rejected has; NaN where no change is seen.
        laws: not rejected, likeliest first; none where even the best one fails at 1 %.
        until: the last generation up to which replicates tell it.
        replicates: R.
        reason: why it is undecided, where a number of ours is not the reason; "" otherwise.
        absorbed: the generation from which on the typical replicate stands still; None where it does not.
        kept: what it was worked out from.
        ends: between which the metric lies by its scale.
    """

    of: Of
    status: Status
    change: Interval
    behind: Interval
    laws: tuple[LawFit, ...]
    until: int
    replicates: int
    reason: str = ""
    absorbed: Interval | None = None
    kept: tuple[Blocks, Candidates, Fits, Array, float] | None = None
    ends: tuple[float, float] = (-np.inf, np.inf)

    @property
    def between(self) -> str:
        """Between which generations the change is, averages both; "" where none is told."""
        if self.kept is None:
            return ""
        b = self.kept[0]
        first, last = (b.generations[row > 0] for row in b.weights[[0, -1]])
        since = f"generation {first[0]:g}"
        if len(first) > 1:
            since = f"that of generations {first[0]:g} to {first[-1]:g}"
        if len(last) == 1:
            return f"generation {last[0]:g} against {since}"
        return f"average of generations {last[0]:g} to {last[-1]:g} against {since}"

    @cached_property
    def needs(self) -> str:
        """What would tell where it is undecided, by simulation from the law that fits best; else ""."""
        if self.status != "undecided" or self.kept is None or self.reason:
            return ""
        b, c, fits, _, birge = self.kept
        best = int(np.where(c.family == 0, np.inf, fits.chi).argmin())
        return needed(b, int(c.family[best]), float(c.shape[best]), fits.numbers[best], birge)

    def rates(self, law: str) -> tuple[Rate, ...]:
        """What a law fits, with intervals, whether or not the data reject it; none where it cannot be fitted.

        Args:
            law: its name.
        """
        if law == "absorbed":
            return () if self.absorbed is None else (Rate("generation", self.absorbed),)
        if self.kept is None:
            return ()
        b, c, fits, white, birge = self.kept
        mine = np.flatnonzero(c.family == NAMES.index(law))
        if not len(mine):
            return ()
        some = terms.rates(b, NAMES.index(law), float(fits.chi[mine].min()), white, _reach(b, birge))
        return tuple(kept for rate in some if (kept := rate.within(*self.ends)) is not None)

    def rate(self, law: str, name: str) -> Interval | None:
        """One of them by name; None where there is none."""
        return next((r.interval for r in self.rates(law) if r.name == name), None)

    @cached_property
    def words(self) -> str:
        """The rates of the likeliest law, as a sentence has them; "" where none is named."""
        return ", ".join(r.words for r in self.rates(self.laws[0].name)) if self.laws else ""


def growth(x: Trajectory, of: Of) -> Growth:
    """What is known of the mean, or of the typical replicate, of a trajectory."""
    return of_values(x.values, x.generations, of, x.meaning.scale)


def of_values(values: Array, generations: Array, of: Of, scale: Scale = "plain") -> Growth:
    """The same of (T, R) values.

    Args:
        values: (T, R); replicates with a NaN are left out, an infinite one leaves the mean undecided.
        generations: (T,) increasing, positive.
        of: "mean" or "typical".
        scale: of the values.
    """
    x = np.asarray(values, dtype=float)
    x = x[:, ~np.isnan(x).any(axis=0)]
    t = np.asarray(generations, dtype=float)
    why = _unfit(x, t, of)
    if why:
        return _nothing(of, x, t, why)
    if np.isinf(x).any():  # half of the replicates are finite everywhere: medians are
        x = np.clip(x, -1e300, 1e300)
    with np.errstate(over="ignore", invalid="ignore"):
        b = blocks(x, t, of, scale)
        finite = np.isfinite(b.errors()).all()
    if not finite:
        what = "some replicates are" if np.isinf(values).any() else "squares of these values would be"
        return _nothing(of, x, t, f"{what} infinite: no error is a number")
    return _said(b, x, t, scale)


def _nothing(of: Of, x: Array, t: Array, why: str) -> Growth:
    """Undecided, for a reason."""
    none = Interval(np.nan, np.nan, np.nan)
    return Growth(of, "undecided", none, none, (), int(t[-1]) if len(t) else 0, x.shape[1], why)


def _unfit(x: Array, t: Array, of: Of) -> str:
    """Why nothing can be fitted."""
    r = x.shape[1]
    if r < LEAST_REPLICATES:
        whole = f"{several(r, 'replicate')} {have(r)} every generation"
        return f"{whole}; errors can be told of {LEAST_REPLICATES} or more"
    if len(t) < 3:
        return f"{several(len(t), 'generation')}; a trend and its curvature take 3"
    if of == "mean" and np.isinf(x).any():
        return "it is infinite, as a replicate is"
    if of == "typical" and np.isinf(np.median(x, axis=1)).any():
        return "at least half of the replicates are infinite"
    if (x == x[0, 0]).all():
        return f"every value is {number(x[0, 0], 6)}"
    if (x == x[:, :1]).all():
        return "all replicates are equal: nothing tells what is chance"
    return ""


def _said(b: Blocks, x: Array, t: Array, scale: Scale) -> Growth:
    c = candidates(b.generations, b.weights, t[-1])
    fits, white = settled(b, c)
    k, last = len(b.values), b.until
    moved, stands, within = _moved(b), absorption(x, t), ends(scale, float(x.min()), float(x.max()))
    if _changes(b) > _NULL:
        laws = _laws(c, fits, c.family == 0, 1.0, stands is not None)
        none = Interval(np.nan, np.nan, np.nan)
        kept = (b, c, fits, white, 1.0)
        return Growth(b.of, "no change seen", moved, none, laws, last, b.replicates, "", stands, kept, within)
    chi = np.where(c.family == 0, np.inf, fits.chi)
    best = int(chi.argmin())
    free = k - FAMILIES[int(c.family[best])].parameters
    birge = max(1.0, float(chi[best]) / free)
    need = _t(b.freedom, 0.95) ** 2 * birge
    bounded = len(b.values) > 3  # or laws that level off are not among those fitted
    reason = (
        ""
        if bounded
        else f"{b.replicates} replicates and {len(b.generations)} generations do not tell laws apart"
    )
    what = int(told(chi[None], c, need)[0]) if bounded else 0
    if what:
        law = FAMILIES[int(c.family[best])]
        curve = (columns(law, b.generations, c.shape[best : best + 1]) @ fits.numbers[best])[0]
        if not borne_out(b, x, scale, curve, what > 0):
            what, reason = 0, _TURNED
    status: Status = "levels off" if what > 0 else "still moving" if what < 0 else "undecided"
    near = chi <= chi[best] + _t(b.freedom, 0.975) ** 2 * birge
    share = c.behind[near]
    behind = Interval(float(c.behind[best]), float(share.min()), float(share.max()))
    fails = _fails(b, float(chi[best]), free)
    if not what and not reason and fails:  # what a law that fails needs, says nothing of these data
        reason = _MISFIT
    laws = _laws(c, fits, near & (not fails), birge, stands is not None)
    return Growth(
        b.of,
        status,
        moved,
        behind,
        laws,
        last,
        b.replicates,
        reason,
        stands,
        (b, c, fits, white, birge),
        within,
    )


def _changes(b: Blocks) -> float:
    """The p-value of a constant: Hotelling's test and that of a trend in log t, by Bonferroni."""
    from scipy.special import fdtrc, stdtr

    s = b.errors(np.full(len(b.values), b.values.mean()) if b.relative else None)
    k, r = len(b.values), b.replicates
    contrast = np.diff(np.eye(k), axis=0)
    d, e = contrast @ b.values, contrast @ s @ contrast.T
    if np.abs(d).max() <= 1e-12 * np.abs(b.values).max():  # sums of equal numbers
        return 1.0
    t2 = float(((whitening(e) @ d) ** 2).sum()) * (r - k + 1) / (r - 1)
    p_any = float(fdtrc(k - 1, r - k + 1, t2 / (k - 1)))
    trend = b.weights @ np.log(b.generations)
    trend = trend - trend.mean()
    error = float(np.sqrt(max(trend @ s @ trend, 0)))
    if error == 0:
        return 0.0 if trend @ b.values else p_any
    p_trend = float(2 * stdtr(r - 1, -abs(trend @ b.values) / error))
    return min(1.0, 2 * min(p_any, p_trend))


def _moved(b: Blocks) -> Interval:
    """The difference of the last block and the first one."""
    s = b.errors()
    d = float(b.values[-1] - b.values[0])
    half = _t(b.replicates - 1, 0.975) * float(np.sqrt(max(s[0, 0] + s[-1, -1] - 2 * s[0, -1], 0)))
    return Interval(d, d - half, d + half)


def _fails(b: Blocks, chi: float, free: int) -> bool:
    from scipy.special import fdtrc

    return free > 0 and float(fdtrc(free, max(b.freedom + 1, 1), chi / free)) < 0.01


def _t(free: int, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(max(free, 1), level))


def _laws(c: Candidates, fits: Fits, near: Array, birge: float, stands: bool) -> tuple[LawFit, ...]:
    """The families that have a member among those near, likeliest first."""
    found = []
    for k in np.unique(c.family[near]):
        family = FAMILIES[int(k)]
        chi = fits.chi[c.family == k].min() / birge
        found.append((float(np.exp(-chi / 2 - family.parameters)), family))
    total = sum(w for w, _ in found)
    some = [LawFit(f.name, f.formula, w / total if total else 1 / len(found)) for w, f in found]
    some.sort(key=lambda f: -f.weight)
    return ((LawFit("absorbed", "constant from a generation on", np.nan),) if stands else ()) + tuple(some)


def _reach(b: Blocks, birge: float) -> float:
    """By how much a chi-square may exceed the least one within a 95 % interval.

    Weights that are estimated too cost precision: (R - 2) / (R - K - 1) of the variance.
    """
    return _t(b.freedom, 0.975) ** 2 * birge * (b.replicates - 2) / max(b.freedom - 1, 1)


def absorption(x: Array, generations: Array) -> Interval | None:
    """From which generation on a replicate does not move any more, to the last digit: of the typical one.

    None unless at least half of the replicates, having moved, stand still over the last fifth of the
    generations, five of them at least.
    """
    moves = x[1:] != x[:-1]
    moved = moves.any(axis=0)
    # the index from which on all are equal: one after the last move
    last = np.where(moved, len(moves) - np.argmax(moves[::-1], axis=0), 0)
    still = moved & (len(x) - last >= max(5, _FROZEN * len(x)))
    if 2 * still.sum() < x.shape[1] or not still.any():
        return None
    at = np.where(still, np.asarray(generations, float)[np.minimum(last, len(x) - 1)], np.inf)
    return typical_of(at)
