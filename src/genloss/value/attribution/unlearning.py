"""Taking rows out of what was learnt, without learning again.

What adds up can be taken off: statistics of rows, and with them every model that is conjugate, exactly.
`subtract` does so for the statistics of this library, `BayesLinear.forget` for Bayesian linear regression.
What does not add up is approximated: `BayesLogistic.forget` minimises the evidence upper bound.

References:
    Cao & Yang, Towards making systems forget with machine unlearning, IEEE Symposium on Security and Privacy
    (2015), section IV: summations.
    Nguyen, Low & Jaillet, Variational Bayesian unlearning (2020), arXiv:2010.12883, equations 3 to 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np

from genloss.errors import FitError
from genloss.samples import Array
from genloss.statistics.gram import GramValue, Inputs
from genloss.statistics.moments import Moments
from genloss.statistics.triangular import forward

_NEVER = "which were not all among those learnt; take off rows that are"
# Share of a direction's scatter below which what is left of it is rounding.
_LEFT = 1e-13


@overload
def subtract(total: Moments, part: Moments) -> Moments: ...
@overload
def subtract(total: GramValue, part: GramValue) -> GramValue: ...
@overload
def subtract(total: Array, part: Array) -> Array: ...
def subtract(
    total: Moments | GramValue | Array, part: Moments | GramValue | Array
) -> Moments | GramValue | Array:
    """The additive statistic of the rows that are left when some are taken out.

    Moments and least squares are taken off in the coordinates of the whole's root, where the rest is the
    identity less what the part has: no scatter is formed, and digits go only where the part has nearly all.

    Args:
        total: moments, least squares or counts (R, K) of all rows.
        part: those of rows among them.

    Raises:
        FitError: if the part's rows were not all among those, or too few are left to span what all did.

    >>> from genloss.statistics import moments
    >>> rows = np.array([[[0.0], [2.0], [4.0], [9.0]]])
    >>> left = subtract(moments(rows), moments(rows[:, 3:]))
    >>> left.n, left.mean.round(12), left.trace.round(12)
    (3.0, array([[2.]]), array([8.]))
    """
    if isinstance(total, Moments) and isinstance(part, Moments):
        return _moments_left(total, part)
    if isinstance(total, GramValue) and isinstance(part, GramValue):
        return _fit_left(total, part)
    left: Array = np.asarray(total) - np.asarray(part)
    if (left < 0).any():
        raise FitError(f"counts: below 0 without the rows taken off, {_NEVER}")
    return left


def _moments_left(total: Moments, part: Moments) -> Moments:
    n = total.n - part.n
    if np.any(n <= 0):
        raise FitError("moments: no rows are left; take off fewer")
    gap = part.mean - total.mean
    mean = total.mean - (np.asarray(part.n) / n)[..., None] * gap
    # both means lie on one line with that of the rest
    across = np.sqrt(np.asarray(part.n) * total.n / n)[..., None] * gap
    root = _root_left(total.root, np.concatenate([part.root, across[..., None]], axis=2))
    return Moments(n, mean, root)


def _fit_left(total: GramValue, part: GramValue) -> GramValue:
    whole, taken = (one.times**0.5 * one.inputs.root for one in (total, part))
    inputs = Inputs(_root_left(whole, taken))
    gap = total.coefficients - part.coefficients
    offset = inputs.solve(np.matvec(taken, np.vecmat(gap, taken)))
    # the whole's squared residual is those of both, and what lies between their fits
    apart = np.vecmat(offset, inputs.root), np.vecmat(gap, taken)
    squared = total.residual**2 - part.residual**2 - sum(np.vecdot(a, a) for a in apart)
    return GramValue(
        total.n - part.n, inputs, 1.0, total.coefficients, offset, np.sqrt(np.maximum(squared, 0.0))
    )


def _root_left(root: Array, taken: Array) -> Array:
    """(R, d, d) of root @ root^T - taken @ taken^T; (I - K K^T) in the root's coordinates."""
    if root.shape[1] != root.shape[2]:
        raise FitError("the statistic of all rows spans fewer dimensions than it has; take off none")
    k = forward(root, taken)
    inner = np.eye(root.shape[1]) - k @ k.mT
    if not (np.linalg.eigvalsh(inner)[:, 0] > _LEFT).all():
        raise FitError(f"nothing is left in some direction without the rows taken off, {_NEVER}, or fewer")
    return np.asarray(root @ np.linalg.cholesky(inner))


