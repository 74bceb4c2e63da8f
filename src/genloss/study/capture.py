"""What a user's part prints while a tile is made: kept beside the parts, and bounded."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genloss.study.files import explained

FOLDER = "logs"
_MOST = 2**16
"""Bytes that are kept of the beginning, and of the end."""
_LONG = 3 * _MOST
"""Bytes of a log that is left as it is."""


class Log:
    """A file of what is printed: its beginning as it comes, of the rest the end.

    Args:
        path: of the file, which is made when something is printed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._handle: int | None = None
        self._written, self._left_out = 0, 0
        self._tail = b""

    def open(self) -> int:
        """The file's descriptor."""
        if self._handle is None:
            with explained("write", self._path.parent.parent):
                self._path.parent.mkdir(exist_ok=True)
                flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_TRUNC
                self._handle = os.open(self._path, flags, 0o644)
        return self._handle

    def write(self, text: str) -> None:
        """Keep what is printed."""
        data = text.encode("utf-8", "backslashreplace")
        with self._lock:
            now = data[: max(_MOST - self._written, 0)]
            if now:
                os.write(self.open(), now)
                self._written += len(now)
            rest = self._tail + data[len(now) :]
            self._left_out += max(len(rest) - _MOST, 0)
            self._tail = rest[-_MOST:]

    def close(self) -> None:
        """Put the end behind the beginning; a file in which nothing is goes."""
        with self._lock, contextlib.suppress(OSError):  # what was printed is not worth a tile
            if self._handle is None:
                return
            if self._left_out:
                os.write(self._handle, b"\n[%d bytes left out]\n" % self._left_out)
            if self._tail:
                os.write(self._handle, self._tail)
            os.close(self._handle)
            self._handle = None
            shorten(self._path)


def shorten(path: Path) -> None:
    """Leave of a log that nobody writes to any more what is worth keeping; one in which nothing is goes."""
    with contextlib.suppress(OSError):
        size = path.stat().st_size
        if size == 0:
            path.unlink()
        elif size > _LONG:  # programs print past Python, and a process may have died while it printed
            path.write_bytes(read(path))


def read(path: Path) -> bytes:
    """What is worth keeping of a log: all of it, or of a long one the beginning and the end."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= _LONG:
                return file.read(_LONG)
            head = file.read(_MOST)
            file.seek(size - _MOST)
            return b"%s\n[%d bytes left out]\n%s" % (head, size - 2 * _MOST, file.read(_MOST))
    except OSError as error:  # a link that leads nowhere, a folder
        if not os.path.lexists(path):  # the tile has ended meanwhile, and printed nothing
            return b""
        return f"{path} cannot be read: {error.strerror}".encode()


@contextlib.contextmanager
def captured(path: Path, everything: bool) -> Iterator[None]:
    """Keep what this thread prints in a file.

    Args:
        path: of the file.
        everything: keep what programs and other threads print too; for a process that does nothing else.

    Raises:
        StoreError: if the file cannot be made.
    """
    log = Log(path)
    saved: list[int] = []
    if everything:
        with contextlib.suppress(OSError):
            saved = [os.dup(1), os.dup(2)]
            for descriptor in (1, 2):
                os.dup2(log.open(), descriptor)
    with _streams.to(log):
        try:
            yield
        finally:
            for descriptor, before in zip((1, 2), saved, strict=False):
                os.dup2(before, descriptor)
                os.close(before)
            log.close()


class _Streams:
    """Stands in for standard output and error while threads are captured, each to its own log."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: dict[int, Log] = {}
        self._before: tuple[Any, Any] = (None, None)

    @contextlib.contextmanager
    def to(self, log: Log) -> Iterator[None]:
        me = threading.get_ident()
        with self._lock:
            if not self._logs:
                self._before = (sys.stdout, sys.stderr)
                sys.stdout, sys.stderr = (_Stream(self, s) for s in self._before)
            self._logs[me] = log
        try:
            yield
        finally:
            with self._lock:
                self._logs.pop(me, None)
                if not self._logs:
                    sys.stdout, sys.stderr = self._before

    def log(self) -> Log | None:
        return self._logs.get(threading.get_ident())


class _Stream:
    """A standard stream: of a captured thread its log, of any other the stream as it was."""

    def __init__(self, streams: _Streams, before: Any) -> None:
        self._streams, self._stream = streams, before

    def write(self, text: str) -> int:
        log = self._streams.log()
        if log is None:
            return int(self._stream.write(text))
        log.write(str(text))
        return len(text)

    def flush(self) -> None:
        if self._streams.log() is None:
            self._stream.flush()

    def close(self) -> None:
        """What a part prints to is not its own to close."""

    def isatty(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_streams = _Streams()
