"""A study: cells and tiles, the executor that computes them, the folder that keeps them."""

from genloss.study.cells import Cell
from genloss.study.results import Results
from genloss.study.running import run
from genloss.study.study import Study

__all__ = ["Cell", "Results", "Study", "run"]
