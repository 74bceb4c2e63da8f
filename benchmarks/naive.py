"""The loops as a research script writes them: over replicates and generations, refitting on the whole pool.

They are the references that `python -m benchmarks` measures against, and what tests compare numbers with.
Nothing in them is slow on purpose.
"""

from __future__ import annotations

import numpy as np


def gaussian(d, n, generations, replicates, accumulate=False):
    """Trace ratio (T, R) of a Gaussian fitted by maximum likelihood, sampled, and fitted again."""
    ratios = np.empty((generations, replicates))
    for r in range(replicates):
        np.random.seed(r)
        data = np.random.multivariate_normal(np.zeros(d), np.eye(d), n)
        for t in range(generations):
            mean = data.mean(axis=0)
            covariance = np.cov(data, rowvar=False, bias=True).reshape(d, d)
            ratios[t, r] = np.trace(covariance) / d
            new = np.random.multivariate_normal(mean, covariance, n)
            data = np.concatenate([data, new]) if accumulate else new
    return ratios


def kde(n, generations, replicates, bandwidth=0.1, every=1):
    """Held-out NLL of scikit-learn's kernel density on two moons, accumulating."""
    from sklearn.datasets import make_moons
    from sklearn.neighbors import KernelDensity

    test = make_moons(500, noise=0.05, random_state=10_000)[0]
    nll = []
    for r in range(replicates):
        data = make_moons(n, noise=0.05, random_state=r)[0]
        for t in range(generations):
            model = KernelDensity(bandwidth=bandwidth).fit(data)
            if t % every == 0:
                nll.append(-model.score_samples(test).mean())
            data = np.concatenate([data, model.sample(n, random_state=r * generations + t)])
    return np.array(nll)


def regression(d, n, generations, replicates, noise=1.0):
    """Test error (T, R) of least squares whose predictions label the same inputs again, accumulating."""
    errors = np.empty((generations, replicates))
    for r in range(replicates):
        rng = np.random.default_rng(r)
        true = np.ones(d) / np.sqrt(d)
        inputs = rng.normal(size=(n, d))
        x, y = inputs, inputs @ true + noise * rng.normal(size=n)
        for t in range(generations):
            w = np.linalg.lstsq(x, y, rcond=None)[0]
            errors[t, r] = np.sum((w - true) ** 2)
            x = np.concatenate([x, inputs])
            y = np.concatenate([y, inputs @ w + noise * rng.normal(size=n)])
    return errors


def symbols(k, n, generations, replicates):
    """Diversity (T, R) of symbols that are counted, drawn from their frequencies, and counted again."""
    diversity = np.empty((generations, replicates))
    for r in range(replicates):
        np.random.seed(r)
        real = 1 / np.arange(1, k + 1)
        data = np.random.choice(k, size=n, p=real / real.sum())
        for t in range(generations):
            p = np.bincount(data, minlength=k) / n
            diversity[t, r] = 1 - np.sum(p**2)
            data = np.random.choice(k, size=n, p=p)
    return diversity
