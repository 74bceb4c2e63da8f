"""Measure how many times faster genloss is than the usual script, and how far from what dice alone cost.

``python -m benchmarks [--rounds 5] [name ...]``

It prints one table, in Markdown. In every round each setting runs three things in turn, in one process and
one thread: the script of `benchmarks/naive.py`, genloss, and the random numbers that the law needs, drawn as
the loop draws them and used for nothing: a *floor* under what any program could take that draws them on this
machine. Times are processor seconds of 1,000 replicates over all generations; a round runs fewer, and its
times are scaled up. Ratios are taken round by round, and their median is reported.

What genloss costs against itself, for parts of a tile and for very many rows, is for `benchmarks.own`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import numpy as np

from benchmarks import naive, timing
from genloss import regimes

REPLICATES = 1000
BLOCK = 64
Work = tuple[Callable[[], Any], int]
Dice = Callable[[np.random.Generator, int], Any]


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Args:
        ours: makes the loop of ours, and how many generations of one replicate it has.
        script: function of `naive`, how many replicates of it a round runs, and its arguments; None where no
            script could hold the rows.
        dice: what draws the random numbers of so many generations of 64 replicates.
        wanted: the least ratio that we want.
        steps: generations.
    """

    ours: Callable[[], Work]
    script: tuple[Callable[..., Any], int, dict[str, Any]] | None
    dice: Dice
    wanted: float | None
    steps: int = 100

    def works(self) -> dict[str, Work]:
        """Script, ours and floor, each with how many generations of one replicate it has."""
        rng = np.random.Generator(np.random.SFC64(0))
        some = {"ours": self.ours(), "floor": (lambda: self.dice(rng, self.steps), BLOCK * self.steps)}
        if self.script is not None:
            f, few, arguments = self.script
            some["script"] = (
                lambda: f(generations=self.steps, replicates=few, **arguments),
                few * self.steps,
            )
        return some


def wishart(n: float, d: int) -> Dice:
    """Mean and scatter of n normal rows, by Bartlett's decomposition."""
    shapes = (n - 1 - np.arange(d)) / 2

    def draw(rng, steps):
        for _ in range(steps):
            rng.standard_normal((BLOCK, d + d * (d - 1) // 2))
            rng.standard_gamma(shapes, size=(BLOCK, d))

    return draw


def rows(n: int, d: int) -> Dice:
    """The rows themselves."""
    block = np.empty((BLOCK, n, d))
    return lambda rng, steps: [rng.standard_normal(out=block) for _ in range(steps)]


def fit(n: int, d: int) -> Dice:
    """Coefficients and residual of n labels of the same inputs."""

    def draw(rng, steps):
        for _ in range(steps):
            rng.standard_normal((BLOCK, d))
            rng.standard_gamma((n - d) / 2, size=BLOCK)

    return draw


def kernels(n: int, d: int) -> Dice:
    """The row that each of n new rows lies about, of all so far, and where."""

    def draw(rng, steps):
        for t in range(steps):
            for _ in range(BLOCK // 4):
                rng.integers(n * (t + 1), size=(4, n))
                rng.standard_normal((4, n, d))

    return draw


def counts(n: int, k: int) -> Dice:
    """The counts of n symbols of k: first with Zipf's probabilities, then with the frequencies before."""

    def draw(rng, steps):
        p = 1 / np.arange(1, k + 1)
        p = np.broadcast_to(p / p.sum(), (BLOCK, k))
        for _ in range(steps):
            p = rng.multinomial(n, p) / n

    return draw


REPLACE, ACCUMULATE = regimes.Replace(), regimes.Accumulate()
SETTINGS = {
    "gaussian replace, n = 100": Setting(
        lambda: timing.gaussian(REPLACE), (naive.gaussian, 20, {"d": 10, "n": 100}), wishart(100, 10), 60
    ),
    "the same with rows drawn": Setting(
        lambda: timing.gaussian(REPLACE, rows="always", replicates=128),
        (naive.gaussian, 20, {"d": 10, "n": 100}),
        rows(100, 10),
        5,
    ),
    "gaussian replace, n = 10^4": Setting(
        lambda: timing.gaussian(REPLACE, n=10_000),
        (naive.gaussian, 2, {"d": 10, "n": 10_000}),
        wishart(10_000, 10),
        1000,
    ),
    "gaussian replace, n = 10^12": Setting(
        lambda: timing.gaussian(REPLACE, n=10**12), None, wishart(1e12, 10), None
    ),
    "gaussian accumulate, n = 100": Setting(
        lambda: timing.gaussian(ACCUMULATE),
        (naive.gaussian, 10, {"d": 10, "n": 100, "accumulate": True}),
        wishart(100, 10),
        150,
    ),
    "regression accumulate, n = 1000": Setting(
        timing.regression, (naive.regression, 1, {"d": 10, "n": 1000}), fit(1000, 10), 1000
    ),
    "kernel density accumulate, n = 1000": Setting(
        lambda: timing.kde(ACCUMULATE, steps=40), (naive.kde, 1, {"n": 1000}), kernels(1000, 2), 200, 40
    ),
    "symbols replace, n = 1000": Setting(
        timing.symbols, (naive.symbols, 10, {"k": 100, "n": 1000}), counts(1000, 100), 5
    ),
}


def rounded(x: float) -> str:
    """Three digits, and all before the point."""
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def row(name: str, setting: Setting, turns: list[dict[str, float]]) -> str:
    """A line of the table, of processor seconds of one replicate's generation in every round."""
    of = {side: np.array([turn[side] for turn in turns]) for side in turns[0]}
    cost = {side: rounded(np.median(x) * REPLICATES * setting.steps) for side, x in of.items()}
    script = faster = wanted = "–"
    if "script" in of:
        ratios = of["script"] / of["ours"]
        low, middle, high = (rounded(x) for x in np.quantile(ratios, [0, 0.5, 1]))
        script, faster, wanted = cost["script"], f"**{middle}** ({low} to {high})", f"{setting.wanted:,}"
    beyond = rounded(float(np.median(of["ours"] / of["floor"])))
    cells = name, str(setting.steps), script, cost["ours"], faster, wanted, cost["floor"], beyond
    return f"| {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="the median ratio of them is reported")
    parser.add_argument("names", nargs="*", help="only the settings whose name contains one of these")
    options = parser.parse_args()
    wanted = {
        k: s for k, s in SETTINGS.items() if not options.names or any(name in k for name in options.names)
    }
    works = {name: setting.works() for name, setting in wanted.items()}
    for some in works.values():  # caches, imports
        timing.seconds(some["ours"])
        timing.seconds(some["floor"])
    # every setting in every round: what else the machine does falls on all of them
    turns = [
        {name: {side: timing.seconds(w) for side, w in some.items()} for name, some in works.items()}
        for _ in range(options.rounds)
    ]
    print("| setting | generations | script | genloss | faster | wanted | floor | genloss / floor |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, setting in wanted.items():
        print(row(name, setting, [turn[name] for turn in turns]))
    print(
        f"\nCore-seconds of {REPLICATES:,} replicates, medians of {options.rounds} rounds in one thread; "
        f"NumPy {np.__version__}."
    )


if __name__ == "__main__":
    main()
