"""Step type `click`: click an element of the open page."""

import time
from datetime import timedelta

from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.failures import PageChanged, first_line
from apps.steps.browser.page import note_fallback, on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register


class ClickParams(Params):
    """What to click, and how long to wait until that can be done."""

    target: TargetParam = target_field()
    timeout: Duration = timedelta(seconds=10)


@register("click")
class Click(StepType[ClickParams]):
    """Click an element, once it is visible, enabled, at rest and not covered."""

    params_class = ClickParams
    # Most forms are sent this way.
    effect = Effect.WRITE
    needs_browser = True

    def summary(self, params: ClickParams) -> str:
        """Names the element."""
        return f"click {params.target}"

    def run(self, params: ClickParams, ctx: StepContext) -> Json:
        """Wait for the element and click it once."""
        with on_page(ctx) as browser:
            found = click_once(browser, params)
        note_fallback(ctx, params.target, found)
        return None


# Nothing was clicked yet when the driver says one of these.
_IN_THE_WAY = (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)


def click_once(browser: BrowserSession, params: ClickParams) -> JsonObject:
    """Click as soon as nothing is in the way; gives what was found."""
    seconds = browser.within_step(params.timeout.total_seconds())
    deadline = time.monotonic() + seconds
    obstacle = "it went away"

    def attempt() -> JsonObject | None:
        nonlocal obstacle
        left = max(0.05, deadline - time.monotonic())
        found = browser.wait_for(params.target, left, "rpa.find", "actionable")
        try:
            with browser.commanding(*_IN_THE_WAY):
                found["element"].click()
        except _IN_THE_WAY as error:
            obstacle = first_line(error)
            return None
        except PageChanged as error:
            # The click may have done that, so it is not repeated.
            raise TemporaryFailure(error.message, code=error.code) from error
        return found

    found = browser.poll(attempt, seconds)
    if found is None:
        message = f"`{params.target}` could not be clicked: {obstacle}."
        raise PermanentFailure(message, code="element_not_ready")
    return found
