"""What benchmarks of the loop share: loops, and processor seconds of one replicate's generation."""

from __future__ import annotations

import time

from genloss import Agent, Experiment, generations, generators, metrics, real, regimes
from genloss.loop import start


def ours(real_data, generator, regime, metric, n, replicates, steps=100, rows="auto", size=None):
    """A loop of ours, and how many generations of one replicate it has."""
    exp = Experiment(
        real=real_data,
        agents=Agent(generator, regime),
        n_real=n,
        generations=steps,
        replicates=replicates,
        metrics=[metric],
        rows=rows,
    )

    tiles = -(-replicates // exp.tile_size)

    def go():
        for tile in range(tiles):
            for _, seen in generations(exp, start(exp, tile, size=size)):
                seen[0].measure()

    return go, tiles * (size or exp.tile_size) * steps


def gaussian(regime, n=100, replicates=512, **more):
    """That of a Gaussian in ten dimensions."""
    return ours(real.Gaussian(10), generators.Gaussian(), regime, metrics.TraceRatio(), n, replicates, **more)


def kde(regime, n=1000, replicates=4, **more):
    """That of a kernel density on two moons."""
    return ours(real.Moons(), generators.KDE(0.1), regime, metrics.HoldoutNLL(), n, replicates, **more)


def regression(n=1000, replicates=512):
    """That of least squares with ten inputs, all labels kept."""
    fit = generators.LinearRegression(noise=1.0)
    return ours(real.LinearModel(10), fit, regimes.Accumulate(), metrics.TestError(), n, replicates)


def symbols(n=1000, replicates=512):
    """That of a hundred symbols."""
    source, fit = real.Zipf(symbols=100), generators.Categorical()
    return ours(source, fit, regimes.Replace(), metrics.Diversity(), n, replicates)


def seconds(work):
    """Processor seconds of one replicate's generation."""
    go, steps = work
    began = time.process_time()
    go()
    return (time.process_time() - began) / steps
