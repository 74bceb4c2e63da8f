"""A spec as TOML, a field on a line, in the order of the spec: that of varied fields is that of cells."""

from __future__ import annotations

import re
from typing import Any

from genloss.study.paths import is_list
from genloss.study.spec import Spec

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_WIDTH = 100


def toml_of(spec: Spec) -> str:
    """The lines of a table: tables within it stand in braces, where TOML would move them to the end.

    >>> print(toml_of({"n_real": {"vary": [10, 100]}, "agents.*.n": 5, "real": "Moons"}), end="")
    n_real = { vary = [10, 100] }
    "agents.*.n" = 5
    real = "Moons"
    """
    return "".join(f"{key_of(k)} = {_lines(v)}\n" for k, v in spec.items())


def _lines(value: Any) -> str:
    line = _inline(value)
    if not is_list(value) or len(line) <= _WIDTH:
        return line
    return "[\n" + "".join(f"    {_inline(v)},\n" for v in value) + "]"


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{key_of(k)} = {_inline(v)}" for k, v in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if is_list(value):
        return f"[{', '.join(map(_inline, value))}]"
    return _written({"k": value}).removeprefix("k = ")


def key_of(key: str) -> str:
    """A key as TOML has it, quoted where it must be.

    >>> key_of("n_real"), key_of("agents.*.n")
    ('n_real', '"agents.*.n"')
    """
    return key if _BARE.fullmatch(key) else _written({key: 0}).removesuffix(" = 0")


def _written(table: Spec) -> str:
    import tomli_w

    return tomli_w.dumps(table).rstrip("\n")
