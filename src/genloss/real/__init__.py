"""Where real rows come from: laws of the literature, scikit-learn's shapes, tables and images."""

from genloss.real.finite import Digits, Table
from genloss.real.laws import Gaussian, LinearModel, Ring, Zipf
from genloss.real.shapes import Circles, Moons, SwissRoll

__all__ = ["Circles", "Digits", "Gaussian", "LinearModel", "Moons", "Ring", "SwissRoll", "Table", "Zipf"]
