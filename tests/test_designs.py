"""Designs: ranges, cases of joint settings, fields of all agents at once, and agents by name."""

from __future__ import annotations

import itertools
import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from genloss import Agent, Experiment, generators, metrics, real, regimes, run
from genloss.cli.commands import genloss
from genloss.conformance.worlds import NUMERIC, pool_of
from genloss.errors import FitError, SpecError
from genloss.study import Results, Study
from genloss.study.cells import read_cells
from genloss.study.ranges import MOST, is_range, ranged
from genloss.study.spec import Spec
from genloss.study.study import parse
from laws import assert_same_law, measure, stream

BASE: Spec = {
    "real": "Moons",
    "agents": [{"generator": "KDE"}],
    "n_real": 20,
    "generations": 2,
    "replicates": 3,
}
STUDENT: Spec = {"name": "student", "generator": "KDE"}
TWO: Spec = {**BASE, "agents": [STUDENT, {"name": "teacher", "generator": "KDE"}]}


def cells(spec: Spec, field: str = "n_real") -> list[Any]:
    return [vars(c.task)[field] for c in Study.of(spec).cells]


# -- ranges ----------------------------------------------------------------------------------------

whole = st.integers(-(10**9), 10**9)
number = st.one_of(whole, st.floats(-1e6, 1e6).map(lambda x: round(x, 4)))


@given(
    first=st.integers(1, 10**6), times=st.floats(1.01, 1e6), count=st.integers(2, 40), is_whole=st.booleans()
)
def test_log_goes_from_end_to_end_at_equal_ratios(
    first: int, times: float, count: int, is_whole: bool
) -> None:
    last = math.ceil(first * times) + 1
    found = ranged(f"{first}..{last} log {count}", is_whole)
    assert found[0] == first and found[-1] == last
    assert all(a < b for a, b in itertools.pairwise(found))
    exact = np.geomspace(first, last, count)
    if is_whole:
        assert all(isinstance(v, int) for v in found) and len(found) <= count
        assert {*found} == {first, last, *np.rint(exact).astype(int).tolist()}
    else:
        assert np.allclose(found, np.unique(exact), rtol=1e-5)


@given(first=number, gap=st.floats(1e-3, 1e6).map(lambda x: round(x, 3)), count=st.integers(2, 40))
def test_linear_goes_from_end_to_end_at_equal_distances(first: float, gap: float, count: int) -> None:
    last = round(first + gap * count, 4)
    found = ranged(f"{first!r}..{last!r} linear {count}", False)
    assert found[0] == first and found[-1] == last and len(found) == count
    assert np.allclose(found, np.linspace(first, last, count), rtol=1e-5, atol=1e-5 * gap)


@given(
    first=st.integers(-1000, 1000), step=st.integers(1, 50), count=st.integers(1, 50), more=st.integers(0, 49)
)
def test_step_is_exact_and_stops_before_it_would_pass_the_end(
    first: int, step: int, count: int, more: int
) -> None:
    last = first + step * count + min(more, step - 1)
    assert ranged(f"{first}..{last} step {step}", True) == [*range(first, last + 1, step)]
    # hundredths are no binary fractions, and are the numbers that were written all the same
    hundredths = ranged(f"{first / 100}..{last / 100} step {step / 100}", False)
    assert hundredths == [k / 100 for k in range(first, last + 1, step)]


@given(first=whole, count=st.integers(1, 200))
def test_two_ends_alone_are_all_whole_numbers_between(first: int, count: int) -> None:
    for is_whole in (True, False):
        found = ranged(f"{first}..{first + count}", is_whole)
        assert found == [*range(first, first + count + 1)] and all(isinstance(v, int) for v in found)


@given(
    st.one_of(
        st.text(max_size=30), st.from_regex(r"[-+.e0-9]{1,9}\.\.[-+.e0-9]{1,9}( (log|linear|step) .{1,5})?")
    )
)
def test_any_text_has_values_or_is_refused_in_a_line(text: str) -> None:
    for is_whole in (True, False):
        try:
            found = ranged(text, is_whole)
        except SpecError as error:
            assert len(error.problems) == 1 and len(str(error)) < 250
        else:
            assert is_range(text) and 0 < len(found) <= MOST
            assert all(math.isfinite(v) for v in found) and sorted({*found}) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Replace",
            r'\'Replace\' is no range; write "1\.\.5", "0\.\.1 step 0\.25", .* or "10\.\.1000 log 5"',
        ),
        ("10..1", "the first number must be less than the last"),
        ("0..100 log 3", "equal ratios need ends above 0"),
        ("1..9 log 2.5", "log is followed by how many values there are, 2 or more"),
        ("1..9 linear 1", "linear is followed by how many"),
        ("1..9 step 0", "a step must be above 0"),
        ("1..9 step 0.5", "the field takes whole numbers; go on by such"),
        ("0.5..9 log 3", "the field takes whole numbers; begin and end with such"),
        ("1..1000000", "has more than 10,000 values"),
        (f"1..1{'0' * 400}", "the first number must be less than the last"),
    ],
)
def test_ranges_that_are_none(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=rf"^n_real: vary: .*{message}"):
        cells({**BASE, "n_real": {"vary": text}})


