"""Did it collapse? Eight answers for each line of a study, each with an effect, an interval and what it
rests on.

A law that holds for the experiment is quoted first: it alone can say "for ever". Where there is none the
answers come from replicates: sign tests against margins that are stated
(:class:`genloss.collapse.Margins`), Holm-adjusted over all tests of the line, eight at least, so that a *yes*
where the truth is *no*, or the other way round, stands in at most 5 % of lines; and the status of a
trajectory (:mod:`.rates`), which has its own 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genloss.collapse.bylaw import Tail
from genloss.collapse.findings import Finding, Read
from genloss.collapse.meanings import (
    MEANINGS,
    Answer,
    Margins,
    Meant,
    Tested,
    catastrophic,
    excess,
    increase,
    logarithmic,
    loss,
    margin_of,
    pace,
    reference,
    said_margin,
    scaling,
    tells,
    worse,
)
from genloss.collapse.rates import Growth
from genloss.collapse.trajectory import Trajectory
from genloss.intervals import Interval
from genloss.numbers import number, percent
from genloss.wording import are, have, several

_ALPHA = 0.05
_FEWEST = 8  # replicates of which all lie on one side by chance in less than 5 % / 8 of cases
_CHANGED = "typical change for the worse"
_NOTHING = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class _Asked:
    """A question before Holm: tests that are still to be adjusted, or an answer that is not."""

    read: Read
    meaning: Meant
    effect: Interval = _NOTHING
    yes: float = 1.0
    no: float = 1.0
    settled: Answer | None = None
    law: str = ""
    why: str = ""
    needs: str = ""
    tested: bool = False
    measured: str = ""


def profile(
    line: Sequence[Read], grid: Mapping[str, Mapping[float, Trajectory]], margins: Margins
) -> list[Finding]:
    """The eight meanings for one line.

    Args:
        line: its metrics.
        grid: by metric, the trajectories that differ from this line in n alone, by n.
        margins: where a yes begins.
    """
    asked = [q for read in line for q in _questions(read, grid.get(read.x.metric, {}), margins)]
    found = _holm(asked)
    labels = line[0].x.labels if line else {}
    for meant in MEANINGS:
        if not any(f.meaning == meant.number for f in found):
            found.append(Finding(labels, None, meant.number, "not asked", _NOTHING, needs=meant.needs))
    return sorted(found, key=lambda f: f.meaning)


def _questions(read: Read, grid: Mapping[float, Trajectory], margins: Margins) -> Iterable[_Asked]:
    for meant in MEANINGS:
        if tells(read.x) in meant.tells:
            asked = _ask(read, meant, grid, margins)
            if asked is not None:
                yield asked


def _ask(read: Read, meant: Meant, grid: Mapping[float, Trajectory], margins: Margins) -> _Asked | None:
    if meant.number == 1:
        return _catastrophe(read, meant, margins)
    if meant.number == 2:
        return _any_increase(read, meant, margins)
    if meant.number == 3:
        return _divergence(read, meant, margins)
    if meant.number == 4:
        return _lost(read, meant, margins)
    if meant.number == 5:
        return _scaling(read, meant, grid, margins)
    if meant.number == 6:
        return _lost(read, meant, margins)
    if meant.number == 7:
        return _excess(read, meant, margins.modes if tells(read.x) == "modes" else margins.between)
    return _excess(read, meant, margins.support)


def _excess(read: Read, meant: Meant, margin: float) -> _Asked:
    """Meanings 7 and 8."""
    test = excess(read.x, margin)
    k = _beyond(test)
    beyond = f"{number(margin)} more than real rows and generation {read.x.generations[0]:g} have"
    return _simple(read, meant, test, f"{_counted(test, k)} {have(k)} over {beyond}{_rest(read.x, test)}")


def _simple(read: Read, meant: Meant, test: Tested, why: str) -> _Asked:
    return _Asked(read, meant, test.effect, test.yes, test.no, why=why, needs=_more(test), tested=True)


def _beyond(test: Tested) -> int:
    """How many replicates lie beyond the margin."""
    share, of = test.share
    return round(share * of) if of else 0


def _counted(test: Tested, k: int) -> str:
    """So many of those that have an effect, as the subject of what is said of them."""
    return f"{k} of {several(test.share[1], 'replicate')}"


def _rest(x: Trajectory, test: Tested) -> str:
    """How many replicates have no effect, in brackets; "" where all have one."""
    left = x.replicates - test.share[1]
    return f" (of {left} more it cannot be told: both ends are 0, or one is no number)" if left else ""


def _more(test: Tested) -> str:
    """Replicates at which a sign test would tell with a power of 80 %, were their share what it is."""
    share, of = test.share
    if not of:
        return "replicates with numbers at both ends"
    if of < _FEWEST:
        return f"{_FEWEST} replicates or more: with fewer no sign test can tell, as eight questions share 5 %"
    gap = abs(share - 0.5)
    if gap < 0.02:
        return "an effect further from its margin: about half of the replicates lie on each side of this one"
    # one-sided, at the level that is left to the first of eight
    need = math.ceil(((2.50 + 0.84) * 0.5 / gap) ** 2)
    return f"about {float(f'{need:.2g}'):.0f} replicates" if need > of else "a few more replicates"


def _catastrophe(read: Read, meant: Meant, margins: Margins) -> _Asked | None:
    x = read.x
    at = reference(x, margins)
    if at is None:
        return _Asked(
            read, meant, settled="not asked", needs=_reference_needed(x), why="no reference is known"
        )
    test = catastrophic(x, at, margins)
    if test is None:
        return _Asked(
            read,
            meant,
            settled="undecided",
            why=f"the model of real data itself, at {number(float(np.median(x.values[0])))}, is no better "
            f"than {number(at)}",
            needs="a task, or more real rows, at which the first model beats the reference",
        )
    name = x.meaning.reference.name if x.metric not in margins.references and x.meaning.reference else "given"
    k = _beyond(test)
    advantage = f"of the advantage over {number(at)} ({name})"
    why = f"{_counted(test, k)} {have(k)} lost over {percent(margins.lost)} {advantage}{_rest(x, test)}"
    if x.law is not None and x.law.of == "mean":
        first, last = float(x.law.values[0]), float(x.law.values[len(x.values) - 1])
        lost = (last - first) / (at - first) if at != first else math.nan
        if math.isfinite(lost):
            at_last = f"at generation {x.generations[-1]:g}"
            said = f"by law the mean has lost {percent(lost)} of its advantage {at_last}"
            yes = lost > margins.lost
            return _Asked(read, meant, test.effect, settled="yes" if yes else "no", law=said, why=why)
    return _simple(read, meant, test, why)


def _reference_needed(x: Trajectory) -> str:
    """What would answer meaning 1 of a metric that has no reference."""
    given = f"--reference {x.metric}=VALUE, its value where nothing is known"
    return given if x.task is None else f"{given}; or {MEANINGS[0].needs}"


def _any_increase(read: Read, meant: Meant, margins: Margins) -> _Asked:
    x = read.x
    test = increase(x, margins)
    factor = logarithmic(x)
    margin = said_margin(x, margins)
    end = f"generation {x.generations[-1]:g}"
    k = _beyond(test)
    than = f"at {end} than at generation {x.generations[0]:g}"
    why = f"{_counted(test, k)} {are(k)} worse {than} by more than {margin}{_rest(x, test)}"
    if x.law is not None and x.law.of == "mean":
        first, last = float(x.law.values[0]), float(x.law.values[len(x.values) - 1])
        change = last / first - 1 if factor and first else last - first
        if math.isfinite(change):
            said = (
                f"by law the mean at {end} is {number(last / first)} times generation 1's"
                if factor
                else f"by law the mean at {end} has changed by {number(change)}"
            )
            bound = margins.increase if factor else margin_of(x, margins)
            by_law: Answer = "yes" if worse(x) * change > bound else "no"
            return _Asked(read, meant, test.effect, settled=by_law, law=said, why=why, measured=_CHANGED)
    if test.yes > test.no and _mean_may_rise(read, margins):
        # the typical replicate is none worse, but a risk is a mean
        why, test = f"{why}; the mean may have got worse by more", test._replace(no=1.0)
    return replace(_simple(read, meant, test, why), measured=_CHANGED)


def _mean_may_rise(read: Read, margins: Margins) -> bool:
    """Whether the mean was seen to change, by what may be more than the margin."""
    x, mean = read.x, read.mean
    if mean.status not in ("still moving", "levels off"):
        return False
    change = _for_the_worse(mean.change, worse(x))
    size = abs(float(x.values[0].mean())) * margins.increase if logarithmic(x) else margin_of(x, margins)
    return bool(change.estimate > 0 and change.high > size)


def _divergence(read: Read, meant: Meant, margins: Margins) -> _Asked:
    x = read.x
    sign = worse(x)
    if x.meaning.scale == "share":
        return _Asked(read, meant, settled="no", why="a share lies between 0 and 1, and cannot diverge")
    told = read.mean.status != "undecided" and read.mean.until >= x.generations[-1]
    of = read.mean if told else read.typical
    who = "the mean" if told else "the typical replicate"
    towards, back = ("for the worse", "for the better") if x.meaning.better else ("upwards", "downwards")

    def asked(answer: Answer | None, why: str, shown: Growth | None = None, **more: Any) -> _Asked:
        shown = shown or (read.mean if math.isfinite(read.mean.change.estimate) else of)
        whose = "the mean" if shown is read.mean else "the typical replicate"
        measured = f"change of {whose}, {shown.between}, {towards}"
        effect = _for_the_worse(shown.change, sign)
        return _Asked(read, meant, effect, settled=answer, why=why, measured=measured, **more)

    if x.tail is not None:
        diverges = x.tail.unbounded and sign * x.tail.limit > 0
        seen = f"in these {several(len(x.values), 'generation')} {_told('the mean', read.mean.status)}"
        return asked("yes" if diverges else "no", seen, law=f"the mean {x.tail.words}, by law")
    moving = of.status == "still moving"
    if moving and sign * of.change.estimate > 0:
        law = "a law: data alone never say that it goes on for ever"
        return asked("undecided", f"{_told(who, of.status)}, {towards}", of, needs=law)
    only = f" up to generation {read.mean.until} only" if read.mean.until < x.generations[-1] else ""
    if not told:  # a risk is a mean: rare replicates may carry it where the typical one stands still
        why = of.reason or f"{_told(who, of.status)}; {_told('the mean', read.mean.status)}{only}"
        return asked("undecided", why, needs=read.mean.needs or of.needs)
    if moving:
        return asked("no", f"{_told(who, of.status)}, but {back}")
    first, last = x.generations[0], x.generations[-1]
    if of.status == "levels off":
        test = pace(x, margins)
        verb = "would get worse" if x.meaning.better else "would rise"
        again = several(int(last - first), "generation")
        when = f"in {again} more at the pace of the last half{_rest(x, test)}"
    else:
        test = increase(x, margins)
        verb = f"{have(_beyond(test))} {'got worse' if x.meaning.better else 'risen'}"
        when = f"from generation {first:g} to {last:g}{_rest(x, test)}"
    changed = f"{verb} by more than {said_margin(x, margins)} {when}"
    why = f"{_told(who, of.status)}; {_counted(test, _beyond(test))} {changed}"
    return asked(None, why, no=test.no, needs=_more(test), tested=True)


def _told(who: str, status: str) -> str:
    """A status as a clause."""
    return {
        "no change seen": f"no change of {who} seen",
        "still moving": f"{who} is still moving",
        "still falling": f"{who} is still falling",
        "levels off": f"{who} levels off",
    }.get(status, f"{who} is undecided")


def _for_the_worse(change: Interval, sign: int) -> Interval:
    """A change with the sign that makes more of it worse."""
    return change if sign > 0 else Interval(-change.estimate, -change.high, -change.low)


def _lost(read: Read, meant: Meant, margins: Margins) -> _Asked:
    """Meanings 4 and 6: fallen below a half, or still falling; or not fallen, or levelled off above."""
    x = read.x
    half, some = loss(x, margins)
    first = float(np.median(x.values[0]))
    what = x.meaning.title or x.metric
    if x.meaning.scale != "nats" and not first > 0:
        none = f"{what} of the typical replicate is {number(first)} at generation {x.generations[0]:g}"
        return _Asked(read, meant, settled="undecided", why=none, needs=meant.needs)
    what = f"exp({what})" if x.meaning.scale == "nats" else what
    measured = f"{what} at generation {x.generations[-1]:g} over that at generation {x.generations[0]:g}"
    tail = x.tail
    gone = tail is not None and (tail.limit == 0 if x.meaning.scale != "nats" else tail.limit == -math.inf)
    if gone and tail is not None:
        law, why = f"the mean {tail.words}, by law", _both(read, tail)
        return _Asked(read, meant, half.effect, settled="yes", law=law, why=why, measured=measured)
    status = read.typical.status
    falling = status == "still moving" and read.typical.change.estimate < 0
    off = status == "levels off"
    # standing still above a half is no loss; so is not having fallen, unless it still moves
    a, b = _beyond(some), _beyond(half)
    lost = f"{_counted(some, a)} {have(a)} lost over {percent(margins.falling)}"
    left = f"{b} {have(b)} less than {percent(margins.kept)} left{_rest(x, half)}"
    rate = f" ({read.typical.words})" if status != "undecided" and read.typical.words else ""
    return _Asked(
        read,
        meant,
        half.effect,
        yes=some.yes if falling else half.yes,
        no=1.0 if falling else half.no if off else some.no,
        why=f"{_told('the typical replicate', 'still falling' if falling else status)}{rate}; {lost}, {left}",
        needs=read.typical.needs or _more(half if off else some),
        tested=True,
        measured=measured,
    )


def _both(read: Read, tail: Tail) -> str:
    """The rates of the typical replicate and of the mean, by the law's own form: both are right."""
    law, name = ("exponential decay", "half-life") if tail.geometric else ("power decay", "exponent")
    if tail.kind != "decay":
        law, name = "linear", "per generation"
    said = []
    for of, who in ((read.typical, "typical replicate"), (read.mean, "mean")):
        said += [f"{who}: {rate.words}" for rate in of.rates(law) if rate.name == name]
    return "; ".join(said)


