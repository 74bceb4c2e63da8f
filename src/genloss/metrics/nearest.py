"""Published rows among held-out ones, and the other way round: whose nearest neighbour, and how near."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Gt, Lt

from genloss.components import Count, component
from genloss.meaning import Reference
from genloss.metrics.discrete import (
    Of,
    asks_probabilities,
    no_rows,
    probabilities,
    real_probabilities,
)
from genloss.metrics.sizes import MOST_PAIRED, chosen, said_of, some_features, too_few
from genloss.observation import Observation
from genloss.samples import Array
from genloss.traits import REAL_PROBABILITIES

if TYPE_CHECKING:
    from genloss.experiment import Experiment


def kth_nearest(ask: Array, rows: Array, k: int = 1, among: bool = False) -> Array:
    """(n,) Euclidean distances of rows (n, d) to the k-th nearest of others (m, d).

    Args:
        ask: the rows that are asked about.
        rows: their neighbours.
        k: from 1.
        among: whether both are the same rows, none of which is a neighbour of itself.
    """
    from scipy.spatial.distance import cdist

    place = k if among else k - 1  # at distance 0 each finds itself first
    return np.asarray(np.partition(cdist(ask, rows), place, axis=1)[:, place])


def _neighbourhoods(seen: Observation, k: int) -> tuple[Array, ...]:
    """(R,) precision, recall, density and coverage: one matrix of distances tells all four."""
    return seen.once(f"neighbourhoods of {k}", lambda: tuple(_four(seen, k)))


def _four(seen: Observation, k: int) -> Array:
    from scipy.spatial.distance import cdist

    x, y = some_features(seen)
    around = once_if_shared(seen, y, lambda real: kth_nearest(real, real, k, among=True))
    out = np.empty((4, len(x)))
    for r, (mine, real, held) in enumerate(zip(x, y, around, strict=True)):
        far, own = cdist(real, mine), kth_nearest(mine, mine, k, among=True)
        inside = far <= held[:, None]
        out[0, r] = inside.any(axis=0).mean()
        out[1, r] = (far <= own).any(axis=1).mean()
        out[2, r] = inside.sum() / (k * len(mine))
        out[3, r] = inside.any(axis=1).mean()
    return out


def once_if_shared(seen: Observation, y: Array, ask: Any) -> Iterator[Any]:
    """What is asked of the held-out rows (R, m, d) of each replicate; once where all have the same."""
    same = None if seen.fresh else ask(y[0])
    for real in y:
        yield ask(real) if same is None else same


def _sizes(exp: Experiment) -> tuple[set[int], int]:
    """How many published rows each agent is judged by, and how many held-out ones."""
    published = {min(exp.published(i), MOST_PAIRED) for i in range(len(exp.agents))}
    return published, min(len(exp.held_out), MOST_PAIRED)


@component
class Precision:
    """Share of published rows that lie among the real ones: in the ball of one, up to its k-th neighbour.

    The balls are those of held-out rows, closed. A published row that repeats a held-out one is in. What
    fresh real rows score depends on the law: generation 0, the real rows, says it.

    Args:
        k: which nearest held-out neighbour a ball reaches to.

    References:
        Kynkäänniemi et al., Improved precision and recall metric for assessing generative models (2019),
        arXiv:1904.06991.
    """

    k: Count = 3
    title: ClassVar = "Precision"
    unit: ClassVar = "share of published rows"
    better: ClassVar = "higher"
    scale: ClassVar = "share"
    tells: ClassVar = "risk"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")

    def misfit(self, exp: Experiment) -> str:
        """Whether every row has so many neighbours."""
        return too_few(exp, self.k + 1, f"k = {self.k}")

    def says(self, exp: Experiment) -> dict[str, str]:
        """What a ball is."""
        about = (
            f"Share of published rows nearer to a held-out real row than its neighbour number {self.k} is."
        )
        return {"about": about + said_of(exp, MOST_PAIRED)}

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        return _neighbourhoods(seen, self.k)[0]


@component
class Recall:
    """Share of real rows that lie among the published ones: in the ball of one, up to its k-th neighbour.

    The balls are those of published rows, closed. What fresh real rows score depends on the law and on how
    many are published: generation 0, the real rows, says it.

    Args:
        k: which nearest published neighbour a ball reaches to.

    References:
        Kynkäänniemi et al., Improved precision and recall metric for assessing generative models (2019),
        arXiv:1904.06991.
    """

    k: Count = 3
    title: ClassVar = "Recall"
    unit: ClassVar = "share of real rows"
    better: ClassVar = "higher"
    scale: ClassVar = "share"
    tells: ClassVar = "spread"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")

    def misfit(self, exp: Experiment) -> str:
        """Whether every row has so many neighbours."""
        return too_few(exp, self.k + 1, f"k = {self.k}")

    def says(self, exp: Experiment) -> dict[str, str]:
        """What a ball is."""
        about = (
            f"Share of held-out real rows nearer to a published row than its neighbour number {self.k} is."
        )
        return {"about": about + said_of(exp, MOST_PAIRED)}

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        return _neighbourhoods(seen, self.k)[1]


@component
class Density:
    """How many balls of real rows hold a published row, over k: 1 of fresh real rows, whatever their law.

    A ball is that of a held-out row, closed, and reaches to its k-th nearest held-out neighbour. A fresh real
    row is as likely as any other to be among the k nearest of the m rows about a held-out one: each of m
    balls holds it with probability k / m. It exceeds 1 where rows crowd in the middle.

    Args:
        k: which nearest held-out neighbour a ball reaches to.

    References:
        Naeem et al., Reliable fidelity and diversity metrics for generative models (2020), arXiv:2002.09797.
    """

    k: Count = 5
    title: ClassVar = "Density"
    unit: ClassVar = "of published rows, against real ones"
    scale: ClassVar = "ratio"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")
    reference: ClassVar = Reference(1.0, "fresh real rows")

    def misfit(self, exp: Experiment) -> str:
        """Whether every row has so many neighbours."""
        return too_few(exp, self.k + 1, f"k = {self.k}")

    def says(self, exp: Experiment) -> dict[str, str]:
        """What is counted."""
        about = (
            f"How many held-out real rows have a published row nearer than their neighbour number {self.k}, "
            f"mean over published rows, over {self.k}; of fresh real rows 1."
        )
        return {"about": about + said_of(exp, MOST_PAIRED)}

    def __call__(self, seen: Observation) -> Array:
        """(R,) densities."""
        return _neighbourhoods(seen, self.k)[2]


def fresh_coverage(n: int, m: int, k: int) -> float:
    """Expected coverage of m real rows by n fresh ones: 1 - prod_{i<k} (m - 1 - i) / (m - 1 + n - i).

    Of the m - 1 + n other rows about a real one the k nearest are all held-out ones with this product for a
    probability, whatever the law, by exchangeability (Naeem et al. 2020).

    >>> round(fresh_coverage(100, 100, 5), 4)
    0.9711
    """
    i = np.arange(k)
    return float(1 - np.prod((m - 1 - i) / (m - 1 + n - i)))


@component
class Coverage:
    """Share of real rows whose ball, up to their k-th real neighbour, holds a published row.

    The balls are those of held-out rows, closed. What fresh real rows score follows from the numbers of rows
    alone, see :func:`genloss.metrics.nearest.fresh_coverage`.

    Args:
        k: which nearest held-out neighbour a ball reaches to.

    References:
        Naeem et al., Reliable fidelity and diversity metrics for generative models (2020), arXiv:2002.09797.
    """

    k: Count = 5
    title: ClassVar = "Coverage"
    unit: ClassVar = "share of real rows"
    better: ClassVar = "higher"
    scale: ClassVar = "share"
    tells: ClassVar = "spread"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")

    def misfit(self, exp: Experiment) -> str:
        """Whether every row has so many neighbours."""
        return too_few(exp, self.k + 1, f"k = {self.k}")

    def says(self, exp: Experiment) -> dict[str, Any]:
        """What is counted, and what fresh rows have, where all agents publish as many."""
        about = (
            f"Share of held-out real rows with a published row nearer than their neighbour number {self.k}."
        )
        published, held = _sizes(exp)
        same = len(published) == 1
        fresh = Reference(fresh_coverage(min(published), held, self.k), "fresh real rows") if same else None
        return {"about": about + said_of(exp, MOST_PAIRED), "reference": fresh}

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        return _neighbourhoods(seen, self.k)[3]


@component
class NearestRealDistance:
    """Median distance of published rows to the nearest real one, over that of real rows: 1 is fresh rows.

    Real are the held-out rows, each held against the others; or the first real rows, which the first model
    trained on, and to which held-out rows are held. As many real rows are looked at for both medians. Below 1
    published rows lie nearer than real ones do, as copies and crowds do; above 1 they stray. Generation 0,
    the first real rows, has 1 about, and 0 to the training rows, which they are.

    Distances are Euclidean ones of features. Where half of the real rows repeat another one, their median is
    0: the ratio is then 1 if that of the published ones is too, else infinite.

    Args:
        to: the "holdout", or the "training" rows, to which a ratio below 1 tells copies.

    References:
        Park et al., Data synthesis based on generative adversarial networks (2018), arXiv:1806.03384, of the
        distance to the closest record.
    """

    to: Literal["holdout", "training"] = "holdout"
    title: ClassVar = "Distance to the nearest real row"
    unit: ClassVar = "times that of real rows"
    scale: ClassVar = "ratio"
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")
    reference: ClassVar = Reference(1.0, "fresh real rows")

    def misfit(self, exp: Experiment) -> str:
        """Whether a real row has another."""
        return too_few(exp, 2, "the nearest row")

    def says(self, exp: Experiment) -> dict[str, str]:
        """To which rows."""
        which = "of the first real rows" if self.to == "training" else "held-out real row"
        about = (
            f"Median distance of published rows to the nearest {which}, over the same of held-out rows; 1 is "
            f"as far as fresh real rows."
        )
        return {"about": about + said_of(exp, MOST_PAIRED)}

    def __call__(self, seen: Observation) -> Array:
        """(R,) ratios."""
        x, y = some_features(seen)
        if self.to == "training":
            near, usual = self._to_training(seen, x, y)
        else:
            near = np.array([np.median(kth_nearest(a, b)) for a, b in zip(x, y, strict=True)])
            among = once_if_shared(seen, y, lambda real: np.median(kth_nearest(real, real, among=True)))
            usual = np.array([*among])
        ratio = np.divide(near, usual, out=np.full(len(near), np.inf), where=usual > 0)
        return np.where((near == 0) & (usual == 0), 1.0, ratio)

    def _to_training(self, seen: Observation, x: Array, y: Array) -> tuple[Array, Array]:
        """(R,) medians of the published and of the held-out rows."""
        origin = seen.train.origin.rows
        assert origin is not None  # rows are looked at, so that there are real ones too
        each = seen.rng.measure.spawn(len(x))
        real = [seen.exp.features(chosen(o, MOST_PAIRED, rng)) for o, rng in zip(origin, each, strict=True)]
        pairs = [[np.median(kth_nearest(a, o)) for a in (p, h)] for p, h, o in zip(x, y, real, strict=True)]
        near, usual = np.array(pairs).T
        return near, usual


@component
class OffSupport:
    """Share of published rows where the real data has none.

    For vectors and tables, rows further from every held-out row than a quantile of held-out rows are from
    the others: about 1 - quantile of fresh real rows are. For symbols, those of probability 0 in the real
    law, or that no held-out row has where the law is not known.

    Args:
        quantile: of the distances of held-out rows to their nearest other, beyond which a row is off.
        of: of the rows "published", or of the "model"'s probabilities of symbols.

    References:
        Schaeffer et al., Position: model collapse does not mean what you think (2025), arXiv:2503.03150, of
        data outside of the real support as a meaning of collapse; the nearest-neighbour rule: Knorr and Ng,
        Algorithms for mining distance-based outliers (1998).
    """

    quantile: Annotated[float, Gt(0), Lt(1)] = 0.95
    of: Of = "published"
    title: ClassVar = "Off the real data"
    better: ClassVar = "lower"
    scale: ClassVar = "share"
    tells: ClassVar = "support"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table", "symbols")
    needs = property(asks_probabilities)
    instead_of_rows = property(no_rows)

    def misfit(self, exp: Experiment) -> str:
        """Whether a real row has another."""
        return "" if exp.event.discrete else too_few(exp, 2, "the nearest row")

    def says(self, exp: Experiment) -> dict[str, Any]:
        """Where the real data is."""
        whose = "the model's probability" if self.of == "model" else "published rows"
        words = {"unit": f"share of {whose}"}
        if exp.event.discrete:
            law = REAL_PROBABILITIES.of(exp.real) is not None
            where = "that real data cannot have" if law else "that no held-out row has"
            return {
                **words,
                "about": f"Share of {whose} on symbols {where}.",
                **({"given": ""} if law else {}),
            }
        percent = f"{100 * (1 - self.quantile):.3g} %"
        about = (
            f"Share of {whose} further from every held-out real row than all but {percent} of these are from "
            f"the nearest other."
        )
        fresh = Reference(1 - self.quantile, "fresh real rows, about")
        return {**words, "about": about + said_of(exp, MOST_PAIRED), "reference": fresh}

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares."""
        if seen.exp.event.discrete:
            p, q = real_probabilities(seen), probabilities(seen, self.of)
            return np.asarray(np.where(p > 0, 0.0, q).sum(axis=1))
        x, y = some_features(seen)
        far = once_if_shared(seen, y, self._far)
        return np.array([(kth_nearest(a, b) > f).mean() for a, b, f in zip(x, y, far, strict=True)])

    def _far(self, real: Array) -> float:
        """The distance beyond which a row lies off held-out rows (m, d)."""
        return float(np.quantile(kth_nearest(real, real, among=True), self.quantile, method="higher"))
