"""Anybody's tables: each comes out as a careful statistician would read it, or is refused with a remedy."""

import json

import numpy as np
import pandas as pd
import pytest

from commands import called
from genloss.cli.judging import text
from genloss.collapse import Margins, verdict
from genloss.collapse.guards import no_pieces
from genloss.collapse.names import repetitions
from genloss.collapse.others import Columns, read
from genloss.errors import DataError, SpecError

T, R = 20, 10
X = 0.5 + 0.03 * np.arange(1, T + 1)[:, None] + 0.05 * np.random.default_rng(0).normal(size=(T, R))


def long(x=X, first=1, step=1, **columns):
    """A row for each value: generation, seed, loss, and other columns."""
    t, r = np.indices(x.shape)
    frame = pd.DataFrame({"generation": first + step * t.ravel(), "seed": r.ravel(), "loss": x.ravel()})
    return frame.sort_values(["seed", "generation"], ignore_index=True).assign(**columns)


def changed(**at):
    """X with other values: by name of a helper below."""
    x = X.copy()
    for name, (rows, columns, value) in at.items():
        assert name == "at"
        x[rows, columns] = value
    return x


def frozen(*from_):
    """X of which replicate r does not move from a generation on."""
    x = X.copy()
    for r, t in enumerate(from_):
        x[t:, r] = x[t, r]
    return x


def wandb(*names):
    columns = {"Step": np.arange(T)}
    for r, name in enumerate(names):
        columns |= {f"{name} - loss": X[:, r], f"{name} - loss__MIN": X[:, r], f"{name} - loss__MAX": X[:, r]}
    return pd.DataFrame(columns)


def wide(name, frame=None):
    """A column for each replicate, or for each generation of the frame that is turned."""
    frame = long() if frame is None else frame
    table = frame.pivot(index="generation", columns="seed", values="loss")
    return table.rename(columns=lambda r: name.format(r)).rename_axis(columns=None).reset_index()


def turned(name):
    table = long().pivot(index="seed", columns="generation", values="loss")
    return table.rename(columns=lambda t: name.format(t)).rename_axis(columns=None).reset_index()


def averages(**names):
    by = long().groupby("generation")["loss"].agg(["mean", "std", "count"])
    return by.rename(columns=names).reset_index()


