"""When does synthetic data help, and how much of it: trials, round after round, until the budget is spent."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genloss.errors import DataError, FitError, GenlossError, SpecError
from genloss.events import event_of
from genloss.generators import Copula, Given, Trees
from genloss.metrics.learners import fits, real_target, target_classes
from genloss.metrics.learners import name as called
from genloss.protocols import Generator
from genloss.real import Table
from genloss.study import Results, Study, run
from genloss.study.executor import LocalExecutor
from genloss.study.progress import Silent
from genloss.study.running import cores
from genloss.traits import ACCEPTS
from genloss.trials import Trial
from genloss.trials.strategies import STRATEGIES, Strategy
from genloss.value.advice import Advice
from genloss.value.answers import Answers, answers
from genloss.value.costs import first_round, making, rounded
from genloss.value.doubts import of_files, of_table
from genloss.value.measures import Measure, measures
from genloss.value.plan import Clock, Part, parts, rounds
from genloss.value.privacy import Likeness, likeness
from genloss.value.reading import Reading, hopeless, read

_FOLDS, _GENERATIONS = 10, 100
# Rows of a kind below which nothing is said of how near they are to others.
_FEWEST = 10
# The largest target: squares of larger ones overflow.
_LARGEST = 1e150
# Of the budget, for the first of several learners, the linear one.
_FIRST = 0.4
# Of the budget, what is kept for looking at the rows that were made, and for the page.
_KEPT = 0.1
# Of the budget, what a generator may take for one fit that is tried without being named.
_ONE_FIT = 0.05
Told = Callable[[str], None]


def advise(
    data: Any,
    target: str | None = None,
    *,
    synthetic: Any = (),
    generators: Sequence[Generator] | Mapping[str, Generator] = (),
    learner: Any = None,
    measure: str | None = None,
    margin: float | None = None,
    compare: Sequence[str] | str = (),
    generations: int = 1,
    budget: float = 300.0,
    seed: int = 0,
    workers: int | None = None,
    out: str | Path | None = None,
    told: Told | None = None,
) -> Advice:
    """Whether synthetic rows help to predict a column, how many of them, and how sure that is.

    The rows are dealt into folds, again and again; generators and learners see the other folds alone. What is
    best on some rows is promised as far as it holds on rows that did not choose it.

    Args:
        data: a file, a bundled table, a frame, or a :class:`genloss.real.Table`.
        target: the column to be predicted.
        synthetic: files or frames of synthetic rows, made by anybody; by name, in a list, or one.
        generators: what else makes synthetic rows; by default, without files, a copula and a chain of trees.
        learner: "logistic", "ridge", "boosting", "forest", "mlp", or what makes an estimator of
            scikit-learn's kind; by default a linear one and then, if the budget allows, boosting.
        measure: what the verdict is about: "brier", "log_loss", "auc", "error", "balanced_error" or "f1" of
            classes, "rmse", "mae" or "r2" of numbers; by default the first of each.
        margin: the gain that makes no difference that matters, in units of the measure; by default 0.01 of
            what is a share, and 2% of the best free value of what is not.
        compare: strategies that are tried beside adding the rows: "nearest", "verified", "first",
            "ensemble", or "all".
        generations: what becomes of the gain if so many generations of generators are trained one after the
            other, each on the real rows and all that the ones before it made; 1 for none.
        budget: seconds.
        seed: of everything random.
        workers: processes; by default one for each core. 0 runs everything here.
        out: a folder in which finished trials are kept and found again.
        told: is called with a line after each round.

    Raises:
        DataError: if a table cannot serve.
        SpecError: if there is no such column or measure, or the budget is too small for one trial; says how
            much that needs.
        FitError: if no learner or no source worked.

    >>> found = advise("wine", learner="logistic", generators=[Copula()], budget=60, workers=0)
    >>> found.verdict in ("helps", "hurts", "no difference", "no evidence")
    True
    """
    clock = Clock.of(budget)
    real = data if isinstance(data, Table) else Table(data, target=target)
    folds = _folds(real)
    found = measures(target_classes(real))
    if measure is not None and measure not in found:
        kind = "a target of classes" if target_classes(real) else "a target of numbers"
        raise SpecError(f"measure: '{measure}' is none of {', '.join(found)}, which {kind} has")
    judged = found[measure] if measure else next(iter(found.values()))
    strategies = _strategies(compare)
    if not 1 <= generations <= _GENERATIONS:
        raise SpecError(f"generations: from 1 to {_GENERATIONS} (got {generations})")
    sources = _sources(real, synthetic, generators, budget)
    warned = [*of_table(real), *of_files(real, sources)]
    linear = "logistic" if target_classes(real) else "ridge"
    learners = [linear, "boosting"] if learner is None else [learner]
    wanted = [parts(real, one, sources, folds, seed, strategies, generations) for one in learners]
    if learner is not None:
        fits(learner, target_classes(real))
        if not wanted[0][0].trial.weighs:
            warned.append(
                f"{called(learner)} takes no weights of rows: ways to train that need them are left out"
            )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()) if out is None else out)
        lanes = (cores() if _nameable(wanted) else 0) if workers is None else workers
        # one pool for all rounds: to start an interpreter takes longer than many a trial
        pool = stack.enter_context(LocalExecutor(lanes)) if lanes else None
        if pool is not None:
            stack.callback(pool.kill)  # what was begun when the budget was spent is not waited for
        work = _Work(real, judged, folder, pool, lanes, clock, told or (lambda line: None))
        readings: list[Reading] = []
        begun = [True]
        for one, some in zip(learners[1:], wanted[1:], strict=True):
            needed = first_round([p.trial for p in some], lanes)
            begun.append(needed <= (1 - _FIRST) * budget)
            if not begun[-1]:
                more = rounded(needed / (1 - _FIRST))
                warned.append(f"{one}: not tried: it needs a budget of about {more:.0f} s")
        until = budget * _FIRST if sum(begun) > 1 else budget
        for one, some, going in zip(learners, wanted, begun, strict=True):
            if going:
                reading = work.read(some, until, first=not readings)
                until = budget
                if reading is None:
                    warned.append(f"{one}: not one trial of each kind was done within the budget")
                else:
                    readings.append(reading)
        doses = max(arm.dose for p in wanted[0] if not p.free for arm in p.trial.arms)
        if doses < 1 and not all(isinstance(source, Given) for source in sources.values()):
            warned.append(f"so large a table is tried with up to {doses:g} synthetic rows for each real one")
        tried = {name: sources[name] for r in readings for name in r.sources()}
        alike = _alike(real, tried, folds, seed, clock)
    return Advice.of(real, judged, readings, alike, warned, margin, clock)


def _alike(
    real: Table, sources: Mapping[str, Generator], folds: int, seed: int, clock: Clock
) -> dict[str, Likeness]:
    """What each source's rows are like, as far as the budget goes."""
    found = {}
    trained = Trial(real, folds=folds).trained
    for name, source in sources.items():
        if clock.left > making(source, trained, len(real.schema.columns)):
            with suppress(GenlossError):  # a source that makes no rows has said so where it was tried
                made = Trial(real, source=source, doses=(1.0,), folds=folds, seed=seed).made()
                if len(made[0]) >= _FEWEST:
                    found[name] = likeness(*(real.features(rows) for rows in made))
    return found


