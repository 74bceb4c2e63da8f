"""The report: one HTML file that opens offline, fetches nothing and says how to repeat the study."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genloss.errors import SpecError, StoreError
from genloss.numbers import about
from genloss.report.aggregate import GENERATION, curves
from genloss.report.drawing import javascript
from genloss.report.packing import in_the_dark, packed
from genloss.report.repeat import repeat
from genloss.report.sections import sections
from genloss.report.tables import Block, by_experiment, reading
from genloss.report.templating import templates, written
from genloss.study.results import Results
from genloss.study.tally import said_of
from genloss.wording import several

# rows of an experiment at the top of the page before they are counted, and before a table folds
_MOST = 8


def write(results: Results, path: str | Path) -> Path:
    """Write the report of a study.

    Args:
        results: as far as they are finished.
        path: of the HTML file; its folder is made if it is not there.

    Raises:
        StoreError: if it cannot be written.
    """
    return written(path, page(results), "the report")


def digest(results: Results) -> str:
    """What a page is of: equal digests are equal pages, but for the processor time."""
    said = [
        results.environment,
        [(cell.label, message) for cell, message in results.failures],
        [[c.label, c.kept.fingerprint, c.outline.said()] for c in results.cells],
        results.parts,
        [results.study.title, results.study.about],
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def is_of(path: str | Path, results: Results) -> bool:
    """Whether a file is the page of these results already."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return digest(results) in file.read(4096)
    except OSError:
        return False


def page(results: Results) -> str:
    """The report as text."""
    from markupsafe import Markup

    if not results.whole:
        raise StoreError(f"{results.folder}: a report needs the study itself, its data and its code")
    found = sections(results)
    study = results.study
    blocks = [block for section in found for block in section.blocks[:1]]
    title = study.title or (found[0].title if len(found) == 1 and found[0].title else _untitled(study.name))
    template = templates().get_template("page.html")
    figures = [packed(figure) for section in found for figure in section.figures]
    return template.render(
        title=title,
        about=[" ".join(p.split()) for p in study.about.split("\n\n") if p.strip()],
        facts=_facts(results),
        verdict=_verdict(results),
        tables=_alike(blocks),
        reading=reading(blocks),
        sections=found,
        alike=_alike,
        said=about,
        most=_MOST,
        failures=[(cell.label, said_of(message)) for cell, message in results.failures],
        repeat=repeat(results),
        spec=_toml(results),
        versions=results.environment,
        # the one text that is not escaped: a library's own, which holds no end of a script
        library=Markup(javascript()),
        digest=digest(results),
        figures=figures,
        dark=in_the_dark(json.dumps([figure["spec"] for figure in figures])),
    )


def summary(results: Results) -> str:
    """The headline tables alone, as a notebook shows them."""
    found = curves(results)
    blocks = [some[0] for _, _, some in by_experiment(results, found) if some]
    return (
        templates()
        .get_template("summary.html")
        .render(
            said_of=repr(results)[1:-1],
            verdict=_verdict(results),
            tables=_alike(blocks),
            reading=reading(blocks),
            said=about,
            most=_MOST,
            failures=[(cell.label, said_of(message)) for cell, message in results.failures],
            notes=results.notes,
        )
    )


def _alike(blocks: Sequence[Block]) -> list[list[Block]]:
    """Neighbours whose rows are told apart by the same fields share a table."""
    return [list(some) for _, some in itertools.groupby(blocks, lambda b: (b.fields, b.coloured))]


def _untitled(name: str) -> str:
    return f"Untitled study ({name})" if name != "study" else "Untitled study"


def _facts(results: Results) -> list[str]:
    cells = results.cells
    seeds = sorted({c.outline.seed for c in cells})
    along: dict[str, set[int]] = {}
    for c in cells:
        for axis, extent in list(zip(c.outline.axes, c.outline.extents, strict=True))[:1]:
            along.setdefault(axis, set()).add(extent - (axis == GENERATION))
    return [
        several(len(cells), "cell"),
        several(results.size, "value"),
        *(_range(some, axis) for axis, some in along.items()),
        _range({c.outline.replicates for c in cells}, "replicate"),
        f"{results.seconds:,.0f} s of processor time".replace(",", " "),
        f"seed {', '.join(map(str, seeds[:5]))}{' …' if len(seeds) > 5 else ''}",
        f"genloss {results.environment.get('genloss', '')}",
    ]


def _range(values: set[int], what: str) -> str:
    least, most = min(values), max(values)
    return f"{least} to {several(most, what)}" if least < most else several(most, what)


def _toml(results: Results) -> str:
    try:
        return results.study.toml()
    except SpecError as error:
        cells = "\n".join(f"{c.label}: {c.task!r}" for c in results.cells[:20])
        return f"# no spec can say this study: {error}\n{cells}"


def _verdict(results: Results) -> Any:
    """Whether it collapsed, for a template; None where nothing runs over generations."""
    from genloss.collapse.verdict import verdict
    from genloss.report.verdicts import shown

    found = verdict(results)
    return shown(found) if found.lines else None
