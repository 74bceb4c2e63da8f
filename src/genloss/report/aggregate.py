"""What the page is made of: curves over generations and paired changes, aggregated over replicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from genloss.samples import Array
from genloss.study.results import Results, half_width

Key = tuple[int, int, str]
"""Index of the cell, index of the agent, name of the metric."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A metric of one agent in one cell, at the generations that are finished.

    Args:
        generation: (T,) in order.
        mean: (T,) over replicates; infinite where a replicate is.
        low: (T,) lower end of the 95 % interval, NaN where there is none.
        high: (T,) upper end.
        replicates: that are finished.
    """

    generation: Array
    mean: Array
    low: Array
    high: Array
    replicates: int


class Change(NamedTuple):
    """A metric at generation 1, half-way and at the last, and its changes within replicates.

    Args:
        first: mean at generation 1.
        last: mean at the last generation.
        change: mean of last - first.
        late: mean of last - half-way.
        change_error: half the width of the 95 % interval of the change, NaN with one replicate.
        late_error: the same of the late change.
    """

    first: float
    last: float
    change: float
    late: float
    change_error: float
    late_error: float


def curves(results: Results) -> dict[Key, Curve]:
    """Mean and 95 % interval (Student's) of everything that was measured."""
    rows = results.query(
        "SELECT cell, agent, metric, generation, count(*) AS n, avg(value) AS mean, "
        "CASE WHEN bool_and(isfinite(value)) THEN stddev_samp(value) FILTER (isfinite(value)) END AS sd "
        "FROM results GROUP BY ALL ORDER BY cell, agent, metric, generation"
    ).to_pandas()
    found = {}
    for (cell, agent, metric), part in rows.groupby(["cell", "agent", "metric"], observed=True):
        n, mean = part["n"].to_numpy(), part["mean"].to_numpy(float)
        error = half_width(part["sd"].to_numpy(float), n)
        generation = part["generation"].to_numpy()
        found[int(cell), int(agent), str(metric)] = Curve(
            generation, mean, mean - error, mean + error, int(n.max())
        )
    return found


def changes(results: Results) -> dict[Key, Change]:
    """How everything that was measured changed from the first to the last generation."""
    looks = ", ".join(
        f"({c.index}, {t}, {place})"
        for c in results.cells
        for place, t in enumerate((1, (c.exp.generations + 1) // 2, c.exp.generations))
    )
    rows = results.query(
        f"SELECT r.cell, r.agent, r.metric, r.replicate, looks.place, r.value FROM results r "
        f"JOIN (VALUES {looks}) looks(cell, generation, place) USING (cell, generation)"
    ).to_pandas()
    found = {}
    for (cell, agent, metric), part in rows.groupby(["cell", "agent", "metric"], observed=True):
        at = part.pivot(index="replicate", columns="place", values="value").to_numpy(float)
        if at.shape[1] == 3:
            found[int(cell), int(agent), str(metric)] = _change(at)
    return found


def _change(at: Array) -> Change:
    with np.errstate(invalid="ignore"):
        whole, late = at[:, 2] - at[:, 0], at[:, 2] - at[:, 1]
        return Change(
            float(at[:, 0].mean()),
            float(at[:, 2].mean()),
            float(whole.mean()),
            float(late.mean()),
            _error(whole),
            _error(late),
        )


def _error(x: Array) -> float:
    return float(half_width(x.std(ddof=1), len(x))) if len(x) > 1 else float("nan")