def _scaling(read: Read, meant: Meant, grid: Mapping[float, Trajectory], margins: Margins) -> _Asked | None:
    tests = scaling(grid, margins) if read.x.meaning.scale == "ratio" else None
    if tests is None:
        return None
    flatter, steeper = tests
    yes = min(1.0, 2 * min(flatter.yes, steeper.yes))
    no = max(flatter.no, steeper.no)
    up, down = _beyond(flatter), _beyond(steeper)
    why = (
        f"over n = {', '.join(f'{n:g}' for n in sorted(grid))}: of {_counted(flatter, up)} the exponent is "
        f"greater by over {number(margins.exponent)}, of {down} it is smaller by as much"
    )
    return _Asked(read, meant, flatter.effect, yes, no, why=why, needs=_more(flatter), tested=True)


def _holm(asked: Sequence[_Asked]) -> list[Finding]:
    """Answers with p-values adjusted over all tests of the line, eight at least."""
    tested = sorted((q for q in asked if q.tested), key=lambda q: min(q.yes, q.no))
    many = max(len(tested), len(MEANINGS))
    decided: dict[int, Answer] = {}
    open_ = True
    for i, q in enumerate(tested):
        open_ = open_ and min(q.yes, q.no) * (many - i) <= _ALPHA
        decided[id(q)] = "undecided" if not open_ else "yes" if q.yes < q.no else "no"
    found = []
    for q in asked:
        answer = q.settled or decided[id(q)]
        needs = q.needs if answer in ("undecided", "not asked") else ""
        x = q.read.x
        n = q.meaning.number
        factor = n in (4, 6) or (n == 2 and logarithmic(x))
        measured = q.measured or q.meaning.effect
        found.append(Finding(x.labels, x.metric, n, answer, q.effect, q.law, needs, q.why, factor, measured))
    return found
