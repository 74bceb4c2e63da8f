"""What must hold of a generator and the models that it fits."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np

from genloss.conformance.core import (
    Broken,
    NotApplicable,
    Rule,
    expect_same_mean,
    expect_shape,
    numbers,
    rule,
    same,
)
from genloss.conformance.worlds import LINE, REPLICATES, World
from genloss.errors import FitError
from genloss.generators.wrapped import Wrapped
from genloss.protocols import Model
from genloss.samples import Array
from genloss.streams import Rng, fixed
from genloss.tables import Schema
from genloss.traits import (
    DRAW_STATISTIC,
    LOG_PROB,
    MAKE,
    NEEDS_TARGET,
    SAMPLE_KNOWN,
    SUFFICIENT,
    WARM_STARTS,
    called,
)


@dataclasses.dataclass(frozen=True)
class Trial:
    """A generator and what it is tried on."""

    generator: Any
    world: World

    @cached_property
    def rows(self) -> Array:
        """(3, N, *event) rows to train on."""
        return self.world.rows()

    @property
    def n(self) -> int:
        """N, how many there are."""
        return int(self.rows.shape[1])

    def fit(self, rows: Array | None = None, purpose: str = "fit") -> Any:
        """A model fitted to copies of the rows."""
        return self.generator.fit(
            self.world.train((self.rows if rows is None else rows).copy()), _rng(purpose)
        )

    def sample(self, model: Any, n: int | None = None, purpose: str = "sample") -> Array:
        """(3, n, *event) rows, by default as many as it was fitted to, their shape checked."""
        n = self.n if n is None else n
        shape = (REPLICATES, n, *self.rows.shape[2:])
        return expect_shape(
            model.sample(n, _rng(purpose)), shape, f"sample({n}) of a model fitted to {self.n} rows"
        )


def _rng(purpose: str) -> Rng:
    return fixed(f"conformance.{purpose}")


@rule(
    "fits and samples",
    "fit must take (train, rng, init=None) and return an object with sample(n, rng)",
)
def fits(t: Trial) -> None:
    """Fit takes a training set and gives a model that samples."""
    model = t.fit()
    if not isinstance(model, Model):
        raise Broken(f"fit gave a {type(model).__name__}, which has no method sample")
    model.sample(t.n, _rng("sample"))


@rule("how it is called", "see what was raised; the first finding says more")
def calls(t: Trial) -> None:
    """It is called as fit(rows) and sample(n), and what it gives is taken as it is."""
    if isinstance(t.generator, Wrapped) and (said := t.generator.adapted(t.fit(), t.n)):
        raise NotApplicable("; ".join(said))


@rule(
    "shape of samples",
    "sample must give n rows in every replicate, for one row, for as many as were trained on, and for others",
)
def shape(t: Trial) -> None:
    """Sample gives as many rows as it is asked for, of the shape of the real ones."""
    model = t.fit()
    for n in (t.n, 1, 7, 2 * t.n + 1):
        try:
            t.sample(model, n)
        except FitError:
            if n <= t.n:  # a model may say that it cannot make more rows than it was fitted to
                raise


@rule(
    "samples are rows",
    "return numbers in the range of the real rows; missing cells only in columns that have some",
)
def finite(t: Trial) -> None:
    """No sample is NaN or infinite, and every category and code stands for something."""
    x = t.sample(t.fit())
    problem = t.world.event.problem(x, t.world.schema)
    if problem:
        raise Broken(f"sample gave {problem}")
    if isinstance(t.world.schema, Schema):
        for replicate in x:
            t.world.schema.decode(replicate)
        for i, column in enumerate(t.world.schema.columns):
            if not column.missing and np.isnan(x[..., i]).any():
                raise Broken(f"sample gave missing cells in column '{column.name}', which has none")


@rule(
    "same stream, same rows",
    "draw everything from the given rng (in make(seed): from the seed), nothing from global state, "
    "time or hashes",
    drawn=True,
)
def same_bits(t: Trial) -> None:
    """Equal rows and streams give equal samples, bit for bit, so that a run can be resumed."""
    if not same(t.sample(t.fit()), t.sample(t.fit())):
        raise Broken("fitting and sampling twice with equal streams gave different rows")


@rule(
    "other stream, other rows",
    "draw from the given rng (in make(seed): from the seed); a fixed random_state makes all replicates alike",
    drawn=True,
)
def other_bits(t: Trial) -> None:
    """Other streams give other samples, so that replicates are independent."""
    if same(t.sample(t.fit()), t.sample(t.fit(purpose="fit.other"), purpose="sample.other")):
        raise Broken("other streams gave the same rows")
    alike = t.fit(np.repeat(t.rows[:1], REPLICATES, axis=0))
    x = t.sample(alike)
    if same(x[0], x[1]):
        raise Broken("replicates trained on the same rows sampled the same rows")


@rule(
    "new rows at each call",
    "keep one generator of random numbers in the object, and draw on from it; do not make it anew in sample",
    drawn=True,
)
def moves_on(t: Trial) -> None:
    """Sampling again gives other rows."""
    model, rng = t.fit(), _rng("sample")
    if same(model.sample(t.n, rng), model.sample(t.n, rng)):
        raise Broken("two calls of sample gave the same rows")


@rule("training rows untouched", "work on a copy of the rows")
def untouched(t: Trial) -> None:
    """Fitting and sampling leave the training rows as they were: other agents read them too."""
    rows = t.rows.copy()
    model = t.generator.fit(t.world.train(rows), _rng("fit"))
    published = t.sample(model)
    if not same(rows, t.rows):
        raise Broken("the training rows were changed")
    published[...] = 0
    if not same(rows, t.rows):
        raise Broken("samples share memory with the training rows")


@rule(
    "replicates apart",
    "normalise, clip and stop early in each replicate by itself; keep nothing in class attributes or globals",
    drawn=True,
)
def apart(t: Trial) -> None:
    """A replicate's model depends on its own rows alone."""
    others = t.world.rows(purpose="rows.other")
    others[1] = t.rows[1]
    a, b = t.fit(), t.fit(others)
    x, y = t.sample(a)[1], t.sample(b)[1]
    # linear algebra on a batch may round otherwise when another member changes
    if not np.allclose(x, y, rtol=1e-6, atol=1e-9, equal_nan=True):
        raise Broken("with other rows in the other replicates, a replicate's samples changed")


