"""The page's contents before they are written down: a section for each experiment, and words for its top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genloss.report.aggregate import Change, Curve, Key, changes, curves
from genloss.report.charts import Figure, curve_figure
from genloss.report.layout import Layout
from genloss.report.pictures import picture_figures
from genloss.report.words import finished, interval, number, verdict, words
from genloss.study.results import Results
from genloss.study.study import Cell


@dataclass(frozen=True)
class Entry:
    """The final value of one line's headline metric, in words.

    Args:
        level: its colour, as text.
        rest: what else tells it from others, as text.
        first: the mean at generation 1, as text.
        value: the mean, as text.
        ends: the ends of its interval, as text; empty where it has none.
        word: what it means.
        size: how far it changed.
        partial: how many replicates finished where not all did: then there is no word and no size.
    """

    level: str
    rest: str
    first: str
    value: str
    ends: str
    word: str
    size: str
    partial: str


@dataclass(frozen=True)
class Table:
    """Final values as text: headings, each with its alignment, and rows."""

    head: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Section:
    """One experiment.

    Args:
        name: in the study, "" where it has none.
        title: what to call it.
        layout: how its lines are told apart.
        headline: the metric at the top of the page, "" where nothing is finished.
        entries: what became of it.
        figures: curves, then pictures.
        table: the final values.
        setup: what was run, in a line.
        missing: cells of which nothing, or not every replicate, is finished, in words.
    """

    name: str
    title: str
    layout: Layout
    headline: str
    entries: tuple[Entry, ...]
    figures: tuple[Figure, ...]
    table: Table
    setup: str
    missing: tuple[str, ...]

    @property
    def colours(self) -> list[tuple[str, str]]:
        """Of the lines, by label."""
        return list(zip(self.layout.levels, self.layout.colours, strict=True))

    def shows(self, field: str) -> bool:
        """Whether some row of the curves has this field."""
        return any(field in row for f in self.figures if not f.legend for row in f.rows)


def sections(results: Results) -> list[Section]:
    """The experiments of a study, in its order."""
    drawn, changed = curves(results), changes(results)
    by_name: dict[str, list[Cell]] = {}
    for cell in results.cells:
        by_name.setdefault(cell.experiment, []).append(cell)
    return [
        _section(results, i, name, Layout.of(cells), drawn, changed)
        for i, (name, cells) in enumerate(by_name.items())
    ]


def _section(
    results: Results,
    place: int,
    name: str,
    layout: Layout,
    drawn: Mapping[Key, Curve],
    changed: Mapping[Key, Change],
) -> Section:
    first = layout.cells[0].exp
    metrics = list(dict.fromkeys(m for c in layout.cells for m in c.exp.metric_names))
    # the share of real data is how the loop is set up rather than what became of it
    ordered = sorted(metrics, key=lambda m: m == "RealShare")
    here = {key[2] for key in drawn if any(c.index == key[0] for c in layout.cells)}
    headline = next((m for m in ordered if m in here), "")
    slug = f"{place + 1}-{_slug(name)}" if name else "1"
    figures = [curve_figure(layout, m, drawn, f"{slug}-{_slug(m)}") for m in ordered]
    figures += picture_figures(results, layout, f"{slug}-data")
    return Section(
        name,
        "" if not name and first.title == results.study.title else first.title or name,
        layout,
        headline,
        tuple(_entries(layout, headline, drawn, changed)) if headline else (),
        tuple(f for f in figures if f is not None),
        _table(layout, [m for m in ordered if m in here], drawn),
        _setup(layout),
        tuple(_missing(layout, drawn)),
    )


def _entries(
    layout: Layout, metric: str, drawn: Mapping[Key, Curve], changed: Mapping[Key, Change]
) -> list[Entry]:
    out = []
    for cell, agent in layout.lines:
        key = (cell.index, agent, metric)
        if key not in drawn:
            continue
        curve = drawn[key]
        value, ends = interval(curve.mean[-1], curve.low[-1], curve.high[-1])
        partial = finished(curve.replicates, cell.exp.replicates)
        judged = key in changed and not partial
        word, size = verdict(words(metric).kind, changed[key]) if judged else ("", "")
        names = layout.level(cell, agent), layout.rest(cell, agent)
        out.append(Entry(*names, number(curve.mean[0]), value, ends, word, size, partial))
    return out


def _table(layout: Layout, metrics: list[str], drawn: Mapping[Key, Curve]) -> Table:
    fields = [*([layout.colour] if layout.colour else []), *layout.facets, *layout.selectors]
    numbers = ["generation", "replicates", *(words(m).title for m in metrics)]
    rows = []
    for cell, agent in layout.lines:
        mine = {m: drawn[cell.index, agent, m] for m in metrics if (cell.index, agent, m) in drawn}
        if not mine:
            continue
        values = [_said(mine[m]) if m in mine else "–" for m in metrics]
        any_curve = next(iter(mine.values()))
        done, wanted = any_curve.replicates, cell.exp.replicates
        sizes = [str(int(any_curve.generation[-1])), str(done) if done == wanted else f"{done} of {wanted}"]
        rows.append(tuple([*(layout.of_line(cell, agent, f) for f in fields), *sizes, *values]))
    return Table((*((f, "text") for f in fields), *((n, "number") for n in numbers)), tuple(rows))


def _setup(layout: Layout) -> str:
    exp = layout.cells[0].exp
    varied = {f.rpartition(".")[2] for f in layout.values}
    agents = len(exp.agents)
    fixed = "real" not in varied and not varied & set(getattr(exp.real, "__dataclass_fields__", ()))
    parts = [
        f"{_named(exp.real)} as real data" if fixed else "",
        "" if "generator" in varied or agents > 1 else f"{_named(exp.agents[0].generator)} as generator",
        "" if "regime" in varied or agents > 1 else _named(exp.agents[0].regime),
        f"{agents} agents on one pool" if agents > 1 else "",
        "" if "n_real" in varied else f"{exp.n_real} real rows at first",
        f"{exp.n_fresh} fresh ones a generation" if exp.n_fresh and "n_fresh" not in varied else "",
    ]
    others = [f"{field} varied" for field in layout.values if field not in (layout.colour, "agent")]
    return "; ".join(p for p in (*parts, *others) if p)


def _named(part: object) -> str:
    text = repr(part)
    return text if len(text) < 120 else type(part).__name__


def _said(curve: Curve) -> str:
    value, ends = interval(curve.mean[-1], curve.low[-1], curve.high[-1])
    return f"{value} [{ends}]" if ends else value


def _missing(layout: Layout, drawn: Mapping[Key, Curve]) -> list[str]:
    out = []
    for cell in layout.cells:
        done = max((c.replicates for key, c in drawn.items() if key[0] == cell.index), default=0)
        if done < cell.exp.replicates:
            out.append(f"{cell.label}: {finished(done, cell.exp.replicates)}")
    return out


def _slug(text: str) -> str:
    return "".join(ch if ch.isascii() and ch.isalnum() else "-" for ch in text).strip("-") or "x"


def headline_said(section: Section) -> str:
    """What the headline metric is called, and where it ended: "variance kept at generation 100"."""
    last = sorted({c.exp.generations for c in section.layout.cells})
    when = (
        f"generation {last[0]}"
        if len(last) == 1
        else f"the last generation, {number(last[0])} to {number(last[-1])}"
    )
    return f"{words(section.headline).title.lower()} at {when}"
