"""Where real rows come from: laws of the literature, scikit-learn's shapes, tables, arrays and images."""

from genloss.real.arrays import Images, Rows
from genloss.real.finite import Digits, Table
from genloss.real.laws import Gaussian, LinearModel, Ring, Zipf
from genloss.real.shapes import Circles, Moons, SwissRoll

__all__ = [
    "Circles",
    "Digits",
    "Gaussian",
    "Images",
    "LinearModel",
    "Moons",
    "Ring",
    "Rows",
    "SwissRoll",
    "Table",
    "Zipf",
]
