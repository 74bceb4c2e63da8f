"""The commands: each parses, calls the library and prints."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

import genloss as package
from genloss.cli.advising import advise
from genloss.cli.attributing import attribute
from genloss.cli.describing import describe
from genloss.cli.forecasting import forecast
from genloss.cli.guard import BAD_INPUT, DEBUG, FAILED, STOPPED, Guarded
from genloss.cli.inferring import infer
from genloss.cli.judging import verdict
from genloss.cli.warning import warn
from genloss.errors import SpecError, StoreError, bounded, say
from genloss.wording import are, several

F = TypeVar("F", bound=Callable[..., Any])

_TRUST = click.option(
    "--trust", is_flag=True, help="Run code of yours that the spec refers to (mine.py:MyRegime)."
)
_SET = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change a field; a list varies it: 'n_real=[10,100]', regime=Replace, gaussian.generations=20.",
)
_REPLICATES = click.option("--replicates", type=click.IntRange(min=1), help="Replicates of every cell.")


@click.group(
    cls=Guarded, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package.__version__, prog_name="genloss", message="%(prog)s %(version)s")
@DEBUG
@click.pass_context
def genloss(ctx: click.Context) -> None:
    """What models lose, or gain, by training on data that models made.

    \b
    genloss run collapse-or-thrive       the main job: watch models collapse, and what stops it
    genloss list                         what else there is

    Exit codes: 0 done, 1 a cell failed (the others finished), 2 bad input, 130 stopped by Ctrl-C, 70 a bug of
    ours.
    """  # noqa: D301  # to click the character, not a backslash and a b, keeps lines as they are
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


for _command in (describe, advise, attribute, infer, verdict, forecast, warn):
    genloss.add_command(_command)


@genloss.command(name="list")
@click.option("-v", "--verbose", is_flag=True, help="Of every part, all that is to be known.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@DEBUG
def list_(verbose: bool, as_json: bool) -> None:
    """Name the studies of the gallery and all parts."""
    from genloss.cli import listing

    if as_json:
        click.echo(json.dumps({"studies": listing.studies(), "parts": listing.slots()}, indent=1))
    else:
        click.echo(listing.listing(verbose))


@genloss.command()
@click.argument("study")
@_SET
@_REPLICATES
@_TRUST
@DEBUG
def show(study: str, changes: tuple[str, ...], replicates: int | None, trust: bool) -> None:
    """Print a study's spec and what it would do, or what a part is.

    STUDY is a gallery name or a TOML file. The output is a spec again:

    \b
    genloss show collapse-or-thrive > mine.toml

    The name of a part, as in genloss show KDE, prints what it does and what its fields mean.
    """  # noqa: D301  # as above
    from genloss.cli import listing
    from genloss.cli.values import is_study, study_of

    if not is_study(study):
        found = listing.parts_named(study)
        if not found:
            raise SpecError(listing.unknown(study))
        if changes or replicates is not None:
            raise SpecError(f"{study} is a part: --set and --replicates change a study")
        click.echo("\n\n".join(listing.explained(*part) for part in found))
        return
    click.echo(listing.shown(study_of(study, changes, trust, replicates)))


@genloss.command()
@click.argument("study")
@_SET
@_REPLICATES
@click.option(
    "--workers", type=click.IntRange(min=0), help="Processes; by default one a core. 0: none but this one."
)
@click.option(
    "--on",
    metavar="EXECUTOR",
    help="Where tiles are made: dask://HOST:PORT, or MODULE:FACTORY (mine.py:pool), a callable that gives a "
    "concurrent.futures.Executor; the run's folder must be on a disk that it shares.",
)
@click.option(
    "--tile-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End a tile that takes longer (with --on at its next record); it counts as failed.",
)
@click.option("--out", type=click.Path(), help="The run's folder; by default genloss-runs/NAME.")
@_TRUST
@click.option("--json", "as_json", is_flag=True, help="Nothing on standard output but one JSON object.")
@DEBUG
def run(
    study: str,
    changes: tuple[str, ...],
    replicates: int | None,
    workers: int | None,
    on: str | None,
    tile_limit: float | None,
    out: str | None,
    trust: bool,
    as_json: bool,
) -> int:
    """Run a study and show what came out.

    STUDY is a gallery name or a TOML file. The same command again does only what is not yet done. So does a
    changed study: cells that the folder holds already are used again, and what is computed is said, and why.
    A second genloss run on the same folder shares the work.
    """
    from genloss.cli.overseeing import printed
    from genloss.cli.summary import records, table
    from genloss.cli.values import folder_of, study_of
    from genloss.study import run as run_study
    from genloss.study.executors import executor_of
    from genloss.study.tally import Bars, Lines, Tally

    made = study_of(study, changes, trust, replicates)
    folder = Path(out) if out is not None else folder_of(made)
    tally = Tally(None if as_json else Bars() if sys.stderr.isatty() else Lines())
    try:
        with executor_of(on) as executor:
            results = run_study(
                made,
                folder,
                workers=workers,
                executor=executor,
                trust=trust,
                progress=tally,
                tile_limit=tile_limit,
            )
        if not as_json:
            click.echo((f"{made.title}\n\n" if made.title else "") + table(results))
        report, problem = _report(results, folder / "report.html", anew=False)
    except KeyboardInterrupt:
        done = f"{tally.done} of {several(tally.total, 'tile')} {are(tally.total)} done and kept"
        say(f"stopped; {done}. To go on:")
        print(f"  {_again()}", file=sys.stderr)
        return STOPPED
    if as_json:
        said = {
            "run": str(folder),
            "report": report,
            "cells": [
                {
                    "cell": c.index,
                    "experiment": c.experiment,
                    "varied": c.columns,
                    "axes": dict(zip(c.outline.axes, c.outline.extents, strict=True)),
                    "replicates": c.outline.replicates,
                }
                for c in results.cells
            ],
            "failures": [
                {"cell": i, "label": made.cells[i].label, "error": e} for i, e in tally.failed.items()
            ],
            "summary": records(results),
        }
        click.echo(json.dumps(said))
    else:
        click.echo(f"\nrun     {folder}" + (f"\nreport  {report}" if report else ""))
        if printed(folder):
            say(f"parts of yours printed something: genloss logs {folder}")
    if problem:
        say(problem)
        return BAD_INPUT
    return FAILED if tally.failed else 0


@genloss.command()
@click.argument("run", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@DEBUG
def status(run: str, as_json: bool) -> int:
    """Say how far a run is, also while it goes on elsewhere.

    RUN is its folder, as this terminal or another machine sees it: what is done, what is being made and how
    far it is, what failed, how fast it goes and what is left. Exit code 1 where a tile failed.
    """
    from genloss.cli.overseeing import said_of_status
    from genloss.study.status import status_of

    found = status_of(run)
    click.echo(json.dumps(found.plain(), indent=1) if as_json else said_of_status(found))
    return FAILED if found.failed else 0


@genloss.command()
@click.argument("run", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@DEBUG
def verify(run: str, as_json: bool) -> int:
    """Check every part of a run, and say which are damaged.

    RUN is its folder, in which nothing is changed: the next genloss run makes the damaged parts again, and
    only these. Exit code 1 where there are any.
    """
    from genloss.study.status import verified

    whole, problems = verified(run)
    if as_json:
        click.echo(json.dumps({"whole": whole, "problems": problems}, indent=1))
    else:
        said = f"{several(whole, 'file')} {are(whole)} whole, {len(problems)} {are(len(problems))} not"
        click.echo("\n".join([*problems, said]))
    return FAILED if problems else 0


@genloss.command()
@click.argument("run", type=click.Path())
@click.option("--cell", type=click.IntRange(min=0), help="Of this cell alone, by its index.")
@DEBUG
def logs(run: str, cell: int | None) -> None:
    """Print what parts of yours printed while a run was made.

    RUN is its folder. Of each tile the beginning and the end are kept.
    """
    from genloss.cli.overseeing import said_of_logs

    click.echo(said_of_logs(run, cell))


@genloss.command()
@click.argument("run", type=click.Path())
@click.option("--csv", type=click.Path(), help="Write the long table as CSV; - is standard output.")
@click.option("--parquet", type=click.Path(), help="Write the long table as Parquet.")
@_TRUST
@DEBUG
def results(run: str, csv: str | None, parquet: str | None, trust: bool) -> None:
    """Show what came out of a run, or write the table.

    RUN is its folder. The long table: the varied fields, agent, generation, replicate, metric, value.
    """
    from genloss.cli.summary import table
    from genloss.cli.values import results_of

    for path in (parquet, None if csv == "-" else csv):
        if path is not None:
            _has_folder(path)
    found = results_of(run, trust)
    for note in found.notes:
        say(note)
    if csv is None and parquet is None:
        click.echo(table(found, every=True))
        return
    frame = found.frame()
    if parquet is not None:
        _written(parquet, lambda: frame.to_parquet(parquet, index=False))
    if csv == "-":
        frame.to_csv(sys.stdout, index=False)
    elif csv is not None:
        _written(csv, lambda: frame.to_csv(csv, index=False))


@genloss.command()
@click.argument("run", type=click.Path())
@click.option("-o", "--output", type=click.Path(), help="The HTML file; by default RUN/report.html.")
@_TRUST
@DEBUG
def report(run: str, output: str | None, trust: bool) -> int:
    """Write the report of a run.

    RUN is its folder. The report is one HTML file that opens offline.
    """
    from genloss.cli.values import results_of

    if output is not None:
        _has_folder(output)
    found = results_of(run, trust)
    for note in found.notes:
        say(note)
    folder = found.folder
    assert folder is not None  # it was read from there
    if not found.whole:
        raise StoreError(f"{run}: a report needs the study itself, its data and its code")
    path, problem = _report(found, Path(output) if output is not None else folder / "report.html")
    if problem:
        say(problem)
        return BAD_INPUT
    click.echo(path)
    return 0


@genloss.command()
@click.argument("what", metavar="PART_OR_STUDY")
@click.option(
    "--as", "slot", metavar="SLOT", help="What it is, where its verb does not tell: regimes, metrics, ..."
)
@_SET
@click.option("--table", "path", type=click.Path(), help="Check a generator on this table of yours too.")
@click.option("--target", metavar="COL", help="The target of that table, as the run will have it.")
@click.option("--quick", is_flag=True, help="Stop after 20 seconds, and say what was not reached.")
@_TRUST
@click.option(
    "--json", "as_json", is_flag=True, help="Nothing on standard output but a JSON list of findings."
)
@DEBUG
def check(
    what: str,
    slot: str | None,
    changes: tuple[str, ...],
    path: str | None,
    target: str | None,
    quick: bool,
    trust: bool,
    as_json: bool,
) -> int:
    """Check a part of yours, or all parts of yours in a study, and say what to mend.

    A part is mine.py:make or mine.py:MyRegime. A function make(seed) that gives an object with fit(rows) and
    sample(n) is checked as a generator; a class by its verb. The file is run. --set gives fields that the
    class needs.

    Of a study, mine.toml, every part of yours is checked on the study's own real data, in its sizes, and its
    cells go through a few generations.
    """
    from genloss.cli.checking import Asked, checked

    asked = Asked(what, slot, changes, path, target, trust)
    return FAILED if checked(asked, quick, as_json) else 0


def _report(results: Any, path: Path, anew: bool = True) -> tuple[str | None, str]:
    """The path of the report as written, or what kept it from being; one that is as it should be may stay."""
    from genloss.report import is_of, write

    if path.is_dir():
        return None, f"cannot write {path}: it is a folder; give a file"
    try:
        return str(path if not anew and is_of(path, results) else write(results, path)), ""
    except StoreError as error:
        return None, f"{bounded(str(error), 300)}; results are kept, genloss report writes the page anew"
    except OSError as error:
        return None, f"cannot write {path}: {error.strerror}; results are kept, genloss report writes it anew"


def _has_folder(path: str) -> None:
    """Refuse to write where there is no folder: a mistyped path would be made.

    Raises:
        StoreError: if there is none.
    """
    folder = Path(path).parent
    if not folder.is_dir():
        raise StoreError(f"cannot write {path}: there is no folder {folder}")


def _written(path: str, write: Callable[[], Any]) -> None:
    try:
        write()
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    say(f"wrote {path}")


def _again() -> str:
    """The command line that was given."""
    name = Path(sys.argv[0]).name
    program = "genloss" if name != "__main__.py" else "python -m genloss"
    return f"{program} {shlex.join(sys.argv[1:])}"
