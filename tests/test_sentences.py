"""What verdicts say: each sentence is true of the case it is said of, and page and command say the same."""

import re

import numpy as np
import pandas as pd
import pytest

from genloss.cli.forecasting import _crossing
from genloss.cli.judging import text
from genloss.collapse import Crossing, Margins, Trajectory, forecast, verdict, warn
from genloss.collapse.blocks import Blocks, averages
from genloss.collapse.findings import Read
from genloss.collapse.growth import NAMES
from genloss.collapse.needed import needed
from genloss.collapse.sentences import sentence
from genloss.intervals import Interval
from genloss.meaning import Meaning
from genloss.report.trajectories import trajectory_figures
from genloss.report.verdicts import page, shown

T, R = 30, 40
t = np.arange(1, T + 1)[:, None]
NOISE = np.random.Generator(np.random.SFC64(7)).standard_normal((T, R))
RISING = 1 + 0.02 * t + 0.05 * NOISE
LEVEL = 1 + 0.05 * NOISE


def table(**metrics):
    """(T, R) arrays as a long table."""
    rows = {name: np.ravel(x) for name, x in metrics.items()}
    g, r = np.indices(next(iter(metrics.values())).shape)
    return pd.DataFrame({"generation": g.ravel() + 1, "seed": r.ravel(), **rows})


def trajectory(values, scale="ratio", labels=None, **says):
    meaning = Meaning(says.pop("title", "It"), scale=scale, **says)
    return Trajectory("M", meaning, np.arange(1, len(values) + 1), values, labels or {})


def why(found, meaning):
    return found.lines[0].answer(meaning).why


def test_a_metric_of_a_table_is_called_as_its_column():
    assert verdict(table(nll=RISING)).lines[0].sentence.startswith("nll, in 30 generations")


def test_one_replicate_is_one():
    assert "1 of 1 replicate is worse at generation 30 than at generation 1" in why(
        verdict(table(loss=RISING[:, :1])), 2
    )


def test_a_no_says_how_many_are_worse_all_the_same_and_what_decides():
    shown = " ".join(text(verdict(table(loss=LEVEL)), 1000).split())
    assert re.search(r"2 any increase: no \(loss\): \d+ of 40 replicates are worse", shown)
    assert "whether more than half of all such replicates lie beyond the margin" in shown


def test_margins_are_said_of_each_metric_with_the_name_that_sets_them():
    frame = table(loss=RISING, accuracy=0.9 - 0.005 * t + 0.01 * NOISE)
    assert "2 any increase: 5 % for loss (increase), 1 point for accuracy (share)" in verdict(frame).stated
    said = verdict(frame, Margins(share=0.02, increase=0.1)).stated
    assert "10 % for loss (increase), 2 points for accuracy (share)" in said
    assert "3 divergence" not in said and "modes" not in said


def test_a_share_is_judged_in_points_whichever_way_it_is_counted():
    wrong = 0.02 + 0.0002 * t + 0.0005 * NOISE  # by .6 points: by a third
    found = {
        name: verdict(table(**{name: x}))
        for name, x in {"error_rate": wrong, "accuracy": 1 - wrong, "error": wrong}.items()
    }
    answers = {name: one.lines[0].answer(2).answer for name, one in found.items()}
    assert answers == {"error_rate": "no", "accuracy": "no", "error": "yes"}
    notes = " ".join(found["error"].notes)
    assert "'error', between 0 and 1, may be a share or a squared error: changes are factors" in notes
    assert "squared" not in " ".join(verdict(table(error=2 * RISING)).notes)


def test_diversity_that_falls_does_not_fall_for_the_better():
    found = verdict(table(entropy=3 - 0.05 * t + 0.1 * NOISE))
    assert why(found, 3).endswith("is still moving, but downwards")
    assert found.lines[0].answer(3).measured.endswith(", upwards")
    lost = why(found, 4)
    assert "is still falling" in lost and "40 of 40 replicates have lost over 10 %" in lost


def test_values_that_fall_are_not_said_to_have_risen():
    found = verdict(table(reward=5 + 0.1 * NOISE), better="higher")
    assert re.search(r"(has|have) got worse by more than 5 %", why(found, 3))


def test_those_without_a_factor_are_counted_apart_and_each_quantity_has_its_name():
    x = np.concatenate([np.exp(-0.1 * t) * (1 + 0.01 * NOISE[:, :30]), np.zeros((T, 10))], axis=1)
    found = verdict([trajectory(x, "plain", title="Symbols left", tells="tail")]).lines[0].answer(6)
    assert "30 of 30 replicates have lost over 10 %" in found.why and "(of 10 more" in found.why
    assert found.measured == "Symbols left at generation 30 over that at generation 1"


def test_sentence_and_reason_agree_on_how_far_the_mean_is_told():
    spread = 0.1 + 2.5 * t / T  # the mean is 1 throughout, carried by ever fewer replicates
    x = trajectory(np.exp(spread * NOISE - spread**2 / 2), better="lower")
    read = Read(x)
    assert read.mean.status == "no change seen" and read.mean.until < T
    only = f"to generation {read.mean.until} only"
    assert f"the mean: no change seen, told up {only}" in sentence(read)
    reason = why(verdict([x]), 3)
    assert "no change of the mean seen up " + only in reason or "typical replicate is still moving" in reason


def test_a_change_says_between_which_generations_it_is():
    """The last block is as long as a third of a run: its average is far from the last generation."""
    values = 2 + 0.05 * np.arange(1, 41)[:, None] + 0.01 * np.random.default_rng(8).normal(size=(40, 9))
    found = verdict(values, value="loss").lines[0].answer(3)
    since = "average of generations 16 to 40 against that of generations 1 to 2"
    assert found.measured == f"change of the mean, {since}, for the worse"
    assert abs(found.effect.estimate - 0.05 * (28 - 1.5)) < 0.02


