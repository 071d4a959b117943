"""What the steps that read and write files have in common."""

import codecs
import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from apps.core.errors import PermanentFailure
from apps.core.workspace import checked_path


def _path(path: str) -> str:
    try:
        return checked_path(path)
    except PermanentFailure as error:
        raise ValueError(str(error)) from error


def _encoding(name: str) -> str:
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        info = None
    # `rot13` and `zip` are codecs too, but not between text and bytes.
    if info is None or not getattr(info, "_is_text_encoding", True):
        raise ValueError("is no encoding that is known here, such as utf-8 or cp1252")
    return name


FilePath = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_path)]
Encoding = Annotated[str, StringConstraints(max_length=40), AfterValidator(_encoding)]


def path_field() -> str:
    """The param `path` of a file."""
    field: str = Field(description="File in the workspace, such as `in/orders.csv`.")
    return field


class Digest:
    """Passes content through and keeps its SHA-256."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of all that was passed through, as hexadecimal digits."""
        return self._hash.hexdigest()

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks."""
        for chunk in chunks:
            self._hash.update(chunk)
            yield chunk
