"""A run's folder: the spec, a Parquet part for each finished tile, the ledger that vouches for them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.errors import StoreError
from genloss.study.columns import KINDS, schema

if TYPE_CHECKING:  # pyarrow and duckdb take long to import: who does not need them need not wait
    import pyarrow as pa

Entry = dict[str, Any]  # a line of the ledger

_HOST = re.sub(r"[^\w-]", "-", os.uname().nodename, flags=re.ASCII)


def write_part(folder: str | Path, name: str, table: pa.Table, kind: str = "results") -> Entry:
    """Write what a tile gave, so that the part is whole or absent whatever happens meanwhile.

    Args:
        folder: the run's.
        name: of the part, which becomes ``parts/NAME.parquet``.
        table: with the columns of `schema(kind)`, in that order; text may be dictionary-encoded.
        kind: "results" or "pictures".

    Returns:
        The entry for `Store.record`: name, kind, sha256, rows, bytes.

    Raises:
        StoreError: if the table has other columns, or the file system refuses.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not re.fullmatch(r"\w[\w.-]*", name, re.ASCII):
        raise StoreError(f"a part cannot be named {name!r}; use letters, digits, '_', '-' and '.'")
    sink = pa.BufferOutputStream()
    # Page checksums let a part be believed that a crash kept out of the ledger.
    pq.write_table(_conform(table, kind, name), sink, compression="zstd", write_page_checksum=True)
    data = memoryview(sink.getvalue())
    write_file(Path(folder), f"parts/{name}.parquet", data)
    sha256 = hashlib.sha256(data).hexdigest()
    return {"name": name, "kind": kind, "sha256": sha256, "rows": table.num_rows, "bytes": len(data)}


