"""What verdicts are of, drawn for a page without scripts: each metric over generations, line by line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from genloss import intervals
from genloss.collapse.trajectory import Trajectory
from genloss.collapse.verdict import Line, Verdict
from genloss.report.charts import CONFIG, SCHEMA
from genloss.report.colours import palette
from genloss.report.drawing import drawn
from genloss.report.layout import REGIME, plain
from genloss.report.scales import Scale, Spec
from genloss.samples import Array
from genloss.wording import are, several

_FIGURES, _POINTS = 6, 80
_LINES, _PANELS, _LEVELS = 8, 6, 5  # in one panel; panels, and lines in each


class Drawn(NamedTuple):
    """A figure: its title, its drawing as SVG, what it shows, and its legend: label, colour, no mark."""

    title: str
    svg: str
    caption: str
    keys: list[tuple[str, str, str]]


class Drawing(NamedTuple):
    """A line of a figure.

    Args:
        panel: what its panel is called; "" where there is one.
        level: what its colour stands for.
        x: its values.
        ends: (T,) medians over replicates, and the ends of their intervals, NaN where there is none.
    """

    panel: str
    level: str
    x: Trajectory
    ends: tuple[Array, Array, Array]


def trajectory_figures(found: Verdict) -> list[Drawn]:
    """A figure for each metric, of the first few lines that have it.

    Raises:
        StoreError: if they cannot be drawn.
    """
    by: dict[str, list[tuple[Line, Trajectory]]] = {}
    for line in found.lines:
        for read in line.reads:
            by.setdefault(read.x.metric, []).append((line, read.x))
    some = [(name, lines, _drawings(lines)) for name, lines in [*by.items()][:_FIGURES]]
    pictures = drawn([(json.dumps(_spec(mine)), "svg") for *_, mine in some], 1)
    figures = []
    for (name, lines, mine), picture in zip(some, pictures, strict=True):
        caption = _caption(mine, len(lines) - len(mine))
        keys = [(level, colour, "") for level, colour in _colours(mine).items()]
        title = lines[0][1].meaning.title or name
        figures.append(Drawn(title, picture.decode(), caption, keys if len(keys) > 1 else []))
    return figures


def _drawings(lines: Sequence[tuple[Line, Trajectory]]) -> list[Drawing]:
    """The lines that are drawn, as in the report: colour is the regime, what else tells them apart panels."""
    regimes = [k for k in lines[0][1].labels if k.rpartition(".")[2] == REGIME][:1]
    told: dict[str, dict[str, Drawing]] = {}
    for line, x in lines:
        panel, level = "", line.name or x.metric
        if regimes and regimes[0] in x.labels:
            level = plain(x.labels[regimes[0]])
            rest = {k.rpartition(".")[2]: v for k, v in x.labels.items() if k != regimes[0]}
            panel = ", ".join(str(v) if k == "experiment" else f"{k}={v}" for k, v in rest.items())
        mine = told.setdefault(plain(panel), {})
        typical, low, high = (np.asarray(v) for v in intervals.typical(x.values))
        mine[plain(level)] = Drawing(plain(panel), plain(level), x, (typical, low, high))
    most = _LINES if len(told) == 1 else _LEVELS
    return [one for mine in [*told.values()][:_PANELS] for one in [*mine.values()][:most]]


def _caption(lines: Sequence[Drawing], left: int) -> str:
    few = min(one.x.replicates for one in lines)
    said = "The median over replicates"
    if few >= 6:  # below, no interval of a median holds with 95 %
        said += " with its 95 % interval"
    elif few == 1:
        said = "One replicate: a line without an interval"
    typical, low, high = (np.concatenate(some) for some in zip(*(one.ends for one in lines), strict=True))
    more = (
        "where an interval ends beyond the axis, its band ends at the edge"
        if _beyond(_scale(lines), low, high)
        else "",
        "a line ends where the median is infinite" if np.isinf(typical).any() else "",
        f"{several(left, 'more line')} {are(left)} not drawn" if left > 0 else "",
    )
    return f"{'; '.join([said, *filter(None, more)])}."


def _scale(lines: Sequence[Drawing]) -> Scale:
    values = np.concatenate([one.ends[0] for one in lines])
    shares = all(one.x.meaning.scale == "share" for one in lines)
    return Scale.over(values, [one.ends[1:] for one in lines], shares)


def _beyond(scale: Scale, low: Array, high: Array) -> bool:
    """Whether intervals end outside an axis."""
    return bool(((low < scale.low) | (high > scale.high)).any())


def _spec(lines: Sequence[Drawing]) -> Spec:
    scale = _scale(lines)
    colours = _colours(lines)
    scaled = {"domain": [*colours], "range": [*colours.values()]}
    colour = {"field": "c", "type": "nominal", "scale": scaled, "legend": None}
    x = {"field": "t", "type": "quantitative", "title": "generation", "scale": {"zero": False, "nice": False}}
    unit = lines[0].x.meaning.unit or None
    y = {"field": "v", "type": "quantitative", "title": unit, "scale": scale.vega, "axis": scale.axis}
    layer = [
        {
            "transform": [{"filter": "isValid(datum.l)"}],
            "mark": {"type": "area", "opacity": 0.18},
            "encoding": {
                "x": x,
                "y": {**y, "field": "l"},
                "y2": {"field": "h"},
                "color": colour,
            },
        },
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"x": x, "y": y, "color": colour}},
    ]
    spec: Spec = {
        "$schema": SCHEMA,
        "data": {"values": [row for one in lines for row in _rows(one, scale)]},
        "config": CONFIG,
    }
    panels = list(dict.fromkeys(one.panel for one in lines))
    if len(panels) == 1:
        return {**spec, "width": 370, "height": 210, "layer": layer}
    facet = {"field": "p", "type": "nominal", "title": None, "sort": panels}
    return {**spec, "facet": facet, "columns": 2, "spec": {"width": 165, "height": 150, "layer": layer}}


def _colours(lines: Sequence[Drawing]) -> dict[str, str]:
    """Of the levels, those of the report."""
    levels = list(dict.fromkeys(one.level for one in lines))
    regimes = any(k.rpartition(".")[2] == REGIME for k in lines[0].x.labels)
    return dict(zip(levels, palette(levels, regimes), strict=True))


def _rows(one: Drawing, scale: Scale) -> list[Spec]:
    kept = np.unique(np.round(np.linspace(0, len(one.x.values) - 1, _POINTS)).astype(int))
    out = []
    for t, v, *ends in zip(one.x.generations[kept], *(each[kept] for each in one.ends), strict=True):
        if np.isfinite(v):
            # an end beyond the axis, as one at infinity is, is drawn at its edge
            low, high = np.clip(ends, scale.low, scale.high).tolist()
            band = {} if np.isnan(ends).any() else {"l": low, "h": high}
            out.append({"p": one.panel, "c": one.level, "t": float(t), "v": float(v), **band})
    return out
