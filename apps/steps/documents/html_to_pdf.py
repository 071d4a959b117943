"""Step type `html_to_pdf`: a web page or HTML as a PDF file."""

import io
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from apps.core.errors import PermanentFailure
from apps.core.types import Json
from apps.steps.base import Effect, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.printing import (
    MAX_HTML,
    print_html,
    print_open_page,
    print_url,
)
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.urls import MAX_URL, checked_url, shown_url
from apps.steps.context import StepContext
from apps.steps.documents.common import PdfPath
from apps.steps.documents.printed import PrintParams
from apps.steps.files.content import FilePath, keep, path_field
from apps.steps.registry import register


def _url(text: str) -> str:
    try:
        return checked_url(text)
    except PermanentFailure as error:
        raise ValueError(str(error)) from error


class HtmlToPdfParams(PrintParams):
    """What is printed into which file."""

    path: PdfPath = path_field()
    html: str | None = Field(
        default=None, max_length=MAX_HTML, description="HTML that is printed; or"
    )
    source: FilePath | None = Field(
        default=None, description="a file of the workspace with HTML in UTF-8; or"
    )
    url: Annotated[str, AfterValidator(_url)] | None = Field(
        default=None,
        max_length=MAX_URL,
        description="an address. Without any of these the open page is printed.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [self.html, self.source, self.url]
        if sum(one is not None for one in given) > 1:
            raise ValueError("give one of `html`, `source` and `url`, or none")
        return self


@register("html_to_pdf")
class HtmlToPdf(StepType[HtmlToPdfParams]):
    """Print HTML, a web page or the page that is open to a PDF file.

    Scripts in HTML of one's own do not run, and what it refers to comes by http and
    https only; the page that is open stays as it is. The output is
    `{path, bytes, sha256}`.

    Example:
        - type: html_to_pdf
          params: {url: "https://example.com/invoice/17", path: out/invoice.pdf}
    """

    params_class = HtmlToPdfParams
    effect = Effect.WRITE
    keyed = True
    needs_browser = True

    def summary(self, params: HtmlToPdfParams) -> str:
        what = params.source or "the open page"
        if params.url is not None:
            what = shown_url(params.url)
        elif params.html is not None:
            what = "HTML"
        return f"print {what} to {params.path}"

    def run(self, params: HtmlToPdfParams, ctx: StepContext) -> Json:
        html = params.html
        if params.source is not None:
            html = ctx.files.read_text(params.source, max_bytes=MAX_HTML)
        with on_page(ctx) as browser:
            content = _printed(params, html, browser)
        return keep(ctx, params.path, io.BytesIO(content))


def _printed(
    params: HtmlToPdfParams, html: str | None, browser: BrowserSession
) -> bytes:
    seconds = browser.within_step(params.timeout.total_seconds())
    if params.url is not None:
        return print_url(browser, params.url, params.options, seconds)
    if html is not None:
        return print_html(browser, html, params.options, seconds)
    return print_open_page(browser, params.options)
