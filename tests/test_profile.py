"""The eight meanings: a yes where the truth is no, or the reverse, in at most one line of twenty."""

import numpy as np
import pytest
from benchmarks.answers import LINES, asked, grid, off, one, risk, spread

from genloss.collapse import Margins, verdict
from genloss.collapse.meanings import MEANINGS, against, excess
from genloss.meaning import Reference

RUNS = 100
# three standard errors of a share of 5 %, in favour of the verdict; seeds are fixed
SLACK = 3 * (0.05 * 0.95 / RUNS) ** 0.5
CLEAR = {
    "2: growth": 2,
    "2: better": 2,
    "2: less than the margin": 2,
    "1: half": 1,
    "1: all": 1,
    "4: nothing": 4,
    "4: 60 %, level": 4,
    "4: 40 %, level": 4,
    "4: 60 %, falling": 4,
    "6: a fifth": 6,
    "7: nothing": 7,
    "7: mass": 7,
    "8: nothing": 8,
    "8: three times the margin": 8,
    "5: half the exponent": 5,
}


def stream(seed=0):
    return np.random.Generator(np.random.SFC64(seed))


def findings(some, margins=None):
    return {(f.metric, f.meaning): f for f in verdict(some, margins).lines[0].findings}


@pytest.mark.slow
@pytest.mark.parametrize("name", LINES)
def test_wrong_answers_are_rare_at_the_margin_with_ties_with_heavy_tails_and_many_metrics(name):
    _, wrong = asked(name, 40, RUNS)
    assert wrong / RUNS <= 0.05 + SLACK


@pytest.mark.parametrize("name", CLEAR)
def test_what_is_clear_is_answered(name):
    said, _ = asked(name, 100, 20)
    meaning = CLEAR[name]
    assert said[meaning][LINES[name].truth[meaning]] >= 19, said


def test_data_never_say_that_it_diverges():
    some = risk(5.0)(stream(1), 100)
    found = findings(some)["Risk", 3]
    assert found.answer == "undecided"
    assert "still moving" in found.why
    assert "law" in found.needs


@pytest.mark.parametrize(("drift", "answer"), [(0.0, "no"), (0.045, "undecided")])
def test_a_slow_drift_beside_a_limit_is_no_no(drift, answer):
    """It rises by less than the margin while it is seen, and by more in as many generations again."""
    t = np.arange(1, 61.0)
    for seed in range(5):
        noise = 0.01 * stream(seed).standard_normal((60, 100))
        x = np.exp((0.3 - 0.5 / t + drift * t / 60)[:, None] + noise)
        found = findings([one("Risk", x, better="lower", scale="ratio", tells="risk")])["Risk", 3]
        assert found.answer == answer
        assert "in 59 generations more" in found.why and "the pace of the last half" in found.why


def test_replicates_at_the_margin_count_against_both_answers():
    test = against(np.full(30, 0.5), 0.5)
    assert (test.yes, test.no) == (1.0, 1.0)
    # five of thirty beyond it tell nothing
    test = against(np.where(np.arange(30) < 5, 1.0, 0.5), 0.5)
    assert test.yes > 0.5
    assert test.no == 1.0


def test_what_real_rows_have_is_taken_off_replicate_by_replicate():
    """Between replicates the share varies a hundred times as much as within."""
    g = stream(2)
    real = g.uniform(0, 0.5, 40)
    values = real + np.linspace(0, 0.02, 20)[:, None]
    x = one("OffSupport", values, real, scale="share", tells="support")
    assert excess(x, 0.01).share == (1.0, 40)
    assert findings([x])["OffSupport", 8].answer == "yes"


def test_a_margin_moves_the_answer():
    some = spread(0.6, True)(stream(3), 100)
    assert findings(some)["Trace", 4].answer == "no"
    assert findings(some, Margins(kept=0.8))["Trace", 4].answer == "yes"


def test_a_reference_can_be_given_and_has_to_be_beaten():
    values = 1 + np.linspace(0, 1, 20)[:, None] + 0.01 * stream(4).standard_normal((20, 40))
    x = one("Risk", values, better="lower", tells="risk")
    assert "no reference" in findings([x])["Risk", 1].why
    assert findings([x], Margins(references={"Risk": 2.0}))["Risk", 1].answer == "yes"
    assert findings([x], Margins(references={"Risk": 9.0}))["Risk", 1].answer == "no"
    assert "no better" in findings([x], Margins(references={"Risk": 0.5}))["Risk", 1].why


def test_more_is_worse_unless_a_metric_says_otherwise():
    values = np.linspace(0.9, 0.5, 20)[:, None] + 0.01 * stream(5).standard_normal((20, 40))
    for better, answer in (("higher", "yes"), ("lower", "no")):
        x = one("Score", values, better=better, scale="share", tells="risk")
        assert findings([x])["Score", 2].answer == answer


def test_what_no_metric_answers_is_not_asked_and_says_what_would():
    found = findings(off(0.0)(stream(6), 40))
    for meant in MEANINGS:
        if meant.number != 8:
            assert found[None, meant.number].answer == "not asked"
            assert found[None, meant.number].needs == meant.needs


def test_an_exponent_needs_three_sizes():
    some = grid(0.5)(stream(7), 40)
    assert findings(some)["TestError", 5].answer == "yes"
    assert (None, 5) in findings(some[:2])


@pytest.mark.parametrize(
    "values",
    [
        np.full((20, 30), 0.004),
        np.full((20, 30), np.nan),
        np.full((20, 30), np.inf),
        np.zeros((20, 30)),
        stream(8).standard_normal((20, 1)),
        stream(8).standard_normal((20, 3)),
    ],
    ids=["constant", "NaN", "infinite", "zero", "one replicate", "three replicates"],
)
@pytest.mark.parametrize("tells", ["risk", "spread", "tail", "modes", "between", "support"])
def test_what_tells_nothing_is_no_collapse(values, tells):
    """And no traceback: "yes" is never said, and a reason or a need always."""
    x = one("Metric", values, better="lower", tells=tells, reference=Reference(2.0, "nothing", "it"))
    line = verdict([x]).lines[0]
    assert line.sentence
    for found in line.findings:
        assert found.answer != "yes" or np.isinf(values).all()
        assert found.why or found.needs
        assert found.said()["answer"] == found.answer
