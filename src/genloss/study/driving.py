"""The driver: hands the missing tiles of a study to an executor, and takes note of what becomes of them."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from genloss.errors import StoreError, bounded, said_by
from genloss.study import capture, claims
from genloss.study.cells import Cell
from genloss.study.executor import WorkerDied
from genloss.study.files import HOST
from genloss.study.parts import Part
from genloss.study.progress import Progress
from genloss.study.spec import as_spec
from genloss.study.store import Store
from genloss.study.work import OUTCOMES, Outcome, work, work_on

_TRIES = 3
"""Times that a tile may lose its worker, the first perhaps by another's fault."""
Renew = Callable[[], Executor]
_AHEAD = 4
"""Futures in flight for each worker: enough to keep it busy, few enough to hold and to cancel."""
_LOOK = 2.0
"""Seconds between looks at who else is working here."""


@dataclass(frozen=True)
class Tile:
    """A tile that is missing, as large as any cell of the study wants it.

    Args:
        cell: the cell, or the first of those that have the same values.
        part: that is to be made.
    """

    cell: Cell
    part: Part

    @property
    def order(self) -> dict[str, Any]:
        """What a worker is told."""
        return {"part": self.part.name, "key": self.cell.key, "about": self.cell.about}


def tiles_of(cells: tuple[Cell, ...]) -> list[Tile]:
    """Every tile of a study once, as far and as large as any of its cells wants it."""
    found: dict[tuple[str, int], Tile] = {}
    for cell in cells:
        for tile in range(cell.tiles):
            wanted = Tile(cell, Part(cell.id, tile, cell.outline.length, cell.size(tile)))
            there = found.get((cell.id, tile))
            if there is not None:
                length = max(there.part.length, wanted.part.length)
                size = max(there.part.size, wanted.part.size)
                longer = cell if wanted.part.length > there.part.length else there.cell
                wanted = Tile(longer, Part(cell.id, tile, length, size))
            found[cell.id, tile] = wanted
    return [*found.values()]


