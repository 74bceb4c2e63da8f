"""The documentation: each page from top to bottom as a reader follows it, and the site that Sphinx makes."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from commands import GENLOSS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [p for p in sorted(DOCS.rglob("*.md")) if not {"_build_helpers", "_generated"} & {*p.parts}]
BLOCK = re.compile(
    r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<kind>\w*)[^\n]*\n(?P<body>.*?)^```$"
    r"(?:\n\nprints\n\n```\n(?P<prints>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


def steps(page):
    """What a page tells its reader to do: (file name or None, language, text, what is printed or None)."""
    found = BLOCK.finditer(page.read_text())
    return [(m["file"], m["kind"], m["body"], m["prints"]) for m in found]


def followed(page):
    return any(file or kind in ("python", "console") for file, kind, _, _ in steps(page))


@pytest.mark.slow
@pytest.mark.parametrize("page", [str(p.relative_to(DOCS)) for p in PAGES if followed(p)])
def test_a_page_can_be_followed(page, tmp_path, monkeypatch):
    """Files are written, commands run, Python run in one session; what is said to be printed is printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    session = {"__name__": "__main__"}
    for file, kind, body, prints in steps(DOCS / page):
        if file:
            Path(file).write_text(body)
        elif kind == "console":
            done = [shell(line[2:]) for line in body.splitlines() if line.startswith("$ ")]
            shown = [line for line in body.splitlines() if line and not line.startswith("$ ")]
            lost = [line for line in shown if line not in "".join(done).splitlines()]
            assert not lost, "".join(done)
        elif kind == "python" and ">>>" not in body:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(body, page, "exec"), session)
            assert prints is None or out.getvalue().rstrip() == prints.rstrip()


def shell(line):
    """What a command prints, as somebody would see it who types it."""
    variables = {**os.environ, "PATH": f"{Path(GENLOSS).parent}:{os.environ['PATH']}", "PYTHONWARNINGS": ""}
    said = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=300, env=variables)
    assert said.returncode == 0, f"{line}\n{said.stdout}{said.stderr}"
    return said.stdout


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(DOCS)]
    said = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    for page in PAGES:
        assert (tmp_path / page.relative_to(DOCS)).with_suffix(".html").exists()
    theory = (tmp_path / "theory.html").read_text()
    from genloss.laws import STATED

    names = {s.values.__name__ for s in STATED if s.values.__module__.startswith("genloss.laws")}
    assert all(name.replace("_", " ").capitalize() in theory for name in names)
