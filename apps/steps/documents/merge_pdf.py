"""Step type `merge_pdf`: pages of several PDF files as one."""

import contextlib
import tempfile
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.documents.common import (
    MEMORY_BYTES,
    SECONDS,
    Pages,
    PdfPath,
    password_field,
    revealed,
)
from apps.steps.files.content import FilePath, keep, path_field
from apps.steps.pdf.joining import join_pdfs
from apps.steps.registry import register

MAX_FILES = 100
# They are all copied to this machine's disk first.
MAX_BYTES = 512 * 1024 * 1024


class PdfPart(Params):
    """A file, and which pages of it.

    Attributes:
        path: file in the workspace.
    """

    path: FilePath
    pages: Pages | None = Field(
        default=None, description="Such as `1-3, 5, 8-`; without it all."
    )
    password: SecretStr | None = password_field()


def _as_part(given: Any) -> Any:
    return {"path": given} if isinstance(given, str) else given


class MergePdfParams(Params):
    """Which pages of which files become one."""

    files: list[Annotated[PdfPart, BeforeValidator(_as_part)]] = Field(
        min_length=1,
        max_length=MAX_FILES,
        description="Files in their order; a path stands for all of its pages.",
    )
    path: PdfPath = path_field()


@register("merge_pdf")
class MergePdf(StepType[MergePdfParams]):
    """Put pages of PDF files into a new one; with one file, take pages out of it.

    The result has no password. The output is `{path, bytes, sha256, pages}`.

    Example:
        - type: merge_pdf
          params:
            files: [out/cover.pdf, {path: in/report.pdf, pages: "2-"}]
            path: out/all.pdf
    """

    params_class = MergePdfParams
    effect = Effect.WRITE
    keyed = True

    def summary(self, params: MergePdfParams) -> str:
        return f"put pages of {len(params.files)} files into {params.path}"

    def run(self, params: MergePdfParams, ctx: StepContext) -> Json:
        _check_size(params, ctx)
        with contextlib.ExitStack() as stack:
            sources = [
                (
                    str(stack.enter_context(ctx.files.local_copy(part.path))),
                    part.path,
                    part.pages,
                    revealed(part.password),
                )
                for part in params.files
            ]
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rpa-pdf-"))
            result = Path(folder, "result.pdf")
            facts: JsonObject = ctx.bounded(
                join_pdfs,
                sources,
                str(result),
                memory_bytes=MEMORY_BYTES,
                seconds=SECONDS,
                answer_bytes=ctx.files.max_bytes,
            )
            with result.open("rb") as file:
                return keep(ctx, params.path, file) | facts


def _check_size(params: MergePdfParams, ctx: StepContext) -> None:
    size = sum(ctx.files.stat(part.path)["bytes"] for part in params.files)
    if size > MAX_BYTES:
        raise PermanentFailure(
            f"The files have more than {MAX_BYTES // 1024**2} MiB in all.",
            code="too_large",
        )
