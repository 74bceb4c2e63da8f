"""A user's own code by reference: "mine.py:name" is a file's, "package.module:name" an installed one's."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Collection, Iterator
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
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
    beside = {file: _sha(file) for file in imported(path)}
    key = repr((str(path.resolve()), content, *beside.values()))
    name = f"genloss_file_{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    files = {str(file): digest for file, digest in beside.items()}
    if any(_loaded.get(file, digest) != digest for file, digest in files.items()):
        _forget(files)
    _loaded.update(files)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # the suffix is .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    module.__genloss_file__ = str(path)  # type: ignore[attr-defined]
    # as for a script: what lies beside the file can be imported
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        said = f"{type(error).__name__}: {said_by(error)}"
        raise SpecError(f"{called}: {bounded(str(path))} raised {said}") from error
    return module


def own_modules() -> list[ModuleType]:
    """The modules of the user's files that were loaded, and of what they import from beside them."""
    modules = [module for module in list(sys.modules.values()) if isinstance(module, ModuleType)]
    return [m for m in modules if "__genloss_file__" in vars(m) or vars(m).get("__file__") in _loaded]


_loaded: dict[str, str] = {}
"""Files that the user's files import, with a digest of what they were when last loaded."""


def _forget(files: Collection[str]) -> None:
    """Have Python load files anew: those that did not change hold on to others that did."""
    names = [name for name, module in sys.modules.items() if getattr(module, "__file__", None) in files]
    for name in names:
        while name:  # a package holds on to what is in it
            sys.modules.pop(name, None)
            name = name.rpartition(".")[0]


def imported(path: Path) -> tuple[Path, ...]:
    """The files that a file imports from its own folder, and those that these import, in order.

    Imports are read, not run: what is imported under a name made up at run time is not found. Of a file in a
    package it is the package's own files.

    Args:
        path: of a Python file.
    """
    start = path.resolve()
    if _INSTALLED & {*start.parts}:  # its version is what it is
        return ()
    root = start.parent
    while (root / "__init__.py").exists():
        root = root.parent
    package = "" if root == start.parent else start.relative_to(root).parts[0]
    found: dict[Path, None] = {}
    todo = [start]
    while todo:
        file = todo.pop()
        for target in _targets(file, root, package):
            if target not in found and target != start:
                found[target] = None
                todo.append(target)
    return tuple(sorted(found))


_INSTALLED = {"site-packages", "dist-packages"}


def _targets(file: Path, root: Path, package: str) -> Iterator[Path]:
    """The files below a root, or of one package there, that a file's import statements name."""
    try:
        at = file.stat()
    except OSError:
        return
    for level, name in _imports(file, at.st_mtime_ns, at.st_size):
        base = file.parents[level - 1] if 0 < level <= len(file.parents) else root
        parts = name.split(".") if name else []
        if package and base == root and parts[:1] != [package]:
            continue
        for k in range(len(parts) + 1):
            at_k = base.joinpath(*parts[:k])
            some = (at_k / "__init__.py", *([at_k.with_suffix(".py")] if k else []))
            yield from (target for target in some if target.is_file() and root in target.parents)


@lru_cache(maxsize=1024)
def _imports(file: Path, changed: int, size: int) -> tuple[tuple[int, str], ...]:
    """(level, dotted name) of everything that a file imports: 0 is absolute, 1 from its own package."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return ()
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(0, a.name) for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found += [
                (node.level, module),
                *((node.level, f"{module}.{a.name}".strip(".")) for a in node.names),
            ]
    return tuple(dict.fromkeys(found))


def _sha(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


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


@contextlib.contextmanager
def folder_kept() -> Iterator[None]:
    """Go back to the working folder, whatever a user's part does; relative paths are from there."""
    home = ""
    with contextlib.suppress(OSError):  # it may be gone, removed by a part in another thread
        home = os.getcwd()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(home)
