"""What a workspace needs of the place where its files are."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import BinaryIO, NamedTuple, Protocol


class Found(NamedTuple):
    """A file and what is known without reading it.

    Attributes:
        path: within the organization's folder.
        modified_at: aware, in UTC.
    """

    path: str
    bytes: int
    modified_at: datetime


class Backend(Protocol):
    """The files below one folder; paths are checked already.

    Every method raises `file_not_found` for a file that is not there, but for those
    that say otherwise, and `bad_path` for what is no ordinary file.
    """

    def open(self, path: str) -> BinaryIO:
        """The file, open for reading."""

    def stat(self, path: str) -> Found:
        """What is known of the file."""

    def write(self, path: str, chunks: Iterable[bytes], *, overwrite: bool) -> int:
        """Put a file there, whole or not at all; gives its size.

        Raises:
            PermanentFailure: `file_exists`, and it must not be overwritten.
        """

    def walk(self, folder: str, *, recursive: bool) -> Iterator[Found]:
        """The files of a folder in any order; none when there is no such folder."""

    def delete(self, path: str) -> None:
        """Remove the file."""
