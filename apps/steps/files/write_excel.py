"""Step type `write_excel`: rows as a workbook, or as separated text."""

from itertools import chain
from typing import Self

from pydantic import Field, model_validator

from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import Digest, Encoding, keep, path_field
from apps.steps.files.tables import (
    Delimiter,
    Rows,
    SheetName,
    TablePath,
    delimiter_for,
)
from apps.steps.registry import register
from apps.steps.rows.columns import check_types
from apps.steps.sheets import separated, writing
from apps.steps.sheets.writing import MAX_COLUMNS, CellType, Sheet


class SheetContent(Params):
    """One sheet of a workbook.

    Attributes:
        name: the name of the sheet.
        rows: mappings by column, or lists of cells.
        columns: which columns in which order; else as they appear in the rows.
    """

    name: SheetName
    rows: Rows
    columns: list[str] | None = Field(
        default=None, min_length=1, max_length=MAX_COLUMNS
    )


class WriteExcelParams(Params):
    """What goes into which file."""

    path: TablePath = path_field()
    rows: Rows | None = Field(
        default=None, description="Mappings by column, or lists of cells."
    )
    sheet: SheetName = Field(default="Sheet1", description="The name of the sheet.")
    columns: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_COLUMNS,
        description="Which columns in which order; else as they appear in the rows.",
    )
    sheets: list[SheetContent] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Several sheets, instead of `rows`, `sheet` and `columns`.",
    )
    types: dict[str, CellType] = Field(
        default_factory=dict,
        max_length=MAX_COLUMNS,
        description="What cells become by column: `date` and `datetime` make dates of "
        "ISO texts, `number` numbers of texts, `text` texts of numbers.",
    )
    delimiter: Delimiter = Field(
        default="auto", description="In separated text; `auto`: tab in .tsv, else `,`."
    )
    encoding: Encoding = Field(
        default="utf-8",
        description="Of separated text; with utf-8-sig Excel knows it by itself.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.rows is None) == (self.sheets is None):
            raise ValueError("give either `rows` or `sheets`")
        if self.sheets is not None:
            names = {one.name.casefold() for one in self.sheets}
            if len(names) < len(self.sheets):
                raise ValueError("two sheets have the same name")
            if separated.is_separated(self.path):
                raise ValueError("separated text has no sheets: write an .xlsx file")
        return self


@register("write_excel")
class WriteExcel(StepType[WriteExcelParams]):
    """Write rows to a new .xlsx workbook, or to a .csv, .tsv or .txt file.

    The first row has the names of the columns. Texts are always texts, never
    formulas: in separated text, those that a spreadsheet program would run get an
    apostrophe in front. Lists and mappings are written as JSON. The output is
    `{path, bytes, sha256, rows}`.

    Example:
        - type: write_excel
          params:
            path: out/orders.xlsx
            rows: "{{ steps.orders.output.rows }}"
            types: {ordered: date}
    """

    params_class = WriteExcelParams
    effect = Effect.WRITE
    keyed = True

    def summary(self, params: WriteExcelParams) -> str:
        return f"write {_count(params)} rows to {params.path}"

    def run(self, params: WriteExcelParams, ctx: StepContext) -> Json:
        sheets = _sheets(params)
        names = list(dict.fromkeys(chain(*(sheet.columns for sheet in sheets))))
        check_types(params.types, names)
        if separated.is_separated(params.path):
            size, digest = _write_text(params, sheets[0], ctx)
            kept = {"path": params.path, "bytes": size, "sha256": digest}
        else:
            with writing.workbook(sheets, params.types) as file:
                kept = keep(ctx, params.path, file)
        return kept | {"rows": _count(params)}


def _sheets(params: WriteExcelParams) -> list[Sheet]:
    if params.sheets is None:
        return [writing.sheet(params.sheet, params.columns, params.rows or [])]
    return [writing.sheet(one.name, one.columns, one.rows) for one in params.sheets]


def _write_text(
    params: WriteExcelParams, sheet: Sheet, ctx: StepContext
) -> tuple[int, str]:
    rows = writing.converted(sheet, params.types)
    sign = delimiter_for(params.path, params.delimiter)
    head = [list(sheet.columns)] if sheet.columns else []
    digest = Digest()
    pieces = separated.lines(chain(head, rows), sign, params.encoding)
    size = ctx.files.write_stream(params.path, digest.over(pieces))
    return size, digest.sha256


def _count(params: WriteExcelParams) -> int:
    if params.sheets is None:
        return len(params.rows or [])
    return sum(len(one.rows) for one in params.sheets)
