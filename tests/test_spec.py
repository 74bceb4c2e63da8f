"""Specs: TOML to objects and back, every error at once, grids, changes and fingerprints."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genloss import (
    Agent,
    Experiment,
    Study,
    curators,
    generators,
    metrics,
    real,
    regimes,
    rewards,
    run,
    verifiers,
)
from genloss.errors import GenlossError, SpecError
from genloss.study.registry import SLOTS, did_you_mean, parts
from genloss.study.spec import as_spec, build, build_part, dump
from genloss.study.study import gallery, parse

# -- strategies: every part with every field -------------------------------------------------------

share = st.floats(0, 1)
positive = st.floats(1e-3, 1e3)
number = st.floats(-1e6, 1e6)
count = st.integers(1, 40)

REAL: dict[str, Any] = {
    "Gaussian": {"dim": st.integers(1, 6)},
    "Moons": {"noise": positive},
    "Circles": {"noise": positive},
    "SwissRoll": {"noise": positive},
    "Ring": {"modes": st.integers(1, 9), "spread": positive},
    "LinearModel": {"dim": st.integers(1, 6), "noise": positive, "signal": positive},
    "Zipf": {"symbols": count, "exponent": st.floats(0, 3)},
    "Table": {
        "path": st.sampled_from(["iris", "wine", "diabetes"]),
        "held_out": st.floats(0.1, 0.5),
        "drop": st.lists(st.text(max_size=4), max_size=2).map(tuple),
        "types": st.one_of(st.none(), st.dictionaries(st.text(max_size=4), st.just("category"), max_size=2)),
        "delimiter": st.sampled_from([None, ";"]),
        "decimal": st.sampled_from([None, ",", "."]),
        "encoding": st.sampled_from([None, "utf-16"]),
        "missing": st.lists(st.text(max_size=4), max_size=2).map(tuple),
        "dayfirst": st.sampled_from([None, True, False]),
        "strict": st.booleans(),
    },
    "Digits": {"held_out": st.floats(0.1, 0.5)},
    "Rows": {"path": st.just("rows.npy"), "held_out": st.floats(0.1, 0.5)},
    "Images": {"path": st.just("images.npy"), "held_out": st.floats(0.1, 0.5)},
}
GENERATORS: dict[str, Any] = {
    "Gaussian": {"ddof": st.sampled_from([0, 1]), "temperature": positive},
    "KDE": {"bandwidth": st.one_of(positive, st.sampled_from(["scott", "silverman"]))},
    "LinearRegression": {
        "design": st.sampled_from(["same", "fresh"]),
        "noise": st.one_of(st.none(), positive),
        "intercept": st.booleans(),
    },
    "Categorical": {"smoothing": st.floats(0, 9), "temperature": positive},
    "Copula": {},
    "Bootstrap": {},
    "Given": {"path": st.sampled_from(["made.csv", "a/b.parquet"])},
    "Independent": {},
    "GaussianMixture": {"components": count, "rounds": count, "ridge": positive},
    "Forest": {
        "trees": count,
        "min_leaf": count,
        "rounds": count,
        "tolerance": share,
    },
    "Smote": {"k": count, "classes": st.sampled_from(["all", "minority"])},
    "Trees": {
        "min_leaf": count,
        "max_depth": st.one_of(st.none(), count),
        "smoothing": st.floats(0, 2),
        "order": st.lists(st.text(max_size=4), max_size=2).map(tuple),
    },
    "Wrapped": {"make": st.just("sklearn.mixture:GaussianMixture")},
}
PLAIN_REGIMES: dict[str, Any] = {
    "Replace": {},
    "Accumulate": {},
    "AccumulateSubsample": {"budget": st.one_of(st.none(), count)},
    "RealPlusLatest": {},
    "Window": {"generations": count},
    "Mixed": {"real": share, "budget": st.one_of(st.none(), count)},
}
of = st.sampled_from(["model", "published"])
over = st.sampled_from(["mean", "worst"])
learner = st.sampled_from(["logistic", "boosting", "sklearn.naive_bayes:GaussianNB"])
METRICS: dict[str, Any] = {
    "TraceRatio": {"of": of},
    "LogDetRatio": {"of": of},
    "MeanError": {"of": of},
    "HoldoutNLL": {},
    "TestError": {"of": of, "learner": st.just("logistic")},  # another only of what is published
    "BalancedError": {"learner": learner},
    "RankingLoss": {"learner": learner},
    "LogLoss": {"learner": learner},
    "R2": {"learner": learner},
    "RareMass": {"below": st.floats(0.01, 0.99), "column": st.sampled_from([None, "a"])},
    "CategoryShare": {"column": st.just("a"), "category": st.just("x")},
    "ColumnDistance": {"over": over},
    "PairDistance": {"over": over},
    "Copies": {"what": st.sampled_from(["nearer", "exact"])},
    "Detectability": {"learner": learner},
    "Diversity": {"of": of},
    "SupportSize": {"of": of},
    "TotalVariation": {"of": of},
    "SlicedWasserstein": {"projections": count},
    "TailMass": {"quantile": st.floats(0.01, 0.99), "of": of},
    "RealShare": {},
    "KL": {"of": of, "direction": st.sampled_from(["reverse", "forward"]), "k": count},
    "Wasserstein": {"order": st.sampled_from([1, 2]), "of": of},
    "MMD": {},
    "Precision": {"k": count},
    "Recall": {"k": count},
    "Density": {"k": count},
    "Coverage": {"k": count},
    "NearestRealDistance": {"to": st.sampled_from(["holdout", "training"])},
    "OffSupport": {"quantile": st.floats(0.01, 0.99), "of": of},
    "ModeShare": {
        "what": st.sampled_from(["kept", "lost", "between"]),
        "below": st.floats(0.01, 0.99),
        "quantile": st.floats(0.01, 0.99),
    },
    "DistinctN": {"n": count},
    "Entropy": {"of": of, "corrected": st.booleans(), "k": count},
}
REWARDS: dict[str, Any] = {
    "Along": {"axis": st.integers(0, 3), "scale": number},
    "Near": {"point": st.lists(number, max_size=3).map(tuple), "scale": positive},
    "PerSymbol": {"values": st.lists(number, max_size=4).map(tuple)},
}
PLAIN_VERIFIERS: dict[str, Any] = {
    "Inside": {"axis": st.integers(0, 3), "low": number, "high": number},
    "OneOf": {"symbols": st.lists(st.integers(0, 9), max_size=4).map(tuple)},
}


def one_of(slot: str, table: dict[str, Any]) -> Any:
    """Any part of a table, some of its fields given and others left to their defaults."""
    known = parts(slot)
    return st.one_of(
        *(
            st.fixed_dictionaries(
                {k: v for k, v in fields.items() if needed(known[name], k)},
                optional={k: v for k, v in fields.items() if not needed(known[name], k)},
            ).map(lambda made, cls=known[name]: cls(**made))
            for name, fields in table.items()
        )
    )


def needed(cls: Any, field: str) -> bool:
    f = cls.__dataclass_fields__[field]
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def regime() -> Any:
    authors = st.lists(st.one_of(st.just(0), st.just("real")), min_size=1, max_size=2).map(tuple)
    return st.recursive(
        one_of("regimes", PLAIN_REGIMES),
        lambda inner: st.one_of(
            st.builds(regimes.Weighted, real=share, of=inner),
            st.builds(regimes.Reads, authors=authors, of=inner),
        ),
        max_leaves=3,
    )


def verifier() -> Any:
    return st.recursive(
        one_of("verifiers", PLAIN_VERIFIERS),
        lambda inner: st.builds(verifiers.Imperfect, of=inner, right=share, wrong=share),
        max_leaves=3,
    )


def curator() -> Any:
    return st.one_of(
        st.just(curators.KeepAll()),
        st.builds(curators.Choose, reward=one_of("rewards", REWARDS), k=count),
        st.builds(curators.Accept, verifier=verifier()),
    )


ANY: dict[str, Any] = {
    "real": one_of("real", REAL),
    "generators": one_of("generators", GENERATORS),
    "regimes": regime(),
    "curators": curator(),
    "metrics": one_of("metrics", METRICS),
    "rewards": one_of("rewards", REWARDS),
    "verifiers": verifier(),
}


def test_every_part_is_tried() -> None:
    tried = {
        "tasks": {"Experiment", "Trial"},  # below, and in test_advise
        "real": {*REAL},
        "generators": {*GENERATORS},
        "regimes": {*PLAIN_REGIMES, "Weighted", "Reads"},
        "curators": {"KeepAll", "Choose", "Accept"},
        "metrics": {*METRICS},
        "rewards": {*REWARDS},
        "verifiers": {*PLAIN_VERIFIERS, "Imperfect"},
    }
    assert {slot: {*parts(slot)} for slot in SLOTS.values()} == tried
    for slot, table in (
        ("real", REAL),
        ("generators", GENERATORS),
        ("metrics", METRICS),
        ("rewards", REWARDS),
    ):
        for name, tries in table.items():
            fields = {
                f for f in parts(slot)[name].__dataclass_fields__ if f in init_fields(parts(slot)[name])
            }
            assert fields - {"target"} == {*tries} - {"target"}, name


def prints(study: Study) -> list[str]:
    """What decides the values of each cell, as the names of its parts have it."""
    return [c.kept.fingerprint for c in study.cells]


def init_fields(cls: Any) -> set[str]:
    return {f.name for f in dataclasses.fields(cls)}


@pytest.mark.parametrize("slot", list(ANY))
def test_a_part_survives_toml(slot: str) -> None:
    import tomli_w

    hint = next(h for h, name in SLOTS.items() if name == slot)

    @given(ANY[slot])
    def survives(part: Any) -> None:
        spec = dump(part, hint)
        assert spec == as_spec(part)
        read = tomllib.loads(tomli_w.dumps({"part": spec}))["part"]
        again = build_part(slot, read, trust=True)
        assert again == part and type(again) is type(part)
        assert dump(again, hint) == spec
        assert hash(again) == hash(part)

    survives()


@st.composite
def experiments(draw: Any) -> Experiment:
    agents = draw(st.integers(1, 3))
    return Experiment(
        real=draw(st.sampled_from([real.Moons(), real.Gaussian(dim=3), real.Ring(spread=0.2)])),
        agents=tuple(
            Agent(
                draw(st.sampled_from([generators.Gaussian(ddof=1), generators.KDE(bandwidth="scott")])),
                draw(regime()),
                draw(curator()),
                n=draw(st.one_of(st.none(), count)),
                name=draw(st.one_of(st.none(), st.just(f'näme "{i}"\n'))),
            )
            for i in range(agents)
        ),
        n_real=draw(count),
        n_fresh=draw(st.integers(0, 3)),
        generations=draw(count),
        replicates=draw(count),
        seed=draw(st.integers(0, 10**15)),
        metrics=tuple(
            draw(
                st.lists(
                    st.sampled_from(
                        [metrics.TraceRatio(), metrics.MeanError(), metrics.TailMass(quantile=0.5)]
                    ),
                    min_size=1,
                    unique=True,
                )
            )
        ),
        rows=draw(st.sampled_from(["auto", "always"])),
        tile=draw(st.one_of(st.none(), count)),
        title=draw(st.text(st.characters(exclude_categories=("Cs",)), max_size=5)),
    )


@given(experiments())
def test_an_experiment_survives_toml(exp: Experiment) -> None:
    study = Study.of(exp)
    text = study.toml()
    again = parse(tomllib.loads(text), "study")
    assert again.cells[0].task == exp
    assert again.toml() == text
    assert prints(again) == prints(study)
    assert build(dump(exp)) == exp


@pytest.mark.parametrize("name", list(gallery()))
def test_the_gallery_survives_toml(name: str) -> None:
    study = Study.load(name)
    again = parse(tomllib.loads(study.toml()), study.name)
    assert [c.task for c in again.cells] == [c.task for c in study.cells]
    assert [c.label for c in again.cells] == [c.label for c in study.cells]
    assert prints(again) == prints(study)
    assert len({c.label for c in study.cells}) == len(study.cells)


# -- errors ----------------------------------------------------------------------------------------

BASE: dict[str, Any] = {
    "real": "Moons",
    "agents": [{"generator": "KDE", "regime": "Replace"}],
    "metrics": ["HoldoutNLL"],
}


def problems(spec: Any, trust: bool = False) -> list[str]:
    with pytest.raises(SpecError) as error:
        _ = Study.of(spec, trust=trust).cells
    return error.value.problems


def test_every_problem_is_said_at_once_with_its_path() -> None:
    found = problems(
        {
            "real": {"kind": "Moon"},
            "n_real": 0,
            "generations": "ten",
            "replicate": 5,
            "metrics": ["TraceRatio", "HoldoutNll", {"kind": "TailMass", "quantile": 2.0}],
            "agents": [
                {"generator": {"kind": "KDE", "bandwidth": -1.0}, "regime": "Acumulate"},
                {
                    "generator": {"kind": "Gaussian", "ddof": 2},
                    "regime": {"kind": "Window"},
                    "curater": "KeepAll",
                },
                {
                    "generator": "KDE",
                    "regime": {"kind": "Weighted", "real": 2.0, "of": {"kind": "Window", "generations": 0}},
                },
            ],
        }
    )
    starts = {
        "real: no real data 'Moon'; did you mean 'Moons'?",
        "n_real: input should be greater than or equal to 1 (got 0)",
        "generations: input should be a valid integer (got 'ten')",
        "replicate: experiment has no field 'replicate'; did you mean 'replicates'?",
        "metrics.1: no metric 'HoldoutNll'; did you mean 'HoldoutNLL'?",
        "metrics.2.quantile: input should be less than 1 (got 2.0)",
        "agents.0.regime: no regime 'Acumulate'; did you mean 'Accumulate'?",
        "agents.0.generator.bandwidth: input should be greater than 0 (got -1.0)",
        "agents.1.generator.ddof: input should be 0 or 1 (got 2)",
        "agents.1.regime.generations: this field is needed",
        "agents.1.curater: Agent has no field 'curater'; did you mean 'curator'?",
        "agents.2.regime.of.generations: input should be greater than or equal to 1 (got 0)",
        "agents.2.regime.real: input should be less than or equal to 1 (got 2.0)",
    }
    missing = {s for s in starts if not any(p.startswith(s) for p in found)}
    assert not missing, f"{missing} not among {found}"
    # a number that fails one of two types is said for both
    assert {p.split(":")[0] for p in found} == {s.split(":")[0] for s in starts}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"real": None}, "real: this field is needed"),
        ({"agents": []}, "agents: an experiment needs at least one agent"),
        ({"agents": None}, "agents: this field is needed"),
        ({"metrics": []}, "metrics: an experiment needs at least one metric"),
        ({"metrics": ["HoldoutNLL", "HoldoutNLL"]}, "metrics: one metric stands twice"),
        ({"real": {"dim": 3}}, 'real: a real data needs its kind, as in {kind = "Name"}; there are Circles'),
        ({"real": 7}, "real: "),
        ({"real": {"kind": "Replace"}}, "real: no real data 'Replace'"),
        ({"n_real": 2.5}, "n_real: input should be a valid integer"),
        ({"n_real": True}, "n_real: input should be a valid integer"),
        ({"seed": -1}, "seed: input should be greater than or equal to 0 (got -1)"),
        ({"rows": "never"}, "rows: input should be 'auto' or 'always' (got 'never')"),
        ({"agents": [{"regime": "Replace"}]}, "agents.0.generator: this field is needed"),
        (
            {"agents": [{"generator": "KDE", "warm_start": True}]},
            "agents.0.warm_start: KDE is fitted in one step",
        ),
        (
            {"agents": [{"generator": "KDE", "name": "a"}, {"generator": "KDE", "name": "a"}]},
            "agents: two agents are called 'a'; names tell them apart",
        ),
        (
            {"agents": [{"generator": "KDE", "regime": {"kind": "Reads", "authors": [1], "of": "Replace"}}]},
            "agents.0.regime.authors: there is no agent 1",
        ),
    ],
)
def test_one_problem(change: dict[str, Any], message: str) -> None:
    spec = {k: v for k, v in {**BASE, **change}.items() if v is not None}
    found = problems(spec)
    assert found[0].startswith(message), found


def test_problems_of_cells_are_said_once() -> None:
    spec = {**BASE, "seed": {"vary": [0, 1, 2]}, "n_real": 0}
    assert problems(spec) == ["n_real: input should be greater than or equal to 1 (got 0)"]
    named = {"experiments": {"a": {**BASE, "n_real": 0}, "b": {**BASE, "real": "Mons"}}}
    found = problems(named)
    assert found[0].startswith("experiments.a.n_real: ") and found[1].startswith(
        "experiments.b.real: no real data 'Mons'"
    )


def test_did_you_mean() -> None:
    assert did_you_mean("accumulate", ["Accumulate", "Replace"]) == "; did you mean 'Accumulate'?"
    assert did_you_mean("zzz", ["B", "A"]) == "; there are A, B"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("collapse-or-trive", r"no study 'collapse-or-trive'; did you mean 'collapse-or-thrive'\?"),
        ("nowhere.toml", r"nowhere\.toml: there is no such file"),
    ],
)
def test_studies_that_are_not_there(source: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Study.load(source)


def test_a_file_that_is_not_toml(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("real = ")
    with pytest.raises(SpecError, match=r"bad\.toml: not TOML"):
        Study.load(tmp_path / "bad.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"bytes\.toml: cannot be read"):
        Study.load(tmp_path / "bytes.toml")
    (tmp_path / "mixed.toml").write_text("n_real = 3\n[experiments.a]\nreal = 'Moons'")
    with pytest.raises(SpecError, match="n_real: a study of several experiments has only"):
        Study.load(tmp_path / "mixed.toml")


# -- grids -----------------------------------------------------------------------------------------


def test_vary_anywhere_makes_a_grid() -> None:
    spec = {
        **BASE,
        "n_real": {"vary": [10, 20]},
        "real": {"kind": "Moons", "noise": {"vary": [0.05, 0.1]}},
        "agents": [
            {
                "generator": {"kind": "KDE", "bandwidth": {"vary": [0.1, "scott"]}},
                "regime": {"vary": ["Replace", {"kind": "Window", "generations": 2}]},
            }
        ],
    }
    study = Study.of(spec)
    assert len(study.cells) == 16
    assert [c.index for c in study.cells] == list(range(16))
    assert {frozenset(c.varied) for c in study.cells} == {
        frozenset({"n_real", "noise", "bandwidth", "regime"})
    }
    for c in study.cells:
        agent: Any = c.task.agents[0]
        assert c.task.n_real == c.varied["n_real"]
        assert c.task.real.noise == c.varied["noise"]  # type: ignore[attr-defined]
        assert agent.generator.bandwidth == c.varied["bandwidth"]
        assert c.varied["regime"] in ("Replace", "Window(generations=2)")
    assert len({c.label for c in study.cells}) == 16


def test_columns_of_varied_fields_are_short_and_different() -> None:
    spec = {
        **BASE,
        "agents": [
            {"generator": {"kind": "KDE", "bandwidth": {"vary": [0.1, 0.2]}}, "n": {"vary": [1, 2]}},
            {"generator": {"kind": "KDE", "bandwidth": {"vary": [0.3, 0.4]}}},
        ],
    }
    assert set(Study.of(spec).cells[0].varied) == {
        "agents.0.generator.bandwidth",
        "agents.0.n",
        "agents.1.generator.bandwidth",
    }
    # "generation" and others are the results' own columns
    assert set(Study.of({**BASE, "metrics": [{"vary": ["TailMass", "HoldoutNLL"]}]}).cells[0].varied) == {
        "metrics.0"
    }


@pytest.mark.parametrize("bad", [{"vary": []}, {"vary": 3}, {"vary": [1], "also": 2}])
def test_bad_grids(bad: Any) -> None:
    with pytest.raises(SpecError, match=r"n_real: write \{vary = \[first, second"):
        _ = Study.of({**BASE, "n_real": bad}).cells


def test_vary_from_python_takes_objects() -> None:
    exp = Experiment(real=real.Moons(), agents=Agent(generators.KDE(), regimes.Replace()))
    study = Study.of(
        exp, vary={"n_real": [5, 6], "regime": [regimes.Replace(), regimes.Window(generations=2)]}
    )
    assert [(c.task.n_real, c.varied["regime"]) for c in study.cells] == [
        (n, regime) for regime in ("Replace", "Window(generations=2)") for n in (5, 6)
    ]
    assert study.cells[3].task.agents[0].regime == regimes.Window(generations=2)


# -- changes ---------------------------------------------------------------------------------------


def only(study: Study) -> Experiment:
    (cell,) = study.cells
    return cell.task


def test_setting_fields() -> None:
    study = Study.of(BASE)
    assert only(study.set("n_real", 33)).n_real == 33
    assert only(study.set("agents.0.n", 4)).agents[0].n == 4
    assert only(study.set("n", 4)).agents[0].n == 4
    assert only(study.set("generator.bandwidth", 0.3)).agents[0].generator == generators.KDE(bandwidth=0.3)
    assert only(study.set("regime", {"kind": "Window", "generations": 3})).agents[0].regime == regimes.Window(
        generations=3
    )
    assert only(study.set("regime", "Accumulate")).agents[0].regime == regimes.Accumulate()
    assert only(study.set("real.noise", 0.2)).real == real.Moons(noise=0.2)
    assert only(study.set("metrics", ["TailMass"])).metrics == (metrics.TailMass(),)
    assert only(study.set("metrics.0", "TailMass")).metrics == (metrics.TailMass(),)
    assert only(study).n_real == 100  # and the study itself is as it was


def test_setting_a_list_varies_unless_the_field_is_a_list() -> None:
    study = Study.of(BASE)
    assert [c.task.n_real for c in study.set("n_real", [10, 100]).cells] == [10, 100]
    assert len(study.set("regime", ["Replace", "Accumulate"]).cells) == 2
    assert len(study.set("metrics", ["TailMass", "HoldoutNLL"]).cells) == 1
    assert len(study.set("metrics", [["TailMass"], ["HoldoutNLL"]]).cells) == 2


def test_setting_in_one_experiment_or_in_all() -> None:
    study = Study.of({"a": dict(BASE), "b": dict(BASE)})
    assert [c.task.n_real for c in study.set("n_real", 7).cells] == [7, 7]
    assert [c.task.n_real for c in study.set("b.n_real", 7).cells] == [100, 7]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("n_rael", 3, r"n_rael: Experiment has no field 'n_rael'; did you mean 'n_real'\?"),
        (
            "generator.bandwith",
            3,
            r"agents\.0\.generator\.bandwith: KDE has no field 'bandwith'; did you mean 'bandwidth'\?",
        ),
        ("agents.3.n", 3, r"agents\.3: there is no item 3; there are 1"),
        ("real.kind.noise", 3, "Moons has no field 'kind'"),
        ("curator.k", 3, r"agents\.0\.curator: is not given in the spec; set it whole"),
    ],
)
def test_setting_what_is_not_there(path: str, value: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Study.of(BASE).set(path, value)


def test_setting_a_field_of_one_of_many_agents_must_say_which() -> None:
    two = {**BASE, "agents": [{"generator": "KDE"}, {"generator": "KDE"}]}
    with pytest.raises(SpecError, match=r"n: there are 2 agents; say which, as in agents\.0\.n"):
        Study.of(two).set("n", 3)


def test_setting_inside_what_varies() -> None:
    varied = {**BASE, "agents": [{"generator": {"vary": ["KDE", "Gaussian"]}}]}
    with pytest.raises(SpecError, match="is varied; set it whole"):
        Study.of(varied).set("generator.bandwidth", 3)


# -- fingerprints ----------------------------------------------------------------------------------


def test_replicates_generations_and_titles_are_the_same_cell() -> None:
    one = prints(Study.of(BASE))
    for path, value in (("replicates", 7), ("title", "another"), ("generations", 11), ("name", "me")):
        assert one == prints(Study.of(BASE).set(path, value)), path
    assert one == prints(Study.of({**BASE, "real": {"kind": "Moons", "noise": 0.05}}))  # its default
    # the cells of one study too: they share their parts
    assert len({*prints(Study.of(BASE).set("generations", [3, 4, 3]))}) == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("n_real", 50),
        ("n_fresh", 1),
        ("seed", 1),
        ("rows", "always"),
        ("holdout", "fresh"),
        ("tile", 3),
        ("n", 50),
        ("real", "Circles"),
        ("real.noise", 0.06),
        ("generator", "Gaussian"),
        ("generator.bandwidth", 0.2),
        ("regime", "Accumulate"),
        ("curator", {"kind": "Choose", "reward": "Along"}),
        ("metrics", ["TraceRatio"]),
        ("metrics", ["HoldoutNLL", "TraceRatio"]),
    ],
)
def test_anything_else_is_another_cell(path: str, value: Any) -> None:
    assert prints(Study.of(BASE).set(path, value)) != prints(Study.of(BASE))


def test_cells_of_other_values_are_other_cells() -> None:
    both = prints(Study.of(BASE).set("seed", [0, 1]))
    assert both[0] == prints(Study.of(BASE))[0] and both[1] == prints(Study.of(BASE).set("seed", 1))[0]
    assert len({*both}) == 2


def test_names_of_experiments_and_contents_of_files_decide_values(tmp_path: Path) -> None:
    assert prints(Study.of({"a": BASE})) != prints(Study.of({"b": BASE}))
    table = tmp_path / "table.csv"
    table.write_text("x,y\n1,2\n3,4\n5,7\n8,9\n")
    spec = {**BASE, "real": {"kind": "Table", "path": str(table)}, "n_real": 2}
    before = prints(Study.of(spec))
    table.write_text("x,y\n1,2\n3,4\n5,7\n8,10\n")
    assert prints(Study.of(spec)) != before


def test_where_a_table_lies_decides_nothing(tmp_path: Path) -> None:
    text, found = "x,y\n1,2\n3,4\n5,7\n8,9\n", []
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "table.csv"
        path.write_text(text)
        found += prints(Study.of({**BASE, "real": {"kind": "Table", "path": str(path)}, "n_real": 2}))
    assert found[0] == found[1]


# -- code of the user's ----------------------------------------------------------------------------

MINE = """
import numpy as np
from genloss import component

