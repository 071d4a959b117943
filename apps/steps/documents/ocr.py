"""Step type `ocr`: the text in a picture or a scan."""

import tempfile
from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from apps.core.types import Json, JsonObject
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.documents.common import (
    MEMORY_BYTES,
    SECONDS,
    Pages,
    password_field,
    revealed,
)
from apps.steps.files.content import FilePath, path_field
from apps.steps.http.outgoing import bounded_timeout
from apps.steps.pdf.pictures import draw_pages
from apps.steps.pdf.recognition import find_program, recognize
from apps.steps.registry import register

_PAGE_LIMIT = timedelta(seconds=60)

Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}(_[A-Za-z]{1,8})*$")]


class OcrParams(Params):
    """Which pages of which file, and in which languages."""

    path: FilePath = path_field()
    languages: list[Language] = Field(
        default=["eng"],
        min_length=1,
        max_length=5,
        description="Tesseract's names, such as `eng` or `deu`; each is installed "
        "apart.",
    )
    pages: Pages | None = Field(
        default=None, description="Such as `1-3, 5, 8-`; without it all."
    )
    max_pages: int = Field(
        default=20, ge=1, le=200, description="The most pages that are read."
    )
    dpi: int = Field(
        default=300, ge=72, le=600, description="How fine pages of a PDF are drawn."
    )
    layout: Annotated[int, Field(ge=1, le=13)] = Field(
        default=3,
        description="Tesseract's page segmentation mode: 3 finds columns, 6 takes one "
        "block of text, 7 one line, 11 scattered words.",
    )
    password: SecretStr | None = password_field()


@register("ocr")
class Ocr(StepType[OcrParams]):
    """Read the text in a picture or a scanned PDF with Tesseract.

    Takes PDF, PNG, JPEG, TIFF, BMP, GIF and WebP files of up to 40 million pixels a
    page. An operator must have installed Tesseract on the workers. The output is
    `{text, pages, page_count, truncated}`; each of `pages` is
    `{number, text, confidence}`, the confidence from 0 to 100. A PDF that is no scan
    is read faster and without mistakes by `read_pdf`.

    Example:
        - id: receipt
          type: ocr
          params: {path: in/receipt.jpg, languages: [deu, eng]}
    """

    params_class = OcrParams
    effect = Effect.READ

    def summary(self, params: OcrParams) -> str:
        return f"read the text in {params.path}"

    def run(self, params: OcrParams, ctx: StepContext) -> Json:
        program = find_program()
        with (
            ctx.files.local_copy(params.path) as copy,
            tempfile.TemporaryDirectory(prefix="rpa-ocr-") as folder,
        ):
            drawn: JsonObject = ctx.bounded(
                draw_pages,
                str(copy),
                folder,
                params.pages,
                revealed(params.password),
                params.dpi,
                params.max_pages,
                memory_bytes=MEMORY_BYTES,
                seconds=SECONDS,
            )
            pages = [_read(program, file, params, ctx) for file in drawn["files"]]
        if drawn["truncated"]:
            ctx.warn(f"Only {params.max_pages} pages were read.")
        return {
            "text": "\n\n".join(page["text"] for page in pages),
            "pages": pages,
            "page_count": drawn["page_count"],
            "truncated": drawn["truncated"],
        }


def _read(
    program: str, file: JsonObject, params: OcrParams, ctx: StepContext
) -> JsonObject:
    seconds = bounded_timeout(ctx, _PAGE_LIMIT)
    found = recognize(program, file["file"], params.languages, params.layout, seconds)
    return {"number": file["number"], **found}
