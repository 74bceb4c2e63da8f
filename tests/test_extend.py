"""A user's own code by reference: named, loaded, and named again."""

import importlib.util
import sys

import pytest

from genloss.errors import SpecError
from genloss.extend import load, reference_of


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("import beside\n\nclass Part:\n    class Inner: ...\n\nshort = lambda: beside.VALUE\n")
    (tmp_path / "beside.py").write_text("VALUE = 7\n")
    return file


def test_a_file_is_run_once_and_finds_what_lies_beside_it(mine):
    assert load(f"{mine}:Part") is load(f"{mine}:Part")
    assert load(f"{mine}:Part.Inner").__name__ == "Inner"
    assert load(f"{mine}:short")() == 7


def test_a_changed_file_is_run_again(mine):
    before = load(f"{mine}:Part")
    mine.write_text(mine.read_text() + "\n# changed\n")
    assert load(f"{mine}:Part") is not before


def test_references_come_back(mine):
    assert reference_of(load(f"{mine}:Part.Inner")) == f"{mine}:Part.Inner"
    assert reference_of(SpecError) == "genloss.errors:SpecError"


def test_a_module_that_the_path_does_not_lead_to_is_named_by_its_file(mine, monkeypatch):
    monkeypatch.syspath_prepend(mine.parent)
    spec = importlib.util.spec_from_file_location("nowhere_to_be_found", mine)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "nowhere_to_be_found", module)
    spec.loader.exec_module(module)
    assert reference_of(module.Part) == f"{mine}:Part"


def test_what_cannot_be_loaded_again_is_not_named(mine):
    class Local: ...

    for thing in (Local, lambda: 1, load(f"{mine}:short")):
        with pytest.raises(SpecError, match="cannot be named in a spec"):
            reference_of(thing)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("mine.py", "is no reference"),
        ("no/such/file.py:Part", "cannot read"),
        ("{mine}:Prat", "did you mean 'Part'"),
        ("no_such_package:Part", "cannot import"),
    ],
)
def test_bad_references_say_what_is_wrong(reference, said, mine):
    with pytest.raises(SpecError, match=said):
        load(reference.format(mine=mine))


def test_a_file_that_raises_says_so(tmp_path):
    (tmp_path / "bad.py").write_text("1 / 0\n")
    with pytest.raises(SpecError, match=r"bad\.py raised ZeroDivisionError"):
        load(f"{tmp_path / 'bad.py'}:Part")


def test_parts_of_installed_packages_are_found_by_entry_point(tmp_path, monkeypatch):
    from genloss.study import registry

    (tmp_path / "theirs.py").write_text(
        "from genloss import component\n\n"
        "@component\nclass Newest:\n    def __call__(self, pool, rng):\n        return pool.latest\n"
    )
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[genloss.regimes]\nNewest = theirs:Newest\nReplace = theirs:Newest\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry.parts.cache_clear()
    try:
        assert registry.find("regimes", "Newest", trust=False).__name__ == "Newest"
        assert registry.find("regimes", "Replace", trust=False).__module__ == "genloss.regimes"  # ours first
    finally:
        registry.parts.cache_clear()
