"""Specs that went wrong: valid ones of all parts, changed here and there, shown and run."""

from __future__ import annotations

import copy
import datetime
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from benchmarks.calling import called, elsewhere, faults

MINE = Path(__file__).with_name("mine.py").read_text()
SMALL = "n_real = 12\ngenerations = 2\nreplicates = 2\n"
TABLE = "age,town,ill\n" + "".join(f"{20 + i % 50},{'Ulm' if i % 3 else 'Bonn'},{i % 2}\n" for i in range(60))

SPECS = [
    SMALL
    + """
real = { kind = "Gaussian", dim = 3 }
title = "A"
about = "B"
seed = 3
n_fresh = 2
holdout = "fresh"
metrics = ["TraceRatio", "MeanError", "RealShare", "LogDetRatio", { kind = "TraceRatio", of = "published" }]
[[agents]]
name = "one"
generator = { kind = "Gaussian", ddof = 1, temperature = 0.9 }
regime = { vary = ["Replace", "AccumulateSubsample", "Accumulate"] }
[[agents]]
name = "two"
n = 20
generator = "Gaussian"
regime = { kind = "Reads", authors = [0], of = { kind = "Window", generations = 2 } }
""",
    SMALL
    + """
real = "Moons"
tile = 2
metrics = ["HoldoutNLL", { kind = "SlicedWasserstein", projections = 5 }, "TailMass"]
[[agents]]
generator = { kind = "KDE", bandwidth = 0.1 }
regime = "Accumulate"
curator = { kind = "Choose", reward = { kind = "Near", point = [0.0, 0.0] }, k = 3 }
""",
    SMALL
    + """
real = { kind = "LinearModel", dim = 3, noise = 1.0 }
metrics = ["TestError", "RealShare"]
[[agents]]
generator = { kind = "LinearRegression", design = "same", noise = 1.0 }
regime = { kind = "Weighted", real = 0.5, of = "Accumulate" }
""",
    SMALL
    + """
real = { kind = "Zipf", symbols = 20, exponent = 1.0 }
metrics = ["SupportSize", "Diversity", "TotalVariation"]
[[agents]]
generator = { kind = "Categorical", smoothing = 0.1 }
regime = "RealPlusLatest"
[agents.curator]
kind = "Accept"
verifier = { kind = "Imperfect", of = { kind = "OneOf", symbols = [1, 2, 3] }, right = 0.9, wrong = 0.2 }
""",
    SMALL
    + """
real = { kind = "Table", path = "mine.csv", target = "ill", held_out = 0.3 }
metrics = [{ kind = "TestError", of = "published" }, "SlicedWasserstein"]
[[agents]]
generator = "Copula"
regime = "Replace"
curator = { kind = "Accept", verifier = { kind = "Inside", axis = 0, low = 30.0 } }
""",
    SMALL
    + """
real = { kind = "Ring", modes = 4, spread = 0.05 }
metrics = ["SlicedWasserstein"]
agents = [{ generator = { kind = "Wrapped", make = "mine.py:Bag" }, regime = "Replace" }]
""",
    'kind = "mine.py:Coin"\nbias = { vary = [0.25, 0.5] }\nreplicates = 3\ntosses = 3\n',
    """
title = "Two"
about = "Of them."
[experiments.moons]
real = "SwissRoll"
n_real = { vary = [8, 12] }
generations = 2
replicates = 2
agents = [{ generator = "KDE" }]
[experiments.coin]
kind = "mine.py:Coin"
replicates = 3
""",
]

NUMBERS = (0, -1, 1, 2, 3, 10**6, 2**31, 2**63, -(10**18), 10**400, 0.5, 1e308, -1e-320, 1e-320)
FLOATS = (float("nan"), float("inf"), -float("inf"), -0.0)
TEXTS = (
    *("", " ", "x" * 1000, "Kernel\u0301", "\u202e\x1b[31m", "a\0b", "a\nb", "\U0001f600", "none.csv"),
    *("mine.py:nope", "mine.py:Coin", "mine.py:Bag", "none.py:make", "os:system", "mine.py", "mine.csv"),
    *("/", ".", "..", "~", "*", "KDE", "Gaussian", "Replace", "Moons", "TraceRatio", "vary", "kind", "auto"),
)
DATES = (datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1, 7, tzinfo=datetime.UTC), datetime.time(7))
KEYS = ("", "kind", "vary", "real", "agents", "metrics", "n", "regime", "a.b", "\0", "é", "experiments", "x")


def gallery() -> list[dict[str, Any]]:
    """The studies that genloss brings, small."""
    from genloss.study.study import gallery as texts

    found = []
    for text in texts().values():
        spec = tomllib.loads(text)
        every = spec.get("experiments", {"": spec})
        for name in [*every]:
            one = every[name]
            one |= {"n_real": 12, "generations": 2, "replicates": 2}
            one.pop("tile", None)
            for agent in one["agents"]:
                agent.pop("n", None)
            small = "experiments" not in spec or len(every) == 1
            found.append(spec if small else {"experiments": {name: one}})
    return found


