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
from dataclasses import dataclass

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
    scaling,
    worse,
)
from genloss.collapse.rates import Growth
from genloss.collapse.trajectory import Trajectory
from genloss.intervals import Interval
from genloss.wording import several

_ALPHA = 0.05
_FEWEST = 8  # replicates of which all lie on one side by chance in less than 5 % / 8 of cases
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
    x = read.x
    tells = x.meaning.tells or ("risk" if x.meaning.better else "")
    for meant in MEANINGS:
        if tells in meant.tells:
            asked = _ask(read, meant, tells, grid, margins)
            if asked is not None:
                yield asked


def _ask(
    read: Read, meant: Meant, tells: str, grid: Mapping[float, Trajectory], margins: Margins
) -> _Asked | None:
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
        margin = margins.modes if tells == "modes" else margins.between
        return _simple(read, meant, excess(read.x, margin), margin)
    return _simple(read, meant, excess(read.x, margins.support), margins.support)


def _simple(read: Read, meant: Meant, test: Tested, margin: float, why: str = "") -> _Asked:
    said = f"{_share(test)} lie beyond {margin:.3g}"
    return _Asked(
        read, meant, test.effect, test.yes, test.no, why=why or said, needs=_more(test), tested=True
    )


def _share(test: Tested) -> str:
    share, of = test.share
    return f"{round(share * of)} of {of} replicates" if of else "no replicates"


def _more(test: Tested) -> str:
    """Replicates at which a sign test would tell with a power of 80 %, were their share what it is."""
    share, of = test.share
    if not of:
        return "replicates"
    if of < _FEWEST:
        return f"{_FEWEST} replicates at least: with fewer no sign test can tell, at 5 % over eight questions"
    gap = abs(share - 0.5)
    if gap < 0.02:
        return "an effect that lies further from its margin: at this one no number of replicates tells"
    # one-sided, at the level that is left to the first of eight
    need = math.ceil(((2.50 + 0.84) * 0.5 / gap) ** 2)
    return f"about {max(need, 8)} replicates" if need > of else "a few more replicates"


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
            why=f"the model of real data, at {np.median(x.values[0]):.3g}, is no better than {at:.3g} itself",
            needs="a task, or more real rows, at which the first model beats the reference",
        )
    name = x.meaning.reference.name if x.metric not in margins.references and x.meaning.reference else "given"
    why = f"{_share(test)} have lost {margins.lost:.0%} of the advantage over {at:.3g} ({name})"
    if x.law is not None and x.law.of == "mean":
        first, last = float(x.law.values[0]), float(x.law.values[len(x.values) - 1])
        lost = (last - first) / (at - first) if at != first else math.nan
        if math.isfinite(lost):
            said = f"by law the mean has lost {lost:.0%} at generation {x.generations[-1]:g}"
            yes = lost > margins.lost
            return _Asked(read, meant, test.effect, settled="yes" if yes else "no", law=said, why=why)
    return _simple(read, meant, test, margins.lost, why)


def _reference_needed(x: Trajectory) -> str:
    """What would answer meaning 1 of a metric that has no reference."""
    given = f"--reference {x.metric}=VALUE, its value where nothing is known"
    return given if x.task is None else f"{given}; or {MEANINGS[0].needs}"


def _any_increase(read: Read, meant: Meant, margins: Margins) -> _Asked:
    x = read.x
    test = increase(x, margins)
    factor = logarithmic(x)
    margin = _said_margin(x, margins)
    end = f"generation {x.generations[-1]:g}"
    why = f"{_share(test)} are worse at {end} than at the first one by more than {margin}"
    if x.law is not None and x.law.of == "mean":
        first, last = float(x.law.values[0]), float(x.law.values[len(x.values) - 1])
        change = last / first - 1 if factor and first else last - first
        if math.isfinite(change):
            said = (
                f"by law the mean at {end} is {last / first:.3g} times generation 1's"
                if factor
                else f"by law the mean at {end} has changed by {change:.3g}"
            )
            bound = (
                margins.increase if factor else margins.nats if x.meaning.scale == "nats" else margins.share
            )
            yes = worse(x) * change > bound
            return _Asked(read, meant, test.effect, settled="yes" if yes else "no", law=said, why=why)
    if test.yes > test.no and _mean_may_rise(read, margins):
        # the typical replicate is none worse, but a risk is a mean
        why, test = f"{why}; the mean may have risen by more", test._replace(no=1.0)
    return _simple(read, meant, test, 0.0, why)


def _mean_may_rise(read: Read, margins: Margins) -> bool:
    """Whether the mean was seen to change, by what may be more than the margin."""
    x, mean = read.x, read.mean
    if mean.status not in ("still moving", "levels off"):
        return False
    change = _for_the_worse(mean.change, worse(x))
    size = abs(float(x.values[0].mean())) * margins.increase if logarithmic(x) else margin_of(x, margins)
    return bool(change.estimate > 0 and change.high > size)


