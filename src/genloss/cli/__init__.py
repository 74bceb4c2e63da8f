"""The command line: a thin skin over the library that parses, calls and prints."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The command ``genloss``."""
    from genloss.cli.commands import genloss

    genloss(prog_name="genloss")
