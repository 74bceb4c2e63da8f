"""What is said of replicates: the typical one and their mean by generation, and how they changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from genloss import intervals
from genloss.intervals import Interval
from genloss.meaning import Meaning
from genloss.report import shim
from genloss.samples import Array
from genloss.study.results import Results
from genloss.study.study import Cell

Key = tuple[int, int, str]
"""Index of the cell, index of the agent, name of the metric."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A metric of one agent in one cell.

    Args:
        meaning: what the metric says of itself.
        generation: (T,) from 1.
        typical: of the typical replicate, the median: (T,) estimates, low and high ends; NaN for none.
        mean: the same of the mean; infinite where a replicate is.
        known: (T,) replicates that have a value.
        change: from the first generation to the last, of the typical replicate: a factor where the metric's
            scale is "ratio", else a difference.
        paired: replicates that it compares with themselves.
        real: of the real rows themselves, the typical replicate's; None where there is no such thing.
        needed: replicates that would bring the last mean within a factor of 2; 0 where it is.
        replicates: that are finished.
        wanted: that were asked for.
    """

    meaning: Meaning
    generation: Array
    typical: Interval
    mean: Interval
    known: Array
    change: Interval
    paired: int
    real: Interval | None
    needed: float
    replicates: int
    wanted: int


def curves(results: Results) -> dict[Key, Curve]:
    """Everything that was measured."""
    found = {}
    for cell, metric, values, replicates in _arrays(results):
        meaning, real = shim.meanings(cell.exp)[metric], shim.real(results, metric, cell)
        for agent in range(values.shape[1]):
            mine = None if real is None else real[agent]
            found[cell.index, agent, metric] = curve(values[:, agent], mine, meaning, replicates, cell)
    return found


def _arrays(results: Results) -> Iterator[tuple[Cell, str, Array, int]]:
    """Cell, metric, (T, A, R) values and how many replicates are finished, in one pass over the sorted table.

    As many calls of ``results.array`` would each look through the whole of it.
    """
    table = results.table
    columns = {name: table[name].to_numpy() for name in ("cell", "agent", "generation", "replicate", "value")}
    names = table["metric"].combine_chunks().dictionary_encode()
    code = names.indices.to_numpy()
    begin = np.flatnonzero(np.diff(columns["cell"], prepend=-1) | np.diff(code, prepend=-1))
    cells = {c.index: c for c in results.cells}
    for a, b in itertools.pairwise([*begin.tolist(), len(code)]):
        cell = cells[int(columns["cell"][a])]
        t, i, r, v = (columns[k][a:b] for k in ("generation", "agent", "replicate", "value"))
        out = np.full((cell.exp.generations, len(cell.exp.agents), cell.exp.replicates), np.nan)
        out[t[t > 0] - 1, i[t > 0], r[t > 0]] = v[t > 0]
        yield cell, names.dictionary[int(code[a])].as_py(), out, len(np.unique(r))


def curve(x: Array, real: Array | None, meaning: Meaning, replicates: int, cell: Cell) -> Curve:
    """What is said of (T, R) values, NaN where a replicate has none, and of (R,) ones of real rows."""
    both = x[:, ~np.isnan(x[[0, -1]]).any(axis=0)]
    mean = _over(lambda v: intervals.mean(v, meaning.scale), x)
    last = x[-1][~np.isnan(x[-1])]
    estimate, low, high = (float(v[-1]) for v in mean)
    # of a positive amount a factor means something
    wide = meaning.scale == "ratio" and estimate > 0 and (high > 2 * estimate or 2 * low < estimate)
    return Curve(
        meaning,
        np.arange(1, len(x) + 1),
        _over(intervals.typical, x),
        mean,
        (~np.isnan(x)).sum(axis=1),
        intervals.change(both[0], both[-1], meaning.scale) if both.size else _NONE,
        both.shape[1],
        None if real is None else Interval(*(v[0] for v in _over(intervals.typical, real[None]))),
        float(intervals.replicates_for_mean(last)) if wide and (last > 0).all() else 0.0,
        replicates,
        cell.exp.replicates,
    )


_NONE = Interval(*np.full((3, 1), np.nan)[:, 0])


def _over(of: Callable[[Array], Interval], x: Array) -> Interval:
    """An estimate with its interval at every generation, over the replicates that have a value there."""
    known = ~np.isnan(x)
    x, known = x[:, known.any(axis=0)], known[:, known.any(axis=0)]
    if known.all() and x.size:
        return of(x)
    each = [of(row[k]) if k.any() else _NONE for row, k in zip(x, known, strict=True)]
    return Interval(*(np.array(some, dtype=float) for some in zip(*each, strict=True)))
