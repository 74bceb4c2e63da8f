"""The monitor and the early warning: false alarms as rare as stated, true ones soon, words that are true."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from genloss import Agent, Experiment, GenlossError, generators, metrics, real, regimes, run
from genloss.cli.commands import genloss
from genloss.collapse import Monitor, warn
from genloss.collapse.evidence import OverGenerations, OverReplicates, most
from genloss.collapse.monitor import enough, evidence, over_of
from genloss.collapse.trajectory import Trajectory
from genloss.meaning import Meaning

ALPHA = 0.05


def rng(seed=0):
    return np.random.Generator(np.random.SFC64(seed))


def alarms(draw, runs, r, last, alpha=ALPHA):
    """(runs,) generations of the alarm of so many monitors at once."""
    bets, since = evidence((runs, r), over_of(r, alpha)), np.full(runs, np.inf)
    for t in range(1, last + 1):
        since[enough(bets.add(draw(t)), alpha) & np.isinf(since)] = t
    return since


# --- odds are fair, exactly ---


@pytest.mark.parametrize(
    "values", [range(6), [0, 0, 1, 1, 2, 3], [0, 0, 0, 0, 0, 1], [0.0, np.nan, 1, np.nan, 2, 2]]
)
def test_bets_over_generations_are_fair_in_every_order(values):
    orders = np.array(list(itertools.permutations(values)), dtype=float)
    bets = OverGenerations((len(orders), 1))
    for t in range(orders.shape[1]):
        said = bets.add(orders[:, t, None])
        mean = np.exp(said.total).mean()
        # where values tie, less than fair
        assert mean == pytest.approx(1, rel=1e-12) if values == range(6) else mean <= 1 + 1e-12
    assert values != range(6) or np.exp(said.total).max() > 20


def test_ties_pay_no_more_than_any_order_of_them():
    g = rng(1)
    for shares in ([0.3, 0.4, 0.3], [0.99, 0.01]):
        x = g.choice(len(shares), p=shares, size=(200, 1, 1)).astype(float)
        tied, ordered = OverGenerations((1, 1)), OverGenerations((100, 1))
        for values in x:
            few, many = tied.add(values), ordered.add(values + 1e-6 * g.random((100, 1)))
            assert (few.up <= many.up + 1e-9).all() and (few.down <= many.down + 1e-9).all()


@pytest.mark.parametrize("sizes", [[1, 2, 3, 4, 5], [7, 7, 7, 7], [0, 0, 1, 40], [3]])
def test_bets_over_replicates_are_fair_for_all_signs(sizes):
    signs = np.array(list(itertools.product((-1, 1), repeat=len(sizes))))
    bets, before = OverReplicates((len(signs), len(sizes))), 0.0
    for _ in range(400):
        said = bets.bet(signs * np.array(sizes, float))
        each = np.exp([said.up, said.down]).mean(axis=1)
        assert (np.diff([before, each.sum()]) >= 0).all() and each.sum() <= 1
        assert each[0] == pytest.approx(each[1])
        before = each.sum()
    # the rest is for later generations
    assert before == pytest.approx(1 - 1 / np.log2(2 + 399 / 10))


def test_a_trajectory_read_backwards_has_the_opposite_count():
    x = rng().standard_normal((30, 4, 7))
    there, back = (OverReplicates((4, 7)) for _ in range(2))
    for t in range(30):
        there.add(x[t])
        back.add(x[29 - t])
    assert (there.counts == -back.counts).all()
    pairs = sum(np.sign(x[j] - x[i]) for i, j in itertools.combinations(range(30), 2))
    assert (there.counts == pairs).all()


# --- false alarms ---


def settled(rho, shape, draw):
    x = draw(shape)
    for _ in range(60):
        x = rho * x + draw(shape)

    def following(t):
        nonlocal x
        x = rho * x + draw(shape)
        return x

    return following


NULLS = {
    "normal": lambda g, s: lambda t: g.standard_normal(s),
    "log-normal": lambda g, s: lambda t: np.exp(2 * g.standard_normal(s)),
    "t3": lambda g, s: lambda t: g.standard_t(3, s),
    "counts": lambda g, s: lambda t: g.poisson(1.0, s).astype(float),
    "rare": lambda g, s: lambda t: (g.random(s) < 0.1).astype(float),
    "very rare": lambda g, s: lambda t: (g.random(s) < 0.01).astype(float),
    "NaN": lambda g, s: lambda t: np.where(g.random(s) < 0.2, np.nan, g.standard_normal(s)),
    "infinite": lambda g, s: lambda t: np.where(g.random(s) < 0.2, np.inf, g.standard_normal(s)),
}
OVER_REPLICATES = {
    "AR(1)": lambda g, s: settled(0.5, s, g.standard_normal),
    "AR(1), slow": lambda g, s: settled(0.95, s, g.standard_normal),
    "random walk": lambda g, s: settled(1.0, s, g.standard_normal),
}


def rare(found):
    """At most alpha, but for three standard errors."""
    return np.isfinite(found).mean() <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / len(found))


@pytest.mark.parametrize("r", [1, 3, 12])
@pytest.mark.parametrize("null", NULLS)
def test_false_alarms_are_rare(null, r):
    assert rare(alarms(NULLS[null](rng(r), (300, r)), 300, r, 200))


@pytest.mark.parametrize("null", OVER_REPLICATES)
def test_replicates_bear_generations_that_resemble_each_other(null):
    assert rare(alarms(OVER_REPLICATES[null](rng(2), (200, 12)), 200, 12, 200))


def test_levels_of_replicates_do_not_matter():
    g = rng(3)
    for r in (3, 12):
        level = 10 * g.standard_normal((300, r))
        assert rare(alarms(lambda t, level=level, r=r: level + g.standard_normal((300, r)), 300, r, 200))


def test_blocks_make_one_series_hold_whose_generations_resemble_their_neighbours():
    said = {}
    for block in (1, 20):
        draw = settled(0.5, (40, 1), rng(4).standard_normal)
        x = np.array([draw(t) for t in range(400)])[:, :, 0]
        said[block] = sum(watched(x[:, k], block=block).alarm for k in range(40))
    # 2 of 40 are alpha, and three standard errors are 4.1
    assert said[20] <= 6 < said[1]


def watched(values, **how):
    monitor = Monitor("loss", **how)
    for value in values:
        said = monitor.add(value)
    return said


def test_a_constant_never_alarms():
    for x in (np.ones(1000), np.ones((300, 50)), np.full(100, np.nan), np.full(100, np.inf)):
        said = watched(x)
        assert not said.alarm and said.direction is None and said.evidence <= 1 + 1e-9
    assert watched(np.full(3, np.nan)).missing == 3
    assert "3 of them NaN" in str(watched(np.full(3, np.nan)))


# --- true alarms ---


@pytest.mark.parametrize(
    ("r", "noise", "by"), [(1, 0.01, 12), (1, 0.1, 45), (3, 0.1, 35), (10, 0.1, 30), (100, 0.3, 20)]
)
def test_a_decay_of_1_percent_is_seen(r, noise, by):
    g = rng(5)
    since = alarms(lambda t: 0.99**t * (1 + noise * g.standard_normal((60, r))), 60, r, by)
    assert np.isfinite(since).mean() >= 0.8


@pytest.mark.parametrize("r", [1, 20])
def test_direction_and_since(r):
    for slope, way in ((1, "up"), (-1, "down")):
        monitor = Monitor("loss")
        seen = [monitor.add(np.full(r, slope * t)) for t in range(30)]
        first = next(s for s in seen if s.alarm)
        assert first.since == first.generation <= 6 and first.direction == way
        # an alarm stays, with when it was and where to
        assert all(s.since == first.since and s.direction == way for s in seen[first.since - 1 :])
        assert first.evidence >= first.enough == 20 > seen[first.since - 2].evidence


def test_a_late_change_is_seen():
    x = rng(6).standard_normal(400)
    x[200:] -= 0.05 * np.arange(200)
    said = watched(x)
    assert said.alarm and 200 < said.since < 270 and said.direction == "down"


@pytest.mark.parametrize("r", [1, 3, 8, 12])
@pytest.mark.parametrize("rise", [1, np.inf])
@pytest.mark.parametrize("noise", [0, 0.2])
def test_a_jump_that_stays_is_seen(r, rise, noise):
    """Also where values after it, or before it, are all equal: ties pay bets on a drift next to nothing."""
    x = noise * rng(9).standard_normal((40, r))
    x[10:] += rise
    for way, values in (("up", x), ("down", -x)):
        said = watched(values)
        assert said.alarm and 10 < said.since <= 20 and said.direction == way


def test_a_jump_within_the_noise_is_seen_over_few_replicates():
    g = rng(10)
    since = alarms(lambda t: g.standard_normal((100, 8)) + (t > 10), 100, 8, 40)
    # one of 100 may have a false alarm before
    assert (since > 10).mean() >= 0.95 and np.isfinite(since).mean() >= 0.95


def test_runs_that_all_become_infinite_are_warned_of():
    loss = noisy(0 * T, r=8)
    loss[20:] = np.inf
    (warned,) = warn(line(Diversity=noisy(0 * T, r=8, seed=2), Loss=loss))
    first = warned.moves[0]
    assert (first.metric, first.direction) == ("Loss", "up") and 20 < first.since.estimate <= 30


def test_only_order_matters():
    x = rng(7).standard_normal((60, 12)) + 0.03 * np.arange(60)[:, None]
    said = [watched(f(x)) for f in (lambda x: x, np.exp, lambda x: 1e6 * x - 1e9)]
    assert said[0] == said[1] == said[2] and said[0].alarm
    assert watched(np.exp(x[:, 0])) == watched(x[:, 0])
    # beyond all numbers is above every number
    rises = np.where(np.arange(12) < 6, np.arange(12.0), np.inf)
    assert watched(rises).direction == "up"


def test_a_monitor_says_what_many_at_once_say():
    for r in (1, 4, 12):
        x = 0.98 ** np.arange(80)[:, None, None] * (1 + 0.2 * rng(r).standard_normal((80, 5, r)))
        since = alarms(lambda t, x=x: x[t - 1], 5, r, 80)
        assert np.isfinite(since).all()
        assert [watched(x[:, k]).since for k in range(5)] == since.tolist()


def test_blocks_are_means_of_what_is_there():
    x = rng(8).standard_normal((60, 12)) - 0.1 * np.arange(60)[:, None]
    x[3, 2] = np.nan
    means = np.nanmean(x.reshape(20, 3, 12), axis=1)
    blocks, plain = watched(x, block=3), watched(means)
    assert blocks.since == 3 * plain.since and blocks.evidence == plain.evidence
    assert blocks.generation == 60


# --- what it says ---


def test_a_monitor_says_what_no_change_is():
    monitor = Monitor("loss")
    assert monitor.no_change.startswith("nothing seen yet")
    monitor.add(np.zeros(9))
    assert "exchangeable" in monitor.no_change
    monitor = Monitor("loss")
    monitor.add(np.zeros(10))
    assert "read backwards" in monitor.no_change
    # replicates that can never be enough are not chosen
    monitor = Monitor("loss", alpha=1e-3)
    monitor.add(np.zeros(10))
    assert monitor.over == "generations"
    assert most(10) < 1e3 < most(14)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"alpha": 0}, "alpha = 0: "),
        ({"alpha": 1.5}, "alpha = 1.5: "),
        ({"alpha": "5 %"}, "alpha = '5 %': "),
        ({"alpha": float("nan")}, "alpha = nan: "),
        ({"block": 0}, "block = 0: "),
        ({"block": 2.5}, "block = 2.5: "),
        ({"over": "time"}, "over = 'time': "),
    ],
)
def test_a_monitor_refuses_what_has_no_sense(how, said):
    with pytest.raises(GenlossError, match=said):
        Monitor("loss", **how)


def test_values_that_are_none_leave_the_monitor_as_it_was():
    monitor = Monitor("loss")
    monitor.add([1.0, 2.0])
    for values, said in [
        ("high", "loss, generation 2: 'high' is not a number"),
        ([1.0, 2.0, 3.0], "loss, generation 2: 3 values, and generation 1 had 2"),
        ([], "shape \\(0,\\)"),
        ([[1.0, 2.0]], "shape \\(1, 2\\)"),
    ]:
        with pytest.raises(GenlossError, match=said):
            monitor.add(values)
    assert monitor.add([1.0, 2.0]).generation == 2
    with pytest.raises(GenlossError, match="4 replicates can never be enough"):
        Monitor("loss", over="replicates").add(np.zeros(4))


# --- early warning ---


def line(labels=None, better=(None, "lower"), **values):
    """Trajectories of a line: the second metric is the one that is better lower."""
    return [
        Trajectory(name, Meaning(name, better=b), np.arange(1, len(x) + 1), x, labels or {})
        for (name, x), b in zip(values.items(), better, strict=True)
    ]


def noisy(curve, r=40, seed=1, noise=0.3):
    return np.asarray(curve, float)[:, None] + noise * rng(seed).standard_normal((len(curve), r))


T = np.arange(60.0)
LATE = np.maximum(T - 30, 0)


def test_the_lead_is_that_of_the_alarms():
    diversity, loss = noisy(-T, seed=1), noisy(LATE, seed=2)
    (warned,) = warn(line(Diversity=diversity, Loss=loss))
    first, second = warned.moves
    since = [watched(x, alpha=ALPHA / 2).since for x in (diversity, loss)]
    assert [first.metric, second.metric] == ["Diversity", "Loss"] and warned.watched == "Loss"
    assert [first.since.estimate, second.since.estimate] == since
    assert first.lead.estimate == since[1] - since[0] > 20
    assert 0 < first.lead.low <= first.lead.estimate <= first.lead.high < 40
    assert np.isnan(second.lead).all() and (first.direction, second.direction) == ("down", "up")
    assert "Diversity, which falls; Loss follows" in str(warned)
    assert warned.each == ALPHA / 2 and "at most 0.05" in warned.rule


def test_metrics_share_the_rate_of_false_alarms():
    x = noisy(0.02 * T, noise=1.0)
    others = {f"Other{k}": noisy(0 * T, seed=k) for k in range(9)}
    (warned,) = warn(line({}, (None,) * 9 + ("lower",), **others, Loss=x))
    found = next(m.since.estimate for m in warned.moves if m.metric == "Loss")
    assert warned.each == pytest.approx(0.005)
    assert found == watched(x, alpha=0.005).since > watched(x, alpha=0.05).since


def test_leads_are_paired_over_replicates():
    x = noisy(0.02 * T, noise=1.0)
    (warned,) = warn(line(Diversity=x, Loss=x))
    assert warned.moves[0].since.high > warned.moves[0].since.low
    assert {tuple(m.lead) for m in warned.moves if m.metric == "Diversity"} == {(0, 0, 0)}


def test_which_is_first_is_not_said_where_replicates_do_not_tell():
    alike = [noisy(0.05 * T, noise=1.0, seed=seed) for seed in (1, 4)]
    (warned,) = warn(line(Diversity=alike[0], Loss=alike[1]))
    early = warned.moves[0]
    assert early.metric == "Diversity" and early.lead.low <= 0 < early.lead.estimate
    assert warned.first.endswith("later, but these replicates do not tell which of the two is first.")


def test_few_replicates_have_no_interval():
    for r in (1, 3, 20):
        (warned,) = warn(line(Diversity=noisy(-T, r), Loss=noisy(LATE, r, seed=2)))
        lead = warned.moves[0].lead
        assert lead.estimate > 20 and np.isnan([lead.low, lead.high]).all()
        assert "[" not in str(warned)
        assert warned.over == ("replicates" if r == 20 else "generations")


def test_no_alarm_is_said():
    (warned,) = warn(line(Diversity=noisy(0 * T), Loss=noisy(0 * T, seed=2)))
    assert str(warned).startswith("No alarm in 60 generations.")
    assert str(warned).count("no alarm in 60 generations") == 2 and not any(m.alarm for m in warned.moves)
    (warned,) = warn(line(Diversity=noisy(-T), Loss=noisy(0 * T, seed=2)))
    assert (
        warned.first
        == "First alarm in generation 2: Diversity, which falls; Loss has none in 60 generations."
    )
    assert warned.moves[0].lead.estimate == np.inf


def test_lines_and_what_is_watched():
    some = line({"regime": "A"}, Diversity=noisy(-T), Loss=noisy(LATE)) + line(
        {"regime": "B"}, (None,), Other=noisy(T)
    )
    a, b = warn(some)
    assert (a.watched, b.watched) == ("Loss", "") and b.labels == {"regime": "B"}
    assert "generations before" not in str(b) and b.first.endswith("Other, which rises.")
    assert [w.watched for w in warn(some, "Diversity")] == ["Diversity", ""]
    for watch, said in [("Los", "did you mean 'Loss'"), ("Nothing", "there are Diversity, Loss, Other")]:
        with pytest.raises(GenlossError, match=said):
            warn(some, watch)
    with pytest.raises(GenlossError, match="no table was given"):
        warn([])
    with pytest.raises(GenlossError, match="x: there is no such file"):
        warn(["x"])
    with pytest.raises(GenlossError, match="alpha = 2"):
        warn(some, alpha=2)


def test_intervals_of_leads_cover():
    leads = []
    for seed in range(60):
        diversity = noisy(-0.02 * T, 50, 2 * seed, 0.5)
        leads.append(warn(line(Diversity=diversity, Loss=noisy(LATE, 50, 2 * seed + 1, 0.2)))[0].moves)
    found = [next(m.lead for m in moves if m.metric == "Diversity") for moves in leads]
    middle = np.median([lead.estimate for lead in found])
    # 95 % less three standard errors
    assert np.mean([lead.low <= middle <= lead.high for lead in found]) >= 0.95 - 3 * np.sqrt(
        0.05 * 0.95 / 60
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("warn") / "run"
    exp = Experiment(
        real=real.Gaussian(2),
        agents=Agent(generators.Gaussian(), regimes.Replace()),
        n_real=20,
        generations=40,
        replicates=40,
        metrics=[metrics.TraceRatio(), metrics.MeanError(), metrics.RealShare()],
    )
    run(exp, path, workers=0, progress=False)
    return path


def called(*arguments):
    return CliRunner().invoke(genloss, [str(a) for a in arguments])


def test_the_command_says_what_python_says(folder):
    from genloss import Results

    (warned,) = warn(Results.open(folder))
    assert {m.metric for m in warned.moves} == {"TraceRatio", "MeanError"} and warned.watched == "MeanError"
    assert all(m.alarm for m in warned.moves)
    said = called("warn", folder)
    assert said.exit_code == 0 and str(warned) in said.output
    assert warned.rule.replace("\n", " ") in " ".join(said.output.split())
    entries = json.loads(called("warn", folder, "--json", "--watch", "TraceRatio", "--alpha", 0.01).output)
    assert [e["watched"] for e in entries] == ["TraceRatio"] * 2 and {e["alpha_each"] for e in entries} == {
        0.005
    }
    trace = next(e for e in entries if e["metric"] == "TraceRatio")
    assert trace["direction"] == "down" and trace["lead"] is None and trace["over"] == "replicates"


def test_a_table_of_anybodys_is_warned_of(tmp_path):
    losses, diversity = noisy(LATE, seed=2), noisy(-T, seed=1)
    rows = [
        {"step": t + 1, "seed": r, "loss": losses[t, r], "diversity": diversity[t, r]}
        for t in range(60)
        for r in range(40)
    ]
    frame = pd.DataFrame(rows)
    (warned,) = warn(frame, "loss", value=("loss", "diversity"))
    first = warned.moves[0]
    assert first.metric == "diversity" and first.lead.estimate > 20
    frame.to_csv(tmp_path / "losses.csv", index=False)
    said = called(
        "warn",
        tmp_path / "losses.csv",
        "--watch",
        "loss",
        "--value",
        "loss",
        "--value",
        "diversity",
        "--json",
    )
    (entry,) = (e for e in json.loads(said.stdout) if e["metric"] == "diversity")
    assert (entry["lead"], entry["alarm"]) == (first.lead.estimate, first.since.estimate)


def test_the_command_refuses_in_a_line(folder, tmp_path):
    for arguments, said in [
        ((folder, "--watch", "TestEror"), "no metric 'TestEror'"),
        ((folder, "--alpha", "1"), "--alpha"),
        ((tmp_path / "none",), "none"),
    ]:
        found = called("warn", *arguments)
        assert found.exit_code == 2 and said in found.output and "Traceback" not in found.output
