"""What a metric says of itself: words, unit and scale for tables, axes and intervals; and the law that it
follows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from genloss.errors import SpecError
from genloss.traits import (
    ABOUT,
    AT_ZERO,
    BETTER,
    INSTEAD_OF_ROWS,
    OF,
    READS_HOLDOUT,
    READS_REFERENCE,
    REAL_MOMENTS,
    REAL_PROBABILITIES,
    REFERENCE,
    SAYS,
    SCALE,
    SIZE,
    TELLS,
    TITLE,
    UNIT,
)

if TYPE_CHECKING:
    from genloss.experiment import Experiment

Scale = Literal["ratio", "nats", "share", "count", "plain"]
Better = Literal["lower", "higher"]
Tells = Literal["risk", "spread", "tail", "modes", "between", "support", ""]


def ends(scale: Scale, least: float, most: float) -> tuple[float, float]:
    """Between which numbers a metric lies by its scale, as long as its least and greatest values do.

    >>> ends("count", 3, 20), ends("share", 0.1, 0.4), ends("ratio", -1, 2)
    ((0.0, inf), (0.0, 1.0), (-inf, inf))
    """
    low = 0.0 if scale in ("ratio", "count", "share") and least >= 0 else -np.inf
    return low, 1.0 if scale == "share" and most <= 1 else np.inf


class Reference(NamedTuple):
    """A value to hold a metric against: a plot draws it dotted.

    Args:
        value: of the metric.
        name: what has this value: "always the majority".
        beat: what is said of a metric that is no better, after "no better than"; "" where nothing is.
    """

    value: float
    name: str
    beat: str = ""


class Meaning(NamedTuple):
    """How a metric is spoken of, and which interval its values take.

    Args:
        title: what to call it: "Variance kept".
        unit: of its axis: "nats a row".
        about: a sentence for newcomers.
        better: "lower", "higher", or None where neither is.
        scale: "ratio" of positive numbers, "nats" (differences of logarithms), "share" from 0 to 1, "count"
            of things, or "plain".
        of: what it measures: the "model"'s law, the "published" rows, or the "training" set.
        given: what its interval is conditional on beside the experiment, as "the same held-out rows"; ""
            where nothing.
        reference: what to hold it against; None where there is nothing.
        at_zero: what is true of a replicate whose value is 0: "no published row is in them"; "" where that is
            not worth a word.
        tells: which meaning of collapse it tells of: "risk" of a task or a law, "spread" (variance,
            diversity), mass in the "tail", "modes" lost, mass "between" modes, mass off the real "support";
            "" of none.
    """

    title: str
    unit: str = ""
    about: str = ""
    better: Better | None = None
    scale: Scale = "plain"
    of: str = "model"
    given: str = ""
    reference: Reference | None = None
    at_zero: str = ""
    tells: Tells = ""

    @property
    def axis(self) -> str:
        """The title of an axis: what, and in which unit."""
        return f"{self.title.lower()} ({self.unit})" if self.unit else self.title.lower()


def meaning(name: str, metric: Any, exp: Experiment | None = None) -> Meaning:
    """What a metric says of itself; what it leaves out follows from its class.

    Args:
        name: in results; two metrics of one class are told apart by it.
        metric: the metric.
        exp: the experiment, where what it says depends on one.

    Raises:
        SpecError: if a scale or a direction is none of those that there are.

    >>> class MeanAge:
    ...     '''Mean age of the published patients.'''
    ...     def __call__(self, seen): ...
    >>> meaning("MeanAge", MeanAge())[:3]
    ('Mean age', '', 'Mean age of the published patients.')
    """
    kind, _, fields = name.partition("(")
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind).capitalize()
    doc = (type(metric).__doc__ or "").strip().split("\n\n")[0]
    said: dict[str, Any] = {
        "title": TITLE.of(metric) or spaced,
        "unit": UNIT.of(metric),
        # a dataclass without a docstring is given its signature
        "about": ABOUT.of(metric)
        or ("" if doc.startswith(f"{kind}(") else " ".join(doc.split()).replace("``", "")),
        "better": BETTER.of(metric),
        "scale": SCALE.of(metric),
        "of": OF.of(metric) or ("published" if INSTEAD_OF_ROWS.of(metric) is None else "model"),
        "given": "" if exp is None else _given(metric, exp),
        "reference": REFERENCE.of(metric),
        "at_zero": AT_ZERO.of(metric),
        "tells": TELLS.of(metric),
    }
    more = SAYS.of(metric)
    own = {} if more is None or exp is None else more(exp)
    said |= own
    if fields and "title" not in own:
        said["title"] += _OF.get(fields, f" ({fields}")
    for what, known in (
        ("scale", get_args(Scale)),
        ("better", (*get_args(Better), None)),
        ("tells", get_args(Tells)),
    ):
        if said[what] not in known:
            raise SpecError(f"{kind}.{what}: '{said[what]}' is none of {', '.join(map(str, known))}")
    return Meaning(**said)


_OF = {"of='published')": " of published rows", "of='model')": " of the model"}


def _given(metric: Any, exp: Experiment) -> str:
    """What intervals over replicates do not vary: rows that all replicates share."""
    finite = SIZE.of(exp.real) is not None
    no_law = REAL_MOMENTS.of(exp.real) is None and REAL_PROBABILITIES.of(exp.real) is None
    held = READS_HOLDOUT.of(metric) or (READS_REFERENCE.of(metric) and no_law)
    shared = held and exp.holdout == "shared"
    if finite:
        return "these real rows" + (" and those held out" if shared else "")
    return "the same held-out rows in every replicate" if shared else ""


class Law(NamedTuple):
    """What a metric is by theory, in an experiment that meets the theory's conditions.

    Args:
        values: (T,) at generations 1, 2, ..., T.
        source: authors, year and arXiv number; several are divided by "; ".
        of: what of the replicates it is: their "mean", or the "typical" one (the median).
        where: the conditions under which it holds, which the experiment meets.
    """

    values: NDArray[np.float64]
    source: str
    of: Literal["mean", "typical"] = "mean"
    where: str = ""
