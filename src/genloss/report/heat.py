"""The last values of a metric over two varied fields of numbers, with the contours of its law."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genloss.experiment import Experiment
from genloss.laws import Law, law
from genloss.numbers import about, bracketed, interval, number
from genloss.report.aggregate import Curve, Key
from genloss.report.charts import CONFIG, SCHEMA, select
from genloss.report.contours import clearest, contours
from genloss.report.figure import Figure
from genloss.report.layout import AGENT, Layout
from genloss.report.lines import CARRIED
from genloss.report.scales import Scale, Spec, drawable, log_ticks
from genloss.samples import Array
from genloss.study.grid import CASE

_LEVELS = 4
"""Contours of one panel."""
_SIDE, _TALL = 300, 230
"""Pixels of a panel, at most."""
_LEGIBLE, _HIGH = 38, 2 * 11
"""Pixels across and upwards from which a cell holds a number, and has room for a contour's beside it."""
_LETTER, _LINE = 6.2, 12
"""Pixels of a letter, and of a line of text."""
_PALE = 0.62
"""Share of the colours' range from which they are so light that what stands on them is dark."""


@dataclass(frozen=True, eq=False)
class _Place:
    """One line of one cell on the map."""

    x: float
    y: float
    panel: str
    chosen: Spec  # of the reader's choices, by field of the rows
    curve: Curve | None
    law: Law | None


@dataclass(frozen=True)
class _Axis:
    """A varied field as an axis: each value is a stripe from an edge to the next."""

    title: str
    values: tuple[float, ...]
    log: bool

    @classmethod
    def of(cls, title: str, values: Sequence[float]) -> _Axis:
        """Logarithmic where that puts the values at more equal distances."""
        at = tuple(sorted({float(v) for v in values}))
        if at[0] <= 0:
            return cls(title, at, False)
        uneven = [np.diff(some) for some in (np.array(at), np.log(at))]
        steps = [float(np.std(d) / np.mean(d)) for d in uneven]
        return cls(title, at, steps[1] < steps[0] or (len(at) == 2 and at[1] > 3 * at[0]))

    def along(self, v: float) -> float:
        """Where a value lies, as the eye sees it."""
        return float(np.log10(v)) if self.log else v

    def back(self, place: float) -> float:
        """The value at a place."""
        return float(f"{10**place if self.log else place:.6g}")

    @property
    def edges(self) -> list[float]:
        """Between the values, and as far beyond the outer ones."""
        at = [self.along(v) for v in self.values]
        middles = [(a + b) / 2 for a, b in itertools.pairwise(at)]
        return [self.back(v) for v in (2 * at[0] - middles[0], *middles, 2 * at[-1] - middles[-1])]

    def pixel(self, pixels: int) -> float:
        """How far a pixel is, as the eye sees it."""
        edges = self.edges
        return (self.along(edges[-1]) - self.along(edges[0])) / pixels

    def encoding(self, field: str) -> Spec:
        """As Vega-Lite has it."""
        edges = self.edges
        scale: Spec = {"domain": [edges[0], edges[-1]], "nice": False}
        scale |= {"type": "log"} if self.log else {"type": "linear", "zero": False}
        axis = {"values": list(self.values), "format": "~g", "grid": False, "domain": False, "labelAngle": 0}
        return {
            "field": field,
            "type": "quantitative",
            "title": self.title,
            "scale": scale,
            "axis": axis,
        }


