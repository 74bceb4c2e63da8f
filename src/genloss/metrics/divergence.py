"""How far a law is from the real one: relative entropy, optimal transport, kernel mean discrepancy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from genloss.components import Count, component
from genloss.meaning import Reference
from genloss.metrics.discrete import Of, no_rows, probabilities, real_probabilities
from genloss.metrics.distance import wasserstein1, wasserstein2_squared
from genloss.metrics.nearest import kth_nearest, once_if_shared
from genloss.metrics.sizes import MOST, MOST_PAIRED, chosen, said_of, some_features, too_few
from genloss.observation import Observation
from genloss.samples import Array
from genloss.statistics import Normal, Symbols
from genloss.traits import KNOWN_LAW, REAL_PROBABILITIES

if TYPE_CHECKING:
    from genloss.experiment import Experiment

MOST_MATCHED = 500
"""Rows that are matched one to one with as many: 20 ms, and five times that for twice as many."""


def asks_law(metric: Any) -> tuple[str, ...]:
    """What a metric of known laws needs of a model."""
    return ("known_law",) if metric.of == "model" else ()


def of_rows(metric: Any) -> bool:
    """Whether held-out rows are looked at: they are where published ones are."""
    return bool(metric.of == "published")


def _normal(exp: Experiment, of: str) -> str:
    """Why a model's law cannot be held against the real one; "" where both can be known."""
    if of == "published" or exp.event.discrete or KNOWN_LAW.of(exp.real) is not None:
        return ""
    name = type(exp.real).__name__
    return f'the law of {name} is not known in closed form; use of = "published", or real = "Gaussian"'


def _normals(seen: Observation) -> tuple[Normal, Normal]:
    """The model's law and the real one, of vectors."""
    real = KNOWN_LAW.of(seen.exp.real)
    assert real is not None  # a source that lacks one is a misfit
    model, law = seen.offered(KNOWN_LAW)(), real()
    assert isinstance(model, Normal) and isinstance(law, Normal)
    return model, law


def _symbols(seen: Observation, of: str) -> tuple[Symbols, Symbols]:
    """The model's law or frequencies of published symbols, and the real law or frequencies held out."""
    own = seen.offered(KNOWN_LAW)() if of == "model" else Symbols(probabilities(seen, of))
    assert isinstance(own, Symbols)
    real = real_probabilities(seen)
    return own, Symbols(real if real.ndim == 2 else real[None])


