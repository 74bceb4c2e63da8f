"""What the trials of one learner say: the arms of all cells, on the rows that all were asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.errors import FitError
from genloss.samples import Array
from genloss.trials import Arm, Trial
from genloss.value.answers import Answers
from genloss.value.gains import Gain, Interval, curve, gain
from genloss.value.measures import Measure, measures

if TYPE_CHECKING:
    from genloss.study import Results
    from genloss.value.plan import Part

# Errors by which a source's best arm must lie behind the best of all to be given up.
_BEHIND = 3.0
# Rows that must have been asked about before; of small tables nearly all.
_ENOUGH = 500


@dataclass(frozen=True)
class Place:
    """An arm, and the cell that it stands in.

    Args:
        source: of its synthetic rows; "real rows" where it has none.
        free: whether its rows cost no generator.
        arm: the arm.
        generation: of the models that made its rows.
    """

    source: str
    free: bool
    arm: Arm
    generation: int = 1

    @property
    def candidate(self) -> bool:
        """Whether it is an answer to the question: synthetic rows that a generator made."""
        return self.arm.synthetic and not self.free and self.generation == 1


@dataclass(frozen=True, eq=False)
class Reading:
    """What the trials of one learner say.

    Args:
        learner: which.
        settings: its settings in words.
        trained: real rows that each learner learnt from.
        times: how often each row was held out, on average.
        places: (A,) the arms.
        rows: (n,) which real rows were asked about.
        shares: of each measure by name, (A, n).
        gain: of the best arm over the best free one.
        failures: what went wrong, a line each.
        rounds: that were done, and that were planned; the last one may not have been finished.
        dealing: standard error of the gain by dealing folds, generators and learners anew; None where rows
            were dealt once.
    """

    learner: Any
    settings: Sequence[str]
    trained: int
    times: float
    places: tuple[Place, ...]
    rows: Array
    shares: dict[str, Array]
    gain: Gain
    failures: tuple[str, ...]
    rounds: tuple[int, int] = (1, 1)
    dealing: float | None = None

    @property
    def best(self) -> Place:
        """The best arm with synthetic rows."""
        return self.places[self.gain.best]

    @property
    def free(self) -> Place:
        """The best arm without."""
        return self.places[self.gain.free]

    def value(self, measure: Measure, arm: int) -> float:
        """A measure of an arm."""
        return float(self.shares[measure.name][arm].mean())

    def told(self) -> str:
        """The verdict in a word, before any margin."""
        return "helps" if self.gain.beaten else "hurts" if self.gain.worse else "no evidence yet"

    def said(self, measure: Measure) -> str:
        """Where it stands, in a line."""
        points = 100 if measure.points else 1
        low, high = self.gain.typical.low * points, self.gain.typical.high * points
        unit = " points" if measure.points else ""
        return (
            f"{self.learner}, each row held out {self.times:.2g} times: {self.told()}, gain of the "
            f"best arm "
            f"{self.gain.typical.value * points:.2g}{unit} of {measure.title} ({low:.2g} to {high:.2g})"
        )

    def doses(self, measure: Measure, source: str) -> list[tuple[Arm, Interval]]:
        """Gains of a source's doses over the best free arm, in the learner's setting that the best arm has.

        Args:
            measure: what is judged by.
            source: whose.
        """
        mine = [
            i
            for i, p in enumerate(self.places)
            if p.source == source
            and p.arm.dose
            and p.arm.weight == 1
            and not p.arm.strategy
            and p.arm.setting == self._setting(source, measure)
        ]
        found = self._over_free(measure, mine)
        return sorted(zip((self.places[i].arm for i in mine), found, strict=True), key=lambda at: at[0].dose)

    def strategies(self, measure: Measure) -> list[tuple[Place, Interval]]:
        """The best arm of each strategy and source, adding among them, with its gain over the best free arm.

        Args:
            measure: what is judged by.
        """
        value = measure.sign * self.shares[measure.name].mean(axis=1)
        best: dict[tuple[str, str], int] = {}
        for i, p in enumerate(self.places):
            key = (p.source, p.arm.strategy or ("equal classes" if p.arm.parity else ""))
            if p.candidate and (key not in best or value[i] > value[best[key]]):
                best[key] = i
        mine = sorted(best.values(), key=lambda i: -value[i])
        found = self._over_free(measure, mine)
        return [(self.places[i], one) for i, one in zip(mine, found, strict=True)]

    def generations(self, measure: Measure) -> list[tuple[int, Interval]]:
        """Gains of the best arm over the best free one, by the generation of the model behind its rows."""
        best = self.best
        mine = [
            i
            for i, p in enumerate(self.places)
            if p.source.partition(", generation ")[0] == best.source
            and replace(p.arm, weight=1.0) == replace(best.arm, weight=1.0, strategy="")
            and (p.generation > 1 or i == self.gain.best)
        ]
        found = self._over_free(measure, mine)
        return [(self.places[i].generation, one) for i, one in zip(mine, found, strict=True)]

    def _over_free(self, measure: Measure, mine: list[int]) -> list[Interval]:
        """Gains of some arms over the best free one, with intervals that hold at once."""
        shares = self.shares[measure.name]
        return curve(shares[mine], shares[self.gain.free], measure.sign)

    def _setting(self, source: str, measure: Measure) -> int:
        """The learner's setting in which a source's arms are best."""
        mine = [i for i, p in enumerate(self.places) if p.source == source and p.arm.synthetic]
        mean = measure.sign * self.shares[measure.name][mine].mean(axis=1)
        return self.places[mine[int(mean.argmax())]].arm.setting

    def sources(self) -> list[str]:
        """Where candidates' rows come from."""
        return list(dict.fromkeys(p.source for p in self.places if p.candidate))


