"""How a model is fitted; each room holds a generator and the model it fits."""

from genloss.generators.categorical import Categorical
from genloss.generators.copula import Copula
from genloss.generators.forest import Forest
from genloss.generators.gaussian import Gaussian
from genloss.generators.given import Given
from genloss.generators.kde import KDE
from genloss.generators.mixture import GaussianMixture
from genloss.generators.regression import LinearRegression
from genloss.generators.resampled import Bootstrap, Independent
from genloss.generators.smote import Smote
from genloss.generators.trees import Trees
from genloss.generators.wrapped import Wrapped

__all__ = [
    "KDE",
    "Bootstrap",
    "Categorical",
    "Copula",
    "Forest",
    "Gaussian",
    "GaussianMixture",
    "Given",
    "Independent",
    "LinearRegression",
    "Smote",
    "Trees",
    "Wrapped",
]