class Store:
    """The folder of one run: what was to be done, what is done, and what came out.

    A part is finished when the file matches the checksum that the ledger has of it. A part that was put in
    place just before a crash, and so lacks its line, is adopted if it is whole. Only the driver writes here,
    but for the parts; any number of processes may read.

    Attributes:
        folder: where it is.
        spec: the text of ``spec.toml``.
        fingerprint: of the study; parts of equal fingerprints can stand together.
        environments: versions and machine, once for each that the run was worked on in.
        problems: one line for each part that `finished` left out.
    """

    def __init__(self, folder: Path, writable: bool) -> None:
        """Use `Store.open` to work on a run and `Store.read` to look at one."""
        self.folder = folder
        self.problems: list[str] = []
        self._writable = writable
        self._finished: dict[str, Entry] | None = None
        with _explained("read", folder):
            self.fingerprint, self.environments = _head(folder)
            self.spec = (folder / "spec.toml").read_text(encoding="utf-8", errors="replace")

    @classmethod
    def open(cls, folder: str | Path, spec: str, fingerprint: str, environment: Mapping[str, Any]) -> Store:
        """A study's run to work on: a new folder, or the one that holds the parts it has so far.

        Args:
            folder: made if it is not there.
            spec: TOML, written to ``spec.toml``; it may have changed, if the fingerprint has not.
            fingerprint: of all that decides what the parts contain.
            environment: versions and machine, as JSON has them, added to ``environment.json``.

        Raises:
            StoreError: if the folder holds something else, or cannot be written.
        """
        folder = Path(folder)
        environments: list[Any] = []
        with _explained("write", folder):
            if folder.exists() and not folder.is_dir():
                raise StoreError(f"{folder} is a file, not a folder; give another --out")
            if (folder / "environment.json").exists():
                there, environments = _head(folder)
                if there != fingerprint:
                    ids = f"fingerprint {there[:12]} against {fingerprint[:12]}"
                    raise StoreError(f"{folder} holds a run of another spec ({ids}); give another --out")
            elif folder.exists() and not _vacant(folder):
                raise StoreError(f"{folder} is not empty and holds no run; give another --out")
            (folder / "parts").mkdir(parents=True, exist_ok=True)
            _sweep(folder)
            if environment not in environments:
                head = {"fingerprint": fingerprint, "environments": [*environments, environment]}
                write_file(folder, "environment.json", json.dumps(head, indent=1).encode() + b"\n")
            text, path = spec.encode(), folder / "spec.toml"
            if not path.exists() or path.read_bytes() != text:
                write_file(folder, "spec.toml", text)
        return cls(folder, writable=True)

    @classmethod
    def read(cls, folder: str | Path) -> Store:
        """A run to look at; nothing in its folder is changed.

        Raises:
            StoreError: if there is none.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise StoreError(f"no run at {folder}: there is no such folder")
        missing = [name for name in ("spec.toml", "environment.json") if not (folder / name).is_file()]
        if missing:
            raise StoreError(f"no run at {folder}: it has no {' and no '.join(missing)}")
        return cls(folder, writable=False)

    def finished(self) -> dict[str, Entry]:
        """The entries of the parts that are whole, by name; what was wrong with others goes to `problems`."""
        self.problems = []
        done: dict[str, Entry] = {}
        known = {entry["name"]: entry for entry in self._ledger() if "sha256" in entry}
        for name, entry in known.items():
            try:
                with open(self._path(name), "rb") as file:
                    whole = hashlib.file_digest(file, "sha256").hexdigest() == entry["sha256"]
            except OSError as error:
                self.problems.append(f"part {name} cannot be read: {error.strerror}")
                continue
            if whole:
                done[name] = entry
            else:
                self.problems.append(f"part {name} is damaged: its sha256 is not the ledger's")
        with _explained("read", self.folder):
            orphans = {path.stem for path in (self.folder / "parts").glob("[!.]*.parquet")} - known.keys()
        self._finished = done
        for name in sorted(orphans):
            found = _examine(self._path(name))
            if isinstance(found, str):
                self.problems.append(f"part {name} is not in the ledger and {found}")
            else:
                done[name] = found
                if self._writable:
                    self._append(found)
        return dict(done)

    def record(self, entry: Entry) -> None:
        """Vouch for a part: an entry of `write_part`, with anything else worth keeping."""
        self._append(entry)
        if self._finished is not None:
            self._finished[entry["name"]] = entry

    def fail(self, name: str, cell: int, tile: int, error: str) -> None:
        """Note that the part of this name could not be made."""
        self._append({"failed": cell, "tile": tile, "name": name, "error": error})

    def failures(self) -> list[Entry]:
        """The last failure of each part that has not been made since."""
        failed: dict[str, Entry] = {}
        for entry in self._ledger():
            failed.pop(entry["name"], None)
            if "failed" in entry:
                failed[entry["name"]] = entry
        done = self._parts()
        return [entry for name, entry in failed.items() if name not in done]

    def query(self, sql: str) -> pa.Table:
        """What a SELECT over the views ``results`` and ``pictures`` gives; both hold the finished parts only.

        Raises:
            StoreError: with the first line of what DuckDB finds wrong.
        """
        return self._select(sql, {kind: self._names(kind) for kind in KINDS})

    def results_table(self, names: Iterable[str] | None = None) -> pa.Table:
        """The rows of the finished results parts, or of those named, part after part.

        Raises:
            StoreError: if one of the names is no finished part.
        """
        return self._table("results", names)

    def pictures_table(self, names: Iterable[str] | None = None) -> pa.Table:
        """The same for pictures parts."""
        return self._table("pictures", names)

    def _table(self, kind: str, names: Iterable[str] | None) -> pa.Table:
        have = self._names(kind)
        wanted = have if names is None else list(names)
        if strange := sorted(set(wanted) - set(have)):
            raise StoreError(f"{self.folder} has no finished part {strange[0]!r} of {kind}")
        return self._select(f"SELECT * FROM {kind}", {kind: wanted}).cast(schema(kind))

    def _select(self, sql: str, views: Mapping[str, list[str]]) -> pa.Table:
        import duckdb

        with contextlib.closing(duckdb.connect()) as connection:
            try:
                for kind, names in views.items():
                    if names:
                        files = ", ".join(_quoted(self._path(name)) for name in names)
                        source = f"read_parquet([{files}], hive_partitioning = false)"
                        connection.execute(f"CREATE VIEW {kind} AS SELECT * FROM {source}")
                    else:
                        connection.register(kind, schema(kind).empty_table())
                found = connection.sql(sql)
                if found is None:
                    raise StoreError("the query is empty; give a SELECT over results or pictures")
                return found.to_arrow_table()
            except duckdb.Error as error:
                raise StoreError(f"the query failed: {str(error).splitlines()[0]}") from error

    def _names(self, kind: str) -> list[str]:
        """Sorted: the ledger's order is that in which tiles happened to finish."""
        return sorted(name for name, entry in self._parts().items() if entry.get("kind", "results") == kind)

    def _parts(self) -> dict[str, Entry]:
        return self.finished() if self._finished is None else self._finished

    def _path(self, name: str) -> Path:
        return self.folder / "parts" / f"{name}.parquet"

    def _ledger(self) -> list[Entry]:
        """The lines that can be read; a crash may have torn one, whose part is then adopted if whole."""
        path = self.folder / "ledger.jsonl"
        with _explained("read", self.folder):
            lines = path.read_bytes().splitlines() if path.exists() else []
        entries = []
        for line in lines:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                    entries.append(entry)
        return entries

    def _append(self, entry: Entry) -> None:
        if not self._writable:
            raise StoreError(f"{self.folder} was opened to be read only")
        line = json.dumps(entry).encode() + b"\n"
        with _explained("write", self.folder), open(self.folder / "ledger.jsonl", "a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                line = line if file.read() == b"\n" else b"\n" + line  # after a line torn by a crash
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def _explained(verb: str, folder: Path) -> Iterator[None]:
    """Say of an error of the file system which folder it concerns and what to do."""
    try:
        yield
    except OSError as error:
        full, shut = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), (errno.EACCES, errno.EPERM, errno.EROFS)
        what = "free space" if error.errno in full else "allow it" if error.errno in shut else "mend that"
        remedy = f"{what} or give another --out; finished tiles are kept, the same command goes on"
        where = f" ({error.filename})" if error.filename else ""
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StoreError(f"cannot {verb} {folder}: {reason}{where}; {remedy}") from error


