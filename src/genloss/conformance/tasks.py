"""What must hold of a task: its values stand where it says, and all its randomness comes from the address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from genloss.conformance import prefix
from genloss.conformance.core import Broken, NotApplicable, Rule, expect_shape, rule, same
from genloss.meaning import Meaning
from genloss.samples import Array
from genloss.streams import Address
from genloss.study.columns import check_axes
from genloss.study.outline import Outline
from genloss.traits import GROWS, SEED, fields

Values = dict[tuple[tuple[int, ...], str], Array]
"""(R,) by place and name."""


@dataclass(frozen=True)
class Trial:
    """A task, and what it records of its first tile."""

    task: Any

    def values(self, task: Any = None, tile: int = 0, size: int | None = None) -> Values:
        """What is recorded of a tile, or of its first replicates, of this task or of one like it.

        Raises:
            Broken: if a value is recorded twice.
        """
        task = self.task if task is None else task
        size = task.tile_size if size is None else size
        found: Values = {}
        for record in task.records(Address(SEED.of(task), 0, tile, size)):
            for name, value in record.values.items():
                at = tuple(map(int, record.at))
                if (at, name) in found:
                    raise Broken(f"'{name}' at {at} is recorded twice")
                found[at, name] = np.array(value)  # as it is now, whatever becomes of the array
        if not found:
            raise Broken("it records nothing")
        return found

    @cached_property
    def whole(self) -> Values:
        """Of the first tile."""
        return self.values()

    def like(self, **changes: Any) -> Any:
        """The same task with other fields.

        Raises:
            NotApplicable: if it has no such field.
        """
        for name in changes.keys() - {*fields(self.task)}:
            raise NotApplicable(f"it has no field '{name}'")
        return replace(self.task, **changes)


def _expect_equal(one: Values, other: Values, said: str) -> None:
    if one.keys() != other.keys():
        (at, name), *_ = sorted(one.keys() ^ other.keys())
        raise Broken(f"{said}: '{name}' at {at} is in one of them alone")
    differ = [key for key in one if not same(one[key], other[key])]
    if differ:
        at, name = differ[0]
        raise Broken(f"{said}: '{name}' at {at} differs")


def _expect_random(found: Values) -> None:
    if all(
        same(value, np.broadcast_to(value[:1], value.shape)) for value in found.values() if len(value) > 1
    ):
        raise NotApplicable("its replicates are all alike: nothing in it is random")


@rule("says what its values mean", "see genloss.protocols.Task: axes, labels(axis), meanings, tile_size")
def says(t: Trial) -> None:
    """Axes can be columns, every coordinate has a label, and every quantity a meaning."""
    check_axes(t.task.axes)
    said = Outline.of(t.task)
    for axis, extent in zip(said.axes, said.extents, strict=True):
        if extent < 1:
            raise Broken(f"labels('{axis}') is empty")
    if not said.meanings:
        raise Broken("meanings is empty")
    for name, meaning in said.meanings.items():
        if not isinstance(meaning, Meaning):
            raise Broken(
                f"meanings['{name}'] is a {type(meaning).__name__}, where a genloss.meaning.Meaning is wanted"
            )
    if not isinstance(said.tile_size, int) or said.tile_size < 1:
        raise Broken(f"tile_size is {said.tile_size!r}, where a whole number from 1 is wanted")


@rule("values where it says", "count coordinates from 0, one for each axis; name only what meanings has")
def places(t: Trial) -> None:
    """Every record lies inside the axes and comes once, and what is recorded is what has a meaning."""
    said = Outline.of(t.task)
    for at, name in t.whole:
        if len(at) != len(said.extents) or not all(0 <= i < n for i, n in zip(at, said.extents, strict=True)):
            axes = ", ".join(f"{axis} to {n - 1}" for axis, n in zip(said.axes, said.extents, strict=True))
            raise Broken(f"a record is at {at}, outside of its axes ({axes or 'none'})")
        if name not in said.meanings:
            raise Broken(f"a record has '{name}', of which meanings says nothing")
    for name in said.meanings.keys() - {name for _, name in t.whole}:
        raise Broken(f"meanings has '{name}', which is never recorded")


@rule(
    "one number a replicate",
    "give an array of shape (R,) for each name, R being address.size where that is given",
)
def shape(t: Trial) -> None:
    """Each value is one number for each replicate that is drawn, whatever becomes of the array afterwards."""
    for (at, name), value in t.whole.items():
        expect_shape(value, (t.task.tile_size,), f"'{name}' at {at}")
        if value.dtype.kind not in "fiub":
            raise Broken(f"'{name}' at {at} has dtype {value.dtype}, where numbers are wanted")


@rule("the same again", "draw from address.rng(...) only, and keep nothing between calls")
def again(t: Trial) -> None:
    """Read a second time, the records of a tile are the same: a part that was lost is made again."""
    _expect_equal(t.whole, t.values(), "of two readings of one tile")


@rule("other tiles, other values", "draw from address.rng(...), never from a stream of your own")
def tiles(t: Trial) -> None:
    """The replicates of two tiles are not the same ones."""
    _expect_random(t.whole)
    other = t.values(tile=1)
    if all(same(value, other.get(key)) for key, value in t.whole.items()):
        raise Broken("tiles 0 and 1 have the same values")


@rule(
    "other seeds, other values",
    "draw from address.rng(...), which knows the seed; leave the field out if it is none",
)
def seeds(t: Trial) -> None:
    """With another seed the values are others."""
    _expect_random(t.whole)
    other = t.values(t.like(seed=SEED.of(t.task) + 1))
    if all(same(value, other.get(key)) for key, value in t.whole.items()):
        raise Broken("with another seed it has the same values")


@rule(
    prefix.NAME,
    "draw so that the first numbers of an array do not depend on how many are drawn: rng.random(size)",
)
def first(t: Trial) -> None:
    """However many replicates of a tile are drawn, the first are the same: a run can grow."""
    size = t.task.tile_size
    for some in sorted({1, (size + 1) // 2} - {size}):
        cut = {key: np.asarray(value)[:some] for key, value in t.whole.items()}
        _expect_equal(t.values(size=some), cut, f"of {some} and of {size} replicates")
    if size == 1:
        raise NotApplicable("its tiles have one replicate")


@rule("tiles of one size", "let tile_size follow from the other fields")
def tile_size(t: Trial) -> None:
    """How many replicates are computed together does not depend on how many are wanted."""
    more = t.like(replicates=t.task.replicates + 1)
    if more.tile_size != t.task.tile_size:
        raise Broken(f"with a replicate more its tile_size is {more.tile_size} instead of {t.task.tile_size}")


@rule("grows", "let grows name a field of which less gives the first records of more, or leave it out")
def grows(t: Trial) -> None:
    """What is wanted less far is the beginning of what goes further."""
    name = GROWS.of(t.task)
    if not name:
        raise NotApplicable("no field of it is said to grow")
    far = vars(t.task)[name]
    if far < 2:
        raise NotApplicable(f"{name} is {far}; it cannot be less")
    less = t.like(**{name: far - 1})
    inside = Outline.of(less).extents
    begin = {
        (at, n): v for (at, n), v in t.whole.items() if all(i < k for i, k in zip(at, inside, strict=True))
    }
    _expect_equal(t.values(less), begin, f"of {name} = {far - 1} and {far}")


RULES: tuple[Rule, ...] = (says, places, shape, again, tiles, seeds, first, tile_size, grows)
