"""Bugs that were found once: each test is the smallest case that showed one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
from genloss.errors import FitError, GenlossError, SpecError
from genloss.loop import start
from genloss.metrics.distance import _without_itself
from genloss.observation import real_rows_seen
from genloss.statistics import KernelSums, Points

SPEC: dict[str, Any] = {
    "real": "Gaussian",
    "agents": [{"generator": "Gaussian", "regime": "Replace"}],
    "metrics": ["TraceRatio"],
    "replicates": 2,
    "generations": 2,
}


def experiment(**fields: Any) -> Experiment:
    given = {
        "real": real.Gaussian(),
        "agents": Agent(generators.Gaussian(), regimes.Replace()),
        "n_real": 20,
        "generations": 3,
        "replicates": 4,
        "metrics": (metrics.TraceRatio(),),
    }
    return Experiment(**{**given, **fields})


def at(exp: Experiment, name: str) -> np.ndarray:
    return run(exp, workers=0).array(name)


# -- mathematics -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", ["auto", "always"])
def test_a_model_of_a_numeric_table_is_measured_in_the_units_of_the_features(rows: str) -> None:
    """Model moments in raw units stood against real ones of standardised columns: trace ratios of 500."""
    exp = experiment(
        real=real.Table(path="diabetes"),
        n_real=300,
        generations=1,
        replicates=20,
        metrics=(metrics.TraceRatio(), metrics.MeanError(), metrics.LogDetRatio()),
        rows=rows,
    )
    found = run(exp, workers=0)
    assert abs(found.array("TraceRatio").mean() - 1) < 0.1
    assert found.array("MeanError").mean() < 0.5
    assert abs(found.array("LogDetRatio").mean()) < 2


def test_model_and_rows_of_a_numeric_table_have_the_same_moments() -> None:
    source = real.Table(path="diabetes")
    rows = source.draw(2, 200, np.random.Generator(np.random.SFC64(0)))
    from genloss.statistics import moments

    mapped, direct = source.standardised(moments(rows)), moments(source.features(rows))
    np.testing.assert_allclose(mapped.mean, direct.mean, atol=1e-12)
    np.testing.assert_allclose(mapped.root @ mapped.root.mT, direct.root @ direct.root.mT, atol=1e-9)


def test_held_out_distances_are_taken_from_the_others() -> None:
    x = np.random.Generator(np.random.SFC64(1)).normal(size=(20, 4)) @ np.diag([1, 2, 3, 4])

    def squared(row: np.ndarray, of: np.ndarray) -> float:
        gap = row - of.mean(axis=0)
        return float(gap @ np.linalg.inv(np.cov(of.T, ddof=0)) @ gap)

    inside = np.array([squared(row, x) for row in x])
    apart = np.array([squared(row, np.delete(x, i, axis=0)) for i, row in enumerate(x)])
    np.testing.assert_allclose(_without_itself(inside), apart)


@pytest.mark.parametrize("path", ["breast_cancer", "wine", "iris", "diabetes"])
def test_few_new_real_rows_lie_in_the_tail(path: str) -> None:
    """Of wine's 125 rows to train on 48 % lay beyond 95 % of the 53 held out, in 15 features."""
    source = real.Table(path=path)
    exp = experiment(
        real=source, agents=Agent(generators.Copula()), n_real=source.size, metrics=(metrics.TailMass(),)
    )
    (seen,) = real_rows_seen(start(exp), exp)
    assert metrics.TailMass()(seen)[0] < 0.15


@pytest.mark.parametrize(("d", "n", "generations"), [(2, 3, 700), (5, 6, 600)])
def test_likelihood_of_a_gaussian_that_has_nearly_collapsed(d: int, n: int, generations: int) -> None:
    """A pivoting solver called its root singular, where products of two tiny numbers underflow."""
    exp = experiment(
        real=real.Gaussian(dim=d),
        n_real=n,
        generations=generations,
        tile=8,
        metrics=(metrics.HoldoutNLL(),),
    )
    found = at(exp, "HoldoutNLL")
    assert not np.isnan(found).any()
    assert np.isposinf(found[-1]).all()


def test_forward_substitution_gives_the_density() -> None:
    exp = experiment(real=real.Gaussian(dim=3), generations=1)
    from genloss.loop import generations

    _, (seen,) = next(iter(generations(exp)))
    root, mean = seen.model.root[0], seen.model.mean[0]
    gap = exp.held_out - mean
    want = -0.5 * (gap @ np.linalg.inv(root @ root.T) * gap).sum(axis=1)
    want -= 0.5 * np.linalg.slogdet(2 * np.pi * root @ root.T)[1]
    np.testing.assert_allclose(seen.model.log_prob(exp.held_out)[0], want)


