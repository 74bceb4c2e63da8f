"""What to show of the data by generation: which lines, which generations, in which frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genloss.report.charts import CONFIG, SCHEMA, Figure, select
from genloss.report.layout import AGENT, Layout
from genloss.report.scales import Spec
from genloss.samples import Array
from genloss.study.results import Results
from genloss.study.study import Cell

REAL_LABEL = "real data"
# what fits on the page: generations side by side, lines under each other, choices
_GENERATIONS, _ROWS, _CHOICES = 6, 6, 6


@dataclass(frozen=True, eq=False)
class Look:
    """What one agent of one cell published, to be looked at.

    Args:
        cell: the cell.
        agent: index of the agent.
        level: its colour, as text.
        choice: what else tells it from others, as text.
        rows: (k, *event) by generation; 0 is real.
    """

    cell: Cell
    agent: int
    level: str
    choice: str
    rows: Mapping[int, Array]


def looks(results: Results, layout: Layout) -> tuple[list[Look], int]:
    """What to show of an experiment, and how many choices are left out for brevity.

    Every combination of the fields that are not colour is a choice of the reader's.
    """
    choices = list(dict.fromkeys(layout.rest(c, i) for c, i in layout.lines))
    take = np.unique(np.round(np.linspace(0, len(choices) - 1, _CHOICES)).astype(int))
    shown = {choices[i] for i in take}
    found: list[Look] = []
    levels: dict[str, None] = {}
    for cell, agent in layout.lines:
        level, choice = layout.level(cell, agent), layout.rest(cell, agent)
        if choice not in shown or (level not in levels and len(levels) == _ROWS):
            continue
        rows = results.pictures(cell, agent)
        if 0 in rows and len(rows) > 1:
            levels[level] = None
            found.append(Look(cell, agent, level, choice, rows))
    return found, len(choices) - len(shown)


def generations(seen: Sequence[Look], most: int = _GENERATIONS - 1) -> list[int]:
    """Which generations to show: those that all have, the first, the last and some between them."""
    sets = [set(look.rows) - {0} for look in seen]
    common = sorted(set.intersection(*sets) or set.union(*sets))
    pick = np.unique(np.round(np.linspace(0, len(common) - 1, most)).astype(int))
    return [common[i] for i in pick]


def at_generation(t: int) -> str:
    """The heading of a generation's pictures."""
    return f"generation {t}" if t else REAL_LABEL


def framed(name: str, title: str, caption: str, rows: list[Spec], body: Spec, seen: Sequence[Look]) -> Figure:
    """A wide figure of some looks, with a selector where they hold several choices."""
    choices = tuple(dict.fromkeys(look.choice for look in seen))
    params = {"k": ("show", choices)} if len(choices) > 1 else {}
    spec = {"$schema": SCHEMA, "datasets": {"rows": rows}, "data": {"name": "rows"}, "config": CONFIG, **body}
    select(spec, params)
    return Figure(name, title, caption, spec, True, params, canvas=True)


def left_out(layout: Layout, seen: Sequence[Look], hidden: int) -> str:
    """A sentence on what is not shown."""
    lines = {look.level for look in seen}
    missing = len(layout.levels) - len(lines)
    parts = [f"{hidden} more combinations"] if hidden else []
    parts += [f"{missing} more of {layout.colour}"] if missing > 0 and layout.colour else []
    return f"Not shown: {' and '.join(parts)}." if parts else ""


def rows_by_generation(layout: Layout, seen: Sequence[Look], shown: Sequence[int]) -> Spec:
    """Facets: a row for each line, a column for each generation."""
    levels = [v for v in layout.levels if any(look.level == v for look in seen)]
    header = {"labelAngle": -90, "labelOrient": "left", "labelPadding": 4}
    columns = [at_generation(t) for t in (0, *shown)]
    facet: Spec = {"column": {"field": "t", "type": "nominal", "sort": columns, "title": None}}
    if len(levels) > 1:
        facet["row"] = {"field": "c", "type": "nominal", "sort": levels, "title": None, "header": header}
    return facet


def first_replicate(layout: Layout) -> str:
    """A sentence on whose rows these are."""
    whose = " of each agent" if AGENT in layout.values else ""
    return f"Rows published{whose} in the first replicate."