def _head(folder: Path) -> tuple[str, list[Any]]:
    """The fingerprint and the environments of a run."""
    try:
        head = json.loads((folder / "environment.json").read_bytes())
        return str(head["fingerprint"]), list(head["environments"])
    except (ValueError, LookupError, TypeError):
        raise StoreError(f"{folder}/environment.json is damaged; give another --out") from None


def _vacant(folder: Path) -> bool:
    """Whether a folder holds nothing, or only what a crash left that came before anything was kept."""
    there = {path.name for path in folder.iterdir()} - {path.name for path in folder.glob(".*.tmp")}
    return not there or (there == {"parts"} and not any((folder / "parts").iterdir()))


def write_file(folder: Path, name: str, data: bytes | memoryview) -> None:
    """Put a file of the run in place at once and for good."""
    path = folder / name
    temporary = path.with_name(f".{path.stem}.{_HOST}.{os.getpid()}.tmp")
    with _explained("write", folder):
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some network file systems have no such thing
                raise
        finally:
            os.close(directory)


def _sweep(folder: Path) -> None:
    """Remove the temporary files of processes of this host that are no more."""
    for path in [*folder.glob(".*.tmp"), *folder.glob("parts/.*.tmp")]:
        author = re.search(rf"\.{_HOST}\.(\d+)\.tmp$", path.name)
        if author and not _alive(int(author[1])):
            path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(
        OSError, IndexError
    ):  # where there is such a file: a dead one that nobody waited for
        if Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z":
            return False
    return pid != os.getpid()  # this process has just begun: the file is of an earlier one of that number


def _conform(table: pa.Table, kind: str, name: str) -> pa.Table:
    """The table with exactly the columns of its kind."""
    import pyarrow.types as types

    want = schema(kind)
    if table.column_names != want.names:
        columns, right = ", ".join(table.column_names), ", ".join(want.names)
        raise StoreError(f"part {name} has the columns {columns}; {kind} have {right}")
    for column in want:
        found = table.schema.field(column.name).type
        text = found.value_type if types.is_dictionary(found) else found
        same_text = types.is_string(column.type) and (types.is_string(text) or types.is_large_string(text))
        if not (same_text or found == column.type):
            raise StoreError(f"part {name}: column {column.name} is {found}; {kind} have {column.type}")
    return table.cast(want)


def _examine(path: Path) -> Entry | str:
    """The entry of a part that is whole by its own checksums; otherwise what is wrong with it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        data = path.read_bytes()
        table = pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
    except Exception as error:  # damage surfaces as almost anything
        return f"cannot be read: {type(error).__name__}"
    kinds = [kind for kind in KINDS if table.schema.equals(schema(kind))]
    if not kinds:
        return f"has other columns: {', '.join(table.column_names)}"
    sha256 = hashlib.sha256(data).hexdigest()
    return {"name": path.stem, "kind": kinds[0], "sha256": sha256, "rows": table.num_rows, "bytes": len(data)}


def _quoted(path: Path) -> str:
    """A path as DuckDB takes it literally: it reads '*?[' as patterns and '~' as the home."""
    text = re.sub(r"[*?[]", r"[\g<0>]", str(path.absolute())).replace("'", "''")
    return f"'{text}'"
