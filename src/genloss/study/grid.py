"""Grids and changes of a spec: ``{vary = [...]}`` anywhere makes cells, a dotted path changes a field."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from typing import Any

from genloss.components import plain
from genloss.errors import SpecError, bounded, shown
from genloss.experiment import Agent, Experiment
from genloss.study.columns import RESERVED
from genloss.study.registry import did_you_mean, find
from genloss.study.spec import Spec, field_hint, holds_many, slot_of, task_class
from genloss.traits import fields

Place = tuple[Any, ...]
"""A path: keys of tables and indices of lists."""


_DEEPEST = 50
"""Steps of a path: far more than parts within parts need, and few enough for whatever recurs over a spec."""


def varied(spec: Any) -> list[tuple[Place, list[Any]]]:
    """Every varied field: its path and its values.

    Raises:
        SpecError: if one is not written as it should be.
    """
    return list(_varied(spec, ()))


def _varied(spec: Any, path: Place) -> Iterator[tuple[Place, list[Any]]]:
    if len(path) > _DEEPEST:
        raise SpecError(f"{_dotted(path)}: is nested deeper than {_DEEPEST} steps; no part is")
    if isinstance(spec, dict) and "vary" in spec:
        values = spec["vary"]
        if not path:
            raise SpecError(
                f"vary: say which field varies, as in n_real = {{vary = [10, 100]}} (got {shown(values)})"
            )
        if set(spec) != {"vary"} or not isinstance(values, list) or not values:
            raise SpecError(f"{_dotted(path)}: write {{vary = [first, second]}} and nothing else in it")
        yield path, values
        return
    inside = spec.items() if isinstance(spec, dict) else enumerate(spec) if _is_list(spec) else ()
    for step, value in inside:
        yield from _varied(value, (*path, step))


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _dotted(path: Place) -> str:
    return bounded(".".join(map(str, path)))


def chosen(spec: Any, values: dict[Place, Any], path: Place = ()) -> Any:
    """A spec with one value for each varied field; what does not vary is shared with the original.

    >>> chosen({"n": {"vary": [1, 2]}, "real": "Moons"}, {("n",): 2})
    {'n': 2, 'real': 'Moons'}
    """
    if path in values:
        return copy.deepcopy(values[path])
    if isinstance(spec, dict):
        return {k: chosen(v, values, (*path, k)) for k, v in spec.items()}
    if isinstance(spec, (list, tuple)):
        return [chosen(v, values, (*path, i)) for i, v in enumerate(spec)]
    return spec


def columns_of(paths: list[Place], whole: Collection[Place] = ()) -> dict[Place, str]:
    """Column names for varied fields: the shortest end of each path that no other field shares.

    Args:
        paths: of the fields.
        whole: those that keep their whole path for a name, as a field of one agent among several: its value
            is that agent's alone.

    >>> columns_of([("agents", 0, "regime"), ("real", "dim")])
    {('agents', 0, 'regime'): 'regime', ('real', 'dim'): 'dim'}
    """
    different = list(dict.fromkeys(paths))
    names: dict[Place, str] = {}
    for path in different:
        for length in range(len(path) if path in whole else 1, len(path) + 1):
            name = ".".join(map(str, path[-length:]))
            shared = sum(path[-length:] == other[-length:] for other in different) > 1
            if not shared and name not in (*RESERVED, "agent", "generation") and not name[:1].isdigit():
                break
        names[path] = name
    return names


def set_field(spec: Spec, path: str, value: Any, trust: bool) -> None:
    """Change a field of a spec by its dotted path; a list varies it.

    Raises:
        SpecError: if there is no such field.
    """
    steps = path.split(".")
    if len(steps) > _DEEPEST:
        raise SpecError(f"{bounded(path)}: is nested deeper than {_DEEPEST} steps; no part is")
    cls: Any = task_class(spec, trust)
    if cls is Experiment and steps[0] not in fields(Experiment) and steps[0] in fields(Agent):
        agents = spec.get("agents", [])
        if len(agents) != 1:
            raise SpecError(f"{path}: there are {len(agents)} agents; say which, as in agents.0.{path}")
        steps = ["agents", "0", *steps]
    here: Any = spec
    hint: Any = None
    for i, step in enumerate(steps):
        so_far = bounded(".".join(steps[: i + 1]))
        last = i == len(steps) - 1
        key: Any = step
        if isinstance(here, (list, tuple)):
            # by its text: int() reads other scripts' digits too, and refuses thousands of them
            if step not in map(str, range(len(here))):
                raise SpecError(f"{so_far}: there is no item {bounded(step)}; there are {len(here)}")
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
            here[key] = _vary_lists(value, hint)
            return
        child = here[key] if isinstance(here, (list, tuple)) else here.get(key)
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


def _vary_lists(value: Any, hint: Any) -> Any:
    if isinstance(value, list) and (
        hint is None or not holds_many(hint) or any(isinstance(v, list) for v in value)
    ):
        return {"vary": value}
    return value


def label(value: Any) -> Any:
    """A short name for a value of a varied field.

    >>> label({"kind": "Window", "generations": 3}), label({"kind": "Replace"}), label(10)
    ('Window(generations=3)', 'Replace', 10)
    """
    value = plain(value)
    if isinstance(value, dict) and "kind" in value:
        fields = ", ".join(f"{k}={label(v)}" for k, v in value.items() if k != "kind")
        return f"{value['kind']}({fields})" if fields else value["kind"]
    if isinstance(value, (bool, int, float, str)):
        return value
    if _is_list(value):
        return f"[{', '.join(str(label(v)) for v in value)}]"
    return repr(value).removesuffix("()")
