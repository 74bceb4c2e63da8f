"""How often the intervals of `genloss.intervals` cover.

``python -m benchmarks.coverage [--runs 2000] [name ...]``, names being beginnings of those of cases.

A case is a law whose mean and median are known. Of loops that are dear to run, it is the empirical law of
some thousand replicates, whose mean and median are exact too.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import digamma

from genloss import Agent, Experiment, generations, generators, intervals, metrics, real, regimes

SIZES = (10, 20, 50, 100)


class Case(NamedTuple):
    scale: str
    draw: Callable  # (rng, shape) -> values
    mean: float
    median: float
    discrete: bool = False
    hopeless: bool = False  # named so in the docstring of `mean`


def law(scale, d, sign=1.0, hopeless=False):
    discrete = not hasattr(d.dist, "pdf")
    return Case(
        scale,
        lambda rng, shape: sign * d.rvs(size=shape, random_state=rng).astype(float),
        sign * d.mean(),
        sign * d.median(),
        discrete,
        hopeless,
    )


def empirical(scale, pool, hopeless=False):
    """The law of a replicate chosen from a pool, which is made when first drawn from."""
    return Case(
        scale,
        lambda rng, shape: rng.choice(pool(), size=shape),
        lambda: pool().mean(),
        lambda: np.median(pool()),
        hopeless=hopeless,
    )


def mixture(scale, p, a, b, hopeless=False):
    """One law with probability 1 - p, another with p."""
    far = max(abs(d.ppf(q)) for d in (a, b) for q in (0.001, 0.999)) + 1.0
    grid = np.linspace(-far, far, 400_001)

    def draw(rng, shape):
        of_b = rng.random(shape) < p
        return np.where(of_b, b.rvs(size=shape, random_state=rng), a.rvs(size=shape, random_state=rng))

    return Case(
        scale,
        draw,
        (1 - p) * a.mean() + p * b.mean(),
        float(np.interp(0.5, (1 - p) * a.cdf(grid) + p * b.cdf(grid), grid)),
        hopeless=hopeless,
    )


def trace(n, t, log=False):
    """Of a one-dimensional Gaussian under Replace: a product of chi-squares."""

    def draw(rng, shape):
        y = sum(np.log(rng.chisquare(n - 1, shape) / n) for _ in range(t))
        return y if log else np.exp(y)

    return Case(
        "nats" if log else "ratio",
        draw,
        t * (digamma((n - 1) / 2) + np.log(2 / n)) if log else (1 - 1 / n) ** t,
        float(np.median(draw(np.random.Generator(np.random.SFC64(1)), 400_000))),
    )


def errors(n, p):
    """The share of wrong ones of n rows."""
    median = stats.binom(n, p).median() / n
    return Case("share", lambda rng, shape: rng.binomial(n, p, shape) / n, p, median, discrete=True)


def zeros(scale, p, d):
    """A law, or 0 with probability p."""
    return Case(
        scale,
        lambda rng, s: np.where(rng.random(s) < p, 0.0, d.rvs(size=s, random_state=rng)),
        (1 - p) * d.mean(),
        0.0 if p >= 0.5 else d.ppf((0.5 - p) / (1 - p)),
        discrete=True,
    )


@cache
def loop(metric, source, generator, n, t):
    """A metric after t generations of 20,000 replicates."""
    exp = Experiment(
        real=source,
        agents=Agent(generator, regimes.Replace()),
        n_real=n,
        generations=t,
        replicates=20_000,
        metrics=[metric],
    )
    last = [list(generations(exp, tile=i))[-1] for i in range(-(-exp.replicates // exp.tile_size))]
    return np.concatenate([next(iter(seen[0].measure().values())) for _, seen in last])


@cache
def kde(t, n=100, h=0.1, replicates=1500):
    """NLL of 200 held-out rows by a kernel density on two moons under Replace."""
    rng = np.random.Generator(np.random.SFC64(2))
    y = real.Moons().holdout()[:200]
    x = real.Moons().draw(replicates, n, rng)
    for _ in range(t - 1):
        drawn = rng.integers(n, size=(replicates, n, 1))
        x = np.take_along_axis(x, drawn, axis=1) + h * rng.standard_normal(x.shape)
    out = np.empty(replicates)
    for r, rows in enumerate(x):
        z = -((y[:, None] - rows) ** 2).sum(axis=2) / (2 * h * h)
        top = z.max(axis=1)
        out[r] = np.log(n * 2 * np.pi * h * h) - (top + np.log(np.exp(z - top[:, None]).sum(axis=1))).mean()
    return out


def gaussian(metric, d, n, t):
    return empirical("ratio", lambda: loop(metric, real.Gaussian(dim=d), generators.Gaussian(), n, t))


def regression(n, t, noise=1.0, hopeless=False):
    least = generators.LinearRegression(design="same", noise=noise)
    return empirical(
        "ratio", lambda: loop(metrics.TestError(), real.LinearModel(dim=10, noise=1.0), least, n, t), hopeless
    )


S, TR, ME = stats, metrics.TraceRatio(), metrics.MeanError()
CASES = {
    "trace d=10 n=100 t=100": gaussian(TR, 10, 100, 100),
    "trace d=10 n=20 t=20": gaussian(TR, 10, 20, 20),
    "trace d=1 n=100 t=100": trace(100, 100),
    "trace d=1 n=10 t=20": trace(10, 20),
    "trace d=1 n=10 t=100": trace(10, 100),
    "log trace d=1 n=10 t=20": trace(10, 20, log=True),
    "mean error d=3 n=100 t=100": gaussian(ME, 3, 100, 100),
    "mean error d=1 n=20 t=5": gaussian(ME, 1, 20, 5),
    "KDE moons t=20, NLL": empirical("nats", lambda: kde(20)),
    "KDE moons t=100, NLL": empirical("nats", lambda: kde(100)),
    "regression d=10 n=14 t=1": regression(14, 1),
    "regression d=10 n=14 t=20": regression(14, 20),
    "regression d=10 n=14 t=50, noise estimated": regression(14, 50, None, hopeless=True),
    "regression d=10 n=100 t=20": regression(100, 20),
    **{f"log-normal s={s:g}": law("ratio", S.lognorm(s)) for s in (0.1, 0.5, 1, 2, 3)},
    **{f"gamma k={k:g}": law("ratio", S.gamma(k)) for k in (0.5, 1, 5)},
    **{f"Weibull k={k:g}": law("ratio", S.weibull_min(k)) for k in (0.7, 5)},
    "inverse gamma a=5": law("ratio", S.invgamma(5)),
    "Pareto a=5": law("ratio", S.pareto(5)),
    "Pareto a=3": law("ratio", S.pareto(3)),
    "rare jumps, 5 % times 20": mixture("ratio", 0.05, S.lognorm(0.3), S.lognorm(0.3, scale=20), True),
    "jumps, 20 % times 5": mixture("ratio", 0.2, S.lognorm(0.3), S.lognorm(0.3, scale=5)),
    "half collapsed to 1 %": mixture("ratio", 0.5, S.lognorm(0.3), S.lognorm(0.3, scale=0.01)),
    **{f"t {k}": law("nats", S.t(k)) for k in (3, 5)},
    "normal": law("plain", S.norm(-5, 2)),
    "uniform": law("plain", S.uniform(-1, 2)),
    "Laplace": law("plain", S.laplace()),
    "skew normal": law("nats", S.skewnorm(5)),
    "Gumbel": law("nats", S.gumbel_r()),
    "minus exponential": law("nats", S.expon(), sign=-1.0),
    "minus log-normal s=1": law("nats", S.lognorm(1), sign=-1.0),
    "log-normal s=1.5, plain": law("plain", S.lognorm(1.5)),
    "contaminated normal": mixture("plain", 0.1, S.norm(), S.norm(0, 5)),
    "bumps 45:55": mixture("plain", 0.55, S.norm(-5, 1), S.norm(5, 1)),
    "beta 2, 50": law("share", S.beta(2, 50)),
    "beta 0.3, 5": law("share", S.beta(0.3, 5)),
    "beta 50, 1": law("share", S.beta(50, 1)),
    "Poisson 1": law("count", S.poisson(1)),
    "Poisson 10": law("count", S.poisson(10)),
    "Poisson 300": law("count", S.poisson(300)),
    "negative binomial 1, 0.1": law("count", S.nbinom(1, 0.1)),
}  # fmt: skip
EDGE = {
    **{
        f"of {n} rows {100 * p:g} %": errors(n, p)
        for n, p in ((1, 0.03), (1, 0.1), (1, 0.5), (5, 0.01), (50, 0.001), (50, 0.01), (50, 0.98))
    },
    "share 0 in 90 %": zeros("share", 0.9, S.beta(2, 10)),
    "share 0 in 50 %": zeros("share", 0.5, S.beta(2, 10)),
    "share 0.5 in 40 %, else less": Case(
        "share",
        lambda rng, s: np.where(rng.random(s) < 0.4, 0.5, rng.uniform(0.38, 0.5, s)),
        0.464,
        0.48,
        True,
    ),
    **{f"Poisson {m:g}": law("count", S.poisson(m)) for m in (0.01, 0.1, 0.3)},
    "334 less a few": Case("count", lambda rng, s: 334.0 - rng.binomial(10, 0.01, s), 333.9, 334.0, True),
    "negative binomial 0.3, 0.1": law("count", S.nbinom(0.3, 0.1)),
    "1 and geometric": law("count", S.geom(0.8)),
}  # fmt: skip

ALL = {**CASES, **EDGE}


def coverage(name, n, runs, which="mean"):
    """The share of runs in which the interval over n replicates covers."""
    case = ALL[name]
    x = case.draw(np.random.Generator(np.random.SFC64([zlib.crc32(name.encode()), n])), (runs, n))
    true = getattr(case, which)
    true = true() if callable(true) else true
    _, low, high = intervals.mean(x, case.scale) if which == "mean" else intervals.typical(x)
    rounding = 1e-12 * abs(true)
    return float(np.mean((low <= true + rounding) & (true - rounding <= high)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--runs", type=int, default=2000)
    args = parser.parse_args()
    sizes = "".join(f"{f'R={n}':>7s}" for n in SIZES)
    print(f"{'coverage in %':52s}typical: {'R=6':>7s}{sizes}    mean: {sizes}")
    some = {}
    for name, case in ALL.items():
        if args.names and not name.startswith(tuple(args.names)):
            continue
        typical = [coverage(name, n, args.runs, "median") for n in (6, *SIZES)]
        mean = [coverage(name, n, args.runs) for n in SIZES]
        numbers = ["".join(f"{100 * c:7.1f}" for c in part) for part in (typical, mean)]
        print(f"{name:43s} {case.scale:17s}{numbers[0]}          {numbers[1]}{'  hopeless' * case.hopeless}")
        some.setdefault(f"typical, {'discrete' if case.discrete else 'continuous'}", []).extend(typical)
        if not case.hopeless:
            some.setdefault(f"mean{', at an edge' * (name in EDGE)}", []).extend(mean)
    for what, cells in some.items():
        c = np.array(cells)
        within = np.mean((c >= 0.92) & (c <= 0.98))
        print(f"{what}: {within:.0%} of {c.size} in 92-98 %, least {100 * c.min():.1f}")


if __name__ == "__main__":
    main()
