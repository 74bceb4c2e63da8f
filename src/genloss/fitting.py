"""Which parts fit each other: an unfit pair is named before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genloss.protocols import offers

if TYPE_CHECKING:
    from genloss.experiment import Experiment

_ALTERNATIVE = {
    "vectors": "Gaussian, KDE, LinearRegression or Wrapped",
    "symbols": "Categorical or Wrapped",
    "table": "Copula or Wrapped",
}
_ROW = {
    "vectors": "vectors of numbers",
    "symbols": "symbols",
    "table": "table rows with categories, dates or missing values",
}


def problems(exp: Experiment) -> list[str]:
    """What does not fit, one line each with its dotted path."""
    return [
        *_agents_problems(exp),
        *(p for i in range(len(exp.agents)) for p in _agent_problems(exp, i)),
        *_size_problems(exp),
        *(p for i in range(len(exp.metrics)) for p in _metric_problems(exp, i)),
    ]


def _name(part: object) -> str:
    return type(part).__name__


def _agents_problems(exp: Experiment) -> list[str]:
    found = []
    if not exp.agents:
        found.append("agents: an experiment needs at least one agent")
    names = exp.agent_names
    found += [
        f"agents: two agents are called '{n}'; names tell them apart" for n in {*names} if names.count(n) > 1
    ]
    if not exp.metrics:
        found.append("metrics: an experiment needs at least one metric, or it shows nothing")
    if len({*exp.metrics}) < len(exp.metrics):
        found.append("metrics: one metric stands twice")
    return found


def _agent_problems(exp: Experiment, i: int) -> list[str]:
    agent, found = exp.agents[i], []
    generator = agent.generator
    accepts = getattr(generator, "accepts", None)
    if accepts is not None and exp.event not in accepts:
        why = _why_table(exp)
        found.append(
            f"agents.{i}.generator: {_name(generator)} cannot be fitted to {_name(exp.real)}, whose rows are "
            f"{_ROW[exp.event]}{why}; use {_ALTERNATIVE[exp.event]}"
        )
    if getattr(generator, "needs_target", False) and not has_target(exp.real):
        found.append(
            f"agents.{i}.generator: {_name(generator)} needs a target, which {_name(exp.real)} lacks"
        )
    if agent.warm_start and not getattr(generator, "warm_starts", False):
        found.append(
            f"agents.{i}.warm_start: {_name(generator)} is fitted in one step and has nothing to start from; "
            f"leave it out"
        )
    if getattr(generator, "labels_origin", False) and exp.published(i) > exp.n_real:
        found.append(
            f"agents.{i}.n: {_name(generator)} labels the {exp.n_real} first real rows again "
            f"(got {exp.published(i)}); use {exp.n_real} or fewer, or design='fresh'"
        )
    regime: Any = agent.regime
    while regime is not None:
        for author in getattr(regime, "authors", ()):
            if author != "real" and not 0 <= author < len(exp.agents):
                found.append(
                    f"agents.{i}.regime.authors: there is no agent {author}; "
                    f"write 0 to {len(exp.agents) - 1}, or 'real'"
                )
        regime = getattr(regime, "of", None)
    return found


def _why_table(exp: Experiment) -> str:
    schema = getattr(exp.real, "schema", None)
    for column in getattr(schema, "columns", ()):
        if column.kind != "numeric":
            return f" (column '{column.name}' is {column.kind})"
        if column.missing:
            return f" (column '{column.name}' has missing values)"
    return ""


def _size_problems(exp: Experiment) -> list[str]:
    size = getattr(exp.real, "size", None)
    if size is None:
        return []
    if exp.n_real > size:
        return [
            f"n_real: {_name(exp.real)} has {size} rows to train on, "
            f"without those held out (got {exp.n_real}); "
            f"use {size} or fewer"
        ]
    wanted = exp.n_real + exp.n_fresh * exp.generations
    if wanted > size:
        return [
            f"n_fresh: {exp.generations} generations of {exp.n_fresh} fresh rows "
            f"and n_real = {exp.n_real} want "
            f"{wanted} rows, and {_name(exp.real)} has {size}"
        ]
    return []


def _metric_problems(exp: Experiment, i: int) -> list[str]:
    metric, found = exp.metrics[i], []
    accepts = getattr(metric, "accepts", None)
    if accepts is not None and exp.event not in accepts:
        found.append(
            f"metrics.{i}: {_name(metric)} does not apply to {_name(exp.real)}, "
            f"whose rows are {_ROW[exp.event]}"
        )
    if getattr(metric, "needs_target", False) and not has_target(exp.real):
        found.append(f"metrics.{i}: {_name(metric)} needs a target, which {_name(exp.real)} lacks")
    for agent in exp.agents:
        model = getattr(agent.generator, "model", None)
        lacking = [
            name for name in getattr(metric, "needs", ()) if model is not None and not offers(model, [name])
        ]
        if lacking:
            found.append(
                f"metrics.{i}: {_name(metric)} needs {lacking[0]}, "
                f"which the model of {_name(agent.generator)} lacks; "
                f"use SlicedWasserstein or TestError"
            )
    return found


def has_target(real: Any) -> bool:
    """Whether the rows have a column to be predicted."""
    return getattr(real, "target_index", getattr(real, "target", None)) is not None
