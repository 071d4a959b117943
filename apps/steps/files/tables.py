"""What the steps for workbooks and separated text have in common."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from apps.core.types import Json
from apps.steps.files.content import FilePath
from apps.steps.sheets.separated import is_separated
from apps.steps.sheets.tables import Bounds

MAX_ROWS_GIVEN = 200_000
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_RANGE = re.compile(
    r"\$?([A-Z]{1,3})\$?([1-9]\d{0,6})?:\$?([A-Z]{1,3})\$?([1-9]\d{0,6})?",
    re.ASCII | re.IGNORECASE,
)


def bounds_of(text: str | None) -> Bounds:
    """The bounds that `A1:F50` or `B:D` names; all of the sheet without it.

    Raises:
        ValueError: it is no range.
    """
    if text is None:
        return None, None, None, None
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ValueError("must be a range such as A1:F50, or columns such as B:D")
    first, last = _number(match[1]), _number(match[3])
    top = int(match[2]) if match[2] else None
    bottom = int(match[4]) if match[4] else None
    if last < first or last > 16_384 or (bottom and (top or 1) > bottom):
        raise ValueError("must run from the upper left to the lower right")
    return first, top, last, bottom


def _number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def _range(text: str) -> str:
    bounds_of(text)
    return text


def _sheet(name: str) -> str:
    if _NOT_IN_NAMES.search(name) or name[0] == "'" or name[-1] == "'":
        raise ValueError("must not hold any of [ ] : * ? / \\, nor be in quotes")
    return name


def _table_path(path: str) -> str:
    if not is_separated(path) and not path.lower().endswith(".xlsx"):
        raise ValueError("must end in .xlsx, .csv, .tsv or .txt")
    return path


def _delimiter(sign: str) -> str:
    if sign == "auto" or (len(sign) == 1 and sign not in "\"'\r\n \0"):
        return sign
    raise ValueError("must be `auto` or one character that is no quote or line end")


CellRange = Annotated[str, AfterValidator(_range)]
SheetName = Annotated[
    str, StringConstraints(min_length=1, max_length=31), AfterValidator(_sheet)
]
TablePath = Annotated[FilePath, AfterValidator(_table_path)]
Delimiter = Annotated[str, AfterValidator(_delimiter)]
Rows = Annotated[list[dict[str, Json] | list[Json]], Field(max_length=MAX_ROWS_GIVEN)]


def delimiter_for(path: str, given: str) -> str:
    """The delimiter to write with: as given, else by the file's name."""
    if given != "auto":
        return given
    return "\t" if path.lower().endswith(".tsv") else ","
