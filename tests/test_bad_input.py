"""Bad input gets one clear line on standard error and exit code 2, and nothing that was finished is lost."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from genloss.cli.commands import genloss

SPEC = """
real = {real}
n_real = 20
generations = 4
replicates = 3
metrics = [{{ kind = "TraceRatio", of = "published" }}]

[[agents]]
generator = {generator}
regime = "Replace"
"""

TABLE = "age,town,ill\n" + "".join(f"{20 + i % 50},{'Ulm' if i % 3 else 'Bonn'},{i % 2}\n" for i in range(60))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spec(real: str = '"Gaussian"', generator: str = '"Gaussian"', more: str = "") -> str:
    Path("spec.toml").write_text(more + SPEC.format(real=real, generator=generator))
    return "spec.toml"


def table(text: str | bytes, name: str = "mine.csv") -> str:
    """A spec whose real data is this table."""
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return spec(real=f'{{ kind = "Table", path = "{name}" }}', generator='"Copula"')


def called(*arguments: str) -> Result:
    return CliRunner().invoke(genloss, arguments)


def installed(*arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genloss", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **how)


def refused(*arguments: str, lines: int = 1) -> str:
    """What standard error says of bad input: each line says who speaks, and nothing else comes."""
    answer = called(*arguments)
    assert answer.exit_code == 2, (answer.output, answer.exception)
    assert answer.stdout == ""
    said = answer.stderr.splitlines()
    assert len(said) == lines, answer.stderr
    assert all(line.startswith("genloss: ") for line in said)
    return answer.stderr


# -- specs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("regime=Acumulate", "no regime 'Acumulate'; did you mean 'Accumulate'?"),
        ("generator=Gausian", "did you mean 'Gaussian'?"),
        ("real=Mons", "no real data 'Mons'; did you mean 'Moons'?"),
        ("metrics=[TraceRation]", "did you mean 'TraceRatio'?"),
        ("curator={kind=Choose,reward={kind=Allong},k=2}", "no reward 'Allong'; did you mean 'Along'?"),
        ("real={kind=Gaussian,dims=3}", "real.dims: real data has no field 'dims'; did you mean 'dim'?"),
        ("n_reel=3", "did you mean 'n_real'?"),
        ("generator.tempreature=2.0", "did you mean 'temperature'?"),
        ("n_real=many", "n_real: input should be a valid integer (got 'many')"),
        ("n_real=1.5", "n_real: input should be a valid integer (got 1.5)"),
        ("n_real=true", "n_real: input should be a valid integer (got True)"),
        ("real.dim='3'", "real.dim"),
        ("n_real=0", "n_real: input should be greater than or equal to 1 (got 0)"),
        ("n_real=-5", "got -5"),
        ("generator.temperature=-1.0", "generator.temperature: input should be greater than 0 (got -1.0)"),
        ("generator.ddof=2", "generator.ddof: input should be 0 or 1 (got 2)"),
        ("generations=0", "generations"),
        ("seed=-1", "seed"),
        ("rows=sometimes", "rows: input should be 'auto' or 'always'"),
        ("agents=3", "agents"),
        ("regime={generations=2}", "needs its kind"),
        ("regime=Window", "generations: this field is needed"),
        ("metrics=[]", "an experiment needs at least one metric"),
        ("metrics=[Diversity]", "does not apply"),
        ("generator=Categorical", "cannot be fitted"),
        ("real={kind=Gaussian", "not a TOML value"),
        ("n_real", "write path=value"),
        ("=3", "write path=value"),
        ("n_real=[]", "n_real"),
    ],
)
def test_a_change_that_cannot_be(change: str, said: str) -> None:
    answer = called("show", spec('{ kind = "Gaussian", dim = 2 }', '{ kind = "Gaussian" }'), "--set", change)
    assert answer.exit_code == 2, (answer.output, answer.exception)
    assert answer.stdout == ""
    assert said in answer.stderr
    assert all(line.startswith("genloss: ") for line in answer.stderr.splitlines())


def test_every_problem_is_said_at_once() -> None:
    said = refused(
        "run", spec(), "--set", "n_real=0", "--set", "regime=Replacee", "--set", "n_reel=1", lines=3
    )
    assert "n_real" in said and "Replacee" in said and "n_reel" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("real = ", "not TOML"),
        ("", "real: this field is needed"),
        ("[experiments]\n", "at least one experiment"),
        ("experiments = 3\n", "a table of its own"),
        ("n_real = 3\n[experiments.a]\n", "only title, about and experiments"),
        ('real = "Moons"\n', "agents: this field is needed"),
        ('real = { vary = [] }\nagents = [{ generator = "KDE" }]\n', "vary"),
        ("\x00", "not TOML"),
    ],
)
def test_a_file_that_is_no_spec(text: str, said: str) -> None:
    Path("odd.toml").write_text(text)
    answer = called("show", "odd.toml")
    assert answer.exit_code == 2, (answer.output, answer.exception)
    assert said in answer.stderr


def test_a_spec_that_is_not_there_or_cannot_be_read() -> None:
    assert "there is no such file" in refused("run", "none.toml")
    assert "did you mean 'collapse-or-thrive'?" in refused("run", "colapse-or-thrive")
    Path("bytes.toml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refused("run", "bytes.toml")
    Path("folder.toml").mkdir()
    assert "folder.toml" in refused("run", "folder.toml")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["runn"],
        ["run", "collapse-or-thrive", "--workers", "two"],
        ["run", "collapse-or-thrive", "--replicates", "0"],
        ["run", "collapse-or-thrive", "--bogus"],
        ["results"],
        ["list", "what"],
        ["check", "mine.py:make"],
    ],
)
def test_a_command_line_that_cannot_be(arguments: list[str]) -> None:
    refused(*arguments)


# -- tables ----------------------------------------------------------------------------------------


def lines_with(bad: str, at: int = 30) -> str:
    rows = TABLE.splitlines()
    rows[at] = bad
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "mine.csv"),
        ("age,town\n", "the table is empty"),
        ("age,town\n3,Ulm\n", "one row"),
        ("age,town\n" + "3,Ulm\n" * 9, "'age' holds one value only: '3'; 'town' holds one value only"),
        ("age,town\n" + ",\n" * 9, "'age' has no values"),
        (lines_with("inf,Ulm,1"), "column 'age'"),
        (lines_with("-Infinity,Ulm,1"), "column 'age'"),
        (lines_with("old,Ulm,1"), "'old'"),
        (b"age\xff\xfe,\x00town\n\x00\x01", "mine.csv"),
    ],
    ids=[
        "nothing",
        "no rows",
        "one row",
        "one value",
        "all missing",
        "infinite",
        "minus infinite",
        "text",
        "bytes",
    ],
)
def test_a_table_that_cannot_serve(text: str | bytes, said: str) -> None:
    assert said in refused("run", table(text))


def test_missing_cells_are_fine() -> None:
    answer = called("show", table(lines_with("NaN,,1")))
    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize("name", ["none.csv", "none.parquet", "none.jsonl", "brest_cancer", "none.xlsx"])
def test_a_table_that_is_not_there(name: str) -> None:
    path = spec(real=f'{{ kind = "Table", path = "{name}" }}', generator='"Copula"')
    assert name in refused("run", path)


@pytest.mark.parametrize("name", ["odd.parquet", "odd.jsonl"])
def test_a_table_that_is_something_else(name: str) -> None:
    assert name in refused("run", table(b"neither this nor that\x00", name))


def test_a_folder_is_no_table() -> None:
    Path("data.csv").mkdir()
    assert "data.csv" in refused(
        "run", spec(real='{ kind = "Table", path = "data.csv" }', generator='"Copula"')
    )


def test_a_target_that_is_no_column() -> None:
    path = table(TABLE)
    assert "did you mean 'ill'?" in refused("run", path, "--set", "real.target=il")


def test_more_rows_than_the_table_has() -> None:
    assert "n_real: Table has 42 rows to train on" in refused("run", table(TABLE), "--set", "n_real=43")
    assert "n_fresh" in refused("run", table(TABLE), "--set", "n_fresh=10")


def test_a_generator_that_does_not_fit_the_table_names_the_column() -> None:
    assert "column 'town' is categorical" in refused("run", table(TABLE), "--set", "generator=Gaussian")


# -- a user's own code -----------------------------------------------------------------------------

MINE = '''
import numpy as np


class Late:
    """Well-behaved until its rows have been round twice, where it does something wrong."""

    fault = ""

    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def fit(self, rows):
        self.rows, self.age = rows, np.asarray(rows)[0, 1].round().astype(int) // 100 + 1
        if self.age == 3 and self.fault == "fit":
            raise RuntimeError("no more\\nof this")

    def sample(self, n):
        x = np.array(self.rows, dtype=float)[self.rng.integers(len(self.rows), size=n)]
        x[:, 1] = 100 * self.age
        if self.age == 3:
            if self.fault == "shape":
                return x[:-1]
            if self.fault == "nan":
                x[0, 0] = np.nan
            if self.fault == "raises":
                raise ZeroDivisionError("nothing left")
            if self.fault == "text":
                return "rows"
        return x


def make(fault):
    return type(fault, (Late,), {"fault": fault})


shape, nan, raises, text, fit = (make(f) for f in ("shape", "nan", "raises", "text", "fit"))


def unmade(seed):
    raise OSError("no licence")


def dumb(seed):
    return object()
'''


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shape", "generation 3: mine.py:shape: sample(20) returned shape (19, 2)"),
        ("nan", "generation 3: mine.py:nan: sample(20) returned 1 value that is NaN"),
        ("raises", "generation 3: mine.py:raises: sample raised ZeroDivisionError: nothing left"),
        ("text", "generation 3: mine.py:text: sample(20) returned str"),
        ("fit", "generation 3: mine.py:fit: fit raised RuntimeError: no more of this"),
        ("unmade", "generation 1: mine.py:unmade("),
        ("dumb", "which has no method fit"),
    ],
)
def test_a_generator_that_fails_names_cell_and_generation_and_others_finish(name: str, said: str) -> None:
    Path("mine.py").write_text(MINE)
    faulty = f'{{ kind = "Wrapped", make = "mine.py:{name}" }}'
    path = spec(generator=f'{{ vary = ["Gaussian", {faulty}, "KDE"] }}')
    answer = called("run", path, "--trust", "--workers", "0", "--out", "out")
    assert answer.exit_code == 1, (answer.output, answer.exception)
    named = [line for line in answer.stderr.splitlines() if line.startswith("genloss: ")]
    assert len(named) == 1
    assert f"generator=Wrapped(make=mine.py:{name})" in named[0] and said in named[0]
    assert "Gaussian" in answer.stdout and "KDE" in answer.stdout
    again = called("run", path, "--trust", "--workers", "0", "--out", "out", "--json")
    found = json.loads(again.stdout)
    assert again.exit_code == 1
    assert [f["cell"] for f in found["failures"]] == [1]
    assert {r["cell"] for r in found["summary"]} == {0, 2}


def test_code_of_the_users_runs_only_when_trusted() -> None:
    Path("mine.py").write_text("raise SystemExit('it ran')\n" + MINE)
    path = spec(generator='{ kind = "Wrapped", make = "mine.py:shape" }')
    for command in ("run", "show"):
        assert "add --trust" in refused(command, path)
    assert "add --trust" in refused("run", spec(generator='{ kind = "mine.py:Late" }'))
    assert "it ran" in refused("run", path, "--trust")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def make(seed) return 3", "SyntaxError"),
        ("import nonesuch", "nonesuch"),
        ("mak = 3", "did you mean 'mak'?"),
    ],
)
def test_code_of_the_users_that_cannot_be_loaded(code: str, said: str) -> None:
    Path("mine.py").write_text(code + "\n")
    assert said in refused("run", spec(generator='{ kind = "Wrapped", make = "mine.py:make" }'), "--trust")


# -- folders and disks -----------------------------------------------------------------------------


def run_here(*arguments: str) -> Result:
    return called("run", *arguments, "--workers", "0", "--out", "out")


def test_a_folder_of_another_run_keeps_what_it_has() -> None:
    assert run_here(spec()).exit_code == 0
    before = {p: p.read_bytes() for p in Path("out/parts").iterdir()}
    answer = run_here(spec(), "--set", "n_real=[20,21]")
    assert answer.exit_code == 0
    assert "1 of 2 tiles are here already, 1 to compute" in answer.stderr
    assert "n_real = 21 is new: 1 of 2 cells" in answer.stderr
    assert before.items() < {p: p.read_bytes() for p in Path("out/parts").iterdir()}.items()
    assert len([*Path("out/specs").iterdir()]) == 1


def test_a_run_of_the_layout_before_is_refused() -> None:
    Path("out/parts").mkdir(parents=True)
    for name in ("spec.toml", "environment.json", "parts/00000-00000.parquet"):
        Path("out", name).write_text("")
    for command in (["run", spec(), "--out", "out"], ["results", "out"], ["report", "out"]):
        said = refused(*command)
        assert said.startswith("genloss: out holds a run of genloss 0.1, whose parts this version cannot use")


def test_a_folder_that_holds_something_else() -> None:
    Path("out").mkdir()
    Path("out/thesis.txt").write_text("mine")
    assert "is not empty and holds no run" in refused("run", spec(), "--out", "out")
    assert Path("out/thesis.txt").read_text() == "mine"


def test_a_file_where_the_folder_should_be() -> None:
    # for root, permissions do not bite; a file in the way does
    Path("out").write_text("mine")
    assert "out is a file, not a folder" in refused("run", spec(), "--out", "out")
    assert "cannot write out/deeper" in refused("run", spec(), "--out", "out/deeper")
    assert Path("out").read_text() == "mine"


def test_no_run_to_look_at() -> None:
    Path("empty").mkdir()
    for command in ("results", "report"):
        assert "there is no such folder" in refused(command, "none")
        assert "has no spec.toml" in refused(command, "empty")


def test_output_that_cannot_be_written_loses_nothing() -> None:
    assert run_here(spec()).exit_code == 0
    Path("file").write_text("")
    assert "cannot write file/x.csv" in refused("results", "out", "--csv", "file/x.csv")
    assert "cannot write file/x.parquet" in refused("results", "out", "--parquet", "file/x.parquet")
    assert "file/x.html" in refused("report", "out", "-o", "file/x.html")
    assert "it is a folder" in refused("report", "out", "-o", "out/parts")


def test_a_damaged_part_is_computed_again() -> None:
    assert run_here(spec()).exit_code == 0
    (part,) = (p for p in Path("out/parts").iterdir() if "-pictures" not in p.name)
    whole = part.read_bytes()
    part.write_bytes(whole[:-100])
    seen = called("results", "out")
    assert seen.exit_code == 0 and "damaged" in seen.stderr
    answer = run_here(spec())
    assert answer.exit_code == 0 and "it is computed again" in answer.stderr
    assert part.read_bytes() == whole


@pytest.mark.parametrize("name", ["environment.json", "cells.json", "spec.toml", "ledger.jsonl"])
def test_a_run_folder_with_a_damaged_head_is_read_and_mended(name: str) -> None:
    assert run_here(spec()).exit_code == 0
    shown = called("results", "out", "--csv", "-").stdout
    Path("out", name).write_bytes(b"{\xff\x00")
    seen = called("results", "out", "--csv", "-")
    assert seen.exit_code == 0 and seen.stdout == shown
    answer = run_here(spec())
    assert answer.exit_code == 0 and "1 tile, 1 of them done before" in answer.stderr
    assert called("results", "out", "--csv", "-").stdout == shown
    assert called("results", "out").stderr == ""


def test_data_that_changed_since_a_run_is_noted_and_computed_again() -> None:
    path = table(TABLE)
    assert run_here(path).exit_code == 0
    Path("mine.csv").write_text(TABLE.replace("Ulm", "Kiel"))
    answer = called("results", "out")
    assert answer.exit_code == 0
    assert "has changed since" in answer.stderr
    again = run_here(path)
    assert again.exit_code == 0 and "genloss: the data have changed: the cell" in again.stderr


def full_disk() -> None:
    """Files larger than 100 kB cannot be written, as on a full disk."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


