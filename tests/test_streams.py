"""Randomness by address."""

from __future__ import annotations

import copy
import itertools
import pickle
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genloss.streams import REAL, Address, Rng, Role, Streams, _sequence, experiment_key, fixed
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


# -- calls, each at a place of its own -------------------------------------------------------------

DRAWS: dict[str, tuple[Any, ...]] = {
    "beta": (2.0, 3.0),
    "binomial": (40, 0.3),
    "bytes": (),
    "chisquare": (3.0,),
    "choice": (9,),
    "dirichlet": ([1.0, 2.0],),
    "exponential": (),
    "f": (2.0, 3.0),
    "gamma": (2.0,),
    "geometric": (0.2,),
    "gumbel": (),
    "hypergeometric": (5, 6, 4),
    "integers": (1000,),
    "laplace": (),
    "logistic": (),
    "lognormal": (),
    "logseries": (0.7,),
    "multinomial": (9, [0.2, 0.8]),
    "multivariate_hypergeometric": ([5, 6], 4),
    "multivariate_normal": ([0.0, 1.0], np.eye(2)),
    "negative_binomial": (5, 0.4),
    "noncentral_chisquare": (3.0, 1.0),
    "noncentral_f": (2.0, 3.0, 1.0),
    "normal": (),
    "pareto": (2.0,),
    "permutation": (),
    "permuted": (),
    "poisson": (4.0,),
    "power": (2.0,),
    "random": (),
    "rayleigh": (),
    "shuffle": (),
    "standard_cauchy": (),
    "standard_exponential": (),
    "standard_gamma": (2.0,),
    "standard_normal": (),
    "standard_t": (3.0,),
    "triangular": (0.0, 1.0, 2.0),
    "uniform": (),
    "vonmises": (0.0, 1.0),
    "wald": (1.0, 1.0),
    "weibull": (2.0,),
    "zipf": (3.0,),
}


def drawn(rng: Rng, name: str, size: int) -> Any:
    """So many draws of one kind: of what has no size, of so many things."""
    if name == "shuffle":
        x = np.arange(size)
        rng.shuffle(x)
        return x.tolist()
    things = {"bytes": (size,), "permutation": (size,), "permuted": (np.arange(size),)}.get(name)
    found = getattr(rng, name)(*things) if things else getattr(rng, name)(*DRAWS[name], size=size)
    return found if isinstance(found, bytes) else found.tolist()


def test_every_draw_of_numpys_is_known_here() -> None:
    public = {name for name, method in vars(np.random.Generator).items() if callable(method)}
    assert {name for name in public if not name.startswith("_")} == {*DRAWS, "spawn"}


@pytest.mark.parametrize("name", DRAWS)
def test_a_call_begins_where_it_begins_whatever_was_drawn_before(name: str) -> None:
    after = []
    for size in (1, 2, 3, 500):
        rng = fixed("test.calls")
        drawn(rng, name, size)
        after.append((drawn(rng, name, 30), rng.integers(9, dtype=np.uint32), rng.random()))
    assert after == after[:1] * 4
    plain = np.random.Generator(np.random.SFC64(np.random.SeedSequence(zlib.crc32(b"test.calls"))))
    first = drawn(fixed("test.calls"), name, 30)
    assert first == drawn(plain, name, 30)  # the first call is NumPy's
    assert first != after[0][0]


def test_half_a_number_left_over_is_not_drawn_again() -> None:
    """SFC64 gives two numbers of 32 bits at a time, and keeps the second for the next call."""
    odd, even = fixed("test.halves"), fixed("test.halves")
    odd.integers(2**32, size=3, dtype=np.uint32)
    even.integers(2**32, size=4, dtype=np.uint32)
    assert odd.bit_generator.state["has_uint32"] == 1
    assert odd.integers(2**32, dtype=np.uint32) == even.integers(2**32, dtype=np.uint32)


def test_a_stream_is_a_generator_for_numpy_and_scipy() -> None:
    rng = Address(3).rng(1, 0, Role.MEASURE)
    assert isinstance(rng, np.random.Generator) and np.random.default_rng(rng) is rng
    assert rng.integers.__doc__ == np.random.Generator.integers.__doc__
    first = stats.norm.rvs(size=5, random_state=Address(3).rng(1, 0, Role.MEASURE))
    assert np.array_equal(first, rng.normal(size=5))
    assert len(stats.bootstrap((first,), np.mean, rng=rng, n_resamples=9).bootstrap_distribution) == 9


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda rng: pickle.loads(pickle.dumps(rng))])
@pytest.mark.parametrize("calls", [0, 1, 3])
def test_a_copy_of_a_stream_goes_on_as_the_stream_does(again: Any, calls: int) -> None:
    rng = fixed("test.copies")
    for _ in range(calls):
        rng.random(5)
    other = again(rng)
    assert other.random() == rng.random()
    assert other.spawn(1)[0].random() == rng.spawn(1)[0].random()
    assert other.random() == rng.random()


def test_streams_that_are_spawned_are_the_same_however_many_there_are() -> None:
    def after(n: int) -> list[float]:
        rng = fixed("test.spawn")
        one, other = rng.spawn(n), rng.spawn(n)
        numbers = [one[0].random(), one[1].random(), one[1].random(), other[0].random(), rng.random()]
        return [*numbers, one[0].spawn(2)[1].random()]

    assert after(2) == after(7)
    assert len({*after(2), fixed("test.spawn").random()}) == 7


def places(what: str) -> np.ndarray[Any, Any]:
    """(5000, 16) numbers of 64 bits: the first of each call on a stream, or of each stream spawned."""
    rng = fixed("test.places")
    if what == "calls":
        rngs = [rng] * 5000
    elif what == "children":
        rngs = rng.spawn(5000)
    else:  # the first child of each call
        rngs = [rng.spawn(1)[0] for _ in range(5000)]
    return np.array([r.integers(2**64, size=16, dtype=np.uint64) for r in rngs])


@pytest.mark.parametrize("what", ["calls", "children", "first children"])
def test_calls_and_children_are_independent(what: str) -> None:
    """Six comparisons at a level of 1e-4 each, the largest of many judged by their number: with three kinds
    of places one seed in 550 would alarm falsely.
    """
    x = places(what)
    assert len(np.unique(x)) == x.size
    # bytes of all calls' numbers, taken in turn: uniform, one by one and in pairs of neighbours
    each = x.T.copy().view(np.uint8).ravel()
    assert stats.chisquare(np.bincount(each, minlength=256)).pvalue > 1e-4
    pairs = (x[:-1] & 63) * 64 + (x[1:] & 63)
    assert stats.chisquare(np.bincount(pairs.ravel().astype(int), minlength=4096)).pvalue > 1e-4
    # each of a number's bits changes from a place to the next every other time
    bits = np.unpackbits((x[1:] ^ x[:-1]).view(np.uint8), axis=1)
    z = (bits.mean(axis=0) - 0.5) * 2 * np.sqrt(len(bits))
    assert np.abs(z).max() < stats.norm.isf(1e-4 / 2 / z.size)
    assert stats.kstest(z, "norm").pvalue > 1e-4
    # no number follows another across places, whatever the lag
    u = stats.zscore(x.astype(float), axis=0)
    lags = np.array([(u[lag:] * u[:-lag]).sum(axis=0) / np.sqrt(len(u) - lag) for lag in range(1, 33)])
    assert np.abs(lags).max() < stats.norm.isf(1e-4 / 2 / lags.size)
    across = u[:-1].T @ u[1:] / np.sqrt(len(u) - 1)
    assert np.abs(across).max() < stats.norm.isf(1e-4 / 2 / across.size)
