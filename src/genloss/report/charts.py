"""Curves of a metric over generations, by regime, with bands and laws: plain Vega-Lite specs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genloss.report.laws import Law, law
from genloss.report.layout import Layout
from genloss.report.aggregate import Curve, Key
from genloss.report.words import number, words
from genloss.samples import Array

Spec = dict[str, Any]
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
# from this span on, a factor is what the eye should see
_LOG = 12.0
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
    said = words(metric, layout.cells[0].exp.metric_names.get(metric))
    scale = _Scale.of(lines, share=metric == "RealShare")
    rows = [row for line in lines for row in _rows(line, scale)]
    spec = {
        "$schema": SCHEMA,
        "datasets": {"rows": rows},
        "data": {"name": "rows"},
        "config": CONFIG,
        **_panels(layout, _layers(layout, rows, said.axis, scale)),
    }
    params = {f"s{i}": (f, layout.values[f]) for i, f in enumerate(layout.selectors)}
    select(spec, params)
    caption = " ".join(
        part for part in (said.about, _sources(lines), _said_of_infinity(layout, lines)) if part
    )
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


def _rows(line: _Line, scale: _Scale) -> list[Spec]:
    curve, out = line.curve, []
    kept = _kept(curve.generation)
    finite = np.flatnonzero(np.isfinite(curve.mean))
    end = int(finite[-1]) if finite.size and finite[-1] < len(curve.mean) - 1 else None
    for i in sorted({*kept.tolist(), *([] if end is None else [end])}):
        t = int(curve.generation[i])
        row: Spec = {**line.at, "t": t, "m": scale.fit(curve.mean[i])}
        if np.isfinite(curve.low[i]) and curve.high[i] > curve.low[i]:
            row |= {"l": scale.fit(curve.low[i], clip=True), "h": scale.fit(curve.high[i], clip=True)}
        if line.law is not None and t <= len(line.law.values):
            row["law"] = scale.fit(line.law.values[t - 1])
        if i == end:
            row["end"] = row["m"]
        out.append(row)
    return out


@dataclass(frozen=True)
class _Scale:
    """The axis of a metric: linear, logarithmic, or "symlog" where a large range has both signs."""

    kind: str
    low: float
    high: float

    @classmethod
    def of(cls, lines: Sequence[_Line], share: bool) -> _Scale:
        finite = [c[np.isfinite(c)] for c in (line.curve.mean for line in lines)]
        laws = [line.law.values[np.isfinite(line.law.values)] for line in lines if line.law is not None]
        y = np.concatenate([*finite, *laws]) if finite or laws else np.zeros(1)
        if y.size == 0:
            y = np.zeros(1)
        low, high = float(y.min()), float(y.max())
        ends = [line.curve.high[np.isfinite(line.curve.high)] for line in lines]
        tops = [e.max() for e in ends if e.size]
        if share:
            return cls("linear", 0.0, 1.0)
        if low > 0 and high > _LOG * low:
            return cls("log", low / 1.25, max(high, min(max(tops, default=high), 5 * high)) * 1.25)
        if low <= 0 < high and high > 1000 and max(high, -low) > 100 * float(np.median(np.abs(y))) + 1:
            return cls("symlog", low * 1.25, high * 1.25)
        lows = [line.curve.low[np.isfinite(line.curve.low)] for line in lines]
        bottoms = [e.min() for e in lows if e.size]
        low, high = min([low, *bottoms]), max([high, *tops])
        if low >= 0 and low < 0.35 * high:
            low = 0.0
        pad = 0.04 * (high - low) or 0.05 * abs(high) or 1.0
        return cls("linear", low if low == 0 else low - pad, high + pad)

    def fit(self, y: float, clip: bool = False) -> float | None:
        """The value in five digits, as far as it can be drawn."""
        if not math.isfinite(y) or (self.kind == "log" and y <= 0 and not clip):
            return None
        if clip:
            y = min(max(y, self.low), self.high)
        return float(f"{y:.5g}")

    @property
    def vega(self) -> Spec:
        scale: Spec = {
            "type": self.kind,
            "domain": [self.low, self.high],
            "nice": self.kind == "linear",
            "zero": False,
        }
        return scale | ({"constant": 1} if self.kind == "symlog" else {})

    @property
    def axis(self) -> Spec:
        """Ticks that read."""
        if self.kind == "linear":
            return {"tickCount": 5}
        if self.kind == "log":
            ticks = _log_ticks(self.low, self.high)
        else:
            positive = _log_ticks(1, self.high)
            negative = [-x for x in _log_ticks(1, -self.low)] if self.low < -1 else []
            ticks = [*reversed(negative), 0.0, *positive]
        # the labels, chosen by the thresholds between them: Vega has no format with superscripts
        middles = [(a + b) / 2 for a, b in zip(ticks, ticks[1:], strict=False)]
        choice = "".join(
            f"datum.value < {m!r} ? '{_tick(v)}' : " for v, m in zip(ticks, middles, strict=False)
        )
        return {"values": ticks, "labelExpr": f"{choice}'{_tick(ticks[-1])}'"}


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    if len(decades) < 3:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        fine = [float(f"{m}e{e}") for e in range(first, last + 1) for m in (1, 2, 5)]
        return [v for v in fine if low <= v <= high]
    step = -(-len(decades) // 6)
    return [float(f"1e{e}") for e in decades if e % step == 0]


def _tick(v: float) -> str:
    power = math.log10(abs(v)) if v else 0.0
    if v and abs(power) > 3.5 and float(f"{v:.0e}") == v:
        return number(v).removeprefix("1×") if v > 0 else number(v).replace("−1×", "−")
    return number(v)


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


def _layers(layout: Layout, rows: Sequence[Spec], axis: str, scale: _Scale) -> list[Spec]:
    last = max(row["t"] for row in rows)
    x: Spec = {"field": "t", "type": "quantitative", "title": "generation"}
    if last >= _LOG_GENERATIONS:
        x |= {
            "scale": {"type": "log", "domain": [1, last]},
            "axis": {"values": _log_ticks(1, last), "format": "~s"},
        }
    else:
        x |= {
            "scale": {"domain": [min(1, last - 1), last], "nice": False},
            "axis": {"tickCount": min(5, last)},
        }
        if last > 1:
            ticks = np.unique(np.round(np.linspace(1, last, min(5, last))).astype(int))
            x["axis"] = {"values": [1, *_round_ticks(last)] if last > 12 else ticks.tolist(), "format": "d"}
    y: Spec = {"type": "quantitative", "title": axis, "scale": scale.vega, "axis": scale.axis}
    c = {
        **colour(layout),
        "legend": {"orient": "bottom", "direction": "horizontal", "title": None, "columns": 4},
    }
    if layout.colour is None:
        c["legend"] = None
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
    layers.append(
        {
            "mark": {"type": "line", "strokeWidth": 2, "clip": True},
            "encoding": {"x": x, "y": {**y, "field": "m"}, "color": c},
        }
    )
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


def _round_ticks(last: int) -> list[int]:
    """Some three or four round generations up to the last."""
    step = next(s * 10**e for e in range(12) for s in (1, 2, 5) if last / (s * 10**e) <= 5)
    return list(range(step, last + 1, step))


def _panels(layout: Layout, layers: list[Spec]) -> Spec:
    """The layers, in as many small multiples as there are facets."""
    facets = layout.facets
    if not facets:
        return {"layer": layers, "width": 262, "height": 190}
    columns = len(layout.values[facets[0]])
    width = min(max((_WIDTH - 90) // columns - 24, 90), 230)
    first = _header(facets[0], layout, 0)
    if len(facets) == 1:
        return {
            "facet": {"column": first},
            "spec": {"layer": layers, "width": width, "height": min(width, 170)},
        }
    second = _header(facets[1], layout, 1)
    return {
        "facet": {"column": first, "row": second},
        "spec": {"layer": layers, "width": width, "height": min(width, 120)},
        "spacing": {"row": 14, "column": 16},
    }


def _header(name: str, layout: Layout, i: int) -> Spec:
    return {"field": f"f{i}", "type": "nominal", "title": name, "sort": list(layout.values[name])}


# -- captions --------------------------------------------------------------------------------------


def _sources(lines: Sequence[_Line]) -> str:
    laws = list(dict.fromkeys(s for line in lines if line.law for s in line.law.source.split("; ")))
    return f"Dashed: the law of {'; '.join(laws)}." if laws else ""


def _said_of_infinity(layout: Layout, lines: Sequence[_Line]) -> str:
    found: dict[str, list[int]] = {}
    for line in lines:
        beyond = np.flatnonzero(~np.isfinite(line.curve.mean))
        if beyond.size:
            found.setdefault(line.at["c"], []).append(int(line.curve.generation[beyond[0]]))
    if not found:
        return ""
    parts = [
        f"{level + ' ' if layout.colour else ''}from generation {min(ts)}"
        + (f" to {max(ts)} on (by panel)" if max(ts) > min(ts) else " on")
        for level, ts in found.items()
    ]
    return f"Infinite or undefined in at least one replicate, and not drawn: {', '.join(parts)}; × marks the last finite mean."
