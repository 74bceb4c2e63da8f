"""``genloss infer``: from files and frames to answers, and one clear line where that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner, Result

from commands import called
from genloss.cli.commands import genloss
from genloss.errors import DataError
from genloss.value.inference import infer, logistic, mean, ols, quantile
from laws import stream

QUESTIONS = [
    ["mean"],
    ["quantile", "--q", "0.8"],
    ["ols", "--on", "age", "--on", "dose"],
    ["logistic", "--on", "age"],
]


def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """100 labelled rows, and 900 with predictions alone."""
    rng = stream(21)
    age, dose = rng.integers(20, 80, 1000), rng.random(1000)
    score = age / 20 + dose + rng.standard_normal(1000)
    ill = rng.random(1000) < 1 / (1 + np.exp(3 - age / 15))
    whole = pd.DataFrame(
        {
            "age": age,
            "dose": dose,
            "score": score,
            "guess": score + 0.5 * rng.standard_normal(1000) + 0.2,
            "ill": np.where(ill, "yes", "no"),
            "said": np.where(rng.random(1000) < 0.85, np.where(ill, "yes", "no"), "no"),
        }
    )
    return whole[:100], whole[100:].drop(columns=["score", "ill"])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    labelled, more = frames()
    labelled.to_csv("labelled.csv", index=False)
    more.to_csv("more.csv", index=False)
    pd.concat([labelled, more]).to_csv("all.csv", index=False)
    pd.concat([labelled.assign(age=50), more]).to_csv("same.csv", index=False)
    for k in range(4):
        rng = stream(100 + k)
        made = rng.normal(50, 2) + 10 * rng.standard_normal(200)
        pd.DataFrame({"income": made, "age": rng.integers(20, 80, 200)}).to_csv(f"synth{k}.csv", index=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(genloss, ["infer", *arguments])


def columns(question: list[str]) -> list[str]:
    if question[0] == "logistic":
        return ["--label", "ill", "--prediction", "said", "--positive", "yes"]
    return ["--label", "score", "--prediction", "guess"]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q[0])
def test_each_question_is_answered(question: list[str]) -> None:
    """From two tables as from one, and as arrays answer it."""
    two = run(*question, "labelled.csv", "--unlabelled", "more.csv", *columns(question), "--json")
    assert two.exit_code == 0, two.stderr
    one = run(*question, "all.csv", *columns(question), "--json")
    assert one.stdout == two.stdout and one.stderr == ""
    said = json.loads(one.stdout)
    assert said["n"] == 100 and said["N"] == 900 and said["level"] == 0.95
    a, b = frames()
    x, z = a[["age", "dose"]], b[["age", "dose"]]
    if question[0] == "mean":
        found = mean(a["score"], a["guess"], b["guess"])
    elif question[0] == "quantile":
        found = quantile(a["score"], a["guess"], b["guess"], 0.8)
    elif question[0] == "ols":
        found = ols(a["score"], a["guess"], b["guess"], x, z)
    else:
        found = logistic(a["ill"] == "yes", a["said"] == "yes", b["said"] == "yes", x[["age"]], z[["age"]])
    lines = said.get("coefficients", [said])
    for line, answer in zip(lines, found.answers, strict=True):
        assert line["estimate"] == pytest.approx(answer.value.estimate)
        assert (line["low"], line["high"]) == pytest.approx(answer.value[1:])
        assert line["lambda"] == pytest.approx(answer.weight)
    text = run(*question, "all.csv", *columns(question)).stdout
    assert "prediction-powered" in text and "Believe the" in text


def test_the_installed_command_combines_data_sets() -> None:
    done = called(
        "infer", "mean", *(f"synth{k}.csv" for k in range(4)), "--label", "income", "--combine", "fully"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("mean of income: 95 % intervals from 4 data sets of 800 rows in all\n")
    assert "combined, fully synthetic" in done.stdout
    said = json.loads(
        run(
            "ols",
            "synth0.csv",
            "--label",
            "income",
            "--on",
            "age",
            "--combine",
            "once",
            "--real-rows",
            "50",
            "--json",
        ).stdout
    )
    assert said["datasets"] == 1 and said["method"] == "combined, one fit"
    # m/n = 4: 2 Phi(1.96 / sqrt(5)) - 1
    assert said["coefficients"][1]["naive"]["covers"] == pytest.approx(0.6192, abs=1e-3)
    assert said["coefficients"][1]["classical"] is None and said["coefficients"][1]["lambda"] is None


def test_frames_of_every_kind() -> None:
    a, b = frames()
    names: dict[str, Any] = {"label": "score", "prediction": "guess"}
    first = infer("mean", a, b, **names)
    assert infer("mean", pl.DataFrame(a), pl.DataFrame(b), **names) == first
    assert infer("mean", "labelled.csv", "more.csv", **names).estimate == pytest.approx(first.estimate)
    a.to_parquet("labelled.parquet")
    assert infer("mean", "labelled.parquet", b, **names) == first


def test_true_and_false_are_numbers() -> None:
    a, b = frames()
    a.assign(ill=a["ill"].map({"yes": "True", "no": "False"}), said=0.5 + (a["said"] == "yes") / 4).to_csv(
        "t.csv"
    )
    b.assign(said=0.5 + (b["said"] == "yes") / 4).to_csv("u.csv")
    found = infer("mean", "t.csv", "u.csv", label="ill", prediction="said")
    answer = found.answers[0]
    assert answer.classical is not None and answer.classical.estimate == (a["ill"] == "yes").mean()


def test_what_is_read_into_a_table_is_said() -> None:
    a, _ = frames()
    a[["score", "guess"]].to_csv("comma.csv", index=False, sep=";", decimal=",")
    found = infer("mean", "comma.csv", "more.csv", label="score", prediction="guess")
    assert found.estimate == pytest.approx(
        infer("mean", "labelled.csv", "more.csv", label="score", prediction="guess").estimate
    )
    assert any("'score' is read with decimal commas" in note for note in found.notes)


def test_lambda_0_is_classical() -> None:
    said = json.loads(run("mean", "all.csv", *columns(["mean"]), "--lambda", "0", "--json").stdout)
    assert said["lambda"] == 0 and said["low"] == pytest.approx(said["classical"]["low"])


BAD = [
    (
        ["ols", "all.csv", "--label", "score", "--prediction", "guess", "--on", "age", "--on", "age"],
        "ols is on 'age' twice; name each column once",
    ),
    (
        ["ols", "same.csv", "--label", "score", "--prediction", "guess", "--on", "age"],
        "'age' is constant in the",
    ),
    (["mean", "none.csv", "--label", "a", "--prediction", "b"], "none.csv: there is no such file"),
    (
        ["mean", "all.csv", "--label", "scor", "--prediction", "guess"],
        "no column 'scor'; did you mean 'score'?",
    ),
    (
        ["mean", "all.csv", "--label", "score", "--prediction", "gues"],
        "no column 'gues'; did you mean 'guess'?",
    ),
    (
        ["mean", "labelled.csv", "--label", "score", "--prediction", "guess"],
        "every row has a 'score': give rows",
    ),
    (
        ["mean", "all.csv", "--unlabelled", "more.csv", "--label", "score", "--prediction", "guess"],
        "all.csv: 'score' is missing or infinite in 900 of 1 000 rows",
    ),
    (
        ["mean", "all.csv", "--label", "ill", "--prediction", "said"],
        "row 1 of 'ill' is 'no', no number; say which of the two is 1: --positive yes",
    ),
    (
        ["mean", "all.csv", "--label", "ill", "--prediction", "said", "--positive", "y"],
        "no row of 'ill' is 'y'; it holds 'no', 'yes'",
    ),
    (["mean", "all.csv", "--label", "score"], "give --prediction COL, or of synthetic data sets --combine"),
    (
        ["mean", "synth0.csv", "synth1.csv", "--label", "income", "--prediction", "age"],
        "several tables and --real-rows are for --combine",
    ),
    (
        [
            "mean",
            "synth0.csv",
            "synth1.csv",
            "--label",
            "income",
            "--prediction",
            "age",
            "--combine",
            "fully",
        ],
        "--combine takes synthetic data sets alone",
    ),
    (["mean", "synth0.csv", "--label", "income", "--combine", "fully"], "one data set alone does not tell"),
    (["mean", "synth0.csv", "--label", "income", "--combine", "once"], "(--real-rows N)"),
    (["ols", "all.csv", "--label", "score", "--prediction", "guess"], "missing option '--on'"),
    (
        ["ols", "all.csv", "--label", "score", "--prediction", "guess", "--on", "ill"],
        "row 1 of 'ill' is 'no', no number; write numbers, as 0 and 1, or leave the cell empty",
    ),
    (
        ["logistic", "all.csv", "--label", "score", "--prediction", "guess", "--on", "age"],
        "of labels 0 and 1",
    ),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=range(len(BAD)))
def test_bad_input_is_one_line(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("genloss: ") and said in line


def test_unknown_questions_are_refused() -> None:
    a, b = frames()
    with pytest.raises(DataError, match="no 'median' can be inferred; ask for mean, quantile, ols, logistic"):
        infer("median", a, b, label="score", prediction="guess")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="mean is on no columns"):
        infer("mean", a, b, label="score", prediction="guess", on=["age"])
