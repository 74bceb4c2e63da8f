"""Pictures of one column at a time: histograms and bars of tables against real rows, ranks of symbols."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genloss.report.colours import REAL, sequential
from genloss.report.figure import Figure
from genloss.report.layout import Layout, plain
from genloss.report.looks import (
    REAL_LABEL,
    Look,
    at_generation,
    folded,
    framed,
    generations,
    left_out,
    row_labels,
)
from genloss.report.scales import Spec
from genloss.samples import Array
from genloss.wording import several

_COLUMNS = 3
"""Columns shown besides the target."""
_BINS, _BARS = 20, 8
# pixels of the page's width for all panels of a row, and the most for the labels of categories
_ALL, _LABELS = 890, 150
_DAY = 86_400_000
_PALE = "#D3D3D3"
"""Real rows, behind others."""
_OTHER, _MISSING = "(other)", "(missing)"


def table_margins(layout: Layout, seen: Sequence[Look], hidden: int, name: str) -> Figure:
    """Margins of the target and of the columns that changed most, by generation, real rows behind."""
    schema = seen[0].cell.task.real.schema
    shown = generations(seen, most=4)
    target = schema.target_index
    moved = [
        max(_moved(look, i, max(look.rows), schema.columns[i]) for look in seen) for i in range(schema.width)
    ]
    order = [i for i in np.argsort(moved)[::-1].tolist() if i != target]
    chosen = [*([] if target is None else [target]), *order[:_COLUMNS]]
    rows: list[Spec] = []
    panels: list[tuple[int, str, str, list[Any]]] = []
    for j, i in enumerate(chosen):
        column = schema.columns[i]
        codes = column.kind in ("categorical", "boolean")
        of = _bars(column, seen, i) if codes else _bins(seen, i, shown, column.kind == "date")
        rows += _margin_rows(seen, shown, i, j, of)
        title = plain(column.name)
        if i == target and title != "target":
            title += " (target)"
        panels.append((j, title, column.kind, of[0]))
    frame = _Frame.of(layout, seen, shown, [places for _, _, _, places in panels])
    what = "The target and the columns" if target is not None else "The columns"
    caption = (
        f"{what} whose margins moved most, of {schema.width}. Grey: real rows; coloured: published ones; "
        f"both of the first replicate. {left_out(layout, seen, hidden)}"
    )
    # each column's bars have the width of its own places
    alone = {"scale": {"xOffset": "independent", "yOffset": "independent"}}
    body: Spec = {"vconcat": [frame.panel(*panel) for panel in panels], "spacing": 18, "resolve": alone}
    return framed(name, "The data: margins", caption.strip(), rows, body, seen, least=120)


def histogram(layout: Layout, seen: Sequence[Look], hidden: int, name: str) -> Figure:
    """Rows of one coordinate as histograms by generation, real rows behind."""
    shown = generations(seen, most=5)
    flat = [replace(s, rows={t: x.reshape(len(x), -1) for t, x in s.rows.items()}) for s in seen]
    rows = _margin_rows(flat, shown, 0, 0, _bins(flat, 0, shown))
    frame = _Frame.of(layout, seen, shown, [])
    body: Spec = {"vconcat": [frame.panel(0, "x₁", "numeric", [])]}
    caption = (
        f"The first coordinate. Grey: real rows of the first replicate. {left_out(layout, seen, hidden)}"
    )
    return framed(name, "The data", caption.strip(), rows, body, seen, least=120)


Margin = tuple[list[Any], Callable[[Array], Array]]
"""Places on the axis, and the share of rows at each."""


def _bins(seen: Sequence[Look], i: int, shown: Sequence[int], days: bool = False) -> Margin:
    x = np.concatenate([look.rows[t][:, i] for look in seen for t in (0, *shown) if t in look.rows])
    x = x[np.isfinite(x)]
    low, high = np.quantile(x, [0.002, 0.998]) if x.size else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)

    def share(values: Array) -> Array:
        known = values[np.isfinite(values)]
        counts = np.histogram(known, edges)[0] / max(len(values), 1)
        return np.append(counts, counts[-1])  # the last step ends where its bin does

    # a date is a time in milliseconds to who draws it
    return [round(v * _DAY) for v in edges] if days else [float(f"{v:.5g}") for v in edges], share


def _bars(column: Any, seen: Sequence[Look], i: int) -> Margin:
    labels = [plain(c) for c in column.categories] if column.kind == "categorical" else ["false", "true"]
    real = np.concatenate([look.rows[0][:, i] for look in seen])
    counts = np.array([(real == code).sum() for code in range(len(labels))])
    common = np.sort(np.argsort(-counts, kind="stable")[:_BARS])
    others, missing = len(labels) > _BARS, column.missing

    def share(values: Array) -> Array:
        each = [(values == code).sum() for code in common]
        rest = [(~np.isnan(values) & ~np.isin(values, common)).sum()] if others else []
        gone = [np.isnan(values).sum()] if missing else []
        return np.array([*each, *rest, *gone]) / max(len(values), 1)

    return [labels[c] for c in common] + [_OTHER] * others + [_MISSING] * missing, share


def _moved(look: Look, i: int, t: int, column: Any) -> float:
    """Distance between a column's real and published margins, from 0 to 1."""
    real, made = look.rows[0][:, i], look.rows[t][:, i]
    if column.kind in ("categorical", "boolean"):
        codes = np.unique(np.concatenate([real, made]))
        return float(sum(abs((real == c).mean() - (made == c).mean()) for c in codes[~np.isnan(codes)]) / 2)
    a, b = (np.sort(x[np.isfinite(x)]) for x in (real, made))
    if not a.size or not b.size:
        return 0.0
    at = np.concatenate([a, b])
    gap = np.searchsorted(a, at, "right") / a.size - np.searchsorted(b, at, "right") / b.size
    return float(np.abs(gap).max())


