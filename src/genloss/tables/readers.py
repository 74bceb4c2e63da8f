"""Cells read as each kind: (n,) floats, and where a cell is not of that kind."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from genloss.tables.cells import Cells, Floats, Mask

TRUE = ("true", "yes", "y", "t", "1", "1.0", "on")
FALSE = ("false", "no", "n", "f", "0", "0.0", "off")


class Reading(NamedTuple):
    """Cells read as one kind: (n,) values, NaN where missing or bad; (n,) where one is not of that kind."""

    values: Floats
    bad: Mask
    whole: bool
    utc: bool


def spread(values: Floats, codes: Any) -> Floats:
    """(n,) values of cells from (k,) those of the different texts; NaN where the code is -1."""
    out: Floats = np.append(values, np.nan)[codes]
    return out


def as_numbers(cells: Cells) -> Reading:
    """Read cells as numbers; text counts where it is a number in figures, booleans count as 0 and 1."""
    if cells.form != "text":
        return _as_held(cells, cells.form != "date", cells.whole)
    from genloss.tables.numbers import numbers, plain

    simple = plain(cells.texts)
    if simple is not None:
        return Reading(simple.values, simple.bad, simple.whole, False)
    texts, codes = cells.distinct
    found = numbers(texts, ".")
    return Reading(spread(found.values, codes), found.bad[codes] & (codes >= 0), found.whole, False)


def as_booleans(cells: Cells, true: tuple[str, ...] = TRUE, false: tuple[str, ...] = FALSE) -> Reading:
    """Read cells as booleans; numbers count where they are 0 or 1, text where it is one of these words."""
    if cells.form == "text":
        texts, codes = cells.distinct
        known = {**dict.fromkeys(true, 1.0), **dict.fromkeys(false, 0.0)}
        if len(texts) > 2 * len(known) + 2:  # each may be written in capitals, or begin with one
            return Reading(np.full(len(codes), np.nan), codes >= 0, True, False)
        found = np.array([known.get(text.lower(), np.nan) for text in texts.to_pylist()])
        return Reading(spread(found, codes), np.isnan(spread(found, codes)) & (codes >= 0), True, False)
    if cells.form == "numeric":
        fits = np.isin(cells.values, (0.0, 1.0))
        return Reading(np.where(fits, cells.values, np.nan), ~fits & ~cells.missing, True, False)
    return _as_held(cells, cells.form == "boolean", True)


def as_dates(cells: Cells) -> Reading:
    """Read cells as dates; text counts where it is ISO 8601: 2024-02-29, 2024-02-29T18:30:00.5Z."""
    if cells.form != "text":
        return _as_held(cells, cells.form == "date", cells.whole)
    import pyarrow.compute as pc

    from genloss.tables.dates import dates

    texts, codes = cells.distinct
    found = dates(texts)
    iso = np.array(pc.match_substring_regex(texts, r"^\d{4}-\d\d-\d\d").to_numpy(zero_copy_only=False))
    values = np.where(iso, found.values, np.nan)
    bad = (found.bad | ~iso)[codes] & (codes >= 0)
    return Reading(spread(values, codes), bad, found.whole, found.utc)


def as_labels(cells: Cells, categories: tuple[Any, ...]) -> Reading:
    """Read cells as places in `categories`; a number and its text are one label."""
    place = {_figures(c) if not isinstance(c, str) else c: i for i, c in enumerate(categories)}
    place |= {str(c): i for i, c in enumerate(categories)}
    if cells.form == "text":
        texts, codes = cells.distinct
        keys = texts.to_pylist()
    else:
        known, codes = np.unique(cells.values, return_inverse=True)
        boolean = cells.form == "boolean"
        keys = [str(value == 1) if boolean else _figures(value) for value in known]
        codes = np.where(cells.missing, -1, codes)
    found = np.array([place.get(key, np.nan) if cells.form != "date" else np.nan for key in keys])
    values = spread(found, codes)
    return Reading(values, np.isnan(values) & ~cells.missing, True, False)


def _figures(value: float) -> str:
    """A number as a label of text has it."""
    return str(int(value)) if np.isfinite(value) and value == np.floor(value) else str(float(value))


def _as_held(cells: Cells, fits: bool, whole: bool) -> Reading:
    if fits:
        return Reading(cells.values, np.zeros(len(cells.values), dtype=np.bool_), whole, cells.utc)
    return Reading(np.full(len(cells.missing), np.nan), ~cells.missing, False, False)


READERS = {"numeric": as_numbers, "boolean": as_booleans, "date": as_dates}
"""How cells are read as each kind that needs no labels."""
