"""A column of text, read as numbers or dates where all of its cells are, with what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genloss.tables.cells import Cells, Floats, Kind, mask
from genloss.tables.dates import Dates, dates
from genloss.tables.doubts import is_sum
from genloss.tables.numbers import Numbers, every, matching, numbers, plain
from genloss.tables.readers import as_booleans, spread
from genloss.tables.say import Decision, listed, shown, toml
from genloss.wording import several

_MAYBE = (
    "na n/a #n/a null none nil - -- ? . missing unknown nat #value! #div/0! #ref! #name? #num! #null!"
).split()
"""Text that is a missing cell where all others are numbers or dates, and a category among categories."""
_EIGHT = r"^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])$"
"""Whole numbers that may be years, months and days."""
_BEGINS = r"^['#<>~(]?[-+]?[$€£¥]? ?\p{Nd}"
"""Texts that begin with a number."""
_MANY = 20
"""Categories up to which texts with figures in them are told of only where they begin with these."""
_LOOKS = (
    ("months", r"^(?:\d{4}[-/.]?(?:0[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])[-/.](?:19|20)\d\d)$"),
    ("months, or days without a year", r"^(?:\p{L}{3,9}\.?[- /']*\d\d|\d\d?[. -]+\p{L}{3,9}\.?)$"),
    ("months", r"^\p{L}{3,9}\.?[- /]*\d{4}$"),
    ("quarters", r"^(?i:\d{2,4}[- /]?[QT][1-4]|[QT][1-4][- /']?\d{2,4}|[1-4]\. ?quartal.*)$"),
    ("weeks", r"^(?i:\d{4}[- /]?(?:W|KW|CW) ?\d\d?|(?:W|KW|CW) ?\d\d?[- /]?\d{4})$"),
    ("years from and to", r"^(?:19|20)\d\d ?[-/] ?(?:19|20)?\d\d$"),
    ("times of day or durations", r"^\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?| Uhr)?$"),
    (
        "durations",
        r"^(?i:(?:\d+ days?,? )?\d+:\d\d:\d\d|P[\dT][\dTDHMS.]*|(?:\d+ ?(?:d|h|m|min|s|std)\.? ?){2,})$",
    ),
    (
        "limits or ranges of numbers",
        r"^(?:[<>≤≥~]=? ?[\d.,]+%?|[\d.,]+ ?(?:-|–|to|bis|à) ?[\d.,]+|[\d.,]+ ?\+)$",
    ),
)


class Convention(NamedTuple):
    """How a table writes what one of its columns may leave open.

    Args:
        decimal: The decimal mark, "" where no column tells, ".," where columns differ.
        order: "day" or "month", whichever comes first in dates, "" where no column tells.
        delimiter: What stands between the cells of the file, "" where nothing does.
    """

    decimal: str = ""
    order: str = ""
    delimiter: str = ""


@dataclass(frozen=True, eq=False)
class Read:
    """A column read as one kind, before it is judged whether it is of use.

    Args:
        kind: Which.
        values: (n,) floats, NaN where missing.
        whole: Whether they are integers, or days.
        utc: Whether they are times with a zone.
        decisions: In reading them.
        labels: Of categories.
        affix: Whether something stood beside the numbers.
        decimal: The decimal mark that it tells other columns of, "" if none.
        order: The order of dates that it tells other columns of.
        unsure: Whether other columns may tell it another.
    """

    kind: Kind
    values: Floats
    whole: bool = False
    utc: bool = False
    decisions: tuple[Decision, ...] = ()
    labels: tuple[Any, ...] = ()
    affix: bool = False
    decimal: str = ""
    order: str = ""
    unsure: bool = False


class Mixed(NamedTuple):
    """Text of which most is of one kind, and some is not.

    Args:
        kind: That most of it is.
        said: What is wrong, in words that follow the row.
        row: The first cell that is not; None where the kind itself is mixed.
    """

    kind: str
    said: str
    row: int | None


@dataclass(frozen=True, eq=False)
class Texts:
    """A column of text.

    Args:
        name: Of the column.
        cells: Its cells.
        convention: Of the table.
        decimal: The decimal mark that the spec gives, or None.
        dayfirst: Whether the spec says that the day comes first, or None.
    """

    name: str
    cells: Cells
    convention: Convention
    decimal: str | None
    dayfirst: bool | None

    def read(self) -> Read | Mixed | tuple[Decision, ...]:
        """Numbers or dates; or mostly; or what is to be said of categories."""
        if every(self.cells.texts, "(?i)^(?:true|false)$"):
            return Read("boolean", as_booleans(self.cells).values)
        simple = plain(self.cells.texts) if self.decimal != "," else None
        if (
            simple is not None
            and simple.whole
            and every(self.cells.texts, _EIGHT)
            and not self.dates().bad.any()
        ):
            return self._date(self.dates(), [])
        if simple is not None:
            return Read("numeric", simple.values, simple.whole, decimal=simple.decimal)
        texts, codes = self.cells.distinct
        seen = np.bincount(codes[codes >= 0], minlength=len(texts))
        maybe = mask(pc.is_in(pc.utf8_lower(texts), pa.array(_MAYBE, texts.type)))
        told = int(seen[~maybe].sum())
        number, date = self.numbers(), self.dates()
        tokens = texts.filter(pa.array(maybe)).to_pylist()
        counts = {
            "numeric": int(seen[~number.bad & ~maybe].sum()),
            "date": int(seen[~date.bad & ~maybe].sum()),
        }
        if number.mixed and 2 * counts["numeric"] > told:
            return Mixed(
                "numeric", f"holds numbers with {number.mixed}, which cannot be compared; write one", None
            )
        if counts["numeric"] == told > 0:
            return self._numeric(number, self._gone(tokens))
        if counts["date"] == told > 0:
            return self._date(date, self._gone(tokens))
        for kind, bad in (("numeric", number.bad), ("date", date.bad)):
            if 2 * counts[kind] > told:
                return self._mixed(kind, np.flatnonzero(bad & ~maybe))
        if seen[date.like & ~maybe].sum() == told > 0:
            one = texts.filter(pa.array(~date.bad))
            other = texts.filter(pa.array(date.bad & ~maybe))[0].as_py()
            why = f"of more than one form: {shown(one[0].as_py())} and" if len(one) else "such as"
            why = f"{why} {shown(other)}" + ("" if len(one) else ", which cannot be read")
            return Mixed("date", f"holds dates {why}; write all as 2024-02-29", None)
        return self._notes(texts, seen, tokens, counts, told)

    def numbers(self) -> Numbers:
        """The different texts as numbers."""
        usual, _, delimiter = self.convention
        return numbers(self.cells.distinct[0], self.decimal, usual, delimiter)

    def dates(self) -> Dates:
        """The different texts as dates."""
        return dates(self.cells.distinct[0], self.dayfirst, self.convention.order)

    def _numeric(self, number: Numbers, notes: list[Decision]) -> Read:
        if number.affix:
            why = f"it stands beside the numbers: {number.example}"
            why = "37% is 37, not 0.37" if number.affix == "%" else why
            notes.append(
                self._decided(f"is read as numbers, {shown(number.affix)} left out", why, types="category")
            )
        if number.gap:
            why = f"{number.gap} between its digits are taken for those of thousands: {number.example}"
            notes.append(self._decided("is read as numbers", why, types="category"))
        if number.below:
            why = f"brackets around a number, and a minus behind one, are minus signs: {number.below}"
            notes.append(self._decided("has negative numbers", why, types="category"))
        if number.why or (number.decimal == "," and self.decimal is None):
            other = "." if number.decimal == "," else ","
            why = number.why or "no other reading fits all cells"
            what = f"is read with decimal {'commas' if number.decimal == ',' else 'points'}"
            # where one reading alone fits, another mark is not taken
            change = toml(decimal=other) if number.unsure else toml(types={self.name: "category"})
            pin = {"decimal": number.decimal} if self.decimal is None else {}
            said = f"{shown(self.name)} {what}"
            notes.append(Decision(said, f"{why}: {number.example}", change, self.name, pin))
        values = spread(number.values, self.cells.distinct[1])
        tells = "" if number.unsure else number.decimal
        return Read(
            "numeric",
            values,
            number.whole,
            False,
            tuple(notes),
            (),
            bool(number.affix),
            tells,
            "",
            number.unsure,
        )

    def _date(self, date: Dates, notes: list[Decision]) -> Read:
        if date.order and self.dayfirst is None:
            first = date.order == "day"
            what, pin = f"{shown(self.name)} is read as dates, the {date.order} first", {"dayfirst": first}
            notes.append(
                Decision(what, f"{date.why}: {date.example}", toml(dayfirst=not first), self.name, pin)
            )
        notes += [
            self._decided("is read as dates", f"{n}: {date.example}", types="category") for n in date.notes
        ]
        values = spread(date.values, self.cells.distinct[1])
        tells = "" if date.unsure else date.order
        return Read("date", values, date.whole, date.utc, tuple(notes), order=tells, unsure=date.unsure)

    def _mixed(self, kind: str, odd: Any) -> Mixed:
        """Most cells are of a kind, and these of the different texts are not."""
        texts, codes = self.cells.distinct
        first = int(np.flatnonzero(np.isin(codes, odd))[0])
        some = texts.take(pa.array(odd[:3])).to_pylist()
        example = "a number" if kind == "numeric" else "a date such as 2024-02-29"
        rows = int(np.isin(codes, odd).sum())
        text = texts[int(codes[first])].as_py()
        if rows == 1 and first == len(codes) - 1 and is_sum(text):
            return Mixed(kind, f"holds {shown(text)}; delete this row, the last", first)
        remedy = f"write {example}, or leave the cell empty"
        remedy += f"; {toml(missing=some)} makes them missing" if len(odd) <= 3 else ""
        others = f" and {len(odd) - 1} more such texts" if len(odd) > 1 else ""
        many = f" ({rows:,} such rows)" if rows > 1 else ""
        return Mixed(kind, f"holds {shown(text)}{others}{many}; {remedy}", first)

    def _gone(self, tokens: list[str]) -> list[Decision]:
        if not tokens:
            return []
        what, why = (
            f"{shown(self.name)}: {listed(tokens, 3)} is read as missing",
            "all other cells are numbers or dates",
        )
        return [Decision(what, why, toml(types={self.name: "category"}), self.name, {"missing": tokens})]

    def _notes(
        self, texts: Any, seen: Any, tokens: list[str], counts: dict[str, int], told: int
    ) -> tuple[Decision, ...]:
        """What is to be said of text that is read as categories."""
        notes = []
        if tokens:
            what, why = (
                f"{shown(self.name)} keeps {listed(tokens, 3)} as a category",
                "the other cells are text too",
            )
            notes.append(Decision(what, why, toml(missing=tokens), self.name))
        for kind, word in (("numeric", "number"), ("date", "date")):
            if 10 * counts[kind] >= told > 0:
                some = f"{counts[kind]} of its {told} cells"
                why = f"{some} {f'is a {word}' if counts[kind] == 1 else f'are {word}s'}, and the others text"
                notes.append(self._decided("is read as categories", why, types=kind))
        for what, pattern in _LOOKS:
            fits = matching(texts, pattern)
            if seen[fits].sum() > 0.9 * told:
                why = f"its cells look like {what}, of which no number is made"
                notes.append(Decision(f"{shown(self.name)} is read as categories", why, "", self.name))
                break
        figures = _BEGINS if len(texts) <= _MANY else r"\d"
        if not notes and seen[matching(texts, figures)].sum() > 0.9 * told:
            why = f"they are neither numbers nor dates, as {shown(texts[0].as_py())}"
            what = f"{shown(self.name)} is read as {len(texts)} categories"
            notes.append(Decision(what, why, "", self.name))
        if count := self.cells.nan:
            what, why = f"{shown(self.name)}: 'nan' is read as missing", f"in {several(count, 'cell')}"
            notes.append(Decision(what, why, "", self.name))
        folded = pc.value_counts(pc.utf8_lower(texts))
        twice = folded.filter(pc.greater(folded.field("counts"), 1))
        if len(twice):
            what = f"{shown(self.name)} keeps texts apart that differ in capitals alone"
            notes.append(Decision(what, f"{shown(twice[0]['values'].as_py())} is one", "", self.name))
        return tuple(notes)

    def _decided(self, what: str, why: str, types: str) -> Decision:
        return Decision(f"{shown(self.name)} {what}", why, toml(types={self.name: types}), self.name)
