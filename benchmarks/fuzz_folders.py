"""Run folders that were damaged: looked at by every command, and run again, to the bits that they had."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.calling import called, elsewhere, faults
from benchmarks.fuzz_specs import MINE, TABLE, garbled, odd, pick

SPECS = {
    "cells": """
real = { kind = "Gaussian", dim = 2 }
n_real = 10
generations = 3
replicates = 5
tile = 3
metrics = [{ kind = "TraceRatio", of = "published" }, "RealShare"]
[[agents]]
generator = "Gaussian"
regime = { vary = ["Replace", "Accumulate"] }
""",
    "table": """
real = { kind = "Table", path = "mine.csv", target = "ill" }
n_real = 12
generations = 2
replicates = 2
metrics = [{ kind = "TestError", of = "published" }]
[[agents]]
generator = "Copula"
""",
    "pictures": """
real = "Moons"
n_real = 10
generations = 2
replicates = 2
metrics = ["SlicedWasserstein"]
[[agents]]
generator = "KDE"
""",
    "task": 'kind = "mine.py:Coin"\nbias = { vary = [0.25, 0.5] }\nreplicates = 3\ntosses = 3\n',
}
RUN = ("run", "spec.toml", "--trust", "--workers", "0", "--out", "out")
LOOKS = (
    *(("results", "out", "--trust"), ("status", "out"), ("verify", "out"), ("logs", "out")),
    *(("results", "out", "--csv", "-"), ("report", "out", "--trust"), ("status", "out", "--json")),
)
SEALED = ("cells.json", "environment.json")


class Finished(NamedTuple):
    """A finished run.

    Args:
        folder: with its spec, its code, its table and "out".
        bits: of its numbers.
        parts: the bytes of each by name.
        shown: what ``genloss results`` prints, and says of the run.
    """

    folder: Path
    bits: str
    parts: dict[str, bytes]
    shown: tuple[str, str]


@cache
def finished(kind: str) -> Finished:
    """A finished run of a kind, made once."""
    folder = Path(tempfile.mkdtemp(prefix="genloss-finished-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = os.getcwd()
    os.chdir(folder)
    try:
        for name, text in (("spec.toml", SPECS[kind]), ("mine.py", MINE), ("mine.csv", TABLE)):
            Path(name).write_text(text)
        done = called(*RUN, seconds=60)
        assert done.code == 0, done
        seen = called(*LOOKS[0])
        return Finished(folder, bits(Path("out")), parts(), (seen.out, seen.err))
    finally:
        os.chdir(home)


def bits(folder: Path) -> str:
    """A digest of all numbers and pictures of a run, as they are read."""
    from genloss.study import Results

    results, digest = Results.open(folder, trust=True), hashlib.sha256()
    for cell in results.cells:
        for name in cell.outline.meanings:
            array = results.array(name, cell)
            digest.update(repr((cell.label, name, array.shape)).encode() + array.tobytes())
            if "generation" in cell.outline.axes and (first := results.real(name, cell)) is not None:
                digest.update(first.tobytes())
        for line in range(len(cell.outline.lines)):
            for place, rows in results.encoded(cell, agent=line).items():
                digest.update(repr((place, rows.shape)).encode() + rows.tobytes())
    return digest.hexdigest()


def parts() -> dict[str, bytes]:
    """The bytes of each part by name."""
    files = (path for path in Path("out/parts").iterdir() if path.is_file())
    return {path.name: path.read_bytes() for path in files if not path.name.startswith(".")}


# -- what can happen to a folder -------------------------------------------------------------------


def remove(path: Path) -> None:
    """Whatever it is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with contextlib.suppress(OSError):  # it is not there, nor is its folder
            path.unlink()


def garble(path: Path, rng: np.random.Generator) -> bool:
    """Change bytes of a file."""
    path.write_bytes(garbled(path.read_bytes(), rng))
    return False


def empty(path: Path, rng: np.random.Generator) -> bool:
    """Leave nothing, zeros, or garbage of the same length."""
    size = path.stat().st_size
    path.write_bytes(pick(rng, (b"", bytes(size), rng.bytes(size))))
    return False


def lose(path: Path, rng: np.random.Generator) -> bool:
    """Delete a file, or all of a folder."""
    del rng
    remove(path)
    return False


def folder_instead(path: Path, rng: np.random.Generator) -> bool:
    """Put a folder where a file was; it is the user's to remove."""
    remove(path)
    path.mkdir()
    if rng.random() < 0.5:
        (path / "more").write_text("mine")
    return True


