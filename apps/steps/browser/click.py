"""Step type `click`: click an element of the open page."""

import time
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.mouse_button import MouseButton

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.browser.failures import PageChanged, first_line
from apps.steps.browser.keys import MODIFIERS
from apps.steps.browser.page import note_fallback, on_page
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.target import TargetParam, target_field
from apps.steps.context import StepContext
from apps.steps.registry import register

Modifier = Literal["Control", "Shift", "Alt", "Meta"]


class ClickParams(Params):
    """What to click, how, and how long to wait until that can be done.

    Attributes:
        button: of the mouse; `double` is two quick clicks of the left one.
        modifiers: keys that are held down meanwhile.
        force: click even what is hidden, disabled, moving or covered; the page's
            script gets the click, not the mouse.
    """

    target: TargetParam = target_field()
    button: Literal["left", "right", "middle", "double"] = "left"
    modifiers: Annotated[tuple[Modifier, ...], Field(max_length=4)] = ()
    force: bool = False
    timeout: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _force_is_plain(self) -> Self:
        if self.force and not self.is_plain:
            raise ValueError("force goes with the left button alone")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether it is the usual click."""
        return self.button == "left" and not self.modifiers


@register("click")
class Click(StepType[ClickParams]):
    """Click an element, once it is visible, enabled, at rest and not covered.

    Example:
        - type: click
          params: {target: "role=button[name='Save']"}
    """

    params_class = ClickParams
    # Most forms are sent this way.
    effect = Effect.WRITE
    needs_browser = True

    def summary(self, params: ClickParams) -> str:
        """Names the element."""
        how = "" if params.button == "left" else f" ({params.button})"
        return f"click {params.target}{how}"

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
    if params.force:
        return browser.wait_for(params.target, seconds, "acting.press")
    look = ("rpa.find", "actionable") if params.is_plain else ("acting.reach",)
    deadline = time.monotonic() + seconds
    obstacle = "it went away"

    def attempt() -> JsonObject | None:
        nonlocal obstacle
        left = max(0.05, deadline - time.monotonic())
        found = browser.wait_for(params.target, left, *look)
        try:
            with browser.commanding(*_IN_THE_WAY):
                _press(browser, params, found["element"])
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


def _press(browser: BrowserSession, params: ClickParams, element: Json) -> None:
    if params.is_plain:
        element.click()
        return
    chain = ActionChains(browser.driver, duration=0).move_to_element(element)
    keys = [MODIFIERS[name.lower()] for name in params.modifiers]
    for key in keys:
        chain.key_down(key)
    if params.button == "right":
        chain.context_click()
    elif params.button == "middle":
        mouse: Any = chain.w3c_actions.pointer_action
        mouse.pointer_down(button=MouseButton.MIDDLE)
        mouse.pointer_up(button=MouseButton.MIDDLE)
    elif params.button == "double":
        chain.double_click()
    else:
        chain.click()
    for key in reversed(keys):
        chain.key_up(key)
    chain.perform()
