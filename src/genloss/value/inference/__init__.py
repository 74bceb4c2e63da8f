"""Valid conclusions from synthetic rows.

Three situations, and what holds in each:

- few rows with true labels and predictions for many more: :func:`mean`, :func:`quantile`, :func:`ols` and
  :func:`logistic`, prediction-powered;
- several synthetic data sets made from one real one: :func:`combine`;
- a predictor to be calibrated with few real rows and many synthetic ones: :func:`conformal`.
"""

from genloss.value.inference.calibration import Conformal, conformal
from genloss.value.inference.prediction import mean, quantile
from genloss.value.inference.regression import logistic, ols
from genloss.value.inference.said import Answer, Inferred
from genloss.value.inference.tabled import combine, infer

__all__ = [
    "Answer",
    "Conformal",
    "Inferred",
    "combine",
    "conformal",
    "infer",
    "logistic",
    "mean",
    "ols",
    "quantile",
]
