"""Which interval to believe, how much predictions save, and what speaks against both, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from genloss.intervals import Interval
from genloss.value.inference.rows import Rows
from genloss.value.inference.said import Answer, Inferred
from genloss.wording import several

METHOD = "prediction-powered"
# Labelled rows below which an interval leans on its assumptions.
_FEW = 30
# Times that a prediction may come on average for two that are equal to be of one row.
_RARE = 1.5
# False alarms of the comparison of predictions: one in a thousand.
_ALARM = 1e-3


def title_of(what: str, label: str, on: Sequence[str] = (), q: float = 0.5) -> str:
    """What was asked for, in words.

    >>> title_of("quantile", "income", q=0.9), title_of("ols", "income", ["age", "town"])
    ('0.9 quantile of income', 'least squares of income on age, town')
    """
    asked = {"quantile": f"{q:g} quantile", "ols": "least squares", "logistic": "logistic regression"}
    return f"{asked.get(what, what)} of {label}" + (f" on {', '.join(on)}" if on else "")


def worth(value: Interval, classical: Interval, n: int) -> float:
    """Labelled rows alone whose interval would be as narrow, by the squared ratio of widths, or NaN."""
    width, alone = value.high - value.low, classical.high - classical.low
    return n * (alone / width) ** 2 if 0 < width < math.inf and alone < math.inf else math.nan


def inferred(
    what: str, level: float, answers: tuple[Answer, ...], given: Rows, more: tuple[str, ...] = ()
) -> Inferred:
    """What was inferred from labels and predictions, with its words.

    Args:
        what: was asked for.
        level: share of intervals that are meant to hold the truth.
        answers: the numbers.
        given: the rows.
        more: notes of whoever found them.
    """
    n = len(given.label)
    return Inferred(
        what, METHOD, level, answers, n, len(given.more), 0, _verdict(answers, n), (*more, *_notes(given))
    )


def _verdict(answers: tuple[Answer, ...], n: int) -> str:
    """Which interval to believe, and why."""
    gains = [a.rows / n for a in answers if not math.isnan(a.rows)]
    # NaN, where there is no naive estimate, is not wrong
    wrong = [a for a in answers if a.naive.estimate < a.value.low or a.naive.estimate > a.value.high]
    naive = (
        f"predictions taken as truth lie outside it{_of(wrong, answers)}"
        if wrong
        else "that of predictions taken as truth leaves their errors out, and is too short"
    )
    if gains and max(gains) > 1.05:
        # of several coefficients the typical one
        rows = float(np.median(gains)) * n
        saved = f"as narrow as {several(round(rows), 'labelled row')} alone would give"
        several_of = " (the median coefficient)" if len(answers) > 1 else ""
        if rows / n > 1.05:
            return f"Believe the {METHOD} interval, {saved}{several_of}: {naive}."
    return (
        f"Believe the {METHOD} interval; labelled rows alone tell as much, as these predictions say little "
        f"of them: {naive}."
    )


def _of(wrong: list[Answer], answers: tuple[Answer, ...]) -> str:
    return "" if len(answers) == 1 else f" for {', '.join(a.name for a in wrong)}"


def _notes(given: Rows) -> list[str]:
    """What makes the intervals doubtful."""
    from scipy.stats import ks_2samp

    name, notes = given.names[1], []
    n = len(given.label)
    if n < _FEW:
        notes.append(f"{several(n, 'labelled row')}: of a long-tailed label so few do not tell the tail")
    if (given.label == given.prediction).all():
        notes.append(
            f"{name} equals the label in every labelled row: a model must not have learnt from these rows"
        )
    distinct, counts = np.unique(given.more, return_counts=True)
    if counts.mean() < _RARE and np.isin(given.prediction, distinct).all():
        notes.append(
            f"each {name} of a labelled row is one of another row too: the rows without labels must not hold "
            "the labelled ones"
        )
    p = ks_2samp(given.prediction, given.more, method="asymp").pvalue
    if p < _ALARM:
        notes.append(
            f"{name} has another law in labelled rows than in the others (Kolmogorov-Smirnov, p = {p:.1g}): "
            "the interval holds only where labelled rows are drawn at random from the same population"
        )
    return notes
