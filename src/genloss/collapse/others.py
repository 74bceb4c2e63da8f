"""Anybody's runs: a table of values by generation becomes trajectories, and every guess is said in a line.

Long tables have a row for each value: columns for generation, value, replicate and groups. Wide tables have a
column for each metric, replicate or generation. An array is (T, R): generations down, replicates across. What
a careful statistician would not read as it stands, is refused with what to write instead; what can be mended
is mended, and said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.collapse import guards, opening
from genloss.collapse.columns import Columns, Long, quoted
from genloss.collapse.opening import Say
from genloss.collapse.rows import meaning, mended, say_meanings
from genloss.collapse.trajectory import Trajectory
from genloss.collapse.wide import long as long_of
from genloss.errors import DataError
from genloss.meaning import Meaning
from genloss.samples import Array
from genloss.wording import several

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Columns", "read"]

_TAKEN = (
    *("metric", "meaning", "name", "answer", "effect", "low", "high", "unit", "law", "needs", "why"),
    *("of", "at", "level", "last", "seen", "forecast", "cannot_tell", "laws", "since", "crossing", "notes"),
    *("watched", "alarm", "alarm_low", "alarm_high", "direction", "lead", "lead_low", "lead_high"),
    *("generations", "replicates", "over", "alpha", "alpha_each"),
)
_SAID = {name: f"group.{name}" for name in _TAKEN}
"""Groups whose names JSON has for its own keys; what stands before a point is not shown."""


def read(data: Any, columns: Columns | None = None) -> tuple[list[Trajectory], list[str]]:
    """The trajectories of a table, and a line for each thing that was guessed, mended or left out.

    Args:
        data: the path of a file, or a list of them; a frame of pandas, Polars, Arrow, or a dict of columns; a
            (T, R) array, or a dict of such by metric.
        columns: which are what.

    Raises:
        DataError: if it cannot be read as values by generation; with the culprit and the remedy.

    >>> found, notes = read({"generation": [0, 1, 2], "loss": [0.5, 0.6, 0.8]})
    >>> found[0].generations.tolist(), found[0].meaning.better, notes[-1]
    ([1, 2, 3], 'lower', 'one replicate: nothing has an interval; generations of one run are no replicates')
    """
    given = columns or Columns()
    notes: dict[str, None] = {}  # each once, in order

    def say(note: str) -> None:
        notes[note] = None

    arrays = opening.arrays(data)
    if arrays is None:
        long = long_of(opening.opened(data, given.missing, say), given, say)
    else:
        long = _of_arrays(arrays, given, say)
    return _trajectories(mended(long, given, say), given, say), [*notes]


def _of_arrays(arrays: dict[str, Array], given: Columns, say: Say) -> Long:
    """Arrays, generations down and replicates across, as a row for each value."""
    import pandas as pd

    asked = {"generation": given.generation, "replicate": given.replicate, "group": given.group}
    wrong = [name for name, column in asked.items() if column]
    if wrong:
        raise DataError(
            f"an array has no column for {wrong[0]}=; its first axis is generations, its second replicates"
        )
    if given.value and len(given.value) != len(arrays):
        raise DataError(
            f"value= names {several(len(given.value), 'metric')}, and there "
            f"{'is' if len(arrays) == 1 else 'are'} {several(len(arrays), 'array')}"
        )
    parts = []
    for name, x in zip(given.value or arrays, arrays.values(), strict=True):
        if given.across == "generations":
            x = x.T
        rows, runs = several(x.shape[0], "row"), several(x.shape[1], "column")
        say(f"{rows} read as generations, {runs} as replicates")
        t, r = np.indices(x.shape)
        parts.append(
            pd.DataFrame(
                {"generation": t.ravel() + 1.0, "replicate": r.ravel(), "metric": name, "value": x.ravel()}
            )
        )
    stacked = pd.concat(parts, ignore_index=True)
    return Long("the array", stacked, (), pd.DataFrame(index=stacked.index), len(arrays) > 1)


def _trajectories(long: Long, given: Columns, say: Say) -> list[Trajectory]:
    """One for each metric of each line.

    Raises:
        DataError: where no line has a value that ever changes.
    """
    found, refused = [], ""
    keys = [*range(len(long.groups))]
    metrics = [str(m) for m in long.rows["metric"].unique()]
    missing = [name for name in given.references if name not in metrics]
    if missing:
        raise DataError(f"--reference {missing[0]}: there is no such metric; there are {quoted(metrics)}")
    said = {
        str(metric): meaning(str(metric), mine["value"].to_numpy(), given)
        for metric, mine in long.rows.groupby("metric", sort=False)
    }
    say_meanings(said, long.rows, given, say)
    notes: dict[str, list[str]] = {}
    for key, mine in long.rows.groupby(["metric", *keys], sort=False, dropna=False):
        metric, *own = key if isinstance(key, tuple) else (key,)
        labels = {_SAID.get(k, k): v for k, v in zip(long.groups, own, strict=True)}
        where = ", ".join(
            [
                *([str(metric)] if len(metrics) > 1 else []),
                *(f"{k}={v}" for k, v in zip(long.groups, own, strict=True)),
            ]
        )

        def of_line(note: str, where: str = where) -> None:
            notes.setdefault(note, []).append(where)

        made = _trajectory(long.source, str(metric), said[str(metric)], labels, mine, of_line)
        if isinstance(made, Trajectory):
            found.append(made)
        else:
            refused = f"{long.source}: {f'{where}: ' if where else ''}{made}"
            of_line(f"{made}; left out")
    if not found:
        raise DataError(refused)
    lines = long.rows.groupby(["metric", *keys], dropna=False).ngroups
    for note, of in notes.items():
        more = f" and {len(of) - 3} more" if len(of) > 3 else ""
        say(note if len(of) == lines else f"{'; '.join(of[:3])}{more}: {note}")
    return found


def _trajectory(
    source: str,
    metric: str,
    said: tuple[Meaning, float],
    labels: dict[str, Any],
    rows: pd.DataFrame,
    say: Say,
) -> Trajectory | str:
    """A line's metric; or why it is none."""
    who = rows["replicate"].unique()
    table = rows.pivot(index="generation", columns="replicate", values="value")[[*who]]
    t, x = table.index.to_numpy(dtype=float), table.to_numpy(dtype=float) / said[1]
    guards.no_pieces(source, t, x, who)
    t, x, kept = guards.complete(t, x, say)
    who = who[kept]
    if len(t) < 2:
        return f"it has one generation, {t[0]:g}; a verdict is of a change over generations"
    kept = guards.no_copies(x, say)
    x, who = x[:, kept], who[kept]
    t = guards.counted(source, t, say)
    if (x == x[:1]).all():
        every = (
            f"every value is {x[0, 0]:g}"
            if (x == x[0, 0]).all()
            else "no value ever changes, in any replicate"
        )
        return f"{every}, to the last digit: frozen is not stable; was it computed anew each generation?"
    t, x = guards.thawed(t, x, who, say)
    if x.shape[1] == 1:
        say("one replicate: nothing has an interval; generations of one run are no replicates")
    return Trajectory(metric, said[0], t.astype(int), x, labels)
