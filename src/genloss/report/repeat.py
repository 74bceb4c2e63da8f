"""How a study is run again: what the run needs beside its spec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from genloss.errors import SpecError
from genloss.study.results import Results


@dataclass(frozen=True)
class Repeat:
    """What a run needs beside its spec.

    Args:
        code: whether code that the spec refers to is run.
        files: paths of that code and of tables.
        packages: that hold the rest of the code.
    """

    code: bool
    files: tuple[str, ...]
    packages: tuple[str, ...]


def repeat(results: Results) -> Repeat | None:
    """What the study needs to be run again; None where no spec can say it."""
    try:
        results.study.toml()
    except SpecError:
        return None
    specs = [cell.spec for cell in results.cells]
    code = list(dict.fromkeys(r.rpartition(":")[0] for spec in specs for r in _code(spec)))
    tables = dict.fromkeys(t for spec in specs for t in _tables(spec))
    files = [c for c in code if c.endswith(".py")]
    return Repeat(bool(code), (*files, *tables), tuple(c for c in code if c not in files))


_REFERENCE = re.compile(r"[^:]*[^:\s]:[A-Za-z_][\w.]*")
_TEXTS = ("title", "about", "name", "path")


def _code(spec: Any, key: str = "") -> Iterator[str]:
    """References to the user's code, "mine.py:Name", in a spec."""
    if isinstance(spec, dict):
        for k, v in spec.items():
            yield from _code(v, k)
    elif isinstance(spec, list):
        for v in spec:
            yield from _code(v, key)
    elif isinstance(spec, str) and key not in _TEXTS and _REFERENCE.fullmatch(spec):
        yield spec


def _tables(spec: Any) -> Iterator[str]:
    """Paths of the tables in a spec; a data set of scikit-learn has a name without a suffix."""
    if isinstance(spec, dict):
        path = spec.get("path")
        if spec.get("kind") == "Table" and isinstance(path, str) and "." in path:
            yield path
        for v in spec.values():
            yield from _tables(v)
    elif isinstance(spec, list):
        for v in spec:
            yield from _tables(v)
