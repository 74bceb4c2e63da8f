"""What to look at. "Collapse" is no metric's name: the word has eight meanings."""

from genloss.metrics.discrete import Diversity, SupportSize, TotalVariation
from genloss.metrics.distance import SlicedWasserstein, TailMass
from genloss.metrics.likelihood import HoldoutNLL, TestError
from genloss.metrics.provenance import RealShare
from genloss.metrics.spread import LogDetRatio, MeanError, TraceRatio

__all__ = [
    "Diversity",
    "HoldoutNLL",
    "LogDetRatio",
    "MeanError",
    "RealShare",
    "SlicedWasserstein",
    "SupportSize",
    "TailMass",
    "TestError",
    "TotalVariation",
    "TraceRatio",
]
