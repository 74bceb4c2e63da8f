"""Pictures of the data itself by generation: scatters and images."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from genloss.experiment import Experiment
from genloss.report.charts import colour
from genloss.report.colours import REAL
from genloss.report.figure import Figure
from genloss.report.layout import Layout
from genloss.report.looks import (
    REAL_LABEL,
    Look,
    at_generation,
    first_replicate,
    framed,
    generations,
    left_out,
    looks,
    rows_by_generation,
)
from genloss.report.margins import histogram, ranks, table_margins
from genloss.report.scales import Spec
from genloss.samples import Array
from genloss.study.cells import Cell
from genloss.study.results import Results
from genloss.tables import Schema
from genloss.traits import IMAGE, SCHEMA, TRUE_COEFFICIENTS

_POINTS = 24_000
"""Points of one figure, in all."""
_SCATTER = 300
"""Rows of one picture."""
_MOSAIC = 4
"""Images on a side of one picture."""


# -- vectors ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _View:
    """How rows become points."""

    of: Callable[[Array], Array]  # (k, *event) to (k, 2)
    titles: tuple[str, str]
    said: str


def _view(cell: Cell) -> _View:
    """Two coordinates in which to look at vectors."""
    exp = cell.task
    holdout = exp.held_out_features
    d = holdout.shape[1]
    true = TRUE_COEFFICIENTS.of(exp.real)
    if true is not None:
        w = np.asarray(true)
        return _View(
            lambda x: np.stack([x[:, : len(w)] @ w, x[:, -1]], axis=1),
            ("x · w", "y"),
            "Inputs along the true coefficients w, against the target.",
        )
    if d <= 3:
        said = "" if d == 2 else "First and last of the three coordinates."
        return _View(lambda x: exp.features(x)[:, [0, d - 1]], ("x₁", f"x{'₁₂₃'[d - 1]}"), said)
    mean = holdout.mean(axis=0)
    _, _, axes = np.linalg.svd(holdout - mean, full_matrices=False)
    return _View(
        lambda x: np.asarray((exp.features(x) - mean) @ axes[:2].T),
        ("PC 1", "PC 2"),
        f"PC 1 and 2: the principal directions of the {len(holdout)} held-out real rows, of {d} dimensions.",
    )


def scatter(layout: Layout, seen: Sequence[Look], hidden: int, name: str) -> Figure:
    """Rows as points, one panel for each line and generation."""
    view = _view(seen[0].cell)
    shown = generations(seen)
    each = max(30, min(_SCATTER, _POINTS // (len(seen) * (len(shown) + 1))))
    rows: list[Spec] = []
    inside: list[Array] = []
    lost = False
    for look in seen:
        # cells may differ in dimension, and so in their axes
        mine = view if look.cell is seen[0].cell else _view(look.cell)
        for t in (0, *shown):
            if t not in look.rows:
                continue
            # as many real rows as published ones, so that only their places differ
            points = mine.of(look.rows[t][: min(each, len(look.rows[shown[0]]))])
            finite = points[np.isfinite(points).all(axis=1) & (np.abs(points) < 1e12).all(axis=1)]
            lost |= len(finite) < len(points)
            inside.append(finite)
            rows += [
                {
                    "x": float(f"{x:.4g}"),
                    "y": float(f"{y:.4g}"),
                    "c": look.level,
                    "t": at_generation(t),
                    "k": look.choice,
                    "r": look.row,
                }
                for x, y in finite
            ]
    domains = _frame(np.concatenate(inside))
    width = min(150, 930 // (len(shown) + 1) - 14)
    ratio = (domains[1][1] - domains[1][0]) / (domains[0][1] - domains[0][0])
    axes = [
        {
            "field": f,
            "type": "quantitative",
            "title": title,
            "scale": {"domain": list(domain), "nice": False, "zero": False},
            "axis": {"tickCount": 4, "grid": False, "domain": True},
        }
        for f, title, domain in zip("xy", view.titles, domains, strict=True)
    ]
    height = round(min(max(width * ratio, 0.55 * width), width))
    body: Spec = {
        "facet": rows_by_generation(layout, seen, shown, height),
        "spacing": 10,
        "spec": {
            "width": width,
            "height": height,
            "view": {"stroke": "#DDDDDD"},
            "mark": {"type": "circle", "size": 9, "opacity": 0.65, "clip": True},
            "encoding": {"x": axes[0], "y": axes[1], "color": real_or_line(layout)},
        },
    }
    caption = f"{view.said} {first_replicate(layout)} Points beyond the frame are cut off."
    if lost:
        caption += " Points that are not finite are not drawn."
    caption = f"{caption} {left_out(layout, seen, hidden)}".strip()
    return framed(name, "The data", caption, rows, body, seen, least=100)


def real_or_line(layout: Layout) -> Spec:
    """The section's colour, real rows in their own."""
    return {
        "condition": {"test": f"datum.t === '{REAL_LABEL}'", "value": REAL},
        **colour(layout),
        "legend": None,
    }


