"""The report's figures as PNG, SVG and PDF files, through vl-convert and without a browser."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from genloss.errors import GenlossError
from genloss.report.charts import CONFIG, SCHEMA
from genloss.report.figure import Figure, pictures, written
from genloss.report.scales import Spec
from genloss.report.sections import sections
from genloss.study.results import Results

FORMATS = ("png", "svg", "pdf")
MARKS = {
    "v": "Thick: the typical replicate, the median",
    "l": "band: its 95 % interval",
    "m": "thin: the mean",
    "law": "dashed: the law of the mean",
    "law_typical": "dashed: the law of the typical replicate",
    "real": "grey: real rows",
}
"""What the kinds of lines are, by field of their rows."""
# values of selectors that are drawn, a file each
_CHOICES = 12


def figures(results: Results, folder: str | Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write every figure of the report as files, and give their paths.

    Args:
        results: of a study.
        folder: where to write; made if it is not there.
        formats: any of "png", "svg" and "pdf".

    Raises:
        GenlossError: if a format is none of these.
        StoreError: if the folder cannot be written.
    """
    for f in formats:
        if f not in FORMATS:
            raise GenlossError(f"formats: '{f}' is none of {', '.join(FORMATS)}")
    specs = [
        (Path(folder) / name, spec)
        for section in sections(results)
        for figure in section.figures
        for name, spec in _each(figure.titled(section.title))
    ]
    return _drawn(specs, formats)


def overview(results: Results, path: str | Path, formats: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Write one picture of a whole study: its headline metrics by regime, and the share of real data.

    Args:
        results: of a study.
        path: of the picture, without suffix.
        formats: any of "png", "svg" and "pdf".

    Raises:
        StoreError: if it cannot be written.
    """
    chosen = []
    for section in sections(results):
        mine = [f for f in section.figures if not f.wide]
        if mine:
            title = ": ".join(part for part in (section.title, mine[0].title.lower()) if part)
            chosen.append((section, title, mine[0]))
    setup = {b.meaning.title for s, _, _ in chosen for b in s.blocks if b.meaning.of == "training"}
    share = next(((s, f.title, f) for s, _, _ in chosen for f in s.figures if f.title in setup), None)
    if share is not None and len(chosen) % 3:
        chosen.append(share)
    panels = [
        {
            "data": {"name": f"d{i}"},
            "title": {"text": title, "fontSize": 12},
            "width": 235,
            "height": 150,
            # without the points that are there to be pointed at
            "layer": [layer for layer in figure.spec["layer"] if layer["mark"].get("opacity") != 0],
        }
        for i, (_, title, figure) in enumerate(chosen)
    ]
    alike = len({section.layout.levels for section, _, _ in chosen}) == 1
    fields = {field for _, _, figure in chosen for row in figure.rows for field in row}
    said = [words for field, words in MARKS.items() if field in fields]
    spec: Spec = {
        "$schema": SCHEMA,
        "title": {"text": "; ".join(said), "orient": "bottom", "fontSize": 11.5, "fontWeight": "normal"},
        "datasets": {f"d{i}": figure.rows for i, (_, _, figure) in enumerate(chosen)},
        "config": {**CONFIG, "legend": {**CONFIG["legend"], "labelFontSize": 12.5}},
        "padding": 12,
        "columns": 3,
        "spacing": 24,
        "concat": panels,
        "resolve": {"scale": {"color": "shared" if alike else "independent"}},
    }
    return _drawn([(Path(path), spec)], formats)


def _drawn(specs: Sequence[tuple[Path, Spec]], formats: Sequence[str]) -> list[Path]:
    """Specs drawn into files of each path with each format's suffix."""
    asked = [(path.with_name(f"{path.name}.{f}"), spec, f) for path, spec in specs for f in formats]
    made = pictures((spec, f) for _, spec, f in asked)
    return [written(file, data) for (file, _, _), data in zip(asked, made, strict=True)]


def _each(figure: Figure) -> Iterator[tuple[str, Spec]]:
    """A figure with title and legend, once for each of the reader's choices."""
    choices = itertools.product(*(options for _, options in figure.selectors.values()))
    for i, choice in enumerate(itertools.islice(choices, _CHOICES)):
        spec = figure.at(dict(zip(figure.selectors, choice, strict=True)))
        yield figure.name + (f"-{i + 1}" if figure.selectors else ""), spec
