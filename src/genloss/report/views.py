"""What results show of themselves: the report's pictures and tables, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genloss.errors import GenlossError
from genloss.report.aggregate import curves
from genloss.report.charts import curve_figure
from genloss.report.figure import Figure
from genloss.report.heat import heat_figure
from genloss.report.layout import Layout
from genloss.report.page import summary, write
from genloss.report.pictures import picture_figures
from genloss.study.cells import Cell
from genloss.study.results import Results


@dataclass(frozen=True)
class Drawings:
    """Draws results: the contract is :class:`genloss.study.views.Views`."""

    def curves(self, results: Results, cells: Sequence[Cell], metric: str, by: Sequence[str]) -> Figure:
        """The report's curves of one metric, of some cells of one experiment.

        Raises:
            SpecError: if a field of ``by`` tells no lines apart.
            GenlossError: if nothing is finished.
        """
        figure = curve_figure(Layout.of(cells, by), metric, curves(results, cells, metric), metric)
        return _there(figure, cells, metric)

    def map(self, results: Results, cells: Sequence[Cell], metric: str, x: str, y: str) -> Figure:
        """The report's map of one metric over two fields.

        Raises:
            SpecError: if there are no two such fields of numbers.
            GenlossError: if nothing is finished.
        """
        figure = heat_figure(Layout.of(cells), metric, curves(results, cells, metric), metric, x, y)
        return _there(figure, cells, metric)

    def data(self, results: Results, cells: Sequence[Cell]) -> Figure:
        """The report's pictures of the rows themselves.

        Raises:
            GenlossError: if no rows were kept, or none that anyone knows how to draw.
        """
        found = picture_figures(results, Layout.of(cells), "data")
        return _there(next(iter(found), None), cells, "the rows to look at")

    def page(self, results: Results, path: str | Path) -> Path:
        """The report."""
        return write(results, path)

    def summary(self, results: Results) -> str:
        """The report's headline tables."""
        return summary(results)


def _there(figure: Figure | None, cells: Sequence[Cell], what: str) -> Figure:
    if figure is None:
        raise GenlossError(f"{what}: nothing is finished that could be drawn of {cells[0].label}")
    return figure.titled(cells[0].outline.title if cells[0].experiment else "")
