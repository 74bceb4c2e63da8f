"""A folder of files as people have them: each is read as a person would, or refused with what is wrong."""

from __future__ import annotations

import pandas as pd
import pytest

from genloss import real
from genloss.errors import DataError
from odd_files import CASES, Case, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("odd files")
    write(made)
    return made


def test_there_are_many():
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", [c for c in CASES if c.kinds is not None], ids=lambda c: c.name)
def test_a_file_is_read_as_a_person_would(case: Case, folder):
    found = real.Table(folder / case.name, **case.wishes).describe()
    schema = found.reading.schema
    assert {c.name: c.kind for c in schema.columns} == case.kinds
    said = "\n".join(map(str, (*found.decisions, *found.left_out)))
    assert all(words in said for words in (*case.says, *case.out)), said
    assert not any(words in said for words in case.never), said
    assert case.out or not found.left_out, said


@pytest.mark.parametrize("case", [c for c in CASES if c.first], ids=lambda c: c.name)
def test_its_first_row_is_read_right(case: Case, folder):
    from genloss.tables import Wishes, read_table

    kinds = tuple((k, "categorical") for k in case.wishes.get("types", {}))
    wishes = {k: tuple(v) if isinstance(v, list) else v for k, v in case.wishes.items() if k != "types"}
    read = read_table(folder / case.name, Wishes(**wishes, types=kinds))
    first = read.schema.decode(read.rows).iloc[0]
    for name, value in case.first.items():
        assert pd.isna(first[name]) if value is None else first[name] == value


@pytest.mark.parametrize("case", [c for c in CASES if c.kinds is None], ids=lambda c: c.name)
def test_a_file_is_refused_with_all_that_is_wrong(case: Case, folder):
    with pytest.raises(DataError) as caught:
        _ = real.Table(folder / case.name, **case.wishes).schema
    assert all(words in str(caught.value) for words in case.says), str(caught.value)
    assert all(line.startswith(str(folder / case.name)) for line in str(caught.value).splitlines())


@pytest.mark.parametrize("case", [c for c in CASES if c.kinds is not None], ids=lambda c: c.name)
def test_the_spec_that_is_proposed_reads_the_same(case: Case, folder):
    """Whoever pastes it has every decision that can be fixed fixed, and what is left out dropped."""
    found = real.Table(folder / case.name, **case.wishes).describe()
    fields = {k: v for k, v in found.pinned.items() if k != "path"}
    again = real.Table(folder / case.name, **fields).describe()
    assert again.reading.schema == found.reading.schema
    assert (again.reading.rows == found.reading.rows).sum() == (
        found.reading.rows == found.reading.rows
    ).sum()
