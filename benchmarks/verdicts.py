"""How often verdicts say what is true, on simulated lines whose truth is known.

``python -m benchmarks.verdicts [statuses|meanings|speed] [--runs 100] [name ...]``

*statuses*: for each case how often a trajectory is said to be moving / level / without change / undecided,
in percent, for the mean and for the typical replicate, and how often the 95 % intervals of its rates cover.
Marked are numbers beyond the bounds: a wrong definite answer in more than 5 %; where the truth is visible,
a right one in fewer than 95 % (moving) or 90 % (levels off, no change); coverage below 88 %. *meanings*: how
often each of the eight meanings is answered wrongly. *speed*: seconds for 10^6 rows of results.
"""

from __future__ import annotations

import argparse
import os
import time
import zlib
from collections import Counter

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import numpy as np

from benchmarks.answers import main_answers, main_speed
from benchmarks.trajectories import CASES
from genloss.collapse.rates import of_values

STATUSES = ("still moving", "levels off", "no change seen", "undecided")
SIZES = ((20, 50), (20, 100), (100, 50), (100, 100), (400, 50), (400, 100))


def right(share):
    """The status that is true, and those that are wrong."""
    if share is None:
        return "", ()
    if np.isnan(share):
        return "no change seen", ("still moving", "levels off")
    if share >= 0.8:
        return "levels off" if share >= 0.949 else "", ("still moving",)
    return "still moving" if share <= 0.3 else "", ("levels off",)


def statuses(name, size, runs):
    """Counts of statuses by "mean" and "typical", and (rate, runs with one, covered, wide) of each rate."""
    case, (r, t) = CASES[name], size
    rng = np.random.Generator(np.random.SFC64([zlib.crc32(name.encode()), r, t]))
    said = {"mean": Counter(), "typical": Counter()}
    covers = [[0, 0] for _ in case.rates]
    for _ in range(runs):
        x = case.draw(rng, t, r)
        for of, count in said.items():
            g = of_values(x, np.arange(1, t + 1), of, case.scale)
            count[g.status] += 1
            for (mine, law, rate, truth), seen in zip(case.rates, covers, strict=True):
                i = g.rate(law, rate) if mine == of else None
                if i is not None:
                    seen[0] += 1
                    seen[1] += i.low <= truth(t) <= i.high
    return said, covers


def beyond(of, case, size, count, runs):
    """Whether counts lie beyond the bounds, by more than two standard errors of the simulation."""
    r, t = size
    share = getattr(case, of)
    best, wrong = right(None if share is None else share(t))
    error = 2 * np.sqrt(0.05 * 0.95 / runs)
    marks = []
    if sum(count[w] for w in wrong) / runs > 0.05 + error:
        marks.append("wrong")
    if best == "no change seen" and count["still moving"] / runs > 0.04 + error:
        marks.append("moving")
    if best == "no change seen" or (best and case.visible and r >= 100):
        least = 0.95 if best == "still moving" else 0.9
        if count[best] / runs < least - error:
            marks.append("few")
    return " ".join(marks)


def main_statuses(names, runs, sizes=SIZES):
    print(f"statuses in %: moving/levels/no change/undecided; coverage of rates in %; {runs} runs each")
    marked, cells = 0, []
    for name, case in CASES.items():
        if names and not name.startswith(tuple(names)):
            continue
        for size in sizes:
            said, covers = statuses(name, size, runs)
            row = f"{name:34s} R={size[0]:<4d}T={size[1]:<4d}"
            for of, count in said.items():
                mark = beyond(of, case, size, count, runs)
                marked += bool(mark)
                row += f"{of} {'/'.join(f'{100 * count[s] / runs:3.0f}' for s in STATUSES)} {mark:12s} "
            for (of, _, rate, _), (seen, covered) in zip(case.rates, covers, strict=True):
                if seen >= runs / 10:
                    cells.append(covered / seen)
                    row += f" {of[:4]} {rate} {100 * covered / seen:.0f}"
                    row += "!" if covered / seen < 0.88 - 2 * np.sqrt(0.88 * 0.12 / seen) else ""
            print(row, flush=True)
    print(f"{marked} marked")
    if cells:
        c = np.array(cells)
        band = np.mean((c >= 0.92) & (c <= 0.98))
        below = np.mean(c < 0.88)
        print(f"rates: {band:.0%} of {c.size} in 92-98 %, least {100 * c.min():.1f}, {below:.0%} below 88")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", nargs="?", default="statuses", choices=("statuses", "meanings", "speed"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--size", help="only R,T")
    args = parser.parse_args()
    began = time.process_time()
    sizes = [tuple(int(v) for v in args.size.split(","))] if args.size else SIZES
    if args.what == "speed":
        return main_speed()
    if args.what == "meanings":
        main_answers(args.names, args.runs)
    else:
        main_statuses(args.names, args.runs, sizes)
    print(f"{time.process_time() - began:.0f} core-seconds")


if __name__ == "__main__":
    main()
