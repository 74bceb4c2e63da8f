"""Helpers of tests that run the installed command: starting it, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from processes import alive

GENLOSS = str(Path(sys.executable).with_name("genloss"))
MARK = "GENLOSS_TEST"
"""The variable by which the processes of one command are known."""


def started(*arguments: str, mark: str = "", **how: Any) -> subprocess.Popen[str]:
    """The command, running in a session of its own; all that it starts inherits the mark."""
    how["env"] = {**os.environ, "PYTHONWARNINGS": "", MARK: mark, **how.get("env", {})}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [GENLOSS, *arguments], stdout=pipe, stderr=pipe, text=True, start_new_session=True, **how
    )


def ended(process: subprocess.Popen[str], within: float = 120) -> subprocess.CompletedProcess[str]:
    """What a command that was started said, when it has ended."""
    try:
        out, err = process.communicate(timeout=within)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def called(*arguments: str, mark: str = "", **how: Any) -> subprocess.CompletedProcess[str]:
    """The command, from beginning to end."""
    return ended(started(*arguments, mark=mark, **how))


def status(folder: str | Path, **how: Any) -> dict[str, Any]:
    """What ``genloss status --json`` says."""
    said = called("status", str(folder), "--json", **how)
    assert said.stderr == ""
    found: dict[str, Any] = json.loads(said.stdout)
    assert said.returncode == (1 if found["failed"] else 0)
    return found


def parts(folder: str | Path) -> dict[str, bytes]:
    """The bits of a run, by the names of its files."""
    return {path.name: path.read_bytes() for path in Path(folder, "parts").iterdir()}


def tree(folder: str | Path) -> dict[str, tuple[int, bytes]]:
    """Everything in a folder: when it was changed, and what it holds."""
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def wait_until(true: Any, within: float = 60) -> None:
    """Wait for something to be true."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def left(mark: str, within: float = 5.0) -> list[int]:
    """The processes with a mark that live still, given a little time to end."""
    end = time.monotonic() + within
    while found := [pid for pid in _marked(f"{MARK}={mark}") if alive(pid)]:
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    return found


def _marked(variable: str) -> list[int]:
    if not Path("/proc/self/environ").exists():
        shown = subprocess.run(["ps", "-Aww", "-E", "-o", "pid=,command="], capture_output=True, text=True)
        return [int(line.split()[0]) for line in shown.stdout.splitlines() if variable in line.split()]
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:  # another's, or gone
            continue
    return found
