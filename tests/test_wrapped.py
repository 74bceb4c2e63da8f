"""Users' own generators: any object with fit and sample."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genloss import Agent, Experiment, GenlossError, generators, metrics, real, regimes, run
from genloss.errors import GeneratorError
from genloss.loop import generations
from genloss.theory import gaussian as law
from laws import assert_mean, measure


class Normal:
    """A Gaussian as a user would write it."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def fit(self, rows: Any) -> None:
        self.mean, self.covariance = rows.mean(axis=0), np.cov(rows.T, ddof=0).reshape(rows.shape[1], -1)

    def sample(self, n: int) -> Any:
        return self.rng.multivariate_normal(self.mean, self.covariance, size=n)


class Bootstrap:
    """Draws rows again."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def fit(self, rows: Any) -> None:
        self.rows = rows

    def sample(self, n: int) -> Any:
        index = self.rng.integers(len(self.rows), size=n)
        return self.rows.iloc[index] if hasattr(self.rows, "iloc") else self.rows[index]


def experiment(make: Any, source: Any = None, regime: Any = None, **more: Any) -> Experiment:
    settings: dict[str, Any] = {
        "n_real": 12,
        "generations": 4,
        "replicates": 3,
        "metrics": (metrics.TraceRatio(of="published"), metrics.MeanError(of="published")),
        **more,
    }
    agent = Agent(
        generators.Wrapped(make=make), regime or regimes.Replace(), warm_start=settings.pop("warm", False)
    )
    return Experiment(real=source or real.Gaussian(dim=2), agents=agent, **settings)


def test_a_users_gaussian_follows_the_law() -> None:
    found = measure(experiment(Normal, replicates=400, generations=6, tile=100))
    t = np.arange(1, 7)
    # metrics are of the published rows: n of them lose one more share of their variance and move once more
    assert_mean(found["TraceRatio(of='published')"][:, 0], law.replace_trace_ratio(12, t + 1))
    assert_mean(found["MeanError(of='published')"][:, 0], law.replace_mean_error(12, 2, t + 1))


def test_resampled_rows_lose_variance_as_resampled_symbols_do() -> None:
    found = measure(experiment(Bootstrap, replicates=400, generations=6, tile=100))
    assert_mean(found["TraceRatio(of='published')"][:, 0], law.replace_trace_ratio(12, np.arange(2, 8)))


def test_each_replicate_has_a_copy_with_a_seed_of_its_own() -> None:
    made: list[int] = []

    def make(seed: int) -> Normal:
        made.append(seed)
        return Normal(seed)

    exp = experiment(make, tile=3)
    for _, (o,) in generations(exp):
        assert len({id(x) for x in o.model.objects}) == 3
        assert not np.array_equal(o.rows[0], o.rows[1])
    assert len({*made}) == 12


def test_the_default_tile_is_one_replicate() -> None:
    assert experiment(Normal).tile_size == 1


def test_runs_repeat() -> None:
    one, other = measure(experiment(Normal)), measure(experiment(Normal))
    assert np.array_equal(one["TraceRatio(of='published')"], other["TraceRatio(of='published')"])


def test_warm_started_objects_are_fitted_again() -> None:
    class Slow(Normal):
        mean: Any = None

        def fit(self, rows: Any) -> None:
            before = self.mean
            super().fit(rows)
            if before is not None:
                self.mean = 0.9 * before + 0.1 * self.mean

    drift = [
        measure(experiment(Slow, warm=warm, replicates=60, generations=8))["MeanError(of='published')"][
            -1
        ].mean()
        for warm in (False, True)
    ]
    assert drift[1] < 0.5 * drift[0]


def test_fit_may_return_the_fitted_object_or_itself() -> None:
    class Fitted:
        def __init__(self, rows: Any) -> None:
            self.rows = rows

        def sample(self, n: int) -> Any:
            return self.rows[:n]

    class Fits:
        def __init__(self, seed: int) -> None:
            pass

        def fit(self, rows: Any) -> Any:
            return Fitted(rows)

        def sample(self, n: int) -> Any:
            raise AssertionError("not this one")

    class Chains(Bootstrap):
        def fit(self, rows: Any) -> Any:
            super().fit(rows)
            return self

    for make in (Fits, Chains):
        assert np.isfinite(measure(experiment(make))["TraceRatio(of='published')"]).all()


def test_an_object_cannot_change_the_pool() -> None:
    class Vandal(Bootstrap):
        def fit(self, rows: Any) -> None:
            self.rows = rows.copy()
            rows[:] = np.nan

    exp = experiment(Vandal, regime=regimes.Accumulate())
    assert np.isfinite(measure(exp)["TraceRatio(of='published')"]).all()


def test_its_density_is_asked_for_where_it_has_one() -> None:
    from scipy import stats

    class Dense(Normal):
        def score_samples(self, rows: Any) -> Any:
            return stats.multivariate_normal(self.mean, self.covariance).logpdf(rows)

    exp = experiment(Dense, metrics=(metrics.HoldoutNLL(),))
    assert np.allclose(measure(exp)["HoldoutNLL"][0], measure_gaussian())
    with pytest.raises(GenlossError, match="Normal has neither log_prob nor score_samples"):
        measure(experiment(Normal, metrics=(metrics.HoldoutNLL(),)))


def measure_gaussian() -> Any:
    exp = Experiment(
        real=real.Gaussian(dim=2),
        agents=Agent(generators.Gaussian(), regimes.Replace()),
        n_real=12,
        generations=1,
        replicates=3,
        tile=1,
        rows="always",
        metrics=(metrics.HoldoutNLL(),),
    )
    return measure(exp)["HoldoutNLL"][0]


def test_symbols_keep_their_type() -> None:
    class Words(Bootstrap):
        def fit(self, rows: Any) -> None:
            assert rows.dtype.kind == "i" and rows.shape == (30,)
            super().fit(rows)

    exp = experiment(Words, real.Zipf(symbols=5), n_real=30, metrics=(metrics.SupportSize(of="published"),))
    assert (np.diff(measure(exp)["SupportSize(of='published')"][:, 0], axis=0) <= 0).all()


# -- tables ----------------------------------------------------------------------------------------


def test_tables_come_and_go_as_data_frames() -> None:
    import pandas as pd

    class Frames(Bootstrap):
        def fit(self, rows: Any) -> None:
            assert isinstance(rows, pd.DataFrame)
            assert list(rows.columns) == list(real.Table(path="iris").schema.names)
            assert rows["target"].isin(["setosa", "versicolor", "virginica"]).all()
            super().fit(rows)

    exp = experiment(
        Frames,
        real.Table(path="iris"),
        n_real=40,
        metrics=(metrics.TestError(of="published"), metrics.SlicedWasserstein()),
    )
    found = measure(exp)
    assert (found["TestError(of='published')"] < 0.6).all() and np.isfinite(found["SlicedWasserstein"]).all()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda frame: frame.iloc[:-1], r"Spoilt: sample\(40\) returned 39 rows; return 40"),
        (lambda frame: frame.drop(columns="target"), r"Spoilt: .*target"),
        (lambda frame: frame.assign(target="tulip"), r"Spoilt: .*tulip"),
        (lambda frame: frame.assign(**{frame.columns[0]: np.nan}), r"missing values \(NaN\) in column"),
        (lambda frame: frame.assign(**{frame.columns[0]: "wide"}), r"Spoilt: .*wide"),
        (lambda frame: frame.assign(**{frame.columns[0]: np.inf}), r"Spoilt: .*inf"),
        (lambda frame: 7, r"Spoilt: sample\(40\) returned int; return a DataFrame with the columns"),
    ],
)
def test_a_bad_table_is_named(spoil: Any, message: str) -> None:
    class Spoilt(Bootstrap):
        def sample(self, n: int) -> Any:
            return spoil(super().sample(n).reset_index(drop=True))

    Spoilt.__qualname__ = "Spoilt"
    with pytest.raises(GeneratorError, match=message):
        measure(experiment(Spoilt, real.Table(path="iris"), n_real=40, metrics=(metrics.RealShare(),)))


# -- bad objects -----------------------------------------------------------------------------------


def returning(value: Any) -> Any:
    class Bad(Normal):
        def sample(self, n: int) -> Any:
            return value(n)

    Bad.__qualname__ = "Bad"
    return Bad


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            lambda n: np.zeros((n, 3)),
            r"Bad: sample\(12\) returned shape \(12, 3\); return an array of shape \(12, 2\)",
        ),
        (lambda n: np.zeros((n + 1, 2)), r"returned shape \(13, 2\)"),
        (lambda n: np.zeros(n), r"returned shape \(12,\)"),
        (lambda n: np.full((n, 2), np.nan), r"Bad: sample\(12\) returned 24 values that are NaN or infinite"),
        (lambda n: np.array([[np.inf, 0.0]] * n), r"returned 12 values that are NaN or infinite"),
        (lambda n: "rows", r"Bad: sample\(12\) returned str, which is no array of numbers"),
        (lambda n: None, r"Bad: sample\(12\) returned"),
        (lambda n: [[1, 2], [3]], r"returned list, which is no array of numbers"),
        (lambda n: 1 / 0, r"Bad: sample raised ZeroDivisionError: division by zero"),
    ],
)
def test_bad_rows_are_named(value: Any, message: str) -> None:
    with pytest.raises(GeneratorError, match=message):
        measure(experiment(returning(value)))


def test_bad_makers_are_named() -> None:
    def raises(seed: int) -> Any:
        raise ValueError("no such model\nin two lines")

    class NoFit:
        def __init__(self, seed: int) -> None:
            pass

        def sample(self, n: int) -> Any:
            return None

    class FitRaises(Normal):
        def fit(self, rows: Any) -> None:
            raise RuntimeError

    class Unseeded(Normal):
        def __init__(self) -> None:
            super().__init__(0)

    for make, message in (
        (raises, r"raises\(\d+\) raised ValueError: no such model in two lines"),
        (lambda seed: None, r"gave a NoneType, which has no method fit"),
        (NoFit, r"gave a NoFit, which has no method fit"),
        (FitRaises, r"FitRaises: fit raised RuntimeError: \(no message\)"),
        (lambda: Normal(0), r"<lambda> should take a seed and nothing else: def make\(seed\): \.\.\.$"),
        (Unseeded, r"Unseeded should take a seed and nothing else: def __init__\(self, seed\): \.\.\.$"),
    ):
        with pytest.raises(GeneratorError, match=message):
            measure(experiment(make))


class Loud(Normal):
    """Its fit raises a message of five megabytes with a colour in it."""

    def fit(self, rows: Any) -> None:
        raise ValueError("\x1b[31m" + "A" * 5_000_000)


class Mute(ValueError):
    def __str__(self) -> str:
        raise RuntimeError


class Muted(Normal):
    def fit(self, rows: Any) -> None:
        raise Mute


@pytest.mark.parametrize(("make", "said"), [(Loud, r"\?\[31mAAA"), (Muted, "its message cannot be read")])
def test_what_an_object_raises_is_said_on_a_short_line(make: Any, said: str) -> None:
    with pytest.raises(GeneratorError, match=said) as caught:
        measure(experiment(make))
    assert len(str(caught.value)) < 400 and str(caught.value).isprintable()


# -- methods as libraries have them ----------------------------------------------------------------


class AnyName(Normal):
    def sample(self, num_rows: int, batch_size: int | None = None) -> Any:
        return super().sample(num_rows)


class ByNumRows(Normal):
    def sample(self, *, num_rows: int) -> Any:
        return super().sample(num_rows)


class BySamples(Normal):
    def sample(self, *, n_samples: int = 1) -> Any:
        return super().sample(n_samples)


class WithLabels(Normal):
    """As scikit-learn's mixtures."""

    def fit(self, X: Any, y: Any = None) -> Any:
        super().fit(X)
        return self

    def sample(self, n_samples: int = 1) -> Any:
        return super().sample(n_samples), np.zeros(n_samples, dtype=int)


