"""Cells as JSON values."""

import math
from datetime import date, datetime, time, timedelta
from typing import Any

from apps.core.types import Json

_LARGEST = 2**63


def plain(cell: Any) -> Json:
    """The cell's value; dates and times are ISO texts."""
    value = cell.value
    if cell.data_type == "f":
        # Those over a range are objects with the text inside.
        return str(getattr(value, "text", None) or value)
    if isinstance(value, datetime):
        return _moment(value, str(cell.number_format))
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _length(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= _LARGEST:
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def _moment(value: datetime, number_format: str) -> str:
    """A date alone where the cell shows no time of the day."""
    from openpyxl.styles.numbers import is_datetime

    if is_datetime(number_format) == "date":
        return value.date().isoformat()
    return value.isoformat()


def _length(value: timedelta) -> str:
    """`hours:minutes:seconds`, as Excel shows it."""
    seconds = round(abs(value.total_seconds()))
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
