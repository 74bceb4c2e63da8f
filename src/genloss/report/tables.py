"""Tables of results, for the command line and the page: the first and the last generation, and the change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genloss.intervals import Interval
from genloss.meaning import Meaning
from genloss.numbers import changed, finished, interval, number
from genloss.report.aggregate import GENERATION, Curve, Key
from genloss.report.layout import AGENT, NO_SPACE, REGIME, Layout
from genloss.report.remarks import lost, remarks
from genloss.study.cells import Cell
from genloss.study.results import Results
from genloss.wording import listed, several

Said = tuple[str, str]
"""An estimate and the ends of its interval, as text."""
_NOTHING = ("–", "")
# replicates below which no interval is printed: the typical one's cannot be had, the mean's says nothing
_FEWEST = 6


@dataclass(frozen=True)
class Row:
    """One agent of one cell.

    Args:
        labels: what tells it from others.
        colour: of its line.
        level: that the colour stands for.
        real: of real rows, looked at in the same way: the typical replicate, as ("0.985", "0.977, 0.993").
        first: at generation 1, the typical replicate.
        last: at the last generation, the same.
        mean: at the last generation, the mean.
        word: what is known of the change, or how many replicates finished where not all did.
        size: of the change.
        curve: what all this is taken from; None where nothing is finished.
    """

    labels: tuple[str, ...]
    colour: str
    level: str
    real: Said
    first: Said
    last: Said
    mean: Said
    word: str
    size: str
    curve: Curve | None

    @property
    def change(self) -> str:
        """What is known of the change, and its size."""
        return ": ".join(part for part in (self.word, self.size) if part)

    @property
    def name(self) -> str:
        """What tells it from others, in one text."""
        return ", ".join(v for v in self.labels if v)

    @property
    def bracketed(self) -> bool:
        """Whether an interval is printed of it."""
        return any(ends for _, ends in (self.real, self.first, self.last, self.mean))


@dataclass(frozen=True)
class Block:
    """One metric of one experiment, row by row.

    Args:
        experiment: its title, "" where there is only one.
        meaning: what the metric says of itself.
        fields: headings of the labels.
        coloured: which of them is the colour; None where there is no colour.
        first: the first place along the axis: "generation 1".
        last: the last one, or the range of them where cells differ.
        rows: agents of cells.
        lost: of the first block of an experiment, what has died out by any of its metrics.
    """

    experiment: str
    meaning: Meaning
    fields: tuple[str, ...]
    coloured: int | None
    first: str
    last: str
    rows: tuple[Row, ...]
    lost: tuple[str, ...] = ()

    @property
    def real(self) -> bool:
        """Whether real rows are looked at in the same way."""
        return any(row.real != _NOTHING for row in self.rows)

    @property
    def moves(self) -> bool:
        """Whether there is a change to be told: more than one generation, or another place."""
        return self.last != self.first

    @property
    def span(self) -> str:
        """From where to where: "generation 1 to 100"."""
        axis = self.first.partition(" ")[0]
        return f"{self.first} to {self.last.removeprefix(axis + ' ')}"

    @property
    def lines(self) -> list[tuple[str, Curve]]:
        """What tells its lines apart, "" of a single one, and what was measured of each."""
        alone = len(self.rows) == 1
        return [("" if alone else row.name, row.curve) for row in self.rows if row.curve is not None]

    @property
    def remarks(self) -> list[str]:
        """How the rows stand to the metric's reference."""
        return remarks(self)

    @property
    def counts(self) -> list[tuple[str, str, str]]:
        """Where there are many rows: of each colour its level and what is known of how many changes."""
        said = []
        for level, colour in dict.fromkeys((row.level, row.colour) for row in self.rows):
            words = [_kind(row) for row in self.rows if row.level == level]
            counts = [f"{w} in {k} of {len(words)}" for w, k in Counter(words).most_common()]
            last = [float(r.curve.typical.estimate[-1]) for r in self.rows if r.level == level and r.curve]
            if self.moves and last:
                ends = dict.fromkeys(number(v, 2) for v in (min(last), max(last)))
                counts.append(f"at the last {self.last.partition(' ')[0]} {' to '.join(ends)}")
            said.append((colour, level, "; ".join(counts)))
        return said


