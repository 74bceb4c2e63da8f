"""How often `genloss.collapse.Monitor` raises a false alarm, and how late a true one.

``python -m benchmarks.monitor [--runs 1000] [--delays 200] [--jumps 60] [--replicates 1,3,10,100]
[null ...]``, names being beginnings of those of nulls.

First table: of so many runs of 1,000 generations in which nothing changes, the share with an alarm at any
time, at alpha = .05 and all else by default. A star marks what the monitor does not promise: that evidence
over generations holds where neighbouring generations resemble each other, and evidence over replicates where
these share the noise of a generation or a series looks different backwards.

Second table: a value that falls by 1 % a generation, with independent noise of so much of its size. The
generation by which the monitor has raised the alarm in 50 % and in 80 % of the runs; beside it a test at a
fixed horizon of the same data, which may be looked at once: Mann and Kendall's, and where the monitor's
evidence is over replicates Student's of its counts. Its best horizon, which nobody knows beforehand, is the
shortest one at which it sees the fall in 50 % and in 80 % of the runs. The ratio is that of the 80 %.

Third table: a level that jumps once, in all replicates, and stays. How many generations after the jump the
monitor has raised the alarm in 50 % of the runs, by how many generations there were before it; infinite where
that is not within 200.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from genloss import Agent, Experiment, generations, generators, metrics, real, regimes
from genloss.collapse.monitor import enough, evidence, over_of
from genloss.loop import start

ALPHA, LAST = 0.05, 1000
NOISE = (0.01, 0.1, 0.3, 1.0)
# (runs, R) values at once that stay in a cache with what is kept of 120 generations
VALUES = 400


class Null(NamedTuple):
    draws: Callable  # (rng, shape) -> draw; each call of draw is the next generation
    without: str = ""  # what evidence is over where it is no null of the monitor's
    block: int = 1


def independent(draw):
    return Null(lambda rng, shape: lambda: draw(rng, shape))


def levels(rng, shape):
    """Replicates differ in where they are and how they spread."""
    where, spread = 5 * rng.standard_normal(shape), np.exp(rng.standard_normal(shape))
    return lambda: where + spread * rng.standard_normal(shape)


def chain(rho, new=lambda rng, shape: rng.standard_normal(shape), without="generations", block=1):
    """An AR(1) that has settled."""

    def draws(rng, shape):
        x = np.zeros(shape)

        def draw():
            nonlocal x
            x = rho * x + new(rng, shape)
            return x

        for _ in range(0 if rho == 1 else int(10 / (1 - rho))):
            draw()
        return draw

    return Null(draws, without, block)


def shared(rng, shape):
    """What a generation adds to all its replicates."""
    return lambda: 3 * rng.standard_normal((shape[0], 1)) + rng.standard_normal(shape)


def fresh(rng, shape):
    """Models that train on fresh real rows only, by genloss."""
    exp = Experiment(
        real=real.Gaussian(2),
        agents=Agent(generators.Gaussian(), regimes.Weighted(real=1.0, of=regimes.Replace())),
        n_real=50,
        n_fresh=50,
        generations=LAST,
        replicates=shape[0] * shape[1],
        seed=int(rng.integers(2**32)),
        metrics=[metrics.TraceRatio()],
    )
    loop = generations(exp, start(exp, size=exp.replicates))
    return lambda: next(loop)[1][0].measure()["TraceRatio"].reshape(shape)


NULLS = {
    "normal": independent(lambda rng, shape: rng.standard_normal(shape)),
    "log-normal, sd of logs 2": independent(lambda rng, shape: np.exp(2 * rng.standard_normal(shape))),
    "Student's t of 3": independent(lambda rng, shape: rng.standard_t(3, shape)),
    "counts, Poisson of 1": independent(lambda rng, shape: rng.poisson(1.0, shape).astype(float)),
    "0 or 1, 10 % of 1": independent(lambda rng, shape: (rng.random(shape) < 0.1).astype(float)),
    "0 or 1, 1 % of 1": independent(lambda rng, shape: (rng.random(shape) < 0.01).astype(float)),
    "constant": independent(lambda rng, shape: np.ones(shape)),
    "normal, 20 % NaN": independent(
        lambda rng, shape: np.where(rng.random(shape) < 0.2, np.nan, rng.standard_normal(shape))
    ),
    "levels differ": Null(levels),
    "fresh real rows only": Null(fresh),
    "noise shared by replicates": Null(shared, without="replicates"),
    "AR(1) of .5": chain(0.5),
    "AR(1) of .5, blocks of 20": chain(0.5, without="", block=20),
    "AR(1) of .9": chain(0.9),
    "random walk": chain(1.0),
    "AR(1) of .9, bursts": chain(0.9, lambda rng, shape: np.exp(1.5 * rng.standard_normal(shape)), "both"),
}


def alarms(draw, shape, last, block=1, over=None):
    """(B,) generations of the alarm, infinite where there is none: what monitors would say, B at once."""
    found = np.full(shape[0], np.inf)
    bets = evidence(shape, over_of(shape[1], ALPHA, over))
    for t in range(block, last + 1, block):
        x = draw() if block == 1 else np.mean([draw() for _ in range(block)], axis=0)
        found[enough(bets.add(x), ALPHA) & np.isinf(found)] = t
    return found


def stream(*name):
    return np.random.Generator(np.random.SFC64(zlib.crc32(repr(name).encode())))


def false(names, replicates, runs):
    print(f"Of {runs:,} runs of {LAST:,} generations without a change, those with an alarm; alpha = {ALPHA}")
    print(f"{'':28s}" + "".join(f"{f'R = {r}':>9s}" for r in replicates))
    for name in names:
        null, row = NULLS[name], f"{name:28s}"
        for r in replicates:
            most, over = max(VALUES // r, 1), over_of(r, ALPHA)
            found = [
                alarms(
                    null.draws(stream(name, r, i), (min(most, runs - i), r)),
                    (min(most, runs - i), r),
                    LAST,
                    null.block,
                )
                for i in range(0, runs, most)
            ]
            star = "*" if null.without in (over, "both") and (r > 1 or over != "replicates") else " "
            row += f"{np.isfinite(np.concatenate(found)).mean():8.1%}{star}"
        print(row.rstrip(), flush=True)


def powers(x, over):
    """(T,) share of (B,) runs in which a test at each horizon sees a change; x is (T, B, R)."""
    last, runs, r = x.shape
    counts, seen = np.zeros((runs, r)), np.zeros(last)
    for t in range(1, last):
        counts += np.sign(x[t] - x[:t]).sum(axis=0)
        n = t + 1
        if over == "replicates":
            error = counts.std(axis=1, ddof=1) / np.sqrt(r)
            limit = stats.t.ppf(1 - ALPHA / 2, r - 1)
            seen[t] = (np.abs(counts.mean(axis=1)) > limit * error).mean()
        else:
            error = np.sqrt(r * n * (n - 1) * (2 * n + 5) / 18)
            seen[t] = (np.abs(counts.sum(axis=1)) - 1 > stats.norm.ppf(1 - ALPHA / 2) * error).mean()
    return seen


def late(replicates, runs):
    print(f"A fall of 1 % a generation, {runs} runs each: generation by which 50 % and 80 % of them are seen")
    print(f"{'':27s}{'monitor':>14s}{'best fixed horizon':>21s}")
    print(
        f"{'R':>4s}{'noise':>7s}  {'over':14s}{'50 %':>8s}{'80 %':>6s}{'50 %':>13s}{'80 %':>8s}{'ratio':>8s}"
    )
    for r in replicates:
        for noise in NOISE:
            over, rng, last = over_of(r, ALPHA), stream("late", r, noise), 400 if r < 10 else 150
            x = 0.99 ** np.arange(last)[:, None, None] * (1 + noise * rng.standard_normal((last, runs, r)))
            each = iter(x)
            found = alarms(each.__next__, (runs, r), last)
            seen = powers(x, over)
            middle, most = np.quantile(found, [0.5, 0.8], method="inverted_cdf")
            half, best = (1 + int(np.argmax(seen >= p)) if (seen >= p).any() else np.inf for p in (0.5, 0.8))
            row = f"{r:4d}{noise:7.0%}  {over:14s}{middle:8.0f}{most:6.0f}{half:13.0f}{best:8.0f}"
            print(f"{row}{most / best:8.1f}", flush=True)


def jump(values):
    """A level that jumps: (rng, shape, the last generation before) -> draw, of values before and after."""
    return lambda rng, shape, last: (values(rng, shape, t > last) for t in range(1, 201)).__next__


JUMPS = {
    "by 5 times the noise": jump(lambda rng, shape, over: 5.0 * over + rng.standard_normal(shape)),
    "by the noise": jump(lambda rng, shape, over: over + rng.standard_normal(shape)),
    "to infinity": jump(lambda rng, shape, over: np.where(over, np.inf, rng.standard_normal(shape))),
    "from 0 to 1": jump(lambda rng, shape, over: np.full(shape, float(over))),
}
BEFORE = (1, 2, 3, 5, 10, 20, 50)


def jumps(replicates, runs):
    print(f"A level that jumps and stays, {runs} runs each: generations until 50 % of them are seen")
    print(f"{'R':>4s}  {'over':14s}{'after generation':22s}" + "".join(f"{g:6d}" for g in BEFORE))
    for r in replicates:
        for name, draw in JUMPS.items():
            row = f"{r:4d}  {over_of(r, ALPHA):14s}{name:22s}"
            for g in BEFORE:
                found = alarms(draw(stream("jump", r, name, g), (runs, r), g), (runs, r), 200) - g
                row += f"{np.quantile(found, 0.5, method='inverted_cdf'):6.0f}"
            print(row, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitor", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=1000, help="of each null")
    parser.add_argument("--delays", type=int, default=200, help="runs of each decay; 0 for none")
    parser.add_argument("--jumps", type=int, default=60, help="runs of each jump; 0 for none")
    parser.add_argument("--replicates", default="1,3,10,100", help="by default %(default)s")
    parser.add_argument("names", nargs="*", help="only the nulls whose name begins with one of these")
    options = parser.parse_args()
    names = [n for n in NULLS if not options.names or n.startswith(tuple(options.names))]
    replicates = [int(r) for r in options.replicates.split(",")]
    if options.runs:
        false(names, replicates, options.runs)
    if options.runs and options.delays:
        print()
    if options.delays:
        late(replicates, options.delays)
    if options.jumps and (options.runs or options.delays):
        print()
    if options.jumps:
        jumps(replicates, options.jumps)


if __name__ == "__main__":
    main()
