"""What a table is said to be: for people, as JSON, in a run, in the results of one."""

from __future__ import annotations

import json
import tomllib

import pandas as pd
import pytest
from click.testing import CliRunner

from genloss import Agent, Experiment, Results, generators, metrics, real, run
from genloss.cli.commands import genloss
from genloss.study import Study

TEXT = (
    "id;price;when;plz;town;empty;grade\n"
    + "".join(
        f"{7 * i};{i % 9},5 €;{i % 28 + 1:02d}.02.2020;0{i % 5}067;{'AB'[i % 2]};;{'xyz'[i % 3]}\n"
        for i in range(60)
    )
    + "999;1,5 €;01.02.2020;01067;A;;\n"
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text(TEXT)
    return path


def told(*arguments: str) -> str:
    found = CliRunner().invoke(genloss, [*arguments])
    assert found.exit_code == 0, found.output
    return found.output


def test_describe_says_kinds_decisions_and_what_is_left_out(table):
    said = told("describe", str(table), "--target", "grade")
    for words in (
        "60 rows, 5 columns",
        "grade (target)  categorical  -        3: 'x', 'y', 'z'",
        "when            date         -        2020-02-01 to 2020-02-28",
        "1 of 61 rows: they have no value of the target 'grade'",
        "'id' is a key",
        "'empty' has no values",
        "semicolons stand between cells",
        "'price' is read with decimal commas: no other reading fits all cells: '0,5 €' is 0.5; types",
        "'when' is read as dates, the day first: its first numbers go beyond 12: '01.02.2020' is",
        "'plz' is read as categories: '00067' has a leading zero, as codes have; types = { plz =",
    ):
        assert words in said, words


def test_describe_as_json(table):
    said = json.loads(told("describe", str(table), "--target", "grade", "--json"))
    assert [(c["name"], c["kind"]) for c in said["columns"]] == [
        ("price", "numeric"),
        ("when", "date"),
        ("plz", "categorical"),
        ("town", "categorical"),
        ("grade", "categorical"),
    ]
    assert said["columns"][0] | {"missing": 0.0, "minimum": 0.5, "maximum": 8.5} == said["columns"][0]
    assert [d["column"] for d in said["left_out"]] == ["", "id", "empty"]
    assert {d["column"] for d in said["decisions"]} == {"", "price", "when", "plz"}
    assert all(d["what"] and d["why"] for d in said["decisions"])
    assert real.Table(table, target="grade").describe().said() == said


def test_the_spec_is_one_that_runs(table):
    said = json.loads(told("describe", str(table), "--target", "grade", "--json"))
    study = Study.of(tomllib.loads(said["spec"]))
    assert len(study.cells) == 2 and study.cells[0].task.real.schema.target == "grade"
    assert study.cells[0].task.real.remark.endswith("sales.csv says why")


def test_fields_can_be_tried(table):
    said = told("describe", str(table), "--set", "types={plz=numeric}", "--set", "drop=[id, when]")
    assert "plz     numeric" in said and "'when': the spec says so" in said
    wrong = CliRunner().invoke(genloss, ["describe", str(table), "--set", "types={plz=text}"])
    assert wrong.exit_code == 2 and "types.plz: input should be 'category'" in wrong.output
    wrong = CliRunner().invoke(genloss, ["describe", str(table), "--target", "grad"])
    assert wrong.exit_code == 2 and "no column 'grad' to be the target; did you mean 'grade'?" in wrong.output


def test_decisions_alike_are_told_once(tmp_path):
    path = tmp_path / "wide.csv"
    columns = [f"c{i}" for i in range(6)]
    cells = [";".join(f"{r * (i + 1) / 7:.2f}".replace(".", ",") for i in range(6)) for r in range(1, 9)]
    path.write_text("\n".join([";".join(columns), *cells]) + "\n")
    said = told("describe", str(path))
    (line,) = [line for line in said.splitlines() if "decimal commas" in line]
    assert line.endswith("; the same of 'c1', 'c2', 'c3', 'c4', 'c5'") and line.startswith(
        "  'c0' is read with"
    )
    assert "'c0' is read with decimal commas (and 5 more)" in real.Table(path).remark


def test_all_problems_are_told_in_few_lines(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a,b,c,d,e,f\n" + "1,2,3,4,5,6\n" * 9 + "x1,x2,x3,x4,x5,x6\n")
    wrong = CliRunner().invoke(genloss, ["describe", str(path)])
    said = wrong.output.splitlines()
    assert wrong.exit_code == 2 and len(said) == 4 and "and 3 more" in said[-1]
    assert all(line.startswith("genloss: ") and len(line) <= 500 for line in said)


def test_a_run_says_what_of_a_table_is_left_out(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = tmp_path / "mine.toml"
    spec.write_text(
        'real = { kind = "Table", path = "sales.csv", target = "grade" }\nn_real = 20\ngenerations = 2\n'
        'replicates = 2\nmetrics = ["RealShare"]\n[[agents]]\ngenerator = "Copula"\n'
    )
    words = "sales.csv: left out: 1 of 61 rows, 'id' is a key, 'empty' has no values; decided: "
    found = CliRunner().invoke(genloss, ["run", str(spec), "--workers", "0", "--out", "out"])
    assert found.exit_code == 0 and found.output.count(words) == 1
    assert words in CliRunner().invoke(genloss, ["results", "out"]).output
    assert "&#39;id&#39; is a key" in (tmp_path / "out" / "report.html").read_text()
    assert words in Results.open("out").notes[0]


def test_a_table_that_leaves_nothing_open_says_nothing():
    frame = pd.DataFrame({"x": [0.5, 1.5, 2.5], "c": ["a", "b", "a"]})
    assert real.Table(frame).remark == ""
    exp = Experiment(
        real=real.Table(frame),
        agents=Agent(generators.Copula()),
        n_real=2,
        generations=1,
        replicates=1,
        metrics=[metrics.RealShare()],
    )
    assert run(exp, workers=0).notes == []


def test_the_spec_of_a_frame_says_how_its_file_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"x": [0.5, 1.5, 2.5], "c": ["a", "b", "a"]}, index=pd.Index([5, 6, 7], name="n"))
    found = real.Table(frame, target="c").describe()
    assert found.pinned["path"].startswith("data/") and "data/" not in found.spec
    made, _, spec = found.spec.partition("\n")
    assert made.startswith("# made by frame.to_parquet('table.parquet', index=False)") and "Polars" in made
    frame.to_parquet("table.parquet", index=False)
    again = Study.of(tomllib.loads(spec)).cells[0].task.real
    assert again.content == real.Table(frame, target="c").content


def test_what_to_do_is_never_cut_in_the_middle(tmp_path):
    path = tmp_path / f"{'long ' * 40}.csv"
    path.write_text("a,b,c,d,e,f\n" + "1,2,3,4,5,6\n" * 9 + "x1,x2,x3,x4,x5,x6\n")
    (tmp_path / "spec.toml").write_text(
        f'real = {{ kind = "Table", path = {str(path)!r} }}\n[[agents]]\ngenerator = "Copula"\n'
    )
    for arguments in (["describe", str(path)], ["run", str(tmp_path / "spec.toml")]):
        found = CliRunner().invoke(genloss, arguments)
        assert found.exit_code == 2
        said = found.output.splitlines()[:-1]
        ends = ("; write a number, or leave the cell empty", "makes them missing", "makes them labels")
        assert said and all(line.endswith(ends) and "holds 'x" in line for line in said), found.output
