"""Tables that went wrong: random columns, types, gaps, encodings and files, shown and run as real data."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from benchmarks.calling import called, elsewhere, faults
from benchmarks.fuzz_specs import garbled, pick

GENERATORS: tuple[Any, ...] = (
    "Copula",
    "Copula",
    "Copula",
    "KDE",
    "Gaussian",
    "LinearRegression",
    "Categorical",
)
METRICS: tuple[Any, ...] = (
    *("SlicedWasserstein", "RealShare", "TailMass", "HoldoutNLL", "TestError", "TraceRatio", "MeanError"),
    *({"kind": kind, "of": "published"} for kind in ("TestError", "TraceRatio", "MeanError", "TailMass")),
)
HEADERS = ("age", "town", "ill", "", " ", "a,b", 'a"b', "é", "\u202e", "a\nb", "0", "NaN", "x" * 300, "value")
CELLS = (
    *("", "NaN", "NA", "null", "None", "inf", "-inf", "1e400", "1e-400", "-0", "1_000", "1,5", "0x10", "٣"),
    *("True", "false", "2020-01-01", "2020-02-30", "2020-01-01T07:00:00+02:00", "07:00", "x" * 10_000),
    *("9" * 25, '"', "'", "a\nb", "a,b", "\0", "\ufeff", "\u00a0", "é", "=1+1", "\x1b[31m", " 3 ", "3 km"),
)


def column(rng: np.random.Generator, n: int) -> list[Any]:
    """Some values of one kind, as Python has them."""
    import datetime

    some = rng.normal(size=n) * 10.0 ** rng.integers(-3, 4)
    day = datetime.datetime(2020, 1, 1)
    kinds: tuple[list[Any], ...] = (
        some.tolist(),
        rng.integers(-5, 100, n).tolist(),
        rng.integers(0, 2, n).tolist(),
        [pick(rng, ("Ulm", "Bonn", "Kiel")) for _ in range(n)],
        (rng.random(n) < 0.5).tolist(),
        [3.5] * n,
        ["same"] * n,
        [None] * n,
        [f"id{i}" for i in range(n)],
        [*range(n)],
        [day + datetime.timedelta(hours=int(h)) for h in rng.integers(0, 1000, n)],
        [(day + datetime.timedelta(days=int(d))).date() for d in rng.integers(0, 1000, n)],
        [datetime.timedelta(seconds=int(s)) for s in rng.integers(0, 1000, n)],
        [pick(rng, CELLS) for _ in range(n)],
        (some * 1e300).tolist(),
        (some * 1e-310).tolist(),
        [2**62 + int(i) for i in rng.integers(0, 1000, n)],
        [pick(rng, (1, "1", 1.0, "one", None, True)) for _ in range(n)],
        [[1, 2]] * n,
        [{"a": 1}] * n,
        [b"\xff\x00"] * n,
    )
    # plain columns as often as odd ones: the whole has to be of use now and then
    values = kinds[rng.integers(5) if rng.random() < 0.6 else rng.integers(len(kinds))]
    if rng.random() < 0.25:
        gaps = pick(rng, (None, "", float("nan"), float("inf"), pick(rng, CELLS)))
        values = [gaps if rng.random() < 0.2 else v for v in values]
    return values


def table(rng: np.random.Generator) -> dict[str, list[Any]]:
    """Columns by name."""
    n = int(pick(rng, (0, 1, 2, 3, 10, 40, 40, 40, 40, 200)))
    width = int(pick(rng, (0, 1, 2, 3, 3, 4, 6, 30)))
    names = [f"c{i}" if rng.random() < 0.8 else pick(rng, HEADERS) for i in range(width)]
    return {name: column(rng, n) for name in names}


def as_csv(columns: dict[str, list[Any]], rng: np.random.Generator) -> bytes:
    """A CSV file, with its liberties."""
    import csv

    file = io.StringIO()
    odd = rng.random() < 0.3
    writer = csv.writer(
        file,
        delimiter=pick(rng, (",", ";", "\t")) if odd else ",",
        quoting=pick(rng, (csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC)),
        lineterminator=pick(rng, ("\n", "\r\n", "\r")) if odd else "\n",
    )
    names = [*columns]
    if odd and names:  # twice the same, or none
        names = [pick(rng, (name, names[0], "")) for name in names]
    if rng.random() < 0.95:
        writer.writerow(names)
    for row in zip(*columns.values(), strict=True):
        cells = ["" if v is None else v for v in row]
        if odd and rng.random() < 0.05:
            cells = pick(rng, (cells[:-1], [*cells, "more"], [], [*cells, *cells]))
        writer.writerow(cells)
    encoding = pick(rng, ("utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252")) if odd else "utf-8"
    return file.getvalue().encode(encoding, "replace")


def as_json(columns: dict[str, list[Any]], rng: np.random.Generator) -> bytes:
    """JSON, one object a line, mostly."""
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if rng.random() < 0.1:
        return json.dumps(rows, default=str).encode()
    for row in rows:
        if row and rng.random() < 0.02:
            row.pop(pick(rng, [*row]))
        if rng.random() < 0.01:
            row[str(pick(rng, HEADERS))] = pick(rng, CELLS)
    lines = [json.dumps(row, default=str) for row in rows]
    if rng.random() < 0.1:
        lines.insert(
            int(rng.integers(len(lines) + 1)), pick(rng, ("", "[" * 5000, "3", "null", "{}", "{" * 9, "[]"))
        )
    return "\n".join(lines).encode()


def as_parquet(columns: dict[str, list[Any]], rng: np.random.Generator) -> bytes:
    """A Parquet file, of columns that have a type; others become text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def typed(values: list[Any]) -> pa.Array:
        try:
            return pa.array(values)
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            return pa.array([None if v is None else repr(v) for v in values])

    arrays = [typed(values) for values in columns.values()]
    arrays = [
        a.dictionary_encode() if pa.types.is_string(a.type) and rng.random() < 0.3 else a for a in arrays
    ]
    names = [*columns]
    if names and rng.random() < 0.1:
        names[-1] = names[0]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=names), sink)
    return sink.getvalue()


