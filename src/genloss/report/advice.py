"""The page of an advice: one sentence, one curve, one recipe; the rest below."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from genloss.report.charts import CONFIG, SCHEMA
from genloss.report.colours import palette
from genloss.report.drawing import drawn
from genloss.report.packing import in_the_dark, themed
from genloss.report.scales import Spec
from genloss.report.templating import templates, written
from genloss.value import words
from genloss.value.advice import Advice
from genloss.value.gains import Interval


def write(advice: Advice, path: str | Path) -> Path:
    """Write the page.

    Raises:
        StoreError: if it cannot be written.
    """
    return written(path, page(advice), "the page")


def page(advice: Advice) -> str:
    """The page as text."""
    names = advice.reading.sources()
    drawing = drawn([(json.dumps(_curve(advice)), "svg")], 1)[0].decode()
    colours = palette(names, False)
    legend = [(name, colour, "") for name, colour in zip(names, colours, strict=True)]
    given: dict[str, Any] = {
        "title": f"Does synthetic data help to predict {advice.target}?",
        "a": advice,
        "w": words,
        # drawn by a library of ours, from numbers and escaped names: no text of the user's is markup in it
        "svg": Markup(themed(drawing)),
        "in_the_dark": in_the_dark(drawing),
        "legend": legend if len(legend) > 1 else [],
    }
    return templates().get_template("advice.html").render(**given)


def _curve(advice: Advice) -> Spec:
    """Gains by dose, with intervals, over what is free; a dose of 0 gains nothing."""
    measure, reading = advice.measure, advice.reading
    factor = 100 if measure.points else 1
    names = reading.sources()
    rows = [
        {"s": name, "d": dose, **_scaled(interval, factor)}
        for name in names
        for dose, interval in (
            (0.0, Interval(0.0, 0.0, 0.0)),
            *((arm.dose, one) for arm, one in reading.doses(measure, name)),
        )
    ]
    colours = {"domain": names, "range": list(palette(names, False))}
    colour = {"field": "s", "type": "nominal", "scale": colours, "legend": None}
    doses = sorted({arm.dose for name in names for arm, _ in reading.doses(measure, name)} | {0.0})
    x = {
        "field": "d",
        "type": "quantitative",
        "title": "synthetic rows for each real row",
        # doses double: each step has its place, and none is the first
        "scale": {"type": "symlog", "constant": 0.25},
        "axis": {"values": doses, "grid": False, "format": "~g"},
    }
    unit = "points" if measure.points else ""
    title = f"gain in {measure.title}{f' ({unit})' if unit else ''}, more is better"
    y = {"field": "v", "type": "quantitative", "title": title}
    margin = [{"low": -factor * advice.margin, "high": factor * advice.margin}]
    return {
        "$schema": SCHEMA,
        "width": 900,
        "height": 280,
        "background": "#FFFFFF",
        "data": {"values": rows},
        "config": CONFIG,
        "layer": [
            {
                "data": {"values": margin},
                "mark": {"type": "rect", "color": "#8A8A8A", "opacity": 0.15},
                "encoding": {
                    "y": {"field": "low", "type": "quantitative", "title": title},
                    "y2": {"field": "high"},
                },
            },
            {"mark": {"type": "rule", "strokeWidth": 1}, "encoding": {"y": {"datum": 0}}},
            {
                "mark": {"type": "area", "opacity": 0.18},
                "encoding": {"x": x, "y": {**y, "field": "l"}, "y2": {"field": "h"}, "color": colour},
            },
            {
                "mark": {"type": "line", "strokeWidth": 2, "point": True},
                "encoding": {"x": x, "y": y, "color": colour},
            },
        ],
    }


def _scaled(of: Interval, factor: float) -> dict[str, float]:
    return {"v": factor * of.value, "l": factor * of.low, "h": factor * of.high}
