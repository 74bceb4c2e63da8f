"""What comes next: a metric at a later generation, and when it crosses a threshold, with honest intervals.

A forecast is of what will be *observed*: the mean, or the median, of the same replicates, were they run on.
It averages over all laws of growth (:mod:`.averaging`), each with the errors of its numbers, and draws the
replicates on from where they stand (:mod:`.ahead`); so its interval widens with the horizon. ``python -m
benchmarks.backtest`` says how many of its intervals hold what came.

Where data do not tell, it says so instead of a number: `Forecast.reason`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np

from genloss.collapse.ahead import ahead, link, spread
from genloss.collapse.averaging import averaged
from genloss.collapse.blocks import LEAST_REPLICATES, Of
from genloss.collapse.trajectory import Trajectory
from genloss.errors import GenlossError, shown
from genloss.experiment import Experiment
from genloss.intervals import Interval
from genloss.laws import law
from genloss.numbers import json_number
from genloss.samples import Array
from genloss.streams import fixed

LEAST_GENERATIONS = 6
"""Below this laws with a limit cannot be told from those without."""
WIDEST = 10.0
"""An interval wider than so many times all that replicates have spanned so far is no forecast."""
REJECTED = 0.01
"""p-value of the best law below which none is drawn on."""
_DRAWS = 1000
_PLACES = 25  # generations at which a path is drawn
_LATEST = 1_000_000_000
_LAW_UNTIL = 1_000_000  # a law gives all generations up to the one asked for
_STILL, _STILL_LEAST = 0.2, 5  # share of the generations, and how many of them, without a move


@dataclass(frozen=True)
class Crossing:
    """When a threshold is crossed: the first generation on its other side.

    Args:
        threshold: of the metric.
        generation: the typical one of the paths drawn, with the ends of the interval; infinite where that is
            not until the forecast's generation.
        never: the share of paths that do not cross it until then.
        seen: whether it was crossed already; ``generation`` is then that one, and without width.
    """

    threshold: float
    generation: Interval
    never: float
    seen: bool = False


@dataclass(frozen=True)
class Forecast:
    """A metric at a later generation.

    Args:
        metric: its name.
        labels: what tells the line from others.
        of: "mean" or "typical", the median, of the replicates at hand.
        at: the generation.
        level: share of intervals that are meant to hold what will be observed.
        last: the last generation seen.
        seen: the mean or median there.
        value: the forecast with the ends of its interval; NaN where it cannot tell.
        reason: why it cannot tell; "" where it can.
        laws: weights of the laws, by name.
        since: the first generation that laws are fitted to.
        by_law: what the experiment's law gives there, where one is known of this ``of``.
        crossing: of the threshold that was asked for.
        notes: a line for each thing to know of the values.
    """

    metric: str
    labels: dict[str, Any]
    of: Of
    at: int
    level: float
    last: int
    seen: float
    value: Interval
    reason: str = ""
    laws: dict[str, float] = dataclasses.field(default_factory=dict)
    since: int = 1
    by_law: float | None = None
    crossing: Crossing | None = None
    notes: tuple[str, ...] = ()

    @property
    def tells(self) -> bool:
        """Whether there is a forecast."""
        return not self.reason

    def plain(self) -> dict[str, Any]:
        """As JSON has it: a number that is none is null, an infinite one a text."""
        estimate, low, high = (json_number(v) for v in self.value)
        crossed = self.crossing
        return {
            **self.labels,
            "metric": self.metric,
            "of": self.of,
            "at": self.at,
            "level": self.level,
            "last": self.last,
            "seen": json_number(self.seen),
            "forecast": estimate,
            "low": low,
            "high": high,
            "cannot_tell": self.reason,
            "laws": self.laws,
            "since": self.since,
            "law": None if self.by_law is None else json_number(self.by_law),
            "crossing": None
            if crossed is None
            else {
                "threshold": crossed.threshold,
                **dict(zip(("generation", "low", "high"), map(json_number, crossed.generation), strict=True)),
                "never": crossed.never,
                "seen": crossed.seen,
            },
            "notes": list(self.notes),
        }


def forecasts(
    lines: Iterable[Trajectory], at: int, *, level: float = 0.9, threshold: float | None = None
) -> Iterator[Forecast]:
    """Of each trajectory the forecast of its mean and that of its typical replicate.

    Args:
        lines: trajectories, of a run (:func:`.trajectory.trajectories`) or of anybody's table.
        at, level, threshold: as in :func:`forecast`.

    Raises:
        GenlossError: as :func:`forecast`.
    """
    kinds: tuple[Of, Of] = ("mean", "typical")
    for x in lines:
        for of in kinds:
            yield forecast(x, at, of, level=level, threshold=threshold)


def forecast(
    x: Trajectory, at: int, of: Of = "typical", *, level: float = 0.9, threshold: float | None = None
) -> Forecast:
    """What will be observed at a later generation of the same replicates.

    It cannot tell with fewer than 6 generations or 5 replicates; of values that are infinite, all equal, or
    equal in all replicates; where no law fits at 1 %; and where the interval is wider than 10 times what all
    replicates have spanned in all generations, on the scale on which the metric has no ends. Replicates that
    have stopped moving, in the last fifth of the generations and in 5 of them at least, are taken to stay
    where they are.

    Args:
        x: the metric over generations. Replicates with a NaN are left out.
        at: the generation, later than the last one of ``x``.
        of: the "mean" of the replicates or the "typical" one, their median.
        level: share of intervals that are meant to hold what is observed, between 0 and 1.
        threshold: asks when the mean or the median is first on the other side of this value.

    Raises:
        GenlossError: if the generation has been seen, or level or threshold are no such numbers.

    >>> import numpy as np
    >>> from genloss.meaning import Meaning
    >>> t = np.arange(1, 21)
    >>> noise = 0.1 * np.random.Generator(np.random.SFC64(0)).standard_normal((20, 50))
    >>> told = forecast(Trajectory("Loss", Meaning("Loss"), t, 2 + 0.1 * t[:, None] + noise), 30, "mean")
    >>> told.value.low < 5 < told.value.high
    True
    """
    last = int(x.generations[-1])
    _asked(at, last, level, threshold)
    at, level = int(at), float(level)  # NumPy's are none that JSON has
    threshold = None if threshold is None else float(threshold)
    whole = x.only(~np.isnan(x.values).any(axis=0))
    notes = (*x.notes, x.gaps) if x.gaps else x.notes
    series = _observed(whole.values, of) if whole.replicates else np.full(len(x.generations), np.nan)
    nothing = Interval(np.nan, np.nan, np.nan)
    told = Forecast(
        x.metric,
        dict(x.labels),
        of,
        at,
        level,
        last,
        float(series[-1]),
        nothing,
        by_law=_by_law(x, at, of),
        notes=notes,
    )
    reason = _too_little(whole)
    if reason:
        return dataclasses.replace(told, reason=reason)
    return _told(told, whole, series, threshold)


def _asked(at: Any, last: int, level: Any, threshold: Any) -> None:
    if isinstance(at, bool) or not isinstance(at, (int, np.integer)):
        raise GenlossError(f"at = {shown(at)}: give a generation, a whole number, as at={last + 10}")
    if at <= last:
        raise GenlossError(f"generation {at} is no later than {last}, the last one seen: ask for a later one")
    if at > _LATEST:
        raise GenlossError(f"generation {at} is too late for any forecast: ask for {_LATEST} at most")
    if not _real(level) or not 0 < level < 1:
        raise GenlossError(f"level = {shown(level)}: give a number between 0 and 1, as 0.9")
    if threshold is not None and not (_real(threshold) and np.isfinite(threshold)):
        raise GenlossError(f"threshold = {shown(threshold)}: give a finite number")


def _real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _too_little(x: Trajectory) -> str:
    """Why nothing can be told, before anything is fitted."""
    if x.replicates < LEAST_REPLICATES:
        s = "" if x.replicates == 1 else "s"
        return (
            f"{x.replicates} replicate{s} without gaps; how they spread is told by {LEAST_REPLICATES} or more"
        )
    if len(x.generations) < LEAST_GENERATIONS:
        return f"{len(x.generations)} generations; laws are told apart by {LEAST_GENERATIONS} or more"
    if not np.isfinite(x.values).all():
        return "some values are infinite"
    if (x.values == x.values[0, 0]).all():
        return f"every value is {x.values[0, 0]:g}; nothing says whether that will change"
    if (x.values == x.values[:, :1]).all():
        return "all replicates are alike; nothing says how far what comes may lie from a law"
    return ""


def _observed(values: Array, of: Of) -> Array:
    """The mean or median over the last axis."""
    return np.asarray(values.mean(axis=-1) if of == "mean" else np.median(values, axis=-1))


def _told(told: Forecast, x: Trajectory, series: Array, threshold: float | None) -> Forecast:
    t = x.generations.astype(float)
    rng = fixed("forecast")
    way = link(x.values, x.meaning.scale)
    y = way.forth(x.values)
    places = _places(told.last, told.at, threshold is not None)
    laws = averaged(y, t, told.of, way, places, _DRAWS, rng)
    still = _still(x.values)
    told = dataclasses.replace(told, laws=_shares(laws.weights, still), since=laws.since)
    if not still.all():
        if laws.p < REJECTED:
            return dataclasses.replace(
                told, reason=f"no law of growth fits (the best one has p = {laws.p:.1g})"
            )
        if laws.possible < 0.5:
            return dataclasses.replace(
                told, reason="most laws that fit would leave the metric's scale by then"
            )
    lies = spread(y, t, told.of, still, rng)
    drawn = ahead(lies, laws.middles[:, 1:], laws.middles[:, 0], places, rng)
    tails = [0.5, (1 - told.level) / 2, (1 + told.level) / 2]
    paths = _observed(way.back(drawn), told.of)
    value = Interval(*(float(v) for v in np.quantile(paths[:, -1], tails)))
    if value.low == value.high and x.meaning.scale == "share" and not still.all():
        end = f"laws that fit reach {value.low:g}, an end of its scale"
        return dataclasses.replace(told, reason=f"{end}, and say nothing of how near it stays")
    with np.errstate(divide="ignore"):
        low, high = way.forth(np.array(value[1:]))
    times = float(high - low) / float(np.ptp(y))
    if not times <= WIDEST:
        wide = f"the interval would be {times:.3g} times as wide as what replicates have spanned so far"
        return dataclasses.replace(told, reason=f"{wide}; more generations or replicates would narrow it")
    crossing = None if threshold is None else _crossing(threshold, series, t, paths, places, tails)
    return dataclasses.replace(told, value=value, crossing=crossing)


def _shares(weights: dict[str, float], still: Array) -> dict[str, float]:
    """Weights that count for something; of replicates that all stand still no law is drawn on."""
    if still.all():
        return {"absorbed": 1.0}
    return {name: round(w, 3) for name, w in weights.items() if w >= 0.01}


def _places(last: int, at: int, path: bool) -> Array:
    """Generations at which replicates are drawn: the one asked for, of a path those before it too."""
    if not path:
        return np.array([float(at)])
    if at - last <= _PLACES:
        return np.arange(last + 1.0, at + 1)
    return np.unique(np.round(np.geomspace(last + 1, at, _PLACES)))


def _still(x: Array) -> Array:
    """(R,) whether a replicate, having moved, moves no more."""
    moves = x[1:] != x[:-1]
    moved = moves.any(axis=0)
    after = np.argmax(moves[::-1], axis=0)  # generations since the last move
    return np.asarray(moved & (after + 1 >= max(_STILL_LEAST, _STILL * len(x))))


def _crossing(
    threshold: float, series: Array, t: Array, paths: Array, places: Array, tails: list[float]
) -> Crossing:
    side = np.sign(series - threshold)
    across = side != side[0]
    if across[-1]:
        first = float(t[len(across) - np.argmin(across[::-1])])  # since when it has stayed there
        return Crossing(threshold, Interval(first, first, first), 0.0, seen=True)
    over = np.sign(paths - threshold) != side[-1]
    crossed = over.any(axis=1)
    k = over.argmax(axis=1)
    row = np.arange(len(paths))
    before = np.where(k > 0, paths[row, k - 1], series[-1])
    begun = np.where(k > 0, places[k - 1], t[-1])
    # between the generations that were drawn a path is taken as straight
    step = paths[row, k] - before
    part = np.clip((threshold - before) / np.where(step != 0, step, 1), 0, 1)
    when = np.where(
        crossed, np.clip(np.ceil(begun + part * (places[k] - begun)), begun + 1, places[k]), np.inf
    )
    ends = np.quantile(when, tails, method="inverted_cdf")
    return Crossing(threshold, Interval(*(float(v) for v in ends)), float(1 - crossed.mean()))


def _by_law(x: Trajectory, at: int, of: Literal["mean", "typical"]) -> float | None:
    """The law's value at the generation, of the experiment were it run on."""
    if not isinstance(x.task, Experiment) or x.law is None or x.law.of != of or at > _LAW_UNTIL:
        return None
    try:
        longer = law(dataclasses.replace(x.task, generations=max(at, x.task.generations)), x.agent, x.metric)
    except GenlossError:
        return None
    return None if longer is None else float(longer.values[at - 1])