@pytest.mark.parametrize("make", [AnyName, ByNumRows, BySamples, WithLabels])
def test_methods_may_be_those_of_other_libraries(make: Any) -> None:
    assert np.array_equal(
        measure(experiment(make))["TraceRatio(of='published')"],
        measure(experiment(Normal))["TraceRatio(of='published')"],
    )


def test_a_mixture_of_scikit_learn_gives_its_rows_without_labels() -> None:
    from sklearn.mixture import GaussianMixture

    def make(seed: int) -> Any:
        return GaussianMixture(random_state=np.random.RandomState(seed))

    assert np.isfinite(measure(experiment(make))["TraceRatio(of='published')"]).all()


def test_a_table_may_come_with_labels() -> None:
    class Labelled(Bootstrap):
        def sample(self, n: int) -> Any:
            return super().sample(n), np.zeros(n)

    exp = experiment(Labelled, real.Table(path="iris"), n_real=40, metrics=(metrics.SlicedWasserstein(),))
    assert np.isfinite(measure(exp)["SlicedWasserstein"]).all()


@pytest.mark.parametrize(
    "value",
    [
        lambda n: (np.zeros((n, 2)), np.zeros((n, 1))),
        lambda n: (np.zeros((n, 2)), np.zeros(n - 1)),
        lambda n: (np.zeros((n - 1, 2)), np.zeros(n)),
        lambda n: (np.zeros((n, 2)), np.zeros(n), np.zeros(n)),
        lambda n: ([[1, 2], [3]], np.zeros(n)),
    ],
)
def test_a_tuple_that_may_be_something_else_is_named(value: Any) -> None:
    with pytest.raises(GeneratorError, match=r"Bad: sample\(12\) returned tuple, which is no array"):
        measure(experiment(returning(value)))


