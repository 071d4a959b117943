"""Finding executions over REST, by what no index knows."""

import uuid
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.pagination import page_limit, refused
from apps.executions.api.pages import answer_page
from apps.executions.api.serializers import ExecutionOutput
from apps.executions.labels import read_sought
from apps.executions.search import Wanted, search

# No index knows these: with them a list is looked through a part at a time.
_SOUGHT = frozenset(("label", "user", "shortest_ms", "longest_ms", "text"))
LABEL = OpenApiParameter(
    "label",
    str,
    many=True,
    description="`team:finance`, or `team` for any value. Of several, all are there.",
)


def sought_in(request: Request, sent: dict[str, Any]) -> Wanted:
    """What the query parameters look for.

    Args:
        sent: the parameters as read, of which labels are but the last.

    Raises:
        Invalid: a label that cannot be one.
    """
    return Wanted(
        statuses=tuple(sent.get("status", ())),
        workflow_id=sent.get("workflow"),
        trigger=sent.get("trigger", ""),
        user_id=sent.get("user"),
        since=sent.get("since"),
        until=sent.get("until"),
        shortest=_duration(sent.get("shortest_ms")),
        longest=_duration(sent.get("longest_ms")),
        labels=read_sought(request.query_params.getlist("label")),
        text=sent.get("text", ""),
    )


def _duration(ms: int | None) -> timedelta | None:
    return None if ms is None else timedelta(milliseconds=ms)


def is_search(request: Request) -> bool:
    """Whether the list is to be looked through from the newest on.

    The few that one execution has started are read at once, in any order.

    Raises:
        Invalid: it is, and another order is asked for.
    """
    query = request.query_params
    sought = sorted(_SOUGHT & {*query})
    if not sought or {"parent", "retry_of"} & {*query}:
        return False
    if query.get("ordering", "-id") != "-id":
        message = f"with {sought[0]} the list is in the order -id only"
        raise refused("ordering", message)
    return True


def found_page(wanted: Wanted, request: Request) -> Response:
    """One page of what is found; it may be short, or empty, and not the last.

    Raises:
        Invalid: unusable `limit` or `cursor`.
    """
    limit, cursor = page_limit(request.query_params), request.query_params.get("cursor")
    try:
        before = None if cursor is None else uuid.UUID(cursor)
    except ValueError as error:
        raise refused("cursor", "is not one that this list gave") from error
    found = search(wanted, before=before, limit=limit)
    shown = list(ExecutionOutput(found.rows, many=True).data)
    return answer_page(request, shown, None if found.next is None else str(found.next))
