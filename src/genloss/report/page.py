"""The report: one HTML file that opens offline, fetches nothing and says how to repeat the study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from genloss.errors import SpecError, StoreError
from genloss.report.packing import packed
from genloss.report.repeat import repeat
from genloss.report.sections import Entry, Section, headline_said, sections
from genloss.report.words import SEVERITY, failure
from genloss.study.results import Results

if TYPE_CHECKING:
    from jinja2 import Environment

# table columns for the levels of colour, before they become rows
_WIDE = 4
# rows of an experiment at the top of the page before they are counted
_MOST = 8


def write(results: Results, path: str | Path) -> Path:
    """Write the report of a study.

    Args:
        results: as far as they are finished.
        path: of the HTML file; its folder is made if it is not there.

    Raises:
        StoreError: if it cannot be written.
    """
    file = Path(path)
    text = page(results)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{file}: the report cannot be written: {error.strerror}") from None
    return file


@cache
def templates() -> Environment:
    """What writes HTML: whatever is put into a template is escaped, and a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("genloss.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return made


def page(results: Results) -> str:
    """The report as text."""
    import vl_convert as vlc
    from markupsafe import Markup

    found = sections(results)
    study = results.study
    title = study.title or (found[0].title if len(found) == 1 and found[0].title else _untitled(study.name))
    details = [_rows(s) if len(_rows(s).rows) > _MOST else None for s in found]
    template = templates().get_template("page.html")
    return template.render(
        title=title,
        about=[" ".join(p.split()) for p in study.about.split("\n\n") if p.strip()],
        facts=_facts(results),
        summaries=_summaries(found) if any(s.entries for s in found) else [],
        partial=any(e.partial for s in found for e in s.entries),
        sections=list(zip(found, details, strict=True)),
        failures=[(cell.label, failure(message)) for cell, message in results.failures],
        repeat=repeat(results),
        spec=_toml(results),
        versions=results.environment,
        # the one text that is not escaped: a library's own, which holds no end of a script
        library=Markup(vlc.javascript_bundle()),  # type: ignore[call-arg]  # its stub has no default
        figures=[packed(figure) for section in found for figure in section.figures],
    )


def _untitled(name: str) -> str:
    return f"Untitled study ({name})" if name != "study" else "Untitled study"


def _facts(results: Results) -> list[str]:
    cells = results.cells
    seeds = sorted({c.exp.seed for c in cells})
    return [
        _several(len(cells), "cell"),
        _several(results.table.num_rows, "value"),
        f"{_range(sorted({c.exp.generations for c in cells}))} generations",
        f"{_range(sorted({c.exp.replicates for c in cells}))} replicates",
        f"{results.seconds:,.0f} s of processor time".replace(",", " "),
        f"seed {', '.join(map(str, seeds[:5]))}{' …' if len(seeds) > 5 else ''}",
        f"genloss {results.environment.get('genloss', '')}",
    ]


def _several(k: int, what: str) -> str:
    return f"{k:,} {what}{'' if k == 1 else 's'}".replace(",", " ")


def _range(values: Sequence[int]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"


@dataclass(frozen=True)
class Line:
    """A row of a summary: what it is of, and its cells."""

    title: str
    what: str
    colour: str
    label: str
    cells: tuple[Entry | str | None, ...]


@dataclass(frozen=True)
class Summary:
    """A table of where the first metrics ended: headings with their colours, and rows."""

    head: tuple[tuple[str, str], ...]
    rows: tuple[Line, ...]


def _summaries(found: Sequence[Section]) -> list[Summary]:
    """The tables at the top: where the first metric of each experiment ended, and what that means.

    Neighbours with the same colours share a table; an experiment of many rows is counted, and listed below.
    """
    tables: list[Summary] = []
    for section in found:
        made = _rows(section)
        if len(made.rows) > _MOST:
            made = _counts(section)
        if tables and tables[-1].head == made.head:
            made = Summary(made.head, (*tables.pop().rows, *made.rows))
        tables.append(made)
    return tables


def _counts(section: Section) -> Summary:
    """An experiment of many combinations: how many of them ended how, worst first."""
    colours = dict(section.colours)
    rows: list[Line] = []
    for level in dict.fromkeys(e.level for e in section.entries):
        counts = Counter(_short(e) for e in section.entries if e.level == level)
        said = "; ".join(f"{word} in {counts[word]}" for word in sorted(counts, key=_rank))
        what = ("", "") if rows else (section.title, headline_said(section))
        shown = (colours[level], level) if section.layout.colour else ("", "")
        rows.append(Line(*what, *shown, ("", said)))
    return Summary((("", ""), ("", "combinations")), tuple(rows))


_PARTIAL = "not all replicates finished"


def _short(e: Entry) -> str:
    return _PARTIAL if e.partial else e.word.partition(",")[0] or "–"


def _rank(word: str) -> int:
    return SEVERITY.index(word) if word in SEVERITY else -1 if word == _PARTIAL else len(SEVERITY)


def _rows(section: Section) -> Summary:
    """An experiment: a column for each colour, or a row where there are many or none."""
    if not section.entries:
        return Summary((("", ""), ("", "")), (Line(section.title, "", "", "", ("nothing is finished", "")),))
    colours = dict(section.colours)
    levels = [v for v in colours if any(e.level == v for e in section.entries)]
    lines: list[tuple[str, str, list[Entry | None]]] = []
    if section.layout.colour is not None and len(levels) <= _WIDE:
        head = [(colours[v], v) for v in levels]
        at = {(e.level, e.rest): e for e in section.entries}
        for rest in dict.fromkeys(e.rest for e in section.entries):
            lines.append(("", rest, [at.get((v, rest)) for v in levels]))
    else:
        head = [("", "at the end")]
        for e in section.entries:
            label = ", ".join(p for p in (e.level if section.layout.colour else "", e.rest) if p)
            lines.append((colours[e.level] if label else "", label, [e]))
    rows: list[Line] = []
    for colour, label, entries in lines:
        firsts = list(dict.fromkeys(e.first for e in entries if e is not None))
        first = firsts[0] if len(firsts) == 1 else f"{firsts[0]} to {firsts[-1]}"
        what = ("", "") if rows else (section.title, headline_said(section))
        rows.append(Line(*what, colour, label, (first, *entries)))
    return Summary((("", "generation 1"), *head), tuple(rows))


def _toml(results: Results) -> str:
    try:
        return results.study.toml()
    except SpecError as error:
        cells = "\n".join(f"{c.label}: {c.exp!r}" for c in results.cells[:20])
        return f"# no spec can say this study: {error}\n{cells}"