@component
class KL:
    """Relative entropy of what is published, or of the model, from the real law; 0 is the real law.

    Of the model's law the value is exact: of normal laws, and of symbols sum q log(q / p). Of published
    symbols it is that of their frequencies, which of fresh real ones is about (K - 1) / 2n, not 0. Of
    published vectors it is estimated from neighbours, for n published and m held-out rows in d dimensions

        d / n sum_i log(s_i / r_i) + log(m / (n - 1)),

    where r_i and s_i are the distances of published row i to its k-th nearest published and held-out one;
    of rows of one law it is 0 about, and can be negative. Where one law has hardly any rows and the other
    some, neighbours are far and it is too small. It is infinite where k + 1 published rows are one.

    Args:
        of: the "model"'s law, or the rows "published".
        direction: "reverse" is D(q || p) of the model q from the real law p, infinite where q has mass that p
            lacks; "forward" is D(p || q), what real rows cost beyond their entropy when q codes them,
            infinite as soon as a real symbol is lost.
        k: which nearest neighbour, of published vectors.

    References:
        Kullback and Leibler, On information and sufficiency (1951); Wang, Kulkarni and Verdú, Divergence
        estimation for multidimensional densities via k-nearest-neighbor distances, IEEE Trans. Inf. Theory 55
        (2009).
    """

    of: Of = "model"
    direction: Literal["reverse", "forward"] = "reverse"
    k: Count = 5
    title: ClassVar = "Divergence from the real law"
    unit: ClassVar = "KL, nats"
    better: ClassVar = "lower"
    scale: ClassVar = "nats"
    tells: ClassVar = "risk"
    accepts: ClassVar = ("vectors", "symbols")
    needs = property(asks_law)
    instead_of_rows = property(no_rows)
    reads_holdout = property(of_rows)
    reads_reference: ClassVar = True

    def misfit(self, exp: Experiment) -> str:
        """Whether the real law is known, or there are rows enough."""
        if self.of == "published" and not exp.event.discrete:
            return too_few(exp, self.k + 1, f"k = {self.k}")
        return _normal(exp, self.of)

    def says(self, exp: Experiment) -> dict[str, Any]:
        """What it is of, and how it is found."""
        whose, name = ("the model", "model") if self.of == "model" else ("published rows", "published")
        ends = f"of {whose} from the real law, D({name} ‖ real)"
        if self.direction == "forward":
            ends = f"of the real law from {whose}, D(real ‖ {name})"
        if exp.event.discrete:
            law = REAL_PROBABILITIES.of(exp.real) is not None
            real = "" if law else ", which held-out rows stand for"
            how = "exact" if self.of == "model" else "of frequencies, not 0 of fresh rows either"
            given = {"given": ""} if law else {}
            return {"about": f"Relative entropy {ends}{real}; {how}.", **given}
        if self.of == "model":
            return {"about": f"Relative entropy {ends}; exact, of normal laws.", "given": ""}
        about = f"Relative entropy {ends}, estimated by neighbour number {self.k} of each row."
        return {
            "about": about + said_of(exp, MOST_PAIRED),
            "reference": Reference(0.0, "rows of one law, about"),
        }

    def __call__(self, seen: Observation) -> Array:
        """(R,) nats."""
        if seen.exp.event.discrete:
            q, p = _symbols(seen, self.of)
            return q.kl(p) if self.direction == "reverse" else p.kl(q)
        if self.of == "model":
            model, law = _normals(seen)
            return model.kl(law) if self.direction == "reverse" else law.kl(model)
        x, y = some_features(seen)
        if self.direction == "reverse":
            return np.array([estimated_kl(a, b, self.k) for a, b in zip(x, y, strict=True)])
        own = once_if_shared(seen, y, lambda real: kth_nearest(real, real, self.k, among=True))
        return np.array([_nats(b, a, self.k, near) for a, b, near in zip(x, y, own, strict=True)])


def estimated_kl(x: Array, y: Array, k: int) -> float:
    """Nats from the law of rows x (n, d) to that of rows y (m, d), by their k-th nearest neighbours.

    Where a row lies on as many others of both kinds its term is 0.

    >>> x = np.arange(4.0)[:, None]
    >>> round(estimated_kl(x, x + 1.5, 1), 4)  # log 1/2 for three rows, log 3/2 for one, log 4/3
    -0.1308
    """
    return _nats(x, y, k, kth_nearest(x, x, k, among=True))


def _nats(x: Array, y: Array, k: int, own: Array) -> float:
    """The same where the distances (n,) of rows x to their own neighbours are known."""
    n, d = x.shape
    other = kth_nearest(x, y, k)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where((own == 0) & (other == 0), 0.0, np.log(other) - np.log(own))
    return float(d * terms.mean() + np.log(len(y) / (n - 1)))


