"""The report: self-contained, safe, complete; its laws against simulation."""

from __future__ import annotations

import ast
import html
import itertools
import json
import re
import warnings
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

import genloss
from genloss import Agent, Experiment, intervals, run
from genloss import generators as g
from genloss import metrics as m
from genloss import regimes as r
from genloss.cli.summary import table
from genloss.components import component
from genloss.errors import GenlossError, StoreError
from genloss.intervals import Interval
from genloss.meaning import Meaning
from genloss.numbers import changed, number
from genloss.real import Gaussian as RealGaussian
from genloss.real import Moons, Zipf
from genloss.report import drawing, figures, law, overview, write
from genloss.report.aggregate import GENERATION, Curve, curve, curves
from genloss.report.colours import REGIMES, palette
from genloss.report.layout import Layout
from genloss.report.looks import folded
from genloss.report.page import page
from genloss.report.scales import Scale
from genloss.report.sections import sections
from genloss.report.tables import by_experiment, reading
from genloss.report.templating import templates
from genloss.study import Study
from genloss.study.results import Results

HOSTILE = "</script><script>alert(1)</script>\u2028<!-- \"'&<b>"
WORDS = {"generator": "Categorical"}
VARIED = [{"kind": "Replace"}, {"kind": "AccumulateSubsample"}, {"kind": "Accumulate"}]


def small(**changes):
    """A spec that runs in a moment."""
    agent = {"generator": "Gaussian", "regime": "Replace"} | changes.pop("agent", {})
    base = {
        "real": {"kind": "Gaussian", "dim": 2},
        "n_real": 12,
        "generations": 4,
        "replicates": 3,
        "metrics": ["TraceRatio", "MeanError", "RealShare"],
        "agents": [agent],
    }
    return base | changes


def results(spec, **more) -> Results:
    return run(spec, workers=0, **more)


class Page(HTMLParser):
    """What a page loads and holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.data: dict[str, str] = {}
        self._in: tuple[str, dict] = ("", {})
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._in = (tag, dict(attrs))
        self.tags.append(self._in)

    def handle_endtag(self, tag):
        self._in = ("", {})

    def handle_data(self, data):
        tag, attrs = self._in
        if tag == "script":
            self.data[attrs.get("id", "script")] = data
        elif tag != "style":
            self.text += data

    @property
    def figures(self):
        return json.loads(self.data["figures"])


def check(text: str) -> Page:
    """The page is self-contained and under its policy."""
    seen = Page(text)
    policy = [a["content"] for tag, a in seen.tags if tag == "meta" and "content" in a and "http-equiv" in a]
    assert policy == [
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    ]
    for tag, attrs in seen.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        assert "src" not in attrs and not any(name.startswith("on") for name in attrs)
        if "href" in attrs:
            assert attrs["href"].startswith("#")
    assert [tag for tag, _ in seen.tags].count("script") == 3
    styles = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert not any("url(" in s or "@import" in s for s in styles)
    for figure in seen.figures:
        assert '"url":"http' not in json.dumps(figure["spec"], separators=(",", ":"))
        assert not re.search(r'"data":\{"url"', json.dumps(figure["spec"], separators=(",", ":")))
        assert len({len(column["at"]) for column in figure["columns"].values()}) == 1
    ids = [a["id"] for _, a in seen.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {f["id"] for f in seen.figures} <= set(ids)
    return seen


def draws(results: Results, folder: Path) -> list[Path]:
    """Vega-Lite accepts every figure."""
    return figures(results, folder, formats=["svg"])


# -- what it must hold -----------------------------------------------------------------------------


def test_the_page_is_self_contained_and_says_everything(tmp_path):
    spec = {
        "title": "A study",
        "about": "First paragraph.\n\nSecond.",
        "experiments": {
            "one": small(title="Gaussians", agent={"regime": {"vary": VARIED}}),
            "two": small(
                title="Words", real="Zipf", metrics=["Diversity"], agent={"generator": "Categorical"}
            ),
        },
    }
    done = results(spec)
    path = write(done, tmp_path / "deep" / "report.html")
    text = path.read_text(encoding="utf-8")
    seen = check(text)
    assert path.stat().st_size < 2_000_000
    assert text.count("vegaEmbed(place") == 1
    for said in (
        "A study",
        "Second.",
        "Gaussians",
        "Words",
        "AccumulateSubsample",
        "seed 0",
        "[experiments.one]",
    ):
        assert said in seen.text
    assert done.environment["numpy"] in seen.text
    titles = {figure["id"] for figure in seen.figures}
    assert titles == {
        "f-1-one-TraceRatio",
        "f-1-one-MeanError",
        "f-1-one-RealShare",
        "f-1-one-data",
        "f-2-two-Diversity",
        "f-2-two-data",
    }
    top = Page(text[text.index('class="results"') : text.index("<nav>")]).text
    assert (
        "Gaussians: variance kept, generation 1 to 4" in top and "Words: diversity, generation 1 to 4" in top
    )


def test_thick_curves_are_typical_replicates_and_thin_ones_means_beside_their_laws():
    """A curve and the law over it are the same quantity: the mean is drawn wherever a law of the mean is."""
    done = results(small(agent={"regime": {"vary": VARIED}}, replicates=8))
    by_id = {f["id"]: f for f in check(page(done)).figures}
    columns = by_id["f-1-TraceRatio"]["columns"]
    values = done.array("TraceRatio", regime="Accumulate")[:, 0]
    c = columns["c"]
    mine = [i for i, k in enumerate(c["at"]) if c["is"][k] == "Accumulate"]
    known = law(done.cells[2].task, 0, "TraceRatio").values
    typical = intervals.typical(values)
    for key, wanted in (
        ("v", np.median(values, axis=1)),
        ("l", typical.low),
        ("h", typical.high),
        ("m", values.mean(axis=1)),
        ("law", known),
    ):
        np.testing.assert_allclose([columns[key]["at"][i] for i in mine], wanted, rtol=1e-4)
    for figure in by_id.values():
        if "layer" not in figure["spec"]:
            continue
        drawn = {layer["encoding"]["y"]["field"] for layer in figure["spec"]["layer"]}
        assert "law" not in drawn or "m" in drawn
    assert "law" not in by_id["f-1-RealShare"]["columns"]
    (figure,) = [f for s in sections(done) for f in s.figures if f.name == "1-TraceRatio"]
    assert "Dashed: the law of the mean, of Kazdan et al." in figure.caption
    assert "law of the mean</span>" in page(done)


@component
class Heavy:
    """Carried by one replicate in ten."""

    def __call__(self, seen):
        out = np.ones(seen.replicates) + 0.01 * np.arange(seen.replicates)
        out[::10] += 100.0 * (seen.t - 1)
        return out


def plain(metric, **more):
    """An experiment that measures one metric of a test's own."""
    sizes = {"generations": 3, "replicates": 40, "tile": 40} | more
    return Experiment(
        real=RealGaussian(), agents=Agent(g.Gaussian(), r.Replace()), metrics=(metric,), **sizes
    )