@pytest.mark.slow
def test_a_full_disk_keeps_what_was_finished() -> None:
    # three small cells fit, one of many generations does not
    head, agents = Path(spec()).read_text().split("[[agents]]")
    text = ""
    for name, generations in (("a", 3), ("b", 4), ("c", 5), ("d", 6000)):
        text += f"[experiments.{name}]\n{head.replace('generations = 4', f'generations = {generations}')}"
        # of a loop that collapses to a point the numbers would take no room
        text += f"[[experiments.{name}.agents]]{agents.replace('Replace', 'RealPlusLatest')}\n"
    path = "spec.toml"
    Path(path).write_text(text)
    cells = ["--out", "out", "--workers", "1"]
    answer = installed("run", path, *cells, preexec_fn=full_disk)
    assert answer.returncode == 2, answer.stderr
    named = [line for line in answer.stderr.splitlines() if line.startswith("genloss: ")]
    assert len(named) == 1 and "cannot write" in named[0] and "finished tiles are kept" in named[0]
    assert "Traceback" not in answer.stderr
    assert len([p for p in Path("out/parts").iterdir() if "-pictures" not in p.name]) == 3
    assert not list(Path("out/parts").glob(".*"))
    answer = installed("run", path, *cells)
    assert answer.returncode == 0, answer.stderr
    assert "4 tiles, 3 of them done before" in answer.stderr


def test_the_installed_command_gives_one_line_and_code_2() -> None:
    answer = installed("run", spec(), "--set", "regime=Acumulate")
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr == "genloss: agents.0.regime: no regime 'Acumulate'; did you mean 'Accumulate'?\n"
