"""Known answers about the value of synthetic rows: in standard errors, or orders."""

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.metrics import roc_auc_score

from genloss.generators import KDE, Gaussian
from genloss.metrics import logistic
from genloss.samples import Chunk, Samples
from genloss.streams import fixed
from genloss.trials.learning import Lesson, Pupil
from genloss.trials.strategies import ensemble, nearest


def lesson(x, y, w=None) -> Lesson:
    return Lesson(logistic.with_ones(x), y.astype(float), w)


def taught(pupil: Pupil, *some: Lesson, weights=None, setting: int = 0):
    """Answers of a pupil that learnt from several lessons, put together."""
    x, y = (np.concatenate([getattr(one, f) for one in some], axis=1) for f in ("x", "y"))
    return pupil.answers(Lesson(x, y, weights), setting)


def test_the_best_weight_of_a_surrogate_mean() -> None:
    # Jain et al. 2024, arXiv 2402.04376: mean estimation with d = 20, n = 50, m = 500, bias .3
    d, n, m, bias, runs = 20, 50, 500, 0.3, 4000
    rng = np.random.default_rng(0)
    real = rng.standard_normal((runs, d)) / np.sqrt(n)
    other = rng.standard_normal((runs, d)) / np.sqrt(m) + bias / np.sqrt(d)
    a, b = d / n, bias**2 + d / m  # risks of the two means

    def risk(weight: float) -> float:
        return (1 - weight) ** 2 * a + weight**2 * b

    best, least = a / (a + b), a * b / (a + b)
    for weight in (0.0, best, m / (n + m), 1.0):
        loss = (((1 - weight) * real + weight * other) ** 2).sum(axis=1)
        error = loss.std(ddof=1) / np.sqrt(runs)
        assert abs(loss.mean() - risk(weight)) < 4 * error
    assert np.isclose(risk(best), least) and np.round([best, least], 4).tolist() == [0.7547, 0.0981]


@pytest.fixture(scope="module")
def doses():
    """Log losses of 80 data sets of n = 30 rows in d = 10 dimensions, and what is added to them."""
    sets, n, d, m = 80, 30, 10, 800
    rng = np.random.default_rng(1)
    law = rng.standard_normal(d)
    law *= 3 / np.linalg.norm(law)
    other = rng.standard_normal(d)
    other = 0.3 * law + other * 3 / np.linalg.norm(other)

    def rows(count, by):
        x = rng.standard_normal((sets, count, d))
        return x, (rng.random((sets, count)) < 1 / (1 + np.exp(-x @ by))).astype(float)

    x, y = rows(n, law)
    tests = rng.standard_normal((1, 1500, d))
    p = 1 / (1 + np.exp(-tests @ law))
    pupil = Pupil("logistic", 2, logistic.with_ones(np.broadcast_to(tests, (sets, 1500, d))), np.zeros(sets))

    def loss(answers):
        q = np.clip(answers[..., 1], 1e-12, 1 - 1e-12)
        return -(p * np.log(q) + (1 - p) * np.log(1 - q)).mean(axis=1)

    real = lesson(x, y)
    good, bad = (lesson(*rows(m, by)) for by in (law, other))
    gaussian = []
    for one, target in zip(x, y, strict=True):
        made_x, made_y = [], []
        for k in (0, 1):
            mine = one[target == k] if (target == k).sum() > 1 else one
            train = Samples.of([Chunk(len(mine), 0, -1, mine[None])])
            share = round(m * (target == k).mean())
            made_x.append(Gaussian().fit(train, fixed("fit")).sample(share, fixed(f"sample {k}"))[0])
            made_y.append(np.full(share, float(k)))
        order = rng.permutation(m)[: m - 2]
        rows_x, rows_y = np.concatenate(made_x), np.concatenate(made_y)
        order = order[order < len(rows_x)]
        gaussian.append((rows_x[order][: m - 10], rows_y[order][: m - 10]))
    same = lesson(np.stack([g for g, _ in gaussian]), np.stack([g for _, g in gaussian]))
    return pupil, loss, real, good, bad, same, n


def first(of: Lesson, count: int) -> Lesson:
    return Lesson(of.x[:, :count], of.y[:, :count])


def test_doses_of_good_rows_help_bad_ones_hurt_unless_weighted_and_the_same_rows_again_tell_nothing(
    doses,
) -> None:
    pupil, loss, real, good, bad, same, n = doses
    alone = loss(pupil.answers(real, 0))

    def gain(*some, **how):
        d = alone - loss(taught(pupil, real, *some, **how))
        return d.mean(), d.std(ddof=1) / np.sqrt(len(d))

    few, many = gain(first(good, 100)), gain(good)
    assert few[0] > 4 * few[1] and many[0] > few[0] + 4 * many[1]
    pooled, worse = gain(first(bad, 100)), gain(bad)
    assert pooled[0] < -4 * pooled[1] and worse[0] < pooled[0]
    weights = [np.concatenate([np.ones((80, n)), np.full((80, 100), w)], axis=1) for w in (0.02, 0.05, 0.1)]
    best = max(gain(first(bad, 100), weights=w)[0] for w in weights)
    assert best > pooled[0] + 4 * pooled[1] and best > -2 * pooled[1]
    again = gain(first(same, 600))
    assert again[0] < 4 * again[1]


