"""Step type `generate_report`: data in a template, as PDF or HTML."""

import io
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from apps.core.types import Json
from apps.steps.base import Effect, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.printing import print_html
from apps.steps.context import StepContext
from apps.steps.documents.printed import PrintParams
from apps.steps.files.content import FilePath, keep, path_field
from apps.steps.registry import register
from apps.steps.reports.rendering import MAX_TEMPLATE, render

_SECONDS = 20.0
_MEMORY_BYTES = 256 * 1024 * 1024
_HTML = (".html", ".htm")


def _report(path: str) -> str:
    if not path.lower().endswith((".pdf", *_HTML)):
        raise ValueError("must end in .pdf or .html")
    return path


class GenerateReportParams(PrintParams):
    """Which data go into which template."""

    path: Annotated[FilePath, AfterValidator(_report)] = path_field()
    title: str = Field(
        default="Report", max_length=500, description="The title of the document."
    )
    data: dict[str, Json] = Field(
        max_length=1_000, description="What the template shows, by name."
    )
    template: FilePath | None = Field(
        default=None,
        description="File of the workspace with HTML and Jinja2 in it; without it, "
        "each of `data` becomes a section: lists of rows tables, all else text.",
    )


@register("generate_report")
class GenerateReport(StepType[GenerateReportParams]):
    """Fill a template with data and keep the report as a PDF or HTML file.

    A template knows `title`, `data`, and each name of `data`. All values are escaped,
    always; it can neither switch that off nor read other files, and a name that is
    not there fails the step. `{{ total | number(2, ".", ",") }}` writes a number as
    people do. The output is `{path, bytes, sha256}`.

    Example:
        - type: generate_report
          params:
            title: Orders of May
            template: templates/orders.html
            data: {orders: "{{ steps.orders.output.rows }}"}
            path: out/orders.pdf
    """

    params_class = GenerateReportParams
    effect = Effect.WRITE
    keyed = True
    needs_browser = True

    def uses_browser(self, given: Mapping[str, Json]) -> bool:
        path = given.get("path")
        return not (isinstance(path, str) and path.lower().endswith(_HTML))

    def summary(self, params: GenerateReportParams) -> str:
        return f"make the report {params.title[:100]!r} as {params.path}"

    def run(self, params: GenerateReportParams, ctx: StepContext) -> Json:
        template = None
        if params.template is not None:
            template = ctx.files.read_text(params.template, max_bytes=MAX_TEMPLATE)
        names = {**params.data, "title": params.title, "data": params.data}
        html: str = ctx.bounded(
            render, template, names, memory_bytes=_MEMORY_BYTES, seconds=_SECONDS
        )
        if params.path.lower().endswith(_HTML):
            content = html.encode("utf-8", "replace")
            return keep(ctx, params.path, io.BytesIO(content))
        with on_page(ctx) as browser:
            seconds = browser.within_step(params.timeout.total_seconds())
            content = print_html(browser, html, params.options, seconds)
        return keep(ctx, params.path, io.BytesIO(content))
