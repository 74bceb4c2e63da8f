"""The command line: a thin skin over the library that parses, calls and prints."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """The command ``genloss``."""
    if sys.platform == "win32":  # processes in groups, signals and file locks are not alike there
        sys.stderr.write("genloss: it runs on Linux and macOS; on Windows, install and run it inside WSL\n")
        sys.exit(2)
    try:
        from genloss.cli.commands import genloss
    except KeyboardInterrupt:  # while it loads nothing is at work yet
        sys.exit(130)
    genloss(prog_name="genloss")
