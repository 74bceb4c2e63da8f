"""How genloss speaks of a table: a value, names, the name that was meant, what was decided and why."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np

from genloss.errors import DataError


def shown(value: object, width: int = 40) -> str:
    """A value on one line, cut to `width` characters.

    >>> shown("abc"), shown("x" * 100, 8)
    ("'abc'", "'xxxxxx…")
    """
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 0) == 0:  # np.float64(1.0) is 1.0 to a reader
        value = item()
    text = repr(value).replace("\n", " ")
    return text if len(text) <= width else text[: width - 1] + "…"


def listed(values: Iterable[object], most: int = 12) -> str:
    """Values in a row, the rest counted.

    >>> listed(range(5), most=3)
    '0, 1, 2, … (5 in all)'
    """
    values = list(values)
    if len(values) <= most:
        return ", ".join(map(shown, values))
    return f"{', '.join(map(shown, values[:most]))}, … ({len(values)} in all)"


def alike(names: Sequence[str]) -> list[str]:
    """What is said of names that several columns have: a line for twos, one for threes.

    >>> alike(["a", "a", "b", "c", "c"])
    ["two columns are called 'a', 'c'; give each a name of its own"]
    """
    counts = Counter(name for name in names if name.strip())
    return [
        f"{'two' if n == 2 else n} columns are called {listed(of)}; give each a name of its own"
        for n in sorted({*counts.values()} - {1})
        if (of := [name for name, count in counts.items() if count == n])
    ]


@contextmanager
def named(source: str) -> Iterator[None]:
    """Begin each line of an error about a table with what the table is called."""
    try:
        yield
    except DataError as error:
        raise DataError("\n".join(f"{source}: {line}" for line in str(error).splitlines())) from None


def some(texts: Iterable[str], most: int = 4) -> str:
    """Texts in a row, the rest counted.

    >>> some(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    texts = list(texts)
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def meant(name: str, known: Iterable[str]) -> str:
    """The question that ends an error about an unknown name, or nothing where no known name is close.

    >>> meant("targt", ["target", "age"]), meant("zzz", ["target", "age"])
    ("; did you mean 'target'?", '')
    """
    known = list(known)
    folded = {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), list(folded), n=1)
    return f"; did you mean {shown(folded[close[0]])}?" if close else ""


def day(value: float) -> str:
    """Days from 1970 as ISO has them, with the time of day where there is one.

    >>> day(-1), day(0.5)
    ('1969-12-31', '1970-01-01T12:00:00')
    """
    return str(np.datetime64(round(value * 86_400), "s")).removesuffix("T00:00:00")


@dataclass(frozen=True)
class Decision:
    """What was decided about a table where somebody could decide otherwise.

    Args:
        what: was decided, in words that begin with the column, or with the file.
        why: it was.
        change: the field of the spec that changes it, as TOML; "" where none does.
        column: the column; "" where it is of the whole table.
        pin: the fields, as a spec has them, under which the decision is taken without asking.
    """

    what: str
    why: str
    change: str = ""
    column: str = ""
    pin: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" + (f"; {self.change} changes it" if self.change else "")

    def said(self) -> dict[str, str]:
        """As JSON has it."""
        return {"column": self.column, "what": self.what, "why": self.why, "change": self.change}


def together(decisions: Sequence[Decision]) -> list[tuple[Decision, list[str]]]:
    """Decisions, more than two alike once: the first of them, and the other columns that it was taken of."""
    alike: dict[object, list[Decision]] = {}
    for i, one in enumerate(decisions):
        what, change = (re.sub(f'"?{re.escape(one.column)}"?', "", t) for t in (one.what, one.change))
        reason = one.why.partition(":")[0]  # what follows is an example
        alike.setdefault((what, change, reason) if one.column else i, []).append(one)
    found: list[tuple[Decision, list[str]]] = []
    for some_alike in alike.values():
        if len(some_alike) > 2:
            found.append((some_alike[0], [one.column for one in some_alike[1:]]))
        else:
            found += [(one, []) for one in some_alike]
    return found


def toml(**values: Any) -> str:
    """Fields of a spec on one line.

    >>> toml(types={"zip code": "category"}, drop=["id"], dayfirst=True)
    'types = { "zip code" = "category" }, drop = ["id"], dayfirst = true'
    """
    return ", ".join(f"{k} = {_inline(v)}" for k, v in values.items())


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = (f"{k if _BARE.fullmatch(k) else _inline(k)} = {_inline(v)}" for k, v in value.items())
        return f"{{ {', '.join(inner)} }}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value, ensure_ascii=False)


_BARE = re.compile(r"[A-Za-z0-9_-]+")
