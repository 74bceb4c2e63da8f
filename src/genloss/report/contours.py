"""Contours of values on a grid, straight between its places, and where on them there is room for a text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from genloss.samples import Array

Point = tuple[float, float]
_STEPS = 8
"""Places that are tried between two points of a line."""


def contours(x: Sequence[float], y: Sequence[float], z: Array, level: float) -> list[list[Point]]:
    """The lines along which values equal a level.

    Each square of four places is four triangles about its middle, which has their mean: in a triangle the
    values are a plane, so that no square is ambiguous and lines join at the edges.

    Args:
        x: (k,) places from left to right.
        y: (m,) places upwards.
        z: (m, k) finite values.
        level: the level.

    >>> import numpy as np
    >>> [line] = contours([0, 1], [0, 1], np.array([[0.0, 1.0], [0.0, 1.0]]), 0.25)
    >>> sorted(line)
    [(0.25, 0.0), (0.25, 0.25), (0.25, 0.75), (0.25, 1.0)]
    """
    follows: dict[Point, list[Point]] = {}
    for a, b in _segments(x, y, z, level):
        follows.setdefault(a, []).append(b)
        follows.setdefault(b, []).append(a)
    lines = []
    while follows:
        # a line that ends at the frame begins there; what is left is closed
        at = next((p for p, more in follows.items() if len(more) == 1), next(iter(follows)))
        line = [at]
        while follows.get(at):
            then = follows[at].pop()
            follows[then].remove(at)
            follows = {p: more for p, more in follows.items() if more}
            line.append(then)
            at = then
        lines.append(line)
    return lines


def clearest(line: Sequence[Point], texts: Sequence[tuple[float, float, float, float]]) -> Point | None:
    """The place on a line that is furthest from all texts; None where none has room.

    Args:
        line: its points.
        texts: place, width and height of the box about it in which no other text may have its place.

    >>> clearest([(0, 0), (0, 4)], [(0, 0, 1, 2), (0, 4, 1, 1)])
    (0.0, 2.5)
    >>> clearest([(0, 0), (0, 1)], [(0, 0, 1, 2)]) is None
    True
    """
    steps = [k / _STEPS for k in range(_STEPS)]
    along = [
        (a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1]))
        for a, b in itertools.pairwise(line)
        for s in steps
    ]

    def free(p: Point) -> float:
        """How far off the nearest text is, in units of its box."""
        return min((max(abs(p[0] - x) / w, abs(p[1] - y) / h) for x, y, w, h in texts), default=1.0)

    best = max(along, key=free)
    return best if free(best) >= 1 else None


def _segments(
    x: Sequence[float], y: Sequence[float], z: Array, level: float
) -> Iterator[tuple[Point, Point]]:
    """What each triangle has of the lines; ends that meet are the same to the bit."""
    # a value that is the level lies above it: else a line could run through a corner and fork
    for i, j in itertools.product(range(len(y) - 1), range(len(x) - 1)):
        corners = [
            (float(x[j + v]), float(y[i + u]), float(z[i + u, j + v]))
            for u, v in ((0, 0), (0, 1), (1, 1), (1, 0))
        ]
        middle = tuple(sum(c[k] for c in corners) / 4 for k in range(3))
        for a, b in itertools.pairwise([*corners, corners[0]]):
            cut = [_between(p, q, level) for p, q in ((a, b), (b, middle), (middle, a))]
            ends = [p for p in cut if p is not None]
            if len(ends) == 2 and ends[0] != ends[1]:
                yield ends[0], ends[1]


def _between(p: tuple[float, ...], q: tuple[float, ...], level: float) -> Point | None:
    """Where the values cross the level on the way from one place to another, the same on the way back."""
    if (p[2] < level) == (q[2] < level):
        return None
    p, q = sorted((p, q))
    share = (level - p[2]) / (q[2] - p[2])
    return tuple(round(a + share * (b - a), 9) for a, b in zip(p[:2], q[:2], strict=True))  # type: ignore[return-value]
