"""The colours of the report, on white and on dark pages, and the shapes that stand beside them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

_APART = {
    "#0072B2": "#216BCD",
    "#D55E00": "#D89345",
    "#009E73": "#42C7A3",
    "#CC79A7": "#B04B71",
    "#E69F00": "#FDEC38",
    "#56B4E9": "#A7A6D2",
    "#5A3800": "#756D0F",
    "#333333": "#E7FAF9",
}
"""Eight colours that people with any colour vision tell apart, and those that stand for them on a dark page.

On white Okabe and Ito's (2008), but for the last two, that red-blind eyes take for others there. The least
distance of two by CIEDE2000, with full vision or any of the three colour-blindnesses as Machado, Oliveira and
Fernandes (2009) simulate them, is 10.9 on white and 17.8 on dark; a test says so.
"""
_RAMPS = (
    ("#440154", "#443983", "#31688E", "#21918C", "#35B779", "#A5C900"),
    ("#8A55D0", "#4F86E8", "#35AFC0", "#55CF85", "#B5E35A", "#FFF59B"),
)
"""Colours in order, whose lightness grows evenly: on white after viridis, and on dark."""
_CHROME = {
    "#FFFFFF": "#15181C",
    "#9A9A9A": "#7C838C",
    "#ECECEC": "#2C3138",
    "#444444": "#C4C9D0",
    "#222222": "#E6E8EB",
    "#111111": "#F2F3F5",
    "#555555": "#B4BAC2",
    "#8A8A8A": "#9AA0A8",
    "#D3D3D3": "#4A5058",
    "#DDDDDD": "#3A4048",
}
"""Paper, axes, grids, letters, laws and real rows: on white, and on dark."""

SHAPES = {
    "circle": "●",
    "square": "■",
    "triangle-up": "▲",
    "diamond": "◆",
    "triangle-down": "▼",
    "triangle-right": "▶",
    "triangle-left": "◀",
}
"""Of the points on lines, with the letter that a legend has for each: who sees no colours goes by these."""

REGIMES = {
    "Replace": "#D55E00",
    "AccumulateSubsample": "#009E73",
    "Accumulate": "#0072B2",
    "RealPlusLatest": "#CC79A7",
    "Window": "#E69F00",
    "Weighted": "#56B4E9",
    "Reads": "#5A3800",
    "Mixed": "#333333",
}
"""Each regime has its colour in every report, where colour is the regime of all agents."""
REAL = "#8A8A8A"
"""Real data."""


def palette(levels: Sequence[str], regimes: bool) -> tuple[str, ...]:
    """Colours of levels: each regime's own, sequential ones for numbers or many, else those told apart.

    >>> palette(["Accumulate", "Replace"], True), palette(["Replace", "Accumulate"], False)
    (('#0072B2', '#D55E00'), ('#0072B2', '#D55E00'))
    """
    if len(levels) > 1 and (len(levels) > len(_APART) or all(_is_number(v) for v in levels)):
        return sequential(len(levels))
    kinds = [v.partition("(")[0] if regimes else "" for v in levels]
    fixed = [REGIMES.get(k) if kinds.index(k) == i else None for i, k in enumerate(kinds)]
    free = iter([c for c in _APART if c not in fixed] * 2)
    return tuple(colour or next(free) for colour in fixed)


def shapes(k: int) -> tuple[str, ...]:
    """Shapes of so many levels, by Vega's names; from the eighth on they come again."""
    return tuple([*SHAPES] * (k // len(SHAPES) + 1))[:k]


def sequential(k: int) -> tuple[str, ...]:
    """k colours from dark to light, in order."""
    last = len(_RAMPS[0]) - 1
    return tuple(_mixed(_RAMPS[0], i * last / max(k - 1, 1)) for i in range(k))


@cache
def on_dark(colour: str) -> str:
    """What stands on a dark page for a colour of a white one.

    >>> on_dark("#FFFFFF"), on_dark("#440154"), on_dark(sequential(5)[2])
    ('#15181C', '#8A55D0', '#44BEA4')
    """
    known = {**_APART, **_CHROME}.get(colour.upper())
    if known is not None:
        return known
    places = np.linspace(0, len(_RAMPS[0]) - 1, 1001)
    far = [np.abs(np.subtract(_parts(_mixed(_RAMPS[0], p)), _parts(colour))).sum() for p in places]
    return _mixed(_RAMPS[1], float(places[int(np.argmin(far))]))


def _mixed(ramp: Sequence[str], place: float) -> str:
    i = min(int(place), len(ramp) - 2)
    a, b = (_parts(c) for c in ramp[i : i + 2])
    return "#" + "".join(f"{round(x + (place - i) * (y - x)):02X}" for x, y in zip(a, b, strict=True))


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[j : j + 2], 16) for j in (1, 3, 5))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
