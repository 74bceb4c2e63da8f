"""What one column is, by rules that hold for every file format:

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
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.compute as pc

from genloss.tables.cells import EXACT, Cells, Floats, Kind
from genloss.tables.column import Column
from genloss.tables.doubts import doubts
from genloss.tables.readers import READERS, as_labels, spread
from genloss.tables.say import Decision, day, shown, toml
from genloss.tables.texts import Convention, Mixed, Read, Texts

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
_KEY = re.compile(
    r"(?i:(?:.*[_\W])?(?:id|key|uuid|guid)|index|idx|unnamed: ?\d+|row_?(?:no|num|number)?)|.*[a-z](?:Id|ID)"
)
_YEAR = re.compile(r"(?i)(?:.*[_\W])?(?:year|jahr|an|année|annee|año|ano|anno)")
_CODE = re.compile(
    r"(?i)(?:.*[_\W])?(?:(?:zip|postal|post)(?:[_ -]?code)?|plz|postleitzahl|fips|ssn|naics|icd\d*"
    r"|sku|code|id|(?:tele)?(?:phone?|fax)|t[eé]l[eé]?(?:phone|fono?)?|mobile?|handy|konto|kostenstelle|buchungskreis|nr)"
    r"|.*[a-z](?-i:Id|ID|Code|Nr)|.*nummer|code[_ -].+"
)


@dataclass(frozen=True, eq=False)
class Found:
    """What a column was found to be.

    Args:
        column: The column; None where it is left out or has a problem.
        values: (n,) its cells as floats.
        decisions: That were taken.
        left_out: Why it is left out.
        problem: Why the table cannot be used.
        read: How it was read.
    """

    column: Column | None = None
    values: Floats = field(default_factory=lambda: np.empty(0))
    decisions: tuple[Decision, ...] = ()
    left_out: Decision | None = None
    problem: str = ""
    read: Read | None = None


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
            notes = self._moved() if cells.utc else ()
            return self._numbers_or_codes(Read(cells.form, cells.values, cells.whole, cells.utc, notes))
        read = self._texts.read()
        if isinstance(read, Mixed):
            head = f"text in a {read.kind} column: " if read.row is not None else ""
            return self._wrong(read.said, "category", read.row, head)
        return self._numbers_or_codes(read) if isinstance(read, Read) else self._categories(*read)

    @property
    def _texts(self) -> Texts:
        return Texts(self.name, self.cells, self.convention, self.decimal, self.dayfirst)

    def _numbers_or_codes(self, read: Read) -> Found:
        """Numbers, unless they are keys, codes or classes."""
        cells, present = self.cells, read.values[~np.isnan(read.values)]
        if read.kind != "numeric" or read.affix or not read.whole or np.isinf(present).any():
            return self._judged(read)
        if cells.form == "text":
            padded = cells.texts.filter(pc.match_substring_regex(cells.texts, r"^[-+]?0\d"))
            if len(padded):
                return self._coded(f"{shown(padded[0].as_py())} has a leading zero, as codes have")
        if self._is_key(present):
            return self._without("is a key", "it numbers the rows, and says nothing of them", "numeric")
        least, most = np.abs(present).min(), np.abs(present).max()
        if len(str(int(least))) == len(str(int(most))) >= _LONG:
            return self._coded(f"numbers of {len(str(int(most)))} digits are codes")
        if most >= EXACT:
            row = int(np.nanargmax(np.abs(read.values)))
            said = f"{cells.at(row)} is beyond 2^53, where floats no longer hold every integer; rescale it"
            return self._wrong(said, "category", row)
        if not self.target and _CODE.fullmatch(self.name):
            return self._coded("its name is that of a code")
        distinct = np.unique(present).size
        if self.target and distinct <= FEW and 2 * distinct <= present.size:
            return self._coded(f"a target of {distinct} different whole numbers has classes")
        return self._judged(read)

    def _moved(self) -> tuple[Decision, ...]:
        """What is said of times that come with the zone of a place."""
        zone = str(self.cells.raw.type.tz)
        if zone in ("UTC", "Etc/UTC", "GMT", "Z", "+00:00"):
            return ()
        at = int(np.argmin(self.cells.missing))
        example = f"{self.cells.at(at)} is {day(self.cells.values[at])}"
        why = f"so that times of all zones compare: {example}; take the zone off before to keep its clock"
        return (Decision(f"{shown(self.name)} is moved from {zone} to universal time", why, "", self.name),)

    def _is_key(self, present: Floats) -> bool:
        """Whether whole numbers count the rows, or are all different and have the name of a key."""
        if self.target or present.size < 3 or present.size != np.unique(present).size:
            return False
        # so many whole numbers without a gap number something: rows, or the years of a series
        counts = np.ptp(present) == present.size - 1 and not _YEAR.fullmatch(self.name)
        return (counts and present.size > DISTINCT_ROWS) or _KEY.fullmatch(self.name) is not None

    def _coded(self, why: str) -> Found:
        what = f"{shown(self.name)} is read as categories"
        pin = {"types": {self.name: "category"}}
        return self._categories(Decision(what, why, toml(types={self.name: "numeric"}), self.name, pin))

    def _as(self, kind: Kind) -> Found:
        """The column as the kind that it is given."""
        cells = self.cells
        if cells.form == "text" and kind != "boolean":
            codes = cells.distinct[1]
            found = self._texts.numbers() if kind == "numeric" else self._texts.dates()
            values, bad = spread(found.values, codes), found.bad[codes] & (codes >= 0)
            whole, utc = found.whole, found.utc
        else:
            values, bad, whole, utc = READERS[kind](cells)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            word = {"numeric": "number", "boolean": "boolean", "date": "date"}[kind]
            return self._wrong(
                f"holds {cells.at(row)}, which is no {word}; mend it, or list it in missing", row=row
            )
        return self._judged(Read(kind, values, whole, utc))

    def _categories(self, *notes: Decision) -> Found:
        """The column as categories, unless it has too many."""
        cells = self.cells
        if cells.form == "date":
            return self._wrong("holds dates, which are no categories; write them as text")
        labels: list[Any] = _labels(cells) if cells.labels is None else list(cells.labels)
        if not cells.ordered:
            labels.sort()
        present = int((~cells.missing).sum())
        if self.forced is None and cells.labels is None and not self.target:
            key = _KEY.fullmatch(self.name) and len(labels) == present > 2
            if key or (len(labels) > DISTINCT_ROWS and len(labels) >= _ONCE * present):
                why = f"{len(labels)} different texts in {present} cells, as of a key or free text"
                return self._without("is no category", why, "category")
        if len(labels) > MOST_CATEGORIES:
            why = f"{len(labels)} categories, more than {MOST_CATEGORIES}"
            wrong = self.target or self.forced is not None
            return self._wrong(f"has {why}; group them") if wrong else self._without("is no category", why)
        values = as_labels(cells, tuple(labels)).values
        return self._judged(Read("categorical", values, decisions=notes, labels=tuple(labels)))

    def _judged(self, read: Read) -> Found:
        """The column, unless it holds one value or an infinite one."""
        cells, values = self.cells, read.values
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            row = int(infinite[0])
            said = f"{cells.at(row)} is infinite; write a finite number, or leave the cell empty"
            return self._wrong(said, row=row)
        missing = np.isnan(values)
        present = values[~missing]
        if not present.size:
            return self._without("has no values", "all of its cells are missing")
        if present.min() == present.max():
            more = ", and missing cells" if missing.any() else ""
            return self._without("holds one value only", f"{cells.at(int(np.argmin(missing)))}{more}")
        column = Column(
            name=self.name,
            kind=read.kind,
            categories=read.labels,
            integer=read.kind in ("numeric", "date") and read.whole,
            minimum=float(present.min()),
            maximum=float(present.max()),
            missing=bool(missing.any()),
            utc=read.utc,
        )
        doubted = doubts(self.name, read, cells, self.forced is not None)
        return Found(column, values, (*read.decisions, *doubted), read=read)

    def _without(self, what: str, why: str, kind: str = "") -> Found:
        """Leave the column out, or complain where it is the target."""
        if self.target:
            return self._wrong(f"{what}: {why}; choose another target")
        change = toml(types={self.name: kind}) if kind else ""
        return Found(
            left_out=Decision(f"{shown(self.name)} {what}", why, change, self.name, {"drop": [self.name]})
        )

    def _wrong(self, said: str, kind: str = "", row: int | None = None, head: str = "") -> Found:
        """A problem, of the column or of a row (from 0) in it."""
        end = f"; {toml(types={self.name: kind})} makes them labels" if kind else ""
        who = "the target" if self.target and row is None else "column"
        colon = "" if said.startswith("holds") else ":"
        where = "" if row is None else f", row {self.cells.row(row)}{colon}"
        return Found(problem=f"{head}{who} {shown(self.name)}{where} {said}{end}")


def _labels(cells: Cells) -> list[Any]:
    """The labels that occur: numbers where all cells are, in plain figures, else text."""
    if cells.form == "text":
        texts, _ = cells.distinct
        figures = pc.all(pc.match_substring_regex(texts, r"^(?:0|-?[1-9]\d{0,14})$")).as_py()
        return [int(text) if figures else text for text in texts.to_pylist()]
    known = np.unique(cells.values[~cells.missing])
    if cells.form == "boolean":
        return [str(value == 1) for value in known]
    return [int(value) if cells.whole else float(value) for value in known]
