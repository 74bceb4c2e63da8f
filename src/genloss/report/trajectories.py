"""What verdicts are of, drawn for a page without scripts: each metric over generations, line by line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from genloss import intervals
from genloss.collapse.trajectory import Trajectory
from genloss.collapse.verdict import Verdict
from genloss.report.charts import CONFIG, SCHEMA
from genloss.report.colours import palette
from genloss.report.drawing import drawn
from genloss.report.scales import Spec
from genloss.samples import Array

_FIGURES, _LINES, _POINTS = 6, 8, 80


class Drawn(NamedTuple):
    """A figure: its title, its drawing as SVG, and what it shows."""

    title: str
    svg: str
    caption: str


def trajectory_figures(found: Verdict) -> list[Drawn]:
    """A figure for each metric, of the first few lines that have it.

    Raises:
        StoreError: if they cannot be drawn.
    """
    by: dict[str, list[tuple[str, Trajectory]]] = {}
    for line in found.lines:
        for read in line.reads:
            by.setdefault(read.x.metric, []).append((line.name or read.x.metric, read.x))
    some = list(by.items())[:_FIGURES]
    specs = [_spec(lines[:_LINES]) for _, lines in some]
    pictures = drawn([(json.dumps(spec), "svg") for spec in specs], 1)
    return [
        Drawn(lines[0][1].meaning.title or name, picture.decode(), _caption(lines))
        for (name, lines), picture in zip(some, pictures, strict=True)
    ]


def _caption(lines: Sequence[tuple[str, Trajectory]]) -> str:
    few = min(x.replicates for _, x in lines)
    said = "The median over replicates"
    if few >= 6:  # below, no interval of a median holds with 95 %
        said += " with its 95 % interval"
    elif few == 1:
        said = "One replicate: a line without an interval"
    left = len(lines) - _LINES
    return f"{said}.{f' {left} more lines are not drawn.' if left > 0 else ''}"


def _spec(lines: Sequence[tuple[str, Trajectory]]) -> Spec:
    rows = [row for name, x in lines for row in _rows(name, x)]
    names = [name for name, _ in lines]
    values = [r["v"] for r in rows]
    far = bool(values) and min(values) > 0 and max(values) > 30 * min(values)
    scale = {"type": "log"} if far else {"zero": False, "nice": True}
    colour = {
        "field": "c",
        "type": "nominal",
        "scale": {"domain": names, "range": list(palette(names, False))},
        "legend": {"title": None, "orient": "bottom", "columns": 3} if len(names) > 1 else None,
    }
    bare = {**colour, "legend": None}
    x = {"field": "t", "type": "quantitative", "title": "generation", "scale": {"zero": False, "nice": False}}
    y = {"field": "v", "type": "quantitative", "title": None, "scale": scale}
    return {
        "$schema": SCHEMA,
        "width": 460,
        "height": 240,
        "background": "white",
        "data": {"values": rows},
        "config": CONFIG,
        "resolve": {"legend": {"color": "independent"}},
        "layer": [
            {
                "transform": [{"filter": "isValid(datum.l)"}],
                "mark": {"type": "area", "opacity": 0.18},
                "encoding": {"x": x, "y": {**y, "field": "l"}, "y2": {"field": "h"}, "color": bare},
            },
            {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"x": x, "y": y, "color": colour}},
        ],
    }


def _rows(name: str, x: Trajectory) -> list[Spec]:
    kept = np.unique(np.round(np.linspace(0, len(x.values) - 1, _POINTS)).astype(int))
    typical, low, high = (np.asarray(v) for v in intervals.typical(x.values[kept]))
    out = []
    for t, v, a, b in zip(x.generations[kept], typical, low, high, strict=True):
        if np.isfinite(v):
            out.append({"c": name, "t": float(t), "v": float(v), **_ends(a, b)})
    return out


def _ends(low: Array, high: Array) -> Spec:
    return {"l": float(low), "h": float(high)} if np.isfinite(low) and np.isfinite(high) else {}
