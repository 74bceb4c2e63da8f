"""Pictures of one column at a time: histograms and bars of tables against real rows, ranks of symbols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from genloss.report.charts import Figure
from genloss.report.layout import REAL, Layout, plain, sequential
from genloss.report.looks import REAL_LABEL, Look, at_generation, framed, generations, left_out
from genloss.report.scales import Spec
from genloss.samples import Array

_COLUMNS = 3
"""Columns shown besides the target."""
_BINS, _BARS = 20, 8
_PALE = "#D3D3D3"
"""Real rows, behind others."""
_OTHER, _MISSING = "(other)", "(missing)"


def table_margins(layout: Layout, seen: Sequence[Look], hidden: int, name: str) -> Figure:
    """Margins of the target and of the columns that changed most, by generation, real rows behind."""
    schema = seen[0].cell.exp.real.schema  # type: ignore[attr-defined]
    shown = generations(seen, most=4)
    target = schema.target_index
    moved = [
        max(_moved(look, i, max(look.rows), schema.columns[i]) for look in seen) for i in range(schema.width)
    ]
    order = [i for i in np.argsort(moved)[::-1].tolist() if i != target]
    chosen = [*([] if target is None else [target]), *order[:_COLUMNS]]
    rows: list[Spec] = []
    panels = []
    for j, i in enumerate(chosen):
        column = schema.columns[i]
        codes = column.kind in ("categorical", "boolean")
        of = _bars(column, seen, i) if codes else _bins(seen, i, shown)
        rows += _margin_rows(seen, shown, i, j, of)
        title = plain(column.name)
        if i == target and title != "target":
            title += " (target)"
        days = column.kind == "date"
        panels.append(_panel(layout, shown, j, title, codes, "days from 1970-01-01" if days else ""))
    what = "The target and the columns" if target is not None else "The columns"
    caption = (
        f"{what} whose margins changed most, of {schema.width}. Grey: the real rows of the first replicate; "
        f"lines: published rows. {left_out(layout, seen, hidden)}"
    )
    body: Spec = {"vconcat": panels, "spacing": 18}
    return framed(name, "The data: margins", caption.strip(), rows, body, seen)


def histogram(layout: Layout, seen: Sequence[Look], hidden: int, name: str) -> Figure:
    """Rows of one coordinate as histograms by generation, real rows behind."""
    shown = generations(seen, most=5)
    flat = [
        Look(s.cell, s.agent, s.level, s.choice, {t: x.reshape(len(x), -1) for t, x in s.rows.items()})
        for s in seen
    ]
    rows = _margin_rows(flat, shown, 0, 0, _bins(flat, 0, shown))
    body: Spec = {"vconcat": [_panel(layout, shown, 0, "x₁", False, "")]}
    caption = (
        f"The first coordinate. Grey: real rows of the first replicate. {left_out(layout, seen, hidden)}"
    )
    return framed(name, "The data", caption.strip(), rows, body, seen)


Margin = tuple[list[Any], Callable[[Array], Array]]
"""Places on the axis, and the share of rows at each."""


def _bins(seen: Sequence[Look], i: int, shown: Sequence[int]) -> Margin:
    x = np.concatenate([look.rows[t][:, i] for look in seen for t in (0, *shown) if t in look.rows])
    x = x[np.isfinite(x)]
    low, high = np.quantile(x, [0.002, 0.998]) if x.size else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)

    def share(values: Array) -> Array:
        known = values[np.isfinite(values)]
        counts = np.histogram(known, edges)[0] / max(len(values), 1)
        return np.append(counts, counts[-1])  # the last step ends where its bin does

    return [float(f"{v:.5g}") for v in edges], share


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
    begun: set[str] = set()
    for look in seen:
        for t in shown:
            if t not in look.rows:
                continue
            both = [(look.level, look.rows[t])]
            if look.choice not in begun:
                both.append((REAL_LABEL, look.rows[0]))
            for level, some in both:
                rows += [
                    {"j": j, "b" if isinstance(v, str) else "v": v, "p": round(float(p), 4)}
                    | {"c": level, "t": at_generation(t), "k": look.choice}
                    for v, p in zip(places, share(some[:, i]), strict=True)
                ]
        begun.add(look.choice)
    return rows


def _panel(layout: Layout, shown: Sequence[int], j: int, title: str, codes: bool, unit: str) -> Spec:
    """One column: a histogram, or bars, for each generation."""
    width = 890 // len(shown) - 24
    columns = [at_generation(t) for t in shown]
    y: Spec = {
        "field": "p",
        "type": "quantitative",
        "title": "share of rows",
        "axis": {"tickCount": 3, "format": "%", "minExtent": 34},
    }
    order = [REAL_LABEL, *layout.levels]
    c: Spec = {
        "field": "c",
        "type": "nominal",
        "scale": {"domain": order, "range": [_PALE, *layout.colours]},
        "legend": {"orient": "bottom", "title": None, "columns": 6},
    }
    if codes:
        labels: Spec = {"labelAngle": 0, "labelLimit": max(40, width // 3), "grid": False}
        marks: list[Spec] = [
            {
                "mark": {"type": "bar"},
                "encoding": {
                    "x": {"field": "b", "type": "nominal", "title": None, "sort": None, "axis": labels},
                    "xOffset": {"field": "c", "type": "nominal", "sort": order},
                    "y": y,
                    "color": c,
                },
            }
        ]
    else:
        x: Spec = {
            "field": "v",
            "type": "quantitative",
            "title": unit or None,
            "scale": {"zero": False, "nice": False},
            "axis": {"tickCount": 4},
        }
        real = f"datum.c === '{REAL_LABEL}'"
        marks = [
            {
                "transform": [{"filter": real}],
                "mark": {"type": "area", "interpolate": "step-after"},
                "encoding": {"x": x, "y": y, "color": c},
            },
            {
                "transform": [{"filter": f"!({real})"}],
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.6},
                "encoding": {"x": x, "y": y, "color": c},
            },
        ]
    return {
        "title": {"text": title, "fontSize": 12, "fontWeight": 600, "anchor": "start"},
        "transform": [{"filter": f"datum.j === {j}"}],
        "facet": {"column": {"field": "t", "type": "nominal", "sort": columns, "title": None}},
        "spec": {"width": width, "height": 90, "layer": marks},
        "spacing": 18,
    }


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
                    | {"k": look.choice}
                    for i in keep
                ]
    levels = [v for v in layout.levels if any(look.level == v for look in seen)]
    order = [at_generation(t) for t in (0, *shown)]
    colours = [REAL, *sequential(len(shown))]
    width = min(280, 900 // len(levels) - 30)
    axis: Spec = {"tickCount": 4, "format": "~g"}
    log: Spec = {"type": "log", "nice": False}
    body: Spec = {
        "facet": {"column": {"field": "c", "type": "nominal", "sort": levels, "title": None}},
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
    k = len(seen[0].rows[0])
    caption = (
        f"Rank and frequency of {k} symbols each, published in the first replicate: a curve that ends early "
        f"has lost its rare symbols. {left_out(layout, seen, hidden)}"
    )
    figure = framed(name, "The data", caption.strip(), rows, body, seen)
    return Figure(
        figure.name,
        figure.title,
        figure.caption,
        figure.spec,
        True,
        figure.selectors,
        tuple(zip(order, colours, strict=True)),
    )
