"""Step type `get_attribute`: read one attribute of an element."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register


class GetAttributeParams(Params):
    """Which attribute of which element.

    Attributes:
        attribute: its name, such as `href`; also `text`, `html` and `checked`.
    """

    target: TargetParam = target_field()
    attribute: Annotated[str, Field(min_length=1, max_length=200)]
    timeout: Duration = timedelta(seconds=10)


@register("get_attribute")
class GetAttribute(StepType[GetAttributeParams]):
    """Read an attribute of an element; the value of a password is never read.

    Gives `{value}`; null when the element has no such attribute.

    Example:
        - type: get_attribute
          params: {target: "text=Download", attribute: href}
    """

    params_class = GetAttributeParams
    effect = Effect.READ
    needs_browser = True

    def summary(self, params: GetAttributeParams) -> str:
        """Names both."""
        return f"read {params.attribute} of {params.target}"

    def run(self, params: GetAttributeParams, ctx: StepContext) -> Json:
        """Wait for the element and read."""
        with on_page(ctx) as browser:
            seconds = params.timeout.total_seconds()
            found = browser.wait_for(
                params.target, seconds, "reading.attribute", params.attribute
            )
        return {"value": found["value"]}
