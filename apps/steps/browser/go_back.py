"""Step type `go_back`: open the page before this one in the tab's history."""

from apps.core.types import Json
from apps.steps.base import Effect, StepType
from apps.steps.browser.history import HistoryParams, move
from apps.steps.browser.page import on_page
from apps.steps.context import StepContext
from apps.steps.registry import register


class GoBackParams(HistoryParams):
    """How long the page may take."""


@register("go_back")
class GoBack(StepType[GoBackParams]):
    """Go back by one page, as with the browser's own button.

    Gives `{url, title, status}` of the page where that led.

    Example:
        - type: go_back
          params: {timeout: 10s}
    """

    params_class = GoBackParams
    effect = Effect.READ
    needs_browser = True

    def run(self, params: GoBackParams, ctx: StepContext) -> Json:
        """Go back and wait until the page is loaded."""
        with on_page(ctx) as browser:
            return move(browser, -1, params.timeout.total_seconds())
