"""Curves of a metric over generations, by regime, with bands and laws: plain Vega-Lite specs."""

from __future__ import annotations

import itertools
import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from genloss.laws import Law, law
from genloss.report.aggregate import Curve, Key
from genloss.report.layout import AGENT, Layout
from genloss.report.scales import Scale, Spec, drawable, log_ticks
from genloss.report.words import words
from genloss.samples import Array

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
CONFIG: Spec = {
    "font": FONT,
    "background": "white",
    "view": {"stroke": None},
    "axis": {
        "domainColor": "#9A9A9A",
        "tickColor": "#9A9A9A",
        "tickSize": 4,
        "gridColor": "#ECECEC",
        "labelColor": "#444444",
        "labelFontSize": 11,
        "titleColor": "#222222",
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
        "titlePadding": 7,
        "labelOverlap": True,
    },
    "axisX": {"grid": False},
    "header": {
        "labelFontSize": 11.5,
        "labelColor": "#222222",
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
    },
    "title": {
        "fontSize": 13,
        "fontWeight": 600,
        "anchor": "start",
        "color": "#111111",
        "subtitleColor": "#555555",
    },
    "legend": {"labelFontSize": 11.5, "titleFontSize": 11.5, "symbolStrokeWidth": 2.5, "labelLimit": 400},
}

# width of the page's column, and generations on a curve
_WIDTH, _POINTS = 1000, 50
_LOG_GENERATIONS = 1000


@dataclass(frozen=True)
class Figure:
    """One picture.

    Args:
        name: unique, fit for a file name.
        title: a few words.
        caption: what to know about it, below.
        spec: Vega-Lite; its data are ``datasets.rows``.
        wide: whether it takes the page's whole width.
        selectors: fields of the rows that the reader chooses a value of, by title, with their values.
        legend: its own colours by label, where they are not the section's.
        canvas: whether it has too many marks for an SVG on a page.
    """

    name: str
    title: str
    caption: str
    spec: Spec
    wide: bool = False
    selectors: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    legend: tuple[tuple[str, str], ...] = ()
    canvas: bool = False

    @property
    def rows(self) -> list[Spec]:
        """The data."""
        rows: list[Spec] = self.spec["datasets"]["rows"]
        return rows


@dataclass(frozen=True)
class _Line:
    """What one agent of one cell draws."""

    curve: Curve
    law: Law | None
    at: Spec  # colour and facets by field of the rows


def curve_figure(layout: Layout, metric: str, curves: Mapping[Key, Curve], name: str) -> Figure | None:
    """The curves of one metric in one experiment; None where nothing is finished.

    Args:
        layout: of the experiment.
        metric: its name.
        curves: what was measured.
        name: of the figure.
    """
    lines = []
    for cell, agent in layout.lines:
        curve = curves.get((cell.index, agent, metric))
        if curve is None:
            continue
        known = law(cell.exp, agent, metric)
        at = {"c": layout.level(cell, agent)}
        at |= {f"f{i}": layout.of_line(cell, agent, f) for i, f in enumerate(layout.facets)}
        at |= {f"s{i}": layout.of_line(cell, agent, f) for i, f in enumerate(layout.selectors)}
        lines.append(_Line(curve, known, at))
    if not lines:
        return None
    said = words(metric, layout.cells[0].exp)
    rows, panels = _panels(layout, lines, said.axis, share=metric == "RealShare")
    spec = {
        "$schema": SCHEMA,
        "datasets": {"rows": rows},
        "data": {"name": "rows"},
        "config": CONFIG,
        **panels,
    }
    params = {f"s{i}": (f, layout.values[f]) for i, f in enumerate(layout.selectors)}
    select(spec, params)
    equals = _said_of_equals(lines) if metric == "RealShare" and not layout.facets else ""
    parts = (said.about, equals, _sources(lines), _said_of_infinity(layout, lines))
    caption = " ".join(part for part in parts if part)
    return Figure(name, said.title, caption, spec, bool(layout.facets), params)


def select(spec: Spec, params: Mapping[str, tuple[str, tuple[str, ...]]]) -> None:
    """Let the reader choose a value of some fields of the rows."""
    if params:
        spec["params"] = [
            {
                "name": key,
                "value": some[0],
                "bind": {"input": "select", "options": list(some), "name": f"{title} "},
            }
            for key, (title, some) in params.items()
        ]
        spec["transform"] = [{"filter": f"datum.{key} === {key}"} for key in params]


# -- data ------------------------------------------------------------------------------------------


def _kept(generations: Array) -> Array:
    """Which of many generations to draw: all of a few, else some evenly and some, early, by ratio."""
    if len(generations) <= _POINTS:
        return np.arange(len(generations))
    evenly = np.linspace(0, len(generations) - 1, _POINTS - 12)
    early = np.geomspace(1, len(generations), 14) - 1
    return np.unique(np.round(np.concatenate([evenly, early])).astype(int))


