"""The far end of a lane: a process that reads tasks as JSON lines, does them, and answers."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from time import sleep
from typing import Any, NoReturn

from genloss.errors import GenlossError
from genloss.study.surroundings import Descriptor, Surroundings, use_standard_error_alone

_MESSAGE, _TRACEBACK = 2_000, 20_000
"""Characters that are sent of what a task raised: a message may hold a whole table."""
# what would move a terminal's cursor, end a line early, or not go through UTF-8; not line feed and tab
_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

PIPE_LOST = 120
"""The exit code of a worker that a task has left without the pipe of its answers."""

_flow: tuple[int, int] | None = None
"""The process and the thread that serve, where this is a worker."""


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
    """Whether this is a worker's main flow, so that descriptors 1 and 2 may be led elsewhere during a task.

    After the task they are put back, and so are `sys.stdout` and `sys.stderr`.
    """
    return _flow == (os.getpid(), threading.get_ident())


def failure(error: BaseException) -> dict[str, Any]:
    """What is sent of an error: type, nearest class of ours, message, traceback, each of bounded length."""
    lineage = type(error).__mro__
    ours = next((c.__name__ for c in lineage if c.__module__ == GenlossError.__module__), None)
    try:
        message = str(error)
    except BaseException:  # it is the task's code
        message = "(its message cannot be shown)"
    try:
        text = "".join(traceback.format_exception(error))
    except BaseException:
        text = "(its traceback cannot be shown)"
    kind = _shown(type(error).__name__, 100).replace("\n", " ")
    return {
        "error": kind,
        "ours": ours,
        "message": _shown(message, _MESSAGE),
        "traceback": _shown(text, _TRACEBACK),
    }


def _shown(text: str, most: int) -> str:
    if len(text) > most:
        half = most // 2
        text = f"{text[:half]} [... {len(text) - 2 * half:,} characters ...] {text[-half:]}"
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def outcome(order: list[Any]) -> str:
    """Do one task, and say as JSON what came of it; whatever it raises is part of that.

    A process that the task forked and that comes out of it ends here: it is no worker, and answers nothing.
    """
    here = os.getpid()
    try:
        address, args, kwargs = order
        result = find(address)(*args, **kwargs)
        if os.getpid() == here:
            check_plain(result, f"the result of {address}")
            return json.dumps({"result": result})
        code = 0
    except BaseException as error:  # a task may raise SystemExit too: it must not end the worker
        if os.getpid() == here:
            return json.dumps(failure(error))
        code = _exit_code(error)
    _leave(code)


def _exit_code(error: BaseException) -> int:
    """What Python would exit with, and say, where nobody catches this."""
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return error.code or 0
    with contextlib.suppress(BaseException):
        traceback.print_exception(error)
    return 1


def _leave(code: int) -> NoReturn:
    try:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                stream.flush()
    finally:
        os._exit(code & 0xFF)


def main(answers: int) -> None:
    """Serve until the driver closes the pipe of requests, or is no more.

    Then the process ends at once with all of its group, whatever it is computing. A request is
    ``[number, [address, args, kwargs]]``, its answer ``[number, process, outcome, whether the worker can go
    on]``; the first answer, to no request and with number 0, says that the worker is there.

    Args:
        answers: the descriptor of the pipe of answers; requests come through standard input.
    """
    global _flow
    # Ctrl-C is the driver's to understand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    driver = os.getppid()
    # The protocol has private descriptors, which no program that a task starts is given: a task prints to
    # standard error, and reads nothing.
    os.set_inheritable(answers, False)
    requests, replies = Descriptor.of(os.dup(0)), Descriptor.of(answers)
    use_standard_error_alone()
    before = Surroundings.now()
    _flow = os.getpid(), threading.get_ident()
    os.register_at_fork(after_in_child=_Forked(_flow, (requests, replies)))
    threading.Thread(target=_end_with, args=(driver,), daemon=True).start()
    _send(replies, 0, "null", True)
    try:
        _serve(requests, replies, before)
    except BaseException:  # Python's own way out would wait for threads that tasks have left
        traceback.print_exc()
        os._exit(1)
    _end()


def _serve(requests: Descriptor, replies: Descriptor, before: Surroundings) -> None:
    # Read here and not in a thread, which could come to read a file of the task under the same number.
    with open(requests.number, "rb", closefd=False) as lines:
        for line in lines:
            number, order = json.loads(line)
            done = outcome(order)
            whole = before.restore()
            _send(replies, number, done, whole and requests.holds())


def _send(replies: Descriptor, number: int, done: str, goes_on: bool) -> None:
    if not replies.holds():  # the number may be that of a user's file now
        os._exit(PIPE_LOST)
    line = f"[{number}, {os.getpid()}, {done}, {json.dumps(goes_on)}]\n"
    unsent = memoryview(line.encode())
    try:
        while unsent:
            unsent = unsent[os.write(replies.number, unsent) :]
    except BrokenPipeError:  # no one listens any more
        _end()


def _end() -> NoReturn:
    """End this process and all that it started, but for what has left its group."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _end_with(driver: int) -> None:
    """End when the driver is no more; its pipe may be held open, and is nobody's to read during a task."""
    while os.getppid() == driver:
        sleep(0.25)
    _end()


class _Forked:
    """What a process does at once that a task forked from this worker.

    It leaves the worker's pipes, so that it cannot answer, and their ends are seen. On Linux it is killed
    when the worker is, even if it has left the worker's group. That is for children of the main thread alone:
    Linux takes the end of the thread that forked for that of the parent.

    What can stay when a worker ends is a process that left its group (a daemon), unless it is such a child;
    and, where worker and driver are killed in one moment, whatever is no such child.
    """

    def __init__(self, worker: tuple[int, int], pipes: tuple[Descriptor, ...]) -> None:
        self._worker, self._pipes = worker, pipes
        self._first = True
        self._control = _process_control()

    def __call__(self) -> None:
        for pipe in self._pipes:
            if pipe.holds():
                os.close(pipe.number)
        process, thread = self._worker
        if self._first and self._control is not None and threading.get_ident() == thread:
            self._control(1, signal.SIGKILL)  # 1: PR_SET_PDEATHSIG
            if os.getppid() != process:  # it was killed before this was asked for
                os._exit(1)
        self._first = False


def _process_control() -> Callable[[int, int], int] | None:
    """Linux's prctl, where there is one."""
    try:
        import ctypes

        call = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None
    word = ctypes.c_ulong
    return lambda option, value: int(call(option, word(value), word(0), word(0), word(0)))
