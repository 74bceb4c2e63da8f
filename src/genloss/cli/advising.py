"""``genloss advise``: whether synthetic data helps to predict a column, and how much of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from genloss.cli.guard import DEBUG
from genloss.errors import SpecError, say

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class _Duration(click.ParamType[float]):
    """Seconds, as in "90", "90s", "5m" or "1h"."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|)\s*", str(value))
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is no time; write seconds, or as in 90s, 5m, 1h", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


@click.command()
@click.argument("data", type=click.Path())
@click.option("--target", metavar="COL", help="The column to be predicted; the bundled tables know theirs.")
@click.option(
    "--synthetic", multiple=True, type=click.Path(), metavar="FILE", help="Synthetic rows, made by anybody."
)
@click.option(
    "--generator",
    "generators",
    multiple=True,
    metavar="NAME",
    help="What makes synthetic rows: Copula, Trees, ..., or mine.py:Mine. [default: Copula and Trees]",
)
@click.option(
    "--learner",
    metavar="NAME",
    help="What predicts: logistic, ridge, boosting, forest, mlp, or module:name. "
    "[default: a linear one, then boosting]",
)
@click.option(
    "--measure",
    metavar="NAME",
    help="What the verdict is about: brier, log_loss, auc, error, balanced_error, f1; rmse, mae, r2.",
)
@click.option(
    "--margin",
    type=click.FloatRange(min=0, min_open=True),
    help="The gain that makes no difference that matters.",
)
@click.option(
    "--compare",
    multiple=True,
    metavar="STRATEGY",
    help="What else is tried with the rows: nearest, verified, first, ensemble, or all.",
)
@click.option(
    "--generations",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="What becomes of the gain after so many generations of generators, each trained on the mix.",
)
@click.option("--budget", type=_Duration(), default="5m", show_default=True, help="How long it may take.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random."
)
@click.option("--workers", type=click.IntRange(min=0), help="Processes; 0 runs everything in this one.")
@click.option("--out", type=click.Path(), help="The run's folder; by default genloss-runs/advise-NAME.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="How the table is read: 'drop=[id]', decimal=','.",
)
@click.option("--trust", is_flag=True, help="Run code of yours (mine.py:MyLearner).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@DEBUG
def advise(
    data: str,
    target: str | None,
    synthetic: tuple[str, ...],
    generators: tuple[str, ...],
    learner: str | None,
    measure: str | None,
    margin: float | None,
    compare: tuple[str, ...],
    generations: int,
    budget: float,
    seed: int,
    workers: int | None,
    out: str | None,
    changes: tuple[str, ...],
    trust: bool,
    as_json: bool,
) -> None:
    """Say whether synthetic rows help to predict a column, how many of them, and how sure that is.

    DATA is a file, or the name of a bundled table. Real rows are dealt into folds; generators and learners
    see the other folds alone, and what is promised holds on rows that did not choose it. Free ways to the
    same end always run beside: class weights, copies, SMOTE, another penalty. The run can be gone on with.
    """
    from genloss.cli.values import table_of
    from genloss.report.advice import write
    from genloss.study.registry import trusted
    from genloss.study.spec import build_part
    from genloss.value import advise as asked

    for reference in (learner, *generators):
        if reference is not None and ":" in reference:
            trusted(reference, trust)
    table = table_of(data, target, changes)
    made = {
        _name(g, i, generators): build_part("generators", _spec(g), trust) for i, g in enumerate(generators)
    }
    folder = Path(out) if out else Path("genloss-runs") / f"advise-{Path(data).stem}"
    files = {}
    for path in synthetic:
        name = Path(path).stem
        if name in files:
            raise SpecError(f"--synthetic {path}: two files are called {name}; rename one")
        files[name] = path
    advice = asked(
        table,
        synthetic=files,
        generators=made,
        learner=learner,
        measure=measure,
        margin=margin,
        compare=compare,
        generations=generations,
        budget=budget,
        seed=seed,
        workers=workers,
        out=folder,
        told=say,
    )
    if remark := table.remark:
        say(remark)
    page = write(advice, folder / "report.html")
    if as_json:
        click.echo(json.dumps(advice.said(), indent=1))
        return
    click.echo(str(advice))
    click.echo(f"\n{page}")


def _spec(generator: str) -> dict[str, Any]:
    """A generator by name, or what a reference makes: what has fit(rows) alone is called with a seed."""
    from genloss.cli.checking import is_maker
    from genloss.extend import load

    if ":" in generator and is_maker(load(generator)):
        return {"kind": "Wrapped", "make": generator}
    return {"kind": generator}


def _name(generator: str, i: int, every: tuple[str, ...]) -> str:
    return generator if every.count(generator) == 1 else f"{generator} ({every[: i + 1].count(generator)})"
