"""What one column is, by rules that hold for every file format, and what was decided on the way:

- Text in which every cell is a number, a date, or true or false, is numeric, date or boolean; other text is
  categorical. Numbers may carry thousands, a currency, a unit or a percent sign; the whole column decides
  whether the point or the comma is decimal, and whether the day or the month comes first.
- Codes are categories: whole numbers with leading zeros, postal codes, numbers too long to be counts.
- Integers stay numeric however few they are, but for the target: there at most `FEW` distinct integers, each
  seen twice on average, are classes. A target written with decimals (1.0, 2.0) stays numeric.
- A categorical type of pandas, Polars or Arrow is categorical whatever its cells look like; an ordered one
  keeps its order, else labels are sorted.
- A column that a table can do without is left out: one value, no values, a key, free text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genloss.tables.cells import EXACT, Cells, Floats, Label, Mask
from genloss.tables.column import Column, Kind
from genloss.tables.dates import dates
from genloss.tables.numbers import numbers, plain
from genloss.tables.readers import READERS, as_booleans, as_labels, spread
from genloss.tables.say import Decision, listed, shown, toml

FEW = 20
"""The most distinct integers of a target that are taken for classes."""

MOST_CATEGORIES = 1000
"""More categories than that are free text or keys: no generator here can learn them from a table."""

DISTINCT_ROWS = 50
"""A text column of more different cells than that, nearly all of them seen once, is a key or free text."""

_ONCE = 0.9
"""Different cells over cells from which on nearly all are seen once."""
_LONG = 12
"""Digits from which on whole numbers that all have as many are no counts."""

MAYBE = (
    "na",
    "n/a",
    "#n/a",
    "null",
    "none",
    "nil",
    "-",
    "--",
    "?",
    "missing",
    "unknown",
    ".",
    "nat",
    "#value!",
)
"""Text that is a missing cell where all others are numbers or dates, and a category among categories."""

_KEY = re.compile(
    r"(?i:(?:.*[_\W])?(?:id|key|uuid|guid)|index|idx|unnamed: ?\d+|row_?(?:no|num|number)?)|.*[a-z](?:Id|ID)"
)
_CODE = re.compile(
    r"(?i)(?:zip|postal|post)(?:[_ -]?code)?|plz|postleitzahl|fips|phone|telephone|ssn|naics|icd\d*"
)


class Convention(NamedTuple):
    """How a table writes what one of its columns leaves open.

    Args:
        decimal: The decimal mark, "" where no column tells.
        order: "day" or "month", whichever comes first in dates, "" where no column tells.
        delimiter: What stands between the cells of the file, "" where it is none of that kind.
    """

    decimal: str = ""
    order: str = ""
    delimiter: str = ""


@dataclass(frozen=True, eq=False)
class Found:
    """What a column was found to be.

    Args:
        column: The column; None where it is left out or has a problem.
        values: (n,) its cells as floats.
        decisions: That were taken.
        left_out: Why it is left out.
        problem: Why the table cannot be used, in words that begin with the column.
        decimal: The decimal mark that it tells the others of, "" if none.
        order: The order of dates that it tells the others of.
        unsure: Whether the others may tell it another.
    """

    column: Column | None = None
    values: Floats = field(default_factory=lambda: np.empty(0))
    decisions: tuple[Decision, ...] = ()
    left_out: Decision | None = None
    problem: str = ""
    decimal: str = ""
    order: str = ""
    unsure: bool = False


class _Read(NamedTuple):
    """A column read as one kind, before it is judged whether it is of use."""

    kind: Kind
    values: Floats
    whole: bool = False
    utc: bool = False
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, eq=False)
class Judge:
    """Finds out what one column is.

    Args:
        name: Its name.
        cells: Its cells.
        target: Whether it is to be predicted.
        forced: The kind that the spec gives it, or None.
        convention: Of the table.
        decimal: The decimal mark that the spec gives, or None.
        dayfirst: Whether the spec says that the day comes first, or None.
    """

    name: str
    cells: Cells
    target: bool
    forced: Kind | None
    convention: Convention
    decimal: str | None
    dayfirst: bool | None

    def found(self) -> Found:
        """What it is."""
        cells = self.cells
        if cells.missing.all():
            return self._without("has no values", "all of its cells are missing")
        if self.forced == "categorical" or (cells.labels is not None and self.forced is None):
            return self._categories()
        if self.forced is not None:
            return self._as(self.forced)
        if cells.form != "text":
            return self._numbers_or_codes(Found(), _Read(cells.form, cells.values, cells.whole, cells.utc))
        if not as_booleans(cells, ("true",), ("false",)).bad.any():
            return self._as("boolean")
        simple = plain(cells.texts)
        if simple is not None:
            return self._numbers_or_codes(
                Found(decimal=simple.decimal), _Read("numeric", simple.values, simple.whole)
            )
        return self._text()

    # -- text ----------------------------------------------------------------------------------------

    def _text(self) -> Found:
        """Numbers as people write them, dates, or categories."""
        texts, codes = self.cells.distinct
        seen = np.bincount(codes[codes >= 0], minlength=len(texts))
        maybe = np.array(
            pc.is_in(pc.utf8_lower(texts), pa.array(MAYBE, texts.type)).to_numpy(zero_copy_only=False)
        )
        told = int(seen[~maybe].sum())
        number = numbers(texts, self.decimal, self.convention.decimal, self.convention.delimiter)
        date = dates(texts, self.dayfirst, self.convention.order)
        tokens = self._tokens(texts, maybe)
        name = shown(self.name)
        good = int(seen[~number.bad & ~maybe].sum())
        if number.mixed and 2 * good > told:
            one, other = number.mixed.split(" and ")
            why = f"holds numbers with {one} and with {other}, which cannot be compared"
            return self._wrong(f"{why}; write one of them", "category")
        if good == told > 0:
            return self._numbers(number, tokens)
        dated = int(seen[~date.bad & ~maybe].sum())
        if dated == told > 0:
            return self._dates(date, tokens)
        for kind, bad, some, remedy in (
            ("numeric", number.bad, good, "write a number, or leave the cell empty"),
            ("date", date.bad, dated, "write a date such as 2024-02-29, or leave the cell empty"),
        ):
            if 2 * some > told:
                odd = texts.filter(pa.array(bad & ~maybe)).to_pylist()
                row = self.cells.row(int(np.flatnonzero(np.isin(codes, np.flatnonzero(bad & ~maybe)))[0]))
                more = f" and {len(odd) - 1} more texts" if len(odd) > 1 else ""
                how = f"{remedy}; {toml(missing=odd[:3])} makes them missing" if len(odd) <= 3 else remedy
                return self._wrong(
                    f"holds {shown(odd[0])}{more}; {how}", "category", row, f"text in a {kind} column: "
                )
        notes = []
        if maybe.any():
            some_text = texts.filter(pa.array(maybe))[0].as_py()
            count = int(seen[maybe].sum())
            notes.append(
                Decision(
                    f"{name} keeps {shown(some_text)} as a category",
                    f"{count} cells among other text",
                    toml(missing=[some_text]),
                    self.name,
                )
            )
        for kind, some in (("numbers", good), ("dates", dated)):
            if 10 * some >= told > 0:
                notes.append(
                    Decision(
                        f"{name} is read as categories",
                        f"{some} of its {told} cells are {kind} and the others text",
                        self._types("numeric" if kind == "numbers" else "date"),
                        self.name,
                        self._pin("category"),
                    )
                )
        shape = next((what for what, p in _LOOKS if _share(texts, seen, p) > 0.9), "")
        if shape:
            notes.append(
                Decision(
                    f"{name} is read as categories",
                    f"its cells look like {shape}, of which nothing is made",
                    "",
                    self.name,
                )
            )
        return self._categories(*notes)

    def _tokens(self, texts: Any, maybe: Mask) -> tuple[Decision, ...]:
        if not maybe.any():
            return ()
        some = texts.filter(pa.array(maybe)).to_pylist()
        return (
            Decision(
                f"{shown(self.name)}: {listed(some, 3)} is read as missing",
                "all other cells are numbers or dates",
                self._types("category"),
                self.name,
                {"missing": some},
            ),
        )

    def _numbers(self, number: Any, notes: tuple[Decision, ...]) -> Found:
        cells, name = self.cells, shown(self.name)
        if number.affix:
            what = f"{name} is read as numbers, {shown(number.affix)} left out"
            why = (
                "37% is 37, not 0.37"
                if number.affix == "%"
                else f"it stands beside the numbers: {number.example}"
            )
            notes += (Decision(what, why, self._types("category"), self.name),)
        if number.decimal == "," or number.unsure:
            mark = "commas" if number.decimal == "," else "points"
            why = (
                f"{number.why}, so {number.example}"
                if number.why
                else f"no other reading fits all cells: {number.example}"
            )
            other = "." if number.decimal == "," else ","
            notes += (
                Decision(
                    f"{name} is read with decimal {mark}" if number.decimal else "",
                    why,
                    toml(decimal=other),
                    self.name,
                    {"decimal": number.decimal} if number.decimal else {},
                ),
            )
        _, codes = cells.distinct
        tells = "" if number.unsure else number.decimal
        read = _Read("numeric", spread(number.values, codes), number.whole)
        return self._numbers_or_codes(
            Found(None, decisions=notes, decimal=tells, unsure=number.unsure), read, bool(number.affix)
        )

    def _dates(self, date: Any, notes: tuple[Decision, ...]) -> Found:
        name = shown(self.name)
        if date.order:
            what = f"{name} is read as dates, the {date.order} first"
            change = toml(dayfirst=date.order != "day")
            notes += (
                Decision(
                    what, f"{date.why}: {date.example}", change, self.name, {"dayfirst": date.order == "day"}
                ),
            )
        for note in date.notes:
            notes += (
                Decision(
                    f"{name} is read as dates", f"{note}: {date.example}", self._types("category"), self.name
                ),
            )
        _, codes = self.cells.distinct
        read = _Read("date", spread(date.values, codes), date.whole, date.utc)
        tells = "" if date.unsure else date.order
        return self._judged(Found(decisions=notes, order=tells, unsure=date.unsure), read)

    # -- numbers -------------------------------------------------------------------------------------

    def _numbers_or_codes(self, so_far: Found, read: _Read, affix: bool = False) -> Found:
        """Numbers, unless they are keys, codes or classes."""
        if read.kind != "numeric" or affix:
            return self._judged(so_far, read)
        name, present = shown(self.name), read.values[~np.isnan(read.values)]
        infinite = np.flatnonzero(np.isinf(read.values))
        if infinite.size or not read.whole:
            return self._judged(so_far, read)
        largest = np.abs(present).max()
        if self.cells.form == "text" and _match_any(self.cells.texts, r"^[-+]?0\d"):
            some = pc.filter(self.cells.texts, pc.match_substring_regex(self.cells.texts, r"^[-+]?0\d"))[
                0
            ].as_py()
            return self._categories(
                Decision(
                    f"{name} is read as categories",
                    f"{shown(some)} has a leading zero, as codes have",
                    self._types("numeric"),
                    self.name,
                    self._pin("category"),
                )
            )
        if not self.target and self._is_key(present):
            return self._without("is a key", "it numbers the rows, and says nothing of them", "numeric")
        size = len(str(int(np.abs(present).min())))
        if size >= _LONG and size == len(str(int(largest))):
            return self._categories(
                Decision(
                    f"{name} is read as categories",
                    f"numbers of {size} digits are codes",
                    self._types("numeric"),
                    self.name,
                    self._pin("category"),
                )
            )
        if largest >= EXACT:
            row = int(np.nanargmax(np.abs(read.values)))
            said = (
                f"{self.cells.at(row)} is beyond 2^53, where floats no longer hold every integer; rescale it"
            )
            return self._wrong(said, "category", self.cells.row(row))
        if not self.target and _CODE.fullmatch(self.name):
            return self._categories(
                Decision(
                    f"{name} is read as categories",
                    "its name is that of a code",
                    self._types("numeric"),
                    self.name,
                    self._pin("category"),
                )
            )
        distinct = np.unique(present).size
        if self.target and distinct <= FEW and 2 * distinct <= present.size:
            return self._categories(
                Decision(
                    f"the target {name} has {distinct} classes",
                    "it is a whole number of few values",
                    self._types("numeric"),
                    self.name,
                    self._pin("category"),
                )
            )
        return self._judged(so_far, read)

    def _is_key(self, present: Floats) -> bool:
        """Whether whole numbers count the rows, or their name says that they are a key."""
        if present.size < 3 or present.size != np.unique(present).size or self.forced is not None:
            return False
        counts = (
            present.min() in (0, 1) and np.ptp(present) == present.size - 1 and present.size > DISTINCT_ROWS
        )
        return counts or _KEY.fullmatch(self.name) is not None

    # -- ends ----------------------------------------------------------------------------------------

    def _as(self, kind: Kind) -> Found:
        """The column as the kind that it has or is given."""
        cells = self.cells
        if kind == "numeric" and cells.form == "text":
            texts, codes = cells.distinct
            number = numbers(texts, self.decimal, self.convention.decimal, self.convention.delimiter)
            values, bad, whole, utc = spread(number.values, codes), number.bad, number.whole, False
            bad = bad[codes] & (codes >= 0)
        elif kind == "date" and cells.form == "text":
            texts, codes = cells.distinct
            date = dates(texts, self.dayfirst, self.convention.order)
            values, bad, whole, utc = (
                spread(date.values, codes),
                date.bad[codes] & (codes >= 0),
                date.whole,
                date.utc,
            )
        else:
            values, bad, whole, utc = READERS[kind](cells)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            word = {"numeric": "number", "boolean": "boolean", "date": "date"}[kind]
            said = f"holds {cells.at(row)}, which is no {word}; mend it, or list it in missing"
            return self._wrong(said, row=cells.row(row))
        return self._judged(Found(), _Read(kind, values, whole, utc))

    def _categories(self, *notes: Decision) -> Found:
        """The column as categories, unless it has too many."""
        cells, name = self.cells, shown(self.name)
        if cells.form == "date":
            return self._wrong("holds dates, which are no categories; write them as text")
        labels = list(cells.labels) if cells.labels is not None else _labels(cells)
        present = int((~cells.missing).sum())
        if not cells.ordered:
            labels.sort()
        if self.forced is None and cells.labels is None and not self.target:
            key = _KEY.fullmatch(self.name) and present > 2 and len(labels) == present
            if key or (len(labels) > DISTINCT_ROWS and len(labels) >= _ONCE * present):
                why = f"{len(labels)} different texts in {present} cells, as of a key or free text"
                return self._without("is no category", why, "category")
        if len(labels) > MOST_CATEGORIES:
            why = f"{len(labels)} categories, more than {MOST_CATEGORIES}"
            if self.target or self.forced:
                return self._wrong(f"has {why}; group them")
            return self._without("is no category", why)
        reading = as_labels(cells, tuple(labels))
        return self._judged(
            Found(decisions=notes), _Read("categorical", reading.values, labels=tuple(labels))
        )

    def _judged(self, so_far: Found, read: _Read) -> Found:
        cells, name, values = self.cells, shown(self.name), read.values
        missing = np.isnan(values)
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            row = int(infinite[0])
            said = f"{cells.at(row)} is infinite; write a finite number, or leave the cell empty"
            return self._wrong(said, row=cells.row(row))
        present = values[~missing]
        if not present.size:
            return self._without("has no values", "all of its cells are missing")
        if present.min() == present.max():
            row = int(np.argmin(missing))
            return self._without(
                "holds one value only", f"{cells.at(row)}{', and missing cells' if missing.any() else ''}"
            )
        whole = read.kind in ("numeric", "date") and read.whole
        column = Column(
            self.name,
            read.kind,
            read.labels,
            whole,
            float(present.min()),
            float(present.max()),
            bool(missing.any()),
            read.utc,
        )
        return replace(so_far, column=column, values=values)

    def _without(self, what: str, why: str, kind: str = "") -> Found:
        """Leave the column out, or complain where it is the target."""
        if self.target:
            return self._wrong(f"{what}: {why}; choose another target")
        change = self._types(kind) if kind else ""
        return Found(
            left_out=Decision(f"{shown(self.name)} {what}", why, change, self.name, {"drop": [self.name]})
        )

    def _wrong(self, said: str, kind: str = "", row: int | None = None, head: str = "") -> Found:
        """A problem: of the column, or of a row in it."""
        end = f"; {self._types(kind)} makes them labels" if kind else ""
        who = "the target" if self.target and row is None else "column"
        where = "" if row is None else f", row {row}{'' if said.startswith('holds') else ':'}"
        return Found(problem=f"{head}{who} {shown(self.name)}{where} {said}{end}")

    def _types(self, kind: str) -> str:
        return toml(types={self.name: kind})

    def _pin(self, kind: str) -> Mapping[str, Any]:
        return {"types": {self.name: kind}}


def _labels(cells: Cells) -> list[Any]:
    """The labels that occur: numbers where all cells are, in figures, else text."""
    if cells.form != "text":
        known = np.unique(cells.values[~cells.missing])
        if cells.form == "boolean":
            return [str(value == 1) for value in known]
        return [int(value) if cells.whole else float(value) for value in known]
    texts, _ = cells.distinct
    if pc.all(pc.match_substring_regex(texts, r"^(?:0|-?[1-9]\d{0,14})$")).as_py():
        return [int(text) for text in texts.to_pylist()]
    known: list[Any] = texts.to_pylist()
    return known


def _match_any(texts: Any, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())


def _share(texts: Any, seen: Any, pattern: str) -> float:
    """The share of cells whose text matches."""
    fits = np.array(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False))
    return float(seen[fits].sum() / max(seen.sum(), 1))


_LOOKS = (("months", r"^\d{4}-(?:0[1-9]|1[0-2])$"), ("times of day", r"^\d{1,2}:\d\d(?::\d\d)?$"))
