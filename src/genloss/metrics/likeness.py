"""Whether published rows can be told from real ones, and whether they are copies of those that went in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from genloss.components import component
from genloss.meaning import Reference
from genloss.metrics.learners import OURS, Learner, classified, fitted, name, predicted
from genloss.metrics.sizes import MOST, chosen, said_of
from genloss.observation import Observation
from genloss.samples import Array

if TYPE_CHECKING:
    from genloss.experiment import Experiment

_MOST_NEIGHBOURS = 10_000
"""Rows of a kind beyond which neighbours are looked for among so many: a search costs more than a count."""

# Pairs of rows up to which all distances take less than a tree.
_FEW_PAIRS = 2**20


@component
class Copies:
    """Share of published rows that lie nearer to a real row that models trained on than to a held-out one.

    As many of the first real rows, which the first model was fitted to, are compared as of the held-out ones:
    the larger set is thinned at random, anew for every replicate. Distances are Euclidean ones of features;
    ties count half. A fresh row of the real law is then as likely to lie nearer to the one set as to the
    other, by exchangeability: 1/2, whatever the law and the sizes. The real rows themselves have 1, as far as
    none equals a held-out one.

    Args:
        what: "nearer", or "exact": the share that equals one of all first real rows in every cell, for which
            there is no reference, since in tables of few categories rows are alike by chance.

    References:
        Park et al., Data synthesis based on generative adversarial networks (2018), arXiv:1806.03384, of the
        distance to the closest record.
    """

    what: Literal["nearer", "exact"] = "nearer"
    title: ClassVar = "Copies"
    better: ClassVar = "lower"
    scale: ClassVar = "share"
    of: ClassVar = "published"
    accepts: ClassVar = ("vectors", "table")

    @property
    def reads_holdout(self) -> bool:
        """Exact copies are of rows that went in."""
        return self.what == "nearer"

    def says(self, exp: Experiment) -> dict[str, Any]:
        """Which share it is, and what fresh rows have."""
        if self.what == "exact":
            about = "Share of published rows that equal one of the first real rows in every cell."
            return {"unit": "share of published rows", "about": about + said_of(exp)}
        about = (
            "Share of published rows nearer to one of the first real rows than to any of as many held-out "
            "ones; ties count half."
        )
        return {
            "unit": "share nearer to a training row",
            "about": about + said_of(exp, _MOST_NEIGHBOURS),
            "reference": Reference(0.5, "fresh real rows"),
        }

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        origin = seen.train.origin.rows
        rows = seen.rows
        assert origin is not None  # rows are looked at, so that there are real ones too
        each = seen.rng.measure.spawn(len(rows))
        if self.what == "exact":
            asks = [chosen(x, MOST, rng) for x, rng in zip(rows, each, strict=True)]
            return np.array([_equal(ask, first) for ask, first in zip(asks, origin, strict=True)])
        held = np.broadcast_to(seen.holdout, (len(rows), *seen.holdout.shape[-rows.ndim + 1 :]))
        k = min(origin.shape[1], held.shape[1], _MOST_NEIGHBOURS)
        out = np.empty(len(rows))
        for r, rng in enumerate(each):
            ask, first, other = (
                seen.exp.features(chosen(some[r], size, rng))
                for some, size in ((rows, _MOST_NEIGHBOURS), (origin, k), (held, k))
            )
            near, far = _nearest(ask, first), _nearest(ask, other)
            out[r] = ((near < far) + 0.5 * (near == far)).mean()
        return out


def _nearest(ask: Array, rows: Array) -> Array:
    """(n,) distances of each row to the nearest of some."""
    from scipy.spatial import KDTree
    from scipy.spatial.distance import cdist

    if len(ask) * len(rows) <= _FEW_PAIRS:
        return np.asarray(cdist(ask, rows).min(axis=1))
    return np.asarray(KDTree(rows).query(ask)[0])


def _equal(ask: Array, rows: Array) -> float:
    """The share of rows (n, *event) that are among others; missing cells are alike."""
    # one kind of NaN, and one of zero: equal rows are equal bytes
    asked, known = (np.where(np.isnan(x), np.nan, x + 0.0) for x in (ask, rows))
    among = {row.tobytes() for row in known}
    return sum(row.tobytes() in among for row in asked) / len(asked)


@component
class Detectability:
    """Error of a learner that tells published from held-out rows: 0.5 is none can be told, 0 is that all can.

    As many rows of each kind are taken, at random, and divided into halves; the learner is fitted to one
    half and tried on the other, and the other way round. Of rows of one law the expected error is exactly
    1/2, whatever the learner; of two laws it is at least the Bayes error, which a better learner comes nearer
    to. Undefined of fewer than two rows of a kind.

    Args:
        learner: "logistic", "boosting", or any classifier of scikit-learn's kind by "module:name".

    References:
        Lopez-Paz and Oquab, Revisiting classifier two-sample tests (2017), arXiv:1610.06545.
    """

    learner: Learner = "logistic"
    title: ClassVar = "Detectability"
    unit: ClassVar = "error in telling published from real"
    better: ClassVar = "higher"
    scale: ClassVar = "share"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")
    reference: ClassVar = Reference(0.5, "rows of one law")

    def says(self, exp: Experiment) -> dict[str, str]:
        """Who tells them apart."""
        who = OURS[self.learner][0] if self.learner in OURS else f"what {name(self.learner)} makes"
        about = f"Error of {who} in telling published rows from held-out real ones; 0.5 is that it cannot."
        return {"about": about + said_of(exp)}

    def __call__(self, seen: Observation) -> Array:
        """(R,) errors."""
        rows = seen.rows
        held = np.broadcast_to(seen.holdout, (len(rows), *seen.holdout.shape[-rows.ndim + 1 :]))
        half = min(rows.shape[1], held.shape[1], MOST) // 2
        if half == 0:
            return np.full(len(rows), np.nan)
        each = seen.rng.measure.spawn(len(rows))
        seeds = [int(rng.integers(2**31)) for rng in each]
        real, published = (
            np.stack([self._drawn(seen, x, 2 * half, rng) for x, rng in zip(some, each, strict=True)])
            for some in (held, rows)
        )
        cuts = (slice(half), slice(half, None))
        sides = [np.concatenate([real[:, cut], published[:, cut]], axis=1) for cut in cuts]
        y = np.repeat([0.0, 1.0], half)
        wrong = [self._wrong(a, b, y, seeds) for a, b in (sides, sides[::-1])]
        return np.asarray((wrong[0] + wrong[1]) / 2)

    @staticmethod
    def _drawn(seen: Observation, rows: Array, k: int, rng: Any) -> Array:
        """(k, d) features of so many rows (n, *event), in random order."""
        return seen.exp.features(rows[rng.permutation(len(rows))[:k]])

    def _wrong(self, x: Array, x_test: Array, y: Array, seeds: list[int]) -> Array:
        """(R,) shares of wrong answers on rows (R, n, d) of a learner fitted to as many."""
        if self.learner == "logistic":
            p = classified(x, np.broadcast_to(y, x.shape[:2]), x_test, 2)
            found = (p[..., 1] > 0.5).astype(float)
        else:
            found = np.stack(
                [
                    predicted(self.learner, fitted(self.learner, x[r], y.astype(int), seeds[r], 2), x_test[r])
                    for r in range(len(x))
                ]
            )
        return np.asarray((found != y).mean(axis=1))
