"""``genloss warn``: which metric of a run moved first."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import click

from genloss.cli.sources import sources_options, trajectories_of
from genloss.errors import say

if TYPE_CHECKING:
    from genloss.collapse.warning import Warned


@click.command()
@click.option(
    "--watch", metavar="METRIC", help="The metric you care about; by default the first that is better lower."
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="The most that the probability of a false alarm on a line may be, over all its generations.",
)
@sources_options
@click.option("--json", "as_json", is_flag=True, help="A list with one object for each line and metric.")
def warn(
    sources: tuple[str, ...], watch: str | None, alpha: float, as_json: bool, trust: bool, **columns: Any
) -> None:
    """Say which metric moved first, and how long before the one you care about.

    RUN is a run's folder. TABLE is anybody's values by generation, one or several, as genloss verdict reads
    them. Of each line every metric is looked at after each generation, as a monitor in a training pipeline
    would.
    """
    from genloss.collapse.warning import FEWEST
    from genloss.collapse.warning import warn as warned

    some, notes, _ = trajectories_of(sources, trust, columns)
    for note in notes:
        say(note)
    lines = warned(some, watch, alpha)
    if as_json:
        click.echo(json.dumps([entry for line in lines for entry in entries(line)], indent=1))
        return
    for line in lines:
        label = ", ".join(f"{name}={value}" for name, value in line.labels.items())
        click.echo((f"{click.style(label, bold=True)}\n" if label else "") + f"{line}\n")
    for rule in dict.fromkeys(line.rule for line in lines):
        click.echo(textwrap.fill(rule, 120))
    enough = [line.replicates >= FEWEST for line in lines]
    said = "[low, high]: 95 % intervals over replicates." if any(enough) else ""
    none = "" if all(enough) else f"Below {FEWEST} replicates there are no intervals."
    click.echo(" ".join(part for part in (said, none) if part))


def entries(line: Warned) -> list[dict[str, Any]]:
    """An object for each metric of a line: null where there is no alarm, no interval, or nothing to say."""
    from genloss.numbers import json_number

    return [
        {
            **line.labels,
            "metric": move.metric,
            "watched": line.watched or None,
            "alarm": json_number(move.since.estimate) if move.alarm else None,
            "alarm_low": json_number(move.since.low),
            "alarm_high": json_number(move.since.high),
            "direction": move.direction,
            "lead": json_number(move.lead.estimate),
            "lead_low": json_number(move.lead.low),
            "lead_high": json_number(move.lead.high),
            "generations": line.generations,
            "replicates": line.replicates,
            "over": line.over,
            "alpha": line.alpha,
            "alpha_each": line.each,
        }
        for move in line.moves
    ]
