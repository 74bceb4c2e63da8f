"""What parts are tried on: small sources of each kind of event, training sets and pools."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from genloss import real
from genloss.events import Event, event_of
from genloss.samples import Array, Chunk, Samples
from genloss.streams import REAL, fixed
from genloss.traits import SCHEMA, SIZE

REPLICATES, ROWS = 3, 40


@dataclass(frozen=True)
class World:
    """A source of real rows to try a part on.

    Args:
        name: what to call it.
        real: the source.
        n: rows of a training set.
    """

    name: str
    real: Any
    n: int = ROWS

    @property
    def event(self) -> Event:
        """What a row is."""
        return event_of(self.real)

    @property
    def schema(self) -> Any:
        """What a row means."""
        return SCHEMA.of(self.real)

    def rows(self, replicates: int = REPLICATES, n: int | None = None, purpose: str = "rows") -> Array:
        """(R, n, *event) real rows; fewer of a source that has no more."""
        n = min(self.n if n is None else n, SIZE.of(self.real) or 10**15)
        drawn: Array = self.real.draw(replicates, n, fixed(f"conformance.{purpose}"))
        return drawn

    def train(self, rows: Array) -> Samples:
        """Rows as a training set of real ones."""
        chunk = Chunk(rows.shape[1], 0, REAL, rows, schema=self.schema, event=rows.shape[2:])
        return Samples.of([chunk])


NUMERIC = World("numeric rows", real.Gaussian(dim=2))
LINE = World("numbers on a line", real.Gaussian(dim=1))
TARGET = World("rows with a target", real.LinearModel(dim=3))
SYMBOLS = World("symbols", real.Zipf(symbols=6))


@contextmanager
def mixed_table() -> Iterator[World]:
    """A table with numbers, categories, booleans, dates, missing cells and a target of coded classes."""
    rng = fixed("conformance.table")
    n = 120
    age = rng.integers(18, 90, n)
    lines = ["age,income,town,smoker,seen,ill"]
    for i in range(n):
        income = "" if rng.random() < 0.1 else f"{rng.gamma(4.0, 800.0):.2f}"
        town = rng.choice(["Ulm", "Bonn", "Kiel"], p=[0.5, 0.3, 0.2])
        smoker = "true" if rng.random() < 0.3 else "false"
        seen = np.datetime64("2020-01-01") + int(rng.integers(1000))
        ill = int(rng.random() < age[i] / 120)  # few integers are classes where they are the target
        lines.append(f"{age[i]},{income},{town},{smoker},{seen},{ill}")
    with TemporaryDirectory(prefix="genloss-") as folder:
        path = Path(folder) / "mixed.csv"
        path.write_text("\n".join(lines) + "\n")
        yield World("a mixed table", real.Table(path=str(path), target="ill"))


def pool_of(world: World, generations: int, fresh: bool = False, kind: Any = None) -> Samples:
    """A pool as two agents leave it: real rows, then what both published in each generation.

    Args:
        world: where rows are drawn.
        generations: how many were published.
        fresh: whether new real rows entered with each.
        kind: a statistic that the chunks are to hold in place of rows.
    """
    chunks = []
    for t in range(generations + 1):
        authors = (REAL,) if t == 0 else (REAL, 0, 1) if fresh else (0, 1)
        for author in authors:
            rows = world.rows(n=20 + 5 * (author + 1), purpose=f"pool.{t}.{author}")
            n = rows.shape[1]
            known = {} if kind is None else {kind: kind(rows)}
            chunks.append(
                Chunk(n, t, author, None if known else rows, known, schema=world.schema, event=rows.shape[2:])
            )
    return Samples.of(chunks)
