"""The house: each floor imports only from the floors below it, and importing is quick to begin."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "genloss"
# from the ground up; a floor may import from those before it, and its own rooms
FLOORS = [
    {"errors", "wording"},
    {"theory", "traits"},
    {"slots"},
    {"streams", "extend", "components", "meaning"},
    {"intervals", "samples"},
    {"numbers"},
    {"statistics", "answers"},
    {"tables", "events"},
    {"protocols"},
    {"observation", "world"},
    {"real", "generators", "regimes", "curators", "metrics", "rewards", "verifiers"},
    {"fitting"},
    {"loop"},
    {"records"},
    {"experiment", "trials"},
    {"tasks"},
    {"laws"},
    {"study"},
    {"collapse"},
    {"value"},
    {"conformance"},
    {"report"},
    {"library"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: i for i, floor in enumerate(FLOORS) for room in floor}


def parsed(file):
    """A file's tree, and the nodes in it that are for type checkers alone."""
    tree = ast.parse(file.read_text())
    return tree, {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }


def imports(file):
    """(room, whether only for type checkers) that a file imports."""
    tree, quiet = parsed(file)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("genloss"):
            names = [node.module] if "." in node.module else [f"genloss.{a.name}" for a in node.names]
            for name in names:
                yield name.split(".")[1] if "." in name else "", id(node) in quiet
        elif isinstance(node, ast.Import):
            for a in node.names:
                if a.name.startswith("genloss."):
                    yield a.name.split(".")[1], id(node) in quiet


FILES = [f for f in sorted(ROOT.rglob("*.py")) if f != ROOT / "__init__.py"]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_floors_import_only_downwards(file):
    room = file.relative_to(ROOT).parts[0].removesuffix(".py")
    assert room in FLOOR, f"{room} stands on no floor: give it one in docs/architecture.md and here"
    for other, quiet in imports(file):
        if quiet or other == room or other not in FLOOR:
            continue
        assert FLOOR[other] < FLOOR[room], f"{file.name} imports {other}, which is not below {room}"


def modules():
    """Every module's name and file."""
    for file in ROOT.rglob("*.py"):
        parts = ["genloss", *file.relative_to(ROOT).with_suffix("").parts]
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def imported(file, known):
    """Modules that a file imports, at once or later, but for type checkers."""
    tree, quiet = parsed(file)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in quiet:
            wholes = [f"{node.module}.{a.name}" for a in node.names]
            yield from (whole if whole in known else node.module for whole in wholes)
        elif isinstance(node, ast.Import) and id(node) not in quiet:
            yield from (a.name for a in node.names)


def test_no_circle_among_modules():
    """A room's `__init__` names its modules; a module that needs the room imports the other module itself."""
    known = dict(modules())
    graph = {name: {*imported(file, known)} & {*known} - {name} for name, file in known.items()}
    order: list[str] = []
    while len(order) < len(graph):
        ready = [name for name, needs in graph.items() if name not in order and needs <= {*order}]
        assert ready, f"in a circle: {sorted(graph.keys() - {*order})}"
        order += ready


def test_a_room_is_no_longer_than_a_reader_is_patient():
    long = {str(f.relative_to(ROOT)): n for f in FILES if (n := len(f.read_text().splitlines())) > 400}
    assert not long
    assert len((ROOT / "loop.py").read_text().splitlines()) < 90


def test_attributes_are_asked_for_by_name_where_traits_are_not_meant():
    """`getattr` and `hasattr` with a text: each needs its reason, and most ask for a trait instead."""
    found = [
        f"{f.relative_to(ROOT)}:{node.lineno}"
        for f in FILES
        for node in ast.walk(ast.parse(f.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr")
    ]
    assert len(found) < 40, found


def test_theory_imports_only_numpy_and_scipy():
    for file in (ROOT / "theory").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "numpy", "scipy", "genloss", ""}
                if name.startswith("genloss"):
                    assert name.startswith(("genloss.theory", "genloss.errors"))


def test_only_streams_makes_generators():
    for file in FILES:
        if file.name == "streams.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert not called.startswith(("np.random.", "numpy.random.")), f"{file.name}: {called}"
                assert called not in {"default_rng", "SeedSequence", "SFC64", "PCG64"}, (
                    f"{file.name}: {called}"
                )


@pytest.mark.parametrize(
    "heavy", ["numpy", "pydantic", "pandas", "sklearn", "scipy", "rich", "pyarrow", "duckdb"]
)
def test_importing_genloss_loads_nothing_heavy(heavy):
    code = f"import sys, genloss, genloss.cli; sys.exit('{heavy}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_experiment_needs_neither_pandas_nor_scikit_learn():
    code = (
        "import sys; from genloss import Agent, Experiment, generations, generators, real\n"
        "exp = Experiment(real=real.Gaussian(), agents=Agent(generators.Gaussian()), generations=1)\n"
        "list(generations(exp))\n"
        "sys.exit(any(m in sys.modules for m in ('pandas', 'sklearn', 'scipy.stats')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
