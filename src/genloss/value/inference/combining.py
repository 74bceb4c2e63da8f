"""Several synthetic data sets from one real one: one estimate, with an interval for what real rows come from.

Each of K data sets gives an estimate q_k and, taken as real, its variance v_k. Their mean is off by what
the real rows leave open and by what the draws add; how the q_k differ, B, tells of both.

References:
    Raghunathan, Reiter and Rubin, Multiple imputation for statistical disclosure limitation, Journal of
    Official Statistics 19 (2003) 1-16; Reiter, Satisfying disclosure restrictions with synthetic data sets,
    Journal of Official Statistics 18 (2002) 531-544; Reiter, Inference for partially synthetic, public use
    microdata sets, Survey Methodology 29 (2003) 181-188; Raab, Nowok and Dibben, Practical data synthesis for
    large samples, Journal of Privacy and Confidentiality 7 (2016) 67-97.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import DataError, shown
from genloss.intervals import Interval
from genloss.samples import Array
from genloss.value.inference.said import Answer, Inferred

Kind: TypeAlias = Literal["fully", "partially", "once"]
"""How the data sets were made: all cells synthetic, each set from a posterior draw, or a fit to resampled
rows, of its own; some cells synthetic, from a fit to rows that have them, likewise; or all from one fit."""

_METHODS = {
    "fully": "combined, fully synthetic",
    "partially": "combined, partially synthetic",
    "once": "combined, one fit",
}


@dataclass(frozen=True, eq=False)
class Combined:
    """Estimates of K data sets as one; each array has the axes of the estimates but for their last.

    Args:
        estimate: the mean of all.
        variance: of the estimate about the truth.
        freedom: degrees of freedom of that variance.
        within: variance of the estimate if all rows were real.
        lacking: where the differences tell no variance, and another stands for it.
    """

    estimate: Array
    variance: Array
    freedom: Array
    within: Array
    lacking: Array

    def interval(self, level: float) -> tuple[Array, Array]:
        """The ends of intervals that are meant to hold the truth in such a share of cases."""
        from scipy.special import stdtrit

        reach = np.sqrt(self.variance) * stdtrit(self.freedom, (1 + level) / 2)
        return self.estimate - reach, self.estimate + reach

    def naive(self, level: float) -> tuple[Array, Array]:
        """The ends of intervals of who takes all rows as real."""
        from scipy.special import ndtri

        reach = np.sqrt(self.within) * ndtri((1 + level) / 2)
        return self.estimate - reach, self.estimate + reach

    def covers(self, level: float) -> Array:
        """Share of naive intervals that hold the truth."""
        from scipy.special import erf, ndtri

        reach = ndtri((1 + level) / 2) * np.sqrt(self.within / self.variance)
        found: Array = erf(reach / math.sqrt(2))
        return found


def combined(estimates: ArrayLike, variances: ArrayLike, kind: Kind, ratio: float | None = None) -> Combined:
    """Estimates of several synthetic data sets as one.

    With q the mean of the estimates, B their variance, V the mean of the variances and K data sets, the
    variance of q is

    - fully synthetic: (1 + 1/K) B - V, with (K - 1) (1 - V / ((1 + 1/K) B))^2 degrees of freedom; where it is
      negative, or so near 0 that there is less than one, (m/n) V stands for it, m synthetic rows made from n
      real ones, with K - 1;
    - partially synthetic: V + B/K, with (K - 1) (1 + K V / B)^2;
    - drawn from one fit: (m/n + 1/K) V, infinitely many, which needs no differences and takes one data set.

    Args:
        estimates: (..., K) one for each data set.
        variances: (..., K) of each, taken as real.
        kind: how the data sets were made.
        ratio: m/n, rows of a data set to a real row; None takes 1 where differences tell no variance.

    Raises:
        DataError: if there are too few data sets, or the ratio is needed and not given.

    References:
        "fully": Raghunathan, Reiter and Rubin (2003), and Reiter (2002) for negative ones; "partially":
        Reiter (2003); "once": Raab, Nowok and Dibben (2016).

    >>> found = combined([1.0, 1.4, 1.3], [0.01, 0.01, 0.01], "fully")
    >>> print(f"{found.estimate:.3f}, variance {found.variance:.4f}, {found.freedom:.2f} degrees of freedom")
    1.233, variance 0.0478, 1.37 degrees of freedom
    """
    q, v = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    if kind not in get_args(Kind):
        raise DataError(f"no kind {shown(kind)} of data sets; give {', '.join(get_args(Kind))}")
    if ratio is not None and not 0 < ratio < np.inf:
        raise DataError(f"m/n = {shown(ratio)}: give synthetic rows to a real one, above 0")
    k = q.shape[-1]
    if kind == "once":
        if ratio is None:
            raise DataError("one fit: how many real rows it was fitted to must be known (--real-rows N)")
    elif k < 2:
        raise DataError(
            "one data set alone does not tell how far off it is: give two or more, each from a fit of its "
            "own, or say how many real rows it was made from (--combine once --real-rows N)"
        )
    mean, within = q.mean(axis=-1), v.mean(axis=-1)
    no = np.zeros(mean.shape, dtype=bool)
    if kind == "once":
        assert ratio is not None
        return Combined(mean, (ratio + 1 / k) * within, np.full(mean.shape, np.inf), within / k, no)
    between = q.var(axis=-1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "partially":
            freedom = (k - 1) * (1 + k * within / between) ** 2
            return Combined(mean, within + between / k, freedom, within / k, no)
        outer = (1 + 1 / k) * between
        freedom = (k - 1) * (1 - within / outer) ** 2
        lacking = (outer <= within) | (freedom < 1)
        variance = np.where(lacking, (1 if ratio is None else ratio) * within, outer - within)
        freedom = np.where(lacking, k - 1, freedom)
    return Combined(mean, variance, freedom, within / k, lacking)


def told(
    what: str,
    names: tuple[str, ...],
    estimates: Array,
    variances: Array,
    rows: int,
    kind: Kind,
    real_rows: int | None,
    level: float,
) -> Inferred:
    """What data sets say together, with its words.

    Args:
        what: was asked for.
        names: (d,) of its numbers.
        estimates: (d, K).
        variances: (d, K).
        rows: of all data sets.
        kind: how they were made.
        real_rows: that they were made from; None where nobody says.
        level: share of intervals that are meant to hold the truth.

    Raises:
        DataError: as of :func:`combined`.
    """
    k = estimates.shape[1]
    if len({(*q, *v) for q, v in zip(estimates.T, variances.T, strict=True)}) < k:
        raise DataError("two data sets say the same to the last digit: give each once")
    found = combined(estimates, variances, kind, rows / k / real_rows if real_rows else None)
    ends, naive = found.interval(level), found.naive(level)
    # a variance that was only supposed does not tell how wrong another is
    covers = np.where(found.lacking & (real_rows is None), np.nan, found.covers(level))
    answers = tuple(
        Answer(
            name,
            Interval(float(found.estimate[j]), float(ends[0][j]), float(ends[1][j])),
            Interval(float(found.estimate[j]), float(naive[0][j]), float(naive[1][j])),
            covers=float(covers[j]),
        )
        for j, name in enumerate(names)
    )
    notes = []
    if found.lacking.any():
        which = ", ".join(name for name, lacks in zip(names, found.lacking, strict=True) if lacks)
        many = (
            f"{real_rows} real rows" if real_rows else "as many real rows as a data set has (--real-rows N)"
        )
        notes.append(f"{which}: the data sets differ too little to tell a variance; that of {many} is taken")
    if kind == "fully" and _alike(estimates, variances):
        notes.append(
            "the data sets differ no more than draws from one fitted model do: if the generator was fitted "
            "once, the interval is too short; write --combine once --real-rows N"
        )
    known = covers[~np.isnan(covers)]
    cases = f"about {100 * float(np.median(known)):.0f} % of cases" if len(known) else "too few cases"
    verdict = (
        "Believe the combined interval: taken as real, the synthetic rows give one that holds the truth in "
        f"{cases}, not {100 * level:.6g} %."
    )
    return Inferred(what, _METHODS[kind], level, answers, rows, 0, k, verdict, (*notes,))


def _alike(estimates: Array, variances: Array) -> bool:
    """Whether estimates vary as little as they would if all data sets came from one law."""
    from scipy.stats import chi2

    k = estimates.shape[1]
    ratios = (k - 1) * estimates.var(axis=1, ddof=1) / variances.mean(axis=1)
    return bool(np.median(ratios) < chi2.ppf(0.95, k - 1))
