"""Writes workbooks, row by row."""

import contextlib
import json
import math
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import zip_longest
from typing import Any, BinaryIO, Literal, NamedTuple, cast

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.rows.values import number_of

MAX_COLUMNS = 16_384
MAX_CELLS = 2_000_000
MAX_TEXT = 32_767
# What XML 1.0 cannot hold.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Excel keeps 15 digits; longer numbers, such as those of cards, stay whole as text.
_EXACT = 10**15
_IN_MEMORY_BYTES = 4 * 1024 * 1024
_DAY, _MOMENT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"

Row = dict[str, Json] | list[Json]
CellType = Literal["text", "number", "date", "datetime"]


class Sheet(NamedTuple):
    """One sheet: its name, the columns' names, and rows of cells."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]


def sheet(title: str, columns: Sequence[str] | None, rows: Sequence[Row]) -> Sheet:
    """The sheet with its columns as they were given, or as the rows have them.

    Raises:
        PermanentFailure: `bad_rows` or `too_many_cells`.
    """
    made = Sheet(title, names(rows) if columns is None else list(columns), rows)
    _check_size(len(made.columns), rows)
    return made


@contextlib.contextmanager
def workbook(
    sheets: Sequence[Sheet], types: Mapping[str, CellType]
) -> Iterator[BinaryIO]:
    """A file with the workbook, at its beginning, for the length of the block.

    Args:
        types: of columns by name, on all sheets.

    Raises:
        PermanentFailure: `cell_too_long` or `wrong_type`.
    """
    from openpyxl import Workbook  # heavy, and most processes never need it

    # All is checked before the library opens files of its own.
    ready = [_ready(one, types) for one in sheets]
    book = Workbook(write_only=True)
    for one, rows in zip(sheets, ready, strict=True):
        target: Any = book.create_sheet(one.title)
        for values in rows:
            target.append([_cell(target, value) for value in values])
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        book.save(file)
        file.seek(0)
        yield cast(BinaryIO, file)


def converted(sheet: Sheet, types: Mapping[str, CellType]) -> Iterator[Sequence[Any]]:
    """The rows as cells in the order of the columns, without the header.

    Raises:
        PermanentFailure: `wrong_type`, with the row counted from 0.
    """
    kinds = [types.get(name) for name in sheet.columns]
    for number, row in enumerate(sheet.rows):
        cells = (
            [row.get(name) for name in sheet.columns] if isinstance(row, dict) else row
        )
        if not types:
            yield cells
            continue
        more = zip_longest(cells, kinds[: len(cells)], sheet.columns[: len(cells)])
        yield [_converted(cell, kind, name, number) for cell, kind, name in more]


def names(rows: Sequence[Row]) -> list[str]:
    """The names in the rows, in the order they appear; none for rows of cells.

    Raises:
        PermanentFailure: `bad_rows`.
    """
    found: dict[str, None] = {}
    for row in rows:
        if isinstance(row, dict):
            found.update(dict.fromkeys(row))
    if found and not all(isinstance(row, dict) for row in rows):
        raise PermanentFailure(
            "The rows are mixed: all must be mappings, or give `columns`.",
            code="bad_rows",
        )
    return list(found)


def clean_text(text: str) -> str:
    """The text as a cell can hold it.

    Raises:
        PermanentFailure: `cell_too_long`.
    """
    if len(text) > MAX_TEXT:
        raise PermanentFailure(
            f"A cell has {len(text)} characters; Excel takes {MAX_TEXT}.",
            code="cell_too_long",
        )
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def simple(value: Json) -> str | int | float | bool | None:
    """The value as a cell can hold it: what Excel would round or refuse, as text."""
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int) and abs(value) < _EXACT:
        return value
    return clean_text(str(value))


def as_moment(text: str) -> date | datetime | None:
    """The date, or date and time, that a text in ISO 8601 is; Excel knows no zones."""
    try:
        moment = datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None
    # Excel's days begin with 1900.
    if moment.year < 1900:
        return None
    return moment if ":" in text else moment.date()


def _check_size(width: int, rows: Sequence[Row]) -> None:
    widths = [width if isinstance(row, dict) else len(row) for row in rows]
    if sum(widths) > MAX_CELLS or max(widths, default=width) > MAX_COLUMNS:
        raise PermanentFailure(
            f"More than {MAX_CELLS} cells or {MAX_COLUMNS} columns.",
            code="too_many_cells",
        )


def _ready(sheet: Sheet, types: Mapping[str, CellType]) -> list[list[Any]]:
    rows: list[list[Any]] = [list(sheet.columns)] if sheet.columns else []
    rows.extend(list(row) for row in converted(sheet, types))
    return [
        [value if isinstance(value, date) else simple(value) for value in row]
        for row in rows
    ]


def _cell(target: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    cell: Any = WriteOnlyCell(target, value=value)
    if isinstance(value, str):
        cell.data_type = "s"  # or a text that begins with = would be a formula
        return cell
    if isinstance(value, date):
        cell.number_format = _MOMENT if isinstance(value, datetime) else _DAY
        return cell
    return value


def _converted(value: Json, kind: CellType | None, name: str, number: int) -> Any:
    if kind is None or value is None:
        return value
    if kind == "text":
        return str(simple(value))
    if value == "":
        return None
    made: Any = number_of(value) if kind == "number" else as_moment(str(value))
    if made is None:
        raise PermanentFailure(
            f"{name!r} of row {number} is no {kind}: {str(value)[:100]!r}.",
            code="wrong_type",
        )
    if kind == "date":
        return made.date() if isinstance(made, datetime) else made
    if kind == "datetime" and not isinstance(made, datetime):
        return datetime(made.year, made.month, made.day)  # noqa: DTZ001 - as Excel
    return made
