"""Randomness by address: the one place where generators are made.

A stream is addressed by (seed, experiment, tile, generation, agent, role). Whoever asks for an address gets
the same bits, whatever else ran before, on any worker and in any order.

The cells of one experiment share their addresses. What is real has no tile in its address but a small fixed
block of replicates: every cell begins with the same world, whatever its regime and the size of its tiles, and
differences between cells are paired. What agents draw is addressed by tile.

Every call on a stream begins at a place of its own: in draws whose first axis is R the first replicates are
the same however many there are, and so are those of the next call.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, wraps
from typing import Any

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import NDArray

Rng = Generator
REAL = -1
"""The author of real rows; agents count from 0."""


class Role(IntEnum):
    """What a stream is for: changing one part of the ring leaves the noise of the others as it was."""

    REAL = 0
    CHOOSE = 1
    FIT = 2
    PUBLISH = 3
    MEASURE = 4
    PICTURE = 5
    HOLDOUT = 6


@dataclass(frozen=True)
class Address:
    """Where a tile's streams live.

    Args:
        seed: the experiment's seed, at least 0.
        key: the experiment's place in its study, from :func:`experiment_key`.
        tile: index of the block of replicates.
        size: how many of its replicates are drawn, the first ones; None for all.
    """

    seed: int
    key: int = 0
    tile: int = 0
    size: int | None = None

    def rng(self, t: int, author: int, role: Role) -> Rng:
        """The generator of one role of one author at one generation.

        SFC64 draws normals 1.5 times as fast as Philox; spawn keys do not collide as entropy lists do.
        """
        return self._stream(self.tile, t, author, role)

    def real(self, t: int, block: int, role: Role = Role.REAL) -> Rng:
        """The generator of what is real in a block of replicates, the same for every tile that holds them."""
        return self._stream(block, t, REAL, role)

    def metric(self, t: int, author: int, name: str) -> Rng:
        """The generator of a metric that draws: other metrics leave it as it is."""
        return self._stream(self.tile, t, author, Role.MEASURE, zlib.crc32(name.encode()))

    def _stream(self, place: int, t: int, author: int, role: Role, *more: int) -> Rng:
        return _Stream(SFC64(_sequence(self.seed, (self.key, place, t, author + 1, int(role), *more))))


def _sequence(seed: int, key: tuple[int, ...]) -> SeedSequence:
    """SeedSequence(seed, spawn_key=key), in a quarter of its time: its words of 32 bits put together here."""
    if max(key) >= 2**32 or seed >= 2**128:
        return SeedSequence(seed, spawn_key=key)
    words = [seed & _WORD, seed >> 32 & _WORD, seed >> 64 & _WORD, seed >> 96]
    return SeedSequence(np.array([*words, *key], np.uint32))


_WORD = 2**32 - 1
_LONG = 2**64 - 1
# Odd, so that multiples are distinct up to the 2^64th; with bits in every place, so that neighbours differ in
# many: 2^64 over the golden ratio, and over that of x^3 = x + 1.
_OF_CALL, _OF_CHILD = 0x9E3779B97F4A7C15, 0xC13FA9A902A6328F
# Steps after which SFC64 has mixed its words: as many as NumPy takes when it seeds it.
_MIXED = 12


class _Stream(Generator):
    """A generator whose calls each begin at a place of their own, whatever the calls before have drawn.

    Call number k begins where SFC64 comes to from the stream's first words, one of them k steps on; call 0 is
    what NumPy's generator would draw. A sequential generator's second call begins where the first ended,
    which depends on R.

    Args:
        bits: an SFC64 that nothing has been drawn from.
    """

    _calls = 0
    # set when first drawn from: many streams never are
    _plain: Generator | None = None
    _start: Any = None
    _first = 0

    def _opened(self) -> Generator:
        """The same without places, and what is needed to go to them; before anything is drawn."""
        self._start = self.bit_generator.state
        self._first = int(self._start["state"]["state"][0])
        self._plain = Generator(self.bit_generator)
        return self._plain

    def _begin(self) -> Generator:
        """Go where the next call begins, and give what draws there."""
        plain = self._plain or self._opened()
        if self._calls:
            self._start["state"]["state"][0] = self._first + self._calls * _OF_CALL & _LONG
            self.bit_generator.state = self._start
            plain.random(_MIXED)  # a step each, in a third of the time of random_raw
        self._calls += 1
        return plain

    def spawn(self, n_children: int) -> list[Generator]:
        """Streams, as for a loop over replicates: the first are the same however many there are."""
        if self._plain is None:
            self._opened()
        words = np.tile(self._start["state"]["state"][:3], (n_children, 1))
        words[:, 0] = self._first + self._calls * _OF_CALL & _LONG
        words[:, 1] += np.arange(1, n_children + 1, dtype=np.uint64) * np.uint64(_OF_CHILD)
        self._calls += 1
        return [_Stream(SFC64(_Words(own))) for own in words]  # type: ignore[arg-type]  # it is registered

    def __reduce__(self) -> Any:
        if self._plain is None:
            self._opened()
        return _again, (self._first, self._start, self._calls)


def _again(first: int, start: Any, calls: int) -> _Stream:
    """A copy of a stream: its next call is the same."""
    words = start["state"]["state"].copy()
    words[0] = first
    bits = SFC64(0)
    start = {**start, "state": {"state": words}}
    bits.state = start
    copy = _Stream(bits)
    copy._calls = calls
    return copy


@ISeedSequence.register
class _Words:
    """Three words that SFC64 is seeded with as they are."""

    def __init__(self, words: NDArray[np.uint64]) -> None:
        self._words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> NDArray[np.uint64]:
        """The words."""
        return self._words


def _apart(draw: Callable[..., Any]) -> Callable[..., Any]:
    """One of NumPy's drawing methods, each call at a place of its own."""

    @wraps(draw)
    def call(stream: _Stream, *args: Any, **more: Any) -> Any:
        # by the plain generator: draws that are made of others, as choice is, are one call
        return draw(stream._begin(), *args, **more)

    return call


