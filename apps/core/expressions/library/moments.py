"""Reads, moves and writes points in time."""

import calendar
import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.values import Value

_Day = TypeVar("_Day", date, datetime)
_DATE_ONLY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}", re.ASCII)


def read(value: Value) -> date | datetime:
    """The date or the time that an ISO 8601 text means.

    Raises:
        ExpressionError: the text is no date.
    """
    text = expect.text(value, "a date", most=200).strip()
    try:
        if _DATE_ONLY.fullmatch(text):
            return date.fromisoformat(text)
        if text.isascii():
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise ExpressionError(
        f"{expect.shown(value)} is no ISO 8601 date such as 2024-02-29 or"
        " 2024-02-29T12:30:00Z; parse_date reads other forms"
    )


def read_instant(value: Value, zone: Value = None) -> datetime:
    """The aware time that a text means; UTC unless it or `zone` says otherwise."""
    moment = read(value)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001  # below
    known = None if zone is None else as_zone(zone)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=known or UTC)
    try:
        return moment.astimezone(known) if known else moment
    except OverflowError:
        raise ExpressionError("the date is out of reach") from None


def as_zone(name: Value) -> tzinfo:
    """The time zone of that name.

    Raises:
        ExpressionError: there is none.
    """
    text = expect.text(name, "a time zone", most=64)
    if not _ZONE_NAME.fullmatch(text):
        raise ExpressionError(f"there is no time zone {text!r}")
    return _zone(text)


@lru_cache(512)
def _zone(name: str) -> tzinfo:
    if name in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ExpressionError(
            f"there is no time zone {name!r}; they are called Europe/Berlin or UTC"
        ) from None


def add_calendar(start: _Day, years: int, months: int, days: int) -> _Day:
    """The same time on the clock, years, months and days later.

    Raises:
        OverflowError, ValueError: before year 1 or after year 9999.
    """
    month = start.year * 12 + start.month - 1 + years * 12 + months
    year, index = divmod(month, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(year)
    day = min(start.day, calendar.monthrange(year, index + 1)[1])
    return start.replace(year=year, month=index + 1, day=day) + timedelta(days=days)


def written(moment: datetime) -> str:
    """The time as ISO 8601 text; UTC is written Z."""
    text = moment.isoformat()
    return text.removesuffix("+00:00") + "Z" if moment.tzinfo is UTC else text