def test_two_rows_of_two_numbers_are_rows() -> None:
    class Pair(Normal):
        def sample(self, n: int) -> Any:
            return tuple(tuple(row) for row in super().sample(n))

    a, b = (measure(experiment(make, n_real=2, generations=1)) for make in (Pair, Normal))
    assert np.array_equal(a["MeanError(of='published')"], b["MeanError(of='published')"])


def test_weights_cannot_be_told_to_an_object() -> None:
    exp = experiment(Normal, regime=regimes.Weighted(0.9, regimes.RealPlusLatest()))
    with pytest.raises(GenlossError, match=r"fit\(rows\) takes no weights; use a regime without weights"):
        measure(exp)


def test_a_failure_names_the_generation() -> None:
    class Later(Normal):
        made = 0

        def fit(self, rows: Any) -> None:
            Later.made += 1
            if Later.made > 2:
                raise RuntimeError("tired")
            super().fit(rows)

    with pytest.raises(GenlossError, match=r"generation 3: .*Later: fit raised RuntimeError: tired"):
        run(experiment(Later, replicates=1), workers=0)


# -- from a file -----------------------------------------------------------------------------------

MINE = """
import numpy as np

class Mine:
    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.PCG64(seed))
    def fit(self, rows):
        self.rows = rows
    def sample(self, n):
        return self.rows[self.rng.integers(len(self.rows), size=n)]

def make(seed):
    return Mine(seed)
"""


