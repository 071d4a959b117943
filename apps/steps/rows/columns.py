"""Columns of texts become numbers, dates, yes and no."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.rows.values import number_of

ColumnType = Literal["text", "number", "integer", "boolean", "date", "auto"]
ColumnTypes = ColumnType | Mapping[str, ColumnType]
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False}


def check_types(types: str | Mapping[str, str], columns: Sequence[str]) -> None:
    """Pass when each column that `types` names is there.

    Raises:
        PermanentFailure: `unknown_column`.
    """
    unknown = sorted(set(types) - set(columns)) if isinstance(types, Mapping) else []
    if unknown:
        raise PermanentFailure(
            f"`types` names {unknown[0]!r}, but the columns are:"
            f" {', '.join(columns[:50])}.",
            code="unknown_column",
        )


def typed_rows(
    rows: Sequence[JsonObject],
    types: ColumnTypes,
    *,
    rest: ColumnType | None = "text",
    date_format: str | None = None,
) -> list[JsonObject]:
    """The rows with each cell as its column's type says; empty cells are null.

    Args:
        rest: the type of columns that `types` does not name; None leaves them.
        date_format: how dates are written, as `strptime` reads it; else ISO 8601.

    Raises:
        PermanentFailure: `wrong_type`, with the row counted from 0.
    """
    return [
        {
            name: _cell(_wanted(types, name, rest), name, cell, at, date_format)
            for name, cell in row.items()
        }
        for at, row in enumerate(rows)
    ]


def _wanted(
    types: ColumnTypes, name: str, rest: ColumnType | None
) -> ColumnType | None:
    return types.get(name, rest) if isinstance(types, Mapping) else types


def _cell(
    wanted: ColumnType | None,
    name: str,
    cell: Json,
    index: int,
    date_format: str | None,
) -> Json:
    if wanted is None or cell is None or (wanted == "text" and isinstance(cell, str)):
        return cell
    text = _text(cell).strip()
    if wanted == "text":
        return text
    if not text:
        return None
    value = _converted(text, wanted, date_format)
    if value is not None:
        return value
    if wanted == "auto":
        return cell
    raise PermanentFailure(
        f"{name!r} of row {index} is no {wanted}: {text[:100]!r}.", code="wrong_type"
    )


def _text(cell: Json) -> str:
    """A cell as people would type it: a whole number has no decimals."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 10**15:
        return str(int(cell))
    return str(cell)


def _converted(
    text: str, wanted: str, date_format: str | None
) -> int | float | bool | str | None:
    if wanted == "date":
        return _date(text, date_format)
    if wanted in ("boolean", "auto"):
        known = _BOOLEANS.get(text.lower())
        if known is not None or wanted == "boolean":
            return known
    if wanted == "auto" and _is_code(text):
        return None
    number = number_of(text)
    if wanted == "integer" and isinstance(number, float):
        return int(number) if number.is_integer() else None
    return number


def _date(text: str, date_format: str | None) -> str | None:
    """The date, with its time of the day when it has one, as ISO 8601."""
    try:
        if date_format is None:
            moment = datetime.fromisoformat(text)
        else:
            # A cell names no zone, and none is made up for it.
            moment = datetime.strptime(text, date_format)  # noqa: DTZ007
    except ValueError:
        return None
    has_time = "T" in text or ":" in text
    return moment.isoformat() if has_time else moment.date().isoformat()


def _is_code(text: str) -> bool:
    """Whether a number would lose something: 007, +49 170, 20 digits."""
    digits = text.lstrip("-")
    return (
        text[0] == "+"
        or len(digits) > 15
        or (digits[:1] == "0" and len(digits) > 1 and digits[1] != ".")
    )
