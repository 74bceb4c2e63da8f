"""What a task's numbers mean: all that is needed to label, summarise and draw them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from pydantic import TypeAdapter

from genloss.errors import GenlossError, SpecError
from genloss.meaning import Meaning
from genloss.study.columns import check_axes
from genloss.traits import EVENT_SHAPE, GROWS, HEADING, LINES, SEED


@dataclass(frozen=True, eq=False)
class Outline:
    """Of a task, all that its results are labelled and drawn by; stands in for it where it cannot be built.

    Args:
        title: what to call it.
        axes: names of the coordinates.
        extents: how many coordinates there are along each.
        named: what each coordinate is called, of the axes on which it is not its own label.
        lines: what tells apart the places along all axes but the first.
        meanings: what each quantity says of itself.
        replicates: R, that are wanted.
        tile_size: replicates that are computed together.
        length: as far as it is wanted in the field by which it grows; 0 where there is none.
        seed: of its randomness.
        event_shape: of a row in a picture.
    """

    title: str
    axes: tuple[str, ...]
    extents: tuple[int, ...]
    named: dict[str, list[Any]]
    lines: tuple[dict[str, str], ...]
    meanings: dict[str, Meaning]
    replicates: int
    tile_size: int
    length: int
    seed: int
    event_shape: tuple[int, ...] | None

    def labels(self, axis: str) -> Sequence[Any]:
        """What to call each coordinate along an axis."""
        return self.named.get(axis) or range(self.extents[self.axes.index(axis)])

    @classmethod
    def of(cls, task: Any) -> Outline:
        """The outline of a task.

        Raises:
            SpecError: if the task cannot say it.
        """
        try:
            return cls._of(task)
        except GenlossError:
            raise
        except Exception as error:  # of a user's own
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise SpecError(
                f"{type(task).__name__} cannot say what its values mean: {said}; genloss check looks closer"
            ) from error

    @classmethod
    def _of(cls, task: Any) -> Outline:
        labels = {axis: task.labels(axis) for axis in task.axes}
        own = {axis for axis, some in labels.items() if isinstance(some, range) and some == range(len(some))}
        lines = LINES.of(task)
        if lines is None:
            rest = task.axes[1:]
            lines = [dict(zip(rest, map(str, at), strict=True)) for at in product(*(labels[a] for a in rest))]
        grows, shape = GROWS.of(task), EVENT_SHAPE.of(task)
        return cls(
            HEADING.of(task),
            tuple(task.axes),
            tuple(len(some) for some in labels.values()),
            {axis: [str(label) for label in some] for axis, some in labels.items() if axis not in own},
            tuple(dict(line) for line in lines),
            dict(task.meanings),
            task.replicates,
            task.tile_size,
            int(vars(task)[grows]) if grows else 0,
            SEED.of(task),
            None if shape is None else tuple(shape),
        )

    def said(self) -> dict[str, Any]:
        """As JSON has it."""
        meanings = {name: _listed(_listed(v) for v in m) for name, m in self.meanings.items()}
        return {**{k: _listed(v) for k, v in vars(self).items()}, "meanings": meanings}

    @classmethod
    def read(cls, said: dict[str, Any]) -> Outline:
        """The inverse of :meth:`said`.

        Raises:
            ValueError: if it is none of those that :meth:`said` gives.
        """
        found = _adapter().validate_python(said)
        extents = dict(zip(found.axes, found.extents, strict=True))
        check_axes(found.axes)
        named = all(len(some) == extents.get(axis) for axis, some in found.named.items())
        if not named or min(found.replicates, found.tile_size, *found.extents, 1) < 1:
            raise ValueError("its sizes do not go together")
        if len(found.lines) != math.prod(found.extents[1:]):
            raise ValueError(f"it has {len(found.lines)} lines, along {found.axes[1:]}")
        return found


def _listed(value: Any) -> Any:
    """Tuples and generators as lists, anything else as it is."""
    return list(value) if isinstance(value, (tuple, Iterator)) else value


@cache
def _adapter() -> TypeAdapter[Outline]:
    return TypeAdapter(Outline)
