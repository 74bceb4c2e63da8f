"""What tests of laws share: runs in memory, and comparisons in standard errors over replicates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from genloss import Experiment
from genloss.components import component
from genloss.generators.gaussian import GaussianModel
from genloss.loop import generations
from genloss.observation import Observation
from genloss.samples import Array, Samples
from genloss.statistics import GramValue, Moments, moments
from genloss.streams import Rng

SIGMAS = 4.5
"""Standard errors that a mean may be off: a false alarm in 1.5e5 comparisons. Seeds are fixed, and the suite
makes some 2,000 comparisons: it would alarm falsely under one seed in a hundred."""

ALPHA = 1e-4
"""Level of a Kolmogorov-Smirnov test: with some 40 of them, one seed in 250 would alarm falsely."""


def stream(seed: int) -> Rng:
    """A generator for a test's own draws."""
    return np.random.Generator(np.random.SFC64(seed))


def observe(exp: Experiment, look: Callable[[Observation], Array]) -> Array:
    """(T, A, R) of what is looked at, over every tile of an experiment."""
    tiles = [
        np.array([[look(o) for o in seen] for _, seen in generations(exp, tile=tile)])
        for tile in range(-(-exp.replicates // exp.tile_size))
    ]
    return np.concatenate(tiles, axis=2)


def measure(exp: Experiment) -> dict[str, Array]:
    """(T, A, R) of every metric of an experiment."""
    names = list(exp.metric_names)
    tiles = []
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # as in a study
        for tile in range(-(-exp.replicates // exp.tile_size)):
            tiles.append([[[*o.measure().values()] for o in seen] for _, seen in generations(exp, tile=tile)])
    values = np.concatenate([np.array(t) for t in tiles], axis=3)  # (T, A, M, R)
    return {name: values[:, :, m] for m, name in enumerate(names)}


def normal_equations(fit: GramValue) -> tuple[Array, Array, Array]:
    """X'X (R, p, p), X'y (R, p) and y'y (R,) of a least-squares fit."""
    xx = fit.times * fit.inputs.root @ fit.inputs.root.mT
    xy = np.matvec(xx, fit.coefficients)
    return xx, xy, np.vecdot(fit.coefficients, xy) + fit.residual**2


def assert_mean(values: Array, law: Any, sigmas: float = SIGMAS) -> None:
    """The mean over replicates, the last axis, is the law's, within so many standard errors."""
    values = np.asarray(values, dtype=float)
    mean, error = values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])
    law = np.broadcast_to(np.asarray(law, dtype=float), mean.shape)
    off = np.abs(mean - law)
    # a quantity without noise must hit its law up to rounding
    bad = ~(off <= sigmas * error + 1e-12 * (1 + np.abs(law)))
    if np.any(bad):
        worst = int(np.argmax(np.where(bad, off / np.maximum(error, 1e-300), 0)))
        m, e, t = mean.flat[worst], error.flat[worst], law.flat[worst]
        raise AssertionError(
            f"{int(bad.sum())} of {bad.size}: at {worst} the mean is {m:.6g} +- {e:.2g}, the law {t:.6g}"
        )


def assert_same_law(one: Array, other: Array, alpha: float = ALPHA) -> None:
    """Two-sample Kolmogorov-Smirnov over replicates, the last axis, at each index of the others."""
    for at in np.ndindex(one.shape[:-1]):
        p = stats.ks_2samp(one[at], other[at]).pvalue
        assert p > alpha, f"at {at}: p = {p:.2g}, means {one[at].mean():.6g} and {other[at].mean():.6g}"


@component
class KnownCovariance:
    """A Gaussian of covariance I, of which only the mean is fitted."""

    def sufficient(self, schema: Any) -> Any:
        return moments

    @property
    def model(self) -> type:
        return GaussianModel

    def fit(self, train: Samples, rng: Rng, init: Any = None) -> GaussianModel:
        m = train.total(moments)
        r, d = m.mean.shape
        return GaussianModel(Moments(1.0, m.mean, np.broadcast_to(np.eye(d), (r, d, d))), 1.0, train.event)
