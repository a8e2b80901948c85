"""The bytes of a file that someone else wrote: bounded in size, and each failure one sentence."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from pyalloc.errors import TableError

_CHUNK_BYTES = 1 << 20


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes."""
    try:
        if path.exists() and not path.is_file():
            raise TableError(f"{path.name} is a folder or a device: name a file")
        if path.stat().st_size > limit:
            raise _too_large(path.name, limit)
        return path.read_bytes()
    except FileNotFoundError:
        raise TableError(f"{path.name} does not exist: check its name and folder") from None
    except PermissionError:
        raise TableError(
            f"{path.name} may not be read: close it in other programs or ask for access"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not valid"
        raise TableError(f"{path.name} cannot be read ({reason}): copy it to a local disk") from None


def gunzip(source: str, data: bytes, limit: int) -> bytes:
    """Return what gzip data unpack to, refusing more than ``limit`` bytes before they fill the memory."""
    chunks = []
    room = limit
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            while chunk := file.read(_CHUNK_BYTES):
                room -= len(chunk)
                if room < 0:
                    raise _too_large(source, limit)
                chunks.append(chunk)
    except (EOFError, OSError, zlib.error):
        raise TableError(f"{source} is not complete gzip data: copy or compress it again") from None
    return b"".join(chunks)


def _too_large(source: str, limit: int) -> TableError:
    return TableError(
        f"{source} is larger than {limit / 2**20:,.0f} MiB: split it or remove what is not needed"
    )
