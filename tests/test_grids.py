"""Reports of grids: maps of last values, rankings, panels on one scale, lines that lie on each other."""

from __future__ import annotations

import json
import re
from typing import ClassVar

import numpy as np
import pytest

from genloss import Agent, Experiment, intervals, run
from genloss import generators as g
from genloss import metrics as m
from genloss import regimes as r
from genloss.components import component
from genloss.real import Gaussian
from genloss.report.aggregate import curves
from genloss.report.colours import on_dark
from genloss.report.page import page
from genloss.report.ranking import ranking
from genloss.report.sections import sections
from genloss.report.tables import by_experiment

VARIED = [r.Replace(), r.AccumulateSubsample(), r.Accumulate()]


@component
class Level:
    """The number of real rows, at most 30, a little apart in each replicate.

    Args:
        spread: of the replicates.
    """

    spread: float = 0.0
    better: ClassVar = "lower"

    def __call__(self, seen):
        n = min(seen.exp.n_real, 30)
        return n + self.spread * np.sin(np.arange(seen.replicates) * n)


def experiment(metric, **more):
    sizes = {"generations": 3, "replicates": 12, "tile": 12} | more
    return Experiment(real=Gaussian(), agents=Agent(g.Gaussian(), r.Replace()), metrics=(metric,), **sizes)


def ranked(results):
    ((_, _, blocks),) = by_experiment(results, curves(results))
    return ranking(blocks[0])


# -- rankings --------------------------------------------------------------------------------------


def test_lines_are_ranked_by_what_their_pairs_tell_apart():
    found = ranked(run(experiment(Level()), vary={"n_real": [40, 10, 20, 50, 60]}, workers=0))
    assert found.order == "lowest first"
    assert [(line.row.name, line.rank) for line in found.lines] == [
        ("10, Replace", "1"),
        ("20, Replace", "2"),
        ("40, Replace", "3–5"),
        ("50, Replace", "3–5"),
        ("60, Replace", "3–5"),
    ]
    assert "lower is good" in found.said and "A rank such as 3–5 may be any of these" in found.said


def test_ranks_are_those_of_paired_intervals():
    done = run(experiment(Level(spread=6.0)), vary={"n_real": [10, 12, 14, 16, 18, 20]}, workers=0)
    found = ranked(done)
    last = {str(c.varied["n_real"]): done.array("Level", c)[-1, 0] for c in done.cells}
    names = [line.row.labels[0] for line in found.lines]
    assert names == sorted(names, key=lambda n: np.median(last[n]))
    for i, line in enumerate(found.lines):
        apart = []
        for other in names:
            low, high = intervals.typical(last[names[i]] - last[other])[1:]
            apart.append(low > 0 or high < 0)
        assert line.first == 1 + sum(apart[:i]) and line.last == len(names) - sum(apart[i + 1 :])


@pytest.mark.parametrize(
    ("values", "replicates"), [([10, 20, 30], 12), ([10, 12, 14, 16], 3)], ids=["few lines", "few replicates"]
)
def test_nothing_is_ranked_that_cannot_be(values, replicates):
    found = ranked(run(experiment(Level(), replicates=replicates), vary={"n_real": values}, workers=0))
    if len(values) == 3:
        assert found is None
    else:
        assert {line.rank for line in found.lines} == {"1–4"}, "too few replicates to tell"


def test_an_unfinished_grid_is_not_ranked(tmp_path):
    done = run(experiment(Level()), vary={"n_real": [10, 12, 14, 16]}, workers=0, out=tmp_path / "run")
    assert ranked(done) is not None
    (tmp_path / "run" / "parts" / f"{done.parts[0]}.parquet").unlink()
    assert ranked(type(done).open(tmp_path / "run")) is None


# -- pictures --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grid():
    exp = Experiment(
        real=Gaussian(),
        agents=Agent(g.Gaussian()),
        n_real=10,
        generations=20,
        replicates=12,
        tile=12,
        metrics=(m.TraceRatio(), m.RealShare()),
    )
    return run(exp, vary={"n_real": [10, 32, 100], "real.dim": [1, 2, 4], "regime": VARIED}, workers=0)


def test_a_grid_of_two_numbers_begins_with_a_map(grid):
    (section,) = sections(grid)
    names = [figure.name for figure in section.figures]
    assert names[:2] == ["1-TraceRatio-map", "1-TraceRatio"]
    assert "1-RealShare-map" not in names, "what a regime makes of the training set is known before"
    assert section.ranking is not None and len(section.ranking.lines) == 27
    text = page(grid)
    assert "Ranking by variance kept (27 rows)" in text and 'data-label="rank"' in text


def test_all_panels_are_on_one_scale(grid):
    (figure,) = [f for f in sections(grid)[0].figures if f.name == "1-TraceRatio"]
    domains = re.findall(r'"y": \{.*?"domain": (\[[^]]*\])', json.dumps(figure.spec))
    assert len(domains) > 3 and len(set(domains)) == 1


def test_lines_that_lie_on_each_other_are_named(grid):
    (figure,) = [f for f in sections(grid)[0].figures if f.name == "1-TraceRatio"]
    assert re.search(
        r"Lines that lie on each other, or nearly: .*AccumulateSubsample and Accumulate "
        r"\(in \d of 9 panels\)",
        figure.caption,
    )
    alone = run(experiment(Level()), vary={"regime": VARIED}, workers=0)
    assert "or nearly: Replace and AccumulateSubsample and Accumulate." in alone.plot().caption
    apart = run(experiment(Level()), vary={"n_real": [5, 20]}, workers=0)
    assert "lie on each other" not in apart.plot().caption


def test_markers_of_lines_that_lie_on_each_other_stand_apart():
    done = run(experiment(Level(), generations=40), vary={"regime": VARIED}, workers=0)
    at = {}
    for row in done.plot().rows:
        if "d" in row:
            at.setdefault(row["c"], set()).add(row["t"])
    assert len(at) == 3 and all(4 <= len(ts) <= 6 for ts in at.values())
    assert not set.intersection(*at.values())


def test_every_colour_of_a_page_has_one_for_the_dark(grid):
    text = page(grid)
    said = json.loads(re.search(r"const DARK = (\{.*?\});", text)[1])
    specs = re.search(r'id="figures">(.*?)</script>', text, re.DOTALL)[1]
    used = {*re.findall(r'"(#[0-9A-Fa-f]{6})"', specs)}
    assert used == {*said} and all(said[c] == on_dark(c) != c for c in used)
