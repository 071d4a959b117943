"""Writes a workbook with one sheet, row by row."""

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

from apps.core.errors import PermanentFailure
from apps.core.types import Json

MAX_COLUMNS = 16_384
MAX_CELLS = 2_000_000
MAX_TEXT = 32_767
# What XML 1.0 cannot hold.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Excel keeps 15 digits; longer numbers, such as those of cards, stay whole as text.
_EXACT = 10**15
_IN_MEMORY_BYTES = 4 * 1024 * 1024

Row = dict[str, Json] | list[Json]


@contextlib.contextmanager
def workbook(
    title: str, columns: Sequence[str] | None, rows: Sequence[Row]
) -> Iterator[BinaryIO]:
    """A file with the workbook, at its beginning, for the length of the block.

    Raises:
        PermanentFailure: `too_many_cells`, `cell_too_long` or `bad_rows`.
    """
    from openpyxl import Workbook  # heavy, and most processes never need it

    names = list(columns) if columns is not None else _names(rows)
    _check_size(len(names), rows)
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet(title)
    if names:
        sheet.append([_cell(sheet, name) for name in names])
    for row in rows:
        cells = [row.get(name) for name in names] if isinstance(row, dict) else row
        sheet.append([_cell(sheet, value) for value in cells])
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        book.save(file)
        file.seek(0)
        yield cast(BinaryIO, file)


def _names(rows: Sequence[Row]) -> list[str]:
    """The names in the rows, in the order they appear; none for rows of cells."""
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row, dict):
            names.update(dict.fromkeys(row))
    if names and not all(isinstance(row, dict) for row in rows):
        raise PermanentFailure(
            "The rows are mixed: all must be mappings, or give `columns`.",
            code="bad_rows",
        )
    return list(names)


def _check_size(width: int, rows: Sequence[Row]) -> None:
    widths = [width if isinstance(row, dict) else len(row) for row in rows]
    if sum(widths) > MAX_CELLS or max(widths, default=width) > MAX_COLUMNS:
        raise PermanentFailure(
            f"More than {MAX_CELLS} cells or {MAX_COLUMNS} columns.",
            code="too_many_cells",
        )


def _cell(sheet: Any, value: Json) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < _EXACT:
        return value
    text = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))
    if len(text) > MAX_TEXT:
        raise PermanentFailure(
            f"A cell has {len(text)} characters; Excel takes {MAX_TEXT}.",
            code="cell_too_long",
        )
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"  # or a text that begins with = would be a formula
    return cell
