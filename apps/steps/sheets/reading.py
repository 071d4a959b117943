"""Reads a sheet in a process of its own; see `apps.core.bounded`."""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.sheets import archive
from apps.steps.sheets.cells import plain
from apps.steps.sheets.headers import column_letter, name_columns

MAX_CELLS = 2_000_000
MAX_COLUMNS = 16_384
Bounds = tuple[int | None, int | None, int | None, int | None]
# What a damaged or hostile file makes its parser raise. XML's errors are
# SyntaxErrors, those of defusedxml ValueErrors.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def read_sheet(
    path: str, sheet: str | int | None, header: bool, bounds: Bounds, max_rows: int
) -> JsonObject:
    """The rows of a sheet and what was odd about them.

    Args:
        sheet: its name, or its number from 1; the first one without it.
        bounds: first column, first row, last column, last row, from 1; None is open.

    Returns: `{rows, columns, sheet, sheets, truncated, warnings}`.

    Raises:
        PermanentFailure: `not_xlsx`, `encrypted`, `archive_bomb`, `sheet_not_found`
            or `too_many_cells`.
    """
    archive.check(path)
    try:
        return _read(path, sheet, header, bounds, max_rows)
    except PermanentFailure:
        raise
    except RecursionError:
        raise archive.not_xlsx("it is nested too deep") from None
    except _DAMAGE as error:
        raise archive.not_xlsx(f"it is damaged ({type(error).__name__})") from error


def _read(
    path: str, sheet: str | int | None, header: bool, bounds: Bounds, max_rows: int
) -> JsonObject:
    # With lxml, entities in attributes would be resolved; without it, openpyxl uses
    # defusedxml for all parts.
    os.environ["OPENPYXL_LXML"] = "False"
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    sheets = [one.title for one in book.worksheets]
    chosen = book.worksheets[_index(sheets, sheet)]
    chosen.reset_dimensions()  # the file's own claim may be anything
    warnings: list[str] = []
    rows = _filled_rows(chosen, bounds, warnings)
    first = next(rows, []) if header else []
    found: list[list[Json]] = []
    is_cut = False
    for row in rows:
        if len(found) >= max_rows:
            is_cut = True
            break
        found.append(row)
    start = (bounds[0] or 1) - 1
    width = max(map(len, [first, *found]), default=0)
    columns = (
        name_columns(first, width, start, warnings)
        if header
        else [column_letter(start + at) for at in range(width)]
    )
    if is_cut:
        warnings.append(f"The sheet has more than {max_rows} rows; the rest is left.")
    return {
        "rows": [
            dict(zip(columns, row + [None] * (width - len(row)), strict=True))
            for row in found
        ],
        "columns": columns,
        "sheet": sheets[_index(sheets, sheet)],
        "sheets": sheets,
        "truncated": is_cut,
        "warnings": warnings,
    }


def _index(sheets: list[str], wanted: str | int | None) -> int:
    if isinstance(wanted, str) and wanted in sheets:
        return sheets.index(wanted)
    number = 1 if wanted is None else wanted
    if isinstance(number, int) and 1 <= number <= len(sheets):
        return number - 1
    raise PermanentFailure(
        f"There is no sheet {wanted!r}; there are: {', '.join(sheets)[:500]}.",
        code="sheet_not_found",
    )


def _filled_rows(
    sheet: Any, bounds: Bounds, warnings: list[str]
) -> Iterator[list[Json]]:
    """The rows that are not empty, without empty cells at their ends."""
    min_column, min_row, max_column, max_row = bounds
    cells = errors = 0
    for row in sheet.iter_rows(min_row, max_row, min_column, max_column):
        values = [plain(cell) for cell in row]
        errors += sum(cell.data_type == "e" for cell in row)
        while values and values[-1] in (None, ""):
            values.pop()
        if not values:
            continue
        cells += len(values)
        if cells > MAX_CELLS or len(values) > MAX_COLUMNS:
            raise PermanentFailure(
                f"The sheet has more than {MAX_CELLS} cells; give a `range`.",
                code="too_many_cells",
            )
        yield values
    if errors:
        warnings.append(f"{errors} cells hold an error such as #REF!.")