@dataclass(eq=False)
class _Work:
    """Trials of a study, run round after round.

    Args:
        real: the table.
        measure: what is judged by.
        folder: of the run.
        pool: of workers; None where everything runs here.
        workers: how many.
        clock: what is left of the budget.
        told: is called with a line after each round.
    """

    real: Table
    measure: Measure
    folder: Path
    pool: LocalExecutor | None
    workers: int
    clock: Clock
    told: Told

    def read(self, wanted: list[Part], until: float, first: bool) -> Reading | None:
        """What a learner's trials say, as far as the budget goes; None where not even one round is done."""
        reading: Reading | None = None
        going, before, last, reads = wanted, 0, 0.0, 0.0
        planned = [*rounds(wanted[0].trial)]
        for i, tiles in enumerate(planned):
            # of the time for trials, what reading them and looking at the rows will take is kept
            left = self.clock.left - _KEPT * self.clock.budget - 2 * reads
            ahead = last * (tiles - before) / max(before, 1)
            if reading is not None and (self.clock.spent + ahead > until or ahead > left):
                break
            began = self.clock.spent
            results = self._run(going, tiles, max(left, 0.05))
            last, before = (self.clock.spent - began) + last, tiles
            some = self._answers(results, going)
            if not any(not one.free for one in some) or some[0].source != wanted[0].name:
                if first and reading is None:
                    raise self._nothing(results, wanted, left)
                break
            began = self.clock.spent
            reading = replace(read(some, self.measure, results, wanted), rounds=(i + 1, len(planned)))
            reads = self.clock.spent - began
            self.told(f"{self.clock.spent:.0f} s: {reading.said(self.measure)}")
            gone = hopeless(reading, self.measure, len(wanted[0].trial.real_rows))
            going = [p for p in going if p.name not in gone]
        return reading

    def _run(self, wanted: list[Part], tiles: int, seconds: float) -> Results:
        study = {p.name: replace(p.trial, replicates=tiles * p.trial.tile_size) for p in wanted}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # failures are in the results, and told in the answer
            return run(
                study,
                self.folder,
                workers=self.workers if self.pool is None else None,
                executor=self.pool,
                trust=True,
                progress=Silent(),
                time_limit=seconds,
            )

    def _answers(self, results: Results, wanted: list[Part]) -> list[Answers]:
        """The answers of each cell that has any."""
        some = [
            answers(results, cell, part.name, part.free, part.generation)
            for part, cell in zip(wanted, results.cells, strict=True)
        ]
        return [one for one in some if one.size]

    def _nothing(self, results: Results, wanted: list[Part], left: float) -> GenlossError:
        """What to say where not even the real rows and one source have an answer."""
        if results.failures and self.clock.left > 0.5 * left:
            return FitError(results.failures[0][1])
        trials = [p.trial for p in wanted]
        enough = max(2 * first_round(trials, self.workers) / (1 - _KEPT), 2 * self.clock.budget)
        return SpecError(
            f"budget: {self.clock.budget:g} s is too little for one trial of each kind; give at least "
            f"{rounded(enough):.0f} s, or name fewer generators or a linear learner"
        )


