"""95 % intervals over replicates: of the typical one, which always holds, and of the mean, which costs more.

Replicates are the last axis; a NaN is a replicate that is not there, and is left out. One-dimensional values
give floats, others arrays over the axes before the last.

>>> import numpy as np
>>> left = np.exp(2 * np.random.Generator(np.random.SFC64(0)).standard_normal(20))   # median 1, mean 7.4
>>> print("typical {:.2f} [{:.2f}, {:.2f}]".format(*typical(left)))
typical 1.52 [0.36, 2.45]
>>> print("mean {:.1f} [{:.1f}, {:.1f}]".format(*mean(left, "ratio")))
mean 5.1 [1.0, 36.1]
>>> print(f"about {replicates_for_mean(left):.0f} replicates for the mean within a factor of 2")
about 64 replicates for the mean within a factor of 2
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genloss.errors import GenlossError
from genloss.meaning import Scale

Floats: TypeAlias = NDArray[np.float64]
Ends: TypeAlias = tuple[Floats, Floats]


class Interval(NamedTuple):
    """An estimate and the ends of its 95 % interval: floats, or arrays where the values had more axes."""

    estimate: Any
    low: Any
    high: Any


def typical(values: ArrayLike) -> Interval:
    """The median over replicates and its sign-test interval, which no shape of their law can upset.

    The ends are the order statistics [x_(k), x_(R+1-k)], which cover with probability g_k = 1 - 2 P(Bin(R,
    1/2) < k), for the largest k with g_k >= .95, moved inwards by the share (R - k) I / (k + (R - 2k) I), I =
    (g_k - .95) / (g_k - g_{k+1}), of the way to the next ones. That share is for smooth laws; where a gap in
    the law at its median could cost more than 3 points of coverage, the ends are moved by half the way at
    most, or not at all. So 92 to 98 % of intervals cover, whatever the continuous law. Nor are ends moved
    where two values are equal: counts and shares are covered by 95 % or more, and by as much more as their
    steps are coarse.

    Below 6 replicates there is no such interval, since all of them lie on one side of the median in more than
    5 % of runs: its ends are NaN. Infinite values have their place in the order like others.

    Args:
        values: (..., R).

    References:
        Hettmansperger and Sheather, Confidence intervals based on interpolated order statistics, Statistics &
        Probability Letters 4 (1986) 75-79.

    >>> typical([1, 2, 3, 4, 5, float("inf")])
    Interval(estimate=3.5, low=1.0, high=inf)
    >>> typical([1, 2, 3, 4, 5])
    Interval(estimate=3.0, low=nan, high=nan)
    """
    return _cells(values, _sign_test)


def mean(values: ArrayLike, scale: Scale = "plain") -> Interval:
    """The mean over replicates and an interval that covers it however skewed they are, as wide as that takes.

    It is the smallest interval that holds several others, each right where another fails:

    - of every scale, Hall's: from the t statistic with its skewness removed;
    - "ratio": MOVER's for log-normal values, unless logarithms are clearly skewed to the left;
    - values log-normal beyond a threshold, which lies where the logarithms of least and greatest value are as
      far from that of the median, on the side of the longer tail: MOVER's for these, unless logarithms have
      clearly short tails; for a "ratio" where logarithms are skewed to the right;
    - "nats", "plain": Student's, for tails that are long on both sides;
    - "share", "count", at an edge, where at most 3 replicates differ from the least or from the greatest
      value: the values seen do not tell how far the next one lies, so one more is supposed at the end of the
      scale (0 and 1; of counts one less and one more than seen), all get weights from a flat Dirichlet law
      (Gaffke's bound), and their mean the Beta law with its two moments. The ends are quantiles half way
      between the laws with the lower and the upper value added: for values 0 and 1, Clopper and Pearson's
      with mid-P (for R times 0, about 3/R). For shares this stands alone, and everywhere no end of theirs
      lies further out than with one more value at 0, or at 1.

    In simulation 92 to 98 % of intervals cover in nine of ten cases with R >= 10, and nowhere less than 88 %:
    traces after up to 100 generations, log-normal up to a standard deviation of 5 of logarithms, gamma, t,
    mixtures, log-likelihoods (``python -m benchmarks.coverage`` prints them). At an edge more than 98 % may.

    No interval from the values alone covers what they rarely show. Of a share p of replicates that jump far
    off, none is seen in (1-p)^R of runs: with p = .05 and a factor 20, 46, 65 and 92 % cover at R = 10, 20,
    50. Nor what grows by heavy-tailed factors: the error of least squares with hardly more rows than
    coefficients and estimated noise is covered in 87-92 % after 20 generations, in 75-87 % after 50 to 100
    (n = 14, d = 10). That replicates look tame says nothing: those that do may be the ones that missed the
    tail.

    Equal values that are no share or count are all that is known, and their interval has no width. One
    replicate has no interval (NaN); with an infinite value the mean is infinite, and so are both ends.

    Args:
        values: (..., R).
        scale: what the values are: "ratio" of positive numbers, "nats", "share" from 0 to 1, "count",
            "plain". What is off its scale, a ratio of 0 too, is treated without it.

    Raises:
        GenlossError: if there is no such scale.

    References:
        Hall, On the removal of skewness by transformation, JRSS B 54 (1992) 221-228.
        Zou, Huo and Taleban, Simple confidence intervals for lognormal means and their differences with
        environmental applications, Environmetrics 20 (2009) 172-180 (MOVER).
        Gaffke, Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative
        variable, Mathematical Methods of Statistics 14 (2005) 451-467; Learned-Miller and Thomas, A new
        confidence interval for the mean of a bounded random variable (2019), arXiv:1905.06208.
        Lancaster, Significance tests in discrete distributions, JASA 56 (1961) 223-234 (mid-P).

    >>> print("{:.2f} [{:.2f}, {:.2f}]".format(*mean([0.0] * 20, "share")))
    0.00 [0.00, 0.14]
    >>> print("{:.1f} [{:.1f}, {:.1f}]".format(*mean([334.0] * 19 + [333.0], "count")))
    333.9 [333.6, 334.1]
    """
    return _cells(values, partial(_mean, scale=_known(scale)))


def change(first: ArrayLike, last: ArrayLike, scale: Scale = "plain") -> Interval:
    """The typical change within replicates: of last / first for a "ratio", of last - first for other scales.

    A change is seen where the interval excludes `no_change(scale)`. Equal finite values are no change, also
    where both are 0; from 0 on the factor is infinite. Replicates that lack one of the two, or in which both
    are infinite, are left out: of these nothing can be told.

    Args:
        first: (..., R).
        last: (..., R), the same replicates.
        scale: of the values.

    Raises:
        GenlossError: if there is no such scale.

    >>> change([1.0, 2, 3, 4, 5, 0], [0.5, 1, 1.5, 3, 5, 0], "ratio")
    Interval(estimate=0.625, low=0.5, high=1.0)
    """
    a, b = np.asarray(first, dtype=float), np.asarray(last, dtype=float)
    with np.errstate(all="ignore"):
        moved = b / a if scale == "ratio" else b - a
    return typical(np.where((a == b) & np.isfinite(a), no_change(scale), moved))


def no_change(scale: Scale) -> float:
    """What `change` is where nothing changes: 1 for a "ratio", whose change is a factor, and 0 for others."""
    return 1.0 if _known(scale) == "ratio" else 0.0


def replicates_for_mean(values: ArrayLike, factor: float = 2.0) -> Any:
    """How many replicates would bring the mean within a factor on either side: an order of magnitude.

    (1.96 / ln factor)^2 (s^2 + s^4/2), s the standard deviation of logarithms: for log-normal values and
    large R; the interval, which need not know the law, is wider at that R. It says something only of
    positive finite values, at least two: NaN for others.

    Args:
        values: (..., R).
        factor: more than 1.
    """
    x = np.asarray(values, dtype=float)
    with np.errstate(all="ignore"):
        y = np.log(x)
        n = np.sum(~np.isnan(x), axis=-1)
        v = np.nansum((y - (np.nansum(y, axis=-1) / n)[..., None]) ** 2, axis=-1) / (n - 1)
        needed = np.ceil((1.96 / np.log(factor)) ** 2 * (v + v**2 / 2))
        known = (n > 1) & np.isfinite(v) & np.all(~((x <= 0) | np.isinf(x)), axis=-1)
    return np.where(known, np.maximum(needed, 2.0), np.nan)[()]


def _known(scale: Scale) -> Scale:
    if scale not in get_args(Scale):
        raise GenlossError(f"scale = {scale!r}: give one of {', '.join(get_args(Scale))}")
    return scale


def _cells(values: ArrayLike, rule: Callable[[Floats], tuple[Floats, Floats, Floats]]) -> Interval:
    """What a rule says of each cell's sorted values, without those that are NaN; NaN where none is left."""
    x = np.atleast_1d(np.asarray(values, dtype=float))
    s = np.sort(x.reshape(int(np.prod(x.shape[:-1])), x.shape[-1]), axis=1)  # NaN come last
    there = s.shape[1] - np.isnan(s).sum(axis=1)
    out = np.full((3, len(s)), np.nan)
    for n in np.unique(there[there > 0]):
        rows = there == n
        out[:, rows] = rule(s[:, :n] if rows.all() else s[rows, :n])
    if x.ndim == 1:
        return Interval(*(float(v) for v in out[:, 0]))
    return Interval(*out.reshape(3, *x.shape[:-1]))


def _middle(s: Floats) -> Floats:
    a, b = s[:, (s.shape[1] - 1) // 2], s[:, s.shape[1] // 2]
    with np.errstate(invalid="ignore"):
        return np.where(a == b, a, a / 2 + b / 2)


def _sign_test(s: Floats) -> tuple[Floats, Floats, Floats]:
    n = s.shape[1]
    if n < 6:
        return _middle(s), *np.full((2, len(s)), np.nan)
    k, share = _order(n)
    low, high = s[:, k - 1], s[:, n - k]
    if share:
        moves = (s[:, 1:] != s[:, :-1]).all(axis=1)
        low = np.where(moves, (1 - share) * low + share * s[:, k], low)
        high = np.where(moves, (1 - share) * high + share * s[:, n - k - 1], high)
    return _middle(s), low, high


@cache
def _order(n: int) -> tuple[int, float]:
    """Which order statistics of n the ends are, from 1, and by what share they move to the next ones."""
    from scipy.special import bdtr, bdtrik

    k = max(int(bdtrik(0.025, n, 0.5)), 0) + 1
    outer, inner = 1 - 2 * bdtr(k - 1.0, n, 0.5), 1 - 2 * bdtr(float(k), n, 0.5)
    i = (outer - 0.95) / (outer - inner)
    share = (n - k) * i / (k + (n - 2 * k) * i)
    if inner >= 0.92:
        return k, float(share)
    # at most half way at most one end at a time jumps over a gap that holds the median
    return k, min(float(share), 0.5) if (outer + inner) / 2 >= 0.92 else 0.0


def _mean(s: Floats, scale: Scale) -> tuple[Floats, Floats, Floats]:
    """Means and intervals of (cells, n) sorted values."""
    n = s.shape[1]
    out = np.full((3, len(s)), np.nan)
    finite = np.isfinite(s[:, 0]) & np.isfinite(s[:, -1])
    with np.errstate(all="ignore"):  # what overflows is an infinite end, what is undefined no end
        out[: 3 if n > 1 else 1, ~finite] = s[~finite, 0] + s[~finite, -1]
        x = s if finite.all() else s[finite]
        # in units of the greatest, squares of very small and very large values neither vanish nor overflow
        unit = np.maximum(-x[:, 0], x[:, -1])
        unit = np.where(unit > 0, unit, 1.0)
        y = x / unit[:, None]
        out[0, finite] = y.mean(axis=1) * unit
        if n > 1:
            low, high = (end * unit for end in _bounds(y, scale))
            out[1:, finite] = _within(x, scale, low, high)
    return out[0], out[1], out[2]


def _bounds(x: Floats, scale: Scale) -> Ends:
    """The smallest interval that holds Hall's and those for its scale."""
    n = x.shape[1]
    centre, sd, g, _ = _shape(x)
    error = sd / np.sqrt(n)
    low, high = _hall(n, centre, error, g)
    more = np.ones(len(x), dtype=bool)
    if scale == "ratio":
        a, b, more = _log_normal(x)
        low, high = np.fmin(low, a), np.fmax(high, b)
    if more.any():
        a, b = _beyond_threshold(x if more.all() else x[more])
        low[more], high[more] = np.fmin(low[more], a), np.fmax(high[more], b)
    if scale in ("nats", "plain"):  # Hall's misses where tails are long on both sides
        half = _t(n) * error
        low, high = np.fmin(low, centre - half), np.fmax(high, centre + half)
    return low, high


def _within(x: Floats, scale: Scale, low: Floats, high: Floats) -> Ends:
    """The interval within its scale, and at its edge."""
    n = x.shape[1]
    if scale in ("nats", "plain"):
        return low, high
    on = (x[:, 0] >= 0) & ((x[:, -1] <= 1) | (scale != "share"))
    low = np.where(on, np.maximum(low, 0), low)
    if scale == "share" and on.any():
        # no tail is longer than the scale: one more value at its end goes as far as any law may
        low[on] = np.maximum(low[on], _quantile(_with_one_more(x[on], 0.0), 0.025))
        high[on] = np.minimum(high[on], _quantile(_with_one_more(x[on], 1.0), 0.975))
    few = min(3, (n - 1) // 2)
    edge = on & ((x[:, 0] == x[:, n - 1 - few]) | (x[:, few] == x[:, -1])) & (scale != "ratio")
    if edge.any():
        y = x[edge]
        if scale == "share":
            low[edge], high[edge] = _edge(y, 0.0, 1.0)
        else:
            a, b = _edge(y, np.maximum(y[:, 0] - 1, 0), y[:, -1] + 1)
            low[edge], high[edge] = np.minimum(low[edge], a), np.maximum(high[edge], b)
    return low, high


def _hall(n: int, centre: Floats, error: Floats, g: Floats) -> Ends:
    """Hall's: mean - error inv(+-t), inv(z) = (cbrt(1 + 3u (z - u/2)) - 1) / u, u = g / (3 sqrt(n))."""
    u = g / (3 * np.sqrt(n))
    flat = np.abs(u) < 1e-6  # where the root loses its digits
    u = np.where(flat, 1.0, u)
    z = _t(n) * np.array([[1.0], [-1.0]])
    inv = np.where(flat, z, (np.cbrt(1 + 3 * u * (z - u / 2)) - 1) / u)
    low, high = centre - error * inv
    return low, high


def _log_normal(x: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """MOVER's, NaN where logarithms are missing or clearly skewed to the left; and where it may not do."""
    y = np.log(x)
    _, sd, g, _ = _shape(y)
    low, high = _mover(y, sd)
    positive, error = x[:, 0] > 0, np.sqrt(6 / x.shape[1])
    fits = positive & (g > -2 * error)
    return np.where(fits, low, np.nan), np.where(fits, high, np.nan), ~positive | (g > error)


def _beyond_threshold(x: Floats) -> Ends:
    """MOVER's for values log-normal beyond a threshold, NaN where tails of logarithms are clearly short."""
    middle = _middle(x)
    a, b = middle - x[:, 0], x[:, -1] - middle
    turn = np.where(b >= a, 1.0, -1.0)  # the longer tail points upwards
    a, b = np.minimum(a, b), np.maximum(a, b)
    threshold = turn * middle - a - a * a / (b - a)
    y = np.log(x * turn[:, None] - threshold[:, None])
    _, sd, _, k = _shape(y)
    low, high = np.array(_mover(y, sd)) + threshold
    fits = np.isfinite(y).all(axis=1) & (k > -1.5 * np.sqrt(24 / x.shape[1]))
    fits &= b - a > 1e-3 * (
        a + b
    )  # where both tails are as long, the threshold is at infinity, and Hall's does
    up = turn > 0
    return np.where(fits, np.where(up, low, -high), np.nan), np.where(fits, np.where(up, high, -low), np.nan)


def _mover(y: Floats, sd: Floats) -> Ends:
    """Zou's interval for the mean of exp(y): those of the mean and the variance of normal y, put together."""
    from scipy.special import chdtri

    n, v = y.shape[1], sd**2
    centre = y.mean(axis=1) + v / 2
    wide = 1.96**2 * v / n
    most, least = (n - 1) / chdtri(n - 1, 0.975), (n - 1) / chdtri(n - 1, 0.025)
    low = np.exp(centre - np.sqrt(wide + (v / 2 * (1 - least)) ** 2))
    return low, np.exp(centre + np.sqrt(wide + (v / 2 * (1 - most)) ** 2))


def _edge(x: Floats, bottom: Floats | float, top: Floats | float) -> Ends:
    """The .025 and .975 quantiles half way between the laws of the mean with one more value at each end."""
    from scipy.special import betainc

    laws = [_with_one_more(x, bottom), _with_one_more(x, top)]
    ends = []
    for q in (0.025, 0.975):
        exact = [_quantile(law, q) for law in laws]
        low, high = np.minimum(*exact), np.maximum(*exact)
        for _ in range(40):
            c = (low + high) / 2
            p = [
                np.where(a > 0, betainc(a, b, np.clip((c - base) / span, 0, 1)), c >= base)
                for base, span, a, b in laws
            ]
            up = p[0] + p[1] < 2 * q
            low, high = np.where(up, c, low), np.where(up, high, c)
        ends.append(low if q < 0.5 else high)
    return ends[0], ends[1]


def _with_one_more(x: Floats, more: Floats | float) -> tuple[Floats, Floats, Floats, Floats]:
    """Place and shape of the Beta law of the mean of values and one more with flat Dirichlet weights."""
    n = x.shape[1] + 1
    base, span = np.minimum(x[:, 0], more), np.maximum(x[:, -1], more)
    span = span - base
    z, last = (x - base[:, None]) / span[:, None], (more - base) / span
    m = (z.sum(axis=1) + last) / n
    v = (((z - m[:, None]) ** 2).sum(axis=1) + (last - m) ** 2) / (n * (n + 1))
    size = m * (1 - m) / v - 1
    return base, span, m * size, (1 - m) * size


def _quantile(law: tuple[Floats, Floats, Floats, Floats], q: float) -> Floats:
    """Of such a law; NaN in its shape is a law of one point, all values lying at that end of the scale."""
    from scipy.special import betaincinv

    base, span, a, b = law
    return np.asarray(np.where(a > 0, base + span * betaincinv(a, b, q), base))


def _shape(x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, standard deviation, skewness and excess kurtosis; the last two 0 where all values are equal."""
    n = x.shape[1]
    centre = x.mean(axis=1)
    d = x - centre[:, None]
    d[x[:, 0] == x[:, -1]] = 0.0  # what rounding leaves of equal values
    square = d * d
    v = square.mean(axis=1)
    g = np.nan_to_num((square * d).mean(axis=1) / v**1.5)
    k = np.nan_to_num((square * square).mean(axis=1) / v**2 - 3)
    return centre, np.sqrt(v * n / (n - 1)), g, k


def _t(n: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, 0.975))
