"""Pages of long lists, by the cursors that the API uses."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.request import Request

from apps.core.api.pagination import CursorPagination


@dataclass(frozen=True)
class _Order:
    ordering: str


@dataclass(frozen=True)
class ListPage:
    """The rows of a page, and how to come to the next."""

    rows: list[Any]
    next: str
    is_first: bool


def list_page(
    request: HttpRequest, queryset: QuerySet[Any], *, ordering: str
) -> ListPage:
    """The page of a list that the request asks for.

    Raises:
        Invalid: unusable `limit` or `cursor`.
    """
    paginator = CursorPagination()
    asked = Request(request)
    rows = paginator.paginate_queryset(queryset, asked, view=_Order(ordering))
    url = paginator.get_paginated_response(None).data["next"]
    following = f"?{urlsplit(url).query}" if url else ""
    return ListPage(rows, following, is_first="cursor" not in request.GET)