def heat_figure(
    layout: Layout, metric: str, curves: Mapping[Key, Curve], name: str, x: str = "", y: str = ""
) -> Figure | None:
    """The map of one metric in one experiment; None where nothing is finished.

    Args:
        layout: of the experiment.
        metric: its name.
        curves: what was measured.
        name: of the figure.
        x: the field from left to right, by name or by the path that was varied; by default one of the two
            with most values.
        y: the field upwards; by default the other one.

    Raises:
        SpecError: if these are no two varied fields of numbers.
    """
    x, y = layout.plane(x, y)
    # a case is no panel where its own fields are the axes
    taken = {x, y} | ({CASE} if {x, y} <= {f for c in layout.cells for f in c.settings} else set())
    rest = [f for f in dict.fromkeys((layout.colour or "", *layout.values)) if f and f not in taken]
    choices = {f"s{i}": f for i, f in enumerate(rest[1:])}
    places = []
    for cell, line in layout.lines:
        if metric in cell.outline.meanings:
            known = law(cell.task, line, metric) if isinstance(cell.task, Experiment) else None
            panel = layout.of_line(cell, line, rest[0]) if rest else ""
            chosen = {key: layout.of_line(cell, line, f) for key, f in choices.items()}
            curve = curves.get((cell.index, line, metric))
            at = cell.columns
            places.append(_Place(float(at[x]), float(at[y]), panel, chosen, curve, known))
    seen = [p.curve for p in places if p.curve is not None]
    if not seen:
        return None
    # the law over a map and the map are of the same quantity
    of = "mean" if any(p.law is not None and p.law.of == "mean" for p in places) else "typical"
    across, up = _Axis.of(x, [p.x for p in places]), _Axis.of(y, [p.y for p in places])
    scale = _colours([float(_last(c, of)[0]) for c in seen])
    panels = [layout.values[rest[0]], rest[0]] if rest else [("",), ""]
    shown = [v for v in panels[0] if any(p.panel == v for p in places)]
    width = min(max(46 * len(across.values), 120), _SIDE)
    height = min(max(34 * len(up.values), 90), _TALL)
    size = (width, height)
    rows = [_square(p, across, up, of, scale, size) for p in places]
    wide = max((len(row["n"]) for row in rows if "n" in row), default=0) * _LETTER
    rows += _lines(places, across, up, of, scale, size, wide)
    said = seen[0].meaning
    layers = _layers(across, up, scale, _direction(said.axis, said.better), seen[0])
    body: Spec = {"layer": layers, "width": width, "height": height}
    if rest:
        body = {
            "facet": {"column": _header(rest[0], shown)},
            "spec": body,
            "spacing": 18,
        }
    spec: Spec = {
        "$schema": SCHEMA,
        "datasets": {"rows": rows},
        "data": {"name": "rows"},
        "config": CONFIG,
        **body,
    }
    params = {key: (f, layout.values[f]) for key, f in choices.items()}
    select(spec, params)
    caption = _caption(places, of, seen[0], any("cx" in row for row in rows))
    return Figure(
        name,
        f"{said.title}, over {x} and {y}",
        caption,
        spec,
        True,
        params,
        least=_LEGIBLE * len(across.values),
    )


def _header(field: str, shown: Sequence[str]) -> Spec:
    header = {} if field == AGENT else {"labelExpr": f"{json.dumps(field + ' = ')} + datum.value"}
    return {"field": "p", "type": "nominal", "title": None, "sort": list(shown), "header": header}


def _last(curve: Curve, of: str) -> tuple[float, float, float]:
    """The last value and the ends of its interval."""
    some = curve.mean if of == "mean" else curve.typical
    estimate, low, high = (float(v[-1]) for v in some)
    return estimate, low, high


def _colours(values: Sequence[float]) -> Scale:
    """The range of the colours, logarithmic where a factor is what one should see."""
    y = np.array([v for v in values if drawable(v)] or [0.0])
    low, high = float(y.min()), float(y.max())
    if low > 0 and high > 12 * low:
        return Scale("log", low, high)
    if max(high, -low) > 100 * float(np.median(np.abs(y))) + 1:
        return Scale("symlog", low, high)
    return Scale("linear", low, high if high > low else low + (abs(low) or 1.0))


def _share(v: float, scale: Scale) -> float:
    """Where a value lies in the range of the colours, from 0 to 1."""
    three = np.array([scale.low, v, scale.high])
    if scale.kind != "linear":
        three = np.log(three) if scale.kind == "log" else np.sign(three) * np.log1p(np.abs(three))
    return float((three[1] - three[0]) / (three[2] - three[0]))


