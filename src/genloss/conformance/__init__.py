"""Does a part keep the contract of its slot? The checks that our own parts pass, for yours.

>>> from genloss.conformance import check
>>> from genloss.regimes import Window
>>> for finding in check(Window(generations=2)):
...     print(finding.passed, finding.check)
True gives a training set
True rows from the pool
True same stream, same choice
True leaves the pool alone
True reach is enough
True works without rows
True stands in a spec
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from genloss.conformance import generators, metrics, publishing, regimes, sources, tasks
from genloss.conformance.core import Broken, Finding, NotApplicable, Rule, judge, rule
from genloss.conformance.worlds import NUMERIC, SYMBOLS, TARGET, World, mixed_table
from genloss.errors import SpecError
from genloss.slots import slot_of_call, slot_of_class
from genloss.traits import ACCEPTS, NEEDS_TARGET

__all__ = ["Finding", "check", "slot_of_part"]


def check(part: Any, slot: str | None = None, table: str | Path | None = None) -> list[Finding]:
    """See whether a part keeps its contract.

    Args:
        part: an object with the verb of a slot: an instance, or a function where the verb is a call.
        slot: "tasks", "real", "generators", "regimes", "curators", "metrics", "rewards" or "verifiers"; by
            default what its verb tells.
        table: a file of the user's to try a generator on too.

    Raises:
        SpecError: if no slot can be told.
    """
    slot = slot_of_part(part) if slot is None else slot
    if slot not in _CHECKS:
        raise SpecError(f"no slot '{slot}'; there are {', '.join(_CHECKS)}")
    with ExitStack() as stack:
        mixed = stack.enter_context(mixed_table())
        own = [] if table is None else [World(str(table), _table(table))]
        found = _CHECKS[slot](part, mixed, own)
    return [*found, *judge([stands_in_spec], (part, slot))]


def slot_of_part(part: Any) -> str:
    """Which slot a part, its class or a function belongs to, by its verb and what it takes.

    Raises:
        SpecError: if that does not tell.

    >>> from genloss.verifiers import Inside
    >>> slot_of_part(Inside())
    'verifiers'
    """
    function = inspect.isfunction(part)
    cls = part if isinstance(part, type) else type(part)
    guess = slot_of_call(part) if function else slot_of_class(cls)
    if guess is None:
        raise SpecError(
            f"{(part if function else cls).__name__} has the verb of no slot; give it fit(train, rng, init), "
            f"draw(replicates, n, rng) and holdout(), or a call (pool, rng), "
            f"(model, train, n, rng), (seen), (rows) or (rows, rng); "
            f"the first two may take occasion, by that name"
        )
    return guess


def _table(path: str | Path) -> Any:
    from genloss.real import Table

    table = Table(path=str(path))
    table.draw(1, 1, generators._rng("table"))  # what is wrong with the file is said here
    return table


# -- what each slot is tried on --------------------------------------------------------------------


def _generator(part: Any, mixed: World, own: list[World]) -> list[Finding]:
    accepts = ACCEPTS.of(part)
    worlds = [TARGET] if NEEDS_TARGET.of(part) else [NUMERIC, mixed]
    if accepts is not None:
        worlds = [w for w in (*worlds, SYMBOLS) if w.event.accepted_by(accepts)]
    found = {w.name: judge(generators.RULES, generators.Trial(part, w), w.name) for w in (*worlds, *own)}
    # one that cannot be fitted to one kind of rows may be meant for the other
    able = [name for name, some in found.items() if some[0].passed]
    for world in worlds:
        first = found[world.name][0]
        if able and world.name not in able:
            why = f"it is not for {world.name}, and need not be: {first.message}"
            found[world.name] = [Finding(first.check, None, why)]
        elif world.name not in able:
            found[world.name] = [first]  # nothing else can hold
    if not able:
        # which rows it is meant for nobody knows: a table of the user's tells, else the first kind is judged
        main = own[0] if own else worlds[0]
        for world in (w for w in worlds if w is not main):
            first = found[world.name][0]
            also = "" if first.cause == found[main.name][0].cause else f"; here: {first.cause}"
            why = f"not judged while it fails on {main.name}{also}"
            found[world.name] = [Finding(first.check, None, why)]
        found = {w.name: found[w.name][:1] for w in (main, *(w for w in (*worlds, *own) if w is not main))}
    return [f for some in found.values() for f in some]


def _real(part: Any, mixed: World, own: list[World]) -> list[Finding]:
    return judge(sources.RULES, sources.Trial(part))


def _regime(part: Any, mixed: World, own: list[World]) -> list[Finding]:
    return judge(regimes.RULES, regimes.Trial(part))


def _metric(part: Any, mixed: World, own: list[World]) -> list[Finding]:
    trials = metrics.trials(part, [NUMERIC, TARGET, SYMBOLS, mixed])
    if not trials:
        return [
            Finding(
                "applies to something",
                False,
                "it fits no kind of rows; see its accepts, needs_target and needs",
            )
        ]
    return [f for t in trials for f in judge(metrics.RULES, t, t.world.name)]


def _best(rules: Iterable[Rule], part: Any, mixed: World) -> list[Finding]:
    """The findings on the first kind of rows that the part can be called with: the one it is made for."""
    rules = tuple(rules)
    worlds = (NUMERIC, SYMBOLS, mixed)
    able = (w for w in worlds if judge(rules[:1], publishing.Trial(part, w))[0].passed)
    world = next(able, NUMERIC)
    return judge(rules, publishing.Trial(part, world), "" if world is NUMERIC else world.name)


_CHECKS: dict[str, Any] = {
    "tasks": lambda part, mixed, own: judge(tasks.RULES, tasks.Trial(part)),
    "real": _real,
    "generators": _generator,
    "regimes": _regime,
    "curators": lambda part, mixed, own: _best(publishing.CURATOR, part, mixed),
    "metrics": _metric,
    "rewards": lambda part, mixed, own: _best(publishing.REWARD, part, mixed),
    "verifiers": lambda part, mixed, own: _best(publishing.VERIFIER, part, mixed),
}


@rule(
    "stands in a spec",
    "decorate the class with @component (of genloss.components), and give fields plain values or parts",
)
def stands_in_spec(trial: tuple[Any, str]) -> None:
    """It can be written into a spec and built from it again, which is how workers get it."""
    from genloss.study.spec import as_spec, build, build_part

    part, slot = trial
    try:
        spec = as_spec(part)
    except SpecError as error:
        if "cannot be named" in str(error):
            raise NotApplicable(f"{error}; until then it runs in this process only") from None
        raise Broken(str(error)) from None
    again = build(spec, trust=True) if slot == "tasks" else build_part(slot, spec, trust=True)
    if as_spec(again) != spec:
        raise Broken(f"built again from {spec} it is another")
    try:
        hash(part)
    except TypeError:
        raise Broken("it has no hash, so it is not frozen or holds a list") from None