def test_a_mean_that_parts_from_the_typical_replicate_is_drawn_and_said():
    done = run(plain(Heavy()), workers=0)
    (figure,) = [f for s in sections(done) for f in s.figures if f.title == "Heavy"]
    assert figure.rows[0]["m"] == pytest.approx(1.195) and figure.rows[2]["m"] == pytest.approx(21.195)
    assert figure.rows[2]["v"] == pytest.approx(1.195, abs=0.05)
    assert "Thin: the mean." in figure.caption and "<span>mean</span>" not in page(done)
    assert '<i class="thin"></i>mean</span>' in page(done)


def test_real_rows_are_a_line_of_reference_and_a_column():
    done = results(small(metrics=["SlicedWasserstein"], replicates=8))
    (figure,) = [f for s in sections(done) for f in s.figures if not f.wide]
    wanted = np.median(done.real("SlicedWasserstein")[0])
    assert [row.get("real") for row in figure.rows] == [pytest.approx(wanted, rel=1e-4), None, None, None]
    (rule,) = [layer for layer in figure.spec["layer"] if layer["mark"]["type"] == "rule"]
    assert rule["encoding"]["y"]["field"] == "real" and "Grey line: the real rows" in figure.caption
    text = page(done)
    check(text)
    assert "<th>real rows</th>" in text and '<i class="real"></i>real rows' in text
    assert (
        "Real rows are looked at in the same way as published ones: as many of them, if there are so many."
        in text
    )
    assert "  real rows  " in table(done)
    of_models = page(results(small(metrics=["TraceRatio"], replicates=8)))
    assert "<th>real rows</th>" not in of_models and '<i class="real">' not in of_models


def test_hostile_text_is_text(tmp_path):
    csv = tmp_path / "t.csv"
    csv.write_text(
        '"</script><!--<u>x",kind\n' + "".join(f"{i * 0.5},{'<q>a' if i % 2 else 'b'}\n" for i in range(60))
    )
    spec = {
        "title": HOSTILE,
        "about": HOSTILE,
        "experiments": {
            "x<y": small(
                title=HOSTILE,
                real={"kind": "Table", "path": str(csv), "target": "kind"},
                metrics=["RealShare"],
                agents=[
                    {"generator": "Copula", "regime": "Replace", "name": HOSTILE},
                    {"generator": "Copula", "regime": "Accumulate", "name": "b"},
                ],
            )
        },
    }
    done = results(spec)
    done.failures.append((done.cells[0], HOSTILE))
    text = page(done)
    seen = check(text)
    assert "<script>alert" not in text and "<q>a" not in text and "<u>x" not in text
    assert "alert(1)" in seen.text
    levels = [f["columns"]["c"]["is"] for f in seen.figures]
    assert levels and all(" ".join(HOSTILE.split()) in some for some in levels)
    draws(done, tmp_path / "figures")


def test_titles_are_escaped_wherever_they_stand():
    title = "<script>alert(1)</script>"
    text = page(results({"title": title, "about": "<b>bold</b>", "experiments": {"one": small(title=title)}}))
    assert "<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>" in text
    assert "<h1>&lt;script&gt;" in text and "<h2>&lt;script&gt;" in text and "<script>alert" not in text
    assert "&lt;b&gt;bold" in text and "<b>bold" not in text
    with pytest.raises(UndefinedError):
        templates().from_string("{{ forgotten }}").render()