def _square(p: _Place, across: _Axis, up: _Axis, of: str, scale: Scale, size: tuple[int, int]) -> Spec:
    row: Spec = {"p": p.panel, **p.chosen, "x": p.x, "y": p.y}
    for axis, v, names in ((across, p.x, ("x0", "x1")), (up, p.y, ("y0", "y1"))):
        i = axis.values.index(v)
        row |= dict(zip(names, axis.edges[i : i + 2], strict=True))
    if p.curve is None:
        return {**row, "n": "–", "said": "nothing is finished"}
    value, low, high = _last(p.curve, of)
    drawn = drawable(value) and (scale.kind != "log" or value > 0)
    row["said"] = bracketed(*interval((value, low, high)))  # type: ignore[arg-type]
    room = size[0] >= _LEGIBLE * len(across.values) and size[1] >= _HIGH * len(up.values)
    if room or not drawn:
        two = number(value, 2, zeros=True)
        row["n"] = two if _LETTER * len(two) < _LEGIBLE else number(value, 1)
    if drawn:
        row |= {"v": float(f"{value:.5g}"), "dark": bool(_share(value, scale) > _PALE)}
    return row


def _lines(
    places: Sequence[_Place],
    across: _Axis,
    up: _Axis,
    of: str,
    scale: Scale,
    size: tuple[int, int],
    wide: float,
) -> Iterator[Spec]:
    """The contours of each panel whose every place has the law, each with its value where there is room."""
    groups: dict[tuple[str, ...], list[_Place]] = {}
    for p in places:
        groups.setdefault((p.panel, *p.chosen.values()), []).append(p)
    for mine in groups.values():
        laws = [p.law for p in mine]
        if len(mine) != len(across.values) * len(up.values):
            continue
        z = np.full((len(up.values), len(across.values)), np.nan)
        for p, known in zip(mine, laws, strict=True):
            if known is not None and known.of == of:
                z[up.values.index(p.y), across.values.index(p.x)] = known.values[-1]
        positive = scale.kind == "log"
        if not (drawable(z).all() and (not positive or (z > 0).all())):
            continue
        x, y = [across.along(v) for v in across.values], [up.along(v) for v in up.values]
        pixels = tuple(abs(axis.pixel(n)) for axis, n in zip((across, up), size, strict=True))
        # the numbers of cells, and the values of lines as they find their places
        texts = [(a, b, wide) for a, b in itertools.product(x, y)] if wide else []
        at: Spec = {"p": mine[0].panel, **mine[0].chosen}
        for level in _levels(z, positive):
            said = number(level, 2)
            value, height = (np.log(z), float(np.log(level))) if positive else (z, level)
            for line in contours(x, y, value, height):
                own = len(said) * _LETTER
                rooms = [(a, b, (own + w) / 2 * pixels[0], _LINE * pixels[1]) for a, b, w in texts]
                place = clearest(line, rooms)
                if place is None:  # it hugs a cell
                    continue
                texts.append((*place, own))
                for i, (a, b) in enumerate(line):
                    yield {**at, "o": i, "cx": across.back(a), "cy": up.back(b), "g": f"{level} {line[0]}"}
                yield {**at, "lx": across.back(place[0]), "ly": up.back(place[1]), "level": said}


