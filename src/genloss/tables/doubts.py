"""What a careful person would ask of columns that were read: codes for missing cells, versions, sums."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from genloss.tables.cells import Cells, Floats
from genloss.tables.column import Column
from genloss.tables.numbers import every
from genloss.tables.say import Decision, day, shown, some, toml
from genloss.wording import several

if TYPE_CHECKING:
    from genloss.tables.texts import Read

_NINES = re.compile(r"-?(?:9+|8{2,}|7{2,})(?:\.9+)?|-1")
_ENDS = (-32768.0, 32767.0, 65535.0, -2147483648.0, 2147483647.0, 4294967295.0)
"""The ends of the integers of computers."""
_NO_DAYS = tuple(
    float(np.datetime64(text, "D").astype(np.int64))
    for text in (
        *("0001-01-01", "1111-11-11", "1753-01-01", "1800-01-01", "1899-12-30", "1899-12-31", "1900-01-01"),
        *("1901-01-01", "1970-01-01", "2099-12-31", "2100-01-01", "2199-12-31", "2999-12-31", "9999-12-31"),
    )
)
"""Days that programs and people write where there is none."""
_INSIDE = (-999.0, -99.0, -9.0, 99.0, 999.0, 9999.0, 99999.0)
"""Codes that are looked for among other numbers too, where nothing but their count sets them apart."""
_OFTEN = 4
"""Times as often as any other number such a code is there."""
_VERSIONS = re.compile(r"(?i)(?:.*[_\W])?(?:version|release|revision|chapter|section|kapitel|abschnitt)")
_ANY, _DAY, _TIME = (
    re.compile(words, re.IGNORECASE)
    for words in (
        ".*",
        ".*(?:dat[eou]|day|tag|fecha|dato).*",
        ".*(?:time|stamp|epoch|date|zeit|unix).*|ts|.*_at",
    )
)
_DD, _MM = "(?:0[1-9]|[12][0-9]|3[01])", "(?:0[1-9]|1[0-2])"
_MAY_BE = (
    ("a month and a year", rf"^(?:{_MM}|[1-9])\.(?:19|20)[0-9]{{2}}$", _ANY),
    ("a year and a month", rf"^(?:19|20)[0-9]{{2}}{_MM}$", _ANY),
    ("a date, year, month and day", rf"^[0-9]{{2}}{_MM}{_DD}$", _ANY),
    ("a date, day, month and year", rf"^{_DD}{_MM}(?:(?:19|20)[0-9]{{2}}|[0-9]{{2}})$", _ANY),
    ("the number that a spreadsheet has for a day", r"^[1-6][0-9]{4}(?:\.[0-9]+)?$", _DAY),
    ("seconds since 1970", r"^[12][0-9]{9}(?:\.[0-9]+)?$", _TIME),
)
"""What numbers may be besides numbers, how they look then, and how their column may be called."""
_SUM = re.compile(
    r"(?i)(?:(?:grand|sub)[ -]?)?totals?|(?:gesamt|zwischen)?summen?|sum|(?:ins)?gesamt|gesamtergebnis"
    r"|(?:sub)?total (?:g[eé]n[eé]ral|general)|suma|somme|totale|totaal|ensemble|razem|итого|合計|合计|总计"
)


def doubts(name: str, read: Read, cells: Cells, forced: bool) -> list[Decision]:
    """What is to be said of numbers and dates of which no cell left anything open.

    Args:
        name: Of the column.
        read: What its cells were read as; of categories and booleans nothing is said.
        cells: The same as they came.
        forced: Whether the spec says that they are of this kind.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # numbers near 1e308 have a range beyond floats
        said = _missing_codes(name, read.kind, read.values, cells) if read.kind in ("numeric", "date") else []
    asked = read.kind == "numeric" and cells.form == "text" and not forced
    if asked and (why := _labels(name, read, cells.texts)):
        change, pin = toml(types={name: "category"}), {"types": {name: "numeric"}}
        said.append(Decision(f"{shown(name)} is read as numbers", why, change, name, pin))
    return said


def is_sum(label: object) -> bool:
    """Whether a label says that its row holds sums of other rows."""
    return isinstance(label, str) and _SUM.fullmatch(label.strip().rstrip(" :")) is not None


def sums(table: Any, found: list[tuple[Column, Floats]]) -> list[Decision]:
    """Rows that hold the sums of others, by their label or by their numbers.

    Args:
        table: An Arrow table.
        found: Its columns as they were read, and their (n,) values.
    """
    last = [str(table.column(i)[-1].as_py() or "").strip() for i in range(table.num_columns)]
    with np.errstate(over="ignore", invalid="ignore"):
        added = [shown(c.name) for c, x in found if c.kind == "numeric" and _ends_in_sum(x)]
    label, said = next((text for text in last if is_sum(text)), None), []
    told = [text for text in last if text]
    if label is None and len(told) == 1 < len(last):
        why = f"its only cell is {shown(told[0])}; delete it if it is a note"
        said.append(Decision("the last row is read as data", why))
    if label is not None or len(added) > 1 or (added and "" in last):
        why = f"it holds the sum of all others in {some(added)}" if added else f"it is called {shown(label)}"
        said.append(Decision("the last row is read as data", f"{why}; delete it if it is a sum"))
    for column, x in found:
        for code in (i for i, text in enumerate(column.categories) if is_sum(text) and text not in last):
            what = f"{shown(column.name)} keeps {shown(column.categories[code])} as a category"
            why = f"{several(int((x == code).sum()), 'row')}, to be deleted if they are sums of others"
            said.append(Decision(what, why, column=column.name))
    return said


