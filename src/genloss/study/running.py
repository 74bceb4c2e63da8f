"""Running a study: what is missing, on workers, into the run's folder."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from genloss.errors import GenlossError, SpecError
from genloss.study.cells import remarks
from genloss.study.driving import Driver, tiles_of
from genloss.study.executor import LocalExecutor
from genloss.study.identity import identity
from genloss.study.progress import Progress, Silent
from genloss.study.results import Results
from genloss.study.reuse import explained
from genloss.study.spec import Spec
from genloss.study.store import Store
from genloss.study.study import Study
from genloss.study.tally import watcher
from genloss.wording import several

_UNKNOWN = 64
"""Tiles that an executor is thought to work on at a time, where nobody says."""


def run(
    study: Study | Any | Spec | Mapping[str, Any] | str | Path,
    out: str | Path | None = None,
    *,
    vary: Mapping[str, str | Sequence[Any]] | None = None,
    cases: Sequence[Mapping[str, Any]] | None = None,
    replicates: int | None = None,
    workers: int | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    trust: bool = False,
    progress: Progress | bool | None = None,
    tile_limit: float | None = None,
    time_limit: float | None = None,
) -> Results:
    """Run what is missing of a study, and give all its results.

    Args:
        study: an experiment or other task, several by name, a :class:`Study`, a spec file, or a gallery name.
        out: the run's folder, in which finished tiles are kept and found again, for this study and for others
            that share cells with it; by default they are not kept.
        vary: values for fields by dotted path, which make a grid: ``{"n_real": [10, 100]}``, or a range,
            ``"10..1000 log 5"``; ``"agents.*.regime"`` is that of all agents at once.
        cases: fields by dotted path that are set together, as in ``[{"n_real": 25, "n": 75}, ...]``; the grid
            is made for each.
        replicates: in every cell, instead of what the spec says.
        workers: processes; by default one for each core. 0 runs everything in this process, as a study does
            that holds objects which a spec cannot name (a lambda, a class of a notebook).
        executor: any ``concurrent.futures.Executor`` instead, or a callable that gives one, and gives another
            where that one broke; with ``out`` on a disk that it shares;
            ``workers`` then says how many tiles it works on at a time.
        trust: whether code that a spec refers to may be run.
        progress: whether it is shown how the run goes: by default where a person looks on, in a notebook or
            on a terminal; or whoever is told of every tile.
        tile_limit: seconds that a tile may take; one that takes longer fails. Local workers end it at once,
            otherwise it ends at its next record.
        time_limit: seconds after which the run ends with the tiles that are finished; the same study in the
            same folder goes on with the others. Where it runs in this process, a tile ends at its next
            record; what an executor is working on then is left to it.

    Raises:
        SpecError: if the study cannot be built.
        StoreError: if the folder cannot be used, or the disk is full.
        GenlossError: the first failure, if every cell failed; else failures are in the results, with a
            warning.
    """
    if isinstance(study, (str, Path)):
        study = Study.load(study, trust).varying(vary, cases)
    else:
        study = Study.of(study, vary, trust, cases=cases)
    if tile_limit is not None and not tile_limit > 0:
        raise SpecError(f"tile_limit: seconds, more than 0 (got {tile_limit})")
    if time_limit is not None and not time_limit > 0:
        raise SpecError(f"time_limit: seconds, more than 0 (got {time_limit})")
    until = None if time_limit is None else time.monotonic() + time_limit
    if replicates is not None:
        study = study.set("replicates", replicates)
    ours = progress is None or isinstance(progress, bool)
    progress = watcher(progress)
    spec, unnamed = _toml(study, workers, executor)
    for cell in study.cells:  # what is wrong with the study is said before a folder is made
        if spec and cell.kept.identity is None:
            identity(cell.task, cell.key)  # which says what it cannot name
    if unnamed and workers is None:
        progress.note(
            f"this runs in one process: {unnamed}. Imported from there it runs in {cores()} processes"
        )
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="genloss-") if out is None else out)
        if out is None:  # it goes with the results
            gone = stack.enter_context(ExitStack())
            gone.callback(shutil.rmtree, folder, ignore_errors=True)
        store = Store.open(folder)
        for problem in store.problems:
            progress.warn(f"{problem}; it is computed again")
        before = store.begin(study, spec, environment())
        if not spec and out is not None:
            warnings.warn(
                f"{out} cannot be gone on with later: it holds objects that a spec cannot name; "
                f"move their code to a file of its own and import it",
                stacklevel=2,
            )
        for line in (*remarks(study.cells), *explained(store, study.cells, before)):
            progress.note(line)
        _execute(
            study,
            store,
            workers=0 if not spec else workers,
            executor=executor if spec else None,
            progress=progress,
            limit=tile_limit,
            until=until,
        )
        results = Results(study, store, keep=out is not None)
        if out is None:
            gone.pop_all()
            weakref.finalize(results, shutil.rmtree, folder, ignore_errors=True)
    failed = {cell.index for cell, _ in results.failures}
    if ours and failed and len(failed) == len(study.cells):
        raise _first(results)
    if failed and isinstance(progress, Silent):
        cell, message = results.failures[0]
        warnings.warn(
            f"{len(failed)} of {several(len(study.cells), 'cell')} failed; {cell.label}: {message}",
            stacklevel=2,
        )
    return results


def _toml(study: Study, workers: int | None, executor: object) -> tuple[str, str]:
    """The study as a file, and what keeps it from being one: it then runs in this process, if it may."""
    try:
        return study.toml(), ""
    except SpecError as error:
        if workers or executor is not None:
            raise SpecError(f"{error}, or leave workers out to run in this process") from None
        return "", str(error)


def _first(results: Results) -> GenlossError:
    cell, message = results.failures[0]
    return GenlossError(f"{cell.label}: {message}" if len(results.cells) > 1 else message)


def _execute(
    study: Study,
    store: Store,
    *,
    workers: int | None,
    executor: Executor | Callable[[], Executor] | None,
    progress: Progress,
    limit: float | None,
    until: float | None,
) -> None:
    tiles = tiles_of(study.cells)
    here = store.here(study.cells)
    missing = [tile for tile in tiles if not here[tile.part.cell, tile.part.tile]]
    progress.begin(len(tiles), len(tiles) - len(missing))
    try:
        if not missing:
            return
        driver = Driver(store, missing, progress, limit, until)
        with driver.present():
            if workers == 0:
                driver.here()
            elif isinstance(executor, Executor):  # the caller's, who also ends it
                driver.there(executor, workers or _UNKNOWN, study.trust, late=True)
            elif executor is not None:
                with ExitStack() as made:
                    renew = partial(_entered, made, executor)
                    driver.there(renew(), workers or _UNKNOWN, study.trust, late=True, renew=renew)
            else:
                most = min(workers or cores(), len(missing))
                with LocalExecutor(most, limit=limit) as pool:
                    driver.there(pool, most, study.trust, late=False)
                    if until is not None:  # what is still running is no longer waited for
                        pool.kill()
    finally:
        progress.end()


def _entered(made: ExitStack, executor: Callable[[], Executor]) -> Executor:
    return made.enter_context(executor())


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