def _said_margin(x: Trajectory, margins: Margins) -> str:
    if logarithmic(x):
        return f"{margins.increase:.0%}"
    if x.meaning.scale in ("nats", "share"):
        return f"{margins.nats:g} nats" if x.meaning.scale == "nats" else f"{margins.share:.0%}"
    return "half a unit" if x.meaning.scale == "count" else f"{margins.spreads:g} standard deviations"


def _divergence(read: Read, meant: Meant, margins: Margins) -> _Asked:
    x = read.x
    sign = worse(x)
    if x.meaning.scale == "share":
        return _Asked(read, meant, _NOTHING, settled="no", why="a share lies between 0 and 1")
    told = read.mean.status != "undecided" and read.mean.until >= x.generations[-1]
    of = read.mean if told else read.typical
    effect = _for_the_worse(read.mean.change if math.isfinite(read.mean.change.estimate) else of.change, sign)
    if x.tail is not None:
        diverges = x.tail.unbounded and sign * x.tail.limit > 0
        seen = f"in these {several(len(x.values), 'generation')}: {read.mean.status}"
        law = f"the mean {x.tail.words}, by law"
        return _Asked(read, meant, effect, settled="yes" if diverges else "no", law=law, why=seen)
    who = "the mean" if told else "the typical replicate"
    effect = _for_the_worse(of.change, sign)
    if of.status == "still moving" and effect.estimate > 0:
        return _Asked(
            read,
            meant,
            effect,
            settled="undecided",
            why=f"{who} is still moving: as far as data go",
            needs="a law: data never say that it goes on for ever",
        )
    if not told:  # a risk is a mean: rare replicates may carry it where the typical one stands still
        why = of.reason or f"the typical replicate: {of.status}; the mean is undecided"
        return _Asked(read, meant, effect, settled="undecided", why=why, needs=read.mean.needs or of.needs)
    if of.status == "still moving":
        return _Asked(read, meant, effect, settled="no", why=f"{who} is still moving, for the better")
    by, first, last = f"by more than {_said_margin(x, margins)}", x.generations[0], x.generations[-1]
    if of.status == "levels off":
        test = pace(x, margins)
        again = several(int(last - first), "generation")
        why = f"{who} levels off; in {again} more {_share(test)} would rise {by} at the pace of the last half"
    else:
        test = increase(x, margins)
        why = f"no change of {who} seen; from generation {first:g} to {last:g} {_share(test)} have risen {by}"
    return _Asked(read, meant, effect, 1.0, test.no, why=why, needs=_more(test), tested=True)


def _for_the_worse(change: Interval, sign: int) -> Interval:
    """A change with the sign that makes more of it worse."""
    return change if sign > 0 else Interval(-change.estimate, -change.high, -change.low)


def _lost(read: Read, meant: Meant, margins: Margins) -> _Asked:
    """Meanings 4 and 6: fallen below a half, or still falling; or not fallen, or levelled off above."""
    x = read.x
    half, some = loss(x, margins)
    first = float(np.median(x.values[0]))
    if x.meaning.scale != "nats" and not first > 0:
        return _Asked(
            read, meant, settled="undecided", why="nothing of it at generation 1", needs=meant.needs
        )
    tail = x.tail
    gone = tail is not None and (tail.limit == 0 if x.meaning.scale != "nats" else tail.limit == -math.inf)
    if gone and tail is not None:
        return _Asked(
            read,
            meant,
            half.effect,
            settled="yes",
            law=f"the mean {tail.words}, by law",
            why=_both(read, tail),
        )
    status = read.typical.status
    falling = read.typical.change.estimate < 0
    yes = some.yes if status == "still moving" and falling else half.yes
    # standing still above a half is none; so is not having fallen, unless it still moves
    no = half.no if status == "levels off" else 1.0 if status == "still moving" and falling else some.no
    fallen = round(half.share[0] * half.share[1]) if half.share[1] else 0
    why = (
        f"the typical replicate: {status}; {fallen} of {half.share[1]} have less than {margins.kept:.0%} left"
    )
    rate = _rate(read.typical)
    return _Asked(
        read,
        meant,
        half.effect,
        yes,
        no,
        why="; ".join(p for p in (why, rate) if p),
        needs=read.typical.needs or _more(half),
        tested=True,
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


def _rate(of: Growth) -> str:
    """The rate of the law that fits best, in words."""
    return of.words


def _scaling(read: Read, meant: Meant, grid: Mapping[float, Trajectory], margins: Margins) -> _Asked | None:
    tests = scaling(grid, margins) if read.x.meaning.scale == "ratio" else None
    if tests is None:
        return None
    flatter, steeper = tests
    yes = min(1.0, 2 * min(flatter.yes, steeper.yes))
    no = max(flatter.no, steeper.no)
    why = f"over n = {', '.join(f'{n:g}' for n in sorted(grid))}, replicate by replicate"
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
        number = q.meaning.number
        factor = number in (4, 6) or (number == 2 and logarithmic(x))
        found.append(Finding(x.labels, x.metric, number, answer, q.effect, q.law, needs, q.why, factor))
    return found
