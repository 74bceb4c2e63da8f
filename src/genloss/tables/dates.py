"""Dates as people write them: ISO 8601, day or month first, two-digit years, names of months, zones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genloss.tables.cells import DAY, Floats, Mask, mask
from genloss.tables.say import day

_TIME = (
    r"(?:(?:T|,? +)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<part>(?:[.,]\d{1,9})?))?"
    r" ?(?P<half>(?:[AaPp]\.?[Mm]\.?)?) ?(?P<zone>(?:Z|UTC|GMT|[+-]\d\d:?\d\d)?)(?: Uhr)?)?$"
)
_NAMED = r"(?P<month>\p{L}{3,9})"
_SHAPES = (
    r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + _TIME,
    r"^(?P<year>(?:19|20)\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d)$",
    r"^(?P<first>\d{1,2})(?P<mark>[-/.]) ?(?P<second_>\d{1,2})[-/.] ?(?P<year>\d{4}|\d\d)" + _TIME,
    r"^(?:[A-Za-z]{3,9},? )?(?P<day>\d{1,2})(?:st|nd|rd|th)?[. -]+"
    + _NAMED
    + r"[., -]+(?P<year>\d{4}|\d\d)"
    + _TIME,
    r"^(?:[A-Za-z]{3,9},? )?" + _NAMED + r"[. -]+(?P<day>\d{1,2})(?:st|nd|rd|th)?,? +(?P<year>\d{4})" + _TIME,
)
_FIRST = 2
"""The shape in which a day or a month may come first."""
_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    *("", "", "mär", "", "mai", "", "", "", "", "okt", "", "dez"),  # in German
)
_PIVOT = 69
"""Two digits from here on are a year of the 1900s, as in POSIX."""


class Dates(NamedTuple):
    """Texts read as dates.

    Args:
        values: (k,) days since 1970-01-01, NaN where a text is none.
        bad: (k,) where it is none.
        whole: Whether none has a time of day.
        utc: Whether some carry a zone.
        like: (k,) where a text has the form of a date, which may be another form than that of most.
        order: "day" or "month", whichever comes first; "" where that is no question.
        unsure: Whether the other order fits all texts too.
        why: That order was taken.
        notes: What else was decided, in words.
        example: A text that shows how it was read, and what it was read as.
    """

    values: Floats
    bad: Mask
    whole: bool
    utc: bool
    like: Mask
    order: str = ""
    unsure: bool = False
    why: str = ""
    notes: tuple[str, ...] = ()
    example: str = ""


def dates(texts: Any, dayfirst: bool | None = None, usual: str = "") -> Dates:
    """Read texts as dates, of the shape and the order under which most of them are dates.

    Args:
        texts: (k,) Arrow strings, different ones.
        dayfirst: Whether the day comes before the month, where it is given.
        usual: The order of the rest of the table, where this column leaves it open.
    """
    size = len(texts)
    nowhere = np.zeros(size, dtype=np.bool_)
    none = Dates(np.full(size, np.nan), ~nowhere, True, False, nowhere)
    found = [pc.extract_regex(texts, shape) for shape in _SHAPES]
    counts = [size - f.null_count for f in found]
    if not max(counts):
        return none
    best = int(np.argmax(counts))
    like = sum(mask(f.is_valid()) for f in found) > 0
    like &= mask(pc.match_substring_regex(texts, r"(?:19|20)\d\d"))
    of = found[best]
    fits = mask(of.is_valid())
    number = {
        name: _whole(of, name) for name in ("year", "month", "day", "first", "second_") if _has(of, name)
    }
    order, unsure, why, notes = "", False, "", []
    if best == _FIRST:
        order, unsure, why = _order(of, number, fits, dayfirst, usual)
        both = ("first", "second_") if order == "day" else ("second_", "first")
        number["day"], number["month"] = (number[name] for name in both)
    elif best > _FIRST:
        number["month"] = _named(of)
    year, month, date = (number[name] for name in ("year", "month", "day"))
    short = mask(pc.equal(pc.utf8_length(pc.struct_field(of, "year")), 2).fill_null(False))
    if short.any():
        year = np.where(short, np.where(year < _PIVOT, 2000, 1900) + year, year)
        notes.append("two-digit years are taken for 1969 to 2068")
    if best == 1:
        notes.append("eight digits are taken for year, month and day")
    start = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)
    ends = (start + 1).astype("datetime64[D]")
    stamp = start.astype("datetime64[D]") + (date - 1)
    fits &= (month >= 1) & (month <= 12) & (date >= 1) & (stamp < ends)
    ticks = stamp.astype(np.int64) * DAY
    utc, moved = False, nowhere
    if _has(of, "hour"):
        clock, clock_fits, zoned, moved = _clock(of)
        ticks, utc = ticks + clock, bool((zoned & fits).any())
        fits &= clock_fits
        if (moved & fits).any():
            notes.append("times are moved from their zones to universal time")
        if utc and (fits & ~zoned).any():
            notes.append("times without a zone are taken for universal time")
    whole = not (ticks[fits] % DAY).any()
    at = int(np.argmax(fits & moved if moved.any() else fits))
    told = day(ticks[at] / DAY if moved.any() else ticks[at] // DAY)
    example = f"{texts[at].as_py()!r} is {told}" if fits.any() else ""
    values = np.where(fits, ticks / DAY, np.nan)
    return Dates(values, ~fits, whole, utc, like, order, unsure, why, tuple(notes), example)


def _has(of: Any, name: str) -> bool:
    return bool(of.type.get_field_index(name) >= 0)


def _whole(of: Any, name: str) -> Any:
    """(k,) integers of a group, 0 where there are none."""
    texts = pc.struct_field(of, name)
    figures = pc.if_else(pc.match_substring_regex(texts, r"^\d+$"), texts, "0").fill_null("0")
    return pc.cast(figures, pa.int64()).to_numpy(zero_copy_only=False)


def _named(of: Any) -> Any:
    """(k,) months by their English or German names, or the beginnings of these; 0 for other words."""
    word = pc.utf8_slice_codeunits(pc.utf8_lower(pc.struct_field(of, "month")), 0, 3)
    place = pc.index_in(word, pa.array(_MONTHS, word.type))
    found = place.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where(found < 0, 0, found % 12 + 1)


def _order(of: Any, number: Any, fits: Mask, dayfirst: bool | None, usual: str) -> tuple[str, bool, str]:
    """Whether the day or the month comes first, whether the other would do too, and why it is that."""
    if dayfirst is not None:
        return ("day" if dayfirst else "month"), False, ""
    large = {name: int((number[name] > 12)[fits].sum()) for name in ("first", "second_")}
    if large["first"] > large["second_"]:
        return "day", False, "its first numbers go beyond 12"
    if large["second_"] > large["first"]:
        return "month", False, "its second numbers go beyond 12"
    if usual:
        return usual, True, f"the other dates of the table have the {usual} first"
    if _has(of, "half") and pc.any(pc.not_equal(pc.struct_field(of, "half"), "")).as_py():
        return "month", True, "no number goes beyond 12, and times of a.m. and p.m. go with the month first"
    return "day", True, "no number goes beyond 12, and most of the world writes the day first"


def _clock(of: Any) -> tuple[Any, Mask, Mask, Mask]:
    """(k,) microseconds of the time of day less the zone; where they are one, have a zone, are moved."""
    hour, minute, second = (_whole(of, name) for name in ("hour", "minute", "second"))
    half = pc.utf8_slice_codeunits(pc.utf8_lower(pc.struct_field(of, "half")), 0, 1).fill_null("")
    early, late = mask(pc.equal(half, "a")), mask(pc.equal(half, "p"))
    fits = (hour < 24) & (minute < 60) & (second < 60) & (~(early | late) | ((hour >= 1) & (hour <= 12)))
    hour = np.where(early | late, hour % 12 + 12 * late, hour)
    part = pc.utf8_slice_codeunits(pc.struct_field(of, "part").fill_null(""), 1, 7)
    micro = pc.cast(pc.utf8_rpad(part, 6, "0"), pa.int64()).to_numpy(zero_copy_only=False)
    zone = pc.struct_field(of, "zone").fill_null("")
    digits = pc.replace_substring_regex(zone, "[^0-9]", "")
    offset = pc.cast(pc.utf8_lpad(digits, 4, "0"), pa.int64()).to_numpy(zero_copy_only=False)
    minutes = np.where(mask(pc.starts_with(zone, "-")), -1, 1) * (offset // 100 * 60 + offset % 100)
    seconds = hour * 3600 + (minute - minutes) * 60 + second
    return seconds * 1_000_000 + micro, fits, mask(pc.not_equal(zone, "")), minutes != 0
