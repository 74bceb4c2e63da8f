"""What a worker does: one tile of one cell, from its spec to its parts on disk."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import OpenBLASController, ThreadpoolController

from genloss.errors import FitError, GenlossError, StoreError, bounded, said_by
from genloss.extend import folder_kept
from genloss.samples import Array
from genloss.streams import Address
from genloss.study import capture, claims
from genloss.study.parts import Part, write_part
from genloss.study.surroundings import ONE_THREAD
from genloss.study.worker import standard_streams_are_ours
from genloss.tables import kept
from genloss.traits import SEED
from genloss.wording import several

if TYPE_CHECKING:
    import pyarrow as pa

_LONGEST = 500
"""Characters of an error, whatever a user's part raises."""
_MOST_VALUES = 10**8
"""Of a tile: a value takes some 30 bytes until it is written."""
OUTCOMES = frozenset({"seconds", "error", "taken", "found", "refused"})
Outcome = dict[str, Any]
"""Of a tile: {"seconds"} where it is done, {"error"} where it failed, {"taken"} where another works on it,
{"found"} where another has made it, and {"refused"} where the disk refuses; plain values, which go through
any executor."""


def work(spec: str, trust: bool, order: dict[str, Any], folder: str, here: str) -> Outcome:
    """Make a tile where a task has to be built from its spec.

    Args:
        spec: the cell's spec, as JSON.
        trust: whether the user trusts the code it refers to.
        order: what :func:`work_on` needs: the part's name, key, about, and a limit.
        folder: the run's.
        here: the folder in which relative paths of the spec are.
    """
    with contextlib.suppress(OSError):
        os.chdir(here)
    kept.look_in(Path(folder))
    return _made(lambda: _built(spec, trust), order, folder)


@lru_cache(maxsize=2)
def _built(spec: str, trust: bool) -> Any:
    from genloss.study.spec import build

    return build(json.loads(spec), trust)


def work_on(task: Any, order: dict[str, Any], folder: str) -> Outcome:
    """Make a tile of a task: claim it, measure it, write its parts.

    Args:
        task: what is measured.
        order: {"part": name, "key": where the streams are, "about": what its numbers mean, "limit": seconds
            or None}.
        folder: the run's.
    """
    return _made(lambda: task, order, folder)


def _made(task_of: Callable[[], Any], order: dict[str, Any], folder: str) -> Outcome:
    part = Part.named(order["part"])
    assert part is not None
    run, began = Path(folder).absolute(), time.process_time()
    try:
        beat = claims.take(run, part.name, part.length)
        if isinstance(beat, claims.Claim):
            return {"taken": f"{beat.host} {beat.pid}"}
        try:
            if part.path(run).exists():  # since this was asked
                return {"found": True}
            log = run / capture.FOLDER / f"{part.name}.txt"
            with capture.captured(log, standard_streams_are_ours()), one_thread, folder_kept(), _no_child():
                task = task_of()
                axes = tuple(task.axes)
                values, pictures = measured(task, part, order["key"], beat, order["limit"])
            if pictures is not None:
                shown = Part(part.cell, part.tile, part.length, part.size, pictures=True)
                write_part(run, shown, pictures, axes, None)
            # the values' part is last: where it is, the tile is finished
            write_part(run, part, values, axes, order["about"], pictures is not None)
        finally:
            claims.leave(beat)
    except StoreError as error:
        return {"refused": str(error)}
    except GenlossError as error:
        return {"error": bounded(str(error), _LONGEST)}
    return {"seconds": round(time.process_time() - began, 3)}


class _OneThread:
    """BLAS on one thread while any work goes on, whoever runs it: other thread counts give other bits.

    The limit is the process's, and threads of an executor may share it: the last to leave lifts it. Libraries
    that are first loaded meanwhile learn of it from the environment, and keep it.
    """

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._found, self._modules = ThreadpoolController(), 0

    def __enter__(self) -> None:
        with self._lock:
            if self._modules != len(sys.modules):  # to look for libraries takes longer than a small tile
                self._found, self._modules = ThreadpoolController(), len(sys.modules)
            limit = self._set(lambda: self._found.limit(limits=1))  # of each thread: OpenMP has one for each
            if self._inside == 0:
                self._first = limit
                self._environment = {name: os.environ.get(name) for name in ONE_THREAD}
                os.environ.update(ONE_THREAD)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._set(self._first.restore_original_limits)
                for name, value in self._environment.items():
                    os.environ.pop(name, None)
                    if value is not None:
                        os.environ[name] = value

    def _set(self, change: Callable[[], Any]) -> Any:
        # later versions let only the first thread that set a limit of OpenBLAS set another; we have a lock
        free = getattr(OpenBLASController, "clear_controlling_thread", None)
        if free is not None:
            free(force=True)
        return change()


one_thread = _OneThread()
"""The context in which a tile is made, and whatever is to have the bits of one."""


