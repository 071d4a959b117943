"""Whether a failed attempt is tried again, and after which pause."""

import random
from datetime import timedelta

from apps.core.types import JsonObject
from apps.workflows.definition.model import Retry


def pause_before_next(
    retry: Retry, attempt: int, error: JsonObject, *, entropy: random.Random
) -> timedelta | None:
    """The pause after `attempt` (from 1) failed, or None: it was the last.

    The pause is `delay * backoff^(attempt - 1)`, never above `max_delay`, and
    shorter by a random part of up to `jitter`. A server's Retry-After makes it
    longer, up to `max_delay`. Errors of the platform's own are never retried.
    """
    if attempt >= retry.max_attempts or not _matches(retry, error):
        return None
    limit = retry.max_delay.total_seconds()
    pause = min(_power(retry.backoff, attempt - 1, limit) * _seconds(retry), limit)
    pause *= 1 - retry.jitter * entropy.random()
    asked = error.get("retry_after")
    if isinstance(asked, int | float):
        pause = min(max(pause, float(asked)), limit)
    return timedelta(seconds=pause)


def _seconds(retry: Retry) -> float:
    return retry.delay.total_seconds()


def _power(base: float, exponent: int, limit: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return max(limit, 1.0)


def _matches(retry: Retry, error: JsonObject) -> bool:
    if error.get("kind") == "platform":
        return False
    names = {"any", str(error.get("code"))}
    if error.get("kind") == "timeout":
        names |= {"timeout", "temporary"}
    else:
        names.add("temporary" if error.get("temporary") else "permanent")
    return not names.isdisjoint(retry.on)
