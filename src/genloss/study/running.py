"""Running a study: what is missing, on workers, into the run's folder."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from genloss.errors import GenlossError, SpecError, StoreError
from genloss.experiment import Experiment
from genloss.study.executor import LocalExecutor
from genloss.study.outline import write_outline
from genloss.study.results import Results
from genloss.study.spec import Spec, as_spec
from genloss.study.store import Store
from genloss.study.study import Cell, Study
from genloss.study.work import part_name, work, work_on


class Progress(Protocol):
    """What is told of a run while it goes on."""

    def begin(self, total: int, done: int) -> None:
        """Tiles in all, and those that were there already."""
        ...

    def finish(self, cell: Cell, tile: int, failure: str | None) -> None:
        """A tile ended."""
        ...

    def warn(self, message: str) -> None:
        """Something was mended on the way."""
        ...

    def end(self) -> None:
        """The run is over, or was stopped."""
        ...


class Silent:
    """Progress that nobody looks at."""

    def begin(self, total: int, done: int) -> None:
        """Say nothing."""

    def finish(self, cell: Cell, tile: int, failure: str | None) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Warn as Python does."""
        warnings.warn(message, stacklevel=4)

    def end(self) -> None:
        """Say nothing."""


def run(
    study: Study | Experiment | Spec | Mapping[str, Experiment | Spec] | str | Path,
    out: str | Path | None = None,
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    replicates: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    trust: bool = False,
    progress: Progress | None = None,
) -> Results:
    """Run what is missing of a study, and give all its results.

    Args:
        study: an experiment, several by name, a :class:`Study`, a spec file, or a gallery name.
        out: the run's folder, in which finished tiles are kept and found again; by default they are not kept.
        vary: values for fields by dotted path, which make a grid: ``{"n_real": [10, 100]}``.
        replicates: in every cell, instead of what the spec says.
        workers: processes; by default one for each core. 0 runs everything in this process, as a study does
            that holds objects which a spec cannot name (a lambda, a class of a notebook).
        executor: any ``concurrent.futures.Executor`` instead; a run needs ``out`` on a disk that it shares.
        trust: whether code that a spec refers to may be run.
        progress: told of every tile.

    Raises:
        SpecError: if the study cannot be built.
        StoreError: if the folder cannot be used, or the disk is full.
        GenlossError: the first failure, if every cell failed; else failures are in the results, with a
            warning.
    """
    if isinstance(study, (str, Path)):
        study = Study.load(study, trust)
        for path, values in (vary or {}).items():
            study = study.set(path, {"vary": list(values)})
    else:
        study = Study.of(study, vary, trust)
    if replicates is not None:
        study = study.set("replicates", replicates)
    quiet = progress is None
    with ExitStack() as stack:
        if out is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="genloss-"))
        else:
            folder = str(out)
        spec = _toml(study, workers, executor)
        store = Store.open(folder, spec, study.fingerprint, environment())
        write_outline(store.folder, study)
        if not spec and out is not None:
            warnings.warn(
                f"{out} cannot be gone on with later: it holds objects that a spec cannot name; "
                f"move their code to a file of its own and import it",
                stacklevel=2,
            )
        execute(
            study, store, workers=0 if not spec else workers, executor=executor, progress=progress or Silent()
        )
        results = Results(study, store, keep=out is not None)
    failed = {cell.index for cell, _ in results.failures}
    if quiet and failed:
        if len(failed) == len(study.cells):
            raise _first(results)
        cell, message = results.failures[0]
        warnings.warn(
            f"{len(failed)} of {len(study.cells)} cells failed; {cell.label}: {message}", stacklevel=2
        )
    return results


def _toml(study: Study, workers: int | None, executor: Executor | None) -> str:
    """The study as a file; empty where it holds objects without a name and may run in this process."""
    try:
        return study.toml()
    except SpecError as error:
        if workers or executor is not None:
            raise SpecError(f"{error}, or leave workers out to run in this process") from None
        return ""


def _first(results: Results) -> GenlossError:
    cell, message = results.failures[0]
    return GenlossError(f"{cell.label}: {message}" if len(results.cells) > 1 else message)


def execute(
    study: Study, store: Store, *, workers: int | None, executor: Executor | None, progress: Progress
) -> None:
    """Run the missing tiles of a study into a store.

    A tile that fails is noted, and all others go on: which replicates a failing cell is left with must not
    depend on the order of the work.

    Raises:
        StoreError: if parts cannot be written: nothing finished is lost.
    """
    done = store.finished()
    for problem in store.problems:
        progress.warn(f"{problem}; it is computed again")
    tiles = [(cell, tile) for cell in study.cells for tile in range(cell.tiles)]
    missing = [(cell, tile) for cell, tile in tiles if part_name(cell.index, tile) not in done]
    progress.begin(len(tiles), len(tiles) - len(missing))
    try:
        if workers == 0:
            _here(missing, store, progress)
        elif missing:
            with _lanes(executor, workers, len(missing)) as pool:
                _there(study, missing, store, progress, pool)
    finally:
        progress.end()


@contextmanager
def _lanes(executor: Executor | None, workers: int | None, tiles: int) -> Iterator[Executor]:
    if executor is not None:
        yield executor  # the caller's, who also ends it
        return
    with LocalExecutor(min(workers or cores(), tiles)) as pool:
        yield pool


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _here(missing: list[tuple[Cell, int]], store: Store, progress: Progress) -> None:
    for cell, tile in missing:
        try:
            entries = work_on(cell.exp, cell.key, cell.index, tile, str(store.folder))
        except StoreError:
            raise
        except GenlossError as error:
            _note_failure(store, progress, cell, tile, str(error))
        else:
            _note(store, progress, cell, tile, entries)


def _there(
    study: Study, missing: list[tuple[Cell, int]], store: Store, progress: Progress, pool: Executor
) -> None:
    specs = {c.index: json.dumps(as_spec(c.spec)) for c in study.cells}
    waiting: dict[Future[Any], tuple[Cell, int]] = {}
    folder = str(store.folder.absolute())
    for cell, tile in missing:
        future = pool.submit(work, specs[cell.index], study.trust, cell.key, cell.index, tile, folder)
        waiting[future] = (cell, tile)
    try:
        while waiting:
            ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                cell, tile = waiting.pop(future)
                error = future.exception()
                if error is None:
                    _note(store, progress, cell, tile, future.result())
                elif isinstance(error, StoreError):
                    raise error
                else:
                    _note_failure(store, progress, cell, tile, str(error))
    finally:
        for future in waiting:
            future.cancel()


def _note(store: Store, progress: Progress, cell: Cell, tile: int, entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        store.record(entry)
    progress.finish(cell, tile, None)


def _note_failure(store: Store, progress: Progress, cell: Cell, tile: int, error: str) -> None:
    store.fail(part_name(cell.index, tile), cell.index, tile, error)
    progress.finish(cell, tile, error)


def environment() -> dict[str, Any]:
    """Versions and machine, for the record."""
    packages = ("genloss", "numpy", "scipy", "pydantic", "pyarrow", "duckdb", "pandas", "scikit-learn")
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
