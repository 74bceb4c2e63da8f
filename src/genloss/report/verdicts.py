"""Verdicts as a page shows them: on a report's first screen, and on a page of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from genloss.collapse.findings import Finding
from genloss.collapse.meanings import MEANINGS, Meant
from genloss.collapse.verdict import Difference, Line, Verdict, effect_words
from genloss.errors import StoreError
from genloss.numbers import bracketed, interval
from genloss.report.templating import templates
from genloss.report.trajectories import trajectory_figures
from genloss.study.files import write_file
from genloss.traits import HEADING

_ACROSS = 5  # lines beside each other
_WHY = 40  # lines of which all is said
_SHORT: Mapping[str, tuple[str, str]] = {
    "yes": ("yes", "yes"),
    "no": ("no", "no"),
    "undecided": ("undecided", "open"),
    "not asked": ("–", "none"),
}


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
        sentences: (line, sentence), where there are few.
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
        [(line.name, line.sentence) for line in found.lines] if few else [],
        [_table(title, some, asked, few) for title, some in groups.items()],
        None if few else _turned(found.lines, asked),
        [(f"{m.number} {m.name}", m.needs) for m in MEANINGS if m not in asked],
        [(line.name, _why(line)) for line in found.lines] if len(found.lines) <= _WHY else [],
        [said_of(d) for d in found.differences] if few else [],
        found.notes,
        margins_said(found),
    )


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
    answers = Counter(_cell(line, meaning).word for line in lines)
    if len(answers) == 1:
        return replace(_cell(lines[0], meaning), why=f"in each of {len(lines)} cells")
    said = ", ".join(f"{word} {n}" for word, n in answers.most_common())
    kinds = {_cell(line, meaning).kind for line in lines}
    return Cell(f"{said} of {len(lines)}", kinds.pop() if len(kinds) == 1 else "some", "")


def _cell(line: Line, meaning: int) -> Cell:
    f = line.answer(meaning)
    word, kind = _SHORT[f.answer]
    said = f"{word} by law" if f.law and f.answer in ("yes", "no") else word
    return Cell(said, kind, _rests_on(f, effect_words(f)))


def _rests_on(f: Finding, effect: str) -> str:
    return "; ".join(p for p in (effect, f.law, f.why, f"needs {f.needs}" if f.needs else "") if p)


def _why(line: Line) -> list[tuple[str, str, str]]:
    out: list[tuple[str, str, str]] = []
    for f in line.findings:
        if f.answer == "not asked":
            continue
        meant = MEANINGS[f.meaning - 1]
        effect = effect_words(f)
        why = _rests_on(f, f"{meant.effect}: {effect}" if effect else "")
        out.append((f"{f.meaning} {meant.name}: {f.metric}", f.answer, why))
    return out


def said_of(d: Difference) -> str:
    """A difference in words."""
    size = bracketed(*interval(d.effect, 1.0 if d.factor else 0.0))
    return (
        f"{d.metric}: {d.line} has {size} times that of {d.to}"
        if d.factor
        else (f"{d.metric}: {d.line} less {d.to} is {size}")
    )


def margins_said(found: Verdict) -> str:
    """Where a yes begins, in words."""
    m = found.margins
    said = (
        f"A yes begins where {m.lost:.0%} of the advantage over the reference is lost (1)",
        f"at an increase of {m.increase:.0%}, {m.nats:g} nats or {m.share:g} of a share (2)",
        f"where less than {m.kept:.0%} is left, or {m.falling:.0%} is lost and it goes on (4, 6)",
        f"at a change of the exponent of {m.exponent:g} (5)",
        f"at {m.modes:g} modes lost, or {m.between:g} of the rows between modes (7)",
        f"at {m.support:g} of the rows off the support (8)",
        "a no is a demonstrated effect below",
    )
    return f"{'; '.join(said)}. Sign tests of the typical replicate, Holm-adjusted over all tests of a line."


def write(found: Verdict, path: str | Path, title: str) -> Path:
    """Write a page of its own.

    Raises:
        StoreError: if it cannot be written.
    """
    file = Path(path)
    text = page(found, title)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file.parent, file.name, text.encode())
    except OSError as error:
        raise StoreError(f"{file}: the page cannot be written: {error.strerror}") from None
    return file


def page(found: Verdict, title: str) -> str:
    """The page as text."""
    given: dict[str, Any] = {
        "title": title,
        "v": shown(found),
        # drawn by a library of ours, from numbers and escaped names: no text of the user's is markup in it
        "figures": [f._replace(svg=Markup(f.svg)) for f in trajectory_figures(found)],
    }
    return templates().get_template("verdict.html").render(**given)
