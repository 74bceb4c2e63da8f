"""The page of the project's own studies: python -m benchmarks.gallery [--replicates 20] [--workers 2]

Runs every study that `genloss list` names, into a folder that is kept, and writes docs/gallery.md with a
picture or two of each beside it. The same command again runs only what has changed.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from pathlib import Path

from genloss import Results, Study, run
from genloss.report import overview
from genloss.report.figure import Figure
from genloss.report.layout import Layout
from genloss.study.study import gallery

DOCS = Path(__file__).parents[1] / "docs"
HEAD = """# Gallery

The studies that genloss brings, as `python -m benchmarks.gallery --replicates {replicates}` made this page:
each with the command that runs it in full and writes its report.
"""


def figures(results: Results) -> Iterator[tuple[str, Figure]]:
    """A name and a figure for each experiment: the map of a grid of numbers, else curves."""
    for name in dict.fromkeys(cell.experiment for cell in results.cells):
        of = {"experiment": name} if name else {}
        mine = [cell for cell in results.cells if cell.experiment == name]
        mapped = len(Layout.of(mine).numbers) > 1
        yield name or "all", results.heatmap(**of) if mapped else results.plot(**of)


def pictures(name: str, results: Results, folder: Path) -> list[tuple[str, Path]]:
    """Title and file of a study's pictures: of several experiments their overview."""
    stem = name.replace("/", "-")
    if len({cell.experiment for cell in results.cells}) > 1:
        (file,) = overview(results, folder / stem, ["svg"])
        return [(results.study.title, file)]
    return [(f.title, f.save(folder / f"{stem}-{what}.svg")) for what, f in figures(results)]


def section(name: str, study: Study, results: Results) -> str:
    """The study in words, its command and its pictures."""
    shown = "\n\n".join(
        f"![{title}]({file.relative_to(DOCS)})" for title, file in pictures(name, results, DOCS / "gallery")
    )
    about = textwrap.fill(study.about, 120)
    return f"\n## {study.title or name}\n\n{about}\n\n```\ngenloss run {name}\n```\n\n{shown}\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("genloss-runs"), help="where the runs are kept")
    asked = parser.parse_args()
    text = HEAD.format(replicates=asked.replicates)
    for name in gallery():
        study = Study.load(name).set("replicates", asked.replicates)
        folder = asked.out / f"gallery-{name.replace('/', '-')}"
        text += section(name, study, run(study, out=folder, workers=asked.workers, progress=True))
    (DOCS / "gallery.md").write_text(text)
    print(DOCS / "gallery.md")


if __name__ == "__main__":
    main()
