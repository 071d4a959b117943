"""Where the rows of a sheet stand in its XML, found without building a tree."""

import re
from dataclasses import dataclass, field
from typing import IO, Any
from xml.parsers import expat

from apps.core.errors import PermanentFailure
from apps.steps.sheets import archive

MAX_ROWS = 1_048_576
MAX_PREPARED_ROWS = 20_000
_COLUMN = re.compile(r"([A-Z]{1,3})[1-9]\d{0,6}")
_PIECE_BYTES = 256 * 1024


@dataclass
class PlainRow:
    """A row without values, as it stands below the filled ones.

    Attributes:
        start: offset of its first byte.
        styles: numbers of cell styles, by column from 1.
    """

    number: int
    start: int
    styles: dict[int, str] = field(default_factory=dict)


@dataclass
class Outline:
    """What has to be known of a sheet to add rows to it.

    Attributes:
        last: number of the last row that has a value; 0 when there is none.
        styles: of the cells in that row, by column from 1.
        end: offset of the first byte behind that row.
        prepared: the rows below it, which have styles only.
        close: offset of the end tag of `sheetData`.
        prefix: of the XML names, such as `x:`, or empty.
        is_empty_tag: whether `sheetData` is one tag, from `end` to `close`.
        dimension: offset of the element that states the sheet's size, if any.
    """

    last: int = 0
    styles: dict[int, str] = field(default_factory=dict)
    end: int = 0
    prepared: list[PlainRow] = field(default_factory=list)
    close: int = 0
    prefix: str = ""
    is_empty_tag: bool = False
    dimension: int | None = None


def outline(part: IO[bytes]) -> Outline:
    """Read a sheet's XML once, from its beginning to its end.

    Raises:
        PermanentFailure: `not_xlsx` or `too_many_cells`.
    """
    reader = _Reader()
    try:
        while piece := part.read(_PIECE_BYTES):
            if b"\0" in piece:
                raise archive.not_xlsx("a sheet of it is not written in UTF-8")
            reader.parser.Parse(piece, False)
        reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise archive.not_xlsx("its XML is damaged") from error
    if not reader.has_data:
        raise archive.not_xlsx("a sheet of it holds no rows")
    return reader.found


class _Reader:
    """Follows the parser's calls; keeps only what `Outline` tells."""

    def __init__(self) -> None:
        self.found = Outline()
        self.has_data = False
        self._depth = 0
        self._row: PlainRow | None = None
        self._column = 0
        self._is_filled = False
        # The end of a row is where the next thing begins.
        self._is_end_open = False
        self.parser: Any = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.XmlDeclHandler = _check_encoding
        self.parser.StartDoctypeDeclHandler = _refuse_doctype

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > 50:
            raise archive.not_xlsx("it is nested too deep")
        prefix, _, local = name.rpartition(":")
        if self._depth == 2 and local == "dimension":
            self.found.dimension = self.parser.CurrentByteIndex
        elif self._depth == 2 and local == "sheetData":
            self._open_data(prefix)
        elif self._depth == 3 and local == "row" and self._is_in_data:
            self._open_row(attributes)
        elif self._depth == 4 and local == "c" and self._row is not None:
            self._open_cell(self._row, attributes)
        elif self._depth == 5 and self._row is not None and local in ("v", "is", "f"):
            self._is_filled = True

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._depth == 2 and self._row is not None:
            self._close_row(self._row)
        elif self._depth == 1 and name.rpartition(":")[2] == "sheetData":
            self._close_data()

    @property
    def _is_in_data(self) -> bool:
        return self.has_data and not self.found.close

    def _open_data(self, prefix: str) -> None:
        if self.has_data:
            raise archive.not_xlsx("a sheet of it has its rows twice")
        self.has_data = True
        self.found.prefix = f"{prefix}:" if prefix else ""
        self.found.end = self.parser.CurrentByteIndex
        self._is_end_open = True

    def _settle_end(self, here: int) -> None:
        if self._is_end_open:
            self.found.end = here
            self._is_end_open = False

    def _open_row(self, attributes: dict[str, str]) -> None:
        here = self.parser.CurrentByteIndex
        self._settle_end(here)
        before = self.found.prepared[-1].number if self.found.prepared else 0
        least = max(self.found.last, before) + 1
        number = _number(attributes.get("r"), least)
        if number < least:
            raise archive.not_xlsx("its rows are out of order")
        self._row = PlainRow(number, here)
        self._column, self._is_filled = 0, False

    def _open_cell(self, row: PlainRow, attributes: dict[str, str]) -> None:
        self._column = _column(attributes.get("r"), self._column + 1)
        if "s" in attributes:
            row.styles[self._column] = str(_number(attributes["s"], 0))

    def _close_row(self, row: PlainRow) -> None:
        self._row = None
        if self._is_filled:
            self.found.last, self.found.styles = row.number, row.styles
            self.found.prepared.clear()
            self._is_end_open = True
            return
        self.found.prepared.append(row)
        if len(self.found.prepared) > MAX_PREPARED_ROWS:
            raise PermanentFailure(
                f"The sheet has more than {MAX_PREPARED_ROWS} empty rows with styles.",
                code="too_many_cells",
            )

    def _close_data(self) -> None:
        here = self.parser.CurrentByteIndex
        # One tag that opens and closes is reported at the same place twice.
        self.found.is_empty_tag = self._is_end_open and here == self.found.end
        self._settle_end(here)
        self.found.close = here


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 7:
        raise archive.not_xlsx("a row or style of it has no proper number")
    number = int(text)
    if number > MAX_ROWS:
        raise archive.not_xlsx("it has rows beyond the last one")
    return number


def _column(reference: str | None, default: int) -> int:
    if reference is None:
        return default
    match = _COLUMN.fullmatch(reference)
    if match is None:
        raise archive.not_xlsx("a cell of it has no proper place")
    number = 0
    for letter in match[1]:
        number = number * 26 + ord(letter) - 64
    return number


def _check_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
        raise archive.not_xlsx("a sheet of it is not written in UTF-8")


def _refuse_doctype(*_: object) -> None:
    raise archive.not_xlsx("it has a document type, which may hold entities")