def test_html_is_written_by_templates_alone():
    """No string of ours in Python holds a tag."""
    tag = re.compile(r"</?(?:a|b|br|code|details|div|figure|h\d|i|li|p|section|span|t[dhr]|table|ul)\b[^<]*>")
    for file in Path(genloss.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not tag.search(node.value), f"{file}:{node.lineno}"


@given(st.text())
def test_json_in_a_script_is_inert_and_exact(text):
    said = templates().from_string("{{ value | tojson }}").render(value={"a": text})
    assert json.loads(said) == {"a": text}
    assert not re.search("[<>&\u2028\u2029]", said)


# -- what studies may be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "colour", "facets", "selectors"),
    [
        (small(), None, (), ()),
        (small(agent={"regime": {"vary": VARIED}}), "regime", (), ()),
        (small(n_real={"vary": [10, 5]}), "n_real", (), ()),
        (small(n_real={"vary": [10, 5]}, agent={"regime": {"vary": VARIED}}), "regime", ("n_real",), ()),
        (
            small(
                n_real={"vary": [4, 8]},
                real={"kind": "Gaussian", "dim": {"vary": [1, 3]}},
                agent={"regime": {"vary": VARIED}},
            ),
            "regime",
            ("dim", "n_real"),
            (),
        ),
        (
            small(
                n_real={"vary": [4, 8]},
                n_fresh={"vary": [0, 1]},
                real={"kind": "Gaussian", "dim": {"vary": [1, 3]}},
                agent={"regime": {"vary": VARIED[:2]}},
            ),
            "regime",
            ("dim", "n_real"),
            ("n_fresh",),
        ),
        (
            small(n_real={"vary": list(range(4, 12))}, agent={"regime": {"vary": VARIED[:2]}}),
            "regime",
            (),
            ("n_real",),
        ),
    ],
)
def test_any_number_of_varied_fields(spec, colour, facets, selectors, tmp_path):
    done = results(spec)
    layout = Layout.of(done.cells)
    assert (layout.colour, set(layout.facets), layout.selectors) == (colour, set(facets), selectors)
    seen = check(page(done))
    chart = seen.figures[0]
    assert [p["bind"]["options"] for p in chart["spec"].get("params", [])] == [
        list(layout.values[s]) for s in selectors
    ]
    files = draws(done, tmp_path)
    assert len(files) >= 4 and all(f.read_text().startswith("<svg") for f in files)


def test_numbers_are_ordered_by_size():
    done = results(small(n_real={"vary": [20, 5, 100]}))
    layout = Layout.of(done.cells)
    assert layout.levels == ("5", "20", "100")
    assert len(set(layout.colours)) == 3


def test_regimes_keep_their_colours():
    both = dict(zip(("Accumulate", "Replace"), palette(["Accumulate", "Replace"], True), strict=True))
    assert palette(["Replace"], True) == (both["Replace"],)
    windows = palette(["Replace", "Window(generations=2)", "Window(generations=3)", "mine"], True)
    assert len(set(windows)) == 4 and windows[0] == both["Replace"]
    assert len(set(palette([f"a{i}" for i in range(20)], False))) == 20


def test_several_agents(tmp_path):
    agents = [
        {"generator": "Gaussian", "regime": "Replace", "name": "first"},
        {"generator": "Gaussian", "regime": "Accumulate"},
    ]
    done = results(small(agents=agents))
    assert Layout.of(done.cells).levels == ("first", "agent 1")
    text = page(done)
    check(text)
    assert "2 agents on one pool" in text
    assert not any("law" in f["columns"] for f in Page(text).figures)
    draws(done, tmp_path)


def test_the_regime_of_one_agent_is_not_the_others(tmp_path):
    agents = [{"generator": "Gaussian", "regime": "Accumulate"}, {"generator": "Gaussian"}]
    agents[1]["regime"] = {"vary": VARIED[::2]}
    done = results(small(agents=agents))
    layout = Layout.of(done.cells)
    assert (layout.colour, layout.facets) == ("agents.1.regime", ("agent",))
    assert {*layout.colours}.isdisjoint(REGIMES.values()), "colours of no regime"
    (_, _, blocks), *_ = by_experiment(done, curves(done))
    assert blocks[0].fields == ("agents.1.regime", "agent", "regime")
    assert [row.labels for row in blocks[0].rows] == [
        ("Replace", "agent 0", "Accumulate"),
        ("Replace", "agent 1", "Replace"),
        ("Accumulate", "agent 0", "Accumulate"),
        ("Accumulate", "agent 1", "Accumulate"),
    ]
    assert '<span class="what">agents.1.regime</span>' in page(done)
    draws(done, tmp_path)


@pytest.mark.parametrize("kind", ["Moons", "Zipf"])
def test_names_that_objects_have_are_names(kind, tmp_path):
    generator = {"Zipf": "Categorical"}.get(kind, "KDE")
    agents = [{"generator": generator, "name": name} for name in ("constructor", "toString")]
    done = results(small(real=kind, n_real=20, agents=agents, metrics=["RealShare"]))
    check(page(done))
    (svg,) = [f for f in draws(done, tmp_path) if "data" in f.name]
    assert ">constructor\u200b<" in svg.read_text()


