"""Files of a run: put in place at once and for good, sealed against damage, swept after a crash."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genloss.errors import StoreError

if sys.platform == "win32":  # processes in groups, signals and renames over open files are not alike there
    raise StoreError("genloss runs on Linux and macOS; on Windows, install and run it inside WSL")

HOST = re.sub(r"[^\w-]", "-", platform.node() or "here", flags=re.ASCII)
"""This machine, as file names have it."""


def write_file(folder: Path, name: str, data: bytes | memoryview, lasting: bool = True) -> None:
    """Put a file of a run in place, whole.

    Args:
        folder: the run's.
        name: of the file in it.
        data: its contents.
        lasting: wait until it is on the disk.

    Raises:
        StoreError: if the file system refuses.
    """
    path = folder / name
    temporary = path.with_name(f".{path.stem}.{HOST}.{os.getpid()}.tmp")
    with explained("write", folder):
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                if lasting:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        if lasting:
            _sync(path.parent)


def _sync(folder: Path) -> None:
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems have no such thing
            raise
    finally:
        os.close(directory)


def sealed(content: Any) -> bytes:
    """JSON with its own checksum.

    >>> unsealed(sealed({"a": 1})), unsealed(sealed({"a": 1}).replace(b"1", b"2"))
    ({'a': 1}, None)
    """
    text = json.dumps(content, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({"sha256": digest, "content": content}, indent=1, sort_keys=True).encode() + b"\n"


def unsealed(data: bytes) -> Any:
    """What was sealed, or None where it is not what it was."""
    try:
        found = json.loads(data)
        text = json.dumps(found["content"], sort_keys=True)
        whole = hashlib.sha256(text.encode()).hexdigest() == found["sha256"] and data == sealed(
            found["content"]
        )
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return found["content"] if whole else None


def read_sealed(path: Path) -> Any:
    """What a sealed file holds, or None where it is not there or damaged."""
    try:
        return unsealed(path.read_bytes())
    except OSError:
        return None


@contextlib.contextmanager
def explained(verb: str, folder: Path) -> Iterator[None]:
    """Say of an error of the file system which folder it concerns and what to do."""
    try:
        yield
    except OSError as error:
        full, shut = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), (errno.EACCES, errno.EPERM, errno.EROFS)
        what = "free space" if error.errno in full else "allow it" if error.errno in shut else "mend that"
        remedy = f"{what} or give another --out; finished tiles are kept, the same command goes on"
        where = f" ({error.filename})" if error.filename else ""
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StoreError(f"cannot {verb} {folder}: {reason}{where}; {remedy}") from error


def sweep(folder: Path) -> None:
    """Remove the temporary files of processes of this machine that are no more."""
    for path in [*folder.glob(".*.tmp"), *folder.glob("*/.*.tmp")]:
        author = re.search(rf"\.{HOST}\.(\d+)\.tmp$", path.name)
        if author and not (int(author[1]) != os.getpid() and alive(int(author[1]))):
            path.unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Whether a process of this machine lives; a dead one that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError, IndexError):  # Linux says so in a file; elsewhere none is there
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return True
