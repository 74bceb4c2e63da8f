"""Real rows from arrays: whatever vectors or images the user has."""

from __future__ import annotations

import io
from functools import cached_property
from pathlib import Path, PurePath
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BeforeValidator

from genloss.components import component
from genloss.errors import DataError, said_by
from genloss.real.finite import HeldOut, first_of_permutation, split
from genloss.samples import Array
from genloss.streams import Rng
from genloss.tables import kept
from genloss.wording import these


def _located(data: Any) -> Any:
    """A path as text; of an array the name that it has by its content."""
    if isinstance(data, (str, PurePath)):
        return str(data)
    try:
        array = np.asarray(data)
    except Exception as error:  # tensors have errors of their own
        raise DataError(f"{type(data).__name__} is no array: {said_by(error)}") from None
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise DataError(
            f"{type(data).__name__} of {array.dtype} is no array of numbers; "
            f"give (N, ...) numbers, or a frame to Table"
        )
    sink = io.BytesIO()
    np.save(sink, np.ascontiguousarray(array), allow_pickle=False)
    return kept.keep(sink.getvalue(), "npy")


ArrayData = Annotated[Any, BeforeValidator(_located)]


def _read(path: str) -> Array:
    """The array in a .npy file.

    Raises:
        DataError: there is none, or it holds other things than finite numbers.
    """
    file = kept.located(path) if kept.is_kept(path) else Path(path).expanduser()
    try:
        array = np.load(file, allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; give a .npy file, or an array in Python") from None
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: is no .npy file that can be read: {said_by(error)}") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise DataError(f"{path}: holds no array of numbers; save one with numpy.save")
    if array.ndim == 0 or len(array) < 2 or array.size == 0:
        raise DataError(f"{path}: has shape {array.shape}; give (N, ...) with two rows at least")
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise DataError(
            f"{path}: {these(bad, 'value')} NaN or infinite; leave these rows out, or fill them in"
        )
    return np.asarray(array)


def _content(rows: Array) -> str:
    import hashlib

    digest = hashlib.sha256(np.ascontiguousarray(rows).data)
    digest.update(repr((rows.shape, rows.dtype.str)).encode())
    return digest.hexdigest()


@component
class Rows:
    """Rows of numbers of the user's, of any shape.

    Args:
        path: an array (N, ...) in Python, or a .npy file with one.
        held_out: share of rows that no model trains on.

    Raises:
        DataError: if it is no array of finite numbers.

    >>> Rows(np.eye(10)).size
    7
    """

    path: ArrayData
    held_out: HeldOut = 0.3
    event: ClassVar = "vectors"
    words: ClassVar = ("path",)  # its content says which rows they are

    @cached_property
    def _rows(self) -> Array:
        """(N, *event) floats; single numbers are vectors of one."""
        rows = _read(self.path).astype(np.float64)
        return rows[:, None] if rows.ndim == 1 else rows

    @property
    def content(self) -> str:
        """What identifies the rows, whatever the path."""
        return _content(self._rows)

    @cached_property
    def _split(self) -> tuple[Array, Array]:
        train, held = split(len(self._rows), self.held_out)
        return self._rows[train], self._rows[held]

    @property
    def size(self) -> int:
        """Rows that models may train on."""
        return len(self._split[0])

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, *event) rows, without replacement."""
        return first_of_permutation(self._split[0], replicates, n, rng)

    def holdout(self) -> Array:
        """(m, *event) rows."""
        return self._split[1]


@component
class Images:
    """Images of the user's, as vectors of intensities: whole numbers from 0 to 255 become shares of 255.

    Args:
        path: an array (N, H, W) or (N, H, W, C) in Python, or a .npy file with one.
        held_out: share of images that no model trains on.

    Raises:
        DataError: if it is no array of such images.

    >>> Images(np.zeros((10, 4, 5), np.uint8)).image
    (4, 5)
    """

    path: ArrayData
    held_out: HeldOut = 0.3
    event: ClassVar = "images"
    words: ClassVar = ("path",)  # its content says which images they are

    @cached_property
    def _images(self) -> Array:
        """(N, H, W) or (N, H, W, C) floats."""
        images = _read(self.path)
        if images.ndim not in (3, 4):
            raise DataError(
                f"{self.path}: has shape {images.shape}; give images as (N, H, W) or (N, H, W, C)"
            )
        if images.dtype.kind == "f":
            return images.astype(np.float64)
        if images.dtype.kind in "iu" and (images.min() < 0 or images.max() > 255):
            raise DataError(
                f"{self.path}: holds whole numbers from {images.min()} to {images.max()}; "
                f"give intensities from 0 to 255, or floats"
            )
        return images / (1.0 if images.dtype.kind == "b" else 255.0)

    @property
    def image(self) -> tuple[int, ...]:
        """(height, width), or (height, width, channels)."""
        return self._images.shape[1:]

    @property
    def content(self) -> str:
        """What identifies the images, whatever the path."""
        return _content(self._images)

    @cached_property
    def _split(self) -> tuple[Array, Array]:
        rows = self._images.reshape(len(self._images), -1)
        train, held = split(len(rows), self.held_out)
        return rows[train], rows[held]

    @property
    def size(self) -> int:
        """Images that models may train on."""
        return len(self._split[0])

    def draw(self, replicates: int, n: int, rng: Rng) -> Array:
        """(R, n, H W) or (R, n, H W C) images, without replacement."""
        return first_of_permutation(self._split[0], replicates, n, rng)

    def holdout(self) -> Array:
        """(m, H W) or (m, H W C) images."""
        return self._split[1]
