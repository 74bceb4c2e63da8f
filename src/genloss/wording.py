"""How many of something there are, and texts one after the other."""

from __future__ import annotations

from collections.abc import Sequence


def plural(what: str) -> str:
    """A word of many.

    >>> plural("generation"), plural("toss")
    ('generations', 'tosses')
    """
    return f"{what}es" if what.endswith(("s", "x", "z", "ch", "sh")) else f"{what}s"


def several(k: int, what: str) -> str:
    """So many of something.

    >>> several(1, "replicate"), several(0, "match"), several(12_000, "row")
    ('1 replicate', '0 matches', '12 000 rows')
    """
    return f"{k:,} {what if k == 1 else plural(what)}".replace(",", " ")


def these(k: int, what: str, that: str = "") -> str:
    """So many of a thing, as the subject of what is said of them.

    >>> these(1, "tile"), these(2, "value", "that")
    ('1 tile is', '2 values that are')
    """
    return " ".join(filter(None, [several(k, what), that, are(k)]))


def are(k: int) -> str:
    """The verb of so many things."""
    return "is" if k == 1 else "are"


def have(k: int) -> str:
    """What so many things have or have done."""
    return "has" if k == 1 else "have"


def enumerated(each: Sequence[str]) -> str:
    """Texts as a sentence has them.

    >>> enumerated(["loss"]), enumerated(["loss", "nll"]), enumerated(["loss", "accuracy", "entropy"])
    ('loss', 'loss and nll', 'loss, accuracy and entropy')
    """
    *some, last = each
    return f"{', '.join(some)} and {last}" if some else last


def listed(each: Sequence[str], most: int = 6, between: str = ", ") -> str:
    """Texts one after the other, of many the first; where one holds the mark between them, it is another.

    Args:
        each: the texts.
        most: how many of them are said.
        between: what stands between them.

    >>> listed(["Replace", "Accumulate", "Fixed"], 2), listed(["n_real=10, Replace", "Fixed"], 2)
    ('Replace, Accumulate, and 1 more', 'n_real=10, Replace; Fixed')
    """
    left = len(each) - most
    between = "; " if any(between in text for text in each[:most]) else between
    return between.join([*each[:most], *([f"and {left} more"] if left > 0 else [])])


def aligned(rows: list[list[str]], indent: int = 0) -> list[str]:
    """Lines whose columns stand under each other."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    pad = " " * indent
    return [
        pad + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