def _ends_in_sum(x: Floats) -> bool:
    """Whether the last of (n,) numbers is the sum of at least four others, which differ."""
    if not x[-1] or not np.isclose(x[-1], np.nansum(x[:-1]), rtol=1e-9, atol=0):
        return False
    others = x[:-1][~np.isnan(x[:-1])]
    return bool(others.size >= 4 and np.ptp(others) > 0)


def _labels(name: str, read: Read, texts: Any) -> str:
    """Why texts that are numbers may be meant as labels; "" where nothing tells."""
    if every(texts, r"^\d{1,3}(?:\.\d{1,2})?$"):
        short, long = (_first(texts, p) for p in (r"\.\d$", r"\.\d0$"))
        if short and long:
            return f"{shown(long)} and {shown(short)} have different numbers of decimals, as versions have"
        if (short or long) and _VERSIONS.fullmatch(name):
            return "its name is that of a version"
    for what, pattern, named in _MAY_BE:
        if named.fullmatch(name) and every(texts, pattern):
            return f"{shown(_first(texts, '.'))} may be {what}"
    if read.whole or (read.values % 1 > 0).any():
        return ""
    if every(texts, r"^\d\.\d+E\+\d\d$"):
        return f"{shown(_first(texts, '.'))} may be a long number that a spreadsheet has cut"
    code = _first(texts, r"^\d+[eE]\d+$")
    return f"{shown(code)} may be a code, and is read as {float(code):g}" if code else ""


def _first(texts: Any, pattern: str) -> str | None:
    at = pc.index(pc.match_substring_regex(texts, pattern), True).as_py()
    return None if at < 0 else str(texts[at].as_py())


def _missing_codes(name: str, kind: str, values: Floats, cells: Cells) -> list[Decision]:
    """Numbers and days that are written for missing cells, where they are far from all others.

    Such a value is told where it is the smallest or the largest: off by half the range of the others and
    there twice, below zero where all others are not, or off by three times their range. And where it is there
    four times as often as any other.
    """
    rest = values[~np.isnan(values)]
    odd: list[float] = []
    while rest.size:
        ends = [end for end in (float(rest.min()), float(rest.max())) if _is_code(end, kind)]
        if not ends:
            break
        odd += ends
        rest = rest[~np.isin(rest, ends)]
    if not rest.size or not ((rest > rest.min()) & (rest < rest.max())).any():
        return []  # two classes do not tell what is far
    low, high = float(rest.min()), float(rest.max())
    told = [(v, n) for v in dict.fromkeys(odd) if _is_far(v, n := int((values == v).sum()), low, high)]
    told += _frequent(rest) if kind == "numeric" else []
    notes = []
    for value, count in told:
        here = values == value
        texts = cells.texts.filter(here).unique().to_pylist() if cells.form == "text" else []
        text = texts[0] if texts else day(value) if kind == "date" else f"{value:.15g}"
        change = toml(missing=texts or [text]) if texts or kind == "numeric" else ""
        span = [day(low), day(high)] if kind == "date" else [f"{low:.6g}", f"{high:.6g}"]
        why = f"{several(count, 'cell')} of {len(values)}, and the others are from {' to '.join(span)}"
        what = f"{shown(name)} keeps {text}, which often means that there is no value"
        notes.append(Decision(what, why, change, name))
    return notes


def _is_code(value: float, kind: str) -> bool:
    """Whether a number, or a day, is one that is written for missing cells."""
    if kind == "date":
        return value in _NO_DAYS
    return value in _ENDS or _NINES.fullmatch(f"{value:.7g}") is not None


def _is_far(value: float, count: int, low: float, high: float) -> bool:
    """Whether a value that is there so often is far from others, which are from low to high."""
    spread, off = high - low, max(low - value, value - high)
    if count > 1 and value < 0 <= low and spread >= 10:
        return True
    return off >= spread / 2 > 0 if count > 1 and value != -1 else off >= 3 * spread and abs(value) >= 99


def _frequent(rest: Floats) -> list[tuple[float, int]]:
    """Codes among other numbers that are there far more often than any of these."""
    counts = {value: int((rest == value).sum()) for value in _INSIDE}
    value, count = max(counts.items(), key=lambda pair: pair[1])
    if count < max(5, rest.size / 1000):
        return []
    others = np.unique(rest[rest != value], return_counts=True)[1]
    return [(value, count)] if count > _OFTEN * others.max() else []
