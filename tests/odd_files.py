"""Files as people have them, each with what a person would read in it.

`write` makes the folder. Every case is a name, the bytes, and either the kinds of the columns that are kept
(and words that the decisions must have), or words of the refusal.
"""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.feather

N, C, B, D = "numeric", "categorical", "boolean", "date"


@dataclass(frozen=True)
class Case:
    """A file.

    Args:
        name: of the file.
        data: its bytes.
        kinds: of the columns that are kept, by name; None where it is refused.
        first: cells of the first row, decoded, as far as they are told.
        out: columns that are left out, or other words on what is.
        says: words of the decisions, or of the refusal.
        never: words that no decision has.
        wishes: fields of the source.
    """

    name: str
    data: bytes
    kinds: dict[str, str] | None
    first: dict[str, Any] = field(default_factory=dict)
    out: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    wishes: dict[str, Any] = field(default_factory=dict)


def lines(*rows: str, end: str = "\n") -> str:
    return end.join(rows) + end


def ok(name: str, text: str | bytes, kinds: dict[str, str], **more: Any) -> Case:
    return Case(name, text if isinstance(text, bytes) else text.encode(), kinds, **more)


def bad(name: str, text: str | bytes, *says: str, **more: Any) -> Case:
    return Case(name, text if isinstance(text, bytes) else text.encode(), None, says=says, **more)


PLAIN = lines("size,town", "1.5,Ulm", "2,Bonn", "7.25,Ulm")
SEMI = lines("size;town;when", "1,5;Köln;01.02.2020", "2,25;Ulm;28.02.2020", "7;Köln;05.06.2021")
ND = {"size": N, "town": C}
SD = {**ND, "when": D}


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def parquet(frame: pd.DataFrame, index: bool = False) -> bytes:
    sink = io.BytesIO()
    frame.to_parquet(sink, index=index)
    return sink.getvalue()


def excel(frame: pd.DataFrame, **more: Any) -> bytes:
    sink = io.BytesIO()
    frame.to_excel(sink, **{"index": False, **more})
    return sink.getvalue()


