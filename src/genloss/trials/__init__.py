"""A trial: real and synthetic rows teach a learner, which answers on real rows that neither has seen."""

from genloss.trials.arms import Arm
from genloss.trials.trial import Trial

__all__ = ["Arm", "Trial"]
