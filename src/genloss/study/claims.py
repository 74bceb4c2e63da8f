"""Who is working on what: a small file for each tile that is being made, beside the parts.

It is made before a tile is begun, by whoever makes it first, so that drivers on one folder share its work.
Its contents say how far the tile is, its age whether whoever makes it still lives: together a heartbeat.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genloss.study.files import HOST, alive, explained, write_file

FOLDER = "running"
SILENT = 600.0
"""Seconds without a heartbeat after which a tile is named, and another may take it."""
_TOUCH = 10.0
"""Seconds between touches of the files, which say that their process lives."""
_WRITE = 1.0
"""Seconds between the records that are written down."""
_LATEST = 1e11
"""Seconds since 1970 that no clock will say."""


@dataclass(frozen=True)
class Claim:
    """What a file says.

    Args:
        name: of the part that is being made.
        host: machine.
        pid: process.
        began: when, in seconds since 1970.
        at: how far it is: coordinates by axis.
        beat: when it was so far.
        touched: when its process was last known to live.
        of: how far it goes along the first axis.
    """

    name: str
    host: str
    pid: int
    began: float
    at: Mapping[str, int]
    beat: float
    touched: float
    of: int

    @property
    def dead(self) -> bool:
        """Whether nobody works on it any more, as far as can be seen from here."""
        if abs(time.time() - self.touched) > SILENT:  # a clock that was put back makes no claim last
            return True
        return self.host == HOST and not alive(self.pid)

    @property
    def silent(self) -> float:
        """Seconds since its last heartbeat."""
        return max(time.time() - self.beat, 0.0)


@dataclass(eq=False)
class Beat:
    """A claim that is ours."""

    folder: Path
    name: str
    of: int
    began: float = field(default_factory=time.time)
    pid: int = field(default_factory=os.getpid)
    _written: float = 0.0
    _gone: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, where: Mapping[str, int]) -> None:
        """Say how far it is, at most once a second."""
        now = time.time()
        if now - self._written < _WRITE or self.pid != os.getpid():  # which a part has forked
            return
        self._written = now
        with self._lock:
            if not self._gone:
                said = json.dumps(_said(self.of, self.began, where, now))
                with contextlib.suppress(Exception):  # a full disk stops the part, not its heartbeat
                    write_file(self.folder, f"{FOLDER}/{self.name}.json", said.encode(), lasting=False)

    def touch(self) -> None:
        """Say that its process lives."""
        with self._lock, contextlib.suppress(OSError):
            if not self._gone:
                os.utime(_path(self.folder, self.name))

    def end(self) -> None:
        """Leave it."""
        if self.pid != os.getpid():
            return
        with self._lock, contextlib.suppress(OSError):
            self._gone = True
            _path(self.folder, self.name).unlink()


def take(folder: Path, name: str, of: int = 0) -> Beat | Claim:
    """Claim a part: ours, or whose it is.

    Args:
        folder: the run's.
        name: of the part.
        of: how far it goes along the first axis.

    Raises:
        StoreError: if the file system refuses.
    """
    path = _path(folder, name)
    for _ in range(10):  # once, but where others leave or take it at the same moment
        beat = Beat(folder, name, of)
        with _taking, explained("write", folder):
            try:
                handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileExistsError:
                there = read(folder, name)
                if there is not None and not there.dead and not _left_by_us(there):
                    return there
                path.unlink(missing_ok=True)
                continue
            with os.fdopen(handle, "w") as file:
                file.write(json.dumps(_said(of, beat.began, {}, beat.began)))
            _beats.begin(beat)
        return beat
    there = read(folder, name)
    return there if there is not None else Claim(name, HOST, 0, time.time(), {}, time.time(), time.time(), of)


def leave(beat: Beat) -> None:
    """Give a claim back."""
    _beats.end(beat)


def read(folder: Path, name: str) -> Claim | None:
    """A claim by the name of its part; None where there is none, or it is just being written."""
    path = _path(folder, name)
    try:
        touched = path.stat().st_mtime
        return _claim(name, touched, json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError):
        # damaged, or not yet written: it counts as somebody's while it is young
        with contextlib.suppress(OSError):
            touched = path.stat().st_mtime
            return Claim(name, "?", 0, touched, {}, touched, touched - SILENT + 5.0, 0)
        return None


def _claim(name: str, touched: float, said: dict[str, Any]) -> Claim:
    """A claim from what its file says.

    Raises:
        TypeError: if that is none.
        ValueError: if a number in it can be none of a claim.
    """
    claim = Claim(name, touched=touched, **said)
    at = claim.at
    whole = [claim.pid, claim.of, *(at.values() if isinstance(at, dict) else [None])]
    if not isinstance(claim.host, str) or not all(type(n) is int for n in whole):
        raise TypeError
    if claim.pid < 1 or not (0 <= claim.began < _LATEST and 0 <= claim.beat < _LATEST):
        raise ValueError
    return claim


def claims(folder: Path, prefix: str = "") -> Iterator[Claim]:
    """All claims on a run's folder whose part's name begins so."""
    with contextlib.suppress(OSError):
        for path in sorted((folder / FOLDER).glob(f"{prefix}*.json")):
            claim = read(folder, path.stem)
            if claim is not None:
                yield claim


def clear(folder: Path, prefix: str = "") -> None:
    """Remove the claims of processes that are gone, on parts whose names begin so."""
    for claim in claims(folder, prefix):
        if claim.dead:
            with contextlib.suppress(OSError):
                _path(folder, claim.name).unlink()


def _path(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"{name}.json"


def _said(of: int, began: float, at: Mapping[str, int], beat: float) -> dict[str, Any]:
    return {"host": HOST, "pid": os.getpid(), "began": began, "at": dict(at), "beat": beat, "of": of}


def _left_by_us(claim: Claim) -> bool:
    """Whether this process made a claim and no longer works on it: a number may come again after a crash."""
    mine = claim.host == HOST and claim.pid == os.getpid()
    return mine and not _beats.has(claim.name)


class _Beats:
    """The claims of this process, which one thread touches now and then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: dict[int, Beat] = {}
        self._pid = 0

    def begin(self, beat: Beat) -> None:
        with self._lock:
            if self._pid != os.getpid():  # the first, or the first after a fork, which takes no thread along
                self._pid, self._all = os.getpid(), {}
                threading.Thread(target=self._go, name="genloss heartbeat", daemon=True).start()
            self._all[id(beat)] = beat

    def end(self, beat: Beat) -> None:
        with self._lock:
            self._all.pop(id(beat), None)
        beat.end()

    def has(self, name: str) -> bool:
        with self._lock:
            return self._pid == os.getpid() and any(b.name == name for b in self._all.values())

    def _go(self) -> None:
        while True:
            time.sleep(_TOUCH)
            with self._lock:
                some = [*self._all.values()]
            for beat in some:
                beat.touch()


_beats = _Beats()
_taking = threading.Lock()  # between a claim's file and its place among ours
