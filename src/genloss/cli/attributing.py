"""``genloss attribute``: which groups of rows help or hurt, and what leaving one out changes."""

from __future__ import annotations

import json

import click

from genloss.cli.guard import DEBUG
from genloss.errors import say


@click.command()
@click.argument("data", type=click.Path())
@click.option("--target", metavar="COL", help="The column to be predicted; the bundled tables know theirs.")
@click.option(
    "--by",
    metavar="COL",
    required=True,
    help="The column of labels that tells the groups: source, generation, cluster, or the target itself.",
)
@click.option(
    "--on", metavar="LABEL", help="Rows of this label alone judge, as real; all rows are learnt from."
)
@click.option(
    "--learner",
    type=click.Choice(["logistic", "ridge"]),
    help="What predicts. [default: logistic for classes, ridge for numbers]",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    help="Of a group's weight that is taken away. [default: 1; of the target's classes 0.5]",
)
@click.option(
    "--retrain",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Groups that are left out in truth, by learning again: those of the largest effects.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the folds.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="How the table is read: 'drop=[id]', decimal=','.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@DEBUG
def attribute(
    data: str,
    target: str | None,
    by: str,
    on: str | None,
    learner: str | None,
    share: float | None,
    retrain: int,
    seed: int,
    changes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say which groups of rows help or hurt to predict a column.

    DATA is a file, or the name of a bundled table. Its rows are held out in turn; influence functions of a
    linear learner foretell what leaving a group out does to the loss there, and learning again without the
    groups of the largest effects checks it. The column of groups predicts nothing, unless it is the target.
    """
    from genloss.cli.values import table_of
    from genloss.value.attribution import attribute as asked

    table = table_of(data, target, changes)
    found = asked(table, target, by, learner=learner, on=on, share=share, retrain=retrain, seed=seed)
    if remark := table.remark:
        say(remark)
    click.echo(json.dumps(found.said(), indent=1) if as_json else str(found))
