"""Sorts answers into success, "later may work" and "cannot work"."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Protocol

from apps.core.egress.origins import parse_origin
from apps.core.errors import PermanentFailure, TemporaryFailure

MAX_RETRY_AFTER_S = 24 * 3600.0
_TEMPORARY = frozenset({408, 425, 429})


class Answer(Protocol):
    """What is needed of a response to judge it."""

    @property
    def status(self) -> int: ...
    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


def raise_for_outcome(answer: Answer) -> None:
    """Pass when the status is below 400.

    The error's code is `http_<status>`; its details hold `status` and, where the
    server gave one, `retry_after` in seconds (at most a day). Its message names the
    server only, since paths and queries may hold secrets.

    Raises:
        TemporaryFailure: 408, 425, 429 or 5xx.
        PermanentFailure: any other status from 400 on.
    """
    status = answer.status
    if status < 400:
        return
    message = f"{parse_origin(answer.url)} answered {status}{_phrase(status)}."
    code = f"http_{status}"
    if status in _TEMPORARY or 500 <= status < 600:
        wait_s = retry_after(answer.headers)
        details = {} if wait_s is None else {"retry_after": wait_s}
        raise TemporaryFailure(message, code=code, status=status, **details)
    raise PermanentFailure(message, code=code, status=status)


def retry_after(
    headers: Mapping[str, str], now: datetime | None = None
) -> float | None:
    """Seconds the server asks to wait, between 0 and a day; None when it does not."""
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]+", value):
        # Long numbers are cut before they are read, which takes quadratic time.
        return MAX_RETRY_AFTER_S if len(value) > 9 else _bounded(float(value))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _bounded((aware - (now or datetime.now(UTC))).total_seconds())


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""
