"""Parts: a tile's values in a Parquet file that says whose they are and vouches for itself.

The name says which cell, by its fingerprint, which tile, how far along the first axis and how many
replicates. The file's own metadata says the same and holds the SHA-256 of the whole file with these 64 digits
as zeros. So no other file is needed to trust a part, and any study that has the cell may use it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.errors import StoreError
from genloss.study.columns import schema
from genloss.study.files import explained, write_file

if TYPE_CHECKING:  # pyarrow takes long to import: who does not need it need not wait
    import pyarrow as pa

FOLDER = "parts"
_NO_DIGEST = b"0" * 64
_SEAL = re.compile(rb"genloss:([0-9a-f]{64}):")
_NAME = re.compile(r"([0-9a-f]{16})-(\d{5,16})-(\d{1,16})x(\d{1,16})(-pictures)?", re.ASCII)
_EARLIER = re.compile(r"\d{5}-(\d{5}|pictures)", re.ASCII)


@dataclass(frozen=True, order=True)
class Part:
    """What a part holds.

    Args:
        cell: the first 16 hexadecimal digits of its cell's fingerprint.
        tile: index of the block of replicates.
        length: how far it goes along the first axis, in the field by which the task grows; 0 where none does.
        size: replicates, the first ones of the tile.
        pictures: whether it holds rows to look at rather than values.
    """

    cell: str
    tile: int
    length: int
    size: int
    pictures: bool = False

    @property
    def name(self) -> str:
        """Of its file, without the suffix."""
        more = "-pictures" if self.pictures else ""
        return f"{self.cell}-{self.tile:05d}-{self.length}x{self.size}{more}"

    def path(self, folder: Path) -> Path:
        """Of its file."""
        return folder / FOLDER / f"{self.name}.parquet"

    def serves(self, length: int, size: int) -> bool:
        """Whether it has at least so much."""
        return self.length >= length and self.size >= size

    @classmethod
    def named(cls, name: str) -> Part | None:
        """The part of a file's name without the suffix; None where it is no part's.

        >>> Part.named("00112233aabbccdd-00003-100x64").tile
        3
        """
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        part = cls(found[1], int(found[2]), int(found[3]), int(found[4]), bool(found[5]))
        return part if part.name == name else None


def write_part(
    folder: Path, part: Part, table: pa.Table, axes: tuple[str, ...], about: Any, shown: bool = False
) -> int:
    """Write a part, so that it is whole or absent whatever happens meanwhile; returns its bytes.

    Args:
        folder: the run's.
        part: what it is.
        table: with the columns of `schema(axes, part.pictures)`; text may be dictionary-encoded.
        axes: of the task.
        about: JSON that says what the values mean, to be read where the study cannot be built.
        shown: whether a part of pictures belongs to it, which was written before.

    Raises:
        StoreError: if the table has other columns, or the file system refuses.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = json.dumps({"part": part.name, "about": about, "shown": shown}, sort_keys=True).encode()
    conform = _conform(table, axes, part)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, conform.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(conform)
        writer.add_key_value_metadata({"genloss": b"genloss:" + _NO_DIGEST + b":" + said})
    data = bytearray(sink.getvalue())
    digest = hashlib.sha256(data).hexdigest().encode()
    begin = data.rindex(b"genloss:" + _NO_DIGEST) + len(b"genloss:")
    data[begin : begin + 64] = digest
    write_file(folder, f"{FOLDER}/{part.name}.parquet", memoryview(data))
    return len(data)


def said_of(data: bytes, part: Part) -> dict[str, Any] | None:
    """What a part's metadata says, {"part", "about", "shown"}; None where it is not what was written."""
    seals = list(_SEAL.finditer(data))
    if not seals:
        return None
    seal = seals[-1]
    bits = memoryview(data)
    whole = hashlib.sha256(bits[: seal.start(1)])
    whole.update(_NO_DIGEST)
    whole.update(bits[seal.end(1) :])
    if whole.hexdigest().encode() != seal[1]:
        return None
    try:
        said, _ = json.JSONDecoder().raw_decode(data[seal.end() :].decode("utf-8", "replace"))
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.get("part") == part.name else None


def listed(folder: Path) -> Iterator[Part]:
    """The parts that a run's folder has by name, whole or not, in order."""
    with explained("read", folder):
        names = (
            sorted(entry.name for entry in os.scandir(folder / FOLDER)) if (folder / FOLDER).is_dir() else []
        )
    for name in names:
        part = Part.named(name.removesuffix(".parquet")) if name.endswith(".parquet") else None
        if part is not None:
            yield part


def checked(folder: Path, parts: Iterable[Part]) -> tuple[list[Part], dict[Part, str]]:
    """The parts that can be read, and what is wrong with those that are to be made again.

    Values whose pictures are gone or damaged are both: the two are made together.
    """
    whole: dict[Part, bool] = {}
    wrong: dict[Part, str] = {}
    for part in parts:
        try:
            data = part.path(folder).read_bytes()
        except FileNotFoundError:  # another process replaced or removed it meanwhile
            continue
        except OSError as error:
            wrong[part] = f"cannot be read: {error.strerror}"
            continue
        said = said_of(data, part)
        if said is None:
            wrong[part] = "is damaged"
        else:
            whole[part] = bool(said["shown"])
    for part in [p for p, shown in whole.items() if shown]:
        pictures = replace(part, pictures=True)
        # those of another driver may have come after the names were listed
        if pictures in wrong or (pictures not in whole and not pictures.path(folder).exists()):
            wrong[part] = "lacks its pictures"
    return [*whole], wrong


def about(folder: Path, part: Part) -> Any:
    """What a part says that its values mean, or None."""
    try:
        said = said_of(part.path(folder).read_bytes(), part)
    except OSError:
        return None
    return None if said is None else said["about"]


def of_earlier_layout(folder: Path) -> bool:
    """Whether a folder holds parts of version 0.1, which say neither whose they are nor vouch for
    themselves.
    """
    some = (folder / FOLDER).glob("*.parquet") if (folder / FOLDER).is_dir() else ()
    return any(_EARLIER.fullmatch(path.stem) for path in some)


def _conform(table: pa.Table, axes: tuple[str, ...], part: Part) -> pa.Table:
    """The table with exactly the columns of its kind."""
    import pyarrow.types as types

    want = schema(axes, part.pictures)
    if table.column_names != want.names:
        columns, right = ", ".join(table.column_names), ", ".join(want.names)
        raise StoreError(f"part {part.name} has the columns {columns}; it should have {right}")
    for column in want:
        found = table.schema.field(column.name).type
        text = found.value_type if types.is_dictionary(found) else found
        same_text = types.is_string(column.type) and (types.is_string(text) or types.is_large_string(text))
        if not (same_text or found == column.type):
            raise StoreError(f"part {part.name}: column {column.name} is {found}; it should be {column.type}")
    return table.cast(want)
