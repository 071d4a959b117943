"""Values of rows: looking them up, comparing and ordering them."""

import json
import math
from collections.abc import Hashable, Iterable
from typing import Annotated

from pydantic import StringConstraints

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject

MAX_ROWS = 1_000_000
MAX_CELLS = 5_000_000

# A name of a field, or several with dots between them for what is inside mappings.
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_MISSING = object()


def collect(rows: Iterable[Json]) -> list[Json]:
    """The rows as a list, as long as they fit.

    Raises:
        PermanentFailure: more than 1,000,000 rows or 5,000,000 cells.
    """
    collected: list[Json] = []
    cells = 0
    for row in rows:
        cells += len(row) if isinstance(row, dict) else 1
        if len(collected) >= MAX_ROWS or cells > MAX_CELLS:
            raise PermanentFailure(
                f"More than {MAX_ROWS:,} rows or {MAX_CELLS:,} cells.",
                code="too_many_rows",
            )
        collected.append(row)
    return collected


def rows_of(data: Json, what: str = "the data") -> list[Json]:
    """`data` as a list.

    Raises:
        PermanentFailure: it is none.
    """
    if isinstance(data, list):
        return data
    raise PermanentFailure(f"{what} must be a list of rows.", code="not_a_list")


def mapping_of(row: Json, index: int) -> JsonObject:
    """`row` as a mapping.

    Raises:
        PermanentFailure: it is none; names the row.
    """
    if isinstance(row, dict):
        return row
    raise PermanentFailure(
        f"Row {index} has no fields: it is no mapping.", code="not_a_mapping"
    )


def value_of(row: Json, field: str) -> Json:
    """The field's value; null when there is none."""
    found = _find(row, field)
    return None if found is _MISSING else found


def has_value(row: Json, field: str) -> bool:
    """Whether the row has the field, with null or not."""
    return _find(row, field) is not _MISSING


def _find(row: Json, field: str) -> Json:
    """A field of that very name goes before the way along the dots; `@` is the row."""
    if field == "@":
        return row
    if not isinstance(row, dict):
        return _MISSING
    if field in row:
        return row[field]
    found: Json = row
    for name in field.split("."):
        if not isinstance(found, dict) or name not in found:
            return _MISSING
        found = found[name]
    return found


def number_of(value: Json) -> int | float | None:
    """The number that `value` is, or that its text spells; null if neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or len(value) > 100 or not value.isascii():
        return None
    try:
        # Python's own readers also take 1_000, which no table means.
        if "_" in value:
            return None
        return int(value) if value.strip().lstrip("+-").isdigit() else _float(value)
    except ValueError:
        return None


def _float(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def identity(value: Json) -> Hashable:
    """Equal for values that are equal as JSON: 1 is 1.0 but neither true nor "1"."""
    if isinstance(value, list | dict):
        return "json", json.dumps(value, sort_keys=True)
    return _rank(value), value


def are_equal(left: Json, right: Json) -> bool:
    """Equality where a text that spells a number equals that number."""
    pair = _comparable(left, right)
    if pair is not None:
        return bool(pair[0] == pair[1])
    return identity(left) == identity(right)


class Alternatives:
    """A list of values that is asked often whether it holds one."""

    def __init__(self, values: Iterable[Json]) -> None:
        self._same: set[Hashable] = set()
        self._numbers: set[int | float] = set()
        self._spelled: set[int | float] = set()
        for value in values:
            self._same.add(identity(value))
            number = number_of(value)
            if number is not None:
                (self._spelled if isinstance(value, str) else self._numbers).add(number)

    def __contains__(self, value: Json) -> bool:
        """Whether `are_equal` holds for one of them."""
        if identity(value) in self._same:
            return True
        number = number_of(value)
        return number in (self._numbers if isinstance(value, str) else self._spelled)


def compare(left: Json, right: Json) -> int | None:
    """-1, 0 or 1; null when the two have no order (null, lists, text with number)."""
    pair = _comparable(left, right)
    if pair is None:
        return None
    return int(pair[0] > pair[1]) - int(pair[0] < pair[1])


def _comparable(left: Json, right: Json) -> tuple[Json, Json] | None:
    if isinstance(left, str) and isinstance(right, str):
        return left, right
    if isinstance(left, bool) or isinstance(right, bool):
        return None
    if isinstance(left, int | float) or isinstance(right, int | float):
        numbers = number_of(left), number_of(right)
        return None if None in numbers else numbers
    return None


def _rank(value: Json) -> int:
    if isinstance(value, bool):
        return 2
    if isinstance(value, int | float):
        return 0
    if isinstance(value, str):
        return 1
    return 3 if isinstance(value, list) else 4 if isinstance(value, dict) else 5


def order_key(value: Json) -> tuple[int, Json]:
    """Orders values of any kind: numbers, texts, false and true, lists, mappings."""
    rank = _rank(value)
    if rank in (3, 4):
        return rank, json.dumps(value, sort_keys=True)
    return rank, value if value is not None else 0
