"""What decides a cell's values, and the fingerprint of it: parts of equal fingerprints are
interchangeable.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from genloss.extend import imported
from genloss.study.spec import Spec, dump
from genloss.traits import CONTENT, GROWS, WORDS, fields

NUMERICS = 5
"""Raised when the same spec gives other numbers: parts of before are then of no use."""

Identity = dict[str, Any]

_REFERENCE = re.compile(r"(?P<where>[^:\s][^:]*):(?P<name>[A-Za-z_][\w.]*)")


def identity(task: Any, key: int) -> Identity:
    """What decides the values of a task: its spec, the data and code that this refers to, tile, numerics.

    Titles and other words are left out, and replicates and the field by which a task grows: more of them are
    more of the same. So are paths, where the content says what the values are.

    Args:
        task: what fills the cell.
        key: where its streams are.

    Raises:
        SpecError: if it holds something that a spec cannot name.
    """
    spec = dump(task)
    said = {
        k: v
        for k, v in _without_words(task, spec).items()
        if k not in ("replicates", "title", GROWS.of(task))
    }
    data = {f"data {i}": content for i, content in enumerate(_contents(task)) if content}
    code = {f"code {where}": digest for where, digest in code_of(spec).items()}
    return {"spec": said, "key": key, "tile": task.tile_size, "numerics": NUMERICS, **data, **code}


def fingerprint(of: Identity) -> str:
    """64 hexadecimal digits for an identity; the files of code count by content, wherever they lie.

    >>> one = {"spec": {"kind": "a/mine.py:Coin"}, "code a/mine.py": "12"}
    >>> other = {"spec": {"kind": "b/yours.py:Coin"}, "code b/yours.py": "12"}
    >>> fingerprint(one) == fingerprint(other)
    True
    """
    code = {k.removeprefix("code "): v for k, v in of.items() if k.startswith("code ")}
    rest = {k: v for k, v in of.items() if not k.startswith("code ")}
    text = json.dumps([_by_content(rest, code), sorted(code.values())], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def code_of(spec: Spec) -> dict[str, str]:
    """The user's files and modules that a spec refers to, and those beside them that they import, each with a
    digest of its source.
    """
    found: dict[str, str] = {}
    for where in dict.fromkeys(_references(spec)):
        path = where if where.endswith(".py") else _source(where)
        if path and (digest := _digest(path)):
            found[where] = digest
            folder = Path(path).resolve().parent
            for file in imported(Path(path)):
                found.setdefault(os.path.relpath(file, folder), _digest(file))
    return found


def _by_content(said: Any, code: dict[str, str]) -> Any:
    if isinstance(said, dict):
        return {k: _by_content(v, code) for k, v in said.items()}
    if isinstance(said, list):
        return [_by_content(v, code) for v in said]
    found = _REFERENCE.fullmatch(said) if isinstance(said, str) else None
    return f"{code[found['where']]}:{found['name']}" if found and found["where"] in code else said


def _references(spec: Any) -> Iterator[str]:
    if isinstance(spec, dict):
        for v in spec.values():
            yield from _references(v)
    elif isinstance(spec, list):
        for v in spec:
            yield from _references(v)
    elif isinstance(spec, str) and (found := _REFERENCE.fullmatch(spec)):
        yield found["where"]


def _digest(path: str | Path) -> str:
    """Of a file; empty where there is none."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


@cache
def _source(module: str) -> str:
    """The file of an installed module that is not ours; empty where there is none."""
    if not all(name.isidentifier() for name in module.split(".")) or module.split(".")[0] == "genloss":
        return ""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ""
    file = "" if found is None else found.origin or ""
    return file if file.endswith(".py") else ""


def _without_words(thing: Any, said: Any) -> Any:
    """A part's spec without what only names it, and so for the parts in it."""
    if isinstance(said, list) and isinstance(thing, tuple):
        return [_without_words(t, s) for t, s in zip(thing, said, strict=True)]
    if not isinstance(said, dict) or not dataclasses.is_dataclass(thing):
        return said
    left = {k: v for k, v in said.items() if k not in WORDS.of(thing)}
    return {k: _without_words(vars(thing).get(k), v) for k, v in left.items()}


def _contents(thing: Any) -> Iterator[str]:
    """Digests of the data that a part, or one in it, has read."""
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        yield CONTENT.of(thing)
        for name in fields(thing):
            yield from _contents(vars(thing).get(name))
    elif isinstance(thing, tuple):
        for value in thing:
            yield from _contents(value)