def _rows(line: _Line, scale: Scale) -> list[Spec]:
    curve, out = line.curve, []
    kept = _kept(curve.generation)
    finite = np.flatnonzero(drawable(curve.mean))
    end = int(finite[-1]) if finite.size and finite[-1] < len(curve.mean) - 1 else None
    for i in sorted({*kept.tolist(), *([] if end is None else [end])}):
        t = int(curve.generation[i])
        row: Spec = {**line.at, "t": t, "m": scale.fit(curve.mean[i])}
        if drawable(curve.low[i]) and drawable(curve.high[i]) and curve.high[i] > curve.low[i]:
            row |= {"l": scale.fit(curve.low[i], clip=True), "h": scale.fit(curve.high[i], clip=True)}
        if line.law is not None and t <= len(line.law.values):
            row["law"] = scale.fit(line.law.values[t - 1])
        if i == end:
            row["end"] = row["m"]
        out.append(row)
    return out


# -- marks -----------------------------------------------------------------------------------------


def colour(layout: Layout) -> Spec:
    """The encoding of the section's colour."""
    return {
        "field": "c",
        "type": "nominal",
        "title": layout.colour or "regime",
        "sort": list(layout.levels),
        "scale": {"domain": list(layout.levels), "range": list(layout.colours)},
    }


def _layers(layout: Layout, rows: Sequence[Spec], axis: Sequence[str], scale: Scale) -> list[Spec]:
    last = max(row["t"] for row in rows)
    x: Spec = {"field": "t", "type": "quantitative", "title": "generation"}
    if last >= _LOG_GENERATIONS:
        x |= {
            "scale": {"type": "log", "domain": [1, last]},
            "axis": {"values": log_ticks(1, last), "format": "~s"},
        }
    else:
        x |= {
            "scale": {"domain": [min(1, last - 1), last], "nice": False},
            "axis": {"tickCount": min(5, last)},
        }
        if last > 1:
            x["axis"] = {"values": _generation_ticks(last), "format": "d"}
    y: Spec = {"type": "quantitative", "title": list(axis), "scale": scale.vega, "axis": scale.axis}
    # the legend of a band would be as pale as the band
    legend = {"orient": "bottom", "title": None, "columns": 4, "symbolType": "square", "symbolOpacity": 1}
    c = {**colour(layout), "legend": legend if layout.colour else None}
    tooltip: list[Spec] = [
        {"field": "c", "type": "nominal", "title": layout.colour or "regime"},
        {"field": "t", "type": "quantitative", "title": "generation"},
        {"field": "m", "type": "quantitative", "title": "mean", "format": ".4~g"},
        {"field": "l", "type": "quantitative", "title": "95 % from", "format": ".4~g"},
        {"field": "h", "type": "quantitative", "title": "to", "format": ".4~g"},
    ]
    layers: list[Spec] = []
    if any("l" in row for row in rows):
        layers.append(
            {
                "mark": {"type": "area", "opacity": 0.2, "clip": True},
                "encoding": {"x": x, "y": {**y, "field": "l"}, "y2": {"field": "h"}, "color": c},
            }
        )
    line = {"x": x, "y": {**y, "field": "m"}, "color": c}
    layers.append({"mark": {"type": "line", "strokeWidth": 2, "clip": True}, "encoding": line})
    if any("law" in row for row in rows):
        tooltip.append({"field": "law", "type": "quantitative", "title": "law", "format": ".4~g"})
        layers.append(
            {
                "mark": {
                    "type": "line",
                    "strokeWidth": 1.2,
                    "strokeDash": [4, 3],
                    "color": "#111111",
                    "clip": True,
                },
                "encoding": {"x": x, "y": {**y, "field": "law"}, "detail": {"field": "c"}},
            }
        )
    if any("end" in row for row in rows):
        layers.append(
            {
                "transform": [{"filter": "isValid(datum.end)"}],
                "mark": {
                    "type": "point",
                    "shape": "cross",
                    "angle": 45,
                    "size": 70,
                    "filled": True,
                    "opacity": 1,
                },
                "encoding": {"x": x, "y": {**y, "field": "end"}, "color": c},
            }
        )
    layers.append(
        {
            # points one can point at; with few generations also seen
            "mark": {
                "type": "point",
                "filled": True,
                "size": 26 if last <= 12 else 60,
                "opacity": float(last <= 12),
            },
            "encoding": {"x": x, "y": {**y, "field": "m"}, "color": c, "tooltip": tooltip},
        }
    )
    return layers


