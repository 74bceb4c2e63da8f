"""``genloss forecast``: a metric at a later generation, and when it crosses a threshold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from genloss.cli.sources import sources_options, trajectories_of
from genloss.errors import SpecError, bounded, say

if TYPE_CHECKING:
    from genloss.collapse.forecast import Crossing, Forecast

_MOST = 40
_LAWS = 2


@click.command()
@click.option("--at", type=click.IntRange(min=2), required=True, help="The generation asked for.")
@click.option("--threshold", type=float, metavar="X", help="Say when this value is crossed, too.")
@click.option("--metric", "metrics", multiple=True, metavar="M", help="Of this metric alone; repeatable.")
@click.option(
    "--level",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="Share of intervals that are meant to hold what will be seen.",
)
@sources_options
@click.option("--json", "as_json", is_flag=True, help="A list with one object for each forecast.")
def forecast(
    sources: tuple[str, ...],
    at: int,
    threshold: float | None,
    metrics: tuple[str, ...],
    level: float,
    as_json: bool,
    trust: bool,
    **columns: Any,
) -> None:
    """Say what a metric will be at a later generation, and when it crosses a threshold.

    RUN is a run's folder. TABLE is anybody's values by generation, one or several, as genloss verdict reads
    them.

    \b
    genloss forecast genloss-runs/collapse-or-thrive --at 200 --metric TraceRatio --threshold 0.5
    genloss forecast losses.csv --generation step --value loss --replicate seed --at 50

    A forecast is of the mean, or of the median, that the same replicates would have. It averages over all
    laws of growth that fit. Where data do not tell, it says so.
    """  # noqa: D301  # to click the character, not a backslash and a b, keeps lines as they are
    from genloss.collapse.forecast import forecasts
    from genloss.study.registry import did_you_mean

    lines, notes, _ = trajectories_of(sources, trust, columns)
    known = dict.fromkeys(x.metric for x in lines)
    if not known:
        raise SpecError(f"{sources[0]}: it has no metric over generations")
    for name in metrics:
        if name not in known:
            raise SpecError(f"no metric '{bounded(name)}' was measured{did_you_mean(name, known)}")
    wanted = [x for x in lines if not metrics or x.metric in metrics]
    later = [x for x in wanted if x.generations[-1] < at]
    if not later:
        last = max(int(x.generations[-1]) for x in wanted)
        raise SpecError(f"--at {at}: generation {last} has been seen; ask for a later one")
    if len(later) < len(wanted):
        many = len(wanted) - len(later)
        notes = [*notes, f"{many} of {len(wanted)} lines have generation {at} already: left out"]
    found = list(forecasts(later, at, level=level, threshold=threshold))
    notes = [*notes, *(f"{x.name}: {note}" for x in later for note in (*x.notes, x.gaps) if note)]
    for note in dict.fromkeys(notes):
        say(note)
    click.echo(json.dumps([f.plain() for f in found], indent=1) if as_json else text(found))


def text(found: list[Forecast]) -> str:
    """The forecasts as a terminal shows them: a row for each, and how many cannot tell."""
    from genloss.numbers import number
    from genloss.wording import aligned

    first = found[0]
    lined = any(f.labels for f in found)
    law = any(f.by_law is not None for f in found)
    crossed = any(f.crossing is not None for f in found)
    head = ["metric", "of", "seen", f"at {first.at} [{100 * first.level:.3g} %]"]
    head += ["by law"] * law + ["crosses"] * crossed + ["laws"] + ["line"] * lined
    rows = [head]
    for f in found[:_MOST]:
        cells = [f.metric, f.of, f"{number(f.seen)} at {f.last}", _said(f)]
        cells += [number(f.by_law) if f.by_law is not None else ""] * law
        cells += [_crossing(f.crossing, f.at) if f.crossing is not None else ""] * crossed
        cells += [", ".join(f"{name} {w:.2g}" for name, w in list(f.laws.items())[:_LAWS]) if f.tells else ""]
        rows.append([*cells, *[", ".join(f"{k}={v}" for k, v in f.labels.items())] * lined])
    lines = aligned(rows)
    if len(found) > _MOST:
        lines.append(f"... and {len(found) - _MOST} more; all of them: --json")
    return "\n".join([*lines, *_refused(found)])


def _said(f: Forecast) -> str:
    from genloss.numbers import bracketed, interval

    return bracketed(*interval(f.value)) if f.tells else "cannot tell"


def _crossing(c: Crossing, at: int) -> str:
    if c.seen:
        return f"crossed at {c.generation.estimate:.0f}"
    if c.generation.low > at:
        return f"not before generation {at}"
    typical, low, high = (f"{g:.0f}" if g <= at else f"after {at}" for g in c.generation)
    return f"{typical} [{low}, {high}]" + (
        f", not by {at}: {100 * c.never:.0f} %" if c.never >= 0.005 else ""
    )


def _refused(found: list[Forecast]) -> list[str]:
    """How many cannot tell, and why."""
    reasons = [f.reason for f in found if not f.tells]
    if not reasons:
        return []
    counted = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
    lines = [f"\n{len(reasons)} of {len(found)} cannot tell:"]
    lines += [f"  {n}: {reason}" for reason, n in list(counted.items())[:_MOST]]
    return lines
