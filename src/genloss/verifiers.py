"""Verifiers: what :class:`genloss.curators.Accept` lets pass."""

from __future__ import annotations

import numpy as np

from genloss.answers import coordinate, described, yes_or_no
from genloss.components import Share, Size, component
from genloss.errors import FitError
from genloss.protocols import Verifier
from genloss.samples import Array
from genloss.streams import Rng

__all__ = ["Imperfect", "Inside", "OneOf"]


@component
class Inside:
    """Passes rows whose coordinate lies in an interval; a missing one does not.

    Args:
        axis: which coordinate.
        low: least value that passes.
        high: greatest value that passes.
    """

    axis: Size = 0
    low: float = -np.inf
    high: float = np.inf

    def __call__(self, rows: Array, rng: Rng) -> Array:
        """(R, n) whether each row passes."""
        x = coordinate(rows, self.axis, self)
        return np.asarray((x >= self.low) & (x <= self.high))


@component
class OneOf:
    """Passes some symbols.

    Args:
        symbols: those that pass.
    """

    symbols: tuple[int, ...]

    def __call__(self, rows: Array, rng: Rng) -> Array:
        """(R, n) whether each symbol passes."""
        if rows.ndim != 2:
            raise FitError(f"{self!r}: passes symbols, and rows {described(rows)}; use Inside")
        return np.isin(rows, self.symbols)


@component
class Imperfect:
    """Another verifier that errs: passes right rows, and wrong ones, with given probabilities.

    Args:
        of: the verifier that knows what is right.
        right: probability that a right row passes.
        wrong: probability that a wrong row passes.

    References:
        Feng et al. (2024), arXiv:2406.07515: what passes is useful up to label noise 1 / (1 + wrong / right).
    """

    of: Verifier
    right: Share
    wrong: Share

    def __call__(self, rows: Array, rng: Rng) -> Array:
        """(R, n) whether each row passes."""
        knows = yes_or_no(self.of(rows, rng), rows, self.of)
        return np.asarray(rng.random(knows.shape) < np.where(knows, self.right, self.wrong))
