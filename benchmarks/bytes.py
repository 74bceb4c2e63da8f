"""Change every byte of every file of a finished run, one at a time, and run it again.

``python -m benchmarks.bytes [--every 1] [--seed 0]``

Each byte becomes one other value, drawn at random. The run that follows finds and mends it, or it is without
effect: the results are then, bit for bit, what they were, and so is every part.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import numpy as np

from benchmarks.fuzz_folders import bits

SPEC = {
    "real": "Gaussian",
    "n_real": 5,
    "generations": 2,
    "replicates": 2,
    "metrics": ["TraceRatio"],
    "agents": [{"generator": "Gaussian", "regime": "Replace"}],
}


def run(folder: Path) -> None:
    """Run the study; what is printed of an odd folder does not matter here."""
    import genloss

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        genloss.run(SPEC, folder, workers=0)


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file of a run."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def sweep(folder: Path, every: int, seed: int) -> Iterator[list[str]]:
    """Change bytes of a run in a new folder; yields what was wrong after each.

    Args:
        folder: of the run.
        every: one of so many bytes is changed, the first of them at random.
        seed: of the values.
    """
    rng = np.random.Generator(np.random.SFC64([5, seed]))
    run(folder)
    was, before = bits(folder), contents(folder)
    places = [(path, at) for path, data in before.items() for at in range(len(data))]
    for path, at in places[int(rng.integers(every)) :: every]:
        data = bytearray(before[path])
        data[at] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        what = f"{path.relative_to(folder)}, byte {at}: {before[path][at]} -> {data[at]}"
        found = []
        try:
            run(folder)
            now = contents(folder)
            if all(now.get(p) == data for p, data in before.items() if p.name != "ledger.jsonl"):
                pass  # numbers are read from these files
            elif bits(folder) != was:
                found.append(f"{what}: the bits are others")
            odd = [p.name for p, data in before.items() if p.parent.name == "parts" and now.get(p) != data]
            found += [f"{what}: {name} is not made again" for name in odd]
        except Exception as error:
            found.append(f"{what}: {type(error).__name__}: {error}")
        for other in contents(folder).keys() - before.keys():
            other.unlink()
        for other, data_before in before.items():
            if not other.exists() or other.read_bytes() != data_before:
                other.write_bytes(data_before)
        yield found


def main() -> int:
    """Sweep, and say how many bytes mattered."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="change one of so many bytes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began, count, wrong = time.perf_counter(), 0, 0
    with tempfile.TemporaryDirectory(prefix="genloss-bytes-") as name:
        for found in sweep(Path(name, "run"), options.every, options.seed):
            count, wrong = count + 1, wrong + bool(found)
            if found:
                print(*found, sep="\n", flush=True)
    print(f"bytes: {count} changed, {wrong} with effect, {time.perf_counter() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
