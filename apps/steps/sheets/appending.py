"""Adds rows to a sheet of a workbook and leaves all else in it as it is.

The workbook is not read into objects and written anew, which would lose charts,
pictures, macros and more: the new rows are put into the sheet's XML, every other part
is copied. So memory does not grow with the sheet either.
"""

import zipfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

from apps.core.errors import PermanentFailure
from apps.core.text import did_you_mean
from apps.core.types import Json, JsonObject
from apps.steps.sheets import archive
from apps.steps.sheets.headers import column_letter, name_columns
from apps.steps.sheets.new_rows import Styles, rows_xml
from apps.steps.sheets.outline import MAX_ROWS, Outline, outline
from apps.steps.sheets.reading import DAMAGE, choose_sheet, open_book
from apps.steps.sheets.surroundings import changed_parts
from apps.steps.sheets.tables import MAX_COLUMNS, filled
from apps.steps.sheets.writing import Row, names

_PIECE_BYTES = 256 * 1024


class _Target(NamedTuple):
    """The sheet that gets the rows.

    Attributes:
        part: name of its XML in the archive.
        columns: names of its columns; empty for a sheet without rows.
    """

    part: str
    columns: list[str]
    sheet: Any


def append_to_sheet(
    source: str,
    target: str,
    sheet: str | int | None,
    header: bool,
    columns: Sequence[str] | None,
    rows: Sequence[Row],
) -> JsonObject:
    """Write the workbook `source` with more rows to the file `target`.

    Args:
        header: whether the sheet's first row names its columns; else: A, B, C.
        columns: of rows that are mappings, for a sheet that is still empty.

    Returns: `{sheet, first_row, last_row, warnings}`.

    Raises:
        PermanentFailure: `not_xlsx`, `encrypted`, `archive_bomb`, `sheet_not_found`,
            `unknown_column`, `bad_rows`, `too_many_cells`, `cell_too_long`.
    """
    archive.check(source)
    try:
        return _append(source, target, sheet, header, columns, rows)
    except PermanentFailure:
        raise
    except RecursionError:
        raise archive.not_xlsx("it is nested too deep") from None
    except DAMAGE as error:
        raise archive.not_xlsx(f"it is damaged ({type(error).__name__})") from error


def _append(
    source: str,
    target: str,
    sheet: str | int | None,
    header: bool,
    columns: Sequence[str] | None,
    rows: Sequence[Row],
) -> JsonObject:
    place = _target(open_book(source), sheet, header)
    with zipfile.ZipFile(source) as old:
        with old.open(place.part) as part:
            found = outline(part)
        cells = in_columns(rows, place.columns, header, columns)
        bottom = found.last + len(cells)
        _check_size(cells, bottom)
        warnings: list[str] = []
        changed = changed_parts(old, place.part, found.last, bottom, warnings)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
            for info in old.infolist():
                with new.open(_copied(info), "w") as out:
                    if info.filename == place.part:
                        _write_sheet(old, place, found, cells, out)
                    elif info.filename in changed:
                        out.write(changed[info.filename])
                    else:
                        _copy(old, info, out)
    return {
        "sheet": place.sheet.title,
        "first_row": found.last + 1,
        "last_row": bottom,
        "warnings": warnings,
    }


def in_columns(
    rows: Sequence[Row],
    existing: Sequence[str],
    header: bool,
    given: Sequence[str] | None,
) -> list[list[Json]]:
    """The rows as cells in the order of the columns that are there.

    Args:
        existing: names of the columns; empty for a table without rows, which gets a
            row with names first.
        given: those names, where the rows do not say them.

    Raises:
        PermanentFailure: `unknown_column` or `bad_rows`.
    """
    wanted = names(rows) if given is None else list(given)
    head: list[list[Json]] = []
    if not existing and header and wanted:
        existing, head = wanted, [list(wanted)]
    elif not header:
        existing = [column_letter(at) for at in range(MAX_COLUMNS)]
    known = {name: at for at, name in enumerate(existing)}
    for name in wanted:
        if name not in known:
            raise PermanentFailure(
                f"There is no column {name!r}; there are: "
                f"{', '.join(existing[:30])[:500]}."
                f"{did_you_mean(name, existing[:500])}",
                code="unknown_column",
            )
    return head + [
        _placed(row, known) if isinstance(row, dict) else row for row in rows
    ]


