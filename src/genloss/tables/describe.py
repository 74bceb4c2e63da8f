"""What a table was read as, for people and as JSON, with the spec that pins every decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.tables.column import Column
from genloss.tables.kept import is_kept
from genloss.tables.read import Reading
from genloss.tables.say import Decision, day, listed, shown, together, toml
from genloss.tables.say import some as few
from genloss.wording import several

_FILE = "table.parquet"
"""What the file of a frame is called where it is written into a spec."""


@dataclass(frozen=True, eq=False)
class Description:
    """What a table was read as.

    Args:
        reading: The table.
        real: The fields of the source that read it, as a spec has them.
    """

    reading: Reading
    real: Mapping[str, Any]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided where it could have been decided otherwise."""
        return self.reading.decisions

    @property
    def left_out(self) -> tuple[Decision, ...]:
        """Columns and rows that are left out, and why."""
        return self.reading.left_out

    @property
    def pinned(self) -> dict[str, Any]:
        """The fields of a source that reads the table in this way without having to decide."""
        fields = dict(self.real)
        types, drop = dict(fields.pop("types", None) or {}), list(fields.pop("drop", ()))
        missing = list(fields.pop("missing", ()))
        given = {*fields}
        odd: set[str] = set()
        for decision in (*self.decisions, *self.left_out):
            for name, value in decision.pin.items():
                if name == "types":
                    types |= value
                elif name in ("drop", "missing"):
                    some = drop if name == "drop" else missing
                    some += [v for v in value if v not in some]
                elif name not in given:
                    odd |= {name} if fields.setdefault(name, value) != value else set()
        lists = {"types": types, "drop": drop, "missing": missing}
        # where two columns of a table differ, no field says it
        return {k: v for k, v in {**fields, **lists}.items() if v not in ({}, []) and k not in odd}

    @property
    def spec(self) -> str:
        """A study of the table, to be pasted into a file; of a frame, with what makes a file of it."""
        rows, fields, made = len(self.reading.rows), self.pinned, []
        if is_kept(str(fields["path"])):
            fields |= {"path": _FILE}
            polars = f"in Polars by frame.write_parquet({_FILE!r})"
            made = [f"# made by frame.to_parquet({_FILE!r}, index=False), {polars}"]
        return "\n".join(
            [
                *made,
                f"real = {toml(real={'kind': 'Table', **fields}).removeprefix('real = ')}",
                f"n_real = {max(min(rows * 7 // 10, 1000), 1)}",
                "",
                "[[agents]]",
                'generator = "Copula"',
                'regime = { vary = ["Replace", "Accumulate"] }',
            ]
        )

    def said(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "rows": len(self.reading.rows),
            "target": self.reading.schema.target,
            "columns": [self._column(i, c) for i, c in enumerate(self.reading.schema.columns)],
            "left_out": [d.said() for d in self.left_out],
            "decisions": [d.said() for d in self.decisions],
            "spec": self.spec,
        }

    def _missing(self, place: int) -> float:
        return float(np.isnan(self.reading.rows[:, place]).mean())

    def _column(self, place: int, column: Column) -> dict[str, Any]:
        head = {"name": column.name, "kind": column.kind, "missing": round(self._missing(place), 4)}
        if column.kind == "categorical":
            return {**head, "levels": list(column.categories)}
        if column.kind == "boolean":
            return head
        ends = (column.minimum, column.maximum)
        low, high = (day(e) if column.kind == "date" else e for e in ends)
        return {**head, "minimum": low, "maximum": high, "integer": column.integer}

    def __str__(self) -> str:
        schema = self.reading.schema
        rows = [("column", "kind", "missing", "range or levels")]
        for place, column in enumerate(schema.columns):
            said = self._column(place, column)
            if "levels" in said:
                span = f"{len(said['levels'])}: {listed(said['levels'], 6)}"
            elif "minimum" in said:
                span = f"{_short(said['minimum'])} to {_short(said['maximum'])}"
            else:
                span = "true, false"
            name = f"{column.name} (target)" if column.name == schema.target else column.name
            rows.append(
                (name, column.kind, f"{100 * said['missing']:.3g} %" if said["missing"] else "-", span)
            )
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [
            "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[3]]).rstrip()
            for row in rows
        ]
        parts = [[f"{several(len(self.reading.rows), 'row')}, {several(schema.width, 'column')}", "", *lines]]
        for title, some in (("Left out", self.left_out), ("Decided", self.decisions)):
            if some:
                parts.append([title, *(f"  {d}{_same(others)}" for d, others in together(some))])
        parts.append(
            ["To have it read so, whatever comes", *(f"  {line}".rstrip() for line in self.spec.splitlines())]
        )
        return "\n\n".join("\n".join(part) for part in parts)


def _same(columns: list[str]) -> str:
    return f"; the same of {few(map(shown, columns), 8)}" if columns else ""


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