def _kind(row: Row) -> str:
    if row.curve is None or row.curve.replicates < row.curve.wanted:
        return "not all replicates finished"
    if _gone(row.curve):
        return "0 in some replicates"
    return row.word.partition(":")[0]


def by_experiment(results: Results, found: Mapping[Key, Curve]) -> list[tuple[str, Layout, list[Block]]]:
    """Name, layout and a block for each metric of each experiment: the metrics of the training set last."""
    cells: dict[str, list[Cell]] = {}
    for cell in results.cells:
        cells.setdefault(cell.experiment, []).append(cell)
    out = []
    for name, mine in cells.items():
        layout = Layout.of(mine)
        title = mine[0].outline.title or name if len(cells) > 1 else ""
        blocks = [_block(title, layout, m, said, found) for m, said in metrics_of(mine).items()]
        # what is lost is said where everybody looks: at the headline
        blocks[:1] = [
            replace(b, lost=tuple(s for some in blocks for s in lost(some.lines))) for b in blocks[:1]
        ]
        out.append((name, layout, blocks if found else []))
    return out


def metrics_of(cells: Sequence[Cell]) -> dict[str, Meaning]:
    """The metrics of some cells by name; how a loop is set up comes after what became of it."""
    said: dict[str, Meaning] = {}
    for cell in cells:
        said = {**cell.outline.meanings, **said}
    return dict(sorted(said.items(), key=lambda item: item[1].of == "training"))


def _block(title: str, layout: Layout, metric: str, meaning: Meaning, found: Mapping[Key, Curve]) -> Block:
    lines = [(c, i) for c, i in layout.lines if metric in c.outline.meanings]
    curves = [found.get((c.index, i, metric)) for c, i in lines]
    # a regime is a column of its own unless it is what tells the rows apart
    regime = (REGIME,) if any(REGIME in line for c in layout.cells for line in c.outline.lines) else ()
    fields = tuple(dict.fromkeys((*layout.values, *regime)))
    colours = dict(zip(layout.levels, layout.colours, strict=True))
    rows = []
    for (cell, agent), curve in zip(lines, curves, strict=True):
        level = layout.level(cell, agent)
        labels = tuple(layout.of_line(cell, agent, f).rstrip(NO_SPACE) for f in fields)
        real = first = final = mean = _NOTHING
        word, size = finished(0, cell.outline.replicates), ""
        if curve is not None:
            real = _NOTHING if curve.real is None else interval(curve.real)
            first, final = (interval(_at(curve.typical, k)) for k in (0, -1))
            mean = interval(_at(curve.mean, -1))
            if curve.known[-1] < _FEWEST:
                mean = (mean[0], "")
            word = finished(curve.replicates, curve.wanted)
            if len(curve.at) > 1 and not word:
                word, size = changed(curve.change, curve.meaning.scale, curve.paired, _gone(curve))
        rows.append(Row(labels, colours[level], level, real, first, final, mean, word, size, curve))
    coloured = fields.index(layout.colour) if layout.colour else None
    outlines = [c.outline for c, _ in lines]
    axis = next((o.axes[0] for o in outlines if o.axes), "")
    along = [o.labels(axis) for o in outlines if axis in o.axes]
    places = [[some[k] for some in along if len(some) > k] for k in (1 if axis == GENERATION else 0, -1)]
    begin, end = (_ends(axis, some) for some in places)
    return Block(title, meaning, fields, coloured, begin, end, tuple(rows))


def _gone(curve: Curve) -> str:
    """In how many replicates the last value is 0, where that means something."""
    if not (curve.meaning.at_zero and curve.zeros):
        return ""
    return f"0 in {curve.zeros} of {several(int(curve.known[-1]), 'replicate')}"


def _ends(axis: str, some: Iterable[Any]) -> str:
    """A heading: "generation 100", "generation 20 to 100", "dose 8"; what has a name of its own is that."""
    places = sorted(some, key=lambda v: (isinstance(v, str), v))
    if not places:
        return ""
    said = " to ".join(str(v) for v in dict.fromkeys((places[0], places[-1])))
    return f"{axis} {said}"


