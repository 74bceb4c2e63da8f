"""Dotted paths in a spec: ``real.dim``, ``agents.student.regime``, and ``agents.*.regime`` for all agents."""

from __future__ import annotations

import copy
import typing
from collections.abc import Iterator
from typing import Any

from genloss.errors import SpecError, bounded, shown
from genloss.experiment import Agent, Experiment
from genloss.study.ranges import is_range
from genloss.study.registry import did_you_mean, find
from genloss.study.spec import Spec, field_hint, hint_within, holds_many, slot_of, task_class
from genloss.traits import fields

Place = tuple[Any, ...]
"""A path: keys of tables and indices of lists."""

EVERY = "*"
"""Stands in a path where an agent's index does, for all of them."""
CASES = "cases"
"""The key of the joint settings of a spec."""
DEEPEST = 50
"""Steps of a path: far more than parts within parts need, and few enough for whatever recurs over a spec."""


def dotted(place: Place) -> str:
    """A path as an error says it."""
    return bounded(".".join(map(str, place)))


def is_list(value: Any) -> bool:
    """Whether a value is a list of a spec, or a tuple of an object's."""
    return isinstance(value, (list, tuple))


def agent_names(spec: Spec) -> list[str]:
    """What results call the agents of a spec; empty for one whose name varies."""
    agents: Any = spec.get("agents")
    if not is_list(agents):
        return []
    names = [a.get("name", f"agent {i}") if isinstance(a, dict) else "" for i, a in enumerate(agents)]
    return [name if isinstance(name, str) else "" for name in names]


def steps_of(spec: Spec, path: str) -> tuple[str, ...]:
    """The steps of a dotted path, in which an agent's name is its index.

    Args:
        spec: whose agents have the names.
        path: an index goes before a name that looks like it.

    >>> spec = {"agents": [{"generator": "KDE", "name": "student"}]}
    >>> steps_of(spec, "agents.student.regime"), steps_of(spec, "real.dim")
    (('agents', '0', 'regime'), ('real', 'dim'))
    """
    first, _, rest = path.partition(".")
    steps = tuple(path.split("."))
    if first != "agents" or not rest or steps[1].isdigit():
        return steps
    # the longest first: "a.b" may be a name, and "a" another
    for name, i in sorted(((n, i) for i, n in enumerate(agent_names(spec))), key=lambda at: -len(at[0])):
        if name and (rest == name or rest.startswith(f"{name}.")):
            return ("agents", str(i), *(s for s in [rest[len(name) + 1 :]] if s for s in s.split(".")))
    return steps


def set_field(spec: Spec, path: str, value: Any, trust: bool) -> None:
    """Change a field of a spec by its dotted path; a list or a range varies it.

    Of ``agents.*.FIELD`` all agents have the same value, also where it varies.

    Raises:
        SpecError: if there is no such field, or a case sets it too.
    """
    cls: Any = task_class(spec, trust)
    if path == CASES and CASES not in fields(cls):
        spec[CASES] = value
        return
    steps = whole_path(spec, path, cls)
    for i, case in enumerate(flat_cases(spec, trust)):
        for other in case:
            theirs = whole_path(spec, other, cls)
            if len(theirs) <= len(steps) and overlap(theirs, steps):
                raise SpecError(f"{bounded(path)}: cases.{i} sets it too; change the cases, or set cases=[]")
    if steps[:2] != ("agents", EVERY):
        put(spec, steps, value, trust)
        return
    every = ".".join(steps)
    spec.pop(every, None)
    places = put_every(spec, steps, value, trust)
    here, key = places[0]
    if varies(here[key]):  # together: the varied field stands beside the agents
        spec[every] = here[key]
        for here, key in places:
            del here[key]


def overlap(a: Place, b: Place) -> bool:
    """Whether two paths lead to one field, or one of them into what the other leads to."""
    return all(x == y or EVERY in (x, y) for x, y in zip(map(str, a), map(str, b), strict=False))


def whole_path(spec: Spec, path: str, cls: Any) -> tuple[str, ...]:
    """The steps of a path, which may begin with a field of the only agent.

    Raises:
        SpecError: if it begins with an agent's field, and there are several.
    """
    steps = steps_of(spec, path)
    if cls is Experiment and steps[0] not in fields(Experiment) and steps[0] in fields(Agent):
        agents = spec.get("agents", [])
        if len(agents) != 1:
            name = next(iter(agent_names(spec)), "") or "0"
            raise SpecError(
                f"{path}: there are {len(agents)} agents; say which, as in "
                f"agents.{bounded(name) if name != 'agent 0' else 0}.{path}, or agents.*.{path} for all"
            )
        steps = ("agents", "0", *steps)
    return steps


def put_every(
    spec: Spec, steps: tuple[str, ...], value: Any, trust: bool, vary: bool = True
) -> list[tuple[Any, Any]]:
    """Change a field of every agent; gives where it stands, each as a table and a key.

    Raises:
        SpecError: if there is no such field.
    """
    agents = spec.get("agents")
    if not is_list(agents) or not agents:
        raise SpecError(f"{'.'.join(steps)}: there are no agents")
    if len(steps) < 3:
        raise SpecError("agents.*: say which field of all agents, as in agents.*.regime")
    return [
        put(spec, ("agents", str(i), *steps[2:]), copy.deepcopy(value), trust, vary)
        for i in range(len(agents))
    ]