def test_numbers_too_large_to_square_are_said_to_be():
    values = (
        1e200
        * np.exp(np.arange(1, 41)[:, None])
        * (1 + 0.02 * np.random.default_rng(8).normal(size=(40, 20)))
    )
    why = verdict(values, value="loss").lines[0].answer(3).why
    assert why == "squares of these values would be infinite: no error is a number"


def test_the_change_of_a_risk_is_that_of_whom_it_is_said():
    gone = RISING.copy()
    gone[20:, 0] = np.inf  # the mean is infinite
    for values, who in ((RISING, "the mean"), (gone, "the typical replicate")):
        x = trajectory(values, better="lower")
        found, read = verdict([x]).lines[0].answer(3), Read(x)
        assert found.measured.startswith(f"change of {who}, average of ")
        of = read.mean if who == "the mean" else read.typical
        assert found.effect.estimate == of.change.estimate


def test_leads_have_a_minus_and_metrics_a_comma():
    late = 1 + 0.05 * NOISE + 0.1 * np.maximum(t - 15, 0)
    (line,) = warn(table(loss=RISING + 0.2 * t, accuracy=late), watch="loss", better="lower")
    assert re.search(r"−\d", str(line)) and not re.search(r"-\d", str(line))
    fast = RISING + 0.2 * t
    (line,) = warn(table(loss=late, a=fast, b=2 * fast, c=3 * fast), watch="loss", better="lower")
    assert ": a, b and c;" in line.first


def test_laws_of_a_forecast_have_the_names_of_the_field():
    told = forecast(table(loss=np.exp(0.1 * t + 0.05 * NOISE)), 40)[0]
    assert max(told.laws, key=told.laws.get) == "exponential"
    share = 1 / (1 + np.exp(2 - 0.1 * t + 0.05 * NOISE))
    assert "logistic" in forecast(table(accuracy=share), 40)[0].laws


def test_a_threshold_that_is_not_reached_is_said_once():
    inf = np.inf
    assert _crossing(Crossing(5.0, Interval(inf, inf, inf), 0.97), 1000) == "not before generation 1000"
    assert _crossing(Crossing(5.0, Interval(inf, 900, inf), 0.6), 1000) == (
        "after 1000 [900, after 1000], not by 1000: 60 %"
    )


@pytest.mark.parametrize(
    ("many", "said"), [(60, "neither 10 times"), (900, "neither 2 times"), (1500, "not even 50 times")]
)
def test_what_would_not_tell_is_said_as_far_as_it_was_tried(many, said):
    at = np.arange(1, many + 1)
    w = averages(at, 6)
    b = Blocks("mean", at, w, np.zeros(len(w)), 100 * np.eye(len(w)), 40)  # noise that drowns the change
    assert needed(b, NAMES.index("linear"), 1.0, np.array([1.0, 0.01]), 1.0).startswith(said)


# -- the page ----------------------------------------------------------------------------------------


def regimes(**more):
    return [
        trajectory(x, better="lower", labels={"regime": name, **more})
        for name, x in (("Replace", RISING), ("Mixed(share=0.5)", LEVEL), ("Accumulate", LEVEL + 0.1))
    ]


def test_regimes_have_the_colours_of_the_report():
    (figure,) = trajectory_figures(verdict(regimes()))
    assert figure.keys == [
        ("Replace", "#D55E00", ""),
        ("Mixed(share=0.5)", "#333333", ""),
        ("Accumulate", "#0072B2", ""),
    ]
    (grid,) = trajectory_figures(verdict([*regimes(n=1), *regimes(n=2)]))
    assert grid.keys == figure.keys and "n=1" in grid.svg and "n=2" in grid.svg


def test_a_figure_is_dark_on_a_dark_page_and_nothing_runs():
    made = page(verdict(regimes()), "It")
    assert "var(--cD55E00, #D55E00)" in made and "--cD55E00: #D89345;" in made
    assert "--cFFFFFF: #15181C;" in made and not re.search(r'="(white|#[0-9A-Fa-f]{6})"', made)
    assert "script-src" not in made and "<script" not in made


@pytest.mark.parametrize("infinite", [False, True])
def test_an_interval_without_an_end_is_drawn_to_the_edge_and_said(infinite):
    x = RISING.copy()
    if infinite:
        x[20:, : R // 2 - 2] = np.inf
    (figure,) = trajectory_figures(verdict(table(loss=x)))
    assert ("its band ends at the edge" in figure.caption) is infinite
    area = re.search(r'<path aria-label="[^"]*generation: 30[^"]*"|<path[^>]*opacity="0.18"[^>]*', figure.svg)
    assert area is not None and " d=" in area[0]
    points = {float(x) for x in re.findall(r"[ML](\d+(?:\.\d+)?),", area[0])}
    assert max(points) == 370  # all generations, up to the right end of the axis


def test_many_lines_have_a_first_sentence_and_readable_counts():
    found = verdict([x for n in (1, 2, 3) for x in regimes(n=n)])
    ((name, said),) = shown(found).sentences
    assert name == "" and said.startswith("9 lines. Any increase: ") and "no in 6 of 9; yes in 3" in said
    (first,) = shown(found).tables
    words = [cell.word for _, cells in first.rows for cell in cells]
    assert "yes in all 3" in words and not any("of 3 " in w and "," in w for w in words)
