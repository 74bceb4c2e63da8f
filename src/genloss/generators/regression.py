"""Linear regression whose fitted line labels the next generation's rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from genloss.components import NonNegative, component
from genloss.errors import FitError
from genloss.protocols import Model
from genloss.samples import Array, Chunk, Samples, Statistic
from genloss.statistics import Gram, GramValue, Inputs, draw_gram, least_squares
from genloss.streams import Rng
from genloss.tables import Schema


@dataclass(frozen=True, eq=False)
class LinearModel:
    """y = x . w + noise e, e ~ N(0, 1).

    Args:
        coefficients: (R, p) w; the last is the intercept where there is one.
        noise: (R,) or (1,) standard deviation of the labels it gives.
        kind: the statistic it was fitted to, which knows target and intercept.
        origin: the first real rows, whose inputs are labelled again; None where inputs are drawn afresh.
    """

    coefficients: Array
    noise: Array
    kind: Gram
    origin: Chunk | None

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, d + 1) rows: inputs of the first generation, or standard normal ones, with new labels.

        Raises:
            FitError: if more rows are wanted than the fixed design has.
        """
        return self._labelled(*self._drawn(n, rng))

    def sample_known(self, n: int, rng: Rng) -> tuple[Array, dict[Statistic, Any]]:
        """The same rows, and the fit to them: to their noise, then placed where labels no longer show it."""
        rows, x, y = self._drawn(n, rng)
        # the inputs of the first real rows, labelled again, are known
        inside = least_squares(x, y, self._inputs if self.origin is not None and n == self.origin.n else None)
        return self._labelled(rows, x, y), {self.kind: inside.placed(self.coefficients, self.noise)}

    def _drawn(self, n: int, rng: Rng) -> tuple[Array, Array, Array]:
        """(R, n, d + 1) rows with standard normal noise for a target, their inputs, and their target."""
        width = self.coefficients.shape[1] - self.kind.intercept + 1
        if self.origin is None or self.origin.rows is None:
            # where the design is known by its Gram matrix alone, rows are wanted only to be looked at
            rows = rng.standard_normal((len(self.coefficients), n, width))
        elif n <= self.origin.n:
            rows = self.origin.rows[:, :n].astype(float)
            rows[..., self.kind.target] = rng.standard_normal(rows.shape[:2])
        else:
            raise FitError(
                f"design='same' labels the {self.origin.n} first real rows again, and {n} are wanted; "
                f"set the agent's n to {self.origin.n} or fewer, or design='fresh'"
            )
        return rows, *self.kind.split(rows)

    def _labelled(self, rows: Array, x: Array, y: Array) -> Array:
        y *= self.noise[:, None]
        y += np.matvec(x, self.coefficients)
        return rows

    @property
    def _inputs(self) -> Inputs | None:
        return None if self.origin is None else self.origin.statistic(self.kind).inputs

    def predict(self, x: Array) -> Array:
        """(R, m) targets of rows x, (m, d + 1) or (R, m, d + 1), whose own target is not looked at."""
        return np.asarray(np.matvec(self.kind.split(x)[0], self.coefficients))

    def draw_statistic(self, kind: Statistic, n: int, rng: Rng) -> GramValue:
        """The least-squares fit to n rows, from its exact law."""
        if kind != self.kind:
            raise LookupError(f"this regression draws {self.kind}, not {kind}")
        if self.origin is not None and n != self.origin.n:
            raise FitError(
                f"design='same' labels the {self.origin.n} first real rows again, and {n} are wanted; "
                f"set the agent's n to {self.origin.n}, or design='fresh', or rows='always'"
            )
        return draw_gram(self.coefficients, self.noise, n, rng, self._inputs)


@component
class LinearRegression:
    """Ordinary least squares, of least norm where there are fewer rows than coefficients.

    Args:
        design: "same": every generation labels the inputs of the first real rows again; "fresh": new standard
            normal inputs, as :class:`genloss.real.LinearModel` has them.
        noise: standard deviation of the noise on synthetic labels; by default estimated from the residuals.
        intercept: whether to fit a constant.

    References:
        Gerstgrasser et al., Is model collapse inevitable? (2024), arXiv:2404.01413; Dohmatob et al., Model
        collapse demystified: the case of regression (2024), arXiv:2402.07712.
    """

    design: Literal["same", "fresh"] = "same"
    noise: NonNegative | None = None
    intercept: bool = False
    model: ClassVar = LinearModel
    accepts: ClassVar = ("vectors",)
    needs_target: ClassVar = True

    @property
    def labels_origin(self) -> bool:
        """Whether what is published is the first real rows with new labels."""
        return self.design == "same"

    def sufficient(self, schema: Any) -> Statistic | None:
        """The least-squares fit; fresh inputs with an intercept have no exact law here: rows are drawn."""
        return None if self.intercept and self.design == "fresh" else self._kind(schema)

    def _kind(self, schema: Any) -> Gram:
        # rows without a schema have their target last, as LinearModel's do
        index = schema.target_index if isinstance(schema, Schema) else None
        return Gram(-1 if index is None else index, self.intercept)

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> LinearModel:
        """Least squares on the training set, by weight."""
        kind = self._kind(train.schema)
        line = train.total(kind)
        if self.noise is not None:
            noise = np.full(1, float(self.noise))
        else:
            left = np.asarray(line.n - line.inputs.rank)
            # with no row to spare the line goes through every point, and no noise is seen
            noise = line.residual * np.sqrt(np.where(left > 0, 1 / np.maximum(left, 1), 0))
        return LinearModel(line.coefficients, noise, kind, train.origin if self.design == "same" else None)