def odd(rng: np.random.Generator, depth: int = 0) -> Any:
    """Some value that hardly fits."""
    kind = rng.integers(8 if depth < 3 else 4)
    pools: tuple[tuple[Any, ...], ...] = (NUMBERS, FLOATS, TEXTS, (True, False, *DATES))
    if kind < 4:
        return pools[kind][rng.integers(len(pools[kind]))]
    if kind == 4:
        return [odd(rng, depth + 1) for _ in range(rng.integers(4))]
    if kind == 5:
        return {str(pick(rng, KEYS)): odd(rng, depth + 1) for _ in range(rng.integers(3))}
    if kind == 6:
        return {"vary": [odd(rng, depth + 1) for _ in range(rng.integers(1, 4))]}
    deep: Any = odd(rng, 3)
    for _ in range(rng.integers(1, 150)):
        deep = [deep] if rng.random() < 0.5 else {str(pick(rng, KEYS)): deep}
    return deep


def pick(rng: np.random.Generator, some: Any) -> Any:
    """One of several."""
    return some[rng.integers(len(some))]


def places(of: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, Any, tuple[Any, ...]]]:
    """Every (container, key, path) in a spec."""
    items = of.items() if isinstance(of, dict) else enumerate(of) if isinstance(of, list) else ()
    found = []
    for key, value in items:
        found += [(of, key, (*path, key)), *places(value, (*path, key))]
    return found


def changed(spec: dict[str, Any], rng: np.random.Generator) -> set[str]:
    """Change something in a spec; returns words of which an error should say one."""
    holder, key, path = pick(rng, places(spec))
    value, words = holder[key], {str(p) for p in path if isinstance(p, str) and p}
    what = rng.integers(9)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        new = misspelt(str(key), rng)
        holder[new] = holder.pop(key)
        words |= {new}
    elif what == 2:  # what stands somewhere else
        other, at, elsewhere_ = pick(rng, places(spec))
        holder[key], other[at] = copy.deepcopy(other[at]), copy.deepcopy(value)
        words |= {str(p) for p in elsewhere_ if isinstance(p, str) and p}
    elif what == 3:
        holder[key] = pick(rng, ([value], {"vary": [value, odd(rng)]}, {"kind": value}, [value, value]))
    elif what == 4 and isinstance(value, list):
        holder[key] = value * int(pick(rng, (0, 2, 100)))
    elif what == 5 and isinstance(value, str):
        holder[key] = misspelt(value, rng)
    elif what == 6:
        of = value if isinstance(value, dict) else spec
        new = str(pick(rng, KEYS))
        of[new] = odd(rng)
        words |= {new or "''", "field"}
    else:
        holder[key] = odd(rng)
    return words


def misspelt(text: str, rng: np.random.Generator) -> str:
    """A text with a slip."""
    at = int(rng.integers(len(text) + 1))
    slips = (text[:at] + text[at + 1 :], text[:at] + "q" + text[at:], text.upper(), text + "\u00e9", text * 2)
    return str(pick(rng, slips))


def garbled(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with bytes changed, put in, left out or doubled."""
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(data) + 1))
        upto = min(len(data), at + int(rng.integers(1, 40)))
        some = bytes(rng.integers(256, size=rng.integers(1, 6), dtype=np.uint8))
        ways = (
            data[:at] + some + data[at:],
            data[:at] + data[upto:],
            data[:at] + some[:1] + data[at + 1 :],
            data[:upto] + data[at:upto] + data[upto:],
            data[:at],
        )
        data = ways[rng.integers(len(ways))]
    return data


def attack(seed: int) -> list[str]:
    """Change a spec and see what is said of it; returns faults."""
    rng = np.random.Generator(np.random.SFC64([1, seed]))
    bases = [*map(tomllib.loads, SPECS), *gallery()]
    spec = copy.deepcopy(bases[rng.integers(len(bases))])
    words: set[str] = set()
    with elsewhere():
        Path("mine.py").write_text(MINE)
        Path("mine.csv").write_text(TABLE)
        if rng.random() < 0.85:
            for _ in range(rng.integers(1, 4)):
                if places(spec):
                    words |= changed(spec, rng)
        # surrogates and the like cannot be written: nobody has such a file
        data = tomli_w.dumps(spec).encode("utf-8", "replace")
        if not words or rng.random() < 0.1:
            data, words = garbled(data, rng), set()
        Path("spec.toml").write_bytes(data)
        trust = ["--trust"] if rng.random() < 0.9 else []
        shown = called("show", "spec.toml", *trust)
        found = faults(shown, {*words, "spec.toml", "trust", "experiment"} if words else ())
        run = called("run", "spec.toml", *trust, "--workers", "0", "--out", "out")
        if run.code is None and large(spec, data):
            return found
        found += faults(run, {*words, "spec.toml", "trust", "experiment"} if words else ())
        if shown.code == 2 and run.code != 2:
            found.append(f"show refuses what run takes: {shown.err!r:.300}")
        return [*found, f"spec: {data!r:.1500}"] if found else []


def large(spec: dict[str, Any], data: bytes) -> bool:
    """Whether a spec asks for so much that it may take long."""
    try:
        spec = tomllib.loads(data.decode())
    except ValueError:
        return False
    numbers = [h[k] for h, k, _ in places(spec) if isinstance(h[k], int | float)]
    return any(n > 1000 for n in numbers)
