"""Who gains and who loses: the gain of the best arm by class and by subgroup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from genloss.metrics.learners import real_target
from genloss.real import Table
from genloss.samples import Array
from genloss.trials import Trial
from genloss.value.gains import Interval

# Rows below which nothing is said of a group, and levels of a column beyond which it makes no groups.
_FEWEST, _LEVELS = 20, 6


@dataclass(frozen=True)
class Group:
    """The gain among some rows.

    Args:
        column: that they are told by.
        level: what they have there.
        rows: how many.
        gain: of them; intervals of all groups hold at once.
    """

    column: str
    level: str
    rows: int
    gain: Interval


def groups(real: Table, rows: Array, apart: Array) -> list[Group]:
    """The gains of all groups that are large enough, the target's first.

    Args:
        real: the table.
        rows: (n,) which of its rows.
        apart: (n,) the gain on each.
    """
    cells = Trial(real).real_rows[rows]
    some = [(c, level, mine) for c, level, mine in _parts(real, cells) if mine.sum() >= _FEWEST]
    found = []
    for column, level, mine in some:
        d = apart[mine]
        # Sidak's: all intervals hold at once with 95 % where groups are independent, and more where they are
        # not
        wide = stats.t.ppf(0.5 + 0.5 * 0.95 ** (1 / len(some)), len(d) - 1)
        half = float(wide * d.std(ddof=1) / np.sqrt(len(d)))
        mean = float(d.mean())
        found.append(Group(column, level, len(d), Interval(mean, mean - half, mean + half)))
    return found


def _parts(real: Table, cells: Array) -> Iterator[tuple[str, str, Array]]:
    """Column, level and (n,) which rows, the target's first."""
    target = real_target(real)
    order = [target, *(j for j in range(len(real.schema.columns)) if j != target)]
    for j in order:
        column, x = real.schema.columns[j], cells[:, j]
        if column.codes:
            if column.codes <= _LEVELS or j == target:
                for k, label in enumerate(column.categories or ("no", "yes")):
                    yield column.name, str(label), x == k
        elif j == target:
            low, high = np.nanquantile(x, [1 / 3, 2 / 3])
            yield column.name, f"up to {low:.3g}", x <= low
            yield column.name, f"{low:.3g} to {high:.3g}", (x > low) & (x <= high)
            yield column.name, f"over {high:.3g}", x > high
