"""The contracts of the six parts: what each is asked, and what it may offer beyond that.

A part need not import these: any frozen dataclass with the verb will do. What is optional is read with
``getattr`` and named in the docstrings below; :mod:`genloss.conformance` checks all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from genloss.samples import Array, Samples, Statistic
from genloss.streams import Rng

if TYPE_CHECKING:
    from genloss.observation import Observation


@runtime_checkable
class RealData(Protocol):
    """Where real rows come from.

    Optional:
        event: "vectors" (the default), "symbols" or "table": what a row is.
        schema: what a row means, handed to every training set (:mod:`genloss.tables`, or the number of
            symbols).
        size: rows that models may train on, where there are finitely many; then ``draw`` takes the first n of
            one random permutation a replicate, so that a longer draw from the same stream begins with the
            shorter.
        moments(): the law's mean (d,) and covariance (d, d), where known; else the holdout's are used.
        features(rows): (..., d) floats in which means and distances make sense; for tables.
        standardised(moments): of vectors that have features, the moments that their features have.
        draw_statistic(kind, replicates, n, rng): the statistic of n rows from its exact law, or None.
        probabilities: (K,) of the symbols.
        target: index of the column to be predicted.
        excess_risk(model): (R,) exact test error beyond the noise floor.
    """

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, *event) real rows."""
        ...

    def holdout(self) -> Array:
        """(m, *event) real rows that no model trains on, the same for every replicate."""
        ...


@runtime_checkable
class Model(Protocol):
    """A fitted model, in R replicates.

    Optional:
        log_prob(x): (R, m) log density or probability of the rows x (m, *event), the same for all replicates.
        moments(): :class:`genloss.statistics.Moments` of the model's law, with n = 1.
        probabilities: (R, K) of the symbols.
        predict(x): (R, m) targets for rows x (m, *event), whose own target column is not looked at.
        draw_statistic(kind, n, rng): the statistic of n sampled rows from its exact law.
        sample_known(n, rng): the rows that ``sample`` gives, and statistics of them by kind, where the model
            knows these to more digits than can be computed from rows.
    """

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) synthetic rows, independent given the model."""
        ...


@runtime_checkable
class Generator(Protocol):
    """How a model is fitted.

    Optional:
        model: class of the fitted model; tells before a run what metrics can ask of it.
        accepts: kinds of event it can be fitted to; all by default.
        sufficient(schema): the additive statistic that the fit reads, where it reads nothing else.
        labels_origin: whether what is published is the first real rows with new labels; no agent can then
            publish more rows than there are.
        tile: replicates in a tile, 64 by default; 1 where replicates do not share array operations.
        warm_starts: whether ``fit`` makes use of ``init``.
    """

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> Model:
        """A model fitted to each replicate of the training set, from ``init`` where it is warm-started."""
        ...


@runtime_checkable
class Regime(Protocol):
    """Which rows the next model trains on, and with what weight.

    Optional:
        reach: (real, synthetic) generations back that it reads; everything by default. The pool forgets the
            rest.
        needs_rows: whether it needs rows (True by default), or can work on statistics; "subsample": on those
            statistics that can be thinned exactly.
        reads_total: True where the training set is always the whole pool, so that a chunk's own statistic
            can be
            forgotten once it has been added up.
    """

    def __call__(self, pool: Samples, rng: Rng) -> Samples:
        """The training set."""
        ...


@runtime_checkable
class Curator(Protocol):
    """What the agent publishes of what its model can make.

    Optional:
        publishes_everything: True where the published rows are the model's samples as they are, so that they
            may be drawn as a statistic.
    """

    def __call__(self, model: Model, train: Samples, n: int, rng: Rng) -> Array:
        """(R, n, *event) published rows."""
        ...


@runtime_checkable
class Metric(Protocol):
    """What is looked at.

    Optional:
        needs: names of what the model must offer.
        instead_of_rows: names of what a model may offer so that no published rows are needed; () if none
            ever are.
        accepts: kinds of event it makes sense on; all by default.
    """

    def __call__(self, seen: Observation) -> Array:
        """(R,) values."""
        ...


@runtime_checkable
class Reward(Protocol):
    """What users prefer: larger is better."""

    def __call__(self, rows: Array) -> Array:
        """(R, n) rewards of (R, n, *event) rows."""
        ...


@runtime_checkable
class Verifier(Protocol):
    """What passes."""

    def __call__(self, rows: Array, rng: Rng) -> Array:
        """(R, n) booleans for (R, n, *event) rows."""
        ...


def can_draw(model: object, kind: Statistic | None) -> bool:
    """Whether a class of models draws this statistic from its exact law."""
    return kind is not None and hasattr(model, "draw_statistic")


def offers(thing: object, names: Any) -> bool:
    """Whether a class, or a thing, has one of the attributes; a dataclass's fields are not on the class."""
    fields = getattr(thing, "__dataclass_fields__", ())
    return any(name in fields or hasattr(thing, name) for name in names)
