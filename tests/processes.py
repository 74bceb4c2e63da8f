"""Helpers of tests that start processes: whether they are there, and waiting until they are not."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any


def driver(folder: Path, tasks: str, body: str, **how: Any) -> subprocess.Popen[str]:
    """A script of its own, with no main guard, whose `tasks` are a module beside it."""
    (folder / "tasks.py").write_text(tasks)
    script = folder / "driver.py"
    head = "import tasks, os, sys, time\nfrom genloss.study.executor import LocalExecutor\n"
    script.write_text(head + textwrap.dedent(body))
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, script], stdout=pipe, stderr=pipe, text=True, **how)


def alive(pid: int) -> bool:
    """Whether a process runs, or could: one that has ended and waits to be asked how is not alive."""
    if Path("/proc/self/stat").exists():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
    else:
        shown = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        state = shown.stdout.strip()[:1] or "Z"
    return state != "Z"


def gone(pids, within: float = 5.0) -> bool:
    """Whether none of these processes is left, given a little time."""
    end = time.monotonic() + within
    while any(alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def noted(path: Path, within: float = 10.0) -> int:
    """The number of a process that notes it in a file, when it does."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if path.exists() and (text := path.read_text()).endswith("\n"):
            return int(text)
        time.sleep(0.01)
    raise AssertionError(f"nothing in {path}")