def _nameable(wanted: Sequence[Sequence[Part]]) -> bool:
    """Whether a spec can name all parts, so that other processes can make them."""
    try:
        Study.of({p.name: p.trial for some in wanted for p in some}).toml()
    except SpecError:
        return False
    return True


def _folds(real: Table) -> int:
    """Folds that every class of the target can be dealt into.

    Raises:
        SpecError: if there is no target, or of one class alone.
    """
    if real.target is None and real.schema.target is None:
        named = ", ".join(real.schema.names[:12])
        raise SpecError(f"target: name the column to be predicted (columns: {named})")
    trial = Trial(real)
    if not trial.classes:
        largest = np.abs(trial.targets).max()
        if largest > _LARGEST:
            raise SpecError(
                f"target: '{real.schema.names[real_target(real)]}' has numbers up to {largest:.2g}, whose "
                f"squares are too large to be added up; scale it"
            )
        return min(_FOLDS, len(trial.real_rows) // 2)
    column = real.schema.columns[real_target(real)]
    count = np.bincount(trial.targets.astype(int), minlength=trial.classes)
    labels = column.categories or ("no", "yes")
    least = int(count.argmin())
    if count[least] < 4:
        raise SpecError(
            f"target: class {labels[least]!r} of '{column.name}' has {count[least]} rows of {count.sum()}; "
            f"each class needs at least 4, so that every learner sees it and some are held out: leave it "
            f"out, or join it to another"
        )
    return int(min(_FOLDS, count[least]))


def _sources(real: Table, synthetic: Any, generators: Any, budget: float) -> dict[str, Generator]:
    """What makes synthetic rows, by name; where nothing is named, what the budget has time for."""
    one = not isinstance(synthetic, (Mapping, list, tuple))
    files = {} if synthetic is None else synthetic
    if not isinstance(files, Mapping):
        some = [files] if one else list(files)
        files = {_named(path, i): path for i, path in enumerate(some)}
    found: dict[str, Generator] = {}
    for name, path in files.items():
        given = Given(path)
        if not len(given.rows(real.schema)):  # what does not fit is told before anything runs
            raise DataError(f"{name}: the file has no rows; synthetic rows are needed")
        found[_free(str(name), found)] = given
    if isinstance(generators, Mapping):
        found |= generators
    else:
        for generator in generators:
            found[_free(type(generator).__name__, found)] = generator
    for name, generator in found.items():
        accepted = ACCEPTS.of(generator)
        if not event_of(real).accepted_by(accepted):
            raise SpecError(
                f"generator: {name} is for {' and '.join(accepted or ())}; this table, its target included, "
                f"has categories or missing cells; use Copula, Trees or Forest"
            )
    if found:
        return found
    trees, (rows, columns) = Trees(), Trial(real).real_rows.shape
    found["Copula"] = Copula()
    return found | ({"Trees": trees} if making(trees, rows, columns) <= _ONE_FIT * budget else {})


def _strategies(asked: Sequence[str] | str) -> tuple[Strategy, ...]:
    """Strategies by name.

    Raises:
        SpecError: if there is none of a name.
    """
    names = [asked] if isinstance(asked, str) else [*asked]
    for name in names:
        if name != "all" and name not in STRATEGIES:
            raise SpecError(f"compare: '{name}' is none of all, {', '.join(STRATEGIES)}")
    return tuple(s for s in STRATEGIES if "all" in names or s in names)


def _named(path: Any, i: int) -> str:
    return Path(path).stem if isinstance(path, (str, Path)) else f"synthetic {i + 1}"


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """A name that nobody has."""
    count = sum(one == name or one.startswith(f"{name} (") for one in taken)
    return f"{name} ({count + 1})" if count else name
