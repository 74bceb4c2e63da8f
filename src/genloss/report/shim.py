"""What experiments, results and laws say of themselves, where they do not yet: to be taken away at once."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from genloss.meaning import Meaning
from genloss.samples import Array
from genloss.study.grid import label
from genloss.study.results import Results
from genloss.study.study import Cell

_HELD_OUT = "the same held-out rows in every replicate"
_KNOWN = {
    "TraceRatio": Meaning(
        "Variance kept",
        "trace ratio",
        "Total variance over that of the real data: 1 is all of it, 0 is a point.",
        "higher",
        "ratio",
    ),
    "LogDetRatio": Meaning(
        "Log volume kept",
        "nats",
        "Logarithm of the covariance's determinant against the real one's; 0 is no loss.",
        "higher",
        "nats",
    ),
    "MeanError": Meaning(
        "Error of the mean",
        "squared distance",
        "Squared distance of the mean from the real mean.",
        "lower",
        "ratio",
    ),
    "HoldoutNLL": Meaning(
        "Held-out loss",
        "nats a row",
        "How surprised the model is by real rows that no model saw.",
        "lower",
        "nats",
        given=_HELD_OUT,
    ),
    "TestError": Meaning(
        "Test error",
        "",
        "Error in predicting the target of held-out real rows.",
        "lower",
        "ratio",
        "published",
        _HELD_OUT,
    ),
    "Diversity": Meaning(
        "Diversity", "1 − Σp²", "Chance that two symbols of the model differ.", "higher", "share"
    ),
    "SupportSize": Meaning(
        "Symbols left", "symbols", "How many symbols the model can still produce.", "higher", "count"
    ),
    "TotalVariation": Meaning(
        "Total variation",
        "",
        "Largest error in the probability of any event; 0 is a perfect model.",
        "lower",
        "share",
    ),
    "SlicedWasserstein": Meaning(
        "Distance to real data",
        "sliced Wasserstein",
        "Distance between published and held-out real rows.",
        "lower",
        "ratio",
        "published",
        _HELD_OUT,
    ),
    "TailMass": Meaning(
        "Tail kept",
        "share of rows",
        "Share of published rows where only the outermost real rows lie.",
        None,
        "share",
        "published",
        _HELD_OUT,
    ),
    "RealShare": Meaning(
        "Share of real data",
        "share of training set",
        "Share of real rows in the training set.",
        None,
        "share",
        "training",
    ),
}


def meanings(exp: Any) -> Mapping[str, Meaning]:
    """What each metric of an experiment says of itself, by its name in results."""
    found = getattr(exp, "meanings", None)
    return {name: _meaning(name, exp) for name in exp.metric_names} if found is None else found


def regimes(exp: Any) -> tuple[str, ...]:
    """The regime of each agent, as text; "" where only an outline is left."""
    found = getattr(exp, "regime_labels", None)
    if found is None:
        found = tuple(_brief(a.regime) if hasattr(a, "regime") else "" for a in exp.agents)
    return tuple(found)


def _brief(part: Any) -> str:
    """A part with the fields that are not as they are by default."""
    fields = dataclasses.fields(part)
    said = {f.name: getattr(part, f.name) for f in fields if getattr(part, f.name) != f.default}
    return f"{type(part).__name__}({', '.join(f'{k}={label(v)}' for k, v in said.items())})".removesuffix(
        "()"
    )


def real(results: Results, metric: str, cell: Cell) -> Array | None:
    """(A, R) values of the real rows themselves, or None where a metric has none."""
    found = getattr(results, "real", None)
    return None if found is None else found(metric, cell)


def law_of(law: Any) -> str:
    """Which quantity a law is of: the "mean" or the "typical" replicate."""
    return str(getattr(law, "of", "mean"))


def _meaning(metric: str, exp: Any) -> Meaning:
    kind, _, fields = metric.partition("(")
    known = _KNOWN.get(kind)
    if known is None:
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).capitalize()
        thing = exp.metric_names[metric]
        doc = (type(thing).__doc__ or "").strip().split("\n\n")[0] if thing is not None else ""
        # a dataclass without a docstring is given its signature
        known = Meaning(spaced, about="" if doc.startswith(f"{kind}(") else " ".join(doc.split()))
    if kind == "TestError" and hasattr(exp, "real"):
        known = _test_error(exp, known)
    return known._replace(title=f"{known.title} ({fields}") if fields else known


def _test_error(exp: Any, known: Meaning) -> Meaning:
    """What the test error of an experiment is: a share, or an error in squared units."""
    from genloss.metrics.likelihood import is_label, real_target

    models = [getattr(a.generator, "model", None) for a in exp.agents]
    of = "in predicting the target of"
    if hasattr(exp.real, "excess_risk") and all(
        "coefficients" in getattr(model, "__dataclass_fields__", ()) for model in models
    ):
        about = f"Expected squared error beyond the noise {of} real rows."
        return known._replace(about=about, of="model", given="")
    if not any(hasattr(model, "predict") for model in models) and is_label(exp.real, real_target(exp.real)):
        return known._replace(about=f"Share of wrong labels {of} held-out real rows.", scale="share")
    return known._replace(about=f"Mean squared error {of} held-out real rows.")