class Driver:
    """Runs the missing tiles of a study into a store.

    A tile that fails is noted, and all others go on: which replicates a failing cell is left with must not
    depend on the order of the work. Tiles that another driver has claimed are left to it, and taken over if
    it does not finish them.

    Args:
        store: the run.
        tiles: that are missing.
        progress: told of every tile.
        limit: seconds that a tile may take, or None.
        until: when to end with what is finished, as ``time.monotonic()`` has it, or None.
    """

    def __init__(
        self,
        store: Store,
        tiles: list[Tile],
        progress: Progress,
        limit: float | None,
        until: float | None = None,
    ) -> None:
        self._store, self._progress, self._limit, self._until = store, progress, limit, until
        self._todo = deque(tiles)
        self._elsewhere: list[Tile] = []
        self._shared = self._late = False
        self._looked = 0.0
        self._named: set[str] = set()
        self._late_limit: float | None = None
        self._labels = {t.part.name: f"{t.cell.label}, tile {t.part.tile}" for t in tiles}
        self._name = f"driver-{HOST}-{os.getpid()}"

    @property
    def _left(self) -> float:
        """Seconds until it is to end."""
        return float("inf") if self._until is None else self._until - time.monotonic()

    @contextmanager
    def present(self) -> Iterator[None]:
        """Be seen by other drivers while there is work."""
        me = claims.take(self._store.folder, self._name)
        try:
            self._look()
            yield
        finally:
            if isinstance(me, claims.Beat):
                claims.leave(me)
            claims.clear(self._store.folder)  # of workers that died late

    def here(self) -> None:
        """Run everything in this process.

        Raises:
            StoreError: if parts cannot be written: nothing finished is lost.
        """
        folder = str(self._store.folder)
        while (self._todo or self._elsewhere) and self._left > 0:
            self._look()
            tile = self._next()
            if tile is None:
                time.sleep(0.2)
                continue
            left = self._left
            limit = left if self._until is not None and left < (self._limit or left) else self._limit
            outcome = work_on(tile.cell.task, {**tile.order, "limit": limit}, folder)
            # one that was ended because the run ends is no failure: it is missing
            if "error" not in outcome or self._left > 0:
                self._ended(tile, outcome)

    def there(
        self, pool: Executor, workers: int, trust: bool, late: bool, renew: Renew | None = None
    ) -> None:
        """Run everything on an executor.

        Where an executor breaks, as a process pool does when one of its processes dies, everything in flight
        is lost with it, and nobody says whose fault it was. A new one is then given these tiles one by one:
        of one that is alone it is known.

        Args:
            pool: the executor.
            workers: how many tiles it is thought to work on at a time.
            trust: whether code that the spec refers to may be run.
            late: whether a tile that overstays its limit has to be ended where it is made; the local executor
                ends its workers itself.
            renew: gives another executor in place of one that broke.

        Raises:
            StoreError: if parts cannot be written, or the executor broke and there is no other: nothing
                finished is lost.
        """
        broke: Exception | None = None
        suspects: dict[Part, Tile] = {}
        lost: Counter[Part] = Counter()
        self._late_limit = self._limit if late else None
        given = _Given(pool, trust, str(self._store.folder.absolute()), os.getcwd(), self._late_limit)
        try:
            while (self._todo or self._elsewhere or given.waiting or suspects) and self._left > 0:
                if broke is not None and not given.waiting:
                    assert renew is not None  # else it has been raised
                    given.pool, broke = renew(), None
                window = 1 if suspects else _AHEAD * workers
                while broke is None and len(given.waiting) < window:
                    tile = next(iter(suspects.values()), None) or self._next()
                    if tile is None:
                        break
                    try:
                        given.give(tile)
                    except RuntimeError as error:  # it is broken, or shut down
                        if renew is None or not given.waiting:  # or never worked
                            raise StoreError(_broke(error)) from None
                        if not suspects:
                            self._todo.appendleft(tile)
                        broke = error
                try:
                    tile, done = given.ended.get(
                        timeout=max(min(_LOOK if given.waiting else 0.2, self._left), 0)
                    )
                except Empty:
                    self._look()
                    continue
                given.waiting.discard(done)
                try:
                    outcome = _outcome(done)
                except (BrokenExecutor, CancelledError) as error:
                    if renew is None:
                        raise StoreError(_broke(error)) from None
                    broke = error
                    lost[tile.part] += 1
                    suspects[tile.part] = tile
                    if lost[tile.part] < _TRIES:
                        continue
                    outcome = {"error": f"WorkerDied: the tile lost its worker {_TRIES} times"}
                del done  # an executor may hold on to a result for as long as its future is held
                suspects.pop(tile.part, None)
                self._ended(tile, self._seen(tile, outcome))
                self._look()
        finally:
            for future in given.waiting:
                future.cancel()

    def _next(self) -> Tile | None:
        """The next tile to begin; None where all that is left is being made elsewhere."""
        while self._todo:
            # two drivers begin at two ends, and meet
            tile = self._todo.pop() if self._late else self._todo.popleft()
            if not self._shared or not self._made(tile):
                return tile
        for tile in [*self._elsewhere]:
            claim = claims.read(self._store.folder, tile.part.name)
            if not self._made(tile, waited=True) and (claim is None or claim.dead):
                self._elsewhere.remove(tile)
                return tile
        return None

    def _made(self, tile: Tile, waited: bool = False) -> bool:
        """Whether another driver has made a tile meanwhile; if so, take note."""
        if not tile.part.path(self._store.folder).exists():
            return False
        if waited:
            self._elsewhere.remove(tile)
        self._store.made(tile.part)
        self._progress.finish(tile.cell, tile.part.tile, None)
        return True

    def _seen(self, tile: Tile, outcome: Outcome) -> Outcome:
        """What became of a tile, as this process sees it: a worker may have another disk, or lie."""
        if "error" in outcome:
            # its worker may have died over it
            claims.clear(self._store.folder, tile.part.name)
            capture.shorten(self._store.folder / capture.FOLDER / f"{tile.part.name}.txt")
        elif "seconds" in outcome and not tile.part.path(self._store.folder).exists():
            said = f"its part is not in {self._store.folder}; give an --out on a disk that the workers share"
            return {"error": said}
        return outcome

    def _ended(self, tile: Tile, outcome: Outcome) -> None:
        if "taken" in outcome:
            self._elsewhere.append(tile)
        elif "refused" in outcome:
            raise StoreError(outcome["refused"])
        elif "error" in outcome:
            self._store.fail(tile.part, outcome["error"])
            self._progress.finish(tile.cell, tile.part.tile, outcome["error"])
        else:
            self._store.made(tile.part)
            if "found" not in outcome:  # whoever made it has noted it
                self._store.record(tile.part, outcome["seconds"])
            self._progress.finish(tile.cell, tile.part.tile, None)

    def _look(self) -> None:
        """Now and then: who else is here, and which tiles have no heartbeat."""
        if time.monotonic() - self._looked < _LOOK:
            return
        self._looked = time.monotonic()
        mine = claims.read(self._store.folder, self._name)
        shared = late = False
        for claim in claims.claims(self._store.folder):
            if claim.name.startswith("driver-"):
                if claim.name == self._name or claim.dead or not claim.pid:  # it is just being written
                    continue
                shared = True
                late |= mine is not None and claim.began < mine.began
                if claim.name not in self._named:
                    self._named.add(claim.name)
                    whose = f"process {claim.pid} on {claim.host}"
                    self._progress.note(f"another run works in this folder ({whose}): the work is shared")
            elif claim.name not in self._named:
                self._quiet(claim)
        self._shared, self._late = shared, late

    def _quiet(self, claim: claims.Claim) -> None:
        """Name a tile that should long have said something, or have ended."""
        whose = (
            f"{self._labels.get(claim.name, 'a tile of another spec')} (process {claim.pid} on {claim.host})"
        )
        if claim.silent > claims.SILENT:
            help_ = "" if self._limit else "; --tile-limit SECONDS ends such tiles"
            said = f"no heartbeat for {claim.silent / 60:.0f} min of {whose}{help_}"
        elif self._late_limit and time.time() - claim.began > self._late_limit + _LOOK:
            said = (
                f"past its limit of {self._late_limit:g} s: {whose}; it can be ended at its next record only"
            )
        else:
            return
        self._named.add(claim.name)
        self._progress.warn(said)


