"""Kill runs at random moments, and see that the same command goes on where they were.

``python -m benchmarks.kills [--kills 300] [--seed 0] [--jobs 1]``

A study of twelve tiles, of 0.2 to 0.5 s each, is run by two workers. At a random moment its driver is killed,
or a worker, both at once, or all; or it is told to end by SIGTERM or SIGINT; or one of two drivers on one
folder is killed. It is started again, and perhaps killed again, until it has finished. Then

* every part is there, byte for byte as an undisturbed run makes it, and those that were there before a kill
  are the same files;
* no tile was begun twice but those in flight when something was killed, and none is noted twice;
* two seconds after a kill none of the killed run's processes is left; one that was just being started (it is
  counted as late) goes when Python has loaded;
* after the last start neither a temporary file nor a claim is left, and nobody said a traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

SLOW = '''
"""A task that takes its time, and notes whenever a tile is begun."""

import os
import time
from typing import ClassVar

import numpy as np

import genloss
from genloss.components import Count, Replicates, Size
from genloss.meaning import Meaning
from genloss.protocols import Record
from genloss.streams import Role


@genloss.component
class Slow:
    """A walk that takes its time."""

    steps: Count = 5
    replicates: Replicates = 12
    seed: Size = 0

    axes: ClassVar = ("step",)
    tile_size: ClassVar = 1
    grows: ClassVar = "steps"
    meanings: ClassVar = {"place": Meaning("Place")}

    def labels(self, axis):
        return range(self.steps)

    def records(self, address):
        handle = os.open("begun", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.write(handle, b"%d\\n" % address.tile)
        os.close(handle)
        wanted = self.tile_size if address.size is None else address.size
        place = np.zeros(wanted)
        for step in range(self.steps):
            rng = address.rng(step, 0, Role.MEASURE)
            time.sleep((0.2 + 0.3 * rng.random()) / self.steps)
            place = place + rng.normal(size=wanted)
            print("step", step)
            yield Record((step,), {"place": place}, place[:1, None])
'''
TILES = 12
MARK = "GENLOSS_ATTACKED_BY"
KINDS = ("driver", "driver", "worker", "both", "all", "SIGTERM", "SIGINT", "one of two", "one of two")
_STRAY, _STARTING = 2.0, 10.0
"""Seconds after a kill in which all that belongs to a run has to end, and in which workers do that were just
being started: they see to it when Python has loaded, which takes long on a busy machine."""
_END = 60.0
"""Seconds in which a run ends by itself, on a busy machine."""


class Driver(NamedTuple):
    """A run that was started.

    Args:
        process: of the command.
        mark: in the environment of all its processes.
        err: the file of its standard error.
    """

    process: subprocess.Popen[bytes]
    mark: str
    err: Path


def start(folder: Path) -> Driver:
    """Start the run."""
    mark = uuid.uuid4().hex
    err = folder / f"{mark}.err"
    command = [
        sys.executable,
        "-m",
        "genloss",
        "run",
        "slow.toml",
        "--trust",
        "--workers",
        "2",
        "--out",
        "out",
    ]
    with err.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            env=os.environ | {MARK: mark},
            start_new_session=True,
        )
    return Driver(process, mark, err)


def processes(mark: str) -> list[int]:
    """The processes that carry a mark in their environment, those apart that have ended."""
    word = f"{MARK}={mark}".encode()
    found = []
    if not Path("/proc/self/environ").exists():
        shown = subprocess.run(["ps", "axeww", "-o", "pid=,stat=,command="], capture_output=True, check=False)
        lines = (line.split(maxsplit=2) for line in shown.stdout.splitlines())
        return [int(pid) for pid, state, *rest in lines if word in b" ".join(rest) and b"Z" not in state]
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if word in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
    return found  # what has ended has no environment left


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """The parts that are there by name, and which files they are; pictures count with their values."""
    found = {}
    for path in (folder / "out/parts").glob("*.parquet"):
        with contextlib.suppress(FileNotFoundError):
            said = path.stat()
            found[path.stem] = (said.st_ino, said.st_mtime_ns)
    return {name: of for name, of in found.items() if name.removesuffix("-pictures") in found}


def begun(folder: Path) -> Counter[int]:
    """How often each tile was begun."""
    path = folder / "begun"
    return Counter(map(int, path.read_text().split())) if path.exists() else Counter()


def in_flight(folder: Path) -> set[int]:
    """Tiles that were begun and are not finished."""
    done = {int(name.split("-")[1]) for name in files(folder)}
    return {*begun(folder)} - done


def gone(mark: str, within: float) -> list[int]:
    """The processes of a run that are left after some time."""
    end = time.monotonic() + within
    while left := processes(mark):
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    return left


def signalled(pids: list[int], what: signal.Signals) -> None:
    """Send a signal to processes, as far as they are there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)


