"""An advice in words: the sentence, the recipe, and the lines of the command."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from genloss.value.gains import Interval
from genloss.value.measures import Measure, measures
from genloss.value.reading import Place

if TYPE_CHECKING:
    from genloss.value.advice import Advice

_WIDTH, _GROUPS = 100, 12


def amount(advice: Advice, value: float, signed: bool = False) -> str:
    """A difference of the measure, in words."""
    of, unit = (100 * value, " points") if advice.measure.points else (value, "")
    text = f"{of:+.2g}" if signed else f"{of:.2g}"
    return text.replace("-", "−") + (" point" if text.lstrip("+") in ("1", "-1") and unit else unit)


def between(advice: Advice, of: Interval) -> str:
    """An interval of a difference, in words."""
    scale = 100 if advice.measure.points else 1
    return f"{scale * of.low:+.2g} to {scale * of.high:+.2g}".replace("-", "−")


def what(advice: Advice, place: Place) -> str:
    """An arm in words."""
    said = place.arm.said(advice.reading.settings)
    return said if not place.arm.synthetic else f"{place.source}, {said}"


def short(advice: Advice) -> str:
    """The verdict in a few words."""
    return {
        "helps": "It helps.",
        "hurts": "It hurts.",
        "no difference": "It makes no difference that matters.",
        "no evidence": "No evidence that it helps or hurts.",
    }[advice.verdict]


def sentence(advice: Advice) -> str:
    """What the verdict rests on."""
    gain, title = advice.reading.gain, advice.measure.title
    by = f"{amount(advice, gain.typical.value, True)} ({between(advice, gain.typical)})"
    free, learner = what(advice, advice.reading.free), advice.reading.learner
    if advice.verdict == "helps":
        return (
            f"Synthetic rows ({best_said(advice)}) gain {learner} {by} of {title} over the best that is "
            f"free ({free})."
        )
    if advice.verdict == "hurts":
        return (
            f"Of all that was tried, even the best ({best_said(advice)}) changes the {title} of {learner} "
            f"for the worse: {by} beside the best that is free ({free})."
        )
    changes = (
        f"The best of what was tried ({best_said(advice)}) changes the {title} of {learner} by {by} "
        f"beside the best "
        f"that is free ({free})"
    )
    if advice.verdict == "no difference":
        return f"{changes}; less than {amount(advice, advice.margin)} counts as none."
    needed = f" About {advice.needed:,} rows would tell a gain of the size seen." if advice.needed else ""
    return (
        f"{changes}; with these {advice.rows:,} rows a gain of {amount(advice, gain.seen)} would have been "
        f"told four times "
        f"of five.{needed}"
    )


def best_said(advice: Advice) -> str:
    """The best arm with synthetic rows, in words."""
    return what(advice, advice.reading.best)


def recipe_said(advice: Advice) -> str:
    """What to train on, and what it promises."""
    promised = advice.reading.gain.promised
    if advice.verdict == "helps":
        return (
            f"Train {advice.reading.learner} on {best_said(advice)}. Promised on this data set: "
            f"{amount(advice, promised.value, True)} of {advice.measure.title} ({between(advice, promised)}, "
            f"95 %)."
        )
    return f"Train {advice.reading.learner} without synthetic rows: {what(advice, advice.recipe)}."


def lines(advice: Advice) -> list[str]:
    """What the command line prints."""
    r, m = advice.reading, advice.measure
    found = [*wrap(f"{short(advice)} {sentence(advice)}", _WIDTH), "", *wrap(recipe_said(advice), _WIDTH)]
    for line in worth(advice):
        found += wrap(f"{line[:1].upper()}{line[1:]}.", _WIDTH)
    found += ["", f"gain in {m.title} over {what(advice, r.free)}, by dose; intervals hold at once (95 %)"]
    for source in r.sources():
        for arm, interval in r.doses(m, source):
            gained = amount(advice, interval.value, True)
            found.append(f"  {source:16} {arm.dose:>5g}x  {gained:>14}  ({between(advice, interval)})")
    if any(p.arm.strategy for p in r.places):
        found += ["", f"the best of each strategy: gain in {m.title}; intervals hold at once (95 %)"]
        for place, interval in r.strategies(m):
            gained = amount(advice, interval.value, True)
            found.append(f"  {what(advice, place):48} {gained:>14}  ({between(advice, interval)})")
    later = r.generations(m)
    if len(later) > 1:
        found += [
            "",
            f"gain of {best_said(advice)}, by the generation of the model; intervals hold at once (95 %)",
        ]
        for t, interval in later:
            gained = amount(advice, interval.value, True)
            found.append(f"  generation {t:<4} {gained:>14}  ({between(advice, interval)})")
    found += ["", f"without synthetic rows: {m.title}"]
    found += [f"  {name:28} {value:.4g}" for name, value in baselines(advice)]
    found += ["", f"{'':49}best free   with synthetic rows"]
    for family, title, free, best in by_measure(advice):
        found.append(f"  {family:12} {title:36} {free:>7.4g}   {best:.4g}")
    if advice.groups:
        found += ["", f"who gains, who loses ({score(advice).title}; intervals hold at once)"]
        for g in advice.groups[:_GROUPS]:
            ends = f"{of_score(advice, g.gain.low)} to {of_score(advice, g.gain.high)}"
            found.append(
                f"  {f'{g.column} = {g.level}':32} {g.rows:>8,} rows  "
                f"{of_score(advice, g.gain.value):>8}  ({ends})"
            )
    for name, like in advice.likeness.items():
        found += ["", *wrap(f"{name}: {like}", _WIDTH)]
    for line in advice.warnings:
        found += ["", *wrap(f"warning: {line}", _WIDTH)]
    return [*found, "", *how(advice)]


def how(advice: Advice) -> list[str]:
    """How it was found, in sentences."""
    r, (done, planned) = advice.reading, advice.reading.rounds
    found = [
        f"{advice.rows:,} real rows, each held out {r.times:.2g} times; every learner learnt from "
        f"{r.trained:,} of them.",
        f"{len(r.places)} ways to train were tried; that the best of them is best by luck too is taken off "
        f"({amount(advice, max(r.gain.luck, 0.0))}).",
        "The verdict is about data sets like this one, the promise about this one: it is wider.",
        f"{advice.seconds:.0f} s of {advice.budget:g} s"
        + ("." if done == planned else f", which ended the trials in round {done} of {planned}."),
    ]
    if r.dealing is not None:
        more = "little more" if r.dealing < 0.5 * r.gain.error else "more"
        found.insert(
            -1,
            f"The gain has a standard error of {amount(advice, r.gain.error)}; rows, generators and learners "
            f"dealt anew have {amount(advice, r.dealing)} of it: more time would tell {more}.",
        )
    return [*found, *(f"{other.said(advice.measure)}." for other in advice.others)]


def score(advice: Advice) -> Measure:
    """By what groups are told: a measure that is a mean over rows."""
    name = "mae" if advice.measure.family == "numbers" else "brier"
    return measures(0 if name == "mae" else 2)[name]


def of_score(advice: Advice, value: float) -> str:
    """A gain of a group, in words."""
    return f"{value * (100 if score(advice).points else 1):+.2g}".replace("-", "−")


def worth(advice: Advice) -> list[str]:
    """What synthetic rows are worth in real rows, in words."""
    found: list[str] = []
    e = advice.exchange
    if e is None:
        return found
    if advice.verdict == "helps" and e.rate is not None:
        low, high = (
            f"{v:.2g}".replace("-", "−") if np.isfinite(v) else "any number"
            for v in (e.rate.low, e.rate.high)
        )
        value = f"{e.rate.value:.2g}" if np.isfinite(e.rate.value) else "more than any number of"
        found.append(f"a synthetic row of the recipe is worth {value} real rows ({low} to {high})")
    if e.twice is not None:
        found.append(
            f"twice the real rows would gain {amount(advice, e.twice.value, True)} "
            f"({between(advice, e.twice)}), by the learning curve drawn on"
        )
    return found


def baselines(advice: Advice) -> list[tuple[str, float]]:
    """The free arms and their measure, the best setting of each."""
    found: dict[str, float] = {}
    for i, place in enumerate(advice.reading.places):
        if place.candidate or place.arm.share != 1 or place.generation > 1:
            continue
        kind = (
            "as it is"
            if place.arm.setting == 0 and not place.arm.synthetic and not place.arm.balanced
            else "class weights"
            if place.arm.balanced
            else "another setting"
            if not place.arm.synthetic
            else f"{place.source}, equal classes"
            if place.arm.parity
            else f"{place.source} {place.arm.dose:g}x"
        )
        value = advice.reading.value(advice.measure, i)
        worse = found.get(kind)
        if worse is None or advice.measure.sign * (value - worse) > 0:
            found[kind] = value
    return list(found.items())


def by_measure(advice: Advice) -> list[tuple[str, str, float, float]]:
    """Family and title of every measure, and what the best free arm and the best synthetic one have."""
    r = advice.reading
    kinds = measures(0 if advice.measure.family == "numbers" else 2).values()
    return [(k.family, k.title, r.value(k, r.gain.free), r.value(k, r.gain.best)) for k in kinds]