def _placed(row: dict[str, Json], known: dict[str, int]) -> list[Json]:
    cells: list[Json] = []
    for name, value in row.items():
        at = known[name]
        cells.extend([None] * (at + 1 - len(cells)))
        cells[at] = value
    return cells


def _target(book: Any, sheet: str | int | None, header: bool) -> _Target:
    chosen = choose_sheet(book, sheet)
    chosen.reset_dimensions()
    # The library knows where a sheet is, but has no public name for it.
    part = str(chosen._worksheet_path).lstrip("/")
    if not header:
        return _Target(part, [], chosen)
    rows = ([cell.value for cell in row] for row in chosen.iter_rows())
    first = next(filled(rows), [])
    return _Target(part, name_columns(first, len(first), 0, []), chosen)


def _check_size(cells: list[list[Json]], bottom: int) -> None:
    if bottom > MAX_ROWS or max(map(len, cells), default=0) > MAX_COLUMNS:
        raise PermanentFailure(
            f"A sheet takes {MAX_ROWS} rows and {MAX_COLUMNS} columns.",
            code="too_many_cells",
        )


def _copied(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """A new entry of the same name and time."""
    made = zipfile.ZipInfo(info.filename, info.date_time)
    made.compress_type = zipfile.ZIP_DEFLATED
    return made


def _copy(old: zipfile.ZipFile, info: zipfile.ZipInfo, out: IO[bytes]) -> None:
    with old.open(info) as part:
        while piece := part.read(_PIECE_BYTES):
            out.write(piece)


def _write_sheet(
    old: zipfile.ZipFile,
    place: _Target,
    found: Outline,
    cells: list[list[Json]],
    out: IO[bytes],
) -> None:
    """The sheet's XML with the new rows behind the last filled one."""
    new = rows_xml(cells, found, Styles(place.sheet))
    bottom = found.last + len(cells)
    with old.open(place.part) as part:
        _copy_until(part, found, out)
        if found.is_empty_tag:
            out.write(f"<{found.prefix}sheetData>".encode())
        for piece in new:
            out.write(piece)
        if found.is_empty_tag:
            out.write(f"</{found.prefix}sheetData>".encode())
            _skip_tag(part, out)
        else:
            _skip(part, found.end, _first_kept(found, bottom))
        while piece := part.read(_PIECE_BYTES):
            out.write(piece)


def _first_kept(found: Outline, bottom: int) -> int:
    """Offset of the first of the prepared rows that the new ones do not replace."""
    rows = (row.start for row in found.prepared if row.number > bottom)
    return next(rows, found.close)


def _copy_until(part: IO[bytes], found: Outline, out: IO[bytes]) -> None:
    """The XML up to the new rows, without the size that was stated for the sheet."""
    at = 0
    for piece in _pieces(part, found.end):
        # It stands in front of the rows, and readers can do without it.
        if found.dimension is not None and at <= found.dimension < at + len(piece):
            piece = _without_tag(part, piece, found.dimension - at)
        at = part.tell()
        out.write(piece)


def _without_tag(part: IO[bytes], piece: bytes, start: int) -> bytes:
    while b">" not in piece[start:]:
        piece += part.read(1)
    end = piece.index(b">", start) + 1
    if not piece[:end].endswith(b"/>"):
        return piece
    return piece[:start] + piece[end:]


def _pieces(part: IO[bytes], end: int) -> Iterator[bytes]:
    while (left := end - part.tell()) > 0:
        piece = part.read(min(left, _PIECE_BYTES))
        if not piece:
            return
        yield piece


def _skip(part: IO[bytes], start: int, end: int) -> None:
    left = end - start
    while left > 0 and (piece := part.read(min(left, _PIECE_BYTES))):
        left -= len(piece)


def _skip_tag(part: IO[bytes], out: IO[bytes]) -> None:
    """Leave out the rest of a tag, which had no end tag."""
    rest = b""
    while not rest.endswith(b">"):
        piece = part.read(1)
        if not piece:
            return
        rest += piece