def _levels(z: Array, positive: bool) -> list[float]:
    """A few round values between the least and the greatest."""
    low, high = float(z.min()), float(z.max())
    if not high > low:
        return []
    if positive:
        ticks = log_ticks(low, high)
        return ticks[:: -(-len(ticks) // (_LEVELS - 1)) or 1]
    raw = (high - low) / _LEVELS
    step = 10 ** np.floor(np.log10(raw)) * next(
        m for m in (1, 2, 5, 10) if m * 10 ** np.floor(np.log10(raw)) >= raw
    )
    return [float(f"{k * step:.6g}") for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _direction(axis: str, better: str | None) -> list[str]:
    return [axis, f"{better} is good"] if better else [axis]


def _layers(across: _Axis, up: _Axis, scale: Scale, title: Sequence[str], of: Curve) -> list[Spec]:
    x, y = across.encoding("x0"), up.encoding("y0")
    legend: Spec = {"orient": "bottom", "gradientLength": 240, "titleLimit": 400}
    legend |= {"title": list(title), "titleFontWeight": "normal"}
    legend |= {k: v for k, v in scale.axis.items() if k != "minExtent"}
    colour: Spec = {
        "field": "v",
        "type": "quantitative",
        "scale": {"type": scale.kind, "domain": [scale.low, scale.high], "scheme": "viridis"},
        "legend": legend,
    }
    box = {"x": x, "x2": {"field": "x1"}, "y": y, "y2": {"field": "y1"}}
    tooltip = [
        {"field": "x", "type": "quantitative", "title": across.title, "format": "~g"},
        {"field": "y", "type": "quantitative", "title": up.title, "format": "~g"},
        {"field": "said", "type": "nominal", "title": "value"},
    ]
    point = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}}
    path = {"x": {**x, "field": "cx"}, "y": {**y, "field": "cy"}}
    traced = {**path, "detail": {"field": "g"}, "order": {"field": "o", "type": "quantitative"}}
    named = {"x": {**x, "field": "lx"}, "y": {**y, "field": "ly"}}
    named |= {"text": {"field": "level", "type": "nominal"}}
    text = {**point, "text": {"field": "n", "type": "nominal"}}
    # below a number lies a plate of its cell's colour, as high as a line of text: no line runs through it
    plate = {"type": "point", "shape": "M-1,-0.4H1V0.4H-1Z", "filled": True, "opacity": 1}
    there, drawn = [{"filter": "isValid(datum.x0)"}], [{"filter": "isValid(datum.v)"}]
    numbers = [{"filter": "isValid(datum.n)"}]
    line, label = [{"filter": "isValid(datum.cx)"}], [{"filter": "isValid(datum.level)"}]
    halo = {"type": "text", "fontSize": 11, "stroke": "white", "strokeWidth": 3, "strokeJoin": "round"}
    return [
        {
            "transform": there,
            "mark": {"type": "rect", "color": "gainsboro"},
            "encoding": {**box, "tooltip": tooltip},
        },
        {
            "transform": drawn,
            "mark": {"type": "rect", "stroke": "white", "strokeWidth": 0.5},
            "encoding": {**box, "color": colour, "tooltip": tooltip},
        },
        {
            "transform": line,
            "mark": {"type": "line", "stroke": "white", "strokeWidth": 3.5},
            "encoding": traced,
        },
        {
            "transform": line,
            "mark": {"type": "line", "stroke": "black", "strokeWidth": 1.4, "strokeDash": [4, 3]},
            "encoding": traced,
        },
        {
            "transform": [*numbers, *drawn],
            "mark": {**plate, "size": (_LEGIBLE - 4) ** 2},
            "encoding": {**point, "color": colour},
        },
        {
            "transform": numbers,
            "mark": {"type": "text", "fontSize": 11},
            "encoding": {
                **text,
                "color": {
                    "condition": {"test": "datum.dark === false", "value": "white"},
                    "value": "black",
                },
            },
        },
        {"transform": label, "mark": halo, "encoding": named},
        {"transform": label, "mark": {"type": "text", "fontSize": 11}, "encoding": named},
    ]


def _caption(places: Sequence[_Place], of: str, curve: Curve, lined: bool) -> str:
    what = "the mean over replicates" if of == "mean" else "the typical replicate, the median"
    at = f"{curve.axis} {curve.at[-1]}" if curve.axis else "the end"
    lasts = {p.curve.at[-1] for p in places if p.curve is not None}
    parts = [
        about(curve.meaning),
        f"Colour: {what}, at {at if len(lasts) == 1 else f'the last {curve.axis}'}.",
    ]
    if lined:
        sources = dict.fromkeys(s for p in places if p.law is not None for s in p.law.source.split("; "))
        said = "mean" if of == "mean" else "typical replicate"
        parts.append(
            f"Dashed: where the law of the {said} has the value that stands on the line, straight between "
            f"cells, of {'; '.join(sources)}."
        )
    if of == "mean" and any(
        p.law is not None and p.curve is not None and p.law.values[-1] > 3 * p.curve.mean.estimate[-1] > 0
        for p in places
    ):
        parts.append(CARRIED)
    if any(p.curve is None or not drawable(_last(p.curve, of)[0]) for p in places):
        parts.append("Grey: not finished (–), infinite or undefined.")
    return " ".join(parts)
