"""What there is (the gallery, the parts of every slot) and what a study would do."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from typing import TYPE_CHECKING, Any

import click

from genloss.cli.guard import one_line
from genloss.traits import called
from genloss.wording import aligned, several

if TYPE_CHECKING:
    from genloss.study import Study


MOST_CELLS = 200
"""Cells of a study that are listed."""


def studies() -> dict[str, dict[str, str]]:
    """The studies of the gallery: title and description by name."""
    import tomllib

    from genloss.study.study import gallery

    found = {}
    for name, text in gallery().items():
        data = tomllib.loads(text)
        found[name] = {"title": str(data.get("title", "")), "about": one_line(str(data.get("about", "")))}
    return found


def slots() -> dict[str, dict[str, dict[str, Any]]]:
    """The parts of every slot: sentence and fields by name."""
    from genloss.study.registry import SLOTS, parts

    return {
        slot: {
            name: {"about": about(part), "fields": fields_of(part), "module": part.__module__}
            for name, part in sorted(parts(slot).items())
        }
        for slot in SLOTS.values()
    }


def about(part: Any) -> str:
    """The first sentence of a docstring.

    >>> about(about)
    'The first sentence of a docstring.'
    """
    text = inspect.getdoc(part) or ""
    first = one_line(text.partition("\n\n")[0])
    # "et al. (2024)" and "e.g. this" end no sentence: the next one begins with a capital
    end = re.search(r"(?<!\bal)(?<!\be\.g)[.!?](?=\s+[A-Z])", first)
    return _plain(first[: end.end()] if end else first)


def fields_of(part: Any) -> dict[str, dict[str, Any]]:
    """The fields of a part: type, and default where it has one."""
    if not dataclasses.is_dataclass(part):
        return {}
    found: dict[str, dict[str, Any]] = {}
    for f in dataclasses.fields(part):
        entry: dict[str, Any] = {"type": f.type if isinstance(f.type, str) else str(f.type)}
        if f.default is not dataclasses.MISSING:
            plain = f.default is None or isinstance(f.default, (bool, int, float, str))
            entry["default"] = f.default if plain else repr(f.default)
        elif f.default_factory is not dataclasses.MISSING:  # it follows from the fields before
            entry["default"] = called(f.default_factory)
        found[f.name] = entry
    return found


def listing(verbose: bool = False) -> str:
    """Studies and parts, as text; of a part its sentence, or all that is to be known of it."""
    from genloss.study.registry import SINGULAR, SLOTS

    lines = [click.style("Studies", bold=True) + "  run one with: genloss run NAME"]
    lines += aligned([[f"  {name}", s["title"]] for name, s in studies().items()])
    what = {
        slot: _plain(one_line(typing.cast(str, contract.__doc__).partition("\n\n")[0]))
        for contract, slot in SLOTS.items()
    }
    for slot, some in slots().items():
        lines += ["", f"{click.style(SINGULAR[slot].capitalize(), bold=True)}  {what[slot]}"]
        for name, part in some.items():
            if verbose:
                lines += [*explained(slot, name).splitlines(), ""]
                continue
            lines += [f"  {click.style(_call(name, part['fields']), fg='cyan')}", f"      {part['about']}"]
    return "\n".join(lines)


def parts_named(name: str) -> list[tuple[str, str]]:
    """The slots that have a part of this name, each with the name."""
    from genloss.study.registry import SLOTS, parts

    return [(slot, name) for slot in SLOTS.values() if name in parts(slot)]


def unknown(name: str) -> str:
    """What to say of a name that is no study's and no part's."""
    from genloss.study.registry import SLOTS, did_you_mean, parts
    from genloss.study.study import gallery

    known = {*gallery(), *(part for slot in SLOTS.values() for part in parts(slot))}
    hint = did_you_mean(name, known)
    return f"no study or part '{name}'{hint if 'did you mean' in hint else '; genloss list names them'}"


def explained(slot: str, name: str) -> str:
    """All that is to be known of a part: its docstring, its fields with what they take, and a spec."""
    from genloss.study.registry import SINGULAR, parts

    part = parts(slot)[name]
    fields = fields_of(part)
    # examples are for those who write Python, and stand in the module
    text = _plain((inspect.getdoc(part) or "").partition("\n>>>")[0].strip())
    title = f"{click.style(_call(name, fields), fg='cyan', bold=True)}  {SINGULAR[slot]}"
    rows = [
        [k, takes(f["type"]), f"default {f['default']!r}" if "default" in f else "needed"]
        for k, f in fields.items()
    ]
    lines = [title, *(f"  {line}".rstrip() for line in text.splitlines())]
    if rows:
        lines += ["", "  Fields:", *aligned(rows, indent=6)]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A docstring's text without its marks of code."""
    return re.sub(r":\w+:`~?([^`]*)`", r"\1", text).replace("`", "")


