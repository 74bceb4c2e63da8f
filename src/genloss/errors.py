"""What can go wrong by the user's doing: each message names the culprit, the value and the remedy."""

from __future__ import annotations

from collections.abc import Sequence


class GenlossError(Exception):
    """A problem that the user can mend; the command line prints it as one line and exits with 2."""


class SpecError(GenlossError, ValueError):
    """A spec or part that cannot be built. Holds every problem found, each with its dotted path."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class DataError(GenlossError):
    """A table or file that cannot serve as real data."""


class StoreError(GenlossError):
    """A run folder that cannot be read or written: another spec, no permission, a full disk."""


class GeneratorError(GenlossError):
    """A generator that raised, or returned something that is not rows. Fails its cell, not the study."""


class FitError(GenlossError):
    """Parts that do not fit each other, found while a loop runs. Fails its cell, not the study."""
