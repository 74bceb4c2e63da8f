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
True first replicates
True stands in a spec
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genloss.conformance import generators, known, metrics, prefix, publishing, regimes, sources, tasks
from genloss.conformance.core import Broken, During, Finding, NotApplicable, Rule, judge, rule, silent
from genloss.conformance.worlds import NUMERIC, SYMBOLS, TARGET, World, mixed_table
from genloss.errors import SpecError, bounded
from genloss.fitting import has_target
from genloss.slots import slot_of_call, slot_of_class
from genloss.traits import ACCEPTS, NEEDS_TARGET

__all__ = ["Finding", "check", "findings", "slot_of_part"]


def check(
    part: Any,
    slot: str | None = None,
    table: str | Path | None = None,
    target: str | None = None,
    during: During = silent,
) -> list[Finding]:
    """See whether a part keeps its contract.

    Args:
        part: an object with the verb of a slot: an instance, or a function where the verb is a call.
        slot: "tasks", "real", "generators", "regimes", "curators", "metrics", "rewards" or "verifiers"; by
            default what its verb tells.
        table: a file of the user's to try a generator on too.
        target: the column of that table that is to be predicted, as the run will have it.
        during: told the name of each check, it gives the context in which it is made.

    Raises:
        SpecError: if no slot can be told, or a table is given for another part than a generator.
        DataError: if the table cannot serve.
    """
    return list(findings(part, slot, table, target, during))


def findings(
    part: Any,
    slot: str | None = None,
    table: str | Path | None = None,
    target: str | None = None,
    during: During = silent,
) -> Iterator[Finding]:
    """The same as :func:`check`, each finding as soon as it is known.

    Raises:
        SpecError: as :func:`check`, before the first finding.
        DataError: likewise.
    """
    slot = slot_of_part(part) if slot is None else slot
    if slot not in _CHECKS:
        raise SpecError(f"no slot '{bounded(slot)}'; there are {', '.join(_CHECKS)}")
    if table is not None and slot != "generators":
        raise SpecError(
            f"a table is for generators to be fitted to, and this belongs in {slot}; leave it out"
        )
    if target is not None and table is None:
        raise SpecError(f"a target is a column of a table (got '{bounded(target)}'); give the table too")
    with mixed_table() as mixed:
        own = None if table is None else World(str(table), _table(table, target))
        yield from _CHECKS[slot](part, On(mixed, own, during))
    yield from judge([stands_in_spec], (part, slot), during=during)


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


def _table(path: str | Path, target: str | None) -> Any:
    from genloss.real import Table

    table = Table(path=str(path), target=target)
    table.draw(1, 1, generators._rng("table"))  # what is wrong with the file is said here
    return table


# -- what each slot is tried on --------------------------------------------------------------------


@dataclass(frozen=True)
class On:
    """What parts are tried on besides what is always there, and who is told of it.

    Args:
        mixed: a table with a bit of everything.
        own: a table of the user's.
        during: the context of each check.
    """

    mixed: World
    own: World | None
    during: During

    def judge(self, rules: Iterable[Rule], trial: Any, of: str = "") -> Iterator[Finding]:
        """What the rules find in a trial."""
        return judge(rules, trial, of, self.during)


_OF_FRAMES = re.compile(r"'numpy\.ndarray' object has no attribute|only integers, slices")
"""What NumPy says of an array that is taken for a frame: its generator is meant for tables."""


def _generator(part: Any, on: On) -> Iterator[Finding]:
    accepts, own = ACCEPTS.of(part), [on.own] if on.own else []
    worlds = [TARGET if NEEDS_TARGET.of(part) else NUMERIC, on.mixed]
    if accepts is not None:
        worlds = [w for w in (*worlds, SYMBOLS) if w.event.accepted_by(accepts)]
    if not worlds and not own:
        why = f"it is for {' and '.join(accepts or ())} alone, of which there are no rows to try it on"
        yield Finding("fits and samples", None, why)
        return
    # whether it can be fitted at all decides how the rest is judged
    trials = {w.name: generators.Trial(part, w) for w in (*worlds, *own)}
    first = {name: next(on.judge(generators.RULES[:1], trial, name)) for name, trial in trials.items()}
    able = [name for name, finding in first.items() if finding.passed]
    main = (own or worlds)[0]
    if main is NUMERIC and not able and _OF_FRAMES.search(first[main.name].cause):
        main = on.mixed
    for world in (*worlds, *own):
        found = first[world.name]
        if world.name in able:
            yield found
            yield from on.judge(
                (*generators.RULES[1:], known.model, prefix.generator), trials[world.name], world.name
            )
        elif able and world not in own and accepts is None:
            # one that cannot be fitted to one kind of rows may be meant for the other, unless it names both
            why = f"it is not for {world.name}, and need not be: {found.message}"
            yield Finding(found.check, None, why)
        elif able or world is main or world in own:
            yield found  # nothing else can hold
        else:
            # which rows it is meant for nobody knows: a table of the user's tells, else the first kind is
            # judged
            also = "" if found.cause == first[main.name].cause else f"; here: {found.cause}"
            yield Finding(found.check, None, f"not judged while it fails on {main.name}{also}")
        if world in own and not has_target(world.real):
            why = (
                "judged without a target; say which it is where a run has one: few integers are then classes"
            )
            yield Finding(f"{world.name}: target", None, why)


def _real(part: Any, on: On) -> Iterator[Finding]:
    return on.judge((*sources.RULES, known.source, prefix.source), sources.Trial(part))


def _regime(part: Any, on: On) -> Iterator[Finding]:
    return on.judge((*regimes.RULES, prefix.regime), regimes.Trial(part))


def _metric(part: Any, on: On) -> Iterator[Finding]:
    trials = metrics.trials(part, [NUMERIC, TARGET, SYMBOLS, on.mixed])
    if not trials:
        why = "it fits no kind of rows; see its accepts, needs_target and needs"
        yield Finding("applies to something", False, why)
    for t in trials:
        yield from on.judge((*metrics.RULES, prefix.metric), t, t.world.name)


def _best(rules: Iterable[Rule], part: Any, on: On) -> Iterator[Finding]:
    """The findings on the first kind of rows that the part can be called with: the one it is made for."""
    rules = tuple(rules)
    worlds = (NUMERIC, SYMBOLS, on.mixed)
    able = (w for w in worlds if next(judge(rules[:1], publishing.Trial(part, w))).passed)
    world = next(able, NUMERIC)
    yield from on.judge(rules, publishing.Trial(part, world), "" if world is NUMERIC else world.name)


_CHECKS: dict[str, Any] = {
    "tasks": lambda part, on: on.judge(tasks.RULES, tasks.Trial(part)),
    "real": _real,
    "generators": _generator,
    "regimes": _regime,
    "curators": lambda part, on: _best((*publishing.CURATOR, prefix.curator), part, on),
    "metrics": _metric,
    "rewards": lambda part, on: _best((*publishing.REWARD, prefix.reward), part, on),
    "verifiers": lambda part, on: _best((*publishing.VERIFIER, prefix.verifier), part, on),
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
