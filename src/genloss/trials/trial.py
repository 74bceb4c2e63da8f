"""The trial: a task of a study whose replicates are held-out rows, and whose axis is the arms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Le
from pydantic import BeforeValidator

from genloss.components import Positive, Replicates, Share, Size, component, plain
from genloss.errors import SpecError
from genloss.generators.given import Given, copied, first_equal
from genloss.meaning import Meaning
from genloss.metrics import logistic
from genloss.metrics.learners import LINEAR, Learner, inputs, real_target, target_classes, weighs
from genloss.protocols import Generator, RealData, Record
from genloss.samples import Array, Chunk, Samples
from genloss.streams import REAL, Address, Role
from genloss.tables import Schema
from genloss.traits import FEATURES, SCHEMA, SIZE
from genloss.trials.arms import Arm, of_real_rows, of_source
from genloss.trials.learning import Lesson, Pupil, settings_of
from genloss.trials.splits import folded
from genloss.trials.strategies import Strategy, arms_of, ensemble, nearest, verified


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Doses = Annotated[tuple[Positive, ...], BeforeValidator(_listed)]
Weights = Annotated[tuple[Share, ...], BeforeValidator(_listed)]
Strategies = Annotated[tuple[Strategy, ...], BeforeValidator(_listed)]
Folds = Annotated[int, BeforeValidator(plain), Ge(2), Le(1000)]

# Numbers of the inputs of one tile: 2^22 float64 are 32 MB, and all folds of a small table.
_TILE = 2**22


# Of the largest class's rows: a class that has fewer is rare.
_RARE = 0.8


@component
class Trial:
    """What a learner answers on held-out real rows that learnt from real and synthetic ones.

    All rows of a table are dealt into folds, again and again. Of each fold the other rows train the generator
    and, with what it makes, the learner, once for each *arm*: so many synthetic rows, of such weight, with
    the learner set so. Arms are paired: they see the same folds, prefixes of the same synthetic rows and the
    same seeds, and so do trials of one study with other sources. A replicate is one answer: held-out row
    after held-out row, fold after fold, time after time, in the order of :meth:`held`.

    Args:
        real: a table with a target.
        learner: "logistic", "ridge", "boosting", "forest", "mlp", or what makes an estimator of
            scikit-learn's kind, in a spec "module:name".
        source: what makes the synthetic rows; None for the real rows alone.
        doses: synthetic rows by real ones.
        weights: of a synthetic row, beside 1; at doses from 1 on.
        parity: whether rows of the rarer classes alone are tried, as many as make classes equally many.
        shares: of the real rows, for the learning curve, where there is no source.
        strategies: what else is tried with the rows of a source: "nearest", "verified", "first", "ensemble".
        folds: K; each learner learns from all rows but one K-th.
        replicates: answers for each arm; of a table of n rows, n for each time that all folds were held out.
        seed: of folds, generators and learners.

    >>> from genloss.generators import Copula
    >>> from genloss.real import Table
    >>> trial = Trial(Table("wine"), source=Copula(), doses=(1.0,), weights=(), parity=False)
    >>> [arm.said(trial.settings) for arm in trial.arms][:2]
    ['1x', '1x, penalty x0.01']
    """

    real: RealData
    learner: Learner = "logistic"
    source: Generator | None = None
    doses: Doses = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
    weights: Weights = (0.5, 0.25)
    parity: bool = True
    shares: Weights = (0.25, 0.5)
    strategies: Strategies = ()
    folds: Folds = 10
    replicates: Replicates = 1000
    seed: Size = 0
    axes: ClassVar = ("arm",)

    @cached_property
    def real_rows(self) -> Array:
        """(n, D) all real rows."""
        size = SIZE.of(self.real)
        schema = SCHEMA.of(self.real)
        if not isinstance(schema, Schema) or size is None:
            raise SpecError("real: a trial needs a table; give a Table with a target")
        if schema.target is None:
            raise SpecError("real.target: a trial needs a column to be predicted; name one")
        every = Samples.of([Chunk(size, 0, REAL, self.real.draw(1, size, Address(0).real(0, 0)))])
        return np.concatenate([_sorted(every.rows[0]), self.real.holdout()])

    @cached_property
    def targets(self) -> Array:
        """(n,) targets of the real rows: codes, or numbers."""
        return self.real_rows[:, real_target(self.real)]

    @property
    def classes(self) -> int:
        """K; 0 where the target is a number."""
        return target_classes(self.real)

    @property
    def linear(self) -> bool:
        """Whether all folds are solved at once; other learners take their time, fold by fold."""
        return isinstance(self.learner, str) and self.learner in LINEAR

    @cached_property
    def weighs(self) -> bool:
        """Whether the learner takes weights of rows; without, arms that need them are left out."""
        return weighs(self.learner, self.classes)

    @property
    def settings(self) -> list[str]:
        """The learner's settings in words."""
        return [words for words, _ in settings_of(self.learner)]

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """What is tried."""
        if self.source is None:
            some = of_real_rows(len(self.settings), self.shares, bool(self.classes), not self.linear)
            return tuple(arm for arm in some if self.weighs or not arm.balanced)
        doses = self.doses
        if isinstance(self.source, Given):
            most = len(self.source.rows(SCHEMA.of(self.real)))
            # a file has the rows it has
            doses = tuple(d for d in doses if _made(d, self.trained) <= most) or (most / self.trained,)
        parity, settings = self.parity and self.unequal and self.weighs, len(self.settings)
        added = of_source(settings, doses, self.weights if self.weighs else (), parity, not self.linear)
        return (*added, *(arms_of(self.strategies, settings, doses, self.linear) if doses else ()))

    @cached_property
    def unequal(self) -> bool:
        """Whether there are classes, and some are rare enough for more rows of them to matter."""
        if not self.classes:
            return False
        count = np.bincount(self.targets.astype(int), minlength=self.classes)
        return bool(count.min() < _RARE * count.max())

    @property
    def held_size(self) -> int:
        """m, rows that a fold holds out."""
        return len(self.real_rows) // self.folds

    @property
    def trained(self) -> int:
        """Real rows that a learner learns from."""
        return len(self.real_rows) - self.held_size

    @property
    def inputs(self) -> int:
        """Numbers that the target is predicted from."""
        return int(inputs(self.real, self.real_rows[:1], real_target(self.real)).shape[-1])

    # -- as a task of a study ------------------------------------------------------------------------

    @cached_property
    def folds_together(self) -> int:
        """Folds that a tile holds: all of them where they are small, and solved at once."""
        if not self.linear:
            return 1
        most = self.trained * (1 + max(self.doses, default=0)) * self.real_rows.shape[1]
        fitting = [k for k in range(1, self.folds + 1) if self.folds % k == 0 and k * most <= _TILE]
        return max(fitting, default=1)

    @property
    def tile_size(self) -> int:
        """Answers in a tile."""
        return self.folds_together * self.held_size

    @cached_property
    def meanings(self) -> dict[str, Meaning]:
        """The answers: a number, or the probability of each class but the first."""
        schema = SCHEMA.of(self.real)
        assert isinstance(schema, Schema)
        column = schema.columns[real_target(self.real)]
        if not self.classes:
            return {"answer": Meaning(f"Answer: {column.name}", of="published")}
        return {
            f"chance {k}": Meaning(f"Chance of {column.name} = {label}", scale="share", of="published")
            for k, label in enumerate(column.categories or ("no", "yes"))
            if k > 0
        }

    def labels(self, axis: str) -> Sequence[Any]:
        """The arms in words."""
        return [arm.said(self.settings) for arm in self.arms]

    def held(self, tile: int) -> Array:
        """(F, m) which rows a tile's answers are about, fold by fold."""
        return self._folds(Address(self.seed, 0, tile))[0]

    def _folds(self, address: Address) -> tuple[Array, Array]:
        """(F, m) held-out and (F, n - m) training rows of a tile's folds."""
        tiles = self.folds // self.folds_together
        time, part = divmod(address.tile, tiles)
        codes = self.targets if self.classes else None
        # by the seed alone: all trials of a table deal alike
        held, trained = folded(codes, len(self.real_rows), self.folds, Address(self.seed).real(0, time))
        mine = slice(part * self.folds_together, (part + 1) * self.folds_together)
        return held[mine], trained[mine]

    def records(self, address: Address) -> Iterator[Record]:
        """The answers of each arm on the rows that a tile holds out."""
        held, trained = self._folds(address)
        size = self.tile_size if address.size is None else address.size
        streams = Address(self.seed, 0, address.tile)
        for i, found in enumerate(self.answers(self.real_rows[trained], self.real_rows[held], streams)):
            flat = found.reshape(-1, found.shape[-1])[:size]
            if self.classes:
                yield Record((i,), {f"chance {k}": flat[:, k] for k in range(1, self.classes)})
            else:
                yield Record((i,), {"answer": flat[:, 0]})

    def answers(self, rows: Array, tests: Array, streams: Address) -> Iterator[Array]:
        """(S, m, K) probabilities, or (S, m, 1) numbers, of one arm after the other.

        Args:
            rows: (S, n, D) real rows to learn from, in S splits.
            tests: (S, m, D) rows to be asked about.
            streams: of generator and learner.

        Raises:
            FitError: if the learner failed in all arms, or the generator cannot be fitted.
        """
        seeds = streams.rng(0, 0, Role.MEASURE).integers(2**31, size=len(rows))
        pupil = Pupil(self.learner, self.classes, self._lesson(tests).x, seeds)
        real = every = self._lesson(rows)
        if self.source is not None:
            made, apart = self._synthetic(rows, tests, streams)
            every = self._both(real, self._lesson(made), apart)
        worked = False
        for arm in self.arms:
            found = self._asked(arm, pupil, real, every)
            worked = worked or not np.isnan(found).all()
            yield found
        if not worked and pupil.failed is not None:
            raise pupil.failed

    def _asked(self, arm: Arm, pupil: Pupil, real: Lesson, every: Lesson) -> Array:
        """(S, m, K or 1) answers of an arm."""
        made = _made(arm.dose, real.y.shape[1])
        if arm.strategy == "ensemble":
            lessons = ensemble(real, every, int(arm.dose))
            return np.asarray(np.mean([pupil.answers(one, arm.setting) for one in lessons], axis=0))
        if arm.strategy == "first":
            n = real.y.shape[1]
            w = None if every.w is None else every.w[:, n : n + made]
            return pupil.held_to(
                Lesson(every.x[:, n : n + made], every.y[:, n : n + made], w), real, arm.setting
            )
        if arm.strategy == "nearest":
            return pupil.answers(nearest(real, every, made), arm.setting)
        if arm.strategy == "verified":
            return pupil.answers(verified(pupil, real, every, made), arm.setting)
        return pupil.answers(self._taught(arm, real, every), arm.setting)

    def made(self, tile: int = 0) -> tuple[Array, Array, Array]:
        """(M, D) synthetic rows of a tile's first fold, (n, D) those made from, (m, D) those held out.

        There are as many synthetic rows as real ones.

        Raises:
            SpecError: if there is no source.
        """
        if self.source is None:
            raise SpecError("source: a trial of real rows alone makes none; name a generator")
        held, trained = self._folds(Address(self.seed, 0, tile))
        rows, tests = self.real_rows[trained[:1]], self.real_rows[held[:1]]
        made, _ = self._synthetic(rows, tests, Address(self.seed, 0, tile))
        return made[0][: rows.shape[1]], rows[0], tests[0]

    def _lesson(self, rows: Array) -> Lesson:
        target = real_target(self.real)
        y = rows[..., target]
        gone = np.isnan(y)  # a target that a source left out teaches nothing
        w = np.where(gone, 0.0, 1.0) if gone.any() else None
        return Lesson(logistic.with_ones(inputs(self.real, rows, target)), np.where(gone, 0.0, y), w)

    def _both(self, real: Lesson, made: Lesson, apart: Array) -> Lesson:
        """Real rows, and after them synthetic ones, of which (S, M) those apart from what is asked count."""
        x = np.concatenate([real.x, made.x], axis=1)
        y = np.concatenate([real.y, made.y], axis=1)
        if made.w is None and apart.all():
            return Lesson(x, y)
        # a copy of a row that is asked about would know the answer
        own = apart * 1.0 if made.w is None else apart * made.w
        return Lesson(x, y, np.concatenate([np.ones(real.y.shape), own], axis=1))

    def _synthetic(self, rows: Array, tests: Array, streams: Address) -> tuple[Array, Array]:
        """(S, M, D) synthetic rows, of which each arm takes the first few, and (S, M) which copy no test."""
        assert self.source is not None
        n = rows.shape[1]
        most = max((_made(arm.dose, n) for arm in self.arms if arm.dose), default=n)
        chunk = Chunk(n, 0, REAL, rows, schema=SCHEMA.of(self.real))
        train, rng = Samples.of([chunk]), streams.rng(0, 0, Role.PUBLISH)
        if not isinstance(self.source, Given):
            made = self.source.fit(train, streams.rng(0, 0, Role.FIT)).sample(most, rng)
            return np.asarray(made), np.ones((len(rows), most), dtype=bool)
        model = self.source.fit(train, rng)
        places = model.places(most, rng)
        asked = first_equal(self._numbers(tests.reshape(-1, tests.shape[-1])), self._numbers(self.real_rows))
        apart = np.empty(places.shape, dtype=bool)
        for s, mine in enumerate(asked.reshape(tests.shape[:2])):
            apart[s] = ~np.isin(self._copies[places[s]], mine[mine >= 0])
        return model.rows[places], apart

    @cached_property
    def _copies(self) -> Array:
        """(M,) which real row each row of a file is a copy of, -1 for none."""
        assert isinstance(self.source, Given)
        made = self.source.rows(SCHEMA.of(self.real))
        return copied(self._numbers(made), self._numbers(self.real_rows))[0]

    def _numbers(self, rows: Array) -> Array:
        """(n, d) rows, target included, as numbers of like size."""
        features = FEATURES.of(self.real)
        return rows if features is None else features(rows)

    def _taught(self, arm: Arm, real: Lesson, every: Lesson) -> Lesson:
        """What an arm learns from.

        Args:
            arm: the arm.
            real: (S, n) real rows.
            every: these, and after them the synthetic ones.
        """
        n = real.y.shape[1]
        if arm.parity:
            return self._parity(real, every)
        if arm.dose:
            end = n + _made(arm.dose, n)
            w = None if every.w is None else every.w[:, :end]
            if arm.weight != 1:
                w = np.broadcast_to(np.where(np.arange(end) < n, 1.0, arm.weight), (len(real.y), end)) * (
                    1.0 if w is None else w
                )
            return Lesson(every.x[:, :end], every.y[:, :end], w)
        if arm.balanced:
            count = (real.y[..., None] == np.arange(self.classes)).sum(axis=1)
            each = n / (np.maximum(count, 1) * self.classes)
            return Lesson(real.x, real.y, np.take_along_axis(each, real.y.astype(int), axis=1))
        first = n if arm.share == 1 else max(round(arm.share * n), 1)
        return Lesson(real.x[:, :first], real.y[:, :first])

    def _parity(self, real: Lesson, every: Lesson) -> Lesson:
        """Real rows, and synthetic rows of the rarer classes with weights that make classes equal.

        Each class has the first rows of it that were made; where too few were, they weigh more.
        """
        classes, n = np.arange(self.classes), real.y.shape[1]
        count = (real.y[..., None] == classes).sum(axis=1)
        need = count.max(axis=1, keepdims=True) - count
        is_class = every.y[:, n:, None] == classes
        if every.w is not None:
            is_class &= every.w[:, n:, None] > 0
        taken = is_class & (np.cumsum(is_class, axis=1) <= need[:, None])
        there = taken.sum(axis=1)
        each = np.divide(need, there, out=np.zeros(need.shape), where=there > 0)
        w = np.concatenate([np.ones((len(taken), n)), (taken * each[:, None]).sum(axis=-1)], axis=1)
        # those taken first, so that the others need not be carried on
        most = int((w > 0).sum(axis=1).max())
        order = np.argsort(w == 0, axis=1, kind="stable")[:, :most]
        return Lesson(
            np.take_along_axis(every.x, order[..., None], axis=1),
            np.take_along_axis(every.y, order, axis=1),
            np.take_along_axis(w, order, axis=1),
        )


def _made(dose: float, n: int) -> int:
    """Synthetic rows of a dose beside n real ones."""
    return max(round(dose * n), 1)


def _sorted(rows: Array) -> Array:
    """The rows in an order that does not depend on how they were drawn."""
    return rows[np.lexsort(rows.T[::-1])]
