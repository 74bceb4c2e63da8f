"""Real data that Python holds: frames and arrays, named by their content, kept beside a run, found again."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner
from numpy.testing import assert_array_equal

from genloss import Agent, Experiment, Results, conformance, generators, metrics, real, run
from genloss.cli.commands import genloss
from genloss.errors import DataError, StoreError
from genloss.study import Study
from genloss.tables import kept

FRAME = pd.DataFrame(
    {
        "size": pd.Categorical(["S", "L", "M"] * 20, categories=["S", "M", "L", "XL"], ordered=True),
        "x": np.arange(60) * 0.37,
        "day": pd.to_datetime("2020-01-01") + pd.to_timedelta(np.arange(60) * 5, "D"),
        "town": ["Ulm", None, "Bonn"] * 20,
    }
)


class Capsule:
    """What speaks Arrow, and nothing else."""

    def __arrow_c_stream__(self, requested_schema=None):
        return pa.Table.from_pandas(FRAME).__arrow_c_stream__(requested_schema)


class Interchange:
    """What speaks the dataframe interchange protocol, and nothing else."""

    def __dataframe__(self, nan_as_null=False, allow_copy=True):
        return pa.table({"x": FRAME["x"], "n": np.arange(60) % 7}).__dataframe__(nan_as_null, allow_copy)


def loop(source, **more):
    more = {"metrics": [metrics.RealShare()], "n_real": 20, **more}
    return Experiment(real=source, agents=Agent(generators.Copula()), generations=2, replicates=3, **more)


def test_frames_of_every_kind_are_one_table():
    ours = real.Table(FRAME)
    assert ours.schema.columns[0].categories == ("S", "M", "L")  # in its order, as far as they occur
    enum = pl.DataFrame(
        {
            "size": pl.Series([str(s) for s in FRAME["size"]], dtype=pl.Enum(["S", "M", "L", "XL"])),
            "x": FRAME["x"].to_numpy(),
            "day": FRAME["day"].to_numpy(),
            "town": ["Ulm", None, "Bonn"] * 20,
        }
    )
    for frame in (enum, Capsule(), pa.Table.from_pandas(FRAME), FRAME.set_axis(range(5, 65))):
        other = real.Table(frame)
        assert other.schema == ours.schema and other.content == ours.content, type(frame)
    assert real.Table(Interchange()).schema.names == ("x", "n")


def test_a_frame_is_named_by_its_content():
    one, two = real.Table(FRAME), real.Table(FRAME.copy())
    assert one == two and one.path.startswith("data/") and real.Table(FRAME[:50]) != one
    changed = FRAME.copy()
    before = one.content
    changed.loc[0, "x"] = 99.0
    assert real.Table(changed).path != one.path and real.Table(FRAME).content == before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "int is no table: give a path, a pandas or Polars DataFrame"),
        (np.eye(3), "ndarray is no table"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), "two columns are called 'a'"),
        (pd.DataFrame({"a": [[1], [2]], "b": [{"c": 1}, {}]}), "column 'a', row 1"),
        (pd.DataFrame({"a": pd.Series([1j, 2j])}), "column 'a' holds complex128"),
    ],
)
def test_what_is_no_table_is_refused(data, message):
    with pytest.raises(DataError, match=message):
        _ = real.Table(data).schema


def test_a_run_keeps_its_frame_and_can_be_moved(tmp_path, monkeypatch):
    """Workers find it there; so does whoever opens the run elsewhere, or goes on with its spec."""
    source = real.Table(FRAME, target="size")
    done = run(loop(source), out=tmp_path / "one", workers=2)
    assert [p.name for p in (tmp_path / "one" / "data").iterdir()] == [Path(source.path).name]
    monkeypatch.setattr(kept, "_folders", {})  # as in another process
    shutil.move(tmp_path / "one", tmp_path / "two")
    moved = Results.open(tmp_path / "two")
    assert moved.whole and moved.cells[0].kept.fingerprint == done.cells[0].kept.fingerprint
    monkeypatch.setattr(kept, "_folders", {})
    arguments = ["run", str(tmp_path / "two/spec.toml"), "--out", str(tmp_path / "three"), "--workers", "0"]
    found = CliRunner().invoke(genloss, arguments)
    assert found.exit_code == 0, found.output
    assert Results.open(tmp_path / "three").cells[0].kept.fingerprint == done.cells[0].kept.fingerprint


def test_a_damaged_or_lost_frame_is_named(tmp_path, monkeypatch):
    source = real.Rows(np.random.Generator(np.random.SFC64(1)).normal(size=(40, 2)))
    run(loop(source), out=tmp_path / "run", workers=0)
    monkeypatch.setattr(kept, "_folders", {})
    file = tmp_path / "run" / source.path
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    opened = Results.open(tmp_path / "run")
    assert not opened.whole and "its content is not that of its name" in opened.notes[0]
    file.unlink()
    monkeypatch.setattr(kept, "_folders", {})
    with pytest.raises(DataError, match="lies in the folder of that run"):
        _ = real.Rows(source.path).size
    with pytest.raises(StoreError):
        Results.open(tmp_path / "nothing")


def test_objects_without_a_name_run_with_a_frame_too():
    class Half:
        """A generator of this test, which no spec can name."""

    exp = loop(real.Table(FRAME[["x"]]))
    assert Study.of(exp).toml().count("data/") == 1
    assert run(exp, workers=0).array("RealShare").shape == (2, 1, 3)


# arrays


def test_rows_are_vectors_of_any_shape():
    rows = np.arange(60.0).reshape(20, 3)
    source = real.Rows(rows)
    drawn = np.concatenate(
        [source.draw(1, source.size, np.random.Generator(np.random.SFC64(1)))[0], source.holdout()]
    )
    assert_array_equal(np.sort(drawn[:, 0]), rows[:, 0])
    assert source.event == "vectors" and source.size == 14
    assert real.Rows(np.arange(20)).holdout().shape == (6, 1)
    assert real.Rows(rows.reshape(20, 3, 1).astype(np.float32)).holdout().shape == (6, 3, 1)
    assert real.Rows(pl.Series(range(20))).size == 14


def test_images_are_intensities():
    pixels = np.arange(10 * 4 * 5, dtype=np.uint8).reshape(10, 4, 5)
    source = real.Images(pixels)
    assert source.image == (4, 5) and source.event == "images" and source.holdout().shape == (3, 20)
    assert source.holdout().max() <= 1 and real.Images(pixels / 255).content == source.content
    colour = real.Images(np.stack([pixels] * 3, axis=-1))
    assert colour.image == (4, 5, 3) and colour.holdout().shape == (3, 60)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: real.Rows([["a"], ["b"]]), "list of <U1 is no array of numbers"),
        (lambda: real.Rows(np.array([[1.0], [np.nan]])), "1 value is NaN or infinite"),
        (lambda: real.Rows(np.ones((1, 2))), r"has shape \(1, 2\)"),
        (lambda: real.Rows("nowhere.npy"), "there is no such file"),
        (lambda: real.Rows(np.array([object()])), "no array of numbers"),
        (lambda: real.Images(np.ones((5, 4))), r"give images as \(N, H, W\)"),
        (lambda: real.Images(np.full((5, 4, 4), 300)), "whole numbers from 300 to 300"),
    ],
)
def test_what_is_no_array_is_refused(make, message):
    with pytest.raises(DataError, match=message):
        _ = make().size


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"no \.npy file that can be read"):
        _ = real.Rows(tmp_path / "x.npy").size


def test_new_sources_pass_the_checks():
    rng = np.random.Generator(np.random.SFC64(1))
    for source in (
        real.Rows(rng.normal(size=(60, 3))),
        real.Images(rng.random((60, 4, 4))),
        real.Table(FRAME),
    ):
        wrong = [f for f in conformance.check(source) if f.passed is False]
        assert not wrong, wrong


def test_pictures_of_images_are_images(tmp_path):
    from genloss.report import write

    rng = np.random.Generator(np.random.SFC64(1))
    for shape in ((60, 5, 4), (60, 5, 4, 3)):
        exp = loop(real.Images(rng.random(shape)))
        page = write(run(exp, workers=0), tmp_path / "page.html")
        assert "data:image/png;base64" in Path(page).read_text(), shape
