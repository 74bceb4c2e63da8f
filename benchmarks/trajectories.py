"""Trajectories of many replicates whose truth is known: nulls, growth, limits, and what no law describes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma

NONE = np.nan
"""Share behind where nothing changes."""


@dataclass(frozen=True)
class Case:
    """A trajectory whose truth is known.

    Args:
        draw: (T, R) values, given a generator, T and R.
        scale: of the values.
        mean: share of the mean's change that lies behind generation T, given T; NaN where nothing changes;
            None where there is no such share.
        typical: the same of the typical replicate.
        visible: whether R = 100 replicates are enough to see it.
        rates: (of, law, rate, truth given T), each.
    """

    draw: Callable
    scale: str = "plain"
    mean: Callable | None = None
    typical: Callable | None = None
    visible: bool = True
    rates: tuple = ()


def steps(t):
    return np.arange(1, t + 1)[:, None]


def walk(g, t, r, size):
    """A random walk that ends with this standard deviation."""
    return np.cumsum(g.standard_normal((t, r)), axis=0) * size / np.sqrt(t)


def white(g, t, r, size=0.3):
    return size * g.standard_normal((t, r)) + 0.2 * g.standard_normal(r)


def ar(g, t, r, size=0.3, rho=0.9):
    x = np.empty((t, r))
    x[0] = g.standard_normal(r)
    for k in range(1, t):
        x[k] = rho * x[k - 1] + np.sqrt(1 - rho**2) * g.standard_normal(r)
    return size * x


def outliers(g, t, r):
    return white(g, t, r) + 10 * (g.random((t, r)) < 0.01) * g.standard_normal((t, r))


def missing(x, g, share=0.3):
    """A share of the replicates stop somewhere."""
    t, r = x.shape
    stop = np.where(g.random(r) < share, g.integers(1, t, r), t)
    return np.where(np.arange(t)[:, None] < stop, x, np.nan)


def levelling(behind, form, noise, size=2.0):
    """A bounded law of which a share lies behind."""

    def draw(g, t, r):
        s = steps(t)
        if form == "exp":
            f = -np.expm1(np.log1p(-behind) * (s - 1) / (t - 1)) / behind
        else:
            f = (1 - s ** (np.log1p(-behind) / np.log(t))) / behind
        return size * f + noise(g, t, r)

    return draw


def both(share):
    return {"mean": share, "typical": share}


def limited(behind, form, noise=None):
    def noisy(g, t, r):
        return walk(g, t, r, 0.3) + 0.2 * g.standard_normal((t, r))

    if form == "exp":
        law, name = "bounded exponential", "half-life"

        def truth(t):
            return -np.log(2) * (t - 1) / np.log1p(-behind)
    else:
        law, name = "bounded power", "exponent"

        def truth(t):
            return np.log1p(-behind) / np.log(t)

    rates = tuple(
        (of, law, rate, value)
        for of in ("mean", "typical")
        for rate, value in (("limit", lambda t: 2 / behind), (name, truth))
    )
    return Case(levelling(behind, form, noise or noisy), rates=rates, **both(lambda t: behind))


def growing(form, noise, rates=(), **more):
    return Case(
        lambda g, t, r: form(steps(t), t) + noise(g, t, r), rates=rates, **both(lambda t: 0.0), **more
    )


def per_generation(size=1.0):
    return tuple((of, "linear", "per generation", lambda t: size / t) for of in ("mean", "typical"))


def gaussian(n, ddof, which, d=1):
    """Replace of a Gaussian: the variance, or the squared error of the mean, of d = 1 or of d independent."""

    def draw(g, t, r):
        shape = (t, r, d)
        v = np.cumprod(g.chisquare(n - 1, shape) / (n - ddof), axis=0)
        if which == "trace":
            return v.mean(axis=2)
        before = np.concatenate([np.ones((1, r, d)), v[:-1]])
        return (np.cumsum(g.standard_normal(shape) * np.sqrt(before / n), axis=0) ** 2).sum(axis=2)

    return draw


def regression(accumulate):
    """Least squares, n = 100, d = 10, the same inputs."""

    def draw(g, t, r):
        z = g.standard_normal((t, r, 10)) / np.sqrt(89)
        return (np.cumsum(z / (steps(t)[:, None] if accumulate else 1), axis=0) ** 2).sum(axis=2)

    return draw


def squares(t):
    """Share of sum 1/k^2 that lies behind."""
    s = np.cumsum(1 / np.arange(1, t + 1) ** 2)
    return (s[-1] - 1) / (np.pi**2 / 6 - 1)


def absorbed(g, t, r):
    """Symbols that are left of 20 resampled 30 times a generation."""
    p = np.full((r, 20), 1 / 20)
    out = np.empty((t, r))
    for k in range(t):
        p = g.multinomial(30, p) / 30
        out[k] = (p > 0).sum(axis=1)
    return out


def lost(n):
    """Share of the way to 0 of a variance that shrinks by 1 - 1/n, its typical replicate's by more."""
    rate = -(digamma((n - 1) / 2) + np.log(2 / n))
    return {
        "mean": lambda t: 1 - (1 - 1 / n) ** (t - 1),
        "typical": lambda t: -np.expm1(-rate * (t - 1)),
        "rates": (
            ("mean", "exponential decay", "half-life", lambda t: np.log(2) / -np.log1p(-1 / n)),
            ("typical", "exponential decay", "half-life", lambda t: np.log(2) / rate),
        ),
    }


