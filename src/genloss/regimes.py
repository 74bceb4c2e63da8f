"""Which rows the next model trains on, and with what weight.

A regime reads the pool, all that was published so far, and returns a training set. ``reach`` says how many
generations back it looks for real and for synthetic rows, so that the pool can forget the rest. One that
looks up the generation, the agent or the whole pool takes a third argument, ``occasion``
(:class:`genloss.protocols.Occasion`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import MinLen

from genloss.components import Count, Share, component
from genloss.errors import FitError, bounded
from genloss.protocols import Occasion, Regime, on_occasion
from genloss.samples import Samples
from genloss.streams import REAL, Rng
from genloss.traits import ALL, NEEDS_ROWS, REACH

__all__ = [
    "Accumulate",
    "AccumulateSubsample",
    "Mixed",
    "Reads",
    "RealPlusLatest",
    "Replace",
    "Weighted",
    "Window",
]


@component
class Replace:
    """Train on what entered in the latest generation only: the newest synthetic rows, and fresh real ones.

    References:
        Shumailov et al., The curse of recursion (2023), arXiv:2305.17493; with fresh real rows it is the
        fresh data loop of Alemohammad et al., Self-consuming generative models go MAD (2023),
        arXiv:2307.01850.
    """

    reach: ClassVar = (1, 1)
    needs_rows: ClassVar = False

    def __call__(self, pool: Samples, rng: Rng) -> Samples:
        """The latest rows."""
        return pool.latest


@component
class Accumulate:
    """Train on everything published so far, real and synthetic.

    References:
        Gerstgrasser et al., Is model collapse inevitable? (2024), arXiv:2404.01413.
    """

    needs_rows: ClassVar = False
    reads_total: ClassVar = True

    def __call__(self, pool: Samples, rng: Rng) -> Samples:
        """The pool."""
        return pool


@component
class AccumulateSubsample:
    """Train on a fixed budget of rows, drawn without replacement from everything published so far.

    Args:
        budget: rows in a training set; by default as many as the first real rows.

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713.
    """

    budget: Count | None = None
    needs_rows: ClassVar = "subsample"

    def __call__(self, pool: Samples, rng: Rng) -> Samples:
        """The rows drawn."""
        return pool.subsample(self.budget or pool.origin.n, rng)


@component
class RealPlusLatest:
    """Train on all real rows and the newest synthetic ones.

    References:
        Bertrand et al., On the stability of iterative retraining (2023), arXiv:2310.00429.
    """

    reach: ClassVar = (ALL, 1)
    needs_rows: ClassVar = False

    def __call__(self, pool: Samples, rng: Rng) -> Samples:
        """Real and newest rows."""
        latest = pool.latest.synthetic
        return pool.real + latest if latest.chunks else pool.real


@component
class Window:
    """Train on what entered in the last few generations.

    Args:
        generations: how many; 1 is Replace.
    """

    generations: Count
    needs_rows: ClassVar = False

    @property
    def reach(self) -> tuple[float, float]:
        """The window."""
        return self.generations, self.generations

    def __call__(self, pool: Samples, rng: Rng) -> Samples:
        """The rows of the window."""
        return pool.since(pool.newest - self.generations + 1)


@component
class Weighted:
    """Weigh the rows of another regime: real rows together by ``real``, synthetic ones by the rest.

    Where only one of the two is there, as at generation 1, it weighs everything.

    Args:
        real: the weight of all real rows together, from 0 to 1.
        of: the regime that chooses the rows. With ``Replace`` and as many fresh real rows as synthetic ones,
            the best weight is the golden ratio's 0.618.

    References:
        He et al., Golden ratio weighting prevents model collapse (2025), arXiv:2502.18049.
    """

    real: Share
    of: Regime

    @property
    def reach(self) -> tuple[float, float]:
        """As the regime inside."""
        return REACH.of(self.of)

    @property
    def needs_rows(self) -> bool | str:
        """As the regime inside; a subsample's real share differs by replicate, and so must be in rows."""
        inside = NEEDS_ROWS.of(self.of)
        return True if inside == "subsample" else inside

    def __call__(self, pool: Samples, rng: Rng, occasion: Occasion | None = None) -> Samples:
        """The rows of the regime inside, weighed."""
        chosen: Samples = on_occasion(self.of, occasion, pool, rng)
        return chosen.weighted(real=self.real)


@component
class Mixed:
    """Train on a fixed budget of rows, a fixed share of them real, drawn without replacement.

    Where only one of the two is there, as at generation 1, the whole budget is drawn from that.

    Args:
        real: the share of real rows in a training set, from 0 to 1.
        of: the regime that chooses the rows to draw from.
        budget: rows in a training set; by default as many as the first real rows.

    References:
        Kazdan et al., Collapse or thrive? (2024), arXiv:2410.16713, who vary number and proportion of real
        rows.
    """

    real: Share
    of: Regime = Accumulate()
    budget: Count | None = None

    @property
    def reach(self) -> tuple[float, float]:
        """As the regime inside."""
        return REACH.of(self.of)

    @property
    def needs_rows(self) -> bool | str:
        """Statistics that can be thinned will do, where the regime inside draws none itself."""
        return "subsample" if NEEDS_ROWS.of(self.of) is False else True

    def __call__(self, pool: Samples, rng: Rng, occasion: Occasion | None = None) -> Samples:
        """The rows drawn.

        Raises:
            FitError: if there are too few rows of one kind.
        """
        chosen: Samples = on_occasion(self.of, occasion, pool, rng)
        budget = self.budget or pool.origin.n
        real, synthetic = chosen.real, chosen.synthetic
        share = 1.0 if not synthetic.n else self.real if real.n else 0.0
        wanted = round(share * budget)
        both = [
            (real, wanted, "real", "n_real"),
            (synthetic, budget - wanted, "synthetic", "n of the agents"),
        ]
        for some, k, kind, field in both:
            if k > some.n:
                raise FitError(
                    f"Mixed: wants {k} {kind} rows of {budget}, and there are {some.n}; "
                    f"raise {field}, or give a smaller budget"
                )
        first, *rest = (some.subsample(k, rng) for some, k, _, _ in both if k)
        return first + rest[0] if rest else first


@component
class Reads:
    """Read only what some authors published; the way to give many agents a network of who reads whom.

    Args:
        authors: agents by name or index from 0, or "real" for the real rows.
        of: the regime that chooses among their rows.
    """

    authors: Annotated[tuple[int | str, ...], MinLen(1)]
    of: Regime

    @property
    def reach(self) -> tuple[float, float]:
        """As the regime inside; real rows are kept, since they may have entered long before the latest."""
        return ALL, REACH.of(self.of)[1]

    @property
    def needs_rows(self) -> bool | str:
        """As the regime inside."""
        return NEEDS_ROWS.of(self.of)

    def __call__(self, pool: Samples, rng: Rng, occasion: Occasion | None = None) -> Samples:
        """What the regime inside makes of these authors' rows; of the real ones before they publish."""
        read = pool.by(*map(_author, self.authors))
        chosen: Samples = on_occasion(self.of, occasion, read if read.chunks else pool.real, rng)
        return chosen


def _author(of: int | str) -> int:
    if isinstance(of, str) and of != "real":
        raise FitError(f"Reads: only an experiment knows who '{bounded(of)}' is; give the agent's index")
    return REAL if of == "real" else int(of)
