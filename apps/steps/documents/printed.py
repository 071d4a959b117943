"""What the steps that print to PDF have in common."""

from datetime import timedelta

from pydantic import Field

from apps.steps.base import Duration, Params
from apps.steps.browser.paper import Paper, PrintOptions

MAX_EDGE = 10_000


class PrintParams(Params):
    """How the paper looks."""

    paper: Paper = Field(default="A4", description="The size of the paper.")
    landscape: bool = Field(default=False, description="Turn the paper.")
    margin_mm: float = Field(
        default=15.0, ge=0, le=100, description="Margin on each side."
    )
    scale: float = Field(
        default=1.0, ge=0.1, le=2, description="Print larger or smaller."
    )
    background: bool = Field(
        default=True, description="Print colours and pictures behind the text."
    )
    page_header: str | None = Field(
        default=None,
        max_length=MAX_EDGE,
        description="HTML at the top of each page. Give a `font-size`; elements of the "
        "class `pageNumber`, `totalPages`, `title` or `date` are filled in.",
    )
    page_footer: str | None = Field(
        default=None, max_length=MAX_EDGE, description="The same at the bottom."
    )
    timeout: Duration = Field(
        default=timedelta(seconds=30), description="For loading what is printed."
    )

    @property
    def options(self) -> PrintOptions:
        """The same for the browser."""
        return PrintOptions(
            self.paper,
            self.landscape,
            self.margin_mm,
            self.scale,
            self.background,
            self.page_header,
            self.page_footer,
        )
