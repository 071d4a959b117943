"""Step type `check`: tick a checkbox."""

from apps.core.types import Json
from apps.steps.base import Effect, StepType
from apps.steps.browser.ticking import TickParams, tick
from apps.steps.context import StepContext
from apps.steps.registry import register


class CheckParams(TickParams):
    """Which box."""


@register("check")
class Check(StepType[CheckParams]):
    """Tick a checkbox; one that is checked already stays so.

    Radio buttons too. A switch made of other elements (`role=switch`) will do, and so
    will a label. Gives `{changed}`.

    Example:
        - type: check
          params: {target: "label=I agree"}
    """

    params_class = CheckParams
    effect = Effect.PAGE
    needs_browser = True

    def summary(self, params: CheckParams) -> str:
        """Names the box."""
        return f"check {params.target}"

    def run(self, params: CheckParams, ctx: StepContext) -> Json:
        """Click it where that is needed."""
        return tick(ctx, params, True)