def test_tables_show_margins(tmp_path):
    csv = tmp_path / "t.csv"
    rng = np.random.Generator(np.random.SFC64(1))
    lines = [
        f"{x:.3f},{'abc'[i % 3]},{('yes', 'no', '')[i % 5 % 3]},2020-01-{i % 28 + 1:02d}"
        for i, x in enumerate(rng.normal(size=90))
    ]
    csv.write_text("height,grade,smokes,born\n" + "\n".join(lines))
    done = results(
        small(
            real={"kind": "Table", "path": str(csv), "target": "grade"},
            agents=[{"generator": "Copula", "regime": {"vary": VARIED[:2]}}],
            metrics=[{"kind": "TestError", "of": "published"}, "RealShare"],
        )
    )
    picture = check(page(done)).figures[-1]
    titles = [p["title"]["text"] for p in picture["spec"]["vconcat"]]
    assert titles[0] == "grade (target)" and set(titles[1:]) == {"height", "smokes", "born"}
    columns = picture["columns"]
    rows = zip(*(columns[k]["at"] for k in ("j", "p")), strict=True)
    assert all(0 <= p <= 1 for _, p in rows)
    assert {"a", "b", "c"} <= {v for v in columns["b"]["at"] if v}
    draws(done, tmp_path / "figures")


def test_dates_are_dates_and_many_categories_are_the_most_frequent(tmp_path):
    csv = tmp_path / "t.csv"
    rng = np.random.Generator(np.random.SFC64(1))
    days, cities = rng.integers(900, size=150), np.minimum(rng.exponential(6, size=150), 29).astype(int)
    lines = [f"{np.datetime64('2020-01-01') + d},Number {c:02d}" for d, c in zip(days, cities, strict=True)]
    csv.write_text("visit,city\n" + "\n".join(lines))
    agents = [
        {"generator": "Copula", "regime": {"vary": VARIED[:2]}, "name": "one"},
        {"generator": "Copula", "regime": "Replace", "name": "two"},
    ]
    done = results(
        small(real={"kind": "Table", "path": str(csv)}, agents=agents, n_real=40, metrics=["RealShare"])
    )
    picture = check(page(done)).figures[-1]
    panels = {p["title"]["text"]: p for p in picture["spec"]["vconcat"]}
    x = panels["visit"]["spec"]["layer"][0]["encoding"]["x"]
    assert x["type"] == "temporal" and x["scale"]["type"] == "utc"
    times = [v for v in picture["columns"]["v"]["at"] if v is not None]
    low, high = (np.datetime64(int(v), "ms") for v in (min(times), max(times)))
    assert np.datetime64("2019-12-31") <= low < high <= np.datetime64("2022-07-01")
    names = {v for v in picture["columns"]["b"]["at"] if v}
    assert len(names) == 9 and "(other)" in names
    # agents are side by side, in rows of their own, and nothing is chosen
    assert all(p["facet"]["row"]["sort"] == ["one", "two"] for p in panels.values())
    assert "params" not in picture["spec"]
    widths = {(p["spec"]["width"] + 22) * len(p["facet"]["column"]["sort"]) for p in panels.values()}
    assert len(widths) == 1 and widths.pop() <= 900
    (svg,) = [f for f in draws(done, tmp_path / "figures") if "data" in f.name]
    assert float(re.search(r'width="([\d.]+)"', svg.read_text())[1]) < 1080
    assert ">2021<" in svg.read_text()


@pytest.mark.parametrize("kind", ["Moons", "Zipf", "Digits"])
def test_long_labels_keep_within_their_rows(kind, tmp_path):
    generator = {"Zipf": "Categorical"}.get(kind, "KDE")
    window = {"kind": "Weighted", "real": 0.5, "of": {"kind": "Window", "generations": 2}}
    agents = [
        {"generator": generator, "regime": {"vary": ["AccumulateSubsample", window]}, "name": "one"},
        {"generator": generator, "regime": "Replace", "name": "two"},
    ]
    done = results(small(real=kind, n_real=20, agents=agents, metrics=["RealShare"]))
    layout = Layout.of(done.cells)
    assert layout.facets == ("agent",)
    picture = check(page(done)).figures[-1]
    assert "params" not in picture["spec"]
    assert len(picture["columns"]["r"]["is"]) == 4
    for text in picture["columns"]["r"]["is"]:
        lines = folded(text, 82)
        assert len(lines) <= 4 and max(map(len, lines)) <= 15
    draws(done, tmp_path)


def test_agents_are_never_behind_a_choice():
    agents = [{"generator": "Gaussian", "regime": {"vary": VARIED[:2]}}, {"generator": "Gaussian"}]
    real = {"kind": "Gaussian", "dim": {"vary": [1, 2]}}
    spec = small(agents=agents, real=real, n_real={"vary": [5, 6]}, n_fresh={"vary": [0, 1]})
    layout = Layout.of(Study.of(spec).cells)
    assert layout.facets[0] == "agent" and "agent" not in layout.selectors


def test_generations_are_marked_at_equal_steps():
    for generations in (2, 5, 6, 8, 11, 12):
        done = results(small(generations=generations, replicates=2))
        layer = check(page(done)).figures[0]["spec"]["layer"][0]
        ticks = layer["encoding"]["x"]["axis"]["values"]
        assert len({b - a for a, b in itertools.pairwise(ticks)}) == 1 and ticks[0] == 1


