"""Intervals are calibrated: of many, the stated share covers."""

import numpy as np
import pytest

from genloss import Agent, Experiment, generators, metrics, real, regimes, run, theory
from genloss.study.results import half_width


@pytest.mark.parametrize("n", [2, 5, 20])
def test_students_interval_covers_normal_means(n):
    rng = np.random.Generator(np.random.SFC64(n))
    x = rng.standard_normal((20_000, n))
    covered = np.abs(x.mean(axis=1)) <= half_width(x.std(axis=1, ddof=1), n)
    # 4 standard errors of a share of .95: a false alarm in 16,000 seeds
    assert covered.mean() == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / len(x)) ** 0.5)


def test_the_summary_interval_covers_the_law():
    """Twenty replicates at a time, as a user would run them: the interval covers the law in 95 % of runs."""
    exp = Experiment(
        real=real.Gaussian(dim=5),
        agents=Agent(generators.Gaussian(), regimes.Accumulate()),
        n_real=50,
        generations=10,
        replicates=20 * 300,
        metrics=[metrics.TraceRatio()],
    )
    values = run(exp, workers=0).array("TraceRatio")[-1, 0].reshape(300, 20)
    law = theory.gaussian.accumulate_trace_ratio(50, 10)
    covered = np.abs(values.mean(axis=1) - law) <= half_width(values.std(axis=1, ddof=1), 20)
    assert covered.mean() == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / 300) ** 0.5)


def test_one_replicate_has_no_interval():
    assert np.isnan(half_width(np.nan, 1))
