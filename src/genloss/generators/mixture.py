"""Gaussian mixtures by expectation and maximisation, all replicates at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from genloss.components import Count, Positive, component
from genloss.generators.drawing import places, weights_of
from genloss.protocols import Model
from genloss.samples import Array, Samples, each_replicate
from genloss.streams import Rng

_GAIN = 1e-6
"""Nats a row below which a further round is not worth it."""


@dataclass(frozen=True, eq=False)
class GaussianMixtureModel:
    """A weighted sum of K normal laws.

    Args:
        share: (R, K) of the components, zero of what has died out.
        mean: (R, K, d), in the units of ``scale`` about ``middle``, as is the root.
        root: (R, K, d, d) lower-triangular roots of the covariances.
        middle: (R, 1, d) of the training rows.
        scale: (R, 1, d) their standard deviation; 1 of a column of one value.
        event: shape of a row.
    """

    share: Array
    mean: Array
    root: Array
    middle: Array
    scale: Array
    event: tuple[int, ...]

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) rows."""
        r, k, d = self.mean.shape
        which = places(self.share, k, (r, n), rng)
        z = rng.standard_normal((r, n, d))
        rows = np.empty_like(z)
        for j in range(k):
            drawn = self.mean[:, j, None] + z @ self.root[:, j].mT
            np.copyto(rows, drawn, where=(which == j)[..., None])
        return (self.middle + self.scale * rows).reshape(r, n, *self.event)

    def log_prob(self, x: Array) -> Array:
        """(R, m) log density at x, (m, *event) or (R, m, *event)."""
        sets = each_replicate(x, self.event, len(self.share))
        z = (sets.reshape(*sets.shape[:2], -1) - self.middle) / self.scale
        joint = _joint(z, self.share, self.mean, self.root)
        return np.asarray(np.logaddexp.reduce(joint, axis=2) - np.log(self.scale).sum(axis=2))


@component
class GaussianMixture:
    """A mixture of normal laws, each with a covariance of its own.

    Means begin at training rows that k-means++ chooses, by weight; then come rounds of expectation and
    maximisation in each replicate by itself, until the mean log-likelihood gains less than 1e-6 nats a row.
    What is found is a local maximum, and may be another from other rows. Likelihood is weighted; a row of
    weight zero is not there.

    Args:
        components: K, how many.
        rounds: most rounds of a fit.
        ridge: added to each variance, in units of that of the column over all rows: no component can collapse
            to a point, whose likelihood has no bound. A column of one value has unit 1.

    References:
        Dempster, Laird and Rubin, Maximum likelihood from incomplete data via the EM algorithm (1977); Arthur
        and Vassilvitskii, k-means++: the advantages of careful seeding (2007).

    >>> import numpy as np
    >>> from genloss.samples import Chunk, Samples
    >>> from genloss.streams import fixed
    >>> rows = np.array([[[0.0], [2.0], [100.0], [104.0]]])
    >>> model = GaussianMixture(components=2).fit(Samples.of([Chunk(4, 0, -1, rows)]), fixed("fit"))
    >>> sorted((model.middle + model.scale * model.mean).ravel().round(6).tolist())
    [1.0, 102.0]
    """

    components: Count = 5
    rounds: Count = 200
    ridge: Positive = 1e-6
    model: ClassVar = GaussianMixtureModel
    accepts: ClassVar = ("vectors",)

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> GaussianMixtureModel:
        """Shares, means and covariances of the components.

        Raises:
            FitError: if there are no rows, or none of positive weight in some replicate.
        """
        weights = weights_of(train, "a Gaussian mixture")
        rows = train.rows
        x = np.asarray(rows.reshape(*rows.shape[:2], -1), dtype=float)
        w = np.ones(x.shape[:2]) if weights is None else weights / weights.max(axis=1, keepdims=True)
        w = w / w.sum(axis=1, keepdims=True)
        middle = (w[:, None] @ x)[:, :1]
        scale = np.sqrt(w[:, None] @ (x - middle) ** 2)
        # what rounding leaves of a column of one value is no scale
        scale = np.where(scale > 1e-12 * np.abs(middle), scale, 1.0)
        z = (x - middle) / scale
        share, mean, root = _maximised(z, w, _nearest(z, self._start(z, w, rng)), self.ridge)
        last = np.full(len(z), -np.inf)
        for _ in range(self.rounds):
            joint = _joint(z, share, mean, root)
            each = np.logaddexp.reduce(joint, axis=2)
            now = (w * each).sum(axis=1)
            going = now - last > _GAIN
            if not going.any():
                break
            better = _maximised(z, w, np.exp(joint - each[..., None]), self.ridge)
            # a replicate that has arrived stays, however long others go on
            share, mean, root = (
                np.where(going.reshape(-1, *[1] * (b.ndim - 1)), b, a)
                for a, b in zip((share, mean, root), better, strict=True)
            )
            last = np.where(going, now, np.inf)
        return GaussianMixtureModel(share, mean, root, middle, scale, rows.shape[2:])

    def _start(self, z: Array, w: Array, rng: Rng) -> Array:
        """(R, K, d) rows, each with a chance in proportion to its squared distance from those before it."""
        chance, centres = w, []
        far = np.full(w.shape, np.inf)
        for u in np.moveaxis(rng.random((len(z), self.components)), 1, 0):
            below = np.cumsum(chance, axis=1)
            at = (below <= u[:, None] * below[:, -1:]).sum(axis=1)
            centre = z[np.arange(len(z)), np.minimum(at, z.shape[1] - 1)]
            far = np.minimum(far, ((z - centre[:, None]) ** 2).sum(axis=2))
            # fewer different rows than components: the rest begin at rows that are there already
            chance = np.where((w * far).sum(axis=1, keepdims=True) > 0, w * far, w)
            centres.append(centre)
        return np.stack(centres, axis=1)


