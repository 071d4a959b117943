"""Parsers of request bodies that refuse what the platform cannot hold."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import exceptions, parsers

from apps.core import documents, yaml_documents
from apps.core.types import Json

_MARKS, _TEXT = "rpa_marks", "rpa_text"


def body_text(
    stream: IO[Any], media_type: str | None, context: Mapping[str, Any]
) -> str:
    """The request's body as text.

    Raises:
        RequestDataTooBig: it is larger than `API_BODY_MAX_BYTES`.
        Invalid: it is not UTF-8.
        UnsupportedMediaType: it is compressed or in another character set.
    """
    request = context["request"]
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    charset = str(context.get("encoding") or "utf-8").lower()
    if encoding not in ("", "identity"):
        raise exceptions.UnsupportedMediaType(
            media_type or "", "Compressed request bodies are not accepted."
        )
    limit = settings.API_BODY_MAX_BYTES
    if _declared_length(request) > limit:
        raise RequestDataTooBig
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise RequestDataTooBig
    try:
        return str(body, "utf-8")
    except UnicodeDecodeError as error:
        message = f"The body is not UTF-8 text (sent as {charset[:40]})."
        raise documents.invalid(message, code="not_utf8") from error


def _declared_length(request: Any) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH", 0))
    except ValueError:
        return 0


def marks_of(request: Any) -> documents.Marks:
    """Where the values of the request's body stand in the text that was sent."""
    marks: documents.Marks = getattr(request, _MARKS, {})
    return marks


def text_of(request: Any) -> str:
    """The text of the request's body; empty when it was not read."""
    text: str = getattr(request, _TEXT, "")
    return text


def _checked(value: Json, context: Mapping[str, Any]) -> Json:
    if isinstance(value, dict) or getattr(context["view"], "takes_any_json", False):
        return value
    raise documents.invalid("The body must be an object.")


class _GuardedParser(parsers.BaseParser, ABC):
    """Reads a body by a loader that gives the value and where its parts stand.

    A view may set `body_max_depth` (the loader's own limit otherwise) and
    `takes_any_json` (otherwise only objects are taken). An empty body is an empty
    object.
    """

    max_depth: int

    @abstractmethod
    def load(self, text: str, max_depth: int) -> tuple[Json, documents.Marks]:
        """The value of a body's text.

        Raises:
            Invalid: it cannot be read.
        """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Json:
        context = parser_context or {}
        text = body_text(stream, media_type, context)
        depth = getattr(context["view"], "body_max_depth", self.max_depth)
        value, marks = self.load(text, depth)
        setattr(context["request"], _MARKS, marks)
        setattr(context["request"], _TEXT, text)
        return _checked(value, context)


class GuardedJSONParser(_GuardedParser):
    """JSON without what breaks Python, PostgreSQL or the reader's trust."""

    media_type = "application/json"
    max_depth = documents.MAX_DEPTH

    def load(self, text: str, max_depth: int) -> tuple[Json, documents.Marks]:
        return documents.load_json(text, max_depth=max_depth)


class YAMLParser(_GuardedParser):
    """YAML as plain JSON values; errors carry line and column."""

    media_type = "application/yaml"
    max_depth = yaml_documents.MAX_DEPTH

    def load(self, text: str, max_depth: int) -> tuple[Json, documents.Marks]:
        return yaml_documents.load_yaml(text, max_depth=max_depth)
