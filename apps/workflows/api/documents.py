"""Reading a definition from a request, and giving its errors their lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework.request import Request

from apps.core.api.parsers import GuardedJSONParser, YAMLParser, marks_of, text_of
from apps.core.api.views import ApiView
from apps.core.errors import Invalid
from apps.workflows.definition.marks import with_lines
from apps.workflows.definition.shape import MOST_JSON_LEVELS


class YAMLParserByOtherName(YAMLParser):
    """YAML under the name that it had before RFC 9512."""

    media_type = "application/x-yaml"


class DocumentView(ApiView):
    """Takes JSON with a definition in it, or the definition itself as YAML."""

    parser_classes = [GuardedJSONParser, YAMLParser, YAMLParserByOtherName]
    # The definition may stand one level down, in `definition`.
    body_max_depth = MOST_JSON_LEVELS + 1

    def sent(self, kind: Any) -> dict[str, Any]:
        """The request's body as `kind` reads it; YAML is its `definition`."""
        if is_yaml(self.request):
            return {"definition": self.request.data}
        return self.body(kind)

    def source(self) -> str:
        """The YAML text that was sent; empty when it was JSON."""
        return text_of(self.request) if is_yaml(self.request) else ""

    @contextmanager
    def lines(self) -> Iterator[None]:
        """Errors that pass say at which line of the YAML they are."""
        try:
            yield
        except Invalid as error:
            if is_yaml(self.request):
                with_lines(error, marks_of(self.request))
            raise


def is_yaml(request: Request) -> bool:
    """Whether the body was sent as YAML."""
    media_type = (request.content_type or "").partition(";")[0].strip().lower()
    return media_type in (YAMLParser.media_type, YAMLParserByOtherName.media_type)
