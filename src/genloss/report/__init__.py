"""One self-contained page, and figures as files, from the results of a study."""

from genloss.laws import Law, law
from genloss.report.figure import Figure
from genloss.report.page import is_of, write
from genloss.report.static import figures, overview

__all__ = ["Figure", "Law", "figures", "is_of", "law", "overview", "write"]
