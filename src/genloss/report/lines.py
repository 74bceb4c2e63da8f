"""The lines of a chart: what each draws, and what a caption says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.laws import Law
from genloss.report.aggregate import Curve
from genloss.report.remarks import references
from genloss.report.scales import Scale, Spec, drawable
from genloss.samples import Array
from genloss.wording import listed

_NAMED = 4
"""Groups of lines that a caption names."""
CARRIED = "Where the law lies far above the mean of these replicates, rarer ones than these may carry it."


@dataclass(frozen=True)
class Line:
    """What one agent of one cell draws."""

    curve: Curve
    law: Law | None
    at: Spec  # colour and facets by field of the rows

    @property
    def parts(self) -> bool:
        """Whether the mean leaves the band of the typical replicate as far as an eye can see."""
        (typical, low, high), mean = self.curve.typical, self.curve.mean.estimate
        scale = Scale.of([(self.curve, None, True)])
        seen = 0.02 * (scale.high - scale.low) if scale.kind == "linear" else 0.05 * np.abs(typical)
        with np.errstate(invalid="ignore"):
            apart = ((mean < low) | (mean > high)) & (np.abs(mean - typical) > seen)
        return bool(apart[drawable(mean)].any())

    @property
    def banded(self) -> bool:
        """Whether the typical replicate has an interval anywhere."""
        return bool((self.curve.typical.high > self.curve.typical.low).any())

    @property
    def averaged(self) -> bool:
        """Whether the mean is drawn beside the typical replicate: it parts from it, or a law is of it."""
        return self.parts or (self.law is not None and self.law.of == "mean")


def scale_of(lines: Sequence[Line]) -> Scale:
    """The axis that shows some lines."""
    return Scale.of([(line.curve, line.law, line.averaged) for line in lines])


def marks(lines: Sequence[Line]) -> Iterator[str]:
    """Which quantity each kind of line is of, and why they part."""
    laws = [(line.curve, line.law) for line in lines if line.law is not None]
    for of, said in (("mean", "mean"), ("typical", "typical replicate")):
        mine = [law for _, law in laws if law.of == of]
        if mine:
            sources = dict.fromkeys(s for law in mine for s in law.source.split("; "))
            yield f"Dashed: the law of the {said}, of {'; '.join(sources)}."
    if any(line.parts for line in lines):
        yield (
            "Thin: the mean. Where it leaves the thick line, replicates on its side lie further out, and a "
            "few can carry it; at most half of all lie on either side of the thick one."
        )
    above = [c for c, law in laws if law.of == "mean" and law.values[-1] > 3 * c.mean.estimate[-1] > 0]
    if above:
        yield CARRIED
    for given in dict.fromkeys(line.curve.meaning.given for line in lines if line.banded):
        if given:
            yield f"Intervals hold given {given}."
    yield from references(line.curve.meaning for line in lines)
    if any(line.curve.real is not None for line in lines):
        yield "Grey line: the real rows themselves, looked at in the same way."


def hidden(lines: Sequence[Line]) -> str:
    """Which lines cannot be told apart by eye: where one lies under another, a reader should know."""
    scale = scale_of(lines)
    panels: dict[str, list[Line]] = {}
    for line in lines:
        panels.setdefault(str({k: v for k, v in line.at.items() if k != "c"}), []).append(line)
    found = Counter(names for some in panels.values() for names in _together(some, scale))
    many = len(panels) > 1
    said = [
        f"{' and '.join(names)}{f' (in {k} of {len(panels)} panels)' if many else ''}"
        for names, k in found.most_common(_NAMED)
    ]
    if len(found) > _NAMED:
        said.append(f"and {len(found) - _NAMED} more such groups")
    return f"Lines that lie on each other, or nearly: {'; '.join(said)}." if said else ""


def _together(lines: Sequence[Line], scale: Scale) -> Iterator[tuple[str, ...]]:
    """The groups of a panel's lines each of which lies on another one of its group."""
    seen = [(str(line.at["c"]), _height(line.curve.typical.estimate, scale)) for line in lines]
    near = 0.02 * (_height(np.array(scale.high), scale) - _height(np.array(scale.low), scale))
    groups: list[list[int]] = []
    for i, (_, y) in enumerate(seen):
        with np.errstate(invalid="ignore"):
            mine = [g for g in groups if any(_lies_on(y, seen[j][1], near) for j in g)]
        groups = [g for g in groups if g not in mine] + [[*(j for g in mine for j in g), i]]
    for group in groups:
        if len(group) > 1:
            yield tuple(seen[j][0] for j in sorted(group))


def _lies_on(a: Array, b: Array, near: float) -> bool:
    both = np.isfinite(a) & np.isfinite(b) if len(a) == len(b) else np.zeros(1, bool)
    return bool(both.any() and np.abs(a - b)[both].max() < near)


def _height(y: Array, scale: Scale) -> Any:
    """Where values lie on the axis, in units of their own."""
    with np.errstate(all="ignore"):
        if scale.kind == "log":
            return np.log(np.where(y > 0, y, np.nan))
        return y if scale.kind == "linear" else np.sign(y) * np.log1p(np.abs(y))


def gaps(lines: Sequence[Line], alone: bool) -> Iterator[str]:
    """Where a line ends or leaves replicates out."""
    undrawn = [(line, ~drawable(line.curve.typical.estimate)) for line in lines]
    if any(gone.any() for _, gone in undrawn):
        since = _since(alone, undrawn)
        yield f"Infinite or undefined, and not drawn: {since}; × marks where a line ends."
    infinite = [(line, np.isinf(line.curve.mean.estimate)) for line in lines]
    if any(gone.any() for _, gone in infinite):
        yield f"The mean is infinite, as at least one replicate is: {_since(alone, infinite)}."
    fewer = [(line, line.curve.known < line.curve.replicates) for line in lines]
    if any(gone.any() for _, gone in fewer):
        yield f"Undefined in some replicates, which are left out: {_since(alone, fewer)}."


def _since(alone: bool, lines: Sequence[tuple[Line, Array]]) -> str:
    """Since when something is so, by colour: "Replace from generation 3 on"."""
    axis = lines[0][0].curve.axis
    found: dict[str, list[Any]] = {}
    stays = True
    for line, so in lines:
        if so.any():
            found.setdefault(line.at["c"], []).append(line.curve.at[int(np.argmax(so))])
            stays &= bool(so[np.argmax(so) :].all())
    each = [
        f"{'' if alone else level + ' '}{'' if stays else 'at times, '}from {axis} {min(ts)}"
        + (f" to {max(ts)} on (by panel)" if max(ts) > min(ts) else " on")
        for level, ts in found.items()
    ]
    return listed(each)
