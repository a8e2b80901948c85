"""Plain arrays in a file, by name: NumPy's npz, read and written without pickles."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pyalloc.errors import TableError
from pyalloc.tables.files import read_bytes

MAX_ARRAY_BYTES: Final = 64 << 20
"""The largest file of arrays that is read."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip archive can hold: the same arrays make the same bytes at any time."""


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by name.

    Raises
    ------
    TableError
        Where the file cannot be read, or holds anything but uncompressed arrays of numbers, dates and texts:
        objects, which would have to be unpickled, are refused.
    """
    data = io.BytesIO(read_bytes(path, MAX_ARRAY_BYTES))
    try:
        with zipfile.ZipFile(data) as archive:
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise ValueError("compressed")
        with np.load(data, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, KeyError, EOFError, OSError, MemoryError, zipfile.BadZipFile):
        raise TableError(
            f"{path.name} holds no plain arrays: delete it, and have pyalloc write it again"
        ) from None


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to a file, whole or not at all; the same arrays make the same bytes."""
    part = path.with_name(f"{path.name}.part")
    with zipfile.ZipFile(part, "w") as archive:
        for name, array in arrays.items():
            packed = io.BytesIO()
            np.lib.format.write_array(packed, np.asarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), packed.getvalue())
    part.replace(path)
