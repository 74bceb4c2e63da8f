"""The library as its users meet it: studies are run below, and their results are drawn by the report."""

from __future__ import annotations

from genloss.report.views import Drawings
from genloss.study import Results, run
from genloss.study.views import draw_with

__all__ = ["Results", "run"]

draw_with(Drawings())
