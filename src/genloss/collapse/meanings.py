"""The eight meanings of "model collapse", each as one test with an effect and a margin.

References:
    Schaeffer et al., Position: model collapse does not mean what you think (2025), arXiv:2503.03150.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal, NamedTuple

import numpy as np

from genloss import intervals
from genloss.collapse.trajectory import Trajectory
from genloss.errors import SpecError, bounded, shown
from genloss.intervals import Interval
from genloss.meaning import Tells
from genloss.numbers import number, percent
from genloss.samples import Array

Answer = Literal["yes", "no", "undecided", "not asked"]


class Meant(NamedTuple):
    """One meaning.

    Args:
        number: as in the position paper.
        name: in a few words.
        tells: of what a metric has to tell.
        effect: what its effect is.
        needs: which metric or grid would answer it.
    """

    number: int
    name: str
    tells: tuple[Tells, ...]
    effect: str
    needs: str


MEANINGS = (
    Meant(
        1,
        "catastrophic increase",
        ("risk",),
        "share of generation 1's advantage over knowing nothing that is lost",
        "a metric of risk with a reference, as TestError, LogLoss, MeanError or HoldoutNLL have one where "
        "the real data defines it; or --reference METRIC=VALUE",
    ),
    Meant(
        2,
        "any increase",
        ("risk",),
        "change from the first generation to the last, for the worse",
        "a metric of risk: HoldoutNLL, TestError, LogLoss, MeanError",
    ),
    Meant(
        3,
        "divergence",
        ("risk", "spread"),
        "change of the mean, last generations against first ones: for the worse, of a spread upwards",
        "a metric of risk or of spread",
    ),
    Meant(
        4,
        "collapsing variance",
        ("spread",),
        "what is left of the first generation's variance or diversity, as a factor",
        "a metric of spread: TraceRatio, LogDetRatio, Diversity",
    ),
    Meant(
        5,
        "change of the scaling law",
        ("risk",),
        "exponent of the risk in n at the last generation less that at generation 1",
        "n_real varied over three values at least, and a positive risk whose floor is 0: TestError of a "
        "regression, MeanError",
    ),
    Meant(
        6,
        "loss of tails",
        ("tail",),
        "what is left of the first generation's tail, as a factor",
        "a metric of tails: TailMass, RareMass, SupportSize",
    ),
    Meant(
        7,
        "entanglement of modes",
        ("modes", "between"),
        "modes lost, or mass between modes, beyond what real rows and generation 1 have",
        'a metric of modes: ModeShare with what = "lost" or "between"',
    ),
    Meant(
        8,
        "data off the support",
        ("support",),
        "share of rows where real data has none, beyond what real rows and generation 1 have",
        "a metric of the support: OffSupport",
    ),
)


@dataclass(frozen=True)
class Margins:
    """Where a *yes* begins; a *no* is a demonstrated effect below it.

    Args:
        lost: of meaning 1, the share of generation 1's advantage over the reference.
        increase: of meanings 2 and 3 where the risk is a ratio: the relative increase.
        nats: the same for a risk in nats.
        share: the same for a risk that is a share.
        spreads: the same for a plain risk, in standard deviations over replicates at generation 1.
        kept: of meanings 4 and 6: what has fallen below this factor has collapsed, whatever follows.
        falling: of the same: what goes on falling has collapsed when it has lost this share; what has lost
            less and stands still has not.
        exponent: of meaning 5.
        modes: of meaning 7: modes lost.
        between: of meaning 7: mass between modes.
        support: of meaning 8: share of rows.
        references: of meaning 1, the risk of knowing nothing by metric, instead of the metric's own.

    Raises:
        SpecError: if one is no number from 0 on, or a share above 1.
    """

    lost: float = 0.9
    increase: float = 0.05
    nats: float = 0.02
    share: float = 0.01
    spreads: float = 0.1
    kept: float = 0.5
    falling: float = 0.1
    exponent: float = 0.1
    modes: float = 0.5
    between: float = 0.05
    support: float = 0.01
    references: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name == "references":
                continue
            said = f"margin {name} = {shown(value)}"
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < math.inf:
                raise SpecError(f"{said}: a margin is a number from 0 on")
            if name in _SHARES and float(value) > 1:
                share = float(value) / 100
                raise SpecError(f"{said}: a share lies between 0 and 1; {value:g} % is {share:g}")
        if self.kept == 0 or self.falling == 1:
            raise SpecError(f"margin {'falling' if self.kept else 'kept'}: give a share between 0 and 1")
        referred(self.references)


_SHARES = ("lost", "share", "kept", "falling", "between", "support")


def referred(references: Any) -> None:
    """See that references are numbers by metric.

    Raises:
        SpecError: if they are not.
    """
    if not isinstance(references, Mapping):
        raise SpecError(f'references = {shown(references)}: give numbers by metric, as {{"loss": 2.3}}')
    for metric, risk in references.items():
        if isinstance(risk, bool) or not isinstance(risk, Real) or not math.isfinite(risk):
            raise SpecError(f"reference of {bounded(str(metric))} = {shown(risk)}: give a finite number")


class Tested(NamedTuple):
    """What replicates say of an effect against a margin.

    Args:
        effect: of the typical replicate, with its 95 % interval.
        yes: p-value of "the effect does not exceed the margin".
        no: p-value of "it does".
        share: of replicates beyond the margin, and how many there are.
    """

    effect: Interval
    yes: float
    no: float
    share: tuple[float, int]


def against(effect: Array, margin: float) -> Tested:
    """The sign test of the median effect, which holds for any law; replicates at the margin count against
    both.

    Args:
        effect: (R,) of each replicate.
        margin: where a yes begins.

    >>> against(np.arange(1.0, 11), 0.0).yes
    0.0009765625
    """
    x = effect[~np.isnan(effect)]
    if not len(x):
        return Tested(Interval(np.nan, np.nan, np.nan), 1.0, 1.0, (np.nan, 0))
    above, below = int((x > margin).sum()), int((x < margin).sum())
    return Tested(intervals.typical(x), _tail(above, len(x)), _tail(below, len(x)), (above / len(x), len(x)))


def _tail(successes: int, of: int) -> float:
    """P(Bin(of, 1/2) >= successes)."""
    from scipy.special import bdtrc

    return 1.0 if successes == 0 else float(bdtrc(successes - 1, of, 0.5))


def worse(x: Trajectory) -> int:
    """1 where more is worse, -1 where less is."""
    return -1 if x.meaning.better == "higher" else 1


def tells(x: Trajectory) -> Tells:
    """Which meaning it tells of; where it says nothing but which values are good, of risk."""
    return x.meaning.tells or ("risk" if x.meaning.better else "")


def logarithmic(x: Trajectory) -> bool:
    """Whether its changes are factors: of positive values that are a ratio."""
    return x.meaning.scale == "ratio" and bool((x.values >= 0).all())


def moved(x: Trajectory) -> Array:
    """(R,) change from generation 1 to the last one: the logarithm of a factor, or a difference."""
    return _change(x, x.values[0], x.values[-1])


def _change(x: Trajectory, first: Array, last: Array) -> Array:
    with np.errstate(all="ignore"):
        change = np.log(last / first) if logarithmic(x) else last - first
    return np.asarray(np.where((first == last) & np.isfinite(first), 0.0, change))


def increase(x: Trajectory, margins: Margins) -> Tested:
    """Meaning 2: the change for the worse, against the margin of its scale."""
    test = against(worse(x) * moved(x), margin_of(x, margins))
    return test._replace(effect=_factor(test.effect)) if logarithmic(x) else test


def pace(x: Trajectory, margins: Margins) -> Tested:
    """Meaning 3, of what levels off: what it would rise by in as many generations again, against that margin.

    No law rules out a slow drift beside a limit. So the pace is taken that each replicate has from the third
    quarter of the generations to the last one, averages of which differ by less noise than two generations.
    """
    early, late = np.array_split(np.arange(len(x.values) // 2, len(x.values)), 2)
    t = x.generations
    times = (t[-1] - t[0]) / (t[late].mean() - t[early].mean())
    with np.errstate(invalid="ignore"):
        change = times * _change(x, x.values[early].mean(axis=0), x.values[late].mean(axis=0))
    return against(worse(x) * change, margin_of(x, margins))


def margin_of(x: Trajectory, margins: Margins) -> float:
    """Where an increase begins, on the scale of :func:`moved`."""
    name = margin_name(x)
    if name == "increase":
        return float(np.log1p(margins.increase))
    if name in ("nats", "share"):
        return margins.nats if name == "nats" else margins.share
    first = x.values[0][np.isfinite(x.values[0])]
    spread = float(np.std(first, ddof=1)) if len(first) > 1 else 0.0
    return margins.spreads * spread if name else 0.5


def margin_name(x: Trajectory) -> str:
    """Which of the margins an increase is held against; "" where it is no choice."""
    if logarithmic(x):
        return "increase"
    return {"nats": "nats", "share": "share", "count": ""}.get(x.meaning.scale, "spreads")


def said_margin(x: Trajectory, margins: Margins) -> str:
    """Where an increase begins, in words: per cent of a factor, points of a share, ..."""
    return {
        "increase": percent(margins.increase),
        "nats": f"{number(margins.nats)} nats",
        "share": f"{number(100 * margins.share)} {'point' if margins.share == 0.01 else 'points'}",
        "spreads": f"{number(margins.spreads)} standard deviations of generation {x.generations[0]:g}",
        "": "half a unit",
    }[margin_name(x)]


def _factor(log: Interval) -> Interval:
    with np.errstate(over="ignore"):
        return Interval(*(float(np.exp(v)) for v in log))


def reference(x: Trajectory, margins: Margins) -> float | None:
    """The risk of knowing nothing; None where none is known."""
    if x.metric in margins.references:
        return margins.references[x.metric]
    known = x.meaning.reference
    return known.value if known is not None and known.beat else None


def catastrophic(x: Trajectory, at: float, margins: Margins) -> Tested | None:
    """Meaning 1: how much of the advantage over a reference is lost; None where there was none to lose."""
    sign = worse(x)
    first = float(np.median(x.values[0]))
    advantage = sign * (at - first)
    if not advantage > 0:
        return None
    with np.errstate(invalid="ignore"):
        return against(sign * (x.values[-1] - first) / advantage, margins.lost)


def loss(x: Trajectory, margins: Margins) -> tuple[Tested, Tested]:
    """Meanings 4 and 6: what is left of generation 1's, against half of it, and against a tenth lost.

    Effects are factors, tests are of logarithms of what is lost.
    """
    first, last = x.values[0], x.values[-1]
    with np.errstate(all="ignore"):
        if x.meaning.scale == "nats":
            lost = first - last
        else:
            lost = -np.log(last / first)
    lost = np.where((first == last) & (first != 0), 0.0, lost)
    tests = (against(lost, -np.log(margins.kept)), against(lost, -np.log1p(-margins.falling)))
    kept = _factor(Interval(*(-v for v in (tests[0].effect[0], tests[0].effect[2], tests[0].effect[1]))))
    return tests[0]._replace(effect=kept), tests[1]._replace(effect=kept)


def excess(x: Trajectory, margin: float) -> Tested:
    """Meanings 7 and 8: the last value less that of generation 1 or of the real rows, against a margin.

    What the model of real data has already is its misfit, and no work of the loop.
    """
    real = x.values[0] if x.real is None or np.isnan(x.real).all() else np.fmax(x.values[0], x.real)
    with np.errstate(invalid="ignore"):
        return against(x.values[-1] - real, margin)


def scaling(grid: Mapping[float, Trajectory], margins: Margins) -> tuple[Tested, Tested] | None:
    """Meaning 5: the change of the exponent in n, replicate by replicate; steeper and flatter.

    The slope of log risk over log n by least squares, at the last generation that all have less that at
    generation 1, within each replicate. None unless the risks are positive at three values of n.
    """
    if len(grid) < 3:
        return None
    sizes = sorted(grid)
    last = min(len(grid[n].values) for n in sizes) - 1
    r = min(grid[n].replicates for n in sizes)
    ends = np.array([[grid[n].values[t, :r] for n in sizes] for t in (0, last)])
    if last < 1 or not (ends > 0).all() or not np.isfinite(ends).all():
        return None
    u = np.log(sizes) - np.mean(np.log(sizes))
    slope = np.einsum("n,tnr->tr", u, np.log(ends)) / (u @ u)
    change = slope[1] - slope[0]
    return against(change, margins.exponent), against(-change, margins.exponent)