def arrow(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    pa.feather.write_feather(pa.Table.from_pandas(frame), sink, compression="uncompressed")
    return sink.getvalue()


FRAME = pd.DataFrame(
    {
        "size": [1.5, 2.0, 7.25],
        "town": ["Ulm", "Bonn", "Ulm"],
        "when": pd.to_datetime(["2020-02-01", "2020-02-28", "2021-06-05"]),
    }
)
NAMES = [f"name {i}" for i in range(60)]


def one(head: str, *cells: str) -> str:
    """A column of text beside one of numbers, all in quotation marks."""
    return lines(f'"{head}","n"', *(f'"{cell}","{i + 5}"' for i, cell in enumerate(cells)))


CASES = [
    # delimiters, quotes, line ends
    ok("commas.csv", PLAIN, ND, first={"size": 1.5, "town": "Ulm"}),
    ok("tabs.tsv", PLAIN.replace(",", "\t"), ND, first={"size": 1.5}, says=("tabs stand between cells",)),
    ok(
        "semicolons.csv", PLAIN.replace(",", ";"), ND, first={"size": 1.5}, says=("semicolons stand between",)
    ),
    ok("bars.txt", PLAIN.replace(",", "|"), ND, first={"size": 1.5}, says=("bars stand between",)),
    ok("tabs in a csv.csv", PLAIN.replace(",", "\t"), ND, first={"size": 1.5}),
    ok("windows ends.csv", PLAIN.replace("\n", "\r\n"), ND, first={"town": "Ulm"}),
    ok("mac ends.csv", PLAIN.replace("\n", "\r"), ND, first={"town": "Ulm"}),
    ok("no last end.csv", PLAIN.rstrip("\n"), ND, first={"town": "Ulm"}),
    ok("blank lines.csv", PLAIN.replace("\n", "\n\n"), ND, first={"town": "Ulm"}),
    ok(
        "quoted commas.csv",
        lines("size,town", '1.5,"Ulm, Donau"', '2,"Bonn"', '7,"Ulm, Donau"'),
        ND,
        first={"town": "Ulm, Donau"},
    ),
    ok(
        "quoted quotes.csv",
        lines("size,town", '1.5,"the ""Ulm"""', "2,Bonn", "7,Bonn"),
        ND,
        first={"town": 'the "Ulm"'},
    ),
    ok(
        "line breaks in cells.csv",
        'size,town\n1.5,"Ulm\nDonau"\n2,Bonn\n7,Bonn\n',
        ND,
        first={"town": "Ulm\nDonau"},
    ),
    ok(
        "single quotes.csv",
        lines("size,town", "1.5,'Ulm, Donau'", "2,'Bonn, Rhein'", "7,'Bonn, Rhein'"),
        ND,
        first={"town": "Ulm, Donau"},
    ),
    ok("spaces after commas.csv", PLAIN.replace(",", ", "), ND, first={"town": "Ulm"}),
    ok("given delimiter.csv", PLAIN.replace(",", "^"), ND, first={"size": 1.5}, wishes={"delimiter": "^"}),
    ok("one column.csv", lines("size", "1.5", "2", "7"), {"size": N}),
    bad(
        "spaces.txt",
        lines("size age", "1.5 3", "2 4", "7 5"),
        "one column, 'size age'; if spaces stand between cells, say delimiter",
    ),
    bad("open quote.csv", lines("size,town", '1.5,"Ulm', "2,Bonn", "7,Bonn"), "opened and never closed"),
    # encodings, packing
    ok("bom.csv", b"\xef\xbb\xbf" + PLAIN.encode(), ND, first={"size": 1.5}),
    ok("utf16.csv", PLAIN.replace("Ulm", "Köln").encode("utf-16"), ND, first={"town": "Köln"}),
    ok(
        "utf16 without bom.csv",
        PLAIN.replace("Ulm", "Köln").encode("utf-16-le"),
        ND,
        first={"town": "Köln"},
        says=("utf-16-le",),
    ),
    ok(
        "latin1.csv",
        SEMI.encode("latin-1"),
        SD,
        first={"size": 1.5, "town": "Köln", "when": day("2020-02-01")},
        says=("its letters are read as cp1252",),
    ),
    ok(
        "windows.csv",
        lines("price;town", "1,5 €;Köln", "2 €;Ulm", "3 €;Ulm").encode("cp1252"),
        {"price": N, "town": C},
        first={"price": 1.5},
    ),
    ok(
        "given encoding.csv",
        lines("size,town", "1,Łódź", "2,Ulm", "3,Ulm").encode("cp1250"),
        ND,
        first={"town": "Łódź"},
        wishes={"encoding": "cp1250"},
    ),
    ok("packed.csv.gz", gzip.compress(PLAIN.encode()), ND, first={"size": 1.5}),
    ok(
        "packed.tsv.zst",
        pa.Codec("zstd").compress(PLAIN.replace(",", "\t").encode(), asbytes=True),
        ND,
        first={"size": 1.5},
    ),
    bad("packed.jsonl.gz", gzip.compress(b'{"a": 1}\n{"a": \n'), "line 2 is no JSON"),
    bad("zeros.csv", bytes(range(256)) * 9, "zero bytes"),
    # numbers
    ok(
        "decimal commas.csv",
        SEMI,
        SD,
        first={"size": 1.5, "when": day("2020-02-01")},
        says=("'size' is read with decimal commas", "'when' is read as dates, the day first"),
    ),
    ok("thousands.csv", one("x", "25,552.02", "1,000.10", "3"), {"x": N, "n": N}, first={"x": 25552.02}),
    ok(
        "german thousands.csv",
        one("x", "25.552,02", "1.000,10", "3"),
        {"x": N, "n": N},
        first={"x": 25552.02},
        says=("decimal commas",),
    ),
    ok(
        "swiss thousands.csv", one("x", "25'552.02", "1’000.10", "3"), {"x": N, "n": N}, first={"x": 25552.02}
    ),
    ok(
        "french thousands.csv",
        one("x", "25 552,02", "1\u202f000,10", "3"),
        {"x": N, "n": N},
        first={"x": 25552.02},
    ),
    ok(
        "whole thousands.csv",
        one("x", "1,234", "25,000", "3"),
        {"x": N, "n": N},
        first={"x": 1234},
        says=("every comma stands before three digits",),
    ),
    ok(
        "pointed thousands.csv",
        one("x", "1.234", "25.000", "850"),
        {"x": N, "n": N},
        first={"x": 1234},
        says=("every point stands before three digits",),
    ),
    ok(
        "three decimals.csv",
        one("x", "1.234", "25.001", "3.120"),
        {"x": N, "n": N},
        first={"x": 1.234},
        says=("three decimals",),
    ),
    ok(
        "told by another.csv",
        lines("a;b", "1,5;1.234", "2,25;2.500", "3;3.100"),
        {"a": N, "b": N},
        first={"b": 1234},
        says=("the rest of the table",),
    ),
    ok(
        "given decimal.csv",
        one("x", "1.234", "25.001", "3.120"),
        {"x": N, "n": N},
        first={"x": 1234},
        wishes={"decimal": ","},
    ),
    ok(
        "currency.csv",
        one("x", "EUR 1,200", "EUR 15", "EUR 2,000.50"),
        {"x": N, "n": N},
        first={"x": 1200},
        says=("'EUR' left out",),
    ),
    ok("signs.csv", one("x", "€1,200.50", "-€15", "€ 7"), {"x": N, "n": N}, first={"x": 1200.5}),
    ok(
        "dollars.csv",
        one("x", "$1,200.50", "($15.00)", "$7.00"),
        {"x": N, "n": N},
        first={"x": 1200.5},
        says=("'$' left out",),
    ),
    ok(
        "percent.csv",
        one("x", "37%", "38.5 %", "1%"),
        {"x": N, "n": N},
        first={"x": 37},
        says=("37% is 37, not 0.37",),
    ),
    ok(
        "units.csv",
        one("x", "70 kg", "82.5 kg", "61kg"),
        {"x": N, "n": N},
        first={"x": 70},
        says=("'kg' left out",),
    ),
    ok("brackets.csv", one("x", "(1,234.50)", "12", "3.5"), {"x": N, "n": N}, first={"x": -1234.5}),
    ok("minus.csv", one("x", "\u22121.5", "12", "3.5"), {"x": N, "n": N}, first={"x": -1.5}),
    ok("powers.csv", one("x", "1e-3", "2.5E2", "+3"), {"x": N, "n": N}, first={"x": 0.001}),
    bad("two currencies.csv", one("x", "$5", "€6", "$7"), "$ and €", "cannot be compared"),
    bad("half percent.csv", one("x", "37%", "0.4", "5%"), "% and no %"),
    bad(
        "a word.csv",
        lines("x,n", "1,2", "2,3", "abc,4", "4,5"),
        "text in a numeric column: column 'x', row 3 holds 'abc'",
        'missing = ["abc"]',
    ),
    bad(
        "all at once.csv",
        lines("x,d,c", "1,2020-01-01,inf", "2,2020-01-02,1", "abc,soon,2", "4,2020-01-04,3"),
        "column 'x', row 3",
        "column 'd', row 3",
        "column 'c', row 1",
    ),
    bad("infinite.csv", lines("x,n", "1,2", "inf,3", "3,4"), "column 'x', row 2: 'inf' is infinite"),
    # dates
    ok(
        "iso.csv",
        one("d", "2020-02-01", "2020-02-28", "2021-06-05"),
        {"d": D, "n": N},
        first={"d": day("2020-02-01")},
    ),
    ok(
        "iso times.csv",
        one("d", "2020-02-01T10:30:00", "2020-02-28 07:00", "2021-06-05"),
        {"d": D, "n": N},
        first={"d": day("2020-02-01 10:30")},
    ),
    ok(
        "zones.csv",
        one("d", "2020-02-01T10:30:00+02:00", "2020-02-28T07:00:00Z", "2021-06-05T00:00:00-0500"),
        {"d": D, "n": N},
        first={"d": pd.Timestamp("2020-02-01 08:30", tz="UTC")},
        says=("moved from their zones to universal time: '2020-02-01T10:30:00+02:00' is 2020-02-01T08:30",),
    ),
    ok(
        "german dates.csv",
        one("d", "31.12.2020", "01.02.2020", "5.6.2021"),
        {"d": D, "n": N},
        first={"d": day("2020-12-31")},
        says=("the day first",),
    ),
    ok(
        "american dates.csv",
        one("d", "12/31/2020", "02/01/2020", "6/5/2021"),
        {"d": D, "n": N},
        first={"d": day("2020-12-31")},
        says=("the month first",),
    ),
    ok(
        "british dates.csv",
        one("d", "31/12/2020", "01/02/2020", "5/6/2021"),
        {"d": D, "n": N},
        first={"d": day("2020-12-31")},
    ),
    ok(
        "either order.csv",
        one("d", "01/02/2020", "03/04/2020", "05/06/2021"),
        {"d": D, "n": N},
        first={"d": day("2020-02-01")},
        says=("the day first", "no number goes beyond 12", "dayfirst = false"),
    ),
    ok(
        "given order.csv",
        one("d", "01/02/2020", "03/04/2020", "05/06/2021"),
        {"d": D, "n": N},
        first={"d": day("2020-01-02")},
        wishes={"dayfirst": False},
    ),
    ok(
        "order by another.csv",
        lines("d,e", "01/02/2020,12/31/2020", "03/04/2020,01/05/2020", "05/06/2021,06/05/2021"),
        {"d": D, "e": D},
        first={"d": day("2020-01-02")},
        says=("the other dates of the table have the month first",),
    ),
    ok(
        "short years.csv",
        one("d", "31.12.20", "01.02.98", "05.06.21"),
        {"d": D, "n": N},
        first={"d": day("2020-12-31")},
        says=("two-digit years",),
    ),
    ok(
        "named months.csv",
        one("d", "3 Mar 2020", "12 April 2021", "1 Dec 1999"),
        {"d": D, "n": N},
        first={"d": day("2020-03-03")},
    ),
    ok(
        "american words.csv",
        one("d", "March 3, 2020", "April 12, 2021", "Dec 1, 1999"),
        {"d": D, "n": N},
        first={"d": day("2020-03-03")},
    ),
    ok(
        "half days.csv",
        one("d", "3/1/2020 1:30 PM", "3/25/2020 12:15 AM", "4/1/2020 11:00 am"),
        {"d": D, "n": N},
        first={"d": day("2020-03-01 13:30")},
    ),
    ok(
        "slashed years.csv",
        one("d", "2020/03/01", "2020/12/31", "2021/1/5"),
        {"d": D, "n": N},
        first={"d": day("2020-03-01")},
    ),
    ok(
        "eight digits.csv",
        one("d", "20200301", "20201231", "20210105"),
        {"d": D, "n": N},
        first={"d": day("2020-03-01")},
        says=("eight digits",),
    ),
    ok("months.csv", one("d", "2020-03", "2020-12", "2020-12"), {"d": C, "n": N}, says=("look like months",)),
    bad(
        "no such day.csv",
        one("d", "2020-02-30", "2020-12-01", "2020-12-02"),
        "text in a date column: column 'd', row 1 holds '2020-02-30'",
    ),
    ok(
        "german months.csv",
        one("d", "3. März 2020", "12. Mai 2021", "1. Okt. 1999"),
        {"d": D, "n": N},
        first={"d": day("2020-03-03")},
    ),
    bad(
        "two forms.csv",
        one("d", "2020-02-03", "04.02.2020", "05.02.2020", "2020-02-06"),
        "more than one form",
    ),
    bad("both orders.csv", one("d", "13/12/2020", "12/13/2020"), "dates of more than one form"),
    ok(
        "figures.csv",
        lines("where,x", *(f"{40 + i}° N,{i}" for i in range(30))),
        {"where": C, "x": N},
        says=("'where' is read as 30 categories", "neither numbers nor dates"),
    ),
    ok("capitals.csv", one("c", "Yes", "yes", "no"), {"c": C, "n": N}, says=("differ in capitals alone",)),
    ok("rupees.csv", one("x", "Rs. 1,20,000", "Rs. 500", "Rs. 3,450"), {"x": N, "n": N}, first={"x": 120000}),
    ok("hint of excel.csv", "sep=;\n" + PLAIN.replace(",", ";"), ND, first={"size": 1.5}),
    # what is missing
    ok(
        "missing numbers.csv",
        one("x", "NA", "1.5", "n/a", "?", "-", "2"),
        {"x": N, "n": N},
        says=("is read as missing",),
    ),
    ok(
        "missing dates.csv",
        one("d", "2020-02-01", "null", "2020-03-01"),
        {"d": D, "n": N},
        says=("'null' is read as missing",),
    ),
    ok(
        "missing words.csv",
        one("c", "NA", "Ulm", "Bonn", "Ulm"),
        {"c": C, "n": N},
        first={"c": "NA"},
        says=("keeps 'NA' as a category",),
    ),
    ok(
        "listed missing.csv",
        one("c", "NA", "Ulm", "Bonn", "Ulm"),
        {"c": C, "n": N},
        first={"c": None},
        wishes={"missing": ["NA"]},
    ),
    ok(
        "listed numbers.csv",
        one("x", "-999", "1.5", "2"),
        {"x": N, "n": N},
        first={"x": None},
        wishes={"missing": ["-999"]},
        says=("'x': '-999' is read as missing: in 1 cell",),
    ),
    ok(
        "no target.csv",
        lines("x,y", "1,a", "2,", "3,b", "4,b"),
        {"x": N, "y": C},
        out=("1 of 4 rows",),
        wishes={"target": "y"},
    ),
    # codes, keys, classes
    ok(
        "zip.csv",
        lines("zip,x", "00501,1.5", "10115,2", "80331,3"),
        {"zip": C, "x": N},
        first={"zip": "00501"},
        says=("leading zero", 'types = { zip = "numeric" }'),
    ),
    ok(
        "zip without zeros.csv",
        lines("zip,x", "20501,1.5", "10115,2", "80331,3"),
        {"zip": C, "x": N},
        says=("its name is that of a code",),
    ),
    ok(
        "given kind.csv",
        lines("grade,x", "1,1.5", "2,2", "10,3"),
        {"grade": C, "x": N},
        first={"grade": 1},
        wishes={"types": {"grade": "category"}},
    ),
    ok("ids.csv", lines("id,x", *(f"{i * 7},{i}.5" for i in range(9))), {"x": N}, out=("'id' is a key",)),
    ok(
        "counted rows.csv",
        lines(",x", *(f"{i},{i}.5" for i in range(9))),
        {"x": N},
        out=("column 1 has no name",),
    ),
    ok(
        "codes.csv",
        lines("plant_code,storeId,sku,x", *(f"{i % 3 + 1001},{i % 4},{i % 9 + 70},{i}.5" for i in range(60))),
        {"plant_code": C, "storeId": C, "sku": C, "x": N},
    ),
    bad(
        "title rows.csv",
        "Quarterly report,,\nCreated 2024-05-01,,\nregion,sales,cost\n"
        + "\n".join(f"N,{i},{i * 2}" for i in range(60)),
        "the first line has one cell only, 'Quarterly report', and others have 3",
    ),
    ok(
        "bottles.csv",
        lines("bottle,x", *(f"{1000 + i},{i % 7}.5" for i in range(90))),
        {"x": N},
        out=("'bottle' is a key",),
    ),
    ok("series.csv", lines("year,x", *(f"{1900 + i},{i % 7}.5" for i in range(90))), {"year": N, "x": N}),
    ok(
        "row numbers.csv", lines("nr,x", *(f"{i},{i}.5" for i in range(90))), {"x": N}, out=("'nr' is a key",)
    ),
    ok(
        "long ids.csv",
        lines("card,x", *(f"{4_000_000_000_000_000 + 37 * i},{i}.5" for i in range(60))),
        {"x": N},
        out=("'card' is no category",),
    ),
    ok(
        "names.csv",
        lines("who,x", *(f"{name},{i}.5" for i, name in enumerate(NAMES))),
        {"x": N},
        out=("'who' is no category",),
    ),
    ok(
        "thousand levels.csv",
        lines("c,x", *(f"level {i % 1000},{i}.5" for i in range(3000))),
        {"c": C, "x": N},
    ),
    ok(
        "more levels.csv",
        lines("c,x", *(f"level {i % 1001},{i}.5" for i in range(3000))),
        {"x": N},
        out=("1001 categories",),
    ),
    ok(
        "constant.csv",
        lines("c,e,x", "1,,1.5", "1,,2", "1,,3"),
        {"x": N},
        out=("'c' holds one value only", "'e' has no values"),
    ),
    bad(
        "strict.csv",
        lines("c,e,x", "1,,1.5", "1,,2", "1,,3"),
        "'c' holds one value only",
        "'e' has no values",
        wishes={"strict": True},
    ),
    ok("dropped.csv", PLAIN, {"size": N}, out=("'town': the spec says so",), wishes={"drop": ["town"]}),
    ok(
        "rare positives.csv",
        lines("x,y", *(f"{i}.5,{int(i % 33 == 0)}" for i in range(1000))),
        {"x": N, "y": C},
        wishes={"target": "y"},
    ),
    ok(
        "yes and no.csv",
        lines("a,b,c,d", "yes,Y,t,true", "no,N,f,false", "no,N,f,true"),
        {"a": C, "b": C, "c": C, "d": B},
    ),
    ok(
        "mixed.csv",
        one("c", "1", "2", "red", "blue", "green", "red"),
        {"c": C, "n": N},
        says=("2 of its 6 cells are numbers",),
    ),
    # what is said, so that nobody has to find it out
    ok(
        "sentinels.csv",
        lines(
            "age,x,q,n",
            *(
                f"{-1 if i % 9 == 0 else 20 + i % 41},{i % 5}.5,{9 if i % 7 == 0 else i % 5},{i % 100}"
                for i in range(120)
            ),
        ),
        {"age": N, "x": N, "q": N, "n": N},
        says=(
            "'age' keeps -1, which often means that there is no value: 14 cells of 120, and the others are",
            'missing = ["-1"]',
            "'q' keeps 9,",
        ),
        never=("'x' keeps", "'n' keeps"),
    ),
    ok(
        "survey.csv",
        lines("ID,Q1,Q2,Alter", "1,3,99,34", "2,1,2,45", "3,5,1,999", "4,2,99,23", "5,4,3,56", "6,3,2,999"),
        {"Q1": N, "Q2": N, "Alter": N},
        out=("'ID' is a key",),
        says=("'Q2' keeps 99,", "'Alter' keeps 999,"),
        never=("'Q1' keeps",),
    ),
    ok(
        "often among others.csv",
        lines("pay,x", *(f"{9999 if i % 10 == 0 else 37 * i + 1},{i % 5}.5" for i in range(1000))),
        {"pay": N, "x": N},
        says=("'pay' keeps 9999,",),
    ),
    ok(
        "no sentinels.csv",
        lines("a,b,c,d", *(f"{i % 100},{i % 9 - 4},{2 * (i % 2) - 1},{90 + i % 21}" for i in range(120))),
        {"a": N, "b": N, "c": N, "d": N},
        never=("keeps",),
    ),
    ok(
        "no end.csv",
        lines("valid_to;x", "31.12.9999;1,5", "01.02.2020;2,5", "05.06.2021;3,5", "07.08.2022;5,5"),
        {"valid_to": D, "x": N},
        says=("'valid_to' keeps 31.12.9999,", 'missing = ["31.12.9999"]'),
    ),
    ok(
        "minus behind.csv",
        lines(
            "|Konto     |Betrag     |",
            "|0000400000|   1.234,56-|",
            "|0000400010|     98,10 |",
            "|0000400000|  2.000,00 |",
        ),
        {"Konto": C, "Betrag": N},
        first={"Betrag": -1234.56},
        out=("column 1 has no name",),
        says=("a minus behind one, are minus signs: '1.234,56-' is -1234.56",),
    ),
    ok(
        "negative brackets.csv",
        one("x", "(5.27)", "12", "3.5"),
        {"x": N, "n": N},
        says=("'(5.27)' is -5.27",),
    ),
    ok("open brackets.csv", one("x", "(5", "5)", "7"), {"x": C, "n": N}),
    ok("no cents.csv", lines("p;x", "1.234,–;1", "12,-;2", "3,50;3"), {"p": N, "x": N}, first={"p": 1234}),
    ok(
        "versions.csv",
        lines("version,x", "1.10,1.5", "1.2,2.5", "1.9,1", "1.10,2"),
        {"version": N, "x": N},
        says=("'1.10' and '1.2' have different numbers of decimals", 'types = { version = "category" }'),
    ),
    ok("prices.csv", lines("p,x", "1.50,1", "2,2", "3.25,3"), {"p": N, "x": N}, never=("'p'",)),
    ok(
        "total.csv",
        lines("region,x", "N,1", "S,2", "W,4", "E,5", "Total,12"),
        {"region": C, "x": N},
        says=("the last row is read as data: it holds the sum of all others in 'x'; delete it",),
    ),
    ok(
        "gesamt.csv",
        lines("Region;Umsatz", "Nord;10,5", "Süd;20,1", "Gesamt:;60,8"),
        {"Region": C, "Umsatz": N},
        says=("the last row is read as data: it is called 'Gesamt:'",),
    ),
    ok(
        "sum without a name.csv",
        lines("k,x,y", "a,1,2.5", "b,2,3.5", "c,5,4.5", "a,7,1", ",15,11.5"),
        {"k": C, "x": N, "y": N},
        says=("it holds the sum of all others in 'x', 'y'",),
    ),
    ok(
        "totals between.csv",
        lines("k,x", "a,1", "b,2", "Total,3", "a,5", "b,6", "Total,11", "a,8"),
        {"k": C, "x": N},
        says=("'k' keeps 'Total' as a category: 2 rows, to be deleted if they are sums",),
    ),
    bad(
        "total below numbers.csv",
        lines("n,x", "1,10.5", "4,20", "2,30", "Total,60.5"),
        "row 4 holds 'Total'; delete this row, the last",
    ),
    ok(
        "source below.csv",
        lines("k,x", "a,1.5", "b,2.5", "a,3.5", "Source: Bureau,"),
        {"k": C, "x": N},
        says=("the last row is read as data: its only cell is 'Source: Bureau'",),
    ),
    ok(
        "named months.csv".replace("named", "short"),
        one("m", "Nov-21", "Dec-21", "Jan-22"),
        {"m": C, "n": N},
        says=("look like months, or days without a year",),
    ),
    ok(
        "quarters.csv", one("q", "2021Q3", "2021Q4", "2022Q1"), {"q": C, "n": N}, says=("look like quarters",)
    ),
    ok(
        "weeks.csv", one("w", "2024-W05", "2024-W06", "2024-W07"), {"w": C, "n": N}, says=("look like weeks",)
    ),
    ok(
        "seasons.csv",
        one("s", "2020/21", "2021/22", "2022/23"),
        {"s": C, "n": N},
        says=("years from and to",),
    ),
    ok(
        "bands.csv",
        one("age", "18-24", "25-34", "65+"),
        {"age": C, "n": N},
        says=("limits or ranges of numbers",),
    ),
    ok(
        "years and months.csv",
        lines("m,x", "202111,1.5", "202112,2", "202201,3"),
        {"m": N, "x": N},
        says=("'202111' may be a year and a month",),
    ),
    ok(
        "pointed months.csv",
        lines("m,x", "11.2021,1.5", "12.2021,2", "01.2022,3"),
        {"m": N, "x": N},
        says=("'11.2021' may be a month and a year",),
    ),
    ok(
        "six digits.csv",
        lines("d,x", "240131,1", "231231,2", "220615,3"),
        {"d": N, "x": N},
        says=("'240131' may be a date, year, month and day",),
    ),
    ok(
        "days of a spreadsheet.csv",
        lines("Datum,x", "45292,1", "45323,2", "45000,3"),
        {"Datum": N, "x": N},
        says=("'45292' may be the number that a spreadsheet has for a day",),
    ),
    ok(
        "seconds.csv",
        lines("created_at,x", "1700000000,1", "1700003600,2", "1700007200,3"),
        {"created_at": N, "x": N},
        says=("may be seconds since 1970",),
    ),
    ok(
        "cut numbers.csv",
        lines("nr,x", "1.23457E+11,1.5", "2.23457E+11,2", "3.33457E+12,3"),
        {"nr": N, "x": N},
        says=("'1.23457E+11' may be a long number that a spreadsheet has cut",),
    ),
    ok(
        "codes like powers.csv",
        lines("h,x", "1E5,1", "2E7,2", "309,3", "12,4"),
        {"h": N, "x": N},
        says=("'1E5' may be a code, and is read as 100000",),
    ),
    ok(
        "telephones.csv",
        lines("Telefon,x", "170 123 456,1.5", "171 222 333,2", "160 999 888,3"),
        {"Telefon": C, "x": N},
        says=("its name is that of a code",),
    ),
    ok(
        "spaces of thousands.csv",
        one("x", "170 123 456", "171 222 333", "160 999 888"),
        {"x": N, "n": N},
        says=("spaces between its digits are taken for those of thousands: '170 123 456' is 170123456",),
    ),
    ok(
        "begin with numbers.csv",
        lines("shift,ip,size", "8h30,10.0.0.1,1/2", "9h15,10.0.0.2,3/4", "10h00,10.0.0.7,1 1/2"),
        {"shift": C, "ip": C, "size": C},
        says=(
            "'shift' is read as 3 categories: they are neither numbers nor dates, as '8h30'",
            "'ip' is",
            "'size' is",
        ),
    ),
    ok("levels.csv", one("c", "level 1", "level 2", "Q3"), {"c": C, "n": N}, never=("'c'",)),
    ok(
        "somebody called nan.csv",
        lines("name,x", "nan,1", "Ann,2", "Bob,3", "NaN,4"),
        {"name": C, "x": N},
        first={"name": None},
        says=("'name': 'nan' is read as missing: in 2 cells",),
    ),
    ok(
        "both marks.csv",
        lines("a;b;lat;n", "1,5;1.5;57,991;1.234", "2,25;2.5;48,123;2.345", "3;3;51,500;3.456"),
        {"a": N, "b": N, "lat": N, "n": N},
        first={"a": 1.5, "b": 1.5, "lat": 57.991, "n": 1.234},
        says=(
            "'b' is read with decimal points: no other reading fits all cells, though",
            "'lat' is read with decimal commas: other columns write decimal commas",
            "'n' is read with decimal points",
        ),
    ),
    ok(
        "commas of a neighbour.csv",
        lines("name\tlat\tx", 'a\t"57,991"\t3,25', 'b\t"48,123"\t4,5', 'a\t"51,500"\t1,75'),
        {"name": C, "lat": N, "x": N},
        first={"lat": 57.991},
        says=("the rest of the table writes decimal commas",),
    ),
    ok(
        "another decimal than given.csv",
        lines("a;b", "1,5;1.5", "2,25;2", "3;3"),
        {"a": N, "b": N},
        first={"a": 1.5, "b": 1.5},
        wishes={"decimal": "."},
        says=("""'a' is read with decimal commas: decimal = "." is given, and with it '1,5' is no number""",),
    ),
    bad(
        "below the limit.csv",
        lines("crp,n", "<0.5,1", "0.7,2", "<0.5,3", "1.2,4", "3.4,5", "2.2,6", "5,1"),
        "row 1 holds '<0.5' (2 such rows); write a number",
        'missing = ["<0.5"] makes them missing',
    ),
    bad(
        "thrice.csv",
        lines("a,a,a,b", "1,2,3,4", "2,3,4,5"),
        "3 columns are called 'a'; give each a name of its own",
    ),
    bad(
        "spaces of R.txt",
        lines('"x" "g"', '"1" 1.5 "a"', '"2" 2.5 "b"'),
        "if spaces stand between cells, say delimiter",
    ),
    bad(
        "other languages.csv",
        one("d", "3 févr. 2024", "12 août 2023", "1 déc. 2022"),
        "holds dates such as '3 févr. 2024', which cannot be read",
    ),
    bad(
        "title of a sheet.xlsx",
        excel(
            pd.DataFrame(
                [["region", "x", "y"], ["N", 1, 2], ["S", 3, 4]], columns=["Sales of 2020", None, None]
            )
        ),
        "the first line has one cell only, 'Sales of 2020', and others have 3",
    ),
    ok(
        "zoned.parquet",
        parquet(FRAME.assign(when=FRAME["when"].dt.tz_localize("Europe/Berlin"))),
        SD,
        says=("'when' is moved from Europe/Berlin to universal time", "is 2020-01-31T23:00:00"),
    ),
    # headers and shapes
    bad("twice.csv", lines("a,a,b,b,c", "1,2,3,4,5", "2,3,4,5,6"), "two columns are called 'a', 'b'"),
    bad(
        "no header.csv",
        lines("5.1,3.5,setosa", "4.9,3.0,setosa", "6.1,2.9,virginica"),
        "is no header but a row",
    ),
    bad("numbers alone.csv", lines("1,2", "3,4", "5,6"), "is no header but a row"),
    ok(
        "years as names.csv",
        lines("land,1990,2000", "DE,1.5,2", "FR,2,3", "DE,3,5"),
        {"land": C, "1990": N, "2000": N},
    ),
    ok("last commas.csv", PLAIN.replace("\n", ",\n"), ND, out=("column 3 has no name",)),
    bad(
        "ragged.csv",
        lines("a,b", "1,2", "3", "4,5,6", "7,8"),
        "2 lines differ from the header, which has 2 cells: 3, 4",
    ),
    bad("title.csv", lines("Sales of 2020", "a,b", "1,2", "3,4", "5,6"), "if the first line is a title"),
    bad("empty.csv", "", "the file is empty"),
    bad("header alone.csv", "a,b\n", "the table is empty"),
    # files with types
    ok("frame.parquet", parquet(FRAME), SD, first={"size": 1.5, "when": day("2020-02-01")}),
    ok("index.parquet", parquet(FRAME.set_axis([7, 8, 9]), True), SD),
    ok("frame.arrow", arrow(FRAME), SD, first={"town": "Ulm"}),
    ok(
        "texts.parquet",
        parquet(pd.DataFrame({"x": ["1.234,5", "2,5", "3,0"], "zip": ["00501", "1", "2"]})),
        {"x": N, "zip": C},
        first={"x": 1234.5},
    ),
    ok(
        "lines.jsonl",
        "\n".join(json.dumps({"size": s, "town": t}) for s, t in zip((1.5, 2, 7), "abb", strict=True)),
        ND,
        first={"size": 1.5},
    ),
    ok(
        "array.json",
        json.dumps([{"size": 1.5, "town": "a"}, {"town": "b"}, {"size": 3, "town": "a"}]),
        ND,
        first={"town": "a"},
    ),
    ok("columns.json", json.dumps({"size": [1.5, 2, 7], "town": ["a", "b", "b"]}), ND, first={"size": 1.5}),
    ok("pandas.json", FRAME[["size", "town"]].to_json(), ND, first={"size": 1.5}),
    ok("sheet.xlsx", excel(FRAME), SD, first={"size": 1.5, "when": day("2020-02-01")}),
    ok("sheet with index.xlsx", excel(FRAME, index=True), SD, out=("column 1 has no name",)),
]


def write(folder: Path) -> None:
    """Make the folder."""
    for case in CASES:
        (folder / case.name).write_bytes(case.data)
