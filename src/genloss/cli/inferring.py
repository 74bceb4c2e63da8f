"""``genloss infer``: what may be concluded from synthetic rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from genloss.cli.guard import DEBUG
from genloss.errors import SpecError, say

if TYPE_CHECKING:
    from genloss.value.inference import Inferred
    from genloss.value.inference.tabled import What

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def infer() -> None:
    """Conclude what holds from synthetic rows: estimates with intervals that cover.

    Few rows with true labels, and predictions of a model for these and many more:

    \b
    genloss infer mean labelled.csv --unlabelled more.csv --label grade --prediction guess

    Several synthetic data sets made from one real one:

    \b
    genloss infer mean synth*.csv --label income --combine fully
    """  # noqa: D301  # to click the character, not a backslash and a b, keeps lines as they are


def _options(command: F) -> F:
    """What all questions have in common."""
    for option in reversed(
        [
            click.argument("tables", metavar="TABLE...", nargs=-1, required=True, type=click.Path()),
            click.option("--label", metavar="COL", required=True, help="The column that is asked about."),
            click.option("--prediction", metavar="COL", help="The column of a model's predictions of it."),
            click.option(
                "--unlabelled",
                metavar="FILE",
                type=click.Path(),
                help="A table with predictions alone; by default the rows of TABLE whose label is empty.",
            ),
            click.option("--positive", metavar="TEXT", help="The text that means 1; every other means 0."),
            click.option(
                "--level",
                type=click.FloatRange(0, 1, min_open=True, max_open=True),
                default=0.95,
                show_default=True,
                help="Share of intervals that are meant to hold the truth.",
            ),
            click.option(
                "--lambda",
                "weight",
                type=click.FloatRange(0, 1),
                help="What predictions count for; by default what gives the shortest interval.",
            ),
            click.option("--json", "as_json", is_flag=True, help="One JSON object."),
            DEBUG,
        ]
    ):
        command = option(command)
    return command


_ON = click.option(
    "--on", metavar="COL", multiple=True, required=True, help="Regress on this column; repeatable."
)


@infer.command()
@_options
def mean(**given: Any) -> None:
    """The mean of a column; of 0 and 1, or with --positive, a share."""
    _infer("mean", **given)


@infer.command()
@click.option(
    "--q",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Share of rows at or below it.",
)
@_options
def quantile(**given: Any) -> None:
    """A quantile of a column."""
    _infer("quantile", **given)


@infer.command()
@_ON
@_options
def ols(**given: Any) -> None:
    """Coefficients of least squares."""
    _infer("ols", **given)


@infer.command()
@_ON
@_options
def logistic(**given: Any) -> None:
    """Coefficients of logistic regression of a column of 0 and 1."""
    _infer("logistic", **given)


def _infer(
    what: What,
    tables: tuple[str, ...],
    label: str,
    prediction: str | None,
    unlabelled: str | None,
    positive: str | None,
    level: float,
    weight: float | None,
    as_json: bool,
    on: tuple[str, ...] = (),
    q: float = 0.5,
) -> None:
    """Ask the library, and print what it says."""
    from genloss.value.inference.tabled import infer as inferred

    if prediction is None:
        raise SpecError("--prediction COL is needed")
    found: Inferred = inferred(
        what,
        tables[0],
        unlabelled,
        label=label,
        prediction=prediction,
        on=on,
        q=q,
        positive=positive,
        level=level,
        weight=weight,
        say=say,
    )
    click.echo(json.dumps(found.said(), indent=1) if as_json else str(found))
