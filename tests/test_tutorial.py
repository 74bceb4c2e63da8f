"""The tutorial notebook is run as a reader runs it: in a kernel, cell by cell."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="needs the extra [test]")

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook with what its cells gave, run in a folder of its own."""
    import nbformat

    folder = tmp_path_factory.mktemp("tutorial")
    notebook = nbformat.read(TUTORIAL, as_version=4)
    before = os.environ.get("IPYTHONDIR")
    os.environ["IPYTHONDIR"] = str(folder / "ipython")
    try:
        nbclient.NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
    finally:
        if before is None:
            del os.environ["IPYTHONDIR"]
        else:
            os.environ["IPYTHONDIR"] = before
    return notebook, folder


def outputs(notebook, of):
    """What the cell gave whose code holds a text."""
    (cell,) = [c for c in notebook.cells if c.cell_type == "code" and of in c.source]
    return cell.outputs


def data(notebook, of):
    """The richest thing that the cell gave last."""
    return outputs(notebook, of)[-1]["data"]


def test_the_notebook_is_committed_without_outputs():
    cells = json.loads(TUTORIAL.read_text())["cells"]
    code = [c for c in cells if c["cell_type"] == "code"]
    assert code and all(c["outputs"] == [] and c["execution_count"] is None for c in code)


def test_figures_and_tables_show_themselves(executed):
    notebook, _ = executed
    assert "Variance kept" in data(notebook, "results = run(")["text/html"]
    for of in ('results.plot("TraceRatio")', "results.show_data()", "grid = run(", "grid.plot("):
        shown = data(notebook, of)
        assert shown["application/vnd.vegalite.v5+json"]["datasets"]["rows"], of
        assert shown["image/png"], of
    assert "typical_low" in data(notebook, "summary = ")["text/html"]
    assert "sepal length" in data(notebook, "flowers = run(")["text/html"]
    assert "the law says 0.30" in outputs(notebook, "last = results")[0]["text"]


def test_a_line_says_how_far_a_run_is(executed):
    notebook, _ = executed
    shown = [o["data"]["text/plain"] for o in outputs(notebook, "grid = run(") if "data" in o]
    assert any("of 24 tiles" in text and "█" in text for text in shown), shown


def test_a_generator_of_the_notebook_runs_in_one_process_and_says_so(executed):
    notebook, _ = executed
    said = "".join(o.get("text", "") for o in outputs(notebook, "noisy = run("))
    assert "this runs in one process: Smoothed cannot be named in a spec" in said
    assert "move it to a file" in said


def test_files_are_where_the_notebook_says(executed):
    _, folder = executed
    assert (folder / "mean-error.svg").read_text().startswith("<svg")
    assert (folder / "grid.html").read_text().lower().startswith("<!doctype html")