def test_a_range_of_other_numbers_needs_to_say_how_it_goes() -> None:
    with pytest.raises(SpecError, match=r"say how it goes from one end to the other; write \"1\.\.5\""):
        cells({**BASE, "real": {"kind": "Moons", "noise": {"vary": "0.1..0.9"}}})


def test_a_range_varies_a_field_of_whole_numbers_or_of_any() -> None:
    assert cells({**BASE, "n_real": {"vary": "10..1000 log 5"}}) == [10, 32, 100, 316, 1000]
    inside = {**BASE, "real": {"kind": "Moons", "noise": {"vary": "0.1..0.9 linear 3"}}}
    assert [c.task.real.noise for c in Study.of(inside).cells] == [0.1, 0.5, 0.9]
    window = {"kind": "Window", "generations": {"vary": "1..9 log 3"}}
    agent = {"generator": {"kind": "KDE", "bandwidth": {"vary": "1..4 log 3"}}, "regime": window}
    found = Study.of({**BASE, "agents": [agent]}).cells
    assert [c.varied["generations"] for c in found[:3]] == [1, 3, 9]
    assert {c.varied["bandwidth"] for c in found} == {1.0, 2.0, 4.0}


def test_a_range_from_python_and_after_set() -> None:
    study = Study.of(BASE)
    assert [c.task.n_real for c in Study.of(BASE, vary={"n_real": "10..12"}).cells] == [10, 11, 12]
    assert [c.task.n_real for c in study.set("n_real", "10..12").cells] == [10, 11, 12]
    assert [
        c.task.real.noise
        for c in study.set("real", {"kind": "Moons", "noise": 0.1}).set("real.noise", "0..1 linear 2").cells
    ] == [0, 1]
    (titled,) = study.set("title", "1..5").cells  # of a field of text it is a text
    assert titled.task.title == "1..5"
    with pytest.raises(SpecError, match="n_real: give the values in a list"):
        Study.of(BASE, vary={"n_real": "all"})


# -- cases -----------------------------------------------------------------------------------------

PROPORTIONS = """
real = "Moons"
generations = 2
replicates = 3
metrics = ["SlicedWasserstein"]

[[agents]]
generator = "KDE"
regime = { vary = ["Replace", "Accumulate"] }

[[cases]]
name = "a quarter real"
n_real = 25
n = 75
real.noise = 0.1

[[cases]]
n_real = 75
n = 25
"""


def test_cases_set_fields_together_and_the_grid_is_made_for_each() -> None:
    study = parse(tomllib.loads(PROPORTIONS), "proportions")
    assert [(c.task.n_real, c.task.published(0), c.task.real.noise) for c in study.cells] == [
        (25, 75, 0.1),
        (25, 75, 0.1),
        (75, 25, 0.05),
        (75, 25, 0.05),
    ]
    assert [dict(c.varied) for c in study.cells[1:3]] == [
        {"case": "a quarter real", "regime": "Accumulate"},
        {"case": "n_real=75, n=25", "regime": "Replace"},
    ]
    assert study.cells[0].label == "case=a quarter real, regime=Replace"
    assert dict(study.cells[0].settings) == {"n_real": 25, "n": 75, "noise": 0.1}
    again = parse(tomllib.loads(study.toml()), "again")
    assert [(c.task, c.varied) for c in again.cells] == [(c.task, c.varied) for c in study.cells]


