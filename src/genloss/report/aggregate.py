"""What is said of replicates: the typical one and their mean by generation, and how they changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss import intervals
from genloss.intervals import Interval
from genloss.meaning import Meaning
from genloss.samples import Array
from genloss.study.cells import Cell
from genloss.study.results import Results

GENERATION = "generation"
"""The axis of loops, of which place 0 is the real rows."""
Key = tuple[int, int, str]
"""Index of the cell, index of the line (of a loop the agent), name of the metric."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A metric of one agent in one cell.

    Args:
        meaning: what the metric says of itself.
        axis: what runs from left to right: "generation", or another task's first axis; "" where it has none.
        at: (T,) labels along it: generations from 1, or whatever its task has.
        typical: of the typical replicate, the median: (T,) estimates, low and high ends; NaN for none.
        mean: the same of the mean; infinite where a replicate is.
        known: (T,) replicates that have a value.
        change: from the first generation to the last, of the typical replicate: a factor where the metric's
            scale is "ratio", else a difference.
        paired: replicates that it compares with themselves.
        real: of the real rows themselves, the typical replicate's; None where there is no such thing.
        needed: replicates that would bring the last mean within a factor of 2, NaN where that is not known; 0
            where its interval says that it is.
        replicates: that are finished.
        wanted: that were asked for.
        zeros: replicates whose last value is 0.
        last: (R,) of the last place, replicate by replicate; NaN where one has no value.
        since: the label by which half of these have become 0 and stay so; None where there are none, or no
            axis.
    """

    meaning: Meaning
    axis: str
    at: tuple[Any, ...]
    typical: Interval
    mean: Interval
    known: Array
    change: Interval
    paired: int
    real: Interval | None
    needed: float
    replicates: int
    wanted: int
    zeros: int
    last: Array
    since: Any = None


def curves(
    results: Results, cells: Sequence[Cell] | None = None, metric: str | None = None
) -> dict[Key, Curve]:
    """What was measured.

    Args:
        results: of a study.
        cells: of which; by default of all.
        metric: the only one that is wanted; by default all are.
    """
    found = {}
    for cell, name, values, replicates in results.arrays(cells, metric):
        x = values.reshape(values.shape[0] if cell.outline.axes else 1, -1, values.shape[-1])
        for line in range(x.shape[1]):
            said = cell.outline.meanings[name]
            found[cell.index, line, name] = curve(x[:, line], said, replicates, cell)
    return found


def curve(x: Array, meaning: Meaning, replicates: int, cell: Cell) -> Curve:
    """What is said of (T, R) values, of a loop from generation 0 on; NaN where a replicate has none."""
    axis = next(iter(cell.outline.axes), "")
    labels = tuple(cell.outline.labels(axis)) if axis else ("",)
    start = np.full(x.shape[1], np.nan)
    if axis == GENERATION:
        start, x, labels = x[0], x[1:], labels[1:]
    first, last = x[0], x[-1]
    mean = intervals.mean(x, meaning.scale)
    estimate, low, high = (float(v[-1]) for v in mean)
    # of a positive amount a factor means something
    wide = meaning.scale == "ratio" and estimate > 0 and (high > 2 * estimate or 2 * low < estimate)
    return Curve(
        meaning,
        axis,
        labels,
        intervals.typical(x),
        mean,
        (~np.isnan(x)).sum(axis=1),
        intervals.change(first, last, meaning.scale),
        int((~np.isnan(first) & ~np.isnan(last) & ~(np.isinf(first) & (first == last))).sum()),
        None if np.isnan(start).all() else intervals.typical(start),
        float(intervals.replicates_for_mean(last)) if wide else 0.0,
        replicates,
        cell.outline.replicates,
        int((last == 0).sum()),
        last,
        _since(x, labels) if axis else None,
    )


def _since(x: Array, labels: Sequence[Any]) -> Any:
    """The label by which half of the replicates that end at 0 have become so for good; None of none."""
    gone = x[:, x[-1] == 0] == 0
    if not gone.size:
        return None
    begins = len(x) - np.logical_and.accumulate(gone[::-1]).sum(axis=0)
    return labels[np.sort(begins)[(len(begins) - 1) // 2]]