@rule(
    "learns from its own samples",
    "fit must take the rows that sample gives, also where all of them are alike in a column",
)
def refit(t: Trial) -> None:
    """A model can be fitted to what its predecessor made, three generations in a row."""
    rows = t.rows
    for generation in range(3):
        model = t.generator.fit(t.world.train(rows), _rng(f"refit.{generation}"))
        rows = t.sample(model, purpose=f"refit.sample.{generation}")


@rule(
    "log_prob",
    "return an (R, m) array (in make(seed): m numbers) of log densities in nats, of rows that all "
    "replicates share",
)
def log_prob(t: Trial) -> None:
    """Each row has a log density under each replicate's model."""
    x = t.rows[1]
    value = expect_shape(_log_prob(t.fit(), x), (REPLICATES, t.n), f"log_prob of {t.n} rows")
    if np.isnan(value).any() or (value == np.inf).any():
        raise Broken("log_prob gave NaN or plus infinity")
    if not np.isfinite(value[1]).all():
        raise Broken("log_prob gave minus infinity at a row that the model was trained on")


@rule(
    "log_prob is a law",
    "subtract the logarithm of the normalising constant, in the units of the rows, and sample from "
    "that same law",
)
def normalised(t: Trial) -> None:
    """Probabilities add up to one, and samples follow them."""
    numeric = t.world.event.accepted_by(("vectors",))
    if t.world.event.discrete:
        total = np.exp(_log_prob(t.fit(), np.arange(t.world.schema))).sum(axis=1)
    elif numeric and not NEEDS_TARGET.of(t.generator):
        line = Trial(t.generator, LINE)
        model = line.fit()
        x = model.sample(4000, _rng("sample"))[..., 0]
        middle, width = np.median(x), 20 * x.std()
        grid = np.linspace(middle - width, middle + width, 20001)
        density = np.exp(_log_prob(model, grid[:, None]))
        total = np.trapezoid(density, grid, axis=1)
    else:
        raise NotApplicable("checked on numbers and symbols only")
    if not np.allclose(total, 1, atol=0.01):
        raise Broken(f"exp(log_prob) adds up to {total.round(4).tolist()}")
    if numeric:
        mean = np.trapezoid(density * grid, grid, axis=1)
        sd = np.sqrt(np.trapezoid(density * (grid - mean[:, None]) ** 2, grid, axis=1))
        z = np.abs(x.mean(axis=1) - mean) / (sd / np.sqrt(x.shape[1]))
        # the standard error of a standard deviation, for tails no heavier than about a Laplace law's
        z = np.maximum(z, np.abs(x.std(axis=1) / sd - 1) / np.sqrt(1.25 / x.shape[1]))
        if z.max() > 5:
            raise Broken(
                f"mean or spread of the samples is {z.max():.1f} standard errors from that of exp(log_prob)"
            )


