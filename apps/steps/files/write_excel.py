"""Step type `write_excel`: rows as a workbook."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.files.content import Digest, FilePath, path_field
from apps.steps.registry import register
from apps.steps.sheets.writing import MAX_COLUMNS, workbook

_PIECE_BYTES = 256 * 1024
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f]")


def _sheet(name: str) -> str:
    if _NOT_IN_NAMES.search(name) or name[0] == "'" or name[-1] == "'":
        raise ValueError("must not hold any of [ ] : * ? / \\, nor be in quotes")
    return name


def _xlsx(path: str) -> str:
    if not path.lower().endswith(".xlsx"):
        raise ValueError("must end in .xlsx")
    return path


class WriteExcelParams(Params):
    """What goes into which file."""

    path: Annotated[FilePath, AfterValidator(_xlsx)] = path_field()
    rows: list[dict[str, Json] | list[Json]] = Field(
        max_length=200_000, description="Mappings by column, or lists of cells."
    )
    sheet: Annotated[
        str, StringConstraints(min_length=1, max_length=31), AfterValidator(_sheet)
    ] = Field(default="Sheet1", description="The name of the sheet.")
    columns: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_COLUMNS,
        description="Which columns in which order; else as they appear in the rows.",
    )


@register("write_excel")
class WriteExcel(StepType[WriteExcelParams]):
    """Write rows to a new .xlsx workbook with one sheet.

    The first row has the names of the columns. Texts are always texts, never
    formulas; lists and mappings are written as JSON. The output is
    `{path, bytes, sha256, rows}`.

    Example:
        - type: write_excel
          params: {path: out/orders.xlsx, rows: "{{ steps.orders.output.rows }}"}
    """

    params_class = WriteExcelParams
    effect = Effect.WRITE
    keyed = True

    def summary(self, params: WriteExcelParams) -> str:
        return f"write {len(params.rows)} rows to {params.path}"

    def run(self, params: WriteExcelParams, ctx: StepContext) -> Json:
        digest = Digest()
        with workbook(params.sheet, params.columns, params.rows) as file:
            pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
            size = ctx.files.write_stream(params.path, digest.over(pieces))
        return {
            "path": params.path,
            "bytes": size,
            "sha256": digest.sha256,
            "rows": len(params.rows),
        }
