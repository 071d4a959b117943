"""Comma-separated files as sheets: reading them, and writing what is harmless."""

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps import delimited
from apps.steps.sheets.guarding import guarded
from apps.steps.sheets.headers import name_columns
from apps.steps.sheets.tables import Bounds, Selection, filled, table

ENDINGS = (".csv", ".tsv", ".txt")
_PIECE = 1000
# By the encodings that would put one before each piece.
_MARKS = {
    "utf-8-sig": (codecs.BOM_UTF8, "utf-8"),
    "utf-16": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "utf-32": (codecs.BOM_UTF32_LE, "utf-32-le"),
}


def is_separated(path: str) -> bool:
    """Whether the file's name says that it holds separated text."""
    return path.lower().endswith(ENDINGS)


def read_separated(
    path: str, encoding: str, delimiter: str, wanted: Selection
) -> JsonObject:
    """The rows of a file and what was odd about them; cells are texts.

    Args:
        encoding: a name, or `auto`: what a byte order mark says, else UTF-8.
        delimiter: one character, or `auto`.

    Returns: `{rows, columns, truncated, delimiter, encoding, warnings}`.

    Raises:
        PermanentFailure: `too_large`, `wrong_encoding`, `not_text`, `not_csv` or
            `too_many_cells`; names the line or the byte.
    """
    with open(path, "rb") as file:
        content = file.read(delimited.MAX_BYTES + 1)
    records, sign, name = delimited.read(content, encoding, delimiter, '"')
    warnings: list[str] = []
    rows = filled(_within(records, wanted.bounds))
    found = table(rows, wanted, warnings)
    return found | {"delimiter": sign, "encoding": name, "warnings": warnings}


def end_of(path: str, encoding: str, delimiter: str, header: bool) -> JsonObject:
    """What has to be known of a file to add lines to it.

    Returns: `{columns, delimiter, line_end, missing}`; `missing` is the line end that
        the last line lacks, as bytes.

    Raises:
        PermanentFailure: as `read_separated`.
    """
    with open(path, "rb") as file:
        content = file.read(delimited.MAX_BYTES + 1)
    text, _ = delimited.decode(content, encoding)
    records, sign, _ = delimited.read(text, encoding, delimiter, '"')
    first = next(records, (0, []))[1] if header else []
    for _ in records:  # a file that is broken at its end gets no more lines
        pass
    line_end = "\r\n" if "\r\n" in text or "\n" not in text else "\n"
    missing = line_end if text and not text.endswith("\n") else ""
    name = _MARKS.get(codecs.lookup(encoding).name, (b"", encoding))[1]
    return {
        "columns": name_columns(list(first), len(first), 0, []) if first else [],
        "delimiter": sign,
        "line_end": line_end,
        "missing": missing.encode(name),
    }


def _within(
    records: Iterable[tuple[int, list[str]]], bounds: Bounds
) -> Iterator[list[Json]]:
    """The cells within the bounds; rows are counted, not lines."""
    left, top, right, bottom = bounds
    for number, (_, cells) in enumerate(records, 1):
        if bottom is not None and number > bottom:
            return
        if number >= (top or 1):
            yield list(cells[(left or 1) - 1 : right])


def lines(
    rows: Iterable[Sequence[Json]],
    delimiter: str,
    encoding: str,
    line_end: str = "\r\n",
    is_start: bool = True,
) -> Iterator[bytes]:
    """The rows as text, piece by piece.

    Args:
        is_start: of a file; only there the encoding's byte order mark may stand.

    Texts that look like formulas get an apostrophe in front; numbers stay numbers;
    lists and mappings are written as JSON.

    Raises:
        PermanentFailure: `bad_encoding`, `bad_characters`.
    """
    mark, name = _MARKS.get(codecs.lookup(encoding).name, (b"", encoding))
    if is_start and mark:
        yield mark
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end)
    for count, row in enumerate(rows, 1):
        # A blank line would be no row at all when it is read.
        writer.writerow([_text(value) for value in row] or [""])
        if count % _PIECE == 0:
            yield _encoded(buffer, name)
    yield _encoded(buffer, name)


def _encoded(buffer: io.StringIO, encoding: str) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        sign = text[error.start : error.start + 1]
        raise PermanentFailure(
            f"{encoding} has no {sign!r}, which is in the rows.", code="bad_encoding"
        ) from error


def _text(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if "\0" in value:
        raise PermanentFailure("A cell holds a NUL character.", code="bad_characters")
    return guarded(value)
