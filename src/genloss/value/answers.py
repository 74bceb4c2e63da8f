"""From the answers of trials to a number for each arm and real row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from genloss.samples import Array
from genloss.trials import Arm, Trial
from genloss.value.measures import Measure

if TYPE_CHECKING:
    from genloss.study import Results
    from genloss.study.cells import Cell


# Of an arm's answers, the share that may be lacking before it is left out.
_LACKING = 0.5


@dataclass(frozen=True, eq=False)
class Answers:
    """What the arms of one cell answered, as far as its tiles are finished.

    Args:
        trial: the cell's.
        source: what to call where its synthetic rows come from; "" where it has none.
        free: whether its synthetic rows cost no generator: rows that are there already, drawn again or
            between.
        generation: of the models that made its rows.
        given: for each time that rows were dealt (A, F, m, K or 1), of arms, finished folds and rows.
        held: for each time (F, m) which rows they are about.
    """

    trial: Trial
    source: str
    free: bool
    generation: int
    given: tuple[Array, ...]
    held: tuple[Array, ...]

    @property
    def size(self) -> int:
        """How many answers each arm gave."""
        return sum(held.size for held in self.held)

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms."""
        return self.trial.arms

    @cached_property
    def lacking(self) -> Array:
        """(A,) share of the answers that are not there because the learner failed."""
        gone = [np.isnan(given).any(axis=-1).reshape(len(self.arms), -1) for given in self.given]
        return np.asarray(np.concatenate(gone, axis=1).mean(axis=1))

    @property
    def usable(self) -> Array:
        """(A,) arms with answers enough to be judged by."""
        return self.lacking <= _LACKING

    def gains(self, measure: Measure, arm: int, over: Answers, free: int) -> Array:
        """(times,) gains of an arm over one of another cell, for each time that both held all folds out."""
        both = zip(self.given, self.held, over.given, over.held, strict=False)
        return np.array(
            [
                measure.sign * (measure.rows(a[arm], y) - measure.rows(b[free], y)).mean()
                for a, held, b, other in both
                if len(held) == self.trial.folds and np.array_equal(held, other)
                for y in [self.trial.targets[held]]
            ]
        )

    def shares(self, measure: Measure) -> Array:
        """(A, n) of each arm for each real row, the mean over the times it was held out.

        NaN of rows that never were, and of arms whose learner failed in most trials. A trial in which another
        arm's failed counts for none: arms are paired.
        """
        n = len(self.trial.real_rows)
        total, count = np.zeros((len(self.arms), n)), np.zeros(n)
        for given, held in zip(self.given, self.held, strict=True):
            told = measure.rows(given, self.trial.targets[held])
            # a learner that failed has said nothing, whatever a measure makes of it
            found = np.where(np.isnan(given).any(axis=-1), np.nan, told).reshape(len(self.arms), -1)
            known = ~np.isnan(found[self.usable]).any(axis=0)
            rows = held.reshape(-1)[known]
            total[:, rows] += found[:, known]
            count[rows] += 1
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def answers(results: Results, cell: Cell, source: str, free: bool, generation: int) -> Answers:
    """The answers of a cell of a study of trials; a tile that failed is not there."""
    trial: Trial = cell.task
    names = [*cell.outline.meanings]
    found = np.stack([results.array(name, cell) for name in names], axis=-1)
    if trial.classes:
        found = np.concatenate([1 - found.sum(axis=-1, keepdims=True), found], axis=-1)
    tiles = found.shape[1] // trial.tile_size
    shape = (len(trial.arms), tiles, trial.folds_together, trial.held_size, found.shape[-1])
    found = found[:, : tiles * trial.tile_size].reshape(shape)
    there = ~np.isnan(found).all(axis=(0, 2, 3, 4))
    # folds of one time belong together: thresholds of one are tuned on the others
    once = trial.folds // trial.folds_together
    given, held = [], []
    for first in range(0, tiles, once):
        mine = [tile for tile in range(first, min(first + once, tiles)) if there[tile]]
        if mine:
            given.append(np.concatenate([found[:, tile] for tile in mine], axis=1))
            held.append(np.concatenate([trial.held(tile) for tile in mine]))
    return Answers(trial, source, free, generation, tuple(given), tuple(held))
