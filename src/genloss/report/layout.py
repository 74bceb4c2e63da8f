"""Which of an experiment's varied fields is colour, which make small multiples, which a selector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genloss.errors import SpecError
from genloss.report.colours import palette, sequential
from genloss.study.cells import Cell
from genloss.study.choosing import meant
from genloss.study.registry import did_you_mean

AGENT, REGIME = "agent", "regime"
# small multiples side by side before they become unreadable
_PANELS = 6
_BESIDE = 4


@dataclass(frozen=True)
class Layout:
    """How the cells and agents of one experiment are told apart.

    Args:
        cells: of the experiment.
        colour: the field that is colour, a varied one or "agent"; None with a single line.
        levels: values of the colour in order, as text; with a single line its regime.
        facets: at most two fields that make small multiples; a few agents always do.
        selectors: the fields that are left.
        values: of every field in order, as text.
    """

    cells: tuple[Cell, ...]
    colour: str | None
    levels: tuple[str, ...]
    facets: tuple[str, ...]
    selectors: tuple[str, ...]
    values: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, cells: Sequence[Cell], by: Sequence[str] = ()) -> Layout:
        """The layout of an experiment's cells.

        Args:
            cells: of the experiment.
            by: the fields that are colour and at most two facets, where that is not left to the layout;
                "regime" will do for "agents.1.regime".

        Raises:
            SpecError: if one of these tells no lines apart.
        """
        found = {
            field: _ordered(c.varied[field] for c in cells if field in c.varied)
            for field in dict.fromkeys(k for c in cells for k in c.varied)
        }
        values = {field: some for field, some in found.items() if len(some) > 1}
        lines = [line for c in cells for line in c.outline.lines]
        for field in dict.fromkeys(f for line in lines for f in line if f != REGIME):
            some = tuple(dict.fromkeys(plain(line[field]) for line in lines if field in line))
            if len(some) > 1:
                values[field] = some
        agents = values.get(AGENT, ())
        regimes = sorted((f for f in values if f.rpartition(".")[2] == REGIME), key=len)
        colour = next(iter(regimes), None) or (AGENT if AGENT in values else next(iter(values), None))
        rest = sorted((f for f in values if f != colour), key=lambda f: len(values[f]) > _PANELS)
        if len(agents) <= _BESIDE:  # agents of one pool are to be compared: never behind a choice
            rest.sort(key=lambda f: f != AGENT)
        few = [f for f in rest if len(values[f]) <= _PANELS][:2]
        if by:
            asked = [_meant(f, values) for f in by]
            colour, few = asked[0], asked[1:3]
            rest = [f for f in values if f != colour]
        alone = cells[0].outline.lines[0].get(REGIME, "").partition("(")[0]
        return cls(
            tuple(cells),
            colour,
            values[colour] if colour else (alone,),
            tuple(few),
            tuple(f for f in rest if f not in few),
            values,
        )

    def of_line(self, cell: Cell, agent: int, field: str) -> str:
        """What a line has of a field, as text; the regime is its own agent's."""
        own = cell.outline.lines[agent]
        if field in own and not (field == REGIME and field in self.values):
            return plain(own[field])
        return plain(cell.varied.get(field, "–"))

    def level(self, cell: Cell, agent: int) -> str:
        """The colour of a line, as text."""
        return self.of_line(cell, agent, self.colour) if self.colour else self.levels[0]

    def rest(self, cell: Cell, agent: int, without: str = "") -> str:
        """What else tells a line from others: "n_real=10, dim=3"."""
        fields = (f for f in (*self.facets, *self.selectors) if f != without)
        return ", ".join(f"{f}={self.of_line(cell, agent, f)}" for f in fields)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The varied fields that are numbers throughout, those of most values first."""
        some = {f: [c.varied.get(f) for c in self.cells] for f in self.values}
        return _numeric(some)

    @property
    def of_cases(self) -> tuple[str, ...]:
        """The fields that every case sets to a number, those of most values first."""
        fields = dict.fromkeys(f for c in self.cells for f in c.settings)
        return _numeric({f: [c.settings.get(f) for c in self.cells] for f in fields})

    def plane(self, x: str, y: str) -> tuple[str, str]:
        """The two fields of a map, each as asked for or, where that is "", one of most values.

        Raises:
            SpecError: if there are no two such fields of numbers.
        """
        numbers = [*self.numbers, *self.of_cases]
        many = "these are" if len(numbers) > 1 else "there is only"
        known = f"{many} {', '.join(numbers)}" if numbers else "there is none"
        both = []
        for field in (x, y):
            found = meant(field, numbers) if field else [""]
            if len(found) != 1:
                raise SpecError(f"'{field}' is no varied field of numbers; {known}")
            both += found
        if both[0] and both[0] == both[1]:
            raise SpecError(f"x and y are both {both[0]}, and a map needs two fields of numbers; {known}")
        if len(numbers) < 2:
            raise SpecError(f"a map needs two varied fields of numbers; {known}")
        rest = [f for f in numbers if f not in both]
        return both[0] or rest.pop(0), both[1] or rest.pop(0)

    @property
    def beside(self) -> str:
        """The field of the agents where their data fits side by side and colour is another field; else ""."""
        agents = AGENT in self.facets and len(self.values[AGENT]) <= _BESIDE
        return AGENT if agents and len(self.values[AGENT]) * len(self.levels) <= 2 * _BESIDE else ""

    @property
    def lines(self) -> list[tuple[Cell, int]]:
        """Every cell and line in it: of a loop its agents."""
        return [(c, i) for c in self.cells for i in range(len(c.outline.lines))]

    @property
    def colours(self) -> tuple[str, ...]:
        """Of the levels.

        The regime of one agent among several ("agents.1.regime") also colours lines that have another: no
        regime's own colour may stand for it.
        """
        if self.colour not in (None, REGIME) and self.colour.rpartition(".")[2] == REGIME:
            return sequential(len(self.levels))
        return palette(self.levels, self.colour in (None, REGIME))


def _numeric(some: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """The fields whose values are all numbers, and not all one, those of most values first."""
    found = {
        f: len({*values})
        for f, values in some.items()
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) and v == v for v in values)
    }
    return tuple(sorted((f for f, k in found.items() if k > 1), key=lambda f: -found[f]))


def _meant(field: str, values: Mapping[str, Any]) -> str:
    """The one field that is meant.

    Raises:
        SpecError: if there is none, or more than one.
    """
    found = meant(field, values)
    if len(found) != 1:
        what = did_you_mean(field, values) if values else "; nothing does"
        raise SpecError(f"'{field}' tells no lines apart{what}")
    return found[0]


NO_SPACE = "\u200b"
_OF_OBJECTS = (
    *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString"),
    *("valueOf", "__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"),
)


def plain(label: object) -> str:
    r"""A label as Vega's expressions can hold it.

    On one line, for there a string may not hold a line's end, as U+2028 is one; and with a space of no width
    after what JavaScript's objects have themselves, for Vega looks up an expression's texts in an object.

    >>> plain("a\u2028b"), plain("constructor")
    ('a b', 'constructor\u200b')
    """
    text = " ".join(str(label).split())
    return text + NO_SPACE if text in _OF_OBJECTS else text


def _ordered(values: Any) -> tuple[str, ...]:
    """Distinct values as text: numbers by size, others in the order of the spec."""
    distinct = list(dict.fromkeys(values))
    if all(isinstance(v, (int, float)) for v in distinct):
        distinct.sort()
    return tuple(dict.fromkeys(map(plain, distinct)))
