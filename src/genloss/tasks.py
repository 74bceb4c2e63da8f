"""Kinds of tasks: what one cell of a study may measure."""

from genloss.experiment import Experiment

__all__ = ["Experiment"]
