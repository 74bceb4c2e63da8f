"""Which parts there are: each slot has its own names, so that a name may stand in two slots."""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from genloss.errors import SpecError, bounded
from genloss.extend import load
from genloss.protocols import Curator, Generator, Metric, RealData, Regime, Reward, Task, Verifier

SLOTS: dict[Any, str] = {
    Task: "tasks",
    RealData: "real",
    Generator: "generators",
    Regime: "regimes",
    Curator: "curators",
    Metric: "metrics",
    Reward: "rewards",
    Verifier: "verifiers",
}
"""The slot of each contract; also the module of our own parts and an entry-point group."""

SINGULAR = {
    "tasks": "task",
    "real": "real data",
    "generators": "generator",
    "regimes": "regime",
    "curators": "curator",
    "metrics": "metric",
    "rewards": "reward",
    "verifiers": "verifier",
}


@cache
def parts(slot: str) -> dict[str, Any]:
    """Every part of a slot by name: ours, and those of installed packages.

    >>> sorted(parts("curators"))
    ['Accept', 'Choose', 'KeepAll']
    """
    module = import_module(f"genloss.{slot}")
    known = {name: getattr(module, name) for name in module.__all__}
    for name, entry in _installed(slot).items():
        with suppress(Exception):  # a broken package must not keep the others from being used
            known.setdefault(name, entry.load())
    return known


def _installed(slot: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"genloss.{slot}")}


def find(slot: str, kind: str, trust: bool) -> Any:
    """The part of this name, or the one that "mine.py:Name" refers to.

    Raises:
        SpecError: if there is none, or it is the user's code and not trusted.
    """
    if ":" in kind:
        trusted(kind, trust)
        return load(kind)
    known = parts(slot)
    if kind not in known:
        if kind in _installed(slot):
            load(_installed(slot)[kind].value.replace(" ", ""))  # which says why it could not be loaded
        raise SpecError(f"no {SINGULAR[slot]} '{bounded(kind)}'{did_you_mean(kind, known)}")
    return known[kind]


def trusted(reference: str, trust: bool) -> None:
    """Refuse to run code that a spec refers to, unless it is trusted.

    Raises:
        SpecError: if it is not.
    """
    if not trust:
        raise SpecError(
            f"'{bounded(reference)}' would run code of yours; "
            f"if you trust it, add --trust (in Python: trust=True)"
        )


def did_you_mean(name: str, known: Any) -> str:
    """A hint at the nearest known name, or at all of them.

    >>> did_you_mean("Acumulate", ["Replace", "Accumulate"])
    "; did you mean 'Accumulate'?"
    """
    by_lower = {k.lower(): k for k in known}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean '{by_lower[close[0]]}'?" if close else f"; there are {', '.join(sorted(known))}"
