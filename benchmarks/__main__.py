"""Measure how many times faster genloss is than the usual script.

``python -m benchmarks [--rounds 5] [name ...]``

Every comparison runs both sides in turn, in one process and one thread, and takes the processor seconds of
one replicate and generation; the ratio is taken pair by pair, and its median is what is reported. The naive
side runs fewer replicates, since its cost is proportional to them; what it does is in `benchmarks/naive.py`.
Where rows are drawn, the last columns say what the random numbers alone cost this machine, in the same turns,
and which share of our time that is.

Then genloss against itself: what one of the first replicates of a tile costs where only they are drawn,
against one of the whole tile; and the same of those after the first, which leaves out what Python costs a
generation however many replicates there are.
"""

from __future__ import annotations

import argparse
import os
import time
from statistics import median

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import numpy as np

from benchmarks import naive
from genloss import Agent, Experiment, generations, generators, metrics, real, regimes
from genloss.loop import start


def ours(real_data, generator, regime, metric, n, replicates, steps=100, rows="auto", size=None):
    exp = Experiment(
        real=real_data,
        agents=Agent(generator, regime),
        n_real=n,
        generations=steps,
        replicates=replicates,
        metrics=[metric],
        rows=rows,
    )

    tiles = -(-replicates // exp.tile_size)

    def go():
        for tile in range(tiles):
            for _, seen in generations(exp, start(exp, tile, size=size)):
                seen[0].measure()

    return go, tiles * (size or exp.tile_size) * steps


def gaussian(regime, n=100, replicates=512, **more):
    return ours(real.Gaussian(10), generators.Gaussian(), regime, metrics.TraceRatio(), n, replicates, **more)


def numbers(n, d, replicates, steps=100):
    """The standard normals that one replicate's generation of rows needs, drawn as the loop draws them."""
    rng, block = np.random.Generator(np.random.SFC64(0)), np.empty((64, n, d))

    def go():
        for _ in range(steps * replicates // len(block)):
            rng.standard_normal(out=block)

    return go, steps * replicates


def scripted(f, replicates, steps=100, **arguments):
    return (lambda: f(generations=steps, replicates=replicates, **arguments)), replicates * steps


CASES = {
    # name: (wanted ratio, ours, naive)
    "gaussian replace, statistics": (
        60,
        lambda: gaussian(regimes.Replace()),
        lambda: scripted(naive.gaussian, 20, d=10, n=100),
    ),
    "gaussian replace, rows": (
        5,
        lambda: gaussian(regimes.Replace(), rows="always", replicates=128),
        lambda: scripted(naive.gaussian, 20, d=10, n=100),
    ),
    "gaussian accumulate, statistics": (
        150,
        lambda: gaussian(regimes.Accumulate()),
        lambda: scripted(naive.gaussian, 10, d=10, n=100, accumulate=True),
    ),
    "gaussian replace, n = 10^4": (
        1000,
        lambda: gaussian(regimes.Replace(), n=10_000),
        lambda: scripted(naive.gaussian, 2, d=10, n=10_000),
    ),
    "kde accumulate, n = 1000": (
        300,
        lambda: ours(real.Moons(), generators.KDE(0.1), regimes.Accumulate(), metrics.HoldoutNLL(), 1000, 4),
        lambda: scripted(naive.kde, 1, n=1000),
    ),
    "regression accumulate, n = 1000": (
        1000,
        lambda: ours(
            real.LinearModel(10),
            generators.LinearRegression(noise=1.0),
            regimes.Accumulate(),
            metrics.TestError(),
            1000,
            512,
        ),
        lambda: scripted(naive.regression, 1, d=10, n=1000),
    ),
}
# what random numbers alone cost; rows are wanted for at most twice that
FLOORS = {"gaussian replace, rows": lambda: numbers(100, 10, 128)}
# a ratio of ours to ours: 10^12 rows a generation must cost what 100 do, at most 1.2 times
LARGE = ("gaussian replace, n = 10^12 against n = 100", 1.2)


# how many of the first replicates, and a whole tile or its first replicates
PARTS = {
    "10 of 64, gaussian rows, n = 1000": (
        10,
        lambda size: gaussian(regimes.Replace(), 1000, 64, rows="always", steps=20, size=size),
    ),
    "10 of 64, kde, n = 1000": (
        10,
        lambda size: ours(
            real.Moons(),
            generators.KDE(0.1),
            regimes.Replace(),
            metrics.HoldoutNLL(),
            1000,
            64,
            steps=5,
            size=size,
        ),
    ),
    "5 of 128, gaussian rows, n = 100": (
        5,
        lambda size: gaussian(regimes.Replace(), 100, 128, rows="always", size=size),
    ),
    "64 of 512, gaussian statistics": (64, lambda size: gaussian(regimes.Replace(), size=size)),
}
# of the cost after the first
SHARE = 1.3


def seconds(work):
    """Processor seconds of one replicate's generation."""
    go, steps = work
    began = time.process_time()
    go()
    return (time.process_time() - began) / steps


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
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs; the median ratio is reported")
    parser.add_argument("names", nargs="*", help="only the comparisons whose name contains one of these")
    options = parser.parse_args()
    wanted, first = (
        [k for k in some if not options.names or any(n in k for n in options.names)]
        for some in ((*CASES, LARGE[0]), PARTS)
    )
    print(f"NumPy {np.__version__}, one thread, medians of {options.rounds} pairs; microseconds a generation")
    print(
        f"{'':45s} {'script':>10s} {'genloss':>10s} {'ratio':>8s} {'range':>15s} {'wanted':>13s} "
        f"{'numbers':>9s} {'share':>6s}"
    )
    for name in wanted:
        if name == LARGE[0]:
            target, (a, b) = LARGE[1], (gaussian(regimes.Replace(), n=10**12), gaussian(regimes.Replace()))
        else:
            target, make, script = CASES[name]
            a, b = script(), make()
        seconds(b)  # caches, imports
        rounds = 3 * options.rounds if name == LARGE[0] else options.rounds
        floor = FLOORS[name]() if name in FLOORS else None
        turns = [(seconds(a), seconds(b), seconds(floor) if floor else 0.0) for _ in range(rounds)]
        ratios = sorted(x / y for x, y, _ in turns)
        theirs, mine = (median(turn[side] for turn in turns) * 1e6 for side in (0, 1))
        alone = f"{median(z for *_, z in turns) * 1e6:9.2f} {median(z / y for _, y, z in turns):6.0%}"
        side = "at most" if name == LARGE[0] else "at least"
        print(
            f"{name:45s} {theirs:10.2f} {mine:10.3f} "
            f"{median(ratios):8.2f} {ratios[0]:7.1f}-{ratios[-1]:<7.1f} {f'{side} {target}':>13s} "
            f"{alone if floor else ''}".rstrip(),
            flush=True,
        )
    if first:
        parts(first, options.rounds)


if __name__ == "__main__":
    main()
