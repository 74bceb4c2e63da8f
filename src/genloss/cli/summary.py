"""What came out, in a table that a newcomer understands, and as plain data."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from genloss.study import Cell, Results

MOST_ROWS = 60
"""Rows of the table that a run ends with; longer ones are cut, and say so."""


@dataclass(frozen=True)
class Row:
    """One agent of one cell: its labels, a metric at the first and the last generation, and the change.

    Where fewer replicates finished than were wanted, the verdict says so and nothing else.
    """

    labels: tuple[str, ...]
    first: str
    last: str
    verdict: str
    finished: int
    wanted: int


@dataclass(frozen=True)
class Block:
    """One metric of one experiment, row by row."""

    title: str
    about: str
    columns: tuple[str, ...]
    generations: int
    rows: tuple[Row, ...]


def blocks(results: Results, every: bool) -> Iterator[Block]:
    """A block for each metric of each experiment; of several experiments the first metric, or ``every``."""
    from genloss.report.aggregate import changes, curves
    from genloss.report.words import finished, interval, verdict, words

    found, changed = curves(results), changes(results)
    names = list(dict.fromkeys(c.experiment for c in results.cells))
    for name in names:
        cells = [c for c in results.cells if c.experiment == name]
        metrics = {k: m for c in cells for k, m in c.exp.metric_names.items()}
        headline = [k for k in metrics if not k.startswith("RealShare")] or list(metrics)
        columns = _columns(cells)
        for metric in metrics if every else headline if len(names) == 1 else headline[:1]:
            said = words(metric, next(c.exp for c in cells if metric in c.exp.metric_names))
            for generations in dict.fromkeys(c.exp.generations for c in cells):
                rows = []
                for c in (c for c in cells if c.exp.generations == generations):
                    if metric not in c.exp.metric_names:
                        continue
                    for i in range(len(c.exp.agents)):
                        curve, change = found.get((c.index, i, metric)), changed.get((c.index, i, metric))
                        first, last, done = "–", "–", 0
                        if curve is not None:
                            first, last = (
                                _said(*interval(curve.mean[k], curve.low[k], curve.high[k])) for k in (0, -1)
                            )
                            done = curve.replicates
                        what = finished(done, c.exp.replicates)
                        if change is not None and not what:
                            what = ", ".join(w for w in verdict(said.kind, change) if w)
                        rows.append(Row(_labels(c, i, columns), first, last, what, done, c.exp.replicates))
                if rows and found:
                    of = (getattr(cells[0].exp, "title", "") or name) if len(names) > 1 else ""
                    title = f"{of}: {said.title}" if of else said.title
                    yield Block(title, said.about, columns, generations, tuple(rows))


def table(results: Results, every: bool = False) -> str:
    """The table as text: metrics in plain words, at the first and the last generation."""
    found = list(blocks(results, every))
    if not found:
        return "nothing finished: every cell failed" if results.failures else "nothing is finished yet"
    lines: list[str] = []
    total = sum(len(b.rows) for b in found)
    left = total if every else MOST_ROWS
    for block in found:
        kept = block.rows[: max(left, 0)]
        left -= len(block.rows)
        if not kept:
            continue
        head, body = [*block.columns, "generation 1"], [[*r.labels, r.first] for r in kept]
        if block.generations > 1:
            head += [f"generation {block.generations}"]
            body = [[*row, r.last] for row, r in zip(body, kept, strict=True)]
        body = [[*row, r.verdict] for row, r in zip(body, kept, strict=True)]
        lines += [click.style(block.title, bold=True)]
        lines += [*textwrap.wrap(block.about, 100), *aligned([[*head, ""], *body], indent=2), ""]
    lines += _reading([r for b in found for r in b.rows], any(b.generations > 1 for b in found))
    if left < 0:
        lines.append(f"{-left} more rows are not shown here: genloss results shows all.")
    return "\n".join([*lines, *_legend(results)])


def _reading(rows: list[Row], judged: bool) -> list[str]:
    """How to read the table: what is averaged, what is compared, what is missing."""
    whole = sorted({r.finished for r in rows if r.finished == r.wanted})
    first = "Generation 1 is the model fitted to real data."
    lines = [first]
    if whole:
        many = " to ".join(str(r) for r in dict.fromkeys((whole[0], whole[-1])))
        lines = [f"Means over {many} replicates, with 95 % intervals. {first}"]
    if judged and whole:
        lines.append("Verdicts compare each replicate's last generation with its own first.")
    if any(r.finished < r.wanted for r in rows):
        lines.append(
            "Where replicates are missing, means are over those that finished, which may be the tamer ones: "
            "no verdict."
        )
    return lines


def aligned(rows: list[list[str]], indent: int = 0) -> list[str]:
    """Lines whose columns stand under each other."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    pad = " " * indent
    return [
        pad + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def records(results: Results) -> list[dict[str, Any]]:
    """Every metric at the first and the last generation, as JSON has it.

    Infinite means are the text "Infinity" or "-Infinity", and what is no number is null.
    """
    from genloss.report.aggregate import curves

    out = []
    for (index, agent, metric), curve in curves(results).items():
        cell = results.cells[index]
        for k in dict.fromkeys((0, len(curve.generation) - 1)):
            bounded = math.isfinite(curve.low[k]) and math.isfinite(curve.high[k])
            out.append(
                {
                    "cell": index,
                    "experiment": cell.experiment,
                    "varied": dict(cell.varied),
                    "agent": cell.exp.agent_names[agent],
                    "metric": metric,
                    "generation": int(curve.generation[k]),
                    "replicates": curve.replicates,
                    "mean": json_number(curve.mean[k]),
                    "low": json_number(curve.low[k]) if bounded else None,
                    "high": json_number(curve.high[k]) if bounded else None,
                }
            )
    return out


def json_number(x: float) -> float | str | None:
    """A number as JSON can hold it."""
    if math.isnan(x):
        return None
    return float(x) if math.isfinite(x) else "Infinity" if x > 0 else "-Infinity"


def _said(mean: str, ends: str) -> str:
    return f"{mean} [{ends}]" if ends else mean


def _columns(cells: list[Cell]) -> tuple[str, ...]:
    varied = dict.fromkeys(k for c in cells for k in c.varied)
    agents = ["agent"] if any(len(c.exp.agents) > 1 for c in cells) else []
    known = all(hasattr(a, "regime") for c in cells for a in c.exp.agents)  # an outline has names alone
    regime = ["regime"] if known and "regime" not in varied else []
    return (*varied, *agents, *regime)


def _labels(cell: Cell, agent: int, columns: tuple[str, ...]) -> tuple[str, ...]:
    from genloss.study.grid import label

    known = {k: str(v) for k, v in cell.varied.items()}
    known["agent"] = cell.exp.agent_names[agent]
    if "regime" in columns:
        known.setdefault("regime", str(label(cell.exp.agents[agent].regime)))
    return tuple(known.get(c, "") for c in columns)


def _legend(results: Results) -> list[str]:
    """The regimes of the study, each in a sentence."""
    from genloss.cli.listing import about

    kinds = dict.fromkeys(type(a.regime) for c in results.cells for a in c.exp.agents if hasattr(a, "regime"))
    rows = [[f"  {kind.__name__}", about(kind)] for kind in kinds if about(kind)]
    return ["", "Regimes, what the next model trains on:", *aligned(rows)] if rows else []
