"""Did it collapse, by which meaning, how fast, and what comes next: verdicts on trajectories over
generations.

>>> import pandas as pd
>>> rows = [(t, r, 0.5 + 0.1 * t + 0.01 * ((r * t) % 23)) for t in range(1, 21) for r in range(20)]
>>> frame = pd.DataFrame(rows, columns=["generation", "replicate", "loss"])
>>> found = verdict(frame, better="lower")
>>> [(f.meaning, f.answer) for f in found.lines[0].findings if f.answer != "not asked"][0]
(2, 'yes')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from genloss.collapse.forecast import Crossing, Forecast
from genloss.collapse.forecast import forecasts as _ahead
from genloss.collapse.meanings import MEANINGS, Margins
from genloss.collapse.monitor import Monitor, Watch
from genloss.collapse.trajectory import Trajectory, trajectories
from genloss.collapse.verdict import Verdict
from genloss.collapse.verdict import verdict as _judged
from genloss.collapse.warning import Move, Warned
from genloss.collapse.warning import warn as _warned
from genloss.errors import SpecError, shown
from genloss.study.registry import did_you_mean

if TYPE_CHECKING:
    from genloss.study.results import Results

__all__ = [
    "MEANINGS",
    "Crossing",
    "Forecast",
    "Margins",
    "Monitor",
    "Move",
    "Trajectory",
    "Verdict",
    "Warned",
    "Watch",
    "forecast",
    "trajectories",
    "verdict",
    "warn",
]


def verdict(data: Results | Any, margins: Margins | None = None, **columns: Any) -> Verdict:
    """The eight answers for every line of a run, or of anybody's values by generation.

    Args:
        data: results; or trajectories; or a table: the path of a file, a list of paths, a frame of pandas,
            Polars or Arrow, a dict of columns; or a (T, R) array, generations down and replicates across, or
            a dict of such arrays by metric.
        margins: where a yes begins.
        columns: of a table, which columns are what: the fields of :class:`.others.Columns`, as
            ``generation="step", value="loss", replicate="seed", group="method", better="lower"``.

    Raises:
        DataError: if a table cannot be read as values by generation.
        SpecError: if a column is given that is none of those fields, or of what is no table.

    >>> import numpy as np
    >>> losses = 2 + 0.1 * np.arange(30)[:, None] + np.linspace(0, 0.1, 20)
    >>> found = verdict({"loss": losses + 0.01 * np.cos(np.arange(600) ** 2).reshape(30, 20)})
    >>> found.lines[0].answer(2).answer, found.notes[0]
    ('yes', '30 rows read as generations, 20 columns as replicates')
    """
    some, notes = _lines(data, columns, "margins")
    return _judged(some, margins, notes)


def warn(data: Results | Any, watch: str | None = None, alpha: float = 0.05, **columns: Any) -> list[Warned]:
    """Of every line, when each metric was seen to move, and how long before the one that one cares about.

    Each metric is monitored (:class:`Monitor`) from generation 1 on, at alpha over the number of metrics of
    the line. An alarm says that a metric has been *seen* to move: of two that move at once, the one with less
    noise is seen first, which is what counts for a warning, and is no cause.

    Intervals resample replicates, the same ones for all metrics of a line; below 30 replicates there are
    none. A resample in which neither metric has an alarm counts as any lead.

    Args:
        data: results; or a frame or the path of a file of values by generation; or trajectories.
        watch: name of the metric that one cares about; by default the first one of a line that is better
            lower.
        alpha: the most that the probability of a false alarm on a line may be.
        columns: as in :func:`verdict`.

    Raises:
        DataError: if a table cannot be read as values by generation.
        GenlossError: if no line has the metric, there is nothing to look at, alpha is not between 0 and 1, or
            columns are none.
    """
    some, notes = _lines(data, columns, "watch", "alpha")
    return _warned(some, watch, alpha, notes)


def forecast(
    data: Results | Any,
    at: int,
    metric: str | None = None,
    *,
    threshold: float | None = None,
    level: float = 0.9,
    **columns: Any,
) -> list[Forecast]:
    """What the same replicates would show at a later generation: of every line the mean and the median.

    Args:
        data: results; or a frame or the path of a file of values by generation; or trajectories.
        at: the generation.
        metric: the name of the only one that is wanted; by default all are.
        threshold: of the metric; when it is crossed is forecast too.
        level: share of intervals that are meant to hold what will be seen.
        columns: as in :func:`verdict`.

    Raises:
        DataError: if a table cannot be read as values by generation.
        GenlossError: if a line has that generation already, no line has the metric, a number is none that
            makes sense, or columns are none.
    """
    some, _ = _lines(data, columns, "metric", "threshold", "level")
    wanted = [x for x in some if metric is None or x.metric == metric]
    if some and not wanted:
        near = did_you_mean(str(metric), {x.metric for x in some})
        raise SpecError(f"metric = {shown(metric)}: there is no such metric{near}")
    return list(_ahead(wanted, at, level=level, threshold=threshold))


def _lines(data: Any, columns: dict[str, Any], *own: str) -> tuple[list[Trajectory], Sequence[str]]:
    """Trajectories, whatever they are in, and what is to be known of them.

    Args:
        data: as in :func:`verdict`.
        columns: which columns are what.
        own: other options of the function that was called.

    Raises:
        SpecError: if columns are none that there are, or given of what is no table.
    """
    from genloss.collapse.others import Columns, read
    from genloss.study.results import Results

    known = [*own, *(field.name for field in fields(Columns))]
    for name, value in columns.items():
        if name not in known:
            raise SpecError(f"{name} = {shown(value)}: there is no such option{did_you_mean(name, known)}")
    ours = isinstance(data, Results)
    if ours or (isinstance(data, (list, tuple)) and data and all(isinstance(x, Trajectory) for x in data)):
        if columns:
            raise SpecError(f"{', '.join(columns)}: of a table; results and trajectories know their columns")
        return (list(trajectories(data)), data.notes) if ours else (list(data), ())
    given: dict[str, Any] = {
        k: (v,) if isinstance(v, str) and k in ("value", "group", "missing") else v
        for k, v in columns.items()
    }
    return read(data, Columns(**given))
