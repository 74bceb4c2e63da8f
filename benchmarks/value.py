"""What `genloss advise` says of tasks whose truth is known, and how fast it is beside a loop over "
"scikit-learn.

``python -m benchmarks.value [--tasks 200] [--times 2] [--seed 0] [--jobs 2] [name ...]``, names being
beginnings of those of cases; ``python -m benchmarks.value --speed``.

First table: of so many data sets drawn from one law, with the sources that are named, each judged as `advise`
judges it, all arms of all sources and all free ones. *truth* is the mean gain of the arm that was chosen,
when it learns from the whole data set, over the free one that was chosen, on 4,000 other rows; *covers* how
often the interval of the verdict holds that mean, and how often the promised one holds the gain of this very
data set; then how often it was said that synthetic rows help, and that they hurt; *seen* is the mean of the
smallest gain that the answer says would have been told four times of five. Differences are in hundredths,
more is better.

Second table: processor time for the same answers, of all arms on all folds, by one loop that fits generator
and scikit-learn anew for each, in one thread and one interleaved run; and, over ``--repeats`` deals of the
folds, the variance of the differences between neighbouring doses, both on the same folds. An interval as
narrow takes the loop the product of both times as long.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd

from genloss import generators
from genloss.real import Table
from genloss.streams import Address
from genloss.trials import Trial
from genloss.value.gains import Gain, gain
from genloss.value.measures import Measure, measures

TESTS = 4000


@dataclass(frozen=True)
class Case:
    """A law, a size and what is tried.

    Args:
        n: rows of a data set.
        sources: "good" and "bad" files of 8 n rows (of the law, and of one with other coefficients), "copies"
            of the data set in a file, or names of generators.
        d: inputs.
        learner: who predicts.
        measure: what is judged by.
        scale: of the coefficients; 0 for inputs that tell nothing.
        law: "linear" in its log odds, "curved", or of "numbers".
        rare: what is taken off the log odds, so that one class is rare.
    """

    n: int
    sources: tuple[str, ...]
    d: int = 10
    learner: str = "logistic"
    measure: str = "brier"
    scale: float = 2.0
    law: str = "linear"
    rare: float = 0.0
    few: dict[str, Any] = field(default_factory=dict)


LESS = {"doses": (0.5, 1.0, 2.0), "weights": ()}
CASES = {
    "copies, n=100": Case(100, ("Bootstrap", "copies")),
    "same data, n=100": Case(100, ("Copula", "Independent", "Bootstrap")),
    "same data, n=300": Case(300, ("Copula", "Bootstrap"), d=5),
    "nothing to learn, n=150": Case(150, ("Copula", "Bootstrap"), scale=0.0),
    "good file, n=100": Case(100, ("good",)),
    "good file, n=200": Case(200, ("good", "copies")),
    "good file, d=20": Case(150, ("good",), d=20),
    "bad file, n=200": Case(200, ("bad",)),
    "good file, AUC": Case(200, ("good",), measure="auc"),
    "same data, error": Case(200, ("Copula", "Bootstrap"), measure="error"),
    "rare class": Case(200, ("Copula", "Smote"), d=5, rare=2.5),
    "curved": Case(150, ("good", "Copula"), d=4, law="curved"),
    "numbers, same data": Case(100, ("Copula", "Bootstrap"), learner="ridge", measure="rmse", law="numbers"),
    "numbers, good file": Case(100, ("good",), learner="ridge", measure="rmse", law="numbers"),
    "boosting, same data": Case(100, ("Copula", "copies"), d=5, learner="boosting", few=LESS),
    "boosting, good file": Case(100, ("good",), d=5, learner="boosting", few=LESS),
}


@dataclass(frozen=True)
class _Law:
    """Rows of a case's law."""

    case: Case

    def coefficients(self, bad: bool = False) -> np.ndarray:
        rng = np.random.default_rng(0)
        right, other = rng.standard_normal((2, self.case.d))
        right *= self.case.scale / np.linalg.norm(right)
        other *= self.case.scale / np.linalg.norm(other)
        return 0.6 * right + 0.8 * other if bad else right

    def rows(self, n: int, rng: np.random.Generator, bad: bool = False) -> tuple[pd.DataFrame, np.ndarray]:
        """A table, and what its targets are on average."""
        case = self.case
        x = rng.standard_normal((n, case.d))
        z = x @ self.coefficients(bad) - case.rare
        if case.law == "curved":
            z = z + 1.5 * x[:, 0] * x[:, 1]
        table = pd.DataFrame(x, columns=[f"x{i}" for i in range(case.d)])
        if case.law == "numbers":
            return table.assign(y=z + 2 * rng.standard_normal(n)), z
        p = 1 / (1 + np.exp(-z))
        return table.assign(y=np.where(rng.random(n) < p, "yes", "no")), p


