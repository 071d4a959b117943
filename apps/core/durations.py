"""Durations as people write them: seconds, or `500ms`, `30s`, `5m`, `2h`, `1d`."""

import math
import re
from datetime import timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_TEXT = re.compile(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|m|h|d)?\s*", re.ASCII)
LONGEST = timedelta(days=366)


def parse_duration(value: object) -> timedelta:
    """The duration that `value` means.

    Raises:
        ValueError: no duration, negative, or above 366 days.
    """
    if isinstance(value, timedelta):
        return value
    number: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    elif isinstance(value, str) and (match := _TEXT.fullmatch(value)):
        number = float(match[1]) * _UNITS[match[2] or "s"]
    if number is None:
        raise ValueError("must be seconds, or a text such as 500ms, 30s, 5m or 2h")
    if not math.isfinite(number) or not 0 <= number <= LONGEST.total_seconds():
        raise ValueError("must be from 0 to 366 days")
    return timedelta(seconds=number)


def milliseconds(duration: timedelta) -> int:
    """Whole milliseconds, for fields ending `_ms`."""
    return round(duration.total_seconds() * 1000)
