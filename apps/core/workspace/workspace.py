"""What steps and the API do with an organization's files."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.core.files.storage import FileSystemStorage, Storage

from apps.core.errors import PermanentFailure
from apps.core.types import JsonObject
from apps.core.workspace.backend import Backend, Found
from apps.core.workspace.local import LocalFiles
from apps.core.workspace.names import (
    checked_folder,
    checked_path,
    file_too_large,
)
from apps.core.workspace.remote import StoredFiles

MAX_LISTED = 10_000
MAX_LOOKED_AT = 200_000
MAX_PATTERN = 200
_PIECE_BYTES = 256 * 1024


class Workspace:
    """The files of one organization; no path leads to those of another.

    Every method raises PermanentFailure with code `bad_path`, `file_not_found`,
    `file_exists` or `file_too_large`, and TemporaryFailure when storage is full.

    Args:
        storage: where the files are, each below `<organization_id>/`.
        max_bytes: of one file, written or read.
    """

    def __init__(
        self, storage: Storage, organization_id: UUID | str, *, max_bytes: int
    ) -> None:
        self.max_bytes = max_bytes
        name = checked_path(str(organization_id))
        self._backend: Backend = (
            LocalFiles(str(storage.location), name)
            if isinstance(storage, FileSystemStorage)
            else StoredFiles(storage, name)
        )

    def open_read(self, path: str) -> BinaryIO:
        """The file, open for reading; the caller closes it."""
        return self._backend.open(checked_path(path))

    def read_pieces(self, path: str, max_bytes: int | None = None) -> Iterator[bytes]:
        """The content piece by piece, never more than `max_bytes`."""
        limit = self.max_bytes if max_bytes is None else max_bytes
        left = limit
        with self.open_read(path) as file:
            while piece := file.read(_PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    raise file_too_large(path, limit)
                yield piece

    def read_bytes(self, path: str, max_bytes: int | None = None) -> bytes:
        """The content; a file that grows meanwhile is cut off by the limit too."""
        return b"".join(self.read_pieces(path, max_bytes))

    def read_text(
        self, path: str, encoding: str = "utf-8", max_bytes: int | None = None
    ) -> str:
        """The content as text.

        Raises:
            PermanentFailure: also `bad_encoding`.
        """
        content = self.read_bytes(path, max_bytes)
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            message = f"The file {path!r} is no {encoding[:40]} text: {error}."
            raise PermanentFailure(message, code="bad_encoding") from error

    def write_bytes(self, path: str, data: bytes, overwrite: bool = True) -> int:
        """Write a file, whole or not at all; gives its size."""
        return self.write_stream(path, [data], overwrite)

    def write_stream(
        self, path: str, chunks: Iterable[bytes], overwrite: bool = True
    ) -> int:
        """Like `write_bytes`, for content that is too large for memory."""
        path = checked_path(path)
        bounded = self._bounded(path, chunks)
        return self._backend.write(path, bounded, overwrite=overwrite)

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        try:
            self.stat(path)
        except PermanentFailure as error:
            if error.code == "file_not_found":
                return False
            raise
        return True

    def stat(self, path: str) -> JsonObject:
        """`{path, bytes, modified_at}`; the time is ISO 8601 in UTC."""
        return _shown(self._backend.stat(checked_path(path)))

    def list(
        self, prefix: str = "", pattern: str = "*", recursive: bool = False
    ) -> "list[JsonObject]":
        """The files of a folder, by path; folders themselves are not listed.

        Args:
            prefix: the folder; empty for the whole workspace.
            pattern: `*`, `?` and `[…]` over the name, or with a `/` over the path
                below the folder.

        Raises:
            PermanentFailure: also `too_many_files`.
        """
        folder = checked_folder(prefix)
        if len(pattern) > MAX_PATTERN:
            raise PermanentFailure("The pattern is too long.", code="bad_pattern")
        walk = _limited(self._backend.walk(folder, recursive=recursive))
        matches = (found for found in walk if _matches(found.path, folder, pattern))
        chosen = list(islice(matches, MAX_LISTED + 1))
        if len(chosen) > MAX_LISTED:
            raise _too_many(MAX_LISTED)
        return [_shown(found) for found in sorted(chosen)]

    def delete(self, path: str, missing_ok: bool = False) -> bool:
        """Remove a file; gives whether there was one."""
        try:
            self._backend.delete(checked_path(path))
        except PermanentFailure as error:
            if missing_ok and error.code == "file_not_found":
                return False
            raise
        return True

    @contextlib.contextmanager
    def local_copy(self, path: str) -> Iterator[Path]:
        """A copy on this machine's disk for libraries that want a real path.

        It has the file's own name and is gone at the end of the block.
        """
        path = checked_path(path)
        with tempfile.TemporaryDirectory(prefix="rpa-file-") as folder:
            copy = Path(folder, path.rsplit("/", 1)[-1])
            with copy.open("xb") as target:
                target.writelines(self.read_pieces(path))
            yield copy

    def _bounded(self, path: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        left = self.max_bytes
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise file_too_large(path, self.max_bytes)
            yield chunk


def _limited(walk: Iterator[Found]) -> Iterator[Found]:
    for count, found in enumerate(walk):
        if count >= MAX_LOOKED_AT:
            raise _too_many(MAX_LOOKED_AT)
        yield found


def _too_many(limit: int) -> PermanentFailure:
    message = f"There are more than {limit} files: name a folder or a narrower pattern."
    return PermanentFailure(message, code="too_many_files", limit=limit)


def _matches(path: str, folder: str, pattern: str) -> bool:
    below = path[len(folder) + 1 :] if folder else path
    name = below if "/" in pattern else below.rsplit("/", 1)[-1]
    return fnmatchcase(name, pattern)


def _shown(found: Found) -> JsonObject:
    return {
        "path": found.path,
        "bytes": found.bytes,
        "modified_at": found.modified_at.isoformat().replace("+00:00", "Z"),
    }
