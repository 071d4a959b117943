"""Step type `reload`: open the page anew."""

from apps.core.types import Json
from apps.steps.base import Effect, StepType
from apps.steps.browser.history import HistoryParams, arrived
from apps.steps.browser.page import on_page
from apps.steps.context import StepContext
from apps.steps.registry import register


class ReloadParams(HistoryParams):
    """How long the page may take."""


@register("reload")
class Reload(StepType[ReloadParams]):
    """Open the page anew, past the browser's cache.

    The answer to a sent form is asked for by its address alone: nothing is sent
    twice. Gives `{url, title, status}` of the page.

    Example:
        - type: reload
          params: {timeout: 10s}
    """

    params_class = ReloadParams
    effect = Effect.READ
    needs_browser = True

    def run(self, params: ReloadParams, ctx: StepContext) -> Json:
        """Reload and wait until the page is loaded."""
        seconds = params.timeout.total_seconds()
        with on_page(ctx) as browser:
            state = browser.state()
            if not browser.loan.dialect.reload(browser):
                return browser.goto(state["url"], timeout=seconds)
            browser.frame = ()
            # The address stays, so only another document shows that it is done.
            return arrived(browser, "", state["since"], seconds)