def _log_prob(model: Any, x: Array) -> Any:
    density = LOG_PROB.of(model)
    if density is None:
        raise NotApplicable("its models have no log_prob, which HoldoutNLL would need")
    try:
        return density(x)
    except FitError as error:
        raise NotApplicable(str(error)) from None


@rule(
    "draw_statistic",
    "draw the statistic of n rows from its exact law, or leave draw_statistic out and rows are drawn",
)
def statistic(t: Trial) -> None:
    """Statistics drawn without rows agree with those of sampled rows."""
    ask = SUFFICIENT.of(t.generator)
    kind: Any = None if ask is None else ask(t.world.schema)
    if kind is None:
        raise NotApplicable("its fit reads rows, not one additive statistic")
    replicates, n = 400, 30
    rows = t.world.rows(replicates, n, "statistic")
    model = t.generator.fit(t.world.train(rows), _rng("fit"))
    draw = DRAW_STATISTIC.of(model)
    if draw is None:
        raise NotApplicable("its models draw rows")
    drawn = numbers(draw(kind, n, _rng("statistic.draw")))
    sampled = numbers(kind(model.sample(n, _rng("statistic.sample"))))
    expect_same_mean(drawn, sampled, "drawn and sampled statistics")


@rule(
    "sample_known",
    "place the same draws twice: as rows, and as statistics of rows; or leave sample_known out",
)
def known(t: Trial) -> None:
    """The rows are those that sample gives, and the statistics that come with them are theirs."""
    model = t.fit()
    place = SAMPLE_KNOWN.of(model)
    if place is None:
        raise NotApplicable("its models know no more of their samples than the rows say")
    rows, statistics = place(t.n, _rng("sample"))
    if not same(rows, t.sample(model)):
        raise Broken("sample and sample_known gave different rows from equal streams")
    for kind, value in statistics.items():
        a, b = numbers(value), numbers(kind(rows))
        if not np.allclose(a, b, rtol=1e-6, atol=1e-9):
            raise Broken(f"{called(kind)} is not that of the rows")


@rule(
    "warm start",
    "fit must take init, the model of the generation before; in make(seed), fit is called again on "
    "the same object",
)
def warm(t: Trial) -> None:
    """A model can be fitted from the one before."""
    if not WARM_STARTS.of(t.generator):
        raise NotApplicable("it is fitted in one step and has nothing to start from")
    first = t.fit()
    rows = t.sample(first)
    t.sample(t.generator.fit(t.world.train(rows), _rng("fit"), first))


@rule("goes round the loop", "see what was raised; the other findings say why")
def loop(t: Trial) -> None:
    """Three generations under Accumulate and AccumulateSubsample run, as a study runs them."""
    for exp in _experiments(t):
        from genloss.loop import generations

        for _, seen in generations(exp):
            for observation in seen:
                observation.measure()


def _experiments(t: Trial) -> list[Any]:
    from genloss.experiment import Agent, Experiment
    from genloss.metrics import RealShare
    from genloss.regimes import Accumulate, AccumulateSubsample

    common: dict[str, Any] = {
        "real": t.world.real,
        "n_real": 20,
        "generations": 3,
        "replicates": 2,
        "tile": 2,
    }
    return [
        Experiment(agents=(Agent(generator=t.generator, regime=regime),), metrics=(RealShare(),), **common)
        for regime in (Accumulate(), AccumulateSubsample())
    ]


@rule(
    "same in a worker",
    "let nothing depend on the process: no global state, no hash() of text, no order of sets",
    drawn=True,
)
def worker(t: Trial) -> None:
    """A worker process loads it by its name and gets the same bits as this process."""
    if not isinstance(MAKE.of(t.generator), str):
        raise NotApplicable("only what a spec names is loaded in workers")
    from genloss.experiment import Agent, Experiment
    from genloss.metrics import MeanError
    from genloss.regimes import Replace
    from genloss.study import run

    agent, metric = Agent(generator=t.generator, regime=Replace()), MeanError(of="published")
    exp = Experiment(
        real=t.world.real, agents=(agent,), n_real=20, generations=2, replicates=2, metrics=(metric,)
    )
    here, there = (run(exp, workers=w, trust=True).array(metric) for w in (0, 1))
    if not same(here, there):
        raise Broken("a worker process got other results than this one")


RULES: tuple[Rule, ...] = (
    fits,
    calls,
    shape,
    finite,
    same_bits,
    other_bits,
    moves_on,
    untouched,
    apart,
    refit,
    log_prob,
    normalised,
    statistic,
    known,
    warm,
    loop,
    worker,
)
