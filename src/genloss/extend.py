"""A user's own code by reference: "mine.py:name" is a file's, "package.module:name" an installed one's."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from genloss.errors import SpecError, bounded, said_by


def load(reference: str) -> Any:
    """What a reference names; a file is run once for each content it has.

    Raises:
        SpecError: if the file, the module or the name is not there, or running it fails.
    """
    where, colon, name = reference.rpartition(":")
    called = f"'{bounded(reference)}'"
    if not colon or not where or not name:
        raise SpecError(f"{called} is no reference; write file.py:name or package.module:name")
    module = _from_file(Path(where), called) if where.endswith(".py") else _from_package(where, called)
    thing: Any = module
    for part in name.split("."):
        if not hasattr(thing, part):
            hint = _did_you_mean(part, vars(module))
            raise SpecError(f"{called}: {bounded(where)} has no '{bounded(part)}'{hint}")
        thing = getattr(thing, part)
    return thing


def _from_package(name: str, called: str) -> Any:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # code that exits has failed like any other
        said = f"{type(error).__name__}: {said_by(error)}"
        raise SpecError(f"{called}: cannot import {bounded(name)}: {said}") from error


def _from_file(path: Path, called: str) -> Any:
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = error.strerror if isinstance(error, OSError) else said_by(error)
        raise SpecError(f"{called}: cannot read {bounded(str(path))}: {why}") from None
    # one module for a path and content: classes loaded twice would not be equal to themselves
    name = f"genloss_file_{hashlib.sha256(str(path.resolve()).encode() + content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # the suffix is .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    module.__genloss_file__ = str(path)  # type: ignore[attr-defined]
    # as for a script: what lies beside the file can be imported
    beside = str(path.resolve().parent)
    if beside not in sys.path:
        sys.path.append(beside)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        said = f"{type(error).__name__}: {said_by(error)}"
        raise SpecError(f"{called}: {bounded(str(path))} raised {said}") from error
    return module


def _did_you_mean(name: str, known: Any) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, [k for k in known if not k.startswith("_")], n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def reference_of(thing: Any) -> str:
    """How a spec refers to a function or class: the inverse of :func:`load`.

    Raises:
        SpecError: if it cannot be loaded again: a lambda, a local function, or something of the main script.
    """
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if module is not None and name is not None and module != "__main__" and _found(module, name) is thing:
        return f"{_where(module)}:{name}"
    raise SpecError(
        f"{name or repr(thing)} cannot be named in a spec: only functions and classes at the top of an "
        f"importable module or a file can; move it to a file and write 'file.py:{name}'"
    )


def _found(module: str, name: str) -> Any:
    thing: Any = sys.modules.get(module)
    for part in name.split("."):
        thing = getattr(thing, part, None)
    return thing


def _where(module: str) -> str:
    """What a worker loads a module by: its name, or its file where the path does not lead to it."""
    loaded = sys.modules[module]
    if hasattr(loaded, "__genloss_file__"):
        return str(loaded.__genloss_file__)
    file = getattr(loaded, "__file__", None)
    if file is not None and PathFinder.find_spec(module.partition(".")[0]) is None:
        return str(file)
    return module
