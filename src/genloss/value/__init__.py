"""When does synthetic data help, and how much of it: trials read as gains, with intervals."""

from genloss.value.advice import Advice
from genloss.value.advise import advise

__all__ = ["Advice", "advise"]
