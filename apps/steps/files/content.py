"""What the steps that read and write files have in common."""

import codecs
import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated, BinaryIO

from pydantic import AfterValidator, Field, StringConstraints

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.types import JsonObject
from apps.core.workspace import checked_folder, checked_path
from apps.steps.context import StepContext

_PIECE_BYTES = 256 * 1024


def _path(path: str) -> str:
    try:
        return checked_path(path)
    except PermanentFailure as error:
        raise ValueError(str(error)) from error


def _folder(path: str) -> str:
    try:
        return checked_folder(path)
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


def known_encoding(name: str) -> str:
    """The name, which may also be `auto`.

    Raises:
        ValueError: there is no such encoding of text.
    """
    return name if name == "auto" else _encoding(name)


FilePath = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_path)]
# The empty text is the workspace itself.
Folder = Annotated[str, AfterValidator(_folder)]
Encoding = Annotated[str, StringConstraints(max_length=40), AfterValidator(_encoding)]


def path_field() -> str:
    """The param `path` of a file."""
    field: str = Field(description="File in the workspace, such as `in/orders.csv`.")
    return field


def keep(
    ctx: StepContext, path: str, file: BinaryIO, *, overwrite: bool = True
) -> JsonObject:
    """Put what is left of an open file into the workspace.

    Returns: `{path, bytes, sha256}`.
    """
    digest = Digest()
    pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
    size = ctx.files.write_stream(path, digest.over(pieces), overwrite)
    return {"path": path, "bytes": size, "sha256": digest.sha256}


def require_unchanged(ctx: StepContext, path: str, before: JsonObject | None) -> None:
    """Pass when nobody wrote the file since `before` was asked of the workspace.

    Args:
        before: what `stat` gave; None when there was no file.

    Raises:
        TemporaryFailure: `file_changed`.
    """
    now = ctx.files.stat(path) if ctx.files.exists(path) else None
    if now != before:
        raise TemporaryFailure(
            f"The file {path!r} was changed by another step meanwhile.",
            code="file_changed",
        )


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
