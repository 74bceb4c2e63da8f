"""``genloss describe``: what a table is read as."""

from __future__ import annotations

import json

import click

from genloss.cli.guard import DEBUG


@click.command()
@click.argument("table", type=click.Path())
@click.option("--target", metavar="COL", help="The column to be predicted.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field of Table: 'drop=[id]', decimal=','.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@DEBUG
def describe(table: str, target: str | None, changes: tuple[str, ...], as_json: bool) -> None:
    """Say what a table is read as.

    TABLE is a file, or the name of a bundled table. The kind of every column, what is left out and why, what
    was decided where the table leaves it open and the field that would change it, and a spec to paste.
    """
    from genloss.cli.values import table_of

    said = table_of(table, target, changes).describe()
    click.echo(json.dumps(said.said(), indent=1) if as_json else str(said))
