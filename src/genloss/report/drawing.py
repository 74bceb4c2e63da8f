"""vl-convert, in a process of its own: where memory is short it ends the process that it is in."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

from genloss.errors import StoreError

# what the process does: only this library is imported there
_SCRIPT = """
import json, sys
import vl_convert
asked = json.load(sys.stdin)
if asked is None:
    made = vl_convert.javascript_bundle()
else:
    draw = getattr(vl_convert, "vegalite_to_" + asked["format"])
    made = draw(asked["spec"], **asked["more"])
sys.stdout.buffer.write(made.encode() if isinstance(made, str) else made)
"""


@cache
def javascript() -> str:
    """The library that draws the report's figures in a browser.

    Raises:
        StoreError: if it cannot be had.
    """
    return _made(None).decode()


def drawn(spec: str, kind: str, **more: Any) -> bytes:
    """A Vega-Lite spec as a file's contents.

    Args:
        spec: JSON.
        kind: "png", "svg" or "pdf".
        more: what vl-convert takes for that kind.

    Raises:
        StoreError: if it cannot be drawn.
    """
    return _made({"spec": spec, "format": kind, "more": more})


def _made(asked: Any) -> bytes:
    command = [sys.executable, "-c", _SCRIPT]
    try:
        done = subprocess.run(command, input=json.dumps(asked).encode(), capture_output=True, check=False)
    except OSError as error:
        raise StoreError(f"figures cannot be drawn: {error.strerror}") from None
    if done.returncode == 0:
        return done.stdout
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing was said"]
    how = f"was ended by signal {-done.returncode}" if done.returncode < 0 else f"exited {done.returncode}"
    raise StoreError(
        f"figures cannot be drawn: vl-convert {how} ({lines[-1][:120]}); it needs some GB of address space"
    )
