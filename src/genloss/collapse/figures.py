"""Cells of anybody's table as numbers, and as generations; what was read into them is said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.collapse.names import GENERATIONS, words
from genloss.errors import DataError
from genloss.samples import Array
from genloss.tables.say import shown

if TYPE_CHECKING:
    import pandas as pd

    from genloss.tables.numbers import Numbers

NONE = ("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", "?", ".", "<na>")
_INFINITE = {f"{sign}{word}": sign for sign in ("", "+", "-") for word in ("inf", "infinity", "∞", "1.#inf")}


@dataclass(frozen=True, eq=False)
class Figures:
    """A column as numbers.

    Args:
        values: (n,) NaN where a cell says that there is none, and where it is no number.
        bad: (n,) where a cell is no number.
        cells: (n,) as they came, to show one.
        notes: what was read into them.
        mixed: two units that stand beside the numbers; "" where there is at most one.
        decimal: the decimal mark, "" where nothing tells it.
        unsure: whether another mark fits too.
        percent: whether a percent sign stands beside the numbers.
        dates: whether it holds dates.
    """

    values: Array
    bad: Array
    cells: pd.Series[Any]
    notes: tuple[str, ...] = ()
    mixed: str = ""
    decimal: str = ""
    unsure: bool = False
    percent: bool = False
    dates: bool = False

    @property
    def numeric(self) -> bool:
        """Whether most of the cells that hold something are numbers."""
        there = ~np.isnan(self.values)
        return bool(2 * there.sum() > (there | self.bad).sum())


def figures(
    cells: pd.Series[Any], missing: tuple[str, ...] = (), usual: str = "", delimiter: str = ""
) -> Figures:
    """A column as numbers, however they are written.

    Args:
        cells: of it: numbers, or texts.
        missing: texts and numbers, in lower case, that are no value.
        usual: the decimal marks of other columns.
        delimiter: what stands between the cells of its file.
    """
    import pandas as pd
    import pyarrow as pa

    from genloss.tables.numbers import numbers, plain

    dtype, none = cells.dtype, np.zeros(len(cells), bool)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return Figures(np.full(len(cells), np.nan), ~none, cells, dates=True)
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        out = cells.to_numpy(dtype=float, na_value=np.nan)
        gone = [v for v in map(_float, missing) if v is not None]
        return Figures(np.where(np.isin(out, gone), np.nan, out), none, cells)
    if (simple := _simple(cells)) is not None:
        gone = [v for v in map(_float, missing) if v is not None]
        values = np.where(np.isin(simple.values, gone), np.nan, simple.values)
        return Figures(values, none, cells, decimal=simple.decimal)
    codes, some = pd.factorize(cells)
    texts = [str(s).strip() for s in some]
    low = [t.lower() for t in texts]
    codes_of_none = {v for v in map(_float, missing) if v is not None}
    is_none = np.array([t in NONE or t in missing or _float(t) in codes_of_none for t in low], bool)
    infinite = np.array([t in _INFINITE for t in low], bool)
    rest = np.flatnonzero(~is_none & ~infinite)
    values, bad = np.full(len(texts), np.nan), np.zeros(len(texts), bool)
    values[infinite] = [
        -np.inf if _INFINITE[t] == "-" else np.inf for t, i in zip(low, infinite, strict=True) if i
    ]
    found = None
    if len(rest):
        column = pa.array([texts[i] for i in rest], pa.large_string())
        found = plain(column) or numbers(column, None, usual, delimiter)
        values[rest], bad[rest] = found.values, found.bad
    # a missing cell has the code -1: the place behind the last one
    values, bad = np.append(values, np.nan)[codes], np.append(bad, False)[codes]
    if found is None or found.bad.all():
        return Figures(values, bad, cells)
    notes = []
    if found.affix:
        notes.append(f"{shown(found.affix)} beside its numbers is left out: {found.example}")
    if found.decimal == "," or found.why or found.gap:
        mark = {",": "decimal commas", ".": "decimal points"}.get(
            found.decimal, f"{found.gap} between thousands"
        )
        notes.append(f"is read with {mark}: {found.example}" + (f" ({found.why})" if found.why else ""))
    if found.below:
        notes.append(f"has negative numbers in brackets: {found.below}")
    unsure = found.unsure
    return Figures(values, bad, cells, tuple(notes), found.mixed, found.decimal, unsure, found.affix == "%")


def _simple(cells: pd.Series[Any]) -> Numbers | None:
    """Texts that all are numbers as computers write them, at once; None where one is not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from genloss.tables.numbers import plain

    try:
        texts = pa.array(cells, pa.large_string())
    except (pa.ArrowException, TypeError):
        return None
    return None if texts.null_count else plain(pc.utf8_trim_whitespace(texts))


