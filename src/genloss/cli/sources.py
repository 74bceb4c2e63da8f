"""What commands read: a run's folder, or anybody's tables, and options that say which columns are what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from genloss.cli.guard import DEBUG
from genloss.errors import SpecError


def sources_options(command: Any) -> Any:
    """A run's folder or tables as arguments, which columns of a table are what, and whether code may run."""
    for option in reversed(_options()):
        command = option(command)
    return command


def _options() -> Sequence[Any]:
    return (
        click.argument("sources", metavar="RUN|TABLE...", nargs=-1, required=True, type=click.Path()),
        click.option("--generation", metavar="COL", help="Of a table: the column of generations."),
        click.option(
            "--value",
            multiple=True,
            metavar="COL",
            help="Of a table: a column of values; several may be named.",
        ),
        click.option("--replicate", metavar="COL", help="Of a table: which independent run a row is of."),
        click.option(
            "--group", multiple=True, metavar="COL", help="Of a table: a column that tells lines apart."
        ),
        click.option(
            "--across",
            type=click.Choice(["generations", "replicates", "groups", "metrics"]),
            help="Of a wide table: what its columns are.",
        ),
        click.option(
            "--missing", multiple=True, metavar="VALUE", help="Of a table: what stands for no value."
        ),
        click.option("--trust", is_flag=True, help="Run code of yours that the run's spec refers to."),
        DEBUG,
    )


def trajectories_of(
    sources: Sequence[str], trust: bool, columns: dict[str, Any]
) -> tuple[list[Any], list[str], str]:
    """What a run's folder or tables hold, what is to be known of it, and what to call it.

    Args:
        sources: a folder, or a table, or several.
        trust: whether a run's own code may be imported.
        columns: what the options of :func:`sources_options` gave, and what else the command knows of them.

    Raises:
        SpecError: if options do not fit the source, it is a spec, or a run has no metric over generations.
        DataError: if a table cannot be read.
        StoreError: if a folder holds no run.
    """
    references = pairs(columns.get("references", ()), "--reference")
    spec = next((one for one in sources if Path(one).suffix == ".toml"), None)
    if spec is not None:
        raise SpecError(f"{spec} is a spec: genloss run {spec}, and give the folder of its run")
    folders = [one for one in sources if Path(one).is_dir() or not (Path(one).suffix or Path(one).exists())]
    if not folders:
        from genloss.collapse.others import Columns, read

        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in columns.items()}
        given["references"] = references
        some, notes = read([*sources], Columns(**given))
        if "better" not in columns:  # what is good matters to verdicts alone
            notes = [note for note in notes if "--better" not in note and "--tells" not in note]
        return some, notes, Path(sources[0]).name if len(sources) == 1 else f"{len(sources)} tables"
    if len(sources) > 1:
        tables = f"{folders[0].rstrip('/')}/*.csv"
        raise SpecError(f"{folders[0]}: is a run's folder, or none; several sources are tables, as {tables}")
    named = [f"--{k}" for k, v in columns.items() if v and k != "references"]
    if named:
        raise SpecError(f"{', '.join(named)}: of a table; {sources[0]} is a run, which knows its columns")
    return (*_of_run(sources[0], trust, references),)


def _of_run(source: str, trust: bool, references: dict[str, float]) -> tuple[list[Any], list[str], str]:
    """The same of a run.

    Raises:
        StoreError: if the folder holds no run; with the tables that it holds.
        SpecError: if it has no metric over generations, or none of a name that a reference is given for.
    """
    from genloss.cli.values import results_of
    from genloss.collapse.trajectory import trajectories
    from genloss.errors import StoreError

    try:
        found = results_of(source, trust)
    except StoreError as error:
        tables = [
            p for p in sorted(Path(source).glob("*")) if p.suffix in (".csv", ".tsv", ".json", ".parquet")
        ]
        if not tables:
            raise
        command = click.get_current_context().command_path
        raise StoreError(
            f"{error}; it holds tables: {command} {source.rstrip('/')}/*{tables[0].suffix}"
        ) from None
    some = [*trajectories(found)]
    if not some:
        axes = {axis for cell in found.cells for axis in cell.outline.axes[:1]} - {"generation"}
        why = (
            f"its first axis is {', '.join(sorted(axes))}, not generation" if axes else "run the study first"
        )
        raise SpecError(f"{source}: it has no metric over generations; {why}")
    unknown = [name for name in references if name not in {x.metric for x in some}]
    if unknown:
        there = ", ".join(dict.fromkeys(x.metric for x in some))
        raise SpecError(f"--reference {unknown[0]}: there is no such metric; there are {there}")
    return some, found.notes, found.study.title or found.study.name


def pairs(given: tuple[str, ...], option: str) -> dict[str, float]:
    """NAME=VALUE options as numbers by name."""
    out = {}
    for text in given:
        name, _, value = text.rpartition("=")
        try:
            out[name.strip()] = float(value)
        except ValueError:
            raise SpecError(f"{option} {text}: write NAME=NUMBER") from None
        if not name:
            raise SpecError(f"{option} {text}: write NAME=NUMBER")
    return out
