"""Step type `save_pdf`: keep the open page as a PDF file."""

import io

from apps.core.types import Json
from apps.steps.base import Effect, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.printing import print_open_page
from apps.steps.context import StepContext
from apps.steps.documents.common import PdfPath
from apps.steps.documents.printed import PrintParams
from apps.steps.files.content import keep, path_field
from apps.steps.registry import register


class SavePdfParams(PrintParams):
    """Where to keep it, and how the paper looks."""

    path: PdfPath = path_field()


@register("save_pdf")
class SavePdf(StepType[SavePdfParams]):
    """Print the open page to a PDF file, as its own print styles have it.

    All of the page is printed, whatever part is in view. The step `html_to_pdf` prints
    pages that are not open. Gives `{path, bytes, sha256}`.

    Example:
        - type: save_pdf
          params: {path: out/confirmation.pdf, paper: A4, landscape: true}
    """

    params_class = SavePdfParams
    effect = Effect.WRITE
    keyed = True
    needs_browser = True

    def summary(self, params: SavePdfParams) -> str:
        """Names the file."""
        return f"print the open page to {params.path}"

    def run(self, params: SavePdfParams, ctx: StepContext) -> Json:
        """Print it and keep it in the workspace."""
        with (
            on_page(ctx) as browser,
            browser.limited_to(browser.within_step(params.timeout.total_seconds())),
        ):
            content = print_open_page(browser, params.options)
        return keep(ctx, params.path, io.BytesIO(content))
