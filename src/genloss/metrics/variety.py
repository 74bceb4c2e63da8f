"""How much there is to choose from: distinct n-grams, and entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.special import digamma, gammaln

from genloss.components import Count, component
from genloss.meaning import Reference
from genloss.metrics.discrete import Of, no_rows, probabilities
from genloss.metrics.divergence import asks_law
from genloss.metrics.nearest import kth_nearest
from genloss.metrics.sizes import MOST_PAIRED, said_of, some_features, too_few
from genloss.observation import Observation
from genloss.samples import Array
from genloss.statistics import Symbols
from genloss.traits import KNOWN_LAW, REAL_PROBABILITIES, SCHEMA

if TYPE_CHECKING:
    from genloss.experiment import Experiment


@component
class DistinctN:
    """Distinct n-grams over all n-grams of the published rows: 1 is that none occurs twice.

    A row of symbols is a text; n-grams do not go on from one row to the next. Where a row is a single symbol
    there are only unigrams, and it is the share of distinct symbols. It falls as more rows are published:
    compare equal numbers of them.

    Args:
        n: symbols of an n-gram.

    References:
        Li et al., A diversity-promoting objective function for neural conversation models (2016),
        arXiv:1510.03055.
    """

    n: Count = 1
    title: ClassVar = "Distinct n-grams"
    better: ClassVar = "higher"
    scale: ClassVar = "share"
    tells: ClassVar = "spread"
    of: ClassVar = "published"
    accepts: ClassVar = ("symbols", "tokens")

    def misfit(self, exp: Experiment) -> str:
        """Whether a row has an n-gram."""
        length = int(np.prod(exp.event_shape))
        return f"a row has {length} symbols, and no {self.n}-gram; use n = {length} or less" * (
            length < self.n
        )

    def says(self, exp: Experiment) -> dict[str, str]:
        """Of which n-grams."""
        what = "symbols" if self.n == 1 else f"sequences of {self.n} symbols"
        about = f"Different {what} over all {what} of the published rows; it falls as more are published."
        return {"unit": f"of all {self.n}-grams", "about": about}

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        rows = seen.rows.reshape(*seen.rows.shape[:2], -1)
        grams = np.lib.stride_tricks.sliding_window_view(rows, self.n, axis=2)
        return np.array([_distinct(g.reshape(-1, self.n), int(SCHEMA.of(seen.exp.real))) for g in grams])


def _distinct(grams: Array, symbols: int) -> float:
    """The share of rows (N, n) of symbols that differ."""
    if symbols ** grams.shape[1] < 2**63:
        # a number for each n-gram: digits of base K
        places = symbols ** np.arange(grams.shape[1], dtype=np.int64)
        return len(np.unique(grams @ places)) / len(grams)
    return len(np.unique(grams, axis=0)) / len(grams)


@component
class Entropy:
    """Entropy in nats: of symbols - sum p log p, of vectors the differential entropy - E log f.

    Of the model's law it is exact, for symbols and for normal laws; a law on a subspace has minus infinity.
    Of published symbols it is that of their frequencies plus, where corrected, (K' - 1) / 2n for K' symbols
    that occur, the first term of the bias (Miller and Madow). Of n published vectors in d dimensions it is
    estimated from the distances r_i to the k-th nearest other one (Kozachenko and Leonenko),

        psi(n) - psi(k) + log V_d + d mean log r_i,    V_d the volume of the unit ball.

    Args:
        of: the "model"'s law, or the rows "published".
        corrected: whether the bias of frequencies is taken off, of published symbols.
        k: which nearest neighbour, of published vectors.

    References:
        Miller, Note on the bias of information estimates (1955); Kozachenko and Leonenko, Sample estimate of
        the entropy of a random vector (1987).
    """

    of: Of = "model"
    corrected: bool = True
    k: Count = 5
    title: ClassVar = "Entropy"
    unit: ClassVar = "nats"
    scale: ClassVar = "nats"
    tells: ClassVar = "spread"
    accepts: ClassVar = ("vectors", "symbols")
    needs = property(asks_law)
    instead_of_rows = property(no_rows)

    def misfit(self, exp: Experiment) -> str:
        """Whether every row has so many neighbours."""
        rows = self.of == "published" and not exp.event.discrete
        return too_few(exp, self.k + 1, f"k = {self.k}") if rows else ""

    def says(self, exp: Experiment) -> dict[str, Any]:
        """Of what, how it is found, and what the real law has."""
        whose = "the model's law" if self.of == "model" else "published rows"
        how = "exact"
        if self.of == "published":
            plain = f"of frequencies, {'corrected' if self.corrected else 'not corrected'} for bias"
            how = plain if exp.event.discrete else f"estimated by neighbour number {self.k} of each row"
        about = f"Entropy of {whose}, {how}; less is less variety."
        said = "" if exp.event.discrete or self.of == "model" else said_of(exp, MOST_PAIRED)
        p, law = REAL_PROBABILITIES.of(exp.real), KNOWN_LAW.of(exp.real)
        real = Symbols(p[None]) if p is not None else None if law is None else law()
        value = -np.inf if real is None else float(real.entropy()[0])
        return {
            "about": about + said,
            "reference": Reference(value, "the real law") if value > -np.inf else None,
        }

    def __call__(self, seen: Observation) -> Array:
        """(R,) nats."""
        if self.of == "model":
            return seen.offered(KNOWN_LAW)().entropy()
        if seen.exp.event.discrete:
            p = probabilities(seen, "published")
            bias = ((p > 0).sum(axis=1) - 1) / (2 * seen.chunk.n)
            return np.asarray(Symbols(p).entropy() + bias * self.corrected)
        return np.array([estimated_entropy(x, self.k) for x in some_features(seen)[0]])


def estimated_entropy(x: Array, k: int) -> float:
    """Nats of the law of rows (n, d) by k-th nearest neighbours; minus infinity where k + 1 are alike."""
    n, d = x.shape
    volume = 0.5 * d * np.log(np.pi) - gammaln(0.5 * d + 1)
    with np.errstate(divide="ignore"):
        far = np.log(kth_nearest(x, x, k, among=True)).mean()
    return float(digamma(n) - digamma(k) + volume + d * far)