class Attack:
    """One study, killed until it has finished.

    Args:
        seed: of what is done to it.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.Generator(np.random.SFC64([4, seed]))
        self.kills = self.late = 0
        self.faults: list[str] = []
        self.told: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="genloss-killed-"))
        self._allowed: Counter[int] = Counter()
        self._there: dict[str, tuple[int, int]] = {}

    def run(self) -> None:
        """Start, kill, and start again until it has finished; then look at what there is."""
        try:
            prepare(self.folder)
            for left in (*range(int(self.rng.integers(1, 4)), 0, -1), 0):
                drivers = [start(self.folder)]
                try:
                    if left and not self._disturbed(drivers):
                        break
                    if not left:
                        self._ended(drivers[0])
                finally:
                    for driver in drivers:
                        signalled(processes(driver.mark), signal.SIGKILL)
                        driver.process.wait()
                self._same_files()
            self._look()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _disturbed(self, drivers: list[Driver]) -> bool:
        """Kill something at a random moment; returns whether something is left to be done."""
        kind = KINDS[self.rng.integers(len(KINDS))]
        if kind == "one of two":
            time.sleep(self.rng.uniform(0, 1))
            drivers.append(start(self.folder))
        victim = drivers[self.rng.integers(len(drivers))]
        # half of the moments after a number of tiles: on a busy machine all else would be too early
        until = time.monotonic() + self.rng.uniform(0.1, 5)
        tiles = int(self.rng.integers(TILES)) if self.rng.random() < 0.5 else TILES
        while time.monotonic() < until or (tiles < TILES and len(files(self.folder)) // 2 < tiles):
            if victim.process.poll() is not None:
                self.told.append("too late")
                return any(self._ended(driver) for driver in drivers)
            time.sleep(0.005)
        time.sleep(self.rng.uniform(0, 0.3))
        self._kill(kind, victim)
        if kind == "worker":
            self._ended(victim)
        for other in drivers:
            if other is not victim:
                self._ended(other)
        return True

    def _kill(self, kind: str, victim: Driver) -> None:
        mine = processes(victim.mark)
        signalled(mine, signal.SIGSTOP)  # so that what is in flight is what is killed
        flying = in_flight(self.folder)
        self._same_files()
        driver = victim.process.pid
        workers = [pid for pid in mine if pid != driver]
        one = [workers[self.rng.integers(len(workers))]] if workers else []
        killed = {"worker": one, "both": [driver, *one], "all": mine}.get(kind, [driver])
        if kind in ("SIGTERM", "SIGINT"):
            signalled(killed, signal.Signals[kind])
        else:
            signalled(killed, signal.SIGKILL)
        signalled(mine, signal.SIGCONT)
        self.kills += 1
        self.told.append(kind)
        if kind == "worker":
            self._allowed.update(flying)
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            victim.process.wait(_END)
        if gone(victim.mark, _STRAY):
            self.late += 1
            if left := gone(victim.mark, _STARTING - _STRAY):
                self.faults.append(
                    f"{len(left)} of {len(mine)} processes are left {_STARTING:g} s after {kind}"
                )
                signalled(left, signal.SIGKILL)
        self._allowed.update(flying | in_flight(self.folder))  # what was begun before all had ended too
        self._heard(victim)

    def _ended(self, driver: Driver) -> bool:
        """Wait until a run has ended by itself; returns whether it left something to be done."""
        try:
            code = driver.process.wait(_END)
        except subprocess.TimeoutExpired:
            self.faults.append(f"a run has not ended after {_END:g} s")
            return True
        if code != 0:
            self.faults.append(f"a run ended with code {code}: {driver.err.read_text()!r:.500}")
        self._heard(driver)
        return code != 0

    def _heard(self, driver: Driver) -> None:
        text = driver.err.read_text(errors="replace")
        if "Traceback" in text or "internal error" in text:
            self.faults.append(f"somebody said {text!r:.1000}")

    def _same_files(self) -> None:
        """What was there is still there, and nobody made it again."""
        now = files(self.folder)
        lost = [name for name, of in self._there.items() if now.get(name) != of]
        if lost:
            self.faults.append(f"made again, or lost: {lost}")
        self._there = now

    def _look(self) -> None:
        """What there is after the last run."""
        left = [p for p in (self.folder / "out/running").iterdir() if p.suffix == ".json"]
        if left:  # of a killed driver: it goes with the next start
            again = start(self.folder)
            self._ended(again)
            self._same_files()
            left = [*(self.folder / "out/running").iterdir()]
        left += [p for p in (self.folder / "out").rglob(".*") if p.suffix == ".tmp"]
        if left:
            self.faults.append(f"left: {[p.name for p in left]}")
        parts = {p.name: p.read_bytes() for p in (self.folder / "out/parts").iterdir()}
        if parts != undisturbed():
            odd = [name for name, data in undisturbed().items() if parts.get(name) != data]
            self.faults.append(f"parts are not those of an undisturbed run: {odd}, or more than these")
        twice = {t: n for t, n in begun(self.folder).items() if n > 1 + self._allowed[t]}
        if twice:
            self.faults.append(f"begun again without a kill in between: {twice}")
        lines = (self.folder / "out/ledger.jsonl").read_bytes().splitlines()
        noted = Counter(json.loads(line)["part"] for line in lines if line.strip())
        if max(noted.values(), default=0) > 1:
            self.faults.append(f"noted twice: {noted.most_common(3)}")


def prepare(folder: Path) -> None:
    """Put the study into a folder."""
    (folder / "slow.py").write_text(SLOW)
    (folder / "slow.toml").write_text('kind = "slow.py:Slow"\n')


@cache
def undisturbed() -> dict[str, bytes]:
    """The bytes of every part of a run that nobody disturbs."""
    with tempfile.TemporaryDirectory(prefix="genloss-undisturbed-") as name:
        folder = Path(name)
        prepare(folder)
        driver = start(folder)
        assert driver.process.wait(_END) == 0, driver.err.read_text()
        return {p.name: p.read_bytes() for p in (folder / "out/parts").iterdir()}


def attack(seed: int) -> Attack:
    """Kill one study; what came of it."""
    it = Attack(seed)
    it.run()
    return it


def main() -> int:
    """Kill, and say how often something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="studies at a time")
    options = parser.parse_args()
    undisturbed()
    began, seed = time.perf_counter(), options.seed
    done: list[Attack] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        while sum(it.kills for it in done) < options.kills:
            some = range(seed, seed + options.jobs)
            for at, it in zip(some, pool.map(attack, some), strict=True):
                done.append(it)
                if it.faults:
                    print(f"kills, seed {at}: {', '.join(it.told)}", *it.faults, sep="\n    ", flush=True)
            seed += options.jobs
    kills, late, wrong = (
        sum(n) for n in zip(*((it.kills, it.late, bool(it.faults)) for it in done), strict=True)
    )
    took = time.perf_counter() - began
    print(f"kills: {kills} in {len(done)} studies, {wrong} with faults, {late} times late, {took:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