@component
class Wasserstein:
    """Optimal transport: how far rows must move, in root mean square or on average, to become the real ones.

    Of published and held-out rows of one column, tables' by their features, it is exact, by sorting: the
    distance of quantile functions. Of more columns as many rows of each kind, at most 500 drawn at random,
    are matched one to one at the least cost, which is exact of these rows; of n rows of one law in d > 2
    dimensions it falls as n^(-1/d), and is not 0. Of the model's law it is W2 between normal laws,

        W2^2 = |m - m_0|^2 + tr(S + S_0 - 2 (S_0^1/2 S S_0^1/2)^1/2).

    Args:
        order: 2 of squared distances, 1 of distances; of a model 2 alone.
        of: the rows "published", or the "model"'s law.

    References:
        Villani, Optimal transport: old and new (2009); Dowson and Landau, The Fréchet distance between
        multivariate normal distributions (1982).
    """

    order: Literal[1, 2] = 2
    of: Of = "published"
    title: ClassVar = "Transport distance"
    better: ClassVar = "lower"
    scale: ClassVar = "ratio"
    tells: ClassVar = "risk"
    accepts: ClassVar = ("vectors", "table")
    needs = property(asks_law)
    instead_of_rows = property(no_rows)
    reads_holdout = property(of_rows)

    def misfit(self, exp: Experiment) -> str:
        """Whether there is a closed form."""
        if self.of == "model" and self.order == 1:
            return 'order = 1 has no closed form; use order = 2, or of = "published"'
        return _normal(exp, self.of)

    def says(self, exp: Experiment) -> dict[str, str]:
        """Between what, and of how many rows."""
        unit = {"unit": f"W{self.order}, in units of rows"}
        if self.of == "model":
            return {**unit, "about": "Least root mean square move that makes the model's law the real one."}
        line = _columns(exp) == 1
        how = "root mean square" if self.order == 2 else "mean"
        about = f"Least {how} move that makes published rows held-out ones; of real rows too it is not 0."
        if line:
            return {**unit, "about": about + said_of(exp)}
        return {**unit, "about": f"{about} As many of each are matched, at most {MOST_MATCHED}."}

    def __call__(self, seen: Observation) -> Array:
        """(R,) distances, in the units of the rows."""
        if self.of == "model":
            model, law = _normals(seen)
            return model.wasserstein2(law)
        if _columns(seen.exp) == 1:
            x, y = (some[..., 0] for some in some_features(seen, MOST))
            return wasserstein1(x, y) if self.order == 1 else np.sqrt(wasserstein2_squared(x, y))
        x, y = some_features(seen, MOST_MATCHED)
        k = min(x.shape[1], y.shape[1])
        each = seen.rng.measure.spawn(len(x))
        drawn = ((chosen(a, k, rng), chosen(b, k, rng)) for a, b, rng in zip(x, y, each, strict=True))
        return np.array([matched(a, b, self.order) for a, b in drawn])


def _columns(exp: Experiment) -> int:
    """How many features a row has."""
    return int(exp.features(exp.held_out[:1]).shape[-1])


def matched(x: Array, y: Array, order: int) -> float:
    """W_order of as many rows (n, d) of each kind, matched one to one at the least cost.

    >>> matched(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [0.0, 2.0]]), 1)
    1.0
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    cost = cdist(x, y) ** order
    return float(cost[linear_sum_assignment(cost)].mean() ** (1 / order))


@component
class MMD:
    """Squared maximum mean discrepancy of published from held-out rows, unbiased: 0 of rows of one law.

    mean k(x, x') + mean k(y, y') - 2 mean k(x, y) over pairs of different published rows x, held-out rows y,
    and one of each, with the kernel k(a, b) = exp(-|a - b|^2 / 2 h^2). The bandwidth h is the median distance
    between held-out rows, always the same one, so that generations can be compared; their mean distance where
    the median is 0. Being unbiased it can be negative. Tables are compared by their features.

    References:
        Gretton et al., A kernel two-sample test, JMLR 13 (2012), of the unbiased statistic and the median
        heuristic.
    """

    title: ClassVar = "Mean discrepancy"
    unit: ClassVar = "MMD²"
    better: ClassVar = "lower"
    scale: ClassVar = "plain"
    tells: ClassVar = "risk"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")
    reference: ClassVar = Reference(0.0, "rows of one law")

    def misfit(self, exp: Experiment) -> str:
        """Whether there are pairs."""
        return too_few(exp, 2, "a pair")

    def says(self, exp: Experiment) -> dict[str, str]:
        """What is compared."""
        about = (
            "Squared distance of mean embeddings of published and held-out rows by a Gaussian kernel as wide "
            "as the median distance between real rows; 0 on average of rows of one law."
        )
        return {"about": about + said_of(exp, MOST_PAIRED)}

    def __call__(self, seen: Observation) -> Array:
        """(R,) squared discrepancies."""
        from scipy.spatial.distance import cdist, pdist

        x, y = some_features(seen)
        out = np.empty(len(x))
        half, among = 0.0, 0.0
        for r, (mine, real) in enumerate(zip(x, y, strict=True)):
            if r == 0 or seen.fresh:
                far = pdist(real)
                half = 0.5 / (float(np.median(far)) or float(far.mean()) or 1.0) ** 2
                among = np.exp(-half * far**2).mean()
            own = np.exp(-half * pdist(mine, "sqeuclidean")).mean()
            out[r] = own + among - 2 * np.exp(-half * cdist(mine, real, "sqeuclidean")).mean()
        return out
