"""When does synthetic data help, how much of it, and what may be concluded from it."""

from genloss.value.advice import Advice
from genloss.value.advise import advise

__all__ = ["Advice", "advise"]
