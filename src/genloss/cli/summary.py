"""What came out, in a table that a newcomer understands, and as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from genloss.study import Cell, Results

MOST_ROWS = 60
"""Rows of the table that a run ends with; longer ones are cut, and say so."""

WORDS = {
    "TraceRatio": "variance that is left (1 is all of the real data's, 0 is a single point)",
    "LogDetRatio": "log volume against the real data's (0 is the same; it falls as data shrinks)",
    "MeanError": "squared error of the mean (0 is none)",
    "HoldoutNLL": "surprise at real rows never trained on, in nats a row (less is better)",
    "TestError": "error in predicting real rows never trained on (less is better)",
    "Diversity": "diversity, the chance that two draws differ (less is poorer)",
    "SupportSize": "symbols that can still occur",
    "TotalVariation": "distance from the real frequencies (0 is none, 1 is all)",
    "SlicedWasserstein": "distance from real rows never trained on (0 is none)",
    "TailMass": "share of rows in the tails of the real data",
    "RealShare": "share of real rows in the training set",
}
"""Our metrics in plain words; others are called by their names."""


@dataclass(frozen=True)
class Value:
    """A mean over replicates.

    Args:
        mean: the mean; infinite where one replicate is, NaN where one is or where nothing was finished.
        half: half the width of its 95 % interval; NaN where there is none.
    """

    mean: float
    half: float

    def __str__(self) -> str:
        """With two digits of the uncertainty.

        >>> print(Value(0.36234, 0.0312), Value(1234.5, 40.0), Value(3.1e-9, 2e-10), Value(float("inf"), float("nan")))
        0.362 ± 0.031 1235 ± 40 3.10e-09 ± 2.0e-10 infinite
        """
        if math.isnan(self.mean):
            return "not a number"
        if math.isinf(self.mean):
            return "infinite" if self.mean > 0 else "minus infinite"
        if math.isnan(self.half):
            return f"{self.mean:.3g}"
        size = max(abs(self.mean), self.half)
        if size and not 1e-4 <= size < 1e6:
            return f"{self.mean:.2e} ± {self.half:.1e}"
        if not self.half:
            return f"{self.mean:.4g}"
        digits = min(max(1 - math.floor(math.log10(self.half)), 0), 6)
        return f"{self.mean:.{digits}f} ± {self.half:.{digits}f}"


@dataclass(frozen=True)
class Row:
    """One agent of one cell: what it is called, and a metric at the first and the last generation."""

    labels: tuple[str, ...]
    first: Value
    last: Value


@dataclass(frozen=True)
class Block:
    """One metric of one experiment, row by row."""

    title: str
    metric: str
    columns: tuple[str, ...]
    generations: int
    rows: tuple[Row, ...]


def blocks(results: Results, every: bool) -> Iterator[Block]:
    """A block for each metric of each experiment; of several experiments, the first metric unless ``every``."""
    values = _values(results)
    names = list(dict.fromkeys(c.experiment for c in results.cells))
    for name in names:
        cells = [c for c in results.cells if c.experiment == name]
        metrics = list(dict.fromkeys(m for c in cells for m in c.exp.metric_names))
        headline = [m for m in metrics if _kind(m) != "RealShare"] or metrics
        chosen = metrics if every else headline if len(names) == 1 else headline[:1]
        columns = _columns(cells)
        for metric in chosen:
            for generations in dict.fromkeys(
                c.exp.generations for c in cells if metric in c.exp.metric_names
            ):
                rows = tuple(
                    Row(
                        _labels(c, i, columns),
                        values[c.index, i, metric, 1],
                        values[c.index, i, metric, generations],
                    )
                    for c in cells
                    if c.exp.generations == generations and metric in c.exp.metric_names
                    for i in range(len(c.exp.agents))
                    if (c.index, i, metric, generations) in values
                )
                if rows:
                    yield Block(cells[0].exp.title or name, metric, columns, generations, rows)


def table(results: Results, every: bool = False) -> str:
    """The table as text: metrics in plain words, at the first and the last generation."""
    found = list(blocks(results, every))
    if not found:
        return "nothing is finished yet"
    lines: list[str] = []
    shown = total = sum(len(b.rows) for b in found)
    left = total if every else MOST_ROWS
    for block in found:
        kept = block.rows[: max(left, 0)]
        left -= len(kept)
        if not kept:
            continue
        title = f"{block.title}: " if block.title else ""
        lines += [click.style(f"{title}{WORDS.get(_kind(block.metric), block.metric)}", bold=True)]
        head = [
            *block.columns,
            "generation 1",
            *([f"generation {block.generations}"] if block.generations > 1 else []),
        ]
        body = [[*r.labels, str(r.first), *([str(r.last)] if block.generations > 1 else [])] for r in kept]
        lines += [*aligned([head, *body], indent=2), ""]
    shown = total if every else min(total, MOST_ROWS)
    replicates = sorted({c.exp.replicates for c in results.cells})
    many = " to ".join(str(r) for r in dict.fromkeys((replicates[0], replicates[-1])))
    lines.append(
        f"Means over {many} replicates with 95 % intervals. Generation 1 is the model fitted to real data."
    )
    if shown < total:
        lines.append(f"{total - shown} more rows are not shown here.")
    lines += _legend(results)
    return "\n".join(lines)


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
    out = []
    for (index, agent, metric, generation), value in _values(results).items():
        cell = results.cells[index]
        bounded = not math.isnan(value.half)
        out.append(
            {
                "cell": index,
                "experiment": cell.experiment,
                "varied": dict(cell.varied),
                "agent": cell.exp.agent_names[agent],
                "metric": metric,
                "generation": generation,
                "replicates": cell.exp.replicates,
                "mean": json_number(value.mean),
                "low": json_number(value.mean - value.half) if bounded else None,
                "high": json_number(value.mean + value.half) if bounded else None,
            }
        )
    return out


def json_number(x: float) -> float | str | None:
    """A number as JSON can hold it."""
    if math.isnan(x):
        return None
    return x if math.isfinite(x) else "Infinity" if x > 0 else "-Infinity"


def _values(results: Results) -> dict[tuple[int, int, str, int], Value]:
    """By cell, agent, metric and generation; the first and the last generation of each cell."""
    last = ", ".join(f"({c.index}, {c.exp.generations})" for c in results.cells)
    rows = results.query(
        "SELECT cell, agent, metric, generation, avg(value) AS mean, "
        "CASE WHEN bool_and(isfinite(value)) AND count(*) > 1 "
        "THEN 1.96 * stddev_samp(value) / sqrt(count(*)) END AS half "
        f"FROM results JOIN (VALUES {last}) AS ends(cell, final) USING (cell) "
        "WHERE generation = 1 OR generation = final GROUP BY ALL ORDER BY cell, agent, metric, generation"
    ).to_pylist()
    nan = float("nan")
    return {
        (r["cell"], r["agent"], r["metric"], r["generation"]): Value(
            nan if r["mean"] is None else r["mean"], nan if r["half"] is None else r["half"]
        )
        for r in rows
    }


def _kind(metric: str) -> str:
    """The class of a metric, whose name has its fields where two of one class are there."""
    return metric.partition("(")[0]


def _columns(cells: list[Cell]) -> tuple[str, ...]:
    varied = dict.fromkeys(k for c in cells for k in c.varied)
    agents = ["agent"] if any(len(c.exp.agents) > 1 for c in cells) else []
    regime = [] if "regime" in varied else ["regime"]
    return (*varied, *agents, *regime)


def _labels(cell: Cell, agent: int, columns: tuple[str, ...]) -> tuple[str, ...]:
    from genloss.study.grid import label

    known = {k: str(v) for k, v in cell.varied.items()}
    known["agent"] = cell.exp.agent_names[agent]
    known.setdefault("regime", str(label(cell.exp.agents[agent].regime)))
    return tuple(known.get(c, "") for c in columns)


def _legend(results: Results) -> list[str]:
    """The regimes of the study, each in a sentence."""
    from genloss.cli.listing import about

    kinds = dict.fromkeys(type(a.regime) for c in results.cells for a in c.exp.agents)
    rows = [[f"  {kind.__name__}", about(kind)] for kind in kinds if kind.__doc__]
    return ["", "Regimes, what the next model trains on:", *aligned(rows)] if rows else []
