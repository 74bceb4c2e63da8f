"""Large tables: describing 1,000,000 x 20 cells of CSV, and a Copula loop on 100,000 rows of 20 columns.

python -m benchmarks.tables
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SPEC = """
real = {{ kind = "Table", path = "{path}", target = "group0" }}
n_real = 70000
generations = 5
replicates = 5
metrics = ["RealShare", "SlicedWasserstein"]

[[agents]]
generator = "Copula"
regime = {{ vary = ["Replace", "Accumulate"] }}
"""


def write(path: Path, n: int) -> None:
    """A CSV file of n rows and 20 columns: numbers, thousands, categories, dates, booleans, gaps."""
    import pandas as pd

    rng = np.random.Generator(np.random.SFC64(1))
    columns: dict[str, object] = {
        f"group{i}": rng.choice([f"level {k}" for k in range(3 + 9 * i)], n) for i in range(4)
    }
    columns |= {f"number{i}": rng.normal(size=n).round(5) for i in range(7)}
    columns |= {f"count{i}": rng.integers(0, 100, n) for i in range(3)}
    days = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 2500, n), "D")
    columns |= {"day": days.strftime("%d.%m.%Y"), "price": [f"€ {v:,.2f}" for v in rng.gamma(2, 900, n)]}
    columns |= {"paid": rng.random(n) < 0.5, "zip": [f"{v:05d}" for v in rng.integers(0, 900, n)]}
    gaps = rng.normal(size=n).round(3).astype(object)
    gaps[rng.random(n) < 0.1] = "NA"
    columns |= {"gaps": gaps, "id": np.arange(n) * 7 + 100_000}
    pd.DataFrame(columns).to_csv(path, index=False)


def family(process: int) -> list[int]:
    """A process and all that it started, threads' children too."""
    found = [process]
    for children in Path(f"/proc/{process}/task").glob("*/children"):  # any thread may have started one
        try:
            found += [p for child in children.read_text().split() for p in family(int(child))]
        except OSError:
            continue
    return found


def memory(process: int) -> float:
    """MB that a process and all that it started hold; what they share counts once."""
    total = 0
    for one in family(process):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def measured(*arguments: str) -> str:
    """A command of genloss: seconds, those of all processors, and the largest memory seen."""
    before, began, most = os.times(), time.perf_counter(), 0.0
    with subprocess.Popen(
        [sys.executable, "-m", "genloss", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            most = max(most, memory(process.pid))
            time.sleep(0.05)
    after = os.times()
    cores = after.children_user + after.children_system - before.children_user - before.children_system
    took = f"{time.perf_counter() - began:.1f} s, {cores:.1f} core-seconds"
    return f"{took}, {most:,.0f} MB (exit {process.returncode})"


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        large, middle = Path(folder) / "large.csv", Path(folder) / "middle.csv"
        write(large, 1_000_000)
        size = large.stat().st_size / 2**20
        said = measured("describe", str(large))
        print(f"genloss describe, 1,000,000 x 20 ({size:.0f} MB): {said}", flush=True)
        large.unlink()
        write(middle, 100_000)
        spec = Path(folder) / "loop.toml"
        spec.write_text(SPEC.format(path=middle))
        said = measured("run", str(spec), "--out", folder + "/run")
        print(f"Copula loop, 100,000 x 20, n_real 70,000: {said}")


if __name__ == "__main__":
    main()
