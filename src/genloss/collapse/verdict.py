"""Verdicts: the eight answers for every line, a sentence for each, and how lines differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss import intervals
from genloss.collapse.findings import Finding, Read
from genloss.collapse.meanings import MEANINGS, Margins, logarithmic, tells
from genloss.collapse.profile import profile
from genloss.collapse.sentences import margins_said, sentence
from genloss.collapse.trajectory import Trajectory, trajectories
from genloss.errors import SpecError, shown
from genloss.intervals import Interval
from genloss.numbers import bracketed, interval
from genloss.study.results import Results
from genloss.wording import aligned


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a study, or group of a table.

    Args:
        labels: what tells it from others.
        reads: its metrics, with what is known of their growth.
        findings: the eight answers, of each metric that can answer.
    """

    labels: Mapping[str, Any]
    reads: tuple[Read, ...]
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """What to call it: "Replace", or "kde: n_real=100, regime=Replace"; "" where there is only one."""
        rest = {k: v for k, v in self.labels.items() if k != "experiment"}
        said = ", ".join(f"{k.rpartition('.')[2]}={v}" for k, v in rest.items())
        own = str(next(iter(rest.values()))) if len(rest) == 1 else said
        return ": ".join(part for part in (str(self.labels.get("experiment", "")), own) if part)

    @property
    def headline(self) -> Read:
        """The metric that its sentence is of: of risk, else the first."""
        return next((r for r in self.reads if tells(r.x) == "risk"), self.reads[0])

    def answer(self, meaning: int) -> Finding:
        """The answer to a meaning: a yes before an undecided before a no, whatever the metric."""
        order = {"yes": 0, "undecided": 1, "no": 2, "not asked": 3}
        mine = [f for f in self.findings if f.meaning == meaning]
        if not mine:
            raise SpecError(f"there is no meaning {meaning}: give a number from 1 to {len(MEANINGS)}")
        return min(mine, key=lambda f: order[f.answer])

    @property
    def sentence(self) -> str:
        """What a newcomer should know of its headline."""
        return sentence(self.headline)


@dataclass(frozen=True, eq=False)
class Difference:
    """How two lines differ in a metric at the last generation, replicate by replicate.

    Args:
        metric: its name.
        line: that is compared.
        to: the line it is compared with.
        effect: of the typical replicate: a factor where the metric is a ratio, else a difference.
        factor: whether it is one.
    """

    metric: str
    line: str
    to: str
    effect: Interval
    factor: bool

    @property
    def words(self) -> str:
        """As a list of them has it."""
        size = bracketed(*interval(self.effect, 1.0 if self.factor else 0.0))
        if self.factor:
            return f"{self.metric}: {self.line} has {size} times that of {self.to}"
        return f"{self.metric}: {self.line} less {self.to} is {size}"


@dataclass(frozen=True, eq=False)
class Verdict:
    """The verdicts of a study, or of a table.

    Args:
        lines: in order.
        margins: where a yes begins.
        notes: a line for each thing to know of the data.
    """

    lines: tuple[Line, ...]
    margins: Margins
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        heads = (f"{line.name}: " if line.name else "" for line in self.lines)
        said = [f"{head}{line.sentence}" for head, line in zip(heads, self.lines, strict=True)]
        return "\n".join([*said, "", *aligned(answers_table(self))])

    def said(self) -> list[dict[str, Any]]:
        """As JSON has it: one object for each line, metric and meaning."""
        return [finding.said() for line in self.lines for finding in line.findings]

    @property
    def stated(self) -> str:
        """The margins of what was asked, in words."""
        reads = (read for line in self.lines for read in line.reads)
        return margins_said(reads, (f for line in self.lines for f in line.findings), self.margins)

    @property
    def differences(self) -> list[Difference]:
        """Of every line's headline from that of a line that differs in one label, the regime first."""
        return differences(self.lines)


