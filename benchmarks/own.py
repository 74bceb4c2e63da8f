"""Measure genloss against itself: what many rows cost, and what the first replicates of a tile do.

``python -m benchmarks.own [--rounds 5] [name ...]``

10^12 rows a generation are to cost what 100 do. One of the first replicates of a tile, where only they are
drawn, is to cost what one of the whole tile does; and the same of those after the first, which leaves out
what Python costs a generation however many replicates there are. Both sides run in turn; times are processor
microseconds of one replicate's generation.
"""

from __future__ import annotations

import argparse
import os
from statistics import median

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

from benchmarks.timing import gaussian, kde, seconds
from genloss import regimes

# 10^12 rows a generation against 100
LARGE, AT_MOST = "gaussian replace, n = 10^12 against n = 100", 1.2

# how many of the first replicates, and a whole tile or its first replicates
PARTS = {
    "10 of 64, gaussian rows, n = 1000": (
        10,
        lambda size: gaussian(regimes.Replace(), 1000, 64, rows="always", steps=20, size=size),
    ),
    "10 of 64, kde, n = 1000": (10, lambda size: kde(regimes.Replace(), 1000, 64, steps=5, size=size)),
    "5 of 128, gaussian rows, n = 100": (
        5,
        lambda size: gaussian(regimes.Replace(), 100, 128, rows="always", size=size),
    ),
    "64 of 512, gaussian statistics": (64, lambda size: gaussian(regimes.Replace(), size=size)),
}
# of the cost after the first
SHARE = 1.3


def large(rounds):
    """Print what 10^12 rows a generation cost, in units of what 100 do."""
    works = gaussian(regimes.Replace()), gaussian(regimes.Replace(), n=10**12)
    seconds(works[0])  # caches, imports
    turns = [[seconds(work) for work in works] for _ in range(3 * rounds)]
    ratios = sorted(many / few for few, many in turns)
    print(
        f"{LARGE}: ratio {median(ratios):.2f}, from {ratios[0]:.2f} to {ratios[-1]:.2f}; "
        f"wanted at most {AT_MOST}"
    )


def parts(names, rounds):
    """Print what the first replicates of a tile cost, in units of what they cost in the whole tile."""
    print(
        f"\n{'the first replicates of a tile':45s} {'whole':>10s} {'part':>10s} {'ratio':>8s} {'range':>15s} "
        f"{'after first':>13s} {'wanted':>13s}"
    )
    for name in names:
        size, make = PARTS[name]
        works = [make(None), make(size), make(1)]
        for work in works:
            seconds(work)
        turns = [[seconds(work) for work in works] for _ in range(rounds)]
        ratios = sorted(part / whole for whole, part, _ in turns)
        beyond = median((size * part - one) / ((size - 1) * whole) for whole, part, one in turns)
        whole, part = (median(turn[side] for turn in turns) * 1e6 for side in (0, 1))
        print(
            f"{name:45s} {whole:10.2f} {part:10.3f} "
            f"{median(ratios):8.2f} {ratios[0]:7.1f}-{ratios[-1]:<7.1f} "
            f"{beyond:13.2f} {f'at most {SHARE}':>13s}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="turns; the median ratio is reported")
    parser.add_argument("names", nargs="*", help="only the comparisons whose name contains one of these")
    options = parser.parse_args()
    wanted, first = (
        [k for k in some if not options.names or any(n in k for n in options.names)]
        for some in ((LARGE,), PARTS)
    )
    if wanted:
        large(options.rounds)
    if first:
        parts(first, options.rounds)


if __name__ == "__main__":
    main()
