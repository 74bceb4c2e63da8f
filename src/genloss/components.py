"""What makes a class a part: a frozen, strictly validated dataclass, so that its spec is its fields."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import wraps
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args, get_origin

import numpy as np
from annotated_types import Ge, Gt, Le
from pydantic import AllowInfNan, BeforeValidator, ConfigDict, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from genloss.errors import SpecError, shown
from genloss.slots import OCCASION, nearly
from genloss.traits import MODEL

__all__ = ["Count", "Finite", "NonNegative", "Positive", "Share", "Size", "component", "field"]

C = TypeVar("C", bound=type)


class FieldError(SpecError):
    """A part whose fields are wrong: ``fields`` has the path of each, within the part, and what is wrong."""

    def __init__(self, part: str, fields: Sequence[tuple[str, str]]) -> None:
        self.fields = list(fields)
        super().__init__(
            [f"{part}: {place}: {said}" if place else f"{part}: {said}" for place, said in fields]
        )


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def component(cls: C) -> C:
    """Make a class a part of the ring: frozen, compared by value, every field checked when it is built.

    Raises:
        SpecError: if a name in the class is nearly that of a trait (:mod:`genloss.traits`); and when built
            with an unknown field, a wrong type or a value out of range. It is a ValueError, and lists every
            problem at once.

    >>> @component
    ... class Every:
    ...     k: Count = 2
    >>> Every(k=3)
    Every(k=3)
    >>> Every(k=0)
    Traceback (most recent call last):
    genloss.components.FieldError: Every: k: input should be greater than or equal to 1 (got 0)
    """
    config = ConfigDict(strict=True, arbitrary_types_allowed=True, extra="forbid")
    made: Any = pydantic_dataclass(frozen=True, config=config)(cls)
    model = MODEL.of(made)
    found: list[tuple[type, tuple[str, str]]] = [(cls, near) for near in nearly(made)]
    found += [(model, near) for near in nearly(model, "models")] if isinstance(model, type) else []
    odd = [f"{c.__name__}.{n}: did you mean '{trait}'? if not, call it otherwise" for c, (n, trait) in found]
    if odd:
        raise SpecError(odd)
    build = made.__init__

    @wraps(build)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            build(self, *args, **kwargs)
        except ValidationError as error:
            raise FieldError(
                type(self).__name__,
                # a default that follows from a field that is wrong is no problem of its own
                [s for e in error.errors() if e["type"] != "default_factory_not_called" for s in _said(e)],
            ) from None
        found = list(misfits(self))
        if found:
            raise FieldError(type(self).__name__, found)

    made.__init__ = checked
    return made  # type: ignore[no-any-return]


def _said(error: Any) -> list[tuple[str, str]]:
    """What pydantic found, as (path, message), in our words."""
    # the names that pydantic gives to branches of a union are no part of the path
    path = [p for p in error["loc"] if isinstance(p, int) or (p.isidentifier() and p not in _BRANCHES)]
    place = ".".join(map(str, path))
    message = error["msg"].removeprefix("Value error, ")
    if not place:  # a check of the whole: its lines bring their own paths
        return [("", line) for line in message.splitlines()]
    if error["type"] == "missing":
        return [(place, "this field is needed")]
    if error["type"] == "unexpected_keyword_argument":
        return [(place, "there is no such field")]
    got = shown(error["input"])
    if error["type"] == "tuple_type":
        return [(place, f"should be a list, as in {place} = [...] (got {got})")]
    return [(place, f"{message[:1].lower()}{message[1:]} (got {got})")]


def misfits(part: Any) -> Iterator[tuple[str, str]]:
    """The fields whose value cannot be called as their contract says, each with what is wrong.

    A contract's own test looks for the name of its verb alone, which a class has too, and ``__call__`` is the
    verb of five contracts.

    Args:
        part: a component; its fields have the types that they should have.
    """
    for name, info in type(part).__pydantic_fields__.items():
        value, hint = vars(part)[name], info.annotation
        many = get_origin(hint) is tuple
        contract = get_args(hint)[0] if many else hint
        if not (isinstance(contract, type) and "_is_runtime_protocol" in vars(contract)):
            continue
        for i, one in enumerate(value if many else (value,)):
            said = _misfit(contract, one)
            if said:
                yield (f"{name}.{i}" if many else name), said


def _misfit(contract: type, one: Any) -> str:
    if isinstance(one, type):
        return f"{one.__name__} is a class; write {one.__name__}()"
    for verb, wanted in vars(contract).items():
        if not inspect.isfunction(wanted) or (verb.startswith("_") and verb != "__call__"):
            continue
        given = list(inspect.signature(wanted).parameters)[1:]
        own = one if verb == "__call__" else inspect.getattr_static(type(one), verb, None)
        try:
            taken = inspect.signature(own)
            skip = [] if own is one else [None]
            also = {OCCASION: None} if OCCASION in taken.parameters else {}
        except (TypeError, ValueError):  # what has no signature is not judged
            continue
        try:
            taken.bind(*skip, *given, **also)
        except TypeError:
            name = type(one).__name__ if own is not one or not inspect.isfunction(one) else one.__name__
            call = f"{verb}({', '.join(given)})" if verb != "__call__" else f"({', '.join(given)})"
            return f"{name} cannot be called as a {contract.__name__} is, by {call}"
    return ""


_BRANCHES = ("int", "float", "str", "bool")


def plain(value: Any) -> Any:
    """NumPy scalars as Python's: users write ``for n in np.geomspace(...).astype(int)``."""
    return value.item() if isinstance(value, np.generic) else value


_plain = BeforeValidator(plain)
# what NumPy counts with must hold it, and the total of many generations
Count = Annotated[int, _plain, Ge(1), Le(10**15)]
_MULTIPLE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)x", re.ASCII)


def _as_rows(value: Any) -> Any:
    value = plain(value)
    multiple = _MULTIPLE.fullmatch(value) if isinstance(value, str) else None
    if multiple is not None and float(multiple[1]) > 0:
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**15:
        raise ValueError('should be a whole number from 1, or a multiple of n_real as in "2x"')
    return value


def rows_for(rows: int | str | None, n_real: int) -> int:
    """How many rows are meant: a number, a multiple of the first real rows, or as many as these.

    >>> rows_for(30, 100), rows_for("0.25x", 100), rows_for(None, 100)
    (30, 25, 100)
    """
    if isinstance(rows, str):
        return max(round(float(rows.removesuffix("x")) * n_real), 1)
    return rows or n_real


Rows = Annotated[int | str, BeforeValidator(_as_rows)]
Replicates = Annotated[int, _plain, Ge(1), Le(10**7)]
Size = Annotated[int, _plain, Ge(0), Le(10**15)]
Finite = Annotated[float, _plain, AllowInfNan(False)]
Positive = Annotated[float, _plain, Gt(0), AllowInfNan(False)]
NonNegative = Annotated[float, _plain, Ge(0), AllowInfNan(False)]
Share = Annotated[float, _plain, Ge(0), Le(1)]
