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
from apps.steps.sheets.tables import Bounds, Selection, filled, table

# What a damaged or hostile file makes its parser raise. XML's errors are
# SyntaxErrors, those of defusedxml ValueErrors.
DAMAGE = (
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
    path: str, sheet: str | int | None, wanted: Selection, formulas: bool
) -> JsonObject:
    """The rows of a sheet and what was odd about them.

    Args:
        sheet: its name, or its number from 1; the first one without it.
        formulas: give formulas themselves instead of their values.

    Returns: `{rows, columns, sheet, sheets, truncated, warnings}`.

    Raises:
        PermanentFailure: `not_xlsx`, `encrypted`, `archive_bomb`, `sheet_not_found`
            or `too_many_cells`.
    """
    archive.check(path)
    try:
        return _read(path, sheet, wanted, formulas)
    except PermanentFailure:
        raise
    except RecursionError:
        raise archive.not_xlsx("it is nested too deep") from None
    except DAMAGE as error:
        raise archive.not_xlsx(f"it is damaged ({type(error).__name__})") from error


def open_book(path: str, *, formulas: bool = False) -> Any:
    """The workbook, to be read row by row."""
    # With lxml, entities in attributes would be resolved; without it, openpyxl uses
    # defusedxml for all parts.
    os.environ["OPENPYXL_LXML"] = "False"
    from openpyxl import load_workbook

    return load_workbook(path, read_only=True, data_only=not formulas, keep_links=False)


def choose_sheet(book: Any, wanted: str | int | None) -> Any:
    """The sheet of that name or number, the first one without it.

    Raises:
        PermanentFailure: `sheet_not_found`, names those that there are.
    """
    names = [one.title for one in book.worksheets]
    if isinstance(wanted, str) and wanted in names:
        return book.worksheets[names.index(wanted)]
    number = 1 if wanted is None else wanted
    if isinstance(number, int) and 1 <= number <= len(names):
        return book.worksheets[number - 1]
    raise PermanentFailure(
        f"There is no sheet {wanted!r}; there are: {', '.join(names)[:500]}.",
        code="sheet_not_found",
    )


def _read(
    path: str, sheet: str | int | None, wanted: Selection, formulas: bool
) -> JsonObject:
    book = open_book(path, formulas=formulas)
    chosen = choose_sheet(book, sheet)
    chosen.reset_dimensions()  # the file's own claim may be anything
    warnings: list[str] = []
    rows = filled(_rows(chosen, wanted.bounds, warnings))
    return table(rows, wanted, warnings) | {
        "sheet": chosen.title,
        "sheets": [one.title for one in book.worksheets],
        "warnings": warnings,
    }


def _rows(sheet: Any, bounds: Bounds, warnings: list[str]) -> Iterator[list[Json]]:
    min_column, min_row, max_column, max_row = bounds
    errors = 0
    for row in sheet.iter_rows(min_row, max_row, min_column, max_column):
        errors += sum(cell.data_type == "e" for cell in row)
        yield [plain(cell) for cell in row]
    if errors:
        warnings.append(f"{errors} cells hold an error such as #REF!.")
