"""``genloss infer``: what may be concluded from synthetic rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from genloss.cli.guard import DEBUG
from genloss.errors import SpecError

if TYPE_CHECKING:
    from genloss.value.inference.combining import Kind
    from genloss.value.inference.tabled import What

F = TypeVar("F", bound=Callable[..., Any])


@click.group(invoke_without_command=True)
@click.pass_context
def infer(ctx: click.Context) -> None:
    """Conclude what holds from synthetic rows: estimates with intervals that cover.

    Few rows with true labels, and predictions of a model for these and many more:

    \b
    genloss infer mean labelled.csv --unlabelled more.csv --label grade --prediction guess

    Several synthetic data sets made from one real one:

    \b
    genloss infer mean synth*.csv --label income --combine fully
    """  # noqa: D301  # to click the character, not a backslash and a b, keeps lines as they are
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


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
            click.option(
                "--combine",
                type=click.Choice(["fully", "partially", "once"]),
                help="TABLEs are synthetic data sets made from one real one: fully or partially synthetic, "
                "each from a fit of its own, or all from one and the same fit.",
            ),
            click.option(
                "--real-rows", type=click.IntRange(min=1), help="How many real rows they were made from."
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
    combine: Kind | None,
    real_rows: int | None,
    positive: str | None,
    level: float,
    weight: float | None,
    as_json: bool,
    on: tuple[str, ...] = (),
    q: float = 0.5,
) -> None:
    """Ask the library, and print what it says."""
    from genloss.value.inference import combine as combined
    from genloss.value.inference import infer as inferred

    common: dict[str, Any] = dict(label=label, on=on, q=q, positive=positive, level=level)
    if combine:
        if prediction or unlabelled or weight is not None:
            raise SpecError(
                "--combine takes synthetic data sets alone: no --prediction, --unlabelled or --lambda"
            )
        found = combined(what, tables, kind=combine, real_rows=real_rows, **common)
    else:
        if prediction is None:
            raise SpecError(
                "give --prediction COL, or of synthetic data sets --combine fully, partially or once"
            )
        if len(tables) > 1 or real_rows is not None:
            raise SpecError(
                "several tables and --real-rows are for --combine; else give one TABLE with labels"
            )
        found = inferred(what, tables[0], unlabelled, prediction=prediction, weight=weight, **common)
    click.echo(json.dumps(found.said(), indent=1) if as_json else str(found))
