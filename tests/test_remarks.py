"""What is said beside numbers: no better than the majority, and what has died out; each where it is true."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genloss import run
from genloss.cli.summary import table
from genloss.intervals import Interval, typical
from genloss.meaning import Meaning, Reference
from genloss.report.aggregate import Curve, curves
from genloss.report.page import page
from genloss.report.remarks import stands
from genloss.report.scales import Scale
from genloss.report.sections import sections
from genloss.report.tables import by_experiment
from genloss.study.outline import Outline
from genloss.study.results import Results
from laws import stream

BEAT = Reference(0.5, "always the majority", "always answering the majority class")


def rare(folder: Any, rows: int, every: dict[str, int], replicates: int) -> dict[str, Any]:
    """The spec of a table one in so many of whose rows has a class, other rows "no"."""
    rng = stream(0)
    level = np.array(["no"] * rows, dtype="U9")
    for i, (name, k) in enumerate(every.items()):
        level[i::k] = name
    size = rng.standard_normal(rows) + 2 * (level != "no")
    text = [f"{s:.3f},{v}" for s, v in zip(size, level, strict=True)]
    (folder / "t.csv").write_text("size,ill\n" + "\n".join(text) + "\n")
    return {
        "real": {"kind": "Table", "path": str(folder / "t.csv"), "target": "ill"},
        "n_real": 100,
        "generations": 20,
        "replicates": replicates,
        "agents": [{"generator": "Copula", "regime": {"vary": ["Replace", "Accumulate"]}}],
    }


@pytest.fixture(scope="module")
def died(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A class that 3 % of the rows have, in few rows: under Replace it dies out in many replicates."""
    return run(rare(tmp_path_factory.mktemp("rare"), 200, {"yes": 33}, 30), workers=0)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two such classes."""
    return run(rare(tmp_path_factory.mktemp("two"), 400, {"yes": 33, "odd": 41}, 20), workers=0)


def gone(x: Any) -> tuple[int, int]:
    """Of (T, R) shares: in how many replicates the last is 0, and by which generation half of these are."""
    ends = [
        next(t for t in range(1, len(x) + 1) if not x[t - 1 :, r].any())
        for r in range(x.shape[1])
        if x[-1, r] == 0
    ]
    return len(ends), next((t for t in sorted(ends) if 2 * sum(e <= t for e in ends) >= len(ends)), 0)


def sentence(results: Results, metric: str, said: str) -> str:
    """What has to be said of what died out."""
    each = []
    for name in ("Replace", "Accumulate"):
        x = results.array(metric, regime=name)[:, 0]
        k, by = gone(x)
        half = "half of these " * (k > 1)
        each += [f"{k} of {x.shape[1]} replicates ({name}), {half}by generation {by}"] if k else []
    return f"At generation 20 no published row has {said} in {'; '.join(each)}."


def test_a_rare_class_that_dies_out_is_said(died: Results) -> None:
    """By default metrics, in the table that a run ends with, with the very numbers of the results."""
    text = " ".join(table(died).split())
    assert gone(died.array("RareMass", regime="Replace")[:, 0])[0] > 5
    said = sentence(died, "RareMass", "ill = yes (3.5 % of real rows)")
    # in the headline, and nowhere else
    assert text.count(said) == 1 and text.index(said) < text.index("Rare categories")
    assert "Always the majority: 0.5." in text
    names = ("Replace", "Accumulate")
    low = {name: typical(died.array("BalancedError", regime=name)[-1, 0]).low for name in names}
    assert low["Replace"] >= 0.5
    verdict = "the typical replicate is no better than always answering the majority class"
    named = ", ".join(name for name in names if low[name] >= 0.5)
    assert f"At generation 20 {verdict}: {named}." in text
    html = " ".join(page(died).split())
    assert "Always the majority: 0.5." in html
    # on the page where nothing has to be opened: in the table at the top, and beside the figure
    opened = re.sub(r"<details>.*?</details>", "", html)
    assert opened.count(said) >= 2 and re.search(rf"<figcaption>[^<]*{re.escape(said)}", opened)
    assert said in " ".join(died._repr_html_().split())
    # and no word of change denies it
    for block in by_experiment(died, curves(died))[0][2]:
        if block.meaning.title == "Rare categories":
            for row in block.rows:
                assert row.curve is not None
                k = row.curve.zeros
                assert "no change" not in row.word and (f"0 in {k} of 30 replicates" in row.word) == (k > 0)


def test_each_of_several_classes_that_die_out_is_said(two: Results, tmp_path: Any) -> None:
    text, html = (" ".join(some.split()) for some in (table(two), page(two)))
    opened = re.sub(r"<details>.*?</details>", "", html)
    for name, share in (("yes", "3"), ("odd", "2.5")):
        metric = f"CategoryShare(column='ill', category='{name}')"
        said = sentence(two, metric, f"ill = {name} ({share} % of real rows)")
        assert gone(two.array(metric, regime="Replace")[:, 0])[0] > 5
        assert said in text and said in opened
    both = sentence(two, "RareMass", "ill = odd (2.5 % of real rows) or ill = yes (3 % of real rows)")
    assert both in text


def test_it_is_said_of_each_of_several_experiments(tmp_path: Any) -> None:
    """Of which the headline shows one metric alone."""
    spec = rare(tmp_path, 200, {"yes": 33}, 8)
    results = run({"experiments": {"a": spec, "b": {**spec, "n_real": 60}}}, workers=0)
    text, html = (" ".join(some.split()) for some in (table(results), page(results)))
    for name in "ab":
        k, by = gone(results.array("RareMass", experiment=name, regime="Replace")[:, 0])
        assert k > 1
        many = f"{k} of 8 replicates (Replace), half of these by generation {by}"
        said = f"no published row has ill = yes (3.5 % of real rows) in {many}"
        assert said in text and html.count(said) >= 2
    assert "Rare categories" not in text


def test_the_reference_is_drawn_dotted_and_on_the_axis(died: Results) -> None:
    (section,) = sections(died)
    figure = next(f for f in section.figures if f.name.endswith("BalancedError"))
    assert {row["ref"] for row in figure.rows if "ref" in row} == {0.5}
    assert "Dotted: always the majority." in figure.caption
    assert '"field": "ref"' in json.dumps(figure.spec) and "ref" in section.marks
    layers = json.loads(json.dumps(figure.spec))["layer"]
    low, high = next(x["encoding"]["y"]["scale"]["domain"] for x in layers)
    assert low <= 0.5 <= high
    other = next(f for f in section.figures if f.name.endswith("RareMass"))
    assert not any("ref" in row for row in other.rows) and "Dotted" not in other.caption


def test_a_reference_that_lies_far_off_is_on_the_axis() -> None:
    scale = Scale.of([(of([0.01, 0.02] * 4), None, False)])
    assert scale.low < 0.015 and 0.5 < scale.high


def test_nothing_is_said_of_what_lives(died: Results) -> None:
    (_, _, blocks), *_ = by_experiment(died, curves(died))
    for block in blocks:
        if block.meaning.title == "Distance of columns":
            assert block.remarks == []
        if block.meaning.title == "Rare categories":
            zeros = {row.labels[0]: row.curve.zeros for row in block.rows if row.curve is not None}
            counted = {name: int((died.array("RareMass", regime=name)[-1] == 0).sum()) for name in zeros}
            assert zeros == counted and block.remarks == []
        # what is lost is said at the headline
        assert bool(block.lost) == (block.meaning.title == "Balanced error")


def of(
    values: Any, better: Any = "lower", against: Reference | None = BEAT, wanted: int | None = None
) -> Curve:
    x = np.asarray(values, dtype=float)
    some = Interval(*(np.array([v]) for v in typical(x)))
    said = Meaning("Some", better=better, scale="share", reference=against)
    n = len(x) if wanted is None else wanted
    return Curve(said, "", ("",), some, some, np.array([n]), some, 0, None, 0.0, len(x), n, 0, x)


def test_who_is_not_better() -> None:
    assert stands(of([0.5] * 8)) == "no better"
    # two of three classes wrong, summed in another order
    assert (
        2 / 3 < 1 - 1 / 3 and stands(of([2 / 3] * 8, against=Reference(1 - 1 / 3, "x", "x"))) == "no better"
    )
    assert stands(of([0.6, 0.7, 0.8] * 5)) == "no better"
    assert stands(of([0.6, 0.7, 0.8] * 5, "higher")) == ""
    assert stands(of([0.1, 0.2, 0.3] * 5)) == ""
    assert stands(of([0.1, 0.2, 0.3] * 5, "higher")) == "no better"
    assert stands(of([0.3, 0.45, 0.6] * 5)) == "not shown to be better"
    # fewer than six replicates have no interval; one that is better is let be
    assert stands(of([0.6])) == "not shown to be better" and stands(of([0.4])) == ""
    assert stands(of([np.nan])) == ""
    assert stands(of([np.inf] * 8)) == "no better"
    # of what is neither good nor bad, has nothing to beat, or is not finished, nothing is said
    assert stands(of([0.6] * 8, None)) == stands(of([0.6] * 8, against=None)) == ""
    assert stands(of([0.6] * 8, against=Reference(0.5, "fresh rows"))) == ""
    assert stands(of([0.6] * 8, wanted=9)) == ""


@given(st.lists(st.floats(0, 1), min_size=6, max_size=30), st.sampled_from(["lower", "higher"]))
def test_no_verdict_is_said_that_the_interval_does_not_bear(values: list[float], better: str) -> None:
    curve = of(values, better)
    _, low, high = (float(v[0]) for v in curve.typical)
    beyond = (low, high) if better == "lower" else (1 - high, 1 - low)
    verdict = stands(curve)
    assert (verdict == "no better") == (beyond[0] >= 0.5 - 1e-9)
    assert (verdict == "") == (beyond[1] < 0.5 - 1e-9)


def test_a_reference_is_kept_with_the_run(died: Results) -> None:
    said = died.cells[0].outline
    again = Outline.read(json.loads(json.dumps(said.said())))
    assert again.meanings == said.meanings
    assert again.meanings["BalancedError"].reference == BEAT
    # what earlier runs kept knows of no references
    older = said.said()
    older["meanings"] = {k: m[:7] for k, m in older["meanings"].items()}
    assert Outline.read(older).meanings["BalancedError"].reference is None
