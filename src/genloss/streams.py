"""Randomness by address: the one place where generators are made.

A stream is addressed by (seed, experiment, tile, generation, agent, role). Whoever asks for an address gets
the same bits, whatever else ran before, on any worker and in any order.

The cells of one experiment share their addresses. What is real has no tile in its address but a small fixed
block of replicates: every cell begins with the same world, whatever its regime and the size of its tiles, and
differences between cells are paired. What agents draw is addressed by tile.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence

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
        return Generator(SFC64(_sequence(self.seed, (self.key, place, t, author + 1, int(role), *more))))


def _sequence(seed: int, key: tuple[int, ...]) -> SeedSequence:
    """SeedSequence(seed, spawn_key=key), in a quarter of its time: its words of 32 bits put together here."""
    if max(key) >= 2**32 or seed >= 2**128:
        return SeedSequence(seed, spawn_key=key)
    words = [seed & _WORD, seed >> 32 & _WORD, seed >> 64 & _WORD, seed >> 96]
    return SeedSequence(np.array([*words, *key], np.uint32))


_WORD = 2**32 - 1


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
    return Generator(SFC64(SeedSequence(zlib.crc32(purpose.encode()))))
