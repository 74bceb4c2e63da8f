"""What writes HTML: Jinja2 with autoescape, for every page."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from genloss.report.colours import on_dark

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def templates() -> Environment:
    """What writes HTML: whatever is put into a template is escaped, and a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("genloss.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["on_dark"] = on_dark
    made.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return made
