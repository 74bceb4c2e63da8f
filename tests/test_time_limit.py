"""A run that ends after some seconds with what is finished, and goes on later to the same bits."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from genloss import real, run
from genloss.components import component
from genloss.errors import SpecError
from genloss.experiment import Agent, Experiment
from genloss.generators import Gaussian
from genloss.metrics import MeanError


@component
class Drowsy:
    """A Gaussian that sleeps before it is fitted."""

    seconds: float = 0.0
    model: ClassVar = Gaussian.model
    accepts: ClassVar = Gaussian.accepts
    tile: ClassVar = 10

    def fit(self, train, rng, init=None):
        time.sleep(self.seconds)
        return Gaussian().fit(train, rng)


def study(seconds: float) -> Experiment:
    return Experiment(
        real.Gaussian(),
        Agent(Drowsy(seconds)),
        n_real=20,
        generations=2,
        replicates=60,
        tile=10,
        metrics=[MeanError()],
    )


@pytest.mark.parametrize("how", ["here", "executor"])
def test_a_run_ends_with_what_is_finished_and_goes_on_to_the_same_bits(tmp_path: Path, how: str) -> None:
    whole = run(study(0.3), tmp_path / "whole", workers=0, progress=False)
    with ThreadPoolExecutor(1) as pool:
        asked = {"workers": 0} if how == "here" else {"executor": pool, "trust": True}
        part = run(study(0.3), tmp_path / "part", **asked, time_limit=1.5, progress=False)
    cell = part.cells[0]
    (name,) = cell.outline.meanings
    there = ~np.isnan(part.array(name, cell)).all(axis=0)
    assert 0 < there.sum() < 60 and not part.failures
    later = run(study(0.3), tmp_path / "part", workers=0, progress=False)
    np.testing.assert_array_equal(later.array(name, cell), whole.array(name, whole.cells[0]))


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_limits_that_are_none(seconds: float) -> None:
    with pytest.raises(SpecError, match="time_limit: seconds, more than 0"):
        run(study(0.0), time_limit=seconds)
