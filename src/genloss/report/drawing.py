"""vl-convert, in a process of its own: where memory is short it ends the process that it is in."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genloss.errors import StoreError
from genloss.study.files import write_file

# what the process does: only this library is imported there
_SCRIPT = """
import base64, json, sys
import vl_convert
for asked in json.load(sys.stdin):
    if asked is None:
        made = vl_convert.javascript_bundle()
    else:
        draw = getattr(vl_convert, "vegalite_to_" + asked["format"])
        made = draw(asked["spec"], **asked["more"])
    data = made.encode() if isinstance(made, str) else made
    sys.stdout.buffer.write(base64.b64encode(data) + b"\\n")
"""


@cache
def javascript() -> str:
    """The library that draws the report's figures in a browser.

    vl-convert takes longer to give it than a small study takes: it is kept in the user's cache, by version
    and with its checksum. Where it cannot be kept, it is asked for each time.

    Raises:
        StoreError: if it cannot be had.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "genloss"
    name = f"vega-{version('vl-convert-python')}.js"
    with contextlib.suppress(OSError):
        digest, _, kept = (folder / name).read_bytes().partition(b"\n")
        if hashlib.sha256(kept).hexdigest().encode() == digest:
            return kept.decode()
    made = _made([None])[0]
    with contextlib.suppress(OSError, StoreError):
        folder.mkdir(parents=True, exist_ok=True)
        seal = hashlib.sha256(made).hexdigest().encode()
        write_file(folder, name, seal + b"\n" + made, lasting=False)
    return made.decode()


def drawn(specs: Iterable[tuple[str, str]], scale: float) -> list[bytes]:
    """Vega-Lite specs as the contents of files, all by one process, which takes longer to begin than to draw.

    Args:
        specs: each as JSON, and "png", "svg" or "pdf".
        scale: of a "png", pixels for each of its points.

    Raises:
        StoreError: if one cannot be drawn.
    """
    asked = [
        {"spec": spec, "format": kind, "more": {"scale": scale} if kind == "png" else {}}
        for spec, kind in specs
    ]
    return _made(asked) if asked else []


def _made(asked: list[Any]) -> list[bytes]:
    command = [sys.executable, "-c", _SCRIPT]
    try:
        done = subprocess.run(command, input=json.dumps(asked).encode(), capture_output=True, check=False)
    except OSError as error:
        raise StoreError(f"figures cannot be drawn: {error.strerror}") from None
    if done.returncode == 0:
        return [b64decode(line) for line in done.stdout.splitlines()]
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing was said"]
    how = f"was ended by signal {-done.returncode}" if done.returncode < 0 else f"exited {done.returncode}"
    raise StoreError(
        f"figures cannot be drawn: vl-convert {how} ({lines[-1][:120]}); it needs some GB of address space"
    )
