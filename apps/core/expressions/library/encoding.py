"""Filters that encode, decode, escape and digest texts."""

import base64
import binascii
import hashlib
import html
from urllib.parse import quote, unquote, urlencode

from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.operators import check_text_length
from apps.core.expressions.registry import as_filter
from apps.core.expressions.values import Value, check_size, text_of


@as_filter("escape", "e", "html")
def escape(value: Value) -> str:
    """The value as text that is safe inside HTML."""
    text = text_of(value)
    check_text_length(len(text))
    return html.escape(text)


@as_filter("urlencode")
def url_encode(value: Value) -> str:
    """A text for an address, or a mapping as a query string."""
    if isinstance(value, dict):
        check_size(value, max_bytes=256 * 1024)
        return urlencode({key: text_of(each) for key, each in value.items()})
    text = text_of(value)
    check_text_length(len(text) * 3)
    return quote(_encodable(text, "urlencode"), safe="")


@as_filter("urldecode")
def url_decode(value: Value) -> str:
    """The text that was encoded for an address."""
    return unquote(expect.text(value, "urldecode").replace("+", " "))


@as_filter("b64encode")
def b64_encode(value: Value) -> str:
    """The text (as UTF-8) in base64."""
    return base64.b64encode(_bytes(value, "b64encode")).decode()


@as_filter("b64decode")
def b64_decode(value: Value) -> str:
    """The text (as UTF-8) that was encoded in base64, the URL alphabet included."""
    text = expect.text(value, "b64decode").strip().rstrip("=")
    text = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True).decode()
    except UnicodeDecodeError:
        raise ExpressionError("b64decode: the bytes are no text in UTF-8") from None
    except (binascii.Error, ValueError):
        raise ExpressionError("b64decode: the text is no base64") from None


@as_filter("md5")
def md5(value: Value) -> str:
    """The MD5 digest of the text in hexadecimal; for checksums, not for secrets."""
    return hashlib.md5(_bytes(value, "md5"), usedforsecurity=False).hexdigest()


@as_filter("sha1")
def sha1(value: Value) -> str:
    """The SHA-1 digest of the text in hexadecimal; for checksums, not for secrets."""
    return hashlib.sha1(_bytes(value, "sha1"), usedforsecurity=False).hexdigest()


@as_filter("sha256")
def sha256(value: Value) -> str:
    """The SHA-256 digest of the text in hexadecimal."""
    return hashlib.sha256(_bytes(value, "sha256")).hexdigest()


def _bytes(value: Value, who: str) -> bytes:
    return _encodable(expect.text(value, who), who)


def _encodable(text: str, who: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ExpressionError(f"{who}: the text holds half a character") from None
