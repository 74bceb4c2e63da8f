"""What a spec says of how a table is to be read."""

from __future__ import annotations

from dataclasses import dataclass

from genloss.tables.cells import Kind


@dataclass(frozen=True)
class Wishes:
    """What a spec says of how a table is to be read.

    Args:
        target: The column to be predicted, or None.
        drop: Columns to leave out.
        types: The kinds of columns by name, where inference is not to choose.
        delimiter: What stands between the cells of a text file; None to find it out.
        decimal: The decimal mark; None to find it out.
        encoding: Of a text file; None to find it out.
        missing: Texts that are missing cells, besides the usual ones.
        dayfirst: Whether the day comes before the month; None to find it out.
        strict: Whether what would be left out is a problem.
    """

    target: str | None = None
    drop: tuple[str, ...] = ()
    types: tuple[tuple[str, Kind], ...] = ()
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    missing: tuple[str, ...] = ()
    dayfirst: bool | None = None
    strict: bool = False