def checked(found: Figures, source: str, column: str) -> Array:
    """The numbers of a column of values.

    Raises:
        DataError: where a cell is no number.
    """
    if found.mixed:
        raise DataError(f"{source}: '{column}' holds numbers with {found.mixed}; write one of the two")
    if not found.bad.any():
        return found.values
    at = int(np.flatnonzero(found.bad)[0])
    cell = str(found.cells.iloc[at])
    if re.search(r"\d\s*(?:±|\+/?-|\\pm)\s*\d", cell):
        raise DataError(
            f"{source}: row {at + 1} of '{column}' is {shown(cell)}, a mean with its error: averages are no "
            "replicates; give each run a row with its own value, and --replicate COL"
        )
    many = f", as {int(found.bad.sum())} rows are" if found.bad.sum() > 1 else ""
    what = "a date" if found.dates else "no number"
    raise DataError(
        f"{source}: row {at + 1} of '{column}' is {shown(cell)}, {what}{many}; write inf where a run "
        "diverged, or "
        f"leave it out: --missing {cell if re.fullmatch(r'[A-Za-z]+', cell) else repr(cell)}"
    )


def generations(found: Figures, source: str, column: str) -> tuple[Array, str]:
    """A column as generations, and what was read into it.

    Args:
        found: the column as numbers.
        source: what to call the table.
        column: its name.

    Raises:
        DataError: where one is no whole number from 0 on.
    """
    t, note = found.values, ""
    if found.cells.dtype == bool:
        raise DataError(f"{source}: '{column}' is true or false, no generation; name it: --generation COL")
    if found.bad.any() and not found.dates:
        texts = found.cells.astype(str).str.strip()
        taken = texts.str.extract(r"^(?P<word>[^\d]*?)[ _.:=#-]*(?P<number>\d+)(?:\.0*)?$")
        there = taken["number"].notna().to_numpy()
        stems = {w.lower() for w in taken["word"].dropna()}
        if there[found.bad].all() and len(stems - {""}) == 1 and (found.bad | np.isnan(t)).all():
            t = taken["number"].to_numpy(dtype=float)
            note = f"'{column}': {shown(texts[there].iloc[0])} is generation {t[there][0]:g}"
    wrong = found.bad & np.isnan(t) if not note else np.zeros(len(t), bool)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        cell = str(found.cells.iloc[at])
        what = "a date" if found.dates or re.match(r"\d{4}-\d\d|\d+[/.]\d+[/.]\d+", cell) else "no number"
        raise DataError(
            f"{source}: row {at + 1} of '{column}' is {shown(cell)}, {what}: a generation is one, as 1, 2, "
            "3; "
            "number them, or name another column: --generation COL"
        )
    off = (t != np.round(t)) & ~np.isnan(t) | np.isinf(t) | (t < 0)
    if off.any():
        bad = t[off][0]
        what = "is negative" if bad < 0 else "is no whole number"
        raise DataError(
            f"{source}: generation {bad:g} in '{column}' {what}; generations count from 0 or 1 on: is "
            "it the right column? --generation COL names another"
        )
    return t, note


def of_a_generation(name: str) -> bool:
    """Whether a file's name numbers a generation, as "gen_3" does."""
    return bool({*words(re.sub(r"\d+", " ", name))} & {*GENERATIONS}) and bool(re.search(r"\d", name))


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
