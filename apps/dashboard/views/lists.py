"""Pages of long lists, by the cursors that the API uses."""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.request import Request

from apps.core.api.pagination import CursorPagination, page_limit, refused
from apps.dashboard.selectors.executions import Filter
from apps.executions.search import Found, search


@dataclass(frozen=True)
class _Order:
    ordering: str


@dataclass(frozen=True)
class ListPage:
    """The rows of a page, and how to come to the next.

    Attributes:
        is_cut: the rest was not looked at; the next page goes on there.
    """

    rows: list[Any]
    next: str
    is_first: bool
    is_cut: bool = False


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


def search_page(request: HttpRequest, wanted: Filter) -> ListPage:
    """The page of found executions that the request asks for.

    Raises:
        Invalid: unusable `limit` or `cursor`.
    """
    limit = page_limit(request.GET)
    found = search(wanted.wanted, before=_cursor(request), limit=limit)
    following = _next(request, wanted, found)
    is_first = "cursor" not in request.GET
    return ListPage(found.rows, following, is_first, is_cut=found.is_cut)


def _cursor(request: HttpRequest) -> uuid.UUID | None:
    text = request.GET.get("cursor")
    try:
        return None if text is None else uuid.UUID(text)
    except ValueError as error:
        raise refused("cursor", "is not one that this list gave") from error


def _next(request: HttpRequest, wanted: Filter, found: Found) -> str:
    if found.next is None:
        return ""
    kept = {"limit": request.GET["limit"]} if "limit" in request.GET else {}
    more = urlencode({**kept, "cursor": str(found.next)})
    return "?" + "&".join(filter(None, (wanted.query, more)))
