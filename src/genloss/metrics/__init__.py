"""What to look at. "Collapse" is no metric's name: the word has eight meanings."""

from genloss.metrics.columns import CategoryShare, ColumnDistance, RareMass
from genloss.metrics.discrete import Diversity, SupportSize, TotalVariation
from genloss.metrics.distance import SlicedWasserstein, TailMass
from genloss.metrics.likelihood import HoldoutNLL
from genloss.metrics.likeness import Copies, Detectability
from genloss.metrics.pairs import PairDistance
from genloss.metrics.prediction import R2, BalancedError, LogLoss, RankingLoss, TestError
from genloss.metrics.provenance import RealShare
from genloss.metrics.spread import LogDetRatio, MeanError, TraceRatio

__all__ = [
    "R2",
    "BalancedError",
    "CategoryShare",
    "ColumnDistance",
    "Copies",
    "Detectability",
    "Diversity",
    "HoldoutNLL",
    "LogDetRatio",
    "LogLoss",
    "MeanError",
    "PairDistance",
    "RankingLoss",
    "RareMass",
    "RealShare",
    "SlicedWasserstein",
    "SupportSize",
    "TailMass",
    "TestError",
    "TotalVariation",
    "TraceRatio",
]
