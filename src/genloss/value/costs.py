"""How long trials take, roughly: what a budget is worth beginning with, and how much of it is enough.

Seconds of one core of a laptop, measured on tables of 500 to 90,000 rows; another machine takes half or twice
as long, another table too. Nothing that is told of the data rests on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from genloss.generators import Copula, Given
from genloss.metrics.learners import LINEAR
from genloss.protocols import Generator
from genloss.tables import Schema
from genloss.traits import SCHEMA
from genloss.trials import Trial

# Seconds a row and input of one fit: of a linear learner (from the optimum of a neighbour), and of trees and
# all others.
_LINEAR, _OTHER = 5e-8, 6e-7
# Seconds that a fit takes of however few rows.
_LEAST_LINEAR, _LEAST_OTHER = 0.002, 0.4
# Seconds a cell, of a copula; and of a chain of trees a row, question and pair of columns.
_COPULA, _CHAIN = 8e-7, 1.5e-7
# Seconds in which an interpreter starts and reads a table, and those a cell.
_START, _CELL = 6.0, 1e-6


def making(source: Generator, rows: int, columns: int) -> float:
    """Seconds that a generator takes to be fitted to a table; of one that is not known, those of trees."""
    if isinstance(source, Given):
        return 0.0
    if isinstance(source, Copula):
        return _COPULA * rows * columns
    return 0.05 + _CHAIN * rows * math.log2(rows + 1) * columns**2 / 2


def tile(trial: Trial) -> float:
    """Seconds that a tile of a trial takes."""
    schema = SCHEMA.of(trial.real)
    assert isinstance(schema, Schema)
    wide, linear = trial.inputs, trial.learner in LINEAR
    each, least = (_LINEAR, _LEAST_LINEAR) if linear else (_OTHER, _LEAST_OTHER)
    classes = max(trial.classes, 2) / 2
    rows = sum((1 + arm.dose + arm.parity) * trial.trained for arm in trial.arms)
    found: float = each * rows * wide * classes + least * len(trial.arms)
    if trial.source is not None:
        found += making(trial.source, trial.trained, len(schema.columns))
    return int(trial.folds_together) * found


def first_round(trials: Sequence[Trial], workers: int) -> float:
    """Seconds until all of some trials have a tile."""
    rows, columns = trials[0].real_rows.shape
    took = [tile(trial) for trial in trials]
    start: float = _START + _CELL * rows * columns
    return start + max(sum(took) / max(workers, 1), *took)


def rounded(seconds: float) -> int:
    """Up to a number that can be remembered.

    >>> [rounded(s) for s in (3.2, 41.0, 130.0, 700.0)]
    [5, 45, 180, 720]
    """
    unit = next(u for u in (5, 60, 3600) if seconds <= 15 * u or u == 3600)
    return math.ceil(seconds / unit) * unit