ONE = long()[lambda f: f["seed"] == 0].drop(columns="seed")
WALK = 3 + np.cumsum(0.02 + 0.1 * np.random.default_rng(1).normal(size=90))
BLOCKS = pd.DataFrame({"generation": np.arange(1, 91), "replicate": np.arange(90) // 10, "loss": WALK})

READ = {
    # a table, what is given, metrics with (T, R), and what is said of it
    "long": (long(), {}, {"loss": (T, R)}, ["'seed' is read as the replicate", "lower is read as better"]),
    "wide, seeds": (wide("seed_{}"), {"better": "lower"}, {"value": (T, R)}, ["read as 10 replicates"]),
    "wide, metric and seeds": (wide("loss_seed{}"), {}, {"loss": (T, R)}, ["10 replicates of 'loss'"]),
    "wide, numbers": (wide("{}"), {"better": "lower"}, {"value": (T, R)}, ["columns 0 to 9"]),
    "wide, groups": (wide("{}"), {"across": "groups"}, {"value": (T, 1)}, ["10 lines of their own"]),
    "columns are generations": (turned("gen_{}"), {}, {"value": (T, R)}, ["are read as generations"]),
    "metric and generation": (turned("loss_gen{}"), {}, {"loss": (T, R)}, ["are read as generations"]),
    "bare generations": (turned("{}"), {}, {"value": (T, R)}, ["'seed' as replicates"]),
    "no header of rows": (
        wide("c{}").drop(columns="generation"),
        {"across": "replicates", "value": tuple(f"c{r}" for r in range(R))},
        {"value": (T, R)},
        ["rows are counted as generations"],
    ),
    "W&B, runs": (
        wandb("run-a", "run-b", "run-c"),
        {},
        {"loss": (T, 3)},
        ["3 replicates of 'loss'", "__MIN"],
    ),
    "W&B, methods": (wandb("ours", "base"), {}, {"loss": (T, 1)}, ["2 lines of their own", "one replicate"]),
    "MLflow": (
        long(key="val_loss", timestamp=1).rename(
            columns={"generation": "step", "seed": "run_id", "loss": "value"}
        ),
        {},
        {"val_loss": (T, R)},
        ["'key' names the metric", "left out: 'timestamp'", "not a step within one training"],
    ),
    "MLflow's own tables": (
        long(key="val_loss", timestamp=1).rename(
            columns={"generation": "step", "seed": "run_uuid", "loss": "value"}
        ),
        {},
        {"val_loss": (T, R)},
        ["'run_uuid' is read as the replicate"],
    ),
    "TensorBoard": (
        pd.DataFrame({"Wall time": 1e9, "Step": np.arange(T), "Value": X[:, 0]}),
        {"better": "lower"},
        {"Value": (T, 1)},
        ["left out: 'Wall time'", "generations start at 0"],
    ),
    "Lightning": (
        pd.DataFrame(
            {
                "step": [1, 1, 2, 2, 3, 3],
                "train_loss": [3, None, 2, None, 1, None],
                "val_loss": [None, 3, None, 3, None, 2.0],
            }
        ),
        {},
        {"train_loss": (3, 1), "val_loss": (3, 1)},
        ["rows that hold another metric only"],
    ),
    "groupby": (averages(), {"better": "lower"}, {"mean": (T, 1)}, ["averages are no replicates"]),
    "mean and std": (
        averages(mean="loss_mean", std="loss_std"),
        {},
        {"loss_mean": (T, 1)},
        ["averages are no replicates"],
    ),
    "std in a run": (long(loss_std=0.1), {}, {"loss": (T, R)}, ["left out: 'loss_std'"]),
    "metrics": (
        long(accuracy=1 / (1 + long()["loss"]), cross_entropy=long()["loss"], diversity=1 / long()["loss"]),
        {},
        dict.fromkeys(("loss", "accuracy", "cross_entropy", "diversity"), (T, R)),
        ["'loss', 'cross_entropy', lower", "'accuracy', higher", "'diversity' is read as variance"],
    ),
    "ids are no values": (
        long(model_id=7 + long()["generation"], run_id=1023).rename(columns={"loss": "ppl"}),
        {"replicate": "seed"},
        {"ppl": (T, R)},
        ["'ppl' is read as the value"],
    ),
    "a constant beside": (long(kl=-1), {}, {"loss": (T, R)}, ["'kl' is -1 in every row"]),
    "generation as text": (
        long().assign(generation=lambda f: "gen_" + f["generation"].astype(str)),
        {},
        {"loss": (T, R)},
        ["'gen_1' is generation 1"],
    ),
    "from 0": (long(first=0), {}, {"loss": (T, R)}, ["start at 0", "counted from 1 on"]),
    "from 5": (long(first=5), {}, {"loss": (T, R)}, ["start at 5"]),
    "every fifth": (long(first=0, step=5), {}, {"loss": (T, R)}, ["every 5th generation"]),
    "gaps": (long()[lambda f: ~f["generation"].isin([3, 4, 9])], {}, {"loss": (T - 3, R)}, ["2 gaps"]),
    "rows twice": (pd.concat([long(), long()[:50]]), {}, {"loss": (T, R)}, ["50 rows that repeat"]),
    "infinite": (
        long(changed(at=(slice(15, None), 3, np.inf))),
        {},
        {"loss": (T, R)},
        [],  # said of its verdict, once
    ),
    "a cell is empty": (
        long(changed(at=(5, 3, np.nan))),
        {},
        {"loss": (T, R - 1)},
        ["may be the ones that failed", "write inf"],
    ),
    "a cell of most runs is empty": (
        long(changed(at=([5, 5, 5, 9, 9, 9, 12], range(7), np.nan))),
        {},
        {"loss": (T - 3, R)},
        [
            "3 generations of 20 in which a replicate has no value left out, 6 first",
            "only 3 of 10 replicates",
        ],
    ),
    "unequal lengths": (
        long()[lambda f: (f["generation"] <= 10) | (f["seed"] < 7)],
        {},
        {"loss": (T, 7)},
        ["10 to 20 of 20 generations", "the 7 of 10", "may be the ones that failed"],
    ),
    "-1 in a generation": (
        long(changed(at=(6, slice(None), -1))),
        {},
        {"loss": (T - 1, R)},
        ["'loss' is -1 in 10 rows"],
    ),
    "-999 in a run": (
        long(changed(at=(slice(None), 7, -999))),
        {},
        {"loss": (T, R - 1)},
        ["--missing none keeps it"],
    ),
    "-1 is kept": (long(changed(at=(6, slice(None), -1))), {"missing": ("none",)}, {"loss": (T, R)}, []),
    "one run": (ONE, {}, {"loss": (T, 1)}, ["one replicate: nothing has an interval"]),
    "copies": (
        long(X[:, [0, 1, 2, 0, 0]]),
        {},
        {"loss": (T, 3)},
        ["2 of 5 replicates are to the last digit a copy"],
    ),
    "all copies": (long(X[:, [0] * 5]), {}, {"loss": (T, 1)}, ["4 of 5 replicates", "one replicate"]),
    "one froze": (long(frozen(8)), {}, {"loss": (T, R)}, ["'0' from generation 9 on: absorbed, or stopped"]),
    "one is dead": (
        long(changed(at=(slice(None), 4, 0))),
        {},
        {"loss": (T, R - 1)},
        ["as '4' from 0", "left out"],
    ),
    "error alone": (
        averages(mean="loss", std="se").drop(columns="count"),
        {},
        {"loss": (T, 1)},
        ["averages are no replicates"],
    ),
    "low and high": (
        ONE.assign(loss_low=0.1, loss_high=long()["loss"]),
        {},
        {"loss": (T, 1)},
        ["'loss_low' as its spread"],
    ),
    "lists beside": (long(tokens=[[1, 2]] * (T * R)), {}, {"loss": (T, R)}, ["lists or records: tokens"]),
    "some froze together": (
        long(frozen(8, 8, 8)),
        {},
        {"loss": (T, R - 3)},
        ["3 of 10 replicates stop at generation 9", "left out"],
    ),
    "all froze together": (
        long(frozen(*[8] * R)),
        {},
        {"loss": (9, R)},
        ["no stability", "11 generations left out"],
    ),
    "absorbed": (long(frozen(*range(4, 14))), {}, {"loss": (T, R)}, ["absorbed one by one"]),
    "per cent": (
        long(accuracy=90 - 10 * long()["loss"]).drop(columns="loss"),
        {},
        {"accuracy": (T, R)},
        ["per cent"],
    ),
    "missing words": (
        long().astype({"loss": object}).assign(loss=lambda f: f["loss"].where(f["seed"] != 3, "n/a")),
        {},
        {"loss": (T, R - 1)},
        ["no value in 20 of 200 rows"],
    ),
    "one missing beside another metric": (
        long(accuracy=1 / (1 + long()["loss"])).assign(loss=lambda f: f["loss"].where(f.index != 45)),
        {},
        {"loss": (T, R - 1), "accuracy": (T, R)},
        ["'loss' has no value in 1 of 200 rows", "write inf"],
    ),
    "another metric in some generations": (
        long(accuracy=1 / (1 + long()["loss"])).assign(
            loss=lambda f: f["loss"].where(f["generation"] % 2 == 1)
        ),
        {},
        {"loss": (T // 2, R), "accuracy": (T, R)},
        ["'loss': rows that hold another metric only"],
    ),
    "copies of rows of two metrics": (
        pd.concat([one := long(accuracy=1 / (1 + long()["loss"])), one[30:37]], ignore_index=True),
        {},
        {"loss": (T, R), "accuracy": (T, R)},
        ["7 rows that repeat"],
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_table_is_read_as_it_is_meant(name):
    frame, given, shapes, said = READ[name]
    found, notes = read(frame, Columns(**given))
    assert {x.metric: x.values.shape for x in found} == shapes
    text = "\n".join(notes)
    assert [part for part in said if part not in text] == [], text
    assert all(np.isin(x.generations[0], (1, 5, 3)) and (np.diff(x.generations) > 0).all() for x in found)


def groups(**more):
    return pd.concat(
        [long(**{k: a for k, (a, _) in more.items()}), long(X * 0.9, **{k: b for k, (_, b) in more.items()})]
    )


REFUSED = {
    # a table, what is given, and what is said: culprit, value, remedy
    "no generation": (
        long().rename(columns={"generation": "x"}),
        {},
        ["--generation COL", "there are x, seed, loss"],
    ),
    "a column that is not there": (long(), {"value": ("los",)}, ["no column 'los'", "did you mean 'loss'?"]),
    "one column twice": (long(), {"value": ("seed",)}, ["'seed' is given twice"]),
    "no numbers": (ONE.assign(loss="a"), {}, ["row 1 of 'loss' is 'a', no number"]),
    "diverged": (
        long().astype({"loss": object}).assign(loss=lambda f: f["loss"].where(f.index != 75, "diverged")),
        {},
        ["row 76 of 'loss' is 'diverged'", "write inf where a run diverged", "--missing diverged"],
    ),
    "mean and error": (
        ONE.assign(loss="0.53 ± 0.02"),
        {},
        ["'0.53 ± 0.02', a mean with its error", "no replicates"],
    ),
    "dates": (
        long().assign(
            generation=lambda f: pd.Timestamp("2024-01-01") + pd.to_timedelta(f["generation"], "D")
        ),
        {},
        ["'2024-01-02 00:00:00', a date", "number them"],
    ),
    "negative": (long(first=-3), {}, ["generation -3 in 'generation' is negative"]),
    "true or false": (
        long().assign(generation=lambda f: f["generation"] > 10),
        {},
        ["true or false, no generation"],
    ),
    "infinite everywhere": (long(X + np.inf), {}, ["'loss' is inf in every row"]),
    "halves": (long(step=0.5), {}, ["generation 1.5 in 'generation' is no whole number"]),
    "one generation": (long(X[:1]), {}, ["one generation, 1"]),
    "values that differ": (
        pd.concat([long(), long()[:50].assign(loss=9)]),
        {},
        ["generation 1, replicate 0, has 2 values", "keep the right one"],
    ),
    "replicates without a name": (
        long().drop(columns="seed"),
        {},
        ["generation 1 has 10 values", "--replicate COL"],
    ),
    "replicates of another name": (
        long().rename(columns={"seed": "who"}),
        {"value": ("loss",)},
        ["'who' tells them apart: --replicate who", "--group who"],
    ),
    "groups of another name": (groups(kind=("a", "b")), {}, ["'kind' tells them apart: --group kind"]),
    "two groups of other names": (
        pd.concat([long(X + a + 2 * b, kind=a, dim=b) for a in (1, 2) for b in (1, 2)], ignore_index=True),
        {"value": ("loss",)},
        ["'kind', 'dim' tell them apart: --group kind --group dim"],
    ),
    "steps within a generation": (
        pd.concat([long(epoch=e) for e in (1, 2)]).assign(loss=lambda f: f["loss"] / f["epoch"]),
        {},
        ["'epoch' counts within a generation: keep the last row of each"],
    ),
    "batches": (
        long().rename(columns={"seed": "batch"}),
        {},
        ["'batch' counts pieces of one run", "average them"],
    ),
    "batches as replicates": (
        long().rename(columns={"seed": "batch"}),
        {"replicate": "batch"},
        ["are no replicates"],
    ),
    "blocks": (BLOCKS, {}, ["no generations in common", "blocks of one run"]),
    "blocks that are counted anew": (
        BLOCKS.assign(generation=(BLOCKS["generation"] - 1) % 10 + 1),
        {},
        ["begins where the one before ends", "blocks"],
    ),
    "-1 everywhere": (long(X * 0 - 1), {}, ["'loss' is -1 in every row", "--value COL"]),
    "0 everywhere": (long(X * 0), {}, ["'loss' is 0 in every row"]),
    "frozen from the start": (long(X[:1] + 0 * X), {}, ["no value ever changes", "frozen is not stable"]),
    "numbers for names": (
        pd.DataFrame(X[:, :4], columns=list("0123")),
        {},
        ["columns 0 to 3 could be generations or replicates", "--across"],
    ),
    "nothing": (pd.DataFrame({"generation": [], "loss": []}), {}, ["it has no rows"]),
    "no values": (ONE.assign(loss=np.nan), {}, ["loss"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_is_refused_with_culprit_and_remedy(name):
    frame, given, said = REFUSED[name]
    with pytest.raises(DataError) as error:
        read(frame, Columns(**given))
    text = str(error.value)
    assert "\n" not in text and [part for part in said if part not in text] == [], text


def texts(x=X, mark=",", digits="{:.4f}"):
    rows = [f"{t + 1}{mark}{r}{mark}{digits.format(x[t, r])}" for r in range(R) for t in range(T)]
    return "\n".join([f"generation{mark}seed{mark}loss", *rows]) + "\n"


FILES = {
    # what a file is called, what it holds, and what is said of it
    "a.csv": (texts(), "'seed' is read as the replicate"),
    "semicolons.csv": (texts(mark=";").replace(".", ","), "decimal commas"),
    "tabs.tsv": (texts(mark="\t"), "tabs stand between cells"),
    "thousands.csv": (texts(X * 1e6, digits='"{:,.0f}"'), "'loss' is read as the value"),
    "units.csv": (texts(X * 100, digits="{:.2f}%"), "'%' beside its numbers is left out"),
    "records.json": (long().to_json(orient="records"), "'loss' is read as the value"),
    "lines.jsonl": (long().to_json(orient="records", lines=True), "'loss' is read as the value"),
    "split.json": (long().to_json(orient="split"), "'loss' is read as the value"),
    "trainer_state.json": (
        json.dumps({"best": None, "log_history": long().to_dict("records")}),
        "the records of 'log_history' are read",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_read_as_they_are_written(name, tmp_path):
    text, said = FILES[name]
    (tmp_path / name).write_text(text)
    found, notes = read(str(tmp_path / name))
    assert found[0].values.shape == (T, R) and said in "\n".join(notes)
    scale = found[0].values.mean() / X.mean()
    assert min(abs(scale - s) for s in (1, 100, 1e6)) < 1e-4 * scale


@pytest.mark.parametrize("kind", ["parquet", "xlsx"])
def test_files_with_types_are_read(kind, tmp_path):
    write = {"parquet": pd.DataFrame.to_parquet, "xlsx": pd.DataFrame.to_excel}[kind]
    write(long(), tmp_path / f"a.{kind}", index=False)
    found, _ = read(tmp_path / f"a.{kind}")
    np.testing.assert_allclose(found[0].values, X)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("title.csv", "Table S3\n" + texts(), "if the first line is a title and no header, delete it"),
        ("ragged.csv", texts() + "21,3\n", "1 line differs from the header"),
        ("bare.csv", texts().partition("\n")[2], "is no header but a row"),
        ("twice.csv", "generation,loss,loss\n1,2,3\n2,3,4\n", "two columns are called 'loss'"),
        ("empty.csv", "", "the file is empty"),
        ("header.csv", "generation,loss\n", "it has no rows"),
        ("lists.json", "[[1, 2], [3, 4]]", "nothing tells which way generations go"),
        ("prose.txt", "once upon\na time\n", "no column is called generation"),
        ("picture.png", "x", "cannot read '.png'"),
    ],
)
def test_a_file_that_is_no_table_is_refused(name, text, said, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=said) as error:
        read(tmp_path / name)
    assert all(name in line for line in str(error.value).splitlines())


def saved(folder, *names):
    for r, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        long(X[:, [r]]).drop(columns="seed").to_csv(file, index=False)
    return [str(folder / name) for name in names]


@pytest.mark.parametrize(
    ("names", "shape", "lines"),
    [
        (("run-seed_3-loss.csv", "run-seed_42-loss.csv", "run-seed_7-loss.csv"), (T, 3), 1),
        (("version_0/metrics.csv", "version_1/metrics.csv"), (T, 2), 1),
        (("ours.csv", "baseline.csv"), (T, 1), 2),
        (("n100.csv", "n1000.csv"), (T, 1), 2),
    ],
)
def test_several_files_are_runs_or_lines_by_their_names(names, shape, lines, tmp_path):
    found, _ = read(saved(tmp_path, *names))
    assert len(found) == lines and found[0].values.shape == shape
    whole, _ = read(saved(tmp_path, *names), Columns(group=("file",)))
    assert len(whole) == len(names)
    runs, _ = read(saved(tmp_path, *names), Columns(replicate="file"))
    assert runs[0].values.shape == (T, len(names))


def test_a_file_for_each_generation(tmp_path):
    for t in range(4):
        long(X[[t]]).drop(columns="generation").to_csv(tmp_path / f"gen_{t}.csv", index=False)
    found, notes = read(sorted(map(str, tmp_path.iterdir())))
    np.testing.assert_allclose(found[0].values, X[:4])
    assert "'file': 'gen_0' is generation 0" in notes


def test_names_of_repetitions():
    assert repetitions(["1023a8f3", "0f23a8f3"]) and not repetitions(["lr0.1", "lr0.01"])


def test_what_a_metric_tells_of():
    frame = long(accuracy=90 - 10 * long()["loss"], log_prob=-long()["loss"], weight=long()["loss"])
    by = {x.metric: x for x in read(frame, Columns(references={"accuracy": 50.0}))[0]}
    accuracy = by["accuracy"]
    assert accuracy.meaning.scale == "share" and accuracy.meaning.reference.value == 0.5
    np.testing.assert_allclose(accuracy.values, 0.9 - 0.1 * X)
    assert (by["loss"].meaning.scale, by["loss"].meaning.tells) == ("ratio", "risk")
    assert by["log_prob"].meaning.scale == "plain" and by["weight"].meaning.tells == ""
    with pytest.raises(DataError, match="--reference los: there is no such metric; there are 'loss'"):
        read(long(), Columns(references={"los": 1.0}))


@pytest.mark.parametrize("replicates", [4, 6, 8, 20])
def test_runs_that_drift_alike_are_no_pieces_of_one(replicates):
    rng = np.random.default_rng(2)
    refused, t = 0, np.arange(1.0, 16)
    for _ in range(1000):
        walks = 3 + np.cumsum(0.01 + 0.1 * rng.normal(size=(15, replicates)), axis=0)
        try:
            no_pieces("it", t, walks, np.arange(replicates))
        except DataError:
            refused += 1
    assert refused <= 12 + 3 * np.sqrt(12)


def test_groups_keep_their_numbers_so_that_a_grid_over_n_is_one():
    frame = pd.concat([long(X / n, n_real=n) for n in (10, 100, 1000)])
    found = verdict(frame.astype(str), group="n_real")
    assert [line.labels for line in found.lines] == [{"n_real": n} for n in (10, 100, 1000)]
    assert found.lines[0].answer(5).answer != "not asked"


def test_arrays_and_frames_of_every_kind_are_one():
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    pivot = long().pivot(index="generation", columns="seed")
    some = [X, X.tolist(), pd.DataFrame(X), {"loss": X}, X.T]
    given = [{"value": "loss"}] * 3 + [{}, {"value": "loss", "across": "generations"}]
    some += [
        long(),
        pl.from_pandas(long()),
        pa.table(long()),
        pivot,
        long().set_index(["generation", "seed"])["loss"],
    ]
    given += [{}] * 5
    for data, columns in zip(some, given, strict=True):
        x = verdict(data, **columns).lines[0].headline.x
        assert x.metric == "loss" and x.meaning.better == "lower"
        np.testing.assert_allclose(x.values, X)
    for wrong in (X[None], np.empty((0, 3)), [[1, 2], [1]], np.array([["a"]])):
        with pytest.raises(DataError, match=r"\(T, R\)"):
            verdict(wrong)
    with pytest.raises(DataError, match="its first axis is generations"):
        verdict(X, generation="step")
    with pytest.raises(DataError, match="is no table"):
        verdict(3)


def test_a_sentence_says_which_generations_there_are():
    assert verdict(long()).lines[0].sentence.startswith("loss, in 20 generations")
    assert "loss, from generation 5 to 24" in verdict(long(first=5)).lines[0].sentence
    assert "loss, from generation 1 to 96" in verdict(long(first=0, step=5)).lines[0].sentence


def test_lines_stay_apart_on_a_narrow_terminal():
    frame = pd.concat([long(setting=f"a long name of the setting number {n}", kind=n) for n in range(5)])
    shown = text(verdict(frame, group=("kind", "setting")), 80).splitlines()
    assert max(map(len, shown)) <= 80
    at = next(i for i, line in enumerate(shown) if line.startswith("kind, setting "))
    assert [line[:10] for line in shown[at + 1 : at + 6]] == [f"{n}, a long " for n in range(5)]


def test_reasons_that_metrics_share_are_said_once():
    shown = text(verdict(long(error=long()["loss"])), 120)
    assert shown.count("2 any increase: yes (loss, error): ") == 1


# -- the command, as it is installed -----------------------------------------------------------------


@pytest.fixture
def losses(tmp_path):
    level = 1 + 0.2 * (X - X.mean(axis=1, keepdims=True))
    frame = pd.concat([long(name="ours"), long(level, name="base")])
    frame.to_csv(tmp_path / "losses.csv", index=False)
    return tmp_path


def test_the_command_says_what_it_took_and_answers(losses):
    done = called("verdict", "losses.csv", "--group", "name", "--reference", "loss=3", cwd=losses)
    assert done.returncode == 0
    assert "genloss: 'seed' is read as the replicate (--replicate COL changes it)" in done.stderr
    assert "2 any increase               yes        no" in done.stdout.splitlines()
    assert max(map(len, done.stdout.splitlines())) <= 120
    narrow = called("verdict", "losses.csv", "--group", "name", cwd=losses, env={"COLUMNS": "80"})
    assert max(map(len, narrow.stdout.splitlines())) <= 80


def test_the_command_as_json(losses):
    done = called("verdict", "losses.csv", "--group", "name", "--json", "--out", "page.html", cwd=losses)
    assert done.returncode == 0 and "'seed' is read" in done.stderr and "page: page.html" in done.stderr
    found = json.loads(done.stdout)
    keys = {"group.name", "metric", "meaning", "answer", "effect", "low", "high", "law", "needs"}
    assert all(keys <= one.keys() for one in found) and len(found) == 16
    assert {one["answer"] for one in found} <= {"yes", "no", "undecided", "not asked"}
    assert (losses / "page.html").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("losses.csv", "--margin", "foo=1"), "--margin foo: there is no such margin"),
        (("losses.csv", "--margin", "increase=-1"), "increase = -1.0: a margin is a number from 0 on"),
        (("losses.csv", "--margin", "increase=nan"), "increase = nan: a margin is a number from 0 on"),
        (("losses.csv", "--margin", "lost=90"), "lost = 90.0: a share lies between 0 and 1; 90 % is 0.9"),
        (("losses.csv", "--margin", "kept=0"), "margin kept: give a share between 0 and 1"),
        (("losses.csv", "--reference", "loss=nan"), "reference of loss = nan: give a finite number"),
        (
            ("losses.csv", "--group", "name", "--tells", "support"),
            "'loss' is said to tell of support, which is a share of rows",
        ),
        (("losses.csv", "--reference", "bad"), "write NAME=NUMBER"),
        (("loses.csv",), "loses.csv: there is no such file; did you mean 'losses.csv'?"),
        (("nowhere",), "no run at nowhere"),
        ((".",), "it holds tables: genloss verdict ./*.csv"),
        (("losses.csv", "nowhere"), "several sources are tables"),
        (("mine.toml",), "mine.toml is a spec: genloss run mine.toml"),
        ((), "missing argument"),
    ],
)
def test_the_command_refuses_in_a_line(arguments, said, losses):
    done = called("verdict", *arguments, "--json", cwd=losses)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_a_page_of_its_own_draws_what_it_judges(tmp_path):
    import numpy as np

    from genloss.collapse import verdict
    from genloss.report.verdicts import write

    t = np.arange(30)[:, None]
    noise = np.random.Generator(np.random.SFC64(1)).normal(size=(30, 20))
    found = verdict({"loss": 2 + 0.1 * t + 0.01 * noise, "<b>entropy</b>": 3 - 0.05 * t + 0.01 * noise})
    text = write(found, tmp_path / "v.html", "a <i>title</i>").read_text()
    assert text.count("<svg") == 2 and "2 any increase" in text
    assert "<b>entropy" not in text and "<i>title" not in text and "<script" not in text


def test_what_runs_to_infinity_is_said_and_wrong_words_are_refused():
    values = X.copy()
    values[10:, :3] = np.inf
    found = verdict(values)
    said = [note for note in found.notes if "infinite" in note]
    assert len(said) == 1 and "value is infinite in 3 of 10 replicates, from generation 11 on" in said[0]
    with pytest.raises(SpecError, match=r'better = \'up\': give one of "lower", "higher"'):
        verdict(values, better="up")


@pytest.mark.parametrize(
    ("margins", "said"),
    [
        ({"lost": 90}, "margin lost = 90: a share lies between 0 and 1; 90 % is 0.9"),
        ({"increase": float("nan")}, "margin increase = nan: a margin is a number from 0 on"),
        ({"modes": -1}, "margin modes = -1: "),
        ({"share": "1 %"}, "margin share = '1 %': "),
        ({"falling": 1}, "margin falling: give a share between 0 and 1"),
        ({"references": {"loss": None}}, "reference of loss = None: give a finite number"),
    ],
)
def test_margins_are_numbers_that_make_sense(margins, said):
    with pytest.raises(SpecError, match=said):
        Margins(**margins)


def test_margins_are_no_dict():
    with pytest.raises(SpecError, match="give Margins"):
        verdict(X, {"lost": 0.5})


@pytest.mark.parametrize(("tells", "by"), [("support", 1), ("between", 1), ("modes", -1), ("tail", -1)])
def test_what_a_metric_is_said_to_tell_of_is_held_against_its_values(tells, by):
    values = 1.5 + X / 100
    with pytest.raises(DataError, match=f"'value' is said to tell of {tells}, .* lies between "):
        verdict(by * values, tells=tells)
    assert verdict(values / 100, tells=tells).lines[0].findings


def test_an_infinite_number_in_json_is_a_text_and_none_is_null():
    values = X.copy()
    values[10:] = np.inf
    found = {one["meaning"]: one for one in verdict(values, better="lower", value="loss").said()}
    assert [found[2][key] for key in ("effect", "low", "high")] == ["Infinity"] * 3
    assert [found[8][key] for key in ("effect", "low", "high")] == [None] * 3
    json.loads(json.dumps([*found.values()]), parse_constant=pytest.fail)
