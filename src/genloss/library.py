"""The library as its users meet it: studies are run below, and their results are drawn by the report."""

from __future__ import annotations

from genloss.study import Results, run
from genloss.study.views import Views, draw_with

__all__ = ["Results", "run"]


def _report() -> Views:
    """The report, which is imported when the first picture is asked for: who draws none need not wait."""
    from genloss.report.views import Drawings

    return Drawings()


draw_with(_report)
