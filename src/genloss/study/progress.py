"""What is told of a run while it goes on."""

from __future__ import annotations

import warnings
from typing import Protocol

from genloss.study.cells import Cell


class Progress(Protocol):
    """Whoever wants to know how a run goes."""

    def begin(self, total: int, done: int) -> None:
        """Tiles in all, and those that were there already."""
        ...

    def finish(self, cell: Cell, tile: int, failure: str | None) -> None:
        """A tile ended; of a cell of which others have the same values it is the first."""
        ...

    def note(self, message: str) -> None:
        """Something to know: what is used again, who else works here."""
        ...

    def warn(self, message: str) -> None:
        """Something that should not be: a damaged part, a tile without a heartbeat."""
        ...

    def end(self) -> None:
        """The run is over, or was stopped."""
        ...


class Silent:
    """Progress that nobody looks at."""

    def begin(self, total: int, done: int) -> None:
        """Say nothing."""

    def finish(self, cell: Cell, tile: int, failure: str | None) -> None:
        """Say nothing."""

    def note(self, message: str) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Warn as Python does."""
        warnings.warn(message, stacklevel=5)

    def end(self) -> None:
        """Say nothing."""