def read(some: Sequence[Answers], measure: Measure, results: Results, wanted: Sequence[Part]) -> Reading:
    """What the answers of a learner's cells say.

    Args:
        some: the answers, those of the real rows alone first.
        measure: what is judged by.
        results: that they are of.
        wanted: what was to be tried; of sources that were given up on the way it is said.

    Raises:
        FitError: if the learner failed everywhere, or no source made rows.
    """
    first: Trial = some[0].trial
    kinds = measures(first.classes)
    places: list[Place] = []
    cells: list[tuple[Answers, int]] = []
    lacking: list[str] = []
    shares: dict[str, list[Array]] = {name: [] for name in kinds}
    for one in some:
        found = {name: one.shares(kind) for name, kind in kinds.items()}
        for i, arm in enumerate(one.arms):
            if not one.usable[i]:
                lacking.append(f"{_failed(one, i)} of its trials (logs/ of the run say why)")
                continue
            if one.lacking[i]:
                lacking.append(
                    f"{_failed(one, i)} of its trials, which are left out (logs/ of the run say why)"
                )
            places.append(Place(one.source, one.free, arm, one.generation))
            cells.append((one, i))
            for name in kinds:
                shares[name].append(found[name][i])
    tables = {name: np.stack(rows) for name, rows in shares.items()}
    known = ~np.isnan(tables[measure.name]).any(axis=0)
    if known.sum() < 2:
        raise FitError(f"{first.learner}: there are no rows that it answered in every way to train")
    tables = {
        name: np.where(np.isnan(t), np.nanmean(t, axis=1, keepdims=True), t)[:, known]
        for name, t in tables.items()
    }
    candidates = np.array([p.candidate for p in places])
    # parts of the real rows are for the learning curve, and later generations for what becomes of the gain
    whole = np.array([p.arm.share == 1 and p.generation == 1 for p in places])
    errors = [f"{cell.label}: {error}" for cell, error in results.failures]
    failed_too = {cell.label for cell, _ in results.failures}
    there, asked = {one.source for one in some}, {cell.label for cell in results.cells}
    for part in wanted:
        if part.name not in asked:
            errors.append(f"{part.name}: given up after the first rounds, clearly behind the others")
        elif part.name not in there | failed_too:
            errors.append(f"{part.name}: not one of its trials was finished within the budget")
    if not candidates.any():
        raise FitError(next(iter(errors), "no source made rows"))
    order = np.flatnonzero(whole)
    told = gain(tables[measure.name][order], candidates[order], measure.sign)
    told = replace(told, best=int(order[told.best]), free=int(order[told.free]))
    (of, best), (over, free) = cells[told.best], cells[told.free]
    by_time = of.gains(measure, best, over, free)
    dealing = float(by_time.std(ddof=1) / np.sqrt(len(by_time))) if len(by_time) > 1 else None
    times = float(np.mean([one.size / len(first.real_rows) for one in some if not one.free] or [1.0]))
    return Reading(
        first.learner,
        first.settings,
        first.trained,
        times,
        tuple(places),
        np.flatnonzero(known),
        tables,
        told,
        (*errors, *lacking),
        dealing=dealing,
    )


def _failed(one: Answers, i: int) -> str:
    """How often the learner of an arm failed, to begin a sentence with."""
    what = f"{one.source}: {one.arms[i].said(one.trial.settings)}"
    return f"{what}: the learner failed in {one.lacking[i]:.1%}"


def hopeless(reading: Reading, measure: Measure, rows: int) -> set[str]:
    """Sources whose best arm lies clearly behind the best of all: nothing more is spent on them.

    Args:
        reading: of the trials so far.
        measure: what is judged by.
        rows: that there are, not all of which may have been held out yet.
    """
    good = measure.sign * reading.shares[measure.name]
    if good.shape[1] < min(_ENOUGH, 0.9 * rows):
        return set()
    mean = good.mean(axis=1)
    best: dict[str, int] = {}
    for i, place in enumerate(reading.places):
        if place.candidate and (place.source not in best or mean[i] > mean[best[place.source]]):
            best[place.source] = i
    first = max(best.values(), key=lambda i: mean[i])
    gone = set()
    for name, i in best.items():
        apart = good[first] - good[i]
        error = apart.std(ddof=1) / np.sqrt(len(apart))
        if apart.mean() > _BEHIND * error > 0:
            gone.add(name)
    return gone
