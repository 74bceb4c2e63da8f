"""Which trials answer the question, and how many of them a budget allows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from genloss.generators import Again, Bootstrap, Given, Smote
from genloss.metrics.learners import real_target
from genloss.protocols import Generator, RealData
from genloss.trials import Trial
from genloss.trials.strategies import Strategy
from genloss.value.costs import making

REAL = "real rows"
"""The cell without synthetic rows."""

# Numbers of the inputs of one fold: 2 * 10^7 float64 are 160 MB, and a tile holds a few copies of them.
_NUMBERS = 2e7
# Rows beyond which nearest neighbours are not looked for.
_FEW = 20_000
# Answers of each arm: dealing the rows again tells nothing new about rows, and after so many little about
# them.
_ANSWERS, _TIMES = 200_000, 8


@dataclass(frozen=True, eq=False)
class Part:
    """One cell of the study.

    Args:
        name: of the cell, and in the answer of where its synthetic rows come from.
        trial: what is tried.
        free: whether its rows cost no generator.
        generation: of the models that make them; later ones than the first are no candidates.
    """

    name: str
    trial: Trial
    free: bool
    generation: int = 1


def parts(
    real: RealData,
    learner: Any,
    sources: Mapping[str, Generator],
    folds: int,
    seed: int,
    strategies: Sequence[Strategy] = (),
    generations: int = 1,
) -> list[Part]:
    """The cells that a learner is tried in: real rows alone, the free ones, and each source.

    Args:
        real: the table.
        learner: that learns.
        sources: of synthetic rows, by name.
        folds: that rows are dealt into.
        seed: of everything random.
        strategies: what is tried with the rows of a source, beside adding them.
        generations: of models, each trained on real rows and all that was made before; how the last fares,
            and one between, is tried too.
    """
    first = Trial(real, learner=learner, folds=folds, seed=seed)
    linear = first.linear
    most = _NUMBERS / (first.trained * (first.inputs + 1)) - 1
    usual = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0) if linear else (0.5, 1.0, 2.0)
    doses = tuple(d for d in usual if d <= most) or (0.25,)
    weights = (0.5, 0.25) if linear else (0.5,)
    found = [Part(REAL, first, True)]
    again = replace(first, source=Bootstrap(), doses=(1.0,) if most >= 1 else (0.25,), weights=())
    found.append(Part("copies", again, True))
    if first.unequal and first.weighs and len(first.real_rows) <= _FEW and _enough(first):
        found.append(Part("SMOTE", replace(first, source=Smote(), doses=(), weights=()), True))
    rows, columns = first.real_rows.shape
    made, after = [], []
    for name, source in sources.items():
        trial = replace(first, source=source, doses=doses, weights=weights, strategies=tuple(strategies))
        made.append(Part(name, trial, False))
        if not isinstance(source, Given):
            for t in sorted({(generations + 2) // 2, generations} - {1}):
                later = replace(trial, source=Again(source, t), weights=(), strategies=(), parity=False)
                after.append(Part(f"{name}, generation {t}", later, False, t))
    # the quickest right after the real rows: these two are an answer
    quick = min(sources, key=lambda name: making(sources[name], rows, columns))
    return [
        found[0],
        *(p for p in made if p.name == quick),
        *found[1:],
        *(p for p in made if p.name != quick),
        *after,
    ]


def _enough(trial: Trial) -> bool:
    """Whether every class has neighbours to interpolate between in every fold."""
    target = trial.real_rows[:, real_target(trial.real)]
    return all((target == k).sum() * (1 - 1 / trial.folds) >= 2 for k in range(trial.classes))


def rounds(trial: Trial) -> Iterator[int]:
    """Tiles of each cell after each round: one, two, four, ... all folds once, twice, four times, ..."""
    once = trial.folds // trial.folds_together
    times = max(min(_TIMES, _ANSWERS // len(trial.real_rows)), 1)
    done = 1
    while done < once:
        yield done
        done *= 2
    done = 1
    while done <= times:
        yield done * once
        done *= 2


@dataclass
class Clock:
    """What is left of a budget.

    Args:
        budget: seconds.
        began: when, as ``time.monotonic()`` has it.
    """

    budget: float
    began: float

    @classmethod
    def of(cls, budget: float) -> Clock:
        """A clock that starts now."""
        return cls(budget, time.monotonic())

    @property
    def spent(self) -> float:
        """Seconds."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds."""
        return self.budget - self.spent
