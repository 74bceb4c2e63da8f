"""The table of benchmarks, and the scripts that it holds us against: they compute what we do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from benchmarks import naive

from genloss import real
from genloss.theory import discrete, gaussian
from laws import assert_mean

ROOT = Path(__file__).parents[1]


def printed(*command: str) -> list[str]:
    """Lines that a command prints; in a process of its own, since it holds NumPy to one thread."""
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_scripts_follow_the_laws() -> None:
    t = np.arange(1, 6)
    found = naive.symbols(k=12, n=20, generations=5, replicates=2000)
    purity = float((real.Zipf(symbols=12).probabilities ** 2).sum())
    assert_mean(found, discrete.replace_diversity(20, t, purity))
    found = naive.gaussian(d=2, n=15, generations=5, replicates=1000)
    assert_mean(found, gaussian.replace_trace_ratio(15, t))


def test_the_benchmarks_print_one_table_in_markdown() -> None:
    head, rule, row, blank, under = printed("-m", "benchmarks", "symbols", "--rounds", "1")
    assert len({line.count("|") for line in (head, rule, row)}) == 1 and blank == ""
    assert row.startswith("| symbols replace, n = 1000 | 100 | ")
    assert re.search(r"\| \*\*[\d.,]+\*\* \([\d.,]+ to [\d.,]+\) \|", row)
    assert under.startswith("Core-seconds of 1,000 replicates, medians of 1 rounds")


def test_the_readme_shows_every_setting_of_the_table() -> None:
    settings = printed("-c", "from benchmarks.__main__ import SETTINGS; print(*SETTINGS, sep='\\n')")
    rows = re.findall(r"^\| ([^|`*]+) \| \d+ \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert rows == settings
