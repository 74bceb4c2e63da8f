"""Randomness by address."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genloss.streams import REAL, Address, Role, Streams, _sequence, experiment_key, fixed
from laws import stream


def first(seed: int, key: int, tile: int, t: int, author: int, role: Role) -> int:
    return int(Address(seed, key, tile).rng(t, author, role).integers(2**63))


def test_every_address_has_a_stream_of_its_own() -> None:
    axes = ((0, 1), (0, 1, 592680563), (0, 1), (0, 1, 2), (REAL, 0, 1), tuple(Role))
    bits = [first(*address) for address in itertools.product(*axes)]
    assert len({*bits}) == len(bits)


@given(
    st.integers(0, 2**70),
    st.integers(0, 2**32 - 1),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(-1, 50),
)
def test_an_address_always_gives_the_same_bits(seed: int, key: int, tile: int, t: int, author: int) -> None:
    for role in Role:
        assert first(seed, key, tile, t, author, role) == first(seed, key, tile, t, author, role)


def test_no_leading_or_trailing_part_of_an_address_is_lost() -> None:
    """Entropy lists collide: default_rng((5, 1)) is default_rng((5, 1, 0))."""
    assert first(0, 0, 0, 1, 0, Role.REAL) != first(0, 0, 1, 0, 0, Role.REAL)
    assert first(1, 0, 0, 0, REAL, Role.REAL) != first(0, 1, 0, 0, REAL, Role.REAL)
    assert first(2**32, 0, 0, 0, 0, Role.REAL) != first(0, 1, 0, 0, 0, Role.REAL)


def test_streams_of_an_agent_are_made_when_asked_for_and_kept() -> None:
    streams = Streams(Address(3), t=2, author=1)
    a, b = streams.choose.random(), streams.choose.random()
    assert a != b
    assert a == Address(3).rng(2, 1, Role.CHOOSE).random()
    assert streams.publish.random() == Streams(Address(3), 2, 1).publish.random()


def test_neighbouring_streams_are_independent() -> None:
    draws = np.array([Address(0, 0, tile).rng(1, 0, Role.FIT).random(200) for tile in range(200)])
    assert stats.kstest(draws.ravel(), "uniform").pvalue > 1e-4
    correlation = np.corrcoef(draws)[np.triu_indices(200, 1)]
    assert np.abs(correlation.mean()) < 4.5 / np.sqrt(200 * len(correlation))
    assert correlation.std() == pytest.approx(200**-0.5, rel=0.05)


def test_names_give_experiments_their_keys() -> None:
    assert experiment_key("") == 0
    assert len({experiment_key(name) for name in ("", "kde", "gaussian", "words", "regression")}) == 5


def test_fixed_streams_depend_on_their_purpose_alone() -> None:
    assert fixed("holdout").random() == fixed("holdout").random()
    assert fixed("holdout").random() != fixed("real.Moons").random()
    assert fixed("holdout").random() != stream(0).random()


@given(
    st.one_of(st.integers(0, 10), st.integers(0, 2**130)),
    st.lists(st.one_of(st.integers(0, 9), st.integers(0, 2**34)), min_size=5, max_size=6),
)
def test_addresses_are_numpys_spawn_keys(seed: int, key: list[int]) -> None:
    ours, theirs = _sequence(seed, tuple(key)), np.random.SeedSequence(seed, spawn_key=key)
    assert ours.generate_state(6).tolist() == theirs.generate_state(6).tolist()
