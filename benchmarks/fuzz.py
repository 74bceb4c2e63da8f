"""Throw random damage at the command line: specs, tables and run folders that went wrong.

``python -m benchmarks.fuzz [--specs 1000] [--tables 1000] [--runs 500] [--seed 0]``

Whatever it is given, a command exits with 0, 1 or 2 within ten seconds of its own time, and says of an error
a few short lines that name the culprit, without a traceback. A run folder that was damaged gives, after the
same run, the bits that it had. Each failure is printed with its seed, and ``--specs 1 --tables 0 --runs 0
--seed SEED`` repeats one of a spec.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

from benchmarks import fuzz_folders, fuzz_specs, fuzz_tables

KINDS: dict[str, Callable[[int], list[str]]] = {
    "specs": fuzz_specs.attack,
    "tables": fuzz_tables.attack,
    "runs": fuzz_folders.attack,
}


def main() -> int:
    """Attack, and say how many attacks found a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    for kind, count in (("specs", 1000), ("tables", 1000), ("runs", 500)):
        parser.add_argument(f"--{kind}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    failed = 0
    for kind, attack in KINDS.items():
        began, wrong, count = time.perf_counter(), 0, vars(options)[kind]
        for seed in range(options.seed, options.seed + count):
            if found := attack(seed):
                wrong += 1
                print(f"{kind}, seed {seed}:", *found, sep="\n    ", flush=True)
        print(
            f"{kind}: {count} attacks, {wrong} with faults, {time.perf_counter() - began:.0f} s", flush=True
        )
        failed += wrong
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
