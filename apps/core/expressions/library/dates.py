"""Functions and filters over dates. A date is ISO 8601 text, with or without a time."""

import re
from datetime import UTC, date, datetime, timedelta

from apps.core.expressions.errors import ExpressionError
from apps.core.expressions.library import expect
from apps.core.expressions.library.moments import (
    add_calendar,
    as_zone,
    read,
    read_instant,
    written,
)
from apps.core.expressions.registry import as_filter, function
from apps.core.expressions.scope import Scope
from apps.core.expressions.values import Value

_SECONDS = {
    "milliseconds": 0.001, "seconds": 1, "minutes": 60, "hours": 3600,
    "days": 86_400, "weeks": 604_800,
}  # fmt: skip
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_KNOWN_DIRECTIVES = frozenset("YmdHMSfzZaAbBjpIyUWVGu%")
_FARTHEST = 1_000_000_000


@function("now", needs_scope=True)
def now(scope: Scope, zone: Value = None) -> str:
    """The time of this moment in UTC, or in a time zone such as 'Europe/Berlin'."""
    moment = scope.clock().astimezone(UTC)
    return written(moment if zone is None else moment.astimezone(as_zone(zone)))


@function("today", needs_scope=True)
def today(scope: Scope, zone: Value = "UTC") -> str:
    """The date of today in a time zone, e.g. 2024-02-29."""
    return scope.clock().astimezone(as_zone(zone)).date().isoformat()


@function("date_add")
@as_filter("date_add")
def date_add(
    value: Value,
    *,
    years: Value = 0,
    months: Value = 0,
    weeks: Value = 0,
    days: Value = 0,
    hours: Value = 0,
    minutes: Value = 0,
    seconds: Value = 0,
    zone: Value = None,
) -> str:
    """The date moved by named amounts, e.g. date_add(days=3, hours=-1).

    Days and longer units keep the time on the clock in `zone`; January 31 and one
    month is the last day of February.
    """
    moment = read(value)
    calendar = (_amount(years), _amount(months), _amount(weeks) * 7 + _amount(days))
    exact = timedelta(
        hours=_amount(hours), minutes=_amount(minutes), seconds=_amount(seconds)
    )
    try:
        if not isinstance(moment, datetime) and not exact and zone is None:
            return add_calendar(moment, *calendar).isoformat()
        start = read_instant(value, zone)
        moved = add_calendar(start, *calendar).astimezone(UTC) + exact
        return written(moved.astimezone(start.tzinfo))
    except (OverflowError, ValueError):
        raise ExpressionError("date_add: the date is out of reach") from None


@function("date_diff")
@as_filter("date_diff")
def date_diff(start: Value, end: Value, unit: Value = "days") -> int | float:
    """The time from start to end in a unit: milliseconds, seconds … weeks."""
    if not isinstance(unit, str) or unit not in _SECONDS:
        raise ExpressionError(f"date_diff: the unit is one of {', '.join(_SECONDS)}")
    passed = read_instant(end) - read_instant(start)
    amount = passed / timedelta(seconds=_SECONDS[unit])
    return int(amount) if amount.is_integer() else amount


@function("format_date")
@as_filter("format_date", "date")
def format_date(value: Value, format: Value = "%Y-%m-%d", zone: Value = None) -> str:
    """The date as text by strftime codes, e.g. '%d.%m.%Y %H:%M', in a time zone."""
    pattern = _checked_format(format)
    moment = read_instant(value)
    if zone is not None:
        moment = moment.astimezone(as_zone(zone))
    try:
        return moment.strftime(pattern)
    except ValueError:
        raise ExpressionError("format_date: the format is not valid") from None


@function("parse_date")
@as_filter("parse_date")
def parse_date(value: Value, format: Value = None, zone: Value = "UTC") -> str:
    """The ISO 8601 date and time of a text, read by strptime codes if given."""
    if format is None:
        return written(read_instant(value, zone))
    text = expect.text(value, "parse_date", most=200)
    pattern = _checked_format(format)
    if len(set(_DIRECTIVE.findall(pattern)) - {"%"}) != len(
        [code for code in _DIRECTIVE.findall(pattern) if code != "%"]
    ):
        raise ExpressionError("parse_date: a code stands twice in the format")
    try:
        found = datetime.strptime(text, pattern)  # noqa: DTZ007  # zone added below
    except (ValueError, re.error):
        raise ExpressionError(
            f"parse_date: {expect.shown(text)} does not fit {pattern!r}"
        ) from None
    return written(found if found.tzinfo else found.replace(tzinfo=as_zone(zone)))


@function("timestamp")
@as_filter("timestamp")
def timestamp(value: Value) -> int | float:
    """The seconds from 1970-01-01 UTC to a date."""
    seconds = read_instant(value).timestamp()
    return int(seconds) if seconds.is_integer() else seconds


@function("from_timestamp")
@as_filter("from_timestamp")
def from_timestamp(value: Value) -> str:
    """The date that many seconds after 1970-01-01 UTC."""
    seconds = expect.number(value, "from_timestamp")
    try:
        return written(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
    except OverflowError:
        raise ExpressionError("from_timestamp: the date is out of reach") from None


@function("start_of")
@as_filter("start_of")
def start_of(value: Value, unit: Value, zone: Value = None) -> str:
    """The beginning of the day, week (Monday), month or year of a date."""
    moment = read(value)
    is_time = isinstance(moment, datetime)
    local = read_instant(value, zone) if is_time else moment
    day = local.date() if isinstance(local, datetime) else local
    starts: dict[Value, date] = {
        "day": day,
        "week": day - timedelta(days=min(day.weekday(), day.toordinal() - 1)),
        "month": day.replace(day=1),
        "year": day.replace(month=1, day=1),
    }
    if not isinstance(unit, str) or unit not in starts:
        raise ExpressionError("start_of: the unit is day, week, month or year")
    if not isinstance(local, datetime):
        return starts[unit].isoformat()
    midnight = datetime.combine(starts[unit], datetime.min.time(), local.tzinfo)
    return written(midnight)


def _amount(value: Value) -> int:
    return expect.integer(value, "date_add: an amount", -_FARTHEST, _FARTHEST)


def _checked_format(value: Value) -> str:
    pattern = expect.text(value, "the date format", most=200)
    for code in _DIRECTIVE.findall(pattern):
        if code not in _KNOWN_DIRECTIVES or code == "":
            raise ExpressionError(f"the date format has no code %{code}")
    if any(
        ord(character) < 32 or 0xD800 <= ord(character) < 0xE000
        for character in pattern
    ):
        raise ExpressionError("the date format holds a control character")
    return pattern
