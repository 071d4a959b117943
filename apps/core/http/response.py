"""What a call of the HTTP client brings back."""

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from apps.core.errors import PermanentFailure


class Hop(NamedTuple):
    """A redirect on the way to the answer."""

    status: int
    url: str


@dataclass(frozen=True)
class Response:
    """An answer, read to its end.

    Attributes:
        headers: names in any case; values of repeated headers joined by a comma.
        url: where the answer came from, after redirects, without user and password.
        elapsed_ms: from the call to the last byte, redirects included.
        history: the redirects that led here, oldest first.
    """

    status: int
    headers: CaseInsensitiveDict[str]
    content: bytes
    url: str
    elapsed_ms: int
    history: tuple[Hop, ...] = ()

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200-299."""
        return 200 <= self.status < 300

    @cached_property
    def text(self) -> str:
        """The content as text: by its declared charset or byte order mark, else UTF-8;
        bytes that do not fit are replaced."""
        return self.content.decode(_charset(self.headers, self.content), "replace")

    def json(self) -> Any:
        """The content read as JSON.

        Raises:
            PermanentFailure: `invalid_json`.
        """
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            message = "The answer is no valid JSON."
            details = {"status": self.status, "body": self.text[:500]}
            raise PermanentFailure(message, code="invalid_json", **details) from error


def _charset(headers: Mapping[str, str], content: bytes) -> str:
    if content.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # `requests` answers ISO-8859-1 for text without a charset, as HTTP once said.
    if "charset" not in headers.get("Content-Type", "").lower():
        return "utf-8"
    name = get_encoding_from_headers(CaseInsensitiveDict(headers)) or "utf-8"
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return "utf-8"
    return name if getattr(info, "_is_text_encoding", True) else "utf-8"
