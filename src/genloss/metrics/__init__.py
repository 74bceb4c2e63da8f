"""What to look at. "Collapse" is no metric's name: the word has eight meanings."""

from genloss.metrics.columns import CategoryShare, ColumnDistance, RareMass
from genloss.metrics.discrete import Diversity, SupportSize, TotalVariation
from genloss.metrics.distance import SlicedWasserstein, TailMass
from genloss.metrics.divergence import KL, MMD, Wasserstein
from genloss.metrics.likelihood import HoldoutNLL
from genloss.metrics.likeness import Copies, Detectability
from genloss.metrics.modes import ModeShare
from genloss.metrics.nearest import (
    Coverage,
    Density,
    NearestRealDistance,
    OffSupport,
    Precision,
    Recall,
)
from genloss.metrics.pairs import PairDistance
from genloss.metrics.prediction import R2, BalancedError, LogLoss, RankingLoss, TestError
from genloss.metrics.provenance import RealShare
from genloss.metrics.spread import LogDetRatio, MeanError, TraceRatio
from genloss.metrics.variety import DistinctN, Entropy

__all__ = [
    "KL",
    "MMD",
    "R2",
    "BalancedError",
    "CategoryShare",
    "ColumnDistance",
    "Copies",
    "Coverage",
    "Density",
    "Detectability",
    "DistinctN",
    "Diversity",
    "Entropy",
    "HoldoutNLL",
    "LogDetRatio",
    "LogLoss",
    "MeanError",
    "ModeShare",
    "NearestRealDistance",
    "OffSupport",
    "PairDistance",
    "Precision",
    "RankingLoss",
    "RareMass",
    "RealShare",
    "Recall",
    "SlicedWasserstein",
    "SupportSize",
    "TailMass",
    "TestError",
    "TotalVariation",
    "TraceRatio",
    "Wasserstein",
]
