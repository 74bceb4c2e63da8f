"""What came out, in a table that a newcomer understands, and as plain data."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from genloss.cli import listing
from genloss.wording import aligned, several

if TYPE_CHECKING:
    from genloss.report.tables import Block
    from genloss.study import Results

MOST_ROWS = 60
"""Rows of the table that a run ends with; longer ones are cut, and say so."""
_WIDTH = 120


def blocks(results: Results, every: bool) -> list[Block]:
    """A block for each metric of each experiment; of several experiments the first metric, or ``every``."""
    from genloss.report.aggregate import curves
    from genloss.report.tables import by_experiment

    found = by_experiment(results, curves(results))
    if every:
        return [block for _, _, some in found for block in some]
    return [
        block
        for _, _, some in found
        for i, block in enumerate(some)
        if i == 0 or (len(found) == 1 and block.meaning.of != "training")
    ]


def table(results: Results, every: bool = False) -> str:
    """The table as text: metrics in plain words, at the first and the last generation."""
    from genloss.report.tables import reading

    found = blocks(results, every)
    hidden = 0 if every else len(blocks(results, True)) - len(found)
    if not found:
        return "nothing finished: every cell failed" if results.failures else "nothing is finished yet"
    lines: list[str] = []
    left = sum(len(b.rows) for b in found) if every else MOST_ROWS
    for block in found:
        if left > 0:
            lines += [*_shown(block, left), ""]
        left -= len(block.rows)
    for sentence in reading(found):
        lines += textwrap.wrap(sentence, _WIDTH)
    folder = results.folder or "RUN"
    if left < 0 or hidden:
        more = [several(-left, "more row")] if left < 0 else []
        more += [several(hidden, "more metric")] if hidden else []
        lines += ["", f"Not shown here: {' and '.join(more)}. All of them: genloss results {folder}"]
    return "\n".join([*lines, *_legend(results)])


def _shown(block: Block, most: int) -> list[str]:
    """A block as lines; a column that is the same in all rows is said once, above them."""
    from genloss.numbers import about, bracketed

    rows = block.rows[:most]
    title = ": ".join(part for part in (block.experiment, block.meaning.title) if part)
    at = block.last if " to " not in block.last else f"last {block.last.partition(' ')[0]}"
    columns = {"real rows": [r.real for r in rows]} if block.real else {}
    columns[block.first] = [r.first for r in rows]
    if block.moves:
        columns[at] = [r.last for r in rows]
    columns[f"mean, {at}" if at else "mean"] = [r.mean for r in rows]
    head, body, once = list[str](), [list[str]() for _ in rows], []
    for name, some in columns.items():
        if name in ("real rows", block.first) and block.moves and len(rows) > 1 and len(set(some)) == 1:
            once.append(f"{name}, {bracketed(*some[0])}")
            continue
        head.append(name)
        body = [[*row, bracketed(*value)] for row, value in zip(body, some, strict=True)]
    lines = [click.style(title, bold=True), *textwrap.wrap(about(block.meaning), _WIDTH)]
    if once:
        lines.append(f"The same for all: {'; '.join(once)}.")
    labelled = [[*r.labels, *row] for r, row in zip(rows, body, strict=True)]
    table = _folded([*block.fields, *head], labelled, block)
    said = [line for remark in (*block.lost, *block.remarks) for line in textwrap.wrap(remark, _WIDTH)]
    if max(map(len, table)) <= _WIDTH:
        return [*lines, *table, *said]
    heads, *values = aligned(
        [head, *body], indent=6
    )  # what tells rows apart, and the change, on lines of their own
    lines += [f"  {', '.join(block.fields)}: change", heads]
    for r, own in zip(rows, values, strict=True):
        lines += [
            *textwrap.wrap(f"{r.name}: {r.change}", _WIDTH, initial_indent="  ", subsequent_indent="    "),
            own,
        ]
    return [*lines, *said]


def _folded(head: list[str], body: list[list[str]], block: Block) -> list[str]:
    """Rows with their changes; a change and its size are on two lines where one is too long."""
    room = _WIDTH - 2 - sum(max(map(len, some)) + 2 for some in zip(head, *body, strict=True))
    lines = [[*head, "change" if block.moves else ""]]
    for row, r in zip(body, block.rows, strict=False):
        if len(r.change) <= room or not r.size:
            lines.append([*row, r.change])
        else:
            lines += [[*row, r.word], [*("" for _ in row), r.size]]
    return aligned(lines, indent=2)


def records(results: Results) -> list[dict[str, Any]]:
    """Every metric at the first and the last generation, as JSON has it.

    Infinite values are the text "Infinity" or "-Infinity", and what is no number is null.
    """
    from genloss.numbers import json_number
    from genloss.report.aggregate import curves

    out = []
    for (index, agent, metric), curve in curves(results).items():
        cell = results.cells[index]
        for k in dict.fromkeys((0, len(curve.at) - 1)):
            names = ("typical", "typical_low", "typical_high", "mean", "low", "high")
            numbers = [json_number(v[k]) for v in (*curve.typical, *curve.mean)]
            out.append(
                {
                    "cell": index,
                    "experiment": cell.experiment,
                    "varied": cell.columns,
                    **{field: said for field, said in cell.outline.lines[agent].items() if field != "regime"},
                    "metric": metric,
                    **({curve.axis: curve.at[k]} if curve.axis else {}),
                    "replicates": curve.replicates,
                    **dict(zip(names, numbers, strict=True)),
                }
            )
    return out


def _legend(results: Results) -> list[str]:
    """The regimes of the study, each in a sentence."""
    from genloss.experiment import Experiment

    # where the study cannot be built here, there are no agents
    loops = [c.task for c in results.cells if isinstance(c.task, Experiment)]
    kinds = dict.fromkeys(type(agent.regime) for loop in loops for agent in loop.agents)
    lines = []
    for kind in kinds:
        start = f"  {kind.__name__.ljust(max(len(k.__name__) for k in kinds))}  "
        lines += textwrap.wrap(
            listing.about(kind), _WIDTH, initial_indent=start, subsequent_indent=" " * len(start)
        )
    return ["", "Regimes, what the next model trains on:", *lines] if lines else []
