"""Lines of which it is known what each of the eight meanings should answer, and how long verdicts take.

A command of :mod:`benchmarks.verdicts`.
"""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genloss.collapse import Trajectory, verdict
from genloss.meaning import Meaning, Reference

T = 30


@dataclass(frozen=True)
class Line:
    """Metrics of a line, and the truth.

    Args:
        make: trajectories, given a generator and R.
        truth: "yes" or "no" by meaning.
    """

    make: Callable
    truth: dict


def one(name, values, real=None, labels=None, reference=None, **meaning):
    said = Meaning(name, reference=reference, **meaning)
    return Trajectory(name, said, np.arange(1, len(values) + 1), values, labels or {"line": 1}, real)


def noise(g, r, size=0.1, tails=False):
    """(T, R) with an offset for each replicate."""
    draw = g.standard_t(2, (T, r)) if tails else g.standard_normal((T, r))
    return size * (draw + g.standard_normal(r))


def ramp(to, level=False):
    """(T, 1) from 0 to a value, which it has from the third generation on where it is level."""
    return to * (np.minimum(np.arange(T) / 2, 1) if level else np.arange(T) / (T - 1))[:, None]


def risk(change, scale="ratio", tails=False, level=False, size=0.1):
    def make(g, r):
        x = ramp(change, level) + noise(g, r, size, tails)
        return [one("Risk", np.exp(x) if scale == "ratio" else x, better="lower", scale=scale, tells="risk")]

    return make


def catastrophe(lost, tails=False):
    """Risk 0.1, of a reference of 1."""

    def make(g, r):
        x = 0.1 + 0.9 * ramp(lost) + 0.1 * noise(g, r, 0.1, tails)
        return [
            one("Risk", x, better="lower", tells="risk", reference=Reference(1.0, "the mean", "the mean"))
        ]

    return make


def accuracy(change, rows=100):
    """A share of right answers out of so many rows."""

    def make(g, r):
        return [one("Accuracy", g.binomial(rows, 0.8 - ramp(change, True), (T, r)) / rows,
                    better="higher", scale="share", tells="risk")]  # fmt: skip

    return make


def spread(kept, level, tails=False):
    def make(g, r):
        x = np.exp(ramp(np.log(kept), level) + noise(g, r, 0.1, tails))
        return [one("Trace", x, scale="ratio", tells="spread")]

    return make


def tail(kept, rows=400):
    """Share of rows beyond the real 1 %, or 5 % quantile."""

    def make(g, r):
        x = g.binomial(rows, 0.05 * np.exp(ramp(np.log(kept), True)), (T, r)) / rows
        return [one("TailMass", x, g.binomial(rows, 0.05, r) / rows, scale="share", tells="tail")]

    return make


def modes(lost, share):
    """Each of ten modes is lost with a probability; and mass between them, beyond what real rows have."""

    def make(g, r):
        x = g.binomial(10, lost, r) + np.zeros((T, 1))
        x[0] = 0
        between = 0.02 + ramp(share) + np.abs(noise(g, r, 0.01))
        real = 0.02 + np.abs(noise(g, r, 0.01)[0])
        return [
            one("ModesLost", x, np.zeros(r), scale="count", tells="modes"),
            one("Between", between, real, scale="share", tells="between"),
        ]

    return make


def off(share, rows=500, real=0.01):
    """Rows where the real data has none, of which fresh real rows have a few."""

    def make(g, r):
        x = g.binomial(rows, real + ramp(share), (T, r)) / rows
        return [one("OffSupport", x, g.binomial(rows, real, r) / rows, scale="share", tells="support")]

    return make


def grid(change, tails=False):
    """Risk like n^-1 at generation 1, and like n^(change - 1) at the last one."""

    def make(g, r):
        return [
            one("TestError", np.exp((ramp(change) - 1) * np.log(n) + noise(g, r, 0.2, tails)),
                labels={"n_real": n}, better="lower", scale="ratio", tells="risk")
            for n in (50, 100, 200, 400)
        ]  # fmt: skip

    return make


def several(change):
    """Five risks that share half of their noise."""

    def make(g, r):
        common = noise(g, r)
        return [one(f"Risk {k}", np.exp(ramp(change, True) + common + noise(g, r)),
                    better="lower", scale="ratio", tells="risk") for k in range(5)]  # fmt: skip

    return make


def together(*makes):
    return lambda g, r: [x for make in makes for x in make(g, r)]


