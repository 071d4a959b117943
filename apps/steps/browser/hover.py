"""Step type `hover`: move the mouse onto an element."""

from datetime import timedelta

from selenium.webdriver.common.action_chains import ActionChains

from apps.core.types import Json
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.mouse import Position, for_page, require_inside
from apps.steps.browser.page import on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register


class HoverParams(Params):
    """On what, and how long to wait for it.

    Attributes:
        position: where in the element, from its left upper corner; else its middle.
        force: also what is moving or covered.
    """

    target: TargetParam = target_field()
    position: Position | None = None
    force: bool = False
    timeout: Duration = timedelta(seconds=10)


@register("hover")
class Hover(StepType[HoverParams]):
    """Move the mouse onto an element, once it is visible, at rest and not covered.

    The mouse stays there, so menus that open this way can be clicked next.

    Example:
        - type: hover
          params: {target: "text=Reports"}
    """

    params_class = HoverParams
    effect = Effect.PAGE
    needs_browser = True

    def summary(self, params: HoverParams) -> str:
        """Names the element."""
        return f"move the mouse onto {params.target}"

    def run(self, params: HoverParams, ctx: StepContext) -> Json:
        """Wait for the element and move onto its middle."""
        with on_page(ctx) as browser:
            browser.steadily(lambda: _hover(browser, params))
        return None


def _hover(browser: BrowserSession, params: HoverParams) -> None:
    timeout = params.timeout.total_seconds()
    look = ("reaching.place",) if params.force else ("reaching.reach", "still")
    found = browser.wait_for(params.target, timeout, *look, for_page(params.position))
    require_inside(params.target, found)
    with browser.commanding() as driver:
        chain = ActionChains(driver, duration=0)
        chain.move_to_element_with_offset(found["element"], *found["offset"]).perform()
