"""Kinds of tasks: what one cell of a study may measure."""

from genloss.experiment import Experiment
from genloss.trials import Trial

__all__ = ["Experiment", "Trial"]
