"""The loop: data goes round once a generation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genloss.observation import Observation
from genloss.samples import Array, Samples
from genloss.streams import Address, Streams

if TYPE_CHECKING:
    from genloss.experiment import Experiment


@dataclass(frozen=True, eq=False)
class State:
    """Where a tile stands after generation t; the loop goes on from it bit for bit.

    Args:
        t: the generation; 0 is before any model.
        pool: what has been published, as far as it will be read again.
        models: each agent's last model, or None.
        address: of the tile's streams.
        holdout: rows that no model trains on, the same for all replicates or each replicate's own.
    """

    t: int
    pool: Samples
    models: tuple[Any, ...]
    address: Address
    holdout: Array


def start(exp: Experiment, tile: int = 0, key: int = 0, size: int | None = None) -> State:
    """The world before any model: real rows alone.

    Args:
        exp: the experiment.
        tile: which block of replicates.
        key: the experiment's place in a study, from :func:`genloss.streams.experiment_key`.
        size: how many of the tile's replicates, the first ones; None for all.
    """
    address = Address(exp.seed, key, tile, size)
    real = exp.fresh(0, address)
    assert real is not None  # n_real is at least 1
    return State(0, real, (None,) * len(exp.agents), address, exp.holdout_of(address))


def step(state: State, exp: Experiment) -> tuple[State, tuple[Observation, ...]]:
    """One generation: every agent reads the same pool, then all publish into it."""
    t, seen = state.t + 1, []
    for i, agent in enumerate(exp.agents):
        rng = Streams(state.address, t, i)  # one stream a role: choose, fit, publish
        train = exp.train(i, state.pool, rng.choose, t)
        model = agent.generator.fit(train, rng.fit, state.models[i] if agent.warm_start else None)
        chunk = exp.publish(i, model, train, rng.publish, t, state.pool)
        seen.append(Observation(t, i, train, model, chunk, exp, rng, state.holdout))
    fresh = exp.fresh(t, state.address)
    # one addition a generation: the totals known of the pool are handed on once
    entered = [*(fresh.chunks if fresh is not None else ()), *(s.chunk for s in seen)]
    pool = exp.forget(state.pool + Samples.of(entered))
    return State(t, pool, tuple(s.model for s in seen), state.address, state.holdout), tuple(seen)


def generations(
    exp: Experiment, state: State | None = None, tile: int = 0, key: int = 0
) -> Iterator[tuple[State, tuple[Observation, ...]]]:
    """Each generation's state and observations, to the experiment's last; from a state, those that follow it.

    >>> from genloss import Agent, Experiment
    >>> from genloss.generators import Gaussian
    >>> from genloss import real, regimes
    >>> agent = Agent(Gaussian(), regimes.Replace())
    >>> exp = Experiment(real=real.Gaussian(dim=1), agents=agent, generations=3)
    >>> [(state.t, seen[0].train.n) for state, seen in generations(exp)]
    [(1, 100), (2, 100), (3, 100)]
    """
    state = start(exp, tile, key) if state is None else state
    while state.t < exp.generations:
        state, seen = step(state, exp)
        yield state, seen
