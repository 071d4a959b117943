"""`POST /hooks/<token>`: a workflow's own URL, as an ASGI application.

It stands beside Django's request handling and not in it: outside systems call it
often, it needs neither session nor page, and a call that waits must hold no thread.
"""

import asyncio
import json
import logging
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.db import DatabaseError, connection

from apps.core.api import problems
from apps.core.documents import invalid
from apps.core.errors import RpaError, TooLarge, Unavailable
from apps.core.types import Json
from apps.executions.inbound.accepting import Accepted, accept
from apps.executions.inbound.calls import read_call
from apps.executions.inbound.waiting import Ended, waiting

log = logging.getLogger(__name__)

PREFIX = "/hooks/"
# The work is short, and mostly Python's: more threads would only take turns.
_THREADS = 4
_MOST_AT_ONCE = 2_000
_IDLE_S = 1.0
_YES, _NO = frozenset({"", "1", "true", "yes"}), frozenset({"0", "false", "no"})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="hooks")
_under_way = 0


class MethodNotAllowed(RpaError):
    """Hooks are called by POST."""

    code = "method_not_allowed"
    http_status = 405


class _Left(Exception):
    """The caller has gone."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with a JSON body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


async def hooks(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application for everything below `/hooks/`."""
    global _under_way
    _under_way += 1
    try:
        answer = await _answer(scope, receive)
    except _Left:
        return
    except Exception as error:
        answer = _problem(error)
    finally:
        _under_way -= 1
    await _send(answer, send)


async def _answer(scope: Scope, receive: Receive) -> Answer:
    token = scope["path"].removeprefix(PREFIX)
    if scope["method"] != "POST":
        raise MethodNotAllowed("Hooks are called by POST.")
    if _under_way > _MOST_AT_ONCE:
        raise Unavailable("Too many calls at once.", retry_after_s=1)
    query: bytes = scope["query_string"]
    seconds = _patience(query)
    headers = scope["headers"]
    body = await _body(headers, receive)
    if seconds is None:
        accepted = await _accepted(token, headers, query, body, is_awaited=False)
        return _started(accepted.execution_id)
    waits = waiting()
    await waits.ready()
    accepted = await _accepted(token, headers, query, body, is_awaited=True)
    ended = await waits.ended(
        accepted.execution_id,
        seconds,
        give_up=_gone(receive),
        look=accepted.may_have_ended,
    )
    return (
        _started(accepted.execution_id)
        if ended is None
        else _result(accepted.execution_id, ended)
    )


def _patience(query: bytes) -> float | None:
    """How long the caller waits for the end, in seconds; None: not at all.

    Raises:
        Invalid: what it says of that cannot be read.
    """
    if b"wait" not in query:
        return None
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    wait = given.get("wait", ["false"])[-1].lower()
    if wait in _NO:
        return None
    if wait not in _YES:
        raise _refused("wait", "must be true or false")
    longest = settings.HOOK_WAIT_MAX.total_seconds()
    if "timeout" not in given:
        return min(float(settings.HOOK_WAIT.total_seconds()), longest)
    text = given["timeout"][-1]
    is_number = text.isascii() and text.isdigit() and len(text) < 5
    if is_number and 1 <= int(text) <= longest:
        return float(text)
    raise _refused("timeout", f"must be a whole number of seconds up to {longest:g}")


def _refused(name: str, message: str) -> RpaError:
    return invalid(message, (name,), code="invalid_query")


async def _body(headers: list[tuple[bytes, bytes]], receive: Receive) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it is larger than `HOOK_BODY_MAX_BYTES`.
    """
    limit = settings.HOOK_BODY_MAX_BYTES
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise _too_large(limit)
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Left
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes.", max_bytes=limit)


async def _gone(receive: Receive) -> None:
    """Return when the caller has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


# --- in a thread ------------------------------------------------------------------


async def _accepted(
    token: str,
    headers: list[tuple[bytes, bytes]],
    query: bytes,
    body: bytes,
    *,
    is_awaited: bool,
) -> Accepted:
    work = partial(_accept, token, headers, query, body, is_awaited)
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


_used = threading.local()


def _accept(
    token: str,
    headers: list[tuple[bytes, bytes]],
    query: bytes,
    body: bytes,
    is_awaited: bool,
) -> Accepted:
    call = read_call("POST", headers, query, body)
    key = next((v for name, v in headers if name == b"idempotency-key"), None)
    _check_connection()
    try:
        return accept(
            token,
            call,
            key=None if key is None else key.decode("latin-1"),
            is_awaited=is_awaited,
        )
    except DatabaseError:
        connection.close()
        raise


def _check_connection() -> None:
    """Ask a connection that was idle whether it still works, and no other one.

    It stays this thread's own from one call to the next.
    """
    now = time.monotonic()
    if now - getattr(_used, "at", 0.0) > _IDLE_S:
        connection.health_check_done = False  # type: ignore[attr-defined]  # Django's
    _used.at = now


# --- answers ----------------------------------------------------------------------


def _started(execution_id: uuid.UUID) -> Answer:
    headers = {"Location": f"/api/executions/{execution_id}"}
    return Answer(202, b'{"id":"%s"}' % str(execution_id).encode(), headers)


def _result(execution_id: uuid.UUID, ended: Ended) -> Answer:
    body = (
        f'{{"id":"{execution_id}","status":"{ended.status}",'
        f'"outputs":{ended.outputs},"error":{ended.error}}}'
    )
    return Answer(200, body.encode())


def _problem(error: Exception) -> Answer:
    response = problems.exception_handler(error, {})
    if response is None:
        # The token stands in the address, which so must not be logged.
        log.error("hook crashed", exc_info=error)
        detail = "Something went wrong on our side. It has been logged."
        body: Json = problems.problem(500, detail, code="internal_error")
        return Answer(500, json.dumps(body).encode(), {}, problems.CONTENT_TYPE)
    headers = {
        name: response[name]
        for name in ("Retry-After", "Allow")
        if response.has_header(name)
    }
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = "POST"
    text = json.dumps(response.data)
    return Answer(response.status_code, text.encode(), headers, problems.CONTENT_TYPE)


async def _send(answer: Answer, send: Send) -> None:
    headers = {
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **answer.headers,
    }
    raw = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
    start = {"type": "http.response.start", "status": answer.status, "headers": raw}
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})
