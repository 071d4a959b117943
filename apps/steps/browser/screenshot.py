"""Step type `screenshot`: keep a picture of the open page."""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Annotated

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import Target, TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register

_MASK_S = 5.0


class ScreenshotParams(Params):
    """What the picture shows.

    Attributes:
        full_page: all of the page, not only what is in view.
        target: one element instead of the page.
        mask: elements that are drawn over, all that each one finds.
        name: of the picture's file, without a folder.
    """

    full_page: bool = False
    target: TargetParam | None = target_field(default=None)
    mask: Annotated[tuple[TargetParam, ...], Field(max_length=50)] = ()
    name: Annotated[str, Field(pattern=r"^[\w][\w .-]{0,99}$")] = "screenshot.png"


@register("screenshot")
class Screenshot(StepType[ScreenshotParams]):
    """Take a picture of the page or of one element and keep it.

    Gives `{artifact, name, content_type, bytes}`.

    Example:
        - type: screenshot
          params: {full_page: true, mask: [.account-number], name: invoice.png}
    """

    params_class = ScreenshotParams
    effect = Effect.READ
    needs_browser = True

    def run(self, params: ScreenshotParams, ctx: StepContext) -> Json:
        """Take the picture and keep it as an artifact of the execution."""
        with on_page(ctx) as browser, _masked(browser, params.mask):
            picture = browser.screenshot(params.full_page, params.target)
        name = params.name if params.name.endswith(".png") else f"{params.name}.png"
        return ctx.artifacts.save(name, picture, "image/png")


@contextlib.contextmanager
def _masked(browser: BrowserSession, mask: tuple[Target, ...]) -> Iterator[None]:
    """Draws over elements for the length of a block.

    Raises:
        PermanentFailure: `element_not_found`, one of them is not there. A picture
            that shows what was to be hidden is worse than none.
    """
    try:
        for target in mask:
            browser.wait_for(target, _MASK_S, "reaching.mask")
        yield
    finally:
        for target in mask:
            browser.steadily(partial(browser.run, target, "reaching.unmask"))