def test_titles_of_axes_keep_within_short_panels():
    spec = small(
        n_real={"vary": [5, 6, 7, 8, 9, 10]},
        real={"kind": "Gaussian", "dim": {"vary": [1, 2]}},
        agent={"regime": {"vary": VARIED[:2]}},
        metrics=["SlicedWasserstein"],
    )
    by_id = {f["id"]: f["spec"] for f in check(page(results(spec))).figures}
    panel = by_id["f-1-SlicedWasserstein"]["vconcat"][0]["spec"]
    title = panel["layer"][0]["encoding"]["y"]["title"]
    assert len(title) > 1 and max(map(len, title)) * 6 <= panel["height"]


def test_a_study_without_a_title_is_called_by_its_file(tmp_path):
    file = tmp_path / "my_KDEs.toml"
    file.write_text(Study.of({"experiments": {"KDE_a": small(), "b": small()}}).toml())
    text = page(run(str(file), workers=0))
    assert "<h1>Untitled study (my_KDEs)</h1>" in text and "<h2>KDE_a</h2>" in text
    assert "<h1>Untitled study</h1>" in page(results(small()))


def test_how_to_repeat_it_names_what_the_run_needs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{i},{i % 7}\n" for i in range(60)))
    (tmp_path / "mine.py").write_text("from genloss.regimes import Replace\n")
    spec = small(
        real={"kind": "Table", "path": "t.csv"}, metrics=["RealShare"], agent={"generator": "Copula"}
    )
    spec["agents"][0]["regime"] = {"vary": ["Accumulate", "mine.py:Replace"]}
    said = page(run(spec, workers=0, trust=True))
    assert "genloss run study.toml --trust</code>" in said
    assert "It needs <code>mine.py</code>, <code>t.csv</code>, at these paths" in said
    alone = page(results(small()))
    assert "--trust" not in alone and "It needs" not in alone


def test_a_page_with_a_choice_says_what_is_printed():
    text = page(results(small(n_real={"vary": list(range(4, 12))}, agent={"regime": {"vary": VARIED[:2]}})))
    assert "A printed page shows the chosen value only." in text
    assert "printed page" not in page(results(small()))


@component
class Squares:
    """Images of a user's: rows of two axes, which say so by their event."""

    event: ClassVar = "images"

    def draw(self, replicates, n, rng):
        return rng.random((replicates, n, 3, 5))

    def holdout(self):
        return np.zeros((9, 3, 5))


def test_rows_of_an_event_of_images_are_drawn_as_images(tmp_path):
    agent = Agent(g.KDE(), r.Replace())
    exp = Experiment(
        real=Squares(), agents=agent, n_real=20, generations=2, replicates=6, metrics=[m.RealShare()]
    )
    figure = sections(run(exp, workers=0))[0].figures[-1]
    assert all(row["u"].startswith("data:image/png;base64,") for row in figure.rows)


def test_digits_are_images(tmp_path):
    done = results(small(real="Digits", n_real=20, metrics=["RealShare"]))
    text = page(done)
    picture = check(text).figures[-1]
    assert all(u.startswith("data:image/png;base64,iVBOR") for u in picture["columns"]["u"]["is"])
    svg = draws(done, tmp_path)[-1].read_text()
    assert svg.count("<image") == len(picture["columns"]["u"]["at"])


def test_symbols_are_ranks(tmp_path):
    done = results(small(real="Zipf", agent={"generator": "Categorical"}, metrics=["SupportSize"]))
    picture = check(page(done)).figures[-1]
    by = {k: picture["columns"][k]["at"] for k in ("x", "y")}
    assert min(by["x"]) == 1 and max(by["y"]) <= 1
    draws(done, tmp_path)


@pytest.mark.parametrize(
    ("real", "said"),
    [
        (RealGaussian(dim=1), "first coordinate"),
        (Moons(), "first replicate"),
        (RealGaussian(dim=3), "First and last"),
        (RealGaussian(dim=5), "principal directions of the 500"),
    ],
)
def test_vectors_say_what_is_shown(real, said, tmp_path):
    exp = Experiment(
        real=real, agents=Agent(g.Gaussian(), r.Replace()), n_real=10, generations=3, replicates=2
    )
    done = run(exp, workers=0)
    (picture,) = [f for s in sections(done) for f in s.figures if f.name.endswith("data")]
    assert said in picture.caption
    assert len(picture.rows) <= 24_000
    draws(done, tmp_path)


def test_one_replicate_has_no_interval(tmp_path):
    done = results(small(replicates=1, tile=1))
    text = page(done)
    seen = check(text)
    assert not any("l" in f["columns"] for f in seen.figures) and "95 % interval</span>" not in text
    assert "Values are of one replicate." in seen.text and "too few replicates to tell: 1" in seen.text
    draws(done, tmp_path)


def test_one_generation(tmp_path):
    done = results(small(generations=1))
    check(page(done))
    draws(done, tmp_path)


@component
class Soon:
    """Infinite in the second replicate from generation 3 on."""

    def __call__(self, seen):
        out = np.full(seen.replicates, 1.0 + seen.t)
        if seen.t >= 3:
            out[1] = np.inf
        return out


@component
class Always:
    """Never a number."""

    def __call__(self, seen):
        return np.full(seen.replicates, np.nan)


