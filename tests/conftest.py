"""What every test finds: the helpers of `laws` by name, and property tests that repeat."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

# as workers have it: other thread counts give other bits
threadpool_limits(1)

# helpers by their own names; and tests.test_x, as pytest calls it, for workers that load a class of a test
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

# the examples are the same in every run: a failure is a change of the code, not of the dice
settings.register_profile(
    "genloss", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("genloss")
