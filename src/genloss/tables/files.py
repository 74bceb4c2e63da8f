"""Tables from files, as Arrow tables: text in any encoding with any delimiter, and what has types."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pcsv

from genloss.errors import DataError, said_by
from genloss.tables.frames import arrow_of
from genloss.tables.say import Decision, alike, listed, shown, toml
from genloss.tables.wishes import Wishes
from genloss.wording import several

_HEAD = 1 << 18
"""Bytes of a file from which its delimiter and quotes are told."""
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HINT = re.compile("\ufeff?sep=(.)\r?\n")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}


class Held(NamedTuple):
    """A table as a file holds it.

    Args:
        table: Its columns, text where the file has no types.
        decisions: How it was read.
        problems: What is wrong with it.
        delimiter: What stands between cells, "" where nothing does.
    """

    table: Any
    decisions: tuple[Decision, ...] = ()
    problems: tuple[str, ...] = ()
    delimiter: str = ""


def read_file(file: Path, wishes: Wishes) -> Held:
    """The table in a file.

    Raises:
        DataError: It holds none, or is of no kind that can be read.
        OSError: It cannot be read.
    """
    if not file.is_file():
        raise DataError("is not a file")
    suffix = file.suffix.lower()
    packed = suffix in PACKED
    kind = Path(file.stem).suffix.lower() if packed else suffix
    if kind not in READERS:
        what = shown(kind) if kind else "a file without a suffix"
        raise DataError(f"cannot read {what} (files end in {', '.join(READERS)}, or these with .gz or .zst)")
    try:
        with file.open("rb") as raw, pa.input_stream(raw, PACKED[suffix] if packed else None) as stream:
            data = stream.read()
    except pa.ArrowException as error:
        raise DataError(f"cannot be unpacked: {said_by(error)}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise DataError(f"cannot be unpacked: {said_by(error)}") from None
    return READERS[kind](data, wishes)


# -- text with delimiters ----------------------------------------------------------------------------


def _delimited(data: bytes, wishes: Wishes) -> Held:
    encoding, notes = _encoding(data, wishes.encoding)
    head = data[:_HEAD].decode(encoding, "ignore").removeprefix("\ufeff")
    if len(data) > _HEAD:  # not half a line
        head = head[: head.rfind("\n") + 1] or head
    mark = wishes.delimiter
    if hint := _HINT.match(head):  # of Excel, to itself
        mark, data, encoding = mark or hint[1], data.decode(encoding)[hint.end() :].encode(), "utf-8"
        head = head[hint.end() :]
    if not head.strip():
        raise DataError("the file is empty; it needs a header and rows")
    found, quote = _dialect(head)
    mark = mark or found
    lines = head.splitlines()
    try:
        header = next(csv.reader(io.StringIO(head, newline=""), delimiter=mark, quotechar=quote))
    except (csv.Error, StopIteration) as error:
        raise DataError(f"its first line cannot be read: {error}") from None
    if wishes.delimiter is None and mark != ",":
        notes.append(
            Decision(
                f"{_NAMES.get(mark, shown(mark))} stand between cells",
                f"so all lines of the beginning have {several(len(header), 'cell')}",
                toml(delimiter=","),
                pin={"delimiter": mark},
            )
        )
    table, ragged = _parsed(data, encoding, mark, quote, len(header))
    problems = list(ragged)
    if data.count(quote.encode()) % 2 and encoding != "utf-16" and _swallowed(table):
        problems.append(
            f"a quotation mark {quote} is opened and never closed, so that lines run together; close it"
        )
    if len(header) == 1 and mark != " " and _spaced(lines):
        problems.append(
            f"one column, {shown(header[0])}; if spaces stand between cells, say {toml(delimiter=' ')}"
        )
    body, names = table.slice(1), [name.strip() for name in header]
    problems += _no_header(names, body) if not ragged else []
    body = body.rename_columns(names) if len(names) == body.num_columns else body
    return Held(body, tuple(notes), tuple(problems), mark)


def _encoding(data: bytes, given: str | None) -> tuple[str, list[Decision]]:
    """The encoding of a text: by its byte-order mark, else UTF-8 if it is that, else Windows' Western."""
    if given is not None:
        try:
            codecs.lookup(given)
            _check(data, given)
        except LookupError:
            raise DataError(
                f"encoding: there is none called {shown(given)}; there is utf-8, cp1252, ..."
            ) from None
        except UnicodeError as error:
            raise DataError(f"is no {given} text: {said_by(error)}; give another encoding") from None
        return given, []
    for bom, name in _BOMS:
        if data.startswith(bom):
            return name, []
    head = data[:_HEAD]
    if b"\0" in head:
        for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
            if zeros.count(0) > 0.4 * len(zeros) and head.count(0) <= len(zeros):
                return name, [_taken(name, "every second byte is zero")]
        raise DataError("is no text but holds zero bytes; save it as UTF-8 text")
    for name in ("utf-8", "cp1252", "latin-1"):
        try:
            _check(data, name)
        except UnicodeError:
            continue
        if name != "utf-8" and sum(b < 32 and b not in b"\t\n\r\f" for b in head) > 0:
            break
        return name, [] if name == "utf-8" else [
            _taken(name, "it is no UTF-8, and Western European as a guess")
        ]
    raise DataError("is no text; save it as UTF-8 text")


