"""What parts may offer: traits by name, events, the occasion, and a user's own metric, law and event."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from genloss import Agent, Experiment, component, generators, laws, metrics, real, regimes, run
from genloss.curators import KeepAll
from genloss.errors import SpecError
from genloss.events import EVENTS, event_of
from genloss.meaning import Law, meaning
from genloss.protocols import Occasion
from genloss.samples import Array, Samples
from genloss.slots import nearly
from genloss.study.registry import SLOTS, parts
from genloss.traits import traits
from laws import assert_mean, measure, stream

# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "names", "meant"),
    [
        ("def __call__(self, seen): ...", "instead_of_row = ()", "instead_of_rows"),
        ("def __call__(self, seen): ...", "need: ClassVar = ('log_prob',)", "needs"),
        ("def __call__(self, seen): ...", "acepts: ClassVar = ('vectors',)", "accepts"),
        ("def __call__(self, seen): ...", "Title: ClassVar = 'Mean'", "title"),
        ("def __call__(self, seen): ...", "reads_hold_out: ClassVar = True", "reads_holdout"),
        ("def __call__(self, seen): ...", "reads_holdouts: bool = True", "reads_holdout"),
        ("def __call__(self, pool, rng): ...", "need_rows: ClassVar = False", "needs_rows"),
        ("def __call__(self, pool, rng, occasion): ...", "read_total: ClassVar = True", "reads_total"),
        (
            "def __call__(self, model, train, n, rng): ...",
            "publish_everything: ClassVar = True",
            "publishes_everything",
        ),
        ("def fit(self, train, rng, init=None): ...", "warm_start: ClassVar = True", "warm_starts"),
        ("def fit(self, train, rng, init=None): ...", "def suficient(self, schema): ...", "sufficient"),
        ("def fit(self, train, rng, init=None): ...", "tlie: ClassVar = 1", "tile"),
        ("def __call__(self, seen): ...", "tilte: ClassVar = 'Mean'", "title"),
        ("def __call__(self, seen, extra=None): ...", "read_holdout: ClassVar = True", "reads_holdout"),
        (
            "def draw(self, replicates, n, rng): ...\n    def holdout(self): ...",
            "def moment(self): ...",
            "moments",
        ),
        (
            "def draw(self, replicates, n, rng): ...\n    def holdout(self): ...",
            "evnt: ClassVar = 'table'",
            "event",
        ),
    ],
)
def test_a_name_that_is_nearly_a_trait_is_refused(verb: str, names: str, meant: str) -> None:
    space: dict[str, Any] = {"ClassVar": ClassVar, "__name__": __name__}
    exec(f"class Odd:\n    {verb}\n    {names}\n", space)  # the cases are ours
    with pytest.raises(SpecError, match=rf"Odd\.\w+: did you mean '{meant}'\? if not, call it otherwise"):
        component(space["Odd"])


def test_names_of_ones_own_are_free() -> None:
    @component
    class Ours:
        modes: int = 3
        sizes: tuple[int, ...] = ()
        scaled: bool = True
        tilt: float = 0.1

        def helper(self) -> None: ...

        def __call__(self, pool: Samples, rng: Any) -> Samples:
            return pool

    assert Ours().modes == 3

    @component
    class Fitted:
        """A metric with a helper that fits, and a generator's trait that means nothing to it."""

        title: ClassVar = "Fitted"
        tile: ClassVar = 3

        def fit(self, x: Array) -> Array:
            return x

        def take(self, x: Array) -> Array:
            return x

        def reaches(self) -> bool:
            return True

        def __call__(self, seen: Any) -> Array:
            return self.fit(seen.features[:, 0, 0])

    assert Fitted().title == "Fitted"


def test_names_of_a_generators_model_are_looked_at_too() -> None:
    class Model:
        def sample(self, n: int, rng: Any) -> Array: ...

        def log_probs(self, x: Array) -> Array: ...

    class Made:
        model: ClassVar = Model

        def fit(self, train: Samples, rng: Any, init: Any = None) -> Model: ...

    with pytest.raises(SpecError, match=r"Model\.log_probs: did you mean 'log_prob'"):
        component(Made)


def test_a_mixture_may_have_centers_of_its_own() -> None:
    @component
    class Blobs:
        centers: int = 3

        def draw(self, replicates: int, n: int, rng: Any) -> Array: ...

        def holdout(self) -> Array: ...

    assert Blobs().centers == 3


def test_none_of_our_own_parts_has_such_a_name() -> None:
    for slot in SLOTS.values():
        for name, cls in parts(slot).items():
            assert not list(nearly(cls)), name
    assert all(traits(slot) for slot in ("real", "generators", "models", "regimes", "curators", "metrics"))


# -- the occasion ----------------------------------------------------------------------------------

LOG: list[Any] = []


@component
class Diary:
    """A regime that looks up when it is asked, and for whom."""

    def __call__(self, pool: Samples, rng: Any, occasion: Occasion) -> Samples:
        LOG.append(("regime", occasion.t, occasion.agent, occasion.pool is pool))
        return pool


