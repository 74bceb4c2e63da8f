"""What a row is: one object for each kind of row, which says in words, checks, measures and shows it.

Code asks the event and never compares its name. A source of real rows names one of :data:`EVENTS`, or holds
an :class:`Event` of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from genloss.errors import SpecError, shown
from genloss.samples import Array
from genloss.statistics import Counts
from genloss.traits import EVENT, FEATURES, SCHEMA
from genloss.wording import these

Picture = Literal["points", "images", "columns", "ranks"]


def _flat(real: Any, rows: Array, event: int) -> Array:
    return rows.reshape(*rows.shape[: rows.ndim - event], -1)


def _shares(real: Any, rows: Array, event: int) -> Array:
    """How often each token occurs in a row, as a share."""
    flat = _flat(real, rows, event)
    counts = Counts(SCHEMA.of(real))(flat.reshape(-1, flat.shape[-1]))
    return np.asarray(counts / flat.shape[-1]).reshape(*flat.shape[:-1], -1)


@dataclass(frozen=True)
class Event:
    """What a row is.

    Args:
        name: what parts accept it by.
        words: what rows are, in an error: "vectors of numbers".
        dtypes: the kinds of NumPy dtype that its numbers may have.
        missing: whether a number may be missing (NaN).
        discrete: whether rows are whole numbers below the schema's, to be counted.
        also: names of events that its rows are too.
        fits: generators that can be fitted to it, in words.
        picture: how rows are drawn: as points; as images, of two axes or of the source's ``image``; column by
            column, as the schema of a table has them; or by rank and frequency.
        features: (..., d) floats in which means and distances make sense, of a source, rows (..., *event) and
            the number of axes of a row; a source's own ``features`` go before it.
    """

    name: str
    words: str
    dtypes: str = "fiu"
    missing: bool = False
    discrete: bool = False
    also: tuple[str, ...] = ()
    fits: str = "Wrapped"
    picture: Picture = "points"
    features: Callable[[Any, Array, int], Array] = _flat

    def accepted_by(self, accepts: tuple[str, ...] | None) -> bool:
        """Whether a part that accepts these events accepts this one."""
        return accepts is None or not {self.name, *self.also}.isdisjoint(accepts)

    def vectors(self, real: Any, rows: Array, event: int) -> Array:
        """(..., d) rows of a source as vectors."""
        own = FEATURES.of(real)
        return self.features(real, rows, event) if own is None else own(rows)

    def problem(self, rows: Array, schema: Any) -> str:
        """What is wrong with numbers that should be such rows; "" where nothing is.

        >>> EVENTS["symbols"].problem(np.array([[0, 7]]), 5)
        'symbols that are not whole numbers from 0 to 4'
        """
        if rows.dtype.kind not in self.dtypes:
            return f"dtype {rows.dtype}, where numbers are wanted"
        if self.discrete:
            odd = (rows != np.floor(rows)) | (rows < 0) | (rows >= schema)
            return f"{self.name} that are not whole numbers from 0 to {schema - 1}" if odd.any() else ""
        bad = rows.size - (np.isfinite(rows) | (np.isnan(rows) & self.missing)).sum()
        return f"{these(int(bad), 'value', 'that')} NaN or infinite" if bad else ""


EVENTS = {
    e.name: e
    for e in (
        Event(
            "vectors",
            "vectors of numbers",
            fits="Gaussian, GaussianMixture, KDE, LinearRegression or Wrapped",
        ),
        Event("images", "images", also=("vectors",), fits="Gaussian, KDE or Wrapped", picture="images"),
        Event(
            "numeric table",
            "rows of numbers",
            also=("vectors",),
            fits="Gaussian, Copula, Trees or Forest",
            picture="columns",
        ),
        Event(
            "symbols",
            "symbols",
            "iu",
            discrete=True,
            fits="Categorical or Wrapped",
            picture="ranks",
        ),
        Event("tokens", "texts of tokens", "iu", discrete=True, picture="ranks", features=_shares),
        Event(
            "table",
            "table rows with categories, dates or missing values",
            missing=True,
            fits="Copula, Trees, Forest or Wrapped",
            picture="columns",
        ),
    )
}
"""The kinds of rows that genloss knows, by name."""


def event_of(real: Any) -> Event:
    """What the rows of a source are.

    Raises:
        SpecError: if it names an event that nobody knows.
    """
    said = EVENT.of(real)
    if isinstance(said, Event):
        return said
    if not isinstance(said, str) or said not in EVENTS:
        raise SpecError(
            f"{type(real).__name__}: there is no event {shown(said)}; there are {', '.join(EVENTS)}, "
            f"or hold an Event"
        )
    return EVENTS[said]
