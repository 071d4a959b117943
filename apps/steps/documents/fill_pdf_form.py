"""Step type `fill_pdf_form`: a PDF form with values in it."""

from pydantic import Field, SecretStr

from apps.core.types import Json, JsonObject
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.documents.common import (
    MEMORY_BYTES,
    SECONDS,
    PdfPath,
    password_field,
    revealed,
    warn_all,
)
from apps.steps.files.content import FilePath, keep, path_field
from apps.steps.pdf.filling import fill_form
from apps.steps.registry import register


class FillPdfFormParams(Params):
    """Which form, and what goes into it."""

    form: FilePath = Field(description="The form, a PDF file in the workspace.")
    fields: dict[str, Json] = Field(
        max_length=2_000,
        description="Values by name of the field: texts, numbers, true and false for "
        "boxes, names of choices. `read_pdf` lists the names.",
    )
    path: PdfPath = path_field()
    flatten: bool = Field(
        default=False,
        description="Make the values a part of the page, so nobody can change them.",
    )
    password: SecretStr | None = password_field()


@register("fill_pdf_form")
class FillPdfForm(StepType[FillPdfFormParams]):
    """Fill a PDF form and keep it as a new file.

    A field that the form does not have, a choice that it does not offer and a text
    that is too long fail the step; fields that are not named stay as they are. The
    output is `{path, bytes, sha256, filled}`.

    Example:
        - type: fill_pdf_form
          params:
            form: forms/order.pdf
            fields: {name: "{{ inputs.customer }}", express: true}
            path: out/order.pdf
    """

    params_class = FillPdfFormParams
    effect = Effect.WRITE
    keyed = True

    def summary(self, params: FillPdfFormParams) -> str:
        return f"fill {len(params.fields)} fields of {params.form} into {params.path}"

    def run(self, params: FillPdfFormParams, ctx: StepContext) -> Json:
        with ctx.files.local_copy(params.form) as copy:
            result = copy.with_name("result")
            facts: JsonObject = ctx.bounded(
                fill_form,
                str(copy),
                str(result),
                params.fields,
                params.flatten,
                revealed(params.password),
                memory_bytes=MEMORY_BYTES,
                seconds=SECONDS,
                answer_bytes=ctx.files.max_bytes,
            )
            with result.open("rb") as file:
                return keep(ctx, params.path, file) | warn_all(ctx, facts)
