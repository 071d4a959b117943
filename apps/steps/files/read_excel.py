"""Step type `read_excel`: the rows of a sheet."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from apps.core.types import Json, JsonObject
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import FilePath, path_field
from apps.steps.registry import register
from apps.steps.sheets.reading import Bounds, read_sheet

_SECONDS = 120.0
_RANGE = re.compile(
    r"\$?([A-Z]{1,3})\$?([1-9]\d{0,6})?:\$?([A-Z]{1,3})\$?([1-9]\d{0,6})?",
    re.ASCII | re.IGNORECASE,
)


def _range(text: str) -> str:
    _bounds(text)
    return text


def _bounds(text: str | None) -> Bounds:
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


class ReadExcelParams(Params):
    """Which part of which workbook."""

    path: FilePath = path_field()
    sheet: str | int | None = Field(
        default=None, description="Name, or number from 1; without it the first."
    )
    header: bool = Field(
        default=True,
        description="Whether the first row names the columns; else: A, B, C.",
    )
    range: Annotated[str, AfterValidator(_range)] | None = Field(
        default=None, description="Such as `A1:F50` or `B:D`; the header included."
    )
    max_rows: int = Field(default=10_000, ge=1, le=100_000)


@register("read_excel")
class ReadExcel(StepType[ReadExcelParams]):
    """Read the rows of a sheet of an .xlsx workbook.

    The output is `{rows, columns, sheet, sheets, truncated}`; each row is a mapping
    by column. Empty rows are left out, dates are ISO texts, formulas give the value
    that Excel last saved for them. Rows above `max_rows` are left with a warning.

    Example:
        - id: people
          type: read_excel
          params: {path: in/people.xlsx, sheet: People}
    """

    params_class = ReadExcelParams
    effect = Effect.READ

    def summary(self, params: ReadExcelParams) -> str:
        return f"read rows from {params.path}"

    def run(self, params: ReadExcelParams, ctx: StepContext) -> Json:
        with ctx.files.local_copy(params.path) as copy:
            table: JsonObject = ctx.bounded(
                read_sheet,
                str(copy),
                params.sheet,
                params.header,
                _bounds(params.range),
                params.max_rows,
                seconds=_SECONDS,
            )
        for warning in table.pop("warnings"):
            ctx.warn(warning)
        return table
