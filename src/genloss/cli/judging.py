"""``genloss verdict``: whether it collapsed, by which meaning, and how fast."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genloss.cli.guard import DEBUG
from genloss.errors import SpecError, say

if TYPE_CHECKING:
    from genloss.collapse.verdict import Line, Verdict

_WIDTH = 120
_MOST = 12
_ACROSS = 4  # lines that stand beside each other


def columns_options(command: Any) -> Any:
    """Options that say which columns of a table are what."""
    return _with(
        command,
        click.option("--generation", metavar="COL", help="Of a table: the column of generations."),
        click.option(
            "--value",
            multiple=True,
            metavar="COL",
            help="Of a table: a column of values; several may be named.",
        ),
        click.option("--replicate", metavar="COL", help="Of a table: which independent run a row is of."),
        click.option(
            "--group", multiple=True, metavar="COL", help="Of a table: a column that tells lines apart."
        ),
        click.option(
            "--missing", multiple=True, metavar="VALUE", help="Of a table: what stands for no value."
        ),
    )


def _meaning_options(command: Any) -> Any:
    """Options that say what the values of a table mean."""
    return _with(
        command,
        click.option(
            "--better", type=click.Choice(["lower", "higher"]), help="Of a table: which values are good."
        ),
        click.option(
            "--tells",
            type=click.Choice(["risk", "spread", "tail", "modes", "between", "support"]),
            help="Of a table: what its values tell of.",
        ),
        click.option(
            "--reference",
            "references",
            multiple=True,
            metavar="METRIC=VALUE",
            help="The risk of knowing nothing, for meaning 1.",
        ),
    )


def _with(command: Any, *options: Any) -> Any:
    for option in reversed(options):
        command = option(command)
    return command


def trajectories_of(source: str, trust: bool, columns: dict[str, Any]) -> tuple[list[Any], list[str], str]:
    """What a run's folder or a table holds, what is to be known of it, and what to call it.

    Args:
        source: a folder, or a table.
        trust: whether a run's own code may be imported.
        columns: what the options of :func:`columns_options` gave, and what else the command knows of them.
    """
    references = pairs(columns.pop("references", ()), "--reference")
    if Path(source).is_dir() or not (Path(source).suffix or Path(source).exists()):
        from genloss.cli.values import results_of
        from genloss.collapse.trajectory import trajectories

        named = [f"--{k}" for k, v in columns.items() if v]
        if named:
            raise SpecError(f"{', '.join(named)}: of a table; {source} is a run, which knows its columns")
        found = results_of(source, trust)
        return [*trajectories(found)], found.notes, found.study.title or found.study.name
    from genloss.collapse.others import Columns, read

    given: dict[str, Any] = {k: tuple(v) if isinstance(v, (list, tuple)) else v for k, v in columns.items()}
    some, notes = read(source, Columns(**given, references=references))
    return some, notes, Path(source).name


def pairs(given: tuple[str, ...], option: str) -> dict[str, float]:
    """NAME=VALUE options as numbers by name."""
    out = {}
    for text in given:
        name, _, value = text.rpartition("=")
        try:
            out[name.strip()] = float(value)
        except ValueError:
            raise SpecError(f"{option} {text}: write NAME=NUMBER") from None
        if not name:
            raise SpecError(f"{option} {text}: write NAME=NUMBER")
    return out


@click.command()
@click.argument("source", metavar="RUN|TABLE", type=click.Path())
@columns_options
@_meaning_options
@click.option(
    "--margin",
    "margins",
    multiple=True,
    metavar="NAME=VALUE",
    help="Where a yes begins: lost, increase, nats, share, spreads, kept, falling, exponent, modes, between "
    "or support; the page says which is what.",
)
@click.option("--out", type=click.Path(), help="Write a page of its own, an HTML file that opens offline.")
@click.option("--json", "as_json", is_flag=True, help="One object for each line, metric and meaning.")
@click.option("--trust", is_flag=True, help="Run code of yours that the run's spec refers to.")
@DEBUG
def verdict(
    source: str, margins: tuple[str, ...], out: str | None, as_json: bool, trust: bool, **columns: Any
) -> None:
    """Say whether it collapsed, by each of eight meanings, and how fast.

    RUN is a run's folder. TABLE is anybody's values by generation: CSV, JSON, Parquet, long or wide; what its
    columns are is found by name or given, and said.

    \b
    genloss verdict genloss-runs/collapse-or-thrive
    genloss verdict losses.csv --generation step --value loss --replicate seed --group method --better lower

    A yes, or a no, is demonstrated against a margin, or by a law that holds for the experiment; all else is
    undecided, with what would tell, or was not asked, with the metric that would answer.
    """  # noqa: D301  # to click the character, not a backslash and a b, keeps lines as they are
    from genloss.collapse.meanings import Margins
    from genloss.collapse.verdict import verdict as judged

    asked = pairs(margins, "--margin")
    known = {k: v for k, v in vars(Margins()).items() if k != "references"}
    for name in asked:
        if name not in known:
            raise SpecError(f"--margin {name}: there are {', '.join(known)}")
    references = pairs(columns["references"], "--reference")
    some, notes, title = trajectories_of(source, trust, columns)
    if not some:
        raise SpecError(f"{source}: it has no metric over generations; run the study first")
    found = judged(some, Margins(**{**known, **asked}, references=references), notes)
    if as_json:
        click.echo(json.dumps(found.said(), indent=1))
        return
    for note in found.notes:
        say(note)
    click.echo(text(found))
    if out is not None:
        from genloss.report.verdicts import write

        click.echo(f"\nPage: {write(found, out, title)}")


def text(found: Verdict) -> str:
    """The verdicts as a terminal shows them: sentences, then answers, then what was not asked."""
    lines: list[str] = []
    for line in found.lines[:_MOST]:
        lines += _wrapped(f"{line.name}: {line.sentence}" if line.name else line.sentence)
    left = len(found.lines) - _MOST
    if left > 0:
        lines.append(f"... and {left} more lines; all of them: --json")
    lines += ["", *_answers(found)]
    lines += ["", *_why(found)]
    if found.differences:
        lines += ["", *_differences(found)]
    return "\n".join([*lines, *_unasked(found)])


def _wrapped(said: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(said, _WIDTH, subsequent_indent=indent)


def _answers(found: Verdict) -> list[str]:
    from genloss.cli.listing import aligned
    from genloss.collapse.meanings import MEANINGS
    from genloss.collapse.verdict import answers_table

    table = answers_table(found)
    if len(found.lines) <= _ACROSS:
        head, *body = table
        return aligned([["did it collapse?", *head[1:]], *body], indent=2)
    turned = [list(row) for row in zip(*table, strict=True)]
    head = ["did it collapse?", *(str(m.number) for m in MEANINGS)]
    legend = "; ".join(f"{m.number} {m.name}" for m in MEANINGS)
    short = {"not asked": "-", "undecided": "?", "yes by law": "yes*", "no by law": "no*"}
    rows = [[r[0], *(short.get(a, a) for a in r[1:])] for r in turned[1:]]
    said = f"{legend}. * by law, ? undecided, - not asked."
    return [*aligned([head, *rows], indent=2), *_wrapped(said)]


def _why(found: Verdict) -> list[str]:
    """What answers rest on: of every line, the meanings that were asked."""
    from genloss.collapse.meanings import MEANINGS
    from genloss.collapse.verdict import effect_words

    lines = []
    for line in found.lines[:_ACROSS]:
        lines.append(f"{line.name}:" if line.name else "Why:")
        for meant in MEANINGS:
            f = line.answer(meant.number)
            if f.answer == "not asked":
                continue
            parts = [f.law, f.why, f"needs {f.needs}" if f.needs else ""]
            effect = effect_words(f)
            said = "; ".join(p for p in (f"{meant.effect}: {effect}" if effect else "", *parts) if p)
            lines += textwrap.wrap(
                f"{meant.number} {f.answer} ({f.metric}): {said}.",
                _WIDTH,
                initial_indent="  ",
                subsequent_indent="      ",
            )
    if len(found.lines) > _ACROSS:
        lines.append(f"... and of {len(found.lines) - _ACROSS} more lines: --json, or --out page.html")
    return lines


def _differences(found: Verdict) -> list[str]:
    from genloss.numbers import bracketed, interval

    lines = ["Differences at the last generation, replicate by replicate:"]
    for d in found.differences[:_MOST]:
        size = bracketed(*interval(d.effect, 1.0 if d.factor else 0.0))
        how = f"{size} times" if d.factor else f"{size} more than"
        lines.append(f"  {d.metric}: {d.line} has {how} {'that of ' if d.factor else ''}{d.to}")
    return lines


def _unasked(found: Verdict) -> list[str]:
    from genloss.collapse.meanings import MEANINGS

    def missing(line: Line) -> set[int]:
        return {f.meaning for f in line.findings if f.answer == "not asked"}

    none = set.intersection(*(missing(line) for line in found.lines))
    if not none:
        return []
    lines = ["", "Not asked, and what would answer:"]
    for m in MEANINGS:
        if m.number in none:
            lines += textwrap.wrap(
                f"{m.number} {m.name}: {m.needs}.", _WIDTH, initial_indent="  ", subsequent_indent="      "
            )
    return lines
