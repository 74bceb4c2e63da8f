"""What a class is meant to be: the slot that its verb tells, and names in it that are nearly traits."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from genloss.traits import fields, known_names, traits


def slot_of_class(cls: type) -> str | None:
    """The slot that a class's verb tells, or None: "tasks", "real", "generators", ..., "verifiers".

    >>> class Odd:
    ...     def __call__(self, pool, rng): ...
    >>> slot_of_class(Odd)
    'regimes'
    """
    if {"axes", "records"} <= {*dir(cls)}:
        return "tasks"
    if {"draw", "holdout"} <= {*dir(cls)}:
        return "real"
    verb = next((vars(c)["__call__"] for c in cls.__mro__ if "__call__" in vars(c)), None)
    found = None if verb is None else slot_of_call(verb, 1)
    return "generators" if found is None and "fit" in dir(cls) else found


def slot_of_call(verb: Any, skip: int = 0) -> str | None:
    """The slot of a call by the arguments that it takes, after the first few."""
    try:
        parameters = list(inspect.signature(verb).parameters.values())[skip:]
    except (TypeError, ValueError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    wanted = [p for p in parameters if p.kind in positional and p.default is p.empty]
    taken = [p.name for p in wanted if p.name != OCCASION]
    rows = taken[:1] in (["rows"], ["x"])
    if len(taken) == 1:
        return "rewards" if rows else "metrics"
    if len(taken) == 2:
        return "verifiers" if rows else "regimes"
    return "curators" if len(taken) == 4 else None


OCCASION = "occasion"
"""The argument by which a regime or a curator asks for the generation, the agent and the pool."""


def nearly(cls: type, slot: str | None = None) -> Iterator[tuple[str, str]]:
    """Names in a part's class that are nearly traits of its slot, each with the trait.

    Traits of up to five letters are not held against fields, which may be called ``modes``; those of up to
    four only against names whose letters were put in another order.

    Args:
        cls: the class.
        slot: of the part; by default what its verb tells.

    >>> class Odd:
    ...     instead_of_row = ()
    ...     def __call__(self, seen): ...
    >>> list(nearly(Odd))
    [('instead_of_row', 'instead_of_rows')]
    """
    slot = slot or slot_of_class(cls)
    known = traits(slot) if slot else {}
    names = {
        n for c in cls.__mro__[:-1] for n in (*vars(c), *inspect.get_annotations(c)) if not n.startswith("_")
    }
    own, others = fields(cls), known_names()
    for name in sorted(names - others):
        for trait in known:
            a, b = _bare(name), _bare(trait)
            if a == b or (len(trait) > (5 if name in own else 3) and _mistyped(a, b)):
                yield name, trait
                break


def _bare(name: str) -> str:
    return name.lower().replace("_", "")


def _mistyped(name: str, trait: str) -> bool:
    """Whether a letter or two make the difference, or two neighbours stand in the wrong order."""
    if sorted(name) == sorted(trait) and _distance(name, trait) == 2:
        return True
    return _distance(name, trait) <= (2 if len(trait) >= 8 else 1 if len(trait) >= 5 else 0)


def _distance(a: str, b: str) -> int:
    """Letters to put in, leave out or change (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]