@dataclass(frozen=True, eq=False)
class BayesLinear:
    """The posterior of Bayesian linear regression: a Gaussian law of coefficients, with known noise.

    P = P_0 + X'X / s^2 and P m = P_0 m_0 + X'y / s^2, so that rows are learnt and forgotten exactly, in any
    order.

    Args:
        precision: (p, p) P.
        shift: (p,) P m.
        noise: s, the standard deviation of targets about X w.

    >>> x, y = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 9.0])
    >>> whole = BayesLinear.prior(1, spread=1.0, noise=1.0).learn(x, y)
    >>> whole.mean.round(3), whole.forget(x[2:], y[2:]).mean.round(3)
    (array([2.133]), array([0.833]))
    """

    precision: Array
    shift: Array
    noise: float

    @classmethod
    def prior(cls, p: int, spread: float = 1.0, noise: float = 1.0) -> BayesLinear:
        """N(0, spread^2) of each of p coefficients.

        Args:
            p: coefficients.
            spread: standard deviation of each.
            noise: of targets.
        """
        return cls(np.eye(p) / spread**2, np.zeros(p), noise)

    @property
    def mean(self) -> Array:
        """(p,) of coefficients."""
        return np.linalg.solve(self.precision, self.shift)

    @property
    def covariance(self) -> Array:
        """(p, p) of coefficients."""
        return np.linalg.inv(self.precision)

    def learn(self, x: Array, y: Array) -> BayesLinear:
        """With rows x (n, p) and their targets y (n,)."""
        s2 = self.noise**2
        return BayesLinear(self.precision + x.T @ x / s2, self.shift + x.T @ y / s2, self.noise)

    def forget(self, x: Array, y: Array) -> BayesLinear:
        """Without rows x (n, p) and their targets y (n,) that were learnt.

        Raises:
            FitError: if the precision would not be positive: rows that were never learnt.
        """
        s2 = self.noise**2
        left = self.precision - x.T @ x / s2
        _positive(left)
        return BayesLinear(left, self.shift - x.T @ y / s2, self.noise)

    def surprise(self, x: Array, y: Array) -> float:
        """-log p(y | x, what was learnt), of rows x (n, p) and targets y (n,) together."""
        spread = x @ np.linalg.solve(self.precision, x.T) + self.noise**2 * np.eye(len(y))
        root = np.linalg.cholesky(spread)
        z = np.linalg.solve(root, y - x @ self.mean)
        return float(0.5 * z @ z + np.log(np.diag(root)).sum() + 0.5 * len(y) * np.log(2 * np.pi))

    def fits(self, x: Array, y: Array) -> float:
        """E log p(y | x, w) over the law of coefficients w, of rows x (n, p) and targets y (n,)."""
        off, s2 = y - x @ self.mean, self.noise**2
        doubt = np.einsum("np,np->", x, np.linalg.solve(self.precision, x.T).T)
        return float(-0.5 * (off @ off + doubt) / s2 - 0.5 * len(y) * np.log(2 * np.pi * s2))


def _positive(precision: Array) -> Array:
    """A precision's root.

    Raises:
        FitError: if it is not positive.
    """
    try:
        return np.linalg.cholesky(precision)
    except np.linalg.LinAlgError:
        raise FitError(f"the precision is not positive without the rows, {_NEVER}, or fewer") from None
