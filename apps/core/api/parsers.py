"""Parsers of request bodies that refuse what the platform cannot hold."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import exceptions, parsers

from apps.core import documents, yaml_documents
from apps.core.types import Json

_MARKS = "rpa_marks"


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


def _checked(value: Json, context: Mapping[str, Any]) -> Json:
    if isinstance(value, dict) or getattr(context["view"], "takes_any_json", False):
        return value
    raise documents.invalid("The body must be an object.")


def _max_depth(context: Mapping[str, Any], default: int) -> int:
    return getattr(context["view"], "body_max_depth", default)


class GuardedJSONParser(parsers.BaseParser):
    """JSON without what breaks Python, PostgreSQL or the reader's trust.

    A view may set `body_max_depth` (64 otherwise) and `takes_any_json` (otherwise
    only objects are taken). An empty body is an empty object.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Json:
        context = parser_context or {}
        text = body_text(stream, media_type, context)
        depth = _max_depth(context, documents.MAX_DEPTH)
        value, marks = documents.load_json(text, max_depth=depth)
        setattr(context["request"], _MARKS, marks)
        return _checked(value, context)


class YAMLParser(parsers.BaseParser):
    """YAML as plain JSON values; errors carry line and column."""

    media_type = "application/yaml"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Json:
        context = parser_context or {}
        text = body_text(stream, media_type, context)
        depth = _max_depth(context, yaml_documents.MAX_DEPTH)
        value, marks = yaml_documents.load_yaml(text, max_depth=depth)
        setattr(context["request"], _MARKS, marks)
        return _checked(value, context)