def put(spec: Spec, steps: tuple[str, ...], value: Any, trust: bool, vary: bool = True) -> tuple[Any, Any]:
    """Change a field of a spec; gives where it stands, as a table or list and a key or index.

    Args:
        spec: is changed.
        steps: of the path, from `steps_of`.
        value: of the field.
        trust: whether code that the spec refers to may be run.
        vary: whether a list or a range varies the field.

    Raises:
        SpecError: if there is no such field.
    """
    if len(steps) > DEEPEST:
        raise SpecError(f"{dotted(steps)}: is nested deeper than {DEEPEST} steps; no part is")
    cls: Any = task_class(spec, trust)
    here: Any = spec
    hint: Any = None
    for i, step in enumerate(steps):
        so_far = dotted(steps[: i + 1])
        last = i == len(steps) - 1
        key: Any = step
        if is_list(here):
            # by its text: int() reads other scripts' digits too, and refuses thousands of them
            if step not in map(str, range(len(here))):
                raise SpecError(
                    f"{so_far}: there is no item {bounded(step)}; {_there_are(spec, steps, i, here)}"
                )
            key, cls = int(step), Agent if steps[0] == "agents" and i == 1 else cls
        elif cls is not None:
            known = list(fields(cls))
            if step == "kind" and last:
                whole = ".".join(steps[:i])
                said = bounded(value) if isinstance(value, str) else shown(value)
                raise SpecError(f"{so_far}: fields belong to a kind; set both, as in {whole}={said}")
            if step not in known:
                raise SpecError(
                    f"{so_far}: {cls.__name__} has no field '{bounded(step)}'"
                    f"{did_you_mean(step, known) if known else ''}"
                )
            hint = field_hint(cls, step)
        if last:
            here[key] = _varying(value, hint) if vary else value
            break
        child = here[key] if is_list(here) else here.get(key)
        if isinstance(child, str):
            child = here[key] = {"kind": child}
        if isinstance(child, dict) and "vary" in child:
            raise SpecError(f'{so_far}: is varied; set it whole, as in {so_far}={{kind = "Name"}}')
        if isinstance(child, tuple):
            child = here[key] = list(child)
        if not isinstance(child, (dict, list)):
            raise SpecError(
                f'{so_far}: is not given in the spec; set it whole, as in {so_far}={{kind = "Name"}}'
            )
        slot = slot_of(hint)
        if isinstance(child, dict) and slot is not None and isinstance(child.get("kind"), str):
            cls = find(slot, child["kind"], trust)
        here = child
    return here, key


def _there_are(spec: Spec, steps: tuple[str, ...], i: int, items: Any) -> str:
    names = [n for n in agent_names(spec) if n] if steps[0] == "agents" and i == 1 else []
    own = [n for k, n in enumerate(names) if n != f"agent {k}"]
    return f"there are {len(items)}" + (f", called {bounded(', '.join(own))}" if own else "")


def _varying(value: Any, hint: Any) -> Any:
    if isinstance(value, list) and (
        hint is None or not holds_many(hint) or any(isinstance(v, list) for v in value)
    ):
        return {"vary": value}
    if isinstance(value, str) and is_range(value) and takes_numbers(hint):
        return {"vary": value}
    return value


def varies(value: Any) -> bool:
    """Whether something varies in a value of a spec."""
    if isinstance(value, dict):
        return "vary" in value or any(map(varies, value.values()))
    return is_list(value) and any(map(varies, value))


def hint_at(spec: Spec, place: Place, trust: bool) -> Any:
    """The declared type of the field at a place of a spec; None where nobody knows.

    Args:
        spec: is left as it is.
        place: keys and indices.
        trust: whether code that the spec refers to may be run.
    """
    here: Any = spec
    hint: Any = None
    try:
        cls: Any = task_class(spec, trust)
        for i, step in enumerate(place):
            if is_list(here):
                hint = Agent if place[0] == "agents" and i == 1 else hint_within(hint)
            else:
                hint = None if cls is None else field_hint(cls, step)
            here, slot = here[step], slot_of(hint)
            kind = here.get("kind") if isinstance(here, dict) else None
            cls = hint if hint is Agent else None
            if slot is not None and isinstance(kind, str):
                cls = find(slot, kind, trust)
    except SpecError:  # it is said when the spec is built
        return None
    return hint


def takes_numbers(hint: Any) -> bool:
    """Whether a field of this type takes numbers."""
    return bool({int, float} & {*_kinds(hint)})


def takes_whole(hint: Any) -> bool:
    """Whether a field of this type takes whole numbers, and no others."""
    kinds = {*_kinds(hint)}
    return int in kinds and float not in kinds


def _kinds(hint: Any) -> Iterator[Any]:
    if isinstance(hint, type):
        yield hint
    elif typing.get_origin(hint) is typing.Annotated:
        yield from _kinds(typing.get_args(hint)[0])
    else:
        for option in typing.get_args(hint) if typing.get_origin(hint) is not typing.Literal else ():
            yield from _kinds(option)


def flat_cases(spec: Spec, trust: bool) -> list[dict[str, Any]]:
    """The joint settings of a spec, each by dotted path, without their names.

    Raises:
        SpecError: if they are not written as they should be.
    """
    cases = spec.get(CASES)
    if cases is None or CASES in fields(task_class(spec, trust)):
        return []
    if not is_list(cases) or not all(isinstance(c, dict) for c in cases):
        raise SpecError(f"{CASES}: write tables of fields under [[{CASES}]] (got {shown(cases)})")
    return [dict(_flat({k: v for k, v in case.items() if k != "name"})) for case in cases]


def _flat(table: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Fields by dotted path: a table that names no kind is a step of the path."""
    for key, value in table.items():
        if path.count(".") > DEEPEST:
            raise SpecError(f"{bounded(path)}: is nested deeper than {DEEPEST} steps; no part is")
        if isinstance(value, dict) and value and not {"kind", "vary"} & value.keys():
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
