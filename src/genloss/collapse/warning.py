"""Early warning: which metric of a line is seen to move first, and how long before the one that matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.collapse.evidence import OverReplicates
from genloss.collapse.monitor import (
    MOVES,
    NO_CHANGE,
    Direction,
    Over,
    enough,
    evidence,
    over_of,
    rate,
    towards,
)
from genloss.collapse.trajectory import Trajectory
from genloss.errors import GenlossError, bounded, shown
from genloss.intervals import Interval
from genloss.meaning import Meaning
from genloss.numbers import number
from genloss.samples import Array
from genloss.streams import fixed
from genloss.study.registry import did_you_mean
from genloss.wording import enumerated

_RESAMPLES = 200
FEWEST = 30
"""Replicates from which on leads have intervals: those of 12 or 20 covered too seldom in simulations."""


@dataclass(frozen=True)
class Move:
    """What the alarm rule says of one metric.

    Args:
        metric: its name.
        meaning: what it says of itself.
        since: generation of the alarm, infinite where there is none, with a 95 % interval over replicates,
            NaN where there is no interval.
        direction: "up" or "down"; None where there is no alarm.
        lead: by how many generations the alarm comes before that of the watched metric, negative where after;
            infinite where only one of the two has an alarm, NaN where neither has, and of the watched metric.
    """

    metric: str
    meaning: Meaning
    since: Interval
    direction: Direction | None
    lead: Interval

    @property
    def alarm(self) -> bool:
        """Whether the metric is seen to move."""
        return self.direction is not None

    @property
    def verb(self) -> str:
        """What it does: "rises" or "falls"; "" where there is no alarm."""
        return "" if self.direction is None else MOVES[self.direction]


@dataclass(frozen=True)
class Warned:
    """What the alarm rule says of a line; printed, it is a sentence and a table.

    Args:
        labels: of the line.
        watched: name of the metric that one cares about; "" where the line has no such metric.
        moves: of every metric, first alarms first.
        generations: the last one.
        replicates: R.
        over: what the evidence is over.
        alpha: the most that the probability of any false alarm on the line is, however many generations.
        notes: a line for each thing to know about the values.
    """

    labels: Mapping[str, Any]
    watched: str
    moves: tuple[Move, ...]
    generations: int
    replicates: int
    over: Over
    alpha: float
    notes: tuple[str, ...] = ()

    @property
    def each(self) -> float:
        """The rate of false alarms that each metric has: alpha over how many there are."""
        return self.alpha / len(self.moves)

    @property
    def rule(self) -> str:
        """The alarm rule in words."""
        return (
            f"A false alarm of any metric of a line, over all generations, has a probability of at most "
            f"{self.alpha:g}: each metric has that over their number. No change means that "
            f"{NO_CHANGE[self.over]}."
        )

    @property
    def first(self) -> str:
        """Which metric was seen to move first, and how much later the watched one was, in a sentence."""
        seen = [m for m in self.moves if m.alarm]
        if not seen:
            return f"No alarm in {self.generations} generations."
        early = [m for m in seen if m.since.estimate == seen[0].since.estimate]
        one = f"{early[0].metric}, which {early[0].verb}"
        said = f"First alarm in generation {early[0].since.estimate:.0f}: "
        said += one if len(early) == 1 else enumerated([m.metric for m in early])
        watched = next((m for m in self.moves if m.metric == self.watched), None)
        if watched is None or watched in early:
            return f"{said}."
        if not watched.alarm:
            return f"{said}; {self.watched} has none in {self.generations} generations."
        lead = early[0].lead
        told = ", but these replicates do not tell which of the two is first" if lead.low <= 0 else ""
        return f"{said}; {self.watched} follows {_said(lead)} generations later{told}."

    def __str__(self) -> str:
        rows = [["metric", "alarm in generation", "direction", f"generations before {self.watched}"]]
        for m in self.moves:
            none = f"no alarm in {self.generations} generations"
            lead = "" if np.isnan(m.lead.estimate) or np.isinf(m.lead.estimate) else _said(m.lead)
            rows.append([m.metric, _said(m.since) if m.alarm else none, m.verb, lead])
        rows = rows if any(row[3] for row in rows[1:]) else [row[:3] for row in rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join([self.first, *table, *self.notes])


def warn(
    some: Iterable[Trajectory],
    watch: str | None = None,
    alpha: float = 0.05,
    notes: Sequence[str] = (),
) -> list[Warned]:
    """Of each line, when each metric was seen to move, and how long before the metric that one cares about.

    Args:
        some: of all lines, each with all its metrics.
        watch: name of the metric that one cares about; by default the first one of a line that is better
            lower.
        alpha: the most that the probability of a false alarm on a line may be.
        notes: to pass on with every line.

    Raises:
        GenlossError: if no line has the metric, there is nothing to look at, or alpha is not between 0 and 1.
    """
    rate(alpha)
    some = list(some)
    strange = [x for x in some if not isinstance(x, Trajectory)]
    if strange:
        raise GenlossError(f"warn: {shown(strange[0])} is no trajectory; give results, or trajectories")
    known = list(dict.fromkeys(x.metric for x in some))
    if not some:
        raise GenlossError(
            "there is no metric over generations to look at: none is measured, or none is finished"
        )
    if watch is not None and watch not in known:
        raise GenlossError(f"watch: no metric '{bounded(str(watch))}'{did_you_mean(str(watch), known)}")
    lines: dict[tuple[Any, ...], list[Trajectory]] = {}
    for x in some:
        lines.setdefault((x.agent, *((k, str(v)) for k, v in x.labels.items())), []).append(x)
    return [_warned(line, watch, alpha, notes) for line in lines.values()]


def _warned(line: list[Trajectory], watch: str | None, alpha: float, said: Sequence[str]) -> Warned:
    names = [x.metric for x in line]
    lower = [x.metric for x in line if x.meaning.better == "lower"]
    watched = next((name for name in (lower if watch is None else names) if watch in (None, name)), "")
    replicates = [x.replicates for x in line]
    r, each = min(replicates), alpha / len(line)
    over = over_of(r, each)
    found = [_alarm(x, each, over) for x in line]
    if over == "replicates" and max(replicates) == r >= FEWEST:
        # the same replicates of every metric: what they share makes leads no less certain
        chosen = fixed("replicates of a warning").integers(r, size=(_RESAMPLES, r))
        again = [
            _resampled(counts, x.generations, chosen, each)
            for x, (*_, counts) in zip(line, found, strict=True)
        ]
    else:
        again = [np.full(1, np.nan) for _ in line]
    at = names.index(watched) if watched else None
    moves = []
    for k, (x, (since, direction, _)) in enumerate(zip(line, found, strict=True)):
        lead = _NONE
        if at not in (None, k):
            lead = _interval(_less(found[at][0], since), _less(again[at], again[k]))
        moves.append(Move(x.metric, x.meaning, _interval(since, again[k]), direction, lead))
    moves.sort(key=lambda m: m.since.estimate)
    last = max(int(x.generations[-1]) for x in line)
    notes = dict.fromkeys([*said, *(note for x in line for note in (*x.notes, x.infinite) if note)])
    return Warned(line[0].labels, watched, tuple(moves), last, r, over, alpha, tuple(notes))


def _alarm(x: Trajectory, alpha: float, over: Over) -> tuple[float, Direction | None, Array]:
    """Generation of the alarm, infinite where there is none, its direction, and (T, R) rises less falls."""
    bets, counts = evidence((1, x.replicates), over), np.zeros(x.values.shape)
    since, direction = np.inf, None
    for t, values in enumerate(x.values):
        said = bets.add(values[None])
        if isinstance(bets, OverReplicates):
            counts[t] = bets.counts[0]
        if direction is None and enough(said, alpha)[0]:
            since, direction = float(x.generations[t]), towards(said)
    return since, direction, counts


def _resampled(counts: Array, generations: Array, chosen: Array, alpha: float) -> Array:
    """(B,) generations of the alarm, infinite where there is none, of (B, R) replicates with replacement."""
    bets, since = OverReplicates(chosen.shape), np.full(len(chosen), np.inf)
    for t, of in zip(generations, counts, strict=True):
        since[enough(bets.bet(of[chosen]), alpha) & np.isinf(since)] = t
        if np.isfinite(since).all():
            break
    return since


def _less(a: Any, b: Any) -> Any:
    """a - b; NaN where both are infinite."""
    with np.errstate(invalid="ignore"):
        return np.subtract(a, b)


def _interval(estimate: float, again: Array) -> Interval:
    """The 2.5 and 97.5 % points of resamples; one that is not defined may be anything."""
    if np.isnan(again).all():
        return Interval(float(estimate), np.nan, np.nan)
    low = np.quantile(np.where(np.isnan(again), -np.inf, again), 0.025, method="inverted_cdf")
    high = np.quantile(np.where(np.isnan(again), np.inf, again), 0.975, method="inverted_cdf")
    return Interval(float(estimate), float(np.fmin(low, estimate)), float(np.fmax(high, estimate)))


_NONE = Interval(np.nan, np.nan, np.nan)


def _said(of: Interval) -> str:
    """Generations: "14 [9, 20]"."""
    at, low, high = (number(end) if np.isinf(end) else f"{end:.0f}".replace("-", "−") for end in of)
    return at if np.isnan(of.low) else f"{at} [{low}, {high}]"