MARGIN = np.log(1.05)
LINES = {
    "2: nothing": Line(risk(0.0), {2: "no", 3: "no"}),
    "2: at the margin": Line(risk(MARGIN, level=True), {2: "no"}),
    "2: at the margin, heavy tails": Line(risk(MARGIN, tails=True, level=True), {2: "no"}),
    "2: twice the margin": Line(risk(2 * MARGIN, level=True), {2: "yes"}),
    "2: less than the margin": Line(risk(0.5 * MARGIN, level=True, size=0.01), {2: "no"}),
    "2: growth": Line(risk(0.5), {2: "yes", 3: "yes"}),
    "2: growth, heavy tails": Line(risk(0.5, tails=True), {2: "yes", 3: "yes"}),
    "2: better": Line(risk(-0.5), {2: "no", 3: "no"}),
    "2: plain, at the margin": Line(risk(0.1 * 0.1 * 2**0.5, "plain", level=True), {2: "no"}),
    "2: nats, at the margin": Line(risk(0.02, "nats", level=True, size=0.02), {2: "no"}),
    "2: counts of right answers, at the margin": Line(accuracy(0.01), {2: "no"}),
    "2: counts of right answers, 5 points": Line(accuracy(0.05), {2: "yes"}),
    "2: counts of right answers, nothing": Line(accuracy(0.0), {2: "no", 3: "no"}),
    "1: at the margin": Line(catastrophe(0.9), {1: "no", 2: "yes"}),
    "1: at the margin, heavy tails": Line(catastrophe(0.9, tails=True), {1: "no", 2: "yes"}),
    "1: half": Line(catastrophe(0.5), {1: "no", 2: "yes"}),
    "1: all": Line(catastrophe(1.0), {1: "yes", 2: "yes"}),
    "4: nothing": Line(spread(1.0, True), {4: "no"}),
    "4: a half, level": Line(spread(0.5, True), {4: "no"}),
    "4: a half, level, heavy tails": Line(spread(0.5, True, tails=True), {4: "no"}),
    "4: 60 %, level": Line(spread(0.6, True), {4: "no"}),
    "4: 40 %, level": Line(spread(0.4, True), {4: "yes"}),
    "4: 60 %, falling": Line(spread(0.6, False), {4: "yes"}),
    "4: 90 %, falling": Line(spread(0.9, False), {4: "no"}),
    "6: nothing": Line(tail(1.0), {6: "no"}),
    "6: a half": Line(tail(0.5), {6: "no"}),
    "6: a fifth": Line(tail(0.2), {6: "yes"}),
    "6: nothing, few rows": Line(tail(1.0, rows=30), {6: "no"}),
    "7: nothing": Line(modes(0.0, 0.0), {7: "no"}),
    "7: one of ten": Line(modes(0.1, 0.0), {7: "yes"}),
    "7: mass at the margin": Line(modes(0.0, 0.05), {7: "no"}),
    "7: mass": Line(modes(0.0, 0.1), {7: "yes"}),
    "8: nothing": Line(off(0.0), {8: "no"}),
    "8: at the margin": Line(off(0.01), {8: "no"}),
    "8: three times the margin": Line(off(0.03), {8: "yes"}),
    "8: real rows have 20 %": Line(off(0.0, real=0.2), {8: "no"}),
    "5: nothing": Line(grid(0.0), {5: "no"}),
    "5: at the margin": Line(grid(0.1), {5: "no"}),
    "5: at the margin, heavy tails": Line(grid(0.1, tails=True), {5: "no"}),
    "5: at the other margin": Line(grid(-0.1), {5: "no"}),
    "5: half the exponent": Line(grid(0.5), {5: "yes"}),
    "five risks: nothing": Line(several(0.0), {2: "no", 3: "no"}),
    "five risks: at the margin": Line(several(MARGIN), {2: "no"}),
    "many margins": Line(
        together(several(MARGIN), spread(0.5, True), tail(0.5), modes(0.0, 0.05), off(0.01)),
        {2: "no", 4: "no", 6: "no", 7: "no", 8: "no"},
    ),
    "many clear answers, one at the margin": Line(
        together(several(0.5), spread(0.3, True), tail(0.2), off(0.1), catastrophe(0.9)),
        {1: "no", 2: "yes", 4: "yes", 6: "yes", 8: "yes"},
    ),
}


def asked(name, r, runs):
    """Counts of answers by meaning, and lines with a wrong one."""
    line = LINES[name]
    rng = np.random.Generator(np.random.SFC64([zlib.crc32(name.encode()), r]))
    said = {m: Counter() for m in line.truth}
    wrong = 0
    for _ in range(runs):
        found = verdict(line.make(rng, r)).lines[-1]
        answers = {m: found.answer(m).answer for m in line.truth}
        for m, answer in answers.items():
            said[m][answer] += 1
        wrong += any({answers[m], true} == {"yes", "no"} for m, true in line.truth.items())
    return said, wrong


def main_answers(names, runs, sizes=(20, 100)):
    """Print how often each line is answered yes, no, undecided."""
    print(f"answers in %: yes/no/undecided; {runs} lines each; marked where more than 5 % hold a wrong one")
    marked = 0
    for name, line in LINES.items():
        if names and not name.startswith(tuple(names)):
            continue
        for r in sizes:
            said, wrong = asked(name, r, runs)
            mark = wrong / runs > 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)
            marked += mark
            row = f"{name:42s} R={r:<4d}wrong {100 * wrong / runs:4.1f}{'!' if mark else ' '}"
            for m, count in said.items():
                shares = "/".join(f"{100 * count[a] / runs:3.0f}" for a in ("yes", "no", "undecided"))
                row += f"  {m} {line.truth[m]:3s} {shares}"
            print(row, flush=True)
    print(f"{marked} marked")


def main_speed():
    """Print seconds for verdicts on 10^6 rows of results, with all that --json asks for."""
    for lines, r in ((100, 100), (1000, 10)):
        rng = np.random.Generator(np.random.SFC64(0))
        t = np.arange(1, 101)[:, None]
        some = []
        for k in range(lines):
            x = 1 + (k % 3) / 2 * t / 100 + 0.3 * np.cumsum(rng.standard_normal((100, r)), axis=0) / 10
            x = x + 0.1 * rng.standard_normal(x.shape)
            some.append(one("Risk", x, labels={"line": k}, better="lower", tells="risk"))
        wall, core = time.perf_counter(), time.process_time()
        found = verdict(some)
        found.said()
        sentences = [line.sentence for line in found.lines]
        wall, core = time.perf_counter() - wall, time.process_time() - core
        print(f"{len(sentences)} lines, R = {r}, T = 100: {core:.1f} core-seconds, {wall:.1f} s")
