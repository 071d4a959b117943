"""Step type `close_tab`: close the tab that steps work in."""

from apps.core.types import Json
from apps.steps.base import Effect, Params, StepType
from apps.steps.browser.page import on_page
from apps.steps.browser.tabs import current_tab, enter_tab, open_tabs
from apps.steps.context import StepContext
from apps.steps.registry import register


class CloseTabParams(Params):
    """Nothing to choose: it is the tab that `switch_tab` went to."""


@register("close_tab")
class CloseTab(StepType[CloseTabParams]):
    """Close the open tab and go on in the one opened before it.

    The last tab is not closed but emptied. Gives `{url, title, index, count}` of the
    tab that is open then. A tab that its page has closed by itself is left the same
    way.

    Example:
        - type: close_tab
    """

    params_class = CloseTabParams
    # What it did is in the browser's checkpoint: it is not done again.
    effect = Effect.READ
    needs_browser = True

    def run(self, params: CloseTabParams, ctx: StepContext) -> Json:
        """Enter the tab before it, then close it."""
        with on_page(ctx) as browser:
            here = current_tab(browser)
            tabs = open_tabs(browser)
            at = tabs.index(here) if here in tabs else len(tabs)
            if here is None or at >= len(tabs):
                return enter_tab(browser, tabs[-1])
            if len(tabs) == 1:
                browser.open_new_tab()
                return {"url": "about:blank", "title": "", "index": 0, "count": 1}
            after = tabs[at - 1] if at else tabs[1]
            browser.close_tab(here)
            browser.poll(lambda: here not in open_tabs(browser) or None, 5)
            return enter_tab(browser, after)