def _margin_rows(seen: Sequence[Look], shown: Sequence[int], i: int, j: int, of: Margin) -> list[Spec]:
    """Shares by place for real and published rows; "b" is a bar's label, "v" where a bin begins."""
    places, share = of
    rows: list[Spec] = []
    begun: set[tuple[str, str]] = set()
    for look in seen:
        for t in shown:
            if t not in look.rows:
                continue
            both = [(look.level, look.rows[t])]
            if (look.choice, look.beside) not in begun:
                both.append((REAL_LABEL, look.rows[0]))
            for level, some in both:
                rows += [
                    {"j": j, "b" if isinstance(v, str) else "v": v, "p": round(float(p), 4)}
                    | {"c": level, "t": at_generation(t), "k": look.choice, "a": look.beside}
                    for v, p in zip(places, share(some[:, i]), strict=True)
                ]
        begun.add((look.choice, look.beside))
    return rows


@dataclass(frozen=True)
class _Frame:
    """What the panels of one figure share, so that they stand in line.

    Args:
        layout: of the experiment.
        columns: headings of the generations.
        agents: that are side by side, each with a row of its own.
        upright: whether all labels of categories fit below upright bars.
        extent: pixels left of the first panel, for the labels.
        width: of a panel.
    """

    layout: Layout
    columns: list[str]
    agents: list[str]
    upright: bool
    extent: int
    width: int

    @classmethod
    def of(
        cls, layout: Layout, seen: Sequence[Look], shown: Sequence[int], places: Sequence[Sequence[Any]]
    ) -> _Frame:
        """The frame in which categories at these places can be read."""
        labels = [some for some in places if some and isinstance(some[0], str)]
        width = _ALL // len(shown) - 24
        # 6: pixels of a letter
        upright = all(len(some) * (6 * max(map(len, some)) + 8) <= width for some in labels)
        extent = 34 if upright else min(6 * max(len(v) for some in labels for v in some) + 12, _LABELS)
        columns = [at_generation(t) for t in shown]
        agents = list(dict.fromkeys(look.beside for look in seen if look.beside))
        return cls(layout, columns, agents, upright, extent, (_ALL + 34 - extent) // len(shown) - 24)

    def panel(self, j: int, title: str, kind: str, places: list[Any]) -> Spec:
        """One column: a histogram, or bars, for each generation."""
        codes = kind in ("categorical", "boolean")
        order = [REAL_LABEL, *self.layout.levels]
        colour: Spec = {
            "field": "c",
            "type": "nominal",
            "scale": {"domain": order, "range": [_PALE, *self.layout.colours]},
            "legend": {"orient": "bottom", "title": None, "columns": 6},
        }
        facet: Spec = {"column": {"field": "t", "type": "nominal", "sort": self.columns, "title": None}}
        if self.agents:
            header = {"labelAngle": -90, "labelOrient": "left", "labelLimit": 90, "labelPadding": 4}
            facet["row"] = {
                "field": "a",
                "type": "nominal",
                "sort": self.agents,
                "title": None,
                "header": header,
            }
        height = 90
        if codes and not self.upright:
            height = max(90, len(places) * (4 * len(order) + 6))
        return {
            "title": {"text": title, "fontSize": 12, "fontWeight": 600, "anchor": "start", "frame": "group"},
            "transform": [{"filter": f"datum.j === {j}"}],
            "facet": facet,
            "spec": {
                "width": self.width,
                "height": height,
                "layer": self._bars(order, places, colour) if codes else self._steps(kind == "date", colour),
            },
            "bounds": "flush",
            "spacing": {"row": 10, "column": 22},
        }

    def _share(self, title: str | None) -> Spec:
        return {
            "field": "p",
            "type": "quantitative",
            "title": title,
            "axis": {"tickCount": 3, "format": "%"},
        }

    def _bars(self, order: list[str], places: list[Any], colour: Spec) -> list[Spec]:
        labels: Spec = {"labelAngle": 0, "labelLimit": self.extent - 8, "grid": False}
        place: Spec = {"field": "b", "type": "nominal", "title": None, "sort": places}
        offset = {"field": "c", "type": "nominal", "sort": order, "scale": {"domain": order}}
        if self.upright:
            share = self._share("share of rows")
            encoding: Spec = {
                "x": {**place, "axis": {**labels, "labelLimit": self.width}},
                "xOffset": offset,
                "y": {**share, "axis": {**share["axis"], **self._left}},
            }
        else:
            share = self._share("share of rows")
            encoding = {
                "y": {**place, "axis": {**labels, **self._left}},
                "yOffset": offset,
                "x": {**share, "axis": {**share["axis"], "grid": True}},
            }
        return [{"mark": {"type": "bar"}, "encoding": {**encoding, "color": colour}}]

    def _steps(self, days: bool, colour: Spec) -> list[Spec]:
        x: Spec = {"field": "v", "type": "quantitative", "title": None, "axis": {"tickCount": 4}}
        x["scale"] = {"zero": False, "nice": False}
        if days:
            x |= {"type": "temporal", "scale": {"type": "utc", "nice": False}}
        share = self._share("share of rows")
        encoding = {"x": x, "y": {**share, "axis": {**share["axis"], **self._left}}, "color": colour}
        real = f"datum.c === '{REAL_LABEL}'"
        area: Spec = {"type": "area", "interpolate": "step-after"}
        line: Spec = {"type": "line", "interpolate": "step-after", "strokeWidth": 1.6}
        return [
            {"transform": [{"filter": real}], "mark": area, "encoding": encoding},
            {"transform": [{"filter": f"!({real})"}], "mark": line, "encoding": encoding},
        ]

    @property
    def _left(self) -> Spec:
        return {"minExtent": self.extent, "maxExtent": self.extent}


# -- symbols ---------------------------------------------------------------------------------------


def ranks(layout: Layout, seen: Sequence[Look], hidden: int, name: str) -> Figure:
    """Frequencies of symbols, the most frequent first, a curve for each generation."""
    shown = generations(seen, most=3)
    rows: list[Spec] = []
    for look in seen:
        for t in (0, *shown):
            if t in look.rows:
                _, counts = np.unique(look.rows[t], return_counts=True)
                share = np.sort(counts)[::-1] / counts.sum()
                # a flat stretch needs its ends alone
                ends = np.flatnonzero(np.diff(share, prepend=np.inf, append=-np.inf)[:-1] != 0)
                keep = np.unique(np.concatenate([ends, np.maximum(ends - 1, 0), [len(share) - 1]]))
                rows += [
                    {"x": int(i) + 1, "y": float(f"{share[i]:.4g}"), "c": look.level, "t": at_generation(t)}
                    | {"k": look.choice, "r": look.row}
                    for i in keep
                ]
    levels = row_labels(layout, seen)
    order = [at_generation(t) for t in (0, *shown)]
    colours = [REAL, *sequential(len(shown))]
    width = min(280, 900 // len(levels) - 30)
    header = {"labelExpr": f"({json.dumps({v: folded(v, width) for v in levels})})[datum.value]"}
    axis: Spec = {"tickCount": 4, "format": "~g"}
    log: Spec = {"type": "log", "nice": False}
    body: Spec = {
        "facet": {
            "column": {"field": "r", "type": "nominal", "sort": levels, "title": None, "header": header}
        },
        "spec": {
            "width": width,
            "height": 190,
            "mark": {"type": "line", "strokeWidth": 1.8},
            "encoding": {
                "x": {"field": "x", "type": "quantitative", "title": "rank", "scale": log, "axis": axis},
                "y": {
                    "field": "y",
                    "type": "quantitative",
                    "title": "share of rows",
                    "scale": {"type": "log"},
                    "axis": {"tickCount": 3, "format": "~%"},
                },
                "color": {
                    "field": "t",
                    "type": "nominal",
                    "scale": {"domain": order, "range": colours},
                    "legend": {"orient": "bottom", "title": None, "columns": 6},
                },
            },
        },
    }
    many = sorted({len(rows) for look in seen for t, rows in look.rows.items() if t in (0, *shown)})
    sizes = [*map(str, many[:-1][:1]), several(many[-1], "row")]
    caption = (
        f"Rank and frequency of symbols among {' to '.join(dict.fromkeys(sizes))} each, "
        f"of the first replicate: a curve ends where no further symbol is among them. "
        f"{left_out(layout, seen, hidden)}"
    )
    figure = framed(name, "The data", caption.strip(), rows, body, seen, least=120)
    return Figure(
        figure.name,
        figure.title,
        figure.caption,
        figure.spec,
        True,
        figure.selectors,
        tuple(zip(order, colours, strict=True)),
        least=figure.least,
    )
