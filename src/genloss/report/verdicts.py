"""Verdicts as a page shows them: on a report's first screen, and on a page of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from genloss.collapse.meanings import MEANINGS, Meant
from genloss.collapse.sentences import counted, reason
from genloss.collapse.verdict import Line, Verdict
from genloss.report.packing import in_the_dark, themed
from genloss.report.templating import templates, written
from genloss.report.trajectories import trajectory_figures
from genloss.traits import HEADING
from genloss.wording import several

_ACROSS = 5  # lines beside each other
_WHY = 40  # lines of which all is said
_KINDS = {"undecided": "open", "not asked": "none"}


@dataclass(frozen=True)
class Cell:
    """An answer in a table: its word, its class, and what it rests on."""

    word: str
    kind: str
    why: str


@dataclass(frozen=True)
class Table:
    """Answers: meanings as rows, lines or regimes as columns; or lines as rows."""

    title: str
    head: list[str]
    rows: list[tuple[str, list[Cell]]]
    sentences: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Shown:
    """What a template needs.

    Args:
        sentences: (line, sentence); of many lines one of them all.
        tables: of the first screen, one for each experiment.
        lines: every line as a row, where the first screen counts them.
        unasked: (meaning, what would answer it), of those that no line was asked.
        why: (line, (meaning, answer, what it rests on)).
        differences: in words.
        notes: of the data.
        margins: where a yes begins, in words.
    """

    sentences: list[tuple[str, str]]
    tables: list[Table]
    lines: Table | None
    unasked: list[tuple[str, str]]
    why: list[tuple[str, list[tuple[str, str, str]]]]
    differences: list[str]
    notes: tuple[str, ...]
    margins: str


def shown(found: Verdict) -> Shown:
    """A verdict for a template."""
    asked = [m for m in MEANINGS if any(line.answer(m.number).answer != "not asked" for line in found.lines)]
    few = len(found.lines) <= _ACROSS
    groups = {"": [*found.lines]} if few else _grouped(found.lines, "experiment")
    return Shown(
        [(line.name, line.sentence) for line in found.lines] if few else [("", _overview(found.lines))],
        [_table(title, some, asked, few) for title, some in groups.items()],
        None if few else _turned(found.lines, asked),
        [(f"{m.number} {m.name}", m.needs) for m in MEANINGS if m not in asked],
        [(line.name, _why(line)) for line in found.lines] if len(found.lines) <= _WHY else [],
        [d.words for d in found.differences] if few else [],
        found.notes,
        found.stated,
    )


def _overview(lines: Sequence[Line]) -> str:
    """What lines that are too many for a sentence each have in common: how many answer what."""
    said = []
    for m in MEANINGS:
        answers = [a for line in lines if (a := line.answer(m.number).answer) != "not asked"]
        if answers:
            said.append(f"{m.name}: {counted(answers)}")
    return f"{several(len(lines), 'line')}. {'. '.join(one[:1].upper() + one[1:] for one in said)}."


def _grouped(lines: Sequence[Line], by: str) -> dict[str, list[Line]]:
    """Lines by what they have of a label, "" where they have none."""
    out: dict[str, list[Line]] = {}
    for line in lines:
        value = next((str(v) for k, v in line.labels.items() if k.rpartition(".")[2] == by), "")
        out.setdefault(value, []).append(line)
    return out


def _table(title: str, lines: Sequence[Line], asked: Sequence[Meant], few: bool) -> Table:
    """Meanings as rows; columns are lines, or regimes whose lines are counted."""
    cut = f"{title}: " if title else ""
    columns = {line.name.removeprefix(cut) or "answer": [line] for line in lines}
    sentences: list[tuple[str, str]] = []
    if len(columns) > _ACROSS:
        columns = {name or "all lines": some for name, some in _grouped(lines, "regime").items()}
    elif not few:
        sentences = [(name, some[0].sentence) for name, some in columns.items()]
    rows = [
        (f"{m.number} {m.name}", [_counted(some, m.number) for some in columns.values()])
        for m in asked
        if any(line.answer(m.number).answer != "not asked" for line in lines)
    ]
    task = lines[0].reads[0].x.task
    said = HEADING.of(task) if title and task is not None else title
    return Table(said or title, [*columns], rows, sentences)


def _turned(lines: Sequence[Line], asked: Sequence[Meant]) -> Table:
    head = [f"{m.number} {m.name}" for m in asked]
    return Table("", head, [(line.name, [_cell(line, m.number) for m in asked]) for line in lines])


def _counted(lines: Sequence[Line], meaning: int) -> Cell:
    """The answer of some lines: the one that all have, or how many have which."""
    if len(lines) == 1:
        return _cell(lines[0], meaning)
    cells = [_cell(line, meaning) for line in lines]
    kinds = {cell.kind for cell in cells}
    if kinds == {"none"}:
        return cells[0]
    words = (cell.word if cell.kind != "none" else "not asked" for cell in cells)
    return Cell(counted(words), kinds.pop() if len(kinds) == 1 else "some", "")


def _cell(line: Line, meaning: int) -> Cell:
    f = line.answer(meaning)
    return Cell("–" if f.answer == "not asked" else f.word, _KINDS.get(f.answer, f.answer), reason(f))


def _why(line: Line) -> list[tuple[str, str, str]]:
    asked = [f for f in line.findings if f.answer != "not asked"]
    return [(f"{f.meaning} {MEANINGS[f.meaning - 1].name}: {f.metric}", f.answer, reason(f)) for f in asked]


def write(found: Verdict, path: str | Path, title: str) -> Path:
    """Write a page of its own.

    Raises:
        StoreError: if it cannot be written.
    """
    return written(path, page(found, title), "the page")


def page(found: Verdict, title: str) -> str:
    """The page as text."""
    figures = trajectory_figures(found)
    dark = in_the_dark("".join(f.svg for f in figures))
    # drawn by a library of ours, from numbers and escaped names: no text of the user's is markup in it
    given: dict[str, Any] = {
        "title": title,
        "v": shown(found),
        "figures": [f._replace(svg=Markup(themed(f.svg))) for f in figures],
        "in_the_dark": dark,
    }
    return templates().get_template("verdict.html").render(**given)
