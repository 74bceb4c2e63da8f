"""``genloss verdict``: whether it collapsed, by which meaning, and how fast."""

from __future__ import annotations

import json
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

import click

from genloss.cli.sources import pairs, sources_options, trajectories_of
from genloss.errors import SpecError, say
from genloss.wording import several

if TYPE_CHECKING:
    from genloss.collapse.verdict import Verdict

_WIDTH = 120
_MOST = 12
_ACROSS = 4  # lines that stand beside each other, and of which reasons are told
_EIGHT = 46  # characters that eight short answers take


@click.command()
@sources_options
@click.option("--better", type=click.Choice(["lower", "higher"]), help="Of a table: which values are good.")
@click.option(
    "--tells",
    type=click.Choice(["risk", "spread", "tail", "modes", "between", "support"]),
    help="Of a table: what its values tell of.",
)
@click.option(
    "--reference",
    "references",
    multiple=True,
    metavar="METRIC=VALUE",
    help="The risk of knowing nothing, for meaning 1.",
)
@click.option(
    "--margin",
    "margins",
    multiple=True,
    metavar="NAME=VALUE",
    help="Where a yes begins: lost, increase, nats, share, spreads, kept, falling, exponent, modes, between "
    "or support; the page says which is what.",
)
@click.option("--out", type=click.Path(), help="Write a page of its own, an HTML file that opens offline.")
@click.option("--json", "as_json", is_flag=True, help="A list: an object for each line, metric and meaning.")
def verdict(
    sources: tuple[str, ...],
    margins: tuple[str, ...],
    out: str | None,
    as_json: bool,
    trust: bool,
    **columns: Any,
) -> None:
    """Say whether it collapsed, by each of eight meanings, and how fast.

    RUN is a run's folder. TABLE is anybody's values by generation: CSV, JSON, Parquet or Excel, long or wide,
    or what a tracker exports; what its columns are is found by name or given, and said. Several tables are
    replicates where their names count (seed_0.csv seed_1.csv), and else lines.

    \b
    genloss verdict genloss-runs/collapse-or-thrive
    genloss verdict losses.csv --value loss --replicate seed --group method

    A yes, or a no, is demonstrated against a margin, or by a law that holds for the experiment; all else is
    undecided, with what would tell, or was not asked, with the metric that would answer.
    """  # noqa: D301  # to click the character, not a backslash and a b, keeps lines as they are
    from genloss.collapse.meanings import Margins
    from genloss.collapse.verdict import verdict as judged
    from genloss.tables.say import meant

    asked = pairs(margins, "--margin")
    known = {k: v for k, v in vars(Margins()).items() if k != "references"}
    for name in asked:
        if name not in known:
            raise SpecError(
                f"--margin {name}: there is no such margin{meant(name, known)}; there are {', '.join(known)}"
            )
    bounds = Margins(**{**known, **asked}, references=pairs(columns["references"], "--reference"))
    some, notes, title = trajectories_of(sources, trust, columns)
    found = judged(some, bounds, notes)
    for note in found.notes:
        say(note)
    click.echo(json.dumps(found.said(), indent=1) if as_json else text(found, _width()))
    if out is not None:
        from genloss.report.verdicts import write

        page = write(found, out, title)
        say(f"page: {page}") if as_json else click.echo(f"\nPage: {page}")


def _width() -> int:
    """How wide lines of text may be: as the terminal is, within bounds."""
    return max(60, min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns))


def text(found: Verdict, width: int = _WIDTH) -> str:
    """The verdicts as a terminal shows them: sentences, answers, what they rest on, and what was not asked.

    Args:
        found: what to show.
        width: of the terminal, in characters.
    """
    parts = (_sentences, _answers, _why, _margins, _differences, _unasked)
    return "\n\n".join("\n".join(lines) for part in parts if (lines := part(found, width)))


def _wrapped(said: str, width: int, first: str = "", rest: str = "  ") -> list[str]:
    return textwrap.wrap(
        said,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _sentences(found: Verdict, width: int) -> list[str]:
    lines: list[str] = []
    for line in found.lines[:_MOST]:
        lines += _wrapped(f"{line.name}: {line.sentence}" if line.name else line.sentence, width)
    left = len(found.lines) - _MOST
    return [*lines, f"... and {several(left, 'more line')}; all of them: --json"] if left > 0 else lines


def _answers(found: Verdict, width: int) -> list[str]:
    from genloss.collapse.meanings import MEANINGS
    from genloss.collapse.verdict import answers_table
    from genloss.wording import aligned

    (_, *names), *body = answers_table(found)
    upright = aligned([["Did it collapse?", *names], *body])
    if len(names) <= _ACROSS and max(map(len, upright)) <= width:
        return upright
    short = {"not asked": "-", "undecided": "?", "yes by law": "yes*", "no by law": "no*"}
    turned = zip(*([short.get(a, a) for a in row[1:]] for row in body), strict=True)
    head = ["Did it collapse?", *(str(m.number) for m in MEANINGS)]
    if max(map(len, names)) > width - _EIGHT:  # values alone, below what they are of
        head[0] = ", ".join(k.rpartition(".")[2] for k in found.lines[0].labels)
        names = [", ".join(map(str, line.labels.values())) for line in found.lines]
    rows = [[_cut(name, width - _EIGHT), *row] for name, row in zip(names, turned, strict=True)]
    legend = "; ".join(f"{m.number} {m.name}" for m in MEANINGS)
    return [*aligned([head, *rows]), *_wrapped(f"{legend}. * by law, ? undecided, - not asked.", width, "  ")]


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 3]}..."


def _why(found: Verdict, width: int) -> list[str]:
    """What answers rest on: of a few lines, the meanings that were asked."""
    from genloss.collapse.meanings import MEANINGS
    from genloss.collapse.sentences import reason

    if len(found.lines) > _ACROSS:
        return ["Why, line by line: --out page.html, or --json"]
    lines = []
    for line in found.lines:
        asked = [f for f in line.findings if f.answer != "not asked"]
        if asked:
            lines.append(f"Why, of {line.name}:" if line.name else "Why:")
        reasons: dict[tuple[str, str], list[str]] = {}
        for f in asked:
            answer = f"{f.meaning} {MEANINGS[f.meaning - 1].name}: {f.answer}"
            reasons.setdefault((answer, reason(f)), []).append(str(f.metric))
        for (answer, why), metrics in reasons.items():
            lines += _wrapped(f"{answer} ({', '.join(metrics)}): {why}.", width, "  ", "    ")
    return lines


def _margins(found: Verdict, width: int) -> list[str]:
    return _wrapped(found.stated, width, "", "  ")


def _differences(found: Verdict, width: int) -> list[str]:
    if not found.differences:
        return []
    lines = ["Differences at the last generation, replicate by replicate:"]
    for d in found.differences[:_MOST]:
        lines += _wrapped(d.words, width, "  ", "    ")
    left = len(found.differences) - _MOST
    return [*lines, f"  ... and {left} more: --out page.html"] if left > 0 else lines


def _unasked(found: Verdict, width: int) -> list[str]:
    from genloss.collapse.meanings import MEANINGS

    asked = {f.meaning for line in found.lines for f in line.findings if f.answer != "not asked"}
    lines = [
        row
        for m in MEANINGS
        if m.number not in asked
        for row in _wrapped(f"{m.number} {m.name}: {m.needs}.", width, "  ", "    ")
    ]
    return ["Not asked, as no metric tells of it; what would:", *lines] if lines else []
