"""What metrics mean in plain language, and how numbers and changes are said."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from genloss.report.aggregate import Change

SEVERITY = (
    "infinite",
    "all but gone",
    "much worse",
    "worse",
    "slightly worse",
    "no change seen",
    "unchanged",
    "better",
)
"""What verdicts begin with, the worst first."""
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Words:
    """How a metric is spoken of.

    Args:
        title: what to call it.
        axis: title of its axis, with the unit.
        about: a sentence.
        kind: "kept", a positive amount of which loss is bad; "error", one of which growth is bad; "nats", a
            difference of logarithms that should not grow; "log", one that should not fall; "plain", neither.
    """

    title: str
    axis: str
    about: str
    kind: Literal["kept", "error", "nats", "log", "plain"]


_KNOWN = {
    "TraceRatio": Words(
        "Variance kept",
        "trace ratio",
        "Total variance over that of the real data: 1 is all of it, 0 is a point.",
        "kept",
    ),
    "LogDetRatio": Words(
        "Log volume kept",
        "log det ratio (nats)",
        "Logarithm of the covariance's determinant against the real one's; 0 is no loss.",
        "log",
    ),
    "MeanError": Words(
        "Error of the mean", "squared distance", "Squared distance of the mean from the real mean.", "error"
    ),
    "HoldoutNLL": Words(
        "Held-out loss",
        "NLL (nats per row)",
        "How surprised the model is by real rows that no model saw; lower is better.",
        "nats",
    ),
    "TestError": Words(
        "Test error",
        "test error",
        "Error in predicting the target of held-out real rows; lower is better.",
        "error",
    ),
    "Diversity": Words(
        "Diversity", "1 − Σp²", "Chance that two symbols of the model differ; higher is richer.", "kept"
    ),
    "SupportSize": Words("Symbols left", "symbols", "How many symbols the model can still produce.", "kept"),
    "TotalVariation": Words(
        "Total variation",
        "total variation",
        "Largest error in the probability of any event; 0 is a perfect model.",
        "error",
    ),
    "SlicedWasserstein": Words(
        "Distance to real data",
        "sliced Wasserstein distance",
        "Distance between published and held-out real rows; lower is closer.",
        "error",
    ),
    "TailMass": Words(
        "Tail kept",
        "share of rows",
        "Share of published rows where only the outermost real rows lie.",
        "kept",
    ),
    "RealShare": Words(
        "Share of real data", "real share of training set", "Share of real rows in the training set.", "plain"
    ),
}


def words(metric: str, exp: Any = None) -> Words:
    """How a metric is spoken of, by its name in results and the experiment that it was measured in.

    >>> words("MeanAge").title
    'Mean age'
    """
    kind, _, fields = metric.partition("(")
    if kind in _KNOWN:
        known = _KNOWN[kind]
        if kind == "TestError" and hasattr(exp, "real"):
            known = replace(known, about=_test_error(exp))
        return known if not fields else Words(f"{known.title} ({fields}", known.axis, known.about, known.kind)
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).capitalize()
    thing = None if exp is None else exp.metric_names.get(metric)
    doc = (type(thing).__doc__ or "").strip().split("\n\n")[0] if thing is not None else ""
    # a dataclass without a docstring is given its signature
    about = "" if doc.startswith(f"{kind}(") else " ".join(doc.split()).replace("``", "")
    return Words(spaced + (f" ({fields}" if fields else ""), metric, about, "plain")


def _test_error(exp: Any) -> str:
    """What the test error of an experiment is: a share, or an error in squared units."""
    from genloss.metrics.likelihood import is_label, real_target

    models = [getattr(a.generator, "model", None) for a in exp.agents]
    predicts = [hasattr(model, "predict") for model in models]
    of = "in predicting the target of held-out real rows"
    linear = ["coefficients" in getattr(model, "__dataclass_fields__", ()) for model in models]
    if hasattr(exp.real, "excess_risk") and all(linear):
        return (
            "Expected squared error beyond the noise in predicting the target of real rows; lower is better."
        )
    if not any(predicts) and is_label(exp.real, real_target(exp.real)):
        return f"Share of wrong labels {of}; lower is better."
    return f"Mean squared error {of}; lower is better."


def finished(done: int, wanted: int) -> str:
    """What is said, in a verdict's place, of a line whose replicates are not all there; "" where they are.

    Those that are there may be the tamer ones.

    >>> finished(2, 12), finished(12, 12)
    ('2 of 12 replicates finished', '')
    """
    return f"{done} of {wanted} replicates finished" if done < wanted else ""


def failure(message: str) -> str:
    """A failure on one line, without the name of the function of ours that a worker ran.

    >>> failure("a.b:work lost its worker 3 times: it was killed by SIGKILL (out of memory?)")
    'its worker was killed 3 times by SIGKILL, out of memory?'
    """
    message = " ".join(message.split())
    lost = re.fullmatch(
        r"[\w.]+:[\w.]+ lost its worker (once|\d+ times): "
        r"it (was killed|exited) (.*?)(?: \((.*)\))?",
        message,
    )
    if lost is None:
        return message
    times, how, by, perhaps = lost.groups()
    often = "" if times == "once" else f" {times}"
    return f"its worker {how}{often} {by}{f', {perhaps}' if perhaps else ''}"


def number(x: float, digits: int = 3, zeros: bool = False) -> str:
    """Significant digits, as a paper has them.

    Args:
        x: the number.
        digits: how many.
        zeros: whether to keep those that are zeros at the end.

    >>> [number(x) for x in (0.09746, 27.88, 5.0, 1234.5, 2.5e7, 0.0, float("inf"))]
    ['0.0975', '27.9', '5', '1230', '2.5×10⁷', '0', '∞']
    """
    if math.isnan(x):
        return "–"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if x == 0:
        return "0"
    mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
    power = int(exponent)
    plain = -4 < power < 5
    text = f"{float(f'{mantissa}e{exponent}'):.{max(digits - 1 - power, 0)}f}" if plain else mantissa
    if "." in text and not zeros:
        text = text.rstrip("0").rstrip(".")
    if not plain:
        text += f"×10{str(power).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−")


def interval(mean: float, low: float, high: float) -> tuple[str, str]:
    """A mean and the ends of its interval, "" where it has none.

    >>> interval(5.948, 4.8, 6.956), interval(0.01, 0.01, 0.01)
    (('5.95', '4.80, 6.96'), ('0.01', ''))
    """
    if math.isfinite(low) and math.isfinite(high) and low < high:
        return number(mean, zeros=True), f"{number(low, zeros=True)}, {number(high, zeros=True)}"
    return number(mean), ""


def verdict(kind: str, c: Change) -> tuple[str, str]:
    """A word for what a change means and its size, relative to generation 1.

    Changes are taken within replicates. One that its 95 % interval does not tell from 0 is no change; it has
    levelled off when less than a tenth of it, or no more than noise, fell into the second half.

    >>> verdict("error", Change(0.1, 5.9, 5.8, 2.0, 1.0, 0.8))
    ('much worse, still worsening', '59 × generation 1')
    >>> verdict("kept", Change(1.0, 0.97, -0.03, 0.0, 0.01, 0.01))
    ('slightly worse, levelling off', '3 % lost')
    """
    if not (math.isfinite(c.first) and math.isfinite(c.last)):
        return ("", "") if math.isnan(c.last) else ("infinite", "")
    size = _size(kind, c)
    if c.change == 0:
        return "unchanged", ""
    if math.isnan(c.change_error):
        return "one replicate", size
    if abs(c.change) <= c.change_error:
        return "no change seen", ""
    rose = c.change > 0
    settled = abs(c.late) <= c.late_error or abs(c.late) < 0.1 * abs(c.change)
    returning = c.late * c.change < 0
    if kind == "plain":
        return ("rose" if rose else "fell") + (", levelling off" if settled else ""), size
    if rose == (kind in ("kept", "log")):
        return "higher" if rose else "better", size
    if kind == "kept" and c.last < 0.01 * c.first:
        return "all but gone", size
    small, large = _severity(kind, c)
    how = "slightly worse" if small else "much worse" if large else "worse"
    end = "levelling off" if settled else "recovering" if returning else "still worsening"
    return f"{how}, {end}", size


def _severity(kind: str, c: Change) -> tuple[bool, bool]:
    """Whether a change for the worse is small, and whether it is large."""
    if kind in ("nats", "log"):
        return abs(c.change) < 0.1, abs(c.change) > 2  # 2 nats: every row e^2, some 7 times, less likely
    if kind == "kept":
        return c.last > 0.9 * c.first, c.last < 0.5 * c.first
    return c.last < 1.1 * c.first, c.last > 5 * c.first


def _size(kind: str, c: Change) -> str:
    if kind in ("nats", "log"):
        return f"{'+' if c.change > 0 else ''}{number(c.change, 2)} nats"
    if c.first <= 0:
        return ""
    ratio = max(c.last, 0) / c.first
    if kind == "kept" and 0 < ratio < 0.01:
        return f"{number(1 / ratio, 2)} times less"
    if kind == "kept" and ratio < 1:
        lost = 100 * (1 - ratio)
        return f"{lost:.0f} % lost" if 1 <= lost < 99 else f"{number(lost, 2)} % lost"
    if 0.5 < ratio < 1.1:
        return f"{100 * (ratio - 1):+.0f} %".replace("-", "−")
    return (
        f"{float(f'{ratio:.2g}'):g} × generation 1"
        if 1e-3 < ratio < 1e4
        else f"{number(ratio)} × generation 1"
    )
