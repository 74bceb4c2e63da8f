"""Grids of a spec: ``{vary = [...]}`` anywhere, fields of all agents at once, and cases of joint settings."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from genloss.components import plain
from genloss.errors import SpecError, bounded, shown
from genloss.study.columns import RESERVED
from genloss.study.paths import (
    CASES,
    DEEPEST,
    EVERY,
    Place,
    agent_names,
    dotted,
    flat_cases,
    hint_at,
    is_list,
    overlap,
    put,
    put_every,
    takes_whole,
    varies,
    whole_path,
)
from genloss.study.ranges import ranged
from genloss.study.spec import Spec, task_class

CASE = "case"
"""The column that says which case a cell is of."""


def varied(spec: Spec, trust: bool) -> list[tuple[Place, list[Any]]]:
    """Every varied field: its path and its values.

    Args:
        spec: of a task.
        trust: whether code that it refers to may be run, to see which fields take whole numbers.

    Raises:
        SpecError: if one is not written as it should be.
    """
    return [(path, _values(spec, path, values, trust)) for path, values in _varied(spec, ())]


def _values(spec: Spec, path: Place, values: Any, trust: bool) -> list[Any]:
    if not isinstance(values, str):
        return list(values)
    try:
        return list(ranged(values, takes_whole(hint_at(spec, path, trust))))
    except SpecError as error:
        raise SpecError(f"{dotted(path)}: vary: {error}") from None


def _varied(spec: Any, path: Place) -> Iterator[tuple[Place, Any]]:
    if len(path) > DEEPEST:
        raise SpecError(f"{dotted(path)}: is nested deeper than {DEEPEST} steps; no part is")
    if isinstance(spec, dict) and "vary" in spec:
        values = spec["vary"]
        if not path:
            raise SpecError(
                f"vary: say which field varies, as in n_real = {{vary = [10, 100]}} (got {shown(values)})"
            )
        if set(spec) != {"vary"} or not isinstance(values, (list, str)) or not values:
            raise SpecError(
                f"{dotted(path)}: write {{vary = [first, second]}}, or a range as in "
                f'{{vary = "10..1000 log 5"}}, and nothing else in it'
            )
        yield path, values
        return
    inside = spec.items() if isinstance(spec, dict) else enumerate(spec) if is_list(spec) else ()
    for step, value in inside:
        yield from _varied(value, (*path, step))


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


def columns_of(paths: Iterable[Place], whole: Iterable[Place] = ()) -> dict[Place, str]:
    """Column names for varied fields: the shortest end of each path that no other field shares.

    Args:
        paths: of the fields.
        whole: those that keep their whole path for a name, as a field of one agent among several: its value
            is that agent's alone.

    >>> columns_of([("agents", 0, "regime"), ("real", "dim")])
    {('agents', 0, 'regime'): 'regime', ('real', 'dim'): 'dim'}
    """
    different = list(dict.fromkeys(paths))
    alone = {*whole}
    names: dict[Place, str] = {}
    for path in different:
        for length in range(len(path) if path in alone else 1, len(path) + 1):
            name = ".".join(map(str, path[-length:]))
            shared = sum(path[-length:] == other[-length:] for other in different) > 1
            taken = (*RESERVED, "agent", "generation", CASE)
            if not shared and name not in taken and not name[:1].isdigit():
                break
        names[path] = name
    return names


@dataclass(frozen=True)
class Field:
    """A field that differs between cells.

    Args:
        path: what to call it by: of an agent its name, where it has one.
        places: where its value stands in the spec; several where all agents have it.
        values: that it takes; of a field of a case what that case gives it.
    """

    path: Place
    places: tuple[Place, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Case:
    """Fields that are set together.

    Args:
        name: what to call it; empty where the spec does not say.
        fields: each with its one value.
    """

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Design:
    """The cells of a spec, before they are built: its cases times its grid.

    Args:
        spec: in which each agent has what all of them have.
        grid: the varied fields.
        cases: of joint settings; none where the spec has none.
        trust: whether code that the spec refers to may be run.
    """

    spec: Spec
    grid: tuple[Field, ...]
    cases: tuple[Case, ...]
    trust: bool

    @classmethod
    def of(cls, spec: Spec, trust: bool) -> Design:
        """The design that a spec describes.

        Raises:
            SpecError: if it is not written as it should be.
        """
        flat = flat_cases(spec, trust)
        names = _names_of_cases(spec, flat)
        every = [key for key in spec if key.startswith(f"agents.{EVERY}.")]
        base = {k: copy.deepcopy(v) if every else v for k, v in spec.items() if k not in every}
        if flat or (CASES in spec and not spec[CASES]):
            del base[CASES]
        for key in every:
            _spread(base, key, spec[key], trust)
        grid: dict[Place, Field] = {}
        starred = [tuple(key.split("."))[2:] for key in every]
        for place, values in varied(base, trust):
            shared = any(place[2 : 2 + len(s)] == s for s in starred) and place[0] == "agents"
            path = ("agents", EVERY, *place[2:]) if shared else _called(spec, place)
            before = grid[path].places if path in grid else ()
            grid[path] = Field(path, (*before, place), tuple(values))
        task = task_class(spec, trust)
        cases = [
            _case(base, task, i, name, flat[i], [p for f in grid.values() for p in f.places])
            for i, name in enumerate(names)
        ]
        return cls(base, tuple(grid.values()), tuple(cases), trust)

    @property
    def size(self) -> int:
        """How many cells there are."""
        return max(len(self.cases), 1) * math.prod(len(f.values) for f in self.grid)

    @property
    def paths(self) -> list[Place]:
        """Of all fields that differ between cells."""
        return [f.path for f in (*self.grid, *(f for case in self.cases for f in case.fields))]

    @property
    def crowded(self) -> set[Place]:
        """Those that are one agent's among several."""
        several = len(agent_names(self.spec)) > 1
        return {p for p in self.paths if several and p[0] == "agents" and len(p) > 2 and p[1] != EVERY}

    def points(self, columns: dict[Place, str]) -> Iterator[Point]:
        """Every cell.

        Args:
            columns: the names of the fields, by path.
        """
        for case in self.cases or (None,):
            for choice in itertools.product(*(f.values for f in self.grid)):
                both = [*zip(self.grid, choice, strict=True)]
                yield Point(self, case, tuple(both), columns)