def test_log_determinant_of_real_rows_on_a_subspace_is_refused() -> None:
    """It was infinite or no number at all, without a word."""
    exp = experiment(real=real.Digits(), metrics=(metrics.LogDetRatio(),), n_real=100)
    with pytest.raises(GenlossError, match=r"real covariance has determinant 0.*use TraceRatio"):
        run(exp, workers=0)


@pytest.mark.parametrize("kind", [generators.Gaussian(), generators.KDE()])
def test_two_chunks_of_no_weight(kind: Any) -> None:
    """The mean of nothing and nothing was a division by zero."""
    agent = Agent(kind, regimes.Weighted(real=0.0, of=regimes.Accumulate()))
    found = at(experiment(agents=agent, n_fresh=1, rows="always"), "TraceRatio")
    assert np.isfinite(found).all()


def test_kernel_sums_of_a_bandwidth_whose_square_underflows() -> None:
    y = np.array([[0.0, 0.0], [1.0, 1.0]])
    with np.errstate(over="ignore", invalid="ignore"):
        log = KernelSums(Points(y), 1e-200)(np.array([[[3.0, 4.0]]])).log
    assert np.isneginf(log).all()


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "field"),
    [({"generator": {"kind": "KDE", "bandwidth": np.inf}}, "bandwidth"),
     ({"generator": {"kind": "Gaussian", "temperature": np.inf}}, "temperature")],
)  # fmt: skip
def test_infinite_fields_are_refused(agent: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError, match=rf"{field}: input should be a finite number \(got inf\)"):
        run({**SPEC, "agents": [agent]}, workers=0)


def test_reading_nobody_is_refused() -> None:
    agent = {"generator": "Gaussian", "regime": {"kind": "Reads", "authors": [], "of": "Replace"}}
    with pytest.raises(SpecError, match=r"regime\.authors"):
        run({**SPEC, "agents": [agent]}, workers=0)


def test_more_replicates_than_memory_has_tiles_for() -> None:
    with pytest.raises(SpecError, match="replicates: input should be less than or equal to 10000000"):
        run(SPEC, replicates=10**15, workers=0)


def test_more_generations_than_memory_has_results_for_fail_their_cell() -> None:
    with pytest.raises(GenlossError, match="out of memory"):
        run({**SPEC, "generations": 10**15}, workers=0)


@pytest.mark.parametrize("thing", [None, 42, [experiment()], {1: experiment()}])
def test_what_is_no_study(thing: Any) -> None:
    with pytest.raises(SpecError, match="a study is an Experiment, a spec"):
        run(thing, workers=0)


def test_a_field_that_takes_a_list() -> None:
    with pytest.raises(SpecError, match=r"metrics: should be a list, as in metrics = \[\.\.\.\]"):
        run({**SPEC, "metrics": "TraceRatio"}, workers=0)


def test_hints_name_fields_only() -> None:
    with pytest.raises(SpecError) as error:
        Study.of(SPEC).set("regime.budget", 3)
    assert "reach" not in str(error.value)
    with pytest.raises(SpecError, match=r"set both, as in agents\.0\.regime=Accumulate"):
        Study.of(SPEC).set("regime.kind", "Accumulate")


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".toml"])
def test_a_name_too_long_for_a_file(name: str) -> None:
    with pytest.raises(SpecError):
        run(name, workers=0)
    with pytest.raises(GenlossError, match="cannot be read"):
        _ = real.Table(path=name + ".csv").schema


VECTORS, SYMBOLS = np.zeros((2, 5, 2)), np.arange(10).reshape(2, 5)


@pytest.mark.parametrize(
    ("reward", "rows", "said"),
    [
        (rewards.Along(axis=5), VECTORS, "no axis 5"),
        (rewards.Along(), SYMBOLS, "rows are symbols"),
        (rewards.Near(point=(1.0,)), VECTORS, "the point has 1 coordinates"),
        (rewards.PerSymbol(values=(1.0,)), SYMBOLS, "no reward for symbol 9"),
        (rewards.PerSymbol(values=(1.0,)), VECTORS, "rewards symbols"),
    ],
)
def test_rewards_of_other_rows(reward: Any, rows: np.ndarray, said: str) -> None:
    """One coordinate was broadcast to two, and a column of symbols was taken for a reward a row."""
    with pytest.raises(FitError, match=said):
        reward(rows)


@pytest.mark.parametrize(
    ("verifier", "rows"), [(verifiers.Inside(axis=2), VECTORS), (verifiers.OneOf(symbols=(0,)), VECTORS)]
)
def test_verifiers_of_other_rows(verifier: Any, rows: np.ndarray) -> None:
    with pytest.raises(FitError, match=type(verifier).__name__):
        verifier(rows, np.random.Generator(np.random.SFC64(0)))


def of_replicates(rows: np.ndarray, rng: Any = None) -> np.ndarray:
    return rows[:, 0, 0]


