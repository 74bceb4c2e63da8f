"""The codec for tables: round trips, one schema for every file format, one line for every bad table."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from genloss.errors import DataError
from genloss.tables import BUNDLED, Column, Schema, read_table

NAN = float("nan")
DAY = 86_400_000_000
few = settings(max_examples=60, deadline=None)
with_files = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

floats = st.floats(allow_nan=False, allow_infinity=False)
integers = st.integers(-(2**53) + 1, 2**53 - 1)
# the prefix keeps a label from being a number, a date, a boolean or a mark of a missing cell
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])).map("k{}k".format)
days = st.dates(date(1800, 1, 1), date(2140, 1, 1)).map(lambda d: datetime(d.year, d.month, d.day))
times = st.datetimes(datetime(1800, 1, 1), datetime(2140, 1, 1))
CELLS = {"float": floats, "integer": integers, "boolean": st.booleans(), "day": days, "time": times}


@st.composite
def columns(draw: st.DrawFn, n: int) -> pd.Series[Any]:
    """A column of n cells in the types that decoding gives, with two values at least and holes in some."""
    kind = draw(st.sampled_from(["float", "integer", "boolean", "category", "day", "time"]))
    if kind == "category":
        cell = st.sampled_from(draw(st.lists(words, min_size=2, max_size=5, unique=True)))
    else:
        cell = CELLS[kind]
    first = draw(st.lists(cell, min_size=2, max_size=2, unique=True))
    cells: list[Any] = [*first, *draw(st.lists(cell, min_size=n - 2, max_size=n - 2))]
    holes = [False, False, *draw(st.lists(st.booleans(), min_size=n - 2, max_size=n - 2))]
    missing = draw(st.booleans()) and any(holes)
    cells = [None if missing and hole else cell for cell, hole in zip(cells, holes, strict=True)]
    if kind == "category":
        return pd.Series(cells)
    plain = {"float": "float64", "integer": "int64", "boolean": "bool"}.get(kind, "datetime64[us]")
    nullable = {"integer": "Int64", "boolean": "boolean"}.get(kind, plain)
    return pd.Series(cells, dtype=nullable if missing else plain)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    n, width = draw(st.integers(4, 15)), draw(st.integers(1, 5))
    return pd.DataFrame({f"column {i}": draw(columns(n)) for i in range(width)})


@st.composite
def encoded(draw: st.DrawFn) -> tuple[Schema, np.ndarray]:
    """A schema and rows as a generator could publish them: any code, number or time, NaN anywhere."""
    schema = Schema.infer(draw(tables()), None)
    n = draw(st.integers(0, 6))
    rows = np.empty((n, schema.width))
    for i, column in enumerate(schema.columns):
        if column.kind == "numeric":
            cell = integers.map(float) if column.integer else floats
        elif column.kind == "date":
            tick = 1 if column.integer else DAY
            cell = st.integers(-60_000 * tick, 60_000 * tick).map(lambda t, tick=tick: t / tick)
        else:
            cell = st.integers(0, max(len(column.categories), 2) - 1).map(float)
        rows[:, i] = draw(st.lists(st.one_of(cell, st.just(NAN)), min_size=n, max_size=n))
    return schema, rows


@few
@given(tables())
def test_decoding_gives_the_table_back(frame):
    schema = Schema.infer(frame, None)
    rows = schema.encode(frame)
    assert rows.shape == (len(frame), schema.width) and rows.dtype == np.float64
    assert_array_equal(np.isnan(rows), frame.isna().to_numpy())
    assert_frame_equal(schema.decode(rows), frame, check_exact=True)


@few
@given(encoded())
def test_encoding_gives_the_rows_back(both):
    schema, rows = both
    assert_array_equal(schema.encode(schema.decode(rows)), rows)


@few
@given(tables(), st.randoms(use_true_random=False))
def test_a_part_of_a_table_keeps_its_codes(frame, random):
    """A generation that lost categories, missing cells or all but a few rows still fits the schema."""
    schema = Schema.infer(frame, None)
    keep = random.sample(range(len(frame)), random.randint(0, 3))
    shuffled = random.sample(list(frame.columns), len(frame.columns))
    assert_array_equal(schema.encode(frame.iloc[keep][shuffled]), schema.encode(frame)[keep])


@few
@given(tables())
def test_a_schema_is_a_value(frame):
    target = None if frame["column 0"].isna().any() else "column 0"
    one, two = Schema.infer(frame, target), Schema.infer(frame.copy(), target)
    assert one == two and hash(one) == hash(two)
    assert one.names == tuple(frame.columns) and one.width == len(one.names)
    assert one.target_index == (None if target is None else 0)


def schema_and_rows(data: Any, target: str | None = None) -> tuple[Schema, np.ndarray]:
    read = read_table(data, target)
    return read.schema, read.rows


def write_all(frame: pd.DataFrame, folder: Path) -> list[str]:
    paths = [str(folder / f"table.{suffix}") for suffix in ("csv", "parquet", "jsonl")]
    frame.to_csv(paths[0], index=False)
    frame.to_parquet(paths[1], index=False)
    plain = frame.astype(object).where(frame.notna(), None)
    with Path(paths[2]).open("w", encoding="utf-8") as lines:
        for record in plain.to_dict("records"):
            lines.write(json.dumps(record, default=lambda stamp: stamp.isoformat()) + "\n")
    return paths


@with_files
@given(tables())
def test_a_table_reads_the_same_from_every_format(tmp_path, frame):
    schema = Schema.infer(frame, None)
    for path in write_all(frame, tmp_path):
        found, rows = schema_and_rows(path)
        assert found == schema, path
        assert_array_equal(rows, schema.encode(frame), err_msg=path)


def test_kinds_ranges_and_types():
    frame = pd.DataFrame(
        {
            "size": [1.5, -2.0, NAN, 4.0],
            "count": pd.array([3, None, 5, 3], dtype="Int64"),
            "town": ["Ulm", "Bonn", None, "Ulm"],
            "paid": [True, False, None, True],
            "born": ["1970-01-02", "1969-12-31", None, "2000-02-29"],
            "seen": ["1970-01-01T06:00:00Z", "1970-01-01T12:00:00+06:00", None, "1970-01-02 00:00:00Z"],
            "class": ["b", "a", "b", "a"],
        }
    )
    schema = Schema.infer(frame, "class")
    assert schema.columns == (
        Column("size", "numeric", (), False, -2.0, 4.0, True),
        Column("count", "numeric", (), True, 3.0, 5.0, True),
        Column("town", "categorical", ("Bonn", "Ulm"), False, 0.0, 1.0, True),
        Column("paid", "boolean", (), False, 0.0, 1.0, True),
        Column("born", "date", (), True, -1.0, 11016.0, True),
        Column("seen", "date", (), False, 0.25, 1.0, True, utc=True),
        Column("class", "categorical", ("a", "b"), False, 0.0, 1.0, False),
    )
    assert (schema.target_index, schema.width) == (6, 7)
    expected = [
        [1.5, 3, 1, 1, 1, 0.25, 1],
        [-2, NAN, 0, 0, -1, 0.25, 0],
        [NAN, 5, NAN, NAN, NAN, NAN, 1],
        [4, 3, 1, 1, 11016, 1, 0],
    ]
    assert_array_equal(schema.encode(frame), expected)
    back = schema.decode(expected)
    assert [str(d) for d in back.dtypes][:2] == ["float64", "Int64"]
    assert [str(d) for d in back.dtypes][3:6] == ["boolean", "datetime64[us]", "datetime64[us, UTC]"]
    assert back["seen"][3] == pd.Timestamp("1970-01-02", tz="UTC") and back["born"][1] == pd.Timestamp(
        "1969-12-31"
    )


def test_a_generator_may_leave_the_grid_of_integers_and_days_but_not_that_of_codes():
    schema = Schema(
        (Column("n", "numeric", integer=True), Column("day", "date", integer=True), Column("x", "numeric"))
    )
    back = schema.decode([[2.7, 0.6, 2.7], [-0.2, -0.4, 0.1]])
    assert back["n"].tolist() == [3, 0] and back["n"].dtype == np.int64
    assert back["day"].tolist() == [pd.Timestamp("1970-01-02"), pd.Timestamp("1970-01-01")]
    assert back["x"].tolist() == [2.7, 0.1]
    codes = Schema((Column("c", "categorical", ("a", "b")), Column("b", "boolean")))
    for row, column in (([0.5, 0], "c"), ([2, 0], "c"), ([-1, 0], "c"), ([0, 0.5], "b"), ([0, 2], "b")):
        with pytest.raises(DataError, match=f"column '{column}', row 2: .* is no code of its 2 values"):
            codes.decode([[0, 0], row])


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        (Column("x", "numeric"), np.inf, "inf is no finite number"),
        (Column("x", "numeric", integer=True), 1e300, "1e[+]300 is beyond 2.53"),
        (Column("x", "date"), 1e9, "days from 1970-01-01 is no date"),
        (Column("x", "date"), -np.inf, "days from 1970-01-01 is no date"),
        (Column("x", "categorical", ("a", "b")), np.inf, "inf is no code"),
    ],
)
def test_what_a_diverging_generator_publishes_is_named(column, value, problem):
    with pytest.raises(DataError, match=f"column 'x', row 1: .*{problem}"):
        Schema((column,)).decode([[value]])


def test_decode_wants_rows_of_its_width():
    schema = Schema((Column("x", "numeric"),))
    for rows in ([1.0, 2.0], [[1.0, 2.0]], np.zeros((2, 3, 1))):
        with pytest.raises(DataError, match="do not fit a table of 1 column;"):
            schema.decode(rows)


def test_decoded_missing_cells_need_no_promise():
    """NaN decodes to a missing cell even where the real table had none."""
    schema = Schema(
        (Column("n", "numeric", integer=True), Column("b", "boolean"), Column("c", "categorical", (1, 2)))
    )
    back = schema.decode([[NAN, NAN, NAN], [1, 1, 1]])
    assert back.isna().to_numpy().tolist() == [[True] * 3, [False] * 3]
    assert back.iloc[1].tolist() == [1, True, 2]


# the cells that pandas may hold


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", " 2.5", "", "-3e2"], "numeric", [1, 2.5, NAN, -300]),
        (["1", "2", "nan", "+3"], "numeric", [1, 2, NAN, 3]),
        ([Decimal("1.5"), None, Decimal(2), Decimal(3)], "numeric", [1.5, NAN, 2, 3]),
        ([1, 2.5, None, 3], "numeric", [1, 2.5, NAN, 3]),
        (["True", "FALSE", None, "true"], "boolean", [1, 0, NAN, 1]),
        (["yes", "no", None, "no"], "categorical", [1, 0, NAN, 0]),
        ([1, "a", None, "b"], "categorical", [0, 1, NAN, 2]),
        ([date(1970, 1, 2), None, date(1970, 1, 1), date(1970, 1, 1)], "date", [1, NAN, 0, 0]),
        ([datetime(1970, 1, 1, 12), pd.NaT, None, datetime(1970, 1, 1)], "date", [0.5, NAN, NAN, 0]),
        ([date(1970, 1, 3), datetime(1970, 1, 1, 12), None, None], "date", [2, 0.5, NAN, NAN]),
        (["2024-01", "2024-02", None, "2024-01"], "categorical", [0, 1, NAN, 0]),
        (["2023-02-30", "a", None, "2024-02-29"], "categorical", [0, 2, NAN, 1]),
    ],
)
def test_objects_are_read_by_what_they_are(cells, kind, values):
    schema = Schema.infer(pd.DataFrame({"x": pd.Series(cells, dtype=object)}), None)
    assert schema.columns[0].kind == kind
    assert_array_equal(schema.encode(pd.DataFrame({"x": pd.Series(cells, dtype=object)}))[:, 0], values)


@pytest.mark.parametrize(
    "dtype",
    ["int8", "uint16", "float32", "Int32", "Float64", "int64[pyarrow]", "double[pyarrow]", "category"],
)
def test_numbers_in_any_type_of_pandas(dtype):
    schema = Schema((Column("x", "numeric"),))
    assert schema.encode(pd.DataFrame({"x": pd.Series([1, 2, 3]).astype(dtype)}))[:, 0].tolist() == [1, 2, 3]


def test_times_in_any_type_of_pandas():
    schema = Schema((Column("x", "date"),))
    stamps = pd.Series(pd.to_datetime(["1970-01-01 06:00", None, "2024-02-29 00:00"]))
    aware = datetime(1970, 1, 1, 8, tzinfo=timezone(timedelta(hours=2)))
    for series in (
        stamps,
        stamps.astype("datetime64[s]"),
        stamps.astype("datetime64[ns]"),
        stamps.astype("timestamp[ms][pyarrow]"),
        stamps.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        stamps.astype("category"),
        pd.Series([aware, None, datetime(2024, 2, 29, tzinfo=UTC)], dtype=object),
    ):
        assert_array_equal(schema.encode(pd.DataFrame({"x": series}))[:, 0], [0.25, NAN, 19782])


def test_declared_categories_are_kept():
    frame = pd.DataFrame(
        {
            "grade": pd.Categorical([2, 1, 2, 3]),
            "dose": pd.Categorical([0.5, 2.0, None, 0.5]),
            "size": pd.Categorical(["S", "L", "S", "L"], categories=["XS", "S", "M", "L"], ordered=True),
            "code": pd.Categorical(["10", "2", "10", "2"]),
        }
    )
    schema = Schema.infer(frame, None)
    assert [c.categories for c in schema.columns] == [(1, 2, 3), (0.5, 2.0), ("S", "L"), ("10", "2")]
    back = schema.decode(schema.encode(frame))
    assert back["grade"].tolist() == [2, 1, 2, 3] and back["code"].tolist() == ["10", "2", "10", "2"]
    assert_array_equal(back["dose"], [0.5, 2.0, NAN, 0.5])
    loose = frame.assign(grade=["2", "1", "2", "3"], code=[10, 2.0, 10, 2])  # as text, and as numbers
    assert_array_equal(schema.encode(loose), schema.encode(frame))


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([0, 1, 1, 0, 2, 2], "categorical"),
        (["0", "1", "1", "0", "1", "1"], "categorical"),
        ([0.0, 1.0, 1.0, 0.0, 2.0, 2.0], "numeric"),
        ([3, 8, 1, 0, 2, 7], "numeric"),
        ([True, False, True, False, True, True], "boolean"),
        (["a", "b", "c", "d", "e", "f"], "categorical"),
    ],
)
def test_few_integers_are_classes_in_the_target_only(cells, kind):
    frame = pd.DataFrame({"y": cells, "x": [1, 2, 1, 2, 1, 2]})
    target, other = Schema.infer(frame, "y").columns
    assert target.kind == kind and other.kind == "numeric"
    assert Schema.infer(frame, None).columns[0].kind == ("numeric" if str(cells[0]).isdigit() else kind)
    many = pd.DataFrame({"y": list(range(21)) * 3})
    assert Schema.infer(many, "y").columns[0].kind == "numeric"
    assert Schema.infer(many % 20, "y").columns[0].categories == tuple(range(20))


# tables that a schema cannot encode

REAL = pd.DataFrame({"age": [31, 45, 27], "town": ["Ulm", "Bonn", "Ulm"], "on": [True, False, True]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"town": ["Ulm", "Bon", "Bonn"]},
            "column 'town', row 2: unknown category 'Bon'; did you mean 'Bonn'",
        ),
        ({"town": ["Ulm", "Bonn", 7]}, "column 'town', row 3: unknown category '7' (known: 'Bonn', 'Ulm')"),
        (
            {"age": [31, "old", 27]},
            "text in a numeric column: column 'age', row 2 holds 'old', which is no number",
        ),
        (
            {"age": pd.to_datetime(["2020-01-01"] * 3)},
            "column 'age', row 1 holds 2020-01-01 00:00:00, which is no number",
        ),
        ({"age": [31, 45, -np.inf]}, "column 'age', row 3: -inf is infinite"),
        ({"age": ["inf", 45, 3]}, "column 'age', row 1: 'inf' is infinite"),
        ({"on": [1, 0, 2]}, "column 'on', row 3 holds 2, which is no boolean"),
        ({"on": ["True", "maybe", "False"]}, "text in a boolean column: column 'on', row 2 holds 'maybe'"),
        ({"age": [[1], [2], [3]]}, "column 'age', row 1: [1] is list"),
        ({"age": pd.to_timedelta([1, 2, 3])}, "column 'age' holds duration"),
        (
            {"wage": [1, 2, 3]},
            "the table has the unknown column 'wage'; drop it (columns: 'age', 'town', 'on')",
        ),
    ],
)
def test_encode_names_what_does_not_fit(change, message):
    schema = Schema.infer(REAL, "town")
    with pytest.raises(DataError) as caught:
        schema.encode(REAL.assign(**change))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_encode_wants_every_column_once():
    schema = Schema.infer(REAL, None)
    with pytest.raises(DataError, match="lacks the column 'town'; found 'Town' instead"):
        schema.encode(REAL.rename(columns={"town": "Town"}))
    with pytest.raises(DataError, match="lacks the column 'age', 'on' "):
        schema.encode(REAL[["town"]])
    with pytest.raises(DataError, match="two columns are called 'age'"):
        schema.encode(REAL.rename(columns={"on": "age"}))


# tables that cannot serve as real data


def infer_error(target: str | None = None, **columns_of: Any) -> str:
    with pytest.raises(DataError) as caught:
        Schema.infer(pd.DataFrame(columns_of), target, "my.csv")
    assert str(caught.value).startswith("my.csv: ") and "\n" not in str(caught.value)
    return str(caught.value)[len("my.csv: ") :]


def test_infer_names_what_cannot_be_real_data():
    some = [1, 2, 3, 4]
    assert infer_error() == "the table is empty; it needs rows and columns"
    assert infer_error(x=[]) == "the table is empty; it needs rows and columns"
    assert infer_error(x=[1]).startswith("the table has one row")
    assert infer_error("agee", age=some, b=some).startswith(
        "no column 'agee' to be the target; did you mean 'age'?"
    )
    assert infer_error("zzz", age=some, b=some) == "no column 'zzz' to be the target (columns: 'age', 'b')"
    for nothing in ([None] * 4, ["", " ", "nan", None]):
        assert infer_error("y", x=some, y=nothing).startswith(
            "the target 'y' has no values: all of its cells are missing; choose another"
        )
        assert infer_error(x=nothing).startswith("no column is left: 'x' has no values")
    for one in ([5, 5, None, 5], ["a"] * 4, [True] * 4, ["2020-01-01"] * 4):
        assert infer_error("y", x=some, y=one).startswith(
            f"the target 'y' holds one value only: {one[0]!r:.4}"
        )
    assert infer_error(x=[1, 2, np.inf, 3]).startswith("column 'x', row 3: inf is infinite")
    assert infer_error(x=[1, 2, 2**60, 3]).startswith(f"column 'x', row 3: {2**60} is beyond 2^53")
    assert infer_error(x=pd.Series([1, 2, 10**400, 3], dtype=object)).startswith("column 'x', row 3: '1000")
    assert infer_error(x=["1", "2", "x3", "4"]) == (
        "text in a numeric column: column 'x', row 3 holds 'x3'; write a number, or leave the cell empty; "
        'missing = ["x3"] makes them missing; types = { x = "category" } makes them labels'
    )
    assert infer_error(x=["2024-01-01", "2024-01-02", "soon", None]).startswith(
        "text in a date column: column 'x', row 3 holds 'soon'; write a date such as 2024-02-29"
    )
    assert infer_error(x=[f"name {i}" for i in range(51)]).startswith(
        "no column is left: 'x' is no category: 51 different texts in 51 cells, as of a key or free text"
    )
    assert infer_error("x", x=[f"name {i % 1001}" for i in range(3000)]).startswith(
        "the target 'x' has 1001 categories, more than 1000; group them"
    )
    assert infer_error(x=[{"a": 1}, {"a": 2}]).startswith("column 'x', row 1: {'a': 1} is dict")
    assert infer_error(x=pd.Series([1j, 2j])).startswith("column 'x' holds complex128")
    with pytest.raises(DataError, match=r"my\.csv: two columns are called 'a'"):
        Schema.infer(pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), None, "my.csv")


def test_fifty_distinct_labels_are_categories():
    assert (
        len(Schema.infer(pd.DataFrame({"x": [f"name {i}" for i in range(50)]}), None).columns[0].categories)
        == 50
    )


# files


def read_error(path: Path | str, target: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read_table(str(path), target)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{path}: ", "", 1)


def test_csv(tmp_path):
    file = tmp_path / "real.CSV"
    file.write_bytes(
        '\ufeffage,town,paid,born,note\r\n31,"Ulm, Donau",true,1994-01-01,\r\n,Bonn,,1979-06-30,x\r\n'
        "45,NA,FALSE,,y\r\n".encode()
    )
    schema, rows = schema_and_rows(str(file))
    assert schema.names == ("age", "town", "paid", "born", "note") and schema.target is None
    assert [c.kind for c in schema.columns] == ["numeric", "categorical", "boolean", "date", "categorical"]
    assert schema.columns[0].integer and schema.columns[1].categories == ("Bonn", "NA", "Ulm, Donau")
    assert_array_equal(rows, [[31, 2, 1, 8766, NAN], [NAN, 0, NAN, 3467, 0], [45, 1, 0, NAN, 1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("a,b\n", "the table is empty"),
        ("a,b\n1,2\n", "the table has one row"),
        ("a,b,a\n1,2,3\n4,5,6\n", "two columns are called 'a'"),
        ("a,b\n1,2,3\n4,5,6\n", "2 lines differ from the header, which has 2 cells: 2, 3 (line 2 has 3)"),
        ("a,b\n1,2\n4,5,6\n", "1 line differs from the header, which has 2 cells: 3 (line 3 has 3); mend"),
        ("a b\n1 2\n4 5\n", "one column, 'a b'; if spaces stand between cells, say delimiter = \" \""),
        ("1,2\n4,5\n6,7\n", "the first line, '1,2', is no header but a row"),
        ("a,b\n1,x\n2,y\nabc,z\n4,x\n", "text in a numeric column: column 'a', row 3 holds 'abc'"),
        ("a,b\n1,x\n2,y\n-inf,z\n", "column 'a', row 3: '-inf' is infinite"),
        ("a,b\n1,x\n1e999,y\n3,z\n", "is infinite"),
        ("a,b\n1,99999999999999999999\n2,7\n", "column 'b', row 1: "),
        ('a,b\n1,"7\n2,7\n', 'a quotation mark " is opened and never closed'),
    ],
)
def test_bad_csv(tmp_path, text, message):
    file = tmp_path / "bad.csv"
    file.write_text(text)
    assert message in read_error(file)


def test_bad_json_lines(tmp_path):
    file = tmp_path / "bad.jsonl"
    for text, message in [
        ("", "the table is empty"),
        ('{"a": 1}\n{"a": \n', "line 2 is no JSON"),
        ("[1, 2]\n", "record 1 is a JSON int, no object"),
        ('{"a": 1, "a": 2}\n', "two columns are called 'a'"),
        ('{"a": [1]}\n{"a": [2]}\n', "column 'a', row 1: [1] is list"),
        ('{"a": 1}\n{"a": Infinity}\n', "column 'a', row 2: inf is infinite"),
    ]:
        file.write_text(text)
        assert message in read_error(file)
    file.write_text('\n{"a": 1}\n\n{"b": "x", "a": NaN}\n{"b": "y"}\n{"a": 2}\n')
    assert_array_equal(read_table(str(file)).rows, [[1, NAN], [NAN, 0], [NAN, 1], [2, NAN]])


def test_bad_files(tmp_path, monkeypatch):
    rng = np.random.Generator(np.random.SFC64(1))
    for suffix, message in [
        (".csv", "zero bytes"),
        (".parquet", "no Parquet file"),
        (".jsonl", "zero bytes"),
        (".xlsx", "no Excel file"),
        (".csv.gz", "cannot be unpacked"),
        (".doc", "cannot read '.doc' (files end in .csv, "),
        ("", "cannot read a file without a suffix"),
    ]:
        (tmp_path / f"garbage{suffix}").write_bytes(rng.bytes(20000))
        assert message in read_error(tmp_path / f"garbage{suffix}")
    (tmp_path / "latin.csv").write_bytes("a,b\n1,Köln\n2,Ulm\n".encode("latin-1"))
    (tmp_path / "empty.parquet").write_bytes(b"")
    assert "no Parquet file" in read_error(tmp_path / "empty.parquet")
    (tmp_path / "folder.csv").mkdir()
    assert "is not a file" in read_error(tmp_path / "folder.csv")
    assert "did you mean 'latin.csv'?" in read_error(tmp_path / "latni.csv")
    assert "did you mean 'breast_cancer'?" in read_error("breast-cancer")
    assert "bundled tables are breast_cancer, diabetes, iris, wine" in read_error("nonsense/at/all")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "secret.csv").write_text("a,b\n1,2\n3,4\n")
    monkeypatch.setattr(Path, "open", refuse)
    assert read_error(tmp_path / "secret.csv").startswith("cannot be read: Permission denied")


def test_parquet_keeps_what_csv_cannot_say(tmp_path):
    size = pd.Categorical(["S", "L", "S"], categories=["S", "M", "L"], ordered=True)
    count = pd.array([1, None, 3], dtype="UInt64")
    frame = pd.DataFrame({"size": size, "code": pd.Categorical(["10", "2", "10"]), "n": count})
    frame.index = [7, 8, 9]  # an index is not data
    frame.to_parquet(tmp_path / "x.parquet")
    schema, rows = schema_and_rows(str(tmp_path / "x.parquet"), "size")
    assert [c.categories for c in schema.columns] == [("S", "L"), ("10", "2"), ()]
    assert schema.columns[2].integer
    assert_array_equal(rows, [[0, 0, 1], [1, 1, NAN], [0, 0, 3]])
    partition = tmp_path / "year=2020"  # nor is a folder's name
    partition.mkdir()
    frame.to_parquet(partition / "x.parquet")
    assert read_table(str(partition / "x.parquet")).schema.names == schema.names


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("breast_cancer", (569, 31), 2),
        ("diabetes", (442, 11), 0),
        ("iris", (150, 5), 3),
        ("wine", (178, 14), 3),
    ],
)
def test_bundled_tables(name, shape, classes):
    from sklearn import datasets

    assert name in BUNDLED
    found = getattr(datasets, f"load_{name}")()
    schema, rows = schema_and_rows(name)
    assert rows.shape == shape and schema.target == "target" and schema.target_index == shape[1] - 1
    assert_array_equal(rows, np.column_stack([found.data, found.target]))  # codes are scikit-learn's
    assert len(schema.columns[-1].categories) == classes
    if classes:
        assert list(schema.columns[-1].categories) == [str(label) for label in found.target_names]
    assert_array_equal(schema.encode(schema.decode(rows)), rows)
    assert read_table(name, schema.names[0]).schema.target == schema.names[0]
    assert "no column 'tarket' to be the target; did you mean 'target'?" in read_error(name, "tarket")