@dataclass(frozen=True)
class Point:
    """A cell of a design.

    Args:
        design: whose cell it is.
        case: the case that it is of, if the design has some.
        choice: each varied field with its value.
        columns: the names of the fields, by path.
    """

    design: Design
    case: Case | None
    choice: tuple[tuple[Field, Any], ...]
    columns: dict[Place, str]

    @property
    def varied(self) -> dict[str, Any]:
        """What tells it from other cells, by column."""
        of_case = {} if self.case is None else {CASE: self._case_name}
        return of_case | {self.columns[f.path]: label(value) for f, value in self.choice}

    @property
    def settings(self) -> dict[str, Any]:
        """What its case sets, by column."""
        some = () if self.case is None else self.case.fields
        return {self.columns[f.path]: label(f.values[0]) for f in some}

    @property
    def _case_name(self) -> str:
        assert self.case is not None
        return self.case.name or ", ".join(f"{k}={v}" for k, v in self.settings.items())

    def spec(self) -> Spec:
        """Its spec, in which nothing varies.

        Raises:
            SpecError: if a field of its case is not there.
        """
        values = {place: value for f, value in self.choice for place in f.places}
        concrete: Spec = chosen(self.design.spec, values)
        for f in () if self.case is None else self.case.fields:
            for place in f.places:
                set_in = put_every if place[1:2] == (EVERY,) else put
                set_in(concrete, tuple(map(str, place)), copy.deepcopy(f.values[0]), self.design.trust, False)
        return concrete


def _spread(base: Spec, key: str, value: Any, trust: bool) -> None:
    """Give every agent what all of them have."""
    steps = tuple(key.split("."))
    for i, agent in enumerate(base["agents"] if is_list(base.get("agents")) else ()):
        here: Any = agent
        for step in steps[2:]:
            here = here.get(step) if isinstance(here, dict) else None
        if here is not None:
            raise SpecError(f"{bounded(key)}: agents.{i} has its own; leave one of the two out")
    put_every(base, steps, value, trust, vary=False)


def _called(spec: Spec, place: Place) -> Place:
    """A place by its agent's name, where it has one of its own."""
    if place[0] != "agents" or len(place) < 2 or not str(place[1]).isdigit():
        return place
    i = int(place[1])
    names = agent_names(spec)
    name = names[i] if i < len(names) else ""
    return ("agents", i if name in ("", f"agent {i}") else name, *place[2:])


def _names_of_cases(spec: Spec, flat: Sequence[Any]) -> list[str]:
    names = [case.get("name", "") for case in spec[CASES]] if flat else []
    for i, name in enumerate(names):
        if not isinstance(name, str):
            raise SpecError(f"{CASES}.{i}.name: should be text (got {shown(name)})")
        if name and names.count(name) > 1:
            raise SpecError(f"{CASES}.{i}.name: two cases have the name '{bounded(name)}'")
        if flat[i] in flat[:i]:
            raise SpecError(f"{CASES}.{i}: sets the same as {CASES}.{flat.index(flat[i])}; leave one out")
    return names


def _case(base: Spec, task: Any, i: int, name: str, fields: dict[str, Any], grid: Iterable[Place]) -> Case:
    if not fields:
        raise SpecError(f"{CASES}.{i}: sets no field; write some, as in n_real = 50")
    found = []
    for path, value in fields.items():
        where = f"{CASES}.{i}.{bounded(path)}"
        if varies(value):
            raise SpecError(f"{where}: a case gives each field one value (got {shown(value)})")
        try:
            steps = whole_path(base, path, task)
        except SpecError as error:
            raise SpecError(f"{CASES}.{i}.{error}") from None
        if any(overlap(steps, place) for place in grid):
            raise SpecError(f"{where}: varies too; leave one of the two out")
        found.append(Field(_called(base, steps), (steps,), (value,)))
    return Case(name, tuple(found))


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
    if is_list(value):
        return f"[{', '.join(str(label(v)) for v in value)}]"
    return repr(value).removesuffix("()")
