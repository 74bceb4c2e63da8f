"""How a study is run again: what the run needs beside its spec, and what can be promised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from genloss.errors import SpecError
from genloss.study.results import Results


def repeat(results: Results) -> str:
    """What to do to run the study again, as paragraphs."""
    try:
        results.study.toml()
    except SpecError:
        return (
            "<p>This study holds objects that no spec can name: run the Python that made it again. "
            "What it was is written below as far as it can be.</p>"
        )
    specs = [cell.spec for cell in results.cells]
    code = list(dict.fromkeys(r.rpartition(":")[0] for spec in specs for r in _code(spec)))
    tables = dict.fromkeys(t for spec in specs for t in _tables(spec))
    files = [*(c for c in code if c.endswith(".py")), *tables]
    packages = [c for c in code if not c.endswith(".py")]
    trust = " --trust" if code else ""
    said = [f"Save the spec as <code>study.toml</code> and run <code>genloss run study.toml{trust}</code>."]
    if files:
        said.append(f"It needs {_listed(files)}, at these paths from where it is run.")
    if packages:
        said.append(f"It needs the installed {_listed(packages)}.")
    if code:
        said.append("<code>--trust</code> lets it run that code: read it first.")
    same = "With the versions below, and the same files," if files else "With the versions below"
    drawn = ", where that code draws all its randomness from what it is given" if code else ""
    said.append(f"{same} it gives the same numbers on any number of workers of such a machine{drawn}.")
    return f"<p>{' '.join(said)}</p>"


_REFERENCE = re.compile(r"[^:]*[^:\s]:[A-Za-z_][\w.]*")
_TEXTS = ("title", "about", "name", "path")


def _listed(names: list[str]) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in names)


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
