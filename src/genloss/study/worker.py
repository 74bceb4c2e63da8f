"""The far end of a lane: a process that reads tasks as JSON lines, does them, and answers."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any, BinaryIO

from genloss.errors import GenlossError


def check_plain(value: object, name: str) -> None:
    """See that a value survives JSON unchanged (a tuple or an integer key would come back as something else).

    Args:
        value: what is to be sent.
        name: what to call it in the message.

    Raises:
        TypeError: if it, or something inside it, is not None, a number, a string, or a list or dict of such.

    >>> check_plain({"cell": [1, 2.5]}, "argument 1")
    >>> check_plain({"cell": (1, 2.5)}, "argument 1")
    Traceback (most recent call last):
    ...
    TypeError: argument 1['cell'] is a tuple; send None, numbers, strings, lists and dicts with text keys
    """
    if isinstance(value, list):
        for i, item in enumerate(value):
            check_plain(item, f"{name}[{i}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{name} has the key {key!r}; send dicts with text keys")
            check_plain(item, f"{name}[{key!r}]")
    elif not (value is None or isinstance(value, bool | int | float | str)):
        what = type(value).__name__
        raise TypeError(f"{name} is a {what}; send None, numbers, strings, lists and dicts with text keys")


def find(address: str) -> Any:
    """The function at ``module:qualname``."""
    module, _, qualname = address.partition(":")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def standard_streams_are_ours() -> bool:
    """Whether this process does nothing but tasks."""
    return False


def answer(line: bytes) -> bytes:
    """Do one task; whatever it raises is part of the answer."""
    try:
        address, args, kwargs = json.loads(line)
        result = find(address)(*args, **kwargs)
        check_plain(result, f"the result of {address}")
        return json.dumps({"result": result}).encode() + b"\n"
    except BaseException as error:  # a task may raise SystemExit too: it must not end the worker
        lineage = type(error).__mro__
        ours = next((c.__name__ for c in lineage if c.__module__ == GenlossError.__module__), None)
        try:
            message = str(error)
        except Exception:
            message = "(its message cannot be shown)"
        text = "".join(traceback.format_exception(error))
        reply = {"error": type(error).__name__, "ours": ours, "message": message, "traceback": text}
    return json.dumps(reply).encode() + b"\n"


def main() -> None:
    """Serve until standard input closes, which ends the process at once, whatever it is computing."""
    # Ctrl-C reaches the whole process group; what it means is the driver's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # The protocol moves to private descriptors: a task prints to standard error, and reads nothing.
    requests: BinaryIO = os.fdopen(os.dup(0), "rb")
    replies: BinaryIO = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdin = open(0, closefd=False)
    # Line by line even under PYTHONUNBUFFERED: workers that share a terminal must not cut lines.
    sys.stdout = sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in requests:
            tasks.put(line)
        os._exit(0)  # the driver is done with us, or dead: no task is worth finishing

    threading.Thread(target=read, daemon=True).start()
    while True:
        reply = answer(tasks.get())
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        try:
            replies.write(reply)
            replies.flush()
        except OSError:  # no one listens any more
            os._exit(1)
