"""Every public law against mpmath at the advertised sizes: n to 10^15, t to 10^6; and what laws refuse."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
import pytest

from genloss import theory
from genloss.errors import GenlossError
from genloss.theory import discrete, exponential, gaussian, kde, regression

DIGITS = 1e-9
"""Relative error allowed, in 10^6 generations one after the other too; most laws have 1e-13."""

SIZES = [2, 10, 10**3, 10**6, 10**9, 10**12, 10**15]
TIMES = [1, 2, 100, 10**4, 10**6]
SOON = [1, 2, 100]

mp.mp.dps = 60
f = mp.mpf


class Law(NamedTuple):
    """What a law must give, for one generation, and the arguments to try; those of `t` all at once."""

    oracle: Callable[..., Any]
    cases: list[dict[str, Any]]


def grid(**values: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(zip(values, row, strict=True)) for row in itertools.product(*values.values())]


# ---- oracles: t is one generation


def logged(value: Any, log: bool) -> Any:
    return mp.log(value) if log else value


def kept(n: Any, ddof: float = 0, temperature: float = 1.0) -> Any:
    return (f(n) - 1) / (n - f(ddof)) * f(temperature)


def geometric(r: Any, terms: int) -> Any:
    return f(terms) if r == 1 else (1 - r**terms) / (1 - r)


def replace_trace(n: int, t: int, ddof: float = 0, temperature: float = 1.0, log: bool = False) -> Any:
    return logged(kept(n, ddof) ** t * f(temperature) ** (t - 1), log)


def replace_error(
    n: int, d: int, t: int, ddof: float = 0, temperature: float = 1.0, log: bool = False
) -> Any:
    return logged(f(d) / n * geometric(kept(n, ddof, temperature), t), log)


def replace_sd(n: int, t: int, ddof: float = 1, temperature: float = 1.0, log: bool = False) -> Any:
    with mp.workdps(90):
        c4 = mp.sqrt(2 / (n - f(ddof))) * mp.exp(mp.loggamma(f(n) / 2) - mp.loggamma((f(n) - 1) / 2))
        return logged(c4**t * f(temperature) ** (f(t - 1) / 2), log)


def replace_w2(n: int, t: int, ddof: float = 1, temperature: float = 1.0) -> Any:
    sd, variance = replace_sd(n, t, ddof, temperature), replace_trace(n, t, ddof, temperature)
    return replace_error(n, 1, t, ddof, temperature) + variance + 1 - 2 * sd


def replace_log_det(n: int, d: int, t: int, ddof: float = 0, temperature: float = 1.0) -> Any:
    half = [(f(n) - j) / 2 for j in range(1, d + 1)]
    mean = mp.fsum(mp.digamma(x) + mp.log(2) - mp.log(n - f(ddof)) for x in half)
    sd = mp.sqrt(t * mp.fsum(mp.psi(1, x) for x in half))
    return t * mean + (t - 1) * d * mp.log(f(temperature)), sd


def product(n: int, t: int) -> Any:
    """The product of 1 - 1/(n k^2) over k <= t, by gamma functions."""
    x = 1 / mp.sqrt(n)
    ends = mp.loggamma(t + 1 - x) + mp.loggamma(t + 1 + x) - 2 * mp.loggamma(t + 1)
    return mp.exp(ends) * mp.sinpi(x) / (mp.pi * x)


def squares(t: int) -> Any:
    """The sum of 1/k^2 over k <= t."""
    return mp.zeta(2) - mp.zeta(2, t + 1)


@functools.cache
def pool(
    n: int,
    k: int | None,
    t: int,
    n_real: int | None = None,
    ddof: float = 0,
    temperature: float = 1.0,
    smoothing: float = 0.0,
    variance: float = 1.0,
) -> Any:
    """Variance and squared mean error of k rows of the pool: one product of 3 x 3 matrices, taken in pairs.

    In mpmath to t = 100, in extended precision beyond.
    """
    number: Any = f if t <= 100 else np.longdouble
    steps = [f(s) for s in range(t)] if t <= 100 else np.arange(t).astype(np.longdouble)
    rows, first = number(n), number(n if n_real is None else n_real)
    heat, ridge = number(temperature), number(smoothing)

    def parts(pooled: Any) -> tuple[Any, Any, Any]:
        used = pooled if k is None else min(pooled, number(k)) if t <= 100 else np.minimum(pooled, number(k))
        return used, (pooled - used) / (used * pooled), (used - 1) / (used - number(ddof))

    def matrix(pooled: Any) -> list[list[Any]]:
        _, thinning, fit = parts(pooled)
        gap, gap_1, total = thinning + heat * fit / rows, ridge / rows, pooled + rows
        one, zero = pooled / pooled, pooled * 0
        between = pooled * rows / total
        return [
            [one, (rows / total) ** 2 * gap, (rows / total) ** 2 * gap_1 * one],
            [
                zero,
                (pooled - 1 + (rows - 1) * heat * fit + between * gap) / (total - 1),
                ((rows - 1) * ridge + between * gap_1) / (total - 1),
            ],
            [zero, zero, one],
        ]

    state = [number(variance) / first, number(variance), number(1)]
    if t <= 100:
        for s in steps[:-1]:
            m = matrix(first + s * rows)
            state = [mp.fdot(row, state) for row in m]
    elif t > 100:
        m = np.moveaxis(np.array(matrix(first + steps[:-1] * rows)), 2, 0)
        while len(m) > 1:
            odd = m[-1:] if len(m) % 2 else m[:0]
            m = np.concatenate([m[1 : len(m) // 2 * 2 : 2] @ m[0 : len(m) // 2 * 2 : 2], odd])
        state = list(m[0] @ np.array(state))
    pooled = first + (t - 1) * rows
    _, thinning, fit = parts(pooled)
    fitted, error = state[1] * fit, state[0] + state[1] * thinning
    return (fitted, error) if t <= 100 else tuple(f(float(v)) for v in (fitted, error))


def subsample(
    n: int,
    k: int | None,
    d: int,
    t: int,
    n_real: int | None = None,
    ddof: float = 0,
    temperature: float = 1.0,
    log: bool = False,
) -> Any:
    ratio, error = pool(n, k, t, n_real, ddof, temperature)
    return logged(ratio, log), logged(d * error, log)


def accumulate_trace(n: int, t: int, ddof: float = 0, temperature: float = 1.0, log: bool = False) -> Any:
    if ddof == 0 and temperature == 1:
        return logged(product(n, t), log)
    return logged(pool(n, None, t, None, ddof, temperature)[0], log)


def mixture(refreshed: bool) -> Callable[..., Any]:
    def oracle(
        n_real: int,
        n_synthetic: int,
        d: int,
        t: int,
        ddof: float = 0,
        temperature: float = 1.0,
        log: bool = False,
    ) -> Any:
        """The power of one 3 x 3 matrix over (variance, offset, 1)."""
        a, b, heat, total = f(n_real), f(n_synthetic), f(temperature), f(n_real + n_synthetic)
        new = 1 / a if refreshed else f(0)
        of_gap = a * b / total
        m = mp.matrix(
            [
                [(b - 1) * heat + of_gap * heat / b, of_gap, a - 1 + of_gap * new],
                [0, 0, 0],
                [0, 0, 0],
            ]
        ) / (total - f(ddof))
        m[1, 0], m[1, 1], m[1, 2] = (b / total) ** 2 * heat / b, (b / total) ** 2, (a / total) ** 2 * new
        m[2, 2] = f(1)
        start = mp.matrix([(a - 1) / (a - f(ddof)), new, 1])
        variance, offset, _ = m ** (t - 1) * start
        return logged(variance, log), logged(d * (offset + (0 if refreshed else 1 / a)), log)

    return oracle


def offset(n_real: int, n_synthetic: int, d: int, t: int) -> Any:
    c2 = (f(n_synthetic) / (n_real + n_synthetic)) ** 2
    return f(d) / n_synthetic * c2 * geometric(c2, t - 1)


def growing(sizes: Sequence[int], ddof: float = 1) -> list[Any]:
    total, left, out = f(0), f(1), []
    for n in sizes:
        total, left = total + left / n, left * kept(n, ddof)
        out.append(total)
    return out


def weighted_limit(w: float, k: float) -> Any:
    return (f(w) ** 2 + k * (1 - f(w)) ** 2) / (f(w) * (2 - f(w)))


def weighted(w: float, k: float, t: int) -> Any:
    a = (1 - f(w)) ** 2
    return a ** (t - 1) + (f(w) ** 2 + k * a) * geometric(a, t - 1)


def fresh_w2(n_real: int, n_synthetic: int, d: int, temperature: float = 1.0) -> Any:
    """By moments instead of cumulants, which cancel to hundreds of digits."""
    nodes = gaussian_nodes()
    size = 2 * nodes + 1
    with mp.workdps(400):
        w = f(n_real) / (n_real + n_synthetic)
        keep, carried = 1 - w, (1 - w) * f(temperature)
        shape_real, shape = f(d + 1) / n_real, f(d + 1) / n_synthetic
        system = mp.matrix(
            [
                [1 - carried * (1 - keep / n_synthetic), -w * keep],
                [-carried * keep / n_synthetic, 1 - keep**2],
            ]
        )
        ratio, error = mp.lu_solve(system, mp.matrix([w * (1 - w / n_real), w**2 / n_real]))

        def rest(cumulants: list[Any], moments: list[Any], k: int) -> Any:
            """The k-th moment less the k-th free cumulant."""
            total, power = f(0), [f(1)] + [f(0)] * k
            for s in range(1, k):
                power = [mp.fdot(power[: j + 1], moments[j::-1]) for j in range(k + 1)]
                total += cumulants[s] * power[k - s]
            return total

        one = [f(1)] + [f(0)] * (size - 1)
        moments, made, companion = one[:], one[:], one[:]
        of_all, of_made, of_companion = [f(0)] * size, [f(0)] * size, [f(0)] * size
        for k in range(1, size):
            rests = rest(of_companion, companion, k), rest(of_made, made, k), rest(of_all, moments, k)
            moments[k] = w**k * shape_real ** (k - 1) + carried**k * (rests[0] / shape - rests[1]) + rests[2]
            moments[k] /= 1 - carried**k
            of_companion[k] = shape * moments[k]
            companion[k] = of_companion[k] + rests[0]
            made[k] = companion[k] / shape
            of_made[k], of_all[k] = made[k] - rests[1], moments[k] - rests[2]
        standard = [f(0), f(0)] + [of_all[k] / of_all[2] ** (f(k) / 2) for k in range(2, size)]
        moments = one[:]
        for k in range(2, size):
            moments[k] = standard[k] + rest(standard, moments, k)
        with mp.workdps(60):
            hankel = mp.matrix([[moments[i + j] for j in range(nodes + 1)] for i in range(nodes + 1)])
            lower = mp.cholesky(hankel)
            along = [lower[i + 1, i] / lower[i, i] for i in range(nodes)]
            jacobi = mp.matrix(nodes, nodes)
            for i in range(nodes):
                jacobi[i, i] = along[i] - (along[i - 1] if i else 0)
            for i in range(nodes - 1):
                jacobi[i, i + 1] = jacobi[i + 1, i] = lower[i + 1, i + 1] / lower[i, i]
            points, vectors = mp.eigsy(jacobi)
        wide = mp.sqrt(of_all[2]) / of_all[1]
        root = mp.fsum(vectors[0, i] ** 2 * mp.sqrt(1 + wide * points[i]) for i in range(nodes))
        # the vectors are of 60 digits, of which the difference takes up to 15
        return d * (error + 1 + ratio - 2 * mp.sqrt(ratio) * root)


def gaussian_nodes() -> int:
    from genloss.theory.gaussian_real import NODES

    return NODES


def kernel_replace(n: int, t: int, bandwidth: float, variance: float = 1.0) -> Any:
    r = kept(n)
    return r**t * f(variance) + n * f(bandwidth) ** 2 * (1 - r**t)


def kernel_error(n: int, t: int, bandwidth: float, variance: float = 1.0) -> Any:
    """A row is a real row and t - 1 kernels; what is not within the rows is in their mean."""
    h2 = f(bandwidth) ** 2
    return f(variance) + (t - 1) * h2 - (kernel_replace(n, t, bandwidth, variance) - h2)


def kernel_subsample(
    n: int, k: int | None, t: int, bandwidth: float, variance: float = 1.0, n_real: int | None = None
) -> Any:
    return pool(n, k, t, n_real, smoothing=bandwidth**2, variance=variance)


def mixing(share: float, t: int, bandwidth: float, variance: float = 1.0) -> Any:
    return f(variance) + f(bandwidth) ** 2 * geometric(1 - f(share), t)


def depth(t: int) -> list[Any]:
    law = [f(1)]
    for j in range(2, t + 1):
        law = [a * (1 - f(1) / j) + b / j for a, b in zip([*law, f(0)], [f(0), *law], strict=True)]
    return law


def log_density(points: Any, rows: Any, bandwidth: float, depth: Sequence[float]) -> list[Any]:
    out, d = [], len(points[0])
    for y in points:
        total = f(0)
        for x, (k, weight) in itertools.product(rows, enumerate(depth)):
            v = (1 + k) * f(bandwidth) ** 2
            gap = mp.fsum((f(a) - f(b)) ** 2 for a, b in zip(x, y, strict=True))
            total += f(weight) / len(rows) * mp.exp(-gap / (2 * v)) / (2 * mp.pi * v) ** (f(d) / 2)
        out.append(mp.log(total))
    return out


def least_squares(n: int, d: int, noise: float = 1.0) -> Any:
    return f(noise) ** 2 * d / (n - d - 1)


@functools.cache
def fresh_inputs(n: int, d: int, t: int) -> Any:
    """The sum of d/(k(nk-d-1)) over k <= t: c/(k(k-c)) with c = (d+1)/n, in digammas."""
    c = f(d + 1) / n
    return f(d) / (d + 1) * (mp.digamma(t + 1 - c) - mp.digamma(1 - c) - mp.harmonic(t))


def growing_set(n: int, d: int, t: int, noise: float = 1.0) -> Any:
    c = f(d + 1) / n
    return f(noise) ** 2 * d / n * (mp.digamma(t + 1 - c) - mp.digamma(1 - c))


def universal_subsample(t: int) -> Any:
    if t > 10**4:
        return 3 * squares(t) - 2
    return 2 - f(1) / t + mp.fsum((2 - f(1) / k) / (k + 1) ** 2 for k in range(1, t))


def ridgeless(n: int, d: int, t: int, noise: float = 0.0) -> Any:
    r = f(n) / d
    return 1 - r**t + f(noise) ** 2 * n / (d - n - 1) * geometric(r, t)


def strong(ratio: float, share: float, shift: float, noise: float = 1.0) -> Any:
    odds, p = f(ratio) / (1 - f(ratio)), f(share)
    return f(noise) ** 2 * odds + f(shift) ** 2 * (p**2 + (1 - p) * p * odds)


def two_teachers(n_real: int, n_synthetic: int, d: int, shift: float, noise: float = 1.0) -> Any:
    with mp.workdps(200):
        n, n2 = f(n_real + n_synthetic), f(n_synthetic)
        square, block = n2 * (n2 + 2) / (n * (n + 2)), n2 * (n2 - 1) / (n * (n - 1))
        squared, traced = square + (d - 1) * (square - block) / 3, square + (d - 1) * (square + 2 * block) / 3
        bias = ((n - 1) * squared - traced) / (n - d - 1)
        return f(noise) ** 2 * d / (n - d - 1) + f(shift) ** 2 * bias


def diversity(n: int, t: int, s0: float, log: bool = False) -> Any:
    return logged(kept(n) ** t * (1 - f(s0)), log)


def pooled_diversity(n: int, k: int | None, t: int, s0: float, n_real: int | None = None) -> Any:
    return (1 - f(s0)) * (product(n, t) if k is None and n_real is None else pool(n, k, t, n_real)[0])


def mixed_diversity_limit(n_real: int, n_synthetic: int, s0: float) -> Any:
    a = f(n_synthetic) / (n_real + n_synthetic)
    return (1 - a**2) * (1 - f(1) / n_real) * (1 - f(s0)) / (1 - a**2 * (1 - f(1) / n_synthetic))


def mixed_diversity(n_real: int, n_synthetic: int, t: int, s0: float) -> Any:
    b = (f(n_synthetic) / (n_real + n_synthetic)) ** 2 * (1 - f(1) / n_synthetic)
    limit = mixed_diversity_limit(n_real, n_synthetic, s0)
    return limit + b ** (t - 1) * ((1 - f(1) / n_real) * (1 - f(s0)) - limit)


def collapse(n: int, p: Sequence[float]) -> Any:
    return -2 * n * mp.fsum((1 - f(x)) * mp.log(1 - f(x)) for x in p if x < 1)


def collapse_bounds(n: int, s0: float, symbols: int) -> Any:
    lost = 1 - f(s0)
    return 1 + lost / (1 - f(1) / symbols) * (n - 1), 1 + lost * n * (n - 1)


def shrinkage(strength: float, t: int) -> Any:
    eps = f(strength)
    return mp.exp(mp.loggamma(t + 1 - eps) - mp.loggamma(t + 1)) / mp.gamma(1 - eps) if eps < 1 else f(0)


@functools.cache
def survival_rate(t: int) -> Any:
    if t <= 10**4:
        g = f(1)
        for _ in range(t - 1):
            g = -mp.expm1(-g)
        return g
    g = np.longdouble(1)
    for _ in range(t - 1):
        g = -np.expm1(-g)
    return f(float(g))


def poisson(rate: float, t: int) -> Any:
    return -mp.expm1(-f(rate) * survival_rate(t))


def bernoulli(n: int, p: float, t: int) -> Any:
    gone = mp.exp(-n * f(p) * survival_rate(t))
    return 1 - gone, min(1 - (1 - 3 * n * f(p) ** 2 - 3 * t * f(p)) * gone, f(1))


def unique(n: int, p: Sequence[float], t: int) -> Any:
    return mp.fsum(-mp.expm1(-n * f(x) * survival_rate(t)) for x in p)


def worth(sizes: Sequence[int], shares: Sequence[float], oracle: bool = False) -> list[Any]:
    terms = [n * f(a) ** (1 if oracle else 2) for n, a in zip(sizes, shares, strict=True)]
    return [mp.fsum(terms[: i + 1]) for i in range(len(terms))]


def batches(debiased: bool) -> Callable[..., list[Any]]:
    def oracle(sizes: Sequence[int], shares: Sequence[float], s0: float) -> list[Any]:
        error, total, out = f(0), f(0), []
        for n, a in zip(sizes, map(f, shares), strict=True):
            weight = n * a**2 if debiased else f(n)
            total += weight
            new = weight / total
            drawn = (1 - f(s0) - (1 - a) ** 2 * error) / n
            if debiased:
                error = (1 - new) ** 2 * error + (new / a) ** 2 * drawn
            else:
                error = (1 - new * a) ** 2 * error + new**2 * drawn
            out.append(error)
        return out

    return oracle


def missing(p: Sequence[float], q: Sequence[float], rows: int, log: bool = False) -> Any:
    return logged(mp.fsum(f(a) * (1 - f(b)) ** rows for a, b in zip(p, q, strict=True)), log)


# ---- what is tried

HEAT = {"ddof": [0, 1], "temperature": [1.0, 0.8, 1.25]}
POOL = [{"n": n, "k": k, "t": SOON} for n in SIZES for k in (None, 1, n, n // 2 + 1, 3 * n)]
FAR = [{"n": 2, "k": 2, "t": TIMES}, {"n": 10**15, "k": 10**15 - 1, "t": [10**4]}]
SPREAD = [0.5, 0.3, 0.2 - 1e-9, 1e-9]
EVEN = [0.25] * 4

LAWS: dict[str, Law] = {
    "gaussian.replace_trace_ratio": Law(
        replace_trace, grid(n=SIZES, t=[TIMES], log=[False, True], **HEAT) + grid(n=[1], t=[TIMES])
    ),
    "gaussian.replace_mean_error": Law(
        replace_error,
        grid(n=SIZES, d=[3], t=[TIMES], log=[False, True], **HEAT) + grid(n=[1], d=[2], t=[SOON]),
    ),
    "gaussian.replace_sd_ratio": Law(
        replace_sd, grid(n=[*SIZES, 32, 34], t=[TIMES], log=[False, True], **HEAT)
    ),
    "gaussian.replace_w2": Law(replace_w2, grid(n=SIZES, t=[TIMES], **HEAT)),
    "gaussian.replace_log_det": Law(
        replace_log_det,
        grid(n=SIZES, d=[1], t=[TIMES], **HEAT) + grid(n=[*SIZES[1:], 33, 34], d=[9], t=[TIMES]),
    ),
    "gaussian.accumulate_trace_ratio": Law(
        accumulate_trace,
        grid(n=SIZES, t=[[1, 2, 100, 10**4]])
        + grid(n=[10**9], t=[TIMES])
        + grid(n=[2, 10**12], t=[SOON], ddof=[1], temperature=[0.8, 200.0], log=[False, True]),
    ),
    "gaussian.accumulate_trace_limit": Law(lambda n: mp.sincpi(1 / mp.sqrt(n)), grid(n=[1, *SIZES])),
    "gaussian.accumulate_mean_error_known_covariance": Law(
        lambda n, d, t: f(d) / n * squares(t), grid(n=SIZES, d=[1, 10**6], t=[TIMES])
    ),
    "gaussian.subsample": Law(
        subsample,
        [{**case, "d": 3} for case in POOL + FAR]
        + grid(n=[10], k=[7], d=[2], t=[SOON], n_real=[8, 10**15], ddof=[0, 1], temperature=[0.8, 1.25])
        + grid(n=[10], k=[9], d=[2], t=[[100]], temperature=[1e9], log=[False, True]),
    ),
    "gaussian.growing_replace_variance": Law(
        growing,
        [{"sizes": [n] * 300, "ddof": ddof} for n in SIZES for ddof in (0, 1)]
        + [{"sizes": [2**k for k in range(1, 50)], "ddof": 0}, {"sizes": [1, 5], "ddof": 0}],
    ),
    "gaussian.real_plus_latest": Law(
        mixture(refreshed=False),
        grid(n_real=[2, 10**15], n_synthetic=[1, 10**6, 10**15], d=[2], t=[[1, 2, 100, 10**4]], ddof=[0, 1])
        + grid(n_real=[10**12], n_synthetic=[10**15], d=[2], t=[TIMES])
        + grid(n_real=[10], n_synthetic=[90], d=[2], t=[[10**4]], temperature=[0.5, 1.3], log=[False, True]),
    ),
    "gaussian.fresh": Law(
        mixture(refreshed=True),
        grid(n_real=[2, 10**15], n_synthetic=[1, 10**6, 10**15], d=[2], t=[[1, 2, 100, 10**4]], ddof=[0, 1])
        + grid(n_real=[10**12], n_synthetic=[10**15], d=[2], t=[TIMES])
        + grid(n_real=[10], n_synthetic=[90], d=[2], t=[[10**4]], temperature=[0.5, 1.3], log=[False, True]),
    ),
    "gaussian.real_plus_latest_mean_offset": Law(
        offset, grid(n_real=[1, *SIZES], n_synthetic=[1, *SIZES], d=[3], t=[TIMES])
    ),
    "gaussian.real_plus_latest_mean_offset_limit": Law(
        lambda synthetic_per_real: f(synthetic_per_real) / (1 + 2 * f(synthetic_per_real)),
        grid(synthetic_per_real=[1e-100, 1e-15, 0.5, 1e15, 1e100]),
    ),
    "gaussian.real_plus_latest_contraction": Law(
        lambda synthetic_per_real: f(synthetic_per_real) / (1 + f(synthetic_per_real)),
        grid(synthetic_per_real=[1e-100, 1e-15, 0.5, 1e15, 1e100]),
    ),
    "gaussian.fresh_variance_fixed_point": Law(
        lambda w, temperature: f(w) / (1 - (1 - f(w)) * f(temperature)),
        grid(w=[1e-15, 1e-3, 0.5, 1.0], temperature=[1e-9, 0.8, 1.0])
        + grid(w=[0.5], temperature=[1.9])
        + grid(w=[1.0], temperature=[1e9]),
    ),
    "gaussian.fresh_w2_limit": Law(
        fresh_w2,
        [
            dict(zip(("n_real", "n_synthetic", "d", "temperature"), case, strict=True))
            for case in [
                (2, 2, 1, 1.0),
                (100, 900, 100, 0.8),
                (2, 10**15, 1, 1.0),
                (10**15, 2, 4, 1.0),
                (10**15, 10**15, 10, 1.0),
                (10**12, 10**15, 100, 1.0),
                (10**6, 10**9, 1, 0.9),
                (10**9, 10**9, 3, 1.0 + 1e-9),
                (10, 1000, 1000, 1.0),
            ]
        ],
    ),
    "gaussian.weighted_variance": Law(
        weighted, grid(w=[1e-15, 1e-3, 0.5, 1.0], k=[1e-15, 1.0, 1e15], t=[TIMES])
    ),
    "gaussian.weighted_limit_variance": Law(weighted_limit, grid(w=[1e-15, 0.5, 1.0], k=[1e-15, 1.0, 1e15])),
    "gaussian.weighted_best": Law(
        lambda k: (mp.sqrt(f(k) ** 2 + 4 * f(k)) - f(k)) / 2, grid(k=[1e-30, 1e-15, 1.0, 1e9, 1e20])
    ),
    "kde.replace_variance": Law(
        kernel_replace, grid(n=[1, *SIZES], t=[TIMES], bandwidth=[0.1, 1e3], variance=[1.0, 1e-3])
    ),
    "kde.replace_population_variance": Law(
        lambda t, bandwidth, variance: f(variance) + t * f(bandwidth) ** 2,
        grid(t=[TIMES], bandwidth=[0.1, 1e-9], variance=[2.0]),
    ),
    "kde.replace_mean_error": Law(
        kernel_error, grid(n=[1, *SIZES], t=[TIMES], bandwidth=[0.5, 1e-3], variance=[1.0])
    ),
    "kde.mixing_variance": Law(mixing, grid(share=[1e-15, 0.25, 1.0], t=[TIMES], bandwidth=[0.5])),
    "kde.mixing_variance_limit": Law(
        lambda share, bandwidth: 1 + f(bandwidth) ** 2 / f(share), grid(share=[1e-15, 1.0], bandwidth=[0.5])
    ),
    "kde.subsample": Law(
        kernel_subsample,
        [{**case, "bandwidth": 0.3} for case in POOL]
        + grid(n=[10**6], k=[None], t=[[10**5]], bandwidth=[0.3], variance=[2.0])
        + grid(n=[10], k=[7], t=[SOON], bandwidth=[0.3], variance=[2.0], n_real=[5, 10**15]),
    ),
    "kde.replace_depth": Law(lambda t: [0] * (t - 1) + [1], [{"t": 1}, {"t": 50}]),
    "kde.accumulate_depth": Law(depth, [{"t": t} for t in (1, 2, 3, 150)]),
    "kde.expected_log_density": Law(
        log_density,
        [
            {"points": [[0.0, 1e8]], "rows": [[0.0, 1e8 + 1]], "bandwidth": 0.1, "depth": [1.0]},
            {"points": [[1e8, 0.0]], "rows": [[1e8 + 1, 0.0], [0, 0]], "bandwidth": 0.1, "depth": [0.5, 0.5]},
            {"points": [[1e-9], [3.0]], "rows": [[0.0], [1e15]], "bandwidth": 1e-9, "depth": [0.0, 1.0]},
        ],
    ),
    "regression.real_test_error": Law(
        least_squares, [{"n": n + d, "d": d, "noise": 0.5} for n in SIZES for d in (1, 7, 10**12)]
    ),
    "regression.replace_test_error": Law(
        lambda n, d, t: t * least_squares(n, d), [{"n": n + 3, "d": 3, "t": TIMES} for n in SIZES]
    ),
    "regression.accumulate_test_error": Law(
        lambda n, d, t: squares(t) * least_squares(n, d), [{"n": n + 3, "d": 3, "t": TIMES} for n in SIZES]
    ),
    "regression.accumulate_fresh_test_error": Law(
        lambda n, d, t, noise: f(noise) ** 2 * fresh_inputs(n, d, t),
        [{"n": n + 3, "d": 3, "t": TIMES, "noise": 0.5} for n in SIZES],
    ),
    "regression.growing_synthetic_test_error": Law(
        growing_set, [{"n": n + 3, "d": 3, "t": TIMES, "noise": 0.5} for n in SIZES]
    ),
    "regression.subsample_test_error": Law(
        lambda n, d, t: universal_subsample(t) * least_squares(n, d),
        [{"n": n, "d": 3, "t": SOON} for n in SIZES[1:]],
    ),
    "regression.final_fit_test_error": Law(
        lambda n, n_0, d, t, noise_0: least_squares(n, d) + t * least_squares(n_0, d, noise_0),
        grid(n=[10**15], n_0=SIZES[1:], d=[3], t=[[0, *TIMES]], noise_0=[0.5]),
    ),
    "regression.ridgeless_replace_test_error": Law(
        ridgeless,
        [{"n": n, "d": n + 2, "t": TIMES, "noise": noise} for n in SIZES for noise in (0.0, 0.5)]
        + grid(n=[1, 10], d=[10**6, 10**15], t=[TIMES], noise=[0.0, 2.0]),
    ),
    "regression.strong_collapse_test_error": Law(
        strong, grid(ratio=[0.0, 1e-15, 0.5, 1 - 1e-12], share=[0.0, 1e-15, 0.3, 1.0], shift=[0.0, 2.0])
    ),
    "regression.mixed_teacher_test_error": Law(
        two_teachers,
        grid(n_real=[10, 10**15], n_synthetic=[0, 1, 10, 10**15], d=[1, 8], shift=[2.0], noise=[0]),
    ),
    "exponential.discard_ratio": Law(lambda t: f(t), [{"t": TIMES}]),
    "exponential.augment_ratio": Law(squares, [{"t": [*TIMES, 10**15]}]),
    "exponential.augment_subsample_ratio": Law(universal_subsample, [{"t": [*TIMES, 10**15]}]),
    "inference.naive_coverage": Law(
        lambda ratio, level: mp.erf(mp.erfinv(f(level)) / mp.sqrt(1 + f(ratio))),
        grid(ratio=[0.0, 1e-9, 0.1, 1.0, 10.0, 1e6, 1e15], level=[0.01, 0.5, 0.95, 1 - 1e-9]),
    ),
    "discrete.replace_diversity": Law(
        diversity, grid(n=[1, *SIZES], t=[TIMES], s0=[0.0, 0.3, 1 - 1e-12], log=[False, True])
    ),
    "discrete.subsample_diversity": Law(
        pooled_diversity,
        [{**case, "s0": 0.3} for case in POOL] + grid(n=[10**12], k=[None], t=[TIMES], s0=[0.3]),
    ),
    "discrete.real_plus_latest_diversity": Law(
        mixed_diversity, grid(n_real=SIZES, n_synthetic=[1, *SIZES], t=[TIMES], s0=[0.1])
    ),
    "discrete.real_plus_latest_diversity_limit": Law(
        mixed_diversity_limit, grid(n_real=SIZES, n_synthetic=[1, *SIZES], s0=[0.1])
    ),
    "discrete.collapse_time": Law(collapse, grid(n=SIZES, p=[EVEN, SPREAD, [1.0], [1 - 1e-12, 1e-12]])),
    "discrete.collapse_time_bounds": Law(
        collapse_bounds, grid(n=SIZES, s0=[0.1, 1 - 1e-12, 1.0], symbols=[10, 10**15])
    ),
    "discrete.fixation_probability": Law(lambda p: list(map(f, p)), [{"p": SPREAD}]),
    "discrete.temperature_log_odds": Law(
        lambda temperature, t, log: logged(f(temperature) ** (1 - t), log),
        grid(temperature=[1e-9, 0.9, 1 - 1e-12, 1.0, 1.1], t=[TIMES], log=[False, True]),
    ),
    "discrete.replace_shrinkage": Law(
        lambda strength, t, log: logged((1 - f(strength)) ** t, log),
        grid(strength=[0.0, 1e-15, 0.1, 1.0], t=[TIMES], log=[False, True]),
    ),
    "discrete.accumulate_shrinkage": Law(shrinkage, grid(strength=[0.0, 1e-15, 0.1, 0.9, 1.0], t=[TIMES])),
    "discrete.poisson_survival": Law(poisson, grid(rate=[1e-15, 1.0, 1e15], t=[TIMES])),
    "discrete.bernoulli_survival_bounds": Law(
        bernoulli,
        grid(n=SIZES, p=[0.0, 1e-15, 1e-3, 1.0], t=[[1, 2, 100, 10**4]])
        + grid(n=[10**6], p=[1e-9, 1e-3], t=[TIMES]),
    ),
    "discrete.unique_symbols_bound": Law(unique, grid(n=SIZES, p=[EVEN, SPREAD], t=[[1, 2, 100, 10**4]])),
    "discrete.effective_sample_size": Law(
        worth, grid(sizes=[SIZES], shares=[[1.0, 0.5, 1e-3, 1e-6, 1.0, 1e-9, 0.1]], oracle=[False, True])
    ),
    "discrete.debiased_error": Law(
        batches(debiased=True),
        [{"sizes": [n] * 40, "shares": [1.0, *[a] * 39], "s0": 0.2} for n in SIZES for a in (1e-6, 0.2, 1.0)],
    ),
    "discrete.naive_pooling_error": Law(
        batches(debiased=False),
        [{"sizes": [n] * 40, "shares": [1.0, *[a] * 39], "s0": 0.2} for n in SIZES for a in (1e-6, 0.2, 1.0)],
    ),
    "discrete.missing_mass": Law(
        missing,
        grid(p=[EVEN, SPREAD], q=[SPREAD, [1.0, 0, 0, 0]], rows=[0, 1, 10**6, 10**15], log=[False, True]),
    ),
    "discrete.power_law_tail": Law(
        lambda b, cut: mp.zeta(f(b), cut + 1) / mp.zeta(f(b)),
        grid(b=[1.0 + 1e-6, 1.5, 2.0, 20.0], cut=[0, 1, 10, 10**3, 10**6, 10**9, 10**15]),
    ),
}


def public() -> dict[str, Callable[..., Any]]:
    """The functions that the rooms of theory offer, each by the first room that does."""
    found: dict[Callable[..., Any], str] = {}
    for room in ["exponential", *theory.__all__]:
        for name, law in vars(getattr(theory, room)).items():
            home = getattr(law, "__module__", None) or ""
            ours = home.startswith("genloss.theory.") and not home.startswith("genloss.theory._")
            if inspect.isfunction(law) and ours and not name.startswith("_"):
                found.setdefault(law, f"{room}.{name}")
    return {name: law for law, name in found.items()}


PUBLIC = public()


def numbers(value: Any) -> Iterable[Any]:
    """The numbers in what a law or an oracle returned, in order."""
    if isinstance(value, tuple | list):
        return itertools.chain.from_iterable(map(numbers, value))
    return [value] if np.ndim(value) == 0 else np.ravel(value).tolist()


def agree(found: Any, expected: Any, log: bool = False) -> bool:
    """To so many digits; where the true value is outside float64, 0.0 or inf; never -0.0.

    The logarithm of a ratio near 1 is as good as the ratio.
    """
    found, expected = float(found), f(expected)
    if abs(expected) > f(np.finfo(float).max):
        return found == (math.inf if expected > 0 else -math.inf)
    if log and abs(expected) < 1e-6:
        return bool(abs(f(found) - expected) <= f(1e-15))
    if abs(expected) < f(1e-300):
        return abs(found) <= 1.1e-300 and math.copysign(1, found) == (-1 if expected < 0 else 1)
    return bool(abs(f(found) - expected) <= DIGITS * abs(expected))


def test_every_public_law_has_an_oracle() -> None:
    assert set(PUBLIC) == set(LAWS)


@pytest.mark.parametrize("name", LAWS)
def test_digits(name: str) -> None:
    law, cases = PUBLIC[name], LAWS[name].cases
    for case in cases:
        times = case.get("t")
        if isinstance(times, list):
            found = [np.asarray(v) for v in result] if isinstance(result := law(**case), tuple) else [result]
            expected = [list(numbers(LAWS[name].oracle(**{**case, "t": t}))) for t in times]
            pairs = [(v[i], expected[i][j]) for j, v in enumerate(found) for i in range(len(times))]
        else:
            pairs = list(zip(numbers(law(**case)), numbers(LAWS[name].oracle(**case)), strict=True))
        assert pairs
        wrong = [(float(a), mp.nstr(b, 17)) for a, b in pairs if not agree(a, b, case.get("log", False))]
        assert not wrong, f"{name}({case}): {wrong}"


def test_depth_after_a_million_generations() -> None:
    """1/t, H/t, (H^2 - H_2)/2t and, in sum, a distribution of the known mean; replace has all at t - 1."""
    for t in (200, 10**6):
        law, h = kde.accumulate_depth(t), mp.harmonic(t - 1)
        first = [f(1) / t, h / t, (h**2 - squares(t - 1)) / (2 * t)]
        assert all(agree(a, b) for a, b in zip(law, first, strict=False))
        assert law.shape == (t,)
        assert agree(law.sum(), 1)
        assert agree(law @ np.arange(t), mp.harmonic(t) - 1)
        assert kde.replace_depth(t)[-1] == kde.replace_depth(t).sum() == 1
    # a tail beyond any that can be sampled keeps its digits: Stirling numbers of the first kind
    assert agree(kde.accumulate_depth(150)[149], 1 / mp.factorial(150))


def test_a_ratio_that_has_left_float64_goes_on_as_a_logarithm() -> None:
    assert gaussian.replace_trace_ratio(2, 10**6) == 0.0
    assert gaussian.replace_trace_ratio(2, 10**6, log=True) == pytest.approx(-(10**6) * math.log(2))
    assert gaussian.replace_trace_ratio(10, 10**6, temperature=10.0) == math.inf
    both = gaussian.fresh(10, 90, 1, 10**5, temperature=2.0)
    assert both == (math.inf, math.inf)
    ratio, error = gaussian.fresh(10, 90, 1, 10**5, temperature=2.0, log=True)
    assert math.isfinite(ratio) and ratio > 5e4 and math.isfinite(error)
    # a collapse against a temperature is neither 0 times inf nor inf minus inf
    assert gaussian.replace_trace_ratio(2, 10**6, temperature=2.0) == pytest.approx(0.5, rel=1e-9)
    assert gaussian.replace_sd_ratio(2, 10**6, temperature=4.0) == math.inf


def test_what_was_wrong_at_many_rows() -> None:
    """Differences of lgamma and of powers: 1.19, 2.94, and squares and errors below 0."""
    assert gaussian.replace_sd_ratio(10**12, 100) == pytest.approx(1 - 100 / 4e12, abs=1e-15)
    assert gaussian.replace_sd_ratio(10**15, 1) == pytest.approx(1.0, abs=1e-15)
    assert gaussian.replace_w2(10**9, 100) == pytest.approx(1.5e-7, rel=1e-6)
    assert kde.replace_mean_error(10**10, 100, 0.5) == pytest.approx(1e-10 * (100 + 0.25 * 4950), rel=0.01)
    found = kde.expected_log_density([[0.0, 1e8]], [[0.0, 1e8 + 1]], 0.1, [1.0])
    assert found[0] == pytest.approx(-50 + math.log(100 / (2 * math.pi)))
    assert math.copysign(1, discrete.collapse_time(10, [1.0])) == 1


# ---- arguments

VALUES: dict[str, list[Any]] = {
    "level": [0.0, 5e-324, 0.5, 1 - 2**-53, 1.0],
    "n": [1, 2, 7, 10**15, 2**53],
    "n_real": [1, 2, 9, 10**15, 2**53],
    "n_synthetic": [1, 2, 9, 10**15, 2**53],
    "n_0": [9, 10**15],
    "d": [1, 2, 20, 10**15, 2**53],
    "k": [1, 2, 5, 10**15, 2**53],
    "t": [1, 2, 300, [3, 1], 2**53],
    "ddof": [-3, 0, 0.5, 1, 1 + 1e-12, 1.999, 1e15],
    "temperature": [1e-100, 0.5, 1 - 1e-16, 1, 1 + 1e-15, 1.2, 1e100],
    "s0": [0, 0.3, 1 - 1e-16, 1],
    "bandwidth": [1e-100, 0.1, 1e100],
    "variance": [1e-100, 1, 1e100],
    "share": [1e-100, 1e-17, 0.3, 1 - 1e-16, 1],
    "w": [1e-100, 1e-17, 0.3, 1 - 1e-16, 1],
    "strength": [0, 1e-17, 0.3, 1 - 1e-16, 1],
    "synthetic_per_real": [1e-100, 1, 1e100],
    "noise": [0, 1, 1e100],
    "noise_0": [0, 1, 1e100],
    "shift": [0, 1, 1e100],
    "ratio": [0, 1e-17, 0.3, 1 - 1e-16],
    "rate": [1e-100, 1, 1e100],
    "b": [1 + 1e-15, 1.5, 20],
    "cut": [0, 1, 10**15],
    "symbols": [2, 10, 2**53],
    "rows": [0, 1, 10**15],
    "p": [[1.0], [0.5, 0.5], [1.0, 0.0], [1 - 1e-16, 1e-16], [1 + 5e-10, 0.0]],
    "q": [[1.0], [0.5, 0.5], [1.0, 0.0], [1 - 1e-16, 1e-16], [1 + 5e-10, 0.0]],
    "sizes": [[1], [2, 1], [10**15, 2**53]],
    "shares": [[1.0], [1.0, 1e-200], [1.0, 1.0]],
    "points": [[[0.0]], [[1e300], [-1e300]]],
    "depth": [[1.0], [0.0, 1.0], [0.5, 0.5]],
    "log": [False, True],
    "oracle": [False, True],
}
COUNTS = {
    "n", "n_real", "n_synthetic", "n_0", "d", "k", "t", "cut", "symbols", "rows", "sizes"
}  # fmt: skip
BAD: list[Any] = [math.nan, math.inf, -math.inf, -1, "x", [[0.5], [0.5, 0.5]], [math.nan], object(), 10**400]
BAD += [10**5000, 1j, [1j], [], np.array([[[1.0]]])]


def values(name: str, parameter: str) -> list[Any]:
    if (name, parameter) == ("kde.expected_log_density", "rows"):
        return [[[0.0]], [[1e300], [5.0]]]
    if (name, parameter) == ("discrete.bernoulli_survival_bounds", "p"):
        return VALUES["strength"]
    return VALUES[parameter]


@pytest.mark.parametrize("name", PUBLIC)
def test_never_nan_and_never_a_warning(name: str) -> None:
    """Whatever arguments are taken, at the ends of their ranges together; warnings are errors here."""
    law, parameters = PUBLIC[name], inspect.signature(PUBLIC[name]).parameters
    draw = random.Random(name)
    answered = 0
    for _ in range(150):
        arguments = {p: draw.choice(values(name, p)) for p in parameters}
        try:
            result = law(**arguments)
        except GenlossError as error:
            assert "\n" not in str(error)
            continue
        answered += 1
        found = np.array(list(numbers(result)), dtype=float)
        assert not np.isnan(found).any(), f"{name}({arguments}) = {result}"
        assert not (np.signbit(found) & (found == 0)).any(), f"{name}({arguments}) = {result}"
    assert answered


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_no_number_is_refused_by_name(name: str) -> None:
    law, parameters = PUBLIC[name], inspect.signature(PUBLIC[name]).parameters
    good = {p: v[0] if isinstance(v, list) and p == "t" else v for p, v in LAWS[name].cases[0].items()}
    for parameter in parameters:
        if parameter in ("log", "oracle"):
            continue
        for bad in [*BAD, *([1.5, None] if parameter in COUNTS - {"k", "n_real"} else [])]:
            if parameter == "ddof" and bad == -1:
                continue  # a divisor of n + 1 is one
            with pytest.raises(GenlossError) as caught:
                law(**{**good, parameter: bad})
            message = str(caught.value)
            assert "\n" not in message and len(message) < 300
            assert parameter in message and "give" in message, (parameter, bad, message)


def test_too_many_generations_one_after_the_other_are_refused() -> None:
    for call in (
        lambda t: gaussian.accumulate_trace_ratio(10, t),
        lambda t: gaussian.fresh(10, 10, 1, t),
        lambda t: discrete.poisson_survival(1.0, t),
        lambda t: discrete.accumulate_shrinkage(0.1, t),
        lambda t: kde.replace_mean_error(10, t, 0.1),
        lambda t: kde.accumulate_depth(t),
        lambda t: kde.replace_depth(t),
        lambda t: regression.accumulate_fresh_test_error(10, 1, t),
        lambda t: regression.growing_synthetic_test_error(10, 1, t),
    ):
        with pytest.raises(GenlossError, match=r"t = 100000000000: give at most 10*"):
            call(10**11)
    assert exponential.discard_ratio(10**11) == 1e11
    with pytest.raises(GenlossError, match="t = 9007199254740993: give at most 9007199254740992"):
        exponential.discard_ratio(2**53 + 1)
    with pytest.raises(GenlossError, match="d = 1000000000: give at most 10000000"):
        gaussian.replace_log_det(10**12, 10**9, 1)


@pytest.mark.parametrize("noise", [math.nan, -1.0, math.inf, None])
def test_noise_is_finite_and_not_negative(noise: Any) -> None:
    for call in (
        lambda: regression.ridgeless_replace_test_error(2, 10, 1, noise),
        lambda: regression.strong_collapse_test_error(0.1, 0.1, 1.0, noise),
        lambda: regression.final_fit_test_error(10, 10, 2, 1, noise),
    ):
        with pytest.raises(GenlossError, match=r"noise = .*: give a number in \[0, 1e\+100\]"):
            call()
    with pytest.raises(GenlossError, match="noise_0 = nan"):
        regression.final_fit_test_error(10, 10, 2, 1, 1.0, math.nan)
    with pytest.raises(GenlossError, match="n_0 = 3 rows in d = 2"):
        regression.final_fit_test_error(10, 3, 2, 1)


def test_no_distribution_is_more_even_than_the_even_one() -> None:
    with pytest.raises(
        GenlossError, match=r"s0 = 0.1 with symbols = 5: sum p\^2 is at least 1/symbols = 0.2"
    ):
        discrete.collapse_time_bounds(10, 0.1, 5)
    for symbols in (2, 3, 7, 10):  # sums of squares that are rounded
        even = float(np.sum(np.full(symbols, 1 / symbols) ** 2))
        assert discrete.collapse_time_bounds(10, even, symbols)[0] == pytest.approx(10)


def test_generations_times_symbols_are_summed_a_block_at_a_time() -> None:
    """In eight blocks here: all at once a million generations of 1000 symbols would take 8 GB."""
    t = np.arange(1, 2_000, 10).repeat(2)
    p = np.full(20_000, 1 / 20_000)
    found = discrete.unique_symbols_bound(1000, p, t)
    assert found.shape == t.shape
    assert found[7] == discrete.unique_symbols_bound(1000, p, int(t[7]))
