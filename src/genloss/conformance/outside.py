"""What some code changes outside itself: streams of the process, attributes of classes, globals of modules.

What each holds before and after it tells.
"""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from genloss.extend import own_modules
from genloss.tables.say import some


@dataclass(frozen=True)
class GlobalStream:
    """Random numbers that belong to a process, so that whoever draws from them depends on all others.

    Args:
        module: of the stream; where it was not imported, nobody draws from it.
        state: of the module; equal where the stream stands at the same place.
        restore: puts the module's stream to such a state.
        advance: draws one number from it.
        remedy: what to do instead.
    """

    module: str
    state: Callable[[Any], Any]
    restore: Callable[[Any, Any], None]
    advance: Callable[[Any], object]
    remedy: str


def _numpy_state(module: Any) -> Any:
    kind, keys, *rest = module.get_state()
    return kind, tuple(keys.tolist()), *rest


def _set_torch(module: Any, state: Any) -> None:
    module.set_rng_state(module.tensor(state, dtype=module.uint8))


STREAMS = (
    GlobalStream(
        "random",
        lambda module: module.getstate(),
        lambda module, state: module.setstate(state),
        lambda module: module.random(),
        "draw from a random.Random(seed) of its own",
    ),
    GlobalStream(
        "numpy.random",
        _numpy_state,
        lambda module, state: module.set_state(state),
        lambda module: module.random_sample(),
        "draw from a numpy.random.default_rng(seed) of its own; in scikit-learn give random_state",
    ),
    GlobalStream(
        "torch",
        lambda module: module.get_rng_state().tolist(),
        _set_torch,
        lambda module: module.rand(1),
        "after torch.manual_seed(seed) in make keep self.state = torch.get_rng_state(), begin fit and sample "
        "with torch.set_rng_state(self.state), and end both with self.state = torch.get_rng_state()",
    ),
)


def drawn_from(act: Callable[[], object]) -> list[GlobalStream]:
    """The global streams that an act draws from, or seeds; all are put back to where they were.

    Args:
        act: done once more; what it raises is known already.
    """
    loaded = [(stream, sys.modules[stream.module]) for stream in STREAMS if stream.module in sys.modules]
    kept = [stream.state(module) for stream, module in loaded]
    # what seeds a stream leads it to one place again and again: begin elsewhere
    for stream, module in loaded:
        stream.advance(module)
    before = [stream.state(module) for stream, module in loaded]
    with suppress(Exception, SystemExit):
        act()
    moved = [s for (s, module), state in zip(loaded, before, strict=True) if s.state(module) != state]
    for (stream, module), state in zip(loaded, kept, strict=True):
        stream.restore(module, state)
    return moved


def reason(act: Callable[[], object]) -> str:
    """In words, why an act may depend on the process: what it draws from or changes there; or ""."""
    before = dict(_shared())
    said = [
        f": it draws from the global stream of {s.module}, which all code shares; {s.remedy}"
        for s in drawn_from(act)
    ]
    if changed := [name for (of, name), held in _shared() if before.get((of, name)) != held]:
        said.append(f": it changes {some(changed)}, which all models share; keep it in the object (self)")
    return "".join(said)


def _shared() -> Iterator[tuple[tuple[str, str], bytes]]:
    """What modules of the user's files and their classes hold, by the names of module and value.

    What cannot be compared is left out.
    """
    for module in own_modules():
        values = dict(vars(module))
        for cls in [v for v in values.values() if isinstance(v, type) and v.__module__ == module.__name__]:
            values |= {f"{cls.__name__}.{name}": value for name, value in vars(cls).items()}
        for name, value in values.items():
            if "__" in name or isinstance(value, (type, ModuleType)) or inspect.isroutine(value):
                continue
            with suppress(Exception):
                yield (module.__name__, name), pickle.dumps(value)
