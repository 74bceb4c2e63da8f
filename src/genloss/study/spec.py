"""Specs to objects and back: one recursive function builds every part from ``{kind = "Name", **fields}``."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing
from functools import cache
from typing import Any

from genloss.components import FieldError, plain
from genloss.errors import GenlossError, SpecError, bounded, said_by
from genloss.experiment import Agent, Experiment
from genloss.extend import load, reference_of
from genloss.fitting import instead_of
from genloss.protocols import Task
from genloss.study.registry import SINGULAR, SLOTS, did_you_mean, find, parts, trusted

Spec = dict[str, Any]
DEFAULT = "Experiment"
"""The kind of a task that does not say its own."""
_FAILED = object()


def build(spec: Spec, trust: bool = False) -> Any:
    """The experiment, or other task, that a spec describes; what is an object already is taken as it is.

    Raises:
        SpecError: with every problem at once, each with its dotted path.
    """
    found: list[str] = []
    made = _construct(
        task_class(spec, trust), {k: v for k, v in spec.items() if k != "kind"}, "", found, trust
    )
    if found:
        raise SpecError(found)
    return made


def task_class(spec: Spec, trust: bool) -> Any:
    """The class of what a spec describes: an experiment where it does not say its kind.

    Raises:
        SpecError: if there is no such kind.
    """
    kind = spec.get("kind", DEFAULT)
    if isinstance(kind, type):  # from Python
        return kind
    if not isinstance(kind, str):
        raise SpecError(f"kind: should be the name of a task (got {kind!r:.60})")
    try:
        return find("tasks", kind, trust)
    except SpecError as error:
        raise SpecError([f"kind: {problem}" for problem in error.problems]) from None


def build_part(slot: str, spec: Any, trust: bool = False) -> Any:
    """The part of a slot that a spec describes: ``{"kind": "Window", "generations": 3}``, or "Replace".

    Raises:
        SpecError: with every problem at once.
    """
    found: list[str] = []
    made = _build_part(slot, spec, SINGULAR[slot], found, trust)
    if found:
        raise SpecError(found)
    return made


def dump(value: Any, hint: Any = Task) -> Any:
    """The spec of a task or part: fields that have their default are left out.

    Raises:
        SpecError: if it holds something that a spec cannot name, such as a lambda.
    """
    slot = slot_of(hint)
    if slot == "tasks":
        said = _dump_part(value, slot)
        return {k: v for k, v in said.items() if (k, v) != ("kind", DEFAULT)}
    if slot is not None:
        return _dump_part(value, slot)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields_of(value)
    if isinstance(value, (tuple, list)):
        return [dump(v, hint_within(hint)) for v in value]
    if callable(value):
        return reference_of(value)
    return value


def as_spec(value: Any) -> Any:
    """A spec with every object in it turned into its own spec.

    Raises:
        SpecError: if one of them cannot be named.
    """
    if isinstance(value, dict):
        return {k: as_spec(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [as_spec(v) for v in value]
    value = plain(value)
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Agent):
        return _fields_of(value)
    if isinstance(value, Experiment):
        return dump(value)
    if isinstance(value, type):
        return reference_of(value)
    ours = (slot for slot in SLOTS.values() if type(value) in parts(slot).values())
    return _dump_part(value, next(ours, ""))


def _dump_part(part: Any, slot: str) -> Any:
    if isinstance(part, (dict, str)):
        return part
    cls = part if isinstance(part, (type, types.FunctionType)) else type(part)
    known = {c: name for name, c in parts(slot).items()} if slot else {}
    kind = known.get(cls) or reference_of(cls)
    if not dataclasses.is_dataclass(part) or isinstance(part, type):
        if cls is not part:
            raise SpecError(
                f"{kind}: only frozen dataclasses can stand in a spec; decorate the class with @component"
            )
        return {"kind": kind}
    return {"kind": kind, **_fields_of(part)}


def _fields_of(thing: Any) -> Spec:
    cls: Any = type(thing)
    hints = _hints(cls)
    out: Spec = {}
    for f in dataclasses.fields(thing):
        value = getattr(thing, f.name)
        if value is None or (f.default is not dataclasses.MISSING and value == f.default):
            continue
        out[f.name] = dump(value, hints[f.name])
    return out


# -- building --------------------------------------------------------------------------------------


def _build(hint: Any, value: Any, path: str, found: list[str], trust: bool) -> Any:
    slot = slot_of(hint)
    hint = _plain_hint(hint)
    try:
        if slot is not None:
            return _build_part(slot, value, path, found, trust)
        if hint is Agent and isinstance(value, dict):
            return _construct(Agent, value, path, found, trust)
        if isinstance(value, str) and _is_reference(hint) and (":" in value or not _words(hint)):
            trusted(value, trust)
            load(value)
            return value
    except GenlossError as error:
        found += [f"{path}: {line}" for line in str(error).splitlines()]
        return _FAILED
    if isinstance(value, (list, tuple)):
        inner = hint_within(hint)
        made = tuple(_build(inner, v, f"{path}.{i}", found, trust) for i, v in enumerate(value))
        return _FAILED if any(m is _FAILED for m in made) else made
    return value


def _build_part(slot: str, value: Any, path: str, found: list[str], trust: bool) -> Any:
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, dict):
        # an object that is there already, from Python; what is no part at all, the dataclass will say
        return value
    if not isinstance(value.get("kind"), str):
        hint = f"; there are {', '.join(sorted(parts(slot)))}"
        raise SpecError(f'a {SINGULAR[slot]} needs its kind, as in {{kind = "Name"}}{hint}')
    cls = find(slot, value["kind"], trust)
    fields = {k: v for k, v in value.items() if k != "kind"}
    if slot == "generators" and ":" in value["kind"] and (instead := instead_of(cls)):
        wrapped = f'{{ kind = "Wrapped", make = "{bounded(value["kind"])}" }}'
        raise SpecError(f"{instead.partition('; ')[0]}; write {wrapped} if it takes a seed")
    if isinstance(cls, types.FunctionType):
        if fields:
            got = bounded(", ".join(fields))
            raise SpecError(f"{bounded(value['kind'])} is a function and takes no fields (got {got})")
        return cls
    return _construct(cls, fields, path, found, trust)


def _construct(cls: Any, fields: Spec, path: str, found: list[str], trust: bool) -> Any:
    """An object of a class from a table of fields, or _FAILED with the problems noted."""
    dot = f"{path}." if path else ""
    before = len(found)
    hints = _hints(cls)
    known = [f.name for f in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else list(fields)
    made: Spec = {}
    for name, value in fields.items():
        if name not in known:
            of = SINGULAR.get(path, cls.__name__) if path else cls.__name__.lower()
            hint = did_you_mean(name, known) if known else "; it has no fields"
            found.append(f"{dot}{bounded(name)}: {of} has no field '{bounded(name)}'{hint}")
            continue
        made[name] = _build(hints.get(name, Any), value, f"{dot}{name}", found, trust)
    failed = {name for name, value in made.items() if value is _FAILED}
    try:
        thing = cls(**{name: value for name, value in made.items() if name not in failed})
    except FieldError as error:
        for place, said in error.fields:
            if place.split(".")[0] not in failed:
                found.append(f"{dot}{place}: {said}" if place else f"{dot}{said}")
        return _FAILED
    except GenlossError as error:
        found += [f"{dot.rstrip('.') or cls.__name__.lower()}: {line}" for line in str(error).splitlines()]
        return _FAILED
    except (TypeError, ValueError) as error:
        found.append(f"{dot.rstrip('.')}: {cls.__name__}: {said_by(error)}")
        return _FAILED
    return _FAILED if len(found) > before else thing


# -- type hints ------------------------------------------------------------------------------------


@cache
def _hints(cls: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(cls):
        return {}
    return typing.get_type_hints(cls, include_extras=True)


def field_hint(cls: Any, name: str) -> Any:
    """The declared type of a field of a class, or None."""
    return _hints(cls).get(name)


def _plain_hint(hint: Any) -> Any:
    """Without Annotated, and without "or None" around something else."""
    while typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        some = [a for a in typing.get_args(hint) if a is not type(None)]
        if len(some) == 1:
            return _plain_hint(some[0])
    return hint


def slot_of(hint: Any) -> str | None:
    """The slot of a field's type, where it holds a part."""
    plain = _plain_hint(hint)
    return SLOTS.get(plain) if isinstance(plain, type) else None


def hint_within(hint: Any) -> Any:
    """The type of what a list of this type holds."""
    return next((a for a in typing.get_args(_plain_hint(hint)) if a is not Ellipsis), Any)


def holds_many(hint: Any) -> bool:
    """Whether a field holds a list."""
    return typing.get_origin(_plain_hint(hint)) is tuple


def _is_reference(hint: Any) -> bool:
    return any(typing.get_origin(o) is collections.abc.Callable for o in _options(hint))


def _words(hint: Any) -> list[Any]:
    """The words that a field's type names beside all else: they refer to nothing."""
    named = (o for o in _options(hint) if typing.get_origin(o) is typing.Literal)
    return [word for option in named for word in typing.get_args(option)]


def _options(hint: Any) -> tuple[Any, ...]:
    either = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if either else (hint,)