def test_infinite_values_are_said_and_not_drawn(tmp_path):
    exp = Experiment(
        real=RealGaussian(),
        agents=Agent(g.Gaussian(), r.Replace()),
        generations=5,
        replicates=3,
        metrics=(Soon(), Always()),
    )
    done = run(exp, workers=0)
    text = page(done)
    seen = check(text)
    # the typical replicate is one that stays finite, the mean is not
    soon = seen.figures[0]["columns"]
    assert soon["v"]["at"] == [2.0, 3.0, 4.0, 5.0, 6.0] and "end" not in soon
    assert "The mean is infinite, as at least one replicate is: from generation 3 on." in seen.text
    assert "∞" in seen.text
    assert (
        "Infinite or undefined, and not drawn: from generation 1 on; × marks where a line ends." in seen.text
    )
    assert "Replicates in which a value is undefined are left out" not in seen.text, (
        "of the first metric none is"
    )
    assert "left out: always, Replace (3 of 3)" in " ".join(table(done).split())
    draws(done, tmp_path)


@component
class Last:
    """Infinite at the last generation."""

    def __call__(self, seen):
        return np.full(seen.replicates, np.inf if seen.t == seen.exp.generations else 1.0 + seen.t)


def test_two_lines_that_are_infinite_are_drawn(tmp_path):
    done = run(
        plain(Last(), generations=4, replicates=6), vary={"regime": [r.Replace(), r.Accumulate()]}, workers=0
    )
    draws(done, tmp_path)
    assert "∞" in table(done)


