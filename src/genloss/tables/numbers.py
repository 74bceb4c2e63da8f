"""Numbers as people write them: decimal commas, thousands, currencies, percent, units, brackets."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genloss.tables.cells import Floats, Mask, mask
from genloss.tables.say import shown, toml

_CURRENCY = r"[$€£¥₹₽₩₺]|[A-Z]{1,2}\$|[A-Z]{3}|kr\.?|Fr\.|Rs\.?|zł|Kč"
_NUMBER = (
    rf"^(?P<open>\(?)(?P<sign>[-+]?)(?P<money>(?:{_CURRENCY})?) ?(?P<minus>[-+]?)"
    r"(?P<body>\d[\d.,' ]*|[.,]\d+)(?P<power>(?:[eE][-+]?\d+)?)(?P<gap> ?)"
    r"(?P<unit>(?:[^\d\s.,()'+-][^\d()]{0,11})?)(?P<close>[)-]?)$"
)
_GLUED = (
    "% ‰ kg g mg km m cm mm kW kWh W V A Hz MHz GHz GB MB"
    " l L ml ° °C °F s ms min h lb lbs oz mi ft in cc bhp px"
).split()
"""Units that may stand next to the last digit; behind a space any one unit may."""

# thousands in threes (in India, the higher ones in twos), behind one mark; the decimal mark is the other
_POINT = r"^(?:[1-9]\d{0,2}(?:(?:,\d{3})+|(?:[ ']\d{3})+)|[1-9]\d?(?:,\d\d)+,\d{3}|\d+)?(?:\.\d*)?$"
_COMMA = r"^(?:[1-9]\d{0,2}(?:(?:\.\d{3})+|(?:[ ']\d{3})+)|\d+)?(?:,\d*)?$"
_EITHER = r"^[-+]?(?:0|[1-9]\d{0,2}(?:\.\d{3})?)$"
"""Numbers of computers that may be whole ones with a point between thousands."""


class Numbers(NamedTuple):
    """Texts read as numbers.

    Args:
        values: (k,), NaN where a text is none.
        bad: (k,) where it is none.
        whole: Whether all are written without decimals.
        utc: Never: dates may have a zone.
        decimal: The decimal mark, "" where nothing tells it.
        unsure: Whether the texts can be read with the other decimal mark too.
        affix: What stands beside the numbers and is left out: a currency, "%", a unit.
        why: The decimal mark was taken where that was a choice, in words.
        mixed: Two things beside the numbers between which nobody can choose; "" where there are none.
        example: A text that shows how it was read, and what it was read as.
        gap: "spaces" or "apostrophes" where such stand between digits.
        below: A text that is negative without a minus in front of it, and what it was read as.
    """

    values: Floats
    bad: Mask
    whole: bool
    utc: bool = False
    decimal: str = ""
    unsure: bool = False
    affix: str = ""
    why: str = ""
    mixed: str = ""
    example: str = ""
    gap: str = ""
    below: str = ""


def plain(texts: Any) -> Numbers | None:
    """Texts that all are numbers as computers write them, and no others; None where one is not."""
    try:
        values = pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        return None
    whole = every(texts, r"^[-+]?\d+$")
    if not whole and every(texts, _EITHER):
        return None
    found = np.array(values.fill_null(float("nan")).to_numpy(zero_copy_only=False))
    return Numbers(found, np.zeros(len(found), dtype=np.bool_), whole, decimal="" if whole else ".")


def every(texts: Any, pattern: str) -> bool:
    """Whether all texts match; of a long column the beginning is asked first, which mostly tells."""
    some = (texts.slice(0, 1000), texts)
    return all(pc.all(pc.match_substring_regex(part, pattern)).as_py() for part in some)


def numbers(texts: Any, decimal: str | None = None, usual: str = "", delimiter: str = "") -> Numbers:
    """Read texts as numbers; the decimal mark is that under which all of them are numbers.

    Args:
        texts: (k,) Arrow strings, different ones.
        decimal: The decimal mark, where it is given.
        usual: The marks that other columns of the table have, for where this column leaves it open.
        delimiter: What stands between the cells of its file.
    """
    texts = pc.replace_substring_regex(texts, "[\u00a0\u2007\u2009\u202f]", " ")
    texts = pc.replace_substring_regex(pc.replace_substring_regex(texts, "[\u2212\u2013]", "-"), "’", "'")
    texts = pc.replace_substring_regex(texts, "([0-9])[.,]-+", r"\1")  # 12,- is a price without cents
    found = pc.extract_regex(texts, _NUMBER)
    is_number = np.array(found.is_valid().to_numpy(zero_copy_only=False))
    group = {name: pc.struct_field(found, name) for name in ("money", "gap", "unit", "power")}
    affix, mixed, odd = _affix(group)
    is_number &= ~odd & (matching(pc.struct_field(found, "open"), ".") == matching(texts, r"\)$"))
    body = pc.utf8_rtrim_whitespace(pc.struct_field(found, "body"))
    fits = {m: matching(body, p) & is_number for m, p in ((".", _POINT), (",", _COMMA))}
    able = [m for m in fits if (fits[m] == is_number).all()]
    mark, unsure, why = decimal or "", False, ""
    if mark and mark not in able and able:
        text = texts[int(np.argmax(is_number & ~fits[mark]))].as_py()
        why = f"{toml(decimal=mark)} is given, and with it {shown(text)} is no number"
        mark = able[0]
    elif not mark:
        if len(able) < 2:
            mark = "." if fits["."].sum() >= fits[","].sum() else ","
        elif matching(body, "[.,]").any():
            unsure = True
            mark, why = _chosen(body, usual, delimiter)
    bad = ~fits[mark or "."]
    digits = pc.replace_substring_regex(body, "[ ',]" if mark != "," else "[ '.]", "")
    if mark == ",":
        digits = pc.replace_substring(digits, ",", ".")
    figures = _joined("", digits, group["power"])
    whole = not (matching(figures, "[.eE]") & ~bad).any()
    values = pc.cast(pc.if_else(pa.array(~bad), figures, None), pa.float64())
    read = np.array(values.fill_null(float("nan")).to_numpy(zero_copy_only=False))
    before = matching(pc.struct_field(found, "sign"), "-") | matching(pc.struct_field(found, "minus"), "-")
    behind = matching(pc.struct_field(found, "close"), ".")
    read = np.where(before | behind, -read, read)
    said = [f"{texts[at].as_py()!r} is {read[at]:.15g}" for at in np.flatnonzero(behind & ~bad)[:1].tolist()]
    marked = np.flatnonzero(matching(body, r"[.,' ]") & ~bad)
    gap = "apostrophes" if matching(body, "'").any() else "spaces" if matching(body, " ").any() else ""
    at = int(marked[0]) if marked.size else int(np.argmin(bad))
    example = "" if bad.all() else f"{texts[at].as_py()!r} is {read[at]:.15g}"
    mark = mark if marked.size else ""
    return Numbers(read, bad, whole, False, mark, unsure, affix, why, mixed, example, gap, *said)


def _joined(mark: str, *parts: Any) -> Any:
    return pc.binary_join_element_wise(*parts, pa.scalar(mark, parts[0].type))


def matching(texts: Any, pattern: str) -> Mask:
    """(k,) where texts match."""
    return mask(pc.match_substring_regex(texts, pattern))


def _affix(group: dict[str, Any]) -> tuple[str, str, Mask]:
    """What stands beside the numbers; two such things where they are mixed; and where one is no unit."""
    parts = (group[name] for name in ("money", "gap", "unit"))
    coded = _joined("\0", *parts).dictionary_encode()
    known: dict[int, str] = {}
    odd: list[int] = []
    bare = False
    for i, text in enumerate(coded.dictionary.to_pylist()):
        money, gap, unit = text.split("\0")
        unit = unit.strip()
        if not money and not unit:
            bare = True
        elif not (money and unit) and (money or gap or unit in _GLUED or re.fullmatch(_CURRENCY, unit)):
            known[i] = money or unit
        else:
            odd.append(i)
    names = list(dict.fromkeys(known.values()))
    mixed = ""
    if len(names) > 3:  # words behind numbers, as in addresses
        odd, names = [*odd, *known], []
    elif len(names) > 1:
        mixed = f"{names[0]} and {names[1]}"
    elif names == ["%"] and bare:
        mixed = "% and no %"
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return (names[0] if names else ""), mixed, np.isin(codes, odd)


def _chosen(body: Any, usual: str, delimiter: str) -> tuple[str, str]:
    """The decimal mark of bodies that can all be read with either, and why it is that."""
    commas, points = matching(body, ",").any(), matching(body, r"\.").any()
    if usual:  # where other columns have both marks, each means here what it means there
        mark = usual if len(usual) == 1 else "," if commas and not points else "."
        who = "the rest of the table writes" if len(usual) == 1 else "other columns write"
        return mark, f"{who} decimal {'points' if mark == '.' else 'commas'}"
    if commas and delimiter == ";" and not points:
        return ",", "semicolons stand between cells, as they do where commas are decimal"
    if commas:
        return ".", "every comma stands before three digits, as one between thousands does"
    if matching(body, r"^\d{1,3}$").any():
        return ",", "every point stands before three digits, and whole numbers below 1000 have none"
    return ".", "every number has a point before three digits, as numbers of three decimals do"
