"""Which rows help or hurt a linear learner, and how to take rows out of what was learnt."""

from genloss.value.attribution.datamodels import Datamodel, datamodels
from genloss.value.attribution.deals import Effect
from genloss.value.attribution.influence import Check, Influence, influence
from genloss.value.attribution.tables import Attribution, attribute

__all__ = ["Attribution", "Check", "Datamodel", "Effect", "Influence", "attribute", "datamodels", "influence"]
