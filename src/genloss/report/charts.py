"""Curves of a metric over generations, by regime, with bands and laws: plain Vega-Lite specs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np

from genloss.experiment import Experiment
from genloss.laws import law
from genloss.numbers import about
from genloss.report.aggregate import Curve, Key
from genloss.report.colours import REAL, shapes
from genloss.report.figure import Figure
from genloss.report.layout import AGENT, Layout
from genloss.report.lines import Line, gaps, hidden, marks, scale_of
from genloss.report.remarks import lost
from genloss.report.scales import Scale, Spec, drawable, log_ticks
from genloss.samples import Array

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
CONFIG: Spec = {
    "font": FONT,
    "background": "#FFFFFF",
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
    "legend": {
        "labelColor": "#444444",
        "titleColor": "#222222",
        "labelFontSize": 11.5,
        "titleFontSize": 11.5,
        "symbolStrokeWidth": 2.5,
        "labelLimit": 400,
    },
}

LAWS = {"mean": "law", "typical": "law_typical"}
"""Fields of the rows for laws, by the quantity that they are of."""

# width of the page's column, and generations on a curve
_WIDTH, _POINTS = 1000, 50
# of a panel where there is little room
_LEAST = 96
_LOG_GENERATIONS = 1000
# places of which each has its marker; of more a few have
_FEW, _MARKERS = 12, 6


def curve_figure(layout: Layout, metric: str, curves: Mapping[Key, Curve], name: str) -> Figure | None:
    """The curves of one metric in one experiment; None where nothing is finished.

    Args:
        layout: of the experiment.
        metric: its name.
        curves: what was measured.
        name: of the figure.
    """
    lines, named = list[Line](), list[tuple[str, Curve]]()
    for cell, agent in layout.lines:
        curve = curves.get((cell.index, agent, metric))
        if curve is None:
            continue
        known = law(cell.task, agent, metric) if isinstance(cell.task, Experiment) else None
        at = {"c": layout.level(cell, agent)}
        at |= {f"f{i}": layout.of_line(cell, agent, f) for i, f in enumerate(layout.facets)}
        at |= {f"s{i}": layout.of_line(cell, agent, f) for i, f in enumerate(layout.selectors)}
        lines.append(Line(curve, known, at))
        parts = (layout.level(cell, agent) if layout.colour else "", layout.rest(cell, agent))
        named.append((", ".join(p for p in parts if p), curve))
    if not lines:
        return None
    said = lines[0].curve.meaning
    rows, panels = _panels(layout, lines, said.axis)
    spec = {
        "$schema": SCHEMA,
        "datasets": {"rows": rows},
        "data": {"name": "rows"},
        "config": CONFIG,
        **panels,
    }
    params = {f"s{i}": (f, layout.values[f]) for i, f in enumerate(layout.selectors)}
    select(spec, params)
    sentences = (
        about(said),
        *lost(named),
        hidden(lines),
        *marks(lines),
        *gaps(lines, layout.colour is None),
    )
    caption = " ".join(s for s in sentences if s)
    return Figure(name, said.title, caption, spec, bool(layout.facets), params, least=_LEAST)


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


def _kept(places: int) -> Array:
    """Which of many generations to draw: all of a few, else some evenly and some, early, by ratio."""
    if places <= _POINTS:
        return np.arange(places)
    evenly = np.linspace(0, places - 1, _POINTS - 12)
    early = np.geomspace(1, places, 14) - 1
    return np.unique(np.round(np.concatenate([evenly, early])).astype(int))


def _rows(line: Line, scale: Scale, order: int) -> list[Spec]:
    """The rows of a line; its markers stand elsewhere than those of the other lines, by its order."""
    curve, out = line.curve, list[Spec]()
    typical, low, high = curve.typical
    finite = np.flatnonzero(drawable(typical))
    end = int(finite[-1]) if finite.size and finite[-1] < len(typical) - 1 else None
    kept = sorted({*_kept(len(typical)).tolist(), *([] if end is None else [end])})
    step = -(-len(kept) // _MARKERS)
    marked = kept[order % step :: step] if len(kept) > _FEW else kept
    for i in kept:
        t = curve.at[i]
        row: Spec = {**line.at, "t": t, "v": scale.fit(typical[i])}
        if drawable(low[i]) and drawable(high[i]) and high[i] > low[i]:
            row |= {"l": scale.fit(low[i], clip=True), "h": scale.fit(high[i], clip=True)}
        if line.averaged:
            row["m"] = scale.fit(curve.mean.estimate[i])
            row |= {k: scale.fit(v[i]) for k, v in zip(("ml", "mh"), curve.mean[1:], strict=True)}
        if line.law is not None and i < len(line.law.values):
            row[LAWS[line.law.of]] = scale.fit(line.law.values[i])
        if curve.real is not None and not out:
            row["real"] = scale.fit(float(curve.real.estimate))
        if curve.meaning.reference is not None and not out:
            row["ref"] = scale.fit(curve.meaning.reference.value)
        if i == end:
            row["end"] = row["v"]
        elif i in marked:
            row["d"] = row["v"]
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


def _across(lines: Sequence[Line]) -> Spec:
    """The encoding of what runs from left to right."""
    x: Spec = {"field": "t", "type": "quantitative", "title": lines[0].curve.axis or None}
    places = list(dict.fromkeys(t for line in lines for t in line.curve.at))
    if not all(isinstance(t, int) for t in places):  # they have names of their own
        return {**x, "type": "ordinal", "sort": places, "axis": {"labelAngle": 0}}
    first, last = min(places), max(places)
    if first and last >= _LOG_GENERATIONS:
        x |= {
            "scale": {"type": "log", "domain": [first, last]},
            "axis": {"values": log_ticks(first, last), "format": "~s"},
        }
    else:
        x |= {
            "scale": {"domain": [min(first, last - 1), last], "nice": False},
            "axis": {"tickCount": max(min(5, last), 1)},
        }
        if last > 1:
            x["axis"] = {"values": _ticks(first, last), "format": "d"}
    return x


def _layers(
    layout: Layout, lines: Sequence[Line], rows: Sequence[Spec], axis: Sequence[str], scale: Scale
) -> list[Spec]:
    x = _across(lines)
    y: Spec = {"type": "quantitative", "title": list(axis), "scale": scale.vega, "axis": scale.axis}
    # the legend of a band would be as pale as the band
    legend = {"orient": "bottom", "title": None, "columns": 4, "symbolOpacity": 1}
    c = {**colour(layout), "legend": legend if layout.colour else None}
    titles = {
        "v": "typical",
        "l": "95 % from",
        "h": "to",
        "m": "mean",
        "ml": "95 % from",
        "mh": "to",
        "law": "law",
    }
    shown = {key for row in rows for key, value in row.items() if value is not None}
    tooltip: list[Spec] = [
        {"field": "c", "type": "nominal", "title": layout.colour or "regime"},
        {"field": "t", "type": x["type"], "title": x["title"] or "at"},
        *(
            {"field": key, "type": "quantitative", "title": title, "format": ".4~g"}
            for key, title in titles.items()
            if key in shown
        ),
    ]
    layers: list[Spec] = []
    if "real" in shown:
        mark: Spec = {"type": "rule", "strokeWidth": 1, "color": REAL, "clip": True}
        layers.append({"mark": mark, "encoding": {"y": {**y, "field": "real"}, "detail": {"field": "c"}}})
    if "ref" in shown:
        mark = {"type": "rule", "strokeWidth": 1.2, "strokeDash": [1.5, 3], "color": "#111111", "clip": True}
        layers.append({"mark": mark, "encoding": {"y": {**y, "field": "ref"}, "detail": {"field": "c"}}})
    if "l" in shown:
        band = {"x": x, "y": {**y, "field": "l"}, "y2": {"field": "h"}, "color": c}
        layers.append({"mark": {"type": "area", "opacity": 0.2, "clip": True}, "encoding": band})
    for key, width in (("v", 2.4), ("m", 0.9)):
        if key in shown:
            line = {"x": x, "y": {**y, "field": key}, "color": c}
            layers.append({"mark": {"type": "line", "strokeWidth": width, "clip": True}, "encoding": line})
    for key in shown & set(LAWS.values()):
        dashed = {"strokeWidth": 1.2, "strokeDash": [4, 3], "color": "#111111", "clip": True}
        line = {"x": x, "y": {**y, "field": key}, "detail": {"field": "c"}}
        layers.append({"mark": {"type": "line", **dashed}, "encoding": line})
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
    place = {"x": x, "color": c}
    mark = {"type": "point", "filled": True, "size": 34, "opacity": 1}
    shape = {**colour(layout), "legend": c["legend"]}
    shape["scale"] = {"domain": list(layout.levels), "range": list(shapes(len(layout.levels)))}
    layers.append(
        {
            "transform": [{"filter": "isValid(datum.d)"}],
            "mark": mark,
            "encoding": {**place, "y": {**y, "field": "d"}, "shape": shape},
        }
    )
    # points one can point at
    point = {**mark, "size": 60, "opacity": 0}
    layers.append({"mark": point, "encoding": {**place, "y": {**y, "field": "v"}, "tooltip": tooltip}})
    return layers


def _ticks(first: int, last: int) -> list[int]:
    """A few places at equal steps: from the first, or of many the first and then round ones.

    >>> [_ticks(1, t) for t in (2, 6, 9, 100)]
    [[1, 2], [1, 2, 3, 4, 5, 6], [1, 3, 5, 7, 9], [1, 20, 40, 60, 80, 100]]
    """
    if last <= 12:
        return list(range(first, last + 1, 1 if last <= 7 else 2))
    step = next(s * 10**e for e in range(12) for s in (1, 2, 5) if last / (s * 10**e) <= 5)
    return [first, *range(step, last + 1, step)]


def _panels(layout: Layout, lines: Sequence[Line], axis: str) -> tuple[list[Spec], Spec]:
    """Rows and marks of a figure: one panel, a row of panels, or rows of them, all on one scale."""
    scale = scale_of(lines)
    if len(layout.facets) < 2:
        height = _height(layout, 170) if layout.facets else 190
        rows, layers = _drawn(layout, lines, _folded(axis, height), scale)
        if not layout.facets:
            return rows, {"layer": layers, "width": 276 - 14 * len(_folded(axis, height)), "height": height}
        return rows, _row(layout, layers, height)
    second, height = layout.facets[1], _height(layout, 105)
    all_rows, panels = [], []
    for value in layout.values[second]:
        mine = [line for line in lines if line.at["f1"] == value]
        if not mine:
            continue
        rows, layers = _drawn(layout, mine, _folded(axis, height), scale)
        all_rows += rows
        title = {"text": f"{second} = {value}", "fontSize": 12, "anchor": "start", "offset": 4}
        transform = [{"filter": f"datum.f1 === {json.dumps(value)}"}]
        panels.append({"title": title, "transform": transform, **_row(layout, layers, height)})
    return all_rows, {"vconcat": panels, "spacing": 14}


def _drawn(
    layout: Layout, lines: Sequence[Line], axis: Sequence[str], scale: Scale
) -> tuple[list[Spec], list[Spec]]:
    rows = [row for line in lines for row in _rows(line, scale, layout.levels.index(line.at["c"]))]
    return rows, _layers(layout, lines, rows, axis, scale)


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