def test_a_maker_may_be_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    by_function = measure(experiment(f"{tmp_path}/mine.py:make"))
    by_class = measure(experiment(f"{tmp_path}/mine.py:Mine"))
    assert np.array_equal(by_function["TraceRatio(of='published')"], by_class["TraceRatio(of='published')"])


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mine.py:mke", r"has no 'mke'; did you mean 'make'\?"),
        ("nowhere.py:make", "cannot read"),
        ("broken.py:make", "raised ZeroDivisionError"),
        ("no.such.package:make", "cannot import"),
        ("mine.py", "is no reference"),
    ],
)
def test_a_maker_that_cannot_be_loaded_is_named(tmp_path: Path, reference: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "broken.py").write_text("1 / 0")
    where = reference if reference.startswith("no.") else f"{tmp_path}/{reference}"
    with pytest.raises(GenlossError, match=message):
        measure(experiment(where))


class Counts:
    """Counts its fits, and gives the count for rows."""

    def __init__(self, seed: int) -> None:
        self.fits = 0

    def fit(self, rows: Any) -> None:
        self.fits += 1

    def sample(self, n: int) -> Any:
        return np.full((n, 2), float(self.fits))


class Locked(Counts):
    """Holds what cannot be copied."""

    def fit(self, rows: Any) -> None:
        self.held = (row for row in rows)


def test_a_warm_start_leaves_the_state_before_as_it_was() -> None:
    exp = Experiment(
        real=real.Gaussian(dim=2),
        agents=Agent(generators.Wrapped(make=Counts), regimes.Replace(), warm_start=True),
        generations=4,
        n_real=5,
        replicates=1,
    )
    kept, _ = next(generations(exp))
    for _ in range(2):  # going on twice from one state gives the same
        rows = [float(seen[0].rows[0, 0, 0]) for _, seen in generations(exp, kept)]
        assert rows == [2.0, 3.0, 4.0]
    locked = dataclasses.replace(exp.agents[0], generator=generators.Wrapped(make=Locked))
    with pytest.raises(GeneratorError, match="Locked: a warm start needs a copy of the fitted Locked"):
        list(generations(dataclasses.replace(exp, agents=(locked,))))
