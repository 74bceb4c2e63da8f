"""A study: one or more experiments, each a grid of cells."""

from __future__ import annotations

import copy
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from genloss.components import field, plain
from genloss.errors import SpecError, said_by
from genloss.experiment import Experiment
from genloss.slots import slot_of_class
from genloss.study.cells import Cell
from genloss.study.columns import check_axes
from genloss.study.grid import Design, Point, columns_of
from genloss.study.paths import CASES, set_field
from genloss.study.ranges import MOST as MOST_CELLS
from genloss.study.ranges import is_range
from genloss.study.registry import did_you_mean
from genloss.study.spec import Spec, as_spec, build, task_class
from genloss.study.writing import key_of, toml_of
from genloss.tables import kept
from genloss.traits import HEADING, fields

_MOST_PROBLEMS = 50
"""Problems of a study after which no more are looked for."""


@dataclass(frozen=True, eq=False)
class Study:
    """Independent cells, from a spec file, a gallery name, or objects.

    Args:
        experiments: specs by name, in which ``{"vary": [...]}`` may stand for any value.
        name: what to call the run folder.
        title: what to call it in a report.
        about: a few sentences for the report.
        trust: whether code that the spec refers to may be run.
    """

    experiments: Mapping[str, Spec]
    name: str = "study"
    title: str = ""
    about: str = ""
    trust: bool = field(default=False, repr=False)

    @classmethod
    def of(
        cls,
        thing: Study | Any | Spec | Mapping[str, Any],
        vary: Mapping[str, str | Sequence[Any]] | None = None,
        trust: bool = False,
        name: str = "study",
        cases: Sequence[Mapping[str, Any]] | None = None,
    ) -> Study:
        """A study of one experiment, or of several by name.

        Args:
            thing: an experiment or other task, a spec, or a dict of them by name.
            vary: values for fields by dotted path, as in ``{"n_real": "10..1000 log 5", "regime": [Replace(),
                Accumulate()]}``; ``"agents.*.regime"`` is that of all agents at once.
            trust: whether code that a spec refers to may be run; that of objects was already.
            name: what to call the run folder.
            cases: fields by dotted path that are set together, each case with a "name" if it is to have one:
                ``[{"n_real": 25, "n": 75}, {"n_real": 50, "n": 50}]``.
        """
        if isinstance(thing, Study):
            made = replace(thing, trust=thing.trust or trust)
        elif _is_task(thing):
            made = cls({"": _spec_of(thing)}, name, HEADING.of(thing), trust=True)
        elif not isinstance(thing, Mapping) or not all(isinstance(k, str) for k in thing):
            raise SpecError(
                f"a study is an Experiment, a spec, a dict of these by name, or a Study (got {thing!r:.60})"
            )
        elif "experiments" in thing:
            made = parse(dict(thing), name, trust)
        elif all(_is_task(v) or isinstance(v, Mapping) for v in thing.values()) and not isinstance(
            thing.get("agents"), Mapping
        ):  # several by name, of which one may be called "agents"
            specs = {k: _spec_of(v) if _is_task(v) else dict(v) for k, v in thing.items()}
            trust = trust or all(_is_task(v) for v in thing.values())
            made = cls(specs, name, trust=trust)
        else:
            made = cls({"": dict(thing)}, name, str(thing.get("title", "")), trust=trust)
        return made.varying(vary, cases)

    def varying(
        self,
        vary: Mapping[str, str | Sequence[Any]] | None = None,
        cases: Sequence[Mapping[str, Any]] | None = None,
    ) -> Study:
        """The study with more varied fields, and cases; both as :meth:`of` has them.

        Raises:
            SpecError: if there is no such field, or its values are no list.
        """
        made = self
        for path, values in (vary or {}).items():
            if isinstance(values, str) and is_range(values):
                made = made.set(path, {"vary": values})
                continue
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise SpecError(f"vary: {path}: give the values in a list (got {values!r})")
            made = made.set(path, {"vary": [_named(v) for v in values]})
        if cases is not None:
            made = made.set(CASES, [{path: _named(v) for path, v in case.items()} for case in cases])
        return made

    @classmethod
    def load(cls, source: str | Path, trust: bool = False) -> Study:
        """A study from a TOML file, or from the gallery by name.

        Raises:
            SpecError: if there is none, or it is not TOML.
        """
        text, name = _read(str(source))
        kept.look_in(Path(source).parent)  # where it is a run's, whose data lie beside it
        return read(text, str(source), name, trust)

    def set(self, path: str, value: Any) -> Study:
        """The study with a field changed, in the experiment that the path begins with, or in all.

        A list varies the field, unless it holds a list. "generator", "regime" and the other fields of an
        agent are the only agent's.

        Raises:
            SpecError: if there is no such field.
        """
        first, _, rest = path.partition(".")
        names = [first] if first in self.experiments and rest else list(self.experiments)
        experiments = dict(self.experiments)
        for name in names:
            experiments[name] = copy.deepcopy(experiments[name])
            set_field(
                experiments[name], rest if first in self.experiments and rest else path, value, self.trust
            )
        return Study(experiments, self.name, self.title, self.about, self.trust)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell, built and checked.

        Raises:
            SpecError: with the problems of every cell, each problem once.
        """
        if not self.experiments:
            raise SpecError("a study needs at least one experiment")
        designs = self._designs()
        paths = [path for design in designs.values() for path in design.paths]
        cells: list[Cell] = []
        found: dict[str, None] = {}
        for name, design in designs.items():
            for point in design.points(columns_of(paths, design.crowded)):
                try:
                    cells.append(self._built(len(cells), name, point))
                except SpecError as error:
                    prefix = f"experiments.{name}." if name else ""
                    found |= dict.fromkeys(prefix + problem for problem in error.problems)
                    if len(found) > _MOST_PROBLEMS:
                        raise SpecError(list(found)) from None
        if found:
            raise SpecError(list(found))
        return tuple(cells)

    def _built(self, index: int, name: str, point: Point) -> Cell:
        """The cell of a point of an experiment's design."""
        concrete, varied = point.spec(), point.varied
        if not name and "title" not in fields(task_class(concrete, self.trust)):
            concrete.pop("title", None)  # it is the study's
        task = build(concrete, self.trust)
        check_axes(task.axes)
        if odd := varied.keys() & {*task.axes}:
            raise SpecError(f"{odd.pop()}: varies, and an axis has that name; call it otherwise")
        cell = Cell(index, name, varied, task, concrete, settings=point.settings)
        _ = cell.outline  # a task that cannot say what its values mean is told of here
        return cell

    def _designs(self) -> dict[str, Design]:
        """The design of each experiment; those of too many cells are refused before they are built."""
        designs = {}
        for name, spec in self.experiments.items():
            try:
                designs[name] = Design.of(spec, self.trust)
            except SpecError as error:
                where = f"experiments.{name}." if name else ""
                raise SpecError([where + problem for problem in error.problems]) from None
        if sum(d.size for d in designs.values()) > MOST_CELLS:
            name, most = max(designs.items(), key=lambda item: item[1].size)
            where = f"experiments.{name}: " if name else ""
            raise SpecError(
                f"{where}the varied fields make {most.size:,} cells; a study has at most {MOST_CELLS:,}: "
                f"vary fewer fields, or make several studies of it"
            )
        return designs

    def toml(self) -> str:
        """The spec, as a file would have it.

        Raises:
            SpecError: if it holds something that a spec cannot name.
        """
        head = {k: v for k, v in (("title", self.title), ("about", self.about)) if v}
        specs = {name: as_spec(spec) for name, spec in self.experiments.items()}
        if list(specs) == [""]:
            return toml_of({**head, **specs[""]})
        return toml_of(head) + "".join(
            f"\n[experiments.{key_of(name)}]\n{toml_of(spec)}" for name, spec in specs.items()
        )


