"""Files in any Django storage, such as an object store."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO, cast

from django.core.files import File
from django.core.files.storage import Storage

from apps.core.errors import TemporaryFailure
from apps.core.workspace.backend import Found
from apps.core.workspace.names import file_exists, file_not_found, is_allowed

_IN_MEMORY_BYTES = 4 * 1024 * 1024


class StoredFiles:
    """The files of a storage whose names begin with `name/`."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self._name = name

    def open(self, path: str) -> BinaryIO:
        """The file, open for reading."""
        try:
            return cast(BinaryIO, self._storage.open(self._key(path), "rb"))
        except FileNotFoundError:
            raise file_not_found(path) from None

    def stat(self, path: str) -> Found:
        """What is known of the file."""
        key = self._key(path)
        if not self._storage.exists(key):
            raise file_not_found(path)
        try:
            modified = self._storage.get_modified_time(key)
            return Found(path, self._storage.size(key), _aware(modified))
        except FileNotFoundError:
            raise file_not_found(path) from None

    def write(self, path: str, chunks: Iterable[bytes], *, overwrite: bool) -> int:
        """Put a file there, whole or not at all; gives its size."""
        key = self._key(path)
        if not overwrite and self._storage.exists(key):
            raise file_exists(path)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as content:
            size = 0
            for chunk in chunks:
                size += content.write(chunk)
            content.seek(0)
            if overwrite:
                self._storage.delete(key)
            saved = self._storage.save(key, File(content, name=key))
        if saved != key:  # another writer was first, so the storage chose a new name
            self._storage.delete(saved)
            message = f"The file {path!r} is being written by another step."
            raise TemporaryFailure(message, code="file_busy")
        return size

    def walk(self, folder: str, *, recursive: bool) -> Iterator[Found]:
        """The files of a folder in any order; none when there is no such folder."""
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            try:
                folders, names = self._storage.listdir(self._key(here))
            except (FileNotFoundError, NotADirectoryError):
                continue
            below = f"{here}/" if here else ""
            for name in filter(is_allowed, names):
                # A file that vanished since is none of the list.
                with contextlib.suppress(FileNotFoundError):
                    key = self._key(below + name)
                    modified = _aware(self._storage.get_modified_time(key))
                    yield Found(below + name, self._storage.size(key), modified)
            if recursive:
                waiting.extend(below + name for name in filter(is_allowed, folders))

    def delete(self, path: str) -> None:
        """Remove the file."""
        key = self._key(path)
        if not self._storage.exists(key):
            raise file_not_found(path)
        self._storage.delete(key)

    def _key(self, path: str) -> str:
        return f"{self._name}/{path}" if path else self._name


def _aware(moment: datetime) -> datetime:
    """In UTC; a storage gives naive times when the project uses no time zones."""
    return moment.astimezone(UTC)
