"""Did it collapse, by which meaning, how fast, and what comes next: verdicts on trajectories over
generations.

>>> import pandas as pd
>>> rows = [(t, r, 0.5 + 0.1 * t + 0.01 * ((7 * r * t) % 5)) for t in range(1, 21) for r in range(20)]
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
    """The eight answers for every line of a run, or of anybody's table.

    Args:
        data: results; or a frame or the path of a file of values by generation; or trajectories.
        margins: where a yes begins.
        columns: of a table, which columns are what: the fields of :class:`.others.Columns`, as
            ``generation="step", value="loss", replicate="seed", group="method", better="lower"``.

    Raises:
        DataError: if a table cannot be read as values by generation.
    """
    from genloss.study.results import Results

    if isinstance(data, Results) or (isinstance(data, (list, tuple)) and not columns):
        return _judged(data, margins, data.notes if isinstance(data, Results) else ())
    from genloss.collapse.others import Columns, read

    given: dict[str, Any] = {
        k: (v,) if isinstance(v, str) and k in ("value", "group", "missing") else v
        for k, v in columns.items()
    }
    some, notes = read(data, Columns(**given))
    return _judged(some, margins, notes)