def read(text: str, source: str, name: str, trust: bool = False) -> Study:
    """The study in a text of TOML.

    Args:
        text: of a file.
        source: what to call the file where it is wrong.
        name: of the study.
        trust: whether code that it refers to may be run.

    Raises:
        SpecError: if it is not TOML, or no study.
    """
    try:
        return parse(tomllib.loads(text), name, trust)
    except RecursionError:
        raise SpecError(f"{source}: not TOML that can be read: it is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{source}: not TOML: {said_by(error)}") from None
    except SpecError:
        raise
    except ValueError as error:  # what TOML lets stand and Python does not read: thousands of digits
        raise SpecError(f"{source}: not TOML that can be read: {said_by(error)}") from None


def parse(data: Spec, name: str, trust: bool = False) -> Study:
    """The study in the contents of a file.

    Raises:
        SpecError: if its top level is not that of a study.
    """
    title, about = str(data.get("title", "")), " ".join(str(data.get("about", "")).split())
    if "experiments" not in data:
        return Study({"": {k: v for k, v in data.items() if k != "about"}}, name, title, about, trust)
    odd = sorted(data.keys() - {"title", "about", "experiments"})
    if odd:
        raise SpecError(
            f"{odd[0]}: a study of several experiments has only title, about and experiments at its top"
        )
    experiments = data["experiments"]
    if not isinstance(experiments, dict) or not all(isinstance(e, dict) for e in experiments.values()):
        raise SpecError("experiments: each needs a table of its own, as in [experiments.gaussian]")
    return Study(experiments, name, title, about, trust)


def gallery() -> dict[str, str]:
    """The named studies that genloss brings: their text by name."""
    root = resources.files("genloss.study") / "gallery"
    found = {}
    for folder, prefix in ((root, ""), *((d, f"{d.name}/") for d in root.iterdir() if d.is_dir())):
        for file in folder.iterdir():
            if file.name.endswith(".toml"):
                found[prefix + file.name.removesuffix(".toml")] = file.read_text(encoding="utf-8")
    return dict(sorted(found.items()))


# -- files -----------------------------------------------------------------------------------------


def _read(source: str) -> tuple[str, str]:
    path = Path(source)
    if os.path.isfile(path):  # Path.is_file raises where a name is too long
        try:
            return path.read_text(encoding="utf-8"), path.stem
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(f"{source}: cannot be read: {error}") from None
    known = gallery()
    if source in known:
        return known[source], source.replace("/", "-")
    if source.endswith(".toml"):
        what = "is a folder; give a spec file" if os.path.isdir(path) else "there is no such file"
        raise SpecError(f"{source}: {what}")
    raise SpecError(f"no study '{source}'{did_you_mean(source, known)}")


def _named(thing: Any) -> Any:
    """The spec of a part, or the part itself where it has no name: it then runs in this process."""
    try:
        return as_spec(thing)
    except SpecError:
        return plain(thing)


def _is_task(thing: Any) -> bool:
    return not isinstance(thing, type) and slot_of_class(type(thing)) == "tasks"


def _spec_of(task: Any) -> Spec:
    spec = _named(task)
    if isinstance(spec, dict):
        return spec

    def given(of: Any) -> Spec:
        return {f: v for f, v in vars(of).items() if f in fields(of) and v is not None}

    if not isinstance(task, Experiment):
        return {"kind": type(task), **given(task)}
    return {**given(task), "agents": [given(a) for a in task.agents]}