def _generation_ticks(last: int) -> list[int]:
    """A few generations at equal steps: from the first, or of many the first and then round ones.

    >>> [_generation_ticks(t) for t in (2, 6, 9, 100)]
    [[1, 2], [1, 2, 3, 4, 5, 6], [1, 3, 5, 7, 9], [1, 20, 40, 60, 80, 100]]
    """
    if last <= 12:
        return list(range(1, last + 1, 1 if last <= 7 else 2))
    step = next(s * 10**e for e in range(12) for s in (1, 2, 5) if last / (s * 10**e) <= 5)
    return [1, *range(step, last + 1, step)]


def _panels(layout: Layout, lines: Sequence[_Line], axis: str, share: bool) -> tuple[list[Spec], Spec]:
    """Rows and marks of a figure: one panel, a row of panels, or rows of them, each with its own axis."""
    if len(layout.facets) < 2:
        height = _height(layout, 170) if layout.facets else 190
        rows, layers = _drawn(layout, lines, _folded(axis, height), share)
        if not layout.facets:
            return rows, {"layer": layers, "width": 262, "height": height}
        return rows, _row(layout, layers, height)
    second, height = layout.facets[1], _height(layout, 105)
    all_rows, panels = [], []
    for value in layout.values[second]:
        mine = [line for line in lines if line.at["f1"] == value]
        if not mine:
            continue
        rows, layers = _drawn(layout, mine, _folded(axis, height), share)
        all_rows += rows
        title = {"text": f"{second} = {value}", "fontSize": 12, "anchor": "start", "offset": 4}
        transform = [{"filter": f"datum.f1 === {json.dumps(value)}"}]
        panels.append({"title": title, "transform": transform, **_row(layout, layers, height)})
    return all_rows, {"vconcat": panels, "spacing": 14}


def _drawn(
    layout: Layout, lines: Sequence[_Line], axis: Sequence[str], share: bool
) -> tuple[list[Spec], list[Spec]]:
    scale = Scale.of([(line.curve, line.law) for line in lines], share)
    rows = [row for line in lines for row in _rows(line, scale)]
    return rows, _layers(layout, rows, axis, scale)


def _row(layout: Layout, layers: list[Spec], height: int) -> Spec:
    """Panels side by side, one for each value of the first facet."""
    name = layout.facets[0]
    header = {"labelExpr": f"{json.dumps(name + ' = ')} + datum.value"} if name != AGENT else {}
    facet = {
        "field": "f0",
        "type": "nominal",
        "title": None,
        "sort": list(layout.values[name]),
        "header": header,
    }
    return {
        "facet": {"column": facet},
        "spec": {"layer": layers, "width": _width(layout), "height": height},
        "spacing": 16,
    }


def _width(layout: Layout) -> int:
    return min(max((_WIDTH - 70) // len(layout.values[layout.facets[0]]) - 20, 90), 250)


def _height(layout: Layout, most: int) -> int:
    return min(_width(layout), most)


def _folded(axis: str, height: int) -> list[str]:
    """The title of a vertical axis, in as many lines as keep within it."""
    return textwrap.wrap(axis, height // 6, break_long_words=False)  # 6: pixels of a letter


# -- captions --------------------------------------------------------------------------------------


def _sources(lines: Sequence[_Line]) -> str:
    laws = list(dict.fromkeys(s for line in lines if line.law for s in line.law.source.split("; ")))
    if not laws:
        return ""
    said = f"Dashed: the law of {'; '.join(laws)}."
    # a product of random factors: its mean is carried by rarer and rarer replicates
    above = any(line.law.values[-1] > 3 * line.curve.high[-1] > 0 for line in lines if line.law)
    rare = " Where it lies far above the curves, it is carried by replicates too rare to be among these."
    return said + (rare if above else "")


def _said_of_equals(lines: Sequence[_Line]) -> str:
    """Which shares of real data cannot be told apart by eye; they are equal by design more often than not."""
    pairs = [
        f"{b.at['c']} lies on {a.at['c']}"
        for a, b in itertools.combinations(lines, 2)
        if len(a.curve.mean) == len(b.curve.mean) and np.abs(a.curve.mean - b.curve.mean).max() < 0.02
    ]
    return f"{'; '.join(pairs)}." if 0 < len(pairs) <= 4 else ""


def _said_of_infinity(layout: Layout, lines: Sequence[_Line]) -> str:
    found: dict[str, list[int]] = {}
    for line in lines:
        beyond = np.flatnonzero(~drawable(line.curve.mean))
        if beyond.size:
            found.setdefault(line.at["c"], []).append(int(line.curve.generation[beyond[0]]))
    if not found:
        return ""
    parts = [
        f"{level + ' ' if layout.colour else ''}from generation {min(ts)}"
        + (f" to {max(ts)} on (by panel)" if max(ts) > min(ts) else " on")
        for level, ts in found.items()
    ]
    return (
        f"Infinite or undefined in at least one replicate, and not drawn: {', '.join(parts)}; "
        "× marks the last finite mean."
    )
