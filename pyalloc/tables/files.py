"""The bytes of a file that someone else wrote: bounded in size, and each failure one sentence."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import IO, Final, cast

from pyalloc.errors import TableError

GZIP_SUFFIX: Final = ".gz"

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*://")
_CHUNK_BYTES = 1 << 20


def is_address(text: str) -> bool:
    """Return whether a text is the address of a database or an object store, and no path."""
    return _ADDRESS.match(text) is not None


def read_bytes(path: Path, limit: float) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes."""
    with opened(path, limit) as file:
        return file.read()


def read_chunks(path: Path, limit: float = inf) -> Generator[bytes, None, None]:
    """Yield the content of a regular file, unpacked where its name ends in .gz, a piece at a time.

    More than ``limit`` bytes, packed or unpacked, are refused before they fill the memory.
    """
    room = limit
    with opened(path, limit) as file:
        packed = path.name.lower().endswith(GZIP_SUFFIX)
        # GzipFile is an IO of bytes in all that is used here, if not by its declaration.
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file
        try:
            while chunk := stream.read(_CHUNK_BYTES):
                room -= len(chunk)
                if room < 0:
                    raise _too_large(path.name, limit)
                yield chunk
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise TableError(f"{path.name} is not complete gzip data: copy or compress it again") from None


@contextmanager
def opened(path: Path, limit: float = inf) -> Iterator[IO[bytes]]:
    """Open a regular file of at most ``limit`` bytes; a failure then or later is a TableError."""
    try:
        if "\0" in str(path):
            raise OSError
        if path.exists() and not path.is_file():
            raise TableError(f"{path.name} is a folder or a device: name a file")
        if path.stat().st_size > limit:
            raise _too_large(path.name, limit)
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise TableError(f"{path.name} does not exist: check its name and folder") from None
    except PermissionError:
        raise TableError(
            f"{path.name} may not be read: close it in other programs or ask for access"
        ) from None
    except OSError as error:
        reason = error.strerror or "its name is not valid"
        raise TableError(f"{path.name} cannot be read ({reason}): copy it to a local disk") from None


def _too_large(source: str, limit: float) -> TableError:
    return TableError(
        f"{source} is larger than {limit / 2**20:,.0f} MiB: split it or remove what is not needed"
    )