@component
class Strategic:
    """A curator that publishes less of what the pool is full of."""

    def __call__(self, model: Any, train: Samples, n: int, rng: Any, occasion: Occasion) -> Array:
        LOG.append(("curator", occasion.t, occasion.agent, len(occasion.pool.chunks)))
        rows: Array = model.sample(n, rng)
        return rows


def test_regimes_and_curators_may_look_up_generation_agent_and_pool() -> None:
    LOG.clear()
    agents = (
        Agent(generators.KDE(), Diary(), Strategic()),
        Agent(generators.KDE(), regimes.Weighted(0.5, regimes.Reads(("real", 1), Diary())), KeepAll()),
    )
    exp = Experiment(real=real.Moons(), agents=agents, n_real=10, generations=2, replicates=2, tile=2)
    measure(exp)
    assert [entry for entry in LOG if entry[0] == "regime"] == [
        ("regime", 1, 0, True),
        ("regime", 1, 1, False),
        ("regime", 2, 0, True),
        ("regime", 2, 1, False),
    ]
    assert [entry for entry in LOG if entry[0] == "curator"] == [("curator", 1, 0, 1), ("curator", 2, 0, 3)]


def test_a_part_that_looks_up_passes_the_checks_of_its_slot() -> None:
    from genloss.conformance import check, slot_of_part

    for part, slot in ((Diary(), "regimes"), (Strategic(), "curators")):
        assert slot_of_part(part) == slot
        assert [f for f in check(part) if f.passed is False] == []


# -- events ----------------------------------------------------------------------------------------


def test_every_source_of_ours_draws_what_its_event_says() -> None:
    for source in (
        real.Gaussian(),
        real.Zipf(),
        real.Moons(),
        real.Digits(),
        real.Table(path="iris"),
        real.Table(path="wine"),
    ):
        event = event_of(source)
        assert EVENTS[event.name] is event
        assert event.problem(source.draw(2, 5, stream(0)), getattr(source, "schema", None)) == ""
    assert event_of(real.Digits()).accepted_by(("vectors",)) and not EVENTS["symbols"].accepted_by(
        ("vectors",)
    )


def test_features_of_tokens_are_their_shares() -> None:
    @component
    class Texts:
        event: ClassVar = "tokens"
        schema: ClassVar = 4

        def draw(self, replicates: int, n: int, rng: Any) -> Array:
            return np.asarray(rng.integers(4, size=(replicates, n, 6)))

        def holdout(self) -> Array:
            return self.draw(1, 5, stream(1))[0]

    rows = Texts().draw(2, 3, stream(0))
    exp = Experiment(real=Texts(), agents=Agent(generators.Wrapped(make=len)))
    shares = exp.features(rows)
    assert shares.shape == (2, 3, 4) and shares[1, 2, 3] == pytest.approx((rows[1, 2] == 3).mean())
    np.testing.assert_allclose(shares.sum(axis=-1), 1)


def test_an_event_that_nobody_knows_is_named() -> None:
    @component
    class Strange:
        event: ClassVar = "vektors"

        def draw(self, replicates: int, n: int, rng: Any) -> Array:
            return np.zeros((replicates, n, 2))

        def holdout(self) -> Array:
            return np.zeros((5, 2))

    with pytest.raises(
        SpecError, match=r"real: Strange: there is no event 'vektors'; there are vectors, images"
    ):
        Experiment(real=Strange(), agents=Agent(generators.KDE()))


# -- what a metric says of itself ------------------------------------------------------------------


def test_metrics_say_what_they_measure() -> None:
    exp = Experiment(
        real=real.Table(path="breast_cancer"),
        agents=Agent(generators.Copula()),
        metrics=[
            metrics.TestError(of="published"),
            metrics.SlicedWasserstein(),
            metrics.TraceRatio(of="published"),
        ],
    )
    error, distance, kept = exp.meanings.values()
    assert error.title == "Test error of published rows" and error.unit == "share of wrong labels"
    assert (error.scale, error.better, error.of) == ("share", "lower", "published")
    assert error.given == "these real rows and those held out"
    assert distance.axis == "distance to real data (sliced Wasserstein)"
    assert kept.of == "published" and kept.better is None
    known = Experiment(
        real=real.LinearModel(), agents=Agent(generators.LinearRegression()), metrics=[metrics.TestError()]
    ).meanings["TestError"]
    assert (known.scale, known.unit, known.given) == ("ratio", "squared error beyond the noise", "")
    squared = Experiment(
        real=real.Table(path="diabetes"),
        agents=Agent(generators.LinearRegression(intercept=True)),
        metrics=[metrics.TestError()],
    ).meanings["TestError"]
    assert (squared.scale, squared.unit) == ("ratio", "mean squared error")
    assert squared.about.endswith("by the model.") and squared.given == "these real rows and those held out"


