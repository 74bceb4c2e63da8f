"""One picture: what it shows, as a file, and in a notebook."""

from __future__ import annotations

import copy
import json
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genloss.errors import GenlossError, StoreError
from genloss.report.drawing import drawn
from genloss.report.scales import Spec

FORMATS = ("svg", "png", "pdf", "json")
"""What a figure can be saved as, by the suffix of its path; "json" is its Vega-Lite spec."""
_SCALE = 2.0
# notebooks know this version; the specs keep to what it has
_NOTEBOOK = ("application/vnd.vegalite.v5+json", "https://vega.github.io/schema/vega-lite/v5.json")


@dataclass(frozen=True)
class Figure:
    """One picture.

    Args:
        name: unique, fit for a file name.
        title: a few words.
        caption: what to know about it, below.
        spec: Vega-Lite; its data are ``datasets.rows``.
        wide: whether it takes the page's whole width.
        selectors: fields of the rows that the reader chooses a value of, by title, with their values.
        legend: its own colours by label, where they are not the section's.
        canvas: whether it has too many marks for an SVG on a page.
        least: how narrow its panels may become where there is little room, in pixels; 0 where they may not.
    """

    name: str
    title: str
    caption: str
    spec: Spec
    wide: bool = False
    selectors: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    legend: tuple[tuple[str, str], ...] = ()
    canvas: bool = False
    least: int = 0

    @property
    def rows(self) -> list[Spec]:
        """The data."""
        rows: list[Spec] = self.spec["datasets"]["rows"]
        return rows

    @property
    def keys(self) -> list[tuple[str, str, str]]:
        """Label, colour and shape (there is none) of its own legend."""
        return [(label, colour, "") for label, colour in self.legend]

    def titled(self, what: str) -> Figure:
        """The figure with what it is of before its title."""
        return replace(self, title=f"{what}: {self.title}") if what else self

    def whole(self) -> Spec:
        """The spec with title and caption, and the reader's choices where there are some."""
        spec = copy.deepcopy(self.spec)
        spec["title"] = {
            "text": self.title,
            "subtitle": textwrap.wrap(self.caption, 110),
            "anchor": "start",
            "offset": 12,
        }
        spec["padding"] = 12
        return spec

    def at(self, chosen: Mapping[str, str]) -> Spec:
        """The spec with title and caption for one choice of the reader's, as a file shows it.

        Args:
            chosen: a value for each selector, by field of the rows.
        """
        spec = self.whole()
        if self.selectors:
            del spec["params"], spec["transform"]
            spec["datasets"]["rows"] = [r for r in self.rows if all(r[k] == v for k, v in chosen.items())]
            said = ", ".join(f"{self.selectors[k][0]} {v}" for k, v in chosen.items())
            spec["title"]["subtitle"].insert(0, said)
        return spec

    def save(self, path: str | Path) -> Path:
        """Write the figure as a file and give its path.

        Where the reader has a choice, a picture shows the first value, and says so; a "json" has them all.

        Args:
            path: of the file; its suffix is one of ".svg", ".png", ".pdf" and ".json".

        Raises:
            GenlossError: if its suffix is none of these.
            StoreError: if it cannot be drawn or written.
        """
        file = Path(path)
        kind = file.suffix.removeprefix(".").lower()
        if kind not in FORMATS:
            said = f"its suffix is '{file.suffix}'" if kind else "it has no suffix"
            raise GenlossError(f"{path}: {said}; give one of {', '.join(f'.{f}' for f in FORMATS)}")
        if kind == "json":
            return written(file, json.dumps(self.whole(), indent=1).encode())
        return written(file, picture(self._first(), kind))

    def _first(self) -> Spec:
        return self.at({k: options[0] for k, (_, options) in self.selectors.items()})

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """For a notebook: a chart that answers the pointer where the notebook draws them, else a picture.

        Args:
            include: kinds that are wanted; all are given.
            exclude: kinds that are not.
        """
        from base64 import b64encode

        mime, schema = _NOTEBOOK
        bundle: dict[str, Any] = {"text/plain": repr(self), mime: {**self.whole(), "$schema": schema}}
        try:
            bundle["image/png"] = b64encode(picture(self._first(), "png")).decode()
        except StoreError:  # where memory is short the chart is there all the same
            pass
        return bundle

    def __repr__(self) -> str:
        return f"<Figure {self.title!r}: save('x.svg'), or show it in a notebook>"


def picture(spec: Spec, kind: str) -> bytes:
    """A spec as the contents of a "png", "svg" or "pdf" file.

    Raises:
        StoreError: if it cannot be drawn.
    """
    return pictures([(spec, kind)])[0]


def pictures(specs: Iterable[tuple[Spec, str]]) -> list[bytes]:
    """Specs as the contents of files, each of a kind.

    Raises:
        StoreError: if one cannot be drawn.
    """
    return drawn(((json.dumps(spec), kind) for spec, kind in specs), _SCALE)


def written(file: Path, data: bytes) -> Path:
    """Write a file, in a folder that is made if it is not there, and give its path.

    Raises:
        StoreError: if it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise StoreError(f"{file}: cannot be written: {error.strerror}") from None
    return file
