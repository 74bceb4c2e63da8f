"""Variational Bayesian logistic regression: a Gaussian law of coefficients that can forget rows.

Learning maximises the evidence lower bound E_q log p(D | w) - KL(q || prior). Forgetting rows D_e, so that
D_r stay, minimises the evidence upper bound

    EUBO(q) = E_q log p(D_e | w) + KL(q || p(w | D)) = log p(D_e | D_r) + KL(q || p(w | D_r)),

with what was learnt in the place of p(w | D): it needs the rows that go, and none that stay. Both are one
bound of a Gaussian law and rows, which count once more, or once less. Of each row the predictor x'w is a
normal number, so that expectations are one-dimensional integrals and nothing is drawn.

References:
    Nguyen, Low & Jaillet, Variational Bayesian unlearning (2020), arXiv:2010.12883, equations 3 to 5.
    Opper & Archambeau, The variational Gaussian approximation revisited, Neural Computation 21 (2009)
    786-792: mean and covariance at the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genloss.errors import FitError
from genloss.samples import Array

# Nodes of the Gauss-Hermite rule, after which expectations of a row's loss no longer change in 1e-6.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_SHARE = _WEIGHTS / _WEIGHTS.sum()
_STEPS, _NEAR = 500, 1e-10


@dataclass(frozen=True, eq=False)
class BayesLogistic:
    """A Gaussian law of the coefficients of a logistic regression of two classes.

    Args:
        mean: (p,).
        precision: (p, p), the inverse of the covariance.

    >>> x, y = np.array([[-1.0], [1.0], [2.0], [2.0]]), np.array([0, 1, 1, 0])
    >>> prior = BayesLogistic.prior(1)
    >>> gone, again = prior.learn(x, y).forget(x[3:], y[3:]), prior.learn(x[:3], y[:3])
    >>> bool(divergence(gone, again) < 0.1 * divergence(prior.learn(x, y), again))
    True
    """

    mean: Array
    precision: Array

    @classmethod
    def prior(cls, p: int, spread: float = 1.0) -> BayesLogistic:
        """N(0, spread^2) of each of p coefficients."""
        return cls(np.zeros(p), np.eye(p) / spread**2)

    def learn(self, x: Array, y: Array) -> BayesLogistic:
        """The Gaussian law nearest to that with rows x (n, p) of codes y (n,), 0 or 1.

        Raises:
            FitError: if it is not found.
        """
        return _optimum(self, x, y, 1.0)

    def forget(self, x: Array, y: Array) -> BayesLogistic:
        """The Gaussian law nearest to that without rows x (n, p) of codes y (n,), which were learnt.

        Raises:
            FitError: if rows take more away than was learnt: too many, or never learnt.
        """
        return _optimum(self, x, y, -1.0)

    def fits(self, x: Array, y: Array) -> float:
        """E log p(y | x, w) over this law, of rows x (n, p) and codes y (n,)."""
        z = _predictors(self, x)
        return float((((y[:, None] * z) - np.logaddexp(0.0, z)) @ _SHARE).sum())


def divergence(q: BayesLogistic, p: BayesLogistic) -> float:
    """KL(q || p) of two Gaussian laws, in nats."""
    gap = q.mean - p.mean
    ratio = np.linalg.solve(q.precision, p.precision)
    return float(0.5 * (np.trace(ratio) - len(gap) + gap @ p.precision @ gap - np.linalg.slogdet(ratio)[1]))


def evidence_upper_bound(q: BayesLogistic, learnt: BayesLogistic, x: Array, y: Array) -> float:
    """EUBO(q), least where q is what was learnt without rows x (n, p) of codes y (n,), in nats."""
    return q.fits(x, y) + divergence(q, learnt)


def _predictors(q: BayesLogistic, x: Array) -> Array:
    """(n, 40) nodes of the normal law of each row's predictor."""
    spread = np.sqrt(np.einsum("np,np->n", x, np.linalg.solve(q.precision, x.T).T))
    return np.asarray((x @ q.mean)[:, None] + spread[:, None] * _NODES)


def _optimum(start: BayesLogistic, x: Array, y: Array, sign: float) -> BayesLogistic:
    """Where the bound of a law and rows that count +1 or -1 is best.

    There the precision is P_0 + sign sum E[s'(x'w)] x x', and the slope P_0 (m - m_0) - sign sum x (y -
    E[s(x'w)]) is 0: each step goes half way to the one and by Newton's method to the other.
    """
    q = start
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-_predictors(q, x)))
        chance, curvature = p @ _SHARE, (p * (1 - p)) @ _SHARE
        wanted = start.precision + sign * (x * curvature[:, None]).T @ x
        precision = 0.5 * (q.precision + wanted)
        try:
            np.linalg.cholesky(precision)
        except np.linalg.LinAlgError:
            break
        slope = start.precision @ (q.mean - start.mean) - sign * x.T @ (y - chance)
        step = np.linalg.solve(precision, slope)
        moved = abs(step @ slope) + np.abs(wanted - q.precision).max() / np.abs(q.precision).max()
        if moved < _NEAR:
            return q
        q = BayesLogistic(q.mean - step, precision)
    what = "with" if sign > 0 else "without"
    raise FitError(
        f"no Gaussian law was found {what} the {len(y)} rows; take fewer at a time, or learn again from "
        f"those that stay"
    )
