"""Step type `append_excel`: more rows for a workbook, or for separated text."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from pydantic import Field

from apps.core.types import Json, JsonObject
from apps.steps.base import Effect, OnCrash, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import (
    Digest,
    Encoding,
    keep,
    path_field,
    require_unchanged,
)
from apps.steps.files.tables import Delimiter, Rows, SheetName, TablePath, delimiter_for
from apps.steps.registry import register
from apps.steps.sheets import separated, writing
from apps.steps.sheets.appending import append_to_sheet, in_columns
from apps.steps.sheets.writing import MAX_COLUMNS

_SECONDS = 120.0
_PIECE_BYTES = 256 * 1024


class AppendExcelParams(Params):
    """Which rows go to the end of which file."""

    path: TablePath = path_field()
    rows: Rows = Field(description="Mappings by column, or lists of cells.")
    sheet: SheetName | int | None = Field(
        default=None, description="Name, or number from 1; without it the first."
    )
    header: bool = Field(
        default=True,
        description="Whether the first row names the columns; else: A, B, C.",
    )
    columns: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_COLUMNS,
        description="Which columns; else as they appear in the rows.",
    )
    create: bool = Field(
        default=True, description="Make the file when there is none; else it fails."
    )
    delimiter: Delimiter = Field(
        default="auto", description="In separated text; `auto`: as in the file."
    )
    encoding: Encoding = Field(default="utf-8", description="Of separated text.")


@register("append_excel")
class AppendExcel(StepType[AppendExcelParams]):
    """Add rows below the last one of an .xlsx workbook, or of separated text.

    Cells go to the columns by name; a name that the header does not have fails the
    step. New rows look as the last one, dates in ISO 8601 become dates where that
    column has dates, and charts, pictures and other sheets stay as they are. Texts
    never become formulas. The output is `{path, bytes, sha256, rows}`.

    When a worker dies in it, nobody knows whether the rows were added.

    Example:
        - type: append_excel
          params: {path: out/log.xlsx, rows: [{day: "2026-03-01", total: 12.5}]}
    """

    params_class = AppendExcelParams
    effect = Effect.WRITE
    on_crash = OnCrash.FAIL

    def summary(self, params: AppendExcelParams) -> str:
        return f"add {len(params.rows)} rows to {params.path}"

    def run(self, params: AppendExcelParams, ctx: StepContext) -> Json:
        is_text = separated.is_separated(params.path)
        if params.create and not ctx.files.exists(params.path):
            kept = (_new_text if is_text else _new_book)(params, ctx)
        elif is_text:
            kept = _longer_text(params, ctx)
        else:
            kept = _longer_book(params, ctx)
        return kept | {"rows": len(params.rows)}


def _longer_book(params: AppendExcelParams, ctx: StepContext) -> JsonObject:
    before = ctx.files.stat(params.path)
    with ctx.files.local_copy(params.path) as copy:
        result = copy.with_name("result")
        facts: JsonObject = ctx.bounded(
            append_to_sheet,
            str(copy),
            str(result),
            params.sheet,
            params.header,
            params.columns,
            params.rows,
            seconds=_SECONDS,
            answer_bytes=ctx.files.max_bytes,
        )
        for warning in facts["warnings"]:
            ctx.warn(warning)
        require_unchanged(ctx, params.path, before)
        with result.open("rb") as file:
            return keep(ctx, params.path, file)


def _new_book(params: AppendExcelParams, ctx: StepContext) -> JsonObject:
    title = params.sheet if isinstance(params.sheet, str) else "Sheet1"
    content = writing.sheet(title, params.columns, params.rows)
    if not params.header:
        rows = in_columns(params.rows, [], False, params.columns)
        content = writing.sheet(title, None, rows)
    with writing.workbook([content], {}) as file:
        require_unchanged(ctx, params.path, None)
        return keep(ctx, params.path, file)


def _new_text(params: AppendExcelParams, ctx: StepContext) -> JsonObject:
    rows = in_columns(params.rows, [], params.header, params.columns)
    sign = delimiter_for(params.path, params.delimiter)
    return _write(params, ctx, separated.lines(rows, sign, params.encoding))


def _longer_text(params: AppendExcelParams, ctx: StepContext) -> JsonObject:
    before = ctx.files.stat(params.path)
    with ctx.files.local_copy(params.path) as copy:
        facts: JsonObject = ctx.bounded(
            separated.end_of,
            str(copy),
            params.encoding,
            params.delimiter,
            params.header,
            seconds=_SECONDS,
        )
        rows = in_columns(params.rows, facts["columns"], params.header, params.columns)
        more = separated.lines(
            rows, facts["delimiter"], params.encoding, facts["line_end"], is_start=False
        )
        require_unchanged(ctx, params.path, before)
        pieces = chain(_pieces(copy), [facts["missing"]], more)
        return _write(params, ctx, pieces)


def _pieces(copy: Path) -> Iterator[bytes]:
    with copy.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _write(
    params: AppendExcelParams, ctx: StepContext, pieces: Iterator[bytes]
) -> JsonObject:
    digest = Digest()
    size = ctx.files.write_stream(params.path, digest.over(pieces))
    return {"path": params.path, "bytes": size, "sha256": digest.sha256}