def verdict(
    data: Results | Iterable[Trajectory], margins: Margins | None = None, notes: Sequence[str] = ()
) -> Verdict:
    """The eight answers for every line of a run, or of trajectories.

    Args:
        data: results, or trajectories as :mod:`.others` reads them from a table.
        margins: where a yes begins; by default those of :class:`Margins`.
        notes: to pass on.

    Raises:
        SpecError: if margins are given otherwise.
    """
    margins = Margins() if margins is None else margins
    if not isinstance(margins, Margins):
        raise SpecError(f"margins = {shown(margins)}: give Margins(...), as Margins(increase=0.1)")
    some = [*trajectories(data)] if isinstance(data, Results) else [*data]
    by: dict[str, list[Trajectory]] = {}
    for x in some:
        by.setdefault(str(sorted((k, str(v)) for k, v in x.labels.items())), []).append(x)
    grids = _grids(some)
    lines = []
    for line in by.values():
        reads = tuple(Read(x) for x in line)
        mine = {x.metric: grids[_without_n(x)] for x in line if len(grids.get(_without_n(x), {})) > 2}
        lines.append(Line(line[0].labels, reads, tuple(profile(reads, mine, margins))))
    gaps = [f"{x.name}: {x.gaps} where its growth is told" for x in some if x.gaps]
    said = dict.fromkeys([*notes, *(note for x in some for note in (*x.notes, x.infinite) if note), *gaps])
    return Verdict(tuple(lines), margins, tuple(said))


def _n(x: Trajectory) -> float | None:
    """How many real rows its line has, where that is one of its labels."""
    found = [v for k, v in x.labels.items() if k.rpartition(".")[2] in ("n_real", "n")]
    return float(found[0]) if len(found) == 1 and isinstance(found[0], (int, float)) else None


def _without_n(x: Trajectory) -> str:
    rest = sorted((k, str(v)) for k, v in x.labels.items() if k.rpartition(".")[2] not in ("n_real", "n"))
    return f"{x.metric} {x.agent} {rest}"


def _grids(some: Iterable[Trajectory]) -> dict[str, dict[float, Trajectory]]:
    """Trajectories that differ in n alone, by n."""
    grids: dict[str, dict[float, Trajectory]] = {}
    for x in some:
        n = _n(x)
        if n is not None:
            grids.setdefault(_without_n(x), {})[n] = x
    return grids


def differences(lines: Sequence[Line]) -> list[Difference]:
    """Of the headline at the last generation that both have, from a line that is like it but for its regime.

    Only replicates of one world are pairs: lines of one experiment of ours, with as many replicates.
    """
    found = []
    for k, line in enumerate(lines[1:], 1):
        base = _like(line, lines[:k])
        if base is None:
            continue
        x, y = line.headline.x, base.headline.x
        last = min(len(x.values), len(y.values)) - 1
        factor = logarithmic(x) and logarithmic(y)
        with np.errstate(all="ignore"):
            effect = intervals.change(y.values[last], x.values[last], "ratio" if factor else "plain")
        found.append(Difference(x.metric, line.name, base.name, effect, factor))
    return found


def _like(line: Line, others: Sequence[Line]) -> Line | None:
    """The first line of the same metric that differs in one label: in the regime, else in another."""
    x = line.headline.x
    near = []
    for other in others:
        y = other.headline.x
        if y.metric != x.metric or x.task is None or y.task is None or x.replicates != y.replicates:
            continue
        apart = [k for k in {*line.labels, *other.labels} if line.labels.get(k) != other.labels.get(k)]
        if len(apart) == 1 and apart[0] != "experiment":
            near.append((apart[0].rpartition(".")[2] != "regime", other))
    return min(near, key=lambda one: one[0])[1] if near else None


def answers_table(found: Verdict) -> list[list[str]]:
    """Meanings as rows, lines as columns, with a head: what the command and the page show."""
    head = ["did it collapse?", *(line.name or "answer" for line in found.lines)]
    rows = [head]
    for meant in MEANINGS:
        cells = [line.answer(meant.number).word for line in found.lines]
        rows.append([f"{meant.number} {meant.name}", *cells])
    return rows
