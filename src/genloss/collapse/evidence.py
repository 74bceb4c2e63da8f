"""Evidence of a change that may be looked at after every generation: where nothing changes, it seldom grows.

Both kinds ask only whether the newest value is above or below each of those before, so scale, tails and ties
do not matter. Where nothing changes, evidence reaches 1/alpha, at any time, with probability at most alpha.
Each works on B series of R replicates at once: a monitor on one, a simulation on thousands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from genloss.samples import Array

Shape = tuple[int, int]


class Evidence(NamedTuple):
    """Logarithms of what bets have come to.

    Args:
        up: (B,) of bets that values rise.
        down: (B,) of bets that they fall.
    """

    up: Array
    down: Array

    @property
    def total(self) -> Array:
        """(B,) both together."""
        return np.asarray(np.logaddexp(self.up, self.down))


class OverReplicates:
    """Evidence that holds however the generations of a replicate depend on each other.

    No change: replicates are independent, and each one's trajectory read backwards has the law that it has
    forwards. Then the number S of its pairs of generations that rise less that of those that fall (Mann and
    Kendall's) is as likely S as -S, and

        e_t = mean of prod_r exp(c z_r) / cosh(c z_r) over c = 4/sqrt(n) and c = infinity

    has mean 1 given the |S_r|; z is S in units of its root mean square over the n replicates where it is not
    0, and 4 standard errors are what evidence enough takes. A sum of w_t e_t with weights that add up to 1
    has mean at most 1, whatever the e_t have to do with each other, and it never falls: Markov's inequality
    for its last value bounds it at all times.

    Args:
        shape: (B, R).
    """

    def __init__(self, shape: Shape) -> None:
        self.counts = np.zeros(shape)
        self._past, self._t = _Past(shape), 0
        self._log = np.full((2, shape[0]), -np.inf)

    def add(self, x: Array) -> Evidence:
        """Take the next generation, (B, R), and say what bets have come to."""
        for signs in self._past.signs(x):
            # of so few generations that a byte holds it: this sum is what a monitor spends its time on
            self.counts += signs.sum(axis=0, dtype=np.int8)
        return self.bet(self.counts)

    def bet(self, counts: Array) -> Evidence:
        """The same where (B, R) rises less falls are known."""
        self._t += 1
        if self._t > 1:
            share = np.log((_left(self._t - 1) - _left(self._t)) / 2)
            self._log = np.logaddexp(self._log, share + _flips(counts))
        return Evidence(*self._log)


def most(replicates: int) -> float:
    """What `OverReplicates` comes to where all replicates rise from generation 1 on for ever."""
    return float(np.exp(_flips(np.ones((1, replicates)))[0, 0]) / 2)


def _left(t: int) -> float:
    """The share of the weights that comes after generation t: slow enough to see what takes long."""
    return 1 / float(np.log2(2 + (t - 1) / 10))


def _flips(counts: Array) -> Array:
    """(2, B) logarithms of the e-values that (B, R) counts are above 0, and that they are below."""
    n = (counts != 0).sum(axis=-1)
    size = np.sqrt((counts**2).sum(axis=-1) / np.maximum(n, 1))
    z = counts * (4 / np.sqrt(np.maximum(n, 1)) / np.where(size > 0, size, 1))[:, None]
    # exp(z) / cosh(z), which is 1 where z is 0; |z| is at most 4
    drift, cost = z.sum(axis=-1), np.log(np.cosh(z)).sum(axis=-1)
    agree = [np.where(one, np.log(2) * n, -np.inf) for one in ((z >= 0).all(axis=-1), (z <= 0).all(axis=-1))]
    return np.asarray(np.logaddexp([drift - cost, -drift - cost], agree) - np.log(2))


class OverGenerations:
    """Evidence of one series, or of few replicates.

    No change: generations are exchangeable, whatever replicates have to do with each other. A generation's
    score is the number of values in all other generations, each of the same replicate, that are below it,
    less those above. Where no scores tie, the place k of the newest one among all t is uniform, whatever the
    places before (a conformal p-value), and bets on it at fair odds are a martingale. Half of the stake is
    bet on a drift: that values fall pays t ((k/t)^a - ((k-1)/t)^a), k being counted from below, and that they
    rise the same, k being counted from above. A little of what these bets have come to is shared among them
    after each generation, so that a change may begin late. The other half is bet on a jump that stays: one
    bet for each generation g as the last before it, that all after it lie beyond all up to it, pays
    1 - c + c t/(t-g) where k is at most t - g, else 1 - c.

    Where scores tie, each bet takes the place of them that pays it least: whatever an order of the ties would
    have come to, this is no more. (Their average would be fair in any one generation, and not over time, as
    ties tell of the next ones.) A bet on a jump pays all values beyond it alike, so that values which are
    equal there, as infinite ones are, cost it nothing.

    Args:
        shape: (B, R).

    References:
        Vovk, Nouretdinov and Gammerman, Testing exchangeability on-line, ICML 2003 (the power martingale).
        Volkhonskiy, Burnaev, Nouretdinov, Gammerman and Vovk, Inductive conformal martingales for
        change-point detection (2017), arXiv:1706.03415.
    """

    def __init__(self, shape: Shape) -> None:
        self._past = _Past(shape)
        self._scores = np.zeros((0, shape[0]))
        self._drifts = np.full((2, len(_POWERS), shape[0]), -np.log(4 * len(_POWERS)))
        self._jumps = np.zeros((2, 0, shape[0]))

    def add(self, x: Array) -> Evidence:
        """Take the next generation, (B, R), and say what bets have come to."""
        none = np.zeros((0, x.shape[0]), dtype=np.int64)
        signs = np.concatenate([none, *(some.sum(axis=2, dtype=np.int64) for some in self._past.signs(x))])
        new = signs.sum(axis=0)
        self._scores = np.concatenate([self._scores - signs, new[None]])
        # the place from above, and from below, each after all that it ties with
        places = np.array([(self._scores >= new).sum(axis=0), (self._scores <= new).sum(axis=0)])[:, None]
        t = len(self._scores)
        drifts, jumps = self._drift(t, places), self._jump(t, places)
        return Evidence(*np.logaddexp.reduce([drifts, jumps, np.full(drifts.shape, np.log(_left(t) / 4))]))

    def _drift(self, t: int, places: Array) -> Array:
        """(2, B) what bets on a drift, upwards and downwards, have come to."""
        a = np.array(_POWERS)[:, None]
        log = self._drifts + np.log(t * ((places / t) ** a - ((places - 1) / t) ** a))
        total = np.logaddexp.reduce(log, axis=(0, 1))
        self._drifts = np.logaddexp(log + np.log1p(-_SHARED), total + np.log(_SHARED / log[..., 0].size))
        return np.asarray(np.logaddexp.reduce(self._drifts, axis=1))

    def _jump(self, t: int, places: Array) -> Array:
        """(2, B) the same of bets on a jump after each generation so far."""
        if t > 1:
            stake = np.log((_left(t - 1) - _left(t)) / 4)
            begun = np.full((2, 1, places.shape[-1]), stake)
            beyond = np.arange(t - 1, 0, -1)[:, None]
            pays = np.where(places <= beyond, np.log(1 - _BOLD + _BOLD * t / beyond), np.log(1 - _BOLD))
            self._jumps = np.concatenate([self._jumps, begun], axis=1) + pays
        return np.asarray(np.logaddexp.reduce(self._jumps, axis=1, initial=-np.inf))


# of bets on a drift: from bold, for one that always breaks the record, to none
_POWERS = (0.1, 0.3, 0.7, 1.0)
_SHARED = 0.01
# of a stake, what is bet on a jump: the rest stays where noise reaches across it
_BOLD = 0.8


class _Past:
    """The generations so far.

    Args:
        shape: (B, R) of one.
    """

    def __init__(self, shape: Shape) -> None:
        self._kept, self._n = np.empty((16, *shape)), 0

    def signs(self, x: Array) -> Iterator[Array]:
        """(at most 120, B, R) at a time: the newest is above those before (1), below (-1), or neither (0).

        A NaN is neither. The newest, (B, R), is kept.
        """
        for first in range(0, self._n, 120):
            before = self._kept[first : min(first + 120, self._n)]
            found = (x > before).view(np.int8)
            found -= (x < before).view(np.int8)
            yield found
        if self._n == len(self._kept):
            self._kept = np.concatenate([self._kept, np.empty_like(self._kept)])
        self._kept[self._n] = x
        self._n += 1
