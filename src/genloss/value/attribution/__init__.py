"""Which rows help or hurt a linear learner, and how to take rows out of what was learnt."""

from genloss.value.attribution.datamodels import Datamodel, datamodels
from genloss.value.attribution.deals import Effect
from genloss.value.attribution.influence import Check, Influence, influence
from genloss.value.attribution.tables import Attribution, attribute
from genloss.value.attribution.unlearning import BayesLinear, subtract
from genloss.value.attribution.variational import BayesLogistic, divergence, evidence_upper_bound

__all__ = [
    "Attribution",
    "BayesLinear",
    "BayesLogistic",
    "Check",
    "Datamodel",
    "Effect",
    "Influence",
    "attribute",
    "datamodels",
    "divergence",
    "evidence_upper_bound",
    "influence",
    "subtract",
]