def measured(
    task: Any, part: Part, key: int, beat: claims.Beat | None = None, limit: float | None = None
) -> tuple[pa.Table, pa.Table | None]:
    """A tile's values and, where there are any, pictures.

    Args:
        task: what is measured.
        part: which tile, and how much of it.
        key: where the streams are.
        beat: told of every record.
        limit: seconds after which it is given up, at the next record.

    Raises:
        GenlossError: naming the place at which something went wrong.
    """
    table = _Columns(task, part)
    address = Address(SEED.of(task), key, part.tile, part.size)
    last: tuple[int, ...] = ()
    began = time.monotonic()
    try:
        # overflow and division by zero are answers here: a collapsed model's density is infinite
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for record in task.records(address):
                table.add(record)
                last = tuple(record.at)
                if beat is not None:
                    beat.at(dict(zip(task.axes, map(int, last), strict=False)))
                if limit is not None and time.monotonic() - began > limit:
                    raise FitError(f"stopped after {limit:g} s, the limit of a tile")
    except GenlossError as error:
        # a subclass may be built from other things than a message
        kind = next(c for c in type(error).__mro__ if c.__module__ == GenlossError.__module__)
        raise kind(_placed(task, last, str(error))) from error
    except MemoryError:
        said = "out of memory; use a smaller tile, as in --set tile=1"
        raise FitError(_placed(task, last, said)) from None
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        said = f"{type(error).__name__} at {where}: {said_by(error)}"
        raise FitError(_placed(task, last, said)) from error
    return table.values(), table.pictures()


@contextlib.contextmanager
def _no_child() -> Iterator[None]:
    """End a process that a user's part forked and that comes out of it: the tile is its parent's to write."""
    here = os.getpid()
    try:
        yield
    except Exception:  # with SystemExit it ends by itself
        if os.getpid() != here:
            traceback.print_exc()
            os._exit(1)
        raise
    if os.getpid() != here:
        os._exit(0)


def _placed(task: Any, last: tuple[int, ...], said: str) -> str:
    """What went wrong, and where along the first axis: at the place after the last record, or in it."""
    if not task.axes:
        return said
    lines = len(task.labels(task.axes[1])) if len(task.axes) > 1 else 1
    done = bool(last) and (len(last) < 2 or last[1] == lines - 1)
    # after the last place of all there is no other
    at = min(last[0] + done, len(task.labels(task.axes[0])) - 1) if last else 0
    return f"{task.axes[0]} {at}: {said}"


class _Columns:
    """The long table of a tile, as records come."""

    def __init__(self, task: Any, part: Part) -> None:
        self._task, self._part = task, part
        self._names = {name: k for k, name in enumerate(task.meanings)}
        self._extents = {axis: len(task.labels(axis)) for axis in task.axes}
        most = math.prod(self._extents.values()) * len(self._names) * part.size
        if most > _MOST_VALUES:  # else a machine would swap for hours before it says so
            raise FitError(
                f"out of memory: a tile of {several(part.size, 'replicate')} would have {most:,} values, and "
                f"{_MOST_VALUES:,} are the most; use a smaller tile, as in --set tile=1, or ask for less"
            )
        self._at: list[tuple[int, ...]] = []
        self._metric: list[int] = []
        self._values: list[Array] = []
        self._shown: list[tuple[tuple[int, ...], int, list[float]]] = []

    def add(self, record: Any) -> None:
        """Take a record.

        Raises:
            FitError: if it does not fit the task's axes, names or replicates.
        """
        at = tuple(int(i) for i in record.at)
        if len(at) != len(self._extents) or not all(
            0 <= i < n for i, n in zip(at, self._extents.values(), strict=False)
        ):
            raise FitError(f"a record is at {at}, outside of the axes {self._extents}")
        for name, value in record.values.items():
            if name not in self._names:
                raise FitError(f"a record has '{name}'; its task has {', '.join(self._names)}")
            value = np.array(value, dtype=float)  # a copy: a task may go on adding into the same array
            if value.shape != (self._part.size,):
                raise FitError(
                    f"{name} has shape {value.shape}; give one value a replicate, {(self._part.size,)}"
                )
            self._at.append(at)
            self._metric.append(self._names[name])
            self._values.append(value)
        if record.picture is not None:
            for i, row in enumerate(record.picture):
                self._shown.append((at, i, np.ravel(row).astype(float).tolist()))

    def values(self) -> pa.Table:
        """What was measured."""
        import pyarrow as pa

        part, k = self._part, self._part.size
        at = np.array(self._at, np.int32).reshape(len(self._at), len(self._extents))
        metric = np.repeat(np.array(self._metric, np.int32), k)
        first = part.tile * self._task.tile_size
        replicate = np.tile(np.arange(first, first + k, dtype=np.int32), len(at))
        return pa.table(
            {
                "cell": np.full(len(metric), int(part.cell, 16), np.uint64),
                "tile": np.full(len(metric), part.tile, np.int32),
                **{axis: np.repeat(at[:, j], k) for j, axis in enumerate(self._extents)},
                "replicate": replicate,
                "metric": pa.DictionaryArray.from_arrays(
                    pa.array(metric), pa.array([*self._names], pa.string())
                ),
                "value": np.concatenate(self._values) if self._values else np.empty(0),
            }
        )

    def pictures(self) -> pa.Table | None:
        """Rows to look at."""
        import pyarrow as pa

        from genloss.study.columns import schema

        if not self._shown:
            return None
        places, rows, values = zip(*self._shown, strict=True)
        columns = zip(*places, strict=True) if self._extents else ()
        return pa.table(
            {
                "cell": pa.array([int(self._part.cell, 16)] * len(rows), pa.uint64()),
                **{axis: pa.array(c, pa.int32()) for axis, c in zip(self._extents, columns, strict=True)},
                "row": pa.array(rows, pa.int32()),
                "values": pa.array(values, pa.list_(pa.float64())),
            },
            schema=schema(tuple(self._task.axes), pictures=True),
        )