def test_results_know_a_case_by_its_name_and_by_what_it_sets(tmp_path: Path) -> None:
    study = parse(tomllib.loads(PROPORTIONS), "proportions")
    first = run(study, tmp_path / "run", workers=0)
    kept = read_cells(tmp_path / "run")
    assert kept is not None and [c.settings for c in kept.cells] == [c.settings for c in study.cells]
    for results in (first, Results.open(tmp_path / "run")):
        named = results.array("SlicedWasserstein", case="a quarter real", regime="Replace")
        assert np.array_equal(named, results.array("SlicedWasserstein", n_real=25, regime="Replace"))
        frame = results.frame()
        assert {*frame["case"]} == {"a quarter real", "n_real=75, n=25"}
        assert {*frame.groupby(["case", "n_real", "n"]).groups} == {
            ("a quarter real", 25, 75),
            ("n_real=75, n=25", 75, 25),
        }
    # where nothing but the parts is left, these say it
    (tmp_path / "run" / "cells.json").unlink()
    (tmp_path / "run" / "spec.toml").write_text("")
    assert {*Results.open(tmp_path / "run").frame()["n"]} == {75, 25}


def test_cases_from_python_take_objects_and_names_of_agents() -> None:
    exp = Experiment(
        real=real.Moons(), agents=[Agent(generators.KDE(), name="student"), Agent(generators.KDE())]
    )
    study = Study.of(
        exp,
        vary={"n_real": [10, 20]},
        cases=[
            {"agents.student.regime": regimes.Replace(), "agents.*.n": 5},
            {"name": "both", "agents.*.regime": regimes.Window(generations=2)},
        ],
    )
    assert [c.task.n_real for c in study.cells] == [10, 20, 10, 20]
    assert [c.varied["case"] for c in study.cells[::2]] == ["agents.student.regime=Replace, n=5", "both"]
    first, both = study.cells[0].task.agents, study.cells[2].task.agents
    assert [a.regime for a in first] == [regimes.Replace(), regimes.Accumulate()]
    assert [a.n for a in first] == [5, 5]
    assert {a.regime for a in both} == {regimes.Window(generations=2)}


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        (3, r"^cases: write tables of fields under \[\[cases\]\] \(got 3\)"),
        ([{}], r"^cases\.0: sets no field"),
        ([{"name": "a"}], r"^cases\.0: sets no field"),
        ([{"name": 3, "n_real": 3}], r"^cases\.0\.name: should be text \(got 3\)"),
        ([{"name": "a", "n_real": 1}, {"name": "a", "n_real": 2}], r"two cases have the name 'a'"),
        ([{"n_real": 1}, {"n_real": 1}], r"^cases\.1: sets the same as cases\.0"),
        ([{"n_real": {"vary": [1, 2]}}], r"^cases\.0\.n_real: a case gives each field one value"),
        ([{"n_rael": 3}], "Experiment has no field 'n_rael'; did you mean 'n_real'"),
        ([{"n_real": [1, 2]}], "n_real: input should be a valid integer"),
        ([{"seed": 3}], r"^cases\.0\.seed: varies too; leave one of the two out"),
        ([{"agents": {"student": {"n": 3}}}], r"^agents\.student: there is no item student; there are 1$"),
        ([{"agents.*": 3}], r"agents\.\*: say which field of all agents, as in agents\.\*\.regime"),
    ],
)
def test_cases_that_are_none(cases: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        cells({**BASE, "seed": {"vary": [1, 2]}, "cases": cases})


def test_a_field_that_a_case_sets_is_not_set_beside_it() -> None:
    study = parse(tomllib.loads(PROPORTIONS), "proportions")
    for path in ("n_real", "n", "agents.0.n", "agents.*.n", "real.noise"):
        with pytest.raises(SpecError, match=r"cases\.0 sets it too; change the cases, or set cases=\[\]"):
            study.set(path, 3)
    assert {c.task.n_real for c in study.set("cases", []).set("n_real", 9).cells} == {9}
    assert len(study.set("cases", [{"n_real": 9}]).cells) == 2


def test_cases_count_as_cells_before_they_are_built() -> None:
    many = [{"n_real": i + 1} for i in range(2000)]
    with pytest.raises(SpecError, match="make 12,000 cells"):
        cells({**BASE, "cases": many, "seed": {"vary": "1..6"}})


def test_cases_of_one_experiment_among_several() -> None:
    study = Study.of({"a": {**BASE, "cases": [{"n_real": 5}, {"n_real": 6}]}, "b": BASE})
    assert [c.label for c in study.cells] == ["a: case=n_real=5", "a: case=n_real=6", "b"]
    with pytest.raises(SpecError, match=r"^experiments\.a\.cases\.0: sets no field"):
        _ = Study.of({"a": {**BASE, "cases": [{}]}, "b": BASE}).cells


# -- all agents at once, and agents by name --------------------------------------------------------


def test_a_field_of_all_agents_varies_in_all_together() -> None:
    both = {"vary": ["Replace", {"kind": "Window", "generations": 2}]}
    for study in (
        Study.of({**TWO, "agents.*.regime": both}),
        Study.of(TWO).set("agents.*.regime", both["vary"]),
        Study.of(TWO, vary={"agents.*.regime": [regimes.Replace(), regimes.Window(generations=2)]}),
        # what each agent said is no longer said
        Study.of(TWO).set("agents.0.regime", "Accumulate").set("agents.*.regime", both["vary"]),
    ):
        assert [[a.regime for a in c.task.agents] for c in study.cells] == [
            [regimes.Replace()] * 2,
            [regimes.Window(generations=2)] * 2,
        ]
        assert [dict(c.varied) for c in study.cells] == [
            {"regime": "Replace"},
            {"regime": "Window(generations=2)"},
        ]
        again = parse(tomllib.loads(study.toml()), "again")
        assert [c.task for c in again.cells] == [c.task for c in study.cells]


def test_a_field_of_all_agents_beside_one_of_each() -> None:
    spec = {**TWO, "agents.*.regime": {"kind": "Window", "generations": {"vary": "1..2"}}, "agents.*.n": 7}
    study = Study.of(spec).set("agents.teacher.generator.bandwidth", [0.1, 0.2])
    assert {*study.cells[0].varied} == {"agents.teacher.generator.bandwidth", "generations"}
    for c in study.cells:
        student, teacher = c.task.agents
        assert student.regime == teacher.regime == regimes.Window(generations=c.varied["generations"])
        assert (student.n, teacher.n) == (7, 7)
        assert student.generator.bandwidth == 0.1
        assert teacher.generator.bandwidth == c.varied["agents.teacher.generator.bandwidth"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"agents.*.regime": "Replace", "agents": [{**STUDENT, "regime": "Replace"}]},
            r"agents\.0 has its own",
        ),
        ({"agents.*.regimes": "Replace"}, "Agent has no field 'regimes'; did you mean 'regime'"),
        ({"agents.*.generator.bandwith": 3}, "did you mean 'bandwidth'"),
        ({"agents.*.n": 3, "agents": []}, r"agents\.\*\.n: there are no agents"),
        ({"agents.*.n": 3, "agents": 5}, r"agents\.\*\.n: there are no agents"),
        ({"real.*.n": 3}, "experiment has no field"),
    ],
)
def test_fields_of_all_agents_that_are_none(change: Spec, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        cells({**TWO, **change})


def test_an_agent_is_known_by_its_name_in_paths_and_columns() -> None:
    study = Study.of(TWO).set("agents.teacher.n", 9).set("agents.student.regime", ["Replace", "Accumulate"])
    assert [c.task.agents[1].n for c in study.cells] == [9, 9]
    assert [c.varied for c in study.cells] == [
        {"agents.student.regime": "Replace"},
        {"agents.student.regime": "Accumulate"},
    ]
    assert [c.task for c in Study.of(TWO).set("agents.0.regime", "Replace").cells] == [
        c.task for c in Study.of(TWO).set("agents.student.regime", "Replace").cells
    ]
    dotted = Study.of({**BASE, "agents": [{**STUDENT, "name": "a.b"}, {**STUDENT, "name": "a"}]})
    assert [a.n for a in dotted.set("agents.a.b.n", 3).cells[0].task.agents] == [3, None]
    assert [a.n for a in dotted.set("agents.a.n", 3).cells[0].task.agents] == [None, 3]
    unnamed = Study.of({**BASE, "agents": [{"generator": "KDE"}, {"generator": "KDE"}]})
    assert [a.n for a in unnamed.set("agents.agent 1.n", 3).cells[0].task.agents] == [None, 3]


def test_a_name_that_no_agent_has() -> None:
    with pytest.raises(SpecError, match=r"there is no item tutor; there are 2, called student, teacher"):
        Study.of(TWO).set("agents.tutor.n", 3)
    with pytest.raises(SpecError, match=r"say which, as in agents\.student\.n, or agents\.\*\.n for all"):
        Study.of(TWO).set("n", 3)


def test_who_reads_whom_by_name_is_who_reads_whom_by_index() -> None:
    def loop(*authors: Any) -> Experiment:
        inside = regimes.Weighted(0.5, regimes.Reads(authors, regimes.Replace()))
        agents = [Agent(generators.KDE(), inside, name="student"), Agent(generators.KDE(), name="teacher")]
        return Experiment(real=real.Moons(), agents=agents)

    assert loop("teacher", "real") == loop(1, "real")
    assert (
        loop("teacher").regime_labels[0] == "Weighted(real=0.5, of=Reads(authors=('teacher',), of=Replace))"
    )
    with pytest.raises(
        SpecError, match=r"no agent tutor; write 0 to 1, a name \(student, teacher\), or 'real'"
    ):
        loop("tutor")
    with pytest.raises(FitError, match="only an experiment knows who 'teacher' is"):
        regimes.Reads(("teacher",), regimes.Replace())(pool_of(NUMERIC, 1), stream(0))


def test_results_of_an_agent_by_its_name() -> None:
    results = run(Study.of({**TWO, "metrics": ["SlicedWasserstein"]}), workers=0)
    whole = results.array("SlicedWasserstein")
    for i, name in enumerate(("student", "teacher")):
        assert np.array_equal(results.array("SlicedWasserstein", agent=name), whole[:, i])
        assert np.array_equal(results.array("SlicedWasserstein", agent=i), whole[:, i])
        named, indexed = results.pictures(agent=name), results.pictures(agent=i)
        assert all(np.array_equal(named[t], indexed[t]) for t in indexed)
    with pytest.raises(SpecError, match="there is no agent tutor; there are student, teacher, from 0"):
        results.array("SlicedWasserstein", agent="tutor")


def test_the_order_of_varied_fields_survives_toml() -> None:
    agent = {"generator": "KDE", "regime": {"vary": ["Replace", "Accumulate"]}}
    spec = {
        "n_real": {"vary": "5..6"},
        "metrics": [{"vary": ["TailMass", "SlicedWasserstein"]}],
        "real": {"kind": "Moons", "noise": {"vary": [0.1, 0.2]}},
        "agents": [agent],
        "title": 'a "quoted" \\ title\x7f',
    }
    for study in (Study.of(spec), Study.of({"experiments": {"a b": spec, "c": spec}})):
        again = parse(tomllib.loads(study.toml()), "again")
        assert [c.label for c in again.cells] == [c.label for c in study.cells]
        assert [c.task for c in again.cells] == [c.task for c in study.cells]


# -- how many rows, and which share ----------------------------------------------------------------


@pytest.mark.parametrize(("n", "rows"), [("2x", 40), ("0.25x", 5), ("0.001x", 1), (7, 7), (None, 20)])
def test_rows_as_a_multiple_of_the_real_ones(n: Any, rows: int) -> None:
    exp = Experiment(real=real.Moons(), agents=Agent(generators.KDE(), n=n), n_real=20)
    assert exp.published(0) == rows


@pytest.mark.parametrize("n", ["x", "0x", "-1x", "2 x", "1e3x", "2", 0, 1.5, True, 10**16, "9" * 400 + "x"])
def test_rows_that_are_none(n: Any) -> None:
    with pytest.raises(
        SpecError, match='n: should be a whole number from 1, or a multiple of n_real as in "2x"'
    ):
        Agent(generators.KDE(), n=n)


def test_a_share_of_real_rows_needs_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [
        "run",
        "collapse-or-thrive/proportions",
        "--set",
        "generations=3",
        "--replicates",
        "4",
        "--json",
    ]
    answer = CliRunner().invoke(genloss, [*arguments, "--workers", "0"])
    assert answer.exit_code == 0, answer.output
    results = Results.open("genloss-runs/collapse-or-thrive-proportions")
    assert len(results.cells) == 15
    for c in results.cells:
        share = results.array("RealShare", c, agent=0)
        assert (share[0] == 1).all()
        assert np.allclose(share[1:], round(c.varied["real"] * c.varied["n_real"]) / c.varied["n_real"])


def test_mixed_statistics_are_those_of_mixed_rows() -> None:
    def loop(rows: str) -> Any:
        return measure(
            Experiment(
                real=real.Zipf(symbols=8),
                agents=Agent(generators.Categorical(), regimes.Mixed(real=0.3), n=25),
                n_real=30,
                generations=4,
                replicates=400,
                metrics=[metrics.SupportSize(), metrics.RealShare()],
                rows=rows,
            )
        )

    statistics, rows = loop("auto"), loop("always")
    assert np.allclose(statistics["RealShare"][..., :400], rows["RealShare"][..., :400])
    assert_same_law(statistics["SupportSize"][1:], rows["SupportSize"][1:])
