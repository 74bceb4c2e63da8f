"""Data that Python holds, as files named by their content: a run keeps them, and they are found by content.

A frame or an array that is given as real data is written to a folder of this process, and named in the spec
as ``data/3f2a....parquet``. A run copies it into its own folder. Whoever has to read it looks in all folders
that this process has met: whichever has that content will do, so that a run may be moved.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from genloss.errors import DataError

FOLDER = "data"
"""Of a run, in which such files lie."""

_NAME = re.compile(rf"{FOLDER}/([0-9a-f]{{16}})\.(?:parquet|npy)")
_folders: dict[Path, None] = {}


def keep(data: bytes, suffix: str) -> str:
    """Name data by their content, and keep them while this process lives.

    Args:
        data: Of a file.
        suffix: Of its name: "parquet" or "npy".
    """
    name = f"{FOLDER}/{_digest(data)}.{suffix}"
    path = _own() / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    look_in(_own())
    return name


def look_in(folder: Path) -> None:
    """Look in a run's folder too, from now on."""
    _folders[folder.absolute()] = None


def is_kept(name: str) -> bool:
    """Whether a path is the name of such data."""
    return _NAME.fullmatch(name) is not None


def located(name: str) -> Path:
    """Where data of that name lie.

    Raises:
        DataError: They are nowhere, or are not what they were.
    """
    wanted = name.rpartition("/")[2].partition(".")[0]
    found = [path for folder in (*_folders, Path()) if (path := folder / name).is_file()]
    for path in found:
        if _digest(path.read_bytes()) == wanted:
            return path
    if found:
        raise DataError(f"{found[0]}: is damaged: its content is not that of its name; put the file back")
    raise DataError(
        f"{name}: is data of a run made in Python, and lies in the folder of that run; run its spec.toml"
    )


def names(spec: str) -> Iterator[str]:
    """The names of such data in the text of a spec."""
    yield from dict.fromkeys(match.group() for match in _NAME.finditer(spec))


@cache
def _own() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="genloss-data-"))
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # and not in one that was forked from it
        shutil.rmtree(folder, ignore_errors=True)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
