"""Which parts fit each other: an unfit pair is named before anything runs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from genloss.components import misfits
from genloss.errors import GenlossError, SpecError, bounded, said_by
from genloss.events import event_of
from genloss.tables import Schema
from genloss.traits import (
    ACCEPTS,
    AUTHORS,
    INNER,
    LABELS_ORIGIN,
    MISFIT,
    MODEL,
    NEEDS,
    NEEDS_TARGET,
    OF,
    SCHEMA,
    SIZE,
    TARGET,
    TARGET_INDEX,
    WARM_STARTS,
    fields,
    offers,
)
from genloss.wording import several

if TYPE_CHECKING:
    from genloss.experiment import Agent, Experiment


def problems(exp: Experiment) -> list[str]:
    """What does not fit, one line each with its dotted path."""
    odd = [f"{place}: {said}" for place, said in misfits(exp)]
    if odd:
        return odd
    try:
        event_of(exp.real)
        # what the user's own source answers to is asked here once, so that it is named where it raises
        _, width = (SCHEMA.of(exp.real), has_target(exp.real)), math.prod(exp.event_shape)
    except SpecError as error:
        return [f"real: {error}"]
    except (GenlossError, MemoryError):  # a file that cannot serve, which says so itself
        raise
    except Exception as error:
        return [f"real: {_name(exp.real)} raised {type(error).__name__}: {said_by(error)}"]
    return [
        *_agents_problems(exp),
        *(p for i in range(len(exp.agents)) for p in _agent_problems(exp, i)),
        *_size_problems(exp),
        *(p for i in range(len(exp.metrics)) for p in _metric_problems(exp, i, width)),
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
    if not exp.event.accepted_by(ACCEPTS.of(generator)):
        found.append(
            f"agents.{i}.generator: {_name(generator)} cannot be fitted to {_name(exp.real)}, whose rows are "
            f"{exp.event.words}{_why_table(exp)}; use {exp.event.fits}"
        )
    if NEEDS_TARGET.of(generator) and not has_target(exp.real):
        found.append(
            f"agents.{i}.generator: {_name(generator)} needs a target, which {_name(exp.real)} lacks"
        )
    if agent.warm_start and not WARM_STARTS.of(generator):
        found.append(
            f"agents.{i}.warm_start: {_name(generator)} is fitted in one step and has nothing to start from; "
            f"leave it out"
        )
    if LABELS_ORIGIN.of(generator) and exp.published(i) > exp.n_real:
        found.append(
            f"agents.{i}.n: {_name(generator)} labels the {exp.n_real} first real rows again "
            f"(got {exp.published(i)}); use {exp.n_real} or fewer, or design='fresh'"
        )
    regime: Any = agent.regime
    while regime is not None:
        for author in AUTHORS.of(regime):
            known = 0 <= author < len(exp.agents) if isinstance(author, int) else author == "real"
            if not known:
                own = ", ".join(a.name for a in exp.agents if a.name)
                named = f"a name ({bounded(own)}), " if own else ""
                found.append(
                    f"agents.{i}.regime.authors: there is no agent {bounded(str(author))}; "
                    f"write 0 to {len(exp.agents) - 1}, {named}or 'real'"
                )
        regime = INNER.of(regime)
    return found


def authors_by_index(agents: tuple[Agent, ...]) -> tuple[Agent, ...]:
    """The agents, in whose regimes authors that are named stand by their index.

    Names are words: what an experiment computes must not hang on them.
    """
    places = {agent.name or f"agent {i}": i for i, agent in enumerate(agents)}
    return tuple(replace(agent, regime=renamed(agent.regime, places)) for agent in agents)


def renamed(regime: Any, names: Mapping[Any, int | str]) -> Any:
    """A regime, and those inside it, with authors as names has them; itself where it reads none of these."""
    authors = AUTHORS.of(regime)
    said = tuple(names.get(a, a) if a != "real" else a for a in authors)
    changes: dict[str, Any] = {AUTHORS.name: said} if said != authors else {}
    inner = INNER.of(regime)
    if inner is not None and (inside := renamed(inner, names)) is not inner:
        changes[INNER.name] = inside
    return replace(regime, **changes) if changes else regime


def _why_table(exp: Experiment) -> str:
    schema = SCHEMA.of(exp.real)
    for column in schema.columns if isinstance(schema, Schema) else ():
        if column.kind != "numeric":
            return f" (column '{column.name}' is {column.kind})"
        if column.missing:
            return f" (column '{column.name}' has missing values)"
    return ""


def _size_problems(exp: Experiment) -> list[str]:
    size = SIZE.of(exp.real)
    if size is None:
        return []
    if exp.holdout == "fresh":
        return [
            f"holdout: {_name(exp.real)} has its rows once, and the same are held out for every replicate "
            f"(got 'fresh'); use 'shared', or a source without end"
        ]
    if exp.n_real > size:
        return [
            f"n_real: {_name(exp.real)} has {several(size, 'row')} to train on, "
            f"without those held out (got {exp.n_real}); "
            f"use {size} or fewer"
        ]
    wanted = exp.n_real + exp.n_fresh * exp.generations
    if wanted > size:
        return [
            f"n_fresh: {several(exp.generations, 'generation')} of {several(exp.n_fresh, 'fresh row')} "
            f"and n_real = {exp.n_real} want "
            f"{wanted} rows, and {_name(exp.real)} has {size}"
        ]
    return []


def _metric_problems(exp: Experiment, i: int, width: int) -> list[str]:
    metric, found = exp.metrics[i], []
    if not exp.event.accepted_by(ACCEPTS.of(metric)):
        found.append(
            f"metrics.{i}: {_name(metric)} does not apply to {_name(exp.real)}, "
            f"whose rows are {exp.event.words}"
        )
    if NEEDS_TARGET.of(metric) and not has_target(exp.real):
        found.append(f"metrics.{i}: {_name(metric)} needs a target, which {_name(exp.real)} lacks")
    elif NEEDS_TARGET.of(metric) and width == 1:
        found.append(
            f"metrics.{i}: {_name(metric)} needs columns to predict the target from, "
            f"and the target is all that {_name(exp.real)} has; leave the metric out"
        )
    ask = MISFIT.of(metric)
    if ask is not None and not found:
        try:
            said = ask(exp)
        except Exception as error:  # of a user's own
            said = f"misfit raised {type(error).__name__}: {said_by(error)}"
        found += [f"metrics.{i}: {_name(metric)}: {said}"] if said else []
    for agent in exp.agents:
        model = MODEL.of(agent.generator)
        # of a model whose class is not told nothing is known before the run
        lacking = [name for name in NEEDS.of(metric) if model is not None and not offers(model, [name])]
        if lacking:
            found.append(
                f"metrics.{i}: {_name(metric)} needs {lacking[0]}, "
                f"which the model of {_name(agent.generator)} lacks; use {_instead(metric)}"
            )
    return found


def _instead(metric: Any) -> str:
    """A metric that asks nothing of a model: the same of its rows, where there is such a one."""
    if OF.of(metric) == "model" and OF.name in fields(metric):
        return f'{{kind = "{_name(metric)}", of = "published"}}'
    return "SlicedWasserstein, or TestError of what is published"


def takes_rows_alone(cls: type) -> bool:
    """Whether a class is that of a user's plain objects, for ``Wrapped``: its fit takes rows, as in fit(rows)
    or scikit-learn's fit(X, y=None), and no stream.

    >>> from genloss.generators import KDE
    >>> takes_rows_alone(KDE)
    False
    """
    try:
        _, *taken = inspect.signature(inspect.getattr_static(cls, "fit")).parameters.values()
    except (AttributeError, TypeError, ValueError):
        return False
    needed = [p for p in taken if p.default is p.empty]
    several = any(p.kind is p.VAR_POSITIONAL for p in taken)
    return len(needed) <= 1 and not several and all(p.name != "rng" for p in taken)


def instead_of(generator: Any) -> str:
    """What to write where something stands that ``Wrapped`` is for; "" where nothing speaks against it.

    The loop would call it as no plain object can be called.
    """
    cls = generator if isinstance(generator, type) else type(generator)
    if takes_rows_alone(cls):
        seeded = cls is generator and next(iter(inspect.signature(cls).parameters), "") == "seed"
        made = cls.__name__ if seeded else "make"
        how = "" if seeded else ", where make(seed) gives a fresh one"
        return (
            f"the fit of {cls.__name__} takes rows alone; write Wrapped({made}){how}, "
            f'or Wrapped("mine.py:{made}")'
        )
    if inspect.isfunction(generator):
        name = generator.__name__
        return (
            f"the function {name} is no generator; "
            f"write Wrapped({name}) if {name}(seed) gives an object with fit(rows) and sample(n)"
        )
    return ""


def has_target(real: Any) -> bool:
    """Whether the rows have a column to be predicted."""
    return TARGET_INDEX.of(real) is not None or isinstance(TARGET.of(real), int)
