"""The page's contents before they are written down: a section for each experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genloss.numbers import finished
from genloss.report.aggregate import Curve, Key, curves
from genloss.report.charts import curve_figure
from genloss.report.colours import SHAPES, shapes
from genloss.report.figure import Figure
from genloss.report.heat import heat_figure
from genloss.report.layout import Layout
from genloss.report.pictures import picture_figures
from genloss.report.ranking import Ranking, ranking
from genloss.report.tables import Block, by_experiment, metrics_of
from genloss.study.results import Results
from genloss.traits import SETUP, called


@dataclass(frozen=True, eq=False)
class Section:
    """One experiment.

    Args:
        title: what to call it.
        layout: how its lines are told apart.
        blocks: a table for each metric, the first of which is the headline; none where nothing is finished.
        figures: maps of last values where two fields of numbers are varied, curves, then pictures.
        ranking: of the headline; None where there is nothing to rank.
        setup: what was run, in a line.
        missing: cells of which nothing, or not every replicate, is finished, in words.
    """

    title: str
    layout: Layout
    blocks: tuple[Block, ...]
    figures: tuple[Figure, ...]
    ranking: Ranking | None
    setup: str
    missing: tuple[str, ...]

    @property
    def colours(self) -> list[tuple[str, str, str]]:
        """Label, colour and shape of the lines; none where there is only one."""
        levels = self.layout.levels
        marks = (SHAPES[shape] for shape in shapes(len(levels)))
        return list(zip(levels, self.layout.colours, marks, strict=True)) if self.layout.colour else []

    @property
    def marks(self) -> set[str]:
        """The fields of the curves: what a legend has to name."""
        return {field for f in self.figures if not f.legend for row in f.rows for field in row}


def sections(results: Results) -> list[Section]:
    """The experiments of a study, in its order."""
    found = curves(results)
    out = []
    for i, (name, layout, blocks) in enumerate(by_experiment(results, found)):
        title = layout.cells[0].outline.title
        slug = f"{i + 1}-{_slug(name)}" if name else "1"
        metrics = metrics_of(layout.cells)
        figures = [curve_figure(layout, m, found, f"{slug}-{_slug(m)}") for m in metrics]
        if len(layout.numbers) > 1:
            maps = (m for m, said in metrics.items() if said.of != "training")
            figures = [*(heat_figure(layout, m, found, f"{slug}-{_slug(m)}-map") for m in maps), *figures]
        figures += picture_figures(results, layout, f"{slug}-data")
        out.append(
            Section(
                "" if not name and title == results.study.title else title or name,
                layout,
                tuple(blocks),
                tuple(f for f in figures if f is not None),
                ranking(blocks[0]) if blocks else None,
                _setup(layout),
                tuple(_missing(layout, found)),
            )
        )
    return out


def _setup(layout: Layout) -> str:
    cell = layout.cells[0]
    differs = (*layout.values, *(f for c in layout.cells for f in c.settings))
    varied = {f.rpartition(".")[2] for f in differs}
    setup = SETUP.of(cell.task)
    own = {field for line in cell.outline.lines for field in line}
    others = [f"{field} varied" for field in layout.values if field != layout.colour and field not in own]
    said = called(cell.task, brief=True, without=varied) if setup is None else setup(varied)
    return "; ".join(p for p in (said, *others) if p)


def _missing(layout: Layout, found: Mapping[Key, Curve]) -> list[str]:
    out = []
    for cell in layout.cells:
        done = max((c.replicates for key, c in found.items() if key[0] == cell.index), default=0)
        if done < cell.outline.replicates:
            out.append(f"{cell.label}: {finished(done, cell.outline.replicates)}")
    return out


def _slug(text: str) -> str:
    return "".join(ch if ch.isascii() and ch.isalnum() else "-" for ch in text).strip("-") or "x"
