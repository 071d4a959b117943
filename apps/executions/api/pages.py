"""Pages of what has no single key: steps by position, files by path."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from apps.core.api.pagination import page_limit, refused
from apps.core.types import Json, JsonObject
from apps.executions import selectors
from apps.executions.api.serializers import StepOutput
from apps.executions.models import StepRecord

# One output alone may have 16 MiB, so a page of steps ends early when it has more.
MAX_PAGE_BYTES = 16 * 1024 * 1024


def step_page(rows: QuerySet[StepRecord], request: Request) -> Response:
    """One page of steps, in the order in which they were reached.

    Raises:
        Invalid: unusable `limit` or `cursor`.
    """
    limit = page_limit(request.query_params)
    after = request.query_params.get("cursor")
    if after is not None:
        rows = rows.filter(position__gt=_position(after))
    shown: list[Any] = []
    size = 0
    context = {"evidence": _evidence(rows[:limit])}
    for record in rows[: limit + 1].iterator(chunk_size=20):
        if len(shown) == limit or size >= MAX_PAGE_BYTES:
            return answer_page(request, shown, str(shown[-1]["position"]))
        shown.append(StepOutput(record, context=context).data)
        size += _size(record, shown[-1]["output"])
    return answer_page(request, shown, None)


def _evidence(rows: QuerySet[StepRecord]) -> selectors.Evidence:
    keys = list(rows.values_list("execution_id", "path"))
    return selectors.evidence_of(keys[0][0], [path for _, path in keys]) if keys else {}


def _size(record: StepRecord, output: Json) -> int:
    # Only outputs that were too large for their row are worth being measured.
    return 0 if record.output_packed is None else len(json.dumps(output))


def _position(cursor: str) -> int:
    if cursor.isascii() and cursor.isdigit() and len(cursor) < 10:
        return int(cursor)
    raise refused("cursor", "is not one that this list gave")


def file_page(files: Sequence[JsonObject], request: Request) -> Response:
    """One page of files, which are ordered by path.

    Raises:
        Invalid: unusable `limit` or `cursor`.
    """
    limit = page_limit(request.query_params)
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        after = _path(cursor)
        files = [file for file in files if file["path"] > after]
    shown = list(files[:limit])
    more = len(files) > limit
    return answer_page(request, shown, _cursor(shown[-1]["path"]) if more else None)


def _cursor(path: str) -> str:
    return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


def _path(cursor: str) -> str:
    try:
        path = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        raise refused("cursor", "is not one that this list gave") from error
    if _cursor(path) != cursor:
        raise refused("cursor", "is not one that this list gave")
    return path


def answer_page(request: Request, shown: list[Any], cursor: str | None) -> Response:
    """These rows, and the address of the page that begins at the cursor."""
    url = request.build_absolute_uri()
    following = None if cursor is None else replace_query_param(url, "cursor", cursor)
    return Response({"results": shown, "next": following})
