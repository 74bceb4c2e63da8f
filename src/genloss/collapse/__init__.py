"""Did it collapse, by which meaning, how fast, and what comes next: verdicts on trajectories over
generations.

>>> import pandas as pd
>>> rows = [(t, r, 0.5 + 0.1 * t + 0.01 * ((7 * r + t * t) % 23)) for t in range(1, 21) for r in range(20)]
>>> frame = pd.DataFrame(rows, columns=["generation", "replicate", "loss"])
>>> found = verdict(frame, better="lower")
>>> [(f.meaning, f.answer) for f in found.lines[0].findings if f.answer != "not asked"][1]
(2, 'yes')
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genloss.collapse.meanings import MEANINGS, Margins
from genloss.collapse.trajectory import Trajectory, trajectories
from genloss.collapse.verdict import Verdict
from genloss.collapse.verdict import verdict as _judged

if TYPE_CHECKING:
    from genloss.study.results import Results

__all__ = ["MEANINGS", "Margins", "Trajectory", "Verdict", "trajectories", "verdict"]


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
        TypeError: if a column is given that is none of those fields.

    >>> import numpy as np
    >>> losses = 2 + 0.1 * np.arange(30)[:, None] + np.linspace(0, 0.1, 20)
    >>> found = verdict({"loss": losses + 0.01 * np.cos(np.arange(600) ** 2).reshape(30, 20)})
    >>> found.lines[0].answer(2).answer, found.notes[0]
    ('yes', '30 rows read as generations, 20 columns as replicates')
    """
    from genloss.study.results import Results

    if isinstance(data, Results):
        return _judged(data, margins, data.notes)
    if isinstance(data, (list, tuple)) and data and all(isinstance(one, Trajectory) for one in data):
        return _judged(data, margins)
    from genloss.collapse.others import Columns, read

    given: dict[str, Any] = {
        k: (v,) if isinstance(v, str) and k in ("value", "group", "missing") else v
        for k, v in columns.items()
    }
    some, notes = read(data, Columns(**given))
    return _judged(some, margins, notes)