def test_short_fine_tuning_on_real_rows_keeps_what_balanced_synthetic_rows_taught() -> None:
    # after "From fake to real" (2308.04553): a background that tells the class in 97 % of real rows
    rng, runs = np.random.default_rng(2), 40

    def rows(count, biased, shift=0.0):
        y = rng.integers(0, 2, (runs, count)).astype(float)
        agree = np.where(rng.random((runs, count)) < biased, y, 1 - y)
        core = (2 * y - 1)[..., None] * 0.8 + rng.standard_normal((runs, count, 3)) + shift
        back = (2 * agree - 1)[..., None] * 2 + 0.5 * rng.standard_normal((runs, count, 2))
        return np.concatenate([core, back], axis=-1), y, agree

    x, y, _ = rows(900, 0.97)
    sx, sy, _ = rows(150, 0.5, 0.4)
    tx, ty, agree = rows(2000, 0.5)
    pupil = Pupil("logistic", 2, logistic.with_ones(tx), np.zeros(runs))
    real, made = lesson(x, y), lesson(sx, sy)

    def worst(answers):
        right = answers.argmax(axis=-1) == ty
        return np.mean([right[(ty == a) & (agree == b)].mean() for a in (0, 1) for b in (0, 1) if a != b])

    erm, pooled = worst(pupil.answers(real, 0)), worst(taught(pupil, real, made))
    short, long = (worst(pupil.held_to(made, real, s)) for s in (4, 1))  # penalty x100, and x0.01
    assert erm < pooled < short and long < short


def test_rows_near_real_ones_are_the_ones_to_keep() -> None:
    # after 2311.00931: 40 real rows, a quarter of the synthetic ones realistic
    rng, runs = np.random.default_rng(3), 40
    law = np.array([1.5, -1.0, 0.7, 0.0])

    def rows(count, far):
        x = rng.standard_normal((runs, count, 4)) + (5.0 if far else 0.0)
        p = 0.5 if far else 1 / (1 + np.exp(-x @ law))
        return x, (rng.random((runs, count)) < p).astype(float)

    x, y = rows(40, False)
    parts = rows(100, False), rows(300, True)
    order = rng.permutation(400)
    made = lesson(*(np.concatenate([a, b], axis=1)[:, order] for a, b in zip(*parts, strict=True)))
    tx, ty = rows(2000, False)
    pupil, real = Pupil("logistic", 2, logistic.with_ones(tx), np.zeros(runs)), lesson(x, y)
    every = Lesson(np.concatenate([real.x, made.x], axis=1), np.concatenate([real.y, made.y], axis=1))
    right = {
        k: pupil.answers(nearest(real, every, k), 0).argmax(axis=-1) == ty for k in (20, 40, 100, 200, 400)
    }
    score = {k: r.mean() for k, r in right.items()}
    alone = (pupil.answers(real, 0).argmax(axis=-1) == ty).mean()
    assert score[100] > alone and score[100] > score[200] - 0.02 and score[100] > score[400] + 0.01


def test_an_ensemble_over_synthetic_data_sets_beats_one_of_them() -> None:
    # after van Breugel et al. 2305.09235: two moons, n = 60
    areas = []
    for seed in range(6):
        x, y = make_moons(60, noise=0.3, random_state=seed)
        tx, ty = make_moons(2000, noise=0.3, random_state=1000 + seed)
        pupil = Pupil("sklearn.tree:DecisionTreeClassifier", 2, logistic.with_ones(tx[None]), np.zeros(1))
        made = []
        for k in (0, 1):
            train = Samples.of([Chunk((y == k).sum(), 0, -1, x[y == k][None])])
            made.append(
                KDE(bandwidth="scott").fit(train, fixed("fit")).sample(30 * 8, fixed(f"{seed} {k}"))[0]
            )
        # each data set of 60 rows has 30 of each class
        order = np.arange(480).reshape(2, 8, 30).transpose(1, 0, 2).ravel()
        rows = lesson(np.concatenate(made)[order][None], np.repeat([0, 1], 240)[order][None])
        real = lesson(x[None], y[None])
        every = Lesson(np.concatenate([real.x, rows.x], axis=1), np.concatenate([real.y, rows.y], axis=1))
        told = [pupil.answers(one, 0)[0, :, 1] for one in ensemble(real, every, 8)]
        areas.append((roc_auc_score(ty, told[0]), roc_auc_score(ty, np.mean(told, axis=0))))
    one, many = np.array(areas).T
    error = (many - one).std(ddof=1) / np.sqrt(len(areas))
    assert (many - one).mean() > 4 * error
