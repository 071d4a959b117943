"""Pages of a list, each found from where the last one ended."""

import base64
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from apps.core.errors import Invalid
from apps.core.text import did_you_mean, is_storable

DEFAULT_LIMIT, MAX_LIMIT, MAX_CURSOR = 50, 200, 1_000


def refused(name: str, message: str) -> Invalid:
    """The error for an unusable query parameter."""
    return Invalid(errors=[{"path": name, "message": message}], code="invalid_query")


class CursorPagination(BasePagination):
    """Pages as `{"results": […], "next": url|null}` in a fixed order.

    A view lists in `ordering_fields` what its callers may order by and gives in
    `ordering` what holds otherwise (`-id`: newest first). Only columns of the
    model work. Rows of equal value follow their key, so no row is skipped or
    shown twice while rows come and go.
    """

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any]:
        """The rows of the page that the request asks for.

        Raises:
            Invalid: unusable `limit`, `ordering` or `cursor`.
        """
        self.request = request
        self.ordering = _ordering(request.query_params, view)
        self.limit = page_limit(request.query_params)
        cursor = request.query_params.get("cursor")
        if cursor is not None:
            queryset = queryset.filter(_after(queryset, self.ordering, cursor))
        rows = list(queryset.order_by(*_sort(self.ordering))[: self.limit + 1])
        self.has_more = len(rows) > self.limit
        self.last = rows[: self.limit][-1] if self.has_more else None
        return rows[: self.limit]

    def get_paginated_response(self, data: Any) -> Response:
        """The page as an answer."""
        return Response({"results": data, "next": self._next()})

    def _next(self) -> str | None:
        if not self.has_more:
            return None
        cursor = _cursor(self.ordering, self.last)
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The OpenAPI schema of a page."""
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {"type": "string", "nullable": True, "format": "uri"},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The OpenAPI description of the query parameters."""
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}
        found = [_parameter("cursor", {"type": "string"}), _parameter("limit", limit)]
        if names := getattr(view, "ordering_fields", ()):
            values = [text for name in names for text in (name, f"-{name}")]
            found.append(_parameter("ordering", {"type": "string", "enum": values}))
        return found


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def page_limit(query: Mapping[str, str]) -> int:
    """How many rows the request asks for.

    Raises:
        Invalid: unusable `limit`.
    """
    text = query.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) < 5:
        limit = int(text)
        if 1 <= limit <= MAX_LIMIT:
            return limit
    raise refused("limit", f"must be a whole number from 1 to {MAX_LIMIT}")


def _ordering(query: Mapping[str, str], view: Any) -> str:
    allowed = getattr(view, "ordering_fields", None) or ()
    default: str = getattr(view, "ordering", None) or "-id"
    asked = query.get("ordering")
    if asked is None:
        return default
    if asked.removeprefix("-") in allowed:
        return asked
    known = ", ".join(allowed) or "nothing"
    near = did_you_mean(asked.removeprefix("-"), allowed)
    raise refused("ordering", f"this list can be ordered by {known}.{near}")


def _sort(ordering: str) -> list[Any]:
    name = ordering.removeprefix("-")
    if ordering.startswith("-"):
        return [F(name).desc(nulls_last=True), "-pk"]
    return [F(name).asc(nulls_last=True), "pk"]


def _cursor(ordering: str, row: Any) -> str:
    value = getattr(row, ordering.removeprefix("-"))
    if isinstance(value, date | datetime):
        value = value.isoformat()
    elif value is not None and not isinstance(value, int | float):
        value = str(value)
    text = json.dumps([ordering, value, str(row.pk)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, queryset: QuerySet[Any], ordering: str) -> tuple[Any, Any]:
    """The value and key of the row that ended the last page."""
    if len(cursor) > MAX_CURSOR or not cursor.isascii():
        raise ValueError(cursor)
    text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    if not is_storable(text) or "\\u" in text.lower():
        raise ValueError(cursor)
    made_for, value, key = json.loads(text)
    if made_for != ordering:
        raise ValueError(cursor)
    meta = queryset.model._meta
    column = meta.get_field(ordering.removeprefix("-"))
    if value is not None:
        value = column.to_python(value)
    return value, meta.pk.to_python(key)


def _after(queryset: QuerySet[Any], ordering: str, cursor: str) -> Q:
    """The condition for rows behind the one that the cursor names."""
    try:
        value, key = _read(cursor, queryset, ordering)
    except (
        *(ValueError, TypeError, RecursionError, OverflowError),
        *(ValidationError, FieldDoesNotExist),
    ) as error:
        raise refused("cursor", "is not one that this list gave") from error
    name = ordering.removeprefix("-")
    than = "lt" if ordering.startswith("-") else "gt"
    beyond = Q(**{f"pk__{than}": key})
    if value is None:
        return Q(**{f"{name}__isnull": True}) & beyond
    if name in ("id", "pk"):
        return beyond
    later = Q(**{f"{name}__{than}": value}) | Q(**{f"{name}__isnull": True})
    return later | (Q(**{name: value}) & beyond)
