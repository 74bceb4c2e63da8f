"""What to look at where nobody says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genloss.errors import GenlossError
from genloss.events import event_of
from genloss.metrics.columns import ColumnDistance, RareMass, rare
from genloss.metrics.learners import target_classes
from genloss.metrics.prediction import R2, BalancedError
from genloss.metrics.provenance import RealShare
from genloss.tables import Schema
from genloss.traits import SCHEMA, TARGET_INDEX


def usual(given: Mapping[str, Any]) -> tuple[Any, ...]:
    """The metrics of an experiment that names none.

    Of a table: what can be learnt of its target from published rows, what is left of its rare categories (of
    the target, if that has any), and the distance of its columns. Of everything: the share of real rows.

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
        if rare(real, RareMass.below, column):
            found.append(RareMass(column=column))
            break
    return [*found, ColumnDistance()]