def attack(seed: int) -> list[str]:
    """Make a table and see what is said of it; returns faults."""
    rng = np.random.Generator(np.random.SFC64([2, seed]))
    columns = table(rng)
    suffix, write = pick(
        rng,
        (
            (".csv", as_csv),
            (".csv", as_csv),
            (".parquet", as_parquet),
            (".jsonl", as_json),
            (".ndjson", as_json),
        ),
    )
    data = write(columns, rng)
    if rng.random() < 0.15:
        data = garbled(data, rng)
    if rng.random() < 0.03:  # what its name does not say
        suffix = pick(rng, (".csv", ".parquet", ".jsonl", ".json", ".txt", ""))
    real: dict[str, Any] = {"kind": "Table", "path": f"mine{suffix}"}
    if rng.random() < 0.4:
        real["target"] = pick(rng, [*columns, "none", ""])
    generator = pick(rng, GENERATORS)
    spec = {
        "real": real,
        "n_real": int(pick(rng, (1, 2, 5, 10, 10, 10, 30))),
        "generations": 2,
        "replicates": 2,
        "metrics": [pick(rng, METRICS) for _ in range(rng.integers(1, 4))]
        if rng.random() < 0.5
        else ["RealShare"],
        "agents": [{"generator": generator, "regime": pick(rng, ("Replace", "Accumulate"))}],
    }
    # an error names the file, a column, or the field of the spec that does not suit it
    words = ("mine", "column '", "n_real", "real.", "metrics", "agents.0", "holdout")
    with elsewhere():
        Path(f"mine{suffix}").write_bytes(data)
        Path("spec.toml").write_bytes(tomli_w.dumps(spec).encode("utf-8", "replace"))
        shown = called("show", "spec.toml")
        run = called("run", "spec.toml", "--workers", "0", "--out", "out")
        found = [*faults(shown, words), *faults(run, words)]
        if shown.code == 2 and run.code != 2:
            found.append(f"show refuses what run takes: {shown.err!r:.300}")
    return [*found, f"spec: {spec}", f"table: {data!r:.1000}"] if found else []