print("was run")

@component
class Half:
    share: float = 0.5
    def __call__(self, pool, rng):
        return pool.subsample(max(1, int(self.share * pool.n)), rng)

class Bare:
    def __call__(self, pool, rng):
        return pool

def rather_large(rows):
    return rows[..., 0]

def make(seed):
    return None
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(MINE)
    return str(tmp_path / "mine.py")


def test_code_is_run_only_with_trust(mine: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec = {**BASE, "agents": [{"generator": "KDE", "regime": {"kind": f"{mine}:Half", "share": 0.25}}]}
    (problem,) = problems(spec)
    assert (
        problem.startswith("agents.0.regime: ")
        and "would run code of yours; if you trust it, add --trust" in problem
    )
    assert capsys.readouterr().out == ""
    study = Study.of(spec, trust=True)
    regime = only(study).agents[0].regime
    assert regime.share == 0.25  # type: ignore[attr-defined]
    assert capsys.readouterr().out == "was run\n"
    again = parse(tomllib.loads(study.toml()), "study", trust=True)
    assert only(again).agents[0].regime == regime  # a file is run once for each content it has
    assert capsys.readouterr().out == ""
    assert study.set("regime.share", 0.75).cells[0].task.agents[0].regime.share == 0.75  # type: ignore[attr-defined]


def test_a_makers_code_too_is_run_only_with_trust(mine: str) -> None:
    spec = {
        **BASE,
        "agents": [{"generator": {"kind": "Wrapped", "make": f"{mine}:make"}}],
        "metrics": ["SlicedWasserstein"],
    }
    (problem,) = problems(spec)
    assert problem.startswith("agents.0.generator.make: ") and "--trust" in problem
    assert only(Study.of(spec, trust=True)).agents[0].generator.make == f"{mine}:make"  # type: ignore[attr-defined]


def test_functions_can_be_parts(mine: str) -> None:
    curator = {"kind": "Choose", "reward": f"{mine}:rather_large"}
    study = Study.of({**BASE, "agents": [{"generator": "KDE", "curator": curator}]}, trust=True)
    agent: Any = only(study).agents[0]
    assert agent.curator.reward.__name__ == "rather_large"
    assert prints(parse(tomllib.loads(study.toml()), "study", trust=True)) == prints(study)


def test_a_class_that_is_no_dataclass_is_told_how_to_become_one(mine: str) -> None:
    study = Study.of({**BASE, "agents": [{"generator": "KDE", "regime": f"{mine}:Bare"}]}, trust=True)
    with pytest.raises(
        SpecError,
        match="Bare: only frozen dataclasses can stand in a spec; decorate the class with @component",
    ):
        run(study, workers=0)


def test_a_name_that_the_users_file_lacks(mine: str) -> None:
    spec = {**BASE, "agents": [{"generator": "KDE", "regime": f"{mine}:Haf"}]}
    (problem,) = problems(spec, trust=True)
    assert "has no 'Haf'; did you mean 'Half'?" in problem


def test_a_changed_file_is_another_cell_wherever_it_lies(mine: str, tmp_path: Path) -> None:
    def of(path: str | Path) -> list[str]:
        spec = {**BASE, "agents": [{"generator": "KDE", "regime": {"vary": ["Replace", f"{path}:Half"]}}]}
        return prints(Study.of(spec, trust=True))

    before = of(mine)
    (tmp_path / "yours").mkdir()
    (tmp_path / "yours" / "other.py").write_text(MINE)
    assert of(tmp_path / "yours" / "other.py") == before
    Path(mine).write_text(MINE.replace("0.5", "0.6"))
    after = of(mine)
    assert after[1] != before[1]
    assert after[0] == before[0], "a cell that does not refer to the file is as it was"


def test_objects_without_a_name_have_no_toml() -> None:
    exp = Experiment(
        real=real.Moons(), agents=Agent(generators.Wrapped(make=lambda seed: None), regimes.Replace())
    )
    study = Study.of(exp)
    assert only(study) == exp
    with pytest.raises(SpecError, match=r"<lambda> cannot be named in a spec.*move it to a file"):
        study.toml()


def test_rewards_of_the_gallery_of_parts() -> None:
    assert build_part(
        "curators", {"kind": "Choose", "reward": {"kind": "Near", "point": [1.0, 2.0]}}
    ) == curators.Choose(rewards.Near(point=(1.0, 2.0)))


def test_a_part_says_what_is_wrong_with_its_fields_in_one_line_each() -> None:
    with pytest.raises(ValueError, match=r"^Gaussian: dim: input should be greater.* \(got 0\)$"):
        real.Gaussian(dim=0)
    with pytest.raises(SpecError) as caught:
        Experiment(real=real.Moons(), agents=Agent(generators.KDE()), n_real=-4, metrics=["X"])  # type: ignore[arg-type]
    assert [p.split(" ")[1] for p in caught.value.problems] == ["n_real:", "metrics.0:"]


class BuildsBadly:
    """A generator that builds a part with a wrong field while it is fitted."""

    def __init__(self, seed: int) -> None:
        pass

    def fit(self, train: Any, rng: Any, init: Any = None) -> Any:
        return real.Gaussian(dim=0)


def test_a_wrong_field_met_in_a_loop_names_the_generation() -> None:
    exp = Experiment(real=real.Moons(), agents=Agent(BuildsBadly(0)), generations=2, replicates=2)
    with pytest.raises(GenlossError, match="generation 1: Gaussian: dim: input should be"):
        run(exp, workers=0)


def test_other_numerics_are_other_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    before = prints(Study.of(dict(BASE)))
    monkeypatch.setattr("genloss.study.identity.NUMERICS", -1)
    assert prints(Study.of(dict(BASE))) != before