def stepping(at):
    """A step of three standard deviations at a share of the generations."""
    return Case(lambda g, t, r: (steps(t) > at * t) + white(g, t, r), visible=False, **both(lambda t: 1.0))


def turning(phase):
    """A rise that has turned."""

    def draw(g, t, r):
        return np.sin(phase * np.pi * steps(t) / t) + white(g, t, r)

    return Case(draw, visible=False, **both(lambda t: 0.0))


def level(value):
    return tuple((of, "constant", "level", lambda t: value) for of in ("mean", "typical"))


null = both(lambda t: NONE)
CASES = {
    "null, white": Case(lambda g, t, r: 1 + white(g, t, r), rates=level(1.0), **null),
    "null, log-normal": Case(
        lambda g, t, r: np.exp(0.5 * g.standard_normal((t, r)) + 0.5 * g.standard_normal(r)),
        "ratio",
        rates=(
            ("mean", "constant", "level", lambda t: np.exp(0.25)),
            ("typical", "constant", "level", lambda t: 1.0),
        ),
        **null,
    ),
    "null, AR(1) .9": Case(ar, **null),
    "null, noise grows 5 times": Case(lambda g, t, r: white(g, t, r) * (1 + 4 * steps(t) / t), **null),
    "null, 1 % outliers": Case(outliers, **null),
    "null, t with 3 degrees": Case(lambda g, t, r: g.standard_t(3, (t, r)), **null),
    "null, random walk": Case(lambda g, t, r: walk(g, t, r, 1), **null),
    "null, skewed": Case(lambda g, t, r: g.gamma(0.5, 1, (t, r)) + g.gamma(0.5, 1, r), "ratio", **null),
    "null, Poisson 3": Case(lambda g, t, r: g.poisson(3, (t, r)).astype(float), "count", **null),
    "null, share of 10 rows 2 %": Case(lambda g, t, r: g.binomial(10, 0.02, (t, r)) / 10, "share", **null),
    "null, share of 50 rows 99 %": Case(lambda g, t, r: g.binomial(50, 0.99, (t, r)) / 50, "share", **null),
    "null, replicates stop": Case(lambda g, t, r: missing(white(g, t, r), g), **null),
    "null, martingale": Case(
        visible=False,
        draw=lambda g, t, r: np.exp(walk(g, t, r, 0.7) - 0.245 * steps(t) / t),
        scale="ratio",
        mean=lambda t: NONE,
        typical=lambda t: 0.22,
    ),
    "linear, walk": growing(lambda s, t: 2 * s / t, lambda g, t, r: walk(g, t, r, 1), per_generation(2)),
    "linear, white": growing(lambda s, t: s / t, white, per_generation()),
    "linear, AR(1) .9": growing(lambda s, t: s / t, ar, per_generation()),
    "linear, 1 % outliers": growing(lambda s, t: 2 * s / t, outliers, per_generation(2)),
    "linear, t with 3 degrees": growing(
        lambda s, t: 2 * s / t, lambda g, t, r: 0.5 * g.standard_t(3, (t, r)), per_generation(2)
    ),
    "linear, noise grows": growing(
        lambda s, t: 2 * s / t,
        lambda g, t, r: 0.3 * (1 + 4 * steps(t) / t) * g.standard_normal((t, r)),
        per_generation(2),
    ),
    "linear, log-normal noise": Case(
        lambda g, t, r: (1 + 2 * steps(t) / t) * np.exp(0.5 * g.standard_normal((t, r)) - 0.125),
        "ratio",
        lambda t: 0.0,
        lambda t: 0.0,
        rates=(
            ("mean", "linear", "per generation", lambda t: 2 / t),
            ("typical", "linear", "per generation", lambda t: 2 * np.exp(-0.125) / t),
        ),
    ),
    "linear, Poisson": Case(
        lambda g, t, r: g.poisson(5 + 10 * steps(t) / t, (t, r)).astype(float),
        "count",
        lambda t: 0.0,
        None,
        rates=(("mean", "linear", "per generation", lambda t: 10 / t),),
    ),
    "linear, share": Case(
        lambda g, t, r: g.binomial(50, 0.3 * steps(t) / t, (t, r)) / 50,
        "share",
        lambda t: 0.0,
        lambda t: 0.0,
        rates=(("mean", "linear", "per generation", lambda t: 0.3 / t),),
    ),
    "linear, replicates stop": growing(lambda s, t: 2 * s / t, lambda g, t, r: missing(white(g, t, r), g)),
    "linear, faint": growing(lambda s, t: 0.3 * s / t, lambda g, t, r: walk(g, t, r, 1), visible=False),
    "logarithmic": growing(
        lambda s, t: 2 * np.log(s) / np.log(t),
        lambda g, t, r: walk(g, t, r, 0.3) + white(g, t, r, 0.2),
        tuple(
            (of, "logarithmic", "per doubling", lambda t: 2 * np.log(2) / np.log(t))
            for of in ("mean", "typical")
        ),
    ),
    "square root": growing(lambda s, t: 2 * np.sqrt(s / t), lambda g, t, r: walk(g, t, r, 0.5)),
    "square": growing(
        lambda s, t: 2 * (s / t) ** 2,
        lambda g, t, r: walk(g, t, r, 0.5),
        tuple((of, "power", "exponent", lambda t: 2.0) for of in ("mean", "typical")),
    ),
    "exponential growth": growing(
        lambda s, t: np.exp(3 * s / t) / 10,
        lambda g, t, r: walk(g, t, r, 0.3),
        tuple(
            (of, "exponential growth", "doubling time", lambda t: np.log(2) * t / 3)
            for of in ("mean", "typical")
        ),
    ),
    **{
        f"bounded {form}, {b:.0%} behind": limited(b, form)
        for form in ("exp", "power")
        for b in (0.3, 0.5, 0.6, 0.75, 0.85, 0.95, 0.99)
    },
    "bounded exp, 95 % behind, AR(1)": limited(0.95, "exp", ar),
    "bounded exp, 95 %, noise grows": limited(
        0.95, "exp", lambda g, t, r: 0.2 * (1 + 4 * steps(t) / t) * g.standard_normal((t, r))
    ),
    "share to 1, 98 % behind": Case(
        lambda g, t, r: g.binomial(50, -np.expm1(-4 * steps(t) / t), (t, r)) / 50,
        "share",
        lambda t: 0.98,
        lambda t: 0.98,
    ),
    "step in the middle": stepping(0.5),
    "step at 15 %": stepping(0.15),
    "step at 90 %": stepping(0.9),
    "rise and fall": turning(1.0),
    "rise, half a fall": turning(0.75),
    "oscillation": Case(lambda g, t, r: np.sin(2 * np.pi * steps(t) / 9.7) + white(g, t, r), **both(None)),
    "slow oscillation": Case(lambda g, t, r: np.sin(6 * np.pi * steps(t) / t) + white(g, t, r), **both(None)),
    "MLE trace, n=100": Case(gaussian(100, 0, "trace"), "ratio", **lost(100), visible=False),
    "MLE trace, n=32": Case(gaussian(32, 0, "trace"), "ratio", **lost(32), visible=False),
    "MLE trace, n=10": Case(gaussian(10, 0, "trace"), "ratio", **lost(10), visible=False),
    "unbiased trace, n=100": Case(gaussian(100, 1, "trace"), "ratio", lambda t: NONE, None),
    "unbiased trace, n=10": Case(gaussian(10, 1, "trace"), "ratio", lambda t: NONE, None),
    **{
        f"unbiased mean error, n={n}, d={d}": Case(
            gaussian(n, 1, "error", d),
            "ratio",
            lambda t: 0.0,
            None,
            visible=d > 1,
            rates=(("mean", "linear", "per generation", lambda t, n=n, d=d: d / n),),
        )
        for n, d in ((100, 1), (100, 10), (10, 1))
    },
    "MLE mean error, n=32": Case(
        gaussian(32, 0, "error"), "ratio", lambda t: 1 - (31 / 32) ** (t - 1), visible=False
    ),
    "regression, replace": Case(
        regression(False),
        "ratio",
        lambda t: 0.0,
        lambda t: 0.0,
        rates=(
            ("mean", "linear", "per generation", lambda t: 10 / 89),
            ("typical", "linear", "per generation", lambda t: 9.341818 / 89),
        ),
    ),
    "regression, accumulate": Case(regression(True), "ratio", squares, squares, visible=False),
    "symbols left, absorbed": Case(absorbed, "count", lambda t: 1.0 if t > 60 else None, None, visible=False),
}