def _frame(points: Array) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits that hold nearly all points, in the same units along both axes where both stay visible."""
    if not len(points):
        return (0.0, 1.0), (0.0, 1.0)
    low, high = np.quantile(points, [0.005, 0.995], axis=0)
    span = np.where(high > low, high - low, 1.0)
    if span.max() < 4 * span.min():
        middle, widest = (low + high) / 2, span.max()
        span = np.maximum(span, 0.55 * widest)
        low, high = middle - span / 2, middle + span / 2
    low, high = low - 0.06 * span, low + 1.06 * span
    frame = [(float(f"{a:.4g}"), float(f"{b:.4g}")) for a, b in zip(low, high, strict=True)]
    return frame[0], frame[1]


# -- images ----------------------------------------------------------------------------------------


def images(layout: Layout, seen: Sequence[Look], hidden: int, name: str, shape: tuple[int, ...]) -> Figure:
    """Rows as images, a mosaic for each line and generation."""
    shown = generations(seen)
    rows: list[Spec] = [
        {"u": _png(_mosaic(look.rows[t], shape)), "c": look.level, "t": at_generation(t)}
        | {"k": look.choice, "r": look.row}
        for look in seen
        for t in (0, *shown)
        if t in look.rows
    ]
    side = min(140, 930 // (len(shown) + 1) - 14)
    body: Spec = {
        "facet": rows_by_generation(layout, seen, shown, side),
        "spacing": 10,
        "spec": {
            "width": side,
            "height": side,
            "mark": {"type": "image", "width": side, "height": side, "smooth": False},
            "encoding": {
                "x": {"value": side / 2},
                "y": {"value": side / 2},
                "url": {"field": "u", "type": "nominal"},
            },
        },
    }
    caption = f"{_MOSAIC**2} images each. {first_replicate(layout)} {left_out(layout, seen, hidden)}"
    return framed(name, "The data", caption.strip(), rows, body, seen)


def _mosaic(rows: Array, shape: tuple[int, ...]) -> Array:
    """(h, w) bytes: images of (height, width) or (height, width, channels) on a grid, dark on light."""
    h, w, *_ = shape
    out = np.full((_MOSAIC * (h + 1) - 1, _MOSAIC * (w + 1) - 1), 255, np.uint8)
    for i, row in enumerate(rows[: _MOSAIC**2]):
        top, left = (i // _MOSAIC) * (h + 1), (i % _MOSAIC) * (w + 1)
        ink = np.nan_to_num(row.reshape(h, w, -1), nan=0.0).mean(axis=2)
        out[top : top + h, left : left + w] = np.round(245 * (1 - np.clip(ink, 0, 1)))
    return out


def _png(grey: Array, zoom: int = 4) -> str:
    """A grey image as a data: address, enlarged so that no viewer blurs its pixels."""
    big = grey.repeat(zoom, axis=0).repeat(zoom, axis=1)
    h, w = big.shape
    lines = np.concatenate([np.zeros((h, 1), np.uint8), big], axis=1).tobytes()  # filter 0 before every line

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    parts = (
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", struct.pack(">2I5B", w, h, 8, 0, 0, 0, 0)),
        chunk(b"IDAT", zlib.compress(lines, 9)),
        chunk(b"IEND", b""),
    )
    return "data:image/png;base64," + base64.b64encode(b"".join(parts)).decode()


def picture_figures(results: Results, layout: Layout, name: str) -> list[Figure]:
    """The pictures of one experiment; none where no rows were kept."""
    if not all(isinstance(cell.task, Experiment) for cell in layout.cells):
        return []  # what other tasks' rows are, nobody says
    seen, hidden = looks(results, layout)
    if not seen:
        return []
    exp = seen[0].cell.task
    if exp.event.picture == "ranks":
        return [ranks(layout, seen, hidden, name)]
    if exp.event.picture == "columns" and isinstance(SCHEMA.of(exp.real), Schema):
        return [table_margins(layout, seen, hidden, name)]
    shape = IMAGE.of(exp.real) or exp.event_shape
    if exp.event.picture == "images" and len(shape) in (2, 3) and np.prod(shape) == np.prod(exp.event_shape):
        return [images(layout, seen, hidden, name, shape)]
    wide = [look for look in seen if look.cell.task.held_out_features.shape[1] > 1]
    if not wide:
        return [histogram(layout, seen, hidden, name)]
    narrow = {look.choice for look in seen} - {look.choice for look in wide}
    return [scatter(layout, wide, hidden + len(narrow), name)]