for _name, _draw in vars(Generator).items():
    if callable(_draw) and not _name.startswith("_") and _name != "spawn":
        setattr(_Stream, _name, _apart(_draw))


class Streams:
    """The streams of one agent at one generation, each made when first asked for.

    Args:
        address: of the tile.
        t: the generation.
        author: the agent.
        metric: name of the metric that may draw from ``measure``.
    """

    def __init__(self, address: Address, t: int, author: int, metric: str = "") -> None:
        self._at = (address, t, author)
        self._metric = metric

    def named(self, metric: str) -> Streams:
        """The same streams for a metric."""
        return Streams(*self._at, metric)

    def _rng(self, role: Role) -> Rng:
        address, t, author = self._at
        return address.rng(t, author, role)

    @property
    def address(self) -> Address:
        """Of the tile."""
        return self._at[0]

    @cached_property
    def choose(self) -> Rng:
        """For the regime."""
        return self._rng(Role.CHOOSE)

    @cached_property
    def fit(self) -> Rng:
        """For the generator's fit."""
        return self._rng(Role.FIT)

    @cached_property
    def publish(self) -> Rng:
        """For the curator and the model's samples."""
        return self._rng(Role.PUBLISH)

    @cached_property
    def measure(self) -> Rng:
        """For a metric that draws: each has its own, by name."""
        address, t, author = self._at
        return address.metric(t, author, self._metric)

    @cached_property
    def picture(self) -> Rng:
        """For rows that are only looked at."""
        return self._rng(Role.PICTURE)


def experiment_key(name: str) -> int:
    """The number under which a named experiment of a study draws; the nameless one draws under 0.

    >>> experiment_key(""), experiment_key("kde")
    (0, 2274018983)
    """
    return zlib.crc32(name.encode())


def fixed(purpose: str) -> Rng:
    """A stream that depends on nothing but its purpose: the split and the holdout of a source."""
    return _Stream(SFC64(SeedSequence(zlib.crc32(purpose.encode()))))
