"""Results show themselves: figures as files and in notebooks, tables, and how a run goes."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import vl_convert

from genloss import Agent, Experiment, Results, generators, intervals, laws, metrics, real, regimes, run
from genloss.errors import GenlossError, SpecError
from genloss.report.contours import contours
from genloss.study.tally import Lines, Notebook, Tally, in_notebook, watcher

EXPERIMENT = Experiment(
    real=real.Gaussian(dim=2),
    agents=Agent(generators.Gaussian(), regimes.Replace()),
    n_real=12,
    generations=5,
    replicates=12,
    tile=12,
    metrics=[metrics.TraceRatio(), metrics.MeanError()],
)
GRID = {
    "n_real": [10, 32, 100],
    "real.dim": [1, 2, 4],
    "regime": [regimes.Replace(), regimes.AccumulateSubsample()],
}


@pytest.fixture(scope="module")
def grid() -> Results:
    return run(EXPERIMENT, vary=GRID, workers=0)


@pytest.fixture(scope="module")
def table() -> Results:
    exp = Experiment(
        real=real.Table("iris", target="target"),
        agents=Agent(generators.Copula(), regimes.Replace()),
        n_real=40,
        generations=2,
        replicates=2,
        metrics=[metrics.RealShare()],
    )
    return run(exp, workers=0)


# -- figures ---------------------------------------------------------------------------------------


def test_curves_are_those_that_were_asked_for(grid):
    figure = grid.plot("TraceRatio", by=["n_real", "regime"], dim=2)
    assert {row["c"] for row in figure.rows} == {"10", "32", "100"}
    assert {row["f0"] for row in figure.rows} == {"Replace", "AccumulateSubsample"}
    values = grid.array("TraceRatio", n_real=32, dim=2, regime="Replace")[:, 0]
    mine = [row["v"] for row in figure.rows if row["c"] == "32" and row["f0"] == "Replace"]
    np.testing.assert_allclose(mine, np.median(values, axis=1), rtol=1e-4)
    assert grid.plot(metrics.MeanError(), dim=2).title == "Error of the mean"
    assert grid.plot(dim=2).title == "Variance kept", "the first metric"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda r: r.plot("TraceRatoi"), "no metric 'TraceRatoi' was measured; did you mean 'TraceRatio'"),
        (lambda r: r.plot(by="dimm"), "'dimm' tells no lines apart; did you mean 'dim'"),
        (lambda r: r.plot(n_real=11), "0 of 18 cells have"),
        (lambda r: r.plot(size=11), "no cell has a 'size'"),
        (lambda r: r.heatmap(x="regime"), "'regime' is no varied field of numbers; these are: dim, n_real"),
        (lambda r: r.heatmap(x="dim", y="dim"), "a map needs two varied fields of numbers"),
        (lambda r: r.heatmap(n_real=10), "a map needs two varied fields of numbers; there are dim"),
    ],
)
def test_what_cannot_be_drawn_is_said(grid, asked, said):
    with pytest.raises(SpecError, match=said):
        asked(grid)


def test_one_of_several_experiments_is_asked_for(tmp_path):
    both = run({"a": EXPERIMENT, "b": EXPERIMENT}, workers=0)
    with pytest.raises(
        SpecError, match="TraceRatio is measured in a, b: name one of them, as in experiment='a'"
    ):
        both.plot()
    with pytest.raises(SpecError, match="there are such cells in a, b"):
        both.show_data()
    assert both.plot(experiment="b").rows


def test_nothing_finished_is_said(tmp_path):
    done = run(EXPERIMENT, workers=0, out=tmp_path / "run")
    for part in (tmp_path / "run" / "parts").iterdir():
        part.unlink()
    empty = Results.open(tmp_path / "run")
    with pytest.raises(
        GenlossError, match="TraceRatio: nothing is finished that could be drawn of the experiment"
    ):
        empty.plot()
    assert "Nothing is finished yet" in empty._repr_html_()
    assert done.folder is not None


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "json"])
def test_a_figure_is_saved_by_its_suffix(grid, suffix, tmp_path):
    path = grid.plot(dim=2).save(tmp_path / "new" / f"x.{suffix}")
    starts = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "json": b"{"}
    assert path.read_bytes().startswith(starts[suffix])
    if suffix == "json":
        spec = json.loads(path.read_text())
        assert spec["title"]["text"] == "Variance kept" and spec["datasets"]["rows"]


@pytest.mark.parametrize("name", ["x.gif", "x"])
def test_other_suffixes_are_refused(grid, name, tmp_path):
    with pytest.raises(GenlossError, match=r"give one of \.svg, \.png, \.pdf, \.json"):
        grid.plot(dim=2).save(tmp_path / name)


def test_a_picture_of_a_choice_shows_the_first_value_and_says_so(grid, tmp_path):
    figure = grid.plot(by="regime")
    assert figure.selectors
    text = figure.save(tmp_path / "x.svg").read_text()
    (title, values) = next(iter(figure.selectors.values()))
    assert f"{title} {values[0]}" in text


@pytest.mark.parametrize("which", ["curves", "map", "points", "margins"])
def test_a_figure_in_a_notebook_is_a_chart_and_a_picture(grid, table, which):
    figures = {
        "curves": lambda: grid.plot(by=["regime", "n_real", "dim"]),
        "map": grid.heatmap,
        "points": lambda: grid.show_data(dim=2),
        "margins": table.show_data,
    }
    bundle = figures[which]()._repr_mimebundle_()
    assert {*bundle} == {"text/plain", "application/vnd.vegalite.v5+json", "image/png"}
    spec = bundle["application/vnd.vegalite.v5+json"]
    assert spec["$schema"].endswith("/v5.json")
    text = json.dumps(spec)
    assert '"url"' not in text, "nothing is fetched"
    # what notebooks know is an older version: it must draw there too
    assert vl_convert.vegalite_to_svg(text, vl_version="5.20").startswith("<svg")


# -- maps ------------------------------------------------------------------------------------------


def test_a_map_holds_the_final_values_and_the_contours_of_their_law(grid):
    figure = grid.heatmap("TraceRatio", x="n_real", y="dim")
    squares = {(r["x"], r["y"], r["p"]): r for r in figure.rows if "x0" in r}
    assert len(squares) == 18
    for cell in grid.cells:
        row = squares[cell.varied["n_real"], cell.varied["dim"], str(cell.varied["regime"])]
        values = grid.array("TraceRatio", cell)[-1, 0]
        # there is a law of the mean: map and contours are of the same quantity
        assert row["v"] == pytest.approx(values.mean(), rel=1e-4)
        assert row["x0"] < row["x"] < row["x1"] and row["y0"] < row["y"] < row["y1"]
    assert "the mean over replicates, at generation 5" in figure.caption and "Dashed:" in figure.caption
    lined = [r for r in figure.rows if "cx" in r]
    assert {r["p"] for r in lined} == {"Replace", "AccumulateSubsample"}
    # the law does not depend on the dimension, and has that value where the line runs
    for r in lined:
        if "level" in r:
            levels = {round(x["cx"], 3) for x in lined if (x["g"], x["p"]) == (r["g"], r["p"])}
            assert len(levels) == 1
    cell = grid.cell(n_real=10, dim=1, regime="Replace")
    assert laws.law(cell.task, 0, "TraceRatio").values[-1] == pytest.approx((1 - 1 / 10) ** 5)


def test_a_map_of_log_spaced_values_has_log_axes(grid):
    spec = grid.heatmap("TraceRatio", x="n_real", y="dim").spec
    encoding = spec["spec"]["layer"][0]["encoding"]
    assert encoding["x"]["scale"]["type"] == "log" and encoding["x"]["axis"]["values"] == [10, 32, 100]
    even = run(EXPERIMENT, vary={"n_real": [10, 20, 30], "n_fresh": [0, 1, 2]}, workers=0).heatmap()
    encoding = even.spec["layer"][0]["encoding"]
    assert {encoding[k]["scale"]["type"] for k in "xy"} == {"linear"}


def test_a_map_without_a_law_is_of_the_typical_replicate():
    exp = dataclasses.replace(EXPERIMENT, metrics=[metrics.SlicedWasserstein()])
    done = run(exp, vary={"n_real": [10, 20], "n_fresh": [0, 5]}, workers=0)
    figure = done.heatmap()
    assert "the typical replicate, the median" in figure.caption and "Dashed" not in figure.caption
    values = done.array("SlicedWasserstein", n_real=10, n_fresh=5)[-1, 0]
    (row,) = [r for r in figure.rows if {r["x"], r["y"]} == {10, 5}]
    assert row["v"] == pytest.approx(float(intervals.typical(values).estimate), rel=1e-4)


def test_contours_run_where_a_plane_has_the_level():
    x, y = [0.0, 1.0, 2.0, 4.0], [0.0, 1.0, 3.0]
    plane = np.array([[2 * a + b for a in x] for b in y])
    (line,) = contours(x, y, plane, 3.3)
    assert all(2 * a + b == pytest.approx(3.3) for a, b in line)
    ends = sorted([line[0], line[-1]])
    assert ends[0][1] == pytest.approx(3.0) and ends[1][1] == pytest.approx(0.0), "from frame to frame"


def test_a_contour_around_a_peak_is_closed_and_a_flat_one_is_none():
    peak = np.zeros((3, 3))
    peak[1, 1] = 1.0
    (line,) = contours([0, 1, 2], [0, 1, 2], peak, 0.5)
    assert line[0] == line[-1] and len(line) > 4
    assert contours([0, 1, 2], [0, 1, 2], np.ones((3, 3)), 0.5) == []
    saddle = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert len(contours([0, 1], [0, 1], saddle, 0.6)) == 2, "two corners are cut off"


# -- tables ----------------------------------------------------------------------------------------


def test_results_show_their_headline_table(grid):
    text = grid._repr_html_()
    assert "Variance kept" in text and "&lt;" not in text and "<script" not in text
    assert "url(" not in text and "http" not in text


def test_pictures_of_a_table_are_data_frames(table):
    shown = table.pictures()
    assert [*shown] == [0, 1, 2] and all(isinstance(f, pd.DataFrame) for f in shown.values())
    assert "target" in shown[0] and {*shown[2]["target"].unique()} <= {"setosa", "versicolor", "virginica"}
    encoded = table.encoded()
    assert encoded[2].shape == shown[2].shape and encoded[2].dtype == float
    assert table.show_data().title == "The data: margins"


def test_pictures_of_vectors_are_arrays(grid):
    assert isinstance(grid.pictures(0)[1], np.ndarray)
    symbols = run(
        Experiment(real=real.Zipf(), agents=Agent(generators.Categorical()), generations=1, replicates=1),
        workers=0,
    )
    assert isinstance(symbols.pictures()[0], np.ndarray)


def test_the_report_is_written_from_python(grid, tmp_path):
    path = grid.report(tmp_path / "x.html")
    assert path.read_text().lower().startswith("<!doctype html")


# -- how a run goes --------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """Somebody who looks on."""

    def isatty(self) -> bool:
        return True


def test_progress_is_shown_where_a_person_looks_on(monkeypatch, capsys):
    run(EXPERIMENT, workers=0)
    assert capsys.readouterr().err == ""
    run(EXPERIMENT, workers=0, progress=True)
    assert "1 of 1 tile" in capsys.readouterr().err
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run(EXPERIMENT, workers=0, progress=False)
    assert terminal.getvalue() == ""
    run(EXPERIMENT, workers=0)
    assert "1/1" in terminal.getvalue(), "a bar"


def test_a_progress_of_ones_own_is_told(capsys):
    tally = Tally(Lines())
    assert watcher(tally) is tally
    assert not in_notebook()


class Copies:
    """Publishes what it was given."""

    def fit(self, rows):
        self.rows = rows

    def sample(self, n):
        return self.rows[:n]


def test_what_runs_in_one_process_says_so_and_how_to_change_it(capsys):
    class Here(Copies):
        """Of this function: no spec can name it."""

        def __init__(self, seed):
            self.seed = seed

    exp = Experiment(
        real=real.Moons(), agents=Agent(generators.Wrapped(make=Here)), generations=1, replicates=1, n_real=10
    )
    run(exp, progress=True)
    said = capsys.readouterr().err
    assert (
        "this runs in one process: " in said
        and "Here cannot be named" in said
        and "move it to a file" in said
    )
    run(exp, workers=0, progress=True)
    assert "one process" not in capsys.readouterr().err, "it was asked for"


def test_a_notebook_has_a_line_that_changes(monkeypatch):
    shown: list[dict[str, str]] = []

    class Handle:
        def update(self, data, raw):
            shown.append(data)

    def display(data, raw, display_id):
        shown.append(data)
        return Handle()

    import IPython.display

    monkeypatch.setattr(IPython.display, "display", display)
    tally = Tally(Notebook())
    tally.begin(4, 1)
    tally.done = 4
    tally.end()
    assert shown[0]["text/plain"].endswith("1 of 4 tiles") and "░" in shown[0]["text/plain"]
    assert "4 of 4 tiles, " in shown[-1]["text/plain"] and "░" not in shown[-1]["text/plain"]


def test_results_without_anybody_who_draws_say_what_to_import(tmp_path):
    import subprocess

    code = (
        "from genloss.study import Results, Study\n"
        "from genloss.study.views import views\n"
        "try: views()\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(
        "GenlossError nothing draws results yet: import run or Results from genloss"
    )
    assert Path(tmp_path).exists()
