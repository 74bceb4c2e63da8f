"""What a metric says of itself: the words, the unit and the scale that tables, axes and intervals take."""

from __future__ import annotations

from typing import Literal, NamedTuple

Scale = Literal["ratio", "nats", "share", "count", "plain"]
Better = Literal["lower", "higher"]


class Meaning(NamedTuple):
    """How a metric is spoken of, and which interval its values take.

    Args:
        title: what to call it: "Variance kept".
        unit: of its axis: "nats a row".
        about: a sentence for newcomers.
        better: "lower", "higher", or None where neither is.
        scale: "ratio" of positive numbers, "nats" (differences of logarithms), "share" from 0 to 1, "count" of
            things, or "plain".
        of: what it measures: the "model"'s law, the "published" rows, or the "training" set.
        given: what its interval is conditional on beside the experiment, as "the same held-out rows"; "" where
            nothing.
    """

    title: str
    unit: str = ""
    about: str = ""
    better: Better | None = None
    scale: Scale = "plain"
    of: str = "model"
    given: str = ""

    @property
    def axis(self) -> str:
        """The title of an axis: what, and in which unit."""
        return f"{self.title.lower()} ({self.unit})" if self.unit else self.title.lower()
