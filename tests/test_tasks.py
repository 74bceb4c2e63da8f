"""Tasks: what the check of one finds wrong, and what a study says of one that cannot serve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from genloss import Agent, Experiment, component, generators, metrics, real, regimes, run
from genloss.conformance import check, slot_of_part
from genloss.errors import GenlossError, SpecError
from genloss.meaning import Meaning
from genloss.protocols import Record, Task
from genloss.samples import Array
from genloss.streams import Address, Role, fixed
from genloss.study import Study

X = {"x": Meaning("X")}


@component
class Walk:
    """Steps to the left and to the right; ``fault`` says what it does wrong."""

    steps: int = 4
    replicates: int = 10
    seed: int = 0
    fault: str = ""

    axes: ClassVar = ("step",)
    grows: ClassVar = "steps"

    @property
    def meanings(self) -> dict[str, Any]:
        if self.fault == "unread":
            raise KeyError("x")
        return {"no meaning": {"x": "X"}, "no name": {"y": X["x"]}, "unused": {**X, "y": X["x"]}}.get(
            self.fault, X
        )

    @property
    def tile_size(self) -> int:
        return self.replicates if self.fault == "tile" else 4

    def labels(self, axis: str) -> Any:
        return range(0 if self.fault == "no labels" else self.steps)

    def records(self, address: Address) -> Iterator[Record]:
        size = self.tile_size if address.size is None else address.size
        here = np.zeros(size)
        if self.fault == "raises":
            raise RuntimeError("no more\nof this")
        for step in range(self.steps):
            place = replace(address, tile=0) if self.fault == "tiles" else address
            place = replace(place, seed=0) if self.fault == "seed" else place
            rng = fixed("walk") if self.fault == "fixed" else place.rng(step, 0, Role.MEASURE)
            if self.fault == "again":
                rng = np.random.Generator(np.random.SFC64())
            if self.fault == "first":
                here += rng.random((2, size))[1]
            if self.fault == "last first":
                rng = place.rng(self.steps - step, 0, Role.MEASURE)
            here += rng.random(size) - 0.5
            at: tuple[int, ...] = (step + 1,) if self.fault == "outside" else (step,)
            at = (step, 0) if self.fault == "place" else (0,) if self.fault == "twice" else at
            values: Array = here if self.fault == "same array" else here.copy()
            if self.fault == "shape":
                values = values[:-1]
            if self.fault == "text":
                values = values.astype(str)
            yield Record(at, {"x": values})


def failed(task: Any) -> dict[str, str]:
    return {f.check: f.message for f in check(task) if f.passed is False}


def test_a_task_that_keeps_its_contract() -> None:
    assert slot_of_part(Walk()) == "tasks" and isinstance(Walk(), Task)
    findings = check(Walk())
    assert len(findings) == 10 and all(f.passed for f in findings), findings


def test_an_array_that_goes_on_changing_is_recorded_as_it_was() -> None:
    """A task may add into one array: what was yielded must not become what came later."""
    assert failed(Walk(fault="same array")) == {}
    kept, added = (run(Walk(fault=fault), workers=0).array("x") for fault in ("", "same array"))
    assert np.array_equal(kept, added)


@pytest.mark.parametrize(
    ("fault", "name", "said"),
    [
        ("unread", "says what its values mean", "Walk cannot say what its values mean: KeyError: 'x'"),
        ("no labels", "says what its values mean", "labels('step') is empty"),
        ("no meaning", "says what its values mean", "meanings['x'] is a str"),
        ("no name", "values where it says", "a record has 'x', of which meanings says nothing"),
        ("unused", "values where it says", "meanings has 'y', which is never recorded"),
        ("outside", "values where it says", "a record is at (4,), outside of its axes (step to 3)"),
        ("place", "values where it says", "a record is at (0, 0), outside of its axes"),
        ("twice", "values where it says", "'x' at (0,) is recorded twice"),
        ("shape", "one number a replicate", "'x' at (0,) gave shape (3,), where (4,) is wanted"),
        ("text", "one number a replicate", "'x' at (0,) has dtype <U"),
        ("raises", "one number a replicate", "raised RuntimeError: no more of this"),
        ("again", "the same again", "of two readings of one tile: 'x' at (0,) differs"),
        ("tiles", "other tiles, other values", "tiles 0 and 1 have the same values"),
        ("fixed", "other tiles, other values", "tiles 0 and 1 have the same values"),
        ("seed", "other seeds, other values", "with another seed it has the same values"),
        ("first", "first replicates", "of 1 and of 4 replicates: 'x' at (0,) differs"),
        ("tile", "tiles of one size", "with a replicate more its tile_size is 11 instead of 10"),
        ("last first", "grows", "of steps = 3 and 4: 'x' at (0,) differs"),
    ],
)
def test_each_fault_is_found_and_named(fault: str, name: str, said: str) -> None:
    found = failed(Walk(fault=fault))
    assert said in found[name], found


def test_a_loop_keeps_the_contract_of_a_task() -> None:
    exp = Experiment(
        real=real.Gaussian(dim=2),
        agents=(Agent(generators.Gaussian()), Agent(generators.KDE(), regimes.Replace())),
        n_real=6,
        generations=3,
        tile=4,
        metrics=(metrics.TraceRatio(), metrics.MeanError(of="published")),
    )
    assert failed(exp) == {}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("shape", r"step 0: x has shape \(3,\); give one value a replicate, \(4,\)"),
        ("outside", r"step 3: a record is at \(4,\), outside of the axes \{'step': 4\}"),
        ("no name", "step 0: a record has 'x'; its task has y"),
        ("raises", r"step 0: RuntimeError at test_tasks.py:\d+: no more of this"),
    ],
)
def test_a_task_that_fails_says_where(fault: str, said: str) -> None:
    with pytest.raises(GenlossError, match=said):
        run(Walk(fault=fault, replicates=4), workers=0)


def test_what_a_task_says_of_itself_is_read_before_anything_is_run() -> None:
    with pytest.raises(SpecError, match="Walk cannot say what its values mean: KeyError: 'x'; genloss check"):
        _ = Study.of(Walk(fault="unread")).cells


@pytest.mark.parametrize("axes", ["step", ("value",), ("a b",), ("a", "a"), (1,), ("cell",)])
def test_axes_that_cannot_be_columns(axes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Walk, "axes", axes)
    with pytest.raises(SpecError, match=r"axes: give the names|give each axis a name of its own"):
        _ = Study.of(Walk()).cells


def test_labels_of_any_kind_name_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    for labels in (["a", "b", "c", "d"], ("a", "b", "c", "d"), np.array(["a", "b", "c", "d"])):
        monkeypatch.setattr(Walk, "labels", lambda self, axis, some=labels: some)
        results = run(Walk(), workers=0)
        assert [*results.frame()["step"].unique()] == ["a", "b", "c", "d"]
        assert [*results.summary()["step"]] == ["a", "b", "c", "d"]
