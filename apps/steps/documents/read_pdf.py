"""Step type `read_pdf`: what a PDF document says."""

from pydantic import Field, SecretStr

from apps.core.types import Json, JsonObject
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.documents.common import (
    MEMORY_BYTES,
    SECONDS,
    Pages,
    password_field,
    revealed,
    warn_all,
)
from apps.steps.files.content import FilePath, path_field
from apps.steps.pdf.reading import TextMode, read_document
from apps.steps.registry import register


class ReadPdfParams(Params):
    """Which pages of which file, and what of them."""

    path: FilePath = path_field()
    pages: Pages | None = Field(
        default=None, description="Such as `1-3, 5, 8-`; without it all."
    )
    text: TextMode = Field(
        default="plain",
        description="`layout` keeps words where they stand on the page.",
    )
    tables: bool = Field(
        default=False, description="Look for tables; takes longer than text."
    )
    max_pages: int = Field(
        default=200, ge=1, le=2_000, description="The most pages that are read."
    )
    password: SecretStr | None = password_field()


@register("read_pdf")
class ReadPdf(StepType[ReadPdfParams]):
    """Read the text, tables, metadata and form fields of a PDF file.

    The output is `{text, pages, page_count, metadata, fields, truncated}`. `text` is
    that of all pages read, with a blank line between two of them; each of `pages` is
    `{number, text, tables}`, a table being a list of rows of cells. `metadata` has
    `title`, `author`, `subject`, `keywords`, `creator`, `producer`, `created` and
    `modified`, null where the document does not say. A scan has pictures and no text;
    see `ocr`.

    Example:
        - id: invoice
          type: read_pdf
          params: {path: in/invoice.pdf, pages: "1-2", tables: true}
    """

    params_class = ReadPdfParams
    effect = Effect.READ

    def summary(self, params: ReadPdfParams) -> str:
        return f"read {params.path}"

    def run(self, params: ReadPdfParams, ctx: StepContext) -> Json:
        with ctx.files.local_copy(params.path) as copy:
            found: JsonObject = ctx.bounded(
                read_document,
                str(copy),
                params.pages,
                revealed(params.password),
                params.text,
                params.tables,
                params.max_pages,
                memory_bytes=MEMORY_BYTES,
                seconds=SECONDS,
            )
        texts = [page.get("text", "") for page in found["pages"]]
        return {"text": "\n\n".join(texts), **warn_all(ctx, found)}
