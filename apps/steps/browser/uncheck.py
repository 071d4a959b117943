"""Step type `uncheck`: take the tick from a checkbox."""

from apps.core.types import Json
from apps.steps.base import Effect, StepType
from apps.steps.browser.ticking import TickParams, tick
from apps.steps.context import StepContext
from apps.steps.registry import register


class UncheckParams(TickParams):
    """Which box."""


@register("uncheck")
class Uncheck(StepType[UncheckParams]):
    """Take the tick from a checkbox; one that is unchecked already stays so.

    A switch made of other elements (`role=switch`) will do, and so
    will a label. Gives `{changed}`.

    Example:
        - type: uncheck
          params: {target: "label=I agree"}
    """

    params_class = UncheckParams
    effect = Effect.PAGE
    needs_browser = True

    def summary(self, params: UncheckParams) -> str:
        """Names the box."""
        return f"uncheck {params.target}"

    def run(self, params: UncheckParams, ctx: StepContext) -> Json:
        """Click it where that is needed."""
        return tick(ctx, params, False)
