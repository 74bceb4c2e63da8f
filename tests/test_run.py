"""Running studies from Python: what comes back, and what happens when something fails."""

from __future__ import annotations

import dataclasses
import gc
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genloss import (
    Agent,
    Experiment,
    GenlossError,
    Results,
    Study,
    component,
    generators,
    intervals,
    metrics,
    real,
    regimes,
    run,
)
from genloss.errors import SpecError, StoreError
from genloss.samples import Samples
from laws import assert_mean, measure


def experiment(**more: Any) -> Experiment:
    settings: dict[str, Any] = {
        "real": real.Gaussian(dim=2),
        "agents": Agent(generators.Gaussian(), regimes.Replace()),
        "n_real": 10,
        "generations": 5,
        "replicates": 7,
        "tile": 3,
        "metrics": (metrics.TraceRatio(), metrics.MeanError()),
    }
    return Experiment(**{**settings, **more})


ROWS = (metrics.TraceRatio(of="published"), metrics.MeanError(of="published"))


TWO = (
    Agent(generators.Gaussian(), regimes.Replace(), name="left"),
    Agent(generators.KDE(), regimes.Accumulate()),
)


# -- what comes back -------------------------------------------------------------------------------


@pytest.mark.parametrize("agents", [Agent(generators.Gaussian(), regimes.Replace()), TWO])
def test_results_are_the_loops(agents: Any) -> None:
    exp = experiment(agents=agents)
    results, expected = run(exp, workers=0), measure(exp)
    for name, values in expected.items():
        array = results.array(name)
        assert array.shape == (5, len(exp.agents), 7)
        assert np.array_equal(array, values[:, :, :7])
    assert np.array_equal(results.array(metrics.TraceRatio()), results.array("TraceRatio"))


def test_workers_give_the_same_bits() -> None:
    exp = experiment()
    here, there = run(exp, workers=0), run(exp, workers=2)
    for name in ("TraceRatio", "MeanError"):
        assert np.array_equal(here.array(name), there.array(name))


def test_the_long_table() -> None:
    results = run(experiment(agents=TWO), workers=0)
    frame = results.frame()
    assert list(frame.columns) == ["agent", "generation", "replicate", "metric", "value"]
    assert len(frame) == 5 * 2 * 7 * 2
    assert {*frame["agent"]} == {"left", "agent 1"}
    assert {*frame["generation"]} == {1, 2, 3, 4, 5} and {*frame["replicate"]} == {*range(7)}
    one = frame[(frame["agent"] == "left") & (frame["metric"] == "MeanError") & (frame["generation"] == 4)]
    assert np.array_equal(one["value"], results.array("MeanError")[3, 0])


def test_grids_are_labelled() -> None:
    results = run(
        experiment(), vary={"n_real": [5, 20], "regime": [regimes.Replace(), regimes.Accumulate()]}, workers=0
    )
    frame = results.frame()
    assert {*frame.columns[:2]} == {"n_real", "regime"}
    assert {*frame["n_real"]} == {5, 20} and {*frame["regime"]} == {"Replace", "Accumulate"}
    one = results.array("TraceRatio", n_real=20, regime="Accumulate")
    alone = run(experiment(n_real=20, agents=Agent(generators.Gaussian(), regimes.Accumulate())), workers=0)
    assert np.array_equal(one, alone.array("TraceRatio"))
    assert np.array_equal(results.array("TraceRatio", 3), one)
    with pytest.raises(SpecError) as caught:
        results.array("TraceRatio", n_real=5)
    asked = "n_real=5, regime='Replace'"
    assert str(caught.value) == (
        f"say which of 2 cells is meant, as in {asked} or cell=0: "
        "regime=Replace, n_real=5; regime=Accumulate, n_real=5"
    )
    # what it says can be typed
    assert np.array_equal(
        results.array("TraceRatio", n_real=5, regime="Replace"), results.array("TraceRatio", cell=0)
    )
    with pytest.raises(SpecError, match="say which of 4 cells is meant, as in regime='Replace', n_real=5 or"):
        results.real("TraceRatio")
    with pytest.raises(SpecError, match=r"no cell has a 'n_rael'; did you mean 'n_real'\?"):
        results.array("TraceRatio", n_rael=5)
    with pytest.raises(SpecError, match=r"no metric 'TraceRato' was measured; did you mean 'TraceRatio'\?"):
        results.array("TraceRato", 0)


