"""What to look at where nobody says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genloss.errors import GenlossError
from genloss.events import event_of
from genloss.metrics.columns import CategoryShare, ColumnDistance, RareMass, rare
from genloss.metrics.learners import target_classes
from genloss.metrics.prediction import R2, BalancedError
from genloss.metrics.provenance import RealShare
from genloss.tables import Schema
from genloss.traits import SCHEMA, TARGET_INDEX

_CLASSES = 3
"""Rare classes of a target that are looked at one by one."""


def usual(given: Mapping[str, Any]) -> tuple[Any, ...]:
    """The metrics of an experiment that names none.

    Of a table: what can be learnt of its target from published rows, what is left of its rare categories (of
    the target, if that has any; of several rare classes also of each), and the distance of its columns. Of
    everything: the share of real rows.

    Args:
        given: the fields of the experiment that are known, ``real`` among them.
    """
    try:
        return (*_of_table(given["real"]), RealShare())
    except (GenlossError, MemoryError):  # a file that cannot serve, which says so itself
        raise
    except Exception:  # of a user's own source: what it raises is said where its fit is judged
        return (RealShare(),)


def _of_table(real: Any) -> list[Any]:
    schema, found = SCHEMA.of(real), list[Any]()
    if not isinstance(schema, Schema) or not event_of(real).accepted_by(ColumnDistance.accepts):
        return found
    if TARGET_INDEX.of(real) is not None and schema.width > 1:
        found.append(BalancedError() if target_classes(real) else R2())
    for column in dict.fromkeys((schema.target, None)):
        few = rare(real, RareMass.below, column)
        if few:
            found.append(RareMass(column=column))
            if column is not None and len(few) > 1:  # their sum does not tell which of them is lost
                found += [CategoryShare(r.of, r.category) for r in few[:_CLASSES]]
            break
    return [*found, ColumnDistance()]
