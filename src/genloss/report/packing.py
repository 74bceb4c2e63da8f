"""Figures as the page holds them: rows by column, texts by number."""

from __future__ import annotations

import re
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


_COLOUR = re.compile(r'(?<=")#[0-9A-Fa-f]{6}(?=")')


def in_the_dark(drawing: str) -> dict[str, str]:
    """For each colour in quotes in a drawing, a spec or an SVG, which one stands for it on a dark page.

    >>> in_the_dark('<path fill="#FFFFFF"/>')
    {'#FFFFFF': '#15181C'}
    """
    return {colour: on_dark(colour) for colour in sorted({*_COLOUR.findall(drawing)})}


def themed(svg: str) -> str:
    """An SVG whose colours a page may change: each is a property of its name, "--c0072B2", or else itself.

    >>> themed('<path fill="#0072B2"/>')
    '<path fill="var(--c0072B2, #0072B2)"/>'
    """
    return _COLOUR.sub(lambda found: f"var(--c{found[0][1:]}, {found[0]})", svg)


def _without_legends(spec: Any) -> Any:
    if isinstance(spec, dict):
        return {
            k: None if k == "legend" and "columns" in (v or {}) else _without_legends(v)
            for k, v in spec.items()
        }
    return [_without_legends(v) for v in spec] if isinstance(spec, list) else spec
