"""How many rows are looked at: of very many a random part, and that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genloss.observation import Observation
from genloss.samples import Array
from genloss.streams import fixed

if TYPE_CHECKING:
    from genloss.experiment import Experiment

MOST = 100_000
"""Rows beyond which a metric looks at so many of them, drawn without replacement."""


def some_rows(seen: Observation) -> Array:
    """(R, k, *event) published rows, at most :data:`MOST`: the same for every metric that asks."""
    rows = seen.rows
    if rows.shape[1] <= MOST:
        return rows
    each = seen.rng.named("some rows").measure.spawn(len(rows))
    return seen.once(
        "some rows", lambda: np.stack([chosen(x, MOST, r) for x, r in zip(rows, each, strict=True)])
    )


def some_holdout(seen: Observation) -> Array:
    """(k, *event) or (R, k, *event) held-out rows, at most :data:`MOST`, always the same."""
    # fresh ones are drawn one after the other, so that the first are as good as any
    return seen.holdout[:, :MOST] if seen.fresh else held_out(seen.exp)


def held_out(exp: Experiment) -> Array:
    """(k, *event) rows that all replicates share, at most :data:`MOST`, always the same."""
    rows = exp.held_out
    return rows if len(rows) <= MOST else chosen(rows, MOST, fixed("metrics.some holdout"))


def chosen(rows: Array, k: int, rng: np.random.Generator) -> Array:
    """(k, *event) of the rows (n, *event), drawn without replacement, in their order; all if so few."""
    if k >= len(rows):
        return rows
    return rows[np.sort(rng.choice(len(rows), k, replace=False, shuffle=False))]


def said_of(exp: Experiment, most: int = MOST) -> str:
    """A sentence for the experiment whose rows are more, which begins with a blank; "" for others."""
    many = max(exp.published(i) for i in range(len(exp.agents))) > most or len(exp.held_out) > most
    return f" Of more than {most} rows, {most} drawn at random are looked at." if many else ""
