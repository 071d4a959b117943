"""A response's body: decoded piece by piece, never more than the limit in memory."""

import zlib
from collections.abc import Callable, Iterator
from http.client import HTTPResponse, IncompleteRead

from apps.core.errors import PermanentFailure
from apps.core.http.failures import as_failure
from apps.core.http.limits import Limits

PIECE_BYTES = 64 * 1024
MAX_CODINGS = 3
_AUTO_DETECT = zlib.MAX_WBITS | 32  # gzip or zlib, by the first bytes
_RAW_DEFLATE = -zlib.MAX_WBITS  # what some servers send and call "deflate"


class Inflater:
    """Undoes gzip and deflate; a bomb comes out in small pieces, not at once."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_AUTO_DETECT)
        self._has_begun = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` unpacks to.

        Raises:
            PermanentFailure: `bad_response`, the data is damaged.
        """
        while data:
            if self._stream.eof:  # another gzip member follows
                self._stream = zlib.decompressobj(_AUTO_DETECT)
            piece = self._unpack(data)
            data = self._stream.unused_data or self._stream.unconsumed_tail
            if piece:
                yield piece

    def finish(self) -> None:
        """Check that the end was reached.

        Raises:
            PermanentFailure: `bad_response`, something is missing.
        """
        if self._has_begun and not self._stream.eof:
            raise _damaged("The compressed answer ends too early.")

    def _unpack(self, data: bytes) -> bytes:
        is_first, self._has_begun = not self._has_begun, True
        try:
            return self._stream.decompress(data, PIECE_BYTES)
        except zlib.error as error:
            if not is_first:
                raise _damaged("The compressed answer is damaged.") from error
        self._stream = zlib.decompressobj(_RAW_DEFLATE)
        return self._unpack(data)


class Body:
    """The body of one exchange, as `requests.Response.raw` wants it.

    Args:
        finish: called once, with True when the connection can carry more requests.
    """

    def __init__(
        self, answer: HTTPResponse, limits: Limits, finish: Callable[[bool], None]
    ) -> None:
        self._original_response = answer  # `requests` looks for cookies here
        self._answer, self._limits, self._finish = answer, limits, finish
        self._is_open = True
        self._decoded = 0
        self._pieces = self._decode()
        self._rest = b""

    def stream(self, _size: int = 0, decode_content: bool = True) -> Iterator[bytes]:
        """The decoded body in pieces of up to 64 KiB."""
        if self._rest:
            yield self._rest
        yield from self._pieces

    def read(self, size: int | None = None, **_options: object) -> bytes:
        """The next `size` decoded bytes, fewer at the end; all without `size`."""
        while size is None or len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest += piece
        cut = len(self._rest) if size is None else size
        result, self._rest = self._rest[:cut], self._rest[cut:]
        return result

    def close(self) -> None:
        """Give the connection up when the body was not read to its end."""
        self._end(is_reusable=False)

    def _decode(self) -> Iterator[bytes]:
        try:
            codings = self._codings()
            pieces = self._received()
            for coding in codings:
                pieces = _inflated(coding, pieces)
            for piece in pieces:
                self._decoded += len(piece)
                self._check_size(self._decoded)
                yield piece
        except (OSError, IncompleteRead) as error:
            raise as_failure(error, self._limits.deadline) from error
        finally:
            self._end(is_reusable=False)

    def _received(self) -> Iterator[bytes]:
        if (length := self._answer.length) is not None:
            self._check_size(length)
        while data := self._answer.read1(PIECE_BYTES):
            yield data
        if self._answer.length:
            raise IncompleteRead(b"", self._answer.length)
        self._end(is_reusable=not self._answer.will_close)

    def _check_size(self, size: int) -> None:
        if size > self._limits.max_bytes:
            limit = self._limits.max_bytes
            message = f"The answer is larger than {limit} bytes."
            raise PermanentFailure(message, code="response_too_large", limit=limit)

    def _codings(self) -> list[Inflater]:
        named = self._answer.headers.get_all("Content-Encoding") or []
        names = [name.strip().lower() for name in ",".join(named).split(",")]
        wanted = [name for name in names if name not in ("", "identity")]
        strange = [name for name in wanted if name.removeprefix("x-") not in _KNOWN]
        if strange or len(wanted) > MAX_CODINGS:
            shown = ", ".join(strange or wanted)[:80]
            raise _damaged(f"The answer is compressed in a way not asked for: {shown}.")
        return [Inflater() for _ in wanted]

    def _end(self, *, is_reusable: bool) -> None:
        if self._is_open:
            self._is_open = False
            self._answer.close()
            self._finish(is_reusable)


_KNOWN = frozenset({"gzip", "deflate"})


def _inflated(coding: Inflater, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from coding.pieces(piece)
    coding.finish()


def _damaged(message: str) -> PermanentFailure:
    return PermanentFailure(message, code="bad_response")