@dataclass
class _Given:
    """What an executor has been given and has not given back.

    Args:
        pool: the executor.
        trust: whether code that the spec refers to may be run.
        folder: of the run.
        here: the folder that paths in the spec are relative to.
        limit: seconds that a tile may take where it is made, or None.
    """

    pool: Executor
    trust: bool
    folder: str
    here: str
    limit: float | None
    waiting: set[Future[Outcome]] = field(default_factory=set)
    ended: SimpleQueue[tuple[Tile, Future[Outcome]]] = field(default_factory=SimpleQueue)
    _specs: dict[int, str] = field(default_factory=dict)

    def give(self, tile: Tile) -> None:
        """Submit a tile; when it has ended it is in the queue.

        Raises:
            RuntimeError: if the executor is broken, or shut down.
            StoreError: if it is no executor.
        """
        index = tile.cell.index
        if index not in self._specs:
            self._specs = {index: json.dumps(as_spec(tile.cell.spec))}  # tiles come cell by cell
        order = {**tile.order, "limit": self.limit}
        try:
            future = self.pool.submit(work, self._specs[index], self.trust, order, self.folder, self.here)
            future.add_done_callback(lambda future: self.ended.put((tile, future)))
        except (AttributeError, TypeError):
            kind = type(self.pool).__name__
            raise StoreError(f"the executor, a {kind}, gives no Future when work is submitted") from None
        self.waiting.add(future)


def _broke(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"the executor broke ({said}); finished tiles are kept, the same command tries the rest again"


def _outcome(future: Future[Outcome]) -> Outcome:
    """What became of a tile, whatever the executor makes of errors.

    Raises:
        BrokenExecutor: if the executor is.
        CancelledError: if it gave the tile up.
    """
    try:
        outcome: Any = future.result()
    except (BrokenExecutor, CancelledError):
        raise
    except WorkerDied as error:
        said = str(error).replace(f"{work.__module__}:{work.__name__}", "the tile")
        return {"error": f"{type(error).__name__}: {said}"}
    except Exception as error:  # what the executor itself raises
        return {"error": f"{type(error).__name__}: {said_by(error)}"}
    if not isinstance(outcome, dict) or len(outcome) != 1 or not outcome.keys() <= OUTCOMES:
        return {"error": f"the executor gave {bounded(repr(outcome))} for what became of the tile"}
    return outcome