def _at(some: Interval, k: int) -> Interval:
    return Interval(*(v[k] for v in some))


def reading(blocks: Sequence[Block]) -> list[str]:
    """How to read the tables: each sentence where it is true."""
    rows = [(block, row, row.curve) for block in blocks for row in block.rows if row.curve is not None]
    many = sorted({curve.replicates for _, _, curve in rows})
    if not many:
        return []
    scales = {curve.meaning.scale for _, _, curve in rows}
    far = ", which few replicates can carry far from it" if scales & {"ratio", "nats", "plain"} else ""
    over = " to ".join([*map(str, many[:-1][:1]), several(many[-1], "replicate")])
    said = [
        f"Values are of the typical replicate, the median over {over}: at most half of them lie "
        f"on either side. Beside it is the mean{far}."
        if many[-1] > 1
        else "Values are of one replicate."
    ]
    if any(row.bracketed for _, row, _ in rows):
        said.append(
            "In brackets: 95 % intervals over replicates, each on its own, not all of them together. "
            "The mean's holds as far as these replicates have met its tail"
            + (", and is not known to with fewer than 10 of them." if many[0] < 10 else ".")
        )
    said += _given(blocks)
    loops = any(curve.axis == GENERATION for _, _, curve in rows)
    if loops:
        said.append("Generation 1 trains on real rows alone.")
    if any(curve.real is not None for _, _, curve in rows):
        said.append(
            "Real rows are looked at in the same way as published ones: "
            "as many of them, if there are so many."
        )
    firsts = {block.first for block in blocks}
    first = firsts.pop() if len(firsts) == 1 else "the first place"
    if any(row.size for _, row, _ in rows):
        said.append(
            f"Change is the median of the changes within replicates, from {first} to the last: "
            "× a factor, else a difference; none is seen where its interval holds × 1 or 0."
        )
    said += _needed(rows)
    said += _undefined(rows)
    if any(row.curve is None or row.curve.replicates < row.curve.wanted for b in blocks for row in b.rows):
        said.append(
            "Where replicates are missing, values are over those that finished, which may be the tamer ones: "
            "nothing is said of change."
        )
    return said


def _given(blocks: Sequence[Block]) -> list[str]:
    """What the intervals that are printed are conditional on."""
    by: dict[str, dict[str, None]] = {}
    for block in blocks:
        for row in block.rows:
            # cells may differ in it, as where real data is varied
            if row.curve is not None and row.curve.meaning.given and row.bracketed:
                by.setdefault(row.curve.meaning.given, {})[block.meaning.title.lower()] = None
    return [f"Given {given}, intervals hold of: {'; '.join(titles)}." for given, titles in by.items()]


Found = tuple[Block, Row, Curve]


def _named(block: Block, row: Row) -> str:
    labels = (
        v if f in (REGIME, AGENT) else f"{f}={v}" for f, v in zip(block.fields, row.labels, strict=True) if v
    )
    return ", ".join(part for part in (block.experiment, block.meaning.title.lower(), *labels) if part)


def _needed(rows: Sequence[Found]) -> list[str]:
    """How many replicates would tell the mean, where these do not."""
    wide = [
        (b, row, c, "about" if c.needed > c.replicates else "more than") for b, row, c in rows if c.needed
    ]
    each = [
        f"{_named(b, row)}: {how} {number(c.needed if how == 'about' else c.replicates, 2)}"
        for b, row, c, how in wide
    ]
    if not each:
        return []
    what = "Replicates that would bring the mean within a factor of 2 of the true one, were values log-normal"
    return [f"{what}: {listed(each, between='; ')}."]


def _undefined(rows: Sequence[Found]) -> list[str]:
    """Which values leave out replicates that have none."""
    gone = [(b, row, int(c.replicates - np.min(c.known[[0, -1]])), c.replicates) for b, row, c in rows]
    each = [f"{_named(b, row)} ({k} of {n})" for b, row, k, n in gone if k]
    return (
        [f"Replicates in which a value is undefined are left out: {listed(each, between='; ')}."]
        if each
        else []
    )