def _trials(case: Case, table: pd.DataFrame, rng: np.random.Generator) -> list[tuple[Trial, bool]]:
    """The trials of a data set, each with whether it is free."""
    law, real = _Law(case), Table(table, target="y")
    first = Trial(real, case.learner, shares=())
    found = [(first, True)]
    again = {"source": generators.Bootstrap(), "doses": (1.0,), "weights": ()}
    found.append((Trial(real, case.learner, **again), True))
    if case.law != "numbers":
        found.append((Trial(real, case.learner, generators.Smote(), doses=(), weights=()), True))
    for name in case.sources:
        if name in ("good", "bad"):
            source: Any = generators.Given(law.rows(8 * case.n, rng, name == "bad")[0])
        elif name == "copies":
            source = generators.Given(
                table.iloc[rng.integers(case.n, size=8 * case.n)].reset_index(drop=True)
            )
        else:
            source = getattr(generators, name)()
        found.append((Trial(real, case.learner, source, **case.few), False))
    return [(trial, free) for trial, free in found if trial.arms]  # of equal classes none is rare


def _shares(trial: Trial, measure: Measure, times: int) -> np.ndarray:
    """(A, n) of each arm for each row; NaN of rows that were never held out."""
    total = np.zeros((len(trial.arms), len(trial.real_rows)))
    count = np.zeros(len(trial.real_rows))
    for tile in range(times * trial.folds // trial.folds_together):
        held = trial.held(tile)
        some = list(trial.records(Address(0, 0, tile)))
        answers = np.stack([np.stack(list(r.values.values()), axis=-1) for r in some])
        if trial.classes:
            answers = np.concatenate([1 - answers.sum(axis=-1, keepdims=True), answers], axis=-1)
        found = measure.rows(answers.reshape(len(some), *held.shape, -1), trial.targets[held])
        total[:, held.ravel()] += found.reshape(len(some), -1)
        count[held.ravel()] += 1
    with np.errstate(invalid="ignore"):
        return total / count


def _truth(
    trial: Trial, measure: Measure, tests: pd.DataFrame, mean: np.ndarray, seeds: int = 2
) -> np.ndarray:
    """(A,) the measure of each arm that learnt from the whole data set."""
    rows, total = trial.real.schema.encode(tests), 0.0
    for seed in range(seeds):
        streams = Address(1000 + seed)
        answers = np.stack([a[0] for a in trial.answers(trial.real_rows[None], rows[None], streams)])
        if measure.name == "brier":  # given the law: without the noise of the targets
            total = total + ((answers[..., 1] - mean) ** 2).mean(axis=1)
        elif measure.name == "rmse":
            total = total + np.sqrt(((answers[..., 0] - mean) ** 2).mean(axis=1) + 4.0)
        else:
            total = total + measure.rows(answers[:, None], rows[None, :, -1]).mean(axis=(1, 2))
    return total / seeds


def _one(name: str, seed: int, times: int) -> tuple[Gain, float]:
    """What is said of one data set, and the truth."""
    case = CASES[name]
    rng = np.random.default_rng([seed, len(name), case.n, case.d])
    tests, mean = _Law(case).rows(TESTS, np.random.default_rng(99))
    trials = _trials(case, _Law(case).rows(case.n, rng)[0], rng)
    measure = measures(trials[0][0].classes)[case.measure]
    shares = np.concatenate([_shares(t, measure, times) for t, _ in trials])
    synthetic = np.array([arm.synthetic and not free for t, free in trials for arm in t.arms])
    truth = np.concatenate([_truth(t, measure, tests, mean) for t, _ in trials])
    told = gain(shares[:, ~np.isnan(shares).any(axis=0)], synthetic, measure.sign)
    return told, float(measure.sign * (truth[told.best] - truth[told.free]))


def _row(name: str, tasks: int, times: int, seed: int, pool: ProcessPoolExecutor) -> str:
    found = list(pool.map(_one, [name] * tasks, range(seed, seed + tasks), [times] * tasks))
    truth = np.array([t for _, t in found])
    typical = np.array([[g.typical.value, g.typical.low, g.typical.high] for g, _ in found])
    promised = np.array([[g.promised.low, g.promised.high] for g, _ in found])
    mean = truth.mean()
    said = (
        f"{100 * mean:.2f}",
        f"{100 * typical[:, 0].mean():.2f}",
        f"{np.mean((typical[:, 1] <= mean) & (mean <= typical[:, 2])):.1%}",
        f"{np.mean((promised[:, 0] <= truth) & (truth <= promised[:, 1])):.1%}",
        f"{np.mean([g.beaten for g, _ in found]):.1%}",
        f"{np.mean([g.worse for g, _ in found]):.1%}",
        f"{100 * np.mean([g.seen for g, _ in found]):.2f}",
    )
    return f"| {name} | {' | '.join(said)} |"


# -- speed -----------------------------------------------------------------------------------------


def _ours(trial: Trial, tile: int) -> np.ndarray:
    """(A,) the Brier score of each arm, as our trials find it."""
    held = trial.targets[trial.held(tile)].ravel()
    found = [next(iter(r.values.values())) for r in trial.records(Address(0, 0, tile))]
    return np.array([((p - held) ** 2).mean() for p in found])


def _script(trial: Trial, tile: int, few: bool = False) -> np.ndarray:
    """The same by a loop over folds and arms that fits generator and learner anew for each, as scripts do.

    Args:
        trial: whose arms they are.
        tile: which folds.
        few: leave arms with weights or another setting out, as NaN.
    """
    from sklearn.linear_model import LogisticRegression

    from genloss.metrics.learners import fitted
    from genloss.samples import Chunk, Samples
    from genloss.streams import REAL, Role
    from genloss.trials.learning import settings_of

    target = trial.real.schema.target_index
    held, trained = trial._folds(Address(0, 0, tile))
    found = np.full((len(trial.arms), len(held)), np.nan)
    for s in range(len(held)):
        rows, tests = trial.real_rows[trained[s]], trial.real_rows[held[s]]
        for i, arm in enumerate(trial.arms):
            if arm.parity or (few and (arm.weight != 1 or arm.setting)):
                continue
            train = Samples.of([Chunk(len(rows), 0, REAL, rows[None], schema=trial.real.schema)])
            streams = Address(i + 1, 0, tile * 100 + s)
            model = trial.source.fit(train, streams.rng(0, 0, Role.FIT))
            made = model.sample(round(arm.dose * len(rows)), streams.rng(0, 0, Role.PUBLISH))[0]
            both = np.concatenate([rows, made])
            own = np.where(np.arange(len(both)) < len(rows), 1.0, arm.weight)
            # of weights that are all 1 boosting makes much work
            weights = None if arm.weight == 1 else own
            x, y = trial.real.features(both, leave_out=target), both[:, target].astype(int)
            setting = settings_of(trial.learner)[arm.setting][1]
            if trial.linear:
                one: Any = LogisticRegression(C=1 / setting["penalty"], max_iter=1000)
                one.fit(x, y, sample_weight=weights)
            else:
                one = fitted(trial.learner, x, y, 100 * i + s, 2, weights, setting)
            p = one.predict_proba(trial.real.features(tests, leave_out=target))[:, 1]
            found[i, s] = ((p - tests[:, target]) ** 2).mean()
    return found.mean(axis=1)


def _widths(trial: Trial, repeats: int) -> float:
    """Variance of the differences between neighbouring doses, a loop's by ours."""
    plain = [i for i, arm in enumerate(trial.arms) if arm.dose and arm.weight == 1 and not arm.setting]
    order = sorted(plain, key=lambda i: trial.arms[i].dose)
    both = []
    for work in (partial(_script, few=True), _ours):
        scores = np.stack([work(trial, tile)[order] for tile in range(repeats)])
        both.append(np.diff(scores, axis=1).var(axis=0, ddof=1).sum())
    return float(both[0] / both[1])


def _speed(rounds: int, repeats: int, names: list[str]) -> None:
    table, few = Table("breast_cancer"), {"doses": (0.5, 1.0, 2.0), "weights": (), "parity": False}
    copula, trees = generators.Copula(), generators.Trees()
    some = {
        "logistic, Copula": Trial(table, source=copula, parity=False),
        "logistic, Trees": Trial(table, source=trees, parity=False),
        "boosting, Copula": Trial(table, "boosting", copula, **few),
        "boosting, Trees": Trial(table, "boosting", trees, **few),
    }
    print(
        "| answers | a loop, s | genloss, s | times faster | variance, loop / genloss | to the same width |"
    )
    print("|---|---|---|---|---|---|")
    for name, trial in some.items():
        if names and not any(name.startswith(n) for n in names):
            continue
        _ = trial.real_rows
        took: dict[str, list[float]] = {"script": [], "ours": []}
        for _ in range(rounds):
            for who, work in (("script", _script), ("ours", _ours)):
                began = time.process_time()
                work(trial, 0)
                took[who].append(time.process_time() - began)
        ratio = statistics.median(a / b for a, b in zip(took["script"], took["ours"], strict=True))
        script, ours = statistics.median(took["script"]), statistics.median(took["ours"])
        what = f"{name}, {len(trial.arms)} arms x {trial.folds_together} folds"
        wide = _widths(trial, repeats)
        said = f"{script:.2f} | {ours:.2f} | {ratio:.1f} | {wide:.1f} | {ratio * wide:.0f}"
        print(f"| {what} | {said} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--times", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    if given.speed:
        _speed(given.rounds, given.repeats, given.names)
        return
    names = [n for n in CASES if not given.names or any(n.startswith(g) for g in given.names)]
    print("| case | truth | told | covers: verdict | promise | helps | hurts | seen |")
    print("|---|---|---|---|---|---|---|---|")
    with ProcessPoolExecutor(given.jobs) as pool:
        for name in names:
            print(_row(name, given.tasks, given.times, given.seed, pool), flush=True)


if __name__ == "__main__":
    main()