@pytest.mark.parametrize(
    "curator", [curators.Choose(reward=of_replicates), curators.Accept(verifier=of_replicates)]
)
def test_what_a_reward_or_verifier_returns_is_one_a_row(curator: Any) -> None:
    with pytest.raises(GenlossError, match=r"return one \w+ a row"):
        run(experiment(agents=Agent(generators.Gaussian(), curator=curator)), workers=0)


class Odd:
    """Returns what no symbol is."""

    def __init__(self, seed: int) -> None:
        self.value: Any = 1000

    def fit(self, rows: Any) -> None:
        """Nothing."""

    def sample(self, n: int) -> Any:
        """The same n times."""
        return np.full(n, self.value)


class Half(Odd):
    """Half a symbol."""

    def __init__(self, seed: int) -> None:
        self.value = 1.5


class Negative(Odd):
    """A symbol before the first."""

    def __init__(self, seed: int) -> None:
        self.value = -1


@pytest.mark.parametrize("make", [Odd, Half, Negative])
def test_symbols_that_are_none(make: Any) -> None:
    """1.5 was cut to 1; the others ended in NumPy's words."""
    agent = Agent(generators.Wrapped(make=make))
    exp = experiment(real=real.Zipf(symbols=5), agents=agent, metrics=(metrics.Diversity(of="published"),))
    with pytest.raises(GenlossError, match="which is no symbol; return whole numbers from 0 to 4"):
        run(exp, workers=0)


class Densities:
    """Says one number for all rows."""

    def __init__(self, seed: int) -> None:
        pass

    def fit(self, rows: Any) -> None:
        """Nothing."""

    def sample(self, n: int) -> Any:
        """Zeros."""
        return np.zeros((n, 2))

    def log_prob(self, rows: Any) -> Any:
        """One number."""
        return 3.0


class TooFew(Densities):
    """Says seven."""

    def log_prob(self, rows: Any) -> Any:
        """Seven numbers: their mean was taken for that of all."""
        return np.zeros(7)


@pytest.mark.parametrize("make", [Densities, TooFew])
def test_densities_are_one_a_row(make: Any) -> None:
    exp = experiment(agents=Agent(generators.Wrapped(make=make)), metrics=(metrics.HoldoutNLL(),))
    with pytest.raises(GenlossError, match=r"log_prob of 500 rows returned .*; return one number a row"):
        run(exp, workers=0)


# -- studies ---------------------------------------------------------------------------------------


def test_a_study_can_be_varied_when_it_is_run() -> None:
    """What was to be varied of a Study was ignored."""
    assert len(run(Study.of(experiment()), vary={"n_real": [5, 10]}, workers=0).cells) == 2


def test_a_study_can_be_trusted_when_it_is_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from genloss import component\n@component\nclass Mine:\n"
                    "    def __call__(self, pool, rng):\n        return pool\n")  # fmt: skip
    study = Study.of({**SPEC, "agents": [{"generator": "Gaussian", "regime": f"{file}:Mine"}]})
    assert run(study, trust=True, workers=0).array("TraceRatio").shape == (2, 1, 2)


def test_values_of_numpy_are_as_good_as_pythons() -> None:
    """They made a study that no file could hold and no worker could run, of cells named np.int64(10)."""
    study = Study.of(SPEC, vary={"n_real": np.geomspace(10, 100, 2).astype(int)})
    assert [c.label for c in study.cells] == ["n_real=10", "n_real=100"]
    assert "n_real" in study.toml()
    plain = Study.of(SPEC, vary={"n_real": [10, 100]})
    assert [c.id for c in study.cells] == [c.id for c in plain.cells]


def test_an_experiment_may_have_any_name() -> None:
    results = run({"real": experiment(), "agents": experiment()}, workers=0)
    assert [c.experiment for c in results.cells] == ["real", "agents"]


def test_cells_that_are_not_there_and_parts_as_conditions() -> None:
    results = run(SPEC, vary={"regime": ["Replace", "Accumulate"]}, workers=0)
    assert results.cell(regime=regimes.Accumulate()).index == results.cell(regime="Accumulate").index == 1
    for cell in (2, "x"):
        with pytest.raises(SpecError, match=r"there is no cell .*; give an index from 0 to 1"):
            results.cell(cell)  # type: ignore[arg-type]


def test_a_broken_package_keeps_no_other_from_being_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command ended in an internal error while one entry point could not be loaded."""
    from genloss.study import registry

    folder = tmp_path / "plug-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        "[genloss.metrics]\nPlugged = genloss.metrics:TraceRatio\nBroken = plug_missing:X\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.parts.cache_clear()
    try:
        assert registry.find("metrics", "Plugged", trust=False) is metrics.TraceRatio
        with pytest.raises(SpecError, match="cannot import plug_missing"):
            registry.find("metrics", "Broken", trust=False)
    finally:
        registry.parts.cache_clear()
