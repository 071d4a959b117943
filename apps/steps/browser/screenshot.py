"""Step type `screenshot`: keep a picture of the open page."""

from typing import Annotated

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register


class ScreenshotParams(Params):
    """What the picture shows.

    Attributes:
        full_page: all of the page, not only what is in view.
        target: one element instead of the page.
        name: of the picture's file, without a folder.
    """

    full_page: bool = False
    target: TargetParam | None = target_field(default=None)
    name: Annotated[str, Field(pattern=r"^[\w][\w .-]{0,99}$")] = "screenshot.png"


@register("screenshot")
class Screenshot(StepType[ScreenshotParams]):
    """Take a picture of the page or of one element and keep it.

    Gives `{artifact, name, content_type, bytes}`.
    """

    params_class = ScreenshotParams
    effect = Effect.READ
    needs_browser = True

    def run(self, params: ScreenshotParams, ctx: StepContext) -> Json:
        """Take the picture and keep it as an artifact of the execution."""
        with on_page(ctx) as browser:
            picture = browser.screenshot(params.full_page, params.target)
        name = params.name if params.name.endswith(".png") else f"{params.name}.png"
        return ctx.artifacts.save(name, picture, "image/png")