def _taken(name: str, why: str) -> Decision:
    return Decision(f"its letters are read as {name}", why, toml(encoding="utf-8"), pin={"encoding": name})


def _check(data: bytes, encoding: str) -> None:
    """See that a text is of an encoding, a piece at a time."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for start in range(0, len(data), 1 << 20):
        decoder.decode(data[start : start + (1 << 20)])
    decoder.decode(b"", final=True)


def _dialect(head: str) -> tuple[str, str]:
    """What stands between cells and around them, by DuckDB, whose sniffer is used for nothing else."""
    import duckdb

    with tempfile.NamedTemporaryFile(suffix=".csv") as copy, duckdb.connect() as connection:
        copy.write(head.encode("utf-8", "replace"))
        copy.flush()
        try:
            asked = "SELECT Delimiter, Quote FROM sniff_csv(?, sample_size = -1)"
            found = connection.execute(asked, [copy.name]).fetchone()
        except duckdb.Error:
            found = None
    mark, quote = found or (",", '"')
    first = head.partition("\n")[0]
    if mark not in first:  # it says a comma where it finds none
        mark = next((m for m in ("\t", ";", "|") if m in first), ",")
    return mark, quote if len(quote) == 1 else '"'


def _parsed(data: bytes, encoding: str, mark: str, quote: str, width: int) -> tuple[Any, list[str]]:
    """All lines as text, the header among them, and what is said of lines with more or fewer cells."""
    bad: list[Any] = []

    def kept(row: Any) -> str:
        bad.append(row)
        return "skip"

    def read(threads: bool) -> Any:
        return pcsv.read_csv(
            io.BytesIO(data),
            pcsv.ReadOptions(
                use_threads=threads, autogenerate_column_names=True, encoding=encoding, block_size=1 << 22
            ),
            pcsv.ParseOptions(
                delimiter=mark,
                quote_char=quote,
                newlines_in_values=True,
                invalid_row_handler=None if threads else kept,
            ),
            pcsv.ConvertOptions(
                column_types={f"f{i}": pa.large_string() for i in range(width)}, strings_can_be_null=False
            ),
        )

    try:
        try:
            table = read(threads=True)
        except pa.ArrowInvalid:
            table = read(threads=False)  # slower, and knows the numbers of lines
    except (pa.ArrowException, UnicodeError) as error:
        raise DataError(f"is no table of text: {said_by(error)}") from None
    if not bad:
        return table, []
    lines = "line differs" if len(bad) == 1 else "lines differ"
    where = listed([row.number for row in bad], 5)
    example = f"line {bad[0].number} has {bad[0].actual_columns}"
    title = len(bad) > table.num_rows
    remedy = "if the first line is a title and no header, delete it" if title else "mend them"
    cells = several(width, "cell")
    return table, [f"{len(bad)} {lines} from the header, which has {cells}: {where} ({example}); {remedy}"]


def _swallowed(table: Any) -> bool:
    """Whether the last row holds a line break, as it does where a quotation mark is open at the end."""
    last = table.slice(table.num_rows - 1)
    return any("\n" in str(cell) for column in last.columns for cell in column.to_pylist())


def _spaced(lines: list[str]) -> bool:
    """Whether lines are as many words each, quoted or most of them numbers in all lines but the first."""
    words = [[w for w in row if w] for row in csv.reader(lines, delimiter=" ") if row]
    width = len(words[0])
    widths = {len(w) for w in words[1:]}
    if width < 2 or len(widths) != 1 or widths > {width, width + 1}:  # R names rows, and not their column
        return False
    return (
        '" "' in lines[0]
        or 2 * sum(all(map(_is_number, column)) for column in zip(*words[1:], strict=True)) > width
    )


def _no_header(header: list[str], body: Any) -> list[str]:
    """What is wrong with a first row that is a title, or that is a row as the others are.

    It is one where each cell is a number as its column is, or occurs in its column.
    """
    named = [i for i, name in enumerate(header) if name]
    if len(named) < 2 < len(header):
        one = f"the first line has one cell only, {shown(''.join(header))}, and others have {len(header)}"
        return [f"{one}; delete what stands above the names of the columns"]
    if not named or len(header) != body.num_columns or not body.num_rows:
        return []
    if all(
        (_is_number(header[i]) and _is_number(str(body.column(i)[0].as_py())))
        or pc.any(pc.equal(body.column(i), header[i])).as_py()
        for i in named
    ):
        first = shown(",".join(header))
        return [f"the first line, {first}, is no header but a row; write one with names of columns"]
    return []


def _is_number(text: str) -> bool:
    try:
        float(text.strip().replace(",", "."))
    except ValueError:
        return False
    return True


# -- JSON, Parquet, Arrow, Excel ---------------------------------------------------------------------


def _json(data: bytes, wishes: Wishes) -> Held:
    encoding, notes = _encoding(data, wishes.encoding)
    text = data.decode(encoding).removeprefix("\ufeff")
    twice: list[str] = []

    def record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            twice[:] = [name for name, _ in pairs]
        return made

    records: list[Any] = []
    problems: list[str] = []
    try:
        whole = json.loads(text, object_pairs_hook=record)
        records = whole if isinstance(whole, list) else [whole]
    except (ValueError, RecursionError):  # an object a line
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                records += [json.loads(line, object_pairs_hook=record)] if line.strip() else []
            except (ValueError, RecursionError) as error:
                problems.append(f"line {number} is no JSON ({said_by(error)}); write one object a line")
    if len(records) == 1 and isinstance(records[0], dict) and (columns := _columns(records[0])):
        return Held(arrow_of(columns), tuple(notes))
    odd = [
        (n, type(found).__name__) for n, found in enumerate(records, start=1) if not isinstance(found, dict)
    ]
    if odd:
        problems.append(f"record {odd[0][0]} is a JSON {odd[0][1]}, no object; write one object a line")
    if twice:
        problems += alike(twice)
    if problems:
        more = [f"and {len(problems) - 3} more"] if len(problems) > 4 else []
        raise DataError("\n".join([*(problems[:3] if more else problems), *more]))
    names = list(dict.fromkeys(name for found in records for name in found))
    return Held(arrow_of({name: [found.get(name) for found in records] for name in names}), tuple(notes))


def _columns(found: dict[str, Any]) -> dict[str, list[Any]]:
    """Columns by name, where a record holds whole ones: lists of one length, or what pandas writes."""
    cells = [list(c.values()) if isinstance(c, dict) else c for c in found.values()]
    if not all(isinstance(c, list) and len(c) > 1 for c in cells) or len({len(c) for c in cells}) != 1:
        return {}
    return dict(zip(found, cells, strict=True))


def _arrow(what: str, open_: Callable[[Any], Any]) -> Callable[[bytes, Wishes], Held]:
    def read(data: bytes, wishes: Wishes) -> Held:
        try:
            return Held(open_(pa.BufferReader(data)))
        except (pa.ArrowException, ValueError, LookupError, TypeError, OSError) as error:
            raise DataError(f"is no {what} file that can be read: {said_by(error)}") from None

    return read


def _parquet(source: Any) -> Any:
    from pyarrow.parquet import ParquetFile

    table = ParquetFile(source).read()
    # where pandas keeps an index without a name: it is not data
    return table.select([name for name in table.column_names if not name.startswith("__index_level_")])


def _feather(source: Any) -> Any:
    from pyarrow import ipc

    try:
        return ipc.open_file(source).read_all()
    except pa.ArrowInvalid:
        source.seek(0)
        return ipc.open_stream(source).read_all()


def _excel(data: bytes, wishes: Wishes) -> Held:
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            "needs openpyxl to be read: pip install 'genloss[excel]', or save it as CSV"
        ) from None
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except Exception as error:  # zip, XML and its own
        raise DataError(f"is no Excel file that can be read: {said_by(error)}") from None
    sheets = book.sheetnames
    rows = [
        row for row in book[sheets[0]].iter_rows(values_only=True) if any(cell is not None for cell in row)
    ]
    book.close()
    if not rows:
        raise DataError(f"its first sheet, {shown(sheets[0])}, is empty")
    width = max(i + 1 for row in rows for i, cell in enumerate(row) if cell is not None)
    header = ["" if cell is None else str(cell).strip() for cell in (*rows[0], *[None] * width)[:width]]
    notes = (
        [Decision(f"the first sheet is read, {shown(sheets[0])}", f"there are {len(sheets)}")]
        if len(sheets) > 1
        else []
    )
    columns = [[row[i] if i < len(row) else None for row in rows[1:]] for i in range(width)]
    table = arrow_of({str(i): column for i, column in enumerate(columns)})
    body = table.rename_columns(header)
    texts = pa.table(
        [pa.array([None if c is None else str(c) for c in column], pa.large_string()) for column in columns],
        [str(i) for i in range(width)],
    )
    return Held(body, tuple(notes), tuple(_no_header(header, texts)))


PACKED = {".gz": "gzip", ".zst": "zstd"}
READERS: dict[str, Callable[[bytes, Wishes], Held]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".tab", ".dat"), _delimited),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), _json),
    **dict.fromkeys((".parquet", ".pq"), _arrow("Parquet", _parquet)),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), _arrow("Arrow", _feather)),
    ".xlsx": _excel,
}
