"""What no author should type: the help of every command, and every law beside its simulation."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

FENCE = "```"


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx."""
    app.connect("source-read", filled)
    app.connect("autodoc-process-docstring", escaped)
    app.connect("autodoc-skip-member", skipped)
    return {"parallel_read_safe": True, "version": "1"}


def filled(app: Any, page: str, source: list[str]) -> None:
    """Put what is made from the code where a page asks for it."""
    for mark, made in MADE.items():
        if mark in source[0]:
            source[0] = source[0].replace(mark, made(Path(app.srcdir)))


def skipped(app: Any, what: str, name: str, of: Any, skip: bool, options: Any) -> bool | None:
    """Of parts, say what their fields mean and leave out how they do it: the contracts say that of all."""
    del name, of, skip, options
    return True if what == "class" and app.env.current_document.docname == "reference/parts" else None


def escaped(app: Any, what: str, name: str, of: Any, options: Any, lines: list[str]) -> None:
    """Leave shapes such as (R, n, *event) and norms such as |p - q| what they are in plain docstrings."""
    del app, what, name, of, options
    code = False
    for i, line in enumerate(lines):
        code = line.lstrip().startswith((">>>", "...")) or (code and line.strip() != "")
        if not code:
            parts = re.split(r"(``.*?``)", line)
            parts[::2] = [re.sub(r"\*(?=\w+[,)])", r"\\*", part).replace("|", r"\|") for part in parts[::2]]
            lines[i] = "".join(parts)


def commands(folder: Path) -> str:
    """The help of each command, and of those that commands have."""
    del folder
    import click

    from genloss.cli.commands import genloss

    def of(group: click.Group, above: click.Context) -> Iterator[str]:
        for name in group.list_commands(above):
            command = group.commands[name]
            with click.Context(command, info_name=name, parent=above) as context:
                yield f"## `{context.command_path}`\n\n{FENCE}text\n{command.get_help(context)}\n{FENCE}"
                if isinstance(command, click.Group):
                    yield from of(command, context)

    with click.Context(genloss, info_name="genloss") as above:
        return "\n\n".join(of(genloss, above))


ROOMS = {
    "gaussian": "Gaussians",
    "kde": "Kernel densities",
    "regression": "Linear regression",
    "categorical": "Symbols",
}
"""Rooms of ``genloss.laws``, and what their laws are about."""


def laws(folder: Path) -> str:
    """Every law of genloss: where it holds, its source, and its curve over a simulation."""
    from genloss.laws import STATED
    from genloss.laws.cases import CASES
    from genloss.report.figure import pictures, written

    drawn, specs = {}, {}
    for name, exp in CASES.items():
        figures, words = _simulated(exp)
        files = {metric: re.sub(r"\W+", "-", f"{name}-{metric}").lower() + ".svg" for metric in figures}
        specs |= {files[metric]: spec for metric, spec in figures.items()}
        drawn[name] = files, words
    # all by one process, which takes longer to begin than to draw
    for file, picture in zip(specs, pictures((spec, "svg") for spec in specs.values()), strict=True):
        written(folder / "_generated" / file, picture)
    text = []
    for room, title in ROOMS.items():
        text.append(f"## {title}")
        for stated in STATED:
            if stated.values.__module__ != f"genloss.laws.{room}":
                continue
            text += _law(stated, {name: (exp, drawn[name]) for name, exp in CASES.items()}, room)
    return "\n\n".join(text)


def _law(stated: Any, cases: dict[str, Any], room: str) -> list[str]:
    formulas = {"categorical": "discrete"}.get(room, room)
    of = ", ".join(f"`{metric.__name__}`" for metric in stated.metrics)
    text = [
        f"### {stated.values.__name__.replace('_', ' ').capitalize()}",
        f"*Of* the mean of {of}. *Where:* {stated.where}",
        f"*Source:* {_linked(stated.source)}. *Formulas:* {{mod}}`genloss.theory.{formulas}`.",
    ]
    text.append("::::{grid} 1 2 2 2")
    for name, (exp, (figures, words)) in cases.items():
        fit = [
            metric
            for metric, at in exp.metric_names.items()
            if stated.concerns(exp.agents[0].generator, at) and stated.asked(exp, 0, at) is not None
        ]
        for metric in fit:
            alt = f"{metric} of {name}, simulated and by law"
            text.append(
                f":::{{grid-item}}\n{FENCE}{{figure}} _generated/{figures[metric]}\n:alt: {alt}\n\n"
                f"{name}: {words[metric]}\n{FENCE}\n:::"
            )
    return [*text, "::::"]


def _simulated(exp: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Specs of an experiment's figures and what the simulation says of the law, by metric."""
    import numpy as np

    from genloss import run
    from genloss.laws import law

    specs, words = {}, {}
    with tempfile.TemporaryDirectory() as run_folder:
        results = run(exp, Path(run_folder) / "run", workers=0)
        for metric in exp.metric_names:
            values = results.array(metric)[:, 0]
            error = values.std(axis=1, ddof=1) / exp.replicates**0.5
            off = values.mean(axis=1) - law(exp, 0, metric).values
            off = np.abs(off) / np.where(error > 0, error, np.inf)
            words[metric] = (
                f"{exp.replicates:,} replicates of {exp.n_real} real rows; the simulated mean is at most "
                f"{off.max():.1f} standard errors from the law, over {exp.generations} generations."
            )
            specs[metric] = replace(results.plot(metric), title="", caption="").at({})
    return specs, words


def _linked(source: str) -> str:
    return re.sub(r"arXiv:(\d+\.\d+)", r"[arXiv:\1](https://arxiv.org/abs/\1)", source)


def contributing(folder: Path) -> str:
    """CONTRIBUTING.md, whose links are from the folder above."""
    text = (folder.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = text.replace("](docs/", "](").replace("[README](README.md)", "README")
    return text.partition("\n")[2]


MADE = {"<!-- every command -->": commands, "<!-- every law -->": laws, "<!-- CONTRIBUTING -->": contributing}
"""What is made of the code, or of another file, by the mark that asks for it."""