def takes(kind: str) -> str:
    """What the type of a field means to who writes a spec.

    >>> takes("Positive | Literal['scott', 'silverman']"), takes("Size | None")
    ("a number above 0, or 'scott', 'silverman'", 'a whole number from 0, or nothing')
    """
    if kind in _TAKES:
        return _TAKES[kind]
    return ", or ".join(_TAKES.get(k, re.sub(r"Literal\[(.*)\]", r"\1", k)) for k in kind.split(" | "))


_TAKES = {
    "None": "nothing",
    "HeldOut": "a number between 0 and 1",
    "Data": "a path, or in Python a frame",
    "ArrayData": "the path of a .npy file, or in Python an array",
    "Texts": "a list of texts",
    "Types": "a table of kinds by column, as in {zip = 'category'}",
    "Mark": "one character",
    "Annotated[float, Gt(0), Lt(1)]": "a number between 0 and 1",
    "Annotated[tuple[int | str, ...], MinLen(1)]": "a list of agents, by name or index, and 'real'",
    "Rows": "a whole number from 1, or a multiple of n_real as in '2x'",
    "tuple[int, ...]": "a list of whole numbers",
    "tuple[float, ...]": "a list of numbers",
    "Annotated[tuple[Agent, ...], BeforeValidator(_as_agents)]": "a list of agents",
    "Annotated[tuple[Metric, ...], BeforeValidator(_as_tuple)]": "a list of metrics",
    "Callable[[int], Any]": "in Python, a function",
    "RealData": "real data",
    "Replicates": "a whole number from 1",
    "Regime": "a regime",
    "Reward": "a reward",
    "Verifier": "a verifier",
    "Count": "a whole number from 1",
    "Size": "a whole number from 0",
    "Of": "'model' or 'published'",
    "Over": "'mean' or 'worst'",
    "Learner": "'logistic', 'boosting', or text as in 'module:name'",
    "Positive": "a number above 0",
    "NonNegative": "a number from 0",
    "Share": "a number from 0 to 1",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
}


def _call(name: str, fields: dict[str, dict[str, Any]]) -> str:
    said = [k if "default" not in f else f"{k}={f['default']!r}" for k, f in fields.items()]
    return f"{name}({', '.join(said)})"


def shown(study: Study) -> str:
    """A study's spec, and as comments what it would do: the whole is a spec again."""
    rows = [["cell", "axes", "replicates", "tiles", "what"]]
    for cell in study.cells[:MOST_CELLS]:
        said = cell.outline
        along = ((axis, k - (axis == "generation")) for axis, k in zip(said.axes, said.extents, strict=True))
        rows.append(
            [
                cell.label,
                ", ".join(several(k, axis) for axis, k in along),
                str(said.replicates),
                f"{cell.tiles} of {said.tile_size}",
                _what(cell.task),
            ]
        )
    cells, tiles = len(study.cells), sum(c.tiles for c in study.cells)
    return "\n".join(
        [
            study.toml().rstrip(),
            "",
            f"# {study.name}: {several(cells, 'cell')}, {several(tiles, 'tile')}",
            *(f"# {line}" for line in aligned(rows)),
            *([f"# and {several(cells - MOST_CELLS, 'more cell')}"] if cells > MOST_CELLS else []),
        ]
    )


def _what(task: Any) -> str:
    """What a cell does: of a loop how many real rows enter, and what flows."""
    from genloss.experiment import Experiment

    if not isinstance(task, Experiment):
        return called(task, brief=True)
    fresh = f" + {task.n_fresh} a generation" if task.n_fresh else ""
    flows = "rows" if task.statistic is None else f"statistics: {called(task.statistic)}"
    return f"{task.n_real}{fresh} real rows, drawn as {flows}"
