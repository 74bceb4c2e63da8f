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


MOST_PAIRED = 2_000
"""The same where every row is compared with every other: 4 * 10^6 distances take 10 ms in two columns, 80 ms
in 64, and finding the k-th of each row 50 ms more."""


def some_rows(seen: Observation, most: int = MOST) -> Array:
    """(R, k, *event) published rows, at most so many: the same for every metric that asks."""
    rows = seen.rows
    if rows.shape[1] <= most:
        return rows
    each = seen.rng.named("some rows").measure.spawn(len(rows))
    return seen.once(
        f"some rows, {most}", lambda: np.stack([chosen(x, most, r) for x, r in zip(rows, each, strict=True)])
    )


def some_holdout(seen: Observation, most: int = MOST) -> Array:
    """(k, *event) or (R, k, *event) held-out rows, at most so many, always the same."""
    # fresh ones are drawn one after the other, so that the first are as good as any
    return seen.holdout[:, :most] if seen.fresh else held_out(seen.exp, most)


def held_out(exp: Experiment, most: int = MOST) -> Array:
    """(k, *event) rows that all replicates share, at most so many, always the same."""
    return shared(exp.held_out, most)


def shared(held: Array, most: int) -> Array:
    """(k, ...) of what there is for each of the held-out rows that all replicates share: always the same."""
    return held if len(held) <= most else chosen(held, most, fixed("metrics.some holdout"))


def some_features(seen: Observation, most: int = MOST_PAIRED) -> tuple[Array, Array]:
    """(R, k, d) published and (R, m, d) held-out rows as vectors, at most so many of each."""
    x = seen.features if seen.rows.shape[1] <= most else seen.exp.features(some_rows(seen, most))
    few = seen.holdout.shape[-len(seen.exp.event_shape) - 1] <= most
    y = seen.holdout_features if few else seen.exp.features(some_holdout(seen, most))
    return x, np.broadcast_to(y, (len(x), *y.shape[-2:]))


def fewest(exp: Experiment) -> int:
    """Rows of the smallest set that a metric of published and held-out rows meets; at generation 0 real
    ones.
    """
    return min(exp.n_real, len(exp.held_out), *(exp.published(i) for i in range(len(exp.agents))))


def too_few(exp: Experiment, needed: int, what: str) -> str:
    """Why a metric does not fit that needs so many rows of every kind; "" where there are as many."""
    rows = fewest(exp)
    return "" if rows >= needed else f"{what} needs {needed} rows of every kind, and there are {rows}"


def chosen(rows: Array, k: int, rng: np.random.Generator) -> Array:
    """(k, *event) of the rows (n, *event), drawn without replacement, in their order; all if so few."""
    if k >= len(rows):
        return rows
    return rows[np.sort(rng.choice(len(rows), k, replace=False, shuffle=False))]


def said_of(exp: Experiment, most: int = MOST) -> str:
    """A sentence for the experiment whose rows are more, which begins with a blank; "" for others."""
    many = max(exp.published(i) for i in range(len(exp.agents))) > most or len(exp.held_out) > most
    return f" Of more than {most} rows, {most} drawn at random are looked at." if many else ""
