"""What makes an answer less than it seems: of the table, of files of synthetic rows, of what makes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from genloss.errors import DataError
from genloss.generators import Given
from genloss.generators.given import copied
from genloss.metrics.learners import real_target
from genloss.protocols import Generator
from genloss.real import Table
from genloss.samples import Array
from genloss.trials import Trial
from genloss.wording import several

# How well one column alone may tell the target before it is said to know it.
_KNOWS = 0.995
# Share of rows that may equal others before it is said.
_EQUAL = 0.01


def of_table(real: Table) -> Iterator[str]:
    """What of the real rows makes an answer less than it seems, a line each."""
    trial = Trial(real)
    rows, target = trial.real_rows, real_target(real)
    equal = len(rows) - len(np.unique(rows, axis=0))
    if equal > _EQUAL * len(rows):
        yield (
            f"{several(equal, 'row')} of {len(rows):,} equal another row: where both sides of a split "
            f"have one, the "
            f"learner has seen the answer, and all values are too good; leave the copies out if they are "
            f"no coincidence"
        )
    for j, column in enumerate(real.schema.columns):
        if j != target and _tells(rows[:, j], trial.targets, column.codes, trial.classes) >= _KNOWS:
            yield (
                f"'{column.name}' alone tells '{real.schema.columns[target].name}' nearly without error: "
                f"if it is known "
                f"only afterwards, the target has leaked into it; leave it out with --set "
                f"'drop=[{column.name}]'"
            )


def _tells(x: Array, y: Array, codes: int, classes: int) -> float:
    """How well a column alone tells the target, from chance to 1."""
    from scipy.stats import rankdata

    known = ~np.isnan(x) & ~np.isnan(y)
    x, y = x[known], y[known]
    if len(x) < 0.5 * len(known) or len(np.unique(x)) < 2:
        return 0.0
    if classes and codes:
        table = np.zeros((codes, classes))
        np.add.at(table, (x.astype(int), y.astype(int)), 1)
        usual = table.sum(axis=0).max() / len(x)
        # of a key with a level for each row nothing is told
        hit = table.max(axis=1).sum() / len(x) if codes < len(x) / 4 else 0.0
        return 0.5 + 0.5 * (hit - usual) / (1 - usual) if usual < 1 else 0.0
    if classes:
        rank, areas = rankdata(x), []
        for k in range(classes):
            ones = (y == k).sum()
            if 0 < ones < len(y):
                area = (rank[y == k].mean() - (ones + 1) / 2) / (len(y) - ones)
                areas.append(max(area, 1 - area))
        return float(min(areas, default=0.0))
    if codes:
        return 0.0
    rho = np.corrcoef(rankdata(x), rankdata(y))[0, 1]
    return float(0.5 + 0.5 * abs(rho))


def of_files(real: Table, sources: Mapping[str, Generator]) -> Iterator[str]:
    """What of files of synthetic rows makes an answer less than it seems, a line each.

    Raises:
        DataError: if all rows of a file are equal.
    """
    every = real.features(Trial(real).real_rows)
    for name, source in sources.items():
        if not isinstance(source, Given):
            continue
        rows = source.rows(real.schema)
        if len(rows) > 1 and (np.nan_to_num(rows) == np.nan_to_num(rows[0])).all():
            raise DataError(f"{source.path}: all {len(rows):,} rows are equal; synthetic rows should differ")
        made = real.features(rows)
        of, blurred = copied(made, every)
        if blurred:
            yield (
                f"{name}: its rows lie much nearer to real rows than these to each other, as blurred "
                f"copies do; each "
                f"counts as a copy of the nearest real row, and is left out where that row is held out"
            )
        elif (of >= 0).any():
            share = (of >= 0).mean()
            yield (
                f"{name}: {several(int((of >= 0).sum()), 'row')} ({share:.0%}) "
                f"{'are' if (of >= 0).sum() > 1 else 'is'} "
                f"identical to real rows; they are left out where those rows are held out"
            )
        yield (
            f"{name}: made elsewhere: if what made it was trained on these {len(every):,} rows, those "
            f"held out included, its "
            f"gain is too good; have genloss fit the generator (--generator), or give as DATA rows that "
            f"it has not seen"
        )
