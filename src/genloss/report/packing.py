"""Figures as the page holds them: rows by column, texts by number."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from genloss.report.colours import on_dark
from genloss.report.figure import Figure


def packed(figure: Figure) -> dict[str, Any]:
    """A figure for the page, which draws its legends itself; rows by column, texts by number."""
    keys = list(dict.fromkeys(key for row in figure.rows for key in row))
    spec = {k: v for k, v in figure.spec.items() if k not in ("datasets", "$schema")}
    columns = {}
    for key in keys:
        values = [row.get(key) for row in figure.rows]
        if all(isinstance(v, str) for v in values):
            index = {v: i for i, v in enumerate(dict.fromkeys(values))}
            columns[key] = {"is": list(index), "at": [index[v] for v in values]}
        else:
            columns[key] = {"at": values}
    spec = _without_legends(spec)
    drawn = {"canvas": figure.canvas, "least": figure.least}
    return {"id": f"f-{figure.name}", "spec": spec, "columns": columns, **drawn}


def in_the_dark(packed: Sequence[dict[str, Any]]) -> dict[str, str]:
    """For each colour in some figures, which one stands for it on a dark page."""
    specs = json.dumps([figure["spec"] for figure in packed])
    return {colour: on_dark(colour) for colour in sorted({*re.findall(r'(?<=")#[0-9A-Fa-f]{6}(?=")', specs)})}


def _without_legends(spec: Any) -> Any:
    if isinstance(spec, dict):
        return {
            k: None if k == "legend" and "columns" in (v or {}) else _without_legends(v)
            for k, v in spec.items()
        }
    return [_without_legends(v) for v in spec] if isinstance(spec, list) else spec
