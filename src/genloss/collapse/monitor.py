"""A monitor for use inside a training pipeline: after each generation, whether a metric has changed."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, get_args

import numpy as np

from genloss.collapse.evidence import Evidence, OverGenerations, OverReplicates, most
from genloss.errors import GenlossError, shown
from genloss.samples import Array

Over = Literal["generations", "replicates"]
Direction = Literal["up", "down"]
ENOUGH = 10
"""Replicates from which on evidence is over replicates, by default."""
NO_CHANGE: dict[Over, str] = {
    "generations": "generations are exchangeable: any order of them is as likely as any other",
    "replicates": "replicates are independent; a trajectory read backwards is as likely as it is forwards",
}
"""What "no change" is, by what evidence is over: while it holds, alarms are as rare as alpha says."""
_UNSEEN = "nothing seen yet: what no change is, the number of replicates in the first generation settles"


@dataclass(frozen=True)
class Watch:
    """What a monitor says after a generation; printed, it is a sentence.

    Args:
        metric: its name.
        generation: how many generations there were.
        evidence: what bets against no change have come to, 1 or less at first; 1/alpha is enough.
        enough: 1/alpha.
        since: the generation of the alarm; None where there has been none. An alarm stays.
        direction: of the evidence at the alarm, "up" or "down"; None where there has been none.
        missing: generations in which every value was NaN, which tell nothing.
    """

    metric: str
    generation: int
    evidence: float
    enough: float
    since: int | None = None
    direction: Direction | None = None
    missing: int = 0

    @property
    def alarm(self) -> bool:
        """Whether the metric has changed."""
        return self.since is not None

    def __str__(self) -> str:
        many = f"{self.generation} generation{'s' * (self.generation != 1)}"
        said = f"{self.metric}: no alarm in {many}"
        if self.direction is not None:
            said = f"{self.metric} {MOVES[self.direction]}: alarm since generation {self.since}"
            said += f" of {self.generation}"
        lost = f"; {self.missing} of them NaN" if self.missing else ""
        return f"{said} (evidence {self.evidence:.3g}, enough is {self.enough:.3g}{lost})"


MOVES: dict[Direction, str] = {"up": "rises", "down": "falls"}
"""What a metric does, by the direction of its evidence."""


class Monitor:
    """A sequential test of one metric, to be looked at after every generation and stopped at any time.

    While nothing changes, the probability of an alarm, over all generations that there will ever be, is at
    most alpha. What "no change" is depends on what the evidence is over:

    - "generations", of one series or a few replicates: generations are exchangeable, as independent draws
      around a level are, whatever their law; replicates may share their noise. It is *not* so where
      neighbouring generations resemble each other (an AR(1), a random walk): there an alarm says that
      generations are not exchangeable, not that they drift. Where they resemble each other over a few
      generations, average ``block`` of them, many more than these few.
    - "replicates", of 10 and more: replicates are independent of each other, and the trajectory of each is as
      likely read backwards. So it is of exchangeable generations, of levels that differ between replicates,
      of any stationary Gaussian series and any reversible chain, and of a random walk with symmetric steps,
      however much generations resemble each other. It is *not* so where replicates share the noise of a
      generation, while a series settles (warm up first: leave these generations out), or where steep rises
      and slow falls alternate.

    A change of spread alone is not looked for. The exact tests are those of :mod:`genloss.collapse.evidence`.

    Args:
        metric: its name, by which it is spoken of.
        alpha: the most that the probability of a false alarm may be.
        over: "generations" or "replicates"; by default replicates where there are 10 of them and alarms are
            possible, which needs 2^R of about 50/alpha, else generations.
        block: generations that are averaged to one, within replicates.

    Raises:
        GenlossError: if alpha is not between 0 and 1, or block is not 1, 2, ..., or over is neither.

    >>> monitor = Monitor("accuracy")
    >>> for accuracy in (0.91, 0.90, 0.88, 0.87, 0.85, 0.84):
    ...     seen = monitor.add(accuracy)
    >>> print(seen)
    accuracy falls: alarm since generation 6 of 6 (evidence 30.3, enough is 20)
    """

    def __init__(self, metric: str, alpha: float = 0.05, over: Over | None = None, block: int = 1) -> None:
        self.metric, self.alpha, self.block = metric, rate(alpha), block
        if over not in (None, *get_args(Over)):
            raise GenlossError(f"over = {shown(over)}: give 'generations' or 'replicates'")
        if isinstance(block, bool) or not isinstance(block, (int, np.integer)) or block < 1:
            raise GenlossError(f"block = {shown(block)}: give how many generations are averaged, 1 or more")
        self.over: Over | None = over
        self._evidence: OverReplicates | OverGenerations | None = None
        self._waiting: list[Array] = []
        self._replicates = 0
        self._said = Watch(metric, 0, 1.0, 1 / self.alpha)

    @property
    def no_change(self) -> str:
        """What "no change" is, in words; what it is over is settled by the first generation."""
        return _UNSEEN if self.over is None else NO_CHANGE[self.over]

    def add(self, values: Any) -> Watch:
        """Take the next generation, and say whether there is an alarm.

        Args:
            values: a number, or (R,) of R replicates in their order; NaN where there is none.

        Raises:
            GenlossError: if they are not numbers, or not as many as in generation 1; the monitor stays as it
                was.
        """
        x = self._read(values)
        if self._evidence is None:
            self._replicates = len(x)
            self.over = over_of(len(x), self.alpha, self.over)
            self._evidence = evidence((1, len(x)), self.over)
        last, self._waiting = self._said, [*self._waiting, x]
        found, since, direction = last.evidence, last.since, last.direction
        t = last.generation + 1
        if len(self._waiting) == self.block:
            bets = self._evidence.add(_averaged(self._waiting)[None])
            self._waiting = []
            found = float(np.exp(np.minimum(bets.total[0], 700)))
            if since is None and enough(bets, self.alpha)[0]:
                since, direction = t, towards(bets)
        missing = last.missing + bool(np.isnan(x).all())
        self._said = Watch(self.metric, t, found, last.enough, since, direction, missing)
        return self._said

    def _read(self, values: Any) -> Array:
        where = f"{self.metric}, generation {self._said.generation + 1}"
        try:
            x = np.atleast_1d(np.asarray(values, dtype=float))
        except (TypeError, ValueError):
            raise GenlossError(
                f"{where}: {shown(values)} is not a number, nor one for each replicate"
            ) from None
        if x.ndim > 1 or not x.size:
            raise GenlossError(
                f"{where}: values of shape {x.shape}; give a number, or one for each replicate"
            )
        if self._evidence is not None and len(x) != self._replicates:
            raise GenlossError(
                f"{where}: {len(x)} value{'s' * (len(x) != 1)}, and generation 1 had {self._replicates}; "
                "give one for each replicate, NaN where there is none"
            )
        return x


def rate(alpha: Any) -> float:
    """A rate of false alarms.

    Raises:
        GenlossError: if it is not between 0 and 1.
    """
    if isinstance(alpha, bool) or not isinstance(alpha, Real) or not 0 < float(alpha) < 1:
        raise GenlossError(f"alpha = {shown(alpha)}: give a rate of false alarms between 0 and 1, as .05")
    return float(alpha)


def over_of(replicates: int, alpha: float, over: Over | None = None) -> Over:
    """What evidence is over, where it is not said.

    Raises:
        GenlossError: if it is said to be over replicates of which there are so few that none would be enough.
    """
    possible = most(replicates) > 1 / alpha
    if over == "replicates" and not possible:
        raise GenlossError(
            f"over = 'replicates': {replicates} replicate{'s' * (replicates != 1)} can never be enough for "
            f"alpha = {alpha:g}; give more replicates, or over='generations'"
        )
    return over or ("replicates" if replicates >= ENOUGH and possible else "generations")


def evidence(shape: tuple[int, int], over: Over) -> OverReplicates | OverGenerations:
    """Evidence of (B, R) series."""
    return OverReplicates(shape) if over == "replicates" else OverGenerations(shape)


def enough(bets: Evidence, alpha: float) -> Array:
    """(B,) whether evidence is enough for an alarm."""
    return np.asarray(bets.total >= -np.log(alpha))


def towards(bets: Evidence) -> Direction:
    """Where evidence of one series points."""
    return "up" if bets.up[0] > bets.down[0] else "down"


def _averaged(some: list[Array]) -> Array:
    """(R,) means of generations, of those that are not NaN."""
    if len(some) == 1:
        return some[0]
    x = np.array(some)
    there = ~np.isnan(x)
    many = there.sum(axis=0)
    with np.errstate(invalid="ignore"):  # an infinite value less another one is none
        total = np.where(there, x, 0).sum(axis=0)
    return np.where(many > 0, total / np.maximum(many, 1), np.nan)
