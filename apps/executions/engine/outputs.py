"""Outputs as they are stored: JSON that PostgreSQL takes, bounded in size."""

import json
import zlib

from apps.core.errors import PermanentFailure
from apps.core.types import Json


class OutputTooLarge(PermanentFailure):
    """A step's output is above the limit."""

    code = "output_too_large"


class OutputNotJson(PermanentFailure):
    """A step returned something that is no JSON value."""

    code = "output_not_json"


def encode(output: Json, *, limit_bytes: int) -> tuple[Json, str]:
    """The output as later steps see it, and its JSON text.

    Both differ from what the step returned only where PostgreSQL cannot store it:
    NUL characters and lone surrogates become U+FFFD.

    Raises:
        OutputTooLarge: the text is above `limit_bytes`.
        OutputNotJson: it cannot be written as JSON.
    """
    text = _dump(output)
    if "\\u0000" in text or not _is_unicode(text):
        output = _clean(output)
        text = _dump(output)
    size = len(text) if text.isascii() else len(text.encode())
    if size > limit_bytes:
        raise OutputTooLarge(
            f"The output has {size:,} bytes; at most {limit_bytes:,} are kept. "
            "Write large results to a file (write_file) and hand on its path.",
            bytes=size,
        )
    return output, text


def _dump(value: Json) -> str:
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputNotJson(f"The output is no JSON value: {error}") from error


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(value: Json) -> Json:
    if isinstance(value, str):
        text = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        return (
            text.encode("utf-8", "replace").decode() if not _is_unicode(text) else text
        )
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def pack(text: str) -> bytes:
    """JSON text, compressed."""
    return zlib.compress(text.encode(), 3)


def unpack(packed: bytes) -> Json:
    """The value that `pack` was given the text of."""
    return json.loads(zlib.decompress(packed))