def test_several_experiments_by_name() -> None:
    results = run({"small": experiment(n_real=5), "large": experiment(n_real=50)}, workers=0)
    frame = results.frame()
    assert frame.columns[0] == "experiment" and {*frame["experiment"]} == {"small", "large"}
    assert (
        results.array("TraceRatio", experiment="large").mean()
        > results.array("TraceRatio", experiment="small").mean()
    )
    # each draws under its name
    assert not np.array_equal(
        results.array("TraceRatio", 1), run(experiment(n_real=50), workers=0).array("TraceRatio")
    )


INTERVALS = ["typical", "typical_low", "typical_high", "mean", "low", "high"]


def test_summary_is_the_typical_replicate_and_the_mean() -> None:
    exp = experiment(
        replicates=40, tile=40, metrics=(metrics.TraceRatio(), metrics.TailMass()), rows="always"
    )
    results = run(exp, workers=0)
    summary = results.summary().set_index(["metric", "generation"])
    row, values = summary.loc["TraceRatio", 3], results.array("TraceRatio")[2, 0]
    assert row["replicates"] == 40
    said = [*intervals.typical(values), *intervals.mean(values, "ratio")]
    assert list(row[INTERVALS]) == pytest.approx(said)
    # generation 0 is the real rows themselves, where rows are looked at
    assert [*summary.loc["TraceRatio"].index] == [1, 2, 3, 4, 5]
    assert [*summary.loc["TailMass"].index] == [0, 1, 2, 3, 4, 5]
    real_rows = results.real("TailMass")
    assert real_rows is not None and results.real("TraceRatio") is None
    assert summary.loc["TailMass", 0]["mean"] == pytest.approx(real_rows.mean())
    # 95 % of the real law's rows lie within, and these are drawn from it
    assert_mean(real_rows, 0.05)


def test_summary_of_infinite_values_and_single_replicates() -> None:
    exp = experiment(metrics=(metrics.LogDetRatio(), metrics.TraceRatio()), n_real=2)
    infinite = run(exp, workers=0).summary()
    row = infinite[infinite["metric"] == "LogDetRatio"].iloc[0]
    assert row["mean"] == row["typical"] == -np.inf
    single = run(experiment(replicates=1), workers=0).summary()
    assert single[["low", "high", "typical_low", "typical_high"]].isna().all(axis=None)
    assert np.isfinite(single[["mean", "typical"]]).all(axis=None)


def test_pictures_show_the_data_by_generation() -> None:
    exp = experiment(agents=TWO, generations=30, real=real.Moons(), n_real=40)
    results = run(exp, workers=0)
    for agent in (0, 1):
        pictures = results.pictures(agent=agent)
        assert min(pictures) == 0 and max(pictures) == 30 and 4 <= len(pictures) <= 12
        assert all(rows.shape == (40, 2) and np.isfinite(rows).all() for rows in pictures.values())
    assert np.array_equal(results.pictures()[0], results.pictures(agent=1)[0])  # the real rows


def test_pictures_of_what_was_drawn_without_rows() -> None:
    pictures = run(experiment(n_real=1000), workers=0).pictures()
    assert pictures[1].shape[1] == 2 and len(pictures[1]) <= 300


# -- kept runs -------------------------------------------------------------------------------------


def test_a_kept_run_is_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    first = run(experiment(), folder, workers=0)
    assert first.folder == folder

    def never(*_: Any) -> Any:
        raise AssertionError("computed again")

    monkeypatch.setattr("genloss.study.driving.work_on", never)
    again = run(experiment(), folder, workers=0)
    assert np.array_equal(first.array("TraceRatio"), again.array("TraceRatio"))


def test_more_replicates_are_more_tiles_of_the_same_run(tmp_path: Path) -> None:
    few = run(experiment(), tmp_path / "run", workers=0)
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "parts").iterdir()}
    many = run(experiment(), tmp_path / "run", replicates=11, workers=0)
    assert many.array("MeanError").shape == (5, 1, 11)
    assert np.array_equal(many.array("MeanError")[..., :7], few.array("MeanError"))
    assert all(p.stat().st_mtime_ns == then for p, then in kept.items())
    fewer = run(experiment(), tmp_path / "run", replicates=2, workers=0)
    assert fewer.array("MeanError").shape == (5, 1, 2)
    assert len(fewer.frame()) == 5 * 2 * 2


def test_a_folder_serves_any_study(tmp_path: Path) -> None:
    first = run(experiment(), tmp_path / "run", workers=0)
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "parts").iterdir()}
    other = run(experiment(seed=1), tmp_path / "run", workers=0)
    assert not np.array_equal(other.array("TraceRatio"), first.array("TraceRatio"))
    assert np.array_equal(other.array("TraceRatio"), run(experiment(seed=1), workers=0).array("TraceRatio"))
    assert all(p.stat().st_mtime_ns == then for p, then in kept.items())
    # what was there before is read as it was, without being computed again
    again = run(experiment(), tmp_path / "run", workers=0)
    assert np.array_equal(again.array("TraceRatio"), first.array("TraceRatio"))
    assert len([*(tmp_path / "run" / "parts").iterdir()]) == 2 * len(kept)
    assert len([*(tmp_path / "run" / "specs").iterdir()]) == 2


