"""From what stands on a command line to a study: names and files, ``--set path=value``, run folders."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.errors import SpecError, bounded, said_by

if TYPE_CHECKING:
    from genloss.study import Results, Study

# quoted text, or a word that stands where a value would, inside a list or an inline table
_BARE = re.compile(r"""("[^"]*"|'[^']*')|(?<=[\[,=])(\s*)([A-Za-z_][\w./:-]*)(?=\s*[,\]}])""")
_WORDS_OF_TOML = {"true", "false", "inf", "nan"}


def parse_value(text: str) -> Any:
    """A TOML value, in which bare words are text.

    Raises:
        SpecError: if it begins as a list, a table or a quoted text and does not end as one, or is nested too
            deeply to be read.

    >>> parse_value("3"), parse_value("Replace"), parse_value("[Replace, Accumulate]")
    (3, 'Replace', ['Replace', 'Accumulate'])
    >>> parse_value("[{kind=Window, generations=3}, 'Replace']")
    [{'kind': 'Window', 'generations': 3}, 'Replace']
    """

    def quoted(match: re.Match[str]) -> str:
        text, space, word = match.groups()
        if text:
            return str(text)
        return f"{space}{word}" if word in _WORDS_OF_TOML else f'{space}"{word}"'

    text = text.strip()
    problem = ""
    for attempt in (text, _BARE.sub(quoted, text)):
        try:
            found = tomllib.loads(f"value = {attempt}")
        except RecursionError:
            raise SpecError(f"{bounded(text)} is nested too deeply") from None
        except ValueError as error:  # no TOML, or an integer of thousands of digits
            problem = problem or said_by(error)
        else:
            if found.keys() == {"value"}:
                return found["value"]
    if text[:1] in tuple("[{\"'"):
        raise SpecError(f"{bounded(text)} is not a TOML value: {problem}")
    return text


def table_of(path: str, target: str | None, changes: Sequence[str]) -> Any:
    """The table that a command names, with the fields that ``--set`` gives.

    Raises:
        SpecError: if a field is none of a table's.
    """
    from genloss.study.spec import build_part

    given = dict(parse_change(change) for change in changes)
    fields = {"path": path} | ({} if target is None else {"target": target}) | given
    return build_part("real", {"kind": "Table", **fields})


def parse_change(text: str) -> tuple[str, Any]:
    """A path and a value from ``path=value``.

    Raises:
        SpecError: if it is not of that form.
    """
    path, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value or "" in path.split("."):
        raise SpecError(f"--set {bounded(text)}: write path=value, as in --set n_real=100")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SpecError(f"--set {bounded(text)}: is no text in UTF-8") from None
    try:
        return path, parse_value(value)
    except SpecError as error:
        raise SpecError(f"--set {bounded(path)}: {error}") from None


def is_study(source: str) -> bool:
    """Whether a name is meant as a study's: a file's, or one of the gallery."""
    import os

    from genloss.study.study import gallery

    return source.endswith(".toml") or os.path.isfile(source) or source in gallery()


def study_of(source: str, changes: tuple[str, ...], trust: bool, replicates: int | None = None) -> Study:
    """The study of a name or file with its changes.

    Raises:
        SpecError: with every problem of the changes, or what is wrong with the source.
    """
    from genloss.study import Study

    study, found = Study.load(source, trust), []
    for text in changes:
        try:
            path, value = parse_change(text)
            if replicates is not None and path.rpartition(".")[2] == "replicates":
                raise SpecError(f"--set {bounded(text)} and --replicates {replicates}: give one of the two")
            study = study.set(path, value)
        except SpecError as error:
            found += error.problems
    if found:
        try:
            _ = study.cells  # what else is wrong is said at once
        except SpecError as error:
            found += error.problems
        raise SpecError(found)
    return study if replicates is None else study.set("replicates", replicates)


def folder_of(study: Study) -> Path:
    """Where a run is kept that is not told where: a study's folder has its name, whatever its spec is now."""
    return Path("genloss-runs") / study.name


def results_of(run: str, trust: bool) -> Results:
    """The results in a run's folder, or beside its spec.

    Raises:
        StoreError: if it holds no run.
    """
    from genloss.study import Results

    folder = Path(run)
    return Results.open(folder.parent if folder.name == "spec.toml" and folder.is_file() else folder, trust)
