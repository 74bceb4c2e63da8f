"""The report: one HTML file that opens offline, fetches nothing and says how to repeat the study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from genloss.errors import SpecError, StoreError
from genloss.report.charts import Figure
from genloss.report.packing import as_script, packed
from genloss.report.repeat import repeat
from genloss.report.sections import Entry, Section, headline_said, sections
from genloss.report.words import SEVERITY, failure, words
from genloss.study.results import Results

# table columns for the levels of colour, before they become rows; rows before a table folds
_WIDE, _LONG = 4, 14
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


def page(results: Results) -> str:
    """The report as text."""
    import vl_convert as vlc

    found = sections(results)
    figures = [figure for section in found for figure in section.figures]
    study = results.study
    title = study.title or (found[0].title if len(found) == 1 and found[0].title else _untitled(study.name))
    template = Template((resources.files("genloss.report") / "template.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(title),
        about=_paragraphs(study.about),
        facts=_facts(results),
        contents=_contents(found),
        summary=_summary(found) + _reading(found) if any(s.entries for s in found) else _nothing(results),
        sections="".join(_section(i, s) for i, s in enumerate(found)),
        failures=_failures(results),
        repeat=repeat(results),
        spec=escape(_toml(results)),
        versions=_versions(results),
        library=vlc.javascript_bundle(),  # type: ignore[call-arg]  # its stub has no default
        figures=as_script([packed(f) for f in figures]),
    )


# -- text ------------------------------------------------------------------------------------------

_READING = """<p class="facts" style="margin-top:14px">
Means over replicates with 95 % intervals (Student's). What a value means is judged against generation 1, the
model fitted to real data, by changes within replicates: <i>no change seen</i> is one that its interval does
not tell from none, <i>levelling off</i> is one of which less than a tenth, or no more than noise, fell into
the second half of the generations.$some
</p>
"""
_SOME = """
Where replicates are missing, means are over those that finished, which may be the tamer ones: no verdict."""


def _reading(found: Sequence[Section]) -> str:
    partial = any(e.partial for s in found for e in s.entries)
    return Template(_READING).substitute(some=_SOME if partial else "")


def _untitled(name: str) -> str:
    return f"Untitled study ({name})" if name != "study" else "Untitled study"


def _nothing(results: Results) -> str:
    why = ": every cell failed; see the failures below" if results.failures else " yet"
    return f'<p class="note">Nothing is finished{why}.</p>'


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(' '.join(p.split()))}</p>" for p in text.split("\n\n") if p.strip())


def _facts(results: Results) -> str:
    cells = results.cells
    counts = [_several(len(cells), "cell"), _several(results.table.num_rows, "value")]
    replicates = sorted({c.exp.replicates for c in cells})
    last = sorted({c.exp.generations for c in cells})
    seeds = sorted({c.exp.seed for c in cells})
    facts = [
        *counts,
        f"{_range(last)} generations",
        f"{_range(replicates)} replicates",
        f"{results.seconds:,.0f} s of processor time".replace(",", " "),
        f"seed {', '.join(map(str, seeds[:5]))}{' …' if len(seeds) > 5 else ''}",
        f"genloss {escape(str(results.environment.get('genloss', '')))}",
    ]
    return " · ".join(facts)


def _several(k: int, what: str) -> str:
    return f"{k:,} {what}{'' if k == 1 else 's'}".replace(",", " ")


def _range(values: Sequence[int]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"


def _contents(found: Sequence[Section]) -> str:
    if len(found) < 2:
        return ""
    links = "".join(f'<a href="#e{i}">{escape(s.title)}</a>' for i, s in enumerate(found))
    return f"<nav>{links}</nav>"


def _summary(found: Sequence[Section]) -> str:
    """The table at the top: where the first metric of each experiment ended, and what that means.

    Neighbours with the same colours share a table; an experiment of many rows is counted, and listed below.
    """
    tables: list[tuple[str, list[str]]] = []
    for section in found:
        head, rows = _summary_rows(section)
        if len(rows) > _MOST:
            head, rows = _summary_counts(section)
        if tables and tables[-1][0] == head:
            tables[-1][1].extend(rows)
        else:
            tables.append((head, rows))
    return "".join(_summary_table(head, rows) for head, rows in tables)


def _summary_table(head: str, rows: Sequence[str]) -> str:
    return (
        f'<div class="scroll"><table class="summary"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _summary_counts(section: Section) -> tuple[str, list[str]]:
    """Head and rows of an experiment of many combinations: how many of them ended how, worst first."""
    colours = dict(zip(section.layout.levels, section.layout.colours, strict=True))
    rows = []
    for i, level in enumerate(v for v in section.layout.levels if any(e.level == v for e in section.entries)):
        counts = Counter(_short(e) for e in section.entries if e.level == level)
        said = "; ".join(f"{word} in {counts[word]}" for word in sorted(counts, key=_rank))
        name = f"<b>{escape(section.title)}</b>" if section.title else ""
        what = f'{name}<span class="what">{escape(headline_said(section))}</span>' if i == 0 else ""
        label = f"{_dot(colours[level])}{escape(level)}" if section.layout.colour else ""
        rows.append(f"<tr><th>{what}</th><td>{label}</td><td>{escape(said)}</td></tr>")
    return "<th></th><th></th><th>combinations</th>", rows


_PARTIAL = "not all replicates finished"


def _short(e: Entry) -> str:
    return _PARTIAL if e.partial else e.word.partition(",")[0] or "–"


def _rank(word: str) -> int:
    return SEVERITY.index(word) if word in SEVERITY else -1 if word == _PARTIAL else len(SEVERITY)


def _summary_rows(section: Section) -> tuple[str, list[str]]:
    """Head and rows of an experiment: a column for each colour, or a row where there are many or none."""
    name = f"<b>{escape(section.title)}</b>" if section.title else ""
    if not section.entries:
        return "<th></th><th></th><th></th>", [
            f"<tr><th>{name}</th><td>nothing is finished</td><td></td></tr>"
        ]
    said = f'{name}<span class="what">{escape(headline_said(section))}</span>'
    colours = dict(zip(section.layout.levels, section.layout.colours, strict=True))
    levels = [v for v in section.layout.levels if any(e.level == v for e in section.entries)]
    lines: dict[str, list[Entry | None]] = {}
    if section.layout.colour is not None and len(levels) <= _WIDE:
        head = "".join(f"<th>{_dot(colours[v])}{escape(v)}</th>" for v in levels)
        at = {(e.level, e.rest): e for e in section.entries}
        for rest in dict.fromkeys(e.rest for e in section.entries):
            lines[escape(rest)] = [at.get((v, rest)) for v in levels]
    else:
        head = "<th>at the end</th>"
        for e in section.entries:
            label = ", ".join(p for p in (e.level if section.layout.colour else "", e.rest) if p)
            lines[f"{_dot(colours[e.level])}{escape(label)}" if label else ""] = [e]
    rows = []
    for i, (label, entries) in enumerate(lines.items()):
        firsts = list(dict.fromkeys(e.first for e in entries if e is not None))
        first = firsts[0] if len(firsts) == 1 else f"{firsts[0]} to {firsts[-1]}"
        header = (said if i == 0 else "") + (f'<span class="what">{label}</span>' if label else "")
        rows.append(f"<tr><th>{header}</th><td>{escape(first)}</td>{''.join(map(_cell, entries))}</tr>")
    return f'<th></th><th class="first">generation 1</th>{head}', rows


def _dot(colour: str) -> str:
    return f'<span class="dot" style="background:{colour}"></span>'


def _cell(e: Entry | None) -> str:
    if e is None:
        return "<td>–</td>"
    ends = f' <span class="ends">[{escape(e.ends)}]</span>' if e.ends else ""
    if e.partial:
        return (
            f'<td class="partial">{escape(e.value)}{ends}'
            f'<br><span class="word note">{escape(e.partial)}</span></td>'
        )
    said = "".join(f'<br><span class="word">{escape(part)}</span>' for part in (e.size, e.word) if part)
    return f'<td><span class="value">{escape(e.value)}</span>{ends}{said}</td>'


def _section(i: int, section: Section) -> str:
    layout = section.layout
    if not section.figures:
        said = "".join(f'<p class="note">{escape(line)}.</p>' for line in _shortened(section.missing))
        heading = f"<h2>{escape(section.title)}</h2>" if section.title else ""
        return f'<section id="e{i}">{heading}{_setup(section)}{said}</section>'
    legend = _legend(list(zip(layout.levels, layout.colours, strict=True)) if layout.colour else [], section)
    parts = [
        f'<section id="e{i}">',
        f"<h2>{escape(section.title)}</h2>" if section.title else "",
        _setup(section),
    ]
    parts += [f'<p class="note">{escape(line)}.</p>' for line in _shortened(section.missing)]
    parts.append(legend)
    parts.append('<div class="charts">')
    parts += [_figure(figure) for figure in section.figures]
    parts.append("</div>")
    head, rows = _summary_rows(section)
    if len(rows) > _MOST:
        table = _summary_table(head, rows)
        parts.append(f"<details><summary>Final values in words ({len(rows)} rows)</summary>{table}</details>")
    parts.append(_table(section))
    parts.append("</section>")
    return "\n".join(parts)


def _shortened(lines: Sequence[str], most: int = 10) -> list[str]:
    left = len(lines) - most
    return [*lines[:most], *([f"… and {left} more cells"] if left > 0 else [])]


def _setup(section: Section) -> str:
    """What was run, in a line."""
    exp = section.layout.cells[0].exp
    varied = {f.rpartition(".")[2] for f in section.layout.values}
    agents = len(exp.agents)
    parts = [
        f"{_named(exp.real)} as real data"
        if "real" not in varied and not varied & set(_fields(exp.real))
        else "",
        "" if "generator" in varied or agents > 1 else f"{_named(exp.agents[0].generator)} as generator",
        "" if "regime" in varied or agents > 1 else _named(exp.agents[0].regime),
        f"{agents} agents on one pool" if agents > 1 else "",
        "" if "n_real" in varied else f"{exp.n_real} real rows at first",
        f"{exp.n_fresh} fresh ones a generation" if exp.n_fresh and "n_fresh" not in varied else "",
    ]
    others = [
        f"{field} varied" for field in section.layout.values if field not in (section.layout.colour, "agent")
    ]
    return f'<p class="setup">{escape("; ".join(p for p in (*parts, *others) if p))}.</p>'


def _named(part: Any) -> str:
    text = repr(part)
    return text if len(text) < 120 else type(part).__name__


def _fields(part: Any) -> Sequence[str]:
    return list(getattr(part, "__dataclass_fields__", ()))


def _legend(colours: Sequence[tuple[str, str]], section: Section | None = None) -> str:
    items = [f'<span><i style="border-color:{c}"></i>{escape(label)}</span>' for label, c in colours]
    if section is not None:
        rows = [row for f in section.figures if not f.legend for row in f.rows]
        if any("l" in row for row in rows):
            items.append('<span><i class="band"></i>95 % interval</span>')
        if any("law" in row for row in rows):
            items.append('<span><i class="law"></i>law</span>')
    return f'<div class="legend">{"".join(items)}</div>' if items else ""


def _figure(figure: Figure) -> str:
    printed = " A printed page shows the chosen value only." if figure.selectors else ""
    return (
        f'<figure class="{"wide" if figure.wide else "one"}"><h3>{escape(figure.title)}</h3>'
        f"{_legend(figure.legend)}"
        f'<div class="chart" id="f-{escape(figure.name)}" role="img" aria-label="{escape(figure.title)}">'
        "</div>"
        f"<figcaption>{escape(figure.caption)}{printed}</figcaption></figure>"
    )


def _table(section: Section) -> str:
    if len(section.table) < 2:
        return ""
    layout = section.layout
    metrics = {m for c in layout.cells for m in c.exp.metric_names}
    names = [words(h).title if h in metrics else h for h in section.table[0]]
    head = "".join(
        f'<th class="{_align(h, metrics)}">{escape(n)}</th>'
        for h, n in zip(section.table[0], names, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{_align(h, metrics)}">{escape(v)}</td>'
            for h, v in zip(section.table[0], row, strict=True)
        )
        + "</tr>"
        for row in section.table[1:]
    )
    table = (
        f'<div class="scroll"><table class="final"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
    said = "Final values: mean over replicates [95 % interval]"
    if len(section.table) > _LONG:
        return f"<details><summary>{said} ({len(section.table) - 1} rows)</summary>{table}</details>"
    return f"<h3>{said}</h3>{table}"


def _align(header: str, metrics: set[str]) -> str:
    return "number" if header in metrics or header in ("generation", "replicates") else "text"


def _failures(results: Results) -> str:
    if not results.failures:
        return ""
    # a line a cell: its tiles fail alike more often than not
    messages: dict[int, list[str]] = {}
    for cell, message in results.failures:
        messages.setdefault(cell.index, []).append(failure(message))
    labels = {cell.index: cell.label for cell, _ in results.failures}
    items = "".join(
        f"<li><b>{escape(labels[index])}</b>: {escape(some[0])}{_more(len(some) - 1)}</li>"
        for index, some in messages.items()
    )
    return f'<section id="failures"><h2>Failures</h2><ul>{items}</ul></section>'


def _more(tiles: int) -> str:
    return f" (and {_several(tiles, 'more tile')})" if tiles else ""


def _toml(results: Results) -> str:
    try:
        return results.study.toml()
    except SpecError as error:
        cells = "\n".join(f"{c.label}: {c.exp!r}" for c in results.cells[:20])
        return f"# no spec can say this study: {error}\n{cells}"


def _versions(results: Results) -> str:
    rows = "".join(
        f"<tr><th>{escape(str(k))}</th><td>{escape(str(v))}</td></tr>" for k, v in results.environment.items()
    )
    return f'<table class="versions"><tbody>{rows}</tbody></table>'
