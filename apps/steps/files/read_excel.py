"""Step type `read_excel`: the rows of a sheet, or of separated text."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from apps.core.types import Json, JsonObject
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import FilePath, known_encoding, path_field
from apps.steps.files.tables import CellRange, Delimiter, bounds_of
from apps.steps.registry import register
from apps.steps.rows.columns import ColumnType, check_types, typed_rows
from apps.steps.sheets.reading import read_sheet
from apps.steps.sheets.separated import is_separated, read_separated
from apps.steps.sheets.tables import Selection

_SECONDS = 120.0


class ReadExcelParams(Params):
    """Which part of which file."""

    path: FilePath = path_field()
    sheet: str | int | None = Field(
        default=None, description="Name, or number from 1; without it the first."
    )
    header: bool = Field(
        default=True,
        description="Whether the first row names the columns; else: A, B, C.",
    )
    header_row: int | None = Field(
        default=None,
        ge=1,
        le=1_048_576,
        description="The row with the names, where others stand above it.",
    )
    range: CellRange | None = Field(
        default=None, description="Such as `A1:F50` or `B:D`; the header included."
    )
    max_rows: int = Field(default=10_000, ge=1, le=100_000)
    formulas: Literal["value", "text"] = Field(
        default="value",
        description="Give the value that was saved for a formula, or the formula.",
    )
    types: ColumnType | dict[str, ColumnType] = Field(
        default_factory=dict,
        description="What cells become, for all columns or by column; `auto`: numbers, "
        "yes and no; `date`: ISO 8601. Others stay as they are in the file.",
    )
    date_format: str | None = Field(
        default=None,
        min_length=2,
        max_length=50,
        description="How dates are written in columns of the type `date`, such as "
        "`%d.%m.%Y`; else ISO 8601.",
    )
    delimiter: Delimiter = Field(
        default="auto",
        description="In separated text; `auto`: one of `,` `;` tab `|`.",
    )
    encoding: Annotated[str, AfterValidator(known_encoding)] = Field(
        default="auto",
        max_length=40,
        description="Of separated text; `auto`: by its mark, else UTF-8.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.header_row is not None:
            if not self.header:
                raise ValueError("`header_row` needs `header`")
            if bounds_of(self.range)[1] is not None:
                raise ValueError("`range` begins with the header: leave `header_row`")
        if is_separated(self.path) and self.sheet is not None:
            raise ValueError("separated text has no sheets")
        return self

    @property
    def selection(self) -> Selection:
        """Which rows are wanted."""
        left, top, right, bottom = bounds_of(self.range)
        bounds = left, self.header_row or top, right, bottom
        return Selection(self.header, bounds, self.max_rows)


@register("read_excel")
class ReadExcel(StepType[ReadExcelParams]):
    """Read the rows of a sheet of an .xlsx workbook, or of a .csv, .tsv or .txt file.

    The output is `{rows, columns, truncated}` with `sheet` and `sheets`, or with the
    `delimiter` and `encoding` of separated text. Each row is a mapping by column.
    Empty rows are left out, dates are ISO texts, formulas give the value that Excel
    last saved for them; cells of separated text are texts unless `types` says
    otherwise. Rows above `max_rows` are left with a warning; `range` reads on from
    any row of a long sheet.

    Example:
        - id: people
          type: read_excel
          params: {path: in/people.xlsx, sheet: People, types: {zip: text}}
    """

    params_class = ReadExcelParams
    effect = Effect.READ

    def summary(self, params: ReadExcelParams) -> str:
        return f"read rows from {params.path}"

    def run(self, params: ReadExcelParams, ctx: StepContext) -> Json:
        with ctx.files.local_copy(params.path) as copy:
            table = _read(params, copy, ctx)
        for warning in table.pop("warnings"):
            ctx.warn(warning)
        if params.types:
            check_types(params.types, table["columns"])
            table["rows"] = typed_rows(
                table["rows"], params.types, rest=None, date_format=params.date_format
            )
        return table


def _read(params: ReadExcelParams, copy: Path, ctx: StepContext) -> JsonObject:
    if is_separated(params.path):
        table: JsonObject = ctx.bounded(
            read_separated,
            str(copy),
            params.encoding,
            params.delimiter,
            params.selection,
            seconds=_SECONDS,
        )
        return table
    table = ctx.bounded(
        read_sheet,
        str(copy),
        params.sheet,
        params.selection,
        params.formulas == "text",
        seconds=_SECONDS,
    )
    return table
