"""What a worker does: one tile of one cell, from its spec to its parts on disk."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import OpenBLASController, threadpool_limits

from genloss.errors import FitError, GenlossError
from genloss.experiment import Experiment
from genloss.loop import generations, start
from genloss.observation import Observation, real_rows_seen
from genloss.samples import Array

if TYPE_CHECKING:
    import pyarrow as pa

# rows of a picture, and about how many generations of them
_PICTURE_ROWS, _PICTURES = 300, 8


def work(spec: str, trust: bool, key: int, cell: int, tile: int, folder: str) -> list[dict[str, Any]]:
    """Run a tile and write its parts; returns their ledger entries.

    Args:
        spec: the cell's spec, as JSON.
        trust: whether the user trusts the code it refers to.
        key: where the experiment's streams are.
        cell: index of the cell.
        tile: index of the tile.
        folder: the run's.
    """
    return work_on(_built(spec, trust), key, cell, tile, folder)


@lru_cache(maxsize=2)
def _built(spec: str, trust: bool) -> Experiment:
    from genloss.study.spec import build

    return build(json.loads(spec), trust)


def work_on(exp: Experiment, key: int, cell: int, tile: int, folder: str) -> list[dict[str, Any]]:
    """The same for an experiment that is there already."""
    from genloss.study.store import write_part

    began = time.process_time()
    with _one_thread:
        results, pictures = simulate(exp, key, cell, tile)
    entries = []
    if pictures is not None:
        entries.append(write_part(folder, f"{cell:05d}-pictures", pictures, "pictures"))
    # the results' part is last: where it is, the tile is finished
    entries.append(write_part(folder, part_name(cell, tile), results))
    entries[-1]["seconds"] = round(time.process_time() - began, 3)
    return entries


class _OneThread:
    """BLAS on one thread while any work goes on, whoever runs it: other thread counts give other bits.

    The limit is the process's, and threads of an executor may share it: the last to leave lifts it.
    """

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            limit = self._set(lambda: threadpool_limits(1))  # of each thread: OpenMP has a limit for each
            if self._inside == 0:
                self._first = limit
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._set(self._first.restore_original_limits)

    def _set(self, change: Callable[[], Any]) -> Any:
        # later versions let only the first thread that set a limit of OpenBLAS set another; we have a lock
        free = getattr(OpenBLASController, "clear_controlling_thread", None)
        if free is not None:
            free(force=True)
        return change()


_one_thread = _OneThread()


def part_name(cell: int, tile: int) -> str:
    """The name of a tile's part."""
    return f"{cell:05d}-{tile:05d}"


def simulate(exp: Experiment, key: int, cell: int, tile: int) -> tuple[pa.Table, pa.Table | None]:
    """A tile's results and, of the first tile, pictures.

    Raises:
        GenlossError: naming the generation in which something went wrong.
    """
    agents, names = len(exp.agents), list(exp.metric_names)
    looks = _looks(exp.generations) if tile == 0 else set()
    pictures: list[tuple[int, int, Array]] = []
    t = 0
    try:
        values = np.empty((exp.generations + 1, agents, len(names), exp.tile_size))
        state = start(exp, tile, key)
        if looks and state.pool.origin.rows is not None:
            pictures.append((-1, 0, state.pool.origin.rows[0, :_PICTURE_ROWS]))
        elif looks:
            pictures.append((-1, 0, exp.held_out[:_PICTURE_ROWS]))
        # overflow and division by zero are answers here: a collapsed model's density is infinite
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            known = _measure(real_rows_seen(state, exp), values[0], exp)
            t = 1
            for after, seen in generations(exp, state):
                _measure(seen, values[after.t], exp)
                if after.t in looks:
                    pictures += [look for observation in seen for look in _picture(observation)]
                t = after.t + 1
    except GenlossError as error:
        # a subclass may be built from other things than a message
        kind = next(c for c in type(error).__mro__ if c.__module__ == GenlossError.__module__)
        raise kind(f"generation {t}: {error}") from error
    except MemoryError:
        raise FitError(f"generation {t}: out of memory; use a smaller tile, as in --set tile=1") from None
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        said = " ".join(str(error).split())
        raise FitError(f"generation {t}: {type(error).__name__} at {where}: {said}") from error
    table = _results_table(values, names, known, cell, tile, exp.tile_size)
    return table, _pictures_table(pictures, cell)


def _measure(seen: tuple[Observation, ...], values: Array, exp: Experiment) -> set[str]:
    """Put a generation's metrics into (A, M, R) values; the names of those that were measured."""
    places = {name: k for k, name in enumerate(exp.metric_names)}
    measured: set[str] = set()
    for i, observation in enumerate(seen):
        for name, value in observation.measure().items():
            values[i, places[name]] = _checked(name, value, exp.tile_size)
            measured.add(name)
    return measured


def _checked(name: str, value: Array, replicates: int) -> Array:
    value = np.asarray(value, dtype=float)
    if value.shape != (replicates,):
        raise FitError(
            f"metric {name} returned shape {value.shape}; return one value a replicate, {(replicates,)}"
        )
    return value


def _looks(last: int) -> set[int]:
    """Generations to take a picture of: the first, the last, and between them evenly in the logarithm."""
    return {int(g) for g in np.unique(np.round(np.geomspace(1, last, _PICTURES)))}


def _picture(seen: Observation) -> list[tuple[int, int, Array]]:
    rows = seen.picture(_PICTURE_ROWS)
    return [] if rows is None else [(seen.agent, seen.t, rows)]


def _results_table(
    values: Array, names: list[str], at_start: set[str], cell: int, tile: int, size: int
) -> pa.Table:
    """The long table of (T + 1, A, M, R) values; of generation 0 the metrics that were measured there."""
    import pyarrow as pa

    from genloss.study.columns import schema

    t, a, m, r = np.indices(values.shape, dtype=np.int32).reshape(4, -1)
    there = (t > 0) | np.isin(m, [k for k, name in enumerate(names) if name in at_start])
    t, a, m, r, value = t[there], a[there], m[there], r[there], values.ravel()[there]
    columns = {
        "cell": np.full(t.shape, cell, np.int32),
        "tile": np.full(t.shape, tile, np.int32),
        "agent": a.astype(np.int16),
        "generation": t,
        "replicate": r + np.int32(tile * size),
        "metric": pa.DictionaryArray.from_arrays(pa.array(m), pa.array(names)),
        "value": value,
    }
    table = pa.table(columns)
    assert table.column_names == schema().names
    return table


def _pictures_table(pictures: list[tuple[int, int, Array]], cell: int) -> pa.Table | None:
    import pyarrow as pa

    from genloss.study.columns import schema

    if not pictures:
        return None
    rows = [
        (cell, agent, t, i, np.ravel(values).astype(float).tolist())
        for agent, t, picture in pictures
        for i, values in enumerate(picture)
    ]
    return pa.table(
        dict(zip(schema("pictures").names, zip(*rows, strict=True), strict=True)), schema=schema("pictures")
    )
