"""Rows of databases as JSON, no more of them than wanted."""

import base64
import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject

MAX_BYTES = 16 * 1024 * 1024
_LARGEST = 2**63


class Question(NamedTuple):
    """What is asked.

    Attributes:
        sets: the parameters of each time the query is run.
        is_write: whether it may change something.
        timeout_s: seconds for each run.
    """

    query: str
    sets: Sequence[Any]
    is_write: bool
    max_rows: int
    timeout_s: float


class Answer:
    """Collects rows.

    Attributes:
        rows: mappings by column.
        is_cut: whether there were more than are kept.
        affected: how many rows were changed.
    """

    def __init__(self, max_rows: int) -> None:
        self.rows: list[JsonObject] = []
        self.columns: list[str] = []
        self.warnings: list[str] = []
        self.is_cut = False
        self.affected = 0
        self._max_rows = max_rows
        self._left = MAX_BYTES

    def name(self, columns: Iterable[str]) -> None:
        """Take the names of the columns; no two are the same afterwards."""
        taken: dict[str, None] = {}
        for given in columns:
            name, number = given, 2
            while name in taken:
                name, number = f"{given}_{number}", number + 1
            if name != given:
                self.warnings.append(f"A second column {given!r} is called {name!r}.")
            taken[name] = None
        self.columns = list(taken)

    def add(self, values: Iterable[Any]) -> bool:
        """Keep a row; False when there are enough.

        Raises:
            PermanentFailure: `too_large`.
        """
        if len(self.rows) >= self._max_rows:
            self.is_cut = True
            return False
        row = [plain(value) for value in values]
        self._left -= sum(_size(value) for value in row)
        if self._left < 0:
            raise PermanentFailure(
                f"The rows have more than {MAX_BYTES // 1024**2} MiB: ask for fewer "
                "columns, or for a part of them by LIMIT.",
                code="too_large",
            )
        self.rows.append(dict(zip(self.columns, row, strict=True)))
        return True

    def result(self) -> JsonObject:
        """`{rows, columns, count, affected, truncated, warnings}`."""
        if self.is_cut:
            self.warnings.append(f"Only {self._max_rows} rows were kept.")
        return {
            "rows": self.rows,
            "columns": self.columns,
            "count": len(self.rows),
            "affected": self.affected,
            "truncated": self.is_cut,
            "warnings": self.warnings,
        }


def plain(value: Any) -> Json:
    """A value as JSON: dates as ISO texts, bytes as base64, exact numbers exact."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < _LARGEST else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    return str(value)


def _decimal(value: Decimal) -> Json:
    """A number where one holds it exactly, else the text of it."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and abs(value) < _LARGEST:
        return int(value)
    # Money has two decimals: the nearest float prints as the same digits.
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


def _size(value: Json) -> int:
    if isinstance(value, str):
        return len(value) + 8
    if isinstance(value, list):
        return sum(map(_size, value)) + 8
    if isinstance(value, dict):
        return sum(len(name) + _size(one) for name, one in value.items()) + 8
    return 8
