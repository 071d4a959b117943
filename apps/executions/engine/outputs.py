"""Outputs as they are stored: JSON that PostgreSQL takes, bounded in size."""

import json
import math
import sys
import zlib
from collections.abc import Mapping
from json.encoder import encode_basestring

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject


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
    if text.isascii():
        size = len(text)
        is_clean = "\\u0000" not in text
    else:
        size, is_clean = _measure(text)
    if not is_clean:
        output = cleaned(output)
        text = _dump(output)
        size, _ = _measure(text)
    if size > limit_bytes:
        raise OutputTooLarge(
            f"The output has {size:,} bytes; at most {limit_bytes:,} are kept. "
            "Write large results to a file (write_file) and hand on its path.",
            bytes=size,
        )
    return output, text


def object_of(texts: Mapping[str, str]) -> str:
    """The JSON text of an object whose values are JSON texts already."""
    parts = (f"{_dump(name)}:{text}" for name, text in texts.items())
    return f"{{{','.join(parts)}}}"


def fit(values: JsonObject, *, limit_bytes: int) -> str:
    """`values` as a JSON object of at most about `limit_bytes`.

    What does not fit is replaced by `{"left_out": true, "bytes": …}`.
    """
    texts, left = {}, limit_bytes
    for name, value in values.items():
        _, text = encode(value, limit_bytes=sys.maxsize)
        size = len(text.encode())
        if size > left:
            text = _dump({"left_out": True, "bytes": size})
        left -= min(size, len(text))
        texts[name] = text
    return object_of(texts)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _dump(value: Json) -> str:
    try:
        # The usual small values need no encoder to be set up.
        if type(value) is str:
            return encode_basestring(value)
        if type(value) is int:
            return repr(value)
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputNotJson(f"The output is no JSON value: {error}") from error


def _measure(text: str) -> tuple[int, bool]:
    """The size in bytes, and whether PostgreSQL takes it as it is."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return 0, False
    return size, "\\u0000" not in text


def cleaned(value: Json) -> Json:
    """`value` with U+FFFD for what PostgreSQL cannot store."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in value]
    if isinstance(value, dict):
        return {
            clean_text(key) if isinstance(key, str) else key: cleaned(item)
            for key, item in value.items()
        }
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def clean_text(text: str) -> str:
    """`text` with U+FFFD for NUL and for lone halves of surrogate pairs."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def pack(text: str) -> bytes:
    """JSON text, compressed."""
    return zlib.compress(text.encode(), 3)


def unpack(packed: bytes) -> Json:
    """The value that `pack` was given the text of."""
    return json.loads(zlib.decompress(packed))


def text_of(value: Json) -> str:
    """A stored value as JSON text again."""
    return _dump(value)
