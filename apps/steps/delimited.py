"""Comma-separated text to rows. Runs in a short-lived process: it imports little."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from apps.core.errors import PermanentFailure

MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_COLUMNS = 16_384
MAX_CELLS = 5_000_000
MAX_FIELD = 1_000_000
DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)

Header = bool | Sequence[str]


def decode(content: bytes, encoding: str) -> tuple[str, str]:
    """The text, and the encoding it had.

    Args:
        encoding: a name, or `auto`: what a byte order mark says, else UTF-8.

    Raises:
        PermanentFailure: too large, or bytes that the encoding does not have; says
            which byte stands where.
    """
    if len(content) > MAX_BYTES:
        raise PermanentFailure(
            f"The text is larger than {MAX_BYTES // 1024**2} MiB.", code="too_large"
        )
    mark, marked = next((b for b in _BOMS if content.startswith(b[0])), (b"", ""))
    name = encoding if encoding != "auto" else marked or "utf-8"
    start = len(mark) if marked and _is_same(name, marked) else 0
    try:
        return content[start:].decode(name), name
    except UnicodeDecodeError as error:
        at = error.start + start
        line = content.count(b"\n", 0, at) + 1
        raise PermanentFailure(
            f"The text is not {name}: byte 0x{content[at]:02x} at offset {at} (line"
            f" {line}). Say which `encoding` it has, such as cp1252 or utf-16.",
            code="wrong_encoding",
            offset=at,
        ) from error


def _is_same(name: str, marked: str) -> bool:
    plain = name.lower().replace("_", "-")
    return plain == marked or (marked == "utf-8" and plain == "utf8")


def parse(
    content: str | bytes,
    encoding: str,
    delimiter: str,
    quote: str,
    header: Header,
    ragged: str,
    skip: int,
) -> dict[str, Any]:
    """`{rows, columns, delimiter, encoding, warnings}`; cells are texts.

    Args:
        content: bytes are decoded first.
        delimiter: one character, or `auto`.
        header: the columns' names, or whether the first line has them.
        ragged: `fail` or `pad`: what happens to lines with too few cells.
        skip: lines to leave out at the beginning.

    Raises:
        PermanentFailure: names the line, or the offset of a byte.
    """
    records, sign, encoding = read(content, encoding, delimiter, quote, skip)
    return _table(records, header, ragged) | {"delimiter": sign, "encoding": encoding}


def read(
    content: str | bytes, encoding: str, delimiter: str, quote: str, skip: int = 0
) -> tuple[Iterator[tuple[int, list[str]]], str, str]:
    """The records, each with its line's number; the delimiter; the encoding.

    Raises:
        PermanentFailure: as `parse`; what is wrong in a record, when it is reached.
    """
    if isinstance(content, bytes):
        content, encoding = decode(content, encoding)
    if len(content) > MAX_BYTES:
        raise PermanentFailure("The text is too large.", code="too_large")
    if "\0" in content:
        line = content.count("\n", 0, content.index("\0")) + 1
        raise PermanentFailure(
            f"Line {line} holds a NUL character: this is no text, or its `encoding` is"
            " another one.",
            code="not_text",
        )
    # Unlike splitlines(), this splits at line ends only and not at form feeds.
    text = io.StringIO(content.removeprefix("\ufeff"), newline="")
    lines = list(text)[skip:]
    sign = _guess(lines, quote) if delimiter == "auto" else delimiter
    return _records(lines, sign, quote, skip), sign, encoding


def _guess(lines: list[str], quote: str) -> str:
    """The delimiter that stands equally often in most lines, outside of quotes."""
    counts: dict[str, Counter[int]] = {sign: Counter() for sign in DELIMITERS}
    size = 0
    for line in lines:
        size += len(line)
        if size > _SAMPLE:
            break
        if line.strip():
            bare = "".join(line.split(quote)[::2]) if quote else line
            for sign in DELIMITERS:
                counts[sign][bare.count(sign)] += 1
    best = max(DELIMITERS, key=lambda sign: _steadiness(counts[sign]))
    return best if _steadiness(counts[best]) > (0, 0) else ","


def _steadiness(counts: Counter[int]) -> tuple[int, int]:
    """In how many lines it stands equally often, and how often that is."""
    found = [(lines, times) for times, lines in counts.items() if times]
    return max(found, default=(0, 0))


def _records(
    lines: Iterable[str], delimiter: str, quote: str, skipped: int
) -> Iterator[tuple[int, list[str]]]:
    """Each record with its first line's number; blank lines are none."""
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )
    before = 0
    try:
        for record in reader:
            if record:
                yield skipped + before + 1, record
            before = reader.line_num
    except csv.Error as error:
        raise PermanentFailure(
            f"Line {skipped + before + 1}: {_explained(error)}.", code="not_csv"
        ) from error


def _explained(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quoted cell that begins here never ends"
    if "field larger" in text:
        return f"a cell has more than {MAX_FIELD:,} characters"
    return text


def _table(
    records: Iterator[tuple[int, list[str]]], header: Header, ragged: str
) -> dict[str, Any]:
    warnings: list[str] = []
    columns: list[str] | None = None
    if not isinstance(header, bool):
        columns = list(header)
    elif header:
        columns = _names(next(records, (0, []))[1], warnings)
    rows: list[Any] = []
    cells = padded = 0
    for line, record in records:
        if columns is None:
            columns = [f"column_{at + 1}" for at in range(len(record))]
        _check(line, record, columns, ragged)
        missing = len(columns) - len(record)
        padded += missing > 0
        cells += len(columns)
        if len(rows) >= MAX_ROWS or cells > MAX_CELLS:
            raise PermanentFailure(
                f"Line {line}: more than {MAX_ROWS:,} rows or {MAX_CELLS:,} cells.",
                code="too_many_rows",
            )
        rows.append(dict(zip(columns, record + [None] * missing, strict=True)))
    if padded:
        warnings.append(f"{padded} lines have too few cells; the rest is null")
    return {"rows": rows, "columns": columns or [], "warnings": warnings}


def _check(line: int, record: list[str], columns: list[str], ragged: str) -> None:
    cells, wanted = len(record), len(columns)
    if wanted > MAX_COLUMNS:
        raise PermanentFailure(
            f"Line {line}: more than {MAX_COLUMNS:,} columns.", code="too_many_columns"
        )
    if cells > wanted or (cells < wanted and ragged == "fail"):
        raise PermanentFailure(
            f"Line {line} has {cells} cells, the header has {wanted}.",
            code="ragged_rows",
            line=line,
        )


def _names(record: list[str], warnings: list[str]) -> list[str]:
    """Names for the columns: none empty, none twice."""
    if len(record) > MAX_COLUMNS:
        raise PermanentFailure(
            f"More than {MAX_COLUMNS:,} columns.", code="too_many_columns"
        )
    names: dict[str, None] = {}
    for at, cell in enumerate(record):
        wanted = cell.strip() or f"column_{at + 1}"
        name, number = wanted, 2
        while name in names:
            name, number = f"{wanted}_{number}", number + 1
        if name != cell.strip():
            warnings.append(f"column {at + 1} is called {name!r}")
        names[name] = None
    return list(names)