def test_a_run_that_is_not_kept_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    results = run(experiment(), workers=0)
    assert results.folder is None
    assert results.array("TraceRatio").shape == (5, 1, 7)  # read from a folder that goes with the results
    del results
    gc.collect()
    assert not list(tmp_path.iterdir())
    with pytest.raises(GenlossError):
        run(dataclasses.replace(failing(), n_real=5), workers=0)
    gc.collect()
    assert not list(tmp_path.iterdir())


# -- users' own objects ----------------------------------------------------------------------------


@component
class Half:
    """A regime of the user's, at the top of a module."""

    def __call__(self, pool: Samples, rng: Any) -> Samples:
        return pool.subsample(max(1, pool.n // 2), rng)


def test_parts_of_the_users_run_without_more_ado() -> None:
    exp = experiment(agents=Agent(generators.Gaussian(), Half()))
    results = run(exp, workers=0)
    assert np.array_equal(results.array("TraceRatio"), measure(exp)["TraceRatio"][:, :, :7])


def test_objects_that_no_spec_can_name_run_in_this_process(tmp_path: Path) -> None:
    class Local:
        def __init__(self, seed: int) -> None:
            self.rng = np.random.Generator(np.random.PCG64(seed))

        def fit(self, rows: Any) -> None:
            self.rows = rows

        def sample(self, n: int) -> Any:
            return self.rows[self.rng.integers(len(self.rows), size=n)]

    for make in (Local, lambda seed: Local(seed)):
        exp = experiment(agents=Agent(generators.Wrapped(make=make), regimes.Replace()), metrics=ROWS)
        assert run(exp).array("TraceRatio").shape == (5, 1, 7)
        with pytest.raises(SpecError, match=r"cannot be named in a spec.*leave workers out"):
            run(exp, workers=2)
    with pytest.warns(UserWarning, match="cannot be gone on with later"):
        run(exp, tmp_path / "kept")
    tiles = len([*(tmp_path / "kept" / "parts").iterdir()])
    with pytest.warns(UserWarning, match="cannot be gone on with later"):
        run(experiment(agents=exp.agents, metrics=ROWS), tmp_path / "kept")
    # nobody knows whether the next one is the same: none of it is used again
    assert len([*(tmp_path / "kept" / "parts").iterdir()]) == 2 * tiles


# -- failures --------------------------------------------------------------------------------------


class Fails:
    """Cannot be fitted to fewer than 8 rows."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, rows: Any) -> None:
        if len(rows) < 8:
            raise ValueError("too few rows")
        self.rows = rows

    def sample(self, n: int) -> Any:
        return self.rows[:n]


def failing() -> Experiment:
    return experiment(agents=Agent(generators.Wrapped(make=Fails), regimes.Replace()), metrics=ROWS)


@pytest.mark.parametrize("workers", [0, 2])
def test_one_failing_cell_does_not_stop_the_others(workers: int) -> None:
    with pytest.warns(
        UserWarning,
        match=r"1 of 3 cells failed; n_real=5: generation 1: .*Fails: fit raised ValueError: too few",
    ):
        results = run(failing(), vary={"n_real": [10, 5, 12]}, workers=workers)
    assert {cell.label for cell, _ in results.failures} == {"n_real=5"}
    assert np.isfinite(results.array("TraceRatio", n_real=12)).all()
    assert np.isnan(results.array("TraceRatio", n_real=5)).all()


def test_where_every_cell_fails_the_first_failure_is_raised() -> None:
    with pytest.raises(GenlossError, match=r"generation 1: .*Fails: fit raised ValueError: too few rows"):
        run(dataclasses.replace(failing(), n_real=5), workers=0)


def test_a_mended_cell_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.warns(UserWarning, match="1 of 2 cells failed"):
        run(failing(), tmp_path / "run", vary={"n_real": [10, 5]}, workers=0)
    monkeypatch.setattr(Fails, "fit", lambda self, rows: setattr(self, "rows", rows))
    mended = run(failing(), tmp_path / "run", vary={"n_real": [10, 5]}, workers=0)
    assert not mended.failures and np.isfinite(mended.array("TraceRatio", n_real=5)).all()


def test_a_study_from_the_gallery_made_small() -> None:
    study = Study.load("collapse-or-thrive/gaussian").set("generations", 3).set("n_real", 10)
    results = run(study, replicates=2, workers=0)
    frame = results.frame()
    assert np.isfinite(frame[frame["metric"] == "TraceRatio"]["value"]).all()


def test_a_run_is_opened_wherever_it_has_been_moved_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the table and the code that its spec refers to: every number, and what it is called."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("a,b\n" + "\n".join(f"{i},{i * i % 7}" for i in range(40)))
    spec = {
        "real": {"kind": "Table", "path": "mine.csv"},
        "agents": [{"generator": "Copula", "name": "ours"}],
        "n_real": {"vary": [10, 20]},
        "generations": 2,
        "replicates": 3,
        "metrics": ["SlicedWasserstein"],
    }
    run(spec, tmp_path / "run", workers=0)
    made = Results.open(tmp_path / "run")
    assert made.whole and made.notes == []
    (tmp_path / "mine.csv").unlink()
    shutil.copytree(tmp_path / "run", tmp_path / "moved")
    opened = Results.open(tmp_path / "moved")
    assert not opened.whole and "mine.csv" in opened.notes[0]
    pd.testing.assert_frame_equal(opened.frame(), made.frame())
    pd.testing.assert_frame_equal(opened.summary(), made.summary())
    assert np.array_equal(
        opened.array("SlicedWasserstein", n_real=20), made.array("SlicedWasserstein", n_real=20)
    )
    assert opened.pictures(0).keys() == made.pictures(0).keys()
    assert repr(opened) == "<Results of 2 cells, 18 values, 0 failures>"
    shutil.rmtree(tmp_path / "moved")
    with pytest.raises(StoreError, match="the query failed"):  # it was not held in memory
        opened.frame()


def test_a_changed_table_is_told_when_a_run_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "mine.csv"
    table.write_text("a,b\n" + "\n".join(f"{i},{i * i % 7}" for i in range(40)))
    spec = {"real": {"kind": "Table", "path": "mine.csv"}, "agents": [{"generator": "Copula"}], "n_real": 10}
    run({**spec, "generations": 1, "replicates": 2}, tmp_path / "run", workers=0)
    table.write_text(table.read_text().replace("39,", "390,"))
    assert "has changed since" in Results.open(tmp_path / "run").notes[0]


def test_keeping_what_cannot_be_gone_on_with_is_warned_of(tmp_path: Path) -> None:
    class Local:
        def fit(self, train: Any, rng: Any, init: Any = None) -> Any:
            return generators.Gaussian().fit(train, rng)

    exp = Experiment(real=real.Moons(), agents=Agent(Local()), generations=1, replicates=2)
    with pytest.warns(UserWarning, match="cannot be gone on with later"):
        run(exp, tmp_path / "run", workers=0)
    opened = Results.open(tmp_path / "run")
    assert opened.array("RealShare").shape == (1, 1, 2) and "no spec can name" in opened.notes[0]


def test_an_agent_that_is_not_there_and_values_that_are_no_list() -> None:
    exp = Experiment(real=real.Gaussian(), agents=Agent(generators.Gaussian()), generations=1, replicates=2)
    with pytest.raises(SpecError, match="no agent 5; there are agent 0"):
        run(exp, workers=0).pictures(agent=5)
    with pytest.raises(SpecError, match="n_real: give the values in a list"):
        run(exp, vary={"n_real": 5})  # type: ignore[dict-item]


class FailsNowAndThen:
    """A generator that fails in some replicates, by its seed."""

    def __init__(self, seed: int) -> None:
        if seed % 3 == 0:
            raise ValueError("an unlucky seed")
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def fit(self, rows: Any) -> None:
        self.rows = rows

    def sample(self, n: int) -> Any:
        return self.rows[self.rng.integers(len(self.rows), size=n)]


def test_which_replicates_a_failing_cell_keeps_depends_on_nothing_else(tmp_path: Path) -> None:
    exp = Experiment(
        real=real.Gaussian(),
        agents=Agent(generators.Wrapped(make=FailsNowAndThen), regimes.Replace()),
        n_real=10,
        generations=3,
        replicates=20,
        metrics=[metrics.MeanError(of="published")],
    )
    kept = []
    for workers, out in ((0, "a"), (2, "b"), (0, "b")):
        with pytest.raises(GenlossError, match="an unlucky seed"):
            run(exp, tmp_path / out, workers=workers)
        results = Results.open(tmp_path / out, trust=True)
        kept.append(results.array("MeanError"))
        assert len(results.failures) == 1
    assert 0 < np.isnan(kept[0]).all(axis=0).sum() < 20
    for other in kept[1:]:
        assert np.array_equal(kept[0], other, equal_nan=True)