def test_one_name_never_stands_for_two_quantities() -> None:
    exp = Experiment(
        real=real.Gaussian(),
        agents=Agent(generators.Gaussian(), regimes.Accumulate(), n=7),
        metrics=[metrics.TraceRatio(of="published"), metrics.MeanError()],
        n_real=20,
        generations=2,
        replicates=5,
    )
    assert list(exp.metric_names) == ["TraceRatio(of='published')", "MeanError"]
    results = run(exp, workers=0)
    short = results.array("TraceRatio")  # the only one there is
    np.testing.assert_array_equal(short, results.array("TraceRatio(of='published')"))


def test_of_two_quantities_of_one_kind_neither_is_picked_silently() -> None:
    exp = Experiment(
        real=real.Gaussian(),
        agents=Agent(generators.Gaussian()),
        metrics=[metrics.TraceRatio(), metrics.TraceRatio(of="published")],
        n_real=20,
        generations=2,
        replicates=5,
    )
    with pytest.raises(SpecError, match="no metric 'TraceRatio' was measured"):
        run(exp, workers=0).array("TraceRatio")


def some_function(seen: Any) -> Array:
    return np.asarray(seen.rng.measure.standard_normal(len(seen.rows)))


def test_functions_are_metrics_by_their_names() -> None:
    exp = Experiment(
        real=real.Moons(),
        agents=Agent(generators.KDE()),
        metrics=[some_function, metrics.RealShare()],
        replicates=3,
    )
    assert list(exp.metric_names) == ["some_function", "RealShare"]
    assert measure(exp)["some_function"].std() > 0


def test_a_class_in_a_parts_place_is_told_to_be_called() -> None:
    with pytest.raises(SpecError, match=r"TraceRatio is a class; write TraceRatio\(\)"):
        Experiment(real=real.Moons(), agents=Agent(generators.KDE()), metrics=[metrics.TraceRatio])  # type: ignore[list-item]


@pytest.mark.parametrize(("trait", "value"), [("scale", "ratios"), ("better", "smaller")])
def test_a_scale_or_direction_that_there_is_not_is_named(trait: str, value: str) -> None:
    bad = type("Bad", (), {trait: value, "__call__": lambda self, seen: None})()
    with pytest.raises(SpecError, match=rf"Bad\.{trait}: '{value}' is none of"):
        meaning("Bad", bad)


# -- laws ------------------------------------------------------------------------------------------


@component
class Kurtosis:
    """Mean fourth standardised moment over coordinates; 3 for a Gaussian of many rows."""

    def __call__(self, seen: Any) -> Array:
        x = seen.features
        z = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
        return np.asarray((z**4).mean(axis=(1, 2)))

    def law(self, exp: Any, agent: int) -> Law | None:
        """Of n normal rows 3 (n - 1)/(n + 1)."""
        if not isinstance(exp.agents[agent].generator, generators.Gaussian):
            return None
        n = exp.published(agent)
        return Law(np.full(exp.generations, 3 * (n - 1) / (n + 1)), "Fisher (1930)", where="normal rows")


def test_a_metrics_own_law_is_found_and_holds() -> None:
    exp = Experiment(
        real=real.Gaussian(dim=3),
        agents=Agent(generators.Gaussian(), regimes.Accumulate()),
        metrics=[Kurtosis()],
        n_real=20,
        generations=4,
        replicates=800,
    )
    known = laws.law(exp, 0, "Kurtosis")
    assert known is not None and known.of == "mean" and known.where == "normal rows"
    assert_mean(measure(exp)["Kurtosis"][:, 0], known.values)


@component
class Half:
    """A half of anything."""

    def __call__(self, seen: Any) -> Array:
        return np.full(len(seen.rows), 0.5)


def test_a_law_can_be_stated_of_parts_that_are_there() -> None:
    before = list(laws.STATED)
    try:

        @laws.state(generators=generators.KDE, metrics=metrics.SupportSize, source="nobody (2026)")
        def everywhere(exp: Any, g: Any, metric: Any) -> Array:
            """Always."""
            return np.ones(exp.generations)

        exp = Experiment(real=real.Moons(), agents=Agent(generators.KDE()), metrics=[metrics.RealShare()])
        assert laws.law(exp, 0, "RealShare") is None

        @laws.state(generators=generators.KDE, metrics=Half, source="nobody (2027)", of="published")
        def of_ours(exp: Any, g: Any, metric: Any) -> Array:
            """Always."""
            return np.full(exp.generations, 0.5)

        ours = Experiment(real=real.Moons(), agents=Agent(generators.KDE()), metrics=[Half()])
        known = laws.law(ours, 0, "Half")
        assert known is not None and known.where == "Always." and known.values.tolist() == [0.5] * 10
        np.testing.assert_array_equal(measure(ours)["Half"], 0.5)
    finally:
        laws.STATED[:] = before


def test_laws_of_models_are_not_said_of_published_rows() -> None:
    def exp(of: Any) -> Experiment:
        return Experiment(
            real=real.Gaussian(),
            agents=Agent(generators.Gaussian(), regimes.Replace()),
            metrics=[metrics.TraceRatio(of=of)],
        )

    assert laws.law(exp("model"), 0, "TraceRatio") is not None
    assert laws.law(exp("published"), 0, "TraceRatio(of='published')") is None