def link_instead(path: Path, rng: np.random.Generator) -> bool:
    """Put a link where a file was: to nothing, to itself, or to something else."""
    others = sorted(p for p in path.parent.iterdir() if p != path)
    remove(path)
    path.symlink_to(pick(rng, ("nowhere", path.name, "..", *(p.name for p in others))))
    return True


def rename(path: Path, rng: np.random.Generator) -> bool:
    """Give it another name: another part's, a cut one, another suffix."""
    name = path.name
    names = (
        name[:-1],
        f".{name}",
        name.upper(),
        f"{name}.bak",
        name.replace("00000", "00001"),
        f"a{name[1:]}",
    )
    path.rename(path.with_name(pick(rng, names)))
    return False


def swap(path: Path, rng: np.random.Generator) -> bool:
    """Change its place with another file's, or give it the other's contents."""
    other = pick(rng, files())
    mine, its = path.read_bytes(), other.read_bytes()
    other.write_bytes(mine)
    if rng.random() < 0.5:
        path.write_bytes(its)
    return False


def json_instead(path: Path, rng: np.random.Generator) -> bool:
    """Put odd JSON in place of good, with a right seal where there was one."""
    from genloss.study.files import sealed

    lines = path.suffix == ".jsonl"
    name = path.name if path.suffix in (".json", ".jsonl") else pick(rng, (*SEALED, "ledger.jsonl"))
    path, lines = Path("out", name), name == "ledger.jsonl"
    if rng.random() < 0.2:
        texts = (b"[" * 100_000, b'{"a":' * 50_000, b"1" * 10_000, b'"\\ud800"', b"\0", b"NaN", b"{}\x00")
        path.write_bytes(pick(rng, texts))
        return False
    if lines:
        entries = [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
        change(entries, rng)
        path.write_text("".join(f"\n{json.dumps(e, default=str)}" for e in entries))
        return False
    content = json.loads(path.read_bytes())["content"]
    holder = [content]
    for _ in range(rng.integers(1, 3)):
        change(holder, rng)
    path.write_bytes(sealed(json.loads(json.dumps(holder[0], default=str))))
    return False


def change(of: Any, rng: np.random.Generator) -> None:
    """Change something in JSON."""
    from benchmarks.fuzz_specs import places

    some = places(of)
    if not some:
        return
    holder, key, _ = pick(rng, some)
    if isinstance(holder, dict) and rng.random() < 0.2:
        del holder[key]
    elif isinstance(holder, dict) and rng.random() < 0.1:
        holder["more"] = odd(rng)
    elif rng.random() < 0.2:
        other, at, _ = pick(rng, some)
        holder[key] = json.loads(json.dumps(other[at], default=str))
    else:
        holder[key] = pick(
            rng, (odd(rng), "9" * 5000, f"{'a' * 16}-{'9' * 5000}-1x1", None, "../../x", 10**400)
        )


def stranger(path: Path, rng: np.random.Generator) -> bool:
    """Put a file into the folder that is not ours, with a name that may be."""
    del path
    names = [
        *(
            "parts/aaaaaaaaaaaaaaaa-00000-3x5.parquet",
            "parts/thesis.txt",
            "thesis.txt",
            ".DS_Store",
            "logs/x.txt",
        ),
        *("parts/.x.tmp", ".out.nobody.1.tmp", f"parts/{'a' * 16}-{'9' * 200}-1x1.parquet", "specs/x.toml"),
        *("running/x.json", "running/driver-x-1.json", "parts/\udcff.parquet", "running/\udcff.json"),
    ]
    if kept := whose():
        one = pick(rng, kept)
        cell, tile, *_ = one.split("-")
        names += [f"parts/{cell}-{tile}-99x99.parquet", f"parts/{cell}-{tile}-1x1.parquet", f"logs/{one}.txt"]
        names += [f"parts/{cell}-00007-3x3.parquet", f"parts/{one}-pictures.parquet", f"running/{one}.json"]
    there = Path("out") / pick(rng, names)
    if there.exists() or (there.parent.exists() and not there.parent.is_dir()):
        return False
    there.parent.mkdir(exist_ok=True)
    there.write_bytes(pick(rng, (b"", b"mine", rng.bytes(300), *(parts_at_hand()))))
    return False


def whose() -> list[str]:
    """The names of the parts that are there."""
    from genloss.study.parts import Part

    names = sorted(p.stem for p in Path("out/parts").glob("*.parquet"))
    return [name for name in names if Part.named(name) is not None]


def parts_at_hand() -> list[bytes]:
    """The bytes of some part that is whole."""
    return [p.read_bytes() for p in sorted(Path("out/parts").glob("*.parquet")) if p.is_file()][:2]


def claim(path: Path, rng: np.random.Generator) -> bool:
    """Leave a claim of a process that is gone, damaged or not."""
    del path
    from genloss.study.files import HOST

    running = Path("out/running")
    name = pick(rng, [*whose(), f"driver-{HOST}-999999", "driver-other-1"])
    past = time.time() - 10_000
    gone = {"host": HOST, "pid": 2**22 + 7, "began": past, "at": {"generation": 1}, "beat": past, "of": 3}
    said = dict(gone)
    key = pick(rng, [*said])
    said[key] = pick(
        rng, (said[key], odd(rng), None, "x", -1, 2**70, float("nan"), {"a": "b"}, [], float("inf"))
    )
    if rng.random() < 0.2:
        said.pop(key)
    texts = (
        json.dumps(said, default=str),
        "",
        "[" * 100_000,
        "[]",
        "3",
        "null",
        json.dumps({**gone, "more": 1}),
    )
    if running.exists() and not running.is_dir():
        return False
    running.mkdir(exist_ok=True)
    there = running / f"{name}.json"
    there.write_text(texts[0] if rng.random() < 0.7 else pick(rng, texts))
    # its age says that nobody lives: what another machine claims counts for ten minutes
    when = time.time() + float(pick(rng, (-10_000, -10_000, 10**7, -(10**9))))
    os.utime(there, (when, when))
    remove(Path("out/parts") / f"{name}.parquet")
    return False


Damage = Callable[[Path, np.random.Generator], bool]
TO_FILES: tuple[Damage, ...] = (
    *(garble, garble, garble, empty, lose, folder_instead, link_instead, rename, swap),
    *(json_instead, json_instead, json_instead, stranger, stranger, claim, claim),
)


def files() -> list[Path]:
    """The files of the run."""
    return sorted(path for path in Path("out").rglob("*") if path.is_file() and not path.is_symlink())


def damage(rng: np.random.Generator) -> tuple[str, bool]:
    """Do something to the folder; returns what, and whether a run may leave it to the user to mend it."""
    if rng.random() < 0.08:
        folder = pick(rng, sorted(p for p in Path("out").iterdir() if p.is_dir()))
        remove(folder)
        if rng.random() < 0.5:
            folder.write_text("mine")
            return f"a file for {folder}", True
        return f"lost {folder}", False
    some = files()
    # parts first: the other files are fewer, and the report is only a page
    weights = np.array(
        [3.0 if p.parent.name == "parts" else 0.3 if p.suffix == ".html" else 1.0 for p in some]
    )
    path = some[rng.choice(len(some), p=weights / weights.sum())]
    do = pick(rng, TO_FILES)
    try:
        return f"{do.__name__} {path}", do(path, rng)
    except (OSError, ValueError, LookupError, TypeError):  # of what is damaged already
        return f"{do.__name__} {path}, in vain", True


def attack(seed: int) -> list[str]:
    """Damage a run and go on with it; returns faults."""
    rng = np.random.Generator(np.random.SFC64([3, seed]))
    kind = pick(rng, [*SPECS])
    was = finished(kind)
    with elsewhere() as here:
        shutil.copytree(was.folder, here, dirs_exist_ok=True)
        done, structural = [], False
        for _ in range(rng.integers(1, 4)):
            if not files():
                break
            what, structure = damage(rng)
            done.append(what)
            structural |= structure
        # with neither of the two it is no run any more, and not ours to write to
        structural |= not (Path("out/parts").is_dir() or Path("out/cells.json").exists())
        before = {p: p.stat().st_mtime_ns for p in files()}
        found = []
        for command in LOOKS:
            if command[0] != "report" or rng.random() < 0.3:
                found += faults(called(*command), ("out", "--trust"), notes=True)
        untouched = {p: p.stat().st_mtime_ns for p in files() if p.name != "report.html"}
        if not untouched.items() <= before.items():
            found.append("looking at the run changed it")
        run = called(*RUN)
        found += faults(run, ("out",))
        if run.code == 0:
            now = parts()
            lost = [name for name, data in was.parts.items() if now.get(name) != data]
            if lost:
                found.append(f"parts are other than they were: {lost}")
            if bits(Path("out")) != was.bits:
                found.append("the bits are others")
            again = called(*LOOKS[0])
            if (again.out, again.err) != was.shown:
                found.append(f"results are not shown as before: {again.err!r:.300} {again.out!r:.300}")
            found += [
                f"left: {p}"
                for p in Path("out").rglob(".*.tmp")
                if "nobody" not in p.name and p.name != ".x.tmp"
            ]
        elif not structural:
            found.append(f"run: exit code {run.code}, {run.err!r:.500}")
    return [f"{kind}: {'; '.join(done)}", *found] if found else []
