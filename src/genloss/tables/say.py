"""How an error about a table names things: a value, a list of names, the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


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


def meant(name: str, known: Iterable[str]) -> str:
    """The question that ends an error about an unknown name, or nothing where no known name is close.

    >>> meant("targt", ["target", "age"]), meant("zzz", ["target", "age"])
    ("; did you mean 'target'?", '')
    """
    known = list(known)
    folded = {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), list(folded), n=1)
    return f"; did you mean {shown(folded[close[0]])}?" if close else ""
