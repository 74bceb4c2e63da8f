"""What writes HTML: Jinja2 with autoescape, for every page, and the files that hold them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from genloss.errors import StoreError
from genloss.report.colours import on_dark
from genloss.study.files import write_file

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


def written(path: str | Path, text: str, what: str) -> Path:
    """Write a page, in a folder that is made if it is not there, and give its path.

    Args:
        path: of the file.
        text: of the page.
        what: to call it where it cannot be written.

    Raises:
        StoreError: if it cannot be written.
    """
    file = Path(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file.parent, file.name, text.encode())
    except OSError as error:
        raise StoreError(f"{file}: {what} cannot be written: {error.strerror}") from None
    return file
