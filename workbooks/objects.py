"""Whole objects below an address, ``s3://bucket/run/`` or what else fsspec reaches, and failures in words."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pyalloc.errors import InputError
from workbooks.destination import DestinationError

_AT_ONCE = 16  # objects asked about at a time
_WHOLE: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"})
"""Protocols of stores that show an object only once all of it is there."""

OPTIONS: Final = {"use_listings_cache": False}
"""What file systems are asked for: others write to the store at the same time."""

PART: Final = ".pyalloc-{}.part"
"""Name of what is not meant to stay."""

_USER = re.compile(r"(?<=://)[^/@]*@")


@dataclass(frozen=True)
class Objects:
    """Objects below an address, which can be pickled.

    Attributes
    ----------
    url : str
        As fsspec reads it; what it may hold of user and password is never shown.
    """

    url: str = field(repr=False)

    def __str__(self) -> str:
        return _USER.sub("", self.url)

    def place(self, name: str) -> str:
        """Return where an object of this name is, as messages say it."""
        return f"{self}/{name}" if name else str(self)

    def put(self, name: str, content: bytes) -> None:
        """Write an object, whole or not at all, in the place of an earlier one; DestinationError if not."""
        with self.told(name):
            files, path = self._located(name)
            if "s3" in _protocols(files):  # its metadata and content are put, and replaced, together
                files.pipe_file(path, content, Metadata={"sha256": hashlib.sha256(content).hexdigest()})
            else:
                _put_whole(files, path, lambda place: files.pipe_file(place, content))

    def create(self, name: str, content: bytes) -> bool:
        """Write an object where there is none; return whether that was so."""
        with self.told(name):
            files, path = self._located(name)
            if not _protocols(files) & _WHOLE:
                files.makedirs(path.rpartition("/")[0], exist_ok=True)
            try:
                files.pipe_file(path, content, mode="create")
            except OSError as error:
                if isinstance(error, FileExistsError) or _code(error) in _TAKEN:
                    return False
                raise
            return True

    def get(self, name: str) -> bytes | None:
        """Return the content of an object; None where there is none."""
        with self.told(name):
            files, path = self._located(name)
            try:
                content: bytes = files.cat_file(path)
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                return None
            return content

    def remove(self, name: str) -> None:
        """Remove an object, if there is one."""
        with self.told(name):
            files, path = self._located(name)
            with suppress(FileNotFoundError):
                files.rm_file(path)

    def sha256s(self, names: Sequence[str], *, reread: bool) -> Iterator[str | None]:
        """Yield the SHA-256 of objects: as it was put with them, or read back where it was not."""
        files, root = self._located("")
        noted = "s3" in _protocols(files) and not reread

        def found(name: str) -> str | None:
            path = f"{root}/{name}"
            with self.told(name):
                try:
                    sha256: str | None = files.metadata(path).get("sha256") if noted else None
                    return sha256 or hashlib.sha256(files.cat_file(path)).hexdigest()
                except FileNotFoundError:
                    return None

        with ThreadPoolExecutor(_AT_ONCE) as several:
            yield from several.map(found, names)

    def names(self) -> Iterator[str]:
        """Yield the names of the objects there; those of S3 a page at a time, as there may be millions."""
        files, root = self._located("")
        page: dict[str, str] | None = {}
        while page is not None:
            with self.told(""):
                if "s3" in _protocols(files):
                    found, page = _listed(files, root, page)
                else:
                    found, page = files.ls(root, detail=False) if files.exists(root) else [], None
            yield from (path.rpartition("/")[2] for path in found)

    def upload(self, path: Path) -> None:
        """Put a file of any length under its own name."""
        with self.told(path.name):
            files, there = self._located(path.name)
            _put_whole(files, there, lambda place: files.put_file(str(path), place))

    def fetch(self, name: str, folder: Path) -> None:
        """Copy an object of any length to a folder, if there is one."""
        with self.told(name):
            files, path = self._located(name)
            try:
                files.get_file(path, str(folder / name))
            except FileNotFoundError as error:
                (folder / name).unlink(missing_ok=True)
                if _code(error) == "NoSuchBucket":
                    raise

    def _located(self, name: str) -> tuple[Any, str]:
        """Return the file system, and where in it the object of this name is."""
        import fsspec

        files, root = fsspec.core.url_to_fs(self.url, **OPTIONS)
        return files, f"{root}/{name}" if name else root

    @contextmanager
    def told(self, name: str) -> Iterator[None]:
        """Turn what the store or its driver raises, of many kinds, into a sentence without credentials."""
        place = self.place(name)
        try:
            yield
        except InputError:
            raise
        except FileNotFoundError as error:
            raise DestinationError(
                f"{place} cannot be written or read ({words(error)}): check the name of the bucket, which "
                "is not made here"
            ) from None
        except Exception as error:
            if isinstance(error, PermissionError) or type(error).__name__ in _NO_CREDENTIALS:
                raise DestinationError(
                    f"{place} refused the credentials ({words(error)}): give the right ones where the "
                    "store's own programs find them, as in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and "
                    "go on with --resume"
                ) from None
            raise DestinationError(
                f"{place} could not be reached, also when tried again ({words(error)}): check the network "
                "and the address, and go on with --resume"
            ) from None


_TAKEN: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
_NO_CREDENTIALS: Final = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "DefaultCredentialsError"}
)


def _protocols(files: Any) -> frozenset[str]:
    return frozenset([files.protocol] if isinstance(files.protocol, str) else files.protocol)


def _put_whole(files: Any, path: str, put: Callable[[str], object]) -> None:
    """Put at once where the store does, and under another name first where it does not."""
    if _protocols(files) & _WHOLE:
        put(path)
        return
    folder = path.rpartition("/")[0]
    part = f"{folder}/{PART.format(secrets.token_hex(8))}"
    files.makedirs(folder, exist_ok=True)
    try:
        put(part)
        files.mv(part, path)
    except BaseException:
        with suppress(Exception):  # what went wrong is told
            files.rm_file(part)
        raise


def _listed(files: Any, root: str, page: dict[str, str]) -> tuple[list[str], dict[str, str] | None]:
    """Return a page of the keys below a place in S3, and what to ask for the next page with."""
    bucket, key, _ = files.split_path(root)
    prefix = f"{key}/" if key else ""
    answer = files.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, Delimiter="/", **page)
    token = answer.get("NextContinuationToken")
    return [found["Key"] for found in answer.get("Contents", ())], {
        "ContinuationToken": token
    } if token else None


def _code(error: BaseException) -> str:
    """Return what S3 calls an error."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def words(error: BaseException) -> str:
    """Return what a driver says, on one line and without user and password of an address."""
    return _USER.sub("", " ".join(str(error).split())) or type(error).__name__
