"""Who draws results: a floor above registers, and results ask it; what a figure is nobody here knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from genloss.errors import GenlossError

if TYPE_CHECKING:
    from genloss.report.figure import Figure
    from genloss.study.cells import Cell
    from genloss.study.results import Results


class Views(Protocol):
    """Whoever draws results; cells are of one experiment."""

    def curves(self, results: Results, cells: Sequence[Cell], metric: str, by: Sequence[str]) -> Figure:
        """A metric along the first axis, lines told apart by some fields."""
        ...

    def map(self, results: Results, cells: Sequence[Cell], metric: str, x: str, y: str) -> Figure:
        """The last values of a metric over two fields; a field that is "" is chosen."""
        ...

    def data(self, results: Results, cells: Sequence[Cell]) -> Figure:
        """The rows themselves."""
        ...

    def page(self, results: Results, path: str | Path) -> Path:
        """Everything, as a file."""
        ...

    def summary(self, results: Results) -> str:
        """The headline table as HTML."""
        ...


_REGISTERED: list[Callable[[], Views]] = []


def draw_with(views: Callable[[], Views]) -> None:
    """From now on all results are drawn by what this gives."""
    _REGISTERED[:] = [views]


def views() -> Views:
    """Who draws results.

    Raises:
        GenlossError: if nobody is registered, as where parts of the library are imported by themselves.
    """
    if not _REGISTERED:
        raise GenlossError("nothing draws results yet: import run or Results from genloss itself")
    return _REGISTERED[0]()