def _nearest(z: Array, centres: Array) -> Array:
    """(R, N, K) 1 at the centre that is nearest to a row, else 0."""
    far = np.stack([((z - c[:, None]) ** 2).sum(axis=2) for c in np.moveaxis(centres, 1, 0)], axis=2)
    return np.asarray((far.argmin(axis=2)[..., None] == np.arange(far.shape[2])) * 1.0)


def _maximised(z: Array, w: Array, part: Array, ridge: float) -> tuple[Array, Array, Array]:
    """Shares (R, K), means and roots of components of which rows are part, (R, N, K)."""
    mass = w[..., None] * part
    share = mass.sum(axis=1)
    mean = (mass.mT @ z) / np.maximum(share, 1e-300)[..., None]
    roots = []
    for j in range(part.shape[2]):
        apart = np.sqrt(mass[:, :, j, None]) * (z - mean[:, j, None])
        scatter = apart.mT @ apart / np.maximum(share[:, j], 1e-300)[:, None, None]
        roots.append(np.linalg.cholesky(scatter + ridge * np.eye(z.shape[2])))
    return share / share.sum(axis=1, keepdims=True), mean, np.stack(roots, axis=1)


def _joint(z: Array, share: Array, mean: Array, root: Array) -> Array:
    """(R, m, K) log of share and density of each component at z (R, m, d)."""
    out = np.empty((*z.shape[:2], share.shape[1]))
    with np.errstate(divide="ignore"):
        log_share = np.log(share)
    for j in range(share.shape[1]):
        y = np.linalg.solve(root[:, j], (z - mean[:, j, None]).mT)
        size = np.log(np.diagonal(root[:, j], axis1=1, axis2=2)).sum(axis=1)
        norm = log_share[:, j] - size - 0.5 * z.shape[2] * np.log(2 * np.pi)
        out[:, :, j] = norm[:, None] - 0.5 * (y**2).sum(axis=1)
    return out
