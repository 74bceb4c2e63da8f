"""Which groups of a table's rows help or hurt a linear learner that predicts a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.errors import DataError, SpecError, shown
from genloss.metrics.learners import LINEAR, real_target, target_classes
from genloss.numbers import json_number
from genloss.real import Table
from genloss.samples import Array
from genloss.tables.say import listed, meant
from genloss.trials import Trial
from genloss.value.attribution.deals import Effect, over_rows
from genloss.value.attribution.influence import Check, Influence, influence
from genloss.value.attribution.words import lines

if TYPE_CHECKING:
    from genloss.tables import Column

# Numbers of more values than this are quantities rather than labels.
_LABELS = 50
_MISSING = "(missing)"
_FOLDS = 10


@dataclass(frozen=True, eq=False)
class Attribution:
    """What leaving each group of rows out does to the held-out loss.

    Args:
        target: the column that is predicted.
        by: the column that tells the groups.
        on: the group whose rows judge; None where all do.
        rows: that judge.
        found: the influence of each group, foretold from one fit.
        again: what learning again says of the first few; None where none was.
    """

    target: str
    by: str
    on: str | None
    rows: int
    found: Influence
    again: Check | None

    @property
    def measure(self) -> str:
        """What is lost: "log loss" of classes, "squared error" of numbers."""
        return "log loss" if self.found.dealt.classes else "squared error"

    @property
    def effects(self) -> list[Effect]:
        """The groups, the most helpful first; of those learnt again without, what that says."""
        dealt = self.found.dealt
        mean, error = over_rows(self.found.changes)
        if self.again is not None:
            some = np.searchsorted(dealt.groups, self.again.groups)
            mean[some], error[some] = self.again.retrained, self.again.error
        return dealt.effects(mean, error, dealt.told.size - 1)

    @property
    def foretold(self) -> dict[Any, float]:
        """By group, the change that one fit foretells."""
        groups = self.found.dealt.groups.tolist()
        return dict(zip(groups, over_rows(self.found.changes)[0].tolist(), strict=True))

    def __str__(self) -> str:
        return "\n".join(lines(self))

    def said(self) -> dict[str, Any]:
        """As JSON has it; changes are of the mean held-out loss, above 0 where the group helps."""
        again = () if self.again is None else self.again.groups
        return {
            "target": self.target,
            "by": self.by,
            "on": self.on,
            "learner": "logistic" if self.found.dealt.classes else "ridge",
            "measure": self.measure,
            "loss": json_number(self.found.loss),
            "rows": self.rows,
            "share": self.found.share,
            "groups": [
                {
                    "group": e.group,
                    "rows": e.rows,
                    "verdict": e.word,
                    "change": json_number(e.change.value),
                    "low": json_number(e.change.low),
                    "high": json_number(e.change.high),
                    "foretold": json_number(self.foretold[e.group]),
                    "retrained": e.group in again,
                }
                for e in self.effects
            ],
            "correlation": None if self.again is None else json_number(self.again.correlation),
        }


def attribute(
    data: Any,
    target: str | None,
    by: str,
    *,
    learner: str | None = None,
    on: str | None = None,
    share: float | None = None,
    retrain: int = 10,
    seed: int = 0,
) -> Attribution:
    """Which groups of rows help or hurt a linear learner on held-out rows.

    The column that tells the groups predicts nothing, unless it is the target.

    Args:
        data: a Table, or whatever a Table reads.
        target: the column to be predicted; None where the table knows its own.
        by: the column of labels that tells the groups: source, generation, cluster, or the target itself.
        learner: "logistic" for classes, "ridge" for numbers; None for the one that suits the target.
        on: the label whose rows alone judge, as the real ones; None for all rows. All are learnt from.
        share: of a group's weight that is taken away; by default all of it, and half where the groups are
            the target's classes, which nothing could learn without rows.
        retrain: groups, those of the largest effects first, that are left out in truth.
        seed: of the folds.

    Raises:
        DataError: if the table cannot serve.
        SpecError: if there is no such column, label or learner, or the column tells no groups.

    >>> found = attribute("wine", None, "target", retrain=3)
    >>> [e.word for e in found.effects], round(found.again.correlation, 1)
    (['no evidence', 'no evidence', 'no evidence'], 1.0)
    """
    table = data if isinstance(data, Table) else Table(data, target=target)
    names = table.schema.names
    if table.target is None and table.schema.target is None:
        raise SpecError(f"target: name the column to be predicted (columns: {listed(names)})")
    if by not in names:
        raise SpecError(
            f"by: the table has no column {shown(by)}, or it was left out in reading it"
            f"{meant(by, names)} (columns: {listed(names)})"
        )
    index, classes = real_target(table), target_classes(table)
    if learner is not None and learner not in LINEAR:
        raise SpecError(f"learner: {shown(learner)} is none of {', '.join(LINEAR)}")
    if learner is not None and learner != ("logistic" if classes else "ridge"):
        kind = f"{classes} classes: use logistic" if classes else "numbers: use ridge"
        raise SpecError(f"learner: {learner} does not suit the target '{names[index]}', which has {kind}")
    if retrain < 0:
        raise SpecError(f"retrain: at least 0 (got {retrain})")
    rows = Trial(table).real_rows
    place = names.index(by)
    labels = _labels(table.schema.columns[place], rows[:, place])
    judges = None if on is None else _judges(labels, on, by)
    y = _texts(table.schema.columns[index], rows[:, index]) if classes else rows[:, index]
    if place != index:
        rows = rows.copy()
        rows[:, place] = np.nan  # which has no features
    x = table.features(rows, leave_out=index)
    x = x[:, x.any(axis=0)]
    if not x.shape[1]:
        raise DataError(f"by: besides '{by}' there is no column to predict '{names[index]}' from; add one")
    found = influence(
        x,
        y,
        labels,
        "logistic" if classes else "ridge",
        share=(0.5 if place == index else 1.0) if share is None else share,
        judges=judges,
        folds=min(_FOLDS, len(y)),
        seed=seed,
    )
    again = found.check(retrain) if retrain else None
    return Attribution(names[index], by, on, found.dealt.told.size, found, again)


def _labels(column: Column, cells: Array) -> Array:
    """(n,) texts, or numbers, that tell the groups.

    Raises:
        SpecError: if the column holds quantities, or one label alone.
    """
    gone = np.isnan(cells)
    if column.codes:
        out = _texts(column, cells)
    else:
        values = np.unique(cells[~gone])
        if column.kind != "numeric" or len(values) > min(_LABELS, len(cells) / 2):
            what = "numbers" if column.kind == "numeric" else f"{column.kind}s"
            raise SpecError(
                f"by: column '{column.name}' holds {len(values)} {what}, which tell no groups; name a column "
                f"of labels, or cut it into classes first"
            )
        whole = (values == np.rint(values)).all()
        known = values.astype(int) if whole else values
        out = known[np.searchsorted(values, np.where(gone, values[0], cells))]
        out = np.where(gone, _MISSING, out.astype(str)) if gone.any() else out
    if len(np.unique(out)) < 2:
        raise SpecError(f"by: all rows have one label in '{column.name}'; name a column that has several")
    return out


def _texts(column: Column, cells: Array) -> Array:
    """(n,) labels of a column's codes, as the table has them."""
    known: Array = np.array([*map(str, column.categories or ("no", "yes")), _MISSING])
    return np.asarray(known[np.where(np.isnan(cells), len(known) - 1, cells).astype(int)])


def _judges(labels: Array, on: str, by: str) -> Array:
    """(n,) which rows have a label.

    Raises:
        SpecError: if none has, or too few.
    """
    texts = labels.astype(str)
    known = sorted({*texts.tolist()})
    if on not in known:
        raise SpecError(f"on: '{by}' has no label {shown(on)}{meant(on, known)} (labels: {listed(known)})")
    judges = np.asarray(texts == on)
    if judges.sum() < _FOLDS:
        raise SpecError(f"on: {shown(on)} has {judges.sum()} rows; {_FOLDS} at least must judge")
    return judges
