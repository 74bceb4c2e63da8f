"""Measure the engine: what a tile, a resumed run and reading cost beside the computation.

``python -m benchmarks.engine [--tiles 4000] [--done 10000] [--values 10000000]``

Prints seconds and peak resident memory; asserts nothing. Every part is measured in a process of its own, so
that the memory of one is not the other's.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

AXES = ("generation", "agent")


def tiny(tiles, n_real=5, generations=1):
    """A study of tiles that cost next to nothing."""
    agent = {"generator": "Gaussian", "regime": "Replace"}
    spec = {"real": "Gaussian", "agents": [agent], "n_real": n_real, "metrics": ["TraceRatio"], "tile": 1}
    return {**spec, "replicates": tiles, "generations": generations}


def timed(what, do, each=0):
    began = time.perf_counter()
    found = do()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    more = f", {1e3 * seconds / each:.2f} ms a tile" if each else ""
    print(f"{what:55s} {seconds:8.2f} s{more}, peak {peak:.0f} MB", flush=True)
    return found


def fill(folder, study, generations=1):
    """Write every part of a study with made-up values: one metric, one agent."""
    import numpy as np
    import pyarrow as pa

    from genloss.study.driving import tiles_of
    from genloss.study.parts import write_part
    from genloss.study.store import Store

    Store.open(folder)
    os.fsync = lambda _: None  # to be quick: nothing here is to outlast a crash
    rng = np.random.Generator(np.random.SFC64(0))
    for tile in tiles_of(study.cells):
        k = tile.part.size
        first = tile.part.tile * tile.cell.outline.tile_size
        rows = generations * k
        names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array(["TraceRatio"]))
        columns = {
            "cell": np.full(rows, int(tile.part.cell, 16), np.uint64),
            "tile": np.full(rows, tile.part.tile, np.int32),
            "generation": np.repeat(np.arange(1, generations + 1, dtype=np.int32), k),
            "agent": np.zeros(rows, np.int32),
            "replicate": np.tile(np.arange(first, first + k, dtype=np.int32), generations),
            "metric": names,
            "value": rng.random(rows),
        }
        write_part(Path(folder), tile.part, pa.table(columns), AXES, tile.cell.about)


def per_tile(options, folder):
    from genloss import run

    timed(
        f"{options.tiles} tiny tiles, 2 workers",
        lambda: run(tiny(options.tiles), folder, workers=2),
        options.tiles,
    )


def resumed(options, folder):
    from genloss import Results, Study, run

    for name, spec in (
        ("one cell", tiny(options.done)),
        ("cells of 10", tiny(10, n_real={"vary": [*range(5, 5 + options.done // 10)]})),
    ):
        here = Path(folder, name)
        fill(here, Study.of(spec))
        timed(
            f"{options.done} finished tiles, {name}: run again", lambda s=spec, h=here: run(s, h, workers=2)
        )
        timed(f"{options.done} finished tiles, {name}: open", lambda h=here: Results.open(h))


def main_job(options, folder):
    del options
    command = [sys.executable, "-m", "genloss", "run", "collapse-or-thrive", "--out", folder]
    for again in ("", ", nothing to do"):
        timed(f"the main job{again}", lambda: subprocess.run(command, capture_output=True, check=True))


def values(options, folder):
    from genloss import Study

    generations, cells, tile = 100, 10, 500
    replicates = options.values // generations // cells
    spec = {
        **tiny(replicates, generations=generations),
        "tile": tile,
        "n_real": {"vary": [*range(5, 5 + cells)]},
    }
    study = Study.of(spec)
    fill(folder, study, generations)
    Path(folder, "spec.toml").write_text(study.toml())


def reading(options, folder):
    from genloss import Results

    found = timed(f"{options.values} values: open", lambda: Results.open(folder))
    timed(f"{options.values} values: summary", found.summary)


CASES = {"tiles": [per_tile], "resume": [resumed], "main": [main_job], "values": [values, reading]}


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__.split("\n")[0])
    parser.add_argument("--tiles", type=int, default=4000)
    parser.add_argument("--done", type=int, default=10_000)
    parser.add_argument("--values", type=int, default=10**7)
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(CASES)}")
    options = parser.parse_args()
    if options.step:
        name, folder = options.step
        {f.__name__: f for some in CASES.values() for f in some}[name](options, folder)
        return
    for name in options.names or CASES:
        with tempfile.TemporaryDirectory() as folder:
            for step in CASES[name]:
                sizes = [f"--{k}={getattr(options, k)}" for k in ("tiles", "done", "values")]
                command = [sys.executable, "-m", "benchmarks.engine", *sizes]
                subprocess.run([*command, "--step", step.__name__, str(Path(folder, "run"))], check=True)


if __name__ == "__main__":
    main()
