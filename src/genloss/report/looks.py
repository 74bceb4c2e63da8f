"""What to show of the data by generation: which lines, which generations, in which frame."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genloss.report.charts import CONFIG, SCHEMA, select
from genloss.report.figure import Figure
from genloss.report.layout import AGENT, Layout
from genloss.report.scales import Spec
from genloss.samples import Array
from genloss.study.cells import Cell
from genloss.study.results import Results
from genloss.wording import several

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
        beside: its agent where agents are shown side by side, else "".
        rows: (k, *event) by generation; 0 is real.
    """

    cell: Cell
    agent: int
    level: str
    choice: str
    beside: str
    rows: Mapping[int, Array]

    @property
    def row(self) -> str:
        """What to call its row of pictures."""
        return ", ".join(part for part in (self.level, self.beside) if part)


def looks(results: Results, layout: Layout) -> tuple[list[Look], int]:
    """What to show of an experiment, and how many choices are left out for brevity.

    Every combination of the fields that are not colour is a choice of the reader's.
    """
    beside = layout.beside
    choices = list(dict.fromkeys(layout.rest(c, i, beside) for c, i in layout.lines))
    take = np.unique(np.round(np.linspace(0, len(choices) - 1, _CHOICES)).astype(int))
    shown = {choices[i] for i in take}
    found: list[Look] = []
    levels: dict[str, None] = {}
    for cell, agent in layout.lines:
        level, choice = layout.level(cell, agent), layout.rest(cell, agent, beside)
        if choice not in shown or (level not in levels and len(levels) == _ROWS):
            continue
        rows = results.encoded(cell, agent)
        if 0 in rows and len(rows) > 1:
            levels[level] = None
            agent_name = layout.of_line(cell, agent, beside) if beside else ""
            found.append(Look(cell, agent, level, choice, agent_name, rows))
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


def framed(
    name: str, title: str, caption: str, rows: list[Spec], body: Spec, seen: Sequence[Look], least: int = 0
) -> Figure:
    """A wide figure of some looks, with a selector where they hold several choices."""
    choices = tuple(dict.fromkeys(look.choice for look in seen))
    params = {"k": ("show", choices)} if len(choices) > 1 else {}
    spec = {"$schema": SCHEMA, "datasets": {"rows": rows}, "data": {"name": "rows"}, "config": CONFIG, **body}
    select(spec, params)
    return Figure(name, title, caption, spec, True, params, canvas=True, least=least)


def left_out(layout: Layout, seen: Sequence[Look], hidden: int) -> str:
    """A sentence on what is not shown."""
    lines = {look.level for look in seen}
    missing = len(layout.levels) - len(lines)
    parts = [several(hidden, "more combination")] if hidden else []
    parts += [f"{missing} more of {layout.colour}"] if missing > 0 and layout.colour else []
    return f"Not shown: {' and '.join(parts)}." if parts else ""


def rows_by_generation(layout: Layout, seen: Sequence[Look], shown: Sequence[int], height: int) -> Spec:
    """Facets: a row for each line, its label in lines that keep within its height; a column a generation."""
    levels = row_labels(layout, seen)
    header = {
        "labelAngle": -90,
        "labelOrient": "left",
        "labelPadding": 4,
        "labelExpr": f"({json.dumps({v: folded(v, height) for v in levels})})[datum.value]",
    }
    columns = [at_generation(t) for t in (0, *shown)]
    facet: Spec = {"column": {"field": "t", "type": "nominal", "sort": columns, "title": None}}
    if len(levels) > 1:
        facet["row"] = {"field": "r", "type": "nominal", "sort": levels, "title": None, "header": header}
    return facet


def row_labels(layout: Layout, seen: Sequence[Look]) -> list[str]:
    """The rows of pictures, by level and agent."""
    rows = sorted(seen, key=lambda look: layout.levels.index(look.level))
    return list(dict.fromkeys(look.row for look in rows))


def folded(text: str, length: int, most: int = 4) -> list[str]:
    """A label in lines of so many pixels, broken between its words; what is too long is cut.

    >>> folded("Weighted(real=0.5, of=Window(generations=2))", 110)
    ['Weighted(real=0.5,', 'of=Window(', 'generations=2))']
    >>> folded("AccumulateSubsample", 82)
    ['Accumulate', 'Subsample']
    """
    size = max(length // 6, 4)
    lines = [""]
    for part in re.findall(r"[A-Z]*[^A-Z(,]*[(,]?\s?", text):
        if len((lines[-1] + part).rstrip()) > size and lines[-1]:
            lines.append("")
        lines[-1] += part
    lines = [line.strip() for line in lines if line.strip()]
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1] + "…"]
    return [line if len(line) <= size + 1 else line[:size] + "…" for line in lines]


def first_replicate(layout: Layout) -> str:
    """A sentence on whose rows these are."""
    whose = " of each agent" if AGENT in layout.values else ""
    return f"Rows published{whose} in the first replicate."