@component
class Ends:
    """Infinite in most replicates from generation 3 on, and undefined in one at generation 2."""

    def __call__(self, seen):
        out = np.full(seen.replicates, 1.0 + seen.t)
        if seen.t >= 3:
            out[: 3 * len(out) // 4] = np.inf
        if seen.t == 2:
            out[0] = np.nan
        return out


def test_curves_end_where_the_typical_replicate_is_infinite(tmp_path):
    done = run(plain(Ends(), generations=5, replicates=8, tile=8), workers=0)
    seen = check(page(done))
    found = seen.figures[0]["columns"]
    assert found["v"]["at"] == [2.0, 3.0, None, None, None]
    assert found["end"]["at"] == [None, 3.0, None, None, None]
    assert "not drawn: from generation 3 on; × marks" in seen.text
    assert "Undefined in some replicates, which are left out: at times, from generation 2 on." in seen.text
    draws(done, tmp_path)


@component
class Breaks:
    """Raises at the second generation."""

    def __call__(self, seen):
        if seen.t == 2:
            raise ValueError("this <metric> broke")
        return np.zeros(seen.replicates)


def test_failures_are_listed_and_the_rest_is_there(tmp_path):
    agent = Agent(g.Gaussian(), r.Replace())
    good = Experiment(real=RealGaussian(), agents=agent, generations=3, replicates=2, title="Good")
    bad = Experiment(real=RealGaussian(), agents=agent, generations=3, metrics=(Breaks(),), title="Bad")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = run({"good": good, "bad": bad}, workers=0)
    text = page(done)
    seen = check(text)
    assert "Failures" in seen.text and "this <metric> broke" in seen.text
    assert seen.text.count("0 of 100 replicates finished") >= 2, "in the table and in its section"
    assert {f["id"] for f in seen.figures} == {"f-1-good-RealShare", "f-1-good-data"}
    draws(done, tmp_path)


def test_missing_tiles_are_said(tmp_path):
    done = results(small(replicates=6, tile=2), out=tmp_path / "run")
    assert done.table.num_rows
    more = Study.of(small(replicates=8, tile=2))
    done.study = more
    text = page(done)
    check(text)
    assert "6 of 8 replicates finished" in text


def test_a_large_grid_stays_small(tmp_path):
    spec = small(
        generations=60,
        n_real={"vary": [5, 6, 7, 8, 9]},
        real={"kind": "Gaussian", "dim": {"vary": [1, 2, 3, 4, 5]}},
        agent={"regime": {"vary": VARIED}},
    )
    done = results(spec)
    path = write(done, tmp_path / "r.html")
    text = path.read_text(encoding="utf-8")
    check(text)
    assert path.stat().st_size < 2_500_000
    below = below_the_verdict(text)
    top = below[: below.index("</table>")]
    assert top.count('<span class="dot"') == 3, "25 combinations are counted by regime"
    assert "Replace: too few replicates to tell in 25 of 25" in Page(top).text
    assert "Values (225 rows)" in text
    draws(done, tmp_path)


def test_objects_without_a_spec_still_have_a_page():
    @component
    class Local:
        """Of this function."""

        def __call__(self, seen):
            return np.ones(seen.replicates)

    exp = Experiment(
        real=RealGaussian(), agents=Agent(g.Gaussian()), generations=2, replicates=2, metrics=(Local(),)
    )
    text = page(run(exp, workers=0))
    check(text)
    assert "Of this function." in html.unescape(text)


# -- files -----------------------------------------------------------------------------------------


def test_figures_in_every_format(tmp_path):
    done = results(small(agent={"regime": {"vary": VARIED}}))
    files = figures(done, tmp_path / "new" / "folder")
    assert len(files) == 12
    starts = {".png": b"\x89PNG", ".svg": b"<svg", ".pdf": b"%PDF"}
    for file in files:
        assert file.read_bytes().startswith(starts[file.suffix])
    first = next(f for f in files if f.name == "1-TraceRatio.svg").read_text()
    assert "Variance kept" in first and "Accumulate" in first
    with pytest.raises(GenlossError, match="'gif' is none of png, svg, pdf"):
        figures(done, tmp_path, formats=["gif"])


def test_the_overview_has_a_panel_for_each_experiment(tmp_path):
    spec = {
        "experiments": {k: small(title=k.upper(), agent={"regime": {"vary": VARIED}}) for k in ("a", "b")}
    }
    (svg,) = overview(results(spec), tmp_path / "picture", formats=["svg"])
    text = svg.read_text()
    assert all(said in text for said in ("A: variance kept", "B: variance kept", "Share of real data"))
    assert text.count(">AccumulateSubsample<") == 1, "one legend"
    assert "Thick: the typical replicate, the median" in text and "dashed: the law of the mean" in text


def test_a_page_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write(results(small()), tmp_path / "file" / "report.html")
    with pytest.raises(StoreError, match="cannot be written"):
        figures(results(small()), tmp_path / "file" / "figures")


# -- words -----------------------------------------------------------------------------------------


def test_no_metric_is_called_collapse():
    exp = Experiment(real=Zipf(), agents=Agent(g.Categorical()), metrics=(m.SupportSize(), m.RealShare()))
    for name, said in exp.meanings.items():
        assert "collapse" not in f"{said.title} {said.axis} {said.about}".lower()
        assert said.title != name.lower()


def test_two_metrics_of_one_class_are_told_apart():
    exp = Experiment(
        real=RealGaussian(),
        agents=Agent(g.Gaussian()),
        metrics=(m.TailMass(), m.TailMass(quantile=0.9)),
        generations=2,
    )
    titles = [said.title for said in exp.meanings.values()]
    assert all(title.startswith("Tail (quantile=0.9") for title in titles) and len(set(titles)) == 2


NAN = float("nan")


def test_changes_say_what_their_intervals_say():
    def said(estimate, low, high, scale, n=20):
        return changed(Interval(estimate, low, high), scale, n)

    assert said(1.3, 0.8, 1.7, "ratio") == ("no change seen at 20 replicates", "× 1.3 [0.8, 1.7]")
    assert said(0.3, 0.21, 0.41, "ratio") == ("changed", "× 0.30 [0.21, 0.41]")
    assert said(1.04, 1.0004, 1.09, "ratio") == ("changed", "× 1.0400 [1.0004, 1.0900]")
    assert said(27.3, 22.1, 31.8, "nats") == ("changed", "+27 nats [22, 32]")
    assert said(-59.5, -64.0, -51.0, "nats") == ("changed", "−60 nats [−64, −51]")
    assert said(0.0, 0.0, 0.0, "share") == ("no change seen at 20 replicates", "0")
    assert said(-1.0, -1.0, -1.0, "share") == ("changed", "−1")
    assert said(0.02, -0.01, 0.05, "share")[0] == "no change seen at 20 replicates"
    assert said(2.0, NAN, NAN, "ratio", 5) == ("too few replicates to tell: 5", "")
    assert said(NAN, NAN, NAN, "ratio", 0) == ("no change can be told: infinite or undefined", "")
    assert said(np.inf, 3.1, np.inf, "ratio") == ("changed", "× ∞ [3.1, ∞]")


@given(st.lists(st.floats(-1e12, 1e12), min_size=3, max_size=3), st.sampled_from([0.0, 1.0]))
def test_a_change_is_never_more_than_its_rounded_interval(three, none):
    low, estimate, high = sorted(three)
    word, size = changed(Interval(estimate, low, high), "ratio" if none else "share", 20)
    assert (word == "changed") == (low > none or high < none)
    ends = re.search(r"\[(.*), (.*)\]", size)
    if word == "changed" and ends and abs(low - none) > 1e-5 < abs(high - none):
        shown = [float(e.replace("−", "-").translate(DIGITS).replace("×10", "e")) for e in ends.groups()]
        assert shown[0] > none or shown[1] < none


DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def test_tables_say_when_they_hold():
    """Given what, over how many, how many more would tell the mean, and what leaves replicates out."""
    held_out = results(small(real="Moons", agent={"generator": "KDE"}, metrics=["HoldoutNLL"], replicates=8))
    said = {}
    for name, done in (
        ("held out", held_out),
        ("model", results(small(metrics=["TraceRatio"], replicates=60))),
        ("heavy", run(plain(Heavy()), workers=0)),
    ):
        said[name] = " ".join(reading([b for _, _, some in by_experiment(done, curves(done)) for b in some]))
    wanted = "Given the same held-out rows in every replicate, intervals hold of: held-out loss."
    assert wanted in said["held out"]
    assert "intervals hold of" not in said["model"] + said["heavy"]
    # of one replicate no interval is printed, and none is spoken of
    alone = results(small(real="Moons", agent={"generator": "KDE"}, metrics=["HoldoutNLL"], replicates=1))
    one = " ".join(reading([b for _, _, some in by_experiment(alone, curves(alone)) for b in some]))
    assert "Values are of one replicate." in one and "ntervals" not in one
    captions = [f.caption for s in sections(held_out) for f in s.figures]
    assert "Intervals hold given the same held-out rows in every replicate." in captions[0]
    assert "the median over 60 replicates" in said["model"] and "each on its own" in said["model"]
    assert "within a factor of 2" not in said["model"]


def test_wide_means_say_how_many_replicates_would_tell_them():
    rng = np.random.Generator(np.random.SFC64(1))
    values = np.exp(2 * rng.normal(size=(3, 40)))
    done = run(plain(Heavy()), workers=0)
    found = curve(np.vstack([np.full(40, NAN), values]), m_ratio, 40, done.cells[0])
    assert (
        found.mean.high[-1] > 2 * found.mean.estimate[-1] or 2 * found.mean.low[-1] < found.mean.estimate[-1]
    )
    assert found.needed > 40
    ((_, _, (block,)),) = by_experiment(done, {(0, 0, "Heavy"): found})
    expected = f"of the true one, were values log-normal: heavy, Replace: about {number(found.needed, 2)}."
    assert expected in " ".join(reading([block]))


m_ratio = Meaning("Heavy", scale="ratio")


FORBIDDEN = re.compile(
    r"\b(better|worse|worsening|worst|levell?ing|recover\w*|unchanged|slightly|gone|verdicts?)\b",
    re.IGNORECASE,
)


def below_the_verdict(text):
    """A page without its verdict, the one place whose words judge: they come from tests of their own."""
    before, _, rest = text.partition('<section class="verdict">')
    return before + rest.partition("</section>")[2]


def test_many_combinations_are_counted_without_a_judgement():
    spec = small(n_real={"vary": list(range(4, 16))}, agent={"regime": {"vary": VARIED[::2]}}, replicates=8)
    done = results({**spec, "metrics": ["TraceRatio"], "generations": 30})
    text = Page(below_the_verdict(page(done))).text.partition("Values are of")[0]
    assert re.search(r"Replace: changed in \d+ of 12", text), text
    assert re.search(r"Accumulate: .*no change seen at 8 replicates in \d+ of 12", text), text
    assert not FORBIDDEN.search(text)


def test_rows_wider_than_a_terminal_stand_on_two_lines():
    long = "temperature 0.8, and ten times as many rows as the other agent"
    agents = [{"generator": "Gaussian", "name": f"{name}, {long}"} for name in ("first", "second")]
    done = results(small(n_real={"vary": [5, 6]}, agents=agents, replicates=6))
    printed = table(done).splitlines()
    assert max(map(len, printed)) <= 120
    (at,) = [i for i, line in enumerate(printed) if line.startswith(f"  5, first, {long}, Accumulate:")][:1]
    assert re.fullmatch(r" {6}\S.*\[.*\].*", printed[at + 2]), "its values below it and its change"


@pytest.mark.slow
def test_nothing_is_judged_in_a_small_version_of_the_main_job():
    """Words are of changes and their intervals alone; the table is as wide as a terminal."""
    study = Study.load("collapse-or-thrive").set("replicates", 6).set("generations", 8)
    done = run(study, workers=2)
    printed = table(done, every=True)
    assert max(map(len, printed.splitlines())) <= 120
    figures_said = " ".join(f"{f.title} {f.caption}" for s in sections(done) for f in s.figures)
    for text in (printed, Page(below_the_verdict(page(done))).text, figures_said):
        text = re.sub(
            r"(is no|is not shown to be) better than", "against", text
        )  # said of intervals and a value
        assert not FORBIDDEN.search(text), FORBIDDEN.search(text)
    assert "changed: " in printed and "no change seen at 6 replicates" in printed


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=6), st.booleans())
def test_any_values_have_an_axis(values, share):
    y = np.array(values)
    with np.errstate(all="ignore"):
        spread = np.abs(y) * 0.1
        some = Interval(y, y - spread, y + spread)
    said = Meaning("Some", scale="share" if share else "plain")
    known = Curve(
        said,
        GENERATION,
        tuple(range(1, len(y) + 1)),
        some,
        some,
        np.ones(len(y)),
        some,
        2,
        None,
        0.0,
        2,
        2,
        0,
        y,
    )
    scale = Scale.of([(known, None, True)])
    low, high = scale.vega["domain"]
    assert np.isfinite([low, high]).all() and low < high
    json.dumps([scale.vega, scale.axis, [scale.fit(v, clip=True) for v in y]], allow_nan=False)
    ticks = scale.axis.get("values", [])
    assert ticks == sorted(ticks) and all(low <= v <= high for v in ticks)


def test_the_drawing_library_is_kept_and_a_damaged_copy_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    drawing.javascript.cache_clear()
    text = drawing.javascript()
    (kept,) = (tmp_path / "genloss").iterdir()
    assert "vegaEmbed" in text and version("vl-convert-python") in kept.name
    for change in (lambda data: data, lambda data: data[:-1] + b"x", lambda data: b""):
        kept.write_bytes(change(kept.read_bytes()))
        drawing.javascript.cache_clear()
        assert drawing.javascript() == text
    # where nothing can be kept, as where a file is in the way
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept))
    drawing.javascript.cache_clear()
    assert drawing.javascript() == text
